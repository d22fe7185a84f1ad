//! Session resumption: which connections resume a session, and which must not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{ClientAuth, ClientConfig, ServerConfig, SessionLookup};
use crate::error::{Error, Flood};
use crate::need::{Answer, Need};
use crate::{ClientSessionValue, HandshakeKind, ServerSessionValue, SuitePreference};
use pki_types::UnixTime;
use tls_codec::code_points::{CipherSuite, ContentType, ExtensionType as X, NamedGroup, ProtocolVersion};
use tls_crypto::TicketKey;

use super::hello::Hello;
use super::pair::{Pair, Pki, now};

pub(super) const TLS13: ProtocolVersion = ProtocolVersion::TLS13;
pub(super) const TLS12: ProtocolVersion = ProtocolVersion::TLS12;

/// Where the server's sessions are: in tickets, or in a store by ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    Ticket,
    Id,
}

pub(super) const STORAGES: [Storage; 2] = [Storage::Ticket, Storage::Id];

/// The state that outlives a connection: the server's store or ticket key, the client's settings,
/// and the time.
pub(super) struct Harness {
    pub(super) pki: Pki,
    pub(super) storage: Storage,
    pub(super) key: TicketKey,
    pub(super) store: HashMap<Vec<u8>, Vec<u8>>,
    pub(super) now: UnixTime,
    pub(super) asked: Vec<&'static str>,
    /// Overrides whether answers declare a session as single-use. Default: as stored.
    pub(super) single_use: Option<bool>,
}

impl Harness {
    pub(super) fn new(storage: Storage) -> Self {
        let key = TicketKey::generate(tls_crypto::Backend::ring()).unwrap();
        Self { pki: Pki::new(), storage, key, store: HashMap::new(), now: now(), asked: Vec::new(), single_use: None }
    }

    pub(super) fn advance(&mut self, seconds: u64) {
        self.now = UnixTime::since_unix_epoch(Duration::from_secs(self.now.as_secs() + seconds));
    }

    pub(super) fn client(&self, version: ProtocolVersion) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_versions(&[version]).unwrap();
        config.set_resumption(true);
        config
    }

    pub(super) fn server(&self) -> ServerConfig {
        let mut config = ServerConfig::new();
        config.set_session_lookup(match self.storage {
            Storage::Ticket => SessionLookup::Tickets,
            Storage::Id => SessionLookup::Ids,
        });
        config
    }

    pub(super) fn find(&mut self, identity: &[u8]) -> Option<ServerSessionValue> {
        let bytes = match self.storage {
            Storage::Ticket => self.key.open(identity)?.to_vec(),
            Storage::Id => self.store.get(identity)?.clone(),
        };
        Some(ServerSessionValue::decode(&bytes).unwrap())
    }

    pub(super) fn answer(&mut self, need: Need) -> Answer {
        match need {
            Need::Session(need) => {
                self.asked.push("session");
                let once = need.version() == TLS13 && self.storage == Storage::Id;
                let identities: Vec<Vec<u8>> = need.identities().map(<[u8]>::to_vec).collect();
                let found = identities.iter().enumerate().find_map(|(at, id)| Some((at, self.find(id)?)));
                match found {
                    Some((index, session)) if self.single_use.unwrap_or(once) => {
                        need.found_single_use(index, session, &self.pki.identity, self.now)
                    }
                    Some((index, session)) => need.found(index, session, &self.pki.identity, self.now),
                    None => need.not_found(),
                }
            }
            Need::TakeSession(need) => {
                self.asked.push("take session");
                if self.store.remove(need.identity()).is_some() { need.taken() } else { need.gone() }
            }
            Need::NewSession(mut need) => {
                self.asked.push("new session");
                let ids = need.store_ids();
                assert_eq!(ids.is_some(), self.storage == Storage::Id);
                if let Some(id) = need.session_id() {
                    assert_eq!(ids.unwrap().id(0), *id);
                }
                let sessions: Vec<_> = need.sessions(self.now).iter().map(|s| s.encode().to_vec()).collect();
                let mut tickets = Vec::new();
                for (index, bytes) in sessions.into_iter().enumerate() {
                    tickets.push(match self.storage {
                        Storage::Ticket => self.key.seal(&bytes).unwrap(),
                        Storage::Id => {
                            let id = ids.unwrap().id(index).to_vec();
                            self.store.insert(id.clone(), bytes);
                            id
                        }
                    });
                }
                need.answer(tickets)
            }
            Need::Verdict(need) => need.verify(&self.pki.verifier, self.now),
            Need::ClientVerdict(need) => need.verify(self.pki.verifier.chain(), self.now),
            other => {
                self.asked.push(match other {
                    Need::Identity(_) => "identity",
                    _ => "other",
                });
                self.pki.answer(other)
            }
        }
    }

    pub(super) fn run(&mut self, pair: &mut Pair) -> Result<(), Error> {
        self.asked.clear();
        pair.run(&mut |need| self.answer(need))?;
        assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
        Ok(())
    }

    /// Makes a full handshake and returns its sessions.
    pub(super) fn establish(&mut self, client: &ClientConfig, server: &ServerConfig) -> Vec<ClientSessionValue> {
        let mut pair = Pair::with(client.clone(), server.clone());
        self.run(&mut pair).unwrap();
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
        pair.exchange(b"question", b"answer");
        assert!(pair.client.has_sessions());
        let sessions = pair.client.take_sessions(self.now);
        assert!(!pair.client.has_sessions());
        // Through bytes, like a client that was restarted.
        sessions.iter().map(|session| ClientSessionValue::decode(&session.encode()).unwrap()).collect()
    }

    /// Makes a handshake that offers the session.
    pub(super) fn resume(&mut self, client: &ClientConfig, server: &ServerConfig, session: ClientSessionValue) -> Pair {
        let mut pair = Pair::resuming(client.clone(), server.clone(), session, self.now);
        self.run(&mut pair).unwrap();
        assert_eq!(pair.client.handshake_kind(), pair.server.handshake_kind());
        pair.exchange(b"question", b"answer");
        let (mut ours, mut theirs) = ([0; 32], [0; 32]);
        pair.client.export_keying_material(&mut ours, b"label", Some(b"context")).unwrap();
        pair.server.export_keying_material(&mut theirs, b"label", Some(b"context")).unwrap();
        assert_eq!(ours, theirs);
        pair
    }

    pub(super) fn establish_one(&mut self, client: &ClientConfig, server: &ServerConfig) -> ClientSessionValue {
        self.establish(client, server).remove(0)
    }

    /// Returns configurations with early data up to `limit` bytes, and a session of them.
    pub(super) fn establish_early_data(&mut self, limit: u32) -> (ClientConfig, ServerConfig, ClientSessionValue) {
        let (mut client, mut server) = (self.client(TLS13), self.server());
        client.enable_early_data(true);
        server.set_max_early_data_size(limit);
        let session = self.establish_one(&client, &server);
        (client, server, session)
    }

    pub(super) fn kind(
        &mut self,
        client: &ClientConfig,
        server: &ServerConfig,
        session: ClientSessionValue,
    ) -> Option<HandshakeKind> {
        self.resume(client, server, session).client.handshake_kind()
    }
}

