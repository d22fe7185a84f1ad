//! Removal of a server's stored sessions: a fatal alert on their connection removes them. An
//! attacker without their keys cannot.

use std::sync::Arc;

use strata_tls::{
    ClientConfig, ClientSessionMemoryCache, ClientSessionValue, Error, HandshakeKind, ProtocolVersion, ServerConfig,
    ServerName, ServerSession, ServerSessionMemoryCache, Session, StoresClientSessions, StoresServerSessions, Ticketer,
};

use crate::pair::{Pair, carry, drain, feed};
use crate::pki::{Ca, Kind, VERSIONS};

/// A client store that never removes a session.
#[derive(Debug)]
struct KeepingStore(ClientSessionMemoryCache);

impl StoresClientSessions for KeepingStore {
    fn put(&self, session: ClientSessionValue) {
        self.0.put(session);
    }

    fn take(&self, server: &ServerName<'_>, scope: &[u8; 32]) -> Option<ClientSessionValue> {
        self.0.take(server, scope)
    }

    fn remove(&self, _: &ServerName<'_>, _: &[u8; 32]) {}
}

type Configs = (Arc<ClientConfig>, Arc<ServerConfig>, Arc<ServerSessionMemoryCache>);

/// A client of one version that never removes sessions, and a server with a store.
fn configs(version: ProtocolVersion) -> Configs {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_versions(&[version]).unwrap();
    client.set_session_storage(Arc::new(KeepingStore(ClientSessionMemoryCache::new(10))));
    let store = Arc::new(ServerSessionMemoryCache::new(100));
    server.set_session_storage(Arc::clone(&store) as _);
    server.set_send_tls13_tickets(4);
    (Arc::new(client), Arc::new(server), store)
}

fn kind(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> HandshakeKind {
    Pair::connected(client, server).client.handshake_kind().unwrap()
}

/// A record with an unknown handshake message.
const GARBAGE: [u8; 9] = [22, 3, 3, 0, 4, 99, 0, 0, 0];
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

/// Makes one side send a fatal alert after the handshake.
fn fail_connection(pair: &mut Pair, by_client: bool) {
    if by_client {
        feed(&mut pair.client, &GARBAGE).unwrap_err();
        let received = carry(&mut pair.client, &mut pair.server).unwrap_err();
        assert!(matches!(received, Error::AlertReceived { .. }));
    } else {
        feed(&mut pair.server, &GARBAGE).unwrap_err();
    }
}

#[test]
fn fatal_alert_removes_stored_sessions() {
    for version in VERSIONS {
        let tickets = if version == ProtocolVersion::TLS13 { 4 } else { 1 };
        for by_client in [false, true] {
            let (client, server, store) = configs(version);
            let mut pair = Pair::connected(&client, &server);
            assert_eq!(store.len(), tickets);
            fail_connection(&mut pair, by_client);
            assert!(store.is_empty(), "{version} {by_client}");
            // The client still offers them.
            assert_eq!(kind(&client, &server), HandshakeKind::Full);
            // The failed connection does not remove the sessions of the next one.
            pair.server.process_new_packets().unwrap_err();
            drop(pair);
            assert_eq!(store.len(), tickets);
        }
    }
}

#[test]
fn fatal_alert_removes_the_resumed_session() {
    for version in VERSIONS {
        // In TLS 1.3 three sessions of the first connection remain, which did not fail.
        let left = if version == ProtocolVersion::TLS13 { 3 } else { 0 };
        for by_client in [false, true] {
            let (client, server, store) = configs(version);
            assert_eq!(kind(&client, &server), HandshakeKind::Full);
            let mut pair = Pair::connected(&client, &server);
            assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed));
            fail_connection(&mut pair, by_client);
            assert_eq!(store.len(), left, "{version} {by_client}");
        }
    }
}

#[test]
fn closure_without_a_fatal_alert_keeps_stored_sessions() {
    for version in VERSIONS {
        for ending in 0..4 {
            let (client, server, store) = configs(version);
            let mut pair = Pair::connected(&client, &server);
            let stored = store.len();
            match ending {
                0 => pair.server.send_close_notify(),
                1 => pair.client.send_close_notify(),
                2 => {
                    pair.server.read_tls(&mut &[][..]).unwrap();
                    pair.server.process_new_packets().unwrap();
                }
                _ => {}
            }
            pair.settle().unwrap();
            drop(pair);
            assert_eq!(store.len(), stored);
            assert_eq!(kind(&client, &server), HandshakeKind::Resumed, "{version} {ending}");
        }
    }
}

/// An attacker replays a ClientHello that offers a session, but cannot complete the handshake.
#[test]
fn attacker_with_a_session_id_cannot_end_the_session() {
    for version in VERSIONS {
        let endings: [&[u8]; 4] = [&ALERT, &GARBAGE, &[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 1, 0], &[]];
        for end in endings {
            let (client, server, store) = configs(version);
            assert_eq!(kind(&client, &server), HandshakeKind::Full);
            let mut honest = Pair::new(&client, &server);
            let hello = drain(&mut honest.client);
            let mut attacked = ServerSession::new(&server);
            // The TLS 1.3 binder covers the hello, so a changed random invalidates it.
            let mut repeated = hello.clone();
            if version == ProtocolVersion::TLS13 {
                repeated[12] ^= 1;
            }
            let stored = store.len();
            let _ = feed(&mut attacked, &repeated);
            drain(&mut attacked);
            attacked.read_tls(&mut &*end).ok();
            attacked.process_new_packets().unwrap_err();
            assert_eq!(store.len(), stored, "{version} {end:?}");
            feed(&mut honest.server, &hello).unwrap();
            honest.settle().unwrap();
            assert_eq!(honest.server.handshake_kind(), Some(HandshakeKind::Resumed), "{version} {end:?}");
        }
    }
}

/// With a ticketer the store holds only sessions of clients without tickets. Only clients can
/// discard tickets.
#[test]
fn fatal_alert_does_not_revoke_tickets() {
    for version in VERSIONS {
        for takes_tickets in [true, false] {
            let (mut client, mut server, store) = configs(version);
            Arc::make_mut(&mut client).set_tickets(takes_tickets);
            let ticketer = Arc::new(Ticketer::new().unwrap());
            Arc::make_mut(&mut server).set_ticketer_and_session_ids(ticketer, Arc::clone(&store) as _);
            // A session of another connection.
            store.put(b"another", vec![1].into(), 60);
            let mut pair = Pair::connected(&client, &server);
            let by_id = version == ProtocolVersion::TLS12 && !takes_tickets;
            assert_eq!(store.len(), 1 + usize::from(by_id));
            fail_connection(&mut pair, true);
            assert_eq!(store.len(), 1);
            assert_eq!(kind(&client, &server).is_resumed(), takes_tickets, "{version}");
        }
    }
}
