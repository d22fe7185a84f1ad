//! Certificates of servers and clients.

use quinn::ConnectionError;
use strata_tls::CertificateDer;

use crate::stacks::{Link, PAIRINGS, Settings, echo};

fn chain(connection: &quinn::Connection) -> Option<Vec<CertificateDer<'static>>> {
    connection.peer_identity()?.downcast().ok().map(|chain| *chain)
}

#[tokio::test]
async fn client_certificate_is_the_peer_identity() {
    let settings = Settings { authenticates_client: true, has_client_certificate: true, ..Settings::default() };
    for pairing in PAIRINGS {
        let [client, server] = Link::new(pairing.configs(&settings)).connect().await;
        echo(&client, &server, b"hello").await;
        let (of_server, of_client) = (chain(&client).unwrap(), chain(&server).unwrap());
        assert_eq!([of_server.len(), of_client.len()], [1, 1]);
        assert_ne!(of_server, of_client);
    }
}

#[tokio::test]
async fn missing_client_certificate_closes_with_its_alert() {
    let settings = Settings { authenticates_client: true, ..Settings::default() };
    for pairing in PAIRINGS {
        let [client, server] = Link::new(pairing.configs(&settings)).try_connect("server.test").await;
        // The client has finished before the server sees that there is no certificate.
        let e = client.unwrap().closed().await;
        assert!(matches!(&e, ConnectionError::ConnectionClosed(close) if u64::from(close.error_code) == 0x174), "{e}");
        let e = server.unwrap_err();
        assert!(matches!(&e, ConnectionError::TransportError(e) if u64::from(e.code) == 0x174), "{pairing:?} {e}");
    }
}

#[tokio::test]
async fn wrong_name_closes_with_its_alert() {
    for pairing in PAIRINGS {
        let results = Link::new(pairing.configs(&Settings::default())).try_connect("other.test").await;
        let [Err(ConnectionError::TransportError(client)), Err(ConnectionError::ConnectionClosed(server))] = results
        else {
            panic!("{pairing:?}: {results:?}");
        };
        assert_eq!(client.code, server.error_code);
        assert!((0x100..0x200).contains(&u64::from(client.code)), "{client}");
        if pairing.has_our_client() {
            assert!(client.reason.contains("other.test") && client.reason.contains("server.test"), "{client}");
        }
    }
}
