//! Tests of the ClientHello peeker: it agrees with the decoder for every split into records,
//! reports errors early, and repeats them.

mod samples;

use samples::{all, openssl_tls12, written};
use strata_tls_codec::{
    client_hello_peeker::*,
    handshake::MESSAGE_HEADER_LEN,
    lenient::Prefix,
    record::{HEADER_LEN, MAX_FRAGMENT, Protocol, RecordError},
    *,
};

/// A record around `body`.
fn record(content_type: ContentType, body: &[u8]) -> Vec<u8> {
    let length = body.len().try_into().unwrap();
    let header = RecordHeader { content_type, legacy_record_version: ProtocolVersion::TLS10, length };
    [&header.to_bytes(), body].concat()
}

/// Handshake records of `size` bytes, the last possibly shorter.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    message.chunks(size).flat_map(|fragment| record(ContentType::HANDSHAKE, fragment)).collect()
}

fn message(body: &[u8]) -> Vec<u8> {
    written(|w| w.message(HandshakeType::CLIENT_HELLO, |w| w.bytes(body)))
}

/// The body of a ClientHello.
fn hello_body() -> Vec<u8> {
    openssl_tls12().into_iter().find(|sample| sample.name == "openssl ecdsa client_hello").unwrap().body
}

/// Peeks at a whole stream at once.
fn peek_all(stream: &[u8]) -> Result<bool, PeekError> {
    ClientHelloPeeker::new().peek(stream).map(|peek| matches!(peek, Peek::ClientHello(_)))
}

#[test]
fn hello_in_one_record_is_read_in_place() {
    let body = hello_body();
    let stream = records(&message(&body), MAX_FRAGMENT);
    for cut in 0..stream.len() {
        let need = if cut < HEADER_LEN { HEADER_LEN - cut } else { stream.len() - cut };
        assert_eq!(peek_client_hello(&stream[..cut], DEFAULT_LIMIT), Ok(Peek::Incomplete { need }), "{cut}");
    }
    let Ok(Peek::ClientHello(hello)) = peek_client_hello(&stream, DEFAULT_LIMIT) else {
        panic!("expected a ClientHello")
    };
    assert_eq!(Ok(hello), decode_all(&body));
    assert!(stream.as_ptr_range().contains(&hello.random.as_ptr()), "the random is not borrowed from the stream");
    assert_eq!(hello.extensions.server_name.unwrap().host_name(), Some(&b"example.com"[..]));
}

#[test]
fn body_is_returned_once_the_hello_is_complete() {
    let body = hello_body();
    for size in [1, 100, MAX_FRAGMENT] {
        let stream = [records(&message(&body), size), b"next".to_vec()].concat();
        let mut peeker = ClientHelloPeeker::new();
        for cut in 0..=stream.len() {
            let is_found = matches!(peeker.peek(&stream[..cut]).unwrap(), Peek::ClientHello(_));
            assert_eq!(peeker.body(&stream[..cut]), is_found.then_some(&body[..]), "{size} {cut}");
        }
    }
}

#[test]
fn hello_in_records_of_any_size_is_found() {
    for sample in all().iter().filter(|sample| sample.typ == HandshakeType::CLIENT_HELLO) {
        let message = message(&sample.body);
        for size in 1..=message.len() {
            let stream = records(&message, size);
            let mut peeker = ClientHelloPeeker::new();
            let Ok(Peek::ClientHello(hello)) = peeker.peek(&stream) else {
                panic!("{} in records of {size} is not found", sample.name)
            };
            assert_eq!(Ok(hello), decode_all(&sample.body), "{} in records of {size}", sample.name);
        }
    }
}

#[test]
fn hello_is_found_at_its_last_byte() {
    let body = hello_body();
    for size in [1, 2, 3, 4, 5, 100, 224, 225] {
        let stream = records(&message(&body), size);
        let mut peeker = ClientHelloPeeker::new();
        for cut in 0..stream.len() {
            let Ok(Peek::Incomplete { need }) = peeker.peek(&stream[..cut]) else {
                panic!("{cut} of records of {size}")
            };
            assert!((1..=stream.len() - cut).contains(&need), "{need} at {cut} of records of {size}");
            let fresh = ClientHelloPeeker::new().peek(&stream[..cut]) == Ok(Peek::Incomplete { need });
            assert!(fresh, "{cut} of records of {size}: the result depends on earlier calls");
        }
        for _ in 0..2 {
            let Ok(Peek::ClientHello(hello)) = peeker.peek(&stream) else {
                panic!("expected a ClientHello in records of {size}")
            };
            assert_eq!(Ok(hello), decode_all(&body), "{size}");
        }
    }
}

