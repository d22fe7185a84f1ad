//! Splits the recorded bytes into records, messages and flights, and collects what they negotiate.

use std::time::Duration;

use strata_tls::codec::handshake::{Split, split_message};
use strata_tls::codec::record::HEADER_LEN;
use strata_tls::codec::{
    Alert, ClientHello, ContentType, Deframed, HandshakeType, RawMessage, ServerHelloMessage, decode_all, deframe,
};
use strata_tls::{AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

use super::decrypt::{KeySource, Keys};
use super::{Capture, Secrets, Side, notes};

/// A handshake as it was on the wire.
#[derive(Default)]
pub(crate) struct Handshake {
    pub(crate) flights: Vec<Flight>,
    pub(crate) facts: Facts,
}

/// What one side sent before the other side replied.
pub(crate) struct Flight {
    pub(crate) from: Side,
    /// When its first and its last record were complete, since the TCP connection was established.
    pub(crate) first: Duration,
    pub(crate) last: Duration,
    /// The length on the wire, in bytes.
    pub(crate) bytes: usize,
    pub(crate) records: usize,
    pub(crate) messages: Vec<Message>,
}

/// A handshake message, an alert, or data.
pub(crate) struct Message {
    pub(crate) name: String,
    /// The length of its content in bytes, without record headers.
    pub(crate) bytes: usize,
    pub(crate) note: String,
    pub(crate) protection: Protection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Clear,
    /// It was encrypted. The logged secrets opened it.
    Decrypted,
    /// It was encrypted with keys that are not known.
    Opaque,
}

impl Protection {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Decrypted => "decrypted",
            Self::Opaque => "opaque",
        }
    }
}

/// What the messages say. All of it is unverified.
#[derive(Default)]
pub(crate) struct Facts {
    /// The server name that the client sent.
    pub(crate) server_name: Option<String>,
    pub(crate) version: Option<ProtocolVersion>,
    pub(crate) suite: Option<CipherSuite>,
    pub(crate) group: Option<NamedGroup>,
    /// The server sent HelloRetryRequest.
    pub(crate) retried: bool,
    /// The server's certificates, the end-entity certificate first.
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) ocsp: Option<Vec<u8>>,
    /// The SCTs in the TLS extension.
    pub(crate) scts: Vec<Vec<u8>>,
    pub(crate) alpn: Option<Vec<u8>>,
    /// The scheme of the server's signature.
    pub(crate) scheme: Option<SignatureScheme>,
    pub(crate) record_size_limit: Option<u16>,
    /// The server accepted max_fragment_length.
    pub(crate) max_fragment_length: bool,
    pub(crate) extended_master_secret: bool,
    pub(crate) secure_renegotiation: bool,
    /// The server requests a client certificate.
    pub(crate) client_certificate: bool,
    pub(crate) early_data_accepted: bool,
    pub(crate) resumed: bool,
    pub(crate) tickets: Vec<Ticket>,
    /// The server's first alert that is not a closure alert.
    pub(crate) alert: Option<AlertDescription>,
    /// The server has answered and completed its first flight.
    pub(crate) answered: bool,
    /// Later messages of the server can be read: they are not encrypted, or the keys are known.
    pub(crate) readable: bool,
    /// What the server speaks instead of TLS.
    pub(crate) not_tls: Option<String>,
}

/// A session ticket of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) lifetime: u32,
    /// The early data that it allows, in bytes.
    pub(crate) early_data: u32,
}

/// Reads what was recorded.
pub(crate) fn read(capture: &Capture, secrets: &Secrets) -> Handshake {
    let pieces = pieces(capture);
    let mut reader = Reader::new(&pieces, secrets);
    for piece in &pieces {
        reader.add(piece);
    }
    reader.handshake
}

/// A record, or bytes that are none.
struct Piece {
    from: Side,
    /// The chunk that completed it.
    chunk: usize,
    at: Duration,
    bytes: Vec<u8>,
    kind: Kind,
}

enum Kind {
    Record(ContentType),
    /// The start of a record whose end was not received.
    Incomplete,
    NotTls(String),
}

