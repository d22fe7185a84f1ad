//! Reads sections of PEM files (RFC 7468). Decoding takes constant time, into memory that is
//! overwritten on drop.
//!
//! Decoders not designed for secrets leave copies of the text and of a private key in freed memory.
//! This one makes one copy, allocated at full size, which the caller owns.
//!
//! ```
//! use strata_tls_crypto::pem::Sections;
//!
//! let file = b"comment\n-----BEGIN X-----\nAQID\nBA==\n-----END X-----\n";
//! let section = Sections::new(file).next().ok_or("none")??;
//! assert_eq!(section.label(), b"X");
//! assert_eq!(*section.decode()?, [1, 2, 3, 4]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::fmt;

use zeroize::Zeroizing;

/// Iterates over the sections of a file. Text between sections and a leading byte order mark are
/// skipped. A misplaced BEGIN or END mark is an error, because skipping it would lose a section.
/// Iteration ends after an error.
#[derive(Clone)]
pub struct Sections<'a>(&'a [u8]);

impl<'a> Sections<'a> {
    /// Creates an iterator over the sections of `file`.
    #[must_use]
    pub fn new(file: &'a [u8]) -> Self {
        Self(file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file))
    }

    /// Removes and returns the next line, including its line ending.
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let length = self.0.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at_checked(length)?;
        self.0 = rest.get(1..).unwrap_or_default();
        Some(line)
    }

    fn section(&mut self) -> Option<Result<Section<'a>, PemError>> {
        let first = core::iter::from_fn(|| self.line()).find(|line| has_begin(line))?;
        // BEGIN is not at the start of the line: it is indented, or follows a file without a final
        // newline.
        let Some(first) = first.strip_prefix(BEGIN) else { return Some(Err(PemError::BadBegin)) };
        let Some(label) = first.trim_ascii_end().strip_suffix(DASHES).filter(|label| !label.ends_with(b"-")) else {
            return Some(Err(PemError::BadBegin));
        };
        let from = self.0;
        loop {
            let rest = self.0;
            let Some(line) = self.line() else { return Some(Err(PemError::NoEnd)) };
            let end = line.strip_prefix(END).and_then(|line| line.strip_prefix(label));
            if has_begin(line) {
                return Some(Err(if end.is_some() { PemError::BadBegin } else { PemError::NoEnd }));
            }
            if end.is_some_and(|end| end.starts_with(DASHES)) {
                let body = from.get(..from.len().saturating_sub(rest.len())).unwrap_or_default();
                return Some(Ok(Section { label, body }));
            }
        }
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<Section<'a>, PemError>;

    fn next(&mut self) -> Option<Self::Item> {
        let section = self.section();
        if !matches!(section, Some(Ok(_))) {
            self.0 = &[];
        }
        section
    }
}

impl fmt::Debug for Sections<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sections").finish_non_exhaustive()
    }
}

/// A section: a label, and base64 that is not decoded yet.
#[derive(Clone, Copy)]
pub struct Section<'a> {
    label: &'a [u8],
    body: &'a [u8],
}

impl<'a> Section<'a> {
    /// Returns the label, such as `CERTIFICATE` or `PRIVATE KEY`.
    #[must_use]
    pub fn label(&self) -> &'a [u8] {
        self.label
    }

    /// Returns whether the section is an encrypted private key, in the format of RFC 1421 or
    /// PKCS#8.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.label == b"ENCRYPTED PRIVATE KEY" || self.body.trim_ascii_start().starts_with(b"Proc-Type: 4,ENCRYPTED")
    }

    /// Decodes the body. The time depends on its length, not on its content.
    ///
    /// # Errors
    /// [`PemError::NotBase64`] if the body contains other characters than base64 and white space,
    /// or has an invalid length. Padding is optional.
    pub fn decode(&self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        // The capacity suffices: growing would leave a copy that is not overwritten.
        let mut out = Zeroizing::new(Vec::with_capacity((self.body.len() / 4).saturating_add(1).saturating_mul(3)));
        let (mut bits, mut digits, mut padding) = (Zeroizing::new(0_u32), 0_usize, 0_usize);
        for character in self.body {
            match character {
                b'\t'..=b'\r' | b' ' => continue,
                b'=' => {
                    padding = padding.saturating_add(1);
                    continue;
                }
                _ if padding > 0 => return Err(PemError::NotBase64),
                _ => {}
            }
            *bits = (*bits << 6) | digit(*character).ok_or(PemError::NotBase64)?;
            digits = digits.wrapping_add(1);
            if digits % 4 == 0 {
                let [_, bytes @ ..] = bits.to_be_bytes();
                out.extend_from_slice(&bytes);
            }
        }
        match (digits % 4, padding) {
            (0, 0) => {}
            (2, 0 | 2) => {
                let [_, _, _, byte] = (*bits >> 4).to_be_bytes();
                out.push(byte);
            }
            (3, 0 | 1) => {
                let [_, _, bytes @ ..] = (*bits >> 2).to_be_bytes();
                out.extend_from_slice(&bytes);
            }
            _ => return Err(PemError::NotBase64),
        }
        Ok(out)
    }
}

impl fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("label", &self.label.escape_ascii().to_string()).finish_non_exhaustive()
    }
}

/// Why a file is not PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemError {
    /// A BEGIN mark is malformed, or not at the start of its line.
    BadBegin,
    /// A section has no END line.
    NoEnd,
    /// The body of a section is not base64.
    NotBase64,
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadBegin => "a BEGIN line is malformed, or not at the start of a line; if two files were joined, add a newline between them",
            Self::NoEnd => "a section has no END line; the file may be truncated",
            Self::NotBase64 => "the text between the BEGIN and END lines is not base64",
        })
    }
}

