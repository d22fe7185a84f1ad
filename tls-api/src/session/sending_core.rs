//! [`SendingCore`]: the part of a connection that sends. It encrypts plaintext into the send
//! buffer, within its limit. A session has it, and after a split the [`Sender`](crate::Sender).

use std::io::{self, IoSlice};
use std::time::Duration;

use tls_codec::record::{HEADER_LEN, MAX_FRAGMENT};
use tls_crypto::TAG_LEN;
use tls_handshake::client::Client;
use tls_handshake::{Connection, Error, Outgoing, Role, Sender};

use crate::session::core::SessionCore;
use crate::session::io_loop::{flush, protocol_error, repeat_as_io};
use crate::session::send_buffer::{LastWrite, PendingPlaintext, SendBuffer, SliceCursor, prefix};

/// The default limit on bytes buffered for sending: 64 KiB of plaintext in full records, so that
/// one write of that size is accepted whole.
const SEND_LIMIT: usize = 4 * (MAX_FRAGMENT + RECORD_OVERHEAD);

/// The most bytes that protection adds to the plaintext of a record: header, explicit nonce of TLS
/// 1.2 (RFC 5288 §3), and tag. TLS 1.3 adds a content type instead of the nonce.
const RECORD_OVERHEAD: usize = HEADER_LEN + 8 + TAG_LEN;

/// Encrypts: a connection, or the half of it that sends.
pub(crate) trait SendingEngine {
    fn send(&mut self, data: &[IoSlice<'_>], outgoing: &mut Outgoing) -> Result<usize, Error>;
    fn can_send(&self) -> bool;
    fn record_capacity(&self) -> usize;
    fn note_idle(&mut self);
    fn send_close_notify(&mut self, outgoing: &mut Outgoing);
    fn is_handshaking(&self) -> bool;
    fn error(&self) -> Option<&Error>;
}

/// Implements [`SendingEngine`] with methods of the same names.
macro_rules! impl_sending_engine {
    ($engine:ty, [$($generics:tt)*], $is_handshaking:expr) => {
        impl<$($generics)*> SendingEngine for $engine {
            #[inline]
            fn send(&mut self, data: &[IoSlice<'_>], outgoing: &mut Outgoing) -> Result<usize, Error> {
                self.send(data, outgoing)
            }

            fn can_send(&self) -> bool {
                self.can_send()
            }

            fn record_capacity(&self) -> usize {
                self.record_capacity()
            }

            fn note_idle(&mut self) {
                self.note_idle();
            }

            fn send_close_notify(&mut self, outgoing: &mut Outgoing) {
                self.send_close_notify(outgoing);
            }

            fn is_handshaking(&self) -> bool {
                $is_handshaking(self)
            }

            fn error(&self) -> Option<&Error> {
                self.error()
            }
        }
    };
}

impl_sending_engine!(Connection<R>, [R: Role], Self::is_handshaking);
impl_sending_engine!(Sender, [], |_| false);

/// The bytes that wait to be sent, and the state of sending.
pub(crate) struct SendingCore {
    pub(crate) buffer: SendBuffer,
    /// Plaintext that cannot be encrypted yet.
    pending: PendingPlaintext,
    /// The limit on `buffer` and `pending` together; `usize::MAX` is none.
    limit: usize,
    last_write: LastWrite,
    close_notify: CloseNotify,
    output: Output,
    /// While `buffer` is not longer than this, it contains only tickets, which may wait.
    optional: u32,
}

/// The state of this side's close_notify.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CloseNotify {
    NotRequested,
    /// To be sent after the handshake and all pending plaintext.
    Requested,
    Sent,
}

/// The bytes that the transport has accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    Nothing,
    /// Some bytes since the last flush.
    Unflushed,
    Flushed,
}

impl SendingCore {
    /// `buffer` contains what the connection has written already.
    pub(crate) fn new(buffer: SendBuffer) -> Self {
        Self {
            buffer,
            pending: PendingPlaintext::default(),
            limit: SEND_LIMIT,
            last_write: LastWrite::default(),
            close_notify: CloseNotify::NotRequested,
            output: Output::Nothing,
            optional: 0,
        }
    }

    /// Moves all to the half that sends. What stays has sent something, and sends nothing more.
    pub(crate) fn take(&mut self) -> Self {
        let rest = Self { output: Output::Flushed, ..Self::new(SendBuffer::default()) };
        std::mem::replace(self, rest)
    }

    pub(crate) fn write_tls<E: SendingEngine>(&mut self, engine: &mut E, wr: &mut dyn io::Write) -> io::Result<usize> {
        if self.buffer.is_empty() {
            return Ok(0);
        }
        let n = wr.write(self.buffer.ready())?;
        if n > 0 {
            self.output = Output::Unflushed;
        }
        self.buffer.consume(n);
        if self.optional > 0 {
            self.optional = self.optional.saturating_sub(u32::try_from(n).unwrap_or(u32::MAX));
        }
        // There is room for pending plaintext now. The connection stores an error, and the next
        // call returns it.
        let _ = self.flush_pending(engine);
        Ok(n)
    }

