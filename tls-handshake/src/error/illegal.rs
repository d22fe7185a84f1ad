//! Contradictions, and too much of what is worth nothing.

use std::fmt;

use tls_codec::code_points::{CipherSuite, ExtensionType, NamedGroup, ProtocolVersion};
use tls_codec::extension::MaxFragmentLength;

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
    /// Requests for another handshake (TLS 1.2).
    Renegotiations,
    /// NewSessionTicket messages without data between them (TLS 1.3).
    NewSessionTickets,
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
    /// The server chose this version in supported_versions, which is for TLS 1.3 and later (RFC 9846 §4.3.1).
    OlderVersionSelected(ProtocolVersion),
    /// ServerHello has another version than HelloRetryRequest.
    VersionChangedAfterRetry,
    /// The server did not echo legacy_session_id.
    SessionIdNotEchoed,
    /// The server of TLS 1.2 resumes a session that was never there.
    SessionIdEchoed,
    /// The server goes on from a session under another cipher suite than the session's, or one with another hash.
    ResumedCipherSuite(CipherSuite),
    /// The server goes on from a session, but with extended_master_secret where the session had none, or the other way round
    /// (RFC 7627 §5.3).
    ResumedMasterSecret {
        /// Whether the session had it.
        session_had_it: bool,
    },
    /// The server selected a pre-shared key that was not offered.
    PskNotOffered(u16),
    /// The server accepts early data that was not offered, or not with the pre-shared key that it selected.
    EarlyDataNotOffered,
    /// The server accepts early data, but goes on with another cipher suite than the data was sent under.
    EarlyDataCipherSuite,
    /// The server accepts early data, but with another application protocol than the data was for.
    EarlyDataAlpn,
    /// The server's random tells that it could have done better than the version that it chose (RFC 9846 §4.2.3): the hellos
    /// were edited on the way.
    Downgraded(ProtocolVersion),
    /// The peer does not know uncompressed points, which are all that there is (RFC 8422 §5.1.2).
    PointFormats,
    /// The client wants compression, or does not do without.
    Compression,
    /// The server chose this compression method, which was not offered.
    CompressionNotOffered(u8),
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
    /// The client's server name (SNI) is neither a host name nor an IP address (RFC 6066 §3).
    ServerName,
    /// The server chose an application protocol that was not offered.
    AlpnNotOffered,
    /// A certificate_request_context where it has to be empty, or other than it has to be.
    CertificateRequestContext,
    /// A max_fragment_length that is not defined, or not the one that was offered (RFC 6066 §4).
    MaxFragmentLength(MaxFragmentLength),
    /// The server answers with max_fragment_length beside record_size_limit (RFC 8449 §5).
    TwoRecordSizes,
    /// An extension that TLS 1.2 alone knows, in a TLS 1.3 message.
    Extension(ExtensionType),
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyRecords => "empty records",
            Self::WarningAlerts => "warning alerts",
            Self::Renegotiations => "requests to renegotiate",
            Self::NewSessionTickets => "NewSessionTicket messages",
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
            Self::OlderVersionSelected(version) => {
                write!(f, "it chose {version} in supported_versions, which is for TLSv1.3 and later")
            }
            Self::VersionChangedAfterRetry => f.write_str("it changed the version after HelloRetryRequest"),
            Self::SessionIdNotEchoed => f.write_str("it did not echo legacy_session_id"),
            Self::SessionIdEchoed => f.write_str("it resumes a session that was never there"),
            Self::ResumedCipherSuite(suite) => {
                write!(f, "it goes on from a session under {suite}, which is not the session's")
            }
            Self::ResumedMasterSecret { session_had_it } => {
                let (here, there) = if *session_had_it { ("without", "with") } else { ("with", "without") };
                write!(f, "it goes on {here} extended_master_secret from a session that began {there} it")
            }
            Self::PskNotOffered(index) => write!(f, "it selected the pre-shared key {index}, which was not offered"),
            Self::EarlyDataNotOffered => f.write_str("it accepts early data that was not offered with that key"),
            Self::EarlyDataCipherSuite => f.write_str("it accepts early data, but with another cipher suite"),
            Self::EarlyDataAlpn => f.write_str("it accepts early data, but with another application protocol"),
            Self::Downgraded(version) => {
                write!(f, "it chose {version} though it can do better: somebody edited the hellos on the way")
            }
            Self::PointFormats => f.write_str("it does not know uncompressed points"),
            Self::Compression => f.write_str("it wants compression"),
            Self::CompressionNotOffered(method) => {
                write!(f, "it chose the compression method {method}, which was not offered")
            }
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
            Self::ServerName => f.write_str(
                "its server name (SNI) is not a host name; set_ignore_invalid_server_name accepts such clients",
            ),
            Self::AlpnNotOffered => f.write_str("it chose an application protocol that was not offered"),
            Self::CertificateRequestContext => f.write_str("its certificate_request_context is wrong"),
            Self::MaxFragmentLength(MaxFragmentLength(code)) => {
                write!(f, "its max_fragment_length {code} is not defined, or not the one that was offered")
            }
            Self::TwoRecordSizes => f.write_str("it sent both max_fragment_length and record_size_limit"),
            Self::Extension(extension) => write!(f, "the extension {extension} has no place in TLS 1.3 there"),
        }
    }
}
