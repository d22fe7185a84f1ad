//! A key of ring's that is overwritten when it is dropped.

use core::ops::Deref;
use std::sync::LazyLock;

use ring::aead::{AES_256_GCM, Algorithm, LessSafeKey, UnboundKey};

/// A key for sealing and opening, on the heap: its half KiB would be copied each time that its owner moves, and each copy would
/// stay behind in memory.
pub(crate) struct AeadKey(Box<LessSafeKey>);

impl AeadKey {
    /// `None` for a key that has not the algorithm's length.
    pub(crate) fn new(algorithm: &'static Algorithm, key: &[u8]) -> Option<Self> {
        UnboundKey::new(algorithm, key).ok().map(|key| Self(Box::new(LessSafeKey::new(key))))
    }
}

impl Deref for AeadKey {
    type Target = LessSafeKey;

    #[inline]
    fn deref(&self) -> &LessSafeKey {
        &self.0
    }
}

impl Drop for AeadKey {
    #[inline(never)]
    fn drop(&mut self) {
        // ring cannot zeroize a key, but it can be replaced by one that everybody knows.
        if let Some(known) = &*KNOWN_KEY {
            (*self.0).clone_from(known);
        }
        zeroize::optimization_barrier(&*self.0);
    }
}

/// Of AES-256-GCM, whose keys are the largest: it takes up all the room of any other.
static KNOWN_KEY: LazyLock<Option<LessSafeKey>> =
    LazyLock::new(|| UnboundKey::new(&AES_256_GCM, &[0; 32]).ok().map(LessSafeKey::new));
