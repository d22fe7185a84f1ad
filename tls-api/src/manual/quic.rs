//! QUIC: TLS without records, for implementations of QUIC (RFC 9001, RFC 9369).
//!
//! QUIC takes three things from TLS: handshake messages, keys, and the verdict on the peer. This
//! library provides exactly these (feature `quic`, module [`quic`](crate::quic)). Packets, loss,
//! flow control and address validation are QUIC's. Programs that only use QUIC need a QUIC library
//! on top: [quinn](#under-quinn).
//!
//! The configuration is the one for TCP: trust, identities, client certificates, sessions, external
//! keys and [deferred requests](crate::Session::take_need) work the same. Application protocols are
//! required (RFC 9001 §8.1), TLS 1.2 is not offered, and settings of records have no effect.
//! Sessions over TCP and over QUIC are kept apart.
//!
//! # Under quinn
//!
//! The feature `quinn` is the cryptography of quinn 0.11: `strata_tls::quinn::server_config`,
//! `client_config` and `endpoint_config` return quinn's configurations, complete with the keys of
//! address validation and stateless resets. Depend on quinn with `default-features = false`. The
//! program then contains no rustls, and no cryptographic library that TLS over TCP does not need.
//!
//! * 0-RTT works on both sides. A server rejects early data of sessions that began under other
//!   limits of its transport parameters.
//! * Requests cannot be deferred, and keys cannot be remote: quinn does not wait for an answer.
//!   Such a configuration is an error when it is made.
//! * `Connection::handshake_data` is a [`ConnectionInfo`](crate::ConnectionInfo).
//! * Only version 1 of QUIC: quinn 0.11 writes no packets of version 2, and does not tell the
//!   session when a version changes. The API below has both versions.
//!
//! The module `quinn` has the details and an example. The example `quic` transfers a file:
//!
//! ```text
//! cargo run --release -p strata-tls --features quinn --example quic
//! ```
//!
//! The rest of this chapter is for those who write an implementation of QUIC.
//!
//! # A handshake
//!
//! [`receive`](crate::quic::ClientConnection::receive) takes the CRYPTO data of one [`Level`], in
//! order; QUIC reassembles it. After each call QUIC takes the [`Output`] in order: data for CRYPTO
//! frames, and keys.
//!
//! ```
//! use std::sync::Arc;
//! use strata_tls::quic::{ClientConnection, KeyChange, Level, Output, ServerConnection, ServerStart, Version};
//! use strata_tls::{ClientConfig, ServerConfig};
//!
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! # let (cert, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
//! let mut server_config = ServerConfig::from_pem(&cert, &key)?;
//! let mut client_config = ClientConfig::with_roots(strata_tls::root_store_from_pem(&cert)?);
//! server_config.set_alpn_protocols(&["h3"])?;
//! client_config.set_alpn_protocols(&["h3"])?;
//! let (server_config, client_config) = (Arc::new(server_config), Arc::new(client_config));
//!
//! // Encoded by QUIC (RFC 9000 §18).
//! let (ours, theirs) = (b"client's limits".to_vec(), b"server's limits".to_vec());
//! let mut client = ClientConnection::new(&client_config, Version::V1, "localhost", ours)?;
//! let start = ServerStart { transport_parameters: theirs, ..ServerStart::default() };
//! let mut server = ServerConnection::new(&server_config, Version::V1, start)?;
//!
//! // Without packets: the data of one side goes straight to the other.
//! while client.is_handshaking() || server.is_handshaking() {
//!     while let Some(output) = client.next_output() {
//!         match output {
//!             Output::Crypto(level, data) => server.receive(level, &data)?,
//!             Output::Keys(KeyChange::Read(level, keys)) => println!("opens {level}: {keys:?}"),
//!             Output::Keys(KeyChange::Write(level, keys)) => println!("seals {level}: {keys:?}"),
//!             Output::Keys(KeyChange::Updates { read, write }) => drop((read, write)),
//!         }
//!     }
//!     while let Some(output) = server.next_output() {
//!         if let Output::Crypto(level, data) = output {
//!             client.receive(level, &data)?;
//!         }
//!     }
//! }
//! assert_eq!(client.peer_transport_parameters(), Some(&b"server's limits"[..]));
//! assert_eq!(server.alpn_protocol(), Some(&b"h3"[..]));
//! assert_eq!(server.reading_level(), Level::OneRtt);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Packets
//!
//! [`Keys`] protect the packets of one direction and level. **QUIC chooses the packet number**, and
//! must not use one twice with a key: [`NewPacketNumber`] is its word for that.
//!
//! ```
//! use strata_tls::quic::{Keys, NewPacketNumber, TAG_LEN};
//!
//! /// Seals `payload` after `header`, which ends with a packet number of four bytes.
//! fn seal(keys: &Keys, number: u64, header: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
//!     let mut packet = [header, payload, &[0; TAG_LEN]].concat();
//!     let (head, body) = packet.split_at_mut(header.len());
//!     keys.packet.seal(NewPacketNumber::new(number)?, head, body).ok()?;
//!     keys.header.protect(&mut packet, header.len() - 4).ok()?;
//!     Some(packet)
//! }
//! ```
//!
//! * Initial packets use [`initial_keys`], Retry packets [`retry_tag`] and [`verify_retry_tag`].
//! * Count sealed packets for [`PacketKey::confidentiality_limit`], and packets that do not open,
//!   in the whole connection, for [`PacketKey::integrity_limit`] (RFC 9001 §6.6).
//! * [`KeyUpdates::next`] returns the packet key of the next phase. The header key stays.
//! * A server may send 1-RTT packets before the client is authenticated, if that is harmless.
//!
//! # Version 2
//!
//! The handshake is the same; [`Version::V2`] changes the labels of keys, the Initial keys and the
//! Retry tag. The types of long headers (RFC 9369 §3.2) are QUIC's. Sessions belong to the version
//! of their connection: those of one do not resume in the other (RFC 9369 §5). The same rule holds
//! for the tokens of Retry packets and NEW_TOKEN frames, which are QUIC's: authenticate the version
//! with them.
//!
//! After compatible version negotiation (RFC 9368), call
//! [`set_version`](crate::quic::ClientConnection::set_version). A server calls it before it passes
//! the ClientHello, since that call outputs keys. `QuicClientHelloPeeker` of `strata-tls-codec`
//! reads the client's transport parameters before.
//!
//! # 0-RTT
//!
//! A client has keys of [`Level::ZeroRtt`] if it may send early data. The server's [remembered
//! parameters](crate::quic::ClientConnection::early_transport_parameters) limit it. A server reads
//! it only if its [`ServerStart`] accepts the data that the session kept: by default if it equals
//! that of this connection. Put there what early data depends on, such as the limits and the
//! settings of HTTP/3 (RFC 9001 §4.6.3). As over TCP, early data needs a session storage, and is
//! accepted once: see [`early_data`](super::early_data).
//!
//! # Errors
//!
//! There are no alerts. Send CONNECTION_CLOSE (type 0x1c) with
//! [`Error::quic_code`](crate::Error::quic_code), and report the peer's with
//! [`closed_by_peer`](crate::quic::ClientConnection::closed_by_peer), which ends the sessions that
//! the connection used. Drop a connection that timed out.
//!
//! # What a peer can make it hold
//!
//! One incomplete message, and the data that arrives while the handshake waits for the application:
//! each at most [`Limits::handshake_message`](crate::Limits::handshake_message) bytes (131,400 by
//! default). Data at another level than the handshake reads is an error, and so is data that is
//! left when the keys of its level change: a peer could otherwise smuggle unprotected messages into
//! the protected part of the handshake. QUIC must limit what it keeps out of order (RFC 9000 §7.5).
//!
//! [`Keys`]: crate::quic::Keys
//! [`KeyUpdates::next`]: crate::quic::KeyUpdates::next
//! [`Level`]: crate::quic::Level
//! [`Level::ZeroRtt`]: crate::quic::Level::ZeroRtt
//! [`NewPacketNumber`]: crate::quic::NewPacketNumber
//! [`Output`]: crate::quic::Output
//! [`PacketKey::confidentiality_limit`]: crate::quic::PacketKey::confidentiality_limit
//! [`PacketKey::integrity_limit`]: crate::quic::PacketKey::integrity_limit
//! [`ServerStart`]: crate::quic::ServerStart
//! [`Version::V2`]: crate::quic::Version::V2
//! [`initial_keys`]: crate::quic::initial_keys
//! [`retry_tag`]: crate::quic::retry_tag
//! [`verify_retry_tag`]: crate::quic::verify_retry_tag
