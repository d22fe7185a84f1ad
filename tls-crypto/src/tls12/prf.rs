//! The pseudorandom function (PRF) of TLS 1.2, RFC 5246 §5.

use crate::hash::copy_prefix;
use crate::hkdf::Expander;
use crate::hmac_input::HmacInput;
use crate::{Backend, HashAlgorithm};

/// Fills `out` with the output of the PRF for a secret, a label and a seed, RFC 5246 §5.
///
/// `seed` is the concatenation of its parts. `hash` is the hash of the cipher suite.
///
/// ```
/// use strata_tls_crypto::{Backend, HashAlgorithm, tls12};
///
/// let mut whole = [0; 100];
/// tls12::prf(Backend::ring(), HashAlgorithm::Sha256, b"secret", b"label", &[b"one ", b"two"], &mut whole);
///
/// // A shorter output is a prefix of a longer one.
/// let mut beginning = [0; 12];
/// tls12::prf(Backend::ring(), HashAlgorithm::Sha256, b"secret", b"label", &[b"one two"], &mut beginning);
/// assert_eq!(whole[..12], beginning);
/// ```
pub fn prf(backend: Backend, hash: HashAlgorithm, secret: &[u8], label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    prf_of(&Expander::new(backend, hash, secret), label, seed, out);
}

/// The PRF with a prepared secret, from which several values are derived.
pub(super) fn prf_of(secret: &Expander, label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    // The seed is hashed once, and again for each block.
    match HmacInput::of([label].iter().chain(seed)) {
        Some(joined) => p_hash(secret, &[joined.as_slice()], out),
        None => p_hash(secret, &[&[label], seed].concat(), out),
    }
}

/// P_hash, RFC 5246 §5.
fn p_hash(secret: &Expander, seed: &[&[u8]], out: &mut [u8]) {
    let mut a = secret.hmac_of(&[], seed);
    let mut blocks = out.chunks_mut(secret.algorithm().output_len()).peekable();
    while let Some(block) = blocks.next() {
        let output = secret.hmac_of(&[a.as_ref()], seed);
        copy_prefix(output.as_ref(), block);
        // Skipped after the last block, to save an HMAC.
        if blocks.peek().is_some() {
            a = secret.hmac_of(&[a.as_ref()], &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls12::captures::hex;

    #[test]
    fn prf_matches_published_and_openssl_vectors() {
        for &backend in Backend::ALL {
            let cases = include_str!("../../tests/data/tls12/prf.txt").lines().filter(|line| !line.starts_with('#'));
            let mut count = 0;
            for case in cases {
                let (hash, values) = case.split_once(' ').unwrap();
                let hash = if hash == "SHA384" { HashAlgorithm::Sha384 } else { HashAlgorithm::Sha256 };
                let values: Vec<_> = values.split(' ').map(hex).collect();
                let [secret, label, seed, expected] = values.try_into().unwrap();
                for length in 0..=expected.len() {
                    let mut out = vec![0; length];
                    prf(backend, hash, &secret, &label, &[&seed], &mut out);
                    assert_eq!(out, expected[..length], "{case} to {length}");
                }
                count += 1;
            }
            assert_eq!(count, 24);
        }
    }

    #[test]
    fn seed_parts_are_concatenated() {
        for &backend in Backend::ALL {
            let mut whole = [0; 77];
            prf(backend, HashAlgorithm::Sha384, b"secret", b"label", &[b"of three parts"], &mut whole);
            for parts in
                [&[&b"of "[..], b"three ", b"parts"][..], &[b"", b"of three parts", b""], &[b"of three", b" parts"]]
            {
                let mut out = [0; 77];
                prf(backend, HashAlgorithm::Sha384, b"secret", b"label", parts, &mut out);
                assert_eq!(out, whole);
            }
        }
    }

    #[test]
    fn output_depends_on_hash_secret_label_and_seed() {
        for &backend in Backend::ALL {
            let output = |hash, secret: &[u8], label: &[u8], seed: &[u8]| {
                let mut out = [0; 12];
                prf(backend, hash, secret, label, &[seed], &mut out);
                out
            };
            let first = output(HashAlgorithm::Sha256, b"secret", b"label", b"seed");
            assert_ne!(first, output(HashAlgorithm::Sha384, b"secret", b"label", b"seed"));
            assert_ne!(first, output(HashAlgorithm::Sha256, b"secres", b"label", b"seed"));
            assert_ne!(first, output(HashAlgorithm::Sha256, b"secret", b"labem", b"seed"));
            assert_ne!(first, output(HashAlgorithm::Sha256, b"secret", b"label", b"seee"));
        }
    }
}
