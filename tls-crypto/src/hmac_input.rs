//! Short inputs of HMAC, copied into one buffer.

use crate::Digest;
use crate::hkdf::Label;

/// The concatenation of short, public parts. One HMAC call with it is faster than one update per
/// part, despite the copy.
pub(crate) struct HmacInput {
    bytes: [u8; Self::ROOM],
    len: usize,
}

impl HmacInput {
    /// The size of the buffer: an HkdfLabel with the longest hash takes 74 bytes (RFC 9846 §7.1),
    /// "key expansion" with both randoms 77 (RFC 5246 §6.3).
    const ROOM: usize = 80;

    /// Returns `None` if the parts are too long, as an application's label and context may be.
    #[inline]
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a &'a [u8]>) -> Option<Self> {
        let mut input = Self { bytes: [0; Self::ROOM], len: 0 };
        for part in parts {
            let end = input.len.checked_add(part.len())?;
            input.bytes.get_mut(input.len..end)?.copy_from_slice(part);
            input.len = end;
        }
        Some(input)
    }

    /// Returns an HkdfLabel (RFC 9846 §7.1) and the counter of the first block (RFC 5869 §2.3). The
    /// context is empty or a digest.
    ///
    /// Each part is copied with its padding, which the next part overwrites: copies of constant
    /// length compile to a few stores.
    #[inline]
    pub(crate) fn hkdf_label(length: u8, label: &Label, context: Option<&Digest>) -> Self {
        let mut input = Self { bytes: [0; Self::ROOM], len: 0 };
        input.put(&[0, length], 2);
        input.put(&label.padded, label.len);
        match context {
            None => input.put(&[0], 1),
            Some(digest) => {
                let length = digest.algorithm().output_len_byte();
                input.put(&[length], 1);
                input.put(digest.padded(), usize::from(length));
            }
        }
        input.put(&[1], 1);
        input
    }

    /// Appends the first `len` bytes of `padded`.
    #[inline]
    fn put<const N: usize>(&mut self, padded: &[u8; N], len: usize) {
        if let Some(place) = self.bytes.get_mut(self.len..).and_then(|rest| rest.first_chunk_mut()) {
            *place = *padded;
        }
        self.len = self.len.saturating_add(len);
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HashAlgorithm;

    #[test]
    fn hkdf_label_is_the_concatenation_of_its_parts() {
        let longest = Label::new(b"\x17tls13 seventeen letters");
        for label in [&Label::new(b"\x08tls13 iv"), &longest] {
            let input = HmacInput::hkdf_label(12, label, None);
            let parts: [&[u8]; 4] = [&[0, 12], label.wire(), &[0], &[1]];
            assert_eq!(input.as_slice(), parts.concat());
            for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                let digest = hash.hash(b"messages");
                let input = HmacInput::hkdf_label(48, label, Some(&digest));
                let parts: [&[u8]; 5] = [&[0, 48], label.wire(), &[hash.output_len_byte()], digest.as_ref(), &[1]];
                assert_eq!(input.as_slice(), parts.concat());
            }
        }
    }

    #[test]
    fn parts_that_fit_are_joined_others_are_rejected() {
        let long = [7; HmacInput::ROOM];
        for length in 0..=long.len() {
            let (head, tail) = long.split_at(length);
            assert_eq!(HmacInput::of(&[head, &[], tail]).unwrap().as_slice(), long);
            assert_eq!(HmacInput::of(&[head]).unwrap().as_slice(), head);
            assert!(HmacInput::of(&[head, &[1], tail]).is_none());
        }
        assert!(HmacInput::of(&[]).unwrap().as_slice().is_empty());
    }
}
