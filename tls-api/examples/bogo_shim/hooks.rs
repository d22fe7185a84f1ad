//! The library's extension points as the runner needs them: clock, stores, key log, tickets,
//! certificate resolver.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strata_tls::codec::{DistinguishedName, List};
use strata_tls::{
    AlertDescription, CipherSuite, ClientHelloInfo, ClientSessionMemoryCache, ClientSessionValue, Identity, KeyLog,
    NoIdentity, ProducesTickets, ResolvesClientCert, ResolvesServerCert, ServerName, SignatureScheme,
    StoresClientSessions, SystemClock, Ticketer, TimeProvider, UnixTime,
};
use zeroize::Zeroizing;

use crate::credentials::Candidate;

/// The number of no credential.
pub(crate) const NONE: i32 = i32::MIN;

/// What the peer requested: a client in its ClientHello, a server in its CertificateRequest.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerRequest {
    pub(crate) alpn: Vec<u8>,
    pub(crate) server_name: Option<String>,
    pub(crate) secure_renegotiation: bool,
    /// The signature schemes that the peer accepts.
    pub(crate) schemes: Vec<SignatureScheme>,
    /// The CAs that a server lists.
    pub(crate) authorities: Vec<Vec<u8>>,
}

/// A clock that only the runner advances, in seconds since 1970. A slow machine expires no session.
#[derive(Debug)]
pub(crate) struct Clock(AtomicU64);

impl Default for Clock {
    fn default() -> Self {
        Self(AtomicU64::new(SystemClock.now().map_or(0, |now| now.as_secs())))
    }
}

impl Clock {
    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl TimeProvider for Clock {
    fn now(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed))))
    }
}

/// A client session store that records new sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    inner: ClientSessionMemoryCache,
    /// The early data limits of sessions stored since the last call of `take_new`.
    new: Mutex<Vec<u32>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { inner: ClientSessionMemoryCache::new(16), new: Mutex::default() }
    }
}

impl Sessions {
    pub(crate) fn take_new(&self) -> Vec<u32> {
        self.new.lock().map(|mut new| std::mem::take(&mut *new)).unwrap_or_default()
    }
}

impl StoresClientSessions for Sessions {
    fn put(&self, session: ClientSessionValue) {
        if let Ok(mut new) = self.new.lock() {
            new.push(session.max_early_data());
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

/// A key log that holds the secrets of a connection by their labels.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Mutex<HashMap<String, Vec<u8>>>);

impl Secrets {
    /// Returns the secrets of the client and the server.
    pub(crate) fn traffic(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((self.get("CLIENT_TRAFFIC_SECRET_0")?, self.get("SERVER_TRAFFIC_SECRET_0")?))
    }

    pub(crate) fn get(&self, label: &str) -> Option<Vec<u8>> {
        self.0.lock().ok()?.get(label).cloned()
    }

    /// Removes the secrets of the last connection.
    pub(crate) fn clear(&self) {
        if let Ok(mut secrets) = self.0.lock() {
            secrets.clear();
        }
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8; 32], secret: &[u8]) {
        if let Ok(mut secrets) = self.0.lock() {
            secrets.insert(label.to_owned(), secret.to_vec());
        }
    }
}

/// A ticketer that can stop issuing tickets.
#[derive(Debug)]
pub(crate) struct Tickets {
    pub(crate) inner: Arc<Ticketer>,
    /// Whether to issue no tickets.
    pub(crate) issues_none: bool,
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.inner.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.inner.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        if self.issues_none { None } else { self.inner.encrypt(plain) }
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.inner.decrypt(ticket)
    }
}

/// Records what the peer requested and which credential was selected.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    pub(crate) request: Arc<Mutex<PeerRequest>>,
    pub(crate) selected: Arc<AtomicI32>,
}

/// Selects the first credential that the peer can verify.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) recorder: Recorder,
    /// Rejects every client with this alert.
    pub(crate) alert: Option<AlertDescription>,
}

impl Resolver {
    fn select(&self, fits: impl Fn(&Candidate) -> bool) -> Option<Arc<Identity>> {
        let selected = self.candidates.iter().find(|candidate| fits(candidate))?;
        self.recorder.selected.store(selected.number, Ordering::Relaxed);
        Some(Arc::clone(&selected.identity))
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        let alpn = hello.alpn_protocols().flat_map(|name| {
            let length = u8::try_from(name.len()).unwrap_or_default();
            [&[length], name].concat()
        });
        let request = PeerRequest {
            alpn: alpn.collect(),
            server_name: hello.server_name().map(str::to_owned),
            secure_renegotiation: hello.client_hello().extensions.renegotiation_info.is_some()
                || hello.cipher_suites().any(|suite| suite == CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV),
            schemes: hello.signature_schemes().collect(),
            authorities: Vec::new(),
        };
        if let Ok(mut place) = self.recorder.request.lock() {
            *place = request;
        }
        if let Some(alert) = self.alert {
            return Err(NoIdentity::with_alert(alert));
        }
        let authorities = hello.client_hello().extensions.certificate_authorities;
        let authorities: Vec<_> =
            authorities.into_iter().flat_map(|all| all.iter()).map(|name| name.0.to_vec()).collect();
        let fits =
            |candidate: &Candidate| hello.can_verify(&candidate.identity) && candidate.is_issued_by(&authorities);
        // Falls back to a credential that the client cannot verify, for the error that explains
        // why.
        let selected = self.select(fits).or_else(|| self.select(|candidate| candidate.is_issued_by(&authorities)));
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
        if let Ok(mut place) = self.recorder.request.lock() {
            (place.schemes, place.authorities) = (schemes.to_vec(), authorities.clone());
        }
        let can = |candidate: &Candidate| candidate.identity.schemes().iter().any(|scheme| schemes.contains(scheme));
        self.select(|candidate| can(candidate) && candidate.is_issued_by(&authorities))
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some([0; 32])
    }
}