fn for_each_storage(test: impl Fn(Harness, ProtocolVersion)) {
    for storage in STORAGES {
        for version in [TLS13, TLS12] {
            println!("{storage:?} {version}");
            test(Harness::new(storage), version);
        }
    }
}

#[test]
fn resumption_sends_no_certificate() {
    for_each_storage(|mut harness, version| {
        let (client, server) = (harness.client(version), harness.server());
        let sessions = harness.establish(&client, &server);
        assert_eq!(sessions.len(), if version == TLS13 { 2 } else { 1 });
        for session in sessions {
            assert_eq!(session.version(), version);
            let pair = harness.resume(&client, &server, session);
            assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Resumed));
            assert_eq!(pair.client.protocol_version(), Some(version));
            // The certificates are those of the original handshake.
            assert_eq!(pair.client.peer_certificates().unwrap(), harness.pki.identity.chain());
            assert!(!harness.asked.contains(&"identity") && !harness.asked.contains(&"other"), "{:?}", harness.asked);
        }
    });
}

#[test]
fn repeated_resumption_ends_at_session_lifetime() {
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        let (client, mut server) = (harness.client(TLS13), harness.server());
        server.set_ticket_lifetime(3 * 86_400);
        let mut session = harness.establish_one(&client, &server);
        let began = harness.now.as_secs();
        // 7 days from the original handshake, despite resumptions.
        for day in [2, 4, 6] {
            harness.advance(2 * 86_400);
            let mut pair = harness.resume(&client, &server, session);
            assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Resumed), "day {day}");
            session = pair.client.take_sessions(harness.now).remove(0);
            // Each side stores the time itself.
            assert_eq!(session.authenticated, began);
            assert_eq!(harness.find(&session.ticket).unwrap().authenticated, began);
        }
        harness.advance(2 * 86_400);
        assert!(!session.is_usable_at(harness.now));
        assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full));
    }
}

#[test]
fn session_expires_after_its_lifetime() {
    for_each_storage(|mut harness, version| {
        let (client, mut server) = (harness.client(version), harness.server());
        server.set_session_lifetime(100);
        for (after, expected) in [(98, HandshakeKind::Resumed), (101, HandshakeKind::Full)] {
            let session = harness.establish_one(&client, &server);
            harness.advance(after);
            assert_eq!(harness.kind(&client, &server, session), Some(expected), "after {after} s");
        }
    });
}

