//! Tests of the observer of connections.

mod samples;

use samples::{openssl_tls12, rfc8448, written};
use strata_tls_codec::{
    handshake::tls12,
    observer::{Event, Loss, Observer, Sender},
    record::{Protocol, RecordError},
    *,
};

fn record(content_type: ContentType, body: &[u8]) -> Vec<u8> {
    let length = body.len().try_into().unwrap();
    let header = RecordHeader { content_type, legacy_record_version: ProtocolVersion::TLS12, length };
    [&header.to_bytes(), body].concat()
}

/// The message of a sample of a TLS 1.2 session, header included.
fn message(name: &str) -> Vec<u8> {
    let sample = openssl_tls12().into_iter().find(|sample| sample.name == format!("openssl {name}")).unwrap();
    written(|w| w.message(sample.typ, |w| w.bytes(&sample.body)))
}

/// A handshake of TLS 1.2: what client and server send, in records of `size` bytes.
fn tls12_streams(size: usize) -> [Vec<u8>; 2] {
    let records = |names: &[&str]| -> Vec<u8> {
        let messages: Vec<u8> = names.iter().flat_map(|name| message(name)).collect();
        messages.chunks(size).flat_map(|part| record(ContentType::HANDSHAKE, part)).collect()
    };
    let encrypted = [
        record(ContentType::CHANGE_CIPHER_SPEC, &[1]),
        record(ContentType::HANDSHAKE, &[0x5a; 40]),
        record(ContentType::APPLICATION_DATA, &[0x5a; 300]),
        record(ContentType::ALERT, &[0x5a; 26]),
    ];
    let server = ["server_hello", "server_certificate", "certificate_status", "server_key_exchange"];
    let server = server.map(|name| format!("ecdsa {name}"));
    let server: Vec<&str> = server.iter().map(String::as_str).chain(["ecdsa server_hello_done"]).collect();
    let client = ["ecdsa client_hello"];
    let second = ["ecdsa client_certificate", "ecdsa client_key_exchange", "ecdsa certificate_verify"];
    [[records(&client), records(&second), encrypted.concat()].concat(), [records(&server), encrypted.concat()].concat()]
}

/// Events as text; reads in pieces of `size` bytes.
fn observe(observer: &mut Observer, sender: Sender, stream: &[u8], size: usize) -> Vec<String> {
    let mut events = Vec::new();
    for piece in stream.chunks(size) {
        observer.read(sender, piece, |event| events.push(summary(&event)));
    }
    events
}

fn summary(event: &Event<'_>) -> String {
    match event {
        Event::ClientHello(hello) => format!("client_hello {}", String::from_utf8_lossy(hello.host_name().unwrap())),
        Event::ServerHello(hello) => format!("server_hello {}", hello.cipher_suite.unwrap()),
        Event::Certificate(certificate) => format!("certificates: {}", certificate.certificate_list.len()),
        Event::Handshake(message) => format!("{} of {}", message.typ, message.body.len()),
        Event::Encrypted { content_type, length } => format!("{content_type} encrypted {length}"),
        other => format!("{other:?}"),
    }
}

const SECOND_PART: [&str; 4] =
    ["ChangeCipherSpec", "handshake encrypted 40", "application_data encrypted 300", "alert encrypted 26"];

#[test]
fn tls12_handshake_is_followed_in_both_directions() {
    for (record_size, piece) in [(16_384, 1), (16_384, 100_000), (1, 1), (5, 7), (100, 3), (300, 1000)] {
        let [client, server] = tls12_streams(record_size);
        let mut observer = Observer::new();
        let client = observe(&mut observer, Sender::Client, &client, piece);
        let server = observe(&mut observer, Sender::Server, &server, piece);
        let expected =
            ["client_hello example.com", "certificates: 2", "client_key_exchange of 33", "certificate_verify of 76"];
        assert_eq!(client, [&expected[..], &SECOND_PART].concat(), "records of {record_size}, pieces of {piece}");
        let suite = observer.cipher_suite().unwrap();
        assert_eq!(server[0], format!("server_hello {suite}"));
        assert_eq!(
            server[1..5],
            ["certificates: 2", "certificate_status of 300", "server_key_exchange of 112", "server_hello_done of 0"]
        );
        assert_eq!(server[5..], SECOND_PART);
        assert_eq!(observer.version(), Some(ProtocolVersion::TLS12));
    }
}

