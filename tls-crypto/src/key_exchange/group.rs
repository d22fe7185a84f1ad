//! The groups, and which algorithms they consist of.

#[cfg(feature = "post-quantum")]
use super::ml_kem::ParameterSet;
#[cfg(feature = "post-quantum")]
use crate::Error;
use crate::backend::Curve;

/// A group for the key exchange (RFC 9846 §4.3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Group {
    /// X25519, RFC 7748. Public keys of 32 bytes.
    X25519,
    /// NIST P-256. Public keys are uncompressed points of 65 bytes.
    Secp256r1,
    /// NIST P-384. Public keys are uncompressed points of 97 bytes.
    Secp384r1,
    /// NIST P-521. Public keys are uncompressed points of 133 bytes. Needs AWS-LC.
    Secp521r1,
    /// ML-KEM-768 and X25519.
    #[cfg(feature = "post-quantum")]
    X25519MlKem768,
    /// P-256 and ML-KEM-768.
    #[cfg(feature = "post-quantum")]
    Secp256r1MlKem768,
    /// P-384 and ML-KEM-1024.
    #[cfg(feature = "post-quantum")]
    Secp384r1MlKem1024,
    /// ML-KEM-768.
    #[cfg(feature = "post-quantum")]
    MlKem768,
    /// ML-KEM-1024.
    #[cfg(feature = "post-quantum")]
    MlKem1024,
}

impl Group {
    /// All groups. Each is supported by at least one backend: see
    /// [`Backend::supports_group`](crate::Backend::supports_group).
    pub const ALL: &'static [Self] = &[
        #[cfg(feature = "post-quantum")]
        Self::X25519MlKem768,
        Self::X25519,
        Self::Secp256r1,
        Self::Secp384r1,
        Self::Secp521r1,
        #[cfg(feature = "post-quantum")]
        Self::Secp256r1MlKem768,
        #[cfg(feature = "post-quantum")]
        Self::Secp384r1MlKem1024,
        #[cfg(feature = "post-quantum")]
        Self::MlKem768,
        #[cfg(feature = "post-quantum")]
        Self::MlKem1024,
    ];

    /// The groups to enable by default, in order of preference: X25519MLKEM768 with the feature
    /// `post-quantum`, X25519, P-256, P-384.
    pub const DEFAULT: &'static [Self] = &[
        #[cfg(feature = "post-quantum")]
        Self::X25519MlKem768,
        Self::X25519,
        Self::Secp256r1,
        Self::Secp384r1,
    ];

    /// Returns the registered code point (`NamedGroup`).
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::X25519 => 0x001d,
            Self::Secp256r1 => 0x0017,
            Self::Secp384r1 => 0x0018,
            Self::Secp521r1 => 0x0019,
            #[cfg(feature = "post-quantum")]
            Self::X25519MlKem768 => 0x11ec,
            #[cfg(feature = "post-quantum")]
            Self::Secp256r1MlKem768 => 0x11eb,
            #[cfg(feature = "post-quantum")]
            Self::Secp384r1MlKem1024 => 0x11ed,
            #[cfg(feature = "post-quantum")]
            Self::MlKem768 => 0x0201,
            #[cfg(feature = "post-quantum")]
            Self::MlKem1024 => 0x0202,
        }
    }

    /// Returns whether a quantum computer cannot find the secret of a recorded handshake. Such
    /// groups exist only in TLS 1.3.
    #[must_use]
    pub fn is_post_quantum(self) -> bool {
        !matches!(self.algorithm(), Algorithm::Ecdh(_))
    }

    /// Returns the group of the elliptic curve in a hybrid group.
    #[must_use]
    pub fn classical_part(self) -> Option<Self> {
        match self.algorithm() {
            #[cfg(feature = "post-quantum")]
            Algorithm::Hybrid(hybrid) => Some(hybrid.classical),
            _ => None,
        }
    }

    /// Returns the length in bytes of the public key of the side that sends its share first.
    #[must_use]
    pub fn public_key_len(self) -> usize {
        match self.algorithm() {
            Algorithm::Ecdh(curve) => curve.public_key_len(),
            #[cfg(feature = "post-quantum")]
            Algorithm::MlKem(set) => set.key_len(),
            #[cfg(feature = "post-quantum")]
            Algorithm::Hybrid(hybrid) => hybrid.curve.public_key_len().saturating_add(hybrid.ml_kem.key_len()),
        }
    }

    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            Self::X25519 => Algorithm::Ecdh(Curve::X25519),
            Self::Secp256r1 => Algorithm::Ecdh(Curve::P256),
            Self::Secp384r1 => Algorithm::Ecdh(Curve::P384),
            Self::Secp521r1 => Algorithm::Ecdh(Curve::P521),
            #[cfg(feature = "post-quantum")]
            Self::X25519MlKem768 => Algorithm::Hybrid(Hybrid {
                classical: Self::X25519,
                curve: Curve::X25519,
                ml_kem: ParameterSet::MlKem768,
                order: Order::MlKemFirst,
            }),
            #[cfg(feature = "post-quantum")]
            Self::Secp256r1MlKem768 => Algorithm::Hybrid(Hybrid {
                classical: Self::Secp256r1,
                curve: Curve::P256,
                ml_kem: ParameterSet::MlKem768,
                order: Order::EcdhFirst,
            }),
            #[cfg(feature = "post-quantum")]
            Self::Secp384r1MlKem1024 => Algorithm::Hybrid(Hybrid {
                classical: Self::Secp384r1,
                curve: Curve::P384,
                ml_kem: ParameterSet::MlKem1024,
                order: Order::EcdhFirst,
            }),
            #[cfg(feature = "post-quantum")]
            Self::MlKem768 => Algorithm::MlKem(ParameterSet::MlKem768),
            #[cfg(feature = "post-quantum")]
            Self::MlKem1024 => Algorithm::MlKem(ParameterSet::MlKem1024),
        }
    }
}

