//! The halves of a connection: what the receiver leaves for the sender, and what each does without
//! the other.

use std::io::IoSlice;

use tls_codec::alert::Alert;
use tls_codec::code_points::{AlertDescription as A, ContentType as C, ProtocolVersion};

use super::pair::{Pair, Pki, now, pump, send_all};
use super::resumption::{Harness, Storage, TLS13};
use crate::client::Client;
use crate::config::{ClientConfig, ServerConfig};
use crate::connection::{Receiver, Sender, SplitObstacle};
use crate::error::Error;
use crate::need::Need;
use crate::record::Outgoing;
use crate::server::Server;
use crate::states::Role;
use crate::{Connection, Progress};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS12, ProtocolVersion::TLS13];

/// A split side, and its peer.
struct Halves<R: Role, P: Role> {
    receiver: Receiver<R>,
    sender: Sender,
    /// Output of the sender.
    out: Outgoing,
    received: Vec<u8>,
    peer: Connection<P>,
    peer_out: Outgoing,
    peer_received: Vec<u8>,
    /// Only application data was received, and close_notify.
    closed: bool,
}

fn connected(version: ProtocolVersion, change: impl Fn(&mut ClientConfig, &mut ServerConfig)) -> Pair {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    server.set_versions(&[version]).unwrap();
    change(&mut client, &mut server);
    let mut pair = Pair::with(client, server);
    pair.handshake(&Pki::new()).unwrap();
    pair
}

impl<R: Role, P: Role> Halves<R, P> {
    fn of(connection: Connection<R>, peer: Connection<P>) -> Self {
        let Ok((receiver, sender)) = connection.split() else { panic!("a connection after its handshake") };
        Self {
            receiver,
            sender,
            out: Outgoing::new(),
            received: Vec::new(),
            peer,
            peer_out: Outgoing::new(),
            peer_received: Vec::new(),
            closed: false,
        }
    }

    fn send(&mut self, mut data: &[u8]) -> Result<(), Error> {
        while !data.is_empty() {
            let sent = self.sender.send(&[IoSlice::new(data)], &mut self.out)?;
            assert!(sent > 0, "the sender does not send");
            data = &data[sent..];
        }
        Ok(())
    }

    /// Carries the peer's output to the receiver.
    fn receive(&mut self) -> Result<(), Error> {
        let wire = take(&mut self.peer_out);
        self.receive_bytes(wire)
    }

    fn receive_bytes(&mut self, mut wire: Vec<u8>) -> Result<(), Error> {
        loop {
            let done = self.receiver.process(&mut wire)?;
            match done.progress {
                Progress::ApplicationData(range) => self.received.extend_from_slice(&wire[range]),
                Progress::PeerClosed => self.closed = true,
                Progress::NeedMoreInput { .. } => return Ok(()),
                Progress::Continue => {}
                other => panic!("{other:?}"),
            }
            wire.drain(..done.consumed);
        }
    }

    /// Carries the sender's output to the peer.
    fn deliver(&mut self) -> Result<(), Error> {
        let mut wire = take(&mut self.out);
        pump(&mut self.peer, &mut wire, &mut self.peer_out, &mut self.peer_received).map(|_| ())
    }

    fn exchange(&mut self) {
        self.send(b"from the sender").unwrap();
        send_all(&mut self.peer, b"from the peer", &mut self.peer_out);
        self.deliver().unwrap();
        self.receive().unwrap();
        assert_eq!(std::mem::take(&mut self.peer_received), b"from the sender");
        assert_eq!(std::mem::take(&mut self.received), b"from the peer");
    }
}

fn take(outgoing: &mut Outgoing) -> Vec<u8> {
    let wire = outgoing.ready().to_vec();
    outgoing.consume(wire.len());
    wire
}

/// Runs the block with a split client, then with a split server.
macro_rules! each_role {
    ($pair:expr, $halves:ident => $body:block) => {{
        {
            let pair: Pair = $pair;
            let mut $halves: Halves<Client, Server> = Halves::of(pair.client, pair.server);
            $body
        }
        {
            let pair: Pair = $pair;
            let mut $halves: Halves<Server, Client> = Halves::of(pair.server, pair.client);
            $body
        }
    }};
}

mod messages;

/// The length of a KeyUpdate on the wire: header, message, content type, tag.
const KEY_UPDATE: usize = 5 + 5 + 1 + 16;

