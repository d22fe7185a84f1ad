//! Faults of a chain: each has its own error text and alert.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    NameConstraints, date_time_ymd,
};
use strata_tls::{AlertDescription, CertificateError, ChainVerifier, Identity, Refusal};

use super::test_pki::{ROLES, Role, TestCa, TestPki, ca_params, leaf_params, outcome, store};
use crate::pki::VERSIONS;

/// A fault: the presented identity and the verifier, and the alert and words of the error that it
/// leads to.
struct Fault {
    what: &'static str,
    make: fn(&TestPki, Role) -> (Identity, ChainVerifier),
    alert: AlertDescription,
    words: &'static [&'static str],
}

/// A leaf of the intermediate CA, with changed parameters.
fn changed_leaf(pki: &TestPki, change: impl FnOnce(&mut CertificateParams)) -> (Identity, ChainVerifier) {
    (pki.intermediate.leaf(change).with(&[&pki.intermediate]), pki.verifier())
}

/// A leaf of a CA below the intermediate, with changed parameters of that CA.
fn leaf_below(pki: &TestPki, change: impl FnOnce(&mut CertificateParams)) -> (Identity, ChainVerifier) {
    let between = pki.intermediate.sub_ca("between", change);
    (between.leaf(|_| {}).with(&[&between, &pki.intermediate]), pki.verifier())
}

/// A leaf of a CA with these name constraints.
fn constrained(pki: &TestPki, permitted: &[GeneralSubtree], excluded: &[GeneralSubtree]) -> (Identity, ChainVerifier) {
    leaf_below(pki, |params| {
        let (permitted_subtrees, excluded_subtrees) = (permitted.to_vec(), excluded.to_vec());
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees });
    })
}

