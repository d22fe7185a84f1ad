//! The notes below each table of the report: what the rows measure.

use crate::Table;

pub(super) const HEAD: &str = "# Results

Measured and written by `benches/run`, which takes twenty minutes on an idle machine.
`benches/run --quick` only checks in a few minutes that it works. [results.json](results.json) has
the same rows in machine-readable form.

* *limit* is the sum of the primitives of ring, and of libcrux for ML-KEM, that the work requires, computed in the same run.
  `benches/src/limit.rs` lists what is counted.
* *rustls* is rustls 0.23 with its ring provider. Other peers have their own columns if the benches
  were built with their features (`aws-lc-rs`, `openssl-vendored`).
* Rows *with AWS-LC* compare ours with that backend to its bare AEAD and to rustls with it.
* A row whose contenders do different work says so in its name.
* Handshakes, bulk data and parsing: all contenders run in one process on one thread and take turns
  of eight rounds; each cycle starts with another contender. Figures are medians. Absolute figures
  differ between machines, and by a few percent between runs on one machine. Ratios differ by about
  0.01 for handshakes and 0.02 for bulk data.

";

pub(super) const fn title(table: Table) -> &'static str {
    match table {
        Table::Handshakes => "Handshakes",
        Table::Bulk => "Bulk data",
        Table::Threads => "Two threads",
        Table::Async => "Under tokio",
        Table::Quic => "QUIC, under quinn",
        Table::Memory => "Memory",
        Table::Parsing => "Parsing",
        Table::Build => "Builds",
        Table::Instructions => "Instructions",
    }
}

pub(super) const fn notes(table: Table) -> &'static str {
    match table {
        Table::Handshakes => HANDSHAKES,
        Table::Bulk => BULK,
        Table::Threads => THREADS,
        Table::Async => ASYNC,
        Table::Quic => QUIC,
        Table::Memory => MEMORY,
        Table::Parsing => PARSING,
        Table::Build => BUILD,
        Table::Instructions => INSTRUCTIONS,
    }
}

const HANDSHAKES: &str =
    "Time of each side, from creating the session to dropping it, all calls included. It is measured with
a monotonic clock on a thread that never blocks.

* AES-128-GCM with SHA-256 (TLS 1.2: ECDHE-ECDSA), X25519, a chain of leaf and intermediate (P-256),
  a root that the peer trusts, no logging, one version enabled.
* *Defaults* are each library's own suites, its classical groups, and two TLS 1.3 tickets, which the
  client discards. *X25519MLKEM768* has a row of its own, since rustls on ring has no ML-KEM. rustls then negotiates AES-256-GCM with SHA-384; ours and the limit use AES-128-GCM.
* *RSA-2048*: the key of the leaf, whose issuer has P-256 as in the other rows.
* *Signature cache* (`set_memo_size`): a client, and a server that requests certificates, caches
  which signatures of a chain are valid. After the first handshake each costs one hash. The limit of
  these rows has no chain signatures either. rustls has no such cache and verifies them each time.
* *Resumed*: the client stores sessions in memory; the server uses tickets, or a store with ids. A
  resumed TLS 1.3 handshake issues one new ticket, in all contenders.
* *Resumed TLS 1.2, id* is equal work: no contender issues a ticket. *Resumed TLS 1.2, ticket* is
  not: rustls issues a new ticket in each resumption, and has no setting against it. Ours and the
  limit keep the ticket. OpenSSL is not measured in resumptions, because its Rust bindings offer
  them only through an `unsafe` call.
* Targets of resumed TLS 1.2 are relative to rustls. They were set as 1.20 times a limit of three
  fifths of rustls's time. The limit of this table is stricter, at two fifths: it keeps the HMAC key
  of a master secret, and passes each message to ring as a whole. All four rows exceed 1.20 times
  this limit.
";

const BULK: &str =
    "AES-128-GCM. The limit is the bare AEAD, which seals and opens the same records in place. In TLS 1.3
they contain the plaintext and one type byte, so no record is a whole number of blocks. Sealed
records start at cache lines; opened records follow each other as received. A burst is 256 KiB, or
one write of 1 MiB; each write is flushed.

* The program writes a buffer that it has just filled: 16 KiB fit the first-level cache, 1 MiB the
  second-level cache.
* The work of sockets is excluded. The sender's transport takes the bytes without reading them. The
  receiver's transport copies them into the library's buffer, as a kernel does, and that time is
  subtracted, except in the rows *with the transport's copy*.
* *buffered* is read where it was decrypted (`BufRead`); *by Read* is also copied into the
  application's buffer. Sending copies once, because ring only seals in place; AWS-LC needs no copy. *limit with a copy* is
  the bare AEAD with only that copy, before sealing or after opening. With 1 MiB, whose copy uses the
  second-level cache, this is below the target.
