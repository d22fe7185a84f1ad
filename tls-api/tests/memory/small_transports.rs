//! Transports of one byte: no side waits for data that may be sent later.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use strata_tls::{
    AllowAnyAuthenticatedClient, ClientConfig, HandshakeKind, ProtocolVersion, ServerConfig, Session, StreamOwned,
};

use crate::pair::{Pair, drain, feed, pattern, read_all};
use crate::pki::{Ca, Kind, VERSIONS, configs_of};

/// The two directions of a transport that holds one byte in each.
#[derive(Default)]
struct Wires {
    bytes: [VecDeque<u8>; 2],
    /// What each side's thread waits for.
    waits: [Option<Wait>; 2],
    closed: [bool; 2],
    is_stuck: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    ToRead,
    ToWrite,
}

impl Wires {
    fn can(&self, side: usize, wait: Wait) -> bool {
        match wait {
            Wait::ToRead => !self.bytes[1 - side].is_empty() || self.closed[1 - side],
            Wait::ToWrite => self.bytes[side].is_empty() || self.closed[1 - side],
        }
    }
}

/// One side of the transport. It blocks, or returns `WouldBlock`.
struct End {
    wires: Arc<(Mutex<Wires>, Condvar)>,
    side: usize,
    blocks: bool,
}

fn ends(blocks: bool) -> [End; 2] {
    let wires = Arc::default();
    [0, 1].map(|side| End { wires: Arc::clone(&wires), side, blocks })
}

impl End {
    /// Waits, and does `step` then. Fails if both sides wait for each other.
    fn wait<T>(&self, wait: Wait, step: impl FnOnce(&mut Wires) -> T) -> io::Result<T> {
        let (wires, changed) = &*self.wires;
        let mut wires = wires.lock().unwrap();
        while !wires.can(self.side, wait) {
            if !self.blocks {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            wires.waits[self.side] = Some(wait);
            let other = 1 - self.side;
            if wires.is_stuck || wires.waits[other].is_some_and(|wait| !wires.can(other, wait)) {
                wires.is_stuck = true;
                changed.notify_all();
                return Err(io::Error::other("both sides wait for each other"));
            }
            wires = changed.wait(wires).unwrap();
        }
        wires.waits[self.side] = None;
        let result = step(&mut wires);
        changed.notify_all();
        Ok(result)
    }
}

impl Read for End {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let from = 1 - self.side;
        self.wait(Wait::ToRead, |wires| wires.bytes[from].pop_front()).map(|byte| {
            byte.map_or(0, |byte| {
                buf[0] = byte;
                1
            })
        })
    }
}

impl Write for End {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.wait(Wait::ToWrite, |wires| {
            if wires.closed[1 - self.side] {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            wires.bytes[self.side].push_back(buf[0]);
            Ok(1)
        })?
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let (wires, changed) = &*self.wires;
        wires.lock().unwrap().closed[self.side] = true;
        changed.notify_all();
    }
}

/// With and without client certificates.
fn for_each_setup(test: impl Fn(ProtocolVersion, &Arc<ClientConfig>, &Arc<ServerConfig>)) {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        for is_mutual in [false, true] {
            let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
            client.set_versions(&[version]).unwrap();
            if is_mutual {
                client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
                server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
            }
            test(version, &Arc::new(client), &Arc::new(server));
        }
    }
}

