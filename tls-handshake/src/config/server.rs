//! A server's settings.

use std::sync::Arc;

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion};

use super::{Common, ConfigError, KeyLog, Limits};

/// What a server accepts. The default is secure, and needs no change.
///
/// Identities are not among it: whoever answers [`NeedIdentity`](crate::need::NeedIdentity) has them.
///
/// ```
/// let mut config = tls_handshake::config::ServerConfig::new();
/// config.set_alpn_protocols(&[b"h2", b"http/1.1"])?;
/// # Ok::<(), tls_handshake::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ServerConfig {
    pub(crate) common: Common,
    pub(crate) session_lookup: bool,
}

impl ServerConfig {
    /// All suites and groups in our order of preference, records of full size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is a store of sessions, so that [`NeedSession`](crate::need::NeedSession) is asked for a client that wants
    /// to resume one. There is none unless this says so.
    pub fn set_session_lookup(&mut self, ask: bool) {
        self.session_lookup = ask;
    }

    /// Where the secrets of connections go.
    pub fn set_key_log(&mut self, key_log: Arc<dyn KeyLog>) {
        self.common.key_log = key_log;
    }
}

super::setters!(ServerConfig);
