//! What programs have, as arguments: names of servers, protocols, files by path, and files of
//! either encoding.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strata_tls::pki_types::pem::PemObject;
use strata_tls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use strata_tls::{
    ClientConfig, ClientSession, Crls, Error, Identity, IdentityError, IdentityFiles, IntoServerName, NameFault,
    ReloadError, ResolvesServerCertUsingSni, RootsError, ServerConfig, ServerName, Session, certs_from_bytes,
    root_store_from_bytes, root_store_from_file,
};
use tls_crypto::pkcs7::Bundle;

use crate::identities::pem;
use crate::pair::Pair;
use crate::pki::{Ca, FAR, Kind};

#[test]
fn client_takes_names_in_each_type() {
    fn check(name: impl IntoServerName + Clone, expected: &str) {
        ClientSession::new(&Arc::new(ClientConfig::new()), name.clone()).unwrap();
        assert_eq!(name.into_server_name().unwrap().to_str(), expected);
    }
    let text = "a.test".to_owned();
    let name = ServerName::try_from("a.test").unwrap();
    check("a.test", "a.test");
    check(&text, "a.test");
    check(text.clone(), "a.test");
    check(&name, "a.test");
    check(name.clone(), "a.test");
    check("::1", "::1");
    check(Ipv6Addr::LOCALHOST, "::1");
    check(IpAddr::from(Ipv6Addr::LOCALHOST), "::1");
    check(Ipv4Addr::LOCALHOST, "127.0.0.1");
}

#[test]
fn invalid_server_name_says_what_to_write() {
    let config = Arc::new(ClientConfig::new());
    for (name, fault, words) in [
        ("[::1]", NameFault::Brackets, "write only the address, \"::1\""),
        ("a.test:443", NameFault::Port, "write only the address, \"a.test\""),
        ("https://a.test/x", NameFault::Url, "write only its host, \"a.test\""),
        ("", NameFault::Empty, "write a host name or an IP address"),
    ] {
        let e = ClientSession::new(&config, name).unwrap_err();
        assert!(e.to_string().contains(words) && e.alert().is_none(), "{e}");
        assert!(matches!(e, Error::BadServerName(e) if e.fault() == fault), "{name}");
    }
}

#[test]
fn resolver_name_that_is_no_host_says_what_to_write() {
    let identity = Ca::new(Kind::EcdsaP256).identity(Kind::EcdsaP256, &["a.test"]);
    let add = |name: &str| ResolvesServerCertUsingSni::new().add(name, identity.clone()).unwrap_err();
    for (name, words) in [("a.test:443", "\"a.test\""), ("https://a.test", "it is a URL"), ("", "it is empty")] {
        let e = add(name);
        assert!(matches!(&e, IdentityError::BadServerName(_)) && e.to_string().contains(words), "{e}");
    }
    // A client cannot request an address.
    assert!(matches!(add("127.0.0.1"), IdentityError::NotValidForName { .. }));
}

