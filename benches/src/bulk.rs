//! Bulk data: bursts of records that a sender seals and a receiver opens, each timed separately.
//!
//! The work of sockets is excluded. The sender's transport counts the bytes without reading them.
//! The receiver's transport has to copy into the library's buffer, as a kernel does;
//! [`TransportCopy`] measures only that copy, which is subtracted from the receiver's time. Moving
//! bytes between the sides is not timed.

use std::{
    hint::black_box,
    io::{self, IoSlice, Read, Write},
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::{Certificates, Endpoint, Library, Pair, Records, Room, Setup, flush, handshake, limit::RecordKey, timed};

/// The maximum plaintext of a record.
pub(crate) const RECORD: usize = 16 * 1024;

/// The shape of the data: the size of bursts and of writes.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bytes per write, and per read.
    pub write: usize,
    /// Bytes per round: what a program may have in transit on a fast network.
    pub burst: usize,
}

impl Shape {
    /// Small messages.
    pub const SMALL: Self = Self { write: 1024, burst: 256 * 1024 };
    /// Whole records.
    pub const RECORDS: Self = Self { write: RECORD, burst: 256 * 1024 };
    /// Writes of many records.
    pub const LARGE: Self = Self { write: 1024 * 1024, burst: 1024 * 1024 };

    /// Returns the plaintext length of a record.
    const fn record(self) -> usize {
        if self.write < RECORD { self.write } else { RECORD }
    }
}

/// Bursts through buffered sessions with their default limits.
#[derive(Debug)]
pub struct Buffered<S, R> {
    shape: Shape,
    /// Its records are discarded.
    timed: S,
    sender: S,
    receiver: R,
    /// The program's data: a buffer that it has just filled.
    plaintext: Vec<u8>,
    wire: Vec<u8>,
    read: Vec<u8>,
}

/// The times of a round of [`Buffered`].
#[derive(Clone, Copy, Debug, Default)]
pub struct BufferedTimes {
    /// Sending a burst.
    pub send: Duration,
    /// Receiving one without a copy (`BufRead`), without the transport's copy.
    pub receive: Duration,
    /// Receiving one with a copy (`Read`), without the transport's copy.
    pub receive_by_read: Duration,
    /// The transport's copies of both.
    pub transport: [Duration; 2],
}

impl<S: Endpoint, R: Endpoint> Buffered<S, R> {
    /// Creates sending clients and a receiving server.
    ///
    /// # Panics
    /// If the handshake fails.
    pub fn new<L: Library<Client = S, Server = R>>(library: &L, shape: Shape) -> Self {
        let ((timed, _, _), (sender, receiver, _)) = (handshake(library), handshake(library));
        let (plaintext, wire) = (vec![0x5a; shape.write], Vec::with_capacity(2 * shape.burst));
        Self { shape, timed, sender, receiver, plaintext, wire, read: vec![0; shape.write] }
    }

    /// Sends a burst, receives it without a copy, and receives another one with a copy.
    ///
    /// # Panics
    /// If less is received than was sent.
    pub fn round(&mut self) -> BufferedTimes {
        let mut times = BufferedTimes::default();
        fill(&mut self.plaintext);
        let (shape, plaintext) = (self.shape, &self.plaintext);
        timed(&mut times.send, || send(&mut self.timed, plaintext, shape, &mut Sink::default()));
        self.wire.clear();
        send(&mut self.sender, plaintext, shape, &mut self.wire);
        let [by_buf_read, by_read] = &mut times.transport;
        timed(&mut times.receive, || {
            let wire = Wire { bytes: &self.wire, time: by_buf_read };
            assert_eq!(receive(&mut self.receiver, wire, R::read_in_place), shape.burst);
        });
        self.wire.clear();
        send(&mut self.sender, plaintext, shape, &mut self.wire);
        timed(&mut times.receive_by_read, || {
            // Fill one buffer of a write's length, then the next, as `read_exact` does.
            let mut at = 0;
            let read = |receiver: &mut R| {
                let length = receiver.read(&mut self.read[at..]).unwrap_or(0);
                at = (at + length) % shape.write;
                length
            };
            let wire = Wire { bytes: &self.wire, time: by_read };
            assert_eq!(receive(&mut self.receiver, wire, read), shape.burst);
        });
        times.receive = times.receive.saturating_sub(times.transport[0]);
        times.receive_by_read = times.receive_by_read.saturating_sub(times.transport[1]);
        times
    }
}

