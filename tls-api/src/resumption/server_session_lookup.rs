//! Looks up and stores a server's sessions: answers
//! [`Need::Session`](tls_handshake::Need::Session) and
//! [`Need::NewSession`](tls_handshake::Need::NewSession) from tickets or a store.

use std::sync::Arc;

use pki_types::UnixTime;
use tls_handshake::{
    Answer, Identity, NeedNewSession, NeedSession, NeedTakeSession, PskCandidate, ServerSessionValue, SessionLookup,
};

use zeroize::Zeroizing;

use crate::ProtocolVersion;
use crate::identity::external_psk::ResolvesServerPsk;
use crate::resumption::{ProducesTickets, StoresServerSessions};

/// Where a server stores sessions. Answers the requests about them for users of the
/// [engine](crate::handshake), as a [`ServerSession`](crate::ServerSession) does by itself.
///
/// Call [`lookup`](Self::lookup) for the engine's configuration, and [`remove`](Self::remove) when
/// a connection has failed:
///
/// ```
/// use strata_tls::handshake::{Answer, Need, ServerConfig, ServerConnection};
/// use strata_tls::{Identity, SessionBackend, UnixTime};
/// use std::sync::Arc;
///
/// fn configure(config: &mut ServerConfig, sessions: &SessionBackend) {
///     config.set_session_lookup(sessions.lookup());
/// }
///
/// fn answer(need: Need, sessions: &SessionBackend, identity: &Arc<Identity>) -> Answer {
///     match need {
///         Need::Session(need) => sessions.find(need, identity, UnixTime::now()),
///         Need::TakeSession(need) => sessions.take(need),
///         Need::NewSession(need) => sessions.issue_tickets(need, UnixTime::now()),
///         Need::Identity(need) => need.answer(Arc::clone(identity)),
///         Need::Signature(need) => need.sign_locally(),
///         other => other.refuse(),
///     }
/// }
///
/// fn failed(connection: &mut ServerConnection, sessions: &SessionBackend) {
///     sessions.remove(connection.failed_sessions());
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionBackend {
    /// Nowhere: every handshake is a full one.
    Disabled,
    /// Where the application stores them. It answers the requests itself; nothing is found or
    /// stored here.
    Application(SessionLookup),
    /// In tickets, with the clients.
    Tickets(Arc<dyn ProducesTickets>),
    /// In a store. The ticket is the session's ID.
    Store(Arc<dyn StoresServerSessions>),
    /// In tickets, and in the store for TLS 1.2 clients that do not support tickets.
    TicketsOrStore(Arc<dyn ProducesTickets>, Arc<dyn StoresServerSessions>),
}

impl SessionBackend {
    /// Returns where the engine finds the name of a session in a ClientHello
    /// ([`set_session_lookup`](tls_handshake::ServerConfig::set_session_lookup)).
    #[must_use]
    pub fn lookup(&self) -> SessionLookup {
        match self {
            Self::Tickets(ticketer) if ticketer.enabled() => SessionLookup::Tickets,
            Self::Store(store) if store.can_cache() => SessionLookup::Ids,
            Self::TicketsOrStore(ticketer, store) => match (ticketer.enabled(), store.can_cache()) {
                (true, true) => SessionLookup::TicketsOrIds,
                (true, false) => SessionLookup::Tickets,
                // This store is only for TLS 1.2.
                (false, _) => SessionLookup::Never,
            },
            Self::Application(lookup) => *lookup,
            Self::Disabled | Self::Tickets(_) | Self::Store(_) => SessionLookup::Never,
        }
    }

    /// Looks up the session that a client offers. `identity` is the one that a full handshake would
    /// present now: a session that began with another [scope](Identity::session_scope) is not
    /// resumed.
    ///
    /// Looks up at most four identities, and removes nothing: anyone can send an identity. Sessions
    /// of TLS 1.3 in a store are single-use ([`take`](Self::take)), which allows early data.
    #[must_use]
    pub fn find(&self, need: NeedSession, identity: &Arc<Identity>, now: UnixTime) -> Answer {
        self.find_with(None, need, Some(now), |_, _| true, |_| Some(Arc::clone(identity)))
    }

