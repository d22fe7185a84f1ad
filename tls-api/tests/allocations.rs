//! Memory use: records allocate nothing after the handshake, idle sessions hold no buffer, and
//! unread records fill bounded memory.

use std::io::{BufRead, IoSlice, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use allocation_counter::measure;
use strata_tls::{DynamicRecordSizing, IntoSplit, RecordPadding, Session};

#[path = "memory/pair.rs"]
#[expect(dead_code, reason = "shared with the tests in memory")]
mod pair;
#[path = "memory/pki.rs"]
#[expect(dead_code, reason = "shared with the tests in memory")]
mod pki;

use pair::{Pair, pattern};
use pki::{VERSIONS, configs_of};

/// A transport that allocates only when created.
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
        assert!(self.bytes.len() + buf.len() <= self.bytes.capacity(), "the test's buffer is too small");
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

/// Carries all output and reads the plaintext. Returns the number of bytes read.
fn carry_and_read(from: &mut impl Session, to: &mut impl Session, wire: &mut Wire, out: &mut [u8]) -> usize {
    let mut received = 0;
    while from.wants_write() {
        from.write_tls(wire).unwrap();
    }
    while !wire.bytes.is_empty() {
        to.read_tls(wire).unwrap();
        to.process_new_packets().unwrap();
        while let Ok(n) = to.read(out) {
            received += n;
        }
    }
    received
}

#[test]
fn records_after_the_handshake_allocate_nothing() {
    for (version, cut) in VERSIONS.into_iter().flat_map(|version| [(version, false), (version, true)]) {
        let (mut client, mut server) = configs_of(version);
        if cut {
            // Every write starts with short records, and its last record is padded.
            let mut sizing = DynamicRecordSizing::default();
            (sizing.short_bytes, sizing.idle_reset) = (20_000, Duration::ZERO);
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
        // The first use fills the thread's free lists.
        rounds(3);
        let info = measure(|| rounds(100));
        assert_eq!(info.count_total, 0, "{info:?}");
    }
}

/// The halves allocate nothing either.
#[test]
fn records_of_halves_allocate_nothing() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let Pair { client, mut server } = Pair::connected(&client, &server);
        let (mut receiver, mut sender) = client.into_split().unwrap();
        let (data, mut out, mut wire) = (pattern(60_000), vec![0; 10_000], Wire::new());
        let mut rounds = |count: usize| {
            for _ in 0..count {
                for size in [1, 100, 16_384, 60_000] {
                    assert_eq!(server.write(&data[..size]).unwrap(), size);
                    while server.wants_write() {
                        server.write_tls(&mut wire).unwrap();
                    }
                    let mut received = 0;
                    while !wire.bytes.is_empty() {
                        receiver.read_tls(&mut wire).unwrap();
                        receiver.process_new_packets().unwrap();
                        while let Ok(n) = receiver.read(&mut out) {
                            received += n;
                        }
                    }
                    assert_eq!(received, size);
                    assert_eq!(sender.write(&data[..size]).unwrap(), size);
                    while sender.wants_write() {
                        sender.write_tls(&mut wire).unwrap();
                    }
                    while !wire.bytes.is_empty() {
                        server.read_tls(&mut wire).unwrap();
                        server.process_new_packets().unwrap();
                        while let Ok(n) = server.read(&mut out) {
                            received -= n;
                        }
                    }
                    assert_eq!(received, 0);
                }
            }
        };
        rounds(3);
        let info = measure(|| rounds(100));
        assert_eq!(info.count_total, 0, "{info:?}");
    }
}

#[test]
fn allocation_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![0u8; 100]))).count_total, 1);
}

