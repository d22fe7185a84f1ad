//! TLS 1.3 and TLS 1.2 for applications: secure without configuration, no I/O of its own, no global
//! state.
//!
//! ```text
//!               your application
//!                  │        ▲
//!           Write: │        │ Read, BufRead:
//!        plaintext ▼        │ plaintext
//! ┌─ ClientSession, ServerSession ──────────┐
//! │   send buffer        receive buffer     │   ClientConfig,
//! │ ┌─────────────────────────────────────┐ │ ◀ ServerConfig
//! │ │ the engine: strata-tls-handshake    │ │
//! │ │ strata-tls-crypto, strata-tls-codec │ │
//! │ └─────────────────────────────────────┘ │
//! └────────────────┬────────▲───────────────┘
//!                  │        │ read_tls,
//!        write_tls ▼        │ process_new_packets
//!    your socket, event loop or test
//! ```
//!
//! A [`ClientSession`] or [`ServerSession`] is one connection. It never touches a socket. A
//! [`Stream`] moves its bytes over a blocking transport, and the trait [`Session`] explains how an
//! event loop does it. Connections share a [`ClientConfig`] or [`ServerConfig`].
//!
//! # A client
//!
#![cfg_attr(feature = "system-roots", doc = "```no_run")]
#![cfg_attr(not(feature = "system-roots"), doc = "```ignore")]
//! use std::{io::{Read, Write}, net::TcpStream, sync::Arc};
//! use strata_tls::{ClientConfig, ClientSession, StreamOwned};
//!
//! // Or `webpki_roots()`, or `root_store_from_file("ca.pem")?` for your own CA.
//! let config = Arc::new(ClientConfig::with_roots(strata_tls::system_roots()?.roots));
//!
//! let session = ClientSession::new(&config, "www.example.com")?;
//! let mut stream = StreamOwned::new(session, TcpStream::connect("www.example.com:443")?);
//! stream.write_all(b"GET / HTTP/1.0\r\nHost: www.example.com\r\n\r\n")?;
//! let mut page = Vec::new();
//! stream.read_to_end(&mut page)?; // fails if truncated: see strata_tls::is_truncation
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Under tokio (feature `tokio`), a `TlsConnector` does the same: chapter `manual::asynchronous`.
//!
//! # A server
//!
//! A key that does not belong to the certificate is an error here, not in the first handshake.
//!
//! ```no_run
//! use std::{io::{self, BufRead, Write}, net::{TcpListener, TcpStream}, sync::Arc};
//! use strata_tls::{ServerConfig, ServerSession, StreamOwned};
//!
//! fn echo_line(config: &Arc<ServerConfig>, socket: TcpStream) -> io::Result<()> {
//!     let mut stream = StreamOwned::new(ServerSession::new(config), socket);
//!     let mut line = String::new();
//!     stream.read_line(&mut line)?; // the first read or write performs the handshake
//!     stream.write_all(line.as_bytes())?;
//!     stream.close() // sends close_notify
//! }
//!
//! let config = Arc::new(ServerConfig::from_files("chain.pem", "key.pem")?);
//! for socket in TcpListener::bind("[::]:8443")?.incoming() {
//!     if let Err(e) = echo_line(&config, socket?) {
//!         eprintln!("{e}"); // what went wrong with this client
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Both, in memory
//!
//! The application moves the bytes between the two, here through vectors.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::sync::Arc;
//! use strata_tls::{ClientConfig, ClientSession, ServerConfig, ServerSession, Session};
//!
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! # let cert = made.cert.pem().into_bytes();
//! # let key = made.signing_key.serialize_pem().into_bytes();
//! let server_config = Arc::new(ServerConfig::from_pem(&cert, &key)?);
//! let client_config = Arc::new(ClientConfig::with_roots(strata_tls::root_store_from_pem(&cert)?));
//!
//! let mut server = ServerSession::new(&server_config);
//! let mut client = ClientSession::new(&client_config, "localhost")?;
//! client.write_all(b"hello")?; // buffered, and sent after the handshake
//!
//! while client.wants_write() || server.wants_write() {
//!     let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
//!     client.write_tls(&mut to_server)?;
//!     server.read_tls(&mut &to_server[..])?;
//!     server.process_new_packets()?;
//!     server.write_tls(&mut to_client)?;
//!     if !to_client.is_empty() {
//!         client.read_tls(&mut &to_client[..])?;
//!         client.process_new_packets()?;
//!     }
//! }
//!
//! let mut received = [0; 5];
//! server.read_exact(&mut received)?;
//! assert_eq!(&received, b"hello");
//! assert_eq!(server.sni_hostname(), Some("localhost"));
//! println!("{:?}", client.negotiated_cipher_suite());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Map
//!
//! * Choose which servers to trust ([`trust`](manual::trust)): [`RootCertStore`],
//!   [`ServerVerifier`], [`ChainVerifier`].
//! * Present a certificate ([`identities`](manual::identities)): [`Identity`],
//!   [`ReloadableIdentity`], [`ResolvesServerCert`].
//! * Authenticate clients ([`client_certificates`](manual::client_certificates)):
//!   [`ClientCertVerifier`], [`AllowAnyAuthenticatedClient`].
//! * Resume sessions, also in a fleet ([`resumption`](manual::resumption)): [`Ticketer`],
//!   [`StoresServerSessions`], [`StoresClientSessions`].
//! * Send data in the first flight ([`early_data`](manual::early_data)): [`WriteEarlyData`],
//!   [`ReadEarlyData`].
//! * Connect without certificates ([`external_psks`](manual::external_psks)): [`ExternalPsk`].
//! * Drive a connection ([`io`](manual::io)): [`Session`], [`Stream`], [`StreamOwned`],
//!   [`Acceptor`], [`AnySession`], [`ConnectionInfo`]; the halves [`Receiver`] and [`Sender`].
//! * Use it under tokio (`asynchronous`), with hyper and axum (`http`), within QUIC or with quinn
//!   (`quic`): the modules and chapters of the features below.
//! * Choose the library that computes ([`backends`](manual::backends)): [`Backend`].
//! * Handle an error ([`errors`](manual::errors)): [`Error`], [`Refusal`], [`is_truncation`].
//! * Limit what a peer can do ([`limits`](manual::limits)): [`Limits`], [`RecordLimits`].
//! * Save memory ([`performance`](manual::performance)): [`release_buffers`].
//!
//! The names in parentheses are chapters of the [`manual`]. The manual also explains what is on by
//! default, what changes when you come from rustls, and how the library is built. To do without this
//! crate's buffers, use the engine directly: [`handshake`].
//!
//! # Features
//! * `logging` (default): logs protocol messages at trace and protocol errors at debug, with the
//!   `log` crate. It never logs a secret.
//! * `post-quantum` (default): hybrid key exchange with ML-KEM. X25519MLKEM768 is then the preferred
//!   group of both roles.
//! * `aws-lc-rs`: AWS-LC as a second [`Backend`] beside ring.
//! * `system-roots` (default): [`system_roots`].
//! * `webpki-roots` (default): [`webpki_roots()`].
//! * `tokio`: asynchronous connections, in the module `tokio`.
//! * `hyper`: a connector for the HTTP client of hyper-util, in the module `hyper`.
//! * `axum`: a listener for the HTTP server of axum, in the module `axum`.
//! * `redis`: sessions or ticket keys that servers share in a Redis, in the module `redis`.
//!   `redis-tokio`: the same without blocking a thread of tokio. Includes `redis` and `tokio`.
//! * `encrypted-keys`: loads private keys that are encrypted with a password,
//!   [`Identity::from_encrypted`] and [`IdentityFiles::with_password`].
//! * `pkcs12`: loads identities from PKCS#12 files, [`Identity::from_pkcs12`]. Includes
//!   `encrypted-keys`.
//! * `quic`: TLS for implementations of QUIC, in the module `quic`.
//! * `quinn`: the cryptography of the QUIC implementation quinn, in the module `quinn`.
//! * `dangerous_configuration`: lets a client replace certificate verification.

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
        clippy::unreachable
    )
)]

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod axum;
mod config;
#[cfg(feature = "hyper")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
pub mod hyper;
mod identity;
mod log;
pub mod manual;
#[cfg(feature = "quic")]
#[cfg_attr(docsrs, doc(cfg(feature = "quic")))]
pub mod quic;
#[cfg(feature = "quinn")]
#[cfg_attr(docsrs, doc(cfg(feature = "quinn")))]
pub mod quinn;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub mod redis;
mod resumption;
mod session;
mod sync;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod tokio;
mod verify;

