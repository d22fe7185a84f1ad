//! ClientHello (RFC 9846 §4.2.2).

use crate::{
    code_points::{
        CertificateCompressionAlgorithm, CertificateType, CipherSuite, EcPointFormat, ExtensionType, HandshakeType,
        NamedGroup, ProtocolVersion, PskKeyExchangeMode, SignatureScheme,
    },
    error::{BufferFull, DecodeError, Fault},
    extension::{
        Alpn, CertificateAuthorities, ClientCertificateType, CompressCertificate, Cookie, DistinguishedName, EarlyData,
        EcPointFormats, ExtendedMasterSecret, Extensions, KeyShareClientHello, KeyShareEntry, MaxFragmentLength,
        OfferedPsks, Place, PostHandshakeAuth, ProtocolName, PskKeyExchangeModes, RecordSizeLimit, RenegotiationInfo,
        ServerCertificateType, ServerNameList, SessionTicket, SignatureAlgorithms, SignatureAlgorithmsCert,
        SignedCertificateTimestamp, StatusRequest, SupportedGroups, SupportedVersions, reject_misplaced, view,
        walk_inlined,
    },
    handshake::{HandshakeMessage, SESSION_ID, optional_block},
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The first message of a client, of any version from SSL 3.0.
///
/// Decoding takes one pass and allocates nothing. Extensions are decoded by the rules of TLS 1.3.
/// The extension block may be empty or absent, as from old clients. The handshake checks which
/// extensions are mandatory.
///
/// ```
/// use strata_tls_codec::{CipherSuite, ClientHello, ProtocolVersion, decode_all};
///
/// let mut body = vec![3, 3];
/// body.extend([7; 32]); // random
/// body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
/// body.extend([0, 7, 0, 43, 0, 3, 2, 3, 4]); // supported_versions
/// let hello: ClientHello<'_> = decode_all(&body)?;
/// assert!(hello.cipher_suites.contains(CipherSuite::TLS_AES_128_GCM_SHA256));
/// let versions = hello.extensions.supported_versions;
/// assert!(versions.is_some_and(|list| list.contains(ProtocolVersion::TLS13)));
/// assert!(hello.extensions.server_name.is_none());
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// TLS 1.2, or lower for older clients.
    pub legacy_version: ProtocolVersion,
    /// 32 random bytes.
    pub random: &'a [u8; 32],
    /// At most 32 bytes.
    pub legacy_session_id: &'a [u8],
    /// At least one suite, in order of preference.
    pub cipher_suites: List<'a, CipherSuite>,
    /// At least one method; TLS 1.3 requires exactly one, zero.
    pub legacy_compression_methods: &'a [u8],
    /// The extensions.
    pub extensions: ClientHelloExtensions<'a>,
}

impl<'a> HandshakeMessage<'a> for ClientHello<'a> {
    const TYPE: HandshakeType = HandshakeType::CLIENT_HELLO;
}

impl<'a> Decode<'a> for ClientHello<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut hello = Self {
            legacy_version: ProtocolVersion::decode(r.at("ClientHello.legacy_version"))?,
            random: r.at("ClientHello.random").array()?,
            legacy_session_id: r.vec8(SESSION_ID, "ClientHello.legacy_session_id")?.rest(),
            cipher_suites: List::decode_body(r.vec16(2..=0xfffe, "ClientHello.cipher_suites")?)?,
            legacy_compression_methods: r.vec8(1..=255, "ClientHello.legacy_compression_methods")?.rest(),
            extensions: ClientHelloExtensions::NONE,
        };
        if let Some(block) = optional_block(r.at("ClientHello.extensions"), "ClientHello.extensions")? {
            hello.extensions.read(block)?;
        }
        Ok(hello)
    }
}

impl Encode for ClientHello<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.legacy_version.encode(w)?;
        w.bytes(self.random)?;
        w.vec8_bytes(self.legacy_session_id)?;
        w.vec16(|w| self.cipher_suites.encode(w))?;
        w.vec8_bytes(self.legacy_compression_methods)?;
        self.extensions.raw.encode(w)
    }
}

