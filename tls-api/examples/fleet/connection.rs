//! One connection: the engine, its bytes, and the one answer that it gives.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use strata_tls::handshake::{Answer, Need, NeedNewSession, Outgoing, Progress, ServerConfig, ServerConnection};
use strata_tls::{Error, Identity, UnixTime};

use crate::worker::{Question, Worker};

/// What a connection may take in all.
const LIMIT: Duration = Duration::from_secs(30);

/// Bytes that a client may send in all: a handshake and a request fit.
const MAX_RECEIVED: usize = 128 * 1024;

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) worker: Worker,
}

pub(crate) struct Connection {
    socket: TcpStream,
    /// What the event loop knows it by.
    token: usize,
    tls: ServerConnection,
    incoming: Vec<u8>,
    outgoing: Outgoing,
    received: usize,
    /// The worker looks for its session.
    paused: bool,
    /// Our last word is said, an answer or an alert.
    done: bool,
    /// The peer sends no more.
    ended: bool,
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
            ended: false,
            began: Instant::now(),
        }
    }

    pub(crate) fn is_late(&self) -> bool {
        self.began.elapsed() > LIMIT
    }

    /// Does what can be done without waiting. Whether there is more to come.
    pub(crate) fn drive(&mut self, shared: &Shared) -> io::Result<bool> {
        self.receive(shared)?;
        self.send()?;
        if self.done && self.outgoing.is_empty() {
            // The rest is read before the socket is closed, for a reset would take our last word away from the peer.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        Ok(!self.ended || !self.outgoing.is_empty())
    }

    /// The worker answered: the handshake goes on where it stopped.
    pub(crate) fn answer(&mut self, answer: Answer, shared: &Shared) -> io::Result<bool> {
        self.paused = false;
        let next = self.tls.resume(answer, &mut self.outgoing);
        let went = next.and_then(|need| self.decide(need, shared)).and_then(|()| self.process(shared));
        self.note(went, shared);
        self.drive(shared)
    }

    /// While the worker looks for its session nothing is read: what the peer sends waits in the socket, and not in our memory.
    fn receive(&mut self, shared: &Shared) -> io::Result<()> {
        let mut chunk = [0; 4096];
        while !self.paused {
            match self.socket.read(&mut chunk) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(());
                }
                Ok(n) => {
                    self.received += n;
                    if self.received > MAX_RECEIVED {
                        return Err(io::Error::other("the client sends too much"));
                    }
                    if !self.done {
                        self.incoming.extend_from_slice(&chunk[..n]);
                        let went = self.process(shared);
                        self.note(went, shared);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Handles the records that came.
    fn process(&mut self, shared: &Shared) -> Result<(), Error> {
        while !self.done {
            let processed = self.tls.process(&mut self.incoming, &mut self.outgoing)?;
            self.incoming.drain(..processed.consumed);
            match processed.progress {
                Progress::Need(need) => self.decide(Some(need), shared)?,
                Progress::ApplicationData(_) => self.say_how_it_went()?,
                Progress::PeerClosed => self.done = true,
                Progress::NeedMoreInput { .. } | Progress::Paused => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// Answers at once what can be answered at once. For the rest this connection waits, and no other.
    fn decide(&mut self, mut need: Option<Need>, shared: &Shared) -> Result<(), Error> {
        while let Some(open) = need.take() {
            let answer = match open {
                Need::Session(need) => match shared.worker.ask(self.token, Question::Find(need)) {
                    Some(answer) => answer,
                    None => return self.pause(),
                },
                Need::TakeSession(need) => match shared.worker.ask(self.token, Question::Take(need)) {
                    Some(answer) => answer,
                    None => return self.pause(),
                },
                Need::NewSession(need) => keep(need, shared),
                Need::Identity(need) => need.answer(shared.identity.clone()),
                Need::Signature(need) => need.sign_locally(),
                // Nothing else is asked under this configuration. If it were, the time limit would end it.
                _ => break,
            };
            need = self.tls.resume(answer, &mut self.outgoing)?;
        }
        Ok(())
    }

    /// Waits for the store.
    fn pause(&mut self) -> Result<(), Error> {
        self.paused = true;
        Ok(())
    }

    /// Whatever the request is.
    fn say_how_it_went(&mut self) -> Result<(), Error> {
        let kind = self.tls.handshake_kind().map(|kind| format!("{kind:?}")).unwrap_or_default();
        let page = format!("handshake: {kind}\n");
        let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
        // One record holds both.
        self.tls.send(&[IoSlice::new(head.as_bytes()), IoSlice::new(page.as_bytes())], &mut self.outgoing)?;
        self.tls.send_close_notify(&mut self.outgoing);
        self.done = true;
        Ok(())
    }

    /// After an error the alert is still to be sent, and the sessions of the connection end.
    fn note(&mut self, went: Result<(), Error>, shared: &Shared) {
        if let Err(e) = went {
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

/// Gives out tickets at once, which are ids: the sessions are on their way to the store long before a client comes back.
fn keep(mut need: NeedNewSession, shared: &Shared) -> Answer {
    let Some(ids) = need.store_ids() else { return need.decline() };
    let mut tickets = Vec::new();
    for (index, session) in need.sessions(UnixTime::now()).iter().enumerate() {
        let id = ids.id(index);
        shared.worker.keep(id, session.encode(), session.lifetime());
        tickets.push(id.to_vec());
    }
    need.answer(tickets)
}
