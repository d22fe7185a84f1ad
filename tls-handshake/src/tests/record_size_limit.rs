//! record_size_limit (RFC 8449) and max_fragment_length (RFC 6066 §4), measured by the sizes of
//! records on the wire.

use tls_codec::code_points::{
    AlertDescription as A, CipherSuite, ContentType, ExtensionType as X, HandshakeType as T, NamedGroup,
    ProtocolVersion,
};

use super::flow::{Failure, Kind, Outcome, client, configs, ends_of, handshake, pki};
use super::hello::{Hello, client_after_hello, server_after_hello};
use super::pair::{Pair, Pki, send_all};
use super::ramp_up::lengths;
use super::resumption::{Harness, Storage, TLS12, TLS13};
use crate::config::{ClientConfig, ConfigError, RecordPadding, RecordRampUp, ServerConfig};
use crate::error::{Error, Illegal};
use crate::{Outgoing, RecordLimits};

/// Each suite with its overhead for a record's content, and the bytes that the limit counts beyond
/// the content.
const SUITES: [(ProtocolVersion, CipherSuite, usize, u16); 3] = [
    (TLS13, CipherSuite::TLS_AES_128_GCM_SHA256, 5 + 1 + 16, 1),
    (TLS12, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 5 + 8 + 16, 0),
    (TLS12, CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 5 + 16, 0),
];

const FULL: u16 = 1 << 14;

fn pair(suite: CipherSuite, set: impl FnOnce(&mut ClientConfig, &mut ServerConfig)) -> Pair {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    client.set_cipher_suites(&[suite]).unwrap();
    set(&mut client, &mut server);
    Pair::with(client, server)
}

/// Completes the handshake and returns the client's limits, which must match the server's.
fn negotiate_limits(pair: &mut Pair) -> RecordLimits {
    pair.handshake(&Pki::new()).unwrap();
    let (client, server) = (pair.client.record_limits(), pair.server.record_limits());
    assert_eq!((client.send, client.receive), (server.receive, server.send));
    client
}

/// Sends data both ways. Returns the longest record of each side.
fn longest(pair: &mut Pair, length: usize) -> (usize, usize) {
    let data: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
    send_all(&mut pair.client, &data, &mut pair.to_server);
    send_all(&mut pair.server, &data, &mut pair.to_client);
    let max = |outgoing: &Outgoing| lengths(outgoing).into_iter().max().unwrap();
    let longest = (max(&pair.to_server), max(&pair.to_client));
    pair.deliver_pending(&data);
    longest
}

impl Pair {
    /// Delivers the queued records and checks that `data` arrives at both sides.
    fn deliver_pending(&mut self, data: &[u8]) {
        self.run(&mut |_| panic!("a need after the handshake")).unwrap();
        assert!(std::mem::take(&mut self.server_received) == data && std::mem::take(&mut self.client_received) == data);
    }
}

#[test]
fn record_size_limit_applies_in_each_direction() {
    for (version, suite, around, counted) in SUITES {
        let max = FULL + counted;
        // The limits of client and server.
        for (client_limit, server_limit) in [(64, None), (64, Some(512)), (1000, Some(64)), (16_385, Some(16_385))] {
            let mut pair = pair(suite, |client, server| {
                client.set_record_size_limit(Some(client_limit)).unwrap();
                server.set_record_size_limit(server_limit).unwrap();
            });
            let limits = negotiate_limits(&mut pair);
            let server_limit = server_limit.unwrap_or(max).min(max) - counted;
            let expected = RecordLimits { send: server_limit, receive: client_limit.min(max) - counted };
            assert_eq!(limits, expected, "{version}");
            assert_eq!(pair.client.record_capacity(), usize::from(limits.send));
            let on_wire = (usize::from(limits.send) + around, usize::from(limits.receive) + around);
            assert_eq!(longest(&mut pair, 40_000), on_wire, "{version}");
        }
    }
}

#[test]
fn record_size_is_not_limited_without_offer() {
    for (version, suite, ..) in SUITES {
        let mut pair = pair(suite, |_, server| server.set_record_size_limit(Some(64)).unwrap());
        assert_eq!(negotiate_limits(&mut pair), RecordLimits { send: FULL, receive: FULL }, "{version}");
    }
}

