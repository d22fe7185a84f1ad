//! How long a session can be resumed.

use super::super::pair::Pair;
use super::{Harness, STORAGES, Storage, TLS12, TLS13, for_each_storage};
use crate::HandshakeKind;
use crate::config::ClientAuth;

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
