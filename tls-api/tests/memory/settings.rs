//! Settings shared by clients and servers: their validation and their effect on the peer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use strata_tls::codec::client_hello_peeker::{DEFAULT_LIMIT, Peek, peek_client_hello};
use strata_tls::{
    AlertDescription, AllowAnyAuthenticatedClient, CertificateError, ChainVerifier, CheckPath, CipherSuite,
    ClientConfig, ClientSession, ConfigError, Contradiction, Error, ExternalPsk, HandshakeKind, Identity, Limits,
    NamedGroup, OcspPolicy, ProducesTickets, ProtocolVersion, ProvenPath, Purpose, ServerConfig,
    ServerSessionMemoryCache, ServerSessionValue, ServerVerifier, Session, SignatureScheme as S, Ticketer, UnixTime,
};
use tls_handshake::tls_crypto::HashAlgorithm;
use zeroize::Zeroizing;

use crate::pair::{Pair, carry, drain};
use crate::pki::{Ca, Kind, VERSIONS};

#[test]
fn peer_signs_only_with_configured_schemes() {
    let ca = Ca::new(Kind::EcdsaP256);
    let schemes = [S::RSA_PSS_RSAE_SHA512, S::RSA_PKCS1_SHA384, S::ED25519];
    for version in VERSIONS {
        for kind in [Kind::Rsa2048, Kind::Ed25519, Kind::EcdsaP256] {
            let (mut client, mut server) = (ca.client_config(), ServerConfig::new(ca.identity(kind, &["server.test"])));
            client.set_versions(&[version]).unwrap();
            client.set_signature_schemes(&schemes).unwrap();
            let refused = Pair::new(&Arc::new(client.clone()), &Arc::new(server.clone())).settle();
            match kind {
                Kind::EcdsaP256 => assert!(refused.is_err(), "{version}"),
                _ => refused.unwrap(),
            }
            // The reverse: a client without an accepted scheme presents no certificate.
            client = ca.client_config();
            client.set_versions(&[version]).unwrap();
            client.set_client_identity(ca.identity(kind, &["client.test"]));
            server.set_signature_schemes(&schemes).unwrap();
            server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
            let mut pair = Pair::new(&Arc::new(client), &Arc::new(server));
            let outcome = pair.settle();
            match kind {
                Kind::EcdsaP256 => assert_eq!(outcome, Err(Error::NoClientCertificate { version })),
                _ => {
                    outcome.unwrap();
                    assert!(schemes.contains(&pair.server.peer_signature_scheme().unwrap()));
                }
            }
        }
    }
}

#[test]
fn signature_schemes_are_validated_when_set() {
    let mut config = ClientConfig::new();
    let before = config.session_scope();
    assert_eq!(
        config.set_signature_schemes(&[S::ED25519, S::RSA_PKCS1_SHA1]),
        Err(ConfigError::UnsupportedSignatureScheme(S::RSA_PKCS1_SHA1))
    );
    for wrong in [&[][..], &[S::ED25519, S::ED25519]] {
        assert_eq!(config.set_signature_schemes(wrong), Err(ConfigError::EmptyOrRepeated("signature schemes")));
    }
    assert_eq!(config.session_scope(), before);
    config.set_signature_schemes(&[S::ED25519]).unwrap();
    assert_ne!(config.session_scope(), before, "sessions with other schemes are not resumed");
}

#[test]
fn groups_and_protocols_are_validated_when_set() {
    let mut config = ClientConfig::new();
    let before = config.session_scope();
    let unknown = NamedGroup(0x1234);
    assert_eq!(config.set_groups(&[NamedGroup::X25519, unknown]), Err(ConfigError::UnsupportedGroup(unknown)));
    for name in [vec![], vec![b'a'; 256]] {
        assert_eq!(config.set_alpn_protocols([name]), Err(ConfigError::BadProtocolName));
    }
    let names = (0..200u8).map(|number| vec![number; 255]);
    assert_eq!(config.set_alpn_protocols(names), Err(ConfigError::TooManyProtocols));
    assert_eq!(config.session_scope(), before);
}

/// PKCS#1 v1.5 is only for TLS 1.2. A client that offers both versions and only PKCS#1 is valid,
/// but fails with TLS 1.3.
#[test]
fn pkcs1_only_client_is_limited_to_tls12() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        let (mut client, mut server) =
            (ca.client_config(), ServerConfig::new(ca.identity(Kind::Rsa2048, &["server.test"])));
        server.set_versions(&[version]).unwrap();
        client.set_signature_schemes(&[S::RSA_PKCS1_SHA256]).unwrap();
        let outcome = Pair::new(&Arc::new(client), &Arc::new(server)).settle();
        match version {
            ProtocolVersion::TLS12 => outcome.unwrap(),
            _ => assert!(matches!(outcome, Err(Error::NoCommonSignatureScheme { .. })), "{outcome:?}"),
        }
    }
}

