//! Keys from this side's view: `read` and `write` instead of client and server.
//!
//! [`tls_crypto`] derives the values. The files here, one for each version, release application
//! keys only for evidence that the peer is authenticated.

use tls_crypto::tls13::TrafficSecret;
use tls_crypto::{BulkAlgorithm, Opener, Sealer};

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

/// A key to decrypt what the peer sends, and what it protects.
///
/// The receiver derives the key for its own protocol: an [`Opener`] for records, packet keys for
/// QUIC.
pub struct ReadKey<'s> {
    origin: Origin<'s, Opener>,
    /// The content that it protects.
    pub epoch: Epoch,
}

/// A key to encrypt what this side sends, and what it protects. Like [`ReadKey`].
pub struct WriteKey<'s> {
    origin: Origin<'s, Sealer>,
    /// The content that it protects.
    pub epoch: Epoch,
}

enum Origin<'s, K> {
    /// TLS 1.3: the traffic secret.
    Secret(&'s TrafficSecret, BulkAlgorithm),
    /// TLS 1.2, where all keys are derived at once.
    Key(K),
}

impl<'s> ReadKey<'s> {
    pub(crate) fn tls13(secret: &'s TrafficSecret, aead: BulkAlgorithm, epoch: Epoch) -> Self {
        Self { origin: Origin::Secret(secret, aead), epoch }
    }

    pub(crate) fn tls12(opener: Opener) -> Self {
        Self { origin: Origin::Key(opener), epoch: Epoch::Application }
    }

    /// Returns the key for records.
    #[must_use]
    pub fn into_opener(self) -> Opener {
        match self.origin {
            Origin::Secret(secret, aead) => secret.opener(aead),
            Origin::Key(opener) => opener,
        }
    }

    /// Returns the traffic secret and the algorithm of its keys. `None` in TLS 1.2.
    #[must_use]
    pub fn secret(&self) -> Option<(&'s TrafficSecret, BulkAlgorithm)> {
        match self.origin {
            Origin::Secret(secret, aead) => Some((secret, aead)),
            Origin::Key(_) => None,
        }
    }
}

impl<'s> WriteKey<'s> {
    pub(crate) fn tls13(secret: &'s TrafficSecret, aead: BulkAlgorithm, epoch: Epoch) -> Self {
        Self { origin: Origin::Secret(secret, aead), epoch }
    }

    pub(crate) fn tls12(sealer: Sealer) -> Self {
        Self { origin: Origin::Key(sealer), epoch: Epoch::Application }
    }

    /// Returns the key for records. It starts at sequence number 0, so derive it once.
    #[must_use]
    pub fn into_sealer(self) -> Sealer {
        match self.origin {
            Origin::Secret(secret, aead) => secret.sealer(aead),
            Origin::Key(sealer) => sealer,
        }
    }

    /// Returns the traffic secret and the algorithm of its keys. `None` in TLS 1.2.
    #[must_use]
    pub fn secret(&self) -> Option<(&'s TrafficSecret, BulkAlgorithm)> {
        match self.origin {
            Origin::Secret(secret, aead) => Some((secret, aead)),
            Origin::Key(_) => None,
        }
    }
}

impl std::fmt::Debug for ReadKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadKey").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for WriteKey<'_> {
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
