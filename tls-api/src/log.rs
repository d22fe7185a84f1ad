//! `warn!` of the `log` crate; without the feature `logging` it does nothing.

#[cfg(feature = "logging")]
pub(crate) use ::log::warn;

#[cfg(not(feature = "logging"))]
macro_rules! silent {
    ($($arg:tt)*) => {{
        let _ = format_args!($($arg)*);
    }};
}
#[cfg(not(feature = "logging"))]
pub(crate) use silent as warn;