#[test]
fn reason_of_a_loss_does_not_depend_on_pieces() {
    for stream in [&b"GET / HTTP/1.1\r\n"[..], b"SSH-2.0-x\r\n", &[255, 235, 1, 3, 1, 3], &[22, 9, 9, 0, 1, 0]] {
        let events = |size| observe(&mut Observer::new(), Sender::Client, stream, size);
        let at_once = events(stream.len());
        assert!(at_once[0].starts_with("Lost(Record("), "{at_once:?}");
        for size in 1..stream.len() {
            assert_eq!(events(size), at_once, "pieces of {size}");
        }
    }
}

#[test]
fn certificates_of_tls12_are_returned() {
    let [_, server] = tls12_streams(50);
    let mut certificates = Vec::new();
    Observer::new().read(Sender::Server, &server, |event| {
        if let Event::Certificate(chain) = event {
            certificates.extend(chain.certificate_list.iter().map(|certificate| certificate.cert_data.to_vec()));
        }
    });
    let message = message("ecdsa server_certificate");
    let expected: tls12::Certificate<'_> = decode_all(&message[4..]).unwrap();
    let expected: Vec<_> = expected.certificate_list.iter().map(|certificate| certificate.cert_data.to_vec()).collect();
    assert_eq!(certificates, expected);
}

/// A HelloRetryRequest after early data: the second ClientHello is not encrypted.
#[test]
fn tls13_hellos_are_read_around_early_data() {
    let samples = rfc8448();
    let hello = |typ: HandshakeType, nth: usize| {
        let sample = samples.iter().filter(|sample| sample.typ == typ).nth(nth).unwrap();
        record(ContentType::HANDSHAKE, &written(|w| w.message(typ, |w| w.bytes(&sample.body))))
    };
    let is_retry = |body: &[u8]| ServerHello::lenient(body).is_ok_and(|hello| hello.is_hello_retry_request());
    let servers = samples.iter().filter(|sample| sample.typ == HandshakeType::SERVER_HELLO);
    let retry = servers.clone().position(|sample| is_retry(&sample.body)).unwrap();
    let accept = servers.clone().position(|sample| !is_retry(&sample.body)).unwrap();
    let change = record(ContentType::CHANGE_CIPHER_SPEC, &[1]);
    let data = record(ContentType::APPLICATION_DATA, &[0x5a; 50]);
    for piece in [1, 10_000] {
        let mut observer = Observer::new();
        let mut read = |sender, parts: &[&[u8]]| observe(&mut observer, sender, &parts.concat(), piece);
        let first = read(Sender::Client, &[&hello(HandshakeType::CLIENT_HELLO, 0), &change, &data]);
        assert_eq!(first, ["client_hello server", "ChangeCipherSpec", "application_data encrypted 50"]);
        let retried = read(Sender::Server, &[&hello(HandshakeType::SERVER_HELLO, retry), &change]);
        assert!(retried[0].starts_with("server_hello ") && retried[1] == "ChangeCipherSpec");
        let second = read(Sender::Client, &[&hello(HandshakeType::CLIENT_HELLO, 0), &data]);
        assert_eq!(second, ["client_hello server", "application_data encrypted 50"]);
        let accepted = read(Sender::Server, &[&hello(HandshakeType::SERVER_HELLO, accept), &change, &data]);
        assert_eq!(accepted[1..], ["ChangeCipherSpec", "application_data encrypted 50"]);
        assert_eq!(observer.version(), Some(ProtocolVersion::TLS13));
    }
}

#[test]
fn alert_before_encryption_is_returned() {
    let mut alerts = Vec::new();
    Observer::new().read(Sender::Server, &record(ContentType::ALERT, &[2, 40]), |event| {
        if let Event::Alert(alert) = event {
            alerts.push(alert);
        }
    });
    assert_eq!(alerts, [Alert::fatal(AlertDescription::HANDSHAKE_FAILURE)]);
}

#[test]
fn malformed_hello_is_reported_and_reading_continues() {
    let mut hello = message("ecdsa client_hello");
    hello[38] = 0xff; // the length of the session ID
    let stream = [record(ContentType::HANDSHAKE, &hello), record(ContentType::ALERT, &[2, 50])].concat();
    for piece in [1, 10_000] {
        let events = observe(&mut Observer::new(), Sender::Client, &stream, piece);
        assert!(events[0].starts_with("Malformed"), "{events:?}");
        assert!(events[1].starts_with("Alert"), "{events:?}");
    }
}

