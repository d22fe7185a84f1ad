//! The cryptography of [quinn](https://docs.rs/quinn) 0.11. Needs the feature `quinn`.
//!
//! quinn without its default features has no cryptography. With this module it needs no rustls, and
//! no cryptographic library that this crate does not use anyway:
//!
//! ```toml
//! strata-tls = { version = "0.1", features = ["quinn"] }
//! quinn = { version = "0.11", default-features = false, features = ["runtime-tokio"] }
//! ```
//!
//! [`endpoint_config`], [`server_config`] and [`client_config`] return complete configurations,
//! from the same [`ClientConfig`](crate::ClientConfig) and [`ServerConfig`](crate::ServerConfig)
//! as over TCP:
//!
//! ```
//! use std::sync::Arc;
//! use quinn::{Endpoint, TokioRuntime};
//! use strata_tls::{ClientConfig, ConnectionInfo, ServerConfig, quinn as crypto};
//!
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! # let (cert, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let mut server = ServerConfig::from_pem(&cert, &key)?;
//! let mut client = ClientConfig::with_roots(strata_tls::root_store_from_pem(&cert)?);
//! server.set_alpn_protocols(["h3"])?; // QUIC requires a protocol
//! client.set_alpn_protocols(["h3"])?;
//! let (server, client) = (crypto::server_config(Arc::new(server))?, crypto::client_config(Arc::new(client))?);
//!
//! let socket = || std::net::UdpSocket::bind("127.0.0.1:0");
//! let server = Endpoint::new(crypto::endpoint_config()?, Some(server), socket()?, Arc::new(TokioRuntime))?;
//! let mut endpoint = Endpoint::new(crypto::endpoint_config()?, None, socket()?, Arc::new(TokioRuntime))?;
//! endpoint.set_default_client_config(client);
//!
//! let connecting = endpoint.connect(server.local_addr()?, "localhost")?;
//! let incoming = server.accept().await.ok_or("the endpoint is closed")?;
//! let (connection, accepted) = tokio::join!(connecting, incoming.accept()?);
//! let info = accepted?.handshake_data().and_then(|data| data.downcast::<ConnectionInfo>().ok());
//! assert_eq!(info.ok_or("no handshake data")?.server_name(), Some("localhost"));
//! # drop(connection?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The example `quic` transfers a file, with early data on the second connection. The repository
//! also has an HTTP/3 server for browsers, `tls-api/ecosystem/examples/h3.rs`.
//!
//! * [`handshake_data`](quinn_proto::crypto::Session::handshake_data) is a
//!   [`ConnectionInfo`](crate::ConnectionInfo), and
//!   [`peer_identity`](quinn_proto::crypto::Session::peer_identity) a
//!   `Vec<`[`CertificateDer`](crate::CertificateDer)`>`. quinn has both when the handshake is
//!   complete.
//! * A connection fails with [`Error::quic_code`](crate::Error::quic_code). Its reason is the text
//!   of the error. quinn sends it to the peer.
//! * Only QUIC version 1: quinn 0.11 does not implement the packets of version 2.
//!
//! # From quinn with rustls
//!
//! Without its default features quinn lacks what names a cryptographic library:
//!
//! * `Endpoint::client` and `Endpoint::server`: bind a socket, and call `Endpoint::new` with
//!   [`endpoint_config`].
//! * `ServerConfig::with_single_cert` and `with_crypto`: call [`server_config`].
//! * `ClientConfig::with_root_certificates` and `try_with_platform_verifier`: call
//!   [`client_config`].
//! * `EndpointConfig::default`: call [`endpoint_config`].
//! * `quinn::crypto::rustls::HandshakeData`: downcast to [`ConnectionInfo`](crate::ConnectionInfo).
//!
//! The configurations returned here are quinn's own types, so `transport_config` and the other
//! methods work as before. Application protocols are required on both sides.
//!
//! # 0-RTT
//!
//! A client sends early data if its configuration [enables
//! it](crate::ClientConfig::enable_early_data), and quinn's `Connecting::into_0rtt` is called. A
//! server accepts it with [a limit](crate::ServerConfig::set_max_early_data_size) other than 0
//! (QUIC's flow control limits the length) and [a session
//! storage](crate::ServerConfig::set_session_storage). It rejects early data of sessions that began
//! under other transport parameters (RFC 9000 §7.4.1), and reads it before the client's Finished if
//! its `Connecting::into_0rtt` is called. Early data may be
//! [delayed](crate::manual::early_data). Put the settings of the application protocol on which it
//! depends into [the session context](crate::ServerConfig::set_session_context).
//!
//! # Requests to the application
//!
//! quinn calls TLS when a packet arrives, and expects the response at once. Requests are therefore
//! answered from the configuration, which must not block for long. A configuration that
//! [defers](crate::ServerConfig::set_deferred_needs) some is an error, and so is one with a
//! [remote key](crate::Identity::with_remote_key). If a resolver returns an identity with such a
//! key later, the handshake fails.

mod config;
mod keys;
mod session;
#[cfg(test)]
mod tests;
mod tokens;

pub use config::{QuicClientConfig, QuicServerConfig, client_config, endpoint_config, server_config};
pub use tokens::{ResetKey, TokenKey};
