//! A rejected chain with everything needed to fix it: the failed check, the chain, the trust
//! anchors tried.

use std::sync::Arc;
use std::time::Duration;

use tls_codec::code_points::AlertDescription;

use super::{CertificateError, ChainPosition, UnsupportedSignature};
use crate::error::{Excerpt, error_alert};

/// The rejection of a peer's certificate chain.
///
/// `{}` shows the failed check in one line, with a hint if the cause is a common mistake. `{:#}`
/// adds a line for each certificate of the chain and for each trust anchor that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The failed check.
    pub why: CertificateError,
    /// The chain and the trust anchors tried; `None` if the fault is not in the chain.
    pub chain: Option<Arc<ChainReport>>,
    /// The alert to send instead of the default alert for [`why`](Self::why).
    pub alert: Option<AlertDescription>,
}

impl From<CertificateError> for Refusal {
    fn from(why: CertificateError) -> Self {
        Self { why, chain: None, alert: None }
    }
}

impl Refusal {
    /// Replaces the alert that is sent to the peer. close_notify, user_canceled and
    /// no_renegotiation are ignored, since they do not reject anything. Default: the alert for
    /// [`why`](Self::why).
    #[must_use]
    pub fn with_alert(mut self, alert: AlertDescription) -> Self {
        self.alert = Some(alert);
        self
    }

    /// Returns the alert that is sent to the peer (RFC 9846 §6.2).
    #[must_use]
    pub fn alert(&self) -> AlertDescription {
        self.alert.and_then(error_alert).unwrap_or_else(|| self.why.alert())
    }

    /// Returns the certificate that failed the check; `None` if the fault is not one certificate's,
    /// or if the application rejected the chain.
    #[must_use]
    pub fn certificate(&self) -> Option<ChainPosition> {
        let chain = self.chain.as_deref()?;
        let at = chain.rejected?;
        let CertificateReport { subject, serial, .. } = chain.certificates.get(at)?;
        let (subject, serial) = (subject.clone(), serial.clone());
        Some(ChainPosition { at, of: chain.certificates.len(), subject, serial })
    }

    /// Returns what to do if the cause is a common mistake.
    #[must_use]
    pub fn hint(&self) -> Option<&Hint> {
        self.chain.as_deref()?.hint.as_ref()
    }
}

/// Has no source: the text contains the cause.
impl std::error::Error for Refusal {}

/// The chain as it was sent, and the trust anchors that have the name of an issuer in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainReport {
    /// The time of the check, since 1970-01-01 UTC.
    pub now: Duration,
    /// The certificates in the order sent.
    pub certificates: Vec<CertificateReport>,
    /// The index of the certificate that failed the check; `None` if it is unknown, or if the fault
    /// is not one certificate's.
    pub rejected: Option<usize>,
    /// The trust anchors with the name of an issuer.
    pub anchors: Vec<AnchorReport>,
    /// The number of all configured trust anchors.
    pub anchors_configured: usize,
    /// Advice if the cause is a common mistake.
    pub hint: Option<Hint>,
}

/// A certificate in a rejected chain. All its text comes from the peer and is unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateReport {
    /// Its subject, such as `CN=a.test, O=Example`.
    pub subject: String,
    /// Its issuer.
    pub issuer: String,
    /// Its serial number in hexadecimal, as `openssl x509 -serial` shows it.
    pub serial: String,
    /// The start of its validity, since 1970-01-01 UTC; `None` if it is earlier, or cannot be
    /// parsed.
    pub not_before: Option<Duration>,
    /// The end of its validity, since 1970-01-01 UTC; `None` if it is earlier, or cannot be parsed.
    pub not_after: Option<Duration>,
    /// The DNS names and IP addresses in it.
    pub names: Excerpt<String>,
    /// True for a CA certificate (basicConstraints).
    pub is_ca: bool,
    /// The X.509 version: 3 or older; 0 if the certificate cannot be parsed.
    pub version: u8,
}

/// A trust anchor with the name of an issuer in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnchorReport {
    /// Its subject.
    pub subject: String,
    /// The index of the certificate that names it as issuer, in the order sent.
    pub issuer_of: usize,
    /// Why it does not vouch for that certificate.
    pub rejected: AnchorRejection,
}

/// Why a trust anchor does not vouch for a certificate that names it as its issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnchorRejection {
    /// The signature was checked, and its key did not make it.
    OtherKey,
    /// Its key has another type than the certificate's signature, so it did not make it.
    OtherKeyType,
    /// The signature was not checked, since its algorithm or the anchor's key is not supported.
    Unsupported(UnsupportedSignature),
    /// It signed the certificate, but another check failed.
    OtherCheck,
}

/// Advice about a rejected chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// The end-entity certificate is self-signed.
    SelfSigned,
    /// The chain ends in a CA that is not trusted.
    PrivateCa {
        /// The CA's name.
        subject: String,
    },
    /// The chain lacks the certificate of an issuer, which is not a trust anchor.
    MissingIntermediate {
        /// The issuer whose certificate is missing.
        issuer: String,
    },
    /// A trust anchor has the issuer's name, but its key did not make the signature.
    SameNameOtherKey {
        /// The name.
        subject: String,
    },
    /// A trust anchor has the issuer's name, but a key of another type than the signature.
    SameNameOtherKeyType {
        /// The name.
        subject: String,
    },
    /// The peer sent a CA certificate as its own.
    CaAsEndEntity,
    /// A CA certificate that the peer sent has expired, not the peer's own.
    ExpiredCa,
    /// The certificate has the requested name only as its common name, which is not used.
    CommonName {
        /// The common name.
        name: String,
    },
    /// The certificate has the requested IP address as a DNS name.
    AddressAsDnsName,
    /// A wildcard of the certificate would have to cover several labels of the requested name, or
    /// none.
    Wildcard {
        /// The name with the wildcard.
        name: String,
    },
    /// A certificate for servers was used for a client. Public CAs issued both until 2026.
    ClientAuth,
}
