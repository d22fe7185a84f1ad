//! TLS 1.3 negotiation: offers and selections in edited hellos.

use tls_codec::code_points::{
    AlertDescription as A, CipherSuite, ExtensionType as X, HandshakeType as T, NamedGroup, ProtocolVersion,
    SignatureScheme,
};
use tls_codec::handshake::HELLO_RETRY_REQUEST_RANDOM;

use super::flow::{
    End, Kind, Outcome, Sent, answers, client, client_with, configs, handshake, preferred_group, server,
};
use super::hello::{Hello, HelloEdit, assert_error, client_after_hello, server_after_hello};
use super::pair::Pki;
use crate::client::Client;
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Error, Illegal};
use crate::need::Need;

fn server_error_for(config: ServerConfig, change: HelloEdit<'_>) -> Error {
    server_after_hello(configs(Kind::Full).0, config, &Pki::new(), change).map(|_| ()).unwrap_err()
}

fn client_error_for(kind: Kind, change: HelloEdit<'_>) -> Error {
    let (client, server) = configs(kind);
    client_after_hello(client, server, &Pki::new(), change).map(|_| ()).unwrap_err()
}

#[test]
fn failed_negotiation_reports_lists_of_both_sides() {
    let suites = server_error_for(configs(Kind::Full).1, &|h| h.suites = vec![0xc0, 0x2f]);
    assert_error(&suites, A::HANDSHAKE_FAILURE, &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"]);
    let groups = server_error_for(configs(Kind::Full).1, &|h| {
        *h.get(X::SUPPORTED_GROUPS) = vec![0, 2, 0, 0x1e];
        *h.get(X::KEY_SHARE) = vec![0, 0];
    });
    assert_error(&groups, A::HANDSHAKE_FAILURE, &["x448", "x25519"]);
    let schemes = server_error_for(configs(Kind::Full).1, &|h| *h.get(X::SIGNATURE_ALGORITHMS) = vec![0, 2, 8, 7]);
    assert_error(&schemes, A::HANDSHAKE_FAILURE, &["ed25519", "ecdsa_secp256r1_sha256"]);
    let alpn = server_error_for(configs(Kind::Full).1, &|h| {
        *h.get(X::APPLICATION_LAYER_PROTOCOL_NEGOTIATION) = b"\0\x06\x05xyzzy".to_vec();
    });
    assert_error(&alpn, A::NO_APPLICATION_PROTOCOL, &["xyzzy", "http/1.1"]);
    for change in
        [&(|h: &mut Hello| *h.get(X::SUPPORTED_VERSIONS) = vec![2, 3, 3]) as HelloEdit<'_>, &|h: &mut Hello| {
            h.remove(X::SUPPORTED_VERSIONS);
        }]
    {
        let mut only_newest = configs(Kind::Full).1;
        only_newest.set_versions(&[ProtocolVersion::TLS13]).unwrap();
        assert_error(&server_error_for(only_newest, change), A::PROTOCOL_VERSION, &["TLSv1.2", "TLSv1.3"]);
    }
}

#[test]
fn incomplete_or_duplicate_client_hello_is_rejected() {
    for lacking in [X::SIGNATURE_ALGORITHMS, X::SUPPORTED_GROUPS, X::KEY_SHARE] {
        let rejection = server_error_for(configs(Kind::Full).1, &|h| h.remove(lacking));
        assert_eq!(rejection, Error::MissingExtension { message: T::CLIENT_HELLO, extension: lacking });
        assert_eq!(rejection.alert(), Some(A::MISSING_EXTENSION));
    }
    let twice = server_error_for(configs(Kind::Full).1, &|h| h.extensions.push(h.extensions[0].clone()));
    assert!(matches!(twice, Error::Decode(_)), "{twice:?}");
    let shares = server_error_for(configs(Kind::Full).1, &|h| {
        let share = h.get(X::KEY_SHARE);
        let entry = share[2..].to_vec();
        *share = [&u16::try_from(2 * entry.len()).unwrap().to_be_bytes()[..], &entry, &entry].concat();
    });
    assert_eq!(shares, Illegal::KeyShares(preferred_group()).into());
    let unsupported = server_error_for(configs(Kind::Full).1, &|h| *h.get(X::SUPPORTED_GROUPS) = vec![0, 2, 0, 0x17]);
    assert_eq!(unsupported, Illegal::KeyShares(preferred_group()).into());
    let compression = server_error_for(configs(Kind::Full).1, &|h| h.compression = vec![0, 1]);
    assert_eq!(compression, Illegal::Compression.into());
    // One identity of one byte, age 0, one binder of 32 bytes.
    let psk = [&[0, 7, 0, 1, b'i', 0, 0, 0, 0, 0, 33, 32][..], &[7; 32]].concat();
    let without_modes = server_error_for(configs(Kind::Full).1, &|h| {
        h.remove(X::PSK_KEY_EXCHANGE_MODES);
        h.extensions.push((X::PRE_SHARED_KEY.0, psk.clone()));
    });
    assert_error(&without_modes, A::MISSING_EXTENSION, &["psk_key_exchange_modes"]);
    let not_last =
        server_error_for(configs(Kind::Full).1, &|h| h.extensions.insert(0, (X::PRE_SHARED_KEY.0, psk.clone())));
    assert_eq!(not_last.alert(), Some(A::ILLEGAL_PARAMETER));
}

