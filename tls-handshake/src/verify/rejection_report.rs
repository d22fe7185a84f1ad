//! Describes a rejected chain: its certificates, the trust anchors tried, and a hint. Runs only
//! after a rejection.

use std::sync::Arc;
use std::time::Duration;

use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use tls_crypto::der;
use tls_crypto::verify::ALL;

use crate::certificate_error::{
    AnchorRejection, AnchorReport, CertificateError, CertificateReport, ChainReport, Hint, Refusal,
};
use crate::error::bounded;
use crate::verify::roots::RootCertStore;
use crate::verify::signature::verify_signed;
use crate::verify::x509::{Certificate, ReadableName, Summary};

/// The maximum number of anchors reported: many may have the same name.
const MAX_ANCHORS: usize = 8;

/// Adds a report of the chain to the error.
pub(crate) fn refusal(
    why: CertificateError,
    chain: &[CertificateDer<'_>],
    roots: &RootCertStore,
    now: UnixTime,
) -> Refusal {
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
                anchors.push(reject(anchor, at, certificate));
            }
        }
    }
    let hint = hint(&why, &read, &anchors);
    let anchors_configured = roots.anchors.len();
    let report = ChainReport { now: since_1970(now), certificates, anchors, anchors_configured, hint };
    Refusal { why, chain: Some(Arc::new(report)), alert: None }
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
        not_before: summary.as_ref().and_then(|summary| summary.not_before).map(Duration::from_secs),
        not_after: summary.as_ref().and_then(|summary| summary.not_after).map(Duration::from_secs),
        names: read.map(Certificate::names).unwrap_or_default(),
        is_ca: read.is_some_and(Certificate::is_ca),
        version: read.map_or(0, |read| read.version.saturating_add(1)),
    }
}

fn reject(anchor: &TrustAnchor<'_>, issuer_of: usize, certificate: &Certificate<'_>) -> AnchorReport {
    let spki = der::element(der::SEQUENCE, &[&anchor.subject_public_key_info]);
    let rejected = match verify_signed(&ALL, &spki.into(), &certificate.signed) {
        Ok(()) => AnchorRejection::OtherCheck,
        Err(webpki::Error::InvalidSignatureForPublicKey) => AnchorRejection::OtherKey,
        Err(_) => AnchorRejection::OtherAlgorithm,
    };
    AnchorReport { subject: ReadableName(&anchor.subject).to_string(), issuer_of, rejected }
}

impl Certificate<'_> {
    fn is_self_signed(&self) -> bool {
        self.issuer == self.subject && verify_signed(&ALL, &self.spki.into(), &self.signed).is_ok()
    }
}

/// Returns what the operator can do about the error, if the cause is a common mistake.
fn hint(why: &CertificateError, chain: &[Option<Certificate<'_>>], anchors: &[AnchorReport]) -> Option<Hint> {
    match why {
        CertificateError::CaUsedAsEndEntity => return Some(Hint::CaAsEndEntity),
        CertificateError::UnknownIssuer { .. } | CertificateError::BadSignature => {}
        _ => return None,
    }
    let has_other_key = |anchor: &&AnchorReport| anchor.rejected != AnchorRejection::OtherCheck;
    if let Some(anchor) = anchors.iter().find(has_other_key) {
        return Some(Hint::SameNameOtherKey { subject: anchor.subject.clone() });
    }
    let read = || chain.iter().flatten();
    let mut top = read().next()?;
    if top.is_self_signed() {
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
    Some(match top.is_self_signed() {
        true => Hint::PrivateCa { subject: issuer },
        false => Hint::MissingIntermediate { issuer },
    })
}
