//! Signatures and keys that are not supported, made by OpenSSL: see
//! `tests/data/unsupported-signatures.sh`.

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, UnixTime};
use tls_codec::code_points::AlertDescription;
use tls_crypto::der;

use crate::certificate_error::{AnchorRejection, CertificateError, Hint, Refusal, UnsupportedPart, Work};
use crate::verify::algorithm::Key;
use crate::verify::{ChainVerifier, RootCertStore, ServerVerifier, Stapled};

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

/// Makes a CA and a leaf below it. The CA's certificate has a point off the curve: its last bit
/// differs.
pub(crate) fn off_curve(algorithm: &'static rcgen::SignatureAlgorithm) -> [CertificateDer<'static>; 2] {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "the CA");
    let mut ca = params.self_signed(&key).unwrap().der().to_vec();
    let point = rcgen::PublicKeyData::der_bytes(&key).to_vec();
    let at = ca.windows(point.len()).position(|bytes| bytes == point).unwrap();
    ca[at + point.len() - 1] ^= 1;
    let issuer = rcgen::Issuer::new(params, key);
    let mut params = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "the leaf");
    params.serial_number = Some(rcgen::SerialNumber::from(0x4a11));
    let leaf = params.signed_by(&rcgen::KeyPair::generate().unwrap(), &issuer).unwrap();
    [leaf.der().clone(), ca.into()]
}

/// The signature of the leaf is valid: only the CA's key is not a key.
#[test]
fn point_off_the_curve_is_told_as_a_bad_key() {
    for (algorithm, curve) in [(&rcgen::PKCS_ECDSA_P256_SHA256, "P-256"), (&rcgen::PKCS_ECDSA_P384_SHA384, "P-384")] {
        let [leaf, ca] = off_curve(algorithm);
        let other = case("rsa1024")[1].clone();
        for (chain, root) in
            [(vec![leaf.clone()], &ca), (vec![leaf.clone(), ca.clone()], &ca), (vec![leaf, ca.clone()], &other)]
        {
            let refusal = verify(&chain, root);
            let text = format!("{refusal:#}");
            let CertificateError::UnsupportedSignature(unsupported) = &refusal.why else { panic!("{text}") };
            assert_eq!(unsupported.part, UnsupportedPart::Key, "{text}");
            let key = format!("it is made with an EC key on {curve} whose point is not on the curve");
            assert!(text.contains(&key) && text.contains("CN=the leaf, serial number 4A11"), "{text}");
            assert!(FALSE_CAUSES.iter().all(|words| !text.contains(words)), "{text}");
        }
    }
}

#[test]
fn empty_chain_is_not_called_unparsable() {
    let refusal = verify(&[], &case("p521")[1]);
    assert_eq!(refusal.why, CertificateError::Path("the chain has no certificate".into()));
}

/// An Ed25519 CA, and a leaf for a.test with this subjectAltName.
fn with_names(content: Vec<u8>) -> [CertificateDer<'static>; 2] {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).unwrap().der().clone();
    let mut leaf = rcgen::CertificateParams::new(Vec::new()).unwrap();
    leaf.serial_number = Some(rcgen::SerialNumber::from(0x4a11));
    leaf.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 17], content)];
    let leaf = leaf.signed_by(&rcgen::KeyPair::generate().unwrap(), &rcgen::Issuer::new(params, key)).unwrap();
    [leaf.der().clone(), ca]
}

#[test]
fn malformed_subject_alt_name_is_described() {
    for (content, words) in [
        (&[0x30, 2, 0x82, 9][..], "subjectAltName is malformed: it cannot be parsed; have it reissued"),
        (&[0x30, 2, 0x30, 0], "subjectAltName is malformed: it cannot be parsed"),
    ] {
        let [leaf, ca] = with_names(content.to_vec());
        let mut roots = RootCertStore::new();
        roots.add(&ca).unwrap();
        let name = pki_types::ServerName::try_from("a.test").unwrap();
        let now = UnixTime::since_unix_epoch(NOW);
        let refusal = ServerVerifier::new(roots).verify(&[leaf], &name, &Stapled::default(), now).unwrap_err();
        let text = refusal.to_string();
        assert!(text.starts_with("certificate 1 of 1 (") && text.contains("serial number 4A11"), "{text}");
        assert!(text.contains(words), "{text}");
        assert!(matches!(refusal.why, CertificateError::MalformedExtension { .. }), "{text}");
        assert_eq!(refusal.alert(), AlertDescription::BAD_CERTIFICATE);
    }
}

