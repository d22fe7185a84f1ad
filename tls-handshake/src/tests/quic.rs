//! Handshakes over QUIC, through packet protection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tls_codec::code_points::{CipherSuite, ExtensionType as X, HandshakeType as T, NamedGroup, ProtocolVersion};
use tls_codec::handshake::{EncryptedExtensions, Split, split_message};
use tls_crypto::HashAlgorithm;

use super::hello::Hello;
use super::pair::{Pair, Pki, Secrets};
use super::quic_pair::{CLIENT_PARAMETERS, QuicPair, SERVER_PARAMETERS, server_start};
use super::resumption::{Harness, STORAGES, Storage, TLS12, TLS13};
use crate::auth::ClientAuth;
use crate::config::{ClientConfig, ServerConfig};
use crate::connection::ClientStart;
use crate::error::{Contradiction, Error, Level};
use crate::need::{Answer, Need};
use crate::quic::{Config, Connection, Output, ServerStart, Version};
use crate::resumption::Scope;
use crate::{ClientSessionValue, ExternalPsk, HandshakeKind, PskCandidate};

pub(super) fn configs() -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    client.set_alpn_protocols(&[b"h3"]).unwrap();
    server.set_alpn_protocols(&["other", "h3"]).unwrap();
    (client, server)
}

/// The same with resumption and early data.
fn early_configs(harness: &Harness) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (harness.client(TLS13), harness.server());
    client.set_alpn_protocols(&[b"h3"]).unwrap();
    server.set_alpn_protocols(&[b"h3"]).unwrap();
    client.enable_early_data(true);
    server.set_max_early_data_size(1);
    (client, server)
}

fn run(pair: &mut QuicPair) -> Result<(), Error> {
    let pki = Pki::new();
    pair.handshake(&mut |need| pki.answer(need))
}

/// Returns the sessions of a full handshake.
fn establish(harness: &mut Harness, client: &ClientConfig, server: &ServerConfig) -> Vec<ClientSessionValue> {
    let mut pair = QuicPair::new(client, server);
    pair.handshake(&mut |need| harness.answer(need)).unwrap();
    assert_eq!(pair.client.connection.handshake_kind(), Some(HandshakeKind::Full));
    let sessions = pair.client.connection.take_sessions(harness.now);
    sessions.iter().map(|session| ClientSessionValue::decode(&session.encode()).unwrap()).collect()
}

/// Offers `session`. Returns the pair before the handshake.
fn resuming(
    harness: &Harness,
    configs: &(ClientConfig, ServerConfig),
    session: ClientSessionValue,
    start: ServerStart,
) -> QuicPair {
    let session = Some((session, harness.now));
    QuicPair::start(&configs.0, &configs.1, ClientStart { session, ..ClientStart::default() }, start)
}

#[test]
fn full_handshake_outputs_levels_in_wire_order() {
    let (client, server) = configs();
    let mut pair = QuicPair::new(&client, &server);
    run(&mut pair).unwrap();
    let expected =
        ["send Initial", "read Handshake", "write Handshake", "send Handshake", "write 1-RTT", "read 1-RTT", "updates"];
    assert_eq!(pair.client.events, expected);
    assert_eq!(pair.server.events, expected);
    pair.exchange();

    let (client, server) = (&pair.client.connection, &pair.server.connection);
    assert_eq!((client.alpn_protocol(), server.alpn_protocol()), (Some(&b"h3"[..]), Some(&b"h3"[..])));
    assert_eq!(client.peer_transport_parameters(), Some(SERVER_PARAMETERS));
    assert_eq!(server.peer_transport_parameters(), Some(CLIENT_PARAMETERS));
    assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
    assert_eq!(server.sni_hostname(), Some("a.test"));
    assert_eq!((client.reading_level(), server.reading_level()), (Level::OneRtt, Level::OneRtt));
    let (mut ours, mut theirs) = ([0; 32], [0; 32]);
    client.export_keying_material(&mut ours, b"label", Some(b"context")).unwrap();
    server.export_keying_material(&mut theirs, b"label", Some(b"context")).unwrap();
    assert_eq!(ours, theirs);
}

