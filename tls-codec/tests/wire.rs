//! Tests of reader, writer, lists, code points, records, alerts and reassembly.

use strata_tls_codec::{
    reassembly::{MessageTooLong, Messages, Records},
    record::*,
    *,
};

#[test]
fn failed_read_consumes_nothing_and_names_the_field() {
    let mut r = Reader::new(&[1, 2]);
    let error = r.at("Some.field").u32().unwrap_err();
    assert_eq!(error, DecodeError { fault: Fault::Truncated, at: "Some.field" });
    assert_eq!(error.to_string(), "Some.field: truncated");
    assert_eq!((r.u16(), r.is_empty()), (Ok(0x0102), true));
    assert_eq!(Reader::new(&[1, 2, 3]).u24(), Ok(0x01_0203));
    assert_eq!(Reader::new(&[5]).vec16(0..=9, "Its.length").unwrap_err().at, "Its.length");
}

#[test]
fn vector_bounds_are_exact() {
    for (length, expected) in [(1, Some(Fault::BadLength)), (2, None), (3, None), (4, Some(Fault::BadLength))] {
        let body = [7; 4];
        let wire8 = [&[length][..], &body[..usize::from(length)]].concat();
        let wire16 = [&[0][..], &wire8].concat();
        let wire24 = [&[0][..], &wire16].concat();
        let fault = |result: Result<Reader<'_>, DecodeError>| result.err().map(|error| error.fault);
        assert_eq!(fault(Reader::new(&wire8).vec8(2..=3, "")), expected);
        assert_eq!(fault(Reader::new(&wire16).vec16(2..=3, "")), expected);
        assert_eq!(fault(Reader::new(&wire24).vec24(2..=3, "")), expected);
    }
    assert_eq!(Reader::new(&[2, 7]).vec8(0..=9, "").unwrap_err().fault, Fault::Truncated);
}

#[test]
fn failed_write_keeps_earlier_output() {
    let mut storage = [0; 6];
    let mut w = Writer::new(&mut storage);
    w.u16(0x0102).unwrap();
    assert_eq!(w.vec8(|w| w.bytes(&[9; 4])), Err(BufferFull));
    assert_eq!(w.vec16(|w| w.bytes(&[9; 3])), Err(BufferFull));
    assert_eq!(w.message(HandshakeType::FINISHED, |w| w.u8(1)), Err(BufferFull));
    assert_eq!(w.extension(ExtensionType::COOKIE, |_| Err(BufferFull)), Err(BufferFull));
    assert_eq!(w.each(&[CipherSuite(1), CipherSuite(2), CipherSuite(3)]), Err(BufferFull));
    assert_eq!(w.written(), [1, 2]);
    w.message(HandshakeType::END_OF_EARLY_DATA, |_| Ok(())).unwrap();
    assert_eq!(w.written(), [1, 2, 5, 0, 0, 0]);
}

#[test]
fn body_without_room_for_its_length_is_removed() {
    for room in 0..8 {
        let mut storage = [0; 8];
        let mut w = Writer::new(&mut storage[..room]);
        let written = w.extension(ExtensionType::COOKIE, |w| w.vec16(|w| w.u8(1).or(Ok(()))));
        assert_eq!(written.is_ok(), room >= 6, "{room}");
        let expected: &[u8] = match room {
            6 => &[0, 44, 0, 2, 0, 0],
            7.. => &[0, 44, 0, 3, 0, 1, 1],
            _ => &[],
        };
        assert_eq!(w.written(), expected);
    }
}

#[test]
fn list_keeps_its_order() {
    let groups = List::<NamedGroup>::decode_body(Reader::new(&[0, 29, 0, 23])).unwrap();
    assert_eq!(groups.to_vec(), [NamedGroup::X25519, NamedGroup::SECP256R1]);
    assert!(List::<NamedGroup>::empty().to_vec().is_empty());
}

#[test]
fn body_too_long_for_its_length_is_rejected() {
    let mut out = vec![42];
    let mut w = Writer::append(&mut out);
    assert_eq!(w.vec8(|w| w.bytes(&[0; 256])), Err(BufferFull));
    assert_eq!(w.vec16(|w| w.bytes(&[0; 0x1_0000])), Err(BufferFull));
    assert_eq!(w.vec24(|w| w.bytes(&vec![0; 0x100_0000])), Err(BufferFull));
    assert_eq!(w.u24(0x100_0000), Err(BufferFull));
    assert!(w.is_empty());
    w.vec8(|w| w.bytes(&[0; 255])).unwrap();
    assert_eq!((w.len(), w.written()[0]), (256, 255));
    w.vec16(|w| w.bytes(&[0; 0xffff])).unwrap();
    assert_eq!(w.written()[256..258], [0xff, 0xff]);
    w.vec24(|w| w.bytes(&vec![0; 0xff_ffff])).unwrap();
    assert_eq!(out[0], 42, "the earlier content changed");
}

