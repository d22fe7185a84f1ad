//! Handshake messages and alerts at a receiver. A fault ends the sender too, which sends the alert.

use tls_codec::code_points::HandshakeType as T;

use super::*;
use crate::config::ClientAuth;
use crate::error::Flood;

fn is_client<R: Role + 'static, P: Role>(_: &Halves<R, P>) -> bool {
    std::any::TypeId::of::<R>() == std::any::TypeId::of::<Client>()
}

/// Checks that both halves end with this error, and that the peer gets the alert.
fn assert_ended<R: Role, P: Role>(halves: &mut Halves<R, P>, error: &Error, alert: A) {
    assert_eq!(halves.send(b"data").as_ref(), Err(error));
    assert_eq!(halves.receive_bytes(Vec::new()).as_ref(), Err(error));
    let received = halves.deliver().unwrap_err();
    assert!(matches!(received, Error::AlertReceived { description, .. } if description == alert), "{received}");
}

/// RFC 9846 §5.1. A fatal alert is reported as itself.
#[test]
fn alert_inside_fragmented_message_ends_both_halves() {
    for version in VERSIONS {
        let warning = [1, A::UNRECOGNIZED_NAME.0];
        let alerts = [[1, A::USER_CANCELED.0], [1, A::CLOSE_NOTIFY.0], [2, A::CLOSE_NOTIFY.0], warning];
        let count = if version == ProtocolVersion::TLS12 { 4 } else { 3 };
        for alert in &alerts[..count] {
            each_role!(connected(version, |_, _| {}), halves => {
                halves.peer.send_raw_record(C::HANDSHAKE, &[4, 0, 0], &mut halves.peer_out);
                halves.peer.send_raw_record(C::ALERT, alert, &mut halves.peer_out);
                assert_eq!(halves.receive(), Err(Error::InterleavedHandshake), "{version} {alert:?}");
                assert!(!halves.closed);
                assert_ended(&mut halves, &Error::InterleavedHandshake, A::UNEXPECTED_MESSAGE);
            });
        }
        each_role!(connected(version, |_, _| {}), halves => {
            halves.peer.send_raw_record(C::HANDSHAKE, &[4, 0, 0], &mut halves.peer_out);
            halves.peer.send_raw_record(C::ALERT, &[2, A::INTERNAL_ERROR.0], &mut halves.peer_out);
            let e = halves.receive().unwrap_err();
            assert!(matches!(e, Error::AlertReceived { description: A::INTERNAL_ERROR, .. }), "{e}");
        });
    }
}

#[test]
fn data_inside_fragmented_message_ends_both_halves() {
    for version in VERSIONS {
        each_role!(connected(version, |_, _| {}), halves => {
            halves.peer.send_raw_record(C::HANDSHAKE, &[4, 0, 0], &mut halves.peer_out);
            send_all(&mut halves.peer, b"data", &mut halves.peer_out);
            assert_eq!(halves.receive(), Err(Error::InterleavedHandshake));
            assert_ended(&mut halves, &Error::InterleavedHandshake, A::UNEXPECTED_MESSAGE);
        });
    }
}

#[test]
fn key_update_in_pieces_is_joined_and_ends_its_record() {
    each_role!(connected(ProtocolVersion::TLS13, |_, _| {}), halves => {
        for piece in [&[24][..], &[0, 0], &[1]] {
            halves.peer.send_raw_record(C::HANDSHAKE, piece, &mut halves.peer_out);
            halves.receive().unwrap();
            assert!(!halves.receiver.has_mail_for_sender());
        }
        halves.peer.send_raw_record(C::HANDSHAKE, &[1], &mut halves.peer_out);
        halves.receive().unwrap();
        assert!(halves.receiver.has_mail_for_sender());
    });
    for message in [&[24, 0, 0, 1, 2][..], &[24, 0, 0, 0], &[24, 0, 0, 1, 0, 24], &[24, 0, 0, 2, 0, 0]] {
        each_role!(connected(ProtocolVersion::TLS13, |_, _| {}), halves => {
            halves.peer.send_raw_record(C::HANDSHAKE, message, &mut halves.peer_out);
            let error = halves.receive().unwrap_err();
            let alert = error.alert().unwrap();
            let expected = match message {
                [.., 2] => A::ILLEGAL_PARAMETER,
                [.., 24] => A::UNEXPECTED_MESSAGE,
                _ => A::DECODE_ERROR,
            };
            assert_eq!(alert, expected, "{message:?}");
            assert_ended(&mut halves, &error, alert);
        });
    }
}