/// One setting of a client or server.
type Setting<C> = fn(&Ca, &mut C);

#[test]
fn client_setting_conflicts_are_reported_in_any_order() {
    let ca = Ca::new(Kind::EcdsaP256);
    let cases: [(Setting<ClientConfig>, Setting<ClientConfig>, &str, &str); 5] = [
        (
            |_, client| client.set_versions(&[ProtocolVersion::TLS12]).unwrap(),
            |_, client| client.set_cipher_suites(&[CipherSuite::TLS_AES_128_GCM_SHA256]).unwrap(),
            "versions",
            "cipher suites",
        ),
        (
            |_, client| client.set_versions(&[ProtocolVersion::TLS13]).unwrap(),
            |_, client| client.set_signature_schemes(&[S::RSA_PKCS1_SHA256]).unwrap(),
            "versions",
            "signature schemes",
        ),
        (
            |_, client| client.set_versions(&[ProtocolVersion::TLS12]).unwrap(),
            |_, client| {
                let psk = ExternalPsk::plain(b"key".to_vec(), &[7; 32], HashAlgorithm::Sha256).unwrap();
                client.set_external_psks(vec![psk]);
            },
            "versions",
            "external pre-shared keys",
        ),
        (|_, client| client.set_tickets(false), |_, client| client.enable_early_data(true), "tickets", "early data"),
        (
            |_, client| client.set_ocsp_request(false),
            |ca, client| {
                let mut verifier = ServerVerifier::from(ca.roots());
                verifier.set_ocsp_policy(OcspPolicy::Require);
                client.set_server_verifier(verifier);
            },
            "OCSP request",
            "verifier",
        ),
    ];
    for (one, other, first, second) in cases {
        let errors = [[one, other], [other, one]].map(|settings| {
            let mut client = ca.client_config();
            for (at, set) in settings.into_iter().enumerate() {
                assert_eq!(client.validate(), Ok(()), "{first} and {second}: setting {at}");
                set(&ca, &mut client);
            }
            let e = client.validate().unwrap_err();
            let text = e.to_string();
            assert!(text.contains(first) && text.contains(second), "{text}");
            let failed = ClientSession::new(&Arc::new(client), "server.test").unwrap_err();
            assert_eq!(failed, Error::Config(e.clone()));
            e
        });
        assert_eq!(errors[0], errors[1]);
    }
}

#[test]
fn server_setting_conflicts_are_reported_in_any_order() {
    let ca = Ca::new(Kind::EcdsaP256);
    let cases: [(Setting<ServerConfig>, Setting<ServerConfig>, &str, &str); 3] = [
        (
            |_, server| server.set_versions(&[ProtocolVersion::TLS13]).unwrap(),
            |_, server| {
                server.set_cipher_suites(&[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]).unwrap();
            },
            "versions",
            "cipher suites",
        ),
        (
            |_, server| {
                server.set_versions(&[ProtocolVersion::TLS13]).unwrap();
                server.set_signature_schemes(&[S::RSA_PKCS1_SHA256]).unwrap();
            },
            |ca, server| {
                let verifier = AllowAnyAuthenticatedClient::new(ca.roots());
                server.set_client_cert_verifier(Arc::new(verifier)).unwrap();
            },
            "versions",
            "signature schemes",
        ),
        (
            |_, server| server.set_versions(&[ProtocolVersion::TLS12]).unwrap(),
            |_, server| {
                let psk = ExternalPsk::plain(b"key".to_vec(), &[7; 32], HashAlgorithm::Sha256).unwrap();
                server.set_external_psks(vec![psk]);
            },
            "versions",
            "external pre-shared keys",
        ),
    ];
    for (one, other, first, second) in cases {
        let mut server = ca.server_config(Kind::EcdsaP256);
        one(&ca, &mut server);
        assert_eq!(server.validate(), Ok(()));
        other(&ca, &mut server);
        let e = server.validate().unwrap_err();
        let text = e.to_string();
        assert!(text.contains(first) && text.contains(second), "{text}");
        // The client receives an alert, and the server returns the reason.
        let mut pair = Pair::new(&Arc::new(ca.client_config()), &Arc::new(server));
        assert_eq!(pair.settle(), Err(Error::Config(e.clone())));
        let received = carry(&mut pair.server, &mut pair.client).unwrap_err();
        assert!(
            matches!(received, Error::AlertReceived { description: AlertDescription::INTERNAL_ERROR, .. }),
            "{received:?}"
        );
        let mut reversed = ca.server_config(Kind::EcdsaP256);
        other(&ca, &mut reversed);
        assert_eq!(reversed.validate(), Ok(()));
        one(&ca, &mut reversed);
        assert_eq!(reversed.validate(), Err(e));
        // The last value counts: compatible settings resolve the conflict.
        reversed.set_versions(&[ProtocolVersion::TLS13, ProtocolVersion::TLS12]).unwrap();
        assert_eq!(reversed.validate(), Ok(()));
    }
}

