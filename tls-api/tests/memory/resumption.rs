//! Resumption through the public API: where sessions are stored, which settings they depend on, and
//! when they end.

use std::sync::Arc;
use std::sync::Mutex;

use strata_tls::{
    AllowAnyAnonymousOrAuthenticatedClient, AllowAnyAuthenticatedClient, CertificateDer, CipherSuite, ClientAuth,
    ClientCertVerifier, ClientConfig, ClientSession, ClientSessionMemoryCache, ClientSessionValue, HandshakeKind,
    NamedGroup, NoClientSessionStorage, NoServerSessionStorage, ProtocolVersion, Refusal, ServerConfig, ServerName,
    ServerSession, ServerSessionMemoryCache, Session, StoresClientSessions, Ticketer, UnixTime,
};

use crate::clock::Clock;
use crate::pair::{Pair, drain, feed, read_all};
use crate::pki::{Ca, Kind, VERSIONS};
use std::io::Write;

/// Where the server stores sessions.
#[derive(Clone, Copy, Debug)]
enum Storage {
    Tickets,
    Store,
    Both,
}

const STORAGES: [Storage; 3] = [Storage::Tickets, Storage::Store, Storage::Both];

impl Storage {
    fn set(self, config: &mut ServerConfig) {
        match self {
            Self::Tickets => config.set_ticketer(Arc::new(Ticketer::new().unwrap())),
            Self::Store => config.set_session_storage(Arc::new(ServerSessionMemoryCache::new(1000))),
            Self::Both => config.set_ticketer_and_session_ids(
                Arc::new(Ticketer::new().unwrap()),
                Arc::new(ServerSessionMemoryCache::new(1000)),
            ),
        }
    }
}

fn for_each_setup(test: impl Fn(&Ca, ClientConfig, ServerConfig)) {
    let ca = Ca::new(Kind::EcdsaP256);
    for storage in STORAGES {
        for version in VERSIONS {
            println!("{storage:?} {version}");
            let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
            client.set_versions(&[version]).unwrap();
            storage.set(&mut server);
            test(&ca, client, server);
        }
    }
}

/// Connects, exchanges data both ways and returns the kind of handshake.
fn kind(client: &ClientConfig, server: &ServerConfig) -> HandshakeKind {
    connect(&Arc::new(client.clone()), &Arc::new(server.clone())).client.handshake_kind().unwrap()
}

