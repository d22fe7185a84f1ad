//! Which tickets a server issues, and which a client requests and keeps.

use tls_codec::code_points::{ContentType, ExtensionType as X};
use tls_crypto::TicketKey;

use super::super::hello::Hello;
use super::super::pair::Pair;
use super::{Harness, Storage, TLS12, TLS13, for_each_storage};
use crate::HandshakeKind;
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Error, Flood};

#[test]
fn invalid_ticket_leads_to_full_handshake() {
    for_each_storage(|mut harness, version| {
        let (client, server) = (harness.client(version), harness.server());
        let session = harness.establish_one(&client, &server);
        match harness.storage {
            Storage::Ticket => harness.key = TicketKey::generate(tls_crypto::Backend::ring()).unwrap(),
            Storage::Id => harness.store.clear(),
        }
        assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full));
        let changes: [fn(&mut Vec<u8>); 3] = [|id| id[20] ^= 1, |id| id.truncate(20), |id| id.push(0)];
        // A session ID cannot be longer than 32 bytes.
        let fitting = if harness.storage == Storage::Id && version == TLS12 { 2 } else { 3 };
        for alter in changes.into_iter().take(fitting) {
            let mut session = harness.establish_one(&client, &server);
            let id = if session.ticket.is_empty() { &mut session.session_id } else { &mut session.ticket };
            alter(id);
            assert_eq!(harness.kind(&client, &server, session), Some(HandshakeKind::Full));
        }
    });
}

#[test]
fn disabled_resumption_neither_issues_nor_requests_tickets() {
    for_each_storage(|mut harness, version| {
        let (client, server) = (harness.client(version), harness.server());
        let mut pair = Pair::with(client.clone(), ServerConfig::new());
        harness.run(&mut pair).unwrap();
        assert!(!pair.client.has_sessions());
        let mut without_resumption = ClientConfig::new();
        without_resumption.set_versions(&[version]).unwrap();
        let mut pair = Pair::with(without_resumption, server.clone());
        harness.run(&mut pair).unwrap();
        assert!(!pair.client.has_sessions());
        let mut no_lifetime = server;
        no_lifetime.set_session_lifetime(0);
        let mut pair = Pair::with(client, no_lifetime);
        harness.run(&mut pair).unwrap();
        assert!(!pair.client.has_sessions());
    });
}

#[test]
fn ticket_count_follows_setting_and_ages_are_obfuscated() {
    let mut harness = Harness::new(Storage::Ticket);
    for count in [0, 1, 2, 8] {
        let (client, mut server) = (harness.client(TLS13), harness.server());
        server.set_send_tls13_tickets(count);
        let mut pair = Pair::with(client, server);
        harness.run(&mut pair).unwrap();
        let sessions = pair.client.take_sessions(harness.now);
        assert_eq!(sessions.len(), usize::from(count));
        assert_eq!(harness.asked.contains(&"new session"), count > 0);
        let mut ages: Vec<_> = sessions.iter().map(|session| session.age_add).collect();
        let tickets: std::collections::HashSet<_> = sessions.iter().map(|s| s.ticket.clone()).collect();
        assert_eq!(tickets.len(), sessions.len(), "a repeated ticket");
        ages.sort_unstable();
        ages.dedup();
        assert_eq!(ages.len(), sessions.len(), "ticket_age_add is not random");
    }
}

#[test]
fn tickets_without_data_are_flood() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, mut server) = (harness.client(TLS13), harness.server());
    server.set_send_tls13_tickets(255);
    let mut pair = Pair::with(client, server);
    harness.run(&mut pair).unwrap();
    pair.exchange(b"question", b"answer");
    // Lifetime, age_add, nonce, a ticket of one byte, no extensions.
    let ticket = [&[4, 0, 0, 15][..], &[0; 8], &[1, 0], &[0, 1, 7], &[0, 0]].concat();
    let send = |pair: &mut Pair| {
        pair.server.send_raw_record(ContentType::HANDSHAKE, &ticket, &mut pair.to_client);
        pair.step_client().map(|_| ())
    };
    for _ in 0..2 {
        (0..512).for_each(|_| send(&mut pair).unwrap());
        pair.exchange(b"question", b"answer");
    }
    (0..512).for_each(|_| send(&mut pair).unwrap());
    assert_eq!(send(&mut pair), Err(Error::Flood(Flood::NewSessionTickets)));
}

#[test]
fn client_stores_at_most_eight_tickets() {
    let mut harness = Harness::new(Storage::Ticket);
    let (client, mut server) = (harness.client(TLS13), harness.server());
    server.set_send_tls13_tickets(100);
    let mut pair = Pair::with(client, server);
    harness.run(&mut pair).unwrap();
    assert_eq!(pair.client.take_sessions(harness.now).len(), 8);
}

/// RFC 9846 §4.3.9, RFC 5077 §3.2: the client requests tickets only if it uses them, in the
/// extension of its version.
#[test]
fn client_requests_tickets_only_with_resumption() {
    for version in [TLS12, TLS13] {
        for (resumption, tickets) in [(true, true), (true, false), (false, true)] {
            let mut config = Harness::new(Storage::Ticket).client(version);
            config.set_resumption(resumption);
            config.set_tickets(tickets);
            let pair = Pair::with(config, ServerConfig::new());
            let hello = Hello::parse(&pair.to_server.ready()[5..]);
            let takes = resumption && tickets;
            assert_eq!(hello.has(X::SESSION_TICKET), takes && version == TLS12, "{version} {resumption} {tickets}");
            assert_eq!(hello.has(X::PSK_KEY_EXCHANGE_MODES), takes && version == TLS13, "{version}");
        }
    }
}
