//! Legal but unusual behaviour of other implementations, and similar violations that are rejected.

use tls_codec::code_points::{
    AlertDescription as A, ContentType as C, ExtensionType as X, HandshakeType as T, NamedGroup, ProtocolVersion,
};

use super::flow::{Kind, Outcome, answers, configs, ends, handshake, pki, server_with};
use super::hello::server_after_hello;
use super::pair::{Pair, Pki};
use super::resumption::{Harness, STORAGES, Storage, TLS12, TLS13};
use crate::config::{ClientAuth, ClientConfig, ServerConfig};
use crate::error::{Error, Illegal, Side, StateName};
use crate::{HandshakeKind, Progress};

/// RFC 9846 §6.2: in both roles and versions the alert is decode_error, not decrypt_error.
#[test]
fn finished_of_wrong_length_is_decode_error() {
    for kind in [Kind::Full, Kind::Tls12] {
        for (length, side) in [(0usize, "client"), (11, "client"), (13, "server"), (31, "server"), (33, "client")] {
            let pki = pki(kind);
            let (mut client, mut server) = ends(kind);
            let expected = if kind == Kind::Full { 32 } else { 12 };
            let edit = move |message: &mut Vec<u8>| {
                if message[0] == T::FINISHED.0 {
                    message.resize(4 + length, 0);
                    message[3] = u8::try_from(length).unwrap();
                }
            };
            match side {
                "client" => client.sink.edit = Some(Box::new(edit)),
                _ => server.sink.edit = Some(Box::new(edit)),
            }
            let Outcome::Failed(failure) = handshake(&mut client, &mut server, &pki) else {
                panic!("{length} is accepted")
            };
            assert_eq!(failure.error, Error::FinishedLength { got: length, expected }, "{kind:?}");
            assert_eq!(failure.error.alert(), Some(A::DECODE_ERROR));
        }
    }
}

fn shares(groups: impl IntoIterator<Item = u16>, x25519: &[u8]) -> Vec<u8> {
    let mut list = Vec::new();
    for group in groups {
        list.extend_from_slice(&group.to_be_bytes());
        let share = if group == 0x1d { &x25519[6..] } else { &[1] };
        list.extend_from_slice(&u16::try_from(share.len()).unwrap().to_be_bytes());
        list.extend_from_slice(share);
    }
    [&u16::try_from(list.len()).unwrap().to_be_bytes()[..], &list].concat()
}

/// A client may send a share for each group. The work is linear.
#[test]
fn server_accepts_many_key_shares() {
    let (mut client, server) = configs(Kind::Full);
    client.set_groups(&[NamedGroup::X25519]).unwrap();
    let pki = pki(Kind::Full);
    let given = |groups: Vec<u16>| {
        server_after_hello(client.clone(), server.clone(), &pki, &|hello| {
            let list: Vec<u8> = groups.iter().flat_map(|group| group.to_be_bytes()).collect();
            let length = u16::try_from(list.len()).unwrap().to_be_bytes();
            *hello.get(X::SUPPORTED_GROUPS) = [&length[..], &list].concat();
            let own = hello.get(X::KEY_SHARE).clone();
            *hello.get(X::KEY_SHARE) = shares(groups.iter().copied(), &own);
        })
        .map(|_| ())
    };
    // 33 and more unknown groups, then a supported one.
    for count in [33, 1000, 8000] {
        given((0x4000..0x4000 + count).chain([0x1d]).collect()).unwrap();
    }
    let twice = given(vec![0x4000, 0x1d, 0x1d]).unwrap_err();
    assert!(matches!(twice, Error::Illegal(Illegal::KeyShares(_))), "{twice}");
}

/// RFC 9846 §9.2: no extension is missing, but no key exchange is supported.
#[test]
fn psk_ke_without_psk_dhe_ke_is_handshake_failure() {
    let pki = pki(Kind::Resumed);
    for removed in [&[X::SUPPORTED_GROUPS, X::KEY_SHARE][..], &[X::KEY_SHARE], &[X::SUPPORTED_GROUPS]] {
        let (mut client, mut server) = ends(Kind::Resumed);
        let mut hello = super::hello::Hello::parse(&client.pop());
        removed.iter().for_each(|typ| hello.remove(*typ));
        *hello.get(X::PSK_KEY_EXCHANGE_MODES) = vec![1, 0];
        let error = server.deliver(&hello.encode(), &mut answers(&pki)).unwrap_err();
        assert_eq!(error.alert(), Some(A::HANDSHAKE_FAILURE), "{error}");
        // With psk_dhe_ke, key_share and supported_groups are required.
        *hello.get(X::PSK_KEY_EXCHANGE_MODES) = vec![1, 1];
        let mut server = server_with(configs(Kind::Resumed).1, None);
        let error = server.deliver(&hello.encode(), &mut answers(&pki)).unwrap_err();
        assert_eq!(error.alert(), Some(A::MISSING_EXTENSION), "{error}");
    }
}

