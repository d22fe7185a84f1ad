//! Tests of what is read only: other key exchanges, SSL 2.0, heartbeats, DTLS, and extensions that
//! Strata does not negotiate.

mod samples;

use std::fmt::Debug;

use samples::written;
use strata_tls_codec::{
    dtls::*,
    extension::*,
    handshake::key_exchange::*,
    heartbeat::HeartbeatMessage,
    lenient::{ClientHelloExtension, ServerHelloExtension},
    ssl2::*,
    *,
};

/// Checks that `wire` decodes, that the result encodes to `wire`, and that no prefix decodes.
fn check<'a, T: Decode<'a> + Encode>(wire: &'a [u8]) -> T {
    let value: T = decode_all(wire).unwrap();
    assert_eq!(written(|w| value.encode(w)), wire);
    for cut in 0..wire.len() {
        assert!(decode_all::<T>(&wire[..cut]).is_err(), "{cut} of {}", wire.len());
    }
    value
}

/// Checks that `data` decodes as this extension, and that no prefix does.
fn view_of<'a, E: Extension>(data: &'a [u8]) -> E::View<'a> {
    for cut in 0..data.len() {
        assert!(view::<E>(Reader::new(&data[..cut])).is_err(), "{cut} of {}", data.len());
    }
    assert!(view::<E>(Reader::new(&[data, &[0]].concat())).is_err(), "trailing data");
    view::<E>(Reader::new(data)).unwrap()
}

/// Checks a message of a suite and version: it encodes to `wire`, and no prefix decodes.
fn server_key_exchange<'a>(name: &str, version: ProtocolVersion, wire: &'a [u8]) -> ServerKeyExchange<'a> {
    let suite = registry::CipherSuiteInfo::from_name(name).unwrap();
    let message = ServerKeyExchange::decode(wire, suite, version).unwrap();
    assert_eq!(written(|w| message.encode(w)), wire, "{name}");
    for cut in 0..wire.len() {
        assert!(ServerKeyExchange::decode(&wire[..cut], suite, version).is_err(), "{name} {cut}");
    }
    assert!(ServerKeyExchange::decode(&[wire, &[0]].concat(), suite, version).is_err(), "{name}");
    message
}

fn client_key_exchange<'a>(name: &str, version: ProtocolVersion, wire: &'a [u8]) -> ClientKeyExchange<'a> {
    let suite = registry::CipherSuiteInfo::from_name(name).unwrap();
    let message = ClientKeyExchange::decode(wire, suite, version).unwrap();
    assert_eq!(written(|w| message.encode(w)), wire, "{name}");
    message
}

#[test]
fn server_key_exchange_follows_the_suite() {
    use ProtocolVersion as V;
    let dh = [0, 2, 0xff, 0xfb, 0, 1, 2, 0, 2, 7, 8];
    let signed = [&dh[..], &[4, 1, 0, 2, 9, 9]].concat();
    let message = server_key_exchange("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", V::TLS12, &signed);
    assert_eq!(message.params, ServerParams::Dh(ServerDhParams { p: &[0xff, 0xfb], g: &[2], public: &[7, 8] }));
    let algorithm = Some(SignatureScheme::RSA_PKCS1_SHA256);
    assert_eq!(message.signature, Some(ServerSignature { algorithm, signature: &[9, 9] }));

    let old = [&dh[..], &[0, 2, 9, 9]].concat();
    let message = server_key_exchange("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", V::TLS10, &old);
    assert_eq!(message.signature, Some(ServerSignature { algorithm: None, signature: &[9, 9] }));

    let message = server_key_exchange("TLS_DH_anon_WITH_AES_128_CBC_SHA", V::TLS12, &dh);
    assert_eq!(message.signature, None);

    let ecdh = [3, 0, 0x1d, 2, 5, 6];
    let hinted = [&[0, 1, b'h'][..], &ecdh].concat();
    let message = server_key_exchange("TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256", V::TLS12, &hinted);
    assert_eq!((message.psk_identity_hint, message.signature), (Some(&b"h"[..]), None));
    assert!(matches!(message.params, ServerParams::Ecdh(params) if params.group == NamedGroup::X25519));

    let message = server_key_exchange("TLS_PSK_WITH_AES_128_CBC_SHA", V::TLS12, &[0, 1, b'h']);
    assert_eq!(message.params, ServerParams::None);
    let message = server_key_exchange("TLS_RSA_PSK_WITH_AES_128_CBC_SHA", V::TLS12, &[0, 1, b'h']);
    assert_eq!(message.params, ServerParams::None);

    let export = [0, 1, 7, 0, 1, 3, 0, 2, 9, 9];
    let message = server_key_exchange("TLS_RSA_EXPORT_WITH_RC4_40_MD5", V::SSL30, &export);
    assert_eq!(message.params, ServerParams::RsaExport(ServerRsaParams { modulus: &[7], exponent: &[3] }));
    assert!(message.signature.is_some());

    let srp = [0, 1, 1, 0, 1, 2, 1, 3, 0, 1, 4];
    let message = server_key_exchange("TLS_SRP_SHA_WITH_AES_128_CBC_SHA", V::TLS12, &srp);
    let expected = ServerSrpParams { n: &[1], g: &[2], salt: &[3], public: &[4] };
    assert_eq!(message.params, ServerParams::Srp(expected));
}

