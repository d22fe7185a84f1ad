//! Tests over captured connections of other programs: what this crate reads in them is what tshark
//! reads. `captures/capture` makes the captures and says how, `captures/expect` runs tshark.

#[path = "captures/description.rs"]
mod description;
#[path = "captures/pcap.rs"]
mod pcap;

use description::Negotiated;
use pcap::{Capture, captures};
use strata_tls_codec::{
    client_hello_peeker::{ClientHelloPeeker, QuicClientHelloPeeker},
    dtls::{DtlsClientHello, DtlsHandshake, DtlsRecord, records},
    fingerprint::Transport,
    handshake::{key_exchange, tls12},
    lenient::Prefix,
    observer::{Event, Observer, Sender},
    record::MAX_FRAGMENT,
    *,
};

const SENDERS: [(Sender, &str); 2] = [(Sender::Client, "client"), (Sender::Server, "server")];

/// Captures of TCP connections. `dtls` and `quic` are in the names of the others.
fn tcp() -> Vec<Capture> {
    captures().into_iter().filter(|capture| !capture.is_udp).collect()
}

/// The lines of a capture for one sender: its records, then its messages.
#[derive(Default)]
struct Lines {
    records: String,
    messages: String,
}

/// Reads a connection in pieces of at most `size` bytes, and describes it as `expect` does.
fn observe(capture: &Capture, size: usize) -> String {
    let mut observer = Observer::new();
    let mut negotiated = Negotiated::default();
    let mut lines = [Lines::default(), Lines::default()];
    for (sender, packet) in &capture.packets {
        let messages = &mut lines[usize::from(*sender == Sender::Server)].messages;
        for piece in packet.chunks(size) {
            observer.read(*sender, piece, |event| describe(event, &mut negotiated, messages));
        }
    }
    for ((sender, _), lines) in SENDERS.iter().zip(&mut lines) {
        let stream = capture.stream(*sender);
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let Deframed::Record { header, body } = deframe(rest, MAX_FRAGMENT + 2048).unwrap() else {
                panic!("{}: an incomplete record", capture.name)
            };
            assert_eq!(header.to_bytes(), rest[..5]);
            let (typ, version) = (header.content_type.0, header.legacy_record_version.0);
            lines.records += &format!("record {typ:02x} {version:04x} {}\n", header.length);
            rest = &rest[body.end..];
        }
    }
    text(&lines)
}

fn text(lines: &[Lines]) -> String {
    SENDERS.iter().zip(lines).map(|((_, name), lines)| format!("{name}\n{}{}", lines.records, lines.messages)).collect()
}

fn describe(event: Event<'_>, negotiated: &mut Negotiated, out: &mut String) {
    let (typ, body) = match event {
        Event::ClientHello(hello) => (HandshakeType::CLIENT_HELLO, hello.to_vec().unwrap()),
        Event::ServerHello(hello) => (HandshakeType::SERVER_HELLO, hello.to_vec().unwrap()),
        Event::Certificate(message) => (HandshakeType::CERTIFICATE, message.to_vec().unwrap()),
        Event::Handshake(message) => (message.typ, message.body.to_vec()),
        Event::Alert(alert) => {
            *out += &format!("alert {:02x} {:02x}\n", alert.level.0, alert.description.0);
            return;
        }
        Event::Encrypted { .. } | Event::ChangeCipherSpec => return,
        other => panic!("{other:?}"),
    };
    let (description, encoded) = negotiated.describe(Transport::Tcp, (typ, ""), &body);
    assert_eq!(encoded, body, "{typ}");
    *out += &description;
}

/// The handshake messages that both sides sent, with the negotiated values of their time.
fn messages(capture: &Capture) -> Vec<(Negotiated, HandshakeType, Vec<u8>)> {
    let mut observer = Observer::new();
    let mut negotiated = Negotiated::default();
    let mut messages = Vec::new();
    for (sender, packet) in &capture.packets {
        observer.read(*sender, packet, |event| {
            let (typ, body) = match event {
                Event::ClientHello(hello) => (HandshakeType::CLIENT_HELLO, hello.to_vec().unwrap()),
                Event::ServerHello(hello) => (HandshakeType::SERVER_HELLO, hello.to_vec().unwrap()),
                Event::Certificate(message) => (HandshakeType::CERTIFICATE, message.to_vec().unwrap()),
                Event::Handshake(message) => (message.typ, message.body.to_vec()),
                _ => return,
            };
            negotiated.describe(Transport::Tcp, (typ, ""), &body);
            messages.push((negotiated, typ, body));
        });
    }
    messages
}

#[track_caller]
fn assert_matches(capture: &Capture, got: &str) {
    for (at, (got, expected)) in got.lines().zip(capture.expectation.lines()).enumerate() {
        assert_eq!(got, expected, "{}.txt, line {}", capture.name, at + 1);
    }
    assert_eq!(got.lines().count(), capture.expectation.lines().count(), "{}", capture.name);
}

