//! Reads the ClientHello at the start of a connection without consuming it. Routers use it to
//! choose a backend by server name or ALPN; other tools use it to fingerprint clients.
//!
//! [`peek_client_hello`] reads a ClientHello in one record, which is the usual case, and needs no
//! memory. `ClientHelloPeeker` (feature `alloc`) also reads one that is split over several records,
//! and [`peek_client_hello_in`] does with memory of the caller.
//! [`peek_client_hello_lenient`] and `ClientHelloPeeker::peek_lenient` also read one that an
//! endpoint would reject for an extension, and the start of one.
//!
//! ```
//! use strata_tls_codec::client_hello_peeker::{ClientHelloPeeker, Peek};
//!
//! /// Returns the backend for a connection; `None` while more bytes are needed.
//! fn backend(peeker: &mut ClientHelloPeeker, received: &[u8]) -> Option<&'static str> {
//!     let hello = match peeker.peek(received) {
//!         Ok(Peek::ClientHello(hello)) => hello,
//!         Ok(Peek::Incomplete { .. }) => return None, // read more, then call again with all bytes
//!         Err(_) => return Some("honeypot"),
//!     };
//!     Some(match hello.extensions.server_name.and_then(|list| list.host_name()) {
//!         Some(b"server") => "10.0.0.1:443",
//!         _ => "10.0.0.2:443",
//!     })
//! }
//!
//! # let stream = include_bytes!("../tests/data/rfc8448_simple_client_hello_record.bin");
//! let mut peeker = ClientHelloPeeker::new();
//! assert_eq!(backend(&mut peeker, &stream[..50]), None);
//! assert_eq!(backend(&mut peeker, stream), Some("10.0.0.1:443"));
//! assert_eq!(backend(&mut ClientHelloPeeker::new(), b"SSH-2.0-"), Some("honeypot"));
//! ```

#[cfg(feature = "alloc")]
mod quic;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "alloc")]
pub use self::quic::{DEFAULT_QUIC_LIMIT, QuicClientHelloPeeker};

use crate::{
    code_points::{AlertDescription, ContentType, HandshakeType},
    error::{DecodeError, Fault},
    handshake::{ClientHello, MESSAGE_HEADER_LEN, Split, message_length, split_message},
    lenient::{LenientClientHello, Prefix},
    record::{Deframed, HEADER_LEN, MAX_FRAGMENT, RecordError, deframe},
};

/// The default limit for the records of a ClientHello, in bytes: 256 KiB. The longest ClientHello
/// (131,400 bytes, RFC 9846 §4.2.2) fits if its records carry at least 6 bytes each.
pub const DEFAULT_LIMIT: usize = 1 << 18;

/// The content at the start of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a view that is matched at once; a box would need an allocator")]
pub enum Peek<'a> {
    /// The ClientHello is not complete, and the bytes so far are valid.
    Incomplete {
        /// The minimum number of bytes still needed to complete the current record or its header.
        need: usize,
    },
    /// The ClientHello. Bytes after it are not examined.
    ClientHello(ClientHello<'a>),
}

/// Reads the ClientHello in the first record of a connection; `bytes` is what was received so far.
///
/// `limit` is the maximum size of the record in bytes, for example [`DEFAULT_LIMIT`]. A fault is
/// reported as soon as the bytes that show it are received.
///
/// ```
/// use strata_tls_codec::client_hello_peeker::{DEFAULT_LIMIT, Peek, PeekError, peek_client_hello};
/// use strata_tls_codec::record::{Protocol, RecordError};
///
/// # let stream = include_bytes!("../tests/data/rfc8448_simple_client_hello_record.bin");
/// let Peek::ClientHello(hello) = peek_client_hello(stream, DEFAULT_LIMIT)? else { panic!() };
/// assert_eq!(hello.cipher_suites.len(), 3);
/// assert_eq!(peek_client_hello(&stream[..4], DEFAULT_LIMIT)?, Peek::Incomplete { need: 1 });
/// let plain = PeekError::NotTls(RecordError::NotTls(Protocol::Http));
/// assert_eq!(peek_client_hello(b"GET / HTTP/1.1", DEFAULT_LIMIT), Err(plain));
/// # Ok::<(), PeekError>(())
/// ```
///
/// # Errors
/// [`PeekError`], which further bytes cannot change. [`PeekError::Split`] if the record ends before
/// the ClientHello does.
pub fn peek_client_hello(bytes: &[u8], limit: usize) -> Result<Peek<'_>, PeekError> {
    match fragment(bytes, 0, limit)? {
        Fragment::Incomplete { need } => {
            check_header(bytes.get(HEADER_LEN..).unwrap_or_default(), limit)?;
            Ok(Peek::Incomplete { need })
        }
        Fragment::Whole { body } => {
            check_header(body, limit)?;
            decode(body)?.map(Peek::ClientHello).ok_or(PeekError::Split)
        }
    }
}

