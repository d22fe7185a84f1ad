//! Trust anchors and CA certificates: their validity, key usage, path length and basic constraints
//! are enforced.

use rcgen::{BasicConstraints, CertificateParams, CustomExtension, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd};
use strata_tls::{
    AlertDescription, AnchorFault, CertificateDer, CertificateError, ChainVerifier, Identity, RootCertStore,
    RootsError, ServerName, ServerVerifier, Stapled, UnixTime,
};
use tls_crypto::der::{CONTEXT_0, CONTEXT_3};

use super::test_pki::{ROLES, TestCa, TestPki, leaf_params, outcome, resigned, store};
use crate::pki::VERSIONS;

/// Asserts that a chain below `root` is rejected in each role and version with this alert and these
/// words in the error.
fn expect_rejection(root: &TestCa, chain: &dyn Fn() -> Identity, alert: AlertDescription, words: &[&str]) {
    for role in ROLES {
        for version in VERSIONS {
            let verifier = ChainVerifier::new(store(&[root]));
            let (refusal, received) = outcome(role, version, chain(), verifier).unwrap_err();
            assert_eq!(received, alert, "{refusal}");
            for words in words {
                assert!(refusal.to_string().contains(words), "no {words:?} in {refusal}");
            }
        }
    }
}

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_700_000_000))
}

fn verified(verifier: &ServerVerifier, chain: &[CertificateDer<'_>]) -> Result<UnixTime, CertificateError> {
    let name = ServerName::try_from("server.test").unwrap();
    verifier.verify_until(chain, &name, &Stapled::default(), now()).map_err(|refusal| refusal.why)
}

#[test]
fn non_ca_anchor_verifies_only_itself() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let change = |params: &mut CertificateParams| {
            *params = leaf_params();
            params.is_ca = is_ca;
        };
        let root = TestCa::root_with("a leaf", change);
        let issued = || root.leaf(|_| {}).with(&[]);
        expect_rejection(&root, &issued, AlertDescription::UNKNOWN_CA, &["CN=a leaf", "trust_exact_certificate"]);
        for role in ROLES {
            let itself = || Identity::from_der(vec![root.der.clone()], &root.issuer.key().serialize_der()).unwrap();
            outcome(role, VERSIONS[0], itself(), ChainVerifier::new(store(&[&root]))).unwrap();
        }
    }
}

#[test]
fn issued_leaf_is_not_added_as_anchor() {
    let leaf = TestPki::new().root.leaf(|_| {});
    let e = RootCertStore::new().add(&leaf.der).unwrap_err();
    assert!(matches!(e, CertificateError::Anchor { fault: AnchorFault::NotCa, .. }), "{e}");
    assert_eq!(RootCertStore::new().add_parsable_certificates([leaf.der]), (0, 1));
}

#[test]
fn anchor_with_unknown_critical_extension_is_not_added() {
    let root = |oid: &[u64], critical: bool| {
        TestCa::root_with("the root", |params| {
            let mut extension = CustomExtension::from_oid_content(oid, vec![5, 0]);
            extension.set_criticality(critical);
            params.custom_extensions.push(extension);
        })
    };
    for oid in [&[1, 2, 3, 4][..], &[2, 5, 29, 99]] {
        RootCertStore::new().add(&root(oid, false).der).unwrap();
        let e = RootCertStore::new().add(&root(oid, true).der).unwrap_err();
        let CertificateError::Anchor { anchor, fault: AnchorFault::CriticalExtension { oid: reported } } = e else {
            panic!("{e}")
        };
        let dotted = oid.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        assert!(anchor.contains("CN=the root") && reported == dotted, "{reported}");
        let e = strata_tls::root_store_from_bytes(&root(oid, true).der).unwrap_err();
        assert!(matches!(e, RootsError::Certificate { at: 0, .. }), "{e}");
    }
}

