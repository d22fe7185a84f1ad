//! The memory of sessions: lent by a free list of the thread while it holds bytes, given back when it is empty.
//!
//! An idle session so holds no buffer, and a busy one allocates nothing per record. A thread has two lists, of at most
//! eight buffers and 256 KiB each. When the last session of the thread is dropped, each list keeps one buffer of
//! [`RECORD`] bytes, for the next session; [`release_buffers`] frees all. Buffers are not wiped between sessions: what
//! they held is the application's data, which passes through its own buffers, the kernel's and the allocator's
//! unwiped as well. An application reads only what its session received; only the transport's `Read` is lent a buffer that
//! may hold an earlier session's data, to write over it. Keys never lie here.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;

/// Where plaintext lies in a receiving buffer.
pub(crate) type Ranges = VecDeque<Range<usize>>;

/// Room for most flights: a hello, or a server's with a short chain. What is smaller than a record is a session's own and not kept for the
/// next one: before its first data a thread so takes no more than a handshake needs.
pub(crate) const FLIGHT: usize = 2 * 1024;

/// Room for nearly all of the others.
pub(crate) const LONG_FLIGHT: usize = 8 * 1024;

/// Room for any record: header, 2^14 bytes of plaintext and 256 bytes of overhead (RFC 9846 §5.2), rounded up.
pub(crate) const RECORD: usize = 17 * 1024;

/// Unread plaintext that a session holds before it stops asking for more.
pub(crate) const UNREAD_LIMIT: usize = 64 * 1024;

/// A buffer for bulk traffic: unread plaintext up to its limit, and beyond it the record that is being received. With a
/// second record's worth of room, moving the unread bytes to the front pays off even if they always stay at the limit.
pub(crate) const BULK: usize = UNREAD_LIMIT + 2 * RECORD;

/// Buffers that one list keeps.
const KEPT: usize = 8;

/// Bytes that one list keeps: a buffer for bulk traffic that grew to its largest, and room for three records besides.
const KEPT_BYTES: usize = 256 * 1024;

/// Places for ranges that a buffer keeps.
const MAX_RANGES: usize = 16;

thread_local! {
    static RECEIVING: RefCell<FreeList<Received>> = const { RefCell::new(FreeList::new()) };
    static SENDING: RefCell<FreeList<Vec<u8>>> = const { RefCell::new(FreeList::new()) };
    /// Sessions that were made on this thread, less those that were dropped on it.
    static SESSIONS: Cell<usize> = const { Cell::new(0) };
}

/// Frees the buffers that this thread keeps for its sessions: at most 512 KiB, see [the crate's documentation](crate#memory).
///
/// For threads that stay idle while their sessions live, and for those whose sessions are dropped by other threads.
/// Sessions work as before; the next record allocates its buffer anew. Call it before a long wait, not between records.
///
/// ```
/// # fn wait_for_an_hour() {}
/// strata_tls::release_buffers();
/// wait_for_an_hour();
/// ```
pub fn release_buffers() {
    keep_in_lists(0);
}

/// Frees all buffers but this many bytes of them in each list.
fn keep_in_lists(bytes: usize) {
    // On a thread that ends the lists are gone, and their buffers with them.
    let _ = RECEIVING.try_with(|list| list.borrow_mut().keep(bytes));
    let _ = SENDING.try_with(|list| list.borrow_mut().keep(bytes));
}

/// Counts a session on its thread; the last one that is dropped there frees most of what the thread keeps.
///
/// A session that moves is counted by the thread that made it, and counted down by the one that drops it.
pub(crate) struct OnThread(());

impl OnThread {
    pub(crate) fn new() -> Self {
        let _ = SESSIONS.try_with(|sessions| sessions.set(sessions.get().saturating_add(1)));
        Self(())
    }
}

impl Drop for OnThread {
    fn drop(&mut self) {
        let left = SESSIONS.try_with(|sessions| {
            sessions.set(sessions.get().saturating_sub(1));
            sessions.get()
        });
        if left.is_ok_and(|left| left == 0) {
            keep_in_lists(RECORD);
        }
    }
}

/// What a session has while it holds received bytes: they, and where there is plaintext in them. One loan, as it is made per record.
#[derive(Default)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    pub(crate) plaintext: Ranges,
}

struct FreeList<T> {
    buffers: Vec<T>,
    /// Their capacities, added up.
    bytes: usize,
}

/// What a [`FreeList`] holds.
trait Lent {
    fn capacity(&self) -> usize;
}

impl Lent for Vec<u8> {
    fn capacity(&self) -> usize {
        self.capacity()
    }
}

impl Lent for Received {
    fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

impl<T> FreeList<T> {
    const fn new() -> Self {
        Self { buffers: Vec::new(), bytes: 0 }
    }
}

impl<T: Lent> FreeList<T> {
    /// The smallest buffer that has this capacity.
    fn take(&mut self, capacity: usize) -> Option<T> {
        let fitting = self.buffers.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= capacity);
        let (at, _) = fitting.min_by_key(|(_, buffer)| buffer.capacity())?;
        let buffer = self.buffers.swap_remove(at);
        self.bytes = self.bytes.saturating_sub(buffer.capacity());
        Some(buffer)
    }

    fn give(&mut self, buffer: T) {
        let bytes = self.bytes.saturating_add(buffer.capacity());
        let fits = self.buffers.len() < KEPT && bytes <= KEPT_BYTES;
        if fits && (RECORD..=2 * BULK).contains(&buffer.capacity()) {
            self.bytes = bytes;
            self.buffers.push(buffer);
        }
    }

