//! Verifies a certificate chain: path, validity, purpose, CRLs, pins. webpki finds the path.
//!
//! ```text
//! chain ─▶ pinned end-entity certificate? ─yes─▶ validity, purpose, pins ─┐
//!            └─no─▶ webpki: path, signatures, validity, purpose           ├─▶ ProvenPath
//!                     ▲   └─▶ `path`: anchor, key usage, CRLs ─▶ pins ────┘     └─▶ CheckPath
//!                     └── next path ◀── on failure ──┴────────────┘
//! ```

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use pki_types::{CertificateDer, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};
use tls_crypto::der;
use tls_crypto::verify::VerificationMemo;
#[cfg(feature = "dangerous_configuration")]
use tls_crypto::verify::verifiers;
use tls_crypto::{Backend, HashAlgorithm};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use crate::certificate_error::{CertificateError, Pin, Refusal};
use crate::verify::diagnosis::{Fault, diagnose, wrong_purpose};
use crate::verify::path::PathPass;
use crate::verify::pins::{Pins, ReportOnlyPins, pin_of};
use crate::verify::rejection_report::{refusal, since_1970};
use crate::verify::revocation::Crls;
use crate::verify::roots::RootCertStore;
#[cfg(feature = "dangerous_configuration")]
use crate::verify::signature::verify_signed;
use crate::verify::webpki_error::explain;
use crate::verify::x509::{Certificate, KeyUse, oid};

/// The default size of the signature cache in signatures: 32 KiB.
const MEMO: usize = 1024;

/// Verifies the certificate chains of servers and clients.
///
/// It needs only trust anchors. Every other setting makes it stricter, except
/// [`trust_exact_certificate`](Self::trust_exact_certificate), which trusts one more certificate.
///
/// ```
/// use strata_tls_handshake::verify::{ChainVerifier, Crls, Pins};
/// use strata_tls_handshake::{Pin, RootCertStore};
///
/// # fn demo(roots: RootCertStore, crls: Crls, pin: Pin, backup: Pin) {
/// let mut verifier = ChainVerifier::new(roots);
/// verifier.set_crls(Some(crls));
/// verifier.set_pins(Some(Pins::new([pin, backup])));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ChainVerifier {
    roots: Arc<RootCertStore>,
    backend: Backend,
    exact: Vec<CertificateDer<'static>>,
    crls: Option<Arc<Crls>>,
    pins: Option<Pins>,
    reported: Option<ReportOnlyPins>,
    checks: Vec<Arc<dyn CheckPath>>,
    memo: Arc<VerificationMemo>,
    #[cfg(feature = "dangerous_configuration")]
    path: Option<Arc<dyn VerifyPath>>,
}

/// The role that a certificate authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A server (id-kp-serverAuth).
    Server,
    /// A client (id-kp-clientAuth).
    Client,
}

/// A check of the application that runs after all others. It can only reject paths that they
/// accepted.
pub trait CheckPath: fmt::Debug + Send + Sync {
    /// Checks a path that all other checks accepted.
    ///
    /// # Errors
    /// The reason to reject it, such as [`CertificateError::Application`].
    fn check(&self, path: &ProvenPath<'_>, purpose: Purpose, now: UnixTime) -> Result<(), CertificateError>;

    /// Returns a hash of everything that the result depends on. Default: `None`, which restricts
    /// resumption to this configuration and its clones.
    fn session_scope(&self) -> Option<[u8; 32]> {
        None
    }
}

/// Replaces the path verification: trust anchors, signatures, validity, purpose and CRLs.
#[cfg(feature = "dangerous_configuration")]
pub trait VerifyPath: fmt::Debug + Send + Sync {
    /// Checks that a chain, leaf first and never empty, leads to a trusted issuer. The name is
    /// checked separately.
    ///
    /// # Errors
    /// The reason to reject it.
    fn verify_path(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<(), CertificateError>;
}

/// A verified path.
pub struct ProvenPath<'p> {
    leaf: &'p EndEntityCert<'p>,
    end: PathEnd<'p>,
    valid_until: UnixTime,
    backend: Backend,
    memo: &'p VerificationMemo,
}

/// The end of a verified path, which makes the leaf trusted.
enum PathEnd<'p> {
    /// A trust anchor.
    Path(&'p VerifiedPath<'p>),
    /// The leaf is a pinned end-entity certificate.
    Itself,
    /// The application's [`VerifyPath`]. Holds the certificates sent, as far as each one issued the
    /// one before it.
    #[cfg(feature = "dangerous_configuration")]
    Application(&'p [CertificateDer<'p>]),
}