#[test]
fn limits_too_small_for_a_handshake_are_reported() {
    let ca = Ca::new(Kind::EcdsaP256);
    let limits = |message, chain| {
        let mut limits = Limits::default();
        (limits.handshake_message, limits.chain_length) = (message, chain);
        limits
    };
    for (limits, limit) in [(limits(10, 4), "handshake_message"), (limits(0x1000, 0), "chain_length")] {
        let mut client = ca.client_config();
        client.set_limits(limits);
        assert!(client.validate().unwrap_err().to_string().contains(limit));
    }
    // A server that requests no certificate needs no room for one.
    let mut server = ca.server_config(Kind::EcdsaP256);
    server.set_limits(limits(0x1000, 0));
    assert_eq!(server.validate(), Ok(()));
    server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
    server.validate().unwrap_err();
}

/// A ticketer with a lifetime of ten seconds that records the lifetime of each session.
#[derive(Debug, Default)]
struct TenSecondTicketer {
    lifetime: AtomicUsize,
}

impl ProducesTickets for TenSecondTicketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        10
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let session = ServerSessionValue::decode(plain).unwrap();
        self.lifetime.store(session.lifetime().try_into().unwrap(), Ordering::Relaxed);
        Some(vec![1])
    }

    fn decrypt(&self, _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        None
    }
}

#[test]
fn ocsp_request_and_lifetime_ignore_setter_order() {
    let ca = Ca::new(Kind::EcdsaP256);
    let verifier = || ServerVerifier::from(ca.roots());
    let requested = [0, 1].map(|order| {
        let mut client = ca.client_config();
        if order == 0 {
            client.set_ocsp_request(false);
        }
        client.set_server_verifier(verifier());
        if order == 1 {
            client.set_ocsp_request(false);
        }
        let mut session = ClientSession::new(&Arc::new(client), "server.test").unwrap();
        let hello = drain(&mut session);
        match peek_client_hello(&hello, DEFAULT_LIMIT).unwrap() {
            Peek::ClientHello(hello) => hello.extensions.status_request.is_some(),
            incomplete @ Peek::Incomplete { .. } => panic!("{incomplete:?}"),
        }
    });
    assert_eq!(requested, [false, false]);
    let lifetimes = [0, 1].map(|order| {
        let ticketer = Arc::new(TenSecondTicketer::default());
        let mut server = ca.server_config(Kind::EcdsaP256);
        if order == 0 {
            server.set_session_lifetime(4);
        }
        server.set_ticketer(Arc::clone(&ticketer) as _);
        if order == 1 {
            server.set_session_lifetime(4);
        }
        Pair::connected(&Arc::new(ca.client_config()), &Arc::new(server));
        ticketer.lifetime.load(Ordering::Relaxed)
    });
    assert_eq!(lifetimes, [4, 4]);
}

/// Counts its calls and rejects once `rejects` is set. Its scope stays the same, so sessions remain
/// usable.
#[derive(Debug, Default)]
struct ChangingCheck {
    calls: AtomicUsize,
    rejects: AtomicBool,
}

impl CheckPath for ChangingCheck {
    fn check(&self, _: &ProvenPath<'_>, _: Purpose, _: UnixTime) -> Result<(), CertificateError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let rejects = self.rejects.load(Ordering::Relaxed);
        if rejects { Err(CertificateError::Application("not any more".into())) } else { Ok(()) }
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some([7; 32])
    }
}

