//! A session store in a Redis (6.2 or later) that several servers share.
//!
//! If the Redis is down or slow, or lost or altered a session, the handshake continues as a full
//! one. No handshake fails or waits long: after an error the store sends no command for
//! [`BACKOFF`].
//!
//! Stored sessions are secret: protect the Redis, and the network to it, like the private keys. If
//! servers accept early data, the Redis must not restore old snapshots or fail over to replicas
//! that lag behind (use `save ""`, `appendonly no`, one master). Both would restore removed
//! sessions, and so allow replays.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::ErrorKind;
use strata_tls::StoresServerSessions;
use zeroize::Zeroizing;

/// The time without commands after a failure. At most one handshake per second waits for a broken
/// Redis.
const BACKOFF: Duration = Duration::from_secs(1);

/// A connection to the Redis, which reconnects on demand.
pub(crate) struct Redis {
    client: redis::Client,
    /// The limit on waiting for a response, and on connecting.
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<redis::Connection>,
    retry_at: Option<Instant>,
    last_reported: Option<Instant>,
}

impl Redis {
    /// Creates a client. Does not connect yet.
    pub(crate) fn new(url: &str, timeout: Duration) -> redis::RedisResult<Self> {
        Ok(Self { client: redis::Client::open(url)?, timeout, state: Mutex::default() })
    }

    /// Sends a command and returns its response, or `None` after an error or a response of another
    /// type.
    pub(crate) fn query<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Option<T> {
        // Not contended: one thread serves all connections. A server of several threads would use
        // one connection per thread.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.retry_at.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        match self.try_query(&mut state.connection, command) {
            Ok(answer) => return Some(answer),
            Err(e) => {
                // Read the time again: the command may have taken long.
                let now = Instant::now();
                if state.last_reported.is_none_or(|last| now - last >= BACKOFF) {
                    state.last_reported = Some(now);
                    eprintln!("redis: {}", reason(&e));
                }
                // An error response (out of memory, a replica, …) keeps the connection usable.
                // After any other error the response may still arrive, and must not count as that
                // of the next command.
                if !matches!(e.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
                    state.connection = None;
                    state.retry_at = Some(now + BACKOFF);
                }
            }
        }
        None
    }

    fn try_query<T: redis::FromRedisValue>(
        &self,
        connection: &mut Option<redis::Connection>,
        command: &redis::Cmd,
    ) -> redis::RedisResult<T> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(self.connect()?),
        };
        command.query(connection)
    }

    fn connect(&self) -> redis::RedisResult<redis::Connection> {
        let connection = self.client.get_connection_with_timeout(self.timeout)?;
        connection.set_read_timeout(Some(self.timeout))?;
        connection.set_write_timeout(Some(self.timeout))?;
        Ok(connection)
    }
}

/// Describes an error. Errors about types contain the response, which may be a session, so they are
/// replaced.
fn reason(e: &redis::RedisError) -> String {
    match e.kind() {
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => "unexpected type of response".into(),
        _ => e.to_string(),
    }
}

/// The maximum length of a session ID. Longer identities are tickets of other servers and need no
/// query.
const MAX_ID: usize = 32;

/// Stores sessions under the prefix `tls:session:`, with their lifetimes.
pub(crate) struct RedisStore(Redis);

impl RedisStore {
    pub(crate) fn new(redis: Redis) -> Self {
        Self(redis)
    }
}

impl RedisStore {
    fn read(&self, command: &str, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if id.len() > MAX_ID {
            return None;
        }
        self.0.query::<Option<Vec<u8>>>(redis::cmd(command).arg(key(id)))?.map(Zeroizing::new)
    }
}

fn key(id: &[u8]) -> Vec<u8> {
    [b"tls:session:", id].concat()
}

impl StoresServerSessions for RedisStore {
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) -> bool {
        let set = redis::cmd("SET").arg(key(id)).arg(&**session).arg("EX").arg(lifetime.max(1)).to_owned();
        self.0.query::<()>(&set).is_some()
    }

    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.read("GET", id)
    }

    /// GETDEL is atomic: only one of the servers that take a session gets it.
    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.read("GETDEL", id)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisStore")
    }
}
