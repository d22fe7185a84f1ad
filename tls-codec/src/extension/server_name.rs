//! `server_name` (RFC 6066 §3).

use crate::{
    code_points::{ExtensionType, NameType},
    error::{BufferFull, DecodeError, Fault},
    extension::Extension,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The server names that the client requests: at most one of each type. Only host names are
/// defined.
///
/// ```
/// use strata_tls_codec::{Writer, decode_all, extension::ServerNameList};
///
/// let mut storage = [0; 32];
/// let mut w = Writer::new(&mut storage);
/// ServerNameList::write(&mut w, "example.com")?;
/// let data = &w.written()[4..];
/// assert_eq!(decode_all::<ServerNameList<'_>>(data)?.host_name(), Some(&b"example.com"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerNameList<'a> {
    host_name: Option<&'a [u8]>,
    names: &'a [u8],
}

impl<'a> ServerNameList<'a> {
    /// Returns the host name: at least one byte, chosen by the client. Check that it is a DNS name
    /// before using it in a log, a path or a lookup.
    #[inline]
    #[must_use]
    pub const fn host_name(&self) -> Option<&'a [u8]> {
        self.host_name
    }
}

impl ServerNameList<'_> {
    /// Writes the extension with one host name. A server acknowledges it with [`ServerNameAck`]
    /// instead.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or `host` is too long for its length field.
    pub fn write(w: &mut Writer<'_>, host: &str) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| {
            w.vec16(|w| {
                NameType::HOST_NAME.encode(w)?;
                w.vec16_bytes(host.as_bytes())
            })
        })
    }
}

impl Extension for ServerNameList<'_> {
    const TYPE: ExtensionType = ExtensionType::SERVER_NAME;
    type View<'a> = ServerNameList<'a>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        ServerNameList::decode(data)
    }
}

impl<'a> Decode<'a> for ServerNameList<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut r = r.vec16(1..=0xffff, "server_name.server_name_list")?;
        let names = r.peek();
        let mut host_name = None;
        let mut others = [false; 256];
        while !r.is_empty() {
            let typ = NameType::decode(r.at("server_name.name_type"))?;
            if typ == NameType::HOST_NAME {
                let host = r.vec16(1..=0xffff, "server_name.host_name")?.rest();
                if host_name.replace(host).is_some() {
                    return Err(r.error(Fault::IllegalValue));
                }
            } else {
                // "New NameTypes MUST begin with a 16-bit length field", so they can be skipped.
                r.vec16(0..=0xffff, "server_name.name")?;
                if others.get_mut(usize::from(typ.0)).is_some_and(|seen| core::mem::replace(seen, true)) {
                    return Err(r.error(Fault::IllegalValue));
                }
            }
        }
        Ok(Self { host_name, names })
    }
}

impl Encode for ServerNameList<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec16_bytes(self.names)
    }
}

/// The server used the name: an extension without data in EncryptedExtensions, or in a TLS 1.2
/// ServerHello.
#[derive(Clone, Copy, Debug)]
pub struct ServerNameAck;

impl ServerNameAck {
    /// Writes the extension, which has no data.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.extension_bytes(Self::TYPE, &[])
    }
}

impl Extension for ServerNameAck {
    const TYPE: ExtensionType = ExtensionType::SERVER_NAME;
    type View<'a> = ();

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("server_name");
        Ok(())
    }
}
