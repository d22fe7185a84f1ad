//! tls-parser as a second opinion: where both read a field, they read the same.

use tls_codec::{
    ClientHello, Finished, KeyUpdate, LenientClientHello, RawMessage, ServerHelloMessage,
    handshake::{ServerHelloExtensions, tls12},
    lenient::ClientHelloExtension::{self, *},
};
use tls_parser::{
    ECParametersContent, TlsExtension, TlsMessage, TlsMessageHandshake, parse_digitally_signed, parse_ecdh_params,
    parse_tls_client_hello_extension, parse_tls_handshake_client_hello, parse_tls_message_handshake,
    parse_tls_server_hello_extension,
};

/// Compares the fields of the body of a ClientHello, which the lenient decoder accepts and possibly
/// the strict one.
pub fn check(body: &[u8], hello: &LenientClientHello<'_>, strict: Option<ClientHello<'_>>) {
    let Ok((rest, other)) = parse_tls_handshake_client_hello(body) else {
        assert!(strict.is_none(), "only tls-parser rejects the hello");
        return;
    };
    // tls-parser takes an extension block that is cut off for the end of the message.
    assert!(rest.is_empty(), "tls-parser leaves {} bytes", rest.len());
    assert_eq!(other.version.0, hello.legacy_version.0);
    assert_eq!(other.random, hello.random);
    assert_eq!(other.session_id.unwrap_or_default(), hello.legacy_session_id);
    assert!(other.ciphers.iter().map(|suite| suite.0).eq(hello.cipher_suites.iter().map(|suite| suite.0)));
    assert!(other.comp.iter().map(|method| method.0).eq(hello.legacy_compression_methods.iter().copied()));
    assert_eq!(other.ext, (!hello.extensions.is_absent()).then(|| hello.extensions.bytes()));

    let mut rest = other.ext.unwrap_or_default();
    for (typ, decoded) in hello.decoded() {
        let length = 4 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let (extension, after) = rest.split_at(length);
        rest = after;
        if let (Ok(ours), Ok(([], theirs))) = (decoded, parse_tls_client_hello_extension(extension)) {
            assert!(agree(&ours, &theirs), "{typ}: {ours:?}, {theirs:?}");
        }
    }
    assert!(rest.is_empty());
}

/// Returns whether both have the same content. Extensions that only one of them decodes agree.
fn agree(ours: &ClientHelloExtension<'_>, theirs: &TlsExtension<'_>) -> bool {
    match (ours, theirs) {
        (ServerName(ours), TlsExtension::SNI(theirs)) => {
            let host = theirs.iter().find(|(typ, _)| typ.0 == 0);
            ours.host_name() == host.map(|(_, name)| *name)
        }
        (SupportedGroups(ours), TlsExtension::EllipticCurves(theirs)) => {
            ours.iter().map(|group| group.0).eq(theirs.iter().map(|group| group.0))
        }
        (SignatureAlgorithms(ours), TlsExtension::SignatureAlgorithms(theirs)) => {
            ours.iter().map(|scheme| scheme.0).eq(theirs.iter().copied())
        }
        (Alpn(ours), TlsExtension::ALPN(theirs)) => ours.iter().map(|name| name.0).eq(theirs.iter().copied()),
        (SupportedVersions(ours), TlsExtension::SupportedVersions(theirs)) => {
            ours.iter().map(|version| version.0).eq(theirs.iter().map(|version| version.0))
        }
        (PskKeyExchangeModes(ours), TlsExtension::PskExchangeModes(theirs)) => {
            ours.iter().map(|mode| mode.0).eq(theirs.iter().copied())
        }
        (EcPointFormats(ours), TlsExtension::EcPointFormats(theirs)) => {
            ours.iter().map(|format| format.0).eq(theirs.iter().copied())
        }
        (RecordSizeLimit(ours), TlsExtension::RecordSizeLimit(theirs)) => ours == theirs,
        (SessionTicket(ours), TlsExtension::SessionTicket(theirs)) => ours == theirs,
        (RenegotiationInfo(ours), TlsExtension::RenegotiationInfo(theirs)) => ours == theirs,
        _ => true,
    }
}

