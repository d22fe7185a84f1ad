//! Server names (SNI, IP addresses) and the limits of message and chain length.

mod pair;

use std::sync::Arc;

use pair::{Pair, Pki};
use strata_tls_handshake::config::{ClientConfig, Limits, ServerConfig};
use strata_tls_handshake::error::Error;
use strata_tls_handshake::{CertificateError, ClientConnection, Identity, Outgoing, tls_codec};
use tls_codec::code_points::{AlertDescription, NamedGroup};

/// Returns a pair whose client connects to `name`.
fn pair_for_name(name: &str, client: ClientConfig) -> Pair {
    let mut pair = Pair::with(ClientConfig::new(), ServerConfig::new());
    let mut to_server = Outgoing::new();
    let name = name.to_owned().try_into().unwrap();
    pair.client = ClientConnection::new(Arc::new(client), name, &mut to_server).unwrap();
    pair.to_server = to_server;
    pair
}

#[test]
fn sni_is_host_name_without_trailing_dot_or_absent() {
    let pki = Pki::for_names(&["a.test", "127.0.0.1", "::1"]);
    for (name, sni) in [("a.test", Some("a.test")), ("a.test.", Some("a.test")), ("127.0.0.1", None), ("::1", None)] {
        let mut pair = pair_for_name(name, ClientConfig::new());
        let hello = pair.to_server.ready().to_vec();
        pair.handshake(&pki).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(pair.server.sni_hostname(), sni, "{name}");
        let shows = hello.windows(name.len()).any(|window| window == name.as_bytes());
        assert_eq!(shows, name == "a.test", "{name} in the ClientHello");
        pair.exchange(b"question", b"answer");
    }
    let mut silent = ClientConfig::new();
    silent.set_server_name_indication(false);
    let mut pair = pair_for_name("a.test", silent);
    pair.handshake(&pki).unwrap();
    assert_eq!(pair.server.sni_hostname(), None);
}

#[test]
fn certificate_of_other_name_is_rejected_with_both_names() {
    let pki = Pki::for_names(&["a.test", "127.0.0.1"]);
    for name in ["b.test", "127.0.0.2", "::1"] {
        let rejection = pair_for_name(name, ClientConfig::new()).handshake(&pki).unwrap_err();
        let Error::Certificate(refusal) = &rejection else { panic!("{rejection}") };
        let CertificateError::NotValidForName { asked, .. } = &refusal.why else { panic!("{rejection}") };
        assert_eq!(asked, name);
        assert!(rejection.to_string().contains("a.test"), "{rejection}");
        assert_eq!(rejection.alert(), Some(AlertDescription::BAD_CERTIFICATE));
    }
}

#[test]
fn message_size_limit_is_exact_however_records_are_split() {
    let pki = Pki::new();
    let message = 4 + 1 + 3 + 3 + pki.leaf.len() + 2;
    for size in [Some(64), Some(100), Some(1000), None] {
        for (limit, fits) in [(message - 1, false), (message, true), (message + 1, true)] {
            let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
            let mut limits = Limits::default();
            limits.handshake_message = limit;
            client.set_limits(limits);
            // With a post-quantum share, ServerHello would be longer than Certificate.
            client.set_groups(&[NamedGroup::X25519]).unwrap();
            server.set_max_fragment_size(size).unwrap();
            let outcome = Pair::with(client, server).handshake(&pki);
            if fits {
                assert_eq!(outcome, Ok(()), "{limit} in records of {size:?}");
            } else {
                let Err(Error::MessageTooLarge { got, limit: received, .. }) = outcome else { panic!("{outcome:?}") };
                assert_eq!((got, received), (message, limit));
            }
        }
    }
}

#[test]
fn chain_length_limit_is_exact() {
    let mut pki = Pki::new();
    for (length, fits) in [(2, true), (3, true), (4, false)] {
        pki.identity = Arc::new(long_chain(&pki, length));
        let mut client = ClientConfig::new();
        let mut limits = Limits::default();
        limits.chain_length = 3;
        client.set_limits(limits);
        let outcome = Pair::with(client, ServerConfig::new()).handshake(&pki);
        let expected = if fits { Ok(()) } else { Err(Error::ChainTooLong { got: length, limit: 3 }) };
        assert_eq!(outcome, expected);
    }
}

/// Returns an identity with `length` copies of the end-entity certificate; the path needs one.
fn long_chain(pki: &Pki, length: usize) -> Identity {
    Identity::new(vec![pki.leaf.clone(); length], pki.private_key()).unwrap()
}
