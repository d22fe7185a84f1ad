//! External pre-shared keys: two machines that connect without certificates (TLS 1.3).
//!
//! Both sides have a random key of at least 16 bytes from elsewhere. A password is not such a key:
//! a recorded handshake allows guessing it offline (RFC 9257).
//!
//! ```
//! use strata_tls::handshake::tls_crypto::HashAlgorithm;
//! use strata_tls::{ClientConfig, ExternalPsk, ServerConfig};
//!
//! # fn set(client: &mut ClientConfig, server: &mut ServerConfig) -> Result<(), Box<dyn std::error::Error>> {
//! # let key = [7; 32];
//! // The context names both roles, so that a machine that is client and server cannot be made to
//! // talk to itself.
//! let context = ExternalPsk::role_context("sensor-17", "collector");
//! client.set_external_psks(ExternalPsk::import(b"fleet-key", &key, HashAlgorithm::Sha256, &context)?);
//! server.set_external_psks(ExternalPsk::import(b"fleet-key", &key, HashAlgorithm::Sha256, &context)?);
//! # Ok(())
//! # }
//! ```
//!
//! * [`ExternalPsk::import`](crate::ExternalPsk::import) (RFC 9258) returns one key for SHA-256
//!   suites and one for SHA-384 suites. Prefer it to
//!   [`plain`](crate::ExternalPsk::plain), which is for peers that do not support import.
//! * Every handshake adds an ephemeral key exchange (psk_dhe_ke). psk_ke, which lacks forward
//!   secrecy, is not supported.
//! * The identity of a key is sent unencrypted.
//! * A server with many keys looks them up by identity:
//!   [`ResolvesServerPsk`](crate::ResolvesServerPsk). It considers up to 32 identities of a client.
//! * A client that offers no known key gets a certificate, if the server has one. So a server that
//!   must authenticate every client checks
//!   [`external_psk_identity`](crate::ServerSession::external_psk_identity).
//! * Client certificates cannot be required beside external keys: see
//!   [`client_certificates`](super::client_certificates).