#[test]
fn list_of_empty_elements_is_rejected() {
    struct Nothing;
    impl<'a> Decode<'a> for Nothing {
        fn decode(_: &mut Reader<'a>) -> Result<Self, DecodeError> {
            Ok(Self)
        }
    }
    assert!(List::<Nothing>::decode_body(Reader::new(&[1])).is_err());
    assert!(List::<Nothing>::decode_body(Reader::new(&[])).is_ok());
}

macro_rules! check_code_points {
    ($($type:ident)*) => {$(
        for known in $type::KNOWN {
            let name = known.name().unwrap();
            assert_eq!($type::from_name(name), Some(*known), "{name}");
            assert_eq!(known.to_string(), name);
            assert_eq!(format!("{known:?}"), name);
            let wire = known.to_vec().unwrap();
            assert_eq!(decode_all::<$type>(&wire), Ok(*known));
        }
        assert!($type::from_name("").is_none());
    )*};
}

#[test]
fn code_point_names_round_trip() {
    check_code_points!(CipherSuite ProtocolVersion NamedGroup SignatureScheme ContentType HandshakeType ExtensionType
        AlertLevel AlertDescription PskKeyExchangeMode CertificateType CertificateStatusType
        CertificateCompressionAlgorithm KeyUpdateRequest NameType EcPointFormat EcCurveType ClientCertificateKind);
    assert_eq!(NamedGroup(0x1a1a).to_string(), "NamedGroup(0x1a1a)");
    assert_eq!(AlertDescription(200).to_string(), "AlertDescription(200)");
}

#[test]
fn grease_values_are_those_of_rfc_8701() {
    let values: Vec<u16> = (0..=u16::MAX).filter(|value| CipherSuite(*value).is_grease()).collect();
    let expected: Vec<u16> = (0..16).map(|n| 0x0a0a + n * 0x1010).collect();
    assert_eq!(values, expected);
    let modes: Vec<u8> = (0..=255).filter(|value| PskKeyExchangeMode(*value).is_grease()).collect();
    assert_eq!(modes, [0x0b, 0x2a, 0x49, 0x68, 0x87, 0xa6, 0xc5, 0xe4]);
}

#[test]
fn alert_round_trips_in_two_bytes() {
    for (level, description) in [(1, 0), (2, 40), (7, 255)] {
        let alert: Alert = decode_all(&[level, description]).unwrap();
        assert_eq!((alert.to_bytes(), alert.to_vec().unwrap()), ([level, description], vec![level, description]));
    }
    for wrong in [&[][..], &[2], &[2, 40, 0]] {
        assert!(decode_all::<Alert>(wrong).is_err());
    }
    let closures: Vec<_> = (0..=255).map(AlertDescription).filter(|description| description.is_closure()).collect();
    assert_eq!(closures, [AlertDescription::CLOSE_NOTIFY, AlertDescription::USER_CANCELED]);
    assert_eq!(Alert::fatal(AlertDescription::UNKNOWN_CA).to_string(), "fatal alert unknown_ca");
}

#[test]
fn deframe_returns_the_missing_length_at_every_byte() {
    let stream = [23, 3, 3, 0, 4, 1, 2, 3, 4, 99];
    for cut in 0..9 {
        let need = if cut < HEADER_LEN { HEADER_LEN - cut } else { 9 - cut };
        assert_eq!(deframe(&stream[..cut], 4), Ok(Deframed::Incomplete { need }));
    }
    let header = RecordHeader {
        content_type: ContentType::APPLICATION_DATA,
        legacy_record_version: ProtocolVersion::TLS12,
        length: 4,
    };
    assert_eq!(deframe(&stream, 4), Ok(Deframed::Record { header, body: 5..9 }));
    assert_eq!(header.to_vec().unwrap(), stream[..5]);
    assert_eq!(decode_all::<RecordHeader>(&stream[..5]), Ok(header));
}

