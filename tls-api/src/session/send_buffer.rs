//! What is buffered for sending: records for the transport, and plaintext written before the
//! handshake completed.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use tls_handshake::Outgoing;

use crate::session::buffer_pool::{BULK_SIZE, RECORD_SIZE, return_send_buffer, take_send_buffer};

/// Records for the transport. It holds a buffer of the pool while it contains any.
#[derive(Default)]
pub(crate) struct SendBuffer(Outgoing);

impl SendBuffer {
    /// Lets the engine append messages, if it has any. Without a pooled buffer the engine allocates
    /// one of their length.
    pub(crate) fn for_messages(&mut self) -> &mut Outgoing {
        if !self.0.has_buffer()
            && let Some(buffer) = take_send_buffer(0)
        {
            self.0.lend_buffer(buffer);
        }
        &mut self.0
    }

    /// Lets the engine append messages, which it seldom does: takes no buffer from the pool.
    pub(crate) fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.0
    }

    /// Lets the engine append this much plaintext.
    pub(crate) fn for_data(&mut self, expected: usize) -> &mut Outgoing {
        if !self.0.has_buffer() {
            let capacity = if expected > RECORD_SIZE - Self::MARGIN { BULK_SIZE } else { RECORD_SIZE };
            self.0.lend_buffer(take_send_buffer(capacity).unwrap_or_else(|| Vec::with_capacity(capacity)));
        }
        &mut self.0
    }

    pub(crate) fn ready(&self) -> &[u8] {
        self.0.ready()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes bytes that the transport has accepted.
    pub(crate) fn consume(&mut self, n: usize) {
        self.0.consume(n);
        self.release_if_empty();
    }

    /// Returns the buffer to the pool if it is empty.
    pub(crate) fn release_if_empty(&mut self) {
        if let Some(buffer) = self.0.take_buffer() {
            return_send_buffer(buffer);
        }
    }

    /// Room for the headers, content types and tags of some records.
    const MARGIN: usize = 512;
}

impl Drop for SendBuffer {
    fn drop(&mut self) {
        self.0.consume(usize::MAX);
        self.release_if_empty();
    }
}

/// Plaintext written before the handshake completed, or after such plaintext.
#[derive(Default)]
pub(crate) struct PendingPlaintext(VecDeque<u8>);

impl PendingPlaintext {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends up to `room` bytes of `slices`, and returns how many.
    pub(crate) fn push(&mut self, slices: &[IoSlice<'_>], room: usize) -> usize {
        let before = self.0.len();
        for slice in slices {
            let left = room - (self.0.len() - before);
            self.0.extend(prefix(slice, left));
        }
        self.0.len() - before
    }

    /// Returns the oldest bytes, at most `max`.
    pub(crate) fn front(&self, max: usize) -> [IoSlice<'_>; 2] {
        let (first, second) = self.0.as_slices();
        let first = prefix(first, max);
        [IoSlice::new(first), IoSlice::new(prefix(second, max - first.len()))]
    }

    pub(crate) fn consume(&mut self, n: usize) {
        self.0.drain(..n.min(self.0.len()));
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
    }
}

/// The time of the application's last write. Used only with dynamic record sizing.
#[derive(Default)]
pub(crate) struct LastWrite(Option<Instant>);

impl LastWrite {
    /// Records a write now, and returns whether the one before was at least `idle_reset` ago.
    pub(crate) fn replace_after(&mut self, idle_reset: Duration) -> bool {
        let now = Instant::now();
        self.0.replace(now).is_some_and(|last| now.saturating_duration_since(last) >= idle_reset)
    }
}

/// Returns the first elements, at most `max`.
pub(crate) fn prefix<T>(all: &[T], max: usize) -> &[T] {
    all.split_at(all.len().min(max)).0
}

/// The number of slices that are combined for a record that starts inside a slice.
const WINDOW: usize = 64;

/// Walks through the slices of a vectored write, one record at a time.
pub(crate) struct SliceCursor<'a> {
    slices: &'a [IoSlice<'a>],
    /// Bytes of the first slice that were sent.
    sent: usize,
}

