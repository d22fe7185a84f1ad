//! Certificates with ML-DSA, which only AWS-LC has, and only in TLS 1.3.

use std::sync::{Arc, Mutex};

use pki_types::PrivateKeyDer;
use pki_types::pem::PemObject;
use strata_tls::codec::{DistinguishedName, List};
use strata_tls::{
    AllowAnyAnonymousOrAuthenticatedClient, AllowAnyAuthenticatedClient, Backend, CertificateDer, CertificateError,
    ClientConfig, ClientHelloInfo, ClientSession, Contradiction, Error, HandshakeKind, Identity, IdentityError,
    NoIdentity, ProtocolVersion, Refusal, ResolvesClientCert, ResolvesServerCert, RootCertStore, ServerConfig, Session,
    SignError, SignatureScheme, Signer, SigningKey,
};
use tls_crypto::der::{self, Elements};
use tls_crypto::{PrivateKey, SignatureAlgorithm};

use crate::pair::Pair;
use crate::pki::{Ca, FAR, Kind, VERSIONS};

/// A parameter set: its algorithm, the last byte of its identifier, its scheme.
type Set = (SignatureAlgorithm, u8, SignatureScheme);

const SETS: [Set; 3] = [
    (SignatureAlgorithm::MlDsa44, 17, SignatureScheme::MLDSA44),
    (SignatureAlgorithm::MlDsa65, 18, SignatureScheme::MLDSA65),
    (SignatureAlgorithm::MlDsa87, 19, SignatureScheme::MLDSA87),
];

/// The AlgorithmIdentifier, RFC 9881 §2.
fn algorithm((_, arc, _): Set) -> Vec<u8> {
    let oid = der::element(der::OBJECT_IDENTIFIER, &[&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, arc]]);
    der::element(der::SEQUENCE, &[&oid])
}

/// A key from a seed, in PKCS#8.
fn key(set: Set, seed: u8) -> Vec<u8> {
    let seed = der::element(0x80, &[&[seed; 32]]);
    let version = der::element(der::INTEGER, &[&[0]]);
    der::element(der::SEQUENCE, &[&version, &algorithm(set), &der::element(der::OCTET_STRING, &[&seed])])
}

fn loaded(pkcs8: &[u8]) -> PrivateKey {
    PrivateKey::from_der_with_public_keys(pkcs8, &[]).unwrap()
}

/// The elements in `bytes`, each with its header.
fn elements(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut reader, mut found) = (Elements::new(bytes), Vec::new());
    while !reader.is_empty() {
        let before = reader.rest();
        reader.next().unwrap();
        found.push(&before[..before.len() - reader.rest().len()]);
    }
    found
}

fn contents(element: &[u8]) -> &[u8] {
    Elements::new(element).expect(der::SEQUENCE).unwrap()
}

/// The certificate `pem` with this key as its subject's, if any, signed by an ML-DSA key.
fn signed(pem: &str, subject: Option<&PrivateKey>, set: Set, issuer: &PrivateKey) -> CertificateDer<'static> {
    let whole = certificate(pem);
    let (algorithm, spki) = (algorithm(set), subject.map(PrivateKey::subject_public_key_info));
    let mut fields = elements(contents(elements(contents(&whole))[0]));
    // RFC 5280 §4.1: version, serialNumber, signature, issuer, validity, subject, key.
    fields[2] = &algorithm;
    if let Some(spki) = &spki {
        fields[6] = spki;
    }
    let message = der::element(der::SEQUENCE, &fields);
    let signature = issuer.sign(Backend::aws_lc(), set.0, &message).unwrap();
    let signature = der::element(der::BIT_STRING, &[&[0], &signature]);
    der::element(der::SEQUENCE, &[&message, &algorithm, &signature]).into()
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// A CA with an ML-DSA key.
struct MlDsaCa {
    set: Set,
    key: PrivateKey,
    certificate: CertificateDer<'static>,
    names: Ca,
}

impl MlDsaCa {
    fn new(set: Set) -> Self {
        let (names, key) = (Ca::new(Kind::EcdsaP256), loaded(&key(set, 1)));
        let certificate = signed(&names.pem, Some(&key), set, &key);
        Self { set, key, certificate, names }
    }