    /// Frees the largest buffers until those that are left have no more than this many bytes.
    fn keep(&mut self, bytes: usize) {
        while self.bytes > bytes {
            let Some(largest) = (0..self.buffers.len()).max_by_key(|&at| self.buffers.get(at).map(T::capacity)) else {
                break;
            };
            let freed = self.buffers.swap_remove(largest);
            self.bytes = self.bytes.saturating_sub(freed.capacity());
        }
        if self.buffers.is_empty() {
            self.buffers = Vec::new();
        }
    }
}

/// A buffer whose first `len` bytes at least can be read into: one that lies there, of whatever size, before a new one.
pub(crate) fn lend_for_receiving(len: usize) -> Received {
    let mut buffer = RECEIVING.try_with(|list| list.borrow_mut().take(len)).ok().flatten().unwrap_or_default();
    if buffer.bytes.len() < len {
        buffer.bytes.resize(len, 0);
    }
    buffer
}

pub(crate) fn give_back_received(mut buffer: Received) {
    if buffer.plaintext.capacity() > MAX_RANGES {
        // Left over by a flood of small records.
        buffer.plaintext = Ranges::new();
    }
    buffer.plaintext.clear();
    // On a thread that ends the list is gone, and the buffer with it.
    let _ = RECEIVING.try_with(|list| list.borrow_mut().give(buffer));
}

/// An empty buffer of at least this capacity, if one lies there.
pub(crate) fn lend_for_sending(capacity: usize) -> Option<Vec<u8>> {
    SENDING.try_with(|list| list.borrow_mut().take(capacity)).ok().flatten()
}

pub(crate) fn give_back_sent(mut buffer: Vec<u8>) {
    buffer.clear();
    let _ = SENDING.try_with(|list| list.borrow_mut().give(buffer));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_given_back_is_lent_again() {
        let buffer = lend_for_receiving(RECORD);
        let address = buffer.bytes.as_ptr();
        give_back_received(buffer);
        let again = lend_for_receiving(RECORD);
        assert_eq!(again.bytes.as_ptr(), address);
    }

    #[test]
    fn the_list_is_bounded_in_count_and_in_size() {
        let mut list = FreeList::new();
        list.give(Vec::<u8>::with_capacity(10 * BULK));
        list.give(Vec::new());
        assert!(list.buffers.is_empty());
        for _ in 0..2 * KEPT {
            list.give(Vec::with_capacity(RECORD));
        }
        assert_eq!(list.buffers.len(), KEPT);
    }

    #[test]
    fn list_is_bounded_in_bytes() {
        for size in [RECORD, UNREAD_LIMIT, BULK, 2 * BULK] {
            let mut list = FreeList::new();
            for _ in 0..2 * KEPT {
                list.give(Vec::<u8>::with_capacity(size));
            }
            let kept: usize = list.buffers.iter().map(Vec::capacity).sum();
            assert!(!list.buffers.is_empty() && kept <= KEPT_BYTES, "{kept} bytes in buffers of {size}");
            // What is lent counts no longer.
            while list.take(1).is_some() {}
            assert_eq!(list.bytes, 0);
        }
    }

    #[test]
    fn last_session_of_thread_frees_all_but_one_record() {
        let kept = || {
            let receiving: Vec<_> = RECEIVING.with_borrow(|list| list.buffers.iter().map(Lent::capacity).collect());
            (receiving, SENDING.with_borrow(|list| list.buffers.iter().map(Lent::capacity).collect::<Vec<_>>()))
        };
        let (first, second) = (OnThread::new(), OnThread::new());
        for size in [BULK, RECORD, RECORD] {
            give_back_received(Received { bytes: vec![0; size], ..Received::default() });
            give_back_sent(Vec::with_capacity(size));
        }
        drop(first);
        assert_eq!(kept(), (vec![BULK, RECORD, RECORD], vec![BULK, RECORD, RECORD]));
        drop(second);
        assert_eq!(kept(), (vec![RECORD], vec![RECORD]));
        // Threads that drop the sessions of others have none left either.
        let elsewhere = std::thread::spawn(OnThread::new).join().unwrap();
        give_back_sent(Vec::with_capacity(BULK));
        drop(elsewhere);
        assert_eq!(kept(), (vec![RECORD], vec![RECORD]));
        release_buffers();
        assert_eq!(kept(), (vec![], vec![]));
    }

    /// A session in a thread-local outlives the lists.
    #[test]
    fn session_can_be_dropped_while_its_thread_ends() {
        thread_local! {
            static LATE: RefCell<Vec<OnThread>> = const { RefCell::new(Vec::new()) };
        }
        let ended = std::thread::spawn(|| {
            LATE.with_borrow_mut(|late| late.push(OnThread::new()));
            give_back_sent(Vec::with_capacity(RECORD));
            give_back_received(Received { bytes: vec![0; RECORD], ..Received::default() });
        });
        ended.join().unwrap();
    }

    #[test]
    fn the_smallest_fitting_buffer_is_taken() {
        let mut list = FreeList::new();
        list.give(Vec::<u8>::with_capacity(BULK));
        list.give(Vec::with_capacity(RECORD));
        assert!(list.take(1).unwrap().capacity() < BULK);
        assert!(list.take(BULK).is_some());
        assert!(list.take(1).is_none());
    }
}
