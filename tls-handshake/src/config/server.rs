//! Server configuration.

use std::sync::Arc;

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

use super::{Common, ConfigError, KeyLog, Limits, RecordPadding, RecordRampUp};
use crate::auth::ClientAuth;
use crate::negotiate::SuitePreference;
use tls_crypto::Backend;

use crate::resumption::{DEFAULT_TICKET_LIFETIME, MAX_LIFETIME, Scope};

/// Server settings: what to accept. Secure by default.
///
/// Identities are not part of it: the application that answers
/// [`NeedIdentity`](crate::need::NeedIdentity) has them.
///
/// ```
/// let mut config = strata_tls_handshake::config::ServerConfig::new();
/// config.set_alpn_protocols(["h2", "http/1.1"])?;
/// # Ok::<(), strata_tls_handshake::config::ConfigError>(())
/// ```
// In other cache lines than the reference count of its `Arc`, as for ClientConfig.
#[repr(align(128))]
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Shared with clones until one of them is changed.
    pub(crate) common: Arc<Common>,
    pub(crate) session_lookup: SessionLookup,
    pub(crate) external_psks: bool,
    pub(crate) tls13_tickets: u8,
    pub(crate) session_lifetime: u32,
    pub(crate) ticket_lifetime: u32,
    pub(crate) max_early_data: u32,
    pub(crate) half_rtt: bool,
    pub(crate) client_auth: ClientAuth,
    /// Distinguished names, in DER.
    pub(crate) client_auth_hints: Vec<Vec<u8>>,
    pub(crate) suite_preference: SuitePreference,
    pub(crate) retry_for_preferred_group: bool,
    pub(crate) ignore_invalid_server_name: bool,
}

/// The place of a server's sessions, for resumption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionLookup {
    /// Nowhere: every handshake is a full one.
    #[default]
    Never,
    /// In tickets, which clients store (RFC 9846 §4.7.1, RFC 5077).
    Tickets,
    /// In a store on the server. Its keys are the tickets of TLS 1.3 and the session IDs of TLS
    /// 1.2.
    Ids,
    /// In tickets; for TLS 1.2 clients without ticket support, such as curl, in a store under
    /// session IDs.
    TicketsOrIds,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            common: Arc::default(),
            session_lookup: SessionLookup::default(),
            external_psks: false,
            tls13_tickets: 2,
            session_lifetime: MAX_LIFETIME,
            ticket_lifetime: DEFAULT_TICKET_LIFETIME,
            max_early_data: 0,
            half_rtt: false,
            client_auth: ClientAuth::default(),
            client_auth_hints: Vec::new(),
            suite_preference: SuitePreference::default(),
            retry_for_preferred_group: false,
            ignore_invalid_server_name: false,
        }
    }
}

impl ServerConfig {
    /// Creates a configuration with all cipher suites and groups in the default order, and records
    /// of full size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where sessions are stored. When a client offers to resume a session,
    /// [`NeedSession`](crate::need::NeedSession) requests it;
    /// [`NeedNewSession`](crate::need::NeedNewSession) stores new ones. Default: nowhere.
    pub fn set_session_lookup(&mut self, lookup: SessionLookup) {
        self.session_lookup = lookup;
    }

    /// Enables external pre-shared keys: [`NeedSession`](crate::need::NeedSession) then requests
    /// the key when a client offers some, independently of where sessions are stored. Default: off.
    ///
    /// A key whose hash differs from that of the preferred cipher suite changes the suite. After a
    /// HelloRetryRequest, which fixes the suite, the handshake is a full one instead (RFC 9846
    /// §4.2.4). Keys from [`ExternalPsk::import`](crate::ExternalPsk::import) exist for each hash.
    pub fn set_external_psks(&mut self, ask: bool) {
        self.external_psks = ask;
    }

    /// Sets the number of TLS 1.3 tickets sent after a handshake. Two tickets let a client open two
    /// connections at once, each with its own ticket (RFC 9846 Appendix C.4). Default: 2.
    pub fn set_send_tls13_tickets(&mut self, tickets: u8) {
        self.tls13_tickets = tickets;
    }

    /// Sets how long a client can resume after a full handshake, in seconds, across any number of
    /// resumptions. It starts when the client's certificate is verified, or at the first ticket of
    /// an anonymous client. 0 disables resumption. The maximum is
    /// [`MAX_LIFETIME`](crate::resumption::MAX_LIFETIME) (RFC 9846 §4.7.1). Default: 7 days.
    ///
    /// See [`set_ticket_lifetime`](Self::set_ticket_lifetime) for the limit on one ticket.
    pub fn set_session_lifetime(&mut self, seconds: u32) {
        self.session_lifetime = seconds.min(MAX_LIFETIME);
    }

    /// Sets how long one ticket, or one TLS 1.2 session ID, can be used, in seconds since it is
    /// issued. In TLS 1.3 each resumption issues new tickets, within the [session's
    /// lifetime](Self::set_session_lifetime). Clients receive the shorter of the two. 0 disables
    /// resumption. The maximum is [`MAX_LIFETIME`](crate::resumption::MAX_LIFETIME). Default: 12
    /// hours.
    pub fn set_ticket_lifetime(&mut self, seconds: u32) {
        self.ticket_lifetime = seconds.min(MAX_LIFETIME);
    }

