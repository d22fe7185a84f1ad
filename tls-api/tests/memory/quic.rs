//! Handshakes over QUIC, from the configurations that TCP uses too.

use std::sync::Arc;
use std::thread;

use strata_tls::quic::{ClientConnection, KeyChange, Level, Output, ServerConnection, ServerStart, Version};
use strata_tls::{
    AllowAnyAuthenticatedClient, Answer, Backend, ClientConfig, ClientSessionMemoryCache, Error, HandshakeKind,
    NamedGroup, Need, Needs, ReloadableIdentity, ServerConfig, ServerSessionMemoryCache, Session,
};

use crate::pair::Pair;
use crate::pki::{Ca, Kind};

const PARAMETERS: &[u8] = b"parameters of the server";

fn configs(ca: &Ca) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_alpn_protocols(&["h3"]).unwrap();
    server.set_alpn_protocols(&["h3"]).unwrap();
    (client, server)
}

/// The same with early data. Sessions are in stores.
fn early_configs(ca: &Ca) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let (mut client, mut server) = configs(ca);
    client.set_session_storage(Arc::new(ClientSessionMemoryCache::new(10)));
    client.enable_early_data(true);
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(10)));
    server.set_max_early_data_size(1);
    (Arc::new(client), Arc::new(server))
}

struct Quic {
    client: ClientConnection,
    server: ServerConnection,
    /// Levels of the key changes, client first.
    keys: [Vec<String>; 2],
}

impl Quic {
    fn new(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Self {
        Self::with(client, server, b"limits")
    }

    /// The server keeps this data with its sessions.
    fn with(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, session_data: &[u8]) -> Self {
        let client = ClientConnection::new(client, Version::V1, "server.test", b"client".to_vec()).unwrap();
        let start = ServerStart {
            transport_parameters: PARAMETERS.to_vec(),
            session_data: session_data.to_vec(),
            accept_early_data: None,
        };
        let server = ServerConnection::new(server, Version::V1, start).unwrap();
        Self { client, server, keys: [Vec::new(), Vec::new()] }
    }

    /// Delivers what the client sends.
    fn feed_server(&mut self) -> Result<bool, Error> {
        let mut some = false;
        while let Some(output) = self.client.next_output() {
            some = true;
            match output {
                Output::Crypto(level, bytes) => self.server.receive(level, &bytes)?,
                Output::Keys(change) => self.keys[0].push(name(&change)),
            }
        }
        Ok(some)
    }

    fn feed_client(&mut self) -> Result<bool, Error> {
        let mut some = false;
        while let Some(output) = self.server.next_output() {
            some = true;
            match output {
                Output::Crypto(level, bytes) => self.client.receive(level, &bytes)?,
                Output::Keys(change) => self.keys[1].push(name(&change)),
            }
        }
        Ok(some)
    }

    fn run(&mut self) -> Result<(), Error> {
        while self.feed_server()? | self.feed_client()? {}
        Ok(())
    }

    fn handshake(mut self) -> Self {
        self.run().unwrap();
        assert!(!self.client.is_handshaking() && !self.server.is_handshaking());
        assert_eq!(self.client.handshake_kind(), self.server.handshake_kind());
        self
    }
}

fn name(change: &KeyChange) -> String {
    match change {
        KeyChange::Read(level, _) => format!("read {level}"),
        KeyChange::Write(level, _) => format!("write {level}"),
        KeyChange::Updates { .. } => "updates".to_owned(),
    }
}

#[test]
fn one_configuration_serves_tcp_and_quic() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, server) = configs(&ca);
    let (client, server) = (Arc::new(client), Arc::new(server));
    for _ in 0..2 {
        let quic = Quic::new(&client, &server).handshake();
        let keys = ["read Handshake", "write Handshake", "write 1-RTT", "read 1-RTT", "updates"];
        assert_eq!(quic.keys, [keys, keys]);
        assert_eq!(quic.server.sni_hostname(), Some("server.test"));
        assert_eq!(quic.client.peer_transport_parameters(), Some(PARAMETERS));
        assert_eq!(quic.server.peer_transport_parameters(), Some(&b"client"[..]));
        let (ours, theirs) = (quic.client.connection_info().unwrap(), quic.server.connection_info().unwrap());
        assert_eq!((ours.alpn_protocol(), theirs.alpn_protocol()), (Some(&b"h3"[..]), Some(&b"h3"[..])));
        assert_eq!(ours.server_name(), Some("server.test"));
        assert_eq!(ours.peer_certificates(), quic.client.peer_certificates());
        let mut exported = [[0; 16]; 2];
        quic.client.export_keying_material(&mut exported[0], b"EXPERIMENTAL", None).unwrap();
        quic.server.export_keying_material(&mut exported[1], b"EXPERIMENTAL", None).unwrap();
        assert_eq!(exported[0], exported[1]);

        let pair = Pair::connected(&client, &server);
        assert_eq!(pair.client.alpn_protocol(), Some(&b"h3"[..]));
    }
}

