//! Early data (0-RTT): delivered at most once, separately from later data, and skipped up to a
//! limit when it is rejected.

use tls_codec::code_points::{CipherSuite, NamedGroup};

use crate::config::{ClientAuth, ClientConfig, ServerConfig};
use crate::error::Error;
use crate::{ClientSessionValue, HandshakeKind, ServerConnection, ServerSessionValue};

use super::pair::{Pair, Secrets, pump_early};
use super::resumption::{Harness, STORAGES, Storage, TLS12, TLS13};

const LIMIT: u32 = 1000;
const REQUEST: &[u8] = b"a request that arrives early";

/// Returns both configurations and a session that allows early data.
fn early_session(harness: &mut Harness) -> (ClientConfig, ServerConfig, ClientSessionValue) {
    let (client, server, mut session) = harness.establish_early_data(LIMIT);
    match harness.storage {
        Storage::Id => assert_eq!(session.max_early_data(), LIMIT),
        // A ticket is reusable, so the server would reject its early data and does not offer it.
        Storage::Ticket => assert_eq!(std::mem::replace(&mut session.max_early_data, LIMIT), 0),
    }
    (client, server, session)
}

/// Returns a pair whose client has sent `REQUEST` as early data.
fn pair(harness: &Harness, client: &ClientConfig, server: &ServerConfig, session: ClientSessionValue) -> Pair {
    let mut pair = Pair::resuming(client.clone(), server.clone(), session, harness.now);
    let mut rest = REQUEST;
    while !rest.is_empty() {
        let sent = pair.client.send_early_data(rest, &mut pair.to_server).unwrap();
        assert!(sent > 0);
        rest = &rest[sent..];
    }
    pair
}

fn assert_rejected(harness: &mut Harness, mut pair: Pair, why: &str) {
    harness.run(&mut pair).unwrap_or_else(|e| panic!("{why}: {e}"));
    assert!(!pair.client.is_early_data_accepted(), "{why}");
    assert_eq!(pair.server_early, b"", "{why}");
    assert_eq!(pair.server_received, b"", "{why}");
    assert_eq!(pair.client.early_data_left(), 0, "{why}");
    pair.exchange(b"again", b"answer");
}

#[test]
fn early_data_is_delivered_separately() {
    let mut harness = Harness::new(Storage::Id);
    let (client, server, session) = early_session(&mut harness);
    let mut pair = pair(&harness, &client, &server, session);
    assert_eq!(pair.client.early_data_left(), LIMIT - u32::try_from(REQUEST.len()).unwrap());
    assert!(!pair.client.is_early_data_accepted(), "accepted before the response");
    harness.run(&mut pair).unwrap();
    assert!(pair.client.is_early_data_accepted());
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Resumed));
    assert_eq!(pair.server_early, REQUEST);
    assert_eq!(pair.server_received, b"");
    pair.exchange(b"question", b"answer");
    assert_eq!(pair.server_early, REQUEST);
}

/// The hello of a resumption has two shares and a ticket, and early data follows it.
#[cfg(feature = "post-quantum")]
#[test]
fn early_data_follows_a_hybrid_hello_in_pieces() {
    for fragment in [1, 1000, 1460] {
        let mut harness = Harness::new(Storage::Id);
        let (client, server, session) = early_session(&mut harness);
        let mut pair = pair(&harness, &client, &server, session);
        let first = pair.to_server.ready();
        assert!(usize::from(u16::from_be_bytes([first[3], first[4]])) > 1400);
        pair.fragment = fragment;
        harness.run(&mut pair).unwrap();
        assert!(pair.client.is_early_data_accepted());
        assert_eq!(pair.server_early, REQUEST);
        assert_eq!(pair.server.negotiated_group(), Some(NamedGroup::X25519MLKEM768));
    }
}

#[test]
fn client_sends_early_data_up_to_ticket_limit() {
    let mut harness = Harness::new(Storage::Id);
    let (client, server, session) = early_session(&mut harness);
    let mut pair = Pair::resuming(client, server, session, harness.now);
    let data = vec![7; 3000];
    let mut sent = 0;
    loop {
        match pair.client.send_early_data(&data[sent..], &mut pair.to_server).unwrap() {
            0 => break,
            n => sent += n,
        }
    }
    assert_eq!(sent, LIMIT as usize);
    harness.run(&mut pair).unwrap();
    assert_eq!(pair.server_early, data[..LIMIT as usize]);
}

