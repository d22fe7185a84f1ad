//! The configuration is chosen when the ClientHello was received.

use std::io;
use std::sync::Arc;

use strata_tls::tokio::{LazyAcceptor, TlsAcceptor, TlsConnector};
use strata_tls::{AlertDescription, Error, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::handshakes::{connected, name};
use crate::pki::{VERSIONS, configs, configs_of};
use crate::transport::{SERVER, Wires, run_both};

#[test]
fn configuration_is_chosen_by_server_name() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let connector = TlsConnector::from(client);
        for is_limited in [false, true] {
            let (at_client, at_server) = Wires::new(10).ends();
            run_both(
                async {
                    let mut stream = connector.connect(name(), at_client).await.unwrap();
                    stream.read_exact(&mut [0; 6]).await.unwrap();
                },
                async {
                    let start = LazyAcceptor::new(at_server).client_hello().await.unwrap();
                    assert_eq!(start.client_hello().unwrap().server_name(), Some("server.test"));
                    let mut stream = if is_limited {
                        let mut acceptor = TlsAcceptor::new(Arc::clone(&server));
                        acceptor.set_max_handshakes(1);
                        acceptor.accept_after_hello(start).await.unwrap()
                    } else {
                        start.into_stream(&server).await.unwrap()
                    };
                    stream.write_all(b"answer").await.unwrap();
                    stream.flush().await.unwrap();
                },
            );
        }
    }
}

#[test]
fn rejected_client_gets_the_alert() {
    let connector = TlsConnector::from(configs().0);
    let wires = Wires::new(10);
    wires.of(SERVER, |direction| direction.is_buffered = true);
    let (at_client, at_server) = wires.ends();
    let (error, _) = run_both(async { connector.connect(name(), at_client).await.unwrap_err() }, async {
        let start = LazyAcceptor::new(at_server).client_hello().await.unwrap();
        start.reject(AlertDescription::UNRECOGNIZED_NAME).await.unwrap()
    });
    let Some(Error::AlertReceived { description, .. }) = error.tls_error() else { panic!("{error}") };
    assert_eq!(*description, AlertDescription::UNRECOGNIZED_NAME);
}

/// Another server continues with the untouched bytes.
#[test]
fn connection_can_be_passed_on() {
    let (client, server) = configs();
    let (connector, acceptor) = (TlsConnector::from(client), TlsAcceptor::from(server));
    let (at_client, mut middle) = Wires::new(1 << 16).ends();
    let (mut to_backend, at_backend) = Wires::new(1 << 16).ends();
    run_both(
        async {
            let proxy = async {
                let start = LazyAcceptor::new(&mut middle).client_hello().await.unwrap();
                let (_, hello) = start.into_io();
                to_backend.write_all(&hello).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut middle, &mut to_backend).await;
            };
            let client = async {
                let mut stream = connector.connect(name(), at_client).await.unwrap();
                stream.read_exact(&mut [0; 6]).await.unwrap();
                stream.shutdown().await.unwrap();
            };
            tokio::join!(proxy, client);
        },
        async {
            let mut stream = acceptor.accept(at_backend).await.unwrap();
            stream.write_all(b"answer").await.unwrap();
            stream.shutdown().await.unwrap();
        },
    );
}

#[test]
fn bytes_that_are_not_tls_are_returned() {
    let request = b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n";
    let (mut client, server) = Wires::new(1000).ends();
    let ((), error) = run_both(async { client.write_all(request).await.unwrap() }, async {
        LazyAcceptor::new(server).client_hello().await.unwrap_err()
    });
    assert!(matches!(error.tls_error(), Some(Error::Record(_))), "{error}");
    assert_eq!(error.into_io().1, request);
    // Malformed TLS gets an alert.
    let (mut client, server) = Wires::new(1000).ends();
    let (alert, error) = run_both(
        async {
            client.write_all(&[22, 3, 1, 0, 4, 2, 0, 0, 0]).await.unwrap();
            let mut alert = [0; 7];
            client.read_exact(&mut alert).await.unwrap();
            alert
        },
        async { LazyAcceptor::new(server).client_hello().await.unwrap_err() },
    );
    assert_eq!((alert[0], alert[6]), (21, AlertDescription::UNEXPECTED_MESSAGE.0));
    assert_eq!(error.into_io().1.len(), 9);
    // A peer that goes away before.
    let (client, server) = Wires::new(1000).ends();
    drop(client);
    let error = run_both(LazyAcceptor::new(server).client_hello(), async {}).0.unwrap_err();
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::UnexpectedEof);
}

/// Each of these types can be printed.
#[test]
fn debug_output_shows_no_content() {
    let (_wires, client, _server) = connected(VERSIONS[0]);
    assert!(client.session().protocol_version().is_some());
    let (connector, acceptor) = (TlsConnector::from(configs().0), TlsAcceptor::from(configs().1));
    let (at_client, at_server) = Wires::new(1).ends();
    let lazy = LazyAcceptor::new(at_server);
    let text = format!("{connector:?} {acceptor:?} {lazy:?}");
    assert!(text.len() < 300, "{text}");
    drop(at_client);
}
