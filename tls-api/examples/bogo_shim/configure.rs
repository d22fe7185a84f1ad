//! The configurations that the flags ask for.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tls_api::{
    ClientAuth, ClientConfig, ClientHelloInfo, ClientSessionMemoryCache, Identity, Limits, NamedGroup, ProtocolVersion,
    ResolvesClientCert, ResolvesServerCert, ServerConfig, ServerSessionMemoryCache, SignatureScheme, SystemClock,
    Ticketer, TimeProvider, UnixTime,
};

use crate::Stop;
use crate::credentials::{Candidate, candidates, psks};
use crate::errors::EARLY_DATA;
use crate::options::{Level, Options};
use crate::trust::{Anybody, Seen, of_any_path};

/// What connections of one run have in common.
pub(crate) struct Shim {
    pub(crate) clock: Arc<Clock>,
    sessions: Arc<ClientSessionMemoryCache>,
    ticketer: Arc<Ticketer>,
    store: Arc<ServerSessionMemoryCache>,
    /// What the peer of the last handshake showed.
    pub(crate) seen: Arc<Mutex<Option<Seen>>>,
    /// What the client of the last handshake asked for.
    pub(crate) asked: Arc<Mutex<Asked>>,
    /// The number of the credential that was shown last.
    pub(crate) selected: Arc<AtomicI32>,
}

/// What a ClientHello said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) alpn: Vec<u8>,
    pub(crate) server_name: Option<String>,
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
            sessions: Arc::new(ClientSessionMemoryCache::new(16)),
            ticketer: Arc::new(ticketer),
            store: Arc::new(ServerSessionMemoryCache::new(64)),
            seen: Arc::default(),
            asked: Arc::default(),
            selected: Arc::new(AtomicI32::new(NONE)),
        })
    }

    pub(crate) fn client(&self, level: &Level) -> Result<ClientConfig, Stop> {
        let mut config = ClientConfig::new();
        let anybody = self.anybody(level, ClientAuth::Required);
        config.dangerous().set_certificate_verifier(Arc::new(anybody));
        config.set_versions(&versions(level)?).map_err(unimplemented)?;
        if let Some(groups) = groups(level)? {
            config.set_groups(&groups).map_err(unimplemented)?;
        }
        if let Some(names) = level.text("advertise-alpn") {
            let names = alpn_list(names.as_bytes()).ok_or_else(|| Stop::Unimplemented("-advertise-alpn".into()))?;
            config.set_alpn_protocols(&names).map_err(unimplemented)?;
        }
        if let Some(size) = level.number("max-send-fragment")? {
            config.set_max_fragment_size(Some(wire_size(size))).map_err(unimplemented)?;
        }
        config.set_limits(limits());
        config.set_ocsp_request(level.has("enable-ocsp-stapling"));
        config.set_sct_request(level.has("enable-signed-cert-timestamps"));
        config.set_server_name_indication(level.text("host-name").is_some());
        config.set_tickets(!level.has("no-ticket"));
        config.enable_early_data(level.has("enable-early-data"));
        let candidates = candidates(level)?;
        if !candidates.is_empty() {
            config.set_client_cert_resolver(Arc::new(Resolver { candidates, told: self.told() }));
        }
        let psks = psks(level)?;
        if !psks.is_empty() {
            config.set_external_psks(psks.into_iter().map(|(psk, _)| psk).collect());
        }
        config.set_session_storage(Arc::clone(&self.sessions) as _);
        config.set_time_provider(Arc::clone(&self.clock) as _);
        Ok(config)
    }

    pub(crate) fn server(&self, level: &Level) -> Result<ServerConfig, Stop> {
        let candidates = candidates(level)?;
        let mut config = ServerConfig::with_resolver(Arc::new(Resolver { candidates, told: self.told() }));
        let psks = psks(level)?;
        if !psks.is_empty() {
            config.set_external_psks(psks.into_iter().map(|(psk, _)| psk).collect());
        }
        let client_auth = match (level.has("require-any-client-certificate"), level.has("verify-peer")) {
            (true, _) => ClientAuth::Required,
            (false, true) => ClientAuth::Optional,
            (false, false) => ClientAuth::NotAsked,
        };
        config.set_client_cert_verifier(Arc::new(self.anybody(level, client_auth))).map_err(unimplemented)?;
        config.set_versions(&versions(level)?).map_err(unimplemented)?;
        if let Some(groups) = groups(level)? {
            config.set_groups(&groups).map_err(unimplemented)?;
        }
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
        config.set_limits(limits());
        match level.has("no-ticket") || level.has("enable-early-data") {
            true => config.set_session_storage(Arc::clone(&self.store) as _),
            false => config.set_ticketer_and_session_ids(Arc::clone(&self.ticketer) as _, Arc::clone(&self.store) as _),
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

    fn anybody(&self, level: &Level, client_auth: ClientAuth) -> Anybody {
        Anybody {
            refuses: level.has("verify-fail")
                && ["verify-peer", "use-custom-verify-callback", "require-any-client-certificate"]
                    .iter()
                    .any(|flag| level.has(flag)),
            ocsp_refuses: level.has("fail-ocsp-callback"),
            custom: level.has("use-custom-verify-callback"),
            client_auth,
            seen: Arc::clone(&self.seen),
            inner: of_any_path(),
        }
    }
}

fn unimplemented(e: tls_api::ConfigError) -> Stop {
    Stop::Unimplemented(e.to_string())
}

/// The runner shows chains of fifty certificates.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.chain_length = 100;
    limits
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
}

impl Resolver {
    fn select(&self, fits: impl Fn(&Candidate) -> bool) -> Option<Arc<Identity>> {
        let selected = self.candidates.iter().find(|candidate| fits(candidate))?;
        self.told.selected.store(selected.number, Ordering::Relaxed);
        Some(Arc::clone(&selected.identity))
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Option<Arc<Identity>> {
        let alpn = hello.alpn_protocols().flat_map(|name| {
            let length = u8::try_from(name.len()).unwrap_or_default();
            [&[length], name].concat()
        });
        let asked = Asked { alpn: alpn.collect(), server_name: hello.server_name().map(str::to_owned) };
        if let Ok(mut place) = self.told.asked.lock() {
            *place = asked;
        }
        let authorities = hello.client_hello().extensions.certificate_authorities;
        let authorities: Vec<_> =
            authorities.into_iter().flat_map(|all| all.iter()).map(|name| name.0.to_vec()).collect();
        let fits = |candidate: &Candidate| hello.can_verify(&candidate.identity) && candidate.is_of(&authorities);
        // What nobody can verify is refused with an error that says why.
        self.select(fits).or_else(|| self.select(|candidate| candidate.is_of(&authorities)))
    }
}

impl ResolvesClientCert for Resolver {
    fn resolve(&self, authorities: &[Vec<u8>], schemes: &[SignatureScheme]) -> Option<Arc<Identity>> {
        let can = |candidate: &Candidate| candidate.identity.schemes().iter().any(|scheme| schemes.contains(scheme));
        self.select(|candidate| can(candidate) && candidate.is_of(authorities))
    }
}
