//! Storage of a server's sessions under IDs: the trait, the memory cache, and the storage that
//! stores none.

use std::fmt;

use zeroize::Zeroizing;

use super::sharded_map::ShardedMap;

/// Stores a server's sessions: in memory, in a file, or in a database that a fleet shares.
///
/// A session is a byte string and a secret: anyone holding it can resume it. A lost or altered
/// session costs the client a full handshake. On an error, return as if the session were missing.
///
/// Called during handshakes; must return within microseconds. With a slower store, defer
/// [`Needs::SESSION`](crate::Needs::SESSION) and [`Needs::NEW_SESSION`](crate::Needs::NEW_SESSION)
/// ([`set_deferred_needs`](crate::ServerConfig::set_deferred_needs)), and it is called on a thread
/// that may wait. Under tokio use `tokio::StoresSessions` instead.
pub trait StoresServerSessions: fmt::Debug + Send + Sync {
    /// Stores a session, and returns whether it did. It cannot be resumed after `lifetime` seconds,
    /// when a store should remove it. IDs are random and at most 32 bytes long.
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) -> bool;

    /// Returns a copy of the session with this ID.
    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>>;

    /// Removes and returns the session with this ID. Of all concurrent callers, on all machines
    /// that share the store, only one may get it: this prevents replays of early data (RFC 9846
    /// §8.1). Servers also call it to remove the sessions of a failed connection.
    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>>;

    /// Returns whether sessions are stored at all. Called once, when the storage is set. Default:
    /// `true`.
    fn can_cache(&self) -> bool {
        true
    }
}

/// Stores the latest sessions in memory. A full cache evicts the oldest.
///
/// A session takes about 400 bytes, plus the client's certificate chain if there is one. A session
/// longer than 64 KiB is not stored.
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

/// The longest session to store, in bytes. Only one with an absurd client chain is longer.
const MAX_SESSION: usize = 0x1_0000;
/// The longest ID, in bytes.
const MAX_ID: usize = 32;

impl ServerSessionMemoryCache {
    /// Creates a cache for at most `size` sessions.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { sessions: ShardedMap::new(size) }
    }

    /// Returns the number of sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Returns whether there is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl StoresServerSessions for ServerSessionMemoryCache {
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, _: u32) -> bool {
        // The lifetime is not needed: it is part of the session, and checked on resumption.
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

/// Stores no sessions, so that every handshake is a full one.
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
    fn session_is_copied_often_and_removed_once() {
        let cache = ServerSessionMemoryCache::new(100);
        assert!(cache.put(b"id", session(1), 60));
        assert_eq!(cache.get(b"id"), Some(session(1)));
        assert_eq!(cache.get(b"id"), Some(session(1)));
        assert_eq!(cache.take(b"id"), Some(session(1)));
        assert_eq!((cache.take(b"id"), cache.get(b"id")), (None, None));
        assert!(cache.is_empty());
    }

    #[test]
    fn only_one_of_many_threads_takes_a_session() {
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
    fn session_that_is_too_long_is_not_stored() {
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
