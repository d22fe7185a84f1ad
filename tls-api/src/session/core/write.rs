//! The writing half of [`SessionCore`]: encrypts plaintext into the send buffer, within its limit.

use std::io::{self, IoSlice};

use tls_codec::record::{HEADER_LEN, MAX_FRAGMENT};
use tls_crypto::TAG_LEN;
use tls_handshake::Error;
use tls_handshake::client::Client;

use super::{CloseNotify, SessionCore, SessionRole};
use crate::session::io_loop::protocol_error;
use crate::session::send_buffer::{SliceCursor, prefix};

/// The default limit on bytes buffered for sending: 64 KiB of plaintext in full records, so that
/// one write of that size is accepted whole.
pub(super) const SEND_LIMIT: usize = 4 * (MAX_FRAGMENT + RECORD_OVERHEAD);

/// The most bytes that protection adds to the plaintext of a record: header, explicit nonce of TLS
/// 1.2 (RFC 5288 §3), and tag. TLS 1.3 adds a content type instead of the nonce.
const RECORD_OVERHEAD: usize = HEADER_LEN + 8 + TAG_LEN;

impl<R: SessionRole> SessionCore<R> {
    pub(crate) fn write(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.check_error_io()?;
        if self.close_notify != CloseNotify::NotRequested {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, Error::SendAfterClose));
        }
        if let Some(idle_reset) = R::idle_reset(&self.runtime) {
            let was_idle = self.last_write.replace_after(idle_reset);
            // While bytes are pending, TCP is not idle.
            if was_idle && self.sending.is_empty() && self.pending.is_empty() {
                self.connection.note_idle();
            }
        }
        self.flush_pending().map_err(protocol_error)?;
        if self.can_send() && self.pending.is_empty() {
            let result = self.send(bufs);
            self.sending.release_if_empty();
            return result;
        }
        if !self.connection.can_send() && !self.connection.is_handshaking() {
            // TLS 1.2 cannot update its keys, so the engine has sent close_notify by itself. It did
            // so in an earlier call, which may have accepted some data and so could not return this
            // error.
            return Err(protocol_error(Error::KeyExhausted));
        }
        let held = self.sending.len() + self.pending.len();
        Ok(self.pending.push(bufs, self.limit.map_or(usize::MAX, |limit| limit.saturating_sub(held))))
    }

    fn can_send(&self) -> bool {
        self.connection.can_send() && self.close_notify != CloseNotify::Sent
    }

    /// Encrypts record by record, up to the limit.
    fn send(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let expected = bufs.iter().fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
        let (mut cursor, mut accepted) = (SliceCursor::new(bufs), 0);
        while !cursor.is_empty() {
            let room = self.room_for_plaintext();
            if room == 0 {
                break;
            }
            let (piece, window, used, complete);
            let slices = if let Some(whole) = cursor.whole().filter(|_| room >= MAX_FRAGMENT) {
                whole
            } else {
                let max = room.min(self.connection.record_capacity());
                if let Some(next) = cursor.piece(max) {
                    piece = [next];
                    &piece
                } else {
                    (window, used, complete) = cursor.window(max);
                    // Leave the rest to the next call, rather than send a record that is not full.
                    if !complete && accepted > 0 {
                        break;
                    }
                    prefix(&window, used)
                }
            };
            let outgoing = self.sending.for_data(expected);
            let n = match self.connection.send(slices, outgoing) {
                Ok(n) => n,
                Err(_) if accepted > 0 => break,
                Err(e) => return Err(protocol_error(e)),
            };
            if n == 0 {
                break;
            }
            cursor.consume(n);
            accepted += n;
        }
        Ok(accepted)
    }

    /// Returns how much plaintext the next record may contain. At least one byte if the send buffer
    /// is empty, so that a small limit slows a connection down but does not stop it.
    fn room_for_plaintext(&self) -> usize {
        let Some(limit) = self.limit else { return usize::MAX };
        let room = limit.saturating_sub(self.sending.len()).saturating_sub(RECORD_OVERHEAD);
        if self.sending.is_empty() { room.max(1) } else { room }
    }

    /// Sends plaintext written before the handshake completed, and the close_notify requested after
    /// it.
    pub(super) fn flush_pending(&mut self) -> Result<(), Error> {
        if (self.pending.is_empty() && self.close_notify != CloseNotify::Requested) || !self.can_send() {
            return Ok(());
        }
        while !self.pending.is_empty() {
            let room = self.room_for_plaintext();
            if room == 0 {
                return Ok(());
            }
            let n = self.connection.send(&self.pending.front(room), self.sending.for_data(self.pending.len()))?;
            if n == 0 {
                return Ok(());
            }
            self.pending.consume(n);
        }
        // A server that sends before the client's Finished must complete the handshake first;
        // close_notify would end it.
        if self.close_notify == CloseNotify::Requested && !self.connection.is_handshaking() {
            self.connection.send_close_notify(self.sending.for_messages());
            self.close_notify = CloseNotify::Sent;
        }
        Ok(())
    }

    pub(crate) fn send_close_notify(&mut self) {
        if self.close_notify == CloseNotify::NotRequested {
            self.close_notify = CloseNotify::Requested;
            let _ = self.flush_pending();
        }
    }
}

impl SessionCore<Client> {
    /// Sends early data, as far as the session and the send limit allow.
    pub(crate) fn write_early(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut accepted = 0;
        while let Some(rest) = data.get(accepted..).filter(|rest| !rest.is_empty()) {
            let (part, _) = rest.split_at(rest.len().min(self.room_for_plaintext()));
            let outgoing = self.sending.for_data(data.len());
            match self.connection.send_early_data(part, outgoing).map_err(protocol_error)? {
                0 => break,
                n => accepted += n,
            }
        }
        self.sending.release_if_empty();
        Ok(accepted)
    }
}
