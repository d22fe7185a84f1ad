//! A connection holds at most twice the bytes of a peer's list, in every message with a list or a
//! long field.

use allocation_counter::{AllocationInfo, measure};
use tls_codec::code_points::{ExtensionType as X, HandshakeType as T, NamedGroup, ProtocolVersion};

use super::flow::{End, Kind, MessageEdit, Sent, answers, client_with, configs, pki, server_with};
use super::hello::{Hello, vec16};
use super::quic_pair::{QuicPair, server_start};
use crate::config::{ClientConfig, ServerConfig, SessionLookup};
use crate::connection::ClientStart;
use crate::error::Level;
use crate::need::{Answer, Need};
use crate::quic::ServerStart;
use crate::states::StateMachine;

/// Bytes of a handshake that do not depend on the list: keys, a short chain, this side's response.
const REST: u64 = 12 * 1024;

/// The side that holds the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Client,
    Server,
}

/// A message of the peer, with one list or field filled by `fill`.
struct Case {
    what: &'static str,
    kind: Kind,
    holder: Holder,
    message: T,
    fill: fn(&mut Vec<u8>),
}

fn vec24(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..], bytes].concat()
}

fn extension(typ: X, data: &[u8]) -> Vec<u8> {
    [&typ.0.to_be_bytes()[..], &vec16(data)].concat()
}

/// A list of 20,000 elements of one byte, 60 KB with the lengths.
fn many_elements() -> Vec<u8> {
    vec16(&b"\x00\x01\x07".repeat(20_000))
}

/// Replaces the body and length of a message.
fn set(message: &mut Vec<u8>, body: &[u8]) {
    *message = [&message[..1], &vec24(body)].concat();
}

/// Returns the first certificate of a Certificate message whose list begins at byte `list`.
fn leaf(message: &[u8], list: usize) -> Vec<u8> {
    let at = list + 3;
    let length = usize::from(message[at + 1]) * 256 + usize::from(message[at + 2]);
    message[at..at + 3 + length].to_vec()
}

/// Replaces the TLS 1.3 chain by its end-entity certificate with one extension.
fn with_extension(message: &mut Vec<u8>, extension: &[u8]) {
    let entry = [leaf(message, 5), vec16(extension)].concat();
    set(message, &[vec![0], vec24(&entry)].concat());
}

/// Replaces the chain by its end-entity certificate and 15 long ones, the maximum.
fn long_chain(message: &mut Vec<u8>) {
    let tls12 = message[4] == 0 && message[7] == 0;
    if tls12 {
        let chain = [leaf(message, 4), vec24(&[7; 4000]).repeat(15)].concat();
        set(message, &vec24(&chain));
    } else {
        let other = [vec24(&[7; 4000]), vec16(&[])].concat();
        let chain = [leaf(message, 5), vec16(&[]), other.repeat(15)].concat();
        set(message, &[vec![0], vec24(&chain)].concat());
    }
}

fn push(message: &mut Vec<u8>, typ: X, data: &[u8]) {
    Hello::edit(message, &|hello| {
        hello.remove(typ);
        hello.extensions.insert(0, (typ.0, data.to_vec()));
    });
}

fn with_unknown(known: &[u8]) -> Vec<u8> {
    [&[0x5a, 0x5b].repeat(28_000)[..], known].concat()
}

/// Adds shares of 8,000 unknown groups, which it also lists.
fn many_shares(message: &mut Vec<u8>) {
    Hello::edit(message, &|hello| {
        let groups: Vec<u8> = (0x4000_u16..0x4000 + 8000).flat_map(u16::to_be_bytes).collect();
        let shares: Vec<u8> = groups.chunks(2).flat_map(|group| [group[0], group[1], 0, 1, 7]).collect();
        for (typ, more) in [(X::SUPPORTED_GROUPS, groups), (X::KEY_SHARE, shares)] {
            let list = hello.get(typ);
            *list = vec16(&[&list[2..], &more].concat());
        }
    });
}

