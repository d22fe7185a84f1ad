//! A client and a server session of strata-tls, and the network between them.

use std::{
    io::{self, ErrorKind, Read, Write},
    sync::{Arc, LazyLock},
};

use pki_types::UnixTime;
use tls_api::{
    AllowAnyAuthenticatedClient, ClientConfig, ClientSession, Error, Identity, IntoSplit, NoClientSessionStorage,
    ProtocolVersion, Receiver, Sender, ServerConfig, ServerSession, Session, TimeProvider,
};

/// One side of the connection.
#[derive(Clone, Copy)]
pub enum Side {
    Client,
    Server,
}

/// A client, a server, and the bytes in transit in both directions.
pub struct Pair {
    client: End<ClientSession>,
    server: End<ServerSession>,
}

struct End<S> {
    session: Calls<S>,
    /// Sent by this side, not yet delivered.
    wire: Vec<u8>,
    written: usize,
    read: usize,
    error: Option<Error>,
    is_split: bool,
    /// This side sent close_notify.
    closed: bool,
    /// This side read up to the other side's close_notify.
    ended: bool,
}

#[derive(Debug)]
struct Fixed;

impl TimeProvider for Fixed {
    fn now(&self) -> Option<UnixTime> {
        Some(crate::now())
    }
}

/// The calls of a session, which may be split.
enum Calls<S> {
    Whole(Box<S>),
    Split(Box<Receiver>, Box<Sender>),
    /// Only while it is being split.
    Moved,
}

/// Forwards a call to the session, or to the half that has it.
macro_rules! call {
    ($calls:expr, $half:ident, $name:ident $(, $argument:expr)*) => {
        match $calls {
            Calls::Whole(session) => session.$name($($argument),*),
            Calls::Split(receiver, sender) => {
                let _ = (&receiver, &sender);
                $half!(receiver, sender).$name($($argument),*)
            }
            Calls::Moved => unreachable!("a session was lost"),
        }
    };
}

macro_rules! receiver {
    ($receiver:ident, $sender:ident) => {
        $receiver
    };
}

macro_rules! sender {
    ($receiver:ident, $sender:ident) => {
        $sender
    };
}

impl<S: IntoSplit> Calls<S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        call!(self, sender, write, data)
    }

    fn send_close_notify(&mut self) {
        call!(self, sender, send_close_notify)
    }

    fn wants_write(&self) -> bool {
        call!(self, sender, wants_write)
    }

    fn write_tls(&mut self, to: &mut Vec<u8>) -> io::Result<usize> {
        call!(self, sender, write_tls, to)
    }

    fn refresh_traffic_keys(&mut self) -> Result<(), Error> {
        call!(self, sender, refresh_traffic_keys)
    }

    fn wants_read(&self) -> bool {
        call!(self, receiver, wants_read)
    }

    fn read_tls(&mut self, from: &mut &[u8]) -> io::Result<usize> {
        call!(self, receiver, read_tls, from)
    }

    fn process_new_packets(&mut self) -> Result<(), Error> {
        call!(self, receiver, process_new_packets).map(|_| ())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        call!(self, receiver, read, buffer)
    }

    fn is_handshaking(&self) -> bool {
        matches!(self, Self::Whole(session) if session.is_handshaking())
    }

    /// Splits the session; returns whether that succeeds. Without success, nothing changes.
    fn split(&mut self) -> bool {
        match std::mem::replace(self, Self::Moved) {
            Self::Whole(session) => match session.into_split() {
                Ok((receiver, sender)) => {
                    *self = Self::Split(Box::new(receiver), Box::new(sender));
                    true
                }
                Err(error) => {
                    *self = Self::Whole(Box::new(error.into_parts().0));
                    false
                }
            },
            split => {
                *self = split;
                true
            }
        }
    }
}

pub(crate) type Configs = (Arc<ClientConfig>, Arc<ServerConfig>);

