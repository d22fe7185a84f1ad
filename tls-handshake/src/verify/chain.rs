//! The certificate chain: a path to a trust anchor, validity, purpose, revocation lists, pins. webpki finds the path.
//!
//! ```text
//! chain ─▶ exactly a trusted one? ─yes─▶ valid now? ────────────────────────────────────────┐
//!            └─no─▶ webpki: path, signatures (memo), validity, purpose ─▶ our pass, pins ─┴─▶ ProvenPath ─▶ own checks
//!                     └──────────────── another path ◀── if it fails ────────┘
//! ```

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use pki_types::{CertificateDer, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};
use tls_crypto::HashAlgorithm;
use tls_crypto::der::{self, Elements};
#[cfg(feature = "dangerous_configuration")]
use tls_crypto::verify::ALL;
use tls_crypto::verify::VerificationMemo;
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use crate::certificate_error::{CertificateError, Pin, Refusal};
use crate::verify::path::PathPass;
use crate::verify::pins::{Pins, ReportOnlyPins, pin_of};
use crate::verify::rejection_report::{refusal, since_1970};
use crate::verify::revocation::Crls;
use crate::verify::roots::RootCertStore;
#[cfg(feature = "dangerous_configuration")]
use crate::verify::signature::verify_signed;
use crate::verify::webpki_error::explain;
use crate::verify::x509::{Certificate, KeyUse, oid, sole};

/// Signatures that are remembered unless another number is set: 32 KiB.
const MEMO: usize = 1024;

/// Judges chains of either role: the part that clients and servers have in common.
///
/// It takes trust anchors alone. All else makes it stricter, but for
/// [`trust_exact_certificate`](Self::trust_exact_certificate), which adds a single certificate to those that are trusted.
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
    exact: Vec<CertificateDer<'static>>,
    crls: Option<Arc<Crls>>,
    pins: Option<Pins>,
    reported: Option<ReportOnlyPins>,
    checks: Vec<Arc<dyn CheckPath>>,
    memo: Arc<VerificationMemo>,
    #[cfg(feature = "dangerous_configuration")]
    path: Option<Arc<dyn VerifyPath>>,
}

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To prove a server (id-kp-serverAuth).
    Server,
    /// To prove a client (id-kp-clientAuth).
    Client,
}

/// A check of the application's own, which comes after all others: it can refuse what they accepted, and nothing else.
pub trait CheckPath: fmt::Debug + Send + Sync {
    /// Whether this path is good as well.
    ///
    /// # Errors
    /// The reason to refuse it, such as [`CertificateError::Application`].
    fn check(&self, path: &ProvenPath<'_>, purpose: Purpose, now: UnixTime) -> Result<(), CertificateError>;

    /// A hash over all that the verdict depends on; `None`, which it is unless this says otherwise, binds sessions to the
    /// configuration that has this check, and its clones.
    fn session_scope(&self) -> Option<[u8; 32]> {
        None
    }
}

/// Replaces the walk of the path: trust anchors, signatures, validity, purpose and revocation lists.
#[cfg(feature = "dangerous_configuration")]
pub trait VerifyPath: fmt::Debug + Send + Sync {
    /// Whether the chain, leaf first and never empty, leads to somebody who is trusted. The name is not its business.
    ///
    /// # Errors
    /// The reason to refuse it.
    fn verify_path(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<(), CertificateError>;
}

/// A path that was found good.
pub struct ProvenPath<'p> {
    leaf: &'p EndEntityCert<'p>,
    by: PathEnd<'p>,
    valid_until: UnixTime,
    memo: &'p VerificationMemo,
}

/// Who vouches for the leaf.
enum PathEnd<'p> {
    Path(&'p VerifiedPath<'p>),
    /// It is itself among those that are trusted.
    Itself,
    /// The application's own walk of the path, with what was sent as far as each certificate signed the one before it.
    #[cfg(feature = "dangerous_configuration")]
    Application(&'p [CertificateDer<'p>]),
}

