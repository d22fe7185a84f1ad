//! Full TLS 1.3 handshakes: the client's time and the server's, each library by itself.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tls_benches::{Certificates, Cost, Library, Ours, Rustls, handshake_cost};

fn full(c: &mut Criterion) {
    let certificates = Certificates::make();
    side(c, &certificates, "full handshake, client", |cost| cost.client);
    side(c, &certificates, "full handshake, server", |cost| cost.server);
}

fn side(c: &mut Criterion, certificates: &Certificates, row: &str, of: fn(Cost) -> Duration) {
    let mut group = c.benchmark_group(row);
    one(&mut group, &Ours::new(certificates), of);
    one(&mut group, &Rustls::new(certificates), of);
    group.finish();
}

fn one<L: Library>(group: &mut Group<'_>, library: &L, of: fn(Cost) -> Duration) {
    group.bench_function(L::NAME, |b| b.iter_custom(|times| (0..times).map(|_| of(handshake_cost(library))).sum()));
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

criterion_group!(benches, full);
criterion_main!(benches);
