//! Signatures that were found right once are not computed again.
//!
//! ```text
//! key, algorithm, message, signature ─SHA-256, with a secret in front─▶ tag ─▶ one of the slots? ─yes─▶ right
//!                                                                              └─no─▶ verify ─right─▶ put the tag there
//! ```

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use ring::digest;

use super::{ALL, COUNT};
use crate::{Error, SecureRandom, SystemRandom};

/// Remembers which signatures were found right, so that those of a chain that is seen again cost a hash.
///
/// Whether a signature is right depends on nothing but the key, the algorithm, the message and the signature, and never changes.
/// What does change is not remembered: validity, names, revocation, and whether an issuer is to be trusted are for the caller to
/// check each time. Signatures that are wrong are not remembered, so that nobody can fill the memo with them; who fills it
/// with right ones makes others be computed again, and nothing else.
///
/// It holds tags of 32 bytes, made with a secret of its own: without the secret nobody can look for another signature with the
/// same tag. Threads share it without a lock. A tag that is being replaced while it is read is none of the two, and
/// matches nothing.
pub struct VerificationMemo {
    /// Behind it each tag is as good as random to whoever chooses messages.
    secret: [u8; 32],
    sets: Box<[Set]>,
}

/// Tags per set: a tag can be at any of these places.
const WAYS: usize = 4;

/// A slot holds a tag, or zero.
type Slot = [AtomicU64; 4];

#[derive(Default)]
#[repr(align(128))]
struct Set([Slot; WAYS]);

impl VerificationMemo {
    /// Room for this many signatures, rounded up to a multiple of four, at 32 bytes each; with 0 it remembers none. The
    /// oldest give way to new ones.
    ///
    /// # Errors
    /// [`Error`] if the system gives no randomness.
    pub fn new(signatures: usize) -> Result<Self, Error> {
        let mut secret = [0; 32];
        SystemRandom.fill(&mut secret)?;
        let sets = signatures.div_ceil(WAYS);
        Ok(Self { secret, sets: std::iter::repeat_with(Set::default).take(sets).collect() })
    }

    /// Remembers nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { secret: [0; 32], sets: Box::default() }
    }

    /// Calls `verify` with all algorithms of this crate, which look here before they compute.
    pub fn with_algorithms<R>(&self, verify: impl FnOnce(&[&dyn SignatureVerificationAlgorithm]) -> R) -> R {
        if self.sets.is_empty() {
            return verify(&ALL);
        }
        verify(&as_algorithms(&self.remembered()))
    }

    fn remembered(&self) -> [Remembered<'_>; COUNT] {
        ALL.map(|algorithm| Remembered { memo: self, algorithm })
    }

    fn tag(&self, parts: [&[u8]; 5]) -> [u64; 4] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.secret);
        for part in parts {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let hash = context.finish();
        let mut words = hash.as_ref().chunks_exact(8);
        let mut tag: [u64; 4] = std::array::from_fn(|_| words.next().map_or(0, word));
        // Never that of an empty slot.
        let [first, ..] = &mut tag;
        *first |= 1;
        tag
    }

    /// Where a tag has its place; `None` only if there is no place at all.
    fn set(&self, [_, second, ..]: [u64; 4]) -> Option<&Set> {
        let sets = u64::try_from(self.sets.len()).ok()?;
        self.sets.get(usize::try_from(second.checked_rem(sets)?).ok()?)
    }

    fn knows(&self, tag: [u64; 4]) -> bool {
        let is_it = |slot: &Slot| slot.iter().zip(tag).all(|(have, want)| have.load(Relaxed) == want);
        self.set(tag).is_some_and(|set| set.0.iter().any(is_it))
    }

    /// Puts the tag in the first place and moves the others one on, so that the oldest falls out. What other threads do to the
    /// set meanwhile can lose a tag, and no more.
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

/// An algorithm that looks into the memo first.
#[derive(Debug)]
struct Remembered<'m> {
    memo: &'m VerificationMemo,
    algorithm: &'m dyn SignatureVerificationAlgorithm,
}

fn as_algorithms<'r>(remembered: &'r [Remembered<'_>; COUNT]) -> [&'r dyn SignatureVerificationAlgorithm; COUNT] {
    std::array::from_fn(|at| match remembered.get(at) {
        Some(algorithm) => algorithm,
        // Both have the same length.
        None => super::ED25519,
    })
}

