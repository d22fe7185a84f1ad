//! Needs that are answered later and from another thread, and answers to other needs.

mod pair;

use std::thread;

use pair::{Pair, Pki};
use strata_tls_handshake::config::{ClientAuth, ClientConfig, ServerConfig, SessionLookup};
use strata_tls_handshake::error::Error;
use strata_tls_handshake::need::{Answer, Need};
use strata_tls_handshake::{CertificateError, HandshakeKind, Outgoing};
use tls_codec::code_points::{AlertDescription, HandshakeType, ProtocolVersion};
use tls_codec::extension::{OfferedPsks, PskIdentity};
use tls_codec::handshake::{ClientHello, Split, split_message};
use tls_codec::writer::Writer;

/// Answers on another thread, like a KMS or a worker pool.
fn answer_on_thread(need: Need, pki: &Pki) -> Answer {
    let (identity, client, verifier) = (pki.identity.clone(), pki.client.clone(), pki.verifier.clone());
    let worker = thread::spawn(move || match need {
        Need::Session(need) => {
            assert_eq!(need.identities().collect::<Vec<_>>(), [b"ticket".as_slice(), b"other"]);
            need.not_found()
        }
        Need::Identity(need) => {
            assert_eq!(need.server_name(), Some("a.test"));
            need.answer(identity)
        }
        Need::Signature(need) => need.sign_locally(),
        Need::Verdict(need) => need.verify(&verifier, pair::now()),
        Need::ClientIdentity(need) => {
            assert!(client.schemes().iter().any(|scheme| need.schemes().contains(scheme)));
            need.answer(client)
        }
        Need::ClientVerdict(need) => need.verify(verifier.chain(), pair::now()),
        _ => panic!("an unexpected need"),
    });
    worker.join().unwrap()
}

/// The name of a need.
fn name(need: &Need) -> &'static str {
    match need {
        Need::Session(_) => "session",
        Need::Identity(_) => "identity",
        Need::Signature(_) => "signature",
        Need::Verdict(_) => "verdict",
        Need::ClientIdentity(_) => "client identity",
        Need::ClientVerdict(_) => "client verdict",
        _ => "other",
    }
}

/// Returns a pair with client authentication in this version.
fn mutual_pair(version: ProtocolVersion) -> Pair {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    server.set_versions(&[version]).unwrap();
    server.set_client_auth(ClientAuth::Required);
    client.set_client_identity_lookup(true);
    Pair::with(client, server)
}

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];

#[test]
fn needs_are_answered_later_from_another_thread() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let mut asked = Vec::new();
    pair.run(&mut |need| {
        asked.push(name(&need));
        answer_on_thread(need, &pki)
    })
    .unwrap();
    assert_eq!(asked, ["identity", "signature", "verdict"]);
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
    assert_eq!(pair.client.peer_certificates().map(<[_]>::len), Some(1));
    pair.exchange(b"question", b"answer");
}

#[test]
fn client_auth_needs_are_answered_from_another_thread() {
    let pki = Pki::new();
    for version in VERSIONS {
        let mut pair = mutual_pair(version);
        let mut asked = Vec::new();
        pair.run(&mut |need| {
            asked.push(name(&need));
            answer_on_thread(need, &pki)
        })
        .unwrap();
        let of_server = ["identity", "signature"];
        let expected = [&of_server[..], &["verdict", "client identity", "signature", "client verdict"]].concat();
        assert_eq!(asked, expected, "{version}");
        pair.exchange(b"question", b"answer");
    }
}

/// Runs a handshake up to its need `number`. Returns that need, and whether it is the server's.
fn run_to_need(pair: &mut Pair, pki: &Pki, number: usize) -> (Need, bool) {
    let mut left = number;
    for _ in 0..100 {
        for of_server in [true, false] {
            let mut need = if of_server { pair.step_server().unwrap() } else { pair.step_client().unwrap() };
            while let Some(open) = need.take() {
                if left == 0 {
                    return (open, of_server);
                }
                left -= 1;
                need = if of_server {
                    pair.server.resume(answer_on_thread(open, pki), &mut pair.to_client).unwrap()
                } else {
                    pair.client.resume(answer_on_thread(open, pki), &mut pair.to_server).unwrap()
                };
            }
        }
    }
    panic!("need {number} does not occur")
}