impl ProvenPath<'_> {
    /// Returns the end-entity certificate.
    #[must_use]
    pub fn leaf(&self) -> CertificateDer<'_> {
        self.leaf.der()
    }

    /// Returns the certificates of the path, leaf first, without unused ones. A pinned end-entity
    /// certificate is the only one. A path that the application verified ends where a certificate
    /// was not issued by the next one sent.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateDer<'_>> {
        let mut certificates = vec![self.leaf()];
        match self.end {
            PathEnd::Path(path) => {
                for above in path.intermediate_certificates() {
                    certificates.push(above.der());
                }
            }
            PathEnd::Itself => {}
            #[cfg(feature = "dangerous_configuration")]
            PathEnd::Application(linked) => {
                for above in linked.iter().skip(1) {
                    certificates.push(CertificateDer::from(above.as_ref()));
                }
            }
        }
        certificates
    }

    /// Returns the trust anchor of the path; `None` for a pinned end-entity certificate, and for a
    /// path that the application verified.
    #[must_use]
    pub fn anchor(&self) -> Option<&TrustAnchor<'_>> {
        match self.end {
            PathEnd::Path(path) => Some(path.anchor()),
            _ => None,
        }
    }

    /// Returns when the verification result expires: with the first certificate of the path, its
    /// trust anchor, or a CRL that covers one of them. A stapled OCSP response does not count.
    #[must_use]
    pub fn valid_until(&self) -> UnixTime {
        self.valid_until
    }

    /// Returns the SHA-256 of each key of the path, leaf first and trust anchor last.
    #[must_use]
    pub fn pins(&self) -> Vec<Pin> {
        match self.end {
            PathEnd::Path(path) => pins_of(path),
            PathEnd::Itself => vec![pin_of(&self.leaf.subject_public_key_info())],
            #[cfg(feature = "dangerous_configuration")]
            PathEnd::Application(linked) => pins_of_linked(linked),
        }
    }

    /// Returns the name (contents only) and key of the leaf's issuer.
    pub(crate) fn issuer(&self) -> Option<(&[u8], SubjectPublicKeyInfoDer<'_>)> {
        let spki = match self.end {
            PathEnd::Path(path) => path.issuer_spki(),
            PathEnd::Itself => return None,
            #[cfg(feature = "dangerous_configuration")]
            PathEnd::Application(linked) => SubjectPublicKeyInfoDer::from(Certificate::read(linked.get(1)?)?.spki),
        };
        Some((self.leaf.issuer(), spki))
    }

    /// Returns whether the leaf is a pinned end-entity certificate.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self.end, PathEnd::Itself)
    }

    /// Returns whether the leaf has no subjectAltName extension.
    pub(crate) fn has_no_subject_alt_name(&self) -> bool {
        Certificate::read(&self.leaf.der()).is_some_and(|read| read.extension(oid::SUBJECT_ALT_NAME).is_none())
    }

    pub(crate) fn end_entity(&self) -> &EndEntityCert<'_> {
        self.leaf
    }

    pub(crate) fn memo(&self) -> &VerificationMemo {
        self.memo
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }
}

impl fmt::Debug for ProvenPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvenPath").field("pins", &self.pins()).finish_non_exhaustive()
    }
}

impl From<RootCertStore> for ChainVerifier {
    fn from(roots: RootCertStore) -> Self {
        Self::new(roots)
    }
}

impl ChainVerifier {
    /// Verifies chains against these trust anchors. With none it rejects every chain.
    #[must_use]
    pub fn new(roots: impl Into<Arc<RootCertStore>>) -> Self {
        Self {
            roots: roots.into(),
            backend: Backend::default(),
            exact: Vec::new(),
            crls: None,
            pins: None,
            reported: None,
            checks: Vec::new(),
            // Without randomness, no handshake starts anyway.
            memo: Arc::new(VerificationMemo::new(MEMO).unwrap_or_else(|_| VerificationMemo::none())),
            #[cfg(feature = "dangerous_configuration")]
            path: None,
        }
    }

    /// Returns the names of the issuers whose certificates can be accepted, each a Name in DER.
    /// Servers send them to clients as hints.
    #[must_use]
    pub fn issuer_names(&self) -> Vec<Vec<u8>> {
        let mut names: Vec<_> = self.roots.subjects().collect();
        for exact in &self.exact {
            if let Some(read) = Certificate::read(exact) {
                names.push(der::element(der::SEQUENCE, &[read.issuer]));
            }
        }
        names
    }

