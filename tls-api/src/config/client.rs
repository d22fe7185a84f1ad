//! A client's configuration and its sessions.

use std::fmt;
use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use pki_types::{ServerName, UnixTime};
use tls_handshake::client::Client;
use tls_handshake::verify::{OcspPolicy, ServerVerifier};
use tls_handshake::{
    Answer, CertificateError, ClientConfig as EngineConfig, ClientSessionValue, ClientStart, ConfigError, Connection,
    Contradiction, Error, ExternalPsk, Identity, KeyLog, Limits, Need, NeedVerdict, Outgoing, RootCertStore,
};

use crate::config::session_scope::{ScopePart, SessionContext};
use crate::config::time::{SystemClock, TimeProvider};
use crate::identity::psk::{ResolvesClientPsk, StaticPsks};
use crate::identity::resolver::{ResolvesClientCert, SingleIdentity};
#[cfg(doc)]
use crate::resumption::NoClientSessionStorage;
use crate::resumption::{ClientSessionMemoryCache, StoresClientSessions};
use crate::session::core::{SessionCore, SessionRole};
use crate::session::early_data::WriteEarlyData;
use crate::session::send_buffer::SendBuffer;
use crate::session::{HasCore, describe};
use crate::sync::per_thread::PerThread;
#[cfg(feature = "dangerous_configuration")]
use crate::verify::server::ServerCertVerifier;
use crate::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// What a client offers, and whom it trusts. The default is secure, and needs trust anchors alone.
///
/// Make one for all connections; sessions share it.
///
/// ```no_run
/// use std::sync::Arc;
/// use strata_tls::{ClientConfig, ClientSession};
///
/// let roots = strata_tls::root_store_from_pem(&std::fs::read("ca.pem")?)?;
/// let mut config = ClientConfig::with_roots(roots);
/// config.set_alpn_protocols(&[b"http/1.1"])?;
/// let config = Arc::new(config);
/// let session = ClientSession::new(&config, "www.example.com".try_into()?)?;
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
    engine: PerThread<EngineConfig>,
    runtime: PerThread<ClientRuntime>,
    context: SessionContext,
    /// What [`set_ocsp_request`](Self::set_ocsp_request) and [`set_sct_request`](Self::set_sct_request) said; else the verifier does.
    ocsp_request: Option<bool>,
    sct_request: Option<bool>,
}

/// What a connection comes back to.
#[derive(Clone, Debug)]
pub(crate) struct ClientRuntime {
    trust: Trust,
    clock: Arc<dyn TimeProvider>,
    /// Whom servers that ask get to see.
    identity: Option<Arc<dyn ResolvesClientCert>>,
    sessions: Arc<dyn StoresClientSessions>,
    psks: Option<Arc<dyn ResolvesClientPsk>>,
    /// `None`: as the verifier needs it.
    reverifies: Option<bool>,
    /// After which pause records are short again.
    pause: Option<Duration>,
}

/// Servers whose sessions are kept unless a storage is set.
const SESSION_SERVERS: usize = 256;

