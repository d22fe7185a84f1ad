//! Bulk data: bursts of records that a sender seals and a receiver opens, each timed by itself.
//!
//! What a socket does is not the library's. The sender's transport counts the bytes and looks at none of them. A receiver's
//! has to copy what came into the library's buffer, as a kernel does: [`TransportCopy`] measures that copy alone, to be taken
//! out of the receiver's time. Whatever carries bytes from one side to the other is not timed.

use std::{
    hint::black_box,
    io::{self, IoSlice, Write},
    time::Duration,
};

use crate::{Certificates, Endpoint, Library, Pair, Records, Room, Setup, flush, handshake, limit::RecordKey, timed};

/// The most plaintext that a record holds.
pub(crate) const RECORD: usize = 16 * 1024;

/// How data flows: bursts of this many bytes, in writes of that many.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bytes of a write, and of a read.
    pub write: usize,
    /// Bytes of a round: what a program may have under way on a fast network.
    pub burst: usize,
}

impl Shape {
    /// Small messages.
    pub const SMALL: Self = Self { write: 1024, burst: 64 * 1024 };
    /// Whole records.
    pub const RECORDS: Self = Self { write: RECORD, burst: 64 * 1024 };
    /// Writes of many records.
    pub const LARGE: Self = Self { write: 1024 * 1024, burst: 1024 * 1024 };

    /// Plaintext of a record.
    const fn record(self) -> usize {
        if self.write < RECORD { self.write } else { RECORD }
    }
}

/// Bursts through the buffered sessions.
#[derive(Debug)]
pub struct Buffered<S, R> {
    shape: Shape,
    /// Its records are thrown away.
    timed: S,
    sender: S,
    receiver: R,
    plaintext: Vec<u8>,
    wire: Vec<u8>,
    read: Vec<u8>,
}

impl<S: Endpoint, R: Endpoint> Buffered<S, R> {
    /// Clients that send and a server that receives.
    ///
    /// # Panics
    /// If the handshake fails.
    pub fn new<L: Library<Client = S, Server = R>>(library: &L, shape: Shape) -> Self {
        let ((mut timed, _, _), (mut sender, receiver, _)) = (handshake(library), handshake(library));
        timed.lift_buffer_limit();
        sender.lift_buffer_limit();
        let (plaintext, wire) = (vec![0x5a; shape.burst], Vec::with_capacity(2 * shape.burst));
        Self { shape, timed, sender, receiver, plaintext, wire, read: vec![0; shape.write] }
    }

    /// Sends a burst, receives one without a copy (`BufRead`), and another one with one (`Read`).
    ///
    /// # Panics
    /// If less arrives than was sent.
    pub fn round(&mut self) -> [Duration; 3] {
        let mut times = [Duration::ZERO; 3];
        timed(&mut times[0], || send(&mut self.timed, &self.plaintext, self.shape.write, &mut Sink::default()));
        self.fill_wire();
        timed(&mut times[1], || {
            let arrived = receive(&mut self.receiver, &self.wire, R::read_in_place);
            assert_eq!(arrived, self.shape.burst);
        });
        self.fill_wire();
        timed(&mut times[2], || {
            let read = |receiver: &mut R| receiver.read(&mut self.read).unwrap_or(0);
            let arrived = receive(&mut self.receiver, &self.wire, read);
            assert_eq!(arrived, self.shape.burst);
        });
        times
    }

    fn fill_wire(&mut self) {
        self.wire.clear();
        send(&mut self.sender, &self.plaintext, self.shape.write, &mut self.wire);
    }
}

/// Each write is flushed.
fn send(sender: &mut impl Endpoint, plaintext: &[u8], write: usize, transport: &mut impl Write) {
    for part in plaintext.chunks(write) {
        assert_eq!(sender.write(part).expect("the session is open"), part.len());
        flush(sender, transport);
    }
}

