//! Bulk data under AES-128-GCM in writes and reads of 16 KiB: the sender's throughput and the receiver's.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tls_benches::{BURST, Certificates, Library, Ours, Rustls, Setup, bulk};

fn both_ways(c: &mut Criterion) {
    let certificates = Certificates::make();
    for (name, setup) in [("TLS 1.3", Setup::TLS13), ("TLS 1.2", Setup::TLS12)] {
        side(c, &certificates, setup, &format!("bulk 16 KiB, {name}, send"), |(send, _)| send);
        side(c, &certificates, setup, &format!("bulk 16 KiB, {name}, receive"), |(_, receive)| receive);
    }
}

fn side(
    c: &mut Criterion,
    certificates: &Certificates,
    setup: Setup,
    row: &str,
    of: fn((Duration, Duration)) -> Duration,
) {
    let mut group = c.benchmark_group(row);
    group.throughput(Throughput::Bytes(BURST as u64));
    one(&mut group, &Ours::new(certificates, setup), of);
    one(&mut group, &Rustls::new(certificates, setup), of);
    group.finish();
}

fn one<L: Library>(group: &mut Group<'_>, library: &L, of: fn((Duration, Duration)) -> Duration) {
    let mut bulk = bulk(library);
    group.bench_function(L::NAME, |b| b.iter_custom(|times| (0..times).map(|_| of(bulk.transfer())).sum()));
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

criterion_group!(benches, both_ways);
criterion_main!(benches);