/// The default configurations enable TLS 1.2, record limits and empty ALPN over TCP. QUIC does not.
#[test]
fn client_hello_has_form_of_quic() {
    let (mut client, server) = configs();
    client.set_record_size_limit(Some(1000)).unwrap();
    client.set_max_fragment_length(Some(512)).unwrap();
    let pair = QuicPair::new(&client, &server);
    let (level, message) = &pair.client.sent[0];
    let mut hello = Hello::parse(message);
    assert_eq!((*level, hello.session_id.as_slice()), (Level::Initial, &[][..]));
    assert_eq!(hello.get(X::QUIC_TRANSPORT_PARAMETERS), CLIENT_PARAMETERS);
    assert_eq!(*hello.get(X::SUPPORTED_VERSIONS), [2, 3, 4]);
    assert!(hello.suites.chunks(2).all(|suite| suite[0] == 0x13));
    for absent in [
        X::RECORD_SIZE_LIMIT,
        X::MAX_FRAGMENT_LENGTH,
        X::EXTENDED_MASTER_SECRET,
        X::RENEGOTIATION_INFO,
        X::SESSION_TICKET,
        X::EC_POINT_FORMATS,
    ] {
        assert!(!hello.has(absent), "{absent}");
    }
}

#[test]
fn encrypted_extensions_have_parameters_and_no_record_limit() {
    let pki = Pki::new();
    let (client, server) = configs();
    let mut pair = QuicPair::new(&client, &server);
    let (level, mut hello) = pair.client.sent.remove(0);
    Hello::edit(&mut hello, &|hello| hello.set(X::RECORD_SIZE_LIMIT, &[1, 0]));
    pair.server.receive(level, &hello, &mut |need| pki.answer(need)).unwrap();
    pair.server.take_output();
    let (level, flight) = &pair.server.sent[1];
    let Split::Message { message, .. } = split_message(flight) else { panic!("a message") };
    let extensions: EncryptedExtensions<'_> = message.decode().unwrap();
    assert_eq!((*level, extensions.quic_transport_parameters), (Level::Handshake, Some(SERVER_PARAMETERS)));
    assert_eq!(extensions.record_size_limit, None);
    let hello = Hello::parse(&pair.server.sent[0].1);
    assert!(hello.session_id.is_empty());
}

#[test]
fn retried_handshake_stays_at_initial_level() {
    let (client, mut server) = configs();
    server.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    let mut pair = QuicPair::new(&client, &server);
    run(&mut pair).unwrap();
    assert_eq!(pair.client.events[..3], ["send Initial", "send Initial", "read Handshake"]);
    assert_eq!(pair.server.events[..3], ["send Initial", "send Initial", "read Handshake"]);
    assert_eq!(pair.server.connection.handshake_kind(), Some(HandshakeKind::FullWithHelloRetryRequest));
    pair.exchange();
}

/// Key updates are handed out once, when the handshake is complete, whatever its last step is.
#[test]
fn completion_is_output_once_in_each_kind() {
    fn check(mut pair: QuicPair, kind: HandshakeKind, answer: &mut dyn FnMut(Need) -> Answer) {
        assert!(pair.client.connection.is_handshaking() && pair.server.connection.is_handshaking());
        pair.handshake(answer).unwrap();
        assert_eq!(pair.client.connection.handshake_kind(), Some(kind));
        for events in [&pair.client.events, &pair.server.events] {
            assert_eq!(events.iter().filter(|event| *event == "updates").count(), 1, "{kind:?} {events:?}");
        }
        pair.exchange();
    }
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        for tickets in [0, 2, 255] {
            let (client, mut server) = early_configs(&harness);
            server.set_send_tls13_tickets(tickets);
            check(QuicPair::new(&client, &server), HandshakeKind::Full, &mut |need| harness.answer(need));
        }
        let configs = early_configs(&harness);
        for session in establish(&mut harness, &configs.0, &configs.1) {
            let pair = resuming(&harness, &configs, session, server_start());
            check(pair, HandshakeKind::Resumed, &mut |need| harness.answer(need));
        }
        let (client, mut server) = configs;
        server.set_groups(&[NamedGroup::SECP384R1]).unwrap();
        let pair = QuicPair::new(&client, &server);
        check(pair, HandshakeKind::FullWithHelloRetryRequest, &mut |need| harness.answer(need));
    }
    let pki = Pki::new();
    let (mut client, mut server) = configs();
    client.set_client_identity_lookup(true);
    server.set_client_auth(ClientAuth::Required);
    check(QuicPair::new(&client, &server), HandshakeKind::Full, &mut |need| pki.answer(need));
}

