//! Both libraries under tokio: connections, requests and data over sockets of one machine.

use tls_benches::{
    AsyncLibrary, Contender, Flow, Ours, Requests, Row, RustlsRing, Sessions, Setup, Table, Target, Unit,
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
            let contenders = vec![
                connections::<Ours>(run, setup),
                connections::<RustlsRing>(run, setup),
                #[cfg(feature = "aws-lc-rs")]
                connections::<tls_benches::RustlsAwsLc>(run, setup),
                #[cfg(feature = "aws-lc-rs")]
                connections::<tls_benches::OursAwsLc>(run, setup),
            ];
            time_row(name, interleaved(run.rounds(ROUNDS[0]), contenders), 1.0);
        }
    }
    let name = "request on an open connection";
    if run.wants(name) {
        let contenders = vec![
            requests::<Ours>(run),
            requests::<RustlsRing>(run),
            #[cfg(feature = "aws-lc-rs")]
            requests::<tls_benches::RustlsAwsLc>(run),
            #[cfg(feature = "aws-lc-rs")]
            requests::<tls_benches::OursAwsLc>(run),
        ];
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
    print(Unit::Micros, name, &micros, Target::at_most_peer(most));
}

/// Prints the row, and that of AWS-LC if it was measured, with the same target.
fn print(unit: Unit, name: &str, figures: &[(&str, f64)], target: Target) {
    let row = Row::of(Table::Async, unit, name, "both", figures).expect("ours is there");
    row.with_target(target).print();
    if let Some(row) = Row::of_aws_lc(Table::Async, unit, name, "both", figures) {
        row.with_target(target).print();
    }
}

/// 16 MiB, so that the start and end of a connection do not matter.
const PIECES: usize = 256;

fn transfers<L: AsyncLibrary + 'static>(run: &Run, flow: Flow) -> Contender<'static, 1> {
    let library = L::new(&run.certificates, Setup::TLS13);
    Contender::new(L::NAME, move || [transfer_time(&library, flow, PIECES)])
}

fn data_row(run: &Run, name: &str, flow: Flow, least: f64) {
    let contenders = vec![
        transfers::<Ours>(run, flow),
        transfers::<RustlsRing>(run, flow),
        #[cfg(feature = "aws-lc-rs")]
        transfers::<tls_benches::RustlsAwsLc>(run, flow),
        #[cfg(feature = "aws-lc-rs")]
        transfers::<tls_benches::OursAwsLc>(run, flow),
    ];
    let rate = |seconds: f64| (PIECES * 64 * 1024) as f64 / seconds / 1e9;
    let figures: Vec<_> = interleaved(run.rounds(ROUNDS[2]), contenders)
        .into_iter()
        .map(|(name, [seconds])| (name, rate(seconds)))
        .collect();
    print(Unit::GigabytesPerSecond, name, &figures, Target::at_least_peer(least));
}