fn connect(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Pair {
    let mut pair = Pair::connected(client, server);
    pair.client.write_all(b"question").unwrap();
    pair.server.write_all(b"answer").unwrap();
    pair.settle().unwrap();
    assert_eq!((read_all(&mut pair.server), read_all(&mut pair.client)), (b"question".to_vec(), b"answer".to_vec()));
    assert_eq!(pair.client.handshake_kind(), pair.server.handshake_kind());
    pair
}

#[test]
fn store_serves_only_tls12_clients_without_tickets() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (version, takes_tickets, resumes, stored) in [
        (ProtocolVersion::TLS12, true, true, 0),
        (ProtocolVersion::TLS12, false, true, 1),
        (ProtocolVersion::TLS13, true, true, 0),
        (ProtocolVersion::TLS13, false, false, 0),
    ] {
        #[derive(Debug)]
        struct CountingStore(ServerSessionMemoryCache, std::sync::atomic::AtomicUsize);
        impl strata_tls::StoresServerSessions for CountingStore {
            fn put(&self, id: &[u8], session: zeroize::Zeroizing<Vec<u8>>, lifetime: u32) -> bool {
                self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                self.0.put(id, session, lifetime)
            }
            fn get(&self, id: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>> {
                self.0.get(id)
            }
            fn take(&self, id: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>> {
                self.0.take(id)
            }
        }
        let store = Arc::new(CountingStore(ServerSessionMemoryCache::new(1000), Default::default()));
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        server.set_ticketer_and_session_ids(Arc::new(Ticketer::new().unwrap()), store.clone());
        client.set_versions(&[version]).unwrap();
        client.set_tickets(takes_tickets);
        assert_eq!(kind(&client, &server), HandshakeKind::Full);
        let second = kind(&client, &server);
        assert_eq!(second.is_resumed(), resumes, "{version} {takes_tickets}");
        assert_eq!(store.1.load(std::sync::atomic::Ordering::Relaxed), stored, "{version} {takes_tickets}");
    }
}

#[test]
fn default_configs_resume_every_later_connection() {
    for version in VERSIONS {
        let ca = Ca::new(Kind::EcdsaP256);
        let (mut client, server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        client.set_versions(&[version]).unwrap();
        let (client, server) = (Arc::new(client), Arc::new(server));
        assert_eq!(connect(&client, &server).client.handshake_kind(), Some(HandshakeKind::Full));
        let first = connect(&client, &server);
        for _ in 0..5 {
            let pair = connect(&client, &server);
            assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Resumed), "{version}");
            assert_eq!(pair.client.peer_certificates(), first.client.peer_certificates());
            assert_eq!(pair.server.sni_hostname(), Some("server.test"));
        }
    }
}

#[test]
fn cloned_config_resumes_sessions_of_the_original() {
    for_each_setup(|_, client, server| {
        assert_eq!(kind(&client, &server), HandshakeKind::Full);
        assert_eq!(kind(&client.clone(), &server.clone()), HandshakeKind::Resumed);
    });
}

#[test]
fn changed_resumption_scope_forces_a_full_handshake() {
    type Change = (&'static str, fn(&Ca, &mut ClientConfig, &mut ServerConfig));
    let changes: [Change; 7] = [
        ("another root CA beside the first", |ca, client, _| {
            let other = Ca::named("another", Kind::EcdsaP256);
            let both = [ca.pem.as_bytes(), other.pem.as_bytes()].concat();
            client.set_root_store(strata_tls::root_store_from_pem(&both).unwrap());
        }),
        ("the client's identity", |ca, client, _| {
            client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
        }),
        ("the client's context", |_, client, _| client.set_session_context(b"another tenant")),
        ("the client's protocols", |_, client, _| client.set_alpn_protocols(["h2"]).unwrap()),
        ("the server's context", |_, _, server| server.set_session_context(b"another tenant")),
        ("the server's protocols", |_, _, server| server.set_alpn_protocols(["h2"]).unwrap()),
        ("the server's client verifier", |ca, _, server| {
            let verifier = AllowAnyAnonymousOrAuthenticatedClient::new(ca.roots());
            server.set_client_cert_verifier(Arc::new(verifier)).unwrap();
        }),
    ];
    for_each_setup(|ca, client, server| {
        for (what, change) in &changes {
            let (mut client, mut server) = (client.clone(), server.clone());
            // Clones share the stores of the originals.
            kind(&client, &server);
            assert_eq!(kind(&client, &server), HandshakeKind::Resumed);
            change(ca, &mut client, &mut server);
            assert_eq!(kind(&client, &server), HandshakeKind::Full, "{what}");
            assert_eq!(kind(&client, &server), HandshakeKind::Resumed, "{what}");
        }
    });
}

/// The resumption scope ignores the order of the root CAs.
#[test]
fn order_of_root_cas_does_not_prevent_resumption() {
    for_each_setup(|ca, client, server| {
        let other = Ca::named("another", Kind::EcdsaP256);
        let roots = |pems: [&str; 2]| strata_tls::root_store_from_pem(pems.concat().as_bytes()).unwrap();
        let (mut one, mut same) = (client.clone(), client.clone());
        one.set_root_store(roots([&ca.pem, &other.pem]));
        same.set_root_store(roots([&other.pem, &ca.pem]));
        assert_eq!(kind(&one, &server), HandshakeKind::Full);
        assert_eq!(kind(&same, &server), HandshakeKind::Resumed);
    });
}

/// In CVE-2025-68121 Go's crypto/tls resumed sessions under a cloned configuration with other CAs,
/// which would reject the peer's certificate. Tests both roles.
#[test]
fn cve_2025_68121_clone_with_other_cas_verifies_again() {
    for_each_setup(|ca, mut client, mut server| {
        client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
        server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
        assert_eq!(kind(&client, &server), HandshakeKind::Full);
        assert_eq!(kind(&client, &server), HandshakeKind::Resumed);

        let other = Ca::named("another", Kind::EcdsaP256);
        let mut stricter = server.clone();
        stricter.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(other.roots()))).unwrap();
        let mut pair = Pair::new(&Arc::new(client.clone()), &Arc::new(stricter));
        let refused = pair.settle().unwrap_err();
        assert!(refused.to_string().contains("trust anchor"), "{refused}");

        let mut elsewhere = client.clone();
        elsewhere.set_root_store(other.roots());
        let mut pair = Pair::new(&Arc::new(elsewhere), &Arc::new(server));
        assert!(pair.settle().is_err(), "a client resumed with a server that it no longer trusts");
    });
}