#[test]
fn client_rejects_unoffered_server_choice() {
    let outcome_of = |change: HelloEdit<'_>| client_error_for(Kind::Full, change);
    assert_eq!(outcome_of(&|h| h.suites = vec![0x13, 4]), Illegal::CipherSuiteNotOffered(CipherSuite(0x1304)).into());
    assert_eq!(outcome_of(&|h| h.session_id[0] ^= 1), Illegal::SessionIdNotEchoed.into());
    assert_eq!(outcome_of(&|h| h.session_id.clear()), Illegal::SessionIdNotEchoed.into());
    assert_eq!(outcome_of(&|h| h.compression = vec![1]), Illegal::CompressionNotOffered(1).into());
    let group = outcome_of(&|h| h.get(X::KEY_SHARE)[..2].copy_from_slice(&[0, 0x17]));
    assert_eq!(group, Illegal::GroupNotOffered(NamedGroup::SECP256R1).into());
    let version = outcome_of(&|h| *h.get(X::SUPPORTED_VERSIONS) = vec![3, 3]);
    assert_eq!(version.alert(), Some(A::ILLEGAL_PARAMETER));
    // A TLS 1.2 ServerHello with extensions of TLS 1.3.
    assert_eq!(outcome_of(&|h| h.remove(X::SUPPORTED_VERSIONS)).alert(), Some(A::ILLEGAL_PARAMETER));
    assert_eq!(outcome_of(&|h| h.version = [3, 4]).alert(), Some(A::PROTOCOL_VERSION));
    assert_error(&outcome_of(&|h| h.remove(X::KEY_SHARE)), A::MISSING_EXTENSION, &["key_share"]);
    // Extensions that were not offered (unknown, known) or belong to another message.
    assert_eq!(outcome_of(&|h| h.extensions.push((0x1234, vec![]))).alert(), Some(A::UNSUPPORTED_EXTENSION));
    let psk = outcome_of(&|h| h.extensions.push((X::PRE_SHARED_KEY.0, vec![0, 0])));
    assert_eq!(psk, Error::UnsolicitedExtension { message: T::SERVER_HELLO, extension: X::PRE_SHARED_KEY });
    let alpn =
        outcome_of(&|h| h.extensions.push((X::APPLICATION_LAYER_PROTOCOL_NEGOTIATION.0, b"\0\x03\x02h2".to_vec())));
    assert_eq!(alpn.alert(), Some(A::ILLEGAL_PARAMETER));
    // The all-zero share of X25519 (RFC 7748 §6.1), which is also a part of the hybrid.
    assert_eq!(outcome_of(&|h| h.get(X::KEY_SHARE)[4..].fill(0)), Illegal::KeyShare(preferred_group()).into());
    // A suite that the client supports but did not offer.
    let only = {
        let mut config = ClientConfig::new();
        config.set_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256]).unwrap();
        let mut client = client(config);
        let hello = client.pop();
        let mut server = server(ServerConfig::new());
        server.deliver(&hello, &mut answers(&Pki::new())).unwrap();
        let mut answer = Hello::parse(&server.pop());
        answer.suites = vec![0x13, 2];
        client.deliver(&answer.encode(), &mut answers(&Pki::new())).unwrap_err()
    };
    assert_eq!(only, Illegal::CipherSuiteNotOffered(CipherSuite::TLS_AES_256_GCM_SHA384).into());
}

