//! [`ClientConfig`]: the settings of a client.

use std::sync::Arc;
#[cfg(feature = "quic")]
use std::sync::OnceLock;

use tls_handshake::client::Client as Role;
use tls_handshake::verify::{OcspPolicy, ServerVerifier};
use tls_handshake::{
    ClientConfig as EngineConfig, ConfigError, Contradiction, ExternalPsk, Identity, Needs, RootCertStore,
};

use crate::ProtocolVersion;
use crate::config::client_runtime::{ClientRuntime, ServerTrust};
use crate::config::clock::SystemClock;
use crate::config::session_scope::{ScopePart, SessionContext};
use crate::identity::external_psk::{ResolvesClientPsk, StaticPsks};
use crate::identity::resolver::{ResolvesClientCert, SingleIdentity};
#[cfg(doc)]
use crate::resumption::NoClientSessionStorage;
use crate::resumption::{ClientSessionMemoryCache, StoresClientSessions};
use crate::session::core::SessionRole;
use crate::sync::per_thread::PerThread;
#[cfg(feature = "dangerous_configuration")]
use crate::verify::server::ServerCertVerifier;
#[cfg(doc)]
use crate::{CertificateError, ClientSession, Error, WriteEarlyData};

/// Client configuration. Secure by default; add trust anchors before use. Create one and share it
/// between connections.
///
/// ```no_run
/// use std::sync::Arc;
/// use strata_tls::{ClientConfig, ClientSession};
///
/// let roots = strata_tls::root_store_from_file("ca.pem")?;
/// let mut config = ClientConfig::with_roots(roots);
/// config.set_alpn_protocols(["http/1.1"])?;
/// let config = Arc::new(config);
/// let connection = ClientSession::new(&config, "www.example.com")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Without the feature `dangerous_configuration` no call skips or replaces verification:
///
#[cfg_attr(not(feature = "dangerous_configuration"), doc = "```compile_fail,E0599")]
#[cfg_attr(feature = "dangerous_configuration", doc = "```")]
/// let mut config = strata_tls::ClientConfig::new();
/// config.dangerous();
/// ```
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub(crate) engine: PerThread<EngineConfig>,
    pub(crate) runtime: PerThread<ClientRuntime>,
    /// The engine's configuration for QUIC, made on first use.
    #[cfg(feature = "quic")]
    quic: OnceLock<tls_handshake::quic::Config<EngineConfig>>,
    context: SessionContext,
    /// Set by [`set_ocsp_request`](Self::set_ocsp_request); without it the verifier decides.
    ocsp_request: Option<bool>,
    /// Set by [`set_sct_request`](Self::set_sct_request); without it the verifier decides.
    sct_request: Option<bool>,
}

/// The number of servers whose sessions the default storage holds.
const SESSION_SERVERS: usize = 256;

impl Default for ClientConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientConfig {
    /// Creates a configuration without trust anchors. Every verification fails with
    /// [`CertificateError::NoTrustAnchors`] until [`set_root_store`](Self::set_root_store) is
    /// called.
    #[must_use]
    pub fn new() -> Self {
        Self::with_roots(RootCertStore::new())
    }

    /// Creates a configuration that trusts the CAs in `roots`.
    #[must_use]
    pub fn with_roots(roots: RootCertStore) -> Self {
        Self::with_server_verifier(roots)
    }

    /// Creates a configuration that verifies servers with `verifier`.
    #[must_use]
    pub fn with_server_verifier(verifier: impl Into<ServerVerifier>) -> Self {
        let verifier = Arc::new(verifier.into());
        let runtime = ClientRuntime {
            trust: ServerTrust::Policy(Arc::clone(&verifier)),
            clock: Arc::new(SystemClock),
            identity: None,
            sessions: Arc::new(ClientSessionMemoryCache::new(SESSION_SERVERS)),
            psks: None,
            reverify: None,
            deferred: Needs::NONE,
            idle_reset: None,
        };
        let mut config = Self {
            engine: PerThread::new(EngineConfig::new()),
            runtime: PerThread::new(runtime),
            #[cfg(feature = "quic")]
            quic: OnceLock::new(),
            context: SessionContext::default(),
            ocsp_request: None,
            sct_request: None,
        };
        config.engine_mut().set_resumption(true);
        config.set_trust(verifier);
        config
    }