/// Each need, with an answer to the same need of another connection.
#[test]
fn foreign_answer_in_every_state_is_rejected_without_effect() {
    let pki = Pki::new();
    for version in VERSIONS {
        for number in 0..6 {
            let (mut one, mut other) = (mutual_pair(version), mutual_pair(version));
            let (need, of_server) = run_to_need(&mut one, &pki, number);
            let (foreign, _) = run_to_need(&mut other, &pki, number);
            assert_eq!(name(&need), name(&foreign));
            let resume = |pair: &mut Pair, answer| match of_server {
                true => pair.server.resume(answer, &mut pair.to_client),
                false => pair.client.resume(answer, &mut pair.to_server),
            };
            // Without the answer the connection makes no progress.
            assert!(one.step_server().unwrap().is_none() && one.step_client().unwrap().is_none());
            assert_eq!(
                resume(&mut one, answer_on_thread(foreign, &pki)).err(),
                Some(Error::WrongAnswer),
                "{version} {number}"
            );
            let mut next = resume(&mut one, answer_on_thread(need, &pki)).unwrap();
            while let Some(open) = next.take() {
                next = resume(&mut one, answer_on_thread(open, &pki)).unwrap();
            }
            one.run(&mut |need| answer_on_thread(need, &pki)).unwrap();
            one.exchange(b"question", b"answer");
            // A complete connection rejects it as well.
            let (late, of_server) = run_to_need(&mut mutual_pair(version), &pki, number);
            let outcome = match of_server {
                true => one.server.resume(answer_on_thread(late, &pki), &mut one.to_client),
                false => one.client.resume(answer_on_thread(late, &pki), &mut one.to_server),
            };
            assert_eq!(outcome.err(), Some(Error::WrongAnswer));
        }
    }
}

#[test]
fn failed_client_signer_fails_handshake() {
    let pki = Pki::new();
    for version in VERSIONS {
        let mut signatures = 0;
        let rejection = mutual_pair(version).run(&mut |need| match need {
            Need::Signature(need) => {
                signatures += 1;
                if signatures == 2 { need.fail() } else { need.sign_locally() }
            }
            other => answer_on_thread(other, &pki),
        });
        assert_eq!(rejection, Err(Error::SignerFailed), "{version}");
        assert_eq!(signatures, 2);
    }
}

/// RFC 5246 §7.4.8, RFC 9846 §4.5.2.
#[test]
fn client_signs_messages_in_tls12_and_hash_in_tls13() {
    let pki = Pki::new();
    for version in VERSIONS {
        let mut messages = Vec::new();
        mutual_pair(version)
            .run(&mut |need| {
                if let Need::Signature(need) = &need {
                    messages.push(need.message().to_vec());
                }
                answer_on_thread(need, &pki)
            })
            .unwrap();
        let [_, of_client] = &messages[..] else { panic!("two signatures") };
        match version {
            // The first message is ClientHello, the last is ClientKeyExchange.
            ProtocolVersion::TLS12 => {
                let last = &of_client[of_client.len() - 37..][..5];
                assert_eq!((of_client[0], last), (1, &[16, 0, 0, 33, 32][..]));
            }
            _ => assert_eq!(of_client.len(), 64 + 34 + 32),
        }
    }
}

