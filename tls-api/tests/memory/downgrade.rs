//! Downgrade protection: an attacker edits the hellos so that both sides negotiate less than they
//! support. The handshake must fail.

use std::sync::Arc;

use strata_tls::{AlertDescription, Error, ProtocolVersion, Session};

use crate::pair::{Pair, drain, feed};
use crate::pki::{Ca, Kind};

const TLS12: ProtocolVersion = ProtocolVersion::TLS12;

/// RFC 9846 §4.2.3: how ServerHello.random ends when a TLS 1.3 server negotiates TLS 1.2.
const SENTINEL: [u8; 8] = *b"DOWNGRD\x01";

/// An unknown extension type that replaces the one to remove.
const UNKNOWN: [u8; 2] = [0xab, 0xcd];

/// Replaces `from`, which must occur exactly once.
fn replace(wire: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let found: Vec<usize> =
        wire.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
    let [at] = found[..] else { panic!("{from:?} occurs {} times", found.len()) };
    wire[at..at + to.len()].copy_from_slice(to);
}

/// Hides supported_versions, so that the hello looks like that of a TLS 1.2 client.
fn strip_versions(hello: &mut [u8]) {
    let body = [0, 5, 4, 3, 4, 3, 3];
    replace(hello, &[&[0, 43][..], &body].concat(), &[&UNKNOWN[..], &body].concat());
}

/// Hides extended_master_secret, whose body is empty.
fn strip_ems(hello: &mut [u8]) {
    replace(hello, &[0, 23, 0, 0], &[UNKNOWN[0], UNKNOWN[1], 0, 0]);
}

/// Runs a handshake with the first flights edited. Returns the client's and the server's error.
fn run_edited(
    pair: &mut Pair,
    edit_client: impl FnOnce(&mut [u8]),
    edit_server: impl FnOnce(&mut [u8]),
) -> (Option<Error>, Option<Error>) {
    let mut hello = drain(&mut pair.client);
    edit_client(&mut hello);
    let mut server_error = feed(&mut pair.server, &hello).err();
    let mut flight = drain(&mut pair.server);
    if server_error.is_none() {
        edit_server(&mut flight);
    }
    let mut client_error = feed(&mut pair.client, &flight).err();
    for _ in 0..4 {
        let (to_server, to_client) = (drain(&mut pair.client), drain(&mut pair.server));
        server_error = server_error.or_else(|| feed(&mut pair.server, &to_server).err());
        client_error = client_error.or_else(|| feed(&mut pair.client, &to_client).err());
    }
    (client_error, server_error)
}

fn pair() -> Pair {
    let ca = Ca::new(Kind::EcdsaP256);
    Pair::new(&Arc::new(ca.client_config()), &Arc::new(ca.server_config(Kind::EcdsaP256)))
}

fn is_alert(error: Option<&Error>, alert: AlertDescription) -> bool {
    matches!(error, Some(Error::AlertReceived { description, .. }) if *description == alert)
}

#[test]
fn downgrade_sentinel_exposes_stripped_supported_versions() {
    let mut pair = pair();
    let mut seen = false;
    let (client, server) = run_edited(&mut pair, strip_versions, |flight| {
        seen = flight.windows(8).any(|window| window == SENTINEL);
    });
    assert!(seen, "the server must send the sentinel");
    assert!(matches!(client, Some(Error::Illegal(_))), "{client:?}");
    assert!(is_alert(server.as_ref(), AlertDescription::ILLEGAL_PARAMETER), "{server:?}");
}

#[test]
fn removed_downgrade_sentinel_breaks_the_server_signature() {
    let mut pair = pair();
    let (client, server) = run_edited(&mut pair, strip_versions, |flight| replace(flight, &SENTINEL, b"downgrd\x01"));
    assert_eq!(client, Some(Error::BadSignature));
    assert!(is_alert(server.as_ref(), AlertDescription::DECRYPT_ERROR), "{server:?}");
}

#[test]
fn tolerable_edit_of_the_hello_fails_at_finished() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut server = ca.server_config(Kind::EcdsaP256);
    server.set_versions(&[TLS12]).unwrap();
    let mut pair = Pair::new(&Arc::new(ca.client_config()), &Arc::new(server));
    // A server without TLS 1.3 sends no sentinel and would have chosen TLS 1.2 in any case.
    let (client, server) = run_edited(&mut pair, strip_versions, |_| {});
    assert!(client.is_some() && server.is_some());
    assert!(
        matches!(server, Some(Error::BadFinished | Error::BadRecordMac)),
        "the keys depend on the whole transcript: {server:?}"
    );
}

#[test]
fn server_hello_with_edited_version_is_rejected() {
    // supported_versions of ServerHello selects TLS 1.3: it becomes TLS 1.2, or an unknown
    // extension.
    for edited in [[0, 43, 0, 2, 3, 3], [UNKNOWN[0], UNKNOWN[1], 0, 2, 3, 4]] {
        let mut pair = pair();
        let (client, server) = run_edited(&mut pair, |_| {}, |flight| replace(flight, &[0, 43, 0, 2, 3, 4], &edited));
        assert!(client.is_some(), "{edited:?}");
        assert!(server.is_some(), "{edited:?}");
        assert!(pair.client.protocol_version().is_none() && pair.server.protocol_version().is_none());
    }
}

#[test]
fn unnecessary_fallback_is_rejected() {
    // The first suite of a TLS 1.2 client becomes TLS_FALLBACK_SCSV (RFC 7507). To the server this
    // looks like a fallback by the client.
    let ca = Ca::new(Kind::EcdsaP256);
    let mut client = ca.client_config();
    client.set_versions(&[TLS12]).unwrap();
    let mut pair = Pair::new(&Arc::new(client), &Arc::new(ca.server_config(Kind::EcdsaP256)));
    let (client, server) = run_edited(&mut pair, |hello| replace(hello, &[0xcc, 0xa8], &[0x56, 0]), |_| {});
    assert_eq!(server, Some(Error::InappropriateFallback { offered: TLS12 }));
    assert!(is_alert(client.as_ref(), AlertDescription::INAPPROPRIATE_FALLBACK), "{client:?}");
}

#[test]
fn stripped_extended_master_secret_fails_the_handshake() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (client_requires, server_requires) in [(false, false), (true, false), (false, true)] {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        client.set_versions(&[TLS12]).unwrap();
        client.set_require_ems(client_requires);
        server.set_require_ems(server_requires);
        let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
        let (client, server) = run_edited(&mut pair, strip_ems, |_| {});
        match (client_requires, server_requires) {
            (_, true) => {
                assert_eq!(server, Some(Error::ExtendedMasterSecretRequired));
                assert!(is_alert(client.as_ref(), AlertDescription::HANDSHAKE_FAILURE), "{client:?}");
            }
            (true, _) => {
                assert_eq!(client, Some(Error::ExtendedMasterSecretRequired));
                assert!(is_alert(server.as_ref(), AlertDescription::HANDSHAKE_FAILURE), "{server:?}");
            }
            // The edit makes their transcripts differ.
            (false, false) => assert!(matches!(server, Some(Error::BadFinished)), "{client:?} {server:?}"),
        }
    }
    // Unedited, both sides use it.
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_versions(&[TLS12]).unwrap();
    client.set_require_ems(true);
    server.set_require_ems(true);
    Pair::connected(&Arc::new(client), &Arc::new(server));
}
