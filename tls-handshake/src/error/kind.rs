//! The kind of an error, for programs that count errors or choose what to do by it.

use tls_codec::record::RecordError;

use super::{Error, QuicFault};

/// The kind of a connection's end: which side caused it, or what. Returned by [`Error::kind`].
///
/// A server may count kinds, log only some, and treat none as a fault of its own but
/// [`LocalMisuse`](Self::LocalMisuse) and [`LocalFailure`](Self::LocalFailure). No kind makes it
/// safe to retry with weaker settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The peer, or an attacker in its place, violated the protocol: malformed messages, wrong
    /// order, invalid signatures, altered records.
    PeerMisbehaved,
    /// The peer's bytes are not TLS.
    NotTls,
    /// The peer sent more than this side's limits allow.
    LimitExceeded,
    /// Both sides speak TLS, but their settings do not fit: no common version, cipher suite, group,
    /// signature scheme, application protocol, pre-shared key or name, or no support for a required
    /// extension.
    NoCommonParameters,
    /// This side rejected the peer's certificate, does not support its key, or requires one that
    /// the peer did not send.
    CertificateRejected,
    /// The peer ended the connection with an alert.
    AlertReceived,
    /// The transport ended before the connection did.
    Closed,
    /// The application made a call that does not fit the state, or set contradictory settings.
    LocalMisuse,
    /// This side cannot continue: a key failed to sign or is exhausted, or a computation failed.
    LocalFailure,
}

impl Error {
    /// Returns the kind of the error.
    ///
    /// ```
    /// use strata_tls_handshake::{Error, ErrorKind};
    ///
    /// /// Returns whether a server should log the error: not for probes and other protocols.
    /// fn is_worth_logging(e: &Error) -> bool {
    ///     !matches!(e, Error::NoClientHello { .. }) && e.kind() != ErrorKind::NotTls
    /// }
    ///
    /// assert!(is_worth_logging(&Error::BadFinished));
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Record(RecordError::Oversized { .. })
            | Self::Decode(_)
            | Self::UnexpectedMessage { .. }
            | Self::UnexpectedRecord { .. }
            | Self::UnprotectedRecord { .. }
            | Self::KeyChangeInsideRecord { .. }
            | Self::InterleavedHandshake
            | Self::EmptyRecord
            | Self::BadAlert
            | Self::BadChangeCipherSpec
            | Self::BadRecordMac
            | Self::RecordOverflow { .. }
            | Self::LegacyVersion(_)
            | Self::InsecureRenegotiation
            | Self::FinishedLength { .. }
            | Self::MissingExtension { .. }
            | Self::UnsolicitedExtension { .. }
            | Self::Illegal(_)
            | Self::SecondHelloRetryRequest
            | Self::NoCertificate { .. }
            | Self::SignatureSchemeNotOffered(_)
            | Self::SignatureSchemeMismatch(_)
            | Self::CertificateKeyMismatch(_)
            | Self::BadSignature
            | Self::BadFinished
            | Self::BadBinder => ErrorKind::PeerMisbehaved,
            Self::Record(_) => ErrorKind::NotTls,
            Self::Quic(QuicFault::BufferExceeded { .. })
            | Self::Flood(_)
            | Self::MessageTooLarge { .. }
            | Self::ChainTooLong { .. }
            | Self::TooMuchEarlyData { .. } => ErrorKind::LimitExceeded,
            Self::Quic(_) => ErrorKind::PeerMisbehaved,
            Self::NoCommonVersion { .. }
            | Self::InappropriateFallback { .. }
            | Self::ExtendedMasterSecretRequired
            | Self::MissingRenegotiationInfo
            | Self::NoCommonCipherSuite { .. }
            | Self::NoCommonGroup { .. }
            | Self::CertificateCurve { .. }
            | Self::NoCommonSignatureScheme { .. }
            | Self::NoCommonAlpn { .. }
            | Self::AlpnRequired
            | Self::EarlyDataAndOlderVersion
            | Self::NoIdentity { .. }
            | Self::NoCommonPsk { .. } => ErrorKind::NoCommonParameters,
            Self::Certificate(_) | Self::UnsupportedKey { .. } | Self::NoClientCertificate { .. } => {
                ErrorKind::CertificateRejected
            }
            Self::AlertReceived { .. } => ErrorKind::AlertReceived,
            Self::NoClientHello { .. } | Self::ClosedDuringHandshake { .. } | Self::Truncated => ErrorKind::Closed,
            Self::WrongAnswer
            | Self::HandshakeNotComplete
            | Self::RecordRoom { .. }
            | Self::SendAfterClose
            | Self::NoKeyUpdate
            | Self::BadServerName(_)
            | Self::Config(_) => ErrorKind::LocalMisuse,
            Self::SignerFailed | Self::KeyExhausted | Self::Crypto(_) | Self::LocalMessageTooLong => {
                ErrorKind::LocalFailure
            }
        }
    }
}
