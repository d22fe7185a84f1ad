//! `max_fragment_length` (RFC 6066 §4).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// The maximum plaintext of a record in both directions, requested by the client and accepted by
/// the server.
///
/// Undefined codes are preserved. A server that negotiates `record_size_limit` ignores them (RFC
/// 8449 §5); other servers reject them "with an `illegal_parameter` alert".
///
/// ```
/// use strata_tls_codec::extension::MaxFragmentLength;
///
/// assert_eq!(MaxFragmentLength::of(1024), Some(MaxFragmentLength(2)));
/// assert_eq!(MaxFragmentLength(2).bytes(), Some(1024));
/// assert_eq!(MaxFragmentLength(5).bytes(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaxFragmentLength(pub u8);

impl MaxFragmentLength {
    /// Returns the code for this many bytes: 512, 1024, 2048 or 4096.
    #[must_use]
    pub const fn of(bytes: u16) -> Option<Self> {
        match bytes {
            512 => Some(Self(1)),
            1024 => Some(Self(2)),
            2048 => Some(Self(3)),
            4096 => Some(Self(4)),
            _ => None,
        }
    }

    /// Returns the length in bytes, or `None` for an undefined code.
    #[must_use]
    pub const fn bytes(self) -> Option<u16> {
        match self.0 {
            1 => Some(512),
            2 => Some(1024),
            3 => Some(2048),
            4 => Some(4096),
            _ => None,
        }
    }

    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.u8(self.0))
    }
}

impl Extension for MaxFragmentLength {
    const TYPE: ExtensionType = ExtensionType::MAX_FRAGMENT_LENGTH;
    type View<'a> = Self;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("max_fragment_length").u8().map(Self)
    }
}
