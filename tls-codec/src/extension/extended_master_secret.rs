//! `extended_master_secret` (RFC 7627 §5.1): TLS 1.2 only.

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// The sender supports master secrets that are bound to the whole handshake.
#[derive(Clone, Copy, Debug)]
pub struct ExtendedMasterSecret;

impl ExtendedMasterSecret {
    /// Writes the extension, which has no data.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.extension_bytes(Self::TYPE, &[])
    }
}

impl Extension for ExtendedMasterSecret {
    const TYPE: ExtensionType = ExtensionType::EXTENDED_MASTER_SECRET;
    type View<'a> = ();

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("extended_master_secret");
        Ok(())
    }
}
