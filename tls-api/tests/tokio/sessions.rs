//! Stored sessions whose resumption fails.

use std::sync::Arc;
use std::time::Duration;

use strata_tls::tokio::{TlsAcceptor, TlsConnector};
use strata_tls::{ClientSessionMemoryCache, HandshakeKind, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::handshakes::name;
use crate::pki::{Ca, Kind, VERSIONS};

/// How a server, or the application, ends a resumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    End,
    Garbage,
    Timeout,
    /// The application drops the future.
    Dropped,
}

/// Connects, and reads what the server sends, with its tickets.
async fn kind(connector: &TlsConnector, acceptor: &TlsAcceptor) -> HandshakeKind {
    let (at_client, at_server) = duplex(1 << 16);
    let client = async {
        let mut stream = connector.connect(name(), at_client).await.unwrap();
        assert_eq!(stream.read(&mut [0; 10]).await.unwrap(), 0);
        stream.session().handshake_kind().unwrap()
    };
    let server = async { acceptor.accept(at_server).await.unwrap().shutdown().await.unwrap() };
    tokio::join!(client, server).0
}

#[tokio::test(start_paused = true)]
async fn failed_resumption_removes_all_sessions() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        for failure in [Failure::End, Failure::Garbage, Failure::Timeout, Failure::Dropped] {
            let sessions = Arc::new(ClientSessionMemoryCache::new(10));
            let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
            client.set_versions(&[version]).unwrap();
            client.set_session_storage(Arc::clone(&sessions) as _);
            server.set_send_tls13_tickets(4);
            let (mut connector, acceptor) = (TlsConnector::new(Arc::new(client)), TlsAcceptor::new(Arc::new(server)));
            assert_eq!(kind(&connector, &acceptor).await, HandshakeKind::Full);
            assert_eq!(kind(&connector, &acceptor).await, HandshakeKind::Resumed);
            assert!(!sessions.is_empty());

            if failure == Failure::Timeout {
                connector.set_handshake_timeout(Duration::from_secs(10));
            }
            let (end, mut peer) = duplex(1 << 16);
            let connect = connector.connect(name(), end);
            let answer = async {
                peer.read_exact(&mut [0; 100]).await.unwrap();
                match failure {
                    Failure::End => drop(peer),
                    Failure::Garbage => peer.write_all(&[22, 3, 3, 0, 4, 99, 0, 0, 0]).await.unwrap(),
                    // Stays silent, for longer than any limit.
                    Failure::Timeout | Failure::Dropped => tokio::time::sleep(Duration::from_secs(100)).await,
                }
            };
            let limited = tokio::time::timeout(Duration::from_secs(20), connect);
            let (connected, ()) = tokio::join!(limited, answer);
            assert_eq!(connected.is_err(), failure == Failure::Dropped, "{failure:?}");
            assert!(connected.is_err() || connected.is_ok_and(|result| result.is_err()));
            assert!(sessions.is_empty(), "{version} {failure:?}");
            assert_eq!(kind(&connector, &acceptor).await, HandshakeKind::Full);
        }
    }
}
