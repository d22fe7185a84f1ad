//! Removal of a client's stored sessions: after a failed handshake that offered one, and after a
//! fatal alert.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use strata_tls::codec::{DistinguishedName, List};
use strata_tls::{
    AllowAnyAuthenticatedClient, CertificateDer, ClientAuth, ClientCertVerifier, ClientConfig, ClientSession,
    ClientSessionMemoryCache, Error, ExternalPsk, HandshakeKind, Identity, NoClientSessionStorage, ProtocolVersion,
    Refusal, ReloadableIdentity, ResolvesClientCert, ServerConfig, ServerSessionMemoryCache, Session, SignatureScheme,
    StoresClientSessions, Ticketer, UnixTime,
};

use tls_crypto::HashAlgorithm;

use crate::clock::Clock;
use crate::pair::{Pair, carry, drain, feed};
use crate::pki::{Ca, Kind, VERSIONS};

/// Configurations of one version after a full handshake, and the client's store with the resulting
/// sessions.
fn after_full_handshake(
    version: ProtocolVersion,
) -> (Arc<ClientConfig>, Arc<ServerConfig>, Arc<ClientSessionMemoryCache>) {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_versions(&[version]).unwrap();
    let sessions = Arc::new(ClientSessionMemoryCache::new(10));
    client.set_session_storage(Arc::clone(&sessions) as _);
    server.set_send_tls13_tickets(4);
    let (client, server) = (Arc::new(client), Arc::new(server));
    assert_eq!(kind(&client, &server), HandshakeKind::Full);
    assert_eq!(sessions.len(), 1);
    (client, server, sessions)
}

fn kind(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> HandshakeKind {
    Pair::connected(client, server).client.handshake_kind().unwrap()
}

/// A record with an unknown handshake message.
const GARBAGE: [u8; 9] = [22, 3, 3, 0, 4, 99, 0, 0, 0];
const HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

fn end_of_input(client: &mut ClientSession) -> Result<(), Error> {
    client.read_tls(&mut &[][..]).unwrap();
    client.process_new_packets().map(|_| ())
}

#[test]
fn failed_resumption_removes_all_sessions() {
    type Failure = (&'static str, fn(&mut Pair) -> Result<(), Error>);
    let failures: [Failure; 6] = [
        ("an alert", |pair| {
            drain(&mut pair.client);
            feed(&mut pair.client, &HANDSHAKE_FAILURE).map(|_| ())
        }),
        ("garbage", |pair| {
            drain(&mut pair.client);
            feed(&mut pair.client, &GARBAGE).map(|_| ())
        }),
        ("an end", |pair| {
            drain(&mut pair.client);
            end_of_input(&mut pair.client)
        }),
        ("an end within the server's flight", |pair| {
            feed(&mut pair.server, &drain(&mut pair.client))?;
            let flight = drain(&mut pair.server);
            feed(&mut pair.client, &flight[..flight.len() - 1])?;
            end_of_input(&mut pair.client)
        }),
        ("a damaged flight", |pair| {
            feed(&mut pair.server, &drain(&mut pair.client))?;
            let mut flight = drain(&mut pair.server);
            *flight.last_mut().unwrap() ^= 1;
            feed(&mut pair.client, &flight).map(|_| ())
        }),
        // A reset or a timeout: the session is dropped without an error.
        ("nothing", |pair| {
            drain(&mut pair.client);
            Err(Error::HandshakeNotComplete)
        }),
    ];
    for version in VERSIONS {
        for (name, failure) in &failures {
            let (client, server, sessions) = after_full_handshake(version);
            let mut pair = Pair::new(&client, &server);
            failure(&mut pair).expect_err(name);
            // An error removes the sessions at once, while the failed connection still exists.
            assert_eq!(sessions.is_empty(), *name != "nothing", "{version} {name}");
            drop(pair);
            assert!(sessions.is_empty(), "{version} {name}");
            assert_eq!(kind(&client, &server), HandshakeKind::Full, "{version} {name}");
            assert_eq!(kind(&client, &server), HandshakeKind::Resumed, "{version} {name}");
        }
    }
}

#[test]
fn failed_full_handshake_keeps_sessions() {
    for version in VERSIONS {
        let (client, server, sessions) = after_full_handshake(version);
        let all = sessions.to_bytes();
        // This client offers no session.
        let mut other = ClientConfig::clone(&client);
        other.set_session_storage(Arc::new(WriteOnlyStore(Arc::clone(&sessions))));
        let mut pair = Pair::new(&Arc::new(other), &server);
        drain(&mut pair.client);
        feed(&mut pair.client, &HANDSHAKE_FAILURE).unwrap_err();
        drop(pair);
        assert_eq!(sessions.to_bytes(), all, "{version}");
    }
}

/// Returns no session, but stores to and removes from the cache.
#[derive(Debug)]
struct WriteOnlyStore(Arc<ClientSessionMemoryCache>);

impl StoresClientSessions for WriteOnlyStore {
    fn put(&self, session: strata_tls::ClientSessionValue) {
        self.0.put(session);
    }

    fn take(&self, _: &strata_tls::ServerName<'_>, _: &[u8; 32]) -> Option<strata_tls::ClientSessionValue> {
        None
    }

    fn remove(&self, server: &strata_tls::ServerName<'_>, scope: &[u8; 32]) {
        self.0.remove(server, scope);
    }
}

#[test]
fn parallel_connections_resume_one_tls12_session() {
    let (client, server, _) = after_full_handshake(ProtocolVersion::TLS12);
    let mut pairs: Vec<_> = (0..3).map(|_| Pair::new(&client, &server)).collect();
    for pair in &mut pairs {
        pair.settle().unwrap();
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Resumed));
    }
}

