//! What can go wrong, in the peer's or the user's terms, and the one place that says which alert answers it.
//!
//! ```text
//! DecodeError, RecordError (codec) ─┐
//! a state's check ──────────────────┼─▶ Error ─ alert() ─▶ the alert that is sent, before the error is returned
//! CertificateError (verification) ──┘
//! ```

use std::fmt;

use tls_codec::code_points::{
    AlertDescription, CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion,
    SignatureScheme,
};
use tls_codec::error::{BufferFull, DecodeError, Fault};
use tls_codec::record::{Protocol, RecordError};

pub use crate::certificate_error::CertificateError;

/// Why a connection failed, or why a call was refused.
///
/// After a fatal error the connection answers every call with that same error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A message of the peer's does not follow the syntax of the RFC, or holds a value that it forbids.
    Decode(DecodeError),
    /// The peer's bytes are no TLS record: another protocol, or a header out of bounds.
    Record(RecordError),
    /// The peer closed the connection with this alert.
    AlertReceived {
        /// What the peer complains of.
        description: AlertDescription,
        /// The state that the connection was in.
        state: &'static str,
    },
    /// A handshake message that has no place in this state.
    UnexpectedMessage {
        /// The state that the connection was in.
        state: &'static str,
        /// What came.
        got: HandshakeType,
    },
    /// A record of a type that has no place in this state.
    UnexpectedRecord {
        /// The state that the connection was in.
        state: &'static str,
        /// What came.
        got: ContentType,
    },
    /// Bytes followed a message that changes keys, in the same record (RFC 9846 §5.1).
    KeyChangeInsideRecord {
        /// The message that changes the keys.
        message: HandshakeType,
    },
    /// Another record came in the middle of a handshake message (RFC 9846 §5.1).
    InterleavedHandshake,
    /// A handshake or alert record without content, or one that is padding alone (RFC 9846 §5.4).
    EmptyRecord,
    /// An alert record that does not hold exactly one alert (RFC 9846 §5.1).
    BadAlert,
    /// A change_cipher_spec record with other content than the single byte 1 (RFC 9846 §5).
    BadChangeCipherSpec,
    /// A record that does not decrypt: altered on the way, or sealed with other keys.
    BadRecordMac,
    /// A decrypted record is longer than the RFC allows.
    RecordOverflow {
        /// Bytes of plaintext.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A peer sends more of what carries no data than any honest peer does.
    Flood(Flood),
    /// A handshake message is longer than [`Limits`](crate::config::Limits) allow.
    MessageTooLarge {
        /// Which message.
        message: HandshakeType,
        /// Bytes that it declares, header included.
        got: usize,
        /// Bytes allowed, header included.
        limit: usize,
    },
    /// The peer's certificate chain has more certificates than [`Limits`](crate::config::Limits) allow.
    ChainTooLong {
        /// Certificates sent.
        got: usize,
        /// Certificates allowed.
        limit: usize,
    },
    /// The peer offers, or chose, no version that is enabled here.
    NoCommonVersion {
        /// What the peer offers.
        offered: Vec<ProtocolVersion>,
    },
    /// The client offers no cipher suite that is enabled here.
    NoCommonCipherSuite {
        /// What the client offers.
        offered: Vec<CipherSuite>,
        /// What is enabled here.
        enabled: Vec<CipherSuite>,
    },
    /// The client offers no key exchange group that is enabled here.
    NoCommonGroup {
        /// What the client offers.
        offered: Vec<NamedGroup>,
        /// What is enabled here.
        enabled: Vec<NamedGroup>,
    },
    /// The client accepts no signature scheme that the chosen identity can sign with.
    NoCommonSignatureScheme {
        /// What the client accepts.
        offered: Vec<SignatureScheme>,
        /// What the identity's key can do.
        able: Vec<SignatureScheme>,
    },
    /// The client asks for application protocols, none of which is enabled here (RFC 7301 §3.2).
    NoCommonAlpn {
        /// What the client asks for.
        offered: Vec<Vec<u8>>,
        /// What is enabled here.
        enabled: Vec<Vec<u8>>,
    },
    /// A message lacks an extension that the RFC demands in it.
    MissingExtension {
        /// The message.
        message: HandshakeType,
        /// The extension.
        extension: ExtensionType,
    },
    /// The peer answers to an extension that was not offered.
    UnsolicitedExtension {
        /// The message.
        message: HandshakeType,
        /// The extension.
        extension: ExtensionType,
    },
    /// A well-formed message that contradicts what was said before.
    Illegal(Illegal),
    /// A second HelloRetryRequest (RFC 9846 §4.2.4).
    SecondHelloRetryRequest,
    /// The server sent no certificate.
    NoCertificate,
    /// The peer's certificate is refused.
    Certificate(CertificateError),
    /// CertificateVerify is signed with a scheme that was not offered, or that TLS 1.3 forbids.
    SignatureSchemeNotOffered(SignatureScheme),
    /// The signature in CertificateVerify is wrong: the peer does not hold the certificate's key.
    BadSignature,
    /// The verify_data in Finished is wrong: the two sides saw different handshakes.
    BadFinished,
    /// No identity was chosen for the server name that the client asks for.
    NoIdentity {
        /// The name asked for, if any.
        asked: Option<String>,
    },
    /// The signer did not sign.
    SignerFailed,
    /// The peer closed the transport in the middle of the handshake.
    ClosedDuringHandshake {
        /// The state that the connection was in.
        state: &'static str,
    },
    /// The transport ended without close_notify: what came may have been cut short.
    Truncated,
    /// The answer belongs to another connection, or to a question that is not open.
    WrongAnswer,
    /// The handshake has to be finished first.
    HandshakeNotComplete,
    /// Our sending side is closed: nothing can be sent after close_notify.
    SendAfterClose,
    /// A cryptographic operation of ours failed; says only which.
    Crypto(&'static str),
    /// A message of ours does not fit its length fields: a configuration of absurd size.
    MessageOfOursTooLong,
}

/// What a peer sent too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Records of application data without data.
    EmptyRecords,
    /// Alerts that close nothing.
    WarningAlerts,
    /// KeyUpdate messages without data between them.
    KeyUpdates,
    /// change_cipher_spec records.
    ChangeCipherSpecs,
}

