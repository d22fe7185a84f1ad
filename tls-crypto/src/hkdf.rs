//! HKDF (RFC 5869) over HMAC, and HKDF-Expand-Label (RFC 9846 §7.1).
//!
//! The key schedule consists of these functions. HMAC starts by hashing one block that depends only
//! on its key, for the inner and for the outer hash. An [`Expander`] stores both states, so that a
//! secret with several derived values computes them once. Each value of TLS 1.3 then takes two
//! blocks.
//!
//! ```
//! use strata_tls_crypto::{Backend, HashAlgorithm, hkdf};
//!
//! let secret = hkdf::extract(Backend::ring(), HashAlgorithm::Sha256, b"salt", b"input keying material");
//! let mut key = [0; 16];
//! hkdf::hkdf_expand_label(&secret, b"key", b"", &mut key)?;
//! # Ok::<(), strata_tls_crypto::Error>(())
//! ```

use core::fmt;
use std::sync::OnceLock;

use crate::backend::{HmacKey, HmacTag, Library};
use crate::hash::{MAX_HASH_LEN, copy_prefix, padded};
use crate::hmac_input::HmacInput;
use crate::secret_bytes::SecretBytes;
use crate::{Backend, Digest, Error, HashAlgorithm};

/// HKDF-Extract, RFC 5869 §2.2.
#[must_use]
pub fn extract(backend: Backend, algorithm: HashAlgorithm, salt: &[u8], input_keying_material: &[u8]) -> Secret {
    Expander::new(backend, algorithm, salt).extract(input_keying_material)
}

/// HKDF-Extract with a salt of zeros, which equals no salt. Its HMAC key is public and prepared
/// once per process.
pub(crate) fn extract_without_salt(backend: Backend, algorithm: HashAlgorithm, input_keying_material: &[u8]) -> Secret {
    static KEYS: PublicKeys = PublicKeys::new();
    KEYS.get(backend, algorithm, &[]).extract(input_keying_material)
}

/// Expanders of public keys, one for each backend and hash, each prepared once per process.
pub(crate) struct PublicKeys {
    ring: [OnceLock<Expander>; 2],
    #[cfg(feature = "aws-lc-rs")]
    aws_lc: [OnceLock<Expander>; 2],
}

impl PublicKeys {
    pub(crate) const fn new() -> Self {
        Self {
            ring: [OnceLock::new(), OnceLock::new()],
            #[cfg(feature = "aws-lc-rs")]
            aws_lc: [OnceLock::new(), OnceLock::new()],
        }
    }

    /// `key` is a constant of the hash.
    pub(crate) fn get(&self, backend: Backend, algorithm: HashAlgorithm, key: &[u8]) -> &Expander {
        let [sha256, sha384] = match backend.0 {
            Library::Ring => &self.ring,
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => &self.aws_lc,
        };
        let place = match algorithm {
            HashAlgorithm::Sha256 => sha256,
            HashAlgorithm::Sha384 => sha384,
        };
        place.get_or_init(|| Expander::new(backend, algorithm, key))
    }
}

/// HKDF-Expand (RFC 5869 §2.3) with a pseudorandom key that is used once.
///
/// # Errors
///
/// [`Error::OutputTooLong`] if `out` is longer than 255 digests.
pub fn expand(
    backend: Backend,
    algorithm: HashAlgorithm,
    pseudorandom_key: &[u8],
    info: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    Expander::new(backend, algorithm, pseudorandom_key).expand(&[info], out)
}

/// HKDF-Expand-Label (RFC 9846 §7.1) with a secret that is used once. `label` does not include
/// "tls13 ".
///
/// # Errors
///
/// See [`Expander::expand_label`].
pub fn hkdf_expand_label(secret: &Secret, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error> {
    secret.expander().expand_label(label, context, out)
}

/// A secret of the length of its hash: a pseudorandom key, or a secret of the key schedule.
///
/// Zeroized on drop, and not shown by `Debug`.
pub struct Secret {
    backend: Backend,
    algorithm: HashAlgorithm,
    bytes: SecretBytes<MAX_HASH_LEN>,
}

impl Secret {
    /// Returns the hash that it is used with.
    #[inline]
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Prepares the secret for deriving values.
    #[must_use]
    pub fn expander(&self) -> Expander {
        Expander::new(self.backend, self.algorithm, self.as_ref())
    }

    /// Moves the secret, leaving zeros.
    pub(crate) fn take(&mut self) -> Self {
        Self { backend: self.backend, algorithm: self.algorithm, bytes: self.bytes.take() }
    }

    /// Copies a secret of the length of the hash; `None` for another length.
    pub(crate) fn from_bytes(backend: Backend, algorithm: HashAlgorithm, bytes: &[u8]) -> Option<Self> {
        let is_whole = bytes.len() == algorithm.output_len();
        is_whole.then(|| Self { backend, algorithm, bytes: SecretBytes::new(padded(bytes)) })
    }

    /// Returns the backend that it is used with.
    #[inline]
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }
}

