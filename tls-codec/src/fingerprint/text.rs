//! Text that is collected in small pieces and handed on in larger ones.

use crate::{code_points::ExtensionType, error::BufferFull, lenient::LenientExtensions, reader::Reader};

/// Receives text.
pub(super) type Out<'o> = dyn FnMut(&[u8]) -> Result<(), BufferFull> + 'o;

/// A writer of text.
pub(super) struct Text<'o> {
    buffer: [u8; SIZE],
    len: usize,
    out: &'o mut Out<'o>,
}

const SIZE: usize = 256;

impl<'o> Text<'o> {
    pub(super) fn new(out: &'o mut Out<'o>) -> Self {
        Self { buffer: [0; SIZE], len: 0, out }
    }

    fn put<const N: usize>(&mut self, bytes: [u8; N]) -> Result<(), BufferFull> {
        if SIZE.saturating_sub(self.len) < N {
            self.flush()?;
        }
        // Arrays, because a copy of a variable length takes longer than all else here.
        *self.buffer.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut).ok_or(BufferFull)? = bytes;
        self.len = self.len.saturating_add(N);
        Ok(())
    }

    pub(super) fn char(&mut self, char: u8) -> Result<(), BufferFull> {
        self.put([char])
    }

    /// Writes values in four hexadecimal digits, separated by commas.
    pub(super) fn hex_list(&mut self, values: impl IntoIterator<Item = u16>) -> Result<(), BufferFull> {
        let mut is_first = true;
        for value in values {
            self.hex(value, core::mem::take(&mut is_first))?;
        }
        Ok(())
    }

    pub(super) fn hex(&mut self, value: u16, is_first: bool) -> Result<(), BufferFull> {
        let [high, low] = value.to_be_bytes();
        let ([a, b], [c, d]) = (hex(high), hex(low));
        if is_first { self.put([a, b, c, d]) } else { self.put([b',', a, b, c, d]) }
    }

    /// Writes values in decimal, separated by hyphens.
    pub(super) fn decimal_list(&mut self, values: impl IntoIterator<Item = u16>) -> Result<(), BufferFull> {
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.char(b'-')?;
            }
            self.decimal(value)?;
        }
        Ok(())
    }

    pub(super) fn decimal(&mut self, value: u16) -> Result<(), BufferFull> {
        let [a, b, c, d, e] = [value / 10_000, value / 1000, value / 100, value / 10, value].map(decimal);
        match value {
            0..=9 => self.put([e]),
            10..=99 => self.put([d, e]),
            100..=999 => self.put([c, d, e]),
            1000..=9999 => self.put([b, c, d, e]),
            10_000.. => self.put([a, b, c, d, e]),
        }
    }

    /// Hands on what is left.
    pub(super) fn flush(&mut self) -> Result<(), BufferFull> {
        let text = self.buffer.get(..self.len).unwrap_or_default();
        self.len = 0;
        if text.is_empty() { Ok(()) } else { (self.out)(text) }
    }
}

/// Returns the last decimal digit of a value.
pub(super) fn decimal(value: u16) -> u8 {
    let [_, digit] = (value % 10).to_be_bytes();
    digit.wrapping_add(b'0')
}

/// Returns the hexadecimal digits of a byte.
pub(super) fn hex(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15]
        .map(|digit| if digit < 10 { digit.wrapping_add(b'0') } else { digit.wrapping_add(b'a' - 10) })
}

/// Returns the types of the extensions.
pub(super) fn types<'a>(extensions: LenientExtensions<'a>) -> impl Iterator<Item = u16> + Clone + use<'a> {
    extensions.iter().filter(|(typ, _)| !typ.is_grease()).map(|(typ, _)| typ.0)
}

/// Returns the values in data that are a list with a length of two bytes. Empty if malformed.
pub(super) fn listed(data: &[u8]) -> impl Iterator<Item = u16> + Clone + use<'_> {
    values(Reader::new(data).vec16(0..=0xffff, "").map(|list| list.peek()).unwrap_or_default())
}

/// Returns the values in a list.
pub(super) fn values(list: &[u8]) -> impl Iterator<Item = u16> + Clone + use<'_> {
    let pairs = list.chunks_exact(2).filter_map(|pair| pair.first_chunk());
    pairs.map(|pair| u16::from_be_bytes(*pair)).filter(|value| !ExtensionType(*value).is_grease())
}
