//! Short records at first and after idle time, measured by their sizes on the wire, in both
//! versions.

use std::io::IoSlice;

use tls_codec::code_points::{CipherSuite, ProtocolVersion};
use tls_codec::record::HEADER_LEN;

use super::pair::{Pair, Pki, send_all};
use super::resumption::{Harness, Storage, TLS12, TLS13};
use crate::Outgoing;
use crate::config::{ClientConfig, RecordRampUp, ServerConfig};

/// Returns the lengths of the queued records, including headers.
pub(super) fn lengths(outgoing: &Outgoing) -> Vec<usize> {
    let (mut rest, mut lengths) = (outgoing.ready(), Vec::new());
    while let [_, _, _, high, low, ..] = rest {
        let length = HEADER_LEN + usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        rest = &rest[length..];
    }
    assert!(rest.is_empty(), "a partial record");
    lengths
}

/// Each suite with its overhead for a record's content.
const SUITES: [(ProtocolVersion, CipherSuite, usize); 3] = [
    (TLS13, CipherSuite::TLS_AES_128_GCM_SHA256, 5 + 1 + 16),
    (TLS12, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 5 + 8 + 16),
    (TLS12, CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 5 + 16),
];

fn ramp_up(record_size: usize, bytes: u32) -> Option<RecordRampUp> {
    Some(RecordRampUp { record_size, bytes })
}

/// Returns a connection with this suite and these settings.
fn connect(suite: CipherSuite, set: impl Fn(&mut ClientConfig, &mut ServerConfig)) -> Pair {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    client.set_cipher_suites(&[suite]).unwrap();
    set(&mut client, &mut server);
    let mut pair = Pair::with(client, server);
    pair.handshake(&Pki::new()).unwrap();
    pair
}

/// Sends data from both sides and checks that it arrives. Returns the record lengths, equal in both
/// directions.
fn send(pair: &mut Pair, data: &[u8]) -> Vec<usize> {
    send_all(&mut pair.client, data, &mut pair.to_server);
    send_all(&mut pair.server, data, &mut pair.to_client);
    let both = [lengths(&pair.to_server), lengths(&pair.to_client)];
    pair.run(&mut |_| panic!("a need after the handshake")).unwrap();
    assert!(std::mem::take(&mut pair.server_received) == data && std::mem::take(&mut pair.client_received) == data);
    let [client, server] = both;
    assert_eq!(client, server);
    client
}

fn data(length: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(length).collect()
}

#[test]
fn ramp_up_sends_short_records_first_and_after_idle() {
    for (version, suite, overhead) in SUITES {
        let mut pair = connect(suite, |client, server| {
            client.set_record_ramp_up(ramp_up(1300, 5000)).unwrap();
            server.set_record_ramp_up(ramp_up(1300, 5000)).unwrap();
        });
        assert_eq!(pair.client.protocol_version(), Some(version));
        let short = 1300 - overhead;
        assert_eq!(pair.client.record_capacity(), short);
        let full = 16_384 + overhead;
        // 5,000 bytes need four short records in each suite.
        let expected = [1300, 1300, 1300, 1300, full, full, 100 + overhead];
        let data = data(4 * short + 2 * 16_384 + 100);
        assert_eq!(send(&mut pair, &data), expected, "{suite}");
        assert_eq!(send(&mut pair, &data[..20_000])[0], full, "the ramp-up is over");
        for _ in 0..2 {
            pair.client.note_idle();
            pair.server.note_idle();
            assert_eq!(send(&mut pair, &data), expected, "{suite}, after a pause");
        }
    }
}

#[test]
fn ramp_up_counts_bytes_of_small_writes() {
    let mut pair = connect(CipherSuite::TLS_AES_128_GCM_SHA256, |client, server| {
        client.set_record_ramp_up(ramp_up(1000, 3000)).unwrap();
        server.set_record_ramp_up(ramp_up(1000, 3000)).unwrap();
    });
    for _ in 0..29 {
        assert_eq!(send(&mut pair, &data(100)), [122]);
    }
    assert_eq!(send(&mut pair, &data(99)), [121]);
    // One byte below the threshold: one more short record.
    assert_eq!(send(&mut pair, &data(5_000)), [1000, 5_000 - 978 + 22]);
}

