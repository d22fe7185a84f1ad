//! CertificateRequest (RFC 9846 §4.4.2).

use crate::{
    code_points::{CertificateCompressionAlgorithm, ExtensionType, HandshakeType, SignatureScheme},
    error::{BufferFull, DecodeError},
    extension::{
        CertificateAuthorities, CompressCertificate, DistinguishedName, Extension, Extensions, OidFilter, OidFilters,
        Place, SignatureAlgorithms, SignatureAlgorithmsCert, SignedCertificateTimestamp, reject_misplaced, walk,
    },
    handshake::HandshakeMessage,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// Requests a certificate from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRequest<'a> {
    /// At most 255 bytes; empty in the main handshake.
    pub certificate_request_context: &'a [u8],
    /// The requirements on the certificate.
    pub extensions: CertificateRequestExtensions<'a>,
}

impl<'a> HandshakeMessage<'a> for CertificateRequest<'a> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_REQUEST;
}

impl<'a> Decode<'a> for CertificateRequest<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            certificate_request_context: r.vec8(0..=255, "CertificateRequest.certificate_request_context")?.rest(),
            extensions: CertificateRequestExtensions::decode_block(
                r.vec16(0..=0xffff, "CertificateRequest.extensions")?,
            )?,
        })
    }
}

impl Encode for CertificateRequest<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec8_bytes(self.certificate_request_context)?;
        self.extensions.raw.encode(w)
    }
}

/// The extensions of a [`CertificateRequest`]; `None` and `false` mean that an extension is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRequestExtensions<'a> {
    /// All extensions in wire order, including unknown ones. Encoding writes these.
    pub raw: Extensions<'a>,
    /// RFC 9846 §4.3.3. Mandatory, which the handshake checks.
    pub signature_algorithms: Option<List<'a, SignatureScheme>>,
    /// RFC 9846 §4.3.3.
    pub signature_algorithms_cert: Option<List<'a, SignatureScheme>>,
    /// RFC 9846 §4.3.4.
    pub certificate_authorities: Option<List<'a, DistinguishedName<'a>>>,
    /// RFC 9846 §4.3.5.
    pub oid_filters: Option<List<'a, OidFilter<'a>>>,
    /// RFC 9846 §4.5.1.1.
    pub status_request: bool,
    /// RFC 9846 §4.5.1.1.
    pub signed_certificate_timestamp: bool,
    /// RFC 8879 §3.
    pub compress_certificate: Option<List<'a, CertificateCompressionAlgorithm>>,
}

impl<'a> CertificateRequestExtensions<'a> {
    fn decode_block(block: Reader<'a>) -> Result<Self, DecodeError> {
        let mut all = Self {
            raw: Extensions::ABSENT,
            signature_algorithms: None,
            signature_algorithms_cert: None,
            certificate_authorities: None,
            oid_filters: None,
            status_request: false,
            signed_certificate_timestamp: false,
            compress_certificate: None,
        };
        all.raw = walk(block, &mut |typ, data| all.add(typ, data))?;
        Ok(all)
    }

    fn add(&mut self, typ: ExtensionType, mut data: Reader<'a>) -> Result<(), DecodeError> {
        match typ {
            ExtensionType::SIGNATURE_ALGORITHMS => {
                self.signature_algorithms = Some(SignatureAlgorithms::read(&mut data)?);
            }
            ExtensionType::SIGNATURE_ALGORITHMS_CERT => {
                self.signature_algorithms_cert = Some(SignatureAlgorithmsCert::read(&mut data)?);
            }
            ExtensionType::CERTIFICATE_AUTHORITIES => {
                self.certificate_authorities = Some(CertificateAuthorities::read(&mut data)?);
            }
            ExtensionType::OID_FILTERS => self.oid_filters = Some(OidFilters::read(&mut data)?),
            ExtensionType::STATUS_REQUEST => {
                // "by sending an empty "status_request" extension in its CertificateRequest
                // message"
                data.at("CertificateRequest.status_request").finish()?;
                self.status_request = true;
            }
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => {
                SignedCertificateTimestamp::read(&mut data)?;
                self.signed_certificate_timestamp = true;
            }
            ExtensionType::COMPRESS_CERTIFICATE => {
                self.compress_certificate = Some(CompressCertificate::read(&mut data)?);
            }
            _ => return reject_misplaced(typ, Place::CertificateRequest, "CertificateRequest.extensions"),
        }
        data.finish()
    }
}
