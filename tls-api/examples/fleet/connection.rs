//! Drives one connection: moves bytes between the socket and the session, and hands requests to the
//! worker.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use strata_tls::{Answer, Need, NeedNewSession, ServerConfig, ServerSession, Session, UnixTime};

use crate::worker::Worker;

/// The maximum duration of a connection.
const LIFETIME: Duration = Duration::from_secs(30);

pub(crate) struct Connection {
    socket: TcpStream,
    /// Identifies the connection to the event loop and the worker.
    token: usize,
    session: ServerSession,
    began: Instant,
    /// The session failed: no more bytes are processed.
    failed: bool,
    /// The response is written and TCP is closed for sending.
    done: bool,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, token: usize, config: &Arc<ServerConfig>) -> Self {
        let session = ServerSession::new(config);
        Self { socket, token, session, began: Instant::now(), failed: false, done: false }
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.began.elapsed() > LIFETIME
    }

    /// Continues the handshake with the worker's answer.
    pub(crate) fn answer(&mut self, answer: Answer, worker: &Worker) -> io::Result<bool> {
        let result = self.session.answer(answer).map(drop);
        self.check(result, worker);
        self.drive(worker)
    }

    /// Does what is possible without blocking. Returns whether to keep the connection.
    pub(crate) fn drive(&mut self, worker: &Worker) -> io::Result<bool> {
        let open = self.receive(worker)?;
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(open),
                Err(e) => return Err(e),
            }
        }
        if self.failed && !self.done {
            // Reads until the peer closes: closing with unread data would reset the connection, and
            // the peer could lose the alert.
            self.socket.shutdown(Shutdown::Write)?;
            self.done = true;
        }
        Ok(open)
    }

    /// Reads from the socket and processes what arrived. Returns whether the peer may send more.
    /// `wants_read` is `false` while the worker answers, so that data of the peer does not pile up
    /// in memory.
    fn receive(&mut self, worker: &Worker) -> io::Result<bool> {
        while self.failed || self.session.wants_read() {
            let read = match self.failed {
                true => self.socket.read(&mut [0; 4096]),
                false => self.session.read_tls(&mut self.socket),
            };
            match read {
                Ok(0) => return Ok(false),
                Ok(_) if self.failed => {}
                Ok(_) => self.process(worker),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }

    fn process(&mut self, worker: &Worker) {
        let result = self.session.process_new_packets().map(drop);
        self.check(result, worker);
        let mut chunk = [0; 4096];
        while let Ok(1..) = self.session.read(&mut chunk) {
            self.respond();
        }
    }

    /// Sends the same response to every request.
    fn respond(&mut self) {
        let kind = self.session.handshake_kind().map(|kind| format!("{kind:?}")).unwrap_or_default();
        let page = format!("handshake: {kind}\n");
        // Does not fail: a session buffers what it cannot send yet.
        let _ = write!(self.session, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len());
        self.session.send_close_notify();
    }

    /// Hands a request to the worker, or removes the sessions of a failed connection.
    fn check(&mut self, mut result: Result<(), strata_tls::Error>, worker: &Worker) {
        while result.is_ok() {
            let Some(need) = self.session.take_need() else { return };
            let answer = match need {
                Need::NewSession(need) => Some(issue_tickets(need, worker)),
                other => worker.ask(self.token, other),
            };
            let Some(answer) = answer else { return };
            result = self.session.answer(answer).map(drop);
        }
        let Err(e) = result else { return };
        eprintln!("fleet: connection {}: {e}", self.token);
        for id in self.session.failed_sessions() {
            worker.remove(id);
        }
        self.failed = true;
    }
}

/// Issues tickets that are session IDs. Does not wait until the store has the sessions, which is
/// long before the client returns.
fn issue_tickets(mut need: NeedNewSession, worker: &Worker) -> Answer {
    let Some(ids) = need.store_ids() else { return need.decline() };
    let mut tickets = Vec::new();
    for (index, session) in need.sessions(UnixTime::now()).iter().enumerate() {
        let id = ids.id(index);
        worker.store(id, session.encode(), session.lifetime());
        tickets.push(id.to_vec());
    }
    need.answer(tickets)
}