#[test]
fn early_exporters_agree_and_differ_from_later_exporters() {
    let mut harness = Harness::new(Storage::Id);
    let (client, server, session) = early_session(&mut harness);
    let mut pair = pair(&harness, &client, &server, session);
    let (mut ours, mut theirs, mut later) = ([0; 32], [0; 32], [0; 32]);
    pair.client.export_early_keying_material(&mut ours, b"label", None).unwrap();
    pair.drive_server(&mut |need| harness.answer(need)).unwrap();
    pair.server.export_early_keying_material(&mut theirs, b"label", None).unwrap();
    assert_eq!(ours, theirs);
    harness.run(&mut pair).unwrap();
    pair.client.export_keying_material(&mut later, b"label", None).unwrap();
    assert_ne!(ours, later);
    let e = pair.server.export_early_keying_material(&mut theirs, b"label", None).unwrap_err();
    assert_eq!(e, Error::HandshakeNotComplete);
}

#[test]
fn replayed_early_data_is_rejected() {
    let mut harness = Harness::new(Storage::Id);
    let (client, server, session) = early_session(&mut harness);
    let mut pair = pair(&harness, &client, &server, session);
    let recorded = pair.to_server.ready().to_vec();
    harness.run(&mut pair).unwrap();
    assert_eq!(pair.server_early, REQUEST);
    // Two servers with the same store.
    for config in [server.clone(), server] {
        let mut replayed = ServerConnection::new(config.into());
        let (mut incoming, mut outgoing) = (recorded.clone(), crate::Outgoing::new());
        let (mut received, mut early) = (Vec::new(), Vec::new());
        loop {
            let to = (&mut received, &mut early);
            let Some(mut need) = pump_early(&mut replayed, &mut incoming, &mut outgoing, to).unwrap() else { break };
            while let Some(next) = replayed.resume(harness.answer(need), &mut outgoing).unwrap() {
                need = next;
            }
        }
        assert!(incoming.is_empty(), "the early data was not skipped");
        assert_eq!((received.as_slice(), early.as_slice()), (&[][..], &[][..]));
        assert!(replayed.is_handshaking());
    }
}

#[test]
fn early_data_is_rejected_on_replay_risk_or_changed_settings() {
    type Change = (&'static str, fn(&mut Harness, &mut ServerConfig, &mut ClientSessionValue));
    let changes: [Change; 8] = [
        ("another application protocol", |harness, _, _| {
            for bytes in harness.store.values_mut() {
                let mut kept = ServerSessionValue::decode(bytes).unwrap();
                kept.alpn = Some(b"another".to_vec());
                *bytes = kept.encode().to_vec();
            }
        }),
        ("the session is reusable", |harness, _, _| harness.single_use = Some(false)),
        ("the ticket is older than the client claims", |harness, _, session| {
            session.received += 20;
            harness.advance(20);
        }),
        ("the ticket is younger than the client claims", |_, _, session| {
            session.age_add = session.age_add.wrapping_add(20_000);
        }),
        ("early data is disabled", |_, server, _| server.set_max_early_data_size(0)),
        ("the limit is lower than promised", |_, server, _| server.set_max_early_data_size(LIMIT - 1)),
        ("another suite", |_, server, _| {
            server.set_cipher_suites(&[CipherSuite::TLS_CHACHA20_POLY1305_SHA256]).unwrap();
        }),
        ("a suite with another hash", |_, server, _| {
            server.set_cipher_suites(&[CipherSuite::TLS_AES_256_GCM_SHA384]).unwrap();
        }),
    ];
    for (why, change) in changes {
        let mut harness = Harness::new(Storage::Id);
        let (client, mut server, mut session) = early_session(&mut harness);
        change(&mut harness, &mut server, &mut session);
        let pair = pair(&harness, &client, &server, session);
        assert_rejected(&mut harness, pair, why);
    }
}

#[test]
fn early_data_is_rejected_with_reusable_ticket() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, server, session) = early_session(&mut harness);
    let pair = pair(&harness, &client, &server, session);
    assert_rejected(&mut harness, pair, "a reusable ticket");
}

#[test]
fn retry_rejects_early_data_and_resumes_session() {
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        let (client, mut server, session) = early_session(&mut harness);
        server.set_groups(&[NamedGroup::SECP384R1]).unwrap();
        let mut pair = pair(&harness, &client, &server, session);
        harness.run(&mut pair).unwrap();
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::ResumedWithHelloRetryRequest));
        assert!(!pair.client.is_early_data_accepted());
        assert_eq!(pair.server_early, b"");
        pair.exchange(b"again", b"answer");
    }
}

