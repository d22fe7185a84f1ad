//! Flips every byte of every TLS 1.2 handshake message. The signature covers only both randoms and
//! the server's key exchange. All else fails at Finished or at the client's signature.

use tls_codec::code_points::{AlertDescription as A, HandshakeType as T};

use super::flips::{CLIENT_FINISHED, MASKS, Row, SERVER_FINISHED, SIGNED_BY_OTHER, SYNTAX, flip_all};
use super::flow::Kind;

const CLIENT_HELLO: Row = Row {
    message: T::CLIENT_HELLO,
    detected: &[
        ("server", T::CLIENT_HELLO, SYNTAX),
        ("server", T::CLIENT_HELLO, &[A::PROTOCOL_VERSION, A::HANDSHAKE_FAILURE, A::NO_APPLICATION_PROTOCOL]),
        // The client requires a response to renegotiation_info (RFC 5746 §3.4).
        ("client", T::SERVER_HELLO, &[A::HANDSHAKE_FAILURE]),
        // The signature of the key exchange covers the random.
        ("client", T::SERVER_HELLO_DONE, &[A::DECRYPT_ERROR]),
        ("server", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
        ("server", T::FINISHED, &[A::DECRYPT_ERROR]),
    ],
};

const SERVER_HELLO: Row = Row {
    message: T::SERVER_HELLO,
    detected: &[
        ("client", T::SERVER_HELLO, SYNTAX),
        ("client", T::SERVER_HELLO, &[A::PROTOCOL_VERSION, A::UNSUPPORTED_EXTENSION, A::HANDSHAKE_FAILURE]),
        ("client", T::SERVER_HELLO_DONE, &[A::DECRYPT_ERROR]),
        ("server", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
        ("server", T::FINISHED, &[A::DECRYPT_ERROR]),
    ],
};

/// These tests accept any chain, but its key must have signed ServerKeyExchange.
const CERTIFICATE: Row = Row {
    message: T::CERTIFICATE,
    detected: &[
        ("client", T::CERTIFICATE, SYNTAX),
        ("client", T::SERVER_HELLO_DONE, &SIGNED_BY_OTHER),
        ("server", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
        ("server", T::FINISHED, &[A::DECRYPT_ERROR]),
    ],
};

const CERTIFICATE_STATUS: Row = Row {
    message: T::CERTIFICATE_STATUS,
    detected: &[("client", T::CERTIFICATE_STATUS, SYNTAX), ("server", T::FINISHED, &[A::DECRYPT_ERROR])],
};

const SERVER_KEY_EXCHANGE: Row = Row {
    message: T::SERVER_KEY_EXCHANGE,
    detected: &[("client", T::SERVER_KEY_EXCHANGE, SYNTAX), ("client", T::SERVER_HELLO_DONE, &[A::DECRYPT_ERROR])],
};

const CERTIFICATE_REQUEST: Row = Row {
    message: T::CERTIFICATE_REQUEST,
    detected: &[
        ("client", T::CERTIFICATE_REQUEST, SYNTAX),
        // The client has no identity for the remaining key types.
        ("server", T::CERTIFICATE, &[A::HANDSHAKE_FAILURE]),
        ("server", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
    ],
};

const SERVER_HELLO_DONE: Row =
    Row { message: T::SERVER_HELLO_DONE, detected: &[("client", T::SERVER_HELLO_DONE, SYNTAX)] };

const CLIENT_CERTIFICATE: Row = Row {
    message: T::CERTIFICATE,
    detected: &[("server", T::CERTIFICATE, SYNTAX), ("server", T::CERTIFICATE_VERIFY, &SIGNED_BY_OTHER)],
};

const CLIENT_KEY_EXCHANGE: Row = Row {
    message: T::CLIENT_KEY_EXCHANGE,
    detected: &[
        ("server", T::CLIENT_KEY_EXCHANGE, SYNTAX),
        ("server", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
        ("server", T::FINISHED, &[A::DECRYPT_ERROR]),
    ],
};

const CLIENT_CERTIFICATE_VERIFY: Row = Row {
    message: T::CERTIFICATE_VERIFY,
    detected: &[("server", T::CERTIFICATE_VERIFY, SYNTAX), ("server", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR])],
};

const PLAIN: [&Row; 8] = [
    &CLIENT_HELLO,
    &SERVER_HELLO,
    &CERTIFICATE,
    &SERVER_KEY_EXCHANGE,
    &SERVER_HELLO_DONE,
    &CLIENT_KEY_EXCHANGE,
    &CLIENT_FINISHED,
    &SERVER_FINISHED,
];

/// Flips the messages of a full handshake that ends with a ticket.
pub(super) fn flip_ticket(kind: Kind, masks: &[u8], ticket: &Row) {
    let [before @ .., finished] = PLAIN;
    let rows: Vec<&Row> = before.into_iter().chain([ticket, finished]).collect();
    flip_all(kind, masks, &rows);
}

#[test]
fn tls12_handshake_rejects_every_flipped_byte() {
    flip_all(Kind::Tls12, &MASKS, &PLAIN);
}

/// Finished detects each flip even if the master secret is not bound to the handshake.
#[test]
fn tls12_without_ems_rejects_every_flipped_byte() {
    flip_all(Kind::Tls12Plain, &MASKS[..2], &PLAIN);
}

#[test]
fn tls12_stapled_handshake_rejects_every_flipped_byte() {
    let rows: [&Row; 9] = [
        &CLIENT_HELLO,
        &SERVER_HELLO,
        &CERTIFICATE,
        &CERTIFICATE_STATUS,
        &SERVER_KEY_EXCHANGE,
        &SERVER_HELLO_DONE,
        &CLIENT_KEY_EXCHANGE,
        &CLIENT_FINISHED,
        &SERVER_FINISHED,
    ];
    flip_all(Kind::Tls12Stapled, &MASKS[2..3], &rows);
}

#[test]
fn tls12_client_certificate_rejects_every_flipped_byte() {
    let rows: [&Row; 11] = [
        &CLIENT_HELLO,
        &SERVER_HELLO,
        &CERTIFICATE,
        &SERVER_KEY_EXCHANGE,
        &CERTIFICATE_REQUEST,
        &SERVER_HELLO_DONE,
        &CLIENT_CERTIFICATE,
        &CLIENT_KEY_EXCHANGE,
        &CLIENT_CERTIFICATE_VERIFY,
        &CLIENT_FINISHED,
        &SERVER_FINISHED,
    ];
    flip_all(Kind::Tls12Auth, &MASKS[2..], &rows);
}
