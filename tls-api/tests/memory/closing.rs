//! How a connection ends: close_notify, truncation and alerts, at every point of the handshake and
//! after it. `complete_io` must not spin, and each end must be reported as what it is.

use std::io::{self, BufRead, ErrorKind, Read, Write};

use strata_tls::{AlertDescription, Error, ServerSession, Session, is_truncation};

use crate::pair::{Pair, carry, drain, feed, is_would_block, pattern, read_all, read_some};
use crate::pki::{VERSIONS, configs, configs_of};

const CLOSE_NOTIFY: [u8; 7] = [21, 3, 3, 0, 2, 1, 0];
const HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

/// A blocking transport whose peer sent `input` and then closed. Counts the calls.
struct ClosedTransport<'a> {
    input: &'a [u8],
    steps: usize,
}

impl Read for ClosedTransport<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.steps += 1;
        assert!(self.steps < 50, "complete_io spins");
        self.input.read(buf)
    }
}

impl Write for ClosedTransport<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.steps += 1;
        assert!(self.steps < 50, "complete_io spins");
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The TLS error inside an I/O error.
fn tls_error(e: &io::Error) -> &Error {
    e.get_ref().and_then(|e| e.downcast_ref()).unwrap_or_else(|| panic!("not a TLS error: {e}"))
}

/// Asserts that `complete_io` on `input` fails twice with the same error.
fn expect_failure(session: &mut impl Session, input: &[u8]) -> Error {
    let mut transport = ClosedTransport { input, steps: 0 };
    let first = tls_error(&session.complete_io(&mut transport).unwrap_err()).clone();
    let again = tls_error(&session.complete_io(&mut transport).unwrap_err()).clone();
    assert_eq!(first, again);
    assert!(!session.wants_read() && !session.wants_write());
    first
}

#[test]
fn client_complete_io_ends_on_eof_or_alert_in_every_state() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut length = usize::MAX;
        let mut cut = 0;
        while cut < length {
            for end in [&[][..], &CLOSE_NOTIFY, &HANDSHAKE_FAILURE] {
                let mut pair = Pair::new(&client, &server);
                carry(&mut pair.client, &mut pair.server).unwrap();
                let flight = drain(&mut pair.server);
                length = flight.len();
                let input = [&flight[..cut.min(length - 1)], end].concat();
                let error = expect_failure(&mut pair.client, &input);
                match (cut, end) {
                    (0, []) => assert!(matches!(error, Error::ClosedDuringHandshake { .. }), "{error}"),
                    (0, _) => assert!(matches!(error, Error::AlertReceived { .. }), "{error}"),
                    _ => {}
                }
            }
            cut += 1;
        }
        assert!(length > 500, "the loop must cut a whole flight, got {length} bytes");
    }
}

#[test]
fn server_complete_io_ends_on_eof_or_alert_in_every_state() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let hello = drain(&mut Pair::new(&client, &server).client);
        for cut in 0..hello.len() {
            for end in [&[][..], &CLOSE_NOTIFY, &HANDSHAKE_FAILURE] {
                expect_failure(&mut ServerSession::new(&server), &[&hello[..cut], end].concat());
            }
        }
        let mut length = usize::MAX;
        let mut cut = 0;
        while cut < length {
            for end in [&[][..], &CLOSE_NOTIFY, &HANDSHAKE_FAILURE] {
                let mut pair = Pair::new(&client, &server);
                carry(&mut pair.client, &mut pair.server).unwrap();
                carry(&mut pair.server, &mut pair.client).unwrap();
                let flight = drain(&mut pair.client);
                length = flight.len();
                expect_failure(&mut pair.server, &[&flight[..cut.min(length - 1)], end].concat());
            }
            cut += 1;
        }
    }
}

