//! The protection of packet payloads, RFC 9001 §5.3, and key updates, §6.

use core::fmt;

use super::Version;
#[cfg(feature = "fixed-ephemeral-keys")]
use crate::Backend;
use crate::aead::{NONCE_LEN, TAG_LEN, prepare};
use crate::backend::AeadKey;
use crate::hkdf::{Expander, Secret};
use crate::secret_bytes::with_zeroized_stack;
use crate::tls13::StoredTrafficSecret;
use crate::{BulkAlgorithm, Error};

/// A packet number that was not used before with the key that it is given to.
///
/// **The caller guarantees this**: the nonce is computed from the number, and two packets with the
/// same nonce reveal their contents and permit forgeries. RFC 9000 §12.3 counts the packets of each
/// number space from 0 and never repeats a number, also when a packet is sent again.
/// [`PacketKey::seal`] consumes the value, so that one value seals one packet.
#[derive(Debug, PartialEq, Eq)]
pub struct NewPacketNumber(u64);

impl NewPacketNumber {
    /// Takes the caller's word that `number` is new. Returns `None` from 2^62 on: no packet has
    /// such a number (RFC 9000 §12.3).
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number < PACKET_NUMBERS { Some(Self(number)) } else { None }
    }
}

/// Protects the payloads of one direction and key phase.
///
/// The key is overwritten on drop. It does not count packets: see
/// [`confidentiality_limit`](Self::confidentiality_limit) and
/// [`integrity_limit`](Self::integrity_limit). No call allocates.
pub struct PacketKey {
    key: AeadKey,
    iv: [u8; NONCE_LEN],
    aead: BulkAlgorithm,
}

impl PacketKey {
    pub(super) fn derive(version: Version, aead: BulkAlgorithm, secret: &Expander) -> Self {
        let labels = version.labels();
        let iv = *secret.expand_fixed::<NONCE_LEN>(&labels.iv);
        let key = match aead {
            BulkAlgorithm::Aes128Gcm => {
                prepare(secret.backend(), aead, secret.expand_fixed::<16>(&labels.key).as_slice())
            }
            BulkAlgorithm::Aes256Gcm | BulkAlgorithm::ChaCha20Poly1305 => {
                prepare(secret.backend(), aead, secret.expand_fixed::<32>(&labels.key).as_slice())
            }
        };
        Self { key, iv, aead }
    }

    /// Creates a key from a test vector: packet 0 has the nonce `iv`. Returns `None` if `key` does
    /// not have the algorithm's length.
    #[cfg(feature = "fixed-ephemeral-keys")]
    #[must_use]
    pub fn from_key(backend: Backend, aead: BulkAlgorithm, key: &[u8], iv: [u8; NONCE_LEN]) -> Option<Self> {
        AeadKey::new(backend, aead, key).map(|key| Self { key, iv, aead })
    }

    /// Encrypts the payload of a packet in place.
    ///
    /// `header` is the header before header protection, from the first byte to the end of the
    /// packet number. `payload` ends with [`TAG_LEN`] bytes for the tag, whose value is ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Seal`] if `payload` is shorter than the tag.
    #[inline]
    pub fn seal(&self, number: NewPacketNumber, header: &[u8], payload: &mut [u8]) -> Result<(), Error> {
        let (payload, tag) = payload.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::Seal)?;
        self.key.seal(self.nonce(number.0), header, payload, tag)
    }

    /// Decrypts the payload of a packet in place, and returns its length without the tag.
    ///
    /// `number` is the decoded packet number (RFC 9000 §17.1) and `header` the header after
    /// [header protection is removed](super::HeaderKey::unprotect). After an error, the content of
    /// `payload` is unspecified.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if the packet was not sealed with this key, number and header. Discard it,
    /// and count it for the [limit](Self::integrity_limit).
    #[inline]
    pub fn open(&self, number: u64, header: &[u8], payload: &mut [u8]) -> Result<usize, Error> {
        if number >= PACKET_NUMBERS {
            return Err(Error::Open);
        }
        self.key.open(self.nonce(number), header, payload).map(|payload| payload.len())
    }

    /// Returns how many packets the key may seal. The caller counts them, and updates the key or
    /// closes the connection before (RFC 9001 §6.6).
    #[inline]
    #[must_use]
    pub const fn confidentiality_limit(&self) -> u64 {
        confidentiality_limit(self.aead)
    }

    /// Returns how many packets may fail to open in the whole connection, under all keys. The
    /// caller counts them, and closes the connection at the limit (RFC 9001 §6.6).
    #[inline]
    #[must_use]
    pub const fn integrity_limit(&self) -> u64 {
        integrity_limit(self.aead)
    }

    /// Returns the algorithm.
    #[inline]
    #[must_use]
    pub const fn aead(&self) -> BulkAlgorithm {
        self.aead
    }

    /// The IV xor the packet number, RFC 9001 §5.3.
    #[inline]
    fn nonce(&self, number: u64) -> [u8; NONCE_LEN] {
        let [a, b, c, d, tail @ ..] = self.iv;
        let [e, f, g, h, i, j, k, l] = (u64::from_be_bytes(tail) ^ number).to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

impl fmt::Debug for PacketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketKey").field("aead", &self.aead).finish_non_exhaustive()
    }
}