const FAULTS: &[Fault] = &[
    Fault {
        what: "an unknown CA whose certificate was sent",
        make: |_, _| {
            let other = TestPki::new();
            let identity = other.intermediate.leaf(|_| {}).with(&[&other.intermediate, &other.root]);
            (identity, ChainVerifier::new(store(&[&TestCa::root("another root")])))
        },
        alert: AlertDescription::UNKNOWN_CA,
        words: &[
            "certificate 3 of 3 (CN=the root, serial number ",
            "): no path from the 3 certificate(s)",
            "ends in CN=the root",
            "CA of your own",
            "RootCertStore",
        ],
    },
    Fault {
        what: "a missing intermediate",
        make: |pki, _| (pki.intermediate.leaf(|_| {}).with(&[]), pki.verifier()),
        alert: AlertDescription::UNKNOWN_CA,
        words: &[
            "CN=the intermediate is neither in the chain nor a trust anchor",
            "send its intermediate certificates",
        ],
    },
    Fault {
        what: "a trust anchor of the same name with another key",
        make: |pki, _| (pki.valid_chain(), ChainVerifier::new(store(&[&TestCa::root("the root")]))),
        alert: AlertDescription::BAD_CERTIFICATE,
        words: &[
            "certificate 2 of 2 (CN=the intermediate, serial number 2A): its signature is invalid",
            "the trust anchor CN=the root has the issuer's name but another key",
        ],
    },
    Fault {
        what: "a self-signed leaf",
        make: |pki, _| {
            let key = KeyPair::generate().unwrap();
            let der = leaf_params().self_signed(&key).unwrap().der().clone();
            (Identity::from_der(vec![der], &key.serialize_der()).unwrap(), pki.verifier())
        },
        alert: AlertDescription::UNKNOWN_CA,
        words: &["it is self-signed", "trust_exact_certificate"],
    },
    Fault {
        what: "a CA certificate as the end-entity certificate",
        make: |pki, _| changed_leaf(pki, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
        words: &["certificate 1 of 2 (CN=a leaf", "it is a CA certificate", "issue one with that CA"],
    },
    Fault {
        what: "an expired leaf",
        make: |pki, _| changed_leaf(pki, |params| params.not_after = date_time_ymd(2001, 2, 3)),
        alert: AlertDescription::CERTIFICATE_EXPIRED,
        words: &[
            "certificate 1 of 2 (CN=a leaf, serial number 1267): it expired at 2001-02-03 00:00:00 UTC",
            "the local clock says 20",
        ],
    },
    Fault {
        what: "a leaf that is not yet valid",
        make: |pki, _| changed_leaf(pki, |params| params.not_before = date_time_ymd(2998, 2, 3)),
        alert: AlertDescription::CERTIFICATE_EXPIRED,
        words: &[
            "certificate 1 of 2 (CN=a leaf, serial number 1267): it is not valid before 2998-02-03 00:00:00 UTC",
            "the local clock says 20",
        ],
    },
    Fault {
        what: "an expired intermediate",
        make: |pki, _| leaf_below(pki, |params| params.not_after = date_time_ymd(2001, 2, 3)),
        alert: AlertDescription::CERTIFICATE_EXPIRED,
        words: &[
            "certificate 2 of 3 (CN=between, serial number ",
            "): it expired at 2001-02-03",
            "it is a CA certificate; configure the peer to send the current certificate",
        ],
    },
    Fault {
        what: "a certificate for another purpose",
        make: |pki, role| {
            let other = match role {
                Role::Server => ExtendedKeyUsagePurpose::ClientAuth,
                Role::Client => ExtendedKeyUsagePurpose::ServerAuth,
            };
            changed_leaf(pki, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning, other])
        },
        alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
        words: &[
            "certificate 1 of 2 (CN=a leaf",
            "its extended key usage does not include ",
            "Auth: it has codeSigning, ",
            "Auth; have it reissued",
        ],
    },
    Fault {
        what: "a key that is not for signatures",
        make: |pki, _| changed_leaf(pki, |params| params.key_usages = vec![rcgen::KeyUsagePurpose::KeyEncipherment]),
        alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
        words: &[
            "certificate 1 of 2 (CN=a leaf",
            "does not include digitalSignature, which TLS requires: it has keyEnc",
        ],
    },
    Fault {
        what: "a leaf whose signature is damaged",
        make: |pki, _| {
            let mut leaf = pki.intermediate.leaf(|_| {});
            let mut der = leaf.der.to_vec();
            *der.last_mut().unwrap() ^= 1;
            leaf.der = der.into();
            (leaf.with(&[&pki.intermediate]), pki.verifier())
        },
        alert: AlertDescription::BAD_CERTIFICATE,
        words: &["certificate 1 of 2 (CN=a leaf", "its signature is invalid"],
    },
    Fault {
        what: "a CA with path length 0 above another CA",
        make: |pki, _| {
            let between = pki.root.sub_ca("between", |params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            });
            let lower = between.sub_ca("lower", |_| {});
            (lower.leaf(|_| {}).with(&[&lower, &between]), pki.verifier())
        },
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &[
            "certificate 3 of 3 (CN=between",
            "it allows 0 CA certificate(s) below itself (path length), but the path has 1",
        ],
    },
    Fault {
        what: "a leaf that issued a certificate",
        make: |pki, _| leaf_below(pki, |params| params.is_ca = IsCa::ExplicitNoCa),
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &["certificate 2 of 3 (CN=between", "it issued another certificate, but is not a CA certificate"],
    },
    Fault {
        what: "a CA whose name constraints exclude the name",
        make: |pki, _| constrained(pki, &[GeneralSubtree::DnsName("other.test".into())], &[]),
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &[
            "certificate 1 of 3 (CN=a leaf",
            "its DNS name server.test is not in a subtree that the name constraints of CN=between permit (other.test)",
        ],
    },
    Fault {
        what: "an unknown critical extension",
        make: |pki, _| {
            changed_leaf(pki, |params| {
                let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
                unknown.set_criticality(true);
                params.custom_extensions = vec![unknown];
            })
        },
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &["certificate 1 of 2 (CN=a leaf", "its critical extension 1.2.3.4 is not supported"],
    },
    Fault {
        what: "an intermediate with an unknown critical extension",
        make: |pki, _| {
            leaf_below(pki, |params| {
                let mut unknown = CustomExtension::from_oid_content(&[2, 5, 29, 36], vec![0x30, 0]);
                unknown.set_criticality(true);
                params.custom_extensions = vec![unknown];
            })
        },
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &["certificate 2 of 3 (CN=between", "its critical extension 2.5.29.36 is not supported"],
    },
    Fault {
        what: "an unrelated certificate with an unknown critical extension, and no issuer",
        make: |pki, _| {
            let unrelated = TestCa::root_with("unrelated", |params| {
                let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
                unknown.set_criticality(true);
                params.custom_extensions = vec![unknown];
            });
            (pki.intermediate.leaf(|_| {}).with(&[&unrelated]), pki.verifier())
        },
        alert: AlertDescription::UNKNOWN_CA,
        words: &[
            "certificate 1 of 2 (CN=a leaf",
            "no path from",
            "CN=the intermediate is neither in the chain nor a trust anchor",
        ],
    },
    Fault {
        what: "an intermediate for another purpose",
        make: |pki, _| {
            leaf_below(pki, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection])
        },
        alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
        words: &["certificate 2 of 3 (CN=between", "it has emailProtection"],
    },
    Fault {
        what: "an excluded subtree",
        make: |pki, _| constrained(pki, &[], &[GeneralSubtree::DnsName("test".into())]),
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &[
            "certificate 1 of 3 (CN=a leaf",
            "its DNS name server.test is in the subtree test, which the name constraints of CN=between exclude",
        ],
    },
    Fault {
        what: "a name constraint of a form that is not supported",
        make: |pki, _| {
            let mut name = rcgen::DistinguishedName::new();
            name.push(rcgen::DnType::CommonName, "a leaf");
            constrained(pki, &[GeneralSubtree::DirectoryName(name)], &[])
        },
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &[
            "certificate 1 of 3 (CN=a leaf",
            "CN=between has a name constraint on the form of its directory name CN=a leaf, which is not supported",
        ],
    },
    Fault {
        what: "an IP address outside the permitted subnets",
        make: |pki, _| {
            let subnet = GeneralSubtree::IpAddress(rcgen::CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0]));
            let between = pki.intermediate.sub_ca("between", |params| {
                let (permitted_subtrees, excluded_subtrees) = (vec![subnet], Vec::new());
                params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees });
            });
            let leaf = between.leaf(|params| {
                params.subject_alt_names.push(rcgen::SanType::IpAddress("192.0.2.1".parse().unwrap()));
            });
            (leaf.with(&[&between, &pki.intermediate]), pki.verifier())
        },
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &[
            "its IP address 192.0.2.1 is not in a subtree that the name constraints of CN=between permit (10.0.0.0/8)",
        ],
    },
    Fault {
        what: "too many intermediates",
        make: |pki, _| {
            let mut cas = vec![pki.root.sub_ca("CA 1", |_| {})];
            for number in 2..=7 {
                cas.push(cas.last().unwrap().sub_ca(&format!("CA {number}"), |_| {}));
            }
            let leaf = cas.last().unwrap().leaf(|_| {});
            (leaf.with(&cas.iter().rev().collect::<Vec<_>>()), pki.verifier())
        },
        alert: AlertDescription::CERTIFICATE_UNKNOWN,
        words: &["its path needs more than 6 intermediate certificates (7 were sent)"],
    },
    Fault {
        what: "an expired certificate of a CA beside a missing one",
        make: |pki, _| {
            // A cross-certificate: the intermediate's name and key, issued by another CA.
            let other = TestCa::root("the old root");
            let mut params = ca_params("the intermediate");
            params.not_after = date_time_ymd(2001, 2, 3);
            let cross = params.signed_by(pki.intermediate.issuer.key(), &other.issuer).unwrap();
            let cross = TestCa { der: cross.der().clone(), issuer: other.issuer };
            (pki.intermediate.leaf(|_| {}).with(&[&cross]), pki.verifier())
        },
        alert: AlertDescription::CERTIFICATE_EXPIRED,
        words: &[
            "certificate 2 of 2 (CN=the intermediate",
            "it expired at 2001-02-03",
            "add that CA to the RootCertStore",
        ],
    },
    Fault {
        what: "a name that is no host name below a constrained CA",
        make: |pki, _| {
            let between = pki.intermediate.sub_ca("between", |params| {
                let permitted_subtrees = vec![GeneralSubtree::DnsName("test".into())];
                params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
            });
            let leaf = between.leaf(|params| {
                params.subject_alt_names.push(rcgen::SanType::DnsName("192.0.2.1".try_into().unwrap()));
            });
            (leaf.with(&[&between, &pki.intermediate]), pki.verifier())
        },
        alert: AlertDescription::BAD_CERTIFICATE,
        words: &[
            "certificate 1 of 3 (CN=a leaf",
            "its extension subjectAltName is malformed: the DNS name \"192.0.2.1\" is not a host name",
        ],
    },
    Fault {
        what: "malformed name constraints of an intermediate",
        make: |pki, _| constrained(pki, &[GeneralSubtree::DnsName("a..test".into())], &[]),
        alert: AlertDescription::BAD_CERTIFICATE,
        words: &[
            "certificate 2 of 3 (CN=between",
            "its extension nameConstraints is malformed: the subtree of DNS names \"a..test\" is not a domain",
        ],
    },
    Fault {
        what: "malformed name constraints of a trust anchor",
        make: |_, _| {
            let root = TestCa::root_with("constrained", |params| {
                let permitted_subtrees = vec![GeneralSubtree::DnsName("*.test".into())];
                params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
            });
            (root.leaf(|_| {}).with(&[]), ChainVerifier::new(store(&[&root])))
        },
        alert: AlertDescription::UNKNOWN_CA,
        words: &[
            "trust anchor CN=constrained is unusable: its name constraints are malformed: the subtree of DNS names \
             \"*.test\" is not a domain",
        ],
    },
    Fault {
        what: "an extension that occurs twice",
        make: |pki, _| {
            changed_leaf(pki, |params| {
                let twice = || CustomExtension::from_oid_content(&[2, 5, 29, 37], vec![0x30, 0]);
                params.extended_key_usages.clear();
                params.custom_extensions = vec![twice(), twice()];
            })
        },
        alert: AlertDescription::BAD_CERTIFICATE,
        words: &["certificate 1 of 2 (CN=a leaf", "its extension 2.5.29.37 is malformed: it occurs twice"],
    },
    Fault {
        what: "X.509 version 1",
        make: |_, _| {
            (
                openssl_identity(include_str!("../../data/x509v1-leaf.pem")),
                trusting(include_str!("../../data/x509v1-ca.pem")),
            )
        },
        alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
        words: &["certificate 1 of 1 (", "X.509 version 1", "expected version 3"],
    },
    Fault {
        what: "a CA key on an unsupported curve",
        make: |_, _| {
            (
                openssl_identity(include_str!("../../data/p521-signed-leaf.pem")),
                trusting(include_str!("../../data/p521-ca.pem")),
            )
        },
        alert: AlertDescription::UNSUPPORTED_CERTIFICATE,
        words: &[
            "certificate 1 of 1 (",
            "its signature cannot be checked",
            "an EC key on P-521, which is not supported",
        ],
    },
    Fault {
        what: "no trust anchors",
        make: |pki, _| (pki.valid_chain(), ChainVerifier::new(store(&[]))),
        alert: AlertDescription::UNKNOWN_CA,
        words: &["no trust anchors are configured", "RootCertStore"],
    },
];

