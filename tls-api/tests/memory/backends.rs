//! Configurations with each backend, and peers with different ones.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use strata_tls::handshake::tls_crypto::Group;
use strata_tls::{
    AllowAnyAuthenticatedClient, Backend, ClientConfig, ClientSession, ClientSessionMemoryCache, Contradiction,
    HandshakeKind, NamedGroup, RootCertStore, ServerConfig, ServerSession, ServerSessionMemoryCache, Session,
    SignatureScheme, StreamOwned, Ticketer,
};

use crate::pair::{Pair, drain, pattern, read_all};
use crate::pki::{Ca, KINDS, Kind, VERSIONS, suites};

/// Each client's backend with each server's.
fn pairs() -> impl Iterator<Item = (Backend, Backend)> {
    Backend::ALL.iter().flat_map(|client| Backend::ALL.iter().map(|server| (*client, *server)))
}

/// Connects, exchanges data both ways, and compares exported keys.
fn exchange(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, what: &str) -> Pair {
    let mut pair = Pair::new(client, server);
    pair.settle().unwrap_or_else(|e| panic!("{what}: {e}"));
    let (up, down) = (pattern(20_000), pattern(17_000));
    pair.client.write_all(&up).unwrap();
    pair.server.write_all(&down).unwrap();
    pair.settle().unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(read_all(&mut pair.server) == up && read_all(&mut pair.client) == down, "{what}");
    let mut exported = [[0; 32]; 2];
    pair.client.export_keying_material(&mut exported[0], b"label", Some(b"context")).unwrap();
    pair.server.export_keying_material(&mut exported[1], b"label", Some(b"context")).unwrap();
    assert_eq!(exported[0], exported[1], "{what}");
    pair
}

#[test]
fn every_pair_of_backends_connects_with_every_suite() {
    for kind in KINDS {
        let ca = Ca::new(kind);
        let (mut client, mut server) = (ca.client_config(), ca.server_config(kind));
        client.set_client_identity(ca.identity(kind, &["client.test"]));
        server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
        for (ours, theirs) in pairs() {
            client.set_backend(ours);
            server.set_backend(theirs);
            assert_eq!((client.backend(), server.backend()), (ours, theirs));
            let server = Arc::new(server.clone());
            for (version, suite) in VERSIONS.into_iter().flat_map(|one| suites(one, kind).map(|suite| (one, suite))) {
                let mut client = client.clone();
                client.set_cipher_suites(&[suite]).unwrap();
                let what = format!("{kind:?} {ours:?} {theirs:?} {version} {suite}");
                let pair = exchange(&Arc::new(client), &server, &what);
                assert_eq!(pair.server.protocol_version(), Some(version), "{what}");
                assert!(pair.server.peer_certificates().is_some(), "{what}");
            }
        }
    }
}

#[test]
fn every_pair_of_backends_connects_in_every_group() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (ours, theirs) in pairs() {
        for group in Group::ALL.iter().filter(|group| ours.supports_group(**group) && theirs.supports_group(**group)) {
            let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
            client.set_backend(ours);
            server.set_backend(theirs);
            let id = NamedGroup(group.id());
            server.set_groups(&[id]).unwrap();
            for groups in [&[id][..], &[NamedGroup::SECP256R1, id]] {
                if groups.len() == 2 && id == NamedGroup::SECP256R1 {
                    continue;
                }
                client.set_groups(groups).unwrap();
                let what = format!("{ours:?} {theirs:?} {group:?}");
                let pair = exchange(&Arc::new(client.clone()), &Arc::new(server.clone()), &what);
                assert_eq!(pair.client.negotiated_group(), Some(id), "{what}");
            }
        }
    }
}

