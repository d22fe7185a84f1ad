//! Signatures of TLS 1.2's ServerKeyExchange and CertificateVerify (RFC 5246 §7.4.1.4.1, RFC 8422 §5.4, §5.8).

use tls_codec::code_points::SignatureScheme;
use tls_crypto::verify as algorithms;

use super::signature::SignatureRules;
use crate::negotiate::CERTIFICATE_SCHEMES;

/// A scheme is a hash and a kind of key: with ECDSA the curve is the certificate's. PKCS#1 v1.5 is there, SHA-1 and MD5 are not.
pub(crate) static RULES: SignatureRules = SignatureRules {
    schemes: &CERTIFICATE_SCHEMES,
    algorithms: &[
        (SignatureScheme::ECDSA_SECP256R1_SHA256, &[algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256]),
        (SignatureScheme::ECDSA_SECP384R1_SHA384, &[algorithms::ECDSA_P384_SHA384, algorithms::ECDSA_P256_SHA384]),
        (SignatureScheme::ED25519, &[algorithms::ED25519]),
        (SignatureScheme::RSA_PSS_RSAE_SHA256, &[algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_RSAE_SHA384, &[algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_RSAE_SHA512, &[algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[algorithms::RSA_PKCS1_2048_8192_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[algorithms::RSA_PKCS1_2048_8192_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[algorithms::RSA_PKCS1_2048_8192_SHA512]),
    ],
};

/// What a server signs in ServerKeyExchange: both randoms, and the parameters as they go over the wire.
pub(crate) fn server_params(client_random: &[u8; 32], server_random: &[u8; 32], params: &[u8]) -> Vec<u8> {
    [client_random.as_slice(), server_random, params].concat()
}