#[test]
fn long_message_is_skipped_within_the_limit() {
    let long = written(|w| w.message(HandshakeType::CERTIFICATE, |w| w.bytes(&[7; 5000])));
    let stream: Vec<u8> = [long, message("ecdsa server_hello_done")]
        .concat()
        .chunks(400)
        .flat_map(|part| record(ContentType::HANDSHAKE, part))
        .collect();
    for piece in [1, 13, 10_000] {
        let mut observer = Observer::with_limit(4096);
        let events = observe(&mut observer, Sender::Server, &stream, piece);
        assert_eq!(events, ["TooLong { typ: certificate, length: 5004 }", "server_hello_done of 0"]);
        assert!(observer.incomplete_message(Sender::Server).is_empty());
    }
}

#[test]
fn incomplete_hello_can_be_read_leniently() {
    let hello = message("ecdsa client_hello");
    let stream: Vec<u8> = hello.chunks(60).flat_map(|part| record(ContentType::HANDSHAKE, part)).collect();
    let mut observer = Observer::new();
    assert_eq!(observe(&mut observer, Sender::Client, &stream[..3 * 65 + 2], 1000), [""; 0]);
    let incomplete = observer.incomplete_message(Sender::Client);
    assert_eq!(incomplete, &hello[..180]);
    let prefix = ClientHello::lenient_prefix(&incomplete[4..], hello.len() - 4).unwrap();
    assert!(prefix.received().is_some());
}

/// After STARTTLS, or another protocol in front of TLS, the hello is found.
#[test]
fn hello_after_other_bytes_is_found() {
    let [client, _] = tls12_streams(16_384);
    let stream = [b"EHLO client.example\r\nSTARTTLS\r\n".as_slice(), &client].concat();
    for piece in [1, 4, 10_000] {
        let events = observe(&mut Observer::new(), Sender::Client, &stream, piece);
        let smtp = Loss::Record(RecordError::NotTls(Protocol::Smtp));
        assert_eq!(events[0], format!("{:?}", Event::Lost(smtp)));
        assert_eq!(events[1..3], ["Resynchronized", "client_hello example.com"]);
        assert_eq!(events[6..], SECOND_PART);
    }
}

#[test]
fn gap_in_an_encrypted_body_does_not_lose_the_place() {
    let [client, _] = tls12_streams(16_384);
    let data = client.len() - 26 - 5 - 100; // within the body of application data
    let mut observer = Observer::new();
    observe(&mut observer, Sender::Client, &client[..data], 1000);
    observer.gap(Sender::Client, 50, |event| panic!("{event:?}"));
    let events = observe(&mut observer, Sender::Client, &client[data + 50..], 1000);
    assert_eq!(events, ["alert encrypted 26"]);
}

#[test]
fn gap_elsewhere_is_reported_and_records_are_found_again() {
    let [client, _] = tls12_streams(16_384);
    for (gap_at, size) in [(100, 20), (3, 1), (client.len() - 331 - 3, 2), (client.len() - 331, 320)] {
        for piece in [1, 10, 10_000] {
            let mut observer = Observer::new();
            let mut events = observe(&mut observer, Sender::Client, &client[..gap_at], piece);
            observer.gap(Sender::Client, size, |event| events.push(summary(&event)));
            assert_eq!(events.pop().as_deref(), Some("Lost(Gap)"), "{gap_at}");
            let more = [record(ContentType::APPLICATION_DATA, &[0x5b; 10]), record(ContentType::ALERT, &[0x5b; 26])];
            let rest = [&client[gap_at + size..], &more.concat(), &more.concat()].concat();
            let events = observe(&mut observer, Sender::Client, &rest, piece);
            assert_eq!(events[0], "Resynchronized", "{gap_at}: {events:?}");
            assert_eq!(events[events.len() - 2..], ["application_data encrypted 10", "alert encrypted 26"], "{gap_at}");
        }
    }
}

/// Whatever is read, in whatever pieces: the same events, and no panic.
#[test]
fn pieces_do_not_change_the_events() {
    let [client, server] = tls12_streams(200);
    for (sender, stream) in [(Sender::Client, client), (Sender::Server, server)] {
        for at in (0..stream.len()).step_by(3) {
            let mut changed = stream.clone();
            changed[at] ^= 0x41;
            let mut expected = None;
            for piece in [1, 2, 6, 10_000] {
                let events = observe_any(sender, &changed, piece);
                assert_eq!(*expected.get_or_insert_with(|| events.clone()), events, "{at}, pieces of {piece}");
            }
        }
    }
}

fn observe_any(sender: Sender, stream: &[u8], size: usize) -> Vec<String> {
    let mut events = Vec::new();
    let mut observer = Observer::new();
    for piece in stream.chunks(size) {
        observer.read(sender, piece, |event| events.push(format!("{event:?}")));
    }
    events
}
