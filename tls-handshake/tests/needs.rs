//! The questions of a handshake, answered later and from another thread; and answers that do not belong.

mod pair;

use std::thread;

use pair::{Pair, Pki};
use tls_codec::code_points::HandshakeType;
use tls_codec::extension::{OfferedPsks, PskIdentity};
use tls_codec::handshake::{ClientHello, Split, split_message};
use tls_codec::writer::Writer;
use tls_handshake::config::{ClientConfig, ServerConfig};
use tls_handshake::error::Error;
use tls_handshake::need::{Answer, Need};
use tls_handshake::{CertificateError, HandshakeKind, Outgoing};

/// Answers on another thread, as a KMS or a pool of workers would.
fn elsewhere(need: Need, pki: &Pki) -> Answer {
    let (identity, roots) = (pki.identity.clone(), pki.roots.clone());
    let worker = thread::spawn(move || match need {
        Need::Session(need) => {
            assert_eq!(need.identities().collect::<Vec<_>>(), [b"ticket".as_slice(), b"other"]);
            need.not_found()
        }
        Need::Identity(need) => {
            assert_eq!(need.server_name(), Some("a.test"));
            assert!(need.client_hello().unwrap().extensions.key_share.is_some());
            need.answer(identity)
        }
        Need::Signature(need) => need.sign_locally(),
        Need::Verdict(need) => need.verify(&roots, pair::now()),
        _ => panic!("a question that this test does not know"),
    });
    worker.join().unwrap()
}

#[test]
fn identity_signature_and_verdict_are_answered_later_from_another_thread() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let mut asked = Vec::new();
    pair.run(&mut |need| {
        asked.push(match &need {
            Need::Identity(_) => "identity",
            Need::Signature(_) => "signature",
            Need::Verdict(_) => "verdict",
            _ => "other",
        });
        elsewhere(need, &pki)
    })
    .unwrap();
    assert_eq!(asked, ["identity", "signature", "verdict"]);
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
    assert_eq!(pair.client.peer_certificates().map(<[_]>::len), Some(1));
    pair.exchange(b"question", b"answer");
}

/// A record with the client's hello, to which it adds two sessions that it wants to resume.
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
fn a_session_is_looked_up_from_another_thread_and_a_full_handshake_follows() {
    let pki = Pki::new();
    for (lookup, expected) in [(true, ["session", "identity"].as_slice()), (false, &["identity"])] {
        let mut config = ServerConfig::new();
        config.set_session_lookup(lookup);
        let mut pair = Pair::with(ClientConfig::new(), config);
        pair.at_server = hello_that_resumes(&pair);
        pair.to_server = Outgoing::new();
        let mut asked = Vec::new();
        let mut need = pair.step_server().unwrap();
        while let Some(open) = need.take() {
            asked.push(match &open {
                Need::Session(_) => "session",
                Need::Identity(_) => "identity",
                _ => break,
            });
            need = pair.server.resume(elsewhere(open, &pki), &mut pair.to_client).unwrap();
        }
        assert_eq!(asked, expected);
        assert!(!pair.to_client.is_empty(), "ServerHello follows");
    }
}

#[test]
fn nothing_goes_on_while_an_answer_is_missing() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let need = pair.step_server().unwrap().expect("the server asks for an identity");
    assert!(pair.step_server().unwrap().is_none());
    assert!(pair.to_client.is_empty(), "the server answered before it had an identity");
    let need = pair.server.resume(elsewhere(need, &pki), &mut pair.to_client).unwrap().expect("a signature is next");
    // ServerHello may go; the rest of the flight waits for the signature, and is not shown.
    let before = pair.to_client.len();
    assert!(pair.server.resume(elsewhere(need, &pki), &mut pair.to_client).unwrap().is_none());
    assert!(pair.to_client.len() > before);
}

#[test]
fn an_answer_of_another_connection_is_refused_and_changes_nothing() {
    let pki = Pki::new();
    let (mut one, mut other) = (Pair::new(&pki), Pair::new(&pki));
    let first = one.step_server().unwrap().unwrap();
    let second = other.step_server().unwrap().unwrap();
    let foreign = elsewhere(second, &pki);
    assert_eq!(one.server.resume(foreign, &mut one.to_client).err(), Some(Error::WrongAnswer));
    assert!(one.server.resume(elsewhere(first, &pki), &mut one.to_client).unwrap().is_some());
    // Nor is an answer taken when nothing was asked.
    let need = other.step_server().unwrap();
    assert!(need.is_none());
}

#[test]
fn a_refused_identity_is_unrecognized_name_and_a_failed_signer_internal_error() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let Some(Need::Identity(need)) = pair.step_server().unwrap() else { panic!("no question") };
    let error = pair.server.resume(need.refuse(), &mut pair.to_client).unwrap_err();
    assert_eq!(error, Error::NoIdentity { asked: Some("a.test".into()) });
    assert!(pair.step_client().unwrap_err().to_string().contains("unrecognized_name"));

    let mut pair = Pair::new(&pki);
    let refused = pair.run(&mut |need| match need {
        Need::Signature(need) => need.fail(),
        other => elsewhere(other, &pki),
    });
    assert_eq!(refused.unwrap_err(), Error::SignerFailed);
}

#[test]
fn a_verdict_against_the_chain_ends_the_handshake_before_anything_is_sent() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let refused = pair.run(&mut |need| match need {
        Need::Verdict(need) => need.refuse(CertificateError::Application("no".into())),
        other => elsewhere(other, &pki),
    });
    assert_eq!(refused.unwrap_err(), Error::Certificate(CertificateError::Application("no".into())));
    assert!(pair.client.peer_certificates().is_none());
    assert!(pair.step_server().unwrap_err().to_string().contains("certificate_unknown"));
}

#[test]
fn a_server_whose_key_signs_something_else_is_refused() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    let refused = pair.run(&mut |need| match need {
        Need::Signature(need) => {
            let other = Pki::new();
            let _ = need.message();
            need.answer(other.sign(b"something else"))
        }
        other => elsewhere(other, &pki),
    });
    assert_eq!(refused.unwrap_err(), Error::BadSignature);
}
