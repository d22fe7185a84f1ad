//! Resumption with peers that violate the protocol.

use std::sync::Arc;
use std::time::Duration;

use pki_types::UnixTime;
use tls_codec::code_points::{AlertDescription as A, CipherSuite, ExtensionType as X, HandshakeType as T};
use tls_crypto::HashAlgorithm;

use super::flow::{
    Action, End, Kind, MessageEdit, Outcome, Sent, answers, client, client_resuming, configs, ends,
    ends_with_second_external_psk, ends_with_unknown_first_psk, pki, run, server, server_with, session_offer,
};
use super::hello::{Hello, assert_error};
use super::pair::now;
use crate::client::Client;
use crate::client::offered_psk::ResumptionOffer;
use crate::client::session_tracker::SessionTracker;
use crate::config::SessionLookup;
use crate::error::{Error, Illegal, StateName};
use crate::need::Need;
use crate::resumption::ServerSessionValue;
use crate::server::Server;
use crate::states::{StateMachine, Versioned};
use crate::{ExternalPsk, HandshakeKind, PskCandidate};

/// Returns the error of a client that offers a session and reads an edited first response.
fn client_error_for(kind: Kind, change: impl Fn(&mut Hello) + 'static) -> Error {
    let (mut client, mut server) = ends(kind);
    let pki = pki(kind);
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    let mut hello = Hello::parse(&server.pop());
    change(&mut hello);
    client.deliver(&hello.encode(), &mut answers(&pki)).unwrap_err()
}

/// Returns the result of a server that reads the edited hello of a client that offers a session.
fn server_result_for(kind: Kind, change: impl Fn(&mut Hello)) -> Result<End<Server>, Error> {
    let (mut client, mut server) = ends(kind);
    let pki = pki(kind);
    let mut hello = Hello::parse(&client.pop());
    change(&mut hello);
    server.deliver(&hello.encode(), &mut answers(&pki))?;
    Ok(server)
}

#[test]
fn client_rejects_selection_of_unoffered_psk() {
    let error = client_error_for(Kind::Resumed, |hello| *hello.get(X::PRE_SHARED_KEY) = vec![0, 1]);
    assert_eq!(error, Error::Illegal(Illegal::PskNotOffered(1)));
    assert_error(&error, A::ILLEGAL_PARAMETER, &["1", "not offered"]);
    let error = client_error_for(Kind::Full, |hello| hello.extensions.push((X::PRE_SHARED_KEY.0, vec![0, 0])));
    assert_eq!(error, Error::UnsolicitedExtension { message: T::SERVER_HELLO, extension: X::PRE_SHARED_KEY });
}

#[test]
fn client_rejects_resumption_under_other_hash() {
    let error = client_error_for(Kind::Resumed, |hello| hello.suites = vec![0x13, 0x02]);
    assert_eq!(error, Error::Illegal(Illegal::ResumedCipherSuite(CipherSuite::TLS_AES_256_GCM_SHA384)));
    assert_error(&error, A::ILLEGAL_PARAMETER, &["TLS_AES_256_GCM_SHA384"]);
    let error = client_error_for(Kind::Tls12Resumed, |hello| hello.suites = vec![0xcc, 0xa9]);
    let other = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    assert_eq!(error, Error::Illegal(Illegal::ResumedCipherSuite(other)));
}

/// RFC 9846 §4.3.9: the client did not offer psk_ke.
#[test]
fn client_rejects_resumption_without_key_share() {
    let error = client_error_for(Kind::Resumed, |hello| hello.remove(X::KEY_SHARE));
    assert_eq!(error, Error::MissingExtension { message: T::SERVER_HELLO, extension: X::KEY_SHARE });
}

/// The server does not resume without a key exchange, and issues no ticket.
#[test]
fn client_with_only_psk_ke_gets_full_handshake() {
    let server = server_result_for(Kind::Resumed, |hello| *hello.get(X::PSK_KEY_EXCHANGE_MODES) = vec![1, 0]).unwrap();
    assert!(server.sink.sent.iter().any(|sent| sent.typ() == T::CERTIFICATE));
    let error =
        server_result_for(Kind::Resumed, |hello| hello.remove(X::PSK_KEY_EXCHANGE_MODES)).map(|_| ()).unwrap_err();
    assert_eq!(error, Error::MissingExtension { message: T::CLIENT_HELLO, extension: X::PSK_KEY_EXCHANGE_MODES });
}

