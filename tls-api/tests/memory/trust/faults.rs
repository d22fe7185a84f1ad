//! Faults of a chain: each has its own error text and alert.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    NameConstraints, date_time_ymd,
};
use strata_tls::{AlertDescription, ChainVerifier, Identity};

use super::test_pki::{Authority, ROLES, Role, World, leaf_params, outcome, store};
use crate::pki::VERSIONS;

/// A fault: the presented identity and the verifier, and the alert and words of the error that it
/// leads to.
struct Reason {
    what: &'static str,
    make: fn(&World, Role) -> (Identity, ChainVerifier),
    alert: AlertDescription,
    words: &'static [&'static str],
}

/// A leaf of the intermediate CA, with changed parameters.
fn spoilt(world: &World, spoil: impl FnOnce(&mut CertificateParams)) -> (Identity, ChainVerifier) {
    (world.intermediate.leaf(spoil).with(&[&world.intermediate]), world.verifier())
}

/// A leaf of a CA below the intermediate, with changed parameters of that CA.
fn below(world: &World, spoil: impl FnOnce(&mut CertificateParams)) -> (Identity, ChainVerifier) {
    let between = world.intermediate.authority("between", spoil);
    (between.leaf(|_| {}).with(&[&between, &world.intermediate]), world.verifier())
}