/// Fills the buffer, as a program does before a write.
fn fill(plaintext: &mut [u8]) {
    plaintext.fill(black_box(0x5a));
}

/// Writes a burst as `write_all` does, and flushes to the transport after each write.
fn send(sender: &mut impl Endpoint, plaintext: &[u8], shape: Shape, transport: &mut impl Write) {
    for _ in 0..shape.burst / shape.write {
        let mut rest = plaintext;
        while !rest.is_empty() {
            let taken = sender.write(rest).expect("the session is open");
            rest = &rest[taken..];
            flush(sender, transport);
        }
    }
}

fn receive<R: Endpoint>(receiver: &mut R, mut wire: Wire<'_>, mut read: impl FnMut(&mut R) -> usize) -> usize {
    let mut arrived = 0;
    while !wire.bytes.is_empty() {
        receiver.read_tls(&mut wire).expect("there is room");
        receiver.process();
        loop {
            match read(receiver) {
                0 => break,
                length => arrived += length,
            }
        }
    }
    arrived
}

/// A transport that returns received bytes and adds up the time of its copies.
struct Wire<'a> {
    bytes: &'a [u8],
    time: &'a mut Duration,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        let length = self.bytes.read(buffer)?;
        // The clock is read twice; half of that time is outside of the interval.
        *self.time += start.elapsed() + reading_of_clock();
        Ok(length)
    }
}

/// Returns the time to read the clock.
fn reading_of_clock() -> Duration {
    static TAKES: OnceLock<Duration> = OnceLock::new();
    *TAKES.get_or_init(|| {
        const READINGS: u32 = 1000;
        let start = Instant::now();
        for _ in 0..READINGS {
            black_box(Instant::now());
        }
        start.elapsed() / READINGS
    })
}

/// A transport that accepts bytes without copying them.
#[derive(Default)]
struct Sink {
    taken: usize,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.taken += black_box(bytes).len();
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        slices.iter().map(|slice| self.write(slice)).sum()
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bursts through the unbuffered engines. The receiver opens records where the transport put them;
/// the transport's copy is not timed.
#[derive(Debug)]
pub struct Unbuffered<S, R> {
    /// Its records are discarded.
    timed: S,
    sender: S,
    receiver: R,
    burst: usize,
    rooms: Vec<Room>,
    wire: Vec<u8>,
}

impl<S: Records, R: Records> Unbuffered<S, R> {
    /// Creates sending clients and a receiving server.
    pub fn new<P: Pair<Client = S, Server = R>>(certificates: &Certificates, setup: Setup, shape: Shape) -> Self {
        let ((timed, _), (sender, receiver)) = (P::connect(certificates, setup), P::connect(certificates, setup));
        let rooms = (0..shape.burst / shape.record()).map(|_| Room::new(shape.record())).collect();
        Self { timed, sender, receiver, burst: shape.burst, rooms, wire: Vec::with_capacity(2 * shape.burst) }
    }

    /// Sends a burst, one record per transport write, and receives one.
    ///
    /// # Panics
    /// If less is received than was sent.
    pub fn round(&mut self) -> [Duration; 2] {
        let mut times = [Duration::ZERO; 2];
        timed(&mut times[0], || {
            for room in &mut self.rooms {
                black_box(self.timed.seal(room));
            }
        });
        self.wire.clear();
        for room in &mut self.rooms {
            self.wire.extend_from_slice(self.sender.seal(room));
        }
        timed(&mut times[1], || assert_eq!(self.receiver.open(&mut self.wire), self.burst));
        times
    }
}

/// The limit: seals and opens each record of a burst in place. The limit with a copy adds the copy
/// that ring requires, as it only works in place: from the program's buffer before sealing, into it
/// after opening.
#[derive(Debug)]
pub struct RawAead {
    shape: Shape,
    key: RecordKey,
    sealed: Layout,
    opened: Layout,
    /// As many records as a session buffers at once.
    copied: Layout,
    program: Vec<u8>,
}

/// Records in one buffer.
#[derive(Debug)]
struct Layout {
    bytes: Vec<u8>,
    /// The offset of the first record, the distance between records, and their length.
    offset: usize,
    stride: usize,
    length: usize,
}

const CACHE_LINE: usize = 64;

impl Layout {
    fn new(count: usize, stride: usize, length: usize) -> Self {
        let bytes = vec![0x5a; count * stride + CACHE_LINE];
        let offset = bytes.as_ptr().align_offset(CACHE_LINE) % CACHE_LINE;
        Self { bytes, offset, stride, length }
    }

