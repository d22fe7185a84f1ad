//! Every state × every message that has no place in it.

use tls_codec::code_points::{AlertDescription, HandshakeType as T};

use super::asking::AskingServer;
use super::flow::{End, Kind, answers, client, configs, server};
use super::pair::Pki;
use crate::client::Client;
use crate::error::Error;
use crate::role::States;
use crate::server::Server;

/// Gives each of the 256 types that have no place, known, unknown and of TLS 1.2, with several bodies, to a new end in the
/// state that `reach` leads to.
fn refuses_all_but<S: States>(name: &'static str, places: &[T], mut reach: impl FnMut(&Pki) -> End<S>) {
    let pki = Pki::new();
    for typ in (0..=u8::MAX).map(T).filter(|typ| !places.contains(typ)) {
        // The state decides before it looks inside: an empty body is refused for the same reason as a plausible one.
        for body in [&[][..], &[0; 40]] {
            let mut end = reach(&pki);
            assert_eq!(end.name(), name);
            let mut message = vec![typ.0, 0, 0, u8::try_from(body.len()).unwrap()];
            message.extend_from_slice(body);
            let actions = end.world.actions.len();
            let error = end.deliver(&message, &mut answers(&pki)).unwrap_err();
            assert_eq!(error, Error::UnexpectedMessage { state: name, got: typ });
            assert_eq!(error.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(end.world.actions.len(), actions, "{name} acted on {typ}");
        }
    }
}

/// A client that was given the first `count` messages of a server's flight.
fn client_after(count: usize, pki: &Pki) -> End<Client> {
    let (mut client, mut server) = (client(configs(Kind::Full).0), server(configs(Kind::Full).1));
    server.deliver(&client.world.sent.pop_front().unwrap(), &mut answers(pki)).unwrap();
    for message in server.world.sent.iter().take(count) {
        client.deliver(message, &mut answers(pki)).unwrap();
    }
    client
}

#[test]
fn client_states() {
    refuses_all_but("WAIT_SH", &[T::SERVER_HELLO], |pki| client_after(0, pki));
    refuses_all_but("WAIT_EE", &[T::ENCRYPTED_EXTENSIONS], |pki| client_after(1, pki));
    refuses_all_but("WAIT_CERT_CR", &[T::CERTIFICATE, T::CERTIFICATE_REQUEST], |pki| client_after(2, pki));
    refuses_all_but("WAIT_CV", &[T::CERTIFICATE_VERIFY], |pki| client_after(3, pki));
    refuses_all_but("WAIT_FINISHED", &[T::FINISHED], |pki| client_after(4, pki));
    // post_handshake_auth was not offered, so that not even CertificateRequest may come.
    refuses_all_but("CONNECTED", &[T::NEW_SESSION_TICKET, T::KEY_UPDATE], |pki| client_after(5, pki));
}

#[test]
fn client_after_hello_retry_request_and_after_certificate_request() {
    refuses_all_but("WAIT_SH after HelloRetryRequest", &[T::SERVER_HELLO], |pki| {
        let (mut client, mut server) = (client(configs(Kind::Retry).0), server(configs(Kind::Retry).1));
        server.deliver(&client.world.sent.pop_front().unwrap(), &mut answers(pki)).unwrap();
        client.deliver(&server.world.sent.pop_front().unwrap(), &mut answers(pki)).unwrap();
        client
    });
    refuses_all_but("WAIT_CERT", &[T::CERTIFICATE], |pki| {
        let mut client = client(configs(Kind::Full).0);
        let (_, flight) = AskingServer::answer(&client.world.sent.pop_front().unwrap(), pki);
        for message in &flight[..3] {
            client.deliver(message, &mut answers(pki)).unwrap();
        }
        client
    });
}

/// A server that was given the first `count` messages of a client.
fn server_after(count: usize, kind: Kind, pki: &Pki) -> End<Server> {
    let (mut client, mut server) = (client(configs(kind).0), server(configs(kind).1));
    for _ in 0..count {
        server.deliver(&client.world.sent.pop_front().unwrap(), &mut answers(pki)).unwrap();
        for message in std::mem::take(&mut server.world.sent) {
            client.deliver(&message, &mut answers(pki)).unwrap();
        }
    }
    server
}

#[test]
fn server_states() {
    refuses_all_but("START", &[T::CLIENT_HELLO], |pki| server_after(0, Kind::Full, pki));
    refuses_all_but("START after HelloRetryRequest", &[T::CLIENT_HELLO], |pki| server_after(1, Kind::Retry, pki));
    refuses_all_but("WAIT_FINISHED", &[T::FINISHED], |pki| server_after(1, Kind::Full, pki));
    // A second ClientHello would be renegotiation, which TLS 1.3 does not have.
    refuses_all_but("CONNECTED", &[T::KEY_UPDATE], |pki| server_after(2, Kind::Full, pki));
}
