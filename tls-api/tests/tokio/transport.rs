//! A transport in memory that counts what is done with it, and an executor that detects hangs: a
//! task is polled only after it was woken, and no clock is involved.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What happens in one direction.
#[derive(Default)]
pub(crate) struct Direction {
    bytes: VecDeque<u8>,
    /// Written, but not flushed yet. Only with `is_buffered`.
    unflushed: Vec<u8>,
    pub(crate) capacity: usize,
    pub(crate) is_buffered: bool,
    pub(crate) is_closed: bool,
    /// Fails each write with this.
    pub(crate) write_error: Option<io::ErrorKind>,
    pub(crate) read_error: Option<io::ErrorKind>,
    /// All polls, and those that moved bytes.
    pub(crate) write_polls: usize,
    pub(crate) writes: usize,
    pub(crate) reads: usize,
    pub(crate) flushes: usize,
    pub(crate) shutdowns: usize,
    /// Everything that was written.
    pub(crate) log: Vec<u8>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    pub(crate) chaos: Option<Chaos>,
}

/// Makes a transport unreliable: `Pending` for no reason, short reads and writes, errors.
#[derive(Clone)]
pub(crate) struct Chaos {
    pub(crate) random: Random,
    /// One of so many calls fails with one of these.
    pub(crate) errors: &'static [io::ErrorKind],
    pub(crate) one_error_in: usize,
}

impl Chaos {
    /// Returns how many of `n` bytes are moved; `None` for `Pending`.
    fn disturb(&mut self, n: usize) -> io::Result<Option<usize>> {
        if !self.errors.is_empty() && self.random.below(self.one_error_in) == 0 {
            return Err(self.errors[self.random.below(self.errors.len())].into());
        }
        Ok(match self.random.below(4) {
            0 => None,
            1 => Some(n.min(1 + self.random.below(20))),
            _ => Some(n),
        })
    }
}

/// Reproducible numbers (SplitMix64).
#[derive(Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Returns a number less than `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }
}

impl Direction {
    fn wake_reader(&mut self) {
        self.reader.take().into_iter().for_each(Waker::wake);
    }

    pub(crate) fn wake_writer(&mut self) {
        self.writer.take().into_iter().for_each(Waker::wake);
    }

    /// Applies [`Chaos`] to a call that could move `n` bytes.
    fn disturb(&mut self, n: usize) -> io::Result<Option<usize>> {
        self.chaos.as_mut().map_or(Ok(Some(n)), |chaos| chaos.disturb(n))
    }

    /// The waker that the transport has for its reader or writer.
    pub(crate) fn wakers(&self) -> (Option<&Waker>, Option<&Waker>) {
        (self.reader.as_ref(), self.writer.as_ref())
    }
}

/// A transport for two sides: 0 is the client, 1 the server.
#[derive(Clone)]
pub(crate) struct Wires(Arc<Mutex<[Direction; 2]>>);

pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;

impl Wires {
    /// Each direction holds this many bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        let direction = || Direction { capacity, ..Direction::default() };
        Self(Arc::new(Mutex::new([direction(), direction()])))
    }

    pub(crate) fn ends(&self) -> (End, End) {
        let end = |side| End { wires: self.clone(), side };
        (end(CLIENT), end(SERVER))
    }

    fn lock(&self) -> MutexGuard<'_, [Direction; 2]> {
        self.0.lock().unwrap()
    }

    /// Looks at or changes the direction that this side writes to.
    pub(crate) fn of<T>(&self, side: usize, look: impl FnOnce(&mut Direction) -> T) -> T {
        look(&mut self.lock()[side])
    }

    /// Makes both directions unreliable.
    pub(crate) fn set_chaos(&self, seed: u64, errors: &'static [io::ErrorKind], one_error_in: usize) {
        for (direction, seed) in self.lock().iter_mut().zip([seed, !seed]) {
            direction.chaos = Some(Chaos { random: Random(seed), errors, one_error_in });
        }
    }

    /// Wakes each task that got `Pending` for no reason. Returns whether there was one.
    pub(crate) fn wake_all(&self) -> bool {
        let mut was_any = false;
        for direction in self.lock().iter_mut() {
            if direction.reader.is_some() && (!direction.bytes.is_empty() || direction.is_closed) {
                was_any = true;
                direction.wake_reader();
            }
            if direction.writer.is_some() && (direction.bytes.len() < direction.capacity || direction.is_closed) {
                was_any = true;
                direction.wake_writer();
            }
        }
        was_any
    }

    /// Fails all calls from now on.
    pub(crate) fn fail(&self, kind: io::ErrorKind) {
        for direction in self.lock().iter_mut() {
            (direction.read_error, direction.write_error) = (Some(kind), Some(kind));
            direction.wake_reader();
            direction.wake_writer();
        }
    }

    /// Sets all counters to 0.
    pub(crate) fn reset_counts(&self) {
        for direction in self.lock().iter_mut() {
            (direction.write_polls, direction.writes, direction.reads) = (0, 0, 0);
            (direction.flushes, direction.shutdowns) = (0, 0);
            direction.log.clear();
        }
    }
}

