//! Streams that are split into a receiver and a sender, for two tasks.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use strata_tls::tokio::{AnswersNeeds, TlsAcceptor, TlsConnector, TlsReceiver, TlsSender};
use strata_tls::{
    AlertDescription, Answer, Error, HandshakeKind, Need, Needs, ProtocolVersion, ServerConfig, Session, SplitObstacle,
    is_truncation,
};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::handshakes::{Stream, connect, connected, name};
use crate::pki::{VERSIONS, configs, configs_of};
use crate::transport::{CLIENT, End, SERVER, Task, Wires, run, run_both, run_one};

type Receiver = TlsReceiver<ReadHalf<End>>;
type Sender = TlsSender<WriteHalf<End>>;

fn split(stream: Stream) -> (Receiver, Sender) {
    stream.into_split(tokio::io::split).unwrap()
}

/// A split client and its server, over a transport of this capacity.
fn split_client(version: ProtocolVersion, capacity: usize) -> (Wires, Receiver, Sender, Stream) {
    let (wires, client, server) = connected(version);
    for side in [CLIENT, SERVER] {
        wires.of(side, |direction| direction.capacity = capacity);
    }
    let (receiver, sender) = split(client);
    (wires, receiver, sender, server)
}

fn tls_error(e: &io::Error) -> &Error {
    e.get_ref().and_then(|e| e.downcast_ref()).unwrap_or_else(|| panic!("not a TLS error: {e}"))
}

/// A record that cannot be decrypted.
fn damaged() -> Vec<u8> {
    [&[23, 3, 3, 0, 30][..], &[0; 30]].concat()
}

/// Writes until the transport and the sender are full. Returns what was accepted.
fn fill(sender: &mut Sender, waker: &Waker) -> usize {
    let mut accepted = 0;
    while let Poll::Ready(n) = Pin::new(&mut *sender).poll_write(&mut Context::from_waker(waker), &[1; 1000]) {
        accepted += n.unwrap();
    }
    accepted
}

/// Sends in writes of changing lengths, with key updates between some.
async fn send_all<W: AsyncWrite + Unpin>(mut sender: TlsSender<W>, data: &[u8], updates_keys: bool) {
    let (mut rest, mut length) = (data, 1);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(length));
        sender.write_all(now).await.unwrap();
        if updates_keys && length % 5 == 0 {
            sender.sender_mut().refresh_traffic_keys().unwrap();
        }
        rest = later;
        length = length * 31 % 40_009 + 1;
    }
    sender.shutdown().await.unwrap();
}

/// Four threads: both sides send and receive at once, and update their keys.
#[test]
fn tasks_exchange_data_and_key_updates_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let data: Vec<u8> = (0..2_000_000_u32).map(|i| i.to_le_bytes()[i as usize % 3]).collect();
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let (client, server) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (connector, acceptor) = (TlsConnector::from(client), TlsAcceptor::from(server));
            let connect =
                async { connector.connect(name(), TcpStream::connect(address).await.unwrap()).await.unwrap() };
            let accept = async { acceptor.accept(listener.accept().await.unwrap().0).await.unwrap() };
            tokio::join!(connect, accept)
        });
        std::thread::scope(|scope| {
            let (done, mut all_done) = tokio::sync::mpsc::channel::<()>(1);
            for stream in [client, server] {
                let (mut receiver, sender) = stream.into_split(TcpStream::into_split).unwrap();
                let (data, runtime, done, also_done) = (&data, &runtime, done.clone(), done.clone());
                scope.spawn(move || {
                    runtime.handle().block_on(send_all(sender, data, version == ProtocolVersion::TLS13));
                    drop(done);
                });
                scope.spawn(move || {
                    let mut received = Vec::with_capacity(data.len());
                    runtime.handle().block_on(receiver.read_to_end(&mut received)).unwrap();
                    assert!(received == *data);
                    drop(also_done);
                });
            }
            drop(done);
            // Runs the I/O of the other threads until each has ended, even by a panic.
            assert!(runtime.block_on(all_done.recv()).is_none());
        });
    }
}

/// Tickets of a server that only receives. The client resumes with them.
#[test]
fn idle_sender_sends_the_tickets() {
    let (client, server) = configs_of(ProtocolVersion::TLS13);
    let (connector, acceptor) = (TlsConnector::from(client), TlsAcceptor::from(server));
    let (mut client, server) = connect(&Wires::new(1 << 16), &connector, &acceptor);
    let (_receiver, mut sender) = split(server);
    let (_, waker) = Task::new();
    let context = &mut Context::from_waker(&waker);
    assert!(pin!(sender.drive()).poll(context).is_pending());
    assert!(!sender.sender().wants_write());
    let mut room = [0];
    assert!(pin!(client.read(&mut room)).poll(context).is_pending());
    let (_client, server) = connect(&Wires::new(1 << 16), &connector, &acceptor);
    assert_eq!(server.session().handshake_kind(), Some(HandshakeKind::Resumed));
}