#[test]
fn halves_exchange_data_and_keep_what_was_negotiated() {
    for version in VERSIONS {
        each_role!(connected(version, |_, _| {}), halves => {
            let limits = halves.receiver.record_limits();
            assert_eq!((limits.send, limits.receive), (1 << 14, 1 << 14));
            for _ in 0..3 {
                halves.exchange();
            }
            let data = vec![7; 40_000];
            halves.send(&data).unwrap();
            halves.deliver().unwrap();
            assert_eq!(halves.peer_received, data);
            assert_eq!(halves.receiver.protocol_version(), Some(version));
            let mut exported = [[0; 32]; 2];
            halves.receiver.export_keying_material(&mut exported[0], b"label", None).unwrap();
            halves.peer.export_keying_material(&mut exported[1], b"label", None).unwrap();
            assert_eq!(exported[0], exported[1]);
            assert!(!halves.receiver.has_mail_for_sender() && !halves.sender.has_mail());
        });
    }
}

#[test]
fn halves_can_move_to_other_threads() {
    fn assert_send<T: Send + Sync + 'static>() {}
    assert_send::<Receiver<Client>>();
    assert_send::<Receiver<Server>>();
    assert_send::<Sender>();
}

#[test]
fn requested_key_update_precedes_next_data() {
    each_role!(connected(ProtocolVersion::TLS13, |_, _| {}), halves => {
        for _ in 0..3 {
            halves.peer.request_key_update(&mut halves.peer_out);
        }
        halves.receive().unwrap();
        assert!(halves.receiver.has_mail_for_sender() && halves.sender.has_mail());
        halves.send(b"a").unwrap();
        assert_eq!(halves.out.len(), KEY_UPDATE + 5 + 1 + 17, "one answer to three requests");
        assert!(!halves.receiver.has_mail_for_sender() && !halves.sender.has_mail());
        halves.deliver().unwrap();
        assert_eq!(std::mem::take(&mut halves.peer_received), b"a");
        halves.exchange();
    });
}

#[test]
fn idle_sender_answers_key_update_once_output_is_empty() {
    each_role!(connected(ProtocolVersion::TLS13, |_, _| {}), halves => {
        halves.send(b"waits").unwrap();
        let waiting = halves.out.len();
        for _ in 0..20 {
            halves.peer.request_key_update(&mut halves.peer_out);
            halves.receive().unwrap();
            halves.sender.process_mail(&mut halves.out).unwrap();
            assert!(halves.sender.has_mail());
        }
        assert_eq!(halves.out.len(), waiting, "answers queue up");
        halves.deliver().unwrap();
        halves.sender.process_mail(&mut halves.out).unwrap();
        assert_eq!(halves.out.len(), KEY_UPDATE);
        assert!(!halves.sender.has_mail());
        halves.deliver().unwrap();
        assert_eq!(std::mem::take(&mut halves.peer_received), b"waits");
        halves.exchange();
    });
}

#[test]
fn sender_requests_key_update_once_until_it_is_received() {
    each_role!(connected(ProtocolVersion::TLS13, |_, _| {}), halves => {
        for _ in 0..2 {
            halves.sender.refresh_traffic_keys(&mut halves.out).unwrap();
            halves.sender.refresh_traffic_keys(&mut halves.out).unwrap();
            halves.deliver().unwrap();
            send_all(&mut halves.peer, b"a", &mut halves.peer_out);
            assert_eq!(halves.peer_out.len(), KEY_UPDATE + 5 + 1 + 17, "one answer, to the one request");
            halves.receive().unwrap();
            assert_eq!(std::mem::take(&mut halves.received), b"a");
            // The answer to its own request requests nothing.
            assert!(!halves.receiver.has_mail_for_sender());
            halves.exchange();
        }
    });
}

/// Requests that were made before the split stay open after it, in both directions.
#[test]
fn split_keeps_open_key_update_requests() {
    let mut pair = connected(ProtocolVersion::TLS13, |_, _| {});
    pair.client.refresh_traffic_keys(&mut pair.to_server).unwrap();
    pair.server.refresh_traffic_keys(&mut pair.to_client).unwrap();
    assert!(pair.step_client().unwrap().is_none() && pair.step_server().unwrap().is_none());
    let mut halves = Halves::of(pair.client, pair.server);
    assert!(halves.sender.has_mail(), "the server requested a KeyUpdate");
    halves.sender.refresh_traffic_keys(&mut halves.out).unwrap();
    halves.deliver().unwrap();
    halves.exchange();
}

