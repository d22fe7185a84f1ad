//! Requests that a configuration defers: the application answers them, later and from any thread.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;

use strata_tls::handshake::SessionLookup;
use strata_tls::{
    AllowAnyAuthenticatedClient, Answer, CertificateError, ClientConfig, Error, HandshakeKind, Need, Needs,
    ProtocolVersion, ServerConfig, ServerSessionMemoryCache, ServerSessionValue, Session, Stream, UnixTime,
};

use crate::pair::{Pair, carry, drain, feed, read_all};
use crate::pki::{Ca, Kind, VERSIONS};

/// Both sides authenticate with certificates, and the server stores sessions.
fn configs(version: ProtocolVersion, deferred: Needs) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_versions(&[version]).unwrap();
    client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
    server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(10)));
    client.set_deferred_needs(deferred);
    server.set_deferred_needs(deferred);
    (Arc::new(client), Arc::new(server))
}

fn name(need: &Need) -> &'static str {
    match need {
        Need::Session(_) => "session",
        Need::TakeSession(_) => "take session",
        Need::NewSession(_) => "new session",
        Need::Identity(_) => "identity",
        Need::ClientIdentity(_) => "client identity",
        Need::Signature(_) => "signature",
        Need::Verdict(_) => "verdict",
        Need::ClientVerdict(_) => "client verdict",
        _ => "unknown",
    }
}

/// Takes no bytes, and is not asked for any.
struct FullTransport;

impl Read for FullTransport {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("the handshake waits for an answer, not for the peer")
    }
}

impl Write for FullTransport {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes the pending request and checks that the handshake waits for its answer.
fn take(session: &mut impl Session) -> Option<Need> {
    let need = session.take_need()?;
    assert!(session.take_need().is_none(), "each request is returned once");
    assert!(session.take_signature_request().is_none());
    if session.is_handshaking() {
        assert!(!session.wants_read());
        let error = session.complete_io(&mut FullTransport).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(error.to_string().contains(&need.kind().to_string()), "{error}");
    }
    Some(need)
}

/// Carries bytes, and answers requests with `answer` when nothing else is left to do. Returns the
/// names of the requests.
fn run(
    pair: &mut Pair,
    client: &mut dyn FnMut(Need) -> Answer,
    server: &mut dyn FnMut(Need) -> Answer,
) -> Result<Vec<&'static str>, Error> {
    let mut asked = Vec::new();
    loop {
        if let Some(need) = take(&mut pair.server) {
            asked.push(name(&need));
            pair.server.answer(server(need))?;
        } else if let Some(need) = take(&mut pair.client) {
            asked.push(name(&need));
            pair.client.answer(client(need))?;
        } else if carry(&mut pair.client, &mut pair.server)? + carry(&mut pair.server, &mut pair.client)? == 0 {
            return Ok(asked);
        }
    }
}

