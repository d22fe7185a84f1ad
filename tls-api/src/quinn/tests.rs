//! Sessions without packets, called as quinn calls them.

use std::sync::Arc;

use bytes::BytesMut;
use quinn_proto::crypto::{ClientConfig as _, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig as _, Session};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectError, ConnectionId, Side, TransportErrorCode};

use super::{QuicClientConfig, QuicServerConfig};
use crate::quic::{ClientConnection, Level, Output, QuicFault, ServerConnection, ServerStart, TAG_LEN, Version};
use crate::{
    Backend, ClientConfig, ConnectionInfo, Contradiction, Error, HandshakeKind, Identity, Needs, ProtocolVersion,
    ServerConfig, ServerSessionMemoryCache, SignatureScheme,
};

const V1: u32 = 1;
const V2: u32 = 0x6b33_43cf;

fn parameters(encoded: &[u8]) -> TransportParameters {
    TransportParameters::read(Side::Client, &mut &encoded[..]).unwrap()
}

fn configs() -> (ClientConfig, ServerConfig) {
    let made = rcgen::generate_simple_self_signed(["server.test".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
    let mut client = ClientConfig::with_roots(crate::root_store_from_pem(&cert).unwrap());
    let mut server = ServerConfig::from_pem(&cert, &key).unwrap();
    client.set_alpn_protocols(["h3"]).unwrap();
    client.enable_early_data(true);
    server.set_alpn_protocols(["h3"]).unwrap();
    server.set_session_storage(Arc::new(ServerSessionMemoryCache::new(8)));
    server.set_max_early_data_size(1);
    (client, server)
}

fn of_quinn((client, server): (ClientConfig, ServerConfig)) -> (Arc<QuicClientConfig>, Arc<QuicServerConfig>) {
    let client = QuicClientConfig::try_from(Arc::new(client)).unwrap();
    (Arc::new(client), Arc::new(QuicServerConfig::try_from(Arc::new(server)).unwrap()))
}

type Configs = (Arc<QuicClientConfig>, Arc<QuicServerConfig>);

fn sessions((client, server): &Configs, of_server: &[u8]) -> [Box<dyn Session>; 2] {
    let client = Arc::clone(client).start_session(V1, "server.test", &parameters(&[])).unwrap();
    [client, Arc::clone(server).start_session(V1, &parameters(of_server))]
}

/// Data of a level, and the keys that follow it.
type Flight = (Vec<u8>, Option<Keys>);

/// Takes the output as quinn does.
fn take(session: &mut dyn Session) -> Vec<Flight> {
    let mut flights = Vec::new();
    loop {
        let mut data = Vec::new();
        let keys = session.write_handshake(&mut data);
        if data.is_empty() && keys.is_none() {
            return flights;
        }
        flights.push((data, keys));
    }
}

/// Seals with one side's key and opens with the other's.
fn passes(from: (&dyn HeaderKey, &dyn PacketKey), to: (&dyn HeaderKey, &dyn PacketKey)) -> bool {
    let header = [0x40, 1, 2, 3, 0];
    let mut packet = [&header[..], b"some content", &[0; TAG_LEN]].concat();
    from.1.encrypt(0, &mut packet, header.len());
    from.0.encrypt(4, &mut packet);
    to.0.decrypt(4, &mut packet);
    let mut payload = BytesMut::from(&packet[header.len()..]);
    to.1.decrypt(0, &packet[..header.len()], &mut payload).is_ok() && payload == b"some content"[..]
}

fn directions(keys: &Keys) -> [(&dyn HeaderKey, &dyn PacketKey); 2] {
    [(&*keys.header.local, &*keys.packet.local), (&*keys.header.remote, &*keys.packet.remote)]
}

fn pass_both_ways(client: &Keys, server: &Keys) -> [bool; 2] {
    let ([to_server, from_server], [to_client, from_client]) = (directions(client), directions(server));
    [passes(to_server, from_client), passes(to_client, from_server)]
}

fn update_passes(client: &KeyPair<Box<dyn PacketKey>>, server: &KeyPair<Box<dyn PacketKey>>) -> [bool; 2] {
    let same = crate::quic::initial_keys(crate::Backend::ring(), crate::quic::Version::V1, b"");
    let header = super::keys::Direction::ready(same.client).header;
    let of = |key| (&*header, key);
    [passes(of(&*client.local), of(&*server.remote)), passes(of(&*server.local), of(&*client.remote))]
}

/// A complete handshake. Returns the 1-RTT keys of both sides.
fn handshake([client, server]: &mut [Box<dyn Session>; 2]) -> [Keys; 2] {
    let hello = take(&mut **client).remove(0).0;
    assert!(!server.read_handshake(&hello).unwrap());
    let flights: [Flight; 2] = take(&mut **server).try_into().ok().unwrap();
    let [(server_hello, Some(ours)), (flight, Some(server_keys))] = flights else {
        panic!("the server's flight has two levels");
    };
    assert!(!client.read_handshake(&server_hello).unwrap());
    let theirs = take(&mut **client).remove(0).1.unwrap();
    assert_eq!(pass_both_ways(&theirs, &ours), [true, true]);
    assert!(client.handshake_data().is_none() && client.peer_identity().is_none());
    assert!(client.read_handshake(&flight).unwrap());
    let (finished, client_keys) = take(&mut **client).remove(0);
    // The server sends before it has the client's Finished, but does not receive.
    let client_keys = client_keys.unwrap();
    assert_eq!(pass_both_ways(&client_keys, &server_keys), [false, true]);
    let [first, second] = [server.next_1rtt_keys().unwrap(), server.next_1rtt_keys().unwrap()];
    assert!(server.read_handshake(&finished).unwrap());
    assert_eq!(pass_both_ways(&client_keys, &server_keys), [true, true]);
    for server_keys in [first, second, server.next_1rtt_keys().unwrap()] {
        assert_eq!(update_passes(&client.next_1rtt_keys().unwrap(), &server_keys), [true, true]);
    }
    let [(tickets, None)] = &take(&mut **server)[..] else { panic!("only tickets follow") };
    assert!(!client.read_handshake(tickets).unwrap());
    assert!(take(&mut **client).is_empty());
    [client_keys, server_keys]
}

fn kind(session: &dyn Session) -> HandshakeKind {
    session.handshake_data().unwrap().downcast::<ConnectionInfo>().unwrap().handshake_kind()
}

#[test]
fn sessions_exchange_keys_of_all_levels() {
    for (ours, theirs) in Backend::ALL.iter().flat_map(|ours| Backend::ALL.iter().map(|theirs| (*ours, *theirs))) {
        let (mut client, mut server) = configs();
        client.set_backend(ours);
        server.set_backend(theirs);
        let mut sessions = sessions(&of_quinn((client, server)), &[]);
        handshake(&mut sessions);
        let [client, server] = &sessions;
        assert_eq!([kind(&**client), kind(&**server)], [HandshakeKind::Full; 2]);
        assert!(client.early_crypto().is_none() && server.early_crypto().is_none());
        let id = ConnectionId::new(&[7; 8]);
        let [ours, theirs] =
            [(client, Side::Client), (server, Side::Server)].map(|(s, side)| s.initial_keys(&id, side));
        assert_eq!(pass_both_ways(&ours, &theirs), [true, true]);
    }
}

/// quinn asks for the keys of a first packet when it arrives, and again for its connection. Packets
/// of other clients may arrive between.
#[test]
fn each_connection_has_the_keys_of_its_first_packet() {
    let configs = of_quinn(configs());
    let ids = [ConnectionId::new(&[1; 8]), ConnectionId::new(&[2; 8])];
    let of_packets = ids.map(|id| configs.1.initial_keys(V1, &id).unwrap());
    for _ in 0..2 {
        let [client, server] = sessions(&configs, &[]);
        for (id, of_packet) in ids.iter().zip(&of_packets) {
            let [ours, theirs] = [client.initial_keys(id, Side::Client), server.initial_keys(id, Side::Server)];
            assert_eq!(pass_both_ways(&ours, &theirs), [true, true]);
            assert_eq!(pass_both_ways(&ours, of_packet), [true, true]);
        }
        let [one, other] = ids.map(|id| server.initial_keys(&id, Side::Server));
        let one_client = client.initial_keys(&ids[0], Side::Client);
        assert_eq!([pass_both_ways(&one_client, &one), pass_both_ways(&one_client, &other)], [[true; 2], [false; 2]]);
    }
}

#[test]
fn early_keys_are_handed_out_once_and_match() {
    let configs = of_quinn(configs());
    let limits = [0x04, 2, 0x44, 0];
    handshake(&mut sessions(&configs, &limits));
    let mut both = sessions(&configs, &limits);
    let [client, server] = &mut both;
    let early = client.early_crypto().unwrap();
    assert!(client.early_crypto().is_none());
    // The remembered limits.
    assert_eq!(client.transport_parameters().unwrap(), Some(parameters(&limits)));
    let hello = take(&mut **client).remove(0).0;
    server.read_handshake(&hello).unwrap();
    let theirs = server.early_crypto().unwrap();
    assert!(passes((&*early.0, &*early.1), (&*theirs.0, &*theirs.1)));
}

#[test]
fn changed_limits_reject_early_data_and_resume() {
    let configs = of_quinn(configs());
    let with = |limits: &[u8]| {
        let mut both = sessions(&configs, limits);
        handshake(&mut both);
        let [client, server] = both;
        assert_eq!(kind(&*client), kind(&*server));
        (kind(&*client), client.early_data_accepted(), server.early_crypto().is_some())
    };
    assert_eq!(with(&[0x04, 1, 9]), (HandshakeKind::Full, Some(false), false));
    // max_ack_delay limits no early data.
    assert_eq!(with(&[0x0b, 1, 9, 0x04, 1, 9]), (HandshakeKind::Resumed, Some(true), true));
    assert_eq!(with(&[0x04, 1, 8]), (HandshakeKind::Resumed, Some(false), false));
}

/// quinn takes keys after each packet, and passes no level with CRYPTO data. So the rest of an
/// Initial packet must not count as protected data (RFC 9001 §4.1.3).
#[test]
fn rest_of_a_packet_is_not_data_of_the_next_level() {
    for quinn_takes_keys in [true, false] {
        let [mut client, mut server] = sessions(&of_quinn(configs()), &[]);
        server.read_handshake(&take(&mut *client).remove(0).0).unwrap();
        let [(server_hello, _), (flight, _)] = &take(&mut *server)[..] else { panic!("two levels") };
        client.read_handshake(server_hello).unwrap();
        if quinn_takes_keys {
            drop(take(&mut *client));
            client.read_handshake(flight).unwrap();
        } else {
            let e = client.read_handshake(flight).unwrap_err();
            assert_eq!(e.code, TransportErrorCode::PROTOCOL_VIOLATION);
            assert!(e.reason.contains("Initial level"), "{e}");
        }
    }
}

#[test]
fn versions_that_quinn_does_not_implement_are_rejected() {
    let (client, server) = of_quinn(configs());
    for version in [0, V2, 0xff00_001d] {
        let start = Arc::clone(&client).start_session(version, "server.test", &parameters(&[]));
        assert!(matches!(start.err(), Some(ConnectError::UnsupportedVersion)));
        assert!(server.initial_keys(version, &ConnectionId::new(&[1])).is_err());
    }
    let endpoint = format!("{:?}", super::endpoint_config().unwrap());
    assert!(endpoint.contains("supported_versions: [1]"), "{endpoint}");
    let start = Arc::clone(&client).start_session(V1, "https://server.test/", &parameters(&[]));
    assert!(matches!(start.err(), Some(ConnectError::InvalidServerName(name)) if name == "https://server.test/"));
}

#[test]
fn retry_tag_is_checked_over_the_whole_packet() {
    let configs = of_quinn(configs());
    let id = ConnectionId::new(&[7; 8]);
    let (header, token) = (b"\xf0\0\0\0\x01header", b"token");
    let tag = configs.1.retry_tag(V1, &id, &[&header[..], token].concat());
    let [client, _] = sessions(&configs, &[]);
    let payload = [&token[..], &tag].concat();
    assert!(client.is_valid_retry(&id, header, &payload));
    assert!(!client.is_valid_retry(&id, &header[1..], &payload));
    assert!(!client.is_valid_retry(&id, header, &payload[1..]));
    assert!(!client.is_valid_retry(&ConnectionId::new(&[7; 7]), header, &payload));
    assert!(!client.is_valid_retry(&id, &[], &tag[1..]));
}

/// RFC 9000 §7.4. The parameters arrive as they are, so that quinn rejects them.
#[test]
fn invalid_transport_parameters_have_their_error() {
    let (client, server) = configs();
    let (client, server) = (Arc::new(client), Arc::new(server));
    // initial_max_data twice, a length beyond the end, a parameter of servers from a client.
    for (invalid, is_valid_of_servers) in [
        (&[4, 1, 9, 4, 1, 9][..], false),
        (&[4, 9, 1], false),
        (&[2, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], true),
    ] {
        let mut from = ClientConnection::new(&client, Version::V1, "server.test", invalid.to_vec()).unwrap();
        let [_, mut to] = sessions(&of_quinn(((*client).clone(), (*server).clone())), &[]);
        let Some(Output::Crypto(Level::Initial, hello)) = from.next_output() else { panic!("no ClientHello") };
        to.read_handshake(&hello).unwrap();
        assert_eq!(to.transport_parameters().unwrap_err().code, TransportErrorCode::TRANSPORT_PARAMETER_ERROR);

        let [mut to, _] = sessions(&of_quinn(((*client).clone(), (*server).clone())), &[]);
        let start = ServerStart { transport_parameters: invalid.to_vec(), ..ServerStart::default() };
        let mut from = ServerConnection::new(&server, Version::V1, start).unwrap();
        from.receive(Level::Initial, &take(&mut *to).remove(0).0).unwrap();
        while let Some(output) = from.next_output() {
            if let Output::Crypto(_, bytes) = output {
                to.read_handshake(&bytes).unwrap();
                drop(take(&mut *to));
            }
        }
        let code = to.transport_parameters().err().map(|e| e.code);
        assert_eq!(code, (!is_valid_of_servers).then_some(TransportErrorCode::TRANSPORT_PARAMETER_ERROR));
    }
}

#[test]
fn errors_have_the_codes_of_quic() {
    let code = |e: &Error| u64::from(super::session::transport_error(e).code);
    let faults = [QuicFault::BufferExceeded { limit: 1 }, QuicFault::SessionId, QuicFault::PostHandshakeAuth];
    for e in [Error::WrongAnswer, Error::AlpnRequired].into_iter().chain(faults.map(Error::from)) {
        assert_eq!(code(&e), e.quic_code(), "{e}");
    }
    assert_eq!(code(&Error::AlpnRequired), 0x0178);
}

fn client_error(change: impl FnOnce(&mut ClientConfig)) -> String {
    let mut config = configs().0;
    change(&mut config);
    QuicClientConfig::try_from(Arc::new(config)).unwrap_err().to_string()
}

fn server_error(change: impl FnOnce(&mut ServerConfig)) -> String {
    let mut config = configs().1;
    change(&mut config);
    let e: Contradiction = QuicServerConfig::try_from(Arc::new(config.clone())).unwrap_err();
    assert_eq!(super::server_config(Arc::new(config)).unwrap_err(), e.clone().into());
    e.to_string()
}

#[test]
fn contradicting_configurations_are_rejected_when_made() {
    let tls12 = [ProtocolVersion::TLS12];
    let no_alpn: [&str; 0] = [];
    let cases = [
        (client_error(|config| config.set_versions(&tls12).unwrap()), "cipher suites"),
        (server_error(|config| config.set_versions(&tls12).unwrap()), "cipher suites"),
        (client_error(|config| config.set_alpn_protocols(no_alpn).unwrap()), "no application protocols"),
        (server_error(|config| config.set_alpn_protocols(no_alpn).unwrap()), "no application protocols"),
        (client_error(|config| config.set_deferred_needs(Needs::VERIFICATION)), "deferred requests"),
        (server_error(|config| config.set_deferred_needs(Needs::SIGNATURE)), "deferred requests"),
        (server_error(|config| config.disable_resumption()), "no session storage"),
    ];
    for (e, part) in cases {
        assert!(e.contains(part), "{e}");
    }
}

fn remote_identity() -> Identity {
    let made = rcgen::generate_simple_self_signed(["server.test".to_owned()]).unwrap();
    Identity::with_remote_key(vec![made.cert.into()], vec![SignatureScheme::ECDSA_SECP256R1_SHA256]).unwrap()
}

#[test]
fn remote_key_is_rejected_when_made() {
    let mut config = ServerConfig::new(remote_identity());
    config.set_alpn_protocols(["h3"]).unwrap();
    let e = QuicServerConfig::try_from(Arc::new(config)).unwrap_err();
    assert!(e.to_string().contains("remote key"), "{e}");
}

/// The resolver selects between two identities, so it is known only in a handshake.
#[test]
fn remote_key_of_a_resolver_fails_the_handshake() {
    let mut config = ServerConfig::with_identities([remote_identity(), remote_identity()]);
    config.set_alpn_protocols(["h3"]).unwrap();
    let [mut client, mut server] = sessions(&of_quinn((configs().0, config)), &[]);
    let e = server.read_handshake(&take(&mut *client).remove(0).0).unwrap_err();
    assert_eq!(e.code, TransportErrorCode::crypto(80));
    assert!(server.is_handshaking());
}
