//! Finds the certificate that made webpki reject a chain, and what was expected of it. Runs only
//! after a rejection.
//!
//! webpki reports the most specific error of all paths that it tried, without the certificate. This
//! file looks for it among the certificates that can be on a path, the leaf first.

use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use tls_crypto::Backend;
use tls_crypto::der::{self, Elements};
use webpki::{EndEntityCert, Error as E};

use crate::certificate_error::{AnchorFault, CertificateError, UnsupportedPart, UnsupportedSignature};
use crate::error::{Excerpt, bounded};
use crate::verify::algorithm::{SignatureAlgorithm, SignatureFault, signature_fault};
use crate::verify::chain::Purpose;
use crate::verify::roots::RootCertStore;
use crate::verify::webpki_error::explain;
use crate::verify::x509::{Certificate, ReadableName, dotted, oid, sole};
use crate::verify::{malformed_names, name_constraint};

/// A failed check, and the certificate that failed it.
pub(crate) struct Fault {
    pub(crate) why: CertificateError,
    /// Its index in the order sent; `None` if unknown, or if no certificate sent is at fault.
    pub(crate) at: Option<usize>,
}

impl From<CertificateError> for Fault {
    fn from(why: CertificateError) -> Self {
        Self { why, at: None }
    }
}

impl Fault {
    /// The fault of the end-entity certificate.
    pub(crate) fn of_leaf(why: CertificateError) -> Self {
        Self { why, at: Some(0) }
    }
}

/// The maximum number of certificates examined; a path has at most 7.
const MAX_CERTIFICATES: usize = 64;
/// The maximum number of extensions of a certificate that are searched for a repeated one.
const MAX_EXTENSIONS: usize = 64;
/// The maximum number of signatures checked to find an invalid one.
const MAX_SIGNATURES: u32 = 32;
/// The number of intermediate certificates that webpki allows in a path.
const MAX_INTERMEDIATES: usize = 6;

/// Finds the cause of webpki's error for a chain, leaf first.
pub(crate) fn diagnose(
    backend: Backend,
    e: E,
    chain: &[CertificateDer<'_>],
    roots: &RootCertStore,
    purpose: Purpose,
    now: UnixTime,
) -> Fault {
    Diagnosis { backend, chain, steps: steps(chain), roots, purpose, now }.of(e)
}

/// A certificate that can be on a path.
#[derive(Clone, Copy)]
pub(crate) struct Step<'c> {
    /// Its index in the order sent.
    pub(crate) at: usize,
    /// The number of certificates below it.
    pub(crate) depth: usize,
    pub(crate) read: Certificate<'c>,
}

struct Diagnosis<'c> {
    backend: Backend,
    chain: &'c [CertificateDer<'c>],
    /// The certificates that can be on a path, from the leaf on.
    steps: Vec<Step<'c>>,
    roots: &'c RootCertStore,
    purpose: Purpose,
    now: UnixTime,
}

