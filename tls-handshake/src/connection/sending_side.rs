//! What a connection sends with: the record layer, and what goes out before the next data. It makes
//! every KeyUpdate, alert and close_notify; `sending` and `incoming` call it.

use std::io::IoSlice;
use std::sync::Arc;

use tls_codec::alert::Alert;
use tls_codec::code_points::{AlertDescription, AlertLevel, ContentType, HandshakeType, KeyUpdateRequest};
use tls_codec::writer::Writer;

use super::mailbox::Mailbox;
use crate::error::Error;
use crate::key_update::WriteTraffic;
use crate::record::{Outgoing, RecordSender};

/// Warnings are dropped while more bytes than this are queued, so a peer that never reads cannot
/// grow the queue.
const MAX_QUEUE_FOR_WARNINGS: usize = 1024;

/// The sending side of a connection.
pub(super) struct SendingSide {
    pub(super) records: RecordSender,
    /// close_notify or a fatal alert was sent, or the connection failed.
    pub(super) is_closed: bool,
    /// The peer requested a KeyUpdate that is not sent yet. One answers any number of requests.
    pub(super) has_pending_key_update: bool,
    /// This side requested a KeyUpdate that has not arrived yet. Another request is not allowed
    /// (RFC 9846 §4.7.3). After a split the mailbox has this.
    pub(super) awaits_key_update: bool,
}

/// The sending side in a connection, or the way to it after a split.
pub(super) enum SenderSlot {
    Whole(SendingSide),
    Split(Arc<Mailbox>),
}

impl SenderSlot {
    pub(super) fn new(records: RecordSender) -> Self {
        Self::Whole(SendingSide { records, is_closed: false, has_pending_key_update: false, awaits_key_update: false })
    }

    #[inline]
    pub(super) fn whole(&self) -> Option<&SendingSide> {
        match self {
            Self::Whole(side) => Some(side),
            Self::Split(_) => None,
        }
    }

    #[inline]
    pub(super) fn whole_mut(&mut self) -> Option<&mut SendingSide> {
        match self {
            Self::Whole(side) => Some(side),
            Self::Split(_) => None,
        }
    }

    /// The sending side, for a call that sends.
    ///
    /// # Errors
    /// [`Error::SendAfterClose`] after a split.
    #[inline]
    pub(super) fn get(&mut self) -> Result<&mut SendingSide, Error> {
        // `ok_or` would make an error, and drop it, for every record.
        match self {
            Self::Whole(side) => Ok(side),
            Self::Split(_) => Err(Error::SendAfterClose),
        }
    }

    /// Returns whether this connection sends nothing any more.
    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.whole().is_none_or(|side| side.is_closed)
    }

    #[inline]
    pub(super) fn end_flight(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        self.whole_mut().map_or(Ok(()), |side| side.records.end_flight(outgoing))
    }
}

impl SendingSide {
    /// Returns whether the key must be replaced before the next data. `can_update` is `false` in
    /// the handshake, where only the limit of the AEAD counts.
    #[inline]
    pub(super) fn is_key_exhausted(&self, can_update: bool) -> bool {
        if can_update { self.records.needs_key_update() } else { self.records.is_nearly_exhausted() }
    }

    /// Sends the KeyUpdate that must precede the next data. One serves both reasons: the limit of
    /// the key (RFC 9846 §5.5), and the peer's request (§4.7.3).
    #[inline]
    pub(super) fn prepare(
        &mut self,
        keys: &mut WriteTraffic,
        is_key_exhausted: bool,
        outgoing: &mut Outgoing,
    ) -> Result<(), Error> {
        if is_key_exhausted {
            self.update_key(keys, outgoing)?;
        }
        if self.has_pending_key_update {
            self.send_pending_key_update(keys, outgoing)?;
        }
        keys.data_sent();
        Ok(())
    }

    /// Sends the KeyUpdate that the peer requested, if any.
    pub(super) fn send_pending_key_update(
        &mut self,
        keys: &mut WriteTraffic,
        outgoing: &mut Outgoing,
    ) -> Result<(), Error> {
        if std::mem::take(&mut self.has_pending_key_update) && keys.can_update() {
            self.update_key(keys, outgoing)?;
        }
        Ok(())
    }

    /// Updates the sending key and requests a KeyUpdate, unless a request `is_open`. Returns
    /// whether it made a request.
    pub(super) fn refresh(
        &mut self,
        keys: &mut WriteTraffic,
        is_open: bool,
        outgoing: &mut Outgoing,
    ) -> Result<bool, Error> {
        if !keys.count_refresh() {
            return Ok(false);
        }
        if is_open {
            self.update_key(keys, outgoing)?;
            return Ok(false);
        }
        self.send_key_update(keys, KeyUpdateRequest::UPDATE_REQUESTED, outgoing)?;
        Ok(true)
    }

    /// Updates the sending key and requests nothing.
    pub(super) fn update_key(&mut self, keys: &mut WriteTraffic, outgoing: &mut Outgoing) -> Result<(), Error> {
        self.send_key_update(keys, KeyUpdateRequest::UPDATE_NOT_REQUESTED, outgoing)
    }

    fn send_key_update(
        &mut self,
        keys: &mut WriteTraffic,
        request_update: KeyUpdateRequest,
        outgoing: &mut Outgoing,
    ) -> Result<(), Error> {
        keys.count_update()?;
        // Any KeyUpdate answers a pending request.
        self.has_pending_key_update = false;
        let encode = &mut |w: &mut Writer<'_>| w.message(HandshakeType::KEY_UPDATE, |w| w.u8(request_update.0));
        self.records.message(outgoing, encode)?;
        log_trace!("sent {} (5 bytes)", HandshakeType::KEY_UPDATE);
        keys.update(|key| self.records.install(key, outgoing))
    }

    /// Sends close_notify. Nothing can be sent afterwards.
    pub(super) fn close(&mut self, outgoing: &mut Outgoing) {
        if !self.is_closed {
            self.is_closed = true;
            self.records.abandon_flight(outgoing);
            self.send_alert(Alert::close_notify(), outgoing);
        }
    }

    /// Sends the alert of an error that ended the connection, unless sending is closed.
    pub(super) fn fail(&mut self, e: &Error, outgoing: &mut Outgoing) {
        self.records.abandon_flight(outgoing);
        if let Some(description) = e.alert().filter(|_| !self.is_closed) {
            self.send_alert(Alert { level: AlertLevel::FATAL, description }, outgoing);
        }
        self.is_closed = true;
    }

    /// Declines renegotiation with a warning (RFC 5246 §7.4.1.1), unless much is queued.
    pub(super) fn refuse_renegotiation(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        if outgoing.len() < MAX_QUEUE_FOR_WARNINGS && !self.is_closed {
            self.records.end_flight(outgoing)?;
            self.send_alert(Alert::warning(AlertDescription::NO_RENEGOTIATION), outgoing);
        }
        Ok(())
    }

    pub(super) fn send_alert(&mut self, alert: Alert, outgoing: &mut Outgoing) {
        let bytes = [alert.level.0, alert.description.0];
        // An exhausted key cannot seal the alert. The connection ends without it.
        if self.records.record(ContentType::ALERT, &[IoSlice::new(&bytes)], outgoing).is_ok() {
            log_debug!("sent alert {}", alert.description);
        }
    }
}