/// An identity made by `openssl x509`, of a form that rcgen cannot produce.
fn openssl_identity(leaf: &str) -> Identity {
    Identity::from_pem(leaf.as_bytes(), include_bytes!("../../data/openssl-leaf-key.pem")).unwrap()
}

fn trusting(ca: &str) -> ChainVerifier {
    ChainVerifier::new(strata_tls::root_store_from_pem(ca.as_bytes()).unwrap())
}

#[test]
fn each_fault_has_its_text_and_alert_and_leaks_nothing() {
    for fault in FAULTS {
        for role in ROLES {
            for version in VERSIONS {
                let what = format!("{} of a {role:?} in {version}", fault.what);
                let pki = TestPki::new();
                let (identity, verifier) = (fault.make)(&pki, role);
                let Err((refusal, alert)) = outcome(role, version, identity, verifier) else {
                    panic!("{what} is accepted")
                };
                assert_eq!(alert, fault.alert, "{what}: {refusal}");
                let text = refusal.to_string();
                assert!(!text.contains('\n'), "{what}: {text}");
                for words in fault.words {
                    assert!(text.contains(words), "{what}: no {words:?} in {text:?}");
                }
            }
        }
    }
}

/// The names of the variants in a refusal.
fn variants(refusal: &Refusal) -> Vec<String> {
    fn name(kind: &str, variant: &dyn std::fmt::Debug) -> String {
        let text = format!("{variant:?}");
        format!("{kind}::{}", text.split([' ', '(']).next().unwrap())
    }
    let mut all = vec![name("CertificateError", &refusal.why)];
    match &refusal.why {
        CertificateError::Anchor { fault, .. } => all.push(name("AnchorFault", fault)),
        CertificateError::NameConstraint(constraint) => all.push(name("ConstraintFault", &constraint.fault)),
        _ => {}
    }
    all.extend(refusal.hint().map(|hint| name("Hint", hint)));
    for anchor in &refusal.chain.as_ref().unwrap().anchors {
        all.push(name("AnchorRejection", &anchor.rejected));
    }
    all
}