#[test]
fn reading_needed_bytes_stops_at_the_end_of_the_hello() {
    let body = hello_body();
    for size in [1, 7, 100, 1000] {
        let hello = records(&message(&body), size);
        let stream = [&hello[..], b"further bytes"].concat();
        let mut peeker = ClientHelloPeeker::new();
        let mut have = 0;
        while let Peek::Incomplete { need } = peeker.peek(&stream[..have]).unwrap() {
            have += need;
        }
        assert_eq!(have, hello.len(), "{size}");
        assert_eq!(peek_all(&stream), Ok(true), "bytes after the hello changed the result");
    }
}

#[test]
fn bytes_after_the_hello_are_ignored() {
    let body = hello_body();
    let together = [&message(&body)[..], &[99, 9, 9]].concat();
    let stream = record(ContentType::HANDSHAKE, &together);
    assert_eq!(peek_client_hello(&stream, DEFAULT_LIMIT), Ok(Peek::ClientHello(decode_all(&body).unwrap())));
    assert_eq!(peek_all(&records(&together, together.len() - 1)), Ok(true));
}

#[test]
fn split_hello_without_a_buffer_is_an_error() {
    let message = message(&hello_body());
    for size in 1..message.len() {
        let stream = records(&message, size);
        assert_eq!(peek_client_hello(&stream, DEFAULT_LIMIT), Err(PeekError::Split), "{size}");
    }
}

/// In memory of the caller, at each length of the stream.
#[test]
fn peek_in_storage_has_result_of_peeker() {
    let message = message(&hello_body());
    let split = [1, 7, 100, 1000].map(|size| [&records(&message, size)[..], b"further bytes"].concat());
    let mut storage = vec![0; message.len()];
    for stream in split.iter().chain(faults().iter().map(|(stream, ..)| stream)) {
        for cut in 0..=stream.len() {
            let bytes = &stream[..cut];
            let found = peek_client_hello_in(bytes, DEFAULT_LIMIT, &mut storage);
            assert_eq!(found, ClientHelloPeeker::new().peek(bytes), "{cut} of {stream:?}");
        }
    }
    let mut short = vec![0; message.len() - 1];
    let too_long = PeekError::TooLong { got: message.len(), limit: short.len() };
    assert_eq!(peek_client_hello_in(&split[2], DEFAULT_LIMIT, &mut short), Err(too_long));
    let low = PeekError::TooLong { got: message.len() + 5, limit: 150 };
    assert_eq!(peek_client_hello_in(&split[2], 150, &mut storage), Err(low));
}

#[test]
fn peeker_returns_the_decoding_error() {
    let body = [&hello_body()[..], &[0]].concat();
    let error = decode_all::<ClientHello<'_>>(&body).unwrap_err();
    assert_eq!(error.fault, Fault::TrailingData);
    for size in [1, 50, 1000] {
        assert_eq!(peek_all(&records(&message(&body), size)), Err(PeekError::Malformed(error)), "{size}");
    }
}

