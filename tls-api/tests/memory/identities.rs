//! Identities: loading from PEM and DER, selection among several, reloading at runtime, and keys
//! held by the application or a remote signer.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use strata_tls::{
    AlertDescription, CertificateDer, CipherSuite, ClientConfig, ClientHelloInfo, ClientSession, Error, Identity,
    IdentityError, IdentityFiles, NamedGroup, NoIdentity, OcspError, ProtocolVersion, ReloadError, ReloadableIdentity,
    ResolvesServerCert, ResolvesServerCertUsingSni, ServerConfig, ServerSession, Session, SignError, SignatureScheme,
    Signer, SigningKey,
};
use tls_crypto::{PrivateKey, SignatureAlgorithm};

use crate::pair::{Pair, carry, is_would_block, read_all};
use crate::pki::{Ca, FAR, Kind, VERSIONS};

/// A chain of a leaf, two intermediate CAs and a root, and the leaf's key.
fn chain() -> (Vec<CertificateDer<'static>>, KeyPair) {
    let mut above = None;
    let mut chain = Vec::new();
    for name in ["root", "upper", "lower"] {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let made = match &above {
            Some(issuer) => params.signed_by(&key, issuer).unwrap(),
            None => params.self_signed(&key).unwrap(),
        };
        chain.insert(0, made.der().clone());
        above = Some(rcgen::Issuer::new(params, key));
    }
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["server.test".to_owned()]).unwrap().signed_by(&key, &above.unwrap()).unwrap();
    chain.insert(0, leaf.der().clone());
    (chain, key)
}

pub(crate) fn pem(der: &CertificateDer<'_>) -> String {
    let base64 = pem_body(der);
    format!("-----BEGIN CERTIFICATE-----\n{base64}-----END CERTIFICATE-----\n")
}

pub(crate) fn pem_body(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (at, group) in der.chunks(3).enumerate() {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit <= group.len() { char::from(DIGITS[value as usize]) } else { '=' });
        }
        if at % 16 == 15 {
            text.push('\n');
        }
    }
    text + "\n"
}

#[test]
fn certificates_in_any_order_are_sorted_into_a_chain() {
    let (chain, key) = chain();
    let key_pem = key.serialize_pem();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
        let shuffled: Vec<_> = order.iter().map(|at| chain[*at].clone()).collect();
        let text: String = shuffled.iter().map(pem).collect();
        assert_eq!(Identity::from_pem(text.as_bytes(), key_pem.as_bytes()).unwrap().chain(), chain);
        for one_file in [format!("{key_pem}{text}"), format!("# a comment\n{text}\n{key_pem}")] {
            assert_eq!(Identity::from_pem(one_file.as_bytes(), one_file.as_bytes()).unwrap().chain(), chain);
        }
        assert_eq!(Identity::from_der(shuffled, &key.serialize_der()).unwrap().chain(), chain);
    }
    // Certificates outside the path come last and are kept.
    let (unrelated, _) = self::chain();
    let mixed = vec![unrelated[1].clone(), chain[1].clone(), chain[0].clone()];
    let expected = [&chain[0], &chain[1], &unrelated[1]].map(Clone::clone);
    assert_eq!(Identity::from_der(mixed, &key.serialize_der()).unwrap().chain(), expected);
}

