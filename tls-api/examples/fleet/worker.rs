//! The thread that calls the session store, so that the event loop does not block.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use mio::Waker;
use strata_tls::handshake::{Answer, NeedSession, NeedTakeSession};
use strata_tls::{Identity, ProtocolVersion, ServerSessionValue, StoresServerSessions, UnixTime};
use zeroize::Zeroizing;

/// The maximum number of queued jobs. It bounds memory and the time that a client waits.
const QUEUE: usize = 1024;

/// An answer from the worker, and the token of its connection.
pub(crate) type Reply = (usize, Answer);

/// A request that needs the store.
pub(crate) enum Lookup {
    Find(NeedSession),
    Take(NeedTakeSession),
}

impl Lookup {
    /// Returns the answer for a store that is not available: the handshake continues as a full one.
    fn not_found(self) -> Answer {
        match self {
            Self::Find(need) => need.not_found(),
            Self::Take(need) => need.gone(),
        }
    }
}

enum Job {
    /// Look up a session for this connection.
    Lookup { token: usize, lookup: Lookup, since: Instant },
    /// Store a session. No reply is sent.
    Store { id: [u8; 32], session: Zeroizing<Vec<u8>>, lifetime: u32 },
    /// Remove a session. No reply is sent.
    Remove { id: [u8; 32] },
}

/// Sends jobs to the thread. Works with any session store, including one that blocks.
pub(crate) struct Worker(SyncSender<Job>);

impl Worker {
    /// Starts the thread. Its replies arrive at the receiver, each with a wake-up. A lookup that
    /// was queued for longer than `max_wait` is answered as not found: a full handshake is faster.
    pub(crate) fn start(
        store: impl StoresServerSessions + 'static,
        identity: Arc<Identity>,
        max_wait: Duration,
        waker: Waker,
    ) -> (Self, Receiver<Reply>) {
        let (jobs, todo) = sync_channel(QUEUE);
        let (replies, results) = channel();
        std::thread::spawn(move || work(&store, &identity, max_wait, &todo, &replies, &waker));
        (Self(jobs), results)
    }

    /// Queues a lookup. Returns an answer only if the queue is full.
    pub(crate) fn ask(&self, token: usize, lookup: Lookup) -> Option<Answer> {
        match self.0.try_send(Job::Lookup { token, lookup, since: Instant::now() }) {
            Err(TrySendError::Full(Job::Lookup { lookup, .. }))
            | Err(TrySendError::Disconnected(Job::Lookup { lookup, .. })) => Some(lookup.not_found()),
            _ => None,
        }
    }

    /// Stores a session. If the queue is full it is dropped, and its client makes a full handshake.
    pub(crate) fn store(&self, id: [u8; 32], session: Zeroizing<Vec<u8>>, lifetime: u32) {
        let _ = self.0.try_send(Job::Store { id, session, lifetime });
    }

    /// Removes a session whose connection failed, after the job that stores it. If the queue is
    /// full, the session remains until it expires.
    pub(crate) fn remove(&self, id: [u8; 32]) {
        let _ = self.0.try_send(Job::Remove { id });
    }
}

fn work(
    store: &dyn StoresServerSessions,
    identity: &Identity,
    max_wait: Duration,
    todo: &Receiver<Job>,
    replies: &Sender<Reply>,
    waker: &Waker,
) {
    for job in todo {
        let result = match job {
            Job::Store { id, session, lifetime } => {
                store.put(&id, session, lifetime);
                continue;
            }
            Job::Remove { id } => {
                drop(store.take(&id));
                continue;
            }
            Job::Lookup { token, lookup, since } if since.elapsed() > max_wait => (token, lookup.not_found()),
            Job::Lookup { token, lookup, .. } => (token, answer(store, identity, lookup)),
        };
        if replies.send(result).is_err() || waker.wake().is_err() {
            return;
        }
    }
}

fn answer(store: &dyn StoresServerSessions, identity: &Identity, lookup: Lookup) -> Answer {
    match lookup {
        Lookup::Find(need) => find(store, identity, need),
        // Removing it makes the session single-use (RFC 9846 §8.1).
        Lookup::Take(need) if store.take(need.identity()).is_some() => need.taken(),
        Lookup::Take(need) => need.gone(),
    }
}

fn find(store: &dyn StoresServerSessions, identity: &Identity, need: NeedSession) -> Answer {
    let single_use = need.version() == ProtocolVersion::TLS13;
    let session = need.identities().enumerate().take(MAX_LOOKUPS).find_map(|(index, id)| {
        let bytes = need.is_store_id(id).then(|| store.get(id)).flatten()?;
        Some((index, ServerSessionValue::decode(&bytes).ok()?))
    });
    match session {
        Some((index, session)) if single_use => need.found_single_use(index, session, identity, UnixTime::now()),
        Some((index, session)) => need.found(index, session, identity, UnixTime::now()),
        None => need.not_found(),
    }
}

/// The maximum number of sessions looked up per ClientHello.
const MAX_LOOKUPS: usize = 4;
