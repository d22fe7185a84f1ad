//! The configurations that the flags ask for.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use zeroize::Zeroizing;

use strata_tls::codec::{DistinguishedName, List};
use strata_tls::{
    ALL_CIPHERSUITES, AlertDescription, CipherSuite, ClientAuth, ClientConfig, ClientHelloInfo,
    ClientSessionMemoryCache, ClientSessionValue, ConfigError, Identity, KeyLog, Limits, NamedGroup, NoIdentity,
    ProducesTickets, ProtocolVersion, ResolvesClientCert, ResolvesServerCert, ServerConfig, ServerName,
    ServerSessionMemoryCache, SignatureScheme, StoresClientSessions, SystemClock, Ticketer, TimeProvider, UnixTime,
};

use crate::Stop;
use crate::credentials::{Candidate, candidates, psks};
use crate::errors::EARLY_DATA;
use crate::options::{Level, Options};
use crate::trust::{Anybody, Seen, of_any_path};

/// What connections of one run have in common.
pub(crate) struct Shim {
    pub(crate) clock: Arc<Clock>,
    pub(crate) sessions: Arc<Sessions>,
    ticketer: Arc<Ticketer>,
    store: Arc<ServerSessionMemoryCache>,
    /// What the peer of the last handshake showed.
    pub(crate) seen: Arc<Mutex<Option<Seen>>>,
    /// What the client of the last handshake asked for.
    pub(crate) asked: Arc<Mutex<Asked>>,
    /// The secrets of the last handshake.
    pub(crate) secrets: Arc<Secrets>,
    /// The number of the credential that was shown last.
    pub(crate) selected: Arc<AtomicI32>,
}

/// What a ClientHello said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) alpn: Vec<u8>,
    pub(crate) server_name: Option<String>,
    pub(crate) secure_renegotiation: bool,
    /// The signature schemes that the peer accepts, and the authorities that a server trusts.
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) authorities: Vec<Vec<u8>>,
}

/// A clock that the runner can put forward.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl TimeProvider for Clock {
    fn now(&self) -> Option<UnixTime> {
        let now = SystemClock.now()?.as_secs();
        Some(UnixTime::since_unix_epoch(Duration::from_secs(now + self.0.load(Ordering::Relaxed))))
    }
}

/// No credential.
pub(crate) const NONE: i32 = i32::MIN;

impl Shim {
    pub(crate) fn new(_: &Options) -> Result<Self, Stop> {
        let ticketer = Ticketer::new().map_err(|e| Stop::failed(e.to_string()))?;
        Ok(Self {
            clock: Arc::default(),
            sessions: Arc::default(),
            ticketer: Arc::new(ticketer),
            store: Arc::new(ServerSessionMemoryCache::new(64)),
            seen: Arc::default(),
            asked: Arc::default(),
            secrets: Arc::default(),
            selected: Arc::new(AtomicI32::new(NONE)),
        })
    }

