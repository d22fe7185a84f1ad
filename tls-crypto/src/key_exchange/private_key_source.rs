//! Where private keys come from: the backend's random number generator, or a test vector.

#[cfg(feature = "post-quantum")]
use super::ml_kem::{DecapsulationKey, ParameterSet, Secret};
#[cfg(feature = "post-quantum")]
use crate::backend::Library;
use crate::backend::{Curve, EcdhKey, EcdhPublicKey};
#[cfg(any(test, feature = "fixed-ephemeral-keys"))]
use crate::key_exchange::group::{Algorithm, Group};
use crate::{Backend, Error};
#[cfg(feature = "post-quantum")]
use crate::{SecureRandom as _, secret_bytes::SecretBytes};

pub(super) trait Source {
    fn ecdh_key(&self, curve: Curve) -> Result<(EcdhKey, EcdhPublicKey), Error>;

    /// Returns a key pair of ML-KEM.
    #[cfg(feature = "post-quantum")]
    fn ml_kem_key(&self, set: ParameterSet) -> Result<DecapsulationKey, Error>;

    /// Encapsulates to `key`: appends the ciphertext, and returns the secret.
    #[cfg(feature = "post-quantum")]
    fn encapsulate(&self, set: ParameterSet, key: &[u8], ciphertext: &mut Vec<u8>) -> Result<Secret, Error>;
}

/// The backend's generator.
pub(super) struct SystemSource(pub(super) Backend);

impl SystemSource {
    #[cfg(feature = "post-quantum")]
    fn bytes<const N: usize>(&self) -> Result<SecretBytes<N>, Error> {
        let mut bytes = SecretBytes::new([0; N]);
        self.0.fill(bytes.as_mut_slice())?;
        Ok(bytes)
    }
}

impl Source for SystemSource {
    #[inline]
    fn ecdh_key(&self, curve: Curve) -> Result<(EcdhKey, EcdhPublicKey), Error> {
        EcdhKey::generate(self.0, curve)
    }

    #[cfg(feature = "post-quantum")]
    fn ml_kem_key(&self, set: ParameterSet) -> Result<DecapsulationKey, Error> {
        match self.0.0 {
            Library::Ring => Ok(set.generate(&self.bytes()?)),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => set.generate_by_aws_lc(),
        }
    }

    #[cfg(feature = "post-quantum")]
    fn encapsulate(&self, set: ParameterSet, key: &[u8], ciphertext: &mut Vec<u8>) -> Result<Secret, Error> {
        match self.0.0 {
            Library::Ring => set.encapsulate(key, &self.bytes()?, ciphertext),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => set.encapsulate_by_aws_lc(key, ciphertext),
        }
    }
}

/// A private key from a test vector, in parts.
#[cfg(any(test, feature = "fixed-ephemeral-keys"))]
pub(super) struct FixedSource<'a> {
    backend: Backend,
    ecdh: &'a [u8],
    #[cfg(feature = "post-quantum")]
    ml_kem: &'a [u8],
}

#[cfg(any(test, feature = "fixed-ephemeral-keys"))]
impl<'a> FixedSource<'a> {
    /// The private key of a key pair.
    pub(super) fn of_key(backend: Backend, group: Group, private_key: &'a [u8]) -> Result<Self, Error> {
        Self::of(backend, group, private_key, 64)
    }

    /// The private key of a response.
    pub(super) fn of_response(backend: Backend, group: Group, private_key: &'a [u8]) -> Result<Self, Error> {
        Self::of(backend, group, private_key, 32)
    }

    #[cfg_attr(not(feature = "post-quantum"), expect(unused_variables, reason = "there is only ECDH"))]
    fn of(backend: Backend, group: Group, private_key: &'a [u8], ml_kem_len: usize) -> Result<Self, Error> {
        match group.algorithm() {
            Algorithm::Ecdh(_) => Ok(Self {
                backend,
                ecdh: private_key,
                #[cfg(feature = "post-quantum")]
                ml_kem: &[],
            }),
            #[cfg(feature = "post-quantum")]
            Algorithm::MlKem(_) => Ok(Self { backend, ecdh: &[], ml_kem: private_key }),
            #[cfg(feature = "post-quantum")]
            Algorithm::Hybrid(hybrid) => {
                let (ecdh, ml_kem) = hybrid.split(private_key, ml_kem_len)?;
                Ok(Self { backend, ecdh, ml_kem })
            }
        }
    }

    #[cfg(feature = "post-quantum")]
    fn bytes<const N: usize>(&self) -> Result<SecretBytes<N>, Error> {
        self.ml_kem.try_into().map(SecretBytes::new).map_err(|_| Error::KeyExchange)
    }
}

#[cfg(any(test, feature = "fixed-ephemeral-keys"))]
impl Source for FixedSource<'_> {
    fn ecdh_key(&self, curve: Curve) -> Result<(EcdhKey, EcdhPublicKey), Error> {
        EcdhKey::from_private_key(self.backend, curve, self.ecdh)
    }

    #[cfg(feature = "post-quantum")]
    fn ml_kem_key(&self, set: ParameterSet) -> Result<DecapsulationKey, Error> {
        let key = set.generate(&self.bytes()?);
        match self.backend.0 {
            Library::Ring => Ok(key),
            // It takes no seed, but the key that libcrux expands from it.
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => key.into_aws_lc(),
        }
    }

    #[cfg(feature = "post-quantum")]
    fn encapsulate(&self, set: ParameterSet, key: &[u8], ciphertext: &mut Vec<u8>) -> Result<Secret, Error> {
        match self.backend.0 {
            Library::Ring => set.encapsulate(key, &self.bytes()?, ciphertext),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => Err(Error::KeyExchange),
        }
    }
}
