//! Certificate (RFC 5246 §7.4.2 and §7.4.6).

use crate::{
    code_points::HandshakeType,
    error::{BufferFull, DecodeError},
    handshake::HandshakeMessage,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A certificate chain, end-entity certificate first. It may be empty; the handshake checks that a
/// server's is not.
///
/// ```
/// use strata_tls_codec::{Writer, decode_all, handshake::tls12::Certificate};
///
/// let mut storage = [0; 16];
/// let mut w = Writer::new(&mut storage);
/// Certificate::write(&mut w, &[&b"leaf"[..], b"ca"])?;
/// assert_eq!(w.written(), b"\0\0\x0c\0\0\x04leaf\0\0\x02ca");
/// let chain: Certificate<'_> = decode_all(w.written()).unwrap();
/// let mut certificates = chain.certificate_list.iter().map(|certificate| certificate.cert_data);
/// assert_eq!(certificates.next(), Some(&b"leaf"[..]));
/// # Ok::<(), strata_tls_codec::BufferFull>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// The chain. It may be empty, and its length is not limited.
    pub certificate_list: List<'a, CertificateData<'a>>,
}

impl Certificate<'_> {
    /// Writes the body; each certificate is in DER.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the chain is too long for its length field.
    pub fn write<T: AsRef<[u8]>>(w: &mut Writer<'_>, chain: &[T]) -> Result<(), BufferFull> {
        w.vec24(|w| {
            chain.iter().try_for_each(|certificate| CertificateData { cert_data: certificate.as_ref() }.encode(w))
        })
    }
}

impl<'a> HandshakeMessage<'a> for Certificate<'a> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE;
}

impl<'a> Decode<'a> for Certificate<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { certificate_list: List::decode_body(r.vec24(0..=0xff_ffff, "Certificate.certificate_list")?)? })
    }
}

impl Encode for Certificate<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec24(|w| self.certificate_list.encode(w))
    }
}

/// One certificate, `ASN.1Cert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateData<'a> {
    /// DER, at least one byte; the content is not checked.
    pub cert_data: &'a [u8],
}

impl<'a> Decode<'a> for CertificateData<'a> {
    #[inline]
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { cert_data: r.vec24(1..=0xff_ffff, "Certificate.ASN.1Cert")?.rest() })
    }
}

impl Encode for CertificateData<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec24_bytes(self.cert_data)
    }
}

impl AsRef<[u8]> for CertificateData<'_> {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.cert_data
    }
}
