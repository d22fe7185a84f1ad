//! Certificate revocation lists (CRLs): which certificates a list covers, and which lists are
//! accepted.

use rcgen::{
    CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint,
    KeyUsagePurpose, date_time_ymd,
};
use strata_tls::{AlertDescription, CertificateError, ChainVerifier, Crls, RevocationSource, Work};
use tls_crypto::der::{BOOLEAN, CONTEXT_0, Elements, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element};
use tls_crypto::pkcs7::Bundle;

use super::test_pki::{INTERMEDIATE, LEAF, ROLES, TestCa, TestPki, outcome, resigned, store};
use crate::identities::pem_body;
use crate::pki::VERSIONS;

/// Verifies a chain that is valid apart from revocation, in all roles and versions. `rejection` is
/// the expected alert and words of the error, or `None` if the chain is accepted.
fn expect_result(make: impl Fn(&TestPki) -> ChainVerifier, rejection: Option<(AlertDescription, &str)>) {
    for role in ROLES {
        for version in VERSIONS {
            let pki = TestPki::new();
            match (outcome(role, version, pki.valid_chain(), make(&pki)), rejection) {
                (Ok(()), None) => {}
                (Err((refusal, alert)), Some((expected, words))) => {
                    assert_eq!(alert, expected, "{refusal}");
                    assert!(refusal.to_string().contains(words), "no {words:?} in {refusal}");
                }
                (outcome, _) => panic!("{outcome:?} and not {rejection:?} of {role:?} in {version}"),
            }
        }
    }
}

/// A verifier with these lists and these lenient settings.
fn with(pki: &TestPki, lists: &[Vec<u8>], lenient: &[fn(&mut Crls, bool)]) -> ChainVerifier {
    let mut crls = Crls::from_der(lists).unwrap();
    lenient.iter().for_each(|set| set(&mut crls, true));
    let mut verifier = pki.verifier();
    verifier.set_crls(Some(crls));
    verifier
}

#[test]
fn certificate_on_no_crl_is_accepted() {
    expect_result(|pki| pki.with_crls(&[pki.intermediate.crl(&[1, 2], |_| {}), pki.root.crl(&[], |_| {})]), None);
}

/// CAs also hand out their lists as `.p7b` files.
#[test]
fn crls_of_a_pkcs7_bundle_are_read() {
    let verifier = |pki: &TestPki, read: fn(&[u8]) -> Crls, revoked: &[u64]| {
        let lists = [pki.intermediate.crl(revoked, |_| {}), pki.root.crl(&[], |_| {})];
        // Its certificates are left out.
        let bundle = Bundle { certificates: vec![&pki.root.der], crls: lists.iter().map(Vec::as_slice).collect() };
        let mut verifier = pki.verifier();
        verifier.set_crls(Some(read(&bundle.encode())));
        verifier
    };
    let of_der = |file: &[u8]| Crls::from_bytes([file]).unwrap();
    let of_pem = |file: &[u8]| {
        let text = format!("-----BEGIN PKCS7-----\n{}-----END PKCS7-----\n", pem_body(file));
        Crls::from_pem(text.as_bytes()).unwrap()
    };
    for read in [of_der, of_pem] {
        expect_result(|pki| verifier(pki, read, &[1]), None);
        let words = "CRL number 1 of CN=the intermediate lists it";
        expect_result(|pki| verifier(pki, read, &[LEAF]), Some((AlertDescription::CERTIFICATE_REVOKED, words)));
    }
}

#[test]
fn revoked_leaf_or_intermediate_is_rejected() {
    let of_leaf = "certificate 1 of 2 (CN=a leaf, serial number 1267): it is revoked: CRL number 1 of CN=the intermediate lists it";
    let rejection = Some((AlertDescription::CERTIFICATE_REVOKED, of_leaf));
    expect_result(
        |pki| pki.with_crls(&[pki.intermediate.crl(&[1, LEAF], |_| {}), pki.root.crl(&[], |_| {})]),
        rejection,
    );
    expect_result(
        |pki| pki.with_crls(&[pki.intermediate.crl(&[], |_| {}), pki.root.crl(&[INTERMEDIATE], |_| {})]),
        Some((
            AlertDescription::CERTIFICATE_REVOKED,
            "certificate 2 of 2 (CN=the intermediate, serial number 2A): it is revoked: CRL number 1 of CN=the root",
        )),
    );
    // No lenient setting accepts a listed certificate.
    expect_result(
        |pki| {
            with(
                pki,
                &[pki.intermediate.crl(&[LEAF], |_| {})],
                &[Crls::set_accept_unknown_status, Crls::set_accept_expired, Crls::set_end_entity_only],
            )
        },
        rejection,
    );
}

