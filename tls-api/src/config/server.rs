//! A server's configuration and its sessions.

use std::fmt;
use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use pki_types::UnixTime;
use tls_handshake::server::Server;
use tls_handshake::{
    Answer, CertificateError, ClientAuth, ConfigError, Connection, Contradiction, ExternalPsk, Identity, IdentityError,
    KeyLog, Limits, Need, NeedSession, ServerConfig as EngineConfig, ServerSessionValue, SuitePreference,
};

use crate::config::session_scope::{ScopePart, SessionContext};
use crate::config::time::{SystemClock, TimeProvider};
use crate::identity::client_hello::ClientHelloInfo;
use crate::identity::psk::{ResolvesServerPsk, StaticPsks};
use crate::identity::resolver::{FirstCompatible, NoIdentity, ResolvesServerCert, SingleIdentity};
use crate::resumption::server_sessions::SessionBackend;
use crate::resumption::{ProducesTickets, StoresServerSessions, Ticketer};
use crate::session::core::{SessionCore, SessionRole};
use crate::session::early_data::ReadEarlyData;
use crate::session::send_buffer::SendBuffer;
use crate::session::{HasCore, describe};
use crate::sync::per_thread::PerThread;
use crate::verify::client::{ClientCertVerifier, NoClientAuth};
use crate::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// Who a server is, and what it accepts. It cannot be made without an identity, whose key and certificate were checked to
/// match.
///
/// Make one for all connections; sessions share it.
///
/// ```no_run
/// use std::sync::Arc;
/// use strata_tls::{ServerConfig, ServerSession};
///
/// let mut config = ServerConfig::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// config.set_alpn_protocols(&[b"http/1.1"])?;
/// let config = Arc::new(config);
/// let session = ServerSession::new(&config);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerConfig {
    engine: PerThread<EngineConfig>,
    runtime: PerThread<ServerRuntime>,
    context: SessionContext,
    /// What [`set_ticket_lifetime`](Self::set_ticket_lifetime) said; else the ticketer does.
    ticket_lifetime: Option<u32>,
    ticketer_lifetime: Option<u32>,
}

/// What a connection comes back to.
#[derive(Clone, Debug)]
pub(crate) struct ServerRuntime {
    resolver: Arc<dyn ResolvesServerCert>,
    client_verifier: Arc<dyn ClientCertVerifier>,
    clock: Arc<dyn TimeProvider>,
    backend: SessionBackend,
    psks: Option<Arc<dyn ResolvesServerPsk>>,
    /// `None`: as the verifier needs it.
    reverifies: Option<bool>,
    /// After which pause records are short again.
    pause: Option<Duration>,
}

