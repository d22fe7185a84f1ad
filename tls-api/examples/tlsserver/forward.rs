//! The `forward` service: forwards data and close in both directions between the peer and a plain
//! TCP port.

use std::io;
use std::net::{Shutdown, SocketAddr};

use mio::Interest;
use mio::net::TcpStream;
use strata_tls::{ServerSession, Session};

use crate::transfer::{ReadOutcome, Resources, Step, Unsent, read_some};

pub(crate) struct Forward {
    to: SocketAddr,
    backend: Option<Backend>,
    to_backend: Unsent,
    to_peer: Unsent,
    peer_closed: bool,
    /// The peer's close was forwarded to the backend.
    close_forwarded: bool,
    backend_closed: bool,
}

struct Backend {
    socket: TcpStream,
    connected: bool,
    readable: bool,
    writable: bool,
}

impl Forward {
    pub(crate) fn new(to: SocketAddr) -> Self {
        Self {
            to,
            backend: None,
            to_backend: Unsent::default(),
            to_peer: Unsent::default(),
            peer_closed: false,
            close_forwarded: false,
            backend_closed: false,
        }
    }

    pub(crate) fn backend(&mut self) -> Option<&mut TcpStream> {
        self.backend.as_mut().map(|backend| &mut backend.socket)
    }

    pub(crate) fn backend_is_ready(&mut self, readable: bool, writable: bool) {
        if let Some(backend) = &mut self.backend {
            backend.readable |= readable;
            backend.writable |= writable;
        }
    }

    pub(crate) fn advance(&mut self, session: &mut ServerSession, resources: &mut Resources<'_>) -> io::Result<Step> {
        if self.backend.is_none() {
            // Connects after the handshake, so that failed handshakes cost the backend nothing.
            self.backend = Some(Backend::connect(self.to, resources).map_err(|e| backend_error(self.to, &e))?);
        }
        if !self.backend_is_connected()? {
            return Ok(Step::Idle);
        }
        let onward = self.pass_to_backend(session, resources).map_err(|e| self.attribute(e))?;
        let back = self.pass_to_peer(session, resources)?;
        if self.backend_closed && self.to_peer.is_empty() {
            // The peer's remaining data is of no use to a backend that closed.
            return Ok(Step::Finished);
        }
        Ok(if onward || back { Step::Moved } else { Step::Idle })
    }

    fn backend_is_connected(&mut self) -> io::Result<bool> {
        let to = self.to;
        let Some(backend) = &mut self.backend else { return Ok(false) };
        if !backend.connected && backend.writable {
            if let Some(e) = backend.socket.take_error()? {
                return Err(backend_error(to, &e));
            }
            backend.connected = backend.socket.peer_addr().is_ok();
        }
        Ok(backend.connected)
    }

    fn pass_to_backend(&mut self, session: &mut ServerSession, resources: &mut Resources<'_>) -> io::Result<bool> {
        let Some(backend) = &mut self.backend else { return Ok(false) };
        let mut moved = false;
        if !self.to_backend.is_empty() {
            if backend.writable {
                moved = self.to_backend.send(&mut backend.socket)? > 0;
                backend.writable = self.to_backend.is_empty();
            }
        } else if !self.peer_closed {
            match read_some(session, resources.scratch)? {
                ReadOutcome::Bytes(n) => {
                    self.to_backend.send_after(&resources.scratch[..n], &mut backend.socket)?;
                    backend.writable = self.to_backend.is_empty();
                    moved = true;
                }
                ReadOutcome::WouldBlock => {}
                ReadOutcome::Eof => {
                    self.peer_closed = true;
                    moved = true;
                }
            }
        } else if !self.close_forwarded {
            // Fails if the backend has closed the connection.
            let _ = backend.socket.shutdown(Shutdown::Write);
            self.close_forwarded = true;
        }
        Ok(moved)
    }

    fn pass_to_peer(&mut self, session: &mut ServerSession, resources: &mut Resources<'_>) -> io::Result<bool> {
        let Some(backend) = &mut self.backend else { return Ok(false) };
        if !self.to_peer.is_empty() {
            return Ok(self.to_peer.send(session)? > 0);
        }
        if !backend.readable || self.backend_closed {
            return Ok(false);
        }
        match read_some(&mut backend.socket, resources.scratch).map_err(|e| backend_error(self.to, &e))? {
            ReadOutcome::Bytes(n) => self.to_peer.send_after(&resources.scratch[..n], session)?,
            ReadOutcome::WouldBlock => {
                backend.readable = false;
                return Ok(false);
            }
            ReadOutcome::Eof => {
                self.backend_closed = true;
                session.send_close_notify();
            }
        }
        Ok(true)
    }

    /// Names the backend in an error, unless the session returned it.
    fn attribute(&self, e: io::Error) -> io::Error {
        if e.get_ref().is_some_and(|inner| inner.is::<strata_tls::Error>()) { e } else { backend_error(self.to, &e) }
    }
}

impl Backend {
    fn connect(to: SocketAddr, resources: &Resources<'_>) -> io::Result<Self> {
        let mut socket = TcpStream::connect(to)?;
        resources.registry.register(&mut socket, resources.second_token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { socket, connected: false, readable: false, writable: false })
    }
}

fn backend_error(to: SocketAddr, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("backend {to}: {e}"))
}
