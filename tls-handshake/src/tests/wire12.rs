//! TLS 1.2 on the wire: flipped bytes, EOF at each byte, alerts, and record limits.

use tls_codec::code_points::{AlertDescription as A, ContentType as C, ProtocolVersion as V};

use super::flow::{Kind, configs, pki};
use super::pair::{Pair, Pki, Secrets, send_all};
use super::past_faults::{keys, seal};
use super::wire::{Direction, Wire, check_eof_after_handshake, flip_all, record_offsets, states_at_eof};
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Error, Flood, Side, StateName};

#[test]
fn tls12_handshake_on_wire_rejects_every_flipped_byte() {
    flip_all(Kind::Tls12, &[0x01, 0x80]);
}

#[test]
fn tls12_client_auth_on_wire_rejects_every_flipped_byte() {
    flip_all(Kind::Tls12Auth, &[0x04]);
}

/// Configurations with records so small that each state occurs between two records.
fn small_records(kind: Kind) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = configs(kind);
    client.common_mut().max_record = 35;
    server.common_mut().max_record = 35;
    (client, server)
}

#[test]
fn tls12_eof_at_every_byte_is_reported_with_state() {
    let kind = Kind::Tls12Auth;
    let states = states_at_eof(&|| small_records(kind), &pki(kind));
    // The states of both sides. WAIT_CERT occurs in both.
    let expected =
        ["START", "WAIT_CCS", "WAIT_CERT", "WAIT_CKE", "WAIT_CV", "WAIT_FINISHED", "WAIT_SH", "WAIT_SHD", "WAIT_SKE"];
    assert_eq!(states, expected);
    let (client, server) = configs(Kind::Tls12);
    check_eof_after_handshake(Pair::with(client, server), &Pki::new());
}

/// Checks the direction of the alert, the outcome, and both ends.
type Check<'j> = dyn FnMut(Direction, Result<(), Error>, &Wire) + 'j;

/// Inserts `count` alerts between every two records of a handshake, and passes each outcome to the
/// check.
fn insert_alerts(kind: Kind, alert: [u8; 2], count: usize, check: &mut Check<'_>) {
    let pki = pki(kind);
    let mut places = Vec::new();
    Wire::new(small_records(kind))
        .run(&pki, &mut |direction, begin, chunk| {
            places.extend(record_offsets(chunk).into_iter().map(|at| (direction, begin + at)));
        })
        .unwrap();
    for (target, at) in places {
        let mut wire = Wire::new(small_records(kind));
        let mut put = false;
        let outcome = wire.run(&pki, &mut |direction, begin, chunk| {
            let Some(at) = at.checked_sub(begin).filter(|at| direction == target && *at < chunk.len()) else { return };
            chunk.splice(at..at, [&[21, 3, 3, 0, 2][..], &alert].concat().repeat(count));
            put = true;
        });
        assert!(put);
        let outcome = outcome.map_err(|(direction, error)| {
            assert_eq!(direction, target);
            error
        });
        check(target, outcome, &wire);
    }
}

#[test]
fn tls12_fatal_alert_in_every_state_fails_handshake() {
    for alert in [[2, A::HANDSHAKE_FAILURE.0], [1, A::CLOSE_NOTIFY.0], [2, 255]] {
        let mut states = std::collections::BTreeSet::new();
        insert_alerts(Kind::Tls12Auth, alert, 1, &mut |_, outcome, _| match outcome.unwrap_err() {
            Error::AlertReceived { description, state } => {
                assert_eq!(description, A(alert[1]));
                states.insert(state.as_str());
            }
            // An unencrypted alert after change_cipher_spec.
            error => assert_eq!(error, Error::BadRecordMac),
        });
        let expected = ["START", "WAIT_CCS", "WAIT_CERT", "WAIT_CKE", "WAIT_CV", "WAIT_SH", "WAIT_SHD", "WAIT_SKE"];
        assert_eq!(states.into_iter().collect::<Vec<_>>(), expected);
    }
}

/// RFC 5246 §7.2.2: a receiver may ignore warnings. Old servers send unrecognized_name as a warning
/// before ServerHello.
#[test]
fn tls12_warnings_are_ignored_in_every_state_up_to_limit() {
    let warning = [1, A::UNRECOGNIZED_NAME.0];
    let (mut ignored, mut interleaved) = (0, 0);
    let mut check = |direction, outcome: Result<(), Error>, wire: &Wire| match outcome {
        Ok(()) => {
            ignored += 1;
            assert!(!wire.pair.client.is_handshaking() && !wire.pair.server.is_handshaking());
        }
        // Before the ClientHello, the server does not know whether the version has warnings.
        Err(Error::AlertReceived { description: A::UNRECOGNIZED_NAME, state }) if state == "START" => {
            assert_eq!(direction, Direction::ToServer);
        }
        // RFC 9846 §5.1: not inside a fragmented message.
        Err(Error::InterleavedHandshake) => interleaved += 1,
        Err(error) => assert_eq!(error, Error::BadRecordMac),
    };
    for count in [1, 4] {
        insert_alerts(Kind::Tls12Auth, warning, count, &mut check);
    }
    assert!(ignored >= 8 && interleaved > 20, "{ignored} {interleaved}");
    insert_alerts(Kind::Tls12Auth, warning, 5, &mut |_, outcome, _| {
        let error = outcome.unwrap_err();
        let start = Error::AlertReceived { description: A::UNRECOGNIZED_NAME, state: StateName::server("START", "") };
        assert!(
            [Error::Flood(Flood::WarningAlerts), start, Error::BadRecordMac, Error::InterleavedHandshake]
                .contains(&error),
            "{error:?}"
        );
    });
}

