//! `early_data` (RFC 9846 §4.3.10).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// In a ClientHello the client sends early data; in EncryptedExtensions the server accepts it.
#[derive(Clone, Copy, Debug)]
pub struct EarlyData;

impl EarlyData {
    /// Writes the extension of a ClientHello or EncryptedExtensions, which has no data.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.extension_bytes(Self::TYPE, &[])
    }
}

impl Extension for EarlyData {
    const TYPE: ExtensionType = ExtensionType::EARLY_DATA;
    type View<'a> = ();

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("early_data");
        Ok(())
    }
}

/// The maximum early data that a client may send with a ticket, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct MaxEarlyDataSize;

impl MaxEarlyDataSize {
    /// Writes the extension of a NewSessionTicket. The size is in bytes.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>, max_early_data_size: u32) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.u32(max_early_data_size))
    }
}

impl Extension for MaxEarlyDataSize {
    const TYPE: ExtensionType = ExtensionType::EARLY_DATA;
    type View<'a> = u32;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("early_data.max_early_data_size").u32()
    }
}
