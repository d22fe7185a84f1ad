//! The cryptography of TLS, over [ring](https://docs.rs/ring).
//!
//! This layer knows bytes and labels. It has no messages, no state machine and no I/O.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::unreachable,
        clippy::arithmetic_side_effects
    )
)]

mod aead;
mod der;
mod error;
mod hash;
pub mod hkdf;
mod key_exchange;
mod random;
mod sign;
mod suite;
pub mod tls13;
mod transcript;
pub mod verify;

pub use aead::{NONCE_LEN, Opener, Sealer, TAG_LEN};
pub use error::Error;
pub use hash::{Digest, HashAlgorithm};
pub use key_exchange::{EphemeralKey, Group, SharedSecret};
pub use random::{SecureRandom, SystemRandom};
pub use sign::{KeyRejected, PrivateKey, SignatureAlgorithm};
pub use suite::{
    ALL_TLS13, AeadAlgorithm, TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
    Tls13Suite,
};
pub use transcript::Transcript;
