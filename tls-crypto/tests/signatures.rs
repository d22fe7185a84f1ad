//! Tests of private keys in every format, the signatures they create, and published signatures.

use pki_types::PrivateKeyDer;
use strata_tls_crypto::der::{self, Elements};
use strata_tls_crypto::verify::{Algorithm, verifier, verifiers};
use strata_tls_crypto::{Backend, Error, KeyRejected, PrivateKey, SignatureAlgorithm, spki};

macro_rules! key {
    ($name:literal) => {
        include_bytes!(concat!("data/keys/", $name, ".der")).as_slice()
    };
}

fn pkcs8(der: &'static [u8]) -> Result<PrivateKey, KeyRejected> {
    PrivateKey::from_der(&PrivateKeyDer::Pkcs8(der.into()))
}

fn sec1(der: &'static [u8]) -> Result<PrivateKey, KeyRejected> {
    PrivateKey::from_der(&PrivateKeyDer::Sec1(der.into()))
}

fn pkcs1(der: &'static [u8]) -> Result<PrivateKey, KeyRejected> {
    PrivateKey::from_der(&PrivateKeyDer::Pkcs1(der.into()))
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 16).unwrap()).collect()
}

fn algorithm_of(algorithm: SignatureAlgorithm) -> Algorithm {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => Algorithm::RsaPkcs1Sha256,
        SignatureAlgorithm::RsaPkcs1Sha384 => Algorithm::RsaPkcs1Sha384,
        SignatureAlgorithm::RsaPkcs1Sha512 => Algorithm::RsaPkcs1Sha512,
        SignatureAlgorithm::RsaPssSha256 => Algorithm::RsaPssSha256,
        SignatureAlgorithm::RsaPssSha384 => Algorithm::RsaPssSha384,
        SignatureAlgorithm::RsaPssSha512 => Algorithm::RsaPssSha512,
        SignatureAlgorithm::EcdsaP256Sha256 => Algorithm::EcdsaP256Sha256,
        SignatureAlgorithm::EcdsaP384Sha384 => Algorithm::EcdsaP384Sha384,
        SignatureAlgorithm::EcdsaP521Sha512 => Algorithm::EcdsaP521Sha512,
        SignatureAlgorithm::Ed25519 => Algorithm::Ed25519,
        SignatureAlgorithm::MlDsa44 => Algorithm::MlDsa44,
        SignatureAlgorithm::MlDsa65 => Algorithm::MlDsa65,
        SignatureAlgorithm::MlDsa87 => Algorithm::MlDsa87,
        other => panic!("no verifier of {other:?}"),
    }
}

/// Each pair of a backend that signs and one that verifies.
fn pairs() -> impl Iterator<Item = (Backend, Backend)> {
    Backend::ALL.iter().flat_map(|one| Backend::ALL.iter().map(|other| (*one, *other)))
}

