//! Record protection: RFC 9846 §5.2 to §5.5 for TLS 1.3, RFC 5246 §6.2.3.3 with RFC 5288 §3 or RFC 7905 §2 for TLS 1.2.
//!
//! The two versions have the algorithms and the nonces in common, and differ in what lies where in a record:
//!
//! ```text
//! TLS 1.3            header(23)          │ content, type, padding │ tag     authenticated: header
//! TLS 1.2 AES-GCM    header(type)  nonce │ content                │ tag     authenticated: sequence, header, where the
//! TLS 1.2 ChaCha20   header(type)        │ content                │ tag                    length is the content's
//! ```

use core::fmt;
use core::ops::Range;

use ring::aead::{Aad, Nonce};

use crate::aead_key::AeadKey;
use crate::{BulkAlgorithm, Error};

/// The length of the tag by which a protected record is longer than what it protects.
pub const TAG_LEN: usize = 16;

/// The length of nonces and of the per-connection value that is mixed into them.
pub const NONCE_LEN: usize = 12;

/// Protects the records of one direction under one key.
///
/// It owns the key and the sequence number and cannot be copied, so that no nonce is used twice. The key is overwritten on drop.
pub struct Sealer {
    key: AeadKey,
    nonces: Nonces,
    limit: u64,
    layout: Layout,
}

impl Sealer {
    pub(crate) fn tls13(algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN]) -> Self {
        Self::new(algorithm, key, iv, Layout::Tls13)
    }

    /// `iv` is the implicit part of the nonce, and zeros for the part that the records carry.
    pub(crate) fn tls12(algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN]) -> Self {
        Self::new(algorithm, key, iv, Layout::of_tls12(algorithm))
    }

    fn new(algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN], layout: Layout) -> Self {
        let limit = algorithm.confidentiality_limit();
        Self { key: prepare(algorithm, key), nonces: Nonces::new(iv), limit, layout }
    }

    /// How much room protection takes in a record, before the content and behind it.
    #[inline]
    #[must_use]
    pub fn overhead(&self) -> Overhead {
        self.layout.overhead()
    }

    /// Whether the type of a record is inside of what is protected (TLS 1.3), and with it may be padding.
    #[inline]
    #[must_use]
    pub fn hides_content_type(&self) -> bool {
        self.layout.hides_content_type()
    }

    /// Makes the next record where its content lies: writes the header and what else protection adds, and encrypts.
    ///
    /// `record` is room for the header's five bytes and for [`Overhead::before`], then the content, then room for
    /// [`Overhead::after`]. What the room holds does not matter. How long a content may be, which is 2^14 bytes
    /// unless the peer asked for less, is for the caller to observe.
    ///
    /// In TLS 1.3 a content may end in its own type and zeros if `content_type` is zero: that is a padded record
    /// (RFC 9846 §5.4).
    ///
    /// # Errors
    ///
    /// [`Error::SequenceExhausted`] if the key has protected as many records as it may: `record` is left as it was, and
    /// so it goes for every later record. [`Error::Seal`] if `record` has not the room, or is longer than its header
    /// could say.
    #[inline]
    pub fn seal(&mut self, content_type: u8, record: &mut [u8]) -> Result<(), Error> {
        if self.exhausted() {
            return Err(Error::SequenceExhausted);
        }
        let sequence = self.nonces.sequence;
        let (nonce, next) = self.nonces.current()?;
        let (header, body) = record.split_first_chunk_mut::<HEADER_LEN>().ok_or(Error::Seal)?;
        let length = u16::try_from(body.len()).map_err(|_| Error::Seal)?;
        let (body, tag) = body.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::Seal)?;
        let made = match self.layout {
            Layout::Tls13 => {
                *body.last_mut().ok_or(Error::Seal)? = content_type;
                *header = record_header(APPLICATION_DATA, length);
                self.key.seal_in_place_separate_tag(nonce, Aad::from(*header), body)
            }
            Layout::Tls12Gcm => {
                // RFC 5288 §3 leaves the explicit nonce to the sender, who must not repeat it under one key. Drawn at
                // random it would, by the birthday bound after some 2^32 records, and forgeries would follow; a
                // counter restored from elsewhere could. The sequence number cannot: it belongs to this key alone,
                // grows with every record, and ends before it wraps.
                let (explicit, content) = body.split_first_chunk_mut::<EXPLICIT_NONCE_LEN>().ok_or(Error::Seal)?;
                *explicit = sequence.to_be_bytes();
                *header = record_header(content_type, length);
                let aad = tls12_aad(sequence, header, content.len())?;
                self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), content)
            }
            Layout::Tls12ChaCha => {
                *header = record_header(content_type, length);
                let aad = tls12_aad(sequence, header, body.len())?;
                self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), body)
            }
        };
        let made = made.map_err(|_| Error::Seal)?;
        self.nonces.sequence = next;
        *tag = made.as_ref().try_into().map_err(|_| Error::Seal)?;
        Ok(())
    }

    /// How many records were protected: the sequence number of the next one.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.nonces.sequence
    }

    /// Whether the key should be replaced before more data is sent: in TLS 1.3 by a KeyUpdate, in TLS 1.2 by another
    /// connection.
    ///
    /// It turns true when seven eighths of the limit are used up, so that the KeyUpdate itself, or the alert that
    /// closes, and what was already on its way still find room.
    #[inline]
    #[must_use]
    pub fn needs_key_update(&self) -> bool {
        self.sequence() >= self.limit.saturating_sub((self.limit >> 3).max(1))
    }

    /// Whether the limit is reached, so that [`seal`](Self::seal) refuses.
    #[inline]
    #[must_use]
    pub fn exhausted(&self) -> bool {
        self.sequence() >= self.limit
    }

    /// Lowers how many records the key may protect in all. It is never raised, and never above
    /// [`BulkAlgorithm::confidentiality_limit`].
    pub fn set_confidentiality_limit(&mut self, records: u64) {
        self.limit = self.limit.min(records);
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("sequence", &self.sequence()).finish_non_exhaustive()
    }
}