/// Contradictions between messages; all are answered by illegal_parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Illegal {
    /// The server chose a cipher suite that was not offered.
    CipherSuiteNotOffered(CipherSuite),
    /// The cipher suite of ServerHello is not that of HelloRetryRequest.
    CipherSuiteChangedAfterRetry,
    /// The server chose a version that was not offered.
    VersionNotOffered(ProtocolVersion),
    /// The server did not echo legacy_session_id.
    SessionIdNotEchoed,
    /// A compression method other than null.
    Compression,
    /// The server chose a group that was not offered, or one that no share was sent for.
    GroupNotOffered(NamedGroup),
    /// HelloRetryRequest asks for nothing that would change the ClientHello.
    RetryChangesNothing,
    /// HelloRetryRequest asks for a group whose share was already sent.
    RetryForSharedGroup(NamedGroup),
    /// A key share that is no valid public value of its group.
    KeyShare(NamedGroup),
    /// Several key shares for one group, or one for a group not in supported_groups.
    KeyShares(NamedGroup),
    /// The second ClientHello differs from the first in this field.
    SecondHelloDiffers(&'static str),
    /// The second ClientHello has not exactly the key share that was asked for.
    SecondHelloKeyShare,
    /// The server chose an application protocol that was not offered.
    AlpnNotOffered,
    /// A certificate_request_context where it has to be empty, or other than it has to be.
    CertificateRequestContext,
    /// An extension that TLS 1.2 alone knows, in a TLS 1.3 message.
    Extension(ExtensionType),
}

