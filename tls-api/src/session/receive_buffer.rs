//! The receive buffer: records arrive in it, are decrypted in place, and their plaintext is read
//! from it. Early data has a buffer of its own. `SessionCore` stops reading from the transport
//! above `UNREAD_LIMIT`.
//!
//! ```text
//!   ┌ read ┬ unread ┬ overhead ┬ unread ┬ incomplete record ┬ free ┐
//!   └──────┴────────┴──────────┴────────┴───────────────────┴──────┘
//!          └─ plaintext ranges ─────────┘ start             end
//! ```

use std::io;
use std::mem;
use std::ops::Range;

use crate::session::buffer_pool::{
    BULK_SIZE, FLIGHT_SIZE, LONG_FLIGHT_SIZE, RECORD_SIZE, ReceiveStorage, return_receive_buffer, take_receive_buffer,
};

/// Plaintexts up to this size are moved next to the one before. So a peer that sends tiny records
/// cannot make the list of ranges larger than the data.
const TINY: usize = 512;

#[derive(Default)]
pub(crate) struct ReceiveBuffer {
    /// From the pool while it contains anything, otherwise empty. Its ranges are the plaintext not
    /// read yet, in order; none is empty.
    storage: ReceiveStorage,
    /// The sum of the lengths in `plaintext`.
    unread: usize,
    /// `start..end` is what was received and not processed by the engine yet.
    start: usize,
    end: usize,
    /// The last read filled all free space, so the next buffer may be larger.
    was_filled: bool,
}

impl ReceiveBuffer {
    /// Creates a buffer that contains these bytes, not processed yet.
    pub(crate) fn of_received(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        let storage = ReceiveStorage { bytes, ..ReceiveStorage::default() };
        // It has no room, so it grows before the next read.
        Self { storage, end, was_filled: true, ..Self::default() }
    }

    /// Reads once into the free space. A new buffer has `initial_size` bytes, and grows to what any
    /// record needs.
    pub(crate) fn fill_from(&mut self, rd: &mut dyn io::Read, initial_size: usize) -> io::Result<usize> {
        self.make_room(initial_size);
        let room = self.storage.bytes.get_mut(self.end..).unwrap_or_default();
        if room.is_empty() {
            return Err(io::Error::other("receive buffer is full; call process_new_packets"));
        }
        let result = rd.read(room);
        if let Ok(n) = result {
            let n = n.min(room.len());
            self.was_filled = n == room.len();
            self.end += n;
        }
        self.release_if_empty();
        result
    }

