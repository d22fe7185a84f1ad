//! Client authentication in both versions: which clients the server accepts, and which it rejects.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strata_tls::codec::{DistinguishedName, List};
use strata_tls::handshake::need::Need;
use strata_tls::handshake::{ClientConfig as EngineConfig, ClientConnection, Outgoing, Progress};
use strata_tls::pki_types::UnixTime;
use strata_tls::{
    AlertDescription, AllowAnyAnonymousOrAuthenticatedClient, AllowAnyAuthenticatedClient, CertificateDer,
    CertificateError, ClientAuth, ClientCertVerifier, ClientConfig, Error, Identity, NoClientAuth, ProtocolVersion,
    Refusal, ResolvesClientCert, ServerConfig, ServerSession, Session, SignatureScheme,
};

use crate::clock::Clock;
use crate::pair::{Pair, carry, drain, read_all};
use crate::pki::{Ca, FAR, KINDS, Kind, VERSIONS};

/// The CA of the servers and the CA of the clients.
struct TestCas {
    servers: Ca,
    clients: Ca,
}

impl TestCas {
    fn new() -> Self {
        Self {
            servers: Ca::named("the servers' CA", Kind::EcdsaP256),
            clients: Ca::named("the clients' CA", Kind::EcdsaP384),
        }
    }

    fn client(&self, version: ProtocolVersion) -> ClientConfig {
        let mut client = self.servers.client_config();
        client.set_versions(&[version]).unwrap();
        client
    }

    /// A client with a certificate of the clients' CA.
    fn known_client(&self, version: ProtocolVersion, kind: Kind) -> ClientConfig {
        let mut client = self.client(version);
        client.set_client_identity(self.clients.identity(kind, &["client.test"]));
        client
    }

    fn server(&self, kind: Kind, verifier: impl ClientCertVerifier + 'static) -> ServerConfig {
        let mut server = self.servers.server_config(kind);
        server.set_client_cert_verifier(Arc::new(verifier)).unwrap();
        server
    }

    fn required(&self) -> ServerConfig {
        self.server(Kind::EcdsaP256, AllowAnyAuthenticatedClient::new(self.clients.roots()))
    }

    fn optional(&self) -> ServerConfig {
        self.server(Kind::EcdsaP256, AllowAnyAnonymousOrAuthenticatedClient::new(self.clients.roots()))
    }
}

fn pair(client: ClientConfig, server: ServerConfig) -> Pair {
    Pair::new(&Arc::new(client), &Arc::new(server))
}

/// Sends data both ways. Returns whether the server authenticated the client.
fn authenticates(client: ClientConfig, server: ServerConfig) -> bool {
    let mut pair = pair(client, server);
    pair.settle().unwrap();
    pair.client.write_all(b"up").unwrap();
    pair.server.write_all(b"down").unwrap();
    pair.settle().unwrap();
    assert_eq!((read_all(&mut pair.server), read_all(&mut pair.client)), (b"up".to_vec(), b"down".to_vec()));
    pair.server.peer_certificates().is_some()
}

/// Asserts that the server rejects the client before any application data is read. Returns the
/// server's error and the alert that the client received.
fn expect_rejection(client: ClientConfig, server: ServerConfig) -> (Error, AlertDescription) {
    let mut pair = pair(client, server);
    pair.client.write_all(b"a request").unwrap();
    pair.server.write_all(b"a secret").unwrap();
    let error = pair.settle().unwrap_err();
    assert_eq!(pair.server.process_new_packets(), Err(error.clone()), "the server must reject, not the client");
    assert_eq!(read_all(&mut pair.server), b"");
    assert!(pair.server.peer_certificates().is_none());
    let received = carry(&mut pair.server, &mut pair.client).unwrap_err();
    assert_eq!(read_all(&mut pair.client), b"");
    let Error::AlertReceived { description, state } = received else { panic!("{received}") };
    // In TLS 1.3 the client has completed its handshake, and the text says why that proves nothing.
    let told = received.to_string().contains("a TLS 1.3 server checks the client's certificate only after");
    let is_about_the_client = description != AlertDescription::INTERNAL_ERROR;
    assert_eq!(told, state == "CONNECTED" && is_about_the_client, "{received}");
    (error, description)
}

#[test]
fn client_keys_of_all_types_authenticate_to_all_servers() {
    let cas = TestCas::new();
    for (server_kind, client_kind) in KINDS.into_iter().flat_map(|server| KINDS.map(|client| (server, client))) {
        for (version, size) in VERSIONS.into_iter().flat_map(|version| [None, Some(64)].map(|size| (version, size))) {
            for verifier in [
                Arc::new(AllowAnyAuthenticatedClient::new(cas.clients.roots())) as Arc<dyn ClientCertVerifier>,
                Arc::new(AllowAnyAnonymousOrAuthenticatedClient::new(cas.clients.roots())),
            ] {
                let mut client = cas.known_client(version, client_kind);
                let mut server = cas.servers.server_config(server_kind);
                server.set_client_cert_verifier(verifier).unwrap();
                client.set_max_fragment_size(size).unwrap();
                server.set_max_fragment_size(size).unwrap();
                assert!(authenticates(client, server), "{version} {server_kind:?} {client_kind:?} {size:?}");
            }
        }
    }
}

