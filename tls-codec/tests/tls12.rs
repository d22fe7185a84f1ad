//! Tests of TLS 1.2: its messages, the extensions of its ServerHello, and downgrade signals.
//! `messages.rs` tests what holds for every message, including those of TLS 1.2.

mod samples;

use samples::{openssl_tls12, rfc8448, server_hello_fields, written};
use strata_tls_codec::{
    extension::*,
    handshake::{
        self, DOWNGRADE_TLS11, DOWNGRADE_TLS12, Downgrade, HELLO_RETRY_REQUEST_RANDOM,
        tls12::{
            Certificate, CertificateRequest, CertificateStatus, ClientKeyExchange, Finished, HelloRequest,
            NewSessionTicket, ServerEcdhParams, ServerHelloDone, ServerKeyExchange,
        },
    },
    *,
};

fn openssl(name: &str) -> Vec<u8> {
    openssl_tls12().into_iter().find(|sample| sample.name == format!("openssl {name}")).unwrap().body
}

fn error_of<'a, T: Decode<'a>>(body: &'a [u8]) -> Option<(Fault, &'static str)> {
    decode_all::<T>(body).err().map(|error| (error.fault, error.at))
}

#[test]
fn openssl_server_hello_selects_tls12_and_extensions() {
    let body = openssl("ecdsa server_hello");
    let hello: ServerHello<'_> = decode_all(&body).unwrap();
    assert_eq!(hello.legacy_version, ProtocolVersion::TLS12);
    assert_eq!(hello.cipher_suite, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384);
    let e = hello.extensions;
    assert!(e.status_request && e.session_ticket && e.extended_master_secret && e.selected_version.is_none());
    assert_eq!((e.renegotiation_info, e.alpn), (Some(&[][..]), Some(ProtocolName(b"h2"))));
    assert!(e.ec_point_formats.unwrap().contains(EcPointFormat::UNCOMPRESSED));
    assert_eq!(hello.check_tls12(), Ok(()));
}

#[test]
fn openssl_chain_is_the_leaf_and_its_issuer() {
    let body = openssl("ecdsa server_certificate");
    let chain: Certificate<'_> = decode_all(&body).unwrap();
    let lengths: Vec<_> = chain.certificate_list.iter().map(|certificate| certificate.cert_data.len()).collect();
    assert_eq!(lengths, [0x109, 0x173]);
    assert!(chain.certificate_list.iter().all(|certificate| certificate.cert_data.starts_with(&[0x30, 0x82])));
    let certificates: Vec<_> = chain.certificate_list.iter().collect();
    assert_eq!(written(|w| Certificate::write(w, &certificates)), body);
}

#[test]
fn openssl_status_is_an_ocsp_response() {
    let body = openssl("ecdsa certificate_status");
    let status: CertificateStatus<'_> = decode_all(&body).unwrap();
    // OCSPResponse ::= SEQUENCE { responseStatus successful, … }
    assert!(status.ocsp_response.starts_with(&[0x30, 0x82, 1, 0x24, 0x0a, 1, 0]));
    assert_eq!(status.ocsp_response.len(), 0x128);
}

