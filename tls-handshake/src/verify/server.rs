//! Judging a server: its chain, its name, what it stapled.

use std::fmt;

use pki_types::{CertificateDer, ServerName, UnixTime};
use tls_codec::extension::SerializedSct;
use tls_codec::list::List;
use tls_crypto::HashAlgorithm;

use crate::certificate_error::{CertificateError, Refusal};
use crate::verify::chain::{ChainVerifier, ProvenPath, Purpose};
use crate::verify::ocsp::OcspPolicy;
use crate::verify::roots::RootCertStore;
use crate::verify::sct::CtPolicy;
use crate::verify::webpki_error::explain;

/// Judges servers, part by part; each part is for itself, and all have to agree.
///
/// | part | default | stricter |
/// |---|---|---|
/// | [path, validity, purpose, key usage](ChainVerifier) | always | own checks ([`add_check`](ChainVerifier::add_check)) |
/// | name: DNS names with wildcards, IP addresses; never the common name | always | |
/// | [revocation lists](crate::verify::Crls) | none | [`set_crls`](ChainVerifier::set_crls) |
/// | [stapled OCSP response](OcspPolicy) | believed if it says revoked; must-staple is enforced | [`OcspPolicy::Require`] |
/// | [certificate transparency](CtPolicy) | not asked for | [`set_ct_policy`](Self::set_ct_policy) |
/// | [pinned keys](crate::verify::Pins) | none | [`set_pins`](ChainVerifier::set_pins) |
///
/// Whether the server holds the key of its certificate is no part of it: that is checked in any case.
///
/// ```
/// use strata_tls_handshake::RootCertStore;
/// use strata_tls_handshake::verify::{ChainVerifier, OcspPolicy, ServerVerifier};
///
/// # fn demo(roots: RootCertStore) {
/// let mut verifier = ServerVerifier::new(ChainVerifier::new(roots));
/// verifier.set_ocsp_policy(OcspPolicy::Require);
/// # }
/// ```
/// Parts can be added; to take one away or put another in its place takes the feature `dangerous_configuration`:
///
#[cfg_attr(not(feature = "dangerous_configuration"), doc = "```compile_fail,E0599")]
#[cfg_attr(feature = "dangerous_configuration", doc = "```")]
/// # use std::sync::Arc;
/// # use strata_tls_handshake::verify::*;
/// fn any_name(mut verifier: ServerVerifier, own: impl Fn() -> Own) {
///     verifier.dangerous_set_name(Arc::new(own()));
/// }
/// # #[derive(Debug)]
/// # struct Own;
/// # #[cfg(feature = "dangerous_configuration")]
/// # impl VerifyName for Own {
/// #     fn verify_name(&self, _: &ProvenPath<'_>, _: &pki_types::ServerName<'_>) -> Result<(), strata_tls_handshake::CertificateError> { Ok(()) }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ServerVerifier {
    chain: ChainVerifier,
    ocsp: OcspPolicy,
    ct: Option<CtPolicy>,
    #[cfg(feature = "dangerous_configuration")]
    name: Option<std::sync::Arc<dyn VerifyName>>,
}

/// Replaces the check of the name.
#[cfg(feature = "dangerous_configuration")]
pub trait VerifyName: fmt::Debug + Send + Sync {
    /// Whether the certificate at the begin of this path is good for the name that was asked for.
    ///
    /// # Errors
    /// The reason to refuse it.
    fn verify_name(&self, path: &ProvenPath<'_>, name: &ServerName<'_>) -> Result<(), CertificateError>;
}

/// What a server sent beside its certificate. Nothing of it is checked yet.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stapled<'a> {
    /// The OCSP response (DER, RFC 6066 §8).
    pub ocsp_response: Option<&'a [u8]>,
    /// The signed certificate timestamps (RFC 6962 §3.2).
    pub scts: List<'a, SerializedSct<'a>>,
    /// Whether the server was asked for an OCSP response; without that it does not send one.
    pub ocsp_requested: bool,
}

impl<'a> Stapled<'a> {
    /// What a server sent that was asked for all of it.
    #[must_use]
    pub fn new(ocsp_response: Option<&'a [u8]>, scts: List<'a, SerializedSct<'a>>) -> Self {
        Self { ocsp_response, scts, ocsp_requested: true }
    }
}

/// Nothing was stapled, and nothing was asked for.
impl Default for Stapled<'_> {
    fn default() -> Self {
        Self { ocsp_response: None, scts: List::empty(), ocsp_requested: false }
    }
}

