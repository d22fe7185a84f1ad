//! Sending: application data, key updates, close_notify and alerts.

use std::io::IoSlice;

use tls_codec::alert::Alert;
use tls_codec::code_points::{AlertDescription, ContentType};

use super::Connection;
use crate::error::Error;
use crate::record::Outgoing;
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
        self.sender.application_data(data, outgoing)
    }

    /// Sends what must precede the next data: a KeyUpdate, or close_notify if the key is exhausted.
    #[inline]
    pub(super) fn prepare_to_send(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        let key_exhausted = match self.is_handshaking() {
            // 0.5-RTT data: KeyUpdate is possible only after the handshake.
            true => self.sender.is_nearly_exhausted(),
            false => self.sender.needs_key_update(),
        };
        let (mut sink, state) = self.sink_and_state(outgoing);
        match state.as_mut().ok().and_then(StateMachine::traffic_mut) {
            Some(traffic) => {
                // Before the key limit (RFC 9846 §5.5), and before the next data if the peer
                // requested it (§4.7.3). One KeyUpdate serves both.
                if key_exhausted {
                    traffic.update_write_key(&mut sink)?;
                }
                traffic.send_pending_key_update(&mut sink)?;
                traffic.data_sent();
            }
            // TLS 1.2 cannot update keys: the connection ends at the limit (RFC 9325 §4.4).
            None if key_exhausted => {
                self.send_close_notify(outgoing);
                return Err(Error::KeyExhausted);
            }
            None => {}
        }
        Ok(())
    }

    /// Returns whether application data can be sent now, or the error that prevents it for good.
    pub(super) fn may_send(&self) -> Result<bool, Error> {
        let state = self.state()?;
        if self.write_closed { Err(Error::SendAfterClose) } else { Ok(state.may_send()) }
    }

    /// Returns whether [`send`](Self::send) takes data now. Data can be sent from the end of the
    /// handshake until close_notify or an error. A server with [half-RTT
    /// data](crate::ServerConfig::set_send_half_rtt_data) can send from its own Finished on.
    #[must_use]
    pub fn can_send(&self) -> bool {
        !self.write_closed && self.state.as_ref().is_ok_and(StateMachine::may_send)
    }

    /// Sends close_notify: no more data will be sent. Receiving continues (RFC 9846 §6.1).
    ///
    /// If the handshake is incomplete, user_canceled precedes close_notify and the connection ends.
    /// All later calls then return [`Error::SendAfterClose`].
    pub fn send_close_notify(&mut self, outgoing: &mut Outgoing) {
        if self.write_closed || self.state.is_err() {
            return;
        }
        self.write_closed = true;
        self.sender.abandon_flight(outgoing);
        if self.is_handshaking() {
            self.send_alert(Alert::warning(AlertDescription::USER_CANCELED), outgoing);
            R::end(&mut self.state, Error::SendAfterClose);
            self.awaiting_answer = false;
        }
        self.send_alert(Alert::close_notify(), outgoing);
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
        let (mut sink, state) = self.sink_and_state(outgoing);
        let traffic = state.as_mut().ok().and_then(StateMachine::traffic_mut).ok_or(Error::NoKeyUpdate)?;
        traffic.refresh(&mut sink)
    }

    pub(super) fn send_alert(&mut self, alert: Alert, outgoing: &mut Outgoing) {
        let bytes = [alert.level.0, alert.description.0];
        // An exhausted key cannot seal the alert. The connection ends without it.
        if self.sender.record(ContentType::ALERT, &[IoSlice::new(&bytes)], outgoing).is_ok() {
            log_debug!("sent alert {}", alert.description);
        }
    }
}
