//! TLS 1.2 on the wire: flipped bytes, EOF at each byte, alerts, and record limits.

use tls_codec::code_points::{AlertDescription as A, ContentType as C, ProtocolVersion as V};

use super::Secrets;
use super::flow::{Kind, configs, pki};
use super::pair::{Pair, Pki, send_all};
use super::past_faults::{keys, seal};
use super::wire::{Direction, Wire, ends_after_the_handshake, flip_all, starts, states_at_the_end};
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Error, Flood};

#[test]
fn tls12_handshake_on_wire_rejects_every_flipped_byte() {
    flip_all(Kind::Tls12, &[0x01, 0x80]);
}

#[test]
fn tls12_client_auth_on_wire_rejects_every_flipped_byte() {
    flip_all(Kind::Tls12Auth, &[0x04]);
}

/// Configurations with records so small that each state occurs between two records.
fn small(kind: Kind) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = configs(kind);
    client.common_mut().max_record = 35;
    server.common_mut().max_record = 35;
    (client, server)
}

#[test]
fn tls12_eof_at_every_byte_is_reported_with_state() {
    let kind = Kind::Tls12Auth;
    let states = states_at_the_end(&|| small(kind), &pki(kind));
    // The states of both sides. WAIT_CERT occurs in both.
    let expected =
        ["START", "WAIT_CCS", "WAIT_CERT", "WAIT_CKE", "WAIT_CV", "WAIT_FINISHED", "WAIT_SH", "WAIT_SHD", "WAIT_SKE"];
    assert_eq!(states, expected);
    let (client, server) = configs(Kind::Tls12);
    ends_after_the_handshake(Pair::with(client, server), &Pki::new());
}

/// Checks the direction of the alert, the outcome, and both ends.
type Judge<'j> = dyn FnMut(Direction, Result<(), Error>, &Wire) + 'j;

/// Inserts `count` alerts between every two records of a handshake, and passes each outcome to the
/// check.
fn with_alert(kind: Kind, alert: [u8; 2], count: usize, judge: &mut Judge<'_>) {
    let pki = pki(kind);
    let mut places = Vec::new();
    Wire::new(small(kind))
        .run(&pki, &mut |direction, begin, chunk| {
            places.extend(starts(chunk).into_iter().map(|at| (direction, begin + at)))
        })
        .unwrap();
    for (target, at) in places {
        let mut wire = Wire::new(small(kind));
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
        judge(target, outcome, &wire);
    }
}

#[test]
fn tls12_fatal_alert_in_every_state_fails_handshake() {
    for alert in [[2, A::HANDSHAKE_FAILURE.0], [1, A::CLOSE_NOTIFY.0], [2, 255]] {
        let mut states = std::collections::BTreeSet::new();
        with_alert(Kind::Tls12Auth, alert, 1, &mut |_, outcome, _| match outcome.unwrap_err() {
            Error::AlertReceived { description, state } => {
                assert_eq!(description, A(alert[1]));
                states.insert(state);
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
    let mut judge = |direction, outcome: Result<(), Error>, wire: &Wire| match outcome {
        Ok(()) => {
            ignored += 1;
            assert!(!wire.pair.client.is_handshaking() && !wire.pair.server.is_handshaking());
        }
        // Before the ClientHello, the server does not know whether the version has warnings.
        Err(Error::AlertReceived { description: A::UNRECOGNIZED_NAME, state: "START" }) => {
            assert_eq!(direction, Direction::ToServer);
        }
        // RFC 9846 §5.1: not inside a fragmented message.
        Err(Error::InterleavedHandshake) => interleaved += 1,
        Err(error) => assert_eq!(error, Error::BadRecordMac),
    };
    for count in [1, 4] {
        with_alert(Kind::Tls12Auth, warning, count, &mut judge);
    }
    assert!(ignored >= 8 && interleaved > 20, "{ignored} {interleaved}");
    with_alert(Kind::Tls12Auth, warning, 5, &mut |_, outcome, _| {
        let error = outcome.unwrap_err();
        let start = Error::AlertReceived { description: A::UNRECOGNIZED_NAME, state: "START" };
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
    for (versions, goes_on) in [(&[V::TLS12][..], true), (&[V::TLS13, V::TLS12], true), (&[V::TLS13], false)] {
        let mut client = ClientConfig::new();
        client.set_versions(versions).unwrap();
        let mut pair = Pair::with(client, ServerConfig::new());
        pair.at_client.extend_from_slice(&[21, 3, 1, 0, 2, 1, A::UNRECOGNIZED_NAME.0]);
        let outcome = pair.step_client().map(|_| ());
        let refused = Error::AlertReceived { description: A::UNRECOGNIZED_NAME, state: "WAIT_SH" };
        assert_eq!(outcome, if goes_on { Ok(()) } else { Err(refused) });
        if goes_on {
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
    let connected = || {
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
        let (mut pair, mut sealer) = connected();
        pair.at_server.extend_from_slice(&seal(&mut sealer, content_type, content));
        let outcome = pair.step_server().map(|_| ());
        (outcome, pair.server_received)
    };
    let largest = vec![b'x'; 1 << 14];
    assert_eq!(give(C::APPLICATION_DATA, &largest), (Ok(()), largest.clone()));
    let refused = Error::RecordOverflow { got: (1 << 14) + 1, limit: 1 << 14 };
    assert_eq!(refused.alert(), Some(A::RECORD_OVERFLOW));
    assert_eq!(give(C::APPLICATION_DATA, &[&largest[..], b"x"].concat()).0, Err(refused));
    for content_type in [C::HANDSHAKE, C::ALERT] {
        assert_eq!(give(content_type, b"").0, Err(Error::EmptyRecord));
    }
    let refused = Error::UnexpectedRecord { state: "CONNECTED", got: C::CHANGE_CIPHER_SPEC };
    assert_eq!(give(C::CHANGE_CIPHER_SPEC, &[1]).0, Err(refused));
    // Unencrypted and replayed records are rejected.
    for record in
        [&[21, 3, 3, 0, 2, 2, 40][..], &[22, 3, 3, 0, 4, 0, 0, 0, 0], &[20, 3, 3, 0, 1, 1], &[23, 3, 3, 0, 1, 7]]
    {
        let (mut pair, _) = connected();
        pair.at_server.extend_from_slice(record);
        assert_eq!(pair.step_server().map(|_| ()), Err(Error::BadRecordMac));
    }
    let (mut pair, mut sealer) = connected();
    let record = seal(&mut sealer, C::APPLICATION_DATA, b"once");
    pair.at_server.extend_from_slice(&record.repeat(2));
    assert_eq!(pair.step_server().map(|_| ()), Err(Error::BadRecordMac));
    assert_eq!(pair.server_received, b"once");
}
