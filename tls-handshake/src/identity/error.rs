//! Why certificates and a key do not form an identity, with what the operator can do about it.

use std::fmt;

/// Why a certificate chain and a key do not form an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// No certificate was found.
    NoCertificate,
    /// No private key was found.
    NoKey,
    /// The end-entity certificate is unusable; the text says why.
    BadLeaf(String),
    /// The key is unusable; the text says why.
    BadKey(String),
    /// A file is not valid PEM; the text says why.
    BadPem(String),
    /// The key belongs to none of the certificates.
    KeyMismatch,
    /// The key has no signature scheme.
    NoScheme,
    /// The certificate does not match the name that it was configured for.
    NotValidForName {
        /// The configured name.
        name: String,
    },
    /// The chain is too long for a Certificate message (15 MiB), or the stapled data is empty or
    /// too long for an extension (64 KiB).
    TooLong,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("no certificate found; PEM starts one with BEGIN CERTIFICATE"),
            Self::NoKey => f.write_str("no private key found; PEM starts one with BEGIN PRIVATE KEY"),
            Self::BadLeaf(why) => write!(f, "unusable end-entity certificate: {why}"),
            Self::BadKey(why) => write!(f, "unusable private key: {why}"),
            Self::BadPem(why) => write!(f, "not a valid PEM file: {why}"),
            Self::KeyMismatch => f.write_str(
                "the private key belongs to none of the certificates; use the certificate issued for this key (one of \
                 them may have been renewed without the other)",
            ),
            Self::NoScheme => f.write_str("the key has no signature scheme; expected at least one"),
            Self::NotValidForName { name } => {
                write!(f, "the certificate does not match the configured name {name:?}; use one issued for it")
            }
            Self::TooLong => f.write_str(
                "the certificate chain is longer than 15 MiB, or the stapled data is empty or longer than 64 KiB",
            ),
        }
    }
}

impl std::error::Error for IdentityError {}
