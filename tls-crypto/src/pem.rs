//! Reads sections of PEM files (RFC 7468): certificates, keys, CRLs and trust anchors alike.
//! Decoding takes constant time, into memory that is overwritten on drop.
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

mod content;
mod der_kind;
mod entries;
mod file_kind;

pub use content::{Content, sections};
pub use entries::{Encoding, Entry, entries, has, is_der, is_pkcs12};
pub use file_kind::what_is;

/// Iterates over the sections of a file. Text between sections and byte order marks are skipped.
///
/// A damaged section, and a misplaced or damaged BEGIN or END line, is an error, because skipping
/// it would lose a section. The next section follows an error, for callers that report errors and
/// use the rest.
#[derive(Clone)]
pub struct Sections<'a> {
    rest: &'a [u8],
    /// The number of lines before `rest`.
    lines: usize,
    /// The number of sections before `rest`.
    sections: usize,
    /// The error that follows the section returned last.
    pending: Option<PemError>,
    /// True if `rest` may begin inside a section that was reported.
    is_damaged: bool,
    /// Counts reads of lines, to show that this is linear.
    #[cfg(test)]
    lines_read: usize,
}

impl<'a> Sections<'a> {
    /// Creates an iterator over the sections of `file`.
    #[must_use]
    pub fn new(file: &'a [u8]) -> Self {
        Self {
            rest: file,
            lines: 0,
            sections: 0,
            pending: None,
            is_damaged: false,
            #[cfg(test)]
            lines_read: 0,
        }
    }

    /// Removes and returns the next line, without its line ending.
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let length = self.rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at_checked(length)?;
        let ending = if rest.starts_with(b"\r\n") { 2 } else { 1 };
        self.rest = rest.get(ending..).unwrap_or_default();
        self.lines = self.lines.saturating_add(1);
        #[cfg(test)]
        {
            self.lines_read += 1;
        }
        Some(line)
    }

    /// Returns the error for a section that starts on the line returned last.
    fn fault(&mut self, label: &[u8], fault: PemFault) -> PemError {
        self.sections = self.sections.saturating_add(1);
        PemError { place: Place::new(self.sections, self.lines, label), fault }
    }

    fn section(&mut self) -> Option<Result<Section<'a>, PemError>> {
        if let Some(error) = self.pending.take() {
            return Some(Err(error));
        }
        loop {
            let line = self.line()?;
            let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
            if let Some(after) = after_begin(line) {
                let label = label_of(after);
                let is_whole = line.starts_with(BEGIN) && after.trim_ascii_end().strip_prefix(label) == Some(DASHES);
                if is_whole {
                    self.is_damaged = false;
                    return Some(self.body(label));
                }
                // It is indented, or follows a file without a final newline.
                self.is_damaged = true;
                return Some(Err(self.fault(label, PemFault::BadBegin)));
            }
            let (is_begin, label) = match line.strip_prefix(END) {
                Some(after) => (false, label_of(after)),
                None => match damaged_mark(line) {
                    Some(mark) => mark,
                    None => continue,
                },
            };
            let was_damaged = std::mem::replace(&mut self.is_damaged, is_begin);
            if is_begin {
                return Some(Err(self.fault(label, PemFault::BadMark)));
            }
            if !was_damaged {
                return Some(Err(self.fault(label, PemFault::NoBegin)));
            }
        }
    }

    /// Reads a section after its BEGIN line.
    fn body(&mut self, label: &'a [u8]) -> Result<Section<'a>, PemError> {
        self.sections = self.sections.saturating_add(1);
        let (number, at_line, from) = (self.sections, self.lines, self.rest);
        let error = |fault| PemError { place: Place::new(number, at_line, label), fault };
        loop {
            let before = self.rest;
            let Some(line) = self.line() else {
                return Err(error(PemFault::NoEnd));
            };
            let end = line.strip_prefix(END);
            let ends = end.and_then(|end| end.strip_prefix(label)).is_some_and(|end| end.starts_with(DASHES));
            let begin = after_begin(line);
            if ends {
                if let Some(after) = begin {
                    self.pending = Some(self.fault(label_of(after), PemFault::BadBegin));
                    self.is_damaged = true;
                }
                let body = from.get(..from.len().saturating_sub(before.len())).unwrap_or_default();
                return Ok(Section { label, body, number, line: at_line });
            }
            if begin.is_some() {
                // The next section may be whole.
                self.rest = before;
                self.lines = self.lines.saturating_sub(1);
                return Err(error(PemFault::NoEnd));
            }
            if end.is_some() {
                return Err(error(PemFault::OtherEnd));
            }
        }
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<Section<'a>, PemError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.section()
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
    /// Headers and base64.
    body: &'a [u8],
    number: usize,
    line: usize,
}

impl<'a> Section<'a> {
    /// Returns the label, such as `CERTIFICATE` or `PRIVATE KEY`.
    #[must_use]
    pub fn label(&self) -> &'a [u8] {
        self.label
    }

    /// Returns where the section is in its file.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::new(self.number, self.line, self.label)
    }

    /// Returns whether the section is an encrypted private key, in the format of RFC 1421 or
    /// PKCS#8.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.label == b"ENCRYPTED PRIVATE KEY" || self.has_encryption_header()
    }

    /// Returns whether the section is encrypted in the format of RFC 1421.
    pub(crate) fn has_encryption_header(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"Proc-Type: 4,ENCRYPTED")
    }

    fn error(&self, fault: PemFault) -> PemError {
        PemError { place: self.place(), fault }
    }

    /// Decodes the body, without the headers of RFC 1421. The time depends on its length, not on
    /// its content.
    ///
    /// # Errors
    /// [`PemFault::NotBase64`] if the body contains other characters than base64 and white space,
    /// or has an invalid length. Padding is optional.
    pub fn decode(&self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        decode(without_headers(self.body)).ok_or_else(|| self.error(PemFault::NotBase64))
    }
}

