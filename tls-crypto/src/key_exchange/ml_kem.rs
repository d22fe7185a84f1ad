//! ML-KEM, FIPS 203, by libcrux, or by AWS-LC under that backend. `key_exchange` combines it with
//! ECDH.

use core::ops::IndexMut as _;

use libcrux_ml_kem::{KEY_GENERATION_SEED_SIZE, SHARED_SECRET_SIZE, mlkem768, mlkem1024};
use zeroize::Zeroize as _;

use crate::Error;
#[cfg(feature = "aws-lc-rs")]
use crate::backend::aws_lc;
use crate::secret_bytes::{SecretBytes, with_zeroized_stack_of};

/// A parameter set, FIPS 203 §8.
#[derive(Clone, Copy)]
pub(crate) enum ParameterSet {
    MlKem768,
    MlKem1024,
}

/// The random bytes `d` and `z`, which a key pair is derived from.
pub(super) type Seed = SecretBytes<KEY_GENERATION_SEED_SIZE>;

/// A shared secret key, or the random bytes `m` that it is derived from.
pub(crate) type Secret = SecretBytes<SHARED_SECRET_SIZE>;

/// A decapsulation key. Zeroized on drop. On the heap, so that a move copies only a pointer.
pub(super) enum DecapsulationKey {
    MlKem768(Box<mlkem768::MlKem768PrivateKey>),
    MlKem1024(Box<mlkem1024::MlKem1024PrivateKey>),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::DecapsulationKey),
}

impl ParameterSet {
    /// The length of an encapsulation key.
    pub(super) fn key_len(self) -> usize {
        match self {
            Self::MlKem768 => mlkem768::MlKem768PublicKey::len(),
            Self::MlKem1024 => mlkem1024::MlKem1024PublicKey::len(),
        }
    }

    pub(super) fn ciphertext_len(self) -> usize {
        match self {
            Self::MlKem768 => mlkem768::MlKem768Ciphertext::len(),
            Self::MlKem1024 => mlkem1024::MlKem1024Ciphertext::len(),
        }
    }

    /// Generates a key pair (FIPS 203 §7.1).
    pub(super) fn generate(self, seed: &Seed) -> (DecapsulationKey, Vec<u8>) {
        match self {
            Self::MlKem768 => with_zeroized_stack_of::<STACK_768, _>(|| {
                let (private, public) = mlkem768::generate_key_pair(**seed).into_parts();
                (DecapsulationKey::MlKem768(Box::new(private)), public.as_slice().to_vec())
            }),
            Self::MlKem1024 => with_zeroized_stack_of::<STACK_1024, _>(|| {
                let (private, public) = mlkem1024::generate_key_pair(**seed).into_parts();
                (DecapsulationKey::MlKem1024(Box::new(private)), public.as_slice().to_vec())
            }),
        }
    }

    /// Checks an encapsulation key and encapsulates to it (FIPS 203 §7.2).
    pub(super) fn encapsulate(self, key: &[u8], message: &Secret) -> Result<(Vec<u8>, Secret), Error> {
        match self {
            Self::MlKem768 => {
                let key = key.try_into().ok().filter(mlkem768::validate_public_key).ok_or(Error::KeyExchange)?;
                Ok(with_zeroized_stack_of::<STACK_768, _>(|| {
                    let (ciphertext, secret) = mlkem768::encapsulate(&key, **message);
                    (ciphertext.as_slice().to_vec(), Secret::new(secret))
                }))
            }
            Self::MlKem1024 => {
                let key = key.try_into().ok().filter(mlkem1024::validate_public_key).ok_or(Error::KeyExchange)?;
                Ok(with_zeroized_stack_of::<STACK_1024, _>(|| {
                    let (ciphertext, secret) = mlkem1024::encapsulate(&key, **message);
                    (ciphertext.as_slice().to_vec(), Secret::new(secret))
                }))
            }
        }
    }

    #[cfg(feature = "aws-lc-rs")]
    pub(super) fn generate_by_aws_lc(self) -> Result<(DecapsulationKey, Vec<u8>), Error> {
        let (key, public) = aws_lc::DecapsulationKey::generate(self)?;
        Ok((DecapsulationKey::AwsLc(key), public))
    }

    #[cfg(feature = "aws-lc-rs")]
    pub(super) fn encapsulate_by_aws_lc(self, key: &[u8]) -> Result<(Vec<u8>, Secret), Error> {
        aws_lc::encapsulate(self, key)
    }
}

impl DecapsulationKey {
    /// Converts the key of a test vector.
    #[cfg(all(feature = "aws-lc-rs", any(test, feature = "fixed-ephemeral-keys")))]
    pub(super) fn into_aws_lc(self) -> Result<Self, Error> {
        match &self {
            Self::MlKem768(key) => aws_lc::DecapsulationKey::new(ParameterSet::MlKem768, key.as_slice()),
            Self::MlKem1024(key) => aws_lc::DecapsulationKey::new(ParameterSet::MlKem1024, key.as_slice()),
            Self::AwsLc(_) => return Ok(self),
        }
        .map(Self::AwsLc)
    }

    /// Decapsulates a ciphertext (FIPS 203 §7.3). One that was not made for this key yields a
    /// secret that the peer does not have.
    pub(super) fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret, Error> {
        match self {
            Self::MlKem768(key) => {
                let ciphertext = ciphertext.try_into().map_err(|_| Error::KeyExchange)?;
                Ok(with_zeroized_stack_of::<STACK_768, _>(|| Secret::new(mlkem768::decapsulate(key, &ciphertext))))
            }
            Self::MlKem1024(key) => {
                let ciphertext = ciphertext.try_into().map_err(|_| Error::KeyExchange)?;
                Ok(with_zeroized_stack_of::<STACK_1024, _>(|| Secret::new(mlkem1024::decapsulate(key, &ciphertext))))
            }
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(key) => key.decapsulate(ciphertext),
        }
    }
}

impl Drop for DecapsulationKey {
    fn drop(&mut self) {
        match self {
            Self::MlKem768(key) => key.index_mut(0..).zeroize(),
            Self::MlKem1024(key) => key.index_mut(0..).zeroize(),
            // AWS-LC zeroizes the memory that it frees.
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(_) => {}
        }
    }
}

/// The stack that libcrux uses and leaves as it is, in bytes. Measured on x86-64 with AVX2 and
/// without: 30 KiB and 42 KiB.
const STACK_768: usize = 32 * 1024;
const STACK_1024: usize = 44 * 1024;
