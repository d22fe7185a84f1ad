//! KeyUpdate (RFC 9846 §4.7.3): sent, requested and answered, and automatic at the key usage limit.

use std::io::IoSlice;

use tls_codec::code_points::{AlertDescription, ContentType as C, HandshakeType};

use super::flow::{Kind, configs};
use super::pair::{Pair, Pki, send_all};
use super::resumption::{Harness, Storage, TLS13};
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Error, Side, StateName};

#[test]
fn data_arrives_across_key_updates_in_both_directions() {
    let pki = Pki::new();
    let mut pair = Pair::connect(&pki);
    for round in 0..40 {
        match round % 4 {
            0 => pair.client.refresh_traffic_keys(&mut pair.to_server).unwrap(),
            1 => pair.server.refresh_traffic_keys(&mut pair.to_client).unwrap(),
            2 => {
                // The updates cross, and each side answers the other's.
                pair.client.refresh_traffic_keys(&mut pair.to_server).unwrap();
                pair.server.refresh_traffic_keys(&mut pair.to_client).unwrap();
            }
            _ => pair.server.send_key_update(&mut pair.to_client),
        }
        pair.exchange(b"question", b"answer");
    }
}

#[test]
fn only_requested_key_update_is_answered() {
    let pki = Pki::new();
    let mut pair = Pair::connect(&pki);
    pair.server.send_key_update(&mut pair.to_client);
    pair.step_client().unwrap();
    assert!(pair.to_server.is_empty(), "an answer to update_not_requested");
    pair.server.refresh_traffic_keys(&mut pair.to_client).unwrap();
    pair.step_client().unwrap();
    assert!(pair.to_server.is_empty(), "an answer before the next data");
    send_all(&mut pair.client, b"q", &mut pair.to_server);
    // The KeyUpdate (header, message, content type, tag), then the data.
    assert_eq!(pair.to_server.len(), 5 + 5 + 1 + 16 + 5 + 1 + 17);
    pair.step_server().unwrap();
    assert_eq!(std::mem::take(&mut pair.server_received), b"q");
    pair.exchange(b"question", b"answer");
}

#[test]
fn key_update_requests_are_answered_once_while_output_is_queued() {
    let pki = Pki::new();
    let mut pair = Pair::connect(&pki);
    // The client has queued output.
    send_all(&mut pair.client, b"waits", &mut pair.to_server);
    let waiting = pair.to_server.len();
    for _ in 0..20 {
        pair.server.request_key_update(&mut pair.to_client);
        pair.step_client().unwrap();
    }
    assert_eq!(pair.to_server.len(), waiting, "answers queue up");
    send_all(&mut pair.client, b"next", &mut pair.to_server);
    assert_eq!(pair.to_server.len(), waiting + 27 + 5 + 4 + 17, "one KeyUpdate, then the data");
    pair.step_server().unwrap();
    assert_eq!(pair.server_received, b"waitsnext");
}

#[test]
fn unanswered_key_update_request_is_not_repeated() {
    let pki = Pki::new();
    let mut pair = Pair::connect(&pki);
    for _ in 0..3 {
        pair.client.refresh_traffic_keys(&mut pair.to_server).unwrap();
    }
    pair.step_server().unwrap();
    send_all(&mut pair.server, b"a", &mut pair.to_client);
    assert_eq!(pair.to_client.len(), 27 + 5 + 1 + 17, "one answer, to the one request");
    pair.step_client().unwrap();
    assert_eq!(std::mem::take(&mut pair.client_received), b"a");
    pair.exchange(b"question", b"answer");
}

/// A side that only reads sends one answer when the next data arrives.
#[test]
fn key_update_is_answered_by_side_that_only_reads() {
    let pki = Pki::new();
    let mut pair = Pair::connect(&pki);
    for _ in 0..5 {
        pair.server.request_key_update(&mut pair.to_client);
        pair.step_client().unwrap();
    }
    assert!(pair.to_server.is_empty());
    send_all(&mut pair.server, b"data", &mut pair.to_client);
    pair.step_client().unwrap();
    assert_eq!(pair.to_server.len(), 27, "one answer to five requests");
    assert_eq!(std::mem::take(&mut pair.client_received), b"data");
    pair.exchange(b"question", b"answer");
}

