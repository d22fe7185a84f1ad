//! Translates flags into configurations.

use std::sync::atomic::{AtomicBool, AtomicI32};
use std::sync::{Arc, Mutex, PoisonError};

use strata_tls::{
    ALL_CIPHERSUITES, AlertDescription, Backend, CipherSuite, ClientAuth, ClientConfig, ConfigError, Limits,
    NamedGroup, ProtocolVersion, ServerConfig, ServerSessionMemoryCache, SignatureScheme, Ticketer,
};

use crate::credentials::{candidates, psks};
use crate::errors::EARLY_DATA;
use crate::hooks::{Clock, NONE, PeerRequest, Recorder, Resolver, Secrets, Sessions, Tickets};
use crate::options::{Level, Options};
use crate::policy::policy;
use crate::stop::Stop;
use crate::trust::{PeerEvidence, ShimVerifier, without_path_checks};

/// State that the connections of one run share.
pub(crate) struct Shim {
    pub(crate) clock: Arc<Clock>,
    pub(crate) sessions: Arc<Sessions>,
    ticketer: Arc<Ticketer>,
    store: Arc<ServerSessionMemoryCache>,
    /// What the peer presented in the last handshake.
    pub(crate) evidence: Arc<Mutex<Option<PeerEvidence>>>,
    /// What the peer requested in the last handshake.
    pub(crate) request: Arc<Mutex<PeerRequest>>,
    /// The secrets of the last handshake.
    pub(crate) secrets: Arc<Secrets>,
    /// The number of the credential presented last.
    pub(crate) selected: Arc<AtomicI32>,
    /// The cipher suite of the last connection over QUIC.
    pub(crate) last_suite: Mutex<Option<CipherSuite>>,
}

impl Shim {
    pub(crate) fn new(_: &Options) -> Result<Self, Stop> {
        let ticketer = Ticketer::new().map_err(|e| Stop::failed(e.to_string()))?;
        Ok(Self {
            clock: Arc::default(),
            sessions: Arc::default(),
            ticketer: Arc::new(ticketer),
            store: Arc::new(ServerSessionMemoryCache::new(64)),
            evidence: Arc::default(),
            request: Arc::default(),
            secrets: Arc::default(),
            selected: Arc::new(AtomicI32::new(NONE)),
            last_suite: Mutex::default(),
        })
    }

    /// Forgets what the last connection left, other than sessions.
    pub(crate) fn begin(&self) {
        *self.evidence.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.secrets.clear();
    }

