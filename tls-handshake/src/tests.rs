//! Tests of this crate's internals: states without records, records without states, and published
//! traces.

mod alpn;
mod boundaries;
mod client_auth;
mod drop;
mod early_data;
mod error_size;
mod external_psks;
mod flights;
mod flips;
mod flips12;
mod flips_resumed;
mod flow;
mod guards;
mod hello;
mod in_place;
mod interop;
mod lengths;
mod list_memory;
mod negotiation;
mod negotiation12;
mod order;
mod padding;
#[path = "../tests/pair/mod.rs"]
mod pair;
mod past_faults;
mod ramp_up;
mod record_limits;
mod records;
mod replay;
mod resumption;
mod resumption_wire;
mod server_names;
mod stapling;
mod stored_sessions;
mod updates;
mod versions;
mod wire;
mod wire12;

use std::sync::{Arc, Mutex};

use crate::config::KeyLog;

/// A label, ClientHello.random and a secret.
type LogEntry = (String, [u8; 32], Vec<u8>);

/// A key log that stores every secret of a connection, in order.
#[derive(Debug, Default)]
struct Secrets(Mutex<Vec<LogEntry>>);

impl Secrets {
    fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    fn all(&self) -> Vec<LogEntry> {
        self.0.lock().unwrap().clone()
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), *client_random, secret.to_vec()));
    }
}