#[test]
fn max_fragment_length_applies_to_every_record() {
    for (version, suite, around, _) in SUITES {
        for length in [512, 1024, 2048, 4096] {
            let mut pair = pair(suite, |client, _| client.set_max_fragment_length(Some(length)).unwrap());
            let pki = Pki::new();
            let limit = usize::from(length);
            // The flight with ServerHello and Certificate.
            pair.drive_server(&mut |need| pki.answer(need)).unwrap();
            assert!(lengths(&pair.to_client).iter().all(|record| *record <= limit + around), "{version} {length}");
            if version == TLS12 && length == 512 {
                assert_eq!(lengths(&pair.to_client)[0], 5 + limit, "ServerHello's record is not limited");
            }
            assert_eq!(negotiate_equal_limits(&mut pair, &pki), RecordLimits { send: length, receive: length });
            assert_eq!(longest(&mut pair, 20_000), (limit + around, limit + around), "{version}");
        }
    }
}

fn negotiate_equal_limits(pair: &mut Pair, pki: &Pki) -> RecordLimits {
    pair.handshake(pki).unwrap();
    assert_eq!(pair.client.record_limits(), pair.server.record_limits());
    pair.client.record_limits()
}

/// RFC 8449 §5.
#[test]
fn record_size_limit_replaces_max_fragment_length() {
    for (_, suite, _, counted) in SUITES {
        let mut pair = pair(suite, |client, _| {
            client.set_record_size_limit(Some(2000)).unwrap();
            client.set_max_fragment_length(Some(512)).unwrap();
        });
        assert_eq!(negotiate_limits(&mut pair), RecordLimits { send: FULL, receive: 2000 - counted });
    }
}

#[test]
fn padding_and_ramp_up_respect_record_size_limit() {
    let (_, suite, around, _) = SUITES[0];
    for (limit, ramp_up, padding) in [(64, 1000, 512), (600, 500, 1000), (600, 2000, u16::MAX)] {
        let mut pair = pair(suite, |client, server| {
            client.set_record_size_limit(Some(limit)).unwrap();
            server.set_record_padding(RecordPadding::ToMultipleOf(padding));
            server.set_record_ramp_up(Some(RecordRampUp { record_size: ramp_up, bytes: 2000 })).unwrap();
        });
        negotiate_limits(&mut pair);
        let limit = usize::from(limit);
        for length in [1, 60, 63, 64, 500, 10_000] {
            send_all(&mut pair.server, &vec![0; length], &mut pair.to_client);
            assert!(lengths(&pair.to_client).iter().all(|record| *record <= limit - 1 + around));
            pair.step_client().unwrap();
            assert_eq!(std::mem::take(&mut pair.client_received), vec![0; length]);
        }
        pair.server.send_close_notify(&mut pair.to_client);
        assert!(lengths(&pair.to_client).iter().all(|record| *record <= limit - 1 + around));
        pair.step_client().unwrap();
        assert!(pair.client.close_notify_received());
    }
}

#[test]
fn record_over_limit_is_record_overflow() {
    for (version, suite, _, counted) in SUITES {
        for fragments in [false, true] {
            let connect = || {
                let mut pair = pair(suite, |client, server| {
                    if fragments {
                        return client.set_max_fragment_length(Some(512)).unwrap();
                    }
                    client.set_record_size_limit(Some(512 + counted)).unwrap();
                    server.set_record_size_limit(Some(512 + counted)).unwrap();
                });
                pair.handshake(&Pki::new()).unwrap();
                pair.client.ignore_record_limit();
                pair.server.ignore_record_limit();
                pair
            };
            let data_of = |length| vec![7; length];
            let mut pair = connect();
            pair.client.send_raw_record(ContentType::APPLICATION_DATA, &data_of(512), &mut pair.to_server);
            pair.server.send_raw_record(ContentType::APPLICATION_DATA, &data_of(512), &mut pair.to_client);
            pair.deliver_pending(&data_of(512));
            pair.client.send_raw_record(ContentType::APPLICATION_DATA, &data_of(513), &mut pair.to_server);
            let rejection = pair.step_server().unwrap_err();
            assert_eq!(rejection.alert(), Some(A::RECORD_OVERFLOW), "{version} {rejection}");
            let mut pair = connect();
            pair.server.send_raw_record(ContentType::APPLICATION_DATA, &data_of(513), &mut pair.to_client);
            let rejection = pair.step_client().unwrap_err();
            assert_eq!(rejection.alert(), Some(A::RECORD_OVERFLOW), "{version} {rejection}");
        }
    }
}

