//! Writing plaintext: during the handshake, within the buffer limit, and from many slices.

use std::io::{IoSlice, Write};
use std::sync::Arc;

use strata_tls::{ProtocolVersion, Session};

use crate::pair::{Pair, carry, drain, feed, pattern, read_all, record_lengths};
use crate::pki::{Ca, Kind, VERSIONS, configs, configs_of};

/// The bytes that a record adds to its plaintext: header and tag, and the content type or the
/// explicit nonce.
pub(crate) fn overhead(version: ProtocolVersion) -> usize {
    if version == ProtocolVersion::TLS13 { 5 + 1 + 16 } else { 5 + 8 + 16 }
}

#[test]
fn writes_during_the_handshake_arrive_first_and_in_order() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::new(&client, &server);
        let data = pattern(60_000);
        for part in data.chunks(7_001) {
            pair.client.write_all(part).unwrap();
            pair.server.write_all(part).unwrap();
        }
        while pair.client.is_handshaking() || pair.server.is_handshaking() {
            carry(&mut pair.client, &mut pair.server).unwrap();
            carry(&mut pair.server, &mut pair.client).unwrap();
        }
        pair.client.write_all(b"later").unwrap();
        pair.server.write_all(b"later").unwrap();
        let (to_server, to_client) = (drain(&mut pair.client), drain(&mut pair.server));
        let (mut at_server, mut at_client) = (Vec::new(), Vec::new());
        feed(&mut pair.server, &to_server).unwrap();
        at_server.extend(read_all(&mut pair.server));
        feed(&mut pair.client, &to_client).unwrap();
        at_client.extend(read_all(&mut pair.client));
        let expected = [&data[..], b"later"].concat();
        assert!(at_server == expected && at_client == expected);
    }
}

#[test]
fn writes_during_the_handshake_stop_at_the_buffer_limit() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        for limit in [0, 1_000, 64 * 1024] {
            let mut pair = Pair::new(&client, &server);
            pair.client.set_buffer_limit(Some(limit));
            let hello = drain(&mut pair.client);
            let data = pattern(300_000);
            let taken = pair.client.write(&data).unwrap();
            assert_eq!(taken, limit);
            assert_eq!(pair.client.write(&data).unwrap(), 0);
            feed(&mut pair.server, &hello).unwrap();
            let mut received = Vec::new();
            while carry(&mut pair.client, &mut pair.server).unwrap()
                + carry(&mut pair.server, &mut pair.client).unwrap()
                > 0
            {
                received.extend(read_all(&mut pair.server));
            }
            assert!(received == data[..limit]);
        }
        let mut pair = Pair::new(&client, &server);
        let taken = pair.client.write(&pattern(100_000)).unwrap();
        // The pending ClientHello counts too.
        assert!((61 * 1024..65 * 1024).contains(&taken), "the default limit is 64 KiB, got {taken}");
    }
}

#[test]
fn buffered_plaintext_becomes_records_within_the_limit() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut client = ca.client_config();
    client.set_max_fragment_size(Some(64)).unwrap();
    let mut pair = Pair::new(&Arc::new(client), &Arc::new(ca.server_config(Kind::EcdsaP256)));
    pair.client.set_buffer_limit(Some(8_000));
    let data = pattern(5_900);
    assert_eq!(pair.client.write(&data).unwrap(), data.len());
    let mut received = Vec::new();
    loop {
        let wire = drain_once(&mut pair.client);
        assert!(wire.len() <= 8_000, "{}", wire.len());
        feed(&mut pair.server, &wire).unwrap();
        received.extend(read_all(&mut pair.server));
        if wire.len() + carry(&mut pair.server, &mut pair.client).unwrap() == 0 {
            break;
        }
    }
    assert!(received == data);
}

/// The output of one `write_tls`.
fn drain_once(from: &mut impl Session) -> Vec<u8> {
    let mut wire = Vec::new();
    from.write_tls(&mut wire).unwrap();
    wire
}

