//! The extensions of a lenient hello.

use core::fmt;

use crate::{
    code_points::{
        CertificateCompressionAlgorithm, CertificateType, EcPointFormat, ExtensionType, HeartbeatMode, NamedGroup,
        ProtocolVersion, PskKeyExchangeMode, SignatureScheme,
    },
    error::{BufferFull, DecodeError},
    extension::*,
    list::List,
    reader::Reader,
    writer::{Encode, Writer},
};

/// An extension block with valid lengths. Unlike [`Extensions`] it may contain a type twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LenientExtensions<'a>(Extensions<'a>);

impl<'a> LenientExtensions<'a> {
    /// No extension block, as in the hellos of the oldest clients.
    pub const ABSENT: Self = Self(Extensions::ABSENT);

    /// Returns whether the message ended, or was cut, without a block.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        self.0.is_absent()
    }

    /// Returns whether there are no extensions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the encoded block, without the length before it.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.0.bytes()
    }

    /// Returns an iterator over the extensions and their data in wire order.
    #[must_use]
    pub fn iter(&self) -> ExtensionsIter<'a> {
        self.0.iter()
    }

    /// Returns the data of the first extension of a type. Walks the block.
    #[must_use]
    pub fn find(&self, wanted: ExtensionType) -> Option<&'a [u8]> {
        self.0.find(wanted)
    }

    /// Decodes the first extension of a type, if present. Walks the block.
    ///
    /// # Errors
    /// The decoding error of its data.
    pub fn get<E: Extension>(&self) -> Result<Option<E::View<'a>>, DecodeError> {
        self.0.get::<E>()
    }

    /// Returns a type that occurs twice, if any.
    #[must_use]
    pub fn duplicate(&self) -> Option<ExtensionType> {
        find_duplicate(Reader::new(self.bytes()))
    }

    /// The lengths in `bytes` must be valid.
    pub(super) fn checked(bytes: &'a [u8]) -> Self {
        Self(Extensions::unchecked(bytes))
    }
}

/// Writes the block with its length, or nothing if it is absent.
impl Encode for LenientExtensions<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.0.encode(w)
    }
}

impl<'a> From<Extensions<'a>> for LenientExtensions<'a> {
    fn from(extensions: Extensions<'a>) -> Self {
        Self(extensions)
    }
}

impl fmt::Debug for LenientExtensions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'a> IntoIterator for LenientExtensions<'a> {
    type Item = (ExtensionType, &'a [u8]);
    type IntoIter = ExtensionsIter<'a>;

    fn into_iter(self) -> ExtensionsIter<'a> {
        self.iter()
    }
}

