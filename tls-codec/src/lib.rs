//! The TLS wire format. Decodes and encodes records, alerts, and every message and extension of TLS
//! 1.3 and of TLS 1.2 with ECDHE. Decoded values borrow the received bytes.
//!
//! The crate is `no_std`, allocates nothing, copies nothing and cannot panic. The default feature
//! `alloc` adds owned copies (`Owned`) and output to a `Vec` (`Writer::append`); the feature
//! `fingerprint` adds the hashes of JA3 and JA4. The crate contains no other cryptography and no
//! state machine, so tools can use it without the rest of Strata: to read captures, route by server
//! name, [fingerprint] clients or build malformed messages.
//!
//! ```text
//! receive:  bytes ─ deframe ─▶ record ─ (caller decrypts in place) ─▶ plaintext
//!             alert:      decode_all::<Alert>
//!             handshake:  split_message ─▶ RawMessage { typ, body, raw }
//!                         decode::<ClientHello> ─▶ borrowed view, fully checked
//!                         (reassembly::Messages joins messages split over records)
//! send:     Writer::message(typ, |w| …) ─▶ bytes in the caller's buffer
//! ```
//!
//! * All input goes through [`Reader`], all output through [`Writer`]. A closure writes the body of
//!   a vector; the writer fills in the length.
//! * Decoded values are valid: a [`List`] contains no malformed element, and [`Extensions`] no
//!   duplicate type.
//! * Code points are newtypes with constants ([`CipherSuite`], [`NamedGroup`], …), so unknown
//!   values are preserved.
//! * A [`DecodeError`] names the fault and the field: `ServerHello.legacy_session_id_echo: invalid
//!   length`.
//!
//! [`handshake::tls12`] contains the messages that TLS 1.2 encodes differently. [`lenient`] reads
//! hellos that an endpoint must reject, and [`registry`] names all that IANA registers. What Strata
//! does not speak is read for tools: [`dtls`], [`heartbeat`], [`ssl2`], other
//! [key exchanges](handshake::key_exchange), and extensions such as
//! [`EncryptedClientHello`](extension::EncryptedClientHello). `observer::Observer` (feature
//! `alloc`) follows a connection between others.
//!
//! # The server name of a ClientHello
//!
//! This example shows the parts. Routers should use [`client_hello_peeker`], which combines them.
//!
//! ```
//! use strata_tls_codec::{
//!     ClientHello,
//!     handshake::{Split, split_message},
//!     record::{Deframed, MAX_FRAGMENT, deframe},
//! };
//!
//! fn server_name(stream: &[u8]) -> Result<Option<&str>, Box<dyn std::error::Error + '_>> {
//!     let Deframed::Record { body, .. } = deframe(stream, MAX_FRAGMENT)? else { return Ok(None) };
//!     let Split::Message { message, .. } = split_message(&stream[body]) else { return Ok(None) };
//!     let hello: ClientHello<'_> = message.decode()?;
//!     let name = hello.extensions.server_name.and_then(|list| list.host_name());
//!     Ok(name.map(std::str::from_utf8).transpose()?)
//! }
//!
//! # let stream = include_bytes!("../tests/data/rfc8448_simple_client_hello_record.bin");
//! assert_eq!(server_name(stream).unwrap(), Some("server"));
//! ```
//!
//! # A malformed message
//!
//! The writer does not check what it writes, so tests can send messages that a peer must reject.
//! `malformed` (feature `alloc`) changes valid hellos, lengths included.
//!
//! ```
//! use strata_tls_codec::{
//!     ClientHello, ExtensionType, Fault, HandshakeType, Writer, extension::ServerNameList,
//!     handshake::*,
//! };
//!
//! let mut storage = [0; 256];
//! let mut w = Writer::new(&mut storage);
//! w.message(HandshakeType::CLIENT_HELLO, |w| {
//!     w.u16(0x0303)?;
//!     w.bytes(&[7; 32])?;
//!     w.vec8(|_| Ok(()))?;
//!     w.vec16(|w| w.u16(0x1301))?;
//!     w.vec8(|w| w.u8(0))?;
//!     w.vec16(|w| {
//!         ServerNameList::write(w, "one.example")?;
//!         ServerNameList::write(w, "two.example")
//!     })
//! })?;
//! let Split::Message { message, .. } = split_message(w.written()) else { unreachable!() };
//! let error = message.decode::<ClientHello<'_>>().unwrap_err();
//! assert_eq!(error.fault, Fault::DuplicateExtension(ExtensionType::SERVER_NAME));
//! # Ok::<(), strata_tls_codec::BufferFull>(())
//! ```
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::unreachable,
        clippy::arithmetic_side_effects
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod alert;
pub mod client_hello_peeker;
pub mod code_points;
pub mod dtls;
pub mod error;
pub mod extension;
pub mod fingerprint;
pub mod handshake;
pub mod heartbeat;
pub mod lenient;
pub mod list;
#[cfg(feature = "alloc")]
pub mod malformed;
#[cfg(feature = "alloc")]
pub mod observer;
#[cfg(feature = "alloc")]
pub mod owned;
pub mod reader;
pub mod reassembly;
pub mod record;
pub mod registry;
pub mod ssl2;
pub mod writer;

#[cfg(feature = "alloc")]
#[doc(inline)]
pub use client_hello_peeker::ClientHelloPeeker;
#[cfg(feature = "alloc")]
#[doc(inline)]
pub use owned::{CertificateRequestView, CertificateView, ClientHelloView, NewSessionTicketView, Owned, View};
#[doc(inline)]
pub use {
    alert::Alert,
    client_hello_peeker::{Peek, PeekError, peek_client_hello},
    code_points::{
        AlertDescription, AlertLevel, CertificateCompressionAlgorithm, CertificateStatusType, CertificateType,
        CipherSuite, ClientCertificateKind, ContentType, EcCurveType, EcPointFormat, ExtensionType, HandshakeType,
        HeartbeatMessageType, HeartbeatMode, HpkeAead, HpkeKdf, HpkeKem, KeyUpdateRequest, NameType, NamedGroup,
        ProtocolVersion, PskKeyExchangeMode, SignatureScheme, SrtpProtectionProfile, TokenBindingKeyParameters,
    },
    error::{BufferFull, DecodeError, Fault},
    extension::{
        CertificateStatus, DistinguishedName, Extension, Extensions, KeyShareEntry, OfferedPsks, OidFilter,
        ProtocolName, PskBinder, PskIdentity, SerializedSct, ServerNameList, StatusRequest,
    },
    handshake::{
        Certificate, CertificateEntry, CertificateRequest, CertificateVerify, ClientHello, CompressedCertificate,
        EncryptedExtensions, EndOfEarlyData, Finished, HandshakeMessage, HelloRetryRequest, KeyUpdate,
        NewSessionTicket, RawMessage, ServerHello, ServerHelloMessage, Split, message_length, split_message,
    },
    lenient::{LenientClientHello, LenientServerHello},
    list::List,
    reader::{Decode, Reader, decode_all},
    record::{Deframed, Protocol, RecordError, RecordHeader, deframe},
    writer::{Encode, Writer},
};

// Runs the README's examples as tests.
#[cfg(all(doctest, feature = "alloc"))]
#[doc = include_str!("../README.md")]
struct Readme;
