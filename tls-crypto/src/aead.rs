//! Record protection, RFC 9846 §5.2, §5.3 and §5.5.

use core::fmt;

use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey};

use crate::{BulkAlgorithm, Error};

/// The length of the tag by which a protected record is longer than what it protects.
pub const TAG_LEN: usize = 16;

/// The length of nonces and of the per-connection value that is mixed into them.
pub const NONCE_LEN: usize = 12;

/// Protects the records of one direction under one key.
///
/// It owns the key and the sequence number and cannot be copied, so that no nonce is used twice.
pub struct Sealer {
    key: LessSafeKey,
    nonces: Nonces,
    limit: u64,
}

impl Sealer {
    pub(crate) fn new(algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN]) -> Self {
        Self { key: prepare(algorithm, key), nonces: Nonces::new(iv), limit: algorithm.confidentiality_limit() }
    }

    /// Encrypts `in_out` in place as the next record and returns the tag that goes behind it.
    ///
    /// `aad` is the record's header as it goes on the wire, whose length counts the tag (RFC 9846 §5.2). `in_out` is
    /// the TLSInnerPlaintext: content, content type, padding.
    ///
    /// # Errors
    ///
    /// [`Error::SequenceExhausted`] if the key has protected as many records as it may: `in_out` is left as it was, and
    /// so it goes for every later record. [`Error::Seal`] if `in_out` is longer than the AEAD allows (2^36 bytes).
    #[inline]
    pub fn seal(&mut self, aad: &[u8; 5], in_out: &mut [u8]) -> Result<[u8; TAG_LEN], Error> {
        if self.exhausted() {
            return Err(Error::SequenceExhausted);
        }
        let (nonce, next) = self.nonces.current()?;
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), in_out).map_err(|_| Error::Seal)?;
        self.nonces.sequence = next;
        tag.as_ref().try_into().map_err(|_| Error::Seal)
    }

    /// How many records were protected: the sequence number of the next one.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.nonces.sequence
    }

    /// Whether the key should be replaced by a KeyUpdate before more data is sent.
    ///
    /// It turns true when seven eighths of the limit are used up, so that the KeyUpdate itself and what was already on
    /// its way still find room.
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

    #[cfg(test)]
    pub(crate) fn starting_at(mut self, sequence: u64) -> Self {
        self.nonces.sequence = sequence;
        self
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("sequence", &self.sequence()).finish_non_exhaustive()
    }
}

/// Opens the protected records of one direction under one key, in the order in which they were protected.
pub struct Opener {
    key: LessSafeKey,
    nonces: Nonces,
}

impl Opener {
    pub(crate) fn new(algorithm: BulkAlgorithm, key: &[u8], iv: &[u8; NONCE_LEN]) -> Self {
        Self { key: prepare(algorithm, key), nonces: Nonces::new(iv) }
    }

    /// Decrypts the next record in place and returns the length of the plaintext at the start of `in_out`.
    ///
    /// `aad` is the record's header as it came; `in_out` is all that follows it: the ciphertext and its tag.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if it is not the next record of the sequence under this key. The sequence does not advance, so
    /// that a record that does belong here can still be opened, as is needed where a server skips rejected early data.
    /// What `in_out` holds then is unspecified. [`Error::SequenceExhausted`] after 2^64 - 1 records. How many records a
    /// peer protects is not limited otherwise (RFC 9846 §5.5 asks receivers not to).
    #[inline]
    pub fn open(&mut self, aad: &[u8; 5], in_out: &mut [u8]) -> Result<usize, Error> {
        let (nonce, next) = self.nonces.current()?;
        let plaintext = self.key.open_in_place(nonce, Aad::from(aad), in_out).map_err(|_| Error::Open)?;
        self.nonces.sequence = next;
        Ok(plaintext.len())
    }

    /// How many records were opened: the sequence number of the next one.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.nonces.sequence
    }

    #[cfg(test)]
    pub(crate) fn starting_at(mut self, sequence: u64) -> Self {
        self.nonces.sequence = sequence;
        self
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("sequence", &self.sequence()).finish_non_exhaustive()
    }
}