#[test]
fn faulty_pem_or_der_is_named_in_the_error() {
    let (chain, key) = chain();
    let (cert, key) = (pem(&chain[0]), key.serialize_pem());
    let other_key = KeyPair::generate().unwrap().serialize_pem();
    let error = |certs: &[u8], key: &[u8]| Identity::from_pem(certs, key).unwrap_err().to_string();
    let section = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n").into_bytes();
    let expect_words = |text: String, words: &str| assert!(text.contains(words), "no {words:?} in {text:?}");
    expect_words(error(key.as_bytes(), key.as_bytes()), "no certificate");
    expect_words(error(cert.as_bytes(), cert.as_bytes()), "no private key found");
    expect_words(error(b"", b""), "no certificate");
    expect_words(error(cert.as_bytes(), other_key.as_bytes()), "belongs to none of the certificates");
    expect_words(error(cert.replace("-----END", "-----").as_bytes(), key.as_bytes()), "no END line");
    expect_words(error(&chain[0], key.as_bytes()), "it is a certificate in DER, not PEM");
    expect_words(error(&section("PKCS7"), key.as_bytes()), "openssl pkcs7");
    expect_words(error(key.as_bytes(), cert.as_bytes()), "certificates and key are swapped");
    expect_words(error(b"chain.pem", key.as_bytes()), "it is a path");
    expect_words(error(cert.as_bytes(), b"/etc/key.pem"), "it is a path");
    expect_words(error(cert.as_bytes(), b""), "no private key found: the file or input is empty");
    expect_words(error(&section("CERTIFICATE REQUEST"), key.as_bytes()), "have a CA issue the certificate");
    let damaged = cert.replace("MII", "!!!");
    expect_words(error(damaged.as_bytes(), key.as_bytes()), "base64");
    let not_a_certificate =
        format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", pem_body(b"0\x030\x01\x00"));
    expect_words(error(not_a_certificate.as_bytes(), key.as_bytes()), "cannot be parsed");
    for encrypted in [
        key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        format!(
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n{}",
            key.lines().nth(1).unwrap()
        ),
    ] {
        expect_words(error(cert.as_bytes(), encrypted.as_bytes()), "encrypted");
    }
    expect_words(error(cert.as_bytes(), &section("OPENSSH PRIVATE KEY")), "ssh-keygen");
    expect_words(error(cert.as_bytes(), &section("PUBLIC KEY")), "a public key");
    let p12 = [&[0x30, 0x82, 1, 0, 2, 1, 3, 0x30, 0x81, 250, 6, 1, 42][..], &[0; 247]].concat();
    expect_words(error(cert.as_bytes(), &p12), "openssl pkcs12");
    let der = |key: &[u8]| Identity::from_der(vec![chain[0].clone()], key).unwrap_err().to_string();
    expect_words(der(key.as_bytes()), "it is PEM, not DER");
    expect_words(der(b""), "expected PKCS#8, SEC1 or PKCS#1");
    expect_words(der(&p12), "openssl pkcs12");
    // EncryptedPrivateKeyInfo.
    expect_words(der(&[0x30, 5, 0x30, 0, 4, 1, 7]), "it is encrypted");
    let empty = IdentityError::NoCertificate("the list is empty".into());
    assert_eq!(
        Identity::from_der(Vec::<CertificateDer<'_>>::new(), &KeyPair::generate().unwrap().serialize_der())
            .unwrap_err(),
        empty
    );
    assert_eq!(Identity::with_remote_key(vec![], vec![]).unwrap_err(), empty);
    assert_eq!(Identity::with_remote_key(chain, vec![]).unwrap_err(), IdentityError::NoScheme);
}

/// The certificate that the server presents to this client.
fn presented(client: &ClientConfig, server: &Arc<ServerConfig>) -> CertificateDer<'static> {
    let pair = Pair::connected(&Arc::new(client.clone()), server);
    pair.client.peer_certificates().unwrap()[0].clone()
}

