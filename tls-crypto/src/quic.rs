//! The packet protection of QUIC versions 1 and 2: RFC 9001 §5 and §6, RFC 9369.
//!
//! QUIC replaces the record layer: it protects packets with keys from the same traffic secrets, and
//! packets get lost and reordered. The packet number is therefore the caller's, unlike the sequence
//! number of a [`Sealer`](crate::Sealer). Nothing here knows the layout of a packet beyond what
//! protection needs.
//!
//! ```text
//! connection id ── initial_keys ──▶ Keys of client and server
//! TrafficSecret ── Keys::new ─────▶ PacketKey (payload), HeaderKey (first byte, packet number)
//!        └──────── KeyUpdates::new ── next ──▶ PacketKey of each next key phase
//! ```
//!
//! A client protects its first Initial packet, and the server removes the protection:
//!
//! ```
//! use strata_tls_crypto::Backend;
//! use strata_tls_crypto::quic::{NewPacketNumber, TAG_LEN, Version, initial_keys};
//!
//! let connection_id = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
//! let keys = initial_keys(Backend::ring(), Version::V1, &connection_id);
//! let header = *b"\xc3\0\0\0\x01\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\0\0\x40\x17\0\0\0\x02";
//! let number_at = header.len() - 4;
//! let mut packet = [&header[..], b"frame", &[0; TAG_LEN]].concat();
//!
//! let number = NewPacketNumber::new(2).ok_or("packet number too large")?;
//! let (head, payload) = packet.split_at_mut(header.len());
//! keys.client.packet.seal(number, head, payload)?;
//! keys.client.header.protect(&mut packet, number_at)?;
//!
//! // The server uses the same keys.
//! let keys = initial_keys(Backend::ring(), Version::V1, &connection_id);
//! let number_len = keys.client.header.unprotect(&mut packet, number_at)?;
//! assert_eq!((number_len, &packet[..header.len()]), (4, &header[..]));
//! let (head, payload) = packet.split_at_mut(header.len());
//! let length = keys.client.packet.open(2, head, payload)?;
//! assert_eq!(&payload[..length], b"frame");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod header;
mod packet;
mod retry;
#[cfg(test)]
mod tests;
mod version;

pub use crate::aead::TAG_LEN;
pub use header::{HeaderKey, SAMPLE_LEN};
pub use packet::{KeyUpdates, NewPacketNumber, PacketKey, confidentiality_limit, integrity_limit};
pub use retry::{retry_tag, verify_retry_tag};
pub use version::Version;

use crate::hkdf::{Expander, Label, PublicKeys};
use crate::secret_bytes::with_zeroized_stack;
use crate::tls13::TrafficSecret;
use crate::{Backend, BulkAlgorithm, HashAlgorithm};

/// The keys of one direction and encryption level.
#[derive(Debug)]
pub struct Keys {
    /// Protects the payload of packets.
    pub packet: PacketKey,
    /// Protects the header of packets. It stays the same in all key phases (RFC 9001 §6).
    pub header: HeaderKey,
}

impl Keys {
    /// Derives the keys of a traffic secret, RFC 9001 §5.1.
    ///
    /// `aead` belongs to the negotiated cipher suite. Derive the keys that seal only once: two
    /// copies would use the same nonces.
    #[must_use]
    pub fn new(version: Version, aead: BulkAlgorithm, secret: &TrafficSecret) -> Self {
        Self::derive(version, aead, secret.expander())
    }

    fn derive(version: Version, aead: BulkAlgorithm, secret: &Expander) -> Self {
        with_zeroized_stack(|| Self {
            packet: PacketKey::derive(version, aead, secret),
            header: HeaderKey::derive(version, aead, secret),
        })
    }
}

/// The keys of Initial packets.
///
/// Anyone who sees the client's first packet can compute them: they detect damage, and do not keep
/// anything secret.
#[derive(Debug)]
pub struct InitialKeys {
    /// The keys of packets from the client.
    pub client: Keys,
    /// The keys of packets from the server.
    pub server: Keys,
}

/// Derives the keys of Initial packets, RFC 9001 §5.2.
///
/// `connection_id` is the Destination Connection ID of the client's first Initial packet; after a
/// Retry, of the first one that follows it.
#[must_use]
pub fn initial_keys(backend: Backend, version: Version, connection_id: &[u8]) -> InitialKeys {
    static SALTS: [PublicKeys; 2] = [PublicKeys::new(), PublicKeys::new()];
    let [v1, v2] = &SALTS;
    let salts = match version {
        Version::V1 => v1,
        Version::V2 => v2,
    };
    let salt = salts.get(backend, HashAlgorithm::Sha256, version.initial_salt());
    let initial = salt.extract(connection_id).expander();
    let keys = |label| Keys::derive(version, BulkAlgorithm::Aes128Gcm, &initial.expand_to_secret(label).expander());
    InitialKeys { client: keys(&CLIENT_INITIAL), server: keys(&SERVER_INITIAL) }
}

static CLIENT_INITIAL: Label = Label::new(b"\x0ftls13 client in");
static SERVER_INITIAL: Label = Label::new(b"\x0ftls13 server in");
