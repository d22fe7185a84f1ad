//! The benchmarked work: full and resumed handshakes and bulk data, in memory, with each side timed
//! separately. `benches/run` runs all benchmarks.
//!
//! ```text
//! client ─write_tls─▶ Vec ─read_tls─▶ server      one thread; one side is timed at a time
//! ```
//!
//! Some peers need more than Rust and a C compiler, so they have features, off by default:
//! `aws-lc-rs`, this library and rustls with that backend (cmake, on some platforms); `openssl`,
//! over streams in memory (OpenSSL's headers and pkg-config; on Debian libssl-dev and pkg-config);
//! `openssl-vendored`, the same with an OpenSSL that has hybrid groups (Perl and make). They are
//! columns of the handshakes and of the bulk data.
//!
//! The same code drives [`Ours`] and [`Rustls`] through one trait, with the same suite (AES-128-GCM
//! with SHA-256), group (X25519), chains (leaf and intermediate, P-256) and session storage. The
//! [`Limit`] is measured next to them. On an uninterrupted thread, the difference of two readings
//! of the monotonic clock is CPU time; the median removes interruptions.

use std::{
    io::{self, BufRead, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Barrier,
    time::{Duration, Instant},
};

/// The name of the row of an idle connection's heap.
pub const IDLE_HEAP: &str = "heap of an idle connection, before any data";

mod asynchronous;
mod bulk;
mod certificates;
mod duplex;
mod limit;
mod measure;
#[cfg(feature = "openssl")]
mod openssl_peer;
mod ours;
mod quic;
pub mod report;
mod row;
mod rustls_peer;
mod unbuffered;
mod work;

pub use asynchronous::{AsyncLibrary, Flow, Memory, Requests, Transport, connection_time, runtime, transfer_time};
pub use bulk::{Buffered, BufferedTimes, RawAead, Shape, Unbuffered};
pub use certificates::{Certificates, Pem};
pub use duplex::{Amounts, DuplexTimes, duplex};
pub use limit::Limit;
pub use measure::{Contender, interleaved};
#[cfg(feature = "openssl")]
pub use openssl_peer::OpenSsl;
pub use ours::Ours;
#[cfg(feature = "aws-lc-rs")]
pub use ours::OursAwsLc;
pub use quic::{
    BarePacketKey, Calls, PACKET, PACKETS, Packets, Protection, Quic, QuicLibrary, QuicSide, QuicTransfer, QuinnKeys,
};
pub use row::{AWS_LC, Bound, Of, Row, Table, Target, Unit};
#[cfg(feature = "aws-lc-rs")]
pub use rustls_peer::{AwsLc, RustlsAwsLc};
pub use rustls_peer::{Provider, Ring, Rustls, RustlsRing};
pub use unbuffered::{OursUnbuffered, Pair, Records, Room, RustlsUnbuffered};
pub use work::{Handshakes, Transfers};

/// The capacity of a server's session store.
pub(crate) const SESSIONS: usize = 4096;

/// The setup of both libraries.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The only enabled version.
    pub version: Version,
    /// Who presents a certificate.
    pub certificates: Shown,
    /// Where sessions are stored.
    pub sessions: Sessions,
    /// Whether our library caches valid signatures of chains. rustls has no such cache.
    pub memo: Memo,
    /// Suites, groups and tickets.
    pub choice: Choice,
    /// The key of the certificates.
    pub key: LeafKey,
}

/// The key of a leaf certificate. The signatures of the chain are P-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKey {
    /// ECDSA with P-256.
    P256,
    /// RSA with 2048 bits. Only in TLS 1.3, since the suite of TLS 1.2 is for ECDSA.
    Rsa2048,
}

/// The enabled suites and groups, and the number of tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The same for both libraries: AES-128-GCM, X25519, one ticket.
    Alike,
    /// The same with X25519MLKEM768, in libraries that have it.
    Hybrid,
    /// Each library's defaults, with classical groups, since rustls on ring has no others.
    Defaults,
}

/// Whether valid signatures of chains are cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memo {
    /// The default: cached after the first handshake.
    Warm,
    /// Computed each time.
    Off,
}

