//! A fatal alert invalidates the stored sessions of its connection (RFC 5246 §7.2.2, RFC 9846
//! §6.2).

use std::collections::HashSet;

use tls_codec::code_points::{CipherSuite, ContentType as C};

use super::pair::Pair;
use super::resumption::{Harness, Storage, TLS12, TLS13};
use crate::HandshakeKind;
use crate::error::Error;

const FATAL: [u8; 2] = [2, 80];

fn failed_ids(pair: &mut Pair) -> HashSet<Vec<u8>> {
    pair.server.failed_sessions().map(|id| id.to_vec()).collect()
}

/// Returns the IDs in the store that are not in `before`.
fn new_ids(harness: &Harness, before: &HashSet<Vec<u8>>) -> HashSet<Vec<u8>> {
    harness.store.keys().filter(|id| !before.contains(*id)).cloned().collect()
}

#[test]
fn failed_connection_returns_ids_of_its_sessions() {
    for version in [TLS12, TLS13] {
        for by_client in [false, true] {
            let mut harness = Harness::new(Storage::Id);
            let (client, mut server) = (harness.client(version), harness.server());
            server.set_send_tls13_tickets(255);
            let session = harness.establish_one(&client, &server);
            let before: HashSet<_> = harness.store.keys().cloned().collect();
            for resumes in [false, true] {
                let mut pair = match resumes {
                    true => Pair::resuming(client.clone(), server.clone(), session.clone(), harness.now),
                    false => Pair::with(client.clone(), server.clone()),
                };
                let known: HashSet<_> = harness.store.keys().cloned().collect();
                harness.run(&mut pair).unwrap();
                assert_eq!(pair.server.handshake_kind().unwrap().is_resumed(), resumes);
                let mut its_own = new_ids(&harness, &known);
                assert_eq!(its_own.len(), if version == TLS13 { 255 } else { usize::from(!resumes) });
                if version == TLS12 && resumes {
                    its_own.extend(before.clone());
                }
                assert!(failed_ids(&mut pair).is_empty(), "nothing failed");
                if by_client {
                    pair.client.send_raw_record(C::ALERT, &FATAL, &mut pair.to_server);
                    assert!(matches!(pair.step_server().unwrap_err(), Error::AlertReceived { .. }));
                } else {
                    pair.client.send_raw_record(C::HANDSHAKE, &[99, 0, 0, 0], &mut pair.to_server);
                    pair.step_server().unwrap_err();
                }
                assert_eq!(failed_ids(&mut pair), its_own, "{version} {by_client} {resumes}");
                assert!(failed_ids(&mut pair).is_empty(), "returned twice");
            }
        }
    }
}

#[test]
fn close_and_eof_invalidate_no_session() {
    for version in [TLS12, TLS13] {
        for ending in 0..3 {
            let mut harness = Harness::new(Storage::Id);
            let mut pair = Pair::with(harness.client(version), harness.server());
            harness.run(&mut pair).unwrap();
            match ending {
                0 => {
                    pair.client.send_close_notify(&mut pair.to_server);
                    pair.step_server().unwrap();
                }
                1 => pair.server.send_close_notify(&mut pair.to_client),
                _ => assert_eq!(pair.server.end_of_input(), Err(Error::Truncated)),
            }
            assert!(failed_ids(&mut pair).is_empty(), "{version} {ending}");
        }
    }
}

#[test]
fn failed_connection_returns_no_ticket_sessions() {
    for version in [TLS12, TLS13] {
        let mut harness = Harness::new(Storage::Ticket);
        let mut pair = Pair::with(harness.client(version), harness.server());
        harness.run(&mut pair).unwrap();
        let session = pair.client.take_sessions(harness.now).remove(0);
        pair.client.send_raw_record(C::ALERT, &FATAL, &mut pair.to_server);
        pair.step_server().unwrap_err();
        assert!(failed_ids(&mut pair).is_empty());
        // The same after a resumption, although TLS 1.2 has a session ID then.
        let mut pair = harness.resume(&harness.client(version), &harness.server(), session);
        assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed));
        pair.client.send_raw_record(C::ALERT, &FATAL, &mut pair.to_server);
        pair.step_server().unwrap_err();
        assert!(failed_ids(&mut pair).is_empty());
    }
}

/// A peer with an ID but without its key gets no further than the server's Finished.
#[test]
fn resumption_with_wrong_key_invalidates_no_session() {
    for ending in 0..4 {
        let mut harness = Harness::new(Storage::Id);
        let (client, server) = (harness.client(TLS12), harness.server());
        let session = harness.establish_one(&client, &server);
        let mut stolen = session.clone();
        stolen.secret = crate::resumption::SessionSecret::new(&[9; 48]).unwrap();
        let mut pair = Pair::resuming(client.clone(), server.clone(), stolen, harness.now);
        pair.drive_server(&mut |need| harness.answer(need)).unwrap();
        match ending {
            0 => pair.client.send_raw_record(C::ALERT, &FATAL, &mut pair.to_server),
            1 => pair.client.send_raw_record(C::HANDSHAKE, &[99, 0, 0, 0], &mut pair.to_server),
            2 => {
                pair.client.send_raw_record(C::CHANGE_CIPHER_SPEC, &[1], &mut pair.to_server);
                pair.client.send_raw_record(
                    C::HANDSHAKE,
                    &[20, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                    &mut pair.to_server,
                );
            }
            _ => {
                pair.server.end_of_input().unwrap_err();
            }
        }
        if ending < 3 {
            pair.step_server().unwrap_err();
        }
        assert!(failed_ids(&mut pair).is_empty(), "{ending}");
        assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Resumed), "{ending}");
    }
}

/// A connection that offered a session and did not resume it invalidates only its new session.
#[test]
fn failed_full_handshake_invalidates_only_its_own_session() {
    let mut harness = Harness::new(Storage::Id);
    let (client, server) = (harness.client(TLS12), harness.server());
    let session = harness.establish_one(&client, &server);
    let before: HashSet<_> = harness.store.keys().cloned().collect();
    let mut other = server.clone();
    other.set_cipher_suites(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]).unwrap();
    let mut pair = Pair::resuming(client, other, session, harness.now);
    harness.run(&mut pair).unwrap();
    assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Full));
    pair.client.send_raw_record(C::ALERT, &FATAL, &mut pair.to_server);
    pair.step_server().unwrap_err();
    assert_eq!(failed_ids(&mut pair), new_ids(&harness, &before));
}