/// Streams without a ClientHello: the stream, the number of bytes that show the fault, and the
/// fault.
fn faults() -> Vec<(Vec<u8>, usize, PeekError)> {
    let begun = record(ContentType::HANDSHAKE, &message(&hello_body())[..9]);
    let after = |then: &[u8]| [&begun[..], then].concat();
    let empty = PeekError::Malformed(DecodeError { fault: Fault::BadLength, at: "TLSPlaintext.length" });
    let long = RecordError::Oversized { got: MAX_FRAGMENT + 1, limit: MAX_FRAGMENT };
    vec![
        (b"GET / HTTP/1.1".to_vec(), 4, PeekError::NotTls(RecordError::NotTls(Protocol::Http))),
        (b"SSH-2.0-OpenSSH".to_vec(), 4, PeekError::NotTls(RecordError::NotTls(Protocol::Ssh))),
        (vec![0x80, 0x2e, 1, 3, 1, 0, 0x15], 5, PeekError::NotTls(RecordError::NotTls(Protocol::SslV2))),
        (b"\r\n\r\n\0\r\nQUIT\n".to_vec(), 5, PeekError::NotTls(RecordError::NotTls(Protocol::Proxy))),
        (vec![0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f], 5, PeekError::NotTls(RecordError::NotTls(Protocol::PostgreSql))),
        (vec![22, 0xfe, 0xfd, 0, 0, 0, 0], 5, PeekError::NotTls(RecordError::NotTls(Protocol::Dtls))),
        (vec![0; 9], 5, PeekError::NotTls(RecordError::UnknownContentType(0))),
        (vec![99; 9], 1, PeekError::NotTls(RecordError::UnknownContentType(99))),
        (vec![22, 4, 0, 0, 9], 3, PeekError::NotTls(RecordError::BadVersion(0x0400))),
        (vec![22, 3, 1, 0x40, 1, 1], 5, PeekError::Record(long)),
        (record(ContentType::ALERT, &[2, 40]), 5, PeekError::NotHandshake(ContentType::ALERT)),
        (record(ContentType::HANDSHAKE, &[]), 5, empty),
        (record(ContentType::HANDSHAKE, &[2, 0, 0, 9]), 6, PeekError::NotClientHello(HandshakeType::SERVER_HELLO)),
        (after(b"GET / HTTP/1.1"), 14 + 4, PeekError::Record(RecordError::UnknownContentType(b'G'))),
        (after(&[22, 4, 0, 0, 9]), 14 + 3, PeekError::Record(RecordError::BadVersion(0x0400))),
        // As MySQL and DTLS begin.
        (after(b"\x16\x01\0\0\x0a1\0\x14"), 14 + 3, PeekError::Record(RecordError::BadVersion(0x0100))),
        (after(&[22, 0xfe, 0xfd, 0, 0, 0, 0]), 14 + 5, PeekError::Record(RecordError::BadVersion(0xfefd))),
        (after(&[22, 3, 1, 0x40, 1, 1]), 14 + 5, PeekError::Record(long)),
        (after(&record(ContentType::ALERT, &[2, 40])), 14 + 5, PeekError::NotHandshake(ContentType::ALERT)),
        (after(&record(ContentType::CHANGE_CIPHER_SPEC, &[1])), 14 + 5, {
            PeekError::NotHandshake(ContentType::CHANGE_CIPHER_SPEC)
        }),
        (after(&record(ContentType::HANDSHAKE, &[])), 14 + 5, empty),
    ]
}

#[test]
fn fault_is_reported_at_its_byte_and_repeated() {
    for (stream, at, error) in faults() {
        let mut peeker = ClientHelloPeeker::new();
        for cut in 0..=stream.len() {
            let answer = peeker.peek(&stream[..cut]);
            if cut < at {
                // `deframe` may wait for more bytes to recognize another protocol.
                assert!(matches!(answer, Ok(Peek::Incomplete { .. })), "{error} at {cut}: {answer:?}");
            } else {
                assert_eq!(answer, Err(error), "{cut}");
                assert_eq!(peek_all(&stream[..cut]), Err(error), "{cut}");
            }
        }
    }
}

#[test]
fn further_bytes_only_add_the_protocol_name() {
    let long_hello_of_ssl2 = [0x81, 0x2e, 1, 3, 1, 0, 0x15];
    let unknown = PeekError::NotTls(RecordError::UnknownContentType(0x81));
    assert_eq!(peek_all(&long_hello_of_ssl2[..1]), Err(unknown));
    assert_eq!(peek_all(&long_hello_of_ssl2), Err(PeekError::NotTls(RecordError::NotTls(Protocol::SslV2))));
}

#[test]
fn limit_counts_bytes_of_all_records() {
    let body = hello_body();
    for size in [1, 50, 1000] {
        let stream = records(&message(&body), size);
        let mut peeker = ClientHelloPeeker::with_limit(stream.len());
        assert!(matches!(peeker.peek(&stream), Ok(Peek::ClientHello(_))), "{size}");
        let mut peeker = ClientHelloPeeker::with_limit(stream.len() - 1);
        let too_long = PeekError::TooLong { got: stream.len(), limit: stream.len() - 1 };
        assert_eq!(peeker.peek(&stream), Err(too_long), "{size}");
    }
}