    /// Replaces the server verifier with default checks against `roots` only.
    pub fn set_root_store(&mut self, roots: RootCertStore) {
        self.set_server_verifier(roots);
    }

    /// Replaces the server verifier. A [`ServerVerifier`] can add CRLs, stapled OCSP responses,
    /// certificate transparency, pins, custom checks, and a pinned self-signed certificate.
    ///
    /// The client requests from servers what the verifier uses, except where
    /// [`set_ocsp_request`](Self::set_ocsp_request) or [`set_sct_request`](Self::set_sct_request)
    /// overrides it.
    ///
    /// ```
    /// use strata_tls::{CertificateDer, CertificateError, ChainVerifier, ClientConfig, RootCertStore, ServerVerifier};
    ///
    /// /// For a server with a self-signed certificate: accepts only the holder of its key.
    /// fn trusting(certificate: CertificateDer<'static>) -> Result<ClientConfig, CertificateError> {
    ///     let mut chain = ChainVerifier::new(RootCertStore::new());
    ///     chain.trust_exact_certificate(certificate)?;
    ///     Ok(ClientConfig::with_server_verifier(chain))
    /// }
    /// ```
    pub fn set_server_verifier(&mut self, verifier: impl Into<ServerVerifier>) {
        self.set_trust(Arc::new(verifier.into()));
    }

    /// Requests a stapled OCSP response (RFC 6066 §8). A verifier that requires one rejects servers
    /// that were not asked. Default: on, except with a verifier that ignores OCSP.
    pub fn set_ocsp_request(&mut self, request: bool) {
        self.ocsp_request = Some(request);
        self.update_requests();
    }

    /// Requests SCTs in the TLS extension (RFC 6962 §3.3). Most certificates contain theirs.
    /// Default: off, except with a verifier that uses SCTs.
    pub fn set_sct_request(&mut self, request: bool) {
        self.sct_request = Some(request);
        self.update_requests();
    }

    /// Presents `identity` to every server that requests a certificate and accepts its signature
    /// schemes, ignoring the server's CA list. Default: none, so the client is anonymous.
    pub fn set_client_identity(&mut self, identity: Identity) {
        self.set_client_cert_resolver(Arc::new(SingleIdentity::new(identity)));
    }

    /// Sets the resolver that selects an identity, or none, for each server that requests a
    /// certificate. Default: none, so the client is anonymous.
    pub fn set_client_cert_resolver(&mut self, resolver: Arc<dyn ResolvesClientCert>) {
        self.runtime_mut().identity = Some(resolver);
        self.update_identity();
    }

    /// Sets where sessions are stored for later connections to the same server.
    /// [`NoClientSessionStorage`] disables resumption.
    ///
    /// Configurations may share a storage. Each finds only sessions that were established with its
    /// trust anchors, identity, application protocols and [context](Self::set_session_context).
    /// Default: in memory, for 256 servers.
    pub fn set_session_storage(&mut self, storage: Arc<dyn StoresClientSessions>) {
        self.engine_mut().set_resumption(storage.keeps_sessions());
        self.runtime_mut().sessions = storage;
    }

    /// Accepts tickets from servers. Without them only TLS 1.2 servers that store sessions can
    /// resume. Default: on.
    pub fn set_tickets(&mut self, accept: bool) {
        self.engine_mut().set_tickets(accept);
    }

    /// Returns the resumption scope: a hash of the settings that a session depends on.
    /// Configurations with the same scope resume each other's sessions. The scope changes with the
    /// identity that the [resolver](ResolvesClientCert::session_scope) would select.
    #[must_use]
    pub fn session_scope(&self) -> [u8; 32] {
        self.engine.original().session_scope_with(self.runtime.original().identity_scope().as_ref())
    }