    fn each(&mut self, mut work: impl FnMut(u64, &mut [u8])) {
        let records = self.bytes[self.offset..].chunks_exact_mut(self.stride);
        (0..).zip(records).for_each(|(sequence, record)| work(sequence, &mut record[..self.length]));
    }

    fn nth(&mut self, at: usize) -> &mut [u8] {
        &mut self.bytes[self.offset + at * self.stride..][..self.length]
    }
}

impl RawAead {
    /// Returns records of this protocol version.
    #[must_use]
    pub fn new(setup: Setup, shape: Shape) -> Self {
        Self::with(RecordKey::new(setup.version), shape)
    }

    /// Returns records of this protocol version, sealed by AWS-LC.
    #[cfg(feature = "aws-lc-rs")]
    #[must_use]
    pub fn aws_lc(setup: Setup, shape: Shape) -> Self {
        Self::with(RecordKey::aws_lc(setup.version), shape)
    }

    fn with(key: RecordKey, shape: Shape) -> Self {
        let (count, length) = (shape.burst / shape.record(), shape.record() + key.overhead());
        // A sender can seal at cache lines. A receiver gets records one after another.
        let sealed = Layout::new(count, length.next_multiple_of(CACHE_LINE), length);
        let opened = Layout::new(count, HEADER + length, length);
        let copied = Layout::new(4, length.next_multiple_of(CACHE_LINE), length);
        Self { shape, key, sealed, opened, copied, program: vec![0; shape.write] }
    }

    /// Seals and opens a burst, then the same with a copy.
    pub fn round(&mut self) -> [Duration; 4] {
        let mut times = [Duration::ZERO; 4];
        let Self { shape, key, sealed, opened, copied, program } = self;
        timed(&mut times[0], || sealed.each(|sequence, record| key.seal(sequence, record)));
        opened.each(|sequence, record| key.seal(sequence, record));
        timed(&mut times[1], || opened.each(|sequence, record| key.open(sequence, record)));
        let (write, record_len) = (shape.write, shape.record());
        fill(program);
        timed(&mut times[2], || {
            for (at, slice) in (0..shape.burst / write).flat_map(|_| program.chunks(record_len)).enumerate() {
                let record = copied.nth(at % 4);
                record[..record_len].copy_from_slice(slice);
                key.seal(0, record);
            }
        });
        opened.each(|sequence, record| key.seal(sequence, record));
        timed(&mut times[3], || {
            let mut at = 0;
            opened.each(|sequence, record| {
                key.open(sequence, record);
                program[at..at + record_len].copy_from_slice(&record[..record_len]);
                at = (at + record_len) % write;
            });
            black_box(&program);
        });
        times
    }
}

/// The length of a record header in bytes.
const HEADER: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ours, OursUnbuffered, RustlsRing, RustlsUnbuffered};

    #[test]
    fn bursts_of_every_shape_arrive_completely() {
        let certificates = Certificates::make();
        for shape in [Shape::SMALL, Shape::RECORDS, Shape::LARGE] {
            for setup in [Setup::TLS13, Setup::TLS12] {
                let mut ours = Buffered::new(&Ours::new(&certificates, setup), shape);
                let mut rustls = Buffered::new(&RustlsRing::new(&certificates, setup), shape);
                let mut raw = RawAead::new(setup, shape);
                #[cfg(feature = "openssl")]
                let _ = Buffered::new(&crate::OpenSsl::new(&certificates, setup), shape).round();
                #[cfg(feature = "aws-lc-rs")]
                let _ = RawAead::aws_lc(setup, shape).round();
                for _ in 0..3 {
                    let _ = (ours.round(), rustls.round(), raw.round());
                }
            }
            let mut ours = Unbuffered::new::<OursUnbuffered>(&certificates, Setup::TLS13, shape);
            let mut rustls = Unbuffered::new::<RustlsUnbuffered>(&certificates, Setup::TLS13, shape);
            for _ in 0..3 {
                let _ = (ours.round(), rustls.round());
            }
        }
    }
}
