//! `application_layer_protocol_negotiation` (RFC 7301 §3.1).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError, Fault},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The application protocols that a client offers, in order of preference.
///
/// ```
/// use strata_tls_codec::{Writer, extension::Alpn};
///
/// let mut storage = [0; 32];
/// let mut w = Writer::new(&mut storage);
/// Alpn::write(&mut w, &["h2", "http/1.1"])?;
/// assert_eq!(w.written(), b"\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1");
/// # Ok::<(), strata_tls_codec::BufferFull>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Alpn;

impl Alpn {
    /// Writes the extension. A server's contains exactly one name.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or a name is longer than 255 bytes.
    pub fn write<T: AsRef<[u8]>>(w: &mut Writer<'_>, names: &[T]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| {
            w.vec16(|w| names.iter().try_for_each(|name| ProtocolName(name.as_ref()).encode(w)))
        })
    }
}

impl Extension for Alpn {
    const TYPE: ExtensionType = ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION;
    type View<'a> = List<'a, ProtocolName<'a>>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(2..=0xffff, "alpn.protocol_name_list")?)
    }
}

/// The protocol that a server selected: the list "MUST contain exactly one ProtocolName".
#[derive(Clone, Copy, Debug)]
pub struct SelectedAlpn;

impl SelectedAlpn {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the name is longer than 255 bytes.
    pub fn write(w: &mut Writer<'_>, name: &[u8]) -> Result<(), BufferFull> {
        Alpn::write(w, &[name])
    }
}

impl Extension for SelectedAlpn {
    const TYPE: ExtensionType = Alpn::TYPE;
    type View<'a> = ProtocolName<'a>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        let mut names = data.vec16(2..=0xffff, "alpn.protocol_name_list")?;
        let list = names;
        let name = ProtocolName::decode(&mut names)?;
        if names.is_empty() { Ok(name) } else { Err(list.error(Fault::IllegalValue)) }
    }
}

/// The name of an application protocol, 1 to 255 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolName<'a>(pub &'a [u8]);

impl<'a> Decode<'a> for ProtocolName<'a> {
    #[inline]
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(r.vec8(1..=255, "alpn.protocol_name")?.rest()))
    }
}

impl Encode for ProtocolName<'_> {
    #[inline]
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec8_bytes(self.0)
    }
}

impl AsRef<[u8]> for ProtocolName<'_> {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}
