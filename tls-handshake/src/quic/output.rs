//! What a connection hands to QUIC.

use tls_crypto::quic::{KeyUpdates, Keys};

use crate::error::Level;

/// The next action of QUIC, in wire order.
#[derive(Debug)]
pub enum Output {
    /// Send these bytes in CRYPTO frames of this level, after those sent before.
    Crypto(Level, Vec<u8>),
    /// Use these keys.
    Keys(KeyChange),
}

/// Keys of a level and direction. QUIC discards those of earlier levels later (RFC 9001 §4.9).
///
/// A client has 0-RTT keys if it may send early data, a server if it accepts early data.
#[derive(Debug)]
pub enum KeyChange {
    /// The keys of received packets.
    Read(Level, Keys),
    /// The keys of sent packets. A server has those of 1-RTT before the client is authenticated.
    Write(Level, Keys),
    /// The later 1-RTT packet keys of both directions. The handshake is complete; QUIC updates keys
    /// only once it is confirmed (RFC 9001 §6).
    Updates {
        /// For received packets.
        read: KeyUpdates,
        /// For sent packets.
        write: KeyUpdates,
    },
}
