//! Reads, writes and the end of a stream.

use std::future::poll_fn;
use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use strata_tls::{ProtocolVersion, Session, is_truncation};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::handshakes::{Stream, connected};
use crate::pki::VERSIONS;
use crate::transport::{CLIENT, SERVER, run_both, run_one};

/// Writes and flushes.
fn send(stream: &mut Stream, data: &[u8]) {
    run_one(async { stream.write_all(data).await.and(stream.flush().await) }).unwrap();
}

fn receive(stream: &mut Stream, len: usize) -> Vec<u8> {
    let mut received = vec![0; len];
    run_one(stream.read_exact(&mut received)).unwrap();
    received
}

/// Polls a read once, without a task.
fn poll_read(stream: &mut Stream) -> Poll<io::Result<Vec<u8>>> {
    let (mut room, mut cx) = ([0; 100], Context::from_waker(Waker::noop()));
    let mut buf = ReadBuf::new(&mut room);
    Pin::new(stream).poll_read(&mut cx, &mut buf).map_ok(|()| buf.filled().to_vec())
}

fn poll_write(stream: &mut Stream, data: &[u8]) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_write(&mut Context::from_waker(Waker::noop()), data)
}

/// The peer answers and closes, so that the next write fails. The answer is not lost, and the
/// writer learns of the failure.
#[test]
fn failed_write_does_not_hide_an_answer() {
    for version in VERSIONS {
        for is_noticed_by_reader in [false, true] {
            let (wires, mut client, mut server) = connected(version);
            send(&mut server, b"answer");
            if is_noticed_by_reader {
                wires.of(CLIENT, |direction| direction.capacity = 0);
                // Accepted, but not written. The read tries again.
                assert!(matches!(poll_write(&mut client, b"data"), Poll::Ready(Ok(4))));
                wires.of(CLIENT, |direction| direction.write_error = Some(io::ErrorKind::BrokenPipe));
            } else {
                wires.of(CLIENT, |direction| direction.write_error = Some(io::ErrorKind::BrokenPipe));
                assert!(matches!(poll_write(&mut client, b"data"), Poll::Ready(Ok(4))));
            }
            assert_eq!(receive(&mut client, 6), b"answer", "{version}");
            assert!(poll_read(&mut client).is_pending());
            let error = run_one(client.write_all(b"more")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        }
    }
}

#[test]
fn read_leaves_room_uninitialized() {
    let (_wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
    send(&mut server, b"answer");
    let mut room = [MaybeUninit::uninit(); 1 << 16];
    let mut buf = ReadBuf::uninit(&mut room);
    run_one(poll_fn(|cx| Pin::new(&mut client).poll_read(cx, &mut buf))).unwrap();
    assert_eq!((buf.filled(), buf.initialized().len()), (&b"answer"[..], 6));
}

#[test]
fn read_returns_all_records_that_fit() {
    let (_wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
    for part in [&b"one"[..], b"two", b"three"] {
        send(&mut server, part);
    }
    let mut room = [0; 100];
    let n = run_one(client.read(&mut room)).unwrap();
    assert_eq!(&room[..n], b"onetwothree");
    assert_eq!(run_one(client.read(&mut [])).unwrap(), 0, "nothing was asked for");
}

#[test]
fn buffered_read_returns_plaintext_in_place() {
    let (_wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
    send(&mut server, b"one line\nrest");
    let mut line = String::new();
    run_one(client.read_line(&mut line)).unwrap();
    assert_eq!(line, "one line\n");
    let rest = run_one(client.fill_buf()).unwrap();
    assert_eq!(rest, b"rest");
    Pin::new(&mut client).consume(2);
    assert_eq!(run_one(client.fill_buf()).unwrap(), b"st");
}

#[test]
fn stream_flushes_only_when_asked() {
    let (wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
    wires.reset_counts();
    for _ in 0..10 {
        run_one(client.write_all(b"data")).unwrap();
        assert_eq!(receive(&mut server, 4), b"data");
    }
    assert!(poll_read(&mut client).is_pending());
    assert_eq!(wires.of(CLIENT, |direction| (direction.writes, direction.flushes)), (10, 0));
    run_one(client.flush()).unwrap();
    assert_eq!(wires.of(CLIENT, |direction| direction.flushes), 1);
    // The peer may wait for the answer to its request.
    server.session_mut().refresh_traffic_keys().unwrap();
    send(&mut server, b"data");
    assert_eq!(receive(&mut client, 4), b"data");
    assert!(poll_read(&mut client).is_pending());
    assert_eq!(wires.of(CLIENT, |direction| (direction.writes, direction.flushes)), (11, 2));
}

#[test]
fn vectored_write_fills_records() {
    let (wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
    wires.reset_counts();
    assert!(client.is_write_vectored());
    let slices = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")];
    assert_eq!(run_one(client.write_vectored(&slices)).unwrap(), 6);
    assert_eq!(wires.of(CLIENT, |direction| (direction.writes, direction.log.len())), (1, 6 + 22));
    assert_eq!(receive(&mut server, 6), b"onetwo");
}

#[test]
fn write_that_waits_has_accepted_nothing() {
    let (wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
    wires.of(CLIENT, |direction| direction.capacity = 0);
    let mut accepted = 0;
    while let Poll::Ready(result) = poll_write(&mut client, &[1; 10_000]) {
        accepted += result.unwrap();
    }
    assert!((65_000..=66_000).contains(&accepted), "{accepted}");
    // The pending write is dropped.
    wires.of(CLIENT, |direction| direction.capacity = 1 << 20);
    run_one(client.write_all(&[2; 10])).unwrap();
    run_one(client.shutdown()).unwrap();
    let mut received = Vec::new();
    run_one(server.read_to_end(&mut received)).unwrap();
    assert!(received == [vec![1; accepted], vec![2; 10]].concat());
}

#[test]
fn close_notify_is_sent_once() {
    for version in VERSIONS {
        let (wires, mut client, mut server) = connected(version);
        wires.reset_counts();
        for _ in 0..2 {
            run_one(client.shutdown()).unwrap();
        }
        let (writes, shutdowns) = wires.of(CLIENT, |direction| (direction.writes, direction.shutdowns));
        assert_eq!((writes, shutdowns), (1, 2), "{version}");
        assert_eq!(run_one(server.read(&mut [0; 10])).unwrap(), 0);
        assert_eq!(run_one(client.write(b"late")).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}

#[test]
fn each_direction_closes_on_its_own() {
    for version in VERSIONS {
        let (_wires, mut client, mut server) = connected(version);
        run_one(client.shutdown()).unwrap();
        for _ in 0..2 {
            assert_eq!(run_one(server.read(&mut [0; 10])).unwrap(), 0);
            send(&mut server, b"answer");
            assert_eq!(receive(&mut client, 6), b"answer");
        }
        run_one(server.shutdown()).unwrap();
        assert_eq!(run_one(client.read(&mut [0; 10])).unwrap(), 0, "{version}");
    }
}

#[test]
fn shutdown_succeeds_if_the_peer_is_gone() {
    for version in VERSIONS {
        for has_data in [false, true] {
            for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe, io::ErrorKind::NotConnected] {
                let (wires, mut client, server) = connected(version);
                if has_data {
                    wires.of(CLIENT, |direction| direction.write_error = Some(kind));
                    run_one(client.write_all(b"data")).unwrap();
                }
                drop(server);
                wires.of(CLIENT, |direction| direction.write_error = Some(kind));
                wires.of(SERVER, |direction| direction.read_error = Some(io::ErrorKind::ConnectionReset));
                assert_eq!(run_one(client.read(&mut [0; 10])).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
                for _ in 0..2 {
                    run_one(client.shutdown()).unwrap();
                }
            }
            // Other failures are reported.
            let (wires, mut client, _server) = connected(version);
            wires.of(CLIENT, |direction| direction.write_error = Some(io::ErrorKind::TimedOut));
            assert_eq!(run_one(client.shutdown()).unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
    }
}

#[test]
fn missing_close_notify_is_an_error() {
    for version in VERSIONS {
        let (_wires, mut client, mut server) = connected(version);
        send(&mut server, b"answer");
        drop(server);
        let mut received = Vec::new();
        let error = run_one(client.read_to_end(&mut received)).unwrap_err();
        assert!(is_truncation(&error), "{version}: {error}");
        assert_eq!(received, b"answer");
    }
}

/// The alert goes out before the reader gets the error, also over a transport with a buffer.
#[test]
fn reader_sends_the_alert_before_the_error() {
    for version in VERSIONS {
        for is_buffered in [false, true] {
            let (wires, mut client, mut server) = connected(version);
            wires.of(CLIENT, |direction| direction.is_buffered = is_buffered);
            send(&mut server, b"answer");
            let (_, mut transport) = {
                let (transport, session) = server.into_inner();
                (session, transport)
            };
            run_one(transport.write_all(&[&[23, 3, 3, 0, 30][..], &[0; 30]].concat())).unwrap();
            let mut received = Vec::new();
            let error = run_one(client.read_to_end(&mut received)).unwrap_err();
            assert_eq!((error.kind(), &received[..]), (io::ErrorKind::InvalidData, &b"answer"[..]));
            // It reached the other side.
            let mut alert = [0; 5];
            run_one(transport.read_exact(&mut alert)).unwrap();
            assert_eq!(alert[0], if version == ProtocolVersion::TLS13 { 23 } else { 21 });
            // The error is the same from now on.
            assert_eq!(run_one(client.read(&mut [0; 10])).unwrap_err().to_string(), error.to_string());
            assert_eq!(run_one(client.write(b"data")).unwrap_err().to_string(), error.to_string());
            run_one(client.shutdown()).unwrap();
        }
    }
}

#[test]
fn unread_plaintext_is_in_the_session() {
    let (_wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
    send(&mut server, b"read unread");
    assert_eq!(receive(&mut client, 5), b"read ");
    let (_, mut session) = client.into_inner();
    let mut unread = [0; 6];
    session.read_exact(&mut unread).unwrap();
    assert_eq!(&unread, b"unread");
}

/// One task per direction, over a transport that holds less than a record.
#[test]
fn data_flows_both_ways_at_once() {
    for version in VERSIONS {
        let (wires, client, server) = connected(version);
        for side in [CLIENT, SERVER] {
            wires.of(side, |direction| direction.capacity = 1000);
        }
        let transfer = async |stream: Stream| {
            let (mut reader, mut writer) = tokio::io::split(stream);
            let data = vec![3; 300_000];
            let read = async {
                let mut received = Vec::new();
                reader.read_to_end(&mut received).await.unwrap();
                received
            };
            let write = async { writer.write_all(&data).await.and(writer.shutdown().await).unwrap() };
            let (received, ()) = tokio::join!(read, write);
            assert!(received == data);
        };
        run_both(transfer(client), transfer(server));
    }
}

/// Compiles: the stream can be moved and shared between threads, and be part of any future.
#[test]
fn stream_is_send_sync_and_unpin() {
    fn check<T: Send + Sync + Unpin + AsyncBufRead + AsyncWrite>(_: &T) {}
    let (_wires, client, _server) = connected(ProtocolVersion::TLS13);
    check(&client);
    assert!(format!("{client:?}").contains("TLS_AES"));
}
