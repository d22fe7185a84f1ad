//! Verifies a server: its chain, its name, and the OCSP response and SCTs that it stapled.

use std::fmt;

use pki_types::{CertificateDer, ServerName, UnixTime};
use tls_codec::extension::SerializedSct;
use tls_codec::list::List;
use tls_crypto::{Backend, HashAlgorithm};

use crate::certificate_error::{CertificateError, Refusal};
use crate::verify::chain::{ChainVerifier, ProvenPath, Purpose};
use crate::verify::malformed_names;
use crate::verify::ocsp::OcspPolicy;
use crate::verify::roots::RootCertStore;
use crate::verify::sct::CtPolicy;
use crate::verify::webpki_error::explain;
use crate::verify::x509::Certificate;

/// Verifies servers. All parts must accept.
///
/// | check | default | stricter |
/// |---|---|---|
/// | [path, dates, purpose](ChainVerifier) | always | [`add_check`](ChainVerifier::add_check) |
/// | name: DNS names with wildcards, IP addresses; not the common name | always | |
/// | [CRLs](crate::verify::Crls) | none | [`set_crls`](ChainVerifier::set_crls) |
/// | [stapled OCSP](OcspPolicy) | rejects revoked; must-staple | [`OcspPolicy::Require`] |
/// | [certificate transparency](CtPolicy) | none | [`set_ct_policy`](Self::set_ct_policy) |
/// | [pinned keys](crate::verify::Pins) | none | [`set_pins`](ChainVerifier::set_pins) |
///
/// The handshake signature is always checked, whatever the verifier.
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
/// Checks can be added. To remove or replace one requires the feature `dangerous_configuration`:
///
#[cfg_attr(not(feature = "dangerous_configuration"), doc = "```compile_fail,E0599")]
#[cfg_attr(feature = "dangerous_configuration", doc = "```")]
/// # use std::sync::Arc;
/// # use strata_tls_handshake::{CertificateError, verify::*};
/// # use pki_types::ServerName;
/// fn any_name(mut verifier: ServerVerifier, own: impl Fn() -> Own) {
///     verifier.dangerous_set_name(Arc::new(own()));
/// }
/// # #[derive(Debug)]
/// # struct Own;
/// # #[cfg(feature = "dangerous_configuration")]
/// # impl VerifyName for Own {
/// #     fn verify_name(&self, _: &ProvenPath<'_>, _: &ServerName<'_>) -> Result<(), CertificateError> {
/// #         Ok(())
/// #     }
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

/// Replaces the name check.
#[cfg(feature = "dangerous_configuration")]
pub trait VerifyName: fmt::Debug + Send + Sync {
    /// Checks that the leaf of this path is valid for the requested name.
    ///
    /// # Errors
    /// The reason to reject it.
    fn verify_name(&self, path: &ProvenPath<'_>, name: &ServerName<'_>) -> Result<(), CertificateError>;
}

/// Data that a server stapled to its certificate, unverified.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stapled<'a> {
    /// The OCSP response (DER, RFC 6066 §8).
    pub ocsp_response: Option<&'a [u8]>,
    /// The SCTs in the TLS extension (RFC 6962 §3.2).
    pub scts: List<'a, SerializedSct<'a>>,
    /// True if the client requested an OCSP response. Servers staple none without a request.
    pub ocsp_requested: bool,
}

impl<'a> Stapled<'a> {
    /// Describes the stapled data of a server that was asked for all of it.
    #[must_use]
    pub fn new(ocsp_response: Option<&'a [u8]>, scts: List<'a, SerializedSct<'a>>) -> Self {
        Self { ocsp_response, scts, ocsp_requested: true }
    }
}

/// Nothing stapled, and nothing requested.
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
    /// Verifies chains with this verifier, or against these trust anchors, and uses the defaults
    /// for all else.
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

    /// Returns the chain verifier.
    #[must_use]
    pub fn chain(&self) -> &ChainVerifier {
        &self.chain
    }

    /// Sets the backend that checks signatures, as [`ChainVerifier::set_backend`].
    pub fn set_backend(&mut self, backend: Backend) {
        self.chain.set_backend(backend);
    }

    /// Returns the trust anchors.
    #[must_use]
    pub fn roots(&self) -> &RootCertStore {
        self.chain.roots()
    }

    /// Sets the policy for stapled OCSP responses. Default: [`OcspPolicy::Soft`].
    pub fn set_ocsp_policy(&mut self, policy: OcspPolicy) {
        self.ocsp = policy;
    }

    /// Returns the policy for stapled OCSP responses.
    #[must_use]
    pub fn ocsp_policy(&self) -> OcspPolicy {
        self.ocsp
    }

    /// Sets the policy for certificate transparency. Default: `None`, no SCTs required.
    pub fn set_ct_policy(&mut self, policy: Option<CtPolicy>) {
        self.ct = policy;
    }

    /// Returns whether SCTs are required.
    #[must_use]
    pub fn wants_scts(&self) -> bool {
        self.ct.is_some()
    }

    /// Replaces the name check. All other checks still apply.
    #[cfg(feature = "dangerous_configuration")]
    pub fn dangerous_set_name(&mut self, name: std::sync::Arc<dyn VerifyName>) {
        self.name = Some(name);
    }

    /// Verifies the `chain` of a server (leaf first) for `name` at the time `now`.
    ///
    /// # Errors
    /// [`Refusal`], with the failed check and the chain.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &Stapled<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        self.verify_until(chain, name, stapled, now).map(drop)
    }

    /// Verifies as [`verify`](Self::verify) does, and returns when the result expires
    /// ([`ProvenPath::valid_until`]).
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

    /// Verifies again the chain of a stored session, without the stapled data, which is not stored.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn reverify(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>, now: UnixTime) -> Result<(), Refusal> {
        self.chain.verify_chain(chain, Purpose::Server, now, &|path| self.check_name(path, name)).map(drop)
    }

    /// Returns whether the verification result can change while the chain and this verifier stay:
    /// see [`ChainVerifier::needs_reverification`].
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
            // A pinned certificate without names identifies its server by itself.
            Err(_) if path.is_exact() && path.has_no_subject_alt_name() => Ok(()),
            Ok(()) => Ok(()),
            Err(e @ webpki::Error::CertNotValidForName(_)) => Err(explain(e, 0, 0)),
            Err(e) => Err(malformed_name(&path.leaf()).unwrap_or_else(|| explain(e, 0, 0))),
        }
    }

    /// Returns a hash of everything that the result depends on; `None` if a check of the
    /// application provides none.
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

/// Returns what is malformed in the names of the leaf.
fn malformed_name(leaf: &CertificateDer<'_>) -> Option<CertificateError> {
    let why = malformed_names::subject_alt_name(&Certificate::read(leaf)?)?;
    Some(CertificateError::MalformedExtension { extension: "subjectAltName".into(), why })
}
