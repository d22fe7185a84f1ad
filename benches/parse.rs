//! Parsing a ClientHello, for each library. `ratios` measures the rows of the tables.

use criterion::{Criterion, criterion_group, criterion_main};

#[path = "ratios/parsing.rs"]
mod parsing;

fn client_hello(c: &mut Criterion) {
    for length in parsing::LENGTHS {
        let message = parsing::hello(length);
        let mut group = c.benchmark_group(format!("ClientHello of {length} bytes"));
        group.bench_function("ours", |b| b.iter(|| parsing::ours(&message)));
        group.bench_function("tls-parser", |b| b.iter(|| parsing::tls_parser(&message)));
        group.finish();
    }
}

criterion_group!(benches, client_hello);
criterion_main!(benches);