/// The bytes by which a protected record is longer than its header and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overhead {
    /// Between the header and the content: the explicit nonce of AES-GCM in TLS 1.2.
    pub before: usize,
    /// Behind the content: the tag, and before it the content type of TLS 1.3.
    pub after: usize,
}

/// Opens the protected records of one direction under one key, in the order in which they were protected.
/// The key is overwritten on drop.
pub struct Opener {
    key: AeadKey,
    nonces: Nonces,
    layout: Layout,
}

impl Opener {
    pub(crate) fn tls13(algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN]) -> Self {
        Self { key: prepare(algorithm, key), nonces: Nonces::new(iv), layout: Layout::Tls13 }
    }

    /// `iv` as for [`Sealer::tls12`].
    pub(crate) fn tls12(algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN]) -> Self {
        Self { key: prepare(algorithm, key), nonces: Nonces::new(iv), layout: Layout::of_tls12(algorithm) }
    }

    /// Returns how much room protection takes in a record, before the content and after it.
    #[inline]
    #[must_use]
    pub fn overhead(&self) -> Overhead {
        self.layout.overhead()
    }

    /// Decrypts the next record in place and tells what its content is and where it lies.
    ///
    /// `record` is all of the record as it came, with its header.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if it is not the next record of the sequence under this key. [`Error::PlaintextTooLong`] if it
    /// is, and holds more than a record may: a content and a type of 2^14 + 1 bytes with padding in TLS 1.3, a content
    /// of 2^14 bytes in TLS 1.2. [`Error::NoContentType`] if a record of TLS 1.3 is zeros throughout.
    /// [`Error::SequenceExhausted`] after 2^64 - 1 records. How many records a peer protects is not limited otherwise
    /// (RFC 9846 §5.5 asks receivers not to).
    ///
    /// The sequence does not advance then, so that a record that does belong here can still be opened, as is needed
    /// where a server skips rejected early data. What `record` holds behind its header is unspecified.
    #[inline]
    pub fn open(&mut self, record: &mut [u8]) -> Result<OpenedRecord, Error> {
        let sequence = self.nonces.sequence;
        let (nonce, next) = self.nonces.current()?;
        let (header, body) = record.split_first_chunk_mut::<HEADER_LEN>().ok_or(Error::Open)?;
        let opened = match self.layout {
            Layout::Tls13 => {
                let inner = self.key.open_in_place(nonce, Aad::from(*header), body).map_err(|_| Error::Open)?;
                let inner = at_most(MAX_FRAGMENT + INNER_TYPE_LEN, inner)?;
                // RFC 9846 §5.4: zeros are padding, and what comes before them is the content type.
                let length = inner.iter().rposition(|byte| *byte != 0).ok_or(Error::NoContentType)?;
                let content_type = inner.get(length).copied().ok_or(Error::NoContentType)?;
                OpenedRecord { content_type, content: range(HEADER_LEN, length) }
            }
            Layout::Tls12Gcm => {
                // RFC 5288 §3: the sender chose this part of the nonce, maybe by another rule than ours.
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

    /// Whether the type of a record is inside of what is protected (TLS 1.3), so that every protected record says
    /// application_data outside.
    #[inline]
    #[must_use]
    pub fn hides_content_type(&self) -> bool {
        self.layout.hides_content_type()
    }

    /// How many records were opened: the sequence number of the next one.
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

/// What a record turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedRecord {
    /// The code point of the content's type.
    pub content_type: u8,
    /// Where the content lies in the record, counted from the first byte of its header.
    pub content: Range<usize>,
}

/// What lies where in a record.
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

/// Makes the nonces of one key: iv xor sequence number, RFC 9846 §5.3 and RFC 7905 §2.
///
/// Where the last eight bytes of the iv are zeros, that is the four-byte salt and then the sequence number: our nonce
/// for AES-GCM in TLS 1.2.
struct Nonces {
    /// The first four bytes of the iv, which the sequence number does not reach.
    head: [u8; 4],
    /// The rest of the iv.
    tail: u64,
    sequence: u64,
}

impl Nonces {
    fn new(iv: &[u8; NONCE_LEN]) -> Self {
        let [a, b, c, d, tail @ ..] = *iv;
        Self { head: [a, b, c, d], tail: u64::from_be_bytes(tail), sequence: 0 }
    }

    /// The nonce of the next record, and the sequence number to go on with if it was used. A sequence number has a
    /// nonce only if there is one after it.
    #[inline]
    fn current(&self) -> Result<(Nonce, u64), Error> {
        let next = self.sequence.checked_add(1).ok_or(Error::SequenceExhausted)?;
        Ok((self.with_explicit((self.tail ^ self.sequence).to_be_bytes()), next))
    }

    /// The nonce with this behind the salt.
    #[inline]
    fn with_explicit(&self, explicit: [u8; EXPLICIT_NONCE_LEN]) -> Nonce {
        let [a, b, c, d] = self.head;
        let [e, f, g, h, i, j, k, l] = explicit;
        Nonce::assume_unique_for_key([a, b, c, d, e, f, g, h, i, j, k, l])
    }
}

/// Opens what lies behind the header and an explicit nonce of `before` bytes, and gives the length of the content.
#[inline]
fn open_tls12(
    key: &AeadKey,
    nonce: Nonce,
    sequence: u64,
    header: &[u8; HEADER_LEN],
    before: usize,
    sealed: &mut [u8],
) -> Result<usize, Error> {
    let length = sealed.len().checked_sub(TAG_LEN).ok_or(Error::Open)?;
    // The header's length is not authenticated itself: the one of the content is, which follows from it.
    let [_, _, _, high, low] = *header;
    if usize::from(u16::from_be_bytes([high, low])) != sealed.len().saturating_add(before) {
        return Err(Error::Open);
    }
    let aad = tls12_aad(sequence, header, length).map_err(|_| Error::Open)?;
    let content = key.open_in_place(nonce, Aad::from(aad), sealed).map_err(|_| Error::Open)?;
    Ok(at_most(MAX_FRAGMENT, content)?.len())
}

/// RFC 5246 §6.2.3.3: seq_num + type + version + length, which is that of the content.
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
    // The version of TLS 1.2, which TLS 1.3 keeps as legacy_record_version.
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

#[allow(clippy::expect_used, reason = "ring refuses nothing but a wrong length; the callers derive the right one")]
fn prepare(algorithm: BulkAlgorithm, key: &[u8]) -> AeadKey {
    AeadKey::new(algorithm.aead(), key).expect("the key has the algorithm's length")
}

const HEADER_LEN: usize = 5;
const INNER_TYPE_LEN: usize = 1;
/// What of a nonce is not the salt, RFC 5288 §3.
const EXPLICIT_NONCE_LEN: usize = 8;
/// The type that all protected records of TLS 1.3 show.
const APPLICATION_DATA: u8 = 23;
/// RFC 9846 §5.1, RFC 5246 §6.2.1.
const MAX_FRAGMENT: usize = 1 << 14;

#[cfg(test)]
mod tests;
