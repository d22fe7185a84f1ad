//! Reads a message of which the end may be missing.

use super::LenientExtensions;
use crate::{
    code_points::{ExtensionType, ProtocolVersion},
    error::{DecodeError, Fault},
    list::List,
    reader::{Decode, Reader},
};

/// The part of a message that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix<'a, T> {
    /// Version and random are not complete.
    Incomplete {
        /// The minimum number of bytes still needed to complete them.
        need: usize,
    },
    /// The start of a message. Fields after the cut are empty.
    Cut {
        /// The part that is there. The elements of a list and the extensions are those that are
        /// complete.
        received: T,
        /// The first part that is not.
        missing: Missing<'a>,
    },
    /// The whole message.
    Whole(T),
}

impl<T> Prefix<'_, T> {
    /// Returns what was received, possibly without its end.
    #[must_use]
    pub const fn received(&self) -> Option<&T> {
        match self {
            Self::Incomplete { .. } => None,
            Self::Cut { received, .. } | Self::Whole(received) => Some(received),
        }
    }
}

/// Where a message ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing<'a> {
    /// The field with the cut, such as `"ClientHello.extensions"`. Fields after it are missing.
    pub at: &'static str,
    /// The minimum number of bytes still needed to complete the field.
    pub need: usize,
    /// The extension with the cut, if its header is complete, and the data that are there.
    pub extension: Option<(ExtensionType, &'a [u8])>,
}

/// A reader of a message of which only the start may be there. It fails only if the whole message
/// would be malformed.
pub(super) struct Partial<'a> {
    r: Reader<'a>,
    /// The number of bytes of the message after those in `r`.
    beyond: usize,
    missing: Option<Missing<'a>>,
}

impl<'a> Partial<'a> {
    pub(super) fn new(received: &'a [u8], length: usize) -> Self {
        let received = received.get(..length).unwrap_or(received);
        Self { r: Reader::new(received), beyond: length.saturating_sub(received.len()), missing: None }
    }

    /// Reads a message whose end is not missing.
    pub(super) fn whole<T>(
        r: &mut Reader<'a>,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut partial = Self { r: *r, beyond: 0, missing: None };
        let message = read(&mut partial)?;
        *r = partial.r;
        Ok(message)
    }

    pub(super) fn finish<T>(self, message: T) -> Result<Prefix<'a, T>, DecodeError> {
        match self.missing {
            Some(missing) => Ok(Prefix::Cut { received: message, missing }),
            None if self.beyond > 0 => Err(self.r.error(Fault::TrailingData)),
            None => self.r.finish().map(|()| Prefix::Whole(message)),
        }
    }

    /// Returns how many bytes of version and random are missing, if any.
    pub(super) fn missing_start(&self) -> Option<usize> {
        let need = START.saturating_sub(self.r.len());
        (need > 0 && need <= self.beyond).then_some(need)
    }

    /// Reads version and random, which are not missing.
    #[inline]
    pub(super) fn start(
        &mut self,
        version: &'static str,
        random: &'static str,
    ) -> Result<(ProtocolVersion, &'a [u8; 32]), DecodeError> {
        Ok((ProtocolVersion::decode(self.r.at(version))?, self.r.at(random).array()?))
    }

    #[inline]
    pub(super) fn u8(&mut self, at: &'static str) -> Result<Option<u8>, DecodeError> {
        Ok(self.take(1, at)?.first().copied())
    }

    #[inline]
    pub(super) fn u16(&mut self, at: &'static str) -> Result<Option<u16>, DecodeError> {
        Ok(self.take(2, at)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes)))
    }

    #[inline]
    pub(super) fn vec8(&mut self, at: &'static str) -> Result<&'a [u8], DecodeError> {
        match self.u8(at)? {
            Some(length) => self.take(usize::from(length), at),
            None => Ok(&[]),
        }
    }

    #[inline]
    pub(super) fn list16<T: Decode<'a>>(&mut self, at: &'static str) -> Result<List<'a, T>, DecodeError> {
        let size = T::FIXED_SIZE.unwrap_or(1);
        let Some(length) = self.u16(at)? else { return Ok(List::empty()) };
        if usize::from(length).checked_rem(size) != Some(0) {
            return Err(self.r.error(Fault::BadLength));
        }
        let body = self.take(usize::from(length), at)?;
        let whole = body.len().saturating_sub(body.len().checked_rem(size).unwrap_or_default());
        List::decode_body(*Reader::new(body.get(..whole).unwrap_or_default()).at(at))
    }

    /// Reads an extension block, which may be absent at the end of the message.
    pub(super) fn extensions(&mut self, at: &'static str) -> Result<LenientExtensions<'a>, DecodeError> {
        if self.missing.is_some() || (self.r.is_empty() && self.beyond == 0) {
            return Ok(LenientExtensions::ABSENT);
        }
        let Some(length) = self.u16(at)? else { return Ok(LenientExtensions::ABSENT) };
        let block = self.take(usize::from(length), at)?;
        let need = usize::from(length).saturating_sub(block.len());
        if need < self.beyond {
            return Err(self.r.error(Fault::TrailingData));
        }
        let mut r = *Reader::new(block).at(at);
        let mut whole = 0_usize;
        while !r.is_empty() {
            let Ok([t1, t0, l1, l0]) = r.array() else {
                // The end of the block cuts the header, not the end of what was received.
                if r.len().saturating_add(need) < 4 {
                    return Err(r.error(Fault::Truncated));
                }
                break;
            };
            let length = usize::from(u16::from_be_bytes([*l1, *l0]));
            if length > r.len() {
                if length > r.len().saturating_add(need) {
                    return Err(r.error(Fault::Truncated));
                }
                if let Some(missing) = &mut self.missing {
                    missing.extension = Some((ExtensionType(u16::from_be_bytes([*t1, *t0])), r.rest()));
                }
                break;
            }
            r.bytes(length)?;
            whole = block.len().saturating_sub(r.len());
        }
        Ok(LenientExtensions::checked(block.get(..whole).unwrap_or_default()))
    }

    /// Reads `count` bytes, or those that are there.
    #[inline]
    fn take(&mut self, count: usize, at: &'static str) -> Result<&'a [u8], DecodeError> {
        if self.missing.is_some() {
            return Ok(&[]);
        }
        self.r.at(at);
        match count.saturating_sub(self.r.len()) {
            0 => self.r.bytes(count),
            need if need <= self.beyond => {
                self.missing = Some(Missing { at, need, extension: None });
                Ok(self.r.rest())
            }
            _ => Err(self.r.error(Fault::Truncated)),
        }
    }
}

/// The length of version and random in bytes.
const START: usize = 34;
