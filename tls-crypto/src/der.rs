//! The subset of DER (X.690) that keys, certificates and OCSP responses use: reads and writes
//! elements.
//!
//! Tags are one byte, including class and the constructed bit. Longer tags are not supported.
//!
//! ```
//! use strata_tls_crypto::der::{self, Elements};
//!
//! let number = der::element(der::INTEGER, &[&[7]]);
//! let pair = der::element(der::SEQUENCE, &[&number, &der::element(der::OCTET_STRING, &[b"x"])]);
//! let contents = Elements::new(&pair).expect(der::SEQUENCE).ok_or("expected a SEQUENCE")?;
//! let mut fields = Elements::new(contents);
//! assert_eq!(fields.expect(der::INTEGER), Some(&[7][..]));
//! assert_eq!(fields.expect(der::OCTET_STRING), Some(&b"x"[..]));
//! assert!(fields.is_empty());
//! # Ok::<(), &str>(())
//! ```

/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// SET and SET OF.
pub const SET: u8 = 0x31;
/// SEQUENCE and SEQUENCE OF.
pub const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed.
pub const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed.
pub const CONTEXT_1: u8 = 0xa1;
/// `[2]`, constructed.
pub const CONTEXT_2: u8 = 0xa2;
/// `[3]`, constructed.
pub const CONTEXT_3: u8 = 0xa3;

/// Reads a sequence of elements.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// Creates a reader of the elements in `bytes`, such as the contents of a constructed element.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns whether no elements are left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the bytes not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Reads the next element if it has this tag. Returns `(contents, whole element)`. Otherwise
    /// nothing is read.
    pub fn expect_whole(&mut self, tag: u8) -> Option<(&'a [u8], &'a [u8])> {
        let mut after = *self;
        let contents = after.next().filter(|(found, _)| *found == tag)?.1;
        let whole = self.0.get(..self.0.len().checked_sub(after.0.len())?)?;
        *self = after;
        Some((contents, whole))
    }

    /// Reads the next element if it has this tag, and returns its contents. Otherwise nothing is
    /// read.
    pub fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.expect_whole(tag).map(|(contents, _)| contents)
    }

    /// Returns the next element's tag and contents; `None` at the end, and if the bytes are not
    /// DER.
    #[expect(clippy::should_implement_trait, reason = "a loop could not distinguish the end from an error")]
    pub fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (length, rest) = length(rest)?;
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }

    /// The next element's contents if it has this tag.
    pub fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, contents)| contents)
    }

    /// Returns the contents of the next element with this tag, skipping others.
    pub fn find(&mut self, tag: u8) -> Option<&'a [u8]> {
        loop {
            let (found, contents) = self.next()?;
            if found == tag {
                return Some(contents);
            }
        }
    }
}

/// Returns an encoded element whose contents are the concatenation of `parts`.
#[must_use]
pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    // The capacity must suffice: growing would leave a copy in memory, and this may be a private
    // key.
    let mut out = Vec::with_capacity(length.saturating_add(10));
    out.push(tag);
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let digits = bytes.iter().skip_while(|byte| **byte == 0);
            let count = u8::try_from(digits.clone().count()).unwrap_or(u8::MAX);
            out.push(0x80 | count);
            out.extend(digits);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// Reads a length of at most four bytes; returns it and the rest. DER requires the shortest form.
fn length(input: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = input.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    if digits.len() > 4 || digits.first().is_none_or(|digit| *digit == 0) {
        return None;
    }
    let value = digits.iter().fold(0_u32, |value, digit| (value << 8) | u32::from(*digit));
    if value < 0x80 {
        return None;
    }
    Some((usize::try_from(value).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_every_length_form_round_trip() {
        for length in [0, 1, 127, 128, 255, 256, 65535, 65536] {
            let contents = vec![7; length];
            let written = element(OCTET_STRING, &[&contents[..length / 2], &contents[length / 2..]]);
            let mut elements = Elements(&written);
            assert_eq!(elements.expect(OCTET_STRING), Some(contents.as_slice()), "{length}");
            assert!(elements.0.is_empty());
        }
    }

    #[test]
    fn truncated_element_is_rejected() {
        for length in [1, 200, 300] {
            let written = element(SEQUENCE, &[&vec![1; length]]);
            for cut in 0..written.len() {
                assert!(Elements(&written[..cut]).next().is_none(), "{length} cut at {cut}");
            }
        }
    }

    #[test]
    fn nonminimal_and_indefinite_lengths_are_rejected() {
        for bad in [&[4, 0x80, 0, 0][..], &[4, 0x81, 1, 0], &[4, 0x82, 0, 200], &[4, 0x85, 1, 0, 0, 0, 0], &[4, 0xff]] {
            let mut padded = bad.to_vec();
            padded.resize(300, 0);
            assert!(Elements(&padded).next().is_none(), "{bad:02x?}");
        }
    }

    #[test]
    fn find_skips_other_elements() {
        let bytes = [element(INTEGER, &[&[1]]), element(CONTEXT_1, &[&[9]])].concat();
        assert_eq!(Elements(&bytes).find(CONTEXT_1), Some(&[9][..]));
        assert_eq!(Elements(&bytes).find(CONTEXT_0), None);
    }
}
