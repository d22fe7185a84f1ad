//! Signed certificate timestamps (SCTs) from test logs: which count for the CT policy, from each of
//! the three sources.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, CustomExtension, KeyPair, PublicKeyData, SigningKey};
use strata_tls::{AlertDescription, CtLog, CtPolicy, ServerVerifier, UnixTime};
use tls_crypto::HashAlgorithm;
use tls_crypto::der::{self, Elements};

use super::test_pki::{Leaf, Role, TestPki, leaf_params, outcome};
use crate::pki::VERSIONS;

struct TestLog(KeyPair);

impl TestLog {
    fn new() -> Self {
        Self(KeyPair::generate().unwrap())
    }

    fn configured(&self, operator: &str) -> CtLog {
        let key = self.0.subject_public_key_info();
        // Each log has a distinct name.
        CtLog::new(format!("a log of {operator}, {:02x?}", &key[key.len() - 4..]), operator, key).unwrap()
    }

    /// An SCT for an entry. RFC 6962 §3.2.
    fn sign(&self, entry: &[u8], at: u64, damage: bool) -> Vec<u8> {
        self.sign_with(entry, at, damage, &[])
    }

    fn sign_with(&self, entry: &[u8], at: u64, damage: bool, extensions: &[u8]) -> Vec<u8> {
        let extensions = with_length(extensions);
        let mut signed = vec![0, 0];
        signed.extend(at.to_be_bytes());
        signed.extend(entry);
        signed.extend(&extensions);
        let mut signature = self.0.sign(&signed).unwrap();
        if damage {
            *signature.last_mut().unwrap() ^= 1;
        }
        let id = HashAlgorithm::Sha256.hash(&self.0.subject_public_key_info());
        let kind = if self.0.is_compatible(&rcgen::PKCS_RSA_SHA256) { 1 } else { 3 };
        let signature = with_length(&signature);
        [&[0][..], id.as_ref(), &at.to_be_bytes(), &extensions, &[4, kind], &signature].concat()
    }
}

fn now() -> u64 {
    u64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

/// An x509_entry.
fn x509_entry(certificate: &[u8]) -> Vec<u8> {
    [&[0, 0][..], &u32::try_from(certificate.len()).unwrap().to_be_bytes()[1..], certificate].concat()
}

/// A leaf with embedded SCTs of these logs.
fn with_embedded(pki: &TestPki, logs: &[&TestLog], damage: bool) -> Leaf {
    with_embedded_at(pki, logs, now() - 1000, damage)
}

fn with_embedded_at(pki: &TestPki, logs: &[&TestLog], at: u64, damage: bool) -> Leaf {
    let key = KeyPair::generate().unwrap();
    let without: CertificateParams = leaf_params();
    let certificate = without.signed_by(&key, &pki.intermediate.issuer).unwrap().der().to_vec();
    // A precert_entry contains the hash of the issuer's key and the TBSCertificate, the first
    // element of the certificate.
    let tbs = Elements::new(Elements::new(&certificate).expect(der::SEQUENCE).unwrap())
        .expect_whole(der::SEQUENCE)
        .unwrap()
        .1;
    let issuer = HashAlgorithm::Sha256.hash(&pki.intermediate.issuer.key().subject_public_key_info());
    let length = u32::try_from(tbs.len()).unwrap().to_be_bytes();
    let entry = [&[0, 1][..], issuer.as_ref(), &length[1..], tbs].concat();
    let scts: Vec<u8> = logs.iter().flat_map(|log| with_length(&log.sign(&entry, at, damage))).collect();
    let mut params = without;
    let content = der::element(der::OCTET_STRING, &[&with_length(&scts)]);
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], content)];
    let der = params.signed_by(&key, &pki.intermediate.issuer).unwrap().der().clone();
    Leaf { der, key: key.serialize_der() }
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// An OCSP response of the issuer with status good and this value of the SCT extension (RFC 6960
/// §4.2.1, RFC 6962 §3.3).
fn ocsp_response(pki: &TestPki, scts: &[u8]) -> Vec<u8> {
    let sequence = |parts: &[&[u8]]| der::element(der::SEQUENCE, parts);
    let octets = |bytes: &[u8]| der::element(der::OCTET_STRING, &[bytes]);
    let oid = |bytes: &[u8]| der::element(der::OBJECT_IDENTIFIER, &[bytes]);
    let time = |text: &str| der::element(der::GENERALIZED_TIME, &[text.as_bytes()]);
    let spki = pki.intermediate.issuer.key().subject_public_key_info();
    // The public key is the last 65 bytes of a P-256 SubjectPublicKeyInfo.
    let key = &spki[spki.len() - 65..];
    let name = issuer_name(&pki.intermediate.leaf(|_| {}).der);
    let sha1 = sequence(&[&oid(&[0x2b, 14, 3, 2, 26]), &[5, 0]]);
    let serial = der::element(der::INTEGER, &[&u16::try_from(super::test_pki::LEAF).unwrap().to_be_bytes()]);
    let hash = |bytes: &[u8]| octets(&tls_crypto::sha1_for_cert_id(bytes));
    let id = sequence(&[&sha1, &hash(&name), &hash(key), &serial]);
    let extension = sequence(&[&oid(&[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 5]), &octets(&octets(scts))]);
    let extensions = der::element(der::CONTEXT_1, &[&sequence(&[&extension])]);
    let next = der::element(der::CONTEXT_0, &[&time("29990101000000Z")]);
    let single = sequence(&[&id, &[0x80, 0], &time("20000101000000Z"), &next, &extensions]);
    let responder = der::element(der::CONTEXT_2, &[&hash(key)]);
    let data = sequence(&[&responder, &time("20000101000000Z"), &sequence(&[&single])]);
    let signature = pki.intermediate.issuer.key().sign(&data).unwrap();
    let algorithm = sequence(&[&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]);
    let basic = sequence(&[&data, &algorithm, &der::element(der::BIT_STRING, &[&[0], &signature])]);
    let bytes = sequence(&[&oid(&[0x2b, 6, 1, 5, 5, 7, 48, 1, 1]), &octets(&basic)]);
    sequence(&[&[10, 1, 0], &der::element(der::CONTEXT_0, &[&bytes])])
}

