//! Drives one connection, from accepting its socket to closing it. The event loop calls `drive`.
//!
//! ```text
//!           service finished,           all data sent
//!           or protocol error
//!  Serving ──────────────────▶ Flushing ──────────────▶ Closed, if the peer has closed
//!     │                           │
//!     │                           └─ otherwise ▶ Lingering ─ peer closed ─▶ Closed
//!     └─ socket error, or deadline passed ────────────────────────────────▶ Closed
//! ```
//!
//! Closing a socket that holds unread data resets the connection, and the peer loses what it has
//! not read yet. `Lingering` prevents that: it shuts down the sending side, then reads and discards
//! data until the peer closes.

use std::fmt::Display;
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Instant;

use mio::Registry;
use mio::net::TcpStream;
use strata_tls::{Error, ServerSession, Session};

use crate::arguments::Arguments;
use crate::capture::{Recording, Side};
use crate::options::subject;
use crate::page::{ConnectionPage, Pages};
use crate::service::Service;
use crate::transfer::{ReadOutcome, Resources, Step, read_some};

pub(crate) struct Connection {
    socket: TcpStream,
    peer: SocketAddr,
    session: ServerSession,
    service: Service,
    phase: Phase,
    /// The last known readiness of the socket. Events report only changes.
    readable: bool,
    writable: bool,
    early: Early,
    /// The peer sent close_notify or closed its side of TCP.
    peer_closed: bool,
    arguments: Rc<Arguments>,
    deadline: Instant,
    sent_since_extension: usize,
    report: Report,
    /// With --html.
    page: Option<ConnectionPage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    Flushing,
    Lingering,
    Closed,
}

/// Early data with --half-rtt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Early {
    None,
    Received,
    /// The service finished. The handshake has not.
    Answered,
}