    /// Sets the backend that checks signatures: it decides which algorithms are supported. A
    /// configuration sets its own for the verifiers that it is given. Default: ring.
    pub fn set_backend(&mut self, backend: Backend) {
        self.backend = backend;
    }

    /// Returns the backend that checks signatures.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Returns the trust anchors.
    #[must_use]
    pub fn roots(&self) -> &RootCertStore {
        &self.roots
    }

    /// Accepts this end-entity certificate regardless of issuer, for example a self-signed one.
    /// Validity, key usage, extended key usage, pins and custom checks still apply. Revocation,
    /// OCSP and certificate transparency do not, since they concern the issuer.
    ///
    /// The requested server name must match its subjectAltName. A certificate without that
    /// extension matches every name under this configuration, so use a separate configuration for
    /// such a server.
    ///
    /// # Errors
    /// [`CertificateError`] if it cannot be parsed, or has X.509 version 1.
    pub fn trust_exact_certificate(&mut self, certificate: CertificateDer<'static>) -> Result<(), CertificateError> {
        EndEntityCert::try_from(&certificate).map_err(|e| explain(e, 1, self.roots.len()))?;
        self.exact.push(certificate);
        Ok(())
    }

    /// Sets the CRLs that chains are checked against. Default: `None`, no check.
    pub fn set_crls(&mut self, crls: Option<Crls>) {
        self.crls = crls.map(Arc::new);
    }

    /// Requires a pinned key in every chain. Default: `None`, no requirement.
    pub fn set_pins(&mut self, pins: Option<Pins>) {
        self.pins = pins;
    }

    /// Tests pins: calls `report` with the pins of each chain that contains none of these keys, and
    /// accepts the chain. Pins of [`set_pins`](Self::set_pins) are still required.
    pub fn set_pins_report_only(&mut self, pins: Pins, report: impl Fn(&[Pin]) + Send + Sync + 'static) {
        self.reported = Some(ReportOnlyPins::new(pins, report));
    }

    /// Adds a check of the application, which can reject paths that all others accepted.
    pub fn add_check(&mut self, check: Arc<dyn CheckPath>) {
        self.checks.push(check);
    }

    /// Sets the size of the signature cache, in signatures of 32 bytes each; 0 disables it. A
    /// cached signature costs only a hash to verify again. Clones share the cache. See
    /// [`VerificationMemo`]. Default: 1,024.
    pub fn set_memo_size(&mut self, signatures: usize) {
        self.memo = Arc::new(VerificationMemo::new(signatures).unwrap_or_else(|_| VerificationMemo::none()));
    }

    /// Replaces the path verification. The replacement must check trust anchors, signatures,
    /// validity, purpose and revocation. Name, OCSP, SCTs, pins and custom checks still apply.
    #[cfg(feature = "dangerous_configuration")]
    pub fn dangerous_set_path(&mut self, path: Arc<dyn VerifyPath>) {
        self.path = Some(path);
    }

