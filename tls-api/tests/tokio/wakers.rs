//! Who is woken: tasks that wait, and no others.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use strata_tls::tokio::{TlsAcceptor, TlsConnector};
use strata_tls::{ProtocolVersion, ServerConfig, Session};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::handshakes::{Stream, connect, connected};
use crate::pki::{VERSIONS, configs_of};
use crate::transport::{CLIENT, SERVER, Task, Wires, run_one};

fn poll_read(stream: &mut Stream, waker: &Waker) -> Poll<io::Result<usize>> {
    let mut room = [0; 100];
    let mut buf = ReadBuf::new(&mut room);
    Pin::new(stream).poll_read(&mut Context::from_waker(waker), &mut buf).map_ok(|()| buf.filled().len())
}

/// Writes until the transport and the stream are full.
fn fill(stream: &mut Stream, waker: &Waker) {
    while Pin::new(&mut *stream).poll_write(&mut Context::from_waker(waker), &[0; 1000]).is_ready() {}
}

fn send(stream: &mut Stream, data: &[u8]) {
    run_one(async { stream.write_all(data).await.and(stream.flush().await) }).unwrap();
}

#[test]
fn transport_gets_the_only_task_itself() {
    for version in VERSIONS {
        let (wires, mut client, mut server) = connected(version);
        let (task, waker) = Task::new();
        let mut counts = Vec::new();
        for _ in 0..3 {
            assert!(poll_read(&mut client, &waker).is_pending());
            assert!(wires.of(SERVER, |direction| direction.wakers().0.unwrap().will_wake(&waker)));
            counts.push(Arc::strong_count(&task));
            send(&mut server, b"answer");
            assert!(task.take_woken());
            assert!(matches!(poll_read(&mut client, &waker), Poll::Ready(Ok(6))));
        }
        assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
        wires.of(CLIENT, |direction| direction.capacity = 0);
        fill(&mut client, &waker);
        assert!(wires.of(CLIENT, |direction| direction.wakers().1.unwrap().will_wake(&waker)));
    }
}

/// A KeyUpdate is owed, and the transport takes nothing.
#[test]
fn reader_does_not_repeat_a_blocked_write() {
    let (wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
    send(&mut server, b"tickets");
    let (task, waker) = Task::new();
    assert!(matches!(poll_read(&mut client, &waker), Poll::Ready(Ok(7))));
    let capacity = wires.of(CLIENT, |direction| std::mem::take(&mut direction.capacity));
    server.session_mut().refresh_traffic_keys().unwrap();
    wires.reset_counts();
    for _ in 0..10 {
        assert!(poll_read(&mut client, &waker).is_pending());
        send(&mut server, b"data");
        assert!(matches!(poll_read(&mut client, &waker), Poll::Ready(Ok(4))));
    }
    // Once with the task's own waker, and once with one that notes that it was woken.
    assert_eq!(wires.of(CLIENT, |direction| direction.write_polls), 2);
    assert!(poll_read(&mut client, &waker).is_pending());
    task.take_woken();
    wires.of(CLIENT, |direction| {
        direction.capacity = capacity;
        direction.wake_writer();
    });
    assert!(task.take_woken());
    assert!(poll_read(&mut client, &waker).is_pending());
    assert_eq!(wires.of(CLIENT, |direction| direction.writes), 1);
    assert!(!client.session().wants_write());
}

/// A reader and a writer in tasks of their own wait until the transport takes bytes. It knows only
/// the last waker that it got.
#[test]
fn room_in_the_transport_wakes_both_tasks() {
    for reader_first in [true, false] {
        let (wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
        wires.of(CLIENT, |direction| direction.capacity = 0);
        let ((reader, at_reader), (writer, at_writer)) = (Task::new(), Task::new());
        server.session_mut().refresh_traffic_keys().unwrap();
        send(&mut server, b"data");
        assert!(matches!(poll_read(&mut client, &at_reader), Poll::Ready(Ok(4))));
        if reader_first {
            assert!(poll_read(&mut client, &at_reader).is_pending());
            fill(&mut client, &at_writer);
        } else {
            fill(&mut client, &at_writer);
            assert!(poll_read(&mut client, &at_reader).is_pending());
        }
        assert!(!reader.take_woken() && !writer.take_woken());
        wires.of(CLIENT, |direction| {
            direction.capacity = 100;
            direction.wake_writer();
        });
        assert!(reader.take_woken() && writer.take_woken(), "{reader_first}");
        // The reader writes first and waits again. The writer waits behind it.
        assert!(poll_read(&mut client, &at_reader).is_pending());
        assert!(writer.take_woken());
    }
}

#[test]
fn data_wakes_only_the_reader() {
    let (wires, mut client, mut server) = connected(ProtocolVersion::TLS13);
    let ((reader, at_reader), (writer, at_writer)) = (Task::new(), Task::new());
    assert!(poll_read(&mut client, &at_reader).is_pending());
    wires.of(CLIENT, |direction| direction.capacity = 0);
    fill(&mut client, &at_writer);
    send(&mut server, b"answer");
    assert!(reader.take_woken() && !writer.take_woken());
    assert!(matches!(poll_read(&mut client, &at_reader), Poll::Ready(Ok(6))));
}

/// A server that may speak first closes, which needs the client's Finished, while another task
/// reads.
#[test]
fn end_of_the_handshake_wakes_both_tasks() {
    let (client, server) = configs_of(ProtocolVersion::TLS13);
    let mut server = ServerConfig::clone(&server);
    server.set_send_half_rtt_data(true);
    let mut connector = TlsConnector::from(client);
    connector.set_delay_finished(true);
    for reader_first in [true, false] {
        let wires = Wires::new(1 << 16);
        let (mut client, mut server) = connect(&wires, &connector, &TlsAcceptor::from(Arc::new(server.clone())));
        let ((reader, at_reader), (writer, at_writer)) = (Task::new(), Task::new());
        let close = |server: &mut Stream| Pin::new(server).poll_shutdown(&mut Context::from_waker(&at_writer));
        if reader_first {
            assert!(poll_read(&mut server, &at_reader).is_pending());
            assert!(close(&mut server).is_pending());
        } else {
            assert!(close(&mut server).is_pending());
            assert!(poll_read(&mut server, &at_reader).is_pending());
        }
        send(&mut client, b"question");
        assert!(reader.take_woken() && writer.take_woken(), "{reader_first}");
        // What one task reads from the transport is there for the other, which is woken again.
        if reader_first {
            assert!(matches!(close(&mut server), Poll::Ready(Ok(()))));
            assert!(matches!(poll_read(&mut server, &at_reader), Poll::Ready(Ok(8))));
        } else {
            assert!(matches!(poll_read(&mut server, &at_reader), Poll::Ready(Ok(8))));
            assert!(matches!(close(&mut server), Poll::Ready(Ok(()))));
        }
    }
}
