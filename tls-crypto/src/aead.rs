//! Record protection: RFC 9846 §5.2 to §5.5 for TLS 1.3, RFC 5246 §6.2.3.3 with RFC 5288 §3 or RFC
//! 7905 §2 for TLS 1.2.
//!
//! The versions use the same algorithms and nonces, and differ in the record layout and the
//! additional authenticated data (AAD). The header of TLS 1.3 has the type 23, application data;
//! TLS 1.2 AES-GCM sends a part of the nonce:
//!
//! ```text
//! TLS 1.3           header(23)          │ content, type, padding │ tag
//! TLS 1.2 AES-GCM   header(type)  nonce │ content                │ tag
//! TLS 1.2 ChaCha20  header(type)        │ content                │ tag
//!
//! AAD in TLS 1.3: the header
//! AAD in TLS 1.2: sequence number, header with the length of the content
//! ```

use core::fmt;
use core::ops::Range;

use crate::backend::AeadKey;
use crate::{Backend, BulkAlgorithm, Error};

/// The length of the authentication tag in bytes.
pub const TAG_LEN: usize = 16;

/// The length in bytes of a nonce, and of the per-connection IV that is combined with the sequence
/// number.
pub const NONCE_LEN: usize = 12;

/// Protects the records of one direction with one key.
///
/// It owns the key and the sequence number and cannot be cloned, so no nonce is used twice. The key
/// is overwritten on drop.
pub struct Sealer {
    key: AeadKey,
    nonces: Nonces,
    limit: u64,
}

impl Sealer {
    pub(crate) fn tls13(backend: Backend, algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN]) -> Self {
        Self::new(backend, algorithm, key, iv, Layout::Tls13)
    }

    /// `iv` is the implicit part of the nonce, followed by zeros for the explicit part.
    pub(crate) fn tls12(backend: Backend, algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN]) -> Self {
        Self::new(backend, algorithm, key, iv, Layout::of_tls12(algorithm))
    }

    fn new(backend: Backend, algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN], layout: Layout) -> Self {
        let limit = algorithm.confidentiality_limit();
        Self { key: prepare(backend, algorithm, key), nonces: Nonces::new(iv, layout), limit }
    }

    /// Returns the number of bytes that protection adds before and after the content.
    #[inline]
    #[must_use]
    pub fn overhead(&self) -> Overhead {
        self.nonces.layout.overhead()
    }

    /// Returns whether the content type is encrypted (TLS 1.3). Such records can be padded.
    #[inline]
    #[must_use]
    pub fn hides_content_type(&self) -> bool {
        self.nonces.layout.hides_content_type()
    }

    /// Builds the next record in place: writes the header and the other added bytes, and encrypts.
    ///
    /// `record` consists of five bytes for the header, [`Overhead::before`] bytes, the content, and
    /// [`Overhead::after`] bytes. The initial value of the added bytes is ignored. The caller must
    /// limit the content to 2^14 bytes, or to the peer's smaller limit.
    ///
    /// In TLS 1.3 `content_type` may be zero and the content may end with its own type and zeros:
    /// that makes a padded record (RFC 9846 §5.4).
    ///
    /// # Errors
    ///
    /// [`Error::SequenceExhausted`] if the key reached its limit; `record` is unchanged, and all
    /// later calls fail. [`Error::Seal`] if `record` is too short for the added bytes or too long
    /// for its header.
    #[inline]
    pub fn seal(&mut self, content_type: u8, record: &mut [u8]) -> Result<(), Error> {
        self.protect(content_type, record, None)
    }

    /// Like [`seal`](Self::seal), but the content, or the start of it, is `content` instead of the
    /// bytes at its place in `record`. AWS-LC reads it from there, and ring copies it first.
    ///
    /// # Errors
    ///
    /// Those of [`seal`](Self::seal). After [`Error::Seal`], `record` may contain `content`.
    #[inline]
    pub fn seal_from(&mut self, content_type: u8, content: &[u8], record: &mut [u8]) -> Result<(), Error> {
        self.protect(content_type, record, Some(content))
    }

    /// Encrypts in place, or from `source` and the rest in place.
    #[inline(always)]
    fn protect(&mut self, content_type: u8, record: &mut [u8], source: Option<&[u8]>) -> Result<(), Error> {
        if self.exhausted() {
            return Err(Error::SequenceExhausted);
        }
        let sequence = self.nonces.sequence;
        let (nonce, next) = self.nonces.current()?;
        let (header, body) = record.split_first_chunk_mut::<HEADER_LEN>().ok_or(Error::Seal)?;
        let length = u16::try_from(body.len()).map_err(|_| Error::Seal)?;
        let end = body.len().checked_sub(TAG_LEN).ok_or(Error::Seal)?;
        let key = &self.key;
        match self.nonces.layout {
            Layout::Tls13 => {
                let inner = body.get_mut(..end).and_then(<[u8]>::split_last_mut);
                let (last, before) = inner.ok_or(Error::Seal)?;
                if source.is_some_and(|source| source.len() > before.len()) {
                    return Err(Error::Seal);
                }
                *last = content_type;
                *header = record_header(APPLICATION_DATA, length);
                encrypt(key, nonce, *header, body, source)
            }
            Layout::Tls12Gcm => {
                // RFC 5288 §3 lets the sender choose the explicit nonce, which must not repeat
                // under one key. Random nonces would repeat after some 2^32 records (birthday
                // bound) and permit forgeries. The sequence number cannot repeat: it belongs to
                // this key, grows with every record, and never wraps.
                let (explicit, body) = body.split_first_chunk_mut::<EXPLICIT_NONCE_LEN>().ok_or(Error::Seal)?;
                *explicit = sequence.to_be_bytes();
                *header = record_header(content_type, length);
                let content_len = end.checked_sub(EXPLICIT_NONCE_LEN).ok_or(Error::Seal)?;
                encrypt(key, nonce, tls12_aad(sequence, header, content_len)?, body, source)
            }
            Layout::Tls12ChaCha => {
                *header = record_header(content_type, length);
                encrypt(key, nonce, tls12_aad(sequence, header, end)?, body, source)
            }
        }?;
        self.nonces.sequence = next;
        Ok(())
    }

    /// Returns the number of records protected, which is the next sequence number.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.nonces.sequence
    }

    /// Returns whether to replace the key before sending more data: by a KeyUpdate in TLS 1.3, by a
    /// new connection in TLS 1.2.
    ///
    /// It becomes `true` at seven eighths of the limit, so that the KeyUpdate or closing alert, and
    /// data already queued, can still be sent.
    #[inline]
    #[must_use]
    pub fn needs_key_update(&self) -> bool {
        self.sequence() >= self.limit.saturating_sub((self.limit >> 3).max(1))
    }

    /// Returns whether the limit is reached; [`seal`](Self::seal) then fails.
    #[inline]
    #[must_use]
    pub fn exhausted(&self) -> bool {
        self.sequence() >= self.limit
    }

    /// Lowers the number of records that the key may protect. Larger values than the current limit
    /// are ignored. Default: [`BulkAlgorithm::confidentiality_limit`].
    pub fn set_confidentiality_limit(&mut self, records: u64) {
        self.limit = self.limit.min(records);
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("sequence", &self.sequence()).finish_non_exhaustive()
    }
}