/// The server checks the lifetime with its own clock.
#[test]
fn server_rejects_expired_session_that_client_offers() {
    for_each_storage(|mut harness, version| {
        let (client, mut server) = (harness.client(version), harness.server());
        server.set_session_lifetime(100);
        let session = harness.establish_one(&client, &server);
        let mut pair = Pair::resuming(client, server, session, harness.now);
        harness.advance(101);
        harness.run(&mut pair).unwrap();
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
    });
}

#[test]
fn changed_setting_prevents_resumption() {
    type Change = (&'static str, fn(&mut ClientConfig, &mut ServerConfig));
    let changes: [Change; 7] = [
        ("client's context", |client, _| client.set_session_context(b"other roots")),
        ("client's protocols", |client, _| client.set_alpn_protocols(["h2"]).unwrap()),
        ("client's name indication", |client, _| client.set_server_name_indication(false)),
        ("server's context", |_, server| server.set_session_context(b"other client CAs")),
        ("server's protocols", |_, server| server.set_alpn_protocols(["h2"]).unwrap()),
        ("server's client authentication", |_, server| server.set_client_auth(ClientAuth::Optional)),
        ("server's CA names for clients", |_, server| server.set_client_auth_hints(vec![vec![1]]).unwrap()),
    ];
    for_each_storage(|mut harness, version| {
        for (what, change) in &changes {
            let (mut client, mut server) = (harness.client(version), harness.server());
            // Compute the scope before the change, to detect a stale cached one.
            assert_eq!(client.session_scope(), client.clone().session_scope());
            let session = harness.establish_one(&client, &server);
            let before = (client.session_scope(), server.session_scope());
            change(&mut client, &mut server);
            assert_ne!(before, (client.session_scope(), server.session_scope()), "{what}");
            assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full), "{what}");
        }
    });
}

#[test]
fn session_is_offered_only_to_its_server() {
    for_each_storage(|mut harness, version| {
        let (client, server) = (harness.client(version), harness.server());
        harness.pki = Pki::for_names(&["a.test", "b.test"]);
        let session = harness.establish_one(&client, &server);
        let mut pair = Pair::resuming_at("b.test", client, server, session, harness.now);
        harness.run(&mut pair).unwrap();
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(pair.server.sni_hostname(), Some("b.test"));
    });
}

#[test]
fn resumption_requires_suite_or_hash_of_session() {
    const SHA256: [CipherSuite; 2] =
        [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    const OTHER_SHA256: [CipherSuite; 2] =
        [CipherSuite::TLS_CHACHA20_POLY1305_SHA256, CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256];
    const SHA384: [CipherSuite; 2] =
        [CipherSuite::TLS_AES_256_GCM_SHA384, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384];
    for_each_storage(|mut harness, version| {
        for (suites, tls13) in [(OTHER_SHA256, HandshakeKind::Resumed), (SHA384, HandshakeKind::Full)] {
            let (client, mut server) = (harness.client(version), harness.server());
            server.set_cipher_suites(&SHA256).unwrap();
            let session = harness.establish_one(&client, &server);
            server.set_cipher_suites(&suites).unwrap();
            let expected = if version == TLS13 { tls13 } else { HandshakeKind::Full };
            assert_eq!(harness.kind(&client, &server, session), Some(expected), "{suites:?}");
        }
    });
}

/// Unlike an external key, a session does not override the preferred suite.
#[test]
fn session_does_not_determine_suite() {
    use CipherSuite as S;
    let mut harness = Harness::new(Storage::Ticket);
    let client = harness.client(TLS13);
    let mut server = harness.server();
    server.set_cipher_suites(&[S::TLS_AES_256_GCM_SHA384, S::TLS_AES_128_GCM_SHA256]).unwrap();
    server.set_suite_preference(SuitePreference::Server);
    let session = harness.establish_one(&client, &server);
    assert_eq!(harness.kind(&client, &server, session.clone()), Some(HandshakeKind::Resumed));
    server.set_cipher_suites(&[S::TLS_AES_128_GCM_SHA256, S::TLS_AES_256_GCM_SHA384]).unwrap();
    assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full));
}

#[test]
fn invalid_ticket_leads_to_full_handshake() {
    for_each_storage(|mut harness, version| {
        let (client, server) = (harness.client(version), harness.server());
        let session = harness.establish_one(&client, &server);
        match harness.storage {
            Storage::Ticket => harness.key = TicketKey::generate(tls_crypto::Backend::ring()).unwrap(),
            Storage::Id => harness.store.clear(),
        }
        assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full));
        let changes: [fn(&mut Vec<u8>); 3] = [|id| id[20] ^= 1, |id| id.truncate(20), |id| id.push(0)];
        // A session ID cannot be longer than 32 bytes.
        let fitting = if harness.storage == Storage::Id && version == TLS12 { 2 } else { 3 };
        for alter in changes.into_iter().take(fitting) {
            let mut session = harness.establish_one(&client, &server);
            let id = if session.ticket.is_empty() { &mut session.session_id } else { &mut session.ticket };
            alter(id);
            assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full));
        }
    });
}