impl<'c> Diagnosis<'c> {
    fn of(&self, e: E) -> Fault {
        let explained = || explain(e.clone(), self.chain.len(), self.roots.len());
        match e {
            E::CertExpired { not_after, .. } => {
                let is_it = |read: &Certificate<'_>| read.not_after == not_after && self.now > not_after;
                self.first(explained(), |step| is_it(&step.read))
            }
            E::CertNotValidYet { not_before, .. } => {
                let is_it = |read: &Certificate<'_>| read.not_before == not_before && self.now < not_before;
                self.first(explained(), |step| is_it(&step.read))
            }
            E::InvalidCertValidity => self.first(explained(), |step| step.read.not_before > step.read.not_after),
            E::CaUsedAsEndEntity => Fault::of_leaf(CertificateError::CaUsedAsEndEntity),
            E::EndEntityUsedAsCa => {
                self.first(CertificateError::EndEntityUsedAsCa, |step| step.at > 0 && !step.read.is_ca())
            }
            E::PathLenConstraintViolated => {
                let too_long = |step: &Step<'c>, depth: usize| {
                    let (allowed, found) = (step.read.path_length()?, u64::try_from(depth.checked_sub(1)?).ok()?);
                    (step.at > 0 && found > allowed).then_some(CertificateError::PathLength { allowed, found })
                };
                let by_name = self.find(explained, |step| too_long(step, step.depth));
                // Certificates of one name can be above each other: in the order sent, usually.
                if by_name.at.is_some() { by_name } else { self.find(explained, |step| too_long(step, step.at)) }
            }
            E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => {
                self.find(explained, |step| wrong_purpose(&step.read, self.purpose))
            }
            E::MaximumPathDepthExceeded => Fault::from(CertificateError::TooManyIntermediates {
                sent: self.chain.len().saturating_sub(1),
                allowed: MAX_INTERMEDIATES,
            }),
            E::NameConstraintViolation => {
                let found = name_constraint::find(&self.steps, self.roots);
                found.map_or_else(
                    || explained().into(),
                    |(at, fault)| Fault { why: CertificateError::NameConstraint(fault.into()), at: Some(at) },
                )
            }
            E::UnknownIssuer => self.without_issuer(),
            E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
            | E::UnsupportedSignatureAlgorithmContext(_)
            | E::InvalidSignatureForPublicKey => self.of_signature(e),
            E::MalformedNameConstraint | E::InvalidNetworkMaskConstraint => {
                self.malformed_constraint().unwrap_or_else(|| explained().into())
            }
            E::MalformedDnsIdentifier => self.malformed_name().unwrap_or_else(|| explained().into()),
            E::MaximumSignatureChecksExceeded
            | E::MaximumPathBuildCallsExceeded
            | E::MaximumNameConstraintComparisonsExceeded => self.of_work(explained()),
            e => self.of_parser(e),
        }
    }

    /// Returns the error for the first certificate for which `is_it`.
    fn first(&self, why: CertificateError, is_it: impl Fn(&Step<'c>) -> bool) -> Fault {
        Fault { why, at: self.steps.iter().find(|step| is_it(step)).map(|step| step.at) }
    }

    /// Returns the first certificate's fault that `of` finds.
    fn find(
        &self,
        otherwise: impl Fn() -> CertificateError,
        of: impl Fn(&Step<'c>) -> Option<CertificateError>,
    ) -> Fault {
        let found = self.steps.iter().find_map(|step| Some(Fault { why: of(step)?, at: Some(step.at) }));
        found.unwrap_or_else(|| otherwise().into())
    }

    /// Returns the error for a missing issuer: that of the first certificate above which none was
    /// sent.
    fn without_issuer(&self) -> Fault {
        let has_issuer = |below: &Step<'c>| {
            self.steps.iter().any(|above| above.at != below.at && above.read.subject == below.read.issuer)
        };
        let why = CertificateError::UnknownIssuer { sent: self.chain.len(), anchors: self.roots.len() };
        self.first(why, |step| !has_issuer(step))
    }

    /// Finds a signature that no certificate or trust anchor with the issuer's name made.
    fn of_signature(&self, e: E) -> Fault {
        if let Some((at, fault)) = self.signature_fault() {
            let why = match fault {
                SignatureFault::Invalid => CertificateError::BadSignature,
                SignatureFault::Unsupported(unsupported) => CertificateError::UnsupportedSignature(unsupported.into()),
                SignatureFault::OtherKeyType => self.without_issuer().why,
            };
            return Fault { why, at: Some(at) };
        }
        match e {
            E::UnsupportedSignatureAlgorithmContext(context) => {
                let algorithm = SignatureAlgorithm::read(self.backend, &context.signature_algorithm_id).text;
                let part = UnsupportedPart::Algorithm;
                let unsupported = UnsupportedSignature { part, algorithm, key: None };
                CertificateError::UnsupportedSignature(unsupported.into()).into()
            }
            // A certificate has the name of its issuer's issuer, for example a self-issued one.
            // webpki tried keys that did not sign it, and reports that rather than the fault of the
            // path.
            _ => {
                let others = [E::PathLenConstraintViolated, E::NameConstraintViolation, E::EndEntityUsedAsCa];
                let mut found = others.into_iter().map(|e| self.of(e)).filter(|fault| fault.at.is_some());
                found.next().unwrap_or_else(|| self.without_issuer())
            }
        }
    }

    fn signature_fault(&self) -> Option<(usize, SignatureFault)> {
        let mut left = MAX_SIGNATURES;
        for step in &self.steps {
            let anchors = self.roots.anchors.iter().filter(|anchor| anchor.subject.as_ref() == step.read.issuer);
            let anchors = anchors.map(|anchor| der::element(der::SEQUENCE, &[&anchor.subject_public_key_info]));
            let above = self.steps.iter().filter(|above| above.at != step.at && above.read.subject == step.read.issuer);
            let mut fault = None;
            for key in anchors.chain(above.map(|above| above.read.spki.to_vec())) {
                left = left.checked_sub(1)?;
                match signature_fault(self.backend, &key, &step.read.signed) {
                    None => {
                        fault = None;
                        break;
                    }
                    Some(other) => fault = Some(more_certain(fault, other)),
                }
            }
            if let Some(fault) = fault {
                return Some((step.at, fault));
            }
        }
        None
    }

    /// Finds the certificate that webpki cannot parse, or whose extensions it does not support.
    fn of_parser(&self, e: E) -> Fault {
        let is_it =
            |at: usize| self.chain.get(at).is_some_and(|der| EndEntityCert::try_from(der).err().as_ref() == Some(&e));
        let at = self.steps.iter().map(|step| step.at).find(|at| is_it(*at));
        // A certificate that cannot be read may be anyone's issuer.
        let unread = || (0..self.chain.len().min(MAX_CERTIFICATES)).find(|at| is_it(*at) && self.read(*at).is_none());
        let Some(at) = at.or_else(unread) else {
            let is_unused = (0..self.chain.len()).any(is_it);
            // webpki reports an unrelated certificate rather than a missing issuer.
            if is_unused {
                return self.of_signature(E::UnknownIssuer);
            }
            // It parses names only to compare them with name constraints.
            let names = self.malformed_name().or_else(|| self.malformed_constraint());
            return names.unwrap_or_else(|| explain(e, self.chain.len(), self.roots.len()).into());
        };
        let extension = match e {
            E::UnsupportedCriticalExtension => {
                self.read(at).and_then(|read| read.extensions().find(|one| one.critical && !is_read_by_webpki(one.oid)))
            }
            _ => None,
        };
        let repeated = || match e {
            E::MalformedExtensions | E::ExtensionValueInvalid => self.read(at).as_ref().and_then(repeated_extension),
            _ => None,
        };
        let why = match extension {
            Some(extension) => CertificateError::CriticalExtension { oid: dotted(extension.oid) },
            None => repeated().unwrap_or_else(|| explain(e.clone(), self.chain.len(), self.roots.len())),
        };
        Fault { why, at: Some(at) }
    }

    /// Finds a certificate whose subjectAltName is malformed.
    fn malformed_name(&self) -> Option<Fault> {
        let malformed = |step: &Step<'c>| {
            let why = malformed_names::subject_alt_name(&step.read)?;
            let why = CertificateError::MalformedExtension { extension: "subjectAltName".into(), why };
            Some(Fault { why, at: Some(step.at) })
        };
        self.steps.iter().find_map(malformed)
    }

    /// Finds a CA on the path whose name constraints are malformed.
    fn malformed_constraint(&self) -> Option<Fault> {
        let of_step = |step: &Step<'c>| {
            let value = step.read.extension(oid::NAME_CONSTRAINTS)?;
            let why = match sole(value, der::SEQUENCE) {
                Some(contents) => malformed_names::name_constraints(contents)?,
                None => "it cannot be parsed".into(),
            };
            let why = CertificateError::MalformedExtension { extension: "nameConstraints".into(), why };
            Some(Fault { why, at: Some(step.at) })
        };
        let is_above = |subject: &[u8]| self.steps.iter().any(|step| step.read.issuer == subject);
        let of_anchor = |anchor: &TrustAnchor<'_>| {
            let why = malformed_names::name_constraints(anchor.name_constraints.as_ref()?)?;
            let anchor = bounded(ReadableName(&anchor.subject).to_string());
            Some(CertificateError::Anchor { anchor, fault: AnchorFault::NameConstraints { why } }.into())
        };
        let anchors = || self.roots.anchors.iter().filter(|anchor| is_above(&anchor.subject));
        self.steps.iter().find_map(of_step).or_else(|| anchors().find_map(of_anchor))
    }

    /// Finds the certificate with the most candidates for its issuer.
    fn of_work(&self, why: CertificateError) -> Fault {
        let count = |step: &Step<'c>| {
            self.steps.iter().filter(|above| above.at > 0 && above.read.subject == step.read.issuer).count()
        };
        let mut most: Option<(usize, usize)> = None;
        for step in &self.steps {
            let count = count(step);
            if most.is_none_or(|(_, before)| count > before) {
                most = Some((step.at, count));
            }
        }
        match (why, most) {
            (CertificateError::WorkLimit { work, sent, .. }, Some((at, candidates))) => {
                Fault { why: CertificateError::WorkLimit { work, sent, candidates }, at: Some(at) }
            }
            (why, _) => why.into(),
        }
    }

    fn read(&self, at: usize) -> Option<Certificate<'c>> {
        self.chain.get(at).and_then(Certificate::read)
    }
}