    /// Looks up the offered PSK identities: external keys, and sessions that pass `is_valid`, with
    /// the identity that a full handshake would present. Removes nothing from a store: anyone can
    /// send an identity.
    pub(crate) fn find_with(
        &self,
        psks: Option<&Arc<dyn ResolvesServerPsk>>,
        need: NeedSession,
        now: Option<UnixTime>,
        is_valid: impl Fn(&ServerSessionValue, UnixTime) -> bool,
        identity_for: impl Fn(&NeedSession) -> Option<Arc<Identity>>,
    ) -> Answer {
        let tls13 = need.version() == ProtocolVersion::TLS13;
        let psks = psks.filter(|_| tls13);
        // RFC 9846 §8.1: a stored session of TLS 1.3 may be used once. One of TLS 1.2 may be
        // reused.
        let single_use = tls13 && matches!(self, Self::Store(_));
        let preferred = need.hashes().next();
        // Most clients offer one.
        let (mut candidates, mut lookups) = (Vec::with_capacity(1), 0);
        for (index, identity) in need.identities().enumerate() {
            if let Some(psk) = psks.and_then(|psks| psks.resolve(identity)) {
                let is_preferred = Some(psk.hash()) == preferred;
                candidates.push(PskCandidate::external(index, psk));
                if is_preferred {
                    break;
                }
            } else if let Some(now) = now.filter(|_| lookups < MAX_LOOKUPS) {
                // Only with a clock: without one, the age of a session is unknown.
                lookups += 1;
                let session = self.get(identity, &need).filter(|session| is_valid(session, now));
                // A client that a full handshake would reject is not resumed either.
                if let Some((session, identity)) = session.and_then(|session| Some((session, identity_for(&need)?))) {
                    candidates.push(match single_use {
                        true => PskCandidate::single_use(index, session, &identity, now),
                        false => PskCandidate::session(index, session, &identity, now),
                    });
                }
            }
        }
        need.answer(candidates)
    }

    /// Decrypts a ticket, or copies a session from the store.
    fn get(&self, identity: &[u8], need: &NeedSession) -> Option<ServerSessionValue> {
        let from =
            |store: &Arc<dyn StoresServerSessions>| need.is_store_id(identity).then(|| store.get(identity)).flatten();
        let mut bytes = match self {
            Self::Disabled | Self::Application(_) => return None,
            Self::TicketsOrStore(_, store) if need.is_by_session_id() => from(store)?,
            Self::Tickets(ticketer) | Self::TicketsOrStore(ticketer, _) => ticketer.decrypt(identity)?,
            Self::Store(store) => from(store)?,
        };
        let session = ServerSessionValue::decode(&bytes).ok();
        clear(&mut bytes);
        session
    }

    /// Removes a session from its store, for a client that proved that it holds the session's key.
    #[must_use]
    pub fn take(&self, need: NeedTakeSession) -> Answer {
        match self {
            Self::Store(store) => match store.take(need.identity()) {
                Some(mut state) => {
                    clear(&mut state);
                    need.taken()
                }
                None => need.gone(),
            },
            Self::Disabled | Self::Application(_) | Self::Tickets(_) | Self::TicketsOrStore(..) => need.gone(),
        }
    }

    /// Stores new sessions or encrypts them into tickets, and answers with the tickets.
    #[must_use]
    pub fn issue_tickets(&self, mut need: NeedNewSession, now: UnixTime) -> Answer {
        let ids = need.store_ids();
        let sessions = need.sessions(now);
        let issue = |session: &ServerSessionValue, id: Option<[u8; 32]>| match (self, id) {
            (Self::Tickets(ticketer) | Self::TicketsOrStore(ticketer, _), None) => {
                let mut state = session.encode();
                let ticket = ticketer.encrypt(&state);
                clear(&mut state);
                ticket
            }
            (Self::Store(store) | Self::TicketsOrStore(_, store), Some(id)) => {
                store.put(&id, session.encode(), session.lifetime()).then(|| id.to_vec())
            }
            (Self::Disabled | Self::Application(_), _) | (Self::Tickets(_), Some(_)) | (Self::Store(_), None) => None,
        };
        let mut tickets = Vec::with_capacity(sessions.len());
        for (index, session) in sessions.iter().enumerate() {
            let Some(ticket) = issue(session, ids.map(|ids| ids.id(index))) else { break };
            tickets.push(ticket);
        }
        need.answer(tickets)
    }

    /// Returns whether sessions of TLS 1.3 are in a store of the configuration.
    #[cfg(feature = "quinn")]
    pub(crate) fn is_store(&self) -> bool {
        matches!(self, Self::Store(_))
    }

    /// Returns whether the application stores the sessions.
    pub(crate) fn is_of_application(&self) -> bool {
        matches!(self, Self::Application(_))
    }

    /// Removes the sessions of a failed connection from the store (RFC 5246 §7.2.2, RFC 9846 §6.2):
    /// those that [`failed_sessions`](tls_handshake::ServerConnection::failed_sessions) returns.
    /// Tickets cannot be revoked.
    pub fn remove(&self, ids: impl Iterator<Item = [u8; 32]>) {
        if let Self::Store(store) | Self::TicketsOrStore(_, store) = self {
            for id in ids {
                drop(store.take(&id));
            }
        }
    }
}

/// Prepares a session to be dropped: `Zeroizing` overwrites spare capacity with one `memset`, but
/// elements one by one.
fn clear(state: &mut Zeroizing<Vec<u8>>) {
    state.clear();
}

/// Sessions looked up for one ClientHello. Clients offer one or two tickets; each lookup may be a
/// request to a store.
pub(crate) const MAX_LOOKUPS: usize = 4;
