//! CertificateVerify (RFC 9846 §4.5.2): what is signed, and whether the signature is right.

use pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use tls_codec::code_points::SignatureScheme;
use tls_crypto::Digest;
use tls_crypto::verify as algorithms;

use crate::certificate_error::CertificateError;
use crate::error::Error;

const PADDING: usize = 64;
const SERVER_CONTEXT: &[u8; 34] = b"TLS 1.3, server CertificateVerify\0";
const PREFIX: usize = PADDING + SERVER_CONTEXT.len();
const MAX_HASH: usize = 48;

/// The bytes that CertificateVerify signs: 64 spaces, a context string, a zero byte and the transcript hash.
#[derive(Clone)]
pub(crate) struct Content {
    bytes: [u8; PREFIX + MAX_HASH],
    len: usize,
}

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What a server signs.
pub(crate) fn server_content(transcript_hash: &Digest) -> Content {
    let mut bytes = [b' '; PREFIX + MAX_HASH];
    let hash = transcript_hash.as_ref();
    let parts = [b' '; PADDING].into_iter().chain(SERVER_CONTEXT.iter().copied()).chain(hash.iter().copied());
    for (to, from) in bytes.iter_mut().zip(parts) {
        *to = from;
    }
    Content { bytes, len: PREFIX.saturating_add(hash.len()) }
}

/// Checks a signature over `content` with the key of `leaf`.
///
/// In TLS 1.3 a scheme fixes the curve, so one scheme is one algorithm.
///
/// # Errors
/// [`Error::BadSignature`]; [`Error::SignatureSchemeNotOffered`] for a scheme that TLS 1.3 does not sign handshakes with;
/// [`Error::Certificate`] if the leaf cannot be parsed.
pub(crate) fn check(
    scheme: SignatureScheme,
    leaf: &CertificateDer<'_>,
    content: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let algorithm: &dyn SignatureVerificationAlgorithm = match scheme {
        SignatureScheme::ECDSA_SECP256R1_SHA256 => algorithms::ECDSA_P256_SHA256,
        SignatureScheme::ECDSA_SECP384R1_SHA384 => algorithms::ECDSA_P384_SHA384,
        SignatureScheme::ED25519 => algorithms::ED25519,
        SignatureScheme::RSA_PSS_RSAE_SHA256 => algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        SignatureScheme::RSA_PSS_RSAE_SHA384 => algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        SignatureScheme::RSA_PSS_RSAE_SHA512 => algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        other => return Err(Error::SignatureSchemeNotOffered(other)),
    };
    let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|_| CertificateError::BadEncoding)?;
    leaf.verify_signature(algorithm, content, signature).map_err(|_| Error::BadSignature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_crypto::HashAlgorithm;

    #[test]
    fn content_is_that_of_the_rfc() {
        // RFC 9846 §4.5.2 shows the layout; the hash here is SHA-256 of nothing.
        let hash = HashAlgorithm::Sha256.hash(b"");
        let content = server_content(&hash);
        let (padding, rest) = content.as_ref().split_at(64);
        assert!(padding.iter().all(|b| *b == 0x20));
        assert_eq!(rest.strip_prefix(b"TLS 1.3, server CertificateVerify\0".as_slice()), Some(hash.as_ref()));
    }
}
