//! Calls of the application that send: data, key updates, close_notify and alerts. `sending_side`
//! carries them out.

use std::io::IoSlice;

use tls_codec::alert::Alert;
use tls_codec::code_points::AlertDescription;

use super::Connection;
use super::sending_side::SendingSide;
use crate::error::Error;
use crate::key_update::{Traffic, WriteTraffic};
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

    /// What sends, and the keys that it can update: none in TLS 1.2 and in the handshake.
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
}
