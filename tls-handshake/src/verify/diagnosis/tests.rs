//! Signatures and keys that are not supported, made by OpenSSL: see
//! `tests/data/unsupported-signatures.sh`.

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, UnixTime};
use tls_codec::code_points::AlertDescription;

use crate::certificate_error::{CertificateError, Hint, Refusal, UnsupportedPart};
use crate::verify::{ChainVerifier, RootCertStore};

/// Returns the leaf and the CA of a case.
pub(crate) fn case(name: &str) -> [CertificateDer<'static>; 2] {
    let all = include_str!("../../../tests/data/unsupported-signatures.pem");
    let (_, case) = all.split_once(&format!("# {name}\n")).unwrap();
    let mut certificates = CertificateDer::pem_slice_iter(case.as_bytes()).map(Result::unwrap);
    [certificates.next().unwrap(), certificates.next().unwrap()]
}

/// The names of the cases, what is not supported, and words of the text.
const CASES: [(&str, UnsupportedPart, &[&str]); 15] = [
    ("rsa1024", UnsupportedPart::Key, &["an RSA key of 1024 bits", "RSA PKCS#1 v1.5 with SHA-256", "2048 to 8192"]),
    ("rsa8448", UnsupportedPart::Key, &["an RSA key of 8448 bits", "2048 to 8192"]),
    ("sha1", UnsupportedPart::Algorithm, &["RSA PKCS#1 v1.5 with SHA-1", "an RSA key of 2048 bits"]),
    ("md5", UnsupportedPart::Algorithm, &["RSA PKCS#1 v1.5 with MD5"]),
    ("sha224", UnsupportedPart::Algorithm, &["RSA PKCS#1 v1.5 with SHA-224"]),
    ("pss-salt", UnsupportedPart::Algorithm, &["RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 20 bytes"]),
    ("pss-mgf", UnsupportedPart::Algorithm, &["RSASSA-PSS with SHA-256, MGF1 with SHA-1 and a salt of 32 bytes"]),
    ("pss-key", UnsupportedPart::Key, &["an RSA key of 2048 bits", "id-RSASSA-PSS"]),
    ("p256-sha512", UnsupportedPart::Algorithm, &["ECDSA with SHA-512", "an EC key on P-256"]),
    ("p521", UnsupportedPart::Key, &["an EC key on P-521", "ECDSA with SHA-256"]),
    ("secp256k1", UnsupportedPart::Key, &["an EC key on secp256k1"]),
    ("explicit", UnsupportedPart::Key, &["explicit curve parameters", "a named curve"]),
    ("compressed", UnsupportedPart::Key, &["an EC key on P-256 with a compressed point", "an uncompressed point"]),
    ("ed448", UnsupportedPart::Algorithm, &["Ed448 is not supported", "an Ed448 key"]),
    ("dsa", UnsupportedPart::Algorithm, &["DSA with SHA-256", "a DSA key"]),
];

/// Texts that are true only of a signature that was checked.
pub(crate) const FALSE_CAUSES: [&str; 4] = ["invalid", "new key", "another key", "does not hold"];

fn verify(chain: &[CertificateDer<'_>], root: &CertificateDer<'_>) -> Refusal {
    let mut roots = RootCertStore::new();
    roots.add(root).unwrap();
    ChainVerifier::new(roots).verify_client(chain, UnixTime::since_unix_epoch(NOW)).unwrap_err()
}

const NOW: std::time::Duration = std::time::Duration::from_secs(1_900_000_000);

#[test]
fn unsupported_signature_is_named_not_called_invalid() {
    for (name, part, words) in CASES {
        let [leaf, ca] = case(name);
        // The CA as the trust anchor, and sent as an intermediate with an unrelated anchor.
        let other = case(if name == "p521" { "rsa1024" } else { "p521" })[1].clone();
        for (chain, root) in [(vec![leaf.clone()], &ca), (vec![leaf.clone(), ca.clone()], &ca)] {
            let refusal = verify(&chain, root);
            let text = format!("{refusal:#}");
            let CertificateError::UnsupportedSignature(unsupported) = &refusal.why else { panic!("{name}: {text}") };
            assert_eq!(unsupported.part, part, "{name}: {text}");
            assert_eq!(refusal.alert(), AlertDescription::UNSUPPORTED_CERTIFICATE);
            for words in words.iter().chain(&["CN=the leaf, serial number 4A11", "have it signed again"]) {
                assert!(text.contains(words), "{name}: no {words:?} in {text}");
            }
            assert!(FALSE_CAUSES.iter().all(|words| !text.contains(words)), "{name}: {text}");
            assert_eq!(refusal.hint(), None, "{name}: {text}");
        }
        // Whatever is configured, no signature was checked.
        let text = format!("{:#}", verify(&[leaf, ca], &other));
        assert!(!text.contains("new key") && !text.contains("signature is invalid"), "{name}: {text}");
    }
}

#[test]
fn anchor_with_key_of_other_type_is_not_called_renewed() {
    let [leaf, _] = case("p256-sha512");
    // An RSA signature, and an anchor of the same name with an EC key.
    let [_, rsa] = case("sha1");
    let own = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "the CA");
    let issuer = rcgen::Issuer::new(params, &own);
    let leaf_of_ec = rcgen::CertificateParams::new(vec!["a.test".to_owned()])
        .unwrap()
        .signed_by(&rcgen::KeyPair::generate().unwrap(), &issuer)
        .unwrap();
    let refusal = verify(&[leaf_of_ec.der().clone()], &rsa);
    // The name's string type may differ from OpenSSL's.
    let text = refusal.to_string();
    assert!(!text.contains("new key"), "{text}");
    assert!(!verify(&[leaf], &rsa).to_string().contains("new key"));
    assert!(matches!(refusal.why, CertificateError::UnknownIssuer { .. }), "{text}");
    assert!(
        matches!(refusal.hint(), Some(Hint::SameNameOtherKeyType { .. } | Hint::MissingIntermediate { .. })),
        "{text}"
    );
}