/// Both sides change their backend between the handshakes.
#[test]
fn sessions_of_one_backend_resume_with_another() {
    let ca = Ca::new(Kind::EcdsaP256);
    let key = [7; 48];
    for version in VERSIONS {
        for ((first_client, first_server), (client, server)) in
            pairs().flat_map(|one| pairs().map(move |two| (one, two)))
        {
            for in_tickets in [true, false] {
                let sessions = Arc::new(ClientSessionMemoryCache::new(10));
                let store = Arc::new(ServerSessionMemoryCache::new(10));
                let config = ca.server_config(Kind::EcdsaP256);
                let configs = |ours: Backend, theirs: Backend| {
                    let (mut client, mut server) = (ca.client_config(), config.clone());
                    client.set_versions(&[version]).unwrap();
                    client.set_session_storage(sessions.clone());
                    client.set_backend(ours);
                    server.set_backend(theirs);
                    if in_tickets {
                        let ticketer = Ticketer::from_keys_with_backend(theirs, &key, &[]).unwrap();
                        server.set_ticketer(Arc::new(ticketer));
                    } else {
                        server.set_session_storage(store.clone());
                    }
                    (Arc::new(client), Arc::new(server))
                };
                let what = format!("{version} {first_client:?} {first_server:?} {client:?} {server:?} {in_tickets}");
                let before = configs(first_client, first_server);
                assert_eq!(exchange(&before.0, &before.1, &what).client.handshake_kind(), Some(HandshakeKind::Full));
                let after = configs(client, server);
                assert_eq!(before.0.session_scope(), after.0.session_scope());
                assert_eq!(before.1.session_scope(), after.1.session_scope());
                let pair = exchange(&after.0, &after.1, &what);
                assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed), "{what}");
            }
        }
    }
}

#[test]
fn default_ticketer_follows_the_backend_and_no_other_does() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (first, second) in pairs() {
        let mut server = ca.server_config(Kind::EcdsaP256);
        server.set_backend(first);
        server.set_alpn_protocols(["h2"]).unwrap();
        server.set_backend(second);
        let (client, server) = (Arc::new(ca.client_config()), Arc::new(server));
        exchange(&client, &server, "first");
        let pair = exchange(&client, &server, "second");
        assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed), "{first:?} {second:?}");
        // A ticketer of the application is not replaced.
        let mut server = ca.server_config(Kind::EcdsaP256);
        server.disable_resumption();
        server.set_backend(second);
        let (client, server) = (Arc::new(ca.client_config()), Arc::new(server));
        exchange(&client, &server, "first");
        let pair = exchange(&client, &server, "second");
        assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Full));
    }
}

#[test]
fn names_that_the_backend_lacks_are_rejected_in_any_order() {
    let (p521, scheme) = (NamedGroup::SECP521R1, SignatureScheme::ECDSA_SECP521R1_SHA512);
    let mut config = ClientConfig::new();
    if Backend::ALL.len() == 1 {
        // No backend has them, so the setters reject them.
        assert!(config.set_groups(&[p521]).is_err() && config.set_signature_schemes(&[scheme]).is_err());
        return;
    }
    for &backend in Backend::ALL {
        let lacks = backend == Backend::ring();
        for backend_first in [true, false] {
            let mut config = ClientConfig::new();
            let mut set = |is_first: bool| {
                if is_first { config.set_backend(backend) } else { config.set_groups(&[p521]).unwrap() }
            };
            set(backend_first);
            set(!backend_first);
            let expected = Contradiction::UnsupportedGroup { group: p521, backend: "ring" };
            assert_eq!(config.validate().err(), lacks.then_some(expected));
            let mut config = ClientConfig::new();
            let mut set = |is_first: bool| {
                if is_first { config.set_backend(backend) } else { config.set_signature_schemes(&[scheme]).unwrap() }
            };
            set(backend_first);
            set(!backend_first);
            let expected = Contradiction::UnsupportedSignatureScheme { scheme, backend: "ring" };
            assert_eq!(config.validate().err(), lacks.then_some(expected));
        }
        config.set_backend(backend);
        assert_eq!(config.validate(), Ok(()), "the defaults are those of the backend");
    }
}

