//! Version negotiation: the newest common version is used, and an attacker cannot lower it (RFC
//! 9846 §4.2.3, §4.3.1, RFC 7507).

use tls_codec::code_points::{
    AlertDescription as A, ExtensionType as X, HandshakeType as T, ProtocolVersion as V, SignatureScheme,
};
use tls_codec::handshake::{DOWNGRADE_TLS11, DOWNGRADE_TLS12};

use super::flow::{
    End, Failure, Kind, MessageEdit, Outcome, answers, client, configs, ends, handshake, run, server, server_with,
};
use super::hello::{Hello, HelloEdit, assert_error, client_after_hello, server_after_hello};
use super::pair::{Pair, Pki};
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{Error, Illegal};
use crate::server::Server;
use crate::states::StateMachine;

const SETS: [&[V]; 3] = [&[V::TLS12], &[V::TLS13], &[V::TLS13, V::TLS12]];

fn configs_of(at_client: &[V], at_server: &[V]) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    client.set_versions(at_client).unwrap();
    server.set_versions(at_server).unwrap();
    (client, server)
}

#[test]
fn newest_common_version_is_used_or_both_lists_reported() {
    let pki = Pki::new();
    for at_client in SETS {
        for at_server in SETS {
            let (client, server) = configs_of(at_client, at_server);
            let mut pair = Pair::with(client, server);
            let outcome = pair.run(&mut |need| pki.answer(need));
            let newest = at_client.iter().copied().filter(|version| at_server.contains(version)).max_by_key(|v| v.0);
            if newest.is_some() {
                assert_eq!(outcome, Ok(()));
                assert_eq!(pair.client.protocol_version(), newest);
                assert_eq!(pair.server.protocol_version(), newest);
                pair.exchange(b"question", b"answer");
                continue;
            }
            let rejection = Error::NoCommonVersion { offered: at_client.to_vec().into(), enabled: at_server.to_vec() };
            assert_eq!(outcome, Err(rejection.clone()));
            assert_error(&rejection, A::PROTOCOL_VERSION, &["TLSv1.2", "TLSv1.3"]);
            let received = pair.step_client().unwrap_err();
            assert!(matches!(received, Error::AlertReceived { description: A::PROTOCOL_VERSION, .. }), "{received:?}");
        }
    }
}

/// RFC 9846 §4.2.3: the sentinel is set exactly if TLS 1.3 is enabled and TLS 1.2 selected.
#[test]
fn server_random_has_sentinel_only_on_downgrade() {
    let pki = Pki::new();
    for at_client in SETS {
        for at_server in SETS {
            let (client_config, server_config) = configs_of(at_client, at_server);
            let (mut client, mut server) = (client(client_config), server(server_config));
            if server.deliver(&client.pop(), &mut answers(&pki)).is_err() {
                continue;
            }
            let hello = Hello::parse(&server.pop());
            let is_tls12 = !hello.has(X::SUPPORTED_VERSIONS);
            let marked = hello.random.ends_with(&DOWNGRADE_TLS12);
            assert_eq!(marked, is_tls12 && at_server.contains(&V::TLS13), "{at_client:?} and {at_server:?}");
            assert!(!hello.random.ends_with(&DOWNGRADE_TLS11));
        }
    }
}

/// Returns the version that a server with both versions selects for an edited hello.
fn selected_version(change: HelloEdit<'_>) -> Result<V, Error> {
    let (client, server) = configs(Kind::Full);
    let mut server = server_after_hello(client, server, &Pki::new(), change)?;
    let hello = Hello::parse(&server.pop());
    Ok(if hello.has(X::SUPPORTED_VERSIONS) { V::TLS13 } else { V::TLS12 })
}

#[test]
fn newest_of_supported_versions_is_selected() {
    assert_eq!(selected_version(&|_| {}), Ok(V::TLS13));
    // In any order, with GREASE and older versions.
    assert_eq!(
        selected_version(&|h| *h.get(X::SUPPORTED_VERSIONS) = vec![8, 0x7a, 0x7a, 3, 2, 3, 3, 3, 4]),
        Ok(V::TLS13)
    );
    assert_eq!(selected_version(&|h| *h.get(X::SUPPORTED_VERSIONS) = vec![6, 0x7a, 0x7a, 3, 1, 3, 3]), Ok(V::TLS12));
    // Without it TLS 1.2 is the newest, even if legacy_version is higher (RFC 5246 Appendix E.1).
    for legacy in [[3, 3], [3, 4], [3, 0xff], [4, 0]] {
        let without = |h: &mut Hello| {
            h.version = legacy;
            h.remove(X::SUPPORTED_VERSIONS);
        };
        assert_eq!(selected_version(&without), Ok(V::TLS12), "{legacy:?}");
    }
}

