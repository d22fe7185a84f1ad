//! A bounded map in shards, each behind its own lock, for both session caches.

use std::collections::hash_map::{Entry as MapEntry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shards of a large map. A small map is one shard: divided, it would evict what it has room for.
const SHARDS: usize = 16;

/// The smallest map with more than one shard.
const SHARDED_SIZE: usize = 256;

/// Maps byte strings to values. A full shard evicts its oldest entry.
pub(crate) struct ShardedMap<V> {
    shards: Box<[PaddedShard<V>]>,
    /// Random: peers choose keys, and must not choose the shard and bucket with them.
    hasher: RandomState,
}

/// On cache lines of its own, so that threads in different shards do not share one.
#[repr(align(128))]
struct PaddedShard<V>(Mutex<Shard<V>>);

/// A key with its hash.
pub(crate) struct Key<'k> {
    bytes: &'k [u8],
    hash: u64,
}

impl<V> ShardedMap<V> {
    /// Creates a map of at most `size` entries.
    pub(crate) fn new(size: usize) -> Self {
        let shards = if size < SHARDED_SIZE { 1 } else { SHARDS };
        let shard = |_| PaddedShard(Mutex::new(Shard::new(size / shards)));
        Self { shards: (0..shards).map(shard).collect(), hasher: RandomState::new() }
    }

    pub(crate) fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        // Without the length, which `hash_one` would hash too: all input is one key.
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        Key { bytes, hash: hasher.finish() }
    }

    /// Locks the shard of a key. `None` only for a map without shards, which does not exist.
    pub(crate) fn shard(&self, key: &Key<'_>) -> Option<MutexGuard<'_, Shard<V>>> {
        // The map inside a shard uses the lowest and highest bits.
        let index = usize::try_from((key.hash >> 32) & 0xffff).unwrap_or_default();
        self.shards.get(index % self.shards.len().max(1)).map(PaddedShard::lock)
    }

    /// Iterates over the shards, and locks one at a time.
    pub(crate) fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, Shard<V>>> {
        self.shards.iter().map(PaddedShard::lock)
    }

    pub(crate) fn len(&self) -> usize {
        self.shards().map(|shard| shard.entries.len()).sum()
    }
}

impl<V> PaddedShard<V> {
    fn lock(&self) -> MutexGuard<'_, Shard<V>> {
        // Each method leaves a shard whole, so a thread that panicked did no harm.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bounded map that evicts the entry that was inserted first.
///
/// Entries are found by the hash of their key. If two keys have the same 64-bit hash, the later one
/// replaces the earlier: a lost session costs a full handshake.
pub(crate) struct Shard<V> {
    entries: HashMap<u64, Entry<V>, BuildHasherDefault<AlreadyHashed>>,
    /// Number and hash of each insertion, oldest first. A pair whose number is not that of its
    /// entry is outdated.
    insertions: VecDeque<(u64, u64)>,
    next_number: u64,
    capacity: usize,
}

/// Passes on a `u64`, which is a random hash already. Hashing it again would take as long.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only called for other types than `u64`.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

struct Entry<V> {
    number: u64,
    key: Box<[u8]>,
    value: V,
}

impl<V> Shard<V> {
    fn new(capacity: usize) -> Self {
        Self { entries: HashMap::default(), insertions: VecDeque::new(), next_number: 0, capacity }
    }

    pub(crate) fn get(&self, key: &Key<'_>) -> Option<&V> {
        self.entries.get(&key.hash).filter(|entry| *entry.key == *key.bytes).map(|entry| &entry.value)
    }

    pub(crate) fn get_mut(&mut self, key: &Key<'_>) -> Option<&mut V> {
        self.entries.get_mut(&key.hash).filter(|entry| *entry.key == *key.bytes).map(|entry| &mut entry.value)
    }

    pub(crate) fn remove(&mut self, key: &Key<'_>) -> Option<V> {
        match self.entries.entry(key.hash) {
            MapEntry::Occupied(found) if *found.get().key == *key.bytes => Some(found.remove().value),
            MapEntry::Occupied(_) | MapEntry::Vacant(_) => None,
        }
    }

