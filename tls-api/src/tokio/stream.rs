//! [`TlsStream`]: a connection and an asynchronous transport. It reads, writes, and closes with
//! close_notify.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::answers::Answering;
use super::halves::{TlsReceiver, TlsSender};
use super::transport::{Polled, as_poll, copy_plaintext};
use super::waiters::{RareWaiters, SenderTask, Side, Waiters};
#[cfg(doc)]
use crate::ServerConfig;
use crate::session::io_loop::{is_reset, protocol_error, why_write_failed};
use crate::{AnySession, IntoSplit, Session, SplitError};

/// A connection of either role over an asynchronous transport, which reads and writes plaintext.
///
/// [`TlsConnector`](super::TlsConnector) and [`TlsAcceptor`](super::TlsAcceptor) return it.
///
/// # Reading
/// As documented at [`Session`]: data received before EOF or an error is returned first. A peer
/// that closes the transport without close_notify is an error
/// ([`is_truncation`](crate::is_truncation)). [`AsyncBufRead`] returns the plaintext where it was
/// decrypted, without a copy.
///
/// A read also does what the connection owes: it answers a KeyUpdate and sends alerts. If the
/// transport does not accept that, the read continues, and the next write returns the error.
///
/// # Writing
/// A write accepts up to 64 KiB, encrypts it and offers it to the transport. It returns how much it
/// accepted, even if the transport has not taken all of it: reads, later writes and `flush`
/// continue. `flush` completes when the transport has taken everything. A vectored write fills
/// whole records from small slices.
///
/// Tickets of a TLS 1.3 server go out with its first data, `flush` or `shutdown`. At a server that
/// only reads, they go out when it has read something and waits for more.
///
/// `shutdown` sends close_notify after all data, and after tickets that are [being
/// made](super::AnswersNeeds). Then it shuts the transport down for writing. The peer's data can
/// still be read. It succeeds if the peer is gone. Dropping the stream sends
/// nothing, so the peer reports a truncated connection.
///
/// # Cancellation
/// Dropping the future of a read, write, flush or shutdown loses nothing. Bytes that a write
/// accepted stay accepted; those of a pending write are not.
///
/// # Tasks
/// Two tasks can use one stream by [`into_split`](Self::into_split), at the same time, or by
/// `tokio::io::split`, in turns. A task that waits for the transport is woken even if the other
/// task used the transport meanwhile.
///
/// # Memory
/// The stream adds no buffer to those of its session, which holds none while it is idle.
pub struct TlsStream<IO> {
    io: IO,
    session: AnySession,
    incoming: Waiters,
    outgoing: RareWaiters,
    /// The error that a read met while writing. The next write returns it.
    write_error: Option<io::Error>,
    /// The stream has written something that the application need not flush.
    owes_flush: bool,
    /// The application has got data.
    has_read: bool,
    answering: Answering,
}

impl<IO> TlsStream<IO> {
    pub(super) fn new(io: IO, session: AnySession, answering: Answering) -> Self {
        Self {
            io,
            session,
            incoming: Waiters::default(),
            outgoing: RareWaiters::default(),
            write_error: None,
            owes_flush: false,
            has_read: false,
            answering,
        }
    }

    /// Returns the transport.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// Returns the transport. Do not read from it or write to it.
    pub fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// Returns the connection: what was negotiated, the peer's certificates, exporters.
    pub fn session(&self) -> &AnySession {
        &self.session
    }

    /// Returns the connection. What it writes goes out with the next read, write or flush, for
    /// example after [`refresh_traffic_keys`](Session::refresh_traffic_keys). Leave its transport
    /// to the stream.
    pub fn session_mut(&mut self) -> &mut AnySession {
        &mut self.session
    }

    /// Returns the transport and the connection. Plaintext that was received but not read, and
    /// records that were not written, are in the connection.
    pub fn into_inner(self) -> (IO, AnySession) {
        (self.io, self.session)
    }