#[test]
fn key_updates_cross_in_both_directions() {
    each_role!(connected(ProtocolVersion::TLS13, |_, _| {}), halves => {
        for _ in 0..40 {
            halves.sender.refresh_traffic_keys(&mut halves.out).unwrap();
            halves.peer.refresh_traffic_keys(&mut halves.peer_out).unwrap();
            halves.exchange();
        }
    });
}

#[test]
fn flood_of_key_updates_still_ends_a_receiver() {
    each_role!(connected(ProtocolVersion::TLS13, |_, _| {}), halves => {
        let flood = loop {
            halves.peer.send_key_update(&mut halves.peer_out);
            if let Err(e) = halves.receive() {
                break e;
            }
        };
        assert!(matches!(flood, Error::Flood(_)), "{flood}");
        assert_eq!(halves.send(b"data"), Err(flood));
    });
}

#[test]
fn error_of_receiver_ends_sender_and_reaches_peer() {
    for version in VERSIONS {
        each_role!(connected(version, |_, _| {}), halves => {
            halves.send(b"before").unwrap();
            send_all(&mut halves.peer, b"data", &mut halves.peer_out);
            let mut wire = take(&mut halves.peer_out);
            *wire.last_mut().unwrap() ^= 1;
            assert_eq!(halves.receive_bytes(wire), Err(Error::BadRecordMac));
            assert!(halves.receiver.has_mail_for_sender() && halves.sender.has_mail());
            assert_eq!(halves.sender.error(), Some(&Error::BadRecordMac));
            assert!(!halves.sender.can_send() && halves.sender.room_around(1).is_none());
            for _ in 0..2 {
                assert_eq!(halves.send(b"after"), Err(Error::BadRecordMac));
                assert_eq!(halves.sender.process_mail(&mut halves.out), Err(Error::BadRecordMac));
                assert_eq!(halves.sender.refresh_traffic_keys(&mut halves.out), Err(Error::BadRecordMac));
                assert_eq!(halves.receive_bytes(Vec::new()), Err(Error::BadRecordMac));
            }
            halves.sender.send_close_notify(&mut halves.out);
            assert!(!halves.sender.has_mail());
            let alert = halves.deliver().unwrap_err();
            assert!(matches!(alert, Error::AlertReceived { description: A::BAD_RECORD_MAC, .. }), "{alert}");
            assert_eq!(halves.peer_received, b"before");
            assert!(halves.out.is_empty(), "one alert");
        });
    }
}

#[test]
fn fatal_alert_of_peer_ends_sender_without_an_alert() {
    for version in VERSIONS {
        each_role!(connected(version, |_, _| {}), halves => {
            let alert = Alert { level: tls_codec::code_points::AlertLevel::FATAL, description: A::INTERNAL_ERROR };
            halves.peer.send_raw_record(C::ALERT, &[alert.level.0, alert.description.0], &mut halves.peer_out);
            let e = halves.receive().unwrap_err();
            assert!(matches!(e, Error::AlertReceived { description: A::INTERNAL_ERROR, .. }), "{e}");
            assert_eq!(halves.send(b"data"), Err(e));
            assert!(halves.out.is_empty());
        });
    }
}

#[test]
fn either_side_closes_first() {
    for version in VERSIONS {
        for sender_is_first in [true, false] {
            each_role!(connected(version, |_, _| {}), halves => {
                for is_sender in [sender_is_first, !sender_is_first] {
                    if is_sender {
                        halves.send(b"last").unwrap();
                        halves.sender.send_close_notify(&mut halves.out);
                        halves.sender.send_close_notify(&mut halves.out);
                        assert_eq!(halves.send(b"more"), Err(Error::SendAfterClose));
                        halves.deliver().unwrap();
                        assert!(halves.peer.close_notify_received() && halves.out.is_empty());
                        assert_eq!(halves.peer_received, b"last");
                    } else {
                        send_all(&mut halves.peer, b"last", &mut halves.peer_out);
                        halves.peer.send_close_notify(&mut halves.peer_out);
                        halves.receive().unwrap();
                        assert!(halves.closed && halves.receiver.close_notify_received());
                        assert_eq!(halves.received, b"last");
                        assert_eq!(halves.receiver.end_of_input(), Ok(()));
                    }
                }
                assert!(halves.sender.error().is_none());
            });
        }
    }
}

