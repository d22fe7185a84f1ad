//! The integrity tag of Retry packets, RFC 9001 §5.8.

use super::Version;
use crate::aead::TAG_LEN;
use crate::backend::AeadKey;
use crate::{Backend, BulkAlgorithm, Error};

/// Returns the integrity tag that ends a Retry packet.
///
/// `original` is the Destination Connection ID of the Initial packet that the Retry responds to,
/// and `packet` the Retry packet without the tag. The key is public: the tag proves only that its
/// sender saw the Initial packet.
///
/// # Errors
///
/// [`Error::Seal`] if `original` is longer than 255 bytes.
pub fn retry_tag(backend: Backend, version: Version, original: &[u8], packet: &[u8]) -> Result<[u8; TAG_LEN], Error> {
    let length = u8::try_from(original.len()).map_err(|_| Error::Seal)?;
    let (key, nonce) = version.retry_key();
    let key = AeadKey::new(backend, BulkAlgorithm::Aes128Gcm, key).ok_or(Error::Seal)?;
    let pseudo_packet = [&[length], original, packet].concat();
    let mut tag = [0; TAG_LEN];
    key.seal(nonce, pseudo_packet, &mut [], &mut tag)?;
    Ok(tag)
}

/// Checks the integrity tag of a received Retry packet, and returns whether it is valid. A client
/// discards packets with an invalid tag (RFC 9000 §17.2.5.2).
///
/// `original` is the Destination Connection ID of the client's Initial packet, and `packet` the
/// whole Retry packet, tag included.
#[must_use]
pub fn verify_retry_tag(backend: Backend, version: Version, original: &[u8], packet: &[u8]) -> bool {
    let Some((packet, received)) = packet.split_last_chunk::<TAG_LEN>() else { return false };
    // Not in constant time: the key is public.
    retry_tag(backend, version, original, packet).is_ok_and(|tag| tag == *received)
}
