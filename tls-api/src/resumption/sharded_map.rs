//! A bounded map in parts, each behind a lock of its own, so that threads seldom meet.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Parts of a large map.
const PARTS: usize = 16;

/// Maps byte strings to values; of a part that is full, the entry goes that was put the longest ago.
pub(crate) struct Sharded<V> {
    parts: Box<[Part<V>]>,
    /// Keys come from peers: which part and which bucket they fall into is not for them to choose.
    hasher: RandomState,
}

#[repr(align(128))]
struct Part<V> {
    map: Mutex<Bounded<V>>,
    /// Values put, and removed for all, so far, to be read without the lock: whoever found something here before knows by it whether that still holds.
    generation: AtomicU64,
}

impl<V> Part<V> {
    fn lock(&self) -> MutexGuard<'_, Bounded<V>> {
        // No work leaves a part half done: a thread that died in it did no harm.
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a key belongs; its hash is computed once.
pub(crate) struct Slot<'m, V> {
    part: &'m Part<V>,
    key: &'m [u8],
    hash: u64,
}

impl<V> Slot<'_, V> {
    /// The number of changes in this part: it is the same as long as no value was put, and none removed for all.
    pub(crate) fn generation(&self) -> u64 {
        self.part.generation.load(Ordering::Acquire)
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.key
    }

    /// Does something at the place of the key.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Cursor<'_, V>) -> T) -> T {
        let mut map = self.part.lock();
        let before = map.next;
        let result = work(&mut Cursor { map: &mut map, key: self.key, hash: self.hash });
        // Not where nothing changed: the others would have to fetch it anew.
        if map.next != before {
            self.part.generation.store(map.next, Ordering::Release);
        }
        result
    }
}

impl<V> Sharded<V> {
    /// For this many entries at most.
    pub(crate) fn new(size: usize) -> Self {
        // A small map is one part: cut into many, it would evict what it had room for.
        let parts = if size < PARTS * 16 { 1 } else { PARTS };
        let part = |_| Part { map: Mutex::new(Bounded::new(size / parts)), generation: AtomicU64::new(0) };
        Self { parts: (0..parts).map(part).collect(), hasher: RandomState::new() }
    }

    /// Does something at the place of this key.
    pub(crate) fn with<T>(&self, key: &[u8], work: impl FnOnce(&mut Cursor<'_, V>) -> T) -> Option<T> {
        Some(self.slot(key)?.with(work))
    }

    /// Where this key belongs.
    pub(crate) fn slot<'m>(&'m self, key: &'m [u8]) -> Option<Slot<'m, V>> {
        let hash = self.hasher.hash_one(key);
        // The map goes by the lowest bits and the highest seven.
        let part = usize::try_from((hash >> 32) & 0xffff).unwrap_or_default();
        let part = self.parts.get(part % self.parts.len().max(1))?;
        Some(Slot { part, key, hash })
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
            work(&part.lock());
        }
    }
}

/// A map of so many entries at most, by the hashes of their keys. Two keys with the same one, of 64 bits that nobody can foresee, are as
/// unlikely as a lost entry is harmless: what is put later takes the place.
pub(crate) struct Bounded<V> {
    map: HashMap<u64, Entry<V>, BuildHasherDefault<IdentityHasher>>,
    /// Numbers and hashes, in the order of the numbers. Those whose number is not the entry's any more count for nothing.
    order: VecDeque<(u64, u64)>,
    next: u64,
    capacity: usize,
}

struct Entry<V> {
    number: u64,
    key: Box<[u8]>,
    value: V,
}

/// What is hashed is a hash.
#[derive(Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The place of a key, whether there is something or not.
pub(crate) struct Cursor<'m, V> {
    map: &'m mut Bounded<V>,
    key: &'m [u8],
    hash: u64,
}

