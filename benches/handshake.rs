//! Handshakes, full and resumed: the times of client and server for each library, and the limit.
//! `ratios` measures the rows of the tables.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tls_benches::{Certificates, Cost, Handshakes, Library, Limit, Ours, RustlsRing, handshake_cost};

fn all(c: &mut Criterion) {
    let certificates = Certificates::make();
    for work in Handshakes::ALL {
        side(c, &certificates, work, "client", |cost| cost.client);
        side(c, &certificates, work, "server", |cost| cost.server);
    }
}

fn side(c: &mut Criterion, certificates: &Certificates, work: Handshakes, side: &str, of: fn(Cost) -> Duration) {
    let mut group = c.benchmark_group(format!("{}, {side}", work.name));
    let ours = Ours::new(certificates, work.setup);
    one(&mut group, &ours, of);
    one(&mut group, &RustlsRing::new(certificates, work.setup), of);
    if let Some(mut limit) = Limit::new(certificates, work.setup, &ours) {
        group.bench_function("limit", |b| {
            b.iter_custom(|times| (0..times).map(|_| of(limit.handshake_cost())).sum());
        });
    }
    group.finish();
}

fn one<L: Library>(group: &mut Group<'_>, library: &L, of: fn(Cost) -> Duration) {
    // The first handshake is always full.
    let _ = handshake_cost(library);
    group.bench_function(L::NAME, |b| b.iter_custom(|times| (0..times).map(|_| of(handshake_cost(library))).sum()));
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

criterion_group!(benches, all);
criterion_main!(benches);
