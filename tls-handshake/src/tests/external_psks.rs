//! External pre-shared keys: only a peer with the key completes the handshake.

use tls_codec::code_points::{AlertDescription, CipherSuite, ExtensionType as X, HandshakeType as T, NamedGroup};
use tls_crypto::HashAlgorithm;

use crate::config::{ClientConfig, ServerConfig};
use crate::error::Error;
use crate::need::{Answer, Need};
use crate::{ExternalPsk, HandshakeKind, Progress, PskCandidate};

use super::flow::{Outcome, client_resuming};
use super::hello::Hello;
use super::pair::{Pair, Pki};
use crate::client::offered_psk::ResumptionOffer;
use crate::states::StateMachine;

const KEY: &[u8] = b"a key of 32 bytes, from elsewhere";

fn plain(identity: &[u8], key: &[u8]) -> ExternalPsk {
    ExternalPsk::plain(identity.to_vec(), key, HashAlgorithm::Sha256).unwrap()
}

fn server() -> ServerConfig {
    let mut config = ServerConfig::new();
    config.set_external_psks(true);
    config
}

/// Answers as a server with these keys and a certificate.
fn answer<'a>(pki: &'a Pki, known: &'a [ExternalPsk]) -> impl FnMut(Need) -> Answer + 'a {
    move |need| match need {
        Need::Session(need) => {
            let mut candidates = Vec::new();
            for (index, identity) in need.identities().enumerate() {
                let psk = known.iter().find(|psk| psk.identity() == identity);
                candidates.extend(psk.map(|psk| PskCandidate::external(index, psk.clone())));
            }
            need.answer(candidates)
        }
        other => pki.answer(other),
    }
}

fn run(pair: &mut Pair, pki: &Pki, known: &[ExternalPsk]) -> Result<(), Error> {
    pair.run(&mut answer(pki, known))
}

#[test]
fn external_psk_authenticates_peer() {
    let pki = Pki::new();
    let psks = [plain(b"sensor 7", KEY)];
    let mut pair = Pair::with_psks(ClientConfig::new(), server(), &psks);
    run(&mut pair, &pki, &psks).unwrap();
    assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::ExternalPsk));
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::ExternalPsk));
    assert_eq!(pair.server.external_psk_identity(), Some(b"sensor 7".as_slice()));
    assert_eq!(pair.server.peer_certificates(), None);
    assert_eq!(pair.client.peer_certificates(), None);
    pair.exchange(b"question", b"answer");
}

#[test]
fn external_psk_binder_is_renewed_after_retry() {
    let pki = Pki::new();
    let psks = ExternalPsk::import(b"sensor 7", KEY, HashAlgorithm::Sha256, b"").unwrap();
    let mut config = server();
    config.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    let mut pair = Pair::with_psks(ClientConfig::new(), config, &psks);
    run(&mut pair, &pki, &psks).unwrap();
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::ExternalPskWithHelloRetryRequest));
    pair.exchange(b"question", b"answer");
}

#[test]
fn wrong_key_of_known_identity_fails_handshake() {
    let pki = Pki::new();
    let mut pair = Pair::with_psks(ClientConfig::new(), server(), &[plain(b"sensor 7", KEY)]);
    let e = run(&mut pair, &pki, &[plain(b"sensor 7", b"another key of enough bytes")]).unwrap_err();
    assert_eq!(e, Error::BadBinder);
}

#[test]
fn unknown_psk_identity_falls_back_to_certificate() {
    let pki = Pki::new();
    let mut pair = Pair::with_psks(ClientConfig::new(), server(), &[plain(b"sensor 7", KEY)]);
    run(&mut pair, &pki, &[plain(b"sensor 8", KEY)]).unwrap();
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
    assert_eq!(pair.client.peer_certificates().unwrap(), pki.identity.chain());
}

