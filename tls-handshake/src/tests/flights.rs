//! Whole flights, as lists of what the states ask for: RFC 9846 §2 and Appendix E.4 in the order of the wire.

use tls_codec::code_points::HandshakeType as T;

use super::asking::AskingServer;
use super::flow::{Action, End, Kind, answers, client, configs, server};
use super::pair::Pki;
use crate::role::States;
use crate::schedule::Epoch::{Application, Handshake};

use Action::{ChangeCipherSpec, InstallRead, InstallWrite, Secret, Send};

const HANDSHAKE_SECRETS: [Action; 2] =
    [Secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET"), Secret("SERVER_HANDSHAKE_TRAFFIC_SECRET")];
const APPLICATION_SECRETS: [Action; 3] =
    [Secret("CLIENT_TRAFFIC_SECRET_0"), Secret("SERVER_TRAFFIC_SECRET_0"), Secret("EXPORTER_SECRET")];

/// Carries `count` messages to an end, and gives back what it did with them.
fn carry<S: States>(to: &mut End<S>, messages: &[Vec<u8>], pki: &Pki) -> Vec<Action> {
    for message in messages {
        to.deliver(message, &mut answers(pki)).unwrap();
    }
    std::mem::take(&mut to.world.actions)
}

fn sent<S: States>(from: &mut End<S>) -> Vec<Vec<u8>> {
    std::mem::take(&mut from.world.sent).into()
}

fn server_flight(change_cipher_spec: &[Action]) -> Vec<Action> {
    let mut actions = vec![Send(T::SERVER_HELLO)];
    actions.extend_from_slice(change_cipher_spec);
    actions.extend_from_slice(&HANDSHAKE_SECRETS);
    actions.extend_from_slice(&[
        InstallRead(Handshake),
        InstallWrite(Handshake),
        Send(T::ENCRYPTED_EXTENSIONS),
        Send(T::CERTIFICATE),
        Send(T::CERTIFICATE_VERIFY),
        Send(T::FINISHED),
    ]);
    actions.extend_from_slice(&APPLICATION_SECRETS);
    actions.push(InstallWrite(Application));
    actions
}

fn client_keys() -> Vec<Action> {
    let mut actions = HANDSHAKE_SECRETS.to_vec();
    actions.extend_from_slice(&[InstallRead(Handshake), InstallWrite(Handshake)]);
    actions
}

fn client_end(own: &[Action]) -> Vec<Action> {
    let mut actions = own.to_vec();
    actions.push(Send(T::FINISHED));
    actions.extend_from_slice(&APPLICATION_SECRETS);
    actions.extend_from_slice(&[InstallWrite(Application), InstallRead(Application)]);
    actions
}

#[test]
fn full_handshake() {
    let pki = Pki::new();
    let (client_config, server_config) = configs(Kind::Full);
    let (mut client, mut server) = (client(client_config), server(server_config));
    assert_eq!(std::mem::take(&mut client.world.actions), [Send(T::CLIENT_HELLO)]);
    assert_eq!(carry(&mut server, &sent(&mut client), &pki), server_flight(&[ChangeCipherSpec]));
    let flight = sent(&mut server);
    assert_eq!(carry(&mut client, &flight[..1], &pki), [&[ChangeCipherSpec], client_keys().as_slice()].concat());
    assert_eq!(carry(&mut client, &flight[1..4], &pki), []);
    assert_eq!(carry(&mut client, &flight[4..], &pki), client_end(&[]));
    assert_eq!(carry(&mut server, &sent(&mut client), &pki), [InstallRead(Application)]);
    assert!(client.is_connected() && server.is_connected());
}

#[test]
fn handshake_with_hello_retry_request() {
    let pki = Pki::new();
    let (client_config, server_config) = configs(Kind::Retry);
    let (mut client, mut server) = (client(client_config), server(server_config));
    client.world.actions.clear();
    let retry = [Send(T::SERVER_HELLO), ChangeCipherSpec];
    assert_eq!(carry(&mut server, &sent(&mut client), &pki), retry);
    let second = [ChangeCipherSpec, Send(T::CLIENT_HELLO)];
    assert_eq!(carry(&mut client, &sent(&mut server), &pki), second);
    // Neither side repeats its change_cipher_spec.
    assert_eq!(carry(&mut server, &sent(&mut client), &pki), server_flight(&[]));
    let flight = sent(&mut server);
    assert_eq!(carry(&mut client, &flight[..1], &pki), client_keys());
    assert_eq!(carry(&mut client, &flight[1..], &pki), client_end(&[]));
    assert_eq!(carry(&mut server, &sent(&mut client), &pki), [InstallRead(Application)]);
    assert!(client.is_connected() && server.is_connected());
}

#[test]
fn a_certificate_request_is_answered_with_no_certificate() {
    let pki = Pki::new();
    let mut client = client(configs(Kind::Full).0);
    let (mut asking, flight) = AskingServer::answer(&client.world.sent.pop_front().unwrap(), &pki);
    client.world.actions.clear();
    let actions = carry(&mut client, &flight, &pki);
    assert_eq!(actions[5..], client_end(&[Send(T::CERTIFICATE)]));
    let [certificate, finished] = &sent(&mut client)[..] else { panic!("two messages") };
    assert_eq!(certificate, &[11, 0, 0, 4, 0, 0, 0, 0]);
    assert!(asking.accepts(certificate, finished));
}
