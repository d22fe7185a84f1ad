//! Settings for the size and the padding of records. `record/size_and_padding` applies them.

/// Short records of application data at first, and again [after a
/// pause](crate::Connection::note_idle).
///
/// A peer cannot decrypt a record before its last byte arrives. While the TCP congestion window is
/// small, a full record takes a dozen segments and possibly several round trips. A record that fits
/// one segment can be used when that arrives. Later, full records cost fewer bytes and less work.
///
/// ```
/// let mut ramp_up = strata_tls_handshake::config::RecordRampUp::default();
/// ramp_up.bytes = 128 * 1024;
/// let mut config = strata_tls_handshake::config::ServerConfig::new();
/// config.set_record_ramp_up(Some(ramp_up))?;
/// # Ok::<(), strata_tls_handshake::config::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordRampUp {
    /// Maximum size of a short record on the wire, in bytes, including all overhead.
    pub record_size: usize,
    /// Bytes of application data to send in short records.
    pub bytes: u32,
}

impl Default for RecordRampUp {
    /// Records of 1,348 bytes, for 64 KiB of data.
    ///
    /// The size fits one segment on paths with an MTU of at least 1,420 (Ethernet, PPPoE, most
    /// tunnels) and the longest usual headers (IPv6, TCP with timestamps). The congestion window
    /// starts at about 14 KB (RFC 6928) and doubles with each round trip. After 64 KiB it holds
    /// several full records.
    fn default() -> Self {
        Self { record_size: 1420 - 40 - 32, bytes: 0x1_0000 }
    }
}

/// Zeros that hide the length of the content of TLS 1.3 records (RFC 9846 §5.4). TLS 1.2 has no
/// padding.
///
/// All encrypted records are padded: data, early data, handshake messages and alerts. Their lengths
/// do not distinguish them. The number and timing of records remain visible, so pass data that
/// belongs together to one call.
///
/// ```
/// use strata_tls_handshake::config::{ClientConfig, RecordPadding};
///
/// ClientConfig::new().set_record_padding(RecordPadding::ToMultipleOf(512));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordPadding {
    /// No padding.
    #[default]
    None,
    /// Pads the content of each record to a multiple of this many bytes, or to the capacity of the
    /// record if that is less. 16,384 makes all records equally long. 0 and 1 add no padding.
    ToMultipleOf(u16),
}