    pub(crate) fn flush_tls(&mut self, wr: &mut dyn io::Write) -> io::Result<()> {
        if self.output == Output::Unflushed {
            flush(wr)?;
            self.output = Output::Flushed;
        }
        Ok(())
    }

    pub(crate) fn wants_write(&self) -> bool {
        !self.buffer.is_empty()
    }

    pub(crate) fn must_write(&self) -> bool {
        u32::try_from(self.buffer.len()).unwrap_or(u32::MAX) > self.optional
    }

    /// Marks what is in the buffer as able to wait for the next data.
    pub(crate) fn may_wait(&mut self) {
        self.optional = u32::try_from(self.buffer.len()).unwrap_or(0);
    }

    /// Returns whether the transport has accepted any byte of the connection.
    pub(crate) fn has_sent(&self) -> bool {
        self.output != Output::Nothing
    }

    pub(crate) fn set_limit(&mut self, limit: Option<usize>) {
        self.limit = limit.unwrap_or(usize::MAX);
    }

    pub(crate) fn write<E: SendingEngine>(
        &mut self,
        engine: &mut E,
        idle_reset: Option<Duration>,
        bufs: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        if let Some(e) = engine.error() {
            return Err(repeat_as_io(e));
        }
        if self.close_notify != CloseNotify::NotRequested {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, Error::SendAfterClose));
        }
        if let Some(idle_reset) = idle_reset {
            let was_idle = self.last_write.replace_after(idle_reset);
            // While bytes are pending, TCP is not idle.
            if was_idle && self.buffer.is_empty() && self.pending.is_empty() {
                engine.note_idle();
            }
        }
        self.flush_pending(engine).map_err(protocol_error)?;
        if self.can_send(engine) && self.pending.is_empty() {
            let result = self.send(engine, bufs);
            self.buffer.release_if_empty();
            return result;
        }
        if !engine.can_send() && !engine.is_handshaking() {
            // TLS 1.2 cannot update its keys, so the engine has sent close_notify by itself. It did
            // so in an earlier call, which may have accepted some data and so could not return this
            // error.
            return Err(protocol_error(Error::KeyExhausted));
        }
        let held = self.buffer.len() + self.pending.len();
        Ok(self.pending.push(bufs, self.limit.saturating_sub(held)))
    }

    fn can_send<E: SendingEngine>(&self, engine: &E) -> bool {
        engine.can_send() && self.close_notify != CloseNotify::Sent
    }

    /// Encrypts record by record, up to the limit.
    fn send<E: SendingEngine>(&mut self, engine: &mut E, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
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
                let max = room.min(engine.record_capacity());
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
            let outgoing = self.buffer.for_data(expected);
            let n = match engine.send(slices, outgoing) {
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
        let held = self.buffer.len();
        let room = self.limit.saturating_sub(held).saturating_sub(RECORD_OVERHEAD);
        if held == 0 { room.max(1) } else { room }
    }

    /// Sends plaintext written before the handshake completed, and the close_notify requested after
    /// it. There seldom is any, and each record calls this twice.
    #[inline]
    pub(crate) fn flush_pending<E: SendingEngine>(&mut self, engine: &mut E) -> Result<(), Error> {
        if self.pending.is_empty() && self.close_notify != CloseNotify::Requested {
            return Ok(());
        }
        self.send_pending(engine)
    }

    fn send_pending<E: SendingEngine>(&mut self, engine: &mut E) -> Result<(), Error> {
        if !self.can_send(engine) {
            return Ok(());
        }
        while !self.pending.is_empty() {
            let room = self.room_for_plaintext();
            if room == 0 {
                return Ok(());
            }
            let n = engine.send(&self.pending.front(room), self.buffer.for_data(self.pending.len()))?;
            if n == 0 {
                return Ok(());
            }
            self.pending.consume(n);
        }
        // A server that sends before the client's Finished must complete the handshake first;
        // close_notify would end it.
        if self.close_notify == CloseNotify::Requested && !engine.is_handshaking() {
            engine.send_close_notify(self.buffer.for_messages());
            self.close_notify = CloseNotify::Sent;
        }
        Ok(())
    }

    pub(crate) fn send_close_notify<E: SendingEngine>(&mut self, engine: &mut E) {
        if self.close_notify == CloseNotify::NotRequested {
            self.close_notify = CloseNotify::Requested;
            let _ = self.flush_pending(engine);
        }
    }
}

impl SessionCore<Client> {
    /// Sends early data, as far as the session and the send limit allow.
    pub(crate) fn write_early(&mut self, data: &[u8]) -> io::Result<usize> {
        let (connection, sending) = self.sending();
        let mut accepted = 0;
        while let Some(rest) = data.get(accepted..).filter(|rest| !rest.is_empty()) {
            let (part, _) = rest.split_at(rest.len().min(sending.room_for_plaintext()));
            let outgoing = sending.buffer.for_data(data.len());
            match connection.send_early_data(part, outgoing).map_err(protocol_error)? {
                0 => break,
                n => accepted += n,
            }
        }
        sending.buffer.release_if_empty();
        Ok(accepted)
    }
}
