//! TLS handshakes as typestates, and the engine that drives them. No I/O, clock, files or global
//! state.
//!
//! ```text
//! bytes ─▶ record (open) ─▶ framed (message, boundary) ─▶ client | server: state.on_…(message)
//!                                                                │
//!          sink: send, install keys, events ◀────────────────────┤
//!          need: session, identity, signature, verdict ◀─────────┘
//! ```
//!
//! * [`connection`]: the engine, which works on the caller's buffers. Most programs use the facade
//!   above it, `strata-tls`.
//! * [`client`], [`server`]: one struct per state of RFC 9846 Appendix A. A transition that the RFC
//!   does not allow does not compile.
//! * [`quic`]: the same states within QUIC, without records.
//! * [`auth`]: evidence of authentication, as values that only the checks can create.
//! * [`need`]: requests to the application, answered at once or later, on any thread or machine.
//!
//! A client and a server in memory:
//!
//! ```
//! use std::sync::Arc;
//! use strata_tls_handshake::config::{ClientConfig, ServerConfig};
//! use strata_tls_handshake::{ClientConnection, Need, Outgoing, Progress, ServerConnection};
//!
//! let mut to_server = Outgoing::new();
//! let name = "a.test".try_into()?;
//! let client = ClientConnection::new(Arc::new(ClientConfig::new()), name, &mut to_server)?;
//! assert!(client.is_handshaking());
//!
//! let mut server = ServerConnection::new(Arc::new(ServerConfig::new()));
//! let mut incoming = to_server.ready().to_vec();
//! let mut to_client = Outgoing::new();
//! let processed = server.process(&mut incoming, &mut to_client)?;
//! // The server requests an identity.
//! assert!(matches!(processed.progress, Progress::Need(Need::Identity(_))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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

// Unit tests and integration tests share helpers, which use the name of the crate.
#[cfg(test)]
extern crate self as strata_tls_handshake;

pub use tls_codec;
pub use tls_crypto;

#[macro_use]
mod logging;

pub mod auth;
mod certificate_error;
pub mod client;
pub mod config;
pub mod connection;
pub mod error;
mod flight;
mod flood;
pub mod framed;
pub mod identity;
mod key_update;
pub mod need;
mod negotiate;
mod negotiated;
pub mod quic;
mod record;
mod record_size_limit;
pub mod resumption;
pub mod schedule;
pub mod server;
pub mod sink;
mod sni;
mod state_slot;
mod states;
mod suite;
#[cfg(test)]
mod tests;
mod transport;
pub mod verify;

pub use certificate_error::{
    AnchorFault, AnchorRejection, AnchorReport, BadPin, CertificateError, CertificateReport, ChainPosition,
    ChainReport, ConstraintFault, CrlMismatch, Hint, InapplicableCrl, NameConstraint, OcspError, Pin, Refusal,
    RevocationSource, SctError, UnsupportedPart, UnsupportedSignature, Work,
};
pub use config::{
    ClientAuth, ClientConfig, ConfigError, KeyLog, Limits, NoKeyLog, RecordPadding, RecordRampUp, ServerConfig,
    SessionLookup, SuitePreference,
};
pub use connection::{
    ClientConnection, ClientStart, Connection, Processed, Progress, Receiver, Sender, ServerConnection, SplitError,
    SplitObstacle,
};
pub use error::{BadServerName, Contradiction, Error, ErrorKind, NameFault, StateName, TransportEnd, server_name};
pub use identity::{
    AsKeyDer, Identity, IdentityError, SignError, Signer, SigningKey, anchors_from_bytes, anchors_from_pem,
    certs_from_bytes, certs_from_pem, usable_anchors_from_bytes,
};
pub use need::{
    Answer, Need, NeedClientIdentity, NeedClientVerdict, NeedIdentity, NeedNewSession, NeedSession, NeedSignature,
    NeedTakeSession, NeedVerdict, Needs, PskCandidate,
};
pub use negotiated::HandshakeKind;
pub use record::{Outgoing, RecordRoom};
pub use record_size_limit::RecordLimits;
pub use resumption::{ClientSessionValue, ExternalPsk, ServerSessionValue, SessionError};
pub use sni::host_name;
pub use states::{Role, Versioned};
pub use suite::{ALL_CIPHERSUITES, SupportedCipherSuite};
pub use verify::RootCertStore;

// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
