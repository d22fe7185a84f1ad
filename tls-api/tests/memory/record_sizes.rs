//! Record sizes on the wire under each setting: dynamic sizing, maximum fragment size, padding and
//! negotiated limits.

use std::io::{IoSlice, Write};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use strata_tls::{
    ClientConfig, ConfigError, DynamicRecordSizing, ProtocolVersion, RecordPadding, ServerConfig, Session,
};

use crate::pair::{Pair, carry, drain, feed, pattern, read_all, record_lengths};
use crate::pki::{Ca, Kind, VERSIONS};
use crate::sending::overhead;

/// An idle time that no test reaches.
const NEVER: Duration = Duration::from_secs(100_000);

fn sizing(short_record: usize, short_bytes: u32, pause: Duration) -> DynamicRecordSizing {
    let mut sizing = DynamicRecordSizing::default();
    (sizing.short_record, sizing.short_bytes, sizing.idle_reset) = (short_record, short_bytes, pause);
    sizing
}

/// A pair before its handshake, with settings for both sides.
fn unconnected(version: ProtocolVersion, set: impl Fn(&mut ClientConfig, &mut ServerConfig)) -> Pair {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_versions(&[version]).unwrap();
    set(&mut client, &mut server);
    let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
    pair.client.set_buffer_limit(None);
    pair.server.set_buffer_limit(None);
    pair
}

fn connected(version: ProtocolVersion, set: impl Fn(&mut ClientConfig, &mut ServerConfig)) -> Pair {
    let mut pair = unconnected(version, set);
    pair.settle().unwrap();
    pair
}

/// Carries all pending output in parts that the receiver can hold. Returns the record lengths.
fn deliver(from: &mut impl Session, to: &mut impl Session, expected: &[u8]) -> Vec<usize> {
    let wire = drain(from);
    let (mut rest, mut received) = (&wire[..], Vec::new());
    while !rest.is_empty() {
        rest = &rest[feed(to, rest).unwrap()..];
        received.extend(read_all(to));
    }
    assert!(received == expected);
    record_lengths(&wire)
}

#[test]
fn dynamic_sizing_starts_short_and_restarts_after_idle() {
    for version in VERSIONS {
        let pause = Duration::from_millis(20);
        let mut pair = connected(version, |client, server| {
            client.set_dynamic_record_sizing(Some(sizing(1_300, 3_000, pause))).unwrap();
            server.set_dynamic_record_sizing(Some(sizing(1_300, 3_000, pause))).unwrap();
        });
        let overhead = overhead(version);
        let data = pattern(3 * (1_300 - overhead) + 16_384 + 10);
        let expected = [1_300, 1_300, 1_300, 16_384 + overhead, 10 + overhead];
        for _ in 0..3 {
            pair.client.write_all(&data).unwrap();
            assert_eq!(deliver(&mut pair.client, &mut pair.server, &data), expected, "{version}");
            pair.server.write_all(&data).unwrap();
            assert_eq!(deliver(&mut pair.server, &mut pair.client, &data), expected, "{version}");
            sleep(2 * pause);
        }
    }
}

#[test]
fn records_stay_full_without_an_idle_pause() {
    for version in VERSIONS {
        let mut pair = connected(version, |_, server| {
            server.set_dynamic_record_sizing(Some(sizing(1_300, 3_000, NEVER))).unwrap();
        });
        let (data, overhead) = (pattern(100_000), overhead(version));
        pair.server.write_all(&data).unwrap();
        let lengths = deliver(&mut pair.server, &mut pair.client, &data);
        assert_eq!(lengths[..4], [1_300, 1_300, 1_300, 16_384 + overhead]);
        for _ in 0..3 {
            pair.server.write_all(&data[..20_000]).unwrap();
            let lengths = deliver(&mut pair.server, &mut pair.client, &data[..20_000]);
            assert_eq!(lengths, [16_384 + overhead, 20_000 - 16_384 + overhead]);
        }
        // The client does not use dynamic sizing.
        pair.client.write_all(&data).unwrap();
        assert_eq!(deliver(&mut pair.client, &mut pair.server, &data)[0], 16_384 + overhead);
    }
}

#[test]
fn pending_output_does_not_count_as_idle() {
    for version in VERSIONS {
        // An idle time of zero: every write would count as after a pause.
        let mut pair = connected(version, |client, _| {
            client.set_dynamic_record_sizing(Some(sizing(1_000, 2_000, Duration::ZERO))).unwrap();
        });
        let (data, overhead) = (pattern(30_000), overhead(version));
        let short = 1_000 - overhead;
        for _ in 0..2 {
            pair.client.write_all(&data[..3 * short]).unwrap();
            pair.client.write_all(&data[3 * short..]).unwrap();
            let last = 30_000 - 3 * short - 16_384 + overhead;
            let expected = [1_000, 1_000, 1_000, 16_384 + overhead, last];
            assert_eq!(deliver(&mut pair.client, &mut pair.server, &data), expected, "{version}");
        }
    }
}