/// Where sessions are stored, if at all; the client stores its side in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// Nowhere: each handshake is full.
    Nowhere,
    /// In a ticket, one after each handshake.
    Tickets,
    /// In the server's store, with an ID.
    Store,
    /// The server's default; the client discards sessions, so each handshake is full.
    Forgotten,
}

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.3, with TLS_AES_128_GCM_SHA256.
    Tls13,
    /// TLS 1.2, with TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256.
    Tls12,
}

/// Who presents a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Only the server.
    ByServer,
    /// Also the client, with the same one, for simplicity.
    ByBoth,
}

impl Setup {
    /// TLS 1.3, without client certificates.
    pub const TLS13: Self = Self::full(Version::Tls13, Shown::ByServer);
    /// TLS 1.2.
    pub const TLS12: Self = Self::full(Version::Tls12, Shown::ByServer);
    /// TLS 1.3 with a client's certificate.
    pub const TLS13_CLIENT_AUTH: Self = Self::full(Version::Tls13, Shown::ByBoth);
    /// TLS 1.2 with a client's certificate.
    pub const TLS12_CLIENT_AUTH: Self = Self::full(Version::Tls12, Shown::ByBoth);

    const fn full(version: Version, certificates: Shown) -> Self {
        Self {
            version,
            certificates,
            sessions: Sessions::Nowhere,
            memo: Memo::Warm,
            choice: Choice::Alike,
            key: LeafKey::P256,
        }
    }

    /// Returns the setup with each library's default suites, groups and tickets.
    #[must_use]
    pub const fn with_defaults(self) -> Self {
        Self { sessions: Sessions::Forgotten, choice: Choice::Defaults, ..self }
    }

    /// Returns the setup with hybrid key exchange.
    #[must_use]
    pub const fn hybrid(self) -> Self {
        Self { choice: Choice::Hybrid, ..self }
    }

    /// Returns the setup with an RSA key.
    #[must_use]
    pub const fn rsa(self) -> Self {
        Self { key: LeafKey::Rsa2048, ..self }
    }

    /// Returns whether handshakes resume a session.
    #[must_use]
    pub fn resumes(self) -> bool {
        matches!(self.sessions, Sessions::Tickets | Sessions::Store)
    }

    /// Returns the number of tickets that a server issues.
    pub(crate) fn tickets(self) -> u8 {
        match (self.sessions, self.choice) {
            (Sessions::Nowhere, _) => 0,
            (_, Choice::Alike | Choice::Hybrid) => 1,
            (_, Choice::Defaults) => 2,
        }
    }

    /// Returns the setup without the signature cache.
    #[must_use]
    pub const fn without_memo(self) -> Self {
        Self { memo: Memo::Off, ..self }
    }

    /// Returns the setup with resumption of sessions stored here.
    #[must_use]
    pub const fn resumed(self, sessions: Sessions) -> Self {
        Self { sessions, ..self }
    }
}

/// A TLS library with a client and a server configuration.
pub trait Library {
    /// Its name in tables.
    const NAME: &'static str;
    /// The client session.
    type Client: Endpoint;
    /// The server session.
    type Server: Endpoint;

    /// Creates configurations of a server with these certificates and a client that trusts their
    /// root.
    fn new(certificates: &Certificates, setup: Setup) -> Self;
    /// Creates a client session.
    fn client(&self) -> Self::Client;
    /// Creates a server session.
    fn server(&self) -> Self::Server;
    /// Returns a copy that shares only the configuration of `side`. Ticket keys and server sessions
    /// are also shared, since otherwise nothing is resumed. The exception is TLS 1.2, where a
    /// session is resumed repeatedly: each server has its own store.
    fn sharing(&self, side: Side) -> Self;
}

/// A side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// One side of a connection, for both libraries.
pub trait Endpoint {
    /// Reads bytes from the peer.
    ///
    /// # Errors
    /// If the session's buffer is full.
    fn read_tls(&mut self, from: &mut dyn Read) -> io::Result<usize>;
    /// Writes bytes for the peer.
    ///
    /// # Errors
    /// The errors of `to`.
    fn write_tls(&mut self, to: &mut dyn Write) -> io::Result<usize>;
    /// Processes received bytes.
    ///
    /// # Panics
    /// If the peer violates the protocol, which would be a bug in the benchmark.
    fn process(&mut self);
    /// Returns whether the handshake is incomplete.
    fn is_handshaking(&self) -> bool;
    /// Returns whether the handshake resumed a session.
    fn is_resumed(&self) -> bool;
    /// Returns whether there are bytes for the peer.
    fn wants_write(&self) -> bool;
    /// Sends plaintext.
    ///
    /// # Errors
    /// The errors of the library.
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize>;
    /// Reads received plaintext.
    ///
    /// # Errors
    /// `WouldBlock` if there is none.
    fn read(&mut self, plaintext: &mut [u8]) -> io::Result<usize>;
    /// Reads some received plaintext in place and consumes it; returns 0 if there is none.
    fn read_in_place(&mut self) -> usize;
}

