//! Why a certificate chain is refused, told so that a person can mend it.

use std::fmt;
use std::time::Duration;

use tls_codec::code_points::AlertDescription;

use crate::error::Excerpt;

mod causes;
mod refusal;

pub use causes::{AnchorFault, BadPin, ChainPosition, OcspError, Pin, RevocationSource, SctError};
pub use refusal::{AnchorRejection, AnchorReport, CertificateReport, ChainReport, Hint, Refusal};

/// Why a peer's certificate chain was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// No trust anchor is configured, so that no certificate can be accepted.
    NoTrustAnchors,
    /// The certificate is no longer valid.
    Expired {
        /// The time that the check was made for, since 1970-01-01 UTC.
        now: Duration,
        /// The end of its validity, since 1970-01-01 UTC.
        not_after: Duration,
    },
    /// The certificate is not valid yet.
    NotYetValid {
        /// The time that the check was made for, since 1970-01-01 UTC.
        now: Duration,
        /// The begin of its validity, since 1970-01-01 UTC.
        not_before: Duration,
    },
    /// The certificate is for other names than the one asked for.
    NotValidForName {
        /// The name that was asked for.
        asked: String,
        /// The names in the certificate.
        has: Excerpt<String>,
    },
    /// No path leads from the certificate to a configured trust anchor.
    UnknownIssuer {
        /// How many certificates the peer sent.
        sent: usize,
        /// How many trust anchors are configured.
        anchors: usize,
    },
    /// A signature in the chain does not verify.
    BadSignature,
    /// A certificate of the chain was revoked.
    Revoked {
        /// Who says so.
        by: RevocationSource,
        /// Which one; `None` for the peer's own, of which an OCSP response says so.
        certificate: Option<ChainPosition>,
    },
    /// No revocation list covers a certificate of the chain, and the policy asks for one.
    UnknownRevocationStatus {
        /// The certificate without a list.
        certificate: ChainPosition,
    },
    /// The revocation list that covers a certificate of the chain is too old.
    CrlExpired {
        /// The certificate that the list covers.
        certificate: ChainPosition,
        /// The time that the check was made for, since 1970-01-01 UTC.
        now: Duration,
        /// When the next list was due, since 1970-01-01 UTC.
        next_update: Duration,
    },
    /// The revocation list that covers a certificate of the chain is from the future.
    CrlNotYetValid {
        /// The certificate that the list covers.
        certificate: ChainPosition,
        /// The time that the check was made for, since 1970-01-01 UTC.
        now: Duration,
        /// When the list was issued, since 1970-01-01 UTC.
        this_update: Duration,
    },
    /// The revocation list that covers a certificate of the chain cannot be believed, or one cannot be loaded.
    BadCrl {
        /// The certificate that the list is about; `None` where it is loaded.
        certificate: Option<ChainPosition>,
        /// What is wrong with the list.
        why: String,
    },
    /// The OCSP response that the policy asks for is not there, or is no good.
    Ocsp(OcspError),
    /// Too few of the configured logs have promised to publish the certificate (RFC 6962).
    Transparency {
        /// How many operators of logs are asked for.
        wanted: usize,
        /// How many have given a timestamp that is right.
        found: usize,
        /// What is wrong with the other timestamps.
        rejected: Excerpt<SctError>,
    },
    /// No key of the chain is among the pinned ones.
    NotPinned {
        /// The SHA-256 of each key of the chain (its SubjectPublicKeyInfo), leaf first.
        keys: Vec<Pin>,
    },
    /// The trust anchor that the path leads to cannot vouch for it, or a certificate cannot be a trust anchor.
    Anchor {
        /// The anchor's subject.
        anchor: String,
        /// What is wrong with it.
        fault: AnchorFault,
    },
    /// A certificate issued another one, and its key usage does not allow that (RFC 5280 §6.1.4 (n)).
    IssuerKeyUsage {
        /// The certificate without keyCertSign.
        issuer: ChainPosition,
    },
    /// The peer presents an authority's certificate as its own.
    CaUsedAsEndEntity,
    /// The certificate is not meant for this purpose (extended key usage).
    WrongPurpose,
    /// The certificate's key is not meant for signatures (key usage).
    WrongKeyUsage,
    /// The certificate, or a signature in its chain, uses an algorithm that is not supported.
    UnsupportedAlgorithm,
    /// A certificate of the chain is of X.509 version 1 or 2.
    UnsupportedVersion,
    /// The certificate cannot be parsed.
    BadEncoding,
    /// The local time is not known, so that validity cannot be checked.
    TimeUnknown,
    /// Another check of the path failed; the text names it.
    Path(String),
    /// A verifier that the application supplied refused the chain; the text is its own.
    Application(String),
}

