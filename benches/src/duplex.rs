//! One connection that sends and receives at once. The peer's records are made before, and those
//! of this side are discarded.

use std::{
    hint::black_box,
    io::{self, BufRead, Write},
    sync::{Barrier, Mutex},
    thread,
    time::{Duration, Instant},
};

use strata_tls::{ClientSession, IntoSplit, Session};

use crate::{Endpoint, Ours, handshake};

/// The plaintext of one write: what a session accepts at once.
const WRITE: usize = 64 * 1024;

/// The time to send and to receive.
#[derive(Clone, Copy, Debug, Default)]
pub struct DuplexTimes {
    /// One thread, which does both in turns.
    pub one_thread: Duration,
    /// Two threads, each with one half.
    pub halves: Duration,
    /// Two threads that share the session under a mutex, as libraries without halves do.
    pub mutex: Duration,
}

/// How much a connection sends and receives, in writes.
#[derive(Clone, Copy, Debug)]
pub struct Amounts {
    /// More than are received, because received data is not in the processor's caches yet.
    sent: usize,
    received: usize,
}

impl Amounts {
    /// Returns how much is sent in the time of receiving this many writes. So two threads could do
    /// both in half of the time of one.
    ///
    /// # Panics
    /// If the handshake fails.
    #[must_use]
    pub fn balanced(library: &Ours, received: usize) -> Self {
        let data = vec![0x5a; WRITE];
        let sent = (0..9).map(|_| {
            let (mut session, wire) = connect(library, &data, received);
            let sending = elapsed(|| (0..received).for_each(|_| send(&mut session, &data)));
            let receiving = elapsed(|| {
                receive_all(&mut &wire[..], |wire| receive(&mut session, wire));
            });
            received as u128 * receiving.as_nanos() / sending.as_nanos()
        });
        let mut sent: Vec<_> = sent.collect();
        sent.sort_unstable();
        Self { sent: usize::try_from(sent[sent.len() / 2]).expect("a similar number"), received }
    }
}

/// Sends and receives this much on three new connections.
///
/// # Panics
/// If the handshake fails, or less is received than was sent.
#[must_use]
pub fn duplex(library: &Ours, amounts: Amounts) -> DuplexTimes {
    let Amounts { sent: sends, received: writes } = amounts;
    let data = vec![0x5a; WRITE];
    let mut times = DuplexTimes::default();

    let (mut session, wire) = connect(library, &data, writes);
    let (mut wire, mut received) = (&wire[..], 0);
    times.one_thread = elapsed(|| {
        for n in 0..sends {
            send(&mut session, &data);
            while received < (n + 1) * writes / sends * WRITE && !wire.is_empty() {
                received += receive(&mut session, &mut wire);
            }
        }
        received += receive_all(&mut wire, |wire| receive(&mut session, wire));
    });
    assert_eq!(received, writes * WRITE);

    let (session, wire) = connect(library, &data, writes);
    let (mut receiver, mut sender) = session.into_split().expect("a connection after its handshake");
    times.halves = two_threads(
        || {
            for _ in 0..sends {
                let accepted = sender.write(&data).expect("an open connection");
                assert_eq!(accepted, WRITE);
                while sender.wants_write() {
                    sender.write_tls(&mut Discard).expect("no error");
                }
            }
        },
        || {
            let received = receive_all(&mut &wire[..], |wire| {
                receiver.read_tls(wire).expect("there is room");
                receiver.process_new_packets().expect("valid records");
                read(&mut receiver)
            });
            assert_eq!(received, writes * WRITE);
        },
    );

    let (session, wire) = connect(library, &data, writes);
    let session = Mutex::new(session);
    let lock = || session.lock().expect("no panic");
    times.mutex = two_threads(
        || (0..sends).for_each(|_| send(&mut lock(), &data)),
        || assert_eq!(receive_all(&mut &wire[..], |wire| receive(&mut lock(), wire)), writes * WRITE),
    );
    times
}

/// A client after its handshake, and what its server sends to it.
fn connect(library: &Ours, data: &[u8], writes: usize) -> (ClientSession, Vec<u8>) {
    let (client, mut server, _) = handshake(library);
    let mut wire = Vec::with_capacity(writes * (data.len() + 256));
    for _ in 0..writes {
        assert_eq!(server.write(data).expect("an open connection"), data.len());
        while server.wants_write() {
            server.write_tls(&mut wire).expect("no error");
        }
    }
    (client.into_inner(), wire)
}

fn send(session: &mut ClientSession, data: &[u8]) {
    assert_eq!(session.write(data).expect("an open connection"), data.len());
    while session.wants_write() {
        session.write_tls(&mut Discard).expect("no error");
    }
}

/// Reads once from the transport, and all that this gives. Returns the number of bytes.
fn receive(session: &mut ClientSession, wire: &mut &[u8]) -> usize {
    session.read_tls(wire).expect("there is room");
    session.process_new_packets().expect("valid records");
    read(session)
}

fn read(from: &mut impl BufRead) -> usize {
    let mut count = 0;
    while let Ok(data) = from.fill_buf() {
        let length = black_box(data).len();
        from.consume(length);
        count += length;
    }
    count
}

fn receive_all(wire: &mut &[u8], mut once: impl FnMut(&mut &[u8]) -> usize) -> usize {
    let mut count = 0;
    while !wire.is_empty() {
        count += once(wire);
    }
    count
}

fn elapsed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The time until both are done.
fn two_threads(first: impl FnOnce() + Send, second: impl FnOnce()) -> Duration {
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            barrier.wait();
            first();
        });
        barrier.wait();
        elapsed(|| {
            second();
            other.join().expect("no panic");
        })
    })
}

/// A transport that accepts bytes without copying them.
struct Discard;

impl Write for Discard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Certificates, Library, Setup};

    #[test]
    fn all_data_arrives_in_each_way_of_sharing() {
        for setup in [Setup::TLS13, Setup::TLS12] {
            let library = Ours::new(&Certificates::make(), setup);
            let times = duplex(&library, Amounts::balanced(&library, 10));
            assert!([times.one_thread, times.halves, times.mutex].iter().all(|time| !time.is_zero()));
        }
    }
}
