//! Both libraries under tokio: connections, requests and data over sockets of one machine.

use tls_benches::{
    AsyncLibrary, Contender, Flow, Library, Ours, Requests, Row, RustlsRing, Sessions, Setup, Table, Target, Unit,
    connection_time, interleaved, runtime, transfer_time,
};

use crate::Run;

/// Rounds of connections, requests, and transfers.
const ROUNDS: [usize; 3] = [2_000, 10_000, 200];

pub(crate) fn rows(run: &Run) {
    for (name, setup) in [
        ("connection and one request, full", Setup::TLS13),
        ("connection and one request, full, no signature cache", Setup::TLS13.without_memo()),
        ("connection and one request, resumed by ticket", Setup::TLS13.resumed(Sessions::Tickets)),
    ] {
        if run.wants(name) {
            let contenders = vec![connections::<Ours>(run, setup), connections::<RustlsRing>(run, setup)];
            time_row(name, interleaved(run.rounds(ROUNDS[0]), contenders), 1.0);
        }
    }
    let name = "request on an open connection";
    if run.wants(name) {
        let contenders = vec![requests::<Ours>(run), requests::<RustlsRing>(run)];
        time_row(name, interleaved(run.rounds(ROUNDS[1]), contenders), 1.0);
    }
    for (name, flow, least) in [
        ("data one way, one thread", Flow { both_ways: false, two_threads: false }, 1.12),
        ("data one way, two threads", Flow { both_ways: false, two_threads: true }, 1.05),
        ("data both ways, one thread", Flow { both_ways: true, two_threads: false }, 1.11),
        ("data both ways, two threads", Flow { both_ways: true, two_threads: true }, 1.03),
    ] {
        if run.wants(name) {
            data_row(run, name, flow, least);
        }
    }
}

fn connections<L: AsyncLibrary + 'static>(run: &Run, setup: Setup) -> Contender<'static, 1> {
    let (library, runtime) = (L::new(&run.certificates, setup), runtime());
    Contender::new(L::NAME, move || [runtime.block_on(connection_time(&library))])
}

fn requests<L: AsyncLibrary + 'static>(run: &Run) -> Contender<'static, 1> {
    let runtime = runtime();
    let mut requests = runtime.block_on(Requests::new(&L::new(&run.certificates, Setup::TLS13)));
    Contender::new(L::NAME, move || [runtime.block_on(requests.time())])
}

fn time_row(name: &str, medians: Vec<(&'static str, [f64; 1])>, most: f64) {
    let micros: Vec<_> = medians.iter().map(|(name, [time])| (*name, time * 1e6)).collect();
    let row = Row::of(Table::Async, Unit::Micros, name, "both", &micros).expect("ours is there");
    row.with_target(Target::at_most_peer(most)).print();
}

fn data_row(run: &Run, name: &str, flow: Flow, least: f64) {
    /// 16 MiB, so that the start and end of a connection do not matter.
    const PIECES: usize = 256;
    let contender = |name, transfer: Box<dyn Fn() -> std::time::Duration>| Contender::new(name, move || [transfer()]);
    let (ours, rustls) = (Ours::new(&run.certificates, Setup::TLS13), RustlsRing::new(&run.certificates, Setup::TLS13));
    let contenders = vec![
        contender(Ours::NAME, Box::new(move || transfer_time(&ours, flow, PIECES))),
        contender(RustlsRing::NAME, Box::new(move || transfer_time(&rustls, flow, PIECES))),
    ];
    let rate = |seconds: f64| (PIECES * 64 * 1024) as f64 / seconds / 1e9;
    let figures: Vec<_> = interleaved(run.rounds(ROUNDS[2]), contenders)
        .into_iter()
        .map(|(name, [seconds])| (name, rate(seconds)))
        .collect();
    let row = Row::of(Table::Async, Unit::GigabytesPerSecond, name, "both", &figures).expect("ours is there");
    row.with_target(Target::at_least_peer(least)).print();
}
