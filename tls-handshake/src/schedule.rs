//! The keys from our side: `read` and `write` instead of client and server, and evidence before application keys.
//!
//! The values come from [`tls_crypto`]; here they are tied to the handshake's evidence, one file for each version.

use tls_crypto::{Opener, Sealer};

pub(crate) mod tls12;
pub(crate) mod tls13;

/// What a key protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epoch {
    /// The client's early data, and EndOfEarlyData (TLS 1.3).
    EarlyData {
        /// Bytes of data that may come under it.
        limit: u32,
    },
    /// Handshake messages alone (TLS 1.3, between ServerHello and Finished).
    Handshake,
    /// Everything from there on.
    Application,
}

/// A key to open records with, and what it is for.
pub struct ReadKey {
    /// Opens the records.
    pub opener: Opener,
    /// What they may hold.
    pub epoch: Epoch,
}

/// A key to seal records with, and what it is for.
pub struct WriteKey {
    /// Seals the records.
    pub sealer: Sealer,
    /// What they may hold.
    pub epoch: Epoch,
}

impl std::fmt::Debug for ReadKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadKey").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for WriteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriteKey").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Which of the two ends we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}