#[test]
fn failed_handshake_over_quic_stays_handshaking() {
    let (client, server) = configs();
    let (pki, other) = (Pki::new(), Pki::new());
    let mut pair = QuicPair::new(&client, &server);
    pair.run(&mut |need| if matches!(need, Need::Verdict(_)) { other.answer(need) } else { pki.answer(need) })
        .unwrap_err();
    assert!(pair.client.connection.is_handshaking());
    assert!(pair.server.connection.closed_by_peer(0x0100 + 48).is_some());
    assert!(pair.server.connection.is_handshaking());
    assert!(!pair.client.events.iter().chain(&pair.server.events).any(|event| event == "updates"));
}

#[test]
fn each_suite_protects_packets_in_both_versions() {
    let suites = [
        CipherSuite::TLS_AES_128_GCM_SHA256,
        CipherSuite::TLS_AES_256_GCM_SHA384,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
    ];
    for (suite, version) in suites.into_iter().flat_map(|suite| [(suite, Version::V1), (suite, Version::V2)]) {
        let (mut client, server) = configs();
        client.set_cipher_suites(&[suite]).unwrap();
        let mut pair = QuicPair::start_in(version, &client, &server, ClientStart::default(), server_start());
        run(&mut pair).unwrap();
        assert_eq!(pair.client.connection.negotiated_cipher_suite(), Some(suite));
        for _ in 0..3 {
            pair.exchange();
            pair.client.update_keys();
            pair.server.update_keys();
        }
        pair.exchange();
        // Only one side has other keys.
        pair.client.update_keys();
        let packet = pair.client.seal(Level::OneRtt, b"question");
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pair.server.open(&packet))).is_err());
    }
}

/// Compatible version negotiation (RFC 9368): the keys after the change have the other labels.
#[test]
fn changed_version_applies_to_later_keys() {
    let (client, server) = configs();
    let mut pair = QuicPair::new(&client, &server);
    pair.client.connection.set_version(Version::V2);
    pair.server.connection.set_version(Version::V2);
    run(&mut pair).unwrap();
    pair.exchange();
}

/// RFC 9369 §5. The client may ignore the scope: then the server does not resume.
#[test]
fn sessions_do_not_cross_between_quic_versions() {
    let versions = [Version::V1, Version::V2];
    for (first, second) in versions.into_iter().flat_map(|first| versions.map(|second| (first, second))) {
        let mut harness = Harness::new(Storage::Ticket);
        let (client, server) = early_configs(&harness);
        let mut pair = QuicPair::start_in(first, &client, &server, ClientStart::default(), server_start());
        pair.handshake(&mut |need| harness.answer(need)).unwrap();
        let session = pair.client.connection.take_sessions(harness.now).remove(0);
        let of_second = Config::<ClientConfig>::new(&client).unwrap().session_scope_with(second, None);
        assert_eq!(*session.scope() == of_second, first == second);
        for ignores_scope in [false, true] {
            let mut session = session.clone();
            if ignores_scope {
                session.scope = Scope::from_bytes(of_second);
            }
            let start = ClientStart { session: Some((session, harness.now)), ..ClientStart::default() };
            let mut pair = QuicPair::start_in(second, &client, &server, start, server_start());
            pair.handshake(&mut |need| harness.answer(need)).unwrap();
            let expected = if first == second { HandshakeKind::Resumed } else { HandshakeKind::Full };
            assert_eq!(pair.client.connection.handshake_kind(), Some(expected), "{first:?} {second:?}");
        }
    }
}

/// Compatible version negotiation: the sessions belong to the negotiated version.
#[test]
fn sessions_after_version_change_resume_in_new_version() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, server) = early_configs(&harness);
    let mut pair = QuicPair::new(&client, &server);
    pair.client.connection.set_version(Version::V2);
    pair.server.connection.set_version(Version::V2);
    pair.handshake(&mut |need| harness.answer(need)).unwrap();
    let session = pair.client.connection.take_sessions(harness.now).remove(0);
    for (version, expected) in [(Version::V1, HandshakeKind::Full), (Version::V2, HandshakeKind::Resumed)] {
        let start = ClientStart { session: Some((session.clone(), harness.now)), ..ClientStart::default() };
        let mut pair = QuicPair::start_in(version, &client, &server, start, server_start());
        pair.handshake(&mut |need| harness.answer(need)).unwrap();
        assert_eq!(pair.client.connection.handshake_kind(), Some(expected));
    }
}

