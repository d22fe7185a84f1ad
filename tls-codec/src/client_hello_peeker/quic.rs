//! Reads the ClientHello of a QUIC connection from its CRYPTO frames.

use alloc::vec::Vec;
use core::fmt;

use super::{Peek, PeekError, check_header, decode, decode_lenient};
use crate::{
    handshake::{MESSAGE_HEADER_LEN, Split, message_length, split_message},
    lenient::{LenientClientHello, Prefix},
};

/// The default limit for the ClientHello of a QUIC connection, in bytes: 64 KiB.
pub const DEFAULT_QUIC_LIMIT: usize = 1 << 16;

/// Reads the ClientHello in the CRYPTO frames of a QUIC connection, which carry handshake messages
/// without records (RFC 9001 §4.1.3).
///
/// The frames may come in any order and more than once: browsers send them out of order on purpose.
/// The caller removes the protection of Initial packets, whose keys follow from the client's
/// connection ID. The buffers are bounded by twice the limit, and grow with the highest offset.
///
/// ```
/// use strata_tls_codec::client_hello_peeker::{Peek, QuicClientHelloPeeker};
///
/// # let stream = include_bytes!("../../tests/data/rfc8448_simple_client_hello_record.bin");
/// # let message = &stream[5..];
/// let mut peeker = QuicClientHelloPeeker::new();
/// peeker.add(100, &message[100..])?;
/// assert_eq!(peeker.peek()?, Peek::Incomplete { need: 4 });
/// peeker.add(0, &message[..100])?;
/// let Peek::ClientHello(hello) = peeker.peek()? else { panic!("expected a ClientHello") };
/// assert!(hello.extensions.server_name.is_some());
/// # Ok::<(), strata_tls_codec::client_hello_peeker::PeekError>(())
/// ```
#[derive(Clone)]
pub struct QuicClientHelloPeeker {
    limit: usize,
    bytes: Vec<u8>,
    /// Which of `bytes` were received.
    received: Vec<bool>,
    /// The number of bytes before the first that was not received.
    ready: usize,
}

impl QuicClientHelloPeeker {
    /// Creates a peeker with [`DEFAULT_QUIC_LIMIT`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limit(DEFAULT_QUIC_LIMIT)
    }

    /// Creates a peeker that accepts a ClientHello of at most `limit` bytes, header included.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self { limit, bytes: Vec::new(), received: Vec::new(), ready: 0 }
    }

    /// Adds the data of a CRYPTO frame of an Initial packet. Of bytes received twice, the first
    /// count.
    ///
    /// # Errors
    /// [`PeekError::TooLong`] if the data end above the limit; they are not added then.
    pub fn add(&mut self, offset: u64, data: &[u8]) -> Result<(), PeekError> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = offset.saturating_add(data.len());
        if end > self.limit {
            return Err(PeekError::TooLong { got: end, limit: self.limit });
        }
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
            self.received.resize(end, false);
        }
        let stored = self.bytes.iter_mut().zip(&mut self.received).skip(offset);
        for ((stored, received), byte) in stored.zip(data) {
            if !core::mem::replace(received, true) {
                *stored = *byte;
            }
        }
        let more = self.received.iter().skip(self.ready).take_while(|received| **received).count();
        self.ready = self.ready.saturating_add(more);
        Ok(())
    }

    /// Looks for the ClientHello.
    ///
    /// # Errors
    /// [`PeekError`], which further frames cannot change; never [`PeekError::Split`].
    pub fn peek(&self) -> Result<Peek<'_>, PeekError> {
        let message = self.message()?;
        match split_message(message) {
            Split::Incomplete { need } => Ok(Peek::Incomplete { need }),
            Split::Message { .. } => decode(message)?.map(Peek::ClientHello).ok_or(PeekError::Split),
        }
    }

    /// Returns what there is of the ClientHello without a gap. See
    /// [`peek_client_hello_lenient`](super::peek_client_hello_lenient).
    ///
    /// # Errors
    /// As [`peek`](Self::peek); [`PeekError::Malformed`] only if lengths do not fit into each
    /// other.
    pub fn peek_lenient(&self) -> Result<Prefix<'_, LenientClientHello<'_>>, PeekError> {
        decode_lenient(self.message()?, usize::MAX)
    }

    /// Returns the bytes before the first gap.
    fn message(&self) -> Result<&[u8], PeekError> {
        let message = self.bytes.get(..self.ready).unwrap_or_default();
        check_header(message, usize::MAX)?;
        if let Some((header, _)) = message.split_first_chunk::<MESSAGE_HEADER_LEN>() {
            let (_, got) = message_length(*header);
            if got > self.limit {
                return Err(PeekError::TooLong { got, limit: self.limit });
            }
        }
        Ok(message)
    }
}

impl Default for QuicClientHelloPeeker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for QuicClientHelloPeeker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicClientHelloPeeker").field("bytes", &self.bytes.len()).field("limit", &self.limit).finish()
    }
}
