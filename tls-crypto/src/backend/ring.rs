//! ring.

use std::sync::LazyLock;

use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use ring::rand::SecureRandom as _;
use ring::signature::KeyPair as _;
use ring::{aead, agreement, digest, hmac, rand, signature};

use super::Curve;
use crate::sign::EcCurve;
use crate::verify::{Algorithm, COMMON};
use crate::{BulkAlgorithm, Error, HashAlgorithm, SignatureAlgorithm};

pub(crate) use ring::digest::Context as HashContext;
pub(crate) use ring::hmac::{Key as HmacKey, Tag as HmacTag};

pub(crate) fn fill(dest: &mut [u8]) -> Result<(), Error> {
    rand::SystemRandom::new().fill(dest).map_err(|_| Error::Random)
}

#[inline]
fn digest_algorithm(algorithm: HashAlgorithm) -> &'static digest::Algorithm {
    match algorithm {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
    }
}

pub(crate) fn hash(algorithm: HashAlgorithm, data: &[u8]) -> digest::Digest {
    digest::digest(digest_algorithm(algorithm), data)
}

pub(crate) fn sha1(data: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data)
}

#[inline]
pub(crate) fn hash_context(algorithm: HashAlgorithm) -> HashContext {
    digest::Context::new(digest_algorithm(algorithm))
}

#[inline]
pub(crate) fn hmac_key(algorithm: HashAlgorithm, key: &[u8]) -> HmacKey {
    let algorithm = match algorithm {
        HashAlgorithm::Sha256 => hmac::HMAC_SHA256,
        HashAlgorithm::Sha384 => hmac::HMAC_SHA384,
    };
    hmac::Key::new(algorithm, key)
}

pub(crate) fn take_hmac_key(key: &mut HmacKey) -> HmacKey {
    let taken = core::mem::replace(key, KNOWN_HMAC_KEY.clone());
    zeroize::optimization_barrier(key);
    taken
}

/// Replaces a key by a public one, because ring cannot zeroize it.
#[inline]
pub(crate) fn overwrite_hmac_key(key: &mut HmacKey) {
    key.clone_from(&KNOWN_HMAC_KEY);
    zeroize::optimization_barrier(key);
}

/// SHA-384 has the largest state, so this overwrites all bytes of any other key: in a SHA-256 key
/// half of them are uninitialized, and hold old stack memory.
static KNOWN_HMAC_KEY: LazyLock<HmacKey> = LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA384, &[]));

#[inline]
pub(crate) fn hmac(key: &HmacKey, message: &[u8]) -> HmacTag {
    hmac::sign(key, message)
}

/// HMAC of the concatenation of `parts`.
#[inline]
pub(crate) fn hmac_of_parts(key: &HmacKey, parts: impl Iterator<Item: AsRef<[u8]>>) -> HmacTag {
    let mut context = hmac::Context::with_key(key);
    parts.for_each(|part| context.update(part.as_ref()));
    context.sign()
}

pub(crate) fn hmac_verify(key: &HmacKey, message: &[u8], received: &[u8]) -> bool {
    hmac::verify(key, message, received).is_ok()
}

/// An AEAD key on the heap. It is half a KiB: inline, each move of its owner would copy it and
/// leave the old copy in memory.
pub(crate) struct AeadKey(Box<aead::LessSafeKey>);

impl AeadKey {
    pub(crate) fn new(algorithm: BulkAlgorithm, key: &[u8]) -> Option<Self> {
        let algorithm = match algorithm {
            BulkAlgorithm::Aes128Gcm => &aead::AES_128_GCM,
            BulkAlgorithm::Aes256Gcm => &aead::AES_256_GCM,
            BulkAlgorithm::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        };
        aead::UnboundKey::new(algorithm, key).ok().map(|key| Self(Box::new(aead::LessSafeKey::new(key))))
    }

    #[inline]
    pub(crate) fn seal(
        &self,
        nonce: [u8; 12],
        aad: impl AsRef<[u8]>,
        in_out: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<(), Error> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let made = self.0.seal_in_place_separate_tag(nonce, aead::Aad::from(aad), in_out).map_err(|_| Error::Seal)?;
        *tag = made.as_ref().try_into().map_err(|_| Error::Seal)?;
        Ok(())
    }

    /// ring encrypts only in place, so this copies `source` first.
    #[inline]
    pub(crate) fn seal_from(
        &self,
        nonce: [u8; 12],
        aad: impl AsRef<[u8]>,
        source: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let (in_out, tag) = out.split_last_chunk_mut().ok_or(Error::Seal)?;
        in_out.get_mut(..source.len()).ok_or(Error::Seal)?.copy_from_slice(source);
        self.seal(nonce, aad, in_out, tag)
    }

    #[inline]
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; 12],
        aad: impl AsRef<[u8]>,
        in_out: &'a mut [u8],
    ) -> Result<&'a mut [u8], Error> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, aead::Aad::from(aad), in_out).map_err(|_| Error::Open)
    }
}

