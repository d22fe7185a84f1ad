//! Two threads that share the configuration of one side: their handshakes in relation to one
//! thread's.

use std::time::Duration;

use tls_benches::{
    Amounts, Certificates, DuplexTimes, Library, Limit, Ours, Row, RustlsRing, Sessions, Setup, Side, Table, Target,
    Unit, Version, duplex, handshake_cost, scaling,
};

use crate::Run;

const ROWS: [(&str, Setup); 6] = [
    ("full TLS 1.3", Setup::TLS13),
    ("resumed TLS 1.3, ticket", Setup::TLS13.resumed(Sessions::Tickets)),
    ("resumed TLS 1.3, store", Setup::TLS13.resumed(Sessions::Store)),
    ("resumed TLS 1.2, id", Setup::TLS12.resumed(Sessions::Store)),
    ("resumed TLS 1.2, ticket (rustls also renews it)", Setup::TLS12.resumed(Sessions::Tickets)),
    ("full TLS 1.2", Setup::TLS12),
];

pub(crate) fn rows(run: &Run) {
    for (name, setup) in ROWS {
        let name = format!("two threads, {name}");
        if !run.wants(&name) {
            continue;
        }
        let row = |shared: &str, scalings: [f64; 3]| {
            let mut row = Row::new(Table::Threads, Unit::TimesOneThread, &name, shared, scalings[0]);
            (row.peer, row.limit) = (Some(scalings[1]), Some(scalings[2]));
            row
        };
        for (side, shared) in [(Side::Client, "client"), (Side::Server, "server")] {
            let scalings = scalings(&run.certificates, setup, Some(side), run.quick);
            row(shared, scalings).with_target(Target::at_least(1.95)).print();
        }
        if setup.sessions == Sessions::Store && setup.version == Version::Tls12 {
            // The only case in which sharing both sides matters: one session in one store.
            row("both", scalings(&run.certificates, setup, None, run.quick)).print();
        }
    }
}

/// One connection that sends and receives at once, in relation to one thread that does both: with
/// a half on each thread, and with a mutex around the whole. Both directions have as much to do.
pub(crate) fn duplex_rows(run: &Run) {
    let (halves, mutex) =
        ("two threads, one connection both ways, as halves", "two threads, one connection both ways, under a mutex");
    if !run.wants(halves) && !run.wants(mutex) {
        return;
    }
    let library = Ours::new(&run.certificates, Setup::TLS13);
    let (rounds, writes) = if run.quick { (5, 1_000) } else { (25, 4_000) };
    let amounts = Amounts::balanced(&library, writes);
    // The fastest of each: other programs only make a round slower.
    let mut best = DuplexTimes { one_thread: Duration::MAX, halves: Duration::MAX, mutex: Duration::MAX };
    for _ in 0..rounds {
        let times = duplex(&library, amounts);
        best.one_thread = best.one_thread.min(times.one_thread);
        best.halves = best.halves.min(times.halves);
        best.mutex = best.mutex.min(times.mutex);
    }
    let row = |name, time: Duration| {
        let figure = best.one_thread.as_secs_f64() / time.as_secs_f64();
        Row::new(Table::Threads, Unit::TimesOneThread, name, "client", figure)
    };
    row(halves, best.halves).with_target(Target::at_least(1.8)).print();
    row(mutex, best.mutex).print();
}

/// Returns the figures of ours, rustls and the bare primitives, which share nothing. They are
/// medians over new threads and configurations, because their place in memory affects a handshake
/// of a few microseconds by some percent. Without a side, both are shared.
fn scalings(certificates: &Certificates, setup: Setup, side: Option<Side>, quick: bool) -> [f64; 3] {
    let (times, rounds, time) =
        if quick { (1, 3, Duration::from_millis(20)) } else { (9, 6, Duration::from_millis(50)) };
    let mut found: [Vec<f64>; 3] = Default::default();
    for _ in 0..times {
        let (ours, rustls) = (Ours::new(certificates, setup), RustlsRing::new(certificates, setup));
        let limit = || {
            let mut limit = Limit::new(certificates, setup, &ours).expect("a supported setup");
            move || {
                let _ = limit.handshake_cost();
            }
        };
        let mut limits = [limit(), limit()];
        let others = side.map(|side| (ours.sharing(side), rustls.sharing(side)));
        let (other_ours, other_rustls) = others.as_ref().map_or((&ours, &rustls), |(ours, rustls)| (ours, rustls));
        let mut of_ours = [handshakes(&ours), handshakes(other_ours)];
        let mut of_rustls = [handshakes(&rustls), handshakes(other_rustls)];
        found[0].push(scaling(&mut of_ours, rounds, time));
        found[1].push(scaling(&mut of_rustls, rounds, time));
        found[2].push(scaling(&mut limits, rounds, time));
    }
    found.map(|mut found| {
        found.sort_by(f64::total_cmp);
        found[found.len() / 2]
    })
}

fn handshakes<L: Library + Sync>(library: &L) -> impl FnMut() + Send + '_ {
    // Creates enough sessions.
    let _ = (handshake_cost(library), handshake_cost(library));
    || {
        let _ = handshake_cost(library);
    }
}