#[test]
fn message_over_the_limit_is_rejected_at_its_header() {
    let announced = [1, 4, 0, 0];
    let length = 0x4_0000 + MESSAGE_HEADER_LEN + HEADER_LEN;
    let too_long = PeekError::TooLong { got: length, limit: DEFAULT_LIMIT };
    for size in 1..=4 {
        let stream = records(&announced, size);
        let mut peeker = ClientHelloPeeker::new();
        for cut in 0..stream.len() {
            assert!(matches!(peeker.peek(&stream[..cut]), Ok(Peek::Incomplete { .. })), "{cut} of records of {size}");
        }
        assert_eq!(peeker.peek(&stream), Err(too_long), "{size}");
    }
    let unfinished_record = [22, 3, 1, 0x40, 0, 1, 4, 0, 0];
    assert_eq!(peek_client_hello(&unfinished_record, DEFAULT_LIMIT), Err(too_long));
    let unfinished_record = PeekError::TooLong { got: 5 + 100, limit: 104 };
    assert_eq!(peek_client_hello(&[22, 3, 1, 0, 100], 104), Err(unfinished_record));
}

/// With a post-quantum share, which takes 1,216 bytes, a hello spans TCP segments and is often
/// split over records.
#[test]
fn hello_with_post_quantum_share_is_read_in_pieces() {
    let (hybrid, classical) = ([0xa5; 1216], [0x5a; 32]);
    let shares: [(NamedGroup, &[u8]); 2] = [(NamedGroup::X25519MLKEM768, &hybrid), (NamedGroup::X25519, &classical)];
    let body = written(|w| {
        samples::client_hello_fields(w)?;
        w.vec16(|w| {
            extension::SupportedGroups::write(w, &shares.map(|(group, _)| group))?;
            extension::KeyShareClientHello::write(w, &shares)
        })
    });
    let message = message(&body);
    assert!(message.len() > 1300);
    for size in [1, 64, 600, 1200, MAX_FRAGMENT] {
        let stream = records(&message, size);
        for step in [1, 5, 100, 1200, 1460] {
            let mut peeker = ClientHelloPeeker::new();
            let mut end = 0;
            let found = loop {
                match peeker.peek(&stream[..end]).unwrap() {
                    Peek::Incomplete { need } => assert!(need > 0 && end + need <= stream.len()),
                    Peek::ClientHello(hello) => {
                        break hello.extensions.key_share.unwrap().iter().map(|entry| entry.key_exchange.len()).sum();
                    }
                }
                assert!(end < stream.len());
                end = stream.len().min(end + step);
            };
            assert_eq!((end, found), (stream.len(), 1216 + 32), "records of {size}, steps of {step}");
        }
        let exact = ClientHelloPeeker::with_limit(stream.len()).peek(&stream).map(|_| ());
        let short = ClientHelloPeeker::with_limit(stream.len() - 1).peek(&stream).map(|_| ());
        assert!(exact.is_ok() && matches!(short, Err(PeekError::TooLong { .. })));
    }
}

#[test]
fn hello_of_several_full_records_fits_the_default_limit() {
    let body = written(|w| {
        samples::client_hello_fields(w)?;
        w.vec16(|w| w.extension(ExtensionType(0x1234), |w| w.bytes(&[7; 60_000])))
    });
    let stream = records(&message(&body), MAX_FRAGMENT);
    assert_eq!(peek_all(&stream), Ok(true));
    assert_eq!(peek_all(&stream[..stream.len() - 1]), Ok(false));
}