#[test]
fn pending_output_stays_under_the_limit() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (limit, size) in
        [(0, None), (10, None), (1_000, None), (1_000, Some(64)), (20_000, Some(1_000)), (100_000, None)]
    {
        let mut client = ca.client_config();
        client.set_max_fragment_size(size).unwrap();
        let mut pair = Pair::connected(&Arc::new(client), &Arc::new(ca.server_config(Kind::EcdsaP256)));
        pair.client.set_buffer_limit(Some(limit));
        let data = pattern(if limit < 100 { 100 } else { 150_000 });
        let (mut rest, mut received) = (&data[..], Vec::new());
        while !rest.is_empty() {
            let taken = pair.client.write(rest).unwrap();
            assert!(taken > 0, "an empty buffer must accept something");
            rest = &rest[taken..];
            let wire = drain_once(&mut pair.client);
            // A write always accepts at least one byte, in a record of its own.
            assert!(wire.len() <= limit.max(23), "{limit} {size:?}: {}", wire.len());
            feed(&mut pair.server, &wire).unwrap();
            received.extend(read_all(&mut pair.server));
        }
        assert!(received == data, "{limit} {size:?}");
    }
}

#[test]
fn full_send_buffer_accepts_nothing_until_drained() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        let data = pattern(100_000);
        let taken = pair.client.write(&data).unwrap();
        assert_eq!(taken, 64 * 1024);
        assert_eq!(pair.client.write(&data[taken..]).unwrap(), 0);
        assert_eq!(pair.client.write_all(&data[taken..]).unwrap_err().kind(), std::io::ErrorKind::WriteZero);
        drain(&mut pair.client);
        assert!(pair.client.write(&data[taken..]).unwrap() > 0);
    }
}

#[test]
fn small_slices_fill_whole_records() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let data = pattern(100_000);
        for size in [1, 7, 100, 255, 1_000, 16_384, 16_385, 40_000] {
            let mut pair = Pair::connected(&client, &server);
            pair.client.set_buffer_limit(None);
            let mut storage: Vec<IoSlice<'_>> = data.chunks(size).map(IoSlice::new).collect();
            let mut slices = &mut storage[..];
            while !slices.is_empty() {
                let taken = pair.client.write_vectored(slices).unwrap();
                assert!(taken > 0);
                IoSlice::advance_slices(&mut slices, taken);
            }
            let wire = drain(&mut pair.client);
            let lengths = record_lengths(&wire);
            let (last, full) = lengths.split_last().unwrap();
            let overhead = overhead(version);
            assert!(full.iter().all(|length| *length == overhead + 16_384), "{size}: {lengths:?}");
            assert_eq!(*last, overhead + data.len() % 16_384);
            pair.server.set_buffer_limit(None);
            let (mut rest, mut received) = (&wire[..], Vec::new());
            while !rest.is_empty() {
                rest = &rest[feed(&mut pair.server, rest).unwrap()..];
                received.extend(read_all(&mut pair.server));
            }
            assert!(received == data, "{size}");
        }
    }
}

#[test]
fn empty_write_sends_nothing() {
    let (client, server) = configs();
    let mut pair = Pair::connected(&client, &server);
    assert_eq!(pair.client.write(b"").unwrap(), 0);
    assert_eq!(pair.client.write_vectored(&[]).unwrap(), 0);
    assert_eq!(pair.client.write_vectored(&[IoSlice::new(b""), IoSlice::new(b"")]).unwrap(), 0);
    assert!(!pair.client.wants_write());
    assert_eq!(pair.client.write_tls(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn one_byte_writes_to_the_transport_lose_nothing() {
    struct OneByte(Vec<u8>);
    impl Write for OneByte {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            self.0.push(buf[0]);
            Ok(1)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (client, server) = configs();
    let mut pair = Pair::connected(&client, &server);
    let data = pattern(30_000);
    pair.client.write_all(&data).unwrap();
    let mut transport = OneByte(Vec::new());
    while pair.client.wants_write() {
        assert_eq!(pair.client.write_tls(&mut transport).unwrap(), 1);
    }
    feed(&mut pair.server, &transport.0).unwrap();
    assert!(read_all(&mut pair.server) == data);
}