#[test]
fn uncovered_certificate_is_rejected_by_default() {
    let unknown = |words| Some((AlertDescription::CERTIFICATE_UNKNOWN, words));
    expect_result(
        |pki| pki.with_crls(&[pki.intermediate.crl(&[], |_| {})]),
        unknown(
            "certificate 2 of 2 (CN=the intermediate, serial number 2A): no CRL covers it: none of the 1 configured \
             CRL(s) is of its issuer, CN=the root",
        ),
    );
    let of_leaf = "certificate 1 of 2 (CN=a leaf, serial number 1267): no CRL covers it: none of the ";
    expect_result(|pki| pki.with_crls(&[TestCa::root("another CA").crl(&[], |_| {})]), unknown(of_leaf));
    expect_result(|pki| pki.with_crls(&[]), unknown(of_leaf));
    expect_result(|pki| with(pki, &[pki.intermediate.crl(&[], |_| {})], &[Crls::set_accept_unknown_status]), None);
    expect_result(|pki| with(pki, &[pki.intermediate.crl(&[], |_| {})], &[Crls::set_end_entity_only]), None);
}

#[test]
fn expired_crl_is_rejected_by_default() {
    fn old(pki: &TestPki) -> Vec<Vec<u8>> {
        vec![
            pki.intermediate.crl(&[], |params| params.next_update = date_time_ymd(2001, 2, 3)),
            pki.root.crl(&[], |_| {}),
        ]
    }
    let rejection = (
        AlertDescription::CERTIFICATE_UNKNOWN,
        "CRL number 1 of CN=the intermediate, which covers it, expired at 2001-02-03 00:00:00 UTC",
    );
    expect_result(|pki| pki.with_crls(&old(pki)), Some(rejection));
    expect_result(|pki| with(pki, &old(pki), &[Crls::set_accept_expired]), None);
}

#[test]
fn certificate_on_any_crl_is_revoked() {
    let place = |uri: &str| CrlDistributionPoint { uris: vec![uri.to_owned()] };
    for in_parts in [false, true] {
        for names in [[false, false], [false, true], [true, false]] {
            for newest_first in [true, false] {
                let pki = TestPki::new();
                let list = |made: i32, names: bool| {
                    pki.intermediate.crl(if names { &[LEAF] } else { &[] }, |params| {
                        params.this_update = date_time_ymd(made, 1, 1);
                        if in_parts {
                            let distribution_point = place(&format!("http://lists.test/{made}"));
                            params.issuing_distribution_point =
                                Some(CrlIssuingDistributionPoint { distribution_point, scope: None });
                        }
                    })
                };
                let (new, old) = (list(2010, names[0]), list(2005, names[1]));
                let both = if newest_first { [new, old] } else { [old, new] };
                let verifier = pki.with_crls(&[&both[..], &[pki.root.crl(&[], |_| {})]].concat());
                let outcome = outcome(ROLES[0], VERSIONS[0], pki.valid_chain(), verifier);
                assert_eq!(outcome.is_err(), names.contains(&true), "{in_parts} {names:?} {newest_first}: {outcome:?}");
            }
        }
    }
}

/// The intermediate CA with a new key.
fn renewed(pki: &TestPki) -> TestCa {
    pki.root.sub_ca("the intermediate", |_| {})
}

