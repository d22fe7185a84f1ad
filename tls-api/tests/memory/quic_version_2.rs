//! QUIC version 2 (RFC 9369) between both roles, in packets with its long headers. Packets carry
//! CRYPTO data without frames, in order.

use std::collections::HashMap;
use std::sync::Arc;

use strata_tls::quic::{
    ClientConnection, KeyChange, KeyUpdates, Keys, Level, NewPacketNumber, Output, ServerConnection, ServerStart,
    TAG_LEN, Version, initial_keys, retry_tag, verify_retry_tag,
};
use strata_tls::{
    Backend, CipherSuite, ClientConfig, ClientSessionMemoryCache, Error, HandshakeKind, ServerConfig,
    ServerSessionMemoryCache,
};

use crate::pki::{Ca, Kind};
use crate::quic_tls::Tls;

const CONNECTION_ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
const VERSIONS: [Version; 2] = [Version::V1, Version::V2];

/// One side, with the keys and the packets of an implementation of QUIC.
struct Side<T> {
    tls: T,
    version: Version,
    read: HashMap<Level, Keys>,
    write: HashMap<Level, Keys>,
    updates: Option<[KeyUpdates; 2]>,
    sent: Vec<Vec<u8>>,
    phase: bool,
    number: u32,
}

impl<T: Tls> Side<T> {
    fn new(tls: T, version: Version, is_client: bool) -> Self {
        let (read, write) = (HashMap::new(), HashMap::new());
        let mut side = Self { tls, version, read, write, updates: None, sent: Vec::new(), phase: false, number: 0 };
        side.change_version(version, is_client);
        side
    }

    /// Changes the packets, and the keys of Initial packets.
    fn change_version(&mut self, version: Version, is_client: bool) {
        let keys = initial_keys(Backend::ring(), version, &CONNECTION_ID);
        let [read, write] = if is_client { [keys.server, keys.client] } else { [keys.client, keys.server] };
        self.read.insert(Level::Initial, read);
        self.write.insert(Level::Initial, write);
        self.version = version;
    }

    /// Returns the data to send as packets.
    fn packets(&mut self) -> Vec<Vec<u8>> {
        self.take_output();
        std::mem::take(&mut self.sent)
    }

    fn take_output(&mut self) {
        while let Some(output) = self.tls.next_output() {
            match output {
                Output::Crypto(level, data) => {
                    let packets: Vec<_> = data.chunks(1100).map(|data| self.seal(level, data)).collect();
                    self.sent.extend(packets);
                }
                Output::Keys(KeyChange::Read(level, keys)) => drop(self.read.insert(level, keys)),
                Output::Keys(KeyChange::Write(level, keys)) => drop(self.write.insert(level, keys)),
                Output::Keys(KeyChange::Updates { read, write }) => self.updates = Some([read, write]),
            }
        }
    }

    fn seal(&mut self, level: Level, data: &[u8]) -> Vec<u8> {
        let number = self.number.to_be_bytes();
        let mut packet = header(self.version, level, self.phase, data.len());
        packet.extend(number);
        let header_len = packet.len();
        packet.extend([data, &[0; TAG_LEN]].concat());
        let keys = &self.write[&level];
        let (header, payload) = packet.split_at_mut(header_len);
        keys.packet.seal(NewPacketNumber::new(self.number.into()).unwrap(), header, payload).unwrap();
        keys.header.protect(&mut packet, header_len - 4).unwrap();
        self.number += 1;
        packet
    }

    /// Returns the level and the content of a packet of this side's version.
    fn open(&self, packet: &[u8]) -> Option<(Level, Vec<u8>)> {
        let level = level_of(self.version, packet)?;
        let keys = self.read.get(&level)?;
        let number_at = header(self.version, level, false, 0).len();
        let mut packet = packet.to_vec();
        // With other keys, packet number and first byte are random.
        let number_len = keys.header.unprotect(&mut packet, number_at).ok()?;
        let (header, payload) = packet.split_at_mut(number_at + 4);
        let has_phase = header[0] & 0x04 != 0;
        if number_len != 4 || has_phase != (level == Level::OneRtt && self.phase) {
            return None;
        }
        let number = u32::from_be_bytes(*header.last_chunk().unwrap());
        let length = keys.packet.open(number.into(), header, payload).ok()?;
        Some((level, payload[..length].to_vec()))
    }

    fn receive(&mut self, packet: &[u8]) -> Result<(), Error> {
        let (level, data) = self.open(packet).expect("keys of this version and level");
        self.tls.receive(level, &data)?;
        self.take_output();
        Ok(())
    }

