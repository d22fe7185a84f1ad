//! Faults over QUIC: data at the wrong level or left at a key change, messages that QUIC forbids,
//! missing parameters, and what is bounded.
//!
//! RUSTSEC-2026-0285 and CVE-2025-61730 report peers that accepted messages across a key change,
//! CVE-2023-39322 one whose memory for CRYPTO data after the handshake was not bounded.

use tls_codec::code_points::{ExtensionType as X, HandshakeType as T, NamedGroup};

use super::hello::Hello;
use super::pair::Pki;
use super::quic::configs;
use super::quic_pair::{QuicPair, Side};
use crate::auth::ClientAuth;
use crate::config::{ClientConfig, Limits, ServerConfig};
use crate::error::{Error, ErrorKind, Flood, Level, QuicFault};
use crate::need::Need;
use crate::states::Role;

const PROTOCOL_VIOLATION: u64 = 0x0a;
const LEVELS: [Level; 4] = [Level::Initial, Level::ZeroRtt, Level::Handshake, Level::OneRtt];

/// Data that must not follow: a whole message, partial ones, a KeyUpdate.
const FOLLOWERS: [&[u8]; 4] = [&[8, 0, 0, 2, 0, 0], &[8, 0, 0, 2, 0], &[8], &[24, 0, 0, 1, 0]];

/// A point of the handshake at which one message is still to be delivered.
struct Point {
    name: &'static str,
    /// Stops before delivering this message.
    stop: fn(&mut QuicPair, &Pki) -> (bool, Level, Vec<u8>),
}

/// The messages after which keys change, or after which the other side must answer.
const POINTS: [Point; 5] = [
    Point { name: "ClientHello", stop: |pair, _| take_client(pair, Level::Initial) },
    Point {
        name: "HelloRetryRequest",
        stop: |pair, pki| {
            step(pair, pki);
            take_server(pair, Level::Initial)
        },
    },
    Point {
        name: "ServerHello",
        stop: |pair, pki| {
            step(pair, pki);
            take_server(pair, Level::Initial)
        },
    },
    Point {
        name: "the server's Finished",
        stop: |pair, pki| {
            step(pair, pki);
            let (_, level, hello) = take_server(pair, Level::Initial);
            pair.client.receive(level, &hello, &mut |need| pki.answer(need)).unwrap();
            pair.client.take_output();
            take_server(pair, Level::Handshake)
        },
    },
    Point {
        name: "the client's Finished",
        stop: |pair, pki| {
            step(pair, pki);
            for (level, data) in std::mem::take(&mut pair.server.sent) {
                pair.client.receive(level, &data, &mut |need| pki.answer(need)).unwrap();
                pair.client.take_output();
            }
            take_client(pair, Level::Handshake)
        },
    },
];

/// Delivers the client's first flight.
fn step(pair: &mut QuicPair, pki: &Pki) {
    for (level, data) in std::mem::take(&mut pair.client.sent) {
        pair.server.receive(level, &data, &mut |need| pki.answer(need)).unwrap();
        pair.server.take_output();
    }
}

fn take_client(pair: &mut QuicPair, level: Level) -> (bool, Level, Vec<u8>) {
    let (got, data) = pair.client.sent.remove(0);
    assert_eq!(got, level);
    (false, level, data)
}

fn take_server(pair: &mut QuicPair, level: Level) -> (bool, Level, Vec<u8>) {
    let (got, data) = pair.server.sent.remove(0);
    assert_eq!(got, level);
    (true, level, data)
}

fn level_of(point: &Point) -> Level {
    if point.name.ends_with("Finished") { Level::Handshake } else { Level::Initial }
}

fn configs_of(point: &Point) -> (ClientConfig, ServerConfig) {
    let (client, mut server) = configs();
    if point.name == "HelloRetryRequest" {
        server.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    }
    (client, server)
}

/// Passes data to the side that receives it.
type Receive<'r> = &'r mut dyn FnMut(Level, &[u8]) -> Result<(), Error>;

