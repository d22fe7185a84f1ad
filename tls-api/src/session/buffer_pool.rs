//! Buffers that the connections of a thread share. A connection holds one only while it contains
//! bytes.
//!
//! So an idle connection holds no buffer, and a busy one does not allocate for each record. A
//! thread has two pools, for receiving and for sending, of at most eight buffers and 256 KiB each.
//! When its last connection is dropped, each keeps one buffer of [`RECORD_SIZE`] for the next
//! connection; [`release_buffers`] frees all. A buffer for a received flight is kept beside them.
//!
//! Buffers are not zeroized between connections. They contain application data, which the
//! application, the kernel and the allocator do not zeroize either. An application reads only what
//! its connection received. Only the transport's `Read` gets a buffer that may contain another
//! connection's data, to overwrite it. Keys are never in these buffers.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;

use crate::session::UNREAD_LIMIT;

/// The place of plaintext in a receive buffer.
pub(crate) type Ranges = VecDeque<Range<usize>>;

/// Large enough for most flights: a hello, or a server's flight with a short chain. Of the buffers
/// smaller than a record, a thread keeps only one of this size. So before its first data it uses no
/// more memory than a handshake needs, and the next flight needs no allocation.
pub(crate) const FLIGHT_SIZE: usize = 2 * 1024;

/// Large enough for nearly all other flights.
pub(crate) const LONG_FLIGHT_SIZE: usize = 8 * 1024;

/// Large enough for any record: header, 2^14 bytes of plaintext and 256 bytes of overhead (RFC 9846
/// §5.2), rounded up.
pub(crate) const RECORD_SIZE: usize = 17 * 1024;

/// Large enough for bulk data: unread plaintext up to its limit, and the record that is being
/// received. The room of another record makes moving the unread bytes to the front pay off even if
/// they always stay at the limit.
pub(crate) const BULK_SIZE: usize = UNREAD_LIMIT + 2 * RECORD_SIZE;

/// The number of buffers that a pool keeps.
const MAX_BUFFERS: usize = 8;

/// The number of bytes that a pool keeps: a bulk buffer that grew to its largest, and three
/// records.
const MAX_BYTES: usize = 256 * 1024;

/// The capacity, in ranges, that a pooled receive buffer keeps.
const MAX_RANGES: usize = 16;

thread_local! {
    static RECEIVING: RefCell<ReceivePool> = const { RefCell::new(ReceivePool { flight: None, pool: Pool::new() }) };
    static SENDING: RefCell<Pool<Vec<u8>>> = const { RefCell::new(Pool::new()) };
    /// The connections created on this thread, minus those dropped on it.
    static CONNECTIONS: Cell<usize> = const { Cell::new(0) };
}

/// Frees the buffers that this thread keeps for its connections: at most 512 KiB, see
/// [the manual](crate::manual::performance#memory).
///
/// For threads that stay idle while their connections live, and for threads whose connections other
/// threads drop. Connections continue to work; the next record allocates its buffer anew. Call it
/// before a long wait, not between records.
///
/// ```
/// # fn wait_for_an_hour() {}
/// strata_tls::release_buffers();
/// wait_for_an_hour();
/// ```
pub fn release_buffers() {
    shrink_pools(0);
}

/// Frees buffers until each pool keeps at most this many bytes.
fn shrink_pools(bytes: usize) {
    // On a thread that ends, the pools and their buffers are gone already.
    let _ = RECEIVING.try_with(|receiving| receiving.borrow_mut().shrink_to(bytes));
    let _ = SENDING.try_with(|pool| pool.borrow_mut().shrink_to(bytes));
}

/// Counts a connection on its thread. Dropping the last one frees most of what the thread keeps.
///
/// A connection that moves to another thread counts up where it is created, and down where it is
/// dropped.
pub(crate) struct ConnectionCount(());

impl ConnectionCount {
    pub(crate) fn new() -> Self {
        let _ = CONNECTIONS.try_with(|count| count.set(count.get().saturating_add(1)));
        Self(())
    }
}

impl Drop for ConnectionCount {
    fn drop(&mut self) {
        let left = CONNECTIONS.try_with(|count| {
            count.set(count.get().saturating_sub(1));
            count.get()
        });
        if left.is_ok_and(|left| left == 0) {
            shrink_pools(RECORD_SIZE);
        }
    }
}

/// Held by a connection that contains received bytes: the bytes, and the places of plaintext.
/// Pooled together, because each record needs both.
#[derive(Default)]
pub(crate) struct ReceiveStorage {
    pub(crate) bytes: Vec<u8>,
    pub(crate) plaintext: Ranges,
}

