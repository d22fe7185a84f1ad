//! Looks for secrets in memory that is given back: for tests alone.
//!
//! A program that has this crate in it allocates through it. Each block is searched for the secrets that are watched before it
//! is given back to the system's allocator: at the end of its life, and when it is replaced by a larger or smaller one. What lies
//! on the stack, and what is never given back, is not searched.
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
//! With `FREED_MEMORY_TRACE` in the environment it also prints where each block was given back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Mutex, PoisonError};

/// Runs `work`, and returns in which blocks secrets were found that it watches. One runs at a time; the others wait.
pub fn watching(work: impl FnOnce()) -> Vec<String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // The one before may have panicked.
    end();
    work();
    end()
}

/// Watches each whole group of 16 bytes of `secret` from now on, wherever it lies in a block.
///
/// # Panics
/// If there is none, or too many are watched.
pub fn watch(name: &str, secret: &[u8]) {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(secret.len() >= PATTERN, "{name} is too short");
    for group in secret.chunks_exact(PATTERN) {
        let (head, tail) = words(group);
        assert!(head != 0, "{name} is no secret");
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

/// Forgets all secrets, and returns where they were found.
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

/// The secrets' names, and where each lies in the table.
static NAMES: Mutex<Vec<(String, usize)>> = Mutex::new(Vec::new());
static WATCHES: AtomicBool = AtomicBool::new(false);
/// A hash table: the first half of each group of bytes, zero where there is none, and the second half.
static HEADS: [AtomicU64; ROOM] = [const { AtomicU64::new(0) }; ROOM];
static TAILS: [AtomicU64; ROOM] = [const { AtomicU64::new(0) }; ROOM];
/// The size of the block in which it was found.
static FOUND: [AtomicUsize; ROOM] = [const { AtomicUsize::new(0) }; ROOM];

thread_local! {
    /// Set while this thread reports, which allocates as well.
    static REPORTS: Cell<bool> = const { Cell::new(false) };
}

/// Both halves, inverted: so that no copy of a secret is left by this crate itself, on the stack either.
fn words(group: &[u8]) -> (u64, u64) {
    let half = |from: usize| u64::from_le_bytes(std::array::from_fn(|at| !group[from + at]));
    (half(0), half(8))
}

fn start(head: u64) -> usize {
    (head.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) as usize % ROOM
}

/// Where groups lie that may begin like this.
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

/// The system's allocator, with a look at what is given back to it.
struct Searching;

#[global_allocator]
static ALLOCATOR: Searching = Searching;

// SAFETY: all is left to the system's allocator. What is not defined here is by what is: growing is `alloc` and `dealloc`.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the same.
        // Zeros, so that what is searched later was written by the program.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHES.load(SeqCst) && layout.size() >= PATTERN {
            // SAFETY: the block is `size` bytes that were all written when it was made, and nobody else uses it any more.
            search(unsafe { std::slice::from_raw_parts(block, layout.size()) });
        }
        // SAFETY: the caller's promise is the same.
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
    fn any_part_is_found_wherever_it_lies() {
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
    fn growing_leaves_a_block_behind() {
        let found = watching(|| {
            let mut block = secret(1);
            watch("a secret", &block);
            block.reserve(1000);
            block.fill(0);
        });
        assert_eq!(found, ["a secret in a block of 40 bytes"]);
    }

    #[test]
    fn what_is_overwritten_or_of_another_is_not_found() {
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