#[test]
fn warning_before_server_hello_is_ignored_only_with_tls12() {
    let pki = Pki::new();
    for (versions, continues) in [(&[V::TLS12][..], true), (&[V::TLS13, V::TLS12], true), (&[V::TLS13], false)] {
        let mut client = ClientConfig::new();
        client.set_versions(versions).unwrap();
        let mut pair = Pair::with(client, ServerConfig::new());
        pair.at_client.extend_from_slice(&[21, 3, 1, 0, 2, 1, A::UNRECOGNIZED_NAME.0]);
        let outcome = pair.step_client().map(|_| ());
        let rejection =
            Error::AlertReceived { description: A::UNRECOGNIZED_NAME, state: StateName::client("WAIT_SH", "") };
        assert_eq!(outcome, if continues { Ok(()) } else { Err(rejection) });
        if continues {
            pair.handshake(&pki).unwrap();
        }
    }
}

#[test]
fn tls12_data_resets_count_of_warnings_and_empty_records() {
    let pki = Pki::new();
    for (content_type, content, limit, flood) in [
        (C::ALERT, &[1, A::NO_RENEGOTIATION.0][..], 4, Flood::WarningAlerts),
        (C::APPLICATION_DATA, &[], 32, Flood::EmptyRecords),
    ] {
        let (client, server) = configs(Kind::Tls12);
        let mut pair = Pair::with(client, server);
        pair.handshake(&pki).unwrap();
        for _ in 0..3 {
            for _ in 0..limit {
                pair.server.send_raw_record(content_type, content, &mut pair.to_client);
            }
            send_all(&mut pair.server, b"data", &mut pair.to_client);
            assert_eq!(pair.step_client().map(|_| ()), Ok(()));
        }
        assert_eq!(pair.client_received, b"datadatadata");
        for _ in 0..=limit {
            pair.server.send_raw_record(content_type, content, &mut pair.to_client);
        }
        assert_eq!(pair.step_client().map(|_| ()), Err(Error::Flood(flood)));
    }
}

#[test]
fn tls12_invalid_records_after_handshake_are_rejected() {
    let pki = Pki::new();
    let connect = || {
        let (mut client, server) = configs(Kind::Tls12);
        let secrets = Secrets::new();
        client.set_key_log(secrets.clone());
        let mut pair = Pair::with(client, server);
        let mut random = None;
        pair.run(&mut |need| {
            if let crate::need::Need::Signature(need) = &need {
                // The signed content begins with both randoms.
                random = Some(need.message()[32..64].try_into().unwrap());
            }
            pki.answer(need)
        })
        .unwrap();
        // Finished was the first record under this key.
        let mut sealer = keys(&secrets, &random.unwrap()).client_sealer();
        seal(&mut sealer, C::HANDSHAKE, b"");
        (pair, sealer)
    };
    let give = |content_type, content: &[u8]| {
        let (mut pair, mut sealer) = connect();
        pair.at_server.extend_from_slice(&seal(&mut sealer, content_type, content));
        let outcome = pair.step_server().map(|_| ());
        (outcome, pair.server_received)
    };
    let largest = vec![b'x'; 1 << 14];
    assert_eq!(give(C::APPLICATION_DATA, &largest), (Ok(()), largest.clone()));
    let rejection = Error::RecordOverflow { got: (1 << 14) + 1, limit: 1 << 14 };
    assert_eq!(rejection.alert(), Some(A::RECORD_OVERFLOW));
    assert_eq!(give(C::APPLICATION_DATA, &[&largest[..], b"x"].concat()).0, Err(rejection));
    for content_type in [C::HANDSHAKE, C::ALERT] {
        assert_eq!(give(content_type, b"").0, Err(Error::EmptyRecord));
    }
    let rejection = Error::UnexpectedRecord { state: StateName::connected12(Side::Server), got: C::CHANGE_CIPHER_SPEC };
    assert_eq!(give(C::CHANGE_CIPHER_SPEC, &[1]).0, Err(rejection));
    // Unencrypted and replayed records are rejected.
    for record in
        [&[21, 3, 3, 0, 2, 2, 40][..], &[22, 3, 3, 0, 4, 0, 0, 0, 0], &[20, 3, 3, 0, 1, 1], &[23, 3, 3, 0, 1, 7]]
    {
        let (mut pair, _) = connect();
        pair.at_server.extend_from_slice(record);
        assert_eq!(pair.step_server().map(|_| ()), Err(Error::BadRecordMac));
    }
    let (mut pair, mut sealer) = connect();
    let record = seal(&mut sealer, C::APPLICATION_DATA, b"once");
    pair.at_server.extend_from_slice(&record.repeat(2));
    assert_eq!(pair.step_server().map(|_| ()), Err(Error::BadRecordMac));
    assert_eq!(pair.server_received, b"once");
}
