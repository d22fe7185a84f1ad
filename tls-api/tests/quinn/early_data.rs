//! 0-RTT: accepted, and rejected by the server.

use std::sync::Arc;

use quinn::{Connection, VarInt};
use strata_tls::HandshakeKind;

use crate::pki::{Ca, Kind};
use crate::stacks::{Link, PAIRINGS, Pairing, Settings, close, echo, kinds, patient, read_all, respond};

/// Connects and sends early data. Returns whether the server accepted it; then it has answered.
async fn connect_early(link: &Link) -> ([Connection; 2], bool) {
    let connecting = link.connecting("server.test");
    let (client, accepted) = connecting.into_0rtt().unwrap_or_else(|_| panic!("the client has no keys of 0-RTT"));
    let (to, from) = client.open_bi().await.unwrap();
    respond(to, b"early").await;
    let accepting = async {
        // Before the handshake is complete.
        let (server, complete) =
            link.accepting().await.unwrap().into_0rtt().unwrap_or_else(|_| panic!("a server always has"));
        (server, complete)
    };
    let ((server, complete), accepted) = tokio::join!(accepting, accepted);
    if accepted {
        let (to, early) = server.accept_bi().await.unwrap();
        assert_eq!(read_all(early).await, b"early");
        respond(to, b"answer").await;
        assert_eq!(read_all(from).await, b"answer");
    }
    complete.await;
    ([client, server], accepted)
}

async fn first_connection(link: &Link) {
    let [client, server] = link.connect().await;
    echo(&client, &server, b"hello").await;
    close(&client, &server).await;
}

#[tokio::test]
async fn early_data_is_accepted() {
    for pairing in PAIRINGS {
        let link = Link::new(pairing.configs(&Settings::default()));
        assert!(link.connecting("server.test").into_0rtt().is_err());
        drop(link.accepting().await.unwrap());
        first_connection(&link).await;
        let (sides, accepted) = connect_early(&link).await;
        assert!(accepted, "{pairing:?}");
        assert!(kinds(&sides).iter().all(|kind| *kind == HandshakeKind::Resumed), "{pairing:?}");
        echo(&sides[0], &sides[1], b"later").await;
    }
}

/// The server restarts with lower limits than the client remembers.
#[tokio::test]
async fn early_data_under_other_limits_is_rejected() {
    for pairing in [Pairing::OursOurs, Pairing::RustlsOurs] {
        let configs = pairing.configs(&Settings::default());
        let mut changed = configs.server.clone();
        let link = Link::new(configs);
        first_connection(&link).await;
        let mut transport = patient();
        transport.stream_receive_window(VarInt::from_u32(10_000));
        changed.transport_config(Arc::new(transport));
        link.server.set_server_config(Some(changed));
        let (sides, accepted) = connect_early(&link).await;
        assert!(!accepted, "{pairing:?}");
        assert!(kinds(&sides).iter().all(|kind| *kind == HandshakeKind::Resumed), "{pairing:?}");
        // Sent again on another stream.
        echo(&sides[0], &sides[1], b"later").await;
    }
}

/// The server has lost its sessions.
#[tokio::test]
async fn early_data_of_a_lost_session_is_rejected() {
    for pairing in PAIRINGS {
        let settings = Settings::default();
        let ca = Ca::new(Kind::EcdsaP256);
        let link = Link::new(pairing.configs_of(&ca, &settings));
        first_connection(&link).await;
        link.server.set_server_config(Some(pairing.configs_of(&ca, &settings).server));
        let (sides, accepted) = connect_early(&link).await;
        assert!(!accepted, "{pairing:?}");
        assert!(kinds(&sides).iter().all(|kind| *kind == HandshakeKind::Full), "{pairing:?}");
        echo(&sides[0], &sides[1], b"later").await;
    }
}