    /// `in_handshake` is the level whose flags tell of a handshake that does not go on from a session.
    pub(crate) fn client(&self, level: &Level, in_handshake: &Level) -> Result<ClientConfig, Stop> {
        // A client's resolver can only decline.
        if level.has("fail-cert-callback-alert") {
            return Err(Stop::Unimplemented("-fail-cert-callback-alert".into()));
        }
        let mut config = ClientConfig::new();
        let mut anybody = self.anybody(level, ClientAuth::Required)?;
        anybody.refuses = refuses(in_handshake);
        config.dangerous().set_certificate_verifier(Arc::new(anybody));
        set_common(&mut config, level)?;
        config.set_reverify_on_resumption(level.has("reverify-on-resume"));
        if level.has("export-traffic-secrets") {
            config.set_key_log(Arc::clone(&self.secrets) as _);
        }
        if let Some(names) = level.text("advertise-alpn") {
            let names = alpn_list(names.as_bytes()).ok_or_else(|| Stop::Unimplemented("-advertise-alpn".into()))?;
            config.set_alpn_protocols(&names).map_err(unimplemented)?;
        }
        if let Some(size) = level.number("max-send-fragment")? {
            config.set_max_fragment_size(Some(wire_size(size))).map_err(unimplemented)?;
        }
        config.set_limits(limits(level)?);
        config.set_ocsp_request(level.has("enable-ocsp-stapling"));
        config.set_sct_request(level.has("enable-signed-cert-timestamps"));
        config.set_server_name_indication(level.text("host-name").is_some());
        config.set_tickets(!level.has("no-ticket"));
        config.set_allow_unoffered_alpn(level.has("allow-unknown-alpn-protos"));
        config.enable_early_data(level.has("enable-early-data"));
        let candidates = candidates(level)?;
        let wants_to_know = ["expect-client-ca-list", "expect-peer-verify-pref"].iter().any(|flag| level.has(flag));
        if !candidates.is_empty() || wants_to_know {
            config.set_client_cert_resolver(Arc::new(Resolver { candidates, told: self.told(), fails: None }));
        }
        let psks = psks(level)?;
        if !psks.is_empty() && config.has_version(ProtocolVersion::TLS13) {
            config.set_external_psks(psks.into_iter().map(|(psk, _)| psk).collect());
        }
        config.set_session_storage(Arc::clone(&self.sessions) as _);
        config.set_time_provider(Arc::clone(&self.clock) as _);
        Ok(config)
    }

    pub(crate) fn server(&self, options: &Options, level: &Level) -> Result<ServerConfig, Stop> {
        if level.has("fail-ocsp-callback") {
            return Err(Stop::Unimplemented("-fail-ocsp-callback".into()));
        }
        let alert = level.number("fail-cert-callback-alert")?;
        let alert = alert.map_or(AlertDescription::INTERNAL_ERROR, AlertDescription);
        let fails = level.has("fail-cert-callback").then_some(alert);
        let resolver = Resolver { candidates: candidates(level)?, told: self.told(), fails };
        let mut config = ServerConfig::with_resolver(Arc::new(resolver));
        let client_auth = match (level.has("require-any-client-certificate"), level.has("verify-peer")) {
            (true, _) => ClientAuth::Required,
            (false, true) => ClientAuth::Optional,
            (false, false) => ClientAuth::NotAsked,
        };
        config.set_client_cert_verifier(Arc::new(self.anybody(level, client_auth)?)).map_err(unimplemented)?;
        set_common(&mut config, level)?;
        let psks = psks(level)?;
        if !psks.is_empty() && config.has_version(ProtocolVersion::TLS13) {
            config.set_external_psks(psks.into_iter().map(|(psk, _)| psk).collect());
        }
        config.set_session_context(&level.session_context()?);
        config.set_reverify_on_resumption(level.has("reverify-on-resume"));
        if let Some(name) = level.text("select-alpn").filter(|name| !name.is_empty()) {
            config.set_alpn_protocols(&[name.as_bytes()]).map_err(unimplemented)?;
        }
        if level.has("reject-alpn") {
            config.set_alpn_protocols(&[b"nothing that anybody asks for"]).map_err(unimplemented)?;
        }
        if let Some(size) = level.number("max-send-fragment")? {
            config.set_max_fragment_size(Some(wire_size(size))).map_err(unimplemented)?;
        }
        config.set_send_tls13_tickets(if level.has("no-ticket") { 0 } else { 2 });
        config.set_limits(limits(level)?);
        // Early data takes a store, from the first connection on.
        let early = options.initial.has("enable-early-data") || options.resume.has("enable-early-data");
        let ticketer = Tickets { inner: Arc::clone(&self.ticketer), skips: level.has("skip-ticket") };
        match level.has("no-ticket") || early {
            true => config.set_session_storage(Arc::clone(&self.store) as _),
            false => config.set_ticketer_and_session_ids(Arc::new(ticketer), Arc::clone(&self.store) as _),
        }
        if level.has("enable-early-data") {
            config.set_max_early_data_size(EARLY_DATA);
            config.set_send_half_rtt_data(true);
        }
        config.set_time_provider(Arc::clone(&self.clock) as _);
        Ok(config)
    }

