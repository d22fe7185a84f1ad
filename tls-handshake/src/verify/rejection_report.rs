//! Describes a rejected chain: its certificates, the trust anchors tried, and a hint. Runs only
//! after a rejection.

use core::net::IpAddr;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use tls_crypto::{Backend, der};

use crate::certificate_error::{
    AnchorRejection, AnchorReport, CertificateError, CertificateReport, ChainReport, Hint, Refusal, RevocationSource,
};
use crate::error::bounded;
use crate::verify::algorithm::{SignatureFault, signature_fault};
use crate::verify::chain::Purpose;
use crate::verify::diagnosis::Fault;
use crate::verify::roots::RootCertStore;
use crate::verify::x509::{Certificate, ReadableName, Summary, common_name, oid};

/// The maximum number of anchors reported: many may have the same name.
const MAX_ANCHORS: usize = 8;

/// Adds a report of the chain to the fault.
pub(crate) fn refusal(
    backend: Backend,
    fault: Fault,
    chain: &[CertificateDer<'_>],
    roots: &RootCertStore,
    purpose: Purpose,
    now: UnixTime,
) -> Refusal {
    let Fault { why, at } = fault;
    let (mut read, mut certificates) = (Vec::new(), Vec::new());
    for certificate in chain {
        let fields = Certificate::read(certificate);
        certificates.push(describe(certificate, fields.as_ref()));
        read.push(fields);
    }
    let mut anchors = Vec::new();
    for (at, certificate) in read.iter().enumerate() {
        let Some(certificate) = certificate else { continue };
        for anchor in roots.anchors.iter().filter(|anchor| anchor.subject.as_ref() == certificate.issuer) {
            if anchors.len() < MAX_ANCHORS {
                anchors.push(reject(backend, anchor, at, certificate));
            }
        }
    }
    let rejected = at.or_else(|| is_about_leaf(&why).then_some(0));
    let hint = hint(backend, &why, rejected, purpose, &read, &anchors);
    let anchors_configured = roots.anchors.len();
    let report = ChainReport { now: since_1970(now), certificates, rejected, anchors, anchors_configured, hint };
    Refusal { why, chain: Some(Arc::new(report)), alert: None }
}

/// Returns whether only the end-entity certificate can have this fault.
fn is_about_leaf(why: &CertificateError) -> bool {
    matches!(
        why,
        CertificateError::NotValidForName { .. }
            | CertificateError::WrongKeyUsage { .. }
            | CertificateError::MalformedExtension { .. }
            | CertificateError::CaUsedAsEndEntity
            | CertificateError::Revoked { by: RevocationSource::Ocsp, .. }
            | CertificateError::Ocsp(_)
            | CertificateError::Transparency { .. }
    )
}

pub(crate) fn since_1970(time: UnixTime) -> Duration {
    Duration::from_secs(time.as_secs())
}

fn describe(der: &CertificateDer<'_>, read: Option<&Certificate<'_>>) -> CertificateReport {
    let summary = Summary::read(der);
    let name = |name| match name {
        Some(name) => bounded(ReadableName(name).to_string()),
        None => "(cannot be parsed)".into(),
    };
    CertificateReport {
        subject: name(summary.as_ref().map(|summary| summary.subject)),
        issuer: name(summary.as_ref().map(|summary| summary.issuer)),
        serial: summary.as_ref().map_or_else(|| "(cannot be parsed)".into(), |summary| serial_text(summary.serial)),
        not_before: summary.as_ref().and_then(|summary| summary.not_before).map(Duration::from_secs),
        not_after: summary.as_ref().and_then(|summary| summary.not_after).map(Duration::from_secs),
        names: read.map(Certificate::names).unwrap_or_default(),
        is_ca: read.is_some_and(Certificate::is_ca),
        version: read.map_or(0, |read| read.version.saturating_add(1)),
    }
}

fn reject(backend: Backend, anchor: &TrustAnchor<'_>, issuer_of: usize, certificate: &Certificate<'_>) -> AnchorReport {
    let spki = der::element(der::SEQUENCE, &[&anchor.subject_public_key_info]);
    let rejected = match signature_fault(backend, &spki, &certificate.signed) {
        None => AnchorRejection::OtherCheck,
        Some(SignatureFault::Invalid) => AnchorRejection::OtherKey,
        Some(SignatureFault::OtherKeyType) => AnchorRejection::OtherKeyType,
        Some(SignatureFault::Unsupported(unsupported)) => AnchorRejection::Unsupported(unsupported),
    };
    AnchorReport { subject: ReadableName(&anchor.subject).to_string(), issuer_of, rejected }
}

impl Certificate<'_> {
    fn is_self_signed(&self, backend: Backend) -> bool {
        self.issuer == self.subject && signature_fault(backend, self.spki, &self.signed).is_none()
    }
}

