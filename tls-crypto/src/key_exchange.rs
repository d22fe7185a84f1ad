//! Ephemeral key exchange: Diffie-Hellman over elliptic curves (RFC 9846 §7.4), ML-KEM (FIPS 203),
//! and hybrids of both (draft-ietf-tls-ecdhe-mlkem), whose shares and secrets are concatenations.

use core::fmt;
use std::borrow::Cow;

use crate::backend::{EcdhKey, EcdhPublicKey};
use crate::hash::copy_prefix;
use crate::secret_bytes::SecretBytes;
use crate::{Backend, Error};

mod group;
#[cfg(feature = "post-quantum")]
pub(crate) mod ml_kem;
mod observer;
mod private_key_source;

use group::Algorithm;
pub use group::Group;
#[cfg(feature = "post-quantum")]
use group::Hybrid;
#[cfg(feature = "post-quantum")]
use ml_kem::DecapsulationKey;
#[cfg(feature = "fixed-ephemeral-keys")]
pub use observer::{SecretObserver, observe_key_exchanges};
#[cfg(any(test, feature = "fixed-ephemeral-keys"))]
use private_key_source::FixedSource;
use private_key_source::{Source, SystemSource};

/// A key pair for one key exchange. [`agree`](Self::agree) consumes it.
///
/// The side that sends its share first generates a key. The other side needs none: it
/// [responds](KeyExchangeResponse::to) to the share.
///
/// ```
/// use strata_tls_crypto::{Backend, EphemeralKey, Group, KeyExchangeResponse};
///
/// let client = EphemeralKey::generate(Backend::ring(), Group::X25519)?;
/// let server = KeyExchangeResponse::to(Backend::ring(), Group::X25519, &client.public_key())?;
///
/// let at_client = client.agree(server.share())?;
/// let at_server = server.into_secret();
/// # let _ = (at_client, at_server);
/// # Ok::<(), strata_tls_crypto::Error>(())
/// ```
pub struct EphemeralKey {
    group: Group,
    pair: KeyPair,
}

/// The key pair of each algorithm. That of ML-KEM includes its public key.
enum KeyPair {
    Ecdh(EcdhKey, EcdhPublicKey),
    #[cfg(feature = "post-quantum")]
    MlKem(DecapsulationKey),
    /// On the heap, so that the others are not larger than without it.
    #[cfg(feature = "post-quantum")]
    Hybrid(Box<HybridKey>),
}

#[cfg(feature = "post-quantum")]
struct HybridKey {
    hybrid: Hybrid,
    ecdh: EcdhKey,
    point: EcdhPublicKey,
    ml_kem: DecapsulationKey,
}

impl EphemeralKey {
    /// Generates a key pair with the backend's random number generator.
    ///
    /// # Errors
    ///
    /// [`Error::Random`] if no random bytes are available. [`Error::KeyExchange`] if the backend
    /// [lacks](Backend::supports_group) the group.
    pub fn generate(backend: Backend, group: Group) -> Result<Self, Error> {
        Self::drawn_from(group, &SystemSource(backend))
    }

    /// Creates the key pair of a private key from a published test vector. That of ML-KEM is the
    /// seed of 64 bytes. That of a hybrid consists of both, in the order of the group.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExchange`] if the private key is invalid for the group, or the backend lacks the
    /// group.
    #[cfg(any(test, feature = "fixed-ephemeral-keys"))]
    pub fn from_private_key(backend: Backend, group: Group, private_key: &[u8]) -> Result<Self, Error> {
        Self::drawn_from(group, &FixedSource::of_key(backend, group, private_key)?)
    }

    fn drawn_from(group: Group, source: &impl Source) -> Result<Self, Error> {
        let pair = match group.algorithm() {
            Algorithm::Ecdh(curve) => {
                let (private, point) = source.ecdh_key(curve)?;
                KeyPair::Ecdh(private, point)
            }
            #[cfg(feature = "post-quantum")]
            Algorithm::MlKem(set) => KeyPair::MlKem(source.ml_kem_key(set)?),
            #[cfg(feature = "post-quantum")]
            Algorithm::Hybrid(hybrid) => {
                let (ecdh, point) = source.ecdh_key(hybrid.curve)?;
                let ml_kem = source.ml_kem_key(hybrid.ml_kem)?;
                KeyPair::Hybrid(Box::new(HybridKey { hybrid, ecdh, point, ml_kem }))
            }
        };
        Ok(Self { group, pair })
    }

