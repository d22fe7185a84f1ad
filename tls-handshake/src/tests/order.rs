//! Every state × every unexpected message, and every state × change_cipher_spec.

use tls_codec::code_points::{AlertDescription, ContentType, HandshakeType as T};

use super::flow::{End, Kind, answers, halt_at};
use super::pair::Pki;
use crate::client::Client;
use crate::error::Error;
use crate::server::Server;
use crate::states::StateMachine;

/// How a state handles change_cipher_spec.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CcsEffect {
    /// It is an error.
    Rejected,
    /// TLS 1.3 ignores it: it exists for middleboxes.
    Ignored,
    /// It changes the keys.
    Keys,
}

use CcsEffect::{Ignored, Keys, Rejected};

/// The assigned message types.
const KNOWN: [u8; 22] = [0, 1, 2, 3, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25, 67, 203, 254];

/// Checks that the state which `reach` leads to rejects each of the 256 types except `places`, and
/// handles change_cipher_spec as `change` requires. Each item is delivered to a new end.
fn assert_rejects_all_but<S: StateMachine>(
    name: &'static str,
    places: &[T],
    change: CcsEffect,
    reach: impl Fn() -> End<S>,
) {
    let pki = Pki::new();
    for typ in (0..=u8::MAX).map(T).filter(|typ| !places.contains(typ)) {
        // The state decides by the type, so an empty body gives the same error as a plausible one.
        for body in [&[][..], &[0; 40]] {
            if !body.is_empty() && !KNOWN.contains(&typ.0) {
                continue;
            }
            let mut end = reach();
            assert_eq!(end.name(), name);
            let mut message = vec![typ.0, 0, 0, u8::try_from(body.len()).unwrap()];
            message.extend_from_slice(body);
            let actions = end.sink.actions.len();
            let error = end.deliver(&message, &mut answers(&pki)).unwrap_err();
            assert!(
                matches!(&error, Error::UnexpectedMessage { state, got } if *state == name && *got == typ),
                "{error:?}"
            );
            assert_eq!(error.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
            let shown = name.split(" (").next().unwrap();
            assert!(error.to_string().contains(shown), "{error}");
            assert_eq!(end.sink.actions.len(), actions, "{name} acted on {typ}");
        }
    }
    let mut end = reach();
    let actions = end.sink.actions.len();
    let changed = end.change_cipher_spec();
    match change {
        Rejected => {
            let error = changed.unwrap_err();
            let Error::UnexpectedRecord { state, got: ContentType::CHANGE_CIPHER_SPEC } = error else {
                panic!("{error:?}")
            };
            assert_eq!(state, name);
            assert_eq!(error.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
        }
        Ignored => assert_eq!((changed, end.name()), (Ok(()), name)),
        Keys => assert!(changed.is_ok() && end.name() != name, "{name}: {changed:?}"),
    }
    assert_eq!(end.sink.actions.len() > actions, change == Keys, "{name} and change_cipher_spec");
}

/// Checks a client that took the first `count` items of a server.
fn client(kind: Kind, count: usize, name: &'static str, places: &[T], change: CcsEffect) {
    let pki = super::flow::pki(kind);
    assert_rejects_all_but::<Client>(name, places, change, || halt_at(kind, &pki, [count, usize::MAX]).0);
}

/// The same for a server.
fn server(kind: Kind, count: usize, name: &'static str, places: &[T], change: CcsEffect) {
    let pki = super::flow::pki(kind);
    assert_rejects_all_but::<Server>(name, places, change, || halt_at(kind, &pki, [usize::MAX, count]).1);
}

#[test]
fn client_states_reject_unexpected_messages() {
    client(Kind::Full, 0, "WAIT_SH", &[T::SERVER_HELLO], Ignored);
    // The server's second item is change_cipher_spec.
    client(Kind::Full, 2, "WAIT_EE", &[T::ENCRYPTED_EXTENSIONS], Ignored);
    client(Kind::Full, 3, "WAIT_CERT_CR", &[T::CERTIFICATE, T::CERTIFICATE_REQUEST], Ignored);
    client(Kind::Full, 4, "WAIT_CV", &[T::CERTIFICATE_VERIFY], Ignored);
    client(Kind::Full, 5, "WAIT_FINISHED", &[T::FINISHED], Ignored);
    // Without post_handshake_auth even CertificateRequest is unexpected.
    client(Kind::Full, 6, "CONNECTED", &[T::NEW_SESSION_TICKET, T::KEY_UPDATE], Rejected);
}

#[test]
fn client_rejects_unexpected_messages_after_requests() {
    client(Kind::Retry, 2, "WAIT_SH after HelloRetryRequest", &[T::SERVER_HELLO], Ignored);
    client(Kind::Auth, 4, "WAIT_CERT", &[T::CERTIFICATE], Ignored);
    client(Kind::Auth, 5, "WAIT_CV", &[T::CERTIFICATE_VERIFY], Ignored);
    client(Kind::Auth, 6, "WAIT_FINISHED", &[T::FINISHED], Ignored);
    client(Kind::Auth, 7, "CONNECTED", &[T::NEW_SESSION_TICKET, T::KEY_UPDATE], Rejected);
}

#[test]
fn server_states_reject_unexpected_messages() {
    server(Kind::Full, 0, "START", &[T::CLIENT_HELLO], Rejected);
    server(Kind::Retry, 1, "START after HelloRetryRequest", &[T::CLIENT_HELLO], Ignored);
    server(Kind::Full, 1, "WAIT_FINISHED", &[T::FINISHED], Ignored);
    // A second ClientHello would be a renegotiation, which TLS 1.3 does not have.
    server(Kind::Full, 3, "CONNECTED", &[T::KEY_UPDATE], Rejected);
}

#[test]
fn server_with_client_auth_rejects_unexpected_messages() {
    // The client's second item is change_cipher_spec.
    server(Kind::Auth, 2, "WAIT_CERT", &[T::CERTIFICATE], Ignored);
    server(Kind::Auth, 3, "WAIT_CV", &[T::CERTIFICATE_VERIFY], Ignored);
    server(Kind::Auth, 4, "WAIT_FINISHED", &[T::FINISHED], Ignored);
    server(Kind::Auth, 5, "CONNECTED", &[T::KEY_UPDATE], Rejected);
}

#[test]
fn tls12_client_states_reject_unexpected_messages() {
    client(Kind::Tls12, 1, "WAIT_CERT", &[T::CERTIFICATE], Rejected);
    // ServerHello did not promise a CertificateStatus.
    client(Kind::Tls12, 2, "WAIT_SKE", &[T::SERVER_KEY_EXCHANGE], Rejected);
    client(Kind::Tls12, 3, "WAIT_SHD", &[T::SERVER_HELLO_DONE, T::CERTIFICATE_REQUEST], Rejected);
    client(Kind::Tls12, 4, "WAIT_CCS", &[], Keys);
    client(Kind::Tls12, 5, "WAIT_FINISHED", &[T::FINISHED], Rejected);
    // HelloRequest has a different error.
    client(Kind::Tls12, 6, "CONNECTED", &[T::HELLO_REQUEST], Rejected);
}

#[test]
fn tls12_client_with_status_rejects_unexpected_messages() {
    client(Kind::Tls12Stapled, 2, "WAIT_SKE", &[T::SERVER_KEY_EXCHANGE, T::CERTIFICATE_STATUS], Rejected);
    client(Kind::Tls12Stapled, 3, "WAIT_SKE", &[T::SERVER_KEY_EXCHANGE], Rejected);
    client(Kind::Tls12Auth, 4, "WAIT_SHD", &[T::SERVER_HELLO_DONE], Rejected);
    client(Kind::Tls12Auth, 5, "WAIT_CCS", &[], Keys);
}

#[test]
fn tls12_server_states_reject_unexpected_messages() {
    server(Kind::Tls12, 1, "WAIT_CKE", &[T::CLIENT_KEY_EXCHANGE], Rejected);
    server(Kind::Tls12, 2, "WAIT_CCS", &[], Keys);
    server(Kind::Tls12, 3, "WAIT_FINISHED", &[T::FINISHED], Rejected);
    // A ClientHello has a different error.
    server(Kind::Tls12, 4, "CONNECTED", &[T::CLIENT_HELLO], Rejected);
}

#[test]
fn tls12_server_with_client_auth_rejects_unexpected_messages() {
    server(Kind::Tls12Auth, 1, "WAIT_CERT", &[T::CERTIFICATE], Rejected);
    server(Kind::Tls12Auth, 2, "WAIT_CKE", &[T::CLIENT_KEY_EXCHANGE], Rejected);
    server(Kind::Tls12Auth, 3, "WAIT_CV", &[T::CERTIFICATE_VERIFY], Rejected);
    server(Kind::Tls12Auth, 4, "WAIT_CCS", &[], Keys);
    server(Kind::Tls12Auth, 5, "WAIT_FINISHED", &[T::FINISHED], Rejected);
    server(Kind::Tls12Auth, 6, "CONNECTED", &[T::CLIENT_HELLO], Rejected);
}

#[test]
fn resumption_states_reject_unexpected_messages() {
    // After resumption the server sends neither Certificate nor CertificateRequest.
    client(Kind::Resumed, 3, "WAIT_FINISHED", &[T::FINISHED], Ignored);
    client(Kind::Resumed, 4, "CONNECTED", &[T::NEW_SESSION_TICKET, T::KEY_UPDATE], Rejected);
    client(Kind::ResumedRetry, 2, "WAIT_SH after HelloRetryRequest", &[T::SERVER_HELLO], Ignored);
    server(Kind::Resumed, 1, "WAIT_FINISHED", &[T::FINISHED], Ignored);
    server(Kind::Resumed, 3, "CONNECTED", &[T::KEY_UPDATE], Rejected);
}

#[test]
fn early_data_states_reject_unexpected_messages() {
    // The client's second item is change_cipher_spec.
    server(Kind::Early, 1, "WAIT_EOED", &[T::END_OF_EARLY_DATA], Ignored);
    server(Kind::Early, 3, "WAIT_FINISHED", &[T::FINISHED], Ignored);
    client(Kind::Early, 0, "WAIT_SH", &[T::SERVER_HELLO], Ignored);
    client(Kind::Early, 3, "WAIT_FINISHED", &[T::FINISHED], Ignored);
}

#[test]
fn tls12_resumption_states_reject_unexpected_messages() {
    client(Kind::Tls12Resumed, 1, "WAIT_CCS", &[], Keys);
    client(Kind::Tls12Resumed, 2, "WAIT_FINISHED", &[T::FINISHED], Rejected);
    server(Kind::Tls12Resumed, 1, "WAIT_CCS", &[], Keys);
    server(Kind::Tls12Resumed, 2, "WAIT_FINISHED", &[T::FINISHED], Rejected);
    // A promised ticket is required once, before the keys change.
    client(Kind::Tls12Ticket, 4, "WAIT_TICKET", &[T::NEW_SESSION_TICKET], Rejected);
    client(Kind::Tls12Ticket, 5, "WAIT_CCS", &[], Keys);
}