#[test]
fn dropping_an_unsent_hello_keeps_the_sessions() {
    for version in VERSIONS {
        let (client, server, _) = after_full_handshake(version);
        drop(Pair::new(&client, &server));
        assert_eq!(kind(&client, &server), HandshakeKind::Resumed, "{version}");
    }
}

#[test]
fn fatal_alert_after_the_handshake_removes_sessions() {
    for version in VERSIONS {
        for resumed in [false, true] {
            for by_client in [false, true] {
                let (client, server, sessions) = after_full_handshake(version);
                if !resumed {
                    sessions.remove(&"server.test".try_into().unwrap(), &client.session_scope());
                }
                let mut pair = Pair::connected(&client, &server);
                assert_eq!(pair.client.handshake_kind().unwrap().is_resumed(), resumed);
                assert!(!sessions.is_empty());
                if by_client {
                    feed(&mut pair.client, &GARBAGE).unwrap_err();
                } else {
                    feed(&mut pair.server, &GARBAGE).unwrap_err();
                    carry(&mut pair.server, &mut pair.client).unwrap_err();
                }
                assert!(sessions.is_empty(), "{version} {resumed} {by_client}");
                // The failed connection does not remove the sessions of a later one.
                assert_eq!(kind(&client, &server), HandshakeKind::Full);
                pair.client.process_new_packets().unwrap_err();
                drop(pair);
                assert_eq!(kind(&client, &server), HandshakeKind::Resumed);
            }
        }
    }
}

#[test]
fn closure_without_a_fatal_alert_keeps_sessions() {
    for version in VERSIONS {
        for ending in 0..4 {
            let (client, server, _) = after_full_handshake(version);
            let mut pair = Pair::connected(&client, &server);
            match ending {
                0 => pair.server.send_close_notify(),
                1 => pair.client.send_close_notify(),
                2 => end_of_input(&mut pair.client).unwrap(),
                _ => {}
            }
            pair.settle().unwrap();
            drop(pair);
            assert_eq!(kind(&client, &server), HandshakeKind::Resumed, "{version} {ending}");
        }
    }
}

/// A TLS 1.3 client completes its handshake before the server has verified its certificate.
#[test]
fn rejected_client_certificate_removes_sessions() {
    let (ca, others) = (Ca::new(Kind::EcdsaP256), Ca::named("another", Kind::EcdsaP256));
    let server = |clients: &Ca| {
        let mut server = ca.server_config(Kind::EcdsaP256);
        server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(clients.roots()))).unwrap();
        Arc::new(server)
    };
    let sessions = Arc::new(ClientSessionMemoryCache::new(10));
    let mut client = ca.client_config();
    client.set_session_storage(Arc::clone(&sessions) as _);
    client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
    let client = Arc::new(client);
    assert_eq!(kind(&client, &server(&ca)), HandshakeKind::Full);
    assert!(!sessions.is_empty());
    let mut pair = Pair::new(&client, &server(&others));
    carry(&mut pair.client, &mut pair.server).unwrap();
    carry(&mut pair.server, &mut pair.client).unwrap();
    assert!(!pair.client.is_handshaking());
    carry(&mut pair.client, &mut pair.server).unwrap_err();
    assert!(matches!(carry(&mut pair.server, &mut pair.client), Err(Error::AlertReceived { .. })));
    assert!(sessions.is_empty());
}

