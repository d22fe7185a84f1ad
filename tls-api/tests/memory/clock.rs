//! A clock that a test sets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use strata_tls::{TimeProvider, UnixTime};

#[derive(Debug)]
pub(crate) struct Clock(Mutex<Option<u64>>);

impl Clock {
    /// A clock at this time in Unix seconds. `None` is an unknown time.
    pub(crate) fn at(seconds: Option<u64>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(seconds)))
    }

    pub(crate) fn set(&self, seconds: Option<u64>) {
        *self.0.lock().unwrap() = seconds;
    }

    pub(crate) fn advance(&self, seconds: u64) {
        *self.0.lock().unwrap().as_mut().unwrap() += seconds;
    }
}

impl TimeProvider for Clock {
    fn now(&self) -> Option<UnixTime> {
        self.0.lock().unwrap().map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
