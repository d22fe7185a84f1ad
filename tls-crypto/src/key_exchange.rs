//! Ephemeral Diffie-Hellman over elliptic curves, RFC 9846 §7.4.

use core::fmt;

use ring::agreement;

use crate::Error;
use crate::hash::copy_prefix;
use crate::secret_bytes::SecretBytes;

/// A group for the key exchange (RFC 9846 §4.3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Group {
    /// X25519, RFC 7748. Public keys of 32 bytes.
    X25519,
    /// NIST P-256. Public keys are uncompressed points of 65 bytes.
    Secp256r1,
    /// NIST P-384. Public keys are uncompressed points of 97 bytes.
    Secp384r1,
}

impl Group {
    /// All supported groups.
    pub const ALL: &'static [Self] = &[Self::X25519, Self::Secp256r1, Self::Secp384r1];

    /// Returns the registered code point (`NamedGroup`).
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::X25519 => 0x001d,
            Self::Secp256r1 => 0x0017,
            Self::Secp384r1 => 0x0018,
        }
    }

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
/// The side that sends its share first generates a key. The other side needs none: it
/// [responds](KeyExchangeResponse::to) to the share.
///
/// ```
/// use strata_tls_crypto::{EphemeralKey, Group, KeyExchangeResponse};
///
/// let client = EphemeralKey::generate(Group::X25519)?;
/// let server = KeyExchangeResponse::to(Group::X25519, client.public_key())?;
///
/// let at_client = client.agree(server.share())?;
/// let at_server = server.into_secret();
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
    /// [`Error::Random`] if no random bytes are available.
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
        let random = ring::test::rand::FixedSliceRandom { bytes: private_key };
        Self::drawn_from(group, &random).map_err(|_| Error::KeyExchange)
    }

    fn drawn_from(group: Group, random: &dyn ring::rand::SecureRandom) -> Result<Self, Error> {
        let private = agreement::EphemeralPrivateKey::generate(group.agreement(), random);
        let private = private.map_err(|_| Error::Random)?;
        let public = private.compute_public_key().map_err(|_| Error::Random)?;
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
        agree(self.group, self.private, peer_public)
    }
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EphemeralKey").field("group", &self.group).finish_non_exhaustive()
    }
}

/// The response to a peer's share: a share for the peer, and the secret that both then have.
pub struct KeyExchangeResponse {
    public: agreement::PublicKey,
    secret: SharedSecret,
}

impl KeyExchangeResponse {
    /// Responds to a share of `group`.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExchange`] for an invalid share, as for [`EphemeralKey::agree`].
    /// [`Error::Random`] if no random bytes are available.
    pub fn to(group: Group, peer_public: &[u8]) -> Result<Self, Error> {
        let EphemeralKey { private, public, .. } = EphemeralKey::generate(group)?;
        Ok(Self { public, secret: agree(group, private, peer_public)? })
    }

    /// Returns the share for the peer, as encoded in `KeyShareEntry.key_exchange`.
    #[inline]
    #[must_use]
    pub fn share(&self) -> &[u8] {
        self.public.as_ref()
    }

    /// Returns the secret, which the peer computes from the share.
    #[inline]
    #[must_use]
    pub fn into_secret(self) -> SharedSecret {
        self.secret
    }
}

impl fmt::Debug for KeyExchangeResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyExchangeResponse").finish_non_exhaustive()
    }
}

fn agree(group: Group, private: agreement::EphemeralPrivateKey, peer_public: &[u8]) -> Result<SharedSecret, Error> {
    let peer_public = agreement::UnparsedPublicKey::new(group.agreement(), peer_public);
    agreement::agree_ephemeral(private, &peer_public, SharedSecret::copied_from).map_err(|_| Error::KeyExchange)
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
