//! `status_request_v2` (RFC 6961): several OCSP responses, in TLS 1.2.

use crate::{
    code_points::{CertificateStatusType, ExtensionType, HandshakeType},
    error::{BufferFull, DecodeError, Fault},
    extension::{CertificateStatus, Extension, StatusRequest},
    handshake::HandshakeMessage,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// Requests the revocation status of the certificates of a chain. RFC 8446 deprecates it.
#[derive(Clone, Copy, Debug)]
pub struct StatusRequestV2;

impl Extension for StatusRequestV2 {
    const TYPE: ExtensionType = ExtensionType::STATUS_REQUEST_V2;
    type View<'a> = List<'a, StatusRequestItem<'a>>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(1..=0xffff, "status_request_v2.certificate_status_req_list")?)
    }
}

/// One form of the status that a client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRequestItem<'a> {
    /// The form: one response, or one for each certificate.
    pub status_type: CertificateStatusType,
    /// The encoded request: of both forms, the data of [`StatusRequest`](crate::StatusRequest)
    /// after the type.
    pub request: &'a [u8],
}

impl<'a> StatusRequestItem<'a> {
    /// Returns the request with its fields. Both forms of OCSP have the same.
    ///
    /// # Errors
    /// The decoding error.
    pub fn decoded(&self) -> Result<StatusRequest<'a>, DecodeError> {
        match self.status_type {
            CertificateStatusType::OCSP | CertificateStatusType::OCSP_MULTI => {
                let mut r = Reader::new(self.request);
                let request = StatusRequest::decode_ocsp(&mut r)?;
                r.finish()?;
                Ok(request)
            }
            status_type => Ok(StatusRequest::Unknown { status_type, request: self.request }),
        }
    }
}

impl<'a> Decode<'a> for StatusRequestItem<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            status_type: CertificateStatusType::decode(r.at("status_request_v2.status_type"))?,
            request: r.vec16(0..=0xffff, "status_request_v2.request")?.rest(),
        })
    }
}

impl Encode for StatusRequestItem<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.status_type.encode(w)?;
        w.vec16_bytes(self.request)
    }
}

/// The CertificateStatus message in any form, for readers that do not know what the client asked
/// for.
///
/// ```
/// use strata_tls_codec::{decode_all, extension::AnyCertificateStatus};
///
/// // The second certificate of the chain has no response.
/// let body = [2, 0, 0, 8, 0, 0, 2, 0x30, 0, 0, 0, 0];
/// let AnyCertificateStatus::OcspMulti(status) = decode_all(&body)? else { panic!() };
/// let responses: Vec<_> = status.ocsp_responses.iter().map(|response| response.0).collect();
/// assert_eq!(responses, [&[0x30, 0][..], &[]]);
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnyCertificateStatus<'a> {
    /// A response for the certificate of the server (RFC 6066 §8).
    Ocsp(CertificateStatus<'a>),
    /// A response for each certificate of the chain (RFC 6961).
    OcspMulti(CertificateStatusMulti<'a>),
    /// Another type of response.
    Unknown {
        /// The type.
        status_type: CertificateStatusType,
        /// The encoded response.
        response: &'a [u8],
    },
}

impl<'a> HandshakeMessage<'a> for AnyCertificateStatus<'a> {
    const TYPE: HandshakeType = HandshakeType::CERTIFICATE_STATUS;
}

impl<'a> Decode<'a> for AnyCertificateStatus<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut after_type = *r;
        let status_type = CertificateStatusType::decode(after_type.at("CertificateStatus.status_type"))?;
        match status_type {
            CertificateStatusType::OCSP => CertificateStatus::decode(r).map(Self::Ocsp),
            CertificateStatusType::OCSP_MULTI => CertificateStatusMulti::decode(r).map(Self::OcspMulti),
            _ => {
                *r = after_type;
                Ok(Self::Unknown { status_type, response: r.rest() })
            }
        }
    }
}

impl Encode for AnyCertificateStatus<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        match self {
            Self::Ocsp(status) => status.encode(w),
            Self::OcspMulti(status) => status.encode(w),
            Self::Unknown { status_type, response } => {
                status_type.encode(w)?;
                w.bytes(response)
            }
        }
    }
}

/// The CertificateStatus message with a response for each certificate of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateStatusMulti<'a> {
    /// The responses in the order of the chain; at least one. Empty ones stand for certificates
    /// without a response.
    pub ocsp_responses: List<'a, OcspResponse<'a>>,
}

impl<'a> Decode<'a> for CertificateStatusMulti<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        r.at("CertificateStatus.status_type");
        if CertificateStatusType::decode(r)? != CertificateStatusType::OCSP_MULTI {
            return Err(r.error(Fault::IllegalValue));
        }
        Ok(Self { ocsp_responses: List::decode_body(r.vec24(1..=0xff_ffff, "CertificateStatus.ocsp_response_list")?)? })
    }
}

impl Encode for CertificateStatusMulti<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        CertificateStatusType::OCSP_MULTI.encode(w)?;
        w.vec24(|w| self.ocsp_responses.encode(w))
    }
}

/// A DER-encoded OCSP response; may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcspResponse<'a>(pub &'a [u8]);

impl<'a> Decode<'a> for OcspResponse<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(r.vec24(0..=0xff_ffff, "CertificateStatus.ocsp_response")?.rest()))
    }
}

impl Encode for OcspResponse<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec24_bytes(self.0)
    }
}
