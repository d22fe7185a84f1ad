//! Sessions and streams that are split into a receiver and a sender.

use std::io::{self, BufRead, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use strata_tls::{
    AlertDescription, AnySession, Backend, ClientSessionMemoryCache, Error, HandshakeKind, IntoSplit, Needs,
    ProtocolVersion, Receiver, Sender, ServerSessionMemoryCache, Session, SplitObstacle, StreamOwned, StreamReceiver,
    StreamSender, is_truncation,
};

use crate::pair::{Pair, drain, feed, is_would_block, pattern, read_all};
use crate::pki::{Ca, Kind, VERSIONS, configs_of};

/// Long enough for a slow machine, and short enough that a hang ends the test.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A split side, and its peer.
struct Halves {
    version: ProtocolVersion,
    receiver: Receiver,
    sender: Sender,
    peer: AnySession,
}

impl Halves {
    fn of(version: ProtocolVersion, session: AnySession, peer: AnySession) -> Self {
        let (receiver, sender) = session.into_split().unwrap();
        Self { version, receiver, sender, peer }
    }

    /// Carries what the sender has to the peer.
    fn deliver(&mut self) -> Result<(), Error> {
        let mut wire = Vec::new();
        while self.sender.wants_write() {
            self.sender.write_tls(&mut wire).unwrap();
        }
        feed(&mut self.peer, &wire).map(|_| ())
    }

    /// Carries what the peer has to the receiver.
    fn receive(&mut self) -> Result<(), Error> {
        let wire = drain(&mut self.peer);
        self.receive_bytes(&wire)
    }

    fn receive_bytes(&mut self, mut wire: &[u8]) -> Result<(), Error> {
        while !wire.is_empty() {
            self.receiver.read_tls(&mut wire).unwrap();
            self.receiver.process_new_packets()?;
        }
        Ok(())
    }

    fn received(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Ok(data) = self.receiver.fill_buf() {
            let length = data.len();
            if length == 0 {
                break;
            }
            all.extend_from_slice(data);
            self.receiver.consume(length);
        }
        all
    }

    fn exchange(&mut self) {
        self.sender.write_all(b"from the sender").unwrap();
        self.deliver().unwrap();
        assert_eq!(read_all(&mut self.peer), b"from the sender");
        self.peer.write_all(b"from the peer").unwrap();
        self.receive().unwrap();
        assert_eq!(self.received(), b"from the peer");
        assert!(is_would_block(self.receiver.read(&mut [0])));
    }
}

/// A split client and a split server of each version.
fn each() -> impl Iterator<Item = Halves> {
    VERSIONS.into_iter().flat_map(|version| {
        let (client, server) = configs_of(version);
        [true, false].map(|splits_client| {
            let Pair { client, server } = Pair::connected(&client, &server);
            let (client, server) = (AnySession::from(client), AnySession::from(server));
            let (session, peer) = if splits_client { (client, server) } else { (server, client) };
            Halves::of(version, session, peer)
        })
    })
}

fn tls_error(e: &io::Error) -> &Error {
    e.get_ref().and_then(|e| e.downcast_ref()).unwrap_or_else(|| panic!("not a TLS error: {e}"))
}

#[test]
fn halves_exchange_data_and_know_the_connection() {
    for mut halves in each() {
        for _ in 0..3 {
            halves.exchange();
        }
        assert_eq!(halves.receiver.connection_info().protocol_version(), halves.version);
        assert_eq!(halves.sender.connection_info().protocol_version(), halves.version);
        let mut exported = [[0; 32]; 2];
        halves.receiver.export_keying_material(&mut exported[0], b"label", Some(b"")).unwrap();
        halves.peer.export_keying_material(&mut exported[1], b"label", Some(b"")).unwrap();
        assert_eq!(exported[0], exported[1]);
        assert!(halves.receiver.wants_read() && !halves.sender.wants_write() && !halves.sender.must_write());
        assert!(halves.receiver.failed_sessions().next().is_none());
    }
}

#[test]
fn halves_exchange_data_with_every_backend() {
    for (version, backend) in VERSIONS.into_iter().flat_map(|one| Backend::ALL.iter().map(move |other| (one, *other))) {
        let (client, server) = configs_of(version);
        let (mut client, mut server) = (Arc::unwrap_or_clone(client), Arc::unwrap_or_clone(server));
        client.set_backend(backend);
        server.set_backend(backend);
        let Pair { client, server } = Pair::connected(&Arc::new(client), &Arc::new(server));
        let mut halves = Halves::of(version, client.into(), server.into());
        for _ in 0..3 {
            halves.exchange();
        }
    }
}

#[test]
fn halves_can_move_to_other_threads() {
    fn assert_send_sync<T: Send + Sync + 'static>() {}
    assert_send_sync::<Receiver>();
    assert_send_sync::<Sender>();
    assert_send_sync::<StreamReceiver<TcpStream>>();
    assert_send_sync::<StreamSender<TcpStream>>();
}

#[test]
fn buffered_bytes_move_to_the_halves() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        pair.server.write_all(b"unread").unwrap();
        pair.settle().unwrap();
        pair.client.set_buffer_limit(Some(100));
        let accepted = pair.client.write(&[7; 1000]).unwrap();
        assert!((1..100).contains(&accepted));
        let mut halves = Halves::of(version, pair.client.into(), pair.server.into());
        assert_eq!(halves.received(), b"unread");
        assert!(halves.sender.wants_write());
        assert_eq!(halves.sender.write(&[7; 1000]).unwrap(), 0, "the limit moves along");
        halves.deliver().unwrap();
        assert_eq!(read_all(&mut halves.peer), vec![7; accepted]);
        halves.exchange();
    }
}

