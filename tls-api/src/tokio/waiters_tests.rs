//! Tests the wakers under loom, which tries the orders in which threads can run. A task that is not
//! woken is a deadlock, which loom reports.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use loom::model::Builder;
use loom::sync::{Condvar, MutexGuard};
use loom::thread::spawn;

use self::sync::{AtomicBool, Mutex, Ordering};
use self::waiters::{RareWaiters, SenderTask, Side, Waiters};

/// The same source, with loom's atomics and locks.
#[path = "waiters.rs"]
#[expect(clippy::duplicate_mod, reason = "loom")]
mod waiters;

mod sync {
    pub(super) use loom::sync::Mutex;
    pub(super) use loom::sync::atomic::{AtomicBool, Ordering};
}

/// Runs a model in all orders with at most three switches from a thread that could go on.
fn model(work: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(work);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A task that is polled when it was woken, as under an executor.
struct Task {
    is_woken: Mutex<bool>,
    waits: Condvar,
}

impl Task {
    fn new() -> Arc<Self> {
        Arc::new(Self { is_woken: Mutex::new(false), waits: Condvar::new() })
    }

    /// Polls until it is ready, twice for each time it was woken: executors may poll too often.
    fn run(self: &Arc<Self>, mut poll: impl FnMut(&mut Context<'_>) -> Poll<()>) {
        let waker = Waker::from(Arc::clone(self));
        let mut context = Context::from_waker(&waker);
        while poll(&mut context).is_pending() && poll(&mut context).is_pending() {
            let mut is_woken = lock(&self.is_woken);
            while !std::mem::take(&mut *is_woken) {
                is_woken = self.waits.wait(is_woken).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        *lock(&self.is_woken) = true;
        self.waits.notify_one();
    }
}

/// A direction of a transport, as they all are: it knows only the waker of the last poll.
#[derive(Default)]
struct Transport {
    room: u32,
    waker: Option<Waker>,
}

impl Transport {
    fn poll(transport: &Mutex<Self>, cx: &Context<'_>) -> Poll<()> {
        let mut this = lock(transport);
        if this.room > 0 {
            this.room -= 1;
            return Poll::Ready(());
        }
        this.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn make_room(transport: &Mutex<Self>) {
        let waker = {
            let mut this = lock(transport);
            this.room += 1;
            this.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

/// A task that reads, and must write first: it polls as a reader does, once for each time it was
/// woken. Another that writes. The transport has room for one of them, and then for the other.
#[test]
fn room_for_each_wakes_both_tasks() {
    model(|| {
        let transport = Arc::new(Mutex::new(Transport::default()));
        let stream = Arc::new(Mutex::new(RareWaiters::default()));
        let reader = {
            let (transport, stream) = (Arc::clone(&transport), Arc::clone(&stream));
            spawn(move || Task::new().run(|cx| lock(&stream).poll_once(cx, |cx| Transport::poll(&transport, cx))))
        };
        let writer = {
            let (transport, stream) = (Arc::clone(&transport), Arc::clone(&stream));
            spawn(move || {
                Task::new().run(|cx| lock(&stream).poll(Side::Writer, cx, |cx| Transport::poll(&transport, cx)));
            })
        };
        Transport::make_room(&transport);
        Transport::make_room(&transport);
        reader.join().and(writer.join()).unwrap();
    });
}

/// A task that writes is polled last, and then drops its future: it will not use the room that the
/// transport reports to it.
#[test]
fn dropped_write_does_not_keep_the_reader_waiting() {
    model(|| {
        let transport = Arc::new(Mutex::new(Transport::default()));
        let stream = Arc::new(Mutex::new(RareWaiters::default()));
        let reader = {
            let (transport, stream) = (Arc::clone(&transport), Arc::clone(&stream));
            spawn(move || Task::new().run(|cx| lock(&stream).poll_once(cx, |cx| Transport::poll(&transport, cx))))
        };
        let waker = Waker::from(Task::new());
        let mut context = Context::from_waker(&waker);
        let written = lock(&stream).poll(Side::Writer, &mut context, |cx| Transport::poll(&transport, cx));
        assert!(written.is_pending());
        Transport::make_room(&transport);
        reader.join().unwrap();
    });
}

/// A task that writes, and must read first, and another that reads: until the handshake is
/// complete. What either reads lets both go on.
#[test]
fn input_wakes_both_tasks() {
    #[derive(Default)]
    struct Stream {
        incoming: Waiters,
        is_complete: bool,
    }

    model(|| {
        let transport = Arc::new(Mutex::new(Transport::default()));
        let stream = Arc::new(Mutex::new(Stream::default()));
        let [reader, writer] = [Side::Reader, Side::Writer].map(|side| {
            let (transport, stream) = (Arc::clone(&transport), Arc::clone(&stream));
            spawn(move || {
                Task::new().run(|cx| {
                    let Stream { incoming, is_complete } = &mut *lock(&stream);
                    if !*is_complete {
                        *is_complete = incoming.poll(side, cx, |cx| Transport::poll(&transport, cx)).is_ready();
                    }
                    if *is_complete { Poll::Ready(()) } else { Poll::Pending }
                });
            })
        });
        Transport::make_room(&transport);
        reader.join().and(writer.join()).unwrap();
    });
}

/// The receiver of a split stream leaves something, and wakes the sender, whose task looks for it
/// after it has noted itself.
#[test]
fn what_the_receiver_leaves_wakes_the_sender() {
    model(|| {
        let (task, mail) = (Arc::new(SenderTask::default()), Arc::new(AtomicBool::new(false)));
        let (at_receiver, posted) = (Arc::clone(&task), Arc::clone(&mail));
        let receiver = spawn(move || {
            posted.store(true, Ordering::Release);
            at_receiver.wake();
        });
        Task::new().run(|cx| {
            task.register(cx.waker());
            if mail.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        });
        receiver.join().unwrap();
    });
}
