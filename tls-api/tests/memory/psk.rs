//! External pre-shared keys through the public API.

use std::sync::Arc;

use strata_tls::{
    Error, ExternalPsk, HandshakeKind, ProtocolVersion, ResolvesClientPsk, ResolvesServerPsk, ServerName, Session,
};
use tls_crypto::HashAlgorithm;

use crate::pair::Pair;
use crate::pki::{Ca, Kind};

const KEY: [u8; 32] = [7; 32];

fn plain(identity: &str, key: &[u8]) -> ExternalPsk {
    ExternalPsk::plain(identity.into(), key, HashAlgorithm::Sha256).unwrap()
}

#[test]
fn external_psk_replaces_certificates_on_both_sides() {
    let ca = Ca::new(Kind::EcdsaP256);
    // The client has no trust anchors: the key is enough.
    let (mut client, mut server) = (strata_tls::ClientConfig::new(), ca.server_config(Kind::EcdsaP256));
    let psks = ExternalPsk::import(b"sensor 7", &KEY, HashAlgorithm::Sha256, b"").unwrap();
    client.set_external_psks(psks.clone());
    server.set_external_psks(psks.clone());
    let pair = Pair::connected(&Arc::new(client.clone()), &Arc::new(server));
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::ExternalPsk));
    assert_eq!(pair.server.external_psk_identity(), Some(psks[0].identity()));
    assert_eq!(pair.client.peer_certificates(), None);
    // A server without the key is rejected.
    let mut refused = Pair::new(&Arc::new(client), &Arc::new(ca.server_config(Kind::EcdsaP256)));
    assert!(refused.settle().is_err());
}

#[test]
fn psk_resolvers_receive_the_server_name_and_the_identity() {
    #[derive(Debug)]
    struct TestPsks;

    impl ResolvesClientPsk for TestPsks {
        fn resolve(&self, server: &ServerName<'_>) -> Vec<ExternalPsk> {
            assert_eq!(server.to_str(), "server.test");
            vec![plain("unknown", &KEY), plain("known", &KEY)]
        }
    }

    impl ResolvesServerPsk for TestPsks {
        fn resolve(&self, identity: &[u8]) -> Option<ExternalPsk> {
            (identity == b"known").then(|| plain("known", &KEY))
        }
    }

    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_external_psk_resolver(Arc::new(TestPsks));
    server.set_external_psk_resolver(Arc::new(TestPsks));
    let pair = Pair::connected(&Arc::new(client), &Arc::new(server));
    assert_eq!(pair.server.external_psk_identity(), Some(b"known".as_slice()));
}

#[test]
fn wrong_psk_is_rejected_with_decrypt_error() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_external_psks(vec![plain("sensor 7", &[8; 32])]);
    server.set_external_psks(vec![plain("sensor 7", &KEY)]);
    let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
    assert_eq!(pair.settle().unwrap_err(), Error::BadBinder);
    let received = crate::pair::carry(&mut pair.server, &mut pair.client).unwrap_err();
    assert!(received.to_string().contains("decrypt_error"), "{received}");
}

#[test]
fn sessions_resume_beside_external_psks_and_tls12_ignores_them() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut with_key, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    with_key.set_external_psks(vec![plain("sensor 7", &KEY)]);
    server.set_external_psks(vec![plain("sensor 7", &KEY)]);
    let server = Arc::new(server);
    let without = Arc::new(ca.client_config());
    let mut old = ca.server_config(Kind::EcdsaP256);
    old.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    Pair::connected(&without, &server);
    let resumed = Pair::connected(&without, &server);
    assert_eq!(resumed.client.handshake_kind(), Some(HandshakeKind::Resumed));
    assert_eq!(resumed.server.external_psk_identity(), None);
    let old = Pair::connected(&Arc::new(with_key), &Arc::new(old));
    assert_eq!(old.client.handshake_kind(), Some(HandshakeKind::Full));
}

/// RFC 9846 §4.3.11: for any cipher suite, the server selects a key with the suite's hash.
#[test]
fn imported_psk_matches_any_suite() {
    use strata_tls::CipherSuite;
    let ca = Ca::new(Kind::EcdsaP256);
    let psks = ExternalPsk::import(b"sensor 7", &KEY, HashAlgorithm::Sha256, b"").unwrap();
    let sha384 = ExternalPsk::plain(b"sensor 8".to_vec(), &KEY, HashAlgorithm::Sha384).unwrap();
    let (aes_128, aes_256) = (CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384);
    for (suites, offered, suite) in [
        (vec![aes_256], psks.clone(), aes_256),
        (vec![aes_128], psks.clone(), aes_128),
        (vec![aes_256, aes_128], psks.clone(), aes_256),
        (vec![aes_128, aes_256], vec![sha384.clone()], aes_256),
        (vec![aes_128, aes_256], [vec![sha384.clone()], psks.clone()].concat(), aes_128),
    ] {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        client.set_external_psks(offered);
        server.set_external_psks([psks.clone(), vec![sha384.clone()]].concat());
        server.set_cipher_suites(&suites).unwrap();
        let pair = Pair::connected(&Arc::new(client), &Arc::new(server));
        assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::ExternalPsk), "{suites:?}");
        assert_eq!(pair.client.negotiated_cipher_suite(), Some(suite));
    }
}

/// `NeedSession` documents the limit of 32 identities.
#[test]
fn server_looks_up_at_most_32_psk_identities() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (unknown, kind) in [(31, HandshakeKind::ExternalPsk), (32, HandshakeKind::Full)] {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        let mut psks: Vec<_> = (0..unknown).map(|n| plain(&format!("unknown {n}"), &KEY)).collect();
        psks.push(plain("known", &KEY));
        client.set_external_psks(psks);
        server.set_external_psks(vec![plain("known", &KEY)]);
        let pair = Pair::connected(&Arc::new(client), &Arc::new(server));
        assert_eq!(pair.server.handshake_kind(), Some(kind), "{unknown}");
    }
}
