//! Checks that no other test would miss. Each was found by mutating one line of the code under
//! test.

use std::io::IoSlice;

use tls_codec::code_points::{
    CipherSuite, ContentType as C, ExtensionType as X, HandshakeType as T, NamedGroup, ProtocolVersion, SignatureScheme,
};
use tls_crypto::HashAlgorithm;

use super::flow::{Failure, Kind, Outcome, Sent, answers, client, configs, ends, pki, run, server};
use super::hello::Hello;
use super::pair::{Pair, Pki};
use super::resumption::{Harness, Storage, TLS12, TLS13};
use crate::config::{ClientConfig, ServerConfig, SessionLookup};
use crate::error::{Error, StateName};
use crate::need::Need;
use crate::{ExternalPsk, HandshakeKind};

fn hello_of(pair: &Pair) -> Hello {
    Hello::parse(&pair.to_server.ready()[5..])
}

/// Returns the number of identities that a hello offers.
fn identities(hello: &mut Hello) -> usize {
    let data = hello.get(X::PRE_SHARED_KEY);
    let length = usize::from(data[0]) * 256 + usize::from(data[1]);
    let (mut at, mut count) = (2, 0);
    while at < 2 + length {
        at += 2 + usize::from(data[at]) * 256 + usize::from(data[at + 1]) + 4;
        count += 1;
    }
    count
}

/// RFC 9846 §4.3.10: a record under the handshake keys ends the skipping, and so does the second
/// ClientHello.
#[test]
fn handshake_record_ends_skipping_of_early_data() {
    for retry in [false, true] {
        let mut harness = Harness::new(Storage::Id);
        let (client, mut server, session) = harness.establish_early_data(1000);
        server.set_max_early_data_size(0);
        if retry {
            server.set_groups(&[NamedGroup::SECP384R1]).unwrap();
        }
        let mut pair = Pair::resuming(client, server, session, harness.now);
        pair.client.send_early_data(b"early", &mut pair.to_server).unwrap();
        if retry {
            // The server reads the second hello. Its flight is not delivered to the client.
            assert!(pair.step_server().unwrap().is_none());
            assert!(pair.step_client().unwrap().is_none());
            pair.drive_server(&mut |need| harness.answer(need)).unwrap();
        } else {
            harness.run(&mut pair).unwrap();
        }
        let mut record = [&[23, 3, 3, 0, 40][..], &[7; 40]].concat();
        let opened = pair.server.receive_half().open(&mut record, &|| StateName::ENDED);
        assert_eq!(opened.err(), Some(Error::BadRecordMac), "retry {retry}");
    }
}

