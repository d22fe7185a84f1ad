//! The signature cache: signatures verified once are not computed again.
//!
//! ```text
//! key, algorithm, message, signature ─ SHA-256 with secret prefix ─▶ tag ─▶ cached? ─yes─▶ valid
//!                                         no ─▶ verify ─ valid ─▶ insert the tag
//! ```

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};

use super::verifiers;
use crate::backend::{HashContext, Library};
use crate::{Backend, Error, HashAlgorithm, SecureRandom, SystemRandom};

/// A cache of valid signatures. Verifying a chain again then costs one hash per signature.
///
/// The validity of a signature depends only on key, algorithm, message and signature, and never
/// changes. Everything that changes is not cached: validity periods, names, revocation and trust in
/// the issuer must be checked each time. Invalid signatures are not cached, so an attacker cannot
/// fill the cache with them. An attacker with valid signatures can evict others, which are then
/// computed again.
///
/// Entries are 32-byte tags that depend on a random secret, so an attacker cannot search for
/// another signature with the same tag. Threads share the cache without locks. A tag that is read
/// while it is replaced matches nothing.
pub struct VerificationMemo {
    /// Prefixed to the hash input, so that tags are unpredictable to anyone who chooses messages.
    secret: [u8; 32],
    sets: Box<[Set]>,
}

/// The number of tags per set. A tag can be in any slot of its set.
const WAYS: usize = 4;

/// A slot contains a tag, or zero.
type Slot = [AtomicU64; 4];

#[derive(Default)]
#[repr(align(128))]
struct Set([Slot; WAYS]);

impl VerificationMemo {
    /// Creates a cache for this many signatures, rounded up to a multiple of four, at 32 bytes
    /// each. With 0 nothing is cached. New entries evict the oldest of their set.
    ///
    /// # Errors
    /// [`Error`] if no random bytes are available.
    pub fn new(signatures: usize) -> Result<Self, Error> {
        let mut secret = [0; 32];
        SystemRandom.fill(&mut secret)?;
        let sets = signatures.div_ceil(WAYS);
        Ok(Self { secret, sets: std::iter::repeat_with(Set::default).take(sets).collect() })
    }

    /// Creates a cache without entries.
    #[must_use]
    pub fn none() -> Self {
        Self { secret: [0; 32], sets: Box::default() }
    }

    /// Calls `verify` with all algorithms of a backend, in versions that check the cache first.
    /// The name of the backend: signatures that one accepted are not cached for others.
    pub fn with_algorithms<R>(
        &self,
        backend: Backend,
        verify: impl FnOnce(&[&dyn SignatureVerificationAlgorithm]) -> R,
    ) -> R {
        let all = verifiers(backend);
        if self.sets.is_empty() {
            return verify(all);
        }
        match backend.0 {
            Library::Ring => verify(&as_algorithms(&self.remembered(backend, &crate::backend::ring::VERIFIERS))),
            #[cfg(feature = "aws-lc-rs")]
            Library::AwsLc => verify(&as_algorithms(&self.remembered(backend, &crate::backend::aws_lc::VERIFIERS))),
        }
    }