/// RFC 9846 Appendix D.3: the client discards the session and reconnects.
#[test]
fn older_server_after_early_data_costs_one_connection() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.enable_early_data(true);
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(100)));
    server.set_max_early_data_size(1000);
    server.set_send_tls13_tickets(3);
    let (client, server) = (Arc::new(client), Arc::new(server));
    Pair::connected(&client, &server);
    let mut older = ca.server_config(Kind::EcdsaP256);
    older.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    older.set_ticketer(Arc::new(Ticketer::new().unwrap()));
    let older = Arc::new(older);
    let mut pair = Pair::new(&client, &older);
    assert!(pair.client.early_data().is_some());
    let wire = drain(&mut pair.client);
    // Only the ClientHello: a TLS 1.2 server cannot read the early data records.
    let hello = 5 + usize::from(u16::from_be_bytes([wire[3], wire[4]]));
    feed(&mut pair.server, &wire[..hello]).unwrap();
    assert_eq!(carry(&mut pair.server, &mut pair.client).unwrap_err(), Error::EarlyDataAndOlderVersion);
    let mut pair = Pair::new(&client, &older);
    assert!(pair.client.early_data().is_none());
    pair.settle().unwrap();
    assert_eq!(pair.client.protocol_version(), Some(ProtocolVersion::TLS12));
}

/// A server that requires a client certificate, and one that requests none.
fn with_and_without_auth(ca: &Ca) -> [Arc<ServerConfig>; 2] {
    let (mut with_auth, other) = (ca.server_config(Kind::EcdsaP256), ca.server_config(Kind::EcdsaP256));
    with_auth.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
    [Arc::new(with_auth), Arc::new(other)]
}

fn identity(ca: &Ca) -> Identity {
    ca.identity(Kind::EcdsaP256, &["client.test"])
}

/// A custom resolver without a session scope whose identity can change.
#[derive(Debug)]
struct UnscopedResolver(Mutex<Arc<Identity>>);

impl ResolvesClientCert for UnscopedResolver {
    fn resolve(&self, _: List<'_, DistinguishedName<'_>>, _: &[SignatureScheme]) -> Option<Arc<Identity>> {
        Some(Arc::clone(&self.0.lock().unwrap()))
    }
}

#[test]
fn replaced_client_identity_forces_a_full_handshake() {
    let ca = Ca::new(Kind::EcdsaP256);
    let [with_auth, _] = with_and_without_auth(&ca);
    for version in VERSIONS {
        let reloadable = Arc::new(ReloadableIdentity::new(identity(&ca)));
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        client.set_client_cert_resolver(Arc::clone(&reloadable) as _);
        let client = Arc::new(client);
        let scope = client.session_scope();
        assert_eq!(kind(&client, &with_auth), HandshakeKind::Full);
        assert_eq!(kind(&client, &with_auth), HandshakeKind::Resumed);
        reloadable.replace(identity(&ca)).unwrap();
        assert_ne!(client.session_scope(), scope);
        let pair = Pair::connected(&client, &with_auth);
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full), "{version}");
        assert_eq!(pair.server.peer_certificates().unwrap(), reloadable.current().chain());
        let pair = Pair::connected(&client, &with_auth);
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Resumed), "{version}");
        assert_eq!(pair.server.peer_certificates().unwrap(), reloadable.current().chain());
    }
}

#[test]
fn identity_replaced_during_handshake_stores_no_session() {
    let ca = Ca::new(Kind::EcdsaP256);
    let [with_auth, without_auth] = with_and_without_auth(&ca);
    for version in VERSIONS {
        for (server, left) in [(&with_auth, 0), (&without_auth, 1)] {
            let reloadable = Arc::new(ReloadableIdentity::new(identity(&ca)));
            let sessions = Arc::new(ClientSessionMemoryCache::new(10));
            let mut client = ca.client_config();
            client.set_versions(&[version]).unwrap();
            client.set_session_storage(Arc::clone(&sessions) as _);
            client.set_client_cert_resolver(Arc::clone(&reloadable) as _);
            let client = Arc::new(client);
            let scope = client.session_scope();
            let mut pair = Pair::new(&client, server);
            reloadable.replace(identity(&ca)).unwrap();
            pair.settle().unwrap();
            // A session for which the other identity was presented is not stored. Without client
            // authentication it is stored, under the initial scope.
            assert_eq!(sessions.len(), left, "{version}");
            let found = sessions.take(&"server.test".try_into().unwrap(), &scope);
            assert_eq!(found.is_some(), left > 0, "{version}");
        }
    }
}

