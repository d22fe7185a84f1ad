//! What can be wrong with received bytes, and the one way in which writing fails.

use core::fmt;

use crate::code_points::ExtensionType;

/// Why bytes were refused, and where.
///
/// Small and `Copy`: it holds no bytes of the peer. The field is named as in the RFC, the message first.
///
/// ```
/// use strata_tls_codec::{Alert, Fault, decode_all};
///
/// let error = decode_all::<Alert>(&[2]).unwrap_err();
/// assert_eq!(error.fault, Fault::Truncated);
/// assert_eq!(error.at, "Alert.description");
/// assert_eq!(error.to_string(), "Alert.description: the bytes end before the field does");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub fault: Fault,
    /// The field that was being read, such as `"ServerHello.legacy_session_id_echo"`. For [`Fault::TrailingData`] it is
    /// the last field, which the surplus follows.
    pub at: &'static str,
}

/// What is wrong with received bytes.
///
/// The enum is exhaustive on purpose, so that a caller can map each fault to its alert without a catch-all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes end before the structure does.
    Truncated,
    /// A length lies outside the bounds of its vector, or is no multiple of its elements (RFC 9846 §3.4).
    BadLength,
    /// Bytes are left over after the structure (RFC 9846 §4.3).
    TrailingData,
    /// An extension block holds a type twice (RFC 9846 §4.3).
    DuplicateExtension(ExtensionType),
    /// An extension is recognised, but not allowed in this message (RFC 9846 §4.3: `illegal_parameter`).
    MisplacedExtension(ExtensionType),
    /// A field is well-formed, but has a value that its RFC forbids (`illegal_parameter`).
    IllegalValue,
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
            Self::Truncated => f.write_str("the bytes end before the field does"),
            Self::BadLength => f.write_str("the length is not one that this field may have"),
            Self::TrailingData => f.write_str("there are bytes left over after it"),
            Self::DuplicateExtension(typ) => write!(f, "the extension {typ} appears twice"),
            Self::MisplacedExtension(typ) => write!(f, "the extension {typ} may not appear in this message"),
            Self::IllegalValue => f.write_str("the value is one that the RFC forbids here"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// The encoder ran out of room, or a vector outgrew the length field in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferFull;

impl fmt::Display for BufferFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the output buffer is full, or a vector is too long for its length field")
    }
}

impl core::error::Error for BufferFull {}
