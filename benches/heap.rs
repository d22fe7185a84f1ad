//! Memory: the heap of an idle connection, the peak heap and allocations of a handshake, and the
//! memory of 100,000 idle connections. Each row goes to standard output as a line of JSON, for the
//! report.
//!
//! Each side's calls are measured separately. A session includes the box that the application
//! stores it in. A handshake is the first of its thread and includes everything that the thread
//! keeps from then on. For data, the thread has lent our buffers before.

#[path = "ratios/parsing.rs"]
#[expect(dead_code, reason = "times have other rows")]
mod parsing;

use std::future::Future;
use std::io::{self, Read};
use std::ops::DerefMut;
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use tls_benches::{
    AsyncLibrary, Calls, Certificates, Endpoint, IDLE_HEAP, Library, Memory, Ours, PACKETS, Packets, Quic, QuicLibrary,
    QuinnKeys, Row, RustlsRing, Sessions, Setup, Side, Table, Target, Unit, resumed_bytes,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CONNECTIONS: i64 = 100_000;
/// The argument of the process with the idle connections of one library.
const IDLE: &str = "--idle";

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let certificates = Certificates::make();
    let (ours, rustls) = (Ours::new(&certificates, Setup::TLS13), RustlsRing::new(&certificates, Setup::TLS13));
    if let [_, word, library, connections] = &words[..]
        && word == IDLE
    {
        let connections = connections.parse().expect("a number");
        let (heap, resident) =
            if library == Ours::NAME { idle(&ours, connections) } else { idle(&rustls, connections) };
        println!("{heap} {resident}");
        return;
    }
    let (our, their) = (one(&ours), one(&rustls));
    for (side, our, their, fresh) in [("client", &our.0, &their.0, 3500), ("server", &our.1, &their.1, 2500)] {
        let row = |name, ours, theirs, target| print(name, side, Unit::Bytes, (ours, theirs), target);
        row(IDLE_HEAP, our.fresh, their.fresh, Some(fresh));
        row(
            "heap of an idle connection, after 16 KiB each way, no read pending",
            our.used,
            their.used,
            Some(our.fresh),
        );
        row(
            "heap of an idle connection, after 16 KiB each way, waiting in a read",
            our.waiting,
            their.waiting,
            Some(our.fresh),
        );
        let row = |name, ours, theirs, target| print(name, side, Unit::Allocations, (ours, theirs), target);
        row("allocations for a record of 16 KiB sent", our.sent, their.sent, Some(0));
        row("allocations for a record of 16 KiB received", our.received, their.received, Some(0));
    }
    for (name, side) in [("client", Side::Client), ("server", Side::Server)] {
        let (our, their) = (first_handshake(&ours, side), first_handshake(&rustls, side));
        print("peak heap during a full handshake", name, Unit::Bytes, (our.peak, their.peak), Some(8000));
        let allocations = (our.allocations, their.allocations);
        print("allocations during a full handshake", name, Unit::Allocations, allocations, Some(25));
    }
    parsing_row();
    // rustls on ring has no hybrid key exchange.
    let hybrid = Ours::new(&certificates, Setup::TLS13.hybrid());
    for (name, side, most) in [("client", Side::Client, 12_000), ("server", Side::Server, 12_000)] {
        let taken = first_handshake(&hybrid, side);
        let row = Row::of(
            Table::Memory,
            Unit::Bytes,
            "peak heap during a full handshake with X25519MLKEM768",
            name,
            &[("ours", taken.peak as f64)],
        );
        row.expect("ours is there").with_target(Some(Target::at_most(f64::from(most)))).print();
    }
    let (our, their) = (idle_stream(&ours), idle_stream(&rustls));
    for (at, (side, most)) in [("client", 2950), ("server", 2150)].into_iter().enumerate() {
        let name = "heap of an idle stream of tokio, waiting in a read";
        print(name, side, Unit::Bytes, (our[at], their[at]), Some(most));
    }
    quic_rows(&ours, &rustls);
    wire_rows(&certificates);
    // Fewer in a quick run.
    let connections = if words.iter().any(|word| word == "--quick") { CONNECTIONS / 50 } else { CONNECTIONS };
    let [(ours, resident), (theirs, their_resident)] =
        [Ours::NAME, RustlsRing::NAME].map(|library| idle_apart(library, connections));
    print("100,000 idle connections, heap of each", "server", Unit::Bytes, (ours, theirs), Some(2500));
    let residents = (resident, their_resident);
    print("100,000 idle connections, resident memory of each", "server", Unit::Bytes, residents, None);
}