/// Reads the ClientHello at the start of a connection, in any number of records, without an
/// allocator: one in several records is joined in `storage`, whose length is its limit. `bytes` is
/// what was received so far. Each call joins the records again; `ClientHelloPeeker` does not.
///
/// ```
/// use strata_tls_codec::client_hello_peeker::{DEFAULT_LIMIT, Peek, peek_client_hello_in};
///
/// # let one = include_bytes!("../tests/data/rfc8448_simple_client_hello_record.bin");
/// # let cut = |body: &[u8]| [&[22, 3, 1, 0, u8::try_from(body.len()).unwrap()], body].concat();
/// # let stream = [cut(&one[5..105]), cut(&one[105..])].concat();
/// let mut storage = [0; 4096];
/// assert_eq!(peek_client_hello_in(&stream[..105], DEFAULT_LIMIT, &mut storage)?, Peek::Incomplete { need: 5 });
/// let Peek::ClientHello(hello) = peek_client_hello_in(&stream, DEFAULT_LIMIT, &mut storage)? else { panic!() };
/// assert!(hello.extensions.server_name.is_some());
/// # Ok::<(), strata_tls_codec::client_hello_peeker::PeekError>(())
/// ```
///
/// # Errors
/// [`PeekError`], which further bytes cannot change; [`PeekError::TooLong`] also if `storage` is
/// too short; never [`PeekError::Split`].
pub fn peek_client_hello_in<'a>(bytes: &'a [u8], limit: usize, storage: &'a mut [u8]) -> Result<Peek<'a>, PeekError> {
    match peek_client_hello(bytes, limit) {
        Err(PeekError::Split) => {}
        answer => return answer,
    }
    let (mut taken, mut length) = (0_usize, 0_usize);
    loop {
        check_header(storage.get(..length).unwrap_or_default(), limit)?;
        let got = match split_message(storage.get(..length).unwrap_or_default()) {
            Split::Message { .. } => break,
            Split::Incomplete { need } => length.saturating_add(need),
        };
        if got > storage.len() {
            return Err(PeekError::TooLong { got, limit: storage.len() });
        }
        match fragment(bytes.get(taken..).unwrap_or_default(), taken, limit)? {
            Fragment::Incomplete { need } => return Ok(Peek::Incomplete { need }),
            Fragment::Whole { body } => {
                // Of the last record, only the message is needed.
                let end = length.saturating_add(body.len()).min(storage.len());
                let free = storage.get_mut(length..end).unwrap_or_default();
                for (to, from) in free.iter_mut().zip(body) {
                    *to = *from;
                }
                taken = taken.saturating_add(HEADER_LEN).saturating_add(body.len());
                length = end;
            }
        }
    }
    decode(storage.get(..length).unwrap_or_default())?.map(Peek::ClientHello).ok_or(PeekError::Split)
}