#[test]
fn early_data_over_limit_fails_connection() {
    let mut harness = Harness::new(Storage::Id);
    let (client, server, mut session) = early_session(&mut harness);
    session.max_early_data = 5000;
    let mut pair = Pair::resuming(client, server, session, harness.now);
    assert_eq!(pair.client.send_early_data(&[7; 1001], &mut pair.to_server).unwrap(), 1001);
    assert_eq!(harness.run(&mut pair).unwrap_err(), Error::TooMuchEarlyData { limit: LIMIT });
    assert_eq!(pair.server_early, b"");
}

/// The limit also applies to skipped early data, in all three ways to skip it.
#[test]
fn skipped_early_data_is_limited() {
    for (storage, retry) in [(Storage::Ticket, false), (Storage::Ticket, true), (Storage::Id, true)] {
        let mut harness = Harness::new(storage);
        let (client, mut server, mut session) = early_session(&mut harness);
        if retry {
            server.set_groups(&[NamedGroup::SECP384R1]).unwrap();
        }
        session.max_early_data = 100_000;
        for (bytes, fits) in [(0x4000, true), (0x4001, false)] {
            let mut pair = Pair::resuming(client.clone(), server.clone(), session.clone(), harness.now);
            let data = vec![7; bytes];
            let mut sent = 0;
            while sent < bytes {
                sent += pair.client.send_early_data(&data[sent..], &mut pair.to_server).unwrap();
            }
            let outcome = harness.run(&mut pair);
            let expected = if fits { Ok(()) } else { Err(Error::TooMuchEarlyData { limit: 0x4000 }) };
            assert_eq!(outcome, expected, "{storage:?}, retry {retry}, {bytes}");
        }
    }
}

#[test]
fn half_rtt_setting_allows_data_before_client_finished() {
    for half_rtt in [false, true] {
        let mut harness = Harness::new(Storage::Id);
        let (client, mut server, session) = early_session(&mut harness);
        server.set_send_half_rtt_data(half_rtt);
        let mut pair = pair(&harness, &client, &server, session);
        assert!(!pair.server.can_send());
        pair.drive_server(&mut |need| harness.answer(need)).unwrap();
        assert!(pair.step_server().unwrap().is_none());
        assert_eq!(pair.server_early, REQUEST);
        assert!(pair.server.is_handshaking());
        assert_eq!(pair.server.can_send(), half_rtt);
        let sent = pair.server.send(&[std::io::IoSlice::new(b"early answer")], &mut pair.to_client).unwrap();
        assert_eq!(sent, if half_rtt { 12 } else { 0 });
        harness.run(&mut pair).unwrap();
        assert_eq!(pair.client_received, if half_rtt { b"early answer".as_slice() } else { b"" });
    }
}

#[test]
fn half_rtt_data_is_not_sent_with_client_authentication() {
    for (auth, early) in [(ClientAuth::Disabled, true), (ClientAuth::Optional, false), (ClientAuth::Required, false)] {
        let mut harness = Harness::new(Storage::Id);
        let (mut client, mut server) = (harness.client(TLS13), harness.server());
        client.set_client_identity_lookup(true);
        server.set_client_auth(auth);
        server.set_send_half_rtt_data(true);
        let mut pair = Pair::with(client, server);
        while pair.drive_server(&mut |need| harness.answer(need)).unwrap() {}
        assert!(!pair.to_client.is_empty());
        assert_eq!(pair.server.can_send(), early, "{auth:?}");
        let flight = pair.to_client.ready().to_vec();
        let sent = pair.server.send(&[std::io::IoSlice::new(b"half")], &mut pair.to_client).unwrap();
        assert_eq!(sent, if early { 4 } else { 0 }, "{auth:?}");
        assert_eq!(pair.to_client.ready() == flight, !early, "{auth:?}");
        harness.run(&mut pair).unwrap();
        assert_eq!(pair.client_received, if early { b"half".as_slice() } else { b"" }, "{auth:?}");
        assert!(pair.server.can_send(), "{auth:?}");
    }
}

#[test]
fn older_version_after_early_data_fails_connection() {
    let mut harness = Harness::new(Storage::Id);
    let (_, mut server, _) = early_session(&mut harness);
    let mut client = ClientConfig::new();
    client.set_resumption(true);
    client.enable_early_data(true);
    let session = harness.establish_one(&client, &server);
    server.set_versions(&[TLS12]).unwrap();
    let mut pair = pair(&harness, &client, &server, session);
    let mut e = None;
    for _ in 0..4 {
        while let Ok(Some(mut need)) = pair.step_server() {
            while let Ok(Some(next)) = pair.server.resume(harness.answer(need), &mut pair.to_client) {
                need = next;
            }
        }
        if let Err(failed) = pair.step_client() {
            e = Some(failed);
            break;
        }
    }
    assert_eq!(e, Some(Error::EarlyDataAndOlderVersion));
}

