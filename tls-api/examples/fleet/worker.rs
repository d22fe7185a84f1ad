//! The thread that calls the session store, so that the event loop does not block.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use mio::Waker;
use strata_tls::redis::RedisSessions;
use strata_tls::{Answer, Need, ServerConfig, StoresServerSessions};
use zeroize::Zeroizing;

/// The maximum number of queued jobs. It bounds memory and the time that a client waits.
const QUEUE: usize = 1024;

/// An answer from the worker, and the token of its connection.
pub(crate) type Reply = (usize, Answer);

enum Job {
    /// Answer this connection's request.
    Answer { token: usize, need: Need, since: Instant },
    /// Store a session. No reply is sent.
    Store { id: [u8; 32], session: Zeroizing<Vec<u8>>, lifetime: u32 },
    /// Remove the session of a connection that failed. No reply is sent.
    Remove { id: [u8; 32] },
}

/// Sends jobs to the thread.
pub(crate) struct Worker(SyncSender<Job>);

impl Worker {
    /// Starts the thread. Its replies arrive at the receiver, each with a wake-up. A request that
    /// was queued for longer than `max_wait` is refused: a full handshake is faster.
    pub(crate) fn start(
        config: Arc<ServerConfig>,
        store: Arc<RedisSessions>,
        max_wait: Duration,
        waker: Waker,
    ) -> (Self, Receiver<Reply>) {
        let (jobs, todo) = sync_channel(QUEUE);
        let (replies, results) = channel();
        std::thread::spawn(move || work(&config, &store, max_wait, &todo, &replies, &waker));
        (Self(jobs), results)
    }

    /// Queues a request. Returns an answer only if the queue is full.
    pub(crate) fn ask(&self, token: usize, need: Need) -> Option<Answer> {
        match self.0.try_send(Job::Answer { token, need, since: Instant::now() }) {
            // The handshake continues as a full one.
            Err(
                TrySendError::Full(Job::Answer { need, .. }) | TrySendError::Disconnected(Job::Answer { need, .. }),
            ) => Some(need.refuse()),
            _ => None,
        }
    }

    /// Stores a session. If the queue is full it is dropped, and its client makes a full handshake.
    pub(crate) fn store(&self, id: [u8; 32], session: Zeroizing<Vec<u8>>, lifetime: u32) {
        let _ = self.0.try_send(Job::Store { id, session, lifetime });
    }

    /// Removes a session, after the job that stores it. If the queue is full, the session remains
    /// until it expires.
    pub(crate) fn remove(&self, id: [u8; 32]) {
        let _ = self.0.try_send(Job::Remove { id });
    }
}

fn work(
    config: &ServerConfig,
    store: &RedisSessions,
    max_wait: Duration,
    todo: &Receiver<Job>,
    replies: &Sender<Reply>,
    waker: &Waker,
) {
    for job in todo {
        let reply = match job {
            Job::Store { id, session, lifetime } => {
                store.put(&id, session, lifetime);
                continue;
            }
            Job::Remove { id } => {
                drop(store.take(&id));
                continue;
            }
            Job::Answer { token, need, since } if since.elapsed() > max_wait => (token, need.refuse()),
            Job::Answer { token, need, .. } => (token, config.answer(need)),
        };
        if replies.send(reply).is_err() || waker.wake().is_err() {
            return;
        }
    }
}