/// Reads what there is of the ClientHello in the first record of a connection: also one with
/// malformed extensions, or whose end is not there. See [`lenient`](crate::lenient).
///
/// ```
/// use strata_tls_codec::client_hello_peeker::{DEFAULT_LIMIT, peek_client_hello_lenient};
///
/// # let stream = include_bytes!("../tests/data/rfc8448_simple_client_hello_record.bin");
/// let first_packet = &stream[..100];
/// let peek = peek_client_hello_lenient(first_packet, DEFAULT_LIMIT)?;
/// assert_eq!(peek.received().and_then(|hello| hello.host_name()), Some(&b"server"[..]));
/// # Ok::<(), strata_tls_codec::client_hello_peeker::PeekError>(())
/// ```
///
/// # Errors
/// [`PeekError`], which further bytes cannot change; [`PeekError::Malformed`] only if lengths do
/// not fit into each other; never [`PeekError::Split`].
pub fn peek_client_hello_lenient(bytes: &[u8], limit: usize) -> Result<Prefix<'_, LenientClientHello<'_>>, PeekError> {
    match fragment(bytes, 0, limit)? {
        Fragment::Incomplete { need } if bytes.len() < HEADER_LEN => Ok(Prefix::Incomplete { need }),
        Fragment::Incomplete { .. } => decode_lenient(bytes.get(HEADER_LEN..).unwrap_or_default(), limit),
        Fragment::Whole { body } => decode_lenient(body, limit),
    }
}

/// Reads the ClientHello at the start of a connection, in any number of records.
///
/// Call [`peek`](Self::peek) with all received bytes, from the first byte, each time more bytes
/// arrive. A ClientHello in one record is read in place. One in several records is copied into a
/// buffer, which is bounded by the limit and by the number of bytes received. Each byte is copied
/// once, however often `peek` is called.
///
/// ```
/// use strata_tls_codec::client_hello_peeker::{ClientHelloPeeker, Peek};
///
/// # let one = include_bytes!("../tests/data/rfc8448_simple_client_hello_record.bin");
/// # let cut = |body: &[u8]| [&[22, 3, 1, 0, u8::try_from(body.len()).unwrap()], body].concat();
/// # let stream = [cut(&one[5..105]), cut(&one[105..])].concat();
/// let mut peeker = ClientHelloPeeker::with_limit(4096);
/// assert_eq!(peeker.peek(&stream[..105])?, Peek::Incomplete { need: 5 });
/// let Peek::ClientHello(hello) = peeker.peek(&stream)? else { panic!("expected a ClientHello") };
/// assert!(hello.extensions.server_name.is_some());
/// # Ok::<(), strata_tls_codec::client_hello_peeker::PeekError>(())
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub struct ClientHelloPeeker {
    limit: usize,
    /// The bodies of the records copied so far.
    fragments: Vec<u8>,
    /// The number of bytes of the connection that those records occupy.
    taken: usize,
}

#[cfg(feature = "alloc")]
impl ClientHelloPeeker {
    /// Creates a peeker with [`DEFAULT_LIMIT`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// Creates a peeker that accepts a ClientHello whose records occupy at most `limit` bytes.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self { limit, fragments: Vec::new(), taken: 0 }
    }

    /// Looks for the ClientHello in `bytes`, which is everything received so far.
    ///
    /// # Errors
    /// [`PeekError`], which further bytes cannot change; never [`PeekError::Split`].
    pub fn peek<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Peek<'a>, PeekError> {
        match peek_client_hello(bytes, self.limit) {
            Err(PeekError::Split) => {}
            answer => return answer,
        }
        match self.collect(bytes)? {
            Some(need) => Ok(Peek::Incomplete { need }),
            None => decode(&self.fragments)?.map(Peek::ClientHello).ok_or(PeekError::Split),
        }
    }

    /// Returns what there is of the ClientHello in `bytes`, which is everything received so far. Of
    /// one in several records, it returns what complete records hold. See
    /// [`peek_client_hello_lenient`].
    ///
    /// # Errors
    /// As [`peek_client_hello_lenient`].
    pub fn peek_lenient<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Prefix<'a, LenientClientHello<'a>>, PeekError> {
        if let Fragment::Whole { body } = fragment(bytes, 0, self.limit)? {
            check_header(body, self.limit)?;
            if let Split::Incomplete { .. } = split_message(body) {
                self.collect(bytes)?;
                return decode_lenient(&self.fragments, self.limit);
            }
        }
        peek_client_hello_lenient(bytes, self.limit)
    }

    /// Copies complete records until they hold the message; returns how many bytes are still needed
    /// to complete a record, if any.
    fn collect(&mut self, bytes: &[u8]) -> Result<Option<usize>, PeekError> {
        loop {
            check_header(&self.fragments, self.limit)?;
            if let Split::Message { .. } = split_message(&self.fragments) {
                return Ok(None);
            }
            match fragment(bytes.get(self.taken..).unwrap_or_default(), self.taken, self.limit)? {
                Fragment::Incomplete { need } => return Ok(Some(need)),
                Fragment::Whole { body } => {
                    self.fragments.extend_from_slice(body);
                    self.taken = self.taken.saturating_add(HEADER_LEN).saturating_add(body.len());
                }
            }
        }
    }

    /// Returns the body of the ClientHello, without its header, after [`peek`](Self::peek) has
    /// found it in `bytes`. `None` before that.
    #[must_use]
    pub fn body<'a>(&'a self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let message = match self.fragments.is_empty() {
            true => match fragment(bytes, 0, self.limit) {
                Ok(Fragment::Whole { body }) => body,
                _ => return None,
            },
            false => &self.fragments,
        };
        match split_message(message) {
            Split::Message { message, .. } => Some(message.body),
            Split::Incomplete { .. } => None,
        }
    }
}

