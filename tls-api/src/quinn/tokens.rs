//! The keys of stateless resets and of address validation tokens.

use std::fmt;

use quinn_proto::crypto::{AeadKey, CryptoError, HandshakeTokenKey, HmacKey};
use tls_crypto::hkdf::{Expander, extract};
use tls_crypto::quic::{Keys, NewPacketNumber, PacketKey, TAG_LEN, Version};
use tls_crypto::tls13::TrafficSecret;
use tls_crypto::{Backend, BulkAlgorithm, HashAlgorithm, SecureRandom, SystemRandom};
use tls_handshake::Error;
use zeroize::Zeroizing;

/// Makes the tokens of stateless resets (RFC 9000 §10.3): HMAC-SHA-256 of the connection ID.
///
/// With the same secret, a server that restarted ends the connections of its predecessor at once.
///
/// ```
/// use std::sync::Arc;
/// use strata_tls::quinn::ResetKey;
///
/// # let secret = [7; 32];
/// let mut config = strata_tls::quinn::endpoint_config()?;
/// config.reset_key(Arc::new(ResetKey::from_secret(&secret)));
/// # Ok::<(), strata_tls::Error>(())
/// ```
pub struct ResetKey(Box<Expander>);

/// Protects the tokens of Retry packets and NEW_TOKEN frames (RFC 9000 §8.1) with AES-256-GCM.
/// Each token has a key of its own.
///
/// Servers behind one address need the same secret to accept each other's tokens. See
/// `quinn_proto::ServerConfig::token_key`.
pub struct TokenKey(Box<Expander>);

/// Derives the key of a purpose, so that one secret may serve both.
fn derive(secret: &[u8; 32], purpose: &[u8]) -> Box<Expander> {
    Box::new(extract(Backend::ring(), HashAlgorithm::Sha256, purpose, secret).expander())
}

macro_rules! secret {
    ($key:ident, $purpose:literal) => {
        impl $key {
            /// Creates the key from a random secret.
            #[must_use]
            pub fn from_secret(secret: &[u8; 32]) -> Self {
                Self(derive(secret, $purpose))
            }

            /// Creates a new key.
            ///
            /// # Errors
            /// [`Error::Crypto`] if the system has no randomness.
            pub fn generate() -> Result<Self, Error> {
                let mut secret = Zeroizing::new([0; 32]);
                SystemRandom.fill(&mut *secret).map_err(|_| Error::Crypto("generating a key for QUIC"))?;
                Ok(Self::from_secret(&secret))
            }
        }

        impl fmt::Debug for $key {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($key)).finish_non_exhaustive()
            }
        }
    };
}

secret!(ResetKey, b"strata quic reset");
secret!(TokenKey, b"strata quic token");

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        for (out, byte) in signature_out.iter_mut().zip(self.0.hmac(data).as_ref()) {
            *out = *byte;
        }
    }

    fn signature_len(&self) -> usize {
        HashAlgorithm::Sha256.output_len()
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if self.0.verify(data, signature) { Ok(()) } else { Err(CryptoError) }
    }
}

impl HandshakeTokenKey for TokenKey {
    fn aead_from_hkdf(&self, random_bytes: &[u8]) -> Box<dyn AeadKey> {
        let mut secret = Zeroizing::new([0; 32]);
        let expanded = self.0.expand(&[random_bytes], &mut *secret).is_ok();
        let secret = TrafficSecret::from_key_log(Backend::ring(), HashAlgorithm::Sha256, &*secret).filter(|_| expanded);
        let key = secret.map(|secret| Keys::new(Version::V1, BulkAlgorithm::Aes256Gcm, &secret).packet);
        Box::new(OneTokenKey(key))
    }
}

/// The key of one token. Its nonce is a constant, because quinn seals one token with it. `None`,
/// which cannot happen, seals and opens nothing.
struct OneTokenKey(Option<PacketKey>);

impl AeadKey for OneTokenKey {
    fn seal(&self, data: &mut Vec<u8>, additional_data: &[u8]) -> Result<(), CryptoError> {
        let (Some(key), Some(number)) = (&self.0, NewPacketNumber::new(0)) else { return Err(CryptoError) };
        data.extend_from_slice(&[0; TAG_LEN]);
        key.seal(number, additional_data, data).map_err(|_| CryptoError)
    }

    fn open<'a>(&self, data: &'a mut [u8], additional_data: &[u8]) -> Result<&'a mut [u8], CryptoError> {
        let key = self.0.as_ref().ok_or(CryptoError)?;
        let length = key.open(0, additional_data, data).map_err(|_| CryptoError)?;
        data.get_mut(..length).ok_or(CryptoError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_opens_only_with_its_key_and_random_bytes() {
        let key = TokenKey::from_secret(&[1; 32]);
        let mut sealed = b"token".to_vec();
        key.aead_from_hkdf(&[2; 16]).seal(&mut sealed, b"data").unwrap();
        assert_eq!(sealed.len(), 5 + TAG_LEN);
        let open = |secret, random, data: &[u8], sealed: &[u8]| {
            let key = TokenKey::from_secret(&[secret; 32]).aead_from_hkdf(&[random; 16]);
            key.open(&mut sealed.to_vec(), data).map(|token| token.to_vec()).ok()
        };
        assert_eq!(open(1, 2, b"data", &sealed).as_deref(), Some(&b"token"[..]));
        assert_eq!(open(2, 2, b"data", &sealed), None);
        assert_eq!(open(1, 3, b"data", &sealed), None);
        assert_eq!(open(1, 2, b"Data", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(1, 2, b"data", &changed), None);
            assert_eq!(open(1, 2, b"data", &sealed[..at]), None);
        }
    }

    #[test]
    fn reset_token_follows_from_secret_and_connection_id() {
        let token = |secret, id: &[u8]| {
            let key = ResetKey::from_secret(&[secret; 32]);
            let mut out = vec![0; key.signature_len()];
            key.sign(id, &mut out);
            assert!(key.verify(id, &out).is_ok() && key.verify(id, &out[1..]).is_err());
            assert!(key.verify(b"another", &out).is_err());
            out
        };
        assert_eq!(token(1, b"id"), token(1, b"id"));
        assert_ne!(token(1, b"id"), token(2, b"id"));
        assert_ne!(token(1, b"id"), token(1, b"ie"));
        // One secret may serve both purposes.
        assert_ne!(token(1, b""), TokenKey::from_secret(&[1; 32]).0.hmac(b"").as_ref());
        assert_ne!(
            ResetKey::generate().unwrap().0.hmac(b"").as_ref(),
            ResetKey::generate().unwrap().0.hmac(b"").as_ref()
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?} {:?}", ResetKey::from_secret(&[1; 32]), TokenKey::from_secret(&[1; 32]));
        assert_eq!(shown, "ResetKey { .. } TokenKey { .. }");
    }
}
