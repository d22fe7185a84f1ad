//! Handshakes, and what is left of those that fail.

use std::io;
use std::sync::Arc;

use strata_tls::tokio::{HandshakeError, TlsAcceptor, TlsConnector, TlsStream};
use strata_tls::{
    AllowAnyAuthenticatedClient, ClientConfig, Error, HandshakeKind, ProtocolVersion, ServerConfig, Session,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::pki::{Ca, Kind, VERSIONS, configs, configs_of};
use crate::transport::{CLIENT, End, SERVER, Wires, run_both};

pub(crate) type Stream = TlsStream<End>;

pub(crate) fn name() -> strata_tls::ServerName<'static> {
    "server.test".try_into().unwrap()
}

/// Connects both sides over `wires`.
pub(crate) fn connect(wires: &Wires, connector: &TlsConnector, acceptor: &TlsAcceptor) -> (Stream, Stream) {
    let (client, server) = try_connect(wires, connector, acceptor);
    (client.unwrap(), server.unwrap())
}

pub(crate) type Outcome = Result<Stream, HandshakeError<End>>;

pub(crate) fn try_connect(wires: &Wires, connector: &TlsConnector, acceptor: &TlsAcceptor) -> (Outcome, Outcome) {
    let (client, server) = wires.ends();
    run_both(connector.connect(name(), client), acceptor.accept(server))
}

/// A pair of streams with the default settings of this version.
pub(crate) fn connected(version: ProtocolVersion) -> (Wires, Stream, Stream) {
    let (client, server) = configs_of(version);
    let wires = Wires::new(1 << 20);
    let (client, server) = connect(&wires, &client.into(), &server.into());
    (wires, client, server)
}

/// Configurations of each version, with and without client certificates.
fn setups() -> Vec<(ProtocolVersion, Arc<ClientConfig>, Arc<ServerConfig>)> {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut setups = Vec::new();
    for version in VERSIONS {
        for is_mutual in [false, true] {
            let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
            client.set_versions(&[version]).unwrap();
            if is_mutual {
                client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
                server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
            }
            setups.push((version, Arc::new(client), Arc::new(server)));
        }
    }
    setups
}

/// Over a transport of one byte nothing can wait for what may be sent later.
#[test]
fn streams_exchange_data_over_one_byte() {
    for (version, client, server) in setups() {
        for delay_finished in [false, true] {
            for kind in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
                let (mut connector, acceptor) = (TlsConnector::new(client.clone()), TlsAcceptor::new(server.clone()));
                connector.set_delay_finished(delay_finished);
                let wires = Wires::new(1);
                let (at_client, at_server) = wires.ends();
                let data = vec![7; 3000];
                let client = async {
                    let mut stream = connector.connect(name(), at_client).await.unwrap();
                    stream.write_all(&data).await.unwrap();
                    stream.flush().await.unwrap();
                    let mut received = Vec::new();
                    stream.read_to_end(&mut received).await.unwrap();
                    assert!(received == data);
                    stream.shutdown().await.unwrap();
                    stream.session().handshake_kind()
                };
                let server = async {
                    let mut stream = acceptor.accept(at_server).await.unwrap();
                    let mut received = vec![0; data.len()];
                    stream.read_exact(&mut received).await.unwrap();
                    stream.write_all(&received).await.unwrap();
                    stream.shutdown().await.unwrap();
                    assert_eq!(stream.read(&mut [0; 10]).await.unwrap(), 0);
                };
                // The first iteration of the second round finds the sessions of the first.
                let found = run_both(client, server).0.unwrap();
                assert!(found == kind || delay_finished, "{version} {found:?} {kind:?}");
            }
        }
    }
}

/// Each side may go on to something else as soon as its own handshake is over.
#[test]
fn handshake_ends_although_the_other_side_stopped() {
    for (version, client, server) in setups() {
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let wires = Wires::new(1);
            let (mut client, mut server) = connect(&wires, &client.clone().into(), &server.clone().into());
            assert_eq!(client.session().handshake_kind(), Some(kind), "{version}");
            // Tickets were not a reason to wait, and are not lost.
            run_both(
                async {
                    server.flush().await.unwrap();
                    server.shutdown().await.unwrap();
                },
                async { assert_eq!(client.read(&mut [0; 10]).await.unwrap(), 0) },
            );
        }
    }
}

