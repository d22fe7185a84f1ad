//! Negotiation finds what both sides support. Without a common value the error names both sides'
//! lists, and the client receives the right alert.

use std::sync::{Arc, Mutex};

use strata_tls::{
    ALL_CIPHERSUITES, AlertDescription, BulkAlgorithm, CipherSuite, ClientConfig, ClientHelloInfo, Error,
    ExtensionType, Identity, NamedGroup, NoIdentity, ProtocolVersion, ResolvesServerCert, ServerConfig, ServerSession,
    Session, SignatureScheme, SuitePreference,
};

use crate::pair::{Pair, carry, drain};
use crate::pki::{Ca, FAR, KINDS, Kind, VERSIONS, suites};

const TLS13: ProtocolVersion = ProtocolVersion::TLS13;
const TLS12: ProtocolVersion = ProtocolVersion::TLS12;

/// Asserts that the server rejects the client. Returns the server's error and the alert that the
/// client received.
fn expect_rejection(client: ClientConfig, server: ServerConfig) -> (Error, AlertDescription) {
    let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
    let error = pair.settle().unwrap_err();
    assert_eq!(pair.server.process_new_packets(), Err(error.clone()), "the server must reject, not the client");
    let received = carry(&mut pair.server, &mut pair.client).unwrap_err();
    let Error::AlertReceived { description, .. } = received else { panic!("{received}") };
    (error, description)
}

