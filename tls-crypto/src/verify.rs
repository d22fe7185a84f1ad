//! Signature verification for certificates, CertificateVerify and the ServerKeyExchange of TLS 1.2,
//! as implementations of webpki's trait. [`VerificationMemo`] is a cache of verified signatures.
//!
//! ```
//! use strata_tls_crypto::Backend;
//! use strata_tls_crypto::verify::{Algorithm, verifier, verifiers};
//!
//! assert!(verifier(Backend::ring(), Algorithm::EcdsaP256Sha256).is_some());
//! assert!(verifier(Backend::ring(), Algorithm::EcdsaP521Sha512).is_none());
//! assert!(verifiers(Backend::ring()).len() < Algorithm::ALL.len());
//! ```

mod signature_cache;

use pki_types::{AlgorithmIdentifier, SignatureVerificationAlgorithm, alg_id};

use crate::Backend;
#[cfg(feature = "aws-lc-rs")]
use crate::backend::aws_lc;
use crate::backend::{Library, ring};

pub use signature_cache::VerificationMemo;

/// Returns all algorithms that a backend verifies, the most used first.
#[must_use]
pub fn verifiers(backend: Backend) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    match backend.0 {
        Library::Ring => &ring::VERIFIERS,
        #[cfg(feature = "aws-lc-rs")]
        Library::AwsLc => &aws_lc::VERIFIERS,
    }
}

/// Returns a backend's implementation of an algorithm; `None` if it lacks it.
#[must_use]
pub fn verifier(backend: Backend, algorithm: Algorithm) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    verifiers(backend).get(algorithm.index()).copied()
}

macro_rules! algorithms {
    ($($(#[$doc:meta])* $name:ident: $key:expr, $signature:expr;)*) => {
        /// The name of an algorithm: a key type, and how it signs.
        ///
        /// Those with P-521, ECDSA over P-256 or P-384 with SHA-512, and ML-DSA need AWS-LC. RSA
        /// keys have 2048 to 8192 bits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Algorithm {
            $($(#[$doc])* $name,)*
        }

        impl Algorithm {
            /// All algorithms, the most used first.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the AlgorithmIdentifier of its public keys.
            #[must_use]
            pub const fn public_key_id(self) -> AlgorithmIdentifier {
                match self {
                    $(Self::$name => $key,)*
                }
            }

            /// Returns the AlgorithmIdentifier of its signatures.
            #[must_use]
            pub const fn signature_id(self) -> AlgorithmIdentifier {
                match self {
                    $(Self::$name => $signature,)*
                }
            }
        }
    };
}

algorithms! {
    /// ECDSA over P-256 with SHA-256.
    EcdsaP256Sha256: alg_id::ECDSA_P256, alg_id::ECDSA_SHA256;
    /// ECDSA over P-384 with SHA-384.
    EcdsaP384Sha384: alg_id::ECDSA_P384, alg_id::ECDSA_SHA384;
    /// Ed25519, RFC 8032 and RFC 8410.
    Ed25519: alg_id::ED25519, alg_id::ED25519;
    /// RSASSA-PSS with SHA-256, a salt as long as the hash, and an rsaEncryption key.
    RsaPssSha256: alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA256;
    /// RSASSA-PSS with SHA-384, a salt as long as the hash, and an rsaEncryption key.
    RsaPssSha384: alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA384;
    /// RSASSA-PSS with SHA-512, a salt as long as the hash, and an rsaEncryption key.
    RsaPssSha512: alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA512;
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256: alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256;
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384: alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384;
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512: alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512;
    /// ECDSA over P-256 with SHA-384. Only for certificates and TLS 1.2, as all algorithms that
    /// cross curve and hash; TLS 1.3 binds the curve to the hash.
    EcdsaP256Sha384: alg_id::ECDSA_P256, alg_id::ECDSA_SHA384;
    /// ECDSA over P-384 with SHA-256.
    EcdsaP384Sha256: alg_id::ECDSA_P384, alg_id::ECDSA_SHA256;
    /// [`RsaPkcs1Sha256`](Self::RsaPkcs1Sha256) for certificates without the NULL parameters, which
    /// RFC 4055 §5 requires to accept.
    RsaPkcs1Sha256AbsentParams: alg_id::RSA_ENCRYPTION, SHA256_WITH_RSA;
    /// [`RsaPkcs1Sha384`](Self::RsaPkcs1Sha384) without the NULL parameters.
    RsaPkcs1Sha384AbsentParams: alg_id::RSA_ENCRYPTION, SHA384_WITH_RSA;
    /// [`RsaPkcs1Sha512`](Self::RsaPkcs1Sha512) without the NULL parameters.
    RsaPkcs1Sha512AbsentParams: alg_id::RSA_ENCRYPTION, SHA512_WITH_RSA;
    /// ECDSA over P-521 with SHA-512.
    EcdsaP521Sha512: alg_id::ECDSA_P521, alg_id::ECDSA_SHA512;
    /// ECDSA over P-256 with SHA-512.
    EcdsaP256Sha512: alg_id::ECDSA_P256, alg_id::ECDSA_SHA512;
    /// ECDSA over P-384 with SHA-512.
    EcdsaP384Sha512: alg_id::ECDSA_P384, alg_id::ECDSA_SHA512;
    /// ECDSA over P-521 with SHA-256.
    EcdsaP521Sha256: alg_id::ECDSA_P521, alg_id::ECDSA_SHA256;
    /// ECDSA over P-521 with SHA-384.
    EcdsaP521Sha384: alg_id::ECDSA_P521, alg_id::ECDSA_SHA384;
    /// ML-DSA-44, FIPS 204 and RFC 9881: pure, with an empty context.
    MlDsa44: alg_id::ML_DSA_44, alg_id::ML_DSA_44;
    /// ML-DSA-65.
    MlDsa65: alg_id::ML_DSA_65, alg_id::ML_DSA_65;
    /// ML-DSA-87.
    MlDsa87: alg_id::ML_DSA_87, alg_id::ML_DSA_87;
}

impl Algorithm {
    /// Returns its position in [`ALL`](Self::ALL).
    #[allow(clippy::as_conversions, reason = "the discriminants of an enum without fields")]
    const fn index(self) -> usize {
        self as usize
    }
}

/// The number of algorithms that all backends have: those before the first with P-521.
pub(crate) const COMMON: usize = Algorithm::EcdsaP521Sha512.index();

// OBJECT IDENTIFIER 1.2.840.113549.1.1.{11,12,13} without parameters.
const SHA256_WITH_RSA: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]);
const SHA384_WITH_RSA: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c]);
const SHA512_WITH_RSA: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifier_of_each_algorithm_has_its_identifiers() {
        for &backend in Backend::ALL {
            let found = verifiers(backend);
            assert!([COMMON, Algorithm::ALL.len()].contains(&found.len()), "{backend:?}");
            for (at, &algorithm) in Algorithm::ALL.iter().enumerate() {
                assert_eq!(algorithm.index(), at);
                let Some(verifier) = verifier(backend, algorithm) else {
                    assert!(at >= found.len());
                    continue;
                };
                let ids = (verifier.public_key_alg_id(), verifier.signature_alg_id());
                assert_eq!(ids, (algorithm.public_key_id(), algorithm.signature_id()), "{algorithm:?}");
            }
        }
    }
}
