//! What the benchmarks measure (`benches/run` does it all): full and resumed handshakes and bulk data, in memory, with each side's time apart.
//!
//! ```text
//! client ─write_tls─▶ Vec ─read_tls─▶ server      one thread; the clock runs for one side at a time
//! ```
//!
//! Peers behind features, which are off by default, since they take more than Rust and a C compiler: `aws-lc-rs`, rustls with
//! that provider (cmake, on some platforms); `openssl`, over streams in memory (OpenSSL's headers and pkg-config, on Debian
//! libssl-dev and pkg-config). They are columns of the handshakes and of the bulk data.
//!
//! [`Ours`] and [`Rustls`] are driven through one trait by the same code, with the same suite (AES-128-GCM with SHA-256), group
//! (X25519) and chains (leaf and intermediate, P-256), and keep sessions in the same way, or not at all. Beside them stands
//! the [`Limit`]. On one thread that nobody interrupts, the time between two readings of the monotonic clock is CPU time; what
//! an interruption adds goes away with the median.

use std::{
    io::{self, BufRead, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Barrier,
    time::{Duration, Instant},
};

mod bulk;
mod certificates;
mod limit;
mod measure;
#[cfg(feature = "openssl")]
mod openssl_peer;
mod ours;
pub mod report;
mod row;
mod rustls_peer;
mod unbuffered;
mod work;

pub use bulk::{Buffered, BufferedTimes, RawAead, Shape, Unbuffered};
pub use certificates::Certificates;
pub use limit::Limit;
pub use measure::{Contender, interleaved};
#[cfg(feature = "openssl")]
pub use openssl_peer::OpenSsl;
pub use ours::Ours;
pub use row::{Bound, Of, Row, Table, Target, Unit};
#[cfg(feature = "aws-lc-rs")]
pub use rustls_peer::{AwsLc, RustlsAwsLc};
pub use rustls_peer::{Provider, Ring, Rustls, RustlsRing};
pub use unbuffered::{OursUnbuffered, Pair, Records, Room, RustlsUnbuffered};
pub use work::{Handshakes, Transfers};

/// Sessions that a server's memory holds.
pub(crate) const SESSIONS: usize = 4096;

/// What both libraries are set up to do.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The version of the protocol, and no other.
    pub version: Version,
    /// Who shows a certificate.
    pub certificates: Shown,
    /// Where sessions are kept.
    pub sessions: Sessions,
    /// Whether we remember signatures of chains that were found right; rustls has nothing like it.
    pub memo: Memo,
    /// Suites, groups and tickets.
    pub choice: Choice,
}

/// Which suites and groups are enabled, and how many tickets a server gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The same for both libraries: AES-128-GCM, X25519, one ticket.
    Alike,
    /// What each does by itself.
    Defaults,
}

/// Whether signatures of chains that were found right are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memo {
    /// As by default: those of the benchmark's chains are, after the first handshake.
    Warm,
    /// Each is computed each time.
    Off,
}

/// Where sessions are kept, if they are; the client keeps its side in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// Nowhere: each handshake is a full one.
    Nowhere,
    /// With the client, in a sealed ticket; one after each handshake.
    Tickets,
    /// In the server's memory, under an id.
    Store,
    /// As by default at the server; the client takes them and forgets them, so that each handshake is a full one.
    Forgotten,
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.3, with TLS_AES_128_GCM_SHA256.
    Tls13,
    /// TLS 1.2, with TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256.
    Tls12,
}

/// Who shows a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The server alone.
    ByServer,
    /// The client as well: the same one, for simplicity.
    ByBoth,
}

impl Setup {
    /// TLS 1.3, as most connections are.
    pub const TLS13: Self = Self::full(Version::Tls13, Shown::ByServer);
    /// TLS 1.2.
    pub const TLS12: Self = Self::full(Version::Tls12, Shown::ByServer);
    /// TLS 1.3 with a client's certificate.
    pub const TLS13_CLIENT_AUTH: Self = Self::full(Version::Tls13, Shown::ByBoth);
    /// TLS 1.2 with a client's certificate.
    pub const TLS12_CLIENT_AUTH: Self = Self::full(Version::Tls12, Shown::ByBoth);

    const fn full(version: Version, certificates: Shown) -> Self {
        Self { version, certificates, sessions: Sessions::Nowhere, memo: Memo::Warm, choice: Choice::Alike }
    }

    /// The same, with the suites, groups and tickets that each library has by default.
    #[must_use]
    pub const fn with_defaults(self) -> Self {
        Self { sessions: Sessions::Forgotten, choice: Choice::Defaults, ..self }
    }

    /// Whether handshakes go on from a session.
    #[must_use]
    pub fn resumes(self) -> bool {
        matches!(self.sessions, Sessions::Tickets | Sessions::Store)
    }

    /// How many tickets a server gives.
    pub(crate) fn tickets(self) -> u8 {
        match (self.sessions, self.choice) {
            (Sessions::Nowhere, _) => 0,
            (_, Choice::Alike) => 1,
            (_, Choice::Defaults) => 2,
        }
    }

    /// The same, with each signature computed each time.
    #[must_use]
    pub const fn without_memo(self) -> Self {
        Self { memo: Memo::Off, ..self }
    }

    /// The same, resumed from where sessions are kept.
    #[must_use]
    pub const fn resumed(self, sessions: Sessions) -> Self {
        Self { sessions, ..self }
    }
}

/// A TLS library with a client's and a server's configuration ready.
pub trait Library {
    /// As it is called in tables.
    const NAME: &'static str;
    /// A client's session.
    type Client: Endpoint;
    /// A server's session.
    type Server: Endpoint;

