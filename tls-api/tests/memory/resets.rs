//! Peers that reset the transport, probe a server, or speak another protocol: what the error says,
//! and its kind.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use strata_tls::{
    Acceptor, AlertDescription, AllowAnyAuthenticatedClient, ClientSession, Error, ProtocolVersion, ServerSession,
    Session, Stream, TransportEnd,
};

use crate::pair::{Pair, carry, drain, feed, read_all};
use crate::pki::{Ca, Kind, VERSIONS, configs, configs_of};

/// A transport that delivers `input`, then fails as a reset one does. Writes succeed until the
/// peer has gone.
struct Transport<'a> {
    input: &'a [u8],
    then: Result<(), ErrorKind>,
    write: Result<(), ErrorKind>,
}

impl Read for Transport<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.then {
            Err(kind) if self.input.is_empty() => Err(kind.into()),
            _ => self.input.read(out),
        }
    }
}

impl Write for Transport<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write.map(|()| bytes.len()).map_err(io::Error::from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn reset(input: &[u8]) -> Transport<'_> {
    Transport { input, then: Err(ErrorKind::ConnectionReset), write: Ok(()) }
}

/// Runs the handshake; returns the kind of the error and the error within.
fn end<S: Session>(session: &mut S, mut transport: Transport<'_>) -> (ErrorKind, Option<Error>) {
    let e = session.complete_io(&mut transport).unwrap_err();
    let within = e.get_ref().and_then(|within| within.downcast_ref::<Error>()).cloned();
    // The error is final, and the same everywhere.
    if let Some(within) = &within {
        assert!(session.process_new_packets().as_ref() == Err(within) && !session.wants_read());
    }
    (e.kind(), within)
}

#[test]
fn reset_names_the_state_as_eof_does() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        for kind in [ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted] {
            let mut session = Pair::new(&client, &server).client;
            let transport = Transport { then: Err(kind), ..reset(b"") };
            let (kind, error) = end(&mut session, transport);
            let Some(Error::ClosedDuringHandshake { state, end }) = error else { panic!("{error:?}") };
            assert_eq!((kind, state.as_str(), end), (ErrorKind::ConnectionReset, "WAIT_SH", TransportEnd::Reset));
            let text = error.unwrap().to_string();
            let start = "the peer reset the transport while the client waited for ServerHello (WAIT_SH), before";
            assert!(text.starts_with(start) && text.contains("firewall"), "{text}");
        }
        // After the whole hello, the server waits for the client's flight.
        let mut pair = Pair::new(&client, &server);
        let hello = drain(&mut pair.client);
        let (kind, error) = end(&mut pair.server, reset(&hello));
        assert_eq!(kind, ErrorKind::ConnectionReset);
        let text = error.unwrap().to_string();
        assert!(text.contains("reset the transport while the server waited for"), "{text}");
    }
}

#[test]
fn stream_returns_the_reset_of_a_handshake() {
    let (client, server) = configs();
    let mut session = Pair::new(&client, &server).client;
    let mut transport = reset(b"");
    let e = Stream::new(&mut session, &mut transport).write(b"secret").unwrap_err();
    let within = e.get_ref().unwrap().downcast_ref();
    assert!(matches!(within, Some(Error::ClosedDuringHandshake { end: TransportEnd::Reset, .. })), "{e}");
}

#[test]
fn probe_of_a_server_has_its_own_variant() {
    let (client, server) = configs();
    let hello = drain(&mut Pair::new(&client, &server).client);
    for (then, kind, how) in [
        (Ok(()), ErrorKind::UnexpectedEof, TransportEnd::Closed),
        (Err(ErrorKind::ConnectionReset), ErrorKind::ConnectionReset, TransportEnd::Reset),
    ] {
        for cut in [0, 1, 5, 6, 100, hello.len() - 1] {
            let mut session = ServerSession::new(&server);
            let ended = end(&mut session, Transport { then, ..reset(&hello[..cut]) });
            assert_eq!(ended, (kind, Some(Error::NoClientHello { partial: cut > 0, end: how })), "{cut}");
            assert!(drain(&mut session).is_empty());
        }
        // A hello in two records, of which one arrives.
        let split = [&[22, 3, 1, 0, 100], &hello[5..105]].concat();
        let ended = end(&mut ServerSession::new(&server), Transport { then, ..reset(&split) });
        assert_eq!(ended.1, Some(Error::NoClientHello { partial: true, end: how }));
        let text = ended.1.unwrap().to_string();
        assert!(text.contains("incomplete ClientHello"), "{text}");
    }
    let nothing = Error::NoClientHello { partial: false, end: TransportEnd::Closed }.to_string();
    assert!(nothing.starts_with("the client closed the transport before it sent anything"), "{nothing}");
}