impl<'a> SliceCursor<'a> {
    pub(crate) fn new(slices: &'a [IoSlice<'a>]) -> Self {
        let mut cursor = Self { slices, sent: 0 };
        cursor.consume(0);
        cursor
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Returns the next `max` bytes, or all that is left, if they are contiguous.
    pub(crate) fn piece(&self, max: usize) -> Option<IoSlice<'a>> {
        let (first, rest) = self.slices.split_first()?;
        let first: &'a [u8] = first;
        let bytes = first.get(self.sent..)?;
        (bytes.len() >= max || rest.is_empty()).then(|| IoSlice::new(prefix(bytes, max)))
    }

    /// Returns all that is left, unless it starts inside a slice.
    pub(crate) fn whole(&self) -> Option<&'a [IoSlice<'a>]> {
        (self.sent == 0).then_some(self.slices)
    }

    /// Returns the next bytes, at most `max`, as an array of slices and how many of its slices are
    /// used. The last value is `false` if the array ended before `max` bytes.
    pub(crate) fn window(&self, max: usize) -> ([IoSlice<'a>; WINDOW], usize, bool) {
        let mut window = [IoSlice::new(&[]); WINDOW];
        let (mut left, mut skip, mut used) = (max, self.sent, 0);
        for (place, slice) in window.iter_mut().zip(self.slices) {
            if left == 0 {
                break;
            }
            let bytes: &'a [u8] = slice;
            let bytes = prefix(bytes.get(skip..).unwrap_or_default(), left);
            skip = 0;
            left -= bytes.len();
            *place = IoSlice::new(bytes);
            used += 1;
        }
        (window, used, left == 0 || self.slices.len() <= WINDOW)
    }

    pub(crate) fn consume(&mut self, n: usize) {
        self.sent += n;
        while let Some((first, rest)) = self.slices.split_first() {
            if self.sent < first.len() {
                break;
            }
            self.sent -= first.len();
            self.slices = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(slices: &[IoSlice<'_>]) -> Vec<u8> {
        slices.iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn pending_plaintext_keeps_order_and_limit() {
        let mut pending = PendingPlaintext::default();
        assert_eq!(pending.push(&[IoSlice::new(b"abc"), IoSlice::new(b"defg")], 5), 5);
        assert_eq!(pending.push(&[IoSlice::new(b"xyz")], 0), 0);
        assert_eq!(joined(&pending.front(4)), b"abcd");
        pending.consume(4);
        assert_eq!(pending.push(&[IoSlice::new(b"fgh")], 2), 2);
        assert_eq!(joined(&pending.front(100)), b"efg");
        pending.consume(3);
        assert!(pending.is_empty());
    }

    #[test]
    fn slice_cursor_returns_each_byte_once() {
        let data: Vec<u8> = (0..=255).cycle().take(5_000).collect();
        for size in [1, 7, 100, 4_999] {
            let slices: Vec<IoSlice<'_>> =
                data.chunks(size).flat_map(|chunk| [IoSlice::new(&[]), IoSlice::new(chunk)]).collect();
            for max in [1, 3, 64, 999, 5_000] {
                let (mut cursor, mut seen) = (SliceCursor::new(&slices), Vec::new());
                while !cursor.is_empty() {
                    let (window, used, all) = cursor.window(max);
                    let bytes = joined(prefix(&window, used));
                    assert!(bytes.len() <= max && !bytes.is_empty());
                    assert!(!all || bytes.len() == max.min(data.len() - seen.len()));
                    if let Some(piece) = cursor.piece(max) {
                        assert_eq!(*piece, *bytes);
                    } else {
                        assert!(used > 1);
                    }
                    cursor.consume(bytes.len());
                    seen.extend(bytes);
                }
                assert!(seen == data, "{size} {max}");
            }
        }
    }
}
