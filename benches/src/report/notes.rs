//! What a reader of the tables has to know.

use crate::Table;

pub(super) const HEAD: &str = "# Results

Measured and written by `benches/run`, which takes twenty minutes on a quiet machine; `benches/run --quick` shows in
a few minutes that it works. The same rows for programs are in [results.json](results.json).

* *limit* is the sum of ring's primitives that the work cannot do without, computed in the same run (`benches/src/limit.rs` says what
  is counted).
* *rustls* is rustls 0.23 with its ring provider. Other peers are columns of their own, where the benches were built with their features
  (`aws-lc-rs`, `openssl`).
* Of handshakes, bulk data and parsing all contenders are in one process and on one thread and take turns of eight rounds, each time beginning
  with another one; figures are medians.
  Absolute figures differ between machines, and by a few percent between runs on one; ratios by about 0.01 for handshakes and 0.02
  for bulk data.

";

pub(super) const fn title(table: Table) -> &'static str {
    match table {
        Table::Handshakes => "Handshakes",
        Table::Bulk => "Bulk data",
        Table::Threads => "Two threads",
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
        Table::Memory => MEMORY,
        Table::Parsing => PARSING,
        Table::Build => BUILD,
        Table::Instructions => INSTRUCTIONS,
    }
}

const HANDSHAKES: &str = "Time of each side, by a steady clock on a thread that waits for nothing, from making the session to dropping it, all calls included.

* AES-128-GCM with SHA-256 (TLS 1.2: ECDHE-ECDSA), X25519, a chain of leaf and intermediate (P-256), a root that the peer
  trusts; no logging on either side, one version enabled. *Defaults* are each library's own suites and groups and two tickets of TLS 1.3, which
  the client takes and forgets: rustls agrees on AES-256-GCM with SHA-384 then, ours and the limit on AES-128-GCM with SHA-256.
* *Memo*: a client remembers the signatures of chains that it found right, and so does a server that asks for certificates: from the second
  handshake on those cost a hash (`set_memo_size`). The limit of a warm memo has no signature of the chain either. rustls has nothing like it.
* *Resumed*: sessions are kept in the client's memory and, sealed in a ticket or under an id, with the server. A resumed handshake of TLS 1.3
  gives out one new ticket. rustls renews tickets of TLS 1.2 each time, which we do not, nor does the limit.
* The targets of resumed TLS 1.2 were set as 1.20 times a limit that was three fifths of rustls's time. The limit of this table is two fifths of
  it, as it keeps a master secret's HMAC key and hands ring each message whole; so they are stated by rustls, which both have measured. By 1.20
  times the limit of this table all four would be missed.
";

const BULK: &str = "AES-128-GCM. The limit is the bare AEAD on the same records, sealed and opened where they lie: with TLS 1.3 that is the plaintext and a byte of
type, so that no record is a whole number of blocks. Sealed records begin with a cache line, opened ones lie one behind the other as they
come. A burst is 256 KiB, or one write of 1 MiB; each write is flushed.

* What a program writes is a buffer that it has just filled: 16 KiB of it are in the first cache, 1 MiB in the second.
* What a socket does is not the library's. The sender's transport takes the bytes and looks at none of them. The receiver's copies them into
  the library's buffer, as a kernel does, and stops the time of it, which is left out; the rows *with the transport's copy* have it in.
* *buffered* is read where it was decrypted (`BufRead`); *by Read* is copied out once more, into the application's buffer. Sending copies
  once: ring seals in place alone. *limit with a copy* is the bare AEAD with that copy and nothing else: before it seals, or after it has
  opened. With 1 MiB, which comes from the second cache or goes there, that is less than the target.
* *unbuffered*: each library's engine on the caller's buffers. Ours (`tls-handshake`) seals where the plaintext lies; rustls's
  `UnbufferedClientConnection` copies. Both decrypt where the transport put the bytes. The transport's copy is not in these rows.
* Buffers are limited as by default, to 64 KiB, so that 1 MiB goes out in parts.
";

const THREADS: &str = "How many times the handshakes of one thread two threads get done, client and server together: in many short rounds either works alone,
and then both do. A speed is the upper quartile of stretches of a millisecond, as the machine and those that share it have other things to do
now and then; figures are medians of nine times, each with threads and configurations of its own. The two share the configuration of the side that is named. The other side has one for each thread; the
keys of tickets and the servers' store are shared in any case, but a session of TLS 1.2, which is offered again and again, each server has in
a store of its own where the client's side is the one that is shared. In the row of *both* nothing is apart: two threads that
resume one session from one store. *Limit* is how many times the work of one thread two get done that compute bare primitives
and share nothing: what the machine's second core is good for.
";

const MEMORY: &str =
    "TLS 1.3 as above, each side's calls measured apart by a counting allocator. A session counts with the box that an
application keeps it in, and with its peer's chain. Idle connections are all in one process, another one for each library.

* A handshake is the first one of a thread, its client's memo warm, so that all that the thread keeps is counted: peak and allocations have its buffers in them.
* For data our sessions borrow their buffers from the thread and give them back when they are empty: up to 8 of 17 to 100 KiB each way for a
  thread, whatever the number of its connections. They are there before records and idle connections are measured.
* After 16 KiB each way rustls keeps the buffers that it grew.
";

const PARSING: &str = "A browser's ClientHello, from the message's header to the last extension. rustls's parser is private; beside ours stands the
crate tls-parser, its extensions parsed as well.
";

const INSTRUCTIONS: &str = "Counted by callgrind, for one round of each side. These targets are no aims: they are the figures that are checked in, and 3 % more,
which is what continuous integration holds. *Outside of ring and the C library* is by the file that a line of source code comes from.
";

const BUILD: &str = "A minimal client over a socket, with ours and with rustls and ring: CPU time of a release build from nothing, all dependencies
fetched, and how much larger the stripped program is than one that does the same without TLS. *Default features* has logging and the trust anchors
of the system and of Mozilla on both sides; *bare* has neither, and reads its trust anchors from a file.
";
