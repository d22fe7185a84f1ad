//! Extensions: the extension block, and one file for each extension.
//!
//! Each extension has a type that implements [`Extension`], which decodes its data, and a function
//! `write`, which encodes the whole extension from plain values. An extension whose data differ
//! between messages has one type for each form.

mod alpn;
mod application_settings;
mod block;
mod certificate_authorities;
mod certificate_type;
mod compress_certificate;
mod connection_id;
mod cookie;
mod delegated_credential;
mod early_data;
mod ec_point_formats;
mod encrypt_then_mac;
mod encrypted_client_hello;
mod extended_master_secret;
mod heartbeat;
mod key_share;
mod max_fragment_length;
mod oid_filters;
mod padding;
mod placement;
mod post_handshake_auth;
mod pre_shared_key;
mod psk_key_exchange_modes;
mod quic_transport_parameters;
mod record_size_limit;
mod renegotiation_info;
mod server_name;
mod session_ticket;
mod signature_algorithms;
mod signature_algorithms_cert;
mod signed_certificate_timestamp;
mod status_request;
mod status_request_v2;
mod supported_groups;
mod supported_versions;
mod ticket_request;
mod token_binding;
mod trust_anchors;
mod use_srtp;

pub use self::{
    alpn::{Alpn, ProtocolName, SelectedAlpn},
    application_settings::{ApplicationSettings, ApplicationSettingsOld},
    block::{Extensions, ExtensionsIter},
    certificate_authorities::{CertificateAuthorities, DistinguishedName},
    certificate_type::{
        ClientCertificateType, SelectedClientCertificateType, SelectedServerCertificateType, ServerCertificateType,
    },
    compress_certificate::CompressCertificate,
    connection_id::ConnectionId,
    cookie::Cookie,
    delegated_credential::{DelegatedCredential, DelegatedCredentialRequest},
    early_data::{EarlyData, MaxEarlyDataSize},
    ec_point_formats::EcPointFormats,
    encrypt_then_mac::EncryptThenMac,
    encrypted_client_hello::{
        EchConfig, EchConfigContents, EchConfigList, EchConfirmation, EchOuterExtensions, EncryptedClientHello,
        HpkeSymmetricCipherSuite,
    },
    extended_master_secret::ExtendedMasterSecret,
    heartbeat::Heartbeat,
    key_share::{KeyShareClientHello, KeyShareEntry, KeyShareHelloRetryRequest, KeyShareServerHello},
    max_fragment_length::MaxFragmentLength,
    oid_filters::{OidFilter, OidFilters},
    padding::Padding,
    placement::Place,
    post_handshake_auth::PostHandshakeAuth,
    pre_shared_key::{OfferedPsks, PskBinder, PskIdentity, SelectedPsk},
    psk_key_exchange_modes::PskKeyExchangeModes,
    quic_transport_parameters::{
        QuicPreferredAddress, QuicTransportParameter, QuicTransportParameters, QuicVersion, RawQuicTransportParameter,
    },
    record_size_limit::RecordSizeLimit,
    renegotiation_info::RenegotiationInfo,
    server_name::{ServerNameAck, ServerNameList},
    session_ticket::SessionTicket,
    signature_algorithms::SignatureAlgorithms,
    signature_algorithms_cert::SignatureAlgorithmsCert,
    signed_certificate_timestamp::{Sct, SerializedSct, SignedCertificateTimestamp, SignedCertificateTimestamps},
    status_request::{CertificateStatus, ResponderId, StatusRequest},
    status_request_v2::{
        AnyCertificateStatus, CertificateStatusMulti, OcspResponse, StatusRequestItem, StatusRequestV2,
    },
    supported_groups::SupportedGroups,
    supported_versions::{SelectedVersion, SupportedVersions},
    ticket_request::{TicketRequest, TicketRequestHint},
    token_binding::TokenBinding,
    trust_anchors::{TrustAnchorId, TrustAnchors},
    use_srtp::UseSrtp,
};
pub(crate) use self::{
    block::{find_duplicate, walk, walk_inlined},
    placement::{reject_misplaced, reject_misplaced_tls12},
};
use crate::{code_points::ExtensionType, error::DecodeError, reader::Reader};

/// One form of one extension.
pub trait Extension {
    /// Its registered number.
    const TYPE: ExtensionType;

    /// The type of its decoded data.
    type View<'a>;

    /// Decodes the data, without the type and the length before them.
    ///
    /// # Errors
    /// A [`DecodeError`] that names the field. Surplus bytes are left; [`view`] rejects them.
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError>;
}

/// Decodes the data of an extension, which must occupy all of `data`.
///
/// ```
/// use strata_tls_codec::{Reader, extension::{Cookie, view}};
///
/// assert_eq!(view::<Cookie>(Reader::new(&[0, 1, 7]))?, [7]);
/// assert!(view::<Cookie>(Reader::new(&[0, 1, 7, 7])).is_err());
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
///
/// # Errors
/// The decoding error, or [`Fault::TrailingData`](crate::Fault::TrailingData) if bytes follow.
#[inline]
pub fn view<E: Extension>(mut data: Reader<'_>) -> Result<E::View<'_>, DecodeError> {
    let view = E::read(&mut data)?;
    data.finish()?;
    Ok(view)
}