/// The time of a handshake on each side.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// The client: creating the session, and all calls to it.
    pub client: Duration,
    /// The server, likewise.
    pub server: Duration,
}

/// Performs a handshake and returns its cost. Each side's clock is read only once per turn.
///
/// # Panics
/// If the handshake fails.
pub fn handshake<L: Library>(library: &L) -> (L::Client, L::Server, Cost) {
    let mut cost = Cost::default();
    let mut wire = Vec::with_capacity(16 * 1024);
    let mut client = timed(&mut cost.client, || {
        let mut client = library.client();
        flush(&mut client, &mut wire);
        client
    });
    let mut server = timed(&mut cost.server, || {
        let mut server = library.server();
        turn(&mut server, &mut wire);
        server
    });
    while !wire.is_empty() {
        timed(&mut cost.client, || turn(&mut client, &mut wire));
        if !wire.is_empty() {
            timed(&mut cost.server, || turn(&mut server, &mut wire));
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking(), "the handshake of {} is incomplete", L::NAME);
    (client, server, cost)
}

/// Returns the cost of a full handshake on each side, including dropping the session.
///
/// # Panics
/// If the handshake fails.
pub fn handshake_cost<L: Library>(library: &L) -> Cost {
    let (client, server, mut cost) = handshake(library);
    timed(&mut cost.client, || drop(client));
    timed(&mut cost.server, || drop(server));
    cost
}

/// Returns the cost of a resumed handshake on each side, including storing and dropping the
/// session. There must have been a handshake before.
///
/// # Panics
/// If the handshake fails or is full.
pub fn resumed_cost<L: Library>(library: &L) -> Cost {
    let (client, server, mut cost) = handshake(library);
    assert!(client.is_resumed() && server.is_resumed(), "{} did not resume", L::NAME);
    timed(&mut cost.client, || drop(client));
    timed(&mut cost.server, || drop(server));
    cost
}

/// Returns the bytes that the client and the server send in a resumed handshake, tickets included.
///
/// # Panics
/// If the handshake fails or is full.
pub fn resumed_bytes<L: Library>(library: &L) -> [usize; 2] {
    let _ = handshake(library);
    let (mut client, mut server) = (library.client(), library.server());
    let (mut wire, mut sent) = (Vec::new(), [0; 2]);
    while client.wants_write() || server.wants_write() {
        flush(&mut client, &mut wire);
        sent[0] += wire.len();
        turn(&mut server, &mut wire);
        sent[1] += wire.len();
        deliver(&mut wire, &mut client);
    }
    assert!(client.is_resumed() && server.is_resumed(), "{} did not resume", L::NAME);
    sent
}

/// Returns the work of two threads in relation to one. In each round, each thread runs alone, then
/// both run at once.
///
/// A thread's speed is the upper quartile of its 1 ms intervals. Other work on the machine
/// interrupts for some milliseconds: it finds an idle core next to one thread and none next to two.
/// The effect of the threads on each other is in all intervals.
///
/// # Panics
/// If the work panics.
pub fn scaling<W: FnMut() + Send>(works: &mut [W; 2], rounds: usize, time: Duration) -> f64 {
    let barrier = Barrier::new(2);
    let [first, second] = works;
    let conversation = |work: &mut W, turn: usize| {
        let (mut alone, mut together, mut panic) = (Vec::new(), Vec::new(), None);
        for phase in (0..rounds).flat_map(|_| 0..3) {
            barrier.wait();
            let speeds = if phase == 2 { &mut together } else { &mut alone };
            if (phase == turn || phase == 2) && panic.is_none() {
                // Wait for the other thread at the barrier.
                panic = catch_unwind(AssertUnwindSafe(|| measure_speed(&mut *work, time, speeds))).err();
            }
        }
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        [alone, together].map(upper_quartile)
    };
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| conversation(second, 1));
        (conversation(first, 0), other.join().expect("a thread"))
    });
    2.0 * (first[1] + second[1]) / (first[0] + second[0])
}