    fn told(&self) -> Told {
        Told { asked: Arc::clone(&self.asked), selected: Arc::clone(&self.selected) }
    }

    fn anybody(&self, level: &Level, client_auth: ClientAuth) -> Result<Anybody, Stop> {
        Ok(Anybody {
            refuses: refuses(level),
            refuses_again: refuses(level),
            refused: AtomicBool::new(false),
            authorities: level.names("use-client-ca-list")?.unwrap_or_default(),
            ocsp_refuses: level.has("fail-ocsp-callback"),
            custom: level.has("use-custom-verify-callback"),
            client_auth,
            seen: Arc::clone(&self.seen),
            inner: of_any_path(),
        })
    }
}

/// Whether whoever verifies is to refuse.
fn refuses(level: &Level) -> bool {
    let verifies = ["verify-peer", "use-custom-verify-callback", "require-any-client-certificate"];
    level.has("verify-fail") && verifies.iter().any(|flag| level.has(flag))
}

fn unimplemented(e: ConfigError) -> Stop {
    Stop::Unimplemented(e.to_string())
}

/// The runner shows chains of fifty certificates.
fn limits(level: &Level) -> Result<Limits, Stop> {
    let mut limits = Limits::default();
    limits.chain_length = 100;
    if let Some(bytes) = level.number("max-cert-list")? {
        limits.handshake_message = bytes;
    }
    Ok(limits)
}

/// The flag is about the plaintext of a record; the setting counts what goes around it, which is a header at least.
fn wire_size(plaintext: usize) -> usize {
    plaintext + 5
}

fn versions(level: &Level) -> Result<Vec<ProtocolVersion>, Stop> {
    let (min, max) = (level.number("min-version")?.unwrap_or(0), level.number("max-version")?.unwrap_or(u16::MAX));
    let mut versions = Vec::new();
    for (version, off) in [(ProtocolVersion::TLS13, "no-tls13"), (ProtocolVersion::TLS12, "no-tls12")] {
        if (min..=max).contains(&version.0) && !level.has(off) {
            versions.push(version);
        }
    }
    if versions.is_empty() { Err(Stop::Unimplemented("older versions".into())) } else { Ok(versions) }
}

/// The settings of both roles that go by lists of numbers.
fn set_common(config: &mut impl Settings, level: &Level) -> Result<(), Stop> {
    config.set_versions(&versions(level)?).map_err(unimplemented)?;
    let policy = policy(level);
    if let Some(policy) = &policy {
        config.set_cipher_suites(policy.suites).map_err(unimplemented)?;
        config.set_groups(policy.groups).map_err(unimplemented)?;
        config.set_signature_schemes(policy.schemes).map_err(unimplemented)?;
    }
    if let Some(groups) = groups(level)? {
        config.set_groups(&groups).map_err(unimplemented)?;
    }
    let schemes: Vec<_> = level.numbers("verify-prefs")?.into_iter().map(SignatureScheme).collect();
    if !schemes.is_empty() {
        config.set_signature_schemes(&schemes).map_err(unimplemented)?;
    }
    let suites: Vec<_> = level.numbers("tls13-ciphers")?.into_iter().map(CipherSuite).collect();
    if !suites.is_empty() {
        let older = ALL_CIPHERSUITES.iter().filter(|suite| suite.version() == ProtocolVersion::TLS12);
        let suites: Vec<_> = suites.into_iter().chain(older.map(|suite| suite.suite())).collect();
        config.set_cipher_suites(&suites).map_err(unimplemented)?;
    }
    Ok(())
}

/// What a compliance policy of BoringSSL's allows.
pub(crate) struct Policy {
    suites: &'static [CipherSuite],
    groups: &'static [NamedGroup],
    /// Of signatures, the peer's and our own.
    pub(crate) schemes: &'static [SignatureScheme],
}

