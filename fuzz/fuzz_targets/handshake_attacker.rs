//! A client and a server, and the input as the attacker between them, who holds no keys: records
//! are delivered, cut, dropped, repeated, swapped, changed, replayed, reflected, injected, split
//! and truncated, in the handshake and after it. No attack may change what is negotiated: versions,
//! suites, and all else are those of an unattacked connection, or a side fails. Each side
//! receives a start of what the other sent, and the whole of it before close_notify. No call loops.
//!
//! The first byte selects the setting. Each two bytes after it are a step: the side (low bit), the
//! step, and its argument.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_fuzz::{
    attack::{Attack, Network},
    session::Side,
};

fuzz_target!(|script: &[u8]| {
    let Some((&first, steps)) = script.split_first() else { return };
    let mut network = Network::start(first);
    for step in steps.chunks_exact(2).take(200) {
        let (what, at) = (step[0], usize::from(step[1]));
        let side = if what & 1 == 0 { Side::Client } else { Side::Server };
        let attack = match what >> 1 & 15 {
            0 | 1 => Attack::Deliver,
            2 => Attack::DeliverPart,
            3 => Attack::Drop,
            4 => Attack::Repeat,
            5 => Attack::Swap,
            6 => Attack::Flip,
            7 => Attack::Replay,
            8 => Attack::Reflect,
            9 => Attack::Inject,
            10 => Attack::Split,
            11 => Attack::Truncate,
            12 => {
                network.write(side, at);
                continue;
            }
            13 => {
                network.refresh(side);
                continue;
            }
            14 => {
                network.close(side);
                continue;
            }
            _ => {
                network.settle();
                continue;
            }
        };
        network.attack(attack, side, at);
    }
    network.settle();
    network.check();
});
