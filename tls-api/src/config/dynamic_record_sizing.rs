//! The setting for short records at the start of a response ([`DynamicRecordSizing`]).

use std::time::Duration;

use tls_handshake::RecordRampUp;

/// Sends short records first, and again after an idle period. Other records are full.
///
/// A peer cannot use any of a record before its last byte has arrived. While TCP's congestion
/// window is small, a full record takes a dozen segments and may take several round trips. A record
/// that fits one segment can be used when that segment arrives, so a browser starts earlier with
/// the head of a page. Later, full records cost fewer bytes and less work.
///
/// ```
/// use std::time::Duration;
/// use strata_tls::{ClientConfig, DynamicRecordSizing};
///
/// let mut sizing = DynamicRecordSizing::default();
/// sizing.idle_reset = Duration::from_millis(300);
/// let mut config = ClientConfig::new();
/// config.set_dynamic_record_sizing(Some(sizing))?;
/// # Ok::<(), strata_tls::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DynamicRecordSizing {
    /// The size limit of a short record on the wire, in bytes, including all overhead. Default:
    /// 1,348, which fit one segment on paths with an MTU of at least 1,420.
    pub short_record: usize,
    /// The number of plaintext bytes to send in short records. Default: 64 KiB, which take TCP
    /// several round trips.
    pub short_bytes: u32,
    /// The time without a write after which records are short again. Default: one second.
    pub idle_reset: Duration,
}

impl Default for DynamicRecordSizing {
    fn default() -> Self {
        let RecordRampUp { record_size, bytes, .. } = RecordRampUp::default();
        Self { short_record: record_size, short_bytes: bytes, idle_reset: Duration::from_secs(1) }
    }
}

impl DynamicRecordSizing {
    /// Returns the part of the setting that the engine implements. The engine has no clock, so
    /// `idle_reset` is not in it.
    pub(crate) fn ramp_up(&self) -> RecordRampUp {
        let mut ramp_up = RecordRampUp::default();
        ramp_up.record_size = self.short_record;
        ramp_up.bytes = self.short_bytes;
        ramp_up
    }
}
