//! Every byte of every handshake message flipped: the side that is to find it finds it, with an alert that the RFC has for
//! such a fault, and at the latest where Finished or CertificateVerify covers the message.

use tls_codec::code_points::{AlertDescription as A, HandshakeType as T};

use super::asking::AskingServer;
use super::flow::{Failure, Kind, Outcome, answers, client, configs, run, server};
use super::pair::Pki;
use crate::need::{Answer, Need};

const MASKS: [u8; 4] = [0x01, 0x10, 0x80, 0xff];

/// Where a flip in a message may be found, and with which alerts.
struct Row {
    message: T,
    found: &'static [(&'static str, T, &'static [A])],
}

/// What any message can be refused for where it comes: its type, its length, its syntax.
const SYNTAX: &[A] = &[A::DECODE_ERROR, A::ILLEGAL_PARAMETER, A::UNEXPECTED_MESSAGE];

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
        // A greater length takes what follows into the message; records forbid that, which there are none of here.
        ("client", T::ENCRYPTED_EXTENSIONS, &[A::DECODE_ERROR]),
        ("client", T::CERTIFICATE_REQUEST, &[A::DECODE_ERROR]),
        ("client", T::CERTIFICATE, &[A::DECODE_ERROR]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR, A::DECODE_ERROR]),
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
        ("client", T::CERTIFICATE_REQUEST, &[A::DECODE_ERROR]),
        ("client", T::CERTIFICATE, &[A::DECODE_ERROR]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR, A::DECODE_ERROR]),
    ],
};

const CERTIFICATE_REQUEST: Row = Row {
    message: T::CERTIFICATE_REQUEST,
    found: &[
        ("client", T::CERTIFICATE_REQUEST, SYNTAX),
        ("client", T::CERTIFICATE_REQUEST, &[A::MISSING_EXTENSION]),
        ("client", T::CERTIFICATE, &[A::DECODE_ERROR]),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR, A::DECODE_ERROR]),
    ],
};

const CERTIFICATE: Row = Row {
    message: T::CERTIFICATE,
    found: &[
        ("client", T::CERTIFICATE, SYNTAX),
        ("client", T::CERTIFICATE, &[A::UNSUPPORTED_EXTENSION]),
        // The chain is believed here: that it is no certificate any more, or not the signer's, shows at the signature.
        (
            "client",
            T::CERTIFICATE_VERIFY,
            &[A::BAD_CERTIFICATE, A::DECRYPT_ERROR, A::DECODE_ERROR, A::ILLEGAL_PARAMETER],
        ),
        ("client", T::FINISHED, &[A::DECODE_ERROR]),
    ],
};

const CERTIFICATE_VERIFY: Row = Row {
    message: T::CERTIFICATE_VERIFY,
    found: &[
        ("client", T::CERTIFICATE_VERIFY, SYNTAX),
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
        ("client", T::FINISHED, &[A::DECODE_ERROR]),
    ],
};

/// A Finished of the wrong length is wrong, whichever way it is told.
const SERVER_FINISHED: Row = Row {
    message: T::FINISHED,
    found: &[("client", T::FINISHED, SYNTAX), ("client", T::FINISHED, &[A::DECRYPT_ERROR])],
};

const CLIENT_FINISHED: Row = Row {
    message: T::FINISHED,
    found: &[("server", T::FINISHED, SYNTAX), ("server", T::FINISHED, &[A::DECRYPT_ERROR])],
};

/// A length that promises more than comes: the message is waited for, and the transport's end tells.
const LENGTH: std::ops::Range<usize> = 1..4;

fn judge(row: &Row, outcome: &Outcome, at: usize, context: &str) {
    match outcome {
        Outcome::Failed(Failure { side, at, error }) => {
            let alert = error.alert().unwrap_or_else(|| panic!("{context}: no alert for {error:?}"));
            let known = row.found.iter().any(|(s, m, alerts)| s == side && m == at && alerts.contains(&alert));
            assert!(known, "{context}: {side} says {alert} at {at}: {error}");
        }
        Outcome::Waiting => assert!(LENGTH.contains(&at), "{context}: both wait"),
        Outcome::BothConnected => panic!("{context}: nobody found it"),
    }
}

