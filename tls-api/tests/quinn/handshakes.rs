//! Handshakes of all kinds, and what both sides know afterwards.

use std::sync::Arc;

use quinn::{ConnectionError, TransportErrorCode};
use strata_tls::{CipherSuite, ClientConfig, ExternalPsk, HandshakeKind};
use tls_crypto::HashAlgorithm;

use crate::pki::{Ca, Kind};
use crate::stacks::{Configs, Link, PAIRINGS, Settings, close, echo, info, kinds, protocol};

#[tokio::test]
async fn full_handshake_passes_data_both_ways() {
    for pairing in PAIRINGS {
        let sides = Link::new(pairing.configs(&Settings::default())).connect().await;
        let [client, server] = &sides;
        echo(client, server, b"hello").await;
        assert!(!kinds(&sides).is_empty());
        assert!(kinds(&sides).iter().all(|kind| *kind == HandshakeKind::Full), "{pairing:?}");
        assert_eq!([protocol(client), protocol(server)], [Some(b"test".to_vec()), Some(b"test".to_vec())]);
        if pairing.has_our_server() {
            assert_eq!(info(server).unwrap().server_name(), Some("server.test"));
        }
    }
}

#[tokio::test]
async fn exporters_of_both_sides_are_equal() {
    for pairing in PAIRINGS {
        let sides = Link::new(pairing.configs(&Settings::default())).connect().await;
        let export = |context: &[u8]| {
            let of = |side: &quinn::Connection| {
                let mut out = [0; 40];
                side.export_keying_material(&mut out, b"EXPERIMENTAL label", context).unwrap();
                out
            };
            let [client, server] = [&sides[0], &sides[1]].map(of);
            assert_eq!(client, server, "{pairing:?}");
            client
        };
        assert_ne!(export(b"one"), export(b"other"));
        let mut long = vec![0; 255 * 64];
        assert!(sides[0].export_keying_material(&mut long, b"EXPERIMENTAL label", b"").is_err());
    }
}

/// The server validates the client's address with a token of its token key.
#[tokio::test]
async fn retry_validates_the_address() {
    for pairing in PAIRINGS {
        let mut link = Link::new(pairing.configs(&Settings::default()));
        link.retries = true;
        let [client, server] = link.connect().await;
        echo(&client, &server, b"after a Retry").await;
    }
}

#[tokio::test]
async fn second_connection_resumes() {
    for pairing in PAIRINGS {
        let link = Link::new(pairing.configs(&Settings::default()));
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let sides = link.connect().await;
            let [client, server] = &sides;
            echo(client, server, b"hello").await;
            assert!(kinds(&sides).iter().all(|kind| *kind == expected), "{pairing:?} {:?}", kinds(&sides));
            close(client, server).await;
        }
    }
}

#[tokio::test]
async fn each_suite_protects_packets() {
    for pairing in PAIRINGS {
        for suite in [
            CipherSuite::TLS_AES_128_GCM_SHA256,
            CipherSuite::TLS_AES_256_GCM_SHA384,
            CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
        ] {
            let settings = Settings { suite: Some(suite), ..Settings::default() };
            let [client, server] = Link::new(pairing.configs(&settings)).connect().await;
            echo(&client, &server, &[7; 10_000]).await;
            for side in [client, server] {
                assert!(info(&side).is_none_or(|info| info.cipher_suite() == suite), "{pairing:?}");
            }
        }
    }
}

/// The ClientHello takes several Initial packets, which are answered together.
#[tokio::test]
async fn client_hello_of_several_packets_is_joined() {
    let mut settings = Settings::default();
    settings.client_alpn = (0..300).map(|n| format!("protocol {n}")).chain(settings.client_alpn).collect();
    for pairing in PAIRINGS {
        let [client, server] = Link::new(pairing.configs(&settings)).connect().await;
        echo(&client, &server, b"hello").await;
    }
}

#[tokio::test]
async fn wrong_alpn_closes_with_its_alert() {
    let settings = Settings { server_alpn: vec!["other".to_owned()], ..Settings::default() };
    for pairing in PAIRINGS {
        let results = Link::new(pairing.configs(&settings)).try_connect("server.test").await;
        let [Err(ConnectionError::ConnectionClosed(client)), Err(ConnectionError::TransportError(server))] = results
        else {
            panic!("{pairing:?}: {results:?}");
        };
        assert_eq!([client.error_code, server.code], [TransportErrorCode::crypto(120); 2]);
    }
}

/// Without certificates of the server, and without trust anchors at the client.
#[tokio::test]
async fn external_psk_authenticates_both_sides() {
    let (mut client, mut server) = (ClientConfig::new(), Ca::new(Kind::EcdsaP256).server_config(Kind::EcdsaP256));
    client.set_alpn_protocols(["test"]).unwrap();
    server.set_alpn_protocols(["test"]).unwrap();
    let psks = |key| ExternalPsk::import(b"sensor 7", key, HashAlgorithm::Sha256, b"").unwrap();
    server.set_external_psks(psks(&[7; 32]));
    let server = strata_tls::quinn::server_config(Arc::new(server)).unwrap();
    let link = |client| {
        let client = strata_tls::quinn::client_config(Arc::new(client)).unwrap();
        Link::new(Configs { client, server: server.clone() })
    };
    client.set_external_psks(psks(&[7; 32]));
    let sides = link(client.clone()).connect().await;
    echo(&sides[0], &sides[1], b"hello").await;
    assert_eq!(kinds(&sides), [HandshakeKind::ExternalPsk; 2]);
    assert!(sides.iter().all(|side| side.peer_identity().is_none()));

    // Under the same identity, another key.
    client.set_external_psks(psks(&[8; 32]));
    let [Err(ConnectionError::ConnectionClosed(close)), Err(ConnectionError::TransportError(error))] =
        link(client).try_connect("server.test").await
    else {
        panic!("a key that the server does not have");
    };
    assert_eq!([close.error_code, error.code], [TransportErrorCode::crypto(51); 2]);
}
