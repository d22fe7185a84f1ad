//! TLS 1.3 keys after the handshake, and their updates (RFC 9846 §4.7.3). Both roles use it. Counts
//! KeyUpdates and tickets against the limits in `flood`.
//!
//! `connection/sending` sends the KeyUpdate that a peer requests, before the next data. An
//! application that only reads sends it as well: when data arrives and the send queue is empty.
//!
//! [`Traffic`] receives. Its [`WriteTraffic`] sends, and goes to the sending half when the
//! connection splits.

use tls_codec::code_points::KeyUpdateRequest;
use tls_codec::handshake::KeyUpdate;

use crate::auth::Authenticated;
use crate::error::{Error, Flood};
use crate::flood::{MAX_KEY_UPDATES, MAX_REFRESHES, MAX_TICKETS};
use crate::framed::Framed;
use crate::negotiated::{Established, Negotiated};
use crate::schedule::WriteKey;
use crate::schedule::tls13::{ApplicationKeys, ReadKeys, TakenSecrets, WriteKeys};
use crate::sink::Sink;

/// The application keys and what was negotiated.
pub(crate) struct Traffic {
    keys: ReadKeys,
    negotiated: Negotiated,
    /// `None` after the connection was split.
    write: Option<WriteTraffic>,
    /// NewSessionTickets received since the last data.
    received_tickets: u16,
    /// KeyUpdates received since the last data.
    received_updates: u8,
}

/// The keys for sending.
pub(crate) struct WriteTraffic {
    keys: WriteKeys,
    sent_updates: u64,
    /// Requests of the application for new keys since data was last sent.
    refreshes: u8,
}

/// RFC 9846 §4.7.3: at most 2^48 - 1 key updates.
const MAX_SENT_UPDATES: u64 = (1 << 48) - 1;

impl Traffic {
    pub(crate) fn new(keys: ApplicationKeys, negotiated: Negotiated) -> Self {
        let write = WriteTraffic { keys: keys.write, sent_updates: 0, refreshes: 0 };
        Self { keys: keys.read, negotiated, write: Some(write), received_tickets: 0, received_updates: 0 }
    }

    pub(crate) fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    pub(crate) fn established<'s>(&'s self, peer: &'s Authenticated) -> Established<'s> {
        Established { negotiated: &self.negotiated, peer, exporter: &self.keys }
    }

    /// Takes the secrets of later keys, for QUIC. `None` if they were taken before.
    pub(crate) fn take_secrets(&mut self) -> Option<TakenSecrets> {
        let secrets = self.keys.take_secrets(&mut self.write.as_mut()?.keys);
        self.write = None;
        Some(secrets)
    }

    /// Switches reading to the peer's next key (RFC 9846 §4.7.3).
    pub(crate) fn on_key_update(&mut self, m: &Framed<'_, KeyUpdate>, out: &mut dyn Sink) -> Result<(), Error> {
        let at = m.at_boundary()?;
        let was_awaited = out.key_update_received(m.msg.request_update == KeyUpdateRequest::UPDATE_REQUESTED);
        // A KeyUpdate that this side requested does not count towards the limit.
        if !was_awaited {
            self.received_updates = self.received_updates.saturating_add(1);
        }
        if self.received_updates > MAX_KEY_UPDATES {
            return Err(Error::Flood(Flood::KeyUpdates));
        }
        self.keys.update(at, out);
        Ok(())
    }

    /// Counts a NewSessionTicket.
    ///
    /// # Errors
    /// [`Error::Flood`] for too many tickets without data in between.
    pub(crate) fn count_ticket(&mut self) -> Result<(), Error> {
        self.received_tickets = self.received_tickets.saturating_add(1);
        if self.received_tickets > MAX_TICKETS {
            return Err(Error::Flood(Flood::NewSessionTickets));
        }
        Ok(())
    }

    /// Resets the counters of flood protection: data arrived.
    pub(crate) fn data_received(&mut self) {
        self.received_updates = 0;
        self.received_tickets = 0;
    }

    /// The keys for sending, unless the connection was split.
    pub(crate) fn write_mut(&mut self) -> Option<&mut WriteTraffic> {
        self.write.as_mut()
    }

    /// Takes the keys for sending.
    pub(crate) fn take_write(&mut self) -> Option<Box<WriteTraffic>> {
        let taken = self.write.as_mut().map(WriteTraffic::take);
        self.write = None;
        taken
    }
}

impl WriteTraffic {
    /// Moves the keys, and overwrites the old memory.
    fn take(&mut self) -> Box<Self> {
        let Self { keys, sent_updates, refreshes } = self;
        Box::new(Self { keys: keys.take(), sent_updates: *sent_updates, refreshes: *refreshes })
    }

    /// Counts a KeyUpdate that is to be sent.
    ///
    /// # Errors
    /// [`Error::Crypto`] after 2^48 - 1 updates.
    pub(crate) fn count_update(&mut self) -> Result<(), Error> {
        if !self.can_update() {
            return Err(Error::Crypto("changing keys again"));
        }
        self.sent_updates = self.sent_updates.saturating_add(1);
        Ok(())
    }

    /// Passes the next key to `install`, after the KeyUpdate was sent.
    pub(crate) fn update(&mut self, install: impl FnOnce(WriteKey<'_>) -> Result<(), Error>) -> Result<(), Error> {
        self.keys.update(install)
    }

    /// Returns whether another KeyUpdate may be sent.
    pub(crate) fn can_update(&self) -> bool {
        self.sent_updates < MAX_SENT_UPDATES
    }

    /// Counts a request of the application for new keys. Returns `false` after `MAX_REFRESHES`
    /// until data is sent: unused keys need no update, and the peer would count a flood.
    pub(crate) fn count_refresh(&mut self) -> bool {
        let is_allowed = self.refreshes < MAX_REFRESHES;
        if is_allowed {
            self.refreshes += 1;
        }
        is_allowed
    }

    /// Resets the limit on refreshes: data was sent.
    pub(crate) fn data_sent(&mut self) {
        self.refreshes = 0;
    }
}

impl std::fmt::Debug for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traffic").field("negotiated", &self.negotiated).finish_non_exhaustive()
    }
}