#[cfg(feature = "alloc")]
impl Default for ClientHelloPeeker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "alloc")]
impl fmt::Debug for ClientHelloPeeker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHelloPeeker").field("bytes", &self.fragments.len()).field("limit", &self.limit).finish()
    }
}

/// Why a connection does not start with a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeekError {
    /// The connection does not start with a TLS record. The error names the protocol if it is
    /// recognized. Further bytes can only add that name, as for a ClientHello of SSL 2.0 longer
    /// than 255 bytes, which takes five bytes to recognize.
    NotTls(RecordError),
    /// A record header is malformed.
    Record(RecordError),
    /// A record of another type, such as an alert, starts or interrupts the ClientHello.
    NotHandshake(ContentType),
    /// The first handshake message has another type.
    NotClientHello(HandshakeType),
    /// The ClientHello or its record is malformed.
    Malformed(DecodeError),
    /// The ClientHello is longer than the limit.
    TooLong {
        /// The minimum number of bytes that it occupies.
        got: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The ClientHello continues in another record; use `ClientHelloPeeker`.
    Split,
}

impl PeekError {
    /// Returns the alert with which a router should answer, as a server would. `None` if the peer
    /// speaks another protocol and would not read it; then close the connection.
    ///
    /// ```
    /// use strata_tls_codec::client_hello_peeker::{DEFAULT_LIMIT, peek_client_hello};
    /// use strata_tls_codec::{Alert, AlertDescription};
    ///
    /// /// Returns the last bytes for a client that is not routed.
    /// fn rejection(received: &[u8]) -> Option<[u8; 7]> {
    ///     let alert = match peek_client_hello(received, DEFAULT_LIMIT) {
    ///         Ok(_) => AlertDescription::UNRECOGNIZED_NAME, // no backend has the name
    ///         Err(error) => error.alert()?,
    ///     };
    ///     Some(Alert::fatal(alert).to_record())
    /// }
    ///
    /// let decode_error = [21, 3, 3, 0, 2, 2, 50];
    /// assert_eq!(rejection(&[22, 3, 1, 0, 5, 1, 0, 0, 1, 3]), Some(decode_error));
    /// assert_eq!(rejection(b"GET / HTTP/1.1"), None);
    /// ```
    #[must_use]
    pub fn alert(&self) -> Option<AlertDescription> {
        Some(match self {
            Self::NotTls(error) | Self::Record(error) => return error.alert(),
            Self::NotHandshake(_) | Self::NotClientHello(_) => AlertDescription::UNEXPECTED_MESSAGE,
            Self::Malformed(error) if *error == EMPTY_FRAGMENT => AlertDescription::UNEXPECTED_MESSAGE,
            Self::Malformed(error) => error.alert(),
            Self::TooLong { .. } | Self::Split => AlertDescription::DECODE_ERROR,
        })
    }
}

impl fmt::Display for PeekError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls(error) | Self::Record(error) => error.fmt(f),
            Self::NotHandshake(typ) => write!(f, "expected client_hello, got a record of type {typ}"),
            Self::NotClientHello(typ) => write!(f, "expected client_hello, got {typ}"),
            Self::Malformed(error) => error.fmt(f),
            Self::TooLong { got, limit } => {
                write!(f, "client_hello of {got} bytes exceeds the limit of {limit}")
            }
            Self::Split => f.write_str("client_hello is split over several records"),
        }
    }
}