/// TLS 1.3 and TLS 1.2, each without and with client certificates.
pub(crate) static CONFIGS: LazyLock<[Configs; 4]> = LazyLock::new(|| {
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

/// The same without sessions; the last four servers may send before the client's Finished.
pub(crate) static WITHOUT_SESSIONS: LazyLock<Vec<Configs>> = LazyLock::new(|| {
    let change = |(client, server): &Configs, sends_early| {
        let (mut client, mut server) = (ClientConfig::clone(client), ServerConfig::clone(server));
        client.set_session_storage(Arc::new(NoClientSessionStorage));
        server.set_send_half_rtt_data(sends_early);
        (Arc::new(client), Arc::new(server))
    };
    let late = CONFIGS.iter().map(|configs| change(configs, false));
    late.chain(CONFIGS.iter().map(|configs| change(configs, true))).collect()
});

impl Pair {
    /// Starts a connection with one of four configurations. The next higher bit makes it resume the
    /// session of a previous connection.
    pub fn start(config: u8) -> Self {
        if config & 4 != 0 {
            let mut before = Self::under(config);
            before.settle();
            before.check(false);
        }
        Self::under(config)
    }

    fn under(config: u8) -> Self {
        Self::over(&CONFIGS[usize::from(config % 4)])
    }

    pub(crate) fn over((client, server): &Configs) -> Self {
        Self {
            client: End::new(ClientSession::new(client, "localhost").unwrap()),
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

    /// Delivers up to `amount` bytes from this side to the other, which processes them.
    pub fn deliver(&mut self, from: Side, amount: usize) {
        match from {
            Side::Client => self.server.receive(self.client.send(), amount),
            Side::Server => self.client.receive(self.server.send(), amount),
        }
    }

    /// Reads received data in pieces of up to `amount` bytes.
    pub fn read(&mut self, side: Side, amount: usize) {
        match side {
            Side::Client => self.client.read(amount, self.server.written),
            Side::Server => self.server.read(amount, self.client.written),
        }
    }

    /// Sends close_notify.
    pub fn close(&mut self, side: Side) {
        match side {
            Side::Client => self.client.close(),
            Side::Server => self.server.close(),
        }
    }

    /// Updates keys if the handshake is complete.
    pub fn refresh(&mut self, side: Side) {
        let _ = match side {
            Side::Client => self.client.session.refresh_traffic_keys(),
            Side::Server => self.server.session.refresh_traffic_keys(),
        };
    }

    /// Splits the session into halves, which is possible after the handshake.
    pub fn split(&mut self, side: Side) {
        match side {
            Side::Client => self.client.split(),
            Side::Server => self.server.split(),
        }
    }

    /// Flips a bit of the bytes in transit from this side; returns whether there were any.
    pub fn flip(&mut self, side: Side, at: usize) -> bool {
        let wire = match side {
            Side::Client => self.client.send(),
            Side::Server => self.server.send(),
        };
        let Some(last) = wire.len().checked_sub(1) else { return false };
        wire[(at * 8).min(last)] ^= 1 << (at % 8);
        true
    }

    /// Delivers and reads everything.
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
        panic!("the sessions keep sending");
    }

    /// Checks the final state: without tampering, everything that was written was read.
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

impl Pair {
    /// Checks that two established sides have the same secret.
    pub(crate) fn check_agreement(&self) {
        let (Calls::Whole(client), Calls::Whole(server)) = (&self.client.session, &self.server.session) else { return };
        let (mut ours, mut theirs) = ([0; 32], [0; 32]);
        let exported = client.export_keying_material(&mut ours, b"EXPERIMENTAL", None);
        if exported.is_ok() && server.export_keying_material(&mut theirs, b"EXPERIMENTAL", None).is_ok() {
            assert_eq!(ours, theirs, "the sides share no secret");
        }
    }
}

impl<S: IntoSplit> End<S> {
    fn new(session: S) -> Self {
        let session = Calls::Whole(Box::new(session));
        Self {
            session,
            wire: Vec::new(),
            written: 0,
            read: 0,
            error: None,
            is_split: false,
            closed: false,
            ended: false,
        }
    }

    fn write(&mut self, amount: usize) {
        let data: Vec<u8> = (self.written..self.written + amount).map(content).collect();
        match self.session.write(&data) {
            Ok(taken) => self.written += taken,
            Err(e) => assert!(self.closed || self.error.is_some(), "an open session rejected a write: {e}"),
        }
    }

    fn close(&mut self) {
        self.session.send_close_notify();
        self.closed = true;
    }

    fn split(&mut self) {
        let may = !self.session.is_handshaking() && self.error.is_none();
        assert!(!self.session.split() || may || self.is_split, "a handshake or an error was split");
        self.is_split |= matches!(self.session, Calls::Split(..));
        assert!(self.is_split || !may, "an established session did not split");
    }

    /// Returns the bytes in transit from this side. Everything that the session queues is sent; its
    /// limit bounds what it retains.
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
            // Errors are permanent; bytes after one are discarded.
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
                    assert!(
                        buffer[..n].iter().zip(self.read..).all(|(byte, at)| *byte == content(at)),
                        "the data differs"
                    );
                    self.read += n;
                    assert!(self.read <= written, "read more than was written");
                }
                Err(e) => {
                    assert!(e.kind() == ErrorKind::WouldBlock || self.error.is_some(), "{e}");
                    return;
                }
            }
        }
    }
}

/// Returns the byte at this position of the data that a side writes.
pub(crate) fn content(at: usize) -> u8 {
    (at % 251) as u8
}
