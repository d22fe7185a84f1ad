//! Reads a capture and writes one line for each connection.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
};

use strata_tls_codec::{
    observer::{Observer, Sender},
    record::Protocol,
};

mod capture;
mod packet;
mod report;
mod stream;
mod subject;
mod udp;

use capture::Capture;
use packet::{Body, Packet, Segment, Skipped};
pub(crate) use report::Format;
use report::Summary;
use stream::{Piece, Stream};

/// The most connections that are followed at a time. With more, the oldest ones end.
const MAX_CONNECTIONS: usize = 1 << 12;

/// The longest handshake message that is read.
const MAX_MESSAGE: usize = 1 << 16;

/// Writes a line for each connection of TLS, DTLS and QUIC in the capture, when it ends. With
/// `all`, also for TCP connections of other protocols. A last line counts the packets that were
/// skipped, if any. Fails, after the lines, if packets could not be read.
pub(crate) fn inspect(source: impl Read, format: Format, all: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut capture = Capture::open(source)?;
    let mut connections =
        Connections { open: BTreeMap::new(), ids: HashMap::new(), next: 0, format, all, out: &mut *out };
    let mut skipped = BTreeMap::new();
    let mut unread = None;
    let result = loop {
        match capture.next_packet() {
            Ok(Some((link, frame))) => {
                let reason = match packet::parse(link, frame) {
                    Ok(packet) => {
                        connections.packet(&packet)?;
                        continue;
                    }
                    Err(reason) => reason,
                };
                if reason == Skipped::LinkLayer {
                    unread = Some(link);
                }
                *skipped.entry(reason).or_insert(0_u64) += 1;
            }
            Ok(None) => break unread.map_or(Ok(()), |link| Err(unsupported(link))),
            Err(e) => break Err(e),
        }
    };
    // The lines of what was read come before an error.
    while connections.end_oldest()? {}
    if capture.unreadable > 0 {
        skipped.insert(Skipped::Unreadable, capture.unreadable);
    }
    let counts: Vec<_> = skipped.into_iter().map(|(reason, count)| (reason.name(), count)).collect();
    report::write_skipped(&counts, format, out)?;
    result
}

fn unsupported(link: u32) -> io::Error {
    let what = format!("packets of link type {link} are not supported; capture Ethernet, Linux cooked or raw IP");
    io::Error::new(ErrorKind::Unsupported, what)
}

/// The ends of a connection in ascending order, and whether it is TCP.
type Key = (SocketAddr, SocketAddr, bool);

/// The connections that have not ended.
struct Connections<'o> {
    open: BTreeMap<u64, Connection>,
    ids: HashMap<Key, u64>,
    next: u64,
    format: Format,
    all: bool,
    out: &'o mut dyn Write,
}