impl ServerConfig {
    /// A server with one identity, which it shows to every client.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self::with_resolver(Arc::new(SingleIdentity::new(identity)))
    }

    /// A server with several identities, of which each client is shown the first that it can verify: an RSA and an ECDSA one side by
    /// side. Without any, every client is refused.
    #[must_use]
    pub fn with_identities(identities: impl IntoIterator<Item = Identity>) -> Self {
        Self::with_resolver(Arc::new(FirstCompatible::new(identities)))
    }

    /// A server that chooses its identity for each client.
    #[must_use]
    pub fn with_resolver(resolver: Arc<dyn ResolvesServerCert>) -> Self {
        let engine = EngineConfig::new();
        let runtime = ServerRuntime {
            resolver,
            client_verifier: Arc::new(NoClientAuth),
            clock: Arc::new(SystemClock),
            backend: SessionBackend::Disabled,
            psks: None,
            reverifies: None,
            pause: None,
        };
        let mut config = Self {
            engine: PerThread::new(engine),
            runtime: PerThread::new(runtime),
            context: SessionContext::default(),
            ticket_lifetime: None,
            ticketer_lifetime: None,
        };
        // Without randomness no handshake begins either.
        if let Ok(ticketer) = Ticketer::new() {
            config.set_ticketer(Arc::new(ticketer));
        }
        config
    }

    /// A server with one identity, from a PEM chain and a PEM key: see [`Identity::from_pem`].
    ///
    /// # Errors
    /// [`IdentityError`] says what is missing or wrong.
    pub fn from_pem(certs: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        Ok(Self::new(Identity::from_pem(certs, key)?))
    }

    /// The application protocols that are served (RFC 7301), in order of preference; none means that ALPN is ignored.
    ///
    /// # Errors
    /// [`ConfigError`] for a name of 0 or more than 255 bytes, or too many of them.
    pub fn set_alpn_protocols(&mut self, protocols: &[&[u8]]) -> Result<(), ConfigError> {
        self.engine_mut().set_alpn_protocols(protocols)
    }

    /// Requires that an application protocol is negotiated (RFC 7301), also by peers that do not know the extension: otherwise the
    /// handshake ends with no_application_protocol. It keeps a connection from being taken for one of another protocol (ALPACA).
    /// Without [protocols](Self::set_alpn_protocols) the configuration is not [valid](Self::validate).
    ///
    /// Default: off, which accepts clients that offer no protocol.
    pub fn set_require_alpn(&mut self, require: bool) {
        self.engine_mut().set_require_alpn(require);
    }

    /// The protocol versions: TLS 1.3 and TLS 1.2 unless changed. The newest that both sides have is used, whatever the order
    /// here. There are no others: what is older is not secure.
    ///
    /// # Errors
    /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
    pub fn set_versions(&mut self, versions: &[ProtocolVersion]) -> Result<(), ConfigError> {
        self.engine_mut().set_versions(versions)
    }

    /// Returns whether this version can be negotiated: it is enabled, and with a cipher suite of its own.
    #[must_use]
    pub fn has_version(&self, version: ProtocolVersion) -> bool {
        self.engine.original().has_version(version)
    }

    /// The cipher suites of both versions to accept, in order of preference; [`ALL_CIPHERSUITES`](crate::ALL_CIPHERSUITES)
    /// unless changed.
    ///
    /// # Errors
    /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
    pub fn set_cipher_suites(&mut self, suites: &[CipherSuite]) -> Result<(), ConfigError> {
        self.engine_mut().set_cipher_suites(suites)
    }

    /// Whose order of cipher suites counts: the server's unless changed, where a client that puts ChaCha20-Poly1305 first gets
    /// it, as it has no fast AES.
    pub fn set_suite_preference(&mut self, preference: SuitePreference) {
        self.engine_mut().set_suite_preference(preference);
    }

    /// Whether TLS 1.2 is refused to clients that do not bind their keys to the whole handshake (extended master secret,
    /// RFC 7627). All others use it in any case.
    pub fn set_require_ems(&mut self, require: bool) {
        self.engine_mut().set_require_ems(require);
    }

    /// Leaves it to this verifier whether clients are asked for certificates, and which of these are good:
    /// [`NoClientAuth`] unless changed, [`AllowAnyAuthenticatedClient`](crate::AllowAnyAuthenticatedClient),
    /// [`AllowAnyAnonymousOrAuthenticatedClient`](crate::AllowAnyAnonymousOrAuthenticatedClient), or one of your own.
    ///
    /// # Errors
    /// [`ConfigError::HintsTooLong`] if the names of its authorities do not fit the message (32 KiB in all). Nothing changes
    /// then.
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
        Ok(())
    }

    /// Gives clients their sessions to keep, in tickets of this producer: a [`Ticketer`] of the configuration's own unless
    /// changed. Machines that share a name should share its keys ([`Ticketer::from_keys`]).
    pub fn set_ticketer(&mut self, ticketer: Arc<dyn ProducesTickets>) {
        self.ticketer_lifetime = Some(ticketer.lifetime());
        self.set_backend(SessionBackend::Tickets(ticketer));
    }

    /// Keeps sessions in this storage, instead of with the clients. Early data is accepted only so, for a storage alone can tell
    /// that a session is used for the first time.
    ///
    /// The storage is asked during the handshake, and has to answer at once. Configurations may share one: each finds only sessions that were established
    /// under the same demands on clients, application protocols and [context](Self::set_session_context).
    ///
    /// A fatal alert, sent or received, removes the sessions that its connection led to or, in TLS 1.2, resumed (RFC 5246 §7.2.2,
    /// RFC 9846 §6.2). Tickets cannot be removed: clients have to discard theirs.
    pub fn set_session_storage(&mut self, storage: Arc<dyn StoresServerSessions>) {
        self.set_backend(SessionBackend::Store(storage));
    }

    /// Gives clients tickets of this producer, and keeps in this storage the sessions of TLS 1.2 clients that take none, such as curl. What
    /// TLS 1.3 and early data want of a storage it does not serve.
    pub fn set_ticketer_and_session_ids(
        &mut self,
        ticketer: Arc<dyn ProducesTickets>,
        storage: Arc<dyn StoresServerSessions>,
    ) {
        self.ticketer_lifetime = Some(ticketer.lifetime());
        self.set_backend(SessionBackend::TicketsOrStore(ticketer, storage));
    }

    /// Resumes no session: every handshake is a full one.
    pub fn disable_resumption(&mut self) {
        self.set_backend(SessionBackend::Disabled);
    }

    /// Re-verifies the client chain of a session before resuming it. On failure the handshake is a full one.
    ///
    /// Two things end a session in any case: its verdict expires, with the first of the chain's certificates, the trust anchor and the
    /// revocation lists ([`valid_until`](tls_handshake::verify::ProvenPath::valid_until)), and a configuration with other trust
    /// anchors, lists or pins does not find it, since they are part of the [scope](Self::session_scope). Re-verification is for
    /// verdicts that change within one configuration, as those of own checks do.
    ///
    /// Default: on where the verifier has revocation lists, pins or own checks
    /// ([`needs_reverification`](ClientCertVerifier::needs_reverification)), off elsewhere.
    pub fn set_reverify_on_resumption(&mut self, reverify: bool) {
        self.runtime_mut().reverifies = Some(reverify);
    }

    /// How many tickets a client of TLS 1.3 is given after each handshake: 2 unless changed. It uses each once.
    pub fn set_send_tls13_tickets(&mut self, tickets: u8) {
        self.engine_mut().set_send_tls13_tickets(tickets);
    }

    /// Sets for how long a client can resume after a full handshake, in seconds, however often it resumes in between. Counted from
    /// the verdict on the client's certificate, or from the first ticket of a client that showed none. 0 disables resumption. At
    /// most 7 days (RFC 9846 §4.7.1). Default: 7 days.
    ///
    /// See [`set_ticket_lifetime`](Self::set_ticket_lifetime) for the bound on one ticket.
    pub fn set_session_lifetime(&mut self, seconds: u32) {
        self.engine_mut().set_session_lifetime(seconds);
    }

    /// Sets for how long one ticket, or one session id of TLS 1.2, can be used, in seconds from when it is issued. In TLS 1.3 each
    /// resumption issues new ones, within the [session's lifetime](Self::set_session_lifetime); clients are told the shorter of
    /// the two. 0 disables resumption. At most 7 days. Default: what the ticketer says, which is 12 hours unless you made it.
    pub fn set_ticket_lifetime(&mut self, seconds: u32) {
        self.ticket_lifetime = Some(seconds);
        self.update_lifetime();
    }

    /// What else sessions are bound to: a session that was established under one context is not resumed under another. Empty unless
    /// set. Whoever serves several parties that must not be taken for each other from one process gives each its own.
    pub fn set_session_context(&mut self, context: &[u8]) {
        self.context.application = context.to_vec();
        self.update_context();
    }

    /// What sessions are bound to, as a hash: configurations with the same scope, on one machine or on several, resume each other's.
    #[must_use]
    pub fn session_scope(&self) -> [u8; 32] {
        self.engine.original().session_scope()
    }

    /// Sets the early data (0-RTT) limit per connection, in bytes. [`ServerSession::early_data`] reads it, apart from all other
    /// data. It has an effect only with a [session storage](Self::set_session_storage), which detects a replay, and a clock: without
    /// them tickets advertise no early data, and what a client sends all the same is skipped. Early data beyond 64 KiB has to be
    /// read during the handshake: it counts against the limit on unread data ([`wants_read`](crate::Session::wants_read)).
    /// Default: 0 (none).
    pub fn set_max_early_data_size(&mut self, bytes: u32) {
        self.engine_mut().set_max_early_data_size(bytes);
    }

    /// Whether data may be sent to a client that has not finished the handshake (0.5-RTT), so that early data is answered a
    /// round trip earlier: not unless changed. Not to clients that are asked for a certificate.
    pub fn set_send_half_rtt_data(&mut self, send: bool) {
        self.engine_mut().set_send_half_rtt_data(send);
    }

    /// Accepts these external pre-shared keys (TLS 1.3). Clients that name none of them are shown a certificate.
    ///
    /// A key whose hash is not that of the preferred cipher suite changes the suite, but not after a HelloRetryRequest, which
    /// fixed it before any key was looked up (RFC 9846 §4.2.4): such a client is shown a certificate. Keys from
    /// [`ExternalPsk::import`] have one for each hash.
    ///
    /// A client with such a key shows no certificate: a configuration that requires certificates
    /// cannot have external keys.
    pub fn set_external_psks(&mut self, psks: Vec<ExternalPsk>) {
        self.set_external_psk_resolver(Arc::new(StaticPsks(psks)));
    }

    /// Leaves it to this resolver to find the external pre-shared keys that clients name.
    pub fn set_external_psk_resolver(&mut self, resolver: Arc<dyn ResolvesServerPsk>) {
        self.runtime_mut().psks = Some(resolver);
        self.engine_mut().set_external_psks(true);
    }

    fn set_backend(&mut self, backend: SessionBackend) {
        let lookup = backend.lookup();
        self.runtime_mut().backend = backend;
        self.engine_mut().set_session_lookup(lookup);
        self.update_lifetime();
    }

    /// What the application said counts, or else what the ticketer says, in whatever order they were set.
    fn update_lifetime(&mut self) {
        let seconds = self.ticket_lifetime.or(self.ticketer_lifetime).unwrap_or(LIFETIME);
        self.engine_mut().set_ticket_lifetime(seconds);
    }

    fn update_context(&mut self) {
        let context = self.context.encode();
        self.engine_mut().set_session_context(&context);
    }

    /// Checks that no two settings exclude each other. Their order does not matter. Every connection does so when the ClientHello
    /// comes, and fails with [`Error::Config`](crate::Error::Config) and the alert internal_error; call this to learn of it
    /// earlier.
    ///
    /// # Errors
    /// [`Contradiction`] names both settings.
    pub fn validate(&self) -> Result<(), Contradiction> {
        self.engine.original().validate()
    }

    /// The clock that clients' certificates are checked against; the system's unless changed.
    pub fn set_time_provider(&mut self, clock: Arc<dyn TimeProvider>) {
        self.runtime_mut().clock = clock;
    }

    /// The key exchange groups to accept, in order of preference.
    ///
    /// # Errors
    /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
    pub fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError> {
        self.engine_mut().set_groups(groups)
    }

    /// The signature schemes that a client may sign the handshake with, in order of preference: all that are supported unless
    /// changed. What signs its certificates is not limited by them. TLS 1.3 does not sign with PKCS#1 v1.5: where there is nothing
    /// else, its handshakes fail.
    ///
    /// # Errors
    /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
    pub fn set_signature_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError> {
        self.engine_mut().set_signature_schemes(schemes)
    }

    /// Serves clients whose server name (SNI) is not a host name as if they had sent none, instead of refusing them with
    /// illegal_parameter. An IP address, which RFC 6066 §3 forbids too, is ignored in any case. Default: off.
    pub fn set_ignore_invalid_server_name(&mut self, ignore: bool) {
        self.engine_mut().set_ignore_invalid_server_name(ignore);
    }

    /// Where the secrets of connections go: [`KeyLogFile`](crate::KeyLogFile), for looking for faults.
    pub fn set_key_log(&mut self, key_log: Arc<dyn KeyLog>) {
        self.engine_mut().set_key_log(key_log);
    }

    /// Bounds on what a client can make us hold.
    pub fn set_limits(&mut self, limits: Limits) {
        self.engine_mut().set_limits(limits);
    }

    pub(crate) fn engine_mut(&mut self) -> &mut EngineConfig {
        self.engine.get_mut()
    }

    fn runtime_mut(&mut self) -> &mut ServerRuntime {
        self.runtime.get_mut()
    }

    /// After which pause records are short again.
    pub(crate) fn set_pause(&mut self, pause: Option<Duration>) {
        self.runtime_mut().pause = pause;
    }
}