#[test]
fn protocols_are_texts_or_bytes() {
    let ca = Ca::new(Kind::EcdsaP256);
    let identity = || ca.identity(Kind::EcdsaP256, &["server.test"]);
    let setters: [&dyn Fn(&mut ServerConfig); 4] = [
        &|config| config.set_alpn_protocols(["h2", "http/1.1"]).unwrap(),
        &|config| config.set_alpn_protocols(vec![b"h2".to_vec(), b"http/1.1".to_vec()]).unwrap(),
        &|config| config.set_alpn_protocols(&["h2".to_owned(), "http/1.1".to_owned()]).unwrap(),
        &|config| config.set_alpn_protocols([&b"h2"[..], b"http/1.1"]).unwrap(),
    ];
    for set in setters {
        let mut server = ServerConfig::new(identity());
        set(&mut server);
        let mut client = ca.client_config();
        client.set_alpn_protocols(["http/1.1"]).unwrap();
        let pair = Pair::connected(&Arc::new(client), &Arc::new(server));
        assert_eq!(pair.client.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}

#[test]
fn identity_takes_keys_and_certificates_in_each_type() {
    let (certs, key) = Ca::new(Kind::EcdsaP256).issue(Kind::EcdsaP256, &["a.test"], (2000, FAR));
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certs.as_bytes()).collect::<Result<_, _>>().unwrap();
    let bytes: Vec<Vec<u8>> = chain.iter().map(|cert| cert.to_vec()).collect();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let pkcs8 = PrivatePkcs8KeyDer::from(key.secret_der().to_vec());
    for identity in [
        Identity::from_der(chain.clone(), &key),
        Identity::from_der(chain.iter().cloned(), key.clone_key()),
        Identity::from_der(bytes.clone(), key.secret_der()),
        Identity::from_der(bytes, pkcs8),
        Identity::from_der([chain[0].clone()], key.secret_der().to_vec()),
    ] {
        assert_eq!(identity.unwrap().chain()[0], chain[0]);
    }
}

#[test]
fn faulty_certificates_keys_and_staples_have_their_errors() {
    let (certs, key) = Ca::new(Kind::EcdsaP256).issue(Kind::EcdsaP256, &["a.test"], (2000, FAR));
    let (certs, key) = (certs.as_bytes(), key.as_bytes());
    let no_key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let damaged = String::from_utf8_lossy(certs).replacen('\n', "\n!", 1);
    let fails = |certs: &[u8], key: &[u8]| Identity::from_pem(certs, key).unwrap_err();
    assert!(matches!(fails(certs, no_key.as_bytes()), IdentityError::BadKey(_)));
    assert!(matches!(fails(damaged.as_bytes(), key), IdentityError::BadPem(_)));
    assert!(matches!(fails(certs, b""), IdentityError::NoKey(_)));
    let mut identity = Identity::from_pem(certs, key).unwrap();
    for sct in [vec![], vec![0; 70_000]] {
        assert_eq!(identity.set_signed_certificate_timestamps(vec![sct]), Err(IdentityError::TooLong));
    }
}

/// A folder that is removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tls-api-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn errors_about_paths_name_the_file() {
    let folder = Folder::new("paths");
    let ca = Ca::new(Kind::EcdsaP256);
    let (certs, key) = ca.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
    let (certs, key) = (folder.write("chain.pem", certs), folder.write("key.pem", key));
    let other = folder.write("other.pem", "nothing");
    let missing = folder.0.join("missing.pem");
    ServerConfig::from_files(&certs, &key).unwrap();
    let cases: [(&Path, &Path, &[&Path]); 5] = [
        (&missing, &key, &[&missing]),
        (&certs, &missing, &[&missing]),
        (&other, &key, &[&other]),
        (&certs, &other, &[&other]),
        (&key, &certs, &[&key, &certs]),
    ];
    for (certs, key, named) in cases {
        let e = ServerConfig::from_files(certs, key).unwrap_err();
        let shown = e.to_string();
        assert!(named.iter().all(|path| shown.contains(&path.display().to_string())), "{shown}");
        assert_eq!(matches!(e, ReloadError::File { .. }), named[0] == missing, "{shown}");
    }
    assert_eq!(root_store_from_file(folder.write("ca.pem", pem(&rcgen_root("one")))).unwrap().len(), 1);
    let e = root_store_from_file(&missing).unwrap_err();
    assert!(matches!(&e, RootsError::CannotRead { path, .. } if *path == missing), "{e}");
    let e = root_store_from_file(&other).unwrap_err();
    assert!(matches!(&e, RootsError::File { path, .. } if *path == other), "{e}");
    assert!(e.to_string().starts_with(&other.display().to_string()), "{e}");
}

