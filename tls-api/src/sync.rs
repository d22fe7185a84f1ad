//! Values that many threads read at once.

pub(crate) mod per_thread;
pub(crate) mod read_mostly;
