//! The unbuffered engines of both libraries: the caller owns the bytes, and records are opened in
//! place.

use std::{fmt, sync::Arc};

use rustls::{
    client::UnbufferedClientConnection,
    pki_types,
    server::UnbufferedServerConnection,
    unbuffered::{ConnectionState, EncodeError, InsufficientSizeError, UnbufferedStatus},
};
use strata_tls::{
    Answer, Identity, ServerName, ServerVerifier, UnixTime,
    handshake::{ClientConnection, Connection, Need, Outgoing, Progress, Role, ServerConnection, config},
};

use crate::{Certificates, Ring, Setup, bulk::RECORD, ours, rustls_peer};

/// A buffer with the plaintext of a record, and space before and after it for sealing in place.
#[derive(Debug)]
pub struct Room {
    bytes: Vec<u8>,
    /// The start of the plaintext: at a cache line, as in the limit.
    start: usize,
    length: usize,
}

impl Room {
    /// The space before and after the plaintext.
    const MARGIN: usize = 64;

    /// Creates a buffer for a record of this many bytes of plaintext.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let bytes = vec![0x5a; Self::MARGIN + length + 2 * Self::MARGIN];
        let start = bytes.as_ptr().align_offset(Self::MARGIN) + Self::MARGIN;
        Self { bytes, start, length }
    }

    fn plaintext(&self) -> &[u8] {
        &self.bytes[self.start..][..self.length]
    }
}

/// One side of a connection after the handshake.
pub trait Records {
    /// Seals one record; returns the bytes for the transport.
    fn seal<'b>(&'b mut self, room: &'b mut Room) -> &'b [u8];
    /// Opens whole records in place; returns the length of their plaintext.
    fn open(&mut self, wire: &mut [u8]) -> usize;
}

/// A library that creates two connected sides.
pub trait Pair {
    /// As it is called in tables.
    const NAME: &'static str;
    /// The client.
    type Client: Records;
    /// The server.
    type Server: Records;
    /// Creates a connection and completes the handshake.
    fn connect(certificates: &Certificates, setup: Setup) -> (Self::Client, Self::Server);
}

/// This library's engine, tls-handshake.
#[derive(Debug)]
pub struct OursUnbuffered;

/// rustls's unbuffered connections, with ring.
#[derive(Debug)]
pub struct RustlsUnbuffered;

/// A connection of this library's engine, with its send buffer.
#[derive(Debug)]
pub struct Engine<R: Role> {
    connection: Connection<R>,
    outgoing: Outgoing,
}

impl<R: Role> Records for Engine<R> {
    fn seal<'b>(&'b mut self, room: &'b mut Room) -> &'b [u8] {
        let around = self.connection.room_around(room.length).expect("the connection is open");
        let record = &mut room.bytes[room.start - around.before..room.start + room.length + around.after];
        self.connection.send_in_place(record, room.length, &mut self.outgoing).expect("a buffer of the right size");
        record
    }

    fn open(&mut self, mut wire: &mut [u8]) -> usize {
        let mut arrived = 0;
        while !wire.is_empty() {
            let processed = self.connection.process(wire, &mut self.outgoing).expect("a conforming peer");
            if let Progress::ApplicationData(range) = processed.progress {
                arrived += std::hint::black_box(&wire[range]).len();
            }
            wire = &mut wire[processed.consumed..];
        }
        arrived
    }
}

/// Answers the engine's requests.
struct Answers {
    identity: Arc<Identity>,
    verifier: ServerVerifier,
}

impl Answers {
    fn answer(&self, need: Need) -> Answer {
        match need {
            Need::Identity(need) => need.answer(Arc::clone(&self.identity)),
            Need::Signature(need) => need.sign_locally(),
            Need::Verdict(need) => need.verify(&self.verifier, UnixTime::now()),
            other => panic!("unexpected request: {other:?}"),
        }
    }
}

impl<R: Role> Engine<R> {
    /// Processes all of these bytes.
    fn take(&mut self, mut wire: &mut [u8], answers: &Answers) {
        while !wire.is_empty() {
            let processed = self.connection.process(wire, &mut self.outgoing).expect("a conforming peer");
            wire = &mut wire[processed.consumed..];
            let Progress::Need(mut need) = processed.progress else { continue };
            while let Some(next) = self.connection.resume(answers.answer(need), &mut self.outgoing).expect("accepted") {
                need = next;
            }
        }
    }

    fn give(&mut self) -> Vec<u8> {
        let wire = self.outgoing.ready().to_vec();
        self.outgoing.consume(wire.len());
        wire
    }
}

impl Pair for OursUnbuffered {
    const NAME: &'static str = "ours";
    type Client = Engine<strata_tls::handshake::client::Client>;
    type Server = Engine<strata_tls::handshake::server::Server>;

