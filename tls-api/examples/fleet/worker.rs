//! The thread that talks to the store, so that nobody else has to wait for it.

use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use mio::Waker;
use tls_api::handshake::{Answer, NeedSession};
use tls_api::{ProtocolVersion, ServerSessionValue, StoresServerSessions, UnixTime};
use zeroize::Zeroizing;

/// How long a session may take to be found, and how long the wait for its turn may be before: beyond that a full handshake is the
/// better way.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Jobs that wait at most. Memory is bounded so, and so is the time that a client waits.
const QUEUE: usize = 1024;

/// What the worker found, and for which connection.
pub(crate) type Found = (usize, Answer);

enum Job {
    /// Find the session that this connection wants to go on from.
    Find { token: usize, need: NeedSession, since: Instant },
    /// Keep a session; nobody waits for that.
    Keep { id: [u8; 32], session: Zeroizing<Vec<u8>>, lifetime: u32 },
}

/// Where jobs go. It takes any store that is made to be asked from a thread that may wait.
pub(crate) struct Worker(SyncSender<Job>);

impl Worker {
    /// Starts it; what it finds comes out of the receiver, with a wake-up.
    pub(crate) fn start(store: impl StoresServerSessions + 'static, waker: Waker) -> (Self, Receiver<Found>) {
        let (jobs, todo) = sync_channel(QUEUE);
        let (found, results) = channel();
        std::thread::spawn(move || work(&store, &todo, &found, &waker));
        (Self(jobs), results)
    }

    /// Asks for a session: the answer comes later, or at once if there is too much to do already.
    pub(crate) fn find(&self, token: usize, need: NeedSession) -> Option<Answer> {
        match self.0.try_send(Job::Find { token, need, since: Instant::now() }) {
            Err(TrySendError::Full(Job::Find { need, .. }) | TrySendError::Disconnected(Job::Find { need, .. })) => {
                Some(need.not_found())
            }
            _ => None,
        }
    }

    /// Keeps a session, unless there is too much to do: its client makes a full handshake then.
    pub(crate) fn keep(&self, id: [u8; 32], session: Zeroizing<Vec<u8>>, lifetime: u32) {
        let _ = self.0.try_send(Job::Keep { id, session, lifetime });
    }
}

fn work(store: &dyn StoresServerSessions, todo: &Receiver<Job>, found: &Sender<Found>, waker: &Waker) {
    for job in todo {
        let result = match job {
            Job::Keep { id, session, lifetime } => {
                store.put(&id, session, lifetime);
                continue;
            }
            Job::Find { token, need, since } if since.elapsed() > PATIENCE => (token, need.not_found()),
            Job::Find { token, need, .. } => (token, find(store, need)),
        };
        if found.send(result).is_err() || waker.wake().is_err() {
            return;
        }
    }
}

fn find(store: &dyn StoresServerSessions, need: NeedSession) -> Answer {
    // RFC 9846 §8.1: a ticket of TLS 1.3 is good for one connection. A session of TLS 1.2 is for several.
    let once = need.version() == ProtocolVersion::TLS13;
    let session = need.identities().into_iter().enumerate().find_map(|(index, id)| {
        let bytes = if once { store.take(id)? } else { store.get(id)? };
        Some((index, ServerSessionValue::decode(&bytes).ok()?))
    });
    match session {
        Some((index, session)) if once => need.found_once(index, session, UnixTime::now()),
        Some((index, session)) => need.found(index, session, UnixTime::now()),
        None => need.not_found(),
    }
}