impl CertificateError {
    /// The alert that tells the peer of it (RFC 9846 §6.2).
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

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTrustAnchors => f.write_str(
                "no trust anchors are configured, so that no certificate can be accepted; \
                 give the configuration a RootCertStore",
            ),
            Self::Expired { now, not_after } => {
                write!(f, "it expired at {}; our clock says {}", Utc(*not_after), Utc(*now))
            }
            Self::NotYetValid { now, not_before } => {
                write!(f, "it is not valid before {}; our clock says {}", Utc(*not_before), Utc(*now))
            }
            Self::NotValidForName { asked, has } if has.is_empty() => {
                write!(f, "it names no server at all, and {asked:?} was asked for")
            }
            Self::NotValidForName { asked, has } => {
                f.write_str("it is valid for ")?;
                has.fmt(f)?;
                write!(f, ", and not for {asked:?}, which was asked for")
            }
            Self::UnknownIssuer { sent, anchors } => write!(
                f,
                "no path leads from the {sent} certificate(s) sent to one of the {anchors} trust anchor(s) configured"
            ),
            Self::BadSignature => f.write_str("a signature in its chain is wrong"),
            Self::Revoked { by, certificate } => {
                match certificate {
                    Some(certificate) => certificate.fmt(f),
                    None => f.write_str("it"),
                }?;
                f.write_str(match by {
                    RevocationSource::Crl => " was revoked: a revocation list names it",
                    RevocationSource::Ocsp => " was revoked: the stapled OCSP response says so",
                })
            }
            Self::UnknownRevocationStatus { certificate } => write!(
                f,
                "no revocation list (CRL) covers {certificate}, and the policy asks for one; load the list of each \
                 authority, or accept unknown status",
            ),
            Self::CrlExpired { certificate, now, next_update } => write!(
                f,
                "the revocation list (CRL) for {certificate} is out of date: the next one was due at {}, and our clock says \
                 {}; load the present one",
                Utc(*next_update),
                Utc(*now)
            ),
            Self::CrlNotYetValid { certificate, now, this_update } => write!(
                f,
                "the revocation list (CRL) for {certificate} is not valid before {}; our clock says {}; correct the clock or \
                 load the current list",
                Utc(*this_update),
                Utc(*now)
            ),
            Self::BadCrl { certificate: Some(certificate), why } => {
                write!(f, "the revocation list (CRL) for {certificate} cannot be used: {why}")
            }
            Self::BadCrl { certificate: None, why } => write!(f, "a revocation list (CRL) cannot be used: {why}"),
            Self::Ocsp(e) => e.fmt(f),
            Self::Transparency { wanted, found, rejected } => {
                write!(
                    f,
                    "{found} of the configured certificate transparency logs' operators have signed for it, and {wanted} are \
                     asked for"
                )?;
                match rejected.entries() {
                    [] => f.write_str("; it came without other timestamps"),
                    entries => entries.iter().try_for_each(|e| write!(f, "; {e}")),
                }?;
                match rejected.total().saturating_sub(rejected.entries().len()) {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more"),
                }
            }
            Self::NotPinned { keys } => {
                f.write_str("no key of its chain is pinned; the chain's keys are")?;
                keys.iter().try_for_each(|key| write!(f, " {key}"))
            }
            Self::Anchor { anchor, fault } => write!(f, "the trust anchor {anchor} cannot vouch for it: {fault}"),
            Self::IssuerKeyUsage { issuer } => write!(
                f,
                "{issuer} issued another certificate, but its key usage does not include keyCertSign; have the CA certificate \
                 issued again with keyCertSign"
            ),
            Self::CaUsedAsEndEntity => f.write_str(
                "it is an authority's certificate; whoever proves itself needs one of its own, issued by that authority",
            ),
            Self::WrongPurpose => f.write_str("it is not meant for this purpose (extended key usage)"),
            Self::WrongKeyUsage => f.write_str(
                "its key is not meant for signatures (key usage without digitalSignature), and TLS signs every handshake with it",
            ),
            Self::UnsupportedAlgorithm => f.write_str(
                "its key, or a signature in its chain, uses an algorithm that is not supported \
                 (RSA from 2048 bits, ECDSA P-256 and P-384 and Ed25519 are)",
            ),
            Self::UnsupportedVersion => f.write_str(
                "a certificate of its chain is of X.509 version 1, which cannot say what it may be used for; \
                 have it issued again as version 3",
            ),
            Self::BadEncoding => f.write_str("it cannot be parsed"),
            Self::TimeUnknown => f.write_str("the local time is not known, so that its validity cannot be checked"),
            Self::Path(what) => f.write_str(what),
            Self::Application(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for CertificateError {}

/// Seconds since 1970 as a person reads them.
pub(crate) struct Utc(pub(crate) Duration);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        // Days to a civil date, counting years from March so that the leap day is the last of its year.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_609_459_199, "2020-12-31 23:59:59 UTC"),
            (4_102_444_800, "2100-01-01 00:00:00 UTC"),
        ] {
            assert_eq!(Utc(Duration::from_secs(seconds)).to_string(), text);
        }
    }

    #[test]
    fn a_wrong_name_tells_both_sides() {
        let e = CertificateError::NotValidForName { asked: "a.test".into(), has: vec!["b.test".into()].into() };
        assert!(e.to_string().contains("a.test") && e.to_string().contains("b.test"));
    }
}
