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

/// An extension block, whose lengths are right and which holds no type twice. What is in the extensions is not checked
/// by this type; the messages do that for those they know.
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
    /// `None` where old messages end without a block, so that they encode as they came.
    block: Option<Input<'a>>,
}

impl<'a> Extensions<'a> {
    /// No block at all, as in the hellos of the oldest clients.
    pub const ABSENT: Self = Self { block: None };

    /// Whether the message ended before its block.
    #[inline]
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        self.block.is_none()
    }

    /// Whether there is no extension.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// The block as it came, without the length before it.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.block.map(|block| block.as_slice_less_safe()).unwrap_or_default()
    }

    /// Each extension with its data, in the order of the wire; unknown and GREASE ones too.
    #[inline]
    #[must_use]
    pub fn iter(&self) -> ExtensionsIter<'a> {
        ExtensionsIter { rest: Reader::new(self.bytes()) }
    }

    /// The data of an extension. Walks the block.
    #[inline]
    #[must_use]
    pub fn find(&self, wanted: ExtensionType) -> Option<&'a [u8]> {
        self.iter().find(|(typ, _)| *typ == wanted).map(|(_, data)| data)
    }

    /// Reads an extension, if it is there. Walks the block.
    ///
    /// # Errors
    /// What is wrong with its data.
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

/// Walks [`Extensions`].
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
        // `walk` has been here before, so that neither is ever an error.
        let typ = ExtensionType::decode(&mut self.rest).ok()?;
        let data = self.rest.vec16(0..=0xffff, "").ok()?;
        Some((typ, data.peek()))
    }
}

/// Goes once over the body of a block: checks its lengths, refuses a type that comes twice, and hands each extension to
/// `each`.
pub(crate) fn walk<'a>(
    block: Reader<'a>,
    each: &mut dyn FnMut(ExtensionType, Reader<'a>) -> Result<(), DecodeError>,
) -> Result<Extensions<'a>, DecodeError> {
    walk_inlined(block, each)
}

/// As [`walk`], compiled with what is done for each: for ClientHello, whose decoding it is the most of.
#[inline]
pub(crate) fn walk_inlined<'a>(
    block: Reader<'a>,
    mut each: impl FnMut(ExtensionType, Reader<'a>) -> Result<(), DecodeError>,
) -> Result<Extensions<'a>, DecodeError> {
    let mut r = block;
    let mut seen = Seen::default();
    while !r.is_empty() {
        // Type and length in one read: this loop is most of the time that a ClientHello takes.
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

/// The types that a block has shown so far. The registered ones are below 64, and a peer sends few others: a scan of a
/// small array suffices. A peer that sends more gets a bitmap, so that its block costs no more than its length.
#[derive(Default)]
struct Seen {
    low: u64,
    high: [u16; 8],
    high_count: usize,
    checked_by_bitmap: bool,
}

impl Seen {
    /// Gives the type that is there twice, if one is.
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

/// Looks for duplicates in the whole of a block at once.
#[cold]
#[inline(never)]
fn find_duplicate(block: Reader<'_>) -> Option<ExtensionType> {
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
