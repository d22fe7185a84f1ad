//! Every byte of every handshake message flipped: the side that is to find it finds it, with an alert that the RFC has for
//! such a fault, and at the latest where Finished or CertificateVerify covers the message.

use tls_codec::code_points::{AlertDescription as A, HandshakeType as T};

use super::flow::{CHANGE_CIPHER_SPEC, Failure, Kind, Outcome, answers, ends, pki, run};
use super::pair::Pki;
use crate::error::Error;
use crate::need::{Answer, Need};

pub(super) const MASKS: [u8; 4] = [0x01, 0x10, 0x80, 0xff];

/// Where a flip in a message may be found, and with which alerts.
pub(super) struct Row {
    pub(super) message: T,
    pub(super) found: &'static [(&'static str, T, &'static [A])],
}

/// What any message can be refused for where it comes: its type, its length, its syntax.
pub(super) const SYNTAX: &[A] = &[A::DECODE_ERROR, A::ILLEGAL_PARAMETER, A::UNEXPECTED_MESSAGE];

const CLIENT_HELLO: Row = Row {
    message: T::CLIENT_HELLO,
    found: &[
        ("server", T::CLIENT_HELLO, SYNTAX),
        // What is left in common: versions, suites, groups, schemes, protocols, extensions that have to be there.
        (
            "server",
            T::CLIENT_HELLO,
            &[A::PROTOCOL_VERSION, A::HANDSHAKE_FAILURE, A::MISSING_EXTENSION, A::NO_APPLICATION_PROTOCOL],
        ),
        // legacy_session_id, which comes back.
        ("client", T::SERVER_HELLO, &[A::ILLEGAL_PARAMETER]),
        // All else is in the transcript that the server signs.
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

/// It has to equal the first one but for the key share; the server itself compares.
const SECOND_CLIENT_HELLO: Row = Row {
    message: T::CLIENT_HELLO,
    found: &[
        ("server", T::CLIENT_HELLO, SYNTAX),
        ("server", T::CLIENT_HELLO, &[A::PROTOCOL_VERSION, A::MISSING_EXTENSION]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

const SERVER_HELLO: Row = Row {
    message: T::SERVER_HELLO,
    found: &[
        ("client", T::SERVER_HELLO, SYNTAX),
        ("client", T::SERVER_HELLO, &[A::PROTOCOL_VERSION, A::UNSUPPORTED_EXTENSION, A::MISSING_EXTENSION]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

const RETRY: Row = Row {
    message: T::SERVER_HELLO,
    found: &[
        ("client", T::SERVER_HELLO, SYNTAX),
        ("client", T::SERVER_HELLO, &[A::PROTOCOL_VERSION, A::UNSUPPORTED_EXTENSION, A::MISSING_EXTENSION]),
        // It asks for another group than the server did.
        ("server", T::CLIENT_HELLO, &[A::ILLEGAL_PARAMETER]),
    ],
};

const ENCRYPTED_EXTENSIONS: Row = Row {
    message: T::ENCRYPTED_EXTENSIONS,
    found: &[
        ("client", T::ENCRYPTED_EXTENSIONS, SYNTAX),
        ("client", T::ENCRYPTED_EXTENSIONS, &[A::UNSUPPORTED_EXTENSION]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

const CERTIFICATE_REQUEST: Row = Row {
    message: T::CERTIFICATE_REQUEST,
    found: &[
        ("client", T::CERTIFICATE_REQUEST, SYNTAX),
        ("client", T::CERTIFICATE_REQUEST, &[A::MISSING_EXTENSION]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

const CERTIFICATE: Row = Row {
    message: T::CERTIFICATE,
    found: &[
        ("client", T::CERTIFICATE, SYNTAX),
        ("client", T::CERTIFICATE, &[A::UNSUPPORTED_EXTENSION]),
        // The chain is believed here: that it is no certificate any more, or not the signer's, shows at the signature.
        ("client", T::CERTIFICATE_VERIFY, &[A::BAD_CERTIFICATE, A::DECRYPT_ERROR, A::ILLEGAL_PARAMETER]),
    ],
};

const CERTIFICATE_VERIFY: Row = Row {
    message: T::CERTIFICATE_VERIFY,
    found: &[("client", T::CERTIFICATE_VERIFY, SYNTAX), ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR])],
};

const CLIENT_CERTIFICATE: Row = Row {
    message: T::CERTIFICATE,
    found: &[
        ("server", T::CERTIFICATE, SYNTAX),
        ("server", T::CERTIFICATE, &[A::UNSUPPORTED_EXTENSION]),
        ("server", T::CERTIFICATE_VERIFY, &[A::BAD_CERTIFICATE, A::DECRYPT_ERROR, A::ILLEGAL_PARAMETER]),
    ],
};

const CLIENT_CERTIFICATE_VERIFY: Row = Row {
    message: T::CERTIFICATE_VERIFY,
    found: &[("server", T::CERTIFICATE_VERIFY, SYNTAX), ("server", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR])],
};

/// A Finished of the wrong length is wrong, whichever way it is told.
pub(super) const SERVER_FINISHED: Row = Row {
    message: T::FINISHED,
    found: &[("client", T::FINISHED, SYNTAX), ("client", T::FINISHED, &[A::DECRYPT_ERROR])],
};

pub(super) const CLIENT_FINISHED: Row = Row {
    message: T::FINISHED,
    found: &[("server", T::FINISHED, SYNTAX), ("server", T::FINISHED, &[A::DECRYPT_ERROR])],
};

/// A length that promises more than comes: the message is waited for, and the transport's end tells.
const LENGTH: std::ops::Range<usize> = 1..4;

fn judge(row: &Row, outcome: &Outcome, at_byte: usize, context: &str) {
    match outcome {
        Outcome::Failed(Failure { side, at, error }) => {
            let alert = error.alert().unwrap_or_else(|| panic!("{context}: no alert for {error:?}"));
            let known = row.found.iter().any(|(s, m, alerts)| s == side && m == at && alerts.contains(&alert));
            // A greater length takes what follows into the message. Where keys change that is refused by the records, which
            // there are none of here, and change_cipher_spec does not come into a message.
            let reader = row.found.iter().any(|(s, m, _)| s == side && *m == row.message);
            let swallowed = LENGTH.contains(&at_byte)
                && reader
                && (alert == A::DECODE_ERROR || (*at == CHANGE_CIPHER_SPEC && *error == Error::InterleavedHandshake));
            assert!(known || swallowed, "{context}: {side} says {alert} at {at}: {error}");
        }
        Outcome::Waiting => assert!(LENGTH.contains(&at_byte), "{context}: both wait"),
        Outcome::BothConnected => panic!("{context}: nobody found it"),
    }
}

/// The messages of a handshake that nobody touches, with their lengths.
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
            judge(row, &outcome, at, &format!("{kind:?}: byte {at} of message {number} ({typ}) ^ {mask:#04x}"));
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

/// With a real verdict a flipped certificate is refused before its signature is looked at, or there at the latest.
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
