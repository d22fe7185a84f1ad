//! The TLS session of one connection of quinn.

use std::any::Any;
use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

use quinn_proto::crypto::{self, ExportKeyingMaterialError, KeyPair, Keys as QuinnKeys};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, Side, TransportError, TransportErrorCode};
use tls_crypto::{Backend, BulkAlgorithm};
use tls_handshake::Error;

use super::keys::{self, Place, Source};
use crate::log::warn;
use crate::quic::{
    ClientConnection, HeaderKey, KeyChange, KeyUpdates, Keys, Level, Output, PacketKey, ServerConnection, Version,
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
    early: Mutex<Option<Keys>>,
    updates: Updates,
    has_announced: bool,
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
    write: Option<Keys>,
    read: Option<Keys>,
    /// Where to put the read keys that quinn has taken before they exist.
    late: Option<(Place<PacketKey>, Place<HeaderKey>)>,
}

impl Directions {
    fn set_read(&mut self, keys: Keys) {
        match self.late.take() {
            // Each place is filled once, so `set` does not fail.
            Some((packet, header)) => {
                let _ = packet.set(keys.packet);
                let _ = header.set(keys.header);
            }
            None => self.read = Some(keys),
        }
    }

    /// Returns the keys of both directions once this side may send.
    fn take(&mut self) -> Option<QuinnKeys> {
        let write = self.write.take()?;
        if let Some(read) = self.read.take() {
            return Some(keys::pair(write, read));
        }
        let (packet, packet_place) = Source::later();
        let (header, header_place) = Source::later();
        self.late = Some((packet_place, header_place));
        let aead = write.packet.aead();
        Some(QuinnKeys {
            header: KeyPair { local: keys::header(Source::Ready(write.header)), remote: keys::header(header) },
            packet: KeyPair { local: keys::packet_ready(write.packet), remote: keys::packet(packet, aead) },
        })
    }
}

/// The keys of later key phases.
#[derive(Default)]
struct Updates {
    aead: Option<BulkAlgorithm>,
    read_and_write: Option<(KeyUpdates, KeyUpdates)>,
    /// Where to put the first keys, which a server's quinn takes before they exist.
    late: Vec<KeyPair<Place<PacketKey>>>,
}

impl Updates {
    fn set(&mut self, read: KeyUpdates, write: KeyUpdates) {
        self.read_and_write = Some((read, write));
        for place in std::mem::take(&mut self.late) {
            if let Some((read, write)) = self.derive() {
                let _ = place.remote.set(read);
                let _ = place.local.set(write);
            }
        }
    }

    fn derive(&mut self) -> Option<(PacketKey, PacketKey)> {
        let (read, write) = self.read_and_write.take()?;
        let ((read_key, read), (write_key, write)) = (read.next(), write.next());
        self.read_and_write = Some((read, write));
        Some((read_key, write_key))
    }

    fn next(&mut self) -> Option<KeyPair<Box<dyn crypto::PacketKey>>> {
        if let Some((read, write)) = self.derive() {
            return Some(KeyPair { local: keys::packet_ready(write), remote: keys::packet_ready(read) });
        }
        let aead = self.aead?;
        let (local, local_place) = Source::later();
        let (remote, remote_place) = Source::later();
        self.late.push(KeyPair { local: local_place, remote: remote_place });
        Some(KeyPair { local: keys::packet(local, aead), remote: keys::packet(remote, aead) })
    }
}

impl TlsSession {
    pub(super) fn client(backend: Backend, version: Version, connection: ClientConnection) -> Self {
        Self::new(backend, version, Connection::Client(connection))
    }

    pub(super) fn server(backend: Backend, version: Version, connection: ServerConnection) -> Self {
        Self::new(backend, version, Connection::Server(connection))
    }

    fn new(backend: Backend, version: Version, connection: Connection) -> Self {
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
                    *self.early.get_mut().unwrap_or_else(PoisonError::into_inner) = Some(keys);
                }
                Output::Keys(KeyChange::Read(level, keys)) => self.directions_mut(level).set_read(keys),
                Output::Keys(KeyChange::Write(level, keys)) => {
                    self.updates.aead = Some(keys.packet.aead());
                    self.directions_mut(level).write = Some(keys);
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
        keys::initial(self.backend, self.version, dst_cid, side)
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
        Some((keys::header(Source::Ready(keys.header)), keys::packet_ready(keys.packet)))
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
        let keys = self.directions_mut(next).take();
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
