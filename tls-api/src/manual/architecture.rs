//! The shape of the library, the engine below the facade, and how to contribute.
//!
//! ```text
//! strata-tls            for applications: configurations,
//!    │                  connections with buffers, streams
//! strata-tls-handshake  handshakes as typestates, the engine,
//!    │     │            certificate verification, resumption
//!    │  strata-tls-codec   the wire format: borrowed messages,
//!    │                     encoders, reassembly; no_std
//! strata-tls-crypto     over ring or AWS-LC: key schedule,
//!                       records, key exchange, signatures
//! ```
//!
//! A crate uses only crates below it. The codec contains no cryptography, the crypto crate no
//! messages, the engine no I/O and no clock, and this crate makes no protocol decision. `unsafe` is
//! forbidden in all four.
//!
//! # The path of the bytes
//!
//! ```text
//! receive  socket ─▶ receive buffer ─▶ record, decrypted in place
//!           ├─ application data: read from there, with one copy,
//!           │  or none through BufRead
//!           └─ handshake: parsed in place ─▶ borrowed message
//!              ─▶ state.on_<message> ─▶ next state, calls of Sink
//!
//! send     plaintext ─▶ copied once into the send buffer
//!              ─▶ encrypted in place ─▶ socket
//!          message ─▶ encoded once into the send buffer
//!              ─▶ hashed there ─▶ encrypted in place ─▶ socket
//! ```
//!
//! A record costs no allocation after the handshake.
//!
//! # States are types
//!
//! A state is a struct named after RFC 9846 Appendix A. Its method takes the state and one message
//! and returns the next state, so a transition that the RFC does not have does not compile:
//!
//! ```text
//! client, TLS 1.3
//!
//! WaitServerHello ◀─ retry
//!       │
//! WaitEncryptedExtensions
//!       ├─ resumed ──────────┐
//! WaitCertOrCertRequest      │
//! WaitCert                   │
//! WaitVerdict  valid chain?  │
//! WaitCertVerify             │
//! WaitFinished ◀─────────────┘
//!       │  WaitClientIdentity  which certificate?
//!       │  WaitSignature       sign this
//! Connected
//! ```
//!
//! ```text
//! server, TLS 1.3
//!
//! WaitClientHello ◀─ retry
//!       │  WaitSession    which session?
//!       │  WaitTakeSession  remove it from its store
//!       │  WaitIdentity   which certificate?
//!       │  WaitSignature  sign this
//! (the server's flight is sent)
//!       ├─ early data: WaitEndOfEarlyData
//!       ├─ client certificate: WaitCert,
//!       │       WaitVerdict, WaitCertVerify
//! WaitFinished
//!       │  WaitTickets    encrypt or store sessions
//! Connected
//! ```
//!
//! What was checked is a value. `PeerCertVerified` (in `auth.rs`) holds the chain, and only it can
//! check the CertificateVerify; the result is the only way to check Finished, and only the result
//! of that unlocks the application keys. An omitted check does not compile. The compile-fail tests
//! show each omission.
//!
//! # Decisions are requests
//!
//! The engine does not call out. Where the application decides, it returns a `Need` and stops. The
//! answer continues it, at once or later, from any thread. This crate answers at once from the
//! configuration's objects, or hands the request out
//! ([`set_deferred_needs`](crate::ServerConfig::set_deferred_needs), [`io`](super::io)).
//!
//! | request | kind | answered here by |
//! |---|---|---|
//! | which identity for this ClientHello | [`IDENTITY`](crate::Needs::IDENTITY) | [`ResolvesServerCert`](crate::ResolvesServerCert) |
//! | which certificate for this server | [`IDENTITY`](crate::Needs::IDENTITY) | [`ResolvesClientCert`](crate::ResolvesClientCert) |
//! | sign this | [`SIGNATURE`](crate::Needs::SIGNATURE) | the key; a remote one by the application |
//! | verify this chain | [`VERIFICATION`](crate::Needs::VERIFICATION) | [`ServerVerifier`](crate::ServerVerifier), [`ClientCertVerifier`](crate::ClientCertVerifier) |
//! | find this session, remove it from its store | [`SESSION`](crate::Needs::SESSION) | [`StoresServerSessions`](crate::StoresServerSessions), [`ProducesTickets`](crate::ProducesTickets) |
//! | make tickets for new sessions | [`NEW_SESSION`](crate::Needs::NEW_SESSION) | the same |
//!
//! With the engine, each of them is handed out. [`SessionBackend`](crate::SessionBackend) answers
//! those about sessions from tickets or a store:
//!
//! ```
//! use strata_tls::handshake::{Answer, ClientConnection, Error, Need, Outgoing, Progress};
//! use strata_tls::{ServerVerifier, UnixTime};
//!
//! /// Handles what arrived from the server. Returns the plaintext.
//! fn arrived(
//!     connection: &mut ClientConnection,
//!     incoming: &mut Vec<u8>,
//!     outgoing: &mut Outgoing,
//!     verifier: &ServerVerifier,
//! ) -> Result<Vec<u8>, Error> {
//!     let mut plaintext = Vec::new();
//!     loop {
//!         let done = connection.process(incoming, outgoing)?;
//!         match done.progress {
//!             Progress::NeedMoreInput { .. } | Progress::Paused | Progress::PeerClosed => return Ok(plaintext),
//!             Progress::ApplicationData(range) => plaintext.extend_from_slice(&incoming[range]),
//!             Progress::Need(need) => {
//!                 let mut open = Some(need);
//!                 while let Some(need) = open {
//!                     // `need` owns its data: it could go to another thread.
//!                     let answer: Answer = match need {
//!                         Need::Verdict(need) => need.verify(verifier, UnixTime::now()),
//!                         other => other.refuse(),
//!                     };
//!                     // The answer may lead to the next request.
//!                     open = connection.resume(answer, outgoing)?;
//!                 }
//!             }
//!             _ => {}
//!         }
//!         incoming.drain(..done.consumed);
//!     }
//! }
//! ```
//!
//! # Contributing
//!
//! CONTRIBUTING.md in the repository maps the folders and has recipes for a new extension, cipher
//! suite and request. In short:
//!
//! * A change comes with a test that fails without it. A parser also has a round trip, every
//!   truncation and a fuzz target.
//! * Bytes of a peer go through the codec's `Reader`: no indexing, no `unwrap`.
//! * A handler returns an error; one exhaustive match maps errors to alerts.
//! * A claim about speed has a row in `benches/`, with a peer in the same run.
