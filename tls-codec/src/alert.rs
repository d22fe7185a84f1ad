//! Alerts (RFC 9846 §6).

use core::fmt;

use crate::{
    code_points::{AlertDescription, AlertLevel, ContentType},
    error::{BufferFull, DecodeError},
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// An alert: the whole content of an alert record (RFC 9846 §5.1).
///
/// ```
/// use strata_tls_codec::{Alert, AlertDescription, Encode, Writer, decode_all};
///
/// let mut storage = [0; 2];
/// let mut w = Writer::new(&mut storage);
/// Alert::fatal(AlertDescription::HANDSHAKE_FAILURE).encode(&mut w)?;
/// assert_eq!(w.written(), [2, 40]);
/// assert_eq!(decode_all::<Alert>(&[1, 0]), Ok(Alert::close_notify()));
/// # Ok::<(), strata_tls_codec::BufferFull>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The severity. TLS 1.3 ignores it (RFC 9846 §6).
    pub level: AlertLevel,
    /// The reason.
    pub description: AlertDescription,
}

impl Alert {
    /// Returns an error alert.
    #[inline]
    #[must_use]
    pub const fn fatal(description: AlertDescription) -> Self {
        Self { level: AlertLevel::FATAL, description }
    }

    /// Returns an alert of level `warning`: a closure alert, or `no_renegotiation` in TLS 1.2.
    #[inline]
    #[must_use]
    pub const fn warning(description: AlertDescription) -> Self {
        Self { level: AlertLevel::WARNING, description }
    }

    /// Returns `close_notify`: the sender will send no more data (RFC 9846 §6.1).
    #[inline]
    #[must_use]
    pub const fn close_notify() -> Self {
        Self::warning(AlertDescription::CLOSE_NOTIFY)
    }

    /// Returns the encoded alert.
    #[inline]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 2] {
        [self.level.0, self.description.0]
    }

    /// Returns an unencrypted record with the alert, for the answer to a ClientHello.
    #[inline]
    #[must_use]
    pub const fn to_record(self) -> [u8; 7] {
        [ContentType::ALERT.0, 3, 3, 0, 2, self.level.0, self.description.0]
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} alert {}", self.level, self.description)
    }
}

impl<'a> Decode<'a> for Alert {
    #[inline]
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            level: AlertLevel::decode(r.at("Alert.level"))?,
            description: AlertDescription::decode(r.at("Alert.description"))?,
        })
    }
}

impl Encode for Alert {
    #[inline]
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.bytes(&self.to_bytes())
    }
}
