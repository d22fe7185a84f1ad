//! A handshake message as a state receives it: decoded, with the bytes that it came in, and whether it ended its record.
//!
//! ```text
//! fragment ─ join ─▶ Framed<RawMessage> ─ decode ─▶ Framed<ServerHello> ─▶ state.on_server_hello(…)
//!                        └ boundary: Some only if nothing followed in the record
//! ```

use tls_codec::handshake::{HandshakeMessage, RawMessage};

use crate::error::Error;

/// Proof that a message was the last of its record, so that read keys may change there (RFC 9846 §5.1).
///
/// It is minted in one place, from what is left of the record; installing a read key demands it.
#[derive(Clone, Copy, Debug)]
pub struct RecordBoundary(());

impl RecordBoundary {
    /// A boundary, if nothing of the record is left.
    pub(crate) fn at_end_of(rest: &[u8]) -> Option<Self> {
        rest.is_empty().then_some(Self(()))
    }
}

/// A message, the exact bytes it came from (its header included), and whether it ended its record.
#[derive(Clone, Copy, Debug)]
pub struct Framed<'a, M> {
    /// The message.
    pub msg: M,
    /// Its bytes on the wire, header included: what the transcript hashes.
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
    /// [`Error::Decode`] with the field that is malformed.
    pub fn decode<M: HandshakeMessage<'a>>(self) -> Result<Framed<'a, M>, Error> {
        Ok(Framed { msg: self.msg.decode()?, raw: self.raw, boundary: self.boundary })
    }
}

impl<'a, M> Framed<'a, M> {
    /// The boundary that a key change at this message needs.
    ///
    /// # Errors
    /// [`Error::KeyChangeInsideRecord`] if anything followed the message in its record.
    pub fn at_boundary(&self) -> Result<RecordBoundary, Error> {
        self.boundary.ok_or_else(|| Error::KeyChangeInsideRecord {
            message: tls_codec::code_points::HandshakeType(self.raw.first().copied().unwrap_or_default()),
        })
    }

    /// The message, and what it came in.
    pub(crate) fn split(self) -> (M, Framed<'a, ()>) {
        (self.msg, Framed { msg: (), raw: self.raw, boundary: self.boundary })
    }

    /// The same bytes seen as another message.
    pub(crate) fn with<N>(self, msg: N) -> Framed<'a, N> {
        Framed { msg, raw: self.raw, boundary: self.boundary }
    }
}