#[test]
fn acceptor_tells_a_reset_as_the_session_does() {
    let (client, server) = configs();
    let hello = drain(&mut Pair::new(&client, &server).client);
    for received in [&hello[..0], &hello[..100]] {
        let mut acceptor = Acceptor::default();
        let mut transport = reset(received);
        let e = loop {
            match acceptor.read_tls(&mut transport) {
                Ok(_) => assert!(acceptor.accept().unwrap().is_none()),
                Err(e) => break e,
            }
        };
        let expected = Error::NoClientHello { partial: !received.is_empty(), end: TransportEnd::Reset };
        assert_eq!((e.kind(), e.get_ref().unwrap().downcast_ref()), (ErrorKind::ConnectionReset, Some(&expected)));
    }
}

/// The server has rejected the connection and closed: the client's next write fails, and its alert
/// is still to be read.
#[test]
fn alert_is_preferred_to_the_failure_of_a_write() {
    for version in VERSIONS {
        let (client, _) = configs_of(version);
        for kind in [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted] {
            let gone = |input| Transport { input, then: Err(ErrorKind::ConnectionReset), write: Err(kind) };
            let alert = [21, 3, 3, 0, 2, 2, AlertDescription::ACCESS_DENIED.0];
            let new = || ClientSession::new(&client, "server.test").unwrap();
            let (_, error) = end(&mut new(), gone(&alert));
            let expected = AlertDescription::ACCESS_DENIED;
            let is_alert = matches!(&error, Some(Error::AlertReceived { description, .. }) if *description == expected);
            assert!(is_alert, "{error:?}");
            // Without an alert, the error names the state.
            let (_, error) = end(&mut new(), gone(b""));
            assert!(matches!(error, Some(Error::ClosedDuringHandshake { end: TransportEnd::Reset, .. })));
            let (_, error) = end(&mut new(), Transport { then: Ok(()), ..gone(b"") });
            assert!(matches!(error, Some(Error::ClosedDuringHandshake { end: TransportEnd::Closed, .. })));
            // A transport that only does not answer keeps its own error.
            let silent = Transport { then: Err(ErrorKind::WouldBlock), ..gone(b"") };
            assert_eq!(end(&mut new(), silent), (kind, None));
        }
    }
}

/// The server failed and closed: the client's write fails, and the alert is still to be read.
#[test]
fn stream_prefers_an_alert_to_its_failed_write() {
    for version in VERSIONS {
        for kind in [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted] {
            for call in CALLS {
                let (alert, mut pair) = rejected(version);
                let gone = Transport { write: Err(kind), ..reset(&alert) };
                let e = call(&mut pair.client, gone).unwrap_err();
                let Some(Error::AlertReceived { description, .. }) = e.get_ref().unwrap().downcast_ref() else {
                    panic!("{e}")
                };
                assert_eq!(*description, AlertDescription::BAD_RECORD_MAC);
                // Data sent before the alert stays readable.
                assert_eq!(read_all(&mut pair.client), b"data");
            }
        }
    }
}

#[test]
fn failed_write_without_an_alert_keeps_its_error() {
    let (client, server) = configs();
    for (input, then) in
        [(false, Err(ErrorKind::ConnectionReset)), (false, Ok(())), (false, Err(ErrorKind::WouldBlock)), (true, Ok(()))]
    {
        for call in CALLS {
            let mut pair = Pair::connected(&client, &server);
            pair.server.write_all(b"data").unwrap();
            pair.server.send_close_notify();
            let sent = drain(&mut pair.server);
            let gone = Transport { then, write: Err(ErrorKind::BrokenPipe), ..reset(if input { &sent } else { &[] }) };
            let e = call(&mut pair.client, gone).unwrap_err();
            assert!(e.kind() == ErrorKind::BrokenPipe && e.get_ref().is_none(), "{e}");
            assert_eq!(read_all(&mut pair.client), if input { &b"data"[..] } else { b"" });
        }
    }
    // A transport that is not ready, or fails for another reason, is not read.
    for kind in [ErrorKind::StorageFull, ErrorKind::PermissionDenied] {
        let (alert, mut pair) = rejected(VERSIONS[0]);
        let e = CALLS[0](&mut pair.client, Transport { write: Err(kind), ..reset(&alert) }).unwrap_err();
        assert_eq!(e.kind(), kind);
    }
}

