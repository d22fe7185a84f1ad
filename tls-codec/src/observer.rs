//! Follows a connection between others: what is not encrypted of both directions.
//!
//! An [`Observer`] takes the bytes of a TCP connection, in pieces of any size, and returns hellos,
//! the certificates of TLS 1.2, other handshake messages and alerts. Of encrypted records it
//! returns type and length. Its memory is bounded. If it loses its place, it says so and looks for
//! the next record.
//!
//! ```
//! use strata_tls_codec::observer::{Event, Observer, Sender};
//!
//! # let stream = include_bytes!("../tests/data/rfc8448_simple_client_hello_record.bin");
//! let mut observer = Observer::new();
//! let mut names = Vec::new();
//! for packet in stream.chunks(100) {
//!     observer.read(Sender::Client, packet, |event| {
//!         if let Event::ClientHello(hello) = event {
//!             names.extend(hello.host_name().map(<[u8]>::to_vec));
//!         }
//!     });
//! }
//! assert_eq!(names, [b"server"]);
//! ```

mod direction;
mod scan;

use self::direction::Direction;
use crate::{
    alert::Alert,
    code_points::{CipherSuite, ContentType, HandshakeType, ProtocolVersion},
    error::DecodeError,
    handshake::{RawMessage, tls12},
    lenient::{LenientClientHello, LenientServerHello},
    record::RecordError,
};

/// The default limit for a handshake message, in bytes: 128 KiB.
pub const DEFAULT_LIMIT: usize = 1 << 17;

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// An event that an [`Observer`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The client's hello, also one that the server will reject. A second one answers a
    /// HelloRetryRequest.
    ClientHello(LenientClientHello<'a>),
    /// The server's hello, or its HelloRetryRequest.
    ServerHello(LenientServerHello<'a>),
    /// The certificates of the sender, in TLS 1.2 and older.
    Certificate(tls12::Certificate<'a>),
    /// Another handshake message.
    Handshake(RawMessage<'a>),
    /// A hello or Certificate that does not decode.
    Malformed {
        /// The message.
        message: RawMessage<'a>,
        /// The fault.
        error: DecodeError,
    },
    /// A handshake message longer than the limit. Those after it are read.
    TooLong {
        /// The type of the message.
        typ: HandshakeType,
        /// Its length in bytes, header included.
        length: usize,
    },
    /// An alert.
    Alert(Alert),
    /// The sender encrypts from here on, up to TLS 1.2. Without meaning in TLS 1.3.
    ChangeCipherSpec,
    /// A record that is encrypted, or that follows a [`Resynchronized`](Self::Resynchronized).
    Encrypted {
        /// The type in its header.
        content_type: ContentType,
        /// The length of its body in bytes.
        length: usize,
    },
    /// The observer does not know where the next record starts, and searches for it.
    Lost(Loss),
    /// The observer found a record again. A hello is read; other handshake messages are not,
    /// because their start is unknown.
    Resynchronized,
}

/// Why an [`Observer`] lost its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Bytes are missing. See [`Observer::gap`].
    Gap,
    /// The bytes are no record: the connection is not TLS, or not yet (STARTTLS), or was observed
    /// from its middle.
    Record(RecordError),
}

/// Follows one connection. See [`observer`](self).
///
/// For each direction it buffers at most one record and one handshake message.
#[derive(Clone, Debug)]
pub struct Observer {
    client: Direction,
    server: Direction,
    shared: Shared,
}

/// The state that both directions share.
#[derive(Clone, Debug)]
struct Shared {
    limit: usize,
    version: Option<ProtocolVersion>,
    cipher_suite: Option<CipherSuite>,
    /// A HelloRetryRequest was not answered yet.
    awaits_hello: bool,
}

impl Observer {
    /// Creates an observer with [`DEFAULT_LIMIT`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// Creates an observer that reads handshake messages of at most `limit` bytes.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        let shared = Shared { limit, version: None, cipher_suite: None, awaits_hello: false };
        Self { client: Direction::new(), server: Direction::new(), shared }
    }

    /// Reads the next bytes of a sender, and passes what they complete to `on_event`.
    ///
    /// Bytes of both senders should be passed in the order of their arrival: the version that the
    /// server selects decides how the client continues.
    pub fn read(&mut self, sender: Sender, bytes: &[u8], mut on_event: impl FnMut(Event<'_>)) {
        let (direction, shared) = self.parts(sender);
        direction.read(sender, bytes, shared, &mut on_event);
    }

    /// Skips `count` bytes of a sender that the capture lacks. The observer does not lose its place
    /// if they are in the body of one encrypted record.
    pub fn gap(&mut self, sender: Sender, count: usize, mut on_event: impl FnMut(Event<'_>)) {
        let (direction, _) = self.parts(sender);
        direction.gap(count, &mut on_event);
    }

    /// Returns the version that the server selected, after its ServerHello or HelloRetryRequest.
    #[must_use]
    pub const fn version(&self) -> Option<ProtocolVersion> {
        self.shared.version
    }

    /// Returns the cipher suite that the server selected.
    #[must_use]
    pub const fn cipher_suite(&self) -> Option<CipherSuite> {
        self.shared.cipher_suite
    }

    /// Returns the bytes of an incomplete handshake message that complete records hold, header
    /// included. At the end of a connection, [`ClientHello::lenient_prefix`] reads them.
    ///
    /// [`ClientHello::lenient_prefix`]: crate::ClientHello::lenient_prefix
    #[must_use]
    pub fn incomplete_message(&self, sender: Sender) -> &[u8] {
        match sender {
            Sender::Client => self.client.incomplete_message(),
            Sender::Server => self.server.incomplete_message(),
        }
    }

    const fn parts(&mut self, sender: Sender) -> (&mut Direction, &mut Shared) {
        match sender {
            Sender::Client => (&mut self.client, &mut self.shared),
            Sender::Server => (&mut self.server, &mut self.shared),
        }
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}