/// Half a day, in seconds: how long sessions live in a store.
const LIFETIME: u32 = 12 * 60 * 60;

impl ServerRuntime {
    /// Whether the client of a session would be found good today, if that is asked and it showed a certificate.
    fn reverify(&self, session: &ServerSessionValue, now: UnixTime) -> bool {
        let reverifies = self.reverifies.unwrap_or_else(|| self.client_verifier.needs_reverification());
        let chain = session.client_chain().filter(|chain| reverifies && !chain.is_empty());
        // A verdict that has ended is none.
        let holds = |until: Option<UnixTime>| until.is_none_or(|until| until >= now);
        chain.is_none_or(|chain| self.client_verifier.verify_client_cert_until(chain, now).is_ok_and(holds))
    }
}

impl ServerRuntime {
    /// The identity that a full handshake would show to this client.
    fn shown_to(&self, need: &NeedSession) -> Option<Arc<Identity>> {
        // Decoding the hello once more is measurable in TLS 1.2.
        if let Some(identity) = self.resolver.resolve_for_all() {
            return Some(identity);
        }
        let client_hello = need.client_hello().ok()?;
        let can_use = |identity: &Identity| need.can_use(identity);
        let resolved = self.resolver.resolve(&ClientHelloInfo {
            client_hello: &client_hello,
            raw: need.raw_client_hello(),
            can_use: &can_use,
        });
        resolved.ok()
    }
}