/// The bytes that protection adds to a record, besides its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overhead {
    /// Before the content: the explicit nonce of AES-GCM in TLS 1.2.
    pub before: usize,
    /// After the content: the content type (TLS 1.3) and the tag.
    pub after: usize,
}

/// Decrypts the records of one direction with one key, in the order in which they were protected.
/// The key is overwritten on drop.
pub struct Opener {
    key: AeadKey,
    nonces: Nonces,
}

impl Opener {
    pub(crate) fn tls13(backend: Backend, algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN]) -> Self {
        Self { key: prepare(backend, algorithm, key), nonces: Nonces::new(iv, Layout::Tls13) }
    }

    /// See [`Sealer::tls12`] for `iv`.
    pub(crate) fn tls12(backend: Backend, algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN]) -> Self {
        Self { key: prepare(backend, algorithm, key), nonces: Nonces::new(iv, Layout::of_tls12(algorithm)) }
    }

    /// Returns the number of bytes that protection adds before and after the content.
    #[inline]
    #[must_use]
    pub fn overhead(&self) -> Overhead {
        self.nonces.layout.overhead()
    }

    /// Decrypts the next record in place; returns the type and the range of its content.
    ///
    /// `record` is the whole received record, header included.
    ///
    /// # Errors
    ///
    /// * [`Error::Open`] if this is not the next record under this key.
    /// * [`Error::PlaintextTooLong`] if its plaintext is too long: over 2^14 + 1 bytes of content,
    ///   type and padding in TLS 1.3, over 2^14 bytes of content in TLS 1.2.
    /// * [`Error::NoContentType`] if the plaintext of a TLS 1.3 record is all zeros.
    /// * [`Error::SequenceExhausted`] after 2^64 - 1 records. Receivers should not enforce a lower
    ///   limit (RFC 9846 §5.5).
    ///
    /// The sequence number does not advance on error, so the right record can still be opened. A
    /// server needs this to skip rejected early data. After an error, the content of `record` after
    /// the header is unspecified.
    #[inline]
    pub fn open(&mut self, record: &mut [u8]) -> Result<OpenedRecord, Error> {
        let sequence = self.nonces.sequence;
        let (nonce, next) = self.nonces.current()?;
        let (header, body) = record.split_first_chunk_mut::<HEADER_LEN>().ok_or(Error::Open)?;
        let opened = match self.nonces.layout {
            Layout::Tls13 => {
                let inner = self.key.open(nonce, *header, body)?;
                let inner = at_most(MAX_FRAGMENT + INNER_TYPE_LEN, inner)?;
                // RFC 9846 §5.4: the content type is the last nonzero byte; zeros after it are
                // padding.
                let length = inner.iter().rposition(|byte| *byte != 0).ok_or(Error::NoContentType)?;
                let content_type = inner.get(length).copied().ok_or(Error::NoContentType)?;
                OpenedRecord { content_type, content: range(HEADER_LEN, length) }
            }
            Layout::Tls12Gcm => {
                // RFC 5288 §3: the sender chose this part of the nonce, possibly not as the
                // sequence number.
                let (explicit, sealed) = body.split_first_chunk_mut::<EXPLICIT_NONCE_LEN>().ok_or(Error::Open)?;
                let nonce = self.nonces.with_explicit(*explicit);
                let content = open_tls12(&self.key, nonce, sequence, header, EXPLICIT_NONCE_LEN, sealed)?;
                OpenedRecord { content_type: header[0], content: range(HEADER_LEN + EXPLICIT_NONCE_LEN, content) }
            }
            Layout::Tls12ChaCha => {
                let content = open_tls12(&self.key, nonce, sequence, header, 0, body)?;
                OpenedRecord { content_type: header[0], content: range(HEADER_LEN, content) }
            }
        };
        self.nonces.sequence = next;
        Ok(opened)
    }

    /// Returns whether the content type is encrypted (TLS 1.3). The header of such a record has
    /// type application_data.
    #[inline]
    #[must_use]
    pub fn hides_content_type(&self) -> bool {
        self.nonces.layout.hides_content_type()
    }

    /// Returns the number of records opened, which is the next sequence number.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.nonces.sequence
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("sequence", &self.sequence()).finish_non_exhaustive()
    }
}

