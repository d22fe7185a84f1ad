//! Client configuration.

use std::sync::Arc;

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use tls_codec::extension::MaxFragmentLength;

use super::{Common, ConfigError, KeyLog, Limits, RecordPadding, RecordRampUp};
use tls_crypto::Backend;

use crate::resumption::{MAX_LIFETIME, Scope, identity_scope};

/// Client settings: what to offer and what to accept. Secure by default.
///
/// Trust anchors are not part of it: the application that answers
/// [`NeedVerdict`](crate::need::NeedVerdict) has them.
///
/// ```
/// let mut config = strata_tls_handshake::config::ClientConfig::new();
/// config.set_alpn_protocols(["h2", "http/1.1"])?;
/// # Ok::<(), strata_tls_handshake::config::ConfigError>(())
/// ```
// In other cache lines than the reference count of its `Arc`, which all connections write to.
#[repr(align(128))]
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Shared with clones until one of them is changed.
    pub(crate) common: Arc<Common>,
    pub(crate) send_server_name: bool,
    pub(crate) client_identity_lookup: bool,
    pub(crate) request_ocsp: bool,
    pub(crate) request_scts: bool,
    pub(crate) resumption: bool,
    pub(crate) tickets: bool,
    /// In seconds, from the verification of the server's chain.
    pub(crate) session_lifetime: u32,
    pub(crate) early_data: bool,
    pub(crate) max_fragment_length: Option<MaxFragmentLength>,
    pub(crate) allow_missing_renegotiation_info: bool,
    pub(crate) allow_unoffered_alpn: bool,
    /// Extensions that the ClientHello of a replayed trace offered in addition.
    #[cfg(test)]
    pub(crate) also_offered: Vec<tls_codec::code_points::ExtensionType>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            common: Arc::default(),
            send_server_name: true,
            client_identity_lookup: false,
            request_ocsp: true,
            request_scts: false,
            resumption: false,
            tickets: true,
            session_lifetime: MAX_LIFETIME,
            early_data: false,
            max_fragment_length: None,
            allow_missing_renegotiation_info: false,
            allow_unoffered_alpn: false,
            #[cfg(test)]
            also_offered: Vec::new(),
        }
    }
}

impl ClientConfig {
    /// Creates a configuration with all cipher suites and groups, SNI, and records of full size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends the server's DNS name (SNI, RFC 6066 §3). An IP address is never sent. Default: on.
    pub fn set_server_name_indication(&mut self, send: bool) {
        self.common_mut().computed.forget();
        self.send_server_name = send;
    }

    /// Requests an identity with [`NeedClientIdentity`](crate::need::NeedClientIdentity) when a
    /// server requests a client certificate. Otherwise the client sends an empty certificate.
    /// Default: off.
    pub fn set_client_identity_lookup(&mut self, ask: bool) {
        self.client_identity_lookup = ask;
    }

    /// Requests a stapled OCSP response (RFC 6066 §8). Default: on.
    pub fn set_ocsp_request(&mut self, ask: bool) {
        self.common_mut().computed.forget();
        self.request_ocsp = ask;
    }

    /// Requests stapled SCTs (RFC 6962 §3.3). Most certificates contain theirs. Default: off.
    pub fn set_sct_request(&mut self, ask: bool) {
        self.common_mut().computed.forget();
        self.request_scts = ask;
    }

    /// Collects sessions for later connections, returned by
    /// [`take_sessions`](crate::ClientConnection::take_sessions). Default: off.
    pub fn set_resumption(&mut self, keep: bool) {
        self.common_mut().computed.forget();
        self.resumption = keep;
    }

    /// Sets how long sessions can be resumed, in seconds since the server's chain was verified,
    /// across any number of resumptions. 0 disables resumption. The maximum is 7 days (RFC 9846
    /// §4.7.1); the lifetime that the server sends with a ticket also applies. Default: 7 days.
    pub fn set_session_lifetime(&mut self, seconds: u32) {
        self.session_lifetime = seconds.min(MAX_LIFETIME);
    }

