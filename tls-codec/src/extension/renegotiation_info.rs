//! `renegotiation_info` (RFC 5746 §3.2): TLS 1.2 only.

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// The `verify_data` of the handshake that is renegotiated; empty in an initial handshake.
#[derive(Clone, Copy, Debug)]
pub struct RenegotiationInfo;

impl RenegotiationInfo {
    /// Writes the extension with `data`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room, or if `data` is too long for its length field.
    pub fn write(w: &mut Writer<'_>, data: &[u8]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec8_bytes(data))
    }
}

impl Extension for RenegotiationInfo {
    const TYPE: ExtensionType = ExtensionType::RENEGOTIATION_INFO;
    type View<'a> = &'a [u8];

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        Ok(data.vec8(0..=255, "renegotiation_info.renegotiated_connection")?.rest())
    }
}
