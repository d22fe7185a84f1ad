//! Every text about a certificate chain: what happened, what was expected, and what to do about it.

use std::fmt;
use std::time::Duration;

use super::{
    AnchorFault, AnchorRejection, AnchorReport, CertificateError, CertificateReport, ChainPosition, ChainReport, Hint,
    OcspError, Refusal, RevocationSource, SctError, Work,
};

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTrustAnchors => f.write_str("no trust anchors are configured; add CAs to the RootCertStore"),
            Self::Expired { now, not_after } => {
                write!(f, "it {}; have it renewed, or correct the clock", Expired { at: *not_after, now: *now })
            }
            Self::NotYetValid { now, not_before } => {
                write!(f, "it {}; correct the clock", NotYetValid { until: *not_before, now: *now })
            }
            Self::NotValidForName { asked, has } if has.is_empty() => {
                write!(f, "it has no DNS name or IP address in subjectAltName, so it cannot match {asked:?}")
            }
            Self::NotValidForName { asked, has } => {
                write!(f, "it does not match the name: expected {asked:?}, got ")?;
                has.fmt(f)
            }
            Self::UnknownIssuer { sent, anchors } => write!(
                f,
                "no path from the {sent} certificate(s) sent to any of the {anchors} configured trust anchor(s)"
            ),
            Self::BadSignature => f.write_str(
                "its signature is invalid: no certificate or trust anchor with its issuer's name has the key that made it",
            ),
            Self::Revoked { by: RevocationSource::Crl, crl: Some(crl) } => {
                write!(f, "it is revoked: {crl} lists it; the peer needs a new certificate")
            }
            Self::Revoked { by: RevocationSource::Crl, crl: None } => f.write_str("it is revoked: a CRL lists it"),
            Self::Revoked { by: RevocationSource::Ocsp, .. } => f.write_str(
                "it is revoked: the stapled OCSP response reports it; the peer needs a new certificate",
            ),
            Self::UnknownRevocationStatus { issuer, configured, inapplicable } => {
                f.write_str("no CRL covers it: ")?;
                if inapplicable.is_empty() {
                    write!(f, "none of the {configured} configured CRL(s) is of its issuer, {issuer}")?;
                } else {
                    inapplicable.fmt(f)?;
                }
                f.write_str(
                    "; load the CRL of its issuer that covers it, or accept an unknown status (set_accept_unknown_status)",
                )
            }
            Self::CrlExpired { crl, now, next_update } => {
                write!(f, "{crl}, which covers it, {}; load the current CRL", Expired { at: *next_update, now: *now })
            }
            Self::CrlNotYetValid { crl, now, this_update } => write!(
                f,
                "{crl}, which covers it, {}; correct the clock, or load the current CRL",
                NotYetValid { until: *this_update, now: *now }
            ),
            Self::BadCrl { crl: Some(crl), why } => write!(f, "{crl}, which covers it, is unusable: {why}"),
            Self::BadCrl { crl: None, why } => write!(f, "unusable CRL: {why}"),
            Self::Ocsp(e) => e.fmt(f),
            Self::Transparency { wanted, found, rejected } => {
                write!(f, "SCTs from {found} CT log operator(s); the policy requires {wanted}")?;
                match rejected.entries() {
                    [] if *found == 0 => f.write_str("; the server sent none"),
                    [] => f.write_str("; no SCT was rejected"),
                    entries => entries.iter().try_for_each(|e| write!(f, "; {e}")),
                }?;
                match rejected.total().saturating_sub(rejected.entries().len()) {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more"),
                }
            }
            Self::NotPinned { wanted, keys } => {
                write!(f, "no key in its chain is pinned: expected one of {wanted}, got")?;
                keys.iter().try_for_each(|key| write!(f, " {key}"))
            }
            Self::Anchor { anchor, fault } => write!(f, "trust anchor {anchor} is unusable: {fault}"),
            Self::IssuerKeyUsage { found } => write!(
                f,
                "it issued another certificate, but its key usage does not include keyCertSign: it has {found}; have the CA \
                 certificate reissued with keyCertSign"
            ),
            Self::CaUsedAsEndEntity => f.write_str(
                "it is a CA certificate, sent as an end-entity certificate; the peer needs a certificate of its own",
            ),
            Self::EndEntityUsedAsCa => f.write_str(
                "it issued another certificate, but is not a CA certificate (basicConstraints without cA); have that one \
                 issued by a CA, or the CA certificate reissued with cA",
            ),
            Self::PathLength { allowed, found } => write!(
                f,
                "it allows {allowed} CA certificate(s) below itself (path length), but the path has {found}; have the chain \
                 reissued with fewer, or this CA certificate with a longer path length"
            ),
            Self::TooManyIntermediates { sent, allowed } => write!(
                f,
                "its path needs more than {allowed} intermediate certificates ({sent} were sent), and no more are supported; \
                 have it issued by a CA nearer to the trust anchor, or add one of the intermediate CAs to the RootCertStore"
            ),
            Self::NameConstraint(constraint) => constraint.fmt(f),
            Self::CriticalExtension { oid } => write!(
                f,
                "its critical extension {oid} is not supported; have it reissued without the extension, or with it marked \
                 non-critical"
            ),
            Self::WrongPurpose { wanted, found } => write!(
                f,
                "its extended key usage does not include {wanted}: it has {found}; have it reissued with {wanted}"
            ),
            Self::WrongKeyUsage { found } => write!(
                f,
                "its key usage does not include digitalSignature, which TLS requires: it has {found}; have it reissued with \
                 digitalSignature",
            ),
            Self::MalformedExtension { extension, why } => {
                write!(f, "its extension {extension} is malformed: {why}; have it reissued")
            }
            Self::WorkLimit { work, sent, candidates } => {
                let limit = work.limit();
                match work {
                    Work::Signature => write!(f, "the search for its issuer takes more than {limit} checks of signatures")?,
                    Work::Issuer => write!(f, "the search for its issuer takes more than {limit} steps")?,
                    Work::NameConstraint => {
                        write!(f, "the name constraints above it take more than {limit} comparisons of names")?;
                    }
                    Work::Crl => return write!(
                        f,
                        "its CRLs take more than {limit} checks of signatures; load one CRL for each key of its issuer"
                    ),
                }
                write!(
                    f,
                    ", the limit ({candidates} of the {sent} certificates sent have the name of its issuer); configure the \
                     peer to send only the certificates of one path"
                )
            }
            Self::UnsupportedSignature(unsupported) => write!(f, "its signature {unsupported}"),
            Self::UnsupportedVersion => f.write_str(
                "it has X.509 version 1 or 2; expected version 3, have it reissued",
            ),
            Self::BadEncoding => f.write_str("it cannot be parsed"),
            Self::TimeUnknown => f.write_str("the local time is unknown, so its validity cannot be checked"),
            Self::Path(what) | Self::Application(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for ChainPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, of, subject, serial } = self;
        write!(f, "certificate {} of {of} ({subject}, serial number {serial})", at.saturating_add(1))
    }
}