/// Makes the nonces of one key, RFC 9846 §5.3.
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
        let [a, b, c, d] = self.head;
        let [e, f, g, h, i, j, k, l] = (self.tail ^ self.sequence).to_be_bytes();
        Ok((Nonce::assume_unique_for_key([a, b, c, d, e, f, g, h, i, j, k, l]), next))
    }
}

#[allow(clippy::expect_used, reason = "ring refuses nothing but a wrong length; the only caller derives the right one")]
fn prepare(algorithm: BulkAlgorithm, key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(algorithm.aead(), key).expect("the key has the algorithm's length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALGORITHMS: [BulkAlgorithm; 3] =
        [BulkAlgorithm::Aes128Gcm, BulkAlgorithm::Aes256Gcm, BulkAlgorithm::ChaCha20Poly1305];
    const IV: [u8; NONCE_LEN] = [9; NONCE_LEN];
    const AAD: [u8; 5] = [23, 3, 3, 0, 0];

    fn pair(algorithm: BulkAlgorithm) -> (Sealer, Opener) {
        let key = vec![7; algorithm.key_len()];
        (Sealer::new(algorithm, &key, &IV), Opener::new(algorithm, &key, &IV))
    }

    fn sealed(sealer: &mut Sealer, plaintext: &[u8]) -> Vec<u8> {
        let mut record = plaintext.to_vec();
        let tag = sealer.seal(&AAD, &mut record).unwrap();
        record.extend(tag);
        record
    }

    #[test]
    fn records_of_every_algorithm_and_length_come_back() {
        for algorithm in ALGORITHMS {
            let (mut sealer, mut opener) = pair(algorithm);
            for (sequence, length) in (0..).zip([0, 1, 15, 16, 17, 255, 256, 1000, 16385]) {
                let plaintext = vec![0x5a; length];
                assert_eq!(sealer.sequence(), sequence);
                let mut record = sealed(&mut sealer, &plaintext);
                assert_eq!(record.len(), length + TAG_LEN);
                assert_eq!(opener.open(&AAD, &mut record), Ok(length));
                assert_eq!(record[..length], plaintext);
                assert_eq!(opener.sequence(), sequence + 1);
            }
        }
    }

    #[test]
    fn every_flipped_bit_of_record_and_header_is_refused_and_does_not_advance() {
        for algorithm in ALGORITHMS {
            let (mut sealer, mut opener) = pair(algorithm);
            let record = sealed(&mut sealer, b"a record");
            for bit in 0..record.len() * 8 {
                let mut changed = record.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(opener.open(&AAD, &mut changed), Err(Error::Open), "{algorithm:?} bit {bit}");
            }
            for bit in 0..AAD.len() * 8 {
                let mut aad = AAD;
                aad[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(opener.open(&aad, &mut record.clone()), Err(Error::Open), "{algorithm:?} aad bit {bit}");
            }
            assert_eq!(opener.sequence(), 0);
            assert_eq!(opener.open(&AAD, &mut record.clone()), Ok(8));
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        for algorithm in ALGORITHMS {
            let (mut sealer, mut opener) = pair(algorithm);
            let record = sealed(&mut sealer, b"a record");
            for length in 0..record.len() {
                assert_eq!(opener.open(&AAD, &mut record[..length].to_vec()), Err(Error::Open), "{length}");
            }
            assert_eq!(opener.sequence(), 0);
        }
    }

    #[test]
    fn a_record_opens_at_its_own_place_alone() {
        for algorithm in ALGORITHMS {
            let (mut sealer, mut opener) = pair(algorithm);
            let (first, second) = (sealed(&mut sealer, b"same"), sealed(&mut sealer, b"same"));
            assert_ne!(first, second);
            assert_eq!(opener.open(&AAD, &mut second.clone()), Err(Error::Open));
            assert_eq!(opener.open(&AAD, &mut first.clone()), Ok(4));
            assert_eq!(opener.open(&AAD, &mut first.clone()), Err(Error::Open), "replayed");
            assert_eq!(opener.open(&AAD, &mut second.clone()), Ok(4));
        }
    }

    #[test]
    fn the_nonce_is_the_iv_xored_with_the_sequence_number() {
        let algorithm = BulkAlgorithm::Aes128Gcm;
        let sequence = 0x0102_0304_0506_0708;
        let (sealer, _) = pair(algorithm);
        let mut sealer = sealer.starting_at(sequence);
        sealer.limit = u64::MAX;
        let record = sealed(&mut sealer, b"a record");

        let mut iv = IV;
        for (byte, number) in iv[4..].iter_mut().zip(1..) {
            *byte ^= number;
        }
        let mut at_zero = Sealer::new(algorithm, &[7; 16], &iv);
        assert_eq!(sealed(&mut at_zero, b"a record"), record);
    }

    #[test]
    fn a_sealer_refuses_to_wrap_its_sequence_number() {
        let (sealer, opener) = pair(BulkAlgorithm::ChaCha20Poly1305);
        let (mut sealer, mut opener) = (sealer.starting_at(u64::MAX - 1), opener.starting_at(u64::MAX - 1));
        let mut last = sealed(&mut sealer, b"last");
        assert!(sealer.exhausted());
        let mut untouched = *b"more";
        assert_eq!(sealer.seal(&AAD, &mut untouched), Err(Error::SequenceExhausted));
        assert_eq!(sealer.seal(&AAD, &mut untouched), Err(Error::SequenceExhausted));
        assert_eq!((&untouched, sealer.sequence()), (b"more", u64::MAX));

        assert_eq!(opener.open(&AAD, &mut last), Ok(4));
        assert_eq!(opener.open(&AAD, &mut last), Err(Error::SequenceExhausted));
        assert_eq!(opener.sequence(), u64::MAX);
    }

    #[test]
    fn aes_gcm_asks_for_a_key_update_before_its_limit_and_stops_at_it() {
        for algorithm in [BulkAlgorithm::Aes128Gcm, BulkAlgorithm::Aes256Gcm] {
            assert!(!pair(algorithm).0.needs_key_update());
            let margin = (1 << 24) / 8;
            let mut sealer = pair(algorithm).0.starting_at((1 << 24) - margin - 1);
            assert!(!sealer.needs_key_update());
            sealed(&mut sealer, b"");
            assert!(sealer.needs_key_update() && !sealer.exhausted());

            let mut sealer = pair(algorithm).0.starting_at((1 << 24) - 1);
            sealed(&mut sealer, b"");
            assert!(sealer.exhausted());
            assert_eq!(sealer.seal(&AAD, &mut []), Err(Error::SequenceExhausted));
        }
    }

    #[test]
    fn the_limit_of_aes_gcm_is_not_above_the_one_of_the_rfc() {
        // RFC 9846 §5.5: 2^24.5 records, about 23.7 million.
        assert!(BulkAlgorithm::Aes128Gcm.confidentiality_limit() <= 23_700_000);
        assert!(BulkAlgorithm::Aes256Gcm.confidentiality_limit() <= 23_700_000);
    }

    #[test]
    fn a_lowered_limit_leaves_room_for_the_key_update_and_is_never_raised() {
        for limit in [1, 2, 7, 8, 9, 100] {
            let (mut sealer, _) = pair(BulkAlgorithm::Aes128Gcm);
            sealer.set_confidentiality_limit(limit);
            sealer.set_confidentiality_limit(u64::MAX);
            let mut after_asking = 0;
            for _ in 0..limit {
                after_asking += u64::from(sealer.needs_key_update());
                sealed(&mut sealer, b"");
            }
            assert_eq!(after_asking, (limit / 8).max(1), "records left after asking, limit {limit}");
            assert_eq!(sealer.seal(&AAD, &mut []), Err(Error::SequenceExhausted));
        }
        let (mut sealer, _) = pair(BulkAlgorithm::Aes128Gcm);
        sealer.set_confidentiality_limit(0);
        assert_eq!(sealer.seal(&AAD, &mut []), Err(Error::SequenceExhausted));
    }

    #[test]
    fn debug_shows_no_key() {
        let (sealer, opener) = pair(BulkAlgorithm::Aes128Gcm);
        assert_eq!(format!("{sealer:?} {opener:?}"), "Sealer { sequence: 0, .. } Opener { sequence: 0, .. }");
    }
}