/// Plaintext and close_notify that wait for room in the send buffer.
#[test]
fn pending_plaintext_and_close_move_to_the_sender() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::new(&client, &server);
        pair.client.set_buffer_limit(Some(10_000));
        assert_eq!(pair.client.write(&[7; 5000]).unwrap(), 5000);
        pair.client.send_close_notify();
        pair.client.set_buffer_limit(Some(1000));
        while pair.client.is_handshaking() {
            let flight = drain(&mut pair.client);
            feed(&mut pair.server, &flight).unwrap();
            let flight = drain(&mut pair.server);
            feed(&mut pair.client, &flight).unwrap();
        }
        let mut halves = Halves::of(version, pair.client.into(), pair.server.into());
        halves.deliver().unwrap();
        assert_eq!(read_all(&mut halves.peer), vec![7; 5000]);
        assert_eq!(halves.peer.read(&mut [0]).unwrap(), 0, "close_notify");
        assert_eq!(halves.sender.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}

#[test]
fn key_update_of_peer_makes_the_sender_want_to_write() {
    for mut halves in each().filter(|halves| halves.version == ProtocolVersion::TLS13) {
        for is_idle in [true, false] {
            halves.peer.refresh_traffic_keys().unwrap();
            halves.receive().unwrap();
            assert!(halves.receiver.sender_wants_write());
            assert!(halves.sender.wants_write() && halves.sender.must_write());
            if !is_idle {
                halves.sender.write_all(b"data").unwrap();
            }
            halves.deliver().unwrap();
            assert!(!halves.receiver.sender_wants_write() && !halves.sender.wants_write());
            assert_eq!(read_all(&mut halves.peer), if is_idle { &b""[..] } else { b"data" });
        }
        halves.sender.refresh_traffic_keys().unwrap();
        halves.exchange();
        halves.exchange();
    }
    let mut tls12 = each().find(|halves| halves.version == ProtocolVersion::TLS12).unwrap();
    assert_eq!(tls12.sender.refresh_traffic_keys(), Err(Error::NoKeyUpdate));
}

