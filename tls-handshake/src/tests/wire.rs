//! The bytes of a handshake on the wire: flips each byte, and ends the stream at each byte.

use tls_codec::code_points::{AlertDescription as A, ProtocolVersion};

use super::flow::{Kind, configs};
use super::pair::{Pair, Pki, pump};
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Error, StateName, TransportEnd};
use crate::need::{Answer, Need};
use crate::record::Outgoing;
use crate::states::Role;
use crate::{Connection, Progress};

/// The direction of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToServer,
    ToClient,
}

/// A pair whose bytes pass through `tamper`, which sees each chunk and its position in the stream.
pub(super) struct Wire {
    pub(super) pair: Pair,
    pub(super) passed: [usize; 2],
}

impl Wire {
    pub(super) fn new((client, server): (ClientConfig, ServerConfig)) -> Self {
        Self { pair: Pair::with(client, server), passed: [0; 2] }
    }

    /// Runs until both sides wait. On failure, returns the direction of the failed side's input.
    pub(super) fn run(
        &mut self,
        pki: &Pki,
        tamper: &mut dyn FnMut(Direction, usize, &mut Vec<u8>),
    ) -> Result<(), (Direction, Error)> {
        let mut answer = |need: Need| -> Answer {
            match need {
                Need::Verdict(need) => need.answer(Ok(())),
                Need::ClientVerdict(need) => need.answer(Ok(())),
                other => pki.answer(other),
            }
        };
        loop {
            let Pair { client, server, to_server, to_client, at_server, at_client, .. } = &mut self.pair;
            let mut moved = carry(Direction::ToServer, &mut self.passed[0], to_server, at_server, tamper);
            drive(server, at_server, to_client, &mut answer).map_err(|e| (Direction::ToServer, e))?;
            moved |= carry(Direction::ToClient, &mut self.passed[1], to_client, at_client, tamper);
            drive(client, at_client, to_server, &mut answer).map_err(|e| (Direction::ToClient, e))?;
            if !moved {
                return Ok(());
            }
        }
    }
}

fn carry(
    direction: Direction,
    passed: &mut usize,
    from: &mut Outgoing,
    to: &mut Vec<u8>,
    tamper: &mut dyn FnMut(Direction, usize, &mut Vec<u8>),
) -> bool {
    let mut chunk = from.ready().to_vec();
    from.consume(usize::MAX);
    let length = chunk.len();
    tamper(direction, *passed, &mut chunk);
    *passed += length;
    to.extend_from_slice(&chunk);
    !chunk.is_empty()
}

fn drive<R: Role>(
    connection: &mut Connection<R>,
    incoming: &mut Vec<u8>,
    outgoing: &mut Outgoing,
    answer: &mut dyn FnMut(Need) -> Answer,
) -> Result<(), Error> {
    loop {
        let mut need = pump(connection, incoming, outgoing, &mut Vec::new())?;
        if need.is_none() {
            return Ok(());
        }
        while let Some(asked) = need.take() {
            need = connection.resume(answer(asked), outgoing)?;
        }
    }
}

/// Returns the number of bytes in each direction of an untampered handshake.
fn lengths(kind: Kind, pki: &Pki) -> [usize; 2] {
    let mut wire = Wire::new(configs(kind));
    wire.run(pki, &mut |_, _, _| {}).unwrap();
    assert!(!wire.pair.client.is_handshaking() && !wire.pair.server.is_handshaking());
    wire.passed
}

/// Checks that every call returns the same error, whatever the input.
pub(super) fn assert_failed<R: Role>(connection: &mut Connection<R>, error: &Error, context: &str) {
    let mut outgoing = Outgoing::new();
    for incoming in [&mut [][..], &mut [22, 3, 3, 0, 4, 20, 0, 0, 0], &mut [21, 3, 3, 0, 2, 1, 0]] {
        assert_eq!(connection.process(incoming, &mut outgoing).as_ref().err(), Some(error), "{context}");
    }
    assert_eq!(connection.send(&[std::io::IoSlice::new(b"x")], &mut outgoing).as_ref(), Err(error), "{context}");
    assert_eq!(connection.refresh_traffic_keys(&mut outgoing).as_ref(), Err(error), "{context}");
    assert_eq!(connection.end_of_input().as_ref(), Err(error), "{context}");
    connection.send_close_notify(&mut outgoing);
    assert_eq!(connection.error(), Some(error), "{context}");
    assert!(outgoing.is_empty(), "{context}: a failed connection sends");
}