#[test]
fn fragmentation_does_not_change_the_handshake() {
    let pki = Pki::new();
    for fragment in [1, 2, 3, 5, 100, 1000] {
        let (client, server) = configs();
        let mut pair = QuicPair::new(&client, &server);
        pair.fragment = fragment;
        pair.handshake(&mut |need| pki.answer(need)).unwrap();
        pair.exchange();
    }
}

#[test]
fn client_certificates_authenticate_over_quic() {
    let pki = Pki::new();
    for policy in [ClientAuth::Optional, ClientAuth::Required] {
        for presents in [true, false] {
            let (mut client, mut server) = configs();
            client.set_client_identity_lookup(presents);
            server.set_client_auth(policy);
            let mut pair = QuicPair::new(&client, &server);
            let result = pair.run(&mut |need| pki.answer(need));
            if !presents && policy == ClientAuth::Required {
                let e = result.unwrap_err();
                assert_eq!(e.quic_code(), 0x0100 + 116, "{e}");
                continue;
            }
            result.unwrap();
            let chain = presents.then(|| pki.client.chain());
            assert_eq!(pair.server.connection.peer_certificates(), chain);
            pair.exchange();
        }
    }
}

#[test]
fn wrong_certificate_fails_with_its_alert() {
    let (client, server) = configs();
    let (pki, other) = (Pki::new(), Pki::new());
    let mut pair = QuicPair::new(&client, &server);
    let result = pair.run(&mut |need| match need {
        Need::Verdict(_) => other.answer(need),
        need => pki.answer(need),
    });
    let e = result.unwrap_err();
    // unknown_ca
    assert_eq!(e.quic_code(), 0x0100 + 48, "{e}");
    assert_eq!(pair.client.connection.error(), Some(&e));
    assert_eq!(pair.client.connection.receive(Level::Handshake, b"more").unwrap_err(), e);
}

#[test]
fn external_psk_authenticates_over_quic() {
    let pki = Pki::new();
    let (client, mut server) = configs();
    server.set_external_psks(true);
    let key = b"a key of 32 bytes, from elsewhere";
    let psks = [ExternalPsk::plain(b"sensor 7".to_vec(), key, HashAlgorithm::Sha256).unwrap()];
    let start = ClientStart { external_psks: &psks, ..ClientStart::default() };
    let mut pair = QuicPair::start(&client, &server, start, server_start());
    pair.handshake(&mut |need| match need {
        Need::Session(need) => need.answer(vec![PskCandidate::external(0, psks[0].clone())]),
        need => pki.answer(need),
    })
    .unwrap();
    assert_eq!(pair.client.connection.handshake_kind(), Some(HandshakeKind::ExternalPsk));
    assert_eq!(pair.server.connection.external_psk_identity(), Some(&b"sensor 7"[..]));
    pair.exchange();
}

#[test]
fn resumption_over_quic_sends_no_certificate() {
    for storage in [Storage::Ticket, Storage::Id] {
        let mut harness = Harness::new(storage);
        let configs = early_configs(&harness);
        let sessions = establish(&mut harness, &configs.0, &configs.1);
        assert_eq!(sessions.len(), 2);
        for session in sessions {
            assert_eq!(session.transport_parameters(), SERVER_PARAMETERS);
            harness.asked.clear();
            let mut pair = resuming(&harness, &configs, session, server_start());
            pair.handshake(&mut |need| harness.answer(need)).unwrap();
            assert_eq!(pair.client.connection.handshake_kind(), Some(HandshakeKind::Resumed));
            assert!(!harness.asked.contains(&"identity"));
            pair.exchange();
        }
    }
}

