//! Early data (0-RTT) through the public API.

use std::io::{Cursor, ErrorKind, Read, Write};
use std::sync::Arc;

use strata_tls::{
    ClientConfig, ClientSession, ClientSessionMemoryCache, HandshakeKind, NoServerSessionStorage, ProtocolVersion,
    ServerConfig, ServerSession, ServerSessionMemoryCache, Session, Ticketer,
};

use crate::pair::{Pair, drain, feed, pattern, read_all};
use crate::pki::{Ca, Kind};

const REQUEST: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

/// Configurations that allow early data, with a session in the client's cache.
fn configs() -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.enable_early_data(true);
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(100)));
    server.set_max_early_data_size(1000);
    let (client, server) = (Arc::new(client), Arc::new(server));
    let mut first = Pair::new(&client, &server);
    assert!(first.client.early_data().is_none(), "no session is stored yet");
    first.settle().unwrap();
    (client, server)
}

fn send_early(client: &mut ClientSession, data: &[u8]) {
    client.early_data().expect("the session must allow early data").write_all(data).unwrap();
}

fn read_early(server: &mut ServerSession) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(mut early) = server.early_data() {
        early.read_to_end(&mut all).unwrap();
    }
    all
}

#[test]
fn early_data_arrives_before_the_handshake_completes() {
    let (client, server) = configs();
    let mut pair = Pair::new(&client, &server);
    let early = pair.client.early_data().unwrap();
    assert_eq!(early.bytes_left(), 1000);
    send_early(&mut pair.client, REQUEST);
    assert_eq!(pair.client.early_data().unwrap().bytes_left(), 1000 - u32::try_from(REQUEST.len()).unwrap());
    // Ordinary writes wait for the handshake.
    pair.client.write_all(b"later").unwrap();
    feed(&mut pair.server, &drain(&mut pair.client)).unwrap();
    assert!(pair.server.is_handshaking());
    assert_eq!(read_early(&mut pair.server), REQUEST);
    assert!(pair.server.early_data().is_none());
    pair.settle().unwrap();
    assert!(pair.client.is_early_data_accepted());
    assert!(pair.client.early_data().is_none(), "early data ends with the handshake");
    assert_eq!(read_all(&mut pair.server), b"later");
    assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed));
}

#[test]
fn replayed_early_data_is_rejected_by_all_servers_of_a_store() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut client = ca.client_config();
    client.enable_early_data(true);
    let store = Arc::new(ServerSessionMemoryCache::new(100));
    // Both servers share the certificate because a session is bound to it.
    let identity = ca.identity(Kind::EcdsaP256, &["server.test"]);
    let server = || {
        let mut server = strata_tls::ServerConfig::new(identity.clone());
        server.set_session_storage(Arc::clone(&store) as _);
        server.set_max_early_data_size(1000);
        Arc::new(server)
    };
    let (client, one, other) = (Arc::new(client), server(), server());
    Pair::connected(&client, &one);
    for first in [&one, &other] {
        let mut pair = Pair::new(&client, first);
        send_early(&mut pair.client, REQUEST);
        let recorded = drain(&mut pair.client);
        feed(&mut pair.server, &recorded).unwrap();
        assert_eq!(read_early(&mut pair.server), REQUEST);
        for server in [&one, &other, &one] {
            let mut replayed = ServerSession::new(server);
            feed(&mut replayed, &recorded).unwrap();
            assert_eq!(read_early(&mut replayed), b"");
            assert!(replayed.is_handshaking());
        }
        pair.settle().unwrap();
        assert!(pair.client.is_early_data_accepted());
    }
}

