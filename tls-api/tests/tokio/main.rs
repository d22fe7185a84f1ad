//! Asynchronous clients and servers. Most run on an executor of their own that detects hangs; those
//! that need timers or sockets run on tokio's.

mod answers;
mod chaos;
mod counts;
mod early_data;
mod halves;
mod handshakes;
mod lazy;
mod limits;
mod load;
#[path = "../memory/pki.rs"]
#[expect(dead_code, reason = "shared with another test")]
mod pki;
mod sessions;
mod streams;
mod transport;
mod wakers;