impl SignatureVerificationAlgorithm for Remembered<'_> {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let (key_kind, kind) = (self.public_key_alg_id(), self.signature_alg_id());
        let tag = self.memo.tag([key_kind.as_ref(), kind.as_ref(), public_key, message, signature]);
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

    /// A signature is right if it is its message.
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

    /// How often the algorithm is computed for these.
    fn computed(memo: &VerificationMemo, asked: &[[&[u8]; 3]]) -> usize {
        let algorithm = Counting::default();
        for [key, message, signature] in asked {
            let verdict = Remembered { memo, algorithm: &algorithm }.verify_signature(key, message, signature);
            assert_eq!(verdict.is_ok(), message == signature);
        }
        algorithm.0.into_inner()
    }

    #[test]
    fn what_was_right_is_computed_once_and_what_was_wrong_each_time() {
        let memo = VerificationMemo::new(16).unwrap();
        assert_eq!(computed(&memo, &[["k", "m", "m"].map(str::as_bytes); 5]), 1);
        assert_eq!(computed(&memo, &[["k", "m", "x"].map(str::as_bytes); 5]), 5);
        assert_eq!(
            computed(&memo, &[["k", "m", "m"].map(str::as_bytes)]),
            0,
            "a wrong one does not push a right one out"
        );
        assert_eq!(computed(&VerificationMemo::none(), &[["k", "m", "m"].map(str::as_bytes); 5]), 5);
        assert_eq!(computed(&VerificationMemo::new(0).unwrap(), &[["k", "m", "m"].map(str::as_bytes); 5]), 5);
    }

    #[test]
    fn every_part_counts_and_so_does_where_it_ends() {
        let memo = VerificationMemo::new(64).unwrap();
        let others: [[&[u8]; 3]; 7] = [
            [b"ab", b"cc", b"cc"],
            [b"a", b"bc", b"bc"],
            [b"abc", b"c", b"c"],
            [b"", b"abcc", b"abcc"],
            [b"ab", b"c", b"c"],
            // The bytes of others, all in one part: only their ends tell them apart.
            [b"abcc", b"", b""],
            [b"abcccc", b"", b""],
        ];
        assert_eq!(computed(&memo, &others), 7);
        assert_eq!(computed(&memo, &others), 0);
    }

    #[test]
    fn an_algorithm_does_not_vouch_for_another() {
        let memo = VerificationMemo::new(64).unwrap();
        let tags: std::collections::HashSet<_> = ALL
            .iter()
            .map(|algorithm| {
                let (key, kind) = (algorithm.public_key_alg_id(), algorithm.signature_alg_id());
                memo.tag([key.as_ref(), kind.as_ref(), b"k", b"m", b"s"])
            })
            .collect();
        assert_eq!(tags.len(), ALL.len());
    }

    #[test]
    fn it_keeps_as_many_as_it_has_room_for_and_the_newest_of_a_set() {
        let memo = VerificationMemo::new(4).unwrap();
        let messages: Vec<[u8; 1]> = (0..10).map(|n| [n]).collect();
        let asked: Vec<[&[u8]; 3]> = messages.iter().map(|m| [&b"k"[..], m, m]).collect();
        assert_eq!(computed(&memo, &asked), 10);
        assert_eq!(computed(&memo, &asked[6..]), 0, "the last four");
        assert_eq!(computed(&memo, &asked[..6]), 6);
    }

    #[test]
    fn two_memos_have_nothing_in_common() {
        let (one, other) = (VerificationMemo::new(4).unwrap(), VerificationMemo::new(4).unwrap());
        let parts: [&[u8]; 5] = [b"1", b"2", b"3", b"4", b"5"];
        assert_ne!(one.tag(parts), other.tag(parts));
    }

    #[test]
    fn threads_share_it() {
        let memo = VerificationMemo::new(8).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..20_000_u32 {
                        let message = (n % 40).to_be_bytes();
                        // `computed` asserts each verdict.
                        computed(&memo, &[[b"k", &message, &message], [b"k", &message, b"wrong"]]);
                    }
                });
            }
        });
    }

    #[test]
    fn real_signatures_are_judged_alike_with_and_without() {
        use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
        let random = ring::rand::SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let signature = key.sign(&random, b"message").unwrap();
        for memo in [VerificationMemo::none(), VerificationMemo::new(8).unwrap()] {
            memo.with_algorithms(|algorithms| {
                assert_eq!(algorithms.len(), ALL.len());
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