/// RFC 9846 §4.3.11: the binders cover everything before them.
#[test]
fn pre_shared_key_must_be_last_extension() {
    let move_up = |hello: &mut Hello| {
        let last = hello.extensions.pop().unwrap();
        assert_eq!(last.0, X::PRE_SHARED_KEY.0);
        hello.extensions.insert(0, last);
    };
    let error = server_result_for(Kind::Resumed, move_up).map(|_| ()).unwrap_err();
    assert_eq!(error.alert(), Some(A::ILLEGAL_PARAMETER), "{error}");
}

#[test]
fn client_rejects_acceptance_of_unoffered_early_data() {
    let pki = pki(Kind::Resumed);
    let take = |message: &mut Vec<u8>| {
        if message[0] == T::ENCRYPTED_EXTENSIONS.0 {
            let length = message.len();
            message[3] += 4;
            message[5] += 4;
            message.extend_from_slice(&[0, 42, 0, 0]);
            assert_eq!(message.len(), length + 4);
        }
    };
    let (mut client, mut server) = ends(Kind::Resumed);
    server.sink.edit = Some(Box::new(take));
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    let error = server.flight().iter().find_map(|sent| client.take(sent, &mut answers(&pki)).err()).unwrap();
    assert_eq!(error, Error::UnsolicitedExtension { message: T::ENCRYPTED_EXTENSIONS, extension: X::EARLY_DATA });
}

/// RFC 9846 §4.3.10: the server must select the first key.
#[test]
fn client_rejects_early_data_without_first_psk() {
    let pki = pki(Kind::Early);
    let (mut client, _) = ends(Kind::Early);
    let (_, config) = configs(Kind::Full);
    let take = |message: &mut Vec<u8>| {
        if message[0] == T::ENCRYPTED_EXTENSIONS.0 {
            message[3] += 4;
            message[5] += 4;
            message.extend_from_slice(&[0, 42, 0, 0]);
        }
    };
    let mut server = server_with(config, Some(Box::new(take)));
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    let error = server.flight().iter().find_map(|sent| client.take(sent, &mut answers(&pki)).err()).unwrap();
    assert_eq!(error, Error::Illegal(Illegal::EarlyDataNotOffered));
}

/// A certificate after a selected key would prove nothing more.
#[test]
fn client_rejects_certificate_in_resumption() {
    let pki = pki(Kind::Resumed);
    let (mut client, mut server) = ends(Kind::Resumed);
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    let flight = server.flight();
    for sent in &flight[..3] {
        client.take(sent, &mut answers(&pki)).unwrap();
    }
    let error = client.deliver(&[11, 0, 0, 4, 0, 0, 0, 0], &mut answers(&pki)).unwrap_err();
    assert_eq!(error, Error::UnexpectedMessage { state: StateName::client("WAIT_FINISHED", ""), got: T::CERTIFICATE });
}

/// RFC 7627 §5.3, in both roles.
#[test]
fn session_with_ems_is_not_resumed_without_it() {
    let error = client_error_for(Kind::Tls12Resumed, |hello| hello.remove(X::EXTENDED_MASTER_SECRET));
    assert_eq!(error, Error::Illegal(Illegal::ResumedMasterSecret { session_had_it: true }));
    let error =
        server_result_for(Kind::Tls12Resumed, |hello| hello.remove(X::EXTENDED_MASTER_SECRET)).map(|_| ()).unwrap_err();
    assert_eq!(error, Error::ExtendedMasterSecretRequired);
    assert_eq!(error.alert(), Some(A::HANDSHAKE_FAILURE));
}

