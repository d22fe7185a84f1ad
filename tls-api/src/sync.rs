//! Values that many threads read and few replace, without sharing a cache line.

pub(crate) mod per_thread;
pub(crate) mod read_mostly;