#[test]
fn tls13_stored_session_is_single_use() {
    let mut harness = Harness::new(Storage::Id);
    let (client, server) = (harness.client(TLS13), harness.server());
    let session = harness.establish_one(&client, &server);
    assert_eq!(harness.kind(&client, &server, session.clone()), Some(HandshakeKind::Resumed));
    assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full));
}

#[test]
fn retry_resumes_session_with_new_binders() {
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        let (client, mut server) = (harness.client(TLS13), harness.server());
        let session = harness.establish_one(&client, &server);
        server.set_groups(&[NamedGroup::SECP384R1]).unwrap();
        let expected = Some(HandshakeKind::ResumedWithHelloRetryRequest);
        assert_eq!(harness.kind(&client, &server, session), expected);
    }
}

#[test]
fn resumption_keeps_client_identity() {
    for_each_storage(|mut harness, version| {
        let (mut client, mut server) = (harness.client(version), harness.server());
        client.set_client_identity_lookup(true);
        server.set_client_auth(ClientAuth::Required);
        let session = harness.establish_one(&client, &server);
        let pair = harness.resume(&client, &server, session);
        assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed));
        assert_eq!(pair.server.peer_certificates().unwrap(), harness.pki.client.chain());
    });
}

#[test]
fn anonymous_session_is_rejected_where_client_auth_is_required() {
    for_each_storage(|mut harness, version| {
        let (client, mut server) = (harness.client(version), harness.server());
        server.set_client_auth(ClientAuth::Optional);
        let session = harness.establish_one(&client, &server);
        server.set_client_auth(ClientAuth::Required);
        let mut pair = Pair::resuming(client, server, session, harness.now);
        let e = harness.run(&mut pair).unwrap_err();
        assert_eq!(e, Error::NoClientCertificate { version });
    });
}

#[test]
fn disabled_resumption_neither_issues_nor_requests_tickets() {
    for_each_storage(|mut harness, version| {
        let (client, server) = (harness.client(version), harness.server());
        let mut pair = Pair::with(client.clone(), ServerConfig::new());
        harness.run(&mut pair).unwrap();
        assert!(!pair.client.has_sessions());
        let mut without_resumption = ClientConfig::new();
        without_resumption.set_versions(&[version]).unwrap();
        let mut pair = Pair::with(without_resumption, server.clone());
        harness.run(&mut pair).unwrap();
        assert!(!pair.client.has_sessions());
        let mut no_lifetime = server;
        no_lifetime.set_session_lifetime(0);
        let mut pair = Pair::with(client, no_lifetime);
        harness.run(&mut pair).unwrap();
        assert!(!pair.client.has_sessions());
    });
}

#[test]
fn only_fatal_alert_invalidates_sessions_after_handshake() {
    for version in [TLS12, TLS13] {
        let mut harness = Harness::new(Storage::Ticket);
        let (client, server) = (harness.client(version), harness.server());
        let session = harness.establish(&client, &server).remove(0);
        let scope = client.session_scope();
        let mut pair = Pair::resuming(client, server, session, harness.now);
        harness.run(&mut pair).unwrap();
        pair.exchange(b"question", b"answer");
        assert_eq!(pair.client.failed_sessions(), None);
        // user_canceled, or in TLS 1.2 a warning that does not close the connection.
        let warning = if version == TLS13 { [1, 90] } else { [1, 110] };
        pair.server.send_raw_record(ContentType::ALERT, &warning, &mut pair.to_client);
        pair.run(&mut |need| harness.answer(need)).unwrap();
        assert_eq!(pair.client.failed_sessions(), None, "{version}");
        assert_eq!(pair.client.end_of_input(), Err(Error::Truncated));
        assert_eq!(pair.client.failed_sessions(), None, "{version}");
        pair.server.send_raw_record(ContentType::ALERT, &[2, 40], &mut pair.to_client);
        pair.run(&mut |need| harness.answer(need)).unwrap_err();
        let failed = pair.client.failed_sessions().map(|(name, scope)| (name.clone(), scope));
        assert_eq!(failed, Some(("a.test".try_into().unwrap(), scope)), "{version}");
        assert_eq!(pair.client.failed_sessions(), None, "returned twice");
    }
}

#[test]
fn ticket_count_follows_setting_and_ages_are_obfuscated() {
    let mut harness = Harness::new(Storage::Ticket);
    for count in [0, 1, 2, 8] {
        let (client, mut server) = (harness.client(TLS13), harness.server());
        server.set_send_tls13_tickets(count);
        let mut pair = Pair::with(client, server);
        harness.run(&mut pair).unwrap();
        let sessions = pair.client.take_sessions(harness.now);
        assert_eq!(sessions.len(), usize::from(count));
        assert_eq!(harness.asked.contains(&"new session"), count > 0);
        let mut ages: Vec<_> = sessions.iter().map(|session| session.age_add).collect();
        let tickets: std::collections::HashSet<_> = sessions.iter().map(|s| s.ticket.clone()).collect();
        assert_eq!(tickets.len(), sessions.len(), "a repeated ticket");
        ages.sort_unstable();
        ages.dedup();
        assert_eq!(ages.len(), sessions.len(), "ticket_age_add is not random");
    }
}

