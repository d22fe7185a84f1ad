//! One connection, from the first byte to the close of its socket.
//!
//! ```text
//!            the service is done                    all is sent
//!  Serving ──────────────────────▶ Flushing ───────────────────────▶ closed, if the peer has said close_notify
//!     │      or the peer is at fault            │                       or is gone
//!     │                                         └─ else ▶ Lingering ─▶ closed, once the peer has ended as well
//!     └─ the socket broke, or time is up ───────────────────────────▶ closed
//! ```
//!
//! Lingering is what keeps the peer from losing our last words: a socket that is closed while bytes from the peer are
//! still unread answers with a reset, which discards what the peer has not read yet. So the sending side is shut, and
//! what comes is read and dropped until the peer ends.

use std::fmt::Display;
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Instant;

use mio::Registry;
use mio::net::TcpStream;
use strata_tls::{ServerSession, Session};

use crate::arguments::Arguments;
use crate::options::subject;
use crate::service::Service;
use crate::transfer::{ReadOutcome, Resources, Step, read_some};

pub(crate) struct Connection {
    socket: TcpStream,
    peer: SocketAddr,
    session: ServerSession,
    service: Service,
    phase: Phase,
    /// What the socket was last known to be; it tells only changes.
    readable: bool,
    writable: bool,
    early: Early,
    /// The peer has ended: by close_notify, or its sending side of TCP.
    peer_ended: bool,
    arguments: Rc<Arguments>,
    deadline: Instant,
    sent_since_renewal: usize,
    report: Report,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    Flushing,
    Lingering,
    Closed,
}

/// Data before the handshake, with --half-rtt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Early {
    None,
    Came,
    /// The service is done with it, and waits for the handshake's end.
    Answered,
}

/// What the event loop does next with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Wait for one of its sockets.
    Wait,
    /// It has more to do, but others come first.
    Again,
    /// Drop it.
    Done,
}

