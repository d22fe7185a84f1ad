//! What can fail in this layer.

use core::fmt;

/// The operation that failed, and nothing more.
///
/// Why a decryption or a signature check failed is of use to attackers alone, so that it is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A record could not be encrypted: there is no room for what protection adds, or it is longer than a header can
    /// say.
    Seal,
    /// A record could not be decrypted: it was changed on the way, belongs at another place in the sequence, was
    /// protected under another key, or is shorter than a tag.
    Open,
    /// A record was decrypted and holds this many bytes, which is more than 2^14 of content, and its type in TLS 1.3
    /// (RFC 9846 §5.2, RFC 5246 §6.2.3).
    PlaintextTooLong(usize),
    /// A record was decrypted and holds nothing but zeros, where TLS 1.3 has a content type before them (RFC 9846 §5.4).
    NoContentType,
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
    /// A length asked of HKDF or an exporter, of its output, label or context, is beyond what its format can hold.
    OutputTooLong,
    /// An exporter was asked for with a label under which TLS 1.2 derives values of its own (RFC 5705 §4).
    ReservedLabel,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seal => "encrypting a record failed",
            Self::Open => "decrypting a record failed",
            Self::PlaintextTooLong(length) => return write!(f, "a decrypted record holds {length} bytes"),
            Self::NoContentType => "a decrypted record has no content type",
            Self::SequenceExhausted => "the key has protected as many records as it may",
            Self::KeyExchange => "the key exchange failed",
            Self::Sign => "signing failed",
            Self::VerifySignature => "verifying a signature failed",
            Self::Random => "the operating system gave no random bytes",
            Self::OutputTooLong => "more key material was asked for than HKDF can give",
            Self::ReservedLabel => "the label of an exporter is one that TLS uses itself",
        })
    }
}

impl std::error::Error for Error {}
