//! Key exchange with all test vectors of Wycheproof (`testvectors_v1` of C2SP/wycheproof). The
//! variable `WYCHEPROOF` names the folder. Without it, the tests are reported as ignored.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use strata_tls_crypto::{Backend, EphemeralKey, Group, KeyExchangeResponse};

/// Checks one test of a file. The error names what differs.
type Check = fn(Backend, Group, &Value) -> Result<(), String>;

const FILES: [(&str, Group, Check); 8] = [
    ("mlkem_768_keygen_seed_test", Group::MlKem768, key_generation),
    ("mlkem_768_test", Group::MlKem768, decapsulation),
    ("mlkem_768_encaps_test", Group::MlKem768, encapsulation),
    ("mlkem_1024_test", Group::MlKem1024, decapsulation),
    ("mlkem_1024_encaps_test", Group::MlKem1024, encapsulation),
    ("x25519_test", Group::X25519, agreement),
    ("ecdh_secp256r1_ecpoint_test", Group::Secp256r1, agreement),
    ("ecdh_secp384r1_ecpoint_test", Group::Secp384r1, agreement),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = std::env::var_os("WYCHEPROOF").map(PathBuf::from);
    let trial = |backend: Backend, (file, group, check): (&'static str, Group, Check)| {
        let path = folder.as_ref().map(|folder| folder.join(file).with_extension("json"));
        let ignored = path.is_none();
        let name = format!("{file} {backend:?}");
        Trial::test(name, move || run(&path.ok_or("WYCHEPROOF is not set")?, backend, group, check))
            .with_ignored_flag(ignored)
    };
    let mut trials = Vec::new();
    for &backend in Backend::ALL {
        for file in FILES.into_iter().filter(|(name, group, _)| has(backend, name, *group)) {
            trials.push(trial(backend, file));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Returns whether a file applies to a backend: it has the group, and takes the message of an
/// encapsulation, which AWS-LC draws itself.
fn has(backend: Backend, file: &str, group: Group) -> bool {
    backend.supports_group(group) && (backend == Backend::ring() || !file.contains("encaps"))
}

fn run(path: &Path, backend: Backend, group: Group, check: Check) -> Result<(), Failed> {
    let file: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let groups = file["testGroups"].as_array().ok_or("no groups")?;
    let (mut count, mut failures) = (0, Vec::new());
    for test in groups.iter().filter_map(|group| group["tests"].as_array()).flatten() {
        count += 1;
        if let Err(difference) = check(backend, group, test) {
            failures.push(format!("test {}: {difference}", test["tcId"]));
        }
    }
    if count < 50 || !failures.is_empty() {
        return Err(format!("{} of {count} tests failed:\n{}", failures.len(), failures.join("\n")).into());
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