/// A configuration without a backend shows constants, with AWS-LC compiled in and without it, so
/// nothing changes if another crate turns the feature on.
#[test]
fn defaults_do_not_depend_on_the_compiled_backends() {
    let client = ClientConfig::with_roots(RootCertStore::new());
    let chain = include_bytes!("../data/crossed-leaf.pem");
    let server = ServerConfig::from_pem(chain, include_bytes!("../data/openssl-leaf-key.pem")).unwrap();
    assert_eq!((client.backend(), server.backend()), (Backend::ring(), Backend::ring()));

    let hello = drain(&mut ClientSession::new(&Arc::new(client.clone()), "server.test").unwrap());
    // Record and message headers, version; random; session ID; suites; compression; extensions.
    let (suites, rest) = hello[11 + 32 + 1 + 32..].split_at(2 + 18);
    assert_eq!(hex(suites), "0012 1301 1302 1303 c02b c02f c02c c030 cca9 cca8".replace(' ', ""));
    let (mut rest, mut found) = (&rest[2 + 2..], String::new());
    while let [a, b, high, low, more @ ..] = rest {
        let (data, after) = more.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        let typ = u16::from_be_bytes([*a, *b]);
        // Without the keys of the shares.
        let shown = if typ == 51 { &data[..4] } else { data };
        found += &format!("{typ} {} {}\n", data.len(), hex(shown));
        rest = after;
    }
    let (groups, shares) = match cfg!(feature = "post-quantum") {
        true => ("10 10 000811ec001d00170018", "51 1258 04e811ec"),
        false => ("10 8 0006001d00170018", "51 38 0024001d"),
    };
    let expected = [
        "0 16 000e00000b7365727665722e74657374",
        "5 5 0100000000",
        groups,
        "13 20 0012040305030807080408050806040105010601",
        "11 2 0100",
        "23 0 ",
        "65281 1 00",
        "43 5 0403040303",
        "45 2 0101",
        "35 0 ",
        shares,
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);

    // A hash of what the sessions of a configuration depend on, such as its lists of names. Changes
    // only with the version of the hash or a new setting.
    assert_eq!(
        hex(client.session_scope().as_ref()),
        "2e04851a9aee549b25c89f602f332f9d6c778171a4aceaeed50efddfc814faf9"
    );
    assert_eq!(
        hex(server.session_scope().as_ref()),
        "0374179b830583cf06c90224f56797186b2a2c81ac7e1ed334f851031735e5c8"
    );
}

/// On 64-bit machines. With two backends a key is a pointer and a word that says whose, so a
/// connection has two words more.
#[cfg(target_pointer_width = "64")]
#[test]
fn sizes_of_connections_and_configurations_are_bounded() {
    let words = if cfg!(feature = "aws-lc-rs") { 16 } else { 0 };
    assert!(size_of::<ClientSession>() <= 640 + words, "{}", size_of::<ClientSession>());
    assert!(size_of::<ServerSession>() <= 616 + words, "{}", size_of::<ServerSession>());
    assert!(size_of::<StreamOwned<ClientSession, TcpStream>>() <= 648 + words);
    assert!(size_of::<StreamOwned<ServerSession, TcpStream>>() <= 624 + words);
    // The form for QUIC, which is made once.
    let quic = if cfg!(feature = "quic") { 128 } else { 0 };
    assert!(size_of::<ClientConfig>() <= 640 + quic, "{}", size_of::<ClientConfig>());
    assert!(size_of::<ServerConfig>() <= 640 + quic, "{}", size_of::<ServerConfig>());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(feature = "aws-lc-rs")]
mod aws_lc {
    use strata_tls::{CertificateError, ChainVerifier, Error, Identity, root_store_from_pem};

    use super::*;

    const P521: &[u8] = include_bytes!("../data/p521-server.pem");
    const P521_KEY: &[u8] = include_bytes!("../data/p521-server-key.pem");