/// Who judges the server's certificates.
#[derive(Clone, Debug)]
enum Trust {
    Parts(Arc<ServerVerifier>),
    #[cfg(feature = "dangerous_configuration")]
    Verifier(Arc<dyn ServerCertVerifier>),
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientConfig {
    /// A client that trusts nobody yet: every verification fails with
    /// [`CertificateError::NoTrustAnchors`] until [`set_root_store`](Self::set_root_store) is called.
    #[must_use]
    pub fn new() -> Self {
        Self::with_roots(RootCertStore::new())
    }

    /// A client that trusts these authorities.
    #[must_use]
    pub fn with_roots(roots: RootCertStore) -> Self {
        Self::with_server_verifier(roots)
    }

    /// A client that judges servers by this verifier, or these trust anchors.
    #[must_use]
    pub fn with_server_verifier(verifier: impl Into<ServerVerifier>) -> Self {
        let verifier = Arc::new(verifier.into());
        let runtime = ClientRuntime {
            trust: Trust::Parts(Arc::clone(&verifier)),
            clock: Arc::new(SystemClock),
            identity: None,
            sessions: Arc::new(ClientSessionMemoryCache::new(SESSION_SERVERS)),
            psks: None,
            reverifies: None,
            pause: None,
        };
        let mut config = Self {
            engine: PerThread::new(EngineConfig::new()),
            runtime: PerThread::new(runtime),
            context: SessionContext::default(),
            ocsp_request: None,
            sct_request: None,
        };
        config.engine_mut().set_resumption(true);
        config.trust(verifier);
        config
    }

    /// Trusts these authorities, and no others; all else as it is by default, in place of any verifier set before.
    pub fn set_root_store(&mut self, roots: RootCertStore) {
        self.set_server_verifier(roots);
    }

    /// Judges servers by this verifier: with revocation lists, stapled OCSP responses, certificate transparency, pins, own checks, or
    /// a self-signed certificate that is trusted by itself. What it wants from servers they are asked for, unless
    /// [`set_ocsp_request`](Self::set_ocsp_request) or [`set_sct_request`](Self::set_sct_request) says otherwise.
    ///
    /// ```
    /// use strata_tls::{CertificateDer, CertificateError, ChainVerifier, ClientConfig, RootCertStore, ServerVerifier};
    ///
    /// /// For a server that signed its certificate itself: only the holder of its key is accepted.
    /// fn trusting(certificate: CertificateDer<'static>) -> Result<ClientConfig, CertificateError> {
    ///     let mut chain = ChainVerifier::new(RootCertStore::new());
    ///     chain.trust_exact_certificate(certificate)?;
    ///     Ok(ClientConfig::with_server_verifier(chain))
    /// }
    /// ```
    pub fn set_server_verifier(&mut self, verifier: impl Into<ServerVerifier>) {
        self.trust(Arc::new(verifier.into()));
    }

    fn trust(&mut self, verifier: Arc<ServerVerifier>) {
        self.context.trust = ScopePart::of(verifier.session_scope());
        self.update_context();
        self.runtime_mut().trust = Trust::Parts(verifier);
        self.update_requests();
    }

    /// Asks servers for what the application said, or else the verifier wants, in whatever order they were set.
    fn update_requests(&mut self) {
        let (ocsp, scts) = match &self.runtime.original().trust {
            Trust::Parts(verifier) => (verifier.ocsp_policy() != OcspPolicy::Ignore, verifier.wants_scts()),
            #[cfg(feature = "dangerous_configuration")]
            Trust::Verifier(_) => (true, false),
        };
        let (ocsp, scts) = (self.ocsp_request.unwrap_or(ocsp), self.sct_request.unwrap_or(scts));
        self.engine_mut().set_ocsp_request(ocsp);
        self.engine_mut().set_sct_request(scts);
    }

    /// The application protocols to offer (RFC 7301), in order of preference; none means that ALPN is not used.
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
    /// Default: off, which accepts servers that choose none.
    pub fn set_require_alpn(&mut self, require: bool) {
        self.engine_mut().set_require_alpn(require);
    }

    /// Accepts servers that choose an application protocol that was not offered, instead of refusing them with illegal_parameter
    /// (RFC 7301 §3.2). Check the protocol then: it is any that the server likes. A server that chooses one though none was offered
    /// is refused in any case. Default: off.
    pub fn set_allow_unoffered_alpn(&mut self, allow: bool) {
        self.engine_mut().set_allow_unoffered_alpn(allow);
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

    /// The cipher suites of both versions to offer, in order of preference; [`ALL_CIPHERSUITES`](crate::ALL_CIPHERSUITES)
    /// unless changed.
    ///
    /// # Errors
    /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
    pub fn set_cipher_suites(&mut self, suites: &[CipherSuite]) -> Result<(), ConfigError> {
        self.engine_mut().set_cipher_suites(suites)
    }

    /// The key exchange groups to offer, in order of preference. A key share is sent for the first.
    ///
    /// # Errors
    /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
    pub fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError> {
        self.engine_mut().set_groups(groups)
    }

    /// The signature schemes that a server may sign the handshake with, in order of preference: all that are supported unless
    /// changed. What signs its certificates is not limited by them. TLS 1.3 does not sign with PKCS#1 v1.5: where there is nothing
    /// else, its handshakes fail.
    ///
    /// # Errors
    /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
    pub fn set_signature_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError> {
        self.engine_mut().set_signature_schemes(schemes)
    }

    /// Whether TLS 1.2 is refused to servers that do not bind their keys to the whole handshake (extended master secret,
    /// RFC 7627). All others use it in any case.
    pub fn set_require_ems(&mut self, require: bool) {
        self.engine_mut().set_require_ems(require);
    }

    /// Whether the server is asked to staple an OCSP response to its certificate (RFC 6066 §8). It is, unless this or the
    /// verifier says otherwise. A verifier that demands one refuses servers that were not asked.
    pub fn set_ocsp_request(&mut self, ask: bool) {
        self.ocsp_request = Some(ask);
        self.update_requests();
    }

    /// Whether the server is asked for signed certificate timestamps beside its certificate (RFC 6962 §3.3). It is not,
    /// unless this or the verifier says so: most certificates have theirs inside.
    pub fn set_sct_request(&mut self, ask: bool) {
        self.sct_request = Some(ask);
        self.update_requests();
    }

    /// Shows this identity to every server that asks for a certificate and accepts a signature of its kind, whatever
    /// authorities the server names.
    pub fn set_client_identity(&mut self, identity: Identity) {
        self.set_client_cert_resolver(Arc::new(SingleIdentity::new(identity)));
    }

    /// Leaves it to this resolver which identity, if any, a server that asks gets to see. Without one, and without
    /// [`set_client_identity`](Self::set_client_identity), the client is anonymous.
    pub fn set_client_cert_resolver(&mut self, resolver: Arc<dyn ResolvesClientCert>) {
        // A scope is asked for at each connection.
        self.context.identity =
            if resolver.session_scope().is_some() { ScopePart::default() } else { ScopePart::unique() };
        self.runtime_mut().identity = Some(resolver);
        self.update_context();
        self.engine_mut().set_client_identity_lookup(true);
    }

    /// Where sessions are kept, so that later connections to the same server take less time and work: in memory, for 256 servers,
    /// unless changed. [`NoClientSessionStorage`] keeps none, and every handshake is a full one.
    ///
    /// Configurations may share a storage: each finds only sessions that were established with its trust anchors, its own
    /// identity, its application protocols and its [context](Self::set_session_context).
    pub fn set_session_storage(&mut self, storage: Arc<dyn StoresClientSessions>) {
        self.engine_mut().set_resumption(storage.keeps_sessions());
        self.runtime_mut().sessions = storage;
    }

    /// Re-verifies the stored server chain before offering its session: path, validity, revocation lists, pins, own checks and name; not
    /// stapled data, which is not stored. On failure the session is dropped, and the handshake is a full one.
    ///
    /// Two things end a session in any case: its verdict expires, with the first of the chain's certificates, the trust anchor and the
    /// revocation lists ([`valid_until`](tls_handshake::verify::ProvenPath::valid_until)), and a configuration with other trust
    /// anchors, lists or pins does not find it, since they are part of the [scope](Self::session_scope). Re-verification is for
    /// verdicts that change within one configuration, as those of own checks do.
    ///
    /// Default: on where the verifier has revocation lists, pins or own checks
    /// ([`needs_reverification`](tls_handshake::verify::ServerVerifier::needs_reverification)), off elsewhere.
    pub fn set_reverify_on_resumption(&mut self, reverify: bool) {
        self.runtime_mut().reverifies = Some(reverify);
    }

    /// Sets for how long sessions are resumed, in seconds from when the server's chain was verified,
    /// however often they were resumed in between. 0 disables resumption. At most 7 days (RFC 9846
    /// §4.7.1), and never longer than the server says for a ticket. Default: 7 days.
    pub fn set_session_lifetime(&mut self, seconds: u32) {
        self.engine_mut().set_session_lifetime(seconds);
    }

    /// Whether servers may give us tickets to resume with; they may, unless this says otherwise. Without them only servers of TLS
    /// 1.2 that keep sessions by themselves can resume.
    pub fn set_tickets(&mut self, take: bool) {
        self.engine_mut().set_tickets(take);
    }

    /// What else sessions are bound to: a session that was established under one context is not resumed under another. Empty unless
    /// set.
    pub fn set_session_context(&mut self, context: &[u8]) {
        self.context.application = context.to_vec();
        self.update_context();
    }

    /// What sessions are bound to, as a hash: configurations with the same scope resume each other's. It changes with the identity that
    /// the client's [resolver](ResolvesClientCert::session_scope) would choose.
    #[must_use]
    pub fn session_scope(&self) -> [u8; 32] {
        self.engine.original().session_scope_with(self.runtime.original().identity_scope().as_ref())
    }

    /// Whether data can be sent before the server has answered, with [`ClientSession::early_data`]: it cannot, unless this says
    /// so. Such data saves a round trip, but whoever records it can send it once more: see [`WriteEarlyData`].
    pub fn enable_early_data(&mut self, enable: bool) {
        self.engine_mut().enable_early_data(enable);
    }

    /// Offers these external pre-shared keys to every server (TLS 1.3), in order of preference. One that knows none of them has to
    /// show a certificate, as always.
    pub fn set_external_psks(&mut self, psks: Vec<ExternalPsk>) {
        self.set_external_psk_resolver(Arc::new(StaticPsks(psks)));
    }

    /// Leaves it to this resolver which external pre-shared keys a server is offered. A server with a key of its own is offered no
    /// session.
    pub fn set_external_psk_resolver(&mut self, resolver: Arc<dyn ResolvesClientPsk>) {
        self.runtime_mut().psks = Some(resolver);
    }

    fn update_context(&mut self) {
        let context = self.context.encode();
        self.engine_mut().set_session_context(&context);
    }

    /// Whether the server is told the name that it is asked for (SNI). An IP address is never sent.
    pub fn set_server_name_indication(&mut self, send: bool) {
        self.engine_mut().set_server_name_indication(send);
    }

    /// Where the secrets of connections go: [`KeyLogFile`](crate::KeyLogFile), for looking for faults.
    pub fn set_key_log(&mut self, key_log: Arc<dyn KeyLog>) {
        self.engine_mut().set_key_log(key_log);
    }

    /// Offers max_fragment_length (RFC 6066 §4) with this many bytes: 512, 1024, 2048 or 4096. A server that
    /// accepts it sends no longer records and gets none, handshake messages included.
    ///
    /// It is for servers too old for [record_size_limit](Self::set_record_size_limit), which replaces it: a
    /// server that supports both uses that if both are set. Default: `None`.
    ///
    /// # Errors
    /// [`ConfigError::BadMaxFragmentLength`] for any other number.
    pub fn set_max_fragment_length(&mut self, bytes: Option<u16>) -> Result<(), ConfigError> {
        self.engine_mut().set_max_fragment_length(bytes)
    }

    /// Accepts TLS 1.2 servers that do not send renegotiation_info (RFC 5746 §4.1). Against such a server an
    /// attacker can put data of its own before ours: allow it only for a server that cannot be updated, and
    /// where data of unknown origin does no harm. Default: off.
    pub fn set_allow_missing_renegotiation_info(&mut self, allow: bool) {
        self.engine_mut().set_allow_missing_renegotiation_info(allow);
    }

    /// Bounds on what a server can make us hold.
    pub fn set_limits(&mut self, limits: Limits) {
        self.engine_mut().set_limits(limits);
    }

    /// The clock that certificates are checked against; the system's unless changed.
    pub fn set_time_provider(&mut self, clock: Arc<dyn TimeProvider>) {
        self.runtime_mut().clock = clock;
    }

    /// Settings that can make a client accept an impostor.
    #[cfg(feature = "dangerous_configuration")]
    pub fn dangerous(&mut self) -> DangerousClientConfig<'_> {
        DangerousClientConfig { config: self }
    }

    /// Checks that no two settings exclude each other. Their order does not matter. [`ClientSession::new`] does so, and fails with
    /// [`Error::Config`]; call this to learn of it earlier.
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
        let runtime = self.runtime.original();
        let exclude = |settings, why| Err(Contradiction::Settings { settings, why });
        if runtime.psks.is_some() && !self.has_version(ProtocolVersion::TLS13) {
            return exclude(["external pre-shared keys", "versions without TLS 1.3"], "only TLS 1.3 has them");
        }
        match &runtime.trust {
            Trust::Parts(verifier)
                if verifier.ocsp_policy() == OcspPolicy::Require && self.ocsp_request == Some(false) =>
            {
                exclude(
                    ["a verifier that requires OCSP responses", "no OCSP request"],
                    "servers staple only on request",
                )
            }
            _ => Ok(()),
        }
    }