fn receive<R: Endpoint>(receiver: &mut R, mut wire: &[u8], mut read: impl FnMut(&mut R) -> usize) -> usize {
    let mut arrived = 0;
    while !wire.is_empty() {
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

/// A transport that takes bytes and copies none.
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

/// Bursts through the engines that work on the caller's buffers. The receiver opens them where the transport put them: its copy is not timed.
#[derive(Debug)]
pub struct Unbuffered<S, R> {
    /// Its records are thrown away.
    timed: S,
    sender: S,
    receiver: R,
    burst: usize,
    rooms: Vec<Room>,
    wire: Vec<u8>,
}

impl<S: Records, R: Records> Unbuffered<S, R> {
    /// Clients that send and a server that receives.
    pub fn new<P: Pair<Client = S, Server = R>>(certificates: &Certificates, setup: Setup, shape: Shape) -> Self {
        let ((timed, _), (sender, receiver)) = (P::connect(certificates, setup), P::connect(certificates, setup));
        let rooms = (0..shape.burst / shape.record()).map(|_| Room::new(shape.record())).collect();
        Self { timed, sender, receiver, burst: shape.burst, rooms, wire: Vec::with_capacity(2 * shape.burst) }
    }

    /// Sends a burst, each record of which goes to the transport by itself, and receives one.
    ///
    /// # Panics
    /// If less arrives than was sent.
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

/// The limit: each record of a burst sealed where it lies, and opened there.
#[derive(Debug)]
pub struct RawAead {
    key: RecordKey,
    bytes: Vec<u8>,
    /// Where the first record begins, from there how far it is from one to the next, and how long each is.
    offset: usize,
    stride: usize,
    length: usize,
}

impl RawAead {
    /// Records as they are in this version of the protocol.
    #[must_use]
    pub fn new(setup: Setup, shape: Shape) -> Self {
        const CACHE_LINE: usize = 64;
        let key = RecordKey::new(setup.version);
        let length = shape.record() + key.overhead();
        let stride = length.next_multiple_of(CACHE_LINE);
        let bytes = vec![0x5a; shape.burst / shape.record() * stride + CACHE_LINE];
        let offset = bytes.as_ptr().align_offset(CACHE_LINE) % CACHE_LINE;
        Self { key, bytes, offset, stride, length }
    }

    /// Seals a burst and opens it.
    pub fn round(&mut self) -> [Duration; 2] {
        let mut times = [Duration::ZERO; 2];
        let Self { key, bytes, offset, stride, length } = self;
        let records = &mut bytes[*offset..];
        timed(&mut times[0], || {
            for (sequence, record) in (0..).zip(records.chunks_exact_mut(*stride)) {
                key.seal(sequence, &mut record[..*length]);
            }
        });
        timed(&mut times[1], || {
            for (sequence, record) in (0..).zip(records.chunks_exact_mut(*stride)) {
                key.open(sequence, &mut record[..*length]);
            }
        });
        times
    }
}

/// What a transport does that hands a burst to a receiver: one copy, into a buffer of a record's size that is warm.
#[derive(Debug)]
pub struct TransportCopy {
    wire: Vec<u8>,
    buffer: Vec<u8>,
    round: u8,
}

impl TransportCopy {
    /// Of bursts as they are on the wire.
    #[must_use]
    pub fn new(setup: Setup, shape: Shape) -> Self {
        const HEADER: usize = 5;
        let record = HEADER + shape.record() + RecordKey::new(setup.version).overhead();
        let wire = vec![0; shape.burst / shape.record() * record];
        Self { wire, buffer: vec![0; HEADER + RECORD + 256], round: 0 }
    }

    /// Copies a burst that was just written.
    pub fn round(&mut self) -> Duration {
        self.round = self.round.wrapping_add(1);
        self.wire.fill(self.round);
        let mut time = Duration::ZERO;
        timed(&mut time, || {
            for part in black_box(&self.wire).chunks(self.buffer.len()) {
                self.buffer[..part.len()].copy_from_slice(part);
                black_box(&mut self.buffer);
            }
        });
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ours, OursUnbuffered, RustlsRing, RustlsUnbuffered};

    #[test]
    fn bursts_of_every_shape_arrive_in_full() {
        let certificates = Certificates::make();
        for shape in [Shape::SMALL, Shape::RECORDS, Shape::LARGE] {
            for setup in [Setup::TLS13, Setup::TLS12] {
                let mut ours = Buffered::new(&Ours::new(&certificates, setup), shape);
                let mut rustls = Buffered::new(&RustlsRing::new(&certificates, setup), shape);
                let mut raw = RawAead::new(setup, shape);
                #[cfg(feature = "openssl")]
                let _ = Buffered::new(&crate::OpenSsl::new(&certificates, setup), shape).round();
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
