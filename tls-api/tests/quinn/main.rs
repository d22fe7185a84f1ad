//! QUIC connections over loopback under quinn: with this library on both sides, and with rustls on
//! one of them. A relay loses, duplicates and reorders packets.

mod certificates;
#[expect(dead_code, reason = "shared with another test")]
mod counting;
mod early_data;
mod handshakes;
#[path = "../memory/pki.rs"]
#[expect(dead_code, reason = "shared with another test")]
mod pki;
mod relay;
mod stacks;
mod transfers;
