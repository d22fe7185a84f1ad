//! Both libraries under quinn: connections and packets in memory, and data over sockets of one
//! machine.

use tls_benches::{
    BarePacketKey, Contender, Library, Ours, PACKET, PACKETS, Packets, Protection, Quic, QuicLibrary, QuicTransfer,
    QuinnKeys, Row, RustlsRing, Sessions, Setup, Table, Target, Unit, interleaved,
};

use crate::Run;

/// Rounds of connections, packets, and transfers.
const ROUNDS: [usize; 3] = [4_000, 20_000, 8];

pub(crate) fn rows(run: &Run) {
    for (name, setup, most) in [
        ("connection, full", Setup::TLS13, 0.95),
        ("connection, full, no signature cache", Setup::TLS13.without_memo(), 1.0),
        ("connection, resumed by ticket", Setup::TLS13.resumed(Sessions::Tickets), 0.90),
    ] {
        if run.wants(name) {
            connections_row(run, name, setup, most);
        }
    }
    let name = "packets of 1,200 bytes";
    if run.wants(name) {
        packets_row(run, name);
    }
    let name = "data one way";
    if run.wants(name) {
        data_row(run, name);
    }
}

fn connections_row(run: &Run, name: &str, setup: Setup, most: f64) {
    let contenders = vec![connections::<Ours>(run, setup), connections::<RustlsRing>(run, setup)];
    let medians = interleaved(run.rounds(ROUNDS[0]), contenders);
    for (at, (side, target)) in [("client", None), ("server", None), ("both", Some(most))].into_iter().enumerate() {
        let micros: Vec<_> = medians.iter().map(|(name, times)| (*name, times[at] * 1e6)).collect();
        let row = Row::of(Table::Quic, Unit::Micros, name, side, &micros).expect("ours is there");
        row.with_target(target.map(Target::at_most_peer)).print();
    }
}

fn connections<L: QuicLibrary + 'static>(run: &Run, setup: Setup) -> Contender<'static, 3> {
    let mut endpoints = Quic::new(&L::new(&run.certificates, setup));
    Contender::new(L::NAME, move || {
        let cost = endpoints.cost();
        [cost.client, cost.server, cost.client + cost.server]
    })
}

fn packets_row(run: &Run, name: &str) {
    let contenders = vec![
        packets(Ours::NAME, QuinnKeys::new(&Ours::new(&run.certificates, Setup::TLS13))),
        packets(RustlsRing::NAME, QuinnKeys::new(&RustlsRing::new(&run.certificates, Setup::TLS13))),
        packets("limit", BarePacketKey::default()),
    ];
    let medians = interleaved(run.rounds(ROUNDS[1]), contenders);
    for (at, side) in ["send", "receive"].into_iter().enumerate() {
        let rate = |seconds: f64| (PACKETS * PACKET) as f64 / seconds / 1e9;
        let figures: Vec<_> = medians.iter().map(|(name, times)| (*name, rate(times[at]))).collect();
        let row = Row::of(Table::Quic, Unit::GigabytesPerSecond, name, side, &figures).expect("ours is there");
        row.with_target(Target::at_least_limit(0.97)).print();
    }
}

fn packets(name: &'static str, protection: impl Protection + 'static) -> Contender<'static, 2> {
    let mut packets = Packets::new(protection);
    Contender::new(name, move || packets.round())
}

fn data_row(run: &Run, name: &str) {
    /// 256 MiB, or 16 MiB in a quick run.
    const PIECES: usize = 4096;
    let pieces = if run.quick { PIECES / 16 } else { PIECES };
    let contenders = vec![transfers::<Ours>(run, pieces), transfers::<RustlsRing>(run, pieces)];
    let rate = |seconds: f64| (pieces * 64 * 1024) as f64 / seconds / 1e9;
    let figures: Vec<_> = interleaved(run.rounds(ROUNDS[2]), contenders)
        .into_iter()
        .map(|(name, [seconds])| (name, rate(seconds)))
        .collect();
    let row = Row::of(Table::Quic, Unit::GigabytesPerSecond, name, "both", &figures).expect("ours is there");
    row.with_target(Target::at_least_peer(1.0)).print();
}

fn transfers<L: QuicLibrary + 'static>(run: &Run, pieces: usize) -> Contender<'static, 1> {
    let transfer = QuicTransfer::new(&L::new(&run.certificates, Setup::TLS13));
    Contender::new(L::NAME, move || [transfer.time(pieces)])
}