/// Formats the contents of a serial number as `openssl x509 -serial` does.
pub(crate) fn serial_text(serial: &[u8]) -> String {
    let digits = match serial {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    let mut text = String::new();
    // RFC 5280 §4.1.2.2 allows 20 bytes.
    for digit in digits.iter().take(32) {
        let _ = write!(text, "{digit:02X}");
    }
    if digits.len() > 32 {
        text.push('…');
    }
    text
}

/// Returns what the operator can do about the error, if the cause is a common mistake.
fn hint(
    backend: Backend,
    why: &CertificateError,
    rejected: Option<usize>,
    purpose: Purpose,
    chain: &[Option<Certificate<'_>>],
    anchors: &[AnchorReport],
) -> Option<Hint> {
    match why {
        CertificateError::CaUsedAsEndEntity => return Some(Hint::CaAsEndEntity),
        CertificateError::Expired { .. } => return rejected.filter(|at| *at > 0).map(|_| Hint::ExpiredCa),
        CertificateError::WrongPurpose { found, .. } => {
            let is_of_server = purpose == Purpose::Client && found.entries().iter().any(|one| one == "serverAuth");
            return is_of_server.then_some(Hint::ClientAuth);
        }
        CertificateError::NotValidForName { asked, .. } => return name_hint(asked, chain.first()?.as_ref()?),
        CertificateError::UnknownIssuer { .. } | CertificateError::BadSignature => {}
        _ => return None,
    }
    let same_name = |anchor: &AnchorReport| match anchor.rejected {
        AnchorRejection::OtherKey => Some(Hint::SameNameOtherKey { subject: anchor.subject.clone() }),
        AnchorRejection::OtherKeyType => Some(Hint::SameNameOtherKeyType { subject: anchor.subject.clone() }),
        _ => None,
    };
    // The anchor must have the name of the issuer of the certificate at fault.
    let is_about = |anchor: &&AnchorReport| rejected.is_none_or(|at| at == anchor.issuer_of);
    if let Some(hint) = anchors.iter().filter(is_about).find_map(same_name) {
        return Some(hint);
    }
    if *why == CertificateError::BadSignature {
        return None;
    }
    let read = || chain.iter().flatten();
    let mut top = read().next()?;
    if top.is_self_signed(backend) {
        return Some(Hint::SelfSigned);
    }
    // Each step moves to another certificate. The count ends a cycle.
    for _ in chain {
        match read().find(|above| above.subject == top.issuer && top.issuer != top.subject) {
            Some(above) => top = above,
            None => break,
        }
    }
    let issuer = bounded(ReadableName(top.issuer).to_string());
    Some(match top.is_self_signed(backend) {
        true => Hint::PrivateCa { subject: issuer },
        false => Hint::MissingIntermediate { issuer },
    })
}

/// Returns the hint for a certificate that does not have the requested name.
fn name_hint(asked: &str, leaf: &Certificate<'_>) -> Option<Hint> {
    let names = leaf.names();
    let mut names = names.entries().iter();
    if asked.parse::<IpAddr>().is_ok() && names.any(|name| name == asked) {
        return Some(Hint::AddressAsDnsName);
    }
    if leaf.extension(oid::SUBJECT_ALT_NAME).is_none() {
        return common_name(leaf.subject).map(|name| Hint::CommonName { name });
    }
    let covers = |name: &&String| {
        let Some(base) = name.strip_prefix("*.") else { return false };
        let above = strip_suffix_ignore_case(asked, base);
        let labels = above.map(|above| above.strip_suffix('.').unwrap_or(above));
        labels.is_some_and(|labels| labels.is_empty() || labels.contains('.'))
    };
    names.find(covers).map(|name| Hint::Wildcard { name: name.clone() })
}

fn strip_suffix_ignore_case<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (above, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(above)
}