#[test]
fn rejected_server_gets_the_alert_and_both_transports() {
    for is_buffered in [false, true] {
        for version in VERSIONS {
            let (client, server) = (configs_of(version).0, configs().1);
            let wires = Wires::new(100);
            for side in [CLIENT, SERVER] {
                wires.of(side, |direction| direction.is_buffered = is_buffered);
            }
            let (at_client, at_server) = try_connect(&wires, &client.into(), &server.into());
            let (at_client, at_server) = (at_client.unwrap_err(), at_server.unwrap_err());
            assert!(matches!(at_client.tls_error(), Some(Error::Certificate(_))), "{at_client}");
            assert!(matches!(at_server.tls_error(), Some(Error::AlertReceived { .. })), "{version}: {at_server}");
            let (mut end, mut other) = (at_client.into_io().0, at_server.into_io().0);
            run_both(async { end.write_all(b"plain").await.and(end.flush().await).unwrap() }, async {
                let mut received = [0; 5];
                other.read_exact(&mut received).await.unwrap();
                assert_eq!(&received, b"plain");
            });
        }
    }
}

#[test]
fn handshake_error_becomes_an_io_error() {
    let wires = Wires::new(1 << 16);
    let (client, server) = (configs().0, configs().1);
    let error = try_connect(&wires, &client.into(), &server.into()).0.unwrap_err();
    let text = error.to_string();
    let error = io::Error::from(error);
    assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::InvalidData, text));
    assert!(matches!(error.get_ref().unwrap().downcast_ref(), Some(Error::Certificate(_))));
}

/// A client of plain HTTP can be answered.
#[test]
fn client_without_tls_can_be_answered() {
    let wires = Wires::new(1000);
    let (mut client, server) = wires.ends();
    let acceptor = TlsAcceptor::from(configs().1);
    run_both(
        async {
            client.write_all(b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, b"HTTP/1.0 400 Use HTTPS\r\n\r\n");
        },
        async {
            let error = acceptor.accept(server).await.unwrap_err();
            assert!(error.to_string().contains("HTTP"), "{error}");
            let (mut io, received) = error.into_io();
            assert!(received.is_empty());
            io.write_all(b"HTTP/1.0 400 Use HTTPS\r\n\r\n").await.unwrap();
        },
    );
}

/// The peer is not there to answer: the error is that of the write.
#[test]
fn handshake_returns_a_failed_write() {
    let (client, server) = configs();
    for kind in [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset, io::ErrorKind::Other] {
        let wires = Wires::new(1000);
        wires.of(CLIENT, |direction| direction.write_error = Some(kind));
        let (end, _other) = wires.ends();
        let error = run_both(TlsConnector::from(client.clone()).connect(name(), end), async {}).0.unwrap_err();
        assert_eq!(error.error().kind(), kind);
        // Here the server's flight fails.
        let wires = Wires::new(1000);
        wires.of(SERVER, |direction| direction.write_error = Some(kind));
        let (at_client, at_server) = wires.ends();
        let (connector, acceptor) = (TlsConnector::from(client.clone()), TlsAcceptor::from(server.clone()));
        let (_, at_server) = run_both(async { drop(connector.connect(name(), at_client).await) }, async {
            acceptor.accept(at_server).await.map_err(|e| io::Error::from(e).kind()).unwrap_err()
        });
        assert_eq!(at_server, kind);
    }
}

/// As [`strata_tls::ClientSession::new`]: text, or a type of its own.
#[test]
fn connector_takes_names_of_any_type() {
    let (client, server) = configs();
    let (connector, acceptor) = (TlsConnector::from(client), TlsAcceptor::from(server));
    for name in ["server.test".to_owned(), "SERVER.test".to_owned()] {
        let (client, server) = Wires::new(1 << 16).ends();
        run_both(connector.connect(&name, client), acceptor.accept(server)).0.unwrap();
        let (client, server) = Wires::new(1 << 16).ends();
        let (connected, _) =
            run_both(connector.connect_with_early_data(name.as_str(), client, b"early"), acceptor.accept(server));
        assert_eq!(connected.unwrap().1, 0);
    }
    // The transport is returned, and nothing was sent.
    let wires = Wires::new(1 << 16);
    let error = run_both(connector.connect("https://server.test/", wires.ends().0), async {}).0.unwrap_err();
    assert!(matches!(error.tls_error(), Some(Error::BadServerName(_))), "{error}");
    drop(error.into_io());
    assert_eq!(wires.of(CLIENT, |direction| direction.writes), 0);
}
