//! The error of every call, and the alert that each error sends. `display` holds the texts.
//!
//! ```text
//! DecodeError, RecordError (codec) ─┐
//! a state's check ──────────────────┼─▶ Error ─ alert() ─▶ alert sent ─▶ error returned
//! CertificateError (verification) ──┘
//! ```

use tls_codec::code_points::{
    AlertDescription, CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion,
    SignatureScheme,
};
use tls_codec::error::{BufferFull, DecodeError};
use tls_codec::record::RecordError;

mod contradiction;
mod display;
mod excerpt;
mod illegal;
mod invalid_server_name;
mod kind;
mod quic;
mod state_name;

pub use crate::certificate_error::{CertificateError, Refusal};
pub use contradiction::Contradiction;
pub use excerpt::Excerpt;
pub(crate) use excerpt::{Escaped, bounded};
pub use illegal::{Flood, Illegal};
pub use invalid_server_name::{BadServerName, NameFault, server_name};
pub use kind::ErrorKind;
pub(crate) use quic::CRYPTO_ERROR;
pub use quic::{Level, QuicFault};
pub(crate) use state_name::Side;
pub use state_name::StateName;

/// Why a connection failed, or why a call was rejected.
///
/// After a fatal error, every call on the connection returns the same error.
///
/// `{}` and `{:?}` show the error in one line: what happened, its details, and what to do. `{:#}`
/// adds lines about a rejected certificate chain ([`Refusal`]). Programs match the variants, or
/// [`kind`](Self::kind). There is no [`source`](std::error::Error::source): the text contains the
/// cause.
///
/// ```
/// use strata_tls_handshake::tls_codec::record::RecordError;
/// use strata_tls_handshake::{Error, ErrorKind};
///
/// let e = Error::Record(RecordError::UnknownContentType(0x47));
/// assert_eq!(e.kind(), ErrorKind::NotTls);
/// assert!(format!("{e:?}").starts_with("NotTls: not a TLS record: invalid content type 0x47; "));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A message from the peer violates the syntax of the RFC, or has a value that the RFC forbids.
    Decode(DecodeError),
    /// The peer's bytes are not a TLS record: another protocol, or an invalid header.
    Record(RecordError),
    /// The peer closed the connection with this alert.
    AlertReceived {
        /// The alert.
        description: AlertDescription,
        /// The state of the connection.
        state: StateName,
    },
    /// This state does not allow the handshake message.
    UnexpectedMessage {
        /// The state of the connection.
        state: StateName,
        /// The type received.
        got: HandshakeType,
    },
    /// This state does not allow a record of this type.
    UnexpectedRecord {
        /// The state of the connection.
        state: StateName,
        /// The type received.
        got: ContentType,
    },
    /// An unencrypted record arrived where records must be encrypted (RFC 9846 §5.2).
    UnprotectedRecord {
        /// The state of the connection.
        state: StateName,
        /// The type received.
        got: ContentType,
    },
    /// Data followed a message that must end its record, since keys change or the other side
    /// replies (RFC 9846 §5.1).
    KeyChangeInsideRecord {
        /// The message that must end its record.
        message: HandshakeType,
    },
    /// Another record interrupted a fragmented handshake message (RFC 9846 §5.1).
    InterleavedHandshake,
    /// A handshake or alert record is empty, or a record contains only padding (RFC 9846 §5.4).
    EmptyRecord,
    /// An alert record does not contain exactly one alert (RFC 9846 §5.1).
    BadAlert,
    /// The content of a change_cipher_spec record is not the single byte 1 (RFC 9846 §5).
    BadChangeCipherSpec,
    /// A record failed to decrypt: it was altered in transit, or encrypted with other keys.
    BadRecordMac,
    /// A decrypted record is longer than the RFC allows.
    RecordOverflow {
        /// The length of the plaintext in bytes.
        got: usize,
        /// The maximum in bytes.
        limit: usize,
    },
    /// The peer sent too many records or messages without application data.
    Flood(Flood),
    /// A handshake message is longer than [`Limits`](crate::config::Limits) allow.
    MessageTooLarge {
        /// The message.
        message: HandshakeType,
        /// The length that its header declares, in bytes with the header.
        got: usize,
        /// The maximum in bytes with the header.
        limit: usize,
    },
    /// The peer's certificate chain has more certificates than [`Limits`](crate::config::Limits)
    /// allow.
    ChainTooLong {
        /// The number of certificates sent.
        got: usize,
        /// The maximum number.
        limit: usize,
    },
    /// The peer offers, or chose, no enabled version.
    NoCommonVersion {
        /// The versions that the peer offers, or the one that it chose.
        offered: Excerpt<ProtocolVersion>,
        /// The enabled versions.
        enabled: Vec<ProtocolVersion>,
    },
    /// The legacy_version of a hello with supported_versions is not TLS 1.2 (RFC 9846 §4.2.2,
    /// §4.2.3).
    LegacyVersion(ProtocolVersion),
    /// The client retried with an older version (TLS_FALLBACK_SCSV, RFC 7507), although both sides
    /// support a newer one.
    InappropriateFallback {
        /// The newest version that the client offers.
        offered: ProtocolVersion,
    },
    /// The peer does not support extended_master_secret (RFC 7627), which the configuration
    /// requires.
    ExtendedMasterSecretRequired,
    /// The peer's renegotiation_info is not empty in an initial handshake (RFC 5746 §3.4, §3.6).
    InsecureRenegotiation,
    /// The TLS 1.2 server sent no renegotiation_info (RFC 5746 §4.1).
    /// A [setting](crate::ClientConfig::set_allow_missing_renegotiation_info) accepts such servers.
    MissingRenegotiationInfo,
    /// The length of the peer's Finished does not match its hash.
    FinishedLength {
        /// The length received, in bytes.
        got: usize,
        /// The expected length in bytes.
        expected: usize,
    },
    /// The client offers no enabled cipher suite.
    NoCommonCipherSuite {
        /// The cipher suites that the client offers.
        offered: Excerpt<CipherSuite>,
        /// The enabled cipher suites.
        enabled: Vec<CipherSuite>,
    },
    /// The client offers no enabled key exchange group.
    NoCommonGroup {
        /// The groups that the client offers.
        offered: Excerpt<NamedGroup>,
        /// The enabled groups.
        enabled: Vec<NamedGroup>,
    },
    /// The client does not support the curve of the chosen identity's key (TLS 1.2, RFC 8422 §5.1).
    CertificateCurve {
        /// The curve of the key.
        curve: NamedGroup,
        /// The curves that the client supports.
        offered: Excerpt<NamedGroup>,
    },
    /// The peer accepts no signature scheme that the chosen identity can sign with.
    NoCommonSignatureScheme {
        /// The schemes that the peer accepts.
        offered: Excerpt<SignatureScheme>,
        /// The schemes that the identity's key supports.
        able: Vec<SignatureScheme>,
    },
    /// The client offers only application protocols that are not enabled (RFC 7301 §3.2).
    NoCommonAlpn {
        /// The application protocols that the client offers.
        offered: Excerpt<Vec<u8>>,
        /// The enabled application protocols.
        enabled: Vec<Vec<u8>>,
    },
    /// The peer negotiated no application protocol, which
    /// [`set_require_alpn`](crate::ServerConfig::set_require_alpn) requires.
    AlpnRequired,
    /// A message lacks an extension that the RFC requires.
    MissingExtension {
        /// The message.
        message: HandshakeType,
        /// The extension.
        extension: ExtensionType,
    },
    /// The peer responded to an extension that was not offered.
    UnsolicitedExtension {
        /// The message.
        message: HandshakeType,
        /// The extension.
        extension: ExtensionType,
    },
    /// A well-formed message contradicts the handshake so far.
    Illegal(Illegal),
    /// The peer violated a rule for TLS within QUIC (RFC 9001).
    Quic(QuicFault),
    /// The server sent a second HelloRetryRequest (RFC 9846 §4.2.4).
    SecondHelloRetryRequest,
    /// The server sent no certificate.
    NoCertificate {
        /// The version of the handshake.
        version: ProtocolVersion,
    },
    /// The client sent no certificate, which the configuration requires.
    NoClientCertificate {
        /// The version of the handshake, which determines the alert.
        version: ProtocolVersion,
    },
    /// The peer's certificate was rejected.
    Certificate(Refusal),
    /// The peer signed the handshake with a scheme that was not offered, or that the version
    /// forbids.
    SignatureSchemeNotOffered(SignatureScheme),
    /// The peer signed the handshake with a scheme that its certificate's key does not support.
    SignatureSchemeMismatch(SignatureScheme),
    /// The peer signed the handshake with a key that is not supported, so the signature was not
    /// checked.
    UnsupportedKey {
        /// The scheme of the signature.
        scheme: SignatureScheme,
        /// The key of the peer's certificate, such as `an RSA key of 1024 bits`.
        key: String,
    },
    /// The TLS 1.2 server chose this cipher suite, but its certificate has another type of key than
    /// the suite requires (RFC 5246 §7.4.2, RFC 8422 §2).
    CertificateKeyMismatch(CipherSuite),
    /// The signature of the handshake is invalid: the peer does not hold its certificate's key, or
    /// the handshake was altered.
    BadSignature,
    /// The verify_data in Finished is invalid: the two sides saw different handshakes.
    BadFinished,
    /// The PSK binder is invalid: the client does not hold the pre-shared key that it offers (RFC
    /// 9846 §4.3.11.2).
    BadBinder,
    /// The server chose an older version after the client sent early data (RFC 9846 Appendix D.3).
    EarlyDataAndOlderVersion,
    /// The client sent more early data than its ticket allows, or more than a server skips (RFC
    /// 9846 §4.3.10).
    TooMuchEarlyData {
        /// The maximum in bytes.
        limit: u32,
    },
    /// No identity was chosen for the server name that the client requests.
    NoIdentity {
        /// The requested name, if any.
        asked: Option<String>,
        /// The alert to send. Default: unrecognized_name.
        alert: AlertDescription,
    },
    /// The client offers no known external pre-shared key, and no certificate is configured.
    NoCommonPsk {
        /// True if the client supports psk_dhe_ke (RFC 9846 §4.3.9), which pre-shared keys require.
        psk_dhe_ke: bool,
    },
    /// The private key failed to sign.
    SignerFailed,
    /// The client closed or reset the transport before it had sent a complete ClientHello, as
    /// health checks, port scans and browsers that connect ahead do. Servers can ignore it.
    NoClientHello {
        /// True if a part of a ClientHello, or of a record, was received.
        partial: bool,
        /// The way in which the transport ended.
        end: TransportEnd,
    },
    /// The peer closed or reset the transport during the handshake.
    ClosedDuringHandshake {
        /// The state of the connection.
        state: StateName,
        /// The way in which the transport ended.
        end: TransportEnd,
    },
    /// The transport ended without close_notify: received data may be truncated.
    Truncated,
    /// The answer belongs to another connection, or to a request that is not pending.
    WrongAnswer,
    /// The call requires a complete handshake.
    HandshakeNotComplete,
    /// A buffer for a record that is encrypted [in place](crate::Connection::send_in_place) has the
    /// wrong length. Do not send it.
    RecordRoom {
        /// The length of the buffer in bytes.
        got: usize,
        /// The required length in bytes, with the content; `None` if the content is empty or too
        /// long for a record.
        need: Option<usize>,
    },
    /// The sending side is closed: nothing can be sent after close_notify.
    SendAfterClose,
    /// The sending key reached its usage limit, and TLS 1.2 cannot change it. close_notify was
    /// sent; open a new connection.
    KeyExhausted,
    /// TLS 1.2 has no KeyUpdate.
    NoKeyUpdate,
    /// A local cryptographic operation failed; the text names only the operation.
    Crypto(&'static str),
    /// Settings of the configuration exclude each other, so no handshake starts: see
    /// [`ClientConfig::validate`](crate::ClientConfig::validate) and
    /// [`ServerConfig::validate`](crate::ServerConfig::validate).
    Config(Contradiction),
    /// The name of the server to connect to is neither a host name nor an IP address.
    BadServerName(BadServerName),
    /// A message to send does not fit its length fields, because the configuration is too large.
    LocalMessageTooLong,
}

