//! A test PKI of a root CA, an intermediate CA and leaves whose parameters a test can change, and
//! handshakes that verify a leaf.

use std::io::Write;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, RevokedCertParams, SerialNumber, SigningKey, date_time_ymd,
};
use strata_tls::{
    AlertDescription, AllowAnyAuthenticatedClient, CertificateDer, ChainVerifier, ClientConfig, Crls, Error, Identity,
    Pin, ProtocolVersion, Refusal, RootCertStore, ServerConfig, ServerVerifier, Session,
};
use tls_crypto::der::{BIT_STRING, Elements, SEQUENCE, element};

use crate::pair::{Pair, carry, read_all};
use crate::pki::{Ca, Kind};

/// A CA.
pub(super) struct TestCa {
    pub(super) issuer: Issuer<'static, KeyPair>,
    pub(super) der: CertificateDer<'static>,
}

pub(super) fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl TestCa {
    pub(super) fn root(name: &str) -> Self {
        Self::root_with(name, |_| {})
    }

    pub(super) fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (mut params, key) = (ca_params(name), KeyPair::generate().unwrap());
        change(&mut params);
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), der }
    }

    /// A CA below this one, with changed parameters.
    pub(super) fn sub_ca(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (mut params, key) = (ca_params(name), KeyPair::generate().unwrap());
        change(&mut params);
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), der }
    }

    /// A leaf for `server.test`, for clients and servers, with changed parameters.
    pub(super) fn leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let mut params = leaf_params();
        change(&mut params);
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Leaf { der, key: key.serialize_der() }
    }

    /// A CRL with these serial numbers, issued in 2000, with changed parameters.
    pub(super) fn crl(&self, revoked: &[u64], change: impl FnOnce(&mut CertificateRevocationListParams)) -> Vec<u8> {
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2001, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let mut params = CertificateRevocationListParams {
            this_update: date_time_ymd(2000, 1, 1),
            next_update: date_time_ymd(2999, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        change(&mut params);
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    pub(super) fn pin(&self) -> Pin {
        pin(&self.issuer.key().subject_public_key_info())
    }
}

/// Edits the encoded fields of a certificate or CRL and signs the result with `by`.
pub(super) fn resigned(der: &[u8], by: &TestCa, edit: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut signed = Elements::new(Elements::new(der).expect(SEQUENCE).unwrap());
    let mut tbs = Elements::new(signed.expect(SEQUENCE).unwrap());
    let (_, algorithm) = signed.expect_whole(SEQUENCE).unwrap();
    let mut fields = Vec::new();
    while let Some((tag, contents)) = tbs.next() {
        fields.push(element(tag, &[contents]));
    }
    edit(&mut fields);
    let tbs = element(SEQUENCE, &[&fields.concat()]);
    let signature = element(BIT_STRING, &[&[0], &by.issuer.key().sign(&tbs).unwrap()]);
    element(SEQUENCE, &[&tbs, algorithm, &signature])
}

pub(super) fn pin(spki: &[u8]) -> Pin {
    Pin(tls_crypto::HashAlgorithm::Sha256.hash(spki).as_ref().try_into().unwrap())
}

pub(super) fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["server.test".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a leaf");
    params.serial_number = Some(SerialNumber::from(LEAF));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// Serial numbers of the leaves and of the intermediate.
pub(super) const LEAF: u64 = 4711;
pub(super) const INTERMEDIATE: u64 = 42;

pub(super) struct Leaf {
    pub(super) der: CertificateDer<'static>,
    pub(super) key: Vec<u8>,
}

impl Leaf {
    /// An identity with the certificates of `above` after the leaf.
    pub(super) fn with(&self, above: &[&TestCa]) -> Identity {
        let chain = [vec![self.der.clone()], above.iter().map(|one| one.der.clone()).collect()].concat();
        Identity::from_der(chain, &self.key).unwrap()
    }
}

/// A root CA, and an intermediate CA that issues leaves.
pub(super) struct TestPki {
    pub(super) root: TestCa,
    pub(super) intermediate: TestCa,
}

impl TestPki {
    pub(super) fn new() -> Self {
        let root = TestCa::root("the root");
        let intermediate = root.sub_ca("the intermediate", |params| {
            params.serial_number = Some(SerialNumber::from(INTERMEDIATE));
        });
        Self { root, intermediate }
    }

    pub(super) fn verifier(&self) -> ChainVerifier {
        ChainVerifier::new(store(&[&self.root]))
    }

    /// A verifier with these CRLs.
    pub(super) fn with_crls(&self, lists: &[Vec<u8>]) -> ChainVerifier {
        let mut verifier = self.verifier();
        verifier.set_crls(Some(Crls::from_der(lists).unwrap()));
        verifier
    }

    /// A valid chain.
    pub(super) fn valid_chain(&self) -> Identity {
        self.intermediate.leaf(|_| {}).with(&[&self.intermediate])
    }
}

pub(super) fn store(roots: &[&TestCa]) -> RootCertStore {
    let mut store = RootCertStore::new();
    roots.iter().for_each(|root| store.add(&root.der).unwrap());
    store
}

/// The role whose certificate is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Server,
    Client,
}

pub(super) const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// The configurations of a handshake in which `verifier` verifies `identity`.
pub(super) fn configs(
    role: Role,
    version: ProtocolVersion,
    identity: Identity,
    verifier: impl Into<ServerVerifier>,
) -> (ClientConfig, ServerConfig) {
    let verifier = verifier.into();
    let (mut client, server) = match role {
        Role::Server => (ClientConfig::with_server_verifier(verifier), ServerConfig::new(identity)),
        Role::Client => {
            let ca = Ca::new(Kind::EcdsaP256);
            let (mut client, mut server) = (ca.client_config(), ca.server_config(Kind::EcdsaP256));
            client.set_client_identity(identity);
            let chain = verifier.chain().clone();
            server.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(chain))).unwrap();
            (client, server)
        }
    };
    client.set_versions(&[version]).unwrap();
    (client, server)
}