impl fmt::Debug for Stapled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let response = self.ocsp_response.map(<[u8]>::len);
        f.debug_struct("Stapled")
            .field("ocsp_response", &response)
            .field("scts", &self.scts.len())
            .field("ocsp_requested", &self.ocsp_requested)
            .finish()
    }
}

impl<T: Into<ChainVerifier>> From<T> for ServerVerifier {
    fn from(chain: T) -> Self {
        Self::new(chain)
    }
}

impl ServerVerifier {
    /// Judges chains by this part, or by these trust anchors, and all else by the defaults.
    #[must_use]
    pub fn new(chain: impl Into<ChainVerifier>) -> Self {
        Self {
            chain: chain.into(),
            ocsp: OcspPolicy::default(),
            ct: None,
            #[cfg(feature = "dangerous_configuration")]
            name: None,
        }
    }

    /// The part that judges chains.
    #[must_use]
    pub fn chain(&self) -> &ChainVerifier {
        &self.chain
    }

    /// The trust anchors.
    #[must_use]
    pub fn roots(&self) -> &RootCertStore {
        self.chain.roots()
    }

    /// What is made of stapled OCSP responses.
    pub fn set_ocsp_policy(&mut self, policy: OcspPolicy) {
        self.ocsp = policy;
    }

    /// What is made of stapled OCSP responses.
    #[must_use]
    pub fn ocsp_policy(&self) -> OcspPolicy {
        self.ocsp
    }

    /// The logs whose timestamps are asked for; `None`, which it is unless set, for none.
    pub fn set_ct_policy(&mut self, policy: Option<CtPolicy>) {
        self.ct = policy;
    }

    /// Whether timestamps are asked for.
    #[must_use]
    pub fn wants_scts(&self) -> bool {
        self.ct.is_some()
    }

    /// Replaces the check of the name by another one; all other parts stay.
    #[cfg(feature = "dangerous_configuration")]
    pub fn dangerous_set_name(&mut self, name: std::sync::Arc<dyn VerifyName>) {
        self.name = Some(name);
    }

    /// Whether `chain` (leaf first) proves, at the time `now`, a server of this name.
    ///
    /// # Errors
    /// [`Refusal`], with what is needed to mend it.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &Stapled<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        self.verify_until(chain, name, stapled, now).map(drop)
    }

    /// Does the same as [`verify`](Self::verify), and returns how long the verdict holds ([`ProvenPath::valid_until`]).
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify_until(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &Stapled<'_>,
        now: UnixTime,
    ) -> Result<UnixTime, Refusal> {
        self.chain.verify_chain(chain, Purpose::Server, now, &|path| {
            self.check_name(path, name)?;
            if path.is_exact() {
                return Ok(());
            }
            let of_ocsp = self.ocsp.check(path, stapled, now)?;
            match &self.ct {
                Some(policy) => policy.check(path, stapled.scts, of_ocsp, now),
                None => Ok(()),
            }
        })
    }

    /// Whether a chain that was found good before still is, without what was stapled to it then.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn reverify(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>, now: UnixTime) -> Result<(), Refusal> {
        self.chain.verify_chain(chain, Purpose::Server, now, &|path| self.check_name(path, name)).map(drop)
    }

    /// Returns whether the verification result can change while the chain and this verifier stay: see
    /// [`ChainVerifier::needs_reverification`].
    #[must_use]
    pub fn needs_reverification(&self) -> bool {
        #[cfg(feature = "dangerous_configuration")]
        if self.name.is_some() {
            return true;
        }
        self.chain.needs_reverification()
    }

    fn check_name(&self, path: &ProvenPath<'_>, name: &ServerName<'_>) -> Result<(), CertificateError> {
        #[cfg(feature = "dangerous_configuration")]
        if let Some(own) = &self.name {
            return own.verify_name(path, name);
        }
        match path.end_entity().verify_is_valid_for_subject_name(name) {
            // Whoever trusts a certificate without a name by itself has said whose it is.
            Err(_) if path.is_exact() && path.has_no_subject_alt_name() => Ok(()),
            verdict => verdict.map_err(|e| explain(e, 0, 0)),
        }
    }

    /// A hash over all that the verdict depends on; `None` if only the application knows.
    #[must_use]
    pub fn session_scope(&self) -> Option<[u8; 32]> {
        #[cfg(feature = "dangerous_configuration")]
        if self.name.is_some() {
            return None;
        }
        let mut all = self.chain.session_scope()?.to_vec();
        all.extend_from_slice(format!("{:?}", self.ocsp).as_bytes());
        if let Some(policy) = &self.ct {
            all.extend_from_slice(&policy.digest());
        }
        HashAlgorithm::Sha256.hash(&all).as_ref().try_into().ok()
    }
}