impl ProvenPath<'_> {
    /// The peer's own certificate.
    #[must_use]
    pub fn leaf(&self) -> CertificateDer<'_> {
        self.leaf.der()
    }

    /// The certificates of the path, leaf first, without those that were sent and not needed. A leaf that is trusted by
    /// itself stands alone. Of a path that the application walked itself: as far as each was signed by the next one sent.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateDer<'_>> {
        let mut certificates = vec![self.leaf()];
        match self.by {
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

    /// The trust anchor that the path leads to; `None` for a leaf that is trusted by itself.
    #[must_use]
    pub fn anchor(&self) -> Option<&TrustAnchor<'_>> {
        match self.by {
            PathEnd::Path(path) => Some(path.anchor()),
            _ => None,
        }
    }

    /// Returns when the first of what the verdict rests on ends: a certificate of the path, its trust anchor, or a revocation list
    /// that covers one of them. A stapled OCSP response is not among it.
    #[must_use]
    pub fn valid_until(&self) -> UnixTime {
        self.valid_until
    }

    /// The SHA-256 of each key of the path, leaf first and the trust anchor's last.
    #[must_use]
    pub fn pins(&self) -> Vec<Pin> {
        match self.by {
            PathEnd::Path(path) => pins_of(path),
            PathEnd::Itself => vec![pin_of(&self.leaf.subject_public_key_info())],
            #[cfg(feature = "dangerous_configuration")]
            PathEnd::Application(linked) => pins_of_linked(linked),
        }
    }

    /// The name (contents alone) of the leaf's issuer, with its key.
    pub(crate) fn issuer(&self) -> Option<(&[u8], SubjectPublicKeyInfoDer<'_>)> {
        let spki = match self.by {
            PathEnd::Path(path) => path.issuer_spki(),
            PathEnd::Itself => return None,
            #[cfg(feature = "dangerous_configuration")]
            PathEnd::Application(linked) => SubjectPublicKeyInfoDer::from(Certificate::read(linked.get(1)?)?.spki),
        };
        Some((self.leaf.issuer(), spki))
    }

    /// Whether the leaf is trusted by itself.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self.by, PathEnd::Itself)
    }

    /// Whether the leaf has no subjectAltName at all.
    pub(crate) fn has_no_subject_alt_name(&self) -> bool {
        Certificate::read(&self.leaf.der()).is_some_and(|read| read.extension(oid::SUBJECT_ALT_NAME).is_none())
    }

    pub(crate) fn end_entity(&self) -> &EndEntityCert<'_> {
        self.leaf
    }

    pub(crate) fn memo(&self) -> &VerificationMemo {
        self.memo
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
    /// Accepts what these trust anchors vouch for; with none of them it accepts nothing.
    #[must_use]
    pub fn new(roots: impl Into<Arc<RootCertStore>>) -> Self {
        Self {
            roots: roots.into(),
            exact: Vec::new(),
            crls: None,
            pins: None,
            reported: None,
            checks: Vec::new(),
            // Without randomness no handshake begins either.
            memo: Arc::new(VerificationMemo::new(MEMO).unwrap_or_else(|_| VerificationMemo::none())),
            #[cfg(feature = "dangerous_configuration")]
            path: None,
        }
    }

    /// The names that an accepted certificate can be issued by, each a Name in DER: what clients are told that have to choose one.
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

    /// The trust anchors.
    #[must_use]
    pub fn roots(&self) -> &RootCertStore {
        &self.roots
    }

    /// Trusts this very certificate as a peer's own, whoever signed it: for peers that signed theirs themselves. It has to be valid
    /// at the time; where it says what it is for (key usage, extended key usage), that has to be so; its pin and your own checks
    /// count. Revocation, OCSP and certificate transparency do not: all of them are about who issued it.
    ///
    /// A server has to be asked for by a name in its subjectAltName. One without that extension is good for every name that is
    /// asked for under this configuration: give such a server a configuration of its own.
    ///
    /// # Errors
    /// [`CertificateError`] if it cannot be parsed, or is of X.509 version 1.
    pub fn trust_exact_certificate(&mut self, certificate: CertificateDer<'static>) -> Result<(), CertificateError> {
        EndEntityCert::try_from(&certificate).map_err(|e| explain(e, 1, self.roots.len()))?;
        self.exact.push(certificate);
        Ok(())
    }

    /// The revocation lists that chains are checked against; `None`, which it is unless set, for no such check.
    pub fn set_crls(&mut self, crls: Option<Crls>) {
        self.crls = crls.map(Arc::new);
    }

    /// Demands a pinned key in every chain; `None`, which it is unless set, demands none.
    pub fn set_pins(&mut self, pins: Option<Pins>) {
        self.pins = pins;
    }

    /// Reports chains without one of these keys, by a call to `report` with the chain's pins, and accepts them: to try pins out. Those of
    /// [`set_pins`](Self::set_pins) are demanded as before.
    pub fn set_pins_report_only(&mut self, pins: Pins, report: impl Fn(&[Pin]) + Send + Sync + 'static) {
        self.reported = Some(ReportOnlyPins::new(pins, report));
    }

    /// Adds a check of your own, which can refuse what all others accepted.
    pub fn add_check(&mut self, check: Arc<dyn CheckPath>) {
        self.checks.push(check);
    }

    /// How many signatures of chains are remembered once they were found right, so that those of the same issuers cost a
    /// hash the next time: 1,024, at 32 bytes each, unless set; 0 for none. See [`VerificationMemo`]. Clones share them.
    pub fn set_memo_size(&mut self, signatures: usize) {
        self.memo = Arc::new(VerificationMemo::new(signatures).unwrap_or_else(|_| VerificationMemo::none()));
    }

    /// Replaces the walk of the path by another one. Whoever does so answers for trust anchors, signatures, validity, purpose and
    /// revocation lists; name, OCSP, timestamps, pins and checks stay as they are.
    #[cfg(feature = "dangerous_configuration")]
    pub fn dangerous_set_path(&mut self, path: Arc<dyn VerifyPath>) {
        self.path = Some(path);
    }

    /// Whether `chain` (leaf first) proves, at the time `now`, a client. Which client it is, the caller must know from the leaf.
    ///
    /// # Errors
    /// [`Refusal`], with what is needed to mend it.
    pub fn verify_client(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Refusal> {
        self.verify_client_until(chain, now).map(drop)
    }

    /// Does the same as [`verify_client`](Self::verify_client), and returns how long the verdict holds
    /// ([`ProvenPath::valid_until`]).
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify_client_until(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<UnixTime, Refusal> {
        self.verify_chain(chain, Purpose::Client, now, &|_| Ok(()))
    }

    /// A hash over all that the verdict depends on; `None` if only the checks of the application know.
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

    /// Returns whether the verification result can change while the chain and this verifier stay: with revocation lists, pins, or checks of
    /// your own. Then sessions should be verified again before they are resumed.
    #[must_use]
    pub fn needs_reverification(&self) -> bool {
        #[cfg(feature = "dangerous_configuration")]
        if self.path.is_some() {
            return true;
        }
        self.crls.is_some() || self.pins.is_some() || !self.checks.is_empty()
    }

    /// The checks of both roles, then `beyond`, then the application's.
    pub(crate) fn verify_chain(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
        beyond: &dyn Fn(&ProvenPath<'_>) -> Result<(), CertificateError>,
    ) -> Result<UnixTime, Refusal> {
        self.accept(chain, purpose, now, beyond).map_err(|why| refusal(why, chain, &self.roots, now))
    }

    fn accept(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
        beyond: &dyn Fn(&ProvenPath<'_>) -> Result<(), CertificateError>,
    ) -> Result<UnixTime, CertificateError> {
        let (leaf, intermediates) = chain.split_first().ok_or(CertificateError::BadEncoding)?;
        let is_exact = self.exact.contains(leaf);
        if self.roots.is_empty() && self.exact.is_empty() && !self.has_path() {
            return Err(CertificateError::NoTrustAnchors);
        }
        let end_entity = EndEntityCert::try_from(leaf).map_err(|e| explain(e, chain.len(), self.roots.len()))?;
        let read = Certificate::read(leaf).ok_or(CertificateError::BadEncoding)?;
        check_key_usage(&read)?;
        let last = |by: PathEnd<'_>, valid_until: UnixTime| {
            let proven = ProvenPath { leaf: &end_entity, by, valid_until, memo: &self.memo };
            beyond(&proven)?;
            self.checks.iter().try_for_each(|check| check.check(&proven, purpose, now))?;
            Ok(valid_until)
        };
        if is_exact {
            check_validity(&read, now)?;
            check_purpose(&read, purpose)?;
            self.check_pins(&[pin_of(&end_entity.subject_public_key_info())])?;
            return last(PathEnd::Itself, read.not_after);
        }
        #[cfg(feature = "dangerous_configuration")]
        if let Some(path) = &self.path {
            path.verify_path(chain, purpose, now)?;
            let linked = linked(chain);
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

    /// A path on which all is well. Where pins are reported it is one that they have nothing against, if there is one.
    fn find_path<'p>(
        &'p self,
        leaf: &'p EndEntityCert<'_>,
        intermediates: &'p [CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<(VerifiedPath<'p>, UnixTime), CertificateError> {
        let find = |pins: &[&Pins]| self.find_pinned_path(leaf, intermediates, purpose, now, pins);
        let enforced = self.pins.as_ref();
        let Some(reported) = &self.reported else { return find(enforced.as_slice()) };
        let mut all = vec![&reported.pins];
        all.extend_from_slice(enforced.as_slice());
        match find(&all) {
            Err(CertificateError::NotPinned { .. }) => {
                let (path, until) = find(enforced.as_slice())?;
                reported.check(&pins_of(&path));
                Ok((path, until))
            }
            verdict => verdict,
        }
    }

    /// A path on which all is well, among those that the certificates allow for. Of several that differ in a key the one is found
    /// that has a key of each of these pins. webpki bounds the work: 100 signatures, 200,000 steps.
    fn find_pinned_path<'p>(
        &'p self,
        leaf: &'p EndEntityCert<'_>,
        intermediates: &'p [CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
        pins: &[&Pins],
    ) -> Result<(VerifiedPath<'p>, UnixTime), CertificateError> {
        let usage = match purpose {
            Purpose::Server => KeyUsage::server_auth(),
            Purpose::Client => KeyUsage::client_auth(),
        };
        let pass = PathPass::new(&self.roots, self.crls.as_deref(), now, intermediates);
        let (unpinned, unfit, until) = (Cell::new(None), Cell::new(None), Cell::new(None));
        let found = self.memo.with_algorithms(|algorithms| {
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
                    unpinned.set(Some(e));
                    next_path
                })
            };
            let anchors = &self.roots.anchors;
            leaf.verify_for_usage(algorithms, anchors, intermediates, now, usage, None, Some(&check))
        });
        // Of an unpinned path nothing else was wrong.
        let fault = unpinned.take().or_else(|| unfit.take());
        match (found, fault, until.get()) {
            (Ok(path), _, Some(until)) => Ok((path, until)),
            (Ok(_), _, None) => Err(CertificateError::BadEncoding),
            (Err(_), Some(fault), _) => Err(fault),
            (Err(e), None, _) => Err(explain(e, intermediates.len().saturating_add(1), self.roots.len())),
        }
    }
}