    /// Verifies the `chain` of a client (leaf first) at the time `now`. The caller identifies the
    /// client by the leaf.
    ///
    /// # Errors
    /// [`Refusal`], with the failed check and the chain.
    pub fn verify_client(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Refusal> {
        self.verify_client_until(chain, now).map(drop)
    }

    /// Verifies as [`verify_client`](Self::verify_client) does, and returns when the result expires
    /// ([`ProvenPath::valid_until`]).
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify_client_until(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<UnixTime, Refusal> {
        self.verify_chain(chain, Purpose::Client, now, &|_| Ok(()))
    }

    /// Returns a hash of everything that the result depends on; `None` if a check of the
    /// application provides none.
    #[must_use]
    pub fn session_scope(&self) -> Option<[u8; 32]> {
        #[cfg(feature = "dangerous_configuration")]
        if self.path.is_some() {
            return None;
        }
        let hash = |bytes: &[u8]| HashAlgorithm::Sha256.hash(bytes);
        let mut all = self.roots.digest().to_vec();
        for exact in &self.exact {
            all.extend_from_slice(b"exact");
            all.extend_from_slice(hash(exact).as_ref());
        }
        if let Some(crls) = &self.crls {
            all.extend_from_slice(&crls.digest());
        }
        if let Some(pins) = &self.pins {
            all.extend_from_slice(&pins.digest());
        }
        for check in &self.checks {
            all.extend_from_slice(b"check");
            all.extend_from_slice(&check.session_scope()?);
        }
        hash(&all).as_ref().try_into().ok()
    }

    /// Returns whether the result for a chain can change under this verifier: with CRLs, pins, or
    /// checks of the application. Sessions should then be verified again before they are resumed.
    #[must_use]
    pub fn needs_reverification(&self) -> bool {
        #[cfg(feature = "dangerous_configuration")]
        if self.path.is_some() {
            return true;
        }
        self.crls.is_some() || self.pins.is_some() || !self.checks.is_empty()
    }

    /// Runs the checks common to both roles, then `beyond`, then the application's.
    pub(crate) fn verify_chain(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
        beyond: &dyn Fn(&ProvenPath<'_>) -> Result<(), CertificateError>,
    ) -> Result<UnixTime, Refusal> {
        self.accept(chain, purpose, now, beyond)
            .map_err(|fault| refusal(self.backend, fault, chain, &self.roots, purpose, now))
    }

    fn accept(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
        beyond: &dyn Fn(&ProvenPath<'_>) -> Result<(), CertificateError>,
    ) -> Result<UnixTime, Fault> {
        let none = || CertificateError::Path("the chain has no certificate".into());
        let (leaf, intermediates) = chain.split_first().ok_or_else(none)?;
        let is_exact = self.exact.contains(leaf);
        if self.roots.is_empty() && self.exact.is_empty() && !self.has_path() {
            return Err(CertificateError::NoTrustAnchors.into());
        }
        let end_entity =
            EndEntityCert::try_from(leaf).map_err(|e| diagnose(self.backend, e, chain, &self.roots, purpose, now))?;
        let read = Certificate::read(leaf).ok_or(CertificateError::BadEncoding).map_err(Fault::of_leaf)?;
        check_key_usage(&read).map_err(Fault::of_leaf)?;
        let last = |end: PathEnd<'_>, valid_until: UnixTime| {
            let proven = ProvenPath { leaf: &end_entity, end, valid_until, backend: self.backend, memo: &self.memo };
            beyond(&proven)?;
            self.checks.iter().try_for_each(|check| check.check(&proven, purpose, now))?;
            Ok(valid_until)
        };
        if is_exact {
            check_validity(&read, now).map_err(Fault::of_leaf)?;
            wrong_purpose(&read, purpose).map_or(Ok(()), Err).map_err(Fault::of_leaf)?;
            self.check_pins(&[pin_of(&end_entity.subject_public_key_info())])?;
            return last(PathEnd::Itself, read.not_after);
        }
        #[cfg(feature = "dangerous_configuration")]
        if let Some(path) = &self.path {
            path.verify_path(chain, purpose, now)?;
            let linked = linked(self.backend, chain);
            self.check_pins(&pins_of_linked(linked))?;
            let ends = linked.iter().filter_map(Certificate::read).map(|read| read.not_after);
            return last(PathEnd::Application(linked), ends.min().unwrap_or(read.not_after));
        }
        let (path, valid_until) = self.find_path(&end_entity, intermediates, purpose, now)?;
        last(PathEnd::Path(&path), valid_until)
    }

    fn has_path(&self) -> bool {
        #[cfg(feature = "dangerous_configuration")]
        return self.path.is_some();
        #[cfg(not(feature = "dangerous_configuration"))]
        false
    }

    fn check_pins(&self, keys: &[Pin]) -> Result<(), CertificateError> {
        self.pins.as_ref().map_or(Ok(()), |pins| pins.check(keys))?;
        if let Some(reported) = &self.reported {
            reported.check(keys);
        }
        Ok(())
    }

    /// Finds a valid path. Prefers one that has a key of the report-only pins.
    fn find_path<'p>(
        &'p self,
        leaf: &'p EndEntityCert<'_>,
        intermediates: &'p [CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<(VerifiedPath<'p>, UnixTime), Fault> {
        let find = |pins: &[&Pins]| self.find_pinned_path(leaf, intermediates, purpose, now, pins);
        let enforced = self.pins.as_ref();
        let Some(reported) = &self.reported else { return find(enforced.as_slice()) };
        let mut all = vec![&reported.pins];
        all.extend_from_slice(enforced.as_slice());
        match find(&all) {
            Err(Fault { why: CertificateError::NotPinned { .. }, .. }) => {
                let (path, until) = find(enforced.as_slice())?;
                reported.check(&pins_of(&path));
                Ok((path, until))
            }
            result => result,
        }
    }

    /// Finds a valid path that has a key of each of these pins, among all paths that the
    /// certificates allow. webpki bounds the work to 100 signatures and 200,000 steps.
    fn find_pinned_path<'p>(
        &'p self,
        leaf: &'p EndEntityCert<'_>,
        intermediates: &'p [CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
        pins: &[&Pins],
    ) -> Result<(VerifiedPath<'p>, UnixTime), Fault> {
        let usage = match purpose {
            Purpose::Server => KeyUsage::server_auth(),
            Purpose::Client => KeyUsage::client_auth(),
        };
        let pass = PathPass::new(self.backend, &self.roots, self.crls.as_deref(), now, intermediates);
        let (unpinned, unfit, until) = (Cell::new(None), Cell::new(None), Cell::new(None));
        let found = self.memo.with_algorithms(self.backend, |algorithms| {
            let check = |path: &VerifiedPath<'_>| {
                let next_path = webpki::Error::UnknownIssuer;
                match pass.check(path, algorithms) {
                    Ok(end) => until.set(Some(end)),
                    Err(e) => {
                        unfit.set(Some(e));
                        return Err(next_path);
                    }
                }
                if pins.is_empty() {
                    return Ok(());
                }
                let keys = pins_of(path);
                pins.iter().try_for_each(|pins| pins.check(&keys)).map_err(|e| {
                    unpinned.set(Some(Fault::from(e)));
                    next_path
                })
            };
            let anchors = &self.roots.anchors;
            leaf.verify_for_usage(algorithms, anchors, intermediates, now, usage, None, Some(&check))
        });
        // A path without a pin passed all other checks, so report that first.
        let fault = unpinned.take().or_else(|| unfit.take());
        match (found, fault, until.get()) {
            (Ok(path), _, Some(until)) => Ok((path, until)),
            (Ok(_), _, None) => Err(CertificateError::BadEncoding.into()),
            (Err(_), Some(fault), _) => Err(fault),
            (Err(e), None, _) => {
                let chain: Vec<_> = std::iter::once(leaf.der()).chain(intermediates.iter().cloned()).collect();
                Err(diagnose(self.backend, e, &chain, &self.roots, purpose, now))
            }
        }
    }
}

