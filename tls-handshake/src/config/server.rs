//! A server's settings.

use std::sync::Arc;

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion};

use super::{Common, ConfigError, KeyLog, Limits};
use crate::auth::ClientAuth;
use crate::negotiate::SuitePreference;

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
    pub(crate) client_auth: ClientAuth,
    /// Distinguished names, DER.
    pub(crate) client_auth_hints: Vec<Vec<u8>>,
    pub(crate) suite_preference: SuitePreference,
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

    /// Whether clients are asked for a certificate, and must have one. They are not asked unless this says so. Who judges
    /// their chains is who answers [`NeedClientVerdict`](crate::need::NeedClientVerdict).
    pub fn set_client_auth(&mut self, client_auth: ClientAuth) {
        self.client_auth = client_auth;
    }

    /// The distinguished names (DER) of the authorities whose certificates clients should show: a hint for those that have
    /// several (RFC 9846 §4.3.4, RFC 5246 §7.4.4). None unless set.
    ///
    /// # Errors
    /// [`ConfigError::HintsTooLong`] if they do not fit the message (32 KiB in all).
    pub fn set_client_auth_hints(&mut self, names: Vec<Vec<u8>>) -> Result<(), ConfigError> {
        let length: usize = names.iter().map(|name| name.len().saturating_add(2)).sum();
        if length > 0x8000 || names.iter().any(Vec::is_empty) {
            return Err(ConfigError::HintsTooLong);
        }
        self.client_auth_hints = names;
        Ok(())
    }

    /// Whose order of cipher suites counts: ours, unless this says otherwise.
    pub fn set_suite_preference(&mut self, preference: SuitePreference) {
        self.suite_preference = preference;
    }

    /// Where the secrets of connections go.
    pub fn set_key_log(&mut self, key_log: Arc<dyn KeyLog>) {
        self.common.key_log = key_log;
    }
}

super::setters!(ServerConfig);