/// Tickets over QUIC allow any amount of early data, or none (RFC 9001 §4.6.1).
#[test]
fn tickets_carry_the_sentinel_of_quic() {
    let mut harness = Harness::new(Storage::Id);
    let (client, mut server) = early_configs(&harness);
    assert_eq!(establish(&mut harness, &client, &server)[0].max_early_data(), u32::MAX);
    server.set_max_early_data_size(0);
    assert_eq!(establish(&mut harness, &client, &server)[0].max_early_data(), 0);
}

#[test]
fn accepted_early_data_uses_keys_of_0_rtt() {
    let mut harness = Harness::new(Storage::Id);
    let configs = early_configs(&harness);
    let session = establish(&mut harness, &configs.0, &configs.1).remove(0);
    let mut pair = resuming(&harness, &configs, session, server_start());
    assert_eq!(pair.client.events, ["send Initial", "write 0-RTT"]);
    assert_eq!(pair.client.connection.early_transport_parameters(), Some(SERVER_PARAMETERS));
    let early = pair.client.seal(Level::ZeroRtt, b"early");
    let mut exported = [[0; 32]; 2];
    pair.client.connection.export_early_keying_material(&mut exported[0], b"label", None).unwrap();

    // The server reads both kinds of packets after ClientHello.
    let (level, hello) = pair.client.sent.remove(0);
    pair.server.receive(level, &hello, &mut |need| harness.answer(need)).unwrap();
    pair.server.take_output();
    assert_eq!(
        pair.server.events,
        ["send Initial", "read 0-RTT", "read Handshake", "write Handshake", "send Handshake", "write 1-RTT"]
    );
    assert_eq!(pair.server.open(&early).as_deref(), Some(&b"early"[..]));
    pair.server.connection.export_early_keying_material(&mut exported[1], b"label", None).unwrap();
    assert_eq!(exported[0], exported[1]);

    pair.handshake(&mut |need| harness.answer(need)).unwrap();
    // No EndOfEarlyData, and the handshake keys come with ServerHello.
    let expected = ["read Handshake", "write Handshake", "send Handshake", "write 1-RTT", "read 1-RTT", "updates"];
    assert_eq!(pair.client.events[2..], expected);
    assert!(pair.client.connection.is_early_data_accepted());
    pair.exchange();
}

/// The second ClientHello still offers the session, and no early data: with a new binder.
#[test]
fn retried_handshake_resumes_without_early_data() {
    let mut harness = Harness::new(Storage::Id);
    let mut configs = early_configs(&harness);
    let session = establish(&mut harness, &configs.0, &configs.1).remove(0);
    configs.1.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    let mut pair = resuming(&harness, &configs, session, server_start());
    pair.handshake(&mut |need| harness.answer(need)).unwrap();
    assert_eq!(pair.client.events[..4], ["send Initial", "write 0-RTT", "send Initial", "read Handshake"]);
    for kind in [pair.client.connection.handshake_kind(), pair.server.connection.handshake_kind()] {
        assert_eq!(kind, Some(HandshakeKind::ResumedWithHelloRetryRequest));
    }
    assert!(!pair.client.connection.is_early_data_accepted());
    pair.exchange();
}

/// Runs a resumption that offers early data. Returns whether it was accepted, and whether the hook
/// was asked.
fn offer_early_data(accepts: Option<bool>, session_data: &[u8], change: impl Fn(&mut ServerConfig)) -> (bool, usize) {
    let mut harness = Harness::new(Storage::Id);
    let mut configs = early_configs(&harness);
    let session = establish(&mut harness, &configs.0, &configs.1).remove(0);
    change(&mut configs.1);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let mut start = ServerStart { session_data: session_data.to_vec(), ..server_start() };
    if let Some(accepts) = accepts {
        start.accept_early_data = Some(Box::new(move |remembered| {
            assert_eq!(remembered, b"limits");
            count.fetch_add(1, Ordering::Relaxed);
            accepts
        }));
    }
    let mut pair = resuming(&harness, &configs, session, start);
    assert!(pair.client.can_write(Level::ZeroRtt));
    pair.handshake(&mut |need| harness.answer(need)).unwrap();
    assert!(pair.client.connection.handshake_kind().unwrap().is_resumed());
    let accepted = pair.client.connection.is_early_data_accepted();
    assert_eq!(pair.server.events.contains(&"read 0-RTT".to_owned()), accepted);
    pair.exchange();
    (accepted, asked.load(Ordering::Relaxed))
}