#[test]
fn truncation_is_an_error_of_receiver_only() {
    for version in VERSIONS {
        each_role!(connected(version, |_, _| {}), halves => {
            assert_eq!(halves.receiver.end_of_input(), Err(Error::Truncated));
            halves.send(b"still").unwrap();
            halves.deliver().unwrap();
            assert_eq!(halves.peer_received, b"still");
        });
    }
}

#[test]
fn error_after_close_notify_sends_no_alert() {
    for version in VERSIONS {
        each_role!(connected(version, |_, _| {}), halves => {
            halves.sender.send_close_notify(&mut halves.out);
            halves.deliver().unwrap();
            halves.peer.send_raw_record(C::ALERT, &[1], &mut halves.peer_out);
            assert_eq!(halves.receive(), Err(Error::BadAlert));
            assert_eq!(halves.sender.process_mail(&mut halves.out), Err(Error::BadAlert));
            assert!(halves.out.is_empty());
        });
    }
}

#[test]
fn sender_declines_renegotiation() {
    let pair = connected(ProtocolVersion::TLS12, |_, _| {});
    let mut halves = Halves::of(pair.client, pair.server);
    // HelloRequest.
    halves.peer.send_raw_record(C::HANDSHAKE, &[0; 4], &mut halves.peer_out);
    halves.receive().unwrap();
    assert!(halves.out.is_empty() && halves.receiver.has_mail_for_sender());
    halves.sender.process_mail(&mut halves.out).unwrap();
    let warning = take(&mut halves.out);
    assert_eq!((warning[0], warning.len()), (C::ALERT.0, 5 + 8 + 2 + 16));
    // While much is queued, it declines silently.
    halves.send(&[7; 2000]).unwrap();
    let waiting = halves.out.len();
    halves.peer.send_raw_record(C::HANDSHAKE, &[0; 4], &mut halves.peer_out);
    halves.receive().unwrap();
    halves.sender.process_mail(&mut halves.out).unwrap();
    assert_eq!(halves.out.len(), waiting);
}

#[test]
fn sender_updates_an_exhausted_key() {
    for records in [0, 1, 2, 3, 5, 100] {
        let change = |client: &mut ClientConfig, server: &mut ServerConfig| {
            client.set_records_per_key(records);
            server.set_records_per_key(records);
        };
        each_role!(connected(ProtocolVersion::TLS13, change), halves => {
            for _ in 0..20 {
                halves.exchange();
            }
        });
    }
}

#[test]
fn exhausted_key_closes_tls12_sender_only() {
    let change = |client: &mut ClientConfig, server: &mut ServerConfig| {
        client.set_records_per_key(10);
        server.set_records_per_key(10);
    };
    each_role!(connected(ProtocolVersion::TLS12, change), halves => {
        let e = loop {
            if let Err(e) = halves.send(b"data") {
                break e;
            }
        };
        assert_eq!(e, Error::KeyExhausted);
        assert_eq!(halves.send(b"data"), Err(Error::SendAfterClose));
        halves.deliver().unwrap();
        assert!(halves.peer.close_notify_received());
        send_all(&mut halves.peer, b"still", &mut halves.peer_out);
        halves.receive().unwrap();
        assert_eq!(halves.received, b"still");
    });
}

#[test]
fn refresh_is_an_error_in_tls12_and_after_close() {
    for version in VERSIONS {
        each_role!(connected(version, |_, _| {}), halves => {
            if version == ProtocolVersion::TLS12 {
                assert_eq!(halves.sender.refresh_traffic_keys(&mut halves.out), Err(Error::NoKeyUpdate));
            }
            halves.sender.send_close_notify(&mut halves.out);
            assert_eq!(halves.sender.refresh_traffic_keys(&mut halves.out), Err(Error::SendAfterClose));
        });
    }
}

#[test]
fn sender_seals_in_place() {
    for version in VERSIONS {
        each_role!(connected(version, |_, _| {}), halves => {
            let room = halves.sender.room_around(4).unwrap();
            let mut record = [vec![0; room.before], b"data".to_vec(), vec![0; room.after]].concat();
            halves.sender.send_in_place(&mut record, 4, &mut halves.out).unwrap();
            let short = halves.sender.send_in_place(&mut [0; 3], 4, &mut halves.out);
            assert!(matches!(short, Err(Error::RecordRoom { got: 3, need: Some(_) })));
            pump(&mut halves.peer, &mut record, &mut halves.peer_out, &mut halves.peer_received).unwrap();
            assert_eq!(halves.peer_received, b"data");
        });
    }
}

