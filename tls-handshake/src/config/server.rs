//! A server's settings.

use std::sync::Arc;

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

use super::{Common, ConfigError, KeyLog, Limits, RecordPadding, RecordRampUp};
use crate::auth::ClientAuth;
use crate::negotiate::SuitePreference;
use crate::resumption::{DEFAULT_TICKET_LIFETIME, MAX_LIFETIME, Scope};

/// What a server accepts. The default is secure, and needs no change.
///
/// Identities are not among it: whoever answers [`NeedIdentity`](crate::need::NeedIdentity) has them.
///
/// ```
/// let mut config = strata_tls_handshake::config::ServerConfig::new();
/// config.set_alpn_protocols(&[b"h2", b"http/1.1"])?;
/// # Ok::<(), strata_tls_handshake::config::ConfigError>(())
/// ```
// As for ClientConfig: apart from the count of the Arc that all connections write to.
#[repr(align(128))]
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Shared with what is cloned of it, until one of them is changed.
    pub(crate) common: Arc<Common>,
    pub(crate) session_lookup: SessionLookup,
    pub(crate) external_psks: bool,
    pub(crate) tls13_tickets: u8,
    pub(crate) session_lifetime: u32,
    pub(crate) ticket_lifetime: u32,
    pub(crate) max_early_data: u32,
    pub(crate) half_rtt: bool,
    pub(crate) client_auth: ClientAuth,
    /// Distinguished names, DER.
    pub(crate) client_auth_hints: Vec<Vec<u8>>,
    pub(crate) suite_preference: SuitePreference,
    pub(crate) ignore_invalid_server_name: bool,
}

/// Where a server keeps sessions for its clients to resume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionLookup {
    /// Nowhere: every handshake is a full one.
    #[default]
    Never,
    /// With the clients, in tickets (RFC 9846 §4.7.1, RFC 5077).
    Tickets,
    /// In a store: tickets of TLS 1.3 are keys of it, and so are the session ids of TLS 1.2.
    Ids,
    /// With the clients; and in a store those of TLS 1.2 clients that take no tickets, such as curl, under session ids.
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
            ignore_invalid_server_name: false,
        }
    }
}

impl ServerConfig {
    /// All suites and groups in our order of preference, records of full size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where sessions are kept, so that [`NeedSession`](crate::need::NeedSession) is asked for a client that wants to resume one,
    /// and [`NeedNewSession`](crate::need::NeedNewSession) gives new ones out. Nowhere, unless this says so.
    pub fn set_session_lookup(&mut self, lookup: SessionLookup) {
        self.session_lookup = lookup;
    }

    /// Whether there may be external pre-shared keys, so that [`NeedSession`](crate::need::NeedSession) is asked for a client that
    /// names some, wherever sessions are kept. There are none unless this says so.
    ///
    /// A key whose hash is not that of the preferred cipher suite changes the suite, but not after a HelloRetryRequest, which
    /// fixed it before (RFC 9846 §4.2.4): the handshake is a full one then. Keys from
    /// [`ExternalPsk::import`](crate::ExternalPsk::import) have one for each hash.
    pub fn set_external_psks(&mut self, ask: bool) {
        self.external_psks = ask;
    }

    /// How many tickets a client of TLS 1.3 is given after a handshake: 2 unless changed, so that it can open two connections
    /// at once, each with a ticket of its own (RFC 9846 Appendix C.4).
    pub fn set_send_tls13_tickets(&mut self, tickets: u8) {
        self.tls13_tickets = tickets;
    }

    /// Sets for how long a client can resume after a full handshake, in seconds, however often it resumes in between. Counted from
    /// the verdict on the client's certificate, or from the first ticket of a client that showed none. 0 disables resumption. At
    /// most [`MAX_LIFETIME`](crate::resumption::MAX_LIFETIME) (RFC 9846 §4.7.1). Default: 7 days.
    ///
    /// See [`set_ticket_lifetime`](Self::set_ticket_lifetime) for the bound on one ticket.
    pub fn set_session_lifetime(&mut self, seconds: u32) {
        self.session_lifetime = seconds.min(MAX_LIFETIME);
    }

    /// Sets for how long one ticket, or one session id of TLS 1.2, can be used, in seconds from when it is issued. In TLS 1.3 each
    /// resumption issues new ones, within the [session's lifetime](Self::set_session_lifetime); clients are told the shorter of
    /// the two. 0 disables resumption. At most [`MAX_LIFETIME`](crate::resumption::MAX_LIFETIME). Default: 12 hours.
    pub fn set_ticket_lifetime(&mut self, seconds: u32) {
        self.ticket_lifetime = seconds.min(MAX_LIFETIME);
    }

    /// Returns whether a session lives at all.
    pub(crate) fn has_lifetime(&self) -> bool {
        self.session_lifetime > 0 && self.ticket_lifetime > 0
    }

    /// Sets the early data (0-RTT) limit of a resumed connection, in bytes. Early data is accepted only with a session that was
    /// [used once](crate::need::NeedSession::found_single_use) and whose ticket's age shows that it was sent just now, so that it
    /// cannot be replayed (RFC 9846 §8). Tickets advertise it only under [`SessionLookup::Ids`]; elsewhere this has no effect.
    /// Default: 0 (none).
    pub fn set_max_early_data_size(&mut self, bytes: u32) {
        self.max_early_data = bytes;
    }

    /// Whether we may send data before the client has finished the handshake (0.5-RTT): not unless changed. It saves a round trip
    /// to answer early data, but the client is not known to be there, and was not asked for a certificate.
    pub fn set_send_half_rtt_data(&mut self, send: bool) {
        self.half_rtt = send;
    }

    /// What a session is bound to, beside its own values: a hash over the role, the application protocols, what clients are asked
    /// for, and the application's [own part](Self::set_session_context). Two configurations resume each other's sessions only if
    /// theirs are the same.
    #[must_use]
    pub fn session_scope(&self) -> [u8; 32] {
        *self.scope().bytes()
    }

    /// How much early data is dropped that was not accepted: what clients of this server may have been told, or of another that it
    /// took the place of.
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

    /// Whether clients are asked for a certificate, and must have one. They are not asked unless this says so. Who judges
    /// their chains is who answers [`NeedClientVerdict`](crate::need::NeedClientVerdict).
    pub fn set_client_auth(&mut self, client_auth: ClientAuth) {
        self.common_mut().computed.forget();
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
        self.common_mut().computed.forget();
        self.client_auth_hints = names;
        Ok(())
    }

    /// Whose order of cipher suites counts: ours, unless this says otherwise.
    pub fn set_suite_preference(&mut self, preference: SuitePreference) {
        self.suite_preference = preference;
    }

    /// Serves clients whose server name (SNI) is not a host name as if they had sent none, instead of refusing them with
    /// illegal_parameter. An IP address, which RFC 6066 §3 forbids too, is ignored in any case. Default: off.
    pub fn set_ignore_invalid_server_name(&mut self, ignore: bool) {
        self.ignore_invalid_server_name = ignore;
    }

    /// Where the secrets of connections go.
    pub fn set_key_log(&mut self, key_log: Arc<dyn KeyLog>) {
        self.common_mut().key_log = Some(key_log);
    }
}

super::setters::setters!(ServerConfig);
