//! Quinn's trait `crypto::Session`: the handshake of one connection, and the keys that it produces.

use std::any::Any;
use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError};

use quinn_proto::crypto::{self, ExportKeyingMaterialError, KeyPair, Keys as QuinnKeys};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, Side, TransportError, TransportErrorCode};
use tls_crypto::{Backend, BulkAlgorithm};
use tls_handshake::Error;

use super::config::FirstPacket;
use super::keys::{self, Direction, KeyPlaces, NextWriteKey, Place, SharedInitialKeys};
use crate::log::warn;
use crate::quic::{
    ClientConnection, KeyChange, KeyUpdates, Keys, Level, Output, PacketKey, ServerConnection, Version,
    verify_retry_tag,
};

/// A handshake, and its output until quinn takes it.
pub(super) struct TlsSession {
    connection: Connection,
    backend: Backend,
    version: Version,
    /// The level at which quinn sends, whose keys it took last.
    writing: Level,
    /// The level of the CRYPTO data that quinn passes. quinn does not tell it.
    reading: Level,
    /// The unsent data of Initial, Handshake and 1-RTT.
    crypto: [Vec<u8>; 3],
    handshake: Directions,
    application: Directions,
    /// Behind a lock because quinn takes it from a shared reference.
    early: Mutex<Option<Direction>>,
    updates: Updates,
    has_announced: bool,
    /// A server's: the keys of the last first packet, which is probably that of this connection.
    first_packet: Option<FirstPacket>,
}

enum Connection {
    Client(ClientConnection),
    Server(ServerConnection),
}

/// Calls the same method of either role.
macro_rules! each {
    ($connection:expr, $name:ident => $call:expr) => {
        match $connection {
            Connection::Client($name) => $call,
            Connection::Server($name) => $call,
        }
    };
}

/// The keys of a level until quinn takes them.
#[derive(Default)]
struct Directions {
    write: Option<Direction>,
    read: Option<Direction>,
    /// Where to put the read keys that quinn has taken before they exist.
    late: Option<KeyPlaces>,
}

impl Directions {
    fn set_read(&mut self, keys: Keys) {
        match self.late.take() {
            Some(places) => places.fill(keys),
            None => self.read = Some(Direction::ready(keys)),
        }
    }

    /// Returns the keys of both directions once this side may send.
    fn take(&mut self, aead: Option<BulkAlgorithm>) -> Option<QuinnKeys> {
        let aead = aead?;
        let write = self.write.take()?;
        let read = self.read.take().unwrap_or_else(|| {
            let (read, places) = Direction::later(aead);
            self.late = Some(places);
            read
        });
        Some(Direction::pair(write, read))
    }
}

/// The keys of later key phases.
#[derive(Default)]
struct Updates {
    /// That of all keys but those of Initial packets.
    aead: Option<BulkAlgorithm>,
    read: Option<KeyUpdates>,
    write: Option<WriteUpdates>,
    /// Where to put the first keys, which a server's quinn takes before they exist.
    late: Vec<(Place<PacketKey>, Arc<NextWriteKey>)>,
}

/// What the next key to send is derived from.
enum WriteUpdates {
    First(KeyUpdates),
    After(Arc<NextWriteKey>),
}

impl Updates {
    fn set(&mut self, read: KeyUpdates, write: KeyUpdates) {
        (self.read, self.write) = (Some(read), Some(WriteUpdates::First(write)));
        for (read_place, write_place) in std::mem::take(&mut self.late) {
            if let Some(read) = self.next_into(write_place) {
                let _ = read_place.set(read);
            }
        }
    }

    /// Returns the next key to receive, and prepares the next one to send.
    fn next_into(&mut self, write: Arc<NextWriteKey>) -> Option<PacketKey> {
        write.set(match self.write.take()? {
            WriteUpdates::First(updates) => updates,
            WriteUpdates::After(key) => key.take_updates()?,
        });
        self.write = Some(WriteUpdates::After(write));
        let (read, updates) = self.read.take()?.next();
        self.read = Some(updates);
        Some(read)
    }

    fn next(&mut self) -> Option<KeyPair<Box<dyn crypto::PacketKey>>> {
        let (aead, write) = (self.aead?, Arc::<NextWriteKey>::default());
        let local = keys::packet_at_update(&write, aead);
        if self.read.is_some() {
            return Some(KeyPair { local, remote: keys::packet_ready(self.next_into(write)?) });
        }
        let place = Place::default();
        let remote = keys::packet_later(&place, aead);
        self.late.push((place, write));
        Some(KeyPair { local, remote })
    }
}

impl TlsSession {
    pub(super) fn client(backend: Backend, version: Version, connection: ClientConnection) -> Self {
        Self::new(backend, version, Connection::Client(connection), None)
    }

    pub(super) fn server(
        backend: Backend,
        version: Version,
        connection: ServerConnection,
        first_packet: FirstPacket,
    ) -> Self {
        Self::new(backend, version, Connection::Server(connection), Some(first_packet))
    }

    fn new(backend: Backend, version: Version, connection: Connection, first_packet: Option<FirstPacket>) -> Self {
        let mut session = Self {
            connection,
            backend,
            version,
            writing: Level::Initial,
            reading: Level::Initial,
            crypto: Default::default(),
            handshake: Directions::default(),
            application: Directions::default(),
            early: Mutex::new(None),
            updates: Updates::default(),
            has_announced: false,
            first_packet,
        };
        session.take_output();
        session
    }

