//! Configuration of both roles, shared by all connections that are created with it. Also [`Limits`]
//! on what a peer can make this side hold, [`KeyLog`], and [`ConfigError`].

use std::fmt;

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use tls_crypto::{Backend, Group};

use crate::negotiate::{CERTIFICATE_SCHEMES, certificate_schemes, group_id};
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

/// Limits on the resources that a peer can make this side use.
///
/// ```
/// let mut limits = strata_tls_handshake::config::Limits::default();
/// limits.chain_length = 4;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum size of a handshake message in bytes, including its header. Checked on the header,
    /// before the message is buffered.
    pub handshake_message: usize,
    /// Maximum number of certificates in the peer's chain.
    pub chain_length: usize,
}

impl Default for Limits {
    /// 131,400 bytes, the largest ClientHello that its length fields allow, which exceeds the
    /// largest public certificate chains many times; 16 certificates.
    fn default() -> Self {
        Self { handshake_message: MAX_CLIENT_HELLO, chain_length: 16 }
    }
}

/// The largest ClientHello: header, version, random, and every vector at its maximum (RFC 9846
/// §4.2.2).
const MAX_CLIENT_HELLO: usize = 4 + 2 + 32 + (1 + 32) + (2 + 0xfffe) + (1 + 0xff) + (2 + 0xffff);

/// Receives the secrets of connections, so that a capture can be decrypted (RFC 9850).
pub trait KeyLog: fmt::Debug + Send + Sync {
    /// Receives one secret. `label` is, for example, `CLIENT_HANDSHAKE_TRAFFIC_SECRET`;
    /// `client_random` is ClientHello.random.
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]);
}

/// Logs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeyLog;

impl KeyLog for NoKeyLog {
    fn log(&self, _: &str, _: &[u8; 32], _: &[u8]) {}
}

/// An invalid setting.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The version is not supported.
    UnsupportedVersion(ProtocolVersion),
    /// The cipher suite is not supported.
    UnsupportedCipherSuite(CipherSuite),
    /// The group is not supported.
    UnsupportedGroup(NamedGroup),
    /// The signature scheme is not supported.
    UnsupportedSignatureScheme(SignatureScheme),
    /// The list of these is empty or repeats an item.
    EmptyOrRepeated(&'static str),
    /// The CA names for clients exceed 32 KiB in total, or one is empty.
    HintsTooLong,
    /// The name of an application protocol is not 1 to 255 bytes long (RFC 7301 §3.1).
    BadProtocolName,
    /// The application protocols exceed 32 KiB in total, so they may not fit a ClientHello.
    TooManyProtocols,
    /// The maximum record size, or the limit on received records, is out of range.
    BadFragmentSize {
        /// The value in bytes.
        got: usize,
        /// Minimum in bytes.
        min: usize,
        /// Maximum in bytes.
        max: usize,
    },
    /// The value is not one of max_fragment_length: 512, 1024, 2048 and 4096 bytes (RFC 6066 §4).
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
                let has = |group: &&Group| Backend::ALL.iter().any(|backend| backend.supports_group(**group));
                Group::ALL.iter().filter(has).try_for_each(|group| write!(f, " {}", group_id(*group)))
            }
            Self::UnsupportedSignatureScheme(scheme) => {
                write!(f, "the signature scheme {scheme} is not supported; choose from:")?;
                let has = |scheme: &&SignatureScheme| {
                    Backend::ALL.iter().any(|one| certificate_schemes(*one).contains(scheme))
                };
                CERTIFICATE_SCHEMES.iter().filter(has).try_for_each(|scheme| write!(f, " {scheme}"))
            }
            Self::EmptyOrRepeated(what) => write!(f, "invalid list of {what}: expected at least one, each only once"),
            Self::HintsTooLong => {
                f.write_str("invalid CA names for clients: one is empty, or all are longer than 32 KiB")
            }
            Self::BadProtocolName => f.write_str("invalid application protocol name: expected 1 to 255 bytes"),
            Self::TooManyProtocols => f.write_str("too many application protocols: expected at most 32 KiB in all"),
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
