//! Drives one connection: moves bytes between the socket and the engine, and answers the engine's
//! needs.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use strata_tls::handshake::{Answer, Need, NeedNewSession, Outgoing, Progress, ServerConfig, ServerConnection};
use strata_tls::{Error, Identity, UnixTime};

use crate::worker::{Lookup, Worker};

/// The maximum duration of a connection.
const LIFETIME: Duration = Duration::from_secs(30);

/// The bytes that a client may send. A handshake and a request fit.
const MAX_RECEIVED: usize = 128 * 1024;

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) worker: Worker,
}

pub(crate) struct Connection {
    socket: TcpStream,
    /// Identifies the connection to the event loop and the worker.
    token: usize,
    tls: ServerConnection,
    incoming: Vec<u8>,
    outgoing: Outgoing,
    received: usize,
    /// The worker is looking up the session.
    paused: bool,
    /// The response or an alert was queued.
    done: bool,
    /// The peer closed its side of TCP.
    peer_closed: bool,
    began: Instant,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, token: usize, shared: &Shared) -> Self {
        Self {
            socket,
            token,
            tls: ServerConnection::new(shared.config.clone()),
            incoming: Vec::new(),
            outgoing: Outgoing::new(),
            received: 0,
            paused: false,
            done: false,
            peer_closed: false,
            began: Instant::now(),
        }
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.began.elapsed() > LIFETIME
    }

    /// Does what is possible without blocking. Returns whether to keep the connection.
    pub(crate) fn drive(&mut self, shared: &Shared) -> io::Result<bool> {
        self.receive(shared)?;
        self.send()?;
        if self.done && self.outgoing.is_empty() {
            // Reads until the peer closes: closing with unread data would reset the connection, and
            // the peer could lose the response.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        Ok(!self.peer_closed || !self.outgoing.is_empty())
    }

    /// Continues the handshake with the worker's answer.
    pub(crate) fn resume(&mut self, answer: Answer, shared: &Shared) -> io::Result<bool> {
        self.paused = false;
        let next = self.tls.resume(answer, &mut self.outgoing);
        let result = next.and_then(|need| self.answer_needs(need, shared)).and_then(|()| self.process(shared));
        self.handle_result(result, shared);
        self.drive(shared)
    }

    /// Reads from the socket. Pauses during a lookup, so that data of the peer does not pile up in
    /// memory.
    fn receive(&mut self, shared: &Shared) -> io::Result<()> {
        let mut chunk = [0; 4096];
        while !self.paused {
            match self.socket.read(&mut chunk) {
                Ok(0) => {
                    self.peer_closed = true;
                    return Ok(());
                }
                Ok(n) => {
                    self.received += n;
                    if self.received > MAX_RECEIVED {
                        return Err(io::Error::other("the client sent too much data"));
                    }
                    if !self.done {
                        self.incoming.extend_from_slice(&chunk[..n]);
                        let result = self.process(shared);
                        self.handle_result(result, shared);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Processes received records.
    fn process(&mut self, shared: &Shared) -> Result<(), Error> {
        while !self.done {
            let processed = self.tls.process(&mut self.incoming, &mut self.outgoing)?;
            self.incoming.drain(..processed.consumed);
            match processed.progress {
                Progress::Need(need) => self.answer_needs(Some(need), shared)?,
                Progress::ApplicationData(_) => self.send_response()?,
                Progress::PeerClosed => self.done = true,
                Progress::NeedMoreInput { .. } | Progress::Paused => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// Answers needs. For a lookup it asks the worker and pauses this connection.
    fn answer_needs(&mut self, mut need: Option<Need>, shared: &Shared) -> Result<(), Error> {
        while let Some(open) = need.take() {
            let answer = match open {
                Need::Session(need) => match shared.worker.ask(self.token, Lookup::Find(need)) {
                    Some(answer) => answer,
                    None => return self.pause(),
                },
                Need::TakeSession(need) => match shared.worker.ask(self.token, Lookup::Take(need)) {
                    Some(answer) => answer,
                    None => return self.pause(),
                },
                Need::NewSession(need) => issue_tickets(need, shared),
                Need::Identity(need) => need.answer(shared.identity.clone()),
                Need::Signature(need) => need.sign_locally(),
                // Does not happen under this configuration. `LIFETIME` would end the connection.
                _ => break,
            };
            need = self.tls.resume(answer, &mut self.outgoing)?;
        }
        Ok(())
    }

    /// Pauses until the worker answers.
    fn pause(&mut self) -> Result<(), Error> {
        self.paused = true;
        Ok(())
    }

    /// Sends the same response to every request.
    fn send_response(&mut self) -> Result<(), Error> {
        let kind = self.tls.handshake_kind().map(|kind| format!("{kind:?}")).unwrap_or_default();
        let page = format!("handshake: {kind}\n");
        let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
        // Both parts go into one record.
        self.tls.send(&[IoSlice::new(head.as_bytes()), IoSlice::new(page.as_bytes())], &mut self.outgoing)?;
        self.tls.send_close_notify(&mut self.outgoing);
        self.done = true;
        Ok(())
    }

    /// After an error: removes the sessions of the connection and stops processing. The engine has
    /// queued the alert.
    fn handle_result(&mut self, result: Result<(), Error>, shared: &Shared) {
        if let Err(e) = result {
            for id in self.tls.failed_sessions() {
                shared.worker.remove(id);
            }
            eprintln!("fleet: connection {}: {e}", self.token);
            self.done = true;
        }
    }

    fn send(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            match self.socket.write(self.outgoing.ready()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.outgoing.consume(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// Issues tickets that are session IDs. Does not wait until the store has the sessions, which is
/// long before the client returns.
fn issue_tickets(mut need: NeedNewSession, shared: &Shared) -> Answer {
    let Some(ids) = need.store_ids() else { return need.decline() };
    let mut tickets = Vec::new();
    for (index, session) in need.sessions(UnixTime::now()).iter().enumerate() {
        let id = ids.id(index);
        shared.worker.store(id, session.encode(), session.lifetime());
        tickets.push(id.to_vec());
    }
    need.answer(tickets)
}