/// Returns a record of the client's hello with two added sessions to resume.
fn hello_that_resumes(pair: &Pair) -> Vec<u8> {
    let record = pair.to_server.ready();
    let Split::Message { message, .. } = split_message(&record[5..]) else { panic!("no message") };
    let hello: ClientHello<'_> = message.decode().unwrap();
    let mut wire = vec![22, 3, 1, 0, 0];
    Writer::append(&mut wire)
        .message(HandshakeType::CLIENT_HELLO, |w| {
            w.u16(hello.legacy_version.0)?;
            w.bytes(hello.random)?;
            w.vec8(|w| w.bytes(hello.legacy_session_id))?;
            w.vec16(|w| w.bytes(hello.cipher_suites.bytes()))?;
            w.vec8(|w| w.u8(0))?;
            w.vec16(|w| {
                w.bytes(hello.extensions.raw.bytes())?;
                let identity = |identity| PskIdentity { identity, obfuscated_ticket_age: 7 };
                OfferedPsks::write(w, &[identity(b"ticket".as_slice()), identity(b"other")], &[[1; 32], [2; 32]])
            })
        })
        .unwrap();
    let length = u16::try_from(wire.len() - 5).unwrap().to_be_bytes();
    wire[3..5].copy_from_slice(&length);
    wire
}

#[test]
fn session_lookup_from_another_thread_may_find_nothing() {
    let pki = Pki::new();
    for (lookup, expected) in
        [(SessionLookup::Tickets, ["session", "identity"].as_slice()), (SessionLookup::Never, &["identity"])]
    {
        let mut config = ServerConfig::new();
        config.set_session_lookup(lookup);
        let mut client = ClientConfig::new();
        // Sends psk_key_exchange_modes.
        client.set_resumption(true);
        let mut pair = Pair::with(client, config);
        pair.at_server = hello_that_resumes(&pair);
        pair.to_server = Outgoing::new();
        let mut asked = Vec::new();
        let mut need = pair.step_server().unwrap();
        while let Some(open) = need.take() {
            if !matches!(open, Need::Session(_) | Need::Identity(_)) {
                break;
            }
            asked.push(name(&open));
            need = pair.server.resume(answer_on_thread(open, &pki), &mut pair.to_client).unwrap();
        }
        assert_eq!(asked, expected);
        assert!(!pair.to_client.is_empty(), "ServerHello follows");
    }
}

#[test]
fn connection_waits_while_answer_is_missing() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let need = pair.step_server().unwrap().expect("the server needs an identity");
    assert!(pair.step_server().unwrap().is_none());
    assert!(pair.to_client.is_empty(), "the server answered before it had an identity");
    let need =
        pair.server.resume(answer_on_thread(need, &pki), &mut pair.to_client).unwrap().expect("a signature is next");
    // The server may send ServerHello. The rest of the flight waits for the signature.
    let before = pair.to_client.len();
    assert!(pair.server.resume(answer_on_thread(need, &pki), &mut pair.to_client).unwrap().is_none());
    assert!(pair.to_client.len() > before);
}

#[test]
fn foreign_answer_is_rejected_without_effect() {
    let pki = Pki::new();
    let (mut one, mut other) = (Pair::new(&pki), Pair::new(&pki));
    let first = one.step_server().unwrap().unwrap();
    let second = other.step_server().unwrap().unwrap();
    let foreign = answer_on_thread(second, &pki);
    assert_eq!(one.server.resume(foreign, &mut one.to_client).err(), Some(Error::WrongAnswer));
    assert!(one.server.resume(answer_on_thread(first, &pki), &mut one.to_client).unwrap().is_some());
    // The other connection has no further need.
    let need = other.step_server().unwrap();
    assert!(need.is_none());
}

