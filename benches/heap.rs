//! Memory: what a connection holds while nothing happens, what a handshake needs at its height and how often it allocates, and what a
//! hundred thousand idle connections take. Prints the tables that `RESULTS.md` holds.
//!
//! Each side's calls are measured apart, on one thread. Sessions are counted with the box that an application keeps them in. Our
//! buffers are lent by the thread and come back: they are there before, and are counted by themselves.

use allocation_counter::measure;
use tls_benches::{Certificates, Endpoint, Library, Ours, RustlsRing, Setup};

const CONNECTIONS: usize = 100_000;

fn main() {
    let certificates = Certificates::make();
    println!("| work | side | ours | rustls 0.23, ring | ours / rustls |");
    println!("|---|---|---|---|---|");
    let (ours, rustls) = (Ours::new(&certificates, Setup::TLS13), RustlsRing::new(&certificates, Setup::TLS13));
    let (our, their) = (one(&ours), one(&rustls));
    for (side, our, their) in [("client", &our.0, &their.0), ("server", &our.1, &their.1)] {
        row("heap of an idle connection, fresh", side, our.fresh, their.fresh);
        row("heap of an idle connection, after 16 KiB each way", side, our.used, their.used);
        row("peak heap during a full handshake", side, our.peak, their.peak);
        row("allocations during a full handshake", side, our.allocations, their.allocations);
        row("allocations for 16 KiB each way", side, our.per_round, their.per_round);
    }
    for (name, (bytes, resident)) in [("ours", idle(&ours)), ("rustls", idle(&rustls))] {
        println!();
        println!(
            "{CONNECTIONS} idle server connections, {name}: {} bytes of heap each, {} bytes resident",
            thousands(bytes),
            thousands(resident)
        );
    }
}

/// What one side of a connection took.
#[derive(Default)]
struct Taken {
    current: i64,
    peak: i64,
    allocations: i64,
    fresh: i64,
    used: i64,
    per_round: i64,
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
    // The first round may still find something to set up.
    for _ in 0..2 {
        let before = (client.allocations, server.allocations);
        there(&mut *at_client, &mut client, &mut *at_server, &mut server);
        there(&mut *at_server, &mut server, &mut *at_client, &mut client);
        client.per_round = client.allocations - before.0;
        server.per_round = server.allocations - before.1;
    }
    for side in [&mut client, &mut server] {
        side.used = side.current;
        side.allocations -= 2 * side.per_round;
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
    sender.by(|| {
        while from.wants_write() {
            from.write_tls(wire).expect("a Vec takes all");
        }
    });
    let mut unread = &wire[..];
    receiver.by(|| {
        while !unread.is_empty() {
            to.read_tls(&mut unread).expect("there is room");
            to.process();
        }
    });
}

/// 16 KiB.
fn there(from: &mut impl Endpoint, sender: &mut Taken, to: &mut impl Endpoint, receiver: &mut Taken) {
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
}

/// Bytes of heap, and of resident memory, for each of many server connections that were all set up and then left alone.
fn idle<L: Library>(library: &L) -> (i64, i64) {
    let (mut client, mut server) = (Taken::default(), Taken::default());
    let mut all = Vec::with_capacity(CONNECTIONS);
    let before = resident();
    for _ in 0..CONNECTIONS {
        let (at_client, at_server) = connection(library, &mut client, &mut server);
        drop(at_client);
        all.push(at_server);
    }
    let count = i64::try_from(CONNECTIONS).expect("a count");
    let taken = (server.current / count, (resident() - before) / count);
    drop(all);
    taken
}

/// Bytes of this process in memory; 0 where the system does not say so.
fn resident() -> i64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<i64>().ok());
    pages.unwrap_or(0) * 4096
}

fn row(work: &str, side: &str, ours: i64, theirs: i64) {
    let ratio = ours as f64 / theirs as f64;
    println!("| {work} | {side} | {} | {} | {ratio:.3} |", thousands(ours), thousands(theirs));
}

fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
