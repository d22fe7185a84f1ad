//! After the handshake a record costs no allocation; an idle session holds no buffer; a flood fills bounded memory.

use std::io::{BufRead, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use strata_tls::{DynamicRecordSizing, RecordPadding, Session};

#[path = "memory/pair.rs"]
#[expect(dead_code, reason = "shared with the tests in memory")]
mod pair;
#[path = "memory/pki.rs"]
#[expect(dead_code, reason = "shared with the tests in memory")]
mod pki;

use pair::{Pair, pattern};
use pki::{VERSIONS, configs_of};

/// A transport without an allocation of its own.
struct Wire {
    bytes: Vec<u8>,
    read: usize,
}

impl Wire {
    fn new() -> Self {
        Self { bytes: Vec::with_capacity(1 << 20), read: 0 }
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        assert!(self.bytes.len() + buf.len() <= self.bytes.capacity(), "the test's own buffer");
        self.bytes.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = (&self.bytes[self.read..]).read(buf)?;
        self.read += n;
        if self.read == self.bytes.len() {
            self.bytes.clear();
            self.read = 0;
        }
        Ok(n)
    }
}

/// Carries everything, and reads what arrives; returns how many bytes that were.
fn carry_and_read(from: &mut impl Session, to: &mut impl Session, wire: &mut Wire, out: &mut [u8]) -> usize {
    let mut heard = 0;
    while from.wants_write() {
        from.write_tls(wire).unwrap();
    }
    while !wire.bytes.is_empty() {
        to.read_tls(wire).unwrap();
        to.process_new_packets().unwrap();
        while let Ok(n) = to.read(out) {
            heard += n;
        }
    }
    heard
}

#[test]
fn records_cost_no_allocation_in_either_direction_after_the_handshake() {
    for (version, cut) in VERSIONS.into_iter().flat_map(|version| [(version, false), (version, true)]) {
        let (mut client, mut server) = configs_of(version);
        if cut {
            // Every write begins with short records, and the last one of each is padded.
            let mut sizing = DynamicRecordSizing::default();
            (sizing.short_bytes, sizing.pause) = (20_000, Duration::ZERO);
            Arc::make_mut(&mut client).set_dynamic_record_sizing(Some(sizing)).unwrap();
            Arc::make_mut(&mut server).set_dynamic_record_sizing(Some(sizing)).unwrap();
            Arc::make_mut(&mut client).set_record_padding(RecordPadding::ToMultipleOf(256));
            Arc::make_mut(&mut server).set_record_padding(RecordPadding::ToMultipleOf(256));
        }
        let mut pair = Pair::connected(&client, &server);
        let (data, mut out, mut wire) = (pattern(60_000), vec![0; 10_000], Wire::new());
        let slices: Vec<IoSlice<'_>> = data.chunks(50).map(IoSlice::new).collect();
        let mut rounds = |count: usize| {
            for round in 0..count {
                for size in [1, 100, 16_384, 60_000] {
                    let part = &data[..size];
                    assert_eq!(pair.client.write(part).unwrap(), size);
                    assert_eq!(carry_and_read(&mut pair.client, &mut pair.server, &mut wire, &mut out), size);
                    assert_eq!(pair.server.write(part).unwrap(), size);
                    assert_eq!(carry_and_read(&mut pair.server, &mut pair.client, &mut wire, &mut out), size);
                }
                // Several records before the transport takes the first.
                for _ in 0..4 {
                    pair.client.write_all(&data[..15_000]).unwrap();
                }
                assert_eq!(carry_and_read(&mut pair.client, &mut pair.server, &mut wire, &mut out), 60_000);
                let taken = pair.client.write_vectored(&slices).unwrap();
                assert_eq!(carry_and_read(&mut pair.client, &mut pair.server, &mut wire, &mut out), taken);
                if round % 10 == 0 {
                    assert!(pair.server.fill_buf().is_err());
                }
            }
        };
        // The thread's free lists fill at the first use.
        rounds(3);
        let info = measure(|| rounds(100));
        assert_eq!(info.count_total, 0, "{info:?}");
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![0u8; 100]))).count_total, 1);
}

#[test]
fn an_idle_session_holds_no_buffer() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        // All that the first connection leaves in this thread's lists.
        Pair::connected(&client, &server);
        let mut pairs = Vec::with_capacity(50);
        let info = measure(|| {
            for _ in 0..50 {
                let mut pair = Pair::connected(&client, &server);
                pair.client.write_all(&[7; 40_000]).unwrap();
                pair.settle().unwrap();
                pair::read_all(&mut pair.server);
                pairs.push(pair);
            }
        });
        let each = info.bytes_current / 50;
        assert!(each < 8 * 1024, "{each} bytes for both ends of an idle connection");
    }
}