#[test]
fn missing_identity_and_failed_signer_send_their_alerts() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let Some(Need::Identity(need)) = pair.step_server().unwrap() else { panic!("no need") };
    let error = pair.server.resume(need.refuse(), &mut pair.to_client).unwrap_err();
    let alert = AlertDescription::UNRECOGNIZED_NAME;
    assert_eq!(error, Error::NoIdentity { asked: Some("a.test".into()), alert });
    assert!(pair.step_client().unwrap_err().to_string().contains("unrecognized_name"));

    // Alerts that do not reject are replaced by the default.
    let (unsafe_ones, default) = ([0, 90, 100].map(AlertDescription), AlertDescription::UNRECOGNIZED_NAME);
    let chosen = [AlertDescription::ACCESS_DENIED, AlertDescription::HANDSHAKE_FAILURE, default];
    let of_all = chosen.map(|alert| (alert, alert)).into_iter().chain(unsafe_ones.map(|alert| (alert, default)));
    for (version, (chosen, sent)) in of_all.flat_map(|alerts| VERSIONS.map(|version| (version, alerts))) {
        let mut pair = mutual_pair(version);
        let Some(Need::Identity(need)) = pair.step_server().unwrap() else { panic!("no need") };
        let error = pair.server.resume(need.refuse_with(chosen), &mut pair.to_client).unwrap_err();
        assert_eq!(error.alert(), Some(sent), "{chosen}");
        let received = pair.step_client().unwrap_err();
        assert!(matches!(received, Error::AlertReceived { description, .. } if description == sent), "{received}");
    }

    let mut pair = Pair::new(&pki);
    let rejection = pair.run(&mut |need| match need {
        Need::Signature(need) => need.fail(),
        other => answer_on_thread(other, &pki),
    });
    assert_eq!(rejection.unwrap_err(), Error::SignerFailed);
}

#[test]
fn failed_verification_sends_only_alert() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let rejection = pair.run(&mut |need| match need {
        Need::Verdict(need) => need.refuse(CertificateError::Application("no".into())),
        other => answer_on_thread(other, &pki),
    });
    assert_eq!(rejection.unwrap_err(), CertificateError::Application("no".into()).into());
    assert!(pair.client.peer_certificates().is_none());
    assert!(pair.step_server().unwrap_err().to_string().contains("certificate_unknown"));
}

#[test]
fn signature_over_other_data_is_rejected() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let rejection = pair.run(&mut |need| match need {
        Need::Signature(need) => {
            let other = Pki::new();
            let _ = need.message();
            need.answer(other.sign(b"something else"))
        }
        other => answer_on_thread(other, &pki),
    });
    assert_eq!(rejection.unwrap_err(), Error::BadSignature);
}

/// Answers every need of a server that stores sessions, except for the last.
fn run_to_tickets(pki: &Pki) -> (Pair, strata_tls_handshake::NeedNewSession) {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    client.set_resumption(true);
    server.set_session_lookup(SessionLookup::Ids);
    let mut pair = Pair::with(client, server);
    let (need, of_server) = run_to_need(&mut pair, pki, 3);
    let Need::NewSession(need) = need else { panic!("{need:?}") };
    assert!(of_server && !pair.server.is_handshaking() && pair.server.can_send());
    (pair, need)
}

/// RFC 9846 §4.7.1: tickets are sent at any time after the client's Finished.
#[test]
fn data_and_key_updates_pass_before_tickets_are_made() {
    let pki = Pki::new();
    let (mut pair, mut need) = run_to_tickets(&pki);
    for _ in 0..2 {
        pair.exchange(b"question", b"answer");
        pair.client.refresh_traffic_keys(&mut pair.to_server).unwrap();
        pair.server.refresh_traffic_keys(&mut pair.to_client).unwrap();
    }
    let sent = need.sessions(pair::now()).len();
    assert!(pair.to_client.is_empty() || sent > 0);
    let before = pair.to_client.len();
    assert!(pair.server.resume(need.answer(vec![vec![7; 32]; sent]), &mut pair.to_client).unwrap().is_none());
    assert!(pair.to_client.len() > before);
    pair.exchange(b"question", b"answer");
}

#[test]
fn no_ticket_follows_close_notify() {
    let pki = Pki::new();
    let (mut pair, mut need) = run_to_tickets(&pki);
    pair.server.send_close_notify(&mut pair.to_client);
    let before = pair.to_client.len();
    let sent = need.sessions(pair::now()).len();
    pair.server.resume(need.answer(vec![vec![7; 32]; sent]), &mut pair.to_client).unwrap();
    assert_eq!(pair.to_client.len(), before);
}