/// The policy that the flags name. Those that want ML-KEM are not supported.
pub(crate) fn policy(level: &Level) -> Option<Policy> {
    if level.has("fips-202205") {
        return Some(Policy {
            suites: &[
                CipherSuite::TLS_AES_128_GCM_SHA256,
                CipherSuite::TLS_AES_256_GCM_SHA384,
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            ],
            groups: &[NamedGroup::SECP256R1, NamedGroup::SECP384R1],
            schemes: &[
                SignatureScheme::RSA_PKCS1_SHA256,
                SignatureScheme::RSA_PKCS1_SHA384,
                SignatureScheme::RSA_PKCS1_SHA512,
                SignatureScheme::ECDSA_SECP256R1_SHA256,
                SignatureScheme::ECDSA_SECP384R1_SHA384,
                SignatureScheme::RSA_PSS_RSAE_SHA256,
                SignatureScheme::RSA_PSS_RSAE_SHA384,
                SignatureScheme::RSA_PSS_RSAE_SHA512,
            ],
        });
    }
    level.has("wpa-202304").then_some(Policy {
        suites: &[
            CipherSuite::TLS_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        ],
        groups: &[NamedGroup::SECP384R1],
        schemes: &[
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::ECDSA_SECP384R1_SHA384,
            SignatureScheme::RSA_PSS_RSAE_SHA384,
            SignatureScheme::RSA_PSS_RSAE_SHA512,
        ],
    })
}

/// What both configurations have.
trait Settings {
    fn set_versions(&mut self, versions: &[ProtocolVersion]) -> Result<(), ConfigError>;
    fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError>;
    fn set_signature_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError>;
    fn set_cipher_suites(&mut self, suites: &[CipherSuite]) -> Result<(), ConfigError>;
}

macro_rules! settings {
    ($config:ty) => {
        impl Settings for $config {
            fn set_versions(&mut self, versions: &[ProtocolVersion]) -> Result<(), ConfigError> {
                <$config>::set_versions(self, versions)
            }

            fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError> {
                <$config>::set_groups(self, groups)
            }

            fn set_signature_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError> {
                <$config>::set_signature_schemes(self, schemes)
            }

            fn set_cipher_suites(&mut self, suites: &[CipherSuite]) -> Result<(), ConfigError> {
                <$config>::set_cipher_suites(self, suites)
            }
        }
    };
}

settings!(ClientConfig);
settings!(ServerConfig);

/// A client's sessions, and how much early data each of those allows that came since this was asked last.
#[derive(Debug)]
pub(crate) struct Sessions {
    inner: ClientSessionMemoryCache,
    came: Mutex<Vec<u32>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { inner: ClientSessionMemoryCache::new(16), came: Mutex::default() }
    }
}

impl Sessions {
    pub(crate) fn came(&self) -> Vec<u32> {
        self.came.lock().map(|mut came| std::mem::take(&mut *came)).unwrap_or_default()
    }
}

impl StoresClientSessions for Sessions {
    fn put(&self, session: ClientSessionValue) {
        if let Ok(mut came) = self.came.lock() {
            came.push(session.max_early_data());
        }
        self.inner.put(session);
    }

    fn take(&self, server: &ServerName<'_>, scope: &[u8; 32]) -> Option<ClientSessionValue> {
        self.inner.take(server, scope)
    }

    fn remove(&self, server: &ServerName<'_>, scope: &[u8; 32]) {
        self.inner.remove(server, scope);
    }
}

/// The traffic secrets of both sides.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Mutex<[Option<Vec<u8>>; 2]>);