const FLIP_ALERTS: [A; 12] = [
    A::BAD_RECORD_MAC,
    A::RECORD_OVERFLOW,
    A::UNEXPECTED_MESSAGE,
    A::DECODE_ERROR,
    A::ILLEGAL_PARAMETER,
    A::PROTOCOL_VERSION,
    A::HANDSHAKE_FAILURE,
    A::MISSING_EXTENSION,
    A::UNSUPPORTED_EXTENSION,
    A::NO_APPLICATION_PROTOCOL,
    A::DECRYPT_ERROR,
    A::UNRECOGNIZED_NAME,
];

/// The position of a byte of a stream.
struct Place {
    /// Its index in the record header, if it is there.
    in_header: Option<usize>,
    content_type: u8,
    /// True if its record is encrypted. In TLS 1.2, all records after change_cipher_spec are.
    protected: bool,
}

fn place(kind: Kind, stream: &[u8], at: usize) -> Place {
    let mut begin = 0;
    let mut changed = false;
    loop {
        let (content_type, length) =
            (stream[begin], usize::from(u16::from_be_bytes([stream[begin + 3], stream[begin + 4]])));
        if at < begin + 5 + length {
            let protected = if kind.is_tls12() { changed } else { content_type == 23 };
            return Place { in_header: (at < begin + 5).then_some(at - begin), content_type, protected };
        }
        changed |= content_type == 20;
        begin += 5 + length;
    }
}

pub(super) fn flip_all(kind: Kind, masks: &[u8]) {
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    let [to_server, to_client] = lengths(kind, &pki);
    let places =
        (0..to_server).map(|at| (Direction::ToServer, at)).chain((0..to_client).map(|at| (Direction::ToClient, at)));
    for (target, at) in places {
        for mask in masks {
            let context = format!("{kind:?}: byte {at} {target:?} ^ {mask:#04x}");
            let mut wire = Wire::new(configs(kind));
            let mut seen = Vec::new();
            let outcome = wire.run(&pki, &mut |direction, begin, chunk| {
                if direction != target {
                    return;
                }
                seen.extend_from_slice(chunk);
                if let Some(byte) = at.checked_sub(begin).and_then(|i| chunk.get_mut(i)) {
                    *byte ^= mask;
                }
            });
            let Place { in_header, content_type, protected } = place(kind, &seen, at);
            match outcome {
                // Unencrypted records ignore the second byte of the version (RFC 9846 §5.1).
                Ok(()) if in_header == Some(2) && !protected => {}
                // The receiver waits for the rest of a longer record until EOF.
                Ok(()) => {
                    let in_message = content_type == 22 && !protected;
                    assert!(matches!(in_header, Some(3 | 4)) || in_message, "{context}: undetected");
                    let ends = [wire.pair.client.end_of_input(), wire.pair.server.end_of_input()];
                    let is_eof = |e: &Result<(), Error>| {
                        matches!(
                            e,
                            Err(Error::NoClientHello { .. } | Error::ClosedDuringHandshake { .. } | Error::Truncated)
                        )
                    };
                    assert!(ends.iter().all(is_eof), "{context}: {ends:?}");
                    assert!(ends.iter().any(|e| matches!(e, Err(Error::ClosedDuringHandshake { .. }))), "{context}");
                }
                Err((direction, error)) => {
                    let alert = error.alert().unwrap_or_else(|| panic!("{context}: no alert for {error:?}"));
                    // TLS 1.2 sends certificates unencrypted.
                    let is_of_certificate = matches!(alert, A::BAD_CERTIFICATE | A::UNSUPPORTED_CERTIFICATE);
                    let of_certificate = is_of_certificate && kind.is_tls12() && !protected;
                    assert!(FLIP_ALERTS.contains(&alert) || of_certificate, "{context}: {error}");
                    if protected && in_header.is_none() {
                        assert_eq!((direction, &error), (target, &Error::BadRecordMac), "{context}");
                    }
                    // The alert reaches the peer, unless the peer has failed already.
                    match direction {
                        Direction::ToServer => assert_failed(&mut wire.pair.server, &error, &context),
                        Direction::ToClient => assert_failed(&mut wire.pair.client, &error, &context),
                    }
                    let peer = match direction {
                        Direction::ToServer => wire.pair.step_client(),
                        Direction::ToClient => wire.pair.step_server(),
                    };
                    assert!(peer.is_err() || wire.pair.to_client.is_empty(), "{context}: the peer continues");
                }
            }
        }
    }
}