/// RFC 9846 §4.2.2, §4.2.3, Appendix E.5. Also where TLS 1.2 is selected, and in a second
/// ClientHello.
#[test]
fn other_legacy_version_beside_extension_is_rejected() {
    for legacy in [[3, 0], [3, 1], [3, 2], [3, 4], [3, 0xff], [0, 0]] {
        let expected = Error::LegacyVersion(V(u16::from_be_bytes(legacy)));
        assert_error(&expected, A::PROTOCOL_VERSION, &["legacy_version"]);
        for list in [vec![2, 3, 3], vec![2, 3, 4], vec![4, 3, 4, 3, 3]] {
            let with = |h: &mut Hello| {
                h.version = legacy;
                *h.get(X::SUPPORTED_VERSIONS) = list.clone();
            };
            assert_eq!(selected_version(&with), Err(expected.clone()), "{list:?}");
        }
        // Also at servers with one version.
        for only in [V::TLS12, V::TLS13] {
            let (client, server) = configs_of(&[V::TLS13, V::TLS12], &[only]);
            let result = server_after_hello(client, server, &Pki::new(), &|h| h.version = legacy);
            assert_eq!(result.map(|_| ()), Err(expected.clone()), "{only}");
        }
        // The server's hellos of TLS 1.3.
        for kind in [Kind::Full, Kind::Retry] {
            let (client, server) = configs(kind);
            let result = client_after_hello(client, server, &Pki::new(), &|h| h.version = legacy);
            assert_eq!(result.map(|_| ()), Err(expected.clone()), "{kind:?}");
        }
        let pki = Pki::new();
        let (mut client, mut server) = ends(Kind::Retry);
        server.deliver(&client.pop(), &mut answers(&pki)).unwrap();
        client.deliver(&server.pop(), &mut answers(&pki)).unwrap();
        let mut second = client.pop();
        Hello::edit(&mut second, &|h| h.version = legacy);
        assert_eq!(server.deliver(&second, &mut answers(&pki)), Err(expected));
    }
}

#[test]
fn older_versions_are_rejected_and_named() {
    for (legacy, name) in [([3, 0], "SSLv3"), ([3, 1], "TLSv1.0"), ([3, 2], "TLSv1.1"), ([2, 0], "")] {
        let rejection = selected_version(&|h| {
            h.version = legacy;
            h.remove(X::SUPPORTED_VERSIONS);
        });
        let rejection = rejection.unwrap_err();
        let offered = vec![V(u16::from_be_bytes(legacy))];
        assert_eq!(rejection, Error::NoCommonVersion { offered: offered.into(), enabled: vec![V::TLS13, V::TLS12] });
        assert_error(&rejection, A::PROTOCOL_VERSION, &[name, "TLSv1.2", "TLSv1.3"]);
    }
    let rejection = selected_version(&|h| *h.get(X::SUPPORTED_VERSIONS) = vec![4, 3, 2, 3, 1]).unwrap_err();
    assert_error(&rejection, A::PROTOCOL_VERSION, &["TLSv1.1", "TLSv1.0", "TLSv1.2"]);
    // A server that selects one.
    let (client, server) = configs(Kind::Tls12);
    for (legacy, name) in [([3, 0], "SSLv3"), ([3, 1], "TLSv1.0"), ([3, 2], "TLSv1.1")] {
        let outcome = client_after_hello(client.clone(), server.clone(), &Pki::new(), &|h| h.version = legacy);
        assert_error(&outcome.map(|_| ()).unwrap_err(), A::PROTOCOL_VERSION, &[name]);
    }
    // A TLS 1.2 ServerHello at a client that did not offer TLS 1.2.
    let mut only_newest = ClientConfig::new();
    only_newest.set_versions(&[V::TLS13]).unwrap();
    let outcome =
        client_after_hello(only_newest, ServerConfig::new(), &Pki::new(), &|h| h.remove(X::SUPPORTED_VERSIONS));
    let rejection = Error::NoCommonVersion { offered: vec![V::TLS12].into(), enabled: vec![V::TLS13] };
    assert_eq!(outcome.map(|_| ()), Err(rejection));
    // An SSLv2 hello is not a TLS record.
    let mut pair = Pair::with(ClientConfig::new(), ServerConfig::new());
    let mut ssl2 = [&[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10][..], &[1; 37]].concat();
    let rejection = pair.server.process(&mut ssl2, &mut pair.to_client).unwrap_err();
    assert_error(&rejection, A::PROTOCOL_VERSION, &["SSL"]);
}