/// Returns the error for an extension that occurs twice.
fn repeated_extension(read: &Certificate<'_>) -> Option<CertificateError> {
    let mut seen = Vec::new();
    for extension in read.extensions().take(MAX_EXTENSIONS) {
        if seen.contains(&extension.oid) {
            let extension = dotted(extension.oid);
            return Some(CertificateError::MalformedExtension { extension, why: "it occurs twice".into() });
        }
        seen.push(extension.oid);
    }
    None
}

/// Returns the certificates that can be on a path from the leaf, nearest first.
fn steps<'c>(chain: &'c [CertificateDer<'c>]) -> Vec<Step<'c>> {
    let read: Vec<_> = chain.iter().take(MAX_CERTIFICATES).map(Certificate::read).collect();
    let mut steps: Vec<Step<'c>> = Vec::new();
    if let Some(Some(leaf)) = read.first() {
        steps.push(Step { at: 0, depth: 0, read: *leaf });
    }
    let mut next = 0;
    while let Some(below) = steps.get(next).copied() {
        next = next.saturating_add(1);
        for (at, above) in read.iter().enumerate().skip(1) {
            let Some(above) = above.filter(|above| above.subject == below.read.issuer) else { continue };
            // The same name and key would be a loop.
            if !steps.iter().any(|step| step.at == at)
                && (above.spki, above.subject) != (below.read.spki, below.read.subject)
            {
                steps.push(Step { at, depth: below.depth.saturating_add(1), read: above });
            }
        }
    }
    steps
}

/// Of two faults of a signature with keys of the same name, returns the one to report: one that was
/// not checked may be the right one.
fn more_certain(one: Option<SignatureFault>, other: SignatureFault) -> SignatureFault {
    let weight = |fault: &SignatureFault| match fault {
        SignatureFault::Unsupported(_) => 2,
        SignatureFault::Invalid => 1,
        SignatureFault::OtherKeyType => 0,
    };
    match one {
        Some(one) if weight(&one) >= weight(&other) => one,
        _ => other,
    }
}

/// Returns the error if the extended key usage, if present, does not include this purpose.
pub(crate) fn wrong_purpose(read: &Certificate<'_>, purpose: Purpose) -> Option<CertificateError> {
    let (wanted, own) = match purpose {
        Purpose::Server => ("serverAuth", oid::SERVER_AUTH),
        Purpose::Client => ("clientAuth", oid::CLIENT_AUTH),
    };
    let mut listed = Elements::new(sole(read.extension(oid::EXTENDED_KEY_USAGE)?, der::SEQUENCE).unwrap_or_default());
    while let Some(purpose) = listed.next() {
        if purpose == (der::OBJECT_IDENTIFIER, own) {
            return None;
        }
    }
    Some(CertificateError::WrongPurpose { wanted, found: key_purposes(read) })
}

/// Names the purposes in the extended key usage; none if there is no such extension.
pub(crate) fn key_purposes(read: &Certificate<'_>) -> Excerpt<String> {
    let listed = read.extension(oid::EXTENDED_KEY_USAGE).and_then(|value| sole(value, der::SEQUENCE));
    let mut listed = Elements::new(listed.unwrap_or_default());
    let found: Excerpt<_> = std::iter::from_fn(|| listed.next()).map(|(_, oid)| oid).collect();
    found.map(key_purpose)
}

/// Names a KeyPurposeId (RFC 5280 §4.2.1.12).
fn key_purpose(oid: &[u8]) -> String {
    let name = match oid {
        [0x55, 0x1d, 37, 0] => "anyExtendedKeyUsage",
        [0x2b, 6, 1, 5, 5, 7, 3, 1] => "serverAuth",
        [0x2b, 6, 1, 5, 5, 7, 3, 2] => "clientAuth",
        [0x2b, 6, 1, 5, 5, 7, 3, 3] => "codeSigning",
        [0x2b, 6, 1, 5, 5, 7, 3, 4] => "emailProtection",
        [0x2b, 6, 1, 5, 5, 7, 3, 8] => "timeStamping",
        [0x2b, 6, 1, 5, 5, 7, 3, 9] => "OCSPSigning",
        other => return dotted(other),
    };
    name.into()
}

/// Returns whether webpki reads this extension, so that it may be critical.
fn is_read_by_webpki(oid: &[u8]) -> bool {
    matches!(oid, [0x55, 0x1d, 15 | 17 | 19 | 30 | 31 | 37]) || oid == oid::SCT_LIST
}

#[cfg(test)]
pub(crate) mod tests;
