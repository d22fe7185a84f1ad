//! Certificates and configurations for the tests of this folder.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use strata_tls::{CipherSuite, ClientConfig, Identity, ProtocolVersion, RootCertStore, ServerConfig};

/// Key types of certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    EcdsaP256,
    EcdsaP384,
    Ed25519,
    Rsa2048,
}

pub(crate) const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::TLS13, ProtocolVersion::TLS12];

/// The cipher suites of a version for certificates of this key type.
pub(crate) fn suites(version: ProtocolVersion, kind: Kind) -> [CipherSuite; 3] {
    match (version, kind) {
        (ProtocolVersion::TLS13, _) => [
            CipherSuite::TLS_AES_128_GCM_SHA256,
            CipherSuite::TLS_AES_256_GCM_SHA384,
            CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
        ],
        (_, Kind::Rsa2048) => [
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        (_, Kind::EcdsaP256 | Kind::EcdsaP384 | Kind::Ed25519) => [
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
    }
}

pub(crate) const KINDS: [Kind; 4] = [Kind::EcdsaP256, Kind::EcdsaP384, Kind::Ed25519, Kind::Rsa2048];

impl Kind {
    fn key(self) -> KeyPair {
        match self {
            Self::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(),
            Self::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
            Self::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
            // ring cannot generate RSA keys. `openssl genpkey` made this one for the tests.
            Self::Rsa2048 => KeyPair::from_pem(include_str!("../data/rsa2048-test-key.pem")).unwrap(),
        }
    }
}

/// A CA that issues certificates.
pub(crate) struct Ca {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The last year of a certificate's validity.
pub(crate) const FAR: i32 = 2999;

impl Ca {
    pub(crate) fn new(kind: Kind) -> Self {
        Self::named("the tests' CA", kind)
    }

    pub(crate) fn named(name: &str, kind: Kind) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = kind.key();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Issues a certificate for `names`, valid from the start of the first year to the start of the
    /// last. Returns certificate and key as PEM.
    pub(crate) fn issue(&self, kind: Kind, names: &[&str], years: (i32, i32)) -> (String, String) {
        let mut params = CertificateParams::new(names.iter().map(|name| name.to_string()).collect::<Vec<_>>()).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let key = kind.key();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// An identity for `names` that is valid now.
    pub(crate) fn identity(&self, kind: Kind, names: &[&str]) -> Identity {
        let (cert, key) = self.issue(kind, names, (2000, FAR));
        strata_tls::Identity::from_pem(cert.as_bytes(), key.as_bytes()).unwrap()
    }

    pub(crate) fn server_config(&self, kind: Kind) -> ServerConfig {
        let (cert, key) = self.issue(kind, &["server.test", "127.0.0.1"], (2000, FAR));
        ServerConfig::from_pem(cert.as_bytes(), key.as_bytes()).unwrap()
    }

    pub(crate) fn client_config(&self) -> ClientConfig {
        ClientConfig::with_roots(self.roots())
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        strata_tls::root_store_from_pem(self.pem.as_bytes()).unwrap()
    }
}

/// Matching configurations that negotiate `version`.
pub(crate) fn configs_of(version: ProtocolVersion) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let ca = Ca::new(Kind::EcdsaP256);
    let mut client = ca.client_config();
    client.set_versions(&[version]).unwrap();
    (Arc::new(client), Arc::new(ca.server_config(Kind::EcdsaP256)))
}

/// Matching configurations.
pub(crate) fn configs() -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let ca = Ca::new(Kind::EcdsaP256);
    (Arc::new(ca.client_config()), Arc::new(ca.server_config(Kind::EcdsaP256)))
}
