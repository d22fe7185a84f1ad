//! Maps errors to BoringSSL's names, by which the runner checks that a test failed as expected.

use strata_tls::codec::HandshakeType;
use strata_tls::codec::error::{DecodeError, Fault};
use strata_tls::codec::record::{Protocol, RecordError};
use strata_tls::handshake::error::{Flood, Illegal};
use strata_tls::quic::QuicFault;
use strata_tls::{AlertDescription, CertificateError, Error, ExtensionType, ProtocolVersion};

/// The early data limit of the shim, in bytes. The runner sends as much.
pub(crate) const EARLY_DATA: u32 = 14336;

/// Returns what to print for an error: BoringSSL's name, then this library's text for the log.
pub(crate) fn name(e: &Error) -> String {
    // BoringSSL prints its whole error queue: the cause, then its effect. Some tests expect both.
    let also = match e {
        Error::BadRecordMac => ":BAD_DECRYPT:\n",
        Error::AlertReceived { description: AlertDescription::HANDSHAKE_FAILURE, state } if *state == "WAIT_SH" => {
            ":HANDSHAKE_FAILURE_ON_CLIENT_HELLO:\n"
        }
        Error::Decode(e) if e.at.starts_with("signature_algorithms") => ":DECODE_ERROR:\n",
        // In TLS 1.2 BoringSSL ignores cipher suites without a usable signature scheme or group.
        Error::NoCommonSignatureScheme { .. } | Error::NoCommonGroup { .. } => ":NO_SHARED_CIPHER:\n",
        // The name depends on the version.
        Error::Illegal(Illegal::CompressionNotOffered(_)) | Error::LegacyVersion(_) => ":DECODE_ERROR:\n",
        _ => "",
    };
    format!("{also}:{}: {e}", boring(e))
}