#[test]
fn only_max_fragment_length_limits_unprotected_records() {
    let (_, suite, ..) = SUITES[1];
    let flight = |set: &dyn Fn(&mut ClientConfig)| {
        let mut pair = pair(suite, |client, _| set(client));
        let pki = Pki::new();
        pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        lengths(&pair.to_client)
    };
    let records = flight(&|client| client.set_record_size_limit(Some(64)).unwrap());
    assert!(records.len() == 1 && records[0] > 517, "{records:?}");
    let records = flight(&|client| client.set_max_fragment_length(Some(512)).unwrap());
    assert!(records.len() > 1 && records.iter().all(|record| *record <= 517), "{records:?}");
    // The limit also applies to the next record that the server reads.
    let mut pair = pair(suite, |client, _| client.set_max_fragment_length(Some(512)).unwrap());
    let pki = Pki::new();
    pair.drive_server(&mut |need| pki.answer(need)).unwrap();
    pair.at_server.extend_from_slice(&[22, 3, 3, 2, 1]);
    assert_eq!(pair.step_server().unwrap_err().alert(), Some(A::RECORD_OVERFLOW));
}

/// Returns the result of a client that reads an edited ServerHello.
fn tls12_client_result(
    kind: Kind,
    limits: (Option<u16>, Option<u16>),
    change: &dyn Fn(&mut Hello),
) -> Result<(), Error> {
    let (mut client, server) = configs(kind);
    client.set_record_size_limit(limits.0).unwrap();
    client.set_max_fragment_length(limits.1).unwrap();
    client_after_hello(client, server, &pki(kind), change).map(|_| ())
}

#[test]
fn tls12_client_rejects_invalid_limit_responses() {
    let kind = Kind::Tls12;
    let unsolicited = |extension| Error::UnsolicitedExtension { message: T::SERVER_HELLO, extension };
    let limit = |h: &mut Hello| h.set(X::RECORD_SIZE_LIMIT, &[2, 0]);
    let length = |h: &mut Hello| h.set(X::MAX_FRAGMENT_LENGTH, &[1]);
    assert_eq!(tls12_client_result(kind, (None, Some(512)), &limit), Err(unsolicited(X::RECORD_SIZE_LIMIT)));
    assert_eq!(tls12_client_result(kind, (Some(512), None), &length), Err(unsolicited(X::MAX_FRAGMENT_LENGTH)));
    // Without a response, nothing is limited.
    assert_eq!(tls12_client_result(kind, (Some(512), None), &|h| h.remove(X::RECORD_SIZE_LIMIT)), Ok(()));
    assert_eq!(tls12_client_result(kind, (None, Some(512)), &|h| h.remove(X::MAX_FRAGMENT_LENGTH)), Ok(()));
    let both = tls12_client_result(kind, (Some(512), Some(512)), &length).unwrap_err();
    assert_eq!(both, Illegal::TwoRecordSizes.into());
    assert_eq!(both.alert(), Some(A::ILLEGAL_PARAMETER));
    for code in [0, 2, 5] {
        let other = |h: &mut Hello| h.set(X::MAX_FRAGMENT_LENGTH, &[code]);
        let rejection = tls12_client_result(kind, (None, Some(512)), &other).unwrap_err();
        assert!(matches!(rejection, Error::Illegal(Illegal::MaxFragmentLength(_))), "{rejection}");
    }
    let small = |h: &mut Hello| h.set(X::RECORD_SIZE_LIMIT, &[0, 63]);
    assert_eq!(tls12_client_result(kind, (Some(512), None), &small).unwrap_err().alert(), Some(A::ILLEGAL_PARAMETER));
    // A reserved value means the maximum.
    let large = |h: &mut Hello| h.set(X::RECORD_SIZE_LIMIT, &[0xff, 0xff]);
    assert_eq!(tls12_client_result(kind, (Some(512), None), &large), Ok(()));
}