const REASONS: &[Reason] = &[
    Reason {
        what: "an authority that is not in the store, whose certificate was sent",
        make: |_, _| {
            let other = World::new();
            let shown = other.intermediate.leaf(|_| {}).with(&[&other.intermediate, &other.root]);
            (shown, ChainVerifier::new(store(&[&Authority::root("another root")])))
        },
        alert: AlertDescription::UNKNOWN_CA,
        words: &[
            "no path leads from the 3 certificate(s)",
            "ends in CN=the root",
            "authority of your own",
            "RootCertStore",
        ],
    },
    Reason {
        what: "a missing intermediate",
        make: |world, _| (world.intermediate.leaf(|_| {}).with(&[]), world.verifier()),
        alert: AlertDescription::UNKNOWN_CA,
        words: &["CN=the intermediate is neither in the chain nor among the trust anchors", "left out an intermediate"],
    },
    Reason {
        what: "a trust anchor of the same name with another key",
        make: |world, _| (world.good(), ChainVerifier::new(store(&[&Authority::root("the root")]))),
        alert: AlertDescription::BAD_CERTIFICATE,
        words: &["is called CN=the root too", "another key"],
    },
    Reason {
        what: "a leaf signed by itself",
        make: |world, _| {
            let key = KeyPair::generate().unwrap();
            let der = leaf_params().self_signed(&key).unwrap().der().clone();
            (Identity::from_der(vec![der], &key.serialize_der()).unwrap(), world.verifier())
        },
        alert: AlertDescription::UNKNOWN_CA,
        words: &["signed by itself", "trust_exact_certificate"],
    },
    Reason {
        what: "an authority's certificate as the own one",
        make: |world, _| spoilt(world, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
        words: &["it is an authority's certificate", "have it issue a certificate"],
    },
    Reason {
        what: "an expired leaf",
        make: |world, _| spoilt(world, |params| params.not_after = date_time_ymd(2001, 2, 3)),
        alert: AlertDescription::CERTIFICATE_EXPIRED,
        words: &["expired at 2001-02-03 00:00:00 UTC", "our clock says 20"],
    },
    Reason {
        what: "a leaf of the future",
        make: |world, _| spoilt(world, |params| params.not_before = date_time_ymd(2998, 2, 3)),
        alert: AlertDescription::CERTIFICATE_EXPIRED,
        words: &["not valid before 2998-02-03 00:00:00 UTC", "our clock says 20"],
    },
    Reason {
        what: "an expired authority",
        make: |world, _| below(world, |params| params.not_after = date_time_ymd(2001, 2, 3)),
        alert: AlertDescription::CERTIFICATE_EXPIRED,
        words: &["expired at 2001-02-03"],
    },
    Reason {
        what: "a certificate for another purpose",
        make: |world, role| {
            let other = match role {
                Role::Server => ExtendedKeyUsagePurpose::ClientAuth,
                Role::Client => ExtendedKeyUsagePurpose::ServerAuth,
            };
            spoilt(world, |params| params.extended_key_usages = vec![other])
        },
        alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
        words: &["not meant for this purpose"],
    },
    Reason {
        what: "a key that is not for signatures",
        make: |world, _| spoilt(world, |params| params.key_usages = vec![rcgen::KeyUsagePurpose::KeyEncipherment]),
        alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
        words: &["key usage without digitalSignature"],
    },
    Reason {
        what: "a leaf whose signature is damaged",
        make: |world, _| {
            let mut leaf = world.intermediate.leaf(|_| {});
            let mut der = leaf.der.to_vec();
            *der.last_mut().unwrap() ^= 1;
            leaf.der = der.into();
            (leaf.with(&[&world.intermediate]), world.verifier())
        },
        alert: AlertDescription::BAD_CERTIFICATE,
        words: &["a signature in its chain is wrong"],
    },
    Reason {
        what: "an authority that may have none below it",
        make: |world, _| {
            let between = world.root.authority("between", |params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            });
            let lower = between.authority("lower", |_| {});
            (lower.leaf(|_| {}).with(&[&lower, &between]), world.verifier())
        },
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &["path length"],
    },
    Reason {
        what: "a leaf that has issued another",
        make: |world, _| below(world, |params| params.is_ca = IsCa::ExplicitNoCa),
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &["is no authority's has issued another"],
    },
    Reason {
        what: "an authority that may not vouch for the name",
        make: |world, _| {
            below(world, |params| {
                params.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![GeneralSubtree::DnsName("other.test".into())],
                    excluded_subtrees: Vec::new(),
                });
            })
        },
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &["may not vouch for this name", "name constraints"],
    },
    Reason {
        what: "an extension that is critical and unknown",
        make: |world, _| {
            spoilt(world, |params| {
                let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
                unknown.set_criticality(true);
                params.custom_extensions = vec![unknown];
            })
        },
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &["critical extension that is not supported"],
    },
    Reason {
        what: "X.509 version 1",
        make: |_, _| {
            (odd(include_str!("../../data/x509v1-leaf.pem")), trusting(include_str!("../../data/x509v1-authority.pem")))
        },
        alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
        words: &["X.509 version 1", "issued again as version 3"],
    },
    Reason {
        what: "an authority over a curve that is not supported",
        make: |_, _| {
            (
                odd(include_str!("../../data/p521-signed-leaf.pem")),
                trusting(include_str!("../../data/p521-authority.pem")),
            )
        },
        alert: AlertDescription::UNKNOWN_CA,
        words: &["no path leads"],
    },
    Reason {
        what: "no trust anchors",
        make: |world, _| (world.good(), ChainVerifier::new(store(&[]))),
        alert: AlertDescription::UNKNOWN_CA,
        words: &["no trust anchors are configured", "RootCertStore"],
    },
];

/// An identity made by `openssl x509`, of a form that rcgen cannot produce.
fn odd(leaf: &str) -> Identity {
    Identity::from_pem(leaf.as_bytes(), include_bytes!("../../data/odd-leaf-key.pem")).unwrap()
}

fn trusting(authority: &str) -> ChainVerifier {
    ChainVerifier::new(strata_tls::root_store_from_pem(authority.as_bytes()).unwrap())
}

#[test]
fn each_fault_has_its_text_and_alert_and_leaks_nothing() {
    for reason in REASONS {
        for role in ROLES {
            for version in VERSIONS {
                let what = format!("{} of a {role:?} in {version}", reason.what);
                let world = World::new();
                let (shown, verifier) = (reason.make)(&world, role);
                let Err((refusal, alert)) = outcome(role, version, shown, verifier) else {
                    panic!("{what} is accepted")
                };
                assert_eq!(alert, reason.alert, "{what}: {refusal}");
                let text = refusal.to_string();
                assert!(!text.contains('\n'), "{what}: {text}");
                for words in reason.words {
                    assert!(text.contains(words), "{what}: no {words:?} in {text:?}");
                }
            }
        }
    }
}

