//! Tests of the lenient hellos.

mod samples;

use samples::{all, written};
use strata_tls_codec::{
    extension::*,
    handshake::*,
    lenient::{ClientHelloExtension, LenientClientHello, LenientServerHello, Prefix, ServerHelloExtension},
    *,
};

/// The bodies of all sample messages of a type.
fn bodies(typ: HandshakeType) -> Vec<Vec<u8>> {
    let bodies: Vec<_> = all().into_iter().filter(|sample| sample.typ == typ).map(|sample| sample.body).collect();
    assert!(bodies.len() > 5, "{typ}");
    bodies
}

/// `body` and its variants with one byte changed: each to several values.
fn mutations(body: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let change = |at: usize| [0, 1, 2, 5, 0x7f, 0xff].map(|value| (at, value));
    (0..body.len()).flat_map(change).map(|(at, value)| {
        let mut changed = body.to_vec();
        changed[at] = value;
        changed
    })
}

/// A ClientHello body with one suite and the block `extensions`.
fn hello_with(extensions: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferFull>) -> Vec<u8> {
    written(|w| {
        w.u16(0x0303)?;
        w.bytes(&[7; 32])?;
        w.vec8(|_| Ok(()))?;
        w.vec16(|w| w.u16(0x1301))?;
        w.vec8(|w| w.u8(0))?;
        w.vec16(extensions)
    })
}

#[test]
fn strict_hellos_are_lenient_hellos() {
    for body in bodies(HandshakeType::CLIENT_HELLO).iter().flat_map(|body| mutations(body)) {
        let strict = decode_all::<ClientHello<'_>>(&body);
        let lenient = ClientHello::lenient(&body);
        match (strict, lenient) {
            (Ok(strict), Ok(lenient)) => {
                assert_eq!(lenient.strict(), Ok(strict));
                assert_eq!(lenient, LenientClientHello::from(strict));
                let malformed = lenient.decoded().find(|(typ, result)| result.is_err() && !NOT_DECODED.contains(typ));
                assert_eq!(malformed, None);
                assert_eq!(lenient.extensions.duplicate(), None);
            }
            (Ok(_), Err(error)) => panic!("{error}: {body:02x?}"),
            (Err(_), Ok(lenient)) => assert!(lenient.strict().is_err(), "{body:02x?}"),
            (Err(_), Err(_)) => {}
        }
    }
}

/// The extensions whose data an endpoint does not decode.
const NOT_DECODED: &[ExtensionType] = &[
    ExtensionType::PADDING,
    ExtensionType::QUIC_TRANSPORT_PARAMETERS,
    ExtensionType::HEARTBEAT,
    ExtensionType::STATUS_REQUEST_V2,
    ExtensionType::TOKEN_BINDING,
    ExtensionType::DELEGATED_CREDENTIAL,
    ExtensionType::TICKET_REQUEST,
    ExtensionType::APPLICATION_SETTINGS,
    ExtensionType::APPLICATION_SETTINGS_OLD,
    ExtensionType::TRUST_ANCHORS,
    ExtensionType::ENCRYPTED_CLIENT_HELLO,
    ExtensionType::ECH_OUTER_EXTENSIONS,
];

#[test]
fn strict_server_hellos_are_lenient_hellos() {
    for body in bodies(HandshakeType::SERVER_HELLO).iter().flat_map(|body| mutations(body)) {
        if let Ok(strict) = decode_all::<ServerHelloMessage<'_>>(&body) {
            let lenient = ServerHello::lenient(&body).unwrap();
            assert_eq!(lenient, LenientServerHello::from(strict), "{body:02x?}");
            let retry = matches!(strict, ServerHelloMessage::HelloRetryRequest(_));
            assert_eq!(lenient.is_hello_retry_request(), retry);
        }
    }
}