    /// Configures a client. The flags of `full` apply to the certificate verification of a full
    /// handshake.
    pub(crate) fn client(&self, level: &Level, full: &Level) -> Result<ClientConfig, Stop> {
        // A client's resolver can only decline. It cannot choose an alert.
        if level.has("fail-cert-callback-alert") {
            return Err(Stop::Unimplemented("-fail-cert-callback-alert".into()));
        }
        let mut config = ClientConfig::new();
        let mut verifier = self.verifier(level, ClientAuth::Required)?;
        verifier.rejects = rejects(full);
        config.dangerous().set_certificate_verifier(Arc::new(verifier));
        set_common(&mut config, level)?;
        config.set_reverify_on_resumption(level.has("reverify-on-resume"));
        if level.has("export-traffic-secrets") || level.has("quic") {
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
        let records_request = ["expect-client-ca-list", "expect-peer-verify-pref"].iter().any(|flag| level.has(flag));
        if !candidates.is_empty() || records_request {
            config.set_client_cert_resolver(Arc::new(Resolver { candidates, recorder: self.recorder(), alert: None }));
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
        let alert = level.has("fail-cert-callback").then_some(alert);
        let resolver = Resolver { candidates: candidates(level)?, recorder: self.recorder(), alert };
        let mut config = ServerConfig::with_resolver(Arc::new(resolver));
        let client_auth = match (level.has("require-any-client-certificate"), level.has("verify-peer")) {
            (true, _) => ClientAuth::Required,
            (false, true) => ClientAuth::Optional,
            (false, false) => ClientAuth::Disabled,
        };
        config.set_client_cert_verifier(Arc::new(self.verifier(level, client_auth)?)).map_err(unimplemented)?;
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
        // Over QUIC a server must have protocols. One that selects none rejects the client.
        let selects_none = level.has("decline-alpn") || level.text("select-alpn").is_none_or(str::is_empty);
        if level.has("reject-alpn") || (level.has("quic") && selects_none) {
            config.set_alpn_protocols(["not offered"]).map_err(unimplemented)?;
        }
        if let Some(size) = level.number("max-send-fragment")? {
            config.set_max_fragment_size(Some(wire_size(size))).map_err(unimplemented)?;
        }
        config.set_send_tls13_tickets(if level.has("no-ticket") { 0 } else { 2 });
        config.set_limits(limits(level)?);
        // Early data needs a session store, from the first connection on.
        let early = options.initial.has("enable-early-data") || options.resume.has("enable-early-data");
        let ticketer = Tickets { inner: Arc::clone(&self.ticketer), issues_none: level.has("skip-ticket") };
        match level.has("no-ticket") || early {
            true => config.set_session_storage(Arc::clone(&self.store) as _),
            false => config.set_ticketer_and_session_ids(Arc::new(ticketer), Arc::clone(&self.store) as _),
        }
        if level.has("enable-early-data") {
            config.set_max_early_data_size(EARLY_DATA);
            config.set_send_half_rtt_data(true);
        }
        if level.has("quic") {
            config.set_key_log(Arc::clone(&self.secrets) as _);
        }
        config.set_time_provider(Arc::clone(&self.clock) as _);
        Ok(config)
    }

    fn recorder(&self) -> Recorder {
        Recorder { request: Arc::clone(&self.request), selected: Arc::clone(&self.selected) }
    }

    fn verifier(&self, level: &Level, client_auth: ClientAuth) -> Result<ShimVerifier, Stop> {
        Ok(ShimVerifier {
            rejects: rejects(level),
            rejects_sessions: rejects(level),
            rejected: AtomicBool::new(false),
            hint_subjects: level.names("use-client-ca-list")?.unwrap_or_default(),
            rejects_ocsp: level.has("fail-ocsp-callback"),
            custom_verify: level.has("use-custom-verify-callback"),
            client_auth,
            evidence: Arc::clone(&self.evidence),
            inner: without_path_checks(),
        })
    }
}

/// Returns whether the verifier must reject the peer.
fn rejects(level: &Level) -> bool {
    let verifies = ["verify-peer", "use-custom-verify-callback", "require-any-client-certificate"];
    level.has("verify-fail") && verifies.iter().any(|flag| level.has(flag))
}

fn unimplemented(e: ConfigError) -> Stop {
    Stop::Unimplemented(e.to_string())
}

/// Raises the chain limit: the runner presents chains of fifty certificates.
fn limits(level: &Level) -> Result<Limits, Stop> {
    let mut limits = Limits::default();
    limits.chain_length = 100;
    if let Some(bytes) = level.number("max-cert-list")? {
        limits.handshake_message = bytes;
    }
    Ok(limits)
}

/// Converts a limit on plaintext to one on the record on the wire, which is at least a header
/// longer.
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

/// Applies the settings that both roles share.
/// BoringSSL's default has no P-521, which AWS-LC's has here.
const DEFAULT_SCHEMES: [SignatureScheme; 9] = [
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// Returns the backend that the environment names. Default: ring.
pub(crate) fn backend() -> Result<Backend, Stop> {
    let Ok(name) = std::env::var("BOGO_BACKEND") else { return Ok(Backend::ring()) };
    let found = Backend::ALL.iter().find(|backend| backend.name() == name);
    found.copied().ok_or_else(|| Stop::Failed(format!("BOGO_BACKEND: {name} is not compiled in")))
}

fn set_common(config: &mut impl Settings, level: &Level) -> Result<(), Stop> {
    config.set_backend(backend()?);
    config.set_versions(&versions(level)?).map_err(unimplemented)?;
    // BoringSSL's default, which has no post-quantum group.
    config.set_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1]).map_err(unimplemented)?;
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
    } else if policy.is_none() && backend()? != Backend::ring() {
        config.set_signature_schemes(&DEFAULT_SCHEMES).map_err(unimplemented)?;
    }
    let suites: Vec<_> = level.numbers("tls13-ciphers")?.into_iter().map(CipherSuite).collect();
    if !suites.is_empty() {
        let older = ALL_CIPHERSUITES.iter().filter(|suite| suite.version() == ProtocolVersion::TLS12);
        let suites: Vec<_> = suites.into_iter().chain(older.map(|suite| suite.suite())).collect();
        config.set_cipher_suites(&suites).map_err(unimplemented)?;
    }
    Ok(())
}

/// Setters that both configurations have.
trait Settings {
    fn set_backend(&mut self, backend: Backend);
    fn set_versions(&mut self, versions: &[ProtocolVersion]) -> Result<(), ConfigError>;
    fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError>;
    fn set_signature_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError>;
    fn set_cipher_suites(&mut self, suites: &[CipherSuite]) -> Result<(), ConfigError>;
}

macro_rules! settings {
    ($config:ty) => {
        impl Settings for $config {
            fn set_backend(&mut self, backend: Backend) {
                <$config>::set_backend(self, backend);
            }

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

fn groups(level: &Level) -> Result<Option<Vec<NamedGroup>>, Stop> {
    let groups: Vec<_> = level.numbers("curves")?.into_iter().map(NamedGroup).collect();
    Ok(Some(groups).filter(|groups| !groups.is_empty()))
}

/// Parses length-prefixed names.
fn alpn_list(mut list: &[u8]) -> Option<Vec<&[u8]>> {
    let mut names = Vec::new();
    while let Some((length, rest)) = list.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        names.push(name);
        list = rest;
    }
    Some(names)
}
