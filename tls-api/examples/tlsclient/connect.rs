//! Resolves the host and connects to it, within a deadline.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::options::{Context, Failure};

/// A connected socket, registered with `poll` as [`SOCKET`].
pub(crate) struct Connected {
    pub(crate) socket: TcpStream,
    pub(crate) poll: Poll,
}

pub(crate) const SOCKET: Token = Token(0);

/// Tries the addresses of the host one after another. Fails if none accepts within the deadline.
pub(crate) fn connect(host: &str, port: u16, deadline: Instant) -> Result<Connected, Failure> {
    let addresses = (host, port).to_socket_addrs().context(format!("cannot resolve {host}"))?;
    let mut failures = Vec::new();
    for address in addresses {
        match connect_to(address, deadline) {
            Ok(connected) => return Ok(connected),
            Err(e) => failures.push(format!("{address}: {e}")),
        }
    }
    Err(Failure::new(if failures.is_empty() {
        format!("{host} has no addresses")
    } else {
        format!("cannot connect to {}; check --port", failures.join("; "))
    }))
}

fn connect_to(address: SocketAddr, deadline: Instant) -> io::Result<Connected> {
    let mut poll = Poll::new()?;
    let mut socket = TcpStream::connect(address)?;
    poll.registry().register(&mut socket, SOCKET, Interest::READABLE | Interest::WRITABLE)?;
    let mut events = Events::with_capacity(4);
    loop {
        let timeout = deadline.saturating_duration_since(Instant::now());
        if timeout.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "timed out (--timeout)"));
        }
        match poll.poll(&mut events, Some(timeout)) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
            _ => {}
        }
        if let Some(e) = socket.take_error()? {
            return Err(e);
        }
        match socket.peer_addr() {
            Ok(_) => {
                // Sends small records at once. The connection works without it.
                let _ = socket.set_nodelay(true);
                return Ok(Connected { socket, poll });
            }
            Err(e) if e.kind() == io::ErrorKind::NotConnected => {}
            Err(e) => return Err(e),
        }
    }
}
