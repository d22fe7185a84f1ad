//! `quic_transport_parameters` (RFC 9001 §8.2).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// The transport parameters of a QUIC endpoint. TLS carries them without decoding them.
#[derive(Clone, Copy, Debug)]
pub struct QuicTransportParameters;

impl QuicTransportParameters {
    /// Writes the extension with `data`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room, or if `data` is longer than 65,535 bytes.
    pub fn write(w: &mut Writer<'_>, data: &[u8]) -> Result<(), BufferFull> {
        w.extension_bytes(Self::TYPE, data)
    }
}

impl Extension for QuicTransportParameters {
    const TYPE: ExtensionType = ExtensionType::QUIC_TRANSPORT_PARAMETERS;
    type View<'a> = &'a [u8];

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        Ok(data.rest())
    }
}