#[test]
fn server_keeps_the_client_chain_as_sent() {
    let cas = TestCas::new();
    let (cert, key) = cas.clients.issue(Kind::Ed25519, &["client.test"], (2000, FAR));
    let chain = format!("{cert}{}", cas.clients.pem);
    for version in VERSIONS {
        let mut client = cas.client(version);
        client.set_client_identity(strata_tls::Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap());
        let mut pair = pair(client, cas.required());
        assert!(pair.server.peer_certificates().is_none());
        pair.settle().unwrap();
        assert_eq!(pair.server.peer_certificates().unwrap(), strata_tls::certs_from_pem(chain.as_bytes()).unwrap());
    }
}

#[test]
fn client_without_certificate_is_anonymous_where_allowed() {
    let cas = TestCas::new();
    for version in VERSIONS {
        assert!(!authenticates(cas.client(version), cas.optional()));
        assert!(!authenticates(cas.client(version), cas.server(Kind::EcdsaP256, NoClientAuth)));
        // The server requests no certificate.
        assert!(!authenticates(cas.known_client(version, Kind::EcdsaP256), cas.server(Kind::Rsa2048, NoClientAuth)));
    }
}

#[test]
fn missing_client_certificate_is_rejected_with_the_right_alert() {
    let cas = TestCas::new();
    for (version, alert) in [
        (ProtocolVersion::TLS13, AlertDescription::CERTIFICATE_REQUIRED),
        // RFC 5246 §7.4.6.
        (ProtocolVersion::TLS12, AlertDescription::HANDSHAKE_FAILURE),
    ] {
        let (error, received) = expect_rejection(cas.client(version), cas.required());
        assert_eq!((error, received), (Error::NoClientCertificate { version }, alert));
    }
}

#[test]
fn client_of_untrusted_ca_is_rejected_even_when_optional() {
    let cas = TestCas::new();
    let untrusted = Ca::named("an untrusted CA", Kind::EcdsaP256);
    // The trusted CA's name with another key.
    let twin = Ca::named("the clients' CA", Kind::EcdsaP384);
    for version in VERSIONS {
        for (ca, server) in [(&untrusted, cas.required()), (&untrusted, cas.optional()), (&twin, cas.required())] {
            let mut client = cas.client(version);
            client.set_client_identity(ca.identity(Kind::EcdsaP256, &["client.test"]));
            let (error, received) = expect_rejection(client, server);
            assert!(matches!(error, Error::Certificate(_)), "{error}");
            let expected = [AlertDescription::UNKNOWN_CA, AlertDescription::BAD_CERTIFICATE];
            assert!(expected.contains(&received), "{received}");
        }
    }
}

#[test]
fn client_certificate_validity_uses_the_server_clock() {
    let cas = TestCas::new();
    let (cert, key) = cas.clients.issue(Kind::EcdsaP256, &["client.test"], (2000, 2001));
    for version in VERSIONS {
        let client = || {
            let mut client = cas.client(version);
            client.set_client_identity(strata_tls::Identity::from_pem(cert.as_bytes(), key.as_bytes()).unwrap());
            client
        };
        let server = |at: Option<u64>| {
            let mut server = cas.required();
            server.set_time_provider(Clock::at(at));
            server
        };
        assert!(authenticates(client(), server(Some(960_000_000))));
        let (error, received) = expect_rejection(client(), cas.required());
        assert!(
            matches!(&error, Error::Certificate(e) if matches!(e.why, CertificateError::Expired { .. })),
            "{error}"
        );
        assert_eq!(received, AlertDescription::CERTIFICATE_EXPIRED);
        let (error, received) = expect_rejection(client(), server(None));
        assert_eq!(error, CertificateError::TimeUnknown.into());
        assert_eq!(received, AlertDescription::INTERNAL_ERROR);
    }
}

/// Returns a fixed verification result and names no CA.
#[derive(Debug)]
struct FixedVerifier(Result<(), Refusal>);

impl ClientCertVerifier for FixedVerifier {
    fn client_auth(&self) -> ClientAuth {
        ClientAuth::Required
    }

