//! A Redis in memory, for tests: answers the commands that this crate sends, and fails on request.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use ::redis::{ConnectionLike, RedisError, RedisResult, ServerErrorKind, Value};

use super::pool::Redis;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is closed in place of a response.
    Closed,
    /// No response arrives in time.
    Timeout,
    /// The response is an error.
    ErrorResponse,
}

#[derive(Clone, Default)]
pub(super) struct Server(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    values: HashMap<Vec<u8>, Vec<u8>>,
    fault: Option<(Fault, usize)>,
    connections: usize,
    commands: usize,
    /// The number of commands that must arrive before one is answered.
    gate: usize,
}

impl Server {
    pub(super) fn client(&self) -> Redis {
        let server = self.clone();
        let connect = move || {
            server.state().connections += 1;
            Ok(Connection(server.clone()))
        };
        #[cfg_attr(not(feature = "redis-tokio"), expect(unused_mut, reason = "only blocking callers"))]
        let mut redis = Redis::with_connector(connect.clone());
        #[cfg(feature = "redis-tokio")]
        redis.set_async_connector(move || {
            let connection = connect();
            async {
                // Others arrive before this one is connected.
                ::tokio::task::yield_now().await;
                connection
            }
        });
        redis
    }

    /// Lets the next `times` commands fail.
    pub(super) fn fail(&self, fault: Fault, times: usize) {
        self.state().fault = Some((fault, times));
    }

    pub(super) fn set_gate(&self, gate: usize) {
        self.state().gate = gate;
    }

    pub(super) fn connections(&self) -> usize {
        self.state().connections
    }

    pub(super) fn commands(&self) -> usize {
        self.state().commands
    }

    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> =
            self.state().values.keys().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
        keys.sort();
        keys
    }

    pub(super) fn set(&self, key: &str, value: &[u8]) {
        self.state().values.insert(key.into(), value.into());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }
}

#[derive(Clone)]
struct Connection(Server);

impl ConnectionLike for Connection {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        let mut state = self.0.state();
        state.commands += 1;
        self.0.0.1.notify_all();
        state = self.0.0.1.wait_while(state, |state| state.commands < state.gate).unwrap();
        if let Some((fault, times @ 1..)) = state.fault {
            state.fault = Some((fault, times - 1));
            return Err(match fault {
                Fault::Closed => io::Error::from(io::ErrorKind::BrokenPipe).into(),
                Fault::Timeout => io::Error::from(io::ErrorKind::TimedOut).into(),
                Fault::ErrorResponse => RedisError::from((ServerErrorKind::ReadOnly.into(), "a replica")),
            });
        }
        let arguments = arguments(command);
        let found = |value: Option<Vec<u8>>| value.map_or(Value::Nil, Value::BulkString);
        Ok(match &arguments.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
            [b"PING"] => Value::SimpleString("PONG".into()),
            [b"GET", key] => found(state.values.get(*key).cloned()),
            [b"GETDEL", key] => found(state.values.remove(*key)),
            [b"SET", key, _, b"NX", ..] if state.values.contains_key(*key) => Value::Nil,
            [b"SET", key, value, ..] => {
                state.values.insert(key.to_vec(), value.to_vec());
                Value::Okay
            }
            other => panic!("unexpected command {other:?}"),
        })
    }

    fn req_packed_commands(&mut self, _: &[u8], _: usize, _: usize) -> RedisResult<Vec<Value>> {
        panic!("commands are sent one by one")
    }

    fn get_db(&self) -> i64 {
        0
    }

    fn check_connection(&mut self) -> bool {
        true
    }

    fn is_open(&self) -> bool {
        true
    }
}

#[cfg(feature = "redis-tokio")]
impl ::redis::aio::ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a ::redis::Cmd) -> ::redis::RedisFuture<'a, Value> {
        Box::pin(async move {
            ::tokio::task::yield_now().await;
            ConnectionLike::req_packed_command(self, &command.get_packed_command())
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        _: &'a ::redis::Pipeline,
        _: usize,
        _: usize,
    ) -> ::redis::RedisFuture<'a, Vec<Value>> {
        panic!("commands are sent one by one")
    }

    fn get_db(&self) -> i64 {
        0
    }
}

/// Decodes `*N\r\n`, then for each argument `$length\r\nbytes\r\n`.
fn arguments(mut command: &[u8]) -> Vec<Vec<u8>> {
    fn number(from: &mut &[u8]) -> usize {
        let end = from.iter().position(|byte| *byte == b'\r').unwrap();
        let number = std::str::from_utf8(&from[1..end]).unwrap().parse().unwrap();
        *from = &from[end + 2..];
        number
    }
    let count = number(&mut command);
    let mut all = Vec::new();
    for _ in 0..count {
        let length = number(&mut command);
        all.push(command[..length].to_vec());
        command = &command[length + 2..];
    }
    all
}