/// For every client offer and server setting, the server presents the first identity with which the
/// handshake would also complete if it were the only one.
#[test]
fn first_identity_that_completes_a_handshake_is_presented() {
    use NamedGroup as G;
    let ca = Ca::new(Kind::EcdsaP256);
    let kinds = [Kind::EcdsaP384, Kind::Rsa2048, Kind::EcdsaP256, Kind::Ed25519];
    let made: Vec<Identity> = kinds.iter().map(|kind| ca.identity(*kind, &["server.test"])).collect();
    let ecdsa = &[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256][..];
    let rsa = &[CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256][..];
    let tls13 = &[CipherSuite::TLS_AES_128_GCM_SHA256][..];
    let all = &strata_tls::ALL_CIPHERSUITES.map(|suite| suite.suite())[..];
    let groups = [&[G::SECP256R1][..], &[G::X25519], &[G::X25519, G::SECP384R1], &[G::SECP256R1, G::SECP384R1]];
    let schemes = [SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::RSA_PSS_RSAE_SHA256];
    let (mut completed, mut not_the_first) = (0, 0);
    for versions in [&[ProtocolVersion::TLS12][..], &[ProtocolVersion::TLS13], &VERSIONS] {
        for (at_client, at_server) in
            [(all, all), (ecdsa, all), (all, ecdsa), (rsa, all), (all, rsa), (tls13, all), (all, tls13), (rsa, ecdsa)]
        {
            for (groups, limited) in groups.iter().flat_map(|groups| [(groups, false), (groups, true)]) {
                let mut client = ca.client_config();
                client.set_cipher_suites(at_client).unwrap();
                client.set_groups(groups).unwrap();
                if limited {
                    client.set_signature_schemes(&schemes).unwrap();
                }
                let server = |identities: &[&Identity]| {
                    let mut server = ServerConfig::with_identities(identities.iter().map(|i| (*i).clone()));
                    server.set_versions(versions).unwrap();
                    server.set_cipher_suites(at_server).unwrap();
                    (server.validate().is_ok() && client.validate().is_ok()).then_some(server)
                };
                let presented = |server: ServerConfig| {
                    let mut pair = Pair::new(&Arc::new(client.clone()), &Arc::new(server));
                    pair.settle().ok().map(|()| pair.client.peer_certificates().unwrap()[0].clone())
                };
                let Some(all_four) = server(&made.iter().collect::<Vec<_>>()) else { continue };
                let single: Vec<_> = made.iter().map(|one| presented(server(&[one]).unwrap())).collect();
                let first = single.iter().flatten().next().cloned();
                completed += usize::from(first.is_some());
                not_the_first += usize::from(first.is_some() && single[0].is_none());
                assert_eq!(presented(all_four), first, "{versions:?} {at_client:?} {at_server:?} {groups:?} {limited}");
                let reversed = server(&made.iter().rev().collect::<Vec<_>>()).unwrap();
                assert_eq!(
                    presented(reversed),
                    single.into_iter().rev().flatten().next(),
                    "{versions:?} {at_client:?}"
                );
            }
        }
    }
    assert!(completed > 50 && not_the_first > 20, "{completed} {not_the_first}");
}

#[test]
fn rsa_and_ecdsa_identities_serve_the_clients_that_accept_them() {
    let ca = Ca::new(Kind::EcdsaP256);
    let identity = |kind| ca.identity(kind, &["server.test"]);
    let leaf = |identity: &Identity| identity.chain()[0].clone();
    let (ecdsa, rsa) = (identity(Kind::EcdsaP256), identity(Kind::Rsa2048));
    let leaves = [leaf(&ecdsa), leaf(&rsa)];
    let server = Arc::new(ServerConfig::with_identities([ecdsa, rsa]));
    let mut client = ca.client_config();
    assert_eq!(presented(&client, &server), leaves[0], "the first identity that the client can verify");
    client.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    assert_eq!(presented(&client, &server), leaves[0]);
    for (kind, leaf) in [(Kind::EcdsaP256, &leaves[0]), (Kind::Rsa2048, &leaves[1])] {
        client.set_cipher_suites(&crate::pki::suites(ProtocolVersion::TLS12, kind)).unwrap();
        assert_eq!(presented(&client, &server), *leaf, "{kind:?}");
    }
    // Schemes that count only in TLS 1.3 do not matter to a TLS 1.2 server: the client has no ECDSA
    // suite for TLS 1.2.
    let mut older = ServerConfig::with_identities([identity(Kind::EcdsaP256), identity(Kind::Rsa2048)]);
    older.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    client.set_versions(&VERSIONS).unwrap();
    let [of_12, of_13] = [ProtocolVersion::TLS12, ProtocolVersion::TLS13].map(|v| crate::pki::suites(v, Kind::Rsa2048));
    client.set_cipher_suites(&[of_13, of_12].concat()).unwrap();
    Pair::connected(&Arc::new(client.clone()), &Arc::new(older));
    let server = Arc::new(ServerConfig::with_identities([]));
    let mut pair = Pair::new(&Arc::new(client), &server);
    assert!(matches!(pair.settle(), Err(Error::NoIdentity { .. })));
}