#[test]
fn tickets_without_data_are_flood() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, mut server) = (harness.client(TLS13), harness.server());
    server.set_send_tls13_tickets(255);
    let mut pair = Pair::with(client, server);
    harness.run(&mut pair).unwrap();
    pair.exchange(b"question", b"answer");
    // Lifetime, age_add, nonce, a ticket of one byte, no extensions.
    let ticket = [&[4, 0, 0, 15][..], &[0; 8], &[1, 0], &[0, 1, 7], &[0, 0]].concat();
    let send = |pair: &mut Pair| {
        pair.server.send_raw_record(ContentType::HANDSHAKE, &ticket, &mut pair.to_client);
        pair.step_client().map(|_| ())
    };
    for _ in 0..2 {
        (0..512).for_each(|_| send(&mut pair).unwrap());
        pair.exchange(b"question", b"answer");
    }
    (0..512).for_each(|_| send(&mut pair).unwrap());
    assert_eq!(send(&mut pair), Err(Error::Flood(Flood::NewSessionTickets)));
}

#[test]
fn client_stores_at_most_eight_tickets() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, mut server) = (harness.client(TLS13), harness.server());
    server.set_send_tls13_tickets(100);
    let mut pair = Pair::with(client, server);
    harness.run(&mut pair).unwrap();
    assert_eq!(pair.client.take_sessions(harness.now).len(), 8);
}

#[test]
fn sessions_have_scope_of_configuration_and_role() {
    // The sessions of all connections have the scope of the shared configuration.
    let mut harness = Harness::new(Storage::Ticket);
    let (client, server) = (Arc::new(harness.client(TLS13)), Arc::new(harness.server()));
    let sessions = harness.establish(&client, &server);
    let scopes: Vec<_> = sessions.iter().map(|session| *session.scope()).collect();
    assert!(scopes.iter().all(|scope| *scope == client.session_scope()));
    assert_ne!(client.session_scope(), server.session_scope(), "the scope includes the role");
}

#[test]
fn tls12_session_is_reusable() {
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        let (client, server) = (harness.client(TLS12), harness.server());
        let session = harness.establish_one(&client, &server);
        for _ in 0..3 {
            assert_eq!(harness.kind(&client, &server, session.clone()), Some(HandshakeKind::Resumed));
        }
    }
}

#[test]
fn session_of_older_version_is_resumed_until_server_upgrades() {
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        let mut both = ClientConfig::new();
        both.set_resumption(true);
        let mut server = harness.server();
        server.set_versions(&[TLS12]).unwrap();
        let session = harness.establish_one(&both, &server);
        assert_eq!(session.version(), TLS12);
        assert_eq!(harness.kind(&both, &server, session.clone()), Some(HandshakeKind::Resumed));
        // The server enables TLS 1.3, uses it, and does not resume the session.
        let newer = harness.server();
        let pair = harness.resume(&both, &newer, session);
        assert_eq!(pair.client.protocol_version(), Some(TLS13));
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
    }
}

/// The server would reject it as well, but neither an observer nor another server should see the
/// ticket.
#[test]
fn client_offers_only_matching_session() {
    use crate::client::offered_psk::ResumptionOffer;
    use crate::client::session_tracker::SessionTracker;

    for_each_storage(|mut harness, version| {
        let (client, server) = (harness.client(version), harness.server());
        let session = harness.establish_one(&client, &server);
        let offers = |config: &ClientConfig, name: &str, now| {
            let name = name.to_owned().try_into().unwrap();
            let place = SessionTracker::new(Arc::new(config.clone()), name, None);
            !matches!(ResumptionOffer::of_session(config, &place, session.clone(), now), ResumptionOffer::Nothing)
        };
        let as_somebody = SessionTracker::new(Arc::new(client.clone()), session.server_name().clone(), Some([1; 32]));
        assert!(matches!(
            ResumptionOffer::of_session(&client, &as_somebody, session.clone(), harness.now),
            ResumptionOffer::Nothing
        ));
        let (now, lifetime) = (harness.now, u64::from(session.lifetime));
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        assert!(offers(&client, "a.test", now));
        assert!(!offers(&client, "b.test", now));
        assert!(!offers(&client, "a.test", at(now.as_secs() + lifetime + 1)));
        assert!(!offers(&client, "a.test", at(now.as_secs() - 3600)), "a session from the future");
        let mut other = client.clone();
        other.set_session_context(b"other");
        assert!(!offers(&other, "a.test", now));
        let mut without_its_suite = ClientConfig::new();
        without_its_suite.set_cipher_suites(&[CipherSuite::TLS_CHACHA20_POLY1305_SHA256]).unwrap();
        assert!(!offers(&without_its_suite, "a.test", now));
        // Without tickets only an ID can name a TLS 1.2 session.
        let mut without_tickets = client.clone();
        without_tickets.set_tickets(false);
        assert_eq!(
            offers(&without_tickets, "a.test", now),
            version == TLS13 || harness.storage == Storage::Id,
            "{version}"
        );
    });
}

