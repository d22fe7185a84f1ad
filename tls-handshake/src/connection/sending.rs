//! Sending: data, KeyUpdates, alerts and close_notify. [`SendingSide`] makes them. The application
//! calls the methods of [`Connection`], and `incoming` calls `SendingSide` to answer the peer.

use std::io::IoSlice;
use std::sync::Arc;

use tls_codec::alert::Alert;
use tls_codec::code_points::{AlertDescription, AlertLevel, ContentType, HandshakeType, KeyUpdateRequest};
use tls_codec::writer::Writer;

use super::Connection;
use super::mailbox::Mailbox;
use crate::error::Error;
use crate::key_update::{Traffic, WriteTraffic};
use crate::record::{Outgoing, RecordSender};
use crate::states::{Role, StateMachine};

impl<R: Role> Connection<R> {
    /// Seals as much of `data` as fits one record and appends the record to `outgoing`. Returns the
    /// number of bytes taken, which is 0 until [`can_send`](Self::can_send) returns `true`.
    ///
    /// Each call makes one complete record; nothing is held back, so there is nothing to flush. To
    /// join small pieces into one record, pass them as slices of one call. The caller writes
    /// `outgoing` to the transport.
    ///
    /// # Errors
    /// [`Error::SendAfterClose`] after close_notify. [`Error::KeyExhausted`] after about 10^7
    /// records of TLS 1.2 with AES-GCM, or after the number of records that the configuration sets.
    /// The connection's own error if it failed.
    pub fn send(&mut self, data: &[IoSlice<'_>], outgoing: &mut Outgoing) -> Result<usize, Error> {
        // Peers limit the number of empty records.
        if !self.may_send()? || data.iter().all(|slice| slice.is_empty()) {
            return Ok(0);
        }
        self.prepare_to_send(outgoing)?;
        self.sender.get()?.records.application_data(data, outgoing)
    }

    /// Sends what must precede the next data: a KeyUpdate, or close_notify if the key is exhausted.
    #[inline]
    pub(super) fn prepare_to_send(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        // 0.5-RTT data: KeyUpdate is possible only after the handshake.
        let can_update = !self.is_handshaking();
        let (side, keys) = self.sending()?;
        let is_key_exhausted = side.is_key_exhausted(can_update);
        match keys {
            Some(keys) => side.prepare(keys, is_key_exhausted, outgoing),
            // TLS 1.2 cannot update keys: the connection ends at the limit (RFC 9325 §4.4).
            None if is_key_exhausted => {
                self.send_close_notify(outgoing);
                Err(Error::KeyExhausted)
            }
            None => Ok(()),
        }
    }

    /// Returns the sending side, and the keys that it can update: none in TLS 1.2 and in the
    /// handshake.
    #[inline]
    pub(super) fn sending(&mut self) -> Result<(&mut SendingSide, Option<&mut WriteTraffic>), Error> {
        let traffic = self.state.as_mut().ok().and_then(StateMachine::traffic_mut);
        Ok((self.sender.get()?, traffic.and_then(Traffic::write_mut)))
    }

    /// Returns whether application data can be sent now, or the error that prevents it for good.
    pub(super) fn may_send(&self) -> Result<bool, Error> {
        let state = self.state()?;
        if self.sender.is_closed() { Err(Error::SendAfterClose) } else { Ok(state.may_send()) }
    }

    /// Returns whether [`send`](Self::send) takes data now. Data can be sent from the end of the
    /// handshake until close_notify or an error. A server with [half-RTT
    /// data](crate::ServerConfig::set_send_half_rtt_data) can send from its own Finished on.
    #[must_use]
    pub fn can_send(&self) -> bool {
        !self.sender.is_closed() && self.state.as_ref().is_ok_and(StateMachine::may_send)
    }

    /// Sends close_notify: no more data will be sent. Receiving continues (RFC 9846 §6.1).
    ///
    /// If the handshake is incomplete, user_canceled precedes close_notify and the connection ends.
    /// All later calls then return [`Error::SendAfterClose`].
    pub fn send_close_notify(&mut self, outgoing: &mut Outgoing) {
        let is_handshaking = self.is_handshaking();
        let Some(side) = self.sender.whole_mut().filter(|side| !side.is_closed && self.state.is_ok()) else { return };
        if is_handshaking {
            side.records.abandon_flight(outgoing);
            side.send_alert(Alert::warning(AlertDescription::USER_CANCELED), outgoing);
            R::end(&mut self.state, Error::SendAfterClose);
            self.awaiting_answer = false;
        }
        side.close(outgoing);
    }

    /// Updates the sending keys and requests that the peer updates its own (RFC 9846 §4.7.3). After
    /// 16 calls without data sent in between, it does nothing until data is sent.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`]; [`Error::SendAfterClose`]; [`Error::NoKeyUpdate`] in TLS
    /// 1.2; the connection's own error if it failed.
    pub fn refresh_traffic_keys(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        if !self.may_send()? {
            return Err(Error::HandshakeNotComplete);
        }
        let (side, keys) = self.sending()?;
        let keys = keys.ok_or(Error::NoKeyUpdate)?;
        side.awaits_key_update |= side.refresh(keys, side.awaits_key_update, outgoing)?;
        Ok(())
    }

    /// Returns how many bytes the next [`send`](Self::send) takes at most: the capacity of one
    /// record now.
    #[must_use]
    pub fn record_capacity(&self) -> usize {
        self.sender.whole().map_or(0, |side| side.records.record_capacity())
    }

    /// Restarts the record size [ramp-up](crate::ServerConfig::set_record_ramp_up): the next
    /// records are short again. Call it after a pause in sending, since TCP may have reduced its
    /// congestion window. The caller has the clock and chooses the length of the pause, for example
    /// one second.
    ///
    /// ```
    /// use std::io::IoSlice;
    /// use std::time::{Duration, Instant};
    /// use strata_tls_handshake::{Error, Outgoing, ServerConnection};
    ///
    /// fn send(
    ///     connection: &mut ServerConnection,
    ///     data: &[u8],
    ///     outgoing: &mut Outgoing,
    ///     last: &mut Instant,
    /// ) -> Result<usize, Error> {
    ///     let now = Instant::now();
    ///     if outgoing.is_empty() && now - *last > Duration::from_secs(1) {
    ///         connection.note_idle();
    ///     }
    ///     *last = now;
    ///     connection.send(&[IoSlice::new(data)], outgoing)
    /// }
    /// ```
    pub fn note_idle(&mut self) {
        if let Some(side) = self.sender.whole_mut() {
            side.records.note_idle();
        }
    }
}

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
