//! The integrity tag of Retry packets, RFC 9001 §5.8.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::Version;
use crate::Error;
use crate::aead::TAG_LEN;

/// Returns the integrity tag that ends a Retry packet.
///
/// `original` is the Destination Connection ID of the Initial packet that the Retry responds to,
/// and `packet` the Retry packet without the tag. The key is public: the tag proves only that its
/// sender saw the Initial packet.
///
/// # Errors
///
/// [`Error::Seal`] if `original` is longer than 255 bytes.
pub fn retry_tag(version: Version, original: &[u8], packet: &[u8]) -> Result<[u8; TAG_LEN], Error> {
    let length = u8::try_from(original.len()).map_err(|_| Error::Seal)?;
    let (key, nonce) = version.retry_key();
    let key = UnboundKey::new(&AES_128_GCM, key).map(LessSafeKey::new).map_err(|_| Error::Seal)?;
    let pseudo_packet = [&[length], original, packet].concat();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(pseudo_packet), &mut []).map_err(|_| Error::Seal)?;
    tag.as_ref().try_into().map_err(|_| Error::Seal)
}

/// Checks the integrity tag of a received Retry packet, and returns whether it is valid. A client
/// discards packets with an invalid tag (RFC 9000 §17.2.5.2).
///
/// `original` is the Destination Connection ID of the client's Initial packet, and `packet` the
/// whole Retry packet, tag included.
#[must_use]
pub fn verify_retry_tag(version: Version, original: &[u8], packet: &[u8]) -> bool {
    let Some((packet, received)) = packet.split_last_chunk::<TAG_LEN>() else { return false };
    // Not in constant time: the key is public.
    retry_tag(version, original, packet).is_ok_and(|tag| tag == *received)
}