#[test]
fn error_of_receiver_reaches_sender_and_peer() {
    for mut halves in each() {
        halves.sender.write_all(b"before").unwrap();
        halves.peer.write_all(b"intact").unwrap();
        halves.receive().unwrap();
        halves.peer.write_all(b"damaged").unwrap();
        let mut wire = drain(&mut halves.peer);
        *wire.last_mut().unwrap() ^= 1;
        assert_eq!(halves.receive_bytes(&wire), Err(Error::BadRecordMac));
        assert!(halves.receiver.sender_wants_write() && !halves.receiver.wants_read());
        assert_eq!(halves.sender.error(), Some(&Error::BadRecordMac));
        for _ in 0..2 {
            assert_eq!(tls_error(&halves.sender.write(b"after").unwrap_err()), &Error::BadRecordMac);
            assert_eq!(halves.sender.refresh_traffic_keys(), Err(Error::BadRecordMac));
        }
        halves.sender.send_close_notify();
        let alert = halves.deliver().unwrap_err();
        assert!(matches!(alert, Error::AlertReceived { description: AlertDescription::BAD_RECORD_MAC, .. }), "{alert}");
        assert!(!halves.sender.wants_write());
        // What arrived before is read first.
        assert_eq!(halves.received(), b"intact");
        assert_eq!(tls_error(&halves.receiver.read(&mut [0]).unwrap_err()), &Error::BadRecordMac);
        assert_eq!(read_all(&mut halves.peer), b"before");
    }
}

#[test]
fn alert_of_error_is_sent_by_write_tls() {
    for mut halves in each() {
        halves.peer.write_all(b"damaged").unwrap();
        let mut wire = drain(&mut halves.peer);
        *wire.last_mut().unwrap() ^= 1;
        halves.receive_bytes(&wire).unwrap_err();
        // Without a write of the application.
        assert!(matches!(halves.deliver(), Err(Error::AlertReceived { .. })));
    }
}

#[test]
fn fatal_alert_of_peer_is_not_answered() {
    for mut halves in each() {
        // The peer fails, and its alert ends this side.
        halves.sender.write_all(b"damaged").unwrap();
        let mut wire = Vec::new();
        halves.sender.write_tls(&mut wire).unwrap();
        *wire.last_mut().unwrap() ^= 1;
        feed(&mut halves.peer, &wire).unwrap_err();
        let e = halves.receive().unwrap_err();
        assert!(matches!(e, Error::AlertReceived { description: AlertDescription::BAD_RECORD_MAC, .. }), "{e}");
        assert!(halves.sender.wants_write());
        assert_eq!(halves.sender.write_tls(&mut wire).unwrap(), 0);
        assert!(!halves.sender.wants_write());
        assert_eq!(tls_error(&halves.sender.write(b"after").unwrap_err()), &e);
    }
}

#[test]
fn halves_close_in_any_order() {
    for sender_is_first in [true, false] {
        for mut halves in each() {
            for is_sender in [sender_is_first, !sender_is_first] {
                if is_sender {
                    halves.sender.write_all(b"last").unwrap();
                    halves.sender.send_close_notify();
                    assert_eq!(halves.sender.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
                    halves.deliver().unwrap();
                    assert_eq!(read_all(&mut halves.peer), b"last");
                    assert_eq!(halves.peer.read(&mut [0]).unwrap(), 0);
                } else {
                    halves.peer.write_all(b"last").unwrap();
                    halves.peer.send_close_notify();
                    halves.receive().unwrap();
                    assert_eq!(halves.received(), b"last");
                    assert_eq!(halves.receiver.read(&mut [0]).unwrap(), 0);
                    assert!(!halves.receiver.wants_read() && !halves.receiver.sender_wants_write());
                }
            }
        }
    }
}

#[test]
fn half_can_outlive_the_other() {
    for mut halves in each() {
        halves.peer.write_all(b"read alone").unwrap();
        let wire = drain(&mut halves.peer);
        drop(halves.sender);
        let mut rest = &wire[..];
        halves.receiver.read_tls(&mut rest).unwrap();
        halves.receiver.process_new_packets().unwrap();
        assert_eq!(halves.receiver.fill_buf().unwrap(), b"read alone");
    }
    for mut halves in each() {
        drop(halves.receiver);
        halves.sender.write_all(b"written alone").unwrap();
        let mut wire = Vec::new();
        halves.sender.write_tls(&mut wire).unwrap();
        feed(&mut halves.peer, &wire).unwrap();
        assert_eq!(read_all(&mut halves.peer), b"written alone");
    }
}

#[test]
fn session_is_returned_before_handshake_is_complete() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let Pair { client, server } = Pair::new(&client, &server);
        let (client, obstacle) = client.into_split().unwrap_err().into_parts();
        assert_eq!(obstacle, SplitObstacle::Handshake);
        let e = AnySession::from(server).into_split().unwrap_err();
        assert_eq!(e.to_string(), "cannot split the connection: the handshake is not complete; complete it first");
        let (AnySession::Server(server), _) = e.into_parts() else { panic!("another role") };
        let mut pair = Pair { client, server };
        pair.settle().unwrap();
        Halves::of(version, pair.client.into(), pair.server.into()).exchange();
    }
}

