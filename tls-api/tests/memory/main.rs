//! Clients and servers in one process, without sockets.

mod client_auth;
mod closing;
mod downgrade;
mod matrix;
mod negotiation;
mod pair;
mod pki;
mod reading;
mod refusals;
mod sending;
mod stapling;
mod streams;