#[test]
fn crls_of_both_keys_of_a_ca_count() {
    for newer_is_of_old_key in [false, true] {
        for revoked in [false, true] {
            let pki = TestPki::new();
            let keys = [&pki.intermediate, &renewed(&pki)];
            let lists: Vec<_> = std::iter::zip(keys, [newer_is_of_old_key, !newer_is_of_old_key])
                .map(|(key, is_newer)| {
                    key.crl(if revoked { &[LEAF] } else { &[] }, |params| {
                        params.this_update = date_time_ymd(if is_newer { 2010 } else { 2005 }, 1, 1);
                    })
                })
                .collect();
            for key in keys {
                let verifier = pki.with_crls(&[&lists[..], &[pki.root.crl(&[], |_| {})]].concat());
                let outcome = outcome(ROLES[0], VERSIONS[0], key.leaf(|_| {}).with(&[key]), verifier);
                assert_eq!(outcome.is_err(), revoked, "{newer_is_of_old_key}: {outcome:?}");
            }
        }
    }
}

/// At most 100 signatures are verified for a chain. Each list here takes one, and the
/// intermediate's certificate another.
#[test]
fn work_for_crls_of_other_keys_is_bounded() {
    let pki = TestPki::new();
    let (good, of_root) = (pki.intermediate.crl(&[], |_| {}), pki.root.crl(&[], |_| {}));
    let of_other_key = renewed(&pki).crl(&[], |params| params.this_update = date_time_ymd(2010, 1, 1));
    for (others, accepted) in [(98, true), (99, false)] {
        let lists = [vec![of_other_key.clone(); others], vec![good.clone(), of_root.clone()]].concat();
        match outcome(ROLES[0], VERSIONS[0], pki.valid_chain(), pki.with_crls(&lists)) {
            Ok(()) => assert!(accepted),
            Err((refusal, _)) => {
                assert!(!accepted, "{refusal}");
                let CertificateError::WorkLimit { work: Work::Crl, .. } = refusal.why else { panic!("{refusal}") };
                let text = refusal.to_string();
                assert!(text.contains("(CN=") && text.contains("its CRLs take more than 100 checks"), "{text}");
            }
        }
    }
}

#[test]
fn crl_of_one_key_does_not_cover_the_other() {
    let pki = TestPki::new();
    let key = renewed(&pki);
    let verifier = pki.with_crls(&[pki.intermediate.crl(&[], |_| {}), pki.root.crl(&[], |_| {})]);
    let (refusal, _) = outcome(ROLES[0], VERSIONS[0], key.leaf(|_| {}).with(&[&key]), verifier).unwrap_err();
    assert!(matches!(refusal.why, CertificateError::BadCrl { .. }), "{refusal}");
    assert!(
        refusal
            .to_string()
            .contains("(CN=a leaf, serial number 1267): CRL number 1 of CN=the intermediate, which covers it, is unusable: its signature"),
        "{refusal}"
    );
}

#[test]
fn crl_of_an_issuer_without_crl_sign_is_rejected() {
    let only_certificates = |params: &mut CertificateParams| params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    for changes_root in [true, false] {
        let (root, below) = if changes_root {
            let root = TestCa::root_with("the root", only_certificates);
            let below = root.sub_ca("below", |_| {});
            (root, below)
        } else {
            let root = TestCa::root("the root");
            let below = root.sub_ca("below", only_certificates);
            (root, below)
        };
        // rcgen issues no CRL for such an issuer, so re-sign one of another CA with the same name.
        let list = |of: &TestCa, name: &str| resigned(&TestCa::root(name).crl(&[], |_| {}), of, |_| {});
        let mut verifier = ChainVerifier::new(store(&[&root]));
        verifier.set_crls(Some(Crls::from_der([list(&root, "the root"), list(&below, "below")]).unwrap()));
        for role in ROLES {
            let chain = below.leaf(|_| {}).with(&[&below]);
            let (refusal, alert) = outcome(role, VERSIONS[0], chain, verifier.clone()).unwrap_err();
            assert_eq!(alert, AlertDescription::CERTIFICATE_UNKNOWN);
            // Of a trust anchor, only its limits are stored.
            let found = if changes_root { "; have" } else { ": it has keyCertSign; have" };
            assert!(refusal.to_string().contains(&format!("does not include cRLSign{found}")), "{refusal}");
        }
    }
}

