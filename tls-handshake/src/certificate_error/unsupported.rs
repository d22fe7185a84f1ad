//! [`UnsupportedSignature`]: a signature that was not checked, since its algorithm or key is not
//! supported.

use std::fmt;

/// A signature that was not checked, since this library does not support its algorithm or its key.
/// It may be valid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnsupportedSignature {
    /// The unsupported part.
    pub part: UnsupportedPart,
    /// The signature algorithm, such as `ECDSA with SHA-512`.
    pub algorithm: String,
    /// The key that the signature has to be verified with, such as `an RSA key of 1024 bits`;
    /// `None` if the signer's key was not found.
    pub key: Option<String>,
}

/// The unsupported part of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnsupportedPart {
    /// The signature algorithm, its hash or its parameters.
    Algorithm,
    /// The algorithm, size, curve or encoding of the key.
    Key,
    /// The signature algorithm with this key.
    Combination,
}

/// Follows a subject, such as "its signature".
impl fmt::Display for UnsupportedSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, algorithm, key } = self;
        let key = key.as_deref().unwrap_or("an unknown key");
        match part {
            UnsupportedPart::Algorithm => write!(
                f,
                "cannot be checked: {algorithm} is not supported (its signer has {key}); have it signed again with a supported \
                 algorithm"
            ),
            UnsupportedPart::Key => write!(
                f,
                "cannot be checked: it is made with {key}, which is not supported (algorithm: {algorithm}); have it \
                 signed again with a supported key"
            ),
            UnsupportedPart::Combination => write!(
                f,
                "cannot be checked: {algorithm} is not supported with {key}; have it signed again with a supported \
                 algorithm"
            ),
        }?;
        write!(f, ": {}", if *part == UnsupportedPart::Key { SUPPORTED_KEYS } else { SUPPORTED })
    }
}

/// The supported signatures, in words.
const SUPPORTED: &str = "RSA keys of 2048 to 8192 bits with PKCS#1 v1.5 or PSS and SHA-256, SHA-384 or SHA-512 (PSS: the \
                         same hash in MGF1, and a salt as long as the hash), P-256 and P-384 with SHA-256 or SHA-384, \
                         Ed25519; with the backend AWS-LC also P-521, SHA-512 and ML-DSA";

/// The supported keys, in words.
pub(crate) const SUPPORTED_KEYS: &str = "RSA of 2048 to 8192 bits, P-256 and P-384 with a named curve and an uncompressed point, Ed25519; with \
     the backend AWS-LC also P-521 and ML-DSA";