#[test]
fn server_selects_second_psk_identity() {
    let pki = Pki::new();
    let psks = [plain(b"new", b"a key that the server lacks"), plain(b"old", KEY)];
    let mut pair = Pair::with_psks(ClientConfig::new(), server(), &psks);
    run(&mut pair, &pki, &psks[1..]).unwrap();
    assert_eq!(pair.server.external_psk_identity(), Some(b"old".as_slice()));
}

/// RFC 9258 §5.2: an imported key differs from the plain key, even under the same identity.
#[test]
fn imported_and_plain_psk_are_different_keys() {
    let pki = Pki::new();
    let imported = ExternalPsk::import(b"sensor 7", KEY, HashAlgorithm::Sha256, b"").unwrap();
    let by_itself = plain(imported[0].identity(), KEY);
    let mut pair = Pair::with_psks(ClientConfig::new(), server(), &imported);
    assert_eq!(run(&mut pair, &pki, &[by_itself]).unwrap_err(), Error::BadBinder);
}

/// Importing gives one key for each hash, so any suite works. A plain key works only with its own
/// hash.
#[test]
fn server_selects_psk_of_hash_of_suite() {
    let pki = Pki::new();
    for suite in [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384] {
        let mut config = server();
        config.set_cipher_suites(&[suite]).unwrap();
        let psks = ExternalPsk::import(b"sensor 7", KEY, HashAlgorithm::Sha256, b"").unwrap();
        let usable = psks.iter().filter(|psk| (psk.hash() == HashAlgorithm::Sha384) == (suite.0 == 0x1302));
        let usable: Vec<_> = usable.cloned().collect();
        let mut pair = Pair::with_psks(ClientConfig::new(), config.clone(), &psks);
        run(&mut pair, &pki, &usable).unwrap();
        assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::ExternalPsk), "{suite}");

        let plain = [plain(b"sensor 7", KEY)];
        let mut pair = Pair::with_psks(ClientConfig::new(), config, &plain);
        run(&mut pair, &pki, &plain).unwrap();
        let expected = if suite.0 == 0x1302 { HandshakeKind::Full } else { HandshakeKind::ExternalPsk };
        assert_eq!(pair.client.handshake_kind(), Some(expected), "{suite}");
    }
}

#[test]
fn client_omits_psk_without_suite_of_its_hash() {
    let pki = Pki::new();
    let psks = [plain(b"sensor 7", KEY)];
    let mut client = ClientConfig::new();
    client.set_cipher_suites(&[CipherSuite::TLS_AES_256_GCM_SHA384]).unwrap();
    let mut pair = Pair::with_psks(client, server(), &psks);
    pair.run(&mut |need| match need {
        Need::Session(_) => panic!("a key was offered"),
        other => pki.answer(other),
    })
    .unwrap();
}

/// The Selfie attack: two machines share a key, and each is client and server to the other. The
/// attacker reflects a client's hello to the server on the same machine. With the roles in the
/// context, that server has a different key.
#[test]
fn psk_context_prevents_selfie_attack() {
    let pki = Pki::new();
    let import = |client, server| {
        let context = ExternalPsk::role_context(client, server);
        ExternalPsk::import(b"the two", KEY, HashAlgorithm::Sha256, &context).unwrap()
    };
    // Machine A is a client of B and a server to B.
    let (outgoing, incoming) = (import("A", "B"), import("B", "A"));
    let mut reflected = Pair::with_psks(ClientConfig::new(), server(), &outgoing);
    run(&mut reflected, &pki, &incoming).unwrap();
    assert_eq!(reflected.server.handshake_kind(), Some(HandshakeKind::Full), "the server accepted its own client");
    assert_eq!(reflected.server.external_psk_identity(), None);
    // Machine B accepts the same hello.
    let mut honest = Pair::with_psks(ClientConfig::new(), server(), &outgoing);
    run(&mut honest, &pki, &import("A", "B")).unwrap();
    assert_eq!(honest.server.handshake_kind(), Some(HandshakeKind::ExternalPsk));
}

