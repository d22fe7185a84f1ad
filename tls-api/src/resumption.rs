//! Where sessions are kept between connections.
//!
//! ```text
//! server: ProducesTickets ─ the client keeps it, sealed          StoresServerSessions ─ we keep it, under an id
//! client: StoresClientSessions
//! ```
//!
//! All of them are shared by the connections of all threads, bounded, and none makes threads wait for each other: what is read
//! far more often than written is read without waiting, and the rest is split into parts, each with a lock of its own.

mod client_cache;
mod server_cache;
pub(crate) mod server_sessions;
mod sharded_map;
mod ticket_keys;
mod ticketer;

pub use client_cache::{ClientSessionMemoryCache, NoClientSessionStorage, StoresClientSessions};
pub use server_cache::{NoServerSessionStorage, ServerSessionMemoryCache, StoresServerSessions};
pub use ticketer::{ProducesTickets, Ticketer, TicketerError};
