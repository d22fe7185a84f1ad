//! `cookie` (RFC 9846 §4.3.2).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// Opaque server state. The server sends it in HelloRetryRequest, and the client returns it in its
/// second ClientHello.
#[derive(Clone, Copy, Debug)]
pub struct Cookie;

impl Cookie {
    /// Writes the extension with `data`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room, or if `data` is too long for its length field.
    pub fn write(w: &mut Writer<'_>, data: &[u8]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.vec16_bytes(data))
    }
}

impl Extension for Cookie {
    const TYPE: ExtensionType = ExtensionType::COOKIE;
    type View<'a> = &'a [u8];

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        Ok(data.vec16(1..=0xffff, "cookie.cookie")?.rest())
    }
}
