//! Parsing messages: a browser's ClientHello with all its extensions (with padding, and with an
//! ML-KEM key share), and the messages of captured connections.
//!
//! rustls's parser is private, so the peer is `tls-parser`. Both sides read the same fields. Where
//! `tls-parser` leaves bytes to a second function, such as the extensions of a hello, that is
//! called too.

use std::hint::black_box;
use std::sync::LazyLock;

use strata_tls_codec::{
    Alert, CipherSuite, ContentType, DecodeError, Deframed, HandshakeType, ProtocolVersion,
    client_hello_peeker::{DEFAULT_LIMIT, Peek, peek_client_hello},
    decode_all, deframe,
    dtls::{DtlsClientHello, DtlsHandshake, DtlsRecord, records},
    fingerprint::{Transport, ja3, ja4},
    handshake::{
        CertificateVerify, ClientHello, Finished, RawMessage, ServerHelloMessage, Split, key_exchange, split_message,
        tls12,
    },
    observer::{Event, Observer, Sender},
    record::MAX_FRAGMENT,
    registry::CipherSuiteInfo,
};
use tls_parser::{
    DTLSMessage, DTLSMessageHandshakeBody, TlsMessage, TlsMessageHandshake, TlsPlaintext, parse_content_and_signature,
    parse_dh_params, parse_digitally_signed, parse_dtls_plaintext_record, parse_ecdh_params,
    parse_tls_client_hello_extensions, parse_tls_message_handshake, parse_tls_plaintext, parse_tls_raw_record,
    parse_tls_server_hello_extensions,
};

/// The lengths of the ClientHellos, header included.
pub(crate) const LENGTHS: [usize; 2] = [517, 1762];

/// Work of both libraries on the same bytes.
pub(crate) struct Case {
    /// What is parsed.
    pub(crate) name: String,
    bytes: Vec<u8>,
    ours: fn(&[u8]),
    tls_parser: Option<fn(&[u8])>,
    /// What ours takes at most, if not a part of what `tls-parser` takes, in nanoseconds.
    #[allow(dead_code, reason = "criterion has no targets")]
    pub(crate) at_most: Option<f64>,
}

impl Case {
    /// Runs our work.
    pub(crate) fn ours(&self) {
        (self.ours)(black_box(&self.bytes));
    }

    /// Returns whether `tls-parser` does the work.
    pub(crate) fn has_peer(&self) -> bool {
        self.tls_parser.is_some()
    }

    /// Runs the work of `tls-parser`.
    pub(crate) fn tls_parser(&self) {
        if let Some(parse) = self.tls_parser {
            parse(black_box(&self.bytes));
        }
    }
}