#[test]
fn name_can_have_several_identities_and_a_default() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut client = ca.client_config();
    client.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    let with_suites = |kind| {
        let mut client = client.clone();
        client.set_cipher_suites(&crate::pki::suites(ProtocolVersion::TLS12, kind)).unwrap();
        client
    };
    let identity = |kind, name| ca.identity(kind, &[name]);
    let mut resolver = ResolvesServerCertUsingSni::new();
    let mut expected = Vec::new();
    for kind in [Kind::EcdsaP256, Kind::Rsa2048] {
        // A later identity of the same key type replaces the earlier one.
        resolver.add("Server.Test", identity(kind, "server.test")).unwrap();
        let last = identity(kind, "server.test");
        expected.push((kind, last.chain()[0].clone()));
        resolver.add("server.test", last).unwrap();
    }
    let refused = resolver.add("other.test", identity(Kind::EcdsaP256, "server.test")).unwrap_err();
    assert_eq!(refused, IdentityError::NotValidForName { name: "other.test".into() });
    let server = Arc::new(ServerConfig::with_resolver(Arc::new(resolver)));
    for (kind, leaf) in expected {
        assert_eq!(presented(&with_suites(kind), &server), leaf, "{kind:?}");
    }
    for has_default in [false, true] {
        let mut resolver = ResolvesServerCertUsingSni::new();
        resolver.add("elsewhere.test", identity(Kind::EcdsaP256, "elsewhere.test")).unwrap();
        if has_default {
            resolver.add_default(identity(Kind::Rsa2048, "server.test"));
            resolver.add_default(identity(Kind::EcdsaP256, "server.test"));
        }
        let server = Arc::new(ServerConfig::with_resolver(Arc::new(resolver)));
        for kind in [Kind::EcdsaP256, Kind::Rsa2048] {
            let mut pair = Pair::new(&Arc::new(with_suites(kind)), &server);
            match pair.settle() {
                Ok(()) => assert!(has_default),
                Err(e) => {
                    assert!(matches!(e, Error::NoIdentity { asked: Some(name), .. } if name == "server.test"));
                    assert!(!has_default);
                }
            }
        }
    }
}

/// The certificate presented to a client that requests `name`; `None` if the server has no identity
/// for it.
fn presented_for(name: &str, client: &ClientConfig, server: &Arc<ServerConfig>) -> Option<CertificateDer<'static>> {
    let client = ClientSession::new(&Arc::new(client.clone()), name).unwrap();
    let mut pair = Pair { client, server: ServerSession::new(server) };
    match pair.settle() {
        Ok(()) => Some(pair.client.peer_certificates().unwrap()[0].clone()),
        Err(Error::NoIdentity { .. }) => None,
        Err(e) => panic!("{name}: {e}"),
    }
}

#[test]
fn resolver_normalizes_names_and_wildcards_match_one_label() {
    let ca = Ca::new(Kind::EcdsaP256);
    let client = ca.client_config();
    for reloadable in [false, true] {
        let mut resolver = ResolvesServerCertUsingSni::new();
        let mut add = |name: &str, names: &[&str]| {
            let identity = ca.identity(Kind::EcdsaP256, names);
            let leaf = identity.chain()[0].clone();
            let added = match reloadable {
                true => resolver.add_reloadable(name, Arc::new(ReloadableIdentity::new(identity))),
                false => resolver.add(name, identity),
            };
            added.map(|()| leaf)
        };
        let all = add("*.Example.COM.", &["*.example.com"]).unwrap();
        let exact = add("A.example.com.", &["*.example.com"]).unwrap();
        let other = add("other.test", &["OTHER.test"]).unwrap();
        // Names that the certificate does not cover.
        for (name, names) in [
            ("*.example.com", &["a.example.com"][..]),
            ("*.example.com", &["*.a.example.com"]),
            ("*.a.example.com", &["*.example.com"]),
            ("example.com", &["*.example.com"]),
            ("a.b.example.com", &["*.example.com"]),
            ("*.com", &["*.com"]),
        ] {
            assert_eq!(add(name, names), Err(IdentityError::NotValidForName { name: name.to_owned() }));
        }
        // Invalid names.
        for name in ["", ".", "*", "*.", "*..", "a.test..", "*a.test", "a.*.test", "*.*.test", "a b.test", "../a.test"]
        {
            assert!(
                matches!(
                    add(name, &["a.test"]),
                    Err(IdentityError::BadServerName(_) | IdentityError::NotValidForName { .. })
                ),
                "{name:?}"
            );
        }
        let server = Arc::new(ServerConfig::with_resolver(Arc::new(resolver)));
        for (name, leaf) in [
            ("a.example.com", Some(&exact)),
            ("A.Example.com", Some(&exact)),
            ("b.example.com", Some(&all)),
            ("B.EXAMPLE.com", Some(&all)),
            ("other.test", Some(&other)),
            ("example.com", None),
            ("a.b.example.com", None),
            ("com", None),
        ] {
            assert_eq!(presented_for(name, &client, &server).as_ref(), leaf, "{name}");
        }
    }
}