/// Adds a share of 50,000 bytes.
fn long_share(message: &mut Vec<u8>) {
    Hello::edit(message, &|hello| {
        let groups = hello.get(X::SUPPORTED_GROUPS);
        *groups = vec16(&[&groups[2..], &[0x5a, 0x5a]].concat());
        let shares = hello.get(X::KEY_SHARE);
        *shares = vec16(&[&shares[2..], &[0x5a, 0x5a], &vec16(&[7; 50_000])].concat());
    });
}

/// Adds 12,000 unknown extensions.
fn unknown(message: &mut Vec<u8>) {
    Hello::edit(message, &|hello| {
        hello.extensions.splice(0..0, (0x4000..0x4000 + 12_000).map(|typ| (typ, vec![]))).for_each(drop);
    });
}

const X25519: [u8; 2] = [0, 29];
const ED25519: [u8; 2] = [8, 7];

const SERVERS: [Case; 12] = [
    Case {
        what: "CA names",
        kind: Kind::Auth,
        holder: Holder::Client,
        message: T::CERTIFICATE_REQUEST,
        fill: |m| {
            let schemes = extension(X::SIGNATURE_ALGORITHMS, &vec16(&ED25519));
            let block = [schemes, extension(X::CERTIFICATE_AUTHORITIES, &many_elements())].concat();
            set(m, &[vec![0], vec16(&block)].concat());
        },
    },
    Case {
        what: "CA names",
        kind: Kind::Tls12Auth,
        holder: Holder::Client,
        message: T::CERTIFICATE_REQUEST,
        fill: |m| {
            set(m, &[vec![1, 64], vec16(&ED25519), many_elements()].concat());
        },
    },
    Case {
        what: "schemes",
        kind: Kind::Auth,
        holder: Holder::Client,
        message: T::CERTIFICATE_REQUEST,
        fill: |m| {
            let schemes = extension(X::SIGNATURE_ALGORITHMS, &vec16(&with_unknown(&ED25519)));
            set(m, &[vec![0], vec16(&schemes)].concat());
        },
    },
    Case {
        what: "SCTs",
        kind: Kind::Full,
        holder: Holder::Client,
        message: T::CERTIFICATE,
        fill: |m| {
            with_extension(m, &extension(X::SIGNED_CERTIFICATE_TIMESTAMP, &many_elements()));
        },
    },
    Case {
        what: "SCTs",
        kind: Kind::Tls12Stapled,
        holder: Holder::Client,
        message: T::SERVER_HELLO,
        fill: |m| {
            push(m, X::SIGNED_CERTIFICATE_TIMESTAMP, &many_elements());
        },
    },
    Case {
        what: "OCSP response",
        kind: Kind::Full,
        holder: Holder::Client,
        message: T::CERTIFICATE,
        fill: |m| {
            let status = [vec![1], vec24(&[7; 60_000])].concat();
            with_extension(m, &extension(X::STATUS_REQUEST, &status));
        },
    },
    Case {
        what: "OCSP response",
        kind: Kind::Tls12Stapled,
        holder: Holder::Client,
        message: T::CERTIFICATE_STATUS,
        fill: |m| {
            set(m, &[vec![1], vec24(&[7; 60_000])].concat());
        },
    },
    Case { what: "chain", kind: Kind::Full, holder: Holder::Client, message: T::CERTIFICATE, fill: long_chain },
    Case { what: "chain", kind: Kind::Tls12, holder: Holder::Client, message: T::CERTIFICATE, fill: long_chain },
    Case {
        what: "ticket",
        kind: Kind::Full,
        holder: Holder::Client,
        message: T::NEW_SESSION_TICKET,
        fill: |m| {
            set(m, &[vec![0, 0, 1, 0, 1, 2, 3, 4, 1, 9], vec16(&[7; 60_000]), vec16(&[])].concat());
        },
    },
    Case {
        what: "ticket",
        kind: Kind::Tls12Ticket,
        holder: Holder::Client,
        message: T::NEW_SESSION_TICKET,
        fill: |m| {
            set(m, &[vec![0, 0, 1, 0], vec16(&[7; 60_000])].concat());
        },
    },
    Case {
        what: "cookie",
        kind: Kind::Retry,
        holder: Holder::Client,
        message: T::SERVER_HELLO,
        fill: |m| {
            push(m, X::COOKIE, &vec16(&[7; 60_000]));
        },
    },
];

