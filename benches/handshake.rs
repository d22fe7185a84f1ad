//! Handshakes of both versions, full ones with and without a client's certificate, and resumed ones: the client's time and the server's, each library by itself.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tls_benches::{Certificates, Cost, Library, Ours, RustlsRing, Sessions, Setup, handshake_cost};

fn full(c: &mut Criterion) {
    let certificates = Certificates::make();
    for (name, setup) in [
        ("full TLS 1.3 handshake", Setup::TLS13),
        ("full TLS 1.2 handshake", Setup::TLS12),
        ("full TLS 1.3 handshake with client certificate", Setup::TLS13_CLIENT_AUTH),
        ("full TLS 1.2 handshake with client certificate", Setup::TLS12_CLIENT_AUTH),
    ] {
        side(c, &certificates, setup, &format!("{name}, client"), |cost| cost.client);
        side(c, &certificates, setup, &format!("{name}, server"), |cost| cost.server);
    }
}

fn resumed(c: &mut Criterion) {
    let certificates = Certificates::make();
    for (name, setup) in [
        ("resumed TLS 1.3, ticket", Setup::TLS13.resumed(Sessions::Tickets)),
        ("resumed TLS 1.3, store", Setup::TLS13.resumed(Sessions::Store)),
        ("resumed TLS 1.2, ticket", Setup::TLS12.resumed(Sessions::Tickets)),
        ("resumed TLS 1.2, id", Setup::TLS12.resumed(Sessions::Store)),
    ] {
        side(c, &certificates, setup, &format!("{name}, client"), |cost| cost.client);
        side(c, &certificates, setup, &format!("{name}, server"), |cost| cost.server);
    }
}

fn side(c: &mut Criterion, certificates: &Certificates, setup: Setup, row: &str, of: fn(Cost) -> Duration) {
    let mut group = c.benchmark_group(row);
    one(&mut group, &Ours::new(certificates, setup), of);
    one(&mut group, &RustlsRing::new(certificates, setup), of);
    group.finish();
}

fn one<L: Library>(group: &mut Group<'_>, library: &L, of: fn(Cost) -> Duration) {
    // The first is full in any case.
    let _ = handshake_cost(library);
    group.bench_function(L::NAME, |b| b.iter_custom(|times| (0..times).map(|_| of(handshake_cost(library))).sum()));
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

criterion_group!(benches, full, resumed);
criterion_main!(benches);
