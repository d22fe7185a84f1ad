//! Both libraries in turn, round by round, and the ratio of their medians: what a noisy machine does to one it does to
//! the other. Prints the table that `RESULTS.md` holds.

use std::time::Duration;

use tls_benches::{BURST, Bulk, Certificates, Endpoint, Library, Ours, Rustls, Setup, bulk, handshake_cost};

const HANDSHAKES: usize = 10_000;
const BURSTS: usize = 100_000;

fn main() {
    let certificates = Certificates::make();
    println!("| work | side | ours | rustls 0.23, ring | ours / rustls |");
    println!("|---|---|---|---|---|");
    for (work, setup) in [
        ("full TLS 1.3 handshake, CPU time", Setup::TLS13),
        ("full TLS 1.2 handshake, CPU time", Setup::TLS12),
        ("the same with a client certificate, TLS 1.3", Setup::TLS13_CLIENT_AUTH),
        ("the same with a client certificate, TLS 1.2", Setup::TLS12_CLIENT_AUTH),
    ] {
        handshakes(work, &Ours::new(&certificates, setup), &Rustls::new(&certificates, setup));
    }
    for (work, setup) in [
        ("TLS 1.3, AES-128-GCM, 16 KiB writes, throughput", Setup::TLS13),
        ("TLS 1.2, AES-128-GCM, 16 KiB writes, throughput", Setup::TLS12),
    ] {
        bursts(work, &Ours::new(&certificates, setup), &Rustls::new(&certificates, setup));
    }
}

fn handshakes(work: &str, ours: &Ours, rustls: &Rustls) {
    let mut rows: [Samples; 2] = Default::default();
    for _ in 0..HANDSHAKES {
        let (our, their) = (handshake_cost(ours), handshake_cost(rustls));
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
