//! Handshakes: the client's time and the server's.

use std::time::Duration;

use tls_benches::{
    Certificates, Contender, Cost, Library, Limit, Ours, Row, RustlsRing, Sessions, Setup, Table, Target, Unit,
    handshake_cost, interleaved, resumed_cost,
};

use crate::Run;

const HANDSHAKES: usize = 10_000;

/// A row for each side, with their targets.
struct Work {
    name: &'static str,
    setup: Setup,
    client: Option<Target>,
    server: Option<Target>,
}

impl Work {
    const fn new(name: &'static str, setup: Setup) -> Self {
        Self { name, setup, client: None, server: None }
    }

    const fn client(self, target: Target) -> Self {
        Self { client: Some(target), ..self }
    }

    const fn server(self, target: Target) -> Self {
        Self { server: Some(target), ..self }
    }

    const fn both(self, target: Target) -> Self {
        self.client(target).server(target)
    }
}

const ROWS: [Work; 13] = [
    Work::new("full TLS 1.3, memo off", Setup::TLS13.without_memo())
        .client(Target::at_most_limit(1.03))
        .server(Target::at_most_limit(1.05)),
    Work::new("full TLS 1.3, memo warm", Setup::TLS13).client(Target::at_most_peer(0.65)),
    Work::new("full TLS 1.3 with client certificates, memo warm", Setup::TLS13_CLIENT_AUTH)
        .server(Target::at_most_peer(0.70)),
    Work::new("full TLS 1.3, each library's defaults", Setup::TLS13.with_defaults())
        .server(Target::at_most_limit(1.10)),
    Work::new("resumed TLS 1.3, ticket", Setup::TLS13.resumed(Sessions::Tickets)).both(Target::at_most_limit(1.06)),
    Work::new("resumed TLS 1.2, id", Setup::TLS12.resumed(Sessions::Store)).both(Target::at_most_limit(1.20)),
    Work::new("resumed TLS 1.2, ticket", Setup::TLS12.resumed(Sessions::Tickets)).both(Target::at_most_limit(1.20)),
    Work::new("resumed TLS 1.3, store", Setup::TLS13.resumed(Sessions::Store)),
    Work::new("full TLS 1.2, memo off", Setup::TLS12.without_memo()),
    Work::new("full TLS 1.2, memo warm", Setup::TLS12),
    Work::new("full TLS 1.3 with client certificates, memo off", Setup::TLS13_CLIENT_AUTH.without_memo()),
    Work::new("full TLS 1.2 with client certificates, memo warm", Setup::TLS12_CLIENT_AUTH),
    Work::new("full TLS 1.2 with client certificates, memo off", Setup::TLS12_CLIENT_AUTH.without_memo()),
];

pub(crate) fn rows(run: &Run) {
    for work in ROWS.into_iter().filter(|work| run.wants(work.name)) {
        let medians = interleaved(run.rounds(HANDSHAKES), contenders(&run.certificates, work.setup));
        for (side, (name, target)) in [("client", work.client), ("server", work.server)].into_iter().enumerate() {
            let micros: Vec<_> = medians.iter().map(|(name, both)| (*name, both[side] * 1e6)).collect();
            let row = Row::of(Table::Handshakes, Unit::Micros, work.name, name, &micros).expect("ours is there");
            row.with_target(target).print();
        }
    }
}

fn contenders(certificates: &Certificates, setup: Setup) -> Vec<Contender<'static, 2>> {
    let ours = Ours::new(certificates, setup);
    let limit = Limit::new(certificates, setup, &ours);
    let mut all = vec![contender(ours, setup), contender(RustlsRing::new(certificates, setup), setup)];
    if let Some(mut limit) = limit {
        all.push(Contender::new("limit", move || both(limit.handshake_cost())));
    }
    #[cfg(feature = "aws-lc-rs")]
    all.push(contender(tls_benches::RustlsAwsLc::new(certificates, setup), setup));
    #[cfg(feature = "openssl")]
    if !setup.resumes() {
        all.push(contender(tls_benches::OpenSsl::new(certificates, setup), setup));
    }
    all
}

fn contender<L: Library + 'static>(library: L, setup: Setup) -> Contender<'static, 2> {
    // The first one is full in any case.
    let _ = handshake_cost(&library);
    let cost: fn(&L) -> Cost = if setup.resumes() { resumed_cost } else { handshake_cost };
    Contender::new(L::NAME, move || both(cost(&library)))
}

fn both(cost: Cost) -> [Duration; 2] {
    [cost.client, cost.server]
}