#[test]
fn hook_decides_on_early_data_by_remembered_data() {
    assert_eq!(offer_early_data(Some(true), b"other", |_| {}), (true, 1));
    assert_eq!(offer_early_data(Some(false), b"limits", |_| {}), (false, 1));
}

#[test]
fn early_data_requires_equal_session_data_by_default() {
    assert_eq!(offer_early_data(None, b"limits", |_| {}), (true, 0));
    assert_eq!(offer_early_data(None, b"other", |_| {}), (false, 0));
    assert_eq!(offer_early_data(None, b"", |_| {}), (false, 0));
}

/// What TLS requires comes first: the hook cannot accept what may be a replay.
#[test]
fn hook_is_not_asked_if_tls_rejects_early_data() {
    assert_eq!(offer_early_data(Some(true), b"limits", |server| server.set_max_early_data_size(0)), (false, 0));
    let retry = |server: &mut ServerConfig| server.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    assert_eq!(offer_early_data(Some(true), b"limits", retry), (false, 0));
}

#[test]
fn session_without_parameters_offers_no_early_data() {
    let mut harness = Harness::new(Storage::Id);
    let configs = early_configs(&harness);
    let mut session = establish(&mut harness, &configs.0, &configs.1).remove(0);
    session.transport_parameters = None;
    let mut pair = resuming(&harness, &configs, session, server_start());
    assert!(!pair.client.can_write(Level::ZeroRtt));
    assert_eq!(pair.client.connection.early_transport_parameters(), None);
    pair.handshake(&mut |need| harness.answer(need)).unwrap();
    assert_eq!(pair.client.connection.handshake_kind(), Some(HandshakeKind::Resumed));
}

/// Nothing of a session over TCP says what QUIC allows, and the reverse.
#[test]
fn sessions_do_not_cross_between_tcp_and_quic() {
    let mut harness = Harness::new(Storage::Ticket);
    let (mut client, mut server) = early_configs(&harness);
    client.set_require_alpn(true);
    server.set_require_alpn(true);
    let over_tcp = harness.establish_one(&client, &server);
    let over_quic = establish(&mut harness, &client, &server).remove(0);
    assert_eq!(harness.kind(&client, &server, over_quic.clone()), Some(HandshakeKind::Full));
    let mut pair = resuming(&harness, &(client.clone(), server.clone()), over_tcp.clone(), server_start());
    pair.handshake(&mut |need| harness.answer(need)).unwrap();
    assert_eq!(pair.client.connection.handshake_kind(), Some(HandshakeKind::Full));
    // Not even if a client ignores the scope.
    for (mut session, quic) in [(over_tcp, true), (over_quic, false)] {
        let ours = if quic { client.for_quic() } else { client.clone() };
        session.scope = ours.scope();
        let kind = if quic {
            let mut pair = resuming(&harness, &(client.clone(), server.clone()), session, server_start());
            pair.handshake(&mut |need| harness.answer(need)).unwrap();
            pair.client.connection.handshake_kind()
        } else {
            harness.kind(&client, &server, session)
        };
        assert_eq!(kind, Some(HandshakeKind::Full), "{quic}");
    }
}

#[test]
fn configuration_for_quic_requires_tls13_and_alpn() {
    let (mut client, mut server) = configs();
    client.set_versions(&[TLS12]).unwrap();
    server.set_cipher_suites(&[CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]).unwrap();
    assert!(matches!(Config::<ClientConfig>::new(&client), Err(Contradiction::NoSuiteOfVersion { .. })));
    assert!(matches!(Config::<ServerConfig>::new(&server), Err(Contradiction::NoSuiteOfVersion { .. })));
    assert!(matches!(Config::<ClientConfig>::new(&ClientConfig::new()), Err(Contradiction::Settings { .. })));
    assert!(matches!(Config::<ServerConfig>::new(&ServerConfig::new()), Err(Contradiction::Settings { .. })));
}