#[test]
fn signatures_verify_with_the_openssl_public_key() {
    // The key, its public key from openssl, and the number of bytes before the subjectPublicKey in
    // that.
    let keys = [
        (pkcs8(key!("rsa2048.pkcs8")), key!("rsa2048.spki"), 24, 6),
        (pkcs1(key!("rsa2048.pkcs1")), key!("rsa2048.spki"), 24, 6),
        (pkcs8(key!("p256.pkcs8")), key!("p256.spki"), 26, 1),
        (sec1(key!("p256.sec1")), key!("p256.spki"), 26, 1),
        (pkcs8(key!("p384.pkcs8")), key!("p384.spki"), 23, 1),
        (sec1(key!("p384.sec1")), key!("p384.spki"), 23, 1),
        (pkcs8(key!("ed25519.v1.pkcs8")), key!("ed25519.spki"), 12, 1),
        (pkcs8(key!("ed25519.v2.pkcs8")), key!("ed25519.spki"), 12, 1),
        #[cfg(feature = "aws-lc-rs")]
        (pkcs8(key!("p521.pkcs8")), key!("p521.spki"), 25, 1),
        #[cfg(feature = "aws-lc-rs")]
        (sec1(key!("p521.sec1")), key!("p521.spki"), 25, 1),
        #[cfg(feature = "aws-lc-rs")]
        (pkcs8(key!("ml-dsa-44.pkcs8")), key!("ml-dsa-44.spki"), 22, 1),
        #[cfg(feature = "aws-lc-rs")]
        (pkcs8(key!("ml-dsa-65.pkcs8")), key!("ml-dsa-65.spki"), 22, 1),
        #[cfg(feature = "aws-lc-rs")]
        (pkcs8(key!("ml-dsa-87.pkcs8")), key!("ml-dsa-87.spki"), 22, 1),
    ];
    for (key, spki, before, algorithms) in keys {
        let key = key.unwrap();
        assert_eq!(key.subject_public_key_info(), spki, "{key:?}");
        assert_eq!(key.algorithms().len(), algorithms);
        let usable = |(signs, verifies): &(Backend, Backend)| key.supports(*signs) && key.supports(*verifies);
        for (algorithm, (signs, verifies)) in
            key.algorithms().iter().flat_map(|algorithm| pairs().filter(usable).map(move |pair| (algorithm, pair)))
        {
            let signature = key.sign(signs, *algorithm, b"message").unwrap();
            let verifier = verifier(verifies, algorithm_of(*algorithm)).unwrap();
            let check = |message: &[u8], signature: &[u8]| {
                verifier.verify_signature(&spki[before..], message, signature).is_ok()
            };
            assert!(check(b"message", &signature), "{algorithm:?}");
            assert!(!check(b"massage", &signature), "{algorithm:?}");
            // Signatures of ML-DSA are long.
            for byte in (0..signature.len()).step_by(1 + signature.len() / 600) {
                let mut flipped = signature.clone();
                flipped[byte] ^= 0x10;
                assert!(!check(b"message", &flipped), "{algorithm:?} byte {byte}");
            }
            assert!(!check(b"message", &signature[1..]), "{algorithm:?}");
            assert!(!check(b"message", &[]), "{algorithm:?}");
        }
    }
}

#[test]
fn key_signs_only_with_its_own_algorithms() {
    for &backend in Backend::ALL {
        let keys = [key!("rsa2048.pkcs8"), key!("p256.pkcs8"), key!("p384.pkcs8"), key!("ed25519.v1.pkcs8")];
        let keys = keys.map(|der| pkcs8(der).unwrap());
        for key in &keys {
            for algorithm in keys.iter().flat_map(PrivateKey::algorithms) {
                let signed = key.sign(backend, *algorithm, b"message");
                assert_eq!(signed.is_ok(), key.algorithms().contains(algorithm), "{key:?} {algorithm:?}");
                assert!(signed.is_ok() || signed == Err(Error::Sign));
            }
        }
    }
}

#[test]
fn truncated_key_is_rejected() {
    for der in [key!("p256.pkcs8"), key!("p384.pkcs8"), key!("ed25519.v1.pkcs8"), key!("ed25519.v2.pkcs8")] {
        for length in 0..der.len() {
            assert!(pkcs8(&der[..length]).is_err(), "{length}");
        }
    }
    for der in [key!("p256.sec1"), key!("p384.sec1")] {
        for length in 0..der.len() {
            assert!(sec1(&der[..length]).is_err(), "{length}");
        }
    }
    for length in 0..key!("rsa2048.pkcs1").len() {
        assert!(pkcs1(&key!("rsa2048.pkcs1")[..length]).is_err(), "{length}");
    }
}

#[test]
fn rejection_names_the_type_of_the_key() {
    let cases = [
        (pkcs8(key!("rsa2048.encrypted")), "is encrypted; decrypt it first"),
        (pkcs8(key!("rsa1024.pkcs8")), "RSA key of 1024 bits"),
        #[cfg(not(feature = "aws-lc-rs"))]
        (pkcs8(key!("p521.pkcs8")), "over the elliptic curve P-521"),
        #[cfg(not(feature = "aws-lc-rs"))]
        (sec1(key!("p521.sec1")), "over the elliptic curve P-521"),
        #[cfg(not(feature = "aws-lc-rs"))]
        (pkcs8(key!("ml-dsa-44.pkcs8")), "of the algorithm ML-DSA-44, which needs the feature `aws-lc-rs`"),
        (pkcs8(key!("ed448.pkcs8")), "of the algorithm Ed448"),
        (pkcs8(key!("x25519.pkcs8")), "X25519, which cannot sign"),
        (sec1(key!("p256.no-public.sec1")), "does not contain its public key"),
        (sec1(key!("p256.compressed.sec1")), "a compressed point"),
        (pkcs8(key!("rsa-pss.pkcs8")), "RSASSA-PSS, whose certificates need the signature schemes rsa_pss_pss_*"),
        (sec1(key!("rsa2048.spki")), "is malformed"),
        (pkcs8(b""), "is malformed"),
    ];
    for (rejected, expected) in cases {
        let shown = rejected.unwrap_err().to_string();
        assert!(shown.contains(expected), "{shown}");
    }
}

