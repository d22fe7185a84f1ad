//! Converts webpki's errors into [`CertificateError`]s, with texts that an operator can act on.

use webpki::Error as E;

use crate::certificate_error::{CertificateError, Work};
use crate::error::{Escaped, Excerpt, bounded};
use crate::verify::rejection_report::since_1970;

/// Converts an error for a chain of `sent` certificates, with `anchors` configured trust anchors.
pub(crate) fn explain(e: E, sent: usize, anchors: usize) -> CertificateError {
    match e {
        E::CertExpired { time, not_after } => {
            CertificateError::Expired { now: since_1970(time), not_after: since_1970(not_after) }
        }
        E::CertNotValidYet { time, not_before } => {
            CertificateError::NotYetValid { now: since_1970(time), not_before: since_1970(not_before) }
        }
        E::CertNotValidForName(context) => {
            let has = context.presented.iter().map(|name| name.as_str()).collect::<Excerpt<_>>().map(readable);
            CertificateError::NotValidForName { asked: context.expected.to_str().into_owned(), has }
        }
        E::UnknownIssuer => CertificateError::UnknownIssuer { sent, anchors },
        E::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        E::CaUsedAsEndEntity => CertificateError::CaUsedAsEndEntity,
        E::EndEntityUsedAsCa => CertificateError::EndEntityUsedAsCa,
        E::UnsupportedCertVersion => CertificateError::UnsupportedVersion,
        E::BadDer | E::BadDerTime | E::TrailingData(_) => CertificateError::BadEncoding,
        E::MaximumSignatureChecksExceeded => work_limit(Work::Signature, sent),
        E::MaximumPathBuildCallsExceeded => work_limit(Work::Issuer, sent),
        E::MaximumNameConstraintComparisonsExceeded => work_limit(Work::NameConstraint, sent),
        other => match (of_crl(&other), of_path(&other)) {
            (Some(text), _) => CertificateError::BadCrl { crl: None, why: text.into() },
            (None, Some(text)) => CertificateError::Path(text.into()),
            (None, None) => CertificateError::Path(bounded(format!("webpki rejects its chain: {other}"))),
        },
    }
}

fn work_limit(work: Work, sent: usize) -> CertificateError {
    CertificateError::WorkLimit { work, sent, candidates: 0 }
}

fn of_crl(e: &E) -> Option<&'static str> {
    Some(match e {
        E::UnsupportedCrlVersion => "its version is not 2",
        E::InvalidCrlNumber => "invalid CRL number",
        E::UnsupportedDeltaCrl => "it is a delta CRL; load the complete one",
        E::UnsupportedIndirectCrl => "it is an indirect CRL, which is not supported",
        E::UnsupportedCrlIssuingDistributionPoint => "its issuingDistributionPoint is not supported",
        E::UnsupportedRevocationReasonsPartitioning => "it covers only some revocation reasons, which is not supported",
        E::UnsupportedRevocationReason => "it has an unknown revocation reason",
        _ => return None,
    })
}

fn of_path(e: &E) -> Option<&'static str> {
    Some(match e {
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => {
            "the extended key usage of a certificate in its chain does not allow this purpose"
        }
        E::UnsupportedSignatureAlgorithmContext(_) | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "a signature in its chain uses an algorithm or key that is not supported"
        }
        E::NameConstraintViolation => "the name constraints of a CA in its chain do not allow its names",
        E::PathLenConstraintViolated => "a CA in its chain does not allow as many CAs below it (path length)",
        E::MaximumPathDepthExceeded => "its path needs more intermediate certificates than are supported",
        E::UnsupportedCriticalExtension => "it has a critical extension that is not supported",
        E::MalformedExtensions | E::ExtensionValueInvalid => "an extension of it cannot be parsed, or occurs twice",
        E::InvalidSerialNumber => "its serial number is invalid",
        E::InvalidCertValidity => "it expires before it becomes valid",
        E::SignatureAlgorithmMismatch => "it names two different signature algorithms",
        E::MalformedNameConstraint | E::InvalidNetworkMaskConstraint => {
            "the name constraints of a CA in its chain cannot be parsed"
        }
        E::MalformedDnsIdentifier => "a name in a certificate of its chain cannot be parsed",
        E::UnsupportedNameType => "certificates cannot be verified for this type of name",
        E::CertDistrusted => "a CA in its chain is distrusted",
        _ => return None,
    })
}

/// Shows webpki's `DnsName("a.test")` as `a.test`. The text comes from the peer, so control
/// characters are escaped.
fn readable(presented: &str) -> String {
    match presented.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")")) {
        Some(name) => bounded(Escaped(name).to_string()),
        None => bounded(Escaped(presented).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pki_types::UnixTime;

    use super::*;

    #[test]
    fn webpki_errors_keep_their_meaning() {
        let [one, two] = [1, 2].map(Duration::from_secs);
        let [time_one, time_two] = [one, two].map(UnixTime::since_unix_epoch);
        for (e, expected) in [
            (
                E::CertExpired { time: time_two, not_after: time_one },
                CertificateError::Expired { now: two, not_after: one },
            ),
            (
                E::CertNotValidYet { time: time_one, not_before: time_two },
                CertificateError::NotYetValid { now: one, not_before: two },
            ),
            (E::UnknownIssuer, CertificateError::UnknownIssuer { sent: 3, anchors: 4 }),
            (E::EndEntityUsedAsCa, CertificateError::EndEntityUsedAsCa),
            (E::BadDerTime, CertificateError::BadEncoding),
        ] {
            assert_eq!(explain(e, 3, 4), expected);
        }
    }

    #[test]
    fn readable_bounds_length_of_names() {
        let long = "a".repeat(100_000);
        assert!(readable(&long).len() < long.len());
        assert!(readable(&format!("DnsName(\"{long}\")")).len() < long.len());
    }

    #[test]
    fn readable_escapes_control_characters() {
        assert_eq!(readable("DnsName(\"a.test\")"), "a.test");
        assert_eq!(readable("DnsName(\"a\n\u{1b}[2J\")"), "a\\n\\u{1b}[2J");
        assert_eq!(readable("x\ny"), "x\\ny");
    }
}
