//! The certificate chain: a path to a trust anchor, validity, purpose, revocation lists, pins. webpki walks the path.
//!
//! ```text
//! chain ─▶ exactly a trusted one? ─yes─▶ valid now? ───────────────────────────────┐
//!            └─no─▶ webpki: path, signatures (memo), validity, purpose, CRLs, pins ─┴─▶ ProvenPath ─▶ own checks
//! ```

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use pki_types::{CertificateDer, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};
use tls_crypto::verify::VerificationMemo;
use tls_crypto::{HashAlgorithm, der};
use webpki::{EndEntityCert, KeyUsage, RevocationOptions, VerifiedPath};

use crate::certificate_error::{CertificateError, Pin, Refusal};
use crate::verify::explain::explain;
use crate::verify::pins::{Pinning, Pins, pin_of};
use crate::verify::report::{refusal, since_1970};
use crate::verify::revocation::Crls;
use crate::verify::roots::RootCertStore;
use crate::verify::x509::{Certificate, oid, sole};

/// Signatures that are remembered unless another number is set: 32 KiB.
const MEMO: usize = 1024;

/// Judges chains of either role: the part that clients and servers have in common.
///
/// It takes trust anchors alone. All else makes it stricter, but for
/// [`trust_exact_certificate`](Self::trust_exact_certificate), which adds a single certificate to those that are trusted.
///
/// ```
/// use tls_handshake::verify::{ChainVerifier, Crls, Pins};
/// use tls_handshake::{Pin, RootCertStore};
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
    pinning: Option<Pinning>,
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
    /// As the peer sent them.
    #[cfg(feature = "dangerous_configuration")]
    sent: &'p [CertificateDer<'p>],
    by: By<'p>,
    memo: &'p VerificationMemo,
}

/// Who vouches for the leaf.
enum By<'p> {
    Path(&'p VerifiedPath<'p>),
    /// It is itself among those that are trusted.
    Itself,
    /// The application's own walk of the path.
    #[cfg(feature = "dangerous_configuration")]
    Application,
}

