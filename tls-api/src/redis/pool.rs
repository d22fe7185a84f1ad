//! Connections to a Redis, and what happens when it fails.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::redis::{Client, Cmd, ConnectionLike, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisError, RedisResult};

#[cfg(feature = "redis-tokio")]
use super::asynchronous::Shared;
use crate::log::warn;

/// The time without commands after a failure.
const BACKOFF: Duration = Duration::from_secs(1);

/// The number of unused connections that stay open.
const MAX_IDLE: usize = 16;

type Connection = Box<dyn ConnectionLike + Send>;

/// The connections of a process to a Redis. Connects on demand: one connection for each thread that
/// waits for a response, of which up to 16 stay open.
pub struct Redis {
    connector: Connector,
    #[cfg(feature = "redis-tokio")]
    shared: Shared,
    timeout: Duration,
    prefix: String,
    backoff: Duration,
    state: Mutex<State>,
}

enum Connector {
    Client(Client),
    Custom(Box<dyn Fn() -> RedisResult<Connection> + Send + Sync>),
}

#[derive(Default)]
pub(super) struct State {
    idle: Vec<Connection>,
    /// The time of the next command, after a failure.
    retry_at: Option<Instant>,
    /// Errors that ended a connection, or prevented one.
    pub(super) failures: u64,
    last_logged: Option<Instant>,
}

impl Redis {
    /// Creates the client of a Redis at a URL of the crate `redis`, for example
    /// `redis://:password@10.0.0.1:6379/0` or `unix:///run/redis.sock`. Does not connect yet.
    ///
    /// # Errors
    /// An error if the URL is invalid.
    pub fn new(url: impl IntoConnectionInfo) -> RedisResult<Self> {
        Ok(Self::with(Connector::Client(Client::open(url)?)))
    }

    /// Creates a client that connects by `connect`: to the master that Sentinels name, to a
    /// cluster, or over TLS. Set a timeout on the connections; [`set_timeout`](Self::set_timeout)
    /// does not apply.
    ///
    /// ```no_run
    /// use strata_tls::redis::Redis;
    ///
    /// # fn connect_to_cluster() -> redis::RedisResult<redis::Connection> { unreachable!() }
    /// let redis = Redis::with_connector(|| connect_to_cluster());
    /// ```
    pub fn with_connector<C: ConnectionLike + Send + 'static>(
        connect: impl Fn() -> RedisResult<C> + Send + Sync + 'static,
    ) -> Self {
        Self::with(Connector::Custom(Box::new(move || Ok(Box::new(connect()?)))))
    }

    fn with(connector: Connector) -> Self {
        Self {
            connector,
            #[cfg(feature = "redis-tokio")]
            shared: Shared::default(),
            timeout: Duration::from_millis(100),
            prefix: "tls:".into(),
            backoff: BACKOFF,
            state: Mutex::default(),
        }
    }

    /// Connects asynchronous callers by `connect`, as [`with_connector`](Self::with_connector) does
    /// the others. All share the connection, which is cloned. Default: a connection to the URL.
    ///
    /// ```no_run
    /// use strata_tls::redis::Redis;
    ///
    /// # async fn connect_to_cluster() -> redis::RedisResult<redis::aio::MultiplexedConnection> { unreachable!() }
    /// # fn cluster(redis: &mut Redis) {
    /// redis.set_async_connector(|| connect_to_cluster());
    /// # }
    /// ```
    #[cfg(feature = "redis-tokio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis-tokio")))]
    pub fn set_async_connector<C, F>(&mut self, connect: impl Fn() -> F + Send + Sync + 'static)
    where
        C: ::redis::aio::ConnectionLike + Clone + Send + Sync + 'static,
        F: Future<Output = RedisResult<C>> + Send + 'static,
    {
        self.shared.set_connector(connect);
    }

    /// Sets the limit on waiting for a response, and on connecting. Default: 100 milliseconds.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Sets the start of all keys, for fleets that share a Redis. Default: `tls:`.
    pub fn set_prefix(&mut self, prefix: &str) {
        self.prefix = prefix.into();
    }

    /// Returns the key `kind:name` with the prefix.
    pub(super) fn key(&self, kind: &str, name: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), kind.as_bytes(), b":", name].concat()
    }

    /// Sends a command and returns its response, or `None` after an error or a response of another
    /// type. A command may be executed twice if a connection breaks.
    pub(super) fn query<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        self.begin()?;
        let idle = self.state().idle.pop();
        let is_reused = idle.is_some();
        let mut result = match idle {
            Some(connection) => self.try_query(connection, command),
            None => self.connect().and_then(|connection| self.try_query(connection, command)),
        };
        // The Redis was restarted, or closed an idle connection.
        if is_reused && result.as_ref().is_err_and(|e| e.is_io_error() && !e.is_timeout()) {
            self.state().idle.clear();
            result = self.connect().and_then(|connection| self.try_query(connection, command));
        }
        self.finish(result)
    }

    /// Returns the number of failures until now, unless this is the time without commands.
    pub(super) fn begin(&self) -> Option<u64> {
        let mut state = self.state();
        if let Some(retry_at) = &mut state.retry_at {
            let now = Instant::now();
            if now < *retry_at {
                return None;
            }
            // This caller tries; the others continue without the Redis.
            *retry_at = now + self.backoff;
        }
        Some(state.failures)
    }

    /// Returns the response. Notes an error, and logs it.
    pub(super) fn finish<T>(&self, result: RedisResult<T>) -> Option<T> {
        let mut state = self.state();
        match result {
            Ok(answer) => {
                state.retry_at = None;
                Some(answer)
            }
            Err(e) => {
                // Read the time again: the command may have taken long.
                let now = Instant::now();
                if state.last_logged.is_none_or(|last| now.duration_since(last) >= self.backoff) {
                    state.last_logged = Some(now);
                    warn!("redis: {}", describe(&e));
                }
                if !keeps_connection(&e) {
                    state.idle.clear();
                    state.retry_at = Some(now + self.backoff);
                    state.failures = state.failures.wrapping_add(1);
                }
                None
            }
        }
    }

    fn try_query<T: FromRedisValue>(&self, mut connection: Connection, command: &Cmd) -> RedisResult<T> {
        let result = command.query(&mut *connection);
        if result.as_ref().err().is_none_or(keeps_connection) {
            let mut state = self.state();
            if state.idle.len() < MAX_IDLE {
                state.idle.push(connection);
            }
        }
        result
    }

    fn connect(&self) -> RedisResult<Connection> {
        match &self.connector {
            Connector::Custom(connect) => connect(),
            Connector::Client(client) => {
                let connection = client.get_connection_with_timeout(self.timeout)?;
                connection.set_read_timeout(Some(self.timeout))?;
                connection.set_write_timeout(Some(self.timeout))?;
                Ok(Box::new(connection))
            }
        }
    }

    /// Sends a command as [`query`](Self::query) does, over the connection that asynchronous
    /// callers share.
    #[cfg(feature = "redis-tokio")]
    pub(super) async fn query_async<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let failures = self.begin()?;
        let client = match &self.connector {
            Connector::Client(client) => Some((client, self.timeout)),
            Connector::Custom(_) => None,
        };
        let is_current = || self.state().failures == failures;
        let result = self.shared.query(client, command, is_current).await?;
        self.finish(result.and_then(|value| Ok(T::from_redis_value(value)?)))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether the next response on the connection will be that of the next command. True for
