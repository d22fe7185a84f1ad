//! ServerHello and HelloRetryRequest, which have the same fields (RFC 9846 §4.2.3 and §4.2.4).

use crate::{
    code_points::{CipherSuite, EcPointFormat, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion},
    error::{BufferFull, DecodeError, Fault},
    extension::{
        Cookie, EcPointFormats, ExtendedMasterSecret, Extension, Extensions, KeyShareEntry, KeyShareHelloRetryRequest,
        KeyShareServerHello, MaxFragmentLength, Place, ProtocolName, RecordSizeLimit, RenegotiationInfo, SelectedAlpn,
        SelectedPsk, SelectedVersion, SerializedSct, ServerNameAck, SignedCertificateTimestamps, reject_misplaced,
        reject_misplaced_tls12, view, walk_inlined,
    },
    handshake::{HandshakeMessage, SESSION_ID, optional_block},
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The random that marks a ServerHello as a HelloRetryRequest: the SHA-256 hash of
/// "HelloRetryRequest" (RFC 9846 §4.2.3).
pub const HELLO_RETRY_REQUEST_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The end of the random if a server that supports TLS 1.3 negotiates TLS 1.2 (RFC 9846 §4.2.3).
pub const DOWNGRADE_TLS12: [u8; 8] = *b"DOWNGRD\x01";

/// The end of the random if a server that supports TLS 1.2 or newer negotiates TLS 1.1 or older
/// (RFC 9846 §4.2.3).
pub const DOWNGRADE_TLS11: [u8; 8] = *b"DOWNGRD\x00";

/// A downgrade signal at the end of a server's random (RFC 9846 §4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downgrade {
    /// [`DOWNGRADE_TLS12`]: the server supports TLS 1.3 and negotiated TLS 1.2.
    ToTls12,
    /// [`DOWNGRADE_TLS11`]: the server supports TLS 1.2 or newer and negotiated TLS 1.1 or older.
    ToTls11OrOlder,
}

/// The server's response to a ClientHello, of any version.
///
/// Where a HelloRetryRequest is also possible, decode a [`ServerHelloMessage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// TLS 1.2 if the server selected TLS 1.3; otherwise the selected version.
    pub legacy_version: ProtocolVersion,
    /// 32 random bytes; the last eight may be a downgrade signal.
    pub random: &'a [u8; 32],
    /// At most 32 bytes.
    pub legacy_session_id_echo: &'a [u8],
    /// The selected suite.
    pub cipher_suite: CipherSuite,
    /// Zero in TLS 1.3.
    pub legacy_compression_method: u8,
    /// The extensions.
    pub extensions: ServerHelloExtensions<'a>,
}

impl ServerHello<'_> {
    /// Returns whether the random marks this as a HelloRetryRequest.
    #[inline]
    #[must_use]
    pub fn is_hello_retry_request(&self) -> bool {
        *self.random == HELLO_RETRY_REQUEST_RANDOM
    }

    /// Returns the downgrade signal at the end of the random. It is meaningful only in a
    /// ServerHello of TLS 1.2 or older: a client that offered a newer version must then abort "with
    /// an `illegal_parameter` alert" (RFC 9846 §4.2.3).
    #[inline]
    #[must_use]
    pub fn downgrade_sentinel(&self) -> Option<Downgrade> {
        match self.random.last_chunk() {
            Some(&DOWNGRADE_TLS12) => Some(Downgrade::ToTls12),
            Some(&DOWNGRADE_TLS11) => Some(Downgrade::ToTls11OrOlder),
            _ => None,
        }
    }

    /// Rejects extensions that are not allowed in a TLS 1.3 ServerHello. Decoding does not, because
    /// TLS 1.2 allows more.
    ///
    /// # Errors
    /// [`Fault::MisplacedExtension`].
    pub fn check_tls13(&self) -> Result<(), DecodeError> {
        self.extensions.check_tls13()
    }

    /// Rejects extensions that are not allowed in a TLS 1.2 ServerHello.
    ///
    /// # Errors
    /// [`Fault::MisplacedExtension`].
    pub fn check_tls12(&self) -> Result<(), DecodeError> {
        self.extensions.check_tls12()
    }
}

impl<'a> HandshakeMessage<'a> for ServerHello<'a> {
    const TYPE: HandshakeType = HandshakeType::SERVER_HELLO;
}

