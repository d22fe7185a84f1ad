//! Early data (0-RTT): what it saves, what it costs, and how both sides enable it.
//!
//! With a stored TLS 1.3 session a client can send data with its first message, one round trip
//! earlier. That data lacks two guarantees:
//!
//! * **It can be replayed.** An attacker can send a recorded copy to another server. A server of
//!   this library accepts it at most once: early data needs a session store, and a session is
//!   removed from the store before its data is accepted (RFC 9846 §8.1). Other servers may not be
//!   so strict.
//! * **It can be delayed.** The client has not proved that it is alive. Act on early data only if
//!   that is harmless at any time.
//!
//! It has no forward secrecy: anyone who steals the session can decrypt it later.
//!
//! # The server
//!
//! ```
//! use std::sync::Arc;
//! use strata_tls::{ServerConfig, ServerSessionMemoryCache};
//!
//! fn allow(config: &mut ServerConfig) {
//!     config.set_session_storage(Arc::new(ServerSessionMemoryCache::new(10_000)));
//!     config.set_max_early_data_size(16 * 1024); // bytes for each connection
//! }
//! ```
//!
//! It arrives apart from all other data, through
//! [`ServerSession::early_data`](crate::ServerSession::early_data). A program that never calls it
//! never acts on it; more than 64 KiB of it must be read before the handshake continues.
//! [`set_send_half_rtt_data`](crate::ServerConfig::set_send_half_rtt_data) lets the server answer
//! before the client's Finished.
//!
//! Early data is rejected, and the handshake goes on without it, if the session is not in the
//! store, if the ticket's age differs from the clock by more than ten seconds, if ALPN or the
//! cipher suite differs from the session's, after a HelloRetryRequest, and if the server does not
//! know the time.
//!
//! # The client
//!
//! ```no_run
//! use std::io::Write;
//! use std::sync::Arc;
//! use strata_tls::{ClientConfig, ClientSession, Session};
//!
//! fn get(config: &Arc<ClientConfig>, tcp: &mut std::net::TcpStream) -> Result<ClientSession, Box<dyn std::error::Error>> {
//!     // `config.enable_early_data(true)` was called when the configuration was made.
//!     let request = b"GET / HTTP/1.0\r\n\r\n";
//!     let mut session = ClientSession::new(config, "www.example.com")?;
//!     let mut sent = 0;
//!     if let Some(mut early) = session.early_data() {
//!         sent = early.write(request)?;
//!     }
//!     session.complete_io(tcp)?;
//!     if !session.is_early_data_accepted() {
//!         sent = 0; // the server read none of it
//!     }
//!     session.write_all(&request[sent..])?;
//!     Ok(session)
//! }
//! ```
//!
//! [`early_data`](crate::ClientSession::early_data) returns a writer only if the configuration
//! enables it and the stored session allows it. Send only requests that are safe to repeat, such as
//! GET without side effects (RFC 8470).