#[test]
fn full_handshake_on_wire_rejects_every_flipped_byte() {
    flip_all(Kind::Full, &[0x01, 0x80]);
}

#[test]
fn retried_handshake_on_wire_rejects_every_flipped_byte() {
    flip_all(Kind::Retry, &[0x04]);
}

/// Ends the transport at each byte of both streams. Returns the states that the errors report.
pub(super) fn states_at_eof(make: &dyn Fn() -> (ClientConfig, ServerConfig), pki: &Pki) -> Vec<&'static str> {
    let [to_server, to_client] = {
        let mut wire = Wire::new(make());
        wire.run(pki, &mut |_, _, _| {}).unwrap();
        wire.passed
    };
    let places =
        (0..to_server).map(|at| (Direction::ToServer, at)).chain((0..to_client).map(|at| (Direction::ToClient, at)));
    let mut states = std::collections::BTreeSet::new();
    for (target, at) in places {
        let mut wire = Wire::new(make());
        wire.run(pki, &mut |direction, begin, chunk| {
            if direction == target {
                chunk.truncate(at.saturating_sub(begin));
            }
        })
        .unwrap();
        let handshaking = match target {
            Direction::ToServer => wire.pair.server.is_handshaking(),
            Direction::ToClient => wire.pair.client.is_handshaking(),
        };
        assert!(handshaking, "complete without byte {at} {target:?}");
        let ended = match target {
            Direction::ToServer => wire.pair.server.end_of_input(),
            Direction::ToClient => wire.pair.client.end_of_input(),
        };
        match &ended {
            Err(Error::ClosedDuringHandshake { state, .. }) => states.insert(state.as_str()),
            Err(Error::NoClientHello { partial, end: TransportEnd::Closed }) => {
                assert_eq!((*partial, target), (at > 0, Direction::ToServer));
                states.insert("START")
            }
            other => panic!("byte {at} {target:?}: {other:?}"),
        };
        let error = ended.unwrap_err();
        assert!(error.alert().is_none());
        match target {
            Direction::ToServer => assert_failed(&mut wire.pair.server, &error, "cut off"),
            Direction::ToClient => assert_failed(&mut wire.pair.client, &error, "cut off"),
        }
    }
    states.into_iter().collect()
}

/// Checks how a complete connection ends.
pub(super) fn check_eof_after_handshake(mut pair: Pair, pki: &Pki) {
    pair.handshake(pki).unwrap();
    assert_eq!(pair.client.end_of_input(), Err(Error::Truncated));
    assert_eq!(pair.client.end_of_input(), Err(Error::Truncated));
    pair.server.send_close_notify(&mut pair.to_client);
    pair.step_client().unwrap();
    assert!(pair.client.close_notify_received());
    assert_eq!(pair.client.end_of_input(), Ok(()));
    // Half close: the client may still send.
    pair.exchange_one_way(b"still here");
}

#[test]
fn eof_at_every_byte_is_reported_with_state() {
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    let states = states_at_eof(&|| configs(Kind::Full), &pki);
    // The server's flight after ServerHello is one record, which hides the client's states in
    // between.
    assert_eq!(states, ["START", "WAIT_EE", "WAIT_FINISHED", "WAIT_SH"]);
    // After the handshake EOF is a truncation, unless close_notify preceded it.
    check_eof_after_handshake(Pair::new(&pki), &pki);
}

