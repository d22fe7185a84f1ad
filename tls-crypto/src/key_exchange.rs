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
mod tests;
