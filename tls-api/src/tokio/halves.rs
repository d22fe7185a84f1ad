//! [`TlsReceiver`] and [`TlsSender`]: the halves of a [`TlsStream`](super::TlsStream).
//!
//! Each has a half of the connection and of the transport. They share the mailbox of the
//! connection, and the waker of the task that sends.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, BufRead, IoSlice, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::answers::Answering;
use super::stream::unless_gone;
use super::transport::{Polled, as_poll, copy_plaintext};
use super::waiters::SenderTask;
use crate::session::io_loop::repeat_as_io;
use crate::{Receiver, Sender};

/// The half of a stream that reads, from [`TlsStream::into_split`](super::TlsStream::into_split).
///
/// Reads return the same as those of the stream. They never write: what the peer makes this side
/// send is left to the [`TlsSender`], whose task is woken if it waits in one of its calls.
pub struct TlsReceiver<IO> {
    io: IO,
    receiver: Receiver,
    task: Arc<SenderTask>,
    answering: Answering,
}

impl<IO> TlsReceiver<IO> {
    pub(super) fn new(io: IO, receiver: Receiver, task: Arc<SenderTask>, answering: Answering) -> Self {
        Self { io, receiver, task, answering }
    }

    /// Returns the transport's half.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// Returns the transport's half. Do not read from it.
    pub fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// Returns the connection's half: what was negotiated, exporters.
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Returns the halves of the transport and the connection. Plaintext that was received but not
    /// read is in the latter.
    pub fn into_inner(self) -> (IO, Receiver) {
        (self.io, self.receiver)
    }
}

impl<IO: AsyncRead + Unpin> TlsReceiver<IO> {
    /// Waits for plaintext, EOF or an error.
    fn poll_plaintext(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.receiver.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => {
                    let receiver = &mut self.receiver;
                    ready!(self.answering.poll_removal(cx, || receiver.failed_sessions().collect()));
                    return Poll::Ready(Err(e));
                }
                Ok(_) => return Poll::Ready(Ok(())),
            }
            // The stream may have left a session to be stored.
            self.answering.poll_work(cx);
            let io = &mut self.io;
            ready!(as_poll(self.receiver.read_tls(&mut Polled { io, cx })))?;
            // Reading returns an error, after the data that was received before it.
            let _ = self.receiver.process_new_packets();
            if self.receiver.sender_wants_write() {
                self.task.wake();
            }
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for TlsReceiver<IO> {
    /// Copies all plaintext that was received and fits. Does not initialize the rest of `buf`.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() > 0 {
            ready!(this.poll_plaintext(cx))?;
        }
        copy_plaintext(&mut this.receiver, buf);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncRead + Unpin> AsyncBufRead for TlsReceiver<IO> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_plaintext(cx))?;
        Poll::Ready(this.receiver.fill_buf())
    }

    fn consume(self: Pin<&mut Self>, n: usize) {
        self.get_mut().receiver.consume(n);
    }
}

/// The half of a stream that writes, from [`TlsStream::into_split`](super::TlsStream::into_split).
///
/// Writes, `flush` and `shutdown` work as with the stream. Each also sends what the [`TlsReceiver`]
/// has left: the answer to a KeyUpdate, or the alert of an error. After an error of the receiver,
/// writes and `flush` send the alert and return that error, even if they waited for the transport.
///
/// A task that waits for something else sends nothing. If a connection may be idle in this
/// direction, let [`drive`](Self::drive) run meanwhile. Otherwise the answer to a KeyUpdate goes
/// out with the next data (RFC 9846 §4.7.3), and an alert with the next `flush` or `shutdown`.
///
/// Dropping the futures of these calls loses nothing. Dropping this half sends nothing.
pub struct TlsSender<IO> {
    io: IO,
    sender: Sender,
    task: Arc<SenderTask>,
    /// The error of a write that had accepted data before. The next call returns it.
    write_error: Option<io::Error>,
    /// The transport has taken bytes since it was flushed.
    owes_flush: bool,
}

impl<IO> TlsSender<IO> {
    pub(super) fn new(io: IO, sender: Sender, task: Arc<SenderTask>, write_error: Option<io::Error>) -> Self {
        Self { io, sender, task, write_error, owes_flush: true }
    }

    /// Returns the transport's half.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// Returns the transport's half. Do not write to it.
    pub fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// Returns the connection's half.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Returns the connection's half. What it writes goes out with the next call, for example after
    /// [`refresh_traffic_keys`](Sender::refresh_traffic_keys).
    pub fn sender_mut(&mut self) -> &mut Sender {
        &mut self.sender
    }