#[test]
fn server_issues_no_tickets_for_external_psk() {
    let pki = Pki::new();
    let psks = [plain(b"sensor 7", KEY)];
    let (mut client, mut server) = (ClientConfig::new(), server());
    client.set_resumption(true);
    server.set_session_lookup(crate::SessionLookup::Tickets);
    let mut asked = 0;
    for (psks, expected) in [(&psks[..], 0), (&[][..], 1)] {
        let mut pair = Pair::with_psks(client.clone(), server.clone(), psks);
        let mut answer = answer(&pki, psks);
        pair.run(&mut |need| match need {
            Need::NewSession(need) => {
                asked += 1;
                need.answer(vec![b"a ticket".to_vec()])
            }
            other => answer(other),
        })
        .unwrap();
        assert_eq!((asked, pair.client.has_sessions()), (expected, expected > 0));
    }
}

/// RFC 9846 §9.2: a client that offers pre-shared keys may do without certificates and
/// signature_algorithms.
#[test]
fn client_hello_of_psk_only_client_omits_schemes() {
    let pki = Pki::new();
    let psks = [plain(b"sensor 7", KEY)];
    for (known, outcome) in [
        (&psks[..], Ok(())),
        (&[], Err(Error::MissingExtension { message: T::CLIENT_HELLO, extension: X::SIGNATURE_ALGORITHMS })),
    ] {
        let mut pair = Pair::with_psks(ClientConfig::new(), server(), &psks);
        let mut hello = Hello::parse(&pair.to_server.ready()[5..]);
        hello.remove(X::SIGNATURE_ALGORITHMS);
        hello.remove(X::SIGNATURE_ALGORITHMS_CERT);
        let hello = hello.encode();
        let length = u16::try_from(hello.len()).unwrap().to_be_bytes();
        let mut record = [&[22, 3, 1], &length[..], &hello].concat();
        let mut asked = match pair.server.process(&mut record, &mut pair.to_client).unwrap().progress {
            Progress::Need(need) => Some(need),
            other => panic!("{other:?}"),
        };
        let mut answer = answer(&pki, known);
        // With a known key, the server gets as far as the binder, which does not match the edited
        // hello.
        let got = loop {
            let Some(need) = asked.take() else { break Ok(()) };
            match pair.server.resume(answer(need), &mut pair.to_client) {
                Ok(next) => asked = next,
                Err(e) => break Err(e),
            }
        };
        match outcome {
            Ok(()) => assert_eq!(got, Err(Error::BadBinder)),
            Err(e) => assert_eq!(got, Err(e)),
        }
    }
}

#[test]
fn psk_only_server_reports_missing_common_psk() {
    let pki = Pki::new();
    let psks = [plain(b"sensor 7", KEY)];
    let mut pair = Pair::with_psks(ClientConfig::new(), server(), &psks);
    let rejection = pair.run(&mut |need| match need {
        Need::Session(need) => need.not_found(),
        Need::Identity(need) => need.refuse(),
        other => pki.answer(other),
    });
    let error = rejection.unwrap_err();
    assert_eq!(error, Error::NoCommonPsk { psk_dhe_ke: true });
    assert_eq!(error.alert(), Some(AlertDescription::HANDSHAKE_FAILURE));
}

/// RFC 9846 §4.3.11: the server skips incompatible identities and considers the next.
#[test]
fn server_selects_imported_psk_of_its_only_suite() {
    let pki = Pki::new();
    let psks = ExternalPsk::import(b"sensor 7", KEY, HashAlgorithm::Sha256, b"").unwrap();
    for suite in [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384] {
        for retry in [false, true] {
            let mut config = server();
            config.set_cipher_suites(&[suite]).unwrap();
            if retry {
                config.set_groups(&[NamedGroup::SECP256R1]).unwrap();
            }
            let mut pair = Pair::with_psks(ClientConfig::new(), config, &psks);
            run(&mut pair, &pki, &psks).unwrap();
            let expected = match retry {
                true => HandshakeKind::ExternalPskWithHelloRetryRequest,
                false => HandshakeKind::ExternalPsk,
            };
            assert_eq!(pair.client.handshake_kind(), Some(expected), "{suite}");
            pair.exchange(b"question", b"answer");
        }
    }
}

