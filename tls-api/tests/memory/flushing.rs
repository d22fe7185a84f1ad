//! Writes and flushes: when data is sealed, when it reaches the transport, and what `flush` does.

use std::collections::VecDeque;
use std::io::{self, BufWriter, ErrorKind, IoSlice, Read, Write};

use strata_tls::{ServerSession, Session, Stream, StreamOwned};

use crate::pair::{Pair, drain, feed, pattern, read_all, record_lengths};
use crate::pki::{VERSIONS, configs_of};
use crate::sending::overhead;

/// A call on the transport.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Write(usize),
    Flush,
}

/// A transport that records its calls and first returns the given errors.
#[derive(Default)]
struct RecordingTransport {
    calls: Vec<Call>,
    written: Vec<u8>,
    /// Errors for the next writes.
    write_errors: VecDeque<ErrorKind>,
    /// Errors for the next flushes.
    flush_errors: VecDeque<ErrorKind>,
}

impl RecordingTransport {
    /// Returns and clears the recorded calls.
    fn calls(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.calls)
    }
}

impl Write for RecordingTransport {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if let Some(kind) = self.write_errors.pop_front() {
            return Err(kind.into());
        }
        self.calls.push(Call::Write(buf.len()));
        self.written.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.calls.push(Call::Flush);
        self.flush_errors.pop_front().map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl Read for RecordingTransport {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

/// The server of a connected pair over a recording transport, and a function that reads as the
/// client.
fn stream(pair: Pair) -> (StreamOwned<ServerSession, RecordingTransport>, impl FnMut(&[u8]) -> Vec<u8>) {
    let mut client = pair.client;
    let receive = move |wire: &[u8]| {
        assert_eq!(feed(&mut client, wire).unwrap(), wire.len());
        read_all(&mut client)
    };
    (StreamOwned::new(pair.server, RecordingTransport::default()), receive)
}

#[test]
fn session_seals_each_write_at_once() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::connected(&client, &server);
        let overhead = overhead(version);
        for part in ["one", "two", "three"] {
            pair.client.write_all(part.as_bytes()).unwrap();
        }
        let slices = ["f", "o", "ur"].map(|part| IoSlice::new(part.as_bytes()));
        assert_eq!(pair.client.write_vectored(&slices).unwrap(), 4);
        pair.client.flush().unwrap();
        assert!(pair.client.wants_write(), "nothing has written it to a transport");
        let wire = drain(&mut pair.client);
        assert_eq!(record_lengths(&wire), [3, 3, 5, 4].map(|length| length + overhead));
        feed(&mut pair.server, &wire).unwrap();
        assert_eq!(read_all(&mut pair.server), b"onetwothreefour");
        pair.client.flush().unwrap();
        assert!(!pair.client.wants_write());
    }
}

#[test]
fn small_writes_during_the_handshake_become_one_record() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::new(&client, &server);
        for part in pattern(1_000).chunks(10) {
            pair.server.write_all(part).unwrap();
        }
        pair.server.flush().unwrap();
        assert!(!pair.server.wants_write(), "a flush cannot send it before the handshake ends");
        let mut last = Vec::new();
        while pair.server.is_handshaking() || pair.server.wants_write() {
            crate::pair::carry(&mut pair.client, &mut pair.server).unwrap();
            last = drain(&mut pair.server);
            feed(&mut pair.client, &last).unwrap();
        }
        assert_eq!(record_lengths(&last).last(), Some(&(1_000 + overhead(version))));
        assert!(read_all(&mut pair.client) == pattern(1_000));
    }
}

#[test]
fn stream_sends_and_flushes_every_write() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let (mut stream, mut receive) = stream(Pair::connected(&client, &server));
        let overhead = overhead(version);
        for length in [1, 10, 100] {
            stream.write_all(&pattern(length)).unwrap();
            assert_eq!(stream.transport.calls(), [Call::Write(length + overhead), Call::Flush]);
            assert!(receive(&std::mem::take(&mut stream.transport.written)) == pattern(length));
        }
        // More than the send buffer holds: the call still sends all of it before it returns.
        stream.write_all(&pattern(200_000)).unwrap();
        assert!(!stream.session.wants_write());
        assert_eq!(stream.transport.calls().last(), Some(&Call::Flush));
        // Nothing is pending. The transport is still flushed, once, because it may buffer data
        // itself.
        stream.flush().unwrap();
        assert_eq!(stream.transport.calls(), [Call::Flush]);
        stream.write_all(b"").unwrap();
        assert_eq!(stream.transport.calls(), []);
    }
}

#[test]
fn bufwriter_joins_small_writes() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let (mut stream, mut receive) = stream(Pair::connected(&client, &server));
        let (data, overhead) = (pattern(20_000), overhead(version));
        let mut out = BufWriter::with_capacity(16 * 1024, &mut stream);
        for part in data.chunks(16) {
            out.write_all(part).unwrap();
        }
        out.flush().unwrap();
        drop(out);
        let wire = std::mem::take(&mut stream.transport.written);
        assert_eq!(record_lengths(&wire), [16_384, 20_000 - 16_384].map(|length| length + overhead));
        assert!(receive(&wire) == data);
        let slices: Vec<IoSlice<'_>> = data.chunks(16).take(1_000).map(IoSlice::new).collect();
        assert_eq!(stream.write_vectored(&slices).unwrap(), 16_000);
        assert_eq!(record_lengths(&stream.transport.written), [16_000 + overhead]);
    }
}