    fn connect(&self, name: ServerName<'static>, outgoing: &mut Outgoing) -> Result<Connection<Client>, Error> {
        let (engine, runtime) = (self.engine.for_this_thread(), self.runtime.original());
        let psks = runtime.psks.as_ref().map(|psks| psks.resolve(&name)).filter(|psks| !psks.is_empty());
        let mut start = ClientStart { identity_scope: runtime.identity_scope(), ..ClientStart::default() };
        match &psks {
            Some(psks) => start.external_psks = psks,
            // A session that is taken is offered.
            None => {
                let scope = engine.session_scope_with(start.identity_scope.as_ref());
                start.session = runtime.known_session(&name, &scope);
            }
        }
        Connection::begin(engine, name, start, outgoing)
    }

    pub(crate) fn engine_mut(&mut self) -> &mut EngineConfig {
        self.engine.get_mut()
    }

    fn runtime_mut(&mut self) -> &mut ClientRuntime {
        self.runtime.get_mut()
    }

    /// After which pause records are short again.
    pub(crate) fn set_pause(&mut self, pause: Option<Duration>) {
        self.runtime_mut().pause = pause;
    }
}

impl ClientRuntime {
    /// What the identity depends on that would be shown now.
    fn identity_scope(&self) -> Option<[u8; 32]> {
        self.identity.as_ref()?.session_scope()
    }