/// RFC 5077 §3.3: the ticket follows if and only if ServerHello promised it.
#[test]
fn client_requires_ticket_exactly_if_promised() {
    let pki = pki(Kind::Tls12Ticket);
    for (kind, promise) in [(Kind::Tls12Ticket, false), (Kind::Tls12, true)] {
        let (mut client, mut server) = ends(kind);
        let mut resumable = ends(Kind::Tls12Ticket).0;
        if promise {
            // A client that accepts tickets, and a server that promises one and sends none.
            std::mem::swap(&mut client, &mut resumable);
        }
        let edit: MessageEdit = Box::new(move |message| {
            if message[0] == T::SERVER_HELLO.0 {
                Hello::edit(message, &|hello| {
                    if promise {
                        hello.extensions.push((X::SESSION_TICKET.0, Vec::new()));
                    } else {
                        hello.remove(X::SESSION_TICKET);
                    }
                });
            }
        });
        server.sink.edit = Some(edit);
        let mut error = None;
        for _ in 0..4 {
            for sent in client.flight() {
                if error.is_none() {
                    error = server.take(&sent, &mut answers(&pki)).err();
                }
            }
            for sent in server.flight() {
                if error.is_none() {
                    error = client.take(&sent, &mut answers(&pki)).err();
                }
            }
        }
        match (promise, error.unwrap()) {
            (true, Error::UnexpectedRecord { state, .. }) if state == "WAIT_TICKET" => {}
            (false, Error::UnexpectedMessage { state, got: T::NEW_SESSION_TICKET }) if state == "WAIT_CCS" => {}
            (_, other) => panic!("promise {promise}: {other}"),
        }
    }
}

/// In a TLS 1.2 resumption the client sends nothing before the server's Finished confirms the keys.
#[test]
fn client_sends_no_finished_before_server_in_resumption() {
    let pki = pki(Kind::Tls12Resumed);
    let (mut client, mut server) = ends(Kind::Tls12Resumed);
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    let flight = server.flight();
    for sent in &flight[..2] {
        client.take(sent, &mut answers(&pki)).unwrap();
        assert!(client.flight().is_empty());
    }
    let Sent::Message(mut finished) = flight[2].clone() else { panic!("Finished") };
    finished[7] ^= 1;
    let error = client.deliver(&finished, &mut answers(&pki)).unwrap_err();
    assert_eq!(error, Error::BadFinished);
    assert!(client.flight().is_empty());
}

/// A binder of another hello, and one of the wrong length.
#[test]
fn server_rejects_binder_of_other_hello() {
    let other = Hello::parse(&ends(Kind::Resumed).0.pop()).get(X::PRE_SHARED_KEY).clone();
    let swap = move |hello: &mut Hello| *hello.get(X::PRE_SHARED_KEY) = other.clone();
    assert_eq!(server_result_for(Kind::Resumed, swap).map(|_| ()).unwrap_err(), Error::BadBinder);
    let longer = |hello: &mut Hello| {
        let psk = hello.get(X::PRE_SHARED_KEY);
        let at = psk.len() - 33;
        psk[at] += 1;
        psk[at - 1] += 1;
        psk.push(0);
    };
    let error = server_result_for(Kind::Resumed, longer).map(|_| ()).unwrap_err();
    assert_eq!(error, Error::BadBinder);
    assert_error(&error, A::DECRYPT_ERROR, &["pre-shared key"]);
}

/// EndOfEarlyData changes keys, so neither a whole nor a partial message may follow it in its
/// record.
#[test]
fn data_after_end_of_early_data_in_record_is_rejected() {
    let pki = pki(Kind::Early);
    for follower in [&[20, 0, 0, 32][..], &[20], &[5, 0, 0, 0]] {
        let (mut client, mut server) = ends(Kind::Early);
        server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
        let error = server.deliver(&[&[5, 0, 0, 0], follower].concat(), &mut answers(&pki)).unwrap_err();
        assert_eq!(error, Error::KeyChangeInsideRecord { message: T::END_OF_EARLY_DATA });
    }
}

