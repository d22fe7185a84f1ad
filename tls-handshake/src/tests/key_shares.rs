//! Which key shares a client sends, and which group a server selects (RFC 9846 §4.3.8, §4.2.2).

use std::sync::Arc;

use tls_codec::code_points::{ExtensionType as X, NamedGroup, ProtocolVersion};
use tls_crypto::{Backend, Group};

use super::flow::preferred_group;
use super::hello::Hello;
use super::pair::{Pair, Pki};
use crate::config::{ClientConfig, ServerConfig};
#[cfg(feature = "post-quantum")]
use crate::error::Contradiction;
use crate::negotiate::group_id;
use crate::negotiated::HandshakeKind;
use crate::{ClientConnection, ClientStart, Outgoing};

const X25519: NamedGroup = NamedGroup::X25519;
const P256: NamedGroup = NamedGroup::SECP256R1;
const P384: NamedGroup = NamedGroup::SECP384R1;

fn client(groups: &[NamedGroup]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set_groups(groups).unwrap();
    config
}

fn server(groups: &[NamedGroup]) -> ServerConfig {
    let mut config = ServerConfig::new();
    config.set_groups(groups).unwrap();
    config
}

fn retrying(groups: &[NamedGroup]) -> ServerConfig {
    let mut config = server(groups);
    config.set_retry_for_preferred_group(true);
    config
}

/// Returns a pair whose client knows the group that the server used last time.
fn pair(client: ClientConfig, last_group: Option<NamedGroup>, server: ServerConfig) -> Pair {
    let mut pair = Pair::with(client.clone(), server);
    let start = ClientStart { last_group, ..ClientStart::default() };
    pair.to_server = Outgoing::new();
    let name = "a.test".try_into().unwrap();
    pair.client = ClientConnection::begin(Arc::new(client), name, start, &mut pair.to_server).unwrap();
    pair
}

/// Completes the handshake. Returns its group and kind.
fn negotiate(pair: &mut Pair) -> (NamedGroup, HandshakeKind) {
    pair.handshake(&Pki::new()).unwrap();
    let group = pair.client.negotiated_group().unwrap();
    assert_eq!(pair.server.negotiated_group(), Some(group));
    (group, pair.client.handshake_kind().unwrap())
}

/// The unencrypted ClientHello that the client has just queued.
fn client_hello(pair: &Pair) -> Hello {
    Hello::parse(&pair.to_server.ready()[5..])
}

/// The shares of a ClientHello.
fn shares(hello: &mut Hello) -> Vec<(NamedGroup, Vec<u8>)> {
    let mut rest = &hello.get(X::KEY_SHARE)[2..];
    let mut shares = Vec::new();
    while let [group0, group1, length0, length1, more @ ..] = rest {
        let (share, more) = more.split_at(usize::from(u16::from_be_bytes([*length0, *length1])));
        shares.push((NamedGroup(u16::from_be_bytes([*group0, *group1])), share.to_vec()));
        rest = more;
    }
    shares
}

fn shared_groups(pair: &Pair) -> Vec<NamedGroup> {
    shares(&mut client_hello(pair)).into_iter().map(|(group, _)| group).collect()
}

#[cfg(feature = "post-quantum")]
fn listed_groups(hello: &mut Hello) -> Vec<NamedGroup> {
    hello.get(X::SUPPORTED_GROUPS)[2..].chunks(2).map(|id| NamedGroup(u16::from_be_bytes([id[0], id[1]]))).collect()
}

fn groups_of_ring() -> impl Iterator<Item = NamedGroup> {
    let groups = Group::ALL.iter().filter(|group| Backend::ring().supports_group(**group));
    groups.map(|group| group_id(*group))
}

#[test]
fn every_group_is_negotiated_alone() {
    for group in groups_of_ring() {
        let mut pair = pair(client(&[group]), None, server(&[group]));
        assert_eq!(shared_groups(&pair), [group]);
        assert_eq!(negotiate(&mut pair), (group, HandshakeKind::Full));
        pair.exchange(b"question", b"answer");
    }
}

#[test]
fn every_group_is_negotiated_after_a_retry() {
    for group in groups_of_ring().filter(|group| *group != P256) {
        let mut pair = pair(client(&[P256, group]), None, server(&[group]));
        assert_eq!(negotiate(&mut pair), (group, HandshakeKind::FullWithHelloRetryRequest));
    }
}