    #[test]
    fn p521_key_authenticates_both_sides_only_under_aws_lc() {
        let identity = || Identity::from_pem(P521, P521_KEY).unwrap();
        let verifier = || {
            let mut chain = ChainVerifier::new(RootCertStore::new());
            chain.trust_exact_certificate(identity().chain()[0].clone()).unwrap();
            chain
        };
        for (version, (ours, theirs)) in VERSIONS.into_iter().flat_map(|one| pairs().map(move |pair| (one, pair))) {
            let mut client = ClientConfig::with_server_verifier(verifier());
            client.set_versions(&[version]).unwrap();
            // RFC 8422 §5.1.1: in TLS 1.2 the groups include the curves of certificates.
            if ours == Backend::aws_lc() {
                client.set_groups(&[NamedGroup::X25519, NamedGroup::SECP521R1]).unwrap();
            }
            client.set_client_identity(identity());
            client.set_backend(ours);
            let mut server = ServerConfig::new(identity());
            server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(verifier()))).unwrap();
            server.set_backend(theirs);
            let lacks = Contradiction::UnsupportedKey { key: "ECDSA P-521", backend: "ring" };
            let expected = |backend| if backend == Backend::ring() { Err(lacks.clone()) } else { Ok(()) };
            assert_eq!((client.validate(), server.validate()), (expected(ours), expected(theirs)));
            let (client, server) = (Arc::new(client), Arc::new(server));
            if ours == Backend::ring() {
                let e = ClientSession::new(&client, "server.test").unwrap_err();
                assert_eq!(e, Error::Config(lacks));
                continue;
            }
            if theirs == Backend::ring() {
                let e = Pair::new(&client, &server).settle().unwrap_err();
                assert_eq!(e, Error::Config(lacks));
                continue;
            }
            let pair = exchange(&client, &server, "P-521");
            let scheme = Some(SignatureScheme::ECDSA_SECP521R1_SHA512);
            assert_eq!((pair.client.peer_signature_scheme(), pair.server.peer_signature_scheme()), (scheme, scheme));
        }
    }

    /// The peer prefers what only AWS-LC has.
    #[test]
    fn default_peer_selects_nothing_that_ring_lacks() {
        let ca = Ca::new(Kind::EcdsaP256);
        let groups = [NamedGroup::SECP521R1, NamedGroup::X25519, NamedGroup::SECP256R1];
        for version in VERSIONS {
            let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
            client.set_versions(&[version]).unwrap();
            let (default_client, default_server) = (Arc::new(client.clone()), Arc::new(server.clone()));
            client.set_backend(Backend::aws_lc());
            client.set_groups(&groups).unwrap();
            server.set_backend(Backend::aws_lc());
            server.set_groups(&groups).unwrap();
            let (client, server) = (Arc::new(client), Arc::new(server));
            for (client, server, group) in [
                (&client, &server, NamedGroup::SECP521R1),
                (&client, &default_server, NamedGroup::X25519),
                (&default_client, &server, NamedGroup::X25519),
            ] {
                let pair = exchange(client, server, "groups");
                assert_eq!(pair.server.negotiated_group(), Some(group), "{version}");
            }
        }
    }

    /// Chains with P-521 in the CA, and with SHA-512 made by P-256.
    #[test]
    fn verifier_accepts_the_algorithms_of_its_backend() {
        let key = include_bytes!("../data/openssl-leaf-key.pem");
        for (leaf, ca, words) in [
            (&include_bytes!("../data/p521-signed-leaf.pem")[..], &include_bytes!("../data/p521-ca.pem")[..], "P-521"),
            (include_bytes!("../data/crossed-leaf.pem"), include_bytes!("../data/crossed-ca.pem"), "SHA-512"),
        ] {
            let server = Arc::new(ServerConfig::new(Identity::from_pem(leaf, key).unwrap()));
            for backend_first in [true, false] {
                for &backend in Backend::ALL {
                    let mut client = ClientConfig::new();
                    let mut set = |is_first: bool| match is_first {
                        true => client.set_backend(backend),
                        false => client.set_root_store(root_store_from_pem(ca).unwrap()),
                    };
                    set(backend_first);
                    set(!backend_first);
                    let result = Pair::new(&Arc::new(client), &server).settle();
                    match backend == Backend::aws_lc() {
                        true => result.unwrap(),
                        false => {
                            let e = result.unwrap_err();
                            let is_it =
                                |why: &CertificateError| matches!(why, CertificateError::UnsupportedSignature(_));
                            assert!(matches!(&e, Error::Certificate(refusal) if is_it(&refusal.why)), "{e}");
                            assert!(e.to_string().contains(words), "{e}");
                        }
                    }
                }
            }
        }
    }
}
