//! Versions × suites × groups × key types × client authentication × record sizes in memory, with
//! data both ways, and also byte by byte.

mod pair;

use pair::{Pair, Pki};
use strata_tls_handshake::config::{ClientAuth, ClientConfig, ServerConfig};
use strata_tls_handshake::{ALL_CIPHERSUITES, HandshakeKind, SupportedCipherSuite, tls_codec};
use tls_codec::code_points::{NamedGroup, ProtocolVersion};

const GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
const SIZES: [Option<usize>; 4] = [Some(64), Some(100), Some(1000), None];
const POLICIES: [ClientAuth; 2] = [ClientAuth::Disabled, ClientAuth::Required];

/// A TLS 1.2 suite needs one key type. Ed25519 uses the ECDSA suites (RFC 8422 §2.2).
fn fits(suite: SupportedCipherSuite, kind: &str) -> bool {
    let name = suite.suite().to_string();
    suite.version() == ProtocolVersion::TLS13 || name.contains("_RSA_") == kind.starts_with("RSA")
}

struct Case {
    suite: SupportedCipherSuite,
    group: NamedGroup,
    size: Option<usize>,
    client_auth: ClientAuth,
    /// The maximum of bytes that the transport delivers at once.
    fragment: usize,
}

fn run(case: &Case, pki: &Pki) {
    let &Case { suite, group, size, client_auth, fragment } = case;
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    server.set_cipher_suites(&[suite.suite()]).unwrap();
    server.set_groups(&[group]).unwrap();
    server.set_client_auth(client_auth);
    client.set_client_identity_lookup(true);
    client.set_max_fragment_size(size).unwrap();
    server.set_max_fragment_size(size).unwrap();
    let mut pair = Pair::with(client, server);
    pair.fragment = fragment;
    pair.handshake(pki).unwrap();
    assert_eq!(pair.client.protocol_version(), Some(suite.version()));
    assert_eq!(pair.server.protocol_version(), Some(suite.version()));
    assert_eq!(pair.client.negotiated_cipher_suite(), Some(suite.suite()));
    assert_eq!(pair.server.negotiated_cipher_suite(), Some(suite.suite()));
    assert_eq!(pair.client.negotiated_group(), Some(group));
    assert_eq!(pair.server.negotiated_group(), Some(group));
    assert_eq!(pair.client.peer_certificates(), Some(pki.identity.chain()));
    let shown = (client_auth == ClientAuth::Required).then(|| pki.client.chain());
    assert_eq!(pair.server.peer_certificates(), shown);
    // The client sends a share of X25519. In TLS 1.3, another group of the server requires a
    // HelloRetryRequest.
    let retried = suite.version() == ProtocolVersion::TLS13 && group != GROUPS[0];
    let kind = if retried { HandshakeKind::FullWithHelloRetryRequest } else { HandshakeKind::Full };
    assert_eq!(pair.client.handshake_kind(), Some(kind));
    assert_eq!(pair.server.handshake_kind(), Some(kind));
    let data: Vec<u8> = (0..=u8::MAX).cycle().take(if fragment == 1 { 300 } else { 40_000 }).collect();
    pair.exchange(&data, &data[..data.len() / 2]);
    // Header, nonce, content type and tag.
    let overhead = if suite.version() == ProtocolVersion::TLS13 { 22 } else { 29 };
    let most = size.unwrap_or(16384 + overhead);
    strata_tls_handshake::Connection::send(&mut pair.client, &[std::io::IoSlice::new(&data)], &mut pair.to_server)
        .unwrap();
    assert!(pair.to_server.len() <= most, "a record of {} bytes exceeds {most}", pair.to_server.len());
}

#[test]
fn every_combination_connects() {
    let mut count = 0;
    for (kind, pki) in Pki::of_all_key_types() {
        for suite in ALL_CIPHERSUITES.into_iter().filter(|suite| fits(*suite, kind)) {
            for group in GROUPS {
                for (size, client_auth) in SIZES.into_iter().flat_map(|size| POLICIES.map(|policy| (size, policy))) {
                    run(&Case { suite, group, size, client_auth, fragment: usize::MAX }, &pki);
                    count += 1;
                }
            }
        }
    }
    // Three TLS 1.3 suites with four key types. In TLS 1.2, three suites with three key types and
    // three with one.
    assert_eq!(count, (3 * 4 + 3 * 3 + 3) * GROUPS.len() * SIZES.len() * POLICIES.len());
}

#[test]
fn every_suite_and_key_type_connects_byte_by_byte() {
    for (at, (kind, pki)) in Pki::of_all_key_types().into_iter().enumerate() {
        for (n, suite) in ALL_CIPHERSUITES.into_iter().filter(|suite| fits(*suite, kind)).enumerate() {
            let (group, size) = (GROUPS[(at + n) % GROUPS.len()], SIZES[(at + n) % SIZES.len()]);
            run(&Case { suite, group, size, client_auth: POLICIES[n % POLICIES.len()], fragment: 1 }, &pki);
        }
    }
}
