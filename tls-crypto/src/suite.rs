//! Cipher suites, RFC 9846 §B.4.

use ring::aead;

use crate::HashAlgorithm;

/// An algorithm for authenticated encryption of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BulkAlgorithm {
    /// AES-128 in Galois/Counter Mode, RFC 5116.
    Aes128Gcm,
    /// AES-256 in Galois/Counter Mode, RFC 5116.
    Aes256Gcm,
    /// ChaCha20 with Poly1305, RFC 8439.
    ChaCha20Poly1305,
}

impl BulkAlgorithm {
    /// The key's length in bytes.
    #[inline]
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// How many records may be protected under one key, RFC 9846 §5.5.
    ///
    /// For AES-GCM the RFC allows about 2^24.5 records of full size; this is the power of two below. For
    /// ChaCha20-Poly1305 the sequence number ends first.
    #[inline]
    #[must_use]
    pub const fn confidentiality_limit(self) -> u64 {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 1 << 24,
            Self::ChaCha20Poly1305 => u64::MAX,
        }
    }

    pub(crate) fn aead(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128Gcm => &aead::AES_128_GCM,
            Self::Aes256Gcm => &aead::AES_256_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }
}

/// A cipher suite of TLS 1.3: how records are protected and which hash everything is derived with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls13Suite {
    /// The code point in the cipher suite registry.
    pub id: u16,
    /// The name in the cipher suite registry.
    pub name: &'static str,
    /// What protects records.
    pub aead: BulkAlgorithm,
    /// The hash of the transcript and of HKDF.
    pub hash: HashAlgorithm,
}

/// TLS_AES_128_GCM_SHA256, which every implementation must have (RFC 9846 §9.1).
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

/// All cipher suites of TLS 1.3 that this layer has, in the order of their code points.
pub const ALL_TLS13: &[&Tls13Suite] =
    &[&TLS13_AES_128_GCM_SHA256, &TLS13_AES_256_GCM_SHA384, &TLS13_CHACHA20_POLY1305_SHA256];
