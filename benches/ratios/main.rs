//! All rows that are times: ours, the limit and the peers in one process and on one thread, round by round in turn.
//!
//! ```sh
//! cargo bench -p tls-benches --bench ratios -- [--quick] [a part of the rows' names]
//! ```
//!
//! Each row goes to standard output as a line of JSON, for the report (`benches/run`).

mod bulk;
mod handshakes;
mod threads;

use tls_benches::Certificates;

fn main() {
    let run = Run::of_arguments();
    handshakes::rows(&run);
    bulk::rows(&run);
    threads::rows(&run);
}

/// What was asked for on the command line.
struct Run {
    certificates: Certificates,
    quick: bool,
    wanted: String,
}

impl Run {
    fn of_arguments() -> Self {
        // Cargo adds a flag of its own.
        let (flags, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
        let quick = flags.iter().any(|flag| flag == "--quick");
        Self { certificates: Certificates::make(), quick, wanted: words.join(" ") }
    }

    fn wants(&self, row: &str) -> bool {
        row.contains(&self.wanted)
    }

    /// Rounds, where that many are good for a figure; fewer if it is only to be seen that all works.
    fn rounds(&self, count: usize) -> usize {
        if self.quick { (count / 50).max(3) } else { count }
    }
}
