//! What a connection over QUIC starts with: the configuration, and a server's parameters.

use std::sync::Arc;

use tls_crypto::quic::Version;

use crate::config::{ClientConfig, ServerConfig};
use crate::error::Contradiction;
use crate::transport::{AcceptEarlyData, Quic, Transport};

/// A configuration for connections over QUIC, made from the one for TCP. Make it once for all
/// connections. It has these differences:
///
/// * Only TLS 1.3, and no limits on records.
/// * An application protocol must be negotiated (RFC 9001 §8.1).
/// * Its sessions have another scope: they are not resumed over TCP, nor the reverse.
/// * Any limit on early data allows 0-RTT; the transport parameters limit it (RFC 9001 §4.6.1).
#[derive(Debug)]
pub struct Config<C>(Arc<C>);

impl Config<ClientConfig> {
    /// Makes the configuration of a client.
    ///
    /// # Errors
    /// [`Contradiction`] if TLS 1.3 is not enabled, if there are no application protocols, or as
    /// for [`ClientConfig::validate`].
    pub fn new(config: &ClientConfig) -> Result<Self, Contradiction> {
        let config = config.for_quic();
        config.validate()?;
        Ok(Self(Arc::new(config)))
    }

    /// Returns the resumption scope of its sessions in this version of QUIC; see
    /// [`ClientConfig::session_scope_with`]. Sessions of one version do not resume in another (RFC
    /// 9369 §5).
    #[must_use]
    pub fn session_scope_with(&self, version: Version, identity: Option<&[u8; 32]>) -> [u8; 32] {
        *self.0.scope_of_identity(identity).in_quic(version).bytes()
    }
}

impl Config<ServerConfig> {
    /// Makes the configuration of a server.
    ///
    /// # Errors
    /// [`Contradiction`] if TLS 1.3 is not enabled, if there are no application protocols, or as
    /// for [`ServerConfig::validate`].
    pub fn new(config: &ServerConfig) -> Result<Self, Contradiction> {
        let config = config.for_quic();
        config.validate()?;
        Ok(Self(Arc::new(config)))
    }
}

impl<C> Config<C> {
    pub(super) fn get(&self) -> &Arc<C> {
        &self.0
    }
}

/// Shares the configuration.
impl<C> Clone for Config<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The values that a server over QUIC starts with, besides its configuration.
///
/// A server that accepts 0-RTT must be sure that what the client assumes still holds: the transport
/// parameters that limit data, and the settings of the application protocol (RFC 9001 §4.6.3). It
/// puts what it needs for that into `session_data`.
#[derive(Default)]
pub struct ServerStart {
    /// The encoded transport parameters of this side (RFC 9000 §18). They are sent to the client
    /// unchanged.
    pub transport_parameters: Vec<u8>,
    /// Data that sessions of this connection keep, at most 65,535 bytes. Sessions with more cannot
    /// be resumed. Default: empty.
    pub session_data: Vec<u8>,
    /// Decides whether to accept early data with a session, by its `session_data`. Early data is
    /// also rejected where TLS requires it. Default: `None`, which accepts it if the session's data
    /// equals this connection's.
    pub accept_early_data: Option<AcceptEarlyData>,
}

impl ServerStart {
    pub(super) fn into_transport(self, version: Version) -> Transport {
        let Self { transport_parameters: parameters, session_data, accept_early_data } = self;
        Transport::Quic(Box::new(Quic { version, parameters, session_data, accept_early_data }))
    }
}

impl std::fmt::Debug for ServerStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerStart").field("session_data", &self.session_data).finish_non_exhaustive()
    }
}
