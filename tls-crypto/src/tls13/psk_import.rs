//! Imports external pre-shared keys (RFC 9258).

use core::fmt;

use super::labels;
use crate::hash::MAX_HASH_LEN;
use crate::secret_bytes::{SecretBytes, with_zeroized_stack};
use crate::{Backend, Error, HashAlgorithm, hkdf};

/// Imports an external pre-shared key for one protocol and one hash, RFC 9258 §5.1.
///
/// `epsk_hash` is the hash of the external key `epsk`. `imported_identity` is the encoded
/// `ImportedIdentity`, which is the identity in the ClientHello. `target` is the hash that its
/// `target_kdf` names: the imported key has the length of its output and may be used only with it.
/// The binder uses [`BinderKind::Imported`](super::BinderKind::Imported).
///
/// # Errors
///
/// [`Error::OutputTooLong`] if the output is too long for HKDF, which does not occur with these
/// hashes.
///
/// ```
/// use strata_tls_crypto::Backend;
/// use strata_tls_crypto::HashAlgorithm::{Sha256, Sha384};
/// use strata_tls_crypto::tls13::import_psk;
///
/// // external_identity, context, target_protocol, target_kdf
/// let identity = b"\x00\x06sensor\x00\x00\x03\x04\x00\x02";
/// let psk = import_psk(Backend::ring(), Sha256, &[7; 32], identity, Sha384)?;
/// assert_eq!(psk.as_ref().len(), Sha384.output_len());
/// # Ok::<(), strata_tls_crypto::Error>(())
/// ```
pub fn import_psk(
    backend: Backend,
    epsk_hash: HashAlgorithm,
    epsk: &[u8],
    imported_identity: &[u8],
    target: HashAlgorithm,
) -> Result<ImportedPsk, Error> {
    let context = backend.hash(epsk_hash, imported_identity);
    let mut bytes = SecretBytes::new([0; MAX_HASH_LEN]);
    let ipskx = bytes.get_mut(..target.output_len()).ok_or(Error::OutputTooLong)?;
    with_zeroized_stack(|| {
        let epskx = hkdf::extract_without_salt(backend, epsk_hash, epsk);
        hkdf::hkdf_expand_label(&epskx, labels::DERIVED_PSK, context.as_ref(), ipskx)
    })?;
    Ok(ImportedPsk { target, bytes })
}

/// An imported pre-shared key, for [`EarlySecret::with_psk`](super::EarlySecret::with_psk) with its
/// target hash. Zeroized on drop, and not shown by `Debug`.
pub struct ImportedPsk {
    target: HashAlgorithm,
    bytes: SecretBytes<MAX_HASH_LEN>,
}

impl ImportedPsk {
    /// Returns the only hash that it may be used with.
    #[inline]
    #[must_use]
    pub fn target(&self) -> HashAlgorithm {
        self.target
    }
}

impl AsRef<[u8]> for ImportedPsk {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.target.output_len()).unwrap_or(self.bytes.as_slice())
    }
}

impl fmt::Debug for ImportedPsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedPsk").field("target", &self.target).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: [HashAlgorithm; 2] = [HashAlgorithm::Sha256, HashAlgorithm::Sha384];

    fn pairs() -> impl Iterator<Item = (HashAlgorithm, HashAlgorithm)> {
        HASHES.into_iter().flat_map(|hash| HASHES.map(|target| (hash, target)))
    }

    #[test]
    fn imported_psk_matches_the_steps_of_rfc_9258() {
        for &backend in Backend::ALL {
            for (hash, target) in pairs() {
                let epskx = hkdf::extract(backend, hash, &vec![0; hash.output_len()], b"external key");
                // struct { uint16 length; opaque label<7..255>; opaque context<0..255>; }
                // HkdfLabel, RFC 9846 §7.1
                let mut info = vec![0, u8::try_from(target.output_len()).unwrap()];
                info.push(17);
                info.extend(b"tls13 derived psk");
                info.push(u8::try_from(hash.output_len()).unwrap());
                info.extend(hash.hash(b"identity").as_ref());
                let mut expected = vec![0; target.output_len()];
                hkdf::expand(backend, hash, epskx.as_ref(), &info, &mut expected).unwrap();

                let imported = import_psk(backend, hash, b"external key", b"identity", target).unwrap();
                assert_eq!(imported.as_ref(), expected, "{hash:?} for {target:?}");
            }
        }
    }

    #[test]
    fn imported_psk_has_the_output_length_of_its_target() {
        for &backend in Backend::ALL {
            for (hash, target) in pairs() {
                let imported = import_psk(backend, hash, b"key", b"identity", target).unwrap();
                assert_eq!((imported.target(), imported.as_ref().len()), (target, target.output_len()));
            }
        }
    }

    #[test]
    fn imported_psk_depends_on_key_identity_and_both_hashes() {
        for &backend in Backend::ALL {
            let mut seen = std::collections::HashSet::new();
            for (hash, target) in pairs() {
                for key in [&b"key"[..], b"kez", b""] {
                    for identity in [&b"identity"[..], b"identitz", b""] {
                        // Compares prefixes, since a different length does not by itself make a
                        // different key.
                        let head = import_psk(backend, hash, key, identity, target).unwrap().as_ref()[..32].to_vec();
                        assert!(seen.insert(head), "{hash:?} {key:?} {identity:?} {target:?}");
                    }
                }
            }
            assert_eq!(seen.len(), 36);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        for &backend in Backend::ALL {
            let imported =
                import_psk(backend, HashAlgorithm::Sha256, b"key", b"identity", HashAlgorithm::Sha384).unwrap();
            assert_eq!(format!("{imported:?}"), "ImportedPsk { target: Sha384, .. }");
        }
    }
}
