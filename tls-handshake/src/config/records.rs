//! How records are cut, and padded.

/// Short records of application data at first, and again [after a pause](crate::Connection::note_idle).
///
/// A peer can use nothing of a record before its last byte came. While TCP still feels its way, a record of full size takes a
/// dozen segments and may take several round trips; one that fits a segment can be used as soon as that has come. Later the
/// full size costs less, in bytes and in work.
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
    /// The most bytes that a short record has on the wire, all overhead counted.
    pub record_size: usize,
    /// Bytes of application data that go out in short records before they get longer.
    pub bytes: u32,
}

impl Default for RecordRampUp {
    /// Records of 1,348 bytes: a segment on paths with an MTU of 1,420 or more (Ethernet, PPPoE, most tunnels), with the longest
    /// headers that are usual (IPv6, and TCP with timestamps). 64 KiB of them: by then the congestion window, which begins
    /// with some 14 KB (RFC 6928) and doubles with each round trip, holds several records of full size.
    fn default() -> Self {
        Self { record_size: 1420 - 40 - 32, bytes: 0x1_0000 }
    }
}

/// Zeros that hide how long a content is (RFC 9846 §5.4), in TLS 1.3: TLS 1.2 has no place for them.
///
/// Every record that is encrypted has some: data, early data, messages of the handshake, alerts; so they cannot be told apart by
/// their lengths either. How many records there are and when they come still shows: hand over what belongs together at
/// once.
///
/// ```
/// use strata_tls_handshake::config::{ClientConfig, RecordPadding};
///
/// ClientConfig::new().set_record_padding(RecordPadding::ToMultipleOf(512));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordPadding {
    /// None.
    #[default]
    None,
    /// The content of each record is filled up to a multiple of this many bytes, or to all that the record may hold if that is
    /// less: 16,384 make all records equally long. 0 and 1 fill up nothing.
    ToMultipleOf(u16),
}