#[test]
fn default_handshake_uses_the_preferred_group() {
    let mut pair = pair(ClientConfig::new(), None, ServerConfig::new());
    assert_eq!(negotiate(&mut pair), (preferred_group(), HandshakeKind::Full));
}

#[test]
fn retried_group_gets_a_share_in_the_next_hello() {
    for group in [P256, P384] {
        let mut first = pair(ClientConfig::new(), None, server(&[group]));
        assert_eq!(negotiate(&mut first), (group, HandshakeKind::FullWithHelloRetryRequest));
        let known = first.client.take_group();
        assert_eq!((known, first.client.take_group()), (Some(group), None));

        let mut next = pair(ClientConfig::new(), known, server(&[group]));
        // The post-quantum share stays, for a server that supports it by now.
        let hybrid: &[_] = if cfg!(feature = "post-quantum") { &[NamedGroup::X25519MLKEM768] } else { &[] };
        assert_eq!(shared_groups(&next), [hybrid, &[group]].concat());
        assert_eq!(negotiate(&mut next), (group, HandshakeKind::Full));
        assert_eq!(next.client.take_group(), None);

        let mut updated = pair(ClientConfig::new(), known, ServerConfig::new());
        let expected = if cfg!(feature = "post-quantum") { preferred_group() } else { group };
        assert_eq!(negotiate(&mut updated), (expected, HandshakeKind::Full));
        assert_eq!(updated.client.take_group(), (expected != group).then_some(expected));
    }
}

#[test]
fn group_is_no_news_without_retry() {
    let mut usual = pair(ClientConfig::new(), None, ServerConfig::new());
    assert_eq!(usual.client.take_group(), None);
    negotiate(&mut usual);
    assert_eq!(usual.client.take_group(), None);
    // TLS 1.2 has no shares, and no retry for them.
    let mut old = server(&[P384]);
    old.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    let mut config = client(&[X25519, P384, P256]);
    config.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    let mut old = pair(config, Some(X25519), old);
    assert_eq!(negotiate(&mut old).0, P384);
    assert_eq!(old.client.take_group(), None);
}

#[test]
fn unusable_last_group_is_ignored() {
    for unusable in [NamedGroup::X448, P384, NamedGroup(0x1a1a)] {
        let mut pair = pair(client(&[X25519, P256]), Some(unusable), ServerConfig::new());
        assert_eq!(shared_groups(&pair), [X25519]);
        assert_eq!(negotiate(&mut pair), (X25519, HandshakeKind::Full));
    }
}

#[test]
fn server_retries_for_its_preferred_group_if_configured() {
    let groups = [P256, X25519];
    let mut lazy = pair(client(&[X25519, P256]), None, server(&groups));
    assert_eq!(negotiate(&mut lazy), (X25519, HandshakeKind::Full));
    let mut strict = pair(client(&[X25519, P256]), None, retrying(&groups));
    assert_eq!(negotiate(&mut strict), (P256, HandshakeKind::FullWithHelloRetryRequest));
    // No retry for a client that has sent a share, or that does not support the group.
    let mut ready = pair(client(&[P256, X25519]), None, retrying(&groups));
    assert_eq!(negotiate(&mut ready), (P256, HandshakeKind::Full));
    let mut unable = pair(client(&[X25519, P384]), None, retrying(&groups));
    assert_eq!(negotiate(&mut unable), (X25519, HandshakeKind::Full));
    // Only the first group is worth a retry.
    let mut second = pair(client(&[P384, X25519]), None, retrying(&[P256, X25519, P384]));
    assert_eq!(negotiate(&mut second), (P384, HandshakeKind::Full));
}

#[cfg(feature = "post-quantum")]
mod post_quantum {
    use tls_codec::code_points::AlertDescription as A;

    use super::*;
    use crate::config::{Limits, RecordPadding, RecordRampUp};
    use crate::error::{Error, Illegal};
    use crate::tests::flow::{Kind, configs};
    use crate::tests::hello::{HelloEdit, client_after_hello, server_after_hello, vec16};

    const HYBRID: NamedGroup = NamedGroup::X25519MLKEM768;