* *unbuffered*: each library's engine on the caller's buffers. Ours (`tls-handshake`) seals in place;
  rustls's `UnbufferedClientConnection` copies. Both decrypt in place. These rows exclude the
  transport's copy.
* Buffers have their default limit of 64 KiB, so 1 MiB is sent in parts.
";

const THREADS: &str =
    "Handshakes of two threads in relation to those of one thread, client and server together. In many
short rounds, each thread runs alone, then both run at once. A thread's speed is the upper quartile
of its 1 ms intervals, because the machine also runs other things. Figures are medians of nine
measurements, each with new threads and configurations.

The two threads share the configuration of the named side, and each has its own for the other side.
They always share ticket keys and the servers' store. The exception is TLS 1.2, where a session is
resumed repeatedly: if the client side is shared, each server has its own store. In the row of
*both*, two threads resume one session from one store, and share everything. *limit* is the same
relation for bare primitives, which share nothing: the capacity of the second core.

*One connection both ways*: a thread receives records that its peer made before, and sends as much as
takes the same time, since two threads can do at most twice the work of one if each has half of it.
Received data comes from memory, not from caches, so that more is sent than received.
";

const ASYNC: &str =
    "The module `tokio` of this library, and tokio-rustls with ring. TLS 1.3 as above, over a pair of Unix
sockets, with the runtime of tokio that has one thread. Client and server are in one process, so
the figures are those of both sides together.

* *Connection and one request*: the time from opening the sockets to dropping both streams, with a
  request of 100 bytes and a response of 1,000. A client with a *signature cache* verifies a chain
  once.
* *Data*: writes of 64 KiB, 16 MiB in each direction, in GB/s per direction. *Two threads*: each
  side has its own. *Both ways*: each side sends and receives at once, by `tokio::io::split`.
";

const QUIC: &str =
    "The module `quinn` of this library, and quinn's own adapter for rustls with ring. AES-128-GCM, X25519
and certificates as above.

* *Connection*: the time from opening a connection to dropping both sides, with the tickets and the
  confirmation of the handshake. Two endpoints of quinn-proto pass datagrams in memory, so the
  packets of quinn are included, and sockets are not.
* *Packets*: of 1,200 bytes, with 1-RTT keys as quinn gets them. *limit* is ring's bare AEAD with its
  mask for the header. A measurement has 12 packets, which fit the first-level cache.
* *Data*: 256 MiB on a stream, over sockets of one machine. Client and server share one thread.
";

const MEMORY: &str =
    "TLS 1.3 as above. A counting allocator measures each side's calls separately. A session includes the
box that the application stores it in, and its peer's chain. Idle connections are in one process, a
separate one for each library.

* *stream of tokio*: the stream of each adapter in a box, after 16 KiB each way and a read that found
  no data. The transport is not counted.
* *quinn*: a connection of quinn-proto in a box, after the handshake and its confirmation, with what
  the endpoint keeps for it. Packets are sealed and opened with 1-RTT keys.
* *no read pending*: after 16 KiB each way, nothing calls the session. rustls then still has the
  buffers that it grew. *waiting in a read*: the same connection after a `read_tls` that found no
  data, as before blocking in a read. rustls shrinks its receive buffer in that call. Ours
  returned its buffers before.
* A handshake is the first of its thread, with the client's signature cache warm. Its peak and
  allocations include the buffers and everything else that the thread keeps.
* For data, our sessions borrow buffers from the thread and return them when empty. A thread keeps up
  to 8 in each direction, of 17 to 100 KiB each, for any number of connections. They exist before
  records and idle connections are measured.
";

const PARSING: &str =
    "A browser's ClientHello, and messages of captured connections (`tls-codec/tests/captures`), from the
message header to the last field. rustls's parser is private, so the peer is the crate tls-parser. Where
it leaves bytes to a second function, such as the extensions of a hello, that is called too. It has
neither peeking nor fingerprints.
";

const INSTRUCTIONS: &str =
    "Counted by callgrind, for one round of each side. The targets are the checked-in figures plus 3 %,
which continuous integration enforces. *Outside of ring and the C library* is determined by the
source file of each instruction.
";

const BUILD: &str =
    "A minimal client over a socket, with ours and with rustls and ring: CPU time of a release build from
scratch with all dependencies fetched, and the added size of the stripped program relative to one
without TLS. *Default features* includes logging and the trust anchors of the system and of Mozilla
on both sides. *bare* has neither, and reads its trust anchors from a file.
";