#[test]
fn slices_fill_short_records() {
    let mut pair = connect(CipherSuite::TLS_AES_128_GCM_SHA256, |client, _| {
        client.set_record_ramp_up(ramp_up(1000, 2000)).unwrap();
    });
    let data = data(6_000);
    let slices: Vec<IoSlice<'_>> = data.chunks(7).map(IoSlice::new).collect();
    assert_eq!(pair.client.record_capacity(), 978);
    assert_eq!(pair.client.send(&slices, &mut pair.to_server).unwrap(), 978);
    assert_eq!(lengths(&pair.to_server), [1000]);
    send_all(&mut pair.client, &data[978..], &mut pair.to_server);
    assert_eq!(pair.client.record_capacity(), 16_384);
    assert_eq!(lengths(&pair.to_server), [1000, 1000, 1000, 6_000 - 3 * 978 + 22]);
    pair.step_server().unwrap();
    assert!(pair.server_received == data);
}

#[test]
fn disabled_ramp_up_sends_full_records() {
    for (_, suite, overhead) in SUITES {
        let mut pair = connect(suite, |_, _| {});
        for _ in 0..2 {
            let expected = [16_384 + overhead, 16_384 + overhead, 32 + overhead];
            assert_eq!(send(&mut pair, &data(32_800)), expected);
            pair.client.note_idle();
            pair.server.note_idle();
        }
    }
}

#[test]
fn ramp_up_respects_maximum_record_size() {
    for (_, suite, overhead) in SUITES {
        for (maximum, short) in [(500, 500), (2_000, 1_348)] {
            let mut pair = connect(suite, |client, server| {
                client.set_max_fragment_size(Some(maximum)).unwrap();
                client.set_record_ramp_up(Some(RecordRampUp::default())).unwrap();
                // The order of the setters does not matter.
                server.set_record_ramp_up(Some(RecordRampUp::default())).unwrap();
                server.set_max_fragment_size(Some(maximum)).unwrap();
            });
            let lengths = send(&mut pair, &data(100_000));
            let shorts = 0x1_0000_usize.div_ceil(short - overhead);
            let (first, later) = lengths.split_at(shorts);
            assert!(first.iter().all(|length| *length == short), "{lengths:?}");
            let (_, later) = later.split_last().unwrap();
            assert!(!later.is_empty() && later.iter().all(|length| *length == maximum), "{lengths:?}");
        }
    }
}

#[test]
fn ramp_up_does_not_affect_flights_and_early_data() {
    let wire = |ramp: Option<RecordRampUp>| {
        let mut harness = Harness::new(Storage::Id);
        let (mut client, mut server) = (harness.client(TLS13), harness.server());
        client.enable_early_data(true);
        server.set_max_early_data_size(5_000);
        client.set_record_ramp_up(ramp).unwrap();
        server.set_record_ramp_up(ramp).unwrap();
        let session = harness.establish_one(&client, &server);
        let mut pair = Pair::resuming(client, server, session, harness.now);
        let hello = lengths(&pair.to_server);
        let (early, mut taken) = (data(4_000), 0);
        while taken < early.len() {
            taken += pair.client.send_early_data(&early[taken..], &mut pair.to_server).unwrap();
        }
        let to_server = lengths(&pair.to_server);
        assert_eq!(to_server[hello.len()..], [4_022]);
        harness.run(&mut pair).unwrap();
        assert!(pair.server_early == early);
        (pair, to_server)
    };
    let (mut pair, with) = wire(ramp_up(100, 150));
    let (_, without) = wire(None);
    assert_eq!(with, without);
    // Handshake messages and early data do not count.
    assert_eq!(send(&mut pair, &data(1_000)), [100, 100, 1_000 - 2 * 78 + 22]);
}
