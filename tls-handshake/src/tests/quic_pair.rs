//! A client and a server over QUIC in memory. What they send goes through real packet protection,
//! in packets with a tiny header: first byte, level, four bytes of packet number.

use std::collections::HashMap;

use crate::client::Client;
use crate::config::{ClientConfig, ServerConfig};
use crate::connection::ClientStart;
use crate::error::Error;
use crate::need::{Answer, Need};
use crate::quic::{
    Config, Connection, KeyChange, KeyUpdates, Keys, Level, NewPacketNumber, Output, PacketKey, ServerStart, TAG_LEN,
    Version, initial_keys,
};
use crate::server::Server;
use crate::states::Role;

pub(super) const CLIENT_PARAMETERS: &[u8] = b"parameters of the client";
pub(super) const SERVER_PARAMETERS: &[u8] = b"parameters of the server";
const CONNECTION_ID: &[u8] = b"connection id";

/// One side: its connection, its keys, and what it has sent and output so far.
pub(super) struct Side<R: Role> {
    pub(super) connection: Connection<R>,
    read: HashMap<Level, Keys>,
    write: HashMap<Level, Keys>,
    updates: Option<(KeyUpdates, KeyUpdates)>,
    next_number: u32,
    /// Messages and key changes, in order.
    pub(super) events: Vec<String>,
    /// Sent CRYPTO data that is not delivered yet.
    pub(super) sent: Vec<(Level, Vec<u8>)>,
}

impl<R: Role> Side<R> {
    fn new(connection: Connection<R>, version: Version, is_client: bool) -> Self {
        let keys = initial_keys(tls_crypto::Backend::ring(), version, CONNECTION_ID);
        let (read, write) = if is_client { (keys.server, keys.client) } else { (keys.client, keys.server) };
        let mut side = Self {
            connection,
            read: [(Level::Initial, read)].into(),
            write: [(Level::Initial, write)].into(),
            updates: None,
            next_number: 0,
            events: Vec::new(),
            sent: Vec::new(),
        };
        side.take_output();
        side
    }

    /// Takes the output: stores keys, and queues data.
    pub(super) fn take_output(&mut self) {
        while let Some(output) = self.connection.next_output() {
            match output {
                Output::Crypto(level, bytes) => {
                    self.events.push(format!("send {level}"));
                    self.sent.push((level, bytes));
                }
                Output::Keys(KeyChange::Read(level, keys)) => {
                    self.events.push(format!("read {level}"));
                    assert!(self.read.insert(level, keys).is_none(), "{level}");
                }
                Output::Keys(KeyChange::Write(level, keys)) => {
                    self.events.push(format!("write {level}"));
                    assert!(self.write.insert(level, keys).is_none(), "{level}");
                }
                Output::Keys(KeyChange::Updates { read, write }) => {
                    self.events.push("updates".to_owned());
                    self.updates = Some((read, write));
                }
            }
        }
    }

    /// Seals data into a packet.
    pub(super) fn seal(&mut self, level: Level, data: &[u8]) -> Vec<u8> {
        let number = self.next_number;
        self.next_number += 1;
        // Four bytes of packet number.
        let mut packet = [&[0x43, level as u8][..], &number.to_be_bytes(), data, &[0; TAG_LEN]].concat();
        let keys = &self.write[&level];
        let (header, payload) = packet.split_at_mut(6);
        keys.packet.seal(NewPacketNumber::new(number.into()).unwrap(), header, payload).unwrap();
        keys.header.protect(&mut packet, 2).unwrap();
        packet
    }

    /// Opens a packet; `None` without keys of its level.
    pub(super) fn open(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let level = [Level::Initial, Level::ZeroRtt, Level::Handshake, Level::OneRtt][usize::from(packet[1])];
        let keys = self.read.get(&level)?;
        let mut packet = packet.to_vec();
        assert_eq!(keys.header.unprotect(&mut packet, 2), Ok(4));
        let number = u32::from_be_bytes(packet[2..6].try_into().unwrap());
        let (header, payload) = packet.split_at_mut(6);
        let length = keys.packet.open(number.into(), header, payload).unwrap();
        Some(payload[..length].to_vec())
    }

