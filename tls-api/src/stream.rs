//! A session and a blocking transport, joined to something that reads and writes like a socket.

use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Write};

use crate::session::{Session, write_out};

/// A session and a transport, both borrowed, that read and write plaintext like one socket.
///
/// The first read or write does the handshake. Every write goes out to the transport at once.
///
/// Nothing is sent on drop: a peer that is not told by [`close`](Self::close) sees its connection truncated.
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
            let sent = write_out(self.session, self.transport);
            if taken > 0 || bufs.iter().all(|buf| buf.is_empty()) {
                // Taken is taken, even if the transport does not take it on yet.
                return sent.map_or_else(
                    |e| if e.kind() == io::ErrorKind::WouldBlock { Ok(taken) } else { Err(e) },
                    |_| Ok(taken),
                );
            }
            // There was no room, and now there is.
            sent?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.session.is_handshaking() {
            self.session.complete_io(self.transport)?;
        }
        write_out(self.session, self.transport)?;
        self.transport.flush()
    }
}

/// A session and a transport, both owned; otherwise a [`Stream`].
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
