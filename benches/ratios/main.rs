//! All timed rows: ours, the limit and the peers, in one process on one thread, in turns.
//!
//! ```sh
//! cargo bench -p tls-benches --bench ratios -- [--quick] [part of the row name]
//! ```
//!
//! Each row goes to standard output as a line of JSON, for the report (`benches/run`).

mod asynchronous;
mod bulk;
mod handshakes;
mod parsing;
mod quic;
mod threads;

use std::time::{Duration, Instant};

use tls_benches::{Certificates, Contender, Row, Table, Target, Unit, interleaved};

fn main() {
    let run = Run::of_arguments();
    handshakes::rows(&run);
    bulk::rows(&run);
    parsing_rows(&run);
    threads::rows(&run);
    threads::duplex_rows(&run);
    asynchronous::rows(&run);
    quic::rows(&run);
}

fn parsing_rows(run: &Run) {
    for case in parsing::cases() {
        if !run.wants(&case.name) {
            continue;
        }
        let mut contenders = vec![Contender::new("ours", || many(|| case.ours()))];
        if case.has_peer() {
            contenders.push(Contender::new("tls-parser", || many(|| case.tls_parser())));
        }
        let nanos: Vec<_> = interleaved(run.rounds(5_000), contenders)
            .into_iter()
            .map(|(name, [time])| (name, time * 1e9 / f64::from(REPEATED)))
            .collect();
        let mut row = Row::of(Table::Parsing, Unit::Nanos, &case.name, "server", &nanos).expect("ours is there");
        row.peer = row.others.remove("tls-parser");
        let target = case.at_most.map_or(Target::at_most_peer(1.0 / 3.0), Target::at_most);
        row.with_target(target).print();
    }
}

/// Short work is repeated within one measurement.
const REPEATED: u32 = 200;

fn many(work: impl Fn()) -> [Duration; 1] {
    let start = Instant::now();
    (0..REPEATED).for_each(|_| work());
    [start.elapsed()]
}

/// The command line.
struct Run {
    certificates: Certificates,
    quick: bool,
    wanted: String,
}

impl Run {
    fn of_arguments() -> Self {
        // Cargo adds its own flag.
        let (flags, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
        let quick = flags.iter().any(|flag| flag == "--quick");
        Self { certificates: Certificates::make(), quick, wanted: words.join(" ") }
    }

    fn wants(&self, row: &str) -> bool {
        row.contains(&self.wanted)
    }

    /// Returns the number of rounds; fewer in a quick run.
    fn rounds(&self, count: usize) -> usize {
        if self.quick { (count / 50).max(3) } else { count }
    }
}