    fn update_keys(&mut self) {
        let [(read, next_read), (write, next_write)] = self.updates.take().unwrap().map(KeyUpdates::next);
        self.read.get_mut(&Level::OneRtt).unwrap().packet = read;
        self.write.get_mut(&Level::OneRtt).unwrap().packet = write;
        self.updates = Some([next_read, next_write]);
        self.phase = !self.phase;
    }
}

/// The types of long headers: RFC 9000 §17.2, RFC 9369 §3.2.
fn packet_type(version: Version, level: Level) -> Option<u8> {
    let of_version_1 = match level {
        Level::Initial => 0,
        Level::ZeroRtt => 1,
        Level::Handshake => 2,
        Level::OneRtt => return None,
    };
    Some(if version == Version::V1 { of_version_1 } else { of_version_1 + 1 })
}

/// A header without its packet number, which will have four bytes.
fn header(version: Version, level: Level, phase: bool, data_len: usize) -> Vec<u8> {
    let Some(typ) = packet_type(version, level) else {
        return [&[0x43 | u8::from(phase) << 2][..], &CONNECTION_ID].concat();
    };
    let token: &[u8] = if level == Level::Initial { &[0] } else { &[] };
    let length = 0x4000 | u16::try_from(4 + data_len + TAG_LEN).unwrap();
    let first = [0xc3 | typ << 4];
    [&first[..], &version.to_wire().to_be_bytes(), &[8], &CONNECTION_ID, &[0], token, &length.to_be_bytes()].concat()
}

fn level_of(version: Version, packet: &[u8]) -> Option<Level> {
    if packet[0] & 0x80 == 0 {
        return Some(Level::OneRtt);
    }
    if Version::from_wire(u32::from_be_bytes(packet[1..5].try_into().unwrap())) != Some(version) {
        return None;
    }
    let typ = Some(packet[0] >> 4 & 3);
    [Level::Initial, Level::ZeroRtt, Level::Handshake].into_iter().find(|level| packet_type(version, *level) == typ)
}

/// Configurations with early data.
fn configs(suite: Option<CipherSuite>) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_alpn_protocols(["h3"]).unwrap();
    server.set_alpn_protocols(["h3"]).unwrap();
    client.set_session_storage(Arc::new(ClientSessionMemoryCache::new(10)));
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(10)));
    client.enable_early_data(true);
    server.set_max_early_data_size(1);
    if let Some(suite) = suite {
        client.set_cipher_suites(&[suite]).unwrap();
    }
    (Arc::new(client), Arc::new(server))
}

type Sides = (Side<ClientConnection>, Side<ServerConnection>);

fn sides((client, server): &(Arc<ClientConfig>, Arc<ServerConfig>), version: Version) -> Sides {
    let client = ClientConnection::new(client, version, "server.test", b"limits".to_vec()).unwrap();
    let start = ServerStart { transport_parameters: b"limits".to_vec(), ..ServerStart::default() };
    let server = ServerConnection::new(server, version, start).unwrap();
    (Side::new(client, version, true), Side::new(server, version, false))
}

/// Passes packets until neither side sends more.
fn handshake((client, server): &mut Sides) -> Option<HandshakeKind> {
    loop {
        let (there, back) = (client.packets(), server.packets());
        if there.is_empty() && back.is_empty() {
            break;
        }
        there.iter().for_each(|packet| server.receive(packet).unwrap());
        back.iter().for_each(|packet| client.receive(packet).unwrap());
    }
    assert!(!client.tls.is_handshaking() && !server.tls.is_handshaking());
    let (ours, theirs) = (client.seal(Level::OneRtt, b"question"), server.seal(Level::OneRtt, b"answer"));
    assert_eq!(server.open(&ours), Some((Level::OneRtt, b"question".to_vec())));
    assert_eq!(client.open(&theirs), Some((Level::OneRtt, b"answer".to_vec())));
    client.tls.handshake_kind()
}

#[test]
fn version_2_protects_handshake_data_and_key_updates() {
    for suite in [
        CipherSuite::TLS_AES_128_GCM_SHA256,
        CipherSuite::TLS_AES_256_GCM_SHA384,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    ] {
        let mut sides = sides(&configs(Some(suite)), Version::V2);
        assert_eq!(handshake(&mut sides), Some(HandshakeKind::Full));
        let (client, server) = &mut sides;
        assert_eq!(client.tls.connection_info().unwrap().cipher_suite(), suite);
        for round in 0..3 {
            client.update_keys();
            server.update_keys();
            let (ours, theirs) = (client.seal(Level::OneRtt, &[round]), server.seal(Level::OneRtt, &[!round]));
            assert_eq!(server.open(&ours), Some((Level::OneRtt, vec![round])));
            assert_eq!(client.open(&theirs), Some((Level::OneRtt, vec![!round])));
        }
    }
}

