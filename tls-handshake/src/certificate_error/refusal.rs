//! A refused chain, told with all that a person needs to mend it: why, what was tried, and what to do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tls_codec::code_points::AlertDescription;

use super::{CertificateError, Utc};
use crate::error::{Excerpt, error_alert};

/// A peer's certificates are refused.
///
/// `{}` says why in a line, with a hint where the cause is a known confusion; `{:#}` adds the chain that was tried and the trust
/// anchors that came into question, a line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Which check failed.
    pub why: CertificateError,
    /// What was tried; `None` if it is not the chain that is at fault.
    pub chain: Option<Arc<ChainReport>>,
    /// The alert that tells the peer of it, if not the one that goes with the reason.
    pub alert: Option<AlertDescription>,
}

impl From<CertificateError> for Refusal {
    fn from(why: CertificateError) -> Self {
        Self { why, chain: None, alert: None }
    }
}

impl Refusal {
    /// The same, told to the peer by this alert instead of the one that goes with the reason. close_notify and the warnings
    /// user_canceled and no_renegotiation, which refuse nothing, cannot be chosen: the reason's alert stays.
    #[must_use]
    pub fn with_alert(mut self, alert: AlertDescription) -> Self {
        self.alert = Some(alert);
        self
    }

    /// The alert that tells the peer of it (RFC 9846 §6.2).
    #[must_use]
    pub fn alert(&self) -> AlertDescription {
        self.alert.and_then(error_alert).unwrap_or_else(|| self.why.alert())
    }

    /// What to do about it, where the cause is a known confusion.
    #[must_use]
    pub fn hint(&self) -> Option<&Hint> {
        self.chain.as_deref()?.hint.as_ref()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)?;
        if let Some(hint) = self.hint() {
            write!(f, "; {hint}")?;
        }
        match &self.chain {
            Some(chain) if f.alternate() => write!(f, "\n{chain}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.why)
    }
}

/// What was tried: the chain as it came, and the trust anchors that bear the name of an issuer in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainReport {
    /// The clock that validity was checked against, since 1970-01-01 UTC.
    pub now: Duration,
    /// In the order in which the peer sent them.
    pub certificates: Vec<CertificateReport>,
    /// The candidates among the trust anchors.
    pub anchors: Vec<AnchorReport>,
    /// How many trust anchors there are, candidates or not.
    pub anchors_configured: usize,
    /// What to do, where the cause is a known confusion.
    pub hint: Option<Hint>,
}

/// A certificate of a chain, as it describes itself. All text comes from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateReport {
    /// Its subject, such as `CN=a.test, O=Example`.
    pub subject: String,
    /// Its issuer.
    pub issuer: String,
    /// The begin of its validity, since 1970-01-01 UTC.
    pub not_before: Duration,
    /// The end of its validity, since 1970-01-01 UTC.
    pub not_after: Duration,
    /// The DNS names and IP addresses in it.
    pub names: Excerpt<String>,
    /// Whether it is an authority's.
    pub is_ca: bool,
    /// The version of X.509: 3, or older.
    pub version: u8,
}

/// A trust anchor that bears the name of an issuer in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnchorReport {
    /// Its name.
    pub subject: String,
    /// Which certificate names it as its issuer, counted from 0 as the peer sent them.
    pub issuer_of: usize,
    /// Why it does not vouch for that certificate.
    pub rejected: AnchorRejection,
}

/// Why a trust anchor does not vouch for a certificate that names it as its issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnchorRejection {
    /// Its key did not make the certificate's signature.
    OtherKey,
    /// The signature is of a kind that its key cannot make, or that is not supported.
    OtherAlgorithm,
    /// It did sign the certificate: another check failed.
    OtherCheck,
}

/// What to do about a refused chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// The peer's certificate is signed by itself.
    SelfSigned,
    /// The chain ends in an authority that is not trusted.
    PrivateCa {
        /// The authority's name.
        subject: String,
    },
    /// The chain ends before any authority that could be trusted.
    MissingIntermediate {
        /// Whose certificate is missing.
        issuer: String,
    },
    /// A trust anchor has the authority's name, and another key.
    SameNameOtherKey {
        /// The name.
        subject: String,
    },
    /// An authority's certificate is used by a server or a client.
    CaAsEndEntity,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelfSigned => f.write_str(
                "it is signed by itself: if it is the one you expect, trust it with trust_exact_certificate",
            ),
            Self::PrivateCa { subject } => write!(
                f,
                "the chain ends in {subject}, which is not among the trust anchors: if it is an authority of your own, add its \
                 certificate to the RootCertStore"
            ),
            Self::MissingIntermediate { issuer } => write!(
                f,
                "the certificate of {issuer} is neither in the chain nor among the trust anchors: the peer may have left out an \
                 intermediate certificate, or the authority is a private one that has to be added to the RootCertStore"
            ),
            Self::SameNameOtherKey { subject } => write!(
                f,
                "a trust anchor is called {subject} too, and has another key: the authority may have a new key, whose \
                 certificate has to be added"
            ),
            Self::CaAsEndEntity => f.write_str(
                "have it issue a certificate for the name; or, if it is self-signed and the one you expect, trust it with \
                 trust_exact_certificate",
            ),
        }
    }
}

impl fmt::Display for ChainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chain as it was sent (our clock says {}):", Utc(self.now))?;
        for (at, certificate) in self.certificates.iter().enumerate() {
            write!(f, "\n  {at}: {certificate}")?;
        }
        write!(f, "\ntrust anchors with the name of an issuer, of {} configured:", self.anchors_configured)?;
        if self.anchors.is_empty() {
            f.write_str(" none")?;
        }
        self.anchors.iter().try_for_each(|anchor| write!(f, "\n  {anchor}"))
    }
}

impl fmt::Display for CertificateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, issuer, names, .. } = self;
        write!(f, "{subject}, issued by {issuer}, valid from {} to {}", Utc(self.not_before), Utc(self.not_after))?;
        if !names.is_empty() {
            f.write_str(", for ")?;
            names.fmt(f)?;
        }
        if self.is_ca {
            f.write_str(", an authority")?;
        }
        if self.version < 3 { write!(f, ", X.509 version {}", self.version) } else { Ok(()) }
    }
}

impl fmt::Display for AnchorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.subject)?;
        let at = self.issuer_of;
        match self.rejected {
            AnchorRejection::OtherKey => write!(f, "its key did not sign certificate {at}"),
            AnchorRejection::OtherAlgorithm => {
                write!(f, "certificate {at} is signed in a way that its key cannot sign, or that is not supported")
            }
            AnchorRejection::OtherCheck => write!(f, "it signed certificate {at}; another check failed"),
        }
    }
}
