//! TLS 1.3 within QUIC (RFC 9001): the same states without records.
//!
//! QUIC has packets of its own, and takes only messages and secrets from TLS. A [`Connection`]
//! receives CRYPTO data in order, for each encryption level, and returns in wire order what to send
//! and which keys to use:
//!
//! ```text
//! CRYPTO data at a level ─ receive ─▶ Need ─ resume ─▶ …
//!                             └─▶ next_output: Crypto(level, bytes) | Keys(Read | Write | Updates)
//! ```
//!
//! Everything else is as over TCP: certificates, client certificates, resumption, external
//! pre-shared keys, exporters, and requests to the application ([`Need`](crate::Need)).
//!
//! What QUIC does: packets, packet numbers, lost and reordered data, address validation, the limits
//! of keys, key updates (with [`KeyUpdates`]), and CONNECTION_CLOSE with
//! [`Error::quic_code`](crate::Error::quic_code). TLS over QUIC has no change_cipher_spec, no
//! EndOfEarlyData, no KeyUpdate and no alerts.
//!
//! # Limits
//!
//! A connection holds at most one incomplete handshake message, and what arrives while it waits for
//! an answer. Both are limited to [`Limits::handshake_message`](crate::Limits::handshake_message)
//! bytes (default: 131,400). It accepts CRYPTO data only at the level that the handshake reads.
//! When the keys of that level change, nothing of it may be left (RFC 9001 §4.1.3).
//!
//! # Example
//!
//! ```
//! use strata_tls_handshake::quic::{Config, Connection, KeyChange, Level, Output, Version};
//! use strata_tls_handshake::{ClientConfig, ClientStart};
//!
//! let mut config = ClientConfig::new();
//! config.set_alpn_protocols(&[b"h3"])?;
//! let config = Config::<ClientConfig>::new(&config)?; // once for all connections
//! let (name, parameters) = ("a.test".try_into()?, b"transport parameters".to_vec());
//! let start = ClientStart::default();
//! let mut client = Connection::client(&config, Version::V1, name, start, parameters)?;
//! while let Some(output) = client.next_output() {
//!     match output {
//!         Output::Crypto(level, bytes) => assert!(level == Level::Initial && bytes[0] == 1),
//!         Output::Keys(KeyChange::Write(Level::ZeroRtt, keys)) => drop(keys), // early data
//!         Output::Keys(_) => unreachable!("other keys follow ServerHello"),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accessors;
mod config;
mod connection;
mod output;
mod roles;
mod sink;

pub use crate::error::{Level, QuicFault};
pub use crate::transport::AcceptEarlyData;
pub use config::{Config, ServerStart};
pub use connection::Connection;
pub use output::{KeyChange, Output};
pub use tls_crypto::quic::{
    HeaderKey, InitialKeys, KeyUpdates, Keys, NewPacketNumber, PacketKey, SAMPLE_LEN, TAG_LEN, Version,
    confidentiality_limit, initial_keys, integrity_limit, retry_tag, verify_retry_tag,
};

/// A connection over QUIC in the client role.
pub type ClientConnection = Connection<crate::client::Client>;
/// A connection over QUIC in the server role.
pub type ServerConnection = Connection<crate::server::Server>;
