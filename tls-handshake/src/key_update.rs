//! TLS 1.3 keys after the handshake, and their updates (RFC 9846 §4.7.3). Both roles use it.
//!
//! A KeyUpdate that the peer requests is sent before the next data. It is also sent when data
//! arrives and the send queue is empty, so that an application that only reads answers too.

use tls_codec::code_points::{HandshakeType, KeyUpdateRequest};
use tls_codec::handshake::KeyUpdate;

use crate::auth::Authenticated;
use crate::error::{Error, Flood};
use crate::framed::Framed;
use crate::negotiated::{Established, Negotiated};
use crate::schedule::tls13::{ApplicationKeys, TakenSecrets};
use crate::sink::Sink;

/// The application keys and what was negotiated.
pub(crate) struct Traffic {
    keys: ApplicationKeys,
    negotiated: Negotiated,
    /// KeyUpdates received since the last data.
    received_updates: u8,
    /// NewSessionTickets received since the last data.
    received_tickets: u16,
    sent_updates: u64,
    /// The peer requested a KeyUpdate that is not sent yet. One answers any number of requests.
    owed_to_peer: bool,
    /// This side requested a KeyUpdate that has not arrived yet. Another request is not allowed
    /// (RFC 9846 §4.7.3).
    awaited_from_peer: bool,
    /// Calls of `refresh` since data was last sent.
    refreshes: u8,
}

/// KeyUpdates without data in between, beyond which they are a flood.
const MAX_RECEIVED_UPDATES: u8 = 32;
/// Twice the number of tickets that a server of this library can be set to send.
const MAX_RECEIVED_TICKETS: u16 = 512;
/// Far below the number of KeyUpdates without data that BoringSSL and this library reject.
const MAX_REFRESHES: u8 = 16;
/// RFC 9846 §4.7.3: at most 2^48 - 1 key updates.
const MAX_SENT_UPDATES: u64 = (1 << 48) - 1;

impl Traffic {
    pub(crate) fn new(keys: ApplicationKeys, negotiated: Negotiated) -> Self {
        Self {
            keys,
            negotiated,
            received_updates: 0,
            received_tickets: 0,
            sent_updates: 0,
            owed_to_peer: false,
            awaited_from_peer: false,
            refreshes: 0,
        }
    }

    pub(crate) fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    pub(crate) fn established<'s>(&'s self, peer: &'s Authenticated) -> Established<'s> {
        Established { negotiated: &self.negotiated, peer, exporter: &self.keys }
    }

    /// Takes the secrets of later keys, for QUIC.
    pub(crate) fn take_secrets(&mut self) -> TakenSecrets {
        self.keys.take_secrets()
    }

    /// Switches reading to the peer's next key (RFC 9846 §4.7.3).
    pub(crate) fn on_key_update(&mut self, m: &Framed<'_, KeyUpdate>, out: &mut dyn Sink) -> Result<(), Error> {
        let at = m.at_boundary()?;
        // A KeyUpdate that this side requested does not count towards the limit.
        if !std::mem::take(&mut self.awaited_from_peer) {
            self.received_updates = self.received_updates.saturating_add(1);
        }
        if self.received_updates > MAX_RECEIVED_UPDATES {
            return Err(Error::Flood(Flood::KeyUpdates));
        }
        self.keys.update_read(at, out);
        self.owed_to_peer |= m.msg.request_update == KeyUpdateRequest::UPDATE_REQUESTED;
        Ok(())
    }

    /// Counts a NewSessionTicket.
    ///
    /// # Errors
    /// [`Error::Flood`] for too many tickets without data in between.
    pub(crate) fn count_ticket(&mut self) -> Result<(), Error> {
        self.received_tickets = self.received_tickets.saturating_add(1);
        if self.received_tickets > MAX_RECEIVED_TICKETS {
            return Err(Error::Flood(Flood::NewSessionTickets));
        }
        Ok(())
    }

    /// Resets the counters of flood protection: data arrived.
    pub(crate) fn data_received(&mut self) {
        self.received_updates = 0;
        self.received_tickets = 0;
    }

    /// Resets the limit on `refresh`: data was sent.
    pub(crate) fn data_sent(&mut self) {
        self.refreshes = 0;
    }

    /// Returns whether the peer requested a KeyUpdate that is not sent yet.
    pub(crate) fn has_pending_key_update(&self) -> bool {
        self.owed_to_peer
    }

    /// Sends the KeyUpdate that the peer requested, if any.
    pub(crate) fn send_pending_key_update(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        if std::mem::take(&mut self.owed_to_peer) && self.sent_updates < MAX_SENT_UPDATES {
            self.send_key_update(KeyUpdateRequest::UPDATE_NOT_REQUESTED, out)?;
        }
        Ok(())
    }

    /// Updates the sending key and requests a KeyUpdate, unless a request is already open. After
    /// `MAX_REFRESHES` calls it does nothing until data is sent: unused keys need no update, and
    /// the peer would count a flood.
    pub(crate) fn refresh(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        if self.refreshes >= MAX_REFRESHES {
            return Ok(());
        }
        self.refreshes = self.refreshes.saturating_add(1);
        if self.awaited_from_peer {
            return self.update_write_key(out);
        }
        self.awaited_from_peer = true;
        self.send_key_update(KeyUpdateRequest::UPDATE_REQUESTED, out)
    }

    #[cfg(test)]
    pub(crate) fn forget_request(&mut self) {
        self.awaited_from_peer = false;
        self.refreshes = 0;
    }

    /// Updates the sending key and requests nothing.
    pub(crate) fn update_write_key(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        self.send_key_update(KeyUpdateRequest::UPDATE_NOT_REQUESTED, out)
    }

    fn send_key_update(&mut self, request_update: KeyUpdateRequest, out: &mut dyn Sink) -> Result<(), Error> {
        if self.sent_updates >= MAX_SENT_UPDATES {
            return Err(Error::Crypto("changing keys again"));
        }
        self.sent_updates = self.sent_updates.saturating_add(1);
        // Any KeyUpdate answers a pending request.
        self.owed_to_peer = false;
        out.send(&mut |w| w.message(HandshakeType::KEY_UPDATE, |w| w.u8(request_update.0)))?;
        self.keys.update_write(out)
    }
}

impl std::fmt::Debug for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traffic").field("negotiated", &self.negotiated).finish_non_exhaustive()
    }
}
