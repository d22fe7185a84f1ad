//! The connection's life: sends what the input gives, prints what comes, and ends in good order.

use std::io::{self, BufRead, Write};
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Events, Poll, Token, Waker};
use strata_tls::{ClientSession, Error, ProtocolVersion, Session, is_truncation};

use crate::arguments::{Arguments, Target};
use crate::connect::{Connected, SOCKET};
use crate::input::{Input, Next};
use crate::options::{Context, Failure, subject};
use crate::response::{End, Response};

pub(crate) struct Exchange<'a> {
    session: ClientSession,
    socket: TcpStream,
    poll: Poll,
    /// What the socket was last known to be; it tells only changes.
    readable: bool,
    writable: bool,
    /// For the handshake.
    deadline: Instant,
    options: &'a Arguments,
    unsent: Vec<u8>,
    /// The input has ended.
    said_all: bool,
    response: Option<Response>,
    /// Whether what comes is printed.
    print: bool,
    early: Early,
}

/// What is sent first of all: early data, of which some may have gone out with the first message.
#[derive(Default)]
pub(crate) struct Early {
    data: Vec<u8>,
    sent: usize,
}

impl Early {
    /// Sends as much early as the session allows.
    pub(crate) fn send(data: Vec<u8>, session: &mut ClientSession) -> io::Result<Self> {
        let sent = match session.early_data() {
            Some(mut early) => early.write(&data)?,
            None => 0,
        };
        Ok(Self { data, sent })
    }

    /// What still has to be sent, now that the handshake is complete: all, if the server refused what came early.
    fn left(self, session: &ClientSession, verbose: bool) -> Vec<u8> {
        let Self { mut data, sent } = self;
        let accepted = session.is_early_data_accepted();
        if verbose {
            eprintln!(
                "early data: {sent} bytes of {} sent, {}",
                data.len(),
                if accepted { "accepted" } else { "refused" }
            );
        }
        if accepted {
            data.drain(..sent);
        }
        data
    }
}

/// What a connection is for.
pub(crate) enum Errand {
    /// Fetch this page.
    Page(String),
    /// Join stdin and stdout to the session.
    Stdin,
    /// Send these bytes, and read what comes.
    Bytes(Vec<u8>),
}

