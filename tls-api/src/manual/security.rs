//! Security considerations: what is defended against, what is not, and what stays with you.
//!
//! # What the library guarantees
//!
//! * No connection completes without authentication of the server: by a certificate that the
//!   verifier accepted and a signature by its key, by a session that began so, or by an external
//!   key.
//! * Application data is never sent or returned before that, apart from early data, which has calls
//!   of its own, and half-RTT data of a server, which is a setting.
//! * A downgrade is detected: the random of a server that supports TLS 1.3 marks it (RFC 9846
//!   §4.2.3), and Finished covers both hellos. There is no fallback to an older version.
//! * Keys change only at record boundaries. Data after a message that changes keys, in the same
//!   record, is an error.
//! * A nonce is not used twice: a sealer owns its sequence number. Keys are updated before the
//!   limit of the AEAD (RFC 9846 §5.5); TLS 1.2, which cannot, ends the connection there.
//! * Secrets are compared in constant time, and absent from logs, errors and `Debug`.
//! * Keys, secrets and sessions are overwritten before their heap memory is freed. On the stack
//!   this is best effort: copies that the compiler makes stay until other calls overwrite them.
//!   SECURITY.md lists what is not overwritten.
//! * No input makes it panic. `unsafe` is forbidden; indexing and `unwrap` are denied by lints.
//!
//! # What it does not defend against
//!
//! * An attacker who reads the memory of the process, or injects faults.
//! * Faults in the primitives, which are those of ring or AWS-LC, and libcrux's for ML-KEM under
//!   ring.
//! * Traffic analysis. Record padding
//!   ([`set_record_padding`](crate::ClientConfig::set_record_padding)) hides some lengths. The
//!   server name is sent unencrypted, as in all of TLS without ECH.
//! * A CA that issues a wrong certificate. Pins, CT and external keys reduce that risk: see
//!   [`trust`](super::trust).
//! * A quantum computer during the handshake, which could forge certificates and signatures. A
//!   recording stays secret if the key exchange was hybrid, as it is by default between peers that
//!   support it (see [`negotiated_group`](crate::Session::negotiated_group)); other recordings,
//!   and all of TLS 1.2, can be decrypted later. A server that must not lose a client to another
//!   group sets
//!   [`set_retry_for_preferred_group`](crate::ServerConfig::set_retry_for_preferred_group); one
//!   that must not have a classical connection enables only hybrid groups.
//!
//! # What stays with you
//!
//! * **Roots.** A client trusts what its root store contains.
//! * **The end.** Treat a missing close_notify as an error unless your protocol has its own end:
//!   see [`io`](super::io).
//! * **Deadlines** and the number of connections: see [`limits`](super::limits).
//! * **Early data** must be harmless if it is delayed: see [`early_data`](super::early_data).
//! * **Ticket keys** of a fleet decrypt recorded TLS 1.2 connections that were resumed. Generate
//!   them at random, keep them in memory, replace them daily.
//! * **The key log** ([`KeyLogFile`](crate::KeyLogFile)) gives connections away to anyone who reads
//!   the file. It is for debugging.
//! * **Compression.** Do not compress secrets together with text that an attacker chooses (BREACH):
//!   no TLS library can prevent that.
//! * **Authorization.** A verified client certificate says who the client is, not what it may do.
//! * **Renegotiation.** An old TLS 1.2 server without renegotiation_info (RFC 5746) is rejected.
//!   [`set_allow_missing_renegotiation_info`](crate::ClientConfig::set_allow_missing_renegotiation_info)
//!   accepts it at a risk that its documentation states.
//!
//! # Status
//!
//! The library has not been audited. BoringSSL's conformance suite, Wycheproof's vectors, the limbo
//! certificate tests and eight fuzz targets run against it. SECURITY.md in the repository says how
//! to report a vulnerability.
