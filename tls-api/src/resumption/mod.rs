//! Where sessions are kept between connections.

mod client_store;
mod server_store;
mod ticketer;

pub use client_store::{ClientSessionMemoryCache, NoClientSessionStorage, StoresClientSessions};
pub use server_store::{NoServerSessionStorage, ServerSessionMemoryCache, StoresServerSessions};
pub use ticketer::{ProducesTickets, Ticketer};