/// The client supports the scheme but did not offer it.
#[test]
fn client_rejects_unoffered_signature_scheme() {
    const ED25519: SignatureScheme = SignatureScheme::ED25519;
    const P256: SignatureScheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    for (kind, at) in [(Kind::Full, T::CERTIFICATE_VERIFY), (Kind::Tls12, T::SERVER_KEY_EXCHANGE)] {
        let pki = Pki::with_key(&rcgen::PKCS_ECDSA_P256_SHA256);
        let (mut client_config, server_config) = configs(kind);
        client_config.set_signature_schemes(&[ED25519]).unwrap();
        let (mut client, mut server) = (client(client_config), server(server_config));
        let outcome = run(&mut client, &mut server, &mut answers(&pki), &mut |number, message| {
            if number == 0 {
                let list = [[0, 2], P256.0.to_be_bytes()].concat();
                Hello::edit(message, &|hello| hello.get(X::SIGNATURE_ALGORITHMS).clone_from(&list));
            }
        });
        let Outcome::Failed(Failure { side: "client", error, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(error, Error::SignatureSchemeNotOffered(P256), "{at}");
    }
}

/// RFC 9846 §4.3.10: early data needs a session that allows it, whatever the server's current
/// limit.
#[test]
fn server_rejects_early_data_of_session_without_it() {
    let mut harness = Harness::new(Storage::Id);
    let (mut client, mut server) = (harness.client(TLS13), harness.server());
    client.enable_early_data(true);
    let mut session = harness.establish_one(&client, &server);
    assert_eq!(session.max_early_data(), 0);
    server.set_max_early_data_size(1000);
    let pair = Pair::resuming(client.clone(), server.clone(), session.clone(), harness.now);
    assert_eq!(pair.client.early_data_left(), 0);
    // A client that exceeds the limit of its session.
    session.max_early_data = 1000;
    let mut pair = Pair::resuming(client, server, session, harness.now);
    pair.client.send_early_data(b"early", &mut pair.to_server).unwrap();
    harness.run(&mut pair).unwrap();
    assert_eq!(pair.server_early, b"");
    assert!(!pair.client.is_early_data_accepted());
}

/// RFC 9846 §4.3.10: sending the extension is already an offer.
#[test]
fn client_offers_early_data_only_with_session_that_allows_it() {
    for (allowed, alpn, offers) in
        [(1000, None, true), (1, None, true), (0, None, false), (1000, Some(b"not offered".to_vec()), false)]
    {
        let mut harness = Harness::new(Storage::Id);
        let (mut client, server) = (harness.client(TLS13), harness.server());
        client.enable_early_data(true);
        let mut session = harness.establish_one(&client, &server);
        (session.max_early_data, session.alpn) = (allowed, alpn);
        let pair = Pair::resuming(client, server, session, harness.now);
        assert!(hello_of(&pair).has(X::PRE_SHARED_KEY));
        assert_eq!(hello_of(&pair).has(X::EARLY_DATA), offers, "{allowed}");
        assert_eq!(pair.client.early_data_left(), if offers { allowed } else { 0 });
    }
}

/// RFC 9846 §4.3.10: early data needs the session's suite, not only its hash.
#[test]
fn client_rejects_early_data_under_other_suite() {
    let pki = pki(Kind::Early);
    let (mut client, mut server) = ends(Kind::Early);
    server.sink.edit = Some(Box::new(|message| {
        if message[0] == T::SERVER_HELLO.0 {
            let other = CipherSuite::TLS_CHACHA20_POLY1305_SHA256.0.to_be_bytes();
            Hello::edit(message, &|hello| hello.suites = other.to_vec());
        }
    }));
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    let error = server.flight().iter().find_map(|sent| client.take(sent, &mut answers(&pki)).err()).unwrap();
    assert_eq!(error, Error::Illegal(crate::error::Illegal::EarlyDataCipherSuite));
}

/// RFC 6066 §3: a server that resumes a session does not acknowledge the name.
#[test]
fn resumption_does_not_acknowledge_server_name() {
    for (kind, expected) in
        [(Kind::Full, true), (Kind::Resumed, false), (Kind::Tls12, true), (Kind::Tls12Resumed, false)]
    {
        let pki = pki(kind);
        let (mut client, mut server) = ends(kind);
        server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
        let answer = if kind.is_tls12() { T::SERVER_HELLO } else { T::ENCRYPTED_EXTENSIONS };
        let flight = server.flight();
        let Some(Sent::Message(message)) = flight.iter().find(|sent| sent.typ() == answer) else {
            panic!("{flight:?}")
        };
        let acknowledged = if kind.is_tls12() {
            Hello::parse(message).has(X::SERVER_NAME)
        } else {
            let (mut rest, mut found) = (&message[6..], false);
            while let [high, low, long, short, more @ ..] = rest {
                found |= [*high, *low] == X::SERVER_NAME.0.to_be_bytes();
                rest = &more[usize::from(*long) * 256 + usize::from(*short)..];
            }
            found
        };
        assert_eq!(acknowledged, expected, "{}", kind.is_tls12());
    }
}

/// External keys are not sessions, so a failed connection that offered some removes none.
#[test]
fn failed_connection_with_external_psk_keeps_sessions() {
    let psk = ExternalPsk::plain(b"name".to_vec(), &[7; 32], HashAlgorithm::Sha256).unwrap();
    let mut pair = Pair::with_psks(ClientConfig::new(), ServerConfig::new(), &[psk]);
    assert!(hello_of(&pair).has(X::PRE_SHARED_KEY));
    assert_eq!(pair.client.failed_sessions(), None);
}

/// A server that accepts early data must select the protocol under which it was sent.
#[test]
fn client_rejects_early_data_under_other_protocol() {
    let pki = pki(Kind::Early);
    for (from, to) in [(b'1', b'2'), (b'p', b'q')] {
        let (mut client, mut server) = ends(Kind::Early);
        server.sink.edit = Some(Box::new(move |message| {
            if message[0] == T::ENCRYPTED_EXTENSIONS.0 {
                let at = message.windows(8).position(|name| name == b"http/1.1").unwrap();
                match from {
                    // A protocol that was not offered.
                    b'1' => message[at + 5] = to,
                    // An offered protocol: h2.
                    _ => {
                        message.splice(at - 1..at + 8, *b"\x02h2");
                        let shrink = |message: &mut Vec<u8>, at: usize| message[at] -= 6;
                        [3, 5, at - 4, at - 2].into_iter().for_each(|place| shrink(message, place));
                    }
                }
            }
        }));
        server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
        let error = server.flight().iter().find_map(|sent| client.take(sent, &mut answers(&pki)).err()).unwrap();
        let expected = crate::error::Illegal::EarlyDataAlpn;
        match from {
            b'1' => assert_ne!(error.alert(), None, "{error}"),
            _ => assert_eq!(error, Error::Illegal(expected)),
        }
    }
}

/// RFC 9846 §4.2.2: after a retry the client offers only keys of the suite's hash.
#[test]
fn second_client_hello_offers_psks_of_one_hash() {
    let pki = Pki::new();
    let psks = ExternalPsk::import(b"sensor 7", &[7; 32], HashAlgorithm::Sha256, b"").unwrap();
    assert_eq!(psks.len(), 2);
    for suite in [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384] {
        let mut config = ServerConfig::new();
        config.set_cipher_suites(&[suite]).unwrap();
        config.set_groups(&[NamedGroup::SECP256R1]).unwrap();
        let mut pair = Pair::with_psks(ClientConfig::new(), config, &psks);
        assert_eq!(identities(&mut hello_of(&pair)), 2);
        assert!(pair.step_server().unwrap().is_none());
        assert!(pair.step_client().unwrap().is_none());
        let second = pair.to_server.ready();
        assert_eq!(second[..6], [20, 3, 3, 0, 1, 1]);
        assert_eq!(identities(&mut Hello::parse(&second[11..])), 1, "{suite}");
        pair.handshake(&pki).unwrap();
    }
}

/// Half-RTT data follows Finished, so it waits while the certificate key signs.
#[test]
fn half_rtt_data_follows_server_finished() {
    let mut harness = Harness::new(Storage::Ticket);
    let mut server = harness.server();
    server.set_send_half_rtt_data(true);
    let mut pair = Pair::with(harness.client(TLS13), server);
    let mut need = pair.step_server().unwrap();
    let mut signed = false;
    while let Some(open) = need.take() {
        if matches!(open, Need::Signature(_)) {
            signed = true;
            assert!(!pair.server.can_send());
            assert_eq!(pair.server.send(&[IoSlice::new(b"data")], &mut pair.to_client), Ok(0));
        }
        need = pair.server.resume(harness.answer(open), &mut pair.to_client).unwrap();
    }
    assert!(signed && pair.server.can_send());
    assert_eq!(pair.server.send(&[IoSlice::new(b"data")], &mut pair.to_client), Ok(4));
    harness.run(&mut pair).unwrap();
    assert_eq!(pair.client_received, b"data");
}

/// RFC 9846 Appendix E.4: 32 random bytes.
#[test]
fn legacy_session_id_is_random() {
    let ids: Vec<_> =
        (0..4).map(|_| hello_of(&Pair::with(ClientConfig::new(), ServerConfig::new())).session_id).collect();
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(id.len(), 32);
        assert!(ids.iter().skip(at + 1).all(|other| other != id));
        // No run of eight zeros.
        assert!(id.windows(8).all(|bytes| bytes != [0; 8]));
    }
}

/// The server uses a received share even if it prefers another group.
#[test]
fn server_uses_received_share_before_preferred_group() {
    let pki = Pki::new();
    let mut server = ServerConfig::new();
    server.set_groups(&[NamedGroup::SECP384R1, NamedGroup::SECP256R1, NamedGroup::X25519]).unwrap();
    let mut client = ClientConfig::new();
    client.set_groups(&[NamedGroup::X25519, NamedGroup::SECP384R1, NamedGroup::SECP256R1]).unwrap();
    let mut pair = Pair::with(client, server);
    pair.handshake(&pki).unwrap();
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
    assert_eq!(pair.client.negotiated_group(), Some(NamedGroup::X25519));
}

/// RFC 9846 §4.3.9: the server issues no tickets to a client that cannot use them.
#[test]
fn server_issues_no_tickets_without_psk_dhe_ke() {
    for modes in [None, Some(vec![1, 0]), Some(vec![1, 1])] {
        let usable = modes == Some(vec![1, 1]);
        let (mut client_config, mut server_config) = configs(Kind::Full);
        client_config.set_resumption(true);
        server_config.set_session_lookup(SessionLookup::Tickets);
        let pki = pki(Kind::Full);
        let mut client = super::flow::client_with(
            client_config,
            Some(Box::new(move |message| {
                Hello::edit(message, &|hello| match &modes {
                    Some(modes) => hello.get(X::PSK_KEY_EXCHANGE_MODES).clone_from(modes),
                    None => hello.remove(X::PSK_KEY_EXCHANGE_MODES),
                });
            })),
        );
        let mut server = server(server_config);
        let mut asked = 0;
        let mut answer = answers(&pki);
        let outcome = run(
            &mut client,
            &mut server,
            &mut |need| {
                asked += usize::from(matches!(need, Need::NewSession(_)));
                answer(need)
            },
            &mut |_, _| {},
        );
        assert_eq!((outcome, asked), (Outcome::BothConnected, usize::from(usable)));
    }
}

/// After close_notify the connection sends no data, KeyUpdate, alert or second close_notify.
#[test]
fn connection_sends_nothing_after_close_notify() {
    let pki = Pki::new();
    for version in [TLS12, TLS13] {
        let mut config = ServerConfig::new();
        config.set_versions(&[version]).unwrap();
        let mut pair = Pair::with(ClientConfig::new(), config);
        pair.handshake(&pki).unwrap();
        pair.client.send_close_notify(&mut pair.to_server);
        let sent = pair.to_server.len();
        assert!(sent > 0);
        pair.client.send_close_notify(&mut pair.to_server);
        assert_eq!(pair.client.send(&[IoSlice::new(b"data")], &mut pair.to_server).unwrap_err(), Error::SendAfterClose);
        assert!(pair.client.refresh_traffic_keys(&mut pair.to_server).is_err());
        if version == TLS13 {
            pair.server.refresh_traffic_keys(&mut pair.to_client).unwrap();
        } else {
            pair.server.send_raw_record(C::HANDSHAKE, &[0, 0, 0, 0], &mut pair.to_client);
        }
        super::pair::send_all(&mut pair.server, b"data", &mut pair.to_client);
        assert!(pair.step_client().unwrap().is_none());
        assert_eq!(pair.client_received, b"data");
        // A protocol violation by the peer is an error, but sends no alert.
        pair.at_client.extend_from_slice(&[23, 3, 3, 0, 30]);
        pair.at_client.extend_from_slice(&[7; 30]);
        assert_eq!(pair.step_client().unwrap_err(), Error::BadRecordMac);
        assert_eq!(pair.to_server.len(), sent, "{version}");
    }
}

/// The limits of a received ticket. An empty one is ignored.
#[test]
fn client_enforces_ticket_size_limits() {
    for version in [TLS12, TLS13] {
        for (length, kept) in [(0, false), (1, true), (0x4000, true), (0x4001, false)] {
            let mut harness = Harness::new(Storage::Ticket);
            let (client, mut server) = (harness.client(version), harness.server());
            server.set_send_tls13_tickets(1);
            let mut pair = Pair::with(client, server);
            pair.run(&mut |need| match need {
                Need::NewSession(need) => need.answer(vec![vec![7; length]]),
                other => harness.answer(other),
            })
            .unwrap();
            let sessions = pair.client.take_sessions(harness.now);
            assert_eq!(sessions.len(), usize::from(kept), "{version} {length}");
            assert!(sessions.iter().all(|session| session.ticket.len() == length));
        }
    }
}

/// The limits of an issued ticket. It must fit a ClientHello.
#[test]
fn server_enforces_ticket_size_limits() {
    for version in [TLS12, TLS13] {
        for (length, issued) in [(0, false), (1, true), (0x8000, true), (0x8001, false)] {
            let mut harness = Harness::new(Storage::Ticket);
            let (client, mut server) = (harness.client(version), harness.server());
            server.set_send_tls13_tickets(1);
            let mut pair = Pair::with(client, server);
            let mut sent = None;
            while sent.is_none() {
                let mut need = pair.step_server().unwrap();
                while let Some(open) = need.take() {
                    let answer = match open {
                        Need::NewSession(need) => {
                            sent = Some(pair.to_client.len());
                            need.answer(vec![vec![7; length]])
                        }
                        other => harness.answer(other),
                    };
                    need = pair.server.resume(answer, &mut pair.to_client).unwrap();
                }
                if sent.is_none() {
                    pair.drive_client(&mut |need| harness.answer(need)).unwrap();
                }
            }
            // In TLS 1.2 ServerHello promised a ticket, so the server sends an empty one, and then
            // Finished.
            let sent = pair.to_client.len() - sent.unwrap();
            assert_eq!(sent > length.max(200), issued && length > 200, "{version} {length} {sent}");
            assert_eq!(sent > 0, issued || version == TLS12, "{version} {length} {sent}");
        }
    }
}

/// Each ticket has its own nonce, so an omitted ticket does not change the secrets of later ones.
#[test]
fn omitted_ticket_keeps_secrets_of_later_tickets() {
    let mut harness = Harness::new(Storage::Id);
    let (client, mut server) = (harness.client(TLS13), harness.server());
    server.set_send_tls13_tickets(2);
    let mut pair = Pair::with(client.clone(), server.clone());
    pair.run(&mut |need| match need {
        Need::NewSession(mut need) => {
            let second = need.sessions(harness.now)[1].encode().to_vec();
            harness.store.insert(vec![0x81; 32], second);
            need.answer(vec![Vec::new(), vec![0x81; 32]])
        }
        other => harness.answer(other),
    })
    .unwrap();
    let session = pair.client.take_sessions(harness.now).remove(0);
    assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Resumed));
}

