//! `session_ticket` (RFC 5077 §3.2): TLS 1.2 only.

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// A ticket. If empty, the client requests one, or the server will send one.
#[derive(Clone, Copy, Debug)]
pub struct SessionTicket;

impl SessionTicket {
    /// Writes the extension with `data`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room, or if `data` is longer than 65,535 bytes.
    pub fn write(w: &mut Writer<'_>, data: &[u8]) -> Result<(), BufferFull> {
        w.extension_bytes(Self::TYPE, data)
    }
}

impl Extension for SessionTicket {
    const TYPE: ExtensionType = ExtensionType::SESSION_TICKET;
    type View<'a> = &'a [u8];

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        Ok(data.rest())
    }
}