/// The extensions of a [`ClientHello`]; `None` and `false` mean that an extension is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHelloExtensions<'a> {
    /// All extensions in wire order, including unknown and GREASE ones. Encoding writes these.
    pub raw: Extensions<'a>,
    /// RFC 6066 §3.
    pub server_name: Option<ServerNameList<'a>>,
    /// RFC 6066 §8.
    pub status_request: Option<StatusRequest<'a>>,
    /// RFC 9846 §4.3.7.
    pub supported_groups: Option<List<'a, NamedGroup>>,
    /// RFC 9846 §4.3.3.
    pub signature_algorithms: Option<List<'a, SignatureScheme>>,
    /// RFC 9846 §4.3.3.
    pub signature_algorithms_cert: Option<List<'a, SignatureScheme>>,
    /// RFC 7301 §3.1.
    pub alpn: Option<List<'a, ProtocolName<'a>>>,
    /// RFC 6962 §3.3.
    pub signed_certificate_timestamp: bool,
    /// RFC 9846 §4.3.1.
    pub supported_versions: Option<List<'a, ProtocolVersion>>,
    /// RFC 9846 §4.3.2.
    pub cookie: Option<&'a [u8]>,
    /// RFC 9846 §4.3.8.
    pub key_share: Option<List<'a, KeyShareEntry<'a>>>,
    /// RFC 9846 §4.3.9.
    pub psk_key_exchange_modes: Option<List<'a, PskKeyExchangeMode>>,
    /// RFC 9846 §4.3.11. Decoding checks that it is the last extension.
    pub pre_shared_key: Option<OfferedPsks<'a>>,
    /// RFC 9846 §4.3.10.
    pub early_data: bool,
    /// RFC 9846 §4.3.4.
    pub certificate_authorities: Option<List<'a, DistinguishedName<'a>>>,
    /// RFC 9846 §4.3.6.
    pub post_handshake_auth: bool,
    /// RFC 6066 §4. May be an undefined code.
    pub max_fragment_length: Option<MaxFragmentLength>,
    /// RFC 8449 §4; at least 64.
    pub record_size_limit: Option<u16>,
    /// RFC 8879 §3.
    pub compress_certificate: Option<List<'a, CertificateCompressionAlgorithm>>,
    /// RFC 7250 §3.
    pub client_certificate_type: Option<List<'a, CertificateType>>,
    /// RFC 7250 §3.
    pub server_certificate_type: Option<List<'a, CertificateType>>,
    /// RFC 9001 §8.2.
    pub quic_transport_parameters: Option<&'a [u8]>,
    /// RFC 7627 §5.1.
    pub extended_master_secret: bool,
    /// RFC 5746 §3.2.
    pub renegotiation_info: Option<&'a [u8]>,
    /// RFC 8422 §5.1.2.
    pub ec_point_formats: Option<List<'a, EcPointFormat>>,
    /// RFC 5077 §3.2. Empty if the client has no ticket and requests one.
    pub session_ticket: Option<&'a [u8]>,
}

impl<'a> ClientHelloExtensions<'a> {
    /// No extensions and no extension block.
    pub const NONE: Self = Self {
        raw: Extensions::ABSENT,
        server_name: None,
        status_request: None,
        supported_groups: None,
        signature_algorithms: None,
        signature_algorithms_cert: None,
        alpn: None,
        signed_certificate_timestamp: false,
        supported_versions: None,
        cookie: None,
        key_share: None,
        psk_key_exchange_modes: None,
        pre_shared_key: None,
        early_data: false,
        certificate_authorities: None,
        post_handshake_auth: false,
        max_fragment_length: None,
        record_size_limit: None,
        compress_certificate: None,
        client_certificate_type: None,
        server_certificate_type: None,
        quic_transport_parameters: None,
        extended_master_secret: false,
        renegotiation_info: None,
        ec_point_formats: None,
        session_ticket: None,
    };

    /// Decodes the body of a block, without its length.
    /// Reads a block into the fields: in place, because they are large.
    pub(crate) fn read(&mut self, block: Reader<'a>) -> Result<(), DecodeError> {
        self.raw = walk_inlined(block, |typ, data| self.add(typ, data))?;
        Ok(())
    }

