//! Cipher suites: RFC 9846 §B.4, and those of TLS 1.2 from RFC 5289 and RFC 7905.

use crate::HashAlgorithm;

/// An AEAD algorithm for records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BulkAlgorithm {
    /// AES-128 in Galois/Counter Mode, RFC 5116.
    Aes128Gcm,
    /// AES-256 in Galois/Counter Mode, RFC 5116.
    Aes256Gcm,
    /// ChaCha20 with Poly1305, RFC 8439.
    ChaCha20Poly1305,
}

impl BulkAlgorithm {
    /// Returns the key length in bytes.
    #[inline]
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// Returns the number of records that one key may protect (RFC 9846 §5.5). TLS 1.2 uses the
    /// same algorithms, so the same limit applies.
    ///
    /// For AES-GCM the RFC allows about 2^24.5 full-size records; this is the next lower power of
    /// two. For ChaCha20-Poly1305 the sequence number is the limit.
    #[inline]
    #[must_use]
    pub const fn confidentiality_limit(self) -> u64 {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 1 << 24,
            Self::ChaCha20Poly1305 => u64::MAX,
        }
    }
}

/// A TLS 1.3 cipher suite: an AEAD algorithm and a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls13Suite {
    /// The code point in the cipher suite registry.
    pub id: u16,
    /// The name in the cipher suite registry.
    pub name: &'static str,
    /// The AEAD algorithm that protects records.
    pub aead: BulkAlgorithm,
    /// The hash of the transcript and of HKDF.
    pub hash: HashAlgorithm,
}

/// TLS_AES_128_GCM_SHA256, which is mandatory to implement (RFC 9846 §9.1).
pub const TLS13_AES_128_GCM_SHA256: Tls13Suite = Tls13Suite {
    id: 0x1301,
    name: "TLS_AES_128_GCM_SHA256",
    aead: BulkAlgorithm::Aes128Gcm,
    hash: HashAlgorithm::Sha256,
};

/// TLS_AES_256_GCM_SHA384.
pub const TLS13_AES_256_GCM_SHA384: Tls13Suite = Tls13Suite {
    id: 0x1302,
    name: "TLS_AES_256_GCM_SHA384",
    aead: BulkAlgorithm::Aes256Gcm,
    hash: HashAlgorithm::Sha384,
};

/// TLS_CHACHA20_POLY1305_SHA256.
pub const TLS13_CHACHA20_POLY1305_SHA256: Tls13Suite = Tls13Suite {
    id: 0x1303,
    name: "TLS_CHACHA20_POLY1305_SHA256",
    aead: BulkAlgorithm::ChaCha20Poly1305,
    hash: HashAlgorithm::Sha256,
};

/// All supported TLS 1.3 cipher suites, ordered by code point.
pub const ALL_TLS13: &[&Tls13Suite] =
    &[&TLS13_AES_128_GCM_SHA256, &TLS13_AES_256_GCM_SHA384, &TLS13_CHACHA20_POLY1305_SHA256];

/// A TLS 1.2 cipher suite: an AEAD algorithm, a hash, and the type of the server's key. The key
/// exchange is always ECDHE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls12Suite {
    /// The code point in the cipher suite registry.
    pub id: u16,
    /// The name in the cipher suite registry.
    pub name: &'static str,
    /// The AEAD algorithm that protects records.
    pub aead: BulkAlgorithm,
    /// The hash of the transcript and of the PRF.
    pub hash: HashAlgorithm,
    /// The key type of the server's certificate.
    pub authentication: Tls12Authentication,
}

/// The key type with which the server signs in a TLS 1.2 cipher suite (RFC 8422 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tls12Authentication {
    /// An ECDSA or EdDSA key. They share cipher suites (RFC 8422 §2.2); the signature algorithms
    /// determine which one the client accepts.
    Ecdsa,
    /// An RSA key.
    Rsa,
}

/// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, RFC 5289 §3.2.
pub const TLS12_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: Tls12Suite = Tls12Suite {
    id: 0xc02b,
    name: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    aead: BulkAlgorithm::Aes128Gcm,
    hash: HashAlgorithm::Sha256,
    authentication: Tls12Authentication::Ecdsa,
};

/// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, RFC 5289 §3.2.
pub const TLS12_ECDHE_RSA_WITH_AES_128_GCM_SHA256: Tls12Suite = Tls12Suite {
    id: 0xc02f,
    name: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    aead: BulkAlgorithm::Aes128Gcm,
    hash: HashAlgorithm::Sha256,
    authentication: Tls12Authentication::Rsa,
};

/// TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, RFC 5289 §3.2.
pub const TLS12_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: Tls12Suite = Tls12Suite {
    id: 0xc02c,
    name: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    aead: BulkAlgorithm::Aes256Gcm,
    hash: HashAlgorithm::Sha384,
    authentication: Tls12Authentication::Ecdsa,
};

/// TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, RFC 5289 §3.2.
pub const TLS12_ECDHE_RSA_WITH_AES_256_GCM_SHA384: Tls12Suite = Tls12Suite {
    id: 0xc030,
    name: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    aead: BulkAlgorithm::Aes256Gcm,
    hash: HashAlgorithm::Sha384,
    authentication: Tls12Authentication::Rsa,
};

/// TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, RFC 7905 §2.
pub const TLS12_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: Tls12Suite = Tls12Suite {
    id: 0xcca9,
    name: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    aead: BulkAlgorithm::ChaCha20Poly1305,
    hash: HashAlgorithm::Sha256,
    authentication: Tls12Authentication::Ecdsa,
};

/// TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, RFC 7905 §2.
pub const TLS12_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: Tls12Suite = Tls12Suite {
    id: 0xcca8,
    name: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    aead: BulkAlgorithm::ChaCha20Poly1305,
    hash: HashAlgorithm::Sha256,
    authentication: Tls12Authentication::Rsa,
};

/// All supported TLS 1.2 cipher suites: by algorithm as in [`ALL_TLS13`], ECDSA before RSA.
pub const ALL_TLS12: &[&Tls12Suite] = &[
    &TLS12_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    &TLS12_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    &TLS12_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    &TLS12_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    &TLS12_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    &TLS12_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suite_names_match_their_algorithms() {
        let ids: Vec<_> = ALL_TLS12.iter().map(|suite| suite.id).collect();
        assert_eq!(ids, [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8]);
        for suite in ALL_TLS12 {
            let authentication = match suite.authentication {
                Tls12Authentication::Ecdsa => "ECDSA",
                Tls12Authentication::Rsa => "RSA",
            };
            assert_eq!(suite.name, format!("TLS_ECDHE_{authentication}_WITH_{}", algorithms(suite.aead, suite.hash)));
        }
        for suite in ALL_TLS13 {
            assert_eq!(suite.name, format!("TLS_{}", algorithms(suite.aead, suite.hash)));
        }
    }

    fn algorithms(aead: BulkAlgorithm, hash: HashAlgorithm) -> String {
        let aead = match aead {
            BulkAlgorithm::Aes128Gcm => "AES_128_GCM",
            BulkAlgorithm::Aes256Gcm => "AES_256_GCM",
            BulkAlgorithm::ChaCha20Poly1305 => "CHACHA20_POLY1305",
        };
        format!("{aead}_{}", format!("{hash:?}").to_uppercase())
    }
}