#[test]
fn client_rejects_invalid_hello_retry_request() {
    let outcome_of = |change: HelloEdit<'_>| client_error_for(Kind::Retry, change);
    assert_eq!(outcome_of(&|h| h.remove(X::KEY_SHARE)), Illegal::RetryChangesNothing.into());
    let shared = outcome_of(&|h| *h.get(X::KEY_SHARE) = vec![0, 0x1d]);
    assert_eq!(shared, Illegal::RetryForSharedGroup(NamedGroup::X25519).into());
    let unoffered = outcome_of(&|h| *h.get(X::KEY_SHARE) = vec![0, 0x1e]);
    assert_eq!(unoffered, Illegal::GroupNotOffered(NamedGroup::X448).into());
    assert_eq!(outcome_of(&|h| h.suites = vec![0x13, 4]).alert(), Some(A::ILLEGAL_PARAMETER));
    assert_eq!(outcome_of(&|h| h.session_id[31] ^= 1), Illegal::SessionIdNotEchoed.into());
    assert_eq!(outcome_of(&|h| h.compression = vec![1]), Illegal::CompressionNotOffered(1).into());
    assert_eq!(outcome_of(&|h| h.extensions.push((0x1234, vec![]))).alert(), Some(A::UNSUPPORTED_EXTENSION));
    assert_eq!(outcome_of(&|h| h.remove(X::SUPPORTED_VERSIONS)).alert(), Some(A::PROTOCOL_VERSION));
    // A group that the client supports but did not offer, and a version that it does not offer.
    let mut retry = Vec::new();
    let (mut other, mut server) = (client(configs(Kind::Retry).0), server(configs(Kind::Retry).1));
    server.deliver(&other.pop(), &mut answers(&Pki::new())).unwrap();
    retry.extend_from_slice(&server.pop());
    let error_of = |change: fn(&mut ClientConfig)| {
        let mut config = ClientConfig::new();
        change(&mut config);
        let mut client = client(config);
        let mut retry = Hello::parse(&retry);
        retry.session_id = Hello::parse(&client.pop()).session_id;
        client.deliver(&retry.encode(), &mut answers(&Pki::new())).unwrap_err()
    };
    let group = error_of(|config| config.set_groups(&[NamedGroup::X25519]).unwrap());
    assert_eq!(group, Illegal::GroupNotOffered(NamedGroup::SECP256R1).into());
    let version = error_of(|config| config.set_versions(&[ProtocolVersion::TLS12]).unwrap());
    assert_eq!(version, Illegal::VersionNotOffered(ProtocolVersion::TLS13).into());
}

/// RFC 9846 §4.2.4: the version of HelloRetryRequest stays.
#[test]
fn client_rejects_other_version_after_retry() {
    let pki = Pki::new();
    for version in [None, Some(vec![3, 3])] {
        let (mut client, mut server) = (client(configs(Kind::Retry).0), server(configs(Kind::Retry).1));
        server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
        client.deliver(&server.pop(), &mut answers(&pki)).unwrap();
        server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
        let mut hello = Hello::parse(&server.pop());
        match version {
            Some(version) => *hello.get(X::SUPPORTED_VERSIONS) = version,
            None => hello.remove(X::SUPPORTED_VERSIONS),
        }
        let rejection = client.deliver(&hello.encode(), &mut answers(&pki)).unwrap_err();
        assert_eq!(rejection, Illegal::VersionChangedAfterRetry.into());
    }
}

/// RFC 9846 §4.3.10: HelloRetryRequest rejects early data, so the server cannot accept it later.
#[test]
fn client_rejects_early_data_accepted_after_retry() {
    let pki = super::flow::pki(Kind::Early);
    let (client_config, mut server_config) = configs(Kind::Early);
    server_config.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    let (mut client, mut server) = super::flow::ends_of(Kind::Early, client_config, server_config);
    server.sink.edit = super::flow::edit_each(T::ENCRYPTED_EXTENSIONS, |message| {
        message[3] += 4;
        message[5] += 4;
        message.extend_from_slice(&[0, 42, 0, 0]);
    });
    let Outcome::Failed(failure) = handshake(&mut client, &mut server, &pki) else { panic!("it is accepted") };
    assert_eq!((failure.side, failure.at), ("client", T::ENCRYPTED_EXTENSIONS));
    assert_eq!(failure.error, Illegal::EarlyDataNotOffered.into());
}