#[test]
fn client_key_exchange_follows_the_suite() {
    use ClientSecret as C;
    use ProtocolVersion as V;
    let secret = |name, version, wire| client_key_exchange(name, version, wire).secret;
    assert_eq!(secret("TLS_RSA_WITH_AES_128_CBC_SHA", V::TLS10, &[0, 1, 7]), C::Rsa(&[7]));
    assert_eq!(secret("TLS_RSA_WITH_RC4_128_MD5", V::SSL30, &[0, 1, 7]), C::RsaSsl3(&[0, 1, 7]));
    assert_eq!(secret("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", V::TLS12, &[0, 1, 7]), C::Dh(&[7]));
    assert_eq!(secret("TLS_DH_RSA_WITH_AES_128_CBC_SHA", V::TLS12, &[]), C::None);
    assert_eq!(secret("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", V::TLS12, &[1, 7]), C::Ecdh(&[7]));
    assert_eq!(secret("TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", V::TLS12, &[]), C::None);
    assert_eq!(secret("TLS_SRP_SHA_WITH_AES_128_CBC_SHA", V::TLS12, &[0, 1, 7]), C::Srp(&[7]));
    assert_eq!(secret("TLS_KRB5_WITH_RC4_128_SHA", V::TLS12, &[1, 2, 3]), C::Other(&[1, 2, 3]));
    let message = client_key_exchange("TLS_RSA_PSK_WITH_AES_128_CBC_SHA", V::TLS12, &[0, 1, b'i', 0, 1, 7]);
    assert_eq!((message.psk_identity, message.secret), (Some(&b"i"[..]), C::Rsa(&[7])));
    let message = client_key_exchange("TLS_PSK_WITH_AES_128_CBC_SHA", V::TLS12, &[0, 1, b'i']);
    assert_eq!((message.psk_identity, message.secret), (Some(&b"i"[..]), C::None));
    let dhe = registry::CipherSuiteInfo::from_name("TLS_DHE_RSA_WITH_AES_128_CBC_SHA").unwrap();
    for malformed in [&[][..], &[0], &[0, 0], &[0, 2, 7], &[0, 1, 7, 7]] {
        assert!(ClientKeyExchange::decode(malformed, dhe, V::TLS12).is_err(), "{malformed:?}");
    }
}

