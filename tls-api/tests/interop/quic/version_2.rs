//! QUIC version 2 (RFC 9369) with aioquic in both roles. quinn has no version 2, so this has the
//! packets and frames that a short connection needs: no loss recovery, no flow control.

use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use strata_tls::quic::{
    ClientConnection, KeyChange, KeyUpdates, Keys, Level, NewPacketNumber, Output, PacketKey, ServerConnection,
    ServerStart, TAG_LEN, Version, initial_keys,
};
use strata_tls::{Backend, HandshakeKind};

use super::quic_tls::Tls;
use super::{PeerServer, check, client_config, peer, server_config, text};
use crate::processes::Running;
use crate::programs::Program;
use crate::{Outcome, certificates};

/// Our connection id.
const OURS: [u8; 8] = *b"our side";
const MIN_DATAGRAM: usize = 1200;
/// More datagrams than a test has by far.
const STEPS: usize = 500;

/// A packet number space: packets of 0-RTT and 1-RTT share one.
#[derive(Default)]
struct Space {
    next: u32,
    received: BTreeSet<u64>,
    must_ack: bool,
}

/// One side of a connection with one stream.
struct Side<'a, T> {
    tls: T,
    is_client: bool,
    socket: &'a UdpSocket,
    address: SocketAddr,
    peer_id: Vec<u8>,
    read: HashMap<Level, Keys>,
    write: HashMap<Level, Keys>,
    updates: Option<[KeyUpdates; 2]>,
    /// The key of packets of the other phase.
    previous: Option<PacketKey>,
    phase: bool,
    spaces: [Space; 3],
    crypto_sent: HashMap<Level, usize>,
    crypto_received: HashMap<Level, usize>,
    sent: usize,
    stream: Vec<u8>,
    is_done: bool,
    is_closed: bool,
}

fn space(level: Level) -> usize {
    match level {
        Level::Initial => 0,
        Level::Handshake => 1,
        Level::ZeroRtt | Level::OneRtt => 2,
    }
}

/// In four bytes.
fn varint(value: usize) -> [u8; 4] {
    (u32::try_from(value).unwrap() | 0x8000_0000).to_be_bytes()
}

fn take<'a>(from: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = from.split_at(length);
    *from = rest;
    taken
}

fn take_varint(from: &mut &[u8]) -> usize {
    let first = take(from, 1)[0];
    let rest = take(from, (1 << (first >> 6)) - 1);
    rest.iter().fold(usize::from(first & 0x3f), |value, byte| value << 8 | usize::from(*byte))
}

/// The header of a received packet up to its number, with the length of the packet.
struct Header {
    level: Level,
    destination: Vec<u8>,
    source: Vec<u8>,
    number_at: usize,
    end: usize,
}

/// Returns nothing for padding after the packets.
fn parse(datagram: &[u8]) -> Result<Option<Header>, String> {
    let mut rest = datagram;
    let first = take(&mut rest, 1)[0];
    if first & 0x40 == 0 {
        return Ok(None);
    }
    if first & 0x80 == 0 {
        let destination = take(&mut rest, OURS.len()).to_vec();
        let number_at = datagram.len() - rest.len();
        let end = datagram.len();
        return Ok(Some(Header { level: Level::OneRtt, destination, source: Vec::new(), number_at, end }));
    }
    check("version", take(&mut rest, 4), &Version::V2.to_wire().to_be_bytes()[..])?;
    // RFC 9369 §3.2.
    let level = match first >> 4 & 3 {
        1 => Level::Initial,
        2 => Level::ZeroRtt,
        3 => Level::Handshake,
        _ => return Err("got a Retry packet".into()),
    };
    let [destination, source] = [(); 2].map(|()| {
        let length = take(&mut rest, 1)[0];
        take(&mut rest, length.into()).to_vec()
    });
    if level == Level::Initial {
        let length = take_varint(&mut rest);
        take(&mut rest, length);
    }
    let length = take_varint(&mut rest);
    let number_at = datagram.len() - rest.len();
    Ok(Some(Header { level, destination, source, number_at, end: number_at + length }))
}

/// Parameters that allow one stream and all the data of a test. The last one is version_information
/// (RFC 9368).
fn transport_parameters(original_id: Option<&[u8]>) -> Vec<u8> {
    let mut parameters = Vec::new();
    let mut add = |id: u8, value: &[u8]| parameters.extend([&[id, u8::try_from(value.len()).unwrap()], value].concat());
    if let Some(id) = original_id {
        add(0x00, id);
    }
    for limit in [0x04, 0x05, 0x06, 0x08] {
        add(limit, &varint(1 << 20));
    }
    add(0x0f, &OURS);
    add(0x11, &[Version::V2.to_wire().to_be_bytes(); 2].concat());
    parameters
}