/// In CVE-2025-23419 nginx accepted a ticket of one virtual server at another that requires client
/// certificates.
#[test]
fn cve_2025_23419_shared_tickets_do_not_skip_client_auth() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        for storage in STORAGES {
            let mut open = ca.server_config(Kind::EcdsaP256);
            storage.set(&mut open);
            let mut closed = open.clone();
            closed.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
            let mut client = ca.client_config();
            client.set_versions(&[version]).unwrap();
            let client = Arc::new(client);
            connect(&client, &Arc::new(open));
            let mut pair = Pair::new(&client, &Arc::new(closed));
            let refused = pair.settle().unwrap_err();
            assert_eq!(refused, strata_tls::Error::NoClientCertificate { version });
        }
    }
}

/// A custom verifier without a session scope limits its sessions to its own configuration.
#[test]
fn custom_verifier_without_scope_resumes_only_own_sessions() {
    #[derive(Debug)]
    struct ScopedVerifier(Option<[u8; 32]>);

    impl ClientCertVerifier for ScopedVerifier {
        fn client_auth(&self) -> ClientAuth {
            ClientAuth::Required
        }

        fn session_scope(&self) -> Option<[u8; 32]> {
            self.0
        }

        fn verify_client_cert(&self, _: &[CertificateDer<'_>], _: UnixTime) -> Result<(), Refusal> {
            Ok(())
        }
    }

    for (scope, after) in [(None, HandshakeKind::Full), (Some([1; 32]), HandshakeKind::Resumed)] {
        for_each_setup(|ca, mut client, mut server| {
            client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
            server.set_client_cert_verifier(Arc::new(ScopedVerifier(scope))).unwrap();
            kind(&client, &server);
            assert_eq!(kind(&client, &server.clone()), HandshakeKind::Resumed);
            server.set_client_cert_verifier(Arc::new(ScopedVerifier(scope))).unwrap();
            assert_eq!(kind(&client, &server), after);
        });
    }
}

/// CVE-2020-13777: ticket keys must be random from the start.
#[test]
fn separate_servers_do_not_resume_each_others_sessions() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        let (one, other) = (ca.server_config(Kind::EcdsaP256), ca.server_config(Kind::EcdsaP256));
        kind(&client, &one);
        assert_eq!(kind(&client, &other), HandshakeKind::Full);
    }
}

#[test]
fn disabled_storage_on_either_side_prevents_resumption() {
    for_each_setup(|_, client, server| {
        let (mut forgetful, mut refusing, mut storeless) = (client.clone(), server.clone(), server.clone());
        forgetful.set_session_storage(Arc::new(NoClientSessionStorage));
        refusing.disable_resumption();
        storeless.set_session_storage(Arc::new(NoServerSessionStorage));
        for _ in 0..2 {
            assert_eq!(kind(&forgetful, &server), HandshakeKind::Full);
            assert_eq!(kind(&client, &refusing), HandshakeKind::Full);
            assert_eq!(kind(&client, &storeless), HandshakeKind::Full);
        }
    });
}

