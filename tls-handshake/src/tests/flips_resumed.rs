//! Flips every byte of every message of resumptions. They have no signature, but the binder covers
//! the ClientHello and Finished covers everything.

use tls_codec::code_points::{AlertDescription as A, HandshakeType as T};

use super::flips::{CLIENT_FINISHED, MASKS, Row, SERVER_FINISHED, SYNTAX, flip_all};
use super::flow::{CHANGE_CIPHER_SPEC, Kind};

const CLIENT_HELLO: Row = Row {
    message: T::CLIENT_HELLO,
    detected: &[
        ("server", T::CLIENT_HELLO, SYNTAX),
        (
            "server",
            T::CLIENT_HELLO,
            &[A::PROTOCOL_VERSION, A::HANDSHAKE_FAILURE, A::MISSING_EXTENSION, A::NO_APPLICATION_PROTOCOL],
        ),
        // A flipped type may be that of QUIC's extension.
        ("server", T::CLIENT_HELLO, &[A::UNSUPPORTED_EXTENSION]),
        // The binder.
        ("server", T::CLIENT_HELLO, &[A::DECRYPT_ERROR]),
        ("client", T::SERVER_HELLO, &[A::ILLEGAL_PARAMETER, A::PROTOCOL_VERSION, A::HANDSHAKE_FAILURE]),
        // With another identity or resumption scope, the server makes a full handshake over another
        // hello than the client sent.
        ("client", T::CERTIFICATE_VERIFY, &[A::DECRYPT_ERROR]),
        ("client", T::SERVER_HELLO_DONE, &[A::DECRYPT_ERROR]),
        ("client", T::FINISHED, &[A::DECRYPT_ERROR]),
        ("server", T::FINISHED, &[A::DECRYPT_ERROR]),
        // A flipped session ID hides the resumption from the client. A flipped version makes the
        // server reject the change_cipher_spec that follows a hello with early data.
        ("client", CHANGE_CIPHER_SPEC, &[A::UNEXPECTED_MESSAGE]),
        ("server", CHANGE_CIPHER_SPEC, &[A::UNEXPECTED_MESSAGE]),
    ],
};

const SERVER_HELLO: Row = Row {
    message: T::SERVER_HELLO,
    detected: &[
        ("client", T::SERVER_HELLO, SYNTAX),
        ("client", T::SERVER_HELLO, &[A::PROTOCOL_VERSION, A::UNSUPPORTED_EXTENSION, A::MISSING_EXTENSION]),
        ("client", T::SERVER_HELLO, &[A::HANDSHAKE_FAILURE]),
        // Without resumption the client waits for a certificate.
        ("client", T::FINISHED, &[A::DECRYPT_ERROR, A::UNEXPECTED_MESSAGE]),
        ("client", CHANGE_CIPHER_SPEC, &[A::UNEXPECTED_MESSAGE]),
        ("server", T::CLIENT_HELLO, &[A::ILLEGAL_PARAMETER]),
    ],
};

const RETRY: Row = SERVER_HELLO;

const ENCRYPTED_EXTENSIONS: Row = Row {
    message: T::ENCRYPTED_EXTENSIONS,
    detected: &[
        ("client", T::ENCRYPTED_EXTENSIONS, SYNTAX),
        ("client", T::ENCRYPTED_EXTENSIONS, &[A::UNSUPPORTED_EXTENSION]),
        ("client", T::FINISHED, &[A::DECRYPT_ERROR]),
    ],
};

const END_OF_EARLY_DATA: Row =
    Row { message: T::END_OF_EARLY_DATA, detected: &[("server", T::END_OF_EARLY_DATA, SYNTAX)] };

const NEW_SESSION_TICKET: Row = Row {
    message: T::NEW_SESSION_TICKET,
    detected: &[("client", T::NEW_SESSION_TICKET, SYNTAX), ("client", T::FINISHED, &[A::DECRYPT_ERROR])],
};

#[test]
fn resumption_rejects_every_flipped_byte() {
    let rows: [&Row; 5] = [&CLIENT_HELLO, &SERVER_HELLO, &ENCRYPTED_EXTENSIONS, &SERVER_FINISHED, &CLIENT_FINISHED];
    flip_all(Kind::Resumed, &MASKS, &rows);
}

#[test]
fn retried_resumption_rejects_every_flipped_byte() {
    let rows: [&Row; 7] = [
        &CLIENT_HELLO,
        &RETRY,
        &CLIENT_HELLO,
        &SERVER_HELLO,
        &ENCRYPTED_EXTENSIONS,
        &SERVER_FINISHED,
        &CLIENT_FINISHED,
    ];
    flip_all(Kind::ResumedRetry, &MASKS[..2], &rows);
}

#[test]
fn early_data_handshake_rejects_every_flipped_byte() {
    let rows: [&Row; 6] =
        [&CLIENT_HELLO, &SERVER_HELLO, &ENCRYPTED_EXTENSIONS, &SERVER_FINISHED, &END_OF_EARLY_DATA, &CLIENT_FINISHED];
    flip_all(Kind::Early, &MASKS[..2], &rows);
}

#[test]
fn tls12_resumption_rejects_every_flipped_byte() {
    let rows: [&Row; 4] = [&CLIENT_HELLO, &SERVER_HELLO, &SERVER_FINISHED, &CLIENT_FINISHED];
    flip_all(Kind::Tls12Resumed, &MASKS, &rows);
}

#[test]
fn tls12_new_ticket_rejects_every_flipped_byte() {
    super::flips12::flip_ticket(Kind::Tls12Ticket, &MASKS, &NEW_SESSION_TICKET);
}
