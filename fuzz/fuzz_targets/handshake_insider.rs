//! A client or a server, and a peer that completes handshakes, holds the keys, and deviates
//! at any step: a message now, twice, early, never, under other keys, with fields changed. A model
//! says which records must be accepted and which must not: see `tls_fuzz::insider`.
//!
//! The first byte selects the side and the handshake. Each two bytes after it are an act and its
//! argument.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_fuzz::insider::{Act, run};

const ACTS: [Act; 17] = [
    Act::Next,
    Act::Changed,
    Act::Longer,
    Act::Two,
    Act::Halves,
    Act::Again,
    Act::Early,
    Act::Skip,
    Act::Foreign,
    Act::Clear,
    Act::OtherKey,
    Act::Data,
    Act::Change,
    Act::Update,
    Act::UpdateOnly,
    Act::Unoffered,
    Act::Skipped,
];

fuzz_target!(|input: &[u8]| {
    let Some((&first, script)) = input.split_first() else { return };
    let steps = script.chunks_exact(2).take(60);
    run(first, steps.map(|step| (ACTS[usize::from(step[0] % 17)], usize::from(step[1]))));
});