#[test]
fn key_log_has_all_secrets_of_quic() {
    let (mut client, server) = configs();
    let secrets = Secrets::new();
    client.set_key_log(secrets.clone());
    let mut pair = QuicPair::new(&client, &server);
    run(&mut pair).unwrap();
    let labels: Vec<_> = secrets.all().into_iter().map(|(label, ..)| label).collect();
    assert_eq!(
        labels,
        [
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            "CLIENT_TRAFFIC_SECRET_0",
            "SERVER_TRAFFIC_SECRET_0",
            "EXPORTER_SECRET"
        ]
    );
}

/// A CONNECTION_CLOSE with a TLS alert ends the sessions of the connection, as the alert would.
#[test]
fn crypto_error_of_peer_ends_sessions() {
    let mut harness = Harness::new(Storage::Id);
    let configs = early_configs(&harness);
    let mut pair = QuicPair::new(&configs.0, &configs.1);
    pair.handshake(&mut |need| harness.answer(need)).unwrap();
    assert_eq!(pair.client.connection.take_sessions(harness.now).len(), 2);
    for other in [0, 0x0a, 0xff, 0x0200, u64::MAX] {
        assert_eq!(pair.client.connection.closed_by_peer(other), None);
        assert_eq!(pair.client.connection.failed_sessions(), None);
    }
    let e = pair.client.connection.closed_by_peer(0x0100 + 40).unwrap();
    assert!(matches!(&e, Error::AlertReceived { description, .. } if description.0 == 40));
    assert_eq!(pair.client.connection.error(), Some(&e));
    // The first error stays.
    assert_eq!(pair.client.connection.closed_by_peer(0x0100 + 42), Some(e));
    assert!(pair.client.connection.failed_sessions().is_some());
    assert!(pair.client.connection.failed_sessions().is_none());
    pair.server.connection.closed_by_peer(0x0100 + 40).unwrap();
    assert_eq!(pair.server.connection.failed_sessions().count(), 2);
}

/// RFC 9001 §8.2: the extension is only for QUIC.
#[test]
fn transport_parameters_over_tcp_are_unsupported_extension() {
    let pki = Pki::new();
    for version in [TLS13, TLS12] {
        let mut client = ClientConfig::new();
        client.set_versions(&[version]).unwrap();
        let mut pair = Pair::with(client, ServerConfig::new());
        let mut hello = Hello::parse(&pair.to_server.ready()[5..]);
        hello.set(X::QUIC_TRANSPORT_PARAMETERS, b"");
        let hello = hello.encode();
        let length = u16::try_from(hello.len()).unwrap().to_be_bytes();
        let record = [&[22, 3, 1][..], &length, &hello].concat();
        pair.to_server.consume(usize::MAX);
        pair.at_server = record;
        let e = pair.drive_server(&mut |need| pki.answer(need)).unwrap_err();
        let expected =
            Error::UnsolicitedExtension { message: T::CLIENT_HELLO, extension: X::QUIC_TRANSPORT_PARAMETERS };
        assert_eq!((e.alert().map(|alert| alert.0), &e), (Some(110), &expected));
        assert!(e.to_string().contains("over TCP"), "{e}");
    }
}

/// A client that offers only TLS 1.2 has nothing in common with QUIC.
#[test]
fn client_of_older_version_is_rejected_over_quic() {
    let (client, server) = configs();
    let mut pair = QuicPair::new(&client, &server);
    Hello::edit(&mut pair.client.sent[0].1, &|hello| *hello.get(X::SUPPORTED_VERSIONS) = vec![2, 3, 3]);
    let e = pair.run(&mut |_| panic!("a need")).unwrap_err();
    assert_eq!(e.quic_code(), 0x0100 + 70);
    assert!(matches!(&e, Error::NoCommonVersion { enabled, .. } if *enabled == [ProtocolVersion::TLS13]), "{e}");
}

#[test]
fn long_transport_parameters_do_not_fit_client_hello() {
    let (client, _) = configs();
    let config = Config::<ClientConfig>::new(&client).unwrap();
    let name = || "a.test".try_into().unwrap();
    let start = |length| {
        Connection::client(&config, Version::V1, name(), ClientStart::default(), vec![0; length]).map(|mut client| {
            let Some(Output::Crypto(Level::Initial, hello)) = client.next_output() else { panic!("a ClientHello") };
            hello.len()
        })
    };
    assert!(start(60_000).unwrap() > 60_000);
    assert_eq!(start(65_536), Err(Error::LocalMessageTooLong));
}