/// Returns all cases.
pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, bytes: &[u8], ours, tls_parser| Case {
        name: name.into(),
        bytes: bytes.into(),
        ours,
        tls_parser: Some(tls_parser),
        at_most: None,
    };
    let only_ours = |name: &str, bytes: &[u8], ours, at_most| Case {
        name: name.into(),
        bytes: bytes.into(),
        ours,
        tls_parser: None,
        at_most: Some(at_most),
    };
    // Of a record header, both read five bytes.
    let header = |case: Case| Case { at_most: Some(12.0), ..case };
    let mut cases: Vec<Case> = LENGTHS
        .iter()
        .map(|length| {
            let name = format!("parse a ClientHello of {length} bytes, all extensions typed");
            Case { at_most: Some(250.0), ..case(&name, &hello(*length), ours, tls_parser) }
        })
        .collect();
    let tls12 = Capture::read("openssl-tls12");
    let dhe = Capture::read("openssl-tls12-dhe");
    let tls13 = Capture::read("openssl-tls13");
    let retry = Capture::read("openssl-tls13-retry");
    let large = hello(1762);
    let stream = record(&large);
    cases.extend([
        case(
            "parse a ServerHello of TLS 1.3",
            tls13.message(HandshakeType::SERVER_HELLO),
            server_hello,
            their_server_hello,
        ),
        case("parse a HelloRetryRequest", retry.message(HandshakeType::SERVER_HELLO), server_hello, their_server_hello),
        case(
            "parse a ServerHello of TLS 1.2",
            tls12.message(HandshakeType::SERVER_HELLO),
            server_hello,
            their_server_hello,
        ),
        case(
            "parse a Certificate of TLS 1.2, two certificates",
            tls12.message(HandshakeType::CERTIFICATE),
            certificate,
            their_certificate,
        ),
        case(
            "parse a CertificateStatus",
            tls12.message(HandshakeType::CERTIFICATE_STATUS),
            certificate_status,
            their_certificate_status,
        ),
        case(
            "parse a ServerKeyExchange with ECDHE",
            tls12.message(HandshakeType::SERVER_KEY_EXCHANGE),
            ecdhe,
            their_ecdhe,
        ),
        case(
            "parse a ServerKeyExchange with DHE",
            dhe.message(HandshakeType::SERVER_KEY_EXCHANGE),
            dhe_params,
            their_dhe,
        ),
        case(
            "parse a CertificateRequest of TLS 1.2",
            tls12.message(HandshakeType::CERTIFICATE_REQUEST),
            certificate_request,
            their_certificate_request,
        ),
        case(
            "parse a ServerHelloDone",
            tls12.message(HandshakeType::SERVER_HELLO_DONE),
            server_hello_done,
            their_message,
        ),
        case(
            "parse a ClientKeyExchange",
            tls12.message(HandshakeType::CLIENT_KEY_EXCHANGE),
            client_key_exchange,
            their_message,
        ),
        case(
            "parse a CertificateVerify",
            tls12.message(HandshakeType::CERTIFICATE_VERIFY),
            certificate_verify,
            their_certificate_verify,
        ),
        case(
            "parse a NewSessionTicket of TLS 1.2",
            tls12.message(HandshakeType::NEW_SESSION_TICKET),
            new_session_ticket,
            their_message,
        ),
        case("parse a Finished", &[&[20, 0, 0, 12][..], &[7; 12]].concat(), finished, their_message),
        case("parse a record with an alert", &[21, 3, 3, 0, 2, 2, 40], alert, their_plaintext),
        header(case(
            "parse a record with application data",
            &[&[23, 3, 3, 0x40, 0][..], &[7; 0x4000]].concat(),
            raw_record,
            their_raw_record,
        )),
        case("parse a DTLS record with a ClientHello", &dtls_hello(), dtls_client_hello, their_dtls_client_hello),
        case("parse a server's flight of TLS 1.2, all messages", &tls12.flight, flight, their_flight),
        only_ours("peek at a ClientHello of 1762 bytes", &stream, peek, 500.0),
        only_ours("compute JA4 of a ClientHello of 1762 bytes, parsing included", &large, ja4_of, 2000.0),
        only_ours("compute JA3 of a ClientHello of 1762 bytes, parsing included", &large, ja3_of, 2000.0),
    ]);
    cases
}

/// Parses the message with this library.
pub(crate) fn ours(message: &[u8]) {
    check(&raw(message).decode::<ClientHello<'_>>());
}

/// Checks a message where it was decoded: moving it is not parsing.
fn check<T>(message: &Result<T, DecodeError>) {
    assert!(black_box(message).is_ok());
}

fn raw(message: &[u8]) -> RawMessage<'_> {
    let Split::Message { message, .. } = split_message(message) else { panic!("expected a message") };
    message
}

