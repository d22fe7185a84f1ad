//! The rules of the record layer (RFC 9846 §5), each with a record that violates it. The record is
//! encrypted correctly where there are keys.

use tls_codec::code_points::{AlertDescription as A, ContentType as C};
use tls_codec::record::RecordError;

use super::pair::{Pair, Pki};
use super::past_faults::CCS;
use crate::error::{Error, Flood, Side, StateName};
use crate::need::Need;

/// Returns a client that waits for EncryptedExtensions, and a server that has the handshake write
/// key but has not used it.
fn pair_during_handshake(pki: &Pki) -> Pair {
    let mut pair = Pair::new(pki);
    let need = pair.step_server().unwrap().unwrap();
    let need = pair.server.resume(pki.answer(need), &mut pair.to_client).unwrap();
    assert!(matches!(need, Some(Need::Signature(_))));
    assert!(pair.step_client().unwrap().is_none());
    pair
}

fn send_to_client(pair: &mut Pair, content_type: C, content: &[u8]) -> Result<(), Error> {
    pair.server.send_raw_record(content_type, content, &mut pair.to_client);
    pair.step_client().map(|need| assert!(need.is_none()))
}

fn send_inner_to_client(pair: &mut Pair, inner: &[u8]) -> Result<(), Error> {
    pair.server.send_raw_inner_plaintext(inner, &mut pair.to_client);
    pair.step_client().map(|need| assert!(need.is_none()))
}

fn assert_unexpected(result: &Result<(), Error>, content_type: C) {
    let Err(Error::UnexpectedRecord { got, state } | Error::UnprotectedRecord { got, state }) = result else {
        panic!("{result:?}")
    };
    assert_eq!(*got, content_type);
    assert!(!state.as_str().is_empty());
    assert_eq!(result.as_ref().unwrap_err().alert(), Some(A::UNEXPECTED_MESSAGE));
}

#[test]
fn empty_handshake_and_alert_records_are_rejected() {
    let pki = Pki::new();
    assert_eq!(Error::EmptyRecord.alert(), Some(A::UNEXPECTED_MESSAGE));
    for content_type in [C::HANDSHAKE, C::ALERT] {
        let record = [content_type.0, 3, 3, 0, 0];
        assert_eq!(Pair::new(&pki).deliver_to_server(&record).unwrap_err(), Error::EmptyRecord);
        assert_eq!(
            send_to_client(&mut pair_during_handshake(&pki), content_type, b"").unwrap_err(),
            Error::EmptyRecord
        );
        assert_eq!(send_to_client(&mut Pair::connect(&pki), content_type, b"").unwrap_err(), Error::EmptyRecord);
        // The same with padding.
        let inner = [content_type.0, 0, 0, 0];
        assert_eq!(send_inner_to_client(&mut Pair::connect(&pki), &inner).unwrap_err(), Error::EmptyRecord);
    }
}

#[test]
fn padding_is_removed_and_record_of_only_padding_is_rejected() {
    let pki = Pki::new();
    let mut pair = Pair::connect(&pki);
    for padding in [0, 1, 1000] {
        let inner = [&b"data"[..], &[C::APPLICATION_DATA.0], &vec![0; padding]].concat();
        send_inner_to_client(&mut pair, &inner).unwrap();
        assert_eq!(std::mem::take(&mut pair.client_received), b"data");
    }
    // Zeros before the content type are part of the data.
    send_inner_to_client(&mut pair, &[7, 0, 0, 23, 0]).unwrap();
    assert_eq!(pair.client_received, [7, 0, 0]);
    for zeros in [1, 2, 16384] {
        assert_eq!(send_inner_to_client(&mut Pair::connect(&pki), &vec![0; zeros]).unwrap_err(), Error::EmptyRecord);
    }
}