/// A key of another hash than the preferred suite's changes the suite. A key of the same hash does
/// not.
#[test]
fn external_psk_determines_suite() {
    let pki = Pki::new();
    let sha256 = plain(b"sensor 7", KEY);
    let sha384 = ExternalPsk::plain(b"sensor 8".to_vec(), KEY, HashAlgorithm::Sha384).unwrap();
    const AES_128: CipherSuite = CipherSuite::TLS_AES_128_GCM_SHA256;
    const AES_256: CipherSuite = CipherSuite::TLS_AES_256_GCM_SHA384;
    for (suites, offered, identity, suite) in [
        ([AES_128, AES_256], vec![sha384.clone()], "sensor 8", AES_256),
        ([AES_256, AES_128], vec![sha256.clone()], "sensor 7", AES_128),
        // With two usable keys, the server's preferred suite decides, not the client's order.
        ([AES_128, AES_256], vec![sha384.clone(), sha256.clone()], "sensor 7", AES_128),
        ([AES_256, AES_128], vec![sha256.clone(), sha384.clone()], "sensor 8", AES_256),
    ] {
        let mut config = server();
        config.set_cipher_suites(&suites).unwrap();
        let mut pair = Pair::with_psks(ClientConfig::new(), config, &offered);
        run(&mut pair, &pki, &[sha256.clone(), sha384.clone()]).unwrap();
        assert_eq!(pair.server.external_psk_identity(), Some(identity.as_bytes()), "{suites:?}");
        assert_eq!(pair.client.negotiated_cipher_suite(), Some(suite));
        pair.exchange(b"question", b"answer");
    }
    // HelloRetryRequest fixes the suite, which excludes keys of the other hash.
    let mut config = server();
    config.set_cipher_suites(&[AES_128, AES_256]).unwrap();
    config.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    let mut pair = Pair::with_psks(ClientConfig::new(), config, std::slice::from_ref(&sha384));
    run(&mut pair, &pki, std::slice::from_ref(&sha384)).unwrap();
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::FullWithHelloRetryRequest));
}

/// RFC 9846 §4.2.4: the suite of HelloRetryRequest stays. The error of a server without
/// certificates names the retry.
#[test]
fn psk_of_other_hash_after_retry_is_reported() {
    let pki = Pki::new();
    let sha384 = ExternalPsk::plain(b"sensor 8".to_vec(), KEY, HashAlgorithm::Sha384).unwrap();
    let known = std::slice::from_ref(&sha384);
    for retried in [true, false] {
        let mut config = server();
        config.set_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384]).unwrap();
        if retried {
            config.set_groups(&[NamedGroup::SECP256R1]).unwrap();
        }
        let mut pair = Pair::with_psks(ClientConfig::new(), config, known);
        let mut answer = answer(&pki, known);
        let result = pair.run(&mut |need| match need {
            Need::Identity(need) => need.refuse(),
            other => answer(other),
        });
        if !retried {
            assert_eq!((result, pair.server.handshake_kind()), (Ok(()), Some(HandshakeKind::ExternalPsk)));
            continue;
        }
        let error = result.unwrap_err();
        assert_eq!(error, Error::NoCommonPsk { psk_dhe_ke: true });
        assert!(error.to_string().contains("HelloRetryRequest"), "{error}");
    }
}

/// The client offers more identities than the limit. The server considers only the first 32.
#[test]
fn server_considers_limited_number_of_psk_identities() {
    let pki = Pki::new();
    let psks: Vec<_> = (0..40u8).map(|n| plain(&[n], KEY)).collect();
    for (known, expected) in [(31, HandshakeKind::ExternalPsk), (32, HandshakeKind::Full)] {
        let mut pair = Pair::with_psks(ClientConfig::new(), server(), &psks);
        run(&mut pair, &pki, &psks[known..=known]).unwrap();
        assert_eq!(pair.client.handshake_kind(), Some(expected), "{known}");
    }
}