/// The content of a decrypted record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedRecord {
    /// The code point of its type.
    pub content_type: u8,
    /// The range of the content in the record, counted from the start of the header.
    pub content: Range<usize>,
}

/// The layout of a protected record.
#[derive(Clone, Copy)]
enum Layout {
    Tls13,
    Tls12Gcm,
    Tls12ChaCha,
}

impl Layout {
    fn overhead(self) -> Overhead {
        match self {
            Self::Tls13 => Overhead { before: 0, after: INNER_TYPE_LEN + TAG_LEN },
            Self::Tls12Gcm => Overhead { before: EXPLICIT_NONCE_LEN, after: TAG_LEN },
            Self::Tls12ChaCha => Overhead { before: 0, after: TAG_LEN },
        }
    }

    fn hides_content_type(self) -> bool {
        match self {
            Self::Tls13 => true,
            Self::Tls12Gcm | Self::Tls12ChaCha => false,
        }
    }

    fn of_tls12(algorithm: BulkAlgorithm) -> Self {
        match algorithm {
            BulkAlgorithm::Aes128Gcm | BulkAlgorithm::Aes256Gcm => Self::Tls12Gcm,
            BulkAlgorithm::ChaCha20Poly1305 => Self::Tls12ChaCha,
        }
    }
}

/// Computes the nonces of one key: IV xor sequence number (RFC 9846 §5.3, RFC 7905 §2).
///
/// If the last eight bytes of the IV are zeros, the nonce is the four-byte salt and the sequence
/// number: the nonce of AES-GCM in TLS 1.2.
struct Nonces {
    /// The first four bytes of the IV, which are not combined with the sequence number.
    head: [u8; 4],
    /// Here it takes no room: it is beside the four bytes.
    layout: Layout,
    /// The rest of the IV.
    tail: u64,
    sequence: u64,
}

