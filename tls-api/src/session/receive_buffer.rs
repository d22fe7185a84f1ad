//! The receive buffer: where records arrive, are opened in place, and their plaintext waits to be read.
//!
//! ```text
//!   ┌ read ┬ unread ┬ overhead ┬ unread ┬ a record that is not whole yet ┬ free ┐
//!   └──────┴────────┴──────────┴────────┴────────────────────────────────┴──────┘
//!          └─ plaintext ranges ─────────┘ start                          end
//! ```

use std::io;
use std::mem;
use std::ops::Range;

use crate::session::buffer_pool::{
    BULK, FLIGHT, LONG_FLIGHT, RECORD, Received, give_back_received, lend_for_receiving,
};

/// Plaintexts up to this size are moved to join the one before, so that a peer that sends tiny records cannot make us
/// keep a list of ranges larger than what they hold.
const TINY: usize = 512;

#[derive(Default)]
pub(crate) struct ReceiveBuffer {
    /// Lent while it holds anything, else empty. All of the length of its bytes can be read into; its plaintext is what was decrypted
    /// and not read yet, in order, and no range of it is empty.
    lent: Received,
    /// The sum of the lengths in `plaintext`.
    unread: usize,
    /// Received, and not taken in by the engine yet: `start..end`.
    start: usize,
    end: usize,
    /// The last read filled all the room there was: the next buffer may be a large one.
    hungry: bool,
}

impl ReceiveBuffer {
    /// One read into the free space. A buffer begins with `at_first` bytes, and becomes as large as any record needs.
    pub(crate) fn fill_from(&mut self, rd: &mut dyn io::Read, at_first: usize) -> io::Result<usize> {
        self.make_room(at_first);
        let room = self.lent.bytes.get_mut(self.end..).unwrap_or_default();
        if room.is_empty() {
            return Err(io::Error::other("the receive buffer is full: call process_new_packets"));
        }
        let result = rd.read(room);
        if let Ok(n) = result {
            let n = n.min(room.len());
            self.hungry = n == room.len();
            self.end += n;
        }
        self.release_if_empty();
        result
    }

    /// What the engine has not taken in yet.
    pub(crate) fn unprocessed(&mut self) -> &mut [u8] {
        self.lent.bytes.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// The engine took this many bytes in, and found plaintext among them, at this range of [`Self::unprocessed`].
    pub(crate) fn advance(&mut self, consumed: usize, plaintext: Option<Range<usize>>) {
        if let Some(range) = plaintext.filter(|range| !range.is_empty()) {
            self.unread += range.len();
            let range = self.start + range.start..self.start + range.end;
            match self.lent.plaintext.back_mut() {
                Some(last) if range.len() <= TINY => {
                    let joined = last.end + range.len();
                    self.lent.bytes.copy_within(range, last.end);
                    last.end = joined;
                }
                _ => self.lent.plaintext.push_back(range),
            }
        }
        self.start = self.end.min(self.start + consumed);
        self.release_if_empty();
    }

    /// Forgets what the engine has not taken in.
    pub(crate) fn discard_unprocessed(&mut self) {
        self.end = self.start;
        self.release_if_empty();
    }

    /// Bytes of plaintext that wait to be read.
    pub(crate) fn unread(&self) -> usize {
        self.unread
    }

    /// The first plaintext in one piece; empty if there is none.
    pub(crate) fn front(&self) -> &[u8] {
        self.lent.plaintext.front().and_then(|range| self.lent.bytes.get(range.clone())).unwrap_or_default()
    }

    /// The application has read `n` bytes.
    pub(crate) fn consume(&mut self, mut n: usize) {
        while n > 0 {
            let Some(range) = self.lent.plaintext.front_mut() else { break };
            let held = range.len();
            let taken = n.min(held);
            range.start += taken;
            self.unread -= taken;
            n -= taken;
            if taken == held {
                self.lent.plaintext.pop_front();
            }
        }
        self.release_if_empty();
    }

    /// Copies as much plaintext as there is and fits.
    pub(crate) fn read(&mut self, mut out: &mut [u8]) -> usize {
        let mut copied = 0;
        while !out.is_empty() {
            let front = self.front();
            let n = front.len().min(out.len());
            if n == 0 {
                break;
            }
            let (head, rest) = mem::take(&mut out).split_at_mut(n);
            head.copy_from_slice(front.split_at(n).0);
            out = rest;
            copied += n;
            self.consume(n);
        }
        copied
    }

    /// After it there is room for more, as long as no more than [`UNREAD_LIMIT`](crate::session::buffer_pool::UNREAD_LIMIT) is unread and all whole records have been taken in: from [`RECORD`] bytes
    /// on for the rest of any record, and in a smaller buffer as long as reads do not fill it.
    fn make_room(&mut self, at_first: usize) {
        let size = self.lent.bytes.len();
        if size == 0 {
            self.lent = lend_for_receiving(if self.hungry { larger_than(at_first) } else { at_first });
            return;
        }
        if size < RECORD && !self.hungry {
            return;
        }
        let (larger, rest) = (larger_than(size), size - self.start);
        if rest >= RECORD && !(self.hungry && size < larger && self.lent.plaintext.is_empty()) {
            return;
        }
        self.move_to_front();
        if size < larger && (self.hungry || size - self.start < RECORD) {
            let mut larger = lend_for_receiving(larger);
            let held = self.lent.bytes.get(..self.end).unwrap_or_default();
            if let Some(head) = larger.bytes.get_mut(..held.len()) {
                head.copy_from_slice(held);
            }
            mem::swap(&mut larger.plaintext, &mut self.lent.plaintext);
            give_back_received(mem::replace(&mut self.lent, larger));
        }
    }

    /// Closes the gaps, so that all free space lies at the end.
    fn move_to_front(&mut self) {
        let mut to = 0;
        for range in self.lent.plaintext.drain(..) {
            let len = range.len();
            self.lent.bytes.copy_within(range, to);
            to += len;
        }
        if to > 0 {
            self.lent.plaintext.push_back(0..to);
        }
        self.lent.bytes.copy_within(self.start..self.end, to);
        self.end = to + (self.end - self.start);
        self.start = to;
    }

    #[inline]
    fn release_if_empty(&mut self) {
        if self.lent.plaintext.is_empty() && self.start == self.end {
            self.release();
        }
    }

    fn release(&mut self) {
        (self.start, self.end) = (0, 0);
        if !self.lent.bytes.is_empty() {
            give_back_received(mem::take(&mut self.lent));
        }
    }
}

/// The size of a buffer that takes the place of one that is full.
fn larger_than(size: usize) -> usize {
    match size {
        ..FLIGHT => FLIGHT,
        FLIGHT..LONG_FLIGHT => LONG_FLIGHT,
        LONG_FLIGHT..RECORD => RECORD,
        RECORD.. => BULK,
    }
}

impl Drop for ReceiveBuffer {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::session::buffer_pool::UNREAD_LIMIT;

