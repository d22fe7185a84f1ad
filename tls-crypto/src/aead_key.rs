//! An AEAD key of ring that is overwritten on drop.

use core::ops::Deref;
use std::sync::LazyLock;

use ring::aead::{AES_256_GCM, Algorithm, LessSafeKey, UnboundKey};

/// An AEAD key on the heap. It is half a KiB: inline, each move of its owner would copy it and
/// leave the old copy in memory.
pub(crate) struct AeadKey(Box<LessSafeKey>);

impl AeadKey {
    /// Returns `None` if `key` does not have the algorithm's length.
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
        // ring cannot zeroize a key, so it is overwritten with a key of zeros.
        if let Some(known) = &*KNOWN_KEY {
            (*self.0).clone_from(known);
        }
        zeroize::optimization_barrier(&*self.0);
    }
}

/// AES-256-GCM has the largest key, so this overwrites all bytes of any other.
static KNOWN_KEY: LazyLock<Option<LessSafeKey>> =
    LazyLock::new(|| UnboundKey::new(&AES_256_GCM, &[0; 32]).ok().map(LessSafeKey::new));