/// RFC 9846 §4.3.3: a client without TLS 1.2 lists the schemes of handshakes and of certificates
/// separately if both are not the backend's whole list.
#[test]
fn client_lists_schemes_of_certificates_separately_if_needed() {
    let bytes = |schemes: &[SignatureScheme]| {
        super::hello::vec16(&schemes.iter().flat_map(|scheme| scheme.0.to_be_bytes()).collect::<Vec<_>>())
    };
    let all = crate::negotiate::certificate_schemes(tls_crypto::Backend::ring());
    let some = [SignatureScheme::ED25519, SignatureScheme::RSA_PKCS1_SHA256];
    let both = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];
    for (versions, set, handshake, certificates) in [
        (&both[..], None, all, None),
        (&both[..1], None, all, None),
        (&both[..], Some(&some), &some[..], None),
        (&both[..1], Some(&some), &some[..1], Some(all)),
    ] {
        let mut config = ClientConfig::new();
        config.set_versions(versions).unwrap();
        if let Some(schemes) = set {
            config.set_signature_schemes(schemes).unwrap();
        }
        let mut hello = Hello::parse(&client(config).pop());
        assert_eq!(*hello.get(X::SIGNATURE_ALGORITHMS), bytes(handshake), "{versions:?} {set:?}");
        assert_eq!(hello.has(X::SIGNATURE_ALGORITHMS_CERT), certificates.is_some(), "{versions:?} {set:?}");
        if let Some(certificates) = certificates {
            assert_eq!(*hello.get(X::SIGNATURE_ALGORITHMS_CERT), bytes(certificates));
        }
    }
}

/// RFC 9846 §4.3: extensions of a setting that the client turned off were not requested.
#[test]
fn client_rejects_response_to_disabled_extension() {
    let pki = Pki::new();
    type Change = fn(&mut ClientConfig);
    let settings: [(X, &str, Change); 3] = [
        (X::SERVER_NAME, "a.test", |config| config.set_server_name_indication(false)),
        (X::SERVER_NAME, "192.0.2.1", |_| {}),
        (X::STATUS_REQUEST, "a.test", |config| config.set_ocsp_request(false)),
    ];
    for (typ, name, change) in settings {
        let mut config = ClientConfig::new();
        change(&mut config);
        let mut outgoing = crate::Outgoing::new();
        let name = name.try_into().unwrap();
        let mut client = crate::ClientConnection::new(std::sync::Arc::new(config), name, &mut outgoing).unwrap();
        let mut server_config = ServerConfig::new();
        server_config.set_versions(&[ProtocolVersion::TLS12]).unwrap();
        let mut server = server(server_config);
        assert!(!Hello::parse(&outgoing.ready()[5..]).has(typ));
        server.deliver(&outgoing.ready()[5..], &mut answers(&pki)).unwrap();
        let mut hello = Hello::parse(&server.pop());
        // The client offered TLS 1.3, so the answer of TLS 1.2 must not have the sentinel.
        hello.random.fill(7);
        hello.set(typ, &[]);
        let hello = hello.encode();
        let length = u16::try_from(hello.len()).unwrap().to_be_bytes();
        let mut record = [&[22, 3, 3], &length[..], &hello].concat();
        let error = client.process(&mut record, &mut outgoing).unwrap_err();
        assert_eq!(error, Error::UnsolicitedExtension { message: T::SERVER_HELLO, extension: typ });
    }
}

/// RFC 6066 §3: "without a trailing dot".
#[test]
fn server_name_has_no_trailing_dot() {
    for name in ["a.test", "a.test."] {
        let mut outgoing = crate::Outgoing::new();
        let config = std::sync::Arc::new(ClientConfig::new());
        crate::ClientConnection::new(config, name.try_into().unwrap(), &mut outgoing).unwrap();
        let mut hello = Hello::parse(&outgoing.ready()[5..]);
        assert_eq!(*hello.get(X::SERVER_NAME), b"\0\x09\0\0\x06a.test", "{name}");
    }
}

