//! The TLS wire format: borrowed views of every message and extension of TLS 1.3 and of TLS 1.2 with ECDHE, encoders for
//! them, records, alerts.
//!
//! No `std`, no allocator, no panic, no copy: `no_std`, and the feature `alloc` only adds owned copies (`Owned`) and
//! output to a `Vec` (`Writer::append`). This crate knows no cryptography and no state machine. It can be used by
//! itself: to read captures, to route by server name, to fingerprint clients, to build malformed messages.
//!
//! ```text
//! receive:  bytes ─ deframe ─▶ record ─(decrypted in place by others)─▶ plaintext
//!              alert:      decode_all::<Alert>
//!              handshake:  split_message ─▶ RawMessage { typ, body, raw }      (split over records: reassembly::Messages)
//!                             └─ decode::<ClientHello> ─▶ borrowed view, every length and extension checked
//! send:     Writer::message(typ, |w| …) ─▶ bytes, once, into the caller's buffer
//! ```
//!
//! * [`Reader`] is the only way in, [`Writer`] the only way out. Length prefixes are closures.
//! * What was decoded stays valid: a [`List`] holds only good elements, [`Extensions`] no type twice.
//! * Code points are newtypes with constants ([`CipherSuite`], [`NamedGroup`], …), so that unknown values survive.
//! * A [`DecodeError`] says what is wrong and where: `ServerHello.legacy_session_id_echo: the length is not one that
//!   this field may have`.
//!
//! The messages that TLS 1.2 has in another form are in [`handshake::tls12`].
//!
//! # The server name of a ClientHello
//!
//! By hand, to show the pieces; [`client_hello_peeker`] puts them together for routers.
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
//! The writer writes what it is told, so that tests of other implementations can send what they must refuse.
//!
//! ```
//! use strata_tls_codec::{ClientHello, ExtensionType, Fault, HandshakeType, Writer, extension::ServerNameList, handshake::*};
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
//! let Split::Message { message, .. } = split_message(w.written()) else { panic!("it was written whole") };
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
pub mod error;
pub mod extension;
pub mod handshake;
pub mod list;
#[cfg(feature = "alloc")]
pub mod owned;
pub mod reader;
pub mod reassembly;
pub mod record;
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
        KeyUpdateRequest, NameType, NamedGroup, ProtocolVersion, PskKeyExchangeMode, SignatureScheme,
    },
    error::{BufferFull, DecodeError, Fault},
    extension::{
        CertificateStatus, DistinguishedName, Extension, Extensions, KeyShareEntry, OfferedPsks, OidFilter,
        ProtocolName, PskBinder, PskIdentity, SerializedSct, ServerNameList, StatusRequest,
    },
    handshake::{
        Certificate, CertificateEntry, CertificateRequest, CertificateVerify, ClientHello, EncryptedExtensions,
        EndOfEarlyData, Finished, HandshakeMessage, HelloRetryRequest, KeyUpdate, NewSessionTicket, RawMessage,
        ServerHello, ServerHelloMessage, Split, message_length, split_message,
    },
    list::List,
    reader::{Decode, Reader, decode_all},
    record::{Deframed, Protocol, RecordError, RecordHeader, deframe},
    writer::{Encode, Writer},
};

// The examples of the README are tested.
#[cfg(all(doctest, feature = "alloc"))]
#[doc = include_str!("../README.md")]
struct Readme;
