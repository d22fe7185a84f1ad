//! The rules for TLS 1.3 signatures in CertificateVerify, and the content that they sign (RFC 9846
//! §4.5.2).

use tls_codec::code_points::SignatureScheme;
use tls_crypto::Digest;
use tls_crypto::verify::Algorithm;

use super::SignatureRules;

/// Excludes PKCS#1 v1.5 and SHA-1 (RFC 9846 §4.3.3). A scheme determines the curve, so each has one
/// algorithm.
pub(crate) static RULES: SignatureRules = SignatureRules {
    schemes: &[
        (SignatureScheme::ECDSA_SECP256R1_SHA256, &[Algorithm::EcdsaP256Sha256]),
        (SignatureScheme::ECDSA_SECP384R1_SHA384, &[Algorithm::EcdsaP384Sha384]),
        (SignatureScheme::ED25519, &[Algorithm::Ed25519]),
        (SignatureScheme::RSA_PSS_RSAE_SHA256, &[Algorithm::RsaPssSha256]),
        (SignatureScheme::RSA_PSS_RSAE_SHA384, &[Algorithm::RsaPssSha384]),
        (SignatureScheme::RSA_PSS_RSAE_SHA512, &[Algorithm::RsaPssSha512]),
        (SignatureScheme::ECDSA_SECP521R1_SHA512, &[Algorithm::EcdsaP521Sha512]),
        (SignatureScheme::MLDSA44, &[Algorithm::MlDsa44]),
        (SignatureScheme::MLDSA65, &[Algorithm::MlDsa65]),
        (SignatureScheme::MLDSA87, &[Algorithm::MlDsa87]),
    ],
};

const PADDING: [u8; 64] = [b' '; 64];

/// Returns what a server signs: 64 spaces, a context string, a zero byte and the transcript hash.
pub(crate) fn server_content(transcript_hash: &Digest) -> Vec<u8> {
    content(b"TLS 1.3, server CertificateVerify\0", transcript_hash)
}

/// Returns what a client signs. Its context string differs, so neither signature can stand in for
/// the other.
pub(crate) fn client_content(transcript_hash: &Digest) -> Vec<u8> {
    content(b"TLS 1.3, client CertificateVerify\0", transcript_hash)
}

fn content(context: &[u8; 34], transcript_hash: &Digest) -> Vec<u8> {
    [&PADDING, context.as_slice(), transcript_hash.as_ref()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_crypto::HashAlgorithm;

    #[test]
    fn signed_content_follows_the_rfc() {
        // RFC 9846 §4.5.2 shows the layout. The transcript is empty.
        let hash = HashAlgorithm::Sha256.hash(b"");
        for (content, context) in [
            (server_content(&hash), b"TLS 1.3, server CertificateVerify\0"),
            (client_content(&hash), b"TLS 1.3, client CertificateVerify\0"),
        ] {
            let (padding, rest) = content.split_at(64);
            assert!(padding.iter().all(|b| *b == 0x20));
            assert_eq!(rest.strip_prefix(context.as_slice()), Some(hash.as_ref()));
        }
    }
}
