//! Reads bytes that a peer sent. All decoding in the crate goes through [`Reader`].

use core::ops::RangeInclusive;

use untrusted::Input;

use crate::error::{DecodeError, Fault};

/// A cursor over bytes from a peer. Reads cannot panic and never copy.
///
/// It carries the name of the current field, set by [`Reader::at`], which every error repeats. A
/// copy of a reader is an independent cursor; copy it to look ahead.
///
/// ```
/// use strata_tls_codec::{Fault, Reader};
///
/// let mut r = Reader::new(&[0, 2, b'h', b'2', 7]);
/// assert_eq!(r.vec16(1..=255, "name")?.rest(), b"h2");
/// assert_eq!(r.at("flags").u8()?, 7);
/// assert_eq!(r.at("more").u8().unwrap_err().fault, Fault::Truncated);
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    // Not an `untrusted::Reader`, which cannot be copied and does not return what is left. One is
    // created for each read; this costs nothing after inlining.
    rest: Input<'a>,
    at: &'static str,
}

impl<'a> Reader<'a> {
    /// Creates a reader at the start of `bytes`.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: Input::from(bytes), at: "" }
    }

    /// Sets the name of the next field, as in `"ServerHello.random"`. Errors carry it.
    #[inline]
    pub const fn at(&mut self, field: &'static str) -> &mut Self {
        self.at = field;
        self
    }

    /// Returns the name of the current field: the last one given to [`Reader::at`] or to a vector.
    /// In the body of a vector it is the vector's name.
    #[inline]
    #[must_use]
    pub const fn context(&self) -> &'static str {
        self.at
    }

    /// Returns whether all bytes were read.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns the number of bytes left.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Returns the bytes left, without reading them.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> &'a [u8] {
        self.rest.as_slice_less_safe()
    }

    /// Reads all bytes left, possibly none.
    #[inline]
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.rest.as_slice_less_safe();
        self.rest = Input::from(&[]);
        rest
    }

    /// Reads `count` bytes.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if fewer are left; none is read then.
    #[inline]
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let mut reader = untrusted::Reader::new(self.rest);
        match reader.read_bytes(count) {
            Ok(head) => {
                self.rest = reader.read_bytes_to_end();
                Ok(head.as_slice_less_safe())
            }
            Err(untrusted::EndOfInput) => Err(self.error(Fault::Truncated)),
        }
    }

    /// Reads `N` bytes.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if fewer are left.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let at = self.at;
        self.bytes(N)?.first_chunk().ok_or(DecodeError { fault: Fault::Truncated, at })
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if none is left.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        let [byte] = *self.array()?;
        Ok(byte)
    }

    /// Reads a `uint16`.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if fewer than two bytes are left.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(*self.array()?))
    }

    /// Reads a `uint24`.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if fewer than three bytes are left.
    #[inline]
    pub fn u24(&mut self) -> Result<u32, DecodeError> {
        let [high, middle, low] = *self.array()?;
        Ok(u32::from_be_bytes([0, high, middle, low]))
    }

    /// Reads a `uint32`.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if fewer than four bytes are left.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(*self.array()?))
    }

    /// Reads a vector with a one-byte length: `T field<bounds>` (RFC 9846 §3.4). The bounds are in
    /// bytes. `at` names the field, as in [`Reader::at`].
    ///
    /// # Errors
    /// [`Fault::BadLength`] if the length is outside the bounds, [`Fault::Truncated`] if the bytes
    /// end first.
    #[inline]
    pub fn vec8(&mut self, bounds: RangeInclusive<usize>, at: &'static str) -> Result<Self, DecodeError> {
        let length = self.at(at).u8()?;
        self.vector(usize::from(length), bounds)
    }

    /// Reads a vector with a two-byte length. See [`Reader::vec8`].
    ///
    /// # Errors
    /// See [`Reader::vec8`].
    #[inline]
    pub fn vec16(&mut self, bounds: RangeInclusive<usize>, at: &'static str) -> Result<Self, DecodeError> {
        let length = self.at(at).u16()?;
        self.vector(usize::from(length), bounds)
    }

    /// Reads a vector with a three-byte length. See [`Reader::vec8`].
    ///
    /// # Errors
    /// See [`Reader::vec8`].
    #[inline]
    pub fn vec24(&mut self, bounds: RangeInclusive<usize>, at: &'static str) -> Result<Self, DecodeError> {
        let length = self.at(at).u24()?;
        let length = usize::try_from(length).map_err(|_| self.error(Fault::BadLength))?;
        self.vector(length, bounds)
    }

    /// Checks that all bytes were read.
    ///
    /// # Errors
    /// [`Fault::TrailingData`] if bytes are left.
    #[inline]
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.is_empty() { Ok(()) } else { Err(self.error(Fault::TrailingData)) }
    }

    /// Returns an error at the current field.
    #[inline]
    #[must_use]
    pub const fn error(&self, fault: Fault) -> DecodeError {
        DecodeError { fault, at: self.at }
    }

    #[inline]
    fn vector(&mut self, length: usize, bounds: RangeInclusive<usize>) -> Result<Self, DecodeError> {
        if length < *bounds.start() || length > *bounds.end() {
            return Err(self.error(Fault::BadLength));
        }
        self.sub(length)
    }

    /// Returns a reader of the next `length` bytes.
    #[inline]
    pub(crate) fn sub(&mut self, length: usize) -> Result<Self, DecodeError> {
        Ok(Self { rest: Input::from(self.bytes(length)?), at: self.at })
    }
}

/// A structure that can be decoded.
///
/// It reads only its own bytes. [`decode_all`] also rejects surplus bytes.
pub trait Decode<'a>: Sized {
    /// The encoded size if it is constant and all byte values are valid; a [`List`](crate::List)
    /// then checks no elements. Must not be `Some(0)`.
    const FIXED_SIZE: Option<usize> = None;

    /// Decodes the structure at the start of `r`, which is then positioned after it.
    ///
    /// # Errors
    /// A [`DecodeError`] that names the field. The position of `r` is then unspecified.
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError>;
}

/// Decodes a structure that occupies all of `bytes`.
///
/// # Errors
/// The decoding error of the structure, or [`Fault::TrailingData`] if bytes follow it.
#[inline]
pub fn decode_all<'a, T: Decode<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let mut r = Reader::new(bytes);
    // One result, changed in place: large messages are not copied.
    let mut result = T::decode(&mut r);
    if result.is_ok()
        && let Err(error) = r.finish()
    {
        result = Err(error);
    }
    result
}