    /// Takes "records" of two bytes that say how many of plaintext follow, as the engine does.
    fn process(buffer: &mut ReceiveBuffer) {
        while let Some((&len, rest)) = buffer.unprocessed().split_first_chunk() {
            let len = usize::from(u16::from_be_bytes(len));
            if rest.len() < len {
                break;
            }
            buffer.advance(2 + len, Some(2..2 + len));
        }
    }

    /// Records up to this length, and what is in them.
    fn records(count: usize, longest: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut wire, mut plain) = (Vec::new(), Vec::new());
        for at in 0..count {
            let len = u16::try_from(at * 7919 % (longest + 1)).unwrap();
            wire.extend_from_slice(&len.to_be_bytes());
            for _ in 0..len {
                let byte = u8::try_from(plain.len() % 251).unwrap();
                wire.push(byte);
                plain.push(byte);
            }
        }
        (wire, plain)
    }

    #[test]
    fn plaintext_comes_out_as_it_went_in_whatever_the_sizes_of_reads() {
        let short = [(1, 1), (100, 7), (7, 100), (5_000, 4_000), (200_000, 1), (200_000, 70_000)];
        let long = [(100, 100), (3_000, 10_000), (40_000, 1_000), (200_000, 70_000)];
        let short = short.map(|sizes| (sizes, records(6_000, 255)));
        let long = long.map(|sizes| (sizes, records(100, RECORD - 2)));
        let all = short.into_iter().chain(long);
        for (((received, read), (wire, plain)), at_first) in
            all.flat_map(|case| [(case.clone(), FLIGHT), (case, RECORD)])
        {
            let mut buffer = ReceiveBuffer::default();
            let (mut from, mut out) = (&wire[..], Vec::new());
            while out.len() < plain.len() {
                if buffer.unread() <= UNREAD_LIMIT && !from.is_empty() {
                    let mut part = from.split_at(received.min(from.len())).0;
                    let n = buffer.fill_from(&mut part, at_first).unwrap();
                    from = &from[n..];
                    process(&mut buffer);
                }
                let mut some = vec![0; read];
                let n = buffer.read(&mut some);
                out.extend_from_slice(&some[..n]);
            }
            assert!(out == plain, "{received} {read} {at_first}");
            assert!(buffer.lent.bytes.is_empty() && buffer.unread() == 0, "an idle session holds no buffer");
        }
    }

    #[test]
    fn a_buffer_is_as_long_as_a_flight_until_reads_fill_it() {
        let mut buffer = ReceiveBuffer::default();
        let mut fill = |length: u64| {
            buffer.fill_from(&mut io::repeat(0xff).take(length), FLIGHT).unwrap();
            buffer.lent.bytes.len()
        };
        // None of this is a whole record of the test's.
        assert_eq!(fill(100), FLIGHT);
        assert_eq!(fill(200), FLIGHT);
        assert_eq!(fill(1 << 20), FLIGHT);
        assert_eq!(fill(100), LONG_FLIGHT);
        assert_eq!(fill(1 << 20), LONG_FLIGHT);
        assert_eq!(fill(1 << 20), RECORD);
        assert_eq!(fill(100), BULK);
        assert_eq!(buffer.unprocessed(), [&[0xff; RECORD][..], &[0xff; 100]].concat());
    }

    #[test]
    fn a_flood_of_tiny_records_stays_under_the_cap() {
        let mut buffer = ReceiveBuffer::default();
        let wire = [0, 1, 7].repeat(2 * UNREAD_LIMIT);
        let mut from = &wire[..];
        while buffer.unread() <= UNREAD_LIMIT {
            let n = buffer.fill_from(&mut from.split_at(4_000).0, FLIGHT).unwrap();
            from = &from[n..];
            process(&mut buffer);
        }
        assert!(buffer.unread() <= UNREAD_LIMIT + RECORD && wire.len() - from.len() >= 3 * UNREAD_LIMIT);
        assert!(buffer.lent.bytes.len() <= BULK);
        assert!(buffer.lent.plaintext.capacity() <= 256, "{}", buffer.lent.plaintext.capacity());
    }

    #[test]
    fn reading_without_processing_ends_with_an_error_and_not_with_more_memory() {
        let mut buffer = ReceiveBuffer::default();
        let error = loop {
            if let Err(e) = buffer.fill_from(&mut io::repeat(0), FLIGHT) {
                break e;
            }
        };
        assert!(error.to_string().contains("process_new_packets"));
        assert!(buffer.lent.bytes.len() <= BULK);
    }
}
