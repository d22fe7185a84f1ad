//! [`KeyRejected`]: why a private key was rejected, with a text for its owner.

use core::fmt;

use crate::der;
use crate::pem::{PemError, Place};

/// Why a private key was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRejected {
    /// It is encrypted with a password (PKCS#8 EncryptedPrivateKeyInfo).
    Encrypted,
    /// It is encrypted in OpenSSL's old format, which is marked by `Proc-Type: 4,ENCRYPTED`. It
    /// derives the key by one MD5 hash, and is not supported.
    OldEncryption,
    /// It is encrypted with an algorithm or parameters that are not supported. The text names them.
    UnsupportedEncryption(String),
    /// The password does not decrypt it, or it is damaged.
    WrongPassword,
    /// It has an unsupported algorithm, curve or format, which is named.
    Unsupported(String),
    /// It is an RSA key with too few or too many bits.
    RsaSize {
        /// The length of its modulus.
        bits: u32,
    },
    /// It is an elliptic curve key without its public key.
    PublicKeyMissing {
        /// The number of given public keys of its curve, none of which belongs to it.
        tried: usize,
    },
    /// It is an elliptic curve key with a compressed public key.
    PublicKeyCompressed,
    /// It is not DER in the format of its label.
    Malformed,
    /// The file has no private key. The text says what it is.
    NoKey(String),
    /// The file has several private keys. This is the place of the second.
    SeveralKeys(Place),
    /// The file is not valid PEM.
    BadPem(PemError),
    /// Its numbers are inconsistent or out of range. The failed check is named.
    Invalid(String),
}

impl KeyRejected {
    /// `algorithm` is the contents of an AlgorithmIdentifier.
    #[cfg(feature = "encrypted-keys")]
    pub(super) fn unsupported_encryption(algorithm: Option<&[u8]>) -> Self {
        let oid = der::Elements::new(algorithm.unwrap_or_default()).expect(der::OBJECT_IDENTIFIER).unwrap_or_default();
        Self::UnsupportedEncryption(describe(oid, "an unsupported algorithm or parameters:"))
    }

    pub(super) fn open_ssh() -> Self {
        let what = "in OpenSSH's format (`ssh-keygen -p -m PKCS8 -f key` converts it, except Ed25519)";
        Self::Unsupported(what.to_owned())
    }

    pub(super) fn dsa() -> Self {
        Self::Unsupported("a key of the algorithm DSA".to_owned())
    }

    /// `algorithm` is the contents of an AlgorithmIdentifier.
    pub(super) fn unsupported_algorithm(algorithm: &[u8]) -> Self {
        let mut fields = der::Elements::new(algorithm);
        let Some(oid) = fields.expect(der::OBJECT_IDENTIFIER) else {
            return Self::Malformed;
        };
        if oid == EC_PUBLIC_KEY {
            return Self::unsupported_curve(Some(fields.rest()));
        }
        Self::Unsupported(describe(oid, "a key of the algorithm"))
    }

    /// `parameters` is the DER of the curve, if present.
    pub(super) fn unsupported_curve(parameters: Option<&[u8]>) -> Self {
        let Some(parameters) = parameters else {
            return Self::Unsupported("an elliptic curve key without the name of its curve".to_owned());
        };
        match der::Elements::new(parameters).next() {
            Some((der::OBJECT_IDENTIFIER, oid)) => Self::Unsupported(describe(oid, "a key over the elliptic curve")),
            Some((der::SEQUENCE, _)) => {
                Self::Unsupported("an elliptic curve key with explicit curve parameters".to_owned())
            }
            _ => Self::Malformed,
        }
    }
}