impl Connections<'_> {
    fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        let ends = [packet.source, packet.destination];
        let is_tcp = matches!(packet.body, Body::Tcp(_));
        let key = (packet.source.min(packet.destination), packet.source.max(packet.destination), is_tcp);
        match packet.body {
            Body::Tcp(segment) => {
                if segment.syn && !segment.ack && self.get(key).is_some_and(|open| open.is_other_start(segment)) {
                    self.end(key)?;
                }
                if self.get(key).is_none() {
                    if segment.rst || (segment.payload.is_empty() && !segment.syn) {
                        return Ok(());
                    }
                    let client = match (segment.syn, segment.ack) {
                        (true, false) => 0,
                        (true, true) => 1,
                        // The capture starts inside of the connection. Servers have low ports.
                        _ => usize::from(packet.source.port() < packet.destination.port()),
                    };
                    self.begin(key, Connection::new(key, ends[client], ends[1 - client], None))?;
                }
                if self.get(key).is_some_and(|open| open.segment(packet.source, segment)) {
                    self.end(key)?;
                }
            }
            Body::Udp(payload) => {
                if self.get(key).is_none() {
                    let Some(protocol @ (Protocol::Quic | Protocol::Dtls)) = Protocol::recognize(payload) else {
                        return Ok(());
                    };
                    self.begin(key, Connection::new(key, ends[0], ends[1], Some(protocol)))?;
                }
                if let Some(open) = self.get(key) {
                    udp::datagram(&mut open.summary, packet.source, payload);
                }
            }
        }
        Ok(())
    }

    fn get(&mut self, key: Key) -> Option<&mut Connection> {
        self.open.get_mut(self.ids.get(&key)?)
    }

    fn begin(&mut self, key: Key, connection: Connection) -> io::Result<()> {
        if self.open.len() >= MAX_CONNECTIONS {
            self.end_oldest()?;
        }
        self.ids.insert(key, self.next);
        self.open.insert(self.next, connection);
        self.next += 1;
        Ok(())
    }

    fn end(&mut self, key: Key) -> io::Result<()> {
        match self.ids.remove(&key).and_then(|id| self.open.remove(&id)) {
            Some(connection) => self.write(connection),
            None => Ok(()),
        }
    }

    /// Ends the oldest connection; returns `false` if there is none.
    fn end_oldest(&mut self) -> io::Result<bool> {
        let Some((_, connection)) = self.open.pop_first() else { return Ok(false) };
        self.ids.remove(&connection.key);
        self.write(connection).map(|()| true)
    }

    fn write(&mut self, connection: Connection) -> io::Result<()> {
        let summary = connection.finish();
        if summary.is_tls() || self.all { summary.write(self.format, self.out) } else { Ok(()) }
    }
}

/// A connection, and what is known of it.
struct Connection {
    key: Key,
    /// The numbers of the SYNs.
    starts: [Option<u32>; 2],
    /// From client and server.
    streams: [Stream; 2],
    has_ended: [bool; 2],
    observer: Observer,
    summary: Summary,
}

impl Connection {
    fn new(key: Key, client: SocketAddr, server: SocketAddr, protocol: Option<Protocol>) -> Self {
        Self {
            key,
            starts: [None; 2],
            streams: Default::default(),
            has_ended: [false; 2],
            observer: Observer::with_limit(MAX_MESSAGE),
            summary: Summary::new(client, server, protocol),
        }
    }

    /// Returns whether a SYN starts another connection between the same ends.
    fn is_other_start(&self, segment: Segment<'_>) -> bool {
        self.starts != [None; 2] && !self.starts.contains(&Some(segment.sequence))
    }

    /// Reads a segment; returns whether it ends the connection.
    fn segment(&mut self, source: SocketAddr, segment: Segment<'_>) -> bool {
        let at = usize::from(source != self.summary.client);
        if segment.syn {
            self.starts[at] = Some(segment.sequence);
            self.streams[at].start(segment.sequence);
        }
        // The payload of a SYN (RFC 7413) follows it.
        let sequence = segment.sequence.wrapping_add(segment.syn.into());
        let (observer, summary) = (&mut self.observer, &mut self.summary);
        self.streams[at].push(sequence, segment.payload, &mut |piece| observe(observer, summary, SENDERS[at], &piece));
        self.has_ended[at] |= segment.fin;
        segment.rst || self.has_ended == [true; 2]
    }

    fn finish(mut self) -> Summary {
        let (observer, summary) = (&mut self.observer, &mut self.summary);
        for (stream, sender) in self.streams.iter_mut().zip(SENDERS) {
            stream.finish(&mut |piece| observe(observer, summary, sender, &piece));
        }
        summary.finish(observer);
        self.summary
    }
}

const SENDERS: [Sender; 2] = [Sender::Client, Sender::Server];

fn observe(observer: &mut Observer, summary: &mut Summary, sender: Sender, piece: &Piece<'_>) {
    match *piece {
        Piece::Data(data) => {
            summary.note_start(data);
            observer.read(sender, data, |event| summary.note(sender, &event));
        }
        Piece::Gap(count) => observer.gap(sender, count, |event| summary.note(sender, &event)),
    }
}