    /// An identity for `server.test`.
    fn identity(&self, set: Set) -> Identity {
        let key = key(set, 2);
        Identity::from_der([self.leaf(&key)], PrivateKeyDer::Pkcs8(key.into())).unwrap()
    }

    fn leaf(&self, key: &[u8]) -> CertificateDer<'static> {
        let (pem, _) = self.names.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
        signed(&pem, Some(&loaded(key)), self.set, &self.key)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::new();
        roots.add(&self.certificate).unwrap();
        roots
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::with_roots(self.roots());
        client.set_backend(Backend::aws_lc());
        client
    }

    fn server(&self, set: Set) -> ServerConfig {
        let mut server = ServerConfig::new(self.identity(set));
        server.set_backend(Backend::aws_lc());
        server
    }
}

fn error_of(client: ClientConfig, server: ServerConfig) -> Error {
    Pair::new(&Arc::new(client), &Arc::new(server)).settle().unwrap_err()
}

#[test]
fn every_set_authenticates_both_sides() {
    for (at, set) in SETS.into_iter().enumerate() {
        let (ca, of_client) = (MlDsaCa::new(SETS[(at + 1) % 3]), SETS[(at + 2) % 3]);
        let (mut client, mut server) = (ca.client(), ca.server(set));
        client.set_client_identity(ca.identity(of_client));
        server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
        assert_eq!((client.validate(), server.validate()), (Ok(()), Ok(())));
        let (client, server) = (Arc::new(client), Arc::new(server));
        let pair = Pair::connected(&client, &server);
        assert_eq!(pair.client.protocol_version(), Some(ProtocolVersion::TLS13));
        assert_eq!(pair.client.peer_signature_scheme(), Some(set.2));
        assert_eq!(pair.server.peer_signature_scheme(), Some(of_client.2));
        // The session that holds such chains resumes.
        let pair = Pair::connected(&client, &server);
        assert_eq!(pair.server.handshake_kind(), Some(HandshakeKind::Resumed), "{set:?}");
        assert_eq!(pair.server.peer_certificates().map(<[_]>::len), Some(1));
    }
}

/// The keys of a chain need not be of one kind.
#[test]
fn chains_mix_ml_dsa_and_other_keys() {
    for (at, set) in SETS.into_iter().enumerate() {
        let ca = MlDsaCa::new(set);
        let (pem, key) = ca.names.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
        let leaf = signed(&pem, None, set, &ca.key);
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let mut server = ServerConfig::new(Identity::from_der([leaf], key).unwrap());
        let pair = Pair::connected(&Arc::new(ca.client()), &Arc::new(server.clone()));
        assert_eq!(pair.client.peer_signature_scheme(), Some(SignatureScheme::ECDSA_SECP256R1_SHA256));
        for version in VERSIONS {
            server.set_versions(&[version]).unwrap();
            let e = error_of(ClientConfig::with_roots(ca.roots()), server.clone());
            assert!(matches!(&e, Error::Certificate(refusal) if is_unsupported(refusal)), "{e}");
            assert!(e.to_string().contains("ML-DSA"), "{e}");
        }
        // The key of the CA cannot be used to sign as another set.
        let other = MlDsaCa::new(SETS[(at + 1) % 3]);
        let e = error_of(other.client(), ca.server(set));
        assert!(matches!(e, Error::Certificate(_)), "{e}");
    }
}

fn is_unsupported(refusal: &Refusal) -> bool {
    matches!(refusal.why, CertificateError::UnsupportedSignature(_))
}