/// The issuer's Name, after version, serial number and algorithm.
fn issuer_name(certificate: &[u8]) -> Vec<u8> {
    let mut fields = Elements::new(Elements::new(certificate).expect(der::SEQUENCE).unwrap());
    let mut fields = Elements::new(fields.expect(der::SEQUENCE).unwrap());
    for _ in 0..3 {
        fields.next();
    }
    fields.expect_whole(der::SEQUENCE).unwrap().1.to_vec()
}

#[test]
fn scts_in_a_valid_ocsp_response_count() {
    use strata_tls::{OcspPolicy, Stapled};
    let (a, b, pki) = (TestLog::new(), TestLog::new(), TestPki::new());
    let leaf = pki.intermediate.leaf(|_| {});
    let entry = x509_entry(&leaf.der);
    let list: Vec<u8> = [&a, &b].iter().flat_map(|log| with_length(&log.sign(&entry, now() - 1000, false))).collect();
    let response = ocsp_response(&pki, &with_length(&list));
    let mut verifier = ServerVerifier::new(pki.verifier());
    verifier.set_ct_policy(Some(CtPolicy::new([a.configured("A"), b.configured("B")])));
    verifier.set_ocsp_policy(OcspPolicy::Require);
    let chain = [leaf.der, pki.intermediate.der.clone()];
    let name = "server.test".try_into().unwrap();
    let verify = |verifier: &ServerVerifier, response: Option<&[u8]>| {
        verifier.verify(&chain, &name, &Stapled::new(response, strata_tls::codec::List::empty()), UnixTime::now())
    };
    verify(&verifier, Some(&response)).unwrap();
    verifier.set_ocsp_policy(OcspPolicy::Soft);
    verify(&verifier, Some(&response)).unwrap();
    verify(&verifier, None).unwrap_err();
    // SCTs do not count in an invalid response, or if OCSP responses are ignored.
    let mut damaged = response.clone();
    *damaged.last_mut().unwrap() ^= 1;
    verify(&verifier, Some(&damaged)).unwrap_err();
    verifier.set_ocsp_policy(OcspPolicy::Ignore);
    verify(&verifier, Some(&response)).unwrap_err();
}