    /// Whether the server's certificates are good.
    fn verify(&self, need: NeedVerdict) -> Answer {
        let Some(now) = self.clock.now() else { return need.refuse(CertificateError::TimeUnknown) };
        match &self.trust {
            Trust::Parts(verifier) => need.verify(verifier, now),
            #[cfg(feature = "dangerous_configuration")]
            Trust::Verifier(verifier) => {
                let verdict = verifier.verify_server_cert(need.chain(), need.server_name(), &need.stapled(), now);
                need.answer_at(verdict, now)
            }
        }
    }

    /// Whether the server of a session would be found good today.
    fn reverify(&self, session: &ClientSessionValue, now: UnixTime) -> bool {
        let (chain, name) = (session.server_chain(), session.server_name());
        let verdict = match &self.trust {
            Trust::Parts(verifier) => verifier.reverify(chain, name, now),
            #[cfg(feature = "dangerous_configuration")]
            Trust::Verifier(verifier) => verifier.reverify_server_cert(chain, name, now),
        };
        verdict.is_ok()
    }

    fn reverifies(&self) -> bool {
        self.reverifies.unwrap_or_else(|| match &self.trust {
            Trust::Parts(verifier) => verifier.needs_reverification(),
            #[cfg(feature = "dangerous_configuration")]
            Trust::Verifier(verifier) => verifier.needs_reverification(),
        })
    }