/// Every handshake here is signed with the leaf's key: a certificate that says what its key is for has to allow that
/// (RFC 9846 §4.5.1.2, RFC 5246 §7.4.2). webpki does not look at it.
fn check_key_usage(leaf: &Certificate<'_>) -> Result<(), CertificateError> {
    if leaf.allows(KeyUse::DigitalSignature) { Ok(()) } else { Err(CertificateError::WrongKeyUsage) }
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

/// For a certificate that is trusted by itself; webpki looks at those of a path.
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

/// For a certificate that is trusted by itself: the extended key usage, where it has one (RFC 5280 §4.2.1.12).
fn check_purpose(leaf: &Certificate<'_>, purpose: Purpose) -> Result<(), CertificateError> {
    let Some(purposes) = leaf.extension(oid::EXTENDED_KEY_USAGE) else { return Ok(()) };
    let wanted = match purpose {
        Purpose::Server => oid::SERVER_AUTH,
        Purpose::Client => oid::CLIENT_AUTH,
    };
    let mut purposes = Elements::new(sole(purposes, der::SEQUENCE).unwrap_or_default());
    while let Some(purpose) = purposes.next() {
        if purpose == (der::OBJECT_IDENTIFIER, wanted) {
            return Ok(());
        }
    }
    Err(CertificateError::WrongPurpose)
}

/// What was sent, from the leaf on, as far as each certificate issued the one before it: what else is known of a path that the
/// application walked itself. A certificate that was merely sent along is nobody's issuer, and its key pins nothing.
#[cfg(feature = "dangerous_configuration")]
fn linked<'c>(sent: &'c [CertificateDer<'c>]) -> &'c [CertificateDer<'c>] {
    let issued = |below: &CertificateDer<'_>, above: &CertificateDer<'_>| {
        let (Some(below), Some(above)) = (Certificate::read(below), Certificate::read(above)) else { return false };
        above.subject == below.issuer && verify_signed(&ALL, &above.spki.into(), &below.signed).is_ok()
    };
    let links = sent.iter().zip(sent.iter().skip(1)).take_while(|(below, above)| issued(below, above));
    sent.get(..=links.count()).unwrap_or(sent)
}

#[cfg(feature = "dangerous_configuration")]
fn pins_of_linked(linked: &[CertificateDer<'_>]) -> Vec<Pin> {
    linked.iter().filter_map(Certificate::read).map(|read| pin_of(read.spki)).collect()
}
