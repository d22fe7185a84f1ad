//! `post_handshake_auth` (RFC 9846 §4.3.6).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// The client supports post-handshake authentication.
#[derive(Clone, Copy, Debug)]
pub struct PostHandshakeAuth;

impl PostHandshakeAuth {
    /// Writes the extension, which has no data.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.extension_bytes(Self::TYPE, &[])
    }
}

impl Extension for PostHandshakeAuth {
    const TYPE: ExtensionType = ExtensionType::POST_HANDSHAKE_AUTH;
    type View<'a> = ();

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("post_handshake_auth");
        Ok(())
    }
}