    /// Configured for a server that has these certificates, and a client that trusts their root.
    fn new(certificates: &Certificates, setup: Setup) -> Self;
    /// A fresh client session.
    fn client(&self) -> Self::Client;
    /// A fresh server session.
    fn server(&self) -> Self::Server;
    /// The same, but with a configuration of its own on the other side: what is left in common is what `side` has. The
    /// servers' keys of tickets and sessions stay in common as well, or nothing would be resumed; a session of TLS 1.2, which is resumed
    /// again and again, each server has in a store of its own.
    fn sharing(&self, side: Side) -> Self;
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// One side of a connection, as both libraries have it.
pub trait Endpoint {
    /// Takes in bytes of the peer.
    ///
    /// # Errors
    /// When the session's buffer is full.
    fn read_tls(&mut self, from: &mut dyn Read) -> io::Result<usize>;
    /// Hands out bytes for the peer.
    ///
    /// # Errors
    /// Those of `to`.
    fn write_tls(&mut self, to: &mut dyn Write) -> io::Result<usize>;
    /// Works on what was taken in.
    ///
    /// # Panics
    /// If the peer broke the protocol, which would be a fault of the benchmark.
    fn process(&mut self);
    /// Whether the handshake still goes on.
    fn is_handshaking(&self) -> bool;
    /// Whether the handshake went on from a session.
    fn is_resumed(&self) -> bool;
    /// Whether there are bytes for the peer.
    fn wants_write(&self) -> bool;
    /// Plaintext to send.
    ///
    /// # Errors
    /// Those of the library.
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize>;
    /// Plaintext that came.
    ///
    /// # Errors
    /// `WouldBlock` where there is none.
    fn read(&mut self, plaintext: &mut [u8]) -> io::Result<usize>;
    /// Looks at some plaintext that came where it lies, and is done with it; 0 if there is none.
    fn read_in_place(&mut self) -> usize;
}

/// What a handshake cost each side.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Making the client's session and all calls to it.
    pub client: Duration,
    /// The same for the server's.
    pub server: Duration,
}

/// A full handshake, and what it cost. Each side's clock is read as few times as it has turns.
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
    assert!(!client.is_handshaking() && !server.is_handshaking(), "the handshake of {} stopped half-way", L::NAME);
    (client, server, cost)
}

/// What a full handshake costs each side, including the end of its session.
///
/// # Panics
/// If the handshake fails.
pub fn handshake_cost<L: Library>(library: &L) -> Cost {
    let (client, server, mut cost) = handshake(library);
    timed(&mut cost.client, || drop(client));
    timed(&mut cost.server, || drop(server));
    cost
}

/// What a resumed handshake costs each side, including keeping its session and the end of its session. A handshake must have gone
/// before.
///
/// # Panics
/// If the handshake fails, or is a full one.
pub fn resumed_cost<L: Library>(library: &L) -> Cost {
    let (client, server, mut cost) = handshake(library);
    assert!(client.is_resumed() && server.is_resumed(), "{} did not resume", L::NAME);
    timed(&mut cost.client, || drop(client));
    timed(&mut cost.server, || drop(server));
    cost
}

/// How many times the work of one thread two get done: in each round either works alone, and then both do.
///
/// A thread's speed is the upper quartile of stretches of a millisecond. The machine has other things to do now and then, and so have those
/// that share it, for some milliseconds at a time: they find a core idle beside one thread and none beside two. What threads do to
/// each other, all stretches see.
///
/// # Panics
/// If the work does.
pub fn scaling<W: FnMut() + Send>(works: &mut [W; 2], rounds: usize, time: Duration) -> f64 {
    let barrier = Barrier::new(2);
    let [first, second] = works;
    let conversation = |work: &mut W, turn: usize| {
        let (mut alone, mut together, mut panic) = (Vec::new(), Vec::new(), None);
        for phase in (0..rounds).flat_map(|_| 0..3) {
            barrier.wait();
            let speeds = if phase == 2 { &mut together } else { &mut alone };
            if (phase == turn || phase == 2) && panic.is_none() {
                // The other thread is waited for at the barrier until the end.
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

/// Pieces of work a second, stretch by stretch.
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

/// Looks at what a `BufRead` has, and takes it.
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

/// Hands all bytes that wait to the transport.
///
/// # Panics
/// If it does not take them.
pub fn flush(from: &mut impl Endpoint, wire: &mut impl Write) {
    while from.wants_write() {
        from.write_tls(wire).expect("memory takes all");
    }
}

/// Takes in what is on the wire, and puts the answer on it.
fn turn(side: &mut impl Endpoint, wire: &mut Vec<u8>) {
    deliver(wire, side);
    flush(side, wire);
}

/// Hands all of these bytes to a session, which works on them.
///
/// # Panics
/// If the peer broke the protocol, which would be a fault of the benchmark.
pub fn deliver(wire: &mut Vec<u8>, to: &mut impl Endpoint) {
    let mut unread = &wire[..];
    while !unread.is_empty() {
        to.read_tls(&mut unread).expect("there is room");
        to.process();
    }
    wire.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In all of these setups, again and again.
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
    fn a_thread_whose_work_panics_does_not_leave_the_other_waiting() {
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

    const FULL: [Setup; 7] = [
        Setup::TLS13,
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
    fn handshakes_are_full_or_resumed_as_they_are_set_up() {
        for setups in [&FULL[..], &RESUMED] {
            handshakes::<Ours>(setups);
            handshakes::<RustlsRing>(setups);
            #[cfg(feature = "aws-lc-rs")]
            handshakes::<RustlsAwsLc>(setups);
        }
        #[cfg(feature = "openssl")]
        handshakes::<OpenSsl>(&FULL);
    }
}

// The examples of the repository's README are tested.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
