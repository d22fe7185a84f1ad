//! TLS for implementations of QUIC (RFC 9001, RFC 9369). Needs the feature `quic`.
//!
//! [`ClientConnection`] and [`ServerConnection`] are handshakes without records, from the same
//! [`ClientConfig`](crate::ClientConfig) and [`ServerConfig`](crate::ServerConfig) as over TCP.
//! They answer requests from the configuration, as a [`ClientSession`](crate::ClientSession) and a
//! [`ServerSession`](crate::ServerSession) do. The chapter [`quic`](crate::manual::quic) of the
//! manual explains what QUIC has to do, with a handshake in memory.
//!
//! * Feed CRYPTO data to `receive`, in order and for its [`Level`].
//! * Take [`Output`] with `next_output`, in order: data for CRYPTO frames, and [`KeyChange`]s.
//! * Protect packets with the [`Keys`] of each level. [`initial_keys`] makes those of Initial
//!   packets, [`retry_tag`] the integrity tag of a Retry.
//! * Close the connection with [`Error::quic_code`](crate::Error::quic_code) after an error.

mod connection;

pub use connection::{ClientConnection, ServerConnection};
pub use tls_handshake::quic::{
    AcceptEarlyData, HeaderKey, InitialKeys, KeyChange, KeyUpdates, Keys, Level, NewPacketNumber, Output, PacketKey,
    QuicFault, SAMPLE_LEN, ServerStart, TAG_LEN, Version, confidentiality_limit, initial_keys, integrity_limit,
    retry_tag, verify_retry_tag,
};
