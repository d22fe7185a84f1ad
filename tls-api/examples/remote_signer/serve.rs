//! The server process. One thread serves all connections and sends signature requests to the
//! signer.

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
/// The token of the first connection. Tokens are not reused.
const FIRST: usize = 2;
/// The maximum duration of a connection.
const LIFETIME: Duration = Duration::from_secs(30);

pub(crate) fn run(certs: &Path, signer: SocketAddr, port: u16) -> Result<(), Failure> {
    let pem = std::fs::read(certs).context(format!("cannot read {}", certs.display()))?;
    let chain = strata_tls::certs_from_bytes(&pem).context(format!("--certs {}", certs.display()))?;
    // The schemes that the signer's key supports. This example expects an RSA or a P-256 key.
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

/// Returns whether the end-entity certificate has the key algorithm rsaEncryption
/// (1.2.840.113549.1.1.1).
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
                            self.complete(number, signature);
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
            self.connections.retain(|_, connection| connection.since.elapsed() < LIFETIME);
            self.signer.flush().context("the signer")?;
        }
    }

    fn drive(&mut self, token: usize) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let pending = self.signer.pending.len();
        let more = connection.drive(pending);
        if let Some(request) = connection.session.take_signature_request() {
            self.signer.request(token, request);
        }
        if !matches!(more, Ok(true)) {
            if let Err(e) = more {
                eprintln!("remote_signer: connection {token}: {e}");
            }
            self.connections.remove(&token);
        }
    }

    /// Passes a signature to its connection. An empty one means that the signer failed.
    fn complete(&mut self, number: u64, signature: Vec<u8>) {
        let Some((token, request)) = self.signer.pending.remove(&number) else { return };
        // The connection may have closed.
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let answer = if signature.is_empty() { request.fail() } else { request.answer(signature) };
        // `drive` reports the error, after it has sent the alert.
        let _ = connection.session.answer_signature(answer);
        self.drive(token);
    }
}

struct Connection {
    socket: TcpStream,
    session: ServerSession,
    request: Vec<u8>,
    since: Instant,
    responded: bool,
}

impl Connection {
    fn new(socket: TcpStream, config: &Arc<ServerConfig>) -> Self {
        let session = ServerSession::new(config);
        Self { socket, session, request: Vec::new(), since: Instant::now(), responded: false }
    }

    /// Does what is possible without blocking. Returns whether to keep the connection. The page
    /// shows `pending`, the number of pending signatures.
    fn drive(&mut self, pending: usize) -> io::Result<bool> {
        let mut result = Ok(());
        let mut peer_closed = false;
        while self.session.wants_read() && result.is_ok() && !peer_closed {
            match self.session.read_tls(&mut self.socket) {
                Ok(n) => {
                    peer_closed = n == 0;
                    result = self.session.process_new_packets().map(drop);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            }
            self.respond(pending)?;
        }
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(e) => return Err(e),
            }
        }
        result.map_err(io::Error::other)?;
        Ok(!peer_closed && !self.responded)
    }

    fn respond(&mut self, pending: usize) -> io::Result<()> {
        let mut some = [0; 1024];
        while let Ok(n @ 1..) = self.session.read(&mut some) {
            self.request.extend_from_slice(&some[..n]);
        }
        if !self.responded && self.request.windows(4).any(|end| end == b"\r\n\r\n") {
            let page = format!("signed by the remote signer; {pending} other signatures are pending\n");
            write!(
                self.session,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            )?;
            self.session.send_close_notify();
            self.responded = true;
        }
        Ok(())
    }
}

/// The connection to the signer.
struct Signer {
    socket: TcpStream,
    to_send: Vec<u8>,
    received: Vec<u8>,
    /// Pending requests by number: the token of the connection, and the request.
    pending: HashMap<u64, (usize, NeedSignature)>,
    next: u64,
}

impl Signer {
    fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let socket = std::net::TcpStream::connect(address).context(format!("--signer {address}"))?;
        socket.set_nonblocking(true).context("the signer")?;
        let socket = TcpStream::from_std(socket);
        Ok(Self { socket, to_send: Vec::new(), received: Vec::new(), pending: HashMap::new(), next: 0 })
    }

    fn request(&mut self, token: usize, request: NeedSignature) {
        self.to_send.extend(self.next.to_be_bytes());
        self.to_send.extend(request.scheme().0.to_be_bytes());
        self.to_send.extend(u32::try_from(request.message().len()).unwrap_or_default().to_be_bytes());
        self.to_send.extend(request.message());
        self.pending.insert(self.next, (token, request));
        self.next += 1;
    }

    /// Sends pending requests and returns the signatures received.
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
