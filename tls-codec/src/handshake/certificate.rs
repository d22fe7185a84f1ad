//! Certificate (RFC 9846 §4.5.1).

use crate::{
    code_points::{ExtensionType, HandshakeType},
    error::{BufferFull, DecodeError},
    extension::{
        CertificateStatus, Extensions, Place, SerializedSct, SignedCertificateTimestamps, refuse_misplaced, view, walk,
    },
    handshake::HandshakeMessage,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A certificate chain, the sender's own certificate first. That a server's is not empty is for the handshake to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// At most 255 bytes; empty unless the message answers a post-handshake request.
    pub certificate_request_context: &'a [u8],
    /// The chain. It may be empty, and nothing here bounds how long it is.
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

/// One certificate, or one raw public key if that was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateEntry<'a> {
    /// DER, at least one byte; what is in it is not checked here.
    pub cert_data: &'a [u8],
    /// The extensions.
    pub extensions: CertificateEntryExtensions<'a>,
}

impl CertificateEntry<'_> {
    /// Writes an entry from plain values: the certificate in DER and, in `extensions`, what writes its extensions.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room, or if a part is too long for its length field.
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

/// The extensions of a [`CertificateEntry`]; `None` says that one is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateEntryExtensions<'a> {
    /// All of them in their order, unknown ones included; what encoding writes.
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
                _ => refuse_misplaced(typ, Place::Certificate, "CertificateEntry.extensions")?,
            }
            Ok(())
        })?;
        Ok(all)
    }
}
