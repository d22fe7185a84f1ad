//! The session that a connection of TLS 1.2 leads to: by a ticket (RFC 5077) or by an id (RFC 5246 §7.3).

use std::sync::Arc;

use pki_types::UnixTime;
use tls_codec::handshake::tls12::NewSessionTicket;

use super::super::offered_psk::FullHandshake;
use super::super::session_tracker::SessionTracker;
use crate::auth::Authenticated;
use crate::config::ClientConfig;
use crate::negotiated::Negotiated;
use crate::resumption::{ClientSessionValue, MAX_LIFETIME, SessionSecret};
use crate::schedule::tls12::Keys;

/// Bytes of a ticket: a longer one is not kept.
const MAX_TICKET_BYTES: usize = 0x4000;
/// For servers that do not say how long they keep a session: half a day.
const LIFETIME: u32 = 12 * 60 * 60;

/// What a session is known by, and whose it is.
pub(super) struct SessionOrigin {
    pub(super) config: Arc<ClientConfig>,
    /// ServerHello's, of a full handshake; empty if the server keeps none.
    pub(super) session_id: Vec<u8>,
    /// The full handshake that this one goes back to.
    pub(super) full: Option<FullHandshake>,
    /// The ticket that came, with the server's hint how long it is good.
    pub(super) ticket: Option<(u32, Vec<u8>)>,
}

/// A session that nobody has taken yet.
pub(super) struct PendingSession {
    origin: SessionOrigin,
    secret: SessionSecret,
    extended_master_secret: bool,
}

impl SessionOrigin {
    /// RFC 5077 §3.3. An empty ticket is none: the server changed its mind.
    pub(super) fn add_ticket(&mut self, m: &NewSessionTicket<'_>) {
        if (1..=MAX_TICKET_BYTES).contains(&m.ticket.len()) {
            self.ticket = Some((m.ticket_lifetime_hint, m.ticket.to_vec()));
        }
    }

    /// The session, if there is one to keep: a session that was gone on from, without a new ticket, is where it was.
    pub(super) fn into_pending(self, keys: &Keys) -> Option<Box<PendingSession>> {
        let known_by_id = !self.session_id.is_empty() && self.full.is_none();
        if !self.config.resumption || (self.ticket.is_none() && !known_by_id) {
            return None;
        }
        let (secret, extended_master_secret) = (keys.session_secret()?, keys.has_extended_master_secret());
        Some(Box::new(PendingSession { origin: self, secret, extended_master_secret }))
    }
}

impl PendingSession {
    /// `None` if the end of the server's chain cannot be read: nobody would know when to stop trusting it.
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
        let lifetime = if hint == 0 { LIFETIME } else { hint.min(MAX_LIFETIME) };
        Some(ClientSessionValue {
            suite: negotiated.suite,
            secret,
            extended_master_secret,
            scope: tracker.scope(),
            server_name: tracker.name().clone(),
            alpn: negotiated.alpn.clone(),
            authenticated,
            received: now.as_secs().saturating_mul(1000),
            lifetime,
            age_add: 0,
            session_id: if ticket.is_empty() { origin.session_id } else { Vec::new() },
            ticket,
            max_early_data: 0,
            server_chain: Arc::clone(chain.shared()),
            expires,
        })
    }
}