#[cfg(feature = "aws-lc-rs")]
#[test]
fn p521_key_signs_only_under_aws_lc() {
    for key in [pkcs8(key!("p521.pkcs8")), sec1(key!("p521.sec1"))] {
        let (key, algorithm) = (key.unwrap(), SignatureAlgorithm::EcdsaP521Sha512);
        assert_eq!((key.algorithms(), format!("{key:?}")), (&[algorithm][..], "PrivateKey(ECDSA P-521)".to_owned()));
        assert_eq!([Backend::ring(), Backend::aws_lc()].map(|backend| key.supports(backend)), [false, true]);
        assert_eq!(key.sign(Backend::ring(), algorithm, b"message"), Err(Error::Sign));
    }
}

#[cfg(feature = "aws-lc-rs")]
mod ml_dsa {
    use super::*;

    /// Keys with a seed and the expanded key, with their public keys. OpenSSL 3.5 made them.
    const KEYS: [(&[u8], &[u8], SignatureAlgorithm); 3] = [
        (key!("ml-dsa-44.pkcs8"), key!("ml-dsa-44.spki"), SignatureAlgorithm::MlDsa44),
        (key!("ml-dsa-65.pkcs8"), key!("ml-dsa-65.spki"), SignatureAlgorithm::MlDsa65),
        (key!("ml-dsa-87.pkcs8"), key!("ml-dsa-87.spki"), SignatureAlgorithm::MlDsa87),
    ];

    const SEED: u8 = 0x80;
    const PUBLIC_KEY: u8 = 0x81;

    /// The parts of a PKCS#8 key: AlgorithmIdentifier, seed, expanded key.
    fn parts(pkcs8: &[u8]) -> [Vec<u8>; 3] {
        let mut fields = Elements::new(Elements::new(pkcs8).expect(der::SEQUENCE).unwrap());
        fields.expect(der::INTEGER).unwrap();
        let algorithm = fields.expect_whole(der::SEQUENCE).unwrap().1.to_vec();
        let key = Elements::new(fields.expect(der::OCTET_STRING).unwrap()).expect(der::SEQUENCE).unwrap();
        let mut forms = Elements::new(key);
        let [seed, expanded] = [(); 2].map(|()| forms.expect(der::OCTET_STRING).unwrap().to_vec());
        [algorithm, seed, expanded]
    }

    /// `key` is the contents of privateKey, and `public` an optional public key.
    fn wrapped(algorithm: &[u8], key: &[u8], public: Option<&[u8]>) -> Vec<u8> {
        let version = der::element(der::INTEGER, &[&[u8::from(public.is_some())]]);
        let public = public.map(|public| der::element(PUBLIC_KEY, &[&[0], public])).unwrap_or_default();
        der::element(der::SEQUENCE, &[&version, algorithm, &der::element(der::OCTET_STRING, &[key]), &public])
    }

    fn load(der: &[u8]) -> Result<PrivateKey, KeyRejected> {
        PrivateKey::from_der_with_public_keys(der, &[])
    }

