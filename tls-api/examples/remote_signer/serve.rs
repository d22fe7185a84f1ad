//! The process that has the connections, and one thread for all of them.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use strata_tls::handshake::NeedSignature;
use strata_tls::{Identity, ServerConfig, ServerSession, Session, SignatureScheme};

use crate::options::{Context, Failure};

const LISTENER: Token = Token(0);
const SIGNER: Token = Token(1);
/// The first connection's token. None is used twice.
const FIRST: usize = 2;
/// How long a connection may take altogether.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(certs: &Path, signer: SocketAddr, port: u16) -> Result<(), Failure> {
    let pem = std::fs::read(certs).context(format!("cannot read {}", certs.display()))?;
    let chain = strata_tls::certs_from_pem(&pem).context(format!("--certs {}", certs.display()))?;
    // What a key can sign with, whoever has it says. That of this example is an RSA or a P-256 key.
    let schemes = match is_rsa(&chain) {
        true => vec![SignatureScheme::RSA_PSS_RSAE_SHA256, SignatureScheme::RSA_PKCS1_SHA256],
        false => vec![SignatureScheme::ECDSA_SECP256R1_SHA256],
    };
    let identity = Identity::with_remote_key(chain, schemes).context(format!("--certs {}", certs.display()))?;
    let address = ([127, 0, 0, 1], port).into();
    let mut listener = TcpListener::bind(address).context(format!("cannot listen on {address}"))?;
    let mut signer = Signer::connect(signer)?;
    let poll = Poll::new().context("the event queue")?;
    let registry = poll.registry();
    registry.register(&mut listener, LISTENER, Interest::READABLE).context("the event queue")?;
    registry
        .register(&mut signer.socket, SIGNER, Interest::READABLE | Interest::WRITABLE)
        .context("the event queue")?;
    println!("listening on {}", listener.local_addr().context("the address")?);
    let config = Arc::new(ServerConfig::new(identity));
    Server { poll, listener, config, signer, connections: HashMap::new(), next: FIRST }.serve()
}

/// rsaEncryption, 1.2.840.113549.1.1.1, as a key's algorithm.
fn is_rsa(chain: &[strata_tls::CertificateDer<'_>]) -> bool {
    const RSA: &[u8] = &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0, 3];
    chain.first().is_some_and(|leaf| leaf.windows(RSA.len()).any(|window| window == RSA))
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    config: Arc<ServerConfig>,
    signer: Signer,
    connections: HashMap<usize, Connection>,
    next: usize,
}

impl Server {
    fn serve(mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(256);
        loop {
            match self.poll.poll(&mut events, Some(Duration::from_secs(1))) {
                Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e).context("waiting for events"),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    LISTENER => {}
                    SIGNER => {
                        for (number, signature) in self.signer.exchange().context("the signer")? {
                            self.signed(number, signature);
                        }
                    }
                    Token(token) => self.drive(token),
                }
            }
            while let Ok((mut socket, _)) = self.listener.accept() {
                let token = self.next;
                self.next += 1;
                let interests = Interest::READABLE | Interest::WRITABLE;
                self.poll.registry().register(&mut socket, Token(token), interests).context("the event queue")?;
                self.connections.insert(token, Connection::new(socket, &self.config));
            }
            self.connections.retain(|_, connection| connection.since.elapsed() < PATIENCE);
            self.signer.flush().context("the signer")?;
        }
    }

    fn drive(&mut self, token: usize) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let waiting = self.signer.waiting.len();
        let more = connection.drive(waiting);
        if let Some(request) = connection.session.take_signature_request() {
            self.signer.ask(token, request);
        }
        if !matches!(more, Ok(true)) {
            if let Err(e) = more {
                eprintln!("remote_signer: connection {token}: {e}");
            }
            self.connections.remove(&token);
        }
    }

    /// A signature came; none, if it is empty.
    fn signed(&mut self, number: u64, signature: Vec<u8>) {
        let Some((token, request)) = self.signer.waiting.remove(&number) else { return };
        // The client may be gone.
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let answer = if signature.is_empty() { request.fail() } else { request.answer(signature) };
        // What went wrong is told when the connection is driven: its alert goes out first.
        let _ = connection.session.answer_signature(answer);
        self.drive(token);
    }
}