#[test]
fn session_with_unread_early_data_is_not_split() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.enable_early_data(true);
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(100)));
    server.set_max_early_data_size(1000);
    let (client, server) = (Arc::new(client), Arc::new(server));
    Pair::connected(&client, &server);
    let mut pair = Pair::new(&client, &server);
    pair.client.early_data().unwrap().write_all(b"early").unwrap();
    pair.settle().unwrap();
    let (mut server, obstacle) = pair.server.into_split().unwrap_err().into_parts();
    assert_eq!(obstacle, SplitObstacle::EarlyData);
    let mut early = Vec::new();
    server.early_data().unwrap().read_to_end(&mut early).unwrap();
    assert_eq!(early, b"early");
    Halves::of(ProtocolVersion::TLS13, server.into(), pair.client.into()).exchange();
}

#[test]
fn server_is_split_after_its_tickets_are_made() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut server = ca.server_config(Kind::EcdsaP256);
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(100)));
    server.set_deferred_needs(Needs::NEW_SESSION);
    let (client, server_config) = (Arc::new(ca.client_config()), Arc::new(server));
    let pair = Pair::connected(&client, &server_config);
    let (mut server, obstacle) = pair.server.into_split().unwrap_err().into_parts();
    assert_eq!(obstacle, SplitObstacle::Answer);
    let need = server.take_need().unwrap();
    server.answer(server_config.answer(need)).unwrap();
    let mut halves = Halves::of(ProtocolVersion::TLS13, server.into(), pair.client.into());
    // Tickets may wait, but the sender has them.
    assert!(halves.sender.wants_write() && !halves.sender.must_write());
    halves.exchange();
    assert_eq!(Pair::connected(&client, &server_config).client.handshake_kind(), Some(HandshakeKind::Resumed));
}

/// A client's receiver stores the sessions of tickets, and removes them when the connection fails.
#[test]
fn receiver_stores_and_removes_sessions() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    let sessions = Arc::new(ClientSessionMemoryCache::new(10));
    client.set_session_storage(Arc::clone(&sessions) as _);
    server.set_send_tls13_tickets(4);
    let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
    let flight = drain(&mut pair.client);
    feed(&mut pair.server, &flight).unwrap();
    let flight = drain(&mut pair.server);
    feed(&mut pair.client, &flight).unwrap();
    let mut halves = Halves::of(ProtocolVersion::TLS13, pair.client.into(), pair.server.into());
    halves.deliver().unwrap();
    assert_eq!(sessions.len(), 0, "the tickets have not arrived");
    halves.receive().unwrap();
    assert_eq!(sessions.len(), 1);
    halves.receive_bytes(&[21, 3, 3, 0, 2, 2, 40]).unwrap_err();
    assert_eq!(sessions.len(), 0);
}