#[test]
fn observer_reads_what_tshark_reads() {
    for capture in tcp() {
        assert_matches(&capture, &observe(&capture, usize::MAX));
    }
}

#[test]
fn size_of_pieces_does_not_matter() {
    for capture in tcp() {
        for size in [1, 2, 3, 7, 64, 1000] {
            assert_matches(&capture, &observe(&capture, size));
        }
    }
}

/// A connection that ends early gives the first of its messages, and no other event.
#[test]
fn truncated_connection_gives_its_first_messages() {
    for capture in tcp() {
        let mut whole = Vec::new();
        let mut observer = Observer::new();
        for (sender, packet) in &capture.packets {
            observer.read(*sender, packet, |event| whole.push(format!("{event:?}")));
        }
        let mut events = 0;
        let mut observer = Observer::new();
        for (sender, packet) in &capture.packets {
            for byte in packet {
                observer.read(*sender, &[*byte], |event| {
                    assert_eq!(format!("{event:?}"), whole[events], "{}", capture.name);
                    events += 1;
                });
            }
        }
        assert_eq!(events, whole.len(), "{}", capture.name);
    }
}

#[test]
fn dtls_reader_reads_what_tshark_reads() {
    let mut read = 0;
    for capture in captures().iter().filter(|capture| capture.name.contains("dtls")) {
        let mut lines = [Lines::default(), Lines::default()];
        let mut negotiated = Negotiated::default();
        for (sender, datagram) in &capture.packets {
            let lines = &mut lines[usize::from(*sender == Sender::Server)];
            let mut encoded = Vec::new();
            for record in records(datagram, 0) {
                let record = record.unwrap();
                encoded.extend(record.to_vec().unwrap());
                dtls_record(&record, &mut negotiated, lines);
            }
            assert_eq!(encoded, *datagram);
        }
        assert_matches(capture, &text(&lines));
        read += 1;
    }
    assert!(read > 0);
}

fn dtls_record(record: &DtlsRecord<'_>, negotiated: &mut Negotiated, lines: &mut Lines) {
    let DtlsRecord::Plaintext { content_type, legacy_record_version, epoch, sequence_number, body, .. } = *record
    else {
        panic!("a record of DTLS 1.3")
    };
    let (typ, version, length) = (content_type.0, legacy_record_version.0, body.len());
    lines.records += &format!("record {typ:02x} {version:04x} {length} {epoch} {sequence_number}\n");
    if content_type != ContentType::HANDSHAKE || epoch != 0 {
        return;
    }
    let mut r = Reader::new(body);
    while !r.is_empty() {
        let message = DtlsHandshake::decode(&mut r).unwrap();
        let (sequence, offset, length) = (message.message_seq, message.fragment_offset, message.fragment.len());
        let whole = message.whole().expect("no fragments");
        let position = format!(" {sequence} {offset} {length}");
        let (description, encoded) = negotiated.describe(Transport::Dtls, (message.typ, &position), whole);
        assert_eq!(encoded, whole, "{}", message.typ);
        lines.messages += &description;
    }
}

#[test]
fn quic_reader_reads_what_tshark_reads() {
    let mut read = 0;
    for capture in captures().iter().filter(|capture| capture.name.contains("quic")) {
        let (client, server) = capture.expectation.split_once("server\n").unwrap();
        let (frames, expected) = crypto_frames(client);
        // In the order of arrival, and in the reverse.
        for frames in [frames.clone(), frames.iter().rev().cloned().collect()] {
            let mut peeker = QuicClientHelloPeeker::new();
            for (offset, data) in &frames {
                peeker.add(*offset, data).unwrap();
            }
            let Ok(Peek::ClientHello(hello)) = peeker.peek() else { panic!("{}: no hello", capture.name) };
            let Ok(Prefix::Whole(lenient)) = peeker.peek_lenient() else { panic!("{}: no hello", capture.name) };
            assert_eq!(lenient.strict(), Ok(hello));
            assert_eq!(quic_message(HandshakeType::CLIENT_HELLO, &hello.to_vec().unwrap()), expected);
        }
        let (frames, expected) = crypto_frames(server);
        let [(0, stream)] = &frames[..] else { panic!("{}: expected one frame", capture.name) };
        let Split::Message { message, rest: [] } = split_message(stream) else { panic!("{}", capture.name) };
        assert_eq!(quic_message(message.typ, message.body), expected);
        read += 1;
    }
    assert!(read > 0);
}

fn quic_message(typ: HandshakeType, body: &[u8]) -> String {
    let (description, encoded) = Negotiated::default().describe(Transport::Quic, (typ, ""), body);
    assert_eq!(encoded, body);
    description
}

