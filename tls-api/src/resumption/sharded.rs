//! A bounded map in parts, each behind a lock of its own, so that threads seldom meet.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

/// Parts of a large map.
const PARTS: usize = 16;

/// Maps byte strings to values; of a part that is full, the entry goes that was put the longest ago.
pub(crate) struct Sharded<V> {
    parts: Box<[Part<V>]>,
    /// Keys come from peers: which part they fall into is not for them to choose.
    hasher: RandomState,
}

#[repr(align(128))]
struct Part<V>(Mutex<Bounded<V>>);

impl<V> Sharded<V> {
    /// For this many entries at most.
    pub(crate) fn new(size: usize) -> Self {
        // A small map is one part: cut into many, it would evict what it had room for.
        let parts = if size < PARTS * 16 { 1 } else { PARTS };
        let part = |_| Part(Mutex::new(Bounded::new(size / parts)));
        Self { parts: (0..parts).map(part).collect(), hasher: RandomState::new() }
    }

    /// Does something with the part that the key belongs to.
    pub(crate) fn with<T>(&self, key: &[u8], work: impl FnOnce(&mut Bounded<V>) -> T) -> Option<T> {
        let hash = usize::try_from(self.hasher.hash_one(key) & 0xffff).unwrap_or_default();
        let part = self.parts.get(hash % self.parts.len().max(1))?;
        // No work leaves a part half done: a thread that died in it did no harm.
        Some(work(&mut part.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Entries at present.
    pub(crate) fn len(&self) -> usize {
        let mut entries = 0;
        self.each(|part| entries += part.map.len());
        entries
    }

    /// Goes through the parts.
    pub(crate) fn each(&self, mut work: impl FnMut(&Bounded<V>)) {
        for part in &self.parts {
            work(&part.0.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// A map of so many entries at most.
pub(crate) struct Bounded<V> {
    map: HashMap<Box<[u8]>, Entry<V>>,
    /// In the order of their numbers. Those whose number is not the entry's any more count for nothing.
    order: VecDeque<(u64, Box<[u8]>)>,
    next: u64,
    capacity: usize,
}

struct Entry<V> {
    number: u64,
    value: V,
}

impl<V> Bounded<V> {
    fn new(capacity: usize) -> Self {
        Self { map: HashMap::new(), order: VecDeque::new(), next: 0, capacity }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        self.map.get(key).map(|entry| &entry.value)
    }

    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        self.map.get_mut(key).map(|entry| &mut entry.value)
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        self.map.remove(key).map(|entry| entry.value)
    }

    /// Puts a value, and makes room for it; `false` if there never is any.
    pub(crate) fn put(&mut self, key: &[u8], value: V) -> bool {
        if self.capacity == 0 {
            return false;
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.map.insert(key.into(), Entry { number, value });
        self.order.push_back((number, key.into()));
        while self.map.len() > self.capacity {
            let Some((number, key)) = self.order.pop_front() else { break };
            if self.map.get(&key).is_some_and(|entry| entry.number == number) {
                self.map.remove(&key);
            }
        }
        // Once for as many as were put since: linear over all.
        if self.order.len() > 2 * self.capacity {
            let map = &self.map;
            self.order.retain(|(number, key)| map.get(key).is_some_and(|entry| entry.number == *number));
        }
        true
    }

    /// All values, those first that were put the longest ago.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        let current = |(number, key): &(u64, Box<[u8]>)| self.map.get(key).filter(|entry| entry.number == *number);
        self.order.iter().filter_map(current).map(|entry| &entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_there_is_no_room_and_what_is_put_again_is_young() {
        let mut map = Bounded::new(3);
        for key in [b"a", b"b", b"c", b"a", b"d"] {
            map.put(key, key[0]);
        }
        assert_eq!(map.get(b"b"), None);
        assert_eq!(map.values().copied().collect::<Vec<_>>(), b"cad");
    }

    #[test]
    fn neither_the_map_nor_its_order_grows_beyond_its_bound() {
        let mut map = Bounded::new(10);
        for n in 0..10_000u32 {
            map.put(&n.to_be_bytes(), n);
            if n % 3 == 0 {
                map.remove(&n.to_be_bytes());
            }
            map.put(b"again and again", n);
            assert!(map.map.len() <= 10 && map.order.len() <= 21, "{} {}", map.map.len(), map.order.len());
        }
    }

    #[test]
    fn a_map_without_room_takes_nothing() {
        let map = Sharded::new(0);
        assert_eq!(map.with(b"key", |part| part.put(b"key", 1)), Some(false));
        assert_eq!(map.len(), 0);
    }

    #[test]
    fn the_parts_together_hold_no_more_than_they_may() {
        for size in [1, 5, 255, 256, 1000, 4096] {
            let map = Sharded::new(size);
            for n in 0..10_000u32 {
                map.with(&n.to_be_bytes(), |part| part.put(&n.to_be_bytes(), n));
            }
            assert!(map.len() <= size && map.len() * 10 >= size * 9, "{} of {size}", map.len());
        }
    }
}
