//! `status_request` (RFC 6066 §8, RFC 9846 §4.5.1.1): the request for an OCSP response, and the
//! response.

use crate::{
    code_points::{CertificateStatusType, ExtensionType},
    error::{BufferFull, DecodeError, Fault},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// Requests the revocation status of the peer's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusRequest<'a> {
    /// Requests an OCSP response.
    Ocsp {
        /// The responders that the client trusts. If empty, those that the server knows by prior
        /// arrangement (RFC 6066 §8).
        responder_ids: List<'a, ResponderId<'a>>,
        /// The DER-encoded extensions of the OCSP request; may be empty.
        request_extensions: &'a [u8],
    },
    /// Another type of request.
    Unknown {
        /// The type.
        status_type: CertificateStatusType,
        /// The encoded request.
        request: &'a [u8],
    },
}

impl StatusRequest<'_> {
    /// Writes the extension of a ClientHello: OCSP, with empty lists.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>) -> Result<(), BufferFull> {
        let request = StatusRequest::Ocsp { responder_ids: List::empty(), request_extensions: &[] };
        w.extension(Self::TYPE, |w| request.encode(w))
    }

    /// Writes the extension of a CertificateRequest: without data (RFC 9846 §4.5.1.1).
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write_empty(w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.extension_bytes(Self::TYPE, &[])
    }
}

impl Extension for StatusRequest<'_> {
    const TYPE: ExtensionType = ExtensionType::STATUS_REQUEST;
    type View<'a> = StatusRequest<'a>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        StatusRequest::decode(data)
    }
}

impl<'a> Decode<'a> for StatusRequest<'a> {
    #[inline]
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let status_type = CertificateStatusType::decode(r.at("status_request.status_type"))?;
        if status_type != CertificateStatusType::OCSP {
            return Ok(Self::Unknown { status_type, request: r.rest() });
        }
        Self::decode_ocsp(r)
    }
}

impl<'a> StatusRequest<'a> {
    /// Decodes an `OCSPStatusRequest`, which follows the type of a request.
    pub(super) fn decode_ocsp(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self::Ocsp {
            responder_ids: List::decode_body(r.vec16(0..=0xffff, "status_request.responder_id_list")?)?,
            request_extensions: r.vec16(0..=0xffff, "status_request.request_extensions")?.rest(),
        })
    }
}

impl Encode for StatusRequest<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        match self {
            Self::Ocsp { responder_ids, request_extensions } => {
                CertificateStatusType::OCSP.encode(w)?;
                w.vec16(|w| responder_ids.encode(w))?;
                w.vec16_bytes(request_extensions)
            }
            Self::Unknown { status_type, request } => {
                status_type.encode(w)?;
                w.bytes(request)
            }
        }
    }
}

/// The DER-encoded `ResponderID` of an OCSP responder, at least one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponderId<'a>(pub &'a [u8]);

impl<'a> Decode<'a> for ResponderId<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(r.vec16(1..=0xffff, "status_request.responder_id")?.rest()))
    }
}

impl Encode for ResponderId<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec16_bytes(self.0)
    }
}

/// The `CertificateStatus`: an extension of a CertificateEntry in TLS 1.3, a message in TLS 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateStatus<'a> {
    /// A DER-encoded OCSP response, at least one byte.
    pub ocsp_response: &'a [u8],
}

impl CertificateStatus<'_> {
    /// Writes the extension of a CertificateEntry.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the response is longer than an extension can be.
    pub fn write(w: &mut Writer<'_>, ocsp_response: &[u8]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| CertificateStatus { ocsp_response }.encode(w))
    }
}

impl Extension for CertificateStatus<'_> {
    const TYPE: ExtensionType = ExtensionType::STATUS_REQUEST;
    type View<'a> = CertificateStatus<'a>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        CertificateStatus::decode(data)
    }
}

impl<'a> Decode<'a> for CertificateStatus<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        r.at("CertificateStatus.status_type");
        if CertificateStatusType::decode(r)? != CertificateStatusType::OCSP {
            return Err(r.error(Fault::IllegalValue));
        }
        Ok(Self { ocsp_response: r.vec24(1..=0xff_ffff, "CertificateStatus.response")?.rest() })
    }
}

impl Encode for CertificateStatus<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        CertificateStatusType::OCSP.encode(w)?;
        w.vec24_bytes(self.ocsp_response)
    }
}
