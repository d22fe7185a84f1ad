//! What the services are built from: the result of a step, access to the event loop, and
//! non-blocking reads and writes.

use std::io::{self, Read, Write};

use mio::{Registry, Token};

/// The event loop's resources that a service may use during one call.
pub(crate) struct Resources<'a> {
    /// A buffer for bytes in transit. Its contents do not survive the call.
    pub(crate) scratch: &'a mut [u8],
    pub(crate) registry: &'a Registry,
    /// The token for a second socket of the service.
    pub(crate) second_token: Token,
}

/// The result of [`Service::advance`](crate::service::Service::advance).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is nothing to do until the peer or a socket moves.
    Idle,
    /// Something was done, and more may be possible.
    Moved,
    /// The service is complete. The session may still hold bytes to send.
    Finished,
}

/// The result of a read.
pub(crate) enum ReadOutcome {
    Bytes(usize),
    WouldBlock,
    Eof,
}

/// Reads once.
pub(crate) fn read_some(from: &mut impl Read, into: &mut [u8]) -> io::Result<ReadOutcome> {
    loop {
        return match from.read(into) {
            Ok(0) => Ok(ReadOutcome::Eof),
            Ok(n) => Ok(ReadOutcome::Bytes(n)),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(ReadOutcome::WouldBlock),
            Err(e) => Err(e),
        };
    }
}

/// Writes until everything is written or the writer would block. Returns the number of bytes
/// written.
pub(crate) fn write_some(to: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match to.write(&bytes[written..]) {
            Ok(0) => break,
            Ok(n) => written += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
            Err(e) => return Err(e),
        }
    }
    Ok(written)
}

/// Bytes that the writer did not accept yet. Holds no memory while it is empty.
#[derive(Default)]
pub(crate) struct Unsent {
    bytes: Vec<u8>,
    at: usize,
}

impl Unsent {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Appends bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes as much as `to` accepts. Returns the number of bytes written.
    pub(crate) fn send(&mut self, to: &mut impl Write) -> io::Result<usize> {
        let sent = write_some(to, &self.bytes[self.at..])?;
        self.at += sent;
        if self.is_empty() {
            *self = Self::default();
        }
        Ok(sent)
    }

    /// Sends `bytes` after those already held, and holds what `to` does not accept.
    pub(crate) fn send_after(&mut self, bytes: &[u8], to: &mut impl Write) -> io::Result<()> {
        let sent = if self.is_empty() { write_some(to, bytes)? } else { 0 };
        self.bytes.extend_from_slice(&bytes[sent..]);
        Ok(())
    }
}