/// What to do with the data of a point.
type Deliver<'d> = &'d dyn Fn(Receive<'_>, Level, &[u8]) -> Result<(), Error>;

/// Runs to the point, and does with the data there what `deliver` does.
fn at_point(point: &Point, pki: &Pki, deliver: Deliver<'_>) -> (Result<(), Error>, QuicPair) {
    let (client, server) = configs_of(point);
    let mut pair = QuicPair::new(&client, &server);
    let (to_client, level, data) = (point.stop)(&mut pair, pki);
    let result = if to_client {
        deliver(&mut |level, data| pair.client.receive(level, data, &mut |need| pki.answer(need)), level, &data)
    } else {
        deliver(&mut |level, data| pair.server.receive(level, data, &mut |need| pki.answer(need)), level, &data)
    };
    (result, pair)
}

#[test]
fn data_after_key_change_message_is_protocol_violation() {
    let pki = Pki::new();
    for point in &POINTS {
        at_point(point, &pki, &|receive, level, data| receive(level, data)).0.unwrap();
        for follower in FOLLOWERS {
            let (result, _) = at_point(point, &pki, &|receive, level, data| receive(level, &[data, follower].concat()));
            let e = result.unwrap_err();
            assert!(matches!(e, Error::Quic(QuicFault::DataAtKeyChange(_))), "{}: {e}", point.name);
            assert_eq!((e.quic_code(), e.kind()), (PROTOCOL_VIOLATION, ErrorKind::PeerMisbehaved));
        }
    }
}

/// The same with the message split at every byte before.
#[test]
fn data_after_split_message_is_protocol_violation() {
    let pki = Pki::new();
    for point in &POINTS {
        let length = {
            let (client, server) = configs_of(point);
            (point.stop)(&mut QuicPair::new(&client, &server), &pki).2.len()
        };
        for cut in (1..length).step_by(if length > 400 { 97 } else { 23 }) {
            let split = |follower: &'static [u8]| {
                at_point(point, &pki, &move |receive, level, data| {
                    receive(level, &data[..cut])?;
                    receive(level, &[&data[cut..], follower].concat())
                })
                .0
            };
            split(&[]).unwrap();
            let e = split(FOLLOWERS[cut % FOLLOWERS.len()]).unwrap_err();
            assert!(matches!(e, Error::Quic(QuicFault::DataAtKeyChange(_))), "{} at {cut}: {e}", point.name);
        }
    }
}

/// Later data of the old level arrives separately.
#[test]
fn data_of_another_level_is_protocol_violation() {
    let pki = Pki::new();
    for point in &POINTS {
        for other in LEVELS {
            let (result, _) = at_point(point, &pki, &|receive, level, data| {
                assert_eq!(receive(other, b""), Ok(()));
                if other == level { receive(level, data) } else { receive(other, FOLLOWERS[0]) }
            });
            if other == level_of(point) {
                result.unwrap();
                continue;
            }
            let e = result.unwrap_err();
            assert!(matches!(e, Error::Quic(QuicFault::WrongLevel { got, .. }) if got == other), "{}: {e}", point.name);
            assert_eq!(e.quic_code(), PROTOCOL_VIOLATION);
        }
        for follower in FOLLOWERS {
            let (result, _) = at_point(point, &pki, &|receive, level, data| {
                receive(level, data)?;
                receive(level, follower)
            });
            // HelloRetryRequest does not change keys, so its level goes on.
            if point.name != "HelloRetryRequest" {
                let e = result.unwrap_err();
                assert!(matches!(e, Error::Quic(QuicFault::WrongLevel { .. })), "{}: {e}", point.name);
            }
        }
    }
}

