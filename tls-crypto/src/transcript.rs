//! The transcript hash, RFC 9846 §4.1, RFC 5246 §7.4.9.

use core::fmt;

use crate::backend::HashContext;
use crate::{Backend, Digest, HashAlgorithm};

/// The running hash of the handshake messages, in the order in which they were sent or received.
///
/// Messages include the four-byte handshake header, but no record headers.
///
/// ```
/// use strata_tls_crypto::{Backend, HashAlgorithm, Transcript};
///
/// let mut transcript = Transcript::new(Backend::ring(), HashAlgorithm::Sha256);
/// transcript.add(b"client ");
/// transcript.add(b"server");
/// assert_eq!(transcript.hash(), HashAlgorithm::Sha256.hash(b"client server"));
/// ```
#[derive(Clone)]
pub struct Transcript {
    algorithm: HashAlgorithm,
    backend: Backend,
    context: HashContext,
    messages: Option<Vec<u8>>,
}

impl Transcript {
    /// Creates an empty transcript.
    #[must_use]
    pub fn new(backend: Backend, algorithm: HashAlgorithm) -> Self {
        Self { algorithm, backend, context: HashContext::new(backend, algorithm), messages: None }
    }

    /// Also keeps the messages themselves, from now on.
    ///
    /// In TLS 1.2 the client's CertificateVerify signs the messages (RFC 5246 §7.4.8), possibly
    /// with another hash than the cipher suite's. Without this method nothing is allocated.
    ///
    /// ```
    /// use strata_tls_crypto::{Backend, HashAlgorithm, Transcript};
    ///
    /// let mut transcript = Transcript::new(Backend::ring(), HashAlgorithm::Sha384).keep_messages();
    /// transcript.add(b"ClientHello");
    /// transcript.add(b"ServerHello");
    /// assert_eq!(transcript.messages(), Some(&b"ClientHelloServerHello"[..]));
    /// transcript.forget_messages();
    /// assert_eq!(transcript.messages(), None);
    /// ```
    #[must_use]
    pub fn keep_messages(mut self) -> Self {
        self.messages.get_or_insert_default();
        self
    }

    /// Returns the messages added since [`keep_messages`](Self::keep_messages); `None` if messages
    /// are not kept.
    #[inline]
    #[must_use]
    pub fn messages(&self) -> Option<&[u8]> {
        self.messages.as_deref()
    }

    /// Stops keeping messages, and frees them. Hashing continues.
    pub fn forget_messages(&mut self) {
        self.messages = None;
    }

    /// Adds a message, or the next part of one.
    #[inline]
    pub fn add(&mut self, message: &[u8]) {
        self.context.update(message);
        if let Some(messages) = &mut self.messages {
            messages.extend_from_slice(message);
        }
    }

    /// Returns the hash of everything added so far. More may be added afterwards.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.context.clone().finish(self.algorithm)
    }

    /// Returns the hash algorithm.
    #[inline]
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Replaces everything added so far by a `message_hash` message that contains its hash.
    ///
    /// RFC 9846 §4.1: after a HelloRetryRequest, this message replaces the first ClientHello, so
    /// that a stateless server can store the hash in a cookie. Call it after the first ClientHello
    /// and before the HelloRetryRequest. Kept messages are replaced as well.
    ///
    /// ```
    /// use strata_tls_crypto::{Backend, HashAlgorithm, Transcript};
    ///
    /// let mut transcript = Transcript::new(Backend::ring(), HashAlgorithm::Sha256);
    /// transcript.add(b"first ClientHello");
    /// transcript.replace_with_message_hash();
    ///
    /// let mut expected = vec![254, 0, 0, 32];
    /// expected.extend(HashAlgorithm::Sha256.hash(b"first ClientHello").as_ref());
    /// assert_eq!(transcript.hash(), HashAlgorithm::Sha256.hash(&expected));
    /// ```
    pub fn replace_with_message_hash(&mut self) {
        let first_hello = self.hash();
        let messages = self.messages.take().map(|_| Vec::new());
        *self = Self { messages, ..Self::new(self.backend, self.algorithm) };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_kept_between_keep_and_forget() {
        for &backend in Backend::ALL {
            let mut transcript = Transcript::new(backend, HashAlgorithm::Sha256);
            transcript.add(b"one");
            assert_eq!(transcript.messages(), None);
            transcript = transcript.keep_messages();
            assert_eq!(transcript.messages(), Some(&b""[..]));
            transcript.add(b"two");
            transcript.add(b"three");
            transcript = transcript.keep_messages();
            assert_eq!(transcript.messages(), Some(&b"twothree"[..]), "the second call differs");
            transcript.forget_messages();
            transcript.add(b"four");
            assert_eq!(transcript.messages(), None);
            assert_eq!(transcript.hash(), HashAlgorithm::Sha256.hash(b"onetwothreefour"));
        }
    }

    #[test]
    fn message_hash_replaces_kept_messages() {
        for &backend in Backend::ALL {
            for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
                let mut transcript = Transcript::new(backend, hash).keep_messages();
                transcript.add(b"first ClientHello");
                transcript.replace_with_message_hash();
                transcript.add(b"HelloRetryRequest");
                let messages = transcript.messages().unwrap();
                assert_eq!(messages[..4], [254, 0, 0, hash.output_len_byte()]);
                assert_eq!(hash.hash(messages), transcript.hash());
            }
        }
    }

    #[test]
    fn message_hash_does_not_start_keeping_messages() {
        for &backend in Backend::ALL {
            let mut transcript = Transcript::new(backend, HashAlgorithm::Sha256);
            transcript.add(b"first ClientHello");
            transcript.replace_with_message_hash();
            assert_eq!(transcript.messages(), None);
        }
    }
}
