//! Why a CRL of the issuer does not cover a certificate.

use std::fmt;

use crate::error::Excerpt;

/// A CRL of a certificate's issuer that does not cover the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InapplicableCrl {
    /// The CRL, such as `CRL number 7 of CN=the CA`.
    pub crl: String,
    /// Why it does not cover the certificate.
    pub why: CrlMismatch,
}

/// Why the scope of a CRL (issuingDistributionPoint, RFC 5280 §5.2.5) does not include a
/// certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlMismatch {
    /// It is for another part of the issuer's certificates.
    OtherPartition {
        /// The URIs of the CRL's distribution point.
        crl: Excerpt<String>,
        /// The URIs of the certificate's distribution points.
        certificate: Excerpt<String>,
    },
    /// It covers only end-entity certificates, and this is a CA certificate.
    OnlyEndEntity,
    /// It covers only CA certificates, and this is an end-entity certificate.
    OnlyCa,
    /// The certificate names its distribution point only for an indirect CRL or for some revocation
    /// reasons, which is not supported.
    UnsupportedPoint,
    /// Its scope cannot be parsed.
    Malformed,
}

impl fmt::Display for InapplicableCrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let crl = &self.crl;
        match &self.why {
            CrlMismatch::OtherPartition { crl: covers, certificate } => write!(
                f,
                "{crl} covers the certificates with the distribution point {covers}, and this one has {certificate}"
            ),
            CrlMismatch::OnlyEndEntity => write!(f, "{crl} covers only end-entity certificates"),
            CrlMismatch::OnlyCa => write!(f, "{crl} covers only CA certificates"),
            CrlMismatch::UnsupportedPoint => write!(
                f,
                "the certificate names the distribution point of {crl} for an indirect CRL or for some revocation reasons \
                 only, which is not supported"
            ),
            CrlMismatch::Malformed => write!(f, "the scope of {crl} cannot be parsed"),
        }
    }
}
