//! TLS 1.2 negotiation: offers and selections in edited hellos and key exchanges.

use tls_codec::code_points::{
    AlertDescription as A, CipherSuite as S, ExtensionType as X, HandshakeType as T, NamedGroup as G,
    SignatureScheme as Z,
};

use super::flow::{
    End, Failure, Kind, Outcome, client, client_with, configs, edit_each, ends, halt_at, handshake, run, server,
    server_with,
};
use super::hello::{Hello, HelloEdit, assert_error, client_after_hello, server_after_hello};
use super::pair::Pki;
use crate::config::{ClientConfig, ServerConfig, SuitePreference};
use crate::error::{Error, Illegal};
use crate::identity::Identity;
use crate::need::{Answer, Need};
use crate::states::StateMachine;

fn server_error_for(pki: &Pki, change: HelloEdit<'_>) -> Error {
    let (client, server) = configs(Kind::Tls12);
    server_after_hello(client, server, pki, change).map(|_| ()).unwrap_err()
}

/// Returns the ServerHello that answers an edited ClientHello.
fn server_hello_for(kind: Kind, pki: &Pki, change: HelloEdit<'_>) -> Hello {
    let (client, server) = configs(kind);
    Hello::parse(&server_after_hello(client, server, pki, change).map_err(|e| e.to_string()).unwrap().pop())
}

fn client_result_for(change: HelloEdit<'_>) -> Result<(), Error> {
    let (client, server) = configs(Kind::Tls12);
    client_after_hello(client, server, &Pki::new(), change).map(|_| ())
}

fn id(bytes: &[u8]) -> S {
    S(u16::from_be_bytes(bytes.try_into().unwrap()))
}

