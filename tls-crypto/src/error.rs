//! The errors of this crate.

use core::fmt;

/// Which operation failed.
///
/// It does not say why a decryption or signature check failed: that helps only attackers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A record could not be encrypted: it is too short for the added bytes, or too long for its
    /// header.
    Seal,
    /// A record could not be decrypted: it was modified, is out of order, was protected with
    /// another key, or is too short.
    Open,
    /// The plaintext of a record has this many bytes. The limit is 2^14 bytes of content, plus the
    /// type in TLS 1.3 (RFC 9846 §5.2, RFC 5246 §6.2.3).
    PlaintextTooLong(usize),
    /// The plaintext of a TLS 1.3 record is all zeros, so it has no content type (RFC 9846 §5.4).
    NoContentType,
    /// The key reached its limit of records; a new key is needed (RFC 9846 §5.5, §4.7.3).
    SequenceExhausted,
    /// A key pair could not be generated, or the peer's public key is invalid.
    KeyExchange,
    /// A signature could not be created, for example because the key does not support the
    /// algorithm.
    Sign,
    /// The operating system returned no random bytes.
    Random,
    /// The output, label or context of HKDF or an exporter is too long.
    OutputTooLong,
    /// A label is reserved: TLS 1.2 derives other values with it (RFC 5705 §4).
    ReservedLabel,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seal => "failed to encrypt a record",
            Self::Open => "failed to decrypt a record",
            Self::PlaintextTooLong(length) => return write!(f, "decrypted record of {length} bytes is too long"),
            Self::NoContentType => "decrypted record has no content type",
            Self::SequenceExhausted => "the key reached its limit of records",
            Self::KeyExchange => "key exchange failed",
            Self::Sign => "signing failed",
            Self::Random => "the operating system returned no random bytes",
            Self::OutputTooLong => "output, label or context is too long for HKDF",
            Self::ReservedLabel => "exporter label is reserved by TLS",
        })
    }
}

impl std::error::Error for Error {}