/// Each side does no I/O at all once its own handshake is over, like a task that goes on to
/// something else. The other side must complete nevertheless.
#[test]
fn handshake_ends_although_the_other_side_stopped() {
    for_each_setup(|version, client, server| {
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut pair = Pair::new(client, server);
            let [mut at_client, mut at_server] = ends(false);
            let mut is_done = [false, false];
            // A budget instead of a clock: a deadlock would use it up.
            for _ in 0..100_000 {
                let sessions: [(&mut dyn Session, &mut End); 2] =
                    [(&mut pair.client, &mut at_client), (&mut pair.server, &mut at_server)];
                for ((session, end), is_done) in sessions.into_iter().zip(&mut is_done) {
                    if !*is_done {
                        if let Err(e) = session.complete_io(end) {
                            assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
                        }
                        *is_done = !session.is_handshaking() && !session.must_write();
                    }
                }
            }
            assert_eq!(is_done, [true, true], "{version} {kind:?}");
            assert_eq!(pair.server.handshake_kind(), Some(kind), "{version}");
            // The tickets of TLS 1.3 are not lost. They let the next connection resume.
            let has_tickets = version == ProtocolVersion::TLS13;
            assert_eq!(pair.server.wants_write(), has_tickets);
            let tickets = drain(&mut pair.server);
            feed(&mut pair.client, &tickets).unwrap();
        }
    });
}

/// Blocking streams, where each side writes before it reads.
#[test]
fn streams_exchange_data_over_one_byte() {
    for_each_setup(|version, client, server| {
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let Pair { client, server } = Pair::new(client, server);
            let [at_client, at_server] = ends(true);
            let data = pattern(20_000);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let mut stream = StreamOwned::new(server, at_server);
                    let mut received = vec![0; data.len()];
                    stream.read_exact(&mut received).unwrap();
                    assert!(received == data);
                    stream.write_all(&data).unwrap();
                    stream.close().unwrap();
                    assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0);
                });
                let mut stream = StreamOwned::new(client, at_client);
                stream.write_all(&data).unwrap();
                let mut received = Vec::new();
                stream.read_to_end(&mut received).unwrap();
                assert!(received == data);
                stream.close().unwrap();
                assert_eq!(stream.session.handshake_kind(), Some(kind), "{version}");
            });
        }
    });
}

#[test]
fn test_transport_detects_a_deadlock() {
    let [mut one, mut other] = ends(true);
    thread::scope(|scope| {
        let results = [scope.spawn(move || one.write_all(b"12")), scope.spawn(move || other.write_all(b"12"))]
            .map(|thread| thread.join().unwrap());
        // The second fails because the first has left.
        let errors = results.map(|result| result.unwrap_err());
        assert!(errors.iter().any(|e| e.to_string().contains("wait for each other")), "{errors:?}");
    });
}

/// Tickets may wait, and everything else must go out, together with what is before it.
#[test]
fn only_tickets_may_wait() {
    let (client, server) = configs_of(ProtocolVersion::TLS13);
    let connected = || {
        let mut pair = Pair::new(&client, &server);
        assert!(pair.client.must_write() && !pair.server.must_write());
        for _ in 0..2 {
            let wire = drain(&mut pair.client);
            feed(&mut pair.server, &wire).unwrap();
            if pair.server.is_handshaking() {
                assert!(pair.server.must_write());
                let wire = drain(&mut pair.server);
                feed(&mut pair.client, &wire).unwrap();
            }
        }
        assert!(pair.server.wants_write() && !pair.server.must_write());
        pair
    };
    let mut pair = connected();
    pair.server.write_all(b"answer").unwrap();
    let mut wire = Vec::new();
    while pair.server.must_write() {
        let mut byte = [0];
        pair.server.write_tls(&mut &mut byte[..]).unwrap();
        wire.push(byte[0]);
    }
    assert!(!pair.server.wants_write(), "the data is behind the tickets");
    feed(&mut pair.client, &wire).unwrap();
    assert_eq!(read_all(&mut pair.client), b"answer");
    let mut pair = connected();
    pair.server.send_close_notify();
    assert!(pair.server.must_write());
    let mut pair = connected();
    pair.server.refresh_traffic_keys().unwrap();
    assert!(pair.server.must_write());
    // An alert.
    let mut pair = connected();
    let forged = [&[23, 3, 3, 0, 30][..], &[0; 30]].concat();
    feed(&mut pair.server, &forged).unwrap_err();
    assert!(pair.server.must_write());
}
