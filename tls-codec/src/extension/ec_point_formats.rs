//! `ec_point_formats` (RFC 8422 §5.1.2): TLS 1.2 only.

use crate::{
    code_points::{EcPointFormat, ExtensionType},
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::Reader,
    writer::Writer,
};

/// The point formats that the sender can parse; `uncompressed` must be one of them.
#[derive(Clone, Copy, Debug)]
pub struct EcPointFormats;

impl EcPointFormats {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the list is too long for its length field.
    pub fn write(w: &mut Writer<'_>, values: &[EcPointFormat]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec8_each(values))
    }
}

impl Extension for EcPointFormats {
    const TYPE: ExtensionType = ExtensionType::EC_POINT_FORMATS;
    type View<'a> = List<'a, EcPointFormat>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec8(1..=255, "ec_point_formats.ec_point_format_list")?)
    }
}