/// A suite of another version does not affect the selection.
#[test]
fn server_skips_preferred_suite_of_other_version() {
    let pki = Pki::new();
    const CHACHA12: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    let mut client = ClientConfig::new();
    client
        .set_cipher_suites(&[CHACHA12, CipherSuite::TLS_AES_256_GCM_SHA384, CipherSuite::TLS_AES_128_GCM_SHA256])
        .unwrap();
    let mut server = ServerConfig::new();
    server
        .set_cipher_suites(&[CHACHA12, CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384])
        .unwrap();
    let mut pair = Pair::with(client, server);
    pair.handshake(&pki).unwrap();
    assert_eq!(pair.client.protocol_version(), Some(ProtocolVersion::TLS13));
    assert_eq!(pair.client.negotiated_cipher_suite(), Some(CipherSuite::TLS_AES_128_GCM_SHA256));
}

/// Tickets are secrets of the client and lists are the peer's data, so `Debug` of an answer shows
/// neither.
#[test]
fn debug_of_answer_hides_content() {
    let mut harness = Harness::new(Storage::Ticket);
    let mut client = harness.client(TLS13);
    client.set_client_identity_lookup(true);
    let mut server = harness.server();
    server.set_client_auth(crate::ClientAuth::Optional);
    let session = harness.establish_one(&client, &server);
    let mut shown = std::collections::BTreeSet::new();
    let mut pair = Pair::resuming(client.clone(), server.clone(), session, harness.now);
    pair.run(&mut |need| {
        let answer = harness.answer(need);
        shown.insert(format!("{answer:?}"));
        answer
    })
    .unwrap();
    let mut pair = Pair::with(client, server);
    pair.run(&mut |need| {
        let answer = harness.answer(need);
        shown.insert(format!("{answer:?}"));
        answer
    })
    .unwrap();
    assert!(shown.len() >= 6, "{shown:?}");
    assert!(shown.iter().all(|shown| shown.len() < 32), "{shown:?}");
}

