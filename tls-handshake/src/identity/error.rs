//! Why an identity cannot be made, told to whoever has the files.

use std::fmt;

/// Why an identity cannot be made of a chain and a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is no certificate.
    NoCertificate,
    /// There is no private key.
    NoKey,
    /// The certificate of the key cannot be used; the text says why.
    BadLeaf(String),
    /// The key cannot be used; the text says why.
    BadKey(String),
    /// A file is not what it should be; the text says how.
    BadPem(String),
    /// The key is that of none of the certificates.
    KeyMismatch,
    /// A remote key without a scheme to sign with.
    NoScheme,
    /// The certificate is not valid for the name that it was configured for.
    NotValidForName {
        /// The name.
        name: String,
    },
    /// The chain does not fit a Certificate message (15 MiB), or what is stapled to it does not fit an extension (64 KiB).
    TooLong,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => {
                f.write_str("there is no certificate; a PEM file has it between BEGIN CERTIFICATE lines")
            }
            Self::NoKey => f.write_str("there is no private key; a PEM file has it between BEGIN PRIVATE KEY lines"),
            Self::BadLeaf(why) => write!(f, "the certificate of the key cannot be used: {why}"),
            Self::BadKey(why) => write!(f, "the private key cannot be used: {why}"),
            Self::BadPem(why) => write!(f, "this is not a PEM file as it should be: {why}"),
            Self::KeyMismatch => f.write_str(
                "the private key is that of none of the certificates; \
                 certificate and key have to be of the same pair, and may have been renewed one without the other",
            ),
            Self::NoScheme => f.write_str("a remote key needs at least one signature scheme"),
            Self::NotValidForName { name } => write!(f, "the certificate is not valid for the name {name:?}"),
            Self::TooLong => {
                f.write_str("the chain, or what is stapled to it, is empty or too long for a Certificate message")
            }
        }
    }
}

impl std::error::Error for IdentityError {}