impl<'a, T: Tls> Side<'a, T> {
    /// `id` is the destination of the client's first packet.
    fn new(tls: T, is_client: bool, socket: &'a UdpSocket, address: SocketAddr, peer_id: Vec<u8>, id: &[u8]) -> Self {
        let keys = initial_keys(Backend::ring(), Version::V2, id);
        let [read, write] = if is_client { [keys.server, keys.client] } else { [keys.client, keys.server] };
        Self {
            tls,
            is_client,
            socket,
            address,
            peer_id,
            read: HashMap::from([(Level::Initial, read)]),
            write: HashMap::from([(Level::Initial, write)]),
            updates: None,
            previous: None,
            phase: false,
            spaces: Default::default(),
            crypto_sent: HashMap::new(),
            crypto_received: HashMap::new(),
            sent: 0,
            stream: Vec::new(),
            is_done: false,
            is_closed: false,
        }
    }

    /// Sends one packet in a datagram of its own.
    fn send(&mut self, level: Level, frames: &[u8]) -> Result<(), String> {
        let mut payload = frames.to_vec();
        if level == Level::Initial {
            payload.resize(payload.len().max(MIN_DATAGRAM - 40), 0);
        }
        let number = self.spaces[space(level)].next;
        self.spaces[space(level)].next += 1;
        let typ = match level {
            Level::Initial => 1,
            Level::ZeroRtt => 2,
            Level::Handshake => 3,
            Level::OneRtt => 0,
        };
        let mut packet = Vec::new();
        if level == Level::OneRtt {
            packet.push(0x43 | u8::from(self.phase) << 2);
            packet.extend(&self.peer_id);
        } else {
            packet.push(0xc3 | typ << 4);
            packet.extend(Version::V2.to_wire().to_be_bytes());
            packet.push(u8::try_from(self.peer_id.len()).map_err(text)?);
            packet.extend(&self.peer_id);
            packet.push(8);
            packet.extend(OURS);
            packet.extend((level == Level::Initial).then_some(0));
            packet.extend(varint(4 + payload.len() + TAG_LEN));
        }
        let number_at = packet.len();
        packet.extend(number.to_be_bytes());
        packet.extend(payload);
        packet.extend([0; TAG_LEN]);
        if level == Level::Initial {
            assert!(packet.len() >= MIN_DATAGRAM, "{}", packet.len());
        }
        let keys = self.write.get(&level).ok_or_else(|| format!("no keys of {level}"))?;
        let (header, payload) = packet.split_at_mut(number_at + 4);
        let number = NewPacketNumber::new(number.into()).ok_or("the number is too large")?;
        keys.packet.seal(number, header, payload).map_err(text)?;
        keys.header.protect(&mut packet, number_at).map_err(text)?;
        self.socket.send_to(&packet, self.address).map_err(text)?;
        Ok(())
    }

    /// Sends what TLS has to send, and takes its keys.
    fn take_output(&mut self) -> Result<(), String> {
        while let Some(output) = self.tls.next_output() {
            match output {
                Output::Crypto(level, data) => {
                    for part in data.chunks(1000) {
                        let offset = self.crypto_sent.entry(level).or_default();
                        let frame = [&[0x06][..], &varint(*offset), &varint(part.len()), part].concat();
                        *offset += part.len();
                        self.send(level, &frame)?;
                    }
                }
                Output::Keys(KeyChange::Read(level, keys)) => drop(self.read.insert(level, keys)),
                Output::Keys(KeyChange::Write(level, keys)) => drop(self.write.insert(level, keys)),
                Output::Keys(KeyChange::Updates { read, write }) => self.updates = Some([read, write]),
            }
        }
        if !self.is_client && !self.is_done && !self.tls.is_handshaking() {
            self.is_done = true;
            self.send(Level::OneRtt, &[0x1e])?;
        }
        Ok(())
    }

    /// Sends data on the first stream of the client.
    fn send_stream(&mut self, level: Level, data: &[u8], is_last: bool) -> Result<(), String> {
        for (at, part) in data.chunks(1000).enumerate().chain(data.is_empty().then_some((0, data))) {
            let is_end = is_last && (at + 1) * 1000 >= data.len();
            let typ = 0x0e | u8::from(is_end);
            let frame = [&[typ, 0][..], &varint(self.sent), &varint(part.len()), part].concat();
            self.sent += part.len();
            self.send(level, &frame)?;
        }
        Ok(())
    }