/// The lifetime starts when the server's chain is verified, not when the application takes the
/// session.
#[test]
fn client_session_lifetime_starts_at_verification() {
    for version in [TLS12, TLS13] {
        let mut harness = Harness::new(Storage::Ticket);
        let (mut client, server) = (harness.client(version), harness.server());
        client.set_session_lifetime(100);
        let mut pair = Pair::with(client.clone(), server.clone());
        harness.run(&mut pair).unwrap();
        let began = harness.now.as_secs();
        // The application takes the session one minute later.
        harness.advance(60);
        let session = pair.client.take_sessions(harness.now).remove(0);
        assert_eq!(session.authenticated, began, "{version}");
        harness.advance(39);
        assert!(harness.kind(&client, &server, session.clone()).unwrap().is_resumed(), "{version}");
        harness.advance(1);
        assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full), "{version}");
    }
    // Resumption does not extend the lifetime.
    let mut harness = Harness::new(Storage::Ticket);
    let (mut client, server) = (harness.client(TLS13), harness.server());
    client.set_session_lifetime(100);
    let mut session = harness.establish_one(&client, &server);
    for resumed in [true, true, false] {
        harness.advance(40);
        let mut pair = harness.resume(&client, &server, session);
        assert_eq!(pair.client.handshake_kind().unwrap().is_resumed(), resumed);
        session = pair.client.take_sessions(harness.now).remove(0);
    }
}

