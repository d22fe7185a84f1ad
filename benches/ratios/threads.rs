//! Two threads that share the configuration of one side: how many times the handshakes of one thread they get done.

use std::time::Duration;

use tls_benches::{
    Certificates, Library, Limit, Ours, Row, RustlsRing, Sessions, Setup, Side, Table, Target, Unit, handshake_cost,
    scaling,
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
            let [ours, rustls, limit] = scalings(&run.certificates, setup, side, run.quick);
            (row.ours, row.peer, row.limit) = (ours, Some(rustls), Some(limit));
            row.with_target(Target::at_least(1.95)).print();
        }
    }
}

/// Of ours, of rustls and of the bare primitives, which share nothing: medians over threads and configurations that are made anew each time. Where
/// their memory happens to lie is good for some percent of a handshake of a few microseconds.
fn scalings(certificates: &Certificates, setup: Setup, side: Side, quick: bool) -> [f64; 3] {
    let (times, rounds, time) =
        if quick { (1, 3, Duration::from_millis(20)) } else { (9, 6, Duration::from_millis(50)) };
    let mut found: [Vec<f64>; 3] = Default::default();
    for _ in 0..times {
        let ours = Ours::new(certificates, setup);
        let limit = || {
            let mut limit = Limit::new(certificates, setup, &ours).expect("it is played");
            move || {
                let _ = limit.handshake_cost();
            }
        };
        let mut limits = [limit(), limit()];
        let rustls = RustlsRing::new(certificates, setup);
        let (other_ours, other_rustls) = (ours.sharing(side), rustls.sharing(side));
        let mut ours = [handshakes(&ours), handshakes(&other_ours)];
        let mut rustls = [handshakes(&rustls), handshakes(&other_rustls)];
        found[0].push(scaling(&mut ours, rounds, time));
        found[1].push(scaling(&mut rustls, rounds, time));
        found[2].push(scaling(&mut limits, rounds, time));
    }
    found.map(|mut found| {
        found.sort_by(f64::total_cmp);
        found[found.len() / 2]
    })
}

fn handshakes<L: Library + Sync>(library: &L) -> impl FnMut() + Send + '_ {
    // Enough sessions for all.
    let _ = (handshake_cost(library), handshake_cost(library));
    || {
        let _ = handshake_cost(library);
    }
}
