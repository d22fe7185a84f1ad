//! Handshakes over all combinations of parameters: client and server must agree on what they
//! negotiated.

use std::io::Write;
use std::sync::Arc;

use strata_tls::{
    CipherSuite, ClientHelloInfo, ClientSession, Error, HandshakeKind, Identity, NamedGroup, NoIdentity,
    ProtocolVersion, ResolvesServerCert, ResolvesServerCertUsingSni, ServerConfig, ServerSession, Session,
};

use crate::pair::{Pair, carry, drain, feed, pattern, read_all, record_lengths};
use crate::pki::{Ca, KINDS, Kind, VERSIONS, configs, configs_of, suites};

const GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

#[test]
fn all_parameter_combinations_carry_data_both_ways() {
    let (up, down) = (pattern(40_000), pattern(50_000));
    for (kind, version) in KINDS.into_iter().flat_map(|kind| VERSIONS.map(|version| (kind, version))) {
        let ca = Ca::new(kind);
        for (suite, group) in suites(version, kind).into_iter().flat_map(|suite| GROUPS.map(|group| (suite, group))) {
            for size in [None, Some(64), Some(517), Some(16_384)] {
                let (mut client, mut server) = (ca.client_config(), ca.server_config(kind));
                client.set_cipher_suites(&[suite]).unwrap();
                server.set_groups(&[group]).unwrap();
                client.set_max_fragment_size(size).unwrap();
                server.set_max_fragment_size(size).unwrap();
                let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
                pair.client.set_buffer_limit(None);
                pair.server.set_buffer_limit(None);
                pair.settle().unwrap();
                let what = format!("{kind:?} {suite} {group} {size:?}");
                assert_eq!(pair.client.write(&up).unwrap(), up.len(), "{what}");
                assert_eq!(pair.server.write(&down).unwrap(), down.len(), "{what}");
                let (to_server, to_client) = (drain(&mut pair.client), drain(&mut pair.server));
                for length in record_lengths(&to_server).into_iter().chain(record_lengths(&to_client)) {
                    assert!(length <= size.unwrap_or(16_384 + 29), "{what}: {length}");
                }
                feed(&mut pair.server, &to_server).unwrap();
                feed(&mut pair.client, &to_client).unwrap();
                assert!(read_all(&mut pair.server) == up && read_all(&mut pair.client) == down, "{what}");
                for session in [&pair.client as &dyn Negotiated, &pair.server] {
                    assert_eq!(session.negotiated(), (Some(version), Some(suite), Some(group)));
                }
            }
        }
    }
}

trait Negotiated {
    fn negotiated(&self) -> (Option<ProtocolVersion>, Option<CipherSuite>, Option<NamedGroup>);
}

impl<S: Session> Negotiated for S {
    fn negotiated(&self) -> (Option<ProtocolVersion>, Option<CipherSuite>, Option<NamedGroup>) {
        (self.protocol_version(), self.negotiated_cipher_suite(), self.negotiated_group())
    }
}

#[test]
fn negotiated_values_are_none_before_the_handshake_ends() {
    let (client, server) = configs();
    let mut pair = Pair::new(&client, &server);
    assert_eq!(pair.client.negotiated(), (None, None, None));
    assert!(pair.client.peer_certificates().is_none() && pair.client.handshake_kind().is_none());
    let mut out = [0; 32];
    assert_eq!(pair.client.export_keying_material(&mut out, b"label", None), Err(Error::HandshakeNotComplete));
    assert_eq!(pair.client.refresh_traffic_keys(), Err(Error::HandshakeNotComplete));
    pair.settle().unwrap();
    assert_eq!(pair.client.peer_certificates().unwrap().len(), 1);
    assert!(pair.server.peer_certificates().is_none());
    assert_eq!(pair.server.sni_hostname(), Some("server.test"));
}

#[test]
fn group_without_key_share_causes_hello_retry_request() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (server_group, kind) in
        [(NamedGroup::X25519, HandshakeKind::Full), (NamedGroup::SECP384R1, HandshakeKind::FullWithHelloRetryRequest)]
    {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        client.set_groups(&GROUPS).unwrap();
        server.set_groups(&[server_group]).unwrap();
        let pair = Pair::connected(&Arc::new(client), &Arc::new(server));
        assert_eq!(pair.client.handshake_kind(), Some(kind));
        assert_eq!(pair.server.handshake_kind(), Some(kind));
    }
}

#[test]
fn alpn_follows_the_server_preference() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_alpn_protocols(["http/1.1", "h2"]).unwrap();
    server.set_alpn_protocols(["h3", "h2", "http/1.1"]).unwrap();
    let pair = Pair::connected(&Arc::new(client.clone()), &Arc::new(server.clone()));
    assert_eq!(pair.client.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(pair.server.alpn_protocol(), Some(&b"h2"[..]));

    client.set_alpn_protocols(["imap"]).unwrap();
    let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
    assert!(matches!(pair.settle(), Err(Error::NoCommonAlpn { .. })));
}