impl SessionRole for Server {
    type Config = ServerRuntime;

    fn pause(config: &ServerRuntime) -> Option<Duration> {
        config.pause
    }

    fn answer(config: &ServerRuntime, _: &mut Connection<Self>, need: Need) -> Option<Answer> {
        Some(match need {
            Need::Identity(need) => {
                // It was decoded before; were it not to decode again, nobody could be chosen for it.
                let Ok(client_hello) = need.client_hello() else { return Some(need.refuse()) };
                let can_use = |identity: &Identity| need.can_use(identity);
                let info =
                    ClientHelloInfo { client_hello: &client_hello, raw: need.raw_client_hello(), can_use: &can_use };
                match config.resolver.resolve(&info) {
                    Ok(identity) => need.answer(identity),
                    Err(NoIdentity { alert: Some(alert) }) => need.refuse_with(alert),
                    Err(NoIdentity { alert: None }) => need.refuse(),
                }
            }
            Need::ClientVerdict(need) => match config.clock.now() {
                Some(now) => {
                    let verdict = config.client_verifier.verify_client_cert_until(need.chain(), now);
                    need.answer_until(verdict, now)
                }
                None => need.refuse(CertificateError::TimeUnknown),
            },
            Need::Session(need) => {
                let good = |session: &ServerSessionValue, now| config.reverify(session, now);
                let shown = |need: &NeedSession| config.shown_to(need);
                config.backend.find(config.psks.as_ref(), need, config.clock.now(), good, shown)
            }
            Need::TakeSession(need) => config.backend.take(need),
            Need::NewSession(need) => config.backend.issue_tickets(need, config.clock.now()),
            _ => return None,
        })
    }

