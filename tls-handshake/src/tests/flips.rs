//! Flips every byte of every TLS 1.3 handshake message. The expected side must detect it with a
//! suitable alert, at the latest at the CertificateVerify or Finished that covers the message.

use tls_codec::code_points::{AlertDescription as A, HandshakeType as T};

use super::flow::{CHANGE_CIPHER_SPEC, Failure, Kind, Outcome, answers, ends, pki, run};
use super::pair::Pki;
use crate::error::Error;
use crate::need::{Answer, Need};

pub(super) const MASKS: [u8; 4] = [0x01, 0x10, 0x80, 0xff];

/// Where a flip in a message may be detected: side, message being read, and alerts.
pub(super) struct Row {
    pub(super) message: T,
    pub(super) detected: &'static [(&'static str, T, &'static [A])],
}

/// The alerts for a wrong type, length or syntax of any message.
pub(super) const SYNTAX: &[A] = &[A::DECODE_ERROR, A::ILLEGAL_PARAMETER, A::UNEXPECTED_MESSAGE];

const CLIENT_HELLO: Row = Row {
    message: T::CLIENT_HELLO,
    detected: &[
        ("server", T::CLIENT_HELLO, SYNTAX),
        // Nothing in common or a missing extension: versions, suites, groups, schemes, protocols.
        (
            "server",
            T::CLIENT_HELLO,
            &[A::PROTOCOL_VERSION, A::HANDSHAKE_FAILURE, A::MISSING_EXTENSION, A::NO_APPLICATION_PROTOCOL],
        ),
        // The server echoes legacy_session_id.
        ("client", T::SERVER_HELLO, &[A::ILLEGAL_PARAMETER]),
        // The server's signature covers everything else.
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

/// It must equal the first ClientHello except for the key share. The server compares both.
const SECOND_CLIENT_HELLO: Row = Row {
    message: T::CLIENT_HELLO,
    detected: &[
        ("server", T::CLIENT_HELLO, SYNTAX),
        ("server", T::CLIENT_HELLO, &[A::PROTOCOL_VERSION, A::MISSING_EXTENSION]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

const SERVER_HELLO: Row = Row {
    message: T::SERVER_HELLO,
    detected: &[
        ("client", T::SERVER_HELLO, SYNTAX),
        ("client", T::SERVER_HELLO, &[A::PROTOCOL_VERSION, A::UNSUPPORTED_EXTENSION, A::MISSING_EXTENSION]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

const RETRY: Row = Row {
    message: T::SERVER_HELLO,
    detected: &[
        ("client", T::SERVER_HELLO, SYNTAX),
        ("client", T::SERVER_HELLO, &[A::PROTOCOL_VERSION, A::UNSUPPORTED_EXTENSION, A::MISSING_EXTENSION]),
        // The client follows the flipped group, which the server did not request.
        ("server", T::CLIENT_HELLO, &[A::ILLEGAL_PARAMETER]),
    ],
};

const ENCRYPTED_EXTENSIONS: Row = Row {
    message: T::ENCRYPTED_EXTENSIONS,
    detected: &[
        ("client", T::ENCRYPTED_EXTENSIONS, SYNTAX),
        ("client", T::ENCRYPTED_EXTENSIONS, &[A::UNSUPPORTED_EXTENSION]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

const CERTIFICATE_REQUEST: Row = Row {
    message: T::CERTIFICATE_REQUEST,
    detected: &[
        ("client", T::CERTIFICATE_REQUEST, SYNTAX),
        ("client", T::CERTIFICATE_REQUEST, &[A::MISSING_EXTENSION]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

/// The certificate or its key is malformed, of an unsupported kind, another one, or not for the
/// scheme.
pub(super) const SIGNED_BY_OTHER: [A; 4] =
    [A::BAD_CERTIFICATE, A::UNSUPPORTED_CERTIFICATE, A::DECRYPT_ERROR, A::ILLEGAL_PARAMETER];

const CERTIFICATE: Row = Row {
    message: T::CERTIFICATE,
    detected: &[
        ("client", T::CERTIFICATE, SYNTAX),
        ("client", T::CERTIFICATE, &[A::UNSUPPORTED_EXTENSION]),
        // These tests accept any chain, so an undecodable certificate or a wrong key fails at the
        // signature.
        ("client", T::CERTIFICATE_VERIFY, &SIGNED_BY_OTHER),
    ],
};

const CERTIFICATE_VERIFY: Row = Row {
    message: T::CERTIFICATE_VERIFY,
    detected: &[("client", T::CERTIFICATE_VERIFY, SYNTAX), ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR])],
};

const CLIENT_CERTIFICATE: Row = Row {
    message: T::CERTIFICATE,
    detected: &[
        ("server", T::CERTIFICATE, SYNTAX),
        ("server", T::CERTIFICATE, &[A::UNSUPPORTED_EXTENSION]),
        ("server", T::CERTIFICATE_VERIFY, &SIGNED_BY_OTHER),
    ],
};

const CLIENT_CERTIFICATE_VERIFY: Row = Row {
    message: T::CERTIFICATE_VERIFY,
    detected: &[("server", T::CERTIFICATE_VERIFY, SYNTAX), ("server", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR])],
};

/// A Finished of the wrong length is rejected by its syntax or its value.
pub(super) const SERVER_FINISHED: Row = Row {
    message: T::FINISHED,
    detected: &[("client", T::FINISHED, SYNTAX), ("client", T::FINISHED, &[A::DECRYPT_ERROR])],
};

pub(super) const CLIENT_FINISHED: Row = Row {
    message: T::FINISHED,
    detected: &[("server", T::FINISHED, SYNTAX), ("server", T::FINISHED, &[A::DECRYPT_ERROR])],
};

/// The bytes of the length: if it grows, the peer waits for more data until EOF.
const LENGTH: std::ops::Range<usize> = 1..4;

fn check_outcome(row: &Row, outcome: &Outcome, at_byte: usize, context: &str) {
    match outcome {
        Outcome::Failed(Failure { side, at, error }) => {
            let alert = error.alert().unwrap_or_else(|| panic!("{context}: no alert for {error:?}"));
            let known = row.detected.iter().any(|(s, m, alerts)| s == side && m == at && alerts.contains(&alert));
            // A greater length joins the next message to this one. On the wire, the record layer
            // would reject that at a key change; here there are no records. change_cipher_spec
            // cannot be part of a message.
            let reader = row.detected.iter().any(|(s, m, _)| s == side && *m == row.message);
            let swallowed = LENGTH.contains(&at_byte)
                && reader
                && (alert == A::DECODE_ERROR || (*at == CHANGE_CIPHER_SPEC && *error == Error::InterleavedHandshake));
            assert!(known || swallowed, "{context}: the {side} sends {alert} at {at}: {error}");
        }
        Outcome::Waiting => assert!(LENGTH.contains(&at_byte), "{context}: both sides wait"),
        Outcome::BothConnected => panic!("{context}: undetected"),
    }
}

/// Returns the types and lengths of an untampered handshake's messages.
fn lengths(kind: Kind, pki: &Pki) -> Vec<(T, usize)> {
    let mut lengths = Vec::new();
    let mut note = |_: usize, message: &mut Vec<u8>| lengths.push((T(message[0]), message.len()));
    let (mut client, mut server) = ends(kind);
    assert_eq!(run(&mut client, &mut server, &mut answers(pki), &mut note), Outcome::BothConnected);
    lengths
}

pub(super) fn flip_all(kind: Kind, masks: &[u8], rows: &[&Row]) {
    let pki = pki(kind);
    let lengths = lengths(kind, &pki);
    let types: Vec<T> = lengths.iter().map(|(typ, _)| *typ).collect();
    assert_eq!(types, rows.iter().map(|row| row.message).collect::<Vec<_>>());
    for (number, (row, (typ, length))) in rows.iter().zip(lengths).enumerate() {
        for (at, mask) in (0..length).flat_map(|at| masks.iter().map(move |mask| (at, mask))) {
            let mut flipped = false;
            let mut flip = |n: usize, message: &mut Vec<u8>| {
                if n == number {
                    message[at] ^= mask;
                    flipped = true;
                }
            };
            let (mut client, mut server) = ends(kind);
            let outcome = run(&mut client, &mut server, &mut answers(&pki), &mut flip);
            assert!(flipped);
            check_outcome(row, &outcome, at, &format!("{kind:?}: byte {at} of message {number} ({typ}) ^ {mask:#04x}"));
        }
    }
}

#[test]
fn full_handshake_rejects_every_flipped_byte() {
    let rows: [&Row; 7] = [
        &CLIENT_HELLO,
        &SERVER_HELLO,
        &ENCRYPTED_EXTENSIONS,
        &CERTIFICATE,
        &CERTIFICATE_VERIFY,
        &SERVER_FINISHED,
        &CLIENT_FINISHED,
    ];
    flip_all(Kind::Full, &MASKS, &rows);
}

#[test]
fn hello_retry_request_rejects_every_flipped_byte() {
    let rows: [&Row; 9] = [
        &CLIENT_HELLO,
        &RETRY,
        &SECOND_CLIENT_HELLO,
        &SERVER_HELLO,
        &ENCRYPTED_EXTENSIONS,
        &CERTIFICATE,
        &CERTIFICATE_VERIFY,
        &SERVER_FINISHED,
        &CLIENT_FINISHED,
    ];
    flip_all(Kind::Retry, &MASKS, &rows);
}

#[test]
fn client_certificate_rejects_every_flipped_byte() {
    let rows: [&Row; 10] = [
        &CLIENT_HELLO,
        &SERVER_HELLO,
        &ENCRYPTED_EXTENSIONS,
        &CERTIFICATE_REQUEST,
        &CERTIFICATE,
        &CERTIFICATE_VERIFY,
        &SERVER_FINISHED,
        &CLIENT_CERTIFICATE,
        &CLIENT_CERTIFICATE_VERIFY,
        &CLIENT_FINISHED,
    ];
    flip_all(Kind::Auth, &MASKS[..2], &rows);
}

/// With chain verification, a flipped certificate fails before its signature is checked, or there
/// at the latest.
#[test]
fn verified_certificate_rejects_every_flipped_byte() {
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    let length = 4 + 1 + 3 + 3 + pki.leaf.len() + 2;
    let mut answer = |need: Need| -> Answer { pki.answer(need) };
    for at in 4..length {
        let mut flip = |n: usize, message: &mut Vec<u8>| {
            if n == 3 {
                assert_eq!(message.len(), length);
                message[at] ^= 0x01;
            }
        };
        let (mut client, mut server) = ends(Kind::Full);
        let outcome = run(&mut client, &mut server, &mut answer, &mut flip);
        let Outcome::Failed(Failure { side: "client", error, .. }) = outcome else { panic!("byte {at}: {outcome:?}") };
        let alert = error.alert().unwrap();
        let allowed = [
            A::DECODE_ERROR,
            A::ILLEGAL_PARAMETER,
            A::UNSUPPORTED_EXTENSION,
            A::BAD_CERTIFICATE,
            A::UNSUPPORTED_CERTIFICATE,
            A::CERTIFICATE_EXPIRED,
            A::CERTIFICATE_UNKNOWN,
            A::UNKNOWN_CA,
        ];
        assert!(allowed.contains(&alert), "byte {at}: {error}");
    }
}