/// RFC 9846 §4.3.9, RFC 5077 §3.2: the client requests tickets only if it uses them, in the
/// extension of its version.
#[test]
fn client_requests_tickets_only_with_resumption() {
    for version in [TLS12, TLS13] {
        for (resumption, tickets) in [(true, true), (true, false), (false, true)] {
            let mut config = Harness::new(Storage::Ticket).client(version);
            config.set_resumption(resumption);
            config.set_tickets(tickets);
            let pair = Pair::with(config, ServerConfig::new());
            let hello = Hello::parse(&pair.to_server.ready()[5..]);
            let takes = resumption && tickets;
            assert_eq!(hello.has(X::SESSION_TICKET), takes && version == TLS12, "{version} {resumption} {tickets}");
            assert_eq!(hello.has(X::PSK_KEY_EXCHANGE_MODES), takes && version == TLS13, "{version}");
        }
    }
}

/// RFC 5077 §3.4: a ticket takes precedence over an ID. An empty ticket or ID names no session.
#[test]
fn tls12_session_is_identified_by_ticket_or_id() {
    use SessionLookup::{Ids, Never, Tickets, TicketsOrIds};
    const TICKET: &[u8] = b"a ticket";
    const ID: &[u8] = &[7; 32];
    for (lookup, ticket, id, named) in [
        (Tickets, TICKET, ID, Some(TICKET)),
        (Tickets, b"", ID, None),
        (Ids, TICKET, ID, Some(ID)),
        (Ids, TICKET, b"", None),
        (TicketsOrIds, TICKET, ID, Some(TICKET)),
        (TicketsOrIds, b"", ID, Some(ID)),
        (TicketsOrIds, TICKET, b"", Some(TICKET)),
        (TicketsOrIds, b"", b"", None),
        (Never, TICKET, ID, None),
    ] {
        let harness = Harness::new(Storage::Ticket);
        let mut server = harness.server();
        server.set_session_lookup(lookup);
        let mut pair = Pair::with(harness.client(TLS12), server);
        edit_hello(&mut pair, &|hello| {
            *hello.get(X::SESSION_TICKET) = ticket.to_vec();
            hello.session_id = id.to_vec();
        });
        let asked = match pair.step_server().unwrap() {
            Some(Need::Session(need)) => need.identities().next().map(<[u8]>::to_vec),
            _ => None,
        };
        assert_eq!(asked.as_deref(), named, "{lookup:?} {ticket:?} {id:?}");
    }
}

/// Edits the queued ClientHello.
fn edit_hello(pair: &mut Pair, change: &dyn Fn(&mut Hello)) {
    let mut hello = Hello::parse(&pair.to_server.ready()[5..]);
    change(&mut hello);
    let hello = hello.encode();
    let length = u16::try_from(hello.len()).unwrap().to_be_bytes();
    pair.at_server = [&[22, 3, 1], &length[..], &hello].concat();
    pair.to_server.consume(pair.to_server.ready().len());
}

/// A TLS 1.3 ticket in a TLS 1.2 hello leads to a full handshake, not to an error.
#[test]
fn tls13_ticket_is_not_resumed_in_tls12() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, server) = (harness.client(TLS13), harness.server());
    let session = harness.establish_one(&client, &server);
    let mut both = client;
    both.set_versions(&[TLS13, TLS12]).unwrap();
    let mut pair = Pair::with(both, server);
    edit_hello(&mut pair, &|hello| {
        hello.remove(X::SUPPORTED_VERSIONS);
        *hello.get(X::SESSION_TICKET) = session.ticket.clone();
    });
    let Some(Need::Session(need)) = pair.step_server().unwrap() else { panic!("no need") };
    let next = pair.server.resume(harness.answer(Need::Session(need)), &mut pair.to_client).unwrap();
    assert!(matches!(next, Some(Need::Identity(_))));
}

/// The current setting limits sessions that were stored under a longer lifetime.
#[test]
fn shorter_lifetime_setting_expires_stored_sessions() {
    for_each_storage(|mut harness, version| {
        for (seconds, resumes) in [(99, true), (100, false)] {
            let (client, mut server) = (harness.client(version), harness.server());
            let session = harness.establish_one(&client, &server);
            server.set_session_lifetime(100);
            harness.advance(seconds);
            let kind = harness.kind(&client, &server, session).unwrap();
            assert_eq!(kind.is_resumed(), resumes, "{version} {seconds}");
        }
    });
}

