//! Two streams, split or not, over a transport that returns `Pending` for no reason, moves few
//! bytes at a time and fails at any point: nothing is lost, nothing arrives twice, and nothing
//! hangs.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use strata_tls::tokio::{TlsAcceptor, TlsConnector, TlsReceiver, TlsSender};
use strata_tls::{ClientConfig, ServerConfig, Session};
use tokio::io::{AsyncBufRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};

use crate::handshakes::{Outcome, Stream, name};
use crate::pki::{VERSIONS, configs_of};
use crate::transport::{CLIENT, End, Random, SERVER, Task, Wires, run_over};

/// After these a transport works again.
const TRANSIENT: &[io::ErrorKind] = &[io::ErrorKind::Interrupted, io::ErrorKind::TimedOut, io::ErrorKind::Other];

/// A stream, or its halves.
#[allow(clippy::large_enum_variant, reason = "one for each connection of a test")]
enum Ends {
    Stream(Stream),
    Halves(TlsReceiver<ReadHalf<End>>, TlsSender<WriteHalf<End>>),
}

impl Ends {
    /// Splits some streams, except those whose handshake is not complete.
    fn new(stream: Stream, random: &mut Random) -> Self {
        if random.below(2) == 0 {
            return Self::Stream(stream);
        }
        match stream.into_split(tokio::io::split) {
            Ok((receiver, sender)) => Self::Halves(receiver, sender),
            Err(e) => Self::Stream(e.into_parts().0),
        }
    }

    fn reader(&mut self) -> Pin<&mut (dyn AsyncBufRead + Unpin + '_)> {
        match self {
            Self::Stream(stream) => Pin::new(stream),
            Self::Halves(receiver, _) => Pin::new(receiver),
        }
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin + '_)> {
        match self {
            Self::Stream(stream) => Pin::new(stream),
            Self::Halves(_, sender) => Pin::new(sender),
        }
    }

    fn refresh_traffic_keys(&mut self) {
        // An error is that of TLS 1.2, or another call returns it too.
        drop(match self {
            Self::Stream(stream) => stream.session_mut().refresh_traffic_keys(),
            Self::Halves(_, sender) => sender.sender_mut().refresh_traffic_keys(),
        });
    }
}

/// What one side does, and has done.
struct Endpoint {
    ends: Ends,
    data: Vec<u8>,
    accepted: usize,
    received: Vec<u8>,
    has_shut_down: bool,
    has_seen_eof: bool,
    /// The tasks that read and write: one or two.
    tasks: [(Arc<Task>, Waker); 2],
    errors: usize,
}

impl Endpoint {
    fn new(stream: Stream, random: &mut Random) -> Self {
        let len = random.below(20_000);
        let data = (0..len).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        let reader = Task::new();
        let writer = if random.below(2) == 0 { Task::new() } else { reader.clone() };
        let tasks = [reader, writer];
        tasks.iter().for_each(|(_, waker)| waker.wake_by_ref());
        let (accepted, received, errors) = (0, Vec::new(), 0);
        let ends = Ends::new(stream, random);
        Self { ends, data, accepted, received, has_shut_down: false, has_seen_eof: false, tasks, errors }
    }

    fn is_done(&self) -> bool {
        self.has_shut_down && self.has_seen_eof
    }

    /// Polls one call of a task that was woken, and drops it if it is pending. Returns whether a
    /// task was woken.
    fn step(&mut self, random: &mut Random) -> bool {
        let both = Arc::ptr_eq(&self.tasks[0].0, &self.tasks[1].0);
        let woken = [self.tasks[0].0.take_woken(), self.tasks[1].0.take_woken()];
        let woken = if both { [woken[0]; 2] } else { woken };
        if woken[0] && !self.has_seen_eof {
            let waker = self.tasks[0].1.clone();
            self.poll(&waker, |this, cx| this.read(cx, random));
        }
        if woken[1] && !self.has_shut_down {
            let waker = self.tasks[1].1.clone();
            self.poll(&waker, |this, cx| this.write(cx, random));
        }
        woken[0] || woken[1]
    }

