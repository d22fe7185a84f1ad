//! The bytes on their way to the wire, in a buffer that the caller owns.

use tls_codec::record::HEADER_LEN;

const CACHE_LINE: usize = 64;

/// Bytes that wait to be written to the transport.
///
/// What [`Outgoing::ready`] shows is whole records at the time they were added, final and in order: write them whenever it suits, in as
/// many parts as the transport takes, and [`consume`](Outgoing::consume) what it took. What is dropped in here the peer misses, and
/// it cannot open what comes after it.
///
/// A flight that waits for an answer lies at the end, not sealed yet: [`Outgoing::ready`] never shows it.
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
    /// What was written to the transport already.
    consumed: usize,
    /// Where the flight begins that is not sealed yet.
    flight: Option<usize>,
}

impl Outgoing {
    /// Empty, and without an allocation.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Empty, over a buffer that was used before.
    #[must_use]
    pub fn with_buffer(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { bytes: buffer, consumed: 0, flight: None }
    }

    /// Takes the buffer back out if nothing waits in it, so that an idle connection holds none.
    pub fn take_buffer(&mut self) -> Option<Vec<u8>> {
        (self.is_empty() && self.flight.is_none() && self.bytes.capacity() > 0).then(|| {
            self.consumed = 0;
            std::mem::take(&mut self.bytes)
        })
    }

    /// Gives it a buffer to write to, if it has none.
    pub fn lend_buffer(&mut self, mut buffer: Vec<u8>) {
        if self.bytes.capacity() == 0 {
            buffer.clear();
            self.bytes = buffer;
        }
    }

    /// Whether it has a buffer to write to.
    #[must_use]
    pub fn has_buffer(&self) -> bool {
        self.bytes.capacity() > 0
    }

    /// The bytes to write to the transport, in this order.
    #[must_use]
    pub fn ready(&self) -> &[u8] {
        let end = self.flight.unwrap_or(self.bytes.len());
        self.bytes.get(self.consumed..end).unwrap_or_default()
    }

    /// Bytes to write to the transport.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ready().len()
    }

    /// Whether there is nothing to write to the transport.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ready().is_empty()
    }

    /// Tells that the transport took the first `count` bytes of [`Outgoing::ready`]; more than it has count as all.
    pub fn consume(&mut self, count: usize) {
        self.consumed = self.consumed.saturating_add(count.min(self.len()));
        if self.consumed == self.bytes.len() {
            self.bytes.clear();
            self.consumed = 0;
        }
    }

    /// Makes room at the front before growing at the end, of which about `expected` bytes are to come.
    #[inline]
    pub(super) fn make_room(&mut self, expected: usize) {
        if self.bytes.is_empty() {
            self.bytes.reserve(CACHE_LINE + expected);
            // The content of the first record lies at a cache line's begin: sealing it is some percent faster so.
            let padding = self.bytes.as_ptr().wrapping_add(HEADER_LEN).align_offset(CACHE_LINE) % CACHE_LINE;
            self.bytes.resize(padding, 0);
            self.consumed = padding;
            return;
        }
        // One move for at least as many bytes as were written since the last one: linear over all.
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

    /// Forgets a flight that will not be sent.
    pub(super) fn drop_flight(&mut self) {
        if let Some(at) = self.flight.take() {
            self.bytes.truncate(at);
        }
    }
}

/// How much, and not what: an unsealed flight is nobody's business.
impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With these bytes, of which so many are a flight that is not sealed yet.
    fn holding(bytes: &[u8], unsealed: usize) -> Outgoing {
        let mut outgoing = Outgoing::new();
        outgoing.bytes.extend_from_slice(bytes);
        outgoing.flight = (unsealed > 0).then_some(bytes.len() - unsealed);
        outgoing
    }

    #[test]
    fn flight_is_neither_shown_nor_consumed() {
        let mut outgoing = holding(b"readyflight", 6);
        assert_eq!((outgoing.ready(), outgoing.len()), (&b"ready"[..], 5));
        outgoing.consume(100);
        assert!(outgoing.is_empty());
        outgoing.set_flight(None);
        assert_eq!(outgoing.ready(), b"flight");
    }

    #[test]
    fn buffer_is_taken_out_if_nothing_waits_in_it() {
        let mut waiting = holding(b"ready", 0);
        assert_eq!(waiting.take_buffer(), None);
        assert_eq!(holding(b"flight", 6).take_buffer(), None);
        assert_eq!(Outgoing::new().take_buffer(), None);
        waiting.consume(5);
        assert!(waiting.take_buffer().is_some() && !waiting.has_buffer());
        // Aligned, and nothing written: what was skipped at the front is forgotten with the buffer.
        waiting.make_room(10);
        let skipped = waiting.consumed;
        waiting.bytes.resize(skipped.max(1), 0);
        waiting.consumed = waiting.bytes.len();
        assert!(waiting.take_buffer().is_some());
        waiting.bytes.extend_from_slice(b"next");
        assert_eq!(waiting.ready(), b"next");
    }

    #[test]
    fn buffer_that_was_used_before_begins_empty() {
        assert!(Outgoing::with_buffer(b"old".to_vec()).is_empty());
        let mut outgoing = Outgoing::new();
        outgoing.lend_buffer(b"old".to_vec());
        assert!(outgoing.is_empty() && outgoing.has_buffer());
        let mut waiting = holding(b"ready", 0);
        waiting.lend_buffer(b"old".to_vec());
        assert_eq!(waiting.ready(), b"ready");
    }

    /// What was consumed is moved over once it is half of all, and a flight moves along.
    #[test]
    fn room_is_made_at_the_front() {
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
    fn all_that_was_consumed_leaves_the_buffer_empty() {
        let mut outgoing = holding(b"ready", 0);
        outgoing.consume(2);
        assert_eq!(outgoing.ready(), b"ady");
        outgoing.consume(3);
        assert!(outgoing.bytes.is_empty() && outgoing.consumed == 0);
    }
}
