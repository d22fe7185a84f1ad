//! Two threads that share the configuration of one side: how many times the handshakes of one thread they get done.

use std::time::Duration;

use tls_benches::{
    Certificates, Library, Ours, Row, RustlsRing, Sessions, Setup, Side, Table, Target, Unit, throughput,
};

use crate::Run;

const ROWS: [(&str, Setup); 6] = [
    ("full TLS 1.3", Setup::TLS13),
    ("resumed TLS 1.3, ticket", Setup::TLS13.resumed(Sessions::Tickets)),
    ("resumed TLS 1.3, store", Setup::TLS13.resumed(Sessions::Store)),
    ("resumed TLS 1.2, id", Setup::TLS12.resumed(Sessions::Store)),
    ("resumed TLS 1.2, ticket", Setup::TLS12.resumed(Sessions::Tickets)),
    ("full TLS 1.2", Setup::TLS12),
];

pub(crate) fn rows(run: &Run) {
    for (name, setup) in ROWS {
        let name = format!("two threads, {name}");
        if !run.wants(&name) {
            continue;
        }
        for (side, shared) in [(Side::Client, "client"), (Side::Server, "server")] {
            let mut row = Row::new(Table::Threads, Unit::TimesOneThread, &name, shared, 0.0);
            row.ours = ratio::<Ours>(&run.certificates, setup, side, run.quick);
            row.peer = Some(ratio::<RustlsRing>(&run.certificates, setup, side, run.quick));
            row.with_target(Target::at_least(1.95)).print();
        }
    }
}

/// The median of several rounds, each with one thread and with two.
fn ratio<L: Library + Sync>(certificates: &Certificates, setup: Setup, side: Side, quick: bool) -> f64 {
    let library = &L::new(certificates, setup);
    let other = library.sharing(side);
    let (rounds, time) = if quick { (3, Duration::from_millis(50)) } else { (7, Duration::from_millis(400)) };
    let mut rounds: Vec<_> =
        (0..rounds).map(|_| throughput(&[library, &other], time) / throughput(&[library], time)).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}
