//! What must match between a session and the connection that resumes it.

use std::sync::Arc;
use std::time::Duration;

use pki_types::UnixTime;
use tls_codec::code_points::CipherSuite;

use super::super::pair::{Pair, Pki};
use super::{Harness, Storage, TLS12, TLS13, for_each_storage};
use crate::config::{ClientAuth, ClientConfig, ServerConfig};
use crate::error::Error;
use crate::{HandshakeKind, ServerSessionValue, SuitePreference};

#[test]
fn changed_setting_prevents_resumption() {
    type Change = (&'static str, fn(&mut ClientConfig, &mut ServerConfig));
    let changes: [Change; 7] = [
        ("client's context", |client, _| client.set_session_context(b"other roots")),
        ("client's protocols", |client, _| client.set_alpn_protocols(["h2"]).unwrap()),
        ("client's name indication", |client, _| client.set_server_name_indication(false)),
        ("server's context", |_, server| server.set_session_context(b"other client CAs")),
        ("server's protocols", |_, server| server.set_alpn_protocols(["h2"]).unwrap()),
        ("server's client authentication", |_, server| server.set_client_auth(ClientAuth::Optional)),
        ("server's CA names for clients", |_, server| server.set_client_auth_hints(vec![vec![1]]).unwrap()),
    ];
    for_each_storage(|mut harness, version| {
        for (what, change) in &changes {
            let (mut client, mut server) = (harness.client(version), harness.server());
            // Compute the scope before the change, to detect a stale cached one.
            assert_eq!(client.session_scope(), client.clone().session_scope());
            let session = harness.establish_one(&client, &server);
            let before = (client.session_scope(), server.session_scope());
            change(&mut client, &mut server);
            assert_ne!(before, (client.session_scope(), server.session_scope()), "{what}");
            assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full), "{what}");
        }
    });
}

#[test]
fn session_is_offered_only_to_its_server() {
    for_each_storage(|mut harness, version| {
        let (client, server) = (harness.client(version), harness.server());
        harness.pki = Pki::for_names(&["a.test", "b.test"]);
        let session = harness.establish_one(&client, &server);
        let mut pair = Pair::resuming_at("b.test", client, server, session, harness.now);
        harness.run(&mut pair).unwrap();
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(pair.server.sni_hostname(), Some("b.test"));
    });
}

#[test]
fn resumption_requires_suite_or_hash_of_session() {
    const SHA256: [CipherSuite; 2] =
        [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    const OTHER_SHA256: [CipherSuite; 2] =
        [CipherSuite::TLS_CHACHA20_POLY1305_SHA256, CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256];
    const SHA384: [CipherSuite; 2] =
        [CipherSuite::TLS_AES_256_GCM_SHA384, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384];
    for_each_storage(|mut harness, version| {
        for (suites, tls13) in [(OTHER_SHA256, HandshakeKind::Resumed), (SHA384, HandshakeKind::Full)] {
            let (client, mut server) = (harness.client(version), harness.server());
            server.set_cipher_suites(&SHA256).unwrap();
            let session = harness.establish_one(&client, &server);
            server.set_cipher_suites(&suites).unwrap();
            let expected = if version == TLS13 { tls13 } else { HandshakeKind::Full };
            assert_eq!(harness.kind(&client, &server, session), Some(expected), "{suites:?}");
        }
    });
}

/// Unlike an external key, a session does not override the preferred suite.
#[test]
fn session_does_not_determine_suite() {
    use CipherSuite as S;
    let mut harness = Harness::new(Storage::Ticket);
    let client = harness.client(TLS13);
    let mut server = harness.server();
    server.set_cipher_suites(&[S::TLS_AES_256_GCM_SHA384, S::TLS_AES_128_GCM_SHA256]).unwrap();
    server.set_suite_preference(SuitePreference::Server);
    let session = harness.establish_one(&client, &server);
    assert_eq!(harness.kind(&client, &server, session.clone()), Some(HandshakeKind::Resumed));
    server.set_cipher_suites(&[S::TLS_AES_128_GCM_SHA256, S::TLS_AES_256_GCM_SHA384]).unwrap();
    assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full));
}