/// RFC 7627 §5.3: both handshakes must use extended_master_secret.
#[test]
fn tls12_resumption_requires_ems_in_both_handshakes() {
    for (session_has_it, hello_has_it) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut harness = Harness::new(Storage::Id);
        let (client, server) = (harness.client(TLS12), harness.server());
        let session = harness.establish_one(&client, &server);
        for stored in harness.store.values_mut() {
            let mut value = ServerSessionValue::decode(stored).unwrap();
            value.extended_master_secret = session_has_it;
            *stored = value.encode().to_vec();
        }
        let mut pair = Pair::resuming(client, server, session, harness.now);
        edit_hello(&mut pair, &|hello| {
            if !hello_has_it {
                hello.remove(X::EXTENDED_MASTER_SECRET);
            }
        });
        let need = pair.step_server().unwrap().unwrap();
        let next = pair.server.resume(harness.answer(need), &mut pair.to_client);
        match (session_has_it, hello_has_it) {
            (true, true) => assert!(next.unwrap().is_none()),
            (true, false) => assert_eq!(next.unwrap_err(), Error::ExtendedMasterSecretRequired),
            (false, _) => assert!(matches!(next.unwrap(), Some(Need::Identity(_)))),
        }
    }
}

#[test]
fn discarded_sessions_are_not_returned() {
    for version in [TLS12, TLS13] {
        let mut harness = Harness::new(Storage::Ticket);
        let mut pair = Pair::with(harness.client(version), harness.server());
        harness.run(&mut pair).unwrap();
        assert!(pair.client.has_sessions());
        pair.client.discard_sessions();
        assert_eq!(pair.client.take_sessions(harness.now).len(), 0, "{version}");
    }
}

/// RFC 5929 §3.1: in a resumption the server's Finished is the first.
#[test]
fn tls_unique_of_resumption_is_server_finished() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, server) = (harness.client(TLS12), harness.server());
    let session = harness.establish_one(&client, &server);
    let pair = harness.resume(&client, &server, session);
    assert!(pair.client.tls_unique().is_some());
    assert_eq!(pair.client.tls_unique(), pair.server.tls_unique());
}

/// RFC 7627 §5.3: a session without extended_master_secret should not be resumed, so it is not
/// stored.
#[test]
fn server_stores_no_session_without_extended_master_secret() {
    for storage in [Storage::Ticket, Storage::Id] {
        for ems in [true, false] {
            let mut harness = Harness::new(storage);
            let mut pair = Pair::with(harness.client(TLS12), harness.server());
            edit_hello(&mut pair, &|hello| {
                if !ems {
                    hello.remove(X::EXTENDED_MASTER_SECRET);
                }
            });
            pair.drive_server(&mut |need| harness.answer(need)).unwrap();
            let answer = Hello::parse(&pair.to_client.ready()[5..]);
            assert_eq!(answer.has(X::SESSION_TICKET), ems && storage == Storage::Ticket, "{storage:?}");
            assert_eq!(answer.session_id.is_empty(), !(ems && storage == Storage::Id), "{storage:?}");
        }
    }
}

/// Anyone can copy an identity off the wire. Without its key it must not remove the session.
#[test]
fn single_use_session_is_removed_only_by_valid_binder() {
    let mut harness = Harness::new(Storage::Id);
    let (client, server) = (harness.client(TLS13), harness.server());
    let session = harness.establish_one(&client, &server);
    let stolen =
        ClientSessionValue { secret: crate::resumption::SessionSecret::new(&[9; 48]).unwrap(), ..session.clone() };
    let mut with_its_length = stolen;
    with_its_length.secret = crate::resumption::SessionSecret::new(&[9; 48][..session.secret.bytes().len()]).unwrap();
    let kept = harness.store.clone();
    let mut pair = Pair::resuming(client.clone(), server.clone(), with_its_length, harness.now);
    assert_eq!(harness.run(&mut pair).unwrap_err(), Error::BadBinder);
    assert!(!harness.asked.contains(&"take session"));
    assert_eq!(harness.store, kept);
    assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Resumed));
}

/// Two connections found the session and the other removed it, so this one makes a full handshake.
#[test]
fn session_removed_by_other_connection_is_not_resumed() {
    let mut harness = Harness::new(Storage::Id);
    let (mut client, mut server) = (harness.client(TLS13), harness.server());
    client.enable_early_data(true);
    server.set_max_early_data_size(1000);
    let session = harness.establish_one(&client, &server);
    let mut pair = Pair::resuming(client, server, session.clone(), harness.now);
    assert!(pair.client.send_early_data(b"once", &mut pair.to_server).unwrap() > 0);
    let need = pair.step_server().unwrap().unwrap();
    let need = pair.server.resume(harness.answer(need), &mut pair.to_client).unwrap().unwrap();
    let Need::TakeSession(need) = need else { panic!("{need:?}") };
    assert_eq!(need.identity(), session.ticket);
    harness.store.clear();
    let mut next = pair.server.resume(harness.answer(Need::TakeSession(need)), &mut pair.to_client).unwrap();
    while let Some(need) = next.take() {
        next = pair.server.resume(harness.answer(need), &mut pair.to_client).unwrap();
    }
    harness.run(&mut pair).unwrap();
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
    assert_eq!(pair.server_early, b"");
}

