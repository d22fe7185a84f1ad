//! Where private keys come from: the operating system, or a test vector.

use ring::agreement;
#[cfg(feature = "post-quantum")]
use ring::rand::SecureRandom as _;

use crate::Error;
#[cfg(any(test, feature = "fixed-ephemeral-keys"))]
use crate::key_exchange::group::{Algorithm, Group};
#[cfg(feature = "post-quantum")]
use crate::secret_bytes::SecretBytes;

pub(super) trait Source {
    fn ecdh_key(
        &self,
        curve: &'static agreement::Algorithm,
    ) -> Result<(agreement::EphemeralPrivateKey, agreement::PublicKey), Error>;

    /// Returns random bytes for ML-KEM.
    #[cfg(feature = "post-quantum")]
    fn bytes<const N: usize>(&self) -> Result<SecretBytes<N>, Error>;
}

/// The operating system's generator.
pub(super) struct SystemSource;

impl Source for SystemSource {
    #[inline]
    fn ecdh_key(
        &self,
        curve: &'static agreement::Algorithm,
    ) -> Result<(agreement::EphemeralPrivateKey, agreement::PublicKey), Error> {
        ecdh_key(curve, &ring::rand::SystemRandom::new())
    }

    #[cfg(feature = "post-quantum")]
    fn bytes<const N: usize>(&self) -> Result<SecretBytes<N>, Error> {
        let mut bytes = SecretBytes::new([0; N]);
        ring::rand::SystemRandom::new().fill(bytes.as_mut_slice()).map_err(|_| Error::Random)?;
        Ok(bytes)
    }
}

#[inline]
fn ecdh_key(
    curve: &'static agreement::Algorithm,
    random: &dyn ring::rand::SecureRandom,
) -> Result<(agreement::EphemeralPrivateKey, agreement::PublicKey), Error> {
    let private = agreement::EphemeralPrivateKey::generate(curve, random).map_err(|_| Error::Random)?;
    let public = private.compute_public_key().map_err(|_| Error::Random)?;
    Ok((private, public))
}

/// A private key from a test vector, in parts.
#[cfg(any(test, feature = "fixed-ephemeral-keys"))]
pub(super) struct FixedSource<'a> {
    ecdh: &'a [u8],
    #[cfg(feature = "post-quantum")]
    ml_kem: &'a [u8],
}

#[cfg(any(test, feature = "fixed-ephemeral-keys"))]
impl<'a> FixedSource<'a> {
    /// The private key of a key pair.
    pub(super) fn of_key(group: Group, private_key: &'a [u8]) -> Result<Self, Error> {
        Self::of(group, private_key, 64)
    }

    /// The private key of a response.
    pub(super) fn of_response(group: Group, private_key: &'a [u8]) -> Result<Self, Error> {
        Self::of(group, private_key, 32)
    }

    #[cfg_attr(not(feature = "post-quantum"), expect(unused_variables, reason = "there is only ECDH"))]
    fn of(group: Group, private_key: &'a [u8], ml_kem_len: usize) -> Result<Self, Error> {
        match group.algorithm() {
            Algorithm::Ecdh(_) => Ok(Self {
                ecdh: private_key,
                #[cfg(feature = "post-quantum")]
                ml_kem: &[],
            }),
            #[cfg(feature = "post-quantum")]
            Algorithm::MlKem(_) => Ok(Self { ecdh: &[], ml_kem: private_key }),
            #[cfg(feature = "post-quantum")]
            Algorithm::Hybrid(hybrid) => {
                let (ecdh, ml_kem) = hybrid.split(private_key, ml_kem_len)?;
                Ok(Self { ecdh, ml_kem })
            }
        }
    }
}

#[cfg(any(test, feature = "fixed-ephemeral-keys"))]
impl Source for FixedSource<'_> {
    #[allow(deprecated, reason = "ring deliberately has no other way to import a private key; only for test vectors")]
    fn ecdh_key(
        &self,
        curve: &'static agreement::Algorithm,
    ) -> Result<(agreement::EphemeralPrivateKey, agreement::PublicKey), Error> {
        let length = if *curve == agreement::ECDH_P384 { 48 } else { 32 };
        if self.ecdh.len() != length {
            return Err(Error::KeyExchange);
        }
        ecdh_key(curve, &ring::test::rand::FixedSliceRandom { bytes: self.ecdh }).map_err(|_| Error::KeyExchange)
    }

    #[cfg(feature = "post-quantum")]
    fn bytes<const N: usize>(&self) -> Result<SecretBytes<N>, Error> {
        self.ml_kem.try_into().map(SecretBytes::new).map_err(|_| Error::KeyExchange)
    }
}
