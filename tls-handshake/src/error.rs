//! What can go wrong, in the peer's or the user's terms, and the one place that says which alert answers it.
//!
//! ```text
//! DecodeError, RecordError (codec) ─┐
//! a state's check ──────────────────┼─▶ Error ─ alert() ─▶ the alert that is sent, before the error is returned
//! CertificateError (verification) ──┘
//! ```

use tls_codec::code_points::{
    AlertDescription, CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion,
    SignatureScheme,
};
use tls_codec::error::{BufferFull, DecodeError, Fault};
use tls_codec::record::{Protocol, RecordError};

mod contradiction;
mod display;
mod excerpt;
mod illegal;

pub use crate::certificate_error::{CertificateError, Refusal};
pub use contradiction::Contradiction;
pub use excerpt::Excerpt;
pub(crate) use excerpt::bounded;
pub use illegal::{Flood, Illegal};

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
    /// A record that has to be protected came in the clear (RFC 9846 §5.2).
    UnprotectedRecord {
        /// The state that the connection was in.
        state: &'static str,
        /// What came.
        got: ContentType,
    },
    /// Bytes followed a message that changes keys, or that waits for an answer, in the same record (RFC 9846 §5.1).
    KeyChangeInsideRecord {
        /// The message that has to be the last of its record.
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
        /// What the peer offers, or chose.
        offered: Excerpt<ProtocolVersion>,
        /// What is enabled here.
        enabled: Vec<ProtocolVersion>,
    },
    /// The legacy_version of a TLS 1.3 hello, which decides nothing, is not the one that it has to be (RFC 9846 §4.2.2, §4.2.3).
    LegacyVersion(ProtocolVersion),
    /// The client says that it offers less than it can, after an attempt that failed, and we can do better (RFC 7507).
    InappropriateFallback {
        /// The version that it would have got.
        offered: ProtocolVersion,
    },
    /// The peer does not bind the master secret to the handshake (RFC 7627), which the configuration requires.
    ExtendedMasterSecretRequired,
    /// The peer's renegotiation_info is not empty, though this is its first handshake (RFC 5746 §3.4, §3.6).
    InsecureRenegotiation,
    /// The TLS 1.2 server sent no renegotiation_info (RFC 5746 §4.1), which
    /// [`set_allow_missing_renegotiation_info`](crate::ClientConfig::set_allow_missing_renegotiation_info)
    /// would accept.
    MissingRenegotiationInfo,
    /// The peer's Finished has another length than its hash gives.
    FinishedLength {
        /// Bytes that came.
        got: usize,
        /// Bytes that it has.
        expected: usize,
    },
    /// The client offers no cipher suite that is enabled here.
    NoCommonCipherSuite {
        /// What the client offers.
        offered: Excerpt<CipherSuite>,
        /// What is enabled here.
        enabled: Vec<CipherSuite>,
    },
    /// The client offers no key exchange group that is enabled here.
    NoCommonGroup {
        /// What the client offers.
        offered: Excerpt<NamedGroup>,
        /// What is enabled here.
        enabled: Vec<NamedGroup>,
    },
    /// The client does not accept the curve of the chosen identity's key (TLS 1.2, RFC 8422 §5.1).
    CertificateCurve {
        /// The curve of the key.
        curve: NamedGroup,
        /// The curves that the client accepts.
        offered: Excerpt<NamedGroup>,
    },
    /// The peer accepts no signature scheme that the chosen identity can sign with.
    NoCommonSignatureScheme {
        /// What the peer accepts.
        offered: Excerpt<SignatureScheme>,
        /// What the identity's key can do.
        able: Vec<SignatureScheme>,
    },
    /// The client asks for application protocols, none of which is enabled here (RFC 7301 §3.2).
    NoCommonAlpn {
        /// What the client asks for.
        offered: Excerpt<Vec<u8>>,
        /// What is enabled here.
        enabled: Vec<Vec<u8>>,
    },
    /// The peer negotiates no application protocol, which [is required](crate::ServerConfig::set_require_alpn).
    AlpnRequired,
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
    NoCertificate {
        /// The version of the handshake.
        version: ProtocolVersion,
    },
    /// The client showed no certificate, which the configuration requires.
    NoClientCertificate {
        /// The version of the connection: each has its own alert for it.
        version: ProtocolVersion,
    },
    /// The peer's certificate is refused.
    Certificate(Refusal),
    /// The handshake is signed with a scheme that was not offered, or that the version forbids.
    SignatureSchemeNotOffered(SignatureScheme),
    /// The handshake is signed with a scheme that is not for the certificate's kind of key.
    SignatureSchemeMismatch(SignatureScheme),
    /// The certificate of the server of TLS 1.2 has not the kind of key that this cipher suite demands, which the server chose
    /// (RFC 5246 §7.4.2, RFC 8422 §2).
    CertificateKeyMismatch(CipherSuite),
    /// The signature of the handshake is wrong: the peer does not hold the certificate's key.
    BadSignature,
    /// The verify_data in Finished is wrong: the two sides saw different handshakes.
    BadFinished,
    /// The client does not hold the pre-shared key that it offers (RFC 9846 §4.3.11.2).
    BadBinder,
    /// The server answers early data with an older version than that of the session (RFC 9846 Appendix D.3).
    EarlyDataAndOlderVersion,
    /// The client sends more early data than its ticket allows, or more than is skipped (RFC 9846 §4.3.10).
    TooMuchEarlyData {
        /// Bytes allowed.
        limit: u32,
    },
    /// No identity was chosen for the server name that the client asks for.
    NoIdentity {
        /// The name asked for, if any.
        asked: Option<String>,
        /// The alert that tells the client of it: unrecognized_name unless another was chosen.
        alert: AlertDescription,
    },
    /// The client names no external pre-shared key that is known here, and there is no certificate to do without one.
    NoCommonPsk {
        /// Whether it can use one at all: with psk_dhe_ke (RFC 9846 §4.3.9).
        psk_dhe_ke: bool,
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
    /// A record that is to be sealed [in place](crate::Connection::send_in_place) has not the room that it needs. Nothing is to be sent of it.
    RecordRoom {
        /// Bytes that it has.
        got: usize,
        /// Bytes that it needs, with its content; `None` for a content that is empty, or longer than a record may be.
        need: Option<usize>,
    },
    /// Our sending side is closed: nothing can be sent after close_notify.
    SendAfterClose,
    /// Our sending keys have protected as much as they may, and this version cannot change them: a new connection is needed.
    /// close_notify was sent.
    KeyExhausted,
    /// The version of this connection cannot change keys (TLS 1.2).
    NoKeyUpdate,
    /// A cryptographic operation of ours failed; says only which.
    Crypto(&'static str),
    /// Two settings of the configuration exclude each other: see [`ClientConfig::validate`](crate::ClientConfig::validate) and
    /// [`ServerConfig::validate`](crate::ServerConfig::validate). No handshake is made with it.
    Config(Contradiction),
    /// A message of ours does not fit its length fields: a configuration of absurd size.
    LocalMessageTooLong,
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
            | Self::UnprotectedRecord { .. }
            | Self::KeyChangeInsideRecord { .. }
            | Self::InterleavedHandshake
            | Self::EmptyRecord
            | Self::BadChangeCipherSpec
            | Self::Flood(_)
            | Self::TooMuchEarlyData { .. }
            | Self::SecondHelloRetryRequest => AlertDescription::UNEXPECTED_MESSAGE,
            Self::BadAlert | Self::NoCertificate { .. } => AlertDescription::DECODE_ERROR,
            Self::BadRecordMac => AlertDescription::BAD_RECORD_MAC,
            Self::RecordOverflow { .. } => AlertDescription::RECORD_OVERFLOW,
            Self::ChainTooLong { .. } => AlertDescription::ILLEGAL_PARAMETER,
            Self::NoCommonVersion { .. } | Self::LegacyVersion(_) | Self::EarlyDataAndOlderVersion => {
                AlertDescription::PROTOCOL_VERSION
            }
            Self::NoCommonCipherSuite { .. }
            | Self::NoCommonGroup { .. }
            | Self::NoCommonPsk { .. }
            | Self::NoCommonSignatureScheme { .. }
            | Self::CertificateCurve { .. }
            | Self::ExtendedMasterSecretRequired
            | Self::InsecureRenegotiation
            | Self::MissingRenegotiationInfo
            | Self::NoClientCertificate { version: ProtocolVersion::TLS12 } => AlertDescription::HANDSHAKE_FAILURE,
            Self::NoClientCertificate { .. } => AlertDescription::CERTIFICATE_REQUIRED,
            Self::InappropriateFallback { .. } => AlertDescription::INAPPROPRIATE_FALLBACK,
            // RFC 9846 §6.2: an out-of-range length.
            Self::FinishedLength { .. } | Self::MessageTooLarge { .. } => AlertDescription::DECODE_ERROR,
            Self::NoCommonAlpn { .. } | Self::AlpnRequired => AlertDescription::NO_APPLICATION_PROTOCOL,
            Self::MissingExtension { .. } => AlertDescription::MISSING_EXTENSION,
            Self::UnsolicitedExtension { .. } => AlertDescription::UNSUPPORTED_EXTENSION,
            Self::Illegal(_)
            | Self::SignatureSchemeNotOffered(_)
            | Self::SignatureSchemeMismatch(_)
            | Self::CertificateKeyMismatch(_) => AlertDescription::ILLEGAL_PARAMETER,
            Self::Certificate(e) => e.alert(),
            Self::BadSignature | Self::BadFinished | Self::BadBinder => AlertDescription::DECRYPT_ERROR,
            Self::NoIdentity { alert, .. } => error_alert(*alert).unwrap_or(AlertDescription::UNRECOGNIZED_NAME),
            Self::SignerFailed | Self::Crypto(_) | Self::Config(_) | Self::LocalMessageTooLong => {
                AlertDescription::INTERNAL_ERROR
            }
            Self::AlertReceived { .. }
            | Self::ClosedDuringHandshake { .. }
            | Self::Truncated
            | Self::WrongAnswer
            | Self::HandshakeNotComplete
            | Self::RecordRoom { .. }
            | Self::SendAfterClose
            | Self::KeyExhausted
            | Self::NoKeyUpdate => return None,
        })
    }
}