/// Verifies a server under `policy`. `rejection` has words of the expected error, or is `None` if
/// the server is accepted.
fn expect_result(
    what: &str,
    policy: &CtPolicy,
    make: impl Fn(&TestPki) -> (Leaf, Vec<Vec<u8>>),
    rejection: Option<&str>,
) {
    for version in VERSIONS {
        let pki = TestPki::new();
        let (leaf, scts) = make(&pki);
        let mut identity = leaf.with(&[&pki.intermediate]);
        identity.set_signed_certificate_timestamps(scts).unwrap();
        let mut verifier = ServerVerifier::new(pki.verifier());
        verifier.set_ct_policy(Some(policy.clone()));
        match (outcome(Role::Server, version, identity, verifier), rejection) {
            (Ok(()), None) => {}
            (Err((refusal, alert)), Some(words)) => {
                assert_eq!(alert, AlertDescription::CERTIFICATE_UNKNOWN, "{what}");
                assert!(refusal.to_string().contains(words), "{what}: no {words:?} in {refusal}");
            }
            (outcome, _) => panic!("{what} in {version}: {outcome:?}"),
        }
    }
}

/// A leaf with SCTs in the TLS extension.
fn in_extension(pki: &TestPki, sign: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> (Leaf, Vec<Vec<u8>>) {
    let leaf = pki.intermediate.leaf(|_| {});
    let scts = sign(&x509_entry(&leaf.der));
    (leaf, scts)
}

#[test]
fn scts_of_two_operators_are_required_from_any_source() {
    let (a, b, unknown) = (TestLog::new(), TestLog::new(), TestLog::new());
    let policy = CtPolicy::new([a.configured("A"), b.configured("B")]);
    expect_result("none", &policy, |pki| in_extension(pki, |_| vec![]), Some("SCTs from 0 CT log operator(s)"));
    let both = |entry: &[u8]| vec![a.sign(entry, now(), false), b.sign(entry, now(), false)];
    expect_result("in the TLS extension", &policy, |pki| in_extension(pki, both), None);
    let twice = |entry: &[u8]| vec![a.sign(entry, now(), false), a.sign(entry, now() - 5, false)];
    expect_result(
        "one operator twice",
        &policy,
        |pki| in_extension(pki, twice),
        Some("SCTs from 1 CT log operator(s)"),
    );
    let strange = |entry: &[u8]| vec![a.sign(entry, now(), false), unknown.sign(entry, now(), false)];
    expect_result("an unknown log", &policy, |pki| in_extension(pki, strange), Some("a log that is not configured"));
    let wrong = |entry: &[u8]| vec![a.sign(entry, now(), false), b.sign(entry, now(), true)];
    expect_result("a wrong signature", &policy, |pki| in_extension(pki, wrong), Some("the SCT from \"a log of B, "));
    let future = |entry: &[u8]| vec![a.sign(entry, now(), false), b.sign(entry, now() + 3_600_000, false)];
    expect_result("from the future", &policy, |pki| in_extension(pki, future), Some("is from the future"));
    let other = |_: &[u8]| both(&x509_entry(b"another certificate"));
    expect_result("for another certificate", &policy, |pki| in_extension(pki, other), Some("has an invalid signature"));
    let cut = |entry: &[u8]| both(entry).into_iter().map(|sct| sct[..sct.len() - 1].to_vec()).collect();
    expect_result("cut off", &policy, |pki| in_extension(pki, cut), Some("cannot be parsed"));

    // ecdsa_secp521r1_sha512, after version, log, time and empty extensions.
    let sha512 = |entry: &[u8]| {
        both(entry)
            .into_iter()
            .map(|mut sct| {
                sct[43..45].copy_from_slice(&[6, 3]);
                sct
            })
            .collect()
    };
    let words = Some("cannot be checked: ecdsa_secp521r1_sha512 by an EC key on P-256 is not supported");
    expect_result("with SHA-512", &policy, |pki| in_extension(pki, sha512), words);
    // A log may only have a P-256 or RSA key.
    let p384 = TestLog(KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap());
    let policy_of_p384 = CtPolicy::new([p384.configured("C")]);
    let of_p384 = |entry: &[u8]| vec![p384.sign(entry, now(), false)];
    let words = Some("cannot be checked: ECDSA with SHA-256 by an EC key on P-384 is not supported");
    expect_result("of a P-384 log", &policy_of_p384, |pki| in_extension(pki, of_p384), words);

    expect_result("embedded", &policy, |pki| (with_embedded(pki, &[&a, &b], false), vec![]), None);
    expect_result(
        "embedded, of one",
        &policy,
        |pki| (with_embedded(pki, &[&a], false), vec![]),
        Some("SCTs from 1 CT log operator(s)"),
    );
    expect_result(
        "embedded, wrong",
        &policy,
        |pki| (with_embedded(pki, &[&a, &b], true), vec![]),
        Some("has an invalid signature"),
    );
    let mixed = |pki: &TestPki| {
        let leaf = with_embedded(pki, &[&a], false);
        let scts = vec![b.sign(&x509_entry(&leaf.der), now(), false)];
        (leaf, scts)
    };
    expect_result("one embedded, one in the TLS extension", &policy, mixed, None);
}

#[test]
fn minimum_counts_operators_and_not_logs() {
    let (a, b) = (TestLog::new(), TestLog::new());
    let both = |entry: &[u8]| vec![a.sign(entry, now(), false), b.sign(entry, now(), false)];
    let mut policy = CtPolicy::new([a.configured("A"), b.configured("A")]);
    expect_result("two logs of one", &policy, |pki| in_extension(pki, both), Some("SCTs from 1 CT log operator(s)"));
    policy.set_minimum_operators(1);
    expect_result("one is enough", &policy, |pki| in_extension(pki, both), None);
}

#[test]
fn sct_outside_the_time_limits_of_its_log_is_rejected() {
    let (a, at) = (TestLog::new(), |millis: u64| UnixTime::since_unix_epoch(Duration::from_millis(millis)));
    let sign = |entry: &[u8]| vec![a.sign(entry, now(), false)];
    let policy = |change: &dyn Fn(&mut CtLog)| {
        let mut log = a.configured("A");
        change(&mut log);
        let mut policy = CtPolicy::new([log]);
        policy.set_minimum_operators(1);
        policy
    };
    let retired = policy(&|log| log.set_retired(Some(at(now() - 60_000))));
    expect_result(
        "retired before",
        &retired,
        |pki| in_extension(pki, sign),
        Some("was issued afterwards or is not embedded"),
    );
    let retired = policy(&|log| log.set_retired(Some(at(now() + 60_000_000))));
    expect_result("retired later", &retired, |pki| in_extension(pki, sign), None);
    // An attacker with a retired log's key could backdate an SCT. An embedded SCT existed when the
    // CA signed the certificate.
    let log = [&a];
    let backdated = |entry: &[u8]| vec![a.sign(entry, now() - 10_000_000, false)];
    let retired = policy(&|log| log.set_retired(Some(at(now() - 60_000))));
    expect_result(
        "backdated",
        &retired,
        |pki| in_extension(pki, backdated),
        Some("was issued afterwards or is not embedded"),
    );
    let retired = policy(&|log| log.set_retired(Some(at(now() + 2_000))));
    let inside = |pki: &TestPki| (with_embedded(pki, &log, false), vec![]);
    expect_result("embedded, not yet retired", &retired, inside, None);
    // The leaf expires in the year 4096.
    let period = policy(&|log| log.set_period(Some((at(0), at(now())))));
    expect_result(
        "another period",
        &period,
        |pki| in_extension(pki, sign),
        Some("accepts only certificates that expire from "),
    );
    let period = policy(&|log| log.set_period(Some((at(now()), at(u64::MAX / 2)))));
    expect_result("its period", &period, |pki| in_extension(pki, sign), None);
}

#[test]
fn expired_log_list_rejects_nothing_and_empty_list_rejects_all() {
    let mut policy = CtPolicy::new([]);
    expect_result("no logs", &policy, |pki| in_extension(pki, |_| vec![]), Some("SCTs from 0 CT log operator(s)"));
    policy.set_expiry(Some(Duration::from_secs(1)));
    expect_result("an old list", &policy, |pki| in_extension(pki, |_| vec![]), None);
}

/// 2030-01-01 in Unix seconds.
const T: u64 = 1_893_456_000;

/// Verifies a leaf with these SCTs in the TLS extension at `second`.
fn verify_at(policy: &CtPolicy, pki: &TestPki, leaf: &Leaf, scts: &[Vec<u8>], second: u64) -> Result<(), String> {
    let mut verifier = ServerVerifier::new(pki.verifier());
    verifier.set_ct_policy(Some(policy.clone()));
    let list: Vec<u8> = scts.iter().flat_map(|sct| with_length(sct)).collect();
    let list = strata_tls::codec::List::decode_body(strata_tls::codec::Reader::new(&list)).unwrap();
    let chain = [leaf.der.clone(), pki.intermediate.der.clone()];
    let stapled = strata_tls::Stapled::new(None, list);
    let name = "server.test".try_into().unwrap();
    verifier.verify(&chain, &name, &stapled, second_of(second)).map_err(|refusal| refusal.to_string())
}

fn second_of(second: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(second))
}

