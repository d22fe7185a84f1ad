//! What webpki says, in words that tell a person what to do.

use webpki::Error as E;

use crate::certificate_error::CertificateError;
use crate::error::{Excerpt, bounded};
use crate::verify::rejection_report::since_1970;

/// `sent` certificates came, and so many trust anchors are configured.
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
        // The second is an anchor of the issuer's name whose key is of another kind: it is not the issuer.
        E::UnknownIssuer | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            CertificateError::UnknownIssuer { sent, anchors }
        }
        E::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        E::CaUsedAsEndEntity => CertificateError::CaUsedAsEndEntity,
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => CertificateError::WrongPurpose,
        E::UnsupportedSignatureAlgorithmContext(_) => CertificateError::UnsupportedAlgorithm,
        E::UnsupportedCertVersion => CertificateError::UnsupportedVersion,
        E::BadDer | E::BadDerTime | E::TrailingData(_) => CertificateError::BadEncoding,
        other => match (of_crl(&other), of_path(&other)) {
            (Some(text), _) => CertificateError::BadCrl { certificate: None, why: text.into() },
            (None, Some(text)) => CertificateError::Path(text.into()),
            (None, None) => CertificateError::Path(bounded(format!("webpki refuses its chain: {other}"))),
        },
    }
}

fn of_crl(e: &E) -> Option<&'static str> {
    Some(match e {
        E::InvalidCrlSignatureForPublicKey => "its signature is wrong, or of another key of that authority",
        E::UnsupportedCrlSignatureAlgorithmContext(_) | E::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => {
            "it is signed in a way that is not supported, or that the authority's key cannot sign"
        }
        E::IssuerNotCrlSigner => "that authority's certificate does not allow it to sign such lists (key usage)",
        E::UnsupportedCrlVersion => "it is not of version 2",
        E::InvalidCrlNumber => "its number is none",
        E::UnsupportedDeltaCrl => "it is a delta to another list; load the whole one",
        E::UnsupportedIndirectCrl => "it is an indirect one, about certificates of other authorities",
        E::UnsupportedCrlIssuingDistributionPoint => "where it is distributed is told in a way that is not supported",
        E::UnsupportedRevocationReasonsPartitioning => "it is about some reasons for revocation alone",
        E::UnsupportedRevocationReason => "a reason for revocation is not known",
        _ => return None,
    })
}

fn of_path(e: &E) -> Option<&'static str> {
    Some(match e {
        E::NameConstraintViolation => "an authority of its chain may not vouch for this name (name constraints)",
        E::PathLenConstraintViolated => {
            "an authority of its chain may not vouch for as many authorities below it (path length)"
        }
        E::EndEntityUsedAsCa => "a certificate of its chain that is no authority's has issued another one",
        E::MaximumSignatureChecksExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumNameConstraintComparisonsExceeded
        | E::MaximumPathDepthExceeded => "its chain takes more work to judge than any honest one",
        E::UnsupportedCriticalExtension => "a certificate of its chain has a critical extension that is not supported",
        E::MalformedExtensions | E::ExtensionValueInvalid => {
            "an extension of a certificate of its chain cannot be parsed"
        }
        E::InvalidSerialNumber => "the serial number of a certificate of its chain is not allowed",
        E::InvalidCertValidity => "a certificate of its chain ends before it begins",
        E::SignatureAlgorithmMismatch => "a certificate of its chain names two different signature algorithms",
        E::MalformedNameConstraint | E::InvalidNetworkMaskConstraint => {
            "the name constraints of an authority of its chain cannot be parsed"
        }
        E::MalformedDnsIdentifier => "a name in a certificate of its chain cannot be parsed",
        E::UnsupportedNameType => "a name of this kind cannot be asked for",
        E::CertDistrusted => "an authority of its chain is known to be compromised",
        _ => return None,
    })
}

/// webpki names what a certificate presents as `DnsName("a.test")`; a person reads `a.test`. The text comes from the peer: what could
/// move a cursor or begin a line is shown as an escape.
fn readable(presented: &str) -> String {
    match presented.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")")) {
        Some(name) => bounded(name.escape_debug().to_string()),
        None => bounded(presented.escape_debug().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pki_types::UnixTime;

    use super::*;

    #[test]
    fn errors_of_webpki_keep_their_meaning() {
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
            (E::EmptyEkuExtension, CertificateError::WrongPurpose),
            (E::BadDerTime, CertificateError::BadEncoding),
        ] {
            assert_eq!(explain(e, 3, 4), expected);
        }
    }

    #[test]
    fn names_of_the_peer_have_a_bounded_length() {
        let long = "a".repeat(100_000);
        assert!(readable(&long).len() < long.len());
        assert!(readable(&format!("DnsName(\"{long}\")")).len() < long.len());
    }

    #[test]
    fn names_of_the_peer_cannot_begin_a_line() {
        assert_eq!(readable("DnsName(\"a.test\")"), "a.test");
        assert_eq!(readable("DnsName(\"a\n\u{1b}[2J\")"), "a\\n\\u{1b}[2J");
        assert_eq!(readable("x\ny"), "x\\ny");
    }
}
