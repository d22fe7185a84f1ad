//! Log macros, empty without the feature `logging`. Messages are logged by name and length, never
//! by content.

#[cfg(feature = "logging")]
macro_rules! log_trace { ($($part:tt)*) => { log::trace!($($part)*) }; }
#[cfg(feature = "logging")]
macro_rules! log_debug { ($($part:tt)*) => { log::debug!($($part)*) }; }
#[cfg(feature = "logging")]
macro_rules! log_warn { ($($part:tt)*) => { log::warn!($($part)*) }; }

#[cfg(not(feature = "logging"))]
macro_rules! log_trace {
    ($($part:tt)*) => {};
}
#[cfg(not(feature = "logging"))]
macro_rules! log_debug {
    ($($part:tt)*) => {};
}
#[cfg(not(feature = "logging"))]
macro_rules! log_warn {
    ($($part:tt)*) => {};
}