/// Runs a handshake and exchanges data. On rejection, asserts that no plaintext passed and returns
/// the reason and the alert that the peer received.
pub(super) fn outcome(
    role: Role,
    version: ProtocolVersion,
    identity: Identity,
    verifier: impl Into<ServerVerifier>,
) -> Result<(), (Refusal, AlertDescription)> {
    let (client, server) = configs(role, version, identity, verifier);
    handshake(role, &Arc::new(client), &Arc::new(server))
}

pub(super) fn handshake(
    role: Role,
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> Result<(), (Refusal, AlertDescription)> {
    let mut pair = Pair::new(client, server);
    pair.client.write_all(b"a question").unwrap();
    pair.server.write_all(b"an answer").unwrap();
    let result = pair.settle();
    let Err(error) = result else {
        assert_eq!(read_all(&mut pair.server), b"a question");
        assert_eq!(read_all(&mut pair.client), b"an answer");
        return Ok(());
    };
    let Error::Certificate(refusal) = error else { panic!("{error}") };
    let received = match role {
        Role::Server => expect_rejection(&mut pair.client, &mut pair.server),
        Role::Client => expect_rejection(&mut pair.server, &mut pair.client),
    };
    Err((refusal, received))
}

/// Asserts that `verifier` rejected `peer` and that no plaintext passed. Returns the alert.
fn expect_rejection(verifier: &mut impl Session, peer: &mut impl Session) -> AlertDescription {
    assert!(verifier.peer_certificates().is_none(), "no peer is authenticated");
    assert_eq!(read_all(verifier), b"", "no plaintext of the rejected peer is returned");
    assert!(verifier.write(b"more").is_err() && verifier.read(&mut [0]).is_err());
    let received = match carry(verifier, peer) {
        Err(Error::AlertReceived { description, .. }) => description,
        other => panic!("{other:?}"),
    };
    assert_eq!(read_all(peer), b"", "no plaintext reaches the rejected peer");
    assert!(!verifier.wants_write());
    received
}
