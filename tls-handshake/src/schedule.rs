//! Keys from this side's view: `read` and `write` instead of client and server.
//!
//! [`tls_crypto`] derives the values. The files here, one for each version, release application
//! keys only for evidence that the peer is authenticated.

use tls_crypto::{Opener, Sealer};

pub(crate) mod tls12;
pub(crate) mod tls13;

/// The data that a key protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epoch {
    /// Early data of the client, and EndOfEarlyData (TLS 1.3).
    EarlyData {
        /// Maximum number of bytes of data under this key.
        limit: u32,
    },
    /// Only handshake messages (TLS 1.3, from ServerHello to Finished).
    Handshake,
    /// All later records.
    Application,
}

/// A key to decrypt records, and what it protects.
pub struct ReadKey {
    /// Decrypts records.
    pub opener: Opener,
    /// The content that the records may have.
    pub epoch: Epoch,
}

/// A key to encrypt records, and what it protects.
pub struct WriteKey {
    /// Encrypts records.
    pub sealer: Sealer,
    /// The content that the records may have.
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

/// The role of this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}
