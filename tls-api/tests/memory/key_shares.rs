//! Key exchange groups: the default, and what a client knows about its servers.

use std::sync::Arc;

use strata_tls::{
    ClientConfig, ClientSessionMemoryCache, ClientSessionValue, HandshakeKind, NamedGroup, NoClientSessionStorage,
    ProtocolVersion, ServerConfig, ServerName, Session, StoresClientSessions,
};

use crate::pair::{Pair, carry, drain};
use crate::pki::{Ca, Kind, VERSIONS};

const P384: NamedGroup = NamedGroup::SECP384R1;

/// A client and a server that insists on P-384.
fn configs() -> (ClientConfig, Arc<ServerConfig>) {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut server = ca.server_config(Kind::EcdsaP256);
    server.set_groups(&[P384]).unwrap();
    (ca.client_config(), Arc::new(server))
}

fn is_retried(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> bool {
    let pair = Pair::connected(client, server);
    assert_eq!(pair.client.negotiated_group(), Some(P384));
    pair.client.handshake_kind().unwrap().is_retried()
}

#[test]
fn default_group_is_hybrid_in_tls13_only() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        let pair = Pair::connected(&Arc::new(client), &Arc::new(ca.server_config(Kind::EcdsaP256)));
        let hybrid = cfg!(feature = "post-quantum") && version == ProtocolVersion::TLS13;
        let expected = if hybrid { NamedGroup::X25519MLKEM768 } else { NamedGroup::X25519 };
        assert_eq!(pair.client.negotiated_group(), Some(expected));
        assert_eq!(pair.server.negotiated_group(), Some(expected));
    }
}

#[test]
fn client_is_retried_once_for_a_server() {
    let (client, server) = configs();
    let client = Arc::new(client);
    assert!(is_retried(&client, &server));
    // Also after the sessions are used up, so that the handshake is a full one.
    for kind in [HandshakeKind::Resumed, HandshakeKind::Resumed, HandshakeKind::Resumed] {
        let pair = Pair::connected(&client, &server);
        assert_eq!(pair.client.handshake_kind(), Some(kind));
    }
}

#[test]
fn group_is_known_without_a_session() {
    let (mut client, server) = configs();
    let cache = Arc::new(ClientSessionMemoryCache::new(10));
    client.set_session_storage(Arc::clone(&cache) as _);
    let client = Arc::new(client);
    assert!(is_retried(&client, &server));
    let name = "server.test".try_into().unwrap();
    // After each successful handshake there are new sessions.
    cache.remove(&name, &client.session_scope());
    assert!(cache.is_empty());
    let pair = Pair::connected(&client, &server);
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
    assert_eq!(cache.group(&name), Some(P384));
    assert_eq!(cache.group(&"SERVER.test".try_into().unwrap()), Some(P384));
    assert_eq!(cache.group(&"other.test".try_into().unwrap()), None);
}

#[test]
fn group_is_noted_before_the_client_reads_data() {
    let (client, server) = configs();
    let client = Arc::new(client);
    let mut pair = Pair::new(&client, &server);
    for _ in 0..2 {
        carry(&mut pair.client, &mut pair.server).unwrap();
        carry(&mut pair.server, &mut pair.client).unwrap();
    }
    // The client's Finished is lost: the server has authenticated itself.
    assert!(!pair.client.is_handshaking() && !drain(&mut pair.client).is_empty());
    drop(pair);
    assert!(!is_retried(&client, &server));
}

#[test]
fn failed_handshake_leaves_no_group() {
    let (client, server) = configs();
    let client = Arc::new(client);
    let mut pair = Pair::new(&client, &server);
    carry(&mut pair.client, &mut pair.server).unwrap();
    carry(&mut pair.server, &mut pair.client).unwrap();
    carry(&mut pair.client, &mut pair.server).unwrap();
    let mut flight = drain(&mut pair.server);
    *flight.last_mut().unwrap() ^= 1;
    crate::pair::feed(&mut pair.client, &flight).unwrap_err();
    drop(pair);
    assert!(is_retried(&client, &server));
}