impl Error {
    /// The alert that is sent for this error, before it is returned: `None` where the peer is gone, or needs none.
    #[must_use]
    pub fn alert(&self) -> Option<AlertDescription> {
        Some(match self {
            Self::Decode(e) => match e.fault {
                Fault::Truncated | Fault::BadLength | Fault::TrailingData | Fault::DuplicateExtension(_) => {
                    AlertDescription::DECODE_ERROR
                }
                Fault::MisplacedExtension(_) | Fault::IllegalValue => AlertDescription::ILLEGAL_PARAMETER,
            },
            Self::Record(e) => match e {
                RecordError::Oversized { .. } => AlertDescription::RECORD_OVERFLOW,
                RecordError::UnknownContentType(_) => AlertDescription::UNEXPECTED_MESSAGE,
                RecordError::BadVersion(_) => AlertDescription::PROTOCOL_VERSION,
                RecordError::NotTls(Protocol::SslV2) => AlertDescription::PROTOCOL_VERSION,
                // Whoever speaks another protocol would take an alert for garbage in its own.
                RecordError::NotTls(_) => return None,
            },
            Self::UnexpectedMessage { .. }
            | Self::UnexpectedRecord { .. }
            | Self::KeyChangeInsideRecord { .. }
            | Self::InterleavedHandshake
            | Self::EmptyRecord
            | Self::BadChangeCipherSpec
            | Self::Flood(_)
            | Self::SecondHelloRetryRequest => AlertDescription::UNEXPECTED_MESSAGE,
            Self::BadAlert | Self::NoCertificate => AlertDescription::DECODE_ERROR,
            Self::BadRecordMac => AlertDescription::BAD_RECORD_MAC,
            Self::RecordOverflow { .. } => AlertDescription::RECORD_OVERFLOW,
            Self::MessageTooLarge { .. } | Self::ChainTooLong { .. } => AlertDescription::ILLEGAL_PARAMETER,
            Self::NoCommonVersion { .. } => AlertDescription::PROTOCOL_VERSION,
            Self::NoCommonCipherSuite { .. } | Self::NoCommonGroup { .. } | Self::NoCommonSignatureScheme { .. } => {
                AlertDescription::HANDSHAKE_FAILURE
            }
            Self::NoCommonAlpn { .. } => AlertDescription::NO_APPLICATION_PROTOCOL,
            Self::MissingExtension { .. } => AlertDescription::MISSING_EXTENSION,
            Self::UnsolicitedExtension { .. } => AlertDescription::UNSUPPORTED_EXTENSION,
            Self::Illegal(_) | Self::SignatureSchemeNotOffered(_) => AlertDescription::ILLEGAL_PARAMETER,
            Self::Certificate(e) => e.alert(),
            Self::BadSignature | Self::BadFinished => AlertDescription::DECRYPT_ERROR,
            Self::NoIdentity { .. } => AlertDescription::UNRECOGNIZED_NAME,
            Self::SignerFailed | Self::Crypto(_) | Self::MessageOfOursTooLong => AlertDescription::INTERNAL_ERROR,
            Self::AlertReceived { .. }
            | Self::ClosedDuringHandshake { .. }
            | Self::Truncated
            | Self::WrongAnswer
            | Self::HandshakeNotComplete
            | Self::SendAfterClose => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(e) => write!(f, "the peer sent a malformed message: {e}"),
            Self::Record(e) => write!(f, "{e}"),
            Self::AlertReceived { description, state } => {
                write!(f, "the peer closed the connection with the alert {description}, while we were in {state}")?;
                f.write_str(hint(*description))
            }
            Self::UnexpectedMessage { state, got } => write!(f, "the peer sent {got}, which has no place in {state}"),
            Self::UnexpectedRecord { state, got } => {
                write!(f, "the peer sent a record of type {got}, which has no place in {state}")
            }
            Self::KeyChangeInsideRecord { message } => {
                write!(f, "the peer sent bytes after {message} in the record that changes keys")
            }
            Self::InterleavedHandshake => f.write_str("the peer sent another record inside of a handshake message"),
            Self::EmptyRecord => f.write_str("the peer sent a record without content"),
            Self::BadAlert => f.write_str("the peer sent an alert record that does not hold exactly one alert"),
            Self::BadChangeCipherSpec => f.write_str("the peer sent a malformed change_cipher_spec record"),
            Self::BadRecordMac => {
                f.write_str("a record does not decrypt: it was altered on the way, or the peer's keys are not ours")
            }
            Self::RecordOverflow { got, limit } => {
                write!(f, "the peer sent a record of {got} bytes of plaintext; at most {limit} are allowed")
            }
            Self::Flood(what) => write!(f, "the peer sends nothing but {what}"),
            Self::MessageTooLarge { message, got, limit } => write!(
                f,
                "the peer's {message} message has {got} bytes; the limit is {limit} (Limits::handshake_message)"
            ),
            Self::ChainTooLong { got, limit } => {
                write!(f, "the peer sent {got} certificates; the limit is {limit} (Limits::chain_length)")
            }
            Self::NoCommonVersion { offered } => {
                f.write_str("no common protocol version: the peer offers ")?;
                list(f, offered)?;
                f.write_str(", and TLSv1.3 is what is enabled here")
            }
            Self::NoCommonCipherSuite { offered, enabled } => {
                f.write_str("no common cipher suite: the client offers ")?;
                list(f, offered)?;
                f.write_str("; enabled here are ")?;
                list(f, enabled)
            }
            Self::NoCommonGroup { offered, enabled } => {
                f.write_str("no common key exchange group: the client offers ")?;
                list(f, offered)?;
                f.write_str("; enabled here are ")?;
                list(f, enabled)
            }
            Self::NoCommonSignatureScheme { offered, able } => {
                f.write_str("no common signature scheme: the client accepts ")?;
                list(f, offered)?;
                f.write_str("; the key of the chosen certificate can do ")?;
                list(f, able)
            }
            Self::NoCommonAlpn { offered, enabled } => write!(
                f,
                "no common application protocol: the client asks for {}; enabled here are {}",
                protocols(offered),
                protocols(enabled)
            ),
            Self::MissingExtension { message, extension } => {
                write!(f, "the peer's {message} message lacks the extension {extension}")
            }
            Self::UnsolicitedExtension { message, extension } => {
                write!(f, "the peer's {message} message answers to the extension {extension}, which was not offered")
            }
            Self::Illegal(what) => write!(f, "the peer contradicts the handshake so far: {what}"),
            Self::SecondHelloRetryRequest => f.write_str("the server sent a second HelloRetryRequest"),
            Self::NoCertificate => f.write_str("the server sent no certificate"),
            Self::Certificate(e) => write!(f, "the peer's certificate is refused: {e}"),
            Self::SignatureSchemeNotOffered(scheme) => {
                write!(f, "the peer signed the handshake with {scheme}, which was not offered")
            }
            Self::BadSignature => {
                f.write_str("the signature of the handshake is wrong: the peer does not hold its certificate's key")
            }
            Self::BadFinished => f.write_str("the peer's Finished is wrong: both sides saw different handshakes"),
            Self::NoIdentity { asked: Some(name) } => write!(f, "there is no certificate for the name {name:?}"),
            Self::NoIdentity { asked: None } => {
                f.write_str("the client names no server (SNI), and there is no certificate for that case")
            }
            Self::SignerFailed => f.write_str("the signer did not sign"),
            Self::ClosedDuringHandshake { state } => write!(
                f,
                "the peer closed the transport in the middle of the handshake (we were in {state}); \
                 it may not speak TLS on this port, or may have refused the connection without an alert"
            ),
            Self::Truncated => {
                f.write_str("the peer closed the transport without close_notify: what it sent may have been cut short")
            }
            Self::WrongAnswer => f.write_str("this answer does not belong to the question that the connection asked"),
            Self::HandshakeNotComplete => f.write_str("the handshake has to be completed first"),
            Self::SendAfterClose => f.write_str("nothing can be sent after close_notify"),
            Self::Crypto(operation) => write!(f, "a cryptographic operation failed: {operation}"),
            Self::MessageOfOursTooLong => f.write_str("a handshake message of ours is too long for its length fields"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(e) => Some(e),
            Self::Record(e) => Some(e),
            Self::Certificate(e) => Some(e),
            _ => None,
        }
    }
}

/// What a person can do about an alert that is often seen in the field.
fn hint(description: AlertDescription) -> &'static str {
    match description {
        AlertDescription::PROTOCOL_VERSION => " (it does not speak TLS 1.3)",
        AlertDescription::HANDSHAKE_FAILURE | AlertDescription::INSUFFICIENT_SECURITY => {
            " (it found no version, cipher suite, group or signature scheme in common; it may speak TLS 1.2 alone)"
        }
        AlertDescription::UNRECOGNIZED_NAME => " (it does not serve the name that was asked for)",
        AlertDescription::CERTIFICATE_REQUIRED => " (it demands a client certificate)",
        AlertDescription::UNKNOWN_CA => " (it does not know the authority that issued the certificate)",
        AlertDescription::CERTIFICATE_EXPIRED => " (to it the certificate is expired, or not valid yet)",
        AlertDescription::NO_APPLICATION_PROTOCOL => " (it speaks none of the application protocols offered)",
        _ => "",
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    if items.is_empty() {
        return f.write_str("none");
    }
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

fn protocols(names: &[Vec<u8>]) -> String {
    names.iter().map(|name| format!("{:?}", String::from_utf8_lossy(name))).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyRecords => "empty records",
            Self::WarningAlerts => "warning alerts",
            Self::KeyUpdates => "KeyUpdate messages",
            Self::ChangeCipherSpecs => "change_cipher_spec records",
        })
    }
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CipherSuiteNotOffered(suite) => write!(f, "it chose {suite}, which was not offered"),
            Self::CipherSuiteChangedAfterRetry => f.write_str("it changed the cipher suite after HelloRetryRequest"),
            Self::VersionNotOffered(version) => write!(f, "it chose {version}, which was not offered"),
            Self::SessionIdNotEchoed => f.write_str("it did not echo legacy_session_id"),
            Self::Compression => f.write_str("it wants compression"),
            Self::GroupNotOffered(group) => write!(f, "it chose the group {group}, which was not offered"),
            Self::RetryChangesNothing => f.write_str("its HelloRetryRequest asks for nothing"),
            Self::RetryForSharedGroup(group) => {
                write!(f, "its HelloRetryRequest asks for {group}, whose share it already has")
            }
            Self::KeyShare(group) => write!(f, "its key share is no valid public value of {group}"),
            Self::KeyShares(group) => write!(f, "its key shares do not fit its groups, at {group}"),
            Self::SecondHelloDiffers(field) => write!(f, "its second ClientHello differs from the first in {field}"),
            Self::SecondHelloKeyShare => {
                f.write_str("its second ClientHello has not exactly the key share that was asked for")
            }
            Self::AlpnNotOffered => f.write_str("it chose an application protocol that was not offered"),
            Self::CertificateRequestContext => f.write_str("its certificate_request_context is wrong"),
            Self::Extension(extension) => write!(f, "the extension {extension} has no place in TLS 1.3 there"),
        }
    }
}

impl From<DecodeError> for Error {
    fn from(e: DecodeError) -> Self {
        Self::Decode(e)
    }
}

impl From<RecordError> for Error {
    fn from(e: RecordError) -> Self {
        Self::Record(e)
    }
}

impl From<Illegal> for Error {
    fn from(what: Illegal) -> Self {
        Self::Illegal(what)
    }
}

impl From<CertificateError> for Error {
    fn from(e: CertificateError) -> Self {
        Self::Certificate(e)
    }
}

impl From<BufferFull> for Error {
    fn from(_: BufferFull) -> Self {
        Self::MessageOfOursTooLong
    }
}
