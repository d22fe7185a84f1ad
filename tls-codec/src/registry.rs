//! The IANA registries by name: cipher suites with their parts, groups, signature schemes,
//! extensions and alerts.
//!
//! The constants of [`CipherSuite`] and its siblings, and their `name`, cover what this library
//! negotiates or explains. The tables here cover all that is registered, for tools that show
//! traffic. A program that does not call these functions does not contain the tables.
//!
//! ```
//! use strata_tls_codec::registry::{Cipher, KeyExchange, Mode};
//! use strata_tls_codec::{CipherSuite, ExtensionType, NamedGroup};
//!
//! let suite = CipherSuite(0xc014).info().unwrap();
//! assert_eq!(suite.name, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA");
//! assert_eq!((suite.key_exchange, suite.cipher, suite.mode), (KeyExchange::Ecdhe, Cipher::Aes, Mode::Cbc));
//! assert_eq!(NamedGroup(0x001a).registered_name(), Some("brainpoolP256r1"));
//! assert_eq!(ExtensionType(0x44cd).registered_name(), Some("application_settings"));
//! ```
//!
//! The tables follow from the registries as of 2026-09-29.

mod tables;

use core::fmt;

use crate::code_points::{AlertDescription, CipherSuite, ExtensionType, NamedGroup, SignatureScheme};

/// A registered cipher suite and its parts, which follow from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CipherSuiteInfo {
    /// The suite.
    pub suite: CipherSuite,
    /// The registered name.
    pub name: &'static str,
    /// The method by which the endpoints agree on a secret.
    pub key_exchange: KeyExchange,
    /// The method by which the server is authenticated.
    pub authentication: Authentication,
    /// The cipher that encrypts records.
    pub cipher: Cipher,
    /// The mode of the cipher.
    pub mode: Mode,
    /// The secret bits of the key, as few as 40 in export suites. 0 without encryption.
    pub key_bits: u16,
    /// The hash of the HMAC that protects records. `None` if the mode does that, or nothing.
    pub mac: Option<Hash>,
    /// The hash of the PRF in TLS 1.2, or of HKDF and the transcript in TLS 1.3. TLS 1.0 and 1.1
    /// use MD5 and SHA-1 together instead. `None` for values that select no suite.
    pub hash: Option<Hash>,
    /// True if the IETF recommends the suite.
    pub recommended: Recommendation,
}

impl CipherSuiteInfo {
    /// Returns the suite with this registered name; case-sensitive. Walks the table.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        cipher_suites().iter().find(|suite| suite.name == name)
    }

    /// Returns whether a secret key that leaks later leaves recorded connections secret. `false` if
    /// the suite does not decide it: in TLS 1.3 `psk_key_exchange_modes` does.
    #[must_use]
    pub const fn is_forward_secret(&self) -> bool {
        matches!(self.key_exchange, KeyExchange::Dhe | KeyExchange::Ecdhe | KeyExchange::Eccpwd)
    }

    /// Returns whether the cipher also authenticates records (AEAD).
    #[must_use]
    pub const fn is_aead(&self) -> bool {
        matches!(self.mode, Mode::Gcm | Mode::Ccm | Mode::Ccm8 | Mode::Aead | Mode::Mgm)
    }
}

impl fmt::Display for CipherSuiteInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// The key exchange of a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyExchange {
    /// None: a signal, or the suite before the first handshake.
    None,
    /// TLS 1.3: extensions negotiate it.
    Negotiated,
    /// The client encrypts a secret with the RSA key of the server.
    Rsa,
    /// Diffie-Hellman with the key in a certificate.
    Dh,
    /// Ephemeral Diffie-Hellman.
    Dhe,
    /// Elliptic-curve Diffie-Hellman with the key in a certificate.
    Ecdh,
    /// Ephemeral elliptic-curve Diffie-Hellman.
    Ecdhe,
    /// A pre-shared key only.
    Psk,
    /// Kerberos 5, RFC 2712.
    Krb5,
    /// A password, RFC 5054.
    Srp,
    /// A password, RFC 8492.
    Eccpwd,
    /// GOST, RFC 9189.
    Gost,
}