/// Connections and packets of QUIC.
fn quic_rows(ours: &Ours, rustls: &RustlsRing) {
    let (our, their) = (idle_quic(ours), idle_quic(rustls));
    for (at, side) in ["client", "server"].into_iter().enumerate() {
        let figures = [("ours", our[at] as f64), ("rustls", their[at] as f64)];
        let row = Row::of(Table::Memory, Unit::Bytes, "heap of an idle connection of quinn", side, &figures);
        row.expect("ours is there").with_target(Target::at_most_peer(1.0)).print();
    }
    let (our, their) = (packet_allocations(ours), packet_allocations(rustls));
    for (at, side) in ["send", "receive"].into_iter().enumerate() {
        let name = format!("allocations for {PACKETS} packets of QUIC");
        print(&name, side, Unit::Allocations, (our[at], their[at]), Some(0));
    }
}

/// Bytes on the wire of resumed handshakes, whose tickets contain the sealed session.
fn wire_rows(certificates: &Certificates) {
    for (name, setup) in [("1.3", Setup::TLS13), ("1.2", Setup::TLS12)] {
        let setup = setup.resumed(Sessions::Tickets);
        let ours = resumed_bytes(&Ours::new(certificates, setup));
        let rustls = resumed_bytes(&RustlsRing::new(certificates, setup));
        for (at, side) in ["client", "server"].into_iter().enumerate() {
            let name = format!("bytes sent in a resumed TLS {name} handshake, ticket");
            let figures = [("ours", ours[at] as f64), ("rustls", rustls[at] as f64)];
            let row = Row::of(Table::Memory, Unit::Bytes, &name, side, &figures).expect("ours is there");
            row.with_target(Target::at_most_peer(1.0)).print();
        }
    }
}

/// Prints the allocations for all messages whose parsing is timed.
fn parsing_row() {
    let cases = parsing::cases();
    let count = |work: &dyn Fn(&parsing::Case)| measure(|| cases.iter().for_each(work)).count_total as f64;
    let figures = [("ours", count(&parsing::Case::ours)), ("tls-parser", count(&parsing::Case::tls_parser))];
    let name = "allocations to parse each of these messages once";
    let mut row = Row::of(Table::Parsing, Unit::Allocations, name, "server", &figures).expect("ours is there");
    row.peer = row.others.remove("tls-parser");
    row.with_target(Target::at_most(0.0)).print();
}

fn print(name: &str, side: &str, unit: Unit, (ours, theirs): (i64, i64), target: Option<i64>) {
    let figures = [("ours", ours as f64), ("rustls", theirs as f64)];
    let row = Row::of(Table::Memory, unit, name, side, &figures).expect("ours is there");
    row.with_target(target.map(|most| Target::at_most(most as f64))).print();
}

/// The memory of one side of a connection.
#[derive(Default)]
struct Taken {
    current: i64,
    peak: i64,
    allocations: i64,
    fresh: i64,
    used: i64,
    waiting: i64,
    sent: i64,
    received: i64,
}

impl Taken {
    fn by<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let mut result = None;
        let info = measure(|| result = Some(work()));
        self.peak = self.peak.max(self.current + i64::try_from(info.bytes_max).expect("bytes"));
        self.current += info.bytes_current;
        self.allocations += i64::try_from(info.count_total).expect("a count");
        result.expect("the work ran")
    }
}

/// Measures a connection after some others, so that everything that threads and configurations keep
/// exists.
fn one<L: Library>(library: &L) -> (Taken, Taken) {
    for _ in 0..10 {
        let _ = measure_connection(library);
    }
    measure_connection(library)
}

fn measure_connection<L: Library>(library: &L) -> (Taken, Taken) {
    let (mut client, mut server) = (Taken::default(), Taken::default());
    let (mut at_client, mut at_server) = connection(library, &mut client, &mut server);
    for side in [&mut client, &mut server] {
        side.fresh = side.current;
    }
    // The first round may still set something up; the second counts.
    for _ in 0..2 {
        (client.sent, server.received) = there(&mut *at_client, &mut client, &mut *at_server, &mut server);
        (server.sent, client.received) = there(&mut *at_server, &mut server, &mut *at_client, &mut client);
    }
    for side in [&mut client, &mut server] {
        side.used = side.current;
    }
    client.by(|| at_client.read_tls(&mut NoData).is_err());
    server.by(|| at_server.read_tls(&mut NoData).is_err());
    for side in [&mut client, &mut server] {
        side.waiting = side.current;
    }
    (client, server)
}

/// A transport without data, as when a program is about to block in a read.
struct NoData;

