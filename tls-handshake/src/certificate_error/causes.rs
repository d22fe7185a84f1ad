//! What the parts of a verifier say: OCSP responses, timestamps, pins.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tls_codec::code_points::AlertDescription;

use super::Utc;

/// Who says that a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevocationSource {
    /// A certificate revocation list.
    Crl,
    /// The OCSP response that the server stapled.
    Ocsp,
}

/// A certificate of the chain that a peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainPosition {
    /// Which one, counted from 0: the peer's own is the first.
    pub at: usize,
    /// How many the peer sent.
    pub of: usize,
    /// Its subject, such as `CN=a.test, O=Example`.
    pub subject: String,
}

impl fmt::Display for ChainPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate {} of {} ({})", self.at.saturating_add(1), self.of, self.subject)
    }
}

/// Why a trust anchor cannot vouch for a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnchorFault {
    /// It is not a CA certificate (no basicConstraints with cA, RFC 5280 §4.2.1.9), and vouches only for itself.
    NotCa,
    /// Its key usage does not include keyCertSign.
    KeyUsage,
    /// It has a critical extension that is not supported.
    CriticalExtension {
        /// The extension's object identifier, such as `1.2.3.4`.
        oid: String,
    },
    /// It is no longer valid.
    Expired {
        /// The time that the check was made for, since 1970-01-01 UTC.
        now: Duration,
        /// The end of its validity, since 1970-01-01 UTC.
        not_after: Duration,
    },
    /// It is not valid yet.
    NotYetValid {
        /// The time that the check was made for, since 1970-01-01 UTC.
        now: Duration,
        /// The begin of its validity, since 1970-01-01 UTC.
        not_before: Duration,
    },
    /// The path has more CA certificates than its pathLenConstraint allows.
    PathLength {
        /// How many it allows below itself.
        allowed: u64,
        /// How many the path has, without those that are self-issued.
        found: u64,
    },
}

impl AnchorFault {
    pub(super) fn alert(&self) -> AlertDescription {
        match self {
            Self::Expired { .. } | Self::NotYetValid { .. } => AlertDescription::CERTIFICATE_EXPIRED,
            Self::NotCa | Self::KeyUsage | Self::CriticalExtension { .. } | Self::PathLength { .. } => {
                AlertDescription::UNKNOWN_CA
            }
        }
    }
}

impl fmt::Display for AnchorFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCa => f.write_str(
                "it is not a CA certificate (basicConstraints without cA) and vouches only for itself; add the CA that issued \
                 the chain, or trust the certificate itself with trust_exact_certificate",
            ),
            Self::KeyUsage => f.write_str(
                "its key usage does not include keyCertSign; have the CA certificate issued again with keyCertSign",
            ),
            Self::CriticalExtension { oid } => write!(
                f,
                "its critical extension {oid} is not supported; use a CA certificate without it, or have it marked non-critical"
            ),
            Self::Expired { now, not_after } => write!(
                f,
                "it expired at {}; our clock says {}; add the CA's current certificate",
                Utc(*not_after),
                Utc(*now)
            ),
            Self::NotYetValid { now, not_before } => write!(
                f,
                "it is not valid before {}; our clock says {}; correct the clock or add the CA's current certificate",
                Utc(*not_before),
                Utc(*now)
            ),
            Self::PathLength { allowed, found } => write!(
                f,
                "it allows {allowed} CA certificate(s) below itself (path length), the path has {found}; have the chain issued \
                 with fewer, or the anchor with a longer path length"
            ),
        }
    }
}

/// Why an OCSP response (RFC 6960) does not say that the certificate is good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OcspError {
    /// The server stapled none, and the policy asks for one.
    Missing,
    /// The server stapled none, and its certificate says that it always does (RFC 7633).
    MustStaple,
    /// It cannot be parsed.
    Malformed,
    /// The responder had no answer.
    NotSuccessful {
        /// The status (RFC 6960 §4.2.1): 3 is tryLater, 6 unauthorized.
        status: u8,
    },
    /// It is about another certificate.
    OtherCertificate,
    /// The certificate's issuer did not sign it, and nobody to whom the issuer delegated that.
    UntrustedResponder,
    /// Its signature is wrong.
    BadSignature,
    /// It is not valid yet.
    NotYetValid {
        /// The time that the check was made for, since 1970-01-01 UTC.
        now: Duration,
        /// The begin of its validity, since 1970-01-01 UTC.
        this_update: Duration,
    },
    /// It is too old.
    Expired {
        /// The time that the check was made for, since 1970-01-01 UTC.
        now: Duration,
        /// When a newer one was due, since 1970-01-01 UTC.
        next_update: Duration,
    },
    /// The responder does not know the certificate.
    UnknownCertificate,
    /// It has a critical extension, which none has that we know (RFC 6960 §4.4).
    CriticalExtension,
}

