//! Configurations of clients and servers, and what both have in common.

pub(crate) mod client;
pub(crate) mod key_log;
pub(crate) mod records;
pub(crate) mod server;
pub(crate) mod session_scope;
pub(crate) mod time;