/// error responses (out of memory, a replica, …). After any other error the response may still
/// arrive.
pub(super) fn keeps_connection(e: &RedisError) -> bool {
    matches!(e.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// Describes an error. Errors about types contain the response, which may be a session, so they are
/// replaced.
fn describe(e: &RedisError) -> String {
    match e.kind() {
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => "unexpected type of response".into(),
        _ => e.to_string(),
    }
}

/// Shows neither the URL, which may contain a password, nor the connections.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.prefix).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::test_server::{Fault, Server};
    use super::*;

    fn ping(redis: &Redis) -> Option<String> {
        redis.query(&::redis::cmd("PING"))
    }

    #[test]
    fn broken_idle_connection_is_replaced_once() {
        let server = Server::default();
        let redis = server.client();
        assert!(ping(&redis).is_some());
        server.fail(Fault::Closed, 1);
        assert!(ping(&redis).is_some(), "the command is sent again on a new connection");
        assert_eq!(server.connections(), 2);
    }

    #[test]
    fn failure_stops_commands_for_a_while() {
        for fault in [Fault::Closed, Fault::Timeout] {
            let server = Server::default();
            let mut redis = server.client();
            redis.backoff = Duration::from_secs(3600);
            server.fail(fault, usize::MAX);
            for _ in 0..10 {
                assert_eq!(ping(&redis), None);
            }
            assert_eq!((server.connections(), server.commands()), (1, 1), "{fault:?}");
        }
    }

    #[test]
    fn redis_is_used_again_after_a_failure() {
        let server = Server::default();
        let mut redis = server.client();
        redis.backoff = Duration::ZERO;
        server.fail(Fault::Timeout, 1);
        assert_eq!(ping(&redis), None);
        assert!(ping(&redis).is_some());
        // The response that timed out may still arrive on the first connection.
        assert_eq!(server.connections(), 2);
    }

    #[test]
    fn error_response_keeps_the_connection() {
        let server = Server::default();
        let redis = server.client();
        server.fail(Fault::ErrorResponse, 1);
        assert_eq!(ping(&redis), None);
        assert!(ping(&redis).is_some());
        assert_eq!(server.connections(), 1);
    }

    #[test]
    fn threads_use_connections_of_their_own() {
        let server = Server::default();
        let redis = Arc::new(server.client());
        let (all, done) = (std::sync::Barrier::new(4), AtomicUsize::new(0));
        server.set_gate(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    all.wait();
                    done.fetch_add(usize::from(ping(&redis).is_some()), Ordering::Relaxed);
                });
            }
        });
        // No command was answered before all four had arrived.
        assert_eq!((done.into_inner(), server.connections()), (4, 4));
    }

    #[test]
    fn debug_output_shows_no_password() {
        let redis = Redis::new("redis://:secret@127.0.0.1:1").unwrap();
        assert!(!format!("{redis:?}").contains("secret"));
    }
}
