//! Where sessions are kept between connections.
//!
//! ```text
//! server: ProducesTickets ─ the client keeps it, sealed          StoresServerSessions ─ we keep it, under an id
//! client: StoresClientSessions
//! ```
//!
//! All of them are shared by the connections of all threads, bounded, and none makes threads wait for each other: what is read
//! far more often than written is read without waiting, and the rest is split into parts, each with a lock of its own.

mod client_store;
mod server_store;
mod sharded;
mod ticket_keys;
mod ticketer;

pub use client_store::{ClientSessionMemoryCache, NoClientSessionStorage, StoresClientSessions};
pub use server_store::{NoServerSessionStorage, ServerSessionMemoryCache, StoresServerSessions};
pub use ticketer::{ProducesTickets, Ticketer, TicketerError};