struct ReceivePool {
    /// A buffer of [`FLIGHT_SIZE`].
    flight: Option<ReceiveStorage>,
    pool: Pool<ReceiveStorage>,
}

impl ReceivePool {
    fn take(&mut self, len: usize) -> Option<ReceiveStorage> {
        if len <= FLIGHT_SIZE && self.flight.is_some() {
            return self.flight.take();
        }
        self.pool.take(len)
    }

    fn give(&mut self, buffer: ReceiveStorage) {
        if buffer.bytes.capacity() == FLIGHT_SIZE {
            self.flight = Some(buffer);
        } else {
            self.pool.give(buffer);
        }
    }

    /// Like [`Pool::shrink_to`]. Only 0 frees the buffer for a flight.
    fn shrink_to(&mut self, bytes: usize) {
        if bytes == 0 {
            self.flight = None;
        }
        self.pool.shrink_to(bytes);
    }
}

struct Pool<T> {
    buffers: Vec<T>,
    /// The sum of their capacities.
    bytes: usize,
}

/// A buffer that a [`Pool`] can keep.
trait Capacity {
    fn capacity(&self) -> usize;
}

impl Capacity for Vec<u8> {
    fn capacity(&self) -> usize {
        self.capacity()
    }
}

impl Capacity for ReceiveStorage {
    fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

impl<T> Pool<T> {
    const fn new() -> Self {
        Self { buffers: Vec::new(), bytes: 0 }
    }
}

impl<T: Capacity> Pool<T> {
    /// Takes the smallest buffer with at least this capacity.
    fn take(&mut self, capacity: usize) -> Option<T> {
        // None is smaller than a record, so no other fits better.
        if capacity <= RECORD_SIZE && self.buffers.last()?.capacity() == RECORD_SIZE {
            let buffer = self.buffers.pop()?;
            self.bytes = self.bytes.saturating_sub(RECORD_SIZE);
            return Some(buffer);
        }
        let fitting = self.buffers.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= capacity);
        let (at, _) = fitting.min_by_key(|(_, buffer)| buffer.capacity())?;
        let buffer = self.buffers.swap_remove(at);
        self.bytes = self.bytes.saturating_sub(buffer.capacity());
        Some(buffer)
    }

    fn give(&mut self, buffer: T) {
        let bytes = self.bytes.saturating_add(buffer.capacity());
        let fits = self.buffers.len() < MAX_BUFFERS && bytes <= MAX_BYTES;
        if fits && (RECORD_SIZE..=2 * BULK_SIZE).contains(&buffer.capacity()) {
            self.bytes = bytes;
            self.buffers.push(buffer);
        }
    }