    /// Enables early data (0-RTT): [`ClientSession::early_data`] then sends data before the server
    /// has answered. It saves one round trip, but an attacker who records it can replay it: see
    /// [`WriteEarlyData`]. Default: off.
    pub fn enable_early_data(&mut self, enable: bool) {
        self.engine_mut().enable_early_data(enable);
    }

    /// Offers these external pre-shared keys to every server (TLS 1.3), in order of preference. A
    /// server that has none of them must authenticate with a certificate. Default: none.
    pub fn set_external_psks(&mut self, psks: Vec<ExternalPsk>) {
        self.set_external_psk_resolver(Arc::new(StaticPsks(psks)));
    }

    /// Sets the resolver that selects the external pre-shared keys to offer to each server. A
    /// server for which it returns a key is not offered a session. Default: none.
    pub fn set_external_psk_resolver(&mut self, resolver: Arc<dyn ResolvesClientPsk>) {
        self.runtime_mut().psks = Some(resolver);
    }

    /// Sends the server's name (SNI, RFC 6066 §3) if it is a host name. An IP address is never
    /// sent. Default: on.
    pub fn set_server_name_indication(&mut self, send: bool) {
        self.engine_mut().set_server_name_indication(send);
    }

    /// Offers max_fragment_length (RFC 6066 §4) with 512, 1024, 2048 or 4096 bytes. A server that
    /// accepts it sends no longer records and receives none, including handshake messages.
    ///
    /// Use it for servers too old for [record_size_limit](Self::set_record_size_limit), which
    /// replaces it. If both are set, a server that supports both uses record_size_limit. Default:
    /// `None`.
    ///
    /// # Errors
    /// [`ConfigError::BadMaxFragmentLength`] for any other number.
    pub fn set_max_fragment_length(&mut self, bytes: Option<u16>) -> Result<(), ConfigError> {
        self.engine_mut().set_max_fragment_length(bytes)
    }

    /// Accepts servers that select an application protocol that was not offered, instead of
    /// rejecting them with illegal_parameter (RFC 7301 §3.2). The application must then check the
    /// protocol, which the server chose freely. A server that selects one although none was offered
    /// is always rejected. Default: off.
    pub fn set_allow_unoffered_alpn(&mut self, allow: bool) {
        self.engine_mut().set_allow_unoffered_alpn(allow);
    }

    /// Accepts TLS 1.2 servers that do not send renegotiation_info (RFC 5746 §4.1). With such a
    /// server an attacker can insert data before the client's. Allow it only for a server that
    /// cannot be updated, and where data of unknown origin does no harm. Default: off.
    pub fn set_allow_missing_renegotiation_info(&mut self, allow: bool) {
        self.engine_mut().set_allow_missing_renegotiation_info(allow);
    }

    shared_settings!();