/// What the event loop must do next with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Wait until one of its sockets is ready.
    Wait,
    /// Drive it again, after the other connections.
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
        pages: Option<Pages>,
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
            peer_closed: false,
            early: Early::None,
            deadline: Instant::now() + arguments.timeout,
            sent_since_extension: 0,
            report: Report { peer, verbose: arguments.protocol.verbose(), failed: None },
            page: pages.map(ConnectionPage::new),
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

    /// Does what is possible without blocking, for at most [`MAX_ROUNDS`] rounds.
    pub(crate) fn drive(&mut self, resources: &mut Resources<'_>) -> Outcome {
        for _ in 0..MAX_ROUNDS {
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

    /// Closes the connection because its deadline has passed.
    pub(crate) fn time_out(&mut self) {
        let seconds = self.arguments.timeout.as_secs_f64();
        match self.phase {
            Phase::Serving if self.session.is_handshaking() => {
                self.report.failure(format!("the handshake did not complete within {seconds} s"));
            }
            Phase::Serving => self.report.failure(format!("no sufficient progress within {seconds} s")),
            Phase::Flushing => self.report.failure(format!("did not read its data within {seconds} s")),
            // The connection was complete.
            Phase::Lingering | Phase::Closed => {}
        }
        // Without close_notify, so that the peer detects truncation.
        self.phase = Phase::Closed;
    }

    /// Writes the page of --html, after the end of the connection.
    pub(crate) fn write_page(&mut self) {
        let Some(page) = self.page.take() else { return };
        if let Err(e) = page.write(self.peer, &self.session, self.report.failed.as_deref()) {
            eprintln!("{}: cannot write --html: {e}", self.peer);
        }
    }

    /// The socket, recorded for the page of --html.
    fn transport<'a>(socket: &'a mut TcpStream, page: &'a mut Option<ConnectionPage>) -> Recording<'a, TcpStream> {
        Recording { inner: socket, capture: page.as_mut().map(|page| &mut page.capture), local: Side::Server }
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) {
        // Errors are harmless: closing the socket deregisters it too.
        let _ = registry.deregister(&mut self.socket);
        if let Some(second) = self.service.second_socket() {
            let _ = registry.deregister(second);
        }
    }

    /// Receives, calls the service and sends. Returns whether any data moved.
    fn serve(&mut self, resources: &mut Resources<'_>) -> bool {
        let received = match self.receive() {
            Ok(received) => received,
            Err(moved) => return moved,
        };
        let mut served = false;
        if self.early == Early::Answered && !self.session.is_handshaking() {
            self.finish();
            return true;
        }
        if self.early == Early::Received || !self.session.is_handshaking() {
            match self.service.advance(&mut self.session, resources) {
                Ok(Step::Idle) => {}
                Ok(Step::Moved) => {
                    served = true;
                    if self.service.input_extends_deadline() {
                        self.extend_deadline();
                    }
                }
                Ok(Step::Finished) if self.session.is_handshaking() => {
                    self.early = Early::Answered;
                    served = true;
                }
                Ok(Step::Finished) => {
                    self.finish();
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
            Err(e) => self.sending_failed(&e),
        }
    }

    /// Closes after the service finished.
    fn finish(&mut self) {
        self.session.send_close_notify();
        self.enter(Phase::Flushing);
    }

    /// Reads and processes records. Returns whether it received any data; `Err` with the same ends
    /// the round.
    fn receive(&mut self) -> Result<bool, bool> {
        if !self.readable || !self.session.wants_read() {
            return Ok(false);
        }
        let handshaking = self.session.is_handshaking();
        match self.session.read_tls(&mut Self::transport(&mut self.socket, &mut self.page)) {
            Ok(0) => (self.peer_closed, self.readable) = (true, false),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(false);
            }
            Err(e) => return Err(self.socket_failed(&e)),
        }
        match self.session.process_new_packets() {
            Ok(state) => {
                self.peer_closed |= state.peer_has_closed();
                if state.plaintext_bytes_to_read() > 0
                    && self.arguments.protocol.key_update()
                    && let Err(e) = self.session.refresh_traffic_keys()
                {
                    self.fail(&e);
                    return Err(true);
                }
            }
            Err(e) => {
                self.report.end(&e);
                self.enter(Phase::Flushing);
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
                self.early = Early::Received;
            }
        }
        if handshaking && !self.session.is_handshaking() {
            self.extend_deadline();
            self.report.established(&self.session);
            if let Some(page) = &mut self.page {
                page.established();
            }
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

    /// Sends pending records until the socket would block. Returns whether it sent any.
    fn send(&mut self) -> io::Result<bool> {
        let mut moved = false;
        while self.writable && self.session.wants_write() {
            match self.session.write_tls(&mut Self::transport(&mut self.socket, &mut self.page)) {
                Ok(n) => {
                    moved = true;
                    self.sent_since_extension += n;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(e) => return Err(e),
            }
        }
        // Reading a few bytes now and then does not keep a connection alive.
        if self.sent_since_extension >= MIN_PROGRESS && !self.session.is_handshaking() {
            self.extend_deadline();
        }
        Ok(moved)
    }

    /// Sends the remaining data or the alert. Also reads, because the peer may not read before
    /// that.
    fn flush(&mut self, resources: &mut Resources<'_>) -> bool {
        let sent = match self.send() {
            Ok(sent) => sent,
            Err(e) => return self.sending_failed(&e),
        };
        if !self.session.wants_write() {
            if self.peer_closed {
                self.phase = Phase::Closed;
                return false;
            }
            // If this fails, reading fails too.
            let _ = self.socket.shutdown(Shutdown::Write);
            self.enter(Phase::Lingering);
            return true;
        }
        // The peer may have closed only its sending side, and still read.
        let read = !self.peer_closed && self.discard(resources);
        sent || read
    }

    /// Reads and discards data to find the end of the peer's data.
    fn discard(&mut self, resources: &mut Resources<'_>) -> bool {
        if self.session.wants_read() {
            // Not `receive`: errors no longer matter.
            return self.read_until_close(resources);
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
            Ok(ReadOutcome::Eof) | Err(_) => self.set_peer_closed(),
        }
    }

    fn read_until_close(&mut self, resources: &mut Resources<'_>) -> bool {
        if !self.readable {
            return false;
        }
        match self.session.read_tls(&mut Self::transport(&mut self.socket, &mut self.page)) {
            Ok(n) if n > 0 => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return true,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                return false;
            }
            Ok(_) | Err(_) => return self.set_peer_closed(),
        }
        let closed = self.session.process_new_packets().is_ok_and(|state| state.peer_has_closed());
        while let Ok(ReadOutcome::Bytes(_)) = read_some(&mut self.session, resources.scratch) {}
        if closed { self.set_peer_closed() } else { true }
    }

    /// Notes that the peer closed, which completes `Lingering`.
    fn set_peer_closed(&mut self) -> bool {
        self.peer_closed = true;
        self.readable = false;
        if self.phase == Phase::Lingering {
            self.phase = Phase::Closed;
        }
        false
    }

    /// Reports a failure of the session or the service. The session has queued an alert for the
    /// first; after the second the peer detects truncation, because close_notify is missing.
    fn fail(&mut self, why: &dyn Display) {
        self.report.failure(why.to_string());
        self.enter(Phase::Flushing);
    }

    /// Closes the connection after its socket took no more data. An alert that the client sent
    /// before it closed says why.
    fn sending_failed(&mut self, e: &io::Error) -> bool {
        while self.phase == Phase::Serving && self.session.wants_read() {
            match self.session.read_tls(&mut Self::transport(&mut self.socket, &mut self.page)) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(_) => {
                    if let Err(why) = self.session.process_new_packets() {
                        self.report.end(&why);
                    }
                }
            }
        }
        self.socket_failed(e)
    }

    /// Closes the connection after an error of the socket.
    fn socket_failed(&mut self, e: &io::Error) -> bool {
        match e.get_ref().and_then(|why| why.downcast_ref::<Error>()) {
            Some(why) => self.report.end(why),
            // A reset after all data was sent is no error.
            None if self.phase == Phase::Serving || self.session.wants_write() => {
                self.report.failure(format!("connection lost: {e}"));
            }
            None => {}
        }
        self.phase = Phase::Closed;
        false
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.extend_deadline();
    }

    fn extend_deadline(&mut self) {
        self.deadline = Instant::now() + self.arguments.timeout;
        self.sent_since_extension = 0;
    }

    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }
}

/// Reports on a connection: one line if it fails and, with --verbose, one after the handshake and
/// for probes.
struct Report {
    peer: SocketAddr,
    verbose: bool,
    /// Why it failed.
    failed: Option<String>,
}

impl Report {
    fn failure(&mut self, why: String) {
        if self.failed.is_none() {
            eprintln!("{}: {why}", self.peer);
            self.failed = Some(why);
        }
    }

    /// Reports the error of the session. Probes, such as a load balancer's, are no failures: they
    /// are shown only with --verbose.
    fn end(&mut self, why: &Error) {
        if matches!(why, Error::NoClientHello { .. }) && !self.verbose {
            self.failed.get_or_insert_with(|| why.to_string());
        } else {
            self.failure(why.to_string());
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

/// The rounds of a connection before other connections have their turn. A round moves a few
/// records.
const MAX_ROUNDS: usize = 32;

/// The limit on buffered data for a peer that reads slowly, in bytes.
const SEND_BUFFER: usize = 128 * 1024;

/// The bytes that a peer must read to extend its deadline.
const MIN_PROGRESS: usize = 16 * 1024;