/// Over one byte, so that every record and alert takes many polls.
#[test]
fn halves_close_in_any_order() {
    for version in VERSIONS {
        for sender_is_first in [true, false] {
            let (_wires, mut receiver, mut sender, mut server) = split_client(version, 1);
            let half = async {
                let mut received = Vec::new();
                if sender_is_first {
                    sender.write_all(b"question").await.unwrap();
                    sender.shutdown().await.unwrap();
                }
                receiver.read_to_end(&mut received).await.unwrap();
                assert_eq!(received, b"answer");
                assert_eq!(receiver.read(&mut [0; 10]).await.unwrap(), 0);
                if !sender_is_first {
                    sender.write_all(b"question").await.unwrap();
                    sender.shutdown().await.unwrap();
                }
                assert_eq!(sender.write(b"late").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
                sender.shutdown().await.unwrap();
            };
            let peer = async {
                let mut received = Vec::new();
                if sender_is_first {
                    server.read_to_end(&mut received).await.unwrap();
                }
                server.write_all(b"answer").await.unwrap();
                server.shutdown().await.unwrap();
                server.read_to_end(&mut received).await.unwrap();
                assert_eq!(received, b"question");
            };
            run_both(half, peer);
        }
    }
}

/// The sender is idle, writes, or flushes later.
#[test]
fn error_of_receiver_reaches_sender_and_peer() {
    for version in VERSIONS {
        for how in 0..3 {
            let (_wires, mut receiver, mut sender, server) = split_client(version, 1);
            let (mut transport, mut session) = server.into_inner();
            let failed = tokio::sync::Notify::new();
            let mut received = Vec::new();
            let read = async {
                let e = receiver.read(&mut [0; 10]).await.unwrap_err();
                assert_eq!(tls_error(&e), &Error::BadRecordMac);
                failed.notify_one();
            };
            let write = async {
                let e = match how {
                    0 => sender.drive().await,
                    1 => loop {
                        if let Err(e) = sender.write(&[1; 1000]).await {
                            break e;
                        }
                    },
                    _ => {
                        failed.notified().await;
                        sender.flush().await.unwrap_err()
                    }
                };
                assert_eq!(tls_error(&e), &Error::BadRecordMac, "{version} {how}");
                assert_eq!(tls_error(&sender.write(b"after").await.unwrap_err()), &Error::BadRecordMac);
                assert_eq!(tls_error(&sender.flush().await.unwrap_err()), &Error::BadRecordMac);
                assert_eq!(tls_error(&sender.drive().await), &Error::BadRecordMac);
                sender.shutdown().await.unwrap();
            };
            let peer = async {
                transport.write_all(&damaged()).await.unwrap();
                transport.read_to_end(&mut received).await.unwrap();
            };
            run(vec![Box::pin(read), Box::pin(write), Box::pin(peer)]);
            let alert = AlertDescription::BAD_RECORD_MAC;
            match feed(&mut session, &received) {
                Err(Error::AlertReceived { description, .. }) if description == alert => {}
                other => panic!("{version} {how}: {other:?}"),
            }
        }
    }
}

/// Processes what arrived, and discards plaintext.
fn feed(session: &mut impl Session, mut bytes: &[u8]) -> Result<(), Error> {
    while !bytes.is_empty() {
        session.read_tls(&mut bytes).unwrap();
        session.process_new_packets()?;
        let mut room = [0; 1 << 16];
        while matches!(session.read(&mut room), Ok(1..)) {}
    }
    Ok(())
}

/// The peer reads no more, and says why.
#[test]
fn peers_alert_ends_a_blocked_write() {
    for version in VERSIONS {
        for is_closing in [false, true] {
            let (wires, mut receiver, mut sender, mut server) = split_client(version, 1 << 16);
            let (task, waker) = Task::new();
            wires.of(CLIENT, |direction| direction.capacity = 10);
            let mut call = pin!(async {
                fill(&mut sender, &waker);
                if is_closing { sender.shutdown().await.map(|()| 0) } else { sender.write(b"data").await }
            });
            assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            task.take_woken();
            let alert = alert_of(&mut server);
            run_one(server.get_mut().write_all(&alert)).unwrap();
            let e = run_one(receiver.read(&mut [0; 10])).unwrap_err();
            assert!(matches!(tls_error(&e), Error::AlertReceived { .. }), "{version}: {e}");
            assert!(task.take_woken(), "{version}");
            match call.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(Ok(0)) if is_closing => {}
                Poll::Ready(Err(e)) if !is_closing => assert!(matches!(tls_error(&e), Error::AlertReceived { .. })),
                other => panic!("{version}: {other:?}"),
            }
        }
    }
}

