//! A server's sessions in a Redis.

use std::sync::Arc;

use ::redis::Cmd;
use zeroize::Zeroizing;

use super::pool::Redis;
use crate::resumption::StoresServerSessions;

/// The maximum length of a session ID. Longer identities are tickets of other servers and need no
/// query.
const MAX_ID: usize = 32;

/// Sessions that wait to be stored at a time.
#[cfg(feature = "redis-tokio")]
const MAX_STORES: usize = 1024;

/// Stores the sessions of all servers of a fleet in one Redis, each until it expires. A session is
/// used for early data at most once over all servers, because GETDEL is atomic.
///
/// Keys are `tls:session:` and the session ID (see [`Redis::set_prefix`]).
#[derive(Debug)]
pub struct RedisSessions {
    redis: Arc<Redis>,
    /// The number of sessions that may wait to be stored by asynchronous callers.
    #[cfg(feature = "redis-tokio")]
    stores: Arc<::tokio::sync::Semaphore>,
}

impl RedisSessions {
    /// Creates the storage. Does not connect yet.
    #[must_use]
    pub fn new(redis: Arc<Redis>) -> Self {
        Self {
            redis,
            #[cfg(feature = "redis-tokio")]
            stores: Arc::new(::tokio::sync::Semaphore::new(MAX_STORES)),
        }
    }

    fn read(&self, command: &str, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.redis.query::<Option<Vec<u8>>>(&self.read_command(command, id)?)?.map(Zeroizing::new)
    }

    #[cfg(feature = "redis-tokio")]
    async fn read_async(&self, command: &str, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.redis.query_async::<Option<Vec<u8>>>(&self.read_command(command, id)?).await?.map(Zeroizing::new)
    }

    /// Returns a command about one session, or `None` if no session has this ID.
    fn read_command(&self, command: &str, id: &[u8]) -> Option<Cmd> {
        let mut command = ::redis::cmd(command);
        command.arg(self.key(id));
        (id.len() <= MAX_ID).then_some(command)
    }

    fn put_command(&self, id: &[u8], session: &[u8], lifetime: u32) -> Cmd {
        let mut set = ::redis::cmd("SET");
        set.arg(self.key(id)).arg(session).arg("EX").arg(lifetime.max(1));
        set
    }

    /// Returns how many sessions wait to be stored.
    #[cfg(all(test, feature = "redis-tokio"))]
    pub(super) fn waiting_stores(&self) -> usize {
        MAX_STORES - self.stores.available_permits()
    }

    fn key(&self, id: &[u8]) -> Vec<u8> {
        self.redis.key("session", id)
    }
}

impl StoresServerSessions for RedisSessions {
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) -> bool {
        self.redis.query::<()>(&self.put_command(id, &session, lifetime)).is_some()
    }

    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.read("GET", id)
    }

    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.read("GETDEL", id)
    }
}

#[cfg(feature = "redis-tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis-tokio")))]
impl crate::tokio::StoresSessions for RedisSessions {
    /// Does not wait for the Redis: a task of its own stores the session, even if the connection
    /// ends. If 1,024 wait already, the session is not stored.
    async fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) {
        let Ok(permit) = Arc::clone(&self.stores).try_acquire_owned() else { return };
        let (redis, command) = (Arc::clone(&self.redis), self.put_command(id, &session, lifetime));
        drop(::tokio::spawn(async move {
            redis.query_async::<()>(&command).await;
            drop(permit);
        }));
    }

    async fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.read_async("GET", id).await
    }

    async fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.read_async("GETDEL", id).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use zeroize::Zeroizing;

    use super::super::test_server::Server;
    use super::RedisSessions;
    use crate::StoresServerSessions;

    fn storage(server: &Server) -> RedisSessions {
        RedisSessions::new(Arc::new(server.client()))
    }

    #[test]
    fn session_is_taken_once_by_all_servers() {
        let server = Server::default();
        let (one, other) = (storage(&server), storage(&server));
        assert!(one.put(&[7; 32], Zeroizing::new(b"session".to_vec()), 60));
        assert_eq!(other.get(&[7; 32]).as_deref().map(Vec::as_slice), Some(&b"session"[..]));
        assert!(other.take(&[7; 32]).is_some());
        assert!(one.take(&[7; 32]).is_none() && one.get(&[7; 32]).is_none());
    }

    #[test]
    fn prefixes_separate_fleets() {
        let server = Server::default();
        let mut redis = server.client();
        redis.set_prefix("shop:");
        let shop = RedisSessions::new(Arc::new(redis));
        assert!(shop.put(b"id", Zeroizing::new(vec![1]), 60));
        assert!(storage(&server).get(b"id").is_none());
        assert_eq!(server.keys(), ["shop:session:id"]);
    }

    #[test]
    fn long_identity_is_not_queried() {
        let server = Server::default();
        assert!(storage(&server).get(&[1; 33]).is_none());
        assert_eq!(server.commands(), 0);
    }
}