#[test]
fn faults_reach_these_variants() {
    let mut reached = Vec::new();
    for fault in FAULTS {
        for role in ROLES {
            let pki = TestPki::new();
            let (identity, verifier) = (fault.make)(&pki, role);
            reached.extend(variants(&outcome(role, VERSIONS[0], identity, verifier).unwrap_err().0));
        }
    }
    reached.sort();
    reached.dedup();
    let expected = [
        "AnchorFault::NameConstraints",
        "AnchorRejection::OtherCheck",
        "AnchorRejection::OtherKey",
        "AnchorRejection::Unsupported",
        "CertificateError::Anchor",
        "CertificateError::BadSignature",
        "CertificateError::CaUsedAsEndEntity",
        "CertificateError::CriticalExtension",
        "CertificateError::EndEntityUsedAsCa",
        "CertificateError::Expired",
        "CertificateError::MalformedExtension",
        "CertificateError::NameConstraint",
        "CertificateError::NoTrustAnchors",
        "CertificateError::NotYetValid",
        "CertificateError::PathLength",
        "CertificateError::TooManyIntermediates",
        "CertificateError::UnknownIssuer",
        "CertificateError::UnsupportedSignature",
        "CertificateError::UnsupportedVersion",
        "CertificateError::WrongKeyUsage",
        "CertificateError::WrongPurpose",
        "ConstraintFault::Excluded",
        "ConstraintFault::NotPermitted",
        "ConstraintFault::UnsupportedForm",
        "Hint::CaAsEndEntity",
        "Hint::ClientAuth",
        "Hint::ExpiredCa",
        "Hint::MissingIntermediate",
        "Hint::PrivateCa",
        "Hint::SameNameOtherKey",
        "Hint::SelfSigned",
    ];
    assert_eq!(reached, expected);
}