    /// Returns the halves of the transport and the connection. Records that were not written are in
    /// the latter.
    pub fn into_inner(self) -> (IO, Sender) {
        (self.io, self.sender)
    }
}

impl<IO: AsyncWrite + Unpin> TlsSender<IO> {
    /// Sends and flushes what is pending, and from then on what the receiver leaves, as soon as it
    /// does. Completes only when that fails: with the error of the receiver, after its alert was
    /// sent, or with that of the transport.
    ///
    /// ```no_run
    /// use std::io;
    /// use strata_tls::tokio::TlsSender;
    /// use tokio::io::{AsyncWrite, AsyncWriteExt};
    /// use tokio::sync::mpsc::Receiver;
    ///
    /// /// Sends messages when there are any.
    /// async fn send<W: AsyncWrite + Unpin>(mut sender: TlsSender<W>, mut queue: Receiver<Vec<u8>>) -> io::Result<()> {
    ///     loop {
    ///         let message = tokio::select! {
    ///             message = queue.recv() => message,
    ///             error = sender.drive() => return Err(error),
    ///         };
    ///         match message {
    ///             Some(message) => sender.write_all(&message).await?,
    ///             None => return sender.shutdown().await,
    ///         }
    ///     }
    /// }
    /// ```
    pub async fn drive(&mut self) -> io::Error {
        poll_fn(|cx| {
            // First, so that nothing is missed that the receiver leaves later.
            self.task.register(cx.waker());
            match self.poll_sent(cx) {
                Poll::Ready(Err(e)) => Poll::Ready(e),
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Writes all pending records.
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sender.wants_write() {
            let io = &mut self.io;
            if ready!(as_poll(self.sender.write_tls(&mut Polled { io, cx })))? > 0 {
                self.owes_flush = true;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes all pending records and flushes, unless the receiver fails.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_write()?;
        self.poll_unless_failed(cx, Self::poll_all)
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        if self.owes_flush {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.owes_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Polls the transport. If the receiver fails before or meanwhile, returns its error.
    fn poll_unless_failed(
        &mut self,
        cx: &mut Context<'_>,
        op: fn(&mut Self, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if self.sender.error().is_none() {
            let result = op(self, cx);
            if result.is_pending() {
                self.task.register(cx.waker());
            }
            // The error says more than the transport's.
            if self.sender.error().is_none() {
                return result;
            }
        }
        self.poll_failure(cx)
    }

    /// Returns the receiver's error, after its alert was sent. A peer that sent an alert itself is
    /// sent nothing more.
    #[cold]
    fn poll_failure(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.sender.error().is_some_and(|e| e.alert().is_some()) {
            // The peer may be gone; the error says more than a failure to write the alert.
            let _ = ready!(self.poll_all(cx));
        }
        Poll::Ready(self.sender.error().map_or(Ok(()), |e| Err(repeat_as_io(e))))
    }

    /// Returns the error that an earlier call met after it had accepted data.
    fn check_write(&mut self) -> io::Result<()> {
        let error = self.write_error.take();
        error.map_or(Ok(()), |e| Err(self.sender.error().map_or(e, repeat_as_io)))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for TlsSender<IO> {
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
        loop {
            let accepted = match this.sender.write_vectored(bufs) {
                Ok(accepted) => accepted,
                Err(e) => {
                    if this.sender.error().is_some() {
                        ready!(this.poll_failure(cx))?;
                    }
                    return Poll::Ready(Err(e));
                }
            };
            if accepted > 0 || bufs.iter().all(|buf| buf.is_empty()) {
                // An error here would let the caller write the same data again.
                if let Poll::Ready(Err(e)) = this.poll_pending(cx) {
                    this.write_error = Some(e);
                }
                return Poll::Ready(Ok(accepted));
            }
            // The send buffer is full.
            ready!(this.poll_unless_failed(cx, Self::poll_pending))?;
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_sent(cx)
    }

    /// Sends close_notify after all data, and then shuts the transport down for writing. Succeeds
    /// if the peer is gone, and after an error of the receiver, which returns it.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.sender.send_close_notify();
        let sent = ready!(this.poll_sent(cx));
        if this.sender.error().is_none() {
            unless_gone(sent)?;
        }
        Poll::Ready(unless_gone(ready!(Pin::new(&mut this.io).poll_shutdown(cx))))
    }
}

impl<IO> fmt::Debug for TlsReceiver<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsReceiver").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

impl<IO> fmt::Debug for TlsSender<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSender").field("sender", &self.sender).finish_non_exhaustive()
    }
}