/// Returns the frames in the lines of one sender, and the lines of its messages.
fn crypto_frames(lines: &str) -> (Vec<(u64, Vec<u8>)>, String) {
    let frames = lines.lines().filter_map(|line| line.strip_prefix("crypto ")).map(|line| {
        let (offset, data) = line.split_once(' ').unwrap();
        (offset.parse().unwrap(), unhex(data))
    });
    let messages = &lines[lines.find("message ").unwrap()..];
    (frames.collect(), messages.into())
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn peeker_finds_the_first_hello_of_each_client() {
    for capture in tcp() {
        let stream = capture.stream(Sender::Client);
        let mut hello = None;
        Observer::new().read(Sender::Client, &stream, |event| {
            if let Event::ClientHello(found) = event {
                hello.get_or_insert_with(|| found.to_vec().unwrap());
            }
        });
        let hello = hello.unwrap();
        let mut peeker = ClientHelloPeeker::new();
        let mut found = None;
        for end in 0..=stream.len() {
            match peeker.peek(&stream[..end]).unwrap() {
                Peek::Incomplete { need } => assert!(need > 0 && end + need <= stream.len(), "{}", capture.name),
                Peek::ClientHello(hello) => {
                    found = Some((end, hello.to_vec().unwrap()));
                    break;
                }
            }
        }
        let (end, found) = found.unwrap();
        assert_eq!(found, hello, "{}", capture.name);
        // The lenient peeker has all extensions at the same place, and not more of them before.
        let mut extensions = 0;
        for end in 0..=end {
            let mut peeker = ClientHelloPeeker::new();
            let prefix = peeker.peek_lenient(&stream[..end]).unwrap();
            let count = prefix.received().map_or(0, |hello| hello.extensions.iter().count());
            assert!(count >= extensions, "{}", capture.name);
            extensions = count;
        }
        assert_eq!(extensions, ClientHello::lenient(&hello).unwrap().extensions.iter().count());
    }
}

/// Decodes a cut message, and encodes it again. Hellos may end before their extensions, or before
/// the length of them.
#[test]
fn truncated_message_is_an_error_or_shorter() {
    for capture in tcp() {
        for (negotiated, typ, body) in messages(&capture) {
            for end in 0..body.len() {
                if let Some(encoded) = negotiated.reencode(typ, &body[..end]) {
                    assert_eq!(encoded, body[..end], "{}: {typ} of {end} bytes", capture.name);
                    let is_hello = matches!(typ, HandshakeType::CLIENT_HELLO | HandshakeType::SERVER_HELLO);
                    assert!(is_hello && end == fields_length(&body, typ), "{}: {typ} of {end} bytes", capture.name);
                }
            }
        }
    }
}

/// The length of a hello without its extensions.
fn fields_length(body: &[u8], typ: HandshakeType) -> usize {
    let extensions = match typ {
        HandshakeType::CLIENT_HELLO => ClientHello::lenient(body).unwrap().extensions,
        _ => ServerHello::lenient(body).unwrap().extensions,
    };
    body.len() - extensions.to_vec().unwrap().len()
}

impl Negotiated {
    /// Decodes the body, which need not be valid, and encodes the result.
    fn reencode(self, typ: HandshakeType, body: &[u8]) -> Option<Vec<u8>> {
        fn through<'a, T: Decode<'a> + Encode>(body: &'a [u8]) -> Option<Vec<u8>> {
            decode_all::<T>(body).ok().map(|message| message.to_vec().unwrap())
        }
        match typ {
            HandshakeType::CLIENT_HELLO => {
                let strict = through::<ClientHello<'_>>(body);
                let lenient = ClientHello::lenient(body).ok().map(|hello| hello.to_vec().unwrap());
                assert!(strict.is_none() || strict == lenient);
                // A cut hello of DTLS is no hello of TLS.
                assert!(decode_all::<DtlsClientHello<'_>>(body).is_err());
                strict
            }
            HandshakeType::SERVER_HELLO => through::<ServerHelloMessage<'_>>(body),
            HandshakeType::NEW_SESSION_TICKET => through::<tls12::NewSessionTicket<'_>>(body),
            HandshakeType::CERTIFICATE => through::<tls12::Certificate<'_>>(body),
            HandshakeType::CERTIFICATE_STATUS => through::<tls12::CertificateStatus<'_>>(body),
            HandshakeType::CERTIFICATE_REQUEST => through::<tls12::CertificateRequest<'_>>(body),
            HandshakeType::CERTIFICATE_VERIFY => through::<CertificateVerify<'_>>(body),
            HandshakeType::SERVER_KEY_EXCHANGE => {
                let (suite, version) = self.parts();
                let message = key_exchange::ServerKeyExchange::decode(body, suite, version).ok()?;
                Some(message.to_vec().unwrap())
            }
            HandshakeType::CLIENT_KEY_EXCHANGE => {
                let (suite, version) = self.parts();
                let message = key_exchange::ClientKeyExchange::decode(body, suite, version).ok()?;
                Some(message.to_vec().unwrap())
            }
            other => panic!("no test decodes {other}"),
        }
    }
}
