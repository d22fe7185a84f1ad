//! The halves of a connection, for two threads or tasks: [`Receiver`] and [`Sender`].

use std::fmt;
use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Write};
use std::time::Duration;

use tls_handshake::{self as handshake, Error, SplitError};

use crate::ConnectionInfo;
use crate::session::any::AnySession;
use crate::session::buffer_pool::ConnectionCount;
use crate::session::client::ClientSession;
use crate::session::io_loop::protocol_error;
use crate::session::sending_core::SendingCore;
use crate::session::server::ServerSession;
use crate::session::{IoState, Session};

/// A connection that splits into halves: [`ClientSession`], [`ServerSession`] and [`AnySession`].
///
/// The halves share no lock, so one thread receives while another one sends. Each has the calls of
/// [`Session`] for its direction. A blocking program splits a
/// [`StreamOwned`](crate::StreamOwned::into_split) instead.
///
/// ```
/// use std::io::{BufRead, Read, Write};
/// use std::thread;
/// use strata_tls::{ServerSession, IntoSplit};
///
/// /// Counts what arrives on one thread, while another one sends. The two transports are the two
/// /// directions of one socket.
/// fn serve(
///     session: ServerSession,
///     mut from_peer: impl Read + Send + 'static,
///     to_peer: &mut impl Write,
/// ) -> Result<usize, Box<dyn std::error::Error>> {
///     let (mut receiver, mut sender) = session.into_split()?;
///     let counter = thread::spawn(move || {
///         let mut count = 0;
///         while receiver.wants_read() {
///             receiver.read_tls(&mut from_peer)?;
///             receiver.process_new_packets().map_err(std::io::Error::other)?;
///             while let Ok(data) = receiver.fill_buf() {
///                 let length = data.len();
///                 if length == 0 {
///                     break; // close_notify
///                 }
///                 count += length;
///                 receiver.consume(length);
///             }
///         }
///         Ok::<_, std::io::Error>(count)
///     });
///     sender.write_all(b"as much as fits the send buffer")?;
///     sender.send_close_notify();
///     while sender.wants_write() {
///         sender.write_tls(to_peer)?;
///     }
///     Ok(counter.join().map_err(|_| "the other thread panicked")??)
/// }
/// ```
pub trait IntoSplit: Session + Sized {
    /// Splits the connection. What is buffered moves along: unread plaintext to the receiver, bytes
    /// for the transport to the sender.
    ///
    /// # Errors
    /// [`SplitError`], which returns the connection unchanged: before the end of the handshake,
    /// while a request for tickets waits for its answer ([`Session::answer`]), while
    /// [early data](ServerSession::early_data) is unread, and after an error.
    fn into_split(self) -> Result<(Receiver, Sender), SplitError<Self>>;
}

/// Implements [`IntoSplit`] for a wrapper of [`SessionCore`](super::core::SessionCore).
macro_rules! impl_split {
    ($session:ident) => {
        impl IntoSplit for $session {
            fn into_split(mut self) -> Result<(Receiver, Sender), SplitError<Self>> {
                match self.core_mut().take_sender() {
                    Ok(sender) => Ok((Receiver { info: sender.info.clone(), session: self.into() }, sender)),
                    Err(obstacle) => Err(SplitError::new(self, obstacle)),
                }
            }
        }
    };
}

impl_split!(ClientSession);
impl_split!(ServerSession);

impl IntoSplit for AnySession {
    fn into_split(self) -> Result<(Receiver, Sender), SplitError<Self>> {
        match self {
            Self::Client(session) => session.into_split().map_err(|e| e.map(Self::Client)),
            Self::Server(session) => session.into_split().map_err(|e| e.map(Self::Server)),
        }
    }
}

/// The receiving half of a connection, from [`IntoSplit::into_split`].
///
/// Reading works as with [`Session`], which lists the results and errors. An error, or a fatal
/// alert of the peer, ends both halves; close_notify of the peer ends only this one.
///
/// This half never writes. What the peer makes this side send is left to the [`Sender`].
pub struct Receiver {
    /// Its engine has no sender.
    session: AnySession,
    info: ConnectionInfo,
}

impl Receiver {
    /// Reads once from the transport, as [`Session::read_tls`] does.
    ///
    /// # Errors
    /// Those of [`Session::read_tls`].
    pub fn read_tls(&mut self, rd: &mut dyn Read) -> io::Result<usize> {
        self.session.read_tls(rd)
    }

    /// Processes all complete records in the receive buffer, as
    /// [`Session::process_new_packets`] does. Afterwards the sender may have something to send:
    /// see [`sender_wants_write`](Self::sender_wants_write).
    ///
    /// # Errors
    /// The [`Error`] that ended the connection. The sender sends its alert.
    pub fn process_new_packets(&mut self) -> Result<IoState, Error> {
        self.session.process_new_packets()
    }