#[test]
fn deframe_rejects_a_header_at_the_first_wrong_byte() {
    for typ in (0..=255).filter(|typ| !(20..=23).contains(typ)) {
        assert_eq!(deframe(&[typ, 3, 3, 0, 0], 100), Err(RecordError::UnknownContentType(typ)));
        assert!(!matches!(deframe(&[typ], 100), Ok(Deframed::Record { .. })));
    }
    assert_eq!(deframe(&[99], 100), Err(RecordError::UnknownContentType(99)));
    assert_eq!(deframe(&[22, 2, 0], 100), Err(RecordError::BadVersion(0x0200)));
    assert_eq!(deframe(&[22, 4, 0, 0, 0], 100), Err(RecordError::BadVersion(0x0400)));
    assert_eq!(deframe(&[22, 3, 9, 0, 101], 100), Err(RecordError::Oversized { got: 101, limit: 100 }));
    let whole = deframe(&[20, 3, 1, 0, 1, 1], 1).map(|deframed| matches!(deframed, Deframed::Record { .. }));
    assert_eq!(whole, Ok(true));
}

/// The first bytes of other protocols, from their specifications, and how many show the protocol.
#[rustfmt::skip]
const GREETINGS: &[(&[u8], Protocol)] = &[
    (b"GET / HTTP/1.1", Protocol::Http),
    (b"POST /", Protocol::Http),
    (b"PRI * HTTP/2.0", Protocol::Http),
    (b"OPTIONS *", Protocol::Http),
    (b"CONNECT a.test:443 HTTP/1.1", Protocol::HttpConnect),
    (b"HTTP/1.1 400 Bad Request", Protocol::HttpResponse),
    (b"SSH-2.0-OpenSSH_9.9", Protocol::Ssh),
    (b"220 mail.example ESMTP", Protocol::Smtp),
    (b"220-mail.example", Protocol::Smtp),
    (b"EHLO client", Protocol::Smtp),
    (b"* OK IMAP4rev1", Protocol::Imap),
    (b"+OK POP3", Protocol::Pop3),
    (&[0x80, 0x2e, 1, 0, 2, 0, 0x15], Protocol::SslV2),
    (&[0x80, 0x2e, 1, 3, 1, 0, 0x15], Protocol::SslV2),
    // "The PROXY protocol" §2.1 and §2.2.
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", Protocol::Proxy),
    (b"PROXY UNKNOWN\r\n", Protocol::Proxy),
    (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", Protocol::Proxy),
    // PostgreSQL, "Message Formats": SSLRequest, GSSENCRequest, CancelRequest, StartupMessage.
    (&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f], Protocol::PostgreSql),
    (&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30], Protocol::PostgreSql),
    (&[0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 1, 2, 3, 4, 5, 6], Protocol::PostgreSql),
    (b"\0\0\0\x52\0\x03\0\0user\0postgres\0", Protocol::PostgreSql),
    // MySQL, Protocol::HandshakeV10; MariaDB; ERR_Packet of 23 bytes ("Too many connections").
    (b"\x36\0\0\0\x0a5.5.2-m2\0\x0b\0\0\0", Protocol::MySql),
    (b"\x6e\0\0\0\x0a11.4.2-MariaDB\0", Protocol::MySql),
    (b"\x17\0\0\0\xff\x10\x04Too many connections", Protocol::MySql),
    // MQTT 3.1.1 §3.1, MQTT 3.1, and a CONNECT of 200 bytes.
    (b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04DIGI", Protocol::Mqtt),
    (b"\x10\x12\0\x06MQIsdp\x03\x02\0\x3c", Protocol::Mqtt),
    (b"\x10\xc8\x01\0\x04MQTT\x05", Protocol::Mqtt),
    // RFC 4511: an anonymous BindRequest, StartTLS, Active Directory's search and disconnection.
    (&[0x30, 0x0c, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0], Protocol::Ldap),
    (b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037", Protocol::Ldap),
    (&[0x30, 0x84, 0, 0, 0, 0x2d, 2, 1, 1, 0x63, 0x84, 0, 0, 0, 0x24], Protocol::Ldap),
    (&[0x30, 0x84, 0, 0, 0, 0x5d, 2, 1, 0, 0x78, 0x84, 0, 0, 0, 0x54], Protocol::Ldap),
    // MS-RDPBCGR §4.1.1 and §4.1.2.
    (b"\x03\0\0\x2c\x27\xe0\0\0\0\0\0Cookie: mstshash=eltons\r\n", Protocol::Rdp),
    (&[3, 0, 0, 0x13, 0x0e, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 0, 0, 0, 0], Protocol::Rdp),
    (b"*1\r\n$4\r\nPING\r\n", Protocol::Redis),
    (b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", Protocol::Redis),
    (b"-DENIED Redis is running in protected mode", Protocol::Redis),
    (b"-NOAUTH Authentication required.\r\n", Protocol::Redis),
    // RFC 6120 §4.2.
    (b"<?xml version='1.0'?><stream:stream", Protocol::Xmpp),
    (b"<stream:stream from='juliet@im.example.com'", Protocol::Xmpp),
    (b"AMQP\0\0\x09\x01", Protocol::Amqp),
    // MS-TDS §4.1.
    (&[0x12, 1, 0, 0x2f, 0, 0, 1, 0, 0, 0, 0x1a, 0, 6], Protocol::Tds),
    // RFC 6347 §4.1: a ClientHello in records of DTLS 1.0 and 1.2.
    (&[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x5f, 1], Protocol::Dtls),
    (&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x5f, 1], Protocol::Dtls),
    // RFC 9001 Appendix A.2, RFC 9369 Appendix A.2: client Initial packets.
    (&[0xc0, 0, 0, 0, 1, 8, 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 8, 0, 0], Protocol::Quic),
    (&[0xd7, 0x6b, 0x33, 0x43, 0xcf, 8, 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 8, 0, 0], Protocol::Quic),
];

#[test]
fn other_protocols_are_recognized() {
    for (greeting, protocol) in GREETINGS {
        assert_eq!(deframe(greeting, 100), Err(RecordError::NotTls(*protocol)), "{greeting:x?}");
    }
    assert_eq!(RecordError::NotTls(Protocol::Http).to_string(), "expected TLS, got plain HTTP");
    assert_eq!(deframe(b"GEX", 100), Err(RecordError::UnknownContentType(b'G')));
    assert_eq!(deframe(b"GETTY", 100), Err(RecordError::UnknownContentType(b'G')));
}

#[test]
fn other_protocols_are_awaited_up_to_a_header() {
    for (greeting, protocol) in GREETINGS {
        for cut in 0..HEADER_LEN {
            let partial = deframe(&greeting[..cut], 100);
            // The first byte of MySQL and QUIC is any, and that of a MySQL packet may be a content
            // type.
            let is_named = partial == Err(RecordError::NotTls(*protocol))
                || matches!((protocol, &partial), (Protocol::MySql | Protocol::Quic, Err(_)));
            assert!(is_named || partial == Ok(Deframed::Incomplete { need: HEADER_LEN - cut }), "{protocol} at {cut}");
        }
    }
}

#[test]
fn each_greeting_is_recognized_by_four_bytes_or_more() {
    for (greeting, protocol) in GREETINGS {
        let matters = |at: &usize| {
            let mut changed = greeting.to_vec();
            changed[*at] ^= 0xff;
            Protocol::recognize(&changed) != Some(*protocol)
        };
        let exact = (0..greeting.len().min(8)).filter(matters).count();
        assert!(exact >= 4, "{protocol} by {exact}: {greeting:x?}");
    }
}

/// One start of 16 random bytes in five million may look like an SSL 2.0 ClientHello. All other
/// protocols together must be rarer.
#[test]
fn random_bytes_are_not_recognized() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    };
    let recognized = (0..2_000_000).filter(|_| {
        let bytes = [next(), next()].concat();
        Protocol::recognize(&bytes).is_some_and(|protocol| protocol != Protocol::SslV2)
    });
    assert_eq!(recognized.count(), 0);
}

