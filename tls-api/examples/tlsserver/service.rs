//! What a connection is for: each of the modes is a [`Service`], driven whenever bytes came or went.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Registry, Token};
use strata_tls::ServerSession;

use crate::arguments::Mode;
use crate::echo::Echo;
use crate::forward::Forward;
use crate::http::Http;
use crate::sink::Sink;

/// One connection's state in the mode that the server runs in.
pub(crate) enum Service {
    Echo(Echo),
    Http(Http),
    Sink(Sink),
    Forward(Forward),
}

/// What a service lends from the event loop.
pub(crate) struct Tools<'a> {
    /// For bytes on their way; holds nothing between two calls.
    pub(crate) scratch: &'a mut [u8],
    pub(crate) registry: &'a Registry,
    /// For a second socket of the service.
    pub(crate) second_token: Token,
}

/// How far a call to [`Service::advance`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing to do until more comes or goes.
    Idle,
    /// Something was done, more may be possible.
    Moved,
    /// All is said; the session may still hold bytes to send.
    Finished,
}

impl Service {
    pub(crate) fn new(mode: Mode) -> Self {
        match mode {
            Mode::Echo => Self::Echo(Echo::default()),
            Mode::Http => Self::Http(Http::default()),
            Mode::Sink => Self::Sink(Sink::default()),
            Mode::Forward { port } => Self::Forward(Forward::new(SocketAddr::from(([127, 0, 0, 1], port)))),
        }
    }

    /// Called once the handshake is complete, and again until it returns [`Step::Idle`].
    ///
    /// An error is a failed connection: what the session says, or what the service has to complain about.
    pub(crate) fn advance(&mut self, session: &mut ServerSession, tools: &mut Tools<'_>) -> io::Result<Step> {
        match self {
            Self::Echo(echo) => echo.advance(session, tools),
            Self::Http(http) => http.advance(session, tools),
            Self::Sink(sink) => sink.advance(session, tools),
            Self::Forward(forward) => forward.advance(session, tools),
        }
    }

    /// Data that came before the handshake. It comes once, and nothing that these services do with it does harm.
    pub(crate) fn early_data(&mut self, data: &[u8]) {
        match self {
            Self::Echo(echo) => echo.early_data(data),
            Self::Http(http) => http.early_data(data),
            Self::Sink(sink) => sink.early_data(data),
            // None is accepted for it.
            Self::Forward(_) => {}
        }
    }

    /// Whether every byte from the peer gives it more time. Not for a request that is to come as a whole.
    pub(crate) fn input_gives_time(&self) -> bool {
        !matches!(self, Self::Http(_))
    }

    /// The second socket became ready.
    pub(crate) fn second_socket_is_ready(&mut self, readable: bool, writable: bool) {
        if let Self::Forward(forward) = self {
            forward.backend_is_ready(readable, writable);
        }
    }

    pub(crate) fn second_socket(&mut self) -> Option<&mut TcpStream> {
        match self {
            Self::Forward(forward) => forward.backend(),
            Self::Echo(_) | Self::Http(_) | Self::Sink(_) => None,
        }
    }
}

/// Bytes that found no room yet. Holds no memory when there are none.
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

    /// Keeps more to send after what is there.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes as much as finds room, and says how much that was.
    pub(crate) fn send(&mut self, to: &mut impl Write) -> io::Result<usize> {
        let sent = write_some(to, &self.bytes[self.at..])?;
        self.at += sent;
        if self.is_empty() {
            *self = Self::default();
        }
        Ok(sent)
    }

    /// Sends `bytes` after what is there already, and keeps what finds no room.
    pub(crate) fn send_after(&mut self, bytes: &[u8], to: &mut impl Write) -> io::Result<()> {
        let sent = if self.is_empty() { write_some(to, bytes)? } else { 0 };
        self.bytes.extend_from_slice(&bytes[sent..]);
        Ok(())
    }
}

/// Writes until everything is written or there is no room.
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

/// What a read found.
pub(crate) enum Heard {
    Bytes(usize),
    Nothing,
    End,
}

/// Reads once.
pub(crate) fn read_some(from: &mut impl Read, into: &mut [u8]) -> io::Result<Heard> {
    loop {
        return match from.read(into) {
            Ok(0) => Ok(Heard::End),
            Ok(n) => Ok(Heard::Bytes(n)),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(Heard::Nothing),
            Err(e) => Err(e),
        };
    }
}