impl core::error::Error for PeekError {}

/// The fault of a record without a body.
const EMPTY_FRAGMENT: DecodeError = DecodeError { fault: Fault::BadLength, at: "TLSPlaintext.length" };

/// A handshake record.
enum Fragment<'a> {
    Incomplete { need: usize },
    Whole { body: &'a [u8] },
}

/// Finds the record in `bytes`, which follow the first `start` bytes of the connection.
fn fragment(bytes: &[u8], start: usize, limit: usize) -> Result<Fragment<'_>, PeekError> {
    let deframed = deframe(bytes, MAX_FRAGMENT).map_err(|error| match (error, bytes) {
        // After one TLS record, the bytes are not those of another protocol.
        (RecordError::NotTls(_), &[20..=23, major, minor, ..]) if start > 0 => {
            PeekError::Record(RecordError::BadVersion(u16::from_be_bytes([major, minor])))
        }
        (RecordError::NotTls(_), &[first, ..]) if start > 0 => {
            PeekError::Record(RecordError::UnknownContentType(first))
        }
        (RecordError::Oversized { .. }, _) => PeekError::Record(error),
        _ if start > 0 => PeekError::Record(error),
        _ => PeekError::NotTls(error),
    })?;
    // Wait for the whole header: a bad version takes precedence over a wrong type.
    if let Some((&[typ, ..], _)) = bytes.split_first_chunk::<HEADER_LEN>()
        && ContentType(typ) != ContentType::HANDSHAKE
    {
        return Err(PeekError::NotHandshake(ContentType(typ)));
    }
    let (len, fragment) = match deframed {
        Deframed::Incomplete { need } => (bytes.len().saturating_add(need), Fragment::Incomplete { need }),
        // "Implementations MUST NOT send zero-length fragments of Handshake types" (RFC 9846 §5.1).
        Deframed::Record { body, .. } if body.is_empty() => {
            return Err(PeekError::Malformed(EMPTY_FRAGMENT));
        }
        Deframed::Record { body, .. } => (body.end, Fragment::Whole { body: bytes.get(body).unwrap_or_default() }),
    };
    let got = start.saturating_add(len);
    if got > limit { Err(PeekError::TooLong { got, limit }) } else { Ok(fragment) }
}

/// Checks the received part of a message header. A caller does not wait for a message that has
/// another type or exceeds the limit.
fn check_header(message: &[u8], limit: usize) -> Result<(), PeekError> {
    match message.first().copied().map(HandshakeType) {
        None | Some(HandshakeType::CLIENT_HELLO) => {}
        Some(other) => return Err(PeekError::NotClientHello(other)),
    }
    if let Some((header, _)) = message.split_first_chunk::<MESSAGE_HEADER_LEN>() {
        let (_, length) = message_length(*header);
        let got = HEADER_LEN.saturating_add(length);
        if got > limit {
            return Err(PeekError::TooLong { got, limit });
        }
    }
    Ok(())
}

/// Decodes the ClientHello at the start of `message`, if it is complete.
fn decode(message: &[u8]) -> Result<Option<ClientHello<'_>>, PeekError> {
    match split_message(message) {
        Split::Message { message, .. } => message.decode().map(Some).map_err(PeekError::Malformed),
        Split::Incomplete { .. } => Ok(None),
    }
}

/// Decodes what is there of the ClientHello at the start of `message`.
fn decode_lenient(message: &[u8], limit: usize) -> Result<Prefix<'_, LenientClientHello<'_>>, PeekError> {
    check_header(message, limit)?;
    let Some((header, body)) = message.split_first_chunk::<MESSAGE_HEADER_LEN>() else {
        return Ok(Prefix::Incomplete { need: MESSAGE_HEADER_LEN.saturating_sub(message.len()) });
    };
    let (_, length) = message_length(*header);
    ClientHello::lenient_prefix(body, length.saturating_sub(MESSAGE_HEADER_LEN)).map_err(PeekError::Malformed)
}