    /// A session with this server to go on from.
    fn known_session(&self, name: &ServerName<'_>, scope: &[u8; 32]) -> Option<(ClientSessionValue, UnixTime)> {
        let now = self.clock.now()?;
        let session = self.sessions.take(name, scope)?;
        (!self.reverifies() || self.reverify(&session, now)).then_some((session, now))
    }
}

/// Settings that can make a client accept an impostor.
#[cfg(feature = "dangerous_configuration")]
#[derive(Debug)]
pub struct DangerousClientConfig<'a> {
    config: &'a mut ClientConfig,
}

#[cfg(feature = "dangerous_configuration")]
impl DangerousClientConfig<'_> {
    /// Leaves the judgement of the server's certificates to this verifier alone: chain, name and validity.
    pub fn set_certificate_verifier(&mut self, verifier: Arc<dyn ServerCertVerifier>) {
        self.config.context.trust = ScopePart::of(verifier.session_scope());
        self.config.update_context();
        self.config.runtime_mut().trust = Trust::Verifier(verifier);
        self.config.update_requests();
    }
}

impl SessionRole for Client {
    type Config = ClientRuntime;

    fn pause(config: &ClientRuntime) -> Option<Duration> {
        config.pause
    }

    fn answer(config: &ClientRuntime, connection: &mut Connection<Self>, need: Need) -> Option<Answer> {
        Some(match need {
            Need::Verdict(need) => config.verify(need),
            Need::ClientIdentity(need) => {
                let identity = config.identity.as_ref().and_then(|all| all.resolve(need.authorities(), need.schemes()));
                // The sessions belong to the identity that was presented just now. If their scope does not, do not store them.
                let scope = config.identity_scope();
                if scope.is_none() || scope.as_ref() != connection.identity_scope() {
                    connection.discard_sessions();
                }
                match identity {
                    Some(identity) => need.answer(identity),
                    None => need.decline(),
                }
            }
            _ => return None,
        })
    }

