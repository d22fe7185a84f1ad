//! Reading the ClientHello before a configuration is chosen.

use std::io::{self, Read, Write};
use std::sync::Arc;

use strata_tls::codec::ContentType;
use strata_tls::codec::code_points::HandshakeType;
use strata_tls::codec::record::{Protocol, RecordError};
use strata_tls::{
    AcceptError, Accepted, Acceptor, AlertDescription, ClientSession, Error, Limits, Need, Needs, ProtocolVersion,
    ServerConfig, ServerSession, ServerSessionMemoryCache, Session, StateName, TransportEnd,
};

use crate::pair::{Pair, carry, drain, feed, pattern, read_all};
use crate::pki::{Ca, Kind, VERSIONS, configs, configs_of};

/// Passes `bytes` in parts of this size. Returns the result and how many bytes were taken.
fn accept(bytes: &[u8], size: usize, limits: &Limits) -> (Result<Option<Accepted>, AcceptError>, usize) {
    let mut acceptor = Acceptor::with_limits(limits);
    let mut taken = 0;
    for mut part in bytes.chunks(size) {
        while !part.is_empty() {
            taken += acceptor.read_tls(&mut part).unwrap();
            match acceptor.accept() {
                Ok(None) => {}
                other => return (other, taken),
            }
        }
    }
    (Ok(None), taken)
}

fn accepted(bytes: &[u8], size: usize) -> Accepted {
    accept(bytes, size, &Limits::default()).0.unwrap().expect("the ClientHello is complete")
}

/// Splits the content of the only record in `wire` into records of `size` bytes.
fn resplit(wire: &[u8], size: usize) -> Vec<u8> {
    let part = |part: &[u8]| [&wire[..3], &u16::try_from(part.len()).unwrap().to_be_bytes(), part].concat();
    wire[5..].chunks(size).flat_map(part).collect()
}

fn finish(mut client: ClientSession, mut server: ServerSession) {
    while carry(&mut server, &mut client).unwrap() + carry(&mut client, &mut server).unwrap() > 0 {}
    assert!(!client.is_handshaking() && !server.is_handshaking());
    server.write_all(b"answer").unwrap();
    carry(&mut server, &mut client).unwrap();
    assert_eq!(read_all(&mut client), b"answer");
}

#[test]
fn hello_in_any_parts_continues_as_a_session() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        for (record, read) in [(1 << 14, 1 << 14), (1 << 14, 1), (100, 7), (1, 1)] {
            let mut client = Pair::new(&client, &server).client;
            let wire = resplit(&drain(&mut client), record);
            // Nothing is ready before the last byte.
            let (early, _) = accept(&wire[..wire.len() - 1], read, &Limits::default());
            assert!(early.unwrap().is_none(), "{version} {record} {read}");
            let accepted = accepted(&wire, read);
            let hello = accepted.client_hello().unwrap();
            assert_eq!(hello.server_name(), Some("server.test"));
            assert!(hello.versions().any(|offered| offered == version));
            assert_eq!(hello.raw(), body(&wire));
            finish(client, accepted.into_session(&server));
        }
    }
}

/// The body of the message in these records.
fn body(mut wire: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    while let Some((header, rest)) = wire.split_at_checked(5) {
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        message.extend_from_slice(&rest[..length]);
        wire = &rest[length..];
    }
    message.split_off(4)
}

#[test]
fn configuration_is_chosen_by_the_hello() {
    let ca = Ca::new(Kind::EcdsaP256);
    let server = |name| Arc::new(ServerConfig::new(ca.identity(Kind::EcdsaP256, &[name])));
    let servers = [("a.test", server("a.test")), ("b.test", server("b.test"))];
    let client = Arc::new(ca.client_config());
    for (name, _) in &servers {
        let mut client = ClientSession::new(&client, *name).unwrap();
        let accepted = accepted(&drain(&mut client), 100);
        let hello = accepted.client_hello().unwrap();
        let (_, config) = servers.iter().find(|(name, _)| hello.server_name() == Some(name)).unwrap();
        assert!(format!("{accepted:?}").contains(name));
        finish(client, accepted.into_session(config));
    }
}