impl fmt::Display for OcspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the server stapled no OCSP response, and the policy asks for one"),
            Self::MustStaple => f.write_str(
                "the server stapled no OCSP response, and its certificate says that it always does (must-staple); \
                 the server has to be configured to staple",
            ),
            Self::Malformed => f.write_str("the stapled OCSP response cannot be parsed"),
            Self::NotSuccessful { status } => {
                let name = match status {
                    1 => " (malformedRequest)",
                    2 => " (internalError)",
                    3 => " (tryLater)",
                    5 => " (sigRequired)",
                    6 => " (unauthorized)",
                    _ => "",
                };
                write!(f, "the stapled OCSP response is the responder's error {status}{name}, and no answer")
            }
            Self::OtherCertificate => f.write_str(
                "the stapled OCSP response is about another certificate, or names it by another hash than SHA-1 and SHA-256",
            ),
            Self::UntrustedResponder => f.write_str(
                "the stapled OCSP response is signed neither by the certificate's issuer nor by a responder that the issuer \
                 certified for OCSP",
            ),
            Self::BadSignature => f.write_str("the signature of the stapled OCSP response is wrong"),
            Self::NotYetValid { now, this_update } => write!(
                f,
                "the stapled OCSP response is not valid before {}; our clock says {}",
                Utc(*this_update),
                Utc(*now)
            ),
            Self::Expired { now, next_update } => write!(
                f,
                "the stapled OCSP response is out of date: the next one was due at {}, and our clock says {}",
                Utc(*next_update),
                Utc(*now)
            ),
            Self::UnknownCertificate => f.write_str("the OCSP responder does not know the certificate"),
            Self::CriticalExtension => {
                f.write_str("the stapled OCSP response has a critical extension, and none is known that should be critical")
            }
        }
    }
}

/// Why a signed certificate timestamp (RFC 6962 §3.2) does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SctError {
    /// It cannot be parsed, or is of a version other than 1.
    Malformed,
    /// The log is not among the configured ones.
    UnknownLog {
        /// The log's identifier: the SHA-256 of its key.
        log_id: [u8; 32],
    },
    /// Its signature is wrong.
    BadSignature {
        /// The log's name.
        log: String,
    },
    /// It is from the future.
    Future {
        /// The log's name.
        log: String,
        /// The time that the check was made for, since 1970-01-01 UTC.
        now: Duration,
        /// When it says to be made, since 1970-01-01 UTC.
        timestamp: Duration,
    },
    /// The log had been retired when it was made.
    Retired {
        /// The log's name.
        log: String,
    },
    /// The log does not take certificates that end when this one does.
    OtherPeriod {
        /// The log's name.
        log: String,
    },
}

impl fmt::Display for SctError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("a timestamp cannot be parsed"),
            Self::UnknownLog { log_id } => {
                f.write_str("a timestamp is of a log that is not configured, ")?;
                log_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::BadSignature { log } => write!(f, "the signature of the timestamp of {log:?} is wrong"),
            Self::Future { log, now, timestamp } => write!(
                f,
                "the timestamp of {log:?} is from the future, {}; our clock says {}",
                Utc(*timestamp),
                Utc(*now)
            ),
            Self::Retired { log } => write!(f, "the timestamp of {log:?} was made after that log was retired"),
            Self::OtherPeriod { log } => {
                write!(f, "the log {log:?} is not for certificates that end when this one does")
            }
        }
    }
}

/// The SHA-256 of a key, with its algorithm (the SubjectPublicKeyInfo): what RFC 7469 calls a pin.
///
/// ```
/// use strata_tls_handshake::Pin;
///
/// let text = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=";
/// let pin: Pin = text.parse()?;
/// assert_eq!(pin.to_string(), text);
/// assert!("sha1/…".parse::<Pin>().is_err());
/// # Ok::<(), strata_tls_handshake::BadPin>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pin(pub [u8; 32]);

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PREFIX: &str = "sha256/";

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for group in self.0.chunks(3) {
            let bits = group.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
            for at in 0..=group.len() {
                let digit = (bits >> (18 - 6 * at)) & 63;
                let digit = usize::try_from(digit).ok().and_then(|digit| BASE64.get(digit));
                write!(f, "{}", char::from(*digit.unwrap_or(&b'?')))?;
            }
        }
        f.write_str("=")
    }
}

impl FromStr for Pin {
    type Err = BadPin;

    fn from_str(text: &str) -> Result<Self, BadPin> {
        let digits = text.strip_prefix(PREFIX).and_then(|digits| digits.strip_suffix('=')).ok_or(BadPin)?;
        let mut pin = [0; 32];
        let mut places = pin.iter_mut();
        let (mut bits, mut held) = (0_u32, 0);
        for digit in digits.bytes() {
            let value = BASE64.iter().position(|known| *known == digit).ok_or(BadPin)?;
            bits = ((bits << 6) | u32::try_from(value).map_err(|_| BadPin)?) & 0xfff;
            held += 6;
            if held >= 8 {
                held -= 8;
                *places.next().ok_or(BadPin)? = u8::try_from((bits >> held) & 0xff).map_err(|_| BadPin)?;
            }
        }
        // 43 digits are 32 bytes and two bits, which are zero.
        let whole = places.next().is_none() && digits.len() == 43 && bits & 3 == 0;
        if whole { Ok(Self(pin)) } else { Err(BadPin) }
    }
}

/// A text is no pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPin;

impl fmt::Display for BadPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a pin is `sha256/` and the SHA-256 of a SubjectPublicKeyInfo in base64, 44 characters with its padding",
        )
    }
}

impl std::error::Error for BadPin {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_they_are_written() {
        for start in 0..=255 {
            let pin = Pin(std::array::from_fn(|at| u8::try_from(at * 7 % 256).unwrap().wrapping_add(start)));
            assert_eq!(pin.to_string().len(), 51);
            assert_eq!(pin.to_string().parse(), Ok(pin));
        }
    }

    #[test]
    fn what_is_no_pin_is_refused() {
        let good = Pin([0xff; 32]).to_string();
        assert_eq!(good, format!("sha256/{}8=", "/".repeat(42)));
        for bad in [
            String::new(),
            good.replace("sha256/", ""),
            good.replace('=', ""),
            good.replace("8=", "9="),
            good.replacen('/', "//", 2),
            good.replace("//8", "/_8"),
            format!("{good}="),
        ] {
            assert_eq!(bad.parse::<Pin>(), Err(BadPin), "{bad}");
        }
    }
}
