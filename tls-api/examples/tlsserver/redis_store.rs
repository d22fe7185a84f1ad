//! The sessions of a fleet, in a Redis (6.2 or later) that all its servers use.
//!
//! A Redis that is down, slow, or has lost or altered what it kept costs full handshakes. No handshake fails for it, and none
//! waits for long: after a failure it is left alone for a while.
//!
//! What is kept here is secret: the Redis and the way to it deserve the same care as the servers' keys. Where early data is
//! accepted, it should neither be restored from older copies nor fail over to replicas that lag behind (in Redis's words: `save ""`,
//! `appendonly no`, one master): both bring back sessions that were taken already.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::ErrorKind;
use strata_tls::StoresServerSessions;
use zeroize::Zeroizing;

/// How long nothing is asked after a failure: of thousands of handshakes a second, one may wait in vain.
const REST: Duration = Duration::from_secs(1);

/// One connection, made again whenever it is needed.
pub(crate) struct Redis {
    client: redis::Client,
    /// How long to wait for an answer; connecting may take as long again.
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<redis::Connection>,
    resting_until: Option<Instant>,
    complained: Option<Instant>,
}

impl Redis {
    /// Takes a note of where it is; it need not be there yet.
    pub(crate) fn new(url: &str, patience: Duration) -> redis::RedisResult<Self> {
        Ok(Self { client: redis::Client::open(url)?, patience, state: Mutex::default() })
    }

    /// What a command gives; `None` if there is no answer, or none of that type.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Option<T> {
        // One thread handles all connections here: nobody else waits for the lock. Servers of several would have a connection each.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.resting_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        match self.try_ask(&mut state.connection, command) {
            Ok(answer) => return Some(answer),
            Err(e) => {
                // It may have taken a while to fail.
                let now = Instant::now();
                if state.complained.is_none_or(|last| now - last >= REST) {
                    state.complained = Some(now);
                    eprintln!("redis: {}", reason(&e));
                }
                // A refusal (out of memory, a replica, …) is an answer as well. Otherwise the answer may still come, and would be taken for
                // that of the next command: the connection is of no use any more.
                if !matches!(e.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
                    state.connection = None;
                    state.resting_until = Some(now + REST);
                }
            }
        }
        None
    }

    fn try_ask<T: redis::FromRedisValue>(
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
        let connection = self.client.get_connection_with_timeout(self.patience)?;
        connection.set_read_timeout(Some(self.patience))?;
        connection.set_write_timeout(Some(self.patience))?;
        Ok(connection)
    }
}

/// What to tell of an error. That of an unexpected type shows the answer, which might be somebody's session.
fn reason(e: &redis::RedisError) -> String {
    match e.kind() {
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => "this is no answer to what was asked".into(),
        _ => e.to_string(),
    }
}

/// Bytes of an id at most. What is longer is a ticket of somebody else's, and no Redis has to be asked about it.
const MAX_ID: usize = 32;

/// Sessions under the prefix `tls:session:`, each with its lifetime.
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
        self.0.ask::<Option<Vec<u8>>>(redis::cmd(command).arg(key(id)))?.map(Zeroizing::new)
    }
}

fn key(id: &[u8]) -> Vec<u8> {
    [b"tls:session:", id].concat()
}

impl StoresServerSessions for RedisStore {
    fn put(&self, id: &[u8], session: Zeroizing<Vec<u8>>, lifetime: u32) -> bool {
        let set = redis::cmd("SET").arg(key(id)).arg(&**session).arg("EX").arg(lifetime.max(1)).to_owned();
        self.0.ask::<()>(&set).is_some()
    }

    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.read("GET", id)
    }

    /// GETDEL is one step: of all servers that take a session, one gets it.
    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.read("GETDEL", id)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisStore")
    }
}