#[test]
fn configuration_without_alpn_is_rejected_for_quic() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    let e = ClientConnection::new(&Arc::new(client), Version::V1, "server.test", Vec::new()).unwrap_err();
    assert!(matches!(e, Error::Config(_)), "{e}");
    let e = ServerConnection::new(&Arc::new(server), Version::V1, ServerStart::default()).unwrap_err();
    assert!(matches!(e, Error::Config(_)), "{e}");
}

/// The configuration for QUIC is made once, and again after a change.
#[test]
fn changed_setting_applies_to_later_quic_connections() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, server) = configs(&ca);
    let server = Arc::new(server);
    drop(Quic::new(&Arc::new(client.clone()), &server).handshake());
    let unchanged = Arc::new(client.clone());
    client.set_alpn_protocols(&["other"]).unwrap();
    let e = Quic::new(&Arc::new(client), &server).run().unwrap_err();
    assert_eq!((e.quic_code(), e.alert().map(|alert| alert.0)), (0x0178, Some(120)));
    drop(Quic::new(&unchanged, &server).handshake());
}

#[test]
fn wrong_name_closes_with_the_alert_of_the_certificate() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, server) = configs(&ca);
    let (client, server) = (Arc::new(client), Arc::new(server));
    let mut quic = Quic::new(&client, &server);
    quic.client = ClientConnection::new(&client, Version::V1, "other.test", Vec::new()).unwrap();
    let e = quic.run().unwrap_err();
    let alert = e.alert().unwrap();
    assert!(matches!(&e, Error::Certificate(_)) && e.to_string().contains("other.test"), "{e}");
    assert_eq!(e.quic_code(), 0x0100 + u64::from(alert.0));
    assert_eq!(quic.client.error(), Some(&e));
}

#[test]
fn sessions_resume_over_quic_with_early_data() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, server) = early_configs(&ca);
    let quic = Quic::new(&client, &server).handshake();
    assert_eq!(
        (quic.client.handshake_kind(), quic.client.early_transport_parameters()),
        (Some(HandshakeKind::Full), None)
    );
    for (data, accepted) in [(&b"limits"[..], true), (b"other", false)] {
        let quic = Quic::with(&client, &server, data);
        assert_eq!(quic.client.early_transport_parameters(), Some(PARAMETERS));
        let mut exported = [0; 16];
        quic.client.export_early_keying_material(&mut exported, b"EXPERIMENTAL", None).unwrap();
        let quic = quic.handshake();
        assert_eq!(quic.client.handshake_kind(), Some(HandshakeKind::Resumed));
        assert_eq!(quic.client.is_early_data_accepted(), accepted);
        assert_eq!(quic.keys[0][0], "write 0-RTT");
        assert_eq!(quic.keys[1].contains(&"read 0-RTT".to_owned()), accepted);
    }
}

#[test]
fn tickets_resume_over_quic_without_early_data() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, server) = configs(&ca);
    let (client, server) = (Arc::new(client), Arc::new(server));
    drop(Quic::new(&client, &server).handshake());
    let quic = Quic::new(&client, &server);
    assert_eq!(quic.client.early_transport_parameters(), None);
    assert_eq!(quic.handshake().client.handshake_kind(), Some(HandshakeKind::Resumed));
}

#[test]
fn tcp_and_quic_do_not_share_sessions() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = configs(&ca);
    client.set_require_alpn(true);
    server.set_require_alpn(true);
    let (client, server) = (Arc::new(client), Arc::new(server));
    drop(Quic::new(&client, &server).handshake());
    let pair = Pair::connected(&client, &server);
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn failed_connection_ends_its_sessions() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, server) = early_configs(&ca);
    let mut quic = Quic::new(&client, &server).handshake();
    assert_eq!(quic.client.closed_by_peer(0x0a), None);
    assert!(matches!(quic.client.closed_by_peer(0x0128), Some(Error::AlertReceived { .. })));
    assert_eq!(Quic::new(&client, &server).handshake().client.handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn failed_connection_ends_its_stored_sessions() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, server) = early_configs(&ca);
    let store = Arc::new(ServerSessionMemoryCache::new(10));
    let mut server = ServerConfig::clone(&server);
    server.set_session_storage(Arc::clone(&store) as _);
    let server = Arc::new(server);
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut quic = Quic::new(&client, &server).handshake();
        assert_eq!((quic.client.handshake_kind(), quic.server.closed_by_peer(0x0a)), (Some(kind), None));
        if kind == HandshakeKind::Full {
            assert!(!store.is_empty());
            continue;
        }
        // Only those of this connection.
        let before = store.len();
        assert!(matches!(quic.server.closed_by_peer(0x0128), Some(Error::AlertReceived { .. })));
        assert!(store.len() < before);
        assert!(matches!(quic.server.receive(Level::OneRtt, b""), Err(Error::AlertReceived { .. })));
    }
}

