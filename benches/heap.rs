//! Memory: what a connection holds while nothing happens, what a handshake needs at its height and how often it allocates, and what a
//! hundred thousand idle connections take. Each row goes to standard output as a line of JSON, for the report.
//!
//! Each side's calls are measured apart. Sessions are counted with the box that an application keeps them in. A handshake is the first
//! one of its thread, and counts with all that the thread keeps from then on; for data our buffers are lent by the thread, and were before.

use std::sync::mpsc::{Receiver, Sender, channel};

use allocation_counter::measure;
use tls_benches::{Certificates, Endpoint, Library, Ours, Row, RustlsRing, Setup, Side, Table, Target, Unit};

const CONNECTIONS: i64 = 100_000;
/// The argument of the process that has the idle connections of one library.
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
        row("heap of an idle connection, fresh", our.fresh, their.fresh, Some(fresh));
        row("heap of an idle connection, after 16 KiB each way", our.used, their.used, Some(our.fresh));
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
    // Fewer, if it is only to be seen that all works.
    let connections = if words.iter().any(|word| word == "--quick") { CONNECTIONS / 50 } else { CONNECTIONS };
    let [(ours, resident), (theirs, their_resident)] =
        [Ours::NAME, RustlsRing::NAME].map(|library| idle_apart(library, connections));
    print("100,000 idle connections, heap of each", "server", Unit::Bytes, (ours, theirs), Some(2500));
    let residents = (resident, their_resident);
    print("100,000 idle connections, resident memory of each", "server", Unit::Bytes, residents, None);
}

fn print(name: &str, side: &str, unit: Unit, (ours, theirs): (i64, i64), target: Option<i64>) {
    let figures = [("ours", ours as f64), ("rustls", theirs as f64)];
    let row = Row::of(Table::Memory, unit, name, side, &figures).expect("ours is there");
    row.with_target(target.map(|most| Target::at_most(most as f64))).print();
}

/// What one side of a connection took.
#[derive(Default)]
struct Taken {
    current: i64,
    peak: i64,
    allocations: i64,
    fresh: i64,
    used: i64,
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
        result.expect("it ran")
    }
}

/// A connection, after some others: whatever a thread or a configuration keeps is there.
fn one<L: Library>(library: &L) -> (Taken, Taken) {
    for _ in 0..10 {
        let _ = alone(library);
    }
    alone(library)
}

fn alone<L: Library>(library: &L) -> (Taken, Taken) {
    let (mut client, mut server) = (Taken::default(), Taken::default());
    let (mut at_client, mut at_server) = connection(library, &mut client, &mut server);
    for side in [&mut client, &mut server] {
        side.fresh = side.current;
    }
    // The first round may still find something to set up: the second counts.
    for _ in 0..2 {
        (client.sent, server.received) = there(&mut *at_client, &mut client, &mut *at_server, &mut server);
        (server.sent, client.received) = there(&mut *at_server, &mut server, &mut *at_client, &mut client);
    }
    for side in [&mut client, &mut server] {
        side.used = side.current;
    }
    (client, server)
}

/// A full handshake.
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
        from.write_tls(wire).expect("a Vec takes all");
    }
}

fn take(to: &mut impl Endpoint, mut wire: &[u8]) {
    while !wire.is_empty() {
        to.read_tls(&mut wire).expect("there is room");
        to.process();
    }
}

/// 16 KiB, and how many allocations that was for the sender and for the receiver.
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

/// What a full handshake takes on a thread that did nothing before. The other side has another thread.
fn first_handshake<L: Library + Sync>(library: &L, side: Side) -> Taken {
    // What a configuration keeps is there.
    let _ = alone(library);
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

/// One side of a handshake, until it is complete.
fn converse<E: Endpoint>(new: impl FnOnce() -> E, to: &Sender<Vec<u8>>, from: &Receiver<Vec<u8>>) -> Taken {
    let mut taken = Taken::default();
    let mut side = taken.by(|| Box::new(new()));
    loop {
        let mut wire = Vec::with_capacity(64 * 1024);
        taken.by(|| give(&mut *side, &mut wire));
        // At the end the other one may be gone.
        let _ = to.send(wire);
        if !side.is_handshaking() {
            return taken;
        }
        let wire = from.recv().expect("the other one goes on");
        taken.by(|| take(&mut *side, &wire));
    }
}

/// What [`idle`] finds in a process of its own: in this one it would use again what others have freed.
fn idle_apart(library: &str, connections: i64) -> (i64, i64) {
    let program = std::env::current_exe().expect("this program");
    let output = std::process::Command::new(program).args([IDLE, library, &connections.to_string()]).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures = String::from_utf8(output.stdout).expect("two numbers");
    let (heap, resident) = figures.trim().split_once(' ').expect("two numbers");
    (heap.parse().expect("a number"), resident.parse().expect("a number"))
}

/// Bytes of heap, and of resident memory, for each of many server connections that were all set up and then left alone.
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

/// Bytes of this process in memory; 0 where the system does not say so.
fn resident() -> i64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<i64>().ok());
    pages.unwrap_or(0) * 4096
}