/// wolfSSL 5.5 rejects nonces of more than a few bytes.
#[test]
fn ticket_nonces_have_one_byte_and_differ() {
    let (mut client_config, mut server_config) = configs(Kind::Full);
    client_config.set_resumption(true);
    server_config.set_session_lookup(SessionLookup::Tickets);
    server_config.set_send_tls13_tickets(3);
    let (mut client, mut server) = (client(client_config), server(server_config));
    let pki = pki(Kind::Full);
    let mut give = |need: Need| match need {
        Need::NewSession(mut need) => {
            let count = need.sessions(now()).len();
            need.answer(vec![b"a ticket".to_vec(); count])
        }
        other => answers(&pki)(other),
    };
    assert_eq!(
        run(&mut client, &mut server, &mut give, &mut |number, message| {
            if message[0] == T::NEW_SESSION_TICKET.0 {
                // After header, lifetime and age_add: the length of the nonce and the nonce.
                assert_eq!(message[12..14], [1, u8::try_from(number - 7).unwrap()]);
            }
        }),
        Outcome::BothConnected
    );
    let Some(Client::Versioned(Versioned::Tls13(mut state))) = client.state else { panic!("not a TLS 1.3 client") };
    let place = SessionTracker::new(Arc::default(), "server.test".try_into().unwrap(), None);
    assert_eq!(state.take_sessions(&place, now()).len(), 3);
}

/// RFC 9846 §4.3.10: early data belongs to the first offered key. If the server selects another, it
/// rejects the early data and the handshake continues.
#[test]
fn server_rejects_early_data_with_other_than_first_psk() {
    let pki = pki(Kind::Early);
    let (mut client, mut server) = ends_with_unknown_first_psk();
    let mut taken = Vec::new();
    let mut second = |need: Need| match need {
        Need::Session(need) => {
            let session = ServerSessionValue::decode(need.identities().nth(1).unwrap()).unwrap();
            taken = need.identities().nth(1).unwrap().to_vec();
            need.found_single_use(1, session, &pki.identity, now())
        }
        Need::TakeSession(need) => {
            assert_eq!(need.identity(), taken, "another session would be removed from the store");
            need.taken()
        }
        other => answers(&pki)(other),
    };
    assert_eq!(run(&mut client, &mut server, &mut second, &mut |_, _| {}), Outcome::BothConnected);
    let actions = &server.sink.actions;
    assert!(actions.contains(&Action::SkipEarlyData), "{actions:?}");
    assert!(!actions.contains(&Action::Secret("CLIENT_EARLY_TRAFFIC_SECRET")), "{actions:?}");
}

/// RFC 9846 §4.3.10: the same, seen by the client of a server that accepts it nevertheless.
#[test]
fn client_rejects_early_data_accepted_with_second_psk() {
    let pki = pki(Kind::Early);
    let (mut client, mut server) = ends_with_unknown_first_psk();
    server.sink.edit = super::flow::edit_each(T::ENCRYPTED_EXTENSIONS, |message| {
        message[3] += 4;
        message[5] += 4;
        message.extend_from_slice(&[0, 42, 0, 0]);
    });
    let mut second = |need: Need| match need {
        Need::Session(need) => {
            let session = ServerSessionValue::decode(need.identities().nth(1).unwrap()).unwrap();
            need.found_single_use(1, session, &pki.identity, now())
        }
        other => answers(&pki)(other),
    };
    let outcome = run(&mut client, &mut server, &mut second, &mut |_, _| {});
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.side, failure.at), ("client", T::ENCRYPTED_EXTENSIONS));
    assert_eq!(failure.error, Illegal::EarlyDataNotOffered.into());
}

