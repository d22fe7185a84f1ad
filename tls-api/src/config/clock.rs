//! The clock for the validity of certificates and sessions.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use pki_types::UnixTime;

/// Returns the time, for machines without a system clock, and for tests.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use strata_tls::pki_types::UnixTime;
///
/// #[derive(Debug)]
/// struct FromTheNetwork;
///
/// impl strata_tls::TimeProvider for FromTheNetwork {
///     fn now(&self) -> Option<UnixTime> {
///         Some(UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000)))
///     }
/// }
///
/// strata_tls::ClientConfig::new().set_time_provider(Arc::new(FromTheNetwork));
/// ```
pub trait TimeProvider: fmt::Debug + Send + Sync {
    /// Returns the time; `None` if it is unknown, which makes every verification fail.
    fn now(&self) -> Option<UnixTime>;
}

/// The system clock. Used by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl TimeProvider for SystemClock {
    fn now(&self) -> Option<UnixTime> {
        // A clock before 1970 was never set.
        SystemTime::now().duration_since(UNIX_EPOCH).ok().map(UnixTime::since_unix_epoch)
    }
}