    /// Returns its group.
    #[inline]
    #[must_use]
    pub fn group(&self) -> Group {
        self.group
    }

    /// Returns the public key as encoded in `KeyShareEntry.key_exchange` (RFC 9846 §4.3.8). That of
    /// a hybrid is concatenated by each call, and not kept.
    #[inline]
    #[must_use]
    pub fn public_key(&self) -> Cow<'_, [u8]> {
        match &self.pair {
            KeyPair::Ecdh(_, point) => point.as_ref().into(),
            #[cfg(feature = "post-quantum")]
            KeyPair::MlKem(key) => key.public_key().into(),
            #[cfg(feature = "post-quantum")]
            KeyPair::Hybrid(key) => key.hybrid.in_order(key.point.as_ref(), key.ml_kem.public_key()).concat().into(),
        }
    }

    /// Returns the public key for `group`: its own group, or the [classical
    /// part](Group::classical_part) of it. A hybrid key so offers two groups for the price of one.
    #[must_use]
    pub fn public_key_for(&self, group: Group) -> Option<Cow<'_, [u8]>> {
        match &self.pair {
            _ if group == self.group => Some(self.public_key()),
            #[cfg(feature = "post-quantum")]
            KeyPair::Hybrid(key) if group == key.hybrid.classical => Some(key.point.as_ref().into()),
            _ => None,
        }
    }

    /// Returns the key for a group whose [public key](Self::public_key_for) it has. A key for the
    /// classical part drops the other part.
    #[must_use]
    pub fn into_group(self, group: Group) -> Option<Self> {
        match self.pair {
            _ if group == self.group => Some(self),
            #[cfg(feature = "post-quantum")]
            KeyPair::Hybrid(key) if group == key.hybrid.classical => {
                let HybridKey { ecdh, point, .. } = *key;
                Some(Self { group, pair: KeyPair::Ecdh(ecdh, point) })
            }
            _ => None,
        }
    }

    /// Computes the shared secret with the peer's public key.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExchange`] if `peer_public` has the wrong length, is not an uncompressed point
    /// on the curve, or leads to the all-zero X25519 secret. The handshake must then be aborted
    /// with illegal_parameter (RFC 9846 §4.3.8.2, §7.4.2).
    pub fn agree(self, peer_public: &[u8]) -> Result<SharedSecret, Error> {
        match (self.pair, self.group.algorithm()) {
            (KeyPair::Ecdh(private, _), Algorithm::Ecdh(curve)) => {
                private.agree(curve, peer_public, SharedSecret::copied_from)
            }
            #[cfg(feature = "post-quantum")]
            (KeyPair::MlKem(private), _) => Ok(SharedSecret::copied_from(private.decapsulate(peer_public)?.as_slice())),
            #[cfg(feature = "post-quantum")]
            (KeyPair::Hybrid(key), _) => {
                let HybridKey { hybrid, ecdh, ml_kem, .. } = *key;
                let (point, ciphertext) = hybrid.split(peer_public, hybrid.ml_kem.ciphertext_len())?;
                let secret = ml_kem.decapsulate(ciphertext)?;
                ecdh.agree(hybrid.curve, point, |ecdh| {
                    SharedSecret::concatenated(hybrid.in_order(ecdh, secret.as_slice()))
                })
            }
            #[cfg(feature = "post-quantum")]
            (KeyPair::Ecdh(..), _) => Err(Error::KeyExchange),
        }
    }
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EphemeralKey").field("group", &self.group).finish_non_exhaustive()
    }
}

/// A response as it is sent.
enum Share {
    Ecdh(EcdhPublicKey),
    #[cfg(feature = "post-quantum")]
    Bytes(Vec<u8>),
}

/// The response to a peer's share: a share for the peer, and the secret that both then have.
pub struct KeyExchangeResponse {
    share: Share,
    secret: SharedSecret,
}

