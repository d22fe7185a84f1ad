//! [`ServerConfig`]: the settings of a server.

use std::path::PathBuf;
use std::sync::Arc;
#[cfg(feature = "quic")]
use std::sync::OnceLock;

#[cfg(feature = "tokio")]
use pki_types::UnixTime;
use tls_handshake::resumption::DEFAULT_TICKET_LIFETIME;
use tls_handshake::server::Server as Role;
#[cfg(feature = "tokio")]
use tls_handshake::{Answer, Need};
use tls_handshake::{
    ClientAuth, ConfigError, Contradiction, ExternalPsk, Identity, IdentityError, Needs, ServerConfig as EngineConfig,
    SessionLookup, SuitePreference,
};

use crate::config::clock::SystemClock;
use crate::config::server_runtime::ServerRuntime;
use crate::config::session_scope::{ScopePart, SessionContext};
use crate::identity::external_psk::{ResolvesServerPsk, StaticPsks};
use crate::identity::reloadable::{IdentityFiles, ReloadError};
use crate::identity::resolver::{FirstCompatible, ResolvesServerCert, SingleIdentity};
use crate::resumption::server_session_lookup::SessionBackend;
use crate::resumption::{ProducesTickets, StoresServerSessions, Ticketer};
use crate::session::core::SessionRole;
#[cfg(feature = "tokio")]
use crate::session::server::answer_from;
use crate::sync::per_thread::PerThread;
use crate::verify::client::{ClientCertVerifier, NoClientAuth};
#[cfg(doc)]
use crate::{Error, ServerSession};

/// Server configuration. It requires an identity: a certificate chain and its key, which were
/// checked to match. Create one and share it between connections.
///
/// ```no_run
/// use std::sync::Arc;
/// use strata_tls::{ServerConfig, ServerSession};
///
/// let mut config = ServerConfig::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// config.set_alpn_protocols(["http/1.1"])?;
/// let config = Arc::new(config);
/// let connection = ServerSession::new(&config);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerConfig {
    pub(crate) engine: PerThread<EngineConfig>,
    pub(crate) runtime: PerThread<ServerRuntime>,
    /// The engine's configuration for QUIC, made on first use.
    #[cfg(feature = "quic")]
    quic: OnceLock<tls_handshake::quic::Config<EngineConfig>>,
    context: SessionContext,
    /// Set by [`set_ticket_lifetime`](Self::set_ticket_lifetime).
    ticket_lifetime: Option<u32>,
    /// The ticketer's value; `ticket_lifetime` overrides it.
    ticketer_lifetime: Option<u32>,
    /// True if the ticketer is the default one.
    has_own_ticketer: bool,
}

