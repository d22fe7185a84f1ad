//! A client's settings.

use std::sync::Arc;

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};
use tls_codec::extension::MaxFragmentLength;

use super::{Common, ConfigError, KeyLog, Limits, RecordPadding, RecordRampUp};
use crate::resumption::{MAX_LIFETIME, Scope, identity_scope};

/// What a client offers and accepts. The default is secure, and needs no change.
///
/// Trust anchors are not among it: whoever answers [`NeedVerdict`](crate::need::NeedVerdict) has them.
///
/// ```
/// let mut config = strata_tls_handshake::config::ClientConfig::new();
/// config.set_alpn_protocols(&[b"h2", b"http/1.1"])?;
/// # Ok::<(), strata_tls_handshake::config::ConfigError>(())
/// ```
// All connections count themselves in the configuration's Arc: with what they read in other cache lines, they do not slow each other
// down.
#[repr(align(128))]
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Shared with what is cloned of it, until one of them is changed.
    pub(crate) common: Arc<Common>,
    pub(crate) send_server_name: bool,
    pub(crate) client_identity_lookup: bool,
    pub(crate) request_ocsp: bool,
    pub(crate) request_scts: bool,
    pub(crate) resumption: bool,
    pub(crate) tickets: bool,
    /// Seconds from the verdict on the server's chain.
    pub(crate) session_lifetime: u32,
    pub(crate) early_data: bool,
    pub(crate) max_fragment_length: Option<MaxFragmentLength>,
    pub(crate) allow_missing_renegotiation_info: bool,
    pub(crate) allow_unoffered_alpn: bool,
    /// What the ClientHello of a replayed trace offered beyond ours.
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
    /// All suites and groups, SNI sent, records of full size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the server's DNS name is told to it (RFC 6066 §3). An IP address never is.
    pub fn set_server_name_indication(&mut self, send: bool) {
        self.common_mut().computed.forget();
        self.send_server_name = send;
    }

    /// Whether there may be an identity for servers that ask for one, so that [`NeedClientIdentity`](crate::need::NeedClientIdentity) is
    /// asked. Otherwise they are told that there is none.
    pub fn set_client_identity_lookup(&mut self, ask: bool) {
        self.client_identity_lookup = ask;
    }

    /// Whether the server is asked to staple an OCSP response (RFC 6066 §8). It is, unless this says otherwise.
    pub fn set_ocsp_request(&mut self, ask: bool) {
        self.common_mut().computed.forget();
        self.request_ocsp = ask;
    }

    /// Whether the server is asked for signed certificate timestamps (RFC 6962 §3.3). It is not, unless this says so: most
    /// certificates have theirs inside.
    pub fn set_sct_request(&mut self, ask: bool) {
        self.common_mut().computed.forget();
        self.request_scts = ask;
    }

    /// Whether sessions are kept for later connections, so that there are some to [take](crate::ClientConnection::take_sessions). They
    /// are not unless this says so.
    pub fn set_resumption(&mut self, keep: bool) {
        self.common_mut().computed.forget();
        self.resumption = keep;
    }

    /// Sets for how long sessions are resumed, in seconds from when the server's chain was verified,
    /// however often they were resumed in between. 0 disables resumption. At most 7 days (RFC 9846
    /// §4.7.1), and never longer than the server says for a ticket. Default: 7 days.
    pub fn set_session_lifetime(&mut self, seconds: u32) {
        self.session_lifetime = seconds.min(MAX_LIFETIME);
    }

    /// Whether servers may give us tickets to keep; they may, unless this says otherwise. Without tickets only servers of TLS 1.2
    /// that keep sessions themselves can resume.
    pub fn set_tickets(&mut self, take: bool) {
        self.common_mut().computed.forget();
        self.tickets = take;
    }

    /// Whether data may be sent before the server has answered (0-RTT), where a session allows it. It may not, unless this says
    /// so: whoever records such data can send it again, and it is for the server to refuse the second time.
    pub fn enable_early_data(&mut self, send: bool) {
        self.early_data = send;
    }

    /// Offers max_fragment_length (RFC 6066 §4) with this many bytes: 512, 1024, 2048 or 4096. A server that
    /// accepts it sends no longer records and gets none, handshake messages included.
    ///
    /// It is for servers too old for [record_size_limit](Self::set_record_size_limit), which replaces it: a
    /// server that supports both uses that if both are set. Default: `None`.
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

    /// Accepts TLS 1.2 servers that do not send renegotiation_info (RFC 5746 §4.1). Against such a server an
    /// attacker can put data of its own before ours: allow it only for a server that cannot be updated, and
    /// where data of unknown origin does no harm. Default: off.
    pub fn set_allow_missing_renegotiation_info(&mut self, allow: bool) {
        self.allow_missing_renegotiation_info = allow;
    }

    /// Accepts servers that choose an application protocol that was not offered, instead of refusing them with
    /// illegal_parameter (RFC 7301 §3.2). Check the protocol then: it is any that the server likes. A server that chooses one though
    /// none was offered is refused in any case. Default: off.
    pub fn set_allow_unoffered_alpn(&mut self, allow: bool) {
        self.allow_unoffered_alpn = allow;
    }

    /// What a session is bound to, beside its own values: a hash over the role, the application protocols, whether the server is
    /// told its name and what it is asked to staple, and the application's [own part](Self::set_session_context). Two configurations resume each other's
    /// sessions only if theirs are the same.
    #[must_use]
    pub fn session_scope(&self) -> [u8; 32] {
        *self.scope().bytes()
    }

    /// Returns [`session_scope`](Self::session_scope) of a client with an identity: `identity` is a hash over all that the choice of its
    /// certificate depends on.
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

    /// Where the secrets of connections go.
    pub fn set_key_log(&mut self, key_log: Arc<dyn KeyLog>) {
        self.common_mut().key_log = Some(key_log);
    }
}

super::setters::setters!(ClientConfig);
