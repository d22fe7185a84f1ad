//! The thread that talks to the store, so that nobody else has to wait for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use mio::Waker;
use strata_tls::handshake::{Answer, NeedSession, NeedTakeSession};
use strata_tls::{Identity, ProtocolVersion, ServerSessionValue, StoresServerSessions, UnixTime};
use zeroize::Zeroizing;

/// Jobs that wait at most. Memory is bounded so, and so is the time that a client waits.
const QUEUE: usize = 1024;

/// What the worker found, and for which connection.
pub(crate) type Found = (usize, Answer);

/// What only the store can answer.
pub(crate) enum Question {
    Find(NeedSession),
    Take(NeedTakeSession),
}

impl Question {
    /// The answer where the store cannot be asked: the handshake continues as a full one.
    fn give_up(self) -> Answer {
        match self {
            Self::Find(need) => need.not_found(),
            Self::Take(need) => need.gone(),
        }
    }
}

enum Job {
    /// Answer a question of this connection.
    Ask { token: usize, question: Question, since: Instant },
    /// Keep a session; nobody waits for that.
    Keep { id: [u8; 32], session: Zeroizing<Vec<u8>>, lifetime: u32 },
    /// Remove a session. No answer is sent.
    Remove { id: [u8; 32] },
}

/// Where jobs go. It takes any store that is made to be asked from a thread that may wait.
pub(crate) struct Worker(SyncSender<Job>);

impl Worker {
    /// Starts it; what it finds comes out of the receiver, with a wake-up. A question that waited longer than `patience` for its
    /// turn is not asked: a full handshake is faster.
    pub(crate) fn start(
        store: impl StoresServerSessions + 'static,
        identity: Arc<Identity>,
        patience: Duration,
        waker: Waker,
    ) -> (Self, Receiver<Found>) {
        let (jobs, todo) = sync_channel(QUEUE);
        let (found, results) = channel();
        std::thread::spawn(move || work(&store, &identity, patience, &todo, &found, &waker));
        (Self(jobs), results)
    }

    /// Asks the store: the answer comes later, or at once if there is too much to do already.
    pub(crate) fn ask(&self, token: usize, question: Question) -> Option<Answer> {
        match self.0.try_send(Job::Ask { token, question, since: Instant::now() }) {
            Err(TrySendError::Full(Job::Ask { question, .. }))
            | Err(TrySendError::Disconnected(Job::Ask { question, .. })) => Some(question.give_up()),
            _ => None,
        }
    }

    /// Keeps a session, unless there is too much to do: its client makes a full handshake then.
    pub(crate) fn keep(&self, id: [u8; 32], session: Zeroizing<Vec<u8>>, lifetime: u32) {
        let _ = self.0.try_send(Job::Keep { id, session, lifetime });
    }

    /// Removes a session whose connection failed, behind the job that keeps it. With too much to do it stays until its lifetime
    /// ends: the event loop does not wait.
    pub(crate) fn remove(&self, id: [u8; 32]) {
        let _ = self.0.try_send(Job::Remove { id });
    }
}

fn work(
    store: &dyn StoresServerSessions,
    identity: &Identity,
    patience: Duration,
    todo: &Receiver<Job>,
    found: &Sender<Found>,
    waker: &Waker,
) {
    for job in todo {
        let result = match job {
            Job::Keep { id, session, lifetime } => {
                store.put(&id, session, lifetime);
                continue;
            }
            Job::Remove { id } => {
                drop(store.take(&id));
                continue;
            }
            Job::Ask { token, question, since } if since.elapsed() > patience => (token, question.give_up()),
            Job::Ask { token, question, .. } => (token, answer(store, identity, question)),
        };
        if found.send(result).is_err() || waker.wake().is_err() {
            return;
        }
    }
}

fn answer(store: &dyn StoresServerSessions, identity: &Identity, question: Question) -> Answer {
    match question {
        Question::Find(need) => find(store, identity, need),
        // RFC 9846 §8.1: a session of TLS 1.3 is used by one connection.
        Question::Take(need) if store.take(need.identity()).is_some() => need.taken(),
        Question::Take(need) => need.gone(),
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

/// Sessions looked up for one ClientHello.
const MAX_LOOKUPS: usize = 4;