    /// Accepts session tickets. Without tickets, only TLS 1.2 servers that store sessions
    /// themselves can resume. Default: on.
    pub fn set_tickets(&mut self, take: bool) {
        self.common_mut().computed.forget();
        self.tickets = take;
    }

    /// Enables early data (0-RTT) with sessions that allow it. An attacker can replay early data,
    /// and only the server can detect it. Default: off.
    pub fn enable_early_data(&mut self, send: bool) {
        self.early_data = send;
    }

    /// Offers max_fragment_length (RFC 6066 §4) with this many bytes: 512, 1024, 2048 or 4096. If
    /// the server accepts it, neither side sends longer records, handshake messages included.
    ///
    /// Use it for servers that do not support its successor,
    /// [record_size_limit](Self::set_record_size_limit). If both are set, a server that supports
    /// both uses the successor. Default: `None`.
    ///
    /// # Errors
    /// [`ConfigError::BadMaxFragmentLength`] for any other number.
    pub fn set_max_fragment_length(&mut self, bytes: Option<u16>) -> Result<(), ConfigError> {
        let code = |bytes| MaxFragmentLength::of(bytes).ok_or(ConfigError::BadMaxFragmentLength(bytes));
        let chosen = bytes.map(code).transpose()?;
        self.common_mut().computed.forget();
        self.max_fragment_length = chosen;
        Ok(())
    }

    /// Accepts TLS 1.2 servers that do not send renegotiation_info (RFC 5746 §4.1). With such a
    /// server, an attacker can insert its own data before the client's. Allow it only for a server
    /// that cannot be updated, and where data of unknown origin is harmless. Default: off.
    pub fn set_allow_missing_renegotiation_info(&mut self, allow: bool) {
        self.allow_missing_renegotiation_info = allow;
    }

    /// Accepts an application protocol that the client did not offer, instead of rejecting the
    /// server with illegal_parameter (RFC 7301 §3.2). The application must then check the protocol.
    /// A server that chooses a protocol although the client offered none is always rejected.
    /// Default: off.
    pub fn set_allow_unoffered_alpn(&mut self, allow: bool) {
        self.allow_unoffered_alpn = allow;
    }

    /// Returns the resumption scope: a hash of the settings that a session depends on. These are
    /// the role, the application protocols, whether SNI is sent, which stapled data is requested,
    /// and the [session context](Self::set_session_context). Two configurations resume each other's
    /// sessions only if their scopes are equal.
    #[must_use]
    pub fn session_scope(&self) -> [u8; 32] {
        *self.scope().bytes()
    }

    /// Returns the [`session_scope`](Self::session_scope) of a client with an identity. `identity`
    /// is a hash of everything that the choice of the client certificate depends on.
    #[must_use]
    pub fn session_scope_with(&self, identity: Option<&[u8; 32]>) -> [u8; 32] {
        *self.scope_of_identity(identity).bytes()
    }

    pub(crate) fn scope_of_identity(&self, identity: Option<&[u8; 32]>) -> Scope {
        identity.map_or_else(|| self.scope(), |identity| self.scope().with_identity(&identity_scope(identity)))
    }

    pub(crate) fn scope(&self) -> Scope {
        let asks = [self.send_server_name.into(), self.request_ocsp.into(), self.request_scts.into()];
        *self.common.computed.scope.get_or_init(|| self.common.scope_of("client", &[&asks]))
    }

    /// Returns the settings for connections over QUIC.
    pub(crate) fn for_quic(&self) -> Self {
        let mut config = self.clone();
        config.common_mut().restrict_to_quic();
        config.max_fragment_length = None;
        config
    }

    /// Sets the receiver of connection secrets. Default: none.
    pub fn set_key_log(&mut self, key_log: Arc<dyn KeyLog>) {
        self.common_mut().key_log = Some(key_log);
    }
}

super::setters::setters!(ClientConfig);
