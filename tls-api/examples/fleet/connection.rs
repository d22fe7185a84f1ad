//! One connection: the engine, its bytes, and the one answer that it gives.

use std::io::{self, IoSlice, Read, Write};

use mio::net::TcpStream;
use tls_api::UnixTime;
use tls_api::handshake::{Answer, Need, NeedNewSession, Outgoing, Progress, ServerConnection};
use tls_crypto::{SecureRandom, SystemRandom};

use crate::Shared;
use crate::worker::{Job, Wanted};

pub(crate) struct Connection {
    socket: TcpStream,
    wanted: Wanted,
    tls: ServerConnection,
    incoming: Vec<u8>,
    outgoing: Outgoing,
    answered: bool,
    /// The peer sends no more.
    ended: bool,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, wanted: Wanted, shared: &Shared) -> Self {
        let tls = ServerConnection::new(shared.config.clone());
        let (incoming, outgoing) = (Vec::new(), Outgoing::new());
        Self { socket, wanted, tls, incoming, outgoing, answered: false, ended: false }
    }

    /// The socket may be read from, or written to. Whether there is more to come.
    pub(crate) fn ready(&mut self, shared: &Shared) -> io::Result<bool> {
        let mut chunk = [0; 4096];
        loop {
            match self.socket.read(&mut chunk) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(n) => self.incoming.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.go_on(shared)
    }

    /// The worker answered.
    pub(crate) fn answer(&mut self, answer: Answer, shared: &Shared) -> io::Result<bool> {
        let need = self.tls.resume(answer, &mut self.outgoing).map_err(io::Error::other)?;
        self.decide(need, shared)?;
        self.go_on(shared)
    }

    fn go_on(&mut self, shared: &Shared) -> io::Result<bool> {
        let processed = self.process(shared);
        // An alert has to go out as well.
        self.send()?;
        processed?;
        let over = self.answered && self.outgoing.is_empty();
        Ok(!(over || self.ended))
    }

    fn process(&mut self, shared: &Shared) -> io::Result<()> {
        loop {
            let done = self.tls.process(&mut self.incoming, &mut self.outgoing).map_err(io::Error::other)?;
            self.incoming.drain(..done.consumed);
            match done.progress {
                Progress::Need(need) => {
                    self.decide(Some(need), shared)?;
                }
                // Paused: the worker is asked, and this connection waits. It alone does.
                Progress::NeedMoreInput { .. } | Progress::Paused | Progress::PeerClosed => return Ok(()),
                Progress::ApplicationData(_) if !self.answered => {
                    self.answered = true;
                    let kind = self.tls.handshake_kind();
                    let page = format!("handshake: {}\n", kind.map(|kind| format!("{kind:?}")).unwrap_or_default());
                    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
                    let page = [IoSlice::new(head.as_bytes()), IoSlice::new(page.as_bytes())];
                    self.tls.send(&page, &mut self.outgoing).map_err(io::Error::other)?;
                    self.tls.send_close_notify(&mut self.outgoing);
                }
                _ => {}
            }
        }
    }

    /// Answers at once what can be answered at once.
    fn decide(&mut self, mut need: Option<Need>, shared: &Shared) -> io::Result<()> {
        while let Some(open) = need.take() {
            let answer = match open {
                Need::Session(need) => {
                    shared.worker.give(Job::Find(self.wanted, need));
                    return Ok(());
                }
                Need::NewSession(need) => keep(need, shared),
                Need::Identity(need) => need.answer(shared.identity.clone()),
                Need::Signature(need) => need.sign_locally(),
                _ => return Err(io::Error::other("a question that this server does not know")),
            };
            need = self.tls.resume(answer, &mut self.outgoing).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            match self.socket.write(self.outgoing.ready()) {
                Ok(n) => self.outgoing.consume(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// Gives out tickets, which are ids, at once: the sessions are on their way to the Redis long before a client comes back.
fn keep(mut need: NeedNewSession, shared: &Shared) -> Answer {
    let fixed = need.session_id().copied();
    let mut tickets = Vec::new();
    for session in need.sessions(UnixTime::now()) {
        let mut id = fixed.unwrap_or_default();
        if fixed.is_none() && SystemRandom.fill(&mut id).is_err() {
            break;
        }
        let (bytes, lifetime) = (session.encode().to_vec(), session.lifetime());
        shared.worker.give(Job::Keep { id: id.to_vec(), session: bytes, lifetime });
        tickets.push(id.to_vec());
    }
    need.answer(tickets)
}
