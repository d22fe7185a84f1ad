//! Handshakes: the times of client and server.

use std::time::Duration;

use tls_benches::{
    Certificates, Contender, Cost, Handshakes, Library, Limit, Ours, Row, RustlsRing, Setup, Table, Unit,
    handshake_cost, interleaved, resumed_cost,
};

use crate::Run;

/// The number of rounds.
const ROUNDS: usize = 10_000;

pub(crate) fn rows(run: &Run) {
    for work in Handshakes::ALL.into_iter().filter(|work| run.wants(work.name)) {
        let medians = interleaved(run.rounds(ROUNDS), contenders(&run.certificates, work.setup));
        for (side, (name, target)) in [("client", work.client), ("server", work.server)].into_iter().enumerate() {
            let micros: Vec<_> = medians.iter().map(|(name, both)| (*name, both[side] * 1e6)).collect();
            let row = Row::of(Table::Handshakes, Unit::Micros, work.name, name, &micros).expect("ours is there");
            row.with_target(target).print();
            let row =
                work.aws_lc.and_then(|_| Row::of_aws_lc(Table::Handshakes, Unit::Micros, work.name, name, &micros));
            if let Some(row) = row {
                row.with_target(work.aws_lc).print();
            }
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
    {
        all.push(contender(tls_benches::RustlsAwsLc::new(certificates, setup), setup));
        all.push(contender(tls_benches::OursAwsLc::new(certificates, setup), setup));
    }
    #[cfg(feature = "openssl")]
    if !setup.resumes() {
        all.push(contender(tls_benches::OpenSsl::new(certificates, setup), setup));
    }
    all
}

fn contender<L: Library + 'static>(library: L, setup: Setup) -> Contender<'static, 2> {
    // The first handshake is always full.
    let _ = handshake_cost(&library);
    let cost: fn(&L) -> Cost = if setup.resumes() { resumed_cost } else { handshake_cost };
    Contender::new(L::NAME, move || both(cost(&library)))
}

fn both(cost: Cost) -> [Duration; 2] {
    [cost.client, cost.server]
}
