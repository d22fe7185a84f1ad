//! The tasks that wait for one direction of a transport, and the one that sends for a half.
//!
//! A transport keeps one waker per direction: that of the last poll. But a read may have to write
//! (a KeyUpdate, an alert) and a write may have to read (until the handshake is complete), and the
//! two may belong to different tasks. If both wait for the same direction, the transport gets a
//! waker that wakes both. A task that has the stream for itself only uses its own waker.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::sync::{AtomicBool, Mutex, Ordering};

/// Why a task polls the stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Reader,
    Writer,
}

/// The tasks that wait. The reader's waker stays here after it was woken, so that a task that waits
/// for each request does not clone its waker for each.
#[derive(Default)]
pub(super) struct Waiters {
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The waker that the transport has, if it is not a task's own.
    shared: Option<Arc<SharedWaker>>,
}

/// [`Waiters`] of a direction that tasks seldom wait for, in a box from the first time on.
#[derive(Default)]
pub(super) struct RareWaiters(Option<Box<Waiters>>);

impl RareWaiters {
    /// As [`Waiters::poll`].
    pub(super) fn poll<T>(
        &mut self,
        side: Side,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if let Some(waiters) = &mut self.0 {
            return waiters.poll(side, cx, op);
        }
        let result = op(cx);
        if result.is_pending() {
            self.0.insert(Box::default()).note(side, cx.waker());
        }
        result
    }

    /// As [`Waiters::poll_once`].
    pub(super) fn poll_once<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if let Some(waiters) = &mut self.0 {
            return waiters.poll_once(cx, op);
        }
        let result = op(cx);
        if result.is_pending() {
            return self.0.insert(Box::default()).poll_again(cx, op);
        }
        result
    }
}

struct SharedWaker {
    tasks: [Option<Waker>; 2],
    was_woken: AtomicBool,
}

impl Waiters {
    /// Polls the transport for a task. If that succeeds while the other task waits, wakes the
    /// latter, because the transport may have forgotten it.
    pub(super) fn poll<T>(
        &mut self,
        side: Side,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let mut result = op(cx);
        if result.is_pending() && self.note(side, cx.waker()) {
            result = op(&mut Context::from_waker(&self.share()));
        } else {
            self.shared = None;
        }
        if result.is_ready() {
            self.wake_other(side, cx.waker());
        }
        result
    }

    /// Polls the transport for what a reader does on the side whenever it is polled: after
    /// `Pending`, only once the transport has woken the task.
    pub(super) fn poll_once<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if self.shared.as_ref().is_some_and(|shared| shared.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let result = op(cx);
        if result.is_pending() {
            return self.poll_again(cx, op);
        }
        self.wake_other(Side::Reader, cx.waker());
        self.reader = None;
        result
    }

    /// Polls the transport again, with a waker that notes that it was woken.
    fn poll_again<T>(&mut self, cx: &mut Context<'_>, mut op: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.note(Side::Reader, cx.waker());
        let result = op(&mut Context::from_waker(&self.share()));
        if result.is_ready() {
            self.wake_other(Side::Reader, cx.waker());
            self.reader = None;
        }
        result
    }

    /// Remembers the task. Returns whether another one waits too.
    fn note(&mut self, side: Side, waker: &Waker) -> bool {
        let (own, other) = match side {
            Side::Reader => (&mut self.reader, &self.writer),
            Side::Writer => (&mut self.writer, &self.reader),
        };
        if !own.as_ref().is_some_and(|own| own.will_wake(waker)) {
            *own = Some(waker.clone());
        }
        other.as_ref().is_some_and(|other| !other.will_wake(waker))
    }

    /// Wakes the other task if it may have waited, after this one has used the transport.
    pub(super) fn wake_other(&mut self, side: Side, waker: &Waker) {
        let other = match side {
            Side::Reader => self.writer.take(),
            Side::Writer => {
                self.writer = None;
                self.reader.take()
            }
        };
        self.shared = None;
        if let Some(other) = other.filter(|other| !other.will_wake(waker)) {
            other.wake();
        }
    }

    /// Returns a waker that wakes both tasks.
    fn share(&mut self) -> Waker {
        let tasks = [self.reader.clone(), self.writer.clone()];
        let shared = Arc::new(SharedWaker { tasks, was_woken: AtomicBool::new(false) });
        self.shared = Some(Arc::clone(&shared));
        shared.into()
    }
}

impl SharedWaker {
    /// Returns whether this task will be woken, and was not yet.
    fn will_wake(&self, waker: &Waker) -> bool {
        !self.was_woken.load(Ordering::Acquire) && self.tasks.iter().flatten().any(|task| task.will_wake(waker))
    }
}

impl Wake for SharedWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Sets the flag first: a task that sees it unset is woken afterwards.
    fn wake_by_ref(self: &Arc<Self>) {
        self.was_woken.store(true, Ordering::Release);
        self.tasks.iter().flatten().for_each(Waker::wake_by_ref);
    }
}

/// The task that sends, for the receiver to wake. The lock is held for a moment, and taken only
/// when the sender must wait, and when the receiver has left something: never for data that flows.
#[derive(Default)]
pub(super) struct SenderTask(Mutex<Option<Waker>>);

impl SenderTask {
    /// Notes the task. Then look what the receiver has left: what it leaves later wakes the task.
    pub(super) fn register(&self, waker: &Waker) {
        let mut task = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !task.as_ref().is_some_and(|task| task.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    /// Wakes the task. Call it after leaving something for it.
    pub(super) fn wake(&self) {
        let task = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        task.into_iter().for_each(Waker::wake);
    }
}
