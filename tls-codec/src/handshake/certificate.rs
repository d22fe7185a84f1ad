//! Certificate (RFC 9846 §4.5.1).

use crate::{
    code_points::{ExtensionType, HandshakeType},
    error::{BufferFull, DecodeError},
    extension::{
        CertificateStatus, Extensions, Place, SerializedSct, SignedCertificateTimestamps, reject_misplaced, view, walk,
    },
    handshake::HandshakeMessage,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A certificate chain, end-entity certificate first. It may be empty; the handshake checks that a
/// server's is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// At most 255 bytes; nonempty only in response to a post-handshake request.
    pub certificate_request_context: &'a [u8],
    /// The chain. It may be empty, and its length is not limited.
    pub certificate_list: List<'a, CertificateEntry<'a>>,
}

impl<'a> HandshakeMessage<'a> for Certificate<'a> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE;
}

impl<'a> Decode<'a> for Certificate<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            certificate_request_context: r.vec8(0..=255, "Certificate.certificate_request_context")?.rest(),
            certificate_list: List::decode_body(r.vec24(0..=0xff_ffff, "Certificate.certificate_list")?)?,
        })
    }
}

impl Encode for Certificate<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec8_bytes(self.certificate_request_context)?;
        w.vec24(|w| self.certificate_list.encode(w))
    }
}

/// A certificate, or a raw public key if negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateEntry<'a> {
    /// DER, at least one byte; the content is not checked.
    pub cert_data: &'a [u8],
    /// The extensions.
    pub extensions: CertificateEntryExtensions<'a>,
}

impl CertificateEntry<'_> {
    /// Writes an entry: a DER certificate, and the extensions that `extensions` writes.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or a part is too long for its length field.
    pub fn write(
        w: &mut Writer<'_>,
        cert_data: &[u8],
        extensions: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull>,
    ) -> Result<(), BufferFull> {
        w.whole(|w| {
            w.vec24_bytes(cert_data)?;
            w.vec16(extensions)
        })
    }
}

impl<'a> Decode<'a> for CertificateEntry<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            cert_data: r.vec24(1..=0xff_ffff, "CertificateEntry.cert_data")?.rest(),
            extensions: CertificateEntryExtensions::decode_block(r.vec16(0..=0xffff, "CertificateEntry.extensions")?)?,
        })
    }
}

impl Encode for CertificateEntry<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec24_bytes(self.cert_data)?;
        self.extensions.raw.encode(w)
    }
}

/// The extensions of a [`CertificateEntry`]; `None` means that an extension is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateEntryExtensions<'a> {
    /// All extensions in wire order, including unknown ones. Encoding writes these.
    pub raw: Extensions<'a>,
    /// `status_request`, RFC 9846 §4.5.1.1: a DER-encoded OCSP response.
    pub ocsp_response: Option<&'a [u8]>,
    /// RFC 9846 §4.5.1.1.
    pub signed_certificate_timestamps: Option<List<'a, SerializedSct<'a>>>,
}

impl<'a> CertificateEntryExtensions<'a> {
    fn decode_block(block: Reader<'a>) -> Result<Self, DecodeError> {
        let mut all = Self { raw: Extensions::ABSENT, ocsp_response: None, signed_certificate_timestamps: None };
        all.raw = walk(block, &mut |typ, data| {
            match typ {
                ExtensionType::STATUS_REQUEST => {
                    all.ocsp_response = Some(view::<CertificateStatus<'_>>(data)?.ocsp_response);
                }
                ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => {
                    all.signed_certificate_timestamps = Some(view::<SignedCertificateTimestamps>(data)?);
                }
                _ => reject_misplaced(typ, Place::Certificate, "CertificateEntry.extensions")?,
            }
            Ok(())
        })?;
        Ok(all)
    }
}
