//! Where sessions are stored between connections.
//!
//! ```text
//! server  ProducesTickets       encrypted, with the client
//!         StoresServerSessions  on the server, under an ID
//! client  StoresClientSessions  by server name and resumption scope
//! ```
//!
//! All threads share them, and each is bounded. `server_session_lookup` chooses between tickets and
//! store and answers the engine.

mod client_cache;
mod server_cache;
pub(crate) mod server_session_lookup;
mod sharded_map;
mod ticket_keys;
mod ticketer;

pub use client_cache::{ClientSessionMemoryCache, NoClientSessionStorage, StoresClientSessions};
pub use server_cache::{NoServerSessionStorage, ServerSessionMemoryCache, StoresServerSessions};
pub use server_session_lookup::SessionBackend;
pub use ticketer::{ProducesTickets, Ticketer, TicketerError};
