//! Reading the ClientHello off the beginning of a connection without consuming it: to route by server name or
//! application protocol, or to fingerprint clients, before anybody answers.
//!
//! [`peek_client_hello`] reads a hello that lies in one record, as nearly all do, and needs no memory. The
//! `ClientHelloPeeker` (feature `alloc`) also reads one that is cut over several records.
//!
//! ```
//! use strata_tls_codec::client_hello_peeker::{ClientHelloPeeker, Peek};
//!
//! /// Where to forward a connection; `None` while too little of it has come to say.
//! fn backend(peeker: &mut ClientHelloPeeker, so_far: &[u8]) -> Option<&'static str> {
//!     let hello = match peeker.peek(so_far) {
//!         Ok(Peek::ClientHello(hello)) => hello,
//!         Ok(Peek::Incomplete { .. }) => return None, // read on, and come back with all that was read
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
use alloc::vec::Vec;
use core::fmt;

use crate::{
    code_points::{ContentType, HandshakeType},
    error::{DecodeError, Fault},
    handshake::{ClientHello, MESSAGE_HEADER_LEN, Split, message_length, split_message},
    record::{Deframed, HEADER_LEN, MAX_FRAGMENT, RecordError, deframe},
};

/// How many bytes of a connection the records of a ClientHello may take, unless something else is asked for: 256 KiB, which
/// holds the longest one, of 131,400 bytes (RFC 9846 §4.2.2), in records of 6 bytes and more.
pub const DEFAULT_LIMIT: usize = 1 << 18;

/// What the beginning of a connection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a view that is matched at once; a box would need an allocator")]
pub enum Peek<'a> {
    /// The hello is not there yet, and nothing is wrong with what there is.
    Incomplete {
        /// How many further bytes are needed, at least: those that are missing of a record or of its header.
        need: usize,
    },
    /// The hello. What follows it is not looked at.
    ClientHello(ClientHello<'a>),
}

/// Reads the ClientHello in the first record of a connection, of which `bytes` have come so far.
///
/// `limit` bounds what the record may take of the connection, in bytes; [`DEFAULT_LIMIT`] is a good one. What is wrong
/// with a hello is told as soon as the bytes that show it are there.
///
/// ```
/// use strata_tls_codec::client_hello_peeker::{DEFAULT_LIMIT, Peek, PeekError, peek_client_hello};
/// use strata_tls_codec::record::{Protocol, RecordError};
///
/// # let stream = include_bytes!("../tests/data/rfc8448_simple_client_hello_record.bin");
/// let Peek::ClientHello(hello) = peek_client_hello(stream, DEFAULT_LIMIT)? else { panic!("it is whole") };
/// assert_eq!(hello.cipher_suites.len(), 3);
/// assert_eq!(peek_client_hello(&stream[..4], DEFAULT_LIMIT)?, Peek::Incomplete { need: 1 });
/// let plain = PeekError::NotTls(RecordError::NotTls(Protocol::Http));
/// assert_eq!(peek_client_hello(b"GET / HTTP/1.1", DEFAULT_LIMIT), Err(plain));
/// # Ok::<(), PeekError>(())
/// ```
///
/// # Errors
/// [`PeekError`], which no further bytes can change; [`PeekError::Split`] if the record ends before the hello does.
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

/// Reads the ClientHello off the beginning of a connection, however it is cut into records.
///
/// Give it all that has come on the connection, from the first byte, each time that more has come. A hello in one record
/// is read where it lies; one in several is joined in a buffer that never outgrows the limit nor what has come.
/// Every byte is joined once, however often the peeker is asked.
///
/// ```
/// use strata_tls_codec::client_hello_peeker::{ClientHelloPeeker, Peek};
///
/// # let one = include_bytes!("../tests/data/rfc8448_simple_client_hello_record.bin");
/// # let cut = |body: &[u8]| [&[22, 3, 1, 0, u8::try_from(body.len()).unwrap()], body].concat();
/// # let stream = [cut(&one[5..105]), cut(&one[105..])].concat();
/// let mut peeker = ClientHelloPeeker::with_limit(4096);
/// assert_eq!(peeker.peek(&stream[..105])?, Peek::Incomplete { need: 5 });
/// let Peek::ClientHello(hello) = peeker.peek(&stream)? else { panic!("it is whole") };
/// assert!(hello.extensions.server_name.is_some());
/// # Ok::<(), strata_tls_codec::client_hello_peeker::PeekError>(())
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub struct ClientHelloPeeker {
    limit: usize,
    /// The bodies of the records that were joined.
    joined: Vec<u8>,
    /// How many bytes of the connection those records are.
    taken: usize,
}