#[test]
fn reloaded_identity_stays_valid_for_its_names() {
    let ca = Ca::new(Kind::EcdsaP256);
    let client = ca.client_config();
    let identity = |names: &[&str]| ca.identity(Kind::EcdsaP256, names);
    let reloadable = Arc::new(ReloadableIdentity::new(identity(&["*.a.test", "b.test"])));
    let mut resolver = ResolvesServerCertUsingSni::new();
    resolver.add_reloadable("*.a.test", reloadable.clone()).unwrap();
    resolver.add_reloadable("b.test", reloadable.clone()).unwrap();
    resolver.add_default_reloadable(reloadable.clone());
    assert!(resolver.add_reloadable("c.test", reloadable.clone()).is_err());
    let server = Arc::new(ServerConfig::with_resolver(Arc::new(resolver)));
    // A name that was rejected ("c.test") does not bind the identity.
    let second = identity(&["b.test", "*.a.test", "d.test"]);
    let leaf = second.chain()[0].clone();
    reloadable.replace(second).unwrap();
    for (names, missing) in [(&["b.test", "x.a.test"][..], "*.a.test"), (&["*.a.test"], "b.test")] {
        let refused = reloadable.replace(identity(names)).unwrap_err();
        assert_eq!(refused, IdentityError::NotValidForName { name: missing.to_owned() });
    }
    for name in ["x.a.test", "b.test", "d.test"] {
        assert_eq!(presented_for(name, &client, &server).as_ref(), Some(&leaf), "{name}");
    }
}

/// Returns its identity until a rejection is set.
#[derive(Debug)]
struct RejectingResolver(Arc<Identity>, Mutex<Option<NoIdentity>>);

impl ResolvesServerCert for RejectingResolver {
    fn resolve(&self, _: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        self.1.lock().unwrap().map_or_else(|| Ok(self.0.clone()), Err)
    }
}

/// A resuming client is rejected too.
#[test]
fn resolver_chooses_the_alert() {
    let ca = Ca::new(Kind::EcdsaP256);
    for (version, resumes) in VERSIONS.into_iter().flat_map(|version| [(version, false), (version, true)]) {
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        let client = Arc::new(client);
        for (answer, alert) in [
            (NoIdentity::default(), AlertDescription::UNRECOGNIZED_NAME),
            (NoIdentity::with_alert(AlertDescription::ACCESS_DENIED), AlertDescription::ACCESS_DENIED),
            (NoIdentity::with_alert(AlertDescription::HANDSHAKE_FAILURE), AlertDescription::HANDSHAKE_FAILURE),
            (NoIdentity::with_alert(AlertDescription::CLOSE_NOTIFY), AlertDescription::UNRECOGNIZED_NAME),
        ] {
            let identity = Arc::new(ca.identity(Kind::EcdsaP256, &["server.test"]));
            let resolver = Arc::new(RejectingResolver(identity, Mutex::default()));
            let server = Arc::new(ServerConfig::with_resolver(resolver.clone()));
            if resumes {
                Pair::connected(&client, &server);
            }
            *resolver.1.lock().unwrap() = Some(answer);
            let mut pair = Pair::new(&client, &server);
            let refused = pair.settle().unwrap_err();
            assert!(matches!(refused, Error::NoIdentity { .. }), "{refused}");
            let received = carry(&mut pair.server, &mut pair.client).unwrap_err();
            assert!(matches!(received, Error::AlertReceived { description, .. } if description == alert), "{received}");
        }
    }
}

