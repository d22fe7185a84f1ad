//! `supported_groups` (RFC 9846 §4.3.7).

use crate::{
    code_points::{ExtensionType, NamedGroup},
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::Reader,
    writer::Writer,
};

/// The groups that the sender supports for key exchange, in order of preference.
#[derive(Clone, Copy, Debug)]
pub struct SupportedGroups;

impl SupportedGroups {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the list is too long for its length field.
    pub fn write(w: &mut Writer<'_>, values: &[NamedGroup]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec16_each(values))
    }
}

impl Extension for SupportedGroups {
    const TYPE: ExtensionType = ExtensionType::SUPPORTED_GROUPS;
    type View<'a> = List<'a, NamedGroup>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(2..=0xffff, "supported_groups.named_group_list")?)
    }
}