impl Secrets {
    /// The client's and the server's.
    pub(crate) fn traffic(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let [client, server] = self.0.lock().ok()?.clone();
        Some((client?, server?))
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8; 32], secret: &[u8]) {
        let Ok(mut secrets) = self.0.lock() else { return };
        match label {
            "CLIENT_TRAFFIC_SECRET_0" => secrets[0] = Some(secret.to_vec()),
            "SERVER_TRAFFIC_SECRET_0" => secrets[1] = Some(secret.to_vec()),
            _ => {}
        }
    }
}

/// Tickets of the runner's liking.
#[derive(Debug)]
struct Tickets {
    inner: Arc<Ticketer>,
    /// Whether none is made.
    skips: bool,
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.inner.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.inner.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        if self.skips { None } else { self.inner.encrypt(plain) }
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.inner.decrypt(ticket)
    }
}

fn groups(level: &Level) -> Result<Option<Vec<NamedGroup>>, Stop> {
    let groups: Vec<_> = level.numbers("curves")?.into_iter().map(NamedGroup).collect();
    Ok(Some(groups).filter(|groups| !groups.is_empty()))
}

/// Names behind their lengths, as they are on the wire.
pub(crate) fn alpn_list(mut list: &[u8]) -> Option<Vec<&[u8]>> {
    let mut names = Vec::new();
    while let Some((length, rest)) = list.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        names.push(name);
        list = rest;
    }
    Some(names)
}

/// Where it is written down what was asked and shown.
#[derive(Clone, Debug)]
struct Told {
    asked: Arc<Mutex<Asked>>,
    selected: Arc<AtomicI32>,
}

/// Shows the first credential that the peer can verify.
#[derive(Debug)]
struct Resolver {
    candidates: Vec<Candidate>,
    told: Told,
    /// Refuses every client with this alert.
    fails: Option<AlertDescription>,
}

impl Resolver {
    fn select(&self, fits: impl Fn(&Candidate) -> bool) -> Option<Arc<Identity>> {
        let selected = self.candidates.iter().find(|candidate| fits(candidate))?;
        self.told.selected.store(selected.number, Ordering::Relaxed);
        Some(Arc::clone(&selected.identity))
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        let alpn = hello.alpn_protocols().flat_map(|name| {
            let length = u8::try_from(name.len()).unwrap_or_default();
            [&[length], name].concat()
        });
        let asked = Asked {
            alpn: alpn.collect(),
            server_name: hello.server_name().map(str::to_owned),
            secure_renegotiation: hello.client_hello().extensions.renegotiation_info.is_some()
                || hello.cipher_suites().any(|suite| suite == CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV),
            schemes: hello.signature_schemes().collect(),
            authorities: Vec::new(),
        };
        if let Ok(mut place) = self.told.asked.lock() {
            *place = asked;
        }
        if let Some(alert) = self.fails {
            return Err(NoIdentity::with_alert(alert));
        }
        let authorities = hello.client_hello().extensions.certificate_authorities;
        let authorities: Vec<_> =
            authorities.into_iter().flat_map(|all| all.iter()).map(|name| name.0.to_vec()).collect();
        let fits = |candidate: &Candidate| hello.can_verify(&candidate.identity) && candidate.is_of(&authorities);
        // What nobody can verify is refused with an error that says why.
        let selected = self.select(fits).or_else(|| self.select(|candidate| candidate.is_of(&authorities)));
        selected.ok_or(NoIdentity::default())
    }
}

impl ResolvesClientCert for Resolver {
    fn resolve(
        &self,
        authorities: List<'_, DistinguishedName<'_>>,
        schemes: &[SignatureScheme],
    ) -> Option<Arc<Identity>> {
        let authorities: Vec<_> = authorities.iter().map(|name| name.0.to_vec()).collect();
        if let Ok(mut place) = self.told.asked.lock() {
            (place.schemes, place.authorities) = (schemes.to_vec(), authorities.clone());
        }
        let can = |candidate: &Candidate| candidate.identity.schemes().iter().any(|scheme| schemes.contains(scheme));
        self.select(|candidate| can(candidate) && candidate.is_of(&authorities))
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some([0; 32])
    }
}