#[test]
fn version_2_resumes_and_accepts_early_data() {
    let configs = configs(None);
    assert_eq!(handshake(&mut sides(&configs, Version::V2)), Some(HandshakeKind::Full));
    let (mut client, mut server) = sides(&configs, Version::V2);
    let hello = client.packets();
    let early = client.seal(Level::ZeroRtt, b"early");
    hello.iter().for_each(|packet| server.receive(packet).unwrap());
    let flight = server.packets();
    assert_eq!(server.open(&early), Some((Level::ZeroRtt, b"early".to_vec())));
    flight.iter().for_each(|packet| client.receive(packet).unwrap());
    let mut sides = (client, server);
    assert_eq!(handshake(&mut sides), Some(HandshakeKind::Resumed));
    assert!(sides.0.tls.is_early_data_accepted());
}

/// The same secret protects differently in each version, at all levels.
#[test]
fn packets_of_one_version_do_not_open_in_the_other() {
    for (version, other) in [(Version::V1, Version::V2), (Version::V2, Version::V1)] {
        let (mut client, mut server) = sides(&configs(None), version);
        let hello = client.packets();
        let read = initial_keys(Backend::ring(), other, &CONNECTION_ID).client;
        assert_eq!(server.open(&hello[0]).unwrap().0, Level::Initial);
        let ours = server.read.insert(Level::Initial, read).unwrap();
        assert_eq!(server.open(&hello[0]), None);
        server.read.insert(Level::Initial, ours);
        // The server changes to the other version, and the client does not follow.
        server.tls.set_version(other);
        hello.iter().for_each(|packet| server.receive(packet).unwrap());
        let flight = server.packets();
        let (initial, handshake): (Vec<_>, Vec<_>) =
            flight.iter().partition(|packet| level_of(version, packet) == Some(Level::Initial));
        initial.iter().for_each(|packet| client.receive(packet).unwrap());
        let _ = client.packets();
        assert_eq!((client.open(handshake[0]), handshake.is_empty()), (None, false));
    }
}

/// RFC 9368: the server changes to version 2 at the ClientHello, the client at its answer.
#[test]
fn compatible_negotiation_completes_in_version_2() {
    let configs = configs(None);
    let (mut client, mut server) = sides(&configs, Version::V1);
    let hello = client.packets();
    let hello: Vec<_> = hello.iter().map(|packet| server.open(packet).unwrap()).collect();
    server.tls.set_version(Version::V2);
    server.change_version(Version::V2, false);
    hello.iter().for_each(|(level, data)| server.tls.receive(*level, data).unwrap());
    let flight = server.packets();
    client.tls.set_version(Version::V2);
    client.change_version(Version::V2, true);
    flight.iter().for_each(|packet| client.receive(packet).unwrap());
    assert_eq!(handshake(&mut (client, server)), Some(HandshakeKind::Full));
    // Its sessions belong to version 2 (RFC 9369 §5).
    assert_eq!(handshake(&mut sides(&configs, Version::V1)), Some(HandshakeKind::Full));
    assert_eq!(handshake(&mut sides(&configs, Version::V2)), Some(HandshakeKind::Resumed));
}

#[test]
fn sessions_resume_only_in_their_version() {
    for first in VERSIONS {
        let configs = configs(None);
        assert_eq!(handshake(&mut sides(&configs, first)), Some(HandshakeKind::Full));
        for second in VERSIONS {
            let expected = if first == second { HandshakeKind::Resumed } else { HandshakeKind::Full };
            assert_eq!(handshake(&mut sides(&configs, second)), Some(expected), "{first:?} {second:?}");
        }
    }
}

#[test]
fn retry_tag_belongs_to_its_version() {
    for version in VERSIONS {
        let retry = [&[0xf0][..], &version.to_wire().to_be_bytes(), b"\0\0token"].concat();
        let tag = retry_tag(Backend::ring(), version, &CONNECTION_ID, &retry).unwrap();
        let packet = [&retry[..], &tag].concat();
        for other in VERSIONS {
            assert_eq!(verify_retry_tag(Backend::ring(), other, &CONNECTION_ID, &packet), other == version);
        }
    }
}
