//! Signatures of TLS 1.2's ServerKeyExchange and CertificateVerify (RFC 5246 §7.4.1.4.1, RFC 8422 §5.4, §5.8).

use tls_codec::code_points::{ClientCertificateKind, SignatureScheme};
use tls_crypto::Tls12Authentication;
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

/// The kind of certificate whose key signs with this scheme (RFC 5246 §7.4.4; RFC 8422 §5.5 for Ed25519); `None` if we know
/// none.
pub(crate) fn kind_of(scheme: SignatureScheme) -> Option<ClientCertificateKind> {
    match scheme {
        SignatureScheme::ECDSA_SECP256R1_SHA256
        | SignatureScheme::ECDSA_SECP384R1_SHA384
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

/// Whether a server's key exchange may be signed with this scheme under a suite of this authentication (RFC 8422 §2).
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
    fn every_scheme_is_for_one_kind_of_suite() {
        for scheme in RULES.schemes {
            assert_ne!(is_for(Tls12Authentication::Ecdsa, *scheme), is_for(Tls12Authentication::Rsa, *scheme));
        }
        assert!(is_for(Tls12Authentication::Ecdsa, SignatureScheme::ED25519), "RFC 8422 §5.10");
    }
}
