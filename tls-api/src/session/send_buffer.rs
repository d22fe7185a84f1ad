//! The sending side's memory: records on their way out, and what was written before the handshake's end.

use std::collections::VecDeque;
use std::io::IoSlice;

use tls_handshake::Outgoing;

use crate::session::buffer_pool::{BULK, RECORD, give_back_sent, lend_for_sending};

/// Records that wait for the transport, in a buffer that is lent while there are any.
#[derive(Default)]
pub(crate) struct SendBuffer(Outgoing);

impl SendBuffer {
    /// For the engine to append messages, if it has any to send: where no buffer lies there it takes one as long as those.
    pub(crate) fn for_messages(&mut self) -> &mut Outgoing {
        if !self.0.has_buffer()
            && let Some(buffer) = lend_for_sending(0)
        {
            self.0.lend_buffer(buffer);
        }
        &mut self.0
    }

    /// For the engine to append what it seldom has: where no buffer lies there it takes one as long as that.
    pub(crate) fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.0
    }

    /// For the engine to append this much plaintext.
    pub(crate) fn for_data(&mut self, expected: usize) -> &mut Outgoing {
        if !self.0.has_buffer() {
            let capacity = if expected > RECORD - Self::MARGIN { BULK } else { RECORD };
            self.0.lend_buffer(lend_for_sending(capacity).unwrap_or_else(|| Vec::with_capacity(capacity)));
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

    /// The transport took this many bytes.
    pub(crate) fn consume(&mut self, n: usize) {
        self.0.consume(n);
        self.release_if_empty();
    }

    /// Gives the buffer back if nothing is in it.
    pub(crate) fn release_if_empty(&mut self) {
        if let Some(buffer) = self.0.take_buffer() {
            give_back_sent(buffer);
        }
    }

    /// Headers, content types and tags of some records.
    const MARGIN: usize = 512;
}

impl Drop for SendBuffer {
    fn drop(&mut self) {
        self.0.consume(usize::MAX);
        self.release_if_empty();
    }
}

/// Plaintext written before the handshake's end, or behind such plaintext.
#[derive(Default)]
pub(crate) struct PendingPlaintext(VecDeque<u8>);

impl PendingPlaintext {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps up to `room` bytes of these, and says how many.
    pub(crate) fn push(&mut self, slices: &[IoSlice<'_>], room: usize) -> usize {
        let before = self.0.len();
        for slice in slices {
            let left = room - (self.0.len() - before);
            self.0.extend(prefix(slice, left));
        }
        self.0.len() - before
    }

    /// The oldest bytes, at most `max` of them.
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

/// At most `max` from the start.
pub(crate) fn prefix<T>(all: &[T], max: usize) -> &[T] {
    all.split_at(all.len().min(max)).0
}

/// Slices that are put together for a record that begins inside of a slice.
const WINDOW: usize = 64;

/// A walk through the slices of a vectored write, one record at a time.
pub(crate) struct SliceCursor<'a> {
    slices: &'a [IoSlice<'a>],
    /// Bytes of the first slice that are sent.
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

    /// The next `max` bytes, or all that is left, if they lie in one piece.
    pub(crate) fn piece(&self, max: usize) -> Option<IoSlice<'a>> {
        let (first, rest) = self.slices.split_first()?;
        let first: &'a [u8] = first;
        let bytes = first.get(self.sent..)?;
        (bytes.len() >= max || rest.is_empty()).then(|| IoSlice::new(prefix(bytes, max)))
    }

    /// All that is left, if it can be had without putting it together anew.
    pub(crate) fn whole(&self) -> Option<&'a [IoSlice<'a>]> {
        (self.sent == 0).then_some(self.slices)
    }

    /// The next bytes, at most `max`, in so many slices of these; and whether that is all that there is up to `max`, the window being finite.
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
    fn early_plaintext_is_kept_in_order_up_to_the_room_given() {
        let mut early = PendingPlaintext::default();
        assert_eq!(early.push(&[IoSlice::new(b"abc"), IoSlice::new(b"defg")], 5), 5);
        assert_eq!(early.push(&[IoSlice::new(b"xyz")], 0), 0);
        assert_eq!(joined(&early.front(4)), b"abcd");
        early.consume(4);
        assert_eq!(early.push(&[IoSlice::new(b"fgh")], 2), 2);
        assert_eq!(joined(&early.front(100)), b"efg");
        early.consume(3);
        assert!(early.is_empty());
    }

    #[test]
    fn a_walk_through_slices_misses_no_byte_and_repeats_none() {
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
