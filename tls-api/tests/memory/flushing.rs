//! When what is written is sealed, when it reaches the transport, and what a flush does.

use std::collections::VecDeque;
use std::io::{self, BufWriter, ErrorKind, IoSlice, Read, Write};

use strata_tls::{ServerSession, Session, Stream, StreamOwned};

use crate::pair::{Pair, drain, feed, pattern, read_all, record_lengths};
use crate::pki::{VERSIONS, configs_of};
use crate::sending::overhead;

/// What was done to the transport.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Write(usize),
    Flush,
}

/// A transport that notes what is done to it, and answers with these errors first.
#[derive(Default)]
struct Noting {
    calls: Vec<Call>,
    written: Vec<u8>,
    /// For the next writes.
    refusals: VecDeque<ErrorKind>,
    /// For the next flushes.
    flush_refusals: VecDeque<ErrorKind>,
}

impl Noting {
    /// What was done since the last time.
    fn calls(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.calls)
    }
}

impl Write for Noting {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if let Some(kind) = self.refusals.pop_front() {
            return Err(kind.into());
        }
        self.calls.push(Call::Write(buf.len()));
        self.written.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.calls.push(Call::Flush);
        self.flush_refusals.pop_front().map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl Read for Noting {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

/// The server of a connected pair over such a transport.
fn stream(pair: Pair) -> (StreamOwned<ServerSession, Noting>, impl FnMut(&[u8]) -> Vec<u8>) {
    let mut client = pair.client;
    let receive = move |wire: &[u8]| {
        assert_eq!(feed(&mut client, wire).unwrap(), wire.len());
        read_all(&mut client)
    };
    (StreamOwned::new(pair.server, Noting::default()), receive)
}

#[test]
fn a_session_seals_at_once_and_has_nothing_to_flush() {
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
        assert!(pair.client.wants_write(), "nobody wrote it to a transport");
        let wire = drain(&mut pair.client);
        assert_eq!(record_lengths(&wire), [3, 3, 5, 4].map(|length| length + overhead));
        feed(&mut pair.server, &wire).unwrap();
        assert_eq!(read_all(&mut pair.server), b"onetwothreefour");
        pair.client.flush().unwrap();
        assert!(!pair.client.wants_write());
    }
}

#[test]
fn small_writes_before_the_handshake_ends_become_one_record() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let mut pair = Pair::new(&client, &server);
        for part in pattern(1_000).chunks(10) {
            pair.server.write_all(part).unwrap();
        }
        pair.server.flush().unwrap();
        assert!(!pair.server.wants_write(), "a flush cannot send it either");
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
fn every_write_on_a_stream_goes_out_and_is_flushed() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let (mut stream, mut receive) = stream(Pair::connected(&client, &server));
        let overhead = overhead(version);
        for length in [1, 10, 100] {
            stream.write_all(&pattern(length)).unwrap();
            assert_eq!(stream.transport.calls(), [Call::Write(length + overhead), Call::Flush]);
            assert!(receive(&std::mem::take(&mut stream.transport.written)) == pattern(length));
        }
        // More than is held for sending: still all of it before the call returns.
        stream.write_all(&pattern(200_000)).unwrap();
        assert!(!stream.session.wants_write());
        assert_eq!(stream.transport.calls().last(), Some(&Call::Flush));
        // Nothing waits, and the transport is flushed all the same: it may hold something itself. Once.
        stream.flush().unwrap();
        assert_eq!(stream.transport.calls(), [Call::Flush]);
        stream.write_all(b"").unwrap();
        assert_eq!(stream.transport.calls(), []);
    }
}

