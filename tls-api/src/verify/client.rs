//! [`ClientCertVerifier`]: how a server verifies its clients' certificates. The checks are in the
//! engine's `verify/chain`.

use std::fmt;
use std::sync::Arc;

use pki_types::{CertificateDer, UnixTime};
use tls_crypto::Backend;
use tls_handshake::verify::ChainVerifier;
use tls_handshake::{CertificateError, ClientAuth, Refusal};

#[cfg(doc)]
use crate::RootCertStore;

/// Decides whether a server requests client certificates, and verifies them.
///
/// The signature that proves possession of the leaf's key is always checked, whatever the verifier
/// returns. Which client a certificate identifies, and what that client may do, is for the
/// application to find in [`peer_certificates`](crate::Session::peer_certificates).
///
/// A verifier that accepts a list of certificates:
///
/// ```
/// use std::collections::HashSet;
/// use std::sync::Arc;
/// use strata_tls::{CertificateDer, CertificateError, ClientAuth, ClientCertVerifier, Refusal, UnixTime};
///
/// #[derive(Debug)]
/// struct Known(HashSet<Vec<u8>>);
///
/// impl ClientCertVerifier for Known {
///     fn client_auth(&self) -> ClientAuth {
///         ClientAuth::Required
///     }
///
///     fn verify_client_cert(&self, chain: &[CertificateDer<'_>], _: UnixTime) -> Result<(), Refusal> {
///         match chain.first().is_some_and(|leaf| self.0.contains(leaf.as_ref())) {
///             true => Ok(()),
///             false => Err(CertificateError::Application("unknown client".into()).into()),
///         }
///     }
/// }
/// # fn set(mut config: strata_tls::ServerConfig, known: Known) -> Result<(), strata_tls::ConfigError> {
/// config.set_client_cert_verifier(Arc::new(known))
/// # }
/// ```
pub trait ClientCertVerifier: fmt::Debug + Send + Sync {
    /// Returns whether a certificate is requested, and whether it is required. Called once, when
    /// the verifier is set.
    fn client_auth(&self) -> ClientAuth;