#[test]
fn tls_records_are_never_recognized_as_another_protocol() {
    for typ in 20..=23 {
        for minor in 0..=255 {
            for (high, low) in [(0, 0), (0, 1), (0, 8), (0x40, 0), (0xff, 0xff)] {
                for first in 0..=255 {
                    let record = [typ, 3, minor, high, low, first, 3, 0, 0, 0, 0];
                    assert_eq!(Protocol::recognize(&record), None, "{record:x?}");
                }
            }
        }
    }
}

/// Three messages, of 0, 1 and 300 bytes.
fn handshake_stream() -> Vec<u8> {
    let mut stream = Vec::new();
    let mut w = Writer::append(&mut stream);
    w.message(HandshakeType::END_OF_EARLY_DATA, |_| Ok(())).unwrap();
    w.message(HandshakeType::KEY_UPDATE, |w| w.u8(0)).unwrap();
    w.message(HandshakeType::CERTIFICATE, |w| w.bytes(&[7; 300])).unwrap();
    stream
}

#[test]
fn messages_are_reassembled_from_fragments_of_any_size() {
    let stream = handshake_stream();
    // The longest message has 304 bytes: its last fragment may contain the next one, for which
    // there is no room yet.
    let stream = [stream.clone(), stream].concat();
    for (size, room) in (1..=stream.len()).flat_map(|size| [304, 700].map(|room| (size, room))) {
        let mut storage = vec![0; room];
        let mut messages = Messages::new(&mut storage);
        let mut joined = Vec::new();
        for mut fragment in stream.chunks(size) {
            while !fragment.is_empty() {
                let taken = messages.push(fragment);
                assert_ne!(taken, 0, "no room although complete messages were removed");
                fragment = &fragment[taken..];
                while let Some(message) = messages.next_message().unwrap() {
                    joined.extend_from_slice(message.raw);
                    assert_eq!(message.raw.len(), message.body.len() + 4);
                }
            }
        }
        assert_eq!((joined, messages.pending()), (stream.clone(), 0), "{size} {room}");
    }
}

