//! Two streams of `strata_tls::tokio`, split or not, over a transport that returns `Pending` for no
//! reason, moves few bytes and fails at any point, in the handshake and after it. Nothing is lost,
//! nothing arrives twice, no task hangs or spins. See `tls_fuzz::asynchronous`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| tls_fuzz::asynchronous::run(input));