/// RFC 7507 §3.
#[test]
fn fallback_scsv_is_rejected_if_newer_version_is_common() {
    let pki = Pki::new();
    let scsv = |at_client: &[V], at_server: &[V], legacy: [u8; 2]| {
        let (client, server) = configs_of(at_client, at_server);
        let taken = server_after_hello(client, server, &pki, &|h| {
            h.suites.extend_from_slice(&[0x56, 0]);
            h.version = legacy;
        });
        taken.map(|_| ())
    };
    let inappropriate = |offered| Err(Error::InappropriateFallback { offered });
    assert_eq!(scsv(&[V::TLS12], SETS[2], [3, 3]), inappropriate(V::TLS12));
    assert_eq!(scsv(&[V::TLS12], SETS[1], [3, 3]), inappropriate(V::TLS12));
    // For older versions the error is still the fallback, not the lack of a common version.
    assert_eq!(scsv(&[V::TLS12], SETS[2], [3, 2]), inappropriate(V::TLS11));
    assert_eq!(scsv(&[V::TLS12], SETS[0], [3, 1]), inappropriate(V::TLS10));
    // If no newer version is common, the SCSV has no effect.
    assert_eq!(scsv(&[V::TLS12], SETS[0], [3, 3]), Ok(()));
    assert_eq!(scsv(SETS[2], SETS[2], [3, 3]), Ok(()));
    assert_eq!(scsv(SETS[2], SETS[0], [3, 3]), Ok(()));
    assert_eq!(Error::InappropriateFallback { offered: V::TLS12 }.alert(), Some(A::INAPPROPRIATE_FALLBACK));
}

/// Runs a handshake in which an attacker edits the hellos; both ends support both versions. Returns
/// the failure.
fn man_in_the_middle(to_server: HelloEdit<'_>, to_client: HelloEdit<'_>) -> Failure {
    let pki = Pki::new();
    let (mut client, mut server) = ends(Kind::Full);
    let outcome = run(&mut client, &mut server, &mut answers(&pki), &mut |_, message| match message[0] {
        1 => Hello::edit(message, to_server),
        _ => Hello::edit(message, to_client),
    });
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    failure
}

fn strip(hello: &mut Hello) {
    hello.remove(X::SUPPORTED_VERSIONS);
}

#[test]
fn sentinel_detects_downgrade_of_client_hello() {
    let downgraded = Failure { side: "client", at: T::SERVER_HELLO, error: Illegal::Downgraded(V::TLS12).into() };
    assert_eq!(downgraded.error.alert(), Some(A::ILLEGAL_PARAMETER));
    assert_eq!(man_in_the_middle(&strip, &|_| {}), downgraded);
    assert_eq!(man_in_the_middle(&|h| *h.get(X::SUPPORTED_VERSIONS) = vec![2, 3, 3], &|_| {}), downgraded);
    let thorough = |h: &mut Hello| {
        strip(h);
        h.remove(X::KEY_SHARE);
        h.remove(X::PSK_KEY_EXCHANGE_MODES);
        h.session_id.clear();
    };
    assert_eq!(man_in_the_middle(&thorough, &|_| {}), downgraded);
}

/// Removing the sentinel breaks the signature, which covers both randoms (RFC 5246 §7.4.3).
#[test]
fn signature_detects_removed_sentinel() {
    for end in [[0; 8], [0xff; 8]] {
        let hide = |h: &mut Hello| h.random[24..].copy_from_slice(&end);
        let found = man_in_the_middle(&strip, &hide);
        assert_eq!(found, Failure { side: "client", at: T::SERVER_HELLO_DONE, error: Error::BadSignature });
    }
    // An inserted sentinel is detected as well, including the one of TLS 1.1.
    let pki = Pki::new();
    for end in [DOWNGRADE_TLS11, DOWNGRADE_TLS12] {
        let edit: MessageEdit =
            Box::new(move |message| Hello::edit(message, &|h| h.random[24..].copy_from_slice(&end)));
        let (client_config, server_config) = configs(Kind::Tls12);
        let (mut client, mut server) = (client(client_config), server_with(server_config, Some(edit)));
        let outcome = handshake(&mut client, &mut server, &pki);
        let error = Illegal::Downgraded(V::TLS12).into();
        assert_eq!(outcome, Outcome::Failed(Failure { side: "client", at: T::SERVER_HELLO, error }));
    }
}