#[test]
fn message_over_the_storage_is_rejected_at_its_header() {
    let mut storage = [0; 100];
    let mut messages = Messages::new(&mut storage);
    assert_eq!(messages.push(&[11, 0, 0, 97]), 4);
    let too_long = MessageTooLong { typ: HandshakeType::CERTIFICATE, got: 101, limit: 100 };
    assert_eq!(messages.next_message(), Err(too_long));
    assert_eq!(messages.push(&[0; 97]), 96);
    assert_eq!(messages.next_message(), Err(too_long));
    let mut storage = [0; 100];
    let mut messages = Messages::new(&mut storage);
    assert_eq!(messages.push(&[11, 0, 0, 96]), 4);
    assert_eq!(messages.push(&[0; 97]), 96);
    assert_eq!(messages.next_message().unwrap().unwrap().body, [0; 96]);
}

#[test]
fn storage_without_room_for_a_header_is_an_error() {
    for length in 0..4 {
        let mut storage = vec![0; length];
        let mut messages = Messages::new(&mut storage);
        assert_eq!(messages.push(&[0, 0, 0, 0]), length);
        let expected = MessageTooLong { typ: HandshakeType::HELLO_REQUEST, got: 4, limit: length };
        assert_eq!(messages.next_message(), Err(expected));
    }
    for length in 0..5 {
        let mut storage = vec![0; length];
        let mut records = Records::new(&mut storage, MAX_CIPHERTEXT);
        assert_eq!(records.push(&[22, 3, 3, 0, 0]), length);
        assert_eq!(records.next_record().unwrap_err(), RecordError::Oversized { got: 5, limit: length });
    }
}

#[test]
fn records_are_split_from_pieces_of_any_size() {
    let mut stream = Vec::new();
    for length in [0_u8, 1, 60, 59] {
        let header = RecordHeader {
            content_type: ContentType::HANDSHAKE,
            legacy_record_version: ProtocolVersion::TLS12,
            length: length.into(),
        };
        stream.extend(header.to_bytes());
        stream.extend(vec![length; length.into()]);
    }
    for size in 1..=stream.len() {
        let mut storage = [0; 65];
        let mut records = Records::new(&mut storage, MAX_CIPHERTEXT);
        let mut cut = Vec::new();
        for piece in stream.chunks(size) {
            let mut piece = piece;
            while !piece.is_empty() {
                let taken = records.push(piece);
                assert_ne!(taken, 0, "no room although complete records were removed");
                piece = &piece[taken..];
                while let Some((header, body)) = records.next_record().unwrap() {
                    cut.extend(header.to_bytes());
                    cut.extend_from_slice(body);
                }
            }
        }
        assert_eq!((cut, records.pending()), (stream.clone(), 0), "{size}");
    }
}

#[test]
fn record_over_the_storage_is_rejected_repeatedly() {
    let mut storage = [0; 65];
    let mut records = Records::new(&mut storage, MAX_CIPHERTEXT);
    assert_eq!(records.push(&[22, 3, 3, 0, 61]), 5);
    for _ in 0..2 {
        assert_eq!(records.next_record().unwrap_err(), RecordError::Oversized { got: 61, limit: 60 });
    }
}