#[test]
fn errors_display_as_plain_text() {
    let texts = [
        (PeekError::NotTls(RecordError::NotTls(Protocol::Http)), "expected TLS, got plain HTTP"),
        (PeekError::NotHandshake(ContentType::ALERT), "expected client_hello, got a record of type alert"),
        (PeekError::TooLong { got: 9, limit: 8 }, "client_hello of 9 bytes exceeds the limit of 8"),
        (PeekError::Split, "client_hello is split over several records"),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

/// RFC 9846 §4.2.2: 131,400 bytes, in nine records and in many.
#[test]
fn largest_client_hello_is_read_by_default() {
    let extensions: Vec<u8> = [&[0, 21, 0xff, 0xfb][..], &[0; 0xfffb]].concat();
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[32],
        &[7; 32],
        &[0xff, 0xfe],
        &[0x0a; 0xfffe],
        &[255],
        &[0; 255],
        &[0xff, 0xff],
        &extensions,
    ]
    .concat();
    let message = message(&body);
    assert_eq!(message.len(), 131_400);
    for size in [1 << 14, 6] {
        let stream = records(&message, size);
        let mut peeker = ClientHelloPeeker::new();
        assert!(matches!(peeker.peek(&stream), Ok(Peek::ClientHello(_))), "records of {size}");
    }
}

#[test]
fn lenient_peek_agrees_with_the_lenient_decoder() {
    let body = hello_body();
    for size in [1, 3, 4, 5, 38, 60, 100, MAX_FRAGMENT] {
        let stream = [records(&message(&body), size), b"next".to_vec()].concat();
        let end = stream.len() - 4;
        for cut in 0..=stream.len() {
            let mut peeker = ClientHelloPeeker::new();
            let peek = peeker.peek_lenient(&stream[..cut]).unwrap();
            // The bytes of the message in complete records, or in the first.
            let whole = cut.min(end) / (size + HEADER_LEN) * size + if cut >= end { body.len() } else { 0 };
            let first = if cut <= size + HEADER_LEN { cut.saturating_sub(HEADER_LEN) } else { 0 };
            let there = whole.max(first).min(body.len() + MESSAGE_HEADER_LEN).saturating_sub(MESSAGE_HEADER_LEN);
            match (peek, ClientHello::lenient_prefix(&body[..there], body.len()).unwrap()) {
                (Prefix::Incomplete { need }, Prefix::Incomplete { .. }) => assert!((1..=end - cut).contains(&need)),
                (peek, expected) => assert_eq!(peek, expected, "{cut} of records of {size}"),
            }
            if size > cut {
                assert_eq!(peek_client_hello_lenient(&stream[..cut], DEFAULT_LIMIT), Ok(peek));
            }
        }
    }
}

#[test]
fn lenient_peek_reads_what_the_strict_one_rejects() {
    let mut body = hello_body();
    let name = body.windows(11).position(|bytes| bytes == b"example.com").unwrap();
    body[name - 4] += 1; // the length of the list of names
    for size in [50, MAX_FRAGMENT] {
        let stream = records(&message(&body), size);
        assert!(matches!(ClientHelloPeeker::new().peek(&stream), Err(PeekError::Malformed(_))));
        let mut peeker = ClientHelloPeeker::new();
        let Ok(Prefix::Whole(hello)) = peeker.peek_lenient(&stream) else { panic!("records of {size}") };
        assert_eq!(Ok(hello), ClientHello::lenient(&body));
    }
    let http = PeekError::NotTls(RecordError::NotTls(Protocol::Http));
    assert_eq!(peek_client_hello_lenient(b"GET / HTTP/1.1", DEFAULT_LIMIT), Err(http));
    let alert = record(ContentType::ALERT, &[2, 40]);
    assert_eq!(ClientHelloPeeker::new().peek_lenient(&alert), Err(PeekError::NotHandshake(ContentType::ALERT)));
}

#[test]
fn crypto_frames_in_any_order_give_the_hello() {
    let body = hello_body();
    let stream = [&message(&body)[..], b"next"].concat();
    for size in [1, 7, 50, 1000] {
        let mut frames: Vec<_> = stream.chunks(size).enumerate().map(|(at, data)| (at * size, data)).collect();
        for step in [1, 3, 5] {
            let count = frames.len();
            // Other orders: with steps of 1, 3 and 5 from the end.
            frames.reverse();
            let mut peeker = QuicClientHelloPeeker::new();
            let order = (0..step).flat_map(|first| (first..count).step_by(step));
            let mut ready = vec![false; stream.len()];
            for (offset, data) in order.map(|at| frames[at]) {
                for _ in 0..2 {
                    peeker.add(offset.try_into().unwrap(), data).unwrap();
                }
                // Other data for the same bytes do not count.
                peeker.add(offset.try_into().unwrap(), &vec![0xff; data.len()]).unwrap();
                ready[offset..offset + data.len()].fill(true);
                let there = ready.iter().take_while(|ready| **ready).count();
                match peeker.peek().unwrap() {
                    Peek::ClientHello(hello) => {
                        assert_eq!(Ok(hello), decode_all(&body));
                        assert!(there >= body.len() + 4);
                    }
                    Peek::Incomplete { need } => {
                        let expected = if there < 4 { 4 - there } else { body.len() + 4 - there };
                        assert_eq!(need, expected);
                    }
                }
                let prefix = &body[..there.saturating_sub(4).min(body.len())];
                match (peeker.peek_lenient().unwrap(), ClientHello::lenient_prefix(prefix, body.len()).unwrap()) {
                    (Prefix::Incomplete { .. }, Prefix::Incomplete { .. }) => {}
                    (found, expected) => assert_eq!(found, expected),
                }
            }
            assert!(matches!(peeker.peek(), Ok(Peek::ClientHello(_))));
        }
    }
}

#[test]
fn crypto_data_above_the_limit_is_rejected() {
    let message = message(&hello_body());
    let too_long = |got| Err(PeekError::TooLong { got, limit: 100 });
    let mut peeker = QuicClientHelloPeeker::with_limit(100);
    assert_eq!(peeker.add(100, &[1]), too_long(101));
    assert_eq!(peeker.add(u64::MAX, &[1]), too_long(usize::MAX));
    assert_eq!(peeker.add(96, &[0; 4]), Ok(()));
    // Its header announces more.
    assert_eq!(peeker.add(0, &message[..4]), Ok(()));
    assert_eq!(peeker.peek(), Err(PeekError::TooLong { got: message.len(), limit: 100 }));
    let mut server = QuicClientHelloPeeker::new();
    server.add(0, &[2]).unwrap();
    assert_eq!(server.peek(), Err(PeekError::NotClientHello(HandshakeType::SERVER_HELLO)));
    assert_eq!(server.peek_lenient(), Err(PeekError::NotClientHello(HandshakeType::SERVER_HELLO)));
}

#[test]
fn each_rejection_has_the_alert_of_a_server() {
    let hello = message(&hello_body());
    let mut longer = hello.clone();
    longer.push(0);
    longer[3] += 1;
    let oversized = [22, 3, 1, 0xff, 0xff];
    let cases: [(Vec<u8>, Option<AlertDescription>); 9] = [
        (b"GET / HTTP/1.1".to_vec(), None),
        (vec![0x80, 31, 1, 3, 1, 0], Some(AlertDescription::PROTOCOL_VERSION)),
        (vec![99, 99, 99, 99, 99], Some(AlertDescription::UNEXPECTED_MESSAGE)),
        (vec![22, 9, 1, 0, 5], Some(AlertDescription::PROTOCOL_VERSION)),
        (oversized.to_vec(), Some(AlertDescription::RECORD_OVERFLOW)),
        (record(ContentType::ALERT, &[1, 0]), Some(AlertDescription::UNEXPECTED_MESSAGE)),
        (records(&[2, 0, 0, 0], 4), Some(AlertDescription::UNEXPECTED_MESSAGE)),
        (records(&longer, 1000), Some(AlertDescription::DECODE_ERROR)),
        (record(ContentType::HANDSHAKE, &[]), Some(AlertDescription::UNEXPECTED_MESSAGE)),
    ];
    for (stream, expected) in cases {
        let error = ClientHelloPeeker::new().peek(&stream).unwrap_err();
        assert_eq!(error.alert(), expected, "{error}");
    }
    let misplaced = DecodeError { fault: Fault::MisplacedExtension(ExtensionType::OID_FILTERS), at: "" };
    assert_eq!(PeekError::Malformed(misplaced).alert(), Some(AlertDescription::ILLEGAL_PARAMETER));
    let limited = ClientHelloPeeker::with_limit(50).peek(&records(&hello, 40)).unwrap_err();
    assert_eq!(limited.alert(), Some(AlertDescription::DECODE_ERROR));
    assert_eq!(
        decode_all(&Alert::fatal(AlertDescription::DECODE_ERROR).to_record()[5..]),
        Ok(Alert::fatal(AlertDescription::DECODE_ERROR))
    );
}