impl std::error::Error for PemError {}

/// Returns the value of a base64 character, without branches or table look-ups that depend on it.
fn digit(character: u8) -> Option<u32> {
    let c = i16::from(character);
    // All ones if the character is within the range, zeros otherwise.
    let within = |first: u8, last: u8| {
        let below = i16::from(first).wrapping_sub(1).wrapping_sub(c);
        let above = c.wrapping_sub(1).wrapping_sub(i16::from(last));
        (below & above) >> 15
    };
    let value = (within(b'A', b'Z') & c.wrapping_sub(i16::from(b'A')))
        | (within(b'a', b'z') & c.wrapping_sub(i16::from(b'a')).wrapping_add(26))
        | (within(b'0', b'9') & c.wrapping_sub(i16::from(b'0')).wrapping_add(52))
        | (within(b'+', b'+') & 62)
        | (within(b'/', b'/') & 63);
    let known = within(b'A', b'Z') | within(b'a', b'z') | within(b'0', b'9') | within(b'+', b'+') | within(b'/', b'/');
    u32::try_from(value | !known).ok()
}

fn has_begin(line: &[u8]) -> bool {
    line.windows(BEGIN.len()).any(|part| part == BEGIN)
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(body: &[u8]) -> Result<Vec<u8>, PemError> {
        Section { label: b"X", body }.decode().map(|bytes| bytes.to_vec())
    }

    #[test]
    fn base64_characters_have_their_values() {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for character in 0..=255 {
            let at = alphabet.iter().position(|known| *known == character);
            assert_eq!(digit(character), at.map(|at| u32::try_from(at).unwrap()), "{character}");
        }
    }

    /// RFC 4648 §10.
    #[test]
    fn rfc_4648_vectors() {
        for (text, bytes) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(decoded(text.as_bytes()).unwrap(), bytes.as_bytes());
            assert_eq!(decoded(text.trim_end_matches('=').as_bytes()).unwrap(), bytes.as_bytes());
            let spread: String = text.chars().map(|c| format!(" {c}\r\n\t")).collect();
            assert_eq!(decoded(spread.as_bytes()).unwrap(), bytes.as_bytes());
        }
        for wrong in ["Z", "Zg=", "Zg===", "Zm8==", "Zm9v=", "Zg==Zg==", "Zm9v!", "Zm-_", "====", "Z\u{e9}==", "Zm9vY"]
        {
            assert_eq!(decoded(wrong.as_bytes()), Err(PemError::NotBase64), "{wrong}");
        }
    }

    #[test]
    fn decoding_never_reallocates() {
        for length in 0..200 {
            let section = Section { label: b"X", body: &vec![b'A'; length] };
            if let Ok(bytes) = section.decode() {
                assert!(bytes.len() <= (length / 4 + 1) * 3, "{length}");
            }
        }
    }

    #[test]
    fn sections_are_found_between_other_text() {
        let file =
            b"text\n-----BEGIN A B----- \r\nAAAA\r\n-----END A B-----\rmore\n-----BEGIN C-----\n-----END A B-----\n\
                     -----END C----- trailing";
        let sections: Vec<_> = Sections::new(file).map(Result::unwrap).collect();
        assert_eq!(sections.iter().map(Section::label).collect::<Vec<_>>(), [&b"A B"[..], b"C"]);
        assert_eq!(*sections[0].decode().unwrap(), [0, 0, 0]);
        assert_eq!(sections[1].decode(), Err(PemError::NotBase64));
        assert!(Sections::new(b"not PEM").next().is_none());
        let marked = b"\xef\xbb\xbf-----BEGIN A-----\nAAAA\n-----END A-----\n";
        assert_eq!(Sections::new(marked).map(|section| section.unwrap().label()).collect::<Vec<_>>(), [b"A"]);
    }

    #[test]
    fn malformed_section_is_an_error_and_ends_iteration() {
        for (file, error) in [
            (&b"-----BEGIN A----\nAAAA\n-----END A-----\n-----BEGIN B-----\n-----END B-----"[..], PemError::BadBegin),
            (b"-----BEGIN A------\nAAAA\n-----END A-----\n", PemError::BadBegin),
            (b"-----BEGIN A-----\nAAAA\n-----END B-----\n", PemError::NoEnd),
            (b"-----BEGIN A-----", PemError::NoEnd),
            // Two files without a newline between them; an indented section; a truncated section
            // before another.
            (b"-----BEGIN A-----\n-----END A----------BEGIN A-----\n-----END A-----\n", PemError::BadBegin),
            (b"text\n  -----BEGIN A-----\n  -----END A-----\n", PemError::BadBegin),
            (b"-----BEGIN A-----\nAAAA\n-----BEGIN B-----\n-----END B-----\n-----END A-----\n", PemError::NoEnd),
        ] {
            let found: Vec<_> = Sections::new(file).map(|section| section.map(|_| ())).collect();
            assert_eq!(found, [Err(error)]);
        }
    }

    #[test]
    fn debug_shows_no_content() {
        let file = b"-----BEGIN A-----\nAAAA\n-----END A-----\n";
        let sections = Sections::new(file);
        let section = sections.clone().next().unwrap().unwrap();
        assert_eq!(format!("{sections:?} {section:?}"), "Sections { .. } Section { label: \"A\", .. }");
    }
}