const CLIENTS: [Case; 21] = [
    Case {
        what: "suites",
        kind: Kind::Full,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            Hello::edit(m, &|hello| hello.suites = with_unknown(&hello.suites));
        },
    },
    Case {
        what: "suites",
        kind: Kind::Tls12,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            Hello::edit(m, &|hello| hello.suites = with_unknown(&hello.suites));
        },
    },
    Case {
        what: "groups",
        kind: Kind::Full,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            push(m, X::SUPPORTED_GROUPS, &vec16(&with_unknown(&X25519)));
        },
    },
    Case {
        what: "groups",
        kind: Kind::Tls12,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            push(m, X::SUPPORTED_GROUPS, &vec16(&with_unknown(&X25519)));
        },
    },
    Case {
        what: "schemes",
        kind: Kind::Full,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            push(m, X::SIGNATURE_ALGORITHMS, &vec16(&with_unknown(&ED25519)));
        },
    },
    Case {
        what: "schemes",
        kind: Kind::Tls12,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            push(m, X::SIGNATURE_ALGORITHMS, &vec16(&with_unknown(&ED25519)));
        },
    },
    Case {
        what: "protocols",
        kind: Kind::Full,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            push(m, X::ALPN, &vec16(&b"\x01a".repeat(30_000)));
        },
    },
    Case {
        what: "protocols",
        kind: Kind::Tls12,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            push(m, X::ALPN, &vec16(&[b"\x08http/1.1".to_vec(), b"\x01a".repeat(30_000)].concat()));
        },
    },
    Case {
        what: "CA names",
        kind: Kind::Full,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            push(m, X::CERTIFICATE_AUTHORITIES, &many_elements());
        },
    },
    Case {
        what: "ticket",
        kind: Kind::Tls12Ticket,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            push(m, X::SESSION_TICKET, &[7; 60_000]);
        },
    },
    Case {
        what: "identities",
        kind: Kind::Full,
        holder: Holder::Server,
        message: T::CLIENT_HELLO,
        fill: |m| {
            let identities = vec16(&b"\x00\x01\x07\x00\x00\x00\x00".repeat(1200));
            let binders = vec16(&[&[32][..], &[7; 32]].concat().repeat(1200));
            Hello::edit(m, &|hello| {
                hello.extensions.push((X::PRE_SHARED_KEY.0, [&identities[..], &binders].concat()));
            });
        },
    },
    Case { what: "shares", kind: Kind::Full, holder: Holder::Server, message: T::CLIENT_HELLO, fill: many_shares },
    Case { what: "shares", kind: Kind::Tls12, holder: Holder::Server, message: T::CLIENT_HELLO, fill: many_shares },
    Case { what: "shares", kind: Kind::Retry, holder: Holder::Server, message: T::CLIENT_HELLO, fill: many_shares },
    Case { what: "long share", kind: Kind::Full, holder: Holder::Server, message: T::CLIENT_HELLO, fill: long_share },
    Case { what: "long share", kind: Kind::Retry, holder: Holder::Server, message: T::CLIENT_HELLO, fill: long_share },
    Case { what: "extensions", kind: Kind::Full, holder: Holder::Server, message: T::CLIENT_HELLO, fill: unknown },
    Case { what: "extensions", kind: Kind::Tls12, holder: Holder::Server, message: T::CLIENT_HELLO, fill: unknown },
    Case { what: "extensions", kind: Kind::Retry, holder: Holder::Server, message: T::CLIENT_HELLO, fill: unknown },
    Case { what: "chain", kind: Kind::Auth, holder: Holder::Server, message: T::CERTIFICATE, fill: long_chain },
    Case { what: "chain", kind: Kind::Tls12Auth, holder: Holder::Server, message: T::CERTIFICATE, fill: long_chain },
];