    /// Updates the 1-RTT keys.
    pub(super) fn update_keys(&mut self) {
        let (read, write) = self.updates.take().expect("a complete handshake");
        let ((next_read, read), (next_write, write)): ((PacketKey, _), (PacketKey, _)) = (read.next(), write.next());
        self.read.get_mut(&Level::OneRtt).unwrap().packet = next_read;
        self.write.get_mut(&Level::OneRtt).unwrap().packet = next_write;
        self.updates = Some((read, write));
    }

    /// Passes CRYPTO data to the connection, and answers its requests.
    pub(super) fn receive(
        &mut self,
        level: Level,
        data: &[u8],
        answer: &mut dyn FnMut(Need) -> Answer,
    ) -> Result<(), Error> {
        let mut need = self.connection.receive(level, data)?;
        while let Some(open) = need.take() {
            need = self.connection.resume(answer(open))?;
        }
        Ok(())
    }

    /// The levels of which this side has keys to write.
    pub(super) fn can_write(&self, level: Level) -> bool {
        self.write.contains_key(&level)
    }
}

pub(super) struct QuicPair {
    pub(super) client: Side<Client>,
    pub(super) server: Side<Server>,
    /// The size of the pieces in which CRYPTO data arrives.
    pub(super) fragment: usize,
}

impl QuicPair {
    pub(super) fn new(client: &ClientConfig, server: &ServerConfig) -> Self {
        Self::start(client, server, ClientStart::default(), server_start())
    }

    pub(super) fn start(
        client: &ClientConfig,
        server: &ServerConfig,
        start: ClientStart<'_>,
        server_start: ServerStart,
    ) -> Self {
        Self::start_in(Version::V1, client, server, start, server_start)
    }

    pub(super) fn start_in(
        version: Version,
        client: &ClientConfig,
        server: &ServerConfig,
        start: ClientStart<'_>,
        server_start: ServerStart,
    ) -> Self {
        let (client, server) =
            (Config::<ClientConfig>::new(client).unwrap(), Config::<ServerConfig>::new(server).unwrap());
        let name = "a.test".try_into().unwrap();
        let client = Connection::client(&client, version, name, start, CLIENT_PARAMETERS.to_vec()).unwrap();
        let server = Connection::server(&server, version, server_start);
        Self {
            client: Side::new(client, version, true),
            server: Side::new(server, version, false),
            fragment: usize::MAX,
        }
    }

    /// Delivers what both sides sent, until neither sends more.
    pub(super) fn run(&mut self, answer: &mut dyn FnMut(Need) -> Answer) -> Result<(), Error> {
        while deliver(&mut self.client, &mut self.server, self.fragment, answer)?
            | deliver(&mut self.server, &mut self.client, self.fragment, answer)?
        {}
        Ok(())
    }

    pub(super) fn handshake(&mut self, answer: &mut dyn FnMut(Need) -> Answer) -> Result<(), Error> {
        self.run(answer)?;
        assert!(!self.client.connection.is_handshaking() && !self.server.connection.is_handshaking());
        Ok(())
    }

    /// Sends 1-RTT packets both ways.
    pub(super) fn exchange(&mut self) {
        let packet = self.client.seal(Level::OneRtt, b"question");
        assert_eq!(self.server.open(&packet).as_deref(), Some(&b"question"[..]));
        let packet = self.server.seal(Level::OneRtt, b"answer");
        assert_eq!(self.client.open(&packet).as_deref(), Some(&b"answer"[..]));
    }
}

pub(super) fn server_start() -> ServerStart {
    ServerStart {
        transport_parameters: SERVER_PARAMETERS.to_vec(),
        session_data: b"limits".to_vec(),
        accept_early_data: None,
    }
}

/// Delivers what `from` sent, as packets, in order. Returns whether there was anything.
fn deliver<A: Role, B: Role>(
    from: &mut Side<A>,
    to: &mut Side<B>,
    fragment: usize,
    answer: &mut dyn FnMut(Need) -> Answer,
) -> Result<bool, Error> {
    let sent = std::mem::take(&mut from.sent);
    let some = !sent.is_empty();
    for (level, data) in sent {
        for piece in data.chunks(fragment) {
            let packet = from.seal(level, piece);
            let piece = to.open(&packet).expect("keys before data");
            let received = to.receive(level, &piece, answer);
            to.take_output();
            received?;
        }
    }
    Ok(some)
}