impl AsRef<[u8]> for Secret {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.algorithm.output_len()).unwrap_or(self.bytes.as_slice())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// A secret prepared as an HMAC key. Overwritten on drop, with all bytes that the backend leaves
/// uninitialized.
///
/// A move copies it and leaves the old copy. Inside a heap value it is therefore boxed, so that
/// only a pointer moves, or taken out before the value is freed.
pub struct Expander {
    algorithm: HashAlgorithm,
    key: HmacKey,
}

impl Expander {
    /// Prepares a pseudorandom key. It should be at least as long as the hash's output.
    #[must_use]
    pub fn new(backend: Backend, algorithm: HashAlgorithm, pseudorandom_key: &[u8]) -> Self {
        Self { algorithm, key: HmacKey::new(backend, algorithm, pseudorandom_key) }
    }

    /// Returns its hash.
    #[inline]
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Moves the key, leaving a public one.
    pub(crate) fn take(&mut self) -> Self {
        Self { algorithm: self.algorithm, key: self.key.take() }
    }

    /// Returns its backend.
    #[inline]
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.key.backend()
    }

    fn secret_of(&self, tag: &HmacTag) -> Secret {
        let bytes = SecretBytes::new(padded(tag.as_ref()));
        Secret { backend: self.backend(), algorithm: self.algorithm, bytes }
    }

    /// HKDF-Expand, RFC 5869 §2.3. `info` is the concatenation of its parts.
    ///
    /// # Errors
    ///
    /// [`Error::OutputTooLong`] if `out` is longer than 255 digests; `out` is unchanged then.
    pub fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        let block_len = self.algorithm.output_len();
        if out.len() > block_len.saturating_mul(255) {
            return Err(Error::OutputTooLong);
        }
        let mut previous: Option<HmacTag> = None;
        for (block, counter) in out.chunks_mut(block_len).zip(1_u8..=255) {
            let counter = [counter];
            let parts = previous.iter().map(AsRef::as_ref).chain(info.iter().copied()).chain([counter.as_slice()]);
            let tag = self.key.sign_parts(parts);
            copy_prefix(tag.as_ref(), block);
            previous = Some(tag);
        }
        Ok(())
    }

    /// HKDF-Expand-Label, RFC 9846 §7.1. `label` does not include "tls13 ".
    ///
    /// # Errors
    ///
    /// [`Error::OutputTooLong`] if `out` is longer than 255 digests, `label` than 249 bytes or
    /// `context` than 255 bytes; `out` is unchanged then.
    pub fn expand_label(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let length = u16::try_from(out.len()).map_err(|_| Error::OutputTooLong)?;
        let label_len = PREFIX.len().saturating_add(label.len());
        let label_len = u8::try_from(label_len).map_err(|_| Error::OutputTooLong)?;
        let context_len = u8::try_from(context.len()).map_err(|_| Error::OutputTooLong)?;
        self.expand(&[&length.to_be_bytes(), &[label_len], PREFIX, label, &[context_len], context], out)
    }

    /// Derive-Secret, RFC 9846 §7.1. Infallible: all lengths are constants.
    pub(crate) fn derive_secret(&self, label: &Label, transcript_hash: &Digest) -> Secret {
        self.expand_to_hash(label, Some(transcript_hash))
    }

    /// HKDF-Expand-Label with an empty context and `N` bytes of output, at most the length of the
    /// hash.
    pub(crate) fn expand_fixed<const N: usize>(&self, label: &Label) -> SecretBytes<N> {
        const { assert!(N <= 32) };
        let [.., length] = N.to_be_bytes();
        let mut out = SecretBytes::new([0; N]);
        let info = HmacInput::hkdf_label(length, label, None);
        copy_prefix(self.key.sign(info.as_slice()).as_ref(), out.as_mut_slice());
        out
    }

    /// HKDF-Expand-Label with an empty context and output of the hash's length.
    pub(crate) fn expand_to_secret(&self, label: &Label) -> Secret {
        self.expand_to_hash(label, None)
    }

    fn expand_to_hash(&self, label: &Label, context: Option<&Digest>) -> Secret {
        let info = HmacInput::hkdf_label(self.algorithm.output_len_byte(), label, context);
        self.secret_of(&self.key.sign(info.as_slice()))
    }

    /// HKDF-Expand-Label with output of the hash's length. Only the first 255 bytes of `context`
    /// are used.
    pub(crate) fn expand_with_context(&self, label: &Label, context: &[u8]) -> Secret {
        let context = context.get(..255).unwrap_or(context);
        let [.., context_len] = context.len().to_be_bytes();
        let length = self.algorithm.output_len_byte();
        let info: [&[u8]; 5] = [&[0, length], label.wire(), &[context_len], context, &[1]];
        let tag = match HmacInput::of(&info) {
            Some(info) => self.key.sign(info.as_slice()),
            None => self.hmac_of(&[], &info),
        };
        self.secret_of(&tag)
    }

    /// HMAC with the secret as key.
    #[must_use]
    pub fn hmac(&self, message: &[u8]) -> Digest {
        Digest::copied_from(self.algorithm, self.key.sign(message).as_ref())
    }

    /// Returns whether `received` is the HMAC of `message`, compared in constant time.
    #[must_use]
    pub fn verify(&self, message: &[u8], received: &[u8]) -> bool {
        self.key.verify(message, received)
    }

    /// HMAC over the concatenation of `head` and `others`. The result may be secret.
    #[inline]
    pub(crate) fn hmac_of(&self, head: &[&[u8]], others: &[&[u8]]) -> HmacTag {
        self.key.sign_parts(head.iter().chain(others))
    }

    /// HKDF-Extract with the secret as salt.
    pub(crate) fn extract(&self, input_keying_material: &[u8]) -> Secret {
        self.secret_of(&self.key.sign(input_keying_material))
    }
}

