//! What both roles can be told, once for all their connections.

use std::fmt;

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

use crate::negotiate::{CERTIFICATE_SCHEMES, GROUPS, group_id};
use crate::suite::ALL_CIPHERSUITES;

mod client;
mod common;
mod records;
mod server;
mod setters;
mod validate;

pub use crate::auth::ClientAuth;
pub use crate::negotiate::SuitePreference;
pub use client::ClientConfig;
#[cfg(test)]
pub(crate) use common::MAX_RECORD;
pub(crate) use common::{Common, HelloTemplate, filtered};
pub use records::{RecordPadding, RecordRampUp};
pub use server::{ServerConfig, SessionLookup};

/// Bounds on what a peer can make us hold.
///
/// ```
/// let mut limits = strata_tls_handshake::config::Limits::default();
/// limits.chain_length = 4;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one handshake message, header included. It is checked on the header, before anything is held.
    pub handshake_message: usize,
    /// Certificates in the peer's chain.
    pub chain_length: usize,
}

impl Default for Limits {
    /// 131,400 bytes, which is the largest ClientHello that its length fields allow, and holds the
    /// largest chains of the public web many times; 16 certificates.
    fn default() -> Self {
        Self { handshake_message: MAX_CLIENT_HELLO, chain_length: 16 }
    }
}

/// The largest ClientHello: header, version, random, and every vector at its longest (RFC 9846 §4.2.2).
const MAX_CLIENT_HELLO: usize = 4 + 2 + 32 + (1 + 32) + (2 + 0xfffe) + (1 + 0xff) + (2 + 0xffff);

/// Receives the secrets of connections, so that a capture can be decrypted (RFC 9850).
pub trait KeyLog: fmt::Debug + Send + Sync {
    /// Takes one secret: `label` as in `CLIENT_HANDSHAKE_TRAFFIC_SECRET`, the connection's ClientHello.random, the secret.
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]);
}

/// Logs nothing: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeyLog;

impl KeyLog for NoKeyLog {
    fn log(&self, _: &str, _: &[u8; 32], _: &[u8]) {}
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// This version is not supported.
    UnsupportedVersion(ProtocolVersion),
    /// This cipher suite is not supported.
    UnsupportedCipherSuite(CipherSuite),
    /// This group is not supported.
    UnsupportedGroup(NamedGroup),
    /// This signature scheme is not supported.
    UnsupportedSignatureScheme(SignatureScheme),
    /// The list of these has to hold at least one, and each only once.
    EmptyOrRepeated(&'static str),
    /// The names of authorities for clients do not fit their message, or one is empty.
    HintsTooLong,
    /// An application protocol's name has 1 to 255 bytes (RFC 7301 §3.1).
    BadProtocolName,
    /// The application protocols do not fit their extension (65,535 bytes).
    TooManyProtocols,
    /// The maximum record size, or the limit on received records, is out of bounds.
    BadFragmentSize {
        /// Bytes asked for.
        got: usize,
        /// Bytes at least.
        min: usize,
        /// Bytes at most.
        max: usize,
    },
    /// max_fragment_length knows 512, 1024, 2048 and 4096 bytes (RFC 6066 §4).
    BadMaxFragmentLength(u16),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedVersion(version) => write!(f, "{version} is not supported; choose TLSv1.3 or TLSv1.2"),
            Self::UnsupportedCipherSuite(suite) => {
                write!(f, "the cipher suite {suite} is not supported; choose from:")?;
                ALL_CIPHERSUITES.iter().try_for_each(|suite| write!(f, " {}", suite.suite()))
            }
            Self::UnsupportedGroup(group) => {
                write!(f, "the group {group} is not supported; choose from:")?;
                GROUPS.iter().try_for_each(|group| write!(f, " {}", group_id(*group)))
            }
            Self::UnsupportedSignatureScheme(scheme) => {
                write!(f, "the signature scheme {scheme} is not supported; choose from:")?;
                CERTIFICATE_SCHEMES.iter().try_for_each(|scheme| write!(f, " {scheme}"))
            }
            Self::EmptyOrRepeated(what) => write!(f, "invalid list of {what}: expected at least one, each only once"),
            Self::HintsTooLong => {
                f.write_str("invalid CA names for clients: one is empty, or all are longer than 32 KiB")
            }
            Self::BadProtocolName => f.write_str("invalid application protocol name: expected 1 to 255 bytes"),
            Self::TooManyProtocols => {
                f.write_str("too many application protocols: expected at most 65,535 bytes in all")
            }
            Self::BadFragmentSize { got, min, max } => {
                write!(f, "invalid maximum record size: expected {min} to {max} bytes, got {got}")
            }
            Self::BadMaxFragmentLength(got) => {
                write!(f, "invalid max_fragment_length: expected 512, 1024, 2048 or 4096 bytes, got {got}")
            }
        }
    }
}

impl std::error::Error for ConfigError {}
