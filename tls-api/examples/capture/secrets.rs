//! Keeps the secrets that connections log, in memory, to decrypt their recorded bytes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use strata_tls::KeyLog;
use zeroize::Zeroizing;

/// The secrets of the latest connections.
#[derive(Default)]
pub(crate) struct Secrets {
    connections: Mutex<VecDeque<Connection>>,
    /// Also receives the secrets.
    next: Option<Arc<dyn KeyLog>>,
}

struct Connection {
    client_random: [u8; 32],
    secrets: Vec<(String, Zeroizing<Vec<u8>>)>,
}

/// How many connections have their secrets kept.
const CONNECTIONS: usize = 1024;

impl Secrets {
    /// Keeps the secrets, and passes them on to the key log of `--key-log`.
    pub(crate) fn before(next: Option<Arc<dyn KeyLog>>) -> Self {
        Self { next, ..Self::default() }
    }

    pub(super) fn get(&self, label: &str, client_random: &[u8; 32]) -> Option<Zeroizing<Vec<u8>>> {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = connections.iter().rev().find(|known| known.client_random == *client_random)?;
        connection.secrets.iter().find(|(known, _)| known == label).map(|(_, secret)| secret.clone())
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = (label.to_owned(), Zeroizing::new(secret.to_vec()));
        match connections.iter_mut().rev().find(|known| known.client_random == *client_random) {
            Some(connection) => connection.secrets.push(entry),
            None => {
                if connections.len() >= CONNECTIONS {
                    connections.pop_front();
                }
                connections.push_back(Connection { client_random: *client_random, secrets: vec![entry] });
            }
        }
        drop(connections);
        if let Some(next) = &self.next {
            next.log(label, client_random, secret);
        }
    }
}

/// Shows no secret.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}
