//! [`Stream`]: a connection and a blocking transport together, which read and write plaintext like
//! a socket. `core` decides between a regular end and a truncation.

use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Write};

use crate::session::Session;
use crate::session::io_loop::{flush, is_timeout, why_write_failed, write_and_flush, write_pending};

/// A borrowed connection and transport, which read and write plaintext like one socket.
///
/// The first read, write or flush performs the handshake.
///
/// # Writing
/// Each write is encrypted, written to the transport and flushed before it returns. It needs no
/// extra flush, and makes at least one record and one call of the transport. To combine small
/// pieces, use `write_vectored`, or a [`BufWriter`](io::BufWriter), which must be flushed:
///
/// ```no_run
/// use std::io::{BufWriter, Write};
/// # fn answer(mut stream: strata_tls::StreamOwned<strata_tls::ServerSession, std::net::TcpStream>) -> std::io::Result<()> {
/// let mut out = BufWriter::with_capacity(16 * 1024, &mut stream);
/// for line in 0..1000 {
///     writeln!(out, "line {line}")?;
/// }
/// out.flush()?;
/// drop(out);
/// stream.close()
/// # }
/// ```
///
/// A transport that is non-blocking or has a write timeout may not take all bytes. The rest then
/// stays pending in the connection, and the write still returns how much it accepted. `flush`, the
/// next write, and a read that must wait write it out. `flush` returns `Ok` when the transport has
/// taken everything and is flushed. Any other error of the transport is returned at once. Data
/// accepted by the connection stays pending in this case too, and must not be written again. If the
/// peer is gone ([`BrokenPipe`](io::ErrorKind::BrokenPipe),
/// [`ConnectionReset`](io::ErrorKind::ConnectionReset)), the stream reads what the peer sent
/// before, and returns the alert in it as the error.
///
/// Dropping the stream sends nothing. A peer that receives no close_notify (see
/// [`close`](Self::close)) sees a truncated connection. Pending bytes stay in the connection until
/// it is dropped too.
///
/// A read of a TLS 1.3 server does not write out its tickets: they go with the first data that the
/// application writes, or with `flush` or [`close`](Self::close). So a peer that writes before it
/// reads cannot block both sides, and the tickets take no packet of their own.
///
/// With a non-blocking transport every call may return [`WouldBlock`](io::ErrorKind::WouldBlock),
/// and can be repeated.
#[derive(Debug)]
pub struct Stream<'a, S: ?Sized, T: ?Sized> {
    /// The connection.
    pub session: &'a mut S,
    /// The transport.
    pub transport: &'a mut T,
}

impl<'a, S: Session + ?Sized, T: Read + Write + ?Sized> Stream<'a, S, T> {
    /// Combines the two. Does no I/O.
    pub fn new(session: &'a mut S, transport: &'a mut T) -> Self {
        Self { session, transport }
    }

    /// Sends close_notify after all data written, and flushes. Data that the peer sends before its
    /// own close_notify can still be read.
    ///
    /// # Errors
    /// Those of the transport, and those of the handshake if it was not complete.
    pub fn close(&mut self) -> io::Result<()> {
        self.session.send_close_notify();
        self.flush()
    }

    /// Writes and flushes all pending bytes.
    fn send(&mut self) -> io::Result<()> {
        let sent = write_and_flush(self.session, &mut self.transport, &mut 0);
        sent.map_err(|e| why_write_failed(self.session, &mut self.transport, e))
    }

    /// Writes all pending bytes, and flushes even without new ones, as the transport may buffer by
    /// itself.
    fn flush_all(&mut self) -> io::Result<()> {
        write_pending(self.session, &mut self.transport, &mut 0)?;
        flush(&mut self.transport)?;
        // Mark the connection's bytes as flushed.
        self.session.flush_tls(&mut io::sink())
    }

    /// Does I/O until there is plaintext, EOF, or an error.
    fn await_plaintext(&mut self) -> io::Result<()> {
        loop {
            match self.session.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return other.map(|_| ()),
            }
            match self.session.complete_io(&mut self.transport) {
                Ok((0, 0)) => return self.session.fill_buf().map(|_| ()),
                Ok(_) => {}
                // Return data received before the error first; the connection repeats the error
                // afterwards.
                Err(e) => {
                    return if self.session.fill_buf().is_ok_and(|held| !held.is_empty()) { Ok(()) } else { Err(e) };
                }
            }
        }
    }
}

impl<S: Session + ?Sized, T: Read + Write + ?Sized> Read for Stream<'_, S, T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !buf.is_empty() {
            self.await_plaintext()?;
        }
        self.session.read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if bufs.iter().any(|buf| !buf.is_empty()) {
            self.await_plaintext()?;
        }
        self.session.read_vectored(bufs)
    }
}

impl<S: Session + ?Sized, T: Read + Write + ?Sized> BufRead for Stream<'_, S, T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.await_plaintext()?;
        self.session.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.session.consume(n);
    }
}

impl<S: Session + ?Sized, T: Read + Write + ?Sized> Write for Stream<'_, S, T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.session.is_handshaking() {
            self.session.complete_io(&mut self.transport)?;
        }
        loop {
            let accepted = self.session.write_vectored(bufs)?;
            let sent = self.send();
            if accepted > 0 || bufs.iter().all(|buf| buf.is_empty()) {
                // Accepted data counts, even if the transport has not taken it yet.
                return match sent {
                    Err(e) if !is_timeout(&e) => Err(e),
                    _ => Ok(accepted),
                };
            }
            // The send buffer was full, and now has room.
            sent?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.session.is_handshaking() {
            self.session.complete_io(&mut self.transport)?;
        }
        self.flush_all().map_err(|e| why_write_failed(self.session, &mut self.transport, e))
    }
}

/// An owned connection and transport. Otherwise it equals [`Stream`], which documents when written
/// data is sent.
///
/// Dropping it sends nothing: call [`close`](Self::close) first.
#[derive(Debug)]
pub struct StreamOwned<S, T> {
    /// The connection.
    pub session: S,
    /// The transport.
    pub transport: T,
}

impl<S: Session, T: Read + Write> StreamOwned<S, T> {
    /// Combines the two. Does no I/O.
    pub fn new(session: S, transport: T) -> Self {
        Self { session, transport }
    }

    /// Sends close_notify after all data written, and flushes. See [`Stream::close`].
    ///
    /// # Errors
    /// Those of the transport, and those of the handshake if it was not complete.
    pub fn close(&mut self) -> io::Result<()> {
        self.as_stream().close()
    }

    /// Returns the connection and the transport.
    pub fn into_parts(self) -> (S, T) {
        (self.session, self.transport)
    }

    fn as_stream(&mut self) -> Stream<'_, S, T> {
        Stream::new(&mut self.session, &mut self.transport)
    }
}

impl<S: Session, T: Read + Write> Read for StreamOwned<S, T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.as_stream().read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.as_stream().read_vectored(bufs)
    }
}

impl<S: Session, T: Read + Write> BufRead for StreamOwned<S, T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.as_stream().await_plaintext()?;
        self.session.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.session.consume(n);
    }
}

impl<S: Session, T: Read + Write> Write for StreamOwned<S, T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.as_stream().write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.as_stream().write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.as_stream().flush()
    }
}