/// Whether there is more to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Finished,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        session: ClientSession,
        connected: Connected,
        deadline: Instant,
        options: &'a Arguments,
        print: bool,
        early: Early,
    ) -> Self {
        let Connected { socket, poll } = connected;
        Self {
            session,
            socket,
            poll,
            readable: true,
            writable: true,
            deadline,
            options,
            unsent: Vec::new(),
            said_all: false,
            response: None,
            print,
            early,
        }
    }

    pub(crate) fn run(mut self, target: &Target, errand: Errand) -> Result<(), Failure> {
        let mut input = match errand {
            Errand::Page(path) => {
                self.response = Some(Response::default());
                Input::Request(Some(request(&path, &target.host).into_bytes()))
            }
            Errand::Bytes(bytes) => Input::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Errand::Stdin => Input::stdin(Waker::new(self.poll.registry(), STDIN).context("the event queue")?),
        };
        loop {
            let received = self.receive(&target.host)?;
            if self.print()? == Going::Finished {
                return self.finish();
            }
            let took = self.take_input(&mut input)?;
            let sent = self.send().context(format!("sending to {}", target.host))?;
            if !(received || took || sent) {
                self.wait()?;
            }
        }
    }

    /// Reads and processes; whether anything came.
    fn receive(&mut self, host: &str) -> Result<bool, Failure> {
        if !self.readable || !self.session.wants_read() {
            return Ok(false);
        }
        let handshaking = self.session.is_handshaking();
        match self.session.read_tls(&mut self.socket) {
            Ok(0) => self.readable = false,
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(false);
            }
            Err(e) => return Err(e).context(format!("the connection to {host} broke")),
        }
        if let Err(e) = self.session.process_new_packets() {
            // What came before the error is worth printing, and the alert worth sending; but the error is the news.
            let (_, _) = (self.print(), self.send());
            return Err(Failure::new(format!("{host}: {e:#}")));
        }
        if handshaking && !self.session.is_handshaking() {
            let verbose = self.options.protocol.verbose();
            if verbose {
                self.tell_what_was_negotiated();
            }
            if let Some(exported) = self.options.protocol.export(&self.session)? {
                eprintln!("{exported}");
            }
            let early = std::mem::take(&mut self.early);
            if !early.data.is_empty() {
                self.unsent = early.left(&self.session, verbose);
            }
        }
        Ok(true)
    }

    /// Prints all that was decrypted.
    fn print(&mut self) -> Result<Going, Failure> {
        let mut stdout = io::stdout().lock();
        loop {
            let n = match self.session.fill_buf() {
                Ok([]) => return self.check_end(End::CloseNotify),
                Ok(bytes) => {
                    if self.print {
                        stdout.write_all(bytes).context("cannot write to stdout")?;
                    }
                    if let Some(response) = &mut self.response {
                        response.add(bytes);
                    }
                    bytes.len()
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if is_truncation(&e) => return self.check_end(End::Cut),
                Err(e) => return Err(e).context("reading"),
            };
            self.session.consume(n);
        }
        stdout.flush().context("cannot write to stdout")?;
        match &self.response {
            Some(response) if response.is_over() => self.check_end(End::CloseNotify),
            _ => Ok(Going::On),
        }
    }

    /// Nothing more comes. Many web servers do not send close_notify, which does no harm as long as the response tells
    /// where it ends.
    fn check_end(&self, end: End) -> Result<Going, Failure> {
        match (&self.response, end) {
            (Some(response), end) => response.check(end).map_err(Failure::new)?,
            (None, End::CloseNotify) => {}
            (None, End::Cut) => {
                return Err(Failure::new(format!("what was printed may not be all: {}", Error::Truncated)));
            }
        }
        Ok(Going::Finished)
    }

    /// Writes into the session what the input gives; whether it took any.
    fn take_input(&mut self, input: &mut Input) -> Result<bool, Failure> {
        if self.said_all || !self.early.data.is_empty() {
            return Ok(false);
        }
        // Which version it is decides over keys, and over the end.
        if self.session.is_handshaking() {
            return Ok(false);
        }
        if self.unsent.is_empty() {
            match input.next().context("cannot read stdin")? {
                Next::Bytes(bytes) => {
                    if self.options.protocol.key_update() {
                        self.session.refresh_traffic_keys().context("--key-update")?;
                    }
                    self.unsent = bytes;
                }
                Next::Nothing => return Ok(false),
                Next::End => {
                    self.said_all = true;
                    // RFC 5246 §7.2.1 lets a server of TLS 1.2 drop what it has not sent yet when it receives
                    // close_notify; since TLS 1.3 it ends one direction only (RFC 9846 §6.1).
                    let close = self
                        .options
                        .half_close
                        .unwrap_or_else(|| self.session.protocol_version() != Some(ProtocolVersion::TLS12));
                    if close {
                        self.session.send_close_notify();
                    }
                    if self.options.protocol.verbose() {
                        let next = if close { "our side is closed" } else { "the server closes first (--half-close)" };
                        eprintln!("the input has ended: {next}");
                    }
                    return Ok(true);
                }
            }
        }
        let n = self.session.write(&self.unsent).context("writing")?;
        self.unsent.drain(..n);
        Ok(n > 0)
    }

    /// Writes what waits, as far as the socket takes it; whether it took any.
    fn send(&mut self) -> io::Result<bool> {
        let mut moved = false;
        while self.writable && self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(_) => moved = true,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(e) => return Err(e),
            }
        }
        Ok(moved)
    }

    /// Says close_notify, and leaves once it is on its way.
    fn finish(mut self) -> Result<(), Failure> {
        io::stdout().flush().context("cannot write to stdout")?;
        self.session.send_close_notify();
        // The server may be gone by now, which is as good.
        while self.session.wants_write() && self.send().is_ok() && self.session.wants_write() {
            self.wait()?;
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<(), Failure> {
        let patience = if self.session.is_handshaking() {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::new("the server did not complete the handshake in time (--timeout)"));
            }
            Some(left)
        } else {
            None
        };
        let mut events = Events::with_capacity(8);
        match self.poll.poll(&mut events, patience) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e).context("waiting for events"),
            _ => {}
        }
        for event in events.iter().filter(|event| event.token() == SOCKET) {
            // An error makes the socket ready for everything: reading or writing tells which.
            self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
        }
        Ok(())
    }

    fn tell_what_was_negotiated(&self) {
        let session = &self.session;
        let version = session.protocol_version().map(|version| version.to_string()).unwrap_or_default();
        let suite = session.negotiated_cipher_suite().map(|suite| suite.to_string()).unwrap_or_default();
        let group = session.negotiated_group().map(|group| group.to_string()).unwrap_or_default();
        let alpn = session.alpn_protocol().map(|name| format!(", protocol {}", String::from_utf8_lossy(name)));
        let kind = session.handshake_kind().map(|kind| format!(", handshake {kind:?}"));
        let certificates = session.peer_certificates().map_or(0, <[_]>::len);
        eprintln!(
            "established: {version}, {suite}, {group}{}{}, {certificates} certificates, the server's for {}",
            alpn.unwrap_or_default(),
            kind.unwrap_or_default(),
            subject(session.peer_certificates()).unwrap_or_else(|| "nobody".into())
        );
        let limits = session.record_limits();
        eprintln!("record limits: sent {}, received {}", limits.send, limits.receive);
    }
}

fn request(path: &str, host: &str) -> String {
    // An IPv6 address has its brackets here.
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tlsclient\r\nAccept: */*\r\nConnection: close\r\n\r\n")
}

const STDIN: Token = Token(1);
