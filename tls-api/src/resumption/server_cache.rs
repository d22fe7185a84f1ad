//! A server's sessions, kept on its side under ids.

use std::fmt;

use zeroize::Zeroizing;

use super::sharded_map::ShardedMap;

/// Keeps a server's sessions, each for as long as there is room: in memory, in a file, in a database that a fleet shares.
///
/// A session is a string of bytes, and secret: whoever has it can resume it. What was lost or altered costs the client a full
/// handshake, and nothing else; so does an error, for which every call has a value that says "not there". Calls are
/// made during handshakes and should return within microseconds; where that cannot be, answer
/// [`Need::Session`](tls_handshake::Need::Session) later instead, with the engine.
pub trait StoresServerSessions: fmt::Debug + Send + Sync {
    /// Keeps a session under an id; whether it does. After `lifetime` seconds nobody can resume it any more, and a store that has a clock
    /// should let it go. Ids are random, of up to 32 bytes.
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) -> bool;

    /// The session with this id, which stays.
    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>>;

    /// Removes and returns the session with this id. Of all concurrent callers, on all machines that share the store, only one may
    /// get it: this prevents replays of early data (RFC 9846 §8.1). Servers also call it to remove the sessions of a failed
    /// connection.
    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>>;

    /// Whether anything is kept at all. Asked once, when a configuration is given the store.
    fn can_cache(&self) -> bool {
        true
    }
}

/// Keeps the latest sessions in memory, until others take their room.
///
/// A session takes about 400 bytes with its place in the cache, and those of clients with certificates as many more as
/// their chains have. Of those beyond 64 KiB none is kept.
///
/// ```
/// use std::sync::Arc;
/// use strata_tls::ServerSessionMemoryCache;
///
/// # fn set(mut config: strata_tls::ServerConfig) {
/// config.set_session_storage(Arc::new(ServerSessionMemoryCache::new(10_000)));
/// # }
/// ```
pub struct ServerSessionMemoryCache {
    sessions: ShardedMap<Zeroizing<Vec<u8>>>,
}

/// Bytes of a session: beyond lie only absurd chains.
const MAX_SESSION: usize = 0x1_0000;
/// Bytes of an id.
const MAX_ID: usize = 32;

impl ServerSessionMemoryCache {
    /// For this many sessions at most; the oldest go first.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { sessions: ShardedMap::new(size) }
    }

    /// Sessions at present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl StoresServerSessions for ServerSessionMemoryCache {
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, _: u32) -> bool {
        // A session says itself when it ends.
        let fits = id.len() <= MAX_ID && session.len() <= MAX_SESSION;
        let key = self.sessions.key(id);
        fits && self.sessions.shard(&key).is_some_and(|mut shard| shard.insert(&key, session))
    }

    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.sessions.key(id);
        self.sessions.shard(&key)?.get(&key).cloned()
    }

    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.sessions.key(id);
        self.sessions.shard(&key)?.remove(&key)
    }
}

impl fmt::Debug for ServerSessionMemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSessionMemoryCache").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Keeps none: every handshake is a full one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoServerSessionStorage;

impl StoresServerSessions for NoServerSessionStorage {
    fn put(&self, _: &[u8], _: Zeroizing<Vec<u8>>, _: u32) -> bool {
        false
    }

    fn get(&self, _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        None
    }

    fn take(&self, _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        None
    }

    fn can_cache(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn session(byte: u8) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(vec![byte; 100])
    }

    #[test]
    fn a_session_is_got_as_often_as_one_likes_and_taken_once() {
        let cache = ServerSessionMemoryCache::new(100);
        assert!(cache.put(b"id", session(1), 60));
        assert_eq!(cache.get(b"id"), Some(session(1)));
        assert_eq!(cache.get(b"id"), Some(session(1)));
        assert_eq!(cache.take(b"id"), Some(session(1)));
        assert_eq!((cache.take(b"id"), cache.get(b"id")), (None, None));
        assert!(cache.is_empty());
    }

    #[test]
    fn of_many_threads_that_take_a_session_one_gets_it() {
        let cache = ServerSessionMemoryCache::new(1000);
        for round in 0..200u32 {
            let (id, taken) = (round.to_be_bytes(), AtomicUsize::new(0));
            cache.put(&id, session(1), 60);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| taken.fetch_add(usize::from(cache.take(&id).is_some()), Ordering::Relaxed));
                }
            });
            assert_eq!(taken.into_inner(), 1);
        }
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let cache = ServerSessionMemoryCache::new(100);
        assert!(!cache.put(b"id", Zeroizing::new(vec![0; MAX_SESSION + 1]), 60));
        assert!(!cache.put(&[0; MAX_ID + 1], session(1), 60));
        assert!(cache.is_empty());
    }

    #[test]
    fn debug_shows_no_session() {
        let cache = ServerSessionMemoryCache::new(100);
        cache.put(b"id", session(b's'), 60);
        assert_eq!(format!("{cache:?}"), "ServerSessionMemoryCache { len: 1, .. }");
    }
}
