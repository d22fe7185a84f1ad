//! The session that a full handshake establishes: issued as a ticket, or stored under its ID (RFC
//! 5077 §3.3, RFC 5246 §7.3).

use std::sync::Arc;

use tls_codec::code_points::HandshakeType;

use super::finished::{Connected, KeysReady};
use super::resumption::SessionKind;
use crate::auth::Authenticated;
use crate::error::Error;
use crate::flight;
use crate::need::{ConnectionId, Need, NeedNewSession, NewSessionAnswer};
use crate::resumption::{ServerSessionValue, StoreIds, StoredSessions};
use crate::sink::{Event, Sink};
use crate::states::opaque_debug;
use crate::verify::PeerChain;

opaque_debug!(WaitTicket);

/// WAIT_TICKET: the client has finished. The server issues the ticket before its own Finished.
pub struct WaitTicket {
    ready: KeysReady,
    peer: Authenticated,
}

impl WaitTicket {
    /// Requests a ticket for the session, or its storage under its ID.
    pub(super) fn ask(ready: KeysReady, peer: Authenticated, session: ServerSessionValue) -> (Self, Need) {
        let ids = match ready.context.session_kind {
            SessionKind::Id(id) => Some(StoreIds::of_session_id(id)),
            SessionKind::Ticket | SessionKind::Nothing => None,
        };
        let need = NeedNewSession::new(
            ready.context.connection_id(),
            ids,
            vec![session],
            ready.context.config.session_lifetime,
        );
        (Self { ready, peer }, Need::NewSession(need))
    }

    pub(super) fn connection_id(&self) -> ConnectionId {
        self.ready.context.connection_id()
    }

    /// Sends the ticket, ChangeCipherSpec and Finished.
    pub(super) fn on_ticket(mut self, answer: NewSessionAnswer, out: &mut dyn Sink) -> Result<Box<Connected>, Error> {
        self.ready.note_stored(out);
        if self.ready.context.session_kind == SessionKind::Ticket {
            let given = answer.into_tickets().next().map(|(_, session, ticket)| (session, ticket));
            self.ready
                .send_ticket(given.as_ref().map(|(session, ticket)| (session.lifetime, ticket.as_slice())), out)?;
        }
        self.ready.finish(self.peer, out)
    }
}

impl KeysReady {
    /// Reports that a store has the session, if it has an ID.
    pub(super) fn note_stored(&self, out: &mut dyn Sink) {
        if let SessionKind::Id(id) = self.context.session_kind {
            out.event(Event::Stored(StoredSessions::new(StoreIds::of_session_id(id), 1)));
        }
    }

    /// Sends the ticket that ServerHello promised (RFC 5077 §3.3); an empty one if there is none
    /// after all.
    pub(super) fn send_ticket(&mut self, given: Option<(u32, &[u8])>, out: &mut dyn Sink) -> Result<(), Error> {
        let (lifetime, ticket) = given.unwrap_or_default();
        flight::send(out, &mut self.context.transcript, &mut |w| {
            w.message(HandshakeType::NEW_SESSION_TICKET, |w| {
                w.u32(lifetime)?;
                w.vec16_bytes(ticket)
            })
        })
    }

    /// Returns the session to store or issue. `None` if sessions are disabled, or if the end of the
    /// client's certificates cannot be read, because the session would have no expiry.
    pub(super) fn session(&self, peer: &Authenticated) -> Option<ServerSessionValue> {
        if self.context.session_kind == SessionKind::Nothing {
            return None;
        }
        let (config, negotiated) = (&self.context.config, &self.context.negotiated);
        let expires = match peer.chain() {
            Some(chain) => Some(chain.end()?),
            None => None,
        };
        Some(ServerSessionValue {
            suite: negotiated.suite,
            secret: self.keys.session_secret()?,
            extended_master_secret: self.keys.has_extended_master_secret(),
            scope: self.context.scope,
            server_name: negotiated.server_name.clone(),
            alpn: negotiated.alpn.clone(),
            authenticated: peer.chain().map_or(0, PeerChain::verification_time),
            issued: 0,
            lifetime: config.ticket_lifetime,
            age_add: 0,
            max_early_data: 0,
            client_chain: peer.chain().map(|chain| Arc::clone(chain.shared())),
            expires,
            application: [].into(),
        })
    }
}