#[test]
fn resolver_without_scope_resumes_only_without_client_auth() {
    let ca = Ca::new(Kind::EcdsaP256);
    let [with_auth, without_auth] = with_and_without_auth(&ca);
    for version in VERSIONS {
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        let resolver = Arc::new(UnscopedResolver(Mutex::new(Arc::new(identity(&ca)))));
        client.set_client_cert_resolver(Arc::clone(&resolver) as _);
        let client = Arc::new(client);
        assert_eq!(kind(&client, &with_auth), HandshakeKind::Full);
        let other = Arc::new(identity(&ca));
        *resolver.0.lock().unwrap() = Arc::clone(&other);
        let pair = Pair::connected(&client, &with_auth);
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full), "{version}");
        assert_eq!(pair.server.peer_certificates().unwrap(), other.chain());
        assert_eq!(kind(&client, &without_auth), HandshakeKind::Full);
        assert_eq!(kind(&client, &without_auth), HandshakeKind::Resumed, "{version}");
    }
}

#[test]
fn external_psks_leave_stored_sessions_unused() {
    let (client, server, sessions) = after_full_handshake(ProtocolVersion::TLS13);
    let before = sessions.to_bytes();
    let mut with_keys = ClientConfig::clone(&client);
    with_keys.set_external_psks(vec![ExternalPsk::plain(b"key".to_vec(), &[7; 32], HashAlgorithm::Sha256).unwrap()]);
    drop(Pair::new(&Arc::new(with_keys), &server));
    assert_eq!(sessions.to_bytes(), before);
}

#[test]
fn client_without_storage_requests_no_tickets() {
    let ca = Ca::new(Kind::EcdsaP256);
    let key = || ExternalPsk::plain(b"key".to_vec(), &[7; 32], HashAlgorithm::Sha256).unwrap();
    // psk_key_exchange_modes: type, length, and a list with psk_dhe_ke.
    let modes = [0, 45, 0, 2, 1, 1];
    for (stores, tickets, keys, invites) in [
        (true, true, false, true),
        (false, true, false, false),
        (true, false, false, false),
        (true, false, true, true),
        (false, true, true, true),
    ] {
        let mut client = ca.client_config();
        client.set_versions(&[ProtocolVersion::TLS13]).unwrap();
        if !stores {
            client.set_session_storage(Arc::new(NoClientSessionStorage));
        }
        client.set_tickets(tickets);
        if keys {
            client.set_external_psks(vec![key()]);
        }
        let server = Arc::new(ca.server_config(Kind::EcdsaP256));
        let mut pair = Pair::new(&Arc::new(client), &server);
        let hello = drain(&mut pair.client);
        let found = hello.windows(modes.len()).any(|bytes| bytes == modes);
        assert_eq!(found, invites, "{stores} {tickets} {keys}");
        feed(&mut pair.server, &hello).unwrap();
        pair.settle().unwrap();
    }
}

/// Tests the server's chain at the client and the client's chain at the server.
#[test]
fn session_ends_with_the_first_expiry_in_the_chain() {
    let start = CA_ENDS - 1000;
    for version in VERSIONS {
        for (of_server, root_ends) in [(true, true), (true, false), (false, true), (false, false)] {
            let now = Clock::at(Some(start));
            let chain = ChainOfTwo::new(root_ends);
            let ca = Ca::new(Kind::EcdsaP256);
            let (mut client, mut server) = if of_server {
                let client = ClientConfig::with_roots(chain.roots());
                (client, ServerConfig::new(chain.identity("server.test")))
            } else {
                let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
                client.set_client_identity(chain.identity("client.test"));
                let verifier = AllowAnyAuthenticatedClient::new(chain.roots());
                server.set_client_cert_verifier(Arc::new(verifier)).unwrap();
                (client, server)
            };
            client.set_versions(&[version]).unwrap();
            client.set_time_provider(Arc::clone(&now) as _);
            server.set_time_provider(Arc::clone(&now) as _);
            let (client, server) = (Arc::new(client), Arc::new(server));
            assert_eq!(kind(&client, &server), HandshakeKind::Full);
            assert_eq!(kind(&client, &server), HandshakeKind::Resumed);
            now.set(Some(CA_ENDS + 1));
            // The intermediate or the trust anchor has expired. Resumption is impossible, and the
            // full handshake fails.
            let mut pair = Pair::new(&client, &server);
            assert!(pair.settle().is_err(), "{version} {of_server} {root_ends}");
        }
    }
}