#[test]
fn reload_is_atomic_or_keeps_the_old_identity() {
    let ca = Ca::new(Kind::EcdsaP256);
    let folder = std::env::temp_dir().join(format!("tls-api-reload-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name);
    let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
    let (first, second) = (
        ca.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR)),
        ca.issue(Kind::Rsa2048, &["server.test"], (2000, FAR)),
    );
    let leaf =
        |pair: &(String, String)| Identity::from_pem(pair.0.as_bytes(), pair.1.as_bytes()).unwrap().chain()[0].clone();
    write("chain.pem", &first.0);
    write("key.pem", &first.1);
    write("ocsp.der", "an OCSP response");
    let files = IdentityFiles::new(path("chain.pem"), path("key.pem"));
    let checked = files.clone().with_ocsp_response(path("ocsp.der")).load().unwrap_err();
    let cause = IdentityError::OcspResponse(OcspError::Malformed { found: Some("text") });
    assert!(matches!(&checked, ReloadError::Identity { cause: found, .. } if *found == cause), "{checked:?}");
    assert!(checked.to_string().contains("ocsp.der: unusable OCSP response: it is text"), "{checked}");
    let files = files.with_unchecked_ocsp_response(path("ocsp.der"));
    let identity = Arc::new(ReloadableIdentity::from_files(files).unwrap());
    assert_eq!(identity.current().ocsp_response(), Some(&b"an OCSP response"[..]));
    let server = Arc::new(ServerConfig::with_resolver(identity.clone()));
    let mut client = ca.client_config();
    client.set_session_storage(Arc::new(strata_tls::NoClientSessionStorage));
    assert_eq!(presented(&client, &server), leaf(&first));
    // Only one of the two files is new.
    write("chain.pem", &second.0);
    assert!(matches!(identity.reload(), Err(ReloadError::Identity { cause: IdentityError::KeyMismatch, .. })));
    assert_eq!(presented(&client, &server), leaf(&first));
    write("key.pem", &second.1[..second.1.len() / 2]);
    let e = identity.reload().unwrap_err().to_string();
    assert!(e.contains("key.pem: ") && e.contains("no END line"), "{e}");
    std::fs::remove_file(path("key.pem")).unwrap();
    let e = identity.reload().unwrap_err();
    assert!(e.to_string().contains("key.pem: "), "{e}");
    assert_eq!(presented(&client, &server), leaf(&first));
    write("key.pem", &second.1);
    // A certificate that does not cover the name for which it is configured.
    let other = ca.issue(Kind::EcdsaP256, &["other.test"], (2000, FAR));
    ResolvesServerCertUsingSni::new().add_reloadable("server.test", identity.clone()).unwrap();
    write("chain.pem", &other.0);
    write("key.pem", &other.1);
    assert!(matches!(
        identity.reload(),
        Err(ReloadError::Identity { cause: IdentityError::NotValidForName { .. }, .. })
    ));
    assert_eq!(presented(&client, &server), leaf(&first));
    write("chain.pem", &second.0);
    write("key.pem", &second.1);
    // A handshake that began before the reload keeps the old identity.
    let mut pair = Pair::new(&Arc::new(client.clone()), &server);
    carry(&mut pair.client, &mut pair.server).unwrap();
    identity.reload().unwrap();
    pair.settle().unwrap();
    assert_eq!(pair.client.peer_certificates().unwrap()[0], leaf(&first));
    assert_eq!(presented(&client, &server), leaf(&second));
    std::fs::remove_dir_all(&folder).unwrap();
    let by_hand = ReloadableIdentity::new(ca.identity(Kind::Ed25519, &["server.test"]));
    assert!(matches!(by_hand.reload(), Err(ReloadError::NoFiles)));
    assert!(matches!(
        ReloadableIdentity::from_files(IdentityFiles::new("nowhere", "nowhere")),
        Err(ReloadError::File { .. })
    ));
}