/// A decoded extension of a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientHelloExtension<'a> {
    /// RFC 6066 §3.
    ServerName(ServerNameList<'a>),
    /// RFC 6066 §4.
    MaxFragmentLength(MaxFragmentLength),
    /// RFC 6066 §8.
    StatusRequest(StatusRequest<'a>),
    /// RFC 9846 §4.3.7.
    SupportedGroups(List<'a, NamedGroup>),
    /// RFC 8422 §5.1.2.
    EcPointFormats(List<'a, EcPointFormat>),
    /// RFC 9846 §4.3.3.
    SignatureAlgorithms(List<'a, SignatureScheme>),
    /// RFC 9846 §4.3.3.
    SignatureAlgorithmsCert(List<'a, SignatureScheme>),
    /// RFC 7301 §3.1.
    Alpn(List<'a, ProtocolName<'a>>),
    /// RFC 6962 §3.3.
    SignedCertificateTimestamp,
    /// RFC 7250 §3.
    ClientCertificateType(List<'a, CertificateType>),
    /// RFC 7250 §3.
    ServerCertificateType(List<'a, CertificateType>),
    /// RFC 7685: the number of zeros.
    Padding(usize),
    /// RFC 7627 §5.1.
    ExtendedMasterSecret,
    /// RFC 8879 §3.
    CompressCertificate(List<'a, CertificateCompressionAlgorithm>),
    /// RFC 8449 §4.
    RecordSizeLimit(u16),
    /// RFC 5077 §3.2. Empty if the client has no ticket and requests one.
    SessionTicket(&'a [u8]),
    /// RFC 9846 §4.3.11.
    PreSharedKey(OfferedPsks<'a>),
    /// RFC 9846 §4.3.10.
    EarlyData,
    /// RFC 9846 §4.3.1.
    SupportedVersions(List<'a, ProtocolVersion>),
    /// RFC 9846 §4.3.2.
    Cookie(&'a [u8]),
    /// RFC 9846 §4.3.9.
    PskKeyExchangeModes(List<'a, PskKeyExchangeMode>),
    /// RFC 9846 §4.3.4.
    CertificateAuthorities(List<'a, DistinguishedName<'a>>),
    /// RFC 9846 §4.3.6.
    PostHandshakeAuth,
    /// RFC 9846 §4.3.8.
    KeyShare(List<'a, KeyShareEntry<'a>>),
    /// RFC 9001 §8.2. The values are decoded one by one.
    QuicTransportParameters(List<'a, RawQuicTransportParameter<'a>>),
    /// RFC 6520 §2.
    Heartbeat(HeartbeatMode),
    /// RFC 6961 §2.2.
    StatusRequestV2(List<'a, StatusRequestItem<'a>>),
    /// RFC 8472 §2.
    TokenBinding(TokenBinding<'a>),
    /// RFC 9345 §4.1.1.
    DelegatedCredential(List<'a, SignatureScheme>),
    /// RFC 9149 §3.
    TicketRequest(TicketRequest),
    /// ALPS, under its old or new number.
    ApplicationSettings(List<'a, ProtocolName<'a>>),
    /// draft-ietf-tls-trust-anchor-ids.
    TrustAnchors(List<'a, TrustAnchorId<'a>>),
    /// RFC 9849 §5.
    EncryptedClientHello(EncryptedClientHello<'a>),
    /// RFC 9849 §5.1.
    EchOuterExtensions(List<'a, ExtensionType>),
    /// RFC 5746 §3.2.
    RenegotiationInfo(&'a [u8]),
    /// RFC 5764 §4.1.1, in DTLS.
    UseSrtp(UseSrtp<'a>),
    /// RFC 7366 §2.
    EncryptThenMac,
    /// RFC 9146 §3, in DTLS.
    ConnectionId(&'a [u8]),
    /// Another extension; GREASE is one.
    Other(&'a [u8]),
}

impl<'a> ClientHelloExtension<'a> {
    /// Decodes the data of an extension.
    ///
    /// # Errors
    /// The decoding error. Duplicates and places are not checked.
    pub fn decode(typ: ExtensionType, data: &'a [u8]) -> Result<Self, DecodeError> {
        let r = Reader::new(data);
        Ok(match typ {
            ExtensionType::SERVER_NAME => Self::ServerName(view::<ServerNameList<'_>>(r)?),
            ExtensionType::MAX_FRAGMENT_LENGTH => Self::MaxFragmentLength(view::<MaxFragmentLength>(r)?),
            ExtensionType::STATUS_REQUEST => Self::StatusRequest(view::<StatusRequest<'_>>(r)?),
            ExtensionType::SUPPORTED_GROUPS => Self::SupportedGroups(view::<SupportedGroups>(r)?),
            ExtensionType::EC_POINT_FORMATS => Self::EcPointFormats(view::<EcPointFormats>(r)?),
            ExtensionType::SIGNATURE_ALGORITHMS => Self::SignatureAlgorithms(view::<SignatureAlgorithms>(r)?),
            ExtensionType::SIGNATURE_ALGORITHMS_CERT => {
                Self::SignatureAlgorithmsCert(view::<SignatureAlgorithmsCert>(r)?)
            }
            ExtensionType::ALPN => Self::Alpn(view::<Alpn>(r)?),
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => {
                view::<SignedCertificateTimestamp>(r)?;
                Self::SignedCertificateTimestamp
            }
            ExtensionType::CLIENT_CERTIFICATE_TYPE => Self::ClientCertificateType(view::<ClientCertificateType>(r)?),
            ExtensionType::SERVER_CERTIFICATE_TYPE => Self::ServerCertificateType(view::<ServerCertificateType>(r)?),
            ExtensionType::PADDING => Self::Padding(view::<Padding>(r)?),
            ExtensionType::EXTENDED_MASTER_SECRET => {
                view::<ExtendedMasterSecret>(r)?;
                Self::ExtendedMasterSecret
            }
            ExtensionType::COMPRESS_CERTIFICATE => Self::CompressCertificate(view::<CompressCertificate>(r)?),
            ExtensionType::RECORD_SIZE_LIMIT => Self::RecordSizeLimit(view::<RecordSizeLimit>(r)?),
            ExtensionType::SESSION_TICKET => Self::SessionTicket(view::<SessionTicket>(r)?),
            ExtensionType::PRE_SHARED_KEY => Self::PreSharedKey(view::<OfferedPsks<'_>>(r)?),
            ExtensionType::EARLY_DATA => {
                view::<EarlyData>(r)?;
                Self::EarlyData
            }
            ExtensionType::SUPPORTED_VERSIONS => Self::SupportedVersions(view::<SupportedVersions>(r)?),
            ExtensionType::COOKIE => Self::Cookie(view::<Cookie>(r)?),
            ExtensionType::PSK_KEY_EXCHANGE_MODES => Self::PskKeyExchangeModes(view::<PskKeyExchangeModes>(r)?),
            ExtensionType::CERTIFICATE_AUTHORITIES => Self::CertificateAuthorities(view::<CertificateAuthorities>(r)?),
            ExtensionType::POST_HANDSHAKE_AUTH => {
                view::<PostHandshakeAuth>(r)?;
                Self::PostHandshakeAuth
            }
            ExtensionType::KEY_SHARE => Self::KeyShare(view::<KeyShareClientHello>(r)?),
            ExtensionType::QUIC_TRANSPORT_PARAMETERS => {
                Self::QuicTransportParameters(QuicTransportParameters::decode(data)?)
            }
            ExtensionType::HEARTBEAT => Self::Heartbeat(view::<Heartbeat>(r)?),
            ExtensionType::STATUS_REQUEST_V2 => Self::StatusRequestV2(view::<StatusRequestV2>(r)?),
            ExtensionType::TOKEN_BINDING => Self::TokenBinding(view::<TokenBinding<'_>>(r)?),
            ExtensionType::DELEGATED_CREDENTIAL => Self::DelegatedCredential(view::<DelegatedCredentialRequest>(r)?),
            ExtensionType::TICKET_REQUEST => Self::TicketRequest(view::<TicketRequest>(r)?),
            ExtensionType::APPLICATION_SETTINGS | ExtensionType::APPLICATION_SETTINGS_OLD => {
                Self::ApplicationSettings(view::<ApplicationSettings>(r)?)
            }
            ExtensionType::TRUST_ANCHORS => Self::TrustAnchors(view::<TrustAnchors>(r)?),
            ExtensionType::ENCRYPTED_CLIENT_HELLO => Self::EncryptedClientHello(view::<EncryptedClientHello<'_>>(r)?),
            ExtensionType::ECH_OUTER_EXTENSIONS => Self::EchOuterExtensions(view::<EchOuterExtensions>(r)?),
            ExtensionType::RENEGOTIATION_INFO => Self::RenegotiationInfo(view::<RenegotiationInfo>(r)?),
            ExtensionType::USE_SRTP => Self::UseSrtp(view::<UseSrtp<'_>>(r)?),
            ExtensionType::ENCRYPT_THEN_MAC => {
                view::<EncryptThenMac>(r)?;
                Self::EncryptThenMac
            }
            ExtensionType::CONNECTION_ID => Self::ConnectionId(view::<ConnectionId>(r)?),
            _ => Self::Other(data),
        })
    }
}

/// A decoded extension of a ServerHello or HelloRetryRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerHelloExtension<'a> {
    /// `supported_versions`, RFC 9846 §4.3.1.
    SelectedVersion(ProtocolVersion),
    /// RFC 9846 §4.3.8.
    KeyShare(KeyShareEntry<'a>),
    /// `key_share` of a HelloRetryRequest, RFC 9846 §4.3.8.
    KeyShareGroup(NamedGroup),
    /// The index of the selected PSK, RFC 9846 §4.3.11.
    PreSharedKey(u16),
    /// RFC 9846 §4.3.2.
    Cookie(&'a [u8]),
    /// RFC 6066 §3: the server used the name.
    ServerName,
    /// RFC 6066 §4.
    MaxFragmentLength(MaxFragmentLength),
    /// RFC 8422 §5.2.
    EcPointFormats(List<'a, EcPointFormat>),
    /// RFC 7301 §3.1.
    Alpn(ProtocolName<'a>),
    /// RFC 6962 §3.3.1.
    SignedCertificateTimestamps(List<'a, SerializedSct<'a>>),
    /// RFC 7627 §5.1.
    ExtendedMasterSecret,
    /// RFC 8449 §4.
    RecordSizeLimit(u16),
    /// RFC 5746 §3.2.
    RenegotiationInfo(&'a [u8]),
    /// RFC 6520 §2.
    Heartbeat(HeartbeatMode),
    /// RFC 8472 §3.
    TokenBinding(TokenBinding<'a>),
    /// RFC 5764 §4.1.1, in DTLS: one profile.
    UseSrtp(UseSrtp<'a>),
    /// RFC 7366 §2.
    EncryptThenMac,
    /// RFC 9146 §3, in DTLS.
    ConnectionId(&'a [u8]),
    /// `encrypted_client_hello` of a HelloRetryRequest, RFC 9849 §5.
    EchConfirmation(&'a [u8; 8]),
    /// Another extension, or one without data.
    Other(&'a [u8]),
}

impl<'a> ServerHelloExtension<'a> {
    /// Decodes the data of an extension of a ServerHello, or of a HelloRetryRequest.
    ///
    /// # Errors
    /// The decoding error. Duplicates and places are not checked.
    pub fn decode(typ: ExtensionType, data: &'a [u8], is_hello_retry_request: bool) -> Result<Self, DecodeError> {
        let r = Reader::new(data);
        Ok(match typ {
            ExtensionType::SUPPORTED_VERSIONS => Self::SelectedVersion(view::<SelectedVersion>(r)?),
            ExtensionType::KEY_SHARE if is_hello_retry_request => {
                Self::KeyShareGroup(view::<KeyShareHelloRetryRequest>(r)?)
            }
            ExtensionType::KEY_SHARE => Self::KeyShare(view::<KeyShareServerHello>(r)?),
            ExtensionType::PRE_SHARED_KEY => Self::PreSharedKey(view::<SelectedPsk>(r)?),
            ExtensionType::COOKIE => Self::Cookie(view::<Cookie>(r)?),
            ExtensionType::SERVER_NAME => {
                view::<ServerNameAck>(r)?;
                Self::ServerName
            }
            ExtensionType::MAX_FRAGMENT_LENGTH => Self::MaxFragmentLength(view::<MaxFragmentLength>(r)?),
            ExtensionType::EC_POINT_FORMATS => Self::EcPointFormats(view::<EcPointFormats>(r)?),
            ExtensionType::ALPN => Self::Alpn(view::<SelectedAlpn>(r)?),
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => {
                Self::SignedCertificateTimestamps(view::<SignedCertificateTimestamps>(r)?)
            }
            ExtensionType::EXTENDED_MASTER_SECRET => {
                view::<ExtendedMasterSecret>(r)?;
                Self::ExtendedMasterSecret
            }
            ExtensionType::RECORD_SIZE_LIMIT => Self::RecordSizeLimit(view::<RecordSizeLimit>(r)?),
            ExtensionType::RENEGOTIATION_INFO => Self::RenegotiationInfo(view::<RenegotiationInfo>(r)?),
            ExtensionType::HEARTBEAT => Self::Heartbeat(view::<Heartbeat>(r)?),
            ExtensionType::TOKEN_BINDING => Self::TokenBinding(view::<TokenBinding<'_>>(r)?),
            ExtensionType::USE_SRTP => Self::UseSrtp(view::<UseSrtp<'_>>(r)?),
            ExtensionType::ENCRYPT_THEN_MAC => {
                view::<EncryptThenMac>(r)?;
                Self::EncryptThenMac
            }
            ExtensionType::CONNECTION_ID => Self::ConnectionId(view::<ConnectionId>(r)?),
            ExtensionType::ENCRYPTED_CLIENT_HELLO if is_hello_retry_request => {
                Self::EchConfirmation(view::<EchConfirmation>(r)?)
            }
            _ => Self::Other(data),
        })
    }
}
