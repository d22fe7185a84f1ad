//! Two sessions of the facade and the network between them.

use std::{
    io::ErrorKind,
    sync::{Arc, LazyLock},
};

use pki_types::UnixTime;
use tls_api::{
    AllowAnyAuthenticatedClient, ClientConfig, ClientSession, Error, Identity, ProtocolVersion, ServerConfig,
    ServerSession, Session, TimeProvider,
};

/// Who acts.
#[derive(Clone, Copy)]
pub enum Side {
    Client,
    Server,
}

/// A client, a server, and what is under way in either direction.
pub struct Pair {
    client: End<ClientSession>,
    server: End<ServerSession>,
}

struct End<S> {
    session: S,
    /// Sent by this side and not delivered yet.
    wire: Vec<u8>,
    written: usize,
    read: usize,
    error: Option<Error>,
    /// This side said close_notify.
    closed: bool,
    /// This side read to the end that the other announced.
    ended: bool,
}

#[derive(Debug)]
struct Fixed;

impl TimeProvider for Fixed {
    fn now(&self) -> Option<UnixTime> {
        Some(crate::now())
    }
}

type Configs = (Arc<ClientConfig>, Arc<ServerConfig>);

/// TLS 1.3 and TLS 1.2, each without and with a client's certificate.
static CONFIGS: LazyLock<[Configs; 4]> = LazyLock::new(|| {
    let (tls13, tls12) = (ProtocolVersion::TLS13, ProtocolVersion::TLS12);
    [(tls13, false), (tls12, false), (tls13, true), (tls12, true)].map(|(version, client_auth)| {
        let mut client = ClientConfig::with_roots(crate::roots());
        let mut server = ServerConfig::from_pem(crate::PEM[0], crate::PEM[1]).unwrap();
        client.set_time_provider(Arc::new(Fixed));
        server.set_time_provider(Arc::new(Fixed));
        client.set_versions(&[version]).unwrap();
        if client_auth {
            client.set_client_identity(Identity::from_pem(crate::PEM[0], crate::PEM[1]).unwrap());
            server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(crate::roots()))).unwrap();
        }
        (Arc::new(client), Arc::new(server))
    })
});

impl Pair {
    /// Before the first byte, under one of four configurations; the bit above them has it go on from the session of another pair.
    pub fn start(config: u8) -> Self {
        if config & 4 != 0 {
            let mut before = Self::under(config);
            before.settle();
            before.check(false);
        }
        Self::under(config)
    }

    fn under(config: u8) -> Self {
        let (client, server) = &CONFIGS[usize::from(config % 4)];
        let name = "localhost".try_into().unwrap();
        Self {
            client: End::new(ClientSession::new(client, name).unwrap()),
            server: End::new(ServerSession::new(server)),
        }
    }

    /// Writes up to `amount` bytes.
    pub fn write(&mut self, side: Side, amount: usize) {
        match side {
            Side::Client => self.client.write(amount),
            Side::Server => self.server.write(amount),
        }
    }

    /// Carries up to `amount` bytes that this side sent to the other, which works on them.
    pub fn deliver(&mut self, from: Side, amount: usize) {
        match from {
            Side::Client => self.server.receive(self.client.send(), amount),
            Side::Server => self.client.receive(self.server.send(), amount),
        }
    }

    /// Reads what came, in pieces of up to `amount` bytes.
    pub fn read(&mut self, side: Side, amount: usize) {
        match side {
            Side::Client => self.client.read(amount, self.server.written),
            Side::Server => self.server.read(amount, self.client.written),
        }
    }

    /// Says close_notify.
    pub fn close(&mut self, side: Side) {
        match side {
            Side::Client => self.client.close(),
            Side::Server => self.server.close(),
        }
    }

    /// New keys, where the handshake is over.
    pub fn refresh(&mut self, side: Side) {
        let _ = match side {
            Side::Client => self.client.session.refresh_traffic_keys(),
            Side::Server => self.server.session.refresh_traffic_keys(),
        };
    }

    /// Flips a bit of what is under way from this side; says whether there was one.
    pub fn flip(&mut self, side: Side, at: usize) -> bool {
        let wire = match side {
            Side::Client => self.client.send(),
            Side::Server => self.server.send(),
        };
        let Some(last) = wire.len().checked_sub(1) else { return false };
        wire[(at * 8).min(last)] ^= 1 << (at % 8);
        true
    }

    /// Carries and reads all there is.
    pub fn settle(&mut self) {
        for _ in 0..1000 {
            self.deliver(Side::Client, usize::MAX);
            self.deliver(Side::Server, usize::MAX);
            self.read(Side::Client, 4096);
            self.read(Side::Server, 4096);
            let (client, server) = (&self.client, &self.server);
            let under_way = client.wire.len() + server.wire.len();
            if under_way == 0 && !client.session.wants_write() && !server.session.wants_write() {
                return;
            }
        }
        panic!("the sessions do not come to rest");
    }

    /// What holds in the end: over a network that did not tamper, everything that was written has arrived.
    pub fn check(&mut self, tampered: bool) {
        if !tampered {
            assert_eq!(self.client.error, None);
            assert_eq!(self.server.error, None);
            assert!(!self.client.session.is_handshaking() && !self.server.session.is_handshaking());
            assert_eq!(self.client.read, self.server.written);
            assert_eq!(self.server.read, self.client.written);
            assert_eq!(self.client.ended, self.server.closed);
            assert_eq!(self.server.ended, self.client.closed);
        }
    }
}

impl<S: Session> End<S> {
    fn new(session: S) -> Self {
        Self { session, wire: Vec::new(), written: 0, read: 0, error: None, closed: false, ended: false }
    }

    fn write(&mut self, amount: usize) {
        let data: Vec<u8> = (self.written..self.written + amount).map(content).collect();
        match self.session.write(&data) {
            Ok(taken) => self.written += taken,
            Err(e) => assert!(self.closed || self.error.is_some(), "a session that is open refused a write: {e}"),
        }
    }

    fn close(&mut self) {
        self.session.send_close_notify();
        self.closed = true;
    }

    /// What is under way from here. All that the session has goes on the wire: what it keeps back is bounded by its limit.
    fn send(&mut self) -> &mut Vec<u8> {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.wire).unwrap();
        }
        &mut self.wire
    }

    fn receive(&mut self, wire: &mut Vec<u8>, amount: usize) {
        let amount = amount.min(wire.len());
        let mut unread = &wire[..amount];
        while !unread.is_empty() && self.session.wants_read() && self.error.is_none() {
            self.session.read_tls(&mut unread).unwrap();
            self.error = self.session.process_new_packets().err();
        }
        let left = unread.len();
        wire.drain(..amount - left);
        if let Some(error) = &self.error {
            // An error is for ever, and what comes after it goes nowhere.
            assert_eq!(self.session.process_new_packets().err().as_ref(), Some(error));
            wire.clear();
        }
    }

    fn read(&mut self, amount: usize, written: usize) {
        let mut buffer = vec![0; amount];
        loop {
            match self.session.read(&mut buffer) {
                Ok(0) => {
                    self.ended = true;
                    return;
                }
                Ok(n) => {
                    assert!(buffer[..n].iter().zip(self.read..).all(|(byte, at)| *byte == content(at)), "other bytes");
                    self.read += n;
                    assert!(self.read <= written, "more was read than written");
                }
                Err(e) => {
                    assert!(e.kind() == ErrorKind::WouldBlock || self.error.is_some(), "{e}");
                    return;
                }
            }
        }
    }
}

/// The byte at this place of what a side writes.
fn content(at: usize) -> u8 {
    (at % 251) as u8
}
