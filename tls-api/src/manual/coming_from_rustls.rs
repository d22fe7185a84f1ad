//! Coming from rustls and tokio-rustls: the same tasks on both sides.
//!
//! Code under "rustls" is for rustls 0.23 with the provider ring. Both columns of the table name
//! what a program uses; the sections below show code, which compiles on both sides.
//!
//! | task | rustls, tokio-rustls | here |
//! |---|---|---|
//! | choose the cryptography | `CryptoProvider`, `install_default` | ring by default; [`set_backend`](crate::ClientConfig::set_backend) |
//! | configure a client | `builder()` … | [`with_roots`](crate::ClientConfig::with_roots), then setters |
//! | configure a server | `builder()` … | [`from_pem`](crate::ServerConfig::from_pem), then setters |
//! | trust anchors | `webpki-roots`, `rustls-native-certs` | [`webpki_roots`](crate::webpki_roots()), [`system_roots`](crate::system_roots) |
//! | read PEM files | `PemObject`, `rustls-pemfile` | [`certs_from_pem`](crate::certs_from_pem), [`Identity::from_pem`](crate::Identity::from_pem) |
//! | certificate and key | `CertifiedKey`, `SigningKey` | [`Identity`](crate::Identity) |
//! | a connection | `ClientConnection`, `ServerConnection` | [`ClientSession`](crate::ClientSession), [`ServerSession`](crate::ServerSession) |
//! | a connection of either role | `Connection` | [`AnySession`](crate::AnySession), `Box<dyn `[`Session`](crate::Session)`>` |
//! | blocking streams | `Stream`, `StreamOwned` | [`Stream`](crate::Stream), [`StreamOwned`](crate::StreamOwned) |
//! | async streams | `TlsConnector`, `TlsAcceptor`, `TlsStream` | the same names in the module `tokio`: [code](#async) |
//! | plaintext | `conn.reader()`, `conn.writer()` | the session implements `Read`, `BufRead` and `Write` |
//! | read the ClientHello first | `Acceptor`, `LazyConfigAcceptor` | [`Acceptor`](crate::Acceptor); under tokio `LazyAcceptor` |
//! | certificates by name (SNI) | a resolver of the same name | [`ResolvesServerCertUsingSni`](crate::ResolvesServerCertUsingSni), [`with_identities`](crate::ServerConfig::with_identities) |
//! | renew a certificate | a resolver of your own | [`ReloadableIdentity`](crate::ReloadableIdentity) |
//! | sign in a KMS or HSM | a `Signer` that blocks | [`with_remote_key`](crate::Identity::with_remote_key): answered later |
//! | client certificates | `WebPkiClientVerifier` | [`AllowAnyAuthenticatedClient`](crate::AllowAnyAuthenticatedClient) |
//! | CRLs | `with_crls` | [`set_crls`](crate::ChainVerifier::set_crls) |
//! | stapled OCSP, SCTs, pins | in a verifier of your own | [`set_ocsp_policy`](crate::ServerVerifier::set_ocsp_policy), [`set_ct_policy`](crate::ServerVerifier::set_ct_policy), [`set_pins`](crate::ChainVerifier::set_pins) |
//! | replace verification | `dangerous()` … | the feature `dangerous_configuration` |
//! | sessions of a client | `Resumption::store` | [`set_session_storage`](crate::ClientConfig::set_session_storage) |
//! | tickets of a server | `ticketer`, `ring::Ticketer` | on by default; [`set_ticketer`](crate::ServerConfig::set_ticketer) |
//! | sessions of a server | `session_storage` | [`set_session_storage`](crate::ServerConfig::set_session_storage) |
//! | early data | `max_early_data_size`, … | [`enable_early_data`](crate::ClientConfig::enable_early_data), [`set_max_early_data_size`](crate::ServerConfig::set_max_early_data_size) |
//! | ALPN | `alpn_protocols` | [`set_alpn_protocols`](crate::ClientConfig::set_alpn_protocols) |
//! | key log | `KeyLogFile` | [`KeyLogFile`](crate::KeyLogFile) |
//! | exporters | `export_keying_material` | [`export_keying_material`](crate::Session::export_keying_material) |
//! | errors | `rustls::Error`, `CertificateError` | [`Error`](crate::Error), [`CertificateError`](crate::CertificateError); [`Error::kind`](crate::Error::kind) for programs |
//!
//! # A client
//!
//! rustls:
//!
//! ```no_run
//! use std::{io::Write, net::TcpStream, sync::Arc};
//!
//! # fn connect() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = Arc::new(rustls::crypto::ring::default_provider());
//! let roots = rustls::RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
//! let config = rustls::ClientConfig::builder_with_provider(provider)
//!     .with_safe_default_protocol_versions()?
//!     .with_root_certificates(roots)
//!     .with_no_client_auth();
//! let connection = rustls::ClientConnection::new(Arc::new(config), "example.com".try_into()?)?;
//! let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect("example.com:443")?);
//! stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
//! # Ok(())
//! # }
//! ```
//!
//! Here:
//!
//! ```no_run
//! use std::{io::Write, net::TcpStream, sync::Arc};
//! use strata_tls::{ClientConfig, ClientSession, StreamOwned, webpki_roots};
//!
//! # fn connect() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Arc::new(ClientConfig::with_roots(webpki_roots()));
//! let session = ClientSession::new(&config, "example.com")?;
//! let mut stream = StreamOwned::new(session, TcpStream::connect("example.com:443")?);
//! stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
//! # Ok(())
//! # }
//! ```
//!
//! # A server
//!
//! rustls:
//!
//! ```
//! use std::sync::Arc;
//! use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
//!
//! fn server(certs: &[u8], key: &[u8]) -> Result<rustls::ServerConfig, Box<dyn std::error::Error>> {
//!     let provider = Arc::new(rustls::crypto::ring::default_provider());
//!     let chain = CertificateDer::pem_slice_iter(certs).collect::<Result<_, _>>()?;
//!     let mut config = rustls::ServerConfig::builder_with_provider(provider)
//!         .with_safe_default_protocol_versions()?
//!         .with_no_client_auth()
//!         .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key)?)?;
//!     config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
//!     config.ticketer = rustls::crypto::ring::Ticketer::new()?;
//!     Ok(config)
//! }
//! ```
//!
//! Here:
//!
//! ```
//! fn server(certs: &[u8], key: &[u8]) -> Result<strata_tls::ServerConfig, Box<dyn std::error::Error>> {
//!     let mut config = strata_tls::ServerConfig::from_pem(certs, key)?;
//!     config.set_alpn_protocols(["h2", "http/1.1"])?;
//!     Ok(config)
//! }
//! ```
//!
//! # async
//!
//! tokio-rustls:
//!
//! ```no_run
//! use std::sync::Arc;
//! use tokio::net::TcpStream;
//!
//! async fn connect(
//!     config: Arc<rustls::ClientConfig>,
//! ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Box<dyn std::error::Error>> {
//!     let socket = TcpStream::connect("example.com:443").await?;
//!     Ok(tokio_rustls::TlsConnector::from(config).connect("example.com".try_into()?, socket).await?)
//! }
//! ```
//!
//! Here, with the feature `tokio`:
//!
#![cfg_attr(feature = "tokio", doc = "```no_run")]
#![cfg_attr(not(feature = "tokio"), doc = "```ignore")]
//! use std::sync::Arc;
//! use strata_tls::tokio::{TlsConnector, TlsStream};
//! use tokio::net::TcpStream;
//!
//! async fn connect(
//!     config: Arc<strata_tls::ClientConfig>,
//! ) -> Result<TlsStream<TcpStream>, Box<dyn std::error::Error>> {
//!     let socket = TcpStream::connect("example.com:443").await?;
//!     Ok(TlsConnector::new(config).connect("example.com", socket).await?)
//! }
//! ```
//!
//! | tokio-rustls | here |
//! |---|---|
//! | `client::TlsStream`, `server::TlsStream` | one `TlsStream`; `session()` returns an [`AnySession`](crate::AnySession) |
//! | `TlsStream::get_ref().1` | `session()` |
//! | `LazyConfigAcceptor`, `StartHandshake` | `LazyAcceptor`, `StartHandshake` |
//! | `into_fallible` | every failed handshake returns its transport: `HandshakeError::into_io` |
//! | `tokio::time::timeout` around `accept` | `set_handshake_timeout`, `set_max_handshakes` |
//! | a resolver or signer that blocks its thread | `AnswersNeeds`, an `async fn` |
//!
//! # An event loop
//!
//! `read_tls`, `process_new_packets`, `write_tls`, `wants_read`, `wants_write` and `complete_io`
//! have the names and meanings of rustls. Two things differ. Plaintext is read from the session
//! itself. And a handshake is over when both `is_handshaking` and
//! [`must_write`](crate::Session::must_write) return `false`; `wants_write` may still be `true` for
//! a server's tickets, which wait for its first data ([`io`](super::io#what-must-go-out-now)).
//!
//! # What is missing
//!
//! * A provider of cryptography of your own: the [backends](super::backends) are ring and AWS-LC.
//! * Raw public keys (RFC 7250) and encrypted ClientHello.
//! * `unbuffered`: use the [engine](crate::handshake), which has no buffers either.
//!
//! # What differs without a change of code
//!
//! * Servers issue tickets, and clients resume, with no configuration.
//! * RSA keys below 2048 bits are rejected in chains, as are SHA-1 signatures.
//! * TLS 1.2 needs extended master secret.
//! * A connection that ends without close_notify is an error ([`Truncated`](crate::Error::Truncated)),
//!   as in rustls; [`is_truncation`](crate::is_truncation) recognizes it.