impl fmt::Display for AnchorFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCa => f.write_str(
                "it is not a CA certificate (basicConstraints without cA) and vouches only for itself; add the CA that \
                 issued the chain, or trust the certificate itself with trust_exact_certificate",
            ),
            Self::KeyUsage { found } => write!(
                f,
                "its key usage does not include keyCertSign: it has {found}; have the CA certificate reissued with \
                 keyCertSign",
            ),
            Self::NameConstraints { why } => write!(
                f,
                "its name constraints are malformed: {why}; have the CA certificate reissued with valid ones, or without any"
            ),
            Self::CriticalExtension { oid } => write!(
                f,
                "its critical extension {oid} is not supported; use a CA certificate without it, or have it marked \
                 non-critical"
            ),
            Self::Expired { now, not_after } => {
                write!(f, "it {}; add the CA's current certificate", Expired { at: *not_after, now: *now })
            }
            Self::NotYetValid { now, not_before } => write!(
                f,
                "it {}; correct the clock, or add the CA's current certificate",
                NotYetValid { until: *not_before, now: *now }
            ),
            Self::PathLength { allowed, found } => write!(
                f,
                "it allows {allowed} CA certificate(s) below itself (path length), but the path has {found}; have the \
                 chain reissued with fewer, or the anchor with a longer path length"
            ),
        }
    }
}

impl std::error::Error for OcspError {}

impl std::error::Error for SctError {}

impl fmt::Display for OcspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_about(f, "the stapled OCSP response")
    }
}