/// Compares the fields of a whole message, if the strict decoders accept it.
pub fn check_message(message: &RawMessage<'_>) {
    let Ok(([], TlsMessage::Handshake(other))) = parse_tls_message_handshake(message.raw) else { return };
    match other {
        TlsMessageHandshake::ServerHello(other) => {
            let hello = match message.decode::<ServerHelloMessage<'_>>() {
                Ok(ServerHelloMessage::ServerHello(hello)) => hello,
                _ => return,
            };
            assert_eq!(other.version.0, hello.legacy_version.0);
            assert_eq!(other.random, hello.random);
            assert_eq!(other.session_id.unwrap_or_default(), hello.legacy_session_id_echo);
            assert_eq!((other.cipher.0, other.compression.0), (hello.cipher_suite.0, hello.legacy_compression_method));
            server_extensions(other.ext.unwrap_or_default(), &hello.extensions);
        }
        TlsMessageHandshake::Certificate(other) => {
            let Ok(ours) = message.decode::<tls12::Certificate<'_>>() else { return };
            let chain = ours.certificate_list.iter().map(|entry| entry.cert_data);
            assert!(chain.eq(other.cert_chain.iter().map(|cert| cert.data)));
        }
        TlsMessageHandshake::CertificateStatus(other) => {
            let Ok(ours) = message.decode::<tls12::CertificateStatus<'_>>() else { return };
            assert_eq!((other.status_type, other.blob), (1, ours.ocsp_response));
        }
        TlsMessageHandshake::CertificateRequest(other) => {
            let Ok(ours) = message.decode::<tls12::CertificateRequest<'_>>() else { return };
            assert!(ours.certificate_types.iter().map(|kind| kind.0).eq(other.cert_types));
            let schemes = ours.signature_algorithms.iter().map(|scheme| scheme.0);
            assert!(schemes.eq(other.sig_hash_algs.expect("the algorithms of TLS 1.2")));
            assert!(ours.certificate_authorities.iter().map(|name| name.0).eq(other.unparsed_ca));
        }
        TlsMessageHandshake::ServerKeyExchange(other) => {
            let Ok(ours) = message.decode::<tls12::ServerKeyExchange<'_>>() else { return };
            let (rest, params) = parse_ecdh_params(other.parameters).expect("parameters");
            let ECParametersContent::NamedGroup(group) = params.curve_params.params_content else {
                panic!("another curve type")
            };
            assert_eq!((group.0, params.public.point), (ours.params.group.0, ours.params.public));
            let (rest, signed) = parse_digitally_signed(rest).expect("a signature");
            let algorithm = signed.alg.expect("the algorithm of TLS 1.2");
            let [hash, sign] = ours.algorithm.0.to_be_bytes();
            assert_eq!((algorithm.hash.0, algorithm.sign.0, signed.data), (hash, sign, ours.signature));
            assert!(rest.is_empty());
        }
        TlsMessageHandshake::NewSessionTicket(other) => {
            let Ok(ours) = message.decode::<tls12::NewSessionTicket<'_>>() else { return };
            assert_eq!(other.ticket_lifetime_hint, ours.ticket_lifetime_hint);
            // tls-parser includes the length.
            assert_eq!(&other.ticket[2..], ours.ticket);
        }
        TlsMessageHandshake::Finished(other) => {
            let Ok(ours) = message.decode::<Finished<'_>>() else { return };
            assert_eq!(ours.verify_data, other);
        }
        TlsMessageHandshake::KeyUpdate(other) => {
            let Ok(ours) = message.decode::<KeyUpdate>() else { return };
            assert_eq!(ours.request_update.0, other);
        }
        _ => {}
    }
}

fn server_extensions(mut block: &[u8], ours: &ServerHelloExtensions<'_>) {
    while let Some((&[_, _, high, low], _)) = block.split_first_chunk() {
        let (extension, rest) = block.split_at(4 + usize::from(u16::from_be_bytes([high, low])));
        block = rest;
        let Ok((_, theirs)) = parse_tls_server_hello_extension(extension) else { continue };
        let same = match &theirs {
            TlsExtension::ALPN(theirs) => ours.alpn.map(|name| vec![name.0]) == Some(theirs.clone()),
            TlsExtension::SessionTicket(_) => ours.session_ticket,
            TlsExtension::ExtendedMasterSecret => ours.extended_master_secret,
            TlsExtension::RenegotiationInfo(theirs) => ours.renegotiation_info == Some(*theirs),
            TlsExtension::RecordSizeLimit(theirs) => ours.record_size_limit == Some(*theirs),
            TlsExtension::EcPointFormats(theirs) => ours
                .ec_point_formats
                .is_some_and(|formats| formats.iter().map(|format| format.0).eq(theirs.iter().copied())),
            _ => true,
        };
        assert!(same, "{theirs:?}, {ours:?}");
    }
}