#[test]
fn valid_chain_is_accepted_in_both_roles_and_versions() {
    for role in ROLES {
        for version in VERSIONS {
            let pki = TestPki::new();
            outcome(role, version, pki.valid_chain(), pki.verifier()).unwrap();
        }
    }
}

#[test]
fn wrong_name_is_rejected_and_common_name_is_ignored() {
    for version in VERSIONS {
        for (names, has) in [
            (vec!["a.test", "*.b.test"], "a.test, *.b.test"),
            (vec![], "it has no DNS name or IP address in subjectAltName"),
        ] {
            let pki = TestPki::new();
            let leaf = pki.intermediate.leaf(|params| {
                *params =
                    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
                params.distinguished_name.push(rcgen::DnType::CommonName, "server.test");
            });
            let identity = leaf.with(&[&pki.intermediate]);
            let (refusal, alert) = outcome(Role::Server, version, identity, pki.verifier()).unwrap_err();
            assert_eq!(alert, AlertDescription::BAD_CERTIFICATE);
            let text = refusal.to_string();
            assert!(text.contains(has) && text.contains("\"server.test\""), "{text}");
        }
    }
}

#[test]
fn wrong_name_tells_the_usual_mistakes() {
    use strata_tls::{Hint, ServerName, ServerVerifier, Stapled, UnixTime};
    let pki = TestPki::new();
    let verifier = ServerVerifier::from(pki.verifier());
    let address = |text: &str| rcgen::SanType::DnsName(text.try_into().unwrap());
    for (requested, names, hint, words) in [
        (
            "server.test",
            vec![],
            Hint::CommonName { name: "server.test".into() },
            "its common name (CN) is server.test, but common names are not used",
        ),
        ("192.0.2.1", vec![address("192.0.2.1")], Hint::AddressAsDnsName, "it has the IP address as a DNS name"),
        (
            "a.b.w.test",
            vec![address("*.w.test")],
            Hint::Wildcard { name: "*.w.test".into() },
            "the * in *.w.test stands for exactly one label",
        ),
    ] {
        let leaf = pki.intermediate.leaf(|params| {
            *params = CertificateParams::new(Vec::new()).unwrap();
            params.subject_alt_names = names;
            params.distinguished_name.push(rcgen::DnType::CommonName, "server.test");
        });
        let chain = [leaf.der, pki.intermediate.der.clone()];
        let name = ServerName::try_from(requested).unwrap();
        let refusal = verifier.verify(&chain, &name, &Stapled::default(), UnixTime::now()).unwrap_err();
        assert_eq!(refusal.hint(), Some(&hint));
        let text = refusal.to_string();
        assert!(text.contains(words) && text.contains("certificate 1 of 2 (CN=server.test"), "{text}");
    }
}