/// Early data uses the session's hash, whatever other keys are offered. It is skipped if the server
/// selects another key.
#[test]
fn early_data_keeps_session_hash_with_other_external_psk() {
    const AES_128: CipherSuite = CipherSuite::TLS_AES_128_GCM_SHA256;
    const AES_256: CipherSuite = CipherSuite::TLS_AES_256_GCM_SHA384;
    let pki = pki(Kind::Early);
    let key = ExternalPsk::plain(b"sensor 7".to_vec(), &[7; 32], HashAlgorithm::Sha384).unwrap();
    for (suites, accepted) in [([AES_128, AES_256], true), ([AES_256, AES_128], false)] {
        let (mut client, mut server) = ends_with_second_external_psk(&key, &suites);
        let mut both = |need: Need| match need {
            Need::Session(need) => {
                let session = need.identities().next().map(|bytes| ServerSessionValue::decode(bytes).unwrap()).unwrap();
                let session = PskCandidate::single_use(0, session, &pki.identity, now());
                need.answer(vec![session, PskCandidate::external(1, key.clone())])
            }
            other => answers(&pki)(other),
        };
        if accepted {
            server.deliver(&client.pop(), &mut both).unwrap();
            let mut exported = [[0; 32]; 2];
            let exporters = [
                client.state.as_ref().unwrap().early_exporter().unwrap(),
                server.state.as_ref().unwrap().early_exporter().unwrap(),
            ];
            for (exporter, out) in exporters.into_iter().zip(&mut exported) {
                exporter.export(b"label", None, out).unwrap();
            }
            assert_eq!(exported[0], exported[1], "the transcript hash differs");
        }
        assert_eq!(run(&mut client, &mut server, &mut both, &mut |_, _| {}), Outcome::BothConnected);
        let early = Action::Secret("CLIENT_EARLY_TRAFFIC_SECRET");
        // The client derives its early key before it reads the response.
        assert!(client.sink.actions.contains(&early));
        assert_eq!(server.sink.actions.contains(&early), accepted);
        assert_eq!(server.sink.actions.contains(&Action::SkipEarlyData), !accepted);
        for established in [client.state.unwrap().established(), server.state.unwrap().established()] {
            let negotiated = established.unwrap().negotiated;
            let kind = if accepted { HandshakeKind::Resumed } else { HandshakeKind::ExternalPsk };
            assert_eq!((negotiated.kind, negotiated.early_data), (kind, accepted));
            assert_eq!(negotiated.suite.suite(), suites[0]);
        }
    }
}

/// A server may renew the ticket of a session that it resumes (RFC 5077 §3.3). The age of the
/// session does not change.
#[test]
fn renewed_tls12_ticket_keeps_time_of_verification() {
    let pki = pki(Kind::Tls12Resumed);
    let (client_config, server_config) = configs(Kind::Tls12Resumed);
    let ResumptionOffer::Tls12(mut session) = session_offer(Kind::Tls12Resumed, &client_config, &server_config) else {
        panic!()
    };
    let began = session.authenticated;
    session.server_chain = pki.identity.chain().into();
    let mut client = client_resuming(client_config, ResumptionOffer::Tls12(session), None);
    let mut server = server(server_config);
    let edit: MessageEdit = Box::new(|message| {
        if message[0] == T::SERVER_HELLO.0 {
            Hello::edit(message, &|hello| hello.extensions.push((X::SESSION_TICKET.0, Vec::new())));
            // Append a ticket with a lifetime of 1000 s, so that both transcripts contain it.
            message.extend_from_slice(&[4, 0, 0, 13, 0, 0, 3, 232, 0, 7]);
            message.extend_from_slice(b"renewed");
        }
    });
    server.sink.edit = Some(edit);
    for _ in 0..2 {
        for sent in client.flight() {
            server.take(&sent, &mut answers(&pki)).unwrap();
        }
        for sent in server.flight() {
            client.take(&sent, &mut answers(&pki)).unwrap();
        }
    }
    assert!(client.is_connected() && server.is_connected());
    let Some(Client::Versioned(Versioned::Tls12(mut state))) = client.state else { panic!("not a TLS 1.2 client") };
    let place = SessionTracker::new(Arc::default(), "a.test".try_into().unwrap(), None);
    let later = UnixTime::since_unix_epoch(Duration::from_secs(began + 500));
    let session = state.take_sessions(&place, later).remove(0);
    assert_eq!((session.ticket.as_slice(), session.lifetime), (b"renewed".as_slice(), 1000));
    assert_eq!((session.authenticated, session.received), (began, began + 500));
}

/// RFC 5246 §7.4.1.2: the client must offer the session's suite again. Otherwise the handshake is a
/// full one.
#[test]
fn tls12_resumption_requires_offer_of_session_suite() {
    let without = |hello: &mut Hello| {
        let suites: Vec<u8> =
            hello.suites.chunks(2).filter(|suite| *suite != [0xc0, 0x2b]).flatten().copied().collect();
        assert_ne!(hello.suites, suites);
        hello.suites = suites;
    };
    let server = server_result_for(Kind::Tls12Resumed, without).unwrap();
    assert!(server.sink.sent.iter().any(|sent| sent.typ() == T::CERTIFICATE));
}