impl Connection {
    pub(crate) fn new(
        socket: TcpStream,
        peer: SocketAddr,
        mut session: ServerSession,
        arguments: Rc<Arguments>,
    ) -> Self {
        session.set_buffer_limit(Some(SEND_BUFFER));
        Self {
            socket,
            peer,
            session,
            service: Service::new(arguments.mode),
            phase: Phase::Serving,
            readable: true,
            writable: true,
            peer_ended: false,
            early: Early::None,
            deadline: Instant::now() + arguments.timeout,
            sent_since_renewal: 0,
            report: Report { peer, verbose: arguments.protocol.verbose(), told: false },
            arguments,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn is_ready(&mut self, readable: bool, writable: bool) {
        self.readable |= readable;
        self.writable |= writable;
    }

    pub(crate) fn second_socket_is_ready(&mut self, readable: bool, writable: bool) {
        self.service.second_socket_is_ready(readable, writable);
    }

    /// Does what can be done without waiting, but not for ever.
    pub(crate) fn drive(&mut self, resources: &mut Resources<'_>) -> Outcome {
        for _ in 0..ROUNDS {
            let moved = match self.phase {
                Phase::Serving => self.serve(resources),
                Phase::Flushing => self.flush(resources),
                Phase::Lingering => self.discard(resources),
                Phase::Closed => return Outcome::Done,
            };
            if !moved {
                return if self.phase == Phase::Closed { Outcome::Done } else { Outcome::Wait };
            }
        }
        Outcome::Again
    }

    /// The deadline has passed: the peer is cut off.
    pub(crate) fn cut_off(&mut self) {
        let seconds = self.arguments.timeout.as_secs_f64();
        match self.phase {
            Phase::Serving if self.session.is_handshaking() => {
                self.report.failure(format!("no complete handshake within {seconds} s"));
            }
            Phase::Serving => self.report.failure(format!("silent or too slow for {seconds} s")),
            Phase::Flushing => self.report.failure(format!("did not read for {seconds} s what was sent to it")),
            // Our part was done.
            Phase::Lingering | Phase::Closed => {}
        }
        // Without close_notify: the peer is to know that this was not the end it could expect.
        self.phase = Phase::Closed;
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) {
        // Closing does it as well; and nobody can mend a failure here.
        let _ = registry.deregister(&mut self.socket);
        if let Some(second) = self.service.second_socket() {
            let _ = registry.deregister(second);
        }
    }

    /// One round of receiving, the service, and sending; whether anything moved.
    fn serve(&mut self, resources: &mut Resources<'_>) -> bool {
        let received = match self.receive() {
            Ok(received) => received,
            Err(moved) => return moved,
        };
        let mut served = false;
        if self.early == Early::Answered && !self.session.is_handshaking() {
            self.end();
            return true;
        }
        if self.early == Early::Came || !self.session.is_handshaking() {
            match self.service.advance(&mut self.session, resources) {
                Ok(Step::Idle) => {}
                Ok(Step::Moved) => {
                    served = true;
                    if self.service.input_extends_deadline() {
                        self.renew();
                    }
                }
                Ok(Step::Finished) if self.session.is_handshaking() => {
                    self.early = Early::Answered;
                    served = true;
                }
                Ok(Step::Finished) => {
                    self.end();
                    return true;
                }
                Err(e) => {
                    self.fail(&e);
                    return true;
                }
            }
        }
        match self.send() {
            Ok(sent) => received || served || sent,
            Err(e) => self.broken(&e),
        }
    }

    /// The service is done.
    fn end(&mut self) {
        self.session.send_close_notify();
        self.enter(Phase::Flushing);
    }

    /// Reads and processes. `Err` ends the round: with whether anything moved.
    fn receive(&mut self) -> Result<bool, bool> {
        if !self.readable || !self.session.wants_read() {
            return Ok(false);
        }
        let handshaking = self.session.is_handshaking();
        match self.session.read_tls(&mut self.socket) {
            Ok(0) => (self.peer_ended, self.readable) = (true, false),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(false);
            }
            Err(e) => return Err(self.broken(&e)),
        }
        match self.session.process_new_packets() {
            Ok(state) => {
                self.peer_ended |= state.peer_has_closed();
                if state.plaintext_bytes_to_read() > 0
                    && self.arguments.protocol.key_update()
                    && let Err(e) = self.session.refresh_traffic_keys()
                {
                    self.fail(&e);
                    return Err(true);
                }
            }
            Err(e) => {
                self.fail(&e);
                return Err(true);
            }
        }
        if let Some(mut early) = self.session.early_data() {
            let mut data = Vec::new();
            if let Err(e) = early.read_to_end(&mut data) {
                self.fail(&e);
                return Err(true);
            }
            self.service.early_data(&data);
            if self.arguments.half_rtt {
                self.early = Early::Came;
            }
        }
        if handshaking && !self.session.is_handshaking() {
            self.renew();
            self.report.established(&self.session);
            match self.arguments.protocol.export(&self.session) {
                Ok(exported) => exported.iter().for_each(|line| eprintln!("{}: {line}", self.peer)),
                Err(e) => {
                    self.fail(&e);
                    return Err(true);
                }
            }
        }
        Ok(true)
    }

    /// Writes all that waits, as far as the socket takes it; whether it took any.
    fn send(&mut self) -> io::Result<bool> {
        let mut moved = false;
        while self.writable && self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(n) => {
                    moved = true;
                    self.sent_since_renewal += n;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(e) => return Err(e),
            }
        }
        // A peer that reads a few bytes now and then does not live on that.
        if self.sent_since_renewal >= WORTH_MORE_TIME && !self.session.is_handshaking() {
            self.renew();
        }
        Ok(moved)
    }

    /// Sends the last words, an answer or an alert; meanwhile reads, lest the peer wait for us to do so.
    fn flush(&mut self, resources: &mut Resources<'_>) -> bool {
        let sent = match self.send() {
            Ok(sent) => sent,
            Err(e) => return self.broken(&e),
        };
        if !self.session.wants_write() {
            if self.peer_ended {
                self.phase = Phase::Closed;
                return false;
            }
            // If that fails, reading will as well.
            let _ = self.socket.shutdown(Shutdown::Write);
            self.enter(Phase::Lingering);
            return true;
        }
        // The end of the peer does not end this: it may have closed its side alone.
        let read = !self.peer_ended && self.discard(resources);
        sent || read
    }

