//! Performance and memory: what costs what, and the settings that matter.
//!
//! Nearly all of a handshake is cryptography. With ring, the library adds 2 to 6 % in TLS 1.3. The
//! repository's `benches/RESULTS.md` has all figures, measured in one process with rustls, in turn.
//!
//! # Handshakes
//!
//! * **Share one configuration** between connections. It holds what is computed once: encoded
//!   messages, extension blocks, hashes, ticket keys, the signature cache. A configuration per
//!   connection loses all that, and resumption with it.
//! * **Hybrid key exchange**, the default, adds some 30 µs of ML-KEM to each side and 2.3 KB to the
//!   two hellos. The ClientHello has some 1.5 to 1.8 KB, mostly two TCP segments.
//!   [`set_groups`](crate::ClientConfig::set_groups) without X25519MLKEM768 saves both, and gives
//!   up the protection of recorded connections.
//! * **Let a client remember.** A server that requests another group costs a round trip once: the
//!   [session storage](crate::StoresClientSessions::put_group) keeps the group, and the next
//!   ClientHello has a share of it.
//! * **Use ECDSA or Ed25519 certificates.** An RSA-2048 signature takes a server several times as
//!   long.
//! * **Let clients resume.** A resumed TLS 1.3 handshake saves the signature; a resumed TLS 1.2
//!   handshake saves the key exchange too.
//! * **The signature cache.** A verifier remembers the signatures of chains that it accepted
//!   (hashes, 32 KiB), so that the next handshake with the same CAs saves them. Validity, names and
//!   revocation are checked every time.
//!   [`set_memo_size`](crate::ChainVerifier::set_memo_size) changes its size.
//!
//! # Data
//!
//! * Write 16 KiB or more at once: one record holds up to 16 KiB, and each `write` makes at least
//!   one record with 22 bytes of overhead. `write_vectored` fills records from many slices.
//! * Read with `BufRead` to save a copy: `fill_buf` returns plaintext where it was decrypted.
//! * [`set_dynamic_record_sizing`](crate::ServerConfig::set_dynamic_record_sizing) sends short
//!   records at first, so that a browser can use the first bytes sooner. Default: off.
//! * Sending copies data once. With the backend AWS-LC it copies nothing: a record is encrypted
//!   from the buffer that was written. Vectored writes and padded records are copied.
//! * The engine also encrypts in place, without any copy: `Connection::send_in_place`.
//!
//! # Memory
//!
//! | | client | server |
//! |---|---|---|
//! | idle connection, heap | 2.8 KB | 2.0 KB |
//! | peak of a full handshake | 7.7 KB | 6.3 KB |
//!
//! An idle connection holds its keys and no buffers. While it holds bytes, its thread lends it
//! buffers and keeps them for the next record:
//!
//! * at most 256 KiB for receiving and 256 KiB for sending, for each thread, however many
//!   connections it has;
//! * 19 KiB and 17 KiB, 36 KiB in all, after the last connection of the thread is dropped;
//! * nothing after [`release_buffers`](crate::release_buffers), or when the thread ends.
//!
//! A connection counts for the thread that created it until that thread drops it. A thread whose
//! connections are dropped by other threads keeps its buffers until it calls `release_buffers`.
//!
//! # Threads
//!
//! Connections of one configuration do not wait for each other on several threads: two threads do
//! 1.96 to 1.99 times the handshakes of one. Ticket keys and identities are read without a lock
//! that readers share; stores are in 16 parts.
//!
//! # Build
//!
//! A build without the default features is the smallest: `default-features = false` leaves out
//! logging, ML-KEM and both sources of roots. See the list of features on the [front page](crate).