#[test]
fn resumption_keeps_client_identity() {
    for_each_storage(|mut harness, version| {
        let (mut client, mut server) = (harness.client(version), harness.server());
        client.set_client_identity_lookup(true);
        server.set_client_auth(ClientAuth::Required);
        let session = harness.establish_one(&client, &server);
        let pair = harness.resume(&client, &server, session);
        assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed));
        assert_eq!(pair.server.peer_certificates().unwrap(), harness.pki.client.chain());
    });
}

#[test]
fn anonymous_session_is_rejected_where_client_auth_is_required() {
    for_each_storage(|mut harness, version| {
        let (client, mut server) = (harness.client(version), harness.server());
        server.set_client_auth(ClientAuth::Optional);
        let session = harness.establish_one(&client, &server);
        server.set_client_auth(ClientAuth::Required);
        let mut pair = Pair::resuming(client, server, session, harness.now);
        let e = harness.run(&mut pair).unwrap_err();
        assert_eq!(e, Error::NoClientCertificate { version });
    });
}

#[test]
fn sessions_have_scope_of_configuration_and_role() {
    // The sessions of all connections have the scope of the shared configuration.
    let mut harness = Harness::new(Storage::Ticket);
    let (client, server) = (Arc::new(harness.client(TLS13)), Arc::new(harness.server()));
    let sessions = harness.establish(&client, &server);
    let scopes: Vec<_> = sessions.iter().map(|session| *session.scope()).collect();
    assert!(scopes.iter().all(|scope| *scope == client.session_scope()));
    assert_ne!(client.session_scope(), server.session_scope(), "the scope includes the role");
}

/// The server would reject it as well, but neither an observer nor another server should see the
/// ticket.
#[test]
fn client_offers_only_matching_session() {
    use crate::client::offered_psk::ResumptionOffer;
    use crate::client::session_tracker::SessionTracker;

    for_each_storage(|mut harness, version| {
        let (client, server) = (harness.client(version), harness.server());
        let session = harness.establish_one(&client, &server);
        let offers = |config: &ClientConfig, name: &str, now| {
            let name = name.to_owned().try_into().unwrap();
            let place = SessionTracker::new(Arc::new(config.clone()), name, None);
            !matches!(ResumptionOffer::of_session(config, &place, session.clone(), now), ResumptionOffer::Nothing)
        };
        let as_somebody = SessionTracker::new(Arc::new(client.clone()), session.server_name().clone(), Some([1; 32]));
        assert!(matches!(
            ResumptionOffer::of_session(&client, &as_somebody, session.clone(), harness.now),
            ResumptionOffer::Nothing
        ));
        let (now, lifetime) = (harness.now, u64::from(session.lifetime));
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        assert!(offers(&client, "a.test", now));
        assert!(!offers(&client, "b.test", now));
        assert!(!offers(&client, "a.test", at(now.as_secs() + lifetime + 1)));
        assert!(!offers(&client, "a.test", at(now.as_secs() - 3600)), "a session from the future");
        let mut other = client.clone();
        other.set_session_context(b"other");
        assert!(!offers(&other, "a.test", now));
        let mut without_its_suite = ClientConfig::new();
        without_its_suite.set_cipher_suites(&[CipherSuite::TLS_CHACHA20_POLY1305_SHA256]).unwrap();
        assert!(!offers(&without_its_suite, "a.test", now));
        // Without tickets only an ID can name a TLS 1.2 session.
        let mut without_tickets = client.clone();
        without_tickets.set_tickets(false);
        assert_eq!(
            offers(&without_tickets, "a.test", now),
            version == TLS13 || harness.storage == Storage::Id,
            "{version}"
        );
    });
}

/// A store may return a session of this scope whose client presented no certificate.
#[test]
fn session_without_client_chain_is_rejected_if_required() {
    for version in [TLS12, TLS13] {
        for removed in [false, true] {
            let mut harness = Harness::new(Storage::Id);
            let (mut client, mut server) = (harness.client(version), harness.server());
            client.set_client_identity_lookup(true);
            server.set_client_auth(ClientAuth::Required);
            let session = harness.establish_one(&client, &server);
            for stored in harness.store.values_mut().filter(|_| removed) {
                let mut value = ServerSessionValue::decode(stored).unwrap();
                (value.client_chain, value.expires) = (None, None);
                *stored = value.encode().to_vec();
            }
            let resumed = harness.kind(&client, &server, session).unwrap().is_resumed();
            assert_eq!(resumed, !removed, "{version}");
        }
    }
}
