//! A TLS 1.3 client after the handshake: NewSessionTicket and KeyUpdate (RFC 9846 §4.7).

use pki_types::UnixTime;
use tls_codec::handshake::{KeyUpdate, NewSessionTicket};

use super::super::session_tracker::SessionTracker;
use super::new_session::Tickets;
use crate::auth::Authenticated;
use crate::error::Error;
use crate::framed::Framed;
use crate::key_update::Traffic;
use crate::negotiated::Established;
use crate::resumption::ClientSessionValue;
use crate::sink::Sink;
use crate::states::opaque_debug;

opaque_debug!(Connected);

/// CONNECTED.
pub struct Connected {
    traffic: Traffic,
    peer: Authenticated,
    tickets: Option<Box<Tickets>>,
}

impl Connected {
    pub(super) fn new(traffic: Traffic, peer: Authenticated, tickets: Option<Tickets>) -> Box<Self> {
        Box::new(Self { traffic, peer, tickets: tickets.map(Box::new) })
    }

    /// Keeps the ticket for a later resumption (RFC 9846 §4.7.1). At most eight tickets are kept.
    ///
    /// # Errors
    /// [`Error::Flood`].
    pub fn on_new_session_ticket(mut self: Box<Self>, m: Framed<'_, NewSessionTicket<'_>>) -> Result<Box<Self>, Error> {
        self.traffic.count_ticket()?;
        if let Some(tickets) = &mut self.tickets {
            tickets.add(&m.msg);
        }
        Ok(self)
    }

    /// Updates the read key (RFC 9846 §4.7.3).
    ///
    /// # Errors
    /// [`Error::KeyChangeInsideRecord`], [`Error::Flood`].
    pub fn on_key_update(
        mut self: Box<Self>,
        m: Framed<'_, KeyUpdate>,
        out: &mut dyn Sink,
    ) -> Result<Box<Self>, Error> {
        self.traffic.on_key_update(&m, out)?;
        Ok(self)
    }

    pub(super) fn has_sessions(&self) -> bool {
        self.tickets.as_ref().is_some_and(|tickets| !tickets.is_empty())
    }

    pub(super) fn take_sessions(&mut self, tracker: &SessionTracker, now: UnixTime) -> Vec<ClientSessionValue> {
        match &mut self.tickets {
            Some(tickets) => tickets.take_sessions(tracker, self.traffic.negotiated(), &self.peer, now),
            None => Vec::new(),
        }
    }

    pub(super) fn established(&self) -> Established<'_> {
        self.traffic.established(&self.peer)
    }

    pub(super) fn traffic_mut(&mut self) -> &mut Traffic {
        &mut self.traffic
    }
}
