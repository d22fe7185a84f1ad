//! Sample messages: those of RFC 8448, those of a TLS 1.2 connection between OpenSSL client and
//! server, and one of each kind with every extension that it may have.
#![allow(dead_code)] // each test crate uses a part

use strata_tls_codec::{extension::*, handshake::*, *};

/// A handshake message: its type and its body.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) version: ProtocolVersion,
    pub(crate) typ: HandshakeType,
    pub(crate) body: Vec<u8>,
}

impl Sample {
    /// Decodes `body` as this message and version, and encodes the result.
    pub(crate) fn reencode(&self, body: &[u8]) -> Result<Vec<u8>, DecodeError> {
        match self.version {
            ProtocolVersion::TLS12 => reencode_tls12(self.typ, body),
            _ => reencode(self.typ, body),
        }
    }
}

/// Returns the samples of RFC 8448 and OpenSSL, then the constructed ones.
pub(crate) fn all() -> Vec<Sample> {
    let mut samples = [rfc8448(), openssl_tls12(), tls12()].concat();
    samples.extend([
        sample("full client_hello", HandshakeType::CLIENT_HELLO, client_hello),
        sample("old client_hello", HandshakeType::CLIENT_HELLO, client_hello_fields),
        sample("empty block client_hello", HandshakeType::CLIENT_HELLO, |w| {
            client_hello_fields(w)?;
            w.u16(0)
        }),
        sample("tls12 server_hello", HandshakeType::SERVER_HELLO, tls12_server_hello),
        sample("psk server_hello", HandshakeType::SERVER_HELLO, psk_server_hello),
        sample("old server_hello", HandshakeType::SERVER_HELLO, |w| server_hello_fields(w, &[8; 32])),
        sample("hello_retry_request", HandshakeType::SERVER_HELLO, hello_retry_request),
        sample("encrypted_extensions", HandshakeType::ENCRYPTED_EXTENSIONS, encrypted_extensions),
        sample("no encrypted_extensions", HandshakeType::ENCRYPTED_EXTENSIONS, |w| w.u16(0)),
        sample("certificate", HandshakeType::CERTIFICATE, certificate),
        sample("empty certificate", HandshakeType::CERTIFICATE, |w| w.u32(0)),
        sample("certificate_request", HandshakeType::CERTIFICATE_REQUEST, certificate_request),
        sample("certificate_verify", HandshakeType::CERTIFICATE_VERIFY, |w| {
            let signature = &[5; 70];
            CertificateVerify { algorithm: SignatureScheme::ECDSA_SECP256R1_SHA256, signature }.encode(w)
        }),
        sample("new_session_ticket", HandshakeType::NEW_SESSION_TICKET, new_session_ticket),
        sample("key_update", HandshakeType::KEY_UPDATE, |w| w.u8(1)),
    ]);
    samples
}

pub(crate) fn rfc8448() -> Vec<Sample> {
    from_lines(include_str!("../data/rfc8448.txt"), "RFC 8448 §", ProtocolVersion::TLS13)
}

pub(crate) fn openssl_tls12() -> Vec<Sample> {
    from_lines(include_str!("../data/openssl_tls12.txt"), "openssl ", ProtocolVersion::TLS12)
}

fn from_lines(lines: &str, source: &str, version: ProtocolVersion) -> Vec<Sample> {
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| {
        let (name, hex) = line.rsplit_once(' ').unwrap();
        let raw: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let Split::Message { message, rest: [] } = split_message(&raw) else { panic!("{name} is one message") };
        Sample { name: format!("{source}{name}"), version, typ: message.typ, body: message.body.to_vec() }
    });
    samples.collect()
}

fn sample(name: &str, typ: HandshakeType, write: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull>) -> Sample {
    Sample { name: name.into(), version: ProtocolVersion::TLS13, typ, body: written(write) }
}

/// Returns the TLS 1.2 messages that the OpenSSL captures lack.
fn tls12() -> Vec<Sample> {
    let samples = [
        sample("empty tls12 certificate", HandshakeType::CERTIFICATE, |w| tls12::Certificate::write::<&[u8]>(w, &[])),
        sample("tls12 certificate_request without authorities", HandshakeType::CERTIFICATE_REQUEST, |w| {
            let kinds = [ClientCertificateKind::ECDSA_SIGN, ClientCertificateKind(200)];
            tls12::CertificateRequest::write::<&[u8]>(w, &kinds, &[SignatureScheme::ED25519], &[])
        }),
        sample("empty tls12 new_session_ticket", HandshakeType::NEW_SESSION_TICKET, |w| {
            tls12::NewSessionTicket { ticket_lifetime_hint: 0, ticket: &[] }.encode(w)
        }),
    ];
    samples.map(|sample| Sample { version: ProtocolVersion::TLS12, ..sample }).into()
}

pub(crate) fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull>) -> Vec<u8> {
    let mut body = Vec::new();
    write(&mut Writer::append(&mut body)).unwrap();
    body
}

