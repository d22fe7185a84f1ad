//! Suites × groups × kinds of certificates × record sizes, in memory, with data both ways; and byte by byte.

mod pair;

use pair::{Pair, Pki};
use tls_codec::code_points::{CipherSuite, NamedGroup};
use tls_handshake::config::{ClientConfig, ServerConfig};
use tls_handshake::{HandshakeKind, tls_codec};

const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];
const GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
const SIZES: [Option<usize>; 4] = [Some(64), Some(100), Some(1000), None];

fn kinds() -> Vec<(&'static str, Pki)> {
    vec![
        ("ECDSA P-256", Pki::with_key(&rcgen::PKCS_ECDSA_P256_SHA256)),
        ("ECDSA P-384", Pki::with_key(&rcgen::PKCS_ECDSA_P384_SHA384)),
        ("Ed25519", Pki::with_key(&rcgen::PKCS_ED25519)),
        ("RSA 2048", Pki::with_rsa_key()),
    ]
}

fn run(suite: CipherSuite, group: NamedGroup, size: Option<usize>, fragment: usize, pki: &Pki) {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    // The client's own first group is X25519: another one at the server takes a HelloRetryRequest.
    server.set_cipher_suites(&[suite]).unwrap();
    server.set_groups(&[group]).unwrap();
    client.set_max_fragment_size(size).unwrap();
    server.set_max_fragment_size(size).unwrap();
    let mut pair = Pair::with(client, server);
    pair.fragment = fragment;
    pair.handshake(pki).unwrap();
    assert_eq!(pair.client.negotiated_cipher_suite(), Some(suite));
    assert_eq!(pair.server.negotiated_group(), Some(group));
    let kind = if group == GROUPS[0] { HandshakeKind::Full } else { HandshakeKind::FullWithHelloRetryRequest };
    assert_eq!(pair.client.handshake_kind(), Some(kind));
    assert_eq!(pair.server.handshake_kind(), Some(kind));
    let data: Vec<u8> = (0..=u8::MAX).cycle().take(if fragment == 1 { 300 } else { 40_000 }).collect();
    pair.exchange(&data, &data[..data.len() / 2]);
    let most = size.unwrap_or(16384 + 22);
    tls_handshake::Connection::send(&mut pair.client, &[std::io::IoSlice::new(&data)], &mut pair.to_server).unwrap();
    assert!(pair.to_server.len() <= most, "a record of {} where {most} are allowed", pair.to_server.len());
}

#[test]
fn every_combination() {
    for (_, pki) in kinds() {
        for suite in SUITES {
            for group in GROUPS {
                for size in SIZES {
                    run(suite, group, size, usize::MAX, &pki);
                }
            }
        }
    }
}

#[test]
fn every_suite_and_group_byte_by_byte() {
    for (at, (_, pki)) in kinds().into_iter().enumerate() {
        for group in GROUPS {
            run(SUITES[at % SUITES.len()], group, SIZES[at % SIZES.len()], 1, &pki);
        }
    }
}
