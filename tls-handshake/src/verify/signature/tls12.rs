//! The rules for TLS 1.2 signatures in ServerKeyExchange and CertificateVerify (RFC 5246
//! §7.4.1.4.1, RFC 8422 §5.4, §5.8). The states apply them through `auth`.

use tls_codec::code_points::{ClientCertificateKind, SignatureScheme};
use tls_crypto::Tls12Authentication;
use tls_crypto::verify::Algorithm;

use super::SignatureRules;

/// A scheme names a hash and a key type; for ECDSA, the certificate determines the curve. Includes
/// PKCS#1 v1.5, but not SHA-1 and MD5. ML-DSA is only for TLS 1.3.
pub(crate) static RULES: SignatureRules = SignatureRules {
    schemes: &[
        (
            SignatureScheme::ECDSA_SECP256R1_SHA256,
            &[Algorithm::EcdsaP256Sha256, Algorithm::EcdsaP384Sha256, Algorithm::EcdsaP521Sha256],
        ),
        (
            SignatureScheme::ECDSA_SECP384R1_SHA384,
            &[Algorithm::EcdsaP384Sha384, Algorithm::EcdsaP256Sha384, Algorithm::EcdsaP521Sha384],
        ),
        (SignatureScheme::ED25519, &[Algorithm::Ed25519]),
        (SignatureScheme::RSA_PSS_RSAE_SHA256, &[Algorithm::RsaPssSha256]),
        (SignatureScheme::RSA_PSS_RSAE_SHA384, &[Algorithm::RsaPssSha384]),
        (SignatureScheme::RSA_PSS_RSAE_SHA512, &[Algorithm::RsaPssSha512]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[Algorithm::RsaPkcs1Sha256]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[Algorithm::RsaPkcs1Sha384]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[Algorithm::RsaPkcs1Sha512]),
        (
            SignatureScheme::ECDSA_SECP521R1_SHA512,
            &[Algorithm::EcdsaP521Sha512, Algorithm::EcdsaP256Sha512, Algorithm::EcdsaP384Sha512],
        ),
    ],
};

/// Returns what a server signs in ServerKeyExchange: both randoms, then the encoded parameters.
pub(crate) fn server_params(client_random: &[u8; 32], server_random: &[u8; 32], params: &[u8]) -> Vec<u8> {
    [client_random.as_slice(), server_random, params].concat()
}

/// Returns the certificate type for this scheme (RFC 5246 §7.4.4; RFC 8422 §5.5 for Ed25519);
/// `None` if the scheme is not supported.
pub(crate) fn kind_of(scheme: SignatureScheme) -> Option<ClientCertificateKind> {
    match scheme {
        SignatureScheme::ECDSA_SECP256R1_SHA256
        | SignatureScheme::ECDSA_SECP384R1_SHA384
        | SignatureScheme::ECDSA_SECP521R1_SHA512
        | SignatureScheme::ED25519 => Some(ClientCertificateKind::ECDSA_SIGN),
        SignatureScheme::RSA_PSS_RSAE_SHA256
        | SignatureScheme::RSA_PSS_RSAE_SHA384
        | SignatureScheme::RSA_PSS_RSAE_SHA512
        | SignatureScheme::RSA_PKCS1_SHA256
        | SignatureScheme::RSA_PKCS1_SHA384
        | SignatureScheme::RSA_PKCS1_SHA512 => Some(ClientCertificateKind::RSA_SIGN),
        _ => None,
    }
}

/// Returns whether cipher suites with this authentication allow this scheme in ServerKeyExchange
/// (RFC 8422 §2).
pub(crate) fn is_for(authentication: Tls12Authentication, scheme: SignatureScheme) -> bool {
    let kind = match authentication {
        Tls12Authentication::Ecdsa => ClientCertificateKind::ECDSA_SIGN,
        Tls12Authentication::Rsa => ClientCertificateKind::RSA_SIGN,
    };
    kind_of(scheme) == Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_fits_one_suite_authentication() {
        for (scheme, _) in RULES.schemes {
            assert_ne!(is_for(Tls12Authentication::Ecdsa, *scheme), is_for(Tls12Authentication::Rsa, *scheme));
        }
        assert!(is_for(Tls12Authentication::Ecdsa, SignatureScheme::ED25519), "RFC 8422 §5.10");
    }
}
