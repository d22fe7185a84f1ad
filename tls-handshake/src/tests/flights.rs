//! Whole flights as lists of the states' actions, in wire order (RFC 9846 §2 and Appendix E.4).

use tls_codec::code_points::HandshakeType as T;

use super::flow::{Action, End, Kind, Sent, answers, client, configs, ends, pki, server, with_identity_scope};
use super::pair::Pki;
use crate::auth::ClientAuth;
use crate::schedule::Epoch::{Application, EarlyData, Handshake};
use crate::states::StateMachine;

use Action::{ChangeCipherSpec, InstallRead, InstallWrite, RemoveWrite, Secret, Send, SkipEarlyData};

const HANDSHAKE_SECRETS: [Action; 2] =
    [Secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET"), Secret("SERVER_HANDSHAKE_TRAFFIC_SECRET")];
const APPLICATION_SECRETS: [Action; 3] =
    [Secret("CLIENT_TRAFFIC_SECRET_0"), Secret("SERVER_TRAFFIC_SECRET_0"), Secret("EXPORTER_SECRET")];

/// Delivers a flight to an end and returns the actions of that end.
fn carry<S: StateMachine>(to: &mut End<S>, flight: &[Sent], pki: &Pki) -> Vec<Action> {
    for sent in flight {
        to.take(sent, &mut answers(pki)).unwrap();
    }
    std::mem::take(&mut to.sink.actions)
}

fn server_flight(change_cipher_spec: &[Action], request: &[Action]) -> Vec<Action> {
    let mut actions = vec![Send(T::SERVER_HELLO)];
    actions.extend_from_slice(change_cipher_spec);
    actions.extend_from_slice(&HANDSHAKE_SECRETS);
    actions.extend_from_slice(&[InstallRead(Handshake), InstallWrite(Handshake), Send(T::ENCRYPTED_EXTENSIONS)]);
    actions.extend_from_slice(request);
    actions.extend_from_slice(&[Send(T::CERTIFICATE), Send(T::CERTIFICATE_VERIFY), Send(T::FINISHED)]);
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
fn full_handshake_performs_actions_in_order() {
    let pki = Pki::new();
    let (client_config, server_config) = configs(Kind::Full);
    let (mut client, mut server) = (client(client_config), server(server_config));
    assert_eq!(std::mem::take(&mut client.sink.actions), [Send(T::CLIENT_HELLO)]);
    assert_eq!(carry(&mut server, &client.flight(), &pki), server_flight(&[ChangeCipherSpec], &[]));
    let flight = server.flight();
    assert_eq!(carry(&mut client, &flight[..1], &pki), [&[ChangeCipherSpec], client_keys().as_slice()].concat());
    assert_eq!(carry(&mut client, &flight[1..5], &pki), []);
    assert_eq!(carry(&mut client, &flight[5..], &pki), client_end(&[]));
    assert_eq!(carry(&mut server, &client.flight(), &pki), [InstallRead(Application)]);
    assert!(client.is_connected() && server.is_connected());
}

#[test]
fn hello_retry_request_performs_actions_in_order() {
    let pki = Pki::new();
    let (client_config, server_config) = configs(Kind::Retry);
    let (mut client, mut server) = (client(client_config), server(server_config));
    client.sink.actions.clear();
    let retry = [Send(T::SERVER_HELLO), ChangeCipherSpec];
    assert_eq!(carry(&mut server, &client.flight(), &pki), retry);
    let second = [ChangeCipherSpec, Send(T::CLIENT_HELLO)];
    assert_eq!(carry(&mut client, &server.flight(), &pki), second);
    // Neither side sends a second change_cipher_spec.
    assert_eq!(carry(&mut server, &client.flight(), &pki), server_flight(&[], &[]));
    let flight = server.flight();
    assert_eq!(carry(&mut client, &flight[..1], &pki), client_keys());
    assert_eq!(carry(&mut client, &flight[1..], &pki), client_end(&[]));
    assert_eq!(carry(&mut server, &client.flight(), &pki), [InstallRead(Application)]);
    assert!(client.is_connected() && server.is_connected());
}

#[test]
fn client_certificate_follows_server_finished() {
    let pki = Pki::new();
    for (knows_itself, answer) in
        [(true, &[Send(T::CERTIFICATE), Send(T::CERTIFICATE_VERIFY)][..]), (false, &[Send(T::CERTIFICATE)])]
    {
        let (mut client_config, mut server_config) = configs(Kind::Auth);
        client_config.set_client_identity_lookup(knows_itself);
        server_config.set_client_auth(ClientAuth::Optional);
        let (mut client, mut server) = (client(client_config), server(server_config));
        client.sink.actions.clear();
        let request = [Send(T::CERTIFICATE_REQUEST)];
        assert_eq!(carry(&mut server, &client.flight(), &pki), server_flight(&[ChangeCipherSpec], &request));
        let actions = carry(&mut client, &server.flight(), &pki);
        assert_eq!(actions[5..], client_end(answer));
        let flight = client.flight();
        if !knows_itself {
            assert_eq!(flight[1], Sent::Message(vec![11, 0, 0, 4, 0, 0, 0, 0]));
        }
        assert_eq!(carry(&mut server, &flight, &pki), [InstallRead(Application)]);
        assert!(client.is_connected() && server.is_connected());
    }
}

/// RFC 5246 §7.3, RFC 6066 §8: the actions of both sides in TLS 1.2. `request` and `proof` are
/// those of client authentication.
fn check_tls12_actions(kind: Kind, status: &[Action], request: &[Action], shown: &[Action], proof: &[Action]) {
    let pki = pki(kind);
    let (mut client, mut server) = ends(kind);
    assert_eq!(std::mem::take(&mut client.sink.actions), [Send(T::CLIENT_HELLO)]);
    let server_hello = [Send(T::SERVER_HELLO), Send(T::CERTIFICATE)];
    let end = [Send(T::SERVER_HELLO_DONE)];
    let expected = [&server_hello, status, &[Send(T::SERVER_KEY_EXCHANGE)], request, &end].concat();
    assert_eq!(carry(&mut server, &client.flight(), &pki), expected);
    let flight = server.flight();
    let (last, before) = flight.split_last().unwrap();
    assert_eq!(carry(&mut client, before, &pki), []);
    let exchange = [Send(T::CLIENT_KEY_EXCHANGE), Secret("CLIENT_RANDOM")];
    let finished = [ChangeCipherSpec, InstallWrite(Application), Send(T::FINISHED)];
    assert_eq!(carry(&mut client, std::slice::from_ref(last), &pki), [shown, &exchange, proof, &finished].concat());
    let flight = client.flight();
    let [to_key_exchange @ .., change, last] = &flight[..] else { panic!("a flight") };
    // The server has its keys after ClientKeyExchange, but neither reads nor writes with them
    // before change_cipher_spec.
    assert_eq!(carry(&mut server, to_key_exchange, &pki), [Secret("CLIENT_RANDOM")]);
    assert_eq!(carry(&mut server, std::slice::from_ref(change), &pki), [InstallRead(Application)]);
    assert_eq!(carry(&mut server, std::slice::from_ref(last), &pki), finished);
    let flight = server.flight();
    assert_eq!(carry(&mut client, &flight[..1], &pki), [InstallRead(Application)]);
    assert_eq!(carry(&mut client, &flight[1..], &pki), []);
    assert!(client.is_connected() && server.is_connected());
}

#[test]
fn tls12_handshake_performs_actions_in_order() {
    check_tls12_actions(Kind::Tls12, &[], &[], &[], &[]);
    check_tls12_actions(Kind::Tls12Plain, &[], &[], &[], &[]);
}

#[test]
fn tls12_stapled_handshake_performs_actions_in_order() {
    check_tls12_actions(Kind::Tls12Stapled, &[Send(T::CERTIFICATE_STATUS)], &[], &[], &[]);
}

#[test]
fn tls12_client_certificate_performs_actions_in_order() {
    let (certificate, proof) = (Send(T::CERTIFICATE), Send(T::CERTIFICATE_VERIFY));
    check_tls12_actions(Kind::Tls12Auth, &[], &[Send(T::CERTIFICATE_REQUEST)], &[certificate], &[proof]);
}

/// RFC 9846 §2.2: resumption sends no certificate. With early data (§2.3) the client keeps its
/// early write key until EndOfEarlyData.
#[test]
fn resumption_performs_actions_in_order() {
    let (kind, pki) = (Kind::Resumed, with_identity_scope(Pki::new()));
    let (mut client, mut server) = ends(kind);
    assert_eq!(std::mem::take(&mut client.sink.actions), [Send(T::CLIENT_HELLO)]);
    let mut expected = vec![Send(T::SERVER_HELLO), ChangeCipherSpec];
    expected.extend_from_slice(&HANDSHAKE_SECRETS);
    expected.extend_from_slice(&[InstallRead(Handshake), InstallWrite(Handshake)]);
    expected.extend_from_slice(&[Send(T::ENCRYPTED_EXTENSIONS), Send(T::FINISHED)]);
    expected.extend_from_slice(&APPLICATION_SECRETS);
    expected.push(InstallWrite(Application));
    assert_eq!(carry(&mut server, &client.flight(), &pki), expected);
    let flight = server.flight();
    assert_eq!(carry(&mut client, &flight[..1], &pki), [&[ChangeCipherSpec], client_keys().as_slice()].concat());
    assert_eq!(carry(&mut client, &flight[1..], &pki), client_end(&[]));
    assert_eq!(carry(&mut server, &client.flight(), &pki), [InstallRead(Application)]);
    assert!(client.is_connected() && server.is_connected());
}

#[test]
fn early_data_performs_actions_in_order() {
    let (early, pki) = (EarlyData { limit: 1000 }, with_identity_scope(Pki::new()));
    let (mut client, mut server) = ends(Kind::Early);
    let secrets = [Secret("CLIENT_EARLY_TRAFFIC_SECRET"), Secret("EARLY_EXPORTER_SECRET")];
    let first = [&[Send(T::CLIENT_HELLO)], &secrets[..], &[ChangeCipherSpec, InstallWrite(early)]].concat();
    assert_eq!(std::mem::take(&mut client.sink.actions), first);
    let mut expected = secrets.to_vec();
    expected.extend_from_slice(&[Send(T::SERVER_HELLO), ChangeCipherSpec]);
    expected.extend_from_slice(&HANDSHAKE_SECRETS);
    expected.extend_from_slice(&[InstallRead(early), InstallWrite(Handshake)]);
    expected.extend_from_slice(&[Send(T::ENCRYPTED_EXTENSIONS), Send(T::FINISHED)]);
    expected.extend_from_slice(&APPLICATION_SECRETS);
    expected.push(InstallWrite(Application));
    assert_eq!(carry(&mut server, &client.flight()[..1], &pki), expected);
    let flight = server.flight();
    // No second change_cipher_spec, and no other write key before EndOfEarlyData.
    let keys = [&HANDSHAKE_SECRETS[..], &[InstallRead(Handshake)]].concat();
    assert_eq!(carry(&mut client, &flight[..1], &pki), keys);
    let end = client_end(&[Send(T::END_OF_EARLY_DATA), InstallWrite(Handshake)]);
    assert_eq!(carry(&mut client, &flight[1..], &pki), end);
    let flight = client.flight();
    assert_eq!(carry(&mut server, &flight[..1], &pki), [InstallRead(Handshake)]);
    assert_eq!(carry(&mut server, &flight[1..], &pki), [InstallRead(Application)]);
    assert!(client.is_connected() && server.is_connected());
}

/// RFC 9846 §4.3.10: HelloRetryRequest rejects early data, and the second ClientHello is
/// unencrypted.
#[test]
fn retry_removes_early_data_key() {
    let pki = Pki::new();
    let (mut client, _) = ends(Kind::Early);
    let (_, mut server) = ends(Kind::ResumedRetry);
    client.sink.actions.clear();
    let retry = [Send(T::SERVER_HELLO), ChangeCipherSpec, SkipEarlyData];
    let actions = carry(&mut server, &client.flight()[..1], &pki);
    assert_eq!(actions.len(), 3);
    assert!(retry.iter().all(|action| actions.contains(action)), "{actions:?}");
    assert_eq!(carry(&mut client, &server.flight(), &pki), [RemoveWrite, Send(T::CLIENT_HELLO)]);
}

/// RFC 5246 §7.3, figure 2: the server sends its Finished first.
#[test]
fn tls12_resumption_performs_actions_in_order() {
    let pki = pki(Kind::Tls12Resumed);
    let (mut client, mut server) = ends(Kind::Tls12Resumed);
    client.sink.actions.clear();
    let finished = [ChangeCipherSpec, InstallWrite(Application), Send(T::FINISHED)];
    let first = [&[Send(T::SERVER_HELLO), Secret("CLIENT_RANDOM")], &finished[..]].concat();
    assert_eq!(carry(&mut server, &client.flight(), &pki), first);
    let flight = server.flight();
    assert_eq!(carry(&mut client, &flight[..1], &pki), [Secret("CLIENT_RANDOM")]);
    assert_eq!(carry(&mut client, &flight[1..2], &pki), [InstallRead(Application)]);
    assert_eq!(carry(&mut client, &flight[2..], &pki), finished);
    let flight = client.flight();
    assert_eq!(carry(&mut server, &flight[..1], &pki), [InstallRead(Application)]);
    assert_eq!(carry(&mut server, &flight[1..], &pki), []);
    assert!(client.is_connected() && server.is_connected());
}

/// RFC 5077 §3.1, figure 1: NewSessionTicket precedes the server's change_cipher_spec.
#[test]
fn tls12_new_ticket_performs_actions_in_order() {
    let pki = pki(Kind::Tls12Ticket);
    let (mut client, mut server) = ends(Kind::Tls12Ticket);
    carry(&mut server, &client.flight(), &pki);
    carry(&mut client, &server.flight(), &pki);
    let actions = carry(&mut server, &client.flight(), &pki);
    let end = [Send(T::NEW_SESSION_TICKET), ChangeCipherSpec, InstallWrite(Application), Send(T::FINISHED)];
    assert_eq!(actions[actions.len() - 4..], end);
    carry(&mut client, &server.flight(), &pki);
    assert!(client.is_connected() && server.is_connected());
}