#[test]
fn a_bufwriter_puts_small_writes_together() {
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
fn what_the_transport_does_not_take_waits_and_a_flush_writes_it() {
    for version in VERSIONS {
        for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
            let (client, server) = configs_of(version);
            let (mut stream, mut receive) = stream(Pair::connected(&client, &server));
            stream.transport.refusals = [kind; 3].into();
            assert_eq!(stream.write(b"taken").unwrap(), 5);
            assert!(stream.session.wants_write() && stream.transport.calls().is_empty());
            assert_eq!(stream.flush().unwrap_err().kind(), kind);
            assert_eq!(stream.write(b" and more").unwrap(), 9);
            stream.flush().unwrap();
            let calls = stream.transport.calls();
            assert!(matches!(calls[..], [Call::Write(_), Call::Flush]), "{calls:?}");
            assert!(!stream.session.wants_write());
            assert_eq!(receive(&stream.transport.written), b"taken and more");
            // A read that has to wait writes first.
            stream.transport.refusals = [kind].into();
            assert_eq!(stream.write(b"?").unwrap(), 1);
            assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
            assert!(!stream.session.wants_write());
            // The transport's own flush may not be through either.
            stream.transport.flush_refusals = [kind; 2].into();
            assert_eq!(stream.write(b"!").unwrap(), 1);
            assert_eq!(stream.flush().unwrap_err().kind(), kind);
            stream.flush().unwrap();
        }
    }
}

/// A transport with a buffer of its own that does not block: what it took must get out at last, also where the session has no more to give.
#[test]
fn a_flush_that_could_not_be_done_is_done_later() {
    for version in VERSIONS {
        let (client, server) = configs_of(version);
        let refusing = || Noting { flush_refusals: [ErrorKind::WouldBlock; 2].into(), ..Noting::default() };
        // The ClientHello.
        let mut stream = StreamOwned::new(Pair::new(&client, &server).client, refusing());
        let mut calls = [(); 4].map(|()| {
            let blocked = stream.session.complete_io(&mut stream.transport).unwrap_err();
            assert_eq!(blocked.kind(), ErrorKind::WouldBlock);
            stream.transport.calls()
        });
        assert!(matches!(calls[0].remove(0), Call::Write(_)));
        assert_eq!(calls, [vec![Call::Flush], vec![Call::Flush], vec![Call::Flush], vec![]]);
        // Data, before a read that has to wait.
        let (mut stream, _) = self::stream(Pair::connected(&client, &server));
        stream.transport = refusing();
        assert_eq!(stream.write(b"question").unwrap(), 8);
        for calls in [vec![Call::Flush], vec![Call::Flush], vec![]] {
            stream.transport.calls.clear();
            assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
            assert_eq!(stream.transport.calls(), calls);
        }
    }
}

#[test]
fn what_a_transport_took_before_it_blocked_is_told() {
    struct Half(usize);
    impl Write for Half {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            let taken = buf.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Read for Half {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::WouldBlock.into())
        }
    }
    let (client, server) = configs_of(VERSIONS[0]);
    let mut session = Pair::connected(&client, &server).client;
    session.write_all(&pattern(20_000)).unwrap();
    assert_eq!(session.complete_io(&mut Half(10_000)).unwrap(), (0, 10_000));
    assert_eq!(session.complete_io(&mut Half(0)).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn an_interrupted_flush_does_not_make_write_all_write_twice() {
    let (client, server) = configs_of(VERSIONS[0]);
    let (mut stream, mut receive) = stream(Pair::connected(&client, &server));
    stream.transport.flush_refusals = [ErrorKind::Interrupted; 2].into();
    stream.transport.refusals = [ErrorKind::Interrupted; 2].into();
    stream.write_all(b"once").unwrap();
    assert_eq!(receive(&stream.transport.written), b"once");
}

#[test]
fn a_failing_transport_is_told_at_once() {
    let (client, server) = configs_of(VERSIONS[0]);
    let (mut stream, _) = stream(Pair::connected(&client, &server));
    stream.transport.refusals = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].into();
    assert_eq!(stream.write(b"lost").unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(stream.flush().unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_dropped_stream_sends_nothing_and_the_session_keeps_what_waits() {
    let (client, server) = configs_of(VERSIONS[0]);
    let mut pair = Pair::connected(&client, &server);
    let mut transport = Noting { refusals: [ErrorKind::WouldBlock].into(), ..Noting::default() };
    let mut borrowed = Stream::new(&mut pair.server, &mut transport);
    assert_eq!(borrowed.write(b"waits").unwrap(), 5);
    assert!(transport.calls().is_empty());
    let (stream, mut receive) = stream(pair);
    let (mut session, transport) = stream.into_parts();
    assert!(transport.written.is_empty());
    assert_eq!(receive(&drain(&mut session)), b"waits");
}