#[test]
fn complete_io_returns_zero_after_the_end() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        for close in [true, false] {
            let mut pair = Pair::connected(&client, &server);
            if close {
                pair.server.send_close_notify();
            }
            let input = drain(&mut pair.server);
            let mut transport = ClosedTransport { input: &input, steps: 0 };
            while pair.client.complete_io(&mut transport).unwrap() != (0, 0) {}
            assert_eq!(pair.client.complete_io(&mut transport).unwrap(), (0, 0));
            assert!(!pair.client.wants_read());
        }
    }
}

#[test]
fn close_notify_makes_read_return_zero_after_all_data() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        assert!(is_would_block(pair.server.read(&mut [0])));
        assert!(is_would_block(pair.server.fill_buf()));
        pair.client.write_all(b"last words").unwrap();
        pair.client.send_close_notify();
        let wire = drain(&mut pair.client);
        pair.server.read_tls(&mut &wire[..]).unwrap();
        let state = pair.server.process_new_packets().unwrap();
        assert!(state.peer_has_closed() && state.plaintext_bytes_to_read() == 10 && state.tls_bytes_to_write() == 0);
        assert_eq!(read_some(&mut pair.server).unwrap(), b"last words");
        for _ in 0..3 {
            assert_eq!(pair.server.read(&mut [0]).unwrap(), 0);
            assert_eq!(pair.server.fill_buf().unwrap(), b"");
        }
        // A later EOF changes nothing.
        assert_eq!(pair.server.read_tls(&mut io::empty()).unwrap(), 0);
        pair.server.process_new_packets().unwrap();
        assert_eq!(pair.server.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn bytes_after_close_notify_are_ignored() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        pair.client.send_close_notify();
        let mut wire = drain(&mut pair.client);
        wire.extend_from_slice(&[0xff; 1000]);
        pair.server.read_tls(&mut &wire[..]).unwrap();
        assert!(pair.server.process_new_packets().unwrap().peer_has_closed());
        assert_eq!(pair.server.read(&mut [0]).unwrap(), 0);
        assert!(!pair.server.wants_read());
    }
}

#[test]
fn eof_without_close_notify_is_truncation_at_any_byte() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        pair.client.write_all(&pattern(300)).unwrap();
        let whole = drain(&mut pair.client).len();
        for cut in (0..=whole).step_by(7).chain([whole]) {
            let mut pair = Pair::connected(&client, &server);
            pair.client.write_all(b"first").unwrap();
            pair.client.write_all(&pattern(300)).unwrap();
            let wire = drain(&mut pair.client);
            let cut = wire.len() - whole + cut;
            feed(&mut pair.server, &wire[..cut]).unwrap();
            assert_eq!(pair.server.read_tls(&mut io::empty()).unwrap(), 0);
            pair.server.process_new_packets().unwrap();
            let data = read_all(&mut pair.server);
            assert_eq!(data.len(), if cut == wire.len() { 305 } else { 5 });
            for _ in 0..2 {
                let e = pair.server.read(&mut [0]).unwrap_err();
                assert!(is_truncation(&e) && e.kind() == ErrorKind::UnexpectedEof, "{e}");
                assert!(e.to_string().contains("close_notify"));
                assert!(is_truncation(&pair.server.fill_buf().unwrap_err()));
            }
            // Sending still works: the peer may have shut down only its sending side.
            pair.server.write_all(b"answer").unwrap();
            carry(&mut pair.server, &mut pair.client).unwrap();
            assert_eq!(read_all(&mut pair.client), b"answer");
        }
    }
}

#[test]
fn eof_is_not_reported_before_received_data_is_processed() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        pair.client.write_all(b"data").unwrap();
        let wire = drain(&mut pair.client);
        pair.server.read_tls(&mut &wire[..]).unwrap();
        pair.server.read_tls(&mut io::empty()).unwrap();
        assert!(is_would_block(pair.server.read(&mut [0])));
        pair.server.process_new_packets().unwrap();
        assert_eq!(read_some(&mut pair.server).unwrap(), b"data");
        assert!(is_truncation(&pair.server.read(&mut [0]).unwrap_err()));
    }
}

