//! Asynchronous connections over the transports of tokio. Requires the feature `tokio`.
//!
//! A [`TlsConnector`] or [`TlsAcceptor`] performs the handshake over any transport that implements
//! [`AsyncRead`](::tokio::io::AsyncRead) and [`AsyncWrite`](::tokio::io::AsyncWrite), and returns a
//! [`TlsStream`], which splits into a [`TlsReceiver`] and a [`TlsSender`]. A [`LazyAcceptor`]
//! chooses the configuration when it has seen the ClientHello. [`AnswersNeeds`] answers what takes
//! time: an identity from a database, a signature of a key management service. [`StoresSessions`]
//! stores sessions in a database.
//!
//! The [manual](crate::manual::asynchronous) explains how they are used. This module only moves
//! bytes and wakes tasks, on top of the public [`Session`](crate::Session): an adapter for another
//! runtime can look the same.

mod answers;
mod halves;
mod handshake;
mod lazy_acceptor;
mod session_storage;
mod stream;
mod transport;
mod waiters;
#[cfg(test)]
mod waiters_tests;

/// What the wakers are made of. Their tests compile them with loom's instead.
mod sync {
    pub(super) use std::sync::Mutex;
    pub(super) use std::sync::atomic::{AtomicBool, Ordering};
}

pub use self::answers::AnswersNeeds;
pub use self::halves::{TlsReceiver, TlsSender};
pub use self::handshake::{HandshakeError, TlsAcceptor, TlsConnector};
pub use self::lazy_acceptor::{LazyAcceptor, StartHandshake};
pub use self::session_storage::StoresSessions;
pub use self::stream::TlsStream;