#[test]
fn server_certificate_of_client_tells_of_public_cas() {
    let pki = TestPki::new();
    let of_server = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let (identity, verifier) = changed_leaf(&pki, of_server);
    let (refusal, _) = outcome(Role::Client, VERSIONS[0], identity, verifier).unwrap_err();
    let text = refusal.to_string();
    for words in ["does not include clientAuth: it has serverAuth", "public CAs stopped issuing", "a CA of your own"] {
        assert!(text.contains(words), "{text}");
    }
    let certificate = refusal.certificate().unwrap();
    assert_eq!((certificate.at, certificate.of, certificate.serial.as_str()), (0, 2, "1267"));
}

#[test]
fn wildcard_matches_one_label_and_address_matches_exactly() {
    use strata_tls::{ServerName, ServerVerifier, Stapled, UnixTime};
    let pki = TestPki::new();
    let verifier = ServerVerifier::from(pki.verifier());
    let names = ["*.w.test", "127.0.0.1", "::1"];
    let leaf = pki.intermediate.leaf(|params| {
        *params = CertificateParams::new(names.map(str::to_owned).to_vec()).unwrap();
    });
    let chain = [leaf.der, pki.intermediate.der.clone()];
    for (name, accepted) in [
        ("a.w.test", true),
        ("A.W.TEST", true),
        ("w.test", false),
        ("a.b.w.test", false),
        ("127.0.0.1", true),
        ("127.0.0.2", false),
        ("::1", true),
        ("::2", false),
    ] {
        let requested = ServerName::try_from(name).unwrap();
        let result = verifier.verify(&chain, &requested, &Stapled::default(), UnixTime::now());
        assert_eq!(result.is_ok(), accepted, "{name}: {result:?}");
    }
}

