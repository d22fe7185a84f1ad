//! Limits: what a peer can make this side hold or compute.
//!
//! Memory follows what was received, never what was declared. Each limit has a value; a peer that
//! exceeds it is rejected with an alert.
//!
//! | limit | default | setter |
//! |---|---|---|
//! | one handshake message | 131,400 bytes, the largest possible ClientHello | [`Limits::handshake_message`](crate::Limits) |
//! | certificates in a chain | 16 | [`Limits::chain_length`](crate::Limits) |
//! | unread plaintext | 64 KiB, then `wants_read` is `false` | fixed |
//! | unsent data | 64 KiB of plaintext in records | [`set_buffer_limit`](crate::Session::set_buffer_limit) |
//! | early data of a connection | 0 | [`set_max_early_data_size`](crate::ServerConfig::set_max_early_data_size) |
//! | empty records in a row | 32 | fixed |
//! | warning alerts without data in between | 4 | fixed |
//! | change_cipher_spec records without data in between (RFC 9846 §5 sets no limit) | 4 | fixed |
//! | KeyUpdates without data | 32 | fixed |
//! | NewSessionTickets without data | 512 | fixed |
//! | renegotiation requests (TLS 1.2) without data in between | 32; the first 4 are answered by a warning | fixed |
//! | PSK identities considered | 32, of these 4 session lookups | fixed |
//! | stored sessions of a client | 256 servers, 8 TLS 1.3 sessions and one of TLS 1.2 each | [`ClientSessionMemoryCache::new`](crate::ClientSessionMemoryCache::new) |
//! | signatures checked for CRLs | 100 | fixed |
//! | SCTs checked | 16 | fixed |
//! | OCSP responder certificates | 4 | fixed |
//! | text of a peer in an error | 255 bytes a name, 16 entries a list | fixed |
//! | receive and send buffers of a thread | 256 KiB each | fixed |
//!
//! ```
//! use strata_tls::{Limits, ServerConfig};
//!
//! fn tighten(config: &mut ServerConfig) {
//!     let mut limits = Limits::default();
//!     limits.handshake_message = 16 * 1024;
//!     limits.chain_length = 4;
//!     config.set_limits(limits);
//! }
//! ```
//!
//! # What the application has to bound
//!
//! * **Time.** Close connections whose handshake takes longer than some seconds, and idle ones. A
//!   session has no timer. `set_handshake_timeout` and `set_max_handshakes` of the modules `tokio`
//!   and `axum` bound handshakes.
//! * **Connections.** A handshake takes some 8 KB at its height, and a full one about 0.1 ms of CPU
//!   time with an ECDSA certificate. Limit connections per address where that matters.
//! * **Bytes.** A peer may send data for ever; what the application keeps of it is its own
//!   decision.
