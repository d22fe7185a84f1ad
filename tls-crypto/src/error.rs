//! What can fail in this layer.

use core::fmt;

/// The operation that failed, and nothing more.
///
/// Why a decryption or a signature check failed is of use to attackers alone, so that it is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A record could not be encrypted: it is longer than the AEAD permits.
    Seal,
    /// A record could not be decrypted: it was changed on the way, belongs at another place in the sequence, was
    /// protected under another key, or is shorter than a tag.
    Open,
    /// The key has protected as many records as it may; a new key is needed (RFC 9846 §5.5, §4.7.3).
    SequenceExhausted,
    /// A key pair could not be made, or the peer's public key is not a valid one of the group.
    KeyExchange,
    /// A signature could not be made, for instance because the key cannot make signatures of the algorithm asked for.
    Sign,
    /// A signature does not fit the message and the public key.
    VerifySignature,
    /// The operating system gave no random bytes.
    Random,
    /// A length asked of HKDF, of its output, label or context, is beyond what its format can hold.
    OutputTooLong,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seal => "encrypting a record failed",
            Self::Open => "decrypting a record failed",
            Self::SequenceExhausted => "the key has protected as many records as it may",
            Self::KeyExchange => "the key exchange failed",
            Self::Sign => "signing failed",
            Self::VerifySignature => "verifying a signature failed",
            Self::Random => "the operating system gave no random bytes",
            Self::OutputTooLong => "more key material was asked for than HKDF can give",
        })
    }
}

impl std::error::Error for Error {}
