//! Clients and servers in one process, without sockets.

mod client_auth;
mod client_session_removal;
mod clock;
mod closing;
mod downgrade;
mod early_data;
mod flushing;
mod identities;
mod large_hellos;
mod matrix;
mod needs;
mod negotiation;
mod pair;
mod pki;
mod psk;
mod reading;
mod record_sizes;
mod rejections;
mod resets;
mod resumption;
mod sending;
mod server_session_removal;
mod settings;
mod stapling;
mod streams;
mod trust;