/// Each way in which a resumption can fail ends all sessions with that server, not one at a time.
#[test]
fn failed_resumption_over_quic_removes_all_sessions() {
    type Failure = fn(&mut Quic, Output);
    let failures: [(&str, Failure); 4] = [
        ("an alert of the server", |quic, _| {
            quic.client.closed_by_peer(0x0128).unwrap();
        }),
        ("an unknown message", |quic, _| {
            quic.client.receive(Level::Initial, &[99, 0, 0, 0]).unwrap_err();
        }),
        ("a damaged flight", |quic, hello| {
            let Output::Crypto(level, hello) = hello else { panic!("no ClientHello") };
            quic.server.receive(level, &hello).unwrap();
            while let Some(output) = quic.server.next_output() {
                if let Output::Crypto(level, mut bytes) = output {
                    *bytes.last_mut().unwrap() ^= u8::from(level == Level::Handshake);
                    let _ = quic.client.receive(level, &bytes);
                }
            }
            assert!(quic.client.error().is_some());
        }),
        // A timeout, or an error of QUIC itself.
        ("nothing", |quic, _| {
            assert_eq!(quic.client.closed_by_peer(0x01), None);
        }),
    ];
    let ca = Ca::new(Kind::EcdsaP256);
    for (name, failure) in failures {
        let sessions = Arc::new(ClientSessionMemoryCache::new(10));
        let (mut client, mut server) = configs(&ca);
        client.set_session_storage(Arc::clone(&sessions) as _);
        server.set_send_tls13_tickets(4);
        let (client, server) = (Arc::new(client), Arc::new(server));
        drop(Quic::new(&client, &server).handshake());
        assert!(!sessions.is_empty());
        let mut quic = Quic::new(&client, &server);
        // A client whose hello was not sent has not failed.
        let hello = quic.client.next_output();
        failure(&mut quic, hello.unwrap());
        drop(quic);
        assert!(sessions.is_empty(), "{name}");
        assert_eq!(Quic::new(&client, &server).handshake().client.handshake_kind(), Some(HandshakeKind::Full));
    }
}

#[test]
fn replaced_identities_are_not_resumed_over_quic() {
    let ca = Ca::new(Kind::EcdsaP256);
    let [of_client, of_server] = ["client.test", "server.test"]
        .map(|name| Arc::new(ReloadableIdentity::new(ca.identity(Kind::EcdsaP256, &[name]))));
    let (mut client, _) = configs(&ca);
    client.set_client_cert_resolver(Arc::clone(&of_client) as _);
    let mut server = ServerConfig::with_resolver(Arc::clone(&of_server) as _);
    server.set_alpn_protocols(&["h3"]).unwrap();
    server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
    let (client, server) = (Arc::new(client), Arc::new(server));
    let kind = || {
        let quic = Quic::new(&client, &server).handshake();
        assert_eq!(quic.server.peer_certificates().unwrap(), of_client.current().chain());
        quic.client.handshake_kind().unwrap()
    };
    assert_eq!([kind(), kind()], [HandshakeKind::Full, HandshakeKind::Resumed]);
    of_client.replace(ca.identity(Kind::EcdsaP256, &["client.test"])).unwrap();
    assert_eq!([kind(), kind()], [HandshakeKind::Full, HandshakeKind::Resumed]);
    of_server.replace(ca.identity(Kind::EcdsaP256, &["server.test", "more.test"])).unwrap();
    assert_eq!([kind(), kind()], [HandshakeKind::Full, HandshakeKind::Resumed]);
}

#[test]
fn client_over_quic_is_retried_once_for_a_server() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, mut server) = configs(&ca);
    server.set_groups(&[NamedGroup::SECP384R1]).unwrap();
    let (client, server) = (Arc::new(client), Arc::new(server));
    let is_retried = || Quic::new(&client, &server).handshake().client.handshake_kind().unwrap().is_retried();
    assert_eq!([is_retried(), is_retried(), is_retried()], [true, false, false]);
}