impl ProvenPath<'_> {
    /// The peer's own certificate.
    #[must_use]
    pub fn leaf(&self) -> CertificateDer<'_> {
        self.leaf.der()
    }

    /// The certificates of the path, leaf first, without those that were sent and not needed. A leaf that is trusted by
    /// itself stands alone.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateDer<'_>> {
        let above: Vec<_> = match self.by {
            By::Path(path) => path.intermediate_certificates().map(|certificate| certificate.der()).collect(),
            By::Itself => Vec::new(),
            #[cfg(feature = "dangerous_configuration")]
            By::Application => self.sent.iter().skip(1).map(|sent| CertificateDer::from(sent.as_ref())).collect(),
        };
        std::iter::once(self.leaf()).chain(above).collect()
    }

    /// The trust anchor that the path leads to; `None` for a leaf that is trusted by itself.
    #[must_use]
    pub fn anchor(&self) -> Option<&TrustAnchor<'_>> {
        match self.by {
            By::Path(path) => Some(path.anchor()),
            _ => None,
        }
    }

    /// The SHA-256 of each key of the path, leaf first and the trust anchor's last.
    #[must_use]
    pub fn pins(&self) -> Vec<Pin> {
        match self.by {
            By::Path(path) => pins_of(path),
            By::Itself => vec![pin_of(&self.leaf.subject_public_key_info())],
            #[cfg(feature = "dangerous_configuration")]
            By::Application => self.sent.iter().filter_map(Certificate::read).map(|read| pin_of(read.spki)).collect(),
        }
    }

    /// The name (contents alone) of the leaf's issuer, with its key.
    pub(crate) fn issuer(&self) -> Option<(&[u8], SubjectPublicKeyInfoDer<'_>)> {
        let spki = match self.by {
            By::Path(path) => path.issuer_spki(),
            By::Itself => return None,
            // Nobody showed that the next one signed it: that is up to the application's walk.
            #[cfg(feature = "dangerous_configuration")]
            By::Application => {
                let next = self.sent.get(1).unwrap_or(self.sent.first()?);
                let next = Certificate::read(next).filter(|next| next.subject == self.leaf.issuer())?;
                SubjectPublicKeyInfoDer::from(next.spki)
            }
        };
        Some((self.leaf.issuer(), spki))
    }

    /// Whether the leaf is trusted by itself.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self.by, By::Itself)
    }

    /// Whether the leaf has neither DNS names nor IP addresses.
    pub(crate) fn names_nobody(&self) -> bool {
        Certificate::read(&self.leaf.der()).is_some_and(|read| read.names().is_empty())
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
            pinning: None,
            checks: Vec::new(),
            // Without randomness no handshake begins either.
            memo: Arc::new(VerificationMemo::new(MEMO).unwrap_or_else(|_| VerificationMemo::none())),
            #[cfg(feature = "dangerous_configuration")]
            path: None,
        }
    }

    /// The trust anchors.
    #[must_use]
    pub fn roots(&self) -> &RootCertStore {
        &self.roots
    }

    /// Trusts this very certificate as a peer's own, whoever signed it: for peers that signed theirs themselves. It has to be valid
    /// at the time; if it has names, a server has to be asked for by one of them; its pin and your own checks count. Revocation,
    /// OCSP and certificate transparency do not: all of them are about who issued it.
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
        self.pinning = pins.map(Pinning::Enforce);
    }

    /// Reports chains without a pinned key, by a call to `report` with the chain's pins, and accepts them: to try pins out.
    pub fn set_pins_report_only(&mut self, pins: Pins, report: impl Fn(&[Pin]) + Send + Sync + 'static) {
        self.pinning = Some(Pinning::Report(pins, Arc::new(report)));
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
        self.judge(chain, Purpose::Client, now, |_| Ok(()))
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
        if let Some(Pinning::Enforce(pins)) = &self.pinning {
            all.extend_from_slice(&pins.digest());
        }
        for check in &self.checks {
            all.extend_from_slice(b"check");
            all.extend_from_slice(&check.session_scope()?);
        }
        hash(&all).as_ref().try_into().ok()
    }

    /// The checks of both roles, then `beyond`, then the application's.
    pub(crate) fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
        beyond: impl FnOnce(&ProvenPath<'_>) -> Result<(), CertificateError>,
    ) -> Result<(), Refusal> {
        self.accept(chain, purpose, now, beyond).map_err(|why| refusal(why, chain, &self.roots, now))
    }

    fn accept(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
        beyond: impl FnOnce(&ProvenPath<'_>) -> Result<(), CertificateError>,
    ) -> Result<(), CertificateError> {
        let (leaf, intermediates) = chain.split_first().ok_or(CertificateError::BadEncoding)?;
        let is_exact = self.exact.contains(leaf);
        if self.roots.is_empty() && self.exact.is_empty() && !self.has_path() {
            return Err(CertificateError::NoTrustAnchors);
        }
        let end_entity = EndEntityCert::try_from(leaf).map_err(|e| explain(e, chain.len(), self.roots.len()))?;
        check_key_usage(leaf)?;
        let last = |by: By<'_>| {
            let proven = ProvenPath {
                leaf: &end_entity,
                #[cfg(feature = "dangerous_configuration")]
                sent: chain,
                by,
                memo: &self.memo,
            };
            beyond(&proven)?;
            self.checks.iter().try_for_each(|check| check.check(&proven, purpose, now))
        };
        if is_exact {
            check_validity(leaf, now)?;
            self.check_pins(&[pin_of(&end_entity.subject_public_key_info())])?;
            return last(By::Itself);
        }
        #[cfg(feature = "dangerous_configuration")]
        if let Some(path) = &self.path {
            path.verify_path(chain, purpose, now)?;
            let keys = chain.iter().filter_map(Certificate::read).map(|read| pin_of(read.spki));
            self.check_pins(&keys.collect::<Vec<_>>())?;
            return last(By::Application);
        }
        let path = self.find_path(&end_entity, intermediates, purpose, now)?;
        last(By::Path(&path))
    }

    fn has_path(&self) -> bool {
        #[cfg(feature = "dangerous_configuration")]
        return self.path.is_some();
        #[cfg(not(feature = "dangerous_configuration"))]
        false
    }

    fn check_pins(&self, keys: &[Pin]) -> Result<(), CertificateError> {
        self.pinning.as_ref().map_or(Ok(()), |pinning| pinning.check(keys))
    }

    /// A path on which all is well, among those that the certificates allow for. Of several that differ in a key the pinned one is
    /// found. webpki bounds the work: 100 signatures, 200,000 steps.
    fn find_path<'p>(
        &'p self,
        leaf: &'p EndEntityCert<'_>,
        intermediates: &'p [CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<VerifiedPath<'p>, CertificateError> {
        let usage = match purpose {
            Purpose::Server => KeyUsage::server_auth(),
            Purpose::Client => KeyUsage::client_auth(),
        };
        let unpinned = Cell::new(None);
        let check_pins = |path: &VerifiedPath<'_>| {
            self.check_pins(&pins_of(path)).map_err(|e| {
                unpinned.set(Some(e));
                // Goes on to the next path.
                webpki::Error::UnknownIssuer
            })
        };
        let check: PathCheck<'_> = &check_pins;
        let check = self.pinning.as_ref().map(|_| check);
        let found = self.memo.with_algorithms(|algorithms| {
            let verify = |revocation: Option<RevocationOptions<'_>>| {
                leaf.verify_for_usage(algorithms, &self.roots.anchors, intermediates, now, usage, revocation, check)
            };
            match &self.crls {
                Some(crls) => crls.with_options(verify),
                None => verify(None),
            }
        });
        found.map_err(|e| match unpinned.take() {
            // But for the pins there was a path.
            Some(unpinned) => unpinned,
            None => explain(e, intermediates.len().saturating_add(1), self.roots.len()),
        })
    }
}