#[test]
fn flush_writes_what_the_transport_did_not_accept() {
    for version in VERSIONS {
        for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
            let (client, server) = configs_of(version);
            let (mut stream, mut receive) = stream(Pair::connected(&client, &server));
            stream.transport.write_errors = [kind; 3].into();
            assert_eq!(stream.write(b"taken").unwrap(), 5);
            assert!(stream.session.wants_write() && stream.transport.calls().is_empty());
            assert_eq!(stream.flush().unwrap_err().kind(), kind);
            assert_eq!(stream.write(b" and more").unwrap(), 9);
            stream.flush().unwrap();
            let calls = stream.transport.calls();
            assert!(matches!(calls[..], [Call::Write(_), Call::Flush]), "{calls:?}");
            assert!(!stream.session.wants_write());
            assert_eq!(receive(&stream.transport.written), b"taken and more");
            // A read that would block writes pending data first.
            stream.transport.write_errors = [kind].into();
            assert_eq!(stream.write(b"?").unwrap(), 1);
            assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
            assert!(!stream.session.wants_write());
            // The flush of the transport may block too.
            stream.transport.flush_errors = [kind; 2].into();
            assert_eq!(stream.write(b"!").unwrap(), 1);
            assert_eq!(stream.flush().unwrap_err().kind(), kind);
            stream.flush().unwrap();
        }
    }
}

/// A non-blocking transport with its own buffer must be flushed again later, even when the session
/// has nothing more to write.
#[test]
fn blocked_flush_is_retried() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let blocked_twice =
            || RecordingTransport { flush_errors: [ErrorKind::WouldBlock; 2].into(), ..RecordingTransport::default() };
        // The ClientHello.
        let mut stream = StreamOwned::new(Pair::new(&client, &server).client, blocked_twice());
        let mut calls = [(); 4].map(|()| {
            let blocked = stream.session.complete_io(&mut stream.transport).unwrap_err();
            assert_eq!(blocked.kind(), ErrorKind::WouldBlock);
            stream.transport.calls()
        });
        assert!(matches!(calls[0].remove(0), Call::Write(_)));
        assert_eq!(calls, [vec![Call::Flush], vec![Call::Flush], vec![Call::Flush], vec![]]);
        // Application data, before a read that would block.
        let (mut stream, _) = self::stream(Pair::connected(&client, &server));
        stream.transport = blocked_twice();
        assert_eq!(stream.write(b"question").unwrap(), 8);
        for calls in [vec![Call::Flush], vec![Call::Flush], vec![]] {
            stream.transport.calls.clear();
            assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
            assert_eq!(stream.transport.calls(), calls);
        }
    }
}

#[test]
fn complete_io_reports_bytes_written_before_it_blocked() {
    struct LimitedTransport(usize);
    impl Write for LimitedTransport {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            let taken = buf.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Read for LimitedTransport {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::WouldBlock.into())
        }
    }
    let (client, server) = configs_of(VERSIONS[0]);
    let mut session = Pair::connected(&client, &server).client;
    session.write_all(&pattern(20_000)).unwrap();
    assert_eq!(session.complete_io(&mut LimitedTransport(10_000)).unwrap(), (0, 10_000));
    assert_eq!(session.complete_io(&mut LimitedTransport(0)).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn interrupted_flush_does_not_repeat_write_all() {
    let (client, server) = configs_of(VERSIONS[0]);
    let (mut stream, mut receive) = stream(Pair::connected(&client, &server));
    stream.transport.flush_errors = [ErrorKind::Interrupted; 2].into();
    stream.transport.write_errors = [ErrorKind::Interrupted; 2].into();
    stream.write_all(b"once").unwrap();
    assert_eq!(receive(&stream.transport.written), b"once");
}

#[test]
fn transport_error_is_returned_at_once() {
    let (client, server) = configs_of(VERSIONS[0]);
    let (mut stream, _) = stream(Pair::connected(&client, &server));
    stream.transport.write_errors = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].into();
    assert_eq!(stream.write(b"lost").unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(stream.flush().unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn dropped_stream_leaves_pending_data_in_the_session() {
    let (client, server) = configs_of(VERSIONS[0]);
    let mut pair = Pair::connected(&client, &server);
    let mut transport =
        RecordingTransport { write_errors: [ErrorKind::WouldBlock].into(), ..RecordingTransport::default() };
    let mut borrowed = Stream::new(&mut pair.server, &mut transport);
    assert_eq!(borrowed.write(b"waits").unwrap(), 5);
    assert!(transport.calls().is_empty());
    let (stream, mut receive) = stream(pair);
    let (mut session, transport) = stream.into_parts();
    assert!(transport.written.is_empty());
    assert_eq!(receive(&drain(&mut session)), b"waits");
}