    /// RFC 9881 §6: seed, expanded key, both.
    #[test]
    fn key_in_each_form_is_the_same_key() {
        for (pkcs8, spki, own) in KEYS {
            let [algorithm, seed, expanded] = parts(pkcs8);
            let public = &spki[22..];
            let seed = der::element(SEED, &[&seed]);
            let expanded = der::element(der::OCTET_STRING, &[&expanded]);
            let forms = [
                pkcs8.to_vec(),
                wrapped(&algorithm, &seed, None),
                wrapped(&algorithm, &expanded, None),
                wrapped(&algorithm, &seed, Some(public)),
                wrapped(&algorithm, &expanded, Some(public)),
            ];
            let verifier = verifier(Backend::aws_lc(), algorithm_of(own)).unwrap();
            for form in forms {
                let key = load(&form).unwrap();
                assert_eq!((key.subject_public_key_info().as_slice(), key.algorithms()), (spki, &[own][..]));
                assert_eq!([Backend::ring(), Backend::aws_lc()].map(|backend| key.supports(backend)), [false, true]);
                assert_eq!(key.sign(Backend::ring(), own, b"message"), Err(Error::Sign));
                let signature = key.sign(Backend::aws_lc(), own, b"message").unwrap();
                assert!(verifier.verify_signature(public, b"message", &signature).is_ok());
                for (_, _, other) in KEYS.iter().filter(|(_, _, other)| *other != own) {
                    assert_eq!(key.sign(Backend::aws_lc(), *other, b"message"), Err(Error::Sign));
                }
            }
        }
    }

    #[test]
    fn inconsistent_key_is_rejected() {
        for (at, (pkcs8, spki, _)) in KEYS.iter().enumerate() {
            let [algorithm, seed, expanded] = parts(pkcs8);
            let [other_algorithm, ..] = parts(KEYS[(at + 1) % 3].0);
            let public = &spki[22..];
            let in_seed = |seed: &[u8]| der::element(SEED, &[seed]);
            let octets = |key: &[u8]| der::element(der::OCTET_STRING, &[key]);
            let both = |parts: &[&[u8]]| der::element(der::SEQUENCE, parts);
            let flipped = |key: &[u8], at: usize| {
                let mut key = key.to_vec();
                key[at] ^= 1;
                key
            };
            let cases: &[(&str, Vec<u8>)] = &[
                ("another public key", wrapped(&algorithm, &in_seed(&seed), Some(&flipped(public, 7)))),
                ("a shorter public key", wrapped(&algorithm, &octets(&expanded), Some(&public[1..]))),
                ("another seed", wrapped(&algorithm, &both(&[&octets(&flipped(&seed, 0)), &octets(&expanded)]), None)),
                ("another expanded key", {
                    wrapped(&algorithm, &both(&[&octets(&seed), &octets(&flipped(&expanded, 200))]), None)
                }),
                ("its hash of the public key", wrapped(&algorithm, &octets(&flipped(&expanded, 64)), None)),
                ("a short seed", wrapped(&algorithm, &in_seed(&seed[1..]), None)),
                ("a long seed", wrapped(&algorithm, &in_seed(&[&seed[..], &[0]].concat()), None)),
                ("a short expanded key", wrapped(&algorithm, &octets(&expanded[1..]), None)),
                ("an expanded key of another set", wrapped(&other_algorithm, &octets(&expanded), None)),
                ("bytes after the seed", wrapped(&algorithm, &[&in_seed(&seed)[..], &[5, 0]].concat(), None)),
                ("bytes in the sequence", {
                    wrapped(&algorithm, &both(&[&octets(&seed), &octets(&expanded), &[5, 0]]), None)
                }),
                ("only a sequence of a seed", wrapped(&algorithm, &both(&[&octets(&seed)]), None)),
                ("a raw seed", wrapped(&algorithm, &seed, None)),
                ("nothing", wrapped(&algorithm, &[], None)),
            ];
            for (what, der) in cases {
                let rejected = load(der).map(|key| format!("{key:?}"));
                assert!(
                    matches!(rejected, Err(KeyRejected::Invalid(_) | KeyRejected::Malformed)),
                    "{what}: {rejected:?}"
                );
            }
            let parameters = der::element(der::SEQUENCE, &[&algorithm[2..], &[5, 0]]);
            let rejected = load(&wrapped(&parameters, &in_seed(&seed), None));
            assert!(matches!(rejected, Err(KeyRejected::Unsupported(_))), "RFC 9881 §2: no parameters");
            for length in (0..pkcs8.len()).step_by(97) {
                load(&pkcs8[..length]).unwrap_err();
            }
        }
    }
}