    /// Returns the settings that can make a client accept an impostor.
    #[cfg(feature = "dangerous_configuration")]
    pub fn dangerous(&mut self) -> DangerousClientConfig<'_> {
        DangerousClientConfig { config: self }
    }

    /// Checks that no two settings contradict each other, regardless of the order of calls.
    /// [`ClientSession::new`] does the same and fails with [`Error::Config`]; call this to find a
    /// contradiction earlier.
    ///
    /// ```
    /// use strata_tls::{CipherSuite, ClientConfig, ProtocolVersion};
    ///
    /// let mut config = ClientConfig::new();
    /// config.set_versions(&[ProtocolVersion::TLS12])?;
    /// config.set_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256])?;
    /// assert!(config.validate().is_err());
    /// # Ok::<(), strata_tls::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`Contradiction`] names both settings.
    pub fn validate(&self) -> Result<(), Contradiction> {
        self.engine.original().validate()?;
        self.validate_runtime()
    }

    /// The part of [`validate`](Self::validate) that the engine does not repeat for each
    /// connection.
    pub(crate) fn validate_runtime(&self) -> Result<(), Contradiction> {
        let runtime = self.runtime.original();
        let exclude = |settings, why| Err(Contradiction::Settings { settings, why });
        if let Some(identity) = runtime.identity.as_ref().and_then(|resolver| resolver.resolve_for_all()) {
            self.engine.original().validate_identity(&identity)?;
        }
        if runtime.psks.is_some() && !self.has_version(ProtocolVersion::TLS13) {
            return exclude(["external pre-shared keys", "versions without TLS 1.3"], "only TLS 1.3 has them");
        }
        if runtime.trust.ocsp_policy() == Some(OcspPolicy::Require) && self.ocsp_request == Some(false) {
            return exclude(
                ["a verifier that requires OCSP responses", "no OCSP request"],
                "servers staple only on request",
            );
        }
        Ok(())
    }

    fn set_trust(&mut self, mut verifier: Arc<ServerVerifier>) {
        if verifier.chain().backend() != self.backend() {
            Arc::make_mut(&mut verifier).set_backend(self.backend());
        }
        self.context.trust = ScopePart::of(verifier.session_scope());
        self.update_context();
        self.runtime_mut().trust = ServerTrust::Policy(verifier);
        self.update_requests();
    }

    /// Applies a change of the backend to the verifier.
    fn apply_backend(&mut self) {
        match self.runtime.original().trust.clone() {
            ServerTrust::Policy(verifier) => self.set_trust(verifier),
            #[cfg(feature = "dangerous_configuration")]
            ServerTrust::Custom(verifier) => self.runtime_mut().trust = ServerTrust::custom(verifier, self.backend()),
        }
    }

    fn update_identity(&mut self) {
        let runtime = self.runtime.original();
        let (resolver, is_deferred) = (runtime.identity.as_ref(), runtime.deferred.contains(Needs::IDENTITY));
        // A resolver's own scope is read for each connection, so it is not part of the context
        // here.
        let is_scoped = !is_deferred && resolver.is_none_or(|resolver| resolver.session_scope().is_some());
        let has_identities = is_deferred || resolver.is_some();
        self.context.identity = if is_scoped { ScopePart::default() } else { ScopePart::unique() };
        self.update_context();
        self.engine_mut().set_client_identity_lookup(has_identities);
    }

    /// Applies a change of the deferred requests.
    fn update_deferred(&mut self, before: Needs) {
        let now = self.runtime.original().deferred;
        let has_changed = |kind| before.contains(kind) != now.contains(kind);
        if has_changed(Needs::VERIFICATION) {
            // A client must not resume what another configuration of the program verified.
            self.context.deferred = now.contains(Needs::VERIFICATION).then(ScopePart::unique);
            self.update_context();
        }
        if has_changed(Needs::IDENTITY) {
            self.update_identity();
        }
    }

    /// Requests what the application has set, and otherwise what the verifier uses. Both may be set
    /// in either order.
    fn update_requests(&mut self) {
        let trust = &self.runtime.original().trust;
        let ocsp = self.ocsp_request.unwrap_or(trust.ocsp_policy() != Some(OcspPolicy::Ignore));
        let scts = self.sct_request.unwrap_or(trust.wants_scts());
        self.engine_mut().set_ocsp_request(ocsp);
        self.engine_mut().set_sct_request(scts);
    }

    shared_setting_helpers!(EngineConfig, ClientRuntime);
}

/// Settings that can make a client accept an impostor.
#[cfg(feature = "dangerous_configuration")]
#[derive(Debug)]
pub struct DangerousClientConfig<'a> {
    config: &'a mut ClientConfig,
}

#[cfg(feature = "dangerous_configuration")]
impl DangerousClientConfig<'_> {
    /// Replaces the verification of the server's certificates (chain, name and validity) with
    /// `verifier`.
    pub fn set_certificate_verifier(&mut self, verifier: Arc<dyn ServerCertVerifier>) {
        self.config.context.trust = ScopePart::of(verifier.session_scope());
        self.config.update_context();
        self.config.runtime_mut().trust = ServerTrust::custom(verifier, self.config.backend());
        self.config.update_requests();
    }
}