    fn remembered<const N: usize>(
        &self,
        backend: Backend,
        algorithms: &[&'static dyn SignatureVerificationAlgorithm; N],
    ) -> [Remembered<'_>; N] {
        algorithms.map(|algorithm| Remembered { memo: self, backend, algorithm })
    }

    fn tag(&self, backend: Backend, parts: [&[u8]; 5]) -> [u64; 4] {
        let mut context = HashContext::new(backend, HashAlgorithm::Sha256);
        context.update(&self.secret);
        if backend != Backend::ring() {
            context.update(backend.name().as_bytes());
        }
        for part in parts {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let hash = context.finish(HashAlgorithm::Sha256);
        let mut words = hash.as_ref().chunks_exact(8);
        let mut tag: [u64; 4] = std::array::from_fn(|_| words.next().map_or(0, word));
        // Nonzero, which differs from an empty slot.
        let [first, ..] = &mut tag;
        *first |= 1;
        tag
    }

    /// Returns the set of a tag; `None` only if the cache has no entries.
    fn set(&self, [_, second, ..]: [u64; 4]) -> Option<&Set> {
        let sets = u64::try_from(self.sets.len()).ok()?;
        self.sets.get(usize::try_from(second.checked_rem(sets)?).ok()?)
    }

    fn knows(&self, tag: [u64; 4]) -> bool {
        let is_it = |slot: &Slot| slot.iter().zip(tag).all(|(have, want)| have.load(Relaxed) == want);
        self.set(tag).is_some_and(|set| set.0.iter().any(is_it))
    }

    /// Inserts the tag in the first slot and shifts the others, dropping the oldest. Concurrent
    /// inserts can lose a tag, which is harmless.
    fn remember(&self, tag: [u64; 4]) {
        let Some(set) = self.set(tag) else { return };
        let mut coming = tag;
        for slot in &set.0 {
            let mut before = [0; 4];
            for ((place, new), old) in slot.iter().zip(coming).zip(&mut before) {
                *old = place.swap(new, Relaxed);
            }
            coming = before;
        }
    }
}

fn word(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}

impl fmt::Debug for VerificationMemo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationMemo").field("signatures", &self.sets.len().saturating_mul(WAYS)).finish()
    }
}

/// An algorithm that checks the cache first.
#[derive(Debug)]
struct Remembered<'m> {
    memo: &'m VerificationMemo,
    backend: Backend,
    algorithm: &'m dyn SignatureVerificationAlgorithm,
}

fn as_algorithms<'r, const N: usize>(
    remembered: &'r [Remembered<'_>; N],
) -> [&'r dyn SignatureVerificationAlgorithm; N] {
    remembered.each_ref().map(|algorithm| -> &dyn SignatureVerificationAlgorithm { algorithm })
}