    fn side(&self) -> Side {
        match self.connection {
            Connection::Client(_) => Side::Client,
            Connection::Server(_) => Side::Server,
        }
    }

    fn receive(&mut self, data: &[u8]) -> Result<(), Error> {
        let level = self.reading;
        each!(&mut self.connection, c => {
            c.receive(level, data)?;
            // Only a remote key can be left to the application: the configuration defers nothing.
            while let Some(need) = c.take_need() {
                warn!("quinn cannot wait for the signature of a remote key; use a local key");
                c.answer(need.refuse())?;
            }
        });
        Ok(())
    }

    fn take_output(&mut self) {
        while let Some(output) = each!(&mut self.connection, c => c.next_output()) {
            match output {
                Output::Crypto(level, data) => move_to(self.crypto_mut(level), data),
                Output::Keys(KeyChange::Updates { read, write }) => self.updates.set(read, write),
                Output::Keys(KeyChange::Read(Level::ZeroRtt, keys) | KeyChange::Write(Level::ZeroRtt, keys)) => {
                    *self.early.get_mut().unwrap_or_else(PoisonError::into_inner) = Some(Direction::ready(keys));
                }
                Output::Keys(KeyChange::Read(level, keys)) => self.directions_mut(level).set_read(keys),
                Output::Keys(KeyChange::Write(level, keys)) => {
                    self.updates.aead = Some(keys.packet.aead());
                    self.directions_mut(level).write = Some(Direction::ready(keys));
                }
            }
        }
    }

    fn crypto_mut(&mut self, level: Level) -> &mut Vec<u8> {
        let [initial, handshake, application] = &mut self.crypto;
        match level {
            Level::Initial => initial,
            Level::Handshake => handshake,
            Level::OneRtt | Level::ZeroRtt => application,
        }
    }

    fn directions_mut(&mut self, level: Level) -> &mut Directions {
        match level {
            Level::OneRtt => &mut self.application,
            Level::Initial | Level::ZeroRtt | Level::Handshake => &mut self.handshake,
        }
    }
}

impl crypto::Session for TlsSession {
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> QuinnKeys {
        let found = self.first_packet.as_ref().and_then(|first| first.take(self.version, dst_cid));
        found.unwrap_or_else(|| SharedInitialKeys::new(self.backend, self.version, dst_cid)).of_side(side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        let info = each!(&self.connection, c => c.connection_info())?;
        Some(Box::new(info))
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        let certificates = each!(&self.connection, c => c.peer_certificates())?;
        Some(Box::new(certificates.to_vec()))
    }

    fn early_crypto(&self) -> Option<(Box<dyn crypto::HeaderKey>, Box<dyn crypto::PacketKey>)> {
        let keys = self.early.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some((keys.header, keys.packet))
    }

    fn early_data_accepted(&self) -> Option<bool> {
        match &self.connection {
            Connection::Client(client) => Some(client.is_early_data_accepted()),
            Connection::Server(_) => None,
        }
    }

    fn is_handshaking(&self) -> bool {
        each!(&self.connection, c => c.is_handshaking())
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        let result = self.receive(buf);
        self.take_output();
        result.map_err(|e| transport_error(&e))?;
        Ok(!self.is_handshaking() && !std::mem::replace(&mut self.has_announced, true))
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let received = each!(&self.connection, c => c.peer_transport_parameters());
        let remembered = || match &self.connection {
            Connection::Client(client) => client.early_transport_parameters(),
            Connection::Server(_) => None,
        };
        let Some(parameters) = received.or_else(remembered) else { return Ok(None) };
        Ok(Some(TransportParameters::read(self.side(), &mut Cursor::new(parameters))?))
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<QuinnKeys> {
        // An idle connection keeps no buffers.
        move_to(buf, std::mem::take(self.crypto_mut(self.writing)));
        let next = match self.writing {
            Level::Initial | Level::ZeroRtt => Level::Handshake,
            Level::Handshake | Level::OneRtt => Level::OneRtt,
        };
        let aead = self.updates.aead;
        let keys = self.directions_mut(next).take(aead);
        if keys.is_some() {
            self.writing = next;
        }
        // quinn takes the output after each packet. The rest of a packet is still data of the
        // level before, although the handshake may read the next one already: it would be data
        // that is left at a key change.
        self.reading = each!(&self.connection, c => c.reading_level());
        keys
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn crypto::PacketKey>>> {
        self.updates.next()
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        verify_retry_tag(self.backend, self.version, orig_dst_cid, &[header, payload].concat())
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        let exported = each!(&self.connection, c => c.export_keying_material(output, label, Some(context)));
        exported.map_err(|_| ExportKeyingMaterialError)
    }
}

/// Appends `data`, without a copy if it is the first.
fn move_to(buffer: &mut Vec<u8>, mut data: Vec<u8>) {
    if buffer.is_empty() { *buffer = data } else { buffer.append(&mut data) }
}

/// quinn makes codes only from its constants (RFC 9000 §20.1) and from alerts.
pub(super) fn transport_error(e: &Error) -> TransportError {
    let code = match e.quic_code() {
        0x0a => TransportErrorCode::PROTOCOL_VIOLATION,
        0x0d => TransportErrorCode::CRYPTO_BUFFER_EXCEEDED,
        other => match other.checked_sub(0x100).and_then(|alert| u8::try_from(alert).ok()) {
            Some(alert) => TransportErrorCode::crypto(alert),
            None => TransportErrorCode::INTERNAL_ERROR,
        },
    };
    TransportError { code, frame: None, reason: e.to_string() }
}