    fn store_sessions(config: &ClientRuntime, connection: &mut Connection<Self>) {
        if !connection.has_sessions() {
            return;
        }
        // Without a clock nobody could tell when they end.
        let Some(now) = config.clock.now() else { return };
        for session in connection.take_sessions(now) {
            config.sessions.put(session);
        }
    }

    fn end_sessions(config: &ClientRuntime, connection: &mut Connection<Self>) {
        if let Some((server, scope)) = connection.failed_sessions() {
            config.sessions.remove(server, &scope);
        }
    }
}

/// A client's side of one connection. Its calls are those of [`Session`](crate::Session), [`Read`], [`BufRead`] and [`Write`].
///
/// A session that fails ends what could be resumed with its server: all stored sessions under the same
/// [scope](ClientConfig::session_scope) are removed if the handshake offered one and did not complete (an error, a reset, a session
/// dropped on a timeout), or if a fatal alert ends the connection later.
pub struct ClientSession(SessionCore<Client>);

impl Drop for ClientSession {
    fn drop(&mut self) {
        self.0.end_sessions();
    }
}

impl ClientSession {
    /// A session with the server of this name, which its certificate has to be valid for. The first message waits
    /// to be written. It offers to go on from an earlier session with that server, if the configuration's storage has one.
    ///
    /// # Errors
    /// [`Error::Config`] if settings [exclude each other](ClientConfig::validate); if there is no randomness, or the configuration
    /// does not fit a ClientHello.
    pub fn new(config: &Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Error> {
        config.validate()?;
        let mut outgoing = SendBuffer::default();
        let connection = config.connect(name, outgoing.for_messages())?;
        Ok(Self(SessionCore::new(config.runtime.for_this_thread(), connection, outgoing)))
    }

    /// Sends data before the server has answered, as long as that is possible: if the configuration
    /// [allows it](ClientConfig::enable_early_data), and there is a session that does.
    pub fn early_data(&mut self) -> Option<WriteEarlyData<'_>> {
        (self.0.connection().early_data_left() > 0).then_some(WriteEarlyData(&mut self.0))
    }

    /// The identity of the external pre-shared key that the server holds, if that is what the handshake went by.
    #[must_use]
    pub fn external_psk_identity(&self) -> Option<&[u8]> {
        self.0.connection().external_psk_identity()
    }

    /// Whether data was sent early, and the server took it; `false` until the handshake is complete.
    #[must_use]
    pub fn is_early_data_accepted(&self) -> bool {
        self.0.connection().is_early_data_accepted()
    }
}

impl HasCore for ClientSession {
    type SessionRole = Client;

    fn core(&self) -> &SessionCore<Client> {
        &self.0
    }

    fn core_mut(&mut self) -> &mut SessionCore<Client> {
        &mut self.0
    }
}

impl Read for ClientSession {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.0.read_vectored(bufs)
    }
}

impl BufRead for ClientSession {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.0.consume(n);
    }
}

impl Write for ClientSession {
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

impl fmt::Debug for ClientSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe("ClientSession", self, f)
    }
}