/// Returns the error of a TLS 1.3 client that reads EncryptedExtensions with only these extensions.
fn tls13_client_result(limits: (Option<u16>, Option<u16>), extensions: &'static [u8]) -> Result<(), Error> {
    let kind = Kind::Full;
    let (mut client, server) = configs(kind);
    client.set_record_size_limit(limits.0).unwrap();
    client.set_max_fragment_length(limits.1).unwrap();
    let (mut client, mut server) = ends_of(kind, client, server);
    server.sink.edit = Some(Box::new(move |message| {
        if T(message[0]) == T::ENCRYPTED_EXTENSIONS {
            let length = u8::try_from(extensions.len()).unwrap();
            *message = [&[8, 0, 0, length + 2, 0, length][..], extensions].concat();
        }
    }));
    match handshake(&mut client, &mut server, &pki(kind)) {
        Outcome::Failed(Failure { side: "client", error, .. }) => Err(error),
        // An error of the server is irrelevant here.
        _ => Ok(()),
    }
}

#[test]
fn tls13_client_rejects_invalid_limit_responses() {
    let unsolicited = |extension| Error::UnsolicitedExtension { message: T::ENCRYPTED_EXTENSIONS, extension };
    let (limit, length) = (&[0, 28, 0, 2, 2, 0], &[0, 1, 0, 1, 1]);
    assert_eq!(tls13_client_result((None, Some(512)), limit), Err(unsolicited(X::RECORD_SIZE_LIMIT)));
    assert_eq!(tls13_client_result((Some(512), None), length), Err(unsolicited(X::MAX_FRAGMENT_LENGTH)));
    let both = tls13_client_result((Some(512), Some(512)), &[0, 28, 0, 2, 2, 0, 0, 1, 0, 1, 1]);
    assert_eq!(both, Err(Illegal::TwoRecordSizes.into()));
    for other in [&[0, 1, 0, 1, 0], &[0, 1, 0, 1, 2], &[0, 1, 0, 1, 5]] {
        let rejection = tls13_client_result((None, Some(512)), other).unwrap_err();
        assert!(matches!(rejection, Error::Illegal(Illegal::MaxFragmentLength(_))), "{rejection}");
    }
    let small = tls13_client_result((Some(512), None), &[0, 28, 0, 2, 0, 63]).unwrap_err();
    assert_eq!(small.alert(), Some(A::ILLEGAL_PARAMETER), "{small}");
    for malformed in [&[0, 28, 0, 1, 2][..], &[0, 28, 0, 3, 2, 0, 0], &[0, 1, 0, 0], &[0, 1, 0, 2, 1, 1]] {
        let rejection = tls13_client_result((Some(512), Some(512)), malformed).unwrap_err();
        assert_eq!(rejection.alert(), Some(A::DECODE_ERROR), "{rejection}");
    }
    let fits = [&[0, 28, 0, 2, 0, 64][..], &[0, 28, 0, 2, 0xff, 0xff], length, &[]];
    assert!(fits.iter().all(|answer| tls13_client_result((Some(512), Some(512)), answer).is_ok()));
}

#[test]
fn server_accepts_reserved_limits_and_rejects_undefined() {
    for kind in [Kind::Tls12, Kind::Full] {
        let (client, server) = configs(kind);
        let outcome_of = |change: &dyn Fn(&mut Hello)| {
            server_after_hello(client.clone(), server.clone(), &pki(kind), change).map(|_| ())
        };
        for (bytes, outcome) in [([0, 64], None), ([0xff, 0xff], None), ([0, 63], Some(A::ILLEGAL_PARAMETER))] {
            let limited = outcome_of(&|h| h.extensions.push((X::RECORD_SIZE_LIMIT.0, bytes.to_vec())));
            assert_eq!(limited.err().and_then(|e| e.alert()), outcome, "{bytes:?}");
        }
        for code in [0, 5, 255] {
            let rejection = outcome_of(&|h| h.extensions.push((X::MAX_FRAGMENT_LENGTH.0, vec![code]))).unwrap_err();
            assert!(matches!(rejection, Error::Illegal(Illegal::MaxFragmentLength(_))), "{rejection}");
            // RFC 8449 §5: max_fragment_length is ignored if record_size_limit is present.
            let both = outcome_of(&|h| {
                h.extensions.push((X::MAX_FRAGMENT_LENGTH.0, vec![code]));
                h.extensions.push((X::RECORD_SIZE_LIMIT.0, vec![2, 0]));
            });
            assert_eq!(both, Ok(()));
        }
    }
}

