//! What the server does with a connection: one [`Service`] per mode, called by `connection`
//! whenever bytes moved.

use std::io;
use std::net::SocketAddr;

use mio::net::TcpStream;
use strata_tls::ServerSession;

use crate::arguments::Mode;
use crate::echo::Echo;
use crate::forward::Forward;
use crate::http::Http;
use crate::sink::Sink;
use crate::transfer::{Resources, Step};

/// The state of one connection in the server's mode.
pub(crate) enum Service {
    Echo(Echo),
    Http(Http),
    Sink(Sink),
    Forward(Forward),
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

    /// Moves data. Called after the handshake, and with `--half-rtt` once early data arrived, until
    /// it returns [`Step::Idle`].
    ///
    /// An error fails the connection. It comes from the session or from the service itself.
    pub(crate) fn advance(&mut self, session: &mut ServerSession, resources: &mut Resources<'_>) -> io::Result<Step> {
        match self {
            Self::Echo(echo) => echo.advance(session, resources),
            Self::Http(http) => http.advance(session, resources),
            Self::Sink(sink) => sink.advance(session, resources),
            Self::Forward(forward) => forward.advance(session, resources),
        }
    }

    /// Accepts early data. It is delivered at most once, and none of these services does harm by
    /// acting on it.
    pub(crate) fn early_data(&mut self, data: &[u8]) {
        match self {
            Self::Echo(echo) => echo.early_data(data),
            Self::Http(http) => http.early_data(data),
            Self::Sink(sink) => sink.early_data(data),
            // The configuration rejects early data in this mode.
            Self::Forward(_) => {}
        }
    }

    /// Returns whether each byte from the peer extends its deadline. A request must arrive whole
    /// within one.
    pub(crate) fn input_extends_deadline(&self) -> bool {
        !matches!(self, Self::Http(_))
    }

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
