//! The details of a [`CertificateError`](super::CertificateError): trust anchors, OCSP responses,
//! SCTs.

use std::time::Duration;

use tls_codec::code_points::AlertDescription;

use super::{CertificateError, UnsupportedSignature};
use crate::error::Excerpt;
use crate::verify::LIST_SIGNATURES;

/// The source of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevocationSource {
    /// A certificate revocation list (CRL).
    Crl,
    /// The OCSP response that the server stapled.
    Ocsp,
}

/// Work that a verification may do only a limited number of times, since a peer determines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Work {
    /// Checking a signature of a certificate: 100 times.
    Signature,
    /// Trying a certificate as an issuer: 200,000 times.
    Issuer,
    /// Comparing a name with a name constraint: 250,000 times.
    NameConstraint,
    /// Checking a signature of a CRL: 100 times.
    Crl,
}

impl Work {
    /// Returns how often a verification may do this work.
    #[must_use]
    pub fn limit(self) -> u32 {
        match self {
            // webpki's budget.
            Self::Signature => 100,
            Self::Issuer => 200_000,
            Self::NameConstraint => 250_000,
            Self::Crl => LIST_SIGNATURES,
        }
    }
}

/// A certificate in the chain that a peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainPosition {
    /// Its index: 0 is the end-entity certificate.
    pub at: usize,
    /// The number of certificates that the peer sent.
    pub of: usize,
    /// Its subject, such as `CN=a.test, O=Example`.
    pub subject: String,
    /// Its serial number in hexadecimal, as `openssl x509 -serial` shows it.
    pub serial: String,
}

/// Why a trust anchor cannot vouch for a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnchorFault {
    /// It is not a CA certificate (basicConstraints without cA, RFC 5280 §4.2.1.9), and vouches
    /// only for itself.
    NotCa,
    /// Its key usage does not include keyCertSign.
    KeyUsage {
        /// The uses that it allows, such as `digitalSignature`.
        found: Excerpt<&'static str>,
    },
    /// Its name constraints are malformed.
    NameConstraints {
        /// The fault.
        why: String,
    },
    /// It has a critical extension that is not supported.
    CriticalExtension {
        /// The extension's object identifier, such as `1.2.3.4`.
        oid: String,
    },
    /// It has expired.
    Expired {
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// The end of its validity, since 1970-01-01 UTC.
        not_after: Duration,
    },
    /// It is not valid yet.
    NotYetValid {
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// The start of its validity, since 1970-01-01 UTC.
        not_before: Duration,
    },
    /// The path has more CA certificates than its pathLenConstraint allows.
    PathLength {
        /// The number that it allows below itself.
        allowed: u64,
        /// The number in the path, not counting self-issued certificates.
        found: u64,
    },
}

impl AnchorFault {
    pub(super) fn alert(&self) -> AlertDescription {
        match self {
            Self::Expired { .. } | Self::NotYetValid { .. } => AlertDescription::CERTIFICATE_EXPIRED,
            Self::NotCa
            | Self::KeyUsage { .. }
            | Self::NameConstraints { .. }
            | Self::CriticalExtension { .. }
            | Self::PathLength { .. } => AlertDescription::UNKNOWN_CA,
        }
    }
}

/// Why an OCSP response (RFC 6960) does not prove that the certificate is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OcspError {
    /// The server stapled none, and the policy requires one.
    Missing,
    /// The server stapled none, but its certificate requires one (must-staple, RFC 7633).
    MustStaple,
    /// It cannot be parsed.
    Malformed {
        /// The format that it has instead, if recognized: `PEM`, `HTML or XML`, `a certificate`,
        /// `cut off`.
        found: Option<&'static str>,
    },
    /// The responder returned an error.
    NotSuccessful {
        /// The status (RFC 6960 §4.2.1): 3 is tryLater, 6 is unauthorized.
        status: u8,
    },
    /// It is for another certificate.
    OtherCertificate {
        /// The serial number of the certificate.
        serial: String,
        /// The serial numbers in the response. The same one may be another issuer's.
        found: Excerpt<String>,
    },
    /// It identifies certificates by a hash other than SHA-1 and SHA-256.
    UnsupportedHash,
    /// Neither the certificate's issuer nor a responder that the issuer certified has signed it.
    UntrustedResponder,
    /// The certificate of the responder that signed it is not acceptable.
    ResponderRejected {
        /// The responder's name.
        responder: String,
        /// The fault of its certificate.
        why: Box<CertificateError>,
    },
    /// Its signature is invalid: it was checked, and the responder's key did not make it.
    BadSignature,
    /// Its signature was not checked, since its algorithm or key is not supported.
    UnsupportedSignature(Box<UnsupportedSignature>),
    /// It is not valid yet.
    NotYetValid {
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// The start of its validity, since 1970-01-01 UTC.
        this_update: Duration,
    },
    /// It has expired.
    Expired {
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// The time at which a newer response was due, since 1970-01-01 UTC.
        next_update: Duration,
    },
    /// The responder reports the certificate as unknown.
    UnknownCertificate,
    /// It has a critical extension; RFC 6960 §4.4 defines none that is.
    CriticalExtension,
}

/// Why a signed certificate timestamp (SCT, RFC 6962 §3.2) was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SctError {
    /// It cannot be parsed, or its version is not 1.
    Malformed,
    /// The log is not configured.
    UnknownLog {
        /// The log's identifier: the SHA-256 of its key.
        log_id: [u8; 32],
    },
    /// Its signature is invalid: it was checked, and the log's key did not make it.
    BadSignature {
        /// The log's name.
        log: String,
    },
    /// Its signature was not checked, since its algorithm or the log's key is not supported
    /// (RFC 6962 §2.1.4).
    UnsupportedSignature {
        /// The log's name.
        log: String,
        /// The signature.
        signature: Box<UnsupportedSignature>,
    },
    /// It is from the future.
    Future {
        /// The log's name.
        log: String,
        /// The time of the check, since 1970-01-01 UTC.
        now: Duration,
        /// The time in the SCT, since 1970-01-01 UTC.
        timestamp: Duration,
    },
    /// The log is retired, and the SCT was issued afterwards or is not embedded in the certificate.
    Retired {
        /// The log's name.
        log: String,
        /// The time at which the log was retired, since 1970-01-01 UTC.
        retired: Duration,
        /// The time in the SCT, since 1970-01-01 UTC.
        timestamp: Duration,
    },
    /// The log does not accept certificates that expire when this one does.
    OtherPeriod {
        /// The log's name.
        log: String,
        /// The period of the log: its start and end, since 1970-01-01 UTC.
        period: (Duration, Duration),
        /// The time at which the certificate expires, since 1970-01-01 UTC.
        not_after: Duration,
    },
}