/// Checks that the leaf's key usage, if present, allows signatures: the leaf's key signs every
/// handshake (RFC 9846 §4.5.1.2, RFC 5246 §7.4.2). webpki does not check it.
fn check_key_usage(leaf: &Certificate<'_>) -> Result<(), CertificateError> {
    match leaf.allows(KeyUse::DigitalSignature) {
        true => Ok(()),
        false => Err(CertificateError::WrongKeyUsage { found: leaf.key_usages() }),
    }
}

fn pins_of(path: &VerifiedPath<'_>) -> Vec<Pin> {
    let leaf = pin_of(&path.end_entity().subject_public_key_info());
    let mut keys = vec![leaf];
    for certificate in path.intermediate_certificates() {
        keys.push(pin_of(&certificate.subject_public_key_info()));
    }
    keys.push(pin_of(&webpki::spki_for_anchor(path.anchor())));
    keys
}

/// Checks the validity of a pinned end-entity certificate. webpki checks it on a path.
fn check_validity(leaf: &Certificate<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let now_since = since_1970(now);
    if now < leaf.not_before {
        return Err(CertificateError::NotYetValid { now: now_since, not_before: since_1970(leaf.not_before) });
    }
    if now > leaf.not_after {
        return Err(CertificateError::Expired { now: now_since, not_after: since_1970(leaf.not_after) });
    }
    Ok(())
}

/// Returns the certificates sent, from the leaf on, as far as each one issued the one before it.
/// Only these count for a path that the application verified: an unrelated certificate must not
/// satisfy a pin.
#[cfg(feature = "dangerous_configuration")]
fn linked<'c>(backend: Backend, sent: &'c [CertificateDer<'c>]) -> &'c [CertificateDer<'c>] {
    let issued = |below: &CertificateDer<'_>, above: &CertificateDer<'_>| {
        let (Some(below), Some(above)) = (Certificate::read(below), Certificate::read(above)) else { return false };
        above.subject == below.issuer && verify_signed(verifiers(backend), &above.spki.into(), &below.signed).is_ok()
    };
    let links = sent.iter().zip(sent.iter().skip(1)).take_while(|(below, above)| issued(below, above));
    sent.get(..=links.count()).unwrap_or(sent)
}

#[cfg(feature = "dangerous_configuration")]
fn pins_of_linked(linked: &[CertificateDer<'_>]) -> Vec<Pin> {
    linked.iter().filter_map(Certificate::read).map(|read| pin_of(read.spki)).collect()
}
