//! A man in the middle that edits the hellos, so that both sides settle for less than they can do, is found out.

use std::sync::Arc;

use strata_tls::{AlertDescription, Error, ProtocolVersion, Session};

use crate::pair::{Pair, drain, feed};
use crate::pki::{Ca, Kind};

const TLS12: ProtocolVersion = ProtocolVersion::TLS12;

/// RFC 9846 §4.2.3: the end of ServerHello.random of a server that has TLS 1.3 and was asked for TLS 1.2.
const SENTINEL: [u8; 8] = *b"DOWNGRD\x01";

/// An extension that nobody knows, in place of one that is to be forgotten.
const UNKNOWN: [u8; 2] = [0xab, 0xcd];

/// Replaces what occurs just once.
fn replace(wire: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let found: Vec<usize> =
        wire.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
    let [at] = found[..] else { panic!("{from:?} occurs {} times", found.len()) };
    wire[at..at + to.len()].copy_from_slice(to);
}

/// supported_versions with both versions becomes what nobody knows: the hello of a client of TLS 1.2.
fn strip_versions(hello: &mut [u8]) {
    let body = [0, 5, 4, 3, 4, 3, 3];
    replace(hello, &[&[0, 43][..], &body].concat(), &[&UNKNOWN[..], &body].concat());
}

/// extended_master_secret, which is empty.
fn strip_ems(hello: &mut [u8]) {
    replace(hello, &[0, 23, 0, 0], &[UNKNOWN[0], UNKNOWN[1], 0, 0]);
}

/// What client and server say of a handshake in which the client's first flight and the server's were edited so.
fn between(
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
fn the_sentinel_gives_away_that_supported_versions_was_stripped() {
    let mut pair = pair();
    let mut seen = false;
    let (client, server) = between(&mut pair, strip_versions, |flight| {
        seen = flight.windows(8).any(|window| window == SENTINEL);
    });
    assert!(seen, "the server says so");
    assert!(matches!(client, Some(Error::Illegal(_))), "{client:?}");
    assert!(is_alert(server.as_ref(), AlertDescription::ILLEGAL_PARAMETER), "{server:?}");
}

#[test]
fn a_sentinel_that_is_taken_out_as_well_breaks_the_servers_signature() {
    let mut pair = pair();
    let (client, server) = between(&mut pair, strip_versions, |flight| replace(flight, &SENTINEL, b"downgrd\x01"));
    assert_eq!(client, Some(Error::BadSignature));
    assert!(is_alert(server.as_ref(), AlertDescription::DECRYPT_ERROR), "{server:?}");
}

#[test]
fn an_edit_that_both_sides_could_live_with_is_found_in_finished() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut server = ca.server_config(Kind::EcdsaP256);
    server.set_versions(&[TLS12]).unwrap();
    let mut pair = Pair::new(&Arc::new(ca.client_config()), &Arc::new(server));
    // A server without TLS 1.3 has no sentinel, and would have chosen TLS 1.2 in any case.
    let (client, server) = between(&mut pair, strip_versions, |_| {});
    assert!(client.is_some() && server.is_some());
    assert!(
        matches!(server, Some(Error::BadFinished | Error::BadRecordMac)),
        "the keys come from the whole handshake: {server:?}"
    );
}

#[test]
fn a_server_hello_whose_version_is_edited_is_refused() {
    // supported_versions of ServerHello says TLS 1.3: it becomes TLS 1.2, or unknown.
    for edited in [[0, 43, 0, 2, 3, 3], [UNKNOWN[0], UNKNOWN[1], 0, 2, 3, 4]] {
        let mut pair = pair();
        let (client, server) = between(&mut pair, |_| {}, |flight| replace(flight, &[0, 43, 0, 2, 3, 4], &edited));
        assert!(client.is_some(), "{edited:?}");
        assert!(server.is_some(), "{edited:?}");
        assert!(pair.client.protocol_version().is_none() && pair.server.protocol_version().is_none());
    }
}

#[test]
fn a_client_that_fell_back_for_no_good_reason_is_refused() {
    // A client of TLS 1.2 whose first suite becomes TLS_FALLBACK_SCSV (RFC 7507): it did not do that by itself, but the
    // server cannot know.
    let ca = Ca::new(Kind::EcdsaP256);
    let mut client = ca.client_config();
    client.set_versions(&[TLS12]).unwrap();
    let mut pair = Pair::new(&Arc::new(client), &Arc::new(ca.server_config(Kind::EcdsaP256)));
    let (client, server) = between(&mut pair, |hello| replace(hello, &[0xcc, 0xa8], &[0x56, 0]), |_| {});
    assert_eq!(server, Some(Error::InappropriateFallback { offered: TLS12 }));
    assert!(is_alert(client.as_ref(), AlertDescription::INAPPROPRIATE_FALLBACK), "{client:?}");
}

#[test]
fn without_the_extended_master_secret_a_side_that_requires_it_refuses_and_others_find_the_edit() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (client_requires, server_requires) in [(false, false), (true, false), (false, true)] {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        client.set_versions(&[TLS12]).unwrap();
        client.set_require_ems(client_requires);
        server.set_require_ems(server_requires);
        let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
        let (client, server) = between(&mut pair, strip_ems, |_| {});
        match (client_requires, server_requires) {
            (_, true) => {
                assert_eq!(server, Some(Error::ExtendedMasterSecretRequired));
                assert!(is_alert(client.as_ref(), AlertDescription::HANDSHAKE_FAILURE), "{client:?}");
            }
            (true, _) => {
                assert_eq!(client, Some(Error::ExtendedMasterSecretRequired));
                assert!(is_alert(server.as_ref(), AlertDescription::HANDSHAKE_FAILURE), "{server:?}");
            }
            // Their transcripts differ by the edit.
            (false, false) => assert!(matches!(server, Some(Error::BadFinished)), "{client:?} {server:?}"),
        }
    }
    // Two of ours always use it.
    let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
    client.set_versions(&[TLS12]).unwrap();
    client.set_require_ems(true);
    server.set_require_ems(true);
    Pair::connected(&Arc::new(client), &Arc::new(server));
}