    /// Reads, only to find the end.
    fn discard(&mut self, resources: &mut Resources<'_>) -> bool {
        if self.session.wants_read() {
            // Not through `receive`: what is wrong in what comes now is no failure any more.
            return self.listen_for_close(resources);
        }
        if !self.readable {
            return false;
        }
        match read_some(&mut self.socket, resources.scratch) {
            Ok(ReadOutcome::Bytes(_)) => true,
            Ok(ReadOutcome::WouldBlock) => {
                self.readable = false;
                false
            }
            Ok(ReadOutcome::Eof) | Err(_) => self.ended(),
        }
    }

    fn listen_for_close(&mut self, resources: &mut Resources<'_>) -> bool {
        if !self.readable {
            return false;
        }
        match self.session.read_tls(&mut self.socket) {
            Ok(n) if n > 0 => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return true,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                return false;
            }
            Ok(_) | Err(_) => return self.ended(),
        }
        let closed = self.session.process_new_packets().is_ok_and(|state| state.peer_has_closed());
        while let Ok(ReadOutcome::Bytes(_)) = read_some(&mut self.session, resources.scratch) {}
        if closed { self.ended() } else { true }
    }

    /// The peer has ended; in the last phase that is all that was waited for.
    fn ended(&mut self) -> bool {
        self.peer_ended = true;
        self.readable = false;
        if self.phase == Phase::Lingering {
            self.phase = Phase::Closed;
        }
        false
    }

    /// The peer is at fault, or the service gave up. If it was a fault, the alert waits to be sent already; otherwise
    /// the peer finds no close_notify, and knows that this is not a proper end.
    fn fail(&mut self, why: &dyn Display) {
        self.report.failure(why.to_string());
        self.enter(Phase::Flushing);
    }

    /// The socket is of no use any more.
    fn broken(&mut self, e: &io::Error) -> bool {
        // Once all is said, a peer that goes away in a rude manner is of no concern.
        if self.phase == Phase::Serving || self.session.wants_write() {
            self.report.failure(format!("the connection broke: {e}"));
        }
        self.phase = Phase::Closed;
        false
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.renew();
    }

    fn renew(&mut self) {
        self.deadline = Instant::now() + self.arguments.timeout;
        self.sent_since_renewal = 0;
    }

    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }
}

/// What is told about a connection: one line if it fails, one more at its beginning for those who want to see it.
struct Report {
    peer: SocketAddr,
    verbose: bool,
    told: bool,
}

impl Report {
    fn failure(&mut self, why: String) {
        if !std::mem::replace(&mut self.told, true) {
            eprintln!("{}: {why}", self.peer);
        }
    }

    fn established(&self, session: &ServerSession) {
        if self.verbose {
            let version = session.protocol_version().map(|version| version.to_string()).unwrap_or_default();
            let suite = session.negotiated_cipher_suite().map(|suite| suite.to_string()).unwrap_or_default();
            let group = session.negotiated_group().map(|group| group.to_string()).unwrap_or_default();
            let kind = session.handshake_kind().map(|kind| format!(", handshake {kind:?}")).unwrap_or_default();
            let client = subject(session.peer_certificates()).map(|name| format!(", client {name}"));
            let client = client.unwrap_or_default();
            eprintln!("{}: established: {version}, {suite}, {group}{kind}{client}", self.peer);
        }
    }
}

/// How often a connection is driven before the others have their turn; a round moves up to a few records.
const ROUNDS: usize = 32;

/// What is held for a peer that reads slower than we write.
const SEND_BUFFER: usize = 128 * 1024;

/// Bytes that a peer has to take to be given more time.
const WORTH_MORE_TIME: usize = 16 * 1024;
