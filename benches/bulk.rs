//! Bulk data under AES-128-GCM: the sender's throughput and the receiver's, with the copy that a transport
//! makes. The rows of the tables are measured by `ratios`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tls_benches::{Buffered, Certificates, Library, Ours, RawAead, RustlsRing, Shape, Transfers};

fn both_ways(c: &mut Criterion) {
    let certificates = Certificates::make();
    for Transfers { name, setup, shape, .. } in Transfers::ALL {
        for (side, at) in [("send", 0), ("receive", 1)] {
            let mut group = c.benchmark_group(format!("{name}, {side}"));
            group.throughput(Throughput::Bytes(shape.burst as u64));
            one(&mut group, &Ours::new(&certificates, setup), shape, at);
            one(&mut group, &RustlsRing::new(&certificates, setup), shape, at);
            let mut raw = RawAead::new(setup, shape);
            group.bench_function("limit", |b| b.iter_custom(|times| (0..times).map(|_| raw.round()[at]).sum()));
            group.finish();
        }
    }
}

fn one<L: Library>(group: &mut Group<'_>, library: &L, shape: Shape, at: usize) {
    let mut bulk = Buffered::new(library, shape);
    group.bench_function(L::NAME, |b| b.iter_custom(|times| (0..times).map(|_| bulk.round()[at]).sum()));
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

criterion_group!(benches, both_ways);
criterion_main!(benches);
