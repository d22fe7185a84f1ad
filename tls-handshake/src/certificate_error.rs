//! Why a certificate chain was rejected. Verification returns these errors; `display` holds their
//! texts.

use std::time::Duration;

use tls_codec::code_points::AlertDescription;

use crate::error::Excerpt;

mod causes;
mod display;
mod pin;
mod refusal;

pub use causes::{AnchorFault, ChainPosition, OcspError, RevocationSource, SctError};
pub use pin::{BadPin, Pin};
pub use refusal::{AnchorRejection, AnchorReport, CertificateReport, ChainReport, Hint, Refusal};

/// Why a peer's certificate chain was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// No trust anchor is configured, so no certificate can be accepted.
    NoTrustAnchors,
    /// The certificate has expired.
    Expired {
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// The end of its validity, since 1970-01-01 UTC.
        not_after: Duration,
    },
    /// The certificate is not valid yet.
    NotYetValid {
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// The start of its validity, since 1970-01-01 UTC.
        not_before: Duration,
    },
    /// The certificate does not match the requested name.
    NotValidForName {
        /// The requested name.
        asked: String,
        /// The names in the certificate.
        has: Excerpt<String>,
    },
    /// No path leads from the certificate to a configured trust anchor.
    UnknownIssuer {
        /// The number of certificates that the peer sent.
        sent: usize,
        /// The number of configured trust anchors.
        anchors: usize,
    },
    /// A signature in the chain is invalid.
    BadSignature,
    /// A certificate in the chain is revoked.
    Revoked {
        /// The source of the revocation.
        by: RevocationSource,
        /// The revoked certificate; `None` for the end-entity certificate, reported by an OCSP
        /// response.
        certificate: Option<ChainPosition>,
    },
    /// No CRL covers a certificate in the chain, and the policy requires one.
    UnknownRevocationStatus {
        /// The certificate without a CRL.
        certificate: ChainPosition,
    },
    /// The CRL that covers a certificate in the chain has expired.
    CrlExpired {
        /// The certificate that the CRL covers.
        certificate: ChainPosition,
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// When the next CRL was due, since 1970-01-01 UTC.
        next_update: Duration,
    },
    /// The CRL that covers a certificate in the chain is from the future.
    CrlNotYetValid {
        /// The certificate that the CRL covers.
        certificate: ChainPosition,
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// When the CRL was issued, since 1970-01-01 UTC.
        this_update: Duration,
    },
    /// The CRL that covers a certificate in the chain is invalid, or a CRL cannot be loaded.
    BadCrl {
        /// The certificate that the CRL covers; `None` if the CRL cannot be loaded.
        certificate: Option<ChainPosition>,
        /// What is wrong with the CRL.
        why: String,
    },
    /// The OCSP response that the policy requires is missing or not acceptable.
    Ocsp(OcspError),
    /// Too few operators of the configured CT logs issued SCTs for the certificate (RFC 6962).
    Transparency {
        /// The number of operators that the policy requires.
        wanted: usize,
        /// The number of operators with a valid SCT.
        found: usize,
        /// Why the other SCTs were rejected.
        rejected: Excerpt<SctError>,
    },
    /// No key in the chain is pinned.
    NotPinned {
        /// The SHA-256 of each SubjectPublicKeyInfo in the chain, leaf first.
        keys: Vec<Pin>,
    },
    /// The trust anchor of the path cannot vouch for it, or a certificate cannot be a trust anchor.
    Anchor {
        /// The anchor's subject.
        anchor: String,
        /// What is wrong with it.
        fault: AnchorFault,
    },
    /// A certificate issued another one, but its key usage forbids that (RFC 5280 §6.1.4 (n)).
    IssuerKeyUsage {
        /// The certificate without keyCertSign.
        issuer: ChainPosition,
    },
    /// The peer sent a CA certificate as its end-entity certificate.
    CaUsedAsEndEntity,
    /// The certificate's extended key usage forbids this purpose.
    WrongPurpose,
    /// The certificate's key usage forbids signatures.
    WrongKeyUsage,
    /// The certificate, or a signature in its chain, uses an unsupported algorithm.
    UnsupportedAlgorithm,
    /// A certificate in the chain has X.509 version 1 or 2.
    UnsupportedVersion,
    /// The certificate cannot be parsed.
    BadEncoding,
    /// The local time is unknown, so validity cannot be checked.
    TimeUnknown,
    /// Another check of the path failed; the text names it.
    Path(String),
    /// A check of the application rejected the chain; the text is the application's.
    Application(String),
}

impl CertificateError {
    /// Returns the alert that is sent to the peer (RFC 9846 §6.2).
    #[must_use]
    pub fn alert(&self) -> AlertDescription {
        match self {
            Self::Expired { .. } | Self::NotYetValid { .. } => AlertDescription::CERTIFICATE_EXPIRED,
            Self::UnknownIssuer { .. } | Self::NoTrustAnchors => AlertDescription::UNKNOWN_CA,
            Self::Anchor { fault, .. } => fault.alert(),
            Self::Revoked { .. } => AlertDescription::CERTIFICATE_REVOKED,
            Self::Ocsp(_) => AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE,
            Self::NotValidForName { .. } | Self::BadSignature | Self::BadEncoding | Self::IssuerKeyUsage { .. } => {
                AlertDescription::BAD_CERTIFICATE
            }
            Self::CaUsedAsEndEntity
            | Self::WrongPurpose
            | Self::WrongKeyUsage
            | Self::UnsupportedAlgorithm
            | Self::UnsupportedVersion => AlertDescription::UNSUPPORTED_CERTIFICATE,
            Self::UnknownRevocationStatus { .. }
            | Self::CrlExpired { .. }
            | Self::CrlNotYetValid { .. }
            | Self::BadCrl { .. }
            | Self::Transparency { .. }
            | Self::NotPinned { .. }
            | Self::Path(_)
            | Self::Application(_) => AlertDescription::CERTIFICATE_UNKNOWN,
            Self::TimeUnknown => AlertDescription::INTERNAL_ERROR,
        }
    }
}

impl std::error::Error for CertificateError {}