/// RFC 9846 §4.2.4: a client that offers a key of another hash after HelloRetryRequest does not
/// change the suite. The server does not even check the binder.
#[test]
fn psk_of_other_hash_is_skipped_after_retry() {
    let pki = Pki::new();
    let sha384 = ExternalPsk::plain(b"sensor 8".to_vec(), KEY, HashAlgorithm::Sha384).unwrap();
    let known = std::slice::from_ref(&sha384);
    let mut config = server();
    config.set_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384]).unwrap();
    config.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    let client_config = ClientConfig::new();
    let offer = ResumptionOffer::external(&client_config, known);
    let mut offered: Option<Vec<u8>> = None;
    let edit = move |message: &mut Vec<u8>| {
        Hello::edit(message, &|hello| match &offered {
            None => assert!(hello.has(X::PRE_SHARED_KEY)),
            Some(psk) => hello.set(X::PRE_SHARED_KEY, psk),
        });
        if message[0] == T::CLIENT_HELLO.0 {
            offered = Some(Hello::parse(message).get(X::PRE_SHARED_KEY).clone());
        }
    };
    let mut client = client_resuming(client_config, offer, Some(Box::new(edit)));
    let mut server = super::flow::server(config);
    let (mut asked, mut hashes) = (0, Vec::new());
    let mut answer = answer(&pki, known);
    let outcome = super::flow::run(
        &mut client,
        &mut server,
        &mut |need| match need {
            Need::Verdict(need) => need.answer(Ok(())),
            Need::Session(need) => {
                asked += 1;
                hashes.extend(need.hashes());
                answer(Need::Session(need))
            }
            other => answer(other),
        },
        &mut |_, _| {},
    );
    assert_eq!((outcome, asked), (Outcome::BothConnected, 1));
    assert_eq!(hashes, [HashAlgorithm::Sha256], "after HelloRetryRequest only one hash remains");
    let state = client.state.unwrap();
    assert_eq!(state.established().unwrap().negotiated.kind, HandshakeKind::FullWithHelloRetryRequest);
}

/// The request names the hash of the preferred suite, then that of a suite that a key may select.
#[test]
fn session_request_names_hashes_of_selectable_suites() {
    const AES_128: CipherSuite = CipherSuite::TLS_AES_128_GCM_SHA256;
    const AES_256: CipherSuite = CipherSuite::TLS_AES_256_GCM_SHA384;
    for (suites, expected) in [
        (&[AES_128, AES_256][..], &[HashAlgorithm::Sha256, HashAlgorithm::Sha384][..]),
        (&[AES_256, AES_128], &[HashAlgorithm::Sha384, HashAlgorithm::Sha256]),
        (&[AES_128], &[HashAlgorithm::Sha256]),
    ] {
        let mut config = server();
        config.set_cipher_suites(suites).unwrap();
        let mut pair = Pair::with_psks(ClientConfig::new(), config, &[plain(b"sensor 7", KEY)]);
        let Some(Need::Session(need)) = pair.step_server().unwrap() else { panic!("no session request") };
        assert_eq!(need.hashes().collect::<Vec<_>>(), expected, "{suites:?}");
    }
}

/// A server without sessions and external keys asks for none, whatever a client offers.
#[test]
fn disabled_lookups_raise_no_session_request() {
    let pki = Pki::new();
    let psks = [plain(b"sensor 7", KEY)];
    let mut pair = Pair::with_psks(ClientConfig::new(), ServerConfig::new(), &psks);
    pair.run(&mut |need| match need {
        Need::Session(_) => panic!("a lookup that the configuration disables"),
        other => pki.answer(other),
    })
    .unwrap();
    assert_eq!(pair.client.handshake_kind(), Some(HandshakeKind::Full));
}
