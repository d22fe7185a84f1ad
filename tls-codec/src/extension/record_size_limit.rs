//! `record_size_limit` (RFC 8449 §4).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError, Fault},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// The maximum record that the sender accepts, in bytes of plaintext. In TLS 1.3 this includes
/// content type and padding.
#[derive(Clone, Copy, Debug)]
pub struct RecordSizeLimit;

impl RecordSizeLimit {
    /// The minimum limit that RFC 8449 allows.
    pub const MIN: u16 = 64;

    /// Writes the extension. Peers reject a limit below [`RecordSizeLimit::MIN`].
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>, limit: u16) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.u16(limit))
    }
}

impl Extension for RecordSizeLimit {
    const TYPE: ExtensionType = ExtensionType::RECORD_SIZE_LIMIT;
    type View<'a> = u16;

    /// A limit below 64 is "a fatal error" with `illegal_parameter`.
    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        let limit = data.at("record_size_limit").u16()?;
        if limit < Self::MIN { Err(data.error(Fault::IllegalValue)) } else { Ok(limit) }
    }
}