fn connect(version: ProtocolVersion, pki: &Pki) -> Pair {
    let mut server = ServerConfig::new();
    server.set_versions(&[version]).unwrap();
    let mut pair = Pair::with(ClientConfig::new(), server);
    pair.handshake(pki).unwrap();
    pair
}

/// RFC 5246 §7.2: TLS 1.2 obeys the alert level. RFC 9846 §6: TLS 1.3 ignores it.
#[test]
fn fatal_user_canceled_closes_only_tls12() {
    let pki = Pki::new();
    for (version, level, ends) in [
        (ProtocolVersion::TLS12, 2, true),
        (ProtocolVersion::TLS12, 1, false),
        (ProtocolVersion::TLS13, 2, false),
        (ProtocolVersion::TLS13, 1, false),
    ] {
        let mut pair = connect(version, &pki);
        pair.server.send_raw_record(C::ALERT, &[level, A::USER_CANCELED.0], &mut pair.to_client);
        pair.client.send_raw_record(C::ALERT, &[level, A::USER_CANCELED.0], &mut pair.to_server);
        let expected = |side| match ends {
            true => Err(Error::AlertReceived { description: A::USER_CANCELED, state: StateName::connected12(side) }),
            false => Ok(()),
        };
        assert_eq!(pair.step_client().map(|_| ()), expected(Side::Client), "{version} {level}");
        assert_eq!(pair.step_server().map(|_| ()), expected(Side::Server), "{version} {level}");
        if !ends {
            pair.exchange(b"question", b"answer");
        }
    }
}

/// RFC 9846 §5.1: this includes ignorable alerts and close_notify.
#[test]
fn alert_inside_fragmented_message_is_rejected() {
    let pki = Pki::new();
    for version in [ProtocolVersion::TLS12, ProtocolVersion::TLS13] {
        for alert in [[1, A::UNRECOGNIZED_NAME.0], [1, A::USER_CANCELED.0], [1, 0], [2, 0], [2, 40]] {
            let mut pair = connect(version, &pki);
            pair.server.send_raw_record(C::HANDSHAKE, &[4, 0, 0], &mut pair.to_client);
            pair.server.send_raw_record(C::ALERT, &alert, &mut pair.to_client);
            pair.client.send_raw_record(C::HANDSHAKE, &[1, 0, 0], &mut pair.to_server);
            pair.client.send_raw_record(C::ALERT, &alert, &mut pair.to_server);
            // A fatal alert is reported as itself.
            let reported = alert[1] == 40 || (version == ProtocolVersion::TLS13 && alert[1] == A::UNRECOGNIZED_NAME.0);
            for error in [pair.step_client().unwrap_err(), pair.step_server().unwrap_err()] {
                assert_eq!(matches!(error, Error::AlertReceived { .. }), reported, "{version} {alert:?} {error}");
                assert_eq!(error == Error::InterleavedHandshake, !reported, "{version} {alert:?} {error}");
            }
        }
    }
    // Before ServerHello.
    let mut pair = Pair::new(&pki);
    pair.at_client.extend_from_slice(&[22, 3, 3, 0, 2, 2, 0, 21, 3, 3, 0, 2, 1, A::UNRECOGNIZED_NAME.0]);
    assert_eq!(pair.step_client().unwrap_err(), Error::InterleavedHandshake);
    // Inside the first and the second ClientHello.
    for is_second in [false, true] {
        let mut server = ServerConfig::new();
        if is_second {
            server.set_groups(&[NamedGroup::SECP384R1]).unwrap();
        }
        let mut pair = Pair::with(ClientConfig::new(), server);
        if is_second {
            pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        }
        pair.at_server.extend_from_slice(&[22, 3, 3, 0, 2, 1, 0, 21, 3, 3, 0, 2, 1, A::USER_CANCELED.0]);
        pair.to_server.consume(usize::MAX);
        assert_eq!(pair.step_server().unwrap_err(), Error::InterleavedHandshake, "{is_second}");
    }
}

#[test]
fn failed_handshake_stays_handshaking() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    pair.at_client.extend_from_slice(&[21, 3, 3, 0, 2, 2, 40]);
    pair.step_client().unwrap_err();
    assert!(pair.client.is_handshaking());
    pair.server.end_of_input().unwrap_err();
    assert!(pair.server.is_handshaking());
    // A completed handshake stays complete.
    let mut pair = connect(TLS13, &pki);
    pair.server.send_raw_record(C::ALERT, &[2, 40], &mut pair.to_client);
    pair.step_client().unwrap_err();
    assert!(!pair.client.is_handshaking());
}

/// Includes a server whose last step is an answer: it issues tickets.
#[test]
fn handshake_complete_is_reported_once() {
    for (version, storage) in
        [(TLS13, Storage::Ticket), (TLS13, Storage::Id), (ProtocolVersion::TLS12, Storage::Ticket)]
    {
        let mut harness = Harness::new(storage);
        for tickets in [0, 2] {
            let (client, mut server) = (harness.client(version), harness.server());
            server.set_send_tls13_tickets(tickets);
            let mut pair = Pair::with(client, server);
            let mut complete = [0, 0];
            for _ in 0..8 {
                carry_and_count(&mut pair, &mut harness, &mut complete);
            }
            assert_eq!(complete, [1, 1], "{version} {storage:?} {tickets}");
            assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
            pair.exchange(b"question", b"answer");
        }
    }
}