/// An alert that the application chose for an error. `None` for one that says that nothing is wrong, or that the connection goes
/// on (RFC 9846 §6.1, RFC 5246 §7.2.2): a peer could take the connection for completed, or wait.
pub(crate) fn error_alert(chosen: AlertDescription) -> Option<AlertDescription> {
    let closure = [AlertDescription::CLOSE_NOTIFY, AlertDescription::USER_CANCELED, AlertDescription::NO_RENEGOTIATION];
    (!closure.contains(&chosen)).then_some(chosen)
}

/// Copying and comparing errors is long. Where a connection does it, which is generic, it is compiled here, and not with each user.
impl Error {
    #[doc(hidden)]
    #[must_use]
    pub fn clone_error(&self) -> Self {
        self.clone()
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self == other
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(e) => Some(e),
            Self::Record(e) => Some(e),
            Self::Certificate(e) => Some(e),
            Self::Config(e) => Some(e),
            _ => None,
        }
    }
}

impl From<DecodeError> for Error {
    fn from(e: DecodeError) -> Self {
        Self::Decode(e)
    }
}

impl From<Contradiction> for Error {
    fn from(e: Contradiction) -> Self {
        Self::Config(e)
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
        Self::Certificate(e.into())
    }
}

impl From<Refusal> for Error {
    fn from(e: Refusal) -> Self {
        Self::Certificate(e)
    }
}

impl From<BufferFull> for Error {
    fn from(_: BufferFull) -> Self {
        Self::LocalMessageTooLong
    }
}
