//! The cryptography of TLS, built on ring or AWS-LC.
//!
//! This crate handles bytes and labels. It has no messages, no state machine and no I/O, and its
//! API does not expose these libraries: a [`Backend`] is a value.
//!
//! ```text
//! TLS 1.3
//!
//! EphemeralKey ── agree ──▶ SharedSecret ─┐
//!                                         ▼
//! EarlySecret ─────────────────────▶ into_handshake ──▶ HandshakeTraffic ──▶ Sealer, Opener,
//! (with or without PSK)                   │             client, server       verify_data
//!                                         ▼
//!                                  HandshakeSecret
//!                                         ▼
//!                                    MainSecret ──▶ ApplicationTraffic ──▶ Sealer, Opener,
//!                                         │                                ExporterSecret
//!                                         └───────▶ ResumptionSecret ────▶ Psk of each ticket
//! TLS 1.2
//!
//! EphemeralKey ── agree ──▶ SharedSecret ──▶ MasterSecret ──▶ KeyBlock ──▶ Sealer, Opener
//!                                                 └─────────▶ verify_data, ExporterSecret
//! both
//!
//! Transcript ── hash ──▶ Digest: input of each step; signed by PrivateKey, checked by verify
//! ```
//!
//! Each stage of the [key schedule](tls13) consumes the previous one. Secrets are overwritten on
//! drop and not shown by `Debug`. ring does not zeroize its keys: AEAD and HMAC keys are
//! overwritten with public ones on drop; signing keys are not. Only [`PrivateKey`], [`TicketKey`],
//! each new [`Sealer`] or [`Opener`], and a [`Transcript`] that keeps messages allocate.
//!
//! [`Sealer`] and [`Opener`] protect records of both versions in place, a whole record at a time.
//! Only their constructors depend on the version. QUIC protects packets instead, with the keys of
//! [`quic`].
//!
//! # From key exchange to protected records
//!
//! ```
//! use strata_tls_crypto::tls13::EarlySecret;
//! use strata_tls_crypto::{
//!     Backend, EphemeralKey, Group, KeyExchangeResponse, TLS13_AES_128_GCM_SHA256, Transcript,
//! };
//!
//! let (backend, suite) = (Backend::default(), TLS13_AES_128_GCM_SHA256);
//! let client = EphemeralKey::generate(backend, Group::X25519)?;
//! let server = KeyExchangeResponse::to(backend, Group::X25519, &client.public_key())?;
//! let shared = server.into_secret();
//!
//! let mut transcript = Transcript::new(backend, suite.hash);
//! transcript.add(b"ClientHello");
//! transcript.add(b"ServerHello");
//! let early = EarlySecret::new(backend, suite.hash);
//! let (handshake, secret) = early.into_handshake(shared, &transcript.hash());
//!
//! // Layout: header, explicit nonce (if any), content, room for the tag.
//! let mut sealer = handshake.server.sealer(suite.aead);
//! let overhead = sealer.overhead();
//! let mut record = vec![0; 5 + overhead.before];
//! record.extend(b"hello");
//! record.resize(record.len() + overhead.after, 0);
//! sealer.seal(22, &mut record)?;
//!
//! let opened = handshake.server.opener(suite.aead).open(&mut record)?;
//! assert_eq!((opened.content_type, &record[opened.content]), (22, &b"hello"[..]));
//!
//! // The server's Finished ends its flight; application keys follow.
//! let verify_data = handshake.server.finished(&transcript.hash());
//! assert!(handshake.server.verify_finished(&transcript.hash(), verify_data.as_ref()));
//! transcript.add(verify_data.as_ref());
//! let application = secret.into_main().application(&transcript.hash());
//! let mut keying_material = [0; 32];
//! application.exporter.export(b"EXPORTER-example", b"", &mut keying_material)?;
//! # Ok::<(), strata_tls_crypto::Error>(())
//! ```
//!
//! # Features
//!
//! * `aws-lc-rs`: the backend [AWS-LC](Backend::aws_lc). Needs a C compiler. Default: off.
//! * `encrypted-keys`: `decrypt_key`, for private keys with a password. Default: off.
//! * `post-quantum`: groups with ML-KEM. Default: off.
//! * `fixed-ephemeral-keys`: only for tests. `EphemeralKey::from_private_key` and
//!   `quic::PacketKey::from_key`, for published vectors, and `observe_key_exchanges`, for searches
//!   of memory. Default: off.
//! * `pkcs12`: the module `pkcs12`, a reader of keys and certificates in PKCS#12. Includes
//!   `encrypted-keys`. Default: off.

#![cfg_attr(docsrs, feature(doc_cfg))]
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
mod backend;
pub mod der;
mod error;
mod hash;
pub mod hkdf;
mod hmac_input;
mod key_exchange;
pub mod pem;
#[cfg(feature = "pkcs12")]
pub mod pkcs12;
pub mod pkcs7;
pub mod quic;
mod random;
mod secret_bytes;
mod sign;
pub mod spki;
mod suite;
mod ticket;
pub mod tls12;
pub mod tls13;
mod transcript;
pub mod verify;

pub use aead::{NONCE_LEN, OpenedRecord, Opener, Overhead, Sealer, TAG_LEN};
pub use backend::Backend;
pub use error::Error;
pub use hash::{Digest, HashAlgorithm, sha1_for_cert_id};
pub use key_exchange::{EphemeralKey, Group, KeyExchangeResponse, SharedSecret};
#[cfg(feature = "fixed-ephemeral-keys")]
pub use key_exchange::{SecretObserver, observe_key_exchanges};
pub use random::{SecureRandom, SystemRandom};
#[cfg(feature = "encrypted-keys")]
pub use sign::decrypt_key;
pub use sign::{KeyRejected, PrivateKey, SignatureAlgorithm};
pub use suite::{
    ALL_TLS12, ALL_TLS13, BulkAlgorithm, TLS12_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS12_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS12_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    TLS12_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS12_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS12_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384,
    TLS13_CHACHA20_POLY1305_SHA256, Tls12Authentication, Tls12Suite, Tls13Suite,
};
pub use ticket::TicketKey;
pub use transcript::Transcript;

// Runs the README's examples as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