    #[inline]
    fn add(&mut self, typ: ExtensionType, data: Reader<'a>) -> Result<(), DecodeError> {
        if self.pre_shared_key.is_some() {
            // RFC 9846 §4.3.11: "Servers MUST check that it is the last extension".
            return Err(DecodeError { fault: Fault::IllegalValue, at: "ClientHello.pre_shared_key" });
        }
        match typ {
            ExtensionType::SERVER_NAME => self.server_name = Some(view::<ServerNameList<'_>>(data)?),
            ExtensionType::STATUS_REQUEST => self.status_request = Some(view::<StatusRequest<'_>>(data)?),
            ExtensionType::SUPPORTED_GROUPS => self.supported_groups = Some(view::<SupportedGroups>(data)?),
            ExtensionType::EC_POINT_FORMATS => self.ec_point_formats = Some(view::<EcPointFormats>(data)?),
            ExtensionType::SIGNATURE_ALGORITHMS => self.signature_algorithms = Some(view::<SignatureAlgorithms>(data)?),
            ExtensionType::ALPN => self.alpn = Some(view::<Alpn>(data)?),
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => {
                view::<SignedCertificateTimestamp>(data)?;
                self.signed_certificate_timestamp = true;
            }
            ExtensionType::EXTENDED_MASTER_SECRET => {
                view::<ExtendedMasterSecret>(data)?;
                self.extended_master_secret = true;
            }
            ExtensionType::COMPRESS_CERTIFICATE => self.compress_certificate = Some(view::<CompressCertificate>(data)?),
            ExtensionType::RECORD_SIZE_LIMIT => self.record_size_limit = Some(view::<RecordSizeLimit>(data)?),
            ExtensionType::SESSION_TICKET => self.session_ticket = Some(view::<SessionTicket>(data)?),
            ExtensionType::PRE_SHARED_KEY => self.pre_shared_key = Some(view::<OfferedPsks<'_>>(data)?),
            ExtensionType::EARLY_DATA => {
                view::<EarlyData>(data)?;
                self.early_data = true;
            }
            ExtensionType::SUPPORTED_VERSIONS => self.supported_versions = Some(view::<SupportedVersions>(data)?),
            ExtensionType::COOKIE => self.cookie = Some(view::<Cookie>(data)?),
            ExtensionType::PSK_KEY_EXCHANGE_MODES => {
                self.psk_key_exchange_modes = Some(view::<PskKeyExchangeModes>(data)?);
            }
            ExtensionType::SIGNATURE_ALGORITHMS_CERT => {
                self.signature_algorithms_cert = Some(view::<SignatureAlgorithmsCert>(data)?);
            }
            ExtensionType::KEY_SHARE => self.key_share = Some(view::<KeyShareClientHello>(data)?),
            ExtensionType::RENEGOTIATION_INFO => self.renegotiation_info = Some(view::<RenegotiationInfo>(data)?),
            _ => self.add_rare(typ, data)?,
        }
        Ok(())
    }

    /// Out of line: a typical ClientHello takes 2 % fewer instructions (benches/instructions,
    /// parse-517).
    #[inline(never)]
    fn add_rare(&mut self, typ: ExtensionType, data: Reader<'a>) -> Result<(), DecodeError> {
        match typ {
            ExtensionType::CLIENT_CERTIFICATE_TYPE => {
                self.client_certificate_type = Some(view::<ClientCertificateType>(data)?);
            }
            ExtensionType::SERVER_CERTIFICATE_TYPE => {
                self.server_certificate_type = Some(view::<ServerCertificateType>(data)?);
            }
            ExtensionType::MAX_FRAGMENT_LENGTH => self.max_fragment_length = Some(view::<MaxFragmentLength>(data)?),
            ExtensionType::CERTIFICATE_AUTHORITIES => {
                self.certificate_authorities = Some(view::<CertificateAuthorities>(data)?);
            }
            ExtensionType::POST_HANDSHAKE_AUTH => {
                view::<PostHandshakeAuth>(data)?;
                self.post_handshake_auth = true;
            }
            ExtensionType::QUIC_TRANSPORT_PARAMETERS => self.quic_transport_parameters = Some(data.peek()),
            _ => reject_misplaced(typ, Place::ClientHello, "ClientHello.extensions")?,
        }
        Ok(())
    }
}
