//! The hash functions of the cipher suites, and their output.

use core::fmt;

use crate::Backend;
use crate::backend::ring;

/// The length of the longest digest, in bytes.
pub(crate) const MAX_HASH_LEN: usize = 48;

/// The hash of a cipher suite, used for the transcript and HKDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-256, FIPS 180-4.
    Sha256,
    /// SHA-384, FIPS 180-4.
    Sha384,
}

impl HashAlgorithm {
    /// Returns the digest length in bytes; RFC 9846 calls it `Hash.length`.
    #[inline]
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// Returns the digest of `data`, by ring. [`Backend::hash`] chooses the backend.
    ///
    /// ```
    /// use strata_tls_crypto::HashAlgorithm;
    ///
    /// let digest = HashAlgorithm::Sha256.hash(b"abc");
    /// assert_eq!(digest.as_ref()[..4], [0xba, 0x78, 0x16, 0xbf]);
    /// ```
    #[must_use]
    pub fn hash(self, data: &[u8]) -> Digest {
        Backend::ring().hash(self, data)
    }

    /// Returns [`output_len`](Self::output_len) as a byte.
    #[inline]
    pub(crate) const fn output_len_byte(self) -> u8 {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// Returns the digest of the empty string: the context of secrets that do not depend on
    /// messages.
    #[inline]
    pub(crate) const fn of_empty(self) -> &'static Digest {
        match self {
            Self::Sha256 => &SHA256_OF_NOTHING,
            Self::Sha384 => &SHA384_OF_NOTHING,
        }
    }
}

/// Copies as many bytes of `from` as fit.
#[inline]
pub(crate) fn copy_prefix(from: &[u8], to: &mut [u8]) {
    let length = from.len().min(to.len());
    if let (Some(to), Some(from)) = (to.get_mut(..length), from.get(..length)) {
        to.copy_from_slice(from);
    }
}

/// Returns a digest followed by zeros. For SHA-256 the length is a constant here, so the copy
/// compiles to two stores.
#[inline]
pub(crate) fn padded(output: &[u8]) -> [u8; MAX_HASH_LEN] {
    let mut bytes = [0; MAX_HASH_LEN];
    match (output.try_into(), bytes.first_chunk_mut::<32>()) {
        (Ok(sha256), Some(place)) => *place = sha256,
        _ => copy_prefix(output, &mut bytes),
    }
    bytes
}

/// Returns the SHA-1 hash of `data`. OCSP responses identify certificates by it (RFC 6960 §4.1.1).
///
/// The hash is only an identifier; the response is authenticated by its signature. SHA-1 is not
/// used anywhere else in this library. ring computes it.
///
/// ```
/// assert_eq!(strata_tls_crypto::sha1_for_cert_id(b"abc")[..4], [0xa9, 0x99, 0x3e, 0x36]);
/// ```
#[must_use]
pub fn sha1_for_cert_id(data: &[u8]) -> [u8; 20] {
    let mut name = [0; 20];
    copy_prefix(ring::sha1(data).as_ref(), &mut name);
    name
}

/// The output of a hash function or HMAC, stored inline. It is not secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    algorithm: HashAlgorithm,
    /// Zero after the algorithm's length, so that the derived equality compares digests.
    bytes: [u8; MAX_HASH_LEN],
}

impl Digest {
    /// Copies a digest; `output` must have the algorithm's length.
    pub(crate) fn copied_from(algorithm: HashAlgorithm, output: &[u8]) -> Self {
        Self { algorithm, bytes: padded(output) }
    }

    /// Returns the digest followed by zeros.
    #[inline]
    pub(crate) fn padded(&self) -> &[u8; MAX_HASH_LEN] {
        &self.bytes
    }

    /// Returns the algorithm.
    #[inline]
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }
}

impl AsRef<[u8]> for Digest {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.algorithm.output_len()).unwrap_or(&self.bytes)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:", self.algorithm)?;
        self.as_ref().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

const SHA256_OF_NOTHING: Digest = Digest {
    algorithm: HashAlgorithm::Sha256,
    bytes: [
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae,
        0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ],
};

const SHA384_OF_NOTHING: Digest = Digest {
    algorithm: HashAlgorithm::Sha384,
    bytes: [
        0x38, 0xb0, 0x60, 0xa7, 0x51, 0xac, 0x96, 0x38, 0x4c, 0xd9, 0x32, 0x7e, 0xb1, 0xb1, 0xe3, 0x6a, 0x21, 0xfd,
        0xb7, 0x11, 0x14, 0xbe, 0x07, 0x43, 0x4c, 0x0c, 0xc7, 0xbf, 0x63, 0xf6, 0xe1, 0xda, 0x27, 0x4e, 0xde, 0xbf,
        0xe7, 0x6f, 0x65, 0xfb, 0xd5, 0x1a, 0xd2, 0xf1, 0x48, 0x98, 0xb9, 0x5b,
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_digest_constants_match_the_hash() {
        for algorithm in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
            assert_eq!(*algorithm.of_empty(), algorithm.hash(b""));
            assert_eq!(algorithm.hash(b"").as_ref().len(), algorithm.output_len());
            assert_eq!(usize::from(algorithm.output_len_byte()), algorithm.output_len());
        }
    }
}
