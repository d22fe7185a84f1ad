//! Sealing of records in the caller's buffer.

use super::flow::{Kind, configs};
use super::pair::{Pair, Pki, send_all};
use crate::config::{ClientConfig, RecordPadding, ServerConfig};
use crate::error::Error;
use tls_codec::code_points::CipherSuite;

fn connect(pki: &Pki, client: ClientConfig, server: ServerConfig) -> Pair {
    let mut pair = Pair::with(client, server);
    pair.handshake(pki).unwrap();
    pair
}

/// Seals client data in place and returns the record. Preceding output is in `to_server`.
fn send_in_place(pair: &mut Pair, data: &[u8]) -> Result<Vec<u8>, Error> {
    let room = pair.client.room_around(data.len()).expect("room");
    // The room may hold any bytes.
    let mut record = [&vec![0xaa; room.before], data, &vec![0xbb; room.after]].concat();
    pair.client.send_in_place(&mut record, data.len(), &mut pair.to_server)?;
    Ok(record)
}

fn assert_arrives(pair: &mut Pair, data: &[u8]) {
    let record = send_in_place(pair, data).unwrap();
    pair.at_server.extend_from_slice(pair.to_server.ready());
    pair.to_server.consume(usize::MAX);
    pair.at_server.extend_from_slice(&record);
    assert!(pair.step_server().unwrap().is_none());
    assert!(std::mem::take(&mut pair.server_received) == data, "{} bytes", data.len());
}

#[test]
fn peer_opens_records_sealed_in_place_with_every_suite() {
    let pki = Pki::new();
    for suite in [
        CipherSuite::TLS_AES_128_GCM_SHA256,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ] {
        for padding in [RecordPadding::None, RecordPadding::ToMultipleOf(100)] {
            let mut client = ClientConfig::new();
            client.set_cipher_suites(&[suite]).unwrap();
            client.set_record_padding(padding);
            let mut pair = connect(&pki, client, ServerConfig::new());
            for length in [1, 99, 100, 101, 16_000, pair.client.record_capacity()] {
                assert_arrives(&mut pair, &vec![7; length]);
                // A copied record in between.
                send_all(&mut pair.client, b"copied", &mut pair.to_server);
                pair.step_server().unwrap();
                assert_eq!(std::mem::take(&mut pair.server_received), b"copied");
            }
        }
    }
}

#[test]
fn sealing_in_place_and_by_copy_give_equal_lengths() {
    let pki = Pki::new();
    for padding in [RecordPadding::None, RecordPadding::ToMultipleOf(64)] {
        let mut client = ClientConfig::new();
        client.set_record_padding(padding);
        for length in [1, 63, 64, 65, 5000] {
            let mut pair = connect(&pki, client.clone(), ServerConfig::new());
            let record = send_in_place(&mut pair, &vec![7; length]).unwrap();
            send_all(&mut pair.client, &vec![7; length], &mut pair.to_server);
            assert_eq!(record.len(), pair.to_server.len());
            assert_eq!(record[..5], pair.to_server.ready()[..5]);
        }
    }
}

#[test]
fn requested_key_update_precedes_record_sealed_in_place() {
    let pki = Pki::new();
    let mut pair = connect(&pki, ClientConfig::new(), ServerConfig::new());
    pair.server.refresh_traffic_keys(&mut pair.to_client).unwrap();
    pair.step_client().unwrap();
    assert!(pair.to_server.is_empty());
    let record = send_in_place(&mut pair, b"data").unwrap();
    assert!(!pair.to_server.is_empty(), "the KeyUpdate");
    pair.at_server.extend_from_slice(&[pair.to_server.ready(), &record].concat());
    pair.to_server.consume(usize::MAX);
    pair.step_server().unwrap();
    assert_eq!(pair.server_received, b"data");
}

#[test]
fn wrong_room_is_rejected_without_data_loss() {
    let pki = Pki::new();
    let (client, server) = configs(Kind::Full);
    let mut pair = Pair::with(client, server);
    assert_eq!(pair.client.room_around(1), None, "before the handshake");
    let early = pair.client.send_in_place(&mut [0; 23], 1, &mut pair.to_server);
    assert_eq!(early, Err(Error::HandshakeNotComplete));
    pair.handshake(&pki).unwrap();
    let most = pair.client.record_capacity();
    assert_eq!((pair.client.room_around(0), pair.client.room_around(most + 1)), (None, None));
    let room = pair.client.room_around(4).unwrap();
    let need = room.before + 4 + room.after;
    for got in [0, need - 1, need + 1] {
        let result = pair.client.send_in_place(&mut vec![0; got], 4, &mut pair.to_server);
        assert_eq!(result, Err(Error::RecordRoom { got, need: Some(need) }));
    }
    for content in [0, most + 1] {
        let result = pair.client.send_in_place(&mut vec![0; need], content, &mut pair.to_server);
        assert_eq!(result, Err(Error::RecordRoom { got: need, need: None }));
    }
    assert_arrives(&mut pair, b"more data");
    pair.client.send_close_notify(&mut pair.to_server);
    assert_eq!(pair.client.room_around(4), None);
    let closed = pair.client.send_in_place(&mut vec![0; need], 4, &mut pair.to_server);
    assert_eq!(closed, Err(Error::SendAfterClose));
}