    /// Returns the subjects of the accepted CAs, each a DER-encoded Name, as a hint for clients
    /// with several identities. They are sent unencrypted in TLS 1.2.
    ///
    /// [`RootCertStore::subjects`] returns those of its trust anchors. Called once, when the
    /// verifier is set. Default: empty.
    fn root_hint_subjects(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// Returns this verifier with another backend, which checks the signatures of certificates. A
    /// configuration calls it when its backend or verifier is set. Default: `None`, which keeps
    /// this verifier.
    fn for_backend(&self, _backend: Backend) -> Option<Arc<dyn ClientCertVerifier>> {
        None
    }

    /// Returns whether a stored client chain is verified again before its session is resumed.
    /// [`set_reverify_on_resumption`](crate::ServerConfig::set_reverify_on_resumption) overrides
    /// it. Default: `true`.
    fn needs_reverification(&self) -> bool {
        true
    }

    /// Returns a hash of everything the result depends on. Configurations whose verifiers return
    /// the same hash resume each other's sessions without verifying again. Called once, when the
    /// verifier is set. Default: `None`, which restricts resumption to this configuration and its
    /// clones.
    fn session_scope(&self) -> Option<[u8; 32]> {
        None
    }

    /// Verifies `chain`, leaf first and never empty, at the time `now`. Not called for a client
    /// that presents no certificate.
    ///
    /// # Errors
    /// The reason to reject it, which the client receives as an alert.
    fn verify_client_cert(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Refusal>;

    /// Verifies `chain` and returns when the result expires; no session lasts longer. `None` stands
    /// for the expiry of the first certificate in the chain. Servers call only this method.
    /// Default: calls [`verify_client_cert`](Self::verify_client_cert) and returns `None`.
    ///
    /// # Errors
    /// As [`verify_client_cert`](Self::verify_client_cert).
    fn verify_client_cert_until(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Option<UnixTime>, Refusal> {
        self.verify_client_cert(chain, now).map(|()| None)
    }
}

/// Requests no client certificate: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClientAuth;

impl ClientCertVerifier for NoClientAuth {
    fn client_auth(&self) -> ClientAuth {
        ClientAuth::Disabled
    }

    fn verify_client_cert(&self, _: &[CertificateDer<'_>], _: UnixTime) -> Result<(), Refusal> {
        Err(CertificateError::Application("client certificates are not requested".into()).into())
    }
}

/// Requires a client certificate that chains to one of these trust anchors, is valid, and allows
/// client authentication. The names of the CAs are sent as hints.
///
/// Takes a [`RootCertStore`], or a [`ChainVerifier`] with CRLs, pins or your own checks:
///
/// ```
/// use strata_tls::{AllowAnyAuthenticatedClient, ChainVerifier, Crls, RootCertStore};
///
/// # fn demo(roots: RootCertStore, crls: Crls) {
/// let mut chain = ChainVerifier::new(roots);
/// chain.set_crls(Some(crls));
/// let verifier = AllowAnyAuthenticatedClient::new(chain);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AllowAnyAuthenticatedClient {
    chain: ChainVerifier,
}

impl AllowAnyAuthenticatedClient {
    /// Accepts clients whose chain leads to these trust anchors. Without anchors it rejects
    /// everyone.
    #[must_use]
    pub fn new(chain: impl Into<ChainVerifier>) -> Self {
        Self { chain: chain.into() }
    }

    fn with_backend(&self, backend: Backend) -> Self {
        let mut chain = self.chain.clone();
        chain.set_backend(backend);
        Self { chain }
    }
}

impl ClientCertVerifier for AllowAnyAuthenticatedClient {
    fn client_auth(&self) -> ClientAuth {
        ClientAuth::Required
    }

    fn root_hint_subjects(&self) -> Vec<Vec<u8>> {
        self.chain.issuer_names()
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        self.chain.session_scope()
    }

    fn for_backend(&self, backend: Backend) -> Option<Arc<dyn ClientCertVerifier>> {
        Some(Arc::new(self.with_backend(backend)))
    }

    fn needs_reverification(&self) -> bool {
        self.chain.needs_reverification()
    }

    fn verify_client_cert(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Refusal> {
        self.chain.verify_client(chain, now)
    }

    fn verify_client_cert_until(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Option<UnixTime>, Refusal> {
        self.chain.verify_client_until(chain, now).map(Some)
    }
}

/// Requests a client certificate, and accepts clients without one as anonymous:
/// [`peer_certificates`](crate::Session::peer_certificates) returns `None` for them. A certificate
/// that is presented must pass [`AllowAnyAuthenticatedClient`].
#[derive(Clone, Debug)]
pub struct AllowAnyAnonymousOrAuthenticatedClient {
    required: AllowAnyAuthenticatedClient,
}

impl AllowAnyAnonymousOrAuthenticatedClient {
    /// Accepts clients whose chain leads to these trust anchors, and clients without a certificate.
    #[must_use]
    pub fn new(chain: impl Into<ChainVerifier>) -> Self {
        Self { required: AllowAnyAuthenticatedClient::new(chain) }
    }
}

impl ClientCertVerifier for AllowAnyAnonymousOrAuthenticatedClient {
    fn client_auth(&self) -> ClientAuth {
        ClientAuth::Optional
    }

    fn root_hint_subjects(&self) -> Vec<Vec<u8>> {
        self.required.root_hint_subjects()
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        // Every scope covers `client_auth`, so this need not.
        self.required.session_scope()
    }

    fn for_backend(&self, backend: Backend) -> Option<Arc<dyn ClientCertVerifier>> {
        Some(Arc::new(Self { required: self.required.with_backend(backend) }))
    }

    fn needs_reverification(&self) -> bool {
        self.required.needs_reverification()
    }

    fn verify_client_cert(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Refusal> {
        self.required.verify_client_cert(chain, now)
    }

    fn verify_client_cert_until(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Option<UnixTime>, Refusal> {
        self.required.verify_client_cert_until(chain, now)
    }
}