    fn verify_client_cert(&self, chain: &[CertificateDer<'_>], _: UnixTime) -> Result<(), Refusal> {
        assert!(!chain.is_empty());
        self.0.clone()
    }
}

#[test]
fn custom_verifier_decides_without_a_ca() {
    let cas = TestCas::new();
    let rejection = Refusal::from(CertificateError::Application("not allowed".into()));
    for version in VERSIONS {
        assert!(authenticates(
            cas.known_client(version, Kind::Ed25519),
            cas.server(Kind::EcdsaP256, FixedVerifier(Ok(())))
        ));
        let (error, received) = expect_rejection(
            cas.known_client(version, Kind::Ed25519),
            cas.server(Kind::EcdsaP256, FixedVerifier(Err(rejection.clone()))),
        );
        assert_eq!(error, Error::Certificate(rejection.clone()));
        assert_eq!(received, AlertDescription::CERTIFICATE_UNKNOWN);
        // The verifier can choose the alert.
        let (_, received) = expect_rejection(
            cas.known_client(version, Kind::Ed25519),
            cas.server(
                Kind::EcdsaP256,
                FixedVerifier(Err(rejection.clone().with_alert(AlertDescription::ACCESS_DENIED))),
            ),
        );
        assert_eq!(received, AlertDescription::ACCESS_DENIED);
        // An alert that does not reject the peer (closure alerts) is replaced.
        for closure in [0, 90, 100].map(AlertDescription) {
            let verifier = FixedVerifier(Err(rejection.clone().with_alert(closure)));
            let (_, received) =
                expect_rejection(cas.known_client(version, Kind::Ed25519), cas.server(Kind::EcdsaP256, verifier));
            assert_eq!(received, AlertDescription::CERTIFICATE_UNKNOWN);
        }
        // The verifier is not called without a certificate.
        let (error, _) = expect_rejection(cas.client(version), cas.server(Kind::EcdsaP256, FixedVerifier(Ok(()))));
        assert_eq!(error, Error::NoClientCertificate { version });
    }
}

/// Runs a client that sends another client's certificate with `signature`. Returns the server's
/// result.
fn run_impostor(
    cas: &TestCas,
    version: ProtocolVersion,
    signature: &[u8],
    server: &mut ServerSession,
) -> Result<(), Error> {
    let mut config = EngineConfig::new();
    config.set_versions(&[version]).unwrap();
    config.set_client_identity_lookup(true);
    let (cert, _) = cas.clients.issue(Kind::EcdsaP256, &["client.test"], (2000, FAR));
    let chain = strata_tls::certs_from_pem(cert.as_bytes()).unwrap();
    let stolen = Arc::new(Identity::with_remote_key(chain, vec![SignatureScheme::ECDSA_SECP256R1_SHA256]).unwrap());
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));

    let (mut out, mut incoming) = (Outgoing::new(), Vec::new());
    let mut client = ClientConnection::new(Arc::new(config), "server.test".try_into().unwrap(), &mut out).unwrap();
    loop {
        if !out.is_empty() {
            server.read_tls(&mut out.ready()).unwrap();
            out.consume(out.len());
        }
        server.process_new_packets()?;
        incoming.extend(drain(server));
        let processed = client.process(&mut incoming, &mut out).unwrap();
        incoming.drain(..processed.consumed);
        let mut open = match processed.progress {
            Progress::Need(need) => Some(need),
            Progress::NeedMoreInput { .. } if out.is_empty() => panic!("the server waits for more"),
            _ => None,
        };
        while let Some(need) = open {
            let answer = match need {
                Need::Verdict(need) => need.verify(&cas.servers.roots().into(), now),
                Need::ClientIdentity(need) => need.answer(stolen.clone()),
                Need::Signature(need) => need.answer(signature.to_vec()),
                other => panic!("{other:?}"),
            };
            open = client.resume(answer, &mut out).unwrap();
        }
    }
}

/// In CVE-2020-24613 and CVE-2022-25640 servers accepted a certificate without a valid signature.
#[test]
fn client_without_the_private_key_is_rejected_by_any_verifier() {
    let cas = TestCas::new();
    for version in VERSIONS {
        for signature in [&[][..], &[0x30, 6, 2, 1, 1, 2, 1, 1], &[0x30, 6, 2, 1, 0, 2, 1, 0], &[0; 64]] {
            let mut server = ServerSession::new(&Arc::new(cas.server(Kind::EcdsaP256, FixedVerifier(Ok(())))));
            let error = run_impostor(&cas, version, signature, &mut server).unwrap_err();
            assert_eq!(error, Error::BadSignature, "{version}");
            assert!(server.peer_certificates().is_none());
        }
    }
}

/// Records each request and returns a fixed identity.
#[derive(Debug)]
struct RecordingResolver(Mutex<Vec<Request>>, Option<Arc<Identity>>);

/// The CA list and the signature schemes of a CertificateRequest.
type Request = (Vec<Vec<u8>>, Vec<SignatureScheme>);