/// A policy that requires one SCT of this log.
fn policy_of(log: &TestLog, change: impl FnOnce(&mut CtLog)) -> CtPolicy {
    let mut configured = log.configured("A");
    change(&mut configured);
    let mut policy = CtPolicy::new([configured]);
    policy.set_minimum_operators(1);
    policy
}

#[test]
fn time_limits_of_logs_apply_to_the_second() {
    let (a, pki) = (TestLog::new(), TestPki::new());
    let leaf = pki.intermediate.leaf(|params| params.not_after = rcgen::date_time_ymd(2040, 1, 1));
    let entry = x509_entry(&leaf.der);
    let accepts =
        |policy: &CtPolicy, leaf: &Leaf, scts: &[Vec<u8>], second| verify_at(policy, &pki, leaf, scts, second).is_ok();
    // Clocks may differ by five minutes.
    let any = policy_of(&a, |_| {});
    assert!(accepts(&any, &leaf, &[a.sign(&entry, T * 1000 + 300_000, false)], T));
    assert!(!accepts(&any, &leaf, &[a.sign(&entry, T * 1000 + 300_001, false)], T));
    // Only an embedded SCT proves its age; any other counts as issued now.
    let retired = policy_of(&a, |log| log.set_retired(Some(second_of(T))));
    let before = [a.sign(&entry, (T - 100) * 1000, false)];
    assert!(accepts(&retired, &leaf, &before, T - 1));
    assert!(!accepts(&retired, &leaf, &before, T));
    assert!(accepts(&retired, &with_embedded_at(&pki, &[&a], T * 1000 - 1, false), &[], T + 1000));
    assert!(!accepts(&retired, &with_embedded_at(&pki, &[&a], T * 1000, false), &[], T + 1000));
    // The period includes its start and excludes its end.
    let (scts, end) = ([a.sign(&entry, (T - 100) * 1000, false)], 2_208_988_800);
    for (period, inside) in [((end, end + 1), true), ((end - 1, end), false), ((end + 1, end + 2), false)] {
        let policy = policy_of(&a, |log| log.set_period(Some((second_of(period.0), second_of(period.1)))));
        assert_eq!(accepts(&policy, &leaf, &scts, T), inside, "{period:?}");
    }
    // The log list expires at the second too.
    let mut old = CtPolicy::new([]);
    old.set_expiry(Some(Duration::from_secs(T)));
    assert!(accepts(&old, &leaf, &[], T));
    assert!(!accepts(&old, &leaf, &[], T - 1));
}

