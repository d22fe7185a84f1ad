//! Record padding (RFC 9846 §5.4), measured by the sizes of records on the wire, which the peer
//! opens.

use tls_codec::code_points::{CipherSuite, ContentType};
use tls_codec::record::HEADER_LEN;

use super::pair::{Pair, Pki, send_all};
use super::ramp_up::lengths;
use super::resumption::{Harness, Storage, TLS12};
use crate::config::{ClientConfig, RecordPadding, RecordRampUp, ServerConfig};

/// Header, content type and tag.
const OVERHEAD: usize = HEADER_LEN + 1 + 16;

fn connect(set: impl Fn(&mut ClientConfig)) -> Pair {
    let mut client = ClientConfig::new();
    set(&mut client);
    let mut pair = Pair::with(client, ServerConfig::new());
    pair.handshake(&Pki::new()).unwrap();
    pair
}

fn connect_with_padding(block: u16) -> Pair {
    connect(|client| client.set_record_padding(RecordPadding::ToMultipleOf(block)))
}

/// Sends data from the client, checks that it arrives, and returns the lengths of its records.
fn send(pair: &mut Pair, data: &[u8]) -> Vec<usize> {
    send_all(&mut pair.client, data, &mut pair.to_server);
    let lengths = lengths(&pair.to_server);
    pair.step_server().unwrap();
    assert!(std::mem::take(&mut pair.server_received) == data, "{} bytes", data.len());
    lengths
}

#[test]
fn padding_gives_contents_of_one_block_equal_length() {
    for block in [2, 16, 255, 512, 1000, 4096, 16_384, u16::MAX] {
        let mut pair = connect_with_padding(block);
        let block = usize::from(block);
        let around = |length: usize| length.saturating_sub(2).max(1)..=(length + 2).min(16_384);
        for content in [1, block, 2 * block, 3 * block, 16_384].into_iter().flat_map(around) {
            // Data of zeros could be taken for padding.
            let data = vec![if content % 2 == 0 { 0 } else { 7 }; content];
            let expected = (content.div_ceil(block) * block).min(16_384) + OVERHEAD;
            assert_eq!(send(&mut pair, &data), [expected], "{block}, {content}");
        }
    }
    let mut pair = connect_with_padding(64);
    for content in 1..=200 {
        assert_eq!(send(&mut pair, &vec![0; content]), [content.div_ceil(64) * 64 + OVERHEAD]);
    }
}

#[test]
fn padding_rounds_longer_data_up_to_blocks() {
    let mut pair = connect_with_padding(1000);
    let full = 16_384 + OVERHEAD;
    for content in [16_385, 17_000, 17_384, 17_385, 2 * 16_384, 40_000] {
        let (whole, rest) = (content / 16_384, content % 16_384);
        let mut expected = vec![full; whole];
        expected.extend((rest > 0).then(|| rest.div_ceil(1000) * 1000 + OVERHEAD));
        assert_eq!(send(&mut pair, &vec![9; content]), expected, "{content}");
    }
}

#[test]
fn padding_hides_alerts_and_key_updates() {
    for (block, length) in [(256, 256), (16_384, 16_384)] {
        let mut pair = connect_with_padding(block);
        assert_eq!(send(&mut pair, b"data"), [length + OVERHEAD]);
        pair.client.refresh_traffic_keys(&mut pair.to_server).unwrap();
        assert_eq!(lengths(&pair.to_server), [length + OVERHEAD]);
        pair.step_server().unwrap();
        assert_eq!(send(&mut pair, b"more"), [length + OVERHEAD]);
        pair.client.send_close_notify(&mut pair.to_server);
        assert_eq!(lengths(&pair.to_server), [length + OVERHEAD]);
        pair.step_server().unwrap();
        assert!(pair.server.close_notify_received());
    }
    let mut pair = connect_with_padding(100);
    pair.server.send_raw_record(ContentType::HANDSHAKE, &[99, 0, 0, 0], &mut pair.to_client);
    pair.step_client().unwrap_err();
    assert_eq!(lengths(&pair.to_server), [100 + OVERHEAD], "a fatal alert");
}