/// The way in which a transport ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportEnd {
    /// The peer closed its side (TCP: FIN).
    Closed,
    /// The peer, or a device on the way, reset the transport (TCP: RST).
    Reset,
}

impl Error {
    /// Returns the alert that a connection sends when it ends with this error. `None` if the peer
    /// is gone or would not read it, and for mistakes of the application that do not end the
    /// connection.
    ///
    /// No alert is sent after close_notify, by a call that fails before there is a connection, and
    /// by the export of keying material. [`AlertReceived`](Self::AlertReceived) holds the alert
    /// that the peer sent.
    #[must_use]
    pub fn alert(&self) -> Option<AlertDescription> {
        Some(match self {
            Self::Decode(e) => e.alert(),
            Self::Record(e) => return e.alert(),
            Self::UnexpectedMessage { .. }
            | Self::UnexpectedRecord { .. }
            | Self::UnprotectedRecord { .. }
            | Self::KeyChangeInsideRecord { .. }
            | Self::InterleavedHandshake
            | Self::EmptyRecord
            | Self::BadChangeCipherSpec
            | Self::Flood(_)
            | Self::TooMuchEarlyData { .. }
            | Self::Quic(_)
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
            Self::UnsupportedKey { .. } => AlertDescription::UNSUPPORTED_CERTIFICATE,
            Self::Certificate(e) => e.alert(),
            Self::BadSignature | Self::BadFinished | Self::BadBinder => AlertDescription::DECRYPT_ERROR,
            Self::NoIdentity { alert, .. } => error_alert(*alert).unwrap_or(AlertDescription::UNRECOGNIZED_NAME),
            Self::SignerFailed | Self::Crypto(_) | Self::Config(_) | Self::LocalMessageTooLong => {
                AlertDescription::INTERNAL_ERROR
            }
            Self::AlertReceived { .. }
            | Self::NoClientHello { .. }
            | Self::ClosedDuringHandshake { .. }
            | Self::Truncated
            | Self::WrongAnswer
            | Self::HandshakeNotComplete
            | Self::RecordRoom { .. }
            | Self::SendAfterClose
            | Self::KeyExhausted
            | Self::BadServerName(_)
            | Self::NoKeyUpdate => return None,
        })
    }
}

/// Returns an alert that the application chose for an error. Returns `None` for alerts that do not
/// report an error (RFC 9846 §6.1, RFC 5246 §7.2.2): the peer could take the connection for
/// complete, or wait.
pub(crate) fn error_alert(chosen: AlertDescription) -> Option<AlertDescription> {
    let closure = [AlertDescription::CLOSE_NOTIFY, AlertDescription::USER_CANCELED, AlertDescription::NO_RENEGOTIATION];
    (!closure.contains(&chosen)).then_some(chosen)
}

/// Out of line: keeps cloning and comparing errors out of each generic connection.
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

/// Has no source: the text contains the cause.
impl std::error::Error for Error {}

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

impl From<BadServerName> for Error {
    fn from(e: BadServerName) -> Self {
        Self::BadServerName(e)
    }
}

impl From<RecordError> for Error {
    fn from(e: RecordError) -> Self {
        Self::Record(e)
    }
}

impl From<QuicFault> for Error {
    fn from(what: QuicFault) -> Self {
        Self::Quic(what)
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