#[test]
fn user_canceled_is_ignored_until_close_notify() {
    let pki = Pki::new();
    let canceled = [21, 3, 3, 0, 2, 1, 90];
    let mut wire = Wire::new(configs(Kind::Full));
    wire.pair.at_client.extend_from_slice(&canceled);
    wire.pair.at_server.extend_from_slice(&canceled);
    wire.run(&pki, &mut |_, _, _| {}).unwrap();
    assert!(!wire.pair.client.is_handshaking() && !wire.pair.server.is_handshaking());
    let mut wire = Wire::new(configs(Kind::Full));
    wire.pair.at_client.extend_from_slice(&canceled);
    wire.pair.at_client.extend_from_slice(&[21, 3, 3, 0, 2, 1, 0]);
    let ended = Error::AlertReceived { description: A::CLOSE_NOTIFY, state: StateName::client("WAIT_SH", "") };
    assert_eq!(wire.run(&pki, &mut |_, _, _| {}), Err((Direction::ToClient, ended)));
}

#[test]
fn alert_in_every_state_fails_handshake() {
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    // Records of the minimum size, so that each state occurs between two records.
    let small_records = || {
        let (mut client, mut server) = configs(Kind::Full);
        client.set_max_fragment_size(Some(64)).unwrap();
        server.set_max_fragment_size(Some(64)).unwrap();
        // With TLS 1.2 offered, a warning before ServerHello is ignored.
        client.set_versions(&[ProtocolVersion::TLS13]).unwrap();
        (client, server)
    };
    let [to_server, to_client] = {
        let mut wire = Wire::new(small_records());
        wire.run(&pki, &mut |_, _, _| {}).unwrap();
        wire.passed
    };
    for (target, length) in [(Direction::ToServer, to_server), (Direction::ToClient, to_client)] {
        let mut plain = 0;
        for (level, description) in
            [(1, A::CLOSE_NOTIFY), (2, A::HANDSHAKE_FAILURE), (1, A::HANDSHAKE_FAILURE), (1, A(255))]
        {
            for at in 0..length {
                let mut wire = Wire::new(small_records());
                let mut boundary = true;
                let outcome = wire.run(&pki, &mut |direction, begin, chunk| {
                    if direction != target || begin > at || begin + chunk.len() <= at {
                        return;
                    }
                    let at = at - begin;
                    // Only between records; elsewhere it would be a flip.
                    boundary = at == 0 || record_offsets(chunk).contains(&at);
                    if boundary {
                        chunk.truncate(at);
                        chunk.extend_from_slice(&[21, 3, 3, 0, 2, level, description.0]);
                    }
                });
                if !boundary {
                    continue;
                }
                let Err((direction, error)) = outcome else { panic!("{target:?} at {at}: {description} is ignored") };
                assert_eq!(direction, target);
                match error {
                    Error::AlertReceived { description: got, state } => {
                        assert_eq!(got, description);
                        assert!(!state.as_str().is_empty());
                        plain += 1;
                    }
                    // An unencrypted alert after encrypted records.
                    Error::UnprotectedRecord { got, .. } => {
                        assert_eq!(got, tls_codec::code_points::ContentType::ALERT);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(plain >= 4);
    }
}

/// Returns the offsets of the records.
pub(super) fn record_offsets(stream: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + 5 <= stream.len() {
        found.push(at);
        at += 5 + usize::from(u16::from_be_bytes([stream[at + 3], stream[at + 4]]));
    }
    found
}

#[test]
fn connection_closed_by_peer_ignores_input() {
    let pki = Pki::new();
    let mut pair = Pair::new(&pki);
    pair.handshake(&pki).unwrap();
    pair.server.send_close_notify(&mut pair.to_client);
    pair.step_client().unwrap();
    for junk in [vec![0; 3], vec![0xff; 1000], b"GET / HTTP/1.1\r\n".to_vec()] {
        let mut incoming = junk.clone();
        let processed = pair.client.process(&mut incoming, &mut pair.to_server).unwrap();
        assert_eq!(processed.consumed, junk.len());
        assert!(matches!(processed.progress, Progress::NeedMoreInput { .. }));
    }
    assert!(pair.to_server.is_empty());
}