#[test]
fn rejection_report_lists_chain_and_candidate_anchors() {
    let pki = TestPki::new();
    let twins = [TestCa::root("the root"), TestCa::root("the root"), TestCa::root("a third")];
    let verifier = ChainVerifier::new(store(&[&twins[0], &twins[1], &twins[2]]));
    let (refusal, _) = outcome(Role::Server, VERSIONS[0], pki.valid_chain(), verifier).unwrap_err();
    let report = refusal.chain.as_ref().unwrap();
    assert_eq!(report.certificates.len(), 2);
    assert_eq!(report.certificates[0].names.entries(), ["server.test"]);
    assert!(report.certificates[1].is_ca && !report.certificates[0].is_ca);
    assert_eq!((report.anchors.len(), report.anchors_configured), (2, 3));
    let text = format!("{refusal:#}");
    for words in [
        "1: CN=a leaf, issued by CN=the intermediate, serial number 1267, valid from 1975-01-01 00:00:00 UTC to 4096-01-01 00:00:00 UTC, for server.test",
        "2: CN=the intermediate, issued by CN=the root",
        ", a CA",
        "of 3 configured",
        "CN=the root: its key did not sign certificate 2",
        "the local clock says 20",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2001, 2, 3);
    let (identity, verifier) = changed_leaf(&pki, expired);
    let (refusal, _) = outcome(Role::Client, VERSIONS[1], identity, verifier).unwrap_err();
    assert!(
        format!("{refusal:#}").contains("CN=the root: it signed certificate 2; another check failed"),
        "{refusal:#}"
    );
}

#[test]
fn error_text_escapes_control_characters_of_peer_names() {
    let pki = TestPki::new();
    let leaf = TestCa::root("a\n\u{1b}[2Jroot").leaf(|_| {});
    let (refusal, _) = outcome(Role::Server, VERSIONS[0], leaf.with(&[]), pki.verifier()).unwrap_err();
    let text = format!("{refusal:#}");
    assert!(!text.contains('\u{1b}') && text.contains("a\\n\\u{1b}[2Jroot"), "{text}");
}

#[test]
fn unreadable_dates_are_not_reported_as_1970() {
    use strata_tls::{ServerName, ServerVerifier, Stapled, UnixTime};
    let pki = TestPki::new();
    let verifier = ServerVerifier::from(pki.verifier());
    let valid = pki.intermediate.leaf(|_| {}).der;
    let report = |date: &[u8; 13]| {
        let mut leaf = valid.to_vec();
        let at = leaf.windows(13).position(|bytes| bytes == b"750101000000Z").unwrap();
        leaf[at..at + 13].copy_from_slice(date);
        let chain = [leaf.into(), pki.intermediate.der.clone()];
        let name = ServerName::try_from("server.test").unwrap();
        let refusal = verifier.verify(&chain, &name, &Stapled::default(), UnixTime::now()).unwrap_err();
        assert_eq!(refusal.chain.as_ref().unwrap().certificates[0].not_before, None);
        format!("{refusal:#}")
    };
    for date in [b"751301000000Z", b"690101000000Z"] {
        let text = report(date);
        let shown = "serial number 1267, valid from (before 1970 or not a date) to 4096-01-01";
        assert!(text.contains(shown) && !text.contains("1970-01-01"), "{text}");
    }
}