/// Session IDs of one version are not looked up in the other.
#[test]
fn session_ids_of_versions_are_separate() {
    let mut harness = Harness::new(Storage::Id);
    let mut ids = |version| -> Vec<Vec<u8>> {
        let (client, server) = (harness.client(version), harness.server());
        harness.establish_one(&client, &server);
        harness.store.drain().map(|(id, _)| id).collect()
    };
    let mut seen = HashSet::new();
    for _ in 0..16 {
        for (version, mark) in [(TLS13, 0x80), (TLS12, 0)] {
            for id in ids(version) {
                assert_eq!((id.len(), id[0] & 0x80), (32, mark));
                // No two IDs share a part that would link them.
                assert!(seen.insert(id[..16].to_vec()) && seen.insert(id[16..].to_vec()));
            }
        }
    }
}

/// A ticket's lifetime never exceeds the rest of the original session's lifetime. A shorter setting
/// takes effect at once.
#[test]
fn ticket_lifetime_ends_with_original_handshake() {
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        let (client, mut server) = (harness.client(TLS13), harness.server());
        server.set_session_lifetime(1000);
        server.set_ticket_lifetime(400);
        let mut session = harness.establish_one(&client, &server);
        for (after, lifetime) in [(350, 400), (700, 300), (990, 10)] {
            let begun = session.authenticated;
            harness.advance(begun + after - harness.now.as_secs());
            let mut pair = harness.resume(&client, &server, session);
            assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed), "{after}");
            session = pair.client.take_sessions(harness.now).remove(0);
            assert_eq!(session.lifetime, lifetime);
        }
        let mut shorter = server.clone();
        shorter.set_session_lifetime(990);
        assert_eq!(harness.kind(&client, &shorter, session.clone()), Some(HandshakeKind::Full));
        harness.store.clear();
        for (session_lifetime, ticket_lifetime) in [(0, 1000), (1000, 0)] {
            let mut none = server.clone();
            none.set_session_lifetime(session_lifetime);
            none.set_ticket_lifetime(ticket_lifetime);
            let mut pair = Pair::with(client.clone(), none);
            harness.run(&mut pair).unwrap();
            assert!(!pair.client.has_sessions() && !harness.asked.contains(&"new session"));
        }
    }
}

/// A store may return a session of this scope whose client presented no certificate.
#[test]
fn session_without_client_chain_is_rejected_if_required() {
    for version in [TLS12, TLS13] {
        for removed in [false, true] {
            let mut harness = Harness::new(Storage::Id);
            let (mut client, mut server) = (harness.client(version), harness.server());
            client.set_client_identity_lookup(true);
            server.set_client_auth(ClientAuth::Required);
            let session = harness.establish_one(&client, &server);
            for stored in harness.store.values_mut().filter(|_| removed) {
                let mut value = ServerSessionValue::decode(stored).unwrap();
                (value.client_chain, value.expires) = (None, None);
                *stored = value.encode().to_vec();
            }
            let resumed = harness.kind(&client, &server, session).unwrap().is_resumed();
            assert_eq!(resumed, !removed, "{version}");
        }
    }
}

#[test]
fn tls12_ticket_has_lifetime_of_its_setting() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, mut server) = (harness.client(TLS12), harness.server());
    server.set_session_lifetime(1000);
    server.set_ticket_lifetime(400);
    let session = harness.establish_one(&client, &server);
    assert_eq!(session.lifetime, 400);
    assert_eq!(harness.find(&session.ticket).unwrap().lifetime, 400);
}

/// The sessions of a resumed connection end with the certificate of the original handshake.
#[test]
fn resumption_keeps_expiry_of_client_chain() {
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        let (mut client, mut server) = (harness.client(TLS13), harness.server());
        client.set_client_identity_lookup(true);
        server.set_client_auth(ClientAuth::Required);
        let mut session = harness.establish_one(&client, &server);
        let expires = harness.find(&session.ticket).unwrap().expires;
        assert!(expires.is_some());
        for _ in 0..2 {
            let mut pair = harness.resume(&client, &server, session);
            assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed));
            session = pair.client.take_sessions(harness.now).remove(0);
            assert_eq!(harness.find(&session.ticket).unwrap().expires, expires, "{storage:?}");
        }
    }
}