#[test]
fn tls13_server_hello_is_rejected_as_tls12() {
    let outcome_of = |change: HelloEdit<'_>| man_in_the_middle(&|_| {}, change);
    let at_hello = |error: Error| Failure { side: "client", at: T::SERVER_HELLO, error };
    let found = outcome_of(&strip);
    assert!(matches!(found.error, Error::Decode(_)), "{found:?}");
    assert_eq!(found.error.alert(), Some(A::ILLEGAL_PARAMETER));
    let no_suite = outcome_of(&|h| h.extensions.clear());
    let suite = tls_codec::code_points::CipherSuite::TLS_AES_128_GCM_SHA256;
    assert_eq!(no_suite, at_hello(Illegal::CipherSuiteNotOffered(suite).into()));
    let with_suite = |h: &mut Hello| {
        h.extensions.clear();
        h.suites = vec![0xc0, 0x2b];
    };
    assert_eq!(outcome_of(&with_suite), at_hello(Illegal::SessionIdEchoed.into()));
    let with_id = |h: &mut Hello| {
        with_suite(h);
        h.session_id.clear();
    };
    assert_eq!(outcome_of(&with_id), at_hello(Error::MissingRenegotiationInfo));
    // The hello is a valid TLS 1.2 ServerHello, but the following messages are not TLS 1.2.
    let whole = |h: &mut Hello| {
        with_id(h);
        h.extensions.push((X::RENEGOTIATION_INFO.0, vec![0]));
    };
    let found = outcome_of(&whole);
    assert_eq!(found.side, "client");
    assert!(matches!(found.error, Error::UnexpectedRecord { state, .. } if state == "WAIT_CERT"), "{found:?}");
}

#[test]
fn tls12_server_hello_is_rejected_as_tls13() {
    let pki = Pki::new();
    let outcome_of = |change: HelloEdit<'_>| {
        let (client, server) = configs(Kind::Tls12);
        client_after_hello(client, server, &pki, change).map(|_| ()).unwrap_err()
    };
    let selects = |h: &mut Hello| h.extensions.push((X::SUPPORTED_VERSIONS.0, vec![3, 4]));
    assert_eq!(outcome_of(&selects).alert(), Some(A::ILLEGAL_PARAMETER));
    // The extension cannot select TLS 1.2 (RFC 9846 §4.3.1).
    let selects_older = outcome_of(&|h| h.extensions.push((X::SUPPORTED_VERSIONS.0, vec![3, 3])));
    assert_eq!(selects_older, Illegal::OlderVersionSelected(V::TLS12).into());
}

/// TLS 1.3 allows only PSS for RSA keys. A client of both versions offers PKCS#1 v1.5 only for TLS
/// 1.2.
#[test]
fn tls13_rejects_schemes_offered_for_tls12() {
    let pki = Pki::with_rsa_key();
    let edit: MessageEdit = Box::new(|message| {
        if message[0] == T::CERTIFICATE_VERIFY.0 {
            message[4..6].copy_from_slice(&SignatureScheme::RSA_PKCS1_SHA256.0.to_be_bytes());
        }
    });
    let (client_config, server_config) = configs(Kind::Full);
    let mut server: End<Server> = server_with(server_config, Some(edit));
    let mut client = client(client_config);
    let outcome = handshake(&mut client, &mut server, &pki);
    let error = Error::SignatureSchemeNotOffered(SignatureScheme::RSA_PKCS1_SHA256);
    assert_eq!(outcome, Outcome::Failed(Failure { side: "client", at: T::CERTIFICATE_VERIFY, error }));
    assert_eq!(client.name(), "failed");
    assert!(server.state.as_ref().is_some_and(|state| state.established().is_none()));
}

/// RFC 9846 §4.2.3: the client rejects a version that it did not offer, whatever else it enables.
#[test]
fn client_rejects_unoffered_selected_version() {
    for (enabled, selected) in [(V::TLS12, V::TLS13), (V::TLS13, V::TLS12)] {
        let (client_config, server_config) = configs_of(&[enabled], &[enabled]);
        let change = |hello: &mut Hello| hello.set(X::SUPPORTED_VERSIONS, &selected.0.to_be_bytes());
        let error = client_after_hello(client_config, server_config, &Pki::new(), &change).map(|_| ()).unwrap_err();
        assert_eq!(error, Illegal::VersionNotOffered(selected).into());
    }
}

/// RFC 9846 Appendix E.4: only TLS 1.3 needs a random session id. RFC 5246 §7.4.1.2: "empty if no
/// session_id is available".
#[test]
fn client_of_tls12_alone_sends_empty_session_id() {
    for enabled in SETS {
        let (client_config, _) = configs_of(enabled, enabled);
        let hello = Hello::parse(&client(client_config).pop());
        assert_eq!(hello.session_id.is_empty(), !enabled.contains(&V::TLS13));
    }
}
