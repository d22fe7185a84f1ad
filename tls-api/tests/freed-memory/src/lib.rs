//! Searches freed memory for secrets. Only for tests.
//!
//! A program that links this crate allocates through it. It searches each block for watched secrets
//! before the block returns to the system allocator, also when a block is reallocated. The stack
//! and leaked memory are not searched.
//!
//! ```
//! let found = freed_memory::watching(|| {
//!     let secret: Vec<u8> = (1..33).collect();
//!     freed_memory::watch("a key", &secret);
//!     drop(secret);
//! });
//! assert_eq!(found, ["a key in a block of 32 bytes"]);
//! assert!(freed_memory::watching(|| drop(vec![0x5a; 32])).is_empty());
//! ```
//!
//! If `FREED_MEMORY_TRACE` is set in the environment, it also prints a backtrace of each free that
//! finds a secret.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Mutex, PoisonError};

/// Runs `work` and returns the freed blocks in which secrets that it watches were found. Calls run
/// one at a time.
pub fn watching(work: impl FnOnce()) -> Vec<String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // The previous call may have panicked.
    end();
    work();
    end()
}

/// Watches each whole group of 16 bytes of `secret` from now on, at any offset in a block.
///
/// # Panics
/// Panics if `secret` has less than 16 bytes or starts a group with 0xff bytes only, or if too many
/// groups are watched.
pub fn watch(name: &str, secret: &[u8]) {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(secret.len() >= PATTERN, "{name} is too short");
    for group in secret.chunks_exact(PATTERN) {
        let (head, tail) = words(group);
        assert!(head != 0, "{name} has a group of 0xff bytes");
        if places(head).any(|at| (HEADS[at].load(SeqCst), TAILS[at].load(SeqCst)) == (head, tail)) {
            continue;
        }
        assert!(names.len() < ROOM / 2, "too many patterns");
        let free = places(head).last().map_or(start(head), |at| (at + 1) % ROOM);
        TAILS[free].store(tail, SeqCst);
        HEADS[free].store(head, SeqCst);
        names.push((name.to_owned(), free));
        WATCHES.store(true, SeqCst);
    }
}

/// Removes all secrets and returns where they were found.
fn end() -> Vec<String> {
    WATCHES.store(false, SeqCst);
    let names = std::mem::take(&mut *NAMES.lock().unwrap_or_else(PoisonError::into_inner));
    let mut found = Vec::new();
    for (name, at) in names {
        HEADS[at].store(0, SeqCst);
        let size = FOUND[at].swap(0, SeqCst);
        if size > 0 {
            found.push(format!("{name} in a block of {size} bytes"));
        }
    }
    found.dedup();
    found
}

const PATTERN: usize = 16;
const ROOM: usize = 1 << 14;

/// The name of each secret and its slot in the table.
static NAMES: Mutex<Vec<(String, usize)>> = Mutex::new(Vec::new());
static WATCHES: AtomicBool = AtomicBool::new(false);
/// A hash table of the first and the second half of each group. A first half of zero marks a free
/// slot.
static HEADS: [AtomicU64; ROOM] = [const { AtomicU64::new(0) }; ROOM];
static TAILS: [AtomicU64; ROOM] = [const { AtomicU64::new(0) }; ROOM];
/// The size of the block in which the group was found.
static FOUND: [AtomicUsize; ROOM] = [const { AtomicUsize::new(0) }; ROOM];

thread_local! {
    /// Set while this thread reports, because reporting allocates.
    static REPORTS: Cell<bool> = const { Cell::new(false) };
}

/// Both halves, inverted, so that this crate leaves no copy of a secret, not even on the stack.
fn words(group: &[u8]) -> (u64, u64) {
    let half = |from: usize| u64::from_le_bytes(std::array::from_fn(|at| !group[from + at]));
    (half(0), half(8))
}

fn start(head: u64) -> usize {
    (head.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) as usize % ROOM
}

/// The slots that may hold a group with this first half.
fn places(head: u64) -> impl Iterator<Item = usize> {
    let from = start(head);
    (from..from + ROOM).map(|at| at % ROOM).take_while(|at| HEADS[*at].load(Relaxed) != 0)
}

fn search(block: &[u8]) {
    for group in block.windows(PATTERN) {
        let (head, tail) = words(group);
        for at in places(head) {
            if HEADS[at].load(SeqCst) == head && TAILS[at].load(SeqCst) == tail {
                report(at, block.len());
            }
        }
    }
}

fn report(at: usize, size: usize) {
    if FOUND[at].swap(size, SeqCst) != 0 || REPORTS.try_with(|reports| reports.replace(true)).unwrap_or(true) {
        return;
    }
    if std::env::var_os("FREED_MEMORY_TRACE").is_some() {
        eprintln!("found in a block of {size} bytes:\n{}", Backtrace::force_capture());
    }
    REPORTS.set(false);
}

/// The system allocator, which searches each block before it is freed.
struct Searching;

#[global_allocator]
static ALLOCATOR: Searching = Searching;

// SAFETY: every call goes to the system allocator. The default `realloc` uses `alloc` and
// `dealloc`.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the same contract.
        // Zeroed, so that a later search reads only initialized bytes.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHES.load(SeqCst) && layout.size() >= PATTERN {
            // SAFETY: all `size` bytes were initialized by `alloc`, and nothing else uses the block
            // any more.
            search(unsafe { std::slice::from_raw_parts(block, layout.size()) });
        }
        // SAFETY: the caller upholds the same contract.
        unsafe { System.dealloc(block, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(from: u8) -> Vec<u8> {
        (from..from + 40).collect()
    }

    #[test]
    fn any_part_of_a_secret_is_found_at_any_offset() {
        let secret = secret(1);
        for from in [0, 3, 100] {
            let found = watching(|| {
                watch("a secret", &secret);
                let mut block = vec![0; 200].into_boxed_slice();
                block[from..from + 16].copy_from_slice(&secret[16..32]);
            });
            assert_eq!(found, ["a secret in a block of 200 bytes"]);
        }
    }

    #[test]
    fn grown_block_leaves_a_findable_copy() {
        let found = watching(|| {
            let mut block = secret(1);
            watch("a secret", &block);
            block.reserve(1000);
            block.fill(0);
        });
        assert_eq!(found, ["a secret in a block of 40 bytes"]);
    }

    #[test]
    fn overwritten_or_unwatched_bytes_are_not_found() {
        let found = watching(|| {
            let mut block = secret(1);
            watch("a secret", &block);
            block[..16].fill(0);
            block[31] = 0;
            drop(block);
            drop(secret(60));
        });
        assert!(found.is_empty(), "{found:?}");
    }
}