#[test]
fn server_selects_suite_of_certificate_key_type() {
    for (name, pki) in Pki::of_all_key_types() {
        let is_rsa = name.starts_with("RSA");
        let of_kind = |rsa: bool| {
            if rsa { &[0xc0u8, 0x2f, 0xc0, 0x30, 0xcc, 0xa8] } else { &[0xc0, 0x2b, 0xc0, 0x2c, 0xcc, 0xa9] }
        };
        for fits in of_kind(is_rsa).chunks(2) {
            let hello = server_hello_for(Kind::Tls12, &pki, &|h| h.suites = [of_kind(!is_rsa), fits].concat());
            assert_eq!(hello.suites, fits, "{name}");
        }
        let rejection = server_error_for(&pki, &|h| h.suites = of_kind(!is_rsa).to_vec());
        let Error::NoCommonCipherSuite { offered, enabled } = &rejection else { panic!("{rejection:?}") };
        assert_eq!(offered.entries(), of_kind(!is_rsa).chunks(2).map(id).collect::<Vec<_>>());
        assert!(!enabled.iter().any(|suite| offered.entries().contains(suite)), "{enabled:?}");
        assert_error(&rejection, A::HANDSHAKE_FAILURE, &["TLS_ECDHE_RSA_WITH", "TLS_ECDHE_ECDSA_WITH"]);
    }
    // Suites of TLS 1.3 are not usable in TLS 1.2.
    let rejection = server_error_for(&Pki::new(), &|h| h.suites = vec![0x13, 1, 0x13, 2]);
    assert_error(
        &rejection,
        A::HANDSHAKE_FAILURE,
        &["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
    );
}

#[test]
fn server_rejects_cbc_and_static_key_exchange_suites() {
    // RSA key transport with GCM and with CBC, ECDHE with CBC, DHE with GCM.
    for suite in [[0x00, 0x9c], [0x00, 0x2f], [0xc0, 0x13], [0x00, 0x9e]] {
        let rejection = server_error_for(&Pki::with_rsa_key(), &|h| h.suites = suite.to_vec());
        assert_error(
            &rejection,
            A::HANDSHAKE_FAILURE,
            &[&id(&suite).to_string(), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        );
    }
}

#[test]
fn suite_order_follows_preference_setting() {
    let aes128 = S::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    let aes256 = S::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
    let chacha = S::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    let pki = Pki::new();
    let selected_suite = |preference, ours: &[S], theirs: &[S]| {
        let (mut client, mut server) = configs(Kind::Tls12);
        client.set_cipher_suites(theirs).unwrap();
        server.set_cipher_suites(ours).unwrap();
        server.set_suite_preference(preference);
        id(&Hello::parse(&server_after_hello(client, server, &pki, &|_| {}).map(|mut end| end.pop()).unwrap()).suites)
    };
    use SuitePreference::{Client, Server};
    assert_eq!(selected_suite(Server, &[aes256, aes128, chacha], &[aes128, aes256, chacha]), aes256);
    assert_eq!(selected_suite(Client, &[aes256, aes128, chacha], &[aes128, aes256, chacha]), aes128);
    assert_eq!(selected_suite(Server, &[aes256, aes128, chacha], &[chacha, aes128, aes256]), chacha);
    assert_eq!(selected_suite(Server, &[aes256, aes128], &[chacha, aes128, aes256]), aes256);
}

/// Returns the scheme with which the server's key is asked to sign.
fn signing_scheme(pki: &Pki, offered: &[Z]) -> Result<Z, Error> {
    let mut scheme = None;
    let mut list = u16::try_from(2 * offered.len()).unwrap().to_be_bytes().to_vec();
    list.extend(offered.iter().flat_map(|scheme| scheme.0.to_be_bytes()));
    let (client_config, server_config) = configs(Kind::Tls12);
    let mut hello = client(client_config).pop();
    Hello::edit(&mut hello, &|h| (*h.get(X::SIGNATURE_ALGORITHMS)).clone_from(&list));
    server(server_config).deliver(&hello, &mut |need| {
        if let Need::Signature(need) = &need {
            scheme = Some(need.scheme());
        }
        pki.answer(need)
    })?;
    Ok(scheme.unwrap())
}

#[test]
fn server_signs_with_offered_scheme_of_its_key() {
    let rsa = Pki::with_rsa_key();
    for scheme in [Z::RSA_PKCS1_SHA256, Z::RSA_PKCS1_SHA384, Z::RSA_PKCS1_SHA512, Z::RSA_PSS_RSAE_SHA384] {
        assert_eq!(signing_scheme(&rsa, &[Z::ECDSA_SECP256R1_SHA256, Z::RSA_PKCS1_SHA1, scheme]), Ok(scheme));
    }
    assert_eq!(signing_scheme(&rsa, &[Z::RSA_PKCS1_SHA256, Z::RSA_PSS_RSAE_SHA256]), Ok(Z::RSA_PSS_RSAE_SHA256));
    // An RSA key does not sign with SHA-1 or MD5 here. The error names them.
    let rejection = signing_scheme(&rsa, &[Z::RSA_PKCS1_SHA1, Z::ECDSA_SHA1, Z(0x0101)]).unwrap_err();
    assert_error(&rejection, A::HANDSHAKE_FAILURE, &["rsa_pkcs1_sha1", "rsa_pss_rsae_sha256"]);
    let rejection = signing_scheme(&Pki::new(), &[Z::ED25519, Z::RSA_PKCS1_SHA256]).unwrap_err();
    assert_error(&rejection, A::HANDSHAKE_FAILURE, &["ed25519", "ecdsa_secp256r1_sha256"]);
}

/// RFC 5246 §7.4.1.4.1: without the extension the client means SHA-1.
#[test]
fn client_hello_without_signature_algorithms_is_rejected() {
    for (_, pki) in Pki::of_all_key_types() {
        let rejection = server_error_for(&pki, &|h| h.remove(X::SIGNATURE_ALGORITHMS));
        let able = pki.identity.schemes().to_vec();
        assert_eq!(rejection, Error::NoCommonSignatureScheme { offered: Vec::new().into(), able });
        assert_eq!(rejection.alert(), Some(A::HANDSHAKE_FAILURE));
    }
}

/// A remote key whose owner lists only SHA-1.
#[test]
fn identity_without_usable_scheme_is_reported() {
    let pki = Pki::new();
    let chain = pki.identity.chain().to_vec();
    let identity = std::sync::Arc::new(Identity::with_remote_key(chain, vec![Z::ECDSA_SHA1]).unwrap());
    let (mut client, mut server) = ends(Kind::Tls12);
    let mut answer = |need| match need {
        Need::Identity(need) => need.answer(identity.clone()),
        other => pki.answer(other),
    };
    let rejection = server.deliver(&client.pop(), &mut answer).unwrap_err();
    let Error::NoCommonSignatureScheme { able, .. } = &rejection else { panic!("{rejection:?}") };
    assert_eq!(able, &[Z::ECDSA_SHA1]);
    assert_eq!(rejection.alert(), Some(A::HANDSHAKE_FAILURE));
}

fn groups(list: &[G]) -> Vec<u8> {
    let mut data = u16::try_from(2 * list.len()).unwrap().to_be_bytes().to_vec();
    data.extend(list.iter().flat_map(|group| group.0.to_be_bytes()));
    data
}

#[test]
fn server_selects_common_group_and_offered_key_curve() {
    let kinds = Pki::of_all_key_types();
    let rejection = server_error_for(&kinds[0].1, &|h| h.remove(X::SUPPORTED_GROUPS));
    assert!(matches!(&rejection, Error::NoCommonGroup { offered, .. } if offered.total() == 0), "{rejection:?}");
    let rejection = server_error_for(&kinds[2].1, &|h| *h.get(X::SUPPORTED_GROUPS) = groups(&[G::X448, G::SECP521R1]));
    assert_error(&rejection, A::HANDSHAKE_FAILURE, &["x448", "x25519"]);
    // RFC 8422 §5.1.1: the client must offer the curve of an ECDSA key. Keys of other types need
    // none.
    for ((name, pki), curve) in kinds.iter().zip([Some(G::SECP256R1), Some(G::SECP384R1), None, None]) {
        for offered in [vec![G::X25519], vec![G::X25519, G::SECP256R1], vec![G::X25519, G::SECP384R1]] {
            let (client, server) = configs(Kind::Tls12);
            let outcome = server_after_hello(client, server, pki, &|h| *h.get(X::SUPPORTED_GROUPS) = groups(&offered));
            match curve.filter(|curve| !offered.contains(curve)) {
                Some(curve) => {
                    let rejection = outcome.map(|_| ()).unwrap_err();
                    assert_eq!(rejection, Error::CertificateCurve { curve, offered: offered.into() }, "{name}");
                    assert_eq!(rejection.alert(), Some(A::HANDSHAKE_FAILURE));
                }
                None => assert!(outcome.is_ok(), "{name} with {offered:?}"),
            }
        }
    }
}

#[test]
fn both_sides_require_uncompressed_points() {
    let pki = Pki::new();
    let rejection = server_error_for(&pki, &|h| *h.get(X::EC_POINT_FORMATS) = vec![2, 1, 2]);
    assert_eq!(rejection, Illegal::PointFormats.into());
    assert_eq!(rejection.alert(), Some(A::ILLEGAL_PARAMETER));
    // A client without the extension supports uncompressed points (RFC 8422 §5.1) and gets no
    // response to it.
    assert!(!server_hello_for(Kind::Tls12, &pki, &|h| h.remove(X::EC_POINT_FORMATS)).has(X::EC_POINT_FORMATS));
    let outcome = client_result_for(&|h| *h.get(X::EC_POINT_FORMATS) = vec![1, 1]);
    assert_eq!(outcome, Err(Illegal::PointFormats.into()));
    assert_eq!(client_result_for(&|h| h.remove(X::EC_POINT_FORMATS)), Ok(()));
    assert_eq!(client_result_for(&|h| *h.get(X::EC_POINT_FORMATS) = vec![3, 2, 1, 0]), Ok(()));
}

/// RFC 5746 §3.4 to §3.6.
#[test]
fn hello_requires_empty_renegotiation_info() {
    let pki = Pki::new();
    let insecure = Error::InsecureRenegotiation;
    assert_eq!(insecure.alert(), Some(A::HANDSHAKE_FAILURE));
    let missing = client_result_for(&|h| h.remove(X::RENEGOTIATION_INFO)).unwrap_err();
    assert_eq!(missing, Error::MissingRenegotiationInfo);
    assert_error(&missing, A::HANDSHAKE_FAILURE, &["RFC 5746", "set_allow_missing_renegotiation_info"]);
    assert_eq!(client_result_for(&|h| *h.get(X::RENEGOTIATION_INFO) = vec![1, 7]), Err(insecure.clone()));
    assert_eq!(server_error_for(&pki, &|h| *h.get(X::RENEGOTIATION_INFO) = [&[12][..], &[7; 12]].concat()), insecure);
    // The SCSV has the same meaning as the extension. A client with neither gets no response.
    let scsv = |h: &mut Hello| {
        h.remove(X::RENEGOTIATION_INFO);
        h.suites.extend_from_slice(&[0, 0xff]);
    };
    assert_eq!(*server_hello_for(Kind::Tls12, &pki, &scsv).get(X::RENEGOTIATION_INFO), [0]);
    let neither = server_hello_for(Kind::Tls12, &pki, &|h| h.remove(X::RENEGOTIATION_INFO));
    assert!(!neither.has(X::RENEGOTIATION_INFO));
}

/// RFC 5746 §4.1: the setting accepts a missing extension, not a wrong one.
#[test]
fn setting_accepts_server_without_renegotiation_info() {
    let result_for = |change: HelloEdit<'_>| {
        let (mut client, server) = configs(Kind::Tls12);
        client.set_allow_missing_renegotiation_info(true);
        client_after_hello(client, server, &Pki::new(), change).map(|_| ())
    };
    assert_eq!(result_for(&|h| h.remove(X::RENEGOTIATION_INFO)), Ok(()));
    assert_eq!(result_for(&|_| {}), Ok(()));
    let wrong = result_for(&|h| *h.get(X::RENEGOTIATION_INFO) = vec![1, 7]);
    assert_eq!(wrong, Err(Error::InsecureRenegotiation));
}

/// RFC 7627.
#[test]
fn extended_master_secret_is_used_and_required_by_setting() {
    let pki = Pki::new();
    assert!(server_hello_for(Kind::Tls12, &pki, &|_| {}).has(X::EXTENDED_MASTER_SECRET));
    let plain = |h: &mut Hello| h.remove(X::EXTENDED_MASTER_SECRET);
    assert!(!server_hello_for(Kind::Tls12, &pki, &plain).has(X::EXTENDED_MASTER_SECRET));
    let required = Error::ExtendedMasterSecretRequired;
    assert_eq!(required.alert(), Some(A::HANDSHAKE_FAILURE));
    let (mut client_config, mut server_config) = configs(Kind::Tls12);
    client_config.set_require_ems(true);
    server_config.set_require_ems(true);
    let outcome = server_after_hello(client_config.clone(), server_config.clone(), &pki, &plain).map(|_| ());
    assert_eq!(outcome, Err(required.clone()));
    let outcome = client_after_hello(client_config.clone(), ServerConfig::new(), &pki, &|_| {}).map(|_| ());
    assert_eq!(outcome, Ok(()), "TLS 1.3 always has it");
    let outcome = client_after_hello(client_config.clone(), configs(Kind::Tls12).1, &pki, &plain).map(|_| ());
    assert_eq!(outcome, Err(required));
    assert_eq!(handshake(&mut client(client_config), &mut server(server_config), &pki), Outcome::BothConnected);
}

/// An attacker who removes the extension from both hellos makes the keys of the two sides differ.
#[test]
fn attacker_cannot_remove_extended_master_secret() {
    let pki = Pki::new();
    let (mut client, mut server) = ends(Kind::Tls12);
    let outcome = run(&mut client, &mut server, &mut |need| pki.answer(need), &mut |_, message| {
        Hello::edit(message, &|h| h.remove(X::EXTENDED_MASTER_SECRET));
    });
    let error = Error::BadFinished;
    assert_eq!(outcome, Outcome::Failed(Failure { side: "server", at: T::FINISHED, error }));
}

/// RFC 7627 §5.4: exporters require it.
#[test]
fn exporter_requires_extended_master_secret() {
    let pki = Pki::new();
    for (kind, exports) in [(Kind::Tls12, Ok(())), (Kind::Tls12Plain, Err(Error::ExtendedMasterSecretRequired))] {
        let (mut client, mut server) = ends(kind);
        assert_eq!(handshake(&mut client, &mut server, &pki), Outcome::BothConnected);
        let mut out = [[0; 16]; 2];
        let [at_client, at_server] = &mut out;
        let (client, server) = (client.state.unwrap(), server.state.unwrap());
        assert_eq!(client.established().unwrap().exporter.export(b"label", None, at_client), exports);
        assert_eq!(server.established().unwrap().exporter.export(b"label", None, at_server), exports);
        assert!(at_client == at_server && (*at_client == [0; 16]) == exports.is_err());
    }
}

#[test]
fn client_rejects_echoed_session_id_without_offer() {
    let pki = Pki::new();
    assert!(server_hello_for(Kind::Tls12, &pki, &|h| h.session_id = vec![7; 32]).session_id.is_empty());
    let (client_config, server_config) = configs(Kind::Tls12);
    let (mut client, mut server) = (client(client_config), server(server_config));
    let hello = client.pop();
    let ours = Hello::parse(&hello).session_id;
    assert_eq!(ours.len(), 32);
    server.deliver(&hello, &mut |need| pki.answer(need)).unwrap();
    let mut answer = server.pop();
    Hello::edit(&mut answer, &|h| h.session_id.clone_from(&ours));
    let outcome = client.deliver(&answer, &mut |need| pki.answer(need));
    assert_eq!(outcome, Err(Illegal::SessionIdEchoed.into()));
    // A new ID of the server is legal: the session could be resumed later.
    assert_eq!(client_result_for(&|h| h.session_id = vec![9; 32]), Ok(()));
}

#[test]
fn client_rejects_unoffered_server_hello_fields() {
    let outcome_of =
        |typ: u16, data: &[u8]| client_result_for(&|h| h.extensions.push((typ, data.to_vec()))).unwrap_err();
    for (typ, data) in [
        (0x1234, &[][..]),
        (X::SESSION_TICKET.0, &[]),
        (X::SIGNED_CERTIFICATE_TIMESTAMP.0, &[0, 4, 0, 2, 7, 7]),
        (X::MAX_FRAGMENT_LENGTH.0, &[1]),
        (X::HEARTBEAT.0, &[1]),
    ] {
        let rejection = outcome_of(typ, data);
        assert_eq!(rejection, Error::UnsolicitedExtension { message: T::SERVER_HELLO, extension: X(typ) });
        assert_eq!(rejection.alert(), Some(A::UNSUPPORTED_EXTENSION));
    }
    for (typ, data) in
        [(X::KEY_SHARE.0, &[0, 0x1d, 0, 1, 7][..]), (X::PRE_SHARED_KEY.0, &[0, 0]), (X::COOKIE.0, &[0, 1, 7])]
    {
        let rejection = outcome_of(typ, data);
        assert!(
            [Some(A::ILLEGAL_PARAMETER), Some(A::UNSUPPORTED_EXTENSION)].contains(&rejection.alert()),
            "{rejection}"
        );
    }
    // It was offered, so a server may send it, and some do: it is ignored.
    assert_eq!(client_result_for(&|h| h.extensions.push((X::SUPPORTED_GROUPS.0, groups(&[G::X448])))), Ok(()));
    let twice = client_result_for(&|h| h.extensions.push(h.extensions[0].clone())).unwrap_err();
    assert_eq!(twice.alert(), Some(A::DECODE_ERROR));
    let suite = client_result_for(&|h| h.suites = vec![0xc0, 0x13]);
    assert_eq!(suite, Err(Illegal::CipherSuiteNotOffered(S(0xc013)).into()));
    // CVE-2024-5814, wolfSSL: a suite that the client supports but did not offer, and one of
    // another version.
    let mut config = configs(Kind::Tls12).0;
    config.set_cipher_suites(&[S::TLS_AES_128_GCM_SHA256, S::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]).unwrap();
    for suite in [[0xc0, 0x2c], [0xcc, 0xa9], [0xc0, 0x2f], [0x13, 1]] {
        let (server, change) = (configs(Kind::Tls12).1, |h: &mut Hello| h.suites = suite.to_vec());
        let outcome = client_after_hello(config.clone(), server, &Pki::new(), &change).map(|_| ());
        assert_eq!(outcome, Err(Illegal::CipherSuiteNotOffered(id(&suite)).into()));
    }
}

#[test]
fn compression_is_rejected() {
    let pki = Pki::new();
    assert_eq!(server_error_for(&pki, &|h| h.compression = vec![1]), Illegal::Compression.into());
    // RFC 5246 §7.4.1.2: the null method is required, others may accompany it.
    let both = server_hello_for(Kind::Tls12, &pki, &|h| h.compression = vec![1, 0]);
    assert_eq!(both.compression, [0]);
    assert_eq!(client_result_for(&|h| h.compression = vec![1]), Err(Illegal::CompressionNotOffered(1).into()));
}

#[test]
fn hellos_negotiate_application_protocol() {
    let pki = Pki::new();
    let mut hello = server_hello_for(Kind::Tls12, &pki, &|_| {});
    assert_eq!(*hello.get(X::ALPN), b"\0\x09\x08http/1.1");
    assert!(!server_hello_for(Kind::Tls12, &pki, &|h| h.remove(X::ALPN)).has(X::ALPN));
    let rejection = server_error_for(&pki, &|h| *h.get(X::ALPN) = b"\0\x06\x05xyzzy".to_vec());
    assert_error(&rejection, A::NO_APPLICATION_PROTOCOL, &["xyzzy", "http/1.1"]);
    let outcome = client_result_for(&|h| *h.get(X::ALPN) = b"\0\x03\x02h3".to_vec());
    assert_eq!(outcome, Err(Illegal::AlpnNotOffered.into()));
    let (mut client, server) = (ClientConfig::new(), configs(Kind::Tls12).1);
    client.set_ocsp_request(false);
    let alpn = |h: &mut Hello| h.extensions.push((X::ALPN.0, b"\0\x03\x02h2".to_vec()));
    let outcome = client_after_hello(client, server, &pki, &alpn).map(|_| ()).unwrap_err();
    assert_eq!(outcome, Error::UnsolicitedExtension { message: T::SERVER_HELLO, extension: X::ALPN });
}

/// Returns the error of a client that reads a ServerKeyExchange with edited and then signed params.
fn client_error_for_params(group: G, change: fn(&mut [u8])) -> Error {
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    let (client_config, mut server_config) = configs(Kind::Tls12);
    server_config.set_groups(&[group]).unwrap();
    let (mut client, mut server) = (
        client(client_config),
        server_with(
            server_config,
            edit_each(T::SERVER_KEY_EXCHANGE, move |message| {
                let end = 8 + usize::from(message[7]);
                change(&mut message[4..end]);
            }),
        ),
    );
    let mut answer = |need: Need| -> Answer {
        match need {
            Need::Signature(need) => {
                // The params follow both randoms.
                let mut content = need.message().to_vec();
                change(&mut content[64..]);
                let signature = need.identity().sign(tls_crypto::Backend::ring(), need.scheme(), &content).unwrap();
                need.answer(signature)
            }
            other => pki.answer(other),
        }
    };
    let Outcome::Failed(failure) = run(&mut client, &mut server, &mut answer, &mut |_, _| {}) else {
        panic!("{group}")
    };
    assert_eq!(failure.side, "client");
    failure.error
}

#[test]
fn client_rejects_unoffered_group_or_invalid_point() {
    let unknown = client_error_for_params(G::X25519, |params| params[1..3].copy_from_slice(&[0, 0x1e]));
    assert_eq!(unknown, Illegal::GroupNotOffered(G::X448).into());
    // Only TLS 1.3 has it, although the client offered it.
    #[cfg(feature = "post-quantum")]
    {
        let hybrid = client_error_for_params(G::X25519, |params| params[1..3].copy_from_slice(&[0x11, 0xec]));
        assert_eq!(hybrid, Illegal::GroupNotOffered(G::X25519MLKEM768).into());
    }
    let wrong_type = client_error_for_params(G::X25519, |params| params[0] = 1);
    assert!(matches!(wrong_type, Error::Decode(_)) && wrong_type.alert() == Some(A::ILLEGAL_PARAMETER));
    // The all-zero value of X25519 (RFC 7748 §6.1), then points off the curve, of another form and
    // at infinity.
    let zero = client_error_for_params(G::X25519, |params| params[4..36].fill(0));
    assert_eq!(zero, Illegal::KeyShare(G::X25519).into());
    for group in [G::SECP256R1, G::SECP384R1] {
        for change in [
            (|params| params[20] ^= 1) as fn(&mut [u8]),
            |params| params[4] = 2,
            |params| params[4] = 0,
            |params| params[5..].fill(0),
        ] {
            assert_eq!(client_error_for_params(group, change), Illegal::KeyShare(group).into());
        }
    }
    // A group that is supported, but that this client did not offer.
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    let (mut client_config, server_config) = configs(Kind::Tls12);
    client_config.set_groups(&[G::X25519]).unwrap();
    let change = edit_each(T::SERVER_KEY_EXCHANGE, |message| message[5..7].copy_from_slice(&[0, 0x17]));
    let outcome = handshake(&mut client(client_config), &mut server_with(server_config, change), &pki);
    let error = Illegal::GroupNotOffered(G::SECP256R1).into();
    assert_eq!(outcome, Outcome::Failed(Failure { side: "client", at: T::SERVER_KEY_EXCHANGE, error }));
}

#[test]
fn server_rejects_invalid_client_key_exchange() {
    let pki = Pki::with_key(&rcgen::PKCS_ED25519);
    for (group, length) in [(G::X25519, 32), (G::SECP256R1, 65), (G::SECP384R1, 97)] {
        let changes: [fn(&mut Vec<u8>); 3] = [
            |message| message[5..].fill(0),
            // One byte less, with matching lengths.
            |message| {
                message.pop();
                message[3] -= 1;
                message[4] -= 1;
            },
            |message| {
                message.push(7);
                message[3] += 1;
                message[4] += 1;
            },
        ];
        for change in changes {
            let (client_config, mut server_config) = configs(Kind::Tls12);
            server_config.set_groups(&[group]).unwrap();
            let mut client = client_with(
                client_config,
                edit_each(T::CLIENT_KEY_EXCHANGE, move |message| {
                    assert_eq!(message.len(), 5 + length);
                    change(message);
                }),
            );
            let outcome = handshake(&mut client, &mut server(server_config), &pki);
            let error = Illegal::KeyShare(group).into();
            assert_eq!(outcome, Outcome::Failed(Failure { side: "server", at: T::CLIENT_KEY_EXCHANGE, error }));
        }
    }
}

/// RFC 8422 §2: the suite determines the key type of the signature, even if another key signed
/// correctly.
#[test]
fn client_rejects_key_exchange_signed_by_other_key_type() {
    let kinds = Pki::of_all_key_types();
    for (name, pki) in &kinds {
        let other = if name.starts_with("RSA") { [0xc0, 0x2b] } else { [0xc0, 0x2f] };
        let (client_config, server_config) = configs(Kind::Tls12);
        let edit_suite =
            edit_each(T::SERVER_HELLO, move |message| Hello::edit(message, &|h| h.suites = other.to_vec()));
        let outcome = handshake(&mut client(client_config), &mut server_with(server_config, edit_suite), pki);
        let error = Error::CertificateKeyMismatch(id(&other));
        let rejection = Outcome::Failed(Failure { side: "client", at: T::SERVER_KEY_EXCHANGE, error });
        assert_eq!(outcome, rejection, "{name}");
    }
}

/// RFC 5246 §7.4.3: the signature covers both randoms, which ties the key exchange to one
/// connection.
#[test]
fn client_rejects_key_exchange_of_other_connection() {
    let pki = Pki::new();
    let (_, mut other): (_, End<_>) = halt_at(Kind::Tls12, &pki, [2, usize::MAX]);
    let foreign = other.pop();
    let (mut client, mut server) = ends(Kind::Tls12);
    let outcome = run(&mut client, &mut server, &mut |need| pki.answer(need), &mut |_, message| {
        if message[0] == T::SERVER_KEY_EXCHANGE.0 {
            message.clone_from(&foreign);
        }
    });
    let error = Error::BadSignature;
    assert_eq!(outcome, Outcome::Failed(Failure { side: "client", at: T::SERVER_HELLO_DONE, error }));
}

/// A resolver with several identities skips those with which the handshake would fail.
#[test]
fn identity_is_usable_only_with_common_parameters() {
    let (ecdsa, rsa) = (Pki::new(), Pki::with_rsa_key());
    for kind in [Kind::Full, Kind::Tls12] {
        // ecdsa_secp256r1_sha256, or rsa_pss_rsae_sha256.
        for (scheme, usable) in [([4, 3], [true, false]), ([8, 4], [false, true])] {
            let mut hello = Hello::parse(&client(configs(kind).0).pop());
            *hello.get(X::SIGNATURE_ALGORITHMS) = [&[0, 2][..], &scheme].concat();
            let mut asked = None;
            let pki = if usable[0] { &ecdsa } else { &rsa };
            let mut answer = |need: Need| {
                if let Need::Identity(need) = &need {
                    asked = Some([need.can_use(&ecdsa.identity), need.can_use(&rsa.identity)]);
                }
                pki.answer(need)
            };
            server(configs(kind).1).deliver(&hello.encode(), &mut answer).unwrap();
            assert_eq!(asked, Some(usable), "{kind:?}");
        }
    }
}
