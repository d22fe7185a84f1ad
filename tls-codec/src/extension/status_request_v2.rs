//! `status_request_v2` (RFC 6961): several OCSP responses, in TLS 1.2.

use crate::{
    code_points::{CertificateStatusType, ExtensionType},
    error::{BufferFull, DecodeError, Fault},
    extension::Extension,
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