fn settings(case: &Case) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = configs(case.kind);
    client.set_sct_request(true);
    client.set_ocsp_request(true);
    if matches!(case.message, T::NEW_SESSION_TICKET) || case.what == "identities" {
        client.set_resumption(true);
        server.set_session_lookup(SessionLookup::Tickets);
    }
    if case.what.ends_with("share") || case.what == "shares" {
        // The room for a hybrid share.
        client.set_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap();
    }
    if !case.kind.is_tls12() {
        client.set_versions(&[ProtocolVersion::TLS13]).unwrap();
    }
    (client, server)
}

/// Delivers a flight to `to` up to the filled message, and measures that message.
fn deliver_and_measure<S: StateMachine>(
    to: &mut End<S>,
    flight: Vec<Sent>,
    case: &Case,
    answer: &mut dyn FnMut(Need) -> Answer,
) -> Option<(u64, u64, i64)> {
    for sent in flight {
        let Sent::Message(message) = &sent else {
            to.take(&sent, answer).unwrap();
            continue;
        };
        if T(message[0]) != case.message || message.len() < 40_000 {
            to.take(&sent, answer).unwrap();
            continue;
        }
        let mut outcome = Ok(());
        let info = measure(|| {
            outcome = to.take(&sent, answer);
            to.sink.forget();
        });
        return Some((u64::try_from(message.len()).unwrap(), info.bytes_max, info.bytes_current));
    }
    None
}

/// Runs a handshake up to the filled message. Returns its length, and the maximum and the remaining
/// bytes held.
fn measure_handshake(case: &Case, settings: (ClientConfig, ServerConfig)) -> (u64, u64, i64) {
    let what = format!("{} in {} of {:?}", case.what, case.message, case.kind);
    let pki = pki(case.kind);
    let (client, server) = settings;
    let (message, fill) = (case.message.0, case.fill);
    let mut filled = false;
    let edit: MessageEdit = Box::new(move |m| {
        if m[0] == message && !std::mem::replace(&mut filled, true) {
            fill(m);
        }
    });
    let (at_client, at_server) = if case.holder == Holder::Server { (Some(edit), None) } else { (None, Some(edit)) };
    let (mut client, mut server) = (client_with(client, at_client), server_with(server, at_server));
    let mut answer = answers(&pki);
    loop {
        let flight = client.flight();
        let mut given = deliver_and_measure(&mut server, flight.clone(), case, &mut answer)
            .filter(|_| case.holder == Holder::Server);
        let back = server.flight();
        assert!(given.is_some() || !flight.is_empty() || !back.is_empty(), "{what}: the message does not arrive");
        if given.is_none() {
            given = deliver_and_measure(&mut client, back, case, &mut answer);
        }
        if let Some(given) = given {
            return given;
        }
    }
}

fn check(case: &Case) {
    let (sent, most, left) = measure_handshake(case, settings(case));
    let what = format!("{} in {} of {:?}", case.what, case.message, case.kind);
    // The second ClientHello echoes the cookie, which is then in the output buffer as well.
    let factor = if case.what == "cookie" { 6 } else { 2 };
    assert!(most <= factor * sent + REST, "{what}: {most} bytes for {sent}");
    assert!(left <= i64::try_from(2 * sent + REST).unwrap(), "{what}: {left} bytes of {sent} are left");
}

#[test]
fn client_holds_server_lists_at_most_twice() {
    SERVERS.iter().for_each(check);
}

#[test]
fn server_holds_client_lists_at_most_twice() {
    CLIENTS.iter().for_each(check);
}