#[test]
fn future_crl_is_rejected_unless_a_current_one_exists() {
    let future = |params: &mut CertificateRevocationListParams| params.this_update = date_time_ymd(2990, 2, 3);
    let words = "(CN=a leaf, serial number 1267): CRL number 1 of CN=the intermediate, which covers it, is not valid before 2990-02-03";
    expect_result(
        move |pki| pki.with_crls(&[pki.intermediate.crl(&[], future), pki.root.crl(&[], |_| {})]),
        Some((AlertDescription::CERTIFICATE_UNKNOWN, words)),
    );
    // It is harmless beside a current list.
    expect_result(
        move |pki| {
            let both = [pki.intermediate.crl(&[], future), pki.intermediate.crl(&[], |_| {})];
            pki.with_crls(&[&both[..], &[pki.root.crl(&[], |_| {})]].concat())
        },
        None,
    );
}

#[test]
fn crl_matches_any_distribution_point() {
    let place = |uris: &[&str]| CrlDistributionPoint { uris: uris.iter().map(|uri| (*uri).to_owned()).collect() };
    let [a, b, c] = ["http://lists.test/a", "http://lists.test/b", "http://lists.test/c"];
    for (points, accepted) in
        [(vec![place(&[a]), place(&[b])], true), (vec![place(&[a, b])], true), (vec![place(&[a])], false)]
    {
        let pki = TestPki::new();
        let leaf = pki.intermediate.leaf(|params| params.crl_distribution_points = points);
        let list = pki.intermediate.crl(&[], |params| {
            params.issuing_distribution_point =
                Some(CrlIssuingDistributionPoint { distribution_point: place(&[c, b]), scope: None });
        });
        let verifier = pki.with_crls(&[list, pki.root.crl(&[], |_| {})]);
        assert_eq!(outcome(ROLES[0], VERSIONS[0], leaf.with(&[&pki.intermediate]), verifier).is_ok(), accepted);
    }
}

#[test]
fn ca_only_crl_does_not_cover_a_leaf() {
    use rcgen::CrlScope;
    for (scope, accepted) in [(CrlScope::UserCertsOnly, true), (CrlScope::CaCertsOnly, false)] {
        let pki = TestPki::new();
        let list = pki.intermediate.crl(&[], |params| {
            let distribution_point = CrlDistributionPoint { uris: vec!["http://lists.test/1".to_owned()] };
            params.issuing_distribution_point =
                Some(CrlIssuingDistributionPoint { distribution_point, scope: Some(scope) });
        });
        let verifier = pki.with_crls(&[list, pki.root.crl(&[], |_| {})]);
        assert_eq!(outcome(ROLES[0], VERSIONS[0], pki.valid_chain(), verifier).is_ok(), accepted);
    }
}

#[test]
fn indirect_delta_and_reason_crls_are_rejected_when_added() {
    let pki = TestPki::new();
    let plain = pki.root.crl(&[], |_| {});
    let with_extension = |oid: u8, value: &[u8]| {
        let oid = element(OBJECT_IDENTIFIER, &[&[0x55, 0x1d, oid]]);
        let extension = [oid, element(BOOLEAN, &[&[0xff]]), element(OCTET_STRING, &[value])].concat();
        let extension = element(SEQUENCE, &[&extension]);
        resigned(&plain, &pki.root, |fields| {
            let extensions = fields.pop().unwrap();
            let inner = Elements::new(Elements::new(&extensions).expect(CONTEXT_0).unwrap()).expect(SEQUENCE).unwrap();
            fields.push(element(CONTEXT_0, &[&element(SEQUENCE, &[inner, &extension])]));
        })
    };
    let uri = element(CONTEXT_0, &[&element(CONTEXT_0, &[&element(0x86, &[b"http://lists.test/1"])])]);
    let scope = |field: &[u8]| element(SEQUENCE, &[&uri, field]);
    for (list, words) in [
        (with_extension(27, &[2, 1, 1]), "a delta CRL"),
        (with_extension(28, &scope(&[0x84, 1, 0xff])), "indirect"),
        (with_extension(28, &scope(&[0x83, 2, 1, 6])), "some revocation reasons"),
    ] {
        let e = Crls::from_der([&plain, &list]).unwrap_err().to_string();
        assert!(e.contains("CRL number 2") && e.contains(words), "{e}");
    }
    Crls::from_der([with_extension(28, &scope(&[]))]).unwrap();
}

