//! The transcript hash, RFC 9846 §4.1.

use core::fmt;

use ring::digest;

use crate::{Digest, HashAlgorithm};

/// The running hash over the handshake messages, in the order in which they were sent or received.
///
/// A message is added with its four-byte header and without record headers.
///
/// ```
/// use tls_crypto::{HashAlgorithm, Transcript};
///
/// let mut transcript = Transcript::new(HashAlgorithm::Sha256);
/// transcript.add(b"client ");
/// transcript.add(b"server");
/// assert_eq!(transcript.hash(), HashAlgorithm::Sha256.hash(b"client server"));
/// ```
#[derive(Clone)]
pub struct Transcript {
    algorithm: HashAlgorithm,
    context: digest::Context,
}

impl Transcript {
    /// The transcript of no message yet.
    #[must_use]
    pub fn new(algorithm: HashAlgorithm) -> Self {
        Self { algorithm, context: digest::Context::new(algorithm.digest()) }
    }

    /// Adds a message, or the next part of one.
    #[inline]
    pub fn add(&mut self, message: &[u8]) {
        self.context.update(message);
    }

    /// The hash of all that was added; more may be added afterwards.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::copied_from(self.algorithm, self.context.clone().finish().as_ref())
    }

    /// The algorithm it was made with.
    #[inline]
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Replaces all that was added by the message `message_hash` that holds its hash.
    ///
    /// RFC 9846 §4.1: when the server answers with HelloRetryRequest, the first ClientHello counts as this message,
    /// so that a server can put its hash into a cookie and keep no state. Called after the first ClientHello and
    /// before the HelloRetryRequest.
    ///
    /// ```
    /// use tls_crypto::{HashAlgorithm, Transcript};
    ///
    /// let mut transcript = Transcript::new(HashAlgorithm::Sha256);
    /// transcript.add(b"first ClientHello");
    /// transcript.replace_with_message_hash();
    ///
    /// let mut expected = vec![254, 0, 0, 32];
    /// expected.extend(HashAlgorithm::Sha256.hash(b"first ClientHello").as_ref());
    /// assert_eq!(transcript.hash(), HashAlgorithm::Sha256.hash(&expected));
    /// ```
    pub fn replace_with_message_hash(&mut self) {
        let first_hello = self.hash();
        *self = Self::new(self.algorithm);
        self.add(&[MESSAGE_HASH, 0, 0, self.algorithm.output_len_byte()]);
        self.add(first_hello.as_ref());
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transcript").field(&self.hash()).finish()
    }
}

/// The handshake type of the synthetic message, RFC 9846 §4.
const MESSAGE_HASH: u8 = 254;