    /// Splits the stream into halves for two tasks. They share no lock, so one task decrypts while
    /// another one encrypts. `split` splits the transport:
    ///
    /// ```no_run
    /// use std::io;
    /// use strata_tls::tokio::TlsStream;
    /// use tokio::io::AsyncWriteExt;
    /// use tokio::net::TcpStream;
    ///
    /// async fn serve(stream: TlsStream<TcpStream>) -> io::Result<()> {
    ///     let (mut receiver, mut sender) = stream.into_split(TcpStream::into_split).map_err(io::Error::other)?;
    ///     let upload = tokio::spawn(async move { tokio::io::copy(&mut receiver, &mut tokio::io::sink()).await });
    ///     sender.write_all(b"does not wait for the upload").await?;
    ///     sender.shutdown().await?;
    ///     upload.await??;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// [`tokio::io::split`](::tokio::io::split) splits any transport, with a lock around it.
    ///
    /// Call `flush` before, if the connector [delays the
    /// Finished](super::TlsConnector::set_delay_finished): a receiver never writes.
    ///
    /// # Errors
    /// Those of [`IntoSplit::into_split`], with the stream unchanged: for example before a
    /// [complete handshake](Self::complete_handshake).
    pub fn into_split<R, W>(
        self,
        split: impl FnOnce(IO) -> (R, W),
    ) -> Result<(TlsReceiver<R>, TlsSender<W>), SplitError<Self>> {
        let Self { io, session, incoming, outgoing, write_error, owes_flush, has_read, answering } = self;
        match session.into_split() {
            Ok((receiver, sender)) => {
                let (reader, writer) = split(io);
                let task = Arc::new(SenderTask::default());
                let sender = TlsSender::new(writer, sender, Arc::clone(&task), write_error);
                Ok((TlsReceiver::new(reader, receiver, task, answering), sender))
            }
            Err(e) => {
                let rejoin =
                    |session| Self { io, session, incoming, outgoing, write_error, owes_flush, has_read, answering };
                Err(e.map(rejoin))
            }
        }
    }

    fn has_early_data(&mut self) -> bool {
        match &mut self.session {
            AnySession::Server(server) => server.early_data().is_some(),
            AnySession::Client(_) => false,
        }
    }

    /// Returns whether written data goes out before the handshake is complete, or it is complete.
    fn can_send(&self) -> bool {
        !self.session.is_handshaking()
            || matches!(&self.session, AnySession::Server(server) if server.can_send_half_rtt())
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> TlsStream<IO> {
    /// Completes the handshake. Only a server needs it, whose
    /// [`accept`](super::TlsAcceptor::accept) returned before the client's Finished
    /// because of early data or [half-RTT data](ServerConfig::set_send_half_rtt_data). Reads do the
    /// same.
    ///
    /// # Errors
    /// Those of the handshake and of the transport.
    pub async fn complete_handshake(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_handshake(Side::Writer, cx)).await
    }

    /// Reads the client's early data (0-RTT), at a server that
    /// [allows it](ServerConfig::set_max_early_data_size). `Ok(0)`: all of it was read. It never
    /// appears in ordinary reads. See [`ReadEarlyData`](crate::ReadEarlyData) for what an attacker
    /// can do with it.
    ///
    /// # Errors
    /// Those of the handshake and of the transport.
    pub async fn read_early_data(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_early_data(cx, buf)).await
    }