impl<V> Cursor<'_, V> {
    /// As [`Slot::generation`].
    pub(crate) fn generation(&self) -> u64 {
        self.map.next
    }

    pub(crate) fn get(&self) -> Option<&V> {
        let entry = self.map.map.get(&self.hash).filter(|entry| *entry.key == *self.key);
        entry.map(|entry| &entry.value)
    }

    pub(crate) fn get_mut(&mut self) -> Option<&mut V> {
        let entry = self.map.map.get_mut(&self.hash).filter(|entry| *entry.key == *self.key);
        entry.map(|entry| &mut entry.value)
    }

    pub(crate) fn remove(&mut self) -> Option<V> {
        self.get()?;
        self.map.map.remove(&self.hash).map(|entry| entry.value)
    }

    /// Removes the value, and counts that as a change: whoever found it before learns that it has gone.
    pub(crate) fn remove_for_all(&mut self) -> Option<V> {
        self.map.next = self.map.next.wrapping_add(1);
        self.remove()
    }

    /// Puts a value, and makes room for it; `false` if there never is any.
    pub(crate) fn put(&mut self, value: V) -> bool {
        let Bounded { map, order, next, capacity } = &mut *self.map;
        if *capacity == 0 {
            return false;
        }
        let number = *next;
        *next = next.wrapping_add(1);
        map.insert(self.hash, Entry { number, key: self.key.into(), value });
        order.push_back((number, self.hash));
        while map.len() > *capacity {
            let Some((number, hash)) = order.pop_front() else { break };
            if map.get(&hash).is_some_and(|entry| entry.number == number) {
                map.remove(&hash);
            }
        }
        // Once for as many as were put since: linear over all.
        if order.len() > 2 * *capacity {
            order.retain(|(number, hash)| map.get(hash).is_some_and(|entry| entry.number == *number));
        }
        true
    }
}

impl<V> Bounded<V> {
    fn new(capacity: usize) -> Self {
        Self { map: HashMap::default(), order: VecDeque::new(), next: 0, capacity }
    }

    /// All values, those first that were put the longest ago.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        let current = |(number, hash): &(u64, u64)| self.map.get(hash).filter(|entry| entry.number == *number);
        self.order.iter().filter_map(current).map(|entry| &entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One part.
    fn small(size: usize) -> Sharded<u32> {
        assert!(size < 256);
        Sharded::new(size)
    }

    fn put(map: &Sharded<u32>, key: &[u8], value: u32) {
        map.with(key, |place| place.put(value));
    }

    fn values(map: &Sharded<u32>) -> Vec<u32> {
        let mut values = Vec::new();
        map.each(|part| values.extend(part.values().copied()));
        values
    }

    #[test]
    fn the_oldest_goes_when_there_is_no_room_and_what_is_put_again_is_young() {
        let map = small(3);
        for (key, value) in [(b"a", 1), (b"b", 2), (b"c", 3), (b"a", 4), (b"d", 5)] {
            put(&map, key, value);
        }
        assert_eq!(map.with(b"b", |place| place.get().copied()), Some(None));
        assert_eq!(map.with(b"a", |place| place.get().copied()), Some(Some(4)));
        assert_eq!(values(&map), [3, 4, 5]);
    }

    #[test]
    fn neither_the_map_nor_its_order_grows_beyond_its_bound() {
        let map = small(10);
        for n in 0..10_000u32 {
            put(&map, &n.to_be_bytes(), n);
            if n % 3 == 0 {
                assert_eq!(map.with(&n.to_be_bytes(), |place| place.remove()), Some(Some(n)));
            }
            put(&map, b"again and again", n);
            map.each(|part| assert!(part.map.len() <= 10 && part.order.len() <= 21));
        }
    }

    #[test]
    fn an_entry_is_found_by_its_own_key_alone() {
        let map = small(10);
        put(&map, b"key", 1);
        // Another key with the same hash.
        let stolen = map.with(b"key", |place| {
            let mut other = Cursor { map: &mut *place.map, key: b"other", hash: place.hash };
            (other.get().copied(), other.get_mut().copied(), other.remove())
        });
        assert_eq!(stolen, Some((None, None, None)));
        assert_eq!(map.with(b"key", |place| place.get().copied()), Some(Some(1)));
    }

    #[test]
    fn puts_are_told_without_the_lock_and_nothing_else_is() {
        let map = small(10);
        put(&map, b"key", 1);
        let slot = map.slot(b"key").unwrap();
        let generation = slot.generation();
        assert_eq!(slot.with(|place| (place.get().copied(), place.generation())), (Some(1), generation));
        assert_eq!(slot.with(|place| place.remove()), Some(1));
        assert_eq!(slot.generation(), generation);
        put(&map, b"other", 2);
        assert_ne!(slot.generation(), generation);
    }

    #[test]
    fn a_map_without_room_takes_nothing() {
        let map = small(0);
        assert_eq!(map.with(b"key", |place| place.put(1)), Some(false));
        assert_eq!(map.len(), 0);
    }

    #[test]
    fn the_parts_together_hold_no_more_than_they_may() {
        for size in [1, 5, 255, 256, 1000, 4096] {
            let map = Sharded::new(size);
            for n in 0..10_000u32 {
                put(&map, &n.to_be_bytes(), n);
            }
            assert!(map.len() <= size && map.len() * 10 >= size * 9, "{} of {size}", map.len());
        }
    }
}