#[test]
fn ring_rejects_the_identity_in_the_configuration() {
    for set in SETS {
        let ca = MlDsaCa::new(set);
        let key = ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"][usize::from(set.1 - 17)];
        let expected = Contradiction::UnsupportedKey { key, backend: "ring" };
        let (mut client, mut server) = (ca.client(), ca.server(set));
        client.set_client_identity(ca.identity(set));
        client.set_backend(Backend::ring());
        server.set_backend(Backend::ring());
        assert_eq!((client.validate(), server.validate()), (Err(expected.clone()), Err(expected.clone())));
        assert_eq!(
            expected.to_string(),
            format!("the backend ring cannot sign with the identity's key, {key}; set another backend")
        );
        let e = ClientSession::new(&Arc::new(client), "server.test").unwrap_err();
        assert_eq!(e, Error::Config(expected.clone()));
        assert_eq!(error_of(ca.client(), server), Error::Config(expected.clone()));
        // A resolver that decides later.
        let (mut client, mut server) = (ca.names.client_config(), ca.names.server_config(Kind::EcdsaP256));
        client.set_client_cert_resolver(Arc::new(Late(Arc::new(ca.identity(set)))));
        server.set_backend(Backend::aws_lc());
        server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
        for version in VERSIONS {
            server.set_versions(&[version]).unwrap();
            assert_eq!(client.validate(), Ok(()));
            assert_eq!(error_of(client.clone(), server.clone()), Error::Config(expected.clone()), "{version}");
        }
    }
}

#[derive(Debug)]
struct Late(Arc<Identity>);

impl ResolvesClientCert for Late {
    fn resolve(&self, _: List<'_, DistinguishedName<'_>>, _: &[SignatureScheme]) -> Option<Arc<Identity>> {
        Some(Arc::clone(&self.0))
    }
}

#[test]
fn tls12_has_no_ml_dsa() {
    let [set, ..] = SETS;
    let ca = MlDsaCa::new(set);
    let tls12 = [ProtocolVersion::TLS12];
    let expected = Contradiction::NoSchemeOfVersion { versions: tls12.to_vec(), schemes: vec![set.2] };
    let (mut client, mut server) = (ca.client(), ca.server(set));
    client.set_client_identity(ca.identity(set));
    client.set_versions(&tls12).unwrap();
    server.set_versions(&tls12).unwrap();
    assert_eq!((client.validate(), server.validate()), (Err(expected.clone()), Err(expected.clone())));
    let text = "versions and identity exclude each other: none of the key's signature schemes mldsa44 belongs to an \
                enabled version: TLSv1.2; enable a version that has one or set another identity";
    assert_eq!(expected.to_string(), text);
    // A server of both versions with a client of TLS 1.2.
    let mut client = ca.client();
    client.set_versions(&tls12).unwrap();
    let e = error_of(client, ca.server(set));
    assert!(matches!(e, Error::NoCommonSignatureScheme { .. }), "{e}");
    // A client of both versions shows no such certificate to a server of TLS 1.2 that asks.
    let mut client = ca.names.client_config();
    client.set_backend(Backend::aws_lc());
    client.set_client_identity(ca.identity(set));
    let mut server = ca.names.server_config(Kind::EcdsaP256);
    server.set_backend(Backend::aws_lc());
    server.set_versions(&tls12).unwrap();
    let verifier = AllowAnyAnonymousOrAuthenticatedClient::new(ca.roots());
    server.set_client_cert_verifier(Arc::new(verifier)).unwrap();
    let pair = Pair::connected(&Arc::new(client), &Arc::new(server));
    assert!(pair.server.peer_certificates().is_none());
    // Only schemes that TLS 1.2 lacks.
    let mut client = ca.client();
    client.set_versions(&tls12).unwrap();
    client.set_signature_schemes(&[set.2]).unwrap();
    assert!(matches!(client.validate(), Err(Contradiction::Settings { .. })));
    let mut server = ca.names.server_config(Kind::EcdsaP256);
    server.set_backend(Backend::aws_lc());
    server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(ca.roots()))).unwrap();
    server.set_signature_schemes(&[set.2]).unwrap();
    assert_eq!(server.validate(), Ok(()));
    server.set_versions(&tls12).unwrap();
    assert!(matches!(server.validate(), Err(Contradiction::Settings { .. })));
}

