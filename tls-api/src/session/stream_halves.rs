//! [`StreamReceiver`] and [`StreamSender`]: the halves of a [`StreamOwned`].

use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Write};

use tls_handshake::SplitError;

use crate::session::halves::{IntoSplit, Receiver, Sender};
use crate::session::io_loop::{flush, is_timeout, repeat_as_io};
use crate::session::stream::StreamOwned;

impl<S: IntoSplit, T: Read + Write> StreamOwned<S, T> {
    /// Splits the stream into halves that two threads use, without a lock. `reader` is a second
    /// handle of the transport, for the half that reads; for example
    /// [`TcpStream::try_clone`](std::net::TcpStream::try_clone) makes one.
    ///
    /// The handshake must be complete: a read, a write or a flush before this performs it.
    ///
    /// ```no_run
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    /// use std::thread;
    /// use strata_tls::{ClientSession, StreamOwned};
    ///
    /// fn chat(mut stream: StreamOwned<ClientSession, TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
    ///     stream.flush()?; // the handshake
    ///     let reader = stream.transport.try_clone()?;
    ///     let (mut receiver, mut sender) = stream.into_split(reader)?;
    ///     let printer = thread::spawn(move || std::io::copy(&mut receiver, &mut std::io::stdout()));
    ///     std::io::copy(&mut std::io::stdin(), &mut sender)?;
    ///     sender.close()?; // the receiver continues until the peer closes
    ///     printer.join().map_err(|_| "the other thread panicked")??;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of [`IntoSplit::into_split`], with the stream unchanged.
    pub fn into_split<U: Read>(self, reader: U) -> Result<(StreamReceiver<U>, StreamSender<T>), SplitError<Self>> {
        let Self { session, transport } = self;
        match session.into_split() {
            Ok((receiver, sender)) => {
                Ok((StreamReceiver { receiver, transport: reader }, StreamSender { sender, transport }))
            }
            Err(e) => Err(e.map(|session| Self { session, transport })),
        }
    }
}

/// The half of a stream that reads, from [`StreamOwned::into_split`].
///
/// It never writes, so no thread waits for another one's write. What the peer makes this side send
/// goes out with the next call of the [`StreamSender`]: the answer to a KeyUpdate, and the alert of
/// an error.
///
/// A thread that reads waits until the peer sends or closes. To end it, close the reading direction
/// of the transport ([`TcpStream::shutdown`](std::net::TcpStream::shutdown)).
#[derive(Debug)]
pub struct StreamReceiver<T> {
    /// The connection's half.
    pub receiver: Receiver,
    /// The transport.
    pub transport: T,
}

impl<T: Read> StreamReceiver<T> {
    /// Reads until there is plaintext, EOF, or an error.
    fn await_plaintext(&mut self) -> io::Result<()> {
        loop {
            match self.receiver.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return other.map(|_| ()),
            }
            match self.receiver.read_tls(&mut self.transport) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
                // Reading returns an error, after the data that was received before it.
                Ok(_) => drop(self.receiver.process_new_packets()),
            }
        }
    }
}

impl<T: Read> Read for StreamReceiver<T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !buf.is_empty() {
            self.await_plaintext()?;
        }
        self.receiver.read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if bufs.iter().any(|buf| !buf.is_empty()) {
            self.await_plaintext()?;
        }
        self.receiver.read_vectored(bufs)
    }
}

impl<T: Read> BufRead for StreamReceiver<T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.await_plaintext()?;
        self.receiver.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.receiver.consume(n);
    }
}

/// The half of a stream that writes, from [`StreamOwned::into_split`].
///
/// Each write is encrypted, written to the transport and flushed before it returns, as with a
/// [`Stream`](crate::Stream). So is what the [`StreamReceiver`] left for this half.
///
/// After an error of the receiver, every call sends the alert, if it was not sent before, and
/// returns that error. A thread that stays idle sends no alert: call `flush` when the receiver's
/// thread has ended with an error. Dropping this half sends nothing.
#[derive(Debug)]
pub struct StreamSender<T> {
    /// The connection's half.
    pub sender: Sender,
    /// The transport.
    pub transport: T,
}

impl<T: Write> StreamSender<T> {
    /// Sends close_notify after all data written, and flushes. The receiver continues.
    ///
    /// # Errors
    /// Those of the transport, and the error that ended the connection.
    pub fn close(&mut self) -> io::Result<()> {
        self.sender.send_close_notify();
        self.flush()
    }

    /// Writes all pending bytes and flushes.
    fn write_pending(&mut self) -> io::Result<()> {
        while self.sender.wants_write() {
            match self.sender.write_tls(&mut self.transport) {
                // Not `wants_write`: the receiver may have left something just now.
                Ok(0) if self.sender.has_output() => return Err(io::ErrorKind::WriteZero.into()),
                Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
                _ => {}
            }
        }
        self.sender.flush_tls(&mut self.transport)
    }
}

impl<T: Write> Write for StreamSender<T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            let accepted = self.sender.write_vectored(bufs);
            let sent = self.write_pending();
            match accepted {
                // The transport's error says less than the connection's.
                Err(e) => return Err(e),
                Ok(accepted) if accepted > 0 || bufs.iter().all(|buf| buf.is_empty()) => {
                    // Accepted data counts, even if the transport has not taken it yet.
                    return match sent {
                        Err(e) if !is_timeout(&e) => Err(self.sender.error().map_or(e, repeat_as_io)),
                        _ => Ok(accepted),
                    };
                }
                // The send buffer was full, and now has room.
                Ok(_) => sent?,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let sent = self.write_pending().and_then(|()| flush(&mut self.transport));
        self.sender.error().map_or(sent, |e| Err(repeat_as_io(e)))
    }
}