/// With client certificates (the client's last step is an answer), after a retry, in a resumption
/// with and without early data, and with an external key.
#[test]
fn handshake_complete_is_reported_once_in_each_kind() {
    let check = |harness: &mut Harness, mut pair: Pair, kind: HandshakeKind| {
        let mut complete = [0, 0];
        for _ in 0..8 {
            carry_and_count(&mut pair, harness, &mut complete);
        }
        assert_eq!((complete, pair.client.handshake_kind()), ([1, 1], Some(kind)), "{:?}", harness.storage);
        pair.exchange(b"question", b"answer");
    };
    for storage in STORAGES {
        let mut harness = Harness::new(storage);
        for version in [TLS13, TLS12] {
            let (mut client, mut server) = (harness.client(version), harness.server());
            let session = harness.establish_one(&client, &server);
            let pair = Pair::resuming(client.clone(), server.clone(), session, harness.now);
            check(&mut harness, pair, HandshakeKind::Resumed);
            client.set_client_identity_lookup(true);
            server.set_client_auth(ClientAuth::Required);
            check(&mut harness, Pair::with(client, server), HandshakeKind::Full);
        }
        let (client, mut server) = (harness.client(TLS13), harness.server());
        server.set_groups(&[NamedGroup::SECP384R1]).unwrap();
        check(&mut harness, Pair::with(client, server), HandshakeKind::FullWithHelloRetryRequest);
        for sends in [false, true] {
            let (client, server, session) = harness.establish_early_data(100);
            let mut pair = Pair::resuming(client, server, session, harness.now);
            // Only single-use sessions allow it.
            if sends && storage == Storage::Id {
                assert_eq!(pair.client.send_early_data(b"early", &mut pair.to_server).unwrap(), 5);
            }
            check(&mut harness, pair, HandshakeKind::Resumed);
        }
    }
}

/// Carries all output and counts the reports of a complete handshake.
fn carry_and_count(pair: &mut Pair, harness: &mut Harness, complete: &mut [usize; 2]) {
    macro_rules! drive {
        ($end:ident, $from:ident, $at:ident, $to:ident, $count:expr) => {
            pair.$at.extend_from_slice(pair.$from.ready());
            pair.$from.consume(usize::MAX);
            loop {
                let processed = pair.$end.process(&mut pair.$at, &mut pair.$to).unwrap();
                pair.$at.drain(..processed.consumed);
                match processed.progress {
                    Progress::HandshakeComplete => $count += 1,
                    Progress::NeedMoreInput { .. } => break,
                    Progress::Need(need) => {
                        let mut next = Some(need);
                        while let Some(need) = next.take() {
                            next = pair.$end.resume(harness.answer(need), &mut pair.$to).unwrap();
                        }
                    }
                    _ => {}
                }
            }
        };
    }
    drive!(server, to_server, at_server, to_client, complete[1]);
    drive!(client, to_client, at_client, to_server, complete[0]);
}

/// The maximum of the setting. Each session is resumable.
#[test]
fn server_sends_255_tickets() {
    let mut harness = Harness::new(Storage::Id);
    let (client, mut server) = (harness.client(TLS13), harness.server());
    server.set_send_tls13_tickets(255);
    let sessions = harness.establish(&client, &server);
    assert_eq!(harness.store.len(), 255);
    for session in sessions {
        assert!(harness.kind(&client, &server, session).unwrap().is_resumed());
    }
}

/// RFC 5246 §7.4.1.2: a hello of nine records, with every vector at its maximum length.
#[test]
fn largest_client_hello_is_accepted_by_default() {
    let pki = Pki::new();
    let mut client = ClientConfig::new();
    client.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    let pair = Pair::with(client.clone(), ServerConfig::new());
    let mut hello = super::hello::Hello::parse(&pair.to_server.ready()[5..]);
    hello.session_id = vec![7; 32];
    hello.compression = (0..=254).collect();
    hello.suites.resize(0xfffe, 0x0a);
    let used: usize = hello.extensions.iter().map(|(_, data)| 4 + data.len()).sum();
    hello.extensions.push((X::PADDING.0, vec![0; 0xffff - 4 - used]));
    let message = hello.encode();
    assert_eq!(message.len(), 131_400);
    assert_eq!(crate::Limits::default().handshake_message, message.len());
    let mut pair = Pair::with(client, ServerConfig::new());
    for part in message.chunks(1 << 14) {
        let length = u16::try_from(part.len()).unwrap().to_be_bytes();
        pair.at_server.extend_from_slice(&[&[22, 3, 1][..], &length, part].concat());
    }
    pair.to_server.consume(usize::MAX);
    pair.drive_server(&mut |need| pki.answer(need)).unwrap();
    assert!(pair.to_client.len() > 500, "the server answers");
}