    /// RFC 9001 §6, as the side that begins.
    fn update_keys(&mut self) -> Result<(), String> {
        let updates = self.updates.take().ok_or("no keys of updates")?;
        let [(read, next_read), (write, next_write)] = updates.map(KeyUpdates::next);
        let keys = |keys: &mut HashMap<_, Keys>, key| {
            keys.get_mut(&Level::OneRtt).map(|keys| std::mem::replace(&mut keys.packet, key))
        };
        self.previous = keys(&mut self.read, read);
        keys(&mut self.write, write);
        self.updates = Some([next_read, next_write]);
        self.phase = !self.phase;
        Ok(())
    }

    /// Receives datagrams until `condition`.
    fn receive_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) -> Result<(), String> {
        let mut buffer = [0; 2048];
        for _ in 0..STEPS {
            if condition(self) {
                return Ok(());
            }
            let (length, from) = self.socket.recv_from(&mut buffer).map_err(|e| format!("{what}: {e}"))?;
            if from == self.address {
                self.process(&mut buffer[..length])?;
            }
        }
        Err(format!("after {STEPS} datagrams: no {what}"))
    }

    fn process(&mut self, mut datagram: &mut [u8]) -> Result<(), String> {
        while !datagram.is_empty() {
            let Some(header) = parse(datagram)? else { break };
            let (packet, rest) = datagram.split_at_mut(header.end);
            datagram = rest;
            self.open(&header, packet)?;
        }
        for level in [Level::Initial, Level::Handshake, Level::OneRtt] {
            let space = &mut self.spaces[space(level)];
            if !std::mem::take(&mut space.must_ack) {
                continue;
            }
            let mut numbers = space.received.iter().rev();
            let Some(largest) = numbers.next() else { continue };
            let range = numbers.zip(1..).take_while(|(number, below)| **number + below == *largest).count();
            let ack =
                [&[0x02][..], &varint(usize::try_from(*largest).map_err(text)?), &[0, 0], &varint(range)].concat();
            self.send(level, &ack)?;
        }
        Ok(())
    }

    fn open(&mut self, header: &Header, packet: &mut [u8]) -> Result<(), String> {
        let level = header.level;
        // Such packets arrive again.
        let Some(keys) = self.read.get(&level) else { return Ok(()) };
        let number_len = keys.header.unprotect(packet, header.number_at).map_err(text)?;
        let (head, payload) = packet.split_at_mut(header.number_at + number_len);
        // All numbers of a test fit into what is sent of them.
        let number = head[header.number_at..].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let is_previous = level == Level::OneRtt && (head[0] & 0x04 != 0) != self.phase;
        let key = if is_previous { self.previous.as_ref() } else { Some(&keys.packet) };
        let length = key.ok_or("the peer updated keys")?.open(number, head, payload).map_err(text)?;
        if self.is_client && level == Level::Initial {
            self.peer_id.clone_from(&header.source);
        }
        if self.spaces[space(level)].received.insert(number) {
            self.frames(level, &payload[..length])?;
        }
        Ok(())
    }

    fn frames(&mut self, level: Level, mut rest: &[u8]) -> Result<(), String> {
        while !rest.is_empty() {
            let typ = take(&mut rest, 1)[0];
            self.spaces[space(level)].must_ack |= !matches!(typ, 0x00 | 0x02 | 0x03 | 0x1c | 0x1d);
            match typ {
                0x00 | 0x01 => {}
                0x02 | 0x03 => {
                    let [_, _, ranges, _] = [(); 4].map(|()| take_varint(&mut rest));
                    for _ in 0..2 * ranges + if typ == 0x03 { 3 } else { 0 } {
                        take_varint(&mut rest);
                    }
                }
                0x06 => {
                    let [offset, length] = [(); 2].map(|()| take_varint(&mut rest));
                    let data = take(&mut rest, length);
                    let received = self.crypto_received.entry(level).or_default();
                    // Data arrives in order, and perhaps twice.
                    if offset == *received {
                        *received += length;
                        self.tls.receive(level, data).map_err(text)?;
                        self.take_output()?;
                    }
                }
                0x07 => {
                    let length = take_varint(&mut rest);
                    take(&mut rest, length);
                }
                0x08..=0x0f => {
                    check("stream", take_varint(&mut rest), 0)?;
                    let offset = if typ & 0x04 != 0 { take_varint(&mut rest) } else { 0 };
                    let length = if typ & 0x02 != 0 { take_varint(&mut rest) } else { rest.len() };
                    let data = take(&mut rest, length);
                    if offset == self.stream.len() {
                        self.stream.extend_from_slice(data);
                        if !self.is_client {
                            self.send_stream(Level::OneRtt, data, typ & 0x01 != 0)?;
                        }
                    }
                }
                0x10 | 0x12..=0x14 | 0x16 | 0x17 | 0x19 => drop(take_varint(&mut rest)),
                0x11 | 0x15 => drop([(); 2].map(|()| take_varint(&mut rest))),
                0x18 => {
                    let _ = [(); 2].map(|()| take_varint(&mut rest));
                    let length = take(&mut rest, 1)[0];
                    take(&mut rest, usize::from(length) + 16);
                }
                0x1c | 0x1d => {
                    check("code of the peer's close", take_varint(&mut rest), 0)?;
                    self.is_closed = true;
                    return Ok(());
                }
                0x1e => self.is_done = true,
                typ => return Err(format!("got a frame of type {typ:#x}")),
            }
        }
        Ok(())
    }
}

