//! The output buffer, which the caller owns and writes to the transport.

use std::num::NonZeroUsize;

use tls_codec::record::HEADER_LEN;

const CACHE_LINE: usize = 64;

/// Output for the transport.
///
/// [`Outgoing::ready`] returns complete records, final and in order. Write them at any time and in
/// any number of parts, and pass the number of written bytes to [`consume`](Outgoing::consume). If
/// bytes are dropped, the peer cannot decrypt any later record.
///
/// An unfinished flight lies at the end, not yet encrypted. [`Outgoing::ready`] never returns it.
///
/// ```
/// use strata_tls_handshake::Outgoing;
/// let mut outgoing = Outgoing::new();
/// // … a connection writes to it …
/// let written = outgoing.ready().len(); // as many as the socket took
/// outgoing.consume(written);
/// assert!(outgoing.is_empty());
/// ```
#[derive(Default)]
pub struct Outgoing {
    bytes: Vec<u8>,
    /// Number of bytes at the end of `bytes` that are not output, but room for records. The output
    /// leaves it when it is consumed, so that a busy connection does not zero each record's room.
    spare: usize,
    /// Number of bytes that were already written to the transport.
    consumed: usize,
    /// Start of the flight that is not sealed yet, plus one, so that the type is small.
    flight: Option<NonZeroUsize>,
}

impl Outgoing {
    /// Creates an empty output buffer without an allocation.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty output buffer that reuses the allocation of `buffer`.
    #[must_use]
    pub fn with_buffer(buffer: Vec<u8>) -> Self {
        Self { spare: buffer.len(), bytes: buffer, consumed: 0, flight: None }
    }

    /// Takes the allocation out if no bytes are pending, so that an idle connection holds none. Its
    /// content is output that was sent. To [lend](Self::lend_buffer) it again, do not clear it: its
    /// length says how much of it need not be zeroed again.
    pub fn take_buffer(&mut self) -> Option<Vec<u8>> {
        (self.is_empty() && self.flight.is_none() && self.bytes.capacity() > 0).then(|| {
            (self.consumed, self.spare) = (0, 0);
            std::mem::take(&mut self.bytes)
        })
    }

    /// Reuses the allocation of `buffer`, if it has none itself. Otherwise drops `buffer`.
    pub fn lend_buffer(&mut self, buffer: Vec<u8>) {
        if self.bytes.capacity() == 0 {
            *self = Self::with_buffer(buffer);
        }
    }

    /// Returns whether it has an allocation.
    #[must_use]
    pub fn has_buffer(&self) -> bool {
        self.bytes.capacity() > 0
    }

    /// Returns the bytes to write to the transport.
    #[must_use]
    pub fn ready(&self) -> &[u8] {
        let end = self.flight().unwrap_or(self.end());
        self.bytes.get(self.consumed..end).unwrap_or_default()
    }

    /// Returns the number of bytes to write to the transport.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ready().len()
    }

    /// Returns whether there are no bytes to write to the transport.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ready().is_empty()
    }

    /// Removes the first `count` bytes of [`Outgoing::ready`], which the transport took. A larger
    /// `count` removes all.
    pub fn consume(&mut self, count: usize) {
        self.consumed = self.consumed.saturating_add(count.min(self.len()));
        if self.consumed == self.end() {
            (self.spare, self.consumed) = (self.bytes.len(), 0);
        }
    }

    /// The end of the output in `bytes`.
    #[inline]
    fn end(&self) -> usize {
        self.bytes.len().saturating_sub(self.spare)
    }

    /// Frees consumed bytes at the front, before about `expected` bytes are appended.
    #[inline]
    pub(super) fn make_room(&mut self, expected: usize) {
        let end = self.end();
        if end == 0 {
            self.bytes.reserve((CACHE_LINE + expected).saturating_sub(self.bytes.len()));
            // Aligns the content of the first record to a cache line, which makes sealing a few
            // percent faster.
            let padding = self.bytes.as_ptr().wrapping_add(HEADER_LEN).align_offset(CACHE_LINE) % CACHE_LINE;
            let _ = self.record_room(padding);
            self.add_record(padding);
            self.consumed = padding;
            return;
        }
        // Each move frees at least as many bytes as it moves, so the total cost is linear.
        if self.consumed >= end / 2 && self.consumed > 0 {
            self.bytes.copy_within(self.consumed..end, 0);
            self.spare += self.consumed;
            self.set_flight(self.flight().map(|at| at.saturating_sub(self.consumed)));
            self.consumed = 0;
        }
    }

    /// Returns room for a record of `length` bytes, with any content. The record is output after
    /// `add_record`.
    #[inline]
    pub(super) fn record_room(&mut self, length: usize) -> &mut [u8] {
        let end = self.end();
        if self.spare < length {
            self.bytes.resize(end + length, 0);
            self.spare = length;
        }
        self.bytes.get_mut(end..end + length).unwrap_or_default()
    }

    /// Appends the record in the first `length` bytes of the room.
    #[inline]
    pub(super) fn add_record(&mut self, length: usize) {
        self.spare = self.spare.saturating_sub(length);
    }

    /// Returns the output, to append messages.
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        self.bytes.truncate(self.end());
        self.spare = 0;
        &mut self.bytes
    }

    pub(super) fn flight(&self) -> Option<usize> {
        self.flight.map(|at| at.get() - 1)
    }

    pub(super) fn set_flight(&mut self, at: Option<usize>) {
        self.flight = at.map(|at| NonZeroUsize::MIN.saturating_add(at));
    }

    /// Drops the flight, which will not be sent.
    pub(super) fn drop_flight(&mut self) {
        if let Some(at) = self.flight() {
            self.bytes_mut().truncate(at);
            self.flight = None;
        }
    }
}

