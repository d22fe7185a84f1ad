//! Parsing messages, for each library. `ratios` measures the rows of the tables.

use criterion::{Criterion, criterion_group, criterion_main};

#[path = "ratios/parsing.rs"]
mod parsing;

fn messages(c: &mut Criterion) {
    for case in parsing::cases() {
        let mut group = c.benchmark_group(&case.name);
        group.bench_function("ours", |b| b.iter(|| case.ours()));
        if case.has_peer() {
            group.bench_function("tls-parser", |b| b.iter(|| case.tls_parser()));
        }
        group.finish();
    }
}

criterion_group!(benches, messages);
criterion_main!(benches);