#[test]
fn anchor_without_key_cert_sign_is_not_added() {
    let root = TestCa::root_with("the root", |params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
    let e = RootCertStore::new().add(&root.der).unwrap_err();
    assert!(matches!(e, CertificateError::Anchor { fault: AnchorFault::KeyUsage { .. }, .. }), "{e}");
    assert!(e.to_string().contains("does not include keyCertSign: it has cRLSign;"), "{e}");
    // Without the key usage extension any use is allowed.
    let root = TestCa::root_with("the root", |params| params.key_usages.clear());
    outcome(ROLES[0], VERSIONS[0], root.leaf(|_| {}).with(&[]), ChainVerifier::new(store(&[&root]))).unwrap();
}

#[test]
fn anchor_outside_its_validity_verifies_nothing() {
    let root = TestCa::root_with("old root", |params| params.not_after = date_time_ymd(2001, 2, 3));
    let chain = || root.leaf(|_| {}).with(&[]);
    let words = ["CN=old root", "expired at 2001-02-03", "add the CA's current certificate"];
    expect_rejection(&root, &chain, AlertDescription::CERTIFICATE_EXPIRED, &words);
    let root = TestCa::root_with("new root", |params| params.not_before = date_time_ymd(2990, 2, 3));
    let chain = || root.leaf(|_| {}).with(&[]);
    let words = ["CN=new root", "not valid before 2990-02-03"];
    expect_rejection(&root, &chain, AlertDescription::CERTIFICATE_EXPIRED, &words);
    // `outside_validity` finds such anchors when roots are loaded.
    let outside: Vec<_> = store(&[&TestPki::new().root, &root]).outside_validity(now()).collect();
    let [(name, AnchorFault::NotYetValid { .. })] = &outside[..] else { panic!("{outside:?}") };
    assert!(name.contains("CN=new root"));
}

#[test]
fn path_avoids_an_expired_anchor() {
    // A CA certificate was renewed with the same key. The old one is still among the anchors.
    let old = TestCa::root_with("the root", |params| params.not_after = date_time_ymd(2001, 2, 3));
    let mut params = super::test_pki::ca_params("the root");
    params.not_after = date_time_ymd(2100, 1, 1);
    let renewed = params.self_signed(old.issuer.key()).unwrap();
    let mut roots = store(&[&old]);
    roots.add(renewed.der()).unwrap();
    let leaf = old.leaf(|_| {});
    assert!(verified(&ServerVerifier::new(ChainVerifier::new(roots)), &[leaf.der]).is_ok());
}

#[test]
fn intermediate_without_key_cert_sign_is_rejected() {
    let root = TestCa::root("the root");
    let below = root.sub_ca("below", |params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
    let chain = || below.leaf(|_| {}).with(&[&below]);
    let words = ["certificate 2 of 2", "CN=below", "keyCertSign: it has cRLSign;"];
    expect_rejection(&root, &chain, AlertDescription::BAD_CERTIFICATE, &words);
    let below = root.sub_ca("below", |params| params.key_usages.clear());
    let chain = below.leaf(|_| {}).with(&[&below]);
    outcome(ROLES[0], VERSIONS[0], chain, ChainVerifier::new(store(&[&root]))).unwrap();
}

#[test]
fn path_avoids_an_intermediate_without_key_cert_sign() {
    // Two certificates of one CA, of which the first lacks keyCertSign.
    let root = TestCa::root("the root");
    let without_cert_sign = root.sub_ca("below", |params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
    let params = super::test_pki::ca_params("below");
    let good = params.signed_by(without_cert_sign.issuer.key(), &root.issuer).unwrap().der().clone();
    let leaf = without_cert_sign.leaf(|_| {}).der;
    let verifier = ServerVerifier::new(ChainVerifier::new(store(&[&root])));
    assert!(verified(&verifier, &[leaf.clone(), without_cert_sign.der.clone(), good.clone()]).is_ok());
    let e = verified(&verifier, &[leaf, without_cert_sign.der.clone()]).unwrap_err();
    assert_eq!(e, CertificateError::IssuerKeyUsage { found: vec!["cRLSign"].into() });
}

#[test]
fn path_length_of_an_anchor_is_enforced() {
    for (allowed, accepted) in [(0, false), (1, true)] {
        let root = TestCa::root_with("short root", |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(allowed));
        });
        let below = root.sub_ca("below", |_| {});
        let chain = || below.leaf(|_| {}).with(&[&below]);
        if accepted {
            outcome(ROLES[0], VERSIONS[0], chain(), ChainVerifier::new(store(&[&root]))).unwrap();
        } else {
            let words = ["CN=short root", "allows 0 CA certificate(s)", "the path has 1"];
            expect_rejection(&root, &chain, AlertDescription::UNKNOWN_CA, &words);
        }
        // A leaf directly below the root needs no CA certificate.
        let chain = root.leaf(|_| {}).with(&[]);
        outcome(ROLES[0], VERSIONS[0], chain, ChainVerifier::new(store(&[&root]))).unwrap();
    }
}

/// RFC 5280 §6.1.4 (l): a CA's certificate for its own next key does not count.
#[test]
fn self_issued_certificates_do_not_count_in_the_path_length() {
    let root = TestCa::root_with("rolling root", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let next_key = root.sub_ca("rolling root", |_| {});
    let chain = next_key.leaf(|_| {}).with(&[&next_key]);
    outcome(ROLES[0], VERSIONS[0], chain, ChainVerifier::new(store(&[&root]))).unwrap();
}

#[test]
fn version_1_anchor_is_trusted() {
    let root = TestCa::root("ancient root");
    let ancient = resigned(&root.der, &root, |fields| {
        fields.retain(|field| field[0] != CONTEXT_0 && field[0] != CONTEXT_3);
    });
    let mut roots = RootCertStore::new();
    roots.add(&ancient.into()).unwrap();
    let below = root.sub_ca("below", |_| {});
    outcome(ROLES[0], VERSIONS[0], below.leaf(|_| {}).with(&[&below]), ChainVerifier::new(roots)).unwrap();
}

#[test]
fn root_digest_covers_anchor_constraints() {
    let key = KeyPair::generate().unwrap();
    let digest = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = super::test_pki::ca_params("the root");
        change(&mut params);
        let mut roots = RootCertStore::new();
        roots.add(params.self_signed(&key).unwrap().der()).unwrap();
        roots.digest()
    };
    let plain = digest(&|_| {});
    assert_eq!(plain, digest(&|_| {}));
    let changes: [&dyn Fn(&mut CertificateParams); 5] = [
        &|params| params.not_after = date_time_ymd(2030, 1, 1),
        &|params| params.not_before = date_time_ymd(2020, 1, 1),
        &|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(3)),
        &|params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign],
        &|params| params.is_ca = IsCa::NoCa,
    ];
    for (at, change) in changes.iter().enumerate() {
        assert_ne!(plain, digest(change), "{at}");
    }
}

#[test]
fn verification_holds_until_the_first_certificate_expires() {
    let seconds = |year| match year {
        2031 => 1_924_992_000,
        2032 => 1_956_528_000,
        _ => 1_988_150_400,
    };
    for ends in [[2031, 2032, 2033], [2032, 2031, 2033], [2033, 2032, 2031]] {
        let until = |year: i32| move |params: &mut CertificateParams| params.not_after = date_time_ymd(year, 1, 1);
        let root = TestCa::root_with("the root", until(ends[0]));
        let below = root.sub_ca("below", until(ends[1]));
        let leaf = below.leaf(until(ends[2]));
        let verifier = ServerVerifier::new(ChainVerifier::new(store(&[&root])));
        let end = verified(&verifier, &[leaf.der, below.der]).unwrap();
        assert_eq!(end.as_secs(), seconds(2031), "{ends:?}");
    }
}