    #[test]
    fn hybrid_and_classical_share_have_one_key() {
        let pair = pair(ClientConfig::new(), None, ServerConfig::new());
        let mut hello = client_hello(&pair);
        assert_eq!(listed_groups(&mut hello), [HYBRID, X25519, P256, P384]);
        let shares = shares(&mut hello);
        let [(HYBRID, hybrid), (X25519, classical)] = &shares[..] else { panic!("{shares:?}") };
        assert_eq!((hybrid.len(), classical.len()), (1184 + 32, 32));
        assert!(hybrid.ends_with(classical));
    }

    #[test]
    fn classical_share_needs_its_group_enabled() {
        for (groups, expected) in [
            (&[HYBRID, P256][..], &[HYBRID][..]),
            (&[HYBRID, P256, X25519], &[HYBRID, X25519]),
            (&[X25519, HYBRID], &[X25519]),
            (&[NamedGroup::SECP256R1MLKEM768, X25519, P256], &[NamedGroup::SECP256R1MLKEM768, P256]),
            (&[NamedGroup::MLKEM1024, X25519], &[NamedGroup::MLKEM1024]),
        ] {
            let pair = pair(client(groups), None, ServerConfig::new());
            assert_eq!(shared_groups(&pair), expected, "{groups:?}");
        }
    }

    /// RFC 9846 §4.3.8: shares have the order of supported_groups.
    #[test]
    fn last_group_adds_a_share_in_the_order_of_groups() {
        let other = NamedGroup::SECP256R1MLKEM768;
        for (groups, last, expected) in [
            (&[HYBRID, X25519, P256][..], X25519, &[HYBRID, X25519][..]),
            (&[HYBRID, X25519, P256], HYBRID, &[HYBRID, X25519]),
            (&[HYBRID, X25519, P256], P256, &[HYBRID, P256]),
            // As good as the preferred group, so it replaces that.
            (&[HYBRID, X25519, other, P256], other, &[other, P256]),
            (&[P256, HYBRID, X25519], HYBRID, &[HYBRID, X25519]),
            (&[P256, X25519], X25519, &[X25519]),
        ] {
            let pair = pair(client(groups), Some(last), ServerConfig::new());
            assert_eq!(shared_groups(&pair), expected, "{groups:?} after {last}");
        }
    }

    #[test]
    fn classical_server_uses_the_classical_share() {
        let mut pair = pair(ClientConfig::new(), None, server(&[X25519]));
        assert_eq!(negotiate(&mut pair), (X25519, HandshakeKind::Full));
        pair.exchange(b"question", b"answer");
    }

    #[test]
    fn preferred_hybrid_is_not_lost_if_the_server_retries() {
        let client = || client(&[X25519, HYBRID]);
        let mut lazy = pair(client(), None, ServerConfig::new());
        assert_eq!(negotiate(&mut lazy), (X25519, HandshakeKind::Full));
        let mut config = ServerConfig::new();
        config.set_retry_for_preferred_group(true);
        let mut strict = pair(client(), None, config.clone());
        assert_eq!(negotiate(&mut strict), (HYBRID, HandshakeKind::FullWithHelloRetryRequest));
        let known = strict.client.take_group();
        let mut next = pair(client(), known, config);
        assert_eq!(negotiate(&mut next), (HYBRID, HandshakeKind::Full));
    }

    #[test]
    fn second_hello_has_only_the_requested_share() {
        let mut pair = pair(ClientConfig::new(), None, server(&[P384]));
        pair.drive_server(&mut |need| Pki::new().answer(need)).unwrap();
        pair.drive_client(&mut |need| Pki::new().answer(need)).unwrap();
        // After change_cipher_spec.
        let mut second = Hello::parse(&pair.to_server.ready()[6 + 5..]);
        let groups: Vec<_> = shares(&mut second).into_iter().map(|(group, _)| group).collect();
        assert_eq!(groups, [P384]);
    }

    #[test]
    fn retry_for_either_share_of_a_hybrid_key_is_rejected() {
        for group in [HYBRID, X25519] {
            let (client_config, server_config) = configs(Kind::Retry);
            let wanted: HelloEdit<'_> = &|h| *h.get(X::KEY_SHARE) = group.0.to_be_bytes().to_vec();
            let result = client_after_hello(client_config, server_config, &Pki::new(), wanted);
            assert_eq!(result.map(|_| ()).unwrap_err(), Illegal::RetryForSharedGroup(group).into());
        }
    }