    /// Returns what the engine has not processed yet.
    pub(crate) fn unprocessed(&mut self) -> &mut [u8] {
        self.storage.bytes.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// Notes that the engine has consumed this many bytes, with plaintext at this range of
    /// [`Self::unprocessed`].
    pub(crate) fn advance(&mut self, consumed: usize, plaintext: Option<Range<usize>>) {
        if let Some(range) = plaintext.filter(|range| !range.is_empty()) {
            self.unread += range.len();
            let range = self.start + range.start..self.start + range.end;
            match self.storage.plaintext.back_mut() {
                Some(last) if range.len() <= TINY => {
                    let joined = last.end + range.len();
                    self.storage.bytes.copy_within(range, last.end);
                    last.end = joined;
                }
                _ => self.storage.plaintext.push_back(range),
            }
        }
        self.start = self.end.min(self.start + consumed);
        self.release_if_empty();
    }

    /// Discards what the engine has not processed.
    pub(crate) fn discard_unprocessed(&mut self) {
        self.end = self.start;
        self.release_if_empty();
    }

    /// Returns how many bytes of plaintext are unread.
    pub(crate) fn unread(&self) -> usize {
        self.unread
    }

    /// Returns the first contiguous plaintext; empty if there is none.
    pub(crate) fn front(&self) -> &[u8] {
        self.storage.plaintext.front().and_then(|range| self.storage.bytes.get(range.clone())).unwrap_or_default()
    }

    /// Removes `n` bytes of plaintext, which the application has read.
    pub(crate) fn consume(&mut self, mut n: usize) {
        while n > 0 {
            let Some(range) = self.storage.plaintext.front_mut() else { break };
            let held = range.len();
            let taken = n.min(held);
            range.start += taken;
            self.unread -= taken;
            n -= taken;
            if taken == held {
                self.storage.plaintext.pop_front();
            }
        }
        self.release_if_empty();
    }

    /// Copies as much plaintext as is unread and fits into `out`.
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

    /// Makes room for the next read, if no more than [`UNREAD_LIMIT`](crate::session::UNREAD_LIMIT)
    /// is unread and all complete records were processed. A buffer of at least [`RECORD_SIZE`] gets
    /// room for the rest of any record. A smaller one grows only when a read has filled it.
    fn make_room(&mut self, initial_size: usize) {
        let size = self.storage.bytes.len();
        if size == 0 {
            self.storage = take_receive_buffer(if self.was_filled { larger_than(initial_size) } else { initial_size });
            return;
        }
        if size < RECORD_SIZE && !self.was_filled {
            return;
        }
        let (larger, rest) = (larger_than(size), size - self.start);
        if rest >= RECORD_SIZE && !(self.was_filled && size < larger && self.storage.plaintext.is_empty()) {
            return;
        }
        self.move_to_front();
        if size < larger && (self.was_filled || size - self.start < RECORD_SIZE) {
            let mut larger = take_receive_buffer(larger);
            let held = self.storage.bytes.get(..self.end).unwrap_or_default();
            if let Some(head) = larger.bytes.get_mut(..held.len()) {
                head.copy_from_slice(held);
            }
            mem::swap(&mut larger.plaintext, &mut self.storage.plaintext);
            return_receive_buffer(mem::replace(&mut self.storage, larger));
        }
    }

    /// Moves all plaintext and unprocessed bytes to the front, so that all free space is at the
    /// end.
    fn move_to_front(&mut self) {
        let mut to = 0;
        for range in self.storage.plaintext.drain(..) {
            let len = range.len();
            self.storage.bytes.copy_within(range, to);
            to += len;
        }
        if to > 0 {
            self.storage.plaintext.push_back(0..to);
        }
        self.storage.bytes.copy_within(self.start..self.end, to);
        self.end = to + (self.end - self.start);
        self.start = to;
    }

    #[inline]
    fn release_if_empty(&mut self) {
        if self.storage.plaintext.is_empty() && self.start == self.end {
            self.release();
        }
    }

    fn release(&mut self) {
        (self.start, self.end) = (0, 0);
        if !self.storage.bytes.is_empty() {
            return_receive_buffer(mem::take(&mut self.storage));
        }
    }
}

/// Returns the size of the buffer that replaces a full one of `size`.
fn larger_than(size: usize) -> usize {
    match size {
        ..FLIGHT_SIZE => FLIGHT_SIZE,
        // In steps of two, so that a server's flight with a hybrid key share, of some 3 KiB, takes
        // 4 KiB.
        FLIGHT_SIZE..LONG_FLIGHT_SIZE => LONG_FLIGHT_SIZE.min(2 * size),
        LONG_FLIGHT_SIZE..RECORD_SIZE => RECORD_SIZE,
        RECORD_SIZE.. => BULK_SIZE,
    }
}

impl Drop for ReceiveBuffer {
    fn drop(&mut self) {
        self.release();
    }
}

/// Early data that the application has not read yet. Almost all connections have none, and do not
/// allocate for it.
#[derive(Default)]
pub(crate) struct EarlyDataBuffer(Option<Box<EarlyData>>);

#[derive(Default)]
struct EarlyData {
    bytes: Vec<u8>,
    /// The number of them that were read.
    read: usize,
}

impl EarlyDataBuffer {
    pub(crate) fn push(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let EarlyData { bytes, read } = &mut **self.0.get_or_insert_default();
        bytes.drain(..std::mem::take(read).min(bytes.len()));
        bytes.extend_from_slice(data);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns how many bytes are unread.
    pub(crate) fn unread(&self) -> usize {
        self.0.as_ref().map_or(0, |early| early.bytes.len().saturating_sub(early.read))
    }

    pub(crate) fn read(&mut self, out: &mut [u8]) -> usize {
        let Some(EarlyData { bytes, read }) = self.0.as_deref_mut() else { return 0 };
        let unread = bytes.get(*read..).unwrap_or_default();
        let n = unread.len().min(out.len());
        for (to, from) in out.iter_mut().zip(unread) {
            *to = *from;
        }
        *read += n;
        if *read == bytes.len() {
            self.0 = None;
        }
        n
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::session::UNREAD_LIMIT;

    /// Processes test records, as the engine does: two bytes of length, then the plaintext.
    fn process(buffer: &mut ReceiveBuffer) {
        while let Some((&len, rest)) = buffer.unprocessed().split_first_chunk() {
            let len = usize::from(u16::from_be_bytes(len));
            if rest.len() < len {
                break;
            }
            buffer.advance(2 + len, Some(2..2 + len));
        }
    }

    /// Returns `count` test records of at most `longest` bytes, and their plaintext.
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
    fn plaintext_is_intact_for_all_read_sizes() {
        let short = [(1, 1), (100, 7), (7, 100), (5_000, 4_000), (200_000, 1), (200_000, 70_000)];
        let long = [(100, 100), (3_000, 10_000), (40_000, 1_000), (200_000, 70_000)];
        let short = short.map(|sizes| (sizes, records(6_000, 255)));
        let long = long.map(|sizes| (sizes, records(100, RECORD_SIZE - 2)));
        let all = short.into_iter().chain(long);
        for (((received, read), (wire, plain)), initial_size) in
            all.flat_map(|case| [(case.clone(), FLIGHT_SIZE), (case, RECORD_SIZE)])
        {
            let mut buffer = ReceiveBuffer::default();
            let (mut from, mut out) = (&wire[..], Vec::new());
            while out.len() < plain.len() {
                if buffer.unread() <= UNREAD_LIMIT && !from.is_empty() {
                    let mut part = from.split_at(received.min(from.len())).0;
                    let n = buffer.fill_from(&mut part, initial_size).unwrap();
                    from = &from[n..];
                    process(&mut buffer);
                }
                let mut some = vec![0; read];
                let n = buffer.read(&mut some);
                out.extend_from_slice(&some[..n]);
            }
            assert!(out == plain, "{received} {read} {initial_size}");
            assert!(buffer.storage.bytes.is_empty() && buffer.unread() == 0, "an idle connection holds no buffer");
        }
    }

    #[test]
    fn buffer_grows_only_when_reads_fill_it() {
        let mut buffer = ReceiveBuffer::default();
        let mut fill = |length: u64| {
            buffer.fill_from(&mut io::repeat(0xff).take(length), FLIGHT_SIZE).unwrap();
            buffer.storage.bytes.len()
        };
        // None of this is a complete test record.
        assert_eq!(fill(100), FLIGHT_SIZE);
        assert_eq!(fill(200), FLIGHT_SIZE);
        assert_eq!(fill(1 << 20), FLIGHT_SIZE);
        assert_eq!(fill(1 << 20), 2 * FLIGHT_SIZE);
        assert_eq!(fill(100), LONG_FLIGHT_SIZE);
        assert_eq!(fill(1 << 20), LONG_FLIGHT_SIZE);
        assert_eq!(fill(1 << 20), RECORD_SIZE);
        assert_eq!(fill(100), BULK_SIZE);
        assert_eq!(buffer.unprocessed(), [&[0xff; RECORD_SIZE][..], &[0xff; 100]].concat());
    }

    #[test]
    fn flood_of_tiny_records_stays_within_limits() {
        let mut buffer = ReceiveBuffer::default();
        let wire = [0, 1, 7].repeat(2 * UNREAD_LIMIT);
        let mut from = &wire[..];
        while buffer.unread() <= UNREAD_LIMIT {
            let n = buffer.fill_from(&mut from.split_at(4_000).0, FLIGHT_SIZE).unwrap();
            from = &from[n..];
            process(&mut buffer);
        }
        assert!(buffer.unread() <= UNREAD_LIMIT + RECORD_SIZE && wire.len() - from.len() >= 3 * UNREAD_LIMIT);
        assert!(buffer.storage.bytes.len() <= BULK_SIZE);
        assert!(buffer.storage.plaintext.capacity() <= 256, "{}", buffer.storage.plaintext.capacity());
    }

    #[test]
    fn reading_without_processing_fails_at_buffer_limit() {
        let mut buffer = ReceiveBuffer::default();
        let error = loop {
            if let Err(e) = buffer.fill_from(&mut io::repeat(0), FLIGHT_SIZE) {
                break e;
            }
        };
        assert!(error.to_string().contains("process_new_packets"));
        assert!(buffer.storage.bytes.len() <= BULK_SIZE);
    }
}
