//! Chains built to make path building slow: verification stops at its work limit.

use rcgen::KeyPair;
use strata_tls::{CertificateError, ChainVerifier, ServerName, ServerVerifier, Stapled, UnixTime, Work};

use super::test_pki::{TestCa, ca_params, leaf_params, store};

/// 10 CA keys under two names, each certified by every other, and none by a trust anchor.
#[test]
fn work_for_a_hundred_cross_signed_cas_is_bounded() {
    let keys: Vec<KeyPair> = (0..10).map(|_| KeyPair::generate().unwrap()).collect();
    let mut above = Vec::new();
    for (subject, key) in keys.iter().enumerate() {
        for issuer in &keys {
            let issuer = rcgen::Issuer::new(ca_params(["odd", "even"][(subject + 1) % 2]), issuer);
            above.push(ca_params(["even", "odd"][subject % 2]).signed_by(key, &issuer).unwrap().der().clone());
        }
    }
    assert_eq!(above.len(), 100);
    let leaf_key = KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(ca_params("even"), &keys[0]);
    let leaf = leaf_params().signed_by(&leaf_key, &issuer).unwrap().der().clone();
    let chain = [vec![leaf], above].concat();
    let name = ServerName::try_from("server.test").unwrap();
    for memo in [0, 1024] {
        let mut verifier = ChainVerifier::new(store(&[&TestCa::root("even"), &TestCa::root("odd")]));
        verifier.set_memo_size(memo);
        let verifier = ServerVerifier::new(verifier);
        let refusal = verifier.verify(&chain, &name, &Stapled::default(), UnixTime::now()).unwrap_err();
        // Verification stopped at its limit. A full search would report that no path leads to an
        // anchor.
        let CertificateError::WorkLimit { work, sent: 101, candidates } = refusal.why else { panic!("{refusal}") };
        assert!(matches!(work, Work::Signature | Work::Issuer) && candidates > 20);
        let (text, at) = (refusal.to_string(), refusal.certificate().unwrap());
        assert!(
            text.starts_with(&format!("{at}: the search for its issuer takes more than {}", work.limit())),
            "{text}"
        );
        assert!(text.contains(&format!("({candidates} of the 101 certificates sent have the name of its issuer)")));
    }
}