/// Returns how many packets one key may seal: 2^23 for AES-GCM. For ChaCha20-Poly1305 there are
/// fewer packet numbers than the limit, so it is `u64::MAX` (RFC 9001 §6.6).
#[inline]
#[must_use]
pub const fn confidentiality_limit(aead: BulkAlgorithm) -> u64 {
    match aead {
        BulkAlgorithm::Aes128Gcm | BulkAlgorithm::Aes256Gcm => 1 << 23,
        BulkAlgorithm::ChaCha20Poly1305 => u64::MAX,
    }
}

/// Returns how many packets may fail to open in one connection: 2^52 with AES-GCM, 2^36 with
/// ChaCha20-Poly1305 (RFC 9001 §6.6).
#[inline]
#[must_use]
pub const fn integrity_limit(aead: BulkAlgorithm) -> u64 {
    match aead {
        BulkAlgorithm::Aes128Gcm | BulkAlgorithm::Aes256Gcm => 1 << 52,
        BulkAlgorithm::ChaCha20Poly1305 => 1 << 36,
    }
}

/// The packet keys of one direction after each key update, RFC 9001 §6.1. Zeroized on drop.
///
/// ```
/// use strata_tls_crypto::quic::{KeyUpdates, Keys, Version};
/// use strata_tls_crypto::{Backend, BulkAlgorithm, HashAlgorithm, tls13::TrafficSecret};
///
/// let secret = TrafficSecret::from_key_log(Backend::ring(), HashAlgorithm::Sha256, &[7; 32]).ok_or("length")?;
/// let first = Keys::new(Version::V1, BulkAlgorithm::Aes128Gcm, &secret);
/// let updates = KeyUpdates::new(Version::V1, BulkAlgorithm::Aes128Gcm, secret.into_stored());
/// let (second, updates) = updates.next();
/// let (third, updates) = updates.next();
/// # let _ = (first, second, third, updates);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct KeyUpdates {
    /// On the heap, because a move would leave a copy in the memory of its owner.
    secret: Box<Secret>,
    version: Version,
    aead: BulkAlgorithm,
}

impl KeyUpdates {
    /// Prepares the updates of an application traffic secret.
    #[must_use]
    pub fn new(version: Version, aead: BulkAlgorithm, secret: StoredTrafficSecret) -> Self {
        Self { secret: Box::new(secret.into_secret()), version, aead }
    }

    /// Returns the key of the next phase, and the updates after it. It consumes the secret, so no
    /// key is derived twice, and older keys cannot be computed from what remains.
    #[must_use]
    pub fn next(self) -> (PacketKey, Self) {
        let Self { version, aead, .. } = self;
        with_zeroized_stack(|| {
            let secret = self.secret.expander().expand_to_secret(&version.labels().update);
            (PacketKey::derive(version, aead, &secret.expander()), Self { secret: Box::new(secret), version, aead })
        })
    }

    #[cfg(test)]
    pub(super) fn secret(&self) -> &[u8] {
        (*self.secret).as_ref()
    }
}

/// Packet numbers are less than this, RFC 9000 §12.3.
const PACKET_NUMBERS: u64 = 1 << 62;