/// The authentication of a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Authentication {
    /// None: a signal, or the suite before the first handshake.
    None,
    /// TLS 1.3: extensions negotiate it.
    Negotiated,
    /// None: anyone between client and server can read the connection.
    Anonymous,
    /// A certificate with an RSA key.
    Rsa,
    /// A certificate with a DSA key.
    Dss,
    /// A certificate with an elliptic-curve key.
    Ecdsa,
    /// A pre-shared key.
    Psk,
    /// A pre-shared key and a certificate with an RSA key.
    RsaAndPsk,
    /// Kerberos 5.
    Krb5,
    /// A password, RFC 5054.
    Srp,
    /// A password, RFC 8492.
    Eccpwd,
    /// A certificate with a GOST key.
    Gost,
}

/// The cipher of a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say all")]
pub enum Cipher {
    /// No encryption.
    Null,
    Rc2,
    Rc4,
    Des,
    TripleDes,
    Idea,
    Seed,
    Aes,
    Camellia,
    Aria,
    Sm4,
    ChaCha20Poly1305,
    Aegis,
    Ascon,
    Kuznyechik,
    Magma,
    Gost28147,
}

/// The mode of the cipher of a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// No encryption.
    None,
    /// A stream cipher.
    Stream,
    /// Cipher block chaining.
    Cbc,
    /// Galois/counter mode.
    Gcm,
    /// Counter mode with CBC-MAC.
    Ccm,
    /// CCM with tags of 8 bytes.
    Ccm8,
    /// The cipher is an AEAD without a mode.
    Aead,
    /// Counter mode with OMAC, RFC 9189.
    CtrOmac,
    /// Counter mode with a GOST 28147-89 MAC, RFC 9189.
    CntImit,
    /// Multilinear Galois mode, RFC 9367.
    Mgm,
}

/// A hash of a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say all")]
pub enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    Sm3,
    /// GOST R 34.11-2012 with 256 bits.
    Streebog256,
    AsconHash256,
}

/// The column Recommended of the registry (RFC 9847 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Recommendation {
    /// The IETF has consensus that the suite should be supported.
    Yes,
    /// No consensus: the suite may be of limited use, or broken.
    No,
    /// The suite should not or must not be used.
    Discouraged,
    /// The suite was deployed, but never registered.
    Unregistered,
}

/// Returns all cipher suites, by value.
#[inline]
#[must_use]
pub const fn cipher_suites() -> &'static [CipherSuiteInfo] {
    tables::CIPHER_SUITES
}

/// Returns all groups and their names, by value.
#[inline]
#[must_use]
pub const fn named_groups() -> &'static [(NamedGroup, &'static str)] {
    tables::NAMED_GROUPS
}

/// Returns all signature schemes and their names, by value.
#[inline]
#[must_use]
pub const fn signature_schemes() -> &'static [(SignatureScheme, &'static str)] {
    tables::SIGNATURE_SCHEMES
}

/// Returns all extensions and their names, by value. Contains some that browsers sent before or
/// without a registration, such as `application_settings`.
#[inline]
#[must_use]
pub const fn extension_types() -> &'static [(ExtensionType, &'static str)] {
    tables::EXTENSIONS
}

/// Returns all alerts and their names, by value.
#[inline]
#[must_use]
pub const fn alert_descriptions() -> &'static [(AlertDescription, &'static str)] {
    tables::ALERTS
}

impl CipherSuite {
    /// Returns the parts of the suite, if [`cipher_suites`] lists it.
    #[must_use]
    pub fn info(self) -> Option<&'static CipherSuiteInfo> {
        let suites = cipher_suites();
        suites.binary_search_by_key(&self, |known| known.suite).ok().and_then(|at| suites.get(at))
    }

    /// Returns the registered name. See [`registry`](crate::registry).
    #[must_use]
    pub fn registered_name(self) -> Option<&'static str> {
        self.info().map(|known| known.name)
    }
}

/// Finds a value in a sorted table.
fn find<T: Copy + Ord>(table: &'static [(T, &'static str)], wanted: T) -> Option<&'static str> {
    table.binary_search_by_key(&wanted, |(known, _)| *known).ok().and_then(|at| table.get(at)).map(|(_, name)| *name)
}

macro_rules! registered_names {
    ($($type:ident in $table:ident;)*) => {$(
        impl $type {
            /// Returns the registered name, which the tables of [`registry`](crate::registry) hold.
            #[must_use]
            pub fn registered_name(self) -> Option<&'static str> {
                find($table(), self)
            }
        }
    )*};
}

registered_names! {
    NamedGroup in named_groups;
    SignatureScheme in signature_schemes;
    ExtensionType in extension_types;
    AlertDescription in alert_descriptions;
}
