//! The pseudorandom function of TLS 1.2, RFC 5246 §5.

use crate::HashAlgorithm;
use crate::hkdf::Expander;

/// Fills `out` with what the pseudorandom function gives for a secret, a label and a seed, RFC 5246 §5.
///
/// `seed` is the concatenation of its parts. `hash` is that of the cipher suite.
///
/// ```
/// use tls_crypto::{HashAlgorithm, tls12};
///
/// let mut whole = [0; 100];
/// tls12::prf(HashAlgorithm::Sha256, b"secret", b"label", &[b"one ", b"two"], &mut whole);
///
/// // What is asked for first is the beginning of what is asked for with more.
/// let mut beginning = [0; 12];
/// tls12::prf(HashAlgorithm::Sha256, b"secret", b"label", &[b"one two"], &mut beginning);
/// assert_eq!(whole[..12], beginning);
/// ```
pub fn prf(hash: HashAlgorithm, secret: &[u8], label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    let secret = Expander::new(hash, secret);
    let mut a = secret.hmac_of(&[label], seed);
    let mut blocks = out.chunks_mut(hash.output_len()).peekable();
    while let Some(block) = blocks.next() {
        let output = secret.hmac_of(&[a.as_ref(), label], seed);
        for (to, from) in block.iter_mut().zip(output.as_ref()) {
            *to = *from;
        }
        // The A of a block that nobody asked for would cost an HMAC.
        if blocks.peek().is_some() {
            a = secret.hmac_of(&[a.as_ref()], &[]);
        }
    }
}