#[cfg(feature = "alloc")]
impl ClientHelloPeeker {
    /// With [`DEFAULT_LIMIT`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// Lets the records of the hello take `limit` bytes of the connection.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self { limit, joined: Vec::new(), taken: 0 }
    }

    /// Looks for the hello in `bytes`, all that has come so far.
    ///
    /// # Errors
    /// [`PeekError`], which no further bytes can change; never [`PeekError::Split`].
    pub fn peek<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Peek<'a>, PeekError> {
        match peek_client_hello(bytes, self.limit) {
            Err(PeekError::Split) => {}
            answer => return answer,
        }
        loop {
            check_header(&self.joined, self.limit)?;
            if let Split::Message { .. } = split_message(&self.joined) {
                break;
            }
            match fragment(bytes.get(self.taken..).unwrap_or_default(), self.taken, self.limit)? {
                Fragment::Incomplete { need } => return Ok(Peek::Incomplete { need }),
                Fragment::Whole { body } => {
                    self.joined.extend_from_slice(body);
                    self.taken = self.taken.saturating_add(HEADER_LEN).saturating_add(body.len());
                }
            }
        }
        decode(&self.joined)?.map(Peek::ClientHello).ok_or(PeekError::Split)
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
        f.debug_struct("ClientHelloPeeker").field("bytes", &self.joined.len()).field("limit", &self.limit).finish()
    }
}

/// Why there will be no ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeekError {
    /// The connection does not begin with a record of TLS; names the protocol that is spoken instead, if it is clear.
    /// Further bytes may make it clearer, and nothing else of the answer: a long hello of SSL 2.0 shows only by its fifth.
    NotTls(RecordError),
    /// The header of a record is malformed.
    Record(RecordError),
    /// There is a record of another type where the hello begins or goes on, such as an alert.
    NotHandshake(ContentType),
    /// The first handshake message is another one.
    NotClientHello(HandshakeType),
    /// The hello, or the record that it lies in, is malformed.
    Malformed(DecodeError),
    /// The hello would take more of the connection than is allowed.
    TooLong {
        /// How many bytes it takes, at least.
        got: usize,
        /// How many it may take.
        limit: usize,
    },
    /// The hello goes on in a further record; only `ClientHelloPeeker` joins them.
    Split,
}

impl fmt::Display for PeekError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls(error) | Self::Record(error) => error.fmt(f),
            Self::NotHandshake(typ) => write!(f, "a record of type {typ} came where a client_hello was expected"),
            Self::NotClientHello(typ) => write!(f, "a {typ} message came where a client_hello was expected"),
            Self::Malformed(error) => error.fmt(f),
            Self::TooLong { got, limit } => {
                write!(f, "a client_hello of {got} bytes is longer than the allowed {limit}")
            }
            Self::Split => f.write_str("the client_hello is split over several records"),
        }
    }
}

impl core::error::Error for PeekError {}

/// A record that should hold handshake messages.
enum Fragment<'a> {
    Incomplete { need: usize },
    Whole { body: &'a [u8] },
}

/// Finds the record in `bytes`, which come after the first `start` of the connection.
fn fragment(bytes: &[u8], start: usize, limit: usize) -> Result<Fragment<'_>, PeekError> {
    let deframed = deframe(bytes, MAX_FRAGMENT).map_err(|error| match (error, bytes.first()) {
        // A peer that has begun to speak TLS does not speak something else now, whatever its bytes look like.
        (RecordError::NotTls(_), Some(first)) if start > 0 => {
            PeekError::Record(RecordError::UnknownContentType(*first))
        }
        (RecordError::Oversized { .. }, _) => PeekError::Record(error),
        _ if start > 0 => PeekError::Record(error),
        _ => PeekError::NotTls(error),
    })?;
    // Not before the header is whole: what has an alert's first byte may yet have a version that is none.
    if let Some((&[typ, ..], _)) = bytes.split_first_chunk::<HEADER_LEN>()
        && ContentType(typ) != ContentType::HANDSHAKE
    {
        return Err(PeekError::NotHandshake(ContentType(typ)));
    }
    let (len, fragment) = match deframed {
        Deframed::Incomplete { need } => (bytes.len().saturating_add(need), Fragment::Incomplete { need }),
        // "Implementations MUST NOT send zero-length fragments of Handshake types" (RFC 9846 §5.1).
        Deframed::Record { body, .. } if body.is_empty() => {
            return Err(PeekError::Malformed(DecodeError { fault: Fault::BadLength, at: "TLSPlaintext.length" }));
        }
        Deframed::Record { body, .. } => (body.end, Fragment::Whole { body: bytes.get(body).unwrap_or_default() }),
    };
    let got = start.saturating_add(len);
    if got > limit { Err(PeekError::TooLong { got, limit }) } else { Ok(fragment) }
}

/// Checks what has come of a message's header, so that nobody waits for what cannot become a hello within the limit.
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

/// Reads the hello at the beginning of `message`, if it is whole.
fn decode(message: &[u8]) -> Result<Option<ClientHello<'_>>, PeekError> {
    match split_message(message) {
        Split::Message { message, .. } => message.decode().map(Some).map_err(PeekError::Malformed),
        Split::Incomplete { .. } => Ok(None),
    }
}
