//! Drives one connection: sends the input, prints what the server sends, and closes the connection.

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
    /// The last known readiness of the socket. Events report only changes.
    readable: bool,
    writable: bool,
    /// The deadline of the handshake.
    deadline: Instant,
    options: &'a Arguments,
    unsent: Vec<u8>,
    input_ended: bool,
    response: Option<Response>,
    /// Whether to print received data.
    print: bool,
    early: EarlyData,
}

/// Data to send first. `sent` bytes of it went out as early data.
#[derive(Default)]
pub(crate) struct EarlyData {
    data: Vec<u8>,
    sent: usize,
}

impl EarlyData {
    /// Sends as much early data as the session allows.
    pub(crate) fn send(data: Vec<u8>, session: &mut ClientSession) -> io::Result<Self> {
        let sent = match session.early_data() {
            Some(mut early) => early.write(&data)?,
            None => 0,
        };
        Ok(Self { data, sent })
    }

    /// Returns the data to send after the handshake: all of it if the server rejected early data.
    fn unsent(self, session: &ClientSession, verbose: bool) -> Vec<u8> {
        let Self { mut data, sent } = self;
        let accepted = session.is_early_data_accepted();
        if verbose {
            eprintln!(
                "early data: {sent} bytes of {} sent, {}",
                data.len(),
                if accepted { "accepted" } else { "rejected" }
            );
        }
        if accepted {
            data.drain(..sent);
        }
        data
    }
}

/// The task of a connection.
pub(crate) enum Task {
    /// Fetch this page.
    Page(String),
    /// Connect stdin and stdout to the server.
    Stdin,
    /// Send these bytes and read the response.
    Bytes(Vec<u8>),
}

