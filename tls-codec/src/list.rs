//! TLS vectors whose elements are checked once, when the list is decoded.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::{borrow::Borrow, fmt, marker::PhantomData};

use untrusted::Input;

use crate::{
    error::{BufferFull, DecodeError, Fault},
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A TLS vector. Decoding checks every element, so iterating cannot fail.
///
/// It borrows the received bytes and is as cheap to copy as a slice. Elements keep the peer's
/// order.
///
/// ```
/// use strata_tls_codec::{List, NamedGroup, Reader};
///
/// let groups = List::<NamedGroup>::decode_body(Reader::new(&[0x1a, 0x1a, 0x00, 0x1d]))?;
/// assert_eq!(groups.len(), 2);
/// assert!(groups.contains(NamedGroup::X25519));
/// assert!(groups.first().is_some_and(|group| group.is_grease()));
/// assert!(List::<NamedGroup>::decode_body(Reader::new(&[0x00, 0x1d, 0x00])).is_err());
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
pub struct List<'a, T> {
    body: Input<'a>,
    element: PhantomData<T>,
}

impl<'a, T: Decode<'a>> List<'a, T> {
    /// Decodes the body of a vector, without its length, and checks each element.
    ///
    /// # Errors
    /// [`Fault::BadLength`] if elements have a fixed size and the length is not a multiple of it,
    /// or if an element is empty; otherwise the fault of the element.
    #[inline]
    pub fn decode_body(body: Reader<'a>) -> Result<Self, DecodeError> {
        // A constant condition: only one of the branches is compiled.
        if const { T::FIXED_SIZE.is_some() } {
            is_multiple(body, T::FIXED_SIZE)?;
        } else {
            let mut r = body;
            while !r.is_empty() {
                let left = r.len();
                T::decode(&mut r)?;
                // An empty element would never end the loop.
                if r.len() == left {
                    return Err(body.error(Fault::BadLength));
                }
            }
        }
        Ok(Self { body: Input::from(body.peek()), element: PhantomData })
    }

    /// Returns an iterator over the elements in wire order.
    #[inline]
    #[must_use]
    pub fn iter(&self) -> Iter<'a, T> {
        Iter { rest: Reader::new(self.bytes()), element: PhantomData }
    }

    /// Returns the number of elements. Walks the list unless elements have a fixed size.
    #[must_use]
    pub fn len(&self) -> usize {
        match T::FIXED_SIZE {
            Some(size) => self.body.len().checked_div(size).unwrap_or_default(),
            None => self.iter().count(),
        }
    }

    /// Returns the elements in a `Vec`.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        // Not `collect`: its setup is compiled anew for each element type, and these lists are
        // short.
        let mut all = Vec::new();
        for element in self.iter() {
            all.push(element);
        }
        all
    }

    /// Returns the first element, if any.
    #[inline]
    #[must_use]
    pub fn first(&self) -> Option<T> {
        self.iter().next()
    }

    /// Returns whether the list contains `wanted`.
    #[inline]
    #[must_use]
    pub fn contains(&self, wanted: impl Borrow<T>) -> bool
    where
        T: PartialEq,
    {
        self.iter().any(|element| element == *wanted.borrow())
    }
}

fn is_multiple(body: Reader<'_>, size: Option<usize>) -> Result<(), DecodeError> {
    match size.and_then(|size| body.len().checked_rem(size)) {
        Some(0) => Ok(()),
        _ => Err(body.error(Fault::BadLength)),
    }
}

impl<'a, T> List<'a, T> {
    /// Returns an empty list.
    #[must_use]
    pub const fn empty() -> Self {
        Self { body: Input::from(&[]), element: PhantomData }
    }

    /// Returns whether the list is empty.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Returns the encoded elements, without the length before them.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.body.as_slice_less_safe()
    }
}

/// Writes the elements without a length. Use it inside [`Writer::vec8`], [`Writer::vec16`] or
/// [`Writer::vec24`].
impl<T> Encode for List<'_, T> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.bytes(self.bytes())
    }
}

impl<T> Clone for List<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<T> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl<T> Eq for List<'_, T> {}

impl<'a, T: Decode<'a> + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T: Decode<'a>> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    #[inline]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T: Decode<'a>> IntoIterator for &List<'a, T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    #[inline]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// Iterator over a [`List`].
pub struct Iter<'a, T> {
    rest: Reader<'a>,
    element: PhantomData<T>,
}

impl<'a, T: Decode<'a>> Iterator for Iter<'a, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.rest.is_empty() {
            return None;
        }
        // Never an error: `List::decode_body` checked every element.
        T::decode(&mut self.rest).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match T::FIXED_SIZE.and_then(|size| self.rest.len().checked_div(size)) {
            Some(count) => (count, Some(count)),
            None => (0, Some(self.rest.len())),
        }
    }
}

impl<T> Clone for Iter<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        Self { rest: self.rest, element: PhantomData }
    }
}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("bytes_left", &self.rest.len()).finish()
    }
}
