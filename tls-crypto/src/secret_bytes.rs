//! Zeroizes secret bytes, and the stack on which they were derived.
//!
//! A move copies a value and leaves the old bytes, and optimized code does not even drop them. A
//! secret inside a heap value therefore either has an allocation of its own, so that only a pointer
//! moves, or is moved out by a `take` method, which overwrites the old place.

use core::ops::{Deref, DerefMut};

use zeroize::Zeroize as _;

/// An array that is zeroized on drop.
///
/// Unlike `Zeroizing`, the zeroing code is not inlined into each place that drops a key.
pub(crate) struct SecretBytes<const N: usize>([u8; N]);

/// Runs `work` and zeroizes the stack that it used.
///
/// ring's tags and key expansions leave secrets there, which no destructor reaches. Later values
/// would carry them to the heap in their padding.
pub(crate) fn with_zeroized_stack<T>(work: impl FnOnce() -> T) -> T {
    with_zeroized_stack_of::<STACK_USED, T>(work)
}

/// Like [`with_zeroized_stack`], for work that uses `N` bytes.
pub(crate) fn with_zeroized_stack_of<const N: usize, T>(work: impl FnOnce() -> T) -> T {
    let result = out_of_line(work);
    zeroize::zeroize_stack::<N>();
    result
}

/// Bytes below the caller to zeroize: more than a derivation uses. Unoptimized functions use more.
/// Some 60 instructions; from 2 KiB on, `memset` would take ten times the time.
const STACK_USED: usize = if cfg!(debug_assertions) { 8192 } else { 1536 };

#[inline(never)]
fn out_of_line<T>(work: impl FnOnce() -> T) -> T {
    work()
}

impl<const N: usize> SecretBytes<N> {
    pub(crate) const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Moves the bytes, leaving zeros.
    pub(crate) fn take(&mut self) -> Self {
        let moved = Self(self.0);
        self.0.as_mut_slice().zeroize();
        moved
    }
}

impl<const N: usize> Deref for SecretBytes<N> {
    type Target = [u8; N];

    fn deref(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> DerefMut for SecretBytes<N> {
    fn deref_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Drop for SecretBytes<N> {
    #[inline(never)]
    fn drop(&mut self) {
        // As a slice, because `zeroize` overwrites an array byte by byte.
        self.0.as_mut_slice().zeroize();
    }
}
