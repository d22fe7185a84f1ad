//! What a client checks of the messages with which a server authenticates and issues sessions.

use std::sync::Arc;

use tls_codec::code_points::{ContentType as C, ExtensionType as X, HandshakeType as T, SignatureScheme as Z};

use super::flow::{
    Failure, Kind, MessageEdit, Outcome, answers, client, client_resuming, client_with, configs, edit_each, ends,
    handshake, pki, run, server, server_with, session_offer,
};
use super::hello::Hello;
use super::pair::{Pair, Pki, now};
use super::resumption::{Harness, Storage, TLS13};
use crate::client::Client;
use crate::client::offered_psk::ResumptionOffer;
use crate::client::session_tracker::SessionTracker;
use crate::config::{ClientConfig, SessionLookup};
use crate::error::{Error, Illegal};
use crate::identity::Identity;
use crate::need::{Answer, Need};
use crate::resumption::{ClientSessionValue, MAX_LIFETIME};
use crate::states::{StateMachine, Versioned};

/// Answers for a server whose key is remote: `own` signs.
fn with_remote_key<'a>(pki: &'a Pki, own: &'a Identity) -> impl FnMut(Need) -> Answer + 'a {
    move |need| match need {
        Need::Signature(need) => {
            let signature = own.sign(tls_crypto::Backend::ring(), need.scheme(), need.message()).unwrap();
            need.answer(signature)
        }
        other => answers(pki)(other),
    }
}

#[test]
fn server_chain_limit_is_exact() {
    let mut pki = Pki::new();
    let own = pki.identity.clone();
    for kind in [Kind::Full, Kind::Tls12] {
        for (got, fits) in [(2, true), (3, false)] {
            let long = Identity::with_remote_key(vec![own.chain()[0].clone(); got], own.schemes().to_vec());
            pki.identity = Arc::new(long.unwrap());
            let (mut client_config, server_config) = configs(kind);
            client_config.common_mut().limits.chain_length = 2;
            let (mut client, mut server) = (client(client_config), server(server_config));
            let outcome = run(&mut client, &mut server, &mut with_remote_key(&pki, &own), &mut |_, _| {});
            let error = Error::ChainTooLong { got, limit: 2 };
            let rejection = Outcome::Failed(Failure { side: "client", at: T::CERTIFICATE, error });
            assert_eq!(outcome, if fits { Outcome::BothConnected } else { rejection }, "{kind:?}");
        }
    }
}