impl KeyExchangeResponse {
    /// Responds to a share of `group`.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExchange`] for an invalid share: as for [`EphemeralKey::agree`], and if an
    /// encapsulation key of ML-KEM is not in canonical form (FIPS 203 §7.2). [`Error::Random`] if
    /// no random bytes are available.
    pub fn to(backend: Backend, group: Group, peer_public: &[u8]) -> Result<Self, Error> {
        Self::drawn_from(group, peer_public, &SystemSource(backend))
    }

    /// Responds with a private key from a published test vector. That of ML-KEM is the message `m`
    /// of 32 bytes. That of a hybrid consists of both, in the order of the group.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExchange`] as for [`to`](Self::to), and if the private key is invalid. Always
    /// for groups with ML-KEM under AWS-LC, which takes no message.
    #[cfg(any(test, feature = "fixed-ephemeral-keys"))]
    pub fn from_private_key(
        backend: Backend,
        group: Group,
        private_key: &[u8],
        peer_public: &[u8],
    ) -> Result<Self, Error> {
        Self::drawn_from(group, peer_public, &FixedSource::of_response(backend, group, private_key)?)
    }

    fn drawn_from(group: Group, peer_public: &[u8], source: &impl Source) -> Result<Self, Error> {
        match group.algorithm() {
            Algorithm::Ecdh(curve) => {
                let (private, point) = source.ecdh_key(curve)?;
                let secret = private.agree(curve, peer_public, SharedSecret::copied_from)?;
                Ok(Self { share: Share::Ecdh(point), secret })
            }
            #[cfg(feature = "post-quantum")]
            Algorithm::MlKem(set) => {
                let mut ciphertext = Vec::with_capacity(set.ciphertext_len());
                let secret = source.encapsulate(set, peer_public, &mut ciphertext)?;
                let secret = SharedSecret::copied_from(secret.as_slice());
                Ok(Self { share: Share::Bytes(ciphertext), secret })
            }
            #[cfg(feature = "post-quantum")]
            Algorithm::Hybrid(hybrid) => {
                let (peer_point, key) = hybrid.split(peer_public, hybrid.ml_kem.key_len())?;
                let (private, point) = source.ecdh_key(hybrid.curve)?;
                // The place of the ciphertext is empty until it is appended there.
                let [before, after] = hybrid.in_order(point.as_ref(), &[][..]);
                let mut share = Vec::with_capacity(hybrid.ml_kem.ciphertext_len().saturating_add(point.as_ref().len()));
                share.extend_from_slice(before);
                let secret = source.encapsulate(hybrid.ml_kem, key, &mut share)?;
                share.extend_from_slice(after);
                let secret = private.agree(hybrid.curve, peer_point, |ecdh| {
                    SharedSecret::concatenated(hybrid.in_order(ecdh, secret.as_slice()))
                })?;
                Ok(Self { share: Share::Bytes(share), secret })
            }
        }
    }

    /// Returns the share for the peer, as encoded in `KeyShareEntry.key_exchange`.
    #[inline]
    #[must_use]
    pub fn share(&self) -> &[u8] {
        match &self.share {
            Share::Ecdh(point) => point.as_ref(),
            #[cfg(feature = "post-quantum")]
            Share::Bytes(bytes) => bytes,
        }
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
        observer::show("a shared secret", secret);
        Self { bytes, length: secret.len() }
    }

    /// Copies the secrets of both parts of a hybrid.
    #[cfg(feature = "post-quantum")]
    fn concatenated([first, second]: [&[u8]; 2]) -> Self {
        let mut secret = Self::copied_from(first);
        copy_prefix(second, secret.bytes.get_mut(first.len()..).unwrap_or_default());
        secret.length = first.len().saturating_add(second.len());
        observer::show("a shared secret", secret.as_bytes());
        secret
    }

    /// Returns the secret, for comparison with a published test vector.
    #[cfg(feature = "fixed-ephemeral-keys")]
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.as_bytes()
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

/// The x coordinate of a P-384 point with the secret of ML-KEM, or of a P-521 point.
const MAX_SHARED_SECRET_LEN: usize = match (cfg!(feature = "post-quantum"), cfg!(feature = "aws-lc-rs")) {
    (true, _) => 48 + 32,
    (false, true) => 66,
    (false, false) => 48,
};

#[cfg(test)]
mod tests;