#[test]
fn verification_holds_until_the_first_crl_expires() {
    let pki = TestPki::new();
    let ending =
        |year: i32| move |params: &mut CertificateRevocationListParams| params.next_update = date_time_ymd(year, 1, 1);
    let name = strata_tls::ServerName::try_from("server.test").unwrap();
    let now = strata_tls::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_700_000_000));
    // Or until the leaf expires, if that is earlier.
    for (of_leaf, of_intermediate, leaf) in [(2031, 2032, 2033), (2032, 2031, 2033), (2032, 2033, 2031)] {
        let lists = [pki.intermediate.crl(&[], ending(of_leaf)), pki.root.crl(&[], ending(of_intermediate))];
        let verifier = strata_tls::ServerVerifier::new(pki.with_crls(&lists));
        let leaf = pki.intermediate.leaf(|params| params.not_after = date_time_ymd(leaf, 1, 1));
        let chain = [leaf.der, pki.intermediate.der.clone()];
        let end = verifier.verify_until(&chain, &name, &strata_tls::Stapled::default(), now).unwrap();
        assert_eq!(end.as_secs(), 1_924_992_000);
    }
}

#[test]
fn crl_signed_by_another_key_is_rejected() {
    expect_result(
        |pki| pki.with_crls(&[TestCa::root("the intermediate").crl(&[], |_| {}), pki.root.crl(&[], |_| {})]),
        Some((AlertDescription::CERTIFICATE_UNKNOWN, "its signature is invalid, or made by another key")),
    );
}

#[test]
fn partitioned_crl_covers_only_its_distribution_point() {
    const PLACE: &str = "http://lists.test/1";
    let place = |uri: &str| CrlDistributionPoint { uris: vec![uri.to_owned()] };
    for (named, revoked, accepted) in [(PLACE, 1, true), (PLACE, LEAF, false), ("http://lists.test/2", 1, false)] {
        for role in ROLES {
            let pki = TestPki::new();
            let leaf = pki.intermediate.leaf(|params| params.crl_distribution_points = vec![place(named)]);
            let partition = pki.intermediate.crl(&[revoked], |params| {
                params.issuing_distribution_point =
                    Some(CrlIssuingDistributionPoint { distribution_point: place(PLACE), scope: None });
            });
            let verifier = pki.with_crls(&[partition, pki.root.crl(&[], |_| {})]);
            let outcome = outcome(role, VERSIONS[0], leaf.with(&[&pki.intermediate]), verifier);
            assert_eq!(outcome.is_ok(), accepted, "{named} {revoked}: {outcome:?}");
            if let Err((refusal, _)) = outcome {
                match (revoked, &refusal.why) {
                    (LEAF, CertificateError::Revoked { by: RevocationSource::Crl, .. }) => {}
                    (1, CertificateError::UnknownRevocationStatus { .. }) => {
                        let text = refusal.to_string();
                        let words = "CRL number 1 of CN=the intermediate covers the certificates with the distribution \
                                     point http://lists.test/1, and this one has http://lists.test/2";
                        assert!(text.contains(words), "{text}");
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

#[test]
fn malformed_crl_is_rejected_when_loaded() {
    let pki = TestPki::new();
    let good = pki.root.crl(&[], |_| {});
    for cut in [0, 1, good.len() - 1] {
        let e = Crls::from_der([&good[..], &good[..cut]]).unwrap_err();
        assert!(e.to_string().contains("CRL number 2"), "{e}");
    }
    assert!(Crls::from_pem(b"").unwrap_err().to_string().contains("the file has no CRL: the file or input is empty"));
    assert!(Crls::from_pem(b"-----BEGIN X509 CRL-----\nAAAA").is_err());
}
