//! Joining what the transport and the record layer have cut up, for tools. Over storage that the caller owns; nothing
//! is allocated, and nothing grows beyond that storage.

use core::fmt;

use crate::{
    code_points::HandshakeType,
    handshake::{MESSAGE_HEADER_LEN, RawMessage, Split, message_length, split_message},
    record::{Deframed, HEADER_LEN, RecordError, RecordHeader, deframe},
};

/// Joins handshake messages from the plaintext of handshake records.
///
/// ```
/// use strata_tls_codec::{HandshakeType, reassembly::Messages};
///
/// let mut storage = [0; 64];
/// let mut messages = Messages::new(&mut storage);
/// messages.push(&[24, 0, 0])?;
/// assert_eq!(messages.next_message()?, None);
/// messages.push(&[1, 0, 20])?;
/// assert_eq!(messages.next_message()?.map(|message| message.typ), Some(HandshakeType::KEY_UPDATE));
/// assert_eq!(messages.next_message()?, None);
/// assert_eq!(messages.pending(), 1);
/// # Ok::<(), strata_tls_codec::reassembly::MessageTooLong>(())
/// ```
#[derive(Debug)]
pub struct Messages<'b> {
    held: Held<'b>,
}

impl<'b> Messages<'b> {
    /// Messages longer than `storage`, headers included, are refused.
    #[must_use]
    pub const fn new(storage: &'b mut [u8]) -> Self {
        Self { held: Held::new(storage) }
    }

    /// Takes the plaintext of a handshake record. Take out all whole messages first: there is then always room for what
    /// belongs to a message that fits the storage.
    ///
    /// # Errors
    /// [`MessageTooLong`] if `fragment` does not fit; nothing of it is taken then.
    pub fn push(&mut self, fragment: &[u8]) -> Result<(), MessageTooLong> {
        if self.held.push(fragment) {
            return Ok(());
        }
        let held = self.held.bytes();
        // The header may lie across what is held and what has come.
        let mut header = [0; MESSAGE_HEADER_LEN];
        for (to, from) in header.iter_mut().zip(held.iter().chain(fragment)) {
            *to = *from;
        }
        let arrived = held.len().saturating_add(fragment.len());
        let (typ, announced) = message_length(header);
        Err(MessageTooLong { typ, got: announced.max(arrived), limit: self.held.storage.len() })
    }

    /// Takes out the next whole message, if there is one.
    ///
    /// # Errors
    /// [`MessageTooLong`] as soon as a header announces more than the storage holds.
    pub fn next_message(&mut self) -> Result<Option<RawMessage<'_>>, MessageTooLong> {
        let limit = self.held.storage.len();
        if let Some((header, _)) = self.held.bytes().split_first_chunk() {
            let (typ, got) = message_length(*header);
            if got > limit {
                return Err(MessageTooLong { typ, got, limit });
            }
            if self.held.bytes().len() >= got
                && let Split::Message { message, .. } = split_message(self.held.take(got))
            {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// How many bytes are held that were not yet taken out as messages. Not zero where a record ended inside a message.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.held.bytes().len()
    }
}

/// A message is longer than the storage for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageTooLong {
    /// What its header says that it is.
    pub typ: HandshakeType,
    /// How long it is, header included, or how much has come if that is more; in bytes.
    pub got: usize,
    /// What the storage holds, in bytes.
    pub limit: usize,
}

impl fmt::Display for MessageTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of a {} message are more than the allowed {}", self.got, self.typ, self.limit)
    }
}

impl core::error::Error for MessageTooLong {}

/// Cuts a stream of bytes into records.
///
/// ```
/// use strata_tls_codec::{ContentType, reassembly::Records};
///
/// let mut storage = [0; 64];
/// let mut records = Records::new(&mut storage, 59);
/// for byte in [21, 3, 3, 0, 2, 1, 0] {
///     assert_eq!(records.next_record()?, None);
///     assert_eq!(records.push(&[byte]), 1);
/// }
/// let (header, body) = records.next_record()?.expect("it is whole now");
/// assert_eq!(header.content_type, ContentType::ALERT);
/// assert_eq!(body, [1, 0]);
/// # Ok::<(), strata_tls_codec::RecordError>(())
/// ```
#[derive(Debug)]
pub struct Records<'b> {
    held: Held<'b>,
    limit: usize,
}

impl<'b> Records<'b> {
    /// Bodies longer than `limit`, or than what `storage` holds behind a header, are refused.
    #[must_use]
    pub const fn new(storage: &'b mut [u8], limit: usize) -> Self {
        let room = storage.len().saturating_sub(HEADER_LEN);
        let limit = if limit < room { limit } else { room };
        Self { held: Held::new(storage), limit }
    }

    /// Takes as much of `bytes` as there is room for, and tells how much that was. Take out all whole records first:
    /// there is then always room for a byte.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let room = self.held.room();
        let taken = bytes.get(..room).unwrap_or(bytes);
        if self.held.push(taken) { taken.len() } else { 0 }
    }

    /// Takes out the next whole record, if there is one. Its body may be decrypted where it lies.
    ///
    /// # Errors
    /// [`RecordError`], which the stream cannot recover from: the answer stays the same.
    pub fn next_record(&mut self) -> Result<Option<(RecordHeader, &mut [u8])>, RecordError> {
        match deframe(self.held.bytes(), self.limit)? {
            Deframed::Record { header, body } => {
                let record = self.held.take_mut(body.end);
                Ok(record.get_mut(body).map(|body| (header, body)))
            }
            Deframed::Incomplete { .. } => Ok(None),
        }
    }

    /// How many bytes are held that were not yet taken out as records. Not zero where a stream ended inside a record.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.held.bytes().len()
    }
}

/// Bytes in the caller's storage, taken out at the front. They move to the front only if there is no room behind them,
/// so that small pieces cost no more than their length.
struct Held<'b> {
    storage: &'b mut [u8],
    start: usize,
    end: usize,
}

impl<'b> Held<'b> {
    const fn new(storage: &'b mut [u8]) -> Self {
        Self { storage, start: 0, end: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.storage.get(self.start..self.end).unwrap_or_default()
    }

    fn room(&self) -> usize {
        self.storage.len().saturating_sub(self.bytes().len())
    }

    /// Takes all of `bytes`, or nothing and says so.
    fn push(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() > self.room() {
            return false;
        }
        if bytes.len() > self.storage.len().saturating_sub(self.end) {
            let len = self.bytes().len();
            self.storage.copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = len;
        }
        let end = self.end.saturating_add(bytes.len());
        match self.storage.get_mut(self.end..end) {
            Some(free) => free.copy_from_slice(bytes),
            None => return false,
        }
        self.end = end;
        true
    }

    /// Lets go of the first `count` bytes, which stay where they are until the next push.
    fn take(&mut self, count: usize) -> &[u8] {
        self.take_mut(count)
    }

    fn take_mut(&mut self, count: usize) -> &mut [u8] {
        let from = self.start;
        self.start = from.saturating_add(count).min(self.end);
        self.storage.get_mut(from..self.start).unwrap_or_default()
    }
}

impl fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("bytes", &self.bytes().len()).field("of", &self.storage.len()).finish()
    }
}