impl ServerConfig {
    /// Creates a configuration with one identity, which it presents to every client.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self::with_resolver(Arc::new(SingleIdentity::new(identity)))
    }

    /// Creates a configuration with several identities, for example one with an RSA and one with an
    /// ECDSA key. Each client is presented the first that it can verify. Without any identity,
    /// every client is rejected.
    #[must_use]
    pub fn with_identities(identities: impl IntoIterator<Item = Identity>) -> Self {
        Self::with_resolver(Arc::new(FirstCompatible::new(identities)))
    }

    /// Creates a configuration whose `resolver` selects the identity for each client.
    #[must_use]
    pub fn with_resolver(resolver: Arc<dyn ResolvesServerCert>) -> Self {
        let runtime = ServerRuntime {
            resolver,
            client_verifier: Arc::new(NoClientAuth),
            clock: Arc::new(SystemClock),
            backend: SessionBackend::Disabled,
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
            ticket_lifetime: None,
            ticketer_lifetime: None,
            has_own_ticketer: false,
        };
        config.create_ticketer();
        config
    }

    /// Creates a configuration with one identity, from a PEM chain and a PEM key: see
    /// [`Identity::from_pem`].
    ///
    /// # Errors
    /// [`IdentityError`] names what is missing or invalid.
    pub fn from_pem(certs: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        Ok(Self::new(Identity::from_pem(certs, key)?))
    }

    /// Creates a configuration with one identity, from a file of the certificate chain and one of
    /// the key, each PEM or DER: see [`IdentityFiles`]. Use a
    /// [`ReloadableIdentity`](crate::ReloadableIdentity) to reload them.
    ///
    /// # Errors
    /// [`ReloadError`] names the file that cannot be read, or what is missing or invalid in it.
    ///
    /// ```no_run
    /// let config = strata_tls::ServerConfig::from_files("chain.pem", "key.pem")?;
    /// # Ok::<(), strata_tls::ReloadError>(())
    /// ```
    pub fn from_files(certs: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, ReloadError> {
        Ok(Self::new(IdentityFiles::new(certs, key).load()?))
    }

    /// Sets the verifier that decides whether clients are asked for certificates, and which are
    /// accepted: [`AllowAnyAuthenticatedClient`](crate::AllowAnyAuthenticatedClient),
    /// [`AllowAnyAnonymousOrAuthenticatedClient`](crate::AllowAnyAnonymousOrAuthenticatedClient),
    /// or a custom one. Default: [`NoClientAuth`].
    ///
    /// # Errors
    /// [`ConfigError::HintsTooLong`] if the verifier's CA names do not fit into the message (32 KiB
    /// in total). The configuration is then unchanged.
    pub fn set_client_cert_verifier(&mut self, verifier: Arc<dyn ClientCertVerifier>) -> Result<(), ConfigError> {
        let client_auth = verifier.client_auth();
        let engine = self.engine_mut();
        engine.set_client_auth_hints(verifier.root_hint_subjects())?;
        engine.set_client_auth(client_auth);
        self.context.trust = match client_auth {
            ClientAuth::Disabled => ScopePart::default(),
            ClientAuth::Optional | ClientAuth::Required => ScopePart::of(verifier.session_scope()),
        };
        self.update_context();
        self.runtime_mut().client_verifier = verifier;
        self.apply_to_verifier();
        Ok(())
    }

    /// Sends sessions to clients in tickets that `ticketer` encrypts. Servers that share a name
    /// should share its keys ([`Ticketer::from_keys`]). Default: a [`Ticketer`] of this
    /// configuration's own.
    pub fn set_ticketer(&mut self, ticketer: Arc<dyn ProducesTickets>) {
        self.ticketer_lifetime = Some(ticketer.lifetime());
        self.set_sessions(SessionBackend::Tickets(ticketer));
    }

    /// Stores sessions on the server instead of in tickets. Required for early data: only a store
    /// can detect reuse. It is called during handshakes, and must return quickly.
    ///
    /// Configurations may share a storage. Each finds only sessions that were established with the
    /// same client authentication, application protocols and [context](Self::set_session_context).
    ///
    /// A fatal alert, sent or received, removes the sessions that the connection created or, in TLS
    /// 1.2, resumed (RFC 5246 §7.2.2, RFC 9846 §6.2). Tickets cannot be removed; clients must
    /// discard theirs.
    pub fn set_session_storage(&mut self, storage: Arc<dyn StoresServerSessions>) {
        self.set_sessions(SessionBackend::Store(storage));
    }

    /// Sends tickets, and stores the sessions of TLS 1.2 clients that do not accept tickets, such
    /// as curl. TLS 1.3 and early data do not use this storage.
    pub fn set_ticketer_and_session_ids(
        &mut self,
        ticketer: Arc<dyn ProducesTickets>,
        storage: Arc<dyn StoresServerSessions>,
    ) {
        self.ticketer_lifetime = Some(ticketer.lifetime());
        self.set_sessions(SessionBackend::TicketsOrStore(ticketer, storage));
    }

    /// Leaves sessions to the application, which answers [`Needs::SESSION`] and
    /// [`Needs::NEW_SESSION`] ([`set_deferred_needs`](Self::set_deferred_needs)): tickets that it
    /// makes, or a store that it asks. Replaces the ticketer and the session storage. When a
    /// connection fails, remove its [`failed_sessions`](ServerSession::failed_sessions).
    ///
    /// To defer only the work of a ticketer or a storage, set that instead, and answer with
    /// [`answer`](Self::answer).
    pub fn set_session_lookup(&mut self, lookup: SessionLookup) {
        self.set_sessions(SessionBackend::Application(lookup));
    }

    /// Disables resumption: every handshake is a full one.
    pub fn disable_resumption(&mut self) {
        self.set_sessions(SessionBackend::Disabled);
    }

    /// Sets the number of TLS 1.3 tickets sent after a handshake. A client uses each once. Default:
    /// 2.
    pub fn set_send_tls13_tickets(&mut self, tickets: u8) {
        self.engine_mut().set_send_tls13_tickets(tickets);
    }

    /// Sets how long one ticket, or one TLS 1.2 session ID, can be used after it was issued, in
    /// seconds. In TLS 1.3 each resumption issues new tickets, within the [session's
    /// lifetime](Self::set_session_lifetime). Clients are sent the shorter of the two.
    ///
    /// 0 disables resumption. The maximum is 7 days. Default: the ticketer's lifetime, which is 12
    /// hours for a [`Ticketer`].
    pub fn set_ticket_lifetime(&mut self, seconds: u32) {
        self.ticket_lifetime = Some(seconds);
        self.update_ticket_lifetime();
    }

    /// Returns the resumption scope: a hash of the settings that a session depends on.
    /// Configurations with the same scope, also on different machines, resume each other's
    /// sessions.
    #[must_use]
    pub fn session_scope(&self) -> [u8; 32] {
        self.engine.original().session_scope()
    }

    /// Sets the early data (0-RTT) limit per connection, in bytes. Read it with
    /// [`ServerSession::early_data`]. Early data beyond 64 KiB must be read during the handshake:
    /// it counts as unread ([`wants_read`](crate::Session::wants_read)).
    ///
    /// Requires a [session storage](Self::set_session_storage) and a clock, so that it cannot be
    /// replayed. Without them tickets do not allow early data, and the server skips what a client
    /// sends anyway. Default: 0 (disabled).
    pub fn set_max_early_data_size(&mut self, bytes: u32) {
        self.engine_mut().set_max_early_data_size(bytes);
    }

    /// Allows the application to send data before the client's Finished (0.5-RTT), so that early
    /// data is answered one round trip earlier. It does not apply to clients that are asked for a
    /// certificate. Default: off.
    pub fn set_send_half_rtt_data(&mut self, send: bool) {
        self.engine_mut().set_send_half_rtt_data(send);
    }

    /// Accepts these external pre-shared keys (TLS 1.3). Clients that offer none of them are
    /// presented a certificate. Default: none.
    ///
    /// A key with another hash than the preferred cipher suite changes the suite. After a
    /// HelloRetryRequest it cannot, because the suite was fixed before any key was looked up (RFC
    /// 9846 §4.2.4): such a client is presented a certificate. Keys from [`ExternalPsk::import`]
    /// exist for each hash.
    ///
    /// A client with such a key presents no certificate. [`validate`](Self::validate) therefore
    /// rejects external keys together with required client certificates.
    pub fn set_external_psks(&mut self, psks: Vec<ExternalPsk>) {
        self.set_external_psk_resolver(Arc::new(StaticPsks(psks)));
    }

    /// Sets the resolver that finds the external pre-shared key for an identity that a client
    /// offers. Default: none.
    pub fn set_external_psk_resolver(&mut self, resolver: Arc<dyn ResolvesServerPsk>) {
        self.runtime_mut().psks = Some(resolver);
        self.engine_mut().set_external_psks(true);
    }

    /// Sets whose order of cipher suites decides. Default: the server's, except that a client that
    /// prefers ChaCha20-Poly1305 gets it, because it has no fast AES.
    pub fn set_suite_preference(&mut self, preference: SuitePreference) {
        self.engine_mut().set_suite_preference(preference);
    }

    /// Sends HelloRetryRequest to a client that supports the first of this server's
    /// [groups](Self::set_groups) but sent no key share for it. Such a client gets the group at the
    /// cost of a round trip. Without this, the server selects the first group with a share, and the
    /// first group of all only if there is no share that it can use.
    ///
    /// With the default groups it makes hybrid key exchange certain for every client that supports
    /// it. Most of those send a share anyway. Default: off.
    pub fn set_retry_for_preferred_group(&mut self, retry: bool) {
        self.engine_mut().set_retry_for_preferred_group(retry);
    }

    /// Ignores a server name (SNI) that is not a host name, instead of rejecting the client with
    /// illegal_parameter. An IP address, which RFC 6066 §3 also forbids, is always ignored.
    /// Default: off.
    pub fn set_ignore_invalid_server_name(&mut self, ignore: bool) {
        self.engine_mut().set_ignore_invalid_server_name(ignore);
    }

    shared_settings!();

    /// Checks that no two settings contradict each other, regardless of the order of calls. Every
    /// connection does the same when the ClientHello arrives, and fails with [`Error::Config`] and
    /// the alert internal_error; call this to find a contradiction earlier.
    ///
    /// # Errors
    /// [`Contradiction`] names both settings.
    pub fn validate(&self) -> Result<(), Contradiction> {
        let engine = self.engine.original();
        engine.validate()?;
        let identity = self.runtime.original().resolver.resolve_for_all();
        identity.map_or(Ok(()), |identity| engine.validate_identity(&identity))
    }

    /// Applies a change of the backend to the verifier and the default ticketer.
    fn apply_backend(&mut self) {
        self.apply_to_verifier();
        if self.has_own_ticketer {
            self.create_ticketer();
        }
    }

    fn apply_to_verifier(&mut self) {
        if let Some(verifier) = self.runtime.original().client_verifier.for_backend(self.backend()) {
            self.runtime_mut().client_verifier = verifier;
        }
    }

    fn create_ticketer(&mut self) {
        // It fails only without randomness, and then no handshake starts either.
        if let Ok(ticketer) = Ticketer::with_backend(self.backend()) {
            self.set_ticketer(Arc::new(ticketer));
            self.has_own_ticketer = true;
        }
    }

    /// Answers a request, with the sessions of this backend in place of the configuration's.
    #[cfg(feature = "tokio")]
    pub(crate) fn answer_from(&self, backend: &SessionBackend, need: Need) -> Answer {
        answer_from(self.runtime.original(), backend, need)
    }

    /// Returns the time, for the validity of sessions. `None` without a clock.
    #[cfg(feature = "tokio")]
    pub(crate) fn now(&self) -> Option<UnixTime> {
        self.runtime.original().clock.now()
    }

    /// Leaves the sessions to a store that answers later, in addition to what is deferred already.
    #[cfg(feature = "tokio")]
    pub(crate) fn defer_store(&mut self) {
        self.set_session_lookup(SessionLookup::Ids);
        self.set_deferred_needs(self.runtime.original().deferred | Needs::SESSION | Needs::NEW_SESSION);
    }

    /// Applies a change of the deferred requests.
    fn update_deferred(&mut self, _: Needs) {
        let verifies = self.runtime.original().deferred.contains(Needs::VERIFICATION);
        // The members of a fleet share it.
        self.context.deferred = verifies.then(ScopePart::deferred);
        self.update_context();
    }

    fn set_sessions(&mut self, backend: SessionBackend) {
        self.has_own_ticketer = false;
        let lookup = backend.lookup();
        self.runtime_mut().backend = backend;
        self.engine_mut().set_session_lookup(lookup);
        self.update_ticket_lifetime();
    }

    /// Uses what the application has set, and otherwise what the ticketer returns. Both may be set
    /// in either order.
    fn update_ticket_lifetime(&mut self) {
        let seconds = self.ticket_lifetime.or(self.ticketer_lifetime).unwrap_or(DEFAULT_TICKET_LIFETIME);
        self.engine_mut().set_ticket_lifetime(seconds);
    }

    shared_setting_helpers!(EngineConfig, ServerRuntime);
}