/// Returns a client that answered an edited HelloRetryRequest, its second hello and the unedited
/// HelloRetryRequest.
fn retry_client(change: HelloEdit<'_>) -> (End<Client>, Hello, Vec<u8>) {
    let pki = Pki::new();
    let (mut client, mut server) = (client(configs(Kind::Retry).0), server(configs(Kind::Retry).1));
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    let original = server.pop();
    let mut retry = Hello::parse(&original);
    assert_eq!(retry.random, HELLO_RETRY_REQUEST_RANDOM);
    change(&mut retry);
    client.deliver(&retry.encode(), &mut answers(&pki)).unwrap();
    let second = Hello::parse(&client.pop());
    (client, second, original)
}

#[test]
fn client_echoes_cookie_and_rejects_second_retry() {
    let cookie: Vec<u8> = [&[1, 0x2c][..], &[0xa5; 300]].concat();
    let (mut client, mut second, retry) = retry_client(&|h| h.extensions.push((X::COOKIE.0, cookie.clone())));
    assert_eq!(*second.get(X::COOKIE), cookie);
    assert_eq!(second.get(X::KEY_SHARE)[2..4], [0, 0x17]);
    let rejection = client.deliver(&retry, &mut answers(&Pki::new())).unwrap_err();
    assert_eq!(rejection, Error::SecondHelloRetryRequest);
    assert_eq!(rejection.alert(), Some(A::UNEXPECTED_MESSAGE));
    // A retry with only a cookie is valid and keeps the key share.
    let (_, mut second, _) = retry_client(&|h| {
        h.remove(X::KEY_SHARE);
        h.extensions.push((X::COOKIE.0, vec![0, 1, 7]));
    });
    assert_eq!(*second.get(X::COOKIE), [0, 1, 7]);
    assert_eq!(second.get(X::KEY_SHARE)[2..4], preferred_group().0.to_be_bytes());
}

