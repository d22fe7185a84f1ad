//! Why a certificate chain was rejected. Verification returns these errors; `display` holds their
//! texts.

use std::time::Duration;

use tls_codec::code_points::AlertDescription;

use crate::error::Excerpt;

mod causes;
mod constraint;
mod crl;
mod display;
mod pin;
mod refusal;
mod unsupported;

pub use causes::{AnchorFault, ChainPosition, OcspError, RevocationSource, SctError, Work};
pub use constraint::{ConstraintFault, NameConstraint};
pub use crl::{CrlMismatch, InapplicableCrl};
pub use pin::{BadPin, Pin};
pub use refusal::{AnchorRejection, AnchorReport, CertificateReport, ChainReport, Hint, Refusal};
pub(crate) use unsupported::SUPPORTED_KEYS;
pub use unsupported::{UnsupportedPart, UnsupportedSignature};

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
    /// A signature in the chain is invalid: it was checked, and the issuer's key did not make it.
    BadSignature,
    /// A signature in the chain was not checked, since its algorithm or key is not supported.
    UnsupportedSignature(Box<UnsupportedSignature>),
    /// A certificate in the chain is revoked.
    Revoked {
        /// The source of the revocation.
        by: RevocationSource,
        /// The CRL that lists it, such as `CRL number 7 of CN=the CA`; `None` for an OCSP response.
        crl: Option<String>,
    },
    /// No CRL covers a certificate in the chain, and the policy requires one.
    UnknownRevocationStatus {
        /// The issuer of the certificate.
        issuer: String,
        /// The number of configured CRLs.
        configured: usize,
        /// Why the CRLs of the issuer do not cover it.
        inapplicable: Excerpt<InapplicableCrl>,
    },
    /// The CRL that covers a certificate in the chain has expired.
    CrlExpired {
        /// The CRL, such as `CRL number 7 of CN=the CA`.
        crl: String,
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// The time at which the next CRL was due, since 1970-01-01 UTC.
        next_update: Duration,
    },
    /// The CRL that covers a certificate in the chain is from the future.
    CrlNotYetValid {
        /// The CRL, such as `CRL number 7 of CN=the CA`.
        crl: String,
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// The time at which the CRL was issued, since 1970-01-01 UTC.
        this_update: Duration,
    },
    /// The CRL that covers a certificate in the chain is invalid, or a CRL cannot be loaded.
    BadCrl {
        /// The CRL, such as `CRL number 7 of CN=the CA`; `None` if it cannot be loaded.
        crl: Option<String>,
        /// The fault of the CRL.
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
        /// The pins that are required: one of them.
        wanted: Excerpt<Pin>,
        /// The SHA-256 of each SubjectPublicKeyInfo in the chain, leaf first.
        keys: Vec<Pin>,
    },
    /// The trust anchor of the path cannot vouch for it, or a certificate cannot be a trust anchor.
    Anchor {
        /// The anchor's subject.
        anchor: String,
        /// Its fault.
        fault: AnchorFault,
    },
    /// A certificate issued another one, but its key usage forbids that (RFC 5280 §6.1.4 (n)).
    IssuerKeyUsage {
        /// The uses that it allows, such as `digitalSignature`.
        found: Excerpt<&'static str>,
    },
    /// The peer sent a CA certificate as its end-entity certificate.
    CaUsedAsEndEntity,
    /// A certificate issued another one, but is not a CA certificate (basicConstraints, RFC 5280
    /// §6.1.4 (k)).
    EndEntityUsedAsCa,
    /// A CA certificate does not allow as many CA certificates below it (pathLenConstraint, RFC
    /// 5280 §6.1.4 (l)).
    PathLength {
        /// The number that it allows.
        allowed: u64,
        /// The number in the path.
        found: u64,
    },
    /// The path needs more intermediate certificates than are supported.
    TooManyIntermediates {
        /// The number that the peer sent.
        sent: usize,
        /// The number that a path may have.
        allowed: usize,
    },
    /// The name constraints of a CA forbid a name (RFC 5280 §4.2.1.10).
    NameConstraint(Box<NameConstraint>),
    /// The certificate has a critical extension that is not supported (RFC 5280 §4.2).
    CriticalExtension {
        /// The extension's object identifier, such as `1.2.3.4`.
        oid: String,
    },
    /// The certificate's extended key usage forbids this purpose (RFC 5280 §4.2.1.12).
    WrongPurpose {
        /// The purpose that it needs: `serverAuth` or `clientAuth`.
        wanted: &'static str,
        /// The purposes that it has, such as `codeSigning` or `1.2.3.4`.
        found: Excerpt<String>,
    },
    /// The certificate's key usage forbids signatures.
    WrongKeyUsage {
        /// The uses that it allows, such as `keyEncipherment`.
        found: Excerpt<&'static str>,
    },
    /// An extension of a certificate is malformed.
    MalformedExtension {
        /// The extension's name or object identifier, such as `subjectAltName`.
        extension: String,
        /// The fault.
        why: String,
    },
    /// The verification takes more work than is allowed.
    WorkLimit {
        /// The work.
        work: Work,
        /// The number of certificates that the peer sent.
        sent: usize,
        /// The number of those that have the name of the issuer of the certificate at fault.
        candidates: usize,
    },
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
            Self::NotValidForName { .. }
            | Self::BadSignature
            | Self::BadEncoding
            | Self::MalformedExtension { .. }
            | Self::IssuerKeyUsage { .. } => AlertDescription::BAD_CERTIFICATE,
            Self::CaUsedAsEndEntity
            | Self::WrongPurpose { .. }
            | Self::WrongKeyUsage { .. }
            | Self::UnsupportedSignature(_)
            | Self::UnsupportedVersion => AlertDescription::UNSUPPORTED_CERTIFICATE,
            Self::UnknownRevocationStatus { .. }
            | Self::CrlExpired { .. }
            | Self::CrlNotYetValid { .. }
            | Self::BadCrl { .. }
            | Self::Transparency { .. }
            | Self::NotPinned { .. }
            | Self::EndEntityUsedAsCa
            | Self::PathLength { .. }
            | Self::TooManyIntermediates { .. }
            | Self::NameConstraint(_)
            | Self::CriticalExtension { .. }
            | Self::WorkLimit { .. }
            | Self::Path(_)
            | Self::Application(_) => AlertDescription::CERTIFICATE_UNKNOWN,
            Self::TimeUnknown => AlertDescription::INTERNAL_ERROR,
        }
    }
}

impl std::error::Error for CertificateError {}