#[test]
fn accepted_hello_compares_signature_schemes() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut client = ca.client_config();
    client.set_signature_schemes(&[strata_tls::SignatureScheme::ECDSA_SECP256R1_SHA256]).unwrap();
    let (client, server) = (Arc::new(client), Arc::new(ca.server_config(Kind::EcdsaP256)));
    let accepted = accepted(&drain(&mut Pair::new(&client, &server).client), 1000);
    let hello = accepted.client_hello().unwrap();
    assert!(hello.can_verify(&ca.identity(Kind::EcdsaP256, &["a.test"])));
    assert!(!hello.can_verify(&ca.identity(Kind::Rsa2048, &["a.test"])));
}

#[test]
fn bytes_are_returned_untouched() {
    let (client, server) = configs();
    let mut pair = Pair::new(&client, &server);
    // The hello is split, and something follows it.
    let wire = [resplit(&drain(&mut pair.client), 50), b"what follows".to_vec()].concat();
    assert_eq!(accepted(&wire, 1 << 14).into_bytes(), wire);
    // Another server continues from them.
    let hello = &wire[..wire.len() - 12];
    let bytes = accepted(hello, 1).into_bytes();
    assert_eq!(feed(&mut pair.server, &bytes).unwrap(), hello.len());
    finish(pair.client, pair.server);
    // Before the hello is complete.
    let mut acceptor = Acceptor::new();
    acceptor.read_tls(&mut &hello[..70]).unwrap();
    assert!(acceptor.accept().unwrap().is_none());
    assert_eq!(acceptor.into_bytes(), hello[..70]);
}

/// Early data that arrived with the hello is not lost, even if the configuration defers an answer.
#[test]
fn early_data_behind_the_hello_is_processed() {
    let ca = Ca::new(Kind::EcdsaP256);
    for deferred in [Needs::NONE, Needs::SESSION] {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        client.enable_early_data(true);
        server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(100)));
        server.set_max_early_data_size(100_000);
        server.set_deferred_needs(deferred);
        let (client, server) = (Arc::new(client), Arc::new(server));
        Pair::connected(&client, &server);
        let mut client = Pair::new(&client, &server).client;
        let request = pattern(50_000);
        client.early_data().unwrap().write_all(&request).unwrap();
        let wire = drain(&mut client);
        // All at once: an acceptor that was not asked in between holds more than the hello.
        let mut acceptor = Acceptor::new();
        let mut rest = &wire[..];
        while !rest.is_empty() {
            acceptor.read_tls(&mut rest).unwrap();
        }
        let mut session = acceptor.accept().unwrap().unwrap().into_session(&server);
        while let Some(need) = session.take_need() {
            assert!(matches!(need, Need::Session(_) | Need::TakeSession(_)));
            session.answer(server.answer(need)).unwrap();
        }
        let mut received = Vec::new();
        session.early_data().unwrap().read_to_end(&mut received).unwrap();
        assert_eq!(received, request);
        assert_eq!(session.handshake_kind(), None);
        finish(client, session);
    }
}

#[test]
fn reject_sends_its_alert() {
    let (client, server) = configs();
    let mut client = Pair::new(&client, &server).client;
    let alert = accepted(&drain(&mut client), 1000).reject(AlertDescription::ACCESS_DENIED);
    let error = feed(&mut client, &alert).unwrap_err();
    assert!(matches!(error, Error::AlertReceived { description: AlertDescription::ACCESS_DENIED, .. }), "{error}");
}

#[test]
fn unsuitable_configuration_ends_the_session_with_an_alert() {
    let (client, server) = configs_of(ProtocolVersion::TLS12);
    let mut only13 = ServerConfig::clone(&server);
    only13.set_versions(&[ProtocolVersion::TLS13]).unwrap();
    let mut client = Pair::new(&client, &server).client;
    let mut session = accepted(&drain(&mut client), 1000).into_session(&Arc::new(only13));
    let mut transport = io::Cursor::new(Vec::new());
    let error = session.complete_io(&mut transport).unwrap_err();
    assert!(error.to_string().contains("no common protocol version"), "{error}");
    assert!(matches!(session.process_new_packets(), Err(Error::NoCommonVersion { .. })));
    assert!(matches!(
        feed(&mut client, transport.get_ref()),
        Err(Error::AlertReceived { description: AlertDescription::PROTOCOL_VERSION, .. })
    ));
}