/// Every handshake here is signed with the leaf's key: a certificate that says what its key is for has to allow that
/// (RFC 9846 §4.5.1.2, RFC 5246 §7.4.2). webpki does not look at it.
fn check_key_usage(leaf: &CertificateDer<'_>) -> Result<(), CertificateError> {
    const DIGITAL_SIGNATURE: u8 = 0x80;
    let Some(usage) = Certificate::read(leaf).and_then(|read| read.extension(oid::KEY_USAGE)) else { return Ok(()) };
    match sole(usage, der::BIT_STRING) {
        Some([_, bits, ..]) if bits & DIGITAL_SIGNATURE != 0 => Ok(()),
        _ => Err(CertificateError::WrongKeyUsage),
    }
}

type PathCheck<'c> = &'c dyn Fn(&VerifiedPath<'_>) -> Result<(), webpki::Error>;

fn pins_of(path: &VerifiedPath<'_>) -> Vec<Pin> {
    let leaf = pin_of(&path.end_entity().subject_public_key_info());
    let above = path.intermediate_certificates().map(|certificate| pin_of(&certificate.subject_public_key_info()));
    std::iter::once(leaf).chain(above).chain([pin_of(&webpki::spki_for_anchor(path.anchor()))]).collect()
}

/// For a certificate that is trusted by itself; webpki looks at those of a path.
fn check_validity(leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let read = Certificate::read(leaf).ok_or(CertificateError::BadEncoding)?;
    let now_since = since_1970(now);
    if now < read.not_before {
        return Err(CertificateError::NotYetValid { now: now_since, not_before: since_1970(read.not_before) });
    }
    if now > read.not_after {
        return Err(CertificateError::Expired { now: now_since, not_after: since_1970(read.not_after) });
    }
    Ok(())
}
