//! The session that a TLS 1.2 handshake establishes, resumable by ticket (RFC 5077) or by ID (RFC
//! 5246 §7.3).

use std::sync::Arc;

use pki_types::UnixTime;
use tls_codec::handshake::tls12::NewSessionTicket;

use super::super::offered_psk::FullHandshake;
use super::super::session_tracker::SessionTracker;
use crate::auth::Authenticated;
use crate::config::ClientConfig;
use crate::negotiated::Negotiated;
use crate::resumption::{ClientSessionValue, DEFAULT_TICKET_LIFETIME, MAX_LIFETIME, SessionSecret};
use crate::schedule::tls12::Keys;

/// The longest ticket that the client keeps, in bytes. It ignores longer ones.
const MAX_TICKET_BYTES: usize = 0x4000;

/// The origin of a session: the configuration, and the ID or ticket that names it.
pub(super) struct SessionOrigin {
    pub(super) config: Arc<ClientConfig>,
    /// The session ID of a full handshake's ServerHello; empty if the server does not store the
    /// session.
    pub(super) session_id: Vec<u8>,
    /// The full handshake that began the resumed session.
    pub(super) full: Option<FullHandshake>,
    /// The new ticket, with the server's lifetime hint in seconds.
    pub(super) ticket: Option<(u32, Vec<u8>)>,
}

/// A session that the application has not taken yet.
pub(super) struct PendingSession {
    origin: SessionOrigin,
    secret: SessionSecret,
    extended_master_secret: bool,
}

impl SessionOrigin {
    /// RFC 5077 §3.3. An empty ticket means that the server issues none after all.
    pub(super) fn add_ticket(&mut self, m: &NewSessionTicket<'_>) {
        if (1..=MAX_TICKET_BYTES).contains(&m.ticket.len()) {
            self.ticket = Some((m.ticket_lifetime_hint, m.ticket.to_vec()));
        }
    }

    /// Returns the session to store. A resumed session without a new ticket is already stored.
    pub(super) fn into_pending(self, keys: &Keys) -> Option<Box<PendingSession>> {
        if !self.config.resumption || (self.ticket.is_none() && self.session_id.is_empty()) {
            return None;
        }
        let (secret, extended_master_secret) = (keys.session_secret()?, keys.has_extended_master_secret());
        Some(Box::new(PendingSession { origin: self, secret, extended_master_secret }))
    }
}

impl PendingSession {
    /// Returns `None` if the end of the chain's validity cannot be read, because the session would
    /// have no expiry.
    pub(super) fn into_session(
        self,
        tracker: &SessionTracker,
        negotiated: &Negotiated,
        peer: &Authenticated,
        now: UnixTime,
    ) -> Option<ClientSessionValue> {
        let Self { origin, secret, extended_master_secret } = self;
        let chain = peer.chain()?;
        let full = origin.full.or_else(|| FullHandshake::of(chain, now));
        let FullHandshake { authenticated, expires } = full?;
        let (hint, ticket) = origin.ticket.unwrap_or_default();
        let lifetime = if hint == 0 { DEFAULT_TICKET_LIFETIME } else { hint.min(MAX_LIFETIME) };
        Some(ClientSessionValue {
            suite: negotiated.suite,
            secret,
            extended_master_secret,
            scope: tracker.scope(),
            server_name: tracker.name().clone(),
            alpn: negotiated.alpn.clone(),
            authenticated,
            received: now.as_secs(),
            lifetime,
            age_add: 0,
            session_id: if ticket.is_empty() { origin.session_id } else { Vec::new() },
            ticket,
            max_early_data: 0,
            server_chain: Arc::clone(chain.shared()),
            expires,
            transport_parameters: None,
        })
    }
}
