//! A CA for this test run, and a certificate for `localhost` of every key type.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use strata_tls::{ClientConfig, ServerConfig};

use crate::programs::Program;

/// The key type of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    EcdsaP256,
    EcdsaP384,
    Ed25519,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Rsa, Self::EcdsaP256, Self::EcdsaP384, Self::Ed25519];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::EcdsaP256 => "ecdsa_p256",
            Self::EcdsaP384 => "ecdsa_p384",
            Self::Ed25519 => "ed25519",
        }
    }

    fn key(self) -> Result<KeyPair, String> {
        let made = match self {
            // ring, which rcgen uses, generates no RSA keys, and its Ed25519 keys have a form that
            // OpenSSL 3.0 cannot read.
            Self::Rsa => KeyPair::from_pem(&openssl_key(&["RSA", "-pkeyopt", "rsa_keygen_bits:2048"])?),
            Self::Ed25519 => KeyPair::from_pem(&openssl_key(&["ED25519"])?),
            Self::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        };
        made.map_err(|e| e.to_string())
    }
}

fn openssl_key(algorithm: &[&str]) -> Result<String, String> {
    let mut command = Program::Openssl.command();
    command.args(["genpkey", "-algorithm"]).args(algorithm).stderr(Stdio::null());
    let output = command.output().map_err(|e| format!("openssl, for a key: {e}"))?;
    String::from_utf8(output.stdout).map_err(|e| e.to_string())
}

/// The files of a certificate chain and its key.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

struct TestCa {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

static CA: OnceLock<Result<TestCa, String>> = OnceLock::new();

/// The file of the CA that clients trust.
pub(crate) fn ca_file() -> Result<PathBuf, String> {
    Ok(folder()?.join("ca.pem"))
}

/// The folder for the files of this test run.
pub(crate) fn folder() -> Result<&'static Path, String> {
    Ok(&ca()?.folder)
}

/// The server certificate of this key type, issued on first use.
pub(crate) fn files(kind: Kind) -> Result<Files, String> {
    static MADE: [OnceLock<Result<Files, String>>; 4] = [const { OnceLock::new() }; 4];
    let slot =
        Kind::ALL.iter().position(|other| *other == kind).and_then(|at| MADE.get(at)).ok_or("an unknown kind")?;
    slot.get_or_init(|| make(kind)).clone()
}

/// The client certificate of this key type, for the name `client-` followed by the key type.
pub(crate) fn client_files(kind: Kind) -> Result<Files, String> {
    static MADE: [OnceLock<Result<Files, String>>; 4] = [const { OnceLock::new() }; 4];
    let slot =
        Kind::ALL.iter().position(|other| *other == kind).and_then(|at| MADE.get(at)).ok_or("an unknown kind")?;
    slot.get_or_init(|| issue(kind, &format!("client-{}", kind.name()), &[])).clone()
}

/// A configuration for a server of the library.
pub(crate) fn server_config(kind: Kind) -> Result<ServerConfig, String> {
    let files = files(kind)?;
    let read = |path| fs::read(path).map_err(|e| e.to_string());
    ServerConfig::from_pem(&read(&files.chain)?, &read(&files.key)?).map_err(|e| e.to_string())
}

/// A configuration for a client of the library that trusts the test CA.
pub(crate) fn client_config() -> Result<ClientConfig, String> {
    let pem = fs::read(ca_file()?).map_err(|e| e.to_string())?;
    let roots = strata_tls::root_store_from_pem(&pem).map_err(|e| e.to_string())?;
    Ok(ClientConfig::with_roots(roots))
}

/// Removes the files of this test run.
pub(crate) fn remove() {
    if let Some(Ok(ca)) = CA.get() {
        // If this fails, the system cleans its temporary folder.
        let _ = fs::remove_dir_all(&ca.folder);
    }
}

fn ca() -> Result<&'static TestCa, String> {
    CA.get_or_init(|| make_ca().map_err(|e| e.to_string())).as_ref().map_err(Clone::clone)
}

fn make_ca() -> Result<TestCa, Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("tls-interop-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Interoperability tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    fs::write(folder.join("ca.pem"), params.self_signed(&key)?.pem())?;
    // `openssl ocsp` signs responses with this key.
    fs::write(folder.join("ca.key"), key.serialize_pem())?;
    Ok(TestCa { folder, issuer: Issuer::new(params, key) })
}

fn make(kind: Kind) -> Result<Files, String> {
    issue(kind, "localhost", &["localhost", "127.0.0.1"])
}

fn issue(kind: Kind, subject: &str, names: &[&str]) -> Result<Files, String> {
    let ca = ca()?;
    let key = kind.key()?;
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(|e| e.to_string())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    let certificate = params.signed_by(&key, &ca.issuer).map_err(|e| e.to_string())?;
    let name = format!("{subject}-{}", kind.name());
    let files = Files { chain: ca.folder.join(format!("{name}.pem")), key: ca.folder.join(format!("{name}.key")) };
    fs::write(&files.chain, certificate.pem()).map_err(|e| e.to_string())?;
    fs::write(&files.key, key.serialize_pem()).map_err(|e| e.to_string())?;
    Ok(files)
}