impl Nonces {
    fn new(iv: &[u8; NONCE_LEN], layout: Layout) -> Self {
        let [a, b, c, d, tail @ ..] = *iv;
        Self { head: [a, b, c, d], layout, tail: u64::from_be_bytes(tail), sequence: 0 }
    }

    /// Returns the nonce of the next record, and the sequence number that follows. The last
    /// sequence number has no nonce, because none follows it.
    #[inline]
    fn current(&self) -> Result<([u8; NONCE_LEN], u64), Error> {
        let next = self.sequence.checked_add(1).ok_or(Error::SequenceExhausted)?;
        Ok((self.with_explicit((self.tail ^ self.sequence).to_be_bytes()), next))
    }

    /// Returns the nonce of the salt and `explicit`.
    #[inline]
    fn with_explicit(&self, explicit: [u8; EXPLICIT_NONCE_LEN]) -> [u8; NONCE_LEN] {
        let [a, b, c, d] = self.head;
        let [e, f, g, h, i, j, k, l] = explicit;
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

/// Encrypts the content and type of a record. `body` ends with the room of the tag.
#[inline(always)]
fn encrypt(
    key: &AeadKey,
    nonce: [u8; NONCE_LEN],
    aad: impl AsRef<[u8]>,
    body: &mut [u8],
    source: Option<&[u8]>,
) -> Result<(), Error> {
    match source {
        Some(source) => key.seal_from(nonce, aad, source, body),
        None => {
            let (body, tag) = body.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::Seal)?;
            key.seal(nonce, aad, body, tag)
        }
    }
}

/// Decrypts the body after the header and an explicit nonce of `before` bytes; returns the length
/// of the content.
#[inline]
fn open_tls12(
    key: &AeadKey,
    nonce: [u8; NONCE_LEN],
    sequence: u64,
    header: &[u8; HEADER_LEN],
    before: usize,
    sealed: &mut [u8],
) -> Result<usize, Error> {
    let length = sealed.len().checked_sub(TAG_LEN).ok_or(Error::Open)?;
    // The AAD contains the content's length, which follows from the length in the header.
    let [_, _, _, high, low] = *header;
    if usize::from(u16::from_be_bytes([high, low])) != sealed.len().saturating_add(before) {
        return Err(Error::Open);
    }
    let aad = tls12_aad(sequence, header, length).map_err(|_| Error::Open)?;
    let content = key.open(nonce, aad, sealed)?;
    Ok(at_most(MAX_FRAGMENT, content)?.len())
}

/// RFC 5246 §6.2.3.3: seq_num + type + version + length of the content.
#[inline]
fn tls12_aad(sequence: u64, header: &[u8; HEADER_LEN], content_len: usize) -> Result<[u8; 13], Error> {
    let [a, b, c, d, e, f, g, h] = sequence.to_be_bytes();
    let [content_type, major, minor, _, _] = *header;
    let [high, low] = u16::try_from(content_len).map_err(|_| Error::Seal)?.to_be_bytes();
    Ok([a, b, c, d, e, f, g, h, content_type, major, minor, high, low])
}

#[inline]
fn record_header(content_type: u8, length: u16) -> [u8; HEADER_LEN] {
    let [high, low] = length.to_be_bytes();
    // TLS 1.2, which is also the legacy_record_version of TLS 1.3.
    [content_type, 3, 3, high, low]
}

#[inline]
fn at_most(limit: usize, plaintext: &[u8]) -> Result<&[u8], Error> {
    if plaintext.len() > limit { Err(Error::PlaintextTooLong(plaintext.len())) } else { Ok(plaintext) }
}

#[inline]
fn range(start: usize, length: usize) -> Range<usize> {
    start..start.saturating_add(length)
}

#[allow(clippy::expect_used, reason = "only a wrong length is rejected; callers derive keys of the right length")]
pub(crate) fn prepare(backend: Backend, algorithm: BulkAlgorithm, key: &[u8]) -> AeadKey {
    AeadKey::new(backend, algorithm, key).expect("the key has the algorithm's length")
}

const HEADER_LEN: usize = 5;
const INNER_TYPE_LEN: usize = 1;
/// The length of the explicit nonce, RFC 5288 §3.
const EXPLICIT_NONCE_LEN: usize = 8;
/// The outer type of all protected TLS 1.3 records.
const APPLICATION_DATA: u8 = 23;
/// RFC 9846 §5.1, RFC 5246 §6.2.1.
const MAX_FRAGMENT: usize = 1 << 14;

#[cfg(test)]
mod tests;
