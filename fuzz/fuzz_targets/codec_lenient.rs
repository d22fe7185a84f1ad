//! Decodes the body of a ClientHello or ServerHello as an endpoint does, leniently, and in part.
//! Whatever the endpoint accepts, the lenient view accepts with the same fields; both encode to the
//! same bytes; a part gives a part. tls-parser is a second opinion on the ClientHello.
//!
//! The first byte selects the message (its low bit) and the cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_codec::{
    fingerprint::{Transport, write_ja3, write_ja4_raw},
    lenient::{ClientHelloExtension, LenientExtensions, Prefix},
    malformed::{ClientHelloBuilder, ServerHelloBuilder},
    *,
};
use tls_fuzz::second_opinion;

fuzz_target!(|input: &[u8]| {
    let Some((&first, body)) = input.split_first() else { return };
    let cut = body.len() * usize::from(first >> 1) / 127;
    match first & 1 {
        0 => client(body, cut),
        _ => server(body, cut),
    }
});

fn client(body: &[u8], cut: usize) {
    let strict = decode_all::<ClientHello<'_>>(body);
    let lenient = ClientHello::lenient(body);
    let part = ClientHello::lenient_prefix(&body[..cut], body.len());
    let Ok(lenient) = lenient else {
        assert!(strict.is_err(), "only the strict decoder accepts");
        return;
    };
    assert_eq!(lenient.to_vec().as_deref(), Ok(body), "encode(decode(x)) == x");
    assert_eq!(ClientHelloBuilder::from(lenient).body(), body, "the builder's copy differs");
    match (strict, lenient.strict()) {
        (Ok(strict), Ok(of_lenient)) => {
            assert_eq!(strict, of_lenient);
            assert_eq!(LenientClientHello::from(strict), lenient);
            assert_eq!(lenient.extensions.duplicate(), None);
            fields(&strict, &lenient);
            assert_eq!(texts(strict), texts(lenient));
        }
        // Of several faults, each may report another.
        (Err(_), Err(_)) => drop(texts(lenient)),
        (strict, of_lenient) => panic!("the decoders differ: {strict:?}, {of_lenient:?}"),
    }
    second_opinion::check(body, &lenient, strict.ok());

    match part.expect("the start of an accepted hello") {
        Prefix::Incomplete { need } => assert_eq!(cut + need, 34),
        Prefix::Whole(whole) => assert_eq!((whole, cut), (lenient, body.len())),
        Prefix::Cut { received, missing } => {
            assert!(missing.need > 0 && cut + missing.need <= body.len());
            assert_eq!(received.random, lenient.random);
            assert!(lenient.legacy_session_id.starts_with(received.legacy_session_id));
            let suites = received.cipher_suites.iter().zip(lenient.cipher_suites);
            assert!(suites.into_iter().all(|(one, other)| one == other));
            assert!(lenient.legacy_compression_methods.starts_with(received.legacy_compression_methods));
            starts_with(&received.extensions, &lenient.extensions);
        }
    }
}

fn server(body: &[u8], cut: usize) {
    let strict = decode_all::<ServerHelloMessage<'_>>(body);
    let part = ServerHello::lenient_prefix(&body[..cut], body.len());
    let Ok(lenient) = ServerHello::lenient(body) else {
        assert!(strict.is_err(), "only the strict decoder accepts");
        return;
    };
    assert_eq!(lenient.to_vec().as_deref(), Ok(body), "encode(decode(x)) == x");
    assert_eq!(ServerHelloBuilder::from(lenient).body(), body, "the builder's copy differs");
    if let Ok(strict) = strict {
        assert_eq!(LenientServerHello::from(strict), lenient);
        assert_eq!(lenient.extensions.duplicate(), None);
    }
    lenient.decoded().for_each(drop);
    match part.expect("the start of an accepted hello") {
        Prefix::Incomplete { need } => assert_eq!(cut + need, 34),
        Prefix::Whole(whole) => assert_eq!((whole, cut), (lenient, body.len())),
        Prefix::Cut { received, missing } => {
            assert!(missing.need > 0 && cut + missing.need <= body.len());
            assert!(received.cipher_suite.is_none_or(|suite| Some(suite) == lenient.cipher_suite));
            starts_with(&received.extensions, &lenient.extensions);
        }
    }
}

fn starts_with(part: &LenientExtensions<'_>, whole: &LenientExtensions<'_>) {
    assert!(whole.bytes().starts_with(part.bytes()), "a part contains other extensions");
    assert_eq!(part.iter().map(|(_, data)| 4 + data.len()).sum::<usize>(), part.bytes().len());
}

/// The fields of both views are the same, and the decoded extensions are those fields.
fn fields(strict: &ClientHello<'_>, lenient: &LenientClientHello<'_>) {
    let extensions = &strict.extensions;
    let mut count = 0;
    for (typ, decoded) in lenient.decoded() {
        count += 1;
        let same = match decoded {
            Ok(ClientHelloExtension::ServerName(names)) => extensions.server_name == Some(names),
            Ok(ClientHelloExtension::StatusRequest(request)) => extensions.status_request == Some(request),
            Ok(ClientHelloExtension::SupportedGroups(groups)) => extensions.supported_groups == Some(groups),
            Ok(ClientHelloExtension::SignatureAlgorithms(schemes)) => extensions.signature_algorithms == Some(schemes),
            Ok(ClientHelloExtension::Alpn(names)) => extensions.alpn == Some(names),
            Ok(ClientHelloExtension::KeyShare(shares)) => extensions.key_share == Some(shares),
            Ok(ClientHelloExtension::SupportedVersions(versions)) => extensions.supported_versions == Some(versions),
            Ok(ClientHelloExtension::PreSharedKey(psks)) => extensions.pre_shared_key == Some(psks),
            Ok(ClientHelloExtension::Cookie(cookie)) => extensions.cookie == Some(cookie),
            Ok(_) => true,
            // An endpoint ignores the extensions that it does not know.
            Err(_) => !matches!(
                typ,
                ExtensionType::SERVER_NAME
                    | ExtensionType::SUPPORTED_GROUPS
                    | ExtensionType::SIGNATURE_ALGORITHMS
                    | ExtensionType::ALPN
                    | ExtensionType::KEY_SHARE
                    | ExtensionType::SUPPORTED_VERSIONS
                    | ExtensionType::PRE_SHARED_KEY
                    | ExtensionType::COOKIE
            ),
        };
        assert!(same, "the decoders differ on {typ}");
    }
    assert_eq!(count, extensions.raw.iter().count());
}

/// Returns JA3's text and JA4's, which must be ASCII.
fn texts<'a>(hello: impl Into<LenientClientHello<'a>>) -> [Vec<u8>; 2] {
    let hello = hello.into();
    let mut ja3 = Vec::new();
    write_ja3(hello, &mut Writer::append(&mut ja3)).unwrap();
    let mut ja4 = Vec::new();
    write_ja4_raw(hello, Transport::Tcp, &mut Writer::append(&mut ja4)).unwrap();
    assert!(ja3.is_ascii() && ja4.is_ascii());
    [ja3, ja4]
}