#[test]
fn ssl2_hello_lists_ciphers_of_both_kinds() {
    let mut record = vec![0x80, 34, 1, 0, 2, 0, 9, 0, 0, 0, 16, 0, 0, 0x05, 7, 0, 0xc0, 9, 9, 9];
    record.extend([7; 16]);
    let hello: Ssl2ClientHello<'_> = check(&record);
    assert_eq!((hello.version, hello.session_id, hello.challenge), (ProtocolVersion::SSL20, &[][..], &[7; 16][..]));
    let specs: Vec<_> = hello.cipher_specs.iter().map(|spec| (spec.name(), spec.cipher_suite())).collect();
    let rc4 = Some(CipherSuite(5));
    let expected =
        [(Some("TLS_RSA_WITH_RC4_128_SHA"), rc4), (Some("SSL_CK_DES_192_EDE3_CBC_WITH_MD5"), None), (None, None)];
    assert_eq!(specs, expected);
    assert_eq!(record::Protocol::recognize(&record), Some(record::Protocol::SslV2));
    for (at, value) in [(0, 0), (1, 33), (2, 4), (6, 8), (6, 12), (8, 1), (10, 15)] {
        let mut changed = record.clone();
        changed[at] = value;
        assert!(decode_all::<Ssl2ClientHello<'_>>(&changed).is_err(), "{at}");
    }
}

#[test]
fn heartbeat_needs_its_payload_and_padding() {
    let wire = [&[1, 0, 2, b'h', b'i'][..], &[0; 16]].concat();
    let message: HeartbeatMessage<'_> = check(&wire);
    assert_eq!((message.typ, message.payload), (HeartbeatMessageType::HEARTBEAT_REQUEST, &b"hi"[..]));
    let mut bleeding = wire.clone();
    bleeding[1] = 0x40;
    assert!(decode_all::<HeartbeatMessage<'_>>(&bleeding).is_err());
    assert_eq!(view_of::<Heartbeat>(&[1]), HeartbeatMode::PEER_ALLOWED_TO_SEND);
}

#[test]
fn dtls_records_are_split() {
    let plain = [22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 1, 2, 0, 1, 9];
    let with_id = [25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 3, 0xaa, 0xbb, 0, 1, 9];
    let long = [0x2c | 0x10 | 2, 0xaa, 0xbb, 1, 2, 0, 1, 9];
    let short = [0x20, 5, 9, 9];
    let datagram = [&plain[..], &with_id, &long, &short].concat();
    let found: Vec<_> = records(&datagram, 2).map(Result::unwrap).collect();
    let expected = [
        DtlsRecord::Plaintext {
            content_type: ContentType::HANDSHAKE,
            legacy_record_version: ProtocolVersion::DTLS12,
            epoch: 1,
            sequence_number: 258,
            connection_id: &[],
            body: &[9],
        },
        DtlsRecord::Plaintext {
            content_type: ContentType::TLS12_CID,
            legacy_record_version: ProtocolVersion::DTLS12,
            epoch: 1,
            sequence_number: 3,
            connection_id: &[0xaa, 0xbb],
            body: &[9],
        },
        DtlsRecord::Ciphertext {
            flags: 0x3e,
            connection_id: &[0xaa, 0xbb],
            sequence_number: &[1, 2],
            encrypted_record: &[9],
        },
        DtlsRecord::Ciphertext { flags: 0x20, connection_id: &[], sequence_number: &[5], encrypted_record: &[9, 9] },
    ];
    assert_eq!(found, expected);
    assert_eq!(written(|w| found.iter().try_for_each(|record| record.encode(w))), datagram);
    for cut in 1..plain.len() {
        let mut cut_off = records(&plain[..cut], 2);
        assert!(cut_off.next().unwrap().is_err() && cut_off.next().is_none(), "{cut}");
    }
    let mut tls = plain;
    tls[1] = 3;
    assert!(records(&tls, 0).next().unwrap().is_err());
}

#[test]
fn dtls_fragments_stay_within_their_message() {
    let wire = [11, 0, 1, 0, 0, 2, 0, 0, 0xfe, 0, 0, 2, 7, 8];
    let fragment: DtlsHandshake<'_> = check(&wire);
    assert_eq!((fragment.length, fragment.fragment_offset, fragment.fragment), (256, 254, &[7, 8][..]));
    assert_eq!(fragment.whole(), None);
    let mut beyond = wire;
    beyond[8] = 0xff;
    assert!(decode_all::<DtlsHandshake<'_>>(&beyond).is_err());
    let whole: DtlsHandshake<'_> = check(&[20, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 1, 7]);
    assert_eq!(whole.whole(), Some(&[7][..]));
    let request: HelloVerifyRequest<'_> = check(&[0xfe, 0xff, 2, 8, 9]);
    assert_eq!(request.cookie, [8, 9]);
    let numbers = [&[0, 32][..], &[0; 15], &[3], &[0; 15], &[4]].concat();
    let ack: Ack<'_> = check(&numbers);
    assert_eq!(ack.record_numbers.len(), 2);
    assert_eq!(ack.record_numbers.first(), Some(RecordNumber { epoch: 0, sequence_number: 3 }));
}

#[test]
fn dtls_hello_has_a_cookie() {
    let mut body = vec![0xfe, 0xfd];
    body.extend([7; 32]);
    body.extend([0, 2, 0xaa, 0xbb, 0, 2, 0xc0, 0x2b, 1, 0, 0, 4, 0, 23, 0, 0]);
    let message: DtlsClientHello<'_> = decode_all(&body).unwrap();
    assert_eq!(message.cookie, [0xaa, 0xbb]);
    assert!(message.hello.strict().unwrap().extensions.extended_master_secret);
    assert_eq!(written(|w| message.encode(w)), body);
}

#[test]
fn ech_of_a_hello_is_decoded() {
    let outer = [0, 0, 1, 0, 1, 42, 0, 2, 5, 6, 0, 3, 7, 8, 9];
    let cipher_suite = HpkeSymmetricCipherSuite { kdf_id: HpkeKdf::HKDF_SHA256, aead_id: HpkeAead::AES_128_GCM };
    let expected = EncryptedClientHello::Outer { cipher_suite, config_id: 42, enc: &[5, 6], payload: &[7, 8, 9] };
    assert_eq!(view_of::<EncryptedClientHello<'_>>(&outer), expected);
    assert_eq!(check::<EncryptedClientHello<'_>>(&outer), expected);
    assert_eq!(check::<EncryptedClientHello<'_>>(&[1]), EncryptedClientHello::Inner);
    assert!(decode_all::<EncryptedClientHello<'_>>(&[2]).is_err());
    let types = view_of::<EchOuterExtensions>(&[4, 0, 10, 0, 51]);
    assert_eq!(types.to_vec(), [ExtensionType::SUPPORTED_GROUPS, ExtensionType::KEY_SHARE]);
    assert_eq!(view_of::<EchConfirmation>(&[7; 8]), &[7; 8]);
    let retry = ServerHelloExtension::decode(ExtensionType::ENCRYPTED_CLIENT_HELLO, &[7; 8], true);
    assert_eq!(retry, Ok(ServerHelloExtension::EchConfirmation(&[7; 8])));
}

#[test]
fn ech_configurations_are_decoded() {
    let contents = written(|w| {
        w.u8(42)?;
        w.u16(0x20)?;
        w.vec16_bytes(&[9; 32])?;
        w.vec16(|w| w.bytes(&[0, 1, 0, 1, 0, 1, 0, 3]))?;
        w.u8(64)?;
        w.vec8_bytes(b"public.example")?;
        w.vec16(|w| w.extension_bytes(ExtensionType(0xffce), &[1]))
    });
    let list = written(|w| {
        w.vec16(|w| {
            EchConfig { version: 0xfe0a, contents: &[1] }.encode(w)?;
            EchConfig { version: 0xfe0d, contents: &contents }.encode(w)
        })
    });
    let configs = view_of::<EchConfigList>(&list).to_vec();
    assert_eq!(configs[0].decode(), None);
    let config = configs[1].decode().unwrap().unwrap();
    assert_eq!(config, check::<EchConfigContents<'_>>(&contents));
    assert_eq!((config.config_id, config.kem_id), (42, HpkeKem::X25519_SHA256));
    assert_eq!((config.public_name, config.maximum_name_length), (&b"public.example"[..], 64));
    assert_eq!(config.cipher_suites.iter().last().unwrap().aead_id, HpkeAead::CHACHA20_POLY1305);
    assert_eq!(config.extensions.find(ExtensionType(0xffce)), Some(&[1][..]));
}

#[test]
fn extensions_of_other_stacks_are_decoded() {
    let alps = [0, 3, 2, b'h', b'2'];
    for typ in [ExtensionType::APPLICATION_SETTINGS, ExtensionType::APPLICATION_SETTINGS_OLD] {
        let Ok(ClientHelloExtension::ApplicationSettings(names)) = ClientHelloExtension::decode(typ, &alps) else {
            panic!("{typ}")
        };
        assert_eq!(names.to_vec(), [ProtocolName(b"h2")]);
    }
    assert_eq!(view_of::<ApplicationSettingsOld>(&alps), view_of::<ApplicationSettings>(&alps));
    let anchors = view_of::<TrustAnchors>(&[0, 5, 2, 7, 8, 1, 9]);
    assert_eq!(anchors.to_vec(), [TrustAnchorId(&[7, 8]), TrustAnchorId(&[9])]);
    let request = TicketRequest { new_session_count: 2, resumption_count: 1 };
    assert_eq!(view_of::<TicketRequest>(&[2, 1]), request);
    assert_eq!(check::<TicketRequest>(&[2, 1]), request);
    assert_eq!(view_of::<TicketRequestHint>(&[2]), 2);
    let binding: TokenBinding<'_> = check(&[1, 0, 2, 2, 0]);
    assert_eq!(binding, view_of::<TokenBinding<'_>>(&[1, 0, 2, 2, 0]));
    assert_eq!(binding.key_parameters.first(), Some(TokenBindingKeyParameters::ECDSAP256));
    let schemes = view_of::<DelegatedCredentialRequest>(&[0, 2, 4, 3]);
    assert_eq!(schemes.to_vec(), [SignatureScheme::ECDSA_SECP256R1_SHA256]);
    let wire = [0, 0, 0x1c, 0x20, 4, 3, 0, 0, 2, 5, 6, 8, 4, 0, 1, 9];
    let credential: DelegatedCredential<'_> = check(&wire);
    assert_eq!(credential, view_of::<DelegatedCredential<'_>>(&wire));
    assert_eq!((credential.valid_time, credential.subject_public_key_info), (7200, &[5, 6][..]));
    assert_eq!((credential.algorithm, credential.signature), (SignatureScheme::RSA_PSS_RSAE_SHA256, &[9][..]));
}

#[test]
fn several_ocsp_responses_are_decoded() {
    let items = view_of::<StatusRequestV2>(&[0, 7, 2, 0, 4, 0, 0, 0, 0]);
    let expected = StatusRequestItem { status_type: CertificateStatusType::OCSP_MULTI, request: &[0; 4] };
    assert_eq!(items.to_vec(), [expected]);
    let wire = [2, 0, 0, 8, 0, 0, 2, 5, 6, 0, 0, 0];
    let status: CertificateStatusMulti<'_> = check(&wire);
    assert_eq!(status.ocsp_responses.to_vec(), [OcspResponse(&[5, 6]), OcspResponse(&[])]);
}

#[test]
fn ocsp_requests_of_both_forms_have_the_same_fields() {
    let fields = [0, 4, 0, 2, 0xa1, 0, 0, 1, 7];
    for typ in [1, 2] {
        let item = [&[typ, 0, 9][..], &fields].concat();
        let data = [&[0, 12][..], &item].concat();
        let items = view_of::<StatusRequestV2>(&data).to_vec();
        let Ok(StatusRequest::Ocsp { responder_ids, request_extensions }) = items[0].decoded() else { panic!("{typ}") };
        assert_eq!((responder_ids.to_vec(), request_extensions), (vec![ResponderId(&[0xa1, 0])], &[7][..]));
        assert!(StatusRequestItem { request: &fields[..8], ..items[0] }.decoded().is_err());
        let longer = [&fields[..], &[0]].concat();
        let error = StatusRequestItem { request: &longer, ..items[0] }.decoded().unwrap_err();
        assert_eq!(error.fault, Fault::TrailingData);
    }
    let other = StatusRequestItem { status_type: CertificateStatusType(9), request: &[1] };
    let unknown = StatusRequest::Unknown { status_type: CertificateStatusType(9), request: &[1] };
    assert_eq!(other.decoded(), Ok(unknown));
}

#[test]
fn certificate_status_of_any_form_is_decoded() {
    let one = check::<AnyCertificateStatus<'_>>(&[1, 0, 0, 2, 5, 6]);
    assert_eq!(one, AnyCertificateStatus::Ocsp(CertificateStatus { ocsp_response: &[5, 6] }));
    let wire = [2, 0, 0, 8, 0, 0, 2, 5, 6, 0, 0, 0];
    let AnyCertificateStatus::OcspMulti(several) = check(&wire) else { panic!() };
    assert_eq!(several, decode_all(&wire).unwrap());
    let wire = [9, 1, 2];
    let unknown: AnyCertificateStatus<'_> = decode_all(&wire).unwrap();
    let status_type = CertificateStatusType(9);
    assert_eq!(unknown, AnyCertificateStatus::Unknown { status_type, response: &[1, 2] });
    assert_eq!(written(|w| unknown.encode(w)), wire);
    let empty = decode_all::<AnyCertificateStatus<'_>>(&[]).unwrap_err();
    assert_eq!((empty.fault, empty.at), (Fault::Truncated, "CertificateStatus.status_type"));
}

#[test]
fn compressed_certificate_is_decoded() {
    let wire = [0, 2, 1, 0, 0, 0, 0, 2, 0x0b, 3];
    let message: CompressedCertificate<'_> = check(&wire);
    assert_eq!((message.algorithm, message.uncompressed_length), (CertificateCompressionAlgorithm(2), 0x1_0000));
    assert_eq!(message.compressed_certificate_message, [0x0b, 3]);
    let empty = decode_all::<CompressedCertificate<'_>>(&[0, 2, 1, 0, 0, 0, 0, 0]).unwrap_err();
    assert_eq!(empty.fault, Fault::BadLength);
}

#[test]
fn extensions_of_dtls_are_decoded() {
    assert_eq!(view_of::<ConnectionId>(&[2, 7, 8]), [7, 8]);
    assert_eq!(view_of::<ConnectionId>(&[0]), []);
    let srtp = view_of::<UseSrtp<'_>>(&[0, 4, 0, 7, 0, 1, 1, 9]);
    let profiles = [SrtpProtectionProfile::SRTP_AEAD_AES_128_GCM, SrtpProtectionProfile::SRTP_AES128_CM_HMAC_SHA1_80];
    assert_eq!((srtp.profiles.to_vec(), srtp.mki), (profiles.to_vec(), &[9][..]));
    assert_eq!(view::<UseSrtp<'_>>(Reader::new(&[0, 0, 0])).unwrap_err().fault, Fault::BadLength);
    view_of::<EncryptThenMac>(&[]);
    for (typ, data) in [(ExtensionType::CONNECTION_ID, &[1, 5][..]), (ExtensionType::USE_SRTP, &[0, 2, 0, 1, 0])] {
        let (client, server) =
            (ClientHelloExtension::decode(typ, data), ServerHelloExtension::decode(typ, data, false));
        assert!(!matches!(client, Ok(ClientHelloExtension::Other(_)) | Err(_)), "{client:?}");
        assert!(!matches!(server, Ok(ServerHelloExtension::Other(_)) | Err(_)), "{server:?}");
    }
    let empty = ClientHelloExtension::decode(ExtensionType::ENCRYPT_THEN_MAC, &[]);
    assert_eq!(empty, Ok(ClientHelloExtension::EncryptThenMac));
}

#[test]
fn sct_fields_are_decoded() {
    let wire = [&[0][..], &[5; 32], &[0, 0, 1, 0x8b, 0, 0, 0, 0], &[0, 0, 4, 3, 0, 2, 8, 9]].concat();
    let sct: Sct<'_> = check(&wire);
    assert_eq!((sct.log_id, sct.timestamp), (&[5; 32], 0x18b_0000_0000));
    assert_eq!((sct.algorithm, sct.signature), (SignatureScheme::ECDSA_SECP256R1_SHA256, &[8, 9][..]));
    assert_eq!(SerializedSct(&wire).decode_fields(), Ok(sct));
    let mut v2 = wire.clone();
    v2[0] = 1;
    assert_eq!(SerializedSct(&v2).decode_fields().unwrap_err().fault, Fault::IllegalValue);
}

#[test]
fn quic_parameters_are_decoded_one_by_one() {
    use QuicTransportParameter as P;
    let preferred = [&[127, 0, 0, 1, 0x11, 0x51][..], &[0; 15], &[1, 0x11, 0x51, 1, 9], &[3; 16]].concat();
    let parameters: [(u64, &[u8], Option<P<'_>>); 11] = [
        (0x01, &[0x80, 0, 0x75, 0x30], Some(P::MaxIdleTimeout(30_000))),
        (0x02, &[3; 16], Some(P::StatelessResetToken(&[3; 16]))),
        (0x02, &[3; 15], None),
        (0x04, &[0xc0, 0, 0, 0, 0, 0, 0, 9], Some(P::InitialMaxData(9))),
        (0x04, &[9, 9], None),
        (0x0c, &[], Some(P::DisableActiveMigration)),
        (0x0c, &[1], None),
        (0x0f, &[7, 8], Some(P::InitialSourceConnectionId(&[7, 8]))),
        (0x20, &[0x40, 0x64], Some(P::MaxDatagramFrameSize(100))),
        (0x1b, &[1, 2, 3], Some(P::Other(&[1, 2, 3]))),
        (0x0b, &[], None),
    ];
    let mut data = Vec::new();
    for (id, value, _) in &parameters {
        data.extend([u8::try_from(*id).unwrap(), u8::try_from(value.len()).unwrap()]);
        data.extend(*value);
    }
    data.extend([0x0d, 0x2a]);
    data.extend(&preferred);
    data.extend([0x11, 8, 0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf, 0x6a, 0xb2, 0]);
    let list = QuicTransportParameters::decode(&data).unwrap();
    assert_eq!(written(|w| list.encode(w)), data);
    for (parameter, (id, value, expected)) in list.iter().zip(&parameters) {
        assert_eq!((parameter.id, parameter.value), (*id, *value));
        assert_eq!(parameter.decode().ok(), *expected, "{id}");
    }
    let rest: Vec<_> = list.iter().skip(parameters.len()).map(|parameter| parameter.decode().unwrap()).collect();
    let [P::PreferredAddress(address), P::VersionInformation { chosen: 1, available }, P::GreaseQuicBit] = rest[..]
    else {
        panic!("{rest:?}")
    };
    assert_eq!((address.ipv4.to_string(), address.ipv6.to_string()), ("127.0.0.1:4433".into(), "[::1]:4433".into()));
    assert_eq!((address.connection_id, address.stateless_reset_token), (&[9][..], &[3; 16]));
    assert_eq!(available.to_vec(), [QuicVersion(0x6b33_43cf)]);
    assert!(QuicTransportParameters::decode(&data[..data.len() - 1]).is_err());
    let typ = ExtensionType::QUIC_TRANSPORT_PARAMETERS;
    assert_eq!(ClientHelloExtension::decode(typ, &data), Ok(ClientHelloExtension::QuicTransportParameters(list)));
}

/// Bytes of any kind decode or not, but never panic.
#[test]
fn any_bytes_are_read_without_panic() {
    fn try_all<'a>(bytes: &'a [u8]) -> impl Debug + use<'a> {
        let types: Vec<_> = registry::extension_types().iter().map(|(typ, _)| *typ).collect();
        for typ in types {
            let _ = ClientHelloExtension::decode(typ, bytes);
            let _ = ServerHelloExtension::decode(typ, bytes, bytes.len().is_multiple_of(2));
        }
        for suite in registry::cipher_suites() {
            for version in [ProtocolVersion::SSL30, ProtocolVersion::TLS12] {
                let _ = ServerKeyExchange::decode(bytes, suite, version);
                let _ = ClientKeyExchange::decode(bytes, suite, version);
            }
        }
        (
            records(bytes, 3).count(),
            decode_all::<DtlsClientHello<'_>>(bytes),
            decode_all::<DtlsHandshake<'_>>(bytes),
            decode_all::<Ssl2ClientHello<'_>>(bytes),
            decode_all::<Sct<'_>>(bytes),
        )
    }
    let mut state = 1_u32;
    for length in 0..120 {
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Small values, which are lengths that fit, are the likely ones.
                if state >> 30 == 0 { (state >> 16).to_be_bytes()[3] } else { (state >> 27).to_be_bytes()[3] }
            })
            .collect();
        let _ = try_all(&bytes);
    }
}