#[test]
fn reverification_ends_resumption_for_rejected_peers() {
    let ca = Ca::new(Kind::EcdsaP256);
    for version in VERSIONS {
        for setting in [Some(true), Some(false), None] {
            // A custom check turns reverification on by default.
            let reverifies = setting.unwrap_or(true);
            for of_server in [true, false] {
                let check = Arc::new(ChangingCheck::default());
                let mut chain = ChainVerifier::new(ca.roots());
                chain.add_check(check.clone());
                let mut server = ca.server_config(Kind::EcdsaP256);
                let mut client = match of_server {
                    true => ClientConfig::with_server_verifier(chain),
                    false => {
                        server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(chain))).unwrap();
                        let mut client = ca.client_config();
                        client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
                        client
                    }
                };
                client.set_versions(&[version]).unwrap();
                if let Some(setting) = setting {
                    client.set_reverify_on_resumption(setting && of_server);
                    server.set_reverify_on_resumption(setting && !of_server);
                }
                let (client, server) = (Arc::new(client), Arc::new(server));
                let connect = || {
                    let mut pair = Pair::new(&client, &server);
                    pair.settle().map(|()| pair.client.handshake_kind())
                };
                assert_eq!(connect(), Ok(Some(HandshakeKind::Full)));
                assert_eq!(connect(), Ok(Some(HandshakeKind::Resumed)));
                assert_eq!(check.calls.load(Ordering::Relaxed), if reverifies { 2 } else { 1 });
                check.rejects.store(true, Ordering::Relaxed);
                match connect() {
                    Ok(kind) => assert!(!reverifies && kind == Some(HandshakeKind::Resumed)),
                    Err(e) => assert!(reverifies && matches!(e, Error::Certificate(_)), "{e}"),
                }
            }
        }
    }
}

/// A client whose tickets are turned off does not offer a stored ticket.
#[test]
fn tls12_ticket_is_not_offered_when_tickets_are_off() {
    let ca = Ca::new(Kind::EcdsaP256);
    let server = Arc::new(ca.server_config(Kind::EcdsaP256));
    let mut client = ca.client_config();
    client.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    Pair::connected(&Arc::new(client.clone()), &server);
    let with_tickets = client.clone();
    client.set_tickets(false);
    let kind = |client: &ClientConfig| Pair::connected(&Arc::new(client.clone()), &server).client.handshake_kind();
    assert_eq!(kind(&client), Some(HandshakeKind::Full));
    // The lookup removed the unusable ticket. The next one is resumed.
    kind(&with_tickets);
    assert_eq!(kind(&with_tickets), Some(HandshakeKind::Resumed));
}

/// RFC 5077 §3.4: a client that now supports tickets still offers its stored session by ID.
#[test]
fn session_id_is_resumed_after_tickets_are_enabled() {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut server = ca.server_config(Kind::EcdsaP256);
    let store = Arc::new(ServerSessionMemoryCache::new(10));
    server.set_ticketer_and_session_ids(Arc::new(Ticketer::new().unwrap()), store);
    let server = Arc::new(server);
    let mut client = ca.client_config();
    client.set_versions(&[ProtocolVersion::TLS12]).unwrap();
    let mut without = client.clone();
    without.set_tickets(false);
    Pair::connected(&Arc::new(without), &server);
    let kind = Pair::connected(&Arc::new(client), &server).client.handshake_kind();
    assert_eq!(kind, Some(HandshakeKind::Resumed));
}

#[test]
fn identity_needs_a_scheme_of_an_enabled_version() {
    let ca = Ca::new(Kind::Rsa2048);
    let (pkcs1, pss) = (S::RSA_PKCS1_SHA256, S::RSA_PSS_RSAE_SHA256);
    for (scheme, versions, fits) in [
        (pkcs1, &[ProtocolVersion::TLS13][..], false),
        (pkcs1, &[ProtocolVersion::TLS12], true),
        (pkcs1, &VERSIONS, true),
        (pss, &[ProtocolVersion::TLS13], true),
        (S::RSA_PSS_PSS_SHA256, &VERSIONS, false),
    ] {
        let chain = ca.identity(Kind::Rsa2048, &["server.test"]).chain().to_vec();
        let identity = || Identity::with_remote_key(chain.clone(), vec![scheme]).unwrap();
        let (mut client, mut server) = (ca.client_config(), ServerConfig::new(identity()));
        client.set_client_identity(identity());
        client.set_versions(versions).unwrap();
        server.set_versions(versions).unwrap();
        let expected = Contradiction::NoSchemeOfVersion { versions: versions.to_vec(), schemes: vec![scheme] };
        let expected = if fits { Ok(()) } else { Err(expected) };
        assert_eq!((client.validate(), server.validate()), (expected.clone(), expected.clone()), "{scheme}");
        let session = ClientSession::new(&Arc::new(client), "server.test").map(drop);
        assert_eq!(session, expected.map_err(Error::Config));
    }
}