impl Drop for AeadKey {
    #[inline(never)]
    fn drop(&mut self) {
        // ring cannot zeroize a key, so it is overwritten with a key of zeros.
        if let Some(known) = &*KNOWN_AEAD_KEY {
            (*self.0).clone_from(known);
        }
        zeroize::optimization_barrier(&*self.0);
    }
}

/// AES-256-GCM has the largest key, so this overwrites all bytes of any other.
static KNOWN_AEAD_KEY: LazyLock<Option<aead::LessSafeKey>> =
    LazyLock::new(|| aead::UnboundKey::new(&aead::AES_256_GCM, &[0; 32]).ok().map(aead::LessSafeKey::new));

/// On the heap for the same reason as [`AeadKey`].
pub(crate) struct HeaderProtectionKey(Box<aead::quic::HeaderProtectionKey>);

impl HeaderProtectionKey {
    pub(crate) fn new(algorithm: BulkAlgorithm, key: &[u8]) -> Self {
        let algorithm = match algorithm {
            BulkAlgorithm::Aes128Gcm => &aead::quic::AES_128,
            BulkAlgorithm::Aes256Gcm => &aead::quic::AES_256,
            BulkAlgorithm::ChaCha20Poly1305 => &aead::quic::CHACHA20,
        };
        Self(Box::new(header_protection_key(algorithm, key)))
    }

    #[inline]
    #[allow(clippy::expect_used, reason = "ring rejects only a sample of another length")]
    pub(crate) fn mask(&self, sample: &[u8; 16]) -> [u8; 5] {
        self.0.new_mask(sample).expect("the sample has the right length")
    }
}

impl Drop for HeaderProtectionKey {
    #[inline(never)]
    fn drop(&mut self) {
        // ring cannot zeroize a key, so it is overwritten with a key of zeros. An AES key is the
        // largest.
        *self.0 = header_protection_key(&aead::quic::AES_256, &[0; 32]);
        zeroize::optimization_barrier(&*self.0);
    }
}

#[allow(clippy::expect_used, reason = "ring rejects only a wrong length; callers derive keys of the right length")]
fn header_protection_key(algorithm: &'static aead::quic::Algorithm, key: &[u8]) -> aead::quic::HeaderProtectionKey {
    aead::quic::HeaderProtectionKey::new(algorithm, key).expect("the key has the algorithm's length")
}

pub(crate) use agreement::PublicKey as EcdhPublicKey;

pub(crate) struct EcdhKey(agreement::EphemeralPrivateKey);

impl EcdhKey {
    #[inline]
    pub(crate) fn generate(curve: Curve) -> Result<(Self, EcdhPublicKey), Error> {
        Self::draw(curve, &rand::SystemRandom::new())
    }

    #[cfg(any(test, feature = "fixed-ephemeral-keys"))]
    #[allow(deprecated, reason = "ring deliberately has no other way to import a private key; only for test vectors")]
    pub(crate) fn from_private_key(curve: Curve, key: &[u8]) -> Result<(Self, EcdhPublicKey), Error> {
        Self::draw(curve, &ring::test::rand::FixedSliceRandom { bytes: key }).map_err(|_| Error::KeyExchange)
    }

    #[inline]
    fn draw(curve: Curve, random: &dyn rand::SecureRandom) -> Result<(Self, EcdhPublicKey), Error> {
        let algorithm = ecdh_algorithm(curve).ok_or(Error::KeyExchange)?;
        let private = agreement::EphemeralPrivateKey::generate(algorithm, random).map_err(|_| Error::Random)?;
        let public = private.compute_public_key().map_err(|_| Error::Random)?;
        Ok((Self(private), public))
    }

    #[inline]
    pub(crate) fn agree<R>(
        self,
        curve: Curve,
        peer_public: &[u8],
        derive: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Error> {
        let algorithm = ecdh_algorithm(curve).ok_or(Error::KeyExchange)?;
        let peer_public = agreement::UnparsedPublicKey::new(algorithm, peer_public);
        agreement::agree_ephemeral(self.0, &peer_public, derive).map_err(|_| Error::KeyExchange)
    }
}

#[inline]
fn ecdh_algorithm(curve: Curve) -> Option<&'static agreement::Algorithm> {
    match curve {
        Curve::X25519 => Some(&agreement::X25519),
        Curve::P256 => Some(&agreement::ECDH_P256),
        Curve::P384 => Some(&agreement::ECDH_P384),
        Curve::P521 => None,
    }
}

/// A private key for signing.
pub(crate) enum SigningKey {
    Rsa(signature::RsaKeyPair),
    Ecdsa(signature::EcdsaKeyPair, SignatureAlgorithm),
    Ed25519(signature::Ed25519KeyPair),
}

impl SigningKey {
    pub(crate) fn rsa(pkcs1: &[u8]) -> Result<Self, String> {
        signature::RsaKeyPair::from_der(pkcs1).map(Self::Rsa).map_err(|e| e.to_string())
    }