/// The key exchange of a group.
pub(super) enum Algorithm {
    Ecdh(Curve),
    #[cfg(feature = "post-quantum")]
    MlKem(ParameterSet),
    #[cfg(feature = "post-quantum")]
    Hybrid(Hybrid),
}

/// Two algorithms whose shares and secrets are concatenated (draft-ietf-tls-ecdhe-mlkem).
#[cfg(feature = "post-quantum")]
#[derive(Clone, Copy)]
pub(super) struct Hybrid {
    pub(super) classical: Group,
    pub(super) curve: Curve,
    pub(super) ml_kem: ParameterSet,
    order: Order,
}

/// The order of concatenation, of shares and of secrets.
#[cfg(feature = "post-quantum")]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    MlKemFirst,
    EcdhFirst,
}

#[cfg(feature = "post-quantum")]
impl Hybrid {
    /// Puts both parts of a share or secret in order.
    pub(super) fn in_order<T>(self, ecdh: T, ml_kem: T) -> [T; 2] {
        match self.order {
            Order::MlKemFirst => [ml_kem, ecdh],
            Order::EcdhFirst => [ecdh, ml_kem],
        }
    }

    /// Splits a share into those of ECDH and ML-KEM. The latter has `ml_kem_len` bytes.
    pub(super) fn split(self, share: &[u8], ml_kem_len: usize) -> Result<(&[u8], &[u8]), Error> {
        let ecdh_len = share.len().checked_sub(ml_kem_len).ok_or(Error::KeyExchange)?;
        let halves = match self.order {
            Order::MlKemFirst => share.split_at_checked(ml_kem_len).map(|(ml_kem, ecdh)| (ecdh, ml_kem)),
            Order::EcdhFirst => share.split_at_checked(ecdh_len),
        };
        halves.ok_or(Error::KeyExchange)
    }
}
