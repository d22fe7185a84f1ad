//! A shared value with a copy for each thread, so that reference counts do not share a cache line.

use std::sync::{Arc, OnceLock};

use crate::sync::read_mostly::{COPIES, thread_slot};

/// A value and its copies, one for each thread slot, made on first use.
///
/// A connection clones an `Arc` when it begins and drops it when it ends. If all threads used one
/// `Arc`, its count's cache line would move between cores, which is measurable in a handshake of a
/// few microseconds.
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

    /// Returns the value for a change. Connections that exist keep the old copy.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.copies = [const { OnceLock::new() }; COPIES];
        &mut self.original
    }

    /// Returns the copy of this thread's slot.
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
    fn every_thread_sees_the_value_and_its_changes() {
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
