//! Why certificates and a key do not form an identity, with what the operator can do about it.

use std::fmt;

use super::chain_order::MAX_CERTIFICATES;
use crate::certificate_error::OcspError;
use crate::error::BadServerName;

/// Why a certificate chain and a key do not form an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// No certificate was found; the text says what the input is.
    NoCertificate(String),
    /// No private key was found; the text says what the input is.
    NoKey(String),
    /// The input for certificates contains the private key, and the one for the key certificates.
    Swapped,
    /// The end-entity certificate is unusable; the text says why.
    BadLeaf(String),
    /// A certificate of the chain is unusable.
    BadCertificate {
        /// Its position in the input, counted from 0.
        at: usize,
        /// The reason.
        why: String,
    },
    /// The key is encrypted, and there was no password. A program can ask for one and call
    /// `Identity::from_encrypted` (feature `encrypted-keys`).
    EncryptedKey,
    /// The password does not decrypt the key or the PKCS#12 file, or that is damaged.
    WrongPassword,
    /// The key is unusable; the text says why.
    BadKey(String),
    /// The PKCS#12 file has a password, and the given one is empty. A program can ask for one.
    NoPassword,
    /// The PKCS#12 file is unusable; the text says why.
    BadPkcs12(String),
    /// A section of the file of certificates is unusable; the text names it and says why.
    BadPem(String),
    /// The chain has more certificates than peers accept. The limit is 10, leaf included: Java's
    /// clients reject longer chains, and its servers those of more than 8.
    TooManyCertificates {
        /// The number of certificates.
        got: usize,
    },
    /// The key belongs to none of the certificates.
    KeyMismatch,
    /// The OCSP response is not one that clients accept.
    OcspResponse(OcspError),
    /// The OCSP response reports the certificate as revoked.
    Revoked,
    /// The key has no signature scheme.
    NoScheme,
    /// The name that an identity was configured for is neither a host name nor a wildcard.
    BadServerName(BadServerName),
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
            Self::NoCertificate(found) => write!(f, "no certificate found: {found}"),
            Self::NoKey(found) => write!(f, "no private key found: {found}"),
            Self::Swapped => f.write_str(
                "certificates and key are swapped: the input for certificates contains a private key, and the one for \
                 the key certificates",
            ),
            Self::BadLeaf(why) => write!(f, "unusable end-entity certificate: {why}"),
            Self::BadCertificate { at, why } => {
                write!(f, "unusable certificate number {} of the chain: {why}", at.saturating_add(1))
            }
            Self::EncryptedKey => f.write_str(
                "unusable private key: it is encrypted; decrypt it with `openssl pkey -in key.pem -out plain.pem`, or load \
                 it with its password (`Identity::from_encrypted`, feature `encrypted-keys`)",
            ),
            Self::WrongPassword => f.write_str(
                "the password does not decrypt the private key: it is wrong, or the file is damaged; check for a newline \
                 at the password's end",
            ),
            Self::BadKey(why) => write!(f, "unusable private key: {why}"),
            Self::NoPassword => {
                f.write_str("the PKCS#12 file has a password, and the given one is empty; pass its password")
            }
            Self::BadPkcs12(why) => f.write_str(why),
            Self::BadPem(why) => write!(f, "unusable certificate file: {why}"),
            Self::TooManyCertificates { got } => write!(
                f,
                "too many certificates: {got}, but peers accept {MAX_CERTIFICATES}; keep the key's certificate and its \
                 issuers"
            ),
            Self::KeyMismatch => f.write_str(
                "the private key belongs to none of the certificates; use the certificate issued for this key (one of \
                 them may have been renewed without the other)",
            ),
            Self::OcspResponse(e) => {
                f.write_str("unusable OCSP response: ")?;
                e.write_about(f, "it")?;
                f.write_str("; staple the current one of this certificate")
            }
            Self::Revoked => f.write_str(
                "the OCSP response reports the certificate as revoked; use a new certificate, since clients reject this one",
            ),
            Self::NoScheme => f.write_str("the key has no signature scheme; expected at least one"),
            Self::BadServerName(e) => e.fmt(f),
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
