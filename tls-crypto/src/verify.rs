//! Signature verification for certificates, CertificateVerify and the ServerKeyExchange of TLS 1.2,
//! as implementations of webpki's trait. [`VerificationMemo`] is a cache of verified signatures.

mod memo;

use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

pub use memo::VerificationMemo;

#[derive(Debug)]
struct Verifier {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    algorithm: &'static dyn VerificationAlgorithm,
}

impl SignatureVerificationAlgorithm for Verifier {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.algorithm, public_key).verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

macro_rules! verifiers {
    ($($(#[$doc:meta])* $name:ident: $key:expr, $signature:expr, $algorithm:ident;)*) => {
        $(
            $(#[$doc])*
            pub static $name: &dyn SignatureVerificationAlgorithm =
                &Verifier { key: $key, signature: $signature, algorithm: &signature::$algorithm };
        )*

        const COUNT: usize = [$(stringify!($name)),*].len();
        /// All algorithms, the most used first.
        pub static ALL: [&dyn SignatureVerificationAlgorithm; COUNT] = [
            $( &Verifier { key: $key, signature: $signature, algorithm: &signature::$algorithm }, )*
        ];
    };
}

verifiers! {
    /// ECDSA over P-256 with SHA-256.
    ECDSA_P256_SHA256: alg_id::ECDSA_P256, alg_id::ECDSA_SHA256, ECDSA_P256_SHA256_ASN1;
    /// ECDSA over P-384 with SHA-384.
    ECDSA_P384_SHA384: alg_id::ECDSA_P384, alg_id::ECDSA_SHA384, ECDSA_P384_SHA384_ASN1;
    /// Ed25519, RFC 8032 and RFC 8410.
    ED25519: alg_id::ED25519, alg_id::ED25519, ED25519;
    /// RSASSA-PSS with SHA-256, a salt as long as the hash, and an rsaEncryption key of 2048 to
    /// 8192 bits.
    RSA_PSS_2048_8192_SHA256_LEGACY_KEY: alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA256, RSA_PSS_2048_8192_SHA256;
    /// RSASSA-PSS with SHA-384, a salt as long as the hash, and an rsaEncryption key of 2048 to
    /// 8192 bits.
    RSA_PSS_2048_8192_SHA384_LEGACY_KEY: alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA384, RSA_PSS_2048_8192_SHA384;
    /// RSASSA-PSS with SHA-512, a salt as long as the hash, and an rsaEncryption key of 2048 to
    /// 8192 bits.
    RSA_PSS_2048_8192_SHA512_LEGACY_KEY: alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA512, RSA_PSS_2048_8192_SHA512;
    /// RSASSA-PKCS1-v1_5 with SHA-256 and a key of 2048 to 8192 bits.
    RSA_PKCS1_2048_8192_SHA256: alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256, RSA_PKCS1_2048_8192_SHA256;
    /// RSASSA-PKCS1-v1_5 with SHA-384 and a key of 2048 to 8192 bits.
    RSA_PKCS1_2048_8192_SHA384: alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384, RSA_PKCS1_2048_8192_SHA384;
    /// RSASSA-PKCS1-v1_5 with SHA-512 and a key of 2048 to 8192 bits.
    RSA_PKCS1_2048_8192_SHA512: alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512, RSA_PKCS1_2048_8192_SHA512;
    /// ECDSA over P-256 with SHA-384. Only for certificates and TLS 1.2; TLS 1.3 binds the curve to
    /// the hash.
    ECDSA_P256_SHA384: alg_id::ECDSA_P256, alg_id::ECDSA_SHA384, ECDSA_P256_SHA384_ASN1;
    /// ECDSA over P-384 with SHA-256. Only for certificates and TLS 1.2; TLS 1.3 binds the curve to
    /// the hash.
    ECDSA_P384_SHA256: alg_id::ECDSA_P384, alg_id::ECDSA_SHA256, ECDSA_P384_SHA256_ASN1;
    /// [`RSA_PKCS1_2048_8192_SHA256`] for certificates without the NULL parameters, which RFC 4055
    /// §5 requires to accept.
    RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS: alg_id::RSA_ENCRYPTION, SHA256_WITH_RSA, RSA_PKCS1_2048_8192_SHA256;
    /// [`RSA_PKCS1_2048_8192_SHA384`] for certificates without the NULL parameters, which RFC 4055
    /// §5 requires to accept.
    RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS: alg_id::RSA_ENCRYPTION, SHA384_WITH_RSA, RSA_PKCS1_2048_8192_SHA384;
    /// [`RSA_PKCS1_2048_8192_SHA512`] for certificates without the NULL parameters, which RFC 4055
    /// §5 requires to accept.
    RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS: alg_id::RSA_ENCRYPTION, SHA512_WITH_RSA, RSA_PKCS1_2048_8192_SHA512;
}

// OBJECT IDENTIFIER 1.2.840.113549.1.1.{11,12,13} without parameters.
const SHA256_WITH_RSA: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]);
const SHA384_WITH_RSA: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c]);
const SHA512_WITH_RSA: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d]);
