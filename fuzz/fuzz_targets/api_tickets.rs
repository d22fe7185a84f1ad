//! Tickets of a server. The first byte selects: a `Ticketer`, whose keys rotate by a clock or are
//! set, against a model that says which tickets must be decrypted and which must not; or a
//! resumption whose ticket decrypts to changed bytes, as under a stolen key: the handshake falls
//! back or fails, and whatever is established is right.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_fuzz::tickets::{rotation, stolen_key};

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((first, steps)) if first & 1 == 0 => rotation(first & 2 != 0, steps),
        Some((first, changes)) => stolen_key(first >> 1, changes),
        None => {}
    }
});