/// Both ends of a connection over loopback, after the handshake.
fn streams(
    version: ProtocolVersion,
) -> (StreamOwned<strata_tls::ClientSession, TcpStream>, StreamOwned<strata_tls::ServerSession, TcpStream>) {
    let (client, server) = configs_of(version);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to_server = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (to_client, _) = listener.accept().unwrap();
    for socket in [&to_server, &to_client] {
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        socket.set_write_timeout(Some(TIMEOUT)).unwrap();
    }
    let server = thread::spawn(move || {
        let mut stream = StreamOwned::new(strata_tls::ServerSession::new(&server), to_client);
        stream.flush().unwrap();
        stream
    });
    let mut client = StreamOwned::new(strata_tls::ClientSession::new(&client, "server.test").unwrap(), to_server);
    client.flush().unwrap();
    (client, server.join().unwrap())
}

fn split<S: IntoSplit>(stream: StreamOwned<S, TcpStream>) -> (StreamReceiver<TcpStream>, StreamSender<TcpStream>) {
    let reader = stream.transport.try_clone().unwrap();
    stream.into_split(reader).unwrap()
}

/// Sends all of `data` in writes of changing lengths, and updates the keys between some.
fn send_all(sender: &mut StreamSender<TcpStream>, data: &[u8], updates_keys: bool) {
    let (mut rest, mut length) = (data, 1);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(length));
        if length % 3 == 0 {
            let (first, second) = now.split_at(now.len() / 2);
            let sent = sender.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]).unwrap();
            sender.write_all(&now[sent..]).unwrap();
        } else {
            sender.write_all(now).unwrap();
        }
        if updates_keys && length % 5 == 0 {
            sender.sender.refresh_traffic_keys().unwrap();
        }
        rest = later;
        length = length * 31 % 40_009 + 1;
    }
    sender.close().unwrap();
}

/// Four threads: both sides send and receive at once, and all update their keys.
#[test]
fn threads_exchange_data_and_key_updates_at_once() {
    const SIZE: usize = 3 << 20;
    for version in VERSIONS {
        let updates_keys = version == ProtocolVersion::TLS13;
        let (client, server) = streams(version);
        let data = pattern(SIZE);
        thread::scope(|scope| {
            for (mut receiver, mut sender) in [split(client), split(server)] {
                let data = &data;
                scope.spawn(move || send_all(&mut sender, data, updates_keys));
                scope.spawn(move || {
                    let mut received = Vec::with_capacity(SIZE);
                    receiver.read_to_end(&mut received).unwrap();
                    assert!(received == *data);
                });
            }
        });
    }
}

/// Returns the records of a wire.
fn records(mut wire: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let [_, _, _, high, low, ..] = wire {
        let (record, rest) = wire.split_at(5 + usize::from(u16::from_be_bytes([*high, *low])));
        all.push(record);
        wire = rest;
    }
    all
}

/// A closed sender has no answer to key updates, so it finds nothing to write, while the receiver
/// leaves it the next one.
#[test]
fn stream_flush_succeeds_while_key_updates_arrive() {
    let mut halves = each().find(|halves| halves.version == ProtocolVersion::TLS13).unwrap();
    let mut sent = Vec::new();
    for _ in 0..2000 {
        halves.sender.refresh_traffic_keys().unwrap();
        halves.sender.write_all(b"x").unwrap();
        while halves.sender.wants_write() {
            halves.sender.write_tls(&mut sent).unwrap();
        }
    }
    // Each allows the peer to request another one.
    let mut requests = Vec::new();
    for record in records(&sent) {
        feed(&mut halves.peer, record).unwrap();
        read_all(&mut halves.peer);
        halves.peer.refresh_traffic_keys().unwrap();
        halves.peer.write_all(b"x").unwrap();
        requests.extend(drain(&mut halves.peer));
    }
    let mut sender = StreamSender { sender: halves.sender, transport: io::sink() };
    let mut receiver = StreamReceiver { receiver: halves.receiver, transport: &requests[..] };
    sender.close().unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(move || while let Ok(1..) = receiver.read(&mut [0; 100]) {});
        while !reader.is_finished() {
            if let Err(e) = sender.flush() {
                assert_ne!(e.kind(), ErrorKind::WriteZero);
            }
        }
    });
}