#[test]
fn concurrent_replace_leaves_readers_a_whole_identity() {
    let ca = Ca::new(Kind::EcdsaP256);
    let identity = Arc::new(ReloadableIdentity::new(ca.identity(Kind::EcdsaP256, &["server.test"])));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..20_000).for_each(|_| assert_eq!(identity.current().chain().len(), 1)));
        }
        for _ in 0..50 {
            identity.replace(ca.identity(Kind::EcdsaP256, &["server.test"])).unwrap();
        }
    });
}

/// A signing key that the application implements. `reveals_key` decides whether it reveals its
/// public key.
#[derive(Debug)]
struct ApplicationKey {
    key: KeyPair,
    signed: AtomicUsize,
    reveals_key: bool,
    works: bool,
}

struct ApplicationSigner(Result<PrivateKey, SignError>);

impl SigningKey for ApplicationKey {
    fn schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_SECP256R1_SHA256]
    }

    fn subject_public_key_info(&self) -> Option<Vec<u8>> {
        self.reveals_key.then(|| self.key.subject_public_key_info())
    }

    fn signer(&self, scheme: SignatureScheme) -> Option<Box<dyn Signer>> {
        assert_eq!(scheme, SignatureScheme::ECDSA_SECP256R1_SHA256);
        self.signed.fetch_add(1, Ordering::Relaxed);
        let key = PrivateKey::from_der(&self.key.serialize_der().as_slice().try_into().unwrap()).unwrap();
        Some(Box::new(ApplicationSigner(if self.works { Ok(key) } else { Err(SignError::new("pulled out")) })))
    }
}

impl Signer for ApplicationSigner {
    fn sign(self: Box<Self>, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0?
            .sign(tls_crypto::Backend::ring(), SignatureAlgorithm::EcdsaP256Sha256, message)
            .map_err(|e| SignError::new(e.to_string()))
    }
}

#[test]
fn application_signing_key_serves_both_roles() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        for (works, reveals_key) in [(true, true), (true, false), (false, false)] {
            let (cert, key) = ca.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
            let key = KeyPair::from_pem(&key).unwrap();
            let token = Arc::new(ApplicationKey { key, signed: AtomicUsize::new(0), reveals_key, works });
            let chain = strata_tls::certs_from_pem(cert.as_bytes()).unwrap();
            let own = || Identity::with_signing_key(chain.clone(), token.clone()).unwrap();
            let mut server = ServerConfig::new(own());
            server
                .set_client_cert_verifier(Arc::new(strata_tls::AllowAnyAuthenticatedClient::new(ca.roots())))
                .unwrap();
            let mut client = ca.client_config();
            client.set_versions(&[version]).unwrap();
            client.set_client_identity(own());
            let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
            match pair.settle() {
                Ok(()) => assert!(works && token.signed.load(Ordering::Relaxed) == 2),
                Err(e) => assert!(!works && e == Error::SignerFailed, "{e}"),
            }
        }
    }
    // If the key reveals its public key, the certificate must match it.
    let (cert, _) = ca.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
    let key = KeyPair::generate().unwrap();
    let token = Arc::new(ApplicationKey { key, signed: AtomicUsize::new(0), reveals_key: true, works: true });
    let chain = strata_tls::certs_from_pem(cert.as_bytes()).unwrap();
    assert_eq!(Identity::with_signing_key(chain, token).unwrap_err(), IdentityError::KeyMismatch);
}

/// An identity with a remote key, and that key.
fn remote_identity(ca: &Ca) -> (Identity, PrivateKey) {
    let (cert, key) = ca.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
    let key = KeyPair::from_pem(&key).unwrap().serialize_der();
    let chain = strata_tls::certs_from_pem(cert.as_bytes()).unwrap();
    let identity = Identity::with_remote_key(chain, vec![SignatureScheme::ECDSA_SECP256R1_SHA256]).unwrap();
    assert!(identity.is_remote());
    (identity, PrivateKey::from_der(&key.as_slice().try_into().unwrap()).unwrap())
}