/// A server keeps the parameters from ClientHello on, a client from EncryptedExtensions on.
#[test]
fn quic_transport_parameters_are_held_at_most_twice() {
    const LENGTH: usize = 60_000;
    let pki = super::pair::Pki::new();
    let (client, server) = super::quic::configs();
    let mut pair = QuicPair::new(&client, &server);
    let (level, mut hello) = pair.client.sent.remove(0);
    Hello::edit(&mut hello, &|hello| hello.set(X::QUIC_TRANSPORT_PARAMETERS, &[7; LENGTH]));
    let held = measure(|| pair.server.receive(level, &hello, &mut |need| pki.answer(need)).unwrap());
    assert_eq!(pair.server.connection.peer_transport_parameters().map(<[u8]>::len), Some(LENGTH));
    assert_bounded(held, LENGTH, "a server");

    let start = ServerStart { transport_parameters: vec![7; LENGTH], ..server_start() };
    let mut pair = QuicPair::start(&client, &server, ClientStart::default(), start);
    let (level, hello) = pair.client.sent.remove(0);
    pair.server.receive(level, &hello, &mut |need| pki.answer(need)).unwrap();
    pair.server.take_output();
    let (level, hello) = pair.server.sent.remove(0);
    pair.client.receive(level, &hello, &mut |need| pki.answer(need)).unwrap();
    pair.client.take_output();
    let (level, flight) = pair.server.sent.remove(0);
    assert!(flight.len() > LENGTH);
    let held = measure(|| pair.client.receive(level, &flight, &mut |need| pki.answer(need)).unwrap());
    assert_eq!(pair.client.connection.peer_transport_parameters().map(<[u8]>::len), Some(LENGTH));
    assert_bounded(held, LENGTH, "a client");

    // The sessions of eight tickets share them.
    let (mut client, _) = super::quic::configs();
    client.set_resumption(true);
    let start = ServerStart { transport_parameters: vec![7; LENGTH], ..server_start() };
    let mut pair = QuicPair::start(&client, &server, ClientStart::default(), start);
    pair.handshake(&mut |need| pki.answer(need)).unwrap();
    let ticket = super::quic_faults::ticket(None);
    let mut sessions = Vec::new();
    let held = measure(|| {
        for _ in 0..8 {
            pair.client.connection.receive(Level::OneRtt, &ticket).unwrap();
            sessions.extend(pair.client.connection.take_sessions(super::pair::now()));
        }
    });
    assert_eq!(sessions.iter().map(|session| session.transport_parameters().len()).collect::<Vec<_>>(), [LENGTH; 8]);
    assert!(held.bytes_current <= i64::try_from(REST).unwrap(), "{} bytes of eight sessions", held.bytes_current);
}

fn assert_bounded(held: AllocationInfo, length: usize, who: &str) {
    let most = u64::try_from(2 * length).unwrap() + REST;
    assert!(held.bytes_max <= most, "{who}: {} bytes for {length}", held.bytes_max);
    let left = i64::try_from(length).unwrap() + i64::try_from(REST).unwrap();
    assert!(held.bytes_current <= left, "{who}: {} bytes of {length} are left", held.bytes_current);
}

/// Stapled data is needed only for verification. A client without an identity lookup does not need
/// the CA names.
#[test]
fn connection_frees_unused_peer_data() {
    for case in &SERVERS {
        let stapled = matches!(case.what, "SCTs" | "OCSP response") && case.message == T::CERTIFICATE;
        let unasked = matches!(case.message, T::CERTIFICATE_REQUEST);
        if stapled || unasked {
            let (mut client, server) = settings(case);
            client.set_client_identity_lookup(false);
            let (_, _, left) = measure_handshake(case, (client, server));
            assert!(left <= i64::try_from(REST).unwrap(), "{} of {:?}: {left} bytes", case.what, case.kind);
        }
    }
}
