//! The versions of QUIC, and the constants in which they differ.

use crate::hkdf::Label;

/// A version of QUIC. The handshake is the same in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Version {
    /// Version 1, RFC 9000.
    V1,
    /// Version 2, RFC 9369: other constants, so that the network does not get used to those of
    /// version 1.
    V2,
}

impl Version {
    /// Returns the version with this number in long headers, or `None` for one that is not
    /// supported.
    ///
    /// ```
    /// use strata_tls_crypto::quic::Version;
    ///
    /// assert_eq!(Version::from_wire(1), Some(Version::V1));
    /// assert_eq!(Version::from_wire(0xff00_001d), None);
    /// ```
    #[must_use]
    pub const fn from_wire(number: u32) -> Option<Self> {
        match number {
            V1 => Some(Self::V1),
            V2 => Some(Self::V2),
            _ => None,
        }
    }

    /// Returns its number in long headers.
    #[must_use]
    pub const fn to_wire(self) -> u32 {
        match self {
            Self::V1 => V1,
            Self::V2 => V2,
        }
    }

    /// The salt of Initial secrets: RFC 9001 §5.2, RFC 9369 §3.3.1.
    pub(super) fn initial_salt(self) -> &'static [u8; 20] {
        match self {
            Self::V1 => b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
            Self::V2 => b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
        }
    }

    /// The labels of keys: RFC 9001 §5.1 and §6.1, RFC 9369 §3.3.2.
    pub(super) fn labels(self) -> &'static Labels {
        match self {
            Self::V1 => &LABELS_V1,
            Self::V2 => &LABELS_V2,
        }
    }

    /// The key and the nonce of the Retry integrity tag: RFC 9001 §5.8, RFC 9369 §3.3.3.
    pub(super) fn retry_key(self) -> (&'static [u8; 16], [u8; 12]) {
        match self {
            Self::V1 => (
                b"\xbe\x0c\x69\x0b\x9f\x66\x57\x5a\x1d\x76\x6b\x54\xe3\x68\xc8\x4e",
                *b"\x46\x15\x99\xd3\x5d\x63\x2b\xf2\x23\x98\x25\xbb",
            ),
            Self::V2 => (
                b"\x8f\xb4\xb0\x1b\x56\xac\x48\xe2\x60\xfb\xcb\xce\xad\x7c\xcc\x92",
                *b"\xd8\x69\x69\xbc\x2d\x7c\x6d\x99\x90\xef\xb0\x4a",
            ),
        }
    }
}

/// The labels of the values that a version derives from a traffic secret.
pub(super) struct Labels {
    pub(super) key: Label,
    pub(super) iv: Label,
    pub(super) header: Label,
    pub(super) update: Label,
}

static LABELS_V1: Labels = Labels {
    key: Label::new(b"\x0etls13 quic key"),
    iv: Label::new(b"\x0dtls13 quic iv"),
    header: Label::new(b"\x0dtls13 quic hp"),
    update: Label::new(b"\x0dtls13 quic ku"),
};

static LABELS_V2: Labels = Labels {
    key: Label::new(b"\x10tls13 quicv2 key"),
    iv: Label::new(b"\x0ftls13 quicv2 iv"),
    header: Label::new(b"\x0ftls13 quicv2 hp"),
    update: Label::new(b"\x0ftls13 quicv2 ku"),
};

const V1: u32 = 1;
const V2: u32 = 0x6b33_43cf;