/// Only the client's second answer may come while the server waits for the application.
#[test]
fn data_that_arrives_before_the_answer_is_left_at_key_change() {
    let pki = Pki::new();
    for follower in FOLLOWERS {
        let (client, server) = configs();
        let mut pair = QuicPair::new(&client, &server);
        let (_, level, hello) = take_client(&mut pair, Level::Initial);
        let mut need = pair.server.connection.receive(level, &hello).unwrap();
        assert!(matches!(need, Some(Need::Identity(_))));
        assert!(pair.server.connection.receive(level, follower).unwrap().is_none());
        let mut result = Ok(());
        while let Some(open) = need.take() {
            match pair.server.connection.resume(pki.answer(open)) {
                Ok(next) => need = next,
                Err(e) => result = Err(e),
            }
        }
        assert_eq!(result, Err(QuicFault::DataAtKeyChange(Level::Initial).into()));
        pair.server.take_output();
        assert!(!pair.server.events.iter().any(|event| event.starts_with("read")), "{:?}", pair.server.events);
    }
}

/// The same for a client that waits for its certificate, after the server's Finished.
#[test]
fn data_that_arrives_before_the_identity_is_left_at_key_change() {
    let pki = Pki::new();
    let (mut client, mut server) = configs();
    client.set_client_identity_lookup(true);
    server.set_client_auth(ClientAuth::Required);
    let mut pair = QuicPair::new(&client, &server);
    step(&mut pair, &pki);
    let (_, level, hello) = take_server(&mut pair, Level::Initial);
    pair.client.receive(level, &hello, &mut |need| pki.answer(need)).unwrap();
    let (_, level, flight) = take_server(&mut pair, Level::Handshake);
    let mut need = pair.client.connection.receive(level, &flight).unwrap();
    let mut result = Ok(());
    while let Some(open) = need.take() {
        if matches!(open, Need::ClientIdentity(_)) {
            assert!(pair.client.connection.receive(level, FOLLOWERS[0]).unwrap().is_none());
        }
        match pair.client.connection.resume(pki.answer(open)) {
            Ok(next) => need = next,
            Err(e) => result = Err(e),
        }
    }
    assert_eq!(result, Err(QuicFault::DataAtKeyChange(Level::Handshake).into()));
    pair.client.take_output();
    assert!(!pair.client.events.contains(&"read 1-RTT".to_owned()), "{:?}", pair.client.events);
}

/// What belongs to the level is only late: the rest of the server's flight waits for the verdict.
#[test]
fn data_that_arrives_before_the_verdict_is_processed_after_it() {
    let pki = Pki::new();
    for size in [1, 7, 100] {
        let (client, server) = configs();
        let mut pair = QuicPair::new(&client, &server);
        step(&mut pair, &pki);
        let (_, level, hello) = take_server(&mut pair, Level::Initial);
        pair.client.receive(level, &hello, &mut |need| pki.answer(need)).unwrap();
        let (_, level, flight) = take_server(&mut pair, Level::Handshake);
        let mut verdict = None;
        for piece in flight.chunks(size) {
            verdict = pair.client.connection.receive(level, piece).unwrap().or(verdict);
        }
        assert!(pair.client.connection.is_handshaking());
        let verdict = verdict.expect("a certificate to verify");
        assert!(pair.client.connection.resume(pki.answer(verdict)).unwrap().is_none());
        pair.client.take_output();
        pair.handshake(&mut |need| pki.answer(need)).unwrap();
        pair.exchange();
    }
}