#[test]
fn exporters_agree_and_depend_on_label_and_context() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let pair = Pair::connected(&client, &server);
        let of_client = |label: &[u8], context: Option<&[u8]>| {
            let (mut out, mut of_server) = ([0; 48], [0; 48]);
            pair.client.export_keying_material(&mut out, label, context).unwrap();
            pair.server.export_keying_material(&mut of_server, label, context).unwrap();
            assert_eq!(out, of_server, "{version}");
            out
        };
        let one = of_client(b"one", Some(b"context"));
        assert_ne!(of_client(b"two", Some(b"context")), one);
        assert_ne!(of_client(b"one", Some(b"Context")), one);
        assert_ne!(of_client(b"one", None), one);
        // RFC 5705 §4 distinguishes no context from an empty one; RFC 9846 §7.5 does not.
        let same = of_client(b"one", None) == of_client(b"one", Some(b""));
        assert_eq!(same, version == ProtocolVersion::TLS13, "{version}");
    }
}

#[test]
fn tls12_key_refresh_returns_an_error() {
    let (client, server) = configs_of(ProtocolVersion::TLS12);
    let mut pair = Pair::connected(&client, &server);
    assert_eq!(pair.client.refresh_traffic_keys(), Err(Error::NoKeyUpdate));
    assert_eq!(pair.server.refresh_traffic_keys(), Err(Error::NoKeyUpdate));
    pair.client.write_all(b"still there").unwrap();
    pair.settle().unwrap();
    assert_eq!(read_all(&mut pair.server), b"still there");
}

#[test]
fn either_side_can_refresh_keys_between_data() {
    let (client, server) = configs();
    let mut pair = Pair::connected(&client, &server);
    for round in 0..20 {
        if round % 2 == 0 {
            pair.client.refresh_traffic_keys().unwrap();
        } else {
            pair.server.refresh_traffic_keys().unwrap();
        }
        pair.client.write_all(b"up").unwrap();
        pair.server.write_all(b"down").unwrap();
        pair.settle().unwrap();
        assert_eq!(read_all(&mut pair.server), b"up");
        assert_eq!(read_all(&mut pair.client), b"down");
    }
}

#[test]
fn ip_address_is_verified_and_not_sent_in_sni() {
    let ca = Ca::new(Kind::EcdsaP256);
    let config = Arc::new(ca.client_config());
    let client = ClientSession::new(&config, "127.0.0.1").unwrap();
    let server = ServerSession::new(&Arc::new(ca.server_config(Kind::EcdsaP256)));
    let mut pair = Pair { client, server };
    pair.settle().unwrap();
    assert!(!pair.client.is_handshaking());
    assert_eq!(pair.server.sni_hostname(), None);
}

fn identity(ca: &Ca, name: &str) -> Identity {
    ca.identity(Kind::EcdsaP256, &[name])
}

#[test]
fn certificate_selection_ignores_the_case_of_the_name() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut resolver = ResolvesServerCertUsingSni::new();
    resolver.add("other.test", identity(&ca, "other.test")).unwrap();
    resolver.add("SERVER.test", identity(&ca, "server.test")).unwrap();
    let config = Arc::new(ServerConfig::with_resolver(Arc::new(resolver)));
    for name in ["server.test", "Server.TEST"] {
        let client = ClientSession::new(&Arc::new(ca.client_config()), name).unwrap();
        let mut pair = Pair { client, server: ServerSession::new(&config) };
        pair.settle().unwrap();
        assert!(pair.server.sni_hostname().unwrap().eq_ignore_ascii_case(name));
    }
}

#[test]
fn unknown_name_gets_the_default_or_unrecognized_name() {
    let ca = Ca::new(Kind::EcdsaP256);
    let client = Arc::new(ca.client_config());
    let mut resolver = ResolvesServerCertUsingSni::new();
    resolver.add("other.test", identity(&ca, "other.test")).unwrap();
    let mut pair = Pair::new(&client, &Arc::new(ServerConfig::with_resolver(Arc::new(resolver))));
    assert_eq!(
        pair.settle(),
        Err(Error::NoIdentity {
            asked: Some("server.test".into()),
            alert: strata_tls::AlertDescription::UNRECOGNIZED_NAME
        })
    );
    let received = carry(&mut pair.server, &mut pair.client).unwrap_err();
    assert!(matches!(
        received,
        Error::AlertReceived { description: strata_tls::AlertDescription::UNRECOGNIZED_NAME, .. }
    ));

    let mut resolver = ResolvesServerCertUsingSni::new();
    resolver.add_default(identity(&ca, "server.test"));
    Pair::connected(&client, &Arc::new(ServerConfig::with_resolver(Arc::new(resolver))));
}

#[test]
fn resolver_sees_the_whole_client_hello() {
    #[derive(Debug)]
    struct InspectingResolver(Arc<Identity>);
    impl ResolvesServerCert for InspectingResolver {
        fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
            let groups = hello.client_hello().extensions.supported_groups.unwrap();
            (hello.server_name() == Some("server.test") && groups.iter().any(|group| group == NamedGroup::X25519))
                .then(|| self.0.clone())
                .ok_or(NoIdentity::default())
        }
    }
    let ca = Ca::new(Kind::EcdsaP256);
    let resolver = Arc::new(InspectingResolver(Arc::new(identity(&ca, "server.test"))));
    Pair::connected(&Arc::new(ca.client_config()), &Arc::new(ServerConfig::with_resolver(resolver)));
}