#[test]
fn server_rejects_unrequested_change_in_second_client_hello() {
    let pki = Pki::new();
    let outcome_of = |change: HelloEdit<'_>| {
        let (mut client, mut server) = (client(configs(Kind::Retry).0), server(configs(Kind::Retry).1));
        server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
        client.deliver(&server.pop(), &mut answers(&pki)).unwrap();
        let mut second = Hello::parse(&client.pop());
        change(&mut second);
        server.deliver(&second.encode(), &mut answers(&pki))
    };
    assert_eq!(outcome_of(&|_| {}), Ok(()));
    let differs = |field| Err(Error::Illegal(Illegal::SecondHelloDiffers(field)));
    assert_eq!(outcome_of(&|h| h.random[0] ^= 1), differs("random"));
    assert_eq!(outcome_of(&|h| h.session_id[0] ^= 1), differs("legacy_session_id"));
    assert_eq!(outcome_of(&|h| h.suites.reverse()), differs("cipher_suites"));
    assert_eq!(outcome_of(&|h| h.suites.truncate(2)), differs("cipher_suites"));
    assert_eq!(outcome_of(&|h| h.compression = vec![0, 0]), differs("legacy_compression_methods"));
    assert_eq!(outcome_of(&|h| h.extensions.push((X::EARLY_DATA.0, vec![]))), differs("early_data"));
    assert_eq!(outcome_of(&|h| h.extensions.push((X::COOKIE.0, vec![0, 1, 7]))), differs("extensions"));
    // One identity of one byte, age 0, one binder of 32 bytes, absent from the first hello.
    let psk = [&[0, 7, 0, 1, b'i', 0, 0, 0, 0, 0, 33, 32][..], &[7; 32]].concat();
    assert_eq!(outcome_of(&|h| h.extensions.push((X::PRE_SHARED_KEY.0, psk.clone()))), differs("pre_shared_key"));
    for typ in [
        X::SERVER_NAME,
        X::SUPPORTED_GROUPS,
        X::SIGNATURE_ALGORITHMS,
        X::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
        X::SUPPORTED_VERSIONS,
    ] {
        assert_eq!(outcome_of(&|h| *h.get(typ).last_mut().unwrap() ^= 1), differs("extensions"), "{typ}");
    }
    for typ in [X::SERVER_NAME, X::APPLICATION_LAYER_PROTOCOL_NEGOTIATION, X::STATUS_REQUEST] {
        assert_eq!(outcome_of(&|h| h.remove(typ)), differs("extensions"), "{typ}");
    }
    // Extensions that only the second hello has.
    let limit = (X::RECORD_SIZE_LIMIT.0, vec![0x40, 0]);
    assert_eq!(outcome_of(&|h| h.extensions.push(limit.clone())), differs("extensions"));
    for (typ, data) in [
        (X::MAX_FRAGMENT_LENGTH, &[1][..]),
        (X::SIGNED_CERTIFICATE_TIMESTAMP, &[]),
        (X::PSK_KEY_EXCHANGE_MODES, &[1, 1]),
        (X::CERTIFICATE_AUTHORITIES, &[0, 4, 0, 2, 0x30, 0]),
        (X::POST_HANDSHAKE_AUTH, &[]),
        (X::SIGNATURE_ALGORITHMS_CERT, &[0, 2, 4, 3]),
        (X::QUIC_TRANSPORT_PARAMETERS, &[]),
    ] {
        assert_eq!(outcome_of(&|h| h.extensions.push((typ.0, data.to_vec()))), differs("extensions"), "{typ}");
    }
    assert_eq!(outcome_of(&|h| h.extensions.push((X::PADDING.0, vec![0; 9]))), Ok(()));
    // wolfSSL#9362: a share of another group than requested, no share, two shares.
    let share = Err(Error::Illegal(Illegal::SecondHelloKeyShare));
    assert_eq!(outcome_of(&|h| h.get(X::KEY_SHARE)[3] = 0x1d), share);
    assert_eq!(outcome_of(&|h| h.get(X::KEY_SHARE)[3] = 0x18), share);
    assert_eq!(outcome_of(&|h| *h.get(X::KEY_SHARE) = vec![0, 0]), share);
    let missing = Error::MissingExtension { message: T::CLIENT_HELLO, extension: X::KEY_SHARE };
    assert_eq!(outcome_of(&|h| h.remove(X::KEY_SHARE)), Err(missing));
    assert_eq!(
        outcome_of(&|h| {
            let data = h.get(X::KEY_SHARE);
            data.extend_from_slice(&[0, 0x1d, 0, 1, 7]);
            data[1] += 5;
        }),
        share
    );
}

/// RFC 9846 §4.2.2 and §4.3, RFC 9849 §6.1.5: wolfSSL reorders its extensions; NSS and OpenSSL send
/// a new encrypted_client_hello.
#[test]
fn server_accepts_harmless_change_in_second_client_hello() {
    const UNKNOWN: X = X(0x1234);
    const GREASE: X = X(0x1a1a);
    let changes: [fn(&mut Hello); 10] = [
        |_| {},
        |h| h.extensions.reverse(),
        |h| h.extensions.rotate_left(3),
        |h| h.extensions.sort(),
        |h| h.set(X::ENCRYPTED_CLIENT_HELLO, &[0, 0, 1, 0, 1, 7, 0, 0, 0, 2, 8, 8]),
        |h| h.remove(X::ENCRYPTED_CLIENT_HELLO),
        |h| h.remove(X::PADDING),
        |h| h.set(X::PADDING, &[0; 7]),
        |h| h.set(UNKNOWN, b"second"),
        |h| h.remove(GREASE),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut hellos = 0;
        let edit = move |message: &mut Vec<u8>| {
            Hello::edit(message, &|h| {
                h.set(X::ENCRYPTED_CLIENT_HELLO, &[0, 0, 1, 0, 1, 7, 0, 1, 9, 0, 2, 5, 5]);
                h.set(GREASE, &[]);
                h.set(UNKNOWN, b"first");
                h.set(X::PADDING, &[0; 100]);
            });
            hellos += 1;
            if hellos == 2 {
                Hello::edit(message, &|h| change(h));
            }
        };
        let mut client = client_with(configs(Kind::Retry).0, Some(Box::new(edit)));
        let outcome = handshake(&mut client, &mut server(configs(Kind::Retry).1), &Pki::new());
        assert_eq!(outcome, Outcome::BothConnected, "{number}");
    }
}

