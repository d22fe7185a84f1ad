//! Checks of a path that RFC 5280 requires and webpki omits.
//!
//! ```text
//! path ─▶ anchor: validity, CA or itself, path length ─▶ issuers: keyCertSign ─▶ CRLs ─▶ expiry
//! ```
//!
//! webpki calls [`PathPass::check`] for each path to a trust anchor, and tries the next path if it
//! fails. Each path costs webpki at least one of its 100 signatures, which bounds the number of
//! calls.

use std::cell::Cell;

use pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use tls_crypto::Backend;
use webpki::VerifiedPath;

use crate::certificate_error::CertificateError;
use crate::error::bounded;
use crate::verify::anchor_limits::AnchorLimits;
use crate::verify::diagnosis::Fault;
use crate::verify::revocation::{CrlContext, Crls, LIST_SIGNATURES, Link};
use crate::verify::roots::RootCertStore;
use crate::verify::signature::verify_signed;
use crate::verify::x509::{Certificate, KeyUse, ReadableName};

/// The inputs shared by all paths of a chain.
pub(crate) struct PathPass<'c> {
    backend: Backend,
    pub(crate) roots: &'c RootCertStore,
    pub(crate) crls: Option<&'c Crls>,
    pub(crate) now: UnixTime,
    /// The certificates that the peer sent after the leaf.
    pub(crate) intermediates: &'c [CertificateDer<'c>],
    /// The signatures of CRLs that may still be checked, for all paths together.
    signatures_left: Cell<u32>,
}

impl<'c> PathPass<'c> {
    pub(crate) fn new(
        backend: Backend,
        roots: &'c RootCertStore,
        crls: Option<&'c Crls>,
        now: UnixTime,
        intermediates: &'c [CertificateDer<'c>],
    ) -> Self {
        Self { backend, roots, crls, now, intermediates, signatures_left: Cell::new(LIST_SIGNATURES) }
    }

    /// Checks a path. Returns when the first certificate or CRL that it depends on expires.
    pub(crate) fn check(
        &self,
        path: &VerifiedPath<'_>,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<UnixTime, Fault> {
        let leaf = path.end_entity().der();
        let above: Vec<_> = path.intermediate_certificates().map(|certificate| certificate.der()).collect();
        let read: Option<Vec<_>> = above.iter().map(Certificate::read).collect();
        let above = read.ok_or(CertificateError::BadEncoding)?;
        // Every anchor of the store has limits.
        let anchor = self.roots.limits_of(path.anchor()).ok_or(CertificateError::BadEncoding)?;
        anchor.check(&leaf, &above, self.now).map_err(|fault| CertificateError::Anchor {
            anchor: bounded(ReadableName(&path.anchor().subject).to_string()),
            fault,
        })?;
        if let Some(issuer) = above.iter().find(|certificate| !certificate.allows(KeyUse::KeyCertSign)) {
            let why = CertificateError::IssuerKeyUsage { found: issuer.key_usages() };
            return Err(Fault { why, at: Some(self.position(issuer)) });
        }
        let leaf = Certificate::read(&leaf).ok_or(CertificateError::BadEncoding)?;
        let mut until = anchor.not_after().map_or(leaf.not_after, |end| end.min(leaf.not_after));
        for certificate in &above {
            until = until.min(certificate.not_after);
        }
        match self.crls {
            Some(crls) => {
                Ok(self.check_lists(crls, path, anchor, leaf, &above, algorithms)?.map_or(until, |end| end.min(until)))
            }
            None => Ok(until),
        }
    }

    /// Checks all certificates of a path against the CRLs. Returns when the first CRL expires.
    fn check_lists(
        &self,
        crls: &Crls,
        path: &VerifiedPath<'_>,
        anchor: &AnchorLimits,
        leaf: Certificate<'_>,
        above: &[Certificate<'_>],
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<Option<UnixTime>, Fault> {
        let context = CrlContext {
            now: self.now,
            backend: self.backend,
            verify: &|key, signed| verify_signed(algorithms, key, signed),
            signatures_left: &self.signatures_left,
        };
        let mut until: Option<UnixTime> = None;
        for (at, certificate) in std::iter::once(&leaf).chain(above).enumerate() {
            let issuer = above.get(at);
            let (issuer_key, issuer_signs_lists) = match issuer {
                Some(issuer) => (issuer.spki.into(), issuer.allows(KeyUse::CrlSign)),
                None => (webpki::spki_for_anchor(path.anchor()), anchor.signs_lists),
            };
            let link = Link { certificate, is_ca: at > 0, issuer, issuer_key, issuer_signs_lists };
            let checked = crls.check(&link, &context);
            if let Some(end) = checked.map_err(|why| Fault { why, at: Some(self.position(certificate)) })? {
                until = Some(until.map_or(end, |earlier| earlier.min(end)));
            }
        }
        Ok(until)
    }

    /// Returns the index of a certificate among those that the peer sent.
    fn position(&self, certificate: &Certificate<'_>) -> usize {
        let is_it = |sent: &CertificateDer<'_>| Certificate::read(sent).is_some_and(|sent| sent.tbs == certificate.tbs);
        self.intermediates.iter().position(is_it).map_or(0, |at| at.saturating_add(1))
    }
}