impl<'a> Decode<'a> for ServerHello<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let fields = Fields::decode(r)?;
        let mut extensions = ServerHelloExtensions::NONE;
        extensions.read(fields.block)?;
        Ok(fields.server_hello(extensions))
    }
}

impl Encode for ServerHello<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.legacy_version.encode(w)?;
        w.bytes(self.random)?;
        w.vec8_bytes(self.legacy_session_id_echo)?;
        self.cipher_suite.encode(w)?;
        w.u8(self.legacy_compression_method)?;
        self.extensions.raw.encode(w)
    }
}

/// The extensions of a [`ServerHello`]; `None` and `false` mean that an extension is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHelloExtensions<'a> {
    /// All extensions in wire order, including unknown ones. Encoding writes these.
    pub raw: Extensions<'a>,
    /// `supported_versions`, RFC 9846 §4.3.1.
    pub selected_version: Option<ProtocolVersion>,
    /// RFC 9846 §4.3.8.
    pub key_share: Option<KeyShareEntry<'a>>,
    /// The index of the selected PSK, RFC 9846 §4.3.11.
    pub pre_shared_key: Option<u16>,
    /// TLS 1.2, RFC 6066 §3: the server used the name.
    pub server_name: bool,
    /// TLS 1.2, RFC 6066 §8: a CertificateStatus message may follow.
    pub status_request: bool,
    /// TLS 1.2, RFC 8422 §5.2.
    pub ec_point_formats: Option<List<'a, EcPointFormat>>,
    /// TLS 1.2, RFC 7301 §3.1.
    pub alpn: Option<ProtocolName<'a>>,
    /// TLS 1.2, RFC 6962 §3.3.1.
    pub signed_certificate_timestamps: Option<List<'a, SerializedSct<'a>>>,
    /// TLS 1.2, RFC 7627 §5.1.
    pub extended_master_secret: bool,
    /// TLS 1.2, RFC 6066 §4.
    pub max_fragment_length: Option<MaxFragmentLength>,
    /// TLS 1.2, RFC 8449 §4; at least 64.
    pub record_size_limit: Option<u16>,
    /// TLS 1.2, RFC 5077 §3.2: a NewSessionTicket message will follow.
    pub session_ticket: bool,
    /// TLS 1.2, RFC 5746 §3.2.
    pub renegotiation_info: Option<&'a [u8]>,
}

impl<'a> ServerHelloExtensions<'a> {
    /// No extensions and no extension block.
    pub const NONE: Self = Self {
        raw: Extensions::ABSENT,
        selected_version: None,
        key_share: None,
        pre_shared_key: None,
        server_name: false,
        status_request: false,
        ec_point_formats: None,
        alpn: None,
        signed_certificate_timestamps: None,
        extended_master_secret: false,
        max_fragment_length: None,
        record_size_limit: None,
        session_ticket: false,
        renegotiation_info: None,
    };

    /// Rejects extensions that are not allowed in a TLS 1.3 ServerHello.
    ///
    /// # Errors
    /// [`Fault::MisplacedExtension`].
    pub fn check_tls13(&self) -> Result<(), DecodeError> {
        self.raw.iter().try_for_each(|(typ, _)| reject_misplaced(typ, Place::ServerHello, "ServerHello.extensions"))
    }

    /// Rejects extensions that are not allowed in a TLS 1.2 ServerHello, including
    /// `supported_versions` and `key_share`: the selected version must be known before. Unknown
    /// extensions, and extensions that the client did not offer, are left to the handshake.
    ///
    /// # Errors
    /// [`Fault::MisplacedExtension`].
    pub fn check_tls12(&self) -> Result<(), DecodeError> {
        self.raw.iter().try_for_each(|(typ, _)| reject_misplaced_tls12(typ, "ServerHello.extensions"))
    }

    /// Reads a block into the fields: in place, because they are large.
    fn read(&mut self, block: Option<Reader<'a>>) -> Result<(), DecodeError> {
        if let Some(block) = block {
            self.raw = walk_inlined(block, |typ, data| self.add(typ, data))?;
        }
        Ok(())
    }

