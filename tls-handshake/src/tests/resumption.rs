//! Session resumption: which connections resume a session, and which must not.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use pki_types::UnixTime;
use tls_codec::code_points::{ContentType, NamedGroup, ProtocolVersion};
use tls_crypto::TicketKey;

use super::pair::{Pair, Pki, now};
use crate::config::{ClientConfig, ServerConfig, SessionLookup};
use crate::error::Error;
use crate::need::{Answer, Need};
use crate::{ClientSessionValue, HandshakeKind, ServerSessionValue};

mod eligibility;
mod lifetime;
mod tickets;
mod tls12;

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
