//! The cryptography of TLS, over ring.
//!
//! This layer knows bytes and labels. It has no messages, no state machine and no I/O, and nothing it shows names ring.
//!
//! ```text
//! EphemeralKey ──agree──▶ SharedSecret ─┐
//!                                       ▼
//! EarlySecret ──────────────────▶ into_handshake ──▶ HandshakeTraffic ──▶ Sealer, Opener, verify_data
//! (no PSK, or one)                      │             client, server
//!                                       ▼
//!                                HandshakeSecret
//!                                       ▼
//!                                  MainSecret ─────▶ ApplicationTraffic ─▶ Sealer, Opener, ExporterSecret
//!                                       └──────────▶ ResumptionSecret ───▶ Psk of each ticket
//!
//! Transcript ──hash──▶ Digest: what each step depends on, and what PrivateKey signs and verify checks
//! ```
//!
//! A stage of the [key schedule](tls13) is used up by the next one. Secrets are overwritten on drop and not shown by
//! `Debug`; the AEAD keys that ring keeps inside are the exception, as it gives no access to them. Nothing here
//! allocates but [`PrivateKey`].
//!
//! # From key exchange to protected records
//!
//! ```
//! use tls_crypto::tls13::EarlySecret;
//! use tls_crypto::{EphemeralKey, Group, TLS13_AES_128_GCM_SHA256, Transcript};
//!
//! let suite = TLS13_AES_128_GCM_SHA256;
//! let (client, server) = (EphemeralKey::generate(Group::X25519)?, EphemeralKey::generate(Group::X25519)?);
//! let shared = server.agree(client.public_key())?;
//!
//! let mut transcript = Transcript::new(suite.hash);
//! transcript.add(b"ClientHello");
//! transcript.add(b"ServerHello");
//! let (handshake, secret) = EarlySecret::new(suite.hash).into_handshake(shared, &transcript.hash());
//!
//! // A record: the header is authenticated, the tag goes behind the ciphertext.
//! let header = [23, 3, 3, 0, 5 + 1 + 16];
//! let mut record = b"hello\x17".to_vec();
//! let tag = handshake.server.sealer(suite.aead).seal(&header, &mut record)?;
//! record.extend(tag);
//!
//! let length = handshake.server.opener(suite.aead).open(&header, &mut record)?;
//! assert_eq!(&record[..length], b"hello\x17");
//!
//! // The server's Finished closes its flight; after it come the application's keys.
//! let verify_data = handshake.server.finished(&transcript.hash());
//! assert!(handshake.server.verify_finished(&transcript.hash(), verify_data.as_ref()));
//! transcript.add(verify_data.as_ref());
//! let application = secret.into_main().application(&transcript.hash());
//! let mut keying_material = [0; 32];
//! application.exporter.export(b"EXPORTER-example", b"", &mut keying_material)?;
//! # Ok::<(), tls_crypto::Error>(())
//! ```
//!
//! # Features
//!
//! * `fixed-ephemeral-keys`: `EphemeralKey::from_private_key`, for published test vectors. Off by default.

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
    ALL_TLS13, BulkAlgorithm, TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
    Tls13Suite,
};
pub use transcript::Transcript;