    fn poll_early_data(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_until(Side::Reader, cx, |this| this.has_early_data() || !this.session.is_handshaking()))?;
        Poll::Ready(match &mut self.session {
            AnySession::Server(server) => server.early_data().map_or(Ok(0), |mut early| early.read(buf)),
            AnySession::Client(_) => Ok(0),
        })
    }

    /// Completes the handshake of a client. Its Finished may wait for data.
    pub(super) fn poll_connect(&mut self, cx: &mut Context<'_>, delay_finished: bool) -> Poll<io::Result<()>> {
        if delay_finished {
            return self.poll_until(Side::Writer, cx, |this| !this.session.is_handshaking());
        }
        self.poll_handshake(Side::Writer, cx)
    }

    /// Continues the handshake until the application can do something: at a server, send half-RTT
    /// data or read early data.
    pub(super) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_until(Side::Writer, cx, |this| this.can_send() || this.has_early_data()))?;
        self.poll_required(Side::Writer, cx)
    }

    fn poll_handshake(&mut self, side: Side, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_until(side, cx, |this| !this.session.is_handshaking()))?;
        self.poll_required(side, cx)
    }

    fn poll_until(
        &mut self,
        side: Side,
        cx: &mut Context<'_>,
        is_done: impl Fn(&mut Self) -> bool,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_error(side, cx))?;
            if is_done(self) {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_step(side, cx))?;
        }
    }

    /// Sends early data as long as the server has not answered, and completes the handshake. Adds
    /// what was sent early to `sent`.
    pub(super) fn poll_early_connect(
        &mut self,
        cx: &mut Context<'_>,
        early: &[u8],
        sent: &mut usize,
        delay_finished: bool,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut accepted = 0;
            if let AnySession::Client(client) = &mut self.session
                && let Some(mut writer) = client.early_data()
            {
                accepted = writer.write(early.get(*sent..).unwrap_or_default())?;
                *sent = sent.saturating_add(accepted);
            }
            ready!(self.poll_error(Side::Writer, cx))?;
            if !self.session.is_handshaking() {
                return self.poll_connect(cx, delay_finished);
            }
            if accepted > 0 {
                match self.poll_required(Side::Writer, cx) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(e)) => self.write_error = Some(e),
                    Poll::Pending => {}
                }
            }
            ready!(self.poll_step(Side::Writer, cx))?;
        }
    }

    /// Moves the connection on: answers a request of the handshake, or writes what the peer may
    /// wait for and reads once.
    fn poll_step(&mut self, side: Side, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if ready!(self.poll_before_read(side, cx))? { Poll::Ready(Ok(())) } else { self.poll_input(side, cx) }
    }

    /// Reads once.
    fn poll_input(&mut self, side: Side, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (session, io) = (&mut self.session, &mut self.io);
        let read = self.incoming.poll(side, cx, |cx| as_poll(session.read_tls(&mut Polled { io, cx })));
        match read {
            // No answer comes from a peer that was not reached.
            Poll::Pending if self.write_error.is_some() && self.session.is_handshaking() => {
                return Poll::Ready(self.write_error.take().map_or(Ok(()), Err));
            }
            Poll::Pending => return Poll::Pending,
            Poll::Ready(result) => result?,
        };
        // The session repeats an error.
        let _ = self.session.process_new_packets();
        Poll::Ready(Ok(()))
    }

    /// Answers a request, or writes what the peer may wait for. Returns whether the former, so that
    /// the connection may not have to read.
    fn poll_before_read(&mut self, side: Side, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match self.answering.poll(&mut self.session, cx) {
            Poll::Ready(Ok(false)) => {}
            Poll::Ready(Ok(true)) => return Poll::Ready(Ok(true)),
            Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
            Poll::Pending if self.session.is_handshaking() => return Poll::Pending,
            // Only tickets.
            Poll::Pending => {}
        }
        // Whatever becomes of it, an answer of the peer may have arrived.
        if self.write_error.is_none()
            && let Poll::Ready(Err(e)) = self.poll_required(side, cx)
        {
            self.write_error = Some(e);
        }
        if self.session.wants_read() { Poll::Ready(Ok(false)) } else { Poll::Ready(Err(self.why_stuck())) }
    }

    /// Returns the protocol error that ended the connection, once the alert was sent and sessions
    /// of the application's store were removed.
    fn poll_error(&mut self, side: Side, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Err(error) = self.session.process_new_packets() else { return Poll::Ready(Ok(())) };
        if self.write_error.is_none()
            && let Err(e) = ready!(self.poll_required(side, cx))
        {
            self.write_error = Some(e);
        }
        let session = &mut self.session;
        ready!(self.answering.poll_removal(cx, || match session {
            AnySession::Server(server) => server.failed_sessions().collect(),
            AnySession::Client(_) => Vec::new(),
        }));
        Poll::Ready(Err(protocol_error(error)))
    }

    #[cold]
    fn why_stuck(&mut self) -> io::Error {
        io::Error::other(match self.has_early_data() {
            true => "too much early data is unread to complete the handshake; call TlsStream::read_early_data",
            false => "the connection cannot continue: its session was used without the stream",
        })
    }

    /// Writes and flushes what the peer may wait for.
    fn poll_required(&mut self, side: Side, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.must_write() {
            ready!(self.poll_write_tls(side, cx))?;
            self.owes_flush = true;
        }
        if self.owes_flush {
            ready!(self.poll_transport(side, cx, |io, cx| io.poll_flush(cx)))?;
            self.owes_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes once.
    fn poll_write_tls(&mut self, side: Side, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (session, io) = (&mut self.session, &mut self.io);
        let mut write = |cx: &mut Context<'_>| as_poll(session.write_tls(&mut Polled { io, cx }));
        let written = match side {
            Side::Reader => self.outgoing.poll_once(cx, &mut write),
            Side::Writer => self.outgoing.poll(side, cx, &mut write),
        };
        written.map_ok(drop)
    }

    fn poll_transport(
        &mut self,
        side: Side,
        cx: &mut Context<'_>,
        op: impl Fn(Pin<&mut IO>, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        let io = &mut self.io;
        let mut op = |cx: &mut Context<'_>| op(Pin::new(&mut *io), cx);
        match side {
            Side::Reader => self.outgoing.poll_once(cx, &mut op),
            Side::Writer => self.outgoing.poll(side, cx, &mut op),
        }
    }

    /// Waits for plaintext, EOF or an error.
    fn poll_plaintext(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.session.has_plaintext() {
            // Nearly always there is nothing to do but to read.
            let step = if self.session.only_reads() && !self.owes_flush && self.answering.is_idle(&self.session) {
                self.poll_input(Side::Reader, cx)
            } else {
                if ready!(self.poll_end(cx))? {
                    return Poll::Ready(Ok(()));
                }
                self.poll_step(Side::Reader, cx)
            };
            if step.is_pending() {
                self.poll_optional(cx);
            }
            ready!(step)?;
        }
        self.has_read = true;
        Poll::Ready(Ok(()))
    }

    /// Returns whether the peer has sent close_notify, or the error of the connection.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match self.session.fill_buf() {
            Ok(_) => {
                self.poll_optional(cx);
                Poll::Ready(Ok(true))
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Poll::Ready(Ok(false)),
            Err(e) => {
                ready!(self.poll_error(Side::Reader, cx))?;
                Poll::Ready(Err(e))
            }
        }
    }

    /// Writes all pending records.
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.has_output() {
            ready!(self.poll_write_tls(Side::Writer, cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Returns the peer's alert, if it sent one before it closed the transport, or else this error.
    #[cold]
    fn why_write_failed(&mut self, cx: &mut Context<'_>, e: io::Error) -> io::Error {
        let io = &mut self.io;
        let why = why_write_failed(&mut self.session, &mut Polled { io, cx }, e);
        self.incoming.wake_other(Side::Writer, cx.waker());
        why
    }

    /// Answers a request for tickets if its answer is ready, so that they go out with the data that
    /// follows.
    fn poll_tickets(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.answering.is_idle(&self.session) {
            return Ok(());
        }
        match self.answering.poll(&mut self.session, cx) {
            Poll::Ready(result) => result.map(drop),
            Poll::Pending => Ok(()),
        }
    }

    /// Answers a request for tickets, because they cannot follow close_notify. Data does not wait
    /// for the answer.
    fn poll_last_tickets(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(result) = self.answering.poll_all(&mut self.session, cx) {
            return Poll::Ready(result);
        }
        ready!(self.poll_pending(cx))?;
        ready!(self.poll_transport(Side::Writer, cx, |io, cx| io.poll_flush(cx)))?;
        Poll::Pending
    }

    /// Sends tickets that wait for data of the application. It does not write: it has read, and
    /// reads on.
    fn poll_optional(&mut self, cx: &mut Context<'_>) {
        let has_work = self.owes_flush || self.session.has_output();
        if !has_work || !self.has_read || self.write_error.is_some() || self.session.is_handshaking() {
            return;
        }
        let mut was_written = false;
        while self.session.has_output() {
            match self.poll_write_tls(Side::Reader, cx) {
                Poll::Ready(Ok(())) => was_written = true,
                Poll::Ready(Err(e)) => return self.write_error = Some(e),
                Poll::Pending => return,
            }
        }
        self.owes_flush |= was_written;
        if self.owes_flush
            && let Poll::Ready(Err(e)) = self.poll_required(Side::Reader, cx)
        {
            self.write_error = Some(e);
        }
    }

    /// Returns the error that a read met while writing.
    fn check_write(&mut self) -> io::Result<()> {
        self.write_error.take().map_or(Ok(()), Err)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<IO> {
    /// Copies all plaintext that was received and fits. Does not initialize the rest of `buf`.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() > 0 {
            ready!(this.poll_plaintext(cx))?;
        }
        copy_plaintext(&mut this.session, buf);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncBufRead for TlsStream<IO> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_plaintext(cx))?;
        Poll::Ready(this.session.fill_buf())
    }

    fn consume(self: Pin<&mut Self>, n: usize) {
        self.get_mut().session.consume(n);
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_write()?;
        this.poll_tickets(cx)?;
        loop {
            let accepted = match this.session.write_vectored(bufs) {
                Ok(accepted) => accepted,
                Err(e) => {
                    ready!(this.poll_error(Side::Writer, cx))?;
                    return Poll::Ready(Err(e));
                }
            };
            let had_output = this.session.has_output();
            let written = match this.poll_pending(cx) {
                Poll::Ready(Err(e)) => Poll::Ready(Err(this.why_write_failed(cx, e))),
                other => other,
            };
            if accepted > 0 || bufs.iter().all(|buf| buf.is_empty()) {
                // An error here would let the caller write the same data again.
                if let Poll::Ready(Err(e)) = written {
                    this.write_error = Some(e);
                }
                return Poll::Ready(Ok(accepted));
            }
            ready!(written)?;
            // Either there is room now, or data must wait for the handshake.
            if !had_output {
                ready!(this.poll_step(Side::Writer, cx))?;
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_write()?;
        this.poll_tickets(cx)?;
        if !this.can_send() {
            ready!(this.poll_handshake(Side::Writer, cx))?;
        }
        if let Err(e) = ready!(this.poll_pending(cx)) {
            return Poll::Ready(Err(this.why_write_failed(cx, e)));
        }
        ready!(this.poll_transport(Side::Writer, cx, |io, cx| io.poll_flush(cx)))?;
        this.owes_flush = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut sent = this.check_write();
        if sent.is_ok() && !this.session.is_handshaking() {
            sent = ready!(this.poll_last_tickets(cx));
        }
        this.session.send_close_notify();
        if sent.is_ok() {
            // close_notify must wait for the client's Finished.
            if this.session.is_handshaking() {
                ready!(this.poll_handshake(Side::Writer, cx))?;
            }
            sent = ready!(this.poll_pending(cx));
        }
        if sent.is_ok() {
            sent = ready!(this.poll_transport(Side::Writer, cx, |io, cx| io.poll_flush(cx)));
        }
        unless_gone(sent)?;
        Poll::Ready(unless_gone(ready!(this.poll_transport(Side::Writer, cx, |io, cx| io.poll_shutdown(cx)))))
    }
}

/// Returns `Ok` for the error of a transport whose peer is gone: then nothing is left to close.
pub(super) fn unless_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if is_reset(&e) || matches!(e.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected) => Ok(()),
        other => other,
    }
}

impl<IO> fmt::Debug for TlsStream<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("session", &self.session).finish_non_exhaustive()
    }
}
