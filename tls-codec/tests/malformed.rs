//! Tests of the builders of malformed hellos, and that decoding rejects what they build.

mod samples;

use samples::all;
use strata_tls_codec::{
    client_hello_peeker::{ClientHelloPeeker, Peek},
    extension::*,
    malformed::*,
    *,
};

fn bodies(typ: HandshakeType) -> Vec<Vec<u8>> {
    all().into_iter().filter(|sample| sample.typ == typ).map(|sample| sample.body).collect()
}

fn client_hello() -> Vec<u8> {
    bodies(HandshakeType::CLIENT_HELLO).into_iter().max_by_key(Vec::len).unwrap()
}

fn fault(body: &[u8]) -> Option<Fault> {
    decode_all::<ClientHello<'_>>(body).err().map(|error| error.fault)
}

#[test]
fn builders_reproduce_valid_hellos() {
    for body in bodies(HandshakeType::CLIENT_HELLO) {
        let builder = ClientHelloBuilder::from(ClientHello::lenient(&body).unwrap());
        assert_eq!(builder.body(), body);
        for size in [1, 50, u16::MAX] {
            let mut peeker = ClientHelloPeeker::new();
            let records = builder.records(size);
            let Ok(Peek::ClientHello(hello)) = peeker.peek(&records) else { panic!("records of {size}") };
            assert_eq!(Ok(hello), decode_all(&body));
        }
    }
    for body in bodies(HandshakeType::SERVER_HELLO) {
        let builder = ServerHelloBuilder::from(ServerHello::lenient(&body).unwrap());
        assert_eq!(builder.body(), body);
        assert_eq!(builder.message()[4..], body);
    }
}

/// Each length that is too long or too short.
#[test]
fn wrong_lengths_are_rejected() {
    let body = client_hello();
    let hello = ClientHello::lenient(&body).unwrap();
    let fields = [
        (LengthOf::SessionId, hello.legacy_session_id.len()),
        (LengthOf::CipherSuites, hello.cipher_suites.bytes().len()),
        (LengthOf::CompressionMethods, hello.legacy_compression_methods.len()),
        (LengthOf::Extensions, hello.extensions.bytes().len()),
    ];
    let extensions = hello.extensions.iter().enumerate().map(|(at, (_, data))| (LengthOf::Extension(at), data.len()));
    for (field, length) in fields.into_iter().chain(extensions) {
        for wrong in [length.checked_sub(1), Some(length + 1), Some(0xffff)].into_iter().flatten() {
            let mut builder = ClientHelloBuilder::from(hello);
            builder.set_length(field, wrong.try_into().unwrap());
            let built = builder.body();
            assert_ne!(built, body);
            assert!(fault(&built).is_some(), "{field:?} {wrong}");
            if let Ok(lenient) = ClientHello::lenient(&built) {
                assert_eq!(lenient.to_vec(), Ok(built), "{field:?} {wrong}");
            }
        }
    }
}

#[test]
fn wrong_message_length_is_not_a_message() {
    let body = client_hello();
    let mut builder = ClientHelloBuilder::from(ClientHello::lenient(&body).unwrap());
    builder.set_length(LengthOf::Message, u32::try_from(body.len()).unwrap() - 1);
    assert!(ClientHelloPeeker::new().peek(&builder.records(1000)).is_err());
    builder.set_length(LengthOf::Message, u32::try_from(body.len()).unwrap() + 1);
    let stream = builder.records(1000);
    assert!(matches!(ClientHelloPeeker::new().peek(&stream), Ok(Peek::Incomplete { .. })));
}

#[test]
fn each_repeated_extension_is_rejected_by_the_strict_decoder() {
    let body = client_hello();
    let hello = ClientHello::lenient(&body).unwrap();
    for (at, (typ, data)) in hello.extensions.iter().enumerate() {
        let mut builder = ClientHelloBuilder::from(hello);
        builder.extensions_mut().items.insert(at, (typ, data.to_vec()));
        let built = builder.body();
        let pre_shared_key = typ == ExtensionType::PRE_SHARED_KEY;
        let expected = if pre_shared_key { Fault::IllegalValue } else { Fault::DuplicateExtension(typ) };
        let found = fault(&built);
        assert!(found == Some(expected) || found == Some(Fault::DuplicateExtension(typ)), "{typ}: {found:?}");
        let lenient = ClientHello::lenient(&built).unwrap();
        assert_eq!(lenient.extensions.duplicate(), Some(typ));
        assert_eq!(lenient.extensions.iter().count(), hello.extensions.iter().count() + 1);
    }
}

#[test]
fn default_server_hello_has_no_suite() {
    let mut builder = ServerHelloBuilder::default();
    assert_eq!(decode_all::<ServerHello<'_>>(&builder.body()).unwrap_err().at, "ServerHello.cipher_suite");
    builder.cipher_suite = Some(CipherSuite::TLS_AES_128_GCM_SHA256);
    builder.legacy_compression_method = Some(0);
    let body = builder.body();
    let hello: ServerHello<'_> = decode_all(&body).unwrap();
    assert_eq!((hello.legacy_version, hello.legacy_session_id_echo), (ProtocolVersion::TLS12, &[][..]));
}

#[test]
fn trailing_bytes_are_rejected() {
    let body = client_hello();
    let mut builder = ClientHelloBuilder::from(ClientHello::lenient(&body).unwrap());
    builder.trailing = vec![0];
    assert_eq!(fault(&builder.body()), Some(Fault::TrailingData));
}

#[test]
fn forbidden_extensions_are_rejected() {
    let mut builder = ClientHelloBuilder::default();
    builder.cipher_suites = vec![CipherSuite::TLS_AES_128_GCM_SHA256];
    assert_eq!(fault(&builder.body()), None);
    builder.extensions_mut().items.push((ExtensionType::OID_FILTERS, vec![0, 0]));
    assert_eq!(fault(&builder.body()), Some(Fault::MisplacedExtension(ExtensionType::OID_FILTERS)));
    builder.extensions_mut().remove(ExtensionType::OID_FILTERS);
    assert_eq!(fault(&builder.body()), None);

    let body = bodies(HandshakeType::SERVER_HELLO).swap_remove(0);
    let mut builder = ServerHelloBuilder::from(ServerHello::lenient(&body).unwrap());
    builder.extensions_mut().add(|w| Cookie::write(w, &[7])).unwrap();
    let built = builder.body();
    let hello: ServerHello<'_> = decode_all(&built).unwrap();
    assert_eq!(hello.check_tls13().unwrap_err().fault, Fault::MisplacedExtension(ExtensionType::COOKIE));
}