#[test]
fn early_data_requires_session_that_allows_it() {
    let mut harness = Harness::new(Storage::Id);
    let (client, server, session) = early_session(&mut harness);
    // The control: with the unchanged session and configurations, the client sends early data.
    let mut allowed = Pair::resuming(client.clone(), server.clone(), session.clone(), harness.now);
    assert!(allowed.client.send_early_data(REQUEST, &mut allowed.to_server).unwrap() > 0);
    let mut without = Pair::with(client.clone(), server.clone());
    assert_eq!(without.client.send_early_data(REQUEST, &mut without.to_server), Ok(0));
    let mut barren = session.clone();
    barren.max_early_data = 0;
    let mut rejection = Pair::resuming(client.clone(), server.clone(), barren, harness.now);
    let hello = rejection.to_server.ready().to_vec();
    assert_eq!(rejection.client.early_data_left(), 0);
    assert_eq!(rejection.client.send_early_data(REQUEST, &mut rejection.to_server), Ok(0));
    assert_eq!(rejection.to_server.ready(), hello, "the client sent early data");
    let mut disabled = client;
    disabled.enable_early_data(false);
    let mut pair = Pair::resuming(disabled, server, session, harness.now);
    assert_eq!(pair.client.early_data_left(), 0);
    assert_eq!(pair.client.send_early_data(REQUEST, &mut pair.to_server), Ok(0));
    harness.run(&mut pair).unwrap();
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Resumed));
    assert!(!pair.client.is_early_data_accepted());
}

/// After a retry the client has no write key, so early data would be sent unencrypted.
#[test]
fn client_sends_no_early_data_after_retry() {
    let mut harness = Harness::new(Storage::Id);
    let (client, mut server, session) = early_session(&mut harness);
    server.set_groups(&[NamedGroup::SECP384R1]).unwrap();
    let mut pair = pair(&harness, &client, &server, session);
    assert!(pair.client.early_data_left() > 0);
    assert!(pair.step_server().unwrap().is_none());
    assert!(pair.to_server.is_empty());
    assert!(pair.step_client().unwrap().is_none());
    let second_hello = pair.to_server.ready().to_vec();
    assert_eq!(pair.client.early_data_left(), 0);
    assert_eq!(pair.client.send_early_data(REQUEST, &mut pair.to_server), Ok(0));
    assert_eq!(pair.to_server.ready(), second_hello, "early data after the second hello");
    harness.run(&mut pair).unwrap();
    assert_eq!(pair.server_early, b"");
}

/// RFC 9846 §4.3.10: the limit is the one that the ticket carried, although the server now allows
/// more.
#[test]
fn early_data_limit_is_that_of_session() {
    let mut harness = Harness::new(Storage::Id);
    let (client, mut server, mut session) = early_session(&mut harness);
    server.set_max_early_data_size(5000);
    session.max_early_data = 5000;
    for (bytes, expected) in [(1000, Ok(())), (1001, Err(Error::TooMuchEarlyData { limit: LIMIT }))] {
        let stored = harness.store.clone();
        let mut pair = Pair::resuming(client.clone(), server.clone(), session.clone(), harness.now);
        assert_eq!(pair.client.send_early_data(&vec![7; bytes], &mut pair.to_server), Ok(bytes));
        assert_eq!(harness.run(&mut pair), expected, "{bytes}");
        harness.store = stored;
    }
}

/// RFC 9850 §2.1: both sides log the same entries, each with the random of the ClientHello.
#[test]
fn both_sides_log_same_early_secrets() {
    let mut harness = Harness::new(Storage::Id);
    let (mut client, mut server, session) = early_session(&mut harness);
    let logs = [Secrets::new(), Secrets::new()];
    client.set_key_log(logs[0].clone());
    server.set_key_log(logs[1].clone());
    let mut pair = pair(&harness, &client, &server, session);
    // The random follows the headers of record and message, and the version.
    let random: [u8; 32] = pair.to_server.ready()[5 + 4 + 2..][..32].try_into().unwrap();
    harness.run(&mut pair).unwrap();
    let logged = logs[0].all();
    assert_eq!(logged, logs[1].all());
    let labels: Vec<&str> = logged.iter().map(|(label, ..)| label.as_str()).collect();
    assert_eq!(labels[..2], ["CLIENT_EARLY_TRAFFIC_SECRET", "EARLY_EXPORTER_SECRET"]);
    assert!(logged.iter().all(|(_, of, _)| *of == random));
}