/// The pieces of both sides in the order in which they were complete.
fn pieces(capture: &Capture) -> Vec<Piece> {
    let mut all = Vec::new();
    for from in [Side::Client, Side::Server] {
        let (mut stream, mut ends) = (Vec::new(), Vec::new());
        for (number, chunk) in capture.chunks.iter().enumerate().filter(|(_, chunk)| chunk.from == from) {
            stream.extend_from_slice(&chunk.bytes);
            ends.push((stream.len(), number, chunk.at));
        }
        let mut start = 0;
        while let Some(rest) = stream.get(start..).filter(|rest| !rest.is_empty()) {
            let (length, kind) = match deframe(rest, MAX_RECORD) {
                Ok(Deframed::Record { header, body }) => (body.end, Kind::Record(header.content_type)),
                Ok(Deframed::Incomplete { .. }) => (rest.len(), Kind::Incomplete),
                Err(e) => (rest.len(), Kind::NotTls(e.to_string())),
            };
            let bytes = rest.get(..length).unwrap_or(rest).to_vec();
            start += length;
            let last = ends.iter().find(|(end, ..)| *end >= start).or(ends.last());
            let (chunk, at) = last.map(|(_, number, at)| (*number, *at)).unwrap_or_default();
            all.push(Piece { from, chunk, at, bytes, kind });
        }
    }
    all.sort_by_key(|piece| piece.chunk);
    all
}

/// The longest record of any version: RFC 5246 §6.2.3 allows 2,048 bytes of expansion.
const MAX_RECORD: usize = (1 << 14) + 2048;

struct Reader {
    handshake: Handshake,
    sides: [Direction; 2],
    version: Option<ProtocolVersion>,
}

#[derive(Default)]
struct Direction {
    keys: Keys,
    /// TLS 1.2: change_cipher_spec was sent.
    changed: bool,
    /// The start of a handshake message that continues in the next record.
    joined: Vec<u8>,
}