#[test]
fn retry_and_resumption_negotiate_limits_again() {
    let mut pair = pair(SUITES[0].1, |client, server| {
        client.set_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap();
        server.set_groups(&[NamedGroup::SECP256R1]).unwrap();
        client.set_record_size_limit(Some(100)).unwrap();
    });
    assert_eq!(negotiate_limits(&mut pair), RecordLimits { send: FULL, receive: 99 });
    for version in [TLS13, TLS12] {
        let counted = u16::from(version == TLS13);
        let mut harness = Harness::new(Storage::Id);
        let (mut client, mut server) = (harness.client(version), harness.server());
        client.set_record_size_limit(Some(1000)).unwrap();
        for (client_limit, server_limit) in [(Some(200), Some(300)), (None, Some(300)), (Some(64), None)] {
            let session = harness.establish_one(&client, &server);
            let mut client = client.clone();
            client.set_record_size_limit(client_limit).unwrap();
            server.set_record_size_limit(server_limit).unwrap();
            let mut pair = Pair::resuming(client, server.clone(), session, harness.now);
            harness.run(&mut pair).unwrap();
            assert!(pair.client.handshake_kind().unwrap().is_resumed(), "{version}");
            let content = |limit: Option<u16>| limit.map_or(FULL, |limit| limit - counted);
            let send = if client_limit.is_some() { content(server_limit) } else { FULL };
            let expected = RecordLimits { send, receive: content(client_limit) };
            assert_eq!(pair.client.record_limits(), expected, "{version}");
            assert_eq!(
                (pair.server.record_limits().send, pair.server.record_limits().receive),
                (expected.receive, expected.send)
            );
            pair.exchange(&[1; 2000], &[2; 2000]);
        }
    }
}

/// The client encrypts early data before it has the server's limit.
#[test]
fn record_limit_does_not_apply_to_early_data() {
    for accepted in [true, false] {
        let mut harness = Harness::new(Storage::Id);
        let (mut client, mut server, session) = harness.establish_early_data(10_000);
        client.set_record_size_limit(Some(500)).unwrap();
        server.set_record_size_limit(Some(64)).unwrap();
        if !accepted {
            server.set_max_early_data_size(0);
        }
        let mut pair = Pair::resuming(client, server, session, harness.now);
        assert_eq!(pair.client.send_early_data(&[3; 5000], &mut pair.to_server).unwrap(), 5000);
        harness.run(&mut pair).unwrap();
        assert_eq!(pair.client.is_early_data_accepted(), accepted);
        assert_eq!(pair.server_early.len(), if accepted { 5000 } else { 0 });
        assert_eq!(pair.client.record_limits(), RecordLimits { send: 63, receive: 499 });
        pair.exchange(&[4; 1000], &[5; 1000]);
    }
}

/// The limit applies to the first record that a server decrypts while it skips early data.
#[test]
fn record_limit_applies_after_skipped_early_data() {
    for (block, overflows) in [(0, false), (1000, true)] {
        let mut harness = Harness::new(Storage::Id);
        let (mut client, mut server, session) = harness.establish_early_data(10_000);
        client.set_record_size_limit(Some(500)).unwrap();
        client.set_record_padding(RecordPadding::ToMultipleOf(block));
        server.set_record_size_limit(Some(64)).unwrap();
        let mut pair = Pair::resuming(client, server, session, harness.now);
        assert_eq!(pair.client.send_early_data(&[3; 100], &mut pair.to_server).unwrap(), 100);
        // The server does not find the session.
        pair.drive_server(&mut |need| harness.pki.answer(need)).unwrap();
        let need = pair.step_client().unwrap().unwrap();
        pair.client.ignore_record_limit();
        assert!(pair.client.resume(harness.pki.answer(need), &mut pair.to_server).unwrap().is_none());
        pair.step_client().unwrap();
        let alert = pair.step_server().map(|_| ()).err().and_then(|e| e.alert());
        assert_eq!(alert, overflows.then_some(A::RECORD_OVERFLOW));
    }
}

#[test]
fn config_rejects_limits_out_of_range() {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    for got in [0, 63, 16_386, u16::MAX] {
        let rejection = Err(ConfigError::BadFragmentSize { got: got.into(), min: 64, max: 16_385 });
        assert_eq!(client.set_record_size_limit(Some(got)), rejection);
        assert_eq!(server.set_record_size_limit(Some(got)), rejection);
    }
    for got in [0, 64, 513, 8192, 16_384] {
        assert_eq!(client.set_max_fragment_length(Some(got)), Err(ConfigError::BadMaxFragmentLength(got)));
    }
}