/// Returns the alert that this side sends about a damaged record.
fn alert_of(stream: &mut Stream) -> Vec<u8> {
    let session = stream.session_mut();
    feed(session, &damaged()).unwrap_err();
    let mut alert = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut alert).unwrap();
    }
    alert
}

/// The receiver wakes the task that sends for a KeyUpdate, and not for data.
#[test]
fn idle_sender_answers_key_updates() {
    let (wires, mut receiver, mut sender, mut server) = split_client(ProtocolVersion::TLS13, 1 << 16);
    let (task, waker) = Task::new();
    let cx = &mut Context::from_waker(&waker);
    let mut drive = pin!(sender.drive());
    for updates_keys in [false, true, true, false, true] {
        assert!(drive.as_mut().poll(cx).is_pending());
        wires.reset_counts();
        if updates_keys {
            server.session_mut().refresh_traffic_keys().unwrap();
        }
        run_one(server.write_all(b"data")).unwrap();
        run_one(receiver.read_exact(&mut [0; 4])).unwrap();
        assert_eq!(task.take_woken(), updates_keys);
        assert!(drive.as_mut().poll(cx).is_pending());
        // One record with a KeyUpdate, written and flushed.
        let expected = if updates_keys { (1, 5 + 5 + 1 + 16, 1) } else { (0, 0, 0) };
        assert_eq!(wires.of(CLIENT, |direction| (direction.writes, direction.log.len(), direction.flushes)), expected);
        // The server gets the answer, and may ask again.
        let mut read = pin!(server.read_u8());
        assert!(read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}

/// Otherwise the answer goes out with the next data.
#[test]
fn key_update_is_answered_with_the_next_data() {
    let (wires, mut receiver, mut sender, mut server) = split_client(ProtocolVersion::TLS13, 1 << 16);
    server.session_mut().refresh_traffic_keys().unwrap();
    run_one(server.write_all(b"data")).unwrap();
    run_one(receiver.read_exact(&mut [0; 4])).unwrap();
    wires.reset_counts();
    run_one(sender.write_all(b"data")).unwrap();
    run_one(server.read_exact(&mut [0; 4])).unwrap();
    assert_eq!(wires.of(CLIENT, |direction| (direction.writes, direction.log.len())), (1, 27 + 4 + 22));
}

#[test]
fn missing_close_notify_ends_only_the_receiver() {
    for version in VERSIONS {
        let (wires, mut receiver, mut sender, mut server) = split_client(version, 1 << 16);
        run_one(server.write_all(b"half an ans")).unwrap();
        run_one(server.get_mut().shutdown()).unwrap();
        let mut received = Vec::new();
        let e = run_one(receiver.read_to_end(&mut received)).unwrap_err();
        assert!(is_truncation(&e), "{e}");
        assert_eq!(received, b"half an ans");
        run_one(sender.write_all(b"data")).unwrap();
        run_one(sender.shutdown()).unwrap();
        let mut received = Vec::new();
        run_one(server.read_to_end(&mut received)).unwrap();
        assert_eq!(received, b"data");
        assert_eq!(wires.of(CLIENT, |direction| direction.shutdowns), 1);
    }
}

/// Data is accepted although the transport fails. The next call returns the error, and not twice.
#[test]
fn sender_returns_the_error_of_the_transport() {
    for version in VERSIONS {
        for kind in [io::ErrorKind::TimedOut, io::ErrorKind::BrokenPipe] {
            let (wires, _receiver, mut sender, _server) = split_client(version, 1 << 16);
            wires.of(CLIENT, |direction| direction.write_error = Some(kind));
            assert_eq!(run_one(sender.write(b"data")).unwrap(), 4);
            assert_eq!(run_one(sender.flush()).unwrap_err().kind(), kind);
            let is_gone = kind == io::ErrorKind::BrokenPipe;
            assert_eq!(run_one(sender.shutdown()).is_ok(), is_gone);
            assert_eq!(run_one(sender.drive()).kind(), kind);
            // A transport that takes nothing has failed.
            assert_eq!(run_one(sender.drive()).kind(), kind);
        }
    }
}

#[test]
fn unread_and_unwritten_bytes_move_to_the_halves() {
    for version in VERSIONS {
        let (wires, mut client, mut server) = connected(version);
        run_one(server.write_all(b"read unread")).unwrap();
        run_one(client.read_exact(&mut [0; 5])).unwrap();
        wires.of(CLIENT, |direction| direction.capacity = 0);
        run_one(client.write_all(b"data")).unwrap();
        let (mut receiver, mut sender) = split(client);
        let mut unread = [0; 6];
        run_one(receiver.read_exact(&mut unread)).unwrap();
        assert_eq!(&unread, b"unread");
        wires.of(CLIENT, |direction| direction.capacity = 1000);
        run_one(sender.flush()).unwrap();
        run_one(server.read_exact(&mut [0; 4])).unwrap();
        assert_eq!(receiver.receiver().connection_info().protocol_version(), version);
        assert_eq!(sender.sender().connection_info().protocol_version(), version);
        assert_eq!(format!("{receiver:?} {sender:?}").matches("ConnectionInfo").count(), 2);
    }
}

/// The transport is not touched, and the handshake goes on.
#[test]
fn stream_is_returned_before_handshake_is_complete() {
    let (client, server) = configs();
    let mut server = ServerConfig::clone(&server);
    server.set_send_half_rtt_data(true);
    let mut connector = TlsConnector::from(client);
    connector.set_delay_finished(true);
    let wires = Wires::new(1 << 16);
    let (client, server) = connect(&wires, &connector, &TlsAcceptor::from(Arc::new(server)));
    let refused = server.into_split(|_| -> (End, End) { panic!("the transport must stay") });
    let (mut server, obstacle) = refused.unwrap_err().into_parts();
    assert_eq!(obstacle, SplitObstacle::Handshake);
    let (_receiver, mut sender) = split(client);
    run_both(async { sender.flush().await.unwrap() }, async { server.complete_handshake().await.unwrap() });
    let (mut receiver, _sender) = split(server);
    run_one(sender.write_all(b"data")).unwrap();
    run_one(receiver.read_exact(&mut [0; 4])).unwrap();
}

/// Makes tickets when it may, and notes which sessions to remove.
struct Store {
    config: Arc<ServerConfig>,
    may_answer: tokio::sync::Semaphore,
    removed: Mutex<usize>,
}

impl AnswersNeeds for Store {
    async fn answer(&self, need: Need) -> Answer {
        drop(self.may_answer.acquire().await);
        self.config.answer(need)
    }

    async fn remove_sessions(&self, ids: Vec<[u8; 32]>) {
        *self.removed.lock().unwrap() += ids.len();
    }
}

/// A server waits for its tickets. Its receiver removes the sessions of a failed connection.
#[test]
fn receiver_removes_sessions_through_answers() {
    let (client, server) = configs();
    let mut server = ServerConfig::clone(&server);
    server.set_session_storage(Arc::new(strata_tls::ServerSessionMemoryCache::new(100)));
    server.set_deferred_needs(Needs::SESSION | Needs::NEW_SESSION);
    let config = Arc::new(server);
    let may_answer = tokio::sync::Semaphore::new(0);
    let store = Arc::new(Store { config: Arc::clone(&config), may_answer, removed: Mutex::default() });
    let mut acceptor = TlsAcceptor::new(config);
    acceptor.set_answers(Arc::clone(&store));
    let connector = TlsConnector::from(client);
    let (mut client, server) = connect(&Wires::new(1 << 16), &connector, &acceptor);
    let (mut server, obstacle) = server.into_split(tokio::io::split).unwrap_err().into_parts();
    assert_eq!(obstacle, SplitObstacle::Answer);
    store.may_answer.add_permits(1);
    run_one(server.flush()).unwrap();
    let (mut receiver, mut sender) = split(server);
    run_one(sender.write_all(b"data")).unwrap();
    run_one(client.read_exact(&mut [0; 4])).unwrap();
    run_one(client.get_mut().write_all(&damaged())).unwrap();
    let e = run_one(receiver.read(&mut [0; 10])).unwrap_err();
    assert_eq!(tls_error(&e), &Error::BadRecordMac);
    assert!(*store.removed.lock().unwrap() > 0);
    run_one(sender.flush()).unwrap_err();
    // The client's sessions end with the alert.
    run_one(client.read(&mut [0; 10])).unwrap_err();
    let (client, _server) = connect(&Wires::new(1 << 16), &connector, &acceptor);
    assert_eq!(client.session().handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn halves_can_move_to_other_threads() {
    fn check<T: Send + Sync + Unpin + 'static>() {}
    check::<Receiver>();
    check::<Sender>();
}