#[test]
fn default_sizing_sends_segment_sized_records_for_64_kib() {
    for version in VERSIONS {
        let mut pair = connected(version, |_, server| {
            server.set_dynamic_record_sizing(Some(DynamicRecordSizing::default())).unwrap();
        });
        let (data, overhead) = (pattern(200_000), overhead(version));
        pair.server.write_all(&data).unwrap();
        let lengths = deliver(&mut pair.server, &mut pair.client, &data);
        let (short, full) = lengths.split_at(0x1_0000_usize.div_ceil(1_348 - overhead));
        assert!(short.iter().all(|length| *length == 1_348), "{lengths:?}");
        let (_, full) = full.split_last().unwrap();
        assert!(!full.is_empty() && full.iter().all(|length| *length == 16_384 + overhead), "{lengths:?}");
    }
}

#[test]
fn one_vectored_write_fills_many_short_records() {
    for version in VERSIONS {
        for size in [30, 100, 1_000, 5_000] {
            let mut pair = connected(version, |client, _| {
                client.set_dynamic_record_sizing(Some(sizing(1_000, 20_000, NEVER))).unwrap();
            });
            let data = pattern(60_000);
            let slices: Vec<IoSlice<'_>> = data.chunks(size).map(IoSlice::new).collect();
            let taken = pair.client.write_vectored(&slices).unwrap();
            assert!(taken > 20_000, "{size}: {taken}");
            let lengths = deliver(&mut pair.client, &mut pair.server, &data[..taken]);
            let (short, full) = lengths.split_at(20_000_usize.div_ceil(1_000 - overhead(version)));
            assert!(short.iter().all(|length| *length == 1_000), "{size}: {lengths:?}");
            let mut full = full.split_last().map_or(&[][..], |(_, full)| full).iter();
            assert!(full.all(|length| *length == 16_384 + overhead(version)), "{size}: {lengths:?}");
        }
    }
}

#[test]
fn data_written_during_the_handshake_starts_short() {
    for version in VERSIONS {
        let set = |on: bool| {
            move |client: &mut ClientConfig, server: &mut ServerConfig| {
                if on {
                    client.set_dynamic_record_sizing(Some(sizing(1_300, 2_000, Duration::ZERO))).unwrap();
                    server.set_dynamic_record_sizing(Some(sizing(1_300, 2_000, Duration::ZERO))).unwrap();
                }
            }
        };
        let handshake = |on: bool| {
            let mut pair = unconnected(version, set(on));
            let data = pattern(10_000);
            for part in data.chunks(1_000) {
                pair.client.write_all(part).unwrap();
            }
            // The data follows the client's last handshake message.
            let (mut received, mut sent) = (Vec::new(), Vec::new());
            while received.len() < data.len() {
                let wire = drain(&mut pair.client);
                sent.extend(record_lengths(&wire));
                feed(&mut pair.server, &wire).unwrap();
                received.extend(read_all(&mut pair.server));
                carry(&mut pair.server, &mut pair.client).unwrap();
            }
            assert!(received == data);
            sent
        };
        let overhead = overhead(version);
        let (with, without) = (handshake(true), handshake(false));
        assert!(without.ends_with(&[10_000 + overhead]), "{without:?}");
        assert!(with.ends_with(&[1_300, 1_300, 10_000 - 2 * (1_300 - overhead) + overhead]), "{with:?}");
    }
}

#[test]
fn dynamic_sizing_respects_maximum_and_buffer_limit() {
    for version in VERSIONS {
        let mut pair = connected(version, |client, _| {
            client.set_max_fragment_size(Some(700)).unwrap();
            client.set_dynamic_record_sizing(Some(DynamicRecordSizing::default())).unwrap();
        });
        pair.client.set_buffer_limit(Some(5_000));
        let data = pattern(50_000);
        let (mut rest, mut wire) = (&data[..], Vec::new());
        while !rest.is_empty() {
            let taken = pair.client.write(rest).unwrap();
            rest = &rest[taken..];
            let waiting = drain(&mut pair.client);
            assert!(taken > 0 && waiting.len() <= 5_000);
            wire.extend(waiting);
        }
        assert!(record_lengths(&wire).iter().all(|length| *length <= 700));
        feed(&mut pair.server, &wire).unwrap();
        assert!(read_all(&mut pair.server) == data);
    }
}