/// Shows only the length: an unfinished flight is not encrypted.
impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output buffer with these bytes, the last `unsealed` of which are an unfinished flight.
    fn holding(bytes: &[u8], unsealed: usize) -> Outgoing {
        let mut outgoing = Outgoing::new();
        outgoing.bytes.extend_from_slice(bytes);
        outgoing.set_flight((unsealed > 0).then_some(bytes.len() - unsealed));
        outgoing
    }

    #[test]
    fn flight_is_neither_returned_nor_consumed() {
        let mut outgoing = holding(b"readyflight", 6);
        assert_eq!((outgoing.ready(), outgoing.len()), (&b"ready"[..], 5));
        outgoing.consume(100);
        assert!(outgoing.is_empty());
        outgoing.set_flight(None);
        assert_eq!(outgoing.ready(), b"flight");
    }

    #[test]
    fn take_buffer_requires_empty_output() {
        let mut waiting = holding(b"ready", 0);
        assert_eq!(waiting.take_buffer(), None);
        assert_eq!(holding(b"flight", 6).take_buffer(), None);
        assert_eq!(Outgoing::new().take_buffer(), None);
        waiting.consume(5);
        assert!(waiting.take_buffer().is_some() && !waiting.has_buffer());
        // The alignment padding at the front is removed with the buffer.
        waiting.make_room(10);
        let skipped = waiting.consumed;
        waiting.bytes_mut().resize(skipped.max(1), 0);
        waiting.consumed = waiting.bytes.len();
        assert!(waiting.take_buffer().is_some());
        waiting.bytes.extend_from_slice(b"next");
        assert_eq!(waiting.ready(), b"next");
    }

    #[test]
    fn reused_buffer_starts_empty() {
        assert!(Outgoing::with_buffer(b"old".to_vec()).is_empty());
        let mut outgoing = Outgoing::new();
        outgoing.lend_buffer(b"old".to_vec());
        assert!(outgoing.is_empty() && outgoing.has_buffer());
        let mut waiting = holding(b"ready", 0);
        waiting.lend_buffer(b"old".to_vec());
        assert_eq!(waiting.ready(), b"ready");
    }

    /// Consumed bytes are freed once they are half of all; an unfinished flight moves along.
    #[test]
    fn make_room_frees_consumed_bytes() {
        for (consumed, moved) in [(0, false), (4, false), (5, true), (6, true)] {
            let mut outgoing = holding(b"readyready", 2);
            outgoing.consume(consumed);
            outgoing.make_room(10);
            assert_eq!(outgoing.ready(), &b"readyrea"[consumed..]);
            assert_eq!(outgoing.end(), if moved { 10 - consumed } else { 10 });
            outgoing.drop_flight();
            assert_eq!(outgoing.ready(), &b"readyrea"[consumed..]);
        }
    }

    #[test]
    fn consuming_all_empties_the_buffer() {
        let mut outgoing = holding(b"ready", 0);
        outgoing.consume(2);
        assert_eq!(outgoing.ready(), b"ady");
        outgoing.consume(3);
        assert!(outgoing.end() == 0 && outgoing.consumed == 0);
    }

    /// Room is zeroed only once, also by way of the pool of buffers, and is output only when a
    /// record is added.
    #[test]
    fn room_of_sent_records_is_reused() {
        let mut outgoing = Outgoing::new();
        outgoing.make_room(4);
        outgoing.record_room(4).copy_from_slice(b"sent");
        assert!(outgoing.is_empty());
        outgoing.add_record(4);
        assert_eq!(outgoing.ready(), b"sent");
        outgoing.consume(2);
        assert_eq!(outgoing.record_room(2), [0, 0]);
        outgoing.consume(2);
        let mut next = Outgoing::with_buffer(outgoing.take_buffer().unwrap());
        next.make_room(4);
        assert_eq!(next.record_room(4), b"sent");
        assert!(next.is_empty());
        // A message takes the place of the room.
        next.bytes_mut().extend_from_slice(b"message");
        assert_eq!(next.ready(), b"message");
    }
}