#[test]
fn exhausted_key_is_updated_automatically() {
    let pki = Pki::new();
    for records in [0, 1, 2, 3, 5, 100] {
        let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
        client.set_records_per_key(records);
        server.set_records_per_key(records);
        // The flight has more records than a key may encrypt.
        server.set_max_fragment_size(Some(64)).unwrap();
        client.set_max_fragment_size(Some(64)).unwrap();
        let mut pair = Pair::with(client, server);
        pair.handshake(&pki).unwrap();
        let data: Vec<u8> = (0..=u8::MAX).cycle().take(20_000).collect();
        pair.exchange(&data, &data[..5000]);
    }
}

#[test]
fn exhausted_key_and_request_send_one_key_update() {
    let pki = Pki::new();
    let mut client = ClientConfig::new();
    client.set_records_per_key(2);
    let mut pair = Pair::with(client, ServerConfig::new());
    pair.handshake(&pki).unwrap();
    send_all(&mut pair.client, b"a", &mut pair.to_server);
    pair.server.request_key_update(&mut pair.to_client);
    pair.step_client().unwrap();
    let before = pair.to_server.len();
    send_all(&mut pair.client, b"b", &mut pair.to_server);
    assert_eq!(pair.to_server.len() - before, 27 + 5 + 1 + 17);
}

#[test]
fn invalid_key_update_value_is_illegal_parameter() {
    let pki = Pki::new();
    for value in 2..=u8::MAX {
        let mut pair = Pair::connect(&pki);
        pair.server.send_raw_record(C::HANDSHAKE, &[24, 0, 0, 1, value], &mut pair.to_client);
        let rejection = pair.step_client().unwrap_err();
        assert!(matches!(rejection, Error::Decode(_)));
        assert_eq!(rejection.alert(), Some(AlertDescription::ILLEGAL_PARAMETER));
    }
}

#[test]
fn empty_write_sends_no_record() {
    let pki = Pki::new();
    let mut pair = Pair::connect(&pki);
    assert_eq!(pair.client.send(&[], &mut pair.to_server), Ok(0));
    assert_eq!(pair.client.send(&[IoSlice::new(b""), IoSlice::new(b"")], &mut pair.to_server), Ok(0));
    assert!(pair.to_server.is_empty());
}

#[test]
fn key_updates_of_application_with_data_are_not_flood() {
    let pki = Pki::new();
    for delivered in [true, false] {
        let mut pair = Pair::connect(&pki);
        for _ in 0..200 {
            pair.client.refresh_traffic_keys(&mut pair.to_server).unwrap();
            pair.server.refresh_traffic_keys(&mut pair.to_client).unwrap();
            if delivered {
                pair.step_server().unwrap();
                pair.step_client().unwrap();
            }
        }
        pair.exchange(b"question", b"answer");
    }
    // Only one side sends data and updates its key after each write. The other side sends only its
    // answers.
    let mut pair = Pair::connect(&pki);
    for _ in 0..200 {
        send_all(&mut pair.client, b"piece", &mut pair.to_server);
        pair.client.refresh_traffic_keys(&mut pair.to_server).unwrap();
        pair.step_server().unwrap();
        pair.step_client().unwrap();
    }
    assert_eq!(pair.server_received.len(), 200 * 5);
}

/// TLS 1.2 has no KeyUpdate. At the key usage limit the connection sends close_notify (RFC 9325
/// §4.4) and still receives.
#[test]
fn exhausted_tls12_key_stops_sending_not_receiving() {
    let pki = Pki::new();
    for records in [2, 3, 10, 100] {
        let (mut client, server) = configs(Kind::Tls12);
        client.set_records_per_key(records);
        let mut pair = Pair::with(client, server);
        pair.handshake(&pki).unwrap();
        let mut sent = 0;
        let exhausted = loop {
            match pair.client.send(&[IoSlice::new(b"x")], &mut pair.to_server) {
                Ok(1) => sent += 1,
                other => break other,
            }
        };
        assert_eq!(exhausted, Err(Error::KeyExhausted));
        assert_eq!(Error::KeyExhausted.alert(), None);
        // Finished, the data and close_notify use at most the allowed records, and nearly all of
        // them.
        assert!(sent + 2 <= records && sent + 2 + records / 8 >= records, "{sent} of {records}");
        assert_eq!(pair.client.send(&[IoSlice::new(b"x")], &mut pair.to_server), Err(Error::SendAfterClose));
        pair.step_server().unwrap();
        assert_eq!(pair.server_received.len(), usize::try_from(sent).unwrap());
        assert!(pair.server.close_notify_received());
        assert_eq!(pair.server.end_of_input(), Ok(()));
        send_all(&mut pair.server, b"the remaining data", &mut pair.to_client);
        pair.step_client().unwrap();
        assert_eq!(pair.client_received, b"the remaining data");
        assert_eq!(pair.client.error(), None);
    }
}

