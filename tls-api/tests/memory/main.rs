//! Clients and servers in one process, without sockets.

mod acceptor;
mod any_session;
mod backends;
mod client_auth;
mod client_session_removal;
mod clock;
mod closing;
mod downgrade;
mod early_data;
mod error_texts;
mod error_variants;
mod files;
mod flushing;
mod halves;
mod identities;
mod key_shares;
mod large_hellos;
mod matrix;
#[cfg(feature = "aws-lc-rs")]
mod ml_dsa;
mod needs;
mod negotiation;
mod pair;
mod pki;
mod psk;
#[cfg(feature = "quic")]
mod quic;
#[cfg(feature = "quic")]
#[expect(dead_code, reason = "shared with another test")]
mod quic_tls;
#[cfg(feature = "quic")]
mod quic_version_2;
mod reading;
mod record_sizes;
mod rejections;
mod resets;
mod resumption;
mod sending;
mod server_session_removal;
mod session_backend;
mod settings;
mod small_transports;
mod stapling;
mod streams;
mod trust;
