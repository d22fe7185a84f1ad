//! Both libraries in turn, round by round, and the ratio of their medians: what a noisy machine does to one it does to
//! the other. Prints the table that `RESULTS.md` holds.

use std::time::Duration;

use tls_benches::{
    BURST, Bulk, Certificates, Cost, Endpoint, Library, Ours, Rustls, Sessions, Setup, Side, bulk, handshake_cost,
    resumed_cost, throughput,
};

const HANDSHAKES: usize = 10_000;
const BURSTS: usize = 100_000;

fn main() {
    // `cargo bench … --bench ratios -- resumed`: only the rows with this in their name. Cargo adds a flag of its own.
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let wanted = |(work, _): &(&str, Setup)| work.contains(&wanted);
    let certificates = Certificates::make();
    println!("| work | side | ours | rustls 0.23, ring | ours / rustls |");
    println!("|---|---|---|---|---|");
    for (work, setup) in [
        ("full TLS 1.3 handshake, CPU time", Setup::TLS13),
        ("full TLS 1.2 handshake, CPU time", Setup::TLS12),
        ("the same with a client certificate, TLS 1.3", Setup::TLS13_CLIENT_AUTH),
        ("the same with a client certificate, TLS 1.2", Setup::TLS12_CLIENT_AUTH),
        ("full TLS 1.3 handshake, without the memo", Setup::TLS13.without_memo()),
        ("full TLS 1.2 handshake, without the memo", Setup::TLS12.without_memo()),
        ("the same with a client certificate, without the memo, TLS 1.3", Setup::TLS13_CLIENT_AUTH.without_memo()),
        ("the same with a client certificate, without the memo, TLS 1.2", Setup::TLS12_CLIENT_AUTH.without_memo()),
    ]
    .into_iter()
    .filter(wanted)
    {
        let (ours, rustls) = (Ours::new(&certificates, setup), Rustls::new(&certificates, setup));
        handshakes(work, || (handshake_cost(&ours), handshake_cost(&rustls)));
    }
    for (work, setup) in RESUMED.into_iter().filter(wanted) {
        let (ours, rustls) = (Ours::new(&certificates, setup), Rustls::new(&certificates, setup));
        // The first ones are full.
        let (_, _) = (handshake_cost(&ours), handshake_cost(&rustls));
        handshakes(work, || (resumed_cost(&ours), resumed_cost(&rustls)));
    }
    for (work, setup) in [
        ("TLS 1.3, AES-128-GCM, 16 KiB writes, throughput", Setup::TLS13),
        ("TLS 1.2, AES-128-GCM, 16 KiB writes, throughput", Setup::TLS12),
    ]
    .into_iter()
    .filter(wanted)
    {
        bursts(work, &Ours::new(&certificates, setup), &Rustls::new(&certificates, setup));
    }
    println!();
    println!(
        "| handshakes a second, client and server together | two threads share | 1 thread | 2 threads | ratio | rustls |"
    );
    println!("|---|---|---|---|---|---|");
    let full = [("full TLS 1.3 handshake", Setup::TLS13), ("full TLS 1.2 handshake", Setup::TLS12)];
    for (work, setup) in full.into_iter().chain(RESUMED).filter(wanted) {
        for (side, shared) in [(Side::Client, "a client's configuration"), (Side::Server, "a server's")] {
            let (one, two, ratio) = threads(&Ours::new(&certificates, setup), side);
            let (_, _, theirs) = threads(&Rustls::new(&certificates, setup), side);
            println!("| {work} | {shared} | {one:.0} | {two:.0} | {ratio:.2} | {theirs:.2} |");
        }
    }
}

const RESUMED: [(&str, Setup); 4] = [
    ("resumed TLS 1.3, ticket", Setup::TLS13.resumed(Sessions::Tickets)),
    ("resumed TLS 1.3, store", Setup::TLS13.resumed(Sessions::Store)),
    ("resumed TLS 1.2, ticket", Setup::TLS12.resumed(Sessions::Tickets)),
    ("resumed TLS 1.2, id", Setup::TLS12.resumed(Sessions::Store)),
];

/// One thread, two threads, and what the second adds: the median of several rounds, each with both.
fn threads<L: Library + Sync>(library: &L, side: Side) -> (f64, f64, f64) {
    const ROUND: Duration = Duration::from_millis(400);
    let other = library.sharing(side);
    let mut rounds: Vec<_> = (0..7)
        .map(|_| {
            let (one, two) = (throughput(&[library], ROUND), throughput(&[library, &other], ROUND));
            (one, two, two / one)
        })
        .collect();
    rounds.sort_by(|a, b| a.2.total_cmp(&b.2));
    rounds[rounds.len() / 2]
}

fn handshakes(work: &str, both: impl Fn() -> (Cost, Cost)) {
    let mut rows: [Samples; 2] = Default::default();
    for _ in 0..HANDSHAKES {
        let (our, their) = both();
        rows[0].add(our.client, their.client);
        rows[1].add(our.server, their.server);
    }
    for (row, side) in rows.iter_mut().zip(["client", "server"]) {
        let (ours, theirs) = row.medians();
        let micros = |time: f64| format!("{:.1} µs", time * 1e6);
        print_row(work, side, micros(ours), micros(theirs), ours / theirs);
    }
}

fn bursts(work: &str, ours: &Ours, rustls: &Rustls) {
    let mut rows: [Samples; 2] = Default::default();
    let (mut ours, mut rustls) = (bulk(ours), bulk(rustls));
    for _ in 0..BURSTS {
        transfer(&mut rows, &mut ours, &mut rustls);
    }
    for (row, side) in rows.iter_mut().zip(["send", "receive"]) {
        let (ours, theirs) = row.medians();
        let rate = |time: f64| format!("{:.2} GB/s", BURST as f64 / time / 1e9);
        print_row(work, side, rate(ours), rate(theirs), theirs / ours);
    }
}

fn transfer<A: Endpoint, B: Endpoint, C: Endpoint, D: Endpoint>(
    rows: &mut [Samples; 2],
    ours: &mut Bulk<A, B>,
    rustls: &mut Bulk<C, D>,
) {
    let (our, their) = (ours.transfer(), rustls.transfer());
    rows[0].add(our.0, their.0);
    rows[1].add(our.1, their.1);
}

fn print_row(work: &str, side: &str, ours: String, theirs: String, ratio: f64) {
    println!("| {work} | {side} | {ours} | {theirs} | {ratio:.3} |");
}

#[derive(Default)]
struct Samples {
    ours: Vec<Duration>,
    theirs: Vec<Duration>,
}

impl Samples {
    fn add(&mut self, ours: Duration, theirs: Duration) {
        self.ours.push(ours);
        self.theirs.push(theirs);
    }

    /// In seconds.
    fn medians(&mut self) -> (f64, f64) {
        (median(&mut self.ours), median(&mut self.theirs))
    }
}

fn median(samples: &mut [Duration]) -> f64 {
    let middle = samples.len() / 2;
    samples.select_nth_unstable(middle).1.as_secs_f64()
}