#[test]
fn expired_lifetime_or_missing_clock_prevents_resumption() {
    for_each_setup(|_, mut client, mut server| {
        let (ours, theirs) = (Clock::at(None), Clock::at(None));
        client.set_time_provider(Arc::clone(&ours) as _);
        server.set_time_provider(Arc::clone(&theirs) as _);
        server.set_session_lifetime(1000);
        let start = 1_800_000_000;
        let at = |seconds| {
            ours.set(Some(seconds));
            theirs.set(Some(seconds));
        };
        at(start);
        assert_eq!(kind(&client, &server), HandshakeKind::Full);
        at(start + 998);
        assert_eq!(kind(&client, &server), HandshakeKind::Resumed);
        at(start + 3000);
        assert_eq!(kind(&client, &server), HandshakeKind::Full);
        assert_eq!(kind(&client, &server), HandshakeKind::Resumed);
        theirs.set(None);
        assert_eq!(kind(&client, &server), HandshakeKind::Full);
        // Without a clock the client can verify no certificate, and it must not resume instead.
        at(start + 3000);
        ours.set(None);
        let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
        assert!(pair.settle().is_err(), "a client without a clock resumed");
    });
}

/// An expired server certificate ends the client's sessions, and an expired client certificate the
/// server's.
#[test]
fn expired_certificate_ends_its_sessions() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (cert, key) = ca.issue(Kind::EcdsaP256, &["server.test"], (2000, 2031));
    // 2030-12-31, and two days later.
    let (before, after) = (1_924_905_600, 1_925_078_400);
    for version in VERSIONS {
        let clock = Clock::at(None);
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        client.set_time_provider(Arc::clone(&clock) as _);
        let mut server = ServerConfig::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
        server.set_time_provider(Arc::clone(&clock) as _);
        server.set_ticket_lifetime(7 * 86_400);
        clock.set(Some(before));
        kind(&client, &server);
        assert_eq!(kind(&client, &server), HandshakeKind::Resumed);
        clock.set(Some(after));
        let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
        assert!(pair.settle().unwrap_err().to_string().contains("expired"));

        // The client's certificate: only the server's clock advances.
        for storage in STORAGES {
            let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
            client.set_versions(&[version]).unwrap();
            client.set_client_identity(strata_tls::Identity::from_pem(cert.as_bytes(), key.as_bytes()).unwrap());
            storage.set(&mut server);
            server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
            server.set_ticket_lifetime(7 * 86_400);
            clock.set(Some(before));
            client.set_time_provider(Clock::at(Some(before)));
            server.set_time_provider(Arc::clone(&clock) as _);
            kind(&client, &server);
            assert_eq!(kind(&client, &server), HandshakeKind::Resumed);
            clock.set(Some(after));
            let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
            assert!(pair.settle().unwrap_err().to_string().contains("expired"), "{storage:?}");
        }
    }
}

#[test]
fn serialized_client_cache_resumes_and_tolerates_damage() {
    for_each_setup(|_, mut client, server| {
        let cache = Arc::new(ClientSessionMemoryCache::new(10));
        client.set_session_storage(Arc::clone(&cache) as _);
        kind(&client, &server);
        let bytes = cache.to_bytes();
        let again = Arc::new(ClientSessionMemoryCache::from_bytes(10, &bytes).unwrap());
        client.set_session_storage(again);
        assert_eq!(kind(&client, &server), HandshakeKind::Resumed);
        // Damage at any byte leaves another session or none. A handshake fails only if the key was
        // damaged.
        for at in (0..bytes.len()).step_by(97) {
            let mut altered = bytes.to_vec();
            altered[at] ^= 0x10;
            let Ok(cache) = ClientSessionMemoryCache::from_bytes(10, &altered) else { continue };
            client.set_session_storage(Arc::new(cache));
            let mut pair = Pair::new(&Arc::new(client.clone()), &Arc::new(server.clone()));
            match pair.settle() {
                Ok(()) => assert!(!pair.client.is_handshaking()),
                // With a damaged key the binder fails at the server, or Finished at either side.
                Err(e) => assert!(
                    matches!(
                        e,
                        strata_tls::Error::BadBinder | strata_tls::Error::BadFinished | strata_tls::Error::BadRecordMac
                    ),
                    "byte {at}: {e}"
                ),
            }
        }
    });
}

