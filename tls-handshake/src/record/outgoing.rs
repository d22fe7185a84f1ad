//! The output buffer, which the caller owns and writes to the transport.

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
    /// Number of bytes that were already written to the transport.
    consumed: usize,
    /// Start of the flight that is not sealed yet.
    flight: Option<usize>,
}

impl Outgoing {
    /// Creates an empty output buffer without an allocation.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty output buffer that reuses the allocation of `buffer`.
    #[must_use]
    pub fn with_buffer(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { bytes: buffer, consumed: 0, flight: None }
    }

    /// Takes the allocation out if no bytes are pending, so that an idle connection holds none.
    pub fn take_buffer(&mut self) -> Option<Vec<u8>> {
        (self.is_empty() && self.flight.is_none() && self.bytes.capacity() > 0).then(|| {
            self.consumed = 0;
            std::mem::take(&mut self.bytes)
        })
    }

    /// Reuses the allocation of `buffer`, if it has none itself. Otherwise drops `buffer`.
    pub fn lend_buffer(&mut self, mut buffer: Vec<u8>) {
        if self.bytes.capacity() == 0 {
            buffer.clear();
            self.bytes = buffer;
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
        let end = self.flight.unwrap_or(self.bytes.len());
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
        if self.consumed == self.bytes.len() {
            self.bytes.clear();
            self.consumed = 0;
        }
    }

    /// Frees consumed bytes at the front, before about `expected` bytes are appended.
    #[inline]
    pub(super) fn make_room(&mut self, expected: usize) {
        if self.bytes.is_empty() {
            self.bytes.reserve(CACHE_LINE + expected);
            // Aligns the content of the first record to a cache line, which makes sealing a few
            // percent faster.
            let padding = self.bytes.as_ptr().wrapping_add(HEADER_LEN).align_offset(CACHE_LINE) % CACHE_LINE;
            self.bytes.resize(padding, 0);
            self.consumed = padding;
            return;
        }
        // Each move frees at least as many bytes as it moves, so the total cost is linear.
        if self.consumed >= self.bytes.len() / 2 && self.consumed > 0 {
            self.bytes.drain(..self.consumed);
            self.flight = self.flight.map(|at| at.saturating_sub(self.consumed));
            self.consumed = 0;
        }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(super) fn flight(&self) -> Option<usize> {
        self.flight
    }

    pub(super) fn set_flight(&mut self, at: Option<usize>) {
        self.flight = at;
    }

    /// Drops the flight, which will not be sent.
    pub(super) fn drop_flight(&mut self) {
        if let Some(at) = self.flight.take() {
            self.bytes.truncate(at);
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
        outgoing.flight = (unsealed > 0).then_some(bytes.len() - unsealed);
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
        waiting.bytes.resize(skipped.max(1), 0);
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
            assert_eq!(outgoing.bytes.len(), if moved { 10 - consumed } else { 10 });
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
        assert!(outgoing.bytes.is_empty() && outgoing.consumed == 0);
    }
}