#[test]
fn record_size_limits_are_exact() {
    let pki = Pki::new();
    // 2^14 bytes unencrypted.
    let header = |length: u16| [&[22, 3, 3][..], &length.to_be_bytes()].concat();
    assert_eq!(Pair::new(&pki).deliver_to_server(&header(1 << 14)), Ok(()));
    let rejection = Pair::new(&pki).deliver_to_server(&header((1 << 14) + 1)).unwrap_err();
    assert_eq!(rejection, Error::Record(RecordError::Oversized { got: (1 << 14) + 1, limit: 1 << 14 }));
    assert_eq!(rejection.alert(), Some(A::RECORD_OVERFLOW));
    // 2^14 + 256 bytes encrypted: a longer record is rejected by its header, before its content
    // arrives.
    let header = |length: u16| [&[23, 3, 3][..], &length.to_be_bytes()].concat();
    assert_eq!(Pair::connect(&pki).deliver_to_client(&header((1 << 14) + 256)), Ok(()));
    let rejection = Pair::connect(&pki).deliver_to_client(&header((1 << 14) + 257)).unwrap_err();
    assert_eq!(rejection.alert(), Some(A::RECORD_OVERFLOW));
    // 2^14 + 1 bytes of inner plaintext, including padding.
    for (data, padding, fits) in [
        (16383, 0, true),
        (16384, 0, true),
        (16385, 0, false),
        (10, 16374, true),
        (10, 16375, false),
        (0, 16385, false),
    ] {
        let inner = [&vec![b'x'; data][..], &[23], &vec![0; padding]].concat();
        let taken = send_inner_to_client(&mut Pair::connect(&pki), &inner);
        if fits {
            assert_eq!(taken, Ok(()), "{data} + {padding}");
        } else {
            let got = inner.len();
            assert_eq!(taken, Err(Error::RecordOverflow { got, limit: 16385 }), "{data} + {padding}");
        }
    }
}

#[test]
fn unknown_content_types_are_rejected() {
    let pki = Pki::new();
    for typ in (0..=u8::MAX).filter(|typ| !(20..=23).contains(typ)) {
        let rejection = Pair::connect(&pki).deliver_to_client(&[typ, 3, 3, 0, 1, 0]).unwrap_err();
        let Error::Record(e) = &rejection else { panic!("{rejection:?}") };
        if !matches!(e, RecordError::NotTls(_)) {
            assert_eq!(rejection.alert(), Some(A::UNEXPECTED_MESSAGE));
        }
        if typ != 0 {
            assert_unexpected(&send_inner_to_client(&mut Pair::connect(&pki), &[b'x', typ]), C(typ));
        }
    }
    // change_cipher_spec is never encrypted (§5).
    assert_unexpected(
        &send_to_client(&mut pair_during_handshake(&pki), C::CHANGE_CIPHER_SPEC, &[1]),
        C::CHANGE_CIPHER_SPEC,
    );
}

#[test]
fn change_cipher_spec_is_ignored_only_during_handshake() {
    let pki = Pki::new();
    // Before the first ClientHello.
    assert_unexpected(&Pair::new(&pki).deliver_to_server(&CCS), C::CHANGE_CIPHER_SPEC);
    // Until Finished: four records, not five.
    let mut pair = pair_during_handshake(&pki);
    pair.deliver_to_client(&CCS.repeat(3)).unwrap();
    assert_eq!(pair.deliver_to_client(&CCS).unwrap_err(), Error::Flood(Flood::ChangeCipherSpecs));
    let mut pair = Pair::new(&pki);
    pair.deliver_to_client(&CCS.repeat(4)).unwrap();
    assert_eq!(pair.deliver_to_client(&CCS).unwrap_err().alert(), Some(A::UNEXPECTED_MESSAGE));
    // After Finished.
    assert_unexpected(&Pair::connect(&pki).deliver_to_client(&CCS), C::CHANGE_CIPHER_SPEC);
    assert_unexpected(&Pair::connect(&pki).deliver_to_server(&CCS), C::CHANGE_CIPHER_SPEC);
    // With another content.
    for record in [&[20, 3, 3, 0, 1, 2][..], &[20, 3, 3, 0, 2, 1, 1], &[20, 3, 3, 0, 0]] {
        let rejection = Pair::new(&pki).deliver_to_client(record).unwrap_err();
        assert_eq!(rejection, Error::BadChangeCipherSpec);
        assert_eq!(rejection.alert(), Some(A::UNEXPECTED_MESSAGE));
    }
}

