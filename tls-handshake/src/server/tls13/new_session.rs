//! The tickets that a TLS 1.3 server issues after the handshake, one for each new session (RFC 9846
//! §4.7.1).

use std::sync::Arc;

use tls_codec::code_points::HandshakeType;
use tls_codec::extension::MaxEarlyDataSize;
use tls_codec::handshake::KeyUpdate;
use tls_crypto::tls13::ResumptionSecret;

use super::client_flight::Connected;
use super::negotiate::HandshakeContext;
use super::resumption::FullHandshake;
use crate::auth::Authenticated;
use crate::config::SessionLookup;
use crate::error::Error;
use crate::framed::Framed;
use crate::key_update::Traffic;
use crate::need::{ConnectionId, Need, NeedNewSession, NewSessionAnswer};
use crate::negotiated::Established;
use crate::resumption::{ServerSessionValue, SessionSecret, StoreIds};
use crate::sink::{Event, Sink};
use crate::states::opaque_debug;
use crate::verify::PeerChain;

opaque_debug!(WaitTickets);

/// CONNECTED: waits for the application to make the tickets. Data passes meanwhile.
pub struct WaitTickets {
    connected: Box<Connected>,
    connection_id: ConnectionId,
}

impl HandshakeContext {
    /// Returns whether to issue tickets: the configuration enables and bounds sessions. A client
    /// with an external key gets none, since it can use that key again.
    pub(super) fn issues_tickets(&self, peer: &Authenticated) -> bool {
        self.config.session_lookup != SessionLookup::Never
            && self.config.tls13_tickets > 0
            && self.config.has_lifetime()
            && peer.external_psk_identity().is_none()
    }
}

impl WaitTickets {
    /// Creates the sessions and requests their tickets.
    pub(super) fn ask(
        connected: Box<Connected>,
        context: &HandshakeContext,
        secret: &ResumptionSecret,
        full: Option<FullHandshake>,
    ) -> Result<(Self, Need), Error> {
        let (config, negotiated, connection_id) =
            (&context.config, connected.negotiated(), ConnectionId::of(&context.random));
        let chain = connected.peer().chain();
        let of_chain =
            |chain: &PeerChain| FullHandshake { authenticated: chain.verification_time(), expires: chain.end() };
        let FullHandshake { authenticated, expires } = full.or_else(|| chain.map(of_chain)).unwrap_or_default();
        // No tickets if the end of the client's chain cannot be read, because the sessions would
        // have no expiry.
        let tickets = if chain.is_some() && expires.is_none() { 0 } else { config.tls13_tickets };
        let ids = match config.session_lookup {
            SessionLookup::Ids => {
                let mut random = [0; 32];
                context.source.fill(&mut random).map_err(|_| Error::Crypto("drawing random bytes"))?;
                Some(StoreIds::of_tickets(tickets, random))
            }
            SessionLookup::Never | SessionLookup::Tickets | SessionLookup::TicketsOrIds => None,
        };
        let mut sessions = Vec::with_capacity(tickets.into());
        for nonce in 0..tickets {
            let age_add = match context.age_adds.get(usize::from(nonce)) {
                Some(drawn) => *drawn,
                None => {
                    let mut age_add = [0; 4];
                    context.source.fill(&mut age_add).map_err(|_| Error::Crypto("drawing random bytes"))?;
                    age_add
                }
            };
            let Some(secret) = SessionSecret::new(secret.ticket_psk(&[nonce]).as_ref()) else {
                return Err(Error::Crypto("deriving a session secret"));
            };
            sessions.push(ServerSessionValue {
                suite: negotiated.suite,
                secret,
                extended_master_secret: true,
                scope: context.scope,
                server_name: negotiated.server_name.clone(),
                alpn: negotiated.alpn.clone(),
                authenticated,
                issued: 0,
                lifetime: config.ticket_lifetime,
                age_add: u32::from_be_bytes(age_add),
                // Early data needs a single-use session, and so a store.
                max_early_data: match config.session_lookup {
                    SessionLookup::Ids => config.max_early_data,
                    _ => 0,
                },
                client_chain: chain.map(|chain| Arc::clone(chain.shared())),
                expires,
                application: context.transport.session_data().into(),
            });
        }
        let need = NeedNewSession::new(connection_id, ids, sessions, config.session_lifetime);
        Ok((Self { connected, connection_id }, Need::NewSession(need)))
    }

    pub(super) fn connection_id(&self) -> ConnectionId {
        self.connection_id
    }

    /// Updates the read key (RFC 9846 §4.7.3).
    pub(super) fn on_key_update(self, m: Framed<'_, KeyUpdate>, out: &mut dyn Sink) -> Result<Self, Error> {
        Ok(Self { connected: self.connected.on_key_update(m, out)?, ..self })
    }

    pub(super) fn established(&self) -> Established<'_> {
        self.connected.established()
    }

    pub(super) fn traffic_mut(&mut self) -> &mut Traffic {
        self.connected.traffic_mut()
    }

    /// Sends one NewSessionTicket for each session. The nonce is the session's number in a single
    /// byte, because some clients reject longer ones.
    pub(super) fn on_tickets(self, answer: NewSessionAnswer, out: &mut dyn Sink) -> Result<Box<Connected>, Error> {
        if let Some(stored) = answer.stored() {
            out.event(Event::Stored(stored));
        }
        for (nonce, session, ticket) in answer.into_tickets() {
            out.send(&mut |w| {
                w.message(HandshakeType::NEW_SESSION_TICKET, |w| {
                    w.u32(session.lifetime)?;
                    w.u32(session.age_add)?;
                    w.vec8(|w| w.u8(nonce))?;
                    w.vec16_bytes(&ticket)?;
                    w.vec16(|w| match session.max_early_data {
                        0 => Ok(()),
                        bytes => MaxEarlyDataSize::write(w, bytes),
                    })
                })
            })?;
        }
        Ok(self.connected)
    }
}