/// Accepts clients only through `verify_client_cert_until`.
#[derive(Debug)]
struct AcceptsUntil(AtomicBool);

impl ClientCertVerifier for AcceptsUntil {
    fn client_auth(&self) -> ClientAuth {
        ClientAuth::Required
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some([7; 32])
    }

    fn verify_client_cert(&self, _: &[CertificateDer<'_>], _: UnixTime) -> Result<(), Refusal> {
        Err(strata_tls::CertificateError::Application("use verify_client_cert_until".into()).into())
    }

    fn verify_client_cert_until(&self, _: &[CertificateDer<'_>], _: UnixTime) -> Result<Option<UnixTime>, Refusal> {
        if self.0.load(Ordering::Relaxed) {
            return Ok(None);
        }
        Err(strata_tls::CertificateError::Application("no longer".into()).into())
    }
}

#[test]
fn server_reverifies_with_verify_client_cert_until() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        client.set_versions(&[version]).unwrap();
        client.set_client_identity(identity(&ca));
        let verifier = Arc::new(AcceptsUntil(AtomicBool::new(true)));
        server.set_client_cert_verifier(Arc::clone(&verifier) as _).unwrap();
        let (client, server) = (Arc::new(client), Arc::new(server));
        assert_eq!(kind(&client, &server), HandshakeKind::Full);
        assert_eq!(kind(&client, &server), HandshakeKind::Resumed, "{version}");
        verifier.0.store(false, Ordering::Relaxed);
        assert!(Pair::new(&client, &server).settle().is_err(), "{version}");
    }
}

/// Advances the clock by 50 s for each verification.
#[derive(Debug)]
struct SlowVerifier(Arc<Clock>);

impl ClientCertVerifier for SlowVerifier {
    fn client_auth(&self) -> ClientAuth {
        ClientAuth::Required
    }

    fn needs_reverification(&self) -> bool {
        false
    }

    fn verify_client_cert(&self, _: &[CertificateDer<'_>], _: UnixTime) -> Result<(), Refusal> {
        self.0.advance(50);
        Ok(())
    }
}

#[test]
fn server_session_lifetime_starts_after_verification() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        for store in [false, true] {
            let now = Clock::at(Some(CA_ENDS));
            let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
            client.set_versions(&[version]).unwrap();
            client.set_client_identity(identity(&ca));
            // The client's clock does not advance: only the server ends the session.
            client.set_time_provider(Clock::at(Some(CA_ENDS)));
            server.set_time_provider(Arc::clone(&now) as _);
            server.set_session_lifetime(100);
            server.set_client_cert_verifier(Arc::new(SlowVerifier(Arc::clone(&now)))).unwrap();
            if store {
                server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(10)));
            }
            let (client, server) = (Arc::new(client), Arc::new(server));
            assert_eq!(kind(&client, &server), HandshakeKind::Full);
            now.advance(49);
            assert_eq!(kind(&client, &server), HandshakeKind::Resumed, "{version} {store}");
            now.advance(2);
            assert_eq!(kind(&client, &server), HandshakeKind::Full, "{version} {store}");
        }
    }
}

/// 2030-01-01 in Unix seconds.
const CA_ENDS: u64 = 1_893_456_000;

/// A root and an intermediate, one of which expires long before the leaf.
struct ChainOfTwo {
    root: String,
    intermediate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl ChainOfTwo {
    /// Makes one of the CA certificates expire in 2030.
    fn new(root_ends: bool) -> Self {
        let ca_params = |name: &str, ends: bool| {
            let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            if ends {
                params.not_after = rcgen::date_time_ymd(2030, 1, 1);
            }
            params
        };
        let (key, params) = (rcgen::KeyPair::generate().unwrap(), ca_params("the root", root_ends));
        let root = params.self_signed(&key).unwrap().pem();
        let root_issuer = rcgen::Issuer::new(params, key);
        let (key, params) = (rcgen::KeyPair::generate().unwrap(), ca_params("the intermediate", !root_ends));
        let intermediate = params.signed_by(&key, &root_issuer).unwrap();
        Self { root, intermediate, issuer: rcgen::Issuer::new(params, key) }
    }

    fn roots(&self) -> strata_tls::RootCertStore {
        strata_tls::root_store_from_pem(self.root.as_bytes()).unwrap()
    }

    fn identity(&self, name: &str) -> Identity {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let chain = [leaf.pem(), self.intermediate.pem()].concat();
        Identity::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }
}
