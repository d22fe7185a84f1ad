//! The transcript hash, RFC 9846 §4.1, RFC 5246 §7.4.9.

use core::fmt;

use ring::digest;

use crate::{Digest, HashAlgorithm};

/// The running hash over the handshake messages, in the order in which they were sent or received.
///
/// A message is added with its four-byte header and without record headers.
///
/// ```
/// use strata_tls_crypto::{HashAlgorithm, Transcript};
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
    messages: Option<Vec<u8>>,
}

impl Transcript {
    /// The transcript of no message yet.
    #[must_use]
    pub fn new(algorithm: HashAlgorithm) -> Self {
        Self { algorithm, context: digest::Context::new(algorithm.digest()), messages: None }
    }

    /// Keeps the messages themselves as well, from now on.
    ///
    /// In TLS 1.2 the client's CertificateVerify signs the messages (RFC 5246 §7.4.8), under a hash that need not be the
    /// cipher suite's. Nothing is allocated without this.
    ///
    /// ```
    /// use strata_tls_crypto::{HashAlgorithm, Transcript};
    ///
    /// let mut transcript = Transcript::new(HashAlgorithm::Sha384).keep_messages();
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

    /// The messages that were added since they are kept; `None` if they are not.
    #[inline]
    #[must_use]
    pub fn messages(&self) -> Option<&[u8]> {
        self.messages.as_deref()
    }

    /// Keeps the messages no longer, and frees what was kept. The hash goes on.
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
    /// before the HelloRetryRequest. Messages that are kept are replaced likewise.
    ///
    /// ```
    /// use strata_tls_crypto::{HashAlgorithm, Transcript};
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
        let messages = self.messages.take().map(|_| Vec::new());
        *self = Self { messages, ..Self::new(self.algorithm) };
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
    fn messages_are_kept_from_the_call_on_and_until_they_are_forgotten() {
        let mut transcript = Transcript::new(HashAlgorithm::Sha256);
        transcript.add(b"one");
        assert_eq!(transcript.messages(), None);
        transcript = transcript.keep_messages();
        assert_eq!(transcript.messages(), Some(&b""[..]));
        transcript.add(b"two");
        transcript.add(b"three");
        transcript = transcript.keep_messages();
        assert_eq!(transcript.messages(), Some(&b"twothree"[..]), "asking twice loses nothing");
        transcript.forget_messages();
        transcript.add(b"four");
        assert_eq!(transcript.messages(), None);
        assert_eq!(transcript.hash(), HashAlgorithm::Sha256.hash(b"onetwothreefour"));
    }

    #[test]
    fn a_message_hash_replaces_the_messages_that_are_kept() {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
            let mut transcript = Transcript::new(hash).keep_messages();
            transcript.add(b"first ClientHello");
            transcript.replace_with_message_hash();
            transcript.add(b"HelloRetryRequest");
            let messages = transcript.messages().unwrap();
            assert_eq!(messages[..4], [254, 0, 0, hash.output_len_byte()]);
            assert_eq!(hash.hash(messages), transcript.hash());
        }
    }

    #[test]
    fn a_message_hash_begins_to_keep_nothing() {
        let mut transcript = Transcript::new(HashAlgorithm::Sha256);
        transcript.add(b"first ClientHello");
        transcript.replace_with_message_hash();
        assert_eq!(transcript.messages(), None);
    }
}