fn through<'a, M: HandshakeMessage<'a> + Encode>(body: &'a [u8]) -> Result<Vec<u8>, DecodeError> {
    RawMessage { typ: M::TYPE, body, raw: body }.decode::<M>().map(|message| message.to_vec().unwrap())
}

fn reencode_tls12(typ: HandshakeType, body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    match typ {
        HandshakeType::HELLO_REQUEST => through::<tls12::HelloRequest>(body),
        HandshakeType::NEW_SESSION_TICKET => through::<tls12::NewSessionTicket<'_>>(body),
        HandshakeType::CERTIFICATE => through::<tls12::Certificate<'_>>(body),
        HandshakeType::SERVER_KEY_EXCHANGE => through::<tls12::ServerKeyExchange<'_>>(body),
        HandshakeType::CERTIFICATE_REQUEST => through::<tls12::CertificateRequest<'_>>(body),
        HandshakeType::SERVER_HELLO_DONE => through::<tls12::ServerHelloDone>(body),
        HandshakeType::CLIENT_KEY_EXCHANGE => through::<tls12::ClientKeyExchange<'_>>(body),
        HandshakeType::CERTIFICATE_STATUS => through::<tls12::CertificateStatus<'_>>(body),
        // The hellos, CertificateVerify and Finished have the same type in both versions.
        shared => reencode(shared, body),
    }
}

/// Decodes the body as a TLS 1.3 message of this type, and encodes the result.
pub(crate) fn reencode(typ: HandshakeType, body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    match typ {
        HandshakeType::CLIENT_HELLO => through::<ClientHello<'_>>(body),
        HandshakeType::SERVER_HELLO => through::<ServerHelloMessage<'_>>(body),
        HandshakeType::ENCRYPTED_EXTENSIONS => through::<EncryptedExtensions<'_>>(body),
        HandshakeType::CERTIFICATE => through::<Certificate<'_>>(body),
        HandshakeType::CERTIFICATE_REQUEST => through::<CertificateRequest<'_>>(body),
        HandshakeType::CERTIFICATE_VERIFY => through::<CertificateVerify<'_>>(body),
        HandshakeType::FINISHED => through::<Finished<'_>>(body),
        HandshakeType::NEW_SESSION_TICKET => through::<NewSessionTicket<'_>>(body),
        HandshakeType::KEY_UPDATE => through::<KeyUpdate>(body),
        HandshakeType::END_OF_EARLY_DATA => through::<EndOfEarlyData>(body),
        other => panic!("no test decodes {other}"),
    }
}

pub(crate) fn client_hello_fields(w: &mut Writer<'_>) -> Result<(), BufferFull> {
    w.u16(0x0303)?;
    w.bytes(&[7; 32])?;
    w.vec8(|w| w.bytes(&[1; 32]))?;
    w.vec16(|w| w.each(&[CipherSuite(0x3a3a), CipherSuite::TLS_AES_128_GCM_SHA256]))?;
    w.vec8(|w| w.u8(0))
}

fn client_hello(w: &mut Writer<'_>) -> Result<(), BufferFull> {
    client_hello_fields(w)?;
    w.vec16(|w| {
        w.extension(ExtensionType(0x0a0a), |_| Ok(()))?;
        ServerNameList::write(w, "example.com")?;
        StatusRequest::write(w)?;
        SupportedGroups::write(w, &[NamedGroup::X25519, NamedGroup::SECP256R1])?;
        EcPointFormats::write(w, &[EcPointFormat::UNCOMPRESSED])?;
        SignatureAlgorithms::write(w, &[SignatureScheme::ED25519])?;
        SignatureAlgorithmsCert::write(w, &[SignatureScheme::RSA_PKCS1_SHA256])?;
        Alpn::write(w, &["h2", "http/1.1"])?;
        SignedCertificateTimestamp::write(w)?;
        ClientCertificateType::write(w, &[CertificateType::X509])?;
        ServerCertificateType::write(w, &[CertificateType::RAW_PUBLIC_KEY, CertificateType::X509])?;
        ExtendedMasterSecret::write(w)?;
        CompressCertificate::write(w, &[CertificateCompressionAlgorithm::ZLIB])?;
        MaxFragmentLength(3).write(w)?;
        RecordSizeLimit::write(w, 16385)?;
        SessionTicket::write(w, &[])?;
        EarlyData::write(w)?;
        SupportedVersions::write(w, &[ProtocolVersion::TLS13, ProtocolVersion::TLS12])?;
        Cookie::write(w, b"cookie")?;
        PskKeyExchangeModes::write(w, &[PskKeyExchangeMode::PSK_DHE_KE])?;
        CertificateAuthorities::write(w, &[&[0x30, 0][..], &[0x30, 1, 7]])?;
        PostHandshakeAuth::write(w)?;
        KeyShareClientHello::write(w, &[(NamedGroup(0x0a0a), &[0]), (NamedGroup::X25519, &[9; 32])])?;
        QuicTransportParameters::write(w, &[1, 2, 3])?;
        RenegotiationInfo::write(w, &[])?;
        Padding::write(w, 5)?;
        let identity = PskIdentity { identity: b"ticket", obfuscated_ticket_age: 77 };
        OfferedPsks::write(w, &[identity, identity], &[[2; 32], [3; 32]])
    })
}