    fn end_sessions(config: &ServerRuntime, connection: &mut Connection<Self>) {
        config.backend.remove(connection.failed_sessions());
    }
}

/// A server's side of one connection. Its calls are those of [`Session`](crate::Session), [`Read`], [`BufRead`] and [`Write`].
pub struct ServerSession(SessionCore<Server>);

impl ServerSession {
    /// A session with a client that has connected. It fails with [`Error::Config`](crate::Error::Config) if settings
    /// [exclude each other](ServerConfig::validate).
    #[must_use]
    pub fn new(config: &Arc<ServerConfig>) -> Self {
        let connection = Connection::<Server>::new(config.engine.for_this_thread());
        Self(SessionCore::new(config.runtime.for_this_thread(), connection, SendBuffer::default()))
    }

    /// Reads the data that the client sent before the handshake, once some came: it is kept apart from all other data.
    pub fn early_data(&mut self) -> Option<ReadEarlyData<'_>> {
        self.0.has_early().then_some(ReadEarlyData(&mut self.0))
    }

    /// The identity of the external pre-shared key that the client holds, if that is what the handshake went by.
    #[must_use]
    pub fn external_psk_identity(&self) -> Option<&[u8]> {
        self.0.connection().external_psk_identity()
    }

    /// Returns the host name that the client asked for (SNI, RFC 6066 §3), once the handshake is complete: a valid DNS name of at
    /// most 253 bytes, in the case in which it was sent and without a trailing dot. `None` if there was none, or an IP address, or
    /// one that [is ignored](ServerConfig::set_ignore_invalid_server_name).
    #[must_use]
    pub fn sni_hostname(&self) -> Option<&str> {
        self.0.connection().sni_hostname()
    }
}

impl HasCore for ServerSession {
    type SessionRole = Server;

    fn core(&self) -> &SessionCore<Server> {
        &self.0
    }

    fn core_mut(&mut self) -> &mut SessionCore<Server> {
        &mut self.0
    }
}

impl Read for ServerSession {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.0.read_vectored(bufs)
    }
}

impl BufRead for ServerSession {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.0.consume(n);
    }
}

impl Write for ServerSession {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for ServerSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe("ServerSession", self, f)
    }
}