#[cfg(feature = "quic")]
#[test]
fn packets_of_quic_allocate_nothing() {
    use strata_tls::quic::{NewPacketNumber, TAG_LEN, Version, initial_keys};
    let keys = initial_keys(tls_crypto::Backend::ring(), Version::V1, b"connection id").client;
    let mut packet = [7; 1200 + TAG_LEN];
    packet[0] = 0x43;
    let counted = measure(|| {
        for number in 0..10 {
            let (header, payload) = packet.split_at_mut(5);
            keys.packet.seal(NewPacketNumber::new(number).unwrap(), header, payload).unwrap();
            keys.header.protect(&mut packet, 1).unwrap();
            assert_eq!(keys.header.unprotect(&mut packet, 1), Ok(4));
            let (header, payload) = packet.split_at_mut(5);
            keys.packet.open(number, header, payload).unwrap();
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn idle_session_holds_no_buffer() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        // The first connection fills this thread's free lists.
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

/// Runs `work` on a new thread. Returns the bytes that it leaves on the heap.
fn left_on_new_thread(work: impl FnOnce() + Send) -> i64 {
    let measured = || {
        let info = measure(work);
        assert!(info.bytes_max > 0);
        info.bytes_current
    };
    std::thread::scope(|scope| scope.spawn(measured).join().unwrap())
}

/// Fills many buffers at once: half of the sessions have unread data, the other half a full send
/// buffer.
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

/// A buffer for a received flight, one for a record in each direction, and the two free lists.
const KEPT_BY_IDLE_THREAD: i64 = (2 + 2 * 17) * 1024 + 1024;
const KEPT_BY_THREAD: i64 = (2 + 2 * 256) * 1024 + 1024;

#[test]
fn thread_frees_buffers_when_its_last_session_is_dropped() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        // Create configurations and sessions before the measurement, and on another thread than the
        // one that drops them.
        let mut pairs: Vec<_> = (0..16).map(|_| Pair::connected(&client, &server)).collect();
        let moved = Pair::connected(&client, &server);
        let busy = left_on_new_thread(|| {
            fill_buffers(&mut pairs);
            for pair in &mut pairs {
                pair.settle().unwrap();
                pair::read_all(&mut pair.server);
            }
        });
        // A thread keeps buffers for reuse, up to a limit that does not depend on the number of
        // sessions.
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

        // Dropping a session that another thread created has the same effect.
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
fn release_buffers_frees_all_and_sessions_continue() {
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

/// Runs one side of a handshake. Returns its peak on the heap, with what the thread keeps.
fn handshake_peak<S: Session>(new: impl FnOnce() -> S, to: &Sender<Vec<u8>>, from: &Receiver<Vec<u8>>) -> i64 {
    let (mut side, mut held, mut peak) = (None, 0, 0);
    let mut by = |work: &mut dyn FnMut()| {
        let info = measure(work);
        peak = peak.max(held + i64::try_from(info.bytes_max).unwrap());
        held += info.bytes_current;
    };
    let mut new = Some(new);
    by(&mut || side = Some(Box::new(new.take().unwrap()())));
    let mut side = side.unwrap();
    loop {
        let mut wire = Vec::with_capacity(64 * 1024);
        by(&mut || while side.wants_write() && side.write_tls(&mut wire).is_ok() {});
        // The other side may have finished.
        let _ = to.send(wire);
        if !side.is_handshaking() {
            return peak;
        }
        let wire = from.recv().unwrap();
        let mut rest = &wire[..];
        by(&mut || {
            while !rest.is_empty() {
                side.read_tls(&mut rest).unwrap();
                side.process_new_packets().unwrap();
            }
        });
    }
}

/// A private key of ML-KEM has 2,400 bytes, and a share 1,216. The first handshake of a thread is
/// the largest.
#[cfg(feature = "post-quantum")]
#[test]
fn hybrid_handshake_peaks_below_12_kb() {
    let (client, server) = configs_of(VERSIONS[0]);
    let pair = Pair::connected(&client, &server);
    assert_eq!(pair.client.negotiated_group(), Some(strata_tls::NamedGroup::X25519MLKEM768));
    let ((to_server, at_server), (to_client, at_client)) = (channel(), channel());
    let [at_client, at_server] = std::thread::scope(|scope| {
        let (client, server) = (&client, &server);
        let new_client = move || strata_tls::ClientSession::new(client, "server.test").unwrap();
        let new_server = move || strata_tls::ServerSession::new(server);
        let client = scope.spawn(move || handshake_peak(new_client, &to_server, &at_client));
        let server = scope.spawn(move || handshake_peak(new_server, &to_client, &at_server));
        [client, server].map(|side| side.join().unwrap())
    });
    assert!(at_client <= 12_000 && at_server <= 12_000, "{at_client} and {at_server} bytes");
}

#[test]
fn session_before_its_first_byte_holds_no_buffer() {
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
fn unread_records_fill_bounded_memory() {
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
            // Both ends: 98 KiB to receive, a smaller buffer while it grows, and a record to send.
            assert!(info.bytes_max < 180 * 1024, "{size}: {info:?}");
        }
    }
}
