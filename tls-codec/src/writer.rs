//! Writes structures and fills in their length prefixes.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::{
    code_points::{ExtensionType, HandshakeType},
    error::BufferFull,
};

/// Writes to a slice, or appends to a `Vec`.
///
/// A closure writes the body of a vector, and the length is filled in when it returns. A body too
/// long for its length field is an error; the length is never truncated. A call that fails removes
/// what it wrote itself and leaves earlier output.
///
/// ```
/// use strata_tls_codec::Writer;
///
/// let mut storage = [0; 8];
/// let mut w = Writer::new(&mut storage);
/// w.vec16(|w| w.vec8(|w| w.bytes(b"h2")))?;
/// assert_eq!(w.written(), [0, 3, 2, b'h', b'2']);
/// assert!(w.bytes(b"too long").is_err());
/// assert_eq!(w.len(), 5);
/// # Ok::<(), strata_tls_codec::BufferFull>(())
/// ```
#[derive(Debug)]
pub struct Writer<'b>(Target<'b>);

#[derive(Debug)]
enum Target<'b> {
    Slice {
        buffer: &'b mut [u8],
        len: usize,
    },
    #[cfg(feature = "alloc")]
    Vec {
        out: &'b mut Vec<u8>,
        start: usize,
    },
}

impl<'b> Writer<'b> {
    /// Creates a writer that writes to `buffer`, from its start to its end.
    #[inline]
    #[must_use]
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self(Target::Slice { buffer, len: 0 })
    }

    /// Creates a writer that appends to `out`, which grows as needed. The earlier content of `out`
    /// is neither read nor changed.
    #[cfg(feature = "alloc")]
    #[inline]
    #[must_use]
    pub const fn append(out: &'b mut Vec<u8>) -> Self {
        let start = out.len();
        Self(Target::Vec { out, start })
    }

    /// Returns the number of bytes written through this writer.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Target::Slice { len, .. } => *len,
            #[cfg(feature = "alloc")]
            Target::Vec { out, start } => out.len().saturating_sub(*start),
        }
    }

    /// Returns whether nothing was written through this writer yet.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes written through this writer.
    #[inline]
    #[must_use]
    pub fn written(&self) -> &[u8] {
        match &self.0 {
            Target::Slice { buffer, len } => buffer.get(..*len).unwrap_or_default(),
            #[cfg(feature = "alloc")]
            Target::Vec { out, start } => out.get(*start..).unwrap_or_default(),
        }
    }

    /// Writes `bytes`.
    ///
    /// # Errors
    /// [`BufferFull`] if they do not fit; none is written then.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), BufferFull> {
        match &mut self.0 {
            Target::Slice { buffer, len } => {
                let end = len.checked_add(bytes.len()).ok_or(BufferFull)?;
                buffer.get_mut(*len..end).ok_or(BufferFull)?.copy_from_slice(bytes);
                *len = end;
            }
            #[cfg(feature = "alloc")]
            Target::Vec { out, .. } => out.extend_from_slice(bytes),
        }
        Ok(())
    }

    /// Writes one byte.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    #[inline]
    pub fn u8(&mut self, value: u8) -> Result<(), BufferFull> {
        self.bytes(&[value])
    }

    /// Writes a `uint16`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    #[inline]
    pub fn u16(&mut self, value: u16) -> Result<(), BufferFull> {
        self.bytes(&value.to_be_bytes())
    }

    /// Writes a `uint24`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room, or if `value` does not fit 24 bits.
    #[inline]
    pub fn u24(&mut self, value: u32) -> Result<(), BufferFull> {
        match value.to_be_bytes() {
            [0, low @ ..] => self.bytes(&low),
            _ => Err(BufferFull),
        }
    }

    /// Writes a `uint32`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    #[inline]
    pub fn u32(&mut self, value: u32) -> Result<(), BufferFull> {
        self.bytes(&value.to_be_bytes())
    }

    /// Writes structures one after another.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room for all; none is written then.
    pub fn each<T: Encode>(&mut self, items: &[T]) -> Result<(), BufferFull> {
        self.whole(|w| {
            for item in items {
                item.encode(w)?;
            }
            Ok(())
        })
    }

    /// Writes a one-byte length and the body that `body` writes.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the body is longer than 255 bytes; or what `body`
    /// returns.
    #[inline]
    pub fn vec8(&mut self, body: impl FnOnce(&mut Self) -> Result<(), BufferFull>) -> Result<(), BufferFull> {
        self.prefixed::<1, 1>([0; 1], body)
    }

    /// Writes a two-byte length and the body that `body` writes.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the body is longer than 65,535 bytes; or what `body`
    /// returns.
    #[inline]
    pub fn vec16(&mut self, body: impl FnOnce(&mut Self) -> Result<(), BufferFull>) -> Result<(), BufferFull> {
        self.prefixed::<2, 2>([0; 2], body)
    }

    /// Writes a three-byte length and the body that `body` writes.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the body is longer than 16,777,215 bytes; or what
    /// `body` returns.
    #[inline]
    pub fn vec24(&mut self, body: impl FnOnce(&mut Self) -> Result<(), BufferFull>) -> Result<(), BufferFull> {
        self.prefixed::<3, 3>([0; 3], body)
    }

    /// Writes a one-byte length and `body`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or `body` is longer than 255 bytes; nothing is written
    /// then.
    #[inline]
    pub fn vec8_bytes(&mut self, body: &[u8]) -> Result<(), BufferFull> {
        self.vec8(copied(body))
    }

    /// Writes a two-byte length and `body`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or `body` is longer than 65,535 bytes; nothing is written
    /// then.
    #[inline]
    pub fn vec16_bytes(&mut self, body: &[u8]) -> Result<(), BufferFull> {
        self.vec16(copied(body))
    }

    /// Writes a three-byte length and `body`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or `body` is longer than 16,777,215 bytes; nothing is
    /// written then.
    #[inline]
    pub fn vec24_bytes(&mut self, body: &[u8]) -> Result<(), BufferFull> {
        self.vec24(copied(body))
    }

    /// Writes a one-byte length and `items`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the items are longer than 255 bytes; nothing is
    /// written then.
    #[inline]
    pub fn vec8_each<T: Encode>(&mut self, items: &[T]) -> Result<(), BufferFull> {
        self.vec8(listed(items))
    }

    /// Writes a two-byte length and `items`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the items are longer than 65,535 bytes; nothing is
    /// written then.
    #[inline]
    pub fn vec16_each<T: Encode>(&mut self, items: &[T]) -> Result<(), BufferFull> {
        self.vec16(listed(items))
    }

    /// Writes an extension: its type, its length and the data that `data` writes (RFC 9846 §4.3).
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the data is longer than 65,535 bytes; or what `data`
    /// returns.
    pub fn extension(
        &mut self,
        typ: ExtensionType,
        data: impl FnOnce(&mut Self) -> Result<(), BufferFull>,
    ) -> Result<(), BufferFull> {
        let [high, low] = typ.0.to_be_bytes();
        self.prefixed::<4, 2>([high, low, 0, 0], data)
    }

    /// Writes an extension: its type, its length and `data`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or `data` is longer than 65,535 bytes; nothing is written
    /// then.
    pub fn extension_bytes(&mut self, typ: ExtensionType, data: &[u8]) -> Result<(), BufferFull> {
        self.extension(typ, copied(data))
    }

    /// Writes a handshake message: its type, its length and the body that `body` writes (RFC 9846
    /// §4).
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the body is longer than 16,777,215 bytes; or what
    /// `body` returns.
    pub fn message(
        &mut self,
        typ: HandshakeType,
        body: impl FnOnce(&mut Self) -> Result<(), BufferFull>,
    ) -> Result<(), BufferFull> {
        self.prefixed::<4, 3>([typ.0, 0, 0, 0], body)
    }

    /// Runs `write`, and removes all that it wrote if it fails.
    ///
    /// # Errors
    /// The error of `write`.
    #[inline]
    pub fn whole(&mut self, write: impl FnOnce(&mut Self) -> Result<(), BufferFull>) -> Result<(), BufferFull> {
        let start = self.len();
        let result = write(self);
        if result.is_err() {
            self.truncate(start);
        }
        result
    }

    /// Writes `head` and the body that `body` writes. The last `N` bytes of `head` are replaced by
    /// the body's length.
    fn prefixed<const HEAD: usize, const N: usize>(
        &mut self,
        head: [u8; HEAD],
        body: impl FnOnce(&mut Self) -> Result<(), BufferFull>,
    ) -> Result<(), BufferFull> {
        // The room for the head is checked at the end. This function is compiled for each body, so
        // it is kept small and without branches.
        let opened = self.open(head);
        let written = body(self);
        self.close::<HEAD, N>(opened, written)
    }

    /// Writes `head`; returns where it starts and whether it fits.
    fn open<const HEAD: usize>(&mut self, head: [u8; HEAD]) -> (usize, Result<(), BufferFull>) {
        (self.len(), self.bytes(&head))
    }

    /// Finishes what `open` started: fills in the length, or removes everything written.
    #[inline(never)]
    fn close<const HEAD: usize, const N: usize>(
        &mut self,
        (start, opened): (usize, Result<(), BufferFull>),
        written: Result<(), BufferFull>,
    ) -> Result<(), BufferFull> {
        let closed = opened.and(written).and_then(|()| self.fill_in::<N>(start.saturating_add(HEAD)));
        if closed.is_err() {
            self.truncate(start);
        }
        closed
    }

    /// Writes the length of the body at `start` into the `N` bytes before it.
    fn fill_in<const N: usize>(&mut self, start: usize) -> Result<(), BufferFull> {
        let (head, body) = self.written_mut().split_at_mut_checked(start).ok_or(BufferFull)?;
        let prefix = head.last_chunk_mut::<N>().ok_or(BufferFull)?;
        let length = u32::try_from(body.len()).map_err(|_| BufferFull)?.to_be_bytes();
        let (high, low) = length.split_last_chunk::<N>().ok_or(BufferFull)?;
        if high.iter().any(|byte| *byte != 0) {
            return Err(BufferFull);
        }
        *prefix = *low;
        Ok(())
    }

    fn written_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Target::Slice { buffer, len } => buffer.get_mut(..*len).unwrap_or_default(),
            #[cfg(feature = "alloc")]
            Target::Vec { out, start } => out.get_mut(*start..).unwrap_or_default(),
        }
    }

    #[cold]
    #[inline(never)]
    fn truncate(&mut self, to: usize) {
        match &mut self.0 {
            Target::Slice { len, .. } => *len = to.min(*len),
            #[cfg(feature = "alloc")]
            Target::Vec { out, start } => out.truncate(start.saturating_add(to)),
        }
    }
}

/// A body that is a copy of `bytes`. One type for all such bodies, so that `prefixed` is compiled
/// once for them.
fn copied(bytes: &[u8]) -> impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull> {
    |w| w.bytes(bytes)
}

/// A body of structures, likewise.
fn listed<T: Encode>(items: &[T]) -> impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull> {
    |w| w.each(items)
}

/// A structure that can be encoded.
pub trait Encode {
    /// Writes the structure to `w`.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or a field is too long for its length prefix. Part of the
    /// structure may have been written then; [`Writer::message`], [`Writer::extension`], the vector
    /// methods and [`Writer::whole`] remove it.
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull>;

    /// Returns the encoded structure.
    ///
    /// # Errors
    /// [`BufferFull`] if a field is too long for its length prefix.
    #[cfg(feature = "alloc")]
    fn to_vec(&self) -> Result<Vec<u8>, BufferFull> {
        let mut out = Vec::new();
        self.encode(&mut Writer::append(&mut out))?;
        Ok(out)
    }
}