    #[test]
    fn tls12_has_no_post_quantum_groups() {
        let tls12 = [ProtocolVersion::TLS12];
        let mut config = ClientConfig::new();
        config.set_versions(&tls12).unwrap();
        let mut old_client = pair(config.clone(), None, ServerConfig::new());
        assert_eq!(listed_groups(&mut client_hello(&old_client)), [X25519, P256, P384]);
        assert_eq!(negotiate(&mut old_client).0, X25519);
        let mut old = ServerConfig::new();
        old.set_versions(&tls12).unwrap();
        let mut old_server = pair(ClientConfig::new(), None, old.clone());
        assert_eq!(negotiate(&mut old_server).0, X25519);

        for groups in [&[HYBRID][..], &[NamedGroup::MLKEM768, NamedGroup::SECP256R1MLKEM768]] {
            config.set_groups(groups).unwrap();
            assert!(matches!(config.validate(), Err(Contradiction::Settings { .. })));
            old.set_groups(groups).unwrap();
            assert!(matches!(old.validate(), Err(Contradiction::Settings { .. })));
        }
        config.set_groups(&[HYBRID, P256]).unwrap();
        config.validate().unwrap();
        // A server with both versions rejects a client of TLS 1.2.
        let mut mixed = pair(config, None, server(&[HYBRID]));
        let error = mixed.handshake(&Pki::new()).unwrap_err();
        assert_eq!(error, Error::NoCommonGroup { offered: vec![P256].into(), enabled: vec![] });
    }

    type ShareEdit<'a> = &'a dyn Fn(&mut Vec<u8>);

    /// Edits the first entry of a list of shares, whose length fits again afterwards.
    fn edit_share(list: &mut Vec<u8>, change: ShareEdit<'_>) {
        let length = usize::from(u16::from_be_bytes([list[4], list[5]]));
        let mut share = list[6..6 + length].to_vec();
        change(&mut share);
        let entries = [&list[2..4], &vec16(&share), &list[6 + length..]].concat();
        *list = vec16(&entries);
    }

    #[test]
    fn server_rejects_invalid_hybrid_share() {
        let changes: [ShareEdit<'_>; 7] = [
            &|share| share.truncate(32),
            &|share| share.truncate(1184),
            &|share| share.truncate(1215),
            &|share| share.push(0),
            &|share| share.extend_from_slice(&[0; 32]),
            // The first coefficient is not below 3329 (FIPS 203 §7.2).
            &|share| share[..2].fill(0xff),
            // The X25519 half is of low order.
            &|share| share[1184..].fill(0),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let edit: HelloEdit<'_> = &|h| edit_share(h.get(X::KEY_SHARE), change);
            let result = server_after_hello(ClientConfig::new(), ServerConfig::new(), &Pki::new(), edit);
            let error = result.map(|_| ()).unwrap_err();
            assert_eq!(error, Illegal::KeyShare(HYBRID).into(), "{number}");
            assert_eq!(error.alert(), Some(A::ILLEGAL_PARAMETER));
        }
    }

