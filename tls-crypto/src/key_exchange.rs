//! Ephemeral Diffie-Hellman over elliptic curves, RFC 9846 §7.4.

use core::fmt;

use ring::agreement;

use crate::Error;
use crate::hash::copy_prefix;
use crate::secret_bytes::SecretBytes;

/// A group for the key exchange (RFC 9846 §4.3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// X25519, RFC 7748. Public keys of 32 bytes.
    X25519,
    /// NIST P-256. Public keys are uncompressed points of 65 bytes.
    Secp256r1,
    /// NIST P-384. Public keys are uncompressed points of 97 bytes.
    Secp384r1,
}

impl Group {
    fn agreement(self) -> &'static agreement::Algorithm {
        match self {
            Self::X25519 => &agreement::X25519,
            Self::Secp256r1 => &agreement::ECDH_P256,
            Self::Secp384r1 => &agreement::ECDH_P384,
        }
    }
}

/// A key pair for one key exchange. [`agree`](Self::agree) consumes it.
///
/// ```
/// use strata_tls_crypto::{EphemeralKey, Group};
///
/// let client = EphemeralKey::generate(Group::X25519)?;
/// let server = EphemeralKey::generate(Group::X25519)?;
/// let client_share = client.public_key().to_vec();
/// let server_share = server.public_key().to_vec();
///
/// let at_client = client.agree(&server_share)?;
/// let at_server = server.agree(&client_share)?;
/// # let _ = (at_client, at_server);
/// # Ok::<(), strata_tls_crypto::Error>(())
/// ```
pub struct EphemeralKey {
    group: Group,
    private: agreement::EphemeralPrivateKey,
    public: agreement::PublicKey,
}

impl EphemeralKey {
    /// Generates a key pair with the operating system's random number generator.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExchange`] if no random bytes are available.
    pub fn generate(group: Group) -> Result<Self, Error> {
        Self::drawn_from(group, &ring::rand::SystemRandom::new())
    }

    /// Creates the key pair of a private key from a published test vector.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExchange`] if the private key is invalid for the group.
    #[cfg(any(test, feature = "fixed-ephemeral-keys"))]
    #[allow(deprecated, reason = "ring deliberately has no other way to import a private key; only for test vectors")]
    pub fn from_private_key(group: Group, private_key: &[u8]) -> Result<Self, Error> {
        let length = match group {
            Group::X25519 | Group::Secp256r1 => 32,
            Group::Secp384r1 => 48,
        };
        if private_key.len() != length {
            return Err(Error::KeyExchange);
        }
        Self::drawn_from(group, &ring::test::rand::FixedSliceRandom { bytes: private_key })
    }

    fn drawn_from(group: Group, random: &dyn ring::rand::SecureRandom) -> Result<Self, Error> {
        let private = agreement::EphemeralPrivateKey::generate(group.agreement(), random);
        let private = private.map_err(|_| Error::KeyExchange)?;
        let public = private.compute_public_key().map_err(|_| Error::KeyExchange)?;
        Ok(Self { group, private, public })
    }

    /// Returns its group.
    #[inline]
    #[must_use]
    pub fn group(&self) -> Group {
        self.group
    }

    /// Returns the public key as encoded in `KeyShareEntry.key_exchange` (RFC 9846 §4.3.8).
    #[inline]
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    /// Computes the shared secret with the peer's public key.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExchange`] if `peer_public` has the wrong length, is not an uncompressed point
    /// on the curve, or leads to the all-zero X25519 secret. The handshake must then be aborted
    /// with illegal_parameter (RFC 9846 §4.3.8.2, §7.4.2).
    pub fn agree(self, peer_public: &[u8]) -> Result<SharedSecret, Error> {
        let peer_public = agreement::UnparsedPublicKey::new(self.group.agreement(), peer_public);
        agreement::agree_ephemeral(self.private, &peer_public, SharedSecret::copied_from)
            .map_err(|_| Error::KeyExchange)
    }
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EphemeralKey").field("group", &self.group).finish_non_exhaustive()
    }
}

/// The shared secret of a key exchange, which is the input of the key schedule. Zeroized on drop,
/// and not shown by `Debug`.
pub struct SharedSecret {
    bytes: SecretBytes<MAX_SHARED_SECRET_LEN>,
    length: usize,
}

impl SharedSecret {
    /// Copies the whole secret; no group has a longer one.
    pub(crate) fn copied_from(secret: &[u8]) -> Self {
        let mut bytes = SecretBytes::new([0; MAX_SHARED_SECRET_LEN]);
        copy_prefix(secret, bytes.as_mut_slice());
        Self { bytes, length: secret.len() }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(self.bytes.as_slice())
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSecret").finish_non_exhaustive()
    }
}

/// The x coordinate of a P-384 point.
const MAX_SHARED_SECRET_LEN: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: [Group; 3] = [Group::X25519, Group::Secp256r1, Group::Secp384r1];

    #[test]
    fn both_sides_agree_in_every_group() {
        for (group, public_len, secret_len) in
            [(Group::X25519, 32, 32), (Group::Secp256r1, 65, 32), (Group::Secp384r1, 97, 48)]
        {
            let (a, b) = (EphemeralKey::generate(group).unwrap(), EphemeralKey::generate(group).unwrap());
            let (public_a, public_b) = (a.public_key().to_vec(), b.public_key().to_vec());
            assert_ne!(public_a, public_b);
            assert_eq!((public_a.len(), a.group()), (public_len, group));
            let (at_a, at_b) = (a.agree(&public_b).unwrap(), b.agree(&public_a).unwrap());
            assert_eq!(at_a.as_bytes(), at_b.as_bytes());
            assert_eq!(at_a.as_bytes().len(), secret_len);
        }
    }

    #[test]
    fn public_key_of_wrong_length_is_rejected() {
        for group in GROUPS {
            let mut public = EphemeralKey::generate(group).unwrap().public_key().to_vec();
            for length in 0..public.len() {
                let rejected = EphemeralKey::generate(group).unwrap().agree(&public[..length]);
                assert_eq!(rejected.unwrap_err(), Error::KeyExchange, "{group:?} {length}");
            }
            public.push(0);
            assert!(EphemeralKey::generate(group).unwrap().agree(&public).is_err());
        }
    }

    #[test]
    fn invalid_and_compressed_points_are_rejected() {
        for group in [Group::Secp256r1, Group::Secp384r1] {
            let public = EphemeralKey::generate(group).unwrap().public_key().to_vec();
            for byte in [0, 1, public.len() / 2, public.len() - 1] {
                let mut off = public.clone();
                off[byte] ^= 1;
                assert!(EphemeralKey::generate(group).unwrap().agree(&off).is_err(), "{group:?} {byte}");
            }
            let mut compressed = public[..public.len() / 2 + 1].to_vec();
            compressed[0] = 2;
            assert!(EphemeralKey::generate(group).unwrap().agree(&compressed).is_err());
        }
    }

    #[test]
    fn x25519_share_of_low_order_is_rejected() {
        let mut one = [0; 32];
        one[0] = 1;
        for share in [[0; 32], one] {
            assert!(EphemeralKey::generate(Group::X25519).unwrap().agree(&share).is_err());
        }
    }

    #[test]
    fn fixed_private_key_of_wrong_length_is_rejected() {
        for group in GROUPS {
            for length in [0, 31, 33, 47, 49] {
                assert!(EphemeralKey::from_private_key(group, &vec![1; length]).is_err(), "{group:?} {length}");
            }
        }
    }
}