impl OcspError {
    /// Writes the text about `it`, the subject of the sentence.
    pub(crate) fn write_about(&self, f: &mut fmt::Formatter<'_>, it: &str) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the server stapled no OCSP response, which the policy requires"),
            Self::MustStaple => f.write_str(
                "the server stapled no OCSP response, but its certificate requires one (must-staple); configure the \
                 server to staple",
            ),
            Self::Malformed { found: None } => write!(f, "{it} cannot be parsed"),
            Self::Malformed { found: Some(found) } => write!(f, "{it} is {found}; expected an OCSP response in DER"),
            Self::NotSuccessful { status } => {
                let name = match status {
                    1 => " (malformedRequest)",
                    2 => " (internalError)",
                    3 => " (tryLater)",
                    5 => " (sigRequired)",
                    6 => " (unauthorized)",
                    _ => "",
                };
                write!(f, "{it} has the status {status}{name}; expected 0 (successful)")
            }
            Self::OtherCertificate { serial, found } if found.is_empty() => {
                write!(f, "{it} is for no certificate; expected serial number {serial}")
            }
            Self::OtherCertificate { serial, found } if found.entries().contains(serial) => write!(
                f,
                "{it} is for a certificate of another issuer (the hash of its name or key differs) with the serial \
                 number {serial}"
            ),
            Self::OtherCertificate { serial, found } => {
                write!(f, "{it} is for another certificate: expected serial number {serial}, got {found}")
            }
            Self::UnsupportedHash => {
                write!(f, "{it} identifies certificates by a hash other than SHA-1 and SHA-256, which is not supported")
            }
            Self::ResponderRejected { responder, why } => {
                write!(f, "{it} is signed by the responder {responder}, whose certificate is rejected: {why}")
            }
            Self::UnsupportedSignature(unsupported) => write!(f, "{it} has a signature that {unsupported}"),
            Self::UntrustedResponder => write!(
                f,
                "{it} is signed neither by the certificate's issuer nor by a responder that the issuer certified for \
                 OCSP"
            ),
            Self::BadSignature => write!(f, "{it} has an invalid signature"),
            Self::NotYetValid { now, this_update } => {
                write!(f, "{it} {}; correct the clock", NotYetValid { until: *this_update, now: *now })
            }
            Self::Expired { now, next_update } => {
                write!(f, "{it} {}; the server must staple a newer one", Expired { at: *next_update, now: *now })
            }
            Self::UnknownCertificate => f.write_str("the OCSP responder reports the certificate as unknown"),
            Self::CriticalExtension => write!(f, "{it} has a critical extension, and none is supported"),
        }
    }
}

