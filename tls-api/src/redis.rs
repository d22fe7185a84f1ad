//! Sessions and ticket keys that the servers of a fleet share in a Redis (6.2 or later). Needs the
//! feature `redis`.
//!
//! ```no_run
//! use std::sync::Arc;
//! use strata_tls::redis::{Redis, RedisSessions, RedisTicketKeys};
//!
//! # fn share(mut config: strata_tls::ServerConfig, early_data: bool) -> Result<(), Box<dyn std::error::Error>> {
//! let redis = Arc::new(Redis::new("redis://10.0.0.1:6379")?);
//! if early_data {
//!     // Sessions in the Redis, each used for early data at most once.
//!     config.set_session_storage(Arc::new(RedisSessions::new(redis)));
//! } else {
//!     // Sessions in tickets, whose keys are in the Redis.
//!     config.set_ticketer(Arc::new(RedisTicketKeys::start(redis, 6 * 60 * 60)?));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Failures
//! A Redis that is down, slow, restarted, or that lost or altered a session costs full handshakes.
//! No handshake fails. After an error, at most one command per second is tried, so at most one
//! handshake per second waits for a broken Redis. Failures are logged at `warn`, at most once per
//! second (feature `logging`).
//!
//! # Threads and tasks
//! Calls block for a round trip, at most the [timeout](Redis::set_timeout). A server whose threads
//! must not wait defers the requests
//! ([`set_deferred_needs`](crate::ServerConfig::set_deferred_needs)) and answers them elsewhere:
//! the example `fleet` does so with a thread.
//!
//! Under tokio, with the feature `redis-tokio`, [`RedisSessions`] is also the storage of a
//! `TlsAcceptor`: the task of the connection waits, and no thread does. All tasks share one
//! connection. The example `async_fleet` is such a server:
//! `acceptor.set_session_storage(RedisSessions::new(redis))`.
//!
//! # Security
//! Anyone who reads the Redis can resume the sessions, and decrypt recorded TLS 1.2 connections
//! that were resumed: protect it, and the network to it, like the private keys. If servers accept
//! early data, the Redis must not restore old snapshots or fail over to replicas that lag behind
//! (use `save ""`, `appendonly no`, one master). Both would restore removed sessions, and so allow
//! replays of early data (RFC 9846 §8).

#[cfg(feature = "redis-tokio")]
mod asynchronous;
mod pool;
mod sessions;
#[cfg(test)]
mod test_server;
mod ticket_keys;

pub use pool::Redis;
pub use sessions::RedisSessions;
pub use ticket_keys::{RedisTicketKeys, RedisTicketKeysError};