pub(crate) fn server_hello_fields(w: &mut Writer<'_>, random: &[u8; 32]) -> Result<(), BufferFull> {
    w.u16(0x0303)?;
    w.bytes(random)?;
    w.vec8(|w| w.bytes(&[1; 32]))?;
    CipherSuite::TLS_AES_128_GCM_SHA256.encode(w)?;
    w.u8(0)
}

fn tls12_server_hello(w: &mut Writer<'_>) -> Result<(), BufferFull> {
    server_hello_fields(w, &[8; 32])?;
    w.vec16(|w| {
        ServerNameAck::write(w)?;
        StatusRequest::write_empty(w)?;
        EcPointFormats::write(w, &[EcPointFormat::UNCOMPRESSED])?;
        Alpn::write(w, &["h2"])?;
        SignedCertificateTimestamps::write(w, &[[4; 5]])?;
        ExtendedMasterSecret::write(w)?;
        MaxFragmentLength(1).write(w)?;
        RecordSizeLimit::write(w, 16384)?;
        SessionTicket::write(w, &[])?;
        RenegotiationInfo::write(w, &[1, 2])
    })
}

fn psk_server_hello(w: &mut Writer<'_>) -> Result<(), BufferFull> {
    server_hello_fields(w, &[8; 32])?;
    w.vec16(|w| {
        SelectedPsk::write(w, 1)?;
        KeyShareServerHello::write(w, NamedGroup::X25519, &[9; 32])?;
        SelectedVersion::write(w, ProtocolVersion::TLS13)
    })
}

fn hello_retry_request(w: &mut Writer<'_>) -> Result<(), BufferFull> {
    server_hello_fields(w, &HELLO_RETRY_REQUEST_RANDOM)?;
    w.vec16(|w| {
        SelectedVersion::write(w, ProtocolVersion::TLS13)?;
        Cookie::write(w, b"cookie")?;
        KeyShareHelloRetryRequest::write(w, NamedGroup::SECP256R1)
    })
}

fn encrypted_extensions(w: &mut Writer<'_>) -> Result<(), BufferFull> {
    w.vec16(|w| {
        ServerNameAck::write(w)?;
        SupportedGroups::write(w, &[NamedGroup::X25519])?;
        SelectedAlpn::write(w, b"h2")?;
        SelectedClientCertificateType::write(w, CertificateType::X509)?;
        SelectedServerCertificateType::write(w, CertificateType::RAW_PUBLIC_KEY)?;
        MaxFragmentLength(4).write(w)?;
        RecordSizeLimit::write(w, 64)?;
        EarlyData::write(w)?;
        QuicTransportParameters::write(w, &[])
    })
}

fn certificate(w: &mut Writer<'_>) -> Result<(), BufferFull> {
    w.vec8(|w| w.bytes(b"context"))?;
    w.vec24(|w| {
        CertificateEntry::write(w, &[6; 40], |w| {
            CertificateStatus::write(w, b"response")?;
            SignedCertificateTimestamps::write(w, &[[4; 5], [5; 5]])
        })?;
        CertificateEntry::write(w, &[7; 1], |_| Ok(()))
    })
}

fn certificate_request(w: &mut Writer<'_>) -> Result<(), BufferFull> {
    w.vec8(|w| w.bytes(b"context"))?;
    w.vec16(|w| {
        SignatureAlgorithms::write(w, &[SignatureScheme::ED25519])?;
        SignatureAlgorithmsCert::write(w, &[SignatureScheme::ED448])?;
        CertificateAuthorities::write(w, &[[0x30, 0]])?;
        OidFilters::write(
            w,
            &[OidFilter { certificate_extension_oid: &[6, 1, 1], certificate_extension_values: &[] }],
        )?;
        StatusRequest::write_empty(w)?;
        SignedCertificateTimestamp::write(w)?;
        CompressCertificate::write(w, &[CertificateCompressionAlgorithm::BROTLI])
    })
}

fn new_session_ticket(w: &mut Writer<'_>) -> Result<(), BufferFull> {
    w.u32(7200)?;
    w.u32(0x0102_0304)?;
    w.vec8(|w| w.bytes(&[1]))?;
    w.vec16(|w| w.bytes(&[5; 20]))?;
    w.vec16(|w| {
        MaxEarlyDataSize::write(w, 16384)?;
        w.extension(ExtensionType(0x2a2a), |w| w.bytes(&[1]))
    })
}