/// RFC 8017 §3.1: ring takes each of these for an invalid signature.
#[test]
fn malformed_rsa_keys_are_described() {
    let key = |modulus: &[u8], after: &[u8]| {
        let numbers = [der::element(der::INTEGER, &[modulus]), der::element(der::INTEGER, &[&[1, 0, 1]])].concat();
        let key = der::element(der::SEQUENCE, &[&numbers, after]);
        let rsa = der::element(der::OBJECT_IDENTIFIER, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]]);
        let algorithm = der::element(der::SEQUENCE, &[&rsa, &[5, 0]]);
        Key::read(
            tls_crypto::Backend::ring(),
            &der::element(der::SEQUENCE, &[&algorithm, &der::element(der::BIT_STRING, &[&[0], &key])]),
        )
        .text
    };
    let modulus = [&[0][..], &[0xff; 256]].concat();
    assert_eq!(key(&modulus, &[]), "an RSA key of 2048 bits");
    assert_eq!(key(&[&modulus[..256], &[0xfe]].concat(), &[]), "an RSA key of 2048 bits with an even modulus");
    for text in [
        key(&modulus[1..], &[]),
        key(&[&[0], &modulus[..]].concat(), &[]),
        key(&[], &[]),
        key(&[0], &[]),
        key(&modulus, &[5, 0]),
    ] {
        assert_eq!(text, "an RSA key that cannot be parsed");
    }
}

/// A CA of this name with an EC or Ed25519 key, and its certificate.
fn named_ca(
    algorithm: &'static rcgen::SignatureAlgorithm,
) -> (rcgen::Issuer<'static, rcgen::KeyPair>, CertificateDer<'static>) {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "the CA");
    let der = params.self_signed(&key).unwrap().der().clone();
    (rcgen::Issuer::new(params, key), der)
}

#[test]
fn anchor_of_the_name_with_other_key_type_is_reported() {
    let (issuer, _) = named_ca(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (_, root) = named_ca(&rcgen::PKCS_ED25519);
    let params = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    let leaf = params.signed_by(&rcgen::KeyPair::generate().unwrap(), &issuer).unwrap();
    let refusal = verify(&[leaf.der().clone()], &root);
    assert!(matches!(refusal.why, CertificateError::UnknownIssuer { .. }), "{refusal}");
    assert!(matches!(refusal.hint(), Some(Hint::SameNameOtherKeyType { .. })), "{refusal}");
    assert_eq!(refusal.chain.unwrap().anchors[0].rejected, AnchorRejection::OtherKeyType);
}

/// 500 names and 501 subtrees: more than webpki compares.
#[test]
fn limit_of_name_comparisons_is_told() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "constrained");
    let subtree = |at: usize| rcgen::GeneralSubtree::DnsName(if at == 0 { "test".into() } else { format!("{at}.a") });
    params.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: (0..501).map(subtree).collect(),
        excluded_subtrees: Vec::new(),
    });
    let root = params.self_signed(&key).unwrap().der().clone();
    let names: Vec<_> = (0..500).map(|at| format!("n{at}.test")).collect();
    let leaf = rcgen::CertificateParams::new(names).unwrap();
    let leaf = leaf.signed_by(&rcgen::KeyPair::generate().unwrap(), &rcgen::Issuer::new(params, key)).unwrap();
    let refusal = verify(&[leaf.der().clone()], &root);
    let work = Work::NameConstraint;
    assert_eq!(refusal.why, CertificateError::WorkLimit { work, sent: 1, candidates: 0 });
    let text = refusal.to_string();
    let words = "the name constraints above it take more than 250000 comparisons of names";
    assert!(text.starts_with("certificate 1 of 1 (") && text.contains(words), "{text}");
}
