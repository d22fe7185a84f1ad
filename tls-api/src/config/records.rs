//! How records are cut and padded: the settings that both sides have, documented once, and the clock that tells a pause.

use std::time::{Duration, Instant};

use tls_handshake::{ConfigError, RecordPadding, RecordRampUp};

use crate::{ClientConfig, ServerConfig};

/// Short records at first, and again after a pause; full ones in between.
///
/// A peer can use nothing of a record before its last byte came. While TCP still feels its way, a record of full size takes a
/// dozen segments and may take several round trips; one that fits a segment can be used as soon as that has come, so that a
/// browser begins with the head of a page earlier. Later the full size costs less, in bytes and in work.
///
/// ```
/// use std::time::Duration;
/// use strata_tls::{ClientConfig, DynamicRecordSizing};
///
/// let mut sizing = DynamicRecordSizing::default();
/// sizing.pause = Duration::from_millis(300);
/// let mut config = ClientConfig::new();
/// config.set_dynamic_record_sizing(Some(sizing))?;
/// # Ok::<(), strata_tls::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DynamicRecordSizing {
    /// The most bytes that a short record has on the wire, all overhead counted: 1,348, which fit a segment on paths with an
    /// MTU of 1,420 or more.
    pub short_record: usize,
    /// Bytes of plaintext that go out in short records before they get longer: 64 KiB, by when TCP has several round trips
    /// behind it.
    pub short_bytes: u32,
    /// How long nothing was written when the next records are short again: a second.
    pub pause: Duration,
}

impl Default for DynamicRecordSizing {
    fn default() -> Self {
        let RecordRampUp { record_size, bytes, .. } = RecordRampUp::default();
        Self { short_record: record_size, short_bytes: bytes, pause: Duration::from_secs(1) }
    }
}

impl DynamicRecordSizing {
    /// What of it is the engine's, which has no clock.
    fn ramp_up(&self) -> RecordRampUp {
        let mut ramp_up = RecordRampUp::default();
        ramp_up.record_size = self.short_record;
        ramp_up.bytes = self.short_bytes;
        ramp_up
    }
}

macro_rules! record_settings {
    ($config:ty) => {
        impl $config {
            /// The most bytes that a record we send has on the wire, all overhead counted, so that it can be fitted to a path's
            /// MTU; `None` for the largest that TLS knows.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`].
            pub fn set_max_fragment_size(&mut self, bytes: Option<usize>) -> Result<(), ConfigError> {
                self.engine_mut().set_max_fragment_size(bytes)
            }

            /// Sets the largest record to receive, in bytes of plaintext, counting the content type and the
            /// padding of TLS 1.3: from 64 to 16,385, which is no limit. Peers that support record_size_limit
            /// (RFC 8449) send no longer ones, and one that does is refused with record_overflow.
            ///
            /// A client offers the extension if this is set. A server answers those that offer it in any case,
            /// and [max_fragment_length](crate::ClientConfig::set_max_fragment_length) too; both keep to the
            /// peer's limit without a setting. [`Session::record_limits`](crate::Session::record_limits) returns
            /// what was negotiated. Default: `None`.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`].
            pub fn set_record_size_limit(&mut self, bytes: Option<u16>) -> Result<(), ConfigError> {
                self.engine_mut().set_record_size_limit(bytes)
            }

            /// Short records at first, and again after a pause, for peers that want to use the first of an answer soon. `None`, unless
            /// this says otherwise: all are as long as they [can be](Self::set_max_fragment_size), as suits bulk data.
            ///
            /// Data that was written before the handshake's end is sent so as well, early data (0-RTT) is not. A `write` reads the
            /// system's monotonic clock once, to tell a pause; it is none while earlier bytes still wait for the transport.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`] for records that are too short, or longer than TLS knows.
            pub fn set_dynamic_record_sizing(
                &mut self,
                sizing: Option<DynamicRecordSizing>,
            ) -> Result<(), ConfigError> {
                self.engine_mut().set_record_ramp_up(sizing.as_ref().map(DynamicRecordSizing::ramp_up))?;
                self.set_pause(sizing.map(|sizing| sizing.pause));
                Ok(())
            }

            /// Whether the records that we encrypt are padded with zeros (TLS 1.3; TLS 1.2 has no place for them), so that their lengths
            /// tell less of what is in them: not unless this says so. Everything is padded: data, early data, the handshake from
            /// EncryptedExtensions on, alerts.
            ///
            /// The padding goes over the wire. In [what is held for sending](crate::Session::set_buffer_limit) it counts once it is
            /// there: the last record may exceed the limit by what is less than a block. What a server allows of early data
            /// it uses up.
            ///
            /// ```
            /// use strata_tls::{ClientConfig, RecordPadding};
            ///
            /// ClientConfig::new().set_record_padding(RecordPadding::ToMultipleOf(512));
            /// ```
            pub fn set_record_padding(&mut self, padding: RecordPadding) {
                self.engine_mut().set_record_padding(padding);
            }
        }
    };
}

record_settings!(ClientConfig);
record_settings!(ServerConfig);

/// When the application wrote last, where that counts.
#[derive(Default)]
pub(crate) struct LastWrite(Option<Instant>);

impl LastWrite {
    /// Notes a write, and tells whether there was such a pause before it.
    pub(crate) fn follows(&mut self, pause: Duration) -> bool {
        let now = Instant::now();
        self.0.replace(now).is_some_and(|last| now.saturating_duration_since(last) >= pause)
    }
}