#[test]
fn full_handshake_returns_peer_signature_scheme() {
    for version in [TLS12, TLS13] {
        let mut harness = Harness::new(Storage::Ticket);
        let (client, server) = (harness.client(version), harness.server());
        let mut pair = Pair::with(client.clone(), server.clone());
        harness.run(&mut pair).unwrap();
        let scheme = Some(SignatureScheme::ECDSA_SECP256R1_SHA256);
        assert_eq!((pair.client.peer_signature_scheme(), pair.server.peer_signature_scheme()), (scheme, None));
        let session = pair.client.take_sessions(harness.now).remove(0);
        assert_eq!(harness.resume(&client, &server, session).client.peer_signature_scheme(), None);
    }
}

/// The same at a server whose client delays the rest of its flight, or whose store is slow.
#[test]
fn server_session_lifetime_starts_at_client_verification() {
    for (storage, version) in
        [(Storage::Ticket, TLS12), (Storage::Ticket, TLS13), (Storage::Id, TLS12), (Storage::Id, TLS13)]
    {
        for with_time in [true, false] {
            let mut harness = Harness::new(storage);
            let (mut client, mut server) = (harness.client(version), harness.server());
            client.set_client_identity_lookup(true);
            server.set_client_auth(crate::ClientAuth::Required);
            server.set_session_lifetime(100);
            let mut pair = Pair::with(client.clone(), server.clone());
            let verified_at = harness.now;
            pair.run(&mut |need| match need {
                Need::ClientVerdict(need) if with_time => need.answer_at(Ok(()), harness.now),
                Need::ClientVerdict(need) => need.answer(Ok(())),
                Need::NewSession(need) => {
                    harness.advance(50);
                    harness.answer(Need::NewSession(need))
                }
                other => harness.answer(other),
            })
            .unwrap();
            let session = pair.client.take_sessions(harness.now).remove(0);
            // Without a verification time, the session starts when it is issued.
            let (began, left) = if with_time { (verified_at.as_secs(), 50) } else { (harness.now.as_secs(), 100) };
            let stored =
                harness.find(if session.ticket.is_empty() { &session.session_id } else { &session.ticket }).unwrap();
            assert_eq!((stored.authenticated, stored.lifetime), (began, left), "{storage:?} {version}");
            harness.advance(u64::from(left) - 1);
            let mut once = harness.store.clone();
            assert!(harness.kind(&client, &server, session.clone()).unwrap().is_resumed(), "{storage:?} {version}");
            harness.advance(2);
            std::mem::swap(&mut harness.store, &mut once);
            // The server ignores the lifetime that the client stored.
            let mut longer = session;
            longer.lifetime = 1000;
            assert_eq!(harness.kind(&client, &server, longer), Some(HandshakeKind::Full), "{storage:?} {version}");
        }
    }
}