pub use pki_types;
pub use pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
pub use tls_codec as codec;
pub use tls_codec::ExtensionType;
pub use tls_codec::code_points::{AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
pub use tls_crypto::{Backend, BulkAlgorithm};
pub use tls_handshake as handshake;
pub use tls_handshake::verify::{
    ChainVerifier, CheckPath, Crls, CtLog, CtPolicy, OcspPolicy, Pins, ProvenPath, Purpose, ServerVerifier, Stapled,
};
#[cfg(feature = "dangerous_configuration")]
pub use tls_handshake::verify::{VerifyName, VerifyPath};
pub use tls_handshake::{
    ALL_CIPHERSUITES, AnchorFault, AnchorRejection, AnchorReport, Answer, AsKeyDer, BadPin, BadServerName,
    CertificateError, CertificateReport, ChainPosition, ChainReport, ClientAuth, ClientSessionValue, ConfigError,
    ConstraintFault, Contradiction, CrlMismatch, Error, ErrorKind, ExternalPsk, HandshakeKind, Hint, Identity,
    IdentityError, InapplicableCrl, KeyLog, Limits, NameConstraint, NameFault, Need, NeedClientIdentity,
    NeedClientVerdict, NeedIdentity, NeedNewSession, NeedSession, NeedSignature, NeedTakeSession, NeedVerdict, Needs,
    NoKeyLog, OcspError, Pin, PskCandidate, RecordLimits, RecordPadding, Refusal, RevocationSource, RootCertStore,
    SctError, ServerSessionValue, SessionError, SessionLookup, SignError, Signer, SigningKey, SplitError,
    SplitObstacle, StateName, SuitePreference, SupportedCipherSuite, TransportEnd, UnsupportedPart,
    UnsupportedSignature, Work, certs_from_bytes, certs_from_pem, server_name,
};

pub use crate::config::client::ClientConfig;
#[cfg(feature = "dangerous_configuration")]
pub use crate::config::client::DangerousClientConfig;
pub use crate::config::clock::{SystemClock, TimeProvider};
pub use crate::config::dynamic_record_sizing::DynamicRecordSizing;
pub use crate::config::key_log::KeyLogFile;
pub use crate::config::server::ServerConfig;
pub use crate::identity::client_hello::ClientHelloInfo;
pub use crate::identity::external_psk::{ResolvesClientPsk, ResolvesServerPsk};
pub use crate::identity::reloadable::{IdentityFiles, ReloadError, ReloadableIdentity};
pub use crate::identity::resolver::{NoIdentity, ResolvesClientCert, ResolvesServerCert, ResolvesServerCertUsingSni};
pub use crate::resumption::{
    ClientSessionMemoryCache, NoClientSessionStorage, NoServerSessionStorage, ProducesTickets,
    ServerSessionMemoryCache, SessionBackend, StoresClientSessions, StoresServerSessions, Ticketer, TicketerError,
};
pub use crate::session::acceptor::{AcceptError, Accepted, Acceptor};
pub use crate::session::any::AnySession;
pub use crate::session::buffer_pool::release_buffers;
pub use crate::session::client::ClientSession;
pub use crate::session::connection_info::ConnectionInfo;
pub use crate::session::early_data::{ReadEarlyData, WriteEarlyData};
pub use crate::session::halves::{IntoSplit, Receiver, Sender};
pub use crate::session::server::ServerSession;
pub use crate::session::server_name::IntoServerName;
pub use crate::session::stream::{Stream, StreamOwned};
pub use crate::session::stream_halves::{StreamReceiver, StreamSender};
pub use crate::session::{IoState, Session, Transport};
pub use crate::verify::client::{
    AllowAnyAnonymousOrAuthenticatedClient, AllowAnyAuthenticatedClient, ClientCertVerifier, NoClientAuth,
};
#[cfg(feature = "webpki-roots")]
pub use crate::verify::roots::webpki_roots;
pub use crate::verify::roots::{RootsError, root_store_from_bytes, root_store_from_file, root_store_from_pem};
#[cfg(feature = "system-roots")]
pub use crate::verify::roots::{SystemRoots, system_roots};
pub use crate::verify::server::ServerCertVerifier;

/// Returns whether a read failed because the transport ended without close_notify
/// ([`Error::Truncated`]). A protocol that marks the end of its messages, such as HTTP with a
/// Content-Length, may accept that.
///
/// ```
/// use std::io;
/// use strata_tls::{Error, is_truncation};
///
/// assert!(is_truncation(&io::Error::new(io::ErrorKind::UnexpectedEof, Error::Truncated)));
/// assert!(!is_truncation(&io::ErrorKind::UnexpectedEof.into()));
/// ```
#[must_use]
pub fn is_truncation(error: &std::io::Error) -> bool {
    matches!(error.get_ref().and_then(|inner| inner.downcast_ref()), Some(Error::Truncated))
}

// Tests the examples of the README.
#[cfg(all(doctest, feature = "system-roots", feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;