/// AWS-LC also reads a SubjectPublicKeyInfo in place of a key, and compressed points.
#[test]
fn verifiers_accept_keys_in_one_form_only() {
    let keys = [
        (key!("rsa2048.pkcs8"), key!("rsa2048.spki"), 24),
        (key!("p256.pkcs8"), key!("p256.spki"), 26),
        (key!("p384.pkcs8"), key!("p384.spki"), 23),
        (key!("ed25519.v1.pkcs8"), key!("ed25519.spki"), 12),
        #[cfg(feature = "aws-lc-rs")]
        (key!("p521.pkcs8"), key!("p521.spki"), 25),
        #[cfg(feature = "aws-lc-rs")]
        (key!("ml-dsa-44.pkcs8"), key!("ml-dsa-44.spki"), 22),
    ];
    for (der, spki, before) in keys {
        let key = pkcs8(der).unwrap();
        for &backend in Backend::ALL.iter().filter(|backend| key.supports(**backend)) {
            let algorithm = key.algorithms()[0];
            let verifier = verifier(backend, algorithm_of(algorithm)).unwrap();
            let signature = key.sign(backend, algorithm, b"message").unwrap();
            let verify = |public: &[u8]| verifier.verify_signature(public, b"message", &signature).is_ok();
            let public = &spki[before..];
            assert!(verify(public) && !verify(spki), "{key:?} {backend:?}");
            assert!(!verify(&public[1..]) && !verify(&[public, &[0]].concat()) && !verify(&[]), "{key:?} {backend:?}");
            if public[0] == 4 {
                let (x, y) = public[1..].split_at(public.len() / 2);
                let parity = y[y.len() - 1] & 1;
                assert!(!verify(&[&[2 + parity], x].concat()), "{key:?} {backend:?}: compressed");
                assert!(!verify(&[&[6 + parity], x, y].concat()), "{key:?} {backend:?}: hybrid");
            }
        }
    }
}

/// Returns the fields of a SEC1 key of P-256 without its curve: scalar and public key.
fn sec1_parts(sec1: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut fields = Elements::new(Elements::new(sec1).expect(der::SEQUENCE).unwrap());
    fields.expect(der::INTEGER).unwrap();
    (fields.expect(der::OCTET_STRING).unwrap().to_vec(), fields.find(der::CONTEXT_1).unwrap().to_vec())
}

/// Wraps a scalar and a public key of P-256 in SEC1, and that in PKCS#8.
fn p256_forms(scalar: &[u8], public: &[u8]) -> [Vec<u8>; 2] {
    let curve = der::element(der::OBJECT_IDENTIFIER, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]]);
    let (version, scalar) = (der::element(der::INTEGER, &[&[1]]), der::element(der::OCTET_STRING, &[scalar]));
    let (curve, public) = (der::element(der::CONTEXT_0, &[&curve]), der::element(der::CONTEXT_1, &[public]));
    let sec1 = der::element(der::SEQUENCE, &[&version, &scalar, &curve, &public]);
    let algorithm = der::element(der::SEQUENCE, &[pki_types::alg_id::ECDSA_P256.as_ref()]);
    let pkcs8 = [&der::element(der::INTEGER, &[&[0]])[..], &algorithm, &der::element(der::OCTET_STRING, &[&sec1])];
    let pkcs8 = der::element(der::SEQUENCE, &pkcs8);
    [sec1, pkcs8]
}

#[test]
fn scalar_of_any_length_is_read() {
    let load = |der: &[u8]| PrivateKey::from_der_with_public_keys(der, &[]);
    // GnuTLS adds a zero.
    let (scalar, _) = sec1_parts(key!("gnutls33.sec1"));
    assert_eq!((scalar.len(), scalar[0]), (33, 0));
    load(key!("gnutls33.sec1")).unwrap();
    let (scalar, public) = sec1_parts(key!("p256.zero.sec1"));
    assert_eq!((scalar.len(), scalar[0]), (32, 0));
    let spki = load(key!("p256.zero.sec1")).unwrap().subject_public_key_info();
    for form in p256_forms(&scalar[1..], &public).iter().chain(&p256_forms(&[&[0, 0], &scalar[..]].concat(), &public)) {
        assert_eq!(load(form).unwrap().subject_public_key_info(), spki);
    }
    for form in p256_forms(&[&[1], &scalar[..]].concat(), &public).iter().chain(&p256_forms(&[], &public)) {
        load(form).unwrap_err();
    }
}