impl SignatureVerificationAlgorithm for Remembered<'_> {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let (key_kind, kind) = (self.public_key_alg_id(), self.signature_alg_id());
        let tag = self.memo.tag(self.backend, [key_kind.as_ref(), kind.as_ref(), public_key, message, signature]);
        if self.memo.knows(tag) {
            return Ok(());
        }
        self.algorithm.verify_signature(public_key, message, signature)?;
        self.memo.remember(tag);
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use pki_types::alg_id;

    use super::*;

    /// A signature is valid if it equals its message.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl SignatureVerificationAlgorithm for Counting {
        fn verify_signature(&self, _: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
            self.0.fetch_add(1, Relaxed);
            if message == signature { Ok(()) } else { Err(InvalidSignature) }
        }
        fn public_key_alg_id(&self) -> AlgorithmIdentifier {
            alg_id::ED25519
        }
        fn signature_alg_id(&self) -> AlgorithmIdentifier {
            alg_id::ED25519
        }
    }

    /// Returns how often the algorithm is computed for these.
    fn computed(backend: Backend, memo: &VerificationMemo, asked: &[[&[u8]; 3]]) -> usize {
        let algorithm = Counting::default();
        for [key, message, signature] in asked {
            let result = Remembered { memo, backend, algorithm: &algorithm }.verify_signature(key, message, signature);
            assert_eq!(result.is_ok(), message == signature);
        }
        algorithm.0.into_inner()
    }

    #[test]
    fn valid_signature_is_computed_once_invalid_each_time() {
        for &backend in Backend::ALL {
            let memo = VerificationMemo::new(16).unwrap();
            assert_eq!(computed(backend, &memo, &[["k", "m", "m"].map(str::as_bytes); 5]), 1);
            assert_eq!(computed(backend, &memo, &[["k", "m", "x"].map(str::as_bytes); 5]), 5);
            assert_eq!(
                computed(backend, &memo, &[["k", "m", "m"].map(str::as_bytes)]),
                0,
                "an invalid signature evicted a valid one"
            );
            assert_eq!(computed(backend, &VerificationMemo::none(), &[["k", "m", "m"].map(str::as_bytes); 5]), 5);
            assert_eq!(
                computed(backend, &VerificationMemo::new(0).unwrap(), &[["k", "m", "m"].map(str::as_bytes); 5]),
                5
            );
        }
    }

    #[test]
    fn tag_depends_on_every_part_and_its_length() {
        for &backend in Backend::ALL {
            let memo = VerificationMemo::new(64).unwrap();
            let others: [[&[u8]; 3]; 7] = [
                [b"ab", b"cc", b"cc"],
                [b"a", b"bc", b"bc"],
                [b"abc", b"c", b"c"],
                [b"", b"abcc", b"abcc"],
                [b"ab", b"c", b"c"],
                // The bytes of others in one part: only the lengths differ.
                [b"abcc", b"", b""],
                [b"abcccc", b"", b""],
            ];
            assert_eq!(computed(backend, &memo, &others), 7);
            assert_eq!(computed(backend, &memo, &others), 0);
        }
    }

    #[test]
    fn tag_depends_on_the_algorithm() {
        for &backend in Backend::ALL {
            let memo = VerificationMemo::new(64).unwrap();
            let all = verifiers(backend);
            let tags: std::collections::HashSet<_> = all
                .iter()
                .map(|algorithm| {
                    let (key, kind) = (algorithm.public_key_alg_id(), algorithm.signature_alg_id());
                    memo.tag(backend, [key.as_ref(), kind.as_ref(), b"k", b"m", b"s"])
                })
                .collect();
            assert_eq!(tags.len(), all.len());
        }
    }

    #[test]
    fn newest_signatures_of_a_set_are_kept() {
        for &backend in Backend::ALL {
            let memo = VerificationMemo::new(4).unwrap();
            let messages: Vec<[u8; 1]> = (0..10).map(|n| [n]).collect();
            let asked: Vec<[&[u8]; 3]> = messages.iter().map(|m| [&b"k"[..], m, m]).collect();
            assert_eq!(computed(backend, &memo, &asked), 10);
            assert_eq!(computed(backend, &memo, &asked[6..]), 0, "the last four");
            assert_eq!(computed(backend, &memo, &asked[..6]), 6);
        }
    }

    #[test]
    fn tags_differ_between_caches() {
        for &backend in Backend::ALL {
            let (one, other) = (VerificationMemo::new(4).unwrap(), VerificationMemo::new(4).unwrap());
            let parts: [&[u8]; 5] = [b"1", b"2", b"3", b"4", b"5"];
            assert_ne!(one.tag(backend, parts), other.tag(backend, parts));
        }
    }

    #[test]
    fn what_one_backend_accepted_is_computed_by_another() {
        let memo = VerificationMemo::new(4).unwrap();
        for &backend in Backend::ALL {
            assert_eq!(computed(backend, &memo, &[["k", "m", "m"].map(str::as_bytes); 2]), 1);
        }
    }

    #[test]
    fn threads_share_the_cache() {
        for &backend in Backend::ALL {
            let memo = VerificationMemo::new(8).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for n in 0..20_000_u32 {
                            let message = (n % 40).to_be_bytes();
                            // `computed` asserts each result.
                            computed(backend, &memo, &[[b"k", &message, &message], [b"k", &message, b"wrong"]]);
                        }
                    });
                }
            });
        }
    }

    #[test]
    fn results_are_equal_with_and_without_the_cache() {
        for &backend in Backend::ALL {
            use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
            let random = ring::rand::SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
            let signature = key.sign(&random, b"message").unwrap();
            for memo in [VerificationMemo::none(), VerificationMemo::new(8).unwrap()] {
                memo.with_algorithms(backend, |algorithms| {
                    assert_eq!(algorithms.len(), verifiers(backend).len());
                    let public = key.public_key().as_ref();
                    for _ in 0..3 {
                        let right = |algorithm: &&&dyn SignatureVerificationAlgorithm| {
                            algorithm.verify_signature(public, b"message", signature.as_ref()).is_ok()
                        };
                        assert_eq!(algorithms.iter().filter(right).count(), 1);
                        assert!(algorithms[0].verify_signature(public, b"messagf", signature.as_ref()).is_err());
                    }
                });
            }
        }
    }
}