fn expect_words(error: &Error, wanted: &[&str]) {
    let text = error.to_string();
    for word in wanted {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
}

#[test]
fn newest_common_version_is_used_or_the_error_has_both_lists() {
    let ca = Ca::new(Kind::EcdsaP256);
    let sets = [&[TLS12][..], &[TLS13], &[TLS12, TLS13], &[TLS13, TLS12]];
    for (theirs, ours) in sets.into_iter().flat_map(|theirs| sets.map(|ours| (theirs, ours))) {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
        client.set_versions(theirs).unwrap();
        server.set_versions(ours).unwrap();
        match theirs.iter().filter(|version| ours.contains(version)).max_by_key(|version| version.0) {
            Some(newest) => {
                let pair = Pair::connected(&Arc::new(client), &Arc::new(server));
                assert_eq!(pair.client.protocol_version(), Some(*newest));
                assert_eq!(pair.server.protocol_version(), Some(*newest));
            }
            None => {
                let (error, received) = expect_rejection(client, server);
                assert!(matches!(error, Error::NoCommonVersion { .. }), "{error}");
                assert_eq!(received, AlertDescription::PROTOCOL_VERSION);
                expect_words(&error, &["TLSv1.2", "TLSv1.3"]);
            }
        }
    }
}

#[test]
fn missing_common_suite_is_rejected_with_both_lists() {
    let rsa = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    for (kind, theirs, ours) in [
        (Kind::EcdsaP256, CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384),
        (Kind::Rsa2048, rsa, CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
        // These two suites differ only in the certificate's key type. The certificate does not
        // matter here.
        (Kind::EcdsaP256, rsa, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ] {
        let ca = Ca::new(kind);
        let (mut client, mut server) = (ca.client_config(), ca.server_config(kind));
        client.set_cipher_suites(&[theirs]).unwrap();
        server.set_cipher_suites(&[ours]).unwrap();
        let (error, received) = expect_rejection(client, server);
        assert!(matches!(error, Error::NoCommonCipherSuite { .. }), "{error}");
        assert_eq!(received, AlertDescription::HANDSHAKE_FAILURE);
        expect_words(&error, &[theirs.name().unwrap(), ours.name().unwrap()]);
    }
}

#[test]
fn tls12_suite_for_another_key_type_is_rejected() {
    for (kind, suite) in [
        (Kind::EcdsaP256, CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
        (Kind::Ed25519, CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
        (Kind::Rsa2048, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ] {
        let ca = Ca::new(kind);
        let mut client = ca.client_config();
        client.set_cipher_suites(&[suite]).unwrap();
        let (error, received) = expect_rejection(client, ca.server_config(kind));
        assert_eq!(received, AlertDescription::HANDSHAKE_FAILURE, "{error}");
    }
}

#[test]
fn missing_common_group_is_rejected_with_both_lists() {
    let ca = Ca::new(Kind::Rsa2048);
    for version in VERSIONS {
        let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::Rsa2048));
        client.set_versions(&[version]).unwrap();
        client.set_groups(&[NamedGroup::X25519]).unwrap();
        server.set_groups(&[NamedGroup::SECP384R1, NamedGroup::SECP256R1]).unwrap();
        let (error, received) = expect_rejection(client, server);
        assert!(matches!(error, Error::NoCommonGroup { .. }), "{version} {error}");
        assert_eq!(received, AlertDescription::HANDSHAKE_FAILURE);
        expect_words(&error, &["x25519", "secp384r1", "secp256r1"]);
    }
}

#[test]
fn missing_common_signature_scheme_is_rejected_with_both_lists() {
    let ca = Ca::new(Kind::EcdsaP256);
    let (cert, _) = ca.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
    let chain = strata_tls::certs_from_pem(cert.as_bytes()).unwrap();
    let identity = Identity::with_remote_key(chain, vec![SignatureScheme::ECDSA_SHA1]).unwrap();
    let (error, received) = expect_rejection(ca.client_config(), ServerConfig::new(identity));
    assert!(matches!(error, Error::NoCommonSignatureScheme { .. }), "{error}");
    assert_eq!(received, AlertDescription::HANDSHAKE_FAILURE);
    expect_words(&error, &["ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "ecdsa_sha1"]);

    // A TLS 1.2 client that accepts only ECDSA with SHA-1, and one that accepts only RSA but offers
    // ECDSA suites.
    for scheme in [SignatureScheme::ECDSA_SHA1, SignatureScheme::RSA_PKCS1_SHA256] {
        let mut server = ServerSession::new(&Arc::new(ca.server_config(Kind::EcdsaP256)));
        server.read_tls(&mut &record(&unusual_hello(scheme))[..]).unwrap();
        let error = server.process_new_packets().unwrap_err();
        assert!(matches!(error, Error::NoCommonSignatureScheme { .. }), "{error}");
        assert_eq!(drain(&mut server), [21, 3, 3, 0, 2, 2, AlertDescription::HANDSHAKE_FAILURE.0]);
        expect_words(&error, &[scheme.name().unwrap(), "ecdsa_secp256r1_sha256"]);
    }
}

#[test]
fn certificate_curve_must_be_a_client_group_only_in_tls12() {
    let ca = Ca::new(Kind::EcdsaP384);
    for version in VERSIONS {
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        client.set_groups(&[NamedGroup::X25519, NamedGroup::SECP256R1]).unwrap();
        if version == TLS13 {
            Pair::connected(&Arc::new(client), &Arc::new(ca.server_config(Kind::EcdsaP384)));
        } else {
            let (error, received) = expect_rejection(client, ca.server_config(Kind::EcdsaP384));
            assert!(matches!(error, Error::CertificateCurve { .. }), "{error}");
            assert_eq!(received, AlertDescription::HANDSHAKE_FAILURE);
            expect_words(&error, &["secp384r1", "x25519", "secp256r1"]);
        }
    }
}

#[test]
fn server_suite_order_wins_unless_client_prefers_chacha() {
    for (version, kind) in VERSIONS.into_iter().flat_map(|version| KINDS.map(|kind| (version, kind))) {
        let ca = Ca::new(kind);
        let [aes128, aes256, chacha] = suites(version, kind);
        for (theirs, ours, preference, expected) in [
            (&[aes256, aes128][..], &[aes128, aes256][..], SuitePreference::Server, aes128),
            (&[aes256, aes128], &[aes128, aes256], SuitePreference::Client, aes256),
            (&[chacha, aes128], &[aes128, chacha], SuitePreference::Server, chacha),
            (&[aes128, chacha], &[chacha, aes128], SuitePreference::Server, chacha),
            (&[aes128, chacha], &[chacha, aes128], SuitePreference::Client, aes128),
            (&[chacha, aes256], &[aes128, aes256], SuitePreference::Server, aes256),
        ] {
            let (mut client, mut server) = (ca.client_config(), ca.server_config(kind));
            client.set_cipher_suites(theirs).unwrap();
            server.set_cipher_suites(ours).unwrap();
            server.set_suite_preference(preference);
            let pair = Pair::connected(&Arc::new(client), &Arc::new(server));
            assert_eq!(pair.client.negotiated_cipher_suite(), Some(expected), "{theirs:?} {ours:?} {preference:?}");
        }
    }
}

#[test]
fn all_suites_return_their_version_and_algorithm() {
    let count = |version| ALL_CIPHERSUITES.iter().filter(|suite| suite.version() == version).count();
    assert_eq!((count(TLS13), count(TLS12)), (3, 6));
    for bulk in [BulkAlgorithm::Aes128Gcm, BulkAlgorithm::Aes256Gcm, BulkAlgorithm::ChaCha20Poly1305] {
        assert_eq!(ALL_CIPHERSUITES.iter().filter(|suite| suite.bulk() == bulk).count(), 3);
    }
}

/// What a resolver saw of a ClientHello.
#[derive(Debug, Default, PartialEq)]
struct ObservedHello {
    server_name: Option<String>,
    alpn: Vec<Vec<u8>>,
    schemes: Vec<SignatureScheme>,
    suites: Vec<CipherSuite>,
    groups: Vec<NamedGroup>,
    versions: Vec<ProtocolVersion>,
    extensions: Vec<ExtensionType>,
    unknown: Vec<(ExtensionType, Vec<u8>)>,
    raw: Vec<u8>,
}

#[derive(Debug)]
struct ObservingResolver(Mutex<ObservedHello>, Arc<Identity>);

impl ResolvesServerCert for ObservingResolver {
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        *self.0.lock().unwrap() = ObservedHello {
            server_name: hello.server_name().map(str::to_owned),
            alpn: hello.alpn_protocols().map(<[u8]>::to_vec).collect(),
            schemes: hello.signature_schemes().collect(),
            suites: hello.cipher_suites().collect(),
            groups: hello.groups().collect(),
            versions: hello.versions().collect(),
            extensions: hello.extensions().map(|(typ, _)| typ).collect(),
            unknown: hello.unknown_extensions().map(|(typ, data)| (typ, data.to_vec())).collect(),
            raw: hello.raw().to_vec(),
        };
        Ok(self.1.clone())
    }
}

/// The body of a TLS 1.2 ClientHello with GREASE and an unknown extension.
fn unusual_hello(scheme: SignatureScheme) -> Vec<u8> {
    let [high, low] = scheme.0.to_be_bytes();
    let extensions: &[&[u8]] = &[
        &[0x1a, 0x1a, 0, 0],
        &[0, 0, 0, 11, 0, 9, 0, 0, 6],
        b"a.test",
        &[0xab, 0xcd, 0, 3, 1, 2, 3],
        &[0, 10, 0, 6, 0, 4, 0x2a, 0x2a, 0, 0x17],
        &[0, 13, 0, 6, 0, 4, 0x3a, 0x3a, high, low],
        &[0, 16, 0, 8, 0, 6, 2],
        b"h2",
        &[2, b'?', 0xff],
        &[0, 1, 0, 1, 4],
    ];
    let extensions = extensions.concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 6, 0x4a, 0x4a, 0xc0, 0x2b, 0xc0, 0x13, 1, 0]);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    body
}

/// A record with a ClientHello of less than 252 bytes.
fn record(body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], body].concat()
}

#[test]
fn resolver_sees_client_lists_and_unknown_extensions_in_order() {
    let ca = Ca::new(Kind::EcdsaP256);
    let resolver = Arc::new(ObservingResolver(Mutex::default(), Arc::new(ca.identity(Kind::EcdsaP256, &["a.test"]))));
    let mut server = ServerSession::new(&Arc::new(ServerConfig::with_resolver(resolver.clone())));
    let body = unusual_hello(SignatureScheme::ECDSA_SECP256R1_SHA256);
    server.read_tls(&mut &record(&body)[..]).unwrap();
    server.process_new_packets().unwrap();
    let seen = resolver.0.lock().unwrap();
    let expected = ObservedHello {
        server_name: Some("a.test".into()),
        alpn: vec![b"h2".to_vec(), vec![b'?', 0xff]],
        schemes: vec![SignatureScheme(0x3a3a), SignatureScheme::ECDSA_SECP256R1_SHA256],
        suites: [0x4a4a, 0xc02b, 0xc013].map(CipherSuite).to_vec(),
        groups: vec![NamedGroup(0x2a2a), NamedGroup::SECP256R1],
        versions: vec![TLS12],
        extensions: [0x1a1a, 0, 0xabcd, 10, 13, 16, 1].map(ExtensionType).to_vec(),
        unknown: vec![(ExtensionType(0x1a1a), vec![]), (ExtensionType(0xabcd), vec![1, 2, 3])],
        raw: body,
    };
    assert_eq!(*seen, expected);
}

/// Each case replaces "a.test" in the hello. A rejected hello must not reach the resolver.
#[test]
fn resolver_sees_only_valid_host_names() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (name, ignores, expected) in [
        (b"../a/b", false, Err(AlertDescription::ILLEGAL_PARAMETER)),
        (b"../a/b", true, Ok(None)),
        (b"a b.tt", false, Err(AlertDescription::ILLEGAL_PARAMETER)),
        (b"\xfftest\0", true, Ok(None)),
        (b"8::8:8", false, Ok(None)),
        (b"A.tes.", false, Ok(Some("A.tes"))),
    ] {
        let resolver =
            Arc::new(ObservingResolver(Mutex::default(), Arc::new(ca.identity(Kind::EcdsaP256, &["a.test"]))));
        let mut config = ServerConfig::with_resolver(resolver.clone());
        config.set_ignore_invalid_server_name(ignores);
        let mut server = ServerSession::new(&Arc::new(config));
        let mut body = unusual_hello(SignatureScheme::ECDSA_SECP256R1_SHA256);
        let at = body.windows(6).position(|window| window == b"a.test").unwrap();
        body[at..at + 6].copy_from_slice(name);
        server.read_tls(&mut &record(&body)[..]).unwrap();
        let got = server.process_new_packets().map(|_| ()).map_err(|e| e.alert().unwrap());
        let seen = resolver.0.lock().unwrap();
        assert_eq!(got, expected.map(|_| ()), "{name:?}");
        assert_eq!(seen.raw.is_empty(), got.is_err(), "{name:?}");
        assert_eq!(seen.server_name.as_deref(), expected.unwrap_or_default(), "{name:?}");
    }
}

#[test]
fn resolver_sees_what_a_strata_client_offers() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        let resolver =
            Arc::new(ObservingResolver(Mutex::default(), Arc::new(ca.identity(Kind::EcdsaP256, &["server.test"]))));
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        client.set_alpn_protocols(["h2", "http/1.1"]).unwrap();
        Pair::connected(&Arc::new(client), &Arc::new(ServerConfig::with_resolver(resolver.clone())));
        let seen = resolver.0.lock().unwrap();
        assert_eq!(seen.server_name.as_deref(), Some("server.test"));
        assert_eq!(seen.alpn, [&b"h2"[..], b"http/1.1"]);
        assert_eq!(seen.versions, [version]);
        let hybrid = cfg!(feature = "post-quantum") && version == TLS13;
        let hybrid: &[_] = if hybrid { &[NamedGroup::X25519MLKEM768] } else { &[] };
        let classical = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
        assert_eq!(seen.groups, [hybrid, &classical].concat());
        for suite in ALL_CIPHERSUITES.iter().filter(|suite| suite.version() == version) {
            assert!(seen.suites.contains(&suite.suite()), "{suite:?}");
        }
        assert!(seen.unknown.is_empty());
    }
}