#[test]
fn each_reader_takes_pem_der_and_bundles() {
    let folder = Folder::new("encodings");
    let ca = Ca::new(Kind::EcdsaP256);
    let (certs, key) = ca.issue(Kind::EcdsaP256, &["server.test"], (2000, FAR));
    let key_der = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let chain = certs_from_bytes(certs.as_bytes()).unwrap();
    let (root, other) = (rcgen_root("one"), rcgen_root("two"));
    let bundle = Bundle { certificates: vec![&root, &other], crls: Vec::new() }.encode();
    let own_bundle = Bundle { certificates: vec![&root, &chain[0]], crls: Vec::new() }.encode();
    for (certs, key, length) in [
        (certs.as_bytes(), key.as_bytes(), 1),
        (&chain[0], key.as_bytes(), 1),
        (certs.as_bytes(), key_der.secret_der(), 1),
        (&chain[0], key_der.secret_der(), 1),
        (&own_bundle, key_der.secret_der(), 2),
    ] {
        let identity = Identity::from_bytes(certs, key).unwrap();
        assert_eq!((identity.chain().len(), &identity.chain()[0]), (length, &chain[0]));
        let files = IdentityFiles::new(folder.write("certs", certs), folder.write("key", key));
        assert_eq!(files.load().unwrap().chain().len(), length);
    }
    for (file, length) in [(&*root, 1), (&*bundle, 2)] {
        assert_eq!(root_store_from_bytes(file).unwrap().len(), length);
        assert_eq!(root_store_from_file(folder.write("roots", file)).unwrap().len(), length);
        assert_eq!(certs_from_bytes(file).unwrap().len(), length);
    }
    // Each mistake is named, and none is taken for something else.
    let swapped = Identity::from_bytes(key_der.secret_der(), &chain[0]).unwrap_err();
    assert_eq!(swapped, IdentityError::Swapped);
    for (file, words) in [
        (key_der.secret_der(), "it is a private key in DER"),
        (&chain[0][..chain[0].len() - 1], "DER that is truncated"),
        (&[&chain[0][..], b"\n"].concat(), "or has other bytes after its end"),
        (&Bundle::default().encode(), "it is a PKCS#7 bundle in DER that does not contain it"),
    ] {
        let e = certs_from_bytes(file).unwrap_err().to_string();
        assert!(e.contains(words) && !e.contains("from_bytes"), "{e}");
    }
    let damaged = Bundle { certificates: vec![&root, &[0x30, 0]], crls: Vec::new() }.encode();
    let e = root_store_from_bytes(&damaged).unwrap_err().to_string();
    assert!(e.contains("entry 2 of the bundle in the DER file: the certificate cannot be parsed"), "{e}");
    let e = Crls::from_bytes([&chain[0]]).unwrap_err().to_string();
    assert!(e.contains("it is a certificate in DER"), "{e}");
}

fn rcgen_root(name: &str) -> CertificateDer<'static> {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().clone()
}

/// The key's file by openssl, with the password "secret".
const ENCRYPTED_KEY: &[u8] = include_bytes!("../../../tls-crypto/tests/data/keys/encrypted/openssl.aes256.pem");

/// A certificate for the encrypted key.
fn certificate_of_encrypted_key() -> String {
    let plain = include_bytes!("../../../tls-crypto/tests/data/keys/p256.pkcs8.der").as_slice();
    let key = rcgen::KeyPair::try_from(plain).unwrap();
    rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap().self_signed(&key).unwrap().pem()
}

#[test]
fn encrypted_key_names_feature_and_command() {
    let cert = certificate_of_encrypted_key();
    for e in [
        Identity::from_pem(cert.as_bytes(), ENCRYPTED_KEY).unwrap_err(),
        Identity::from_bytes(cert.as_bytes(), ENCRYPTED_KEY).unwrap_err(),
    ] {
        assert_eq!(e, IdentityError::EncryptedKey);
        let shown = e.to_string();
        assert!(shown.contains("encrypted-keys") && shown.contains("openssl pkey -in"), "{shown}");
    }
    let old = include_bytes!("../../../tls-crypto/tests/data/keys/encrypted/openssl.old.pem");
    let shown = Identity::from_bytes(cert.as_bytes(), old).unwrap_err().to_string();
    assert!(shown.contains("`openssl pkcs8 -topk8 -in key.pem -out new.pem`"), "{shown}");
}

#[cfg(feature = "encrypted-keys")]
#[test]
fn encrypted_key_loads_with_its_password() {
    let folder = Folder::new("encrypted");
    let cert = certificate_of_encrypted_key();
    let load = |password: &str| Identity::from_encrypted(cert.as_bytes(), ENCRYPTED_KEY, password);
    assert_eq!(load("secret").unwrap().chain().len(), 1);
    assert_eq!(load("secret ").unwrap_err(), IdentityError::WrongPassword);
    // A key that is not encrypted needs none.
    let (certs, key) = Ca::new(Kind::EcdsaP256).issue(Kind::EcdsaP256, &["a.test"], (2000, FAR));
    Identity::from_encrypted(certs.as_bytes(), key.as_bytes(), "secret").unwrap();
    let (certs, key) = (folder.write("chain.pem", cert), folder.write("key.pem", ENCRYPTED_KEY));
    let files = IdentityFiles::new(&certs, &key);
    assert_eq!(files.clone().with_password("secret").load().unwrap().chain().len(), 1);
    for (files, cause) in [
        (files.clone(), IdentityError::EncryptedKey),
        (files.clone().with_password("wrong"), IdentityError::WrongPassword),
    ] {
        let e = files.load().unwrap_err();
        assert!(e.to_string().starts_with(&format!("{}: ", key.display())), "{e}");
        assert!(matches!(e, ReloadError::Identity { cause: found, .. } if found == cause));
    }
    assert!(!format!("{:?}", files.with_password("secret")).contains("secret"));
    // In bytes, as `Debug` of vectors shows them.
    let shown = format!("{:?}", IdentityFiles::new("a", "b").with_password("secret"));
    assert!(!shown.contains("115"), "{shown}");
}