/// The calls of a stream that write.
const CALLS: [fn(&mut ClientSession, Transport<'_>) -> io::Result<()>; 4] = [
    |session, mut transport| Stream::new(session, &mut transport).write_all(b"request"),
    |session, mut transport| {
        session.write_all(b"request").unwrap();
        Stream::new(session, &mut transport).flush()
    },
    |session, mut transport| Stream::new(session, &mut transport).close(),
    |session, mut transport| {
        session.write_all(b"request").unwrap();
        session.complete_io(&mut transport).map(drop)
    },
];

/// Returns a connected pair, and the bytes of a server that sent data and then an alert.
fn rejected(version: ProtocolVersion) -> (Vec<u8>, Pair) {
    let (client, server) = configs_of(version);
    let mut pair = Pair::connected(&client, &server);
    pair.server.write_all(b"data").unwrap();
    let altered = [&[23, 3, 3, 0, 64][..], &[0; 64]].concat();
    assert_eq!(feed(&mut pair.server, &altered), Err(Error::BadRecordMac));
    (drain(&mut pair.server), pair)
}

/// A TLS 1.3 server rejects a client without a certificate when the client has already finished.
#[test]
fn write_returns_the_alert_certificate_required() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut server = ca.server_config(Kind::EcdsaP256);
    server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
    let mut pair = Pair::new(&Arc::new(ca.client_config()), &Arc::new(server));
    carry(&mut pair.client, &mut pair.server).unwrap();
    carry(&mut pair.server, &mut pair.client).unwrap();
    assert!(!pair.client.is_handshaking());
    carry(&mut pair.client, &mut pair.server).unwrap_err();
    let alert = drain(&mut pair.server);
    let mut gone = Transport { write: Err(ErrorKind::BrokenPipe), ..reset(&alert) };
    let e = Stream::new(&mut pair.client, &mut gone).write_all(b"request").unwrap_err();
    let Some(Error::AlertReceived { description, .. }) = e.get_ref().unwrap().downcast_ref() else { panic!("{e}") };
    assert_eq!(*description, AlertDescription::CERTIFICATE_REQUIRED);
}

/// What to do is in the error of each role, which sends no alert to a peer that would not read it.
#[test]
fn other_protocols_are_told_with_what_to_do() {
    let (client, server) = configs();
    let at_server: [(&[u8], &str, &str); 9] = [
        (b"GET / HTTP/1.1\r\n", "got plain HTTP;", "https://"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 5 443\r\n\x16\x03\x01", "PROXY protocol;", "remove it before the handshake"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "PROXY protocol;", "turn it off in the load balancer"),
        (&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f], "PostgreSQL request;", "sslnegotiation=direct"),
        (b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04DIGI", "plain MQTT;", "8883"),
        (&[0x30, 0x0c, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0], "plain LDAP;", "ldaps://"),
        (b"\x03\0\0\x2c\x27\xe0\0\0\0\0\0Cookie: mstshash=eltons\r\n", "RDP negotiation;", "before TLS"),
        (b"*1\r\n$4\r\nPING\r\n", "plain Redis;", "rediss://"),
        (&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x5f, 1], "got DTLS;", "TLS over TCP"),
    ];
    let at_client: [(&[u8], &str, &str); 4] = [
        (b"HTTP/1.1 400 Bad Request\r\n", "plain HTTP;", "TLS port"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "got SSH;", "port"),
        (b"220 mail.example ESMTP\r\n", "SMTP", "STARTTLS"),
        (b"\x6e\0\0\0\x0a11.4.2-MariaDB\0", "MySQL server;", "MySQL client library"),
    ];
    fn check(session: &mut impl Session, input: &[u8], what: &str, advice: &str) {
        drain(session);
        let error = end(session, reset(input)).1.unwrap();
        let text = error.to_string();
        assert!(text.starts_with("expected TLS, got ") && text.contains(what) && text.contains(advice), "{text}");
        assert!(error.alert().is_none() && !session.wants_write());
    }
    for (input, what, advice) in at_server {
        check(&mut ServerSession::new(&server), input, what, advice);
    }
    for (input, what, advice) in at_client {
        check(&mut Pair::new(&client, &server).client, input, what, advice);
    }
    let random = end(&mut ServerSession::new(&server), reset(&[99; 9])).1.unwrap().to_string();
    assert!(random.contains("invalid content type 0x63; the peer may speak another protocol"), "{random}");
}

#[test]
fn reset_after_the_handshake_stays_an_error_of_the_transport() {
    let (client, server) = configs();
    let mut pair = Pair::new(&client, &server);
    carry(&mut pair.client, &mut pair.server).unwrap();
    carry(&mut pair.server, &mut pair.client).unwrap();
    carry(&mut pair.client, &mut pair.server).unwrap();
    assert!(!pair.client.is_handshaking());
    pair.server.write_all(b"data").unwrap();
    let sent = drain(&mut pair.server);
    let mut transport = reset(&sent);
    let mut stream = Stream::new(&mut pair.client, &mut transport);
    let mut received = [0; 4];
    stream.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"data");
    let e = stream.read(&mut received).unwrap_err();
    assert!(e.kind() == ErrorKind::ConnectionReset && e.get_ref().is_none(), "{e}");
}
