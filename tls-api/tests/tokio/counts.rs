//! How often a stream reads from its transport and writes to it.

use std::sync::Arc;

use strata_tls::tokio::{TlsAcceptor, TlsConnector};
use strata_tls::{HandshakeKind, ProtocolVersion, ServerConfig, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::handshakes::{connect, connected};
use crate::pki::configs_of;
use crate::transport::{CLIENT, SERVER, Wires, run_both, run_one};

/// Full and resumed: the client writes its hello, then Finished with the request; the server its
/// flight, then the tickets with the answer.
#[test]
fn connection_with_one_request_takes_four_writes() {
    let (client, server) = configs_of(ProtocolVersion::TLS13);
    let (mut connector, acceptor) = (TlsConnector::from(client), TlsAcceptor::from(server));
    for delay_finished in [true, false] {
        connector.set_delay_finished(delay_finished);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let wires = Wires::new(1 << 16);
            let (at_client, at_server) = wires.ends();
            let client = async {
                let mut stream = connector.connect(crate::handshakes::name(), at_client).await.unwrap();
                stream.write_all(b"request").await.unwrap();
                stream.read_exact(&mut [0; 6]).await.unwrap();
                stream
            };
            let server = async {
                let mut stream = acceptor.accept(at_server).await.unwrap();
                stream.read_exact(&mut [0; 7]).await.unwrap();
                stream.write_all(b"answer").await.unwrap();
                stream
            };
            let (client, server) = run_both(client, server);
            // The tickets arrived, so the next connection resumes.
            assert!(
                delay_finished && kind == HandshakeKind::Full
                    || client.session().handshake_kind() != Some(HandshakeKind::Full)
            );
            assert_eq!(wires.of(CLIENT, |direction| direction.writes), if delay_finished { 2 } else { 3 });
            assert_eq!(wires.of(SERVER, |direction| direction.writes), 2);
            drop((client, server));
        }
    }
}

/// The application never writes. The tickets go out when it has read and waits for more.
#[test]
fn server_that_only_reads_sends_its_tickets() {
    for closes in [false, true] {
        let (client, server) = configs_of(ProtocolVersion::TLS13);
        let (connector, acceptor) = (TlsConnector::from(client), TlsAcceptor::from(server));
        let (wires, mut client, mut server) = {
            let wires = Wires::new(1 << 16);
            let (client, server) = connect(&wires, &connector, &acceptor);
            (wires, client, server)
        };
        wires.reset_counts();
        let read = async {
            let mut received = Vec::new();
            server.read_to_end(&mut received).await.unwrap();
            received
        };
        let write = async {
            client.write_all(b"log line").await.unwrap();
            if closes {
                client.shutdown().await.unwrap();
            } else {
                // Waits, as the server does.
                while wires.of(SERVER, |direction| direction.writes) == 0 {
                    tokio::task::yield_now().await;
                }
                client.shutdown().await.unwrap();
            }
        };
        assert_eq!(run_both(read, write).0, b"log line");
        drop(server);
        drop(run_one(client.read(&mut [0])));
        let (_client, server) = connect(&Wires::new(1 << 16), &connector, &acceptor);
        assert_eq!(server.session().handshake_kind(), Some(HandshakeKind::Resumed));
    }
}

/// The first read sends it too, and so does a flush.
#[test]
fn delayed_finished_goes_out_with_any_first_call() {
    let (client, server) = configs_of(ProtocolVersion::TLS13);
    let (mut connector, acceptor) = (TlsConnector::from(client), TlsAcceptor::from(server));
    connector.set_delay_finished(true);
    for reads in [false, true] {
        let wires = Wires::new(1 << 16);
        let (at_client, at_server) = wires.ends();
        let client = async {
            let mut stream = connector.connect(crate::handshakes::name(), at_client).await.unwrap();
            if reads {
                stream.read_exact(&mut [0; 8]).await.unwrap();
            } else {
                stream.flush().await.unwrap();
            }
        };
        let server = async {
            let mut stream = acceptor.accept(at_server).await.unwrap();
            stream.write_all(b"greeting").await.unwrap();
        };
        run_both(client, server);
    }
}

#[test]
fn one_mebibyte_takes_few_reads_and_writes() {
    let (wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
    wires.of(SERVER, |direction| direction.capacity = 2 << 20);
    let data = vec![5; 1 << 20];
    // The tickets, and a first record.
    run_one(server.write_all(b"x")).unwrap();
    run_one(client.read_exact(&mut [0])).unwrap();
    wires.reset_counts();
    run_one(server.write_all(&data)).unwrap();
    let mut received = vec![0; data.len()];
    run_one(client.read_exact(&mut received)).unwrap();
    assert!(received == data);
    let (writes, reads) = wires.of(SERVER, |direction| (direction.writes, direction.reads));
    assert!(writes <= 17 && reads <= 13, "{writes} writes, {reads} reads");
}

/// A server may speak first.
#[test]
fn accept_returns_before_the_finished_of_the_client() {
    let (client, server) = configs_of(ProtocolVersion::TLS13);
    let mut server = ServerConfig::clone(&server);
    server.set_send_half_rtt_data(true);
    let (connector, acceptor) = (TlsConnector::from(client), TlsAcceptor::from(Arc::new(server)));
    for closes in [false, true] {
        let wires = Wires::new(1 << 16);
        let (at_client, at_server) = wires.ends();
        run_both(
            async {
                let mut stream = connector.connect(crate::handshakes::name(), at_client).await.unwrap();
                let mut greeting = [0; 8];
                stream.read_exact(&mut greeting).await.unwrap();
                stream.write_all(b"answer").await.unwrap();
                assert_eq!(stream.read(&mut greeting).await.unwrap(), 0);
            },
            async {
                let mut stream = acceptor.accept(at_server).await.unwrap();
                assert!(stream.session().is_handshaking());
                stream.write_all(b"greeting").await.unwrap();
                stream.flush().await.unwrap();
                assert!(stream.session().is_handshaking(), "a flush does not wait");
                if closes {
                    // close_notify must wait for the client.
                    stream.shutdown().await.unwrap();
                } else {
                    stream.complete_handshake().await.unwrap();
                }
                assert!(!stream.session().is_handshaking());
                let mut answer = [0; 6];
                stream.read_exact(&mut answer).await.unwrap();
                assert_eq!(&answer, b"answer");
                stream.shutdown().await.unwrap();
            },
        );
    }
}
