//! Why a PKCS#12 file was rejected, with a text for its owner.

use core::fmt;

use crate::sign::KeyRejected;

/// Why a PKCS#12 file was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pkcs12Error {
    /// It is not PKCS#12. The text says what it is.
    NotPkcs12(String),
    /// It is BER, with indefinite lengths or strings in parts, and not DER.
    Ber,
    /// It is damaged. The part is named.
    Malformed(&'static str),
    /// It has an unsupported form, which is named.
    Unsupported(String),
    /// Its MAC has an unsupported algorithm or parameters, which are named.
    UnsupportedMac(String),
    /// It is encrypted with an unsupported algorithm or parameters, which are named, such as the
    /// Triple DES and RC2 of older programs.
    UnsupportedEncryption(String),
    /// It has no MAC, but a password was given.
    NoMac,
    /// It has a password, and the given one is empty.
    NoPassword,
    /// The password is wrong, or the file is damaged.
    WrongPassword,
    /// The MAC is valid for the password, but a part of the file has another password.
    OtherPassword,
    /// It has no private key.
    NoKey,
    /// It has more than one private key.
    SeveralKeys {
        /// The number of keys.
        count: usize,
    },
}

impl Pkcs12Error {
    /// `wrong` is the error for a password that does not decrypt.
    pub(super) fn of_decryption(rejected: KeyRejected, wrong: &Self) -> Self {
        match rejected {
            KeyRejected::WrongPassword => wrong.clone(),
            KeyRejected::UnsupportedEncryption(what) => Self::UnsupportedEncryption(what),
            _ => Self::Malformed("its private key"),
        }
    }
}

impl fmt::Display for Pkcs12Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPkcs12(found) => write!(f, "the file is not PKCS#12: {found}"),
            Self::Ber => {
                write!(f, "the PKCS#12 file is BER (indefinite lengths or strings in parts), not DER; {CONVERT}")
            }
            Self::Malformed(part) => {
                write!(f, "the PKCS#12 file is damaged: cannot read {part}; copy or export it again")
            }
            Self::Unsupported(what) => write!(f, "unsupported PKCS#12 file: {what}; export it with a password"),
            Self::UnsupportedMac(what) => write!(f, "the MAC of the PKCS#12 file has {what}; {CONVERT}"),
            Self::UnsupportedEncryption(what) => write!(f, "the PKCS#12 file is encrypted with {what}; {CONVERT}"),
            Self::NoMac => f.write_str(
                "the PKCS#12 file has no MAC, so that its password protects nothing from changes; export it with a MAC \
                 (without -nomac), or load it with an empty password if it is not encrypted",
            ),
            Self::NoPassword => {
                f.write_str("the PKCS#12 file has a password, and the given one is empty; pass its password")
            }
            Self::WrongPassword => f.write_str(
                "the password does not open the PKCS#12 file: it is wrong, or the file is damaged; check for a newline \
                 at the password's end",
            ),
            Self::OtherPassword => write!(
                f,
                "the PKCS#12 file has different passwords for its MAC and its content; export it with one password: {CONVERT}"
            ),
            Self::NoKey => f.write_str("the PKCS#12 file has no private key; export it with its key"),
            Self::SeveralKeys { count } => write!(
                f,
                "the PKCS#12 file has {count} private keys; keep one, for example with \
                 `keytool -importkeystore -srckeystore file -srcalias NAME -destkeystore new.p12`"
            ),
        }
    }
}

impl std::error::Error for Pkcs12Error {}

const CONVERT: &str = "convert it with \
                       `openssl pkcs12 -legacy -in file -out file.pem && openssl pkcs12 -export -in file.pem -out new.p12`";