/// The store receives each TLS 1.3 session once and returns it at most once.
#[test]
fn tls13_ticket_is_used_once() {
    #[derive(Debug, Default)]
    struct RecordingClientStore(Mutex<(Vec<Vec<u8>>, usize)>, SessionStack);

    type SessionStack = Arc<Mutex<Vec<ClientSessionValue>>>;

    impl StoresClientSessions for RecordingClientStore {
        fn put(&self, session: ClientSessionValue) {
            self.0.lock().unwrap().0.push(session.encode().to_vec());
            self.1.lock().unwrap().push(session);
        }

        fn take(&self, _: &ServerName<'_>, _: &[u8; 32]) -> Option<ClientSessionValue> {
            self.0.lock().unwrap().1 += 1;
            self.1.lock().unwrap().pop()
        }

        fn remove(&self, _: &ServerName<'_>, _: &[u8; 32]) {}
    }

    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    let store = Arc::new(RecordingClientStore::default());
    client.set_session_storage(Arc::clone(&store) as _);
    client.set_versions(&[ProtocolVersion::TLS13]).unwrap();
    for _ in 0..5 {
        kind(&client, &server);
    }
    let (put, taken) = &*store.0.lock().unwrap();
    let different: std::collections::HashSet<_> = put.iter().collect();
    assert_eq!((different.len(), put.len(), *taken), (10, 10, 5));
}

/// A store that accepts sessions, so that servers send tickets, and returns none.
#[derive(Debug)]
struct ForgettingStore;

impl StoresClientSessions for ForgettingStore {
    fn put(&self, _: ClientSessionValue) {}

    fn remove(&self, _: &ServerName<'_>, _: &[u8; 32]) {}

    fn take(&self, _: &ServerName<'_>, _: &[u8; 32]) -> Option<ClientSessionValue> {
        None
    }
}

/// Two threads store more sessions than fit. Each cache then holds exactly its maximum.
#[test]
fn caches_stay_within_their_bounds() {
    const CONNECTIONS: usize = 400;
    const THREADS: usize = 2;
    const SERVERS: usize = 10;
    // Sessions for each server and scope, see `ClientSessionMemoryCache`.
    const PER_SERVER: usize = 8;
    const SIZE: usize = 300;
    // The server's cache has 16 shards of the same size, and a session's shard is random.
    const FULL: usize = SIZE / 16 * 16;
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    let ours = Arc::new(ClientSessionMemoryCache::new(SERVERS));
    let theirs = Arc::new(ServerSessionMemoryCache::new(SIZE));
    client.set_versions(&[ProtocolVersion::TLS13]).unwrap();
    client.set_session_storage(Arc::clone(&ours) as _);
    server.set_session_storage(Arc::clone(&theirs) as _);
    let (shared_client, shared_server) = (Arc::new(client.clone()), Arc::new(server.clone()));
    let resumed: usize = std::thread::scope(|scope| {
        let work = || {
            let mut resumed = 0;
            for _ in 0..CONNECTIONS / THREADS {
                let pair = Pair::connected(&shared_client, &shared_server);
                resumed += usize::from(pair.client.handshake_kind() == Some(HandshakeKind::Resumed));
                assert!(theirs.len() <= FULL && ours.len() == 1);
            }
            resumed
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(resumed > CONNECTIONS * 9 / 10, "{resumed} of {CONNECTIONS} were resumed");

    // Resumption removed sessions from full shards. 2,040 new sessions fill them again: a shard
    // holds 18 and receives about 127.
    let (mut forgetful, mut generous) = (client.clone(), server.clone());
    forgetful.set_session_storage(Arc::new(ForgettingStore));
    generous.set_send_tls13_tickets(255);
    for _ in 0..8 {
        assert_eq!(kind(&forgetful, &generous), HandshakeKind::Full);
        assert!(theirs.len() <= FULL);
    }
    assert_eq!(theirs.len(), FULL);

    // The server has dropped all of the client's sessions. It issues more tickets than the client
    // stores.
    server.set_send_tls13_tickets(20);
    assert_eq!(kind(&client, &server), HandshakeKind::Full);
    assert_eq!(theirs.len(), FULL);
    server.set_send_tls13_tickets(0);
    for _ in 0..PER_SERVER {
        assert_eq!(kind(&client, &server), HandshakeKind::Resumed);
    }
    assert_eq!(kind(&client, &server), HandshakeKind::Full);
    assert!(ours.is_empty());
    assert_eq!(theirs.len(), FULL - PER_SERVER);

    // Each context counts as a separate server.
    server.set_send_tls13_tickets(2);
    for n in 1..=2 * SERVERS {
        client.set_session_context(&n.to_be_bytes());
        kind(&client, &server);
        assert_eq!(ours.len(), n.min(SERVERS));
    }
}

/// RFC 5929 §3, RFC 9266 §2: both ends compute the same value, which differs for each connection.
#[test]
fn channel_bindings_match_and_are_unique_per_connection() {
    for_each_setup(|_, client, server| {
        let (client, server) = (Arc::new(client), Arc::new(server));
        let mut seen = Vec::new();
        for _ in 0..3 {
            let pair = connect(&client, &server);
            let unique = pair.client.tls_unique();
            assert_eq!(unique, pair.server.tls_unique());
            assert_eq!(unique.is_some(), pair.client.protocol_version() == Some(ProtocolVersion::TLS12));
            let exported = |session: &dyn Session| {
                let mut binding = [0; 32];
                session.export_keying_material(&mut binding, b"EXPORTER-Channel-Binding", Some(b"")).unwrap();
                binding
            };
            let binding = exported(&pair.client);
            assert_eq!(binding, exported(&pair.server));
            assert!(
                !seen.contains(&(unique, binding))
                    && seen.iter().all(|(other, _)| unique.is_none() || *other != unique)
            );
            seen.push((unique, binding));
        }
        assert!(Pair::new(&client, &server).client.tls_unique().is_none(), "before the handshake");
    });
}

/// A store that records the calls on it.
#[derive(Debug)]
struct RecordingServerStore {
    sessions: ServerSessionMemoryCache,
    keys: Mutex<Vec<Vec<u8>>>,
    got: Mutex<Vec<Vec<u8>>>,
}

impl RecordingServerStore {
    fn new() -> Arc<Self> {
        let sessions = ServerSessionMemoryCache::new(1000);
        Arc::new(Self { sessions, keys: Mutex::default(), got: Mutex::default() })
    }

    fn keys(&self) -> Vec<Vec<u8>> {
        self.keys.lock().unwrap().clone()
    }
}

impl strata_tls::StoresServerSessions for RecordingServerStore {
    fn put(&self, id: &[u8], session: zeroize::Zeroizing<Vec<u8>>, lifetime: u32) -> bool {
        self.keys.lock().unwrap().push(id.to_vec());
        self.sessions.put(id, session, lifetime)
    }

    fn get(&self, id: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        self.got.lock().unwrap().push(id.to_vec());
        self.sessions.get(id)
    }

    fn take(&self, id: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        self.sessions.take(id)
    }
}

/// TLS 1.2 session IDs are sent unencrypted. Offered as a TLS 1.3 PSK identity, one must not be
/// looked up.
#[test]
fn tls12_session_id_is_not_a_tls13_ticket() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (store, mut server) = (RecordingServerStore::new(), ca.server_config(Kind::EcdsaP256));
    server.set_session_storage(store.clone());
    let mut tls12 = ca.client_config();
    tls12.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    assert_eq!(kind(&tls12, &server), HandshakeKind::Full);
    let id = store.keys().pop().unwrap();

    let mut attacker = ca.client_config();
    let psk = strata_tls::ExternalPsk::plain(id.clone(), &[7; 32], tls_crypto::HashAlgorithm::Sha256).unwrap();
    attacker.set_external_psks(vec![psk]);
    assert_eq!(kind(&attacker, &server), HandshakeKind::Full);
    assert_eq!(*store.got.lock().unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(kind(&tls12, &server), HandshakeKind::Resumed);
}

/// An attacker who knows only a session's ID cannot end the session.
#[test]
fn ticket_without_its_key_is_not_removed() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (store, mut server) = (RecordingServerStore::new(), ca.server_config(Kind::EcdsaP256));
    server.set_session_storage(store.clone());
    server.set_send_tls13_tickets(1);
    let client = ca.client_config();
    assert_eq!(kind(&client, &server), HandshakeKind::Full);
    let ticket = store.keys().pop().unwrap();
    assert!(ticket[0] >= 0x80);

    let mut attacker = ca.client_config();
    let psk = strata_tls::ExternalPsk::plain(ticket, &[7; 32], tls_crypto::HashAlgorithm::Sha256).unwrap();
    attacker.set_external_psks(vec![psk]);
    let mut pair = Pair::new(&Arc::new(attacker), &Arc::new(server.clone()));
    assert_eq!(pair.settle().unwrap_err(), strata_tls::Error::BadBinder);
    assert_eq!(kind(&client, &server), HandshakeKind::Resumed);
}

/// A session depends on the identity that a full handshake would present now, in both versions and
/// with every storage.
#[test]
fn reloaded_identity_ends_sessions() {
    for_each_setup(|ca, client, server| {
        let scope = server.session_scope();
        let reloadable = Arc::new(strata_tls::ReloadableIdentity::new(ca.identity(Kind::EcdsaP256, &["server.test"])));
        let mut by_name = strata_tls::ResolvesServerCertUsingSni::new();
        by_name.add_reloadable("server.test", reloadable.clone()).unwrap();
        let mut by_name = ServerConfig::with_resolver(Arc::new(by_name));
        let mut alone = ServerConfig::with_resolver(reloadable.clone());
        // Set the storage on a configuration other than the given one.
        for (storage, config) in STORAGES.iter().flat_map(|storage| [(storage, false), (storage, true)]) {
            let config = if config { &mut by_name } else { &mut alone };
            storage.set(config);
            assert_eq!(config.session_scope(), scope);
            kind(&client, config);
            assert_eq!(kind(&client, config), HandshakeKind::Resumed);
            reloadable.replace(ca.identity(Kind::EcdsaP256, &["server.test"])).unwrap();
            assert_eq!(kind(&client, config), HandshakeKind::Full, "{storage:?}");
            assert_eq!(kind(&client, config), HandshakeKind::Resumed);
        }
    });
}

/// The same for a custom resolver, which is called for each ClientHello. A custom scope outlives
/// the certificate.
#[test]
fn resolved_identity_scope_decides_about_resumption() {
    #[derive(Debug)]
    struct ReplaceableResolver(Mutex<Arc<strata_tls::Identity>>);
    impl strata_tls::ResolvesServerCert for ReplaceableResolver {
        fn resolve(
            &self,
            _: &strata_tls::ClientHelloInfo<'_>,
        ) -> Result<Arc<strata_tls::Identity>, strata_tls::NoIdentity> {
            Ok(self.0.lock().unwrap().clone())
        }
    }
    for_each_setup(|ca, client, _| {
        let identity = |scope: Option<[u8; 32]>| {
            let mut identity = ca.identity(Kind::EcdsaP256, &["server.test"]);
            if let Some(scope) = scope {
                identity.set_session_scope(scope);
            }
            Arc::new(identity)
        };
        let latest = Arc::new(ReplaceableResolver(Mutex::new(identity(None))));
        let config = ServerConfig::with_resolver(latest.clone());
        kind(&client, &config);
        for (scope, expected) in [
            (None, HandshakeKind::Full),
            (Some([1; 32]), HandshakeKind::Full),
            (Some([1; 32]), HandshakeKind::Resumed),
            (Some([2; 32]), HandshakeKind::Full),
        ] {
            assert_eq!(kind(&client, &config), HandshakeKind::Resumed);
            *latest.0.lock().unwrap() = identity(scope);
            assert_eq!(kind(&client, &config), expected, "{scope:?}");
        }
    });
}

/// Resumption does not extend the lifetime, which starts at the full handshake.
#[test]
fn session_lifetime_counts_from_the_full_handshake() {
    for_each_setup(|_, mut client, mut server| {
        let clock = Clock::at(None);
        client.set_time_provider(Arc::clone(&clock) as _);
        server.set_time_provider(Arc::clone(&clock) as _);
        server.set_session_lifetime(6);
        let start = 1_800_000_000;
        clock.set(Some(start));
        assert_eq!(kind(&client, &server), HandshakeKind::Full);
        for after in [1, 2, 4] {
            clock.set(Some(start + after));
            assert_eq!(kind(&client, &server), HandshakeKind::Resumed, "{after}");
        }
        clock.set(Some(start + 6));
        assert_eq!(kind(&client, &server), HandshakeKind::Full);
    });
}

/// A ticket expires by its own lifetime. In TLS 1.3 each resumption issues new tickets.
#[test]
fn ticket_lifetime_bounds_one_ticket() {
    for_each_setup(|_, mut client, mut server| {
        let clock = Clock::at(None);
        client.set_time_provider(Arc::clone(&clock) as _);
        server.set_time_provider(Arc::clone(&clock) as _);
        server.set_ticket_lifetime(6);
        let start = 1_800_000_000;
        clock.set(Some(start));
        assert_eq!(kind(&client, &server), HandshakeKind::Full);
        clock.set(Some(start + 4));
        let tls13 = connect(&Arc::new(client.clone()), &Arc::new(server.clone()));
        assert_eq!(tls13.server.handshake_kind(), Some(HandshakeKind::Resumed));
        let renewed = tls13.server.protocol_version() == Some(ProtocolVersion::TLS13);
        // In TLS 1.3 the client still has the second ticket of the first connection and those of
        // the second.
        clock.set(Some(start + 8));
        let expected = if renewed { HandshakeKind::Resumed } else { HandshakeKind::Full };
        assert_eq!(kind(&client, &server), expected);
    });
}

/// The bytes of a handshake from the client and from the server.
fn sent_bytes(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> (Option<HandshakeKind>, [usize; 2]) {
    let mut client = ClientSession::new(client, "localhost").unwrap();
    let (mut server, mut sent) = (ServerSession::new(server), [0; 2]);
    while client.wants_write() || server.wants_write() {
        let wire = drain(&mut client);
        sent[0] += feed(&mut server, &wire).unwrap();
        let wire = drain(&mut server);
        sent[1] += feed(&mut client, &wire).unwrap();
    }
    (server.handshake_kind(), sent)
}

/// A client sends its ticket in each hello, and a TLS 1.3 server another one back.
///
/// The limits are the bytes that rustls 0.23.46 over ring sends in the same handshake, as
/// `benches/run` counts them: the same suite and groups, one ticket, no ALPN, the name localhost.
#[test]
fn resumed_handshake_is_no_longer_than_that_of_rustls() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (cert, key) = ca.issue(Kind::EcdsaP256, &["localhost"], (2000, 2100));
    for (version, suite, ours, rustls) in [
        (
            ProtocolVersion::TLS13,
            CipherSuite::TLS_AES_128_GCM_SHA256,
            // Later tickets also hold the time of the full handshake, five bytes.
            [[424, 361], [429, 361]],
            [430, 383],
        ),
        (
            ProtocolVersion::TLS12,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            [[328, 131], [328, 131]],
            [344, 285],
        ),
    ] {
        let (mut client, mut server) =
            (ca.client_config(), ServerConfig::from_pem(cert.as_bytes(), key.as_bytes()).unwrap());
        let clock = Clock::at(Some(1_800_000_000));
        client.set_versions(&[version]).unwrap();
        client.set_cipher_suites(&[suite]).unwrap();
        client.set_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap();
        client.set_time_provider(Arc::clone(&clock) as _);
        server.set_time_provider(Arc::clone(&clock) as _);
        server.set_ticketer(Arc::new(Ticketer::new().unwrap()));
        server.set_send_tls13_tickets(1);
        let (client, server) = (Arc::new(client), Arc::new(server));
        assert_eq!(sent_bytes(&client, &server).0, Some(HandshakeKind::Full));
        for ours in ours {
            clock.advance(60);
            assert_eq!(sent_bytes(&client, &server), (Some(HandshakeKind::Resumed), ours), "{version}");
            assert!(ours.iter().zip(rustls).all(|(ours, rustls)| *ours <= rustls), "{version} {ours:?}");
        }
    }
}
