//! Settings that both sides have, and what they do to the other side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tls_api::{
    AllowAnyAuthenticatedClient, CertificateError, ChainVerifier, CheckPath, ClientConfig, ConfigError, Error,
    HandshakeKind, ProtocolVersion, ProvenPath, Purpose, ServerConfig, ServerSessionMemoryCache, Session,
    SignatureScheme as S, Ticketer, UnixTime,
};

use crate::pair::Pair;
use crate::pki::{Ca, Kind, VERSIONS};

#[test]
fn a_peer_signs_with_what_it_was_told_or_not_at_all() {
    let ca = Ca::new(Kind::EcdsaP256);
    let schemes = [S::RSA_PSS_RSAE_SHA512, S::RSA_PKCS1_SHA384, S::ED25519];
    for version in VERSIONS {
        for kind in [Kind::Rsa2048, Kind::Ed25519, Kind::EcdsaP256] {
            let (mut client, mut server) = (ca.client_config(), ServerConfig::new(ca.identity(kind, &["server.test"])));
            client.set_versions(&[version]).unwrap();
            client.set_signature_schemes(&schemes).unwrap();
            let refused = Pair::new(&Arc::new(client.clone()), &Arc::new(server.clone())).settle();
            match kind {
                Kind::EcdsaP256 => assert!(refused.is_err(), "{version}"),
                _ => refused.unwrap(),
            }
            // The same the other way round: a client without a scheme that counts shows no certificate.
            client = ca.client_config();
            client.set_versions(&[version]).unwrap();
            client.set_client_identity(ca.identity(kind, &["client.test"]));
            server.set_signature_schemes(&schemes).unwrap();
            server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
            let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
            let outcome = pair.settle();
            match kind {
                Kind::EcdsaP256 => assert_eq!(outcome, Err(Error::NoClientCertificate { version })),
                _ => {
                    outcome.unwrap();
                    assert!(schemes.contains(&pair.server.peer_signature_scheme().unwrap()));
                }
            }
        }
    }
}

#[test]
fn signature_schemes_are_checked_when_they_are_set() {
    let mut config = ClientConfig::new();
    let before = config.session_scope();
    assert_eq!(
        config.set_signature_schemes(&[S::ED25519, S::RSA_PKCS1_SHA1]),
        Err(ConfigError::UnsupportedSignatureScheme(S::RSA_PKCS1_SHA1))
    );
    for wrong in [&[][..], &[S::ED25519, S::ED25519]] {
        assert_eq!(config.set_signature_schemes(wrong), Err(ConfigError::EmptyOrRepeated("signature schemes")));
    }
    assert_eq!(config.session_scope(), before);
    config.set_signature_schemes(&[S::ED25519]).unwrap();
    assert_ne!(config.session_scope(), before, "what was signed otherwise is not gone on from");
}

/// PKCS#1 v1.5 is for TLS 1.2 alone: a client that has nothing else gets no further in TLS 1.3, and is well-formed.
#[test]
fn pkcs1_alone_is_for_tls12() {
    let ca = Ca::new(Kind::EcdsaP256);
    let server = Arc::new(ServerConfig::new(ca.identity(Kind::Rsa2048, &["server.test"])));
    for version in VERSIONS {
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        client.set_signature_schemes(&[S::RSA_PKCS1_SHA256]).unwrap();
        let outcome = Pair::new(&Arc::new(client), &server).settle();
        match version {
            ProtocolVersion::TLS12 => outcome.unwrap(),
            _ => assert!(matches!(outcome, Err(Error::NoCommonSignatureScheme { .. })), "{outcome:?}"),
        }
    }
}

/// Counts how often it was asked, and changes its mind when told to. Sessions are not bound to its mind.
#[derive(Debug, Default)]
struct Mind {
    asked: AtomicUsize,
    refuses: AtomicBool,
}

impl CheckPath for Mind {
    fn check(&self, _: &ProvenPath<'_>, _: Purpose, _: UnixTime) -> Result<(), CertificateError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let refuses = self.refuses.load(Ordering::Relaxed);
        if refuses { Err(CertificateError::Application("not any more".into())) } else { Ok(()) }
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some([7; 32])
    }
}

#[test]
fn whoever_is_not_good_any_more_is_not_resumed_where_that_is_asked() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        for setting in [Some(true), Some(false), None] {
            // A check of the application's own is reason enough.
            let reverifies = setting.unwrap_or(true);
            for of_server in [true, false] {
                let mind = Arc::new(Mind::default());
                let mut chain = ChainVerifier::new(ca.roots());
                chain.add_check(mind.clone());
                let mut server = ca.server_config(Kind::EcdsaP256);
                let mut client = match of_server {
                    true => ClientConfig::with_server_verifier(chain),
                    false => {
                        server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(chain))).unwrap();
                        let mut client = ca.client_config();
                        client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
                        client
                    }
                };
                client.set_versions(&[version]).unwrap();
                if let Some(setting) = setting {
                    client.set_reverify_on_resumption(setting && of_server);
                    server.set_reverify_on_resumption(setting && !of_server);
                }
                let (client, server) = (Arc::new(client), Arc::new(server));
                let connect = || {
                    let mut pair = Pair::new(&client, &server);
                    pair.settle().map(|()| pair.client.handshake_kind())
                };
                assert_eq!(connect(), Ok(Some(HandshakeKind::Full)));
                assert_eq!(connect(), Ok(Some(HandshakeKind::Resumed)));
                assert_eq!(mind.asked.load(Ordering::Relaxed), if reverifies { 2 } else { 1 });
                mind.refuses.store(true, Ordering::Relaxed);
                match connect() {
                    Ok(kind) => assert!(!reverifies && kind == Some(HandshakeKind::Resumed)),
                    Err(e) => assert!(reverifies && matches!(e, Error::Certificate(_)), "{e}"),
                }
            }
        }
    }
}

/// A client that is to take no tickets any more does not offer the ticket that it has.
#[test]
fn a_ticket_of_tls12_is_not_offered_where_none_may_be_taken() {
    let ca = Ca::new(Kind::EcdsaP256);
    let server = Arc::new(ca.server_config(Kind::EcdsaP256));
    let mut client = ca.client_config();
    client.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    Pair::connected(&Arc::new(client.clone()), &server);
    let with_tickets = client.clone();
    client.set_tickets(false);
    let kind = |client: &ClientConfig| Pair::connected(&Arc::new(client.clone()), &server).client.handshake_kind();
    assert_eq!(kind(&client), Some(HandshakeKind::Full));
    // Having been taken out and left, it is gone; the next one is good.
    kind(&with_tickets);
    assert_eq!(kind(&with_tickets), Some(HandshakeKind::Resumed));
}

/// RFC 5077 §3.4: a client that takes tickets now, and comes from a time when it took none, names its session by id.
#[test]
fn a_session_by_id_is_resumed_by_a_client_that_takes_tickets_by_now() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut server = ca.server_config(Kind::EcdsaP256);
    let store = Arc::new(ServerSessionMemoryCache::new(10));
    server.set_ticketer_and_session_ids(Arc::new(Ticketer::new().unwrap()), store);
    let server = Arc::new(server);
    let mut client = ca.client_config();
    client.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    let mut without = client.clone();
    without.set_tickets(false);
    Pair::connected(&Arc::new(without), &server);
    let kind = Pair::connected(&Arc::new(client), &server).client.handshake_kind();
    assert_eq!(kind, Some(HandshakeKind::Resumed));
}