    /// `None` if ring does not have the curve.
    pub(crate) fn ecdsa(curve: EcCurve, scalar: &[u8], point: &[u8]) -> Option<Result<Self, String>> {
        let algorithm = match curve {
            EcCurve::P256 => &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
            EcCurve::P384 => &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
            EcCurve::P521 => return None,
        };
        let random = rand::SystemRandom::new();
        let pair = signature::EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point, &random);
        Some(pair.map(|pair| Self::Ecdsa(pair, curve.signature_algorithm())).map_err(|e| e.to_string()))
    }

    pub(crate) fn ed25519(pkcs8: &[u8]) -> Result<Self, String> {
        let pair = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8);
        pair.map(Self::Ed25519).map_err(|e| e.to_string())
    }

    pub(crate) fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = rand::SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let encoding = rsa_encoding(algorithm).ok_or(Error::Sign)?;
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(encoding, &random, message, &mut signature).map_err(|_| Error::Sign)?;
                Ok(signature)
            }
            Self::Ecdsa(key, own) if *own == algorithm => {
                key.sign(&random, message).map(|signature| signature.as_ref().to_vec()).map_err(|_| Error::Sign)
            }
            Self::Ed25519(key) if algorithm == SignatureAlgorithm::Ed25519 => Ok(key.sign(message).as_ref().to_vec()),
            _ => Err(Error::Sign),
        }
    }

    /// Returns the subjectPublicKey.
    pub(crate) fn public_key(&self) -> &[u8] {
        match self {
            Self::Rsa(key) => key.public_key().as_ref(),
            Self::Ecdsa(key, _) => key.public_key().as_ref(),
            Self::Ed25519(key) => key.public_key().as_ref(),
        }
    }
}

fn rsa_encoding(algorithm: SignatureAlgorithm) -> Option<&'static dyn signature::RsaEncoding> {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => Some(&signature::RSA_PKCS1_SHA256),
        SignatureAlgorithm::RsaPkcs1Sha384 => Some(&signature::RSA_PKCS1_SHA384),
        SignatureAlgorithm::RsaPkcs1Sha512 => Some(&signature::RSA_PKCS1_SHA512),
        SignatureAlgorithm::RsaPssSha256 => Some(&signature::RSA_PSS_SHA256),
        SignatureAlgorithm::RsaPssSha384 => Some(&signature::RSA_PSS_SHA384),
        SignatureAlgorithm::RsaPssSha512 => Some(&signature::RSA_PSS_SHA512),
        SignatureAlgorithm::EcdsaP256Sha256
        | SignatureAlgorithm::EcdsaP384Sha384
        | SignatureAlgorithm::EcdsaP521Sha512
        | SignatureAlgorithm::Ed25519
        | SignatureAlgorithm::MlDsa44
        | SignatureAlgorithm::MlDsa65
        | SignatureAlgorithm::MlDsa87 => None,
    }
}

/// Verifies the signatures of one algorithm.
#[derive(Debug)]
struct Verifier {
    name: Algorithm,
    algorithm: &'static dyn signature::VerificationAlgorithm,
}

impl SignatureVerificationAlgorithm for Verifier {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = signature::UnparsedPublicKey::new(self.algorithm, public_key);
        key.verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.name.public_key_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.name.signature_id()
    }
}

/// In the order of [`Algorithm`].
pub(crate) static VERIFIERS: [&dyn SignatureVerificationAlgorithm; COMMON] = [
    &Verifier { name: Algorithm::EcdsaP256Sha256, algorithm: &signature::ECDSA_P256_SHA256_ASN1 },
    &Verifier { name: Algorithm::EcdsaP384Sha384, algorithm: &signature::ECDSA_P384_SHA384_ASN1 },
    &Verifier { name: Algorithm::Ed25519, algorithm: &signature::ED25519 },
    &Verifier { name: Algorithm::RsaPssSha256, algorithm: &signature::RSA_PSS_2048_8192_SHA256 },
    &Verifier { name: Algorithm::RsaPssSha384, algorithm: &signature::RSA_PSS_2048_8192_SHA384 },
    &Verifier { name: Algorithm::RsaPssSha512, algorithm: &signature::RSA_PSS_2048_8192_SHA512 },
    &Verifier { name: Algorithm::RsaPkcs1Sha256, algorithm: &signature::RSA_PKCS1_2048_8192_SHA256 },
    &Verifier { name: Algorithm::RsaPkcs1Sha384, algorithm: &signature::RSA_PKCS1_2048_8192_SHA384 },
    &Verifier { name: Algorithm::RsaPkcs1Sha512, algorithm: &signature::RSA_PKCS1_2048_8192_SHA512 },
    &Verifier { name: Algorithm::EcdsaP256Sha384, algorithm: &signature::ECDSA_P256_SHA384_ASN1 },
    &Verifier { name: Algorithm::EcdsaP384Sha256, algorithm: &signature::ECDSA_P384_SHA256_ASN1 },
    &Verifier { name: Algorithm::RsaPkcs1Sha256AbsentParams, algorithm: &signature::RSA_PKCS1_2048_8192_SHA256 },
    &Verifier { name: Algorithm::RsaPkcs1Sha384AbsentParams, algorithm: &signature::RSA_PKCS1_2048_8192_SHA384 },
    &Verifier { name: Algorithm::RsaPkcs1Sha512AbsentParams, algorithm: &signature::RSA_PKCS1_2048_8192_SHA512 },
];