    /// Inserts or replaces a value, which becomes the youngest. Returns `false` if the capacity is
    /// 0.
    pub(crate) fn insert(&mut self, key: &Key<'_>, value: V) -> bool {
        if self.capacity == 0 {
            return false;
        }
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.entries.insert(key.hash, Entry { number, key: key.bytes.into(), value });
        self.insertions.push_back((number, key.hash));
        while self.entries.len() > self.capacity {
            let Some((number, hash)) = self.insertions.pop_front() else { break };
            if self.entries.get(&hash).is_some_and(|entry| entry.number == number) {
                self.entries.remove(&hash);
            }
        }
        // Once every `capacity` insertions, so that its cost for each is constant.
        if self.insertions.len() > 2 * self.capacity {
            let entries = &self.entries;
            self.insertions.retain(|(number, hash)| entries.get(hash).is_some_and(|entry| entry.number == *number));
        }
        true
    }

    /// Iterates over the values, oldest first.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        let current = |(number, hash): &(u64, u64)| self.entries.get(hash).filter(|entry| entry.number == *number);
        self.insertions.iter().filter_map(current).map(|entry| &entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(map: &ShardedMap<u32>, key: &[u8], work: impl FnOnce(&mut Shard<u32>, &Key<'_>) -> T) -> T {
        let key = map.key(key);
        work(&mut map.shard(&key).unwrap(), &key)
    }

    fn insert(map: &ShardedMap<u32>, key: &[u8], value: u32) -> bool {
        with(map, key, |shard, key| shard.insert(key, value))
    }

    fn get(map: &ShardedMap<u32>, key: &[u8]) -> Option<u32> {
        with(map, key, |shard, key| shard.get(key).copied())
    }

    #[test]
    fn full_map_evicts_the_oldest_insertion() {
        let map = ShardedMap::new(3);
        for (key, value) in [(b"a", 1), (b"b", 2), (b"c", 3), (b"a", 4), (b"d", 5)] {
            assert!(insert(&map, key, value));
        }
        assert_eq!((get(&map, b"b"), get(&map, b"a")), (None, Some(4)));
        let values: Vec<_> = map.shards().flat_map(|shard| shard.values().copied().collect::<Vec<_>>()).collect();
        assert_eq!(values, [3, 4, 5]);
    }

    #[test]
    fn map_and_its_insertions_stay_within_bounds() {
        let map = ShardedMap::new(10);
        for n in 0..10_000u32 {
            insert(&map, &n.to_be_bytes(), n);
            if n % 3 == 0 {
                assert_eq!(with(&map, &n.to_be_bytes(), Shard::remove), Some(n));
            }
            insert(&map, b"again and again", n);
            map.shards().for_each(|shard| assert!(shard.entries.len() <= 10 && shard.insertions.len() <= 21));
        }
    }

    #[test]
    fn key_with_the_same_hash_finds_nothing() {
        let map = ShardedMap::new(10);
        insert(&map, b"key", 1);
        let other = Key { bytes: b"other", hash: map.key(b"key").hash };
        let mut shard = map.shard(&other).unwrap();
        assert_eq!(
            (shard.get(&other).copied(), shard.get_mut(&other).copied(), shard.remove(&other)),
            (None, None, None)
        );
        drop(shard);
        assert_eq!(get(&map, b"key"), Some(1));
    }

    #[test]
    fn map_of_size_zero_stores_nothing() {
        let map = ShardedMap::new(0);
        assert!(!insert(&map, b"key", 1));
        assert_eq!(map.len(), 0);
    }

    #[test]
    fn shards_together_hold_at_most_the_size() {
        for size in [1, 5, 255, 256, 1000, 4096] {
            let map = ShardedMap::new(size);
            for n in 0..10_000u32 {
                insert(&map, &n.to_be_bytes(), n);
            }
            assert!(map.len() <= size && map.len() * 10 >= size * 9, "{} of {size}", map.len());
        }
    }
}