impl Reader {
    /// Finds the keys with the first messages of both sides.
    fn new(pieces: &[Piece], secrets: &Secrets) -> Self {
        let mut reader = Self {
            handshake: Handshake::default(),
            sides: [Direction::default(), Direction::default()],
            version: None,
        };
        let client = unencrypted(pieces, Side::Client);
        let server = unencrypted(pieces, Side::Server);
        let client_random =
            messages(&client).find_map(|message| Some(*message.decode::<ClientHello<'_>>().ok()?.random));
        let hello = messages(&server).find_map(|message| match message.decode() {
            Ok(ServerHelloMessage::ServerHello(hello)) => Some(hello),
            _ => None,
        });
        let Some(hello) = hello else { return reader };
        let version = hello.extensions.selected_version.unwrap_or(hello.legacy_version);
        reader.version = Some(version);
        if let Some(client_random) = client_random {
            let (suite, server_random) = (hello.cipher_suite, *hello.random);
            let source = KeySource { secrets, client_random, server_random, version, suite };
            for side in [Side::Client, Side::Server] {
                reader.direction(side).keys = source.keys(side);
            }
        }
        let readable = version != ProtocolVersion::TLS13 || !reader.direction(Side::Server).keys.is_empty();
        reader.handshake.facts.readable = readable;
        reader
    }

    fn direction(&mut self, side: Side) -> &mut Direction {
        let [client, server] = &mut self.sides;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    fn add(&mut self, piece: &Piece) {
        let flights = &mut self.handshake.flights;
        match flights.last_mut().filter(|flight| flight.from == piece.from) {
            Some(flight) => {
                flight.last = piece.at;
                flight.bytes += piece.bytes.len();
                flight.records += 1;
            }
            None => flights.push(Flight {
                from: piece.from,
                first: piece.at,
                last: piece.at,
                bytes: piece.bytes.len(),
                records: 1,
                messages: Vec::new(),
            }),
        }
        let content = piece.bytes.get(HEADER_LEN..).unwrap_or_default();
        match &piece.kind {
            Kind::Record(typ) => self.record(piece.from, *typ, &piece.bytes, content),
            Kind::Incomplete => {
                let note = "the rest of the record is missing".to_owned();
                self.push("incomplete record", piece.bytes.len(), note, Protection::Opaque);
            }
            Kind::NotTls(why) => {
                if piece.from == Side::Server {
                    self.handshake.facts.not_tls = Some(why.clone());
                }
                self.push("not TLS", piece.bytes.len(), why.clone(), Protection::Clear);
            }
        }
    }

    fn record(&mut self, from: Side, typ: ContentType, record: &[u8], content: &[u8]) {
        let encrypted = match self.version {
            Some(ProtocolVersion::TLS13) => typ == ContentType::APPLICATION_DATA,
            _ => self.direction(from).changed || typ == ContentType::APPLICATION_DATA,
        };
        if !encrypted {
            return self.content(from, typ, content, Protection::Clear);
        }
        match self.direction(from).keys.open(record) {
            Some((typ, content)) => self.content(from, typ, &content, Protection::Decrypted),
            None => self.push("encrypted record", content.len(), String::new(), Protection::Opaque),
        }
    }

    fn content(&mut self, from: Side, typ: ContentType, content: &[u8], protection: Protection) {
        match typ {
            ContentType::HANDSHAKE => self.messages(from, content, protection),
            ContentType::CHANGE_CIPHER_SPEC => {
                self.direction(from).changed = true;
                self.push("change_cipher_spec", content.len(), String::new(), protection);
            }
            ContentType::ALERT => {
                let note = match decode_all::<Alert>(content) {
                    Ok(alert) => {
                        let facts = &mut self.handshake.facts;
                        if from == Side::Server && !alert.description.is_closure() {
                            facts.alert = facts.alert.or(Some(alert.description));
                        }
                        alert.description.to_string()
                    }
                    Err(_) => "malformed".to_owned(),
                };
                self.push("alert", content.len(), note, protection);
            }
            ContentType::APPLICATION_DATA => {
                let last = self.handshake.flights.last_mut().and_then(|flight| flight.messages.last_mut());
                match last.filter(|last| last.name == DATA && last.protection == protection) {
                    Some(last) => last.bytes += content.len(),
                    None => self.push(DATA, content.len(), String::new(), protection),
                }
            }
            other => self.push(&other.to_string(), content.len(), String::new(), protection),
        }
    }

    /// Joins and splits handshake messages.
    fn messages(&mut self, from: Side, content: &[u8], protection: Protection) {
        let mut joined = std::mem::take(&mut self.direction(from).joined);
        joined.extend_from_slice(content);
        let mut rest = &joined[..];
        while let Split::Message { message, rest: after } = split_message(rest) {
            let note = notes::read(message, from, self.version, &mut self.handshake.facts);
            let name = if notes::is_retry(message) { HandshakeType::HELLO_RETRY_REQUEST } else { message.typ };
            self.push(&name.to_string(), message.raw.len(), note, protection);
            if message.typ == HandshakeType::KEY_UPDATE {
                self.direction(from).keys.update();
            }
            rest = after;
        }
        self.direction(from).joined = rest.to_vec();
    }

    fn push(&mut self, name: &str, bytes: usize, note: String, protection: Protection) {
        if let Some(flight) = self.handshake.flights.last_mut() {
            flight.messages.push(Message { name: name.to_owned(), bytes, note, protection });
        }
    }
}

const DATA: &str = "application_data";

/// The content of a side's handshake records up to its first encrypted one.
fn unencrypted(pieces: &[Piece], from: Side) -> Vec<u8> {
    let of_side = pieces.iter().filter(|piece| piece.from == from);
    let mut content = Vec::new();
    for piece in of_side {
        match piece.kind {
            Kind::Record(ContentType::HANDSHAKE) => {
                content.extend_from_slice(piece.bytes.get(HEADER_LEN..).unwrap_or_default());
            }
            // TLS 1.3 has it before the ServerHello that follows HelloRetryRequest.
            Kind::Record(ContentType::CHANGE_CIPHER_SPEC) => {}
            _ => break,
        }
    }
    content
}

/// The complete messages in `content`.
fn messages(mut content: &[u8]) -> impl Iterator<Item = RawMessage<'_>> {
    std::iter::from_fn(move || match split_message(content) {
        Split::Message { message, rest } => {
            content = rest;
            Some(message)
        }
        Split::Incomplete { .. } => None,
    })
}