/// The server's limit has no effect without session storage, in whichever order both are set.
#[test]
fn early_data_requires_session_storage() {
    let ca = Ca::new(Kind::EcdsaP256);
    let storage = || Arc::new(ServerSessionMemoryCache::new(100));
    let ticketer = || Arc::new(Ticketer::new().unwrap());
    type SetStorage<'a> = &'a dyn Fn(&mut ServerConfig);
    let resumes: [(SetStorage<'_>, bool); 4] = [
        (&|server| server.set_ticketer(ticketer()), true),
        (&|server| server.set_ticketer_and_session_ids(ticketer(), storage()), true),
        (&|server| server.disable_resumption(), false),
        (&|server| server.set_session_storage(Arc::new(NoServerSessionStorage)), false),
    ];
    for (at, (set_storage, resumed)) in resumes.into_iter().enumerate() {
        for early_data_first in [true, false] {
            let identity = ca.identity(Kind::EcdsaP256, &["server.test"]);
            let server = |set_storage: SetStorage<'_>| {
                let mut server = ServerConfig::new(identity.clone());
                if early_data_first {
                    server.set_max_early_data_size(1000);
                }
                set_storage(&mut server);
                server.set_max_early_data_size(1000);
                server.validate().unwrap();
                Arc::new(server)
            };
            let mut client = ca.client_config();
            client.enable_early_data(true);
            let client = Arc::new(client);
            let without = server(set_storage);
            Pair::connected(&client, &without);
            let mut pair = Pair::new(&client, &without);
            assert!(pair.client.early_data().is_none(), "no ticket allows early data: {at}");
            pair.settle().unwrap();
            assert_eq!(pair.client.handshake_kind().unwrap().is_resumed(), resumed, "{at}");
            // A client with a session of another server, whose ticket allows early data, sends it
            // regardless.
            let mut client = ClientConfig::clone(&client);
            client.set_session_storage(Arc::new(ClientSessionMemoryCache::new(10)));
            let client = Arc::new(client);
            Pair::connected(&client, &server(&|server| server.set_session_storage(storage())));
            let mut pair = Pair::new(&client, &without);
            send_early(&mut pair.client, REQUEST);
            pair.settle().unwrap();
            assert!(!pair.client.is_early_data_accepted());
            assert_eq!(read_early(&mut pair.server), b"");
            pair.client.write_all(REQUEST).unwrap();
            pair.settle().unwrap();
            assert_eq!(read_all(&mut pair.server), REQUEST);
        }
    }
}

#[test]
fn early_data_writer_stops_at_the_server_limit() {
    let (client, server) = configs();
    let mut pair = Pair::new(&client, &server);
    let mut early = pair.client.early_data().unwrap();
    assert_eq!(early.write(&[7; 600]).unwrap(), 600);
    assert_eq!(early.write(&[8; 600]).unwrap(), 400);
    assert_eq!(early.write(&[9; 1]).unwrap(), 0);
    assert!(pair.client.early_data().is_none());
    pair.settle().unwrap();
    assert_eq!(read_early(&mut pair.server), [vec![7; 600], vec![8; 400]].concat());
}

#[test]
fn half_rtt_data_arrives_in_the_first_server_flight() {
    let ca = Ca::new(Kind::EcdsaP256);
    for half_rtt in [false, true] {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        client.enable_early_data(true);
        server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(100)));
        server.set_max_early_data_size(1000);
        server.set_send_half_rtt_data(half_rtt);
        let (client, server) = (Arc::new(client), Arc::new(server));
        Pair::connected(&client, &server);
        let mut pair = Pair::new(&client, &server);
        send_early(&mut pair.client, REQUEST);
        feed(&mut pair.server, &drain(&mut pair.client)).unwrap();
        assert_eq!(read_early(&mut pair.server), REQUEST);
        pair.server.write_all(b"answer").unwrap();
        // Deliver only the server's first flight; the client has not sent its second.
        feed(&mut pair.client, &drain(&mut pair.server)).unwrap();
        assert_eq!(read_all(&mut pair.client), if half_rtt { b"answer".as_slice() } else { b"" });
        pair.settle().unwrap();
        let rest = read_all(&mut pair.client);
        assert_eq!(rest, if half_rtt { b"".as_slice() } else { b"answer" });
    }
}

