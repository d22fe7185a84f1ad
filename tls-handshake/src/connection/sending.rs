//! Sending: application data, key updates, close_notify and alerts.

use std::io::IoSlice;

use tls_codec::alert::Alert;
use tls_codec::code_points::{AlertDescription, ContentType};

use super::Connection;
use crate::error::Error;
use crate::record::Outgoing;
use crate::states::{Role, StateMachine};

impl<R: Role> Connection<R> {
    /// Seals as much of `data` as one record holds, behind what is in `outgoing`; gives back how many bytes that were. It
    /// is 0 until the handshake is complete.
    ///
    /// Every call makes a record, which is complete when it returns: nothing is held back, so that there is nothing to flush, and
    /// nothing is joined with what comes later. Small pieces are better given as many slices of one call. The record
    /// waits in `outgoing` for the caller to write it to the transport.
    ///
    /// # Errors
    /// [`Error::SendAfterClose`]; [`Error::KeyExhausted`] after some 10^7 records of TLS 1.2 with AES-GCM, or as many as the
    /// configuration allows; the connection's own error if it failed.
    pub fn send(&mut self, data: &[IoSlice<'_>], outgoing: &mut Outgoing) -> Result<usize, Error> {
        // A record without data would be one more for the peer to count against us.
        if !self.may_send()? || data.iter().all(|slice| slice.is_empty()) {
            return Ok(0);
        }
        self.prepare_to_send(outgoing)?;
        self.sender.application_data(data, outgoing)
    }

    /// What has to go out before the next data, or happen instead.
    #[inline]
    pub(super) fn prepare_to_send(&mut self, outgoing: &mut Outgoing) -> Result<(), Error> {
        let key_exhausted = match self.is_handshaking() {
            // 0.5-RTT data: keys can be changed once the handshake is complete.
            true => self.sender.is_nearly_exhausted(),
            false => self.sender.needs_key_update(),
        };
        let (mut sink, state) = self.sink_and_state(outgoing);
        match state.as_mut().ok().and_then(StateMachine::traffic_mut) {
            Some(traffic) => {
                // RFC 9846 §5.5: a key is not used up; §4.7.3: what the peer asked for comes before the next data. One
                // KeyUpdate serves both.
                if key_exhausted {
                    traffic.update_write_key(&mut sink)?;
                }
                traffic.send_pending_key_update(&mut sink)?;
                traffic.data_sent();
            }
            // RFC 9325 §4.4: where keys cannot be changed, the connection ends before they are used up.
            None if key_exhausted => {
                self.send_close_notify(outgoing);
                return Err(Error::KeyExhausted);
            }
            None => {}
        }
        Ok(())
    }

    /// Whether application data can be sent now.
    pub(super) fn may_send(&self) -> Result<bool, Error> {
        let state = self.state()?;
        if self.write_closed { Err(Error::SendAfterClose) } else { Ok(state.may_send()) }
    }

    /// Whether [`send`](Self::send) takes data now: from the handshake's end on, or at a server that
    /// [sends early](crate::ServerConfig::set_send_half_rtt_data) from its own Finished on; until close_notify or an error.
    #[must_use]
    pub fn can_send(&self) -> bool {
        !self.write_closed && self.state.as_ref().is_ok_and(StateMachine::may_send)
    }

    /// Says close_notify: we will not send any more. Receiving goes on (RFC 9846 §6.1).
    ///
    /// A handshake that is not complete ends with it, after user_canceled: every later call gives
    /// [`Error::SendAfterClose`].
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

    /// Changes our keys, and asks the peer to change its own (RFC 9846 §4.7.3). After 16 times without data of ours in
    /// between it does nothing until there is some.
    ///
    /// # Errors
    /// [`Error::HandshakeNotComplete`], [`Error::SendAfterClose`]; [`Error::NoKeyUpdate`] with TLS 1.2; the connection's own
    /// error if it failed.
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
        // A key that cannot seal any more cannot tell the peer either: the connection ends all the same.
        if self.sender.record(ContentType::ALERT, &[IoSlice::new(&bytes)], outgoing).is_ok() {
            log_debug!("sent alert {}", alert.description);
        }
    }
}