    fn connect(certificates: &Certificates, setup: Setup) -> (Self::Client, Self::Server) {
        let mut client = config::ClientConfig::new();
        client.set_cipher_suites(&[setup.our_suite()]).expect("supported");
        client.set_groups(&ours::GROUPS).expect("supported");
        let answers = Answers {
            identity: Arc::new(ours::identity(certificates, setup)),
            verifier: ours::verifier(certificates, setup).into(),
        };
        let mut outgoing = Outgoing::new();
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(client), name, &mut outgoing).expect("a client");
        let mut client = Engine { connection, outgoing };
        let connection = ServerConnection::new(Arc::new(config::ServerConfig::new()));
        let mut server = Engine { connection, outgoing: Outgoing::new() };
        while client.connection.is_handshaking() || server.connection.is_handshaking() {
            server.take(&mut client.give(), &answers);
            client.take(&mut server.give(), &answers);
        }
        (client, server)
    }
}

/// An unbuffered connection of rustls, with its send buffer.
pub struct Theirs<C> {
    connection: C,
    outgoing: Vec<u8>,
    ready: usize,
}

impl<C> fmt::Debug for Theirs<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Theirs").finish_non_exhaustive()
    }
}

/// The functions that both roles of rustls have by the same name.
macro_rules! records {
    ($connection:ty) => {
        impl Records for Theirs<$connection> {
            fn seal<'b>(&'b mut self, room: &'b mut Room) -> &'b [u8] {
                let UnbufferedStatus { state, .. } = self.connection.process_tls_records(&mut []);
                let ConnectionState::WriteTraffic(mut traffic) = state.expect("the connection is open") else {
                    panic!("unexpected state")
                };
                let length = traffic.encrypt(room.plaintext(), &mut self.outgoing).expect("there is room");
                &self.outgoing[..length]
            }

            fn open(&mut self, mut wire: &mut [u8]) -> usize {
                let mut arrived = 0;
                while !wire.is_empty() {
                    let UnbufferedStatus { mut discard, state, .. } = self.connection.process_tls_records(wire);
                    if let ConnectionState::ReadTraffic(mut traffic) = state.expect("a conforming peer") {
                        while let Some(record) = traffic.next_record() {
                            let record = record.expect("a conforming peer");
                            discard += record.discard;
                            arrived += std::hint::black_box(record.payload).len();
                        }
                    }
                    wire = &mut wire[discard..];
                }
                arrived
            }
        }

        impl Theirs<$connection> {
            fn new(connection: $connection) -> Self {
                Self { connection, outgoing: vec![0; RECORD + 512], ready: 0 }
            }

            /// Processes all of these bytes and sends what is pending; returns whether the
            /// handshake is complete.
            fn take(&mut self, mut wire: &mut [u8]) -> bool {
                loop {
                    let UnbufferedStatus { discard, state, .. } = self.connection.process_tls_records(wire);
                    match state.expect("a conforming peer") {
                        ConnectionState::EncodeTlsData(mut data) => {
                            self.ready += match data.encode(&mut self.outgoing[self.ready..]) {
                                Ok(length) => length,
                                Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => {
                                    panic!("buffer too small for a flight of {required_size} bytes")
                                }
                                Err(EncodeError::AlreadyEncoded) => 0,
                            };
                        }
                        ConnectionState::TransmitTlsData(data) => data.done(),
                        ConnectionState::WriteTraffic(_) => return true,
                        ConnectionState::BlockedHandshake => return false,
                        other => panic!("unexpected state in a handshake: {other:?}"),
                    }
                    wire = &mut wire[discard..];
                }
            }

            fn give(&mut self) -> Vec<u8> {
                self.outgoing[..std::mem::take(&mut self.ready)].to_vec()
            }
        }
    };
}
records!(UnbufferedClientConnection);
records!(UnbufferedServerConnection);

impl Pair for RustlsUnbuffered {
    const NAME: &'static str = "rustls";
    type Client = Theirs<UnbufferedClientConnection>;
    type Server = Theirs<UnbufferedServerConnection>;

    fn connect(certificates: &Certificates, setup: Setup) -> (Self::Client, Self::Server) {
        let (client, server) = rustls_peer::configs::<Ring>(certificates, setup);
        let name = pki_types::ServerName::try_from("localhost").expect("a name");
        let mut client = Theirs::<UnbufferedClientConnection>::new(
            UnbufferedClientConnection::new(Arc::new(client), name).expect("a client"),
        );
        let mut server = Theirs::<UnbufferedServerConnection>::new(
            UnbufferedServerConnection::new(Arc::new(server)).expect("a server"),
        );
        let mut complete = [false; 2];
        while complete != [true; 2] {
            complete[0] = client.take(&mut server.give());
            complete[1] = server.take(&mut client.give());
        }
        (client, server)
    }
}