impl fmt::Display for KeyRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encrypted => f.write_str(
                "the private key is encrypted; decrypt it first, with its password (feature `encrypted-keys`) or with \
                 `openssl pkey -in key.pem -out plain.pem`",
            ),
            Self::OldEncryption => f.write_str(
                "the private key is encrypted in OpenSSL's old format (Proc-Type: 4,ENCRYPTED), which is not secure; \
                 convert it with `openssl pkcs8 -topk8 -in key.pem -out new.pem`, or decrypt it with \
                 `openssl pkey -in key.pem -out plain.pem`",
            ),
            Self::UnsupportedEncryption(what) => write!(
                f,
                "the private key is encrypted with {what}; convert it with `openssl pkcs8 -topk8 -in key.pem -out new.pem`"
            ),
            Self::WrongPassword => {
                f.write_str("the password does not decrypt the private key: it is wrong, or the file is damaged")
            }
            Self::Unsupported(what) => write!(f, "the private key is {what}; {SUPPORTED}"),
            Self::RsaSize { bits } => write!(f, "the private key is an RSA key of {bits} bits; {SUPPORTED}"),
            Self::PublicKeyMissing { tried: 0 } => f.write_str(
                "the private key does not contain its public key, which elliptic curve keys need; \
                 `openssl ec -in key.pem -out whole.pem` adds it",
            ),
            Self::PublicKeyMissing { tried } => {
                write!(f, "the private key belongs to none of the {tried} public keys of its curve")
            }
            Self::PublicKeyCompressed => f.write_str(
                "the private key contains its public key as a compressed point; \
                 `openssl ec -in key.pem -conv_form uncompressed -out whole.pem` converts it",
            ),
            Self::Malformed => write!(
                f,
                "the private key is malformed: it is damaged, encrypted (check its PEM file for the word ENCRYPTED), \
                 or not in the format of its label; {SUPPORTED}"
            ),
            Self::NoKey(found) => write!(f, "the file contains no private key: {found}"),
            Self::SeveralKeys(second) => {
                write!(f, "the file contains more than one private key: another is in {second}; keep only one")
            }
            Self::BadPem(e) => write!(f, "the file is not valid PEM: {e}"),
            Self::Invalid(check) => {
                write!(f, "the private key's numbers are inconsistent or out of range ({check}); {SUPPORTED}")
            }
        }
    }
}

impl std::error::Error for KeyRejected {}

/// Returns the name of an algorithm or curve in use, or the identifier in dotted form.
pub(crate) fn describe(oid: &[u8], what: &str) -> String {
    let name = NAMES.iter().find(|(known, _)| *known == oid).map(|(_, name)| (*name).to_owned());
    format!("{what} {}", name.unwrap_or_else(|| dotted(oid)))
}

/// ITU-T X.690 §8.19. Numbers over 64 bits are truncated, because this is only for display.
fn dotted(oid: &[u8]) -> String {
    let mut out = String::new();
    let mut arc = 0_u64;
    for byte in oid {
        arc = (arc << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if out.is_empty() {
                let root = (arc / 40).min(2);
                out = format!("{root}.{}", arc.saturating_sub(root.saturating_mul(40)));
            } else {
                out.push_str(&format!(".{arc}"));
            }
            arc = 0;
        }
    }
    out
}

const SUPPORTED: &str = if cfg!(feature = "aws-lc-rs") {
    "supported are RSA of 2048 to 4096 bits with two primes (PKCS#8 or PKCS#1), ECDSA over P-256, P-384 or P-521 (PKCS#8 \
     or SEC1), Ed25519 and ML-DSA (PKCS#8)"
} else {
    "supported are RSA of 2048 to 4096 bits with two primes (PKCS#8 or PKCS#1), ECDSA over P-256 or P-384 (PKCS#8 or \
     SEC1) and Ed25519 (PKCS#8)"
};

const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

const NAMES: &[(&[u8], &str)] = &[
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a],
        "RSASSA-PSS, whose certificates need the signature schemes rsa_pss_pss_* (a certificate for an rsaEncryption key \
         can make PSS signatures as well)",
    ),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01], "DSA"),
    (&[0x2b, 0x65, 0x6e], "X25519, which cannot sign"),
    (&[0x2b, 0x65, 0x6f], "X448, which cannot sign"),
    (&[0x2b, 0x65, 0x71], "Ed448"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11], "ML-DSA-44, which needs the feature `aws-lc-rs`"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12], "ML-DSA-65, which needs the feature `aws-lc-rs`"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13], "ML-DSA-87, which needs the feature `aws-lc-rs`"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], "P-521, which needs the feature `aws-lc-rs`"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x21], "P-224"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x0a], "secp256k1"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x03], "pbeWithMD5AndDES-CBC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d], "PBES2"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x03], "pbeWithSHAAnd3-KeyTripleDES-CBC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x05], "pbeWithSHAAnd128BitRC2-CBC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x06], "pbeWithSHAAnd40BitRC2-CBC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05], "MD5"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04], "SHA-224"),
];