/// RFC 8449 §4: the maximum is that of the newest offered version.
#[test]
fn offered_limit_is_capped_at_maximum_of_version() {
    for (kind, version, expected) in [(Kind::Tls12, TLS12, 16_384u16), (Kind::Full, TLS13, 16_385)] {
        let (mut client, server) = configs(kind);
        client.set_versions(&[version]).unwrap();
        client.set_record_size_limit(Some(16_385)).unwrap();
        let seen = std::cell::Cell::new(None);
        server_after_hello(client, server, &pki(kind), &|h| seen.set(Some(h.get(X::RECORD_SIZE_LIMIT).clone())))
            .unwrap();
        assert_eq!(seen.take().unwrap(), expected.to_be_bytes());
    }
}

/// The same for the server's response, whatever the client offers.
#[test]
fn server_limit_is_capped_at_maximum_of_version() {
    let (client, mut server) = configs(Kind::Tls12);
    server.set_record_size_limit(Some(16_385)).unwrap();
    let mut pair = Pair::with(client, server);
    let mut hello = Hello::parse(&pair.to_server.ready()[5..]);
    hello.set(X::RECORD_SIZE_LIMIT, &[0xff, 0xff]);
    let hello = hello.encode();
    let length = u16::try_from(hello.len()).unwrap().to_be_bytes();
    pair.to_server.consume(pair.to_server.ready().len());
    pair.at_server = [&[22, 3, 1], &length[..], &hello].concat();
    let pki = pki(Kind::Tls12);
    pair.drive_server(&mut |need| pki.answer(need)).unwrap();
    assert_eq!(*Hello::parse(&pair.to_client.ready()[5..]).get(X::RECORD_SIZE_LIMIT), 16_384u16.to_be_bytes());
    assert_eq!(pair.server.record_limits(), RecordLimits { send: FULL, receive: FULL });
}

/// 200 connections with limits, settings and writes from a generator with a fixed seed.
#[test]
fn random_limits_and_writes_deliver_all_data() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below).unwrap()
    };
    let pki = Pki::new();
    for round in 0..200 {
        let (_, suite, around, _) = SUITES[draw(3)];
        let mut limit = || match draw(3) {
            0 => None,
            1 => Some(u16::try_from(64 + draw(200)).unwrap()),
            _ => Some(u16::try_from(64 + draw(16_322)).unwrap()),
        };
        let (client_limit, server_limit) = (limit(), limit());
        let length = [None, None, Some(512), Some(2048)][draw(4)];
        let (block, short) = (u16::try_from(draw(3000)).unwrap(), 64 + draw(2000));
        let mut pair = pair(suite, |client, server| {
            client.set_record_size_limit(client_limit).unwrap();
            server.set_record_size_limit(server_limit).unwrap();
            client.set_max_fragment_length(length).unwrap();
            server.set_record_padding(RecordPadding::ToMultipleOf(block));
            client.set_record_ramp_up(Some(RecordRampUp { record_size: short, bytes: 3000 })).unwrap();
        });
        pair.handshake(&pki).unwrap();
        let (client, server) = (pair.client.record_limits(), pair.server.record_limits());
        assert_eq!((client.send, client.receive), (server.receive, server.send), "round {round}");
        for _ in 0..3 {
            let data: Vec<u8> = (0..=u8::MAX).cycle().take(1 + draw(20_000)).collect();
            let (to_server, to_client) = longest(&mut pair, data.len());
            assert!(to_server <= usize::from(client.send) + around, "round {round}");
            assert!(to_client <= usize::from(client.receive) + around, "round {round}");
            pair.exchange(&data[..data.len().min(100)], &data);
        }
    }
}

/// RFC 8449 §4: at most the maximum of the newest version that the client offers.
#[test]
fn offered_record_size_limit_fits_newest_version() {
    for (versions, expected) in [(&[TLS12][..], FULL), (&[TLS13], FULL + 1), (&[TLS13, TLS12], FULL + 1)] {
        let mut config = ClientConfig::new();
        config.set_versions(versions).unwrap();
        config.set_record_size_limit(Some(FULL + 1)).unwrap();
        let mut hello = Hello::parse(&client(config).pop());
        assert_eq!(*hello.get(X::RECORD_SIZE_LIMIT), expected.to_be_bytes());
    }
}
