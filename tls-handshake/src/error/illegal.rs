//! Protocol violations of a peer: values that contradict the handshake, and floods of messages,
//! whose limits are in `flood`.

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion};
use tls_codec::extension::MaxFragmentLength;

/// A message that the peer sent too often without application data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flood {
    /// Application data records without data.
    EmptyRecords,
    /// Warning alerts, which do not close the connection.
    WarningAlerts,
    /// KeyUpdate messages without data in between.
    KeyUpdates,
    /// change_cipher_spec records.
    ChangeCipherSpecs,
    /// Renegotiation requests (TLS 1.2).
    Renegotiations,
    /// NewSessionTicket messages without data in between (TLS 1.3).
    NewSessionTickets,
}

/// A value that contradicts the handshake so far. Each is answered with the alert
/// illegal_parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Illegal {
    /// The server chose a cipher suite that was not offered.
    CipherSuiteNotOffered(CipherSuite),
    /// ServerHello has another cipher suite than HelloRetryRequest.
    CipherSuiteChangedAfterRetry,
    /// The server chose a version that was not offered.
    VersionNotOffered(ProtocolVersion),
    /// The server chose this version in supported_versions, which allows only TLS 1.3 and later
    /// (RFC 9846 §4.3.1).
    OlderVersionSelected(ProtocolVersion),
    /// ServerHello has another version than HelloRetryRequest.
    VersionChangedAfterRetry,
    /// The server did not echo legacy_session_id.
    SessionIdNotEchoed,
    /// The TLS 1.2 server resumed a session that was not offered.
    SessionIdEchoed,
    /// The server resumed a session with another cipher suite (TLS 1.2) or hash (TLS 1.3) than the
    /// session's.
    ResumedCipherSuite(CipherSuite),
    /// The server resumed a session, but extended_master_secret differs from the session's (RFC
    /// 7627 §5.3).
    ResumedMasterSecret {
        /// True if the session used extended_master_secret.
        session_had_it: bool,
    },
    /// The server selected a pre-shared key that was not offered.
    PskNotOffered(u16),
    /// The server accepted early data that was not offered, or not with the pre-shared key that it
    /// selected.
    EarlyDataNotOffered,
    /// The server accepted early data, but chose another cipher suite than the data was sent with.
    EarlyDataCipherSuite,
    /// The server accepted early data, but chose another application protocol than the data was
    /// sent for.
    EarlyDataAlpn,
    /// The server's random says that it supports a newer version than it chose (RFC 9846 §4.2.3).
    /// An attacker may have altered the hellos.
    Downgraded(ProtocolVersion),
    /// The peer does not support uncompressed points, the only format allowed (RFC 8422 §5.1.2).
    PointFormats,
    /// The client does not offer null compression, or, in TLS 1.3, offers another method as well.
    Compression,
    /// The server chose this compression method, which was not offered.
    CompressionNotOffered(u8),
    /// The server chose a group that was not offered, or one that no share was sent for.
    GroupNotOffered(NamedGroup),
    /// HelloRetryRequest requests nothing that would change the ClientHello.
    RetryChangesNothing,
    /// HelloRetryRequest requests a group whose key share was already sent.
    RetryForSharedGroup(NamedGroup),
    /// A key share is not a valid public value of its group.
    KeyShare(NamedGroup),
    /// The client sent several key shares for one group, or one for a group not in
    /// supported_groups.
    KeyShares(NamedGroup),
    /// The second ClientHello differs from the first in this field.
    SecondHelloDiffers(&'static str),
    /// The second ClientHello does not have exactly the requested key share.
    SecondHelloKeyShare,
    /// The client's server name (SNI) is neither a host name nor an IP address (RFC 6066 §3).
    ServerName,
    /// The server chose an application protocol that was not offered.
    AlpnNotOffered,
    /// certificate_request_context is not the expected one: empty, or that of the request.
    CertificateRequestContext,
    /// max_fragment_length is undefined, or not the one that was offered (RFC 6066 §4).
    MaxFragmentLength(MaxFragmentLength),
    /// The server sent both max_fragment_length and record_size_limit (RFC 8449 §5).
    TwoRecordSizes,
}