#[test]
fn data_before_the_answer_is_bounded() {
    let pki = Pki::new();
    let limit = Limits::default().handshake_message;
    for (length, fits) in [(limit, true), (limit + 1, false)] {
        let (client, server) = configs();
        let mut pair = QuicPair::new(&client, &server);
        let (_, level, hello) = take_client(&mut pair, Level::Initial);
        pair.server.connection.receive(level, &hello).unwrap().expect("a need");
        let mut result = Ok(None);
        for piece in vec![0; length].chunks(1000) {
            result = pair.server.connection.receive(level, piece);
        }
        match result {
            Ok(_) => assert!(fits),
            Err(e) => {
                assert!(!fits);
                assert_eq!(e, QuicFault::BufferExceeded { limit }.into());
                assert_eq!((e.quic_code(), e.kind()), (0x0d, ErrorKind::LimitExceeded));
            }
        }
    }
    // At once, after a message in the same data.
    let (mut client, server) = configs();
    client.set_limits(Limits { handshake_message: 2000, ..Limits::default() });
    let mut pair = QuicPair::new(&client, &server);
    step(&mut pair, &pki);
    let (_, level, hello) = take_server(&mut pair, Level::Initial);
    pair.client.receive(level, &hello, &mut |need| pki.answer(need)).unwrap();
    let (_, level, mut flight) = take_server(&mut pair, Level::Handshake);
    flight.resize(flight.len() + 2001, 0);
    let e = pair.client.connection.receive(level, &flight).unwrap_err();
    assert_eq!(e, QuicFault::BufferExceeded { limit: 2000 }.into());
}

#[test]
fn message_over_limit_is_rejected_by_its_header() {
    let pki = Pki::new();
    let limit = Limits::default().handshake_message;
    let [_, length @ ..] = u32::try_from(limit).unwrap().to_be_bytes();
    let header = [&[T::NEW_SESSION_TICKET.0][..], &length].concat();
    // Before, during and after the handshake.
    for rounds in 0..3 {
        let (client, server) = configs();
        let mut pair = QuicPair::new(&client, &server);
        if rounds == 2 {
            pair.handshake(&mut |need| pki.answer(need)).unwrap();
        } else if rounds == 1 {
            step(&mut pair, &pki);
        }
        for result in [
            pair.client.connection.receive(pair.client.connection.reading_level(), &header),
            pair.server.connection.receive(pair.server.connection.reading_level(), &header),
        ] {
            let expected = Error::MessageTooLarge { message: T::NEW_SESSION_TICKET, got: limit + 4, limit };
            assert_eq!(result.unwrap_err(), expected);
        }
    }
}

fn connected(pki: &Pki) -> QuicPair {
    let (mut client, server) = configs();
    client.set_resumption(true);
    let mut pair = QuicPair::new(&client, &server);
    pair.handshake(&mut |need| pki.answer(need)).unwrap();
    pair
}

/// RFC 9001 §6: the error is 0x010a, CRYPTO_ERROR with unexpected_message.
#[test]
fn key_update_message_is_unexpected_over_quic() {
    fn assert_rejects<R: Role>(side: &mut Side<R>) {
        let e = side.connection.receive(Level::OneRtt, &[24, 0, 0, 1, 0]).unwrap_err();
        assert!(matches!(e, Error::UnexpectedMessage { got: T::KEY_UPDATE, .. }), "{e}");
        assert_eq!(e.quic_code(), 0x010a);
        side.take_output();
        assert_eq!(side.events.last().map(String::as_str), Some("updates"));
    }
    let mut pair = connected(&Pki::new());
    assert_rejects(&mut pair.client);
    assert_rejects(&mut pair.server);
}

#[test]
fn end_of_early_data_is_unexpected_over_quic() {
    let pki = Pki::new();
    let (client, server) = configs();
    let mut pair = QuicPair::new(&client, &server);
    step(&mut pair, &pki);
    let e = pair.server.connection.receive(Level::Handshake, &[5, 0, 0, 0]).unwrap_err();
    assert!(matches!(e, Error::UnexpectedMessage { got: T::END_OF_EARLY_DATA, .. }), "{e}");
}

#[test]
fn certificate_request_after_handshake_is_protocol_violation() {
    let mut pair = connected(&Pki::new());
    let request = [13, 0, 0, 11, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3];
    let e = pair.client.connection.receive(Level::OneRtt, &request).unwrap_err();
    assert_eq!((e.quic_code(), e), (PROTOCOL_VIOLATION, QuicFault::PostHandshakeAuth.into()));
    let e = pair.server.connection.receive(Level::OneRtt, &request).unwrap_err();
    assert_eq!(e.quic_code(), 0x010a);
}

