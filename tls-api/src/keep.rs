//! Where a server keeps its sessions, and how it finds them again: the answers to [`Need::Session`](tls_handshake::Need::Session) and
//! [`Need::NewSession`](tls_handshake::Need::NewSession).

use std::sync::Arc;

use pki_types::UnixTime;
use tls_crypto::{SecureRandom, SystemRandom};
use tls_handshake::{Answer, NeedNewSession, NeedSession, ServerSessionValue, SessionLookup};

use crate::ProtocolVersion;
use crate::psk::ResolvesServerPsk;
use crate::resumption::{ProducesTickets, StoresServerSessions};

/// Where sessions are kept.
#[derive(Clone, Debug)]
pub(crate) enum Keep {
    Nowhere,
    /// With the clients.
    Tickets(Arc<dyn ProducesTickets>),
    /// In a store, under ids that clients get as their tickets.
    Store(Arc<dyn StoresServerSessions>),
    /// With the clients; and in the store those of TLS 1.2 clients that take no tickets.
    TicketsOrStore(Arc<dyn ProducesTickets>, Arc<dyn StoresServerSessions>),
}

impl Keep {
    pub(crate) fn lookup(&self) -> SessionLookup {
        match self {
            Self::Tickets(ticketer) if ticketer.enabled() => SessionLookup::Tickets,
            Self::Store(store) if store.can_cache() => SessionLookup::Ids,
            Self::TicketsOrStore(ticketer, store) => match (ticketer.enabled(), store.can_cache()) {
                (true, true) => SessionLookup::TicketsOrIds,
                (true, false) => SessionLookup::Tickets,
                // A store for TLS 1.2 alone cannot serve TLS 1.3.
                (false, _) => SessionLookup::Never,
            },
            Self::Nowhere | Self::Tickets(_) | Self::Store(_) => SessionLookup::Never,
        }
    }

    /// Finds what the client wants to go on from, if it is `good`.
    pub(crate) fn find(
        &self,
        psks: Option<&Arc<dyn ResolvesServerPsk>>,
        need: NeedSession,
        now: Option<UnixTime>,
        good: impl Fn(&ServerSessionValue, UnixTime) -> bool,
    ) -> Answer {
        let tls13 = need.version() == ProtocolVersion::TLS13;
        let mut found = None;
        for (index, identity) in need.identities().into_iter().enumerate() {
            found = match psks.filter(|_| tls13).and_then(|psks| psks.resolve(identity)) {
                Some(psk) => Some((index, Found::Psk(psk))),
                // Without a clock nobody knows whether a session has ended.
                None => now.and_then(|now| {
                    let by_id = need.is_by_session_id();
                    let session = self.session(identity, tls13, by_id).filter(|session| good(session, now))?;
                    Some((index, Found::Session(session, now)))
                }),
            };
            if found.is_some() {
                break;
            }
        }
        match found {
            Some((index, Found::Psk(psk))) => need.external(index, psk),
            // It was taken out of the store: nobody gets it a second time.
            Some((index, Found::Session(session, now))) if tls13 && matches!(self, Self::Store(_)) => {
                need.found_once(index, session, now)
            }
            Some((index, Found::Session(session, now))) => need.found(index, session, now),
            None => need.not_found(),
        }
    }

    fn session(&self, identity: &[u8], once: bool, by_id: bool) -> Option<ServerSessionValue> {
        let mut bytes = match self {
            Self::Nowhere => return None,
            Self::TicketsOrStore(_, store) if by_id => store.get(identity)?,
            Self::Tickets(ticketer) | Self::TicketsOrStore(ticketer, _) => ticketer.decrypt(identity)?,
            // RFC 9846 §8.1: a ticket of TLS 1.3 is good for one connection. A session of TLS 1.2 is for several.
            Self::Store(store) if once => store.take(identity)?,
            Self::Store(store) => store.get(identity)?,
        };
        let session = ServerSessionValue::decode(&bytes).ok();
        // What is beyond a vector's length is overwritten at once when it goes, and what is within byte by byte.
        bytes.clear();
        session
    }

    /// Keeps new sessions, and gives out their tickets.
    pub(crate) fn give_out(&self, mut need: NeedNewSession, now: Option<UnixTime>) -> Answer {
        let Some(now) = now else { return need.none() };
        let id = need.session_id().copied();
        let sessions = need.sessions(now);
        let keep = |session: &ServerSessionValue| match self {
            Self::Nowhere => None,
            Self::TicketsOrStore(ticketer, _) | Self::Tickets(ticketer) if id.is_none() => {
                let mut state = session.encode();
                let ticket = ticketer.encrypt(&state);
                state.clear();
                ticket
            }
            // An id is for a store.
            Self::Tickets(_) => None,
            Self::Store(store) | Self::TicketsOrStore(_, store) => {
                let id = id.or_else(fresh_id)?;
                store.put(&id, session.encode(), session.lifetime()).then(|| id.to_vec())
            }
        };
        let mut tickets = Vec::with_capacity(sessions.len());
        for session in sessions {
            let Some(ticket) = keep(session) else { break };
            tickets.push(ticket);
        }
        need.answer(tickets)
    }
}

/// What an identity stands for.
enum Found {
    Psk(tls_handshake::ExternalPsk),
    Session(ServerSessionValue, UnixTime),
}

/// Nobody can guess it, and so nobody can ask for another one's session.
fn fresh_id() -> Option<[u8; 32]> {
    let mut id = [0; 32];
    SystemRandom.fill(&mut id).ok().map(|()| id)
}