#[test]
fn invalid_record_sizes_are_rejected() {
    let mut config = ClientConfig::new();
    for size in [0, 63, 1 << 15] {
        let refused = config.set_dynamic_record_sizing(Some(sizing(size, 1, NEVER)));
        assert!(matches!(refused, Err(ConfigError::BadFragmentSize { got, .. }) if got == size));
    }
    config.set_dynamic_record_sizing(Some(sizing(64, u32::MAX, Duration::ZERO))).unwrap();
    config.set_dynamic_record_sizing(None).unwrap();
}

#[test]
fn padded_records_reveal_only_whole_blocks() {
    for version in VERSIONS {
        let mut pair = connected(version, |client, server| {
            client.set_record_padding(RecordPadding::ToMultipleOf(512));
            server.set_record_padding(RecordPadding::ToMultipleOf(512));
        });
        let (data, overhead) = (pattern(40_000), overhead(version));
        for length in [1, 5, 511, 512, 513, 1_024, 1_025, 16_383, 16_384, 16_385, 40_000] {
            let whole = std::iter::repeat_n(16_384, length / 16_384);
            let rest = length % 16_384;
            let rest = if version == ProtocolVersion::TLS13 { rest.div_ceil(512) * 512 } else { rest };
            let expected: Vec<usize> =
                whole.chain((rest > 0).then_some(rest)).map(|content| content + overhead).collect();
            pair.client.write_all(&data[..length]).unwrap();
            assert_eq!(deliver(&mut pair.client, &mut pair.server, &data[..length]), expected, "{version}");
            let slices: Vec<IoSlice<'_>> = data[..length].chunks(1_000).map(IoSlice::new).collect();
            assert_eq!(pair.server.write_vectored(&slices).unwrap(), length);
            assert_eq!(deliver(&mut pair.server, &mut pair.client, &data[..length]), expected, "{version}");
        }
        pair.client.send_close_notify();
        let alert = if version == ProtocolVersion::TLS13 { 512 } else { 2 };
        assert_eq!(deliver(&mut pair.client, &mut pair.server, b""), [alert + overhead]);
    }
}

#[test]
fn padding_exceeds_the_buffer_limit_by_less_than_a_block() {
    let mut pair =
        connected(ProtocolVersion::TLS13, |client, _| client.set_record_padding(RecordPadding::ToMultipleOf(4_096)));
    for limit in [0, 1, 4_000, 10_000] {
        pair.client.set_buffer_limit(Some(limit));
        let (data, mut sent) = (pattern(30_000), 0);
        while sent < 20_000.min(limit * 10).max(3) {
            let taken = pair.client.write(&data[sent..]).unwrap();
            assert!(taken > 0);
            let wire = drain(&mut pair.client);
            assert!(wire.len() < limit.max(23) + 4_096, "{limit}: {}", wire.len());
            feed(&mut pair.server, &wire).unwrap();
            assert!(read_all(&mut pair.server) == data[sent..sent + taken]);
            sent += taken;
        }
    }
}

/// The settings reach the engine, and both sides return the negotiated limits.
#[test]
fn record_limits_are_applied_and_returned() {
    for version in VERSIONS {
        let content = |limit: u16| if version == ProtocolVersion::TLS13 { limit - 1 } else { limit };
        let mut pair = connected(version, |client, server| {
            client.set_record_size_limit(Some(600)).unwrap();
            server.set_record_size_limit(Some(64)).unwrap();
        });
        let data = pattern(5_000);
        let (client, server) = (pair.client.record_limits(), pair.server.record_limits());
        assert_eq!((client.send, client.receive), (content(64), content(600)));
        assert_eq!((server.send, server.receive), (content(600), content(64)));
        for (limit, server_sends) in [(client.send, false), (server.send, true)] {
            let full = usize::from(limit) + overhead(version);
            let lengths = if server_sends {
                pair.server.write_all(&data).unwrap();
                deliver(&mut pair.server, &mut pair.client, &data)
            } else {
                pair.client.write_all(&data).unwrap();
                deliver(&mut pair.client, &mut pair.server, &data)
            };
            let (last, others) = lengths.split_last().unwrap();
            assert!(*last <= full && others.iter().all(|length| *length == full), "{version} {lengths:?}");
        }
        let mut pair = connected(version, |client, _| client.set_max_fragment_length(Some(1024)).unwrap());
        assert_eq!((pair.client.record_limits().send, pair.server.record_limits().send), (1024, 1024));
        pair.server.write_all(&data).unwrap();
        let lengths = deliver(&mut pair.server, &mut pair.client, &data);
        assert_eq!(lengths[0], 1024 + overhead(version));
    }
    assert!(ClientConfig::new().set_record_size_limit(Some(63)).is_err());
    assert!(ClientConfig::new().set_max_fragment_length(Some(100)).is_err());
}