/// Connects with answers that the configurations give on other threads.
fn connect(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> (Pair, Vec<&'static str>) {
    let mut pair = Pair::new(client, server);
    pair.client.write_all(b"question").unwrap();
    let asked = run(
        &mut pair,
        &mut |need| {
            let config = Arc::clone(client);
            thread::spawn(move || config.answer(need)).join().unwrap()
        },
        &mut |need| {
            let config = Arc::clone(server);
            thread::spawn(move || config.answer(need)).join().unwrap()
        },
    )
    .unwrap();
    assert_eq!(read_all(&mut pair.server), b"question");
    pair.server.write_all(b"answer").unwrap();
    carry(&mut pair.server, &mut pair.client).unwrap();
    assert_eq!(read_all(&mut pair.client), b"answer");
    (pair, asked)
}

#[test]
fn each_request_is_answered_from_another_thread() {
    let full = [
        ("identity", Needs::IDENTITY),
        ("signature", Needs::SIGNATURE),
        ("verdict", Needs::VERIFICATION),
        ("client identity", Needs::IDENTITY),
        ("signature", Needs::SIGNATURE),
        ("client verdict", Needs::VERIFICATION),
        ("new session", Needs::NEW_SESSION),
    ];
    let resumed13 =
        [("session", Needs::SESSION), ("take session", Needs::SESSION), ("new session", Needs::NEW_SESSION)];
    let resumed12 = [("session", Needs::SESSION)];
    for version in VERSIONS {
        let resumed = if version == ProtocolVersion::TLS13 { &resumed13[..] } else { &resumed12 };
        for deferred in [
            Needs::NONE,
            Needs::IDENTITY,
            Needs::SIGNATURE,
            Needs::VERIFICATION,
            Needs::SESSION,
            Needs::NEW_SESSION,
            Needs::SIGNATURE | Needs::SESSION,
            Needs::ALL,
        ] {
            let (client, server) = configs(version, deferred);
            for (kind, flow) in [(HandshakeKind::Full, &full[..]), (HandshakeKind::Resumed, resumed)] {
                let (pair, asked) = connect(&client, &server);
                let expected: Vec<_> =
                    flow.iter().filter(|(_, kind)| deferred.contains(*kind)).map(|(name, _)| *name).collect();
                assert_eq!(asked, expected, "{version} {deferred} {kind:?}");
                assert_eq!(pair.client.handshake_kind(), Some(kind), "{version} {deferred}");
                assert!(pair.server.peer_certificates().is_some());
            }
        }
    }
}

/// Returns a pair whose server waits for a request of this kind.
fn waiting(version: ProtocolVersion, deferred: Needs) -> (Pair, Need) {
    let (client, server) = configs(version, deferred);
    let mut pair = Pair::new(&client, &server);
    carry(&mut pair.client, &mut pair.server).unwrap();
    let need = pair.server.take_need().unwrap();
    (pair, need)
}

#[test]
fn answer_of_another_connection_changes_nothing() {
    for version in VERSIONS {
        for deferred in [Needs::IDENTITY, Needs::SIGNATURE] {
            let (mut pair, need) = waiting(version, deferred);
            let (_, other) = waiting(version, deferred);
            assert_eq!(pair.server.answer(other.refuse()), Err(Error::WrongAnswer));
            // It still waits for its own.
            assert!(pair.server.is_handshaking() && !pair.server.wants_read());
            assert!(pair.server.answer(need.refuse()).is_err());
            // A connection that asked nothing takes no answer.
            let (client, server) = configs(version, deferred);
            let (_, other) = waiting(version, deferred);
            assert_eq!(Pair::new(&client, &server).server.answer(other.refuse()), Err(Error::WrongAnswer));
        }
        // A request that was not taken yet is not lost.
        let (client, server) = configs(version, Needs::IDENTITY);
        let mut pair = Pair::new(&client, &server);
        carry(&mut pair.client, &mut pair.server).unwrap();
        assert_eq!(pair.server.answer(waiting(version, Needs::IDENTITY).1.refuse()), Err(Error::WrongAnswer));
        assert!(matches!(pair.server.take_need(), Some(Need::Identity(_))));
    }
}

#[test]
fn dropped_request_leaves_the_handshake_paused() {
    for version in VERSIONS {
        let (mut pair, need) = waiting(version, Needs::IDENTITY);
        drop(need);
        for _ in 0..2 {
            assert!(pair.server.take_need().is_none() && !pair.server.wants_read());
            pair.server.process_new_packets().unwrap();
            let error = Stream::new(&mut pair.server, &mut FullTransport).read(&mut [0; 10]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            assert_eq!(
                error.to_string(),
                "the handshake is paused: it waits for an identity; use Session::take_need and Session::answer"
            );
        }
    }
}

#[test]
fn signature_request_leaves_other_requests_pending() {
    for version in VERSIONS {
        let (client, server) = configs(version, Needs::IDENTITY | Needs::SIGNATURE);
        let mut pair = Pair::new(&client, &server);
        carry(&mut pair.client, &mut pair.server).unwrap();
        assert!(pair.server.take_signature_request().is_none());
        let need = pair.server.take_need().unwrap();
        pair.server.answer(server.answer(need)).unwrap();
        let request = pair.server.take_signature_request().unwrap();
        assert!(pair.server.take_need().is_none());
        pair.server.answer_signature(request.sign_locally()).unwrap();
        carry(&mut pair.server, &mut pair.client).unwrap();
    }
}

/// Refuses requests of one kind. Returns the error of the handshake, if there was one.
fn refusing(version: ProtocolVersion, refused: &str) -> Option<Error> {
    let (client, server) = configs(version, Needs::ALL);
    let mut pair = Pair::new(&client, &server);
    let answer = |need: Need, other: &dyn Fn(Need) -> Answer| match name(&need) == refused {
        true => need.refuse(),
        false => other(need),
    };
    let result = run(&mut pair, &mut |need| answer(need, &|need| client.answer(need)), &mut |need| {
        answer(need, &|need| server.answer(need))
    });
    result.err()
}

#[test]
fn refused_request_has_a_defined_outcome() {
    let unverified = || CertificateError::Application("the application did not verify it".to_owned());
    for version in VERSIONS {
        assert!(matches!(refusing(version, "identity"), Some(Error::NoIdentity { .. })), "{version}");
        assert_eq!(refusing(version, "signature"), Some(Error::SignerFailed));
        for verdict in ["verdict", "client verdict"] {
            let Some(Error::Certificate(refusal)) = refusing(version, verdict) else { panic!("{version} {verdict}") };
            assert_eq!(refusal.why, unverified());
        }
        // The server demands a certificate.
        let missing = refusing(version, "client identity");
        assert_eq!(missing, Some(Error::NoClientCertificate { version }));
        for optional in ["session", "take session", "new session"] {
            assert_eq!(refusing(version, optional), None, "{version} {optional}");
        }
    }
}

#[test]
fn request_to_the_wrong_role_is_refused() {
    let (client, server) = configs(ProtocolVersion::TLS13, Needs::ALL);
    let mut pair = Pair::new(&client, &server);
    carry(&mut pair.client, &mut pair.server).unwrap();
    let need = pair.server.take_need().unwrap();
    assert!(matches!(pair.server.answer(client.answer(need)), Err(Error::NoIdentity { .. })));
    assert!(pair.server.take_need().is_none());
}

#[test]
fn identities_need_no_resolver() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (of_client, of_server) =
        [["client.test"], ["server.test"]].map(|names| Arc::new(ca.identity(Kind::EcdsaP256, &names))).into();
    for version in VERSIONS {
        let (mut client, mut server) = (ca.client_config(), ServerConfig::with_identities([]));
        client.set_versions(&[version]).unwrap();
        client.set_deferred_needs(Needs::IDENTITY);
        server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
        server.set_deferred_needs(Needs::IDENTITY);
        let (client, server) = (Arc::new(client), Arc::new(server));
        for _ in 0..2 {
            let mut pair = Pair::new(&client, &server);
            let asked = run(
                &mut pair,
                &mut |need| match need {
                    Need::ClientIdentity(need) => need.answer(Arc::clone(&of_client)),
                    other => other.refuse(),
                },
                &mut |need| match need {
                    Need::Identity(need) => need.answer(Arc::clone(&of_server)),
                    other => other.refuse(),
                },
            );
            assert_eq!(asked.unwrap(), ["identity", "client identity"]);
            assert_eq!(pair.server.peer_certificates(), Some(of_client.chain()));
            // Nothing says whether the choice would be the same, so the session is not resumed.
            assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Full));
        }
    }
}