#[test]
fn record_inside_fragmented_message_is_rejected() {
    let pki = Pki::new();
    assert_eq!(Error::InterleavedHandshake.alert(), Some(A::UNEXPECTED_MESSAGE));
    let part = [8, 0, 0, 2, 0];
    for (content_type, content) in [(C::ALERT, &[1, 90][..]), (C::ALERT, &[1, 0]), (C::APPLICATION_DATA, b"x")] {
        let mut pair = Pair::connect(&pki);
        send_to_client(&mut pair, C::HANDSHAKE, &part).unwrap();
        let outcome = send_to_client(&mut pair, content_type, content);
        assert_eq!(outcome.unwrap_err(), Error::InterleavedHandshake, "{content_type} {content:?}");
    }
    // change_cipher_spec is ignored elsewhere, but not here.
    let mut pair = pair_during_handshake(&pki);
    send_to_client(&mut pair, C::HANDSHAKE, &part).unwrap();
    assert_eq!(pair.deliver_to_client(&CCS).unwrap_err(), Error::InterleavedHandshake);
    // A fatal alert is reported as itself.
    let mut pair = Pair::connect(&pki);
    send_to_client(&mut pair, C::HANDSHAKE, &part).unwrap();
    let error = send_to_client(&mut pair, C::ALERT, &[2, 80]).unwrap_err();
    assert_eq!(
        error,
        Error::AlertReceived { description: A::INTERNAL_ERROR, state: StateName::connected13(Side::Client) }
    );
}

#[test]
fn fragmented_or_late_unprotected_alerts_are_rejected() {
    let pki = Pki::new();
    for content in [&[1][..], &[1, 0, 0], &[1, 0, 1, 0]] {
        let rejection = send_to_client(&mut Pair::connect(&pki), C::ALERT, content).unwrap_err();
        assert_eq!(rejection, Error::BadAlert);
        assert_eq!(rejection.alert(), Some(A::DECODE_ERROR));
    }
    let fatal = [21, 3, 3, 0, 2, 2, 40];
    // Before its first encrypted record the peer may have no keys.
    assert!(matches!(pair_during_handshake(&pki).deliver_to_client(&fatal), Err(Error::AlertReceived { .. })));
    let mut pair = pair_during_handshake(&pki);
    send_to_client(&mut pair, C::HANDSHAKE, &[8]).unwrap();
    assert_unexpected(&pair.deliver_to_client(&fatal), C::ALERT);
    assert_unexpected(&Pair::connect(&pki).deliver_to_client(&fatal), C::ALERT);
    assert_unexpected(&Pair::connect(&pki).deliver_to_server(&fatal), C::ALERT);
}

#[test]
fn unencrypted_handshake_message_under_keys_is_rejected() {
    let pki = Pki::new();
    let record = [22, 3, 3, 0, 6, 8, 0, 0, 2, 0, 0];
    assert_unexpected(&pair_during_handshake(&pki).deliver_to_client(&record), C::HANDSHAKE);
    assert_unexpected(&Pair::connect(&pki).deliver_to_client(&record), C::HANDSHAKE);
}