fn sign(key: &PrivateKey, session: &mut impl Session) {
    let request = session.take_signature_request().unwrap();
    assert!(session.take_signature_request().is_none(), "each request is returned once");
    assert!(!session.wants_read() && session.is_handshaking());
    assert_eq!(request.scheme(), SignatureScheme::ECDSA_SECP256R1_SHA256);
    let signature =
        key.sign(tls_crypto::Backend::ring(), SignatureAlgorithm::EcdsaP256Sha256, request.message()).unwrap();
    session.answer_signature(request.answer(signature)).unwrap();
    assert!(session.take_signature_request().is_none());
}

#[test]
fn remote_signature_can_be_answered_later() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        let ((server_identity, server_key), (client_identity, client_key)) =
            (remote_identity(&ca), remote_identity(&ca));
        let mut server = ServerConfig::new(server_identity);
        server.set_client_cert_verifier(Arc::new(strata_tls::AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        client.set_client_identity(client_identity);
        let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
        pair.client.write_all(b"question").unwrap();
        pair.server.write_all(b"answer").unwrap();
        carry(&mut pair.client, &mut pair.server).unwrap();
        // While the signature is pending, nothing is lost and the handshake does not advance.
        let mut socket = std::io::Cursor::new(Vec::new());
        assert!(is_would_block(pair.server.complete_io(&mut socket)));
        crate::pair::feed(&mut pair.client, socket.get_ref()).unwrap();
        sign(&server_key, &mut pair.server);
        carry(&mut pair.server, &mut pair.client).unwrap();
        sign(&client_key, &mut pair.client);
        pair.settle().unwrap();
        assert_eq!(read_all(&mut pair.server), b"question");
        assert_eq!(read_all(&mut pair.client), b"answer");
        assert!(pair.server.peer_certificates().is_some());
        let scheme = Some(SignatureScheme::ECDSA_SECP256R1_SHA256);
        assert_eq!((pair.client.peer_signature_scheme(), pair.server.peer_signature_scheme()), (scheme, scheme));
    }
}

#[test]
fn failed_or_wrong_signature_ends_the_handshake() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        let mut client = ca.client_config();
        client.set_versions(&[version]).unwrap();
        let (client, server) = (Arc::new(client), Arc::new(ServerConfig::new(remote_identity(&ca).0)));
        let waiting = || {
            let mut pair = Pair::new(&client, &server);
            carry(&mut pair.client, &mut pair.server).unwrap();
            let request = pair.server.take_signature_request().unwrap();
            (pair, request)
        };
        let (mut pair, request) = waiting();
        assert_eq!(pair.server.answer_signature(request.fail()), Err(Error::SignerFailed));
        assert!(matches!(pair.settle(), Err(Error::AlertReceived { .. } | Error::SignerFailed)));

        // The client leaves while the signature is pending, with or without close_notify.
        for closes_cleanly in [false, true] {
            let (mut pair, request) = waiting();
            if closes_cleanly {
                pair.client.send_close_notify();
            }
            carry(&mut pair.client, &mut pair.server).unwrap();
            pair.server.read_tls(&mut std::io::empty()).unwrap();
            let noticed = pair.server.process_new_packets().is_err();
            let answered = pair.server.answer_signature(request.fail()).is_err();
            assert!(pair.server.process_new_packets().is_err() && (noticed || answered), "{closes_cleanly}");
            assert_eq!(pair.server.handshake_kind(), None);
        }

        let (mut pair, request) = waiting();
        pair.server.answer_signature(request.answer(vec![1; 70])).unwrap();
        assert_eq!(pair.settle(), Err(Error::BadSignature));

        // An answer to another session's request changes nothing.
        let ((mut pair, request), (_, other)) = (waiting(), waiting());
        assert_eq!(pair.server.answer_signature(other.fail()), Err(Error::WrongAnswer));
        assert!(pair.server.is_handshaking() && !pair.server.wants_read());
        assert_eq!(pair.server.answer_signature(request.fail()), Err(Error::SignerFailed));
    }
}
