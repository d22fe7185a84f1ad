//! Tickets: a ticket opens under its key to what was sealed. Under any other key, and with any
//! change, it does not open.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_crypto::{Backend, TicketKey};

/// A key, another one or a flag to take one that differs in a bit, the bit, a state, garbage.
type Input<'a> = ([u8; 48], [u8; 48], bool, u16, &'a [u8], &'a [u8]);

fuzz_target!(|input: Input<'_>| {
    let (bytes, mut other, is_near, bit, state, garbage) = input;
    let key = TicketKey::from_bytes(Backend::ring(), &bytes).unwrap();
    let ticket = key.seal(state).unwrap();
    assert_eq!(ticket.len(), state.len() + TicketKey::OVERHEAD);
    assert_eq!(key.open(&ticket).as_deref().map(Vec::as_slice), Some(state));
    assert!(ticket.starts_with(&bytes[..1]));

    let bit = usize::from(bit);
    let mut changed = ticket.clone();
    let place = bit % (8 * changed.len());
    changed[place / 8] ^= 1 << (place % 8);
    assert!(key.open(&changed).is_none(), "a changed ticket was opened");
    assert!(key.open(&ticket[..place / 8]).is_none(), "a part of a ticket was opened");
    assert!(key.open(&[&ticket, &[0][..]].concat()).is_none(), "more than a ticket was opened");
    assert!(key.open(garbage).is_none(), "garbage was opened");
    assert!(key.open(&[&bytes[..1], garbage].concat()).is_none(), "garbage with a hint was opened");

    if is_near {
        other = bytes;
        other[bit % 384 / 8] ^= 1 << (bit % 8);
    }
    let opened = TicketKey::from_bytes(Backend::ring(), &other).unwrap().open(&ticket).is_some();
    assert_eq!(opened, other == bytes, "another key opened a ticket");
});