/// One side of the transport. Dropping it closes both directions.
pub(crate) struct End {
    wires: Wires,
    side: usize,
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let from = &mut self.wires.lock()[1 - self.side];
        if let Some(kind) = from.read_error {
            return Poll::Ready(Err(kind.into()));
        }
        let n = from.bytes.len().min(buf.remaining());
        if n == 0 && !from.is_closed {
            from.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let Some(n) = from.disturb(n)? else {
            from.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        from.reads += 1;
        let part: Vec<u8> = from.bytes.drain(..n).collect();
        buf.put_slice(&part);
        from.wake_writer();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let to = &mut self.wires.lock()[self.side];
        to.write_polls += 1;
        if let Some(kind) = to.write_error {
            return Poll::Ready(Err(kind.into()));
        }
        if to.is_closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if to.unflushed.len() == to.capacity && to.bytes.is_empty() {
            to.bytes.extend(std::mem::take(&mut to.unflushed));
            to.wake_reader();
        }
        let held = if to.is_buffered { to.unflushed.len() } else { to.bytes.len() };
        let n = buf.len().min(to.capacity.saturating_sub(held));
        if n == 0 {
            to.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let Some(n) = to.disturb(n)? else {
            to.writer = Some(cx.waker().clone());
            return Poll::Pending;
        };
        to.writes += 1;
        to.log.extend_from_slice(&buf[..n]);
        if to.is_buffered {
            to.unflushed.extend_from_slice(&buf[..n]);
        } else {
            to.bytes.extend(&buf[..n]);
            to.wake_reader();
        }
        Poll::Ready(Ok(n))
    }

    /// A transport with a buffer flushes one byte per poll.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let to = &mut self.wires.lock()[self.side];
        if to.disturb(0)?.is_none() {
            to.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if to.unflushed.is_empty() {
            to.flushes += 1;
            return Poll::Ready(Ok(()));
        }
        let byte = to.unflushed.remove(0);
        to.bytes.push_back(byte);
        to.wake_reader();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let to = &mut self.wires.lock()[self.side];
        if to.disturb(0)?.is_none() {
            to.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        to.shutdowns += 1;
        if to.is_closed {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        to.is_closed = true;
        to.wake_reader();
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        for direction in self.wires.lock().iter_mut() {
            direction.is_closed = true;
            direction.wake_reader();
            direction.wake_writer();
        }
    }
}

/// A task's waker.
#[derive(Default)]
pub(crate) struct Task {
    is_woken: AtomicBool,
}

impl Task {
    /// Returns a task, and its waker.
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let task = Arc::new(Self::default());
        (Arc::clone(&task), Waker::from(task))
    }

    pub(crate) fn take_woken(&self) -> bool {
        self.is_woken.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Relaxed);
    }
}

type Job<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs tasks to their end. Panics if none is woken, or after too many polls.
pub(crate) fn run(jobs: Vec<Job<'_>>) {
    run_over(None, jobs);
}

/// Runs tasks to their end. If none is woken, the transport wakes those that wait for it.
pub(crate) fn run_over(wires: Option<&Wires>, jobs: Vec<Job<'_>>) {
    let mut tasks: Vec<_> = jobs
        .into_iter()
        .map(|future| {
            let (task, waker) = Task::new();
            task.is_woken.store(true, Ordering::Relaxed);
            Some((future, task, waker))
        })
        .collect();
    for _ in 0..1_000_000 {
        let mut was_woken = false;
        for slot in &mut tasks {
            let Some((future, task, waker)) = slot else { continue };
            if task.take_woken() {
                was_woken = true;
                if future.as_mut().poll(&mut Context::from_waker(waker)).is_ready() {
                    *slot = None;
                }
            }
        }
        if tasks.iter().all(Option::is_none) {
            return;
        }
        let left: Vec<_> = tasks.iter().map(Option::is_some).collect();
        was_woken = was_woken || wires.is_some_and(Wires::wake_all);
        assert!(was_woken, "hang: no task is woken, and these are not done: {left:?}");
    }
    panic!("the tasks spin");
}

/// Runs two futures as two tasks, and returns their results.
pub(crate) fn run_both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (None, None);
    let (at_a, at_b) = (&mut a, &mut b);
    run(vec![Box::pin(async move { *at_a = Some(one.await) }), Box::pin(async move { *at_b = Some(other.await) })]);
    (a.unwrap(), b.unwrap())
}

/// Runs one future.
pub(crate) fn run_one<A>(future: impl Future<Output = A>) -> A {
    run_both(future, async {}).0
}
