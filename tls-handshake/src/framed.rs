//! A handshake message as a state receives it: decoded, with its bytes, and whether it ended its
//! record.
//!
//! ```text
//! fragment ─ join ─▶ Framed<RawMessage> ─ decode ─▶ Framed<ServerHello> ─▶ on_server_hello
//!                        └ boundary: Some only if nothing followed in the record
//! ```

use tls_codec::handshake::{HandshakeMessage, RawMessage};

use crate::error::Error;

/// Proof that a message was the last of its record, so that read keys may change there (RFC 9846
/// §5.1).
///
/// Only the record layer creates it, from the rest of the record. Installing a read key requires
/// it.
#[derive(Clone, Copy, Debug)]
pub struct RecordBoundary(());

impl RecordBoundary {
    /// Returns a boundary if `rest`, the remainder of the record, is empty.
    pub(crate) fn at_end_of(rest: &[u8]) -> Option<Self> {
        rest.is_empty().then_some(Self(()))
    }
}

/// A message, its bytes on the wire, and whether it ended its record.
#[derive(Clone, Copy, Debug)]
pub struct Framed<'a, M> {
    /// The message.
    pub msg: M,
    /// The bytes on the wire, including the header. The transcript hashes them.
    pub raw: &'a [u8],
    boundary: Option<RecordBoundary>,
}

impl<'a> Framed<'a, RawMessage<'a>> {
    /// Frames a message that is followed by `rest` in its record.
    pub(crate) fn new(msg: RawMessage<'a>, rest: &[u8]) -> Self {
        Self { msg, raw: msg.raw, boundary: RecordBoundary::at_end_of(rest) }
    }

    /// Decodes the message into the type that the state expects.
    ///
    /// # Errors
    /// [`Error::Decode`] with the malformed field.
    pub fn decode<M: HandshakeMessage<'a>>(self) -> Result<Framed<'a, M>, Error> {
        Ok(Framed { msg: self.msg.decode()?, raw: self.raw, boundary: self.boundary })
    }
}

impl<'a, M> Framed<'a, M> {
    /// Returns the boundary that a key change after this message requires.
    ///
    /// # Errors
    /// [`Error::KeyChangeInsideRecord`] if data followed the message in its record.
    pub fn at_boundary(&self) -> Result<RecordBoundary, Error> {
        self.boundary.ok_or_else(|| Error::KeyChangeInsideRecord {
            message: tls_codec::code_points::HandshakeType(self.raw.first().copied().unwrap_or_default()),
        })
    }

    /// Returns the message and its frame.
    pub(crate) fn split(self) -> (M, Framed<'a, ()>) {
        (self.msg, Framed { msg: (), raw: self.raw, boundary: self.boundary })
    }

    /// Returns the same frame around another message.
    pub(crate) fn with<N>(self, msg: N) -> Framed<'a, N> {
        Framed { msg, raw: self.raw, boundary: self.boundary }
    }
}