impl fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("label", &self.label.escape_ascii().to_string()).finish_non_exhaustive()
    }
}

/// The place of a section or of a part of it in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// 0 if the file is DER.
    section: usize,
    line: usize,
    label: String,
    /// The number in a bundle.
    part: Option<usize>,
}

impl Place {
    fn new(section: usize, line: usize, label: &[u8]) -> Self {
        let label = label.get(..LABEL).unwrap_or(label).escape_ascii().to_string();
        Self { section, line, label, part: None }
    }

    /// The place of the content of a DER file.
    fn of_file() -> Self {
        Self { section: 0, line: 0, label: String::new(), part: None }
    }

    /// Returns the number of the section, counted from 1. 0 for a DER file, which has none.
    #[must_use]
    pub fn section(&self) -> usize {
        self.section
    }

    /// Returns the number of the line that begins the section, counted from 1. 0 for a DER file.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the label, escaped and at most 40 bytes of it. Empty if the line has none.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(part) = self.part {
            write!(f, "entry {part} of the bundle in ")?;
        }
        if self.section == 0 {
            return f.write_str("the DER file");
        }
        write!(f, "section {}", self.section)?;
        if !self.label.is_empty() {
            write!(f, " ({})", self.label)?;
        }
        write!(f, " at line {}", self.line)
    }
}

/// A section that cannot be used, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemError {
    place: Place,
    fault: PemFault,
}

impl PemError {
    /// Returns the place of the section.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns what is wrong with it.
    #[must_use]
    pub fn fault(&self) -> PemFault {
        self.fault
    }
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.fault)
    }
}

impl std::error::Error for PemError {}

/// A fault of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemFault {
    /// The BEGIN mark is malformed, or not at the start of its line.
    BadBegin,
    /// The BEGIN or END mark has other dashes, letters or spaces than required.
    BadMark,
    /// There is an END line without a BEGIN line.
    NoBegin,
    /// There is no END line.
    NoEnd,
    /// The END line has another label than the BEGIN line.
    OtherEnd,
    /// The body is not base64.
    NotBase64,
    /// The label is unknown, so the content may be what is looked for.
    UnknownLabel,
    /// It is a bundle (PKCS#7) that cannot be parsed, and may contain what is looked for.
    BadBundle,
}