#[test]
fn application_data_during_handshake_is_rejected() {
    let pki = Pki::new();
    for data in [&b"early"[..], b""] {
        let record = [&[23, 3, 3, 0, 5][..], b"early"].concat();
        assert_unexpected(&Pair::new(&pki).deliver_to_server(&record), C::APPLICATION_DATA);
        assert_unexpected(&Pair::new(&pki).deliver_to_client(&record), C::APPLICATION_DATA);
        // Under the handshake keys.
        assert_unexpected(
            &send_to_client(&mut pair_during_handshake(&pki), C::APPLICATION_DATA, data),
            C::APPLICATION_DATA,
        );
        // At a server that waits for Finished.
        let mut pair = Pair::new(&pki);
        pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        assert!(matches!(pair.step_client(), Ok(Some(Need::Verdict(_)))));
        pair.client.send_raw_record(C::APPLICATION_DATA, data, &mut pair.to_server);
        assert_unexpected(&pair.step_server().map(|_| ()), C::APPLICATION_DATA);
    }
}

#[test]
fn flood_fails_at_limit_and_data_resets_count() {
    let pki = Pki::new();
    for (content_type, content, limit, flood) in [
        (C::APPLICATION_DATA, &b""[..], 32, Flood::EmptyRecords),
        (C::ALERT, &[1, 90], 4, Flood::WarningAlerts),
        (C::HANDSHAKE, &[24, 0, 0, 1, 0], 32, Flood::KeyUpdates),
    ] {
        let mut pair = Pair::connect(&pki);
        let send = |pair: &mut Pair, content_type, content: &[u8]| {
            if content_type == C::HANDSHAKE {
                // Includes the key change of the sender.
                pair.server.send_key_update(&mut pair.to_client);
                return pair.step_client().map(|_| ());
            }
            send_to_client(pair, content_type, content)
        };
        for _ in 0..2 {
            for _ in 0..limit {
                send(&mut pair, content_type, content).unwrap();
            }
            send_to_client(&mut pair, C::APPLICATION_DATA, b"x").unwrap();
        }
        for _ in 0..limit {
            send(&mut pair, content_type, content).unwrap();
        }
        let rejection = send(&mut pair, content_type, content).unwrap_err();
        assert_eq!(rejection, Error::Flood(flood));
        assert_eq!(rejection.alert(), Some(A::UNEXPECTED_MESSAGE));
    }
}

#[test]
fn failed_decryption_does_not_advance_sequence_number() {
    // Only the receive half accepts the correct record after a false one. The connection fails.
    let pki = Pki::new();
    let mut pair = Pair::connect(&pki);
    pair.server.send_raw_record(C::APPLICATION_DATA, b"true", &mut pair.to_client);
    let valid = pair.to_client.ready().to_vec();
    for at in 5..valid.len() {
        let mut invalid = valid.clone();
        invalid[at] ^= 1;
        let receive = pair.client.receive_half();
        assert_eq!(receive.open(&mut invalid, &|| StateName::ENDED).err(), Some(Error::BadRecordMac));
    }
    let mut copy = valid;
    assert!(pair.client.receive_half().open(&mut copy, &|| StateName::ENDED).is_ok());
    assert_eq!(Error::BadRecordMac.alert(), Some(A::BAD_RECORD_MAC));
}

#[test]
fn closed_handshake_sends_nothing_more() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let need = pair.step_server().unwrap().unwrap();
    let need = pair.server.resume(pki.answer(need), &mut pair.to_client).unwrap().unwrap();
    pair.server.send_close_notify(&mut pair.to_client);
    let sent = pair.to_client.len();
    assert_eq!(pair.server.resume(pki.answer(need), &mut pair.to_client).unwrap_err(), Error::SendAfterClose);
    assert_eq!(pair.to_client.len(), sent);
    // The client receives user_canceled and close_notify, both encrypted.
    let error = pair.step_client().unwrap_err();
    assert_eq!(error, Error::AlertReceived { description: A::CLOSE_NOTIFY, state: StateName::client("WAIT_EE", "") });

    let mut pair = Pair::new(&pki);
    pair.client.send_close_notify(&mut pair.to_server);
    assert!(pair.to_server.ready().ends_with(&[21, 3, 3, 0, 2, 1, 90, 21, 3, 3, 0, 2, 1, 0]));
    assert_eq!(pair.client.error(), Some(&Error::SendAfterClose));
}