#[test]
fn deferred_verification_separates_sessions() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
    let verified_here = (client.session_scope(), server.session_scope());
    let other_fleet_member = server.clone();
    // Other kinds do not matter.
    client.set_deferred_needs(Needs::SIGNATURE);
    server.set_deferred_needs(Needs::SIGNATURE);
    assert_eq!((client.session_scope(), server.session_scope()), verified_here);
    client.set_deferred_needs(Needs::VERIFICATION);
    server.set_deferred_needs(Needs::VERIFICATION);
    let deferred = (client.session_scope(), server.session_scope());
    assert!(deferred.0 != verified_here.0 && deferred.1 != verified_here.1);
    // Members of a fleet defer alike and share a scope. The order of the settings does not matter.
    let mut again = other_fleet_member;
    again.set_deferred_needs(Needs::VERIFICATION);
    again.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
    assert_eq!(again.session_scope(), deferred.1);
    let mut stranger = ca.client_config();
    stranger.set_deferred_needs(Needs::VERIFICATION);
    assert_ne!(stranger.session_scope(), deferred.0);
    client.set_root_store(ca.roots());
    assert_ne!(client.session_scope(), verified_here.0);
    client.set_deferred_needs(Needs::NONE);
    server.set_deferred_needs(Needs::NONE);
    assert_eq!((client.session_scope(), server.session_scope()), verified_here);
}