    /// Frees the largest buffers until at most this many bytes are left.
    fn shrink_to(&mut self, bytes: usize) {
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

/// Returns a buffer with room for at least `len` bytes, preferably from the pool.
pub(crate) fn take_receive_buffer(len: usize) -> ReceiveStorage {
    let mut buffer =
        RECEIVING.try_with(|receiving| receiving.borrow_mut().take(len)).ok().flatten().unwrap_or_default();
    if buffer.bytes.len() < len {
        buffer.bytes.resize(len, 0);
    }
    buffer
}

pub(crate) fn return_receive_buffer(mut buffer: ReceiveStorage) {
    if buffer.plaintext.capacity() > MAX_RANGES {
        // A flood of small records has grown it.
        buffer.plaintext = Ranges::new();
    }
    buffer.plaintext.clear();
    // On a thread that ends, the pool is gone, and this drops the buffer.
    let _ = RECEIVING.try_with(|receiving| receiving.borrow_mut().give(buffer));
}

/// Returns a buffer of at least this capacity from the pool, if it has one. Its content is output
/// that was sent.
pub(crate) fn take_send_buffer(capacity: usize) -> Option<Vec<u8>> {
    SENDING.try_with(|pool| pool.borrow_mut().take(capacity)).ok().flatten()
}

pub(crate) fn return_send_buffer(buffer: Vec<u8>) {
    let _ = SENDING.try_with(|pool| pool.borrow_mut().give(buffer));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returned_buffer_is_reused() {
        let buffer = take_receive_buffer(RECORD_SIZE);
        let address = buffer.bytes.as_ptr();
        return_receive_buffer(buffer);
        let second = take_receive_buffer(RECORD_SIZE);
        assert_eq!(second.bytes.as_ptr(), address);
    }

    #[test]
    fn one_buffer_for_a_flight_is_kept() {
        let buffer = |size| ReceiveStorage { bytes: vec![0; size], ..ReceiveStorage::default() };
        let mut receiving = ReceivePool { flight: None, pool: Pool::new() };
        receiving.give(buffer(FLIGHT_SIZE));
        receiving.give(buffer(FLIGHT_SIZE));
        receiving.give(buffer(RECORD_SIZE));
        assert_eq!(receiving.take(FLIGHT_SIZE).unwrap().capacity(), FLIGHT_SIZE);
        assert_eq!(receiving.take(FLIGHT_SIZE).unwrap().capacity(), RECORD_SIZE);
        assert!(receiving.take(FLIGHT_SIZE).is_none());

        receiving.give(buffer(FLIGHT_SIZE));
        assert!(receiving.take(FLIGHT_SIZE + 1).is_none());
        receiving.shrink_to(RECORD_SIZE);
        assert!(receiving.flight.is_some());
        receiving.shrink_to(0);
        assert!(receiving.flight.is_none());
    }

    #[test]
    fn pool_limits_buffer_count_and_size() {
        let mut pool = Pool::new();
        pool.give(Vec::<u8>::with_capacity(10 * BULK_SIZE));
        pool.give(Vec::new());
        assert!(pool.buffers.is_empty());
        for _ in 0..2 * MAX_BUFFERS {
            pool.give(Vec::with_capacity(RECORD_SIZE));
        }
        assert_eq!(pool.buffers.len(), MAX_BUFFERS);
    }

    #[test]
    fn pool_limits_total_bytes() {
        for size in [RECORD_SIZE, UNREAD_LIMIT, BULK_SIZE, 2 * BULK_SIZE] {
            let mut pool = Pool::new();
            for _ in 0..2 * MAX_BUFFERS {
                pool.give(Vec::<u8>::with_capacity(size));
            }
            let kept: usize = pool.buffers.iter().map(Vec::capacity).sum();
            assert!(!pool.buffers.is_empty() && kept <= MAX_BYTES, "{kept} bytes in buffers of {size}");
            // A buffer that was taken no longer counts.
            while pool.take(1).is_some() {}
            assert_eq!(pool.bytes, 0);
        }
    }

    #[test]
    fn last_connection_of_thread_frees_all_but_one_record() {
        let kept = || {
            let receiving: Vec<_> =
                RECEIVING.with_borrow(|receiving| receiving.pool.buffers.iter().map(Capacity::capacity).collect());
            (receiving, SENDING.with_borrow(|pool| pool.buffers.iter().map(Capacity::capacity).collect::<Vec<_>>()))
        };
        let (first, second) = (ConnectionCount::new(), ConnectionCount::new());
        for size in [BULK_SIZE, RECORD_SIZE, RECORD_SIZE] {
            return_receive_buffer(ReceiveStorage { bytes: vec![0; size], ..ReceiveStorage::default() });
            return_send_buffer(Vec::with_capacity(size));
        }
        drop(first);
        let sizes = vec![BULK_SIZE, RECORD_SIZE, RECORD_SIZE];
        assert_eq!(kept(), (sizes.clone(), sizes));
        drop(second);
        assert_eq!(kept(), (vec![RECORD_SIZE], vec![RECORD_SIZE]));
        // So does a thread that drops a connection of another thread.
        let elsewhere = std::thread::spawn(ConnectionCount::new).join().unwrap();
        return_send_buffer(Vec::with_capacity(BULK_SIZE));
        drop(elsewhere);
        assert_eq!(kept(), (vec![RECORD_SIZE], vec![RECORD_SIZE]));
        release_buffers();
        assert_eq!(kept(), (vec![], vec![]));
    }

    /// A connection in a thread-local can outlive the pools.
    #[test]
    fn connection_can_be_dropped_while_thread_ends() {
        thread_local! {
            static LATE: RefCell<Vec<ConnectionCount>> = const { RefCell::new(Vec::new()) };
        }
        let ended = std::thread::spawn(|| {
            LATE.with_borrow_mut(|late| late.push(ConnectionCount::new()));
            return_send_buffer(Vec::with_capacity(RECORD_SIZE));
            return_receive_buffer(ReceiveStorage { bytes: vec![0; RECORD_SIZE], ..ReceiveStorage::default() });
        });
        ended.join().unwrap();
    }

    #[test]
    fn pool_returns_smallest_fitting_buffer() {
        let mut pool = Pool::new();
        pool.give(Vec::<u8>::with_capacity(BULK_SIZE));
        pool.give(Vec::with_capacity(RECORD_SIZE));
        assert!(pool.take(1).unwrap().capacity() < BULK_SIZE);
        assert!(pool.take(BULK_SIZE).is_some());
        assert!(pool.take(1).is_none());
    }
}