impl Read for NoData {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Performs a full handshake.
fn connection<L: Library>(library: &L, client: &mut Taken, server: &mut Taken) -> (Box<L::Client>, Box<L::Server>) {
    let mut at_client = client.by(|| Box::new(library.client()));
    let mut at_server = server.by(|| Box::new(library.server()));
    let mut wire = Vec::with_capacity(64 * 1024);
    loop {
        carry(&mut *at_client, client, &mut *at_server, server, &mut wire);
        carry(&mut *at_server, server, &mut *at_client, client, &mut wire);
        if !at_client.is_handshaking() && !at_server.is_handshaking() && !at_client.wants_write() {
            return (at_client, at_server);
        }
    }
}

fn carry(
    from: &mut impl Endpoint,
    sender: &mut Taken,
    to: &mut impl Endpoint,
    receiver: &mut Taken,
    wire: &mut Vec<u8>,
) {
    wire.clear();
    sender.by(|| give(from, wire));
    receiver.by(|| take(to, wire));
}

fn give(from: &mut impl Endpoint, wire: &mut Vec<u8>) {
    while from.wants_write() {
        from.write_tls(wire).expect("writing to a Vec");
    }
}

fn take(to: &mut impl Endpoint, mut wire: &[u8]) {
    while !wire.is_empty() {
        to.read_tls(&mut wire).expect("buffer space");
        to.process();
    }
}

/// Sends 16 KiB; returns the allocations of sender and receiver.
fn there(from: &mut impl Endpoint, sender: &mut Taken, to: &mut impl Endpoint, receiver: &mut Taken) -> (i64, i64) {
    let before = (sender.allocations, receiver.allocations);
    let data = vec![7; 16 * 1024];
    let mut read = vec![0; 16 * 1024];
    let mut wire = Vec::with_capacity(64 * 1024);
    let taken = sender.by(|| from.write(&data).expect("the session is open"));
    assert_eq!(taken, data.len());
    carry(from, sender, to, receiver, &mut wire);
    let mut arrived = 0;
    receiver.by(|| {
        while let Ok(n @ 1..) = to.read(&mut read) {
            arrived += n;
        }
    });
    assert_eq!(arrived, data.len());
    (sender.allocations - before.0, receiver.allocations - before.1)
}

/// The memory of both sides under quinn.
#[derive(Default)]
struct TakenByQuic([Taken; 2]);

impl Calls for TakenByQuic {
    fn of<T>(&mut self, side: quinn_proto::Side, call: impl FnOnce() -> T) -> T {
        let [client, server] = &mut self.0;
        if side.is_client() { client.by(call) } else { server.by(call) }
    }
}

/// Returns the heap of each side's connection under quinn after the handshake. The first
/// connections create what threads, configurations and endpoints keep.
fn idle_quic<L: QuicLibrary>(library: &L) -> [i64; 2] {
    let mut endpoints = Quic::new(library);
    let mut taken = TakenByQuic::default();
    for _ in 0..10 {
        let sides = endpoints.connect(&mut taken);
        endpoints.drop(sides, &mut taken);
    }
    let mut taken = TakenByQuic::default();
    let _sides = endpoints.connect(&mut taken);
    taken.0.map(|side| side.current)
}

/// Returns the allocations for sealing packets, and for opening them.
fn packet_allocations<L: QuicLibrary>(library: &L) -> [i64; 2] {
    let mut packets = Packets::new(QuinnKeys::new(library));
    let _ = packets.round();
    let (mut seal, mut open) = (Taken::default(), Taken::default());
    seal.by(|| packets.seal());
    packets.receive();
    open.by(|| packets.open());
    [seal.allocations, open.allocations]
}

/// Returns the heap of each side's stream under tokio, which waits in a read after 16 KiB each way.
/// The first connections create what threads and configurations keep.
fn idle_stream<L: AsyncLibrary>(library: &L) -> [i64; 2] {
    (0..10).map(|_| measure_stream(library)).last().expect("a connection")
}

fn measure_stream<L: AsyncLibrary>(library: &L) -> [i64; 2] {
    let (mut client, mut server) = (Taken::default(), Taken::default());
    let (at_client, at_server) = Memory::pair();
    let connect = client.by(|| Box::pin(async { Box::new(library.connect(at_client).await) }));
    let accept = server.by(|| Box::pin(async { Box::new(library.accept(at_server).await) }));
    let (mut at_client, mut at_server) = alternate((&mut client, connect), (&mut server, accept));
    // The server's data brings the tickets, if there are any.
    for _ in 0..2 {
        let (there, back) = ([1; 16 * 1024], [2; 16 * 1024]);
        let (mut there_to, mut back_to) = ([0; 16 * 1024], [0; 16 * 1024]);
        let ask = async {
            at_client.write_all(&there).await.and(at_client.flush().await).expect("an open connection");
            at_client.read_exact(&mut back_to).await.expect("data");
        };
        let answer = async {
            at_server.read_exact(&mut there_to).await.expect("data");
            at_server.write_all(&back).await.and(at_server.flush().await).expect("an open connection");
        };
        // On the stack: the application's part is not counted.
        alternate((&mut client, pin!(ask)), (&mut server, pin!(answer)));
    }
    let context = &mut Context::from_waker(Waker::noop());
    let mut room = [0; 100];
    client.by(|| assert!(pin!(at_client.read(&mut room)).poll(context).is_pending()));
    server.by(|| assert!(pin!(at_server.read(&mut room)).poll(context).is_pending()));
    [client.current, server.current]
}

/// Polls both in turns until they are ready, and counts the memory of each.
fn alternate<A: Future, B: Future>(
    (client, mut one): (&mut Taken, Pin<impl DerefMut<Target = A>>),
    (server, mut other): (&mut Taken, Pin<impl DerefMut<Target = B>>),
) -> (A::Output, B::Output) {
    let context = &mut Context::from_waker(Waker::noop());
    let (mut of_one, mut of_other) = (None, None);
    for _ in 0..1000 {
        if of_one.is_none() {
            client.by(|| match one.as_mut().poll(context) {
                Poll::Ready(output) => of_one = Some(output),
                Poll::Pending => {}
            });
        }
        if of_other.is_none() {
            server.by(|| match other.as_mut().poll(context) {
                Poll::Ready(output) => of_other = Some(output),
                Poll::Pending => {}
            });
        }
        if let (Some(_), Some(_)) = (&of_one, &of_other) {
            break;
        }
    }
    client.by(|| drop(one));
    server.by(|| drop(other));
    (of_one.expect("the end"), of_other.expect("the end"))
}

/// Measures a full handshake on a new thread. The other side has another thread.
fn first_handshake<L: Library + Sync>(library: &L, side: Side) -> Taken {
    // Fills what the configuration keeps.
    let _ = measure_connection(library);
    let ((to_server, at_server), (to_client, at_client)) = (channel(), channel());
    std::thread::scope(|scope| {
        let client = scope.spawn(move || converse(|| library.client(), &to_server, &at_client));
        let server = scope.spawn(move || converse(|| library.server(), &to_client, &at_server));
        let [client, server] = [client, server].map(|thread| thread.join().expect("a thread"));
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    })
}

/// Runs one side of a handshake until it is complete.
fn converse<E: Endpoint>(new: impl FnOnce() -> E, to: &Sender<Vec<u8>>, from: &Receiver<Vec<u8>>) -> Taken {
    let mut taken = Taken::default();
    let mut side = taken.by(|| Box::new(new()));
    loop {
        let mut wire = Vec::with_capacity(64 * 1024);
        taken.by(|| give(&mut *side, &mut wire));
        // The other side may have finished.
        let _ = to.send(wire);
        if !side.is_handshaking() {
            return taken;
        }
        let wire = from.recv().expect("the other side");
        taken.by(|| take(&mut *side, &wire));
    }
}

/// Runs [`idle`] in its own process, because this one would reuse freed memory.
fn idle_apart(library: &str, connections: i64) -> (i64, i64) {
    let program = std::env::current_exe().expect("this program");
    let output = std::process::Command::new(program).args([IDLE, library, &connections.to_string()]).output();
    let output = output.expect("starting the process");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures = String::from_utf8(output.stdout).expect("two numbers");
    let (heap, resident) = figures.trim().split_once(' ').expect("two numbers");
    (heap.parse().expect("a number"), resident.parse().expect("a number"))
}

/// Returns the heap and the resident memory in bytes of each of many idle server connections.
fn idle<L: Library>(library: &L, connections: i64) -> (i64, i64) {
    let (mut client, mut server) = (Taken::default(), Taken::default());
    let mut all = Vec::new();
    let before = resident();
    for _ in 0..connections {
        let (at_client, at_server) = connection(library, &mut client, &mut server);
        drop(at_client);
        all.push(at_server);
    }
    let taken = (server.current / connections, (resident() - before) / connections);
    drop(all);
    taken
}

/// Returns the resident memory of this process in bytes; 0 if the system does not report it.
fn resident() -> i64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<i64>().ok());
    pages.unwrap_or(0) * 4096
}
