//! One connection to the server, recorded, within a deadline and within the number of connections
//! that a diagnosis may make.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use strata_tls::{ClientConfig, ClientSession, Error, ProtocolVersion, ServerName, Session};

use crate::capture::{self, Capture, Facts, Handshake, Recording, Secrets, Side};

/// The most connections of a diagnosis.
pub(super) const MOST_CONNECTIONS: u32 = 64;

/// A server that does not answer so many connections is not asked further.
const MOST_SILENT: u32 = 2;

/// Makes the connections, one after another.
pub(super) struct Dialer {
    host: String,
    port: u16,
    timeout: Duration,
    /// The address that accepted the first connection.
    pub(super) address: Option<SocketAddr>,
    pub(super) made: u32,
    silent: u32,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The handshake completed.
    Established,
    /// The server answered as far as the question needs.
    Answered,
    /// The library rejected the server, or the server sent an alert.
    Failed(Box<Error>),
    /// The server closed the TCP connection.
    Closed,
    /// The TCP connection broke.
    Broken(io::Error),
    /// The server sent nothing more until the deadline.
    Silent,
    /// There was no TCP connection.
    NotConnected(NotConnected),
    /// No connection was made: too many were, or the server does not answer.
    NotTried(&'static str),
}

/// Why there was no TCP connection.
#[derive(Debug)]
pub(super) enum NotConnected {
    UnknownHost(String),
    Refused(String),
    TimedOut(String),
    Other(String),
}

/// A connection that ended.
pub(super) struct Attempt {
    pub(super) end: End,
    pub(super) handshake: Handshake,
    /// The session, if the library drove the connection.
    pub(super) session: Option<ClientSession>,
    /// How long the TCP handshake took.
    pub(super) connected_in: Option<Duration>,
    /// How long the TLS handshake took, if it completed.
    pub(super) established_in: Option<Duration>,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The server's first flight, whatever the library thinks of it.
    Answer,
    /// A handshake that is closed properly.
    Handshake,
    /// The same, waiting for the session tickets of TLS 1.3.
    Tickets,
}

impl Attempt {
    fn without_connection(end: End) -> Self {
        Self { end, handshake: Handshake::default(), session: None, connected_in: None, established_in: None }
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.handshake.facts
    }

    pub(super) fn is_established(&self) -> bool {
        matches!(self.end, End::Established)
    }
}

impl Dialer {
    pub(super) fn new(host: &str, port: u16, timeout: Duration) -> Self {
        Self { host: host.to_owned(), port, timeout, address: None, made: 0, silent: 0 }
    }

    /// Returns why no further connection is made.
    pub(super) fn stopped(&self) -> Option<&'static str> {
        if self.made >= MOST_CONNECTIONS {
            Some("the limit of connections is reached")
        } else if self.silent >= MOST_SILENT {
            Some("the server stopped answering")
        } else {
            None
        }
    }

    /// Connects with a session of the library.
    pub(super) fn handshake(
        &mut self,
        config: &ClientConfig,
        secrets: Secrets,
        name: &ServerName<'static>,
        goal: Goal,
    ) -> Attempt {
        let secrets = Arc::new(secrets);
        let mut config = config.clone();
        config.set_key_log(Arc::clone(&secrets) as _);
        match ClientSession::new(&Arc::new(config), name.clone()) {
            Ok(session) => self.connection(Some(session), &[], &secrets, goal),
            Err(e) => Attempt::without_connection(End::Failed(Box::new(e))),
        }
    }

    /// Sends these bytes, and reads the server's first flight.
    pub(super) fn answer_to(&mut self, hello: &[u8]) -> Attempt {
        self.connection(None, hello, &Secrets::default(), Goal::Answer)
    }