    /// A task whose call completes goes on.
    fn poll(&mut self, waker: &Waker, op: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<io::Result<()>>) {
        if let Poll::Ready(result) = op(self, &mut Context::from_waker(waker)) {
            self.errors += usize::from(result.is_err());
            waker.wake_by_ref();
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, random: &mut Random) -> Poll<io::Result<()>> {
        let mut room = vec![0; 1 + random.below(5000)];
        let before = self.received.len();
        if random.below(2) == 0 {
            let mut buf = ReadBuf::new(&mut room);
            ready!(self.ends.reader().poll_read(cx, &mut buf))?;
            self.received.extend_from_slice(buf.filled());
        } else {
            let data = ready!(self.ends.reader().poll_fill_buf(cx))?;
            let n = data.len().min(room.len());
            self.received.extend_from_slice(&data[..n]);
            self.ends.reader().consume(n);
        }
        self.has_seen_eof = self.received.len() == before;
        Poll::Ready(Ok(()))
    }

    fn write(&mut self, cx: &mut Context<'_>, random: &mut Random) -> Poll<io::Result<()>> {
        let writer = self.ends.writer();
        let rest = &self.data[self.accepted..];
        let (one, other) = rest.split_at(rest.len().min(random.below(20_000)));
        match random.below(8) {
            0 => return writer.poll_flush(cx),
            1 => self.ends.refresh_traffic_keys(),
            _ if rest.is_empty() => {
                ready!(writer.poll_shutdown(cx))?;
                self.has_shut_down = true;
            }
            2 | 3 => {
                let slices = [IoSlice::new(one), IoSlice::new(other)];
                self.accepted += ready!(writer.poll_write_vectored(cx, &slices))?;
            }
            _ => self.accepted += ready!(writer.poll_write(cx, one))?,
        }
        Poll::Ready(Ok(()))
    }
}

/// Connects over an unreliable transport.
fn handshake(wires: &Wires, connector: &TlsConnector, acceptor: &TlsAcceptor) -> (Outcome, Outcome) {
    let (at_client, at_server) = wires.ends();
    let (mut client, mut server) = (None, None);
    let (into_client, into_server) = (&mut client, &mut server);
    run_over(
        Some(wires),
        vec![
            Box::pin(async { *into_client = Some(connector.connect(name(), at_client).await) }),
            Box::pin(async { *into_server = Some(acceptor.accept(at_server).await) }),
        ],
    );
    (client.unwrap(), server.unwrap())
}

fn setup(
    random: &mut Random,
    configs: &[(Arc<ClientConfig>, Arc<ServerConfig>)],
) -> (TlsConnector, TlsAcceptor, Wires) {
    let at = random.below(configs.len());
    let (client, server) = configs[at].clone();
    let (mut connector, acceptor) = (TlsConnector::from(client), TlsAcceptor::from(server));
    // A server that may speak first does not wait for Finished, so the rest of the handshake is
    // part of the exchange. All other servers wait.
    let may_speak_first = at == VERSIONS.len();
    connector.set_delay_finished(may_speak_first);
    let most = [30, 3000, 100_000][random.below(3)];
    let wires = Wires::new(1 + random.below(most));
    for side in [CLIENT, SERVER] {
        let is_buffered = random.below(3) == 0;
        wires.of(side, |direction| direction.is_buffered = is_buffered);
    }
    (connector, acceptor, wires)
}

/// Both versions, and a server that sends before the client's Finished.
fn all_configs() -> Vec<(Arc<ClientConfig>, Arc<ServerConfig>)> {
    let mut all: Vec<_> = VERSIONS.into_iter().map(configs_of).collect();
    let (client, server) = all[0].clone();
    let mut server = ServerConfig::clone(&server);
    server.set_send_half_rtt_data(true);
    all.push((client, Arc::new(server)));
    all
}

/// Runs both sides until they are done. Returns `false` if neither can continue.
fn exchange(wires: &Wires, ends: &mut [Endpoint; 2], random: &mut Random) -> bool {
    for _ in 0..200_000 {
        let order = random.below(2);
        let mut was_woken = false;
        for at in [order, 1 - order] {
            was_woken |= ends[at].step(random);
        }
        if ends.iter().all(Endpoint::is_done) {
            return true;
        }
        if !was_woken && !wires.wake_all() {
            return false;
        }
    }
    panic!("the streams spin")
}

#[test]
fn unreliable_transport_loses_and_repeats_nothing() {
    let configs = all_configs();
    let mut errors = 0;
    for seed in 0..100 {
        let mut random = Random(seed);
        let (connector, acceptor, wires) = setup(&mut random, &configs);
        wires.set_chaos(seed, &[], 1);
        let (client, server) = handshake(&wires, &connector, &acceptor);
        let mut ends = [client, server].map(|stream| Endpoint::new(stream.unwrap(), &mut random));
        wires.set_chaos(seed, TRANSIENT, 10 + random.below(100));
        assert!(exchange(&wires, &mut ends, &mut random), "seed {seed}: hang");
        let [client, server] = ends;
        assert!(client.received == server.data && server.received == client.data, "seed {seed}");
        errors += client.errors + server.errors;
    }
    assert!(errors > 50, "{errors}");
}

/// From some point on, each call fails.
#[test]
fn lost_transport_ends_both_sides() {
    let configs = all_configs();
    for seed in 0..100 {
        let mut random = Random(seed);
        let (connector, acceptor, wires) = setup(&mut random, &configs);
        wires.set_chaos(seed, &[], 1);
        let (client, server) = handshake(&wires, &connector, &acceptor);
        let mut ends = [client, server].map(|stream| Endpoint::new(stream.unwrap(), &mut random));
        for _ in 0..random.below(200) {
            if !ends[0].step(&mut random) && !ends[1].step(&mut random) {
                wires.wake_all();
            }
        }
        wires.fail(io::ErrorKind::ConnectionReset);
        // Each task that waits is woken. The reader learns it after what was received before.
        for end in &mut ends {
            let errors = end.errors;
            let was_done = end.has_seen_eof;
            for _ in 0..1000 {
                end.step(&mut random);
            }
            assert!(end.errors > errors || was_done || end.has_seen_eof, "seed {seed}");
        }
        let [client, server] = ends;
        assert!(server.data.starts_with(&client.received) && client.data.starts_with(&server.received), "seed {seed}");
    }
}

#[test]
fn failing_transport_ends_the_handshake() {
    let configs = all_configs();
    let (mut completed, mut failed) = (0, 0);
    for seed in 0..100 {
        let mut random = Random(seed);
        let (connector, acceptor, wires) = setup(&mut random, &configs);
        wires.set_chaos(seed, &[io::ErrorKind::TimedOut, io::ErrorKind::ConnectionReset], 5 + random.below(200));
        let (at_client, at_server) = wires.ends();
        let (mut client, mut server) = (false, false);
        let (into_client, into_server) = (&mut client, &mut server);
        // Each side drops its transport at the end, and the other must notice.
        run_over(
            Some(&wires),
            vec![
                Box::pin(async { *into_client = connector.connect(name(), at_client).await.is_ok() }),
                Box::pin(async { *into_server = acceptor.accept(at_server).await.is_ok() }),
            ],
        );
        (completed, failed) = (completed + usize::from(client && server), failed + usize::from(!client || !server));
    }
    assert!(completed > 20 && failed > 20, "{completed} {failed}");
}