/// RFC 9846 §4.2.2: the second hello may omit keys that do not match the suite, even all of them.
#[test]
fn second_client_hello_may_omit_psks() {
    let pki = super::flow::pki(Kind::ResumedRetry);
    let (mut client, mut server) = super::flow::ends(Kind::ResumedRetry);
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    client.deliver(&server.pop(), &mut answers(&pki)).unwrap();
    let mut second = Hello::parse(&client.pop());
    assert!(second.has(X::PRE_SHARED_KEY));
    second.remove(X::PRE_SHARED_KEY);
    assert_eq!(server.deliver(&second.encode(), &mut answers(&pki)), Ok(()));
}

#[test]
fn client_changes_only_share_in_second_client_hello() {
    let pki = Pki::new();
    let (mut client, mut server) = (client(configs(Kind::Retry).0), server(configs(Kind::Retry).1));
    let first = client.pop();
    server.deliver(&first, &mut answers(&pki)).unwrap();
    client.deliver(&server.pop(), &mut answers(&pki)).unwrap();
    let (mut first, mut second) = (Hello::parse(&first), Hello::parse(&client.pop()));
    assert_ne!(first.get(X::KEY_SHARE), second.get(X::KEY_SHARE));
    second.get(X::KEY_SHARE).clone_from(first.get(X::KEY_SHARE));
    assert_eq!(second.encode(), first.encode());
}

/// The comparison of hellos with thousands of extensions is linear.
#[test]
fn server_accepts_many_extensions_in_second_client_hello() {
    let pki = Pki::new();
    let many: HelloEdit<'_> = &|h| h.extensions.extend((0x8000..0x8000 + 12_000).map(|typ| (typ, Vec::new())));
    let (mut client, mut server) = (client(configs(Kind::Retry).0), server(configs(Kind::Retry).1));
    let mut hello = client.pop();
    Hello::edit(&mut hello, many);
    server.deliver(&hello, &mut answers(&pki)).unwrap();
    client.deliver(&server.pop(), &mut answers(&pki)).unwrap();
    let mut hello = client.pop();
    Hello::edit(&mut hello, &|h| {
        many(h);
        h.extensions.reverse();
    });
    assert_eq!(server.deliver(&hello, &mut answers(&pki)), Ok(()));
}

#[test]
fn client_rejects_other_suite_after_retry() {
    let pki = Pki::new();
    let (mut client, mut server) = (client(configs(Kind::Retry).0), server(configs(Kind::Retry).1));
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    client.deliver(&server.pop(), &mut answers(&pki)).unwrap();
    server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
    let mut hello = Hello::parse(&server.pop());
    let other = if hello.suites == [0x13, 1] { 2 } else { 1 };
    hello.suites = vec![0x13, other];
    let rejection = client.deliver(&hello.encode(), &mut answers(&pki)).unwrap_err();
    assert_eq!(rejection, Illegal::CipherSuiteChangedAfterRetry.into());
}

#[test]
fn client_rejects_unoffered_encrypted_extensions() {
    let pki = Pki::new();
    let outcome_of = |config: ClientConfig, message: &[u8]| {
        let (mut client, mut server) = (client(config), server(ServerConfig::new()));
        server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
        client.deliver(&server.pop(), &mut answers(&pki)).unwrap();
        client.deliver(message, &mut answers(&pki)).unwrap_err()
    };
    let h3 = [8, 0, 0, 11, 0, 9, 0, 16, 0, 5, 0, 3, 2, b'h', b'3'];
    assert_eq!(outcome_of(configs(Kind::Full).0, &h3), Illegal::AlpnNotOffered.into());
    assert_eq!(outcome_of(ClientConfig::new(), &h3).alert(), Some(A::UNSUPPORTED_EXTENSION));
    let unknown = [8, 0, 0, 6, 0, 4, 0x12, 0x34, 0, 0];
    assert_eq!(outcome_of(ClientConfig::new(), &unknown).alert(), Some(A::UNSUPPORTED_EXTENSION));
    let early_data = [8, 0, 0, 6, 0, 4, 0, 42, 0, 0];
    assert_eq!(outcome_of(ClientConfig::new(), &early_data).alert(), Some(A::UNSUPPORTED_EXTENSION));
    let key_share = [8, 0, 0, 8, 0, 6, 0, 51, 0, 2, 0, 0x1d];
    assert_eq!(outcome_of(ClientConfig::new(), &key_share).alert(), Some(A::ILLEGAL_PARAMETER));
}