    #[test]
    fn client_rejects_invalid_hybrid_share() {
        let changes: [ShareEdit<'_>; 5] = [
            &|share| share.truncate(32),
            &|share| share.truncate(1088),
            &|share| share.truncate(1119),
            &|share| share.push(0),
            &|share| share[1088..].fill(0),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let edit: HelloEdit<'_> = &|h| {
                let entry = h.get(X::KEY_SHARE);
                let mut share = entry[4..].to_vec();
                change(&mut share);
                *entry = [&entry[..2], &vec16(&share)].concat();
            };
            let result = client_after_hello(ClientConfig::new(), ServerConfig::new(), &Pki::new(), edit);
            let error = result.map(|_| ()).unwrap_err();
            assert_eq!(error, Illegal::KeyShare(HYBRID).into(), "{number}");
            assert_eq!(error.alert(), Some(A::ILLEGAL_PARAMETER));
        }
    }

    /// A ciphertext of the right length always decapsulates. Finished or the record layer then
    /// shows that the secrets differ.
    #[test]
    fn modified_ciphertext_fails_at_the_next_record() {
        let mut pair = pair(ClientConfig::new(), None, ServerConfig::new());
        let pki = Pki::new();
        pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        let mut flight = pair.to_client.ready().to_vec();
        let at = flight.windows(4).position(|bytes| bytes == [0x11, 0xec, 0x04, 0x60]).unwrap();
        flight[at + 100] ^= 1;
        let error = pair.deliver_to_client(&flight).unwrap_err();
        assert_eq!(error.alert(), Some(A::BAD_RECORD_MAC), "{error}");
    }

    #[test]
    fn hybrid_hello_arrives_in_pieces_of_any_size() {
        for fragment in [1, 5, 6, 100, 1200, 1460, 1800] {
            let mut pair = pair(ClientConfig::new(), None, ServerConfig::new());
            assert!(pair.to_server.ready().len() > 1400);
            pair.fragment = fragment;
            assert_eq!(negotiate(&mut pair), (HYBRID, HandshakeKind::Full), "{fragment}");
        }
    }

    #[test]
    fn hybrid_hello_is_split_over_small_records() {
        for size in [64, 512, 1000] {
            let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
            client.set_max_fragment_size(Some(size)).unwrap();
            server.set_max_fragment_size(Some(size)).unwrap();
            let mut pair = pair(client, None, server);
            let first = pair.to_server.ready();
            assert!(usize::from(u16::from_be_bytes([first[3], first[4]])) + 5 <= size);
            assert_eq!(negotiate(&mut pair), (HYBRID, HandshakeKind::Full), "{size}");
            pair.exchange(b"question", b"answer");
        }
    }

    /// Short records at the start, and padding, which the unencrypted hellos do not have.
    #[test]
    fn hybrid_handshake_has_ramp_up_and_padding() {
        let ramp_up = RecordRampUp { record_size: 700, bytes: 1 << 16 };
        let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
        client.set_record_ramp_up(Some(ramp_up)).unwrap();
        client.set_record_padding(RecordPadding::ToMultipleOf(512));
        server.set_record_ramp_up(Some(ramp_up)).unwrap();
        server.set_record_padding(RecordPadding::ToMultipleOf(512));
        let mut plain = pair(ClientConfig::new(), None, ServerConfig::new());
        let expected = plain.to_server.ready().len();
        let mut pair = pair(client, None, server);
        let records = pair.to_server.ready().len();
        assert_eq!(records, expected, "the hello is not padded");
        assert_eq!(negotiate(&mut pair), (HYBRID, HandshakeKind::Full));
        pair.exchange(&[7; 5_000], &[8; 5_000]);
        assert_eq!(negotiate(&mut plain), (HYBRID, HandshakeKind::Full));
    }

    #[test]
    fn limit_on_messages_is_exact_for_a_hybrid_hello() {
        let length = pair(ClientConfig::new(), None, ServerConfig::new()).to_server.ready().len() - 5;
        for (limit, fits) in [(length - 1, false), (length, true)] {
            for size in [None, Some(512)] {
                let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
                client.set_max_fragment_size(size).unwrap();
                server.set_limits(Limits { handshake_message: limit, ..Limits::default() });
                let result = pair(client, None, server).drive_server(&mut |need| Pki::new().answer(need));
                assert_eq!(result.is_ok(), fits, "{result:?}");
            }
        }
    }

    #[test]
    fn cookie_comes_back_in_a_hello_with_both_shares() {
        let pki = Pki::new();
        let (client_config, server_config) = configs(Kind::Retry);
        let cookie = vec16(&[0x5a; 4000]);
        let edit: HelloEdit<'_> = &|h| {
            h.remove(X::KEY_SHARE);
            h.extensions.push((X::COOKIE.0, cookie.clone()));
        };
        let mut client = client_after_hello(client_config, server_config, &pki, edit).unwrap();
        let mut second = Hello::parse(&client.pop());
        assert_eq!(*second.get(X::COOKIE), cookie);
        let groups: Vec<_> = shares(&mut second).into_iter().map(|(group, _)| group).collect();
        assert_eq!(groups, [HYBRID, X25519]);
    }
}
