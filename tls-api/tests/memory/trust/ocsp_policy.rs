//! Missing and unusable OCSP responses under each policy. Usable responses are tested with `openssl
//! ocsp` in the interop tests.

use rcgen::CustomExtension;
use strata_tls::{AlertDescription, OcspPolicy, ServerVerifier};

use super::test_pki::{Role, TestPki, outcome};
use crate::pki::VERSIONS;

/// The TLS feature extension (RFC 7633), a SEQUENCE of INTEGERs.
fn features(numbers: &[u8]) -> CustomExtension {
    let inner: Vec<u8> = numbers.iter().flat_map(|number| [2, 1, *number]).collect();
    let content = [vec![0x30, u8::try_from(inner.len()).unwrap()], inner].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], content)
}

#[test]
fn ocsp_policy_and_must_staple_decide_on_missing_responses() {
    use OcspPolicy::{Ignore, Require, Soft};
    let missing = "stapled no OCSP response, which the policy";
    let promised = "its certificate requires one (must-staple)";
    let useless = "is text; expected an OCSP response in DER";
    // OCSPResponseStatus tryLater.
    let no_answer: &[u8] = &[0x30, 3, 10, 1, 3];
    let later = "has the status 3 (tryLater)";
    for (policy, promises, stapled, rejection) in [
        (Ignore, &[][..], None, None),
        (Soft, &[], None, None),
        (Require, &[], None, Some(missing)),
        (Ignore, &[5], None, None),
        (Soft, &[5], None, Some(promised)),
        (Soft, &[17, 5], None, Some(promised)),
        (Soft, &[17], None, None),
        (Require, &[5], None, Some(promised)),
        (Ignore, &[5], Some(&b"garbage"[..]), None),
        (Soft, &[], Some(b"garbage"), None),
        (Soft, &[5], Some(b"garbage"), Some(useless)),
        (Require, &[], Some(b"garbage"), Some(useless)),
        (Soft, &[], Some(no_answer), None),
        (Require, &[], Some(no_answer), Some(later)),
        (Soft, &[5], Some(no_answer), Some(later)),
    ] {
        for version in VERSIONS {
            let what = format!("{policy:?} {promises:?} {stapled:?} in {version}");
            let pki = TestPki::new();
            let leaf = pki.intermediate.leaf(|params| {
                params.custom_extensions = if promises.is_empty() { vec![] } else { vec![features(promises)] };
            });
            let mut identity = leaf.with(&[&pki.intermediate]);
            identity.set_unchecked_ocsp_response(stapled.map(<[u8]>::to_vec)).unwrap();
            let mut verifier = ServerVerifier::new(pki.verifier());
            verifier.set_ocsp_policy(policy);
            match (outcome(Role::Server, version, identity, verifier), rejection) {
                (Ok(()), None) => {}
                (Err((refusal, alert)), Some(words)) => {
                    assert_eq!(alert, AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE, "{what}");
                    assert!(refusal.to_string().contains(words), "{what}: {refusal}");
                }
                (outcome, _) => panic!("{what}: {outcome:?}"),
            }
        }
    }
}