fn socket() -> Result<UdpSocket, String> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(text)?;
    socket.set_read_timeout(Some(Duration::from_secs(60))).map_err(text)?;
    Ok(socket)
}

/// A full handshake with a key update, then a resumed one with early data.
pub(super) fn client_speaks_version_2() -> Outcome {
    let server = PeerServer::start(&["--version-2"])?;
    let config = Arc::new(client_config()?);
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let socket = socket()?;
        let tls = ClientConnection::new(&config, Version::V2, "localhost", transport_parameters(None)).map_err(text)?;
        let is_early = kind == HandshakeKind::Resumed;
        // The server may still know the first connection by its id.
        let id = if is_early { b"id of 2nd" } else { b"id of 1st" };
        let mut side = Side::new(tls, true, &socket, server.address, id.to_vec(), id);
        side.take_output()?;
        if is_early {
            side.send_stream(Level::ZeroRtt, b"early", false)?;
        }
        side.receive_until("HANDSHAKE_DONE", |side| side.is_done)?;
        if !is_early {
            side.send_stream(Level::OneRtt, b"first", false)?;
        }
        side.receive_until("echo", |side| side.stream.len() == 5)?;
        side.update_keys()?;
        side.send_stream(Level::OneRtt, b", then more", true)?;
        side.receive_until("second echo", |side| side.stream.len() == 16)?;
        let expected = if is_early { b"early, then more" } else { b"first, then more" };
        check("echo", &side.stream[..], &expected[..])?;
        check("kind", side.tls.handshake_kind(), Some(kind))?;
        check("early data", side.tls.is_early_data_accepted(), is_early)?;
        side.send(Level::OneRtt, &[0x1d, 0, 0])?;
    }
    let said = server.lines("handshake", 2)?.join(", ");
    check(&format!("early data in {said}"), said.contains("handshake resumed=1 early=1 alpn=test"), true)?;
    // The peer counts over its connections.
    check("updates", server.lines("updates", 2)?.pop(), Some("updates local=0 remote=2".to_owned()))?;
    Ok(())
}

/// A full handshake, then a resumed one with early data.
pub(super) fn server_speaks_version_2() -> Outcome {
    let socket = socket()?;
    let port = socket.local_addr().map_err(text)?.port().to_string();
    let mut command = Program::Aioquic.command();
    command.arg(peer()).args(["client", "--version-2", "--bytes", "1024", "--connections", "2", "--port", &port]);
    command.arg("--ca").arg(certificates::ca_file()?);
    let running = Running::start(command)?;
    let config = Arc::new(server_config()?);
    let mut last = None;
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut buffer = [0; 2048];
        let (length, address) = loop {
            let (length, from) = socket.recv_from(&mut buffer).map_err(text)?;
            // The last connection may send its close again.
            if last != Some(from) {
                break (length, from);
            }
        };
        last = Some(address);
        let first = parse(&buffer[..length])?.ok_or("the first datagram is padding")?;
        let id = &first.destination;
        let start = ServerStart { transport_parameters: transport_parameters(Some(id)), ..ServerStart::default() };
        let tls = ServerConnection::new(&config, Version::V2, start).map_err(text)?;
        let mut side = Side::new(tls, false, &socket, address, first.source.clone(), id);
        side.process(&mut buffer[..length])?;
        side.receive_until("CONNECTION_CLOSE", |side| side.is_closed)?;
        check("kind", side.tls.handshake_kind(), Some(kind))?;
        check("length of the stream", side.stream.len(), 1024)?;
    }
    let said = running.finish()?.text();
    check(&format!("echoes in {said}"), said.matches("echoed=1").count(), 2)?;
    check(&format!("early data in {said}"), said.contains("handshake resumed=1 early=1"), true)?;
    Ok(())
}
