//! Why no configuration is needed: what is on, what is off, what does not exist.
//!
//! A client needs trust anchors and a server name. A server needs a certificate chain and its key.
//! Everything else has a secure default, so these two functions are complete:
//!
//! ```
//! use strata_tls::{ClientConfig, IdentityError, RootCertStore, ServerConfig};
//!
//! fn client(roots: RootCertStore) -> ClientConfig {
//!     ClientConfig::with_roots(roots)
//! }
//!
//! fn server(chain: &[u8], key: &[u8]) -> Result<ServerConfig, IdentityError> {
//!     ServerConfig::from_pem(chain, key)
//! }
//! ```
//!
//! # What is on by default
//!
//! * TLS 1.3 (RFC 9846) and TLS 1.2 (RFC 5246). The newest common version is always used. A server
//!   marks a downgrade in its random, and a client checks the mark (RFC 9846 §4.2.3).
//! * AES-128-GCM, AES-256-GCM and ChaCha20-Poly1305; ECDHE with X25519, P-256 and P-384; RSA, ECDSA
//!   and Ed25519 signatures. There is no suite without forward secrecy to switch off.
//! * Hybrid key exchange in TLS 1.3, with X25519MLKEM768. An attacker who records a connection must
//!   break both halves, X25519 and ML-KEM. A client sends a share of it and one of X25519, so that
//!   a server without it costs no round trip.
//! * The extended master secret (RFC 7627) wherever the peer supports it.
//! * Certificate verification: path, server name, validity, key usage, extended key usage, name
//!   constraints. Stapled OCSP responses are checked if they come.
//! * Resumption. A server issues tickets and rotates their keys. A client stores sessions for 256
//!   servers in memory.
//! * Limits on everything that a peer can make large: see [`limits`](super::limits).
//!
//! # What is off by default
//!
//! | setting | why it is off |
//! |---|---|
//! | early data ([`enable_early_data`](crate::ClientConfig::enable_early_data)) | it can be delayed and, without care, replayed |
//! | client certificates | most servers do not authenticate clients |
//! | CRLs, CT, pins, required OCSP | they need data from the operator |
//! | strict ALPN ([`set_require_alpn`](crate::ServerConfig::set_require_alpn)) | many peers offer none |
//! | record padding | it costs bandwidth |
//! | SecP256r1MLKEM768, SecP384r1MLKEM1024, MLKEM768, MLKEM1024 ([`set_groups`](crate::ServerConfig::set_groups)) | few peers use them |
//! | a retry for the server's first group ([`set_retry_for_preferred_group`](crate::ServerConfig::set_retry_for_preferred_group)) | it costs the few clients that sent no share a round trip |
//! | the key log | it gives away the connection |
//!
//! # What does not exist
//!
//! SSL, TLS 1.0 and 1.1, RC4, 3DES, CBC suites, static RSA, finite-field Diffie-Hellman,
//! renegotiation, compression, SHA-1 and MD5 signatures, and a client that retries with an older
//! version. A peer that supports nothing else is rejected, and the error lists what it offered.
//!
//! # Settings that exclude each other
//!
//! Settings can be made in any order. A configuration is checked as a whole before its first
//! handshake: [`ClientConfig::validate`](crate::ClientConfig::validate) and
//! [`ServerConfig::validate`](crate::ServerConfig::validate) return the same error earlier, and it
//! names both settings. Call it where the program starts.
//!
//! ```
//! use strata_tls::{ClientConfig, ProtocolVersion, RootCertStore};
//!
//! let mut config = ClientConfig::with_roots(RootCertStore::new());
//! config.set_versions(&[ProtocolVersion::TLS13])?;
//! config.set_alpn_protocols(["h2", "http/1.1"])?;
//! config.validate()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # No global state
//!
//! There is no process-wide provider and no installation step. Of the features only `post-quantum`
//! changes what another crate gets: a first entry in the default groups. Two configurations in one
//! process do not influence each other. The only thing that connections of one thread share is a
//! small pool of buffers: see [`performance`](super::performance).
