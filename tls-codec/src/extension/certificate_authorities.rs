//! `certificate_authorities` (RFC 9846 §4.3.4).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The CAs whose certificates the sender accepts.
#[derive(Clone, Copy, Debug)]
pub struct CertificateAuthorities;

impl CertificateAuthorities {
    /// Writes the extension. Each name is a DER-encoded X.501 name.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the names are longer than an extension can be.
    pub fn write<T: AsRef<[u8]>>(w: &mut Writer<'_>, authorities: &[T]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| {
            w.vec16(|w| authorities.iter().try_for_each(|name| DistinguishedName(name.as_ref()).encode(w)))
        })
    }
}

impl Extension for CertificateAuthorities {
    const TYPE: ExtensionType = ExtensionType::CERTIFICATE_AUTHORITIES;
    type View<'a> = List<'a, DistinguishedName<'a>>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(3..=0xffff, "certificate_authorities.authorities")?)
    }
}

/// A DER-encoded X.501 name, at least one byte; the content is not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DistinguishedName<'a>(pub &'a [u8]);

impl<'a> Decode<'a> for DistinguishedName<'a> {
    #[inline]
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(r.vec16(1..=0xffff, "certificate_authorities.distinguished_name")?.rest()))
    }
}

impl Encode for DistinguishedName<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec16_bytes(self.0)
    }
}

impl AsRef<[u8]> for DistinguishedName<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}