impl ResolvesClientCert for RecordingResolver {
    fn resolve(
        &self,
        authorities: List<'_, DistinguishedName<'_>>,
        schemes: &[SignatureScheme],
    ) -> Option<Arc<Identity>> {
        let authorities = authorities.iter().map(|name| name.0.to_vec()).collect();
        self.0.lock().unwrap().push((authorities, schemes.to_vec()));
        self.1.clone()
    }
}

#[test]
fn client_resolver_receives_the_ca_list_and_schemes() {
    let cas = TestCas::new();
    for version in VERSIONS {
        let resolver = Arc::new(RecordingResolver(
            Mutex::default(),
            Some(Arc::new(cas.clients.identity(Kind::Ed25519, &["client.test"]))),
        ));
        let mut client = cas.client(version);
        client.set_client_cert_resolver(resolver.clone());
        assert!(authenticates(client.clone(), cas.required()));
        assert!(authenticates(client.clone(), cas.server(Kind::EcdsaP256, FixedVerifier(Ok(())))));
        // Without a CertificateRequest the resolver is not called.
        assert!(!authenticates(client, cas.server(Kind::EcdsaP256, NoClientAuth)));
        let requests = resolver.0.lock().unwrap();
        let [(authorities, schemes), (none, _)] = &requests[..] else { panic!("{requests:?}") };
        // The name of the clients' CA: SEQUENCE { SET { SEQUENCE { 2.5.4.3, UTF8String } } }.
        let text = b"the clients' CA";
        let length = u8::try_from(text.len()).unwrap();
        let head = [0x30, length + 11, 0x31, length + 9, 0x30, length + 7, 6, 3, 0x55, 4, 3, 12, length];
        assert_eq!(authorities, &[[&head[..], text].concat()]);
        assert!(none.is_empty(), "a custom verifier sends no CA list by default");
        for scheme in [
            SignatureScheme::ED25519,
            SignatureScheme::ECDSA_SECP256R1_SHA256,
            SignatureScheme::ECDSA_SECP384R1_SHA384,
            SignatureScheme::RSA_PSS_RSAE_SHA256,
        ] {
            assert!(schemes.contains(&scheme), "{version} {scheme}");
        }
        assert!(!schemes.contains(&SignatureScheme::RSA_PKCS1_SHA1) && !schemes.contains(&SignatureScheme::ECDSA_SHA1));
    }
}

#[test]
fn client_identity_without_a_common_scheme_is_not_presented() {
    let cas = TestCas::new();
    let (cert, _) = cas.clients.issue(Kind::EcdsaP256, &["client.test"], (2000, FAR));
    let chain = strata_tls::certs_from_pem(cert.as_bytes()).unwrap();
    let unusable = Arc::new(Identity::with_remote_key(chain, vec![SignatureScheme::ED448]).unwrap());
    for version in VERSIONS {
        for resolver in
            [RecordingResolver(Mutex::default(), None), RecordingResolver(Mutex::default(), Some(unusable.clone()))]
        {
            let mut client = cas.client(version);
            client.set_client_cert_resolver(Arc::new(resolver));
            assert!(!authenticates(client.clone(), cas.optional()));
            let (error, _) = expect_rejection(client, cas.required());
            assert_eq!(error, Error::NoClientCertificate { version });
        }
    }
}

#[test]
fn oversized_ca_list_is_rejected_and_changes_nothing() {
    #[derive(Debug)]
    struct Hints(Vec<Vec<u8>>);
    impl ClientCertVerifier for Hints {
        fn client_auth(&self) -> ClientAuth {
            ClientAuth::Required
        }
        fn root_hint_subjects(&self) -> Vec<Vec<u8>> {
            self.0.clone()
        }
        fn verify_client_cert(&self, _: &[CertificateDer<'_>], _: UnixTime) -> Result<(), Refusal> {
            Ok(())
        }
    }
    let cas = TestCas::new();
    let mut server = cas.servers.server_config(Kind::EcdsaP256);
    for hints in [vec![vec![0x30; 0x8000]], vec![Vec::new()]] {
        let result = server.set_client_cert_verifier(Arc::new(Hints(hints)));
        assert_eq!(result, Err(strata_tls::ConfigError::HintsTooLong));
    }
    assert!(!authenticates(cas.client(ProtocolVersion::TLS12), server));
    // The largest list that fits is sent in both versions.
    for version in VERSIONS {
        let hints = vec![vec![0x30; 998]; 30];
        let resolver = Arc::new(RecordingResolver(
            Mutex::default(),
            Some(Arc::new(cas.clients.identity(Kind::EcdsaP256, &["client.test"]))),
        ));
        let mut client = cas.client(version);
        client.set_client_cert_resolver(resolver.clone());
        assert!(authenticates(client, cas.server(Kind::EcdsaP256, Hints(hints.clone()))));
        assert_eq!(resolver.0.lock().unwrap()[0].0, hints);
    }
}