struct Connection {
    socket: TcpStream,
    session: ServerSession,
    request: Vec<u8>,
    since: Instant,
    answered: bool,
}

impl Connection {
    fn new(socket: TcpStream, config: &Arc<ServerConfig>) -> Self {
        let session = ServerSession::new(config);
        Self { socket, session, request: Vec::new(), since: Instant::now(), answered: false }
    }

    /// Does all that can be done without waiting; whether there is more to come. `waiting` is for the page.
    fn drive(&mut self, waiting: usize) -> io::Result<bool> {
        let mut result = Ok(());
        let mut ended = false;
        while self.session.wants_read() && result.is_ok() && !ended {
            match self.session.read_tls(&mut self.socket) {
                Ok(n) => {
                    ended = n == 0;
                    result = self.session.process_new_packets().map(drop);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            }
            self.answer_request(waiting)?;
        }
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(e) => return Err(e),
            }
        }
        result.map_err(io::Error::other)?;
        Ok(!ended && !self.answered)
    }

    fn answer_request(&mut self, waiting: usize) -> io::Result<()> {
        let mut some = [0; 1024];
        while let Ok(n @ 1..) = self.session.read(&mut some) {
            self.request.extend_from_slice(&some[..n]);
        }
        if !self.answered && self.request.windows(4).any(|end| end == b"\r\n\r\n") {
            let page = format!("signed elsewhere; {waiting} other signatures are in the making\n");
            write!(
                self.session,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            )?;
            self.session.send_close_notify();
            self.answered = true;
        }
        Ok(())
    }
}

/// The connection to the key.
struct Signer {
    socket: TcpStream,
    to_send: Vec<u8>,
    received: Vec<u8>,
    /// By the number under which a signature was asked for: for which connection, and what.
    waiting: HashMap<u64, (usize, NeedSignature)>,
    next: u64,
}

impl Signer {
    fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let socket = std::net::TcpStream::connect(address).context(format!("--signer {address}"))?;
        socket.set_nonblocking(true).context("the signer")?;
        let socket = TcpStream::from_std(socket);
        Ok(Self { socket, to_send: Vec::new(), received: Vec::new(), waiting: HashMap::new(), next: 0 })
    }

    fn ask(&mut self, token: usize, request: NeedSignature) {
        self.to_send.extend(self.next.to_be_bytes());
        self.to_send.extend(request.scheme().0.to_be_bytes());
        self.to_send.extend(u32::try_from(request.message().len()).unwrap_or_default().to_be_bytes());
        self.to_send.extend(request.message());
        self.waiting.insert(self.next, (token, request));
        self.next += 1;
    }

    /// The signatures that came.
    fn exchange(&mut self) -> io::Result<Vec<(u64, Vec<u8>)>> {
        self.flush()?;
        let mut some = [0; 4096];
        loop {
            match self.socket.read(&mut some) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.received.extend_from_slice(&some[..n]),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            }
        }
        let mut signatures = Vec::new();
        while let Some((number, rest)) = self.received.split_first_chunk::<8>() {
            let Some((length, rest)) = rest.split_first_chunk::<4>() else { break };
            let Some(signature) = rest.get(..u32::from_be_bytes(*length) as usize) else { break };
            signatures.push((u64::from_be_bytes(*number), signature.to_vec()));
            self.received.drain(..12 + signatures.last().map_or(0, |(_, signature)| signature.len()));
        }
        Ok(signatures)
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.to_send.is_empty() {
            match self.socket.write(&self.to_send) {
                Ok(n) => drop(self.to_send.drain(..n)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