/// TLS 1.3: nothing waits for tickets.
#[test]
fn data_passes_before_tickets_are_made() {
    let (client, server) = configs(ProtocolVersion::TLS13, Needs::NEW_SESSION);
    for closes in [false, true] {
        let mut pair = Pair::connected(&client, &server);
        assert_eq!(pair.server.handshake_kind(), pair.client.handshake_kind());
        let Some(Need::NewSession(need)) = pair.server.take_need() else { panic!("no request") };
        for _ in 0..2 {
            pair.client.write_all(b"question").unwrap();
            pair.client.refresh_traffic_keys().unwrap();
            pair.server.write_all(b"answer").unwrap();
            pair.server.refresh_traffic_keys().unwrap();
            pair.settle().unwrap();
            assert_eq!(read_all(&mut pair.server), b"question");
            assert_eq!(read_all(&mut pair.client), b"answer");
        }
        if closes {
            pair.server.send_close_notify();
            let closing = drain(&mut pair.server);
            // Nothing follows close_notify.
            pair.server.answer(server.answer(Need::NewSession(need))).unwrap();
            assert!(!pair.server.wants_write());
            feed(&mut pair.client, &closing).unwrap();
            assert_eq!(pair.client.read(&mut [0; 10]).unwrap(), 0);
        } else {
            pair.server.answer(server.answer(Need::NewSession(need))).unwrap();
            pair.settle().unwrap();
            assert_eq!(Pair::connected(&client, &server).client.handshake_kind(), Some(HandshakeKind::Resumed));
        }
    }
}

/// A store of the application. An asynchronous one would be the same.
#[derive(Default)]
struct Sessions(HashMap<Vec<u8>, Vec<u8>>);

impl Sessions {
    fn answer(&mut self, need: Need, config: &ServerConfig, identity: &strata_tls::Identity) -> Answer {
        let now = UnixTime::now();
        match need {
            Need::Session(need) => {
                let found = need.identities().enumerate().find_map(|(index, id)| {
                    let session = self.0.get(id).filter(|_| need.is_store_id(id))?;
                    Some((index, ServerSessionValue::decode(session).unwrap()))
                });
                match found {
                    Some((index, session)) if need.version() == ProtocolVersion::TLS13 => {
                        need.found_single_use(index, session, identity, now)
                    }
                    Some((index, session)) => need.found(index, session, identity, now),
                    None => need.not_found(),
                }
            }
            Need::TakeSession(need) if self.0.remove(need.identity()).is_some() => need.taken(),
            Need::NewSession(mut need) => {
                let ids = need.store_ids().unwrap();
                let mut tickets = Vec::new();
                for (index, session) in need.sessions(now).iter().enumerate() {
                    self.0.insert(ids.id(index).to_vec(), session.encode().to_vec());
                    tickets.push(ids.id(index).to_vec());
                }
                need.answer(tickets)
            }
            other => config.answer(other),
        }
    }
}

/// A slow store is not called on the connection's thread, not even when the connection fails.
#[test]
fn deferred_store_keeps_failed_sessions_until_told() {
    for (deferred, left) in [(Needs::NONE, false), (Needs::SESSION, true)] {
        let (client, server) = configs(ProtocolVersion::TLS13, deferred);
        let (mut pair, _) = connect(&client, &server);
        pair.server.read_tls(&mut &[&[23, 3, 3, 0, 30][..], &[0; 30]].concat()[..]).unwrap();
        pair.server.process_new_packets().unwrap_err();
        assert_eq!(pair.server.failed_sessions().count() > 0, left, "{deferred}");
        // The client has not noticed, and offers the session.
        let kind = if left { HandshakeKind::Resumed } else { HandshakeKind::Full };
        assert_eq!(connect(&client, &server).0.client.handshake_kind(), Some(kind), "{deferred}");
    }
}

#[test]
fn sessions_can_be_stored_by_the_application() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        let identity = ca.identity(Kind::EcdsaP256, &["server.test"]);
        let (mut client, mut server) = (ca.client_config(), ServerConfig::new(identity.clone()));
        client.set_versions(&[version]).unwrap();
        server.set_session_lookup(SessionLookup::Ids);
        server.set_deferred_needs(Needs::SESSION | Needs::NEW_SESSION);
        let (client, server) = (Arc::new(client), Arc::new(server));
        let mut sessions = Sessions::default();
        let mut connect = || {
            let mut pair = Pair::new(&client, &server);
            run(&mut pair, &mut Need::refuse, &mut |need| sessions.answer(need, &server, &identity)).unwrap();
            pair
        };
        assert_eq!(connect().server.handshake_kind(), Some(HandshakeKind::Full));
        let mut pair = connect();
        assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed));
        assert_eq!(pair.server.failed_sessions().count(), 0);
        // The connection fails, and the application removes its sessions.
        let forged = [&[23, 3, 3, 0, 30][..], &[0; 30]].concat();
        pair.server.read_tls(&mut &forged[..]).unwrap();
        pair.server.process_new_packets().unwrap_err();
        let failed: Vec<_> = pair.server.failed_sessions().collect();
        assert!(!failed.is_empty() && failed.iter().all(|id| sessions.0.contains_key(&id[..])), "{version}");
        assert_eq!(pair.server.failed_sessions().count(), 0);
    }
}