#[cfg(feature = "pkcs12")]
mod pkcs12 {
    use strata_tls::{RootCertStore, ServerSession};

    use super::*;

    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!("../../../tls-crypto/tests/data/pkcs12/", $name)).as_slice()
        };
    }

    fn error(file: &[u8], password: &str) -> IdentityError {
        Identity::from_pkcs12(file, password).unwrap_err()
    }

    /// The files have the root before the intermediate; Java's key has no public key.
    #[test]
    fn pkcs12_file_loads_with_a_sorted_chain() {
        let chain = certs_from_bytes(file!("chain.pem")).unwrap();
        for file in [file!("openssl.p12"), file!("openssl.sha1.p12"), file!("java.p12"), file!("pbmac1.sha512.p12")] {
            assert_eq!(Identity::from_pkcs12(file, "secret").unwrap().chain(), chain);
            assert_eq!(Identity::from_encrypted(file, file, "secret").unwrap().chain(), chain);
        }
        assert_eq!(Identity::from_pkcs12(file!("openssl.no-mac.p12"), "").unwrap().chain(), chain);
        let server = Identity::from_pkcs12(file!("openssl.p12"), "secret").unwrap();
        let mut roots = RootCertStore::new();
        roots.add(&chain[2]).unwrap();
        let (client, server) = (Arc::new(ClientConfig::with_roots(roots)), Arc::new(ServerConfig::new(server)));
        let client = ClientSession::new(&client, "a.test").unwrap();
        let mut pair = Pair { client, server: ServerSession::new(&server) };
        pair.settle().unwrap();
        assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
    }

    #[test]
    fn each_fault_of_a_pkcs12_file_has_its_text() {
        let openssl = file!("openssl.p12");
        assert_eq!(error(openssl, "wrong"), IdentityError::WrongPassword);
        assert_eq!(error(openssl, ""), IdentityError::NoPassword);
        assert!(error(openssl, "").to_string().contains("has a password, and the given one is empty"));
        let legacy = "convert it with `openssl pkcs12 -legacy -in file -out file.pem && openssl pkcs12 -export -in file.pem -out new.p12`";
        for (file, words) in [
            (file!("openssl.only-certificates.p12"), "no private key found: the PKCS#12 file has only certificates"),
            (file!("openssl.only-key.p12"), "no certificate found: the PKCS#12 file has only a key"),
            (file!("java.two-keys.p12"), "has 2 private keys; keep one"),
            (file!("openssl.legacy.p12"), legacy),
            (file!("indefinite.p12"), "is BER"),
            (file!("openssl.no-mac.p12"), "has no MAC"),
            (&openssl[..openssl.len() - 1], "not PKCS#12: it is DER that is truncated"),
            (file!("chain.pem"), "not PKCS#12: it has a certificate"),
        ] {
            let shown = error(file, "secret").to_string();
            assert!(shown.contains(words), "no {words:?} in {shown}");
        }
    }

    #[test]
    fn identity_files_take_a_pkcs12_file_with_a_password() {
        let folder = Folder::new("pkcs12");
        let path = folder.write("server.p12", file!("openssl.p12"));
        let files = IdentityFiles::new(&path, &path);
        assert_eq!(files.clone().with_password("secret").load().unwrap().chain().len(), 3);
        for (files, words) in [
            (files.clone(), "it is PKCS#12; load it with its password"),
            (files.with_password("wrong"), "the password does not decrypt"),
        ] {
            let shown = files.load().unwrap_err().to_string();
            assert!(shown.starts_with(&format!("{}: ", path.display())) && shown.contains(words), "{shown}");
        }
        // Not as one of two files.
        let e = Identity::from_encrypted(file!("chain.pem"), file!("openssl.p12"), "secret").unwrap_err().to_string();
        assert!(e.contains("it is PKCS#12; load it with its password"), "{e}");
    }
}
