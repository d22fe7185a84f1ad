//! The questions of a handshake, answered later and from another thread; and answers that do not belong.

mod pair;

use std::thread;

use pair::{Pair, Pki};
use tls_handshake::error::Error;
use tls_handshake::need::{Answer, Need};
use tls_handshake::{CertificateError, HandshakeKind};

/// Answers on another thread, as a KMS or a pool of workers would.
fn elsewhere(need: Need, pki: &Pki) -> Answer {
    let (identity, roots) = (pki.identity.clone(), pki.roots.clone());
    let worker = thread::spawn(move || match need {
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