#[test]
fn missing_public_key_is_taken_from_a_given_one() {
    let load = |der: &[u8], spkis: &[&[u8]]| PrivateKey::from_der_with_public_keys(der, spkis);
    let (p256, p384) = (key!("p256.spki"), key!("p384.spki"));
    for (key, spki) in [(key!("java.pkcs8"), key!("java.spki")), (key!("p256.no-public.sec1"), p256)] {
        assert_eq!(load(key, &[]).unwrap_err(), KeyRejected::PublicKeyMissing { tried: 0 });
        assert_eq!(load(key, &[p384, b"", key!("gnutls33.sec1"), spki]).unwrap().subject_public_key_info(), spki);
    }
    assert_eq!(load(key!("java.pkcs8"), &[p384, p256]).unwrap_err(), KeyRejected::PublicKeyMissing { tried: 1 });
    // ring needs the whole point.
    let short = key!("p256.compressed.spki");
    assert!(spki::same_key(short, p256));
    assert_eq!(load(key!("p256.no-public.sec1"), &[short]).unwrap_err(), KeyRejected::PublicKeyMissing { tried: 0 });
    let compressed = key!("p256.compressed.sec1");
    assert_eq!(load(compressed, &[short, key!("java.spki")]).unwrap_err(), KeyRejected::PublicKeyCompressed);
    assert_eq!(load(compressed, &[p256]).unwrap().subject_public_key_info(), p256);
}

#[test]
fn content_decides_the_format_of_a_key() {
    const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let section = |label: &str, der: &[u8]| {
        let digit = |at: usize| {
            (0..6).fold(0, |value, bit| {
                (value << 1) | der.get((at * 6 + bit) / 8).map_or(0, |byte| byte >> (7 - (at * 6 + bit) % 8) & 1)
            })
        };
        let text: String =
            (0..(der.len() * 8).div_ceil(6)).map(|at| char::from(BASE64[usize::from(digit(at))])).collect();
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    };
    let keys =
        [key!("rsa2048.pkcs8"), key!("rsa2048.pkcs1"), key!("p256.pkcs8"), key!("p256.sec1"), key!("ed25519.v1.pkcs8")];
    for key in keys {
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ANY PRIVATE KEY"] {
            PrivateKey::from_pem(section(label, key).as_bytes()).unwrap();
        }
        for der in [PrivateKeyDer::Pkcs8(key.into()), PrivateKeyDer::Sec1(key.into()), PrivateKeyDer::Pkcs1(key.into())]
        {
            PrivateKey::from_der(&der).unwrap();
        }
    }
    let one = section("PRIVATE KEY", key!("p256.pkcs8"));
    let rejected = |file: String, words: &str| {
        let shown = PrivateKey::from_pem(file.as_bytes()).unwrap_err().to_string();
        assert!(shown.contains(words), "no {words:?} in {shown:?}");
    };
    let second = one.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    rejected(format!("{one}{second}"), "another is in section 2 (ENCRYPTED PRIVATE KEY) at line 4; keep only one");
    rejected(one.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY"), "ssh-keygen -p -m PKCS8");
    rejected(one.replace("PRIVATE KEY", "DSA PRIVATE KEY"), "of the algorithm DSA");
    rejected(one.replace("PRIVATE KEY", "PRIVAT KEY"), "section 1 (PRIVAT KEY) at line 1: unknown label");
    rejected(one.replace("PRIVATE KEY", "CERTIFICATE"), "no private key: it has a certificate (section 1");
}

/// RFC 3279 §2.3.1 requires NULL, which some writers leave out.
#[test]
fn rsa_key_may_lack_its_parameters() {
    let pkcs8 = key!("rsa2048.pkcs8");
    let mut fields = Elements::new(Elements::new(pkcs8).expect(der::SEQUENCE).unwrap());
    let version = fields.expect_whole(der::INTEGER).unwrap().1;
    let algorithm = fields.expect(der::SEQUENCE).unwrap();
    let algorithm = der::element(der::SEQUENCE, &[algorithm.strip_suffix(&[5, 0]).unwrap()]);
    let without = der::element(der::SEQUENCE, &[version, &algorithm, fields.rest()]);
    let key = PrivateKey::from_der_with_public_keys(&without, &[]).unwrap();
    assert_eq!(key.subject_public_key_info(), key!("rsa2048.spki"));
}

