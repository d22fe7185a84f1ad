//! Decoding errors, and the one encoding error.

use core::fmt;

use crate::code_points::{AlertDescription, ExtensionType};

/// Why decoding failed, and in which field.
///
/// The error is small and `Copy`, and contains no bytes of the peer. Fields have the RFC's names,
/// after the message's name.
///
/// ```
/// use strata_tls_codec::{Alert, Fault, decode_all};
///
/// let error = decode_all::<Alert>(&[2]).unwrap_err();
/// assert_eq!(error.fault, Fault::Truncated);
/// assert_eq!(error.at, "Alert.description");
/// assert_eq!(error.to_string(), "Alert.description: truncated");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The fault.
    pub fault: Fault,
    /// The field that was read, such as `"ServerHello.legacy_session_id_echo"`. For
    /// [`Fault::TrailingData`] it is the last field before the surplus bytes.
    pub at: &'static str,
}

impl DecodeError {
    /// Returns the alert with which an endpoint answers the fault. See [`Fault::alert`].
    #[must_use]
    pub const fn alert(&self) -> AlertDescription {
        self.fault.alert()
    }
}

/// A fault of received bytes.
///
/// The enum is exhaustive, so that callers can match each fault without a catch-all arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes end before the structure does.
    Truncated,
    /// A length is outside the bounds of its vector, or not a multiple of the element size (RFC
    /// 9846 §3.4).
    BadLength,
    /// Bytes follow the structure (RFC 9846 §4.3).
    TrailingData,
    /// An extension block contains a type twice (RFC 9846 §4.3).
    DuplicateExtension(ExtensionType),
    /// A recognized extension is not allowed in this message (RFC 9846 §4.3: `illegal_parameter`).
    MisplacedExtension(ExtensionType),
    /// A well-formed field has a value that its RFC forbids (`illegal_parameter`).
    IllegalValue,
}

impl Fault {
    /// Returns the alert with which an endpoint answers the fault: `illegal_parameter` for values
    /// and places that an RFC forbids, otherwise `decode_error` (RFC 9846 §6.2).
    #[must_use]
    pub const fn alert(&self) -> AlertDescription {
        match self {
            Self::Truncated | Self::BadLength | Self::TrailingData | Self::DuplicateExtension(_) => {
                AlertDescription::DECODE_ERROR
            }
            Self::MisplacedExtension(_) | Self::IllegalValue => AlertDescription::ILLEGAL_PARAMETER,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.at.is_empty() {
            write!(f, "{}: ", self.at)?;
        }
        self.fault.fmt(f)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("truncated"),
            Self::BadLength => f.write_str("invalid length"),
            Self::TrailingData => f.write_str("trailing data"),
            Self::DuplicateExtension(typ) => write!(f, "duplicate extension {typ}"),
            Self::MisplacedExtension(typ) => write!(f, "extension {typ} is not allowed in this message"),
            Self::IllegalValue => f.write_str("illegal value"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// The output buffer is full, or a vector is too long for its length field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferFull;

impl fmt::Display for BufferFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("output buffer is full, or a vector is too long for its length field")
    }
}

impl core::error::Error for BufferFull {}