fn boring(e: &Error) -> &'static str {
    match e {
        Error::Decode(e) => decode(e),
        Error::Record(RecordError::NotTls(Protocol::Http)) => "HTTP_REQUEST",
        Error::Record(RecordError::NotTls(Protocol::HttpConnect)) => "HTTPS_PROXY_REQUEST",
        Error::Record(RecordError::Oversized { .. }) => "ENCRYPTED_LENGTH_TOO_LONG",
        Error::Record(_) => "WRONG_VERSION_NUMBER",
        Error::AlertReceived { description, .. } => alert(*description),
        Error::UnexpectedMessage { .. } => "UNEXPECTED_MESSAGE",
        Error::UnexpectedRecord { .. } => "UNEXPECTED_RECORD",
        Error::UnprotectedRecord { .. } => "INVALID_OUTER_RECORD_TYPE",
        Error::InterleavedHandshake => "UNEXPECTED_RECORD",
        Error::KeyChangeInsideRecord { .. } => "EXCESS_HANDSHAKE_DATA",
        Error::BadRecordMac => "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
        Error::RecordOverflow { .. } => "DATA_LENGTH_TOO_LONG",
        Error::BadAlert => "BAD_ALERT",
        Error::BadChangeCipherSpec => "BAD_CHANGE_CIPHER_SPEC",
        Error::EmptyRecord => "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
        Error::Flood(Flood::WarningAlerts) => "TOO_MANY_WARNING_ALERTS",
        Error::Flood(Flood::KeyUpdates) => "TOO_MANY_KEY_UPDATES",
        Error::Flood(Flood::Renegotiations) => "NO_RENEGOTIATION",
        Error::Flood(_) => "TOO_MANY_EMPTY_FRAGMENTS",
        Error::MessageTooLarge { .. } | Error::ChainTooLong { .. } => "EXCESSIVE_MESSAGE_SIZE",
        Error::NoCommonVersion { .. } => "UNSUPPORTED_PROTOCOL",
        Error::InappropriateFallback { .. } => "INAPPROPRIATE_FALLBACK",
        Error::NoCommonCipherSuite { .. } => "NO_SHARED_CIPHER",
        Error::LegacyVersion(_) => "UNSUPPORTED_PROTOCOL",
        Error::NoCommonGroup { offered, .. } if offered.is_empty() => "NO_SHARED_CIPHER",
        Error::NoCommonGroup { .. } => "NO_SHARED_GROUP",
        Error::CertificateCurve { .. } => "WRONG_CURVE",
        Error::NoCommonSignatureScheme { .. } => "NO_COMMON_SIGNATURE_ALGORITHMS",
        Error::NoCommonAlpn { .. } | Error::AlpnRequired => "NO_APPLICATION_PROTOCOL",
        Error::MissingExtension { extension: ExtensionType::KEY_SHARE, .. } => "MISSING_KEY_SHARE",
        Error::MissingExtension { extension: ExtensionType::SUPPORTED_GROUPS, .. } => "NO_SHARED_GROUP",
        Error::MissingExtension { message: HandshakeType::CERTIFICATE_REQUEST, .. } => "DECODE_ERROR",
        Error::MissingExtension { .. } => "MISSING_EXTENSION",
        Error::UnsolicitedExtension { .. } => "UNEXPECTED_EXTENSION",
        Error::Certificate(refusal) => match refusal.why {
            CertificateError::BadEncoding => "CANNOT_PARSE_LEAF_CERT",
            CertificateError::Ocsp(_) => "OCSP_CB_ERROR",
            CertificateError::WrongKeyUsage { .. } => "KEY_USAGE_BIT_INCORRECT",
            _ => "CERTIFICATE_VERIFY_FAILED",
        },
        Error::NoCertificate { version: ProtocolVersion::TLS13 } => "PEER_DID_NOT_RETURN_A_CERTIFICATE",
        Error::NoCertificate { .. } => "DECODE_ERROR",
        Error::NoClientCertificate { .. } => "PEER_DID_NOT_RETURN_A_CERTIFICATE",
        Error::SignatureSchemeNotOffered(_) | Error::SignatureSchemeMismatch(_) => "WRONG_SIGNATURE_TYPE",
        Error::CertificateKeyMismatch(_) => "WRONG_CERTIFICATE_TYPE",
        Error::BadSignature | Error::UnsupportedKey { .. } => "BAD_SIGNATURE",
        Error::BadFinished | Error::BadBinder => "DIGEST_CHECK_FAILED",
        Error::InsecureRenegotiation | Error::MissingRenegotiationInfo => "RENEGOTIATION_MISMATCH",
        Error::TooMuchEarlyData { limit: EARLY_DATA } => "TOO_MUCH_READ_EARLY_DATA",
        Error::TooMuchEarlyData { .. } => "TOO_MUCH_SKIPPED_EARLY_DATA",
        Error::EarlyDataAndOlderVersion => "WRONG_VERSION_ON_EARLY_DATA",
        Error::Illegal(illegal) => self::illegal(illegal),
        Error::SecondHelloRetryRequest => "UNEXPECTED_MESSAGE",
        Error::NoIdentity { .. } => "CERT_CB_ERROR",
        Error::NoCommonPsk { psk_dhe_ke: false } => "NO_SUPPORTED_PSK_MODE",
        Error::NoCommonPsk { .. } => "PSK_IDENTITY_NOT_FOUND",
        Error::HandshakeNotComplete => "HANDSHAKE_NOT_COMPLETE",
        Error::ExtendedMasterSecretRequired => "RESUMED_EMS_SESSION_WITHOUT_EMS_EXTENSION",
        Error::Quic(QuicFault::WrongLevel { .. }) => "WRONG_ENCRYPTION_LEVEL_RECEIVED",
        Error::Quic(QuicFault::DataAtKeyChange(_)) => "EXCESS_HANDSHAKE_DATA",
        Error::Quic(QuicFault::SessionId) => "UNEXPECTED_COMPATIBILITY_MODE",
        Error::SignerFailed => "PRIVATE_KEY_OPERATION_FAILED",
        _ => "OTHER",
    }
}

/// Maps a decoding error. Names of extensions in `e.at` start in lower case, those of messages do
/// not.
fn decode(e: &DecodeError) -> &'static str {
    match e.fault {
        Fault::DuplicateExtension(_) => "DUPLICATE_EXTENSION",
        Fault::MisplacedExtension(_) if e.at == "ServerHello.extensions" => "UNEXPECTED_EXTENSION",
        Fault::MisplacedExtension(_) => "ERROR_PARSING_EXTENSION",
        _ if e.at.starts_with("pre_shared_key.binders") && e.fault == Fault::IllegalValue => {
            "PSK_IDENTITY_BINDER_COUNT_MISMATCH"
        }
        _ if e.at.starts_with("alpn.") => "PARSE_TLSEXT",
        _ if e.at == "ServerHello.status_request" => "ERROR_PARSING_EXTENSION",
        _ if e.at.starts_with("pre_shared_key.binders")
            || e.at.starts_with("cookie")
            || e.at.starts_with("key_share") =>
        {
            "DECODE_ERROR"
        }
        _ if e.at == "ClientHello.legacy_session_id" || e.at == "ClientHello.extensions" => "CLIENTHELLO_PARSE_FAILED",
        _ if e.at == "ClientHello.pre_shared_key" => "PRE_SHARED_KEY_MUST_BE_LAST",
        _ if e.at.starts_with(|first: char| first.is_ascii_lowercase()) => "ERROR_PARSING_EXTENSION",
        _ => "DECODE_ERROR",
    }
}