fn server_hello(message: &[u8]) {
    check(&raw(message).decode::<ServerHelloMessage<'_>>());
}

fn certificate(message: &[u8]) {
    check(&raw(message).decode::<tls12::Certificate<'_>>());
}

fn certificate_status(message: &[u8]) {
    check(&raw(message).decode::<tls12::CertificateStatus<'_>>());
}

fn ecdhe(message: &[u8]) {
    check(&raw(message).decode::<tls12::ServerKeyExchange<'_>>());
}

fn dhe_params(message: &[u8]) {
    // Looked up once for a connection.
    static SUITE: LazyLock<&CipherSuiteInfo> =
        LazyLock::new(|| CipherSuite(0x009f).info().expect("DHE-RSA-AES256-GCM-SHA384"));
    let body = raw(message).body;
    black_box(&key_exchange::ServerKeyExchange::decode(body, &SUITE, ProtocolVersion::TLS12).expect("valid"));
}

fn certificate_request(message: &[u8]) {
    check(&raw(message).decode::<tls12::CertificateRequest<'_>>());
}

fn server_hello_done(message: &[u8]) {
    check(&raw(message).decode::<tls12::ServerHelloDone>());
}

fn client_key_exchange(message: &[u8]) {
    check(&raw(message).decode::<tls12::ClientKeyExchange<'_>>());
}

fn certificate_verify(message: &[u8]) {
    check(&raw(message).decode::<CertificateVerify<'_>>());
}

fn new_session_ticket(message: &[u8]) {
    check(&raw(message).decode::<tls12::NewSessionTicket<'_>>());
}

fn finished(message: &[u8]) {
    check(&raw(message).decode::<Finished<'_>>());
}

fn alert(stream: &[u8]) {
    let Ok(Deframed::Record { body, .. }) = deframe(stream, MAX_FRAGMENT) else { panic!("expected a record") };
    black_box(&decode_all::<Alert>(&stream[body]).expect("valid"));
}

fn raw_record(stream: &[u8]) {
    let Ok(Deframed::Record { header, body }) = deframe(stream, MAX_FRAGMENT) else { panic!("expected a record") };
    black_box((&header, &stream[body]));
}

fn dtls_client_hello(datagram: &[u8]) {
    let Some(Ok(DtlsRecord::Plaintext { body, .. })) = records(datagram, 0).next() else { panic!("a record") };
    let message: DtlsHandshake<'_> = decode_all(body).expect("valid");
    let DtlsClientHello { hello, .. } = decode_all(message.whole().expect("whole")).expect("valid");
    black_box(&hello.strict().expect("valid"));
}

/// Reads each record and message of a stream.
fn flight(mut stream: &[u8]) {
    while let Ok(Deframed::Record { body, .. }) = deframe(stream, MAX_FRAGMENT) {
        let message = &stream[body.clone()];
        match HandshakeType(message[0]) {
            HandshakeType::SERVER_HELLO => server_hello(message),
            HandshakeType::CERTIFICATE => certificate(message),
            HandshakeType::CERTIFICATE_STATUS => certificate_status(message),
            HandshakeType::SERVER_KEY_EXCHANGE => ecdhe(message),
            HandshakeType::CERTIFICATE_REQUEST => certificate_request(message),
            HandshakeType::SERVER_HELLO_DONE => server_hello_done(message),
            other => panic!("{other}"),
        }
        stream = &stream[body.end..];
    }
    assert!(stream.is_empty());
}

fn peek(stream: &[u8]) {
    let Ok(Peek::ClientHello(hello)) = peek_client_hello(stream, DEFAULT_LIMIT) else { panic!("expected a hello") };
    black_box(hello.extensions.server_name.and_then(|names| names.host_name()));
}

fn ja4_of(message: &[u8]) {
    black_box(ja4(ClientHello::lenient(raw(message).body).expect("valid"), Transport::Tcp));
}

fn ja3_of(message: &[u8]) {
    black_box(ja3(ClientHello::lenient(raw(message).body).expect("valid")));
}

/// Parses the message and its extensions with `tls-parser`.
pub(crate) fn tls_parser(message: &[u8]) {
    let TlsMessageHandshake::ClientHello(hello) = their_handshake(message) else { panic!("expected a ClientHello") };
    let (rest, extensions) =
        parse_tls_client_hello_extensions(hello.ext.unwrap_or_default()).expect("valid extensions");
    assert!(rest.is_empty());
    black_box((&hello, &extensions));
}

fn their_handshake(message: &[u8]) -> TlsMessageHandshake<'_> {
    let Ok((_, TlsMessage::Handshake(message))) = parse_tls_message_handshake(message) else {
        panic!("expected a message")
    };
    message
}

/// Messages that `tls-parser` reads in one step, or as bytes.
fn their_message(message: &[u8]) {
    black_box(&their_handshake(message));
}

fn their_server_hello(message: &[u8]) {
    read_server_hello(&their_handshake(message));
}

fn read_server_hello(message: &TlsMessageHandshake<'_>) {
    let TlsMessageHandshake::ServerHello(hello) = message else { panic!("expected a ServerHello") };
    let (rest, extensions) =
        parse_tls_server_hello_extensions(hello.ext.unwrap_or_default()).expect("valid extensions");
    assert!(rest.is_empty());
    black_box((hello, &extensions));
}

fn their_certificate(message: &[u8]) {
    let TlsMessageHandshake::Certificate(message) = their_handshake(message) else { panic!("expected a Certificate") };
    assert_eq!(message.cert_chain.len(), 2);
    black_box(&message);
}

fn their_certificate_status(message: &[u8]) {
    let TlsMessageHandshake::CertificateStatus(message) = their_handshake(message) else { panic!("another message") };
    black_box(&message);
}

fn their_ecdhe(message: &[u8]) {
    read_ecdhe(&their_handshake(message));
}

fn read_ecdhe(message: &TlsMessageHandshake<'_>) {
    let TlsMessageHandshake::ServerKeyExchange(message) = message else { panic!("another message") };
    black_box(&parse_content_and_signature(message.parameters, parse_ecdh_params, true).expect("valid"));
}

fn their_dhe(message: &[u8]) {
    let TlsMessageHandshake::ServerKeyExchange(message) = their_handshake(message) else { panic!("another message") };
    black_box(&parse_content_and_signature(message.parameters, parse_dh_params, true).expect("valid"));
}

fn their_certificate_request(message: &[u8]) {
    let TlsMessageHandshake::CertificateRequest(message) = their_handshake(message) else { panic!("another message") };
    black_box(&message);
}

fn their_certificate_verify(message: &[u8]) {
    let TlsMessageHandshake::CertificateVerify(signed) = their_handshake(message) else { panic!("another message") };
    black_box(&parse_digitally_signed(signed).expect("valid"));
}

fn their_plaintext(stream: &[u8]) {
    black_box(&parse_tls_plaintext(stream).expect("valid"));
}

fn their_raw_record(stream: &[u8]) {
    black_box(&parse_tls_raw_record(stream).expect("valid"));
}

fn their_dtls_client_hello(datagram: &[u8]) {
    let (_, record) = parse_dtls_plaintext_record(datagram).expect("valid");
    let [DTLSMessage::Handshake(message)] = &record.messages[..] else { panic!("expected a handshake message") };
    let DTLSMessageHandshakeBody::ClientHello(hello) = &message.body else { panic!("expected a ClientHello") };
    let (rest, extensions) =
        parse_tls_client_hello_extensions(hello.ext.unwrap_or_default()).expect("valid extensions");
    assert!(rest.is_empty());
    black_box((hello, &extensions));
}

fn their_flight(mut stream: &[u8]) {
    while !stream.is_empty() {
        let (rest, TlsPlaintext { msg, .. }) = parse_tls_plaintext(stream).expect("valid");
        for message in &msg {
            let TlsMessage::Handshake(message) = message else { panic!("expected a handshake message") };
            match message {
                TlsMessageHandshake::ServerHello(_) => read_server_hello(message),
                TlsMessageHandshake::ServerKeyExchange(_) => read_ecdhe(message),
                _ => {}
            }
        }
        black_box(&msg);
        stream = rest;
    }
}

/// What the server sent in a capture of the tests of the codec, up to its ServerHelloDone.
struct Capture {
    messages: Vec<(HandshakeType, Vec<u8>)>,
    flight: Vec<u8>,
}

impl Capture {
    fn read(name: &str) -> Self {
        let path = format!("{}/../tls-codec/tests/captures/{name}.pcap", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read(path).expect("a file");
        let mut capture = Self { messages: Vec::new(), flight: Vec::new() };
        let mut observer = Observer::new();
        let mut server = Vec::new();
        let mut rest = &file[24..];
        while let Some((header, after)) = rest.split_at_checked(16) {
            let length = u32::from_le_bytes(header[8..12].try_into().expect("four bytes"));
            let (packet, after) = after.split_at(usize::try_from(length).expect("short"));
            rest = after;
            // Headers of IPv4 and TCP, without options.
            let is_client = packet[12..16] == [192, 0, 2, 1];
            let sender = if is_client { Sender::Client } else { Sender::Server };
            if !is_client {
                server.extend_from_slice(&packet[40..]);
            }
            observer.read(sender, &packet[40..], |event| capture.add(event));
        }
        while let Ok(Deframed::Record { header, body }) = deframe(&server[capture.flight.len()..], MAX_FRAGMENT) {
            let start = capture.flight.len();
            let message = server[start..][body.clone()].first().copied();
            if header.content_type != ContentType::HANDSHAKE || message == Some(HandshakeType::NEW_SESSION_TICKET.0) {
                break;
            }
            capture.flight.extend_from_slice(&server[start..start + body.end]);
        }
        capture
    }

    fn add(&mut self, event: Event<'_>) {
        use strata_tls_codec::Encode as _;
        let (typ, body) = match event {
            Event::ServerHello(hello) => (HandshakeType::SERVER_HELLO, hello.to_vec().expect("short")),
            Event::Certificate(message) => (HandshakeType::CERTIFICATE, message.to_vec().expect("short")),
            Event::Handshake(message) => (message.typ, message.body.to_vec()),
            _ => return,
        };
        self.messages.push((typ, framed(typ, &body)));
    }

    /// Returns the first message of a type, header included.
    fn message(&self, typ: HandshakeType) -> &[u8] {
        let found = self.messages.iter().find(|(found, _)| *found == typ);
        &found.expect("a message of the type").1
    }
}

fn framed(typ: HandshakeType, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&[typ.0][..], &length[1..], body].concat()
}

/// Returns a handshake record.
fn record(body: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &vec16(body)].concat()
}

/// Returns a datagram with a ClientHello with a cookie.
fn dtls_hello() -> Vec<u8> {
    let suites: Vec<u8> = [0xc02b_u16, 0xc02f, 0xc02c, 0xc030].into_iter().flat_map(u16::to_be_bytes).collect();
    let extensions = [extension(10, &vec16(&[0, 0x1d, 0, 0x17])), extension(13, &vec16(&[4, 3, 8, 4]))].concat();
    let body =
        [&[0xfe, 0xfd][..], &[1; 32], &[0, 20], &[9; 20], &vec16(&suites), &[1, 0], &vec16(&extensions)].concat();
    let length = &u32::try_from(body.len()).expect("short").to_be_bytes()[1..];
    let message = [&[1][..], length, &[0, 0, 0, 0, 0], length, &body].concat();
    [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0][..], &vec16(&message)].concat()
}

/// Returns a message of this length, filled with padding or, for long ones, with a post-quantum key
/// share.
pub(crate) fn hello(length: usize) -> Vec<u8> {
    let without = message(&[]);
    let filler = length - without.len();
    let hello = match filler.checked_sub(MLKEM_SHARE + EXTENSION) {
        None => message(&extension(21, &vec![0; filler - EXTENSION])),
        Some(rest) => {
            let share = [&[0x11, 0xec][..], &vec16(&[7; MLKEM_SHARE - 4])].concat();
            // RFC 9849: encrypted_client_hello with random bytes, as browsers send it.
            message_with(&share, &extension(0xfe0d, &vec![9; rest]))
        }
    };
    assert_eq!(hello.len(), length);
    hello
}

/// Group and length, an ML-KEM-768 key and an X25519 key.
const MLKEM_SHARE: usize = 4 + 1184 + 32;
/// Type and length.
const EXTENSION: usize = 4;

fn message(last: &[u8]) -> Vec<u8> {
    message_with(&[], last)
}

fn message_with(share: &[u8], last: &[u8]) -> Vec<u8> {
    let x25519 = [&[0x00, 0x1d][..], &vec16(&[8; 32])].concat();
    let extensions = [
        extension(0x2a2a, &[]),
        extension(0, &vec16(&[&[0][..], &vec16(b"www.example.com")].concat())),
        extension(23, &[]),
        extension(0xff01, &[0]),
        extension(10, &vec16(&[0x3a, 0x3a, 0x11, 0xec, 0x00, 0x1d, 0x00, 0x17, 0x00, 0x18])),
        extension(11, &[1, 0]),
        extension(35, &[]),
        extension(16, &vec16(b"\x02h2\x08http/1.1")),
        extension(5, &[1, 0, 0, 0, 0]),
        extension(13, &vec16(&[4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1])),
        extension(18, &[]),
        extension(51, &vec16(&[&[0x4a, 0x4a, 0, 1, 0][..], share, &x25519].concat())),
        extension(45, &[1, 1]),
        extension(43, &[6, 0x5a, 0x5a, 3, 4, 3, 3]),
        extension(27, &[2, 0, 2]),
        extension(0x4469, &vec16(b"\x02h2")),
        extension(0x6a6a, &[0]),
        last.to_vec(),
    ];
    let suites: Vec<u8> = [0x7a7a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8]
        .into_iter()
        .chain([0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035])
        .flat_map(u16::to_be_bytes)
        .collect();
    let body =
        [&[3, 3][..], &[1; 32], &[32], &[2; 32], &vec16(&suites), &[1, 0], &vec16(&extensions.concat())].concat();
    framed(HandshakeType::CLIENT_HELLO, &body)
}

fn extension(typ: u16, data: &[u8]) -> Vec<u8> {
    [&typ.to_be_bytes()[..], &vec16(data)].concat()
}

fn vec16(body: &[u8]) -> Vec<u8> {
    [&u16::try_from(body.len()).expect("short").to_be_bytes()[..], body].concat()
}