    fn connection(&mut self, session: Option<ClientSession>, hello: &[u8], secrets: &Secrets, goal: Goal) -> Attempt {
        if let Some(why) = self.stopped() {
            return Attempt::without_connection(End::NotTried(why));
        }
        self.made += 1;
        let start = Instant::now();
        let deadline = start + self.timeout;
        let mut socket = match self.connect(deadline) {
            Ok(socket) => socket,
            Err(e) => return Attempt::without_connection(End::NotConnected(e)),
        };
        let connected_in = Some(start.elapsed());
        // Sends small records at once. The connection works without it.
        let _ = socket.set_nodelay(true);
        let mut capture = Capture::start();
        let mut drive = Drive {
            socket: &mut socket,
            capture: &mut capture,
            secrets,
            session,
            deadline,
            goal,
            established_in: None,
        };
        let end = drive.run(hello).unwrap_or_else(|e| match e.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => End::Silent,
            _ => End::Broken(e),
        });
        let (session, established_in) = (drive.session, drive.established_in);
        self.silent = if matches!(end, End::Silent) { self.silent + 1 } else { 0 };
        Attempt { end, handshake: capture::read(&capture, secrets), session, connected_in, established_in }
    }

    /// Tries the addresses of the host one after another. Later connections use the one that
    /// worked.
    fn connect(&mut self, deadline: Instant) -> Result<TcpStream, NotConnected> {
        let addresses = match self.address {
            Some(address) => vec![address],
            None => match (self.host.as_str(), self.port).to_socket_addrs() {
                Ok(addresses) => addresses.collect(),
                Err(e) => return Err(NotConnected::UnknownHost(e.to_string())),
            },
        };
        let mut failed = NotConnected::UnknownHost("it has no addresses".into());
        for address in addresses {
            let left = deadline.saturating_duration_since(Instant::now());
            // A timeout of zero is an error of its own.
            match TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1))) {
                Ok(socket) => {
                    self.address = Some(address);
                    return Ok(socket);
                }
                Err(e) => {
                    let text = format!("{address}: {e}");
                    failed = match e.kind() {
                        io::ErrorKind::ConnectionRefused => NotConnected::Refused(text),
                        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => NotConnected::TimedOut(text),
                        _ => NotConnected::Other(text),
                    };
                }
            }
        }
        Err(failed)
    }
}

/// A connection in progress.
struct Drive<'a> {
    socket: &'a mut TcpStream,
    capture: &'a mut Capture,
    secrets: &'a Secrets,
    session: Option<ClientSession>,
    deadline: Instant,
    goal: Goal,
    established_in: Option<Duration>,
}

impl Drive<'_> {
    fn run(&mut self, hello: &[u8]) -> io::Result<End> {
        self.set_timeout()?;
        self.recorded().write_all(hello)?;
        // The error of the session. Its alert is sent only if the goal is a handshake.
        let mut failed = None;
        loop {
            if failed.is_none() || self.goal != Goal::Answer {
                self.send()?;
            }
            if let Some(e) = failed.take_if(|_| self.goal != Goal::Answer) {
                return Ok(End::Failed(e));
            }
            let facts = capture::read(self.capture, self.secrets).facts;
            if let Some(end) = self.end(&facts, failed.is_some()) {
                return Ok(end);
            }
            let mut bytes = vec![0; 16 * 1024];
            self.set_timeout()?;
            let n = match self.recorded().read(&mut bytes) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                // The server may wait for the end of the TCP connection after the handshake.
                Err(_) if self.established_in.is_some() => return Ok(End::Established),
                other => other?,
            };
            if n == 0 {
                return Ok(if self.established_in.is_some() { End::Established } else { End::Closed });
            }
            if failed.is_none() {
                failed = self.feed(bytes.get(..n).unwrap_or_default()).err().map(Box::new);
            }
        }
    }

    fn recorded(&mut self) -> Recording<'_, TcpStream> {
        Recording { inner: self.socket, capture: Some(self.capture), local: Side::Client }
    }

    fn set_timeout(&self) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.socket.set_read_timeout(Some(left))?;
        self.socket.set_write_timeout(Some(left))
    }

    /// Sends what the session has to send, and close_notify after the handshake.
    fn send(&mut self) -> io::Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let mut recorded = Recording { inner: self.socket, capture: Some(self.capture), local: Side::Client };
        loop {
            while session.wants_write() {
                session.write_tls(&mut recorded)?;
            }
            if session.is_handshaking() || self.established_in.is_some() || self.goal == Goal::Answer {
                return Ok(());
            }
            self.established_in = recorded.capture.as_ref().map(|capture| capture.elapsed());
            session.send_close_notify();
        }
    }

    /// Gives received bytes to the session.
    fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let Some(session) = &mut self.session else { return Ok(()) };
        loop {
            match session.read_tls(&mut bytes) {
                Ok(_) => {}
                // Too much unread data, which is of no interest.
                Err(_) => return Ok(()),
            }
            session.process_new_packets()?;
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// Returns how the connection ended, if no further byte is needed.
    fn end(&self, facts: &Facts, failed: bool) -> Option<End> {
        if self.goal != Goal::Answer {
            let complete = self.established_in.is_some();
            let no_tickets = self.goal != Goal::Tickets || facts.version != Some(ProtocolVersion::TLS13);
            return (complete && (no_tickets || !facts.tickets.is_empty())).then_some(End::Established);
        }
        let driven = self.session.is_some() && !failed;
        let enough = facts.alert.is_some()
            || facts.answered
            || facts.not_tls.is_some()
            || self.capture.is_full()
            || (!driven && facts.version.is_some() && !facts.readable)
            || (failed && facts.version.is_none());
        enough.then_some(End::Answered)
    }
}
