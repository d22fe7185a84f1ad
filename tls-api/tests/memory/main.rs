//! Clients and servers in one process, without sockets.

mod closing;
mod matrix;
mod pair;
mod pki;
mod reading;
mod refusals;
mod sending;
mod streams;
