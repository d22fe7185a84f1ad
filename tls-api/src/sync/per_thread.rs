//! A value that every connection shares, in copies for different threads.

use std::sync::{Arc, OnceLock};

use crate::sync::read_mostly::{COPIES, thread_slot};

/// A value and its copies, each of which is made when it is first wanted.
///
/// Each connection counts itself in an `Arc` when it begins and when it ends. Threads that count in the same place pass its cache line to
/// and fro, which shows where a handshake takes a few microseconds: so each counts in the copy that is its favourite.
#[derive(Debug)]
pub(crate) struct PerThread<T> {
    original: T,
    copies: [OnceLock<Arc<T>>; COPIES],
}

impl<T: Clone> PerThread<T> {
    pub(crate) fn new(original: T) -> Self {
        Self { original, copies: [const { OnceLock::new() }; COPIES] }
    }

    pub(crate) fn original(&self) -> &T {
        &self.original
    }

    /// Changes the value; connections that began before keep what they have.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.copies = [const { OnceLock::new() }; COPIES];
        &mut self.original
    }

    /// The copy for this thread.
    pub(crate) fn for_this_thread(&self) -> Arc<T> {
        let copy = || Arc::new(self.original.clone());
        match self.copies.get(thread_slot()) {
            Some(place) => Arc::clone(place.get_or_init(copy)),
            None => copy(),
        }
    }
}

impl<T: Clone> Clone for PerThread<T> {
    fn clone(&self) -> Self {
        Self::new(self.original.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_sees_the_value_and_its_changes_and_shares_its_copy() {
        let mut value = PerThread::new(1);
        let before = value.for_this_thread();
        assert!(Arc::ptr_eq(&before, &value.for_this_thread()));
        std::thread::scope(|scope| {
            for _ in 0..2 * COPIES {
                scope.spawn(|| assert_eq!(*value.for_this_thread(), 1));
            }
        });
        *value.get_mut() = 2;
        assert_eq!(
            (*before, *value.for_this_thread(), *value.original(), *value.clone().for_this_thread()),
            (1, 2, 2, 2)
        );
    }
}
