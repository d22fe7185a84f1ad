//! `psk_key_exchange_modes` (RFC 9846 §4.3.9).

use crate::{
    code_points::{ExtensionType, PskKeyExchangeMode},
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::Reader,
    writer::Writer,
};

/// The PSK modes that the client supports.
#[derive(Clone, Copy, Debug)]
pub struct PskKeyExchangeModes;

impl PskKeyExchangeModes {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the list is too long for its length field.
    pub fn write(w: &mut Writer<'_>, values: &[PskKeyExchangeMode]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec8_each(values))
    }
}

impl Extension for PskKeyExchangeModes {
    const TYPE: ExtensionType = ExtensionType::PSK_KEY_EXCHANGE_MODES;
    type View<'a> = List<'a, PskKeyExchangeMode>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec8(1..=255, "psk_key_exchange_modes.ke_modes")?)
    }
}