impl fmt::Debug for Expander {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expander").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Drop for Expander {
    #[inline(never)]
    fn drop(&mut self) {
        self.key.overwrite();
    }
}

/// An encoded label: its length in one byte, "tls13 ", and its name; at most 24 bytes.
pub(crate) struct Label {
    /// The label, followed by zeros.
    pub(crate) padded: [u8; Self::ROOM],
    pub(crate) len: usize,
}

impl Label {
    const ROOM: usize = 24;

    /// Every `wire` is a constant of this crate; one that does not fit is a compile error.
    pub(crate) const fn new(wire: &[u8]) -> Self {
        let mut padded = [0; Self::ROOM];
        padded.split_at_mut(wire.len()).0.copy_from_slice(wire);
        Self { padded, len: wire.len() }
    }

    pub(crate) fn wire(&self) -> &[u8] {
        self.padded.get(..self.len).unwrap_or_default()
    }
}

const PREFIX: &[u8] = b"tls13 ";

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.trim_matches('-').as_bytes().chunks(2);
        digits.map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn rfc_5869_vectors() {
        for &backend in Backend::ALL {
            let cases = include_str!("../tests/data/rfc5869.txt").lines().filter(|line| !line.starts_with('#'));
            let mut count = 0;
            for case in cases {
                let values: Vec<_> = case.split(' ').map(hex).collect();
                let [ikm, salt, info, prk, okm] = values.try_into().unwrap();
                let secret = extract(backend, HashAlgorithm::Sha256, &salt, &ikm);
                assert_eq!(secret.as_ref(), prk);
                for length in 0..=okm.len() {
                    let mut out = vec![0; length];
                    expand(backend, HashAlgorithm::Sha256, &prk, &info, &mut out).unwrap();
                    assert_eq!(out, okm[..length]);
                }
                count += 1;
            }
            assert_eq!(count, 3);
        }
    }

    #[test]
    fn output_is_limited_to_255_digests() {
        for &backend in Backend::ALL {
            for algorithm in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                let expander = Expander::new(backend, algorithm, b"key");
                let mut most = vec![0; 255 * algorithm.output_len()];
                assert_eq!(expander.expand(&[b"info"], &mut most), Ok(()));
                assert!(most[254 * algorithm.output_len()..].iter().any(|byte| *byte != 0));
                most.push(0);
                assert_eq!(expander.expand(&[b"info"], &mut most), Err(Error::OutputTooLong));
            }
        }
    }

    #[test]
    fn label_and_context_are_limited_by_their_length_byte() {
        for &backend in Backend::ALL {
            let expander = Expander::new(backend, HashAlgorithm::Sha256, b"key");
            let mut out = [0; 8];
            assert_eq!(expander.expand_label(&[1; 249], &[1; 255], &mut out), Ok(()));
            assert_eq!(expander.expand_label(&[1; 250], b"", &mut out), Err(Error::OutputTooLong));
            assert_eq!(expander.expand_label(b"", &[1; 256], &mut out), Err(Error::OutputTooLong));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        for &backend in Backend::ALL {
            let secret = extract(backend, HashAlgorithm::Sha256, b"", b"");
            let shown = format!("{secret:?} {:?}", secret.expander());
            assert_eq!(shown, "Secret { algorithm: Sha256, .. } Expander { algorithm: Sha256, .. }");
        }
    }
}