#[test]
fn tls12_connection_rejects_key_update() {
    let pki = Pki::new();
    let (client, server) = configs(Kind::Tls12);
    let mut pair = Pair::with(client, server);
    assert_eq!(pair.client.refresh_traffic_keys(&mut pair.to_server), Err(Error::HandshakeNotComplete));
    pair.handshake(&pki).unwrap();
    assert_eq!(pair.client.refresh_traffic_keys(&mut pair.to_server), Err(Error::NoKeyUpdate));
    assert_eq!(pair.server.refresh_traffic_keys(&mut pair.to_client), Err(Error::NoKeyUpdate));
    assert!(pair.to_server.is_empty() && pair.to_client.is_empty());
    // The connection still works.
    pair.exchange(b"question", b"answer");
    // The peer's KeyUpdate is rejected.
    pair.server.send_raw_record(C::HANDSHAKE, &[24, 0, 0, 1, 0], &mut pair.to_client);
    let rejection =
        Error::UnexpectedMessage { state: StateName::connected12(Side::Client), got: HandshakeType::KEY_UPDATE };
    assert_eq!(pair.step_client().unwrap_err(), rejection);
}

/// The flight of tickets needs many records under one key.
#[test]
fn tickets_do_not_exhaust_key() {
    for records in [1, 2, 3, 8] {
        for fragment in [Some(64), None] {
            let mut harness = Harness::new(Storage::Ticket);
            let (client, mut server) = (harness.client(TLS13), harness.server());
            server.set_records_per_key(records);
            server.set_send_tls13_tickets(255);
            server.set_max_fragment_size(fragment).unwrap();
            let mut pair = Pair::with(client, server);
            harness.run(&mut pair).unwrap();
            assert!(pair.to_client.is_empty());
            pair.exchange(b"question", b"answer");
            assert!(pair.client.has_sessions());
            // Each write has a new key again.
            for _ in 0..5 {
                send_all(&mut pair.server, b"a", &mut pair.to_client);
                let length = pair.to_client.len();
                pair.step_client().unwrap();
                if records <= 2 {
                    assert_eq!(length, 27 + 5 + 1 + 17, "a KeyUpdate and the data");
                }
            }
        }
    }
}

/// Half-RTT data is under a key that cannot be updated yet.
#[test]
fn half_rtt_data_does_not_exhaust_key() {
    let pki = Pki::new();
    for records in [1, 2, 3] {
        let mut server = ServerConfig::new();
        server.set_records_per_key(records);
        server.set_send_half_rtt_data(true);
        let mut pair = Pair::with(ClientConfig::new(), server);
        pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        for _ in 0..5 {
            send_all(&mut pair.server, b"early", &mut pair.to_client);
        }
        pair.handshake(&pki).unwrap();
        assert_eq!(std::mem::take(&mut pair.client_received), b"early".repeat(5));
        pair.exchange(b"question", b"answer");
    }
}

/// Each update installs a new key, so frequent updates exhaust none.
#[test]
fn key_updates_do_not_exhaust_key() {
    let pki = Pki::new();
    for records in [1, 2, 3] {
        let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
        client.set_records_per_key(records);
        server.set_records_per_key(records);
        let mut pair = Pair::with(client, server);
        pair.handshake(&pki).unwrap();
        for _ in 0..5 {
            for _ in 0..20 {
                pair.client.refresh_traffic_keys(&mut pair.to_server).unwrap();
                pair.server.request_key_update(&mut pair.to_client);
            }
            pair.exchange(b"question", b"answer");
        }
    }
}

/// An exhausted key may still encrypt an alert and then close_notify, but no data.
#[test]
fn tls12_alerts_do_not_exhaust_key() {
    let pki = Pki::new();
    for records in [1, 2, 3] {
        let (client, mut server) = configs(Kind::Tls12);
        server.set_records_per_key(records);
        let mut pair = Pair::with(client, server);
        pair.handshake(&pki).unwrap();
        // The server does not parse this ClientHello.
        pair.client.send_raw_record(C::HANDSHAKE, &[1, 0, 0, 0], &mut pair.to_server);
        pair.step_server().unwrap();
        assert!(!pair.to_client.is_empty(), "no_renegotiation");
        let exhausted = pair.server.send(&[IoSlice::new(b"x")], &mut pair.to_client);
        assert_eq!(exhausted, Err(Error::KeyExhausted));
        pair.step_client().unwrap();
        assert!(pair.client.close_notify_received());
    }
}