pub(super) fn ticket(max_early_data: Option<u32>) -> Vec<u8> {
    let extensions = max_early_data.map_or(Vec::new(), |size| [&[0, 42, 0, 4][..], &size.to_be_bytes()].concat());
    let mut body = [0, 0, 14, 16, 1, 2, 3, 4, 1, 0, 0, 3, b'i', b'd', b'!', 0].to_vec();
    body.push(u8::try_from(extensions.len()).unwrap());
    body.extend(extensions);
    [&[4, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

#[test]
fn ticket_with_another_early_data_size_is_protocol_violation() {
    let pki = Pki::new();
    for (size, accepted) in [(None, true), (Some(u32::MAX), true), (Some(0), false), (Some(u32::MAX - 1), false)] {
        let mut pair = connected(&pki);
        match pair.client.connection.receive(Level::OneRtt, &ticket(size)) {
            Ok(_) => assert!(accepted && pair.client.connection.has_sessions()),
            Err(e) => {
                assert!(!accepted);
                assert_eq!((e.quic_code(), e), (PROTOCOL_VIOLATION, QuicFault::EarlyDataSize(size.unwrap()).into()));
            }
        }
    }
}

#[test]
fn ticket_flood_over_quic_is_cut_off() {
    let mut pair = connected(&Pki::new());
    let mut count = 0;
    let e = loop {
        match pair.client.connection.receive(Level::OneRtt, &ticket(None)) {
            Ok(_) => count += 1,
            Err(e) => break e,
        }
    };
    assert_eq!((count, e), (512, Error::Flood(Flood::NewSessionTickets)));
}

/// Delivers a changed ClientHello.
fn client_hello(change: &dyn Fn(&mut Hello)) -> Error {
    let (client, server) = configs();
    let mut pair = QuicPair::new(&client, &server);
    Hello::edit(&mut pair.client.sent[0].1, change);
    let e = pair.run(&mut |need| panic!("{need:?}")).unwrap_err();
    assert!(pair.server.events.is_empty(), "{:?}", pair.server.events);
    e
}

#[test]
fn client_hello_without_parameters_is_missing_extension() {
    let e = client_hello(&|hello| hello.remove(X::QUIC_TRANSPORT_PARAMETERS));
    let expected = Error::MissingExtension { message: T::CLIENT_HELLO, extension: X::QUIC_TRANSPORT_PARAMETERS };
    assert_eq!((e.quic_code(), e), (0x016d, expected));
}

#[test]
fn client_hello_without_alpn_is_no_application_protocol() {
    let e = client_hello(&|hello| hello.remove(X::APPLICATION_LAYER_PROTOCOL_NEGOTIATION));
    assert_eq!((e.quic_code(), e), (0x0178, Error::AlpnRequired));
    let e = client_hello(&|hello| hello.set(X::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, b"\0\x03\x02h2"));
    assert!(matches!(e, Error::NoCommonAlpn { .. }));
    assert_eq!(e.quic_code(), 0x0178);
}

#[test]
fn client_hello_with_session_id_is_protocol_violation() {
    let e = client_hello(&|hello| hello.session_id = vec![7; 32]);
    assert_eq!((e.quic_code(), e), (PROTOCOL_VIOLATION, QuicFault::SessionId.into()));
}

#[test]
fn second_client_hello_repeats_the_parameters() {
    let pki = Pki::new();
    for (change, code) in [(true, 0x0100 + 47), (false, 0x0100 + 47)] {
        let (client, mut server) = configs();
        server.set_groups(&[NamedGroup::SECP256R1]).unwrap();
        let mut pair = QuicPair::new(&client, &server);
        step(&mut pair, &pki);
        let (_, level, retry) = take_server(&mut pair, Level::Initial);
        pair.client.receive(level, &retry, &mut |need| pki.answer(need)).unwrap();
        pair.client.take_output();
        let (_, level, mut hello) = take_client(&mut pair, Level::Initial);
        Hello::edit(&mut hello, &|hello| match change {
            true => hello.get(X::QUIC_TRANSPORT_PARAMETERS)[0] ^= 1,
            false => hello.remove(X::QUIC_TRANSPORT_PARAMETERS),
        });
        let e = pair.server.receive(level, &hello, &mut |need| pki.answer(need)).unwrap_err();
        assert_eq!(e.quic_code(), code, "{e}");
    }
}

/// Delivers changed EncryptedExtensions to a client.
fn encrypted_extensions(change: &dyn Fn(&mut Hello)) -> Result<(), Error> {
    let pki = Pki::new();
    let (client, server) = configs();
    let mut pair = QuicPair::new(&client, &server);
    step(&mut pair, &pki);
    let (_, level, hello) = take_server(&mut pair, Level::Initial);
    pair.client.receive(level, &hello, &mut |need| pki.answer(need)).unwrap();
    let (_, level, flight) = take_server(&mut pair, Level::Handshake);
    // A ServerHello with these extensions, to edit them.
    let length = usize::from(flight[3]) + 4;
    let body = [&[3, 3][..], &[0; 32], &[0], &[0x13, 1, 0], &flight[4..length]].concat();
    let header = [2, 0, 0, u8::try_from(body.len()).unwrap()];
    let mut extensions = Hello::parse(&[&header[..], &body].concat());
    change(&mut extensions);
    let encoded = extensions.encode();
    let body = &encoded[42..];
    let message = [&[8, 0, 0, u8::try_from(body.len()).unwrap()][..], body].concat();
    pair.client.receive(level, &message, &mut |need| pki.answer(need))
}

#[test]
fn encrypted_extensions_require_parameters() {
    encrypted_extensions(&|_| {}).unwrap();
    let typ = X::QUIC_TRANSPORT_PARAMETERS;
    let e = encrypted_extensions(&|hello| hello.remove(typ)).unwrap_err();
    let expected = Error::MissingExtension { message: T::ENCRYPTED_EXTENSIONS, extension: typ };
    assert_eq!((e.quic_code(), e), (0x016d, expected));
}

#[test]
fn encrypted_extensions_require_alpn() {
    let typ = X::APPLICATION_LAYER_PROTOCOL_NEGOTIATION;
    let e = encrypted_extensions(&|hello| hello.remove(typ)).unwrap_err();
    assert_eq!((e.quic_code(), e), (0x0178, Error::AlpnRequired));
}

#[test]
fn answer_to_another_request_changes_nothing() {
    let pki = Pki::new();
    let (client, server) = configs();
    let (mut pair, mut other) = (QuicPair::new(&client, &server), QuicPair::new(&client, &server));
    let mut needs = Vec::new();
    for pair in [&mut pair, &mut other] {
        let (_, level, hello) = take_client(pair, Level::Initial);
        needs.push(pair.server.connection.receive(level, &hello).unwrap().unwrap());
    }
    let (theirs, ours) = (needs.pop().unwrap(), needs.pop().unwrap());
    assert_eq!(pair.server.connection.resume(pki.answer(theirs)).unwrap_err(), Error::WrongAnswer);
    assert_eq!(pair.server.connection.error(), None);
    assert!(matches!(pair.server.connection.resume(pki.answer(ours)), Ok(Some(Need::Signature(_)))));
}

#[test]
fn error_without_alert_is_internal_error() {
    assert_eq!(Error::WrongAnswer.quic_code(), 1);
    assert_eq!(Error::SignerFailed.quic_code(), 0x0150);
    for fault in [
        QuicFault::WrongLevel { got: Level::ZeroRtt, expected: Level::Initial },
        QuicFault::DataAtKeyChange(Level::OneRtt),
        QuicFault::BufferExceeded { limit: 7 },
        QuicFault::SessionId,
        QuicFault::EarlyDataSize(7),
        QuicFault::PostHandshakeAuth,
    ] {
        let text = Error::from(fault).to_string();
        assert!(text.starts_with("protocol violation by the peer: "), "{text}");
    }
}