    /// Returns whether sessions have a lifetime, without which there is no resumption.
    pub(crate) fn has_lifetime(&self) -> bool {
        self.session_lifetime > 0 && self.ticket_lifetime > 0
    }

    /// Sets the early data (0-RTT) limit of a resumed connection, in bytes. Early data is accepted
    /// only with a [single-use session](crate::need::NeedSession::found_single_use) and a fresh
    /// ticket age, so that it cannot be replayed (RFC 9846 §8). Tickets advertise it only under
    /// [`SessionLookup::Ids`]; elsewhere this has no effect. Default: 0 (disabled).
    pub fn set_max_early_data_size(&mut self, bytes: u32) {
        self.max_early_data = bytes;
    }

    /// Returns the early data limit in bytes; 0 if early data is disabled.
    #[must_use]
    pub fn max_early_data_size(&self) -> u32 {
        self.max_early_data
    }

    /// Allows data before the client finishes the handshake (0.5-RTT). It saves a round trip when
    /// answering early data. The client has not proved liveness then. Has no effect if the server
    /// requests a client certificate. Default: off.
    pub fn set_send_half_rtt_data(&mut self, send: bool) {
        self.half_rtt = send;
    }

    /// Returns the resumption scope: a hash of the settings that a session depends on. These are
    /// the role, the application protocols, what is requested from clients, and the [session
    /// context](Self::set_session_context). Two configurations resume each other's sessions only if
    /// their scopes are equal.
    #[must_use]
    pub fn session_scope(&self) -> [u8; 32] {
        *self.scope().bytes()
    }

    /// The number of bytes of rejected early data to skip. Clients may have their limit from this
    /// server or from one that it replaced.
    pub(crate) fn early_data_to_skip(&self) -> u32 {
        self.max_early_data.max(0x4000)
    }

    pub(crate) fn scope(&self) -> Scope {
        *self.common.computed.scope.get_or_init(|| {
            let client_auth = match self.client_auth {
                ClientAuth::Disabled => 0,
                ClientAuth::Optional => 1,
                ClientAuth::Required => 2,
            };
            let mut settings: Vec<&[u8]> = vec![std::slice::from_ref(&client_auth)];
            for name in &self.client_auth_hints {
                settings.push(name);
            }
            self.common.scope_of("server", &settings)
        })
    }

    /// Sets whether clients are asked for a certificate, and whether they must present one. The
    /// answer to [`NeedClientVerdict`](crate::need::NeedClientVerdict) verifies it. Default:
    /// disabled.
    pub fn set_client_auth(&mut self, client_auth: ClientAuth) {
        self.common_mut().computed.forget();
        self.client_auth = client_auth;
    }

    /// Sets the distinguished names (DER) of the CAs whose certificates clients should present.
    /// Clients with several certificates use them as a hint (RFC 9846 §4.3.4, RFC 5246 §7.4.4).
    /// Default: none.
    ///
    /// # Errors
    /// [`ConfigError::HintsTooLong`] if they exceed 32 KiB in total or one is empty.
    pub fn set_client_auth_hints(&mut self, names: Vec<Vec<u8>>) -> Result<(), ConfigError> {
        let length: usize = names.iter().map(|name| name.len().saturating_add(2)).sum();
        if length > 0x8000 || names.iter().any(Vec::is_empty) {
            return Err(ConfigError::HintsTooLong);
        }
        self.common_mut().computed.forget();
        self.client_auth_hints = names;
        Ok(())
    }

    /// Sets whose order of cipher suites counts. Default: the server's, except that
    /// ChaCha20-Poly1305 is used for a client that prefers it.
    pub fn set_suite_preference(&mut self, preference: SuitePreference) {
        self.suite_preference = preference;
    }

    /// Sends HelloRetryRequest to a client that supports the first of this server's
    /// [groups](Self::set_groups) but sent no key share for it. Such a client gets the group at the
    /// cost of a round trip. Without this, the server selects the first group with a share, and the
    /// first group of all only if there is no share that it can use.
    ///
    /// With the default groups it makes hybrid key exchange certain for every client that supports
    /// it. Most of those send a share anyway. Default: off.
    pub fn set_retry_for_preferred_group(&mut self, retry: bool) {
        self.retry_for_preferred_group = retry;
    }

    /// Ignores a server name (SNI) that is not a host name, instead of rejecting the client with
    /// illegal_parameter. An IP address, which RFC 6066 §3 also forbids, is always ignored.
    /// Default: off.
    pub fn set_ignore_invalid_server_name(&mut self, ignore: bool) {
        self.ignore_invalid_server_name = ignore;
    }

    /// Returns the settings for connections over QUIC. QUIC limits early data itself: any limit
    /// means that it is enabled (RFC 9001 §4.6.1).
    pub(crate) fn for_quic(&self) -> Self {
        let mut config = self.clone();
        config.common_mut().restrict_to_quic();
        if config.max_early_data > 0 {
            config.max_early_data = u32::MAX;
        }
        config
    }

    /// Sets the receiver of connection secrets. Default: none.
    pub fn set_key_log(&mut self, key_log: Arc<dyn KeyLog>) {
        self.common_mut().key_log = Some(key_log);
    }
}

super::setters::setters!(ServerConfig);