#[test]
fn schemes_are_offered_by_backends_that_have_them() {
    let ca = Ca::new(Kind::EcdsaP256);
    let codes: Vec<_> = SETS.iter().map(|(_, _, scheme)| *scheme).collect();
    for &backend in Backend::ALL {
        for versions in [&VERSIONS[..], &[ProtocolVersion::TLS13], &[ProtocolVersion::TLS12]] {
            let has = backend == Backend::aws_lc() && versions.contains(&ProtocolVersion::TLS13);
            let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
            client.set_backend(backend);
            server.set_backend(backend);
            client.set_versions(versions).unwrap();
            server.set_versions(versions).unwrap();
            let (client_seen, server_seen) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
            client.set_client_cert_resolver(Arc::clone(&client_seen) as _);
            server = {
                let mut seen = ServerConfig::with_resolver(Arc::new(Offered {
                    seen: Arc::clone(&server_seen),
                    identity: Arc::new(ca.identity(Kind::EcdsaP256, &["server.test"])),
                }));
                seen.set_backend(server.backend());
                seen.set_versions(versions).unwrap();
                let verifier = AllowAnyAnonymousOrAuthenticatedClient::new(ca.roots());
                seen.set_client_cert_verifier(Arc::new(verifier)).unwrap();
                seen
            };
            Pair::connected(&Arc::new(client), &Arc::new(server));
            for seen in [client_seen, server_seen] {
                let seen = seen.0.lock().unwrap().clone();
                let found: Vec<_> = seen.iter().copied().filter(|scheme| codes.contains(scheme)).collect();
                assert!(!seen.is_empty() && found == if has { &codes[..] } else { &[] }, "{backend:?} {seen:?}");
            }
        }
    }
}

/// The schemes that a resolver was called with.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<SignatureScheme>>);

impl ResolvesClientCert for Seen {
    fn resolve(&self, _: List<'_, DistinguishedName<'_>>, schemes: &[SignatureScheme]) -> Option<Arc<Identity>> {
        *self.0.lock().unwrap() = schemes.to_vec();
        None
    }
}

#[derive(Debug)]
struct Offered {
    seen: Arc<Seen>,
    identity: Arc<Identity>,
}

impl ResolvesServerCert for Offered {
    fn resolve(&self, hello: &ClientHelloInfo<'_>) -> Result<Arc<Identity>, NoIdentity> {
        *self.seen.0.lock().unwrap() = hello.signature_schemes().collect();
        Ok(Arc::clone(&self.identity))
    }
}

/// A key that signs as the certificate's, but is another.
#[derive(Debug)]
struct Impostor {
    set: Set,
    key: Arc<PrivateKey>,
    is_cut: bool,
}

impl SigningKey for Impostor {
    fn schemes(&self) -> Vec<SignatureScheme> {
        vec![self.set.2]
    }

    fn signer(&self, _: SignatureScheme) -> Option<Box<dyn Signer>> {
        Some(Box::new(Self { key: Arc::clone(&self.key), ..*self }))
    }
}

impl Signer for Impostor {
    fn sign(self: Box<Self>, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let [own] = self.key.algorithms() else { return Err(SignError::new("another key")) };
        let mut signature =
            self.key.sign(Backend::aws_lc(), *own, message).map_err(|e| SignError::new(e.to_string()))?;
        signature.truncate(signature.len() - usize::from(self.is_cut));
        Ok(signature)
    }
}

#[test]
fn signature_of_another_key_is_rejected() {
    for (at, set) in SETS.into_iter().enumerate() {
        let (ca, other) = (MlDsaCa::new(set), SETS[(at + 1) % 3]);
        let own = key(set, 2);
        let mismatch = Identity::from_der([ca.leaf(&own)], PrivateKeyDer::Pkcs8(key(set, 3).into()));
        assert!(matches!(mismatch, Err(IdentityError::KeyMismatch)), "{mismatch:?}");
        for (scheme, key, is_cut, is_bad) in [
            (set, key(set, 2), false, false),
            (set, key(set, 3), false, true),
            (set, key(set, 2), true, true),
            (set, key(other, 2), false, true),
            (other, key(other, 2), false, true),
        ] {
            let key = Impostor { set: scheme, key: Arc::new(loaded(&key)), is_cut };
            let mut server = ServerConfig::new(Identity::with_signing_key(vec![ca.leaf(&own)], Arc::new(key)).unwrap());
            server.set_backend(Backend::aws_lc());
            let result = Pair::new(&Arc::new(ca.client()), &Arc::new(server)).settle();
            let expected = match scheme == set {
                true => Error::BadSignature,
                false => Error::SignatureSchemeMismatch(other.2),
            };
            assert_eq!(result, if is_bad { Err(expected) } else { Ok(()) });
        }
    }
}