/// A handshake that was abandoned after the session was offered counts as failed; one that sent
/// nothing does not.
#[test]
fn dropped_client_ends_its_sessions_only_if_it_sent_them() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, server) = early_configs(&ca);
    let resumes = || {
        let kind = Quic::new(&client, &server).handshake().client.handshake_kind();
        kind == Some(HandshakeKind::Resumed)
    };
    assert!(!resumes());
    assert!(resumes());
    drop(Quic::new(&client, &server));
    assert!(resumes());
    let mut quic = Quic::new(&client, &server);
    quic.feed_server().unwrap();
    drop(quic);
    assert!(!resumes());
}

/// Answers requests on another thread, as a remote signer or store would.
fn answer_elsewhere(need: Need, ca: &Ca) -> Answer {
    let (identity, client_identity) = (
        Arc::new(ca.identity(Kind::EcdsaP256, &["server.test"])),
        Arc::new(ca.identity(Kind::EcdsaP256, &["client.test"])),
    );
    let (verifier, roots) = (strata_tls::ServerVerifier::from(ca.roots()), ca.roots());
    let work = move || match need {
        Need::Identity(need) => need.answer(identity),
        Need::ClientIdentity(need) => need.answer(client_identity),
        Need::Signature(need) => need.sign_locally(),
        Need::Verdict(need) => need.verify(&verifier, strata_tls::UnixTime::now()),
        Need::ClientVerdict(need) => need.verify(&strata_tls::ChainVerifier::from(roots), strata_tls::UnixTime::now()),
        Need::Session(need) => need.not_found(),
        Need::NewSession(need) => need.decline(),
        other => other.refuse(),
    };
    thread::spawn(work).join().unwrap()
}

#[test]
fn deferred_requests_are_answered_later() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = configs(&ca);
    client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
    server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
    client.set_deferred_needs(Needs::ALL);
    server.set_deferred_needs(Needs::ALL);
    let mut quic = Quic::new(&Arc::new(client), &Arc::new(server));
    let mut kinds = Vec::new();
    loop {
        quic.run().unwrap();
        if let Some(need) = quic.client.take_need() {
            assert!(quic.client.take_need().is_none());
            kinds.push(need.kind());
            quic.client.answer(answer_elsewhere(need, &ca)).unwrap();
        } else if let Some(need) = quic.server.take_need() {
            kinds.push(need.kind());
            quic.server.answer(answer_elsewhere(need, &ca)).unwrap();
        } else {
            break;
        }
    }
    assert!(!quic.client.is_handshaking() && !quic.server.is_handshaking());
    assert!(quic.server.peer_certificates().is_some());
    assert!(kinds.len() >= 6, "{}", kinds.len());
}

#[test]
fn answer_without_request_is_rejected() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, mut server) = configs(&ca);
    server.set_deferred_needs(Needs::IDENTITY);
    let (client, server) = (Arc::new(client), Arc::new(server));
    let (mut one, mut other) = (Quic::new(&client, &server), Quic::new(&client, &server));
    one.feed_server().unwrap();
    other.feed_server().unwrap();
    let theirs = answer_elsewhere(other.server.take_need().unwrap(), &ca);
    assert_eq!(one.server.answer(theirs), Err(Error::WrongAnswer));
    assert_eq!(one.server.error(), None);
    let ours = answer_elsewhere(one.server.take_need().unwrap(), &ca);
    assert_eq!(one.client.answer(ours), Err(Error::WrongAnswer));
}

#[test]
fn every_pair_of_backends_connects_over_quic() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (ours, theirs) in Backend::ALL.iter().flat_map(|ours| Backend::ALL.iter().map(|theirs| (*ours, *theirs))) {
        let (mut client, mut server) = configs(&ca);
        client.set_backend(ours);
        server.set_backend(theirs);
        let (client, server) = (Arc::new(client), Arc::new(server));
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let quic = Quic::new(&client, &server).handshake();
            assert_eq!(quic.server.handshake_kind(), Some(kind), "{ours:?} {theirs:?}");
            let mut exported = [[0; 16]; 2];
            quic.client.export_keying_material(&mut exported[0], b"EXPERIMENTAL", None).unwrap();
            quic.server.export_keying_material(&mut exported[1], b"EXPERIMENTAL", None).unwrap();
            assert_eq!(exported[0], exported[1]);
        }
    }
}