#[test]
fn half_closed_connection_carries_data_the_other_way() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        pair.client.write_all(b"request").unwrap();
        pair.client.send_close_notify();
        let refused = pair.client.write(b"more").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BrokenPipe);
        assert_eq!(tls_error(&refused), &Error::SendAfterClose);
        pair.settle().unwrap();
        let mut request = Vec::new();
        pair.server.read_to_end(&mut request).unwrap();
        assert_eq!(request, b"request");
        for round in 0..5 {
            pair.server.write_all(&pattern(30_000)).unwrap();
            pair.settle().unwrap();
            assert!(read_all(&mut pair.client) == pattern(30_000), "{round}");
        }
        pair.server.send_close_notify();
        pair.server.send_close_notify();
        pair.settle().unwrap();
        assert_eq!(pair.client.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn close_notify_during_handshake_is_sent_after_written_data() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::new(&client, &server);
        pair.client.write_all(b"request").unwrap();
        pair.client.send_close_notify();
        assert_eq!(pair.client.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
        pair.settle().unwrap();
        let mut received = Vec::new();
        pair.server.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"request");
    }
}

#[test]
fn failed_session_repeats_its_error_and_sends_the_alert() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        pair.client.write_all(b"good").unwrap();
        let mut wire = drain(&mut pair.client);
        pair.client.write_all(b"bad").unwrap();
        let mut bad = drain(&mut pair.client);
        *bad.last_mut().unwrap() ^= 1;
        wire.extend(bad);
        pair.client.write_all(b"never seen").unwrap();
        wire.extend(drain(&mut pair.client));

        pair.server.read_tls(&mut &wire[..]).unwrap();
        assert_eq!(pair.server.process_new_packets(), Err(Error::BadRecordMac));
        assert!(pair.server.wants_write() && !pair.server.wants_read() && !pair.server.is_handshaking());
        assert_eq!(read_some(&mut pair.server).unwrap(), b"good", "data received before the error is read first");
        for _ in 0..2 {
            assert_eq!(pair.server.process_new_packets(), Err(Error::BadRecordMac));
            assert_eq!(tls_error(&pair.server.read(&mut [0]).unwrap_err()), &Error::BadRecordMac);
            assert_eq!(tls_error(&pair.server.fill_buf().unwrap_err()), &Error::BadRecordMac);
            assert_eq!(tls_error(&pair.server.write(b"x").unwrap_err()), &Error::BadRecordMac);
            assert_eq!(tls_error(&pair.server.read_tls(&mut &wire[..]).unwrap_err()), &Error::BadRecordMac);
            assert_eq!(pair.server.refresh_traffic_keys(), Err(Error::BadRecordMac));
            assert_eq!(pair.server.export_keying_material(&mut [0; 9], b"label", None), Err(Error::BadRecordMac));
            pair.server.send_close_notify();
        }
        let received = carry(&mut pair.server, &mut pair.client).unwrap_err();
        assert!(
            matches!(received, Error::AlertReceived { description: AlertDescription::BAD_RECORD_MAC, .. }),
            "{received}"
        );
        let transport = &mut ClosedTransport { input: &[], steps: 0 };
        assert_eq!(tls_error(&pair.server.complete_io(transport).unwrap_err()), &Error::BadRecordMac);
    }
}

#[test]
fn complete_io_sends_the_alert_before_it_returns_the_error() {
    struct Transport<'a>(&'a [u8], Vec<u8>);
    impl Read for Transport<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.read(buf)
        }
    }
    impl Write for Transport<'_> {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.1.write(buf)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (_, server) = configs();
    let mut session = ServerSession::new(&server);
    // A ClientHello of one byte.
    let mut transport = Transport(&[22, 3, 1, 0, 5, 1, 0, 0, 1, 3], Vec::new());
    assert!(matches!(tls_error(&session.complete_io(&mut transport).unwrap_err()), Error::Decode(_)));
    assert_eq!(transport.1, [21, 3, 3, 0, 2, 2, AlertDescription::DECODE_ERROR.0]);
}
