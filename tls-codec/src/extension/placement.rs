//! Which extension is allowed in which message: the table of RFC 9846 §4.3, and the extensions of a
//! TLS 1.2 ServerHello.

use crate::{
    code_points::ExtensionType,
    error::{DecodeError, Fault},
};

/// A TLS 1.3 message with extensions, by its abbreviation in RFC 9846 §4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// CH.
    ClientHello,
    /// SH.
    ServerHello,
    /// HRR.
    HelloRetryRequest,
    /// EE.
    EncryptedExtensions,
    /// CT: an entry of the Certificate message.
    Certificate,
    /// CR.
    CertificateRequest,
    /// NST.
    NewSessionTicket,
}

impl ExtensionType {
    /// Returns the messages in which TLS 1.3 allows this extension, or `None` for an unknown type.
    ///
    /// TLS 1.2 extensions without use in TLS 1.3 are allowed in a ClientHello, which may offer both
    /// versions.
    #[must_use]
    pub const fn places(self) -> Option<&'static [Place]> {
        use Place::{
            Certificate as CT, CertificateRequest as CR, ClientHello as CH, EncryptedExtensions as EE,
            HelloRetryRequest as HRR, NewSessionTicket as NST, ServerHello as SH,
        };
        Some(match self {
            Self::SERVER_NAME => &[CH, EE, CR],
            Self::STATUS_REQUEST
            | Self::SIGNED_CERTIFICATE_TIMESTAMP
            | Self::DELEGATED_CREDENTIAL
            | Self::TRANSPARENCY_INFO => &[CH, CR, CT],
            Self::SUPPORTED_GROUPS
            | Self::USE_SRTP
            | Self::HEARTBEAT
            | Self::APPLICATION_LAYER_PROTOCOL_NEGOTIATION
            | Self::CLIENT_CERTIFICATE_TYPE
            | Self::SERVER_CERTIFICATE_TYPE
            | Self::RECORD_SIZE_LIMIT
            | Self::SUPPORTED_EKT_CIPHERS
            | Self::EXTERNAL_ID_HASH
            | Self::EXTERNAL_SESSION_ID
            | Self::QUIC_TRANSPORT_PARAMETERS
            | Self::TICKET_REQUEST
            | Self::MAX_FRAGMENT_LENGTH => &[CH, EE],
            Self::SIGNATURE_ALGORITHMS
            | Self::SIGNATURE_ALGORITHMS_CERT
            | Self::CERTIFICATE_AUTHORITIES
            | Self::COMPRESS_CERTIFICATE => &[CH, CR],
            Self::PADDING
            | Self::PSK_KEY_EXCHANGE_MODES
            | Self::POST_HANDSHAKE_AUTH
            | Self::ECH_OUTER_EXTENSIONS
            | Self::EC_POINT_FORMATS
            | Self::STATUS_REQUEST_V2
            | Self::ENCRYPT_THEN_MAC
            | Self::EXTENDED_MASTER_SECRET
            | Self::SESSION_TICKET
            | Self::RENEGOTIATION_INFO => &[CH],
            Self::PRE_SHARED_KEY | Self::CONNECTION_ID => &[CH, SH],
            Self::EARLY_DATA => &[CH, EE, NST],
            Self::SUPPORTED_VERSIONS | Self::KEY_SHARE => &[CH, SH, HRR],
            Self::COOKIE => &[CH, HRR],
            Self::OID_FILTERS => &[CR],
            Self::ENCRYPTED_CLIENT_HELLO => &[CH, HRR, EE],
            _ => return None,
        })
    }
}

/// "If an implementation receives an extension which it recognizes and which is not specified for
/// the message in which it appears, it MUST abort the handshake with an `illegal_parameter` alert."
pub(crate) fn reject_misplaced(typ: ExtensionType, place: Place, at: &'static str) -> Result<(), DecodeError> {
    match typ.places() {
        Some(places) if !places.contains(&place) => Err(DecodeError { fault: Fault::MisplacedExtension(typ), at }),
        _ => Ok(()),
    }
}

/// As [`reject_misplaced`], for a ServerHello that selects TLS 1.2.
pub(crate) fn reject_misplaced_tls12(typ: ExtensionType, at: &'static str) -> Result<(), DecodeError> {
    if typ.places().is_none() || TLS12_SERVER_HELLO.contains(&typ) {
        Ok(())
    } else {
        Err(DecodeError { fault: Fault::MisplacedExtension(typ), at })
    }
}

/// The extensions allowed in a TLS 1.2 ServerHello. Those of TLS 1.3 are excluded, and those that
/// only clients send: `signature_algorithms` ("Servers MUST NOT send this extension", RFC 5246
/// §7.4.1.4.1) and `padding`.
const TLS12_SERVER_HELLO: &[ExtensionType] = &[
    ExtensionType::SERVER_NAME,
    ExtensionType::MAX_FRAGMENT_LENGTH,
    ExtensionType::STATUS_REQUEST,
    // Some TLS 1.2 servers send it, although RFC 4492 §4 forbids that; clients do not act on it.
    ExtensionType::SUPPORTED_GROUPS,
    ExtensionType::EC_POINT_FORMATS,
    ExtensionType::USE_SRTP,
    ExtensionType::HEARTBEAT,
    ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    ExtensionType::STATUS_REQUEST_V2,
    ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP,
    ExtensionType::CLIENT_CERTIFICATE_TYPE,
    ExtensionType::SERVER_CERTIFICATE_TYPE,
    ExtensionType::ENCRYPT_THEN_MAC,
    ExtensionType::EXTENDED_MASTER_SECRET,
    ExtensionType::RECORD_SIZE_LIMIT,
    ExtensionType::SESSION_TICKET,
    ExtensionType::SUPPORTED_EKT_CIPHERS,
    ExtensionType::CONNECTION_ID,
    ExtensionType::TRANSPARENCY_INFO,
    ExtensionType::EXTERNAL_ID_HASH,
    ExtensionType::EXTERNAL_SESSION_ID,
    ExtensionType::RENEGOTIATION_INFO,
];