/// The verifier's clock may be ahead of the clock that issues sessions.
#[test]
fn verification_time_in_future_keeps_session_usable() {
    let mut harness = Harness::new(Storage::Ticket);
    let (mut client, mut server) = (harness.client(TLS13), harness.server());
    client.set_client_identity_lookup(true);
    server.set_client_auth(crate::ClientAuth::Required);
    let mut pair = Pair::with(client.clone(), server.clone());
    let ahead = pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(harness.now.as_secs() + 86_400));
    pair.run(&mut |need| match need {
        Need::ClientVerdict(need) => need.answer_at(Ok(()), ahead),
        other => harness.answer(other),
    })
    .unwrap();
    let session = pair.client.take_sessions(harness.now).remove(0);
    assert!(harness.kind(&client, &server, session).unwrap().is_resumed());
}

/// A client that uses an external key sends no certificate, so a server cannot require one and
/// accept such keys.
#[test]
fn required_client_auth_excludes_external_psks() {
    let pki = Pki::new();
    for (auth, fits) in
        [(crate::ClientAuth::Disabled, true), (crate::ClientAuth::Optional, true), (crate::ClientAuth::Required, false)]
    {
        let mut config = ServerConfig::new();
        config.set_external_psks(true);
        config.set_client_auth(auth);
        assert_eq!(config.validate().is_ok(), fits);
        let Err(error) = config.validate() else { continue };
        let text = error.to_string();
        assert!(text.contains("external pre-shared keys") && text.contains("required client certificates"), "{text}");
        // The first connection returns the same error, whether or not the client offers a key.
        let mut pair = Pair::with(ClientConfig::new(), config);
        assert_eq!(pair.run(&mut |need| pki.answer(need)).unwrap_err(), Error::Config(error));
    }
}