#[test]
fn valid_chain_is_accepted_in_both_roles_and_versions() {
    for role in ROLES {
        for version in VERSIONS {
            let world = World::new();
            outcome(role, version, world.good(), world.verifier()).unwrap();
        }
    }
}

#[test]
fn wrong_name_is_rejected_and_common_name_is_ignored() {
    for version in VERSIONS {
        for (names, has) in [(vec!["a.test", "*.b.test"], "a.test, *.b.test"), (vec![], "names no server at all")] {
            let world = World::new();
            let leaf = world.intermediate.leaf(|params| {
                *params =
                    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
                params.distinguished_name.push(rcgen::DnType::CommonName, "server.test");
            });
            let shown = leaf.with(&[&world.intermediate]);
            let (refusal, alert) = outcome(Role::Server, version, shown, world.verifier()).unwrap_err();
            assert_eq!(alert, AlertDescription::BAD_CERTIFICATE);
            let text = refusal.to_string();
            assert!(text.contains(has) && text.contains("\"server.test\""), "{text}");
        }
    }
}

#[test]
fn wildcard_matches_one_label_and_address_matches_exactly() {
    use strata_tls::{ServerName, ServerVerifier, Stapled, UnixTime};
    let world = World::new();
    let verifier = ServerVerifier::from(world.verifier());
    let names = ["*.w.test", "127.0.0.1", "::1"];
    let leaf = world.intermediate.leaf(|params| {
        *params = CertificateParams::new(names.map(str::to_owned).to_vec()).unwrap();
    });
    let chain = [leaf.der, world.intermediate.der.clone()];
    for (name, good) in [
        ("a.w.test", true),
        ("A.W.TEST", true),
        ("w.test", false),
        ("a.b.w.test", false),
        ("127.0.0.1", true),
        ("127.0.0.2", false),
        ("::1", true),
        ("::2", false),
    ] {
        let asked = ServerName::try_from(name).unwrap();
        let verdict = verifier.verify(&chain, &asked, &Stapled::default(), UnixTime::now());
        assert_eq!(verdict.is_ok(), good, "{name}: {verdict:?}");
    }
}

#[test]
fn rejection_report_lists_chain_and_candidate_anchors() {
    let world = World::new();
    let twins = [Authority::root("the root"), Authority::root("the root"), Authority::root("a third")];
    let verifier = ChainVerifier::new(store(&[&twins[0], &twins[1], &twins[2]]));
    let (refusal, _) = outcome(Role::Server, VERSIONS[0], world.good(), verifier).unwrap_err();
    let report = refusal.chain.as_ref().unwrap();
    assert_eq!(report.certificates.len(), 2);
    assert_eq!(report.certificates[0].names.entries(), ["server.test"]);
    assert!(report.certificates[1].is_ca && !report.certificates[0].is_ca);
    assert_eq!((report.anchors.len(), report.anchors_configured), (2, 3));
    let text = format!("{refusal:#}");
    for words in [
        "0: CN=a leaf, issued by CN=the intermediate, valid from 1975-01-01 00:00:00 UTC to 4096-01-01 00:00:00 UTC, for server.test",
        "1: CN=the intermediate, issued by CN=the root",
        "an authority",
        "of 3 configured",
        "CN=the root: its key did not sign certificate 1",
        "our clock says 20",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2001, 2, 3);
    let (shown, verifier) = spoilt(&world, expired);
    let (refusal, _) = outcome(Role::Client, VERSIONS[1], shown, verifier).unwrap_err();
    assert!(
        format!("{refusal:#}").contains("CN=the root: it signed certificate 1; another check failed"),
        "{refusal:#}"
    );
}

#[test]
fn error_text_escapes_control_characters_of_peer_names() {
    let world = World::new();
    let leaf = Authority::root("a\n\u{1b}[2Jroot").leaf(|_| {});
    let (refusal, _) = outcome(Role::Server, VERSIONS[0], leaf.with(&[]), world.verifier()).unwrap_err();
    let text = format!("{refusal:#}");
    assert!(!text.contains('\u{1b}') && text.contains("a\\n\\u{1b}[2Jroot"), "{text}");
}
