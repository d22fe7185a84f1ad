//! The cipher suites of both versions, as one type.

use tls_codec::code_points::{CipherSuite, ProtocolVersion};
use tls_crypto::{
    BulkAlgorithm, HashAlgorithm, TLS12_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS12_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS12_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS12_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    TLS12_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS12_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS13_AES_128_GCM_SHA256,
    TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256, Tls12Suite, Tls13Suite,
};

/// A supported cipher suite. All have forward secrecy and AEAD encryption.
///
/// ```
/// use strata_tls_handshake::ALL_CIPHERSUITES;
/// for suite in ALL_CIPHERSUITES {
///     println!("{} {} {:?}", suite.version(), suite.suite(), suite.bulk());
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SupportedCipherSuite {
    /// A TLS 1.3 suite.
    Tls13(&'static Tls13Suite),
    /// A TLS 1.2 suite.
    Tls12(&'static Tls12Suite),
}

/// All supported cipher suites in the default order of preference: AES-128 first, which is fast and
/// strong enough, and TLS 1.3 before TLS 1.2.
pub static ALL_CIPHERSUITES: [SupportedCipherSuite; 9] = [
    SupportedCipherSuite::Tls13(&TLS13_AES_128_GCM_SHA256),
    SupportedCipherSuite::Tls13(&TLS13_AES_256_GCM_SHA384),
    SupportedCipherSuite::Tls13(&TLS13_CHACHA20_POLY1305_SHA256),
    SupportedCipherSuite::Tls12(&TLS12_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    SupportedCipherSuite::Tls12(&TLS12_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    SupportedCipherSuite::Tls12(&TLS12_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    SupportedCipherSuite::Tls12(&TLS12_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    SupportedCipherSuite::Tls12(&TLS12_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    SupportedCipherSuite::Tls12(&TLS12_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

impl SupportedCipherSuite {
    /// Returns the suite with this code point, if it is supported.
    #[must_use]
    pub fn of(id: CipherSuite) -> Option<Self> {
        ALL_CIPHERSUITES.into_iter().find(|suite| suite.suite() == id)
    }

    /// Returns the code point.
    #[must_use]
    pub const fn suite(self) -> CipherSuite {
        match self {
            Self::Tls13(suite) => CipherSuite(suite.id),
            Self::Tls12(suite) => CipherSuite(suite.id),
        }
    }

    /// Returns the protocol version of the suite.
    #[must_use]
    pub const fn version(self) -> ProtocolVersion {
        match self {
            Self::Tls13(_) => ProtocolVersion::TLS13,
            Self::Tls12(_) => ProtocolVersion::TLS12,
        }
    }

    /// Returns the AEAD algorithm that protects records.
    #[must_use]
    pub const fn bulk(self) -> BulkAlgorithm {
        match self {
            Self::Tls13(suite) => suite.aead,
            Self::Tls12(suite) => suite.aead,
        }
    }

    /// Returns the hash of the key schedule.
    #[must_use]
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::Tls13(suite) => suite.hash,
            Self::Tls12(suite) => suite.hash,
        }
    }

    pub(crate) fn tls13(self) -> Option<&'static Tls13Suite> {
        match self {
            Self::Tls13(suite) => Some(suite),
            Self::Tls12(_) => None,
        }
    }

    pub(crate) fn tls12(self) -> Option<&'static Tls12Suite> {
        match self {
            Self::Tls12(suite) => Some(suite),
            Self::Tls13(_) => None,
        }
    }
}

impl From<&'static Tls13Suite> for SupportedCipherSuite {
    fn from(suite: &'static Tls13Suite) -> Self {
        Self::Tls13(suite)
    }
}

impl From<&'static Tls12Suite> for SupportedCipherSuite {
    fn from(suite: &'static Tls12Suite) -> Self {
        Self::Tls12(suite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_registered_code_points_and_names() {
        let names = tls_crypto::ALL_TLS13.iter().map(|s| s.name).chain(tls_crypto::ALL_TLS12.iter().map(|s| s.name));
        for suite in ALL_CIPHERSUITES {
            assert_eq!(SupportedCipherSuite::of(suite.suite()), Some(suite));
        }
        for name in names {
            let id = CipherSuite::from_name(name).expect("a registered name");
            assert!(SupportedCipherSuite::of(id).is_some(), "{name}");
        }
    }

    #[test]
    fn suites_without_forward_secrecy_or_aead_are_unsupported() {
        // RSA key transport with GCM, ECDHE with CBC, DHE with GCM.
        for id in [0x009c, 0x009d, 0xc013, 0xc014, 0xc027, 0x009e, 0x009f, 0x000a] {
            assert_eq!(SupportedCipherSuite::of(CipherSuite(id)), None);
        }
    }
}
