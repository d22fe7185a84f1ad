//! The keys of a TLS 1.3 connection whose handshake is complete, and their updates. Both roles have it.

use tls_codec::code_points::{HandshakeType, KeyUpdateRequest};
use tls_codec::handshake::KeyUpdate;

use crate::auth::Authenticated;
use crate::error::{Error, Flood};
use crate::framed::Framed;
use crate::negotiated::{Established, Negotiated};
use crate::schedule::tls13::ApplicationKeys;
use crate::sink::Sink;

/// Keys, and what was negotiated.
pub(crate) struct Traffic {
    keys: ApplicationKeys,
    negotiated: Negotiated,
    /// KeyUpdates received since data came last.
    received_updates: u8,
    /// NewSessionTickets received since data came last.
    received_tickets: u16,
    sent_updates: u64,
    /// The peer update_requested for a KeyUpdate that we have not sent yet: however often it asks, it gets one.
    update_pending: bool,
    /// We update_requested for one that has not come yet: we must not ask again (RFC 9846 §4.7.3).
    update_requested: bool,
    /// How often the application had keys changed since we sent data last.
    refreshes: u8,
}

const MAX_RECEIVED_UPDATES: u8 = 32;
/// Twice as many as a server of ours can be set to send at once.
const MAX_RECEIVED_TICKETS: u16 = 512;
/// Far below what peers, BoringSSL and ourselves, take for a flood.
const MAX_REFRESHES: u8 = 16;
/// RFC 9846 §4.7.3: the number of key updates must not exceed 2^48 - 1.
const MAX_SENT_UPDATES: u64 = (1 << 48) - 1;

impl Traffic {
    pub(crate) fn new(keys: ApplicationKeys, negotiated: Negotiated) -> Self {
        Self {
            keys,
            negotiated,
            received_updates: 0,
            received_tickets: 0,
            sent_updates: 0,
            update_pending: false,
            update_requested: false,
            refreshes: 0,
        }
    }

    pub(crate) fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    pub(crate) fn established<'s>(&'s self, peer: &'s Authenticated) -> Established<'s> {
        Established { negotiated: &self.negotiated, peer, exporter: &self.keys }
    }

    /// RFC 9846 §4.7.3: the peer's next records come under its next key.
    pub(crate) fn on_key_update(&mut self, m: &Framed<'_, KeyUpdate>, out: &mut dyn Sink) -> Result<(), Error> {
        let at = m.at_boundary()?;
        // What we update_requested for ourselves is no flood.
        if !std::mem::take(&mut self.update_requested) {
            self.received_updates = self.received_updates.saturating_add(1);
        }
        if self.received_updates > MAX_RECEIVED_UPDATES {
            return Err(Error::Flood(Flood::KeyUpdates));
        }
        out.install_read(self.keys.next_read_key(), at);
        self.update_pending |= m.msg.request_update == KeyUpdateRequest::UPDATE_REQUESTED;
        Ok(())
    }

    /// Counts a NewSessionTicket, which is no reason to hold a connection open.
    ///
    /// # Errors
    /// [`Error::Flood`].
    pub(crate) fn count_ticket(&mut self) -> Result<(), Error> {
        self.received_tickets = self.received_tickets.saturating_add(1);
        if self.received_tickets > MAX_RECEIVED_TICKETS {
            return Err(Error::Flood(Flood::NewSessionTickets));
        }
        Ok(())
    }

    /// Data came: whatever was counted against a flood starts anew.
    pub(crate) fn data_received(&mut self) {
        self.received_updates = 0;
        self.received_tickets = 0;
    }

    /// Data goes out under the present key.
    pub(crate) fn data_sent(&mut self) {
        self.refreshes = 0;
    }

    /// Whether the peer update_requested for a KeyUpdate that was not sent yet.
    pub(crate) fn has_pending_key_update(&self) -> bool {
        self.update_pending
    }

    /// Sends the KeyUpdate that the peer update_requested for, if it did.
    pub(crate) fn send_pending_key_update(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        if std::mem::take(&mut self.update_pending) && self.sent_updates < MAX_SENT_UPDATES {
            self.send_key_update(KeyUpdateRequest::UPDATE_NOT_REQUESTED, out)?;
        }
        Ok(())
    }

    /// Changes our key, and asks the peer to change its own unless it was update_requested already. Beyond a bound that is done only
    /// after data was sent: keys that protected nothing need no change, and a peer would take it for a flood.
    pub(crate) fn refresh(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        if self.refreshes >= MAX_REFRESHES {
            return Ok(());
        }
        self.refreshes = self.refreshes.saturating_add(1);
        if self.update_requested {
            return self.update_write_key(out);
        }
        self.update_requested = true;
        self.send_key_update(KeyUpdateRequest::UPDATE_REQUESTED, out)
    }

    #[cfg(test)]
    pub(crate) fn forget_request(&mut self) {
        self.update_requested = false;
        self.refreshes = 0;
    }

    /// Changes our key alone.
    pub(crate) fn update_write_key(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        self.send_key_update(KeyUpdateRequest::UPDATE_NOT_REQUESTED, out)
    }

    fn send_key_update(&mut self, request_update: KeyUpdateRequest, out: &mut dyn Sink) -> Result<(), Error> {
        if self.sent_updates >= MAX_SENT_UPDATES {
            return Err(Error::Crypto("changing keys again"));
        }
        self.sent_updates = self.sent_updates.saturating_add(1);
        // Any KeyUpdate of ours is what the peer update_requested for.
        self.update_pending = false;
        out.send(&mut |w| w.message(HandshakeType::KEY_UPDATE, |w| w.u8(request_update.0)))?;
        out.install_write(self.keys.next_write_key())
    }
}

impl std::fmt::Debug for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traffic").field("negotiated", &self.negotiated).finish_non_exhaustive()
    }
}
