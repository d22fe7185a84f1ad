//! Resumption in TLS 1.2: tickets, IDs and extended_master_secret.

use tls_codec::code_points::ExtensionType as X;

use super::super::hello::Hello;
use super::super::pair::Pair;
use super::{Harness, STORAGES, Storage, TLS12, TLS13};
use crate::config::{ClientConfig, SessionLookup};
use crate::error::Error;
use crate::need::Need;
use crate::{HandshakeKind, ServerSessionValue};

#[test]
fn tls12_session_is_reusable() {
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        let (client, server) = (harness.client(TLS12), harness.server());
        let session = harness.establish_one(&client, &server);
        for _ in 0..3 {
            assert_eq!(harness.kind(&client, &server, session.clone()), Some(HandshakeKind::Resumed));
        }
    }
}

#[test]
fn session_of_older_version_is_resumed_until_server_upgrades() {
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        let mut both = ClientConfig::new();
        both.set_resumption(true);
        let mut server = harness.server();
        server.set_versions(&[TLS12]).unwrap();
        let session = harness.establish_one(&both, &server);
        assert_eq!(session.version(), TLS12);
        assert_eq!(harness.kind(&both, &server, session.clone()), Some(HandshakeKind::Resumed));
        // The server enables TLS 1.3, uses it, and does not resume the session.
        let newer = harness.server();
        let pair = harness.resume(&both, &newer, session);
        assert_eq!(pair.client.protocol_version(), Some(TLS13));
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
    }
}

/// RFC 5077 §3.4: a ticket takes precedence over an ID. An empty ticket or ID names no session.
#[test]
fn tls12_session_is_identified_by_ticket_or_id() {
    use SessionLookup::{Ids, Never, Tickets, TicketsOrIds};
    const TICKET: &[u8] = b"a ticket";
    const ID: &[u8] = &[7; 32];
    for (lookup, ticket, id, named) in [
        (Tickets, TICKET, ID, Some(TICKET)),
        (Tickets, b"", ID, None),
        (Ids, TICKET, ID, Some(ID)),
        (Ids, TICKET, b"", None),
        (TicketsOrIds, TICKET, ID, Some(TICKET)),
        (TicketsOrIds, b"", ID, Some(ID)),
        (TicketsOrIds, TICKET, b"", Some(TICKET)),
        (TicketsOrIds, b"", b"", None),
        (Never, TICKET, ID, None),
    ] {
        let harness = Harness::new(Storage::Ticket);
        let mut server = harness.server();
        server.set_session_lookup(lookup);
        let mut pair = Pair::with(harness.client(TLS12), server);
        edit_hello(&mut pair, &|hello| {
            *hello.get(X::SESSION_TICKET) = ticket.to_vec();
            hello.session_id = id.to_vec();
        });
        let asked = match pair.step_server().unwrap() {
            Some(Need::Session(need)) => need.identities().next().map(<[u8]>::to_vec),
            _ => None,
        };
        assert_eq!(asked.as_deref(), named, "{lookup:?} {ticket:?} {id:?}");
    }
}

/// Edits the queued ClientHello.
fn edit_hello(pair: &mut Pair, change: &dyn Fn(&mut Hello)) {
    let mut hello = Hello::parse(&pair.to_server.ready()[5..]);
    change(&mut hello);
    let hello = hello.encode();
    let length = u16::try_from(hello.len()).unwrap().to_be_bytes();
    pair.at_server = [&[22, 3, 1], &length[..], &hello].concat();
    pair.to_server.consume(pair.to_server.ready().len());
}

/// A TLS 1.3 ticket in a TLS 1.2 hello leads to a full handshake, not to an error.
#[test]
fn tls13_ticket_is_not_resumed_in_tls12() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, server) = (harness.client(TLS13), harness.server());
    let session = harness.establish_one(&client, &server);
    let mut both = client;
    both.set_versions(&[TLS13, TLS12]).unwrap();
    let mut pair = Pair::with(both, server);
    edit_hello(&mut pair, &|hello| {
        hello.remove(X::SUPPORTED_VERSIONS);
        *hello.get(X::SESSION_TICKET) = session.ticket.clone();
    });
    let Some(Need::Session(need)) = pair.step_server().unwrap() else { panic!("no need") };
    let next = pair.server.resume(harness.answer(Need::Session(need)), &mut pair.to_client).unwrap();
    assert!(matches!(next, Some(Need::Identity(_))));
}

/// RFC 7627 §5.3: both handshakes must use extended_master_secret.
#[test]
fn tls12_resumption_requires_ems_in_both_handshakes() {
    for (session_has_it, hello_has_it) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut harness = Harness::new(Storage::Id);
        let (client, server) = (harness.client(TLS12), harness.server());
        let session = harness.establish_one(&client, &server);
        for stored in harness.store.values_mut() {
            let mut value = ServerSessionValue::decode(stored).unwrap();
            value.extended_master_secret = session_has_it;
            *stored = value.encode().to_vec();
        }
        let mut pair = Pair::resuming(client, server, session, harness.now);
        edit_hello(&mut pair, &|hello| {
            if !hello_has_it {
                hello.remove(X::EXTENDED_MASTER_SECRET);
            }
        });
        let need = pair.step_server().unwrap().unwrap();
        let next = pair.server.resume(harness.answer(need), &mut pair.to_client);
        match (session_has_it, hello_has_it) {
            (true, true) => assert!(next.unwrap().is_none()),
            (true, false) => assert_eq!(next.unwrap_err(), Error::ExtendedMasterSecretRequired),
            (false, _) => assert!(matches!(next.unwrap(), Some(Need::Identity(_)))),
        }
    }
}

/// RFC 5929 §3.1: in a resumption the server's Finished is the first.
#[test]
fn tls_unique_of_resumption_is_server_finished() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, server) = (harness.client(TLS12), harness.server());
    let session = harness.establish_one(&client, &server);
    let pair = harness.resume(&client, &server, session);
    assert!(pair.client.tls_unique().is_some());
    assert_eq!(pair.client.tls_unique(), pair.server.tls_unique());
}

/// RFC 7627 §5.3: a session without extended_master_secret should not be resumed, so it is not
/// stored.
#[test]
fn server_stores_no_session_without_extended_master_secret() {
    for storage in [Storage::Ticket, Storage::Id] {
        for ems in [true, false] {
            let mut harness = Harness::new(storage);
            let mut pair = Pair::with(harness.client(TLS12), harness.server());
            edit_hello(&mut pair, &|hello| {
                if !ems {
                    hello.remove(X::EXTENDED_MASTER_SECRET);
                }
            });
            pair.drive_server(&mut |need| harness.answer(need)).unwrap();
            let answer = Hello::parse(&pair.to_client.ready()[5..]);
            assert_eq!(answer.has(X::SESSION_TICKET), ems && storage == Storage::Ticket, "{storage:?}");
            assert_eq!(answer.session_id.is_empty(), !(ems && storage == Storage::Id), "{storage:?}");
        }
    }
}