/// Returns the work per second of each interval.
fn measure_speed(mut work: impl FnMut(), time: Duration, speeds: &mut Vec<f64>) {
    const STRETCH: Duration = Duration::from_millis(1);
    let start = Instant::now();
    while start.elapsed() < time {
        let (begin, mut pieces) = (Instant::now(), 0u32);
        let taken = loop {
            work();
            pieces += 1;
            let taken = begin.elapsed();
            if taken >= STRETCH {
                break taken;
            }
        };
        speeds.push(f64::from(pieces) / taken.as_secs_f64());
    }
}

fn upper_quartile(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() * 3 / 4).copied().unwrap_or_default()
}

/// Reads what a `BufRead` has buffered, and consumes it.
pub(crate) fn look(reader: &mut impl BufRead) -> usize {
    let length = reader.fill_buf().map_or(0, |plaintext| std::hint::black_box(plaintext).len());
    reader.consume(length);
    length
}

fn timed<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *total += start.elapsed();
    result
}

/// Writes all queued bytes to the transport.
///
/// # Panics
/// If the transport rejects them.
pub fn flush(from: &mut impl Endpoint, wire: &mut impl Write) {
    while from.wants_write() {
        from.write_tls(wire).expect("writing to memory");
    }
}

/// Processes the bytes on the wire, and replaces them with the response.
fn turn(side: &mut impl Endpoint, wire: &mut Vec<u8>) {
    deliver(wire, side);
    flush(side, wire);
}

/// Feeds all of these bytes to a session, which processes them.
///
/// # Panics
/// If the peer violates the protocol, which would be a bug in the benchmark.
pub fn deliver(wire: &mut Vec<u8>, to: &mut impl Endpoint) {
    let mut unread = &wire[..];
    while !unread.is_empty() {
        to.read_tls(&mut unread).expect("buffer space");
        to.process();
    }
    wire.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests each setup repeatedly.
    fn handshakes<L: Library>(setups: &[Setup]) {
        let certificates = Certificates::make();
        for setup in setups {
            let library = L::new(&certificates, *setup);
            let _ = handshake_cost(&library);
            for _ in 0..3 {
                let (client, server, _) = handshake(&library);
                assert_eq!([client.is_resumed(), server.is_resumed()], [setup.resumes(); 2], "{} {setup:?}", L::NAME);
            }
        }
    }

    #[test]
    fn panicking_thread_does_not_block_the_other() {
        let (mut left, time) = (3, Duration::from_millis(1));
        let works: [Box<dyn FnMut() + Send>; 2] = [
            Box::new(|| {}),
            Box::new(move || {
                left -= 1;
                assert!(left > 0, "on purpose");
            }),
        ];
        let mut works = works;
        assert!(catch_unwind(AssertUnwindSafe(|| scaling(&mut works, 3, time))).is_err());
    }

    const FULL: [Setup; 8] = [
        Setup::TLS13,
        Setup::TLS13.hybrid(),
        Setup::TLS13.without_memo(),
        Setup::TLS13_CLIENT_AUTH,
        Setup::TLS13.with_defaults(),
        Setup::TLS12,
        Setup::TLS12_CLIENT_AUTH,
        Setup::TLS12.with_defaults(),
    ];
    const RESUMED: [Setup; 4] = [
        Setup::TLS13.resumed(Sessions::Tickets),
        Setup::TLS13.resumed(Sessions::Store),
        Setup::TLS12.resumed(Sessions::Tickets),
        Setup::TLS12.resumed(Sessions::Store),
    ];

    #[test]
    fn handshakes_are_full_or_resumed_as_configured() {
        for setups in [&FULL[..], &RESUMED] {
            handshakes::<Ours>(setups);
            handshakes::<RustlsRing>(setups);
            #[cfg(feature = "aws-lc-rs")]
            {
                handshakes::<RustlsAwsLc>(setups);
                handshakes::<OursAwsLc>(setups);
            }
        }
        #[cfg(feature = "openssl")]
        handshakes::<OpenSsl>(&FULL);
    }
}

// Runs the examples of the repository's README as tests.
#[cfg(all(doctest, feature = "readme"))]
#[doc = include_str!("../../README.md")]
struct Readme;