fn illegal(illegal: &Illegal) -> &'static str {
    match illegal {
        Illegal::CipherSuiteNotOffered(_) | Illegal::CipherSuiteChangedAfterRetry => "WRONG_CIPHER_RETURNED",
        Illegal::VersionNotOffered(_) => "UNSUPPORTED_PROTOCOL",
        Illegal::OlderVersionSelected(_) => "UNEXPECTED_EXTENSION",
        Illegal::VersionChangedAfterRetry => "SECOND_SERVERHELLO_VERSION_MISMATCH",
        Illegal::SessionIdNotEchoed | Illegal::SessionIdEchoed => "SERVER_ECHOED_INVALID_SESSION_ID",
        Illegal::ResumedCipherSuite(suite) if suite.0 >> 8 == 0x13 => "OLD_SESSION_PRF_HASH_MISMATCH",
        Illegal::ResumedCipherSuite(_) => "OLD_SESSION_CIPHER_NOT_RETURNED",
        Illegal::ResumedMasterSecret { session_had_it: true } => "RESUMED_EMS_SESSION_WITHOUT_EMS_EXTENSION",
        Illegal::ResumedMasterSecret { session_had_it: false } => "RESUMED_NON_EMS_SESSION_WITH_EMS_EXTENSION",
        Illegal::PskNotOffered(_) => "PSK_IDENTITY_NOT_FOUND",
        Illegal::EarlyDataNotOffered => "UNEXPECTED_EXTENSION",
        Illegal::EarlyDataCipherSuite => "CIPHER_MISMATCH_ON_EARLY_DATA",
        Illegal::EarlyDataAlpn => "ALPN_MISMATCH_ON_EARLY_DATA",
        Illegal::Downgraded(_) => "TLS13_DOWNGRADE",
        Illegal::PointFormats => "ERROR_PARSING_EXTENSION",
        Illegal::Compression => "INVALID_COMPRESSION_LIST",
        Illegal::CompressionNotOffered(_) => "UNSUPPORTED_COMPRESSION_ALGORITHM",
        Illegal::GroupNotOffered(_) | Illegal::RetryForSharedGroup(_) | Illegal::SecondHelloKeyShare => "WRONG_CURVE",
        Illegal::RetryChangesNothing => "EMPTY_HELLO_RETRY_REQUEST",
        Illegal::KeyShare(_) => "BAD_ECPOINT",
        Illegal::KeyShares(_) => "DUPLICATE_KEY_SHARE",
        Illegal::AlpnNotOffered => "INVALID_ALPN_PROTOCOL",
        _ => "DECODE_ERROR",
    }
}

/// Maps an alert that the peer sent.
fn alert(description: AlertDescription) -> &'static str {
    match description {
        AlertDescription::UNEXPECTED_MESSAGE => "TLSV1_ALERT_UNEXPECTED_MESSAGE",
        AlertDescription::HANDSHAKE_FAILURE => "SSLV3_ALERT_HANDSHAKE_FAILURE",
        AlertDescription::BAD_CERTIFICATE => "SSLV3_ALERT_BAD_CERTIFICATE",
        AlertDescription::ILLEGAL_PARAMETER => "SSLV3_ALERT_ILLEGAL_PARAMETER",
        AlertDescription::DECODE_ERROR => "TLSV1_ALERT_DECODE_ERROR",
        AlertDescription::DECRYPT_ERROR => "TLSV1_ALERT_DECRYPT_ERROR",
        AlertDescription::PROTOCOL_VERSION => "TLSV1_ALERT_PROTOCOL_VERSION",
        AlertDescription::INTERNAL_ERROR => "TLSV1_ALERT_INTERNAL_ERROR",
        AlertDescription::CERTIFICATE_REQUIRED => "TLSV1_ALERT_CERTIFICATE_REQUIRED",
        AlertDescription::NO_APPLICATION_PROTOCOL => "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
        AlertDescription::RECORD_OVERFLOW => "TLSV1_ALERT_RECORD_OVERFLOW",
        AlertDescription::UNRECOGNIZED_NAME => "TLSV1_UNRECOGNIZED_NAME",
        AlertDescription::DECOMPRESSION_FAILURE => "SSLV3_ALERT_DECOMPRESSION_FAILURE",
        AlertDescription::ACCESS_DENIED => "TLSV1_ALERT_ACCESS_DENIED",
        _ => "ALERT_RECEIVED",
    }
}
