//! Records the bytes of a connection and shows its handshake: every flight with its messages, their
//! sizes and times, decrypted with the secrets that the connection logs.
//!
//! ```text
//! Recording (transport) ─▶ Capture ─┐
//! Secrets (key log) ────────────────┴─▶ read() ─▶ Handshake: flights, facts ─▶ page()
//! ```

mod decrypt;
mod flights;
mod notes;
mod page;
mod secrets;
mod time;

pub(crate) use flights::{Facts, Handshake, Message, Ticket, read};
pub(crate) use page::{Mark, Page, Section, Timeline};
pub(crate) use secrets::Secrets;
pub(crate) use time::{milliseconds, utc};

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// A side of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The first bytes of a connection, with the time of each read and write.
pub(crate) struct Capture {
    start: Instant,
    chunks: Vec<Chunk>,
    bytes: usize,
}

/// The bytes of one read or write.
struct Chunk {
    from: Side,
    at: Duration,
    bytes: Vec<u8>,
}

/// How many bytes of a connection are recorded: enough for a handshake with long chains.
const LIMIT: usize = 256 * 1024;

impl Capture {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), chunks: Vec::new(), bytes: 0 }
    }

    /// Records bytes of `from`, up to a limit for the whole connection.
    pub(crate) fn add(&mut self, from: Side, bytes: &[u8]) {
        let taken = bytes.get(..LIMIT.saturating_sub(self.bytes)).unwrap_or(bytes);
        if !taken.is_empty() {
            self.bytes += taken.len();
            self.chunks.push(Chunk { from, at: self.start.elapsed(), bytes: taken.to_vec() });
        }
    }

    /// Returns whether it holds as much as it records, so that later bytes are missing.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= LIMIT
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A transport of the side `local` whose bytes are recorded, if there is a capture.
pub(crate) struct Recording<'a, T> {
    pub(crate) inner: &'a mut T,
    pub(crate) capture: Option<&'a mut Capture>,
    pub(crate) local: Side,
}

impl<T> Recording<'_, T> {
    fn add(&mut self, from: Side, bytes: &[u8]) {
        if let Some(capture) = &mut self.capture {
            capture.add(from, bytes);
        }
    }
}

impl<T: Read> Read for Recording<'_, T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.add(self.local.other(), buf.get(..n).unwrap_or_default());
        Ok(n)
    }
}

impl<T: Write> Write for Recording<'_, T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.add(self.local, buf.get(..n).unwrap_or_default());
        Ok(n)
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let n = self.inner.write_vectored(bufs)?;
        let mut left = n;
        for buf in bufs {
            let taken = buf.get(..left).unwrap_or(buf);
            self.add(self.local, taken);
            left -= taken.len();
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