/// RFC 9846 §9.2: the server fails before it asks for an identity or sends HelloRetryRequest.
#[test]
fn client_hello_without_schemes_fails_at_once() {
    for kind in [Kind::Full, Kind::Retry] {
        let (client_config, server_config) = configs(kind);
        let mut hello = Hello::parse(&client(client_config).pop());
        hello.remove(X::SIGNATURE_ALGORITHMS);
        let mut server = server(server_config);
        let error = server.deliver(&hello.encode(), &mut |need| panic!("{need:?}")).unwrap_err();
        assert_eq!(error, Error::MissingExtension { message: T::CLIENT_HELLO, extension: X::SIGNATURE_ALGORITHMS });
        assert!(server.flight().is_empty());
    }
}

/// RFC 9846 Appendix E.4: the server sends change_cipher_spec only to a client whose session ID is
/// not empty, and only once.
#[test]
fn server_sends_change_cipher_spec_only_if_client_does() {
    let pki = Pki::new();
    for (kind, session_id, expected) in
        [(Kind::Full, true, 1), (Kind::Full, false, 0), (Kind::Retry, true, 1), (Kind::Retry, false, 0)]
    {
        let (client_config, server_config) = configs(kind);
        let (mut client, mut server) = (client(client_config), server(server_config));
        let mut deliver = |message: &[u8]| {
            let mut hello = Hello::parse(message);
            hello.session_id.truncate(if session_id { 32 } else { 0 });
            server.deliver(&hello.encode(), &mut answers(&pki)).unwrap();
            server.flight()
        };
        let first = client.pop();
        let mut flight = deliver(&first);
        if kind == Kind::Retry {
            let Sent::Message(retry) = &flight[0] else { panic!("{flight:?}") };
            let mut retry = Hello::parse(retry);
            // The client checks for its own session ID.
            retry.session_id.clone_from(&Hello::parse(&first).session_id);
            client.deliver(&retry.encode(), &mut answers(&pki)).unwrap();
            flight.extend(deliver(&client.pop()));
        }
        let sent = flight.iter().filter(|sent| **sent == Sent::ChangeCipherSpec).count();
        assert_eq!(sent, expected, "{kind:?} {session_id}");
    }
}

/// RFC 9846 §4.5.2: PKCS#1 v1.5 signs no TLS 1.3 handshake, although both sides list it.
#[test]
fn server_selects_no_scheme_that_tls13_forbids() {
    use tls_codec::code_points::SignatureScheme as Z;
    let mut pki = Pki::new();
    let chain = pki.identity.chain().to_vec();
    for (schemes, expected) in [
        (vec![Z::RSA_PKCS1_SHA256], None),
        (vec![Z::RSA_PKCS1_SHA256, Z::RSA_PSS_RSAE_SHA256], Some(Z::RSA_PSS_RSAE_SHA256)),
    ] {
        let identity = crate::Identity::with_remote_key(chain.clone(), schemes.clone()).unwrap();
        pki.identity = std::sync::Arc::new(identity);
        let (mut client, mut server) = (client(configs(Kind::Full).0), server(configs(Kind::Full).1));
        let hello = client.pop();
        assert!(Hello::parse(&hello).get(X::SIGNATURE_ALGORITHMS).chunks(2).any(|scheme| scheme == [4, 1]));
        let mut signed = None;
        let result = server.deliver(&hello, &mut |need| match need {
            Need::Signature(need) => {
                signed = Some(need.scheme());
                need.answer(vec![7; 64])
            }
            other => pki.answer(other),
        });
        assert_eq!(signed, expected);
        match (expected, result) {
            (Some(_), result) => assert_eq!(result, Ok(())),
            (None, Err(Error::NoCommonSignatureScheme { able, .. })) => assert_eq!(able, schemes),
            (None, other) => panic!("{other:?}"),
        }
    }
}