#[test]
fn padding_covers_encrypted_flights() {
    let flights = |block: u16, size: Option<usize>| {
        let mut server = ServerConfig::new();
        server.set_record_padding(RecordPadding::ToMultipleOf(block));
        server.set_max_fragment_size(size).unwrap();
        let mut client = ClientConfig::new();
        client.set_record_padding(RecordPadding::ToMultipleOf(block));
        let (mut pair, pki) = (Pair::with(client, server), Pki::new());
        let hello = lengths(&pair.to_server);
        pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        let flight = lengths(&pair.to_client);
        pair.drive_client(&mut |need| pki.answer(need)).unwrap();
        pair.step_client().unwrap();
        let finished = lengths(&pair.to_server);
        pair.handshake(&pki).unwrap();
        (hello, flight, finished)
    };
    let (plain_hello, plain_flight, plain_finished) = flights(0, None);
    for block in [100, 512, 3000] {
        let (hello, flight, finished) = flights(block, None);
        let block = usize::from(block);
        // ServerHello and change_cipher_spec are unencrypted.
        assert_eq!((hello, &flight[..2]), (plain_hello.clone(), &plain_flight[..2]), "unencrypted records");
        assert_eq!(flight.len(), plain_flight.len());
        for (length, plain) in flight.iter().zip(&plain_flight).skip(2) {
            // The lengths of signatures differ by some bytes between runs.
            assert!((length - OVERHEAD).is_multiple_of(block) && *length + 8 > *plain, "{length} {plain}");
        }
        let plain = plain_finished.last().unwrap() - OVERHEAD;
        assert_eq!(finished.last(), Some(&(plain.div_ceil(block) * block + OVERHEAD)));
    }
    // With a maximum size that no block divides, all encrypted records except the last have that
    // size.
    for block in [16, 100, 512] {
        let (_, flight, _) = flights(block, Some(120));
        let block = usize::from(block);
        let (last, others) = flight.split_last().unwrap();
        assert!(flight.iter().all(|length| *length <= 120), "{flight:?}");
        assert!(others.iter().filter(|length| **length == 120).count() > 3, "{flight:?}");
        assert!(*last == 120 || (last - OVERHEAD).is_multiple_of(block), "{flight:?}");
    }
}

#[test]
fn padding_respects_record_size_limits() {
    for (maximum, block) in [(64, 16), (64, 1000), (500, 100), (500, 512), (1_348, 512)] {
        let mut pair = connect(|client| {
            client.set_max_fragment_size(Some(maximum)).unwrap();
            client.set_record_padding(RecordPadding::ToMultipleOf(block));
        });
        let (room, block) = (maximum - OVERHEAD, usize::from(block));
        for content in 1..=room {
            let expected = (content.div_ceil(block) * block).min(room) + OVERHEAD;
            assert_eq!(send(&mut pair, &vec![1; content]), [expected], "{maximum} {block}");
        }
    }
    let mut pair = connect(|client| {
        client.set_record_ramp_up(Some(RecordRampUp { record_size: 1_000, bytes: 2_000 })).unwrap();
        client.set_record_padding(RecordPadding::ToMultipleOf(512));
    });
    // A short record holds 978 bytes, which also limits the padding. The ramp-up counts only the
    // data.
    let first = [512 + OVERHEAD, 1_000, 1_000];
    assert_eq!(send(&mut pair, &[1; 100])[..], first[..1]);
    assert_eq!(send(&mut pair, &[1; 513])[..], first[1..2]);
    assert_eq!(send(&mut pair, &[1; 978])[..], first[2..]);
    assert_eq!(send(&mut pair, &[1; 409]), [512 + OVERHEAD]);
    assert_eq!(send(&mut pair, &[1; 2_000]), [2_048 + OVERHEAD]);
    pair.client.note_idle();
    assert_eq!(send(&mut pair, &[1; 2_000]), [1_000, 1_000, 512 + OVERHEAD]);
}

#[test]
fn padding_counts_against_early_data_limit() {
    for accepted in [true, false] {
        let mut harness = Harness::new(Storage::Id);
        let (mut client, mut server, session) = harness.establish_early_data(1_000);
        client.set_record_padding(RecordPadding::ToMultipleOf(300));
        if !accepted {
            server.set_max_early_data_size(0);
        }
        let mut pair = Pair::resuming(client, server, session, harness.now);
        let hello = lengths(&pair.to_server).len();
        for (content, left) in [(10, 700), (301, 100), (20, 0)] {
            assert_eq!(pair.client.send_early_data(&vec![3; content], &mut pair.to_server).unwrap(), content);
            assert_eq!(pair.client.early_data_left(), left);
        }
        assert_eq!(pair.client.send_early_data(b"more", &mut pair.to_server).unwrap(), 0);
        assert_eq!(lengths(&pair.to_server)[hello..], [300, 600, 100].map(|length| length + OVERHEAD));
        harness.run(&mut pair).unwrap();
        assert_eq!(pair.client.is_early_data_accepted(), accepted);
        assert_eq!(pair.server_early.len(), if accepted { 331 } else { 0 });
        pair.exchange(b"question", b"answer");
    }
}

#[test]
fn tls12_records_are_not_padded() {
    let mut pair = connect(|client| {
        client.set_cipher_suites(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]).unwrap();
        client.set_record_padding(RecordPadding::ToMultipleOf(512));
    });
    assert_eq!(pair.client.protocol_version(), Some(TLS12));
    assert_eq!(send(&mut pair, b"data"), [HEADER_LEN + 8 + 4 + 16]);
    pair.client.send_close_notify(&mut pair.to_server);
    assert_eq!(lengths(&pair.to_server), [HEADER_LEN + 8 + 2 + 16]);
}

#[test]
fn padding_is_off_by_default() {
    for padding in
        [None, Some(RecordPadding::None), Some(RecordPadding::ToMultipleOf(0)), Some(RecordPadding::ToMultipleOf(1))]
    {
        let mut pair = connect(|client| padding.into_iter().for_each(|padding| client.set_record_padding(padding)));
        for content in [1, 100, 16_384] {
            assert_eq!(send(&mut pair, &vec![0; content]), [content + OVERHEAD]);
        }
    }
}