#[test]
fn openssl_key_exchange_uses_negotiated_group_and_scheme() {
    let body = openssl("ecdsa server_key_exchange");
    let message: ServerKeyExchange<'_> = decode_all(&body).unwrap();
    assert_eq!((message.params.group, message.params.public.len()), (NamedGroup::X25519, 32));
    assert_eq!(message.algorithm, SignatureScheme::ECDSA_SECP256R1_SHA256);
    assert!(message.signature.starts_with(&[0x30]));
    let body = openssl("ecdsa client_key_exchange");
    assert_eq!(decode_all::<ClientKeyExchange<'_>>(&body).unwrap().public, &body[1..]);

    let body = openssl("rsa server_key_exchange");
    let message: ServerKeyExchange<'_> = decode_all(&body).unwrap();
    assert_eq!((message.params.group, message.params.public.len()), (NamedGroup::SECP256R1, 65));
    assert_eq!((message.algorithm, message.signature.len()), (SignatureScheme::RSA_PSS_RSAE_SHA256, 256));
}

#[test]
fn openssl_certificate_request_lists_key_types_schemes_cas() {
    let body = openssl("ecdsa certificate_request");
    let request: CertificateRequest<'_> = decode_all(&body).unwrap();
    let kinds: Vec<_> = request.certificate_types.iter().collect();
    // rsa_sign, dss_sign, ecdsa_sign
    assert_eq!(kinds.iter().map(|kind| kind.0).collect::<Vec<_>>(), [1, 2, 64]);
    assert!(kinds.contains(&ClientCertificateKind::RSA_SIGN) && kinds.contains(&ClientCertificateKind::ECDSA_SIGN));
    let schemes: Vec<_> = request.signature_algorithms.iter().collect();
    assert_eq!((schemes.len(), schemes[0]), (20, SignatureScheme::ECDSA_SECP256R1_SHA256));
    let authorities: Vec<_> = request.certificate_authorities.iter().collect();
    assert_eq!(authorities.len(), 1);
    assert!(authorities[0].0.ends_with(b"\x0c\x02ca"));
    assert_eq!(written(|w| CertificateRequest::write(w, &kinds, &schemes, &authorities)), body);
}

#[test]
fn openssl_ticket_lasts_two_hours() {
    let body = openssl("ecdsa new_session_ticket");
    let ticket: NewSessionTicket<'_> = decode_all(&body).unwrap();
    assert_eq!((ticket.ticket_lifetime_hint, ticket.ticket.len()), (7200, 0x1c0));
}

#[test]
fn openssl_finished_is_twelve_bytes() {
    for name in ["ecdsa client_finished", "ecdsa server_finished", "rsa client_finished", "rsa server_finished"] {
        assert_eq!(decode_all::<Finished<'_>>(&openssl(name)).unwrap().verify_data.len(), 12, "{name}");
    }
}

#[test]
fn server_params_are_exactly_the_signed_bytes() {
    for name in ["ecdsa server_key_exchange", "rsa server_key_exchange"] {
        let body = openssl(name);
        let message: ServerKeyExchange<'_> = decode_all(&body).unwrap();
        let end = body.len() - 2 - 2 - message.signature.len();
        assert_eq!(message.params.raw, &body[..end], "{name}");
        let again = written(|w| ServerEcdhParams::write(w, message.params.group, message.params.public));
        assert_eq!(again, message.params.raw, "{name}");
        assert_eq!(decode_all::<ServerEcdhParams<'_>>(&again), Ok(message.params), "{name}");
    }
}

#[test]
fn only_named_curves_are_accepted() {
    for curve_type in 0..=255 {
        let body = [&[curve_type, 0, 29, 1, 7][..], &[8, 7, 0, 0]].concat();
        let illegal = (Fault::IllegalValue, "ServerKeyExchange.curve_type");
        assert_eq!(error_of::<ServerKeyExchange<'_>>(&body), (curve_type != 3).then_some(illegal), "{curve_type}");
    }
    assert_eq!(EcCurveType::NAMED_CURVE.0, 3);
}

#[test]
fn public_key_has_1_to_255_bytes() {
    let empty = (Fault::BadLength, "ServerKeyExchange.public");
    assert_eq!(error_of::<ServerKeyExchange<'_>>(&[3, 0, 29, 0, 8, 7, 0, 0]), Some(empty));
    assert_eq!(error_of::<ClientKeyExchange<'_>>(&[0]), Some((Fault::BadLength, "ClientKeyExchange.ecdh_Yc")));
    let longest = [&[255][..], &[4; 255]].concat();
    assert_eq!(decode_all::<ClientKeyExchange<'_>>(&longest).unwrap().public, [4; 255]);
    let mut out = Vec::new();
    let mut w = Writer::append(&mut out);
    assert_eq!(ServerEcdhParams::write(&mut w, NamedGroup::X25519, &[0; 256]), Err(BufferFull));
    assert!(w.is_empty());
}

#[test]
fn empty_certificate_is_rejected_but_empty_chain_is_not() {
    assert!(decode_all::<Certificate<'_>>(&[0, 0, 0]).unwrap().certificate_list.is_empty());
    let empty = (Fault::BadLength, "Certificate.ASN.1Cert");
    assert_eq!(error_of::<Certificate<'_>>(&[0, 0, 3, 0, 0, 0]), Some(empty));
    assert_eq!(error_of::<Certificate<'_>>(&[0, 0, 4, 0, 0, 2, 7]), Some((Fault::Truncated, "Certificate.ASN.1Cert")));
}

#[test]
fn tls12_certificate_does_not_decode_as_tls13() {
    let tls13 = rfc8448().into_iter().find(|sample| sample.name == "RFC 8448 §3 certificate").unwrap();
    assert!(decode_all::<Certificate<'_>>(&tls13.body).is_err());
    assert!(decode_all::<handshake::Certificate<'_>>(&openssl("ecdsa server_certificate")).is_err());
}

#[test]
fn certificate_status_is_nonempty_ocsp() {
    for typ in 0..=255 {
        let illegal = (Fault::IllegalValue, "CertificateStatus.status_type");
        let expected = (typ != 1).then_some(illegal);
        assert_eq!(error_of::<CertificateStatus<'_>>(&[typ, 0, 0, 1, 0x30]), expected, "{typ}");
    }
    assert_eq!(
        error_of::<CertificateStatus<'_>>(&[1, 0, 0, 0]),
        Some((Fault::BadLength, "CertificateStatus.response"))
    );
}

#[test]
fn certificate_request_lists_are_bounded() {
    let request = |kinds: &[u8], schemes: &[u8], authorities: &[u8]| {
        let body = written(|w| {
            w.vec8(|w| w.bytes(kinds))?;
            w.vec16(|w| w.bytes(schemes))?;
            w.vec16(|w| w.bytes(authorities))
        });
        error_of::<CertificateRequest<'_>>(&body)
    };
    let bad = |at| Some((Fault::BadLength, at));
    assert_eq!(request(&[64], &[8, 7], &[]), None);
    assert_eq!(request(&[64; 255], &[8; 0xfffe], &[0, 1, 0x30]), None);
    assert_eq!(request(&[], &[8, 7], &[]), bad("CertificateRequest.certificate_types"));
    assert_eq!(request(&[64], &[], &[]), bad("CertificateRequest.supported_signature_algorithms"));
    assert_eq!(request(&[64], &[8, 7, 8], &[]), bad("CertificateRequest.supported_signature_algorithms"));
    assert_eq!(request(&[64], &[8, 7], &[0, 0]), bad("certificate_authorities.distinguished_name"));
}

#[test]
fn empty_messages_reject_a_body() {
    assert_eq!(error_of::<HelloRequest>(&[]), None);
    assert_eq!(error_of::<HelloRequest>(&[0]), Some((Fault::TrailingData, "HelloRequest")));
    assert_eq!(error_of::<ServerHelloDone>(&[]), None);
    assert_eq!(error_of::<ServerHelloDone>(&[0]), Some((Fault::TrailingData, "ServerHelloDone")));
}

#[test]
fn ticket_may_be_empty_and_is_not_shown() {
    let none: NewSessionTicket<'_> = decode_all(&[0, 0, 0, 9, 0, 0]).unwrap();
    assert_eq!((none.ticket_lifetime_hint, none.ticket), (9, &[][..]));
    assert!(!format!("{:?}", NewSessionTicket { ticket_lifetime_hint: 9, ticket: &[0xab; 32] }).contains("171"));
}

#[test]
fn failed_message_write_leaves_no_bytes() {
    let mut storage = [0; 12];
    let mut w = Writer::new(&mut storage);
    assert_eq!(Certificate::write(&mut w, &[[7; 5], [8; 5]]), Err(BufferFull));
    let kinds = [ClientCertificateKind::ECDSA_SIGN];
    let schemes = [SignatureScheme::ED25519; 2];
    assert_eq!(CertificateRequest::write(&mut w, &kinds, &schemes, &[[0x30]]), Err(BufferFull));
    assert_eq!(ServerEcdhParams::write(&mut w, NamedGroup::X25519, &[9; 9]), Err(BufferFull));
    assert!(w.is_empty());
}

fn server_hello(block: &[u8]) -> Vec<u8> {
    written(|w| {
        server_hello_fields(w, &[8; 32])?;
        w.vec16(|w| w.bytes(block))
    })
}

/// Restates the table from the extensions' RFCs, so that a change has to be made twice.
const NEVER_IN_A_TLS12_SERVER_HELLO: [ExtensionType; 18] = [
    ExtensionType::SIGNATURE_ALGORITHMS,
    ExtensionType::PADDING,
    ExtensionType::COMPRESS_CERTIFICATE,
    ExtensionType::DELEGATED_CREDENTIAL,
    ExtensionType::PRE_SHARED_KEY,
    ExtensionType::EARLY_DATA,
    ExtensionType::SUPPORTED_VERSIONS,
    ExtensionType::COOKIE,
    ExtensionType::PSK_KEY_EXCHANGE_MODES,
    ExtensionType::CERTIFICATE_AUTHORITIES,
    ExtensionType::OID_FILTERS,
    ExtensionType::POST_HANDSHAKE_AUTH,
    ExtensionType::SIGNATURE_ALGORITHMS_CERT,
    ExtensionType::KEY_SHARE,
    ExtensionType::QUIC_TRANSPORT_PARAMETERS,
    ExtensionType::TICKET_REQUEST,
    ExtensionType::ECH_OUTER_EXTENSIONS,
    ExtensionType::ENCRYPTED_CLIENT_HELLO,
];

#[test]
fn tls12_server_hello_rejects_tls13_and_client_extensions() {
    for typ in ExtensionType::KNOWN {
        let never = NEVER_IN_A_TLS12_SERVER_HELLO.contains(typ);
        let block = written(|w| w.extension(*typ, |w| w.bytes(plausible(*typ))));
        let body = server_hello(&block);
        let hello: ServerHello<'_> = decode_all(&body).unwrap();
        let expected = DecodeError { fault: Fault::MisplacedExtension(*typ), at: "ServerHello.extensions" };
        assert_eq!(hello.check_tls12().err(), never.then_some(expected), "{typ}");
    }
}

/// Returns valid data of a ServerHello for this extension, if its decoder reads any.
fn plausible(typ: ExtensionType) -> &'static [u8] {
    match typ {
        ExtensionType::SUPPORTED_VERSIONS => &[3, 3],
        ExtensionType::KEY_SHARE => &[0, 29, 0, 1, 7],
        ExtensionType::PRE_SHARED_KEY => &[0, 0],
        ExtensionType::EC_POINT_FORMATS => &[1, 0],
        ExtensionType::MAX_FRAGMENT_LENGTH => &[1],
        ExtensionType::RECORD_SIZE_LIMIT => &[0x40, 0],
        ExtensionType::ALPN => &[0, 3, 2, b'h', b'2'],
        ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => &[0, 3, 0, 1, 7],
        ExtensionType::RENEGOTIATION_INFO => &[0],
        _ => &[],
    }
}

#[test]
fn check_tls12_accepts_unknown_extensions() {
    let block = written(|w| w.extension(ExtensionType(0x1234), |_| Ok(())));
    assert_eq!(decode_all::<ServerHello<'_>>(&server_hello(&block)).unwrap().check_tls12(), Ok(()));
    let none = written(|w| server_hello_fields(w, &[8; 32]));
    assert_eq!(decode_all::<ServerHello<'_>>(&none).unwrap().check_tls12(), Ok(()), "absent block");
}

#[test]
fn server_hello_of_the_other_version_is_rejected() {
    for sample in rfc8448().iter().filter(|sample| sample.name.ends_with(" server_hello")) {
        let hello: ServerHello<'_> = decode_all(&sample.body).unwrap();
        assert_eq!(hello.check_tls13(), Ok(()), "{}", sample.name);
        assert!(hello.check_tls12().is_err(), "{}", sample.name);
    }
    for name in ["ecdsa server_hello", "rsa server_hello"] {
        let body = openssl(name);
        let hello: ServerHello<'_> = decode_all(&body).unwrap();
        assert_eq!(hello.check_tls12(), Ok(()), "{name}");
        assert!(hello.check_tls13().is_err(), "{name}");
    }
}

fn sentinel(random: [u8; 32]) -> Option<Downgrade> {
    let body = written(|w| server_hello_fields(w, &random));
    decode_all::<ServerHello<'_>>(&body).unwrap().downgrade_sentinel()
}

#[test]
fn downgrade_signal_is_the_last_8_bytes_of_the_random() {
    // RFC 9846 §4.2.3.
    assert_eq!(DOWNGRADE_TLS12, [0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x01]);
    assert_eq!(DOWNGRADE_TLS11, [0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x00]);
    for (value, expected) in [(DOWNGRADE_TLS12, Downgrade::ToTls12), (DOWNGRADE_TLS11, Downgrade::ToTls11OrOlder)] {
        let mut random = [7; 32];
        random[24..].copy_from_slice(&value);
        assert_eq!(sentinel(random), Some(expected));
        for at in 24..32 {
            let mut other = random;
            other[at] ^= 0x80;
            assert_eq!(sentinel(other), None, "{at}");
        }
        for at in 0..24 {
            let mut elsewhere = [7; 32];
            elsewhere[at..at + 8].copy_from_slice(&value);
            assert_eq!(sentinel(elsewhere), None, "{at}");
        }
    }
    assert_eq!(sentinel(HELLO_RETRY_REQUEST_RANDOM), None);
}

#[test]
fn tls12_hello_extensions_can_be_written() {
    let block = written(|w| {
        ExtendedMasterSecret::write(w)?;
        RenegotiationInfo::write(w, &[])?;
        EcPointFormats::write(w, &[EcPointFormat::UNCOMPRESSED])?;
        StatusRequest::write_empty(w)?;
        SignedCertificateTimestamps::write(w, &[b"sct"])?;
        MaxFragmentLength(1).write(w)?;
        RecordSizeLimit::write(w, 16384)?;
        SessionTicket::write(w, &[])
    });
    let body = server_hello(&block);
    let hello: ServerHello<'_> = decode_all(&body).unwrap();
    assert_eq!(hello.check_tls12(), Ok(()));
    let e = hello.extensions;
    assert_eq!((e.max_fragment_length, e.record_size_limit), (Some(MaxFragmentLength(1)), Some(16384)));
    assert!(e.extended_master_secret && e.status_request && e.session_ticket);
    assert_eq!(e.renegotiation_info, Some(&[][..]));
    assert!(e.signed_certificate_timestamps.unwrap().iter().eq([SerializedSct(b"sct")]));
    assert_eq!(CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV.0, 0x00ff);
    assert_eq!(CipherSuite::TLS_FALLBACK_SCSV.0, 0x5600);
}