#[test]
fn lenient_hellos_encode_to_their_bytes() {
    let mut accepted = [0; 2];
    for body in bodies(HandshakeType::CLIENT_HELLO).iter().flat_map(|body| mutations(body)) {
        if let Ok(hello) = ClientHello::lenient(&body) {
            assert_eq!(written(|w| hello.encode(w)), body);
            accepted[usize::from(hello.strict().is_ok())] += 1;
        }
    }
    assert!(accepted.iter().all(|count| *count > 1000), "{accepted:?}");
    for body in bodies(HandshakeType::SERVER_HELLO).iter().flat_map(|body| mutations(body)) {
        if let Ok(hello) = ServerHello::lenient(&body) {
            assert_eq!(written(|w| hello.encode(w)), body);
        }
    }
}

#[test]
fn malformed_extension_leaves_the_others() {
    let body = hello_with(|w| {
        w.extension_bytes(ExtensionType::STATUS_REQUEST, &[])?;
        w.extension_bytes(ExtensionType::ALPN, &[])?;
        ServerNameList::write(w, "a.example")?;
        w.extension_bytes(ExtensionType(0x1a1a), &[1])?;
        w.extension_bytes(ExtensionType::SERVER_NAME, &[0, 3, 0, 0, 0])
    });
    assert!(decode_all::<ClientHello<'_>>(&body).is_err());
    let hello = ClientHello::lenient(&body).unwrap();
    let results: Vec<_> = hello.decoded().collect();
    let types: Vec<_> = results.iter().map(|(typ, _)| typ.0).collect();
    assert_eq!(types, [5, 16, 0, 0x1a1a, 0]);
    assert_eq!(results[0].1.unwrap_err().to_string(), "status_request.status_type: truncated");
    assert!(results[1].1.is_err());
    assert!(matches!(results[2].1, Ok(ClientHelloExtension::ServerName(_))));
    assert_eq!(results[3].1, Ok(ClientHelloExtension::Other(&[1])));
    assert!(results[4].1.is_err(), "a name without bytes");
    assert_eq!(hello.host_name(), Some(&b"a.example"[..]));
    assert_eq!(hello.extensions.duplicate(), Some(ExtensionType::SERVER_NAME));
    assert_eq!(hello.extensions.find(ExtensionType::ALPN), Some(&[][..]));
    assert_eq!(hello.extensions.bytes(), &body[body.len() - 5 - 4 * 5 - 14 - 1..]);
}

#[test]
fn broken_frame_is_an_error() {
    let body = hello_with(|w| w.extension_bytes(ExtensionType::COOKIE, &[0, 1, 7]));
    let fault = |body: &[u8]| ClientHello::lenient(body).map(drop).map_err(|error| (error.fault, error.at));
    assert!(fault(&body).is_ok());
    let mut changed = body.clone();
    changed[body.len() - 4] += 1; // the length of the extension
    assert_eq!(fault(&changed), Err((Fault::Truncated, "ClientHello.extensions")));
    let mut changed = body.clone();
    changed[36] = 3; // the length of the suites
    assert_eq!(fault(&changed), Err((Fault::BadLength, "ClientHello.cipher_suites")));
    let longer = [&body[..], &[0]].concat();
    assert_eq!(fault(&longer), Err((Fault::TrailingData, "ClientHello.extensions")));
    assert_eq!(fault(&body[..33]), Err((Fault::Truncated, "ClientHello.random")));
}

/// Every prefix gives the fields and extensions that are complete, and the number of bytes to the
/// end of the field that is not.
#[test]
fn cut_off_client_hello_gives_what_is_there() {
    for body in bodies(HandshakeType::CLIENT_HELLO) {
        let whole = ClientHello::lenient(&body).unwrap();
        let all: Vec<_> = whole.extensions.iter().collect();
        for cut in 0..body.len() {
            let prefix = ClientHello::lenient_prefix(&body[..cut], body.len()).unwrap();
            let (received, missing) = match prefix {
                Prefix::Incomplete { need } => {
                    assert_eq!(need, 34 - cut);
                    continue;
                }
                Prefix::Cut { received, missing } => (received, missing),
                Prefix::Whole(_) => panic!("{cut} of {}", body.len()),
            };
            assert!(cut >= 34);
            assert_eq!((received.legacy_version, received.random), (whole.legacy_version, whole.random));
            assert!(whole.legacy_session_id.starts_with(received.legacy_session_id));
            assert!(whole.cipher_suites.bytes().starts_with(received.cipher_suites.bytes()));
            assert!(whole.legacy_compression_methods.starts_with(received.legacy_compression_methods));
            let there: Vec<_> = received.extensions.iter().collect();
            assert_eq!(there, all[..there.len()]);
            if let Some((typ, data)) = missing.extension {
                let (next, whole) = all[there.len()];
                assert_eq!(typ, next);
                assert!(whole.len() > data.len() && whole.starts_with(data));
            }
            // The last bytes are somewhere: in a field, in the cut extension, or in a length.
            let encoded = written(|w| received.encode(w)).len();
            let partial = missing.extension.map_or(0, |(_, data)| data.len() + 4);
            assert!(encoded + partial + 3 >= cut, "{cut}: {encoded} {partial}");
            assert!((1..=body.len() - cut).contains(&missing.need));
            if missing.at == "ClientHello.extensions" && cut > body.len() - whole.extensions.bytes().len() {
                assert_eq!(missing.need, body.len() - cut);
            }
        }
        assert_eq!(ClientHello::lenient_prefix(&body, body.len()), Ok(Prefix::Whole(whole)));
    }
}

#[test]
fn cut_off_server_hello_gives_what_is_there() {
    for body in bodies(HandshakeType::SERVER_HELLO) {
        let whole = ServerHello::lenient(&body).unwrap();
        let all: Vec<_> = whole.extensions.iter().collect();
        for cut in 34..body.len() {
            let prefix = ServerHello::lenient_prefix(&body[..cut], body.len()).unwrap();
            let Prefix::Cut { received, missing } = prefix else { panic!("{cut} of {}", body.len()) };
            let there: Vec<_> = received.extensions.iter().collect();
            assert_eq!(there, all[..there.len()]);
            let suite_end = 35 + whole.legacy_session_id_echo.len() + 2;
            assert_eq!(received.cipher_suite.is_some(), cut >= suite_end);
            assert_eq!(received.legacy_compression_method.is_some(), cut > suite_end);
            assert!((1..=body.len() - cut).contains(&missing.need), "{missing:?}");
        }
        assert_eq!(ServerHello::lenient_prefix(&body, body.len()), Ok(Prefix::Whole(whole)));
    }
}

/// A cut is no excuse for a frame that is wrong already.
#[test]
fn cut_off_hello_with_a_broken_frame_is_an_error() {
    let body = hello_with(|w| {
        w.extension_bytes(ExtensionType::COOKIE, &[0, 1, 7])?;
        w.extension_bytes(ExtensionType::PADDING, &[0; 20])
    });
    // The lengths of the session ID, suites, compression methods, block, and first extension.
    for (at, size) in [(34, 1), (35, 2), (39, 1), (41, 2), (45, 2)] {
        let mut changed = body.clone();
        changed[at] = 0xff;
        let fails = |cut: usize| ClientHello::lenient_prefix(&changed[..cut], body.len()).is_err();
        assert_eq!((34..=body.len()).find(|cut| fails(*cut)), Some(at + size), "{at}");
        assert!((at + size..=body.len()).all(fails), "{at}");
    }
    let longer = ClientHello::lenient_prefix(&body, body.len() + 1).unwrap_err();
    assert_eq!(longer.fault, Fault::TrailingData);
}

#[test]
fn server_extensions_are_decoded_by_message() {
    let block = [(ExtensionType::KEY_SHARE, &[0, 0x1d][..]), (ExtensionType::COOKIE, &[0, 1, 7])];
    let [share, cookie] = block.map(|(typ, data)| ServerHelloExtension::decode(typ, data, true));
    assert_eq!(share, Ok(ServerHelloExtension::KeyShareGroup(NamedGroup::X25519)));
    assert_eq!(cookie, Ok(ServerHelloExtension::Cookie(&[7])));
    assert!(ServerHelloExtension::decode(ExtensionType::KEY_SHARE, &[0, 0x1d], false).is_err());
}