/// RFC 6962 §3.2 and §2.1.4: version, hash algorithm and length.
#[test]
fn malformed_sct_is_rejected() {
    let (a, pki) = (TestLog::new(), TestPki::new());
    let leaf = pki.intermediate.leaf(|_| {});
    let (entry, policy) = (x509_entry(&leaf.der), policy_of(&a, |_| {}));
    let good = a.sign(&entry, T * 1000, false);
    assert_eq!(verify_at(&policy, &pki, &leaf, std::slice::from_ref(&good), T), Ok(()));
    let with_extensions = a.sign_with(&entry, T * 1000, false, &[1, 2, 3]);
    assert_eq!(verify_at(&policy, &pki, &leaf, &[with_extensions], T), Ok(()));
    let (mut version, mut hash, mut longer) = (good.clone(), good.clone(), good);
    version[0] = 1;
    hash[43] = 5;
    longer.push(0);
    for (sct, words) in [(version, "cannot be parsed"), (hash, "cannot be checked"), (longer, "cannot be parsed")] {
        let rejection = verify_at(&policy, &pki, &leaf, &[sct], T).unwrap_err();
        assert!(rejection.contains(words), "{rejection}");
    }
}

#[test]
fn sct_of_an_rsa_log_counts() {
    let pki = TestPki::new();
    let rsa = TestLog(KeyPair::from_pem(include_str!("../../data/rsa2048-test-key.pem")).unwrap());
    let leaf = pki.intermediate.leaf(|_| {});
    let sct = rsa.sign(&x509_entry(&leaf.der), T * 1000, false);
    assert_eq!(verify_at(&policy_of(&rsa, |_| {}), &pki, &leaf, &[sct], T), Ok(()));
}

