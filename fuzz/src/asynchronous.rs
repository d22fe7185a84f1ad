//! Two asynchronous streams over a transport in memory that does what a tape says: it returns
//! `Pending` for no reason, moves few bytes, fails once or for good. A task is polled only after it
//! was woken, and no clock is involved. After the end of the tape the transport is reliable, so
//! each run ends.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::Future,
    io::{self, ErrorKind, IoSlice},
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
};

use tls_api::{
    AlertDescription, ClientConfig, ClientSessionMemoryCache, ServerConfig, ServerName, ServerSessionMemoryCache,
    Session,
    tokio::{LazyAcceptor, TlsAcceptor, TlsConnector, TlsReceiver, TlsSender, TlsStream},
};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use crate::session::{CONFIGS, Configs, Pair, WITHOUT_SESSIONS, content};

/// The bytes of the input that are not used yet.
#[derive(Clone)]
struct Tape(Rc<RefCell<VecDeque<u8>>>);

impl Tape {
    fn next(&self) -> Option<usize> {
        self.0.borrow_mut().pop_front().map(usize::from)
    }
}

/// One direction of the transport.
#[derive(Default)]
struct Direction {
    bytes: VecDeque<u8>,
    /// Written, but not flushed yet. Only with `is_buffered`.
    unflushed: Vec<u8>,
    is_buffered: bool,
    is_closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Direction {
    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}

struct Wires {
    directions: [Direction; 2],
    capacity: usize,
    tape: Tape,
    /// Calls may fail, and work again later.
    may_fail: bool,
    /// All calls fail from now on.
    is_lost: bool,
}

impl Wires {
    /// Returns how many of `n` bytes a call moves; `None` for `Pending`.
    fn disturb(&mut self, n: usize) -> io::Result<Option<usize>> {
        const TRANSIENT: [ErrorKind; 3] = [ErrorKind::Interrupted, ErrorKind::TimedOut, ErrorKind::Other];
        if self.is_lost {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let Some(byte) = self.tape.next() else { return Ok(Some(n)) };
        match byte {
            255 if self.may_fail => {
                self.is_lost = true;
                self.wake_all();
                Err(ErrorKind::ConnectionReset.into())
            }
            250..=254 if self.may_fail => Err(TRANSIENT[byte % 3].into()),
            _ if byte % 4 == 0 => Ok(None),
            _ if byte % 4 == 1 => Ok(Some(n.min(1 + byte / 4))),
            _ => Ok(Some(n)),
        }
    }

    fn wake_all(&mut self) {
        self.directions.iter_mut().for_each(Direction::wake);
    }

    /// Wakes each task that got `Pending` for no reason. Returns whether there was one.
    fn wake_idle(&mut self) -> bool {
        let (mut was_any, capacity) = (false, self.capacity);
        for direction in &mut self.directions {
            if !direction.bytes.is_empty() || direction.is_closed {
                was_any |= direction.reader.take().inspect(Waker::wake_by_ref).is_some();
            }
            if direction.bytes.len() < capacity || direction.is_closed {
                was_any |= direction.writer.take().inspect(Waker::wake_by_ref).is_some();
            }
        }
        was_any
    }
}

/// A side of the transport: 0 is the client. The last clone closes both directions.
#[derive(Clone)]
struct Transport(Rc<Closing>);

struct Closing {
    wires: Rc<RefCell<Wires>>,
    side: usize,
}

impl Drop for Closing {
    fn drop(&mut self) {
        let mut wires = self.wires.borrow_mut();
        wires.directions.iter_mut().for_each(|direction| direction.is_closed = true);
        wires.wake_all();
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (mut wires, from) = (self.0.wires.borrow_mut(), 1 - self.0.side);
        let n = wires.directions[from].bytes.len().min(buf.remaining());
        let moved = match n {
            0 if !wires.directions[from].is_closed && !wires.is_lost => None,
            _ => wires.disturb(n)?,
        };
        let from = &mut wires.directions[from];
        let Some(n) = moved else {
            from.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let part: Vec<u8> = from.bytes.drain(..n).collect();
        buf.put_slice(&part);
        from.writer.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let (mut wires, side) = (self.0.wires.borrow_mut(), self.0.side);
        let capacity = wires.capacity;
        let to = &mut wires.directions[side];
        if to.is_closed {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if to.unflushed.len() == capacity && to.bytes.is_empty() {
            to.bytes.extend(std::mem::take(&mut to.unflushed));
            to.reader.take().into_iter().for_each(Waker::wake);
        }
        let held = if to.is_buffered { to.unflushed.len() } else { to.bytes.len() };
        let n = buf.len().min(capacity.saturating_sub(held));
        let moved = if n == 0 && !wires.is_lost { None } else { wires.disturb(n)? };
        let to = &mut wires.directions[side];
        let Some(n) = moved else {
            to.writer = Some(cx.waker().clone());
            return Poll::Pending;
        };
        if to.is_buffered {
            to.unflushed.extend_from_slice(&buf[..n]);
        } else {
            to.bytes.extend(&buf[..n]);
            to.reader.take().into_iter().for_each(Waker::wake);
        }
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (mut wires, side) = (self.0.wires.borrow_mut(), self.0.side);
        let moved = wires.disturb(1)?;
        let to = &mut wires.directions[side];
        if moved.is_none() {
            to.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        to.bytes.extend(std::mem::take(&mut to.unflushed));
        to.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        let (mut wires, side) = (self.0.wires.borrow_mut(), self.0.side);
        let to = &mut wires.directions[side];
        if to.is_closed {
            return Poll::Ready(Err(ErrorKind::NotConnected.into()));
        }
        to.is_closed = true;
        to.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

/// A task's waker.
#[derive(Default)]
struct Task(AtomicBool);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Task {
    fn take_woken(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// A stream, or its halves.
enum Ends {
    Stream(Box<TlsStream<Transport>>),
    Halves(Box<TlsReceiver<Transport>>, Box<TlsSender<Transport>>),
}

impl Ends {
    fn reader(&mut self) -> Pin<&mut (dyn AsyncBufRead + Unpin + '_)> {
        match self {
            Self::Stream(stream) => Pin::new(&mut **stream),
            Self::Halves(receiver, _) => Pin::new(&mut **receiver),
        }
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin + '_)> {
        match self {
            Self::Stream(stream) => Pin::new(&mut **stream),
            Self::Halves(_, sender) => Pin::new(&mut **sender),
        }
    }
}

/// What one side does, and has done.
struct Endpoint {
    ends: Ends,
    tape: Tape,
    /// The early data that it has to read and has read, until their end.
    early: Option<usize>,
    early_read: usize,
    /// How much it writes in all.
    length: usize,
    written: usize,
    read: usize,
    has_shut_down: bool,
    has_ended: bool,
    errors: usize,
    /// The tasks that read and write: one or two.
    tasks: [(Arc<Task>, Waker); 2],
}

impl Endpoint {
    fn new(stream: TlsStream<Transport>, splits: bool, tape: Tape) -> Self {
        let ends = match splits {
            // A stream whose handshake is not complete stays whole.
            true => match stream.into_split(|io| (io.clone(), io)) {
                Ok((receiver, sender)) => Ends::Halves(Box::new(receiver), Box::new(sender)),
                Err(e) => Ends::Stream(Box::new(e.into_parts().0)),
            },
            false => Ends::Stream(Box::new(stream)),
        };
        let task = || {
            let task = Arc::new(Task::default());
            (task.clone(), Waker::from(task))
        };
        let reader = task();
        let writer = if tape.next().is_some_and(|byte| byte % 2 == 1) { task() } else { reader.clone() };
        let tasks = [reader, writer];
        tasks.iter().for_each(|(_, waker)| waker.wake_by_ref());
        let length = tape.next().unwrap_or(9) * 97;
        Self {
            ends,
            tape,
            early: None,
            early_read: 0,
            length,
            written: 0,
            read: 0,
            has_shut_down: false,
            has_ended: false,
            errors: 0,
            tasks,
        }
    }

    fn is_done(&self) -> bool {
        self.has_shut_down && self.has_ended
    }

    /// Polls one call of each task that was woken. Returns whether there was one.
    fn step(&mut self) -> bool {
        let is_one = Arc::ptr_eq(&self.tasks[0].0, &self.tasks[1].0);
        let woken = [self.tasks[0].0.take_woken(), self.tasks[1].0.take_woken()];
        let woken = if is_one { [woken[0]; 2] } else { woken };
        if woken[0] && !self.has_ended {
            self.poll(0, Self::read);
        }
        if woken[1] && !self.has_shut_down {
            self.poll(1, Self::write);
        }
        woken[0] || woken[1]
    }

    /// A task whose call completes goes on.
    fn poll(&mut self, task: usize, call: fn(&mut Self, &mut Context<'_>) -> Poll<io::Result<()>>) {
        let waker = self.tasks[task].1.clone();
        if let Poll::Ready(result) = call(self, &mut Context::from_waker(&waker)) {
            self.errors += usize::from(result.is_err());
            waker.wake();
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let choice = self.tape.next().unwrap_or(255);
        let mut room = vec![0; 1 + choice * 20];
        if let (Some(accepted), Ends::Stream(stream)) = (self.early, &mut self.ends) {
            let n = ready!(pin!(stream.read_early_data(&mut room)).poll(cx))?;
            assert!(
                room[..n].iter().zip(self.early_read..).all(|(byte, at)| *byte == content(at)),
                "early data differ"
            );
            self.early_read += n;
            assert!(self.early_read <= accepted, "early data that the client does not know of");
            if n == 0 {
                assert_eq!(self.early_read, accepted, "early data were lost");
                self.early = None;
            }
            return Poll::Ready(Ok(()));
        }
        let n = if choice % 2 == 1 {
            let mut buf = ReadBuf::new(&mut room);
            ready!(self.ends.reader().poll_read(cx, &mut buf))?;
            buf.filled().len()
        } else {
            let data = ready!(self.ends.reader().poll_fill_buf(cx))?;
            let n = data.len().min(room.len());
            room[..n].copy_from_slice(&data[..n]);
            self.ends.reader().consume(n);
            n
        };
        assert!(room[..n].iter().zip(self.read..).all(|(byte, at)| *byte == content(at)), "the data differ");
        self.read += n;
        self.has_ended = n == 0;
        Poll::Ready(Ok(()))
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let choice = self.tape.next().unwrap_or(255);
        let rest: Vec<u8> = (self.written..self.length).map(content).collect();
        let (one, other) = rest.split_at(rest.len().min(choice * 50));
        match choice % 8 {
            0 => return self.ends.writer().poll_flush(cx),
            // An error is that of TLS 1.2, or another call returns it too.
            1 => drop(match &mut self.ends {
                Ends::Stream(stream) => stream.session_mut().refresh_traffic_keys(),
                Ends::Halves(_, sender) => sender.sender_mut().refresh_traffic_keys(),
            }),
            _ if rest.is_empty() => {
                ready!(self.ends.writer().poll_shutdown(cx))?;
                self.has_shut_down = true;
            }
            2 | 3 => {
                let slices = [IoSlice::new(one), IoSlice::new(other)];
                self.written += ready!(self.ends.writer().poll_write_vectored(cx, &slices))?;
            }
            _ => self.written += ready!(self.ends.writer().poll_write(cx, one))?,
        }
        Poll::Ready(Ok(()))
    }
}

/// The number of rounds in which each task is polled once. A run takes one for each byte of data at
/// most, and some for each byte of the tape.
const MOST_ROUNDS: usize = 300_000;

/// How a server accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Accept {
    AtOnce,
    /// Sees the ClientHello before it chooses the configuration.
    Lazily,
    /// Sees the ClientHello and answers with an alert.
    Never,
}

/// Clients that send early data, and servers that accept and reject them.
static EARLY: LazyLock<[Configs; 2]> = LazyLock::new(|| {
    let (mut client, mut accepts) = (ClientConfig::clone(&CONFIGS[0].0), ServerConfig::clone(&CONFIGS[0].1));
    client.enable_early_data(true);
    accepts.set_session_storage(Arc::new(ServerSessionMemoryCache::new(16)));
    accepts.set_max_early_data_size(2000);
    let mut rejects = accepts.clone();
    rejects.set_max_early_data_size(0);
    [(Arc::new(client.clone()), Arc::new(accepts)), (Arc::new(client), Arc::new(rejects))]
});

/// Returns a client that has a session for early data, and the server.
fn with_early_data(rejects: bool) -> Configs {
    let mut client = ClientConfig::clone(&EARLY[0].0);
    client.set_session_storage(Arc::new(ClientSessionMemoryCache::new(4)));
    let client = Arc::new(client);
    Pair::over(&(client.clone(), EARLY[0].1.clone())).settle();
    (client, EARLY[usize::from(rejects)].1.clone())
}

/// Connects two streams and lets them write, read, split, update keys and shut down. The first
/// bytes select the configurations, the rest is the tape.
pub fn run(input: &[u8]) {
    let Some((&[config, shape, capacity], rest)) = input.split_first_chunk() else { return };
    let tape = Tape(Rc::new(RefCell::new(rest.iter().copied().take(4000).collect())));
    let mut directions = [Direction::default(), Direction::default()];
    directions[0].is_buffered = shape & 1 != 0;
    directions[1].is_buffered = shape & 2 != 0;
    let wires = Rc::new(RefCell::new(Wires {
        directions,
        capacity: 1 + usize::from(capacity) * usize::from(capacity),
        tape: tape.clone(),
        may_fail: shape & 4 != 0,
        is_lost: false,
    }));
    let has_early_data = shape & 128 != 0;
    let (client, server) = match has_early_data {
        true => with_early_data(config & 32 != 0),
        false => WITHOUT_SESSIONS[usize::from(config % 8)].clone(),
    };
    let accept = match (shape & 8 != 0, config & 16 != 0) {
        (false, _) => Accept::AtOnce,
        (true, false) => Accept::Lazily,
        (true, true) => Accept::Never,
    };
    let early: Vec<u8> = match has_early_data {
        true => (0..tape.next().unwrap_or(0) * 9).map(content).collect(),
        false => Vec::new(),
    };
    let mut connector = TlsConnector::new(client);
    // A server that may speak first accepts before Finished, and does not read it until it is
    // polled. All others wait for it.
    connector.set_delay_finished(config & 7 == 4 && !has_early_data);
    let reads_early = has_early_data.then_some(config & 128 != 0);
    let Some((streams, accepted, early_read)) = handshake(&wires, &connector, &early, server, accept, reads_early)
    else {
        assert!(shape & 4 != 0 || accept == Accept::Never, "a handshake over a slow transport failed");
        return;
    };
    assert!(accept != Accept::Never && accepted <= early.len());
    wires.borrow_mut().may_fail = shape & 16 != 0;
    // What a server has not read of early data is gone with its session.
    let splits = [shape & 32 != 0, shape & 64 != 0 && !has_early_data];
    let mut at = 0;
    let mut ends = streams.map(|stream| {
        at += 1;
        Endpoint::new(stream, splits[at - 1], tape.clone())
    });
    // A server need not read them.
    ends[1].early = (has_early_data && config & 64 == 0).then_some(accepted);
    ends[1].early_read = early_read;
    assert!(early_read <= accepted, "early data that the client does not know of");
    exchange(&wires, &mut ends);
    let [client, server] = ends;
    assert!(client.read <= server.written && server.read <= client.written, "more was read than written");
    if !wires.borrow().is_lost {
        assert!(client.is_done() && server.is_done());
        assert_eq!((client.read, server.read), (server.length, client.length), "data were lost");
    }
}

/// Runs both handshakes as two tasks. `None` if one failed; else also how much of the early data
/// was accepted, and read.
fn handshake(
    wires: &Rc<RefCell<Wires>>,
    connector: &TlsConnector,
    early: &[u8],
    config: Arc<ServerConfig>,
    accept: Accept,
    reads_early: Option<bool>,
) -> Option<([TlsStream<Transport>; 2], usize, usize)> {
    let transport = |side| Transport(Rc::new(Closing { wires: wires.clone(), side }));
    let name = ServerName::try_from("localhost").unwrap();
    let (mut client, mut server) = (None, None);
    {
        let (at_client, at_server) = (transport(0), transport(1));
        let (to_client, to_server) = (&mut client, &mut server);
        let mut jobs: [Option<Pin<&mut dyn Future<Output = ()>>>; 2] = [None, None];
        let one = pin!(async {
            *to_client = match early {
                [] => connector.connect(name, at_client).await.ok().map(|stream| (stream, 0)),
                _ => connector.connect_with_early_data(name, at_client, early).await.ok(),
            }
        });
        let other = pin!(async { *to_server = serve(at_server, config, accept, reads_early).await });
        jobs[0] = Some(one);
        jobs[1] = Some(other);
        let tasks = [Arc::new(Task(true.into())), Arc::new(Task(true.into()))];
        let mut rounds = 0;
        while jobs.iter().any(Option::is_some) {
            let mut was_woken = false;
            for (job, task) in jobs.iter_mut().zip(&tasks) {
                let Some(future) = job else { continue };
                if task.take_woken() {
                    was_woken = true;
                    let waker = Waker::from(task.clone());
                    if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                        *job = None;
                    }
                }
            }
            let is_done = jobs.iter().all(Option::is_none);
            assert!(is_done || was_woken || wires.borrow_mut().wake_idle(), "a handshake hangs");
            rounds += 1;
            assert!(rounds < MOST_ROUNDS, "a handshake spins");
        }
    }
    let (client, accepted) = client?;
    let (server, early_read) = server?;
    Some(([client, server], accepted, early_read))
}

/// Accepts a client. With early data, continues until the handshake is complete, because the client
/// may be unable to send their end before: reads them, or leaves them in the session. Returns how
/// much was read.
async fn serve(
    io: Transport,
    config: Arc<ServerConfig>,
    accept: Accept,
    reads_early: Option<bool>,
) -> Option<(TlsStream<Transport>, usize)> {
    let (mut stream, mut read, mut room) = (accept_client(io, config, accept).await?, 0, [0; 300]);
    if reads_early == Some(false) {
        stream.complete_handshake().await.ok()?;
    }
    while reads_early == Some(true) {
        let n = stream.read_early_data(&mut room).await.ok()?;
        assert!(room[..n].iter().zip(read..).all(|(byte, at)| *byte == content(at)), "early data differ");
        read += n;
        if n == 0 {
            break;
        }
    }
    Some((stream, read))
}

async fn accept_client(io: Transport, config: Arc<ServerConfig>, accept: Accept) -> Option<TlsStream<Transport>> {
    if accept == Accept::AtOnce {
        return TlsAcceptor::new(config).accept(io).await.ok();
    }
    let start = LazyAcceptor::new(io).client_hello().await.ok()?;
    let name = start.client_hello().expect("it was decoded before").server_name().map(str::to_owned);
    assert_eq!(name.as_deref(), Some("localhost"));
    if accept == Accept::Never {
        // Fails only with the transport, whose side this closes.
        let _ = start.reject(AlertDescription::UNRECOGNIZED_NAME).await;
        return None;
    }
    start.into_stream(&config).await.ok()
}

/// Runs both sides until they are done, or for some time after the transport was lost.
fn exchange(wires: &Rc<RefCell<Wires>>, ends: &mut [Endpoint; 2]) {
    for _ in 0..MOST_ROUNDS {
        let mut was_woken = false;
        for end in ends.iter_mut() {
            was_woken |= end.step();
        }
        if ends.iter().all(Endpoint::is_done) {
            return;
        }
        if wires.borrow().is_lost {
            // Each task that waits was woken, and fails after what was received before, or is done.
            for end in ends.iter_mut() {
                let errors = end.errors;
                for _ in 0..5000 {
                    end.step();
                }
                assert!(end.errors > errors || end.is_done() || end.has_ended, "a task hangs on a lost transport");
            }
            return;
        }
        assert!(was_woken || wires.borrow_mut().wake_idle(), "the streams hang");
    }
    panic!("the streams spin");
}
