//! Reassembles records from a byte stream and handshake messages from records, in storage that the
//! caller owns. For tools; the engine has its own. Nothing is allocated.

use core::fmt;

use crate::{
    code_points::HandshakeType,
    handshake::{MESSAGE_HEADER_LEN, RawMessage, Split, message_length, split_message},
    record::{Deframed, HEADER_LEN, RecordError, RecordHeader, deframe},
};

/// Reassembles handshake messages from the plaintext of handshake records.
///
/// ```
/// use strata_tls_codec::{HandshakeType, reassembly::Messages};
///
/// let mut storage = [0; 64];
/// let mut messages = Messages::new(&mut storage);
/// assert_eq!(messages.push(&[24, 0, 0]), 3);
/// assert_eq!(messages.next_message()?, None);
/// assert_eq!(messages.push(&[1, 0, 20]), 3);
/// let typ = messages.next_message()?.map(|message| message.typ);
/// assert_eq!(typ, Some(HandshakeType::KEY_UPDATE));
/// assert_eq!(messages.next_message()?, None);
/// assert_eq!(messages.pending(), 1);
/// # Ok::<(), strata_tls_codec::reassembly::MessageTooLong>(())
/// ```
#[derive(Debug)]
pub struct Messages<'b> {
    queue: ByteQueue<'b>,
}

impl<'b> Messages<'b> {
    /// Creates a reassembler with a message limit of `storage.len()` bytes, header included.
    #[must_use]
    pub const fn new(storage: &'b mut [u8]) -> Self {
        Self { queue: ByteQueue::new(storage) }
    }

    /// Stores as much of `fragment`, the plaintext of a handshake record, as fits and returns the
    /// number of bytes. Call [`next_message`](Self::next_message) until it returns `None` first: at
    /// least one byte then always fits.
    #[must_use = "the bytes that did not fit must be pushed again"]
    pub fn push(&mut self, fragment: &[u8]) -> usize {
        self.queue.push(fragment)
    }

    /// Removes and returns the next complete message, if there is one.
    ///
    /// # Errors
    /// [`MessageTooLong`] as soon as a header announces more than the storage can contain, or if
    /// the storage cannot even contain a header.
    pub fn next_message(&mut self) -> Result<Option<RawMessage<'_>>, MessageTooLong> {
        let limit = self.queue.storage.len();
        let header = self.queue.bytes().split_first_chunk().map(|(header, _)| *header);
        if let Some((typ, got)) = header.map(message_length) {
            if got > limit {
                return Err(MessageTooLong { typ, got, limit });
            }
            if self.queue.bytes().len() >= got
                && let Split::Message { message, .. } = split_message(self.queue.take(got))
            {
                return Ok(Some(message));
            }
        } else if self.queue.room() == 0 {
            let typ = HandshakeType(self.queue.bytes().first().copied().unwrap_or_default());
            return Err(MessageTooLong { typ, got: MESSAGE_HEADER_LEN, limit });
        }
        Ok(None)
    }

    /// Returns the number of stored bytes that [`next_message`](Self::next_message) has not
    /// returned. It is nonzero where a record ends inside a message.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.queue.bytes().len()
    }
}

/// A message is longer than its storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageTooLong {
    /// The type that its header announces.
    pub typ: HandshakeType,
    /// The announced length in bytes, header included.
    pub got: usize,
    /// The size of the storage in bytes.
    pub limit: usize,
}

impl fmt::Display for MessageTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} message of {} bytes exceeds the limit of {}", self.typ, self.got, self.limit)
    }
}

impl core::error::Error for MessageTooLong {}

/// Splits a byte stream into records.
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
/// let (header, body) = records.next_record()?.expect("the record is complete");
/// assert_eq!(header.content_type, ContentType::ALERT);
/// assert_eq!(body, [1, 0]);
/// # Ok::<(), strata_tls_codec::RecordError>(())
/// ```
#[derive(Debug)]
pub struct Records<'b> {
    queue: ByteQueue<'b>,
    limit: usize,
}

impl<'b> Records<'b> {
    /// Creates a reassembler that rejects record bodies longer than `limit` or than the storage
    /// after a header. The storage must contain at least a header, [`HEADER_LEN`] bytes.
    #[must_use]
    pub const fn new(storage: &'b mut [u8], limit: usize) -> Self {
        let room = storage.len().saturating_sub(HEADER_LEN);
        let limit = if limit < room { limit } else { room };
        Self { queue: ByteQueue::new(storage), limit }
    }

    /// Stores as many of `bytes` as fit and returns their number. Call
    /// [`next_record`](Self::next_record) until it returns `None` first: at least one byte then
    /// always fits.
    #[must_use = "the bytes that did not fit must be pushed again"]
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        self.queue.push(bytes)
    }

    /// Removes and returns the next complete record, if there is one. Its body may be decrypted in
    /// place.
    ///
    /// # Errors
    /// [`RecordError`]; the stream cannot recover, and further calls return the same error.
    pub fn next_record(&mut self) -> Result<Option<(RecordHeader, &mut [u8])>, RecordError> {
        match deframe(self.queue.bytes(), self.limit)? {
            Deframed::Record { header, body } => {
                let record = self.queue.take_mut(body.end);
                Ok(record.get_mut(body).map(|body| (header, body)))
            }
            Deframed::Incomplete { .. } if self.queue.room() == 0 => {
                Err(RecordError::Oversized { got: HEADER_LEN, limit: self.queue.storage.len() })
            }
            Deframed::Incomplete { .. } => Ok(None),
        }
    }

    /// Returns the number of stored bytes that [`next_record`](Self::next_record) has not returned.
    /// It is nonzero where a stream ends inside a record.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.queue.bytes().len()
    }
}

/// A byte queue in the caller's storage. Bytes move to the front only if there is no room after
/// them, so a short push costs no more than its length.
struct ByteQueue<'b> {
    storage: &'b mut [u8],
    start: usize,
    end: usize,
}

impl<'b> ByteQueue<'b> {
    const fn new(storage: &'b mut [u8]) -> Self {
        Self { storage, start: 0, end: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.storage.get(self.start..self.end).unwrap_or_default()
    }

    fn room(&self) -> usize {
        self.storage.len().saturating_sub(self.bytes().len())
    }

    /// Stores as many of `bytes` as fit and returns their number.
    fn push(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.get(..self.room()).unwrap_or(bytes);
        if taken.len() > self.storage.len().saturating_sub(self.end) {
            let len = self.bytes().len();
            self.storage.copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = len;
        }
        let end = self.end.saturating_add(taken.len());
        let Some(free) = self.storage.get_mut(self.end..end) else { return 0 };
        free.copy_from_slice(taken);
        self.end = end;
        taken.len()
    }

    /// Removes the first `count` bytes. They stay in the storage until the next push.
    fn take(&mut self, count: usize) -> &[u8] {
        self.take_mut(count)
    }

    fn take_mut(&mut self, count: usize) -> &mut [u8] {
        let from = self.start;
        self.start = from.saturating_add(count).min(self.end);
        self.storage.get_mut(from..self.start).unwrap_or_default()
    }
}

impl fmt::Debug for ByteQueue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteQueue").field("bytes", &self.bytes().len()).field("of", &self.storage.len()).finish()
    }
}