#[test]
fn storage_without_groups_is_retried_each_time() {
    /// Has only the required methods.
    #[derive(Debug)]
    struct Minimal;
    impl StoresClientSessions for Minimal {
        fn put(&self, _: ClientSessionValue) {}

        fn take(&self, _: &ServerName<'_>, _: &[u8; 32]) -> Option<ClientSessionValue> {
            None
        }

        fn remove(&self, _: &ServerName<'_>, _: &[u8; 32]) {}
    }
    let (client, server) = configs();
    for storage in [Arc::new(Minimal) as Arc<dyn StoresClientSessions>, Arc::new(NoClientSessionStorage)] {
        let mut client = client.clone();
        client.set_session_storage(storage);
        let client = Arc::new(client);
        assert!(is_retried(&client, &server) && is_retried(&client, &server));
    }
}

#[test]
fn cache_holds_groups_of_as_many_servers_as_it_has_room() {
    let cache = ClientSessionMemoryCache::new(2);
    let name = |name: &'static str| ServerName::try_from(name).unwrap();
    for server in ["a.test", "b.test", "a.test", "c.test"] {
        cache.put_group(&name(server), P384);
    }
    let known = ["a.test", "b.test", "c.test"].map(|server| cache.group(&name(server)).is_some());
    assert_eq!(known, [true, false, true]);
    cache.put_group(&name("a.test"), NamedGroup::X25519);
    assert_eq!(cache.group(&name("a.test")), Some(NamedGroup::X25519));
}

#[test]
fn server_retries_for_its_preferred_group_if_configured() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_groups(&[NamedGroup::X25519, P384]).unwrap();
    server.set_groups(&[P384, NamedGroup::X25519]).unwrap();
    for (retry, group) in [(false, NamedGroup::X25519), (true, P384)] {
        server.set_retry_for_preferred_group(retry);
        let mut client = client.clone();
        client.set_session_storage(Arc::new(NoClientSessionStorage));
        let pair = Pair::connected(&Arc::new(client), &Arc::new(server.clone()));
        assert_eq!(pair.client.negotiated_group(), Some(group));
        assert_eq!(pair.server.handshake_kind().unwrap().is_retried(), retry);
    }
}

/// Early data and resumptions of TLS 1.2 are as secret as the key exchange that began the session.
#[cfg(feature = "post-quantum")]
#[test]
fn post_quantum_config_resumes_no_classical_session() {
    let ca = Ca::new(Kind::EcdsaP256);
    let kind = |client: &Arc<ClientConfig>, server: &Arc<ServerConfig>| {
        let mut pair = Pair::new(client, server);
        pair.settle().ok().and_then(|()| pair.client.handshake_kind())
    };
    for version in VERSIONS {
        let (client, server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        let (mut strict_client, mut strict_server) = (client.clone(), server.clone());
        strict_client.set_groups(&[NamedGroup::X25519MLKEM768]).unwrap();
        strict_server.set_groups(&[NamedGroup::X25519MLKEM768]).unwrap();
        // The other side negotiates one version.
        let (mut client, mut server) = (client, server);
        client.set_versions(&[version]).unwrap();
        server.set_versions(&[version]).unwrap();
        let [client, strict_client] = [client, strict_client].map(Arc::new);
        let [server, strict_server] = [server, strict_server].map(Arc::new);
        // TLS 1.2 has no such groups.
        let full = (version == ProtocolVersion::TLS13).then_some(HandshakeKind::Full);

        assert_eq!(kind(&client, &server), Some(HandshakeKind::Full));
        assert_eq!(kind(&strict_client, &server), full, "{version}");
        assert_eq!(kind(&client, &server), Some(HandshakeKind::Resumed));
        assert_eq!(kind(&client, &strict_server), full, "{version}");
        // Sessions of two such configurations are resumed.
        kind(&strict_client, &strict_server);
        assert_eq!(kind(&strict_client, &strict_server), Some(HandshakeKind::Resumed));
    }
}