impl fmt::Display for PemFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadBegin => {
                "the BEGIN line is malformed, or not at the start of a line; if two files were joined, add a newline \
                 between them"
            }
            Self::BadMark => "a damaged BEGIN or END line; write it in capitals, with five hyphens on each side",
            Self::NoBegin => "an END line without a BEGIN line; the start of the section is missing",
            Self::NoEnd => "no END line; the file may be truncated",
            Self::OtherEnd => "the END line has another label than the BEGIN line; the file may be damaged",
            Self::NotBase64 => "the text between the BEGIN and END lines is not base64",
            Self::UnknownLabel => {
                "unknown label; expected one such as CERTIFICATE, PRIVATE KEY or X509 CRL (remove the section if it is \
                 something else)"
            }
            Self::BadBundle => {
                "a PKCS#7 bundle that cannot be parsed: it is damaged, encrypted, or not DER; try to extract its \
                 certificates with `openssl pkcs7 -in file -print_certs`"
            }
        })
    }
}

/// Decodes base64 and skips white space.
fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // The capacity suffices: growing would leave a copy that is not overwritten.
    let mut out = Zeroizing::new(Vec::with_capacity((text.len() / 4).saturating_add(1).saturating_mul(3)));
    let (mut bits, mut digits, mut padding) = (Zeroizing::new(0_u32), 0_usize, 0_usize);
    for character in text {
        match character {
            b'\t'..=b'\r' | b' ' => continue,
            b'=' => {
                padding = padding.saturating_add(1);
                continue;
            }
            _ if padding > 0 => return None,
            _ => {}
        }
        *bits = (*bits << 6) | digit(*character)?;
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
        _ => return None,
    }
    Some(out)
}

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

/// Returns the text after a BEGIN mark, wherever it is in the line.
fn after_begin(line: &[u8]) -> Option<&[u8]> {
    let at = line.windows(BEGIN.len()).position(|part| part == BEGIN)?;
    line.get(at.saturating_add(BEGIN.len())..)
}

/// Returns the text before the dashes that end a mark.
fn label_of(after: &[u8]) -> &[u8] {
    let end = after.windows(DASHES.len()).position(|part| part == DASHES);
    let end = end.or_else(|| after.iter().position(|byte| *byte == b'-'));
    after.get(..end.unwrap_or(after.len())).unwrap_or_default()
}

/// Recognizes a BEGIN or END line that an editor or a person changed, by a known label between
/// dashes of any kind and number. Returns whether it is a BEGIN line, and the label.
fn damaged_mark(line: &[u8]) -> Option<(bool, &[u8])> {
    let after = skip_dashes(line.trim_ascii_start())?.trim_ascii_start();
    let word = after.split(u8::is_ascii_whitespace).next()?;
    let is_begin = word.eq_ignore_ascii_case(b"BEGIN");
    if !is_begin && !word.eq_ignore_ascii_case(b"END") {
        return None;
    }
    let after = after.get(word.len()..)?.trim_ascii_start();
    let label = after.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b' ').next()?;
    skip_dashes(after.get(label.len()..)?)?;
    let label = label.trim_ascii_end();
    (Content::of(&label.to_ascii_uppercase()) != Content::Unknown).then_some((is_begin, label))
}

/// Returns the text after at least one dash.
fn skip_dashes(text: &[u8]) -> Option<&[u8]> {
    // Hyphens and dashes of Unicode (U+2010 to U+2015), and the minus sign (U+2212).
    let skip = |text: &'_ [u8]| match text {
        [b'-', ..] => 1,
        [0xe2, 0x80, 0x90..=0x95, ..] | [0xe2, 0x88, 0x92, ..] => 3,
        _ => 0,
    };
    let mut rest = text;
    while let Some(after) = Some(skip(rest)).filter(|length| *length > 0).and_then(|length| rest.get(length..)) {
        rest = after;
    }
    (rest.len() < text.len()).then_some(rest)
}

/// Returns whether `mark` is somewhere in `file`.
fn contains(file: &[u8], mark: &[u8]) -> bool {
    file.windows(mark.len()).any(|window| window == mark)
}

/// Skips the headers of RFC 1421, which have a colon and end with an empty line.
fn without_headers(body: &[u8]) -> &[u8] {
    let mut lines = Sections::new(body);
    let Some(first) = lines.line() else { return body };
    if !first.contains(&b':') {
        return body;
    }
    while let Some(line) = lines.line() {
        if line.trim_ascii().is_empty() {
            return lines.rest;
        }
    }
    body
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The maximum length of a label in an error.
const LABEL: usize = 40;

#[cfg(test)]
mod tests;