fn flip_all(kind: Kind, rows: &[&Row]) {
    // A key whose signatures have one length.
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    let mut lengths = Vec::new();
    let mut note = |_: usize, message: &mut Vec<u8>| lengths.push((T(message[0]), message.len()));
    let unmodified = run(&mut client(configs(kind).0), &mut server(configs(kind).1), &mut answers(&pki), &mut note);
    assert_eq!(unmodified, Outcome::BothConnected);
    assert_eq!(
        lengths.iter().map(|(typ, _)| *typ).collect::<Vec<_>>(),
        rows.iter().map(|r| r.message).collect::<Vec<_>>()
    );
    for (number, (row, (typ, length))) in rows.iter().zip(lengths).enumerate() {
        for (at, mask) in (0..length).flat_map(|at| MASKS.map(|mask| (at, mask))) {
            let mut flipped = false;
            let mut flip = |n: usize, message: &mut Vec<u8>| {
                if n == number {
                    message[at] ^= mask;
                    flipped = true;
                }
            };
            let (mut client, mut server) = (client(configs(kind).0), server(configs(kind).1));
            let outcome = run(&mut client, &mut server, &mut answers(&pki), &mut flip);
            assert!(flipped);
            judge(row, &outcome, at, &format!("{kind:?}: byte {at} of message {number} ({typ}) ^ {mask:#04x}"));
        }
    }
}

#[test]
fn every_byte_of_a_full_handshake() {
    let rows: [&Row; 7] = [
        &CLIENT_HELLO,
        &SERVER_HELLO,
        &ENCRYPTED_EXTENSIONS,
        &CERTIFICATE,
        &CERTIFICATE_VERIFY,
        &SERVER_FINISHED,
        &CLIENT_FINISHED,
    ];
    flip_all(Kind::Full, &rows);
}

#[test]
fn every_byte_of_a_handshake_with_hello_retry_request() {
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
    flip_all(Kind::Retry, &rows);
}

#[test]
fn every_byte_of_a_flight_with_certificate_request() {
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    let rows = [
        &SERVER_HELLO,
        &ENCRYPTED_EXTENSIONS,
        &CERTIFICATE_REQUEST,
        &CERTIFICATE,
        &CERTIFICATE_VERIFY,
        &SERVER_FINISHED,
    ];
    for (number, row) in rows.iter().enumerate() {
        let mut at = 0;
        loop {
            let mut end = false;
            for mask in MASKS {
                let mut client = client(configs(Kind::Full).0);
                let (_, mut flight) = AskingServer::answer(&client.world.sent.pop_front().unwrap(), &pki);
                assert_eq!(T(flight[number][0]), row.message);
                let Some(byte) = flight[number].get_mut(at) else {
                    end = true;
                    break;
                };
                *byte ^= mask;
                let mut outcome = Outcome::Waiting;
                for (message, typ) in flight.iter().zip(rows.map(|row| row.message)) {
                    if let Err(error) = client.deliver(message, &mut answers(&pki)) {
                        outcome = Outcome::Failed(Failure { side: "client", at: typ, error });
                        break;
                    }
                }
                if client.is_connected() {
                    outcome = Outcome::BothConnected;
                }
                judge(row, &outcome, at, &format!("byte {at} of message {number} ({}) ^ {mask:#04x}", row.message));
            }
            if end {
                break;
            }
            at += 1;
        }
    }
}

/// With a real verdict a flipped certificate is refused before its signature is looked at, or there at the latest.
#[test]
fn every_byte_of_a_certificate_that_is_verified() {
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
        let (mut client, mut server) = (client(configs(Kind::Full).0), server(configs(Kind::Full).1));
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