#[test]
fn server_that_closed_early_still_reads_from_the_client() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    server.set_send_half_rtt_data(true);
    let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
    feed(&mut pair.server, &drain(&mut pair.client)).unwrap();
    pair.server.write_all(b"answer").unwrap();
    pair.server.send_close_notify();
    assert_eq!(pair.server.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
    feed(&mut pair.client, &drain(&mut pair.server)).unwrap();
    assert_eq!(read_all(&mut pair.client), b"answer");
    pair.client.write_all(REQUEST).unwrap();
    pair.settle().unwrap();
    assert_eq!(read_all(&mut pair.server), REQUEST);
    assert_eq!(pair.client.read(&mut [0; 10]).unwrap(), 0, "the server's close_notify");
}

#[test]
fn early_exporter_agrees_on_both_sides() {
    let (client, server) = configs();
    let mut pair = Pair::new(&client, &server);
    send_early(&mut pair.client, REQUEST);
    let (mut ours, mut theirs) = ([0; 32], [0; 32]);
    pair.client.early_data().unwrap().export_keying_material(&mut ours, b"EXPERIMENTAL", Some(b"context")).unwrap();
    feed(&mut pair.server, &drain(&mut pair.client)).unwrap();
    pair.server.early_data().unwrap().export_keying_material(&mut theirs, b"EXPERIMENTAL", Some(b"context")).unwrap();
    assert_eq!(ours, theirs);
    pair.settle().unwrap();
    pair.client.export_keying_material(&mut theirs, b"EXPERIMENTAL", Some(b"context")).unwrap();
    assert_ne!(ours, theirs);
}

#[test]
fn early_data_requires_tls13_and_opt_in() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut server = ca.server_config(Kind::EcdsaP256);
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(100)));
    server.set_max_early_data_size(1000);
    let server = Arc::new(server);
    for (version, enabled) in [(ProtocolVersion::TLS12, true), (ProtocolVersion::TLS13, false)] {
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        client.enable_early_data(enabled);
        let client = Arc::new(client);
        Pair::connected(&client, &server);
        let mut pair = Pair::new(&client, &server);
        assert!(pair.client.early_data().is_none());
        pair.settle().unwrap();
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Resumed));
        assert!(!pair.client.is_early_data_accepted());
    }
}

/// Unread early data stops reading from the transport. The handshake continues once the server
/// reads it.
#[test]
fn unread_early_data_counts_against_the_limit() {
    const LIMIT: usize = 64 * 1024;
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.enable_early_data(true);
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(100)));
    server.set_max_early_data_size(1_000_000);
    let (client, server) = (Arc::new(client), Arc::new(server));
    Pair::connected(&client, &server);
    let mut pair = Pair::new(&client, &server);
    pair.client.set_buffer_limit(None);
    let data = pattern(10 * LIMIT);
    send_early(&mut pair.client, &data);
    let wire = drain(&mut pair.client);
    let mut taken = feed(&mut pair.server, &wire).unwrap();
    assert!((LIMIT..2 * LIMIT).contains(&taken), "{taken}");
    assert!(!pair.server.wants_read() && pair.server.is_handshaking());
    pair.server.read_tls(&mut &wire[taken..]).unwrap_err();
    // `complete_io` reports why the handshake does not continue.
    drain(&mut pair.server);
    let error = pair.server.complete_io(&mut Cursor::new(Vec::new())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(error.to_string().contains("early data"), "{error}");
    // Reading a part makes room for a part.
    let (mut read, mut some) = (Vec::new(), [0; 5000]);
    while taken < wire.len() {
        let n = pair.server.early_data().unwrap().read(&mut some).unwrap();
        assert!(n > 0);
        read.extend_from_slice(&some[..n]);
        taken += feed(&mut pair.server, &wire[taken..]).unwrap();
        // One read of the transport may exceed the limit.
        assert!(taken - read.len() < 3 * LIMIT);
    }
    read.extend(read_early(&mut pair.server));
    assert!(read == data && pair.server.wants_read());
}