/// One thread that waits in a read does not keep the other one from writing.
#[test]
fn stream_writes_while_other_half_waits_to_read() {
    for version in VERSIONS {
        let (client, server) = streams(version);
        let ((mut reads, mut writes), (mut echo_from, mut echo_to)) = (split(client), split(server));
        let echo = thread::spawn(move || {
            io::copy(&mut echo_from, &mut echo_to).unwrap();
            echo_to.close().unwrap();
        });
        let (line_read, lines) = std::sync::mpsc::channel();
        let reader = thread::spawn(move || {
            let mut line = String::new();
            while reads.read_line(&mut line).unwrap() > 0 {
                line_read.send(std::mem::take(&mut line)).unwrap();
            }
        });
        for round in 0..50 {
            writeln!(writes, "line {round}").unwrap();
            assert_eq!(lines.recv().unwrap(), format!("line {round}\n"));
        }
        writes.close().unwrap();
        reader.join().unwrap();
        echo.join().unwrap();
    }
}

#[test]
fn stream_receiver_error_fails_sender_and_reaches_peer() {
    for version in VERSIONS {
        let (client, mut server) = streams(version);
        let (mut receiver, mut sender) = split(client);
        server.write_all(b"last").unwrap();
        // An unprotected record.
        server
            .transport
            .write_all(&[23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
            .unwrap();
        let mut received = Vec::new();
        let e = receiver.read_to_end(&mut received).unwrap_err();
        assert_eq!((&received[..], tls_error(&e)), (&b"last"[..], &Error::BadRecordMac));
        for _ in 0..2 {
            assert_eq!(tls_error(&sender.write(b"after").unwrap_err()), &Error::BadRecordMac);
            assert_eq!(tls_error(&sender.flush().unwrap_err()), &Error::BadRecordMac);
            assert_eq!(tls_error(&sender.close().unwrap_err()), &Error::BadRecordMac);
        }
        let e = server.read(&mut [0]).unwrap_err();
        assert!(matches!(tls_error(&e), Error::AlertReceived { .. }), "{e}");
    }
}

#[test]
fn stream_flush_sends_the_alert_of_an_idle_sender() {
    let (client, mut server) = streams(ProtocolVersion::TLS13);
    let (mut receiver, mut sender) = split(client);
    server.transport.write_all(&[21, 3, 3, 0, 2, 2, 40]).unwrap();
    let e = receiver.read(&mut [0]).unwrap_err();
    assert!(matches!(tls_error(&e), Error::UnprotectedRecord { .. }), "{e}");
    sender.flush().unwrap_err();
    assert!(matches!(tls_error(&server.read(&mut [0]).unwrap_err()), Error::AlertReceived { .. }));
}

#[test]
fn stream_receiver_reports_truncation() {
    for version in VERSIONS {
        let (client, mut server) = streams(version);
        let (mut receiver, mut sender) = split(client);
        server.write_all(b"half an ans").unwrap();
        server.transport.shutdown(Shutdown::Write).unwrap();
        let mut received = Vec::new();
        let e = receiver.read_to_end(&mut received).unwrap_err();
        assert!(is_truncation(&e), "{e}");
        assert_eq!(received, b"half an ans");
        // The other direction goes on.
        sender.write_all(b"still").unwrap();
        sender.close().unwrap();
        received.clear();
        server.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"still");
    }
}

#[test]
fn stream_is_returned_before_handshake_is_complete() {
    let (client, _) = configs_of(ProtocolVersion::TLS13);
    let session = strata_tls::ClientSession::new(&client, "server.test").unwrap();
    let stream = StreamOwned::new(session, io::Cursor::new(vec![7]));
    let (stream, obstacle) = stream.into_split(io::empty()).unwrap_err().into_parts();
    assert_eq!(obstacle, SplitObstacle::Handshake);
    assert_eq!(stream.transport.into_inner(), [7]);
    assert!(stream.session.wants_write());
}