    #[inline]
    fn add(&mut self, typ: ExtensionType, mut data: Reader<'a>) -> Result<(), DecodeError> {
        match typ {
            ExtensionType::SUPPORTED_VERSIONS => self.selected_version = Some(SelectedVersion::read(&mut data)?),
            ExtensionType::KEY_SHARE => self.key_share = Some(KeyShareServerHello::read(&mut data)?),
            ExtensionType::PRE_SHARED_KEY => self.pre_shared_key = Some(SelectedPsk::read(&mut data)?),
            ExtensionType::SERVER_NAME => {
                ServerNameAck::read(&mut data)?;
                self.server_name = true;
            }
            ExtensionType::STATUS_REQUEST => {
                finish_empty(data, "ServerHello.status_request")?;
                self.status_request = true;
            }
            ExtensionType::EC_POINT_FORMATS => self.ec_point_formats = Some(EcPointFormats::read(&mut data)?),
            ExtensionType::ALPN => self.alpn = Some(SelectedAlpn::read(&mut data)?),
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => {
                self.signed_certificate_timestamps = Some(SignedCertificateTimestamps::read(&mut data)?);
            }
            ExtensionType::EXTENDED_MASTER_SECRET => {
                ExtendedMasterSecret::read(&mut data)?;
                self.extended_master_secret = true;
            }
            ExtensionType::MAX_FRAGMENT_LENGTH => self.max_fragment_length = Some(MaxFragmentLength::read(&mut data)?),
            ExtensionType::RECORD_SIZE_LIMIT => self.record_size_limit = Some(RecordSizeLimit::read(&mut data)?),
            ExtensionType::SESSION_TICKET => {
                finish_empty(data, "ServerHello.session_ticket")?;
                self.session_ticket = true;
            }
            ExtensionType::RENEGOTIATION_INFO => self.renegotiation_info = Some(RenegotiationInfo::read(&mut data)?),
            // Not decoded, so `data` is not at its end.
            _ => return Ok(()),
        }
        data.finish()
    }
}

/// Checks that an acknowledgement has no data.
fn finish_empty(mut data: Reader<'_>, at: &'static str) -> Result<(), DecodeError> {
    data.at(at).finish()
}

/// Requests another ClientHello (RFC 9846 §4.2.4).
///
/// Its random is always [`HELLO_RETRY_REQUEST_RANDOM`], so there is no field for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloRetryRequest<'a> {
    /// Always TLS 1.2.
    pub legacy_version: ProtocolVersion,
    /// At most 32 bytes.
    pub legacy_session_id_echo: &'a [u8],
    /// The selected suite; the ServerHello must repeat it.
    pub cipher_suite: CipherSuite,
    /// Zero, which the handshake checks.
    pub legacy_compression_method: u8,
    /// The extensions.
    pub extensions: HelloRetryRequestExtensions<'a>,
}

impl<'a> HandshakeMessage<'a> for HelloRetryRequest<'a> {
    const TYPE: HandshakeType = HandshakeType::SERVER_HELLO;
}

impl<'a> HelloRetryRequest<'a> {
    fn from_fields(fields: Fields<'a>) -> Result<Self, DecodeError> {
        if *fields.random != HELLO_RETRY_REQUEST_RANDOM {
            return Err(DecodeError { fault: Fault::IllegalValue, at: "HelloRetryRequest.random" });
        }
        let mut extensions = HelloRetryRequestExtensions::NONE;
        extensions.read(fields.block)?;
        Ok(fields.hello_retry_request(extensions))
    }
}

impl<'a> Decode<'a> for HelloRetryRequest<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Self::from_fields(Fields::decode(r)?)
    }
}

impl Encode for HelloRetryRequest<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.legacy_version.encode(w)?;
        w.bytes(&HELLO_RETRY_REQUEST_RANDOM)?;
        w.vec8_bytes(self.legacy_session_id_echo)?;
        self.cipher_suite.encode(w)?;
        w.u8(self.legacy_compression_method)?;
        self.extensions.raw.encode(w)
    }
}

/// The extensions of a [`HelloRetryRequest`]; `None` means that an extension is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloRetryRequestExtensions<'a> {
    /// All extensions in wire order, including unknown ones. Encoding writes these.
    pub raw: Extensions<'a>,
    /// `supported_versions`, RFC 9846 §4.3.1.
    pub selected_version: Option<ProtocolVersion>,
    /// RFC 9846 §4.3.2.
    pub cookie: Option<&'a [u8]>,
    /// The group for which the server requests a share, RFC 9846 §4.3.8.
    pub key_share: Option<NamedGroup>,
}

impl<'a> HelloRetryRequestExtensions<'a> {
    /// No extensions and no extension block.
    pub const NONE: Self = Self { raw: Extensions::ABSENT, selected_version: None, cookie: None, key_share: None };

