//! The connection that asynchronous callers share.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ::redis::aio::ConnectionLike;
use ::redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, Value};
use ::tokio::sync::Mutex;

use super::pool::keeps_connection;

/// Connects on demand. Commands of all tasks are sent over one connection, without waiting for each
/// other's responses.
#[derive(Default)]
pub(super) struct Shared {
    connector: Option<Connector>,
    current: Mutex<Current>,
}

type Later<'a, T> = Pin<Box<dyn Future<Output = RedisResult<T>> + Send + 'a>>;
type Connector = Box<dyn Fn() -> Later<'static, Connection> + Send + Sync>;
type Connection = Box<dyn Cloneable>;

/// The connection, and how many there were before.
#[derive(Default)]
struct Current {
    number: u64,
    connection: Option<Connection>,
}

impl Current {
    /// Drops the connection of this number. Another task may have replaced it already.
    fn discard(&mut self, number: u64) {
        if self.number == number {
            self.connection = None;
        }
    }
}

/// A handle of a connection.
trait Cloneable: Send + Sync {
    fn handle(&self) -> Connection;
    fn send<'a>(&'a mut self, command: &'a Cmd) -> Later<'a, Value>;
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Cloneable for C {
    fn handle(&self) -> Connection {
        Box::new(self.clone())
    }

    fn send<'a>(&'a mut self, command: &'a Cmd) -> Later<'a, Value> {
        self.req_packed_command(command)
    }
}

impl Shared {
    pub(super) fn set_connector<C, F>(&mut self, connect: impl Fn() -> F + Send + Sync + 'static)
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
        F: Future<Output = RedisResult<C>> + Send + 'static,
    {
        self.connector = Some(Box::new(move || {
            let connecting = connect();
            Box::pin(async move {
                let connection: Connection = Box::new(connecting.await?);
                Ok(connection)
            })
        }));
    }

    /// Sends a command, twice if the first connection was an older one and is broken. Returns
    /// `None` if another task has failed to connect meanwhile: then `is_current` returns `false`.
    pub(super) async fn query(
        &self,
        client: Option<(&Client, Duration)>,
        command: &Cmd,
        is_current: impl Fn() -> bool,
    ) -> Option<RedisResult<Value>> {
        let mut broken = None;
        loop {
            let (number, is_new, mut connection) = match self.connection(client, broken, &is_current).await? {
                Ok(connection) => connection,
                Err(e) => return Some(Err(e)),
            };
            let result = connection.send(command).await.and_then(Value::extract_error);
            let Err(e) = &result else { return Some(result) };
            if keeps_connection(e) {
                return Some(result);
            }
            // The Redis was restarted, or closed an idle connection.
            let repeats = !is_new && broken.is_none() && e.is_io_error() && !e.is_timeout();
            broken = Some(number);
            if !repeats {
                self.current.lock().await.discard(number);
                return Some(result);
            }
        }
    }

    /// Returns a handle of the connection, its number, and whether it is new. The lock is held
    /// while one task connects, for which the others wait.
    async fn connection(
        &self,
        client: Option<(&Client, Duration)>,
        broken: Option<u64>,
        is_current: impl Fn() -> bool,
    ) -> Option<RedisResult<(u64, bool, Connection)>> {
        let mut current = self.current.lock().await;
        if let Some(number) = broken {
            current.discard(number);
        }
        if let Some(connection) = &current.connection {
            return Some(Ok((current.number, false, connection.handle())));
        }
        if !is_current() {
            return None;
        }
        let connection = match self.connect(client).await {
            Ok(connection) => connection,
            Err(e) => return Some(Err(e)),
        };
        let handle = connection.handle();
        current.number = current.number.wrapping_add(1);
        current.connection = Some(connection);
        Some(Ok((current.number, true, handle)))
    }

    async fn connect(&self, client: Option<(&Client, Duration)>) -> RedisResult<Connection> {
        if let Some(connect) = &self.connector {
            return connect().await;
        }
        let Some((client, timeout)) = client else {
            let why = "this Redis only connects blocking callers; call set_async_connector";
            return Err(RedisError::from((ErrorKind::InvalidClientConfig, why)));
        };
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(timeout)).set_response_timeout(Some(timeout));
        Ok(Box::new(client.get_multiplexed_async_connection_with_config(&config).await?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use zeroize::Zeroizing;

    use super::super::test_server::{Fault, Server};
    use super::super::{Redis, RedisSessions};
    use crate::tokio::StoresSessions;

    fn session() -> Zeroizing<Vec<u8>> {
        Zeroizing::new(b"session".to_vec())
    }

    /// Stores a session, and waits until the task has ended.
    async fn put(sessions: &RedisSessions, id: &[u8]) {
        StoresSessions::put(sessions, id, session(), 60).await;
        while sessions.waiting_stores() > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn session_is_taken_once_by_all_tasks() {
        let server = Server::default();
        let (one, other) =
            (RedisSessions::new(Arc::new(server.client())), RedisSessions::new(Arc::new(server.client())));
        put(&one, &[7; 32]).await;
        assert_eq!(other.get(&[7; 32]).await, Some(session()));
        let (first, second) = tokio::join!(one.take(&[7; 32]), other.take(&[7; 32]));
        assert_eq!([first, second].iter().flatten().count(), 1);
        assert!(one.get(&[7; 32]).await.is_none() && one.get(&[1; 33]).await.is_none());
        assert_eq!(server.keys(), [""; 0]);
    }

    /// Runs `get` in this many tasks at once.
    async fn ask(sessions: &Arc<RedisSessions>, tasks: usize) -> usize {
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..tasks {
            let sessions = Arc::clone(sessions);
            all.spawn(async move { StoresSessions::get(&*sessions, b"id").await.is_some() });
        }
        all.join_all().await.into_iter().filter(|found| *found).count()
    }

    #[tokio::test]
    async fn tasks_share_one_connection() {
        let server = Server::default();
        let sessions = Arc::new(RedisSessions::new(Arc::new(server.client())));
        put(&sessions, b"id").await;
        assert_eq!(ask(&sessions, 20).await, 20);
        assert_eq!(server.connections(), 1);
    }

    /// The Redis was restarted. Each command that met the old connection is sent once more.
    #[tokio::test]
    async fn broken_connection_is_replaced_once() {
        let server = Server::default();
        let sessions = Arc::new(RedisSessions::new(Arc::new(server.client())));
        put(&sessions, b"id").await;
        server.fail(Fault::Closed, 20);
        assert_eq!(ask(&sessions, 20).await, 20);
        assert_eq!(server.connections(), 2);
    }

    #[tokio::test]
    async fn failure_stops_commands_for_a_while() {
        let server = Server::default();
        let sessions = Arc::new(RedisSessions::new(Arc::new(server.client())));
        put(&sessions, b"id").await;
        server.fail(Fault::Timeout, 1);
        assert_eq!(ask(&sessions, 1).await, 0);
        let commands = server.commands();
        assert_eq!(ask(&sessions, 20).await, 0);
        assert_eq!((server.commands(), server.connections()), (commands, 1));
    }

    /// While one task finds that it cannot connect, others wait, and then do not try.
    #[tokio::test]
    async fn only_one_task_connects() {
        let attempts = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&attempts);
        let mut redis = Redis::new("redis://127.0.0.1:1").unwrap();
        redis.set_async_connector(move || {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async {
                tokio::task::yield_now().await;
                Err::<redis::aio::MultiplexedConnection, _>(std::io::Error::from(std::io::ErrorKind::TimedOut).into())
            }
        });
        assert_eq!(ask(&Arc::new(RedisSessions::new(Arc::new(redis))), 20).await, 0);
        assert_eq!(attempts.load(std::sync::atomic::Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn error_response_keeps_the_shared_connection() {
        let server = Server::default();
        let sessions = Arc::new(RedisSessions::new(Arc::new(server.client())));
        server.fail(Fault::ErrorResponse, 1);
        put(&sessions, b"id").await;
        assert_eq!(server.keys(), [""; 0]);
        put(&sessions, b"id").await;
        assert_eq!((server.keys().len(), server.connections()), (1, 1));
    }

    /// No connection is ever made.
    #[tokio::test]
    async fn stores_that_wait_are_limited() {
        let mut redis = Redis::new("redis://127.0.0.1:1").unwrap();
        redis.set_async_connector(std::future::pending::<redis::RedisResult<redis::aio::MultiplexedConnection>>);
        let sessions = RedisSessions::new(Arc::new(redis));
        for _ in 0..2000 {
            StoresSessions::put(&sessions, b"id", session(), 60).await;
        }
        assert_eq!(sessions.waiting_stores(), 1024);
    }
}