#[test]
fn connection_is_not_split_before_handshake_is_complete() {
    let pki = Pki::new();
    for version in VERSIONS {
        let mut server = ServerConfig::new();
        server.set_versions(&[version]).unwrap();
        let mut pair = Pair::with(ClientConfig::new(), server);
        for _ in 0..10 {
            let (client, server) = (pair.client, pair.server);
            let e = client.split().unwrap_err();
            assert_eq!(e.obstacle(), &SplitObstacle::Handshake);
            assert!(e.to_string().starts_with("cannot split the connection: "), "{e}");
            pair.client = e.into_parts().0;
            pair.server = server.split().unwrap_err().into_parts().0;
            pair.drive_server(&mut |need| pki.answer(need)).unwrap();
            if !pair.server.is_handshaking() {
                break;
            }
            pair.drive_client(&mut |need| pki.answer(need)).unwrap();
            if !pair.client.is_handshaking() {
                break;
            }
        }
        pair.run(&mut |need| pki.answer(need)).unwrap();
        pair.exchange(b"question", b"answer");
    }
}

#[test]
fn failed_connection_is_not_split() {
    let mut pair = connected(ProtocolVersion::TLS13, |_, _| {});
    pair.client.send_raw_record(C::ALERT, &[1], &mut pair.to_server);
    assert_eq!(pair.step_server().err(), Some(Error::BadAlert));
    let (mut server, obstacle) = pair.server.split().unwrap_err().into_parts();
    assert_eq!(obstacle, SplitObstacle::Failed(Error::BadAlert));
    assert_eq!(server.process(&mut [], &mut Outgoing::new()).err(), Some(Error::BadAlert));
}

#[test]
fn connection_without_its_sender_only_receives() {
    for version in VERSIONS {
        let (mut connection, mut out) = (connected(version, |_, _| {}).client, Outgoing::new());
        let mut sender = connection.take_sender().unwrap();
        assert_eq!(connection.send(&[IoSlice::new(b"data")], &mut out), Err(Error::SendAfterClose));
        assert_eq!(connection.send_in_place(&mut [0; 40], 4, &mut out), Err(Error::SendAfterClose));
        assert_eq!(connection.refresh_traffic_keys(&mut out), Err(Error::SendAfterClose));
        connection.send_close_notify(&mut out);
        assert!(!connection.can_send() && connection.record_capacity() == 0 && out.is_empty());
        let (_, obstacle) = connection.split().unwrap_err().into_parts();
        assert_eq!(obstacle, SplitObstacle::Failed(Error::SendAfterClose));
        assert!(sender.send(&[IoSlice::new(b"data")], &mut out).is_ok_and(|sent| sent == 4));
    }
}

/// A server whose tickets are not made yet is not split. The tickets reach a client's receiver.
#[test]
fn tickets_arrive_at_receiver() {
    let mut harness = Harness::new(Storage::Ticket);
    let mut pair = Pair::with(harness.client(TLS13), harness.server());
    let need = loop {
        match pair.step_server().unwrap() {
            Some(need @ Need::NewSession(_)) => break need,
            Some(need) => {
                let mut open = Some(need);
                while let Some(need) = open {
                    open = pair.server.resume(harness.answer(need), &mut pair.to_client).unwrap();
                }
            }
            None => {}
        }
        pair.drive_client(&mut |need| harness.answer(need)).unwrap();
    };
    let (server, obstacle) = pair.server.split().unwrap_err().into_parts();
    assert_eq!(obstacle, SplitObstacle::Answer);
    let mut halves = Halves::of(pair.client, server);
    assert!(halves.peer.resume(harness.answer(need), &mut halves.peer_out).unwrap().is_none());
    halves.receive().unwrap();
    assert!(halves.receiver.has_sessions());
    assert!(!halves.receiver.take_sessions(now()).is_empty() && !halves.receiver.has_sessions());
    halves.exchange();
    assert!(halves.receiver.failed_sessions().is_none());
    halves.peer.send_raw_record(C::ALERT, &[1], &mut halves.peer_out);
    assert_eq!(halves.receive(), Err(Error::BadAlert));
    assert!(halves.receiver.failed_sessions().is_some());
    // The server splits once the request is answered.
    let _ = Halves::of(halves.peer, Pair::connect(&Pki::new()).client);
}