    fn read(&mut self, block: Option<Reader<'a>>) -> Result<(), DecodeError> {
        let Some(block) = block else { return Ok(()) };
        self.raw = walk_inlined(block, |typ, data| {
            match typ {
                ExtensionType::SUPPORTED_VERSIONS => self.selected_version = Some(view::<SelectedVersion>(data)?),
                ExtensionType::COOKIE => self.cookie = Some(view::<Cookie>(data)?),
                ExtensionType::KEY_SHARE => self.key_share = Some(view::<KeyShareHelloRetryRequest>(data)?),
                _ => reject_misplaced(typ, Place::HelloRetryRequest, "HelloRetryRequest.extensions")?,
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// A message of type `server_hello`, distinguished by its random (RFC 9846 §4.2.3).
///
/// ```
/// use strata_tls_codec::handshake::HELLO_RETRY_REQUEST_RANDOM;
/// use strata_tls_codec::{NamedGroup, ServerHelloMessage, decode_all};
///
/// let mut body = vec![3, 3];
/// body.extend(HELLO_RETRY_REQUEST_RANDOM);
/// body.extend([0, 0x13, 0x01, 0]);
/// body.extend([0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 0x17]);
/// let ServerHelloMessage::HelloRetryRequest(retry) = decode_all(&body)? else { panic!() };
/// assert_eq!(retry.extensions.key_share, Some(NamedGroup::SECP256R1));
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerHelloMessage<'a> {
    /// The handshake continues.
    ServerHello(ServerHello<'a>),
    /// The server requests another ClientHello.
    HelloRetryRequest(HelloRetryRequest<'a>),
}

impl<'a> HandshakeMessage<'a> for ServerHelloMessage<'a> {
    const TYPE: HandshakeType = HandshakeType::SERVER_HELLO;
}

impl<'a> Decode<'a> for ServerHelloMessage<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let fields = Fields::decode(r)?;
        if *fields.random == HELLO_RETRY_REQUEST_RANDOM {
            let mut extensions = HelloRetryRequestExtensions::NONE;
            extensions.read(fields.block)?;
            Ok(Self::HelloRetryRequest(fields.hello_retry_request(extensions)))
        } else {
            let mut extensions = ServerHelloExtensions::NONE;
            extensions.read(fields.block)?;
            Ok(Self::ServerHello(fields.server_hello(extensions)))
        }
    }
}

impl Encode for ServerHelloMessage<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        match self {
            Self::ServerHello(hello) => hello.encode(w),
            Self::HelloRetryRequest(retry) => retry.encode(w),
        }
    }
}

/// The fields of both messages.
struct Fields<'a> {
    legacy_version: ProtocolVersion,
    random: &'a [u8; 32],
    legacy_session_id_echo: &'a [u8],
    cipher_suite: CipherSuite,
    legacy_compression_method: u8,
    block: Option<Reader<'a>>,
}

impl<'a> Fields<'a> {
    #[inline]
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            legacy_version: ProtocolVersion::decode(r.at("ServerHello.legacy_version"))?,
            random: r.at("ServerHello.random").array()?,
            legacy_session_id_echo: r.vec8(SESSION_ID, "ServerHello.legacy_session_id_echo")?.rest(),
            cipher_suite: CipherSuite::decode(r.at("ServerHello.cipher_suite"))?,
            legacy_compression_method: r.at("ServerHello.legacy_compression_method").u8()?,
            block: optional_block(r.at("ServerHello.extensions"), "ServerHello.extensions")?,
        })
    }

    #[inline]
    fn hello_retry_request(self, extensions: HelloRetryRequestExtensions<'a>) -> HelloRetryRequest<'a> {
        HelloRetryRequest {
            legacy_version: self.legacy_version,
            legacy_session_id_echo: self.legacy_session_id_echo,
            cipher_suite: self.cipher_suite,
            legacy_compression_method: self.legacy_compression_method,
            extensions,
        }
    }

    #[inline]
    fn server_hello(self, extensions: ServerHelloExtensions<'a>) -> ServerHello<'a> {
        ServerHello {
            legacy_version: self.legacy_version,
            random: self.random,
            legacy_session_id_echo: self.legacy_session_id_echo,
            cipher_suite: self.cipher_suite,
            legacy_compression_method: self.legacy_compression_method,
            extensions,
        }
    }
}
