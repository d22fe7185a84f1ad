//! A session and a blocking transport, joined to something that reads and writes like a socket.

use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Write};

use crate::session::{Session, flush, write_out, write_waiting};

/// A session and a transport, both borrowed, that read and write plaintext like one socket.
///
/// The first read, write or flush does the handshake.
///
/// # Writing
/// Every write is sealed, written to the transport and flushed before it returns: it needs no flush of its own, and makes at least one
/// record and one call of the transport. Small pieces are put together by `write_vectored` or a [`BufWriter`](io::BufWriter), which does
/// need one:
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
/// A transport that does not block, or has a timeout for writing, may be unable to take all: what the write accepted then waits in the
/// session, and `flush` writes it out, and so do the next write and a read that has to wait. `flush` returns `Ok` when the transport has
/// taken everything and is flushed itself. Any other error of the transport is told at once: what was accepted waits
/// in the session all the same, and must not be written again.
///
/// Nothing is sent on drop: a peer that is not told by [`close`](Self::close) sees its connection truncated. What waits in the session
/// stays there, and is lost where the session is dropped as well.
///
/// With a non-blocking transport every call may return [`WouldBlock`](io::ErrorKind::WouldBlock), and can be repeated.
#[derive(Debug)]
pub struct Stream<'a, S, T> {
    /// The session.
    pub session: &'a mut S,
    /// The transport.
    pub transport: &'a mut T,
}

impl<'a, S: Session, T: Read + Write> Stream<'a, S, T> {
    /// Joins the two; does no I/O.
    pub fn new(session: &'a mut S, transport: &'a mut T) -> Self {
        Self { session, transport }
    }

    /// Sends close_notify after what was written, and flushes. Reading is still possible: what the peer sends before its
    /// own close_notify arrives.
    ///
    /// # Errors
    /// Those of the transport; those of the handshake, if it was not complete.
    pub fn close(&mut self) -> io::Result<()> {
        self.session.send_close_notify();
        self.flush()
    }

    /// Does I/O until there is plaintext, its end, or an error.
    fn await_plaintext(&mut self) -> io::Result<()> {
        loop {
            match self.session.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return other.map(|_| ()),
            }
            match self.session.complete_io(self.transport) {
                Ok((0, 0)) => return self.session.fill_buf().map(|_| ()),
                Ok(_) => {}
                // What came before the error is read first; the session tells the error again afterwards.
                Err(e) => {
                    return if self.session.fill_buf().is_ok_and(|held| !held.is_empty()) { Ok(()) } else { Err(e) };
                }
            }
        }
    }
}

impl<S: Session, T: Read + Write> Read for Stream<'_, S, T> {
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

impl<S: Session, T: Read + Write> BufRead for Stream<'_, S, T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.await_plaintext()?;
        self.session.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.session.consume(n);
    }
}

impl<S: Session, T: Read + Write> Write for Stream<'_, S, T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.session.is_handshaking() {
            self.session.complete_io(self.transport)?;
        }
        loop {
            let taken = self.session.write_vectored(bufs)?;
            let sent = write_out(self.session, self.transport, &mut 0);
            if taken > 0 || bufs.iter().all(|buf| buf.is_empty()) {
                // Taken is taken, even if the transport does not take it on yet.
                return match sent {
                    // A socket with a timeout for writing tells the one on Unix, the other on Windows.
                    Err(e) if !matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Err(e),
                    _ => Ok(taken),
                };
            }
            // There was no room, and now there is.
            sent?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.session.is_handshaking() {
            self.session.complete_io(self.transport)?;
        }
        write_waiting(self.session, self.transport, &mut 0)?;
        // Whether the session gave it something or not: it may hold something itself.
        flush(self.transport)?;
        // That counts for what the session gave it.
        self.session.flush_tls(&mut io::sink())
    }
}

/// A session and a transport, both owned; otherwise a [`Stream`], whose page says when what is written goes out.
///
/// Dropped, it sends nothing: [`close`](Self::close) it first.
#[derive(Debug)]
pub struct StreamOwned<S, T> {
    /// The session.
    pub session: S,
    /// The transport.
    pub transport: T,
}

impl<S: Session, T: Read + Write> StreamOwned<S, T> {
    /// Joins the two; does no I/O.
    pub fn new(session: S, transport: T) -> Self {
        Self { session, transport }
    }

    /// Sends close_notify after what was written, and flushes. See [`Stream::close`].
    ///
    /// # Errors
    /// Those of the transport; those of the handshake, if it was not complete.
    pub fn close(&mut self) -> io::Result<()> {
        self.as_stream().close()
    }

    /// Takes the two apart again.
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
