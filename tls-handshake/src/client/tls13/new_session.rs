//! The tickets that a client receives after the handshake, and the sessions made from them (RFC
//! 9846 §4.7.1).

use std::sync::Arc;

use pki_types::UnixTime;
use tls_codec::handshake::NewSessionTicket;
use tls_crypto::tls13::ResumptionSecret;

use super::super::offered_psk::FullHandshake;
use super::super::session_tracker::SessionTracker;
use crate::auth::Authenticated;
use crate::negotiated::Negotiated;
use crate::resumption::{ClientSessionValue, MAX_LIFETIME, SessionSecret};

/// The number of tickets kept until the application takes their sessions, and the longest one in
/// bytes. Further and longer tickets are ignored.
const MAX_TICKETS: usize = 8;
const MAX_TICKET_BYTES: usize = 0x4000;

/// The resumption secret, and the tickets received so far.
pub(super) struct Tickets {
    secret: ResumptionSecret,
    /// The full handshake that began the resumed session; `None` if this handshake is the full one.
    full: Option<FullHandshake>,
    pending: Vec<Ticket>,
}

/// A ticket with its key.
struct Ticket {
    ticket: Vec<u8>,
    secret: SessionSecret,
    lifetime: u32,
    age_add: u32,
    max_early_data: u32,
}

impl Tickets {
    pub(super) fn new(secret: ResumptionSecret, full: Option<FullHandshake>) -> Self {
        Self { secret, full, pending: Vec::new() }
    }

    /// Keeps a ticket with its key. RFC 9846 §4.7.1: a ticket with lifetime 0 must be discarded at
    /// once.
    pub(super) fn add(&mut self, m: &NewSessionTicket<'_>) {
        let fits = self.pending.len() < MAX_TICKETS && m.ticket.len() <= MAX_TICKET_BYTES;
        if !fits || m.ticket_lifetime == 0 {
            return;
        }
        let Some(secret) = SessionSecret::new(self.secret.ticket_psk(m.ticket_nonce).as_ref()) else { return };
        self.pending.push(Ticket {
            ticket: m.ticket.to_vec(),
            secret,
            lifetime: m.ticket_lifetime.min(MAX_LIFETIME),
            age_add: m.ticket_age_add,
            max_early_data: m.max_early_data_size.unwrap_or(0),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Returns the sessions of the tickets received so far. Drops them if the end of the server's
    /// chain cannot be read.
    pub(super) fn take_sessions(
        &mut self,
        tracker: &SessionTracker,
        negotiated: &Negotiated,
        peer: &Authenticated,
        now: UnixTime,
    ) -> Vec<ClientSessionValue> {
        if self.pending.is_empty() {
            return Vec::new();
        }
        let pending = std::mem::take(&mut self.pending);
        let Some(chain) = peer.chain() else { return Vec::new() };
        let full = self.full.or_else(|| FullHandshake::of(chain, now));
        let Some(FullHandshake { authenticated, expires }) = full else { return Vec::new() };
        let mut sessions = Vec::new();
        for ticket in pending {
            sessions.push(ClientSessionValue {
                suite: negotiated.suite,
                secret: ticket.secret,
                extended_master_secret: true,
                scope: tracker.scope(),
                server_name: tracker.name().clone(),
                alpn: negotiated.alpn.clone(),
                authenticated,
                received: now.as_secs(),
                lifetime: ticket.lifetime,
                age_add: ticket.age_add,
                ticket: ticket.ticket,
                session_id: Vec::new(),
                max_early_data: ticket.max_early_data,
                server_chain: Arc::clone(chain.shared()),
                expires,
                transport_parameters: None,
            });
        }
        sessions
    }
}
