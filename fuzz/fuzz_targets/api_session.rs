//! Runs a client and a server over a network that the input controls: how much is written,
//! delivered and read, when keys are updated, when sessions are split, and which bits are flipped.
//! Each side must read a prefix of what the other side wrote.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_fuzz::session::{Pair, Side};

fuzz_target!(|script: &[u8]| {
    let first = script.first().copied().unwrap_or_default();
    let mut pair = Pair::start(first >> 1);
    // Most inputs test an established connection; an odd first byte starts during the handshake.
    if first % 2 == 0 {
        pair.settle();
    }
    let mut tampered = false;
    for step in script.get(1..).unwrap_or_default().chunks_exact(2) {
        let (action, amount) = (step[0], usize::from(step[1]));
        let side = if action & 1 == 0 { Side::Client } else { Side::Server };
        match action >> 1 & 7 {
            _ if action & 0x80 != 0 => pair.split(side),
            0 => pair.write(side, amount),
            1 => pair.write(side, amount * 256),
            2 => pair.deliver(side, amount),
            3 => pair.deliver(side, amount * 256),
            4 => pair.read(side, 1 + amount),
            5 => pair.close(side),
            6 => pair.refresh(side),
            _ => tampered |= pair.flip(side, amount),
        }
    }
    pair.settle();
    pair.check(tampered);
});