#[test]
fn other_bytes_are_returned_with_the_error() {
    let state = StateName::START;
    let hello = drain(&mut Pair::new(&configs().0, &configs().1).client);
    let mut malformed = hello.clone();
    malformed[43] = 33; // The session ID is too long.
    let http = b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n";
    for (bytes, expected, alert) in [
        (&http[..], Error::Record(RecordError::NotTls(Protocol::Http)), None),
        (&b"SSH-2.0-OpenSSH_9.9\r\n"[..], Error::Record(RecordError::NotTls(Protocol::Ssh)), None),
        (
            &[21, 3, 1, 0, 2, 2, 40][..],
            Error::UnexpectedRecord { state, got: ContentType::ALERT },
            Some(AlertDescription::UNEXPECTED_MESSAGE),
        ),
        (
            &[22, 3, 1, 0, 4, 2, 0, 0, 0],
            Error::UnexpectedMessage { state, got: HandshakeType::SERVER_HELLO },
            Some(AlertDescription::UNEXPECTED_MESSAGE),
        ),
        (
            &[22, 9, 9, 0, 1, 1],
            Error::Record(RecordError::BadVersion(0x0909)),
            Some(AlertDescription::PROTOCOL_VERSION),
        ),
    ] {
        for size in [1, 1000] {
            let (result, taken) = accept(bytes, size, &Limits::default());
            let error = result.unwrap_err();
            assert_eq!(error.error(), &expected, "{bytes:x?} {size}");
            assert_eq!(error.alert(), alert.map(|alert| [21, 3, 3, 0, 2, 2, alert.0]));
            assert_eq!(error.to_string(), expected.to_string());
            assert_eq!(error.into_bytes(), bytes[..taken]);
        }
    }
    let error = accept(&malformed, 1000, &Limits::default()).0.unwrap_err();
    assert!(matches!(error.error(), Error::Decode(_)));
    assert_eq!(error.into_bytes(), malformed);
}

#[test]
fn end_of_transport_ends_the_wait() {
    let (client, server) = configs();
    let hello = drain(&mut Pair::new(&client, &server).client);
    for sent in [0, 1, 100] {
        let mut acceptor = Acceptor::new();
        let mut transport = &hello[..sent];
        while acceptor.read_tls(&mut transport).unwrap() > 0 {
            assert!(acceptor.accept().unwrap().is_none());
        }
        let error = acceptor.accept().unwrap_err();
        assert_eq!(error.error(), &Error::NoClientHello { partial: sent > 0, end: TransportEnd::Closed });
        assert_eq!((error.alert(), error.into_bytes()), (None, hello[..sent].to_vec()));
    }
    // A hello that arrived before the end counts.
    let mut acceptor = Acceptor::new();
    acceptor.read_tls(&mut &hello[..]).unwrap();
    assert_eq!(acceptor.read_tls(&mut io::empty()).unwrap(), 0);
    assert!(acceptor.accept().unwrap().is_some());
}

#[test]
fn length_is_bounded_by_the_message_limit() {
    let mut limits = Limits::default();
    limits.handshake_message = 2000;
    // A header that declares too much is rejected at once.
    let long = [22, 3, 1, 0x07, 0, 1, 0, 0x20, 0];
    let (result, taken) = accept(&long, 1, &limits);
    assert!(matches!(result.unwrap_err().error(), Error::MessageTooLarge { limit: 2000, .. }));
    assert_eq!(taken, long.len());
    // So are many short records.
    let message = [&[1, 0, 4, 0][..], &[7; 1024]].concat();
    let wire = resplit(&[&[22, 3, 1, 0, 0][..], &message].concat(), 1);
    let (result, taken) = accept(&wire, 100, &limits);
    assert!(matches!(result.unwrap_err().error(), Error::MessageTooLarge { .. }));
    assert!(taken <= 2250 + 100);
    // An acceptor stops reading until `accept` is called.
    let mut acceptor = Acceptor::with_limits(&limits);
    let mut received = 0;
    let error = loop {
        match acceptor.read_tls(&mut io::repeat(22)) {
            Ok(n) => received += n,
            Err(e) => break e,
        }
    };
    assert!(error.to_string().contains("Acceptor::accept") && received <= 2250 + 2048, "{received}");
}

#[test]
fn failed_read_keeps_what_was_received() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            buf.fill(0xff);
            Err(io::ErrorKind::WouldBlock.into())
        }
    }
    let (client, server) = configs();
    let mut client = Pair::new(&client, &server).client;
    let hello = drain(&mut client);
    let mut acceptor = Acceptor::default();
    for mut part in hello.chunks(50) {
        assert_eq!(acceptor.read_tls(&mut Failing).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        acceptor.read_tls(&mut part).unwrap();
    }
    finish(client, acceptor.accept().unwrap().unwrap().into_session(&server));
}