#[test]
fn debug_shows_only_the_type_of_a_key() {
    assert_eq!(format!("{:?}", pkcs8(key!("p256.pkcs8")).unwrap()), "PrivateKey(ECDSA P-256)");
}

#[test]
fn rfc_8032_vectors_verify_and_are_reproduced() {
    for &backend in Backend::ALL {
        let cases = [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ];
        for (seed, public, message, signature) in cases {
            let (message, signature) = (hex(message), hex(signature));
            verifier(backend, Algorithm::Ed25519)
                .unwrap()
                .verify_signature(&hex(public), &message, &signature)
                .unwrap();
            let der = [hex("302e020100300506032b657004220420"), hex(seed)].concat();
            let key = PrivateKey::from_der(&PrivateKeyDer::Pkcs8(der.into())).unwrap();
            assert_eq!(key.sign(backend, SignatureAlgorithm::Ed25519, &message).unwrap(), signature);
        }
    }
}

#[test]
fn rfc_6979_signatures_over_p256_verify() {
    for &backend in Backend::ALL {
        let public = hex(concat!(
            "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
            "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
        ));
        let signature = hex(concat!(
            "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
        ));
        verifier(backend, Algorithm::EcdsaP256Sha256)
            .unwrap()
            .verify_signature(&public, b"sample", &signature)
            .unwrap();
        verifier(backend, Algorithm::EcdsaP256Sha384)
            .unwrap()
            .verify_signature(&public, b"sample", &signature)
            .unwrap_err();
        verifier(backend, Algorithm::EcdsaP256Sha256)
            .unwrap()
            .verify_signature(&public, b"simple", &signature)
            .unwrap_err();
    }
}

#[test]
fn ecdsa_verifies_with_the_other_hash_as_tls12_allows() {
    for &backend in Backend::ALL {
        // `printf message | openssl dgst -sha384 -sign p256.pkcs8.der -keyform DER`, and SHA-256
        // with P-384.
        let p256_sha384 = hex(concat!(
            "3045022100e48d4a3b9b55ea7868a625ff6dc352cb901fa8fad3b908681ec263d2e2201afc",
            "02206544d44e69b8ad41b6f67164f652ad9da044124b21174cf098eec98b67c1472c"
        ));
        let p384_sha256 = hex(concat!(
            "3066023100a31772154027d7f08d09af857d51ebf9bab169e4d6e0a892c29bcc6270e038dad16f4e8686a1890ab85433539cdf973e",
            "023100e2d89e8d0e7d51843f96ceef4afd7734b92729b752813f72f3b3d4292c516d4eb09e78430adba9bfbf95df08c9542893"
        ));
        let (p256, p384) = (&key!("p256.spki")[26..], &key!("p384.spki")[23..]);
        verifier(backend, Algorithm::EcdsaP256Sha384)
            .unwrap()
            .verify_signature(p256, b"message", &p256_sha384)
            .unwrap();
        verifier(backend, Algorithm::EcdsaP256Sha256)
            .unwrap()
            .verify_signature(p256, b"message", &p256_sha384)
            .unwrap_err();
        verifier(backend, Algorithm::EcdsaP384Sha256)
            .unwrap()
            .verify_signature(p384, b"message", &p384_sha256)
            .unwrap();
        verifier(backend, Algorithm::EcdsaP384Sha384)
            .unwrap()
            .verify_signature(p384, b"message", &p384_sha256)
            .unwrap_err();
        verifier(backend, Algorithm::EcdsaP256Sha384)
            .unwrap()
            .verify_signature(p256, b"massage", &p256_sha384)
            .unwrap_err();
        verifier(backend, Algorithm::EcdsaP384Sha256)
            .unwrap()
            .verify_signature(p384, b"massage", &p384_sha256)
            .unwrap_err();
    }
}

#[test]
fn verifiers_have_distinct_identifiers() {
    for &backend in Backend::ALL {
        for (at, one) in verifiers(backend).iter().enumerate() {
            for other in &verifiers(backend)[at + 1..] {
                let same_key = one.public_key_alg_id() == other.public_key_alg_id();
                assert!(!(same_key && one.signature_alg_id() == other.signature_alg_id()), "{one:?}");
            }
        }
        assert_eq!(verifiers(backend).len(), if backend == Backend::ring() { 14 } else { 22 });
    }
}
