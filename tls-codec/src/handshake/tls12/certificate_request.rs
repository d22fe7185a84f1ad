//! CertificateRequest (RFC 5246 §7.4.4, RFC 8422 §5.5).

use crate::{
    code_points::{ClientCertificateKind, HandshakeType, SignatureScheme},
    error::{BufferFull, DecodeError},
    extension::DistinguishedName,
    handshake::HandshakeMessage,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// Requests a certificate from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRequest<'a> {
    /// The accepted key types, at least one.
    pub certificate_types: List<'a, ClientCertificateKind>,
    /// `supported_signature_algorithms`: the schemes that the server can verify, in order of
    /// preference; at least one.
    pub signature_algorithms: List<'a, SignatureScheme>,
    /// The CAs that the server trusts; empty if the server accepts any.
    pub certificate_authorities: List<'a, DistinguishedName<'a>>,
}

impl CertificateRequest<'_> {
    /// Writes the body. Each CA is a DER-encoded X.501 name.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or a list is too long for its length field.
    pub fn write<T: AsRef<[u8]>>(
        w: &mut Writer<'_>,
        certificate_types: &[ClientCertificateKind],
        signature_algorithms: &[SignatureScheme],
        certificate_authorities: &[T],
    ) -> Result<(), BufferFull> {
        w.whole(|w| {
            w.vec8_each(certificate_types)?;
            w.vec16_each(signature_algorithms)?;
            w.vec16(|w| certificate_authorities.iter().try_for_each(|name| DistinguishedName(name.as_ref()).encode(w)))
        })
    }
}

impl<'a> HandshakeMessage<'a> for CertificateRequest<'a> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_REQUEST;
}

impl<'a> Decode<'a> for CertificateRequest<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            certificate_types: List::decode_body(r.vec8(1..=255, "CertificateRequest.certificate_types")?)?,
            // The bounds in RFC 5246 §7.4.4 are wrong; these are the extension's (§7.4.1.4.1).
            signature_algorithms: List::decode_body(
                r.vec16(2..=0xfffe, "CertificateRequest.supported_signature_algorithms")?,
            )?,
            certificate_authorities: List::decode_body(
                r.vec16(0..=0xffff, "CertificateRequest.certificate_authorities")?,
            )?,
        })
    }
}

impl Encode for CertificateRequest<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec8(|w| self.certificate_types.encode(w))?;
        w.vec16(|w| self.signature_algorithms.encode(w))?;
        w.vec16(|w| self.certificate_authorities.encode(w))
    }
}
