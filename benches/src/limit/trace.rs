//! The message sizes of a handshake, taken from a handshake of ours.

use crate::{Endpoint, Library};

/// The bytes of one handshake in both directions, by flight.
pub(super) struct Trace {
    client: Vec<Vec<u8>>,
    server: Vec<Vec<u8>>,
}

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

impl Trace {
    pub(super) fn of<L: Library>(library: &L) -> Self {
        let (mut client, mut server) = (library.client(), library.server());
        let mut trace = Self { client: Vec::new(), server: Vec::new() };
        while client.wants_write() || server.wants_write() {
            carry(&mut client, &mut trace.client, &mut server);
            carry(&mut server, &mut trace.server, &mut client);
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
        trace
    }

    /// Returns the unencrypted handshake messages of a side, with their headers.
    pub(super) fn client_messages(&self) -> Vec<usize> {
        messages(&self.client.concat())
    }

    pub(super) fn server_messages(&self) -> Vec<usize> {
        messages(&self.server.concat())
    }

    /// Returns the content length of the client's second flight in TLS 1.3, without types and tags.
    pub(super) fn client_flight(&self) -> usize {
        sealed(&self.client[1])
    }

    /// Returns the same of the server's messages after ServerHello.
    pub(super) fn server_flight(&self) -> usize {
        sealed(&self.server[0])
    }

    /// Returns the same of the tickets.
    pub(super) fn tickets(&self) -> usize {
        self.server.get(1).map_or(0, |flight| sealed(flight))
    }
}

fn carry(from: &mut impl Endpoint, flights: &mut Vec<Vec<u8>>, to: &mut impl Endpoint) {
    let mut flight = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut flight).expect("a Vec takes all");
    }
    let mut unread = &flight[..];
    while !unread.is_empty() {
        to.read_tls(&mut unread).expect("there is room");
        to.process();
    }
    if !flight.is_empty() {
        flights.push(flight);
    }
}

fn records(mut wire: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[typ, _, _, high, low], rest) = wire.split_first_chunk()?;
        let (content, rest) = rest.split_at(usize::from(u16::from_be_bytes([high, low])));
        wire = rest;
        Some((typ, content))
    })
}

fn messages(wire: &[u8]) -> Vec<usize> {
    // After change_cipher_spec, handshake records are encrypted (TLS 1.2).
    let clear = records(wire).take_while(|(typ, _)| *typ == HANDSHAKE);
    let bytes: Vec<u8> = clear.flat_map(|(_, content)| content).copied().collect();
    let (mut rest, mut lengths) = (&bytes[..], Vec::new());
    while let Some(&[_, a, b, c]) = rest.first_chunk() {
        let length = 4 + usize::try_from(u32::from_be_bytes([0, a, b, c])).expect("short");
        lengths.push(length);
        rest = &rest[length..];
    }
    lengths
}

fn sealed(flight: &[u8]) -> usize {
    let sealed = records(flight).filter(|(typ, _)| *typ == APPLICATION_DATA);
    sealed.map(|(_, content)| content.len() - 17).sum()
}
