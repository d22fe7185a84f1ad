//! Loops between a connection and its transport, for [`Session::complete_io`] and
//! [`Stream`](crate::Stream); and protocol errors as errors of I/O.

use std::io::{self, Write};

use tls_handshake::{Error, TransportEnd};

use super::{Session, Transport};

/// Implements [`Session::complete_io`]. `check_progress` fails if I/O cannot advance the
/// connection.
pub(crate) fn complete_io<S: Session>(
    session: &mut S,
    io: &mut dyn Transport,
    check_progress: fn(&S) -> io::Result<()>,
) -> io::Result<(usize, usize)> {
    let handshake = session.is_handshaking();
    let (mut read, mut written) = (0, 0);
    loop {
        let blocked = match write_required(session, io, &mut written) {
            Ok(()) => None,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Some(e),
            Err(e) => return Err(why_write_failed(session, io, e)),
        };
        check_progress(session)?;
        let done = if handshake { !session.is_handshaking() } else { read + written > 0 };
        if !session.wants_read() || (done && blocked.is_none()) {
            return Ok((read, written));
        }
        match session.read_tls(&mut *io) {
            Ok(n) => read += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            // Outside the handshake, bytes written are a success.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && !handshake && written > 0 => return Ok((read, written)),
            Err(e) => return Err(blocked.unwrap_or(e)),
        }
        if let Err(e) = session.process_new_packets() {
            // The peer may be gone; the protocol error says more than a failure to write the alert.
            let _ = write_and_flush(session, io, &mut written);
            return Err(protocol_error(e));
        }
        if !handshake {
            return Ok((read, written));
        }
    }
}

/// Returns why the transport takes no more bytes: a peer that rejects the connection sends an alert
/// and closes, and the next write fails before that alert was read. This can be after the
/// handshake: a TLS 1.3 server verifies the client's certificate when the client has already
/// finished.
///
/// Keeps the data received meanwhile, up to the limit on unread data. Where the peer is gone, reads
/// do not wait. Only after the application shut down the transport for writing may they wait for
/// the peer.
#[cold]
pub(crate) fn why_write_failed<S: Session + ?Sized>(
    session: &mut S,
    io: &mut dyn Transport,
    e: io::Error,
) -> io::Error {
    if !is_reset(&e) && e.kind() != io::ErrorKind::BrokenPipe {
        return e;
    }
    while session.wants_read() {
        match session.read_tls(&mut *io) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(why) if why.get_ref().is_some_and(|why| why.is::<Error>()) => return why,
            Err(_) => return e,
        }
        if let Err(why) = session.process_new_packets() {
            return protocol_error(why);
        }
    }
    e
}

/// Returns whether the peer, or a device on the way, reset the transport.
pub(crate) fn is_reset(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted)
}

/// Returns whether the transport took no bytes within its time: a socket with a write timeout
/// returns the first on Unix, the second on Windows.
pub(crate) fn is_timeout(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Writes and flushes the bytes that must go out now. Tickets wait for the next data: the peer may
/// be writing, and read nothing before it is done.
fn write_required<S: Session + ?Sized>(session: &mut S, io: &mut dyn Write, written: &mut usize) -> io::Result<()> {
    write_while(session, S::must_write, io, written)?;
    session.flush_tls(io)
}

/// Writes all pending bytes and flushes. Adds the bytes written to `written`, also on an error.
pub(crate) fn write_and_flush<S: Session + ?Sized>(
    session: &mut S,
    io: &mut dyn Write,
    written: &mut usize,
) -> io::Result<()> {
    write_pending(session, io, written)?;
    session.flush_tls(io)
}

/// Writes all pending bytes. Adds the bytes written to `written`, also on an error.
pub(crate) fn write_pending<S: Session + ?Sized>(
    session: &mut S,
    io: &mut dyn Write,
    written: &mut usize,
) -> io::Result<()> {
    write_while(session, S::wants_write, io, written)
}

fn write_while<S: Session + ?Sized>(
    session: &mut S,
    is_pending: fn(&S) -> bool,
    io: &mut dyn Write,
    written: &mut usize,
) -> io::Result<()> {
    while is_pending(session) {
        match session.write_tls(&mut *io) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => *written += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Flushes, and repeats an interrupted flush. `write_all` would take `Interrupted` for a write that
/// accepted nothing, and write the data again.
pub(crate) fn flush(io: &mut dyn Write) -> io::Result<()> {
    loop {
        match io.flush() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Returns the error that ended the connection as an error of I/O.
pub(crate) fn repeat_as_io(e: &Error) -> io::Error {
    protocol_error(e.clone_error())
}

/// Returns a protocol error as an error of I/O.
pub(crate) fn protocol_error(e: Error) -> io::Error {
    let kind = match e {
        Error::NoClientHello { end: TransportEnd::Reset, .. }
        | Error::ClosedDuringHandshake { end: TransportEnd::Reset, .. } => io::ErrorKind::ConnectionReset,
        Error::Truncated | Error::NoClientHello { .. } | Error::ClosedDuringHandshake { .. } => {
            io::ErrorKind::UnexpectedEof
        }
        Error::SendAfterClose => io::ErrorKind::BrokenPipe,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, e)
}