/// Whether the connection has more to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Continue,
    Finished,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        session: ClientSession,
        connected: Connected,
        deadline: Instant,
        options: &'a Arguments,
        print: bool,
        early: EarlyData,
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
            input_ended: false,
            response: None,
            print,
            early,
        }
    }

    pub(crate) fn run(mut self, target: &Target, task: Task) -> Result<(), Failure> {
        let mut input = match task {
            Task::Page(path) => {
                self.response = Some(Response::default());
                Input::Request(Some(request(&path, &target.host).into_bytes()))
            }
            Task::Bytes(bytes) => Input::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Task::Stdin => Input::stdin(Waker::new(self.poll.registry(), STDIN).context("the event queue")?),
        };
        loop {
            let received = self.receive(&target.host)?;
            if self.print()? == Progress::Finished {
                return self.finish();
            }
            let took = self.take_input(&mut input)?;
            let sent = match self.send() {
                Ok(sent) => sent,
                Err(e) => return Err(self.why_sending_failed(e, &target.host)),
            };
            if !(received || took || sent) {
                self.wait()?;
            }
        }
    }

    /// Reads and processes records. Returns whether it received any data.
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
            Err(e) => return Err(e).context(format!("reading from {host}")),
        }
        if let Err(e) = self.session.process_new_packets() {
            // Prints data received before the error and sends the alert. Reports only the first
            // error.
            let (_, _) = (self.print(), self.send());
            return Err(Failure::new(format!("{host}: {e:#}")));
        }
        if handshaking && !self.session.is_handshaking() {
            let verbose = self.options.protocol.verbose();
            if verbose {
                self.print_negotiated();
            }
            if let Some(exported) = self.options.protocol.export(&self.session)? {
                eprintln!("{exported}");
            }
            let early = std::mem::take(&mut self.early);
            if !early.data.is_empty() {
                self.unsent = early.unsent(&self.session, verbose);
            }
        }
        Ok(true)
    }

    /// Prints all decrypted data.
    fn print(&mut self) -> Result<Progress, Failure> {
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
                Err(e) if is_truncation(&e) => return self.check_end(End::Truncated),
                Err(e) => return Err(e).context("reading"),
            };
            self.session.consume(n);
        }
        stdout.flush().context("cannot write to stdout")?;
        match &self.response {
            Some(response) if response.is_over() => self.check_end(End::CloseNotify),
            _ => Ok(Progress::Continue),
        }
    }

    /// Checks that the data is complete when no more follows. Many web servers do not send
    /// close_notify, which is harmless if the response states its length.
    fn check_end(&self, end: End) -> Result<Progress, Failure> {
        match (&self.response, end) {
            (Some(response), end) => response.check(end).map_err(Failure::new)?,
            (None, End::CloseNotify) => {}
            (None, End::Truncated) => {
                return Err(Failure::new(format!("the output may be incomplete: {}", Error::Truncated)));
            }
        }
        Ok(Progress::Finished)
    }

    /// Writes input to the session. Returns whether it wrote any.
    fn take_input(&mut self, input: &mut Input) -> Result<bool, Failure> {
        if self.input_ended || !self.early.data.is_empty() {
            return Ok(false);
        }
        // Key updates and the end of the input depend on the version.
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
                    self.input_ended = true;
                    // In TLS 1.2 a server may discard unsent data when it receives close_notify
                    // (RFC 5246 §7.2.1). In TLS 1.3 it closes one direction (RFC 9846 §6.1).
                    let close = self
                        .options
                        .half_close
                        .unwrap_or_else(|| self.session.protocol_version() != Some(ProtocolVersion::TLS12));
                    if close {
                        self.session.send_close_notify();
                    }
                    if self.options.protocol.verbose() {
                        let next =
                            if close { "sent close_notify" } else { "waiting for the server to close (--half-close)" };
                        eprintln!("end of input: {next}");
                    }
                    return Ok(true);
                }
            }
        }
        let n = self.session.write(&self.unsent).context("writing")?;
        self.unsent.drain(..n);
        Ok(n > 0)
    }

    /// Sends pending records until the socket would block. Returns whether it sent any.
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

    /// Returns why the server takes no more data: an alert that it sent before it closed, or the
    /// error of the socket.
    fn why_sending_failed(&mut self, e: io::Error, host: &str) -> Failure {
        self.readable = true;
        // Errors of the socket are expected now.
        while self.receive(host).is_ok_and(|received| received) {
            let _ = self.print();
        }
        match self.session.process_new_packets() {
            Err(why) => Failure::new(format!("{host}: {why:#}")),
            Ok(_) => Failure::new(format!("writing to {host}: {e}")),
        }
    }

    /// Sends close_notify and flushes it to the socket.
    fn finish(mut self) -> Result<(), Failure> {
        io::stdout().flush().context("cannot write to stdout")?;
        self.session.send_close_notify();
        // The server may already have closed the connection.
        while self.session.wants_write() && self.send().is_ok() && self.session.wants_write() {
            self.wait()?;
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<(), Failure> {
        let timeout = if self.session.is_handshaking() {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::new("the handshake timed out (--timeout)"));
            }
            Some(left)
        } else {
            None
        };
        let mut events = Events::with_capacity(8);
        match self.poll.poll(&mut events, timeout) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e).context("waiting for events"),
            _ => {}
        }
        for event in events.iter().filter(|event| event.token() == SOCKET) {
            // After an error both reading and writing return it.
            self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
        }
        Ok(())
    }

    fn print_negotiated(&self) {
        let session = &self.session;
        let version = session.protocol_version().map(|version| version.to_string()).unwrap_or_default();
        let suite = session.negotiated_cipher_suite().map(|suite| suite.to_string()).unwrap_or_default();
        let group = session.negotiated_group().map(|group| group.to_string()).unwrap_or_default();
        let alpn = session.alpn_protocol().map(|name| format!(", protocol {}", String::from_utf8_lossy(name)));
        let kind = session.handshake_kind().map(|kind| format!(", handshake {kind:?}"));
        let certificates = session.peer_certificates().map_or(0, <[_]>::len);
        eprintln!(
            "established: {version}, {suite}, {group}{}{}, {certificates} certificates, server {}",
            alpn.unwrap_or_default(),
            kind.unwrap_or_default(),
            subject(session.peer_certificates()).unwrap_or_else(|| "without a certificate".into())
        );
        let limits = session.record_limits();
        eprintln!("record limits: sent {}, received {}", limits.send, limits.receive);
    }
}

fn request(path: &str, host: &str) -> String {
    // IPv6 addresses need brackets in the Host header.
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tlsclient\r\nAccept: */*\r\nConnection: close\r\n\r\n")
}

const STDIN: Token = Token(1);