/// RFC 7627 §6.1: without extended master secret, `tls-unique` of a resumption is not bound to the
/// handshake. Our server resumes no such session, so its ServerHello is edited.
#[test]
fn client_has_no_tls_unique_without_ems() {
    for ems in [true, false] {
        let pki = pki(Kind::Tls12Resumed);
        let (mut client_config, server_config) = configs(Kind::Tls12Resumed);
        client_config.set_require_ems(false);
        let offer = session_offer(Kind::Tls12Resumed, &client_config, &server_config);
        let ResumptionOffer::Tls12(mut session) = offer else { panic!("no session") };
        session.extended_master_secret = ems;
        let mut client = client_resuming(client_config, ResumptionOffer::Tls12(session), None);
        let mut server = server(server_config);
        server.sink.edit = super::flow::edit_each(T::SERVER_HELLO, move |message| {
            if !ems {
                Hello::edit(message, &|hello| hello.remove(X::EXTENDED_MASTER_SECRET));
            }
        });
        assert_eq!(run(&mut client, &mut server, &mut answers(&pki), &mut |_, _| {}), Outcome::BothConnected);
        let state = client.state.unwrap();
        let negotiated = state.established().unwrap().negotiated;
        assert_eq!((negotiated.kind, negotiated.first_finished.is_some()), (HandshakeKind::Resumed, ems));
    }
}

/// RFC 9846 §4.7.1: a ticket whose early_data has a limit of 0 allows no early data.
#[test]
fn ticket_with_zero_limit_allows_no_early_data() {
    for limit in [0u32, 5] {
        let pki = pki(Kind::Full);
        let (mut client_config, mut server_config) = configs(Kind::Full);
        client_config.set_resumption(true);
        client_config.enable_early_data(true);
        server_config.set_session_lookup(SessionLookup::Tickets);
        let (mut client, mut server) = (client(client_config.clone()), server(server_config));
        let mut edited = 0;
        let outcome = run(&mut client, &mut server, &mut answers(&pki), &mut |_, message| {
            if message[0] == T::NEW_SESSION_TICKET.0 {
                assert_eq!(message.split_off(message.len() - 2), [0, 0], "it has extensions");
                message.extend_from_slice(&[&[0, 8, 0, 42, 0, 4][..], &limit.to_be_bytes()].concat());
                message[3] += 8;
                edited += 1;
            }
        });
        assert_eq!((outcome, edited), (Outcome::BothConnected, 1));
        let Some(Client::Versioned(Versioned::Tls13(mut state))) = client.state else { panic!("not a TLS 1.3 client") };
        let place = SessionTracker::new(Arc::new(client_config.clone()), "a.test".try_into().unwrap(), None);
        let session = state.take_sessions(&place, now()).remove(0);
        assert_eq!(session.max_early_data(), limit);
        let offer = ResumptionOffer::of_session(&client_config, &place, session, now());
        let mut client = client_resuming(client_config, offer, None);
        let hello = Hello::parse(&client.pop());
        assert_eq!((hello.has(X::PRE_SHARED_KEY), hello.has(X::EARLY_DATA)), (true, limit > 0));
    }
}

/// RFC 7627 §5.3: the client remembers whether the session has extended master secret. Our server
/// stores none without, so its ServerHello is edited to name one.
#[test]
fn client_session_remembers_whether_it_has_ems() {
    for (kind, ems) in [(Kind::Tls12, true), (Kind::Tls12Plain, false)] {
        let pki = pki(kind);
        let (mut client_config, server_config) = configs(kind);
        client_config.set_resumption(true);
        let (mut client, mut server) = super::flow::ends_of(kind, client_config, server_config);
        server.sink.edit = super::flow::edit_each(T::SERVER_HELLO, |message| {
            Hello::edit(message, &|hello| hello.session_id = vec![7; 32]);
        });
        assert_eq!(run(&mut client, &mut server, &mut answers(&pki), &mut |_, _| {}), Outcome::BothConnected);
        let Some(Client::Versioned(Versioned::Tls12(mut state))) = client.state else { panic!("not a TLS 1.2 client") };
        let place = SessionTracker::new(Arc::default(), "a.test".try_into().unwrap(), None);
        let session = state.take_sessions(&place, now()).remove(0);
        assert_eq!((session.session_id, session.extended_master_secret), (vec![7; 32], ems));
    }
}
