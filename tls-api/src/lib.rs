//! TLS 1.3 and TLS 1.2 for applications: secure with no configuration, no I/O of its own, no global state.
//!
//! ```text
//!                       your application
//!                          │   ▲
//!            Write: plaintext   Read, BufRead: plaintext, read where it was decrypted
//!                          │   │
//! ┌────────────────────────▼───┴───────────────────────────┐
//! │ ClientSession, ServerSession                           │ ◀─ ClientConfig, ServerConfig: whom to trust,
//! │   [send buffer: records]   [receive buffer: records]   │    which identity to show, what time it is
//! │ ┌────────────────────────────────────────────────────┐ │
//! │ │ tls-handshake: the engine ─ tls-crypto, tls-codec  │ │
//! │ └────────────────────────────────────────────────────┘ │
//! └────────────────────────┬───▲───────────────────────────┘
//!                  write_tls   read_tls, process_new_packets      (Stream does both over a blocking transport)
//!                          ▼   │
//!                 your socket, event loop or test
//! ```
//!
//! # A client
//!
//! Over any blocking transport, here a socket:
//!
//! ```no_run
//! use std::io::{Read, Write};
//! use std::sync::Arc;
//! use strata_tls::{ClientConfig, ClientSession, StreamOwned};
//!
//! let roots = strata_tls::root_store_from_pem(&std::fs::read("/etc/ssl/certs/ca-certificates.crt")?)?;
//! let config = Arc::new(ClientConfig::with_roots(roots));
//!
//! let session = ClientSession::new(&config, "www.example.com".try_into()?)?;
//! let mut stream = StreamOwned::new(session, std::net::TcpStream::connect("www.example.com:443")?);
//! stream.write_all(b"GET / HTTP/1.0\r\nHost: www.example.com\r\n\r\n")?;
//! let mut page = Vec::new();
//! match stream.read_to_end(&mut page) {
//!     // HTTP tells the length itself, so that a missing close_notify can be accepted.
//!     Err(e) if strata_tls::is_truncation(&e) => {}
//!     other => drop(other?),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A server
//!
//! ```no_run
//! use std::io::Write;
//! use std::sync::Arc;
//! use strata_tls::{ServerConfig, ServerSession, StreamOwned};
//!
//! let config = Arc::new(ServerConfig::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?);
//! for socket in std::net::TcpListener::bind("127.0.0.1:4433")?.incoming() {
//!     let mut stream = StreamOwned::new(ServerSession::new(&config), socket?);
//!     // The first read or write does the handshake; what goes wrong there says so to a person.
//!     if let Err(e) = stream.write_all(b"hello\n").and_then(|()| stream.close()) {
//!         eprintln!("{e}");
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A client and a server, in memory
//!
//! The sessions do no I/O: bytes are carried by whoever has them, here by two vectors.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::sync::Arc;
//! use strata_tls::{ClientConfig, ClientSession, ServerConfig, ServerSession, Session};
//!
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! # let (cert, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
//! let server_config = Arc::new(ServerConfig::from_pem(&cert, &key)?);
//! let client_config = Arc::new(ClientConfig::with_roots(strata_tls::root_store_from_pem(&cert)?));
//!
//! let mut server = ServerSession::new(&server_config);
//! let mut client = ClientSession::new(&client_config, "localhost".try_into()?)?;
//! client.write_all(b"hello")?; // kept, and sent after the handshake
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
//! let mut heard = [0; 5];
//! server.read_exact(&mut heard)?;
//! assert_eq!(&heard, b"hello");
//! assert_eq!(server.sni_hostname(), Some("localhost"));
//! println!("{:?}", client.negotiated_cipher_suite());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Whom to trust
//!
//! [`ClientConfig::new`] always works and trusts nobody: every connection fails with an error that says so until it is given
//! a [`RootCertStore`]: [`system_roots`], [`webpki_roots()`] or [`root_store_from_pem`]. A [`ServerVerifier`] makes it stricter, part by
//! part: revocation lists, stapled OCSP responses, certificate transparency, pins, checks of your own. Errors are made to be shown
//! to people: [`Error`] and [`Refusal`] say what came, what was expected, and what to do; `{:#}` shows the whole chain that was tried.
//!
//! # Who the client is
//!
//! A server asks its clients for certificates if it is given a [`ClientCertVerifier`], and a client shows one if it is given
//! an [`Identity`]. Both versions do it, and neither side believes a certificate before its holder has signed the handshake.
//!
//! ```
//! use std::sync::Arc;
//! use strata_tls::{AllowAnyAuthenticatedClient, ClientConfig, ClientSession, ServerConfig, ServerSession, Session};
//!
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! # let (cert, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
//! # let mut params = rcgen::CertificateParams::default();
//! # params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
//! # let ca_key = rcgen::KeyPair::generate()?;
//! # let clients_ca = params.self_signed(&ca_key)?.pem().into_bytes();
//! # let issuer = rcgen::Issuer::new(params, ca_key);
//! # let client_key = rcgen::KeyPair::generate()?;
//! # let client_cert = rcgen::CertificateParams::default().signed_by(&client_key, &issuer)?.pem().into_bytes();
//! # let client_key = client_key.serialize_pem().into_bytes();
//! let mut server_config = ServerConfig::from_pem(&cert, &key)?;
//! let authorities = strata_tls::root_store_from_pem(&clients_ca)?;
//! server_config.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(authorities)))?;
//!
//! let mut client_config = ClientConfig::with_roots(strata_tls::root_store_from_pem(&cert)?);
//! client_config.set_client_identity(strata_tls::Identity::from_pem(&client_cert, &client_key)?);
//!
//! let mut server = ServerSession::new(&Arc::new(server_config));
//! let mut client = ClientSession::new(&Arc::new(client_config), "localhost".try_into()?)?;
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
//! let shown = server.peer_certificates().ok_or("the client is anonymous")?;
//! assert_eq!(shown, strata_tls::certs_from_pem(&client_cert)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Which client that is, and what it may do, is for the application to find in the certificate.
//!
//! # Resumption
//!
//! Later connections of a client to the same server go on from a session of an earlier one: without certificates, and in TLS
//! 1.2 without a key exchange. It takes no configuration. A server seals sessions into tickets for its clients to keep
//! ([`Ticketer`]), or keeps them itself ([`StoresServerSessions`]); machines of a fleet share the keys of the one, or the other as a
//! whole. A client keeps them in memory ([`ClientSessionMemoryCache`], which a program can write to a file when it ends).
//!
//! What was verified when a session began is not verified again, so that a session is bound to all that it was verified under: the
//! trust anchors, the verifier and its authorities, the server's name, the application protocols, the client's own identity,
//! and what the application adds ([`set_session_context`](ServerConfig::set_session_context)). Configurations that differ in any of it do not
//! resume each other's sessions, even if they share a store; clones do. A session ends with its lifetime, 7 days after the handshake that began it, and with the peer's certificate.
//!
//! # Early data
//!
//! With a session a client can send data before the server has answered ([`ClientSession::early_data`]), if both sides
//! [allow it](ServerConfig::set_max_early_data_size). Servers here take it only once: they need a session storage, which gives each session
//! out a single time, and a clock, and refuse it otherwise. It is read apart from all other data.
//!
//! # External pre-shared keys
//!
//! Two machines that have a key from elsewhere ([`ExternalPsk`]) need no certificates (TLS 1.3). [`ExternalPsk::import`] binds the key to who is the
//! client and who is the server, so that a machine that is both cannot be made to talk to itself.
//!
//! # Versions
//!
//! The newest version that both sides have is used, and an attacker cannot make it an older one. TLS 1.2 is there with
//! ephemeral key exchange, authenticated encryption and the extended master secret alone; whatever needs less than that, or
//! an older version, is refused with an error that names what the peer offers. To speak TLS 1.3 only:
//!
//! ```
//! let mut config = strata_tls::ClientConfig::new();
//! config.set_versions(&[strata_tls::ProtocolVersion::TLS13])?;
//! # Ok::<(), strata_tls::ConfigError>(())
//! ```
//!
//! # Memory
//!
//! An idle session holds no buffer. While it holds bytes, its thread lends it buffers, and keeps them for the next record: at most
//! 256 KiB for receiving and 256 KiB for sending, 512 KiB for each thread, however many sessions it has. A thread
//! keeps 17 KiB of each, 34 KiB in all, once the last of its sessions is dropped, and nothing after [`release_buffers`] or when it
//! ends. A session counts for the thread that created it until that thread drops it. A thread whose sessions are
//! dropped by other threads keeps its buffers until it calls [`release_buffers`].
//!
//! # Features
//! * `logging` (default): protocol messages at trace, protocol errors at debug, through the `log` crate; never a
//!   secret.
//! * `system-roots` (default): [`system_roots`].
//! * `webpki-roots` (default): [`webpki_roots()`].
//! * `dangerous_configuration`: lets a client replace the verification of certificates.

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

