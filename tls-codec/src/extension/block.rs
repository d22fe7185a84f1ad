//! The block that holds the extensions of a message (RFC 9846 §4.3).

use core::fmt;

use untrusted::Input;

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError, Fault},
    extension::{Extension, view},
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// An extension block with valid lengths and no duplicate types. It does not check the extensions'
/// data; each message does that for the extensions it supports.
///
/// ```
/// use strata_tls_codec::{ExtensionType, Extensions, decode_all};
///
/// let block: Extensions<'_> = decode_all(&[0, 9, 0x1a, 0x1a, 0, 0, 0, 28, 0, 1, 7])?;
/// assert_eq!(block.find(ExtensionType::RECORD_SIZE_LIMIT), Some(&[7][..]));
/// assert_eq!(block.iter().count(), 2);
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Extensions<'a> {
    /// `None` if an old message ends without a block, so that it encodes to the same bytes.
    block: Option<Input<'a>>,
}

impl<'a> Extensions<'a> {
    /// No extension block, as in the ClientHello of the oldest clients.
    pub const ABSENT: Self = Self { block: None };

    /// A block whose lengths are valid, but which may contain a type twice.
    pub(crate) const fn unchecked(bytes: &'a [u8]) -> Self {
        Self { block: Some(Input::from(bytes)) }
    }

    /// Returns whether the message ended without a block.
    #[inline]
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        self.block.is_none()
    }

    /// Returns whether there are no extensions.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Returns the encoded block, without the length before it.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.block.map(|block| block.as_slice_less_safe()).unwrap_or_default()
    }

    /// Returns an iterator over the extensions and their data in wire order, including unknown and
    /// GREASE ones.
    #[inline]
    #[must_use]
    pub fn iter(&self) -> ExtensionsIter<'a> {
        ExtensionsIter { rest: Reader::new(self.bytes()) }
    }

    /// Returns the data of an extension. Walks the block.
    #[inline]
    #[must_use]
    pub fn find(&self, wanted: ExtensionType) -> Option<&'a [u8]> {
        self.iter().find(|(typ, _)| *typ == wanted).map(|(_, data)| data)
    }

    /// Decodes an extension, if present. Walks the block.
    ///
    /// # Errors
    /// The decoding error of its data.
    pub fn get<E: Extension>(&self) -> Result<Option<E::View<'a>>, DecodeError> {
        self.find(E::TYPE).map(|data| view::<E>(Reader::new(data))).transpose()
    }
}

impl<'a> Decode<'a> for Extensions<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        walk(r.vec16(0..=0xffff, "extensions")?, &mut |_, _| Ok(()))
    }
}

/// Writes the block with its length, or nothing if it is absent.
impl Encode for Extensions<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        match self.block {
            Some(block) => w.vec16_bytes(block.as_slice_less_safe()),
            None => Ok(()),
        }
    }
}

impl PartialEq for Extensions<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.is_absent() == other.is_absent() && self.bytes() == other.bytes()
    }
}

impl Eq for Extensions<'_> {}

impl fmt::Debug for Extensions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(typ, _)| typ)).finish()
    }
}

impl<'a> IntoIterator for Extensions<'a> {
    type Item = (ExtensionType, &'a [u8]);
    type IntoIter = ExtensionsIter<'a>;

    fn into_iter(self) -> ExtensionsIter<'a> {
        self.iter()
    }
}

/// Iterator over [`Extensions`].
#[derive(Clone, Debug)]
pub struct ExtensionsIter<'a> {
    rest: Reader<'a>,
}

impl<'a> Iterator for ExtensionsIter<'a> {
    type Item = (ExtensionType, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        // Never an error: `walk` checked the block.
        let typ = ExtensionType::decode(&mut self.rest).ok()?;
        let data = self.rest.vec16(0..=0xffff, "").ok()?;
        Some((typ, data.peek()))
    }
}

/// Reads the body of a block once: checks lengths, rejects duplicate types, and passes each
/// extension to `each`.
pub(crate) fn walk<'a>(
    block: Reader<'a>,
    each: &mut dyn FnMut(ExtensionType, Reader<'a>) -> Result<(), DecodeError>,
) -> Result<Extensions<'a>, DecodeError> {
    walk_inlined(block, each)
}

/// As [`walk`], with `each` inlined: used for ClientHello, where this loop takes most of the
/// decoding time.
#[inline]
pub(crate) fn walk_inlined<'a>(
    block: Reader<'a>,
    mut each: impl FnMut(ExtensionType, Reader<'a>) -> Result<(), DecodeError>,
) -> Result<Extensions<'a>, DecodeError> {
    let mut r = block;
    let mut seen = Seen::default();
    while !r.is_empty() {
        // Type and length in one read, for speed.
        let [t1, t0, l1, l0] = *r.array()?;
        let typ = ExtensionType(u16::from_be_bytes([t1, t0]));
        let data = r.sub(usize::from(u16::from_be_bytes([l1, l0])))?;
        if let Some(duplicate) = seen.insert(typ, block) {
            return Err(block.error(Fault::DuplicateExtension(duplicate)));
        }
        each(typ, data)?;
    }
    Ok(Extensions { block: Some(Input::from(block.peek())) })
}

/// The types seen so far in a block. Registered types are below 64, and a peer sends few others, so
/// those go into a small array that is scanned. If it overflows, one pass with a bitmap checks the
/// whole block, so the cost stays linear.
#[derive(Default)]
struct Seen {
    low: u64,
    high: [u16; 8],
    high_count: usize,
    checked_by_bitmap: bool,
}

impl Seen {
    /// Adds a type; returns the duplicate type, if any.
    #[inline]
    fn insert(&mut self, typ: ExtensionType, block: Reader<'_>) -> Option<ExtensionType> {
        if typ.0 >= 64 {
            return self.insert_high(typ, block);
        }
        let bit = 1_u64.wrapping_shl(u32::from(typ.0));
        let duplicate = self.low & bit != 0;
        self.low |= bit;
        duplicate.then_some(typ)
    }

    fn insert_high(&mut self, typ: ExtensionType, block: Reader<'_>) -> Option<ExtensionType> {
        if self.checked_by_bitmap {
            return None;
        }
        if self.high.iter().take(self.high_count).any(|seen| *seen == typ.0) {
            return Some(typ);
        }
        if let Some(free) = self.high.get_mut(self.high_count) {
            *free = typ.0;
            self.high_count = self.high_count.saturating_add(1);
            return None;
        }
        self.checked_by_bitmap = true;
        find_duplicate(block)
    }
}

/// Finds a duplicate type in a whole block.
#[cold]
#[inline(never)]
pub(crate) fn find_duplicate(block: Reader<'_>) -> Option<ExtensionType> {
    let mut bitmap = [0_u64; 1024];
    for (typ, _) in (ExtensionsIter { rest: block }) {
        let bit = 1_u64.wrapping_shl(u32::from(typ.0 % 64));
        let word = bitmap.get_mut(usize::from(typ.0 / 64))?;
        if *word & bit != 0 {
            return Some(typ);
        }
        *word |= bit;
    }
    None
}