/// Each SCT costs a signature verification. Only sixteen are verified, from any source.
#[test]
fn at_most_sixteen_scts_are_verified() {
    let (a, pki) = (TestLog::new(), TestPki::new());
    let policy = policy_of(&a, |_| {});
    let leaf = pki.intermediate.leaf(|_| {});
    let good = a.sign(&x509_entry(&leaf.der), T * 1000, false);
    for (before, accepted) in [(15, true), (16, false)] {
        let scts = [vec![vec![1]; before], vec![good.clone()]].concat();
        assert_eq!(verify_at(&policy, &pki, &leaf, &scts, T).is_ok(), accepted);
        let embedded = with_embedded_at(&pki, &[&a], T * 1000, false);
        assert_eq!(verify_at(&policy, &pki, &embedded, &vec![vec![1]; before], T).is_ok(), accepted);
    }
}

#[test]
fn sct_list_with_trailing_bytes_is_rejected() {
    let (a, pki) = (TestLog::new(), TestPki::new());
    let leaf = pki.intermediate.leaf(|_| {});
    let list = with_length(&with_length(&a.sign(&x509_entry(&leaf.der), T * 1000, false)));
    let mut verifier = ServerVerifier::new(pki.verifier());
    verifier.set_ct_policy(Some(policy_of(&a, |_| {})));
    let chain = [leaf.der, pki.intermediate.der.clone()];
    let name = "server.test".try_into().unwrap();
    let result = |list: &[u8]| {
        let response = ocsp_response(&pki, list);
        let stapled = strata_tls::Stapled::new(Some(&response), strata_tls::codec::List::empty());
        verifier.verify(&chain, &name, &stapled, second_of(T)).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(result(&list), Ok(()));
    let rejection = result(&[&list[..], &[0]].concat()).unwrap_err();
    assert!(rejection.contains("cannot be parsed"), "{rejection}");
}

#[test]
fn malformed_log_key_is_rejected_when_set() {
    let key = TestLog::new().0.subject_public_key_info();
    assert!(CtLog::new("a log", "A", key.clone()).is_ok());
    assert!(CtLog::new("a log", "A", key[1..].to_vec()).is_err());
}

/// With a custom path check, the issuer of the leaf is the next certificate.
#[cfg(feature = "dangerous_configuration")]
#[test]
fn ocsp_response_of_a_custom_path_uses_its_issuer() {
    use strata_tls::{CertificateDer, CertificateError, Purpose, VerifyPath};

    #[derive(Debug)]
    struct AnyPath;

    impl VerifyPath for AnyPath {
        fn verify_path(&self, _: &[CertificateDer<'_>], _: Purpose, _: UnixTime) -> Result<(), CertificateError> {
            Ok(())
        }
    }

    let pki = TestPki::new();
    let chain = [pki.intermediate.leaf(|_| {}).der, pki.intermediate.der.clone()];
    let mut parts = pki.verifier();
    parts.dangerous_set_path(std::sync::Arc::new(AnyPath));
    let mut verifier = ServerVerifier::from(parts);
    verifier.set_ocsp_policy(strata_tls::OcspPolicy::Require);
    let response = ocsp_response(&pki, &[]);
    let stapled = strata_tls::Stapled::new(Some(&response), strata_tls::codec::List::empty());
    let name = "server.test".try_into().unwrap();
    assert!(verifier.verify(&chain, &name, &stapled, second_of(T)).is_ok());
    assert!(
        verifier.verify(&chain[..1], &name, &stapled, second_of(T)).is_err(),
        "a chain without the issuer must be rejected"
    );
}
