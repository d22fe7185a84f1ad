//! Resumption: tickets or a store, fleets, and what ends a session.
//!
//! In this manual a *connection* is one [`ClientSession`](crate::ClientSession) or
//! [`ServerSession`](crate::ServerSession). A *session* is the secret that a later connection
//! resumes.
//!
//! A resumed handshake needs no certificates, and in TLS 1.2 no key exchange. It works without
//! configuration: a server issues tickets, and a client stores the sessions of 256 servers.
//!
//! # Where a server keeps sessions
//!
//! | | ticket (default) | store |
//! |---|---|---|
//! | setter | [`set_ticketer`](crate::ServerConfig::set_ticketer) | [`set_session_storage`](crate::ServerConfig::set_session_storage) |
//! | state on the server | one key, up to 8 former ones | some 400 bytes a session |
//! | bytes in a hello that resumes TLS 1.3 | 104 and the server's name | 32 |
//! | early data | no | yes: a store can remove a session on first use |
//! | a session ends with a fatal alert | no | yes |
//! | a resumed TLS 1.2 connection has forward secrecy | once the ticket key is deleted (18 hours) | once the session is deleted |
//!
//! [`set_ticketer_and_session_ids`](crate::ServerConfig::set_ticketer_and_session_ids) serves
//! clients that support only one of them.
//! [`disable_resumption`](crate::ServerConfig::disable_resumption) switches both off.
//!
//! # A fleet
//!
//! Machines that serve one name share either the keys of their tickets or one store:
//!
//! ```
//! use std::sync::Arc;
//! use strata_tls::{ServerConfig, Ticketer, TicketerError};
//!
//! fn share(config: &mut ServerConfig, current: &[u8; 48], previous: [u8; 48]) -> Result<Arc<Ticketer>, TicketerError> {
//!     let ticketer = Arc::new(Ticketer::from_keys(current, &[previous])?);
//!     config.set_ticketer(ticketer.clone());
//!     Ok(ticketer) // `ticketer.update(…)` replaces the keys while connections are served
//! }
//! ```
//!
//! With the feature `redis` a Redis holds either: the module `redis` has the storage
//! `RedisSessions`, and `RedisTicketKeys`, which rotates the keys of all machines. A Redis that is
//! down costs full handshakes and nothing else.
//!
//! * A key is 48 random bytes. The first one encrypts, all of them decrypt. Replace it before 2^32
//!   tickets over all machines, and at least once a day.
//! * All machines need configurations with the same resumption scope (below). Otherwise their
//!   sessions cost each other a full handshake; nothing worse happens.
//! * A store that takes longer than microseconds blocks the thread. Defer its requests instead
//!   ([`io`](super::io#answers-that-arrive-later)); the example `fleet` does that over Redis. Under
//!   tokio, an acceptor takes a store that its tasks wait for: `set_session_storage` of
//!   `tokio::TlsAcceptor`, and `RedisSessions` with the feature `redis-tokio`.
//!
//! # The resumption scope
//!
//! What was verified when a session began is not verified again. So a session is bound to
//! everything that the result depended on: trust anchors, verifier, client CAs, server name, ALPN,
//! the identities of both sides, whether all groups are post-quantum, and what the application adds
//! ([`set_session_context`](crate::ServerConfig::set_session_context)). A hash of all that is the
//! *scope*. Configurations with different scopes do not resume each other's sessions, even if they
//! share a store. A server with several tenants sets one context per tenant.
//!
//! # What ends a session
//!
//! | event | effect |
//! |---|---|
//! | its lifetime, by default 12 hours, at most 7 days from the full handshake | not resumed |
//! | a certificate of either chain expires | not resumed |
//! | the CRLs that were checked expire | not resumed |
//! | the identity is replaced by one of another scope | not resumed |
//! | a resumption fails | the client removes all its sessions with that server and scope |
//! | a fatal alert ends a connection | both sides remove its sessions from their stores |
//! | a TLS 1.3 session is offered | removed from the client's store: tickets are used once |
//!
//! The lifetime counts from the full handshake, where the certificates were verified: a resumption
//! does not extend it ([`set_session_lifetime`](crate::ServerConfig::set_session_lifetime)). With
//! CRLs, pins or own checks a stored chain is verified again at each resumption
//! ([`set_reverify_on_resumption`](crate::ClientConfig::set_reverify_on_resumption)).
//!
//! A server cannot take back a ticket that it issued: one that was issued before a fatal alert
//! stays valid until it expires.
//!
//! # A store of your own
//!
//! Implement [`StoresServerSessions`](crate::StoresServerSessions) or
//! [`StoresClientSessions`](crate::StoresClientSessions). A session is a byte string and a secret:
//! anyone holding it can resume it. `take` must be atomic over all machines that share the store,
//! as it is what prevents a replay of early data. A lost or altered session costs a full handshake.
//!
//! A client's store also keeps which key exchange group a server asked for
//! ([`put_group`](crate::StoresClientSessions::put_group)), so that only the first connection to it
//! costs a HelloRetryRequest.
//!
//! A client can keep its sessions over a restart:
//!
//! ```no_run
//! use std::sync::Arc;
//! use strata_tls::{ClientConfig, ClientSessionMemoryCache};
//!
//! let sessions = Arc::new(ClientSessionMemoryCache::from_bytes(256, &std::fs::read("sessions")?)?);
//! let mut config = ClientConfig::new();
//! config.set_session_storage(sessions.clone());
//! // … connections …
//! std::fs::write("sessions", &*sessions.to_bytes())?; // secrets: readable only for the owner
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