/// What stays on the heap of a thread of its own after this work.
fn left_on_new_thread(work: impl FnOnce() + Send) -> i64 {
    let measured = || {
        let info = measure(work);
        assert!(info.bytes_max > 0);
        info.bytes_current
    };
    std::thread::scope(|scope| scope.spawn(measured).join().unwrap())
}

/// Data in many buffers at a time: half of the sessions have unread data, the other half a full send buffer.
fn fill_buffers(pairs: &mut [Pair]) {
    let data = pattern(64 * 1024);
    let (readers, writers) = pairs.split_at_mut(pairs.len() / 2);
    for pair in readers.iter_mut() {
        pair.client.write_all(&data).unwrap();
        pair.settle().unwrap();
        assert!(pair.server.fill_buf().is_ok());
    }
    for pair in writers.iter_mut() {
        assert_eq!(pair.client.write(&data).unwrap(), data.len());
    }
}

/// One buffer of a record each way, and the two lists.
const KEPT_BY_IDLE_THREAD: i64 = 2 * 17 * 1024 + 1024;
const KEPT_BY_THREAD: i64 = 2 * 256 * 1024 + 1024;

#[test]
fn thread_frees_buffers_when_its_last_session_is_dropped() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        // What configurations keep is there before, and sessions are made elsewhere than they are dropped.
        let mut pairs: Vec<_> = (0..16).map(|_| Pair::connected(&client, &server)).collect();
        let moved = Pair::connected(&client, &server);
        let busy = left_on_new_thread(|| {
            fill_buffers(&mut pairs);
            for pair in &mut pairs {
                pair.settle().unwrap();
                pair::read_all(&mut pair.server);
            }
        });
        // Much lies there while the thread may still need it, however many sessions there are.
        assert!((150 * 1024..=KEPT_BY_THREAD).contains(&busy), "{busy}");

        let idle = left_on_new_thread(|| {
            let mut own = Pair::new(&client, &server);
            fill_buffers(&mut pairs);
            for pair in &mut pairs {
                pair.settle().unwrap();
                pair::read_all(&mut pair.server);
            }
            own.client.read_tls(&mut &[][..]).unwrap();
            drop(own);
        });
        assert!((1..=KEPT_BY_IDLE_THREAD).contains(&idle), "{idle}");

        // One that came from another thread counts as well.
        let idle = left_on_new_thread(|| {
            fill_buffers(&mut pairs);
            for pair in &mut pairs {
                pair.settle().unwrap();
                pair::read_all(&mut pair.server);
            }
            let _moved = moved;
        });
        assert!(idle <= KEPT_BY_IDLE_THREAD, "{idle}");
    }
}

#[test]
fn release_buffers_frees_all_and_sessions_go_on() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pairs: Vec<_> = (0..16).map(|_| Pair::connected(&client, &server)).collect();
        let left = left_on_new_thread(|| {
            for _ in 0..2 {
                fill_buffers(&mut pairs);
                for pair in &mut pairs {
                    pair.settle().unwrap();
                    assert_eq!(pair::read_all(&mut pair.server), pattern(64 * 1024));
                }
                strata_tls::release_buffers();
            }
        });
        assert_eq!(left, 0);
    }
}

#[test]
fn a_session_that_waits_for_its_first_byte_holds_no_buffer() {
    for version in VERSIONS {
        let (_, server) = configs_of(version);
        let mut sessions = Vec::with_capacity(50);
        let info = measure(|| {
            for _ in 0..50 {
                let mut session = strata_tls::ServerSession::new(&server);
                session.process_new_packets().unwrap();
                sessions.push(session);
            }
        });
        let each = info.bytes_current / 50;
        assert!(each < 1024, "{each} bytes before the ClientHello");
    }
}

#[test]
fn a_flood_of_records_that_nobody_reads_fills_bounded_memory() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        for size in [1, 600, 16_384] {
            let mut pair = Pair::connected(&client, &server);
            let data = pattern(size);
            let mut wire = Wire::new();
            let info = measure(|| {
                while pair.server.wants_read() {
                    pair.client.write_all(&data).unwrap();
                    pair.client.write_tls(&mut wire).unwrap();
                    pair.server.read_tls(&mut wire).unwrap();
                    pair.server.process_new_packets().unwrap();
                }
            });
            // Both ends: 98 KiB to receive, while it grows a smaller buffer beside it, and a record to send.
            assert!(info.bytes_max < 180 * 1024, "{size}: {info:?}");
        }
    }
}