#[test]
fn unexpected_message_ends_both_halves() {
    let types = [T::CLIENT_HELLO, T::SERVER_HELLO, T::NEW_SESSION_TICKET, T::CERTIFICATE_REQUEST, T::FINISHED];
    for version in VERSIONS {
        for typ in types {
            each_role!(connected(version, |_, _| {}), halves => {
                let expected = match (version, is_client(&halves), typ) {
                    // A renegotiation, which is declined.
                    (ProtocolVersion::TLS12, false, T::CLIENT_HELLO) => continue,
                    (ProtocolVersion::TLS13, true, T::NEW_SESSION_TICKET) => A::DECODE_ERROR,
                    _ => A::UNEXPECTED_MESSAGE,
                };
                halves.peer.send_raw_record(C::HANDSHAKE, &[typ.0, 0, 0, 0], &mut halves.peer_out);
                let error = halves.receive().unwrap_err();
                assert_eq!(error.alert(), Some(expected), "{version} {typ} {error}");
                assert_ended(&mut halves, &error, expected);
            });
        }
    }
}

#[test]
fn server_half_declines_renegotiation() {
    let pair = connected(ProtocolVersion::TLS12, |_, _| {});
    let mut halves = Halves::of(pair.server, pair.client);
    halves.peer.send_raw_record(C::HANDSHAKE, &[1, 0, 0, 0], &mut halves.peer_out);
    halves.receive().unwrap();
    halves.sender.process_mail(&mut halves.out).unwrap();
    assert_eq!(halves.out.ready()[0], C::ALERT.0);
    // The warning does not end the connection.
    halves.exchange();
    let flood = loop {
        halves.peer.send_raw_record(C::HANDSHAKE, &[1, 0, 0, 0], &mut halves.peer_out);
        if let Err(e) = halves.receive() {
            break e;
        }
        take(&mut halves.out);
    };
    assert_eq!(flood, Error::Flood(Flood::Renegotiations));
    assert_eq!(halves.send(b"data"), Err(flood));
}

#[test]
fn flood_of_tickets_or_warnings_ends_both_halves() {
    let pair = connected(ProtocolVersion::TLS13, |client, _| client.set_resumption(true));
    let mut halves = Halves::of(pair.client, pair.server);
    let ticket = [&[4, 0, 0, 15, 0, 0, 1, 0, 1, 2, 3, 4, 0, 0, 2][..], b"id", &[0, 0]].concat();
    let flood = loop {
        halves.peer.send_raw_record(C::HANDSHAKE, &ticket, &mut halves.peer_out);
        if let Err(e) = halves.receive() {
            break e;
        }
    };
    assert_eq!(flood, Error::Flood(Flood::NewSessionTickets));
    assert_eq!(halves.receiver.take_sessions(now()).len(), 0, "a failed connection has no sessions");
    assert_ended(&mut halves, &flood, flood.alert().unwrap());
    for version in VERSIONS {
        each_role!(connected(version, |_, _| {}), halves => {
            let flood = loop {
                halves.peer.send_raw_record(C::ALERT, &[1, A::USER_CANCELED.0], &mut halves.peer_out);
                if let Err(e) = halves.receive() {
                    break e;
                }
            };
            assert!(matches!(flood, Error::Flood(_)), "{flood}");
            assert_ended(&mut halves, &flood, flood.alert().unwrap());
        });
    }
}

/// The last step of these handshakes is an answer, so `process` has not reported it yet.
#[test]
fn unreported_completion_is_reported_once_by_receiver() {
    fn count<R: Role>(receiver: &mut Receiver<R>) -> usize {
        let is_complete = |done: Result<crate::connection::Processed, Error>| {
            matches!(done.unwrap().progress, Progress::HandshakeComplete)
        };
        (0..5).filter(|_| is_complete(receiver.process(&mut []))).count()
    }
    // A client that signs last.
    let pki = Pki::new();
    let mut server = ServerConfig::new();
    server.set_client_auth(ClientAuth::Required);
    let mut client = ClientConfig::new();
    client.set_client_identity_lookup(true);
    let mut pair = Pair::with(client, server);
    while pair.client.is_handshaking() {
        pair.drive_server(&mut |need| pki.answer(need)).unwrap();
        pair.drive_client(&mut |need| pki.answer(need)).unwrap();
    }
    let Ok((mut receiver, _)) = pair.client.split() else { panic!("the client has completed") };
    assert_eq!(count(&mut receiver), 1);
    // A server that issues tickets last.
    let mut harness = Harness::new(Storage::Ticket);
    let mut pair = Pair::with(harness.client(TLS13), harness.server());
    while pair.server.is_handshaking() {
        pair.drive_server(&mut |need| harness.answer(need)).unwrap();
        pair.drive_client(&mut |need| harness.answer(need)).unwrap();
    }
    let Ok((mut receiver, _)) = pair.server.split() else { panic!("the server has completed") };
    assert_eq!(count(&mut receiver), 1);
    // A split that follows the report repeats nothing.
    for version in VERSIONS {
        each_role!(connected(version, |_, _| {}), halves => {
            assert_eq!(count(&mut halves.receiver), 0);
        });
    }
}
