//! Header protection and its masks, RFC 9001 §5.4.

use core::fmt;

use super::Version;
use crate::backend::HeaderProtectionKey;
use crate::hkdf::Expander;
use crate::{BulkAlgorithm, Error};

/// The length of the sample of a packet that determines its mask, in bytes.
pub const SAMPLE_LEN: usize = 16;

/// Protects the first byte and the packet number of packets in one direction, so that observers do
/// not see them. The key is overwritten on drop.
pub struct HeaderKey(HeaderProtectionKey);

impl HeaderKey {
    pub(super) fn derive(version: Version, aead: BulkAlgorithm, secret: &Expander) -> Self {
        let label = &version.labels().header;
        let prepare = |key: &[u8]| HeaderProtectionKey::new(secret.backend(), aead, key);
        Self(match aead {
            BulkAlgorithm::Aes128Gcm => prepare(secret.expand_fixed::<16>(label).as_slice()),
            BulkAlgorithm::Aes256Gcm | BulkAlgorithm::ChaCha20Poly1305 => {
                prepare(secret.expand_fixed::<32>(label).as_slice())
            }
        })
    }

    /// Returns the mask of a packet, from a sample of its encrypted payload (RFC 9001 §5.4.3,
    /// §5.4.4): one byte for the first byte of the header, four for the packet number.
    #[inline]
    #[must_use]
    pub fn mask(&self, sample: &[u8; SAMPLE_LEN]) -> [u8; 5] {
        self.0.mask(sample)
    }

    /// Protects the header of a packet whose payload is sealed, RFC 9001 §5.4.1.
    ///
    /// `packet` is the whole packet and `number_at` the offset of its packet number.
    ///
    /// # Errors
    ///
    /// [`Error::Seal`] if `packet` has fewer than 20 bytes from `number_at` on, so that there is no
    /// sample; `packet` is unchanged then. A sender pads the payload to avoid this (§5.4.2).
    #[inline]
    pub fn protect(&self, packet: &mut [u8], number_at: usize) -> Result<(), Error> {
        let (mask, first, number) = self.parts(packet, number_at).ok_or(Error::Seal)?;
        let number_len = number_len(*first);
        apply(mask, first, number, number_len);
        Ok(())
    }

    /// Removes the protection of a received packet's header, RFC 9001 §5.4.1, and returns the
    /// length of the packet number: 1 to 4 bytes. The header ends there.
    ///
    /// The header is not authenticated before [`PacketKey::open`](super::PacketKey::open) succeeds.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] if `packet` has fewer than 20 bytes from `number_at` on; `packet` is
    /// unchanged then. Discard it (§5.4.2).
    #[inline]
    pub fn unprotect(&self, packet: &mut [u8], number_at: usize) -> Result<usize, Error> {
        let (mask, first, number) = self.parts(packet, number_at).ok_or(Error::Open)?;
        let number_len = number_len(*first ^ first_mask(mask, *first));
        apply(mask, first, number, number_len);
        Ok(number_len)
    }

    /// Returns the mask, the first byte, and the longest possible packet number.
    #[inline]
    fn parts<'p>(&self, packet: &'p mut [u8], number_at: usize) -> Option<([u8; 5], &'p mut u8, &'p mut [u8; 4])> {
        let (head, rest) = packet.split_at_mut_checked(number_at)?;
        let (number, rest) = rest.split_first_chunk_mut::<4>()?;
        let sample = rest.first_chunk::<SAMPLE_LEN>()?;
        Some((self.mask(sample), head.first_mut()?, number))
    }
}

impl fmt::Debug for HeaderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderKey").finish_non_exhaustive()
    }
}

/// Returns the bits of the first byte that the mask changes: the low four of a long header, the low
/// five of a short one.
#[inline]
fn first_mask([mask, ..]: [u8; 5], first: u8) -> u8 {
    mask & if first & LONG_HEADER != 0 { 0x0f } else { 0x1f }
}

#[inline]
fn apply(mask: [u8; 5], first: &mut u8, number: &mut [u8; 4], number_len: usize) {
    *first ^= first_mask(mask, *first);
    for (byte, mask) in number.iter_mut().zip(mask.iter().skip(1)).take(number_len) {
        *byte ^= mask;
    }
}

#[inline]
fn number_len(first: u8) -> usize {
    usize::from(first & 0x03).saturating_add(1)
}

/// The header form bit, RFC 8999 §5.1.
const LONG_HEADER: u8 = 0x80;