/// Adds to the length of a message, and to that of its certificate list, which begins at `list`.
fn lengthen(message: &mut [u8], list: Option<usize>, by: u16) {
    for at in [Some(2), list.map(|at| at + 1)].into_iter().flatten() {
        let length = u16::from_be_bytes([message[at], message[at + 1]]) + by;
        message[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
}

/// RFC 9846 §4.4.2, §4.5.1: the contexts are empty, and extensions answer those of ClientHello.
#[test]
fn server_certificate_with_context_or_extension_is_rejected() {
    let pki = Pki::new();
    let error_at = |typ: T, change: fn(&mut Vec<u8>)| {
        let (client_config, server_config) = configs(Kind::Auth);
        let mut server = server_with(server_config, edit_each(typ, change));
        match handshake(&mut client(client_config), &mut server, &pki) {
            Outcome::Failed(Failure { side: "client", at, error }) if at == typ => error,
            other => panic!("{other:?}"),
        }
    };
    for typ in [T::CERTIFICATE_REQUEST, T::CERTIFICATE] {
        let context = error_at(typ, |message| {
            message.splice(4..5, [1, 7]);
            lengthen(message, None, 1);
        });
        assert_eq!(context, Illegal::CertificateRequestContext.into(), "{typ}");
    }
    // The client requested no SCTs.
    let unsolicited =
        Error::UnsolicitedExtension { message: T::CERTIFICATE, extension: X::SIGNED_CERTIFICATE_TIMESTAMP };
    let first = error_at(T::CERTIFICATE, |message| {
        let end = message.len() - 2;
        message.splice(end.., [0, 9, 0, 18, 0, 5, 0, 3, 0, 1, 7]);
        lengthen(message, Some(5), 9);
    });
    assert_eq!(first, unsolicited);
    let second = error_at(T::CERTIFICATE, |message| {
        message.extend_from_slice(&[0, 0, 1, 7, 0, 9, 0, 18, 0, 5, 0, 3, 0, 1, 7]);
        lengthen(message, Some(5), 15);
    });
    assert_eq!(second, unsolicited);
}

/// RFC 9846 §4.5.1.1: an OCSP response of another certificate says nothing about the end-entity
/// certificate.
#[test]
fn stapled_response_of_second_entry_is_ignored() {
    let pki = Pki::new();
    let (client_config, server_config) = configs(Kind::Full);
    let edit = edit_each(T::CERTIFICATE, |message| {
        message.extend_from_slice(&[0, 0, 1, 7, 0, 9, 0, 5, 0, 5, 1, 0, 0, 1, 7]);
        lengthen(message, Some(5), 15);
    });
    let (mut client, mut server) = (client(client_config), server_with(server_config, edit));
    let mut responses = Vec::new();
    let outcome = run(
        &mut client,
        &mut server,
        &mut |need| {
            if let Need::Verdict(need) = &need {
                responses.push(need.ocsp_response().map(<[u8]>::to_vec));
            }
            answers(&pki)(need)
        },
        &mut |_, _| {},
    );
    assert_eq!((outcome, responses), (Outcome::BothConnected, vec![None]));
}

/// RFC 5246 §7.4.3: unlike in TLS 1.3, PKCS#1 v1.5 may sign the handshake.
#[test]
fn tls12_server_may_sign_with_pkcs1() {
    let mut pki = Pki::with_rsa_key();
    let own = pki.identity.clone();
    let remote = Identity::with_remote_key(own.chain().to_vec(), vec![Z::RSA_PKCS1_SHA256]).unwrap();
    pki.identity = Arc::new(remote);
    let key = pki.private_key();
    let mut answer = |need: Need| match need {
        Need::Signature(need) => {
            assert_eq!(need.scheme(), Z::RSA_PKCS1_SHA256);
            let signature = key
                .sign(tls_crypto::Backend::ring(), tls_crypto::SignatureAlgorithm::RsaPkcs1Sha256, need.message())
                .unwrap();
            need.answer(signature)
        }
        other => answers(&pki)(other),
    };
    let (client_config, server_config) = configs(Kind::Tls12);
    let outcome = run(&mut client(client_config), &mut server(server_config), &mut answer, &mut |_, _| {});
    assert_eq!(outcome, Outcome::BothConnected);
}

/// RFC 9846 §7.5: both sides can export with the secret of early data until their handshake is
/// complete.
#[test]
fn early_exporter_lasts_until_handshake_is_complete() {
    let pki = pki(Kind::Early);
    let (mut client, mut server) = ends(Kind::Early);
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    for sent in server.flight() {
        assert!(client.state.as_ref().unwrap().early_exporter().is_some(), "client: {}", client.name());
        client.take(&sent, &mut answers(&pki)).unwrap();
    }
    assert!(client.is_connected() && client.state.as_ref().unwrap().early_exporter().is_none());
    for sent in client.flight() {
        assert!(server.state.as_ref().unwrap().early_exporter().is_some(), "server: {}", server.name());
        server.take(&sent, &mut answers(&pki)).unwrap();
    }
    assert!(server.is_connected() && server.state.as_ref().unwrap().early_exporter().is_none());
}

/// A client that did not enable resumption stores nothing, whatever a server sends. RFC 9846
/// §4.7.1: lifetime 0 means to discard the ticket at once, and no ticket lives longer than a week.
#[test]
fn received_ticket_follows_setting_and_lifetime() {
    for (resumption, lifetime, expected) in [
        (true, 1000, Some(1000)),
        (true, MAX_LIFETIME, Some(MAX_LIFETIME)),
        (true, MAX_LIFETIME + 1, Some(MAX_LIFETIME)),
        (true, u32::MAX, Some(MAX_LIFETIME)),
        (true, 0, None),
        (false, 1000, None),
    ] {
        let pki = Pki::new();
        let mut config = ClientConfig::new();
        config.set_resumption(resumption);
        let mut pair = Pair::with(config, crate::ServerConfig::new());
        pair.handshake(&pki).unwrap();
        // Lifetime, age_add, no nonce, a ticket of one byte, no extensions.
        let ticket = [&[4, 0, 0, 14][..], &lifetime.to_be_bytes(), &[0; 4], &[0], &[0, 1, 7], &[0, 0]].concat();
        pair.server.send_raw_record(C::HANDSHAKE, &ticket, &mut pair.to_client);
        pair.step_client().unwrap();
        assert_eq!(pair.client.has_sessions(), expected.is_some(), "{lifetime}");
        let sessions = pair.client.take_sessions(now());
        assert_eq!(sessions.first().map(|session| session.lifetime), expected, "{lifetime}");
        let end = crate::verify::x509::not_after(&pki.leaf).unwrap();
        assert!(sessions.iter().all(|session| session.expires <= end), "{lifetime}");
    }
}

/// Returns the sessions of a TLS 1.2 client, after a handshake with an edited flight of the server.
fn sessions12(kind: Kind, edit: impl Fn(&mut Vec<u8>) + 'static) -> Vec<ClientSessionValue> {
    let pki = pki(kind);
    let (mut client_config, server_config) = configs(kind);
    client_config.set_resumption(true);
    let without_ems: Option<MessageEdit> = (kind == Kind::Tls12Plain).then(|| -> MessageEdit {
        Box::new(|message| Hello::edit(message, &|hello| hello.remove(X::EXTENDED_MASTER_SECRET)))
    });
    let mut client = client_with(client_config, without_ems);
    let mut server = server_with(server_config, Some(Box::new(edit)));
    assert_eq!(handshake(&mut client, &mut server, &pki), Outcome::BothConnected);
    let Some(Client::Versioned(Versioned::Tls12(mut state))) = client.state else { panic!("not a TLS 1.2 client") };
    let place = SessionTracker::new(Arc::default(), "a.test".try_into().unwrap(), None);
    state.take_sessions(&place, now())
}

fn set_session_id(message: &mut Vec<u8>) {
    if message[0] == T::SERVER_HELLO.0 {
        Hello::edit(message, &|hello| hello.session_id = vec![7; 32]);
    }
}

/// RFC 5077 §3.4: a ticket takes precedence over an ID. Its lifetime is at most a week.
#[test]
fn tls12_ticket_replaces_id_and_has_limited_lifetime() {
    let sessions = sessions12(Kind::Tls12Ticket, |message| {
        set_session_id(message);
        if message[0] == T::NEW_SESSION_TICKET.0 {
            message[4..8].fill(0xff);
        }
    });
    let [session] = &sessions[..] else { panic!("{} sessions", sessions.len()) };
    assert_eq!((session.ticket.as_slice(), session.session_id.as_slice()), (&b"a ticket"[..], &[][..]));
    assert_eq!(session.lifetime, MAX_LIFETIME);
}

/// RFC 7627 §5.3: the session remembers whether its master secret is extended.
#[test]
fn tls12_session_remembers_extended_master_secret() {
    for (kind, expected) in [(Kind::Tls12, true), (Kind::Tls12Plain, false)] {
        let sessions = sessions12(kind, set_session_id);
        let [session] = &sessions[..] else { panic!("{} sessions", sessions.len()) };
        assert_eq!(session.extended_master_secret, expected);
        assert_eq!(session.session_id, [7; 32]);
    }
}

/// RFC 7627 §5.3: a server may not add extended_master_secret to a session that lacks it.
#[test]
fn client_rejects_ems_in_resumption_of_session_without_it() {
    let pki = pki(Kind::Tls12Resumed);
    let (client_config, server_config) = configs(Kind::Tls12Resumed);
    let ResumptionOffer::Tls12(mut session) = session_offer(Kind::Tls12Resumed, &client_config, &server_config) else {
        panic!("no session")
    };
    session.extended_master_secret = false;
    let mut client = client_resuming(client_config, ResumptionOffer::Tls12(session), None);
    let mut server = server(server_config);
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    let error = client.deliver(&server.pop(), &mut answers(&pki)).unwrap_err();
    assert_eq!(error, Illegal::ResumedMasterSecret { session_had_it: false }.into());
}

/// RFC 9846 §4.3.10: early data belongs to the application protocol that both sides stored.
#[test]
fn early_data_is_accepted_under_protocol_of_session() {
    let mut harness = Harness::new(Storage::Id);
    let (mut client, mut server) = (harness.client(TLS13), harness.server());
    client.set_alpn_protocols(["h2", "http/1.1"]).unwrap();
    server.set_alpn_protocols(["http/1.1"]).unwrap();
    client.enable_early_data(true);
    server.set_max_early_data_size(1000);
    let session = harness.establish_one(&client, &server);
    let mut pair = Pair::resuming(client, server, session, harness.now);
    pair.client.send_early_data(b"early", &mut pair.to_server).unwrap();
    harness.run(&mut pair).unwrap();
    assert!(pair.client.is_early_data_accepted());
    assert_eq!(pair.server_early, b"early");
}

/// RFC 9846 §5: after the peer's Finished a change_cipher_spec is an error, also while the
/// application makes the tickets.
#[test]
fn change_cipher_spec_is_rejected_while_tickets_are_made() {
    let harness = Harness::new(Storage::Ticket);
    let mut server = harness.server();
    server.set_session_lookup(SessionLookup::Tickets);
    let mut pair = Pair::with(harness.client(TLS13), server);
    let pki = &harness.pki;
    let mut pending = None;
    while pending.is_none() {
        let mut need = pair.step_server().unwrap();
        while let Some(open) = need.take() {
            match open {
                Need::NewSession(open) => pending = Some(open),
                open => need = pair.server.resume(pki.answer(open), &mut pair.to_client).unwrap(),
            }
        }
        pair.drive_client(&mut |need| pki.answer(need)).unwrap();
    }
    assert!(!pair.server.is_handshaking());
    let error = pair.deliver_to_server(&[20, 3, 3, 0, 1, 1]).unwrap_err();
    assert!(matches!(error, Error::UnexpectedRecord { got: C::CHANGE_CIPHER_SPEC, .. }), "{error}");
}