impl fmt::Display for SctError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("an SCT cannot be parsed as version 1"),
            Self::UnknownLog { log_id } => {
                f.write_str("an SCT is from a log that is not configured, ")?;
                log_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::BadSignature { log } => write!(f, "the SCT from {log:?} has an invalid signature"),
            Self::UnsupportedSignature { log, signature } => write!(
                f,
                "the signature of the SCT from {log:?} cannot be checked: {} by {} is not supported; RFC 6962 allows only \
                 SHA-256, with ECDSA on P-256 or RSA of at least 2048 bits",
                signature.algorithm,
                signature.key.as_deref().unwrap_or("an unknown key")
            ),
            Self::Future { log, now, timestamp } => write!(
                f,
                "the SCT from {log:?} is from the future: dated {}, and the local clock says {}",
                Utc(*timestamp),
                Utc(*now)
            ),
            Self::Retired { log, retired, timestamp } => write!(
                f,
                "the log {log:?} is retired since {}, and the SCT, dated {}, was issued afterwards or is not embedded in \
                 the certificate",
                Utc(*retired),
                Utc(*timestamp)
            ),
            Self::OtherPeriod { log, period: (begin, end), not_after } => write!(
                f,
                "the log {log:?} accepts only certificates that expire from {} to before {}, and this one expires at {}",
                Utc(*begin),
                Utc(*end),
                Utc(*not_after)
            ),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(certificate) = self.certificate() {
            write!(f, "{certificate}: ")?;
        }
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

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelfSigned => {
                f.write_str("it is self-signed; if you expect this certificate, trust it with trust_exact_certificate")
            }
            Self::PrivateCa { subject } => write!(
                f,
                "the chain ends in {subject}, which is not a trust anchor; if it is a CA of your own, add its certificate \
                 to the RootCertStore"
            ),
            Self::MissingIntermediate { issuer } => write!(
                f,
                "the certificate of {issuer} is neither in the chain nor a trust anchor; configure the peer to send its \
                 intermediate certificates, or, if it is a CA of your own, add its certificate to the RootCertStore"
            ),
            Self::SameNameOtherKey { subject } => write!(
                f,
                "the trust anchor {subject} has the issuer's name but another key; if the CA has a new key, add its new \
                 certificate"
            ),
            Self::SameNameOtherKeyType { subject } => write!(
                f,
                "the trust anchor {subject} has the issuer's name, but a key of another type than the signature; add the \
                 certificate of the CA that issued the chain"
            ),
            Self::ExpiredCa => f.write_str(
                "it is a CA certificate; configure the peer to send the current certificate of that CA, or add that CA to \
                 the RootCertStore if you trust it",
            ),
            Self::CommonName { name } => write!(
                f,
                "its common name (CN) is {name}, but common names are not used; have it reissued with the name in \
                 subjectAltName"
            ),
            Self::AddressAsDnsName => f.write_str(
                "it has the IP address as a DNS name, which does not count; have it reissued with the address as \
                 iPAddress in subjectAltName (openssl: IP:, not DNS:)",
            ),
            Self::Wildcard { name } => write!(f, "the * in {name} stands for exactly one label"),
            Self::ClientAuth => f.write_str(
                "public CAs stopped issuing certificates for clients in 2026; issue them with a CA of your own",
            ),
            Self::CaAsEndEntity => f.write_str(
                "issue one with that CA, or, if the certificate is self-signed and expected, trust it with \
                 trust_exact_certificate",
            ),
        }
    }
}

impl fmt::Display for ChainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chain as sent (the local clock says {}):", Utc(self.now))?;
        for (at, certificate) in self.certificates.iter().enumerate() {
            write!(f, "\n  {}: {certificate}", at.saturating_add(1))?;
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
        let Self { subject, issuer, serial, names, .. } = self;
        write!(
            f,
            "{subject}, issued by {issuer}, serial number {serial}, valid from {} to {}",
            Date(self.not_before),
            Date(self.not_after)
        )?;
        if !names.is_empty() {
            f.write_str(", for ")?;
            names.fmt(f)?;
        }
        if self.is_ca {
            f.write_str(", a CA")?;
        }
        match self.version {
            0 => f.write_str("; it cannot be parsed completely"),
            3.. => Ok(()),
            old => write!(f, ", X.509 version {old}"),
        }
    }
}

impl fmt::Display for AnchorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.subject)?;
        let at = self.issuer_of.saturating_add(1);
        match &self.rejected {
            AnchorRejection::OtherKey => write!(f, "its key did not sign certificate {at}"),
            AnchorRejection::OtherKeyType => {
                write!(f, "its key has another type than the signature of certificate {at}")
            }
            AnchorRejection::Unsupported(unsupported) => write!(f, "the signature of certificate {at} {unsupported}"),
            AnchorRejection::OtherCheck => write!(f, "it signed certificate {at}; another check failed"),
        }
    }
}

/// The end of a validity period that is over, with the local time. Certificates, CRLs and OCSP
/// responses share it.
struct Expired {
    at: Duration,
    now: Duration,
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expired at {}, and the local clock says {}", Utc(self.at), Utc(self.now))
    }
}

/// The start of a validity period that has not begun, with the local time.
struct NotYetValid {
    until: Duration,
    now: Duration,
}

impl fmt::Display for NotYetValid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is not valid before {}, and the local clock says {}", Utc(self.until), Utc(self.now))
    }
}

/// A date in a certificate.
struct Date(Option<Duration>);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(date) => Utc(date).fmt(f),
            None => f.write_str("(before 1970 or not a date)"),
        }
    }
}

/// Formats a time since 1970-01-01 as a UTC date.
struct Utc(Duration);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        // Years start in March, so that the leap day is the last day of a year.
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
    fn utc_formats_calendar_dates() {
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
    fn name_mismatch_shows_both_names() {
        let e = CertificateError::NotValidForName { asked: "a.test".into(), has: vec!["b.test".into()].into() };
        assert!(e.to_string().contains("a.test") && e.to_string().contains("b.test"));
    }
}
