//! ML-KEM, FIPS 203, by libcrux, or by AWS-LC under that backend. `key_exchange` combines it with
//! ECDH.

use core::ops::IndexMut as _;

use libcrux_ml_kem::{KEY_GENERATION_SEED_SIZE, SHARED_SECRET_SIZE, mlkem768, mlkem1024};
use zeroize::Zeroize as _;

use crate::Error;
#[cfg(feature = "aws-lc-rs")]
use crate::backend::aws_lc;
use crate::key_exchange::observer;
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
    /// With the encapsulation key, which the others contain.
    AwsLc(aws_lc::DecapsulationKey, Vec<u8>),
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
    pub(super) fn generate(self, seed: &Seed) -> DecapsulationKey {
        observer::show("a seed of ML-KEM", seed.as_slice());
        let key = match self {
            Self::MlKem768 => with_zeroized_stack_of::<STACK_768, _>(|| {
                let (private, _) = mlkem768::generate_key_pair(**seed).into_parts();
                DecapsulationKey::MlKem768(Box::new(private))
            }),
            Self::MlKem1024 => with_zeroized_stack_of::<STACK_1024, _>(|| {
                let (private, _) = mlkem1024::generate_key_pair(**seed).into_parts();
                DecapsulationKey::MlKem1024(Box::new(private))
            }),
        };
        key.show();
        key
    }

    /// Checks an encapsulation key, encapsulates to it (FIPS 203 §7.2), and appends the ciphertext.
    pub(super) fn encapsulate(self, key: &[u8], message: &Secret, ciphertext: &mut Vec<u8>) -> Result<Secret, Error> {
        observer::show("a message of ML-KEM", message.as_slice());
        match self {
            Self::MlKem768 => {
                let key = key.try_into().ok().filter(mlkem768::validate_public_key).ok_or(Error::KeyExchange)?;
                Ok(with_zeroized_stack_of::<STACK_768, _>(|| {
                    let (made, secret) = mlkem768::encapsulate(&key, **message);
                    ciphertext.extend_from_slice(made.as_slice());
                    Secret::new(secret)
                }))
            }
            Self::MlKem1024 => {
                let key = key.try_into().ok().filter(mlkem1024::validate_public_key).ok_or(Error::KeyExchange)?;
                Ok(with_zeroized_stack_of::<STACK_1024, _>(|| {
                    let (made, secret) = mlkem1024::encapsulate(&key, **message);
                    ciphertext.extend_from_slice(made.as_slice());
                    Secret::new(secret)
                }))
            }
        }
    }

    #[cfg(feature = "aws-lc-rs")]
    pub(super) fn generate_by_aws_lc(self) -> Result<DecapsulationKey, Error> {
        let (key, public) = aws_lc::DecapsulationKey::generate(self)?;
        Ok(DecapsulationKey::AwsLc(key, public))
    }

    #[cfg(feature = "aws-lc-rs")]
    pub(super) fn encapsulate_by_aws_lc(self, key: &[u8], ciphertext: &mut Vec<u8>) -> Result<Secret, Error> {
        aws_lc::encapsulate(self, key, ciphertext)
    }
}

impl DecapsulationKey {
    /// Converts the key of a test vector.
    #[cfg(all(feature = "aws-lc-rs", any(test, feature = "fixed-ephemeral-keys")))]
    pub(super) fn into_aws_lc(self) -> Result<Self, Error> {
        let key = match &self {
            Self::MlKem768(key) => aws_lc::DecapsulationKey::new(ParameterSet::MlKem768, key.as_slice()),
            Self::MlKem1024(key) => aws_lc::DecapsulationKey::new(ParameterSet::MlKem1024, key.as_slice()),
            Self::AwsLc(..) => return Ok(self),
        }?;
        Ok(Self::AwsLc(key, self.public_key().to_vec()))
    }

    /// Returns the encapsulation key. A decapsulation key contains it after that of the underlying
    /// encryption scheme, and before its hash and the implicit rejection value (FIPS 203 §7.1).
    pub(super) fn public_key(&self) -> &[u8] {
        let (private, set): (&[u8], _) = match self {
            Self::MlKem768(key) => (key.as_slice(), ParameterSet::MlKem768),
            Self::MlKem1024(key) => (key.as_slice(), ParameterSet::MlKem1024),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(_, public) => return public,
        };
        let end = private.len().saturating_sub(2 * 32);
        private.get(end.saturating_sub(set.key_len())..end).unwrap_or_default()
    }

    /// Shows its secret to the observer: the key of K-PKE. After it come the public key, which is
    /// 32 bytes longer, and two fields of 32 bytes.
    fn show(&self) {
        let key: &[u8] = match self {
            Self::MlKem768(key) => key.as_slice(),
            Self::MlKem1024(key) => key.as_slice(),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(..) => return,
        };
        let secret = key.get(..key.len().saturating_sub(96) / 2);
        observer::show("a decapsulation key of ML-KEM", secret.unwrap_or_default());
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
            Self::AwsLc(key, _) => key.decapsulate(ciphertext),
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
            Self::AwsLc(..) => {}
        }
    }
}

/// The stack that libcrux uses and leaves as it is, in bytes. Measured on x86-64 with AVX2 and
/// without: 30 KiB and 42 KiB.
const STACK_768: usize = 32 * 1024;
const STACK_1024: usize = 44 * 1024;