mod config;
mod identity;
mod log;
pub mod manual;
mod resumption;
mod session;
mod sync;
mod verify;

pub use pki_types;
pub use pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
pub use tls_codec as codec;
pub use tls_codec::ExtensionType;
pub use tls_codec::code_points::{AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
pub use tls_crypto::BulkAlgorithm;
pub use tls_handshake as handshake;
pub use tls_handshake::verify::{
    ChainVerifier, CheckPath, Crls, CtLog, CtPolicy, OcspPolicy, Pins, ProvenPath, Purpose, ServerVerifier, Stapled,
};
#[cfg(feature = "dangerous_configuration")]
pub use tls_handshake::verify::{VerifyName, VerifyPath};
pub use tls_handshake::{
    ALL_CIPHERSUITES, AnchorFault, AnchorRejection, AnchorReport, Answer, BadPin, CertificateError, CertificateReport,
    ChainPosition, ChainReport, ClientAuth, ClientSessionValue, ConfigError, Contradiction, Error, ExternalPsk,
    HandshakeKind, Hint, Identity, IdentityError, KeyLog, Limits, NeedSignature, NoKeyLog, OcspError, Pin,
    RecordLimits, RecordPadding, Refusal, RevocationSource, RootCertStore, SctError, ServerSessionValue, SessionError,
    SignError, Signer, SigningKey, SuitePreference, SupportedCipherSuite, certs_from_pem,
};

pub use crate::config::client::ClientConfig;
#[cfg(feature = "dangerous_configuration")]
pub use crate::config::client::DangerousClientConfig;
pub use crate::config::key_log::KeyLogFile;
pub use crate::config::record_sizing::DynamicRecordSizing;
pub use crate::config::server::ServerConfig;
pub use crate::config::time::{SystemClock, TimeProvider};
pub use crate::identity::client_hello::ClientHelloInfo;
pub use crate::identity::psk::{ResolvesClientPsk, ResolvesServerPsk};
pub use crate::identity::reloadable::{IdentityFiles, ReloadError, ReloadableIdentity};
pub use crate::identity::resolver::{NoIdentity, ResolvesClientCert, ResolvesServerCert, ResolvesServerCertUsingSni};
pub use crate::resumption::{
    ClientSessionMemoryCache, NoClientSessionStorage, NoServerSessionStorage, ProducesTickets,
    ServerSessionMemoryCache, StoresClientSessions, StoresServerSessions, Ticketer, TicketerError,
};
pub use crate::session::buffer_pool::release_buffers;
pub use crate::session::client::ClientSession;
pub use crate::session::early_data::{ReadEarlyData, WriteEarlyData};
pub use crate::session::server::ServerSession;
pub use crate::session::stream::{Stream, StreamOwned};
pub use crate::session::{IoState, Session};
pub use crate::verify::client::{
    AllowAnyAnonymousOrAuthenticatedClient, AllowAnyAuthenticatedClient, ClientCertVerifier, NoClientAuth,
};
#[cfg(feature = "webpki-roots")]
pub use crate::verify::roots::webpki_roots;
pub use crate::verify::roots::{RootsError, root_store_from_pem};
#[cfg(feature = "system-roots")]
pub use crate::verify::roots::{SystemRoots, system_roots};
pub use crate::verify::server::ServerCertVerifier;

/// Whether a read failed because the transport ended without close_notify: [`Error::Truncated`]. A protocol that knows by
/// itself where its messages end may accept that.
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

// The examples of the README are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
