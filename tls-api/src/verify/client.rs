//! Judging a client's certificates.

use std::fmt;

use pki_types::{CertificateDer, UnixTime};
use tls_handshake::verify::ChainVerifier;
use tls_handshake::{CertificateError, ClientAuth, Refusal};

#[cfg(doc)]
use crate::RootCertStore;

/// Says whether a server asks its clients for certificates, and judges what they show.
///
/// The signature that proves possession of the leaf's key is checked in any case and before anything of the client's is
/// believed, whatever the verifier says. Which client a certificate stands for, and what that one may do, is for the
/// application to find in [`peer_certificates`](crate::Session::peer_certificates).
///
/// A verifier of one's own, for clients that are known by their very certificates:
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
///             false => Err(CertificateError::Application("no client of ours".into()).into()),
///         }
///     }
/// }
/// # fn set(mut config: strata_tls::ServerConfig, known: Known) -> Result<(), strata_tls::ConfigError> {
/// config.set_client_cert_verifier(Arc::new(known))
/// # }
/// ```
pub trait ClientCertVerifier: fmt::Debug + Send + Sync {
    /// Whether clients are asked for a certificate, and must have one. Asked once, when a configuration is given the
    /// verifier.
    fn client_auth(&self) -> ClientAuth;

    /// The names of the authorities whose certificates clients should show, each a DER-encoded Name: a hint for clients
    /// that have several identities, and public. None unless this says otherwise. Asked once, when a configuration is given the
    /// verifier. [`RootCertStore::subjects`] has those of its trust anchors.
    fn root_hint_subjects(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// Returns whether the chain of a session is verified again before the session is resumed, unless
    /// [`set_reverify_on_resumption`](crate::ServerConfig::set_reverify_on_resumption) says otherwise. Default: `true`.
    fn needs_reverification(&self) -> bool {
        true
    }

    /// A hash over all that the verdict depends on: sessions of clients that it found good are resumed by every configuration whose
    /// verifier says the same, without asking it again. `None`, which it is unless this says otherwise, binds them to the
    /// configuration that has this verifier, and its clones. Asked once, when a configuration is given the verifier.
    fn session_scope(&self) -> Option<[u8; 32]> {
        None
    }

    /// Whether `chain`, leaf first and never empty, is good at the time `now`. Not asked about a client that shows none.
    ///
    /// # Errors
    /// The reason to refuse it, which the client is told by an alert.
    fn verify_client_cert(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Refusal>;

    /// Does the same, and returns when the verdict ends: no session of the connection lasts longer. `None` says that it
    /// ends with the first certificate of the chain. Servers call only this. Default: [`verify_client_cert`](Self::verify_client_cert),
    /// with `None`.
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

/// Asks no client who it is: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClientAuth;

impl ClientCertVerifier for NoClientAuth {
    fn client_auth(&self) -> ClientAuth {
        ClientAuth::Disabled
    }

    fn verify_client_cert(&self, _: &[CertificateDer<'_>], _: UnixTime) -> Result<(), Refusal> {
        Err(CertificateError::Application("clients are not asked for certificates".into()).into())
    }
}

/// Requires of every client a certificate that leads to one of these authorities, is valid now and meant for clients. Their
/// names are sent as hints.
///
/// Made of a [`RootCertStore`], or of a [`ChainVerifier`] with revocation lists, pins, or checks of your own:
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
    /// Accepts the clients that these trust anchors vouch for; with none of them it accepts nobody.
    #[must_use]
    pub fn new(chain: impl Into<ChainVerifier>) -> Self {
        Self { chain: chain.into() }
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

/// Asks every client for a certificate, and accepts those without one as anonymous:
/// [`peer_certificates`](crate::Session::peer_certificates) tells them apart. What is shown has to be as
/// [`AllowAnyAuthenticatedClient`] demands.
#[derive(Clone, Debug)]
pub struct AllowAnyAnonymousOrAuthenticatedClient {
    required: AllowAnyAuthenticatedClient,
}

impl AllowAnyAnonymousOrAuthenticatedClient {
    /// Accepts the clients that these trust anchors vouch for, and those that show nothing.
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
        // Whether a certificate is required is part of every scope.
        self.required.session_scope()
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
