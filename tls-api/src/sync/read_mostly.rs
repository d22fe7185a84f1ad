//! A value that all threads read and few replace: readers neither wait nor share a cache line.

use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError};

/// Thread slots, and so copies of a value. More threads than these share slots; a writer replaces
/// the copies one after the other, so they must be few.
pub(crate) const COPIES: usize = 8;

/// A value in several copies, each behind a lock on its own cache line.
///
/// A writer replaces one copy after the other. A reader whose copy is being replaced takes the next
/// one: at most one is being replaced at any time, so that there is always one to read.
///
/// Not the crate `arc-swap`: it would add a dependency with `unsafe` code to every build, for two
/// values (ticket keys and reloadable identities), and the slot is needed anyway to count tickets.
pub(crate) struct ReadMostly<T> {
    copies: [Replica<T>; COPIES],
    /// Held while the copies are replaced.
    writing: Mutex<()>,
}

#[repr(align(128))]
struct Replica<T>(RwLock<Arc<T>>);

impl<T> ReadMostly<T> {
    pub(crate) fn new(value: T) -> Self {
        let value = Arc::new(value);
        Self { copies: std::array::from_fn(|_| Replica(RwLock::new(Arc::clone(&value)))), writing: Mutex::new(()) }
    }

    /// Returns the slot and the current value, or the previous one while it is being replaced.
    pub(crate) fn read(&self) -> (usize, RwLockReadGuard<'_, Arc<T>>) {
        let first = thread_slot();
        loop {
            for step in 0..COPIES {
                let number = (first + step) % COPIES;
                match self.copies.get(number).map(|copy| copy.0.try_read()) {
                    Some(Ok(value)) => return (number, value),
                    // A copy is whole at any time, so a writer that panicked did no harm.
                    Some(Err(TryLockError::Poisoned(poisoned))) => return (number, poisoned.into_inner()),
                    Some(Err(TryLockError::WouldBlock)) | None => {}
                }
            }
            std::hint::spin_loop();
        }
    }

    /// Replaces the value by the result of `make`. Does nothing if that is `None`, or if another
    /// thread is replacing it.
    pub(crate) fn try_replace(&self, make: impl FnOnce(&T) -> Option<T>) {
        let _writing = match self.writing.try_lock() {
            Ok(writing) => writing,
            // A writer that panicked left every copy whole; later writers must still succeed.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let made = make(&self.read().1);
        if let Some(value) = made {
            self.write(value);
        }
    }

    /// Replaces the value, after waiting for another writer.
    pub(crate) fn replace(&self, value: T) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(value);
    }

    fn write(&self, value: T) {
        let value = Arc::new(value);
        for copy in &self.copies {
            let mut place = copy.0.write().unwrap_or_else(PoisonError::into_inner);
            *place = Arc::clone(&value);
        }
    }
}

/// Returns this thread's slot: the least used one when the thread first asks. Freed when the thread
/// ends.
pub(crate) fn thread_slot() -> usize {
    static SLOTS: Slots = Slots::new();
    struct Mine(usize);
    impl Drop for Mine {
        fn drop(&mut self) {
            SLOTS.give_back(self.0);
        }
    }
    thread_local! {
        static MINE: Mine = Mine(SLOTS.take());
    }
    // The slot of a thread that ends is already freed; any slot works.
    MINE.try_with(|mine| mine.0).unwrap_or(0)
}

/// The number of threads that use each slot.
struct Slots(Mutex<[usize; COPIES]>);

impl Slots {
    const fn new() -> Self {
        Self(Mutex::new([0; COPIES]))
    }

    fn take(&self) -> usize {
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let least_used = threads.iter_mut().enumerate().min_by_key(|(_, threads)| **threads);
        least_used.map_or(0, |(slot, threads)| {
            *threads += 1;
            slot
        })
    }

    fn give_back(&self, slot: usize) {
        if let Some(threads) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(slot) {
            *threads = threads.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn readers_see_the_old_value_or_the_new_while_it_is_replaced() {
        let shared = ReadMostly::new(0u64);
        let (left, done) = (AtomicUsize::new(3), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let replaced = done.load(Ordering::Acquire);
                        let (_, value) = shared.read();
                        assert!(**value >= replaced, "a value older than the previous one");
                    }
                    left.fetch_sub(1, Ordering::Relaxed);
                });
            }
            let mut n = 0;
            while left.load(Ordering::Relaxed) > 0 {
                n += 1;
                shared.replace(n);
                done.store(n, Ordering::Release);
                assert_eq!(**shared.read().1, n);
            }
        });
    }

    #[test]
    fn slots_are_shared_when_all_are_used_and_freed_afterwards() {
        let slots = Slots::new();
        let first: Vec<_> = (0..COPIES).map(|_| slots.take()).collect();
        assert_eq!(first, Vec::from_iter(0..COPIES));
        // Short-lived threads beside one that stays.
        first[1..].iter().for_each(|place| slots.give_back(*place));
        for _ in 0..2 * COPIES {
            let place = slots.take();
            assert_ne!(place, first[0]);
            slots.give_back(place);
        }
        let again: Vec<_> = (0..COPIES).map(|_| slots.take()).collect();
        assert_eq!((again[0], again[COPIES - 1]), (1, 0), "{again:?}");
    }

    #[test]
    fn thread_keeps_its_slot_while_it_lives() {
        let mine = thread_slot();
        std::thread::spawn(|| assert_eq!(thread_slot(), thread_slot())).join().unwrap();
        assert_eq!(thread_slot(), mine);
    }

    #[test]
    fn nothing_replaces_no_value() {
        let shared = ReadMostly::new(1);
        shared.try_replace(|_| None);
        assert_eq!(**shared.read().1, 1);
        shared.try_replace(|old| Some(old + 1));
        assert_eq!(**shared.read().1, 2);
    }

    #[test]
    fn writer_that_panics_stops_neither_readers_nor_writers() {
        let shared = ReadMostly::new(1);
        let died =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| shared.try_replace(|_| panic!("on purpose"))));
        assert!(died.is_err() && shared.writing.is_poisoned());
        assert_eq!(**shared.read().1, 1);
        shared.try_replace(|old| Some(old + 1));
        assert_eq!(**shared.read().1, 2);
        shared.replace(3);
        assert_eq!(**shared.read().1, 3);

        // The same for a lock that a reader meets.
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _places = shared.copies.each_ref().map(|copy| copy.0.write().unwrap());
            panic!("on purpose");
        }));
        assert!(died.is_err() && shared.copies.iter().all(|copy| copy.0.is_poisoned()));
        assert_eq!(**shared.read().1, 3);
        shared.replace(4);
        assert_eq!(**shared.read().1, 4);
    }

    #[test]
    fn readers_find_a_copy_while_another_is_held_by_a_writer() {
        let shared = ReadMostly::new(1);
        for copy in &shared.copies {
            let _lock = copy.0.write().unwrap();
            // A reader that waited would wait for ever here.
            assert_eq!(**shared.read().1, 1);
        }
    }
}
