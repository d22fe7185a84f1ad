//! The test vectors of Wycheproof (`testvectors_v1` of C2SP/wycheproof) for all algorithms of TLS.
//! The variable `WYCHEPROOF` names the folder. Without it, the tests are reported as ignored.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use strata_tls_crypto::hkdf::{Expander, expand, extract};
use strata_tls_crypto::quic::{NewPacketNumber, PacketKey};
use strata_tls_crypto::verify::{Algorithm, verifier};
use strata_tls_crypto::{Backend, BulkAlgorithm, EphemeralKey, Group, HashAlgorithm, KeyExchangeResponse};

/// What a file tests.
#[derive(Clone, Copy)]
enum Kind {
    KeyGeneration(Group),
    Decapsulation(Group),
    Encapsulation(Group),
    Agreement(Group),
    Signature(Algorithm),
    AesGcm,
    ChaCha20Poly1305,
    Hkdf(HashAlgorithm),
    Hmac(HashAlgorithm),
}

use Kind::{AesGcm, Agreement, ChaCha20Poly1305, Decapsulation, Encapsulation, Hkdf, Hmac, KeyGeneration, Signature};

/// Each file with the number of its tests that apply. The others have an AES key of 192 bits or a
/// nonce of another length, which no cipher suite has.
const FILES: [(&str, usize, Kind); 31] = [
    ("mlkem_768_keygen_seed_test", 100, KeyGeneration(Group::MlKem768)),
    ("mlkem_768_test", 193, Decapsulation(Group::MlKem768)),
    ("mlkem_768_encaps_test", 265, Encapsulation(Group::MlKem768)),
    ("mlkem_1024_test", 193, Decapsulation(Group::MlKem1024)),
    ("mlkem_1024_encaps_test", 269, Encapsulation(Group::MlKem1024)),
    ("x25519_test", 518, Agreement(Group::X25519)),
    ("ecdh_secp256r1_ecpoint_test", 355, Agreement(Group::Secp256r1)),
    ("ecdh_secp384r1_ecpoint_test", 790, Agreement(Group::Secp384r1)),
    ("ecdsa_secp256r1_sha256_test", 484, Signature(Algorithm::EcdsaP256Sha256)),
    ("ecdsa_secp256r1_sha512_test", 554, Signature(Algorithm::EcdsaP256Sha512)),
    ("ecdsa_secp384r1_sha256_test", 472, Signature(Algorithm::EcdsaP384Sha256)),
    ("ecdsa_secp384r1_sha384_test", 504, Signature(Algorithm::EcdsaP384Sha384)),
    ("ecdsa_secp384r1_sha512_test", 542, Signature(Algorithm::EcdsaP384Sha512)),
    ("ecdsa_secp521r1_sha512_test", 542, Signature(Algorithm::EcdsaP521Sha512)),
    ("ed25519_test", 151, Signature(Algorithm::Ed25519)),
    ("rsa_pss_2048_sha256_mgf1_32_test", 108, Signature(Algorithm::RsaPssSha256)),
    ("rsa_pss_3072_sha256_mgf1_32_test", 108, Signature(Algorithm::RsaPssSha256)),
    ("rsa_pss_4096_sha384_mgf1_48_test", 141, Signature(Algorithm::RsaPssSha384)),
    ("rsa_pss_4096_sha512_mgf1_64_test", 179, Signature(Algorithm::RsaPssSha512)),
    ("rsa_signature_2048_sha256_test", 259, Signature(Algorithm::RsaPkcs1Sha256)),
    ("rsa_signature_3072_sha384_test", 259, Signature(Algorithm::RsaPkcs1Sha384)),
    ("rsa_signature_4096_sha512_test", 259, Signature(Algorithm::RsaPkcs1Sha512)),
    ("mldsa_44_verify_test", 180, Signature(Algorithm::MlDsa44)),
    ("mldsa_65_verify_test", 210, Signature(Algorithm::MlDsa65)),
    ("mldsa_87_verify_test", 241, Signature(Algorithm::MlDsa87)),
    ("aes_gcm_test", 133, AesGcm),
    ("chacha20_poly1305_test", 316, ChaCha20Poly1305),
    ("hkdf_sha256_test", 86, Hkdf(HashAlgorithm::Sha256)),
    ("hkdf_sha384_test", 83, Hkdf(HashAlgorithm::Sha384)),
    ("hmac_sha256_test", 174, Hmac(HashAlgorithm::Sha256)),
    ("hmac_sha384_test", 174, Hmac(HashAlgorithm::Sha384)),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = std::env::var_os("WYCHEPROOF").map(PathBuf::from);
    let mut trials = Vec::new();
    for &backend in Backend::ALL {
        for (file, count, kind) in FILES.into_iter().filter(|(.., kind)| kind.is_of(backend)) {
            let path = folder.as_ref().map(|folder| folder.join(file).with_extension("json"));
            let ignored = path.is_none();
            let run = move || run(&path.ok_or("WYCHEPROOF is not set")?, count, backend, kind);
            trials.push(Trial::test(format!("{file} {backend:?}"), run).with_ignored_flag(ignored));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

impl Kind {
    /// Returns whether the backend has the algorithm. AWS-LC draws the message of an encapsulation
    /// itself.
    fn is_of(self, backend: Backend) -> bool {
        match self {
            Encapsulation(group) => backend == Backend::ring() && backend.supports_group(group),
            KeyGeneration(group) | Decapsulation(group) | Agreement(group) => backend.supports_group(group),
            Signature(algorithm) => verifier(backend, algorithm).is_some(),
            AesGcm | ChaCha20Poly1305 | Hkdf(_) | Hmac(_) => true,
        }
    }

    /// Runs one test. The error names what differs. `None` if the test does not apply.
    fn check(self, backend: Backend, group: &Value, test: &Value) -> Option<Result<(), String>> {
        match self {
            KeyGeneration(of) => Some(key_generation(backend, of, test)),
            Decapsulation(of) => Some(decapsulation(backend, of, test)),
            Encapsulation(of) => Some(encapsulation(backend, of, test)),
            Agreement(of) => Some(agreement(backend, of, test)),
            Signature(algorithm) => Some(signature(backend, algorithm, group, test)),
            AesGcm if group["keySize"] == 128 => aead(backend, BulkAlgorithm::Aes128Gcm, group, test),
            AesGcm if group["keySize"] == 256 => aead(backend, BulkAlgorithm::Aes256Gcm, group, test),
            AesGcm => None,
            ChaCha20Poly1305 => aead(backend, BulkAlgorithm::ChaCha20Poly1305, group, test),
            Hkdf(hash) => Some(hkdf(backend, hash, test)),
            Hmac(hash) => Some(hmac(backend, hash, test)),
        }
    }
}

fn run(path: &Path, expected: usize, backend: Backend, kind: Kind) -> Result<(), Failed> {
    let file: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let groups = file["testGroups"].as_array().ok_or("no groups")?;
    let (mut count, mut accepted, mut failures) = (0, 0, Vec::new());
    for group in groups {
        for test in group["tests"].as_array().ok_or("no tests")? {
            let Some(result) = kind.check(backend, group, test) else { continue };
            count += 1;
            accepted += usize::from(test["result"] == "valid");
            if let Err(difference) = result {
                failures.push(format!("test {}: {difference}", test["tcId"]));
            }
        }
    }
    if count != expected || accepted == 0 || !failures.is_empty() {
        let failed = failures.len();
        return Err(format!("{failed} of {count} tests failed, of {expected}:\n{}", failures.join("\n")).into());
    }
    Ok(())
}

fn hex(test: &Value, field: &str) -> Vec<u8> {
    let text = test[field].as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// `got` has the values of `fields`. It is `None` if the input was rejected.
fn compare(test: &Value, got: Option<Vec<Vec<u8>>>, fields: &[&str]) -> Result<(), String> {
    match (test["result"].as_str(), got) {
        (Some("invalid" | "acceptable"), None) => Ok(()),
        (Some("valid" | "acceptable"), Some(got)) => {
            let differs = fields.iter().zip(got).find(|(field, got)| hex(test, field) != *got);
            differs.map_or(Ok(()), |(field, _)| Err(format!("another {field}")))
        }
        (result, got) => Err(format!("expected {result:?}, accepted: {}", got.is_some())),
    }
}

fn key_generation(backend: Backend, group: Group, test: &Value) -> Result<(), String> {
    let key = EphemeralKey::from_private_key(backend, group, &hex(test, "seed")).ok();
    compare(test, key.map(|key| vec![key.public_key().to_vec()]), &["ek"])
}

fn decapsulation(backend: Backend, group: Group, test: &Value) -> Result<(), String> {
    let key = EphemeralKey::from_private_key(backend, group, &hex(test, "seed")).ok();
    let got = key.and_then(|key| {
        let public = key.public_key().to_vec();
        Some(vec![public, key.agree(&hex(test, "c")).ok()?.expose().to_vec()])
    });
    compare(test, got, &["ek", "K"])
}

fn encapsulation(backend: Backend, group: Group, test: &Value) -> Result<(), String> {
    let response = KeyExchangeResponse::from_private_key(backend, group, &hex(test, "m"), &hex(test, "ek")).ok();
    let got = response.map(|response| vec![response.share().to_vec(), response.into_secret().expose().to_vec()]);
    compare(test, got, &["c", "K"])
}

fn agreement(backend: Backend, group: Group, test: &Value) -> Result<(), String> {
    // Private keys have leading zeros too many or too few.
    let (mut private, length) = (hex(test, "private"), private_len(group));
    while private.len() > length && private[0] == 0 {
        private.remove(0);
    }
    while private.len() < length {
        private.insert(0, 0);
    }
    let secret =
        EphemeralKey::from_private_key(backend, group, &private).and_then(|key| key.agree(&hex(test, "public")));
    compare(test, secret.ok().map(|secret| vec![secret.expose().to_vec()]), &["shared"])
}

fn private_len(group: Group) -> usize {
    match group {
        Group::Secp384r1 => 48,
        Group::Secp521r1 => 66,
        _ => 32,
    }
}

fn signature(backend: Backend, algorithm: Algorithm, group: &Value, test: &Value) -> Result<(), String> {
    let verifier = verifier(backend, algorithm).ok_or("no such verifier")?;
    // RSA keys as certificates contain them, ML-DSA keys also in wrong lengths.
    let key = match algorithm {
        Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87 => hex(group, "publicKey"),
        _ => public_key(&hex(group, "publicKeyDer")).ok_or("no public key")?,
    };
    let is_valid = verifier.verify_signature(&key, &hex(test, "msg"), &hex(test, "sig")).is_ok();
    // TLS signs with an empty context, so a signature with another is invalid.
    let has_context = test["ctx"].as_str().is_some_and(|context| !context.is_empty());
    if has_context && !is_valid {
        return Ok(());
    }
    compare(test, is_valid.then(Vec::new).filter(|_| !has_context), &[])
}

/// Returns the subjectPublicKey of a SubjectPublicKeyInfo.
fn public_key(der: &[u8]) -> Option<Vec<u8>> {
    use strata_tls_crypto::der::{BIT_STRING, Elements, SEQUENCE};
    let mut fields = Elements::new(Elements::new(der).expect(SEQUENCE)?);
    fields.expect(SEQUENCE)?;
    Some(fields.expect(BIT_STRING)?.strip_prefix(&[0])?.to_vec())
}

fn aead(backend: Backend, algorithm: BulkAlgorithm, group: &Value, test: &Value) -> Option<Result<(), String>> {
    assert_eq!(group["tagSize"], 128);
    let iv = hex(test, "iv").try_into().ok()?;
    let key = PacketKey::from_key(backend, algorithm, &hex(test, "key"), iv)?;
    let (message, aad) = (hex(test, "msg"), hex(test, "aad"));
    let ciphertext = [hex(test, "ct"), hex(test, "tag")].concat();
    let mut opened = ciphertext.clone();
    let plain = key.open(0, &aad, &mut opened).ok().map(|length| vec![opened[..length].to_vec()]);
    let mut sealed = [&message[..], &[0; 16]].concat();
    key.seal(NewPacketNumber::new(0)?, &aad, &mut sealed).ok()?;
    if (sealed == ciphertext) != (test["result"] == "valid") {
        return Some(Err("another ciphertext".into()));
    }
    Some(compare(test, plain, &["msg"]))
}

fn hkdf(backend: Backend, hash: HashAlgorithm, test: &Value) -> Result<(), String> {
    let key = extract(backend, hash, &hex(test, "salt"), &hex(test, "ikm"));
    let mut out = vec![0; usize::try_from(test["size"].as_u64().unwrap()).unwrap()];
    let expanded = expand(backend, hash, key.as_ref(), &hex(test, "info"), &mut out);
    compare(test, expanded.ok().map(|()| vec![out]), &["okm"])
}

/// Tags of TLS are whole; shorter ones are compared here.
fn hmac(backend: Backend, hash: HashAlgorithm, test: &Value) -> Result<(), String> {
    let (key, message, tag) = (Expander::new(backend, hash, &hex(test, "key")), hex(test, "msg"), hex(test, "tag"));
    let made = key.hmac(&message);
    let is_equal = made.as_ref().starts_with(&tag);
    let is_whole = made.as_ref().len() == tag.len();
    if key.verify(&message, &tag) != (is_equal && is_whole) {
        return Err("verify differs".into());
    }
    compare(test, is_equal.then(Vec::new), &[])
}