    /// Returns whether to read from the transport, as [`Session::wants_read`] does.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.session.wants_read()
    }

    /// Returns whether the [`Sender`] has something to send because of what was received, and has
    /// not noticed it yet: the answer to a KeyUpdate, or the alert of an error.
    ///
    /// An adapter calls this after [`process_new_packets`](Self::process_new_packets), and wakes
    /// the task that sends, which calls [`Sender::write_tls`]. A program whose sender writes from
    /// time to time needs nothing: the answer goes with the next data (RFC 9846 §4.7.3).
    #[must_use]
    pub fn sender_wants_write(&self) -> bool {
        match &self.session {
            AnySession::Client(session) => session.core().connection().has_mail_for_sender(),
            AnySession::Server(session) => session.core().connection().has_mail_for_sender(),
        }
    }

    /// Returns a summary of the connection.
    #[must_use]
    pub fn connection_info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Fills `out` with keying material, as [`Session::export_keying_material`] does.
    ///
    /// # Errors
    /// Those of [`Session::export_keying_material`].
    pub fn export_keying_material(&self, out: &mut [u8], label: &[u8], context: Option<&[u8]>) -> Result<(), Error> {
        self.session.export_keying_material(out, label, context)
    }

    /// Returns the IDs of sessions for the application to remove from its store, as
    /// [`ServerSession::failed_sessions`] does. None at a client.
    pub fn failed_sessions(&mut self) -> impl Iterator<Item = [u8; 32]> + use<> {
        let failed = match &mut self.session {
            AnySession::Client(_) => None,
            AnySession::Server(session) => Some(session.failed_sessions()),
        };
        failed.into_iter().flatten()
    }
}

impl Read for Receiver {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.session.read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.session.read_vectored(bufs)
    }
}

impl BufRead for Receiver {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.session.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.session.consume(n);
    }
}

/// The sending half of a connection, from [`IntoSplit::into_split`].
///
/// Writing works as with [`Session`]. close_notify ends only this half. After an error of the
/// [`Receiver`], every write returns the same error, and [`write_tls`](Self::write_tls) sends its
/// alert.
///
/// This half also sends what the receiver leaves to it: the answer to the peer's KeyUpdate, and the
/// alert of an error. It notices that in each of its calls, at the cost of one atomic read. Nothing
/// wakes it: [`Receiver::sender_wants_write`] returns when to.
pub struct Sender {
    engine: handshake::Sender,
    sending: SendingCore,
    idle_reset: Option<Duration>,
    info: ConnectionInfo,
    /// Last, so that the buffer is returned before the thread's count drops.
    _count: ConnectionCount,
}

impl Sender {
    pub(crate) fn new(
        engine: handshake::Sender,
        sending: SendingCore,
        idle_reset: Option<Duration>,
        info: ConnectionInfo,
    ) -> Self {
        Self { engine, sending, idle_reset, info, _count: ConnectionCount::new() }
    }

    /// Writes once to the transport, as [`Session::write_tls`] does.
    ///
    /// # Errors
    /// Those of `wr`.
    pub fn write_tls(&mut self, wr: &mut dyn Write) -> io::Result<usize> {
        // The calls that write plaintext return the error.
        let _ = self.process_mail();
        self.sending.write_tls(&mut self.engine, wr)
    }

    /// Flushes a transport that buffers by itself, as [`Session::flush_tls`] does.
    ///
    /// # Errors
    /// Those of `wr`.
    pub fn flush_tls(&mut self, wr: &mut dyn Write) -> io::Result<()> {
        self.sending.flush_tls(wr)
    }

    /// Returns whether to call [`write_tls`](Self::write_tls). It may then find that nothing is to
    /// be written, and return `Ok(0)`: a fatal alert of the peer is not answered.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.sending.wants_write() || self.engine.has_mail()
    }

    /// Returns whether there are bytes for the transport, whatever the receiver has left.
    pub(crate) fn has_output(&self) -> bool {
        self.sending.wants_write()
    }

    /// Returns whether [`write_tls`](Self::write_tls) must be called now, as
    /// [`Session::must_write`] does.
    #[must_use]
    pub fn must_write(&self) -> bool {
        self.sending.must_write() || self.engine.has_mail()
    }

    /// Limits what is buffered for sending, as [`Session::set_buffer_limit`] does.
    pub fn set_buffer_limit(&mut self, limit: Option<usize>) {
        self.sending.set_limit(limit);
    }

    /// Sends close_notify after all data written so far; nothing can be written afterwards. The
    /// receiver continues.
    pub fn send_close_notify(&mut self) {
        self.sending.send_close_notify(&mut self.engine);
    }

    /// Updates the sending keys, as [`Session::refresh_traffic_keys`] does.
    ///
    /// # Errors
    /// [`Error::NoKeyUpdate`] with TLS 1.2; [`Error::SendAfterClose`]; the receiver's error.
    pub fn refresh_traffic_keys(&mut self) -> Result<(), Error> {
        let result = self.engine.refresh_traffic_keys(self.sending.buffer.for_messages());
        self.sending.buffer.release_if_empty();
        result
    }

    /// Returns the receiver's error that ended the connection.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.engine.error()
    }

    /// Returns a summary of the connection.
    #[must_use]
    pub fn connection_info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Sends what the receiver left, if anything.
    #[inline]
    fn process_mail(&mut self) -> Result<(), Error> {
        if !self.engine.has_mail() {
            return Ok(());
        }
        let result = self.engine.process_mail(self.sending.buffer.for_messages());
        self.sending.buffer.release_if_empty();
        result
    }
}

impl Write for Sender {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.process_mail().map_err(protocol_error)?;
        self.sending.write(&mut self.engine, self.idle_reset, bufs)
    }

    /// Does nothing, as for [`Session`]: a write holds nothing back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Omits the keys.
impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("info", &self.info).finish_non_exhaustive()
    }
}
