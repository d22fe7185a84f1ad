//! Bulk data with AES-128-GCM: the throughput of sender and receiver. `ratios` measures the rows of
//! the tables.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tls_benches::{
    Buffered, BufferedTimes, Certificates, Library, Ours, OursUnbuffered, RawAead, RustlsRing, RustlsUnbuffered, Shape,
    Transfers, Unbuffered,
};

fn both_ways(c: &mut Criterion) {
    let certificates = Certificates::make();
    for Transfers { name, setup, shape, .. } in Transfers::ALL {
        let sides: [(_, Of, usize); 3] = [
            ("send", |times| times.send, 0),
            ("receive", |times| times.receive, 1),
            ("receive by Read", |times| times.receive_by_read, 1),
        ];
        for (side, of, at) in sides {
            let mut group = c.benchmark_group(format!("{name}, {side}"));
            group.throughput(Throughput::Bytes(shape.burst as u64));
            one(&mut group, &Ours::new(&certificates, setup), shape, of);
            one(&mut group, &RustlsRing::new(&certificates, setup), shape, of);
            let mut raw = RawAead::new(setup, shape);
            group.bench_function("limit", |b| b.iter_custom(|times| (0..times).map(|_| raw.round()[at]).sum()));
            group.finish();
        }
        for (at, side) in ["send", "receive"].into_iter().enumerate() {
            let mut group = c.benchmark_group(format!("{name}, unbuffered, {side}"));
            group.throughput(Throughput::Bytes(shape.burst as u64));
            let mut ours = Unbuffered::new::<OursUnbuffered>(&certificates, setup, shape);
            group.bench_function("ours", |b| b.iter_custom(|times| (0..times).map(|_| ours.round()[at]).sum()));
            let mut rustls = Unbuffered::new::<RustlsUnbuffered>(&certificates, setup, shape);
            group.bench_function("rustls", |b| b.iter_custom(|times| (0..times).map(|_| rustls.round()[at]).sum()));
            group.finish();
        }
    }
}

/// The time of one side.
type Of = fn(&BufferedTimes) -> Duration;

fn one<L: Library>(group: &mut Group<'_>, library: &L, shape: Shape, of: Of) {
    let mut bulk = Buffered::new(library, shape);
    group.bench_function(L::NAME, |b| b.iter_custom(|times| (0..times).map(|_| of(&bulk.round())).sum()));
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

criterion_group!(benches, both_ways);
criterion_main!(benches);
