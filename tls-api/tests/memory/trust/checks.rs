//! The checks of a verifier: key pins, custom checks, replaced checks, the signature cache, and
//! their part in the resumption scope.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use strata_tls::{
    AlertDescription, CertificateError, ChainVerifier, CheckPath, ClientConfig, Crls, CtLog, CtPolicy, HandshakeKind,
    OcspPolicy, Pin, Pins, ProvenPath, Purpose, ServerVerifier, Session, UnixTime,
};

use super::test_pki::{ROLES, Role, TestCa, TestPki, configs, outcome, store};
use crate::pair::Pair;
use crate::pki::VERSIONS;

#[test]
fn one_pinned_key_in_the_chain_is_required() {
    for role in ROLES {
        for version in VERSIONS {
            let (pki, backup) = (TestPki::new(), Pin([7; 32]));
            for (pinned, accepted) in [
                (vec![pki.root.pin()], true),
                (vec![backup, pki.intermediate.pin()], true),
                (vec![backup], false),
                (vec![], false),
            ] {
                let mut verifier = pki.verifier();
                verifier.set_pins(Some(Pins::new(pinned.clone())));
                match outcome(role, version, pki.valid_chain(), verifier) {
                    Ok(()) => assert!(accepted),
                    Err((refusal, alert)) => {
                        assert!(!accepted, "{refusal}");
                        assert_eq!(alert, AlertDescription::CERTIFICATE_UNKNOWN);
                        // The error lists the pins of the chain, so that the operator can copy
                        // them.
                        let text = refusal.to_string();
                        assert!(text.contains(&pki.root.pin().to_string()), "{text}");
                        assert!(text.contains(&pki.intermediate.pin().to_string()), "{text}");
                    }
                }
            }
        }
    }
}

#[test]
fn pinned_key_on_another_path_is_found() {
    // Two roots certify the CA. Each of them is pinned in turn.
    let (one, two) = (TestCa::root("one"), TestCa::root("two"));
    let by_one = one.sub_ca("certified twice", |_| {});
    let cross = super::test_pki::ca_params("certified twice").signed_by(by_one.issuer.key(), &two.issuer).unwrap();
    let leaf = by_one.leaf(|_| {});
    let chain = vec![leaf.der.clone(), by_one.der.clone(), cross.der().clone()];
    for pinned in [&one, &two] {
        let mut verifier = ChainVerifier::new(store(&[&one, &two]));
        verifier.set_pins(Some(Pins::new([pinned.pin()])));
        verifier.verify_client(&chain, UnixTime::now()).unwrap();
    }
}

#[test]
fn report_only_pins_reject_nothing() {
    for role in ROLES {
        let pki = TestPki::new();
        let received = Arc::new(Mutex::new(Vec::new()));
        for (pinned, reports) in [(Pin([7; 32]), 1), (pki.root.pin(), 0)] {
            let (mut verifier, to) = (pki.verifier(), received.clone());
            verifier.set_pins_report_only(Pins::new([pinned]), move |keys| to.lock().unwrap().push(keys.to_vec()));
            outcome(role, VERSIONS[0], pki.valid_chain(), verifier).unwrap();
            let received = std::mem::take(&mut *received.lock().unwrap());
            assert_eq!(received.len(), reports);
            assert!(received.iter().all(|keys| keys.len() == 3 && keys[2] == pki.root.pin()));
        }
    }
}

#[test]
fn report_only_pins_search_every_path_beside_enforced_pins() {
    let (one, two) = (TestCa::root("one"), TestCa::root("two"));
    let by_one = one.sub_ca("certified twice", |_| {});
    let cross = super::test_pki::ca_params("certified twice").signed_by(by_one.issuer.key(), &two.issuer).unwrap();
    let leaf = by_one.leaf(|_| {});
    let chain = vec![leaf.der.clone(), by_one.der.clone(), cross.der().clone()];
    let none = Pin([7; 32]);
    for (enforced, reported, accepted, reports) in [
        (None, one.pin(), true, 0),
        (None, two.pin(), true, 0),
        (None, none, true, 1),
        (Some(one.pin()), none, true, 1),
        (Some(two.pin()), one.pin(), true, 1),
        (Some(two.pin()), two.pin(), true, 0),
        (Some(none), two.pin(), false, 0),
    ] {
        let received = Arc::new(AtomicUsize::new(0));
        let mut verifier = ChainVerifier::new(store(&[&one, &two]));
        verifier.set_pins(enforced.map(|pin| Pins::new([pin])));
        let to = received.clone();
        verifier.set_pins_report_only(Pins::new([reported]), move |_| {
            to.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(verifier.verify_client(&chain, UnixTime::now()).is_ok(), accepted);
        assert_eq!(received.load(Ordering::Relaxed), reports);
    }
}

/// A check that counts its calls and returns a fixed result.
#[derive(Debug)]
struct RecordingCheck(AtomicUsize, Purpose, Result<(), CertificateError>);

impl CheckPath for RecordingCheck {
    fn check(&self, path: &ProvenPath<'_>, purpose: Purpose, _: UnixTime) -> Result<(), CertificateError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(purpose, self.1);
        assert_eq!((path.certificates().len(), path.pins().len()), (2, 3));
        assert!(path.anchor().is_some() && path.leaf() == path.certificates()[0]);
        self.2.clone()
    }
}

#[test]
fn custom_check_can_reject_but_not_accept() {
    for (role, purpose) in [(Role::Server, Purpose::Server), (Role::Client, Purpose::Client)] {
        let pki = TestPki::new();
        let rejection = CertificateError::Application("not allowed".into());
        for result in [Ok(()), Err(rejection.clone())] {
            let check = Arc::new(RecordingCheck(AtomicUsize::new(0), purpose, result.clone()));
            let mut verifier = pki.verifier();
            verifier.add_check(check.clone());
            let outcome = outcome(role, VERSIONS[0], pki.valid_chain(), verifier);
            assert_eq!(outcome.map_err(|(refusal, _)| refusal.why), result);
            assert_eq!(check.0.load(Ordering::Relaxed), 1);
        }
        // The check is not called for a chain that another check rejects.
        let check = Arc::new(RecordingCheck(AtomicUsize::new(0), purpose, Ok(())));
        let mut verifier = ChainVerifier::new(store(&[&TestCa::root("another")]));
        verifier.add_check(check.clone());
        outcome(role, VERSIONS[0], pki.valid_chain(), verifier).unwrap_err();
        assert_eq!(check.0.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn warm_signature_cache_changes_no_result() {
    for role in ROLES {
        let pki = TestPki::new();
        for size in [0, 1, 1024] {
            let mut verifier = pki.verifier();
            verifier.set_memo_size(size);
            for _ in 0..3 {
                outcome(role, VERSIONS[0], pki.valid_chain(), verifier.clone()).unwrap();
                let mut leaf = pki.intermediate.leaf(|_| {});
                let mut der = leaf.der.to_vec();
                *der.last_mut().unwrap() ^= 1;
                leaf.der = der.into();
                let identity = leaf.with(&[&pki.intermediate]);
                let (refusal, _) = outcome(role, VERSIONS[0], identity, verifier.clone()).unwrap_err();
                assert_eq!(refusal.why, CertificateError::BadSignature);
                let old = pki.intermediate.leaf(|params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
                let identity = old.with(&[&pki.intermediate]);
                let (refusal, _) = outcome(role, VERSIONS[0], identity, verifier.clone()).unwrap_err();
                assert!(matches!(refusal.why, CertificateError::Expired { .. }));
            }
        }
    }
}

/// A verifier with a CT policy without logs.
fn with_ct(pki: &TestPki, minimum: usize, expiry: Option<std::time::Duration>) -> ServerVerifier {
    let mut policy = strata_tls::CtPolicy::new([]);
    policy.set_minimum_operators(minimum);
    policy.set_expiry(expiry);
    let mut verifier = ServerVerifier::from(pki.verifier());
    verifier.set_ct_policy(Some(policy));
    verifier
}

#[test]
fn different_checks_prevent_resumption() {
    let pki = TestPki::new();
    let variants: [fn(&TestPki) -> ServerVerifier; 9] = [
        |pki| with_ct(pki, 0, None),
        |pki| with_ct(pki, 0, Some(std::time::Duration::from_secs(1 << 40))),
        |pki| pki.verifier().into(),
        |pki| {
            let mut verifier = ServerVerifier::from(pki.verifier());
            verifier.set_ocsp_policy(OcspPolicy::Ignore);
            verifier
        },
        |pki| pki.with_crls(&[pki.intermediate.crl(&[], |_| {}), pki.root.crl(&[], |_| {})]).into(),
        |pki| pki.with_crls(&[pki.intermediate.crl(&[1], |_| {}), pki.root.crl(&[], |_| {})]).into(),
        |pki| {
            let mut crls = Crls::from_der([pki.intermediate.crl(&[], |_| {}), pki.root.crl(&[], |_| {})]).unwrap();
            crls.set_accept_expired(true);
            let mut verifier = pki.verifier();
            verifier.set_crls(Some(crls));
            verifier.into()
        },
        |pki| {
            let mut verifier = pki.verifier();
            verifier.set_pins(Some(Pins::new([pki.root.pin()])));
            verifier.into()
        },
        |pki| {
            let mut verifier = pki.verifier();
            verifier.add_check(Arc::new(RecordingCheck(AtomicUsize::new(0), Purpose::Server, Ok(()))));
            verifier.into()
        },
    ];
    let (_, server) = configs(Role::Server, VERSIONS[0], pki.valid_chain(), pki.verifier());
    let server = Arc::new(server);
    let kind = |client: &Arc<ClientConfig>| Pair::connected(client, &server).client.handshake_kind();
    for first in 0..variants.len() {
        let sessions = Arc::new(strata_tls::ClientSessionMemoryCache::new(100));
        let client = |at: usize| {
            let mut client = ClientConfig::with_server_verifier(variants[at](&pki));
            client.set_session_storage(sessions.clone());
            Arc::new(client)
        };
        let begins = client(first);
        assert_eq!(kind(&begins), Some(HandshakeKind::Full), "{first}");
        assert_eq!(kind(&Arc::new((*begins).clone())), Some(HandshakeKind::Resumed), "a clone of {first}");
        for second in (0..variants.len()).filter(|second| *second > first) {
            assert_eq!(kind(&client(second)), Some(HandshakeKind::Full), "{first} and {second}");
        }
    }
}

/// A check with a session scope.
#[derive(Debug)]
struct ScopedCheck(u8);

impl CheckPath for ScopedCheck {
    fn check(&self, _: &ProvenPath<'_>, _: Purpose, _: UnixTime) -> Result<(), CertificateError> {
        Ok(())
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some([self.0; 32])
    }
}

/// Compares scopes instead of connecting, because handshakes cannot succeed with all of these
/// settings.
#[test]
fn session_scope_covers_every_setting_of_the_checks() {
    let pki = TestPki::new();
    let leaf = pki.intermediate.leaf(|_| {});
    let lists = [pki.intermediate.crl(&[], |_| {}), pki.root.crl(&[], |_| {})];
    let crls = |change: &dyn Fn(&mut Crls)| {
        let mut crls = Crls::from_der(lists.clone()).unwrap();
        change(&mut crls);
        let mut verifier = pki.verifier();
        verifier.set_crls(Some(crls));
        ServerVerifier::from(verifier)
    };
    let ocsp = |policy| {
        let mut verifier = ServerVerifier::from(pki.verifier());
        verifier.set_ocsp_policy(policy);
        verifier
    };
    let log = |operator: &str, key: &TestCa, change: &dyn Fn(&mut CtLog)| {
        let key = rcgen::PublicKeyData::subject_public_key_info(key.issuer.key());
        let mut log = CtLog::new("a log", operator, key).unwrap();
        change(&mut log);
        let mut verifier = ServerVerifier::from(pki.verifier());
        verifier.set_ct_policy(Some(CtPolicy::new([log])));
        verifier
    };
    let pinned = |pins: &[Pin]| {
        let mut verifier = pki.verifier();
        verifier.set_pins(Some(Pins::new(pins.to_vec())));
        ServerVerifier::from(verifier)
    };
    let checked = |scope| {
        let mut verifier = pki.verifier();
        verifier.add_check(Arc::new(ScopedCheck(scope)));
        ServerVerifier::from(verifier)
    };
    let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let mut exact = pki.verifier();
    exact.trust_exact_certificate(leaf.der.clone()).unwrap();
    let mut exact_other = pki.verifier();
    exact_other.trust_exact_certificate(pki.intermediate.leaf(|_| {}).der.clone()).unwrap();
    let mut exact_too = exact.clone();
    exact_too.trust_exact_certificate(pki.intermediate.leaf(|_| {}).der.clone()).unwrap();
    let all = [
        pki.verifier().into(),
        exact.into(),
        exact_other.into(),
        exact_too.into(),
        ocsp(OcspPolicy::Require),
        ocsp(OcspPolicy::Ignore),
        crls(&|_| {}),
        crls(&|crls| crls.set_accept_unknown_status(true)),
        crls(&|crls| crls.set_accept_expired(true)),
        crls(&|crls| crls.set_end_entity_only(true)),
        log("A", &pki.root, &|_| {}),
        log("B", &pki.root, &|_| {}),
        log("A", &pki.intermediate, &|_| {}),
        log("A", &pki.root, &|log| log.set_retired(Some(at(1)))),
        log("A", &pki.root, &|log| log.set_period(Some((at(1), at(2))))),
        log("A", &pki.root, &|log| log.set_period(Some((at(1), at(3))))),
        log("A", &pki.root, &|log| log.set_period(Some((at(0), at(2))))),
        log("A", &pki.root, &|log| log.set_retired(Some(at(2)))),
        with_ct(&pki, 0, None),
        with_ct(&pki, 1, None),
        with_ct(&pki, 0, Some(std::time::Duration::from_secs(1))),
        with_ct(&pki, 0, Some(std::time::Duration::from_secs(2))),
        pinned(&[Pin([1; 32])]),
        pinned(&[Pin([2; 32])]),
        pinned(&[Pin([1; 32]), Pin([2; 32])]),
        pinned(&[]),
        checked(1),
        checked(2),
        ChainVerifier::new(store(&[&pki.intermediate])).into(),
        ChainVerifier::new(store(&[&pki.root, &pki.intermediate])).into(),
        pki.with_crls(&lists[..1]).into(),
        pki.with_crls(&[pki.intermediate.crl(&[1], |_| {}), lists[1].clone()]).into(),
    ];
    let digests: std::collections::BTreeSet<_> = all.iter().map(|one| one.session_scope().unwrap()).collect();
    assert_eq!(digests.len(), all.len());
}

/// All checks must accept, in any order.
#[test]
fn each_custom_check_can_reject() {
    #[derive(Debug)]
    struct FixedCheck(bool);

    impl CheckPath for FixedCheck {
        fn check(&self, _: &ProvenPath<'_>, _: Purpose, _: UnixTime) -> Result<(), CertificateError> {
            if self.0 { Ok(()) } else { Err(CertificateError::Application("no".into())) }
        }
    }

    let pki = TestPki::new();
    let chain = [pki.intermediate.leaf(|_| {}).der, pki.intermediate.der.clone()];
    for (first, second) in [(true, true), (true, false), (false, true)] {
        let mut verifier = pki.verifier();
        verifier.add_check(Arc::new(FixedCheck(first)));
        verifier.add_check(Arc::new(FixedCheck(second)));
        assert_eq!(verifier.verify_client(&chain, UnixTime::now()).is_ok(), first && second);
    }
}

/// One path lacks only a pin, the other is revoked: the missing pin is the error.
#[test]
fn missing_pin_is_reported_before_a_revoked_path() {
    let (one, two) = (TestCa::root("one"), TestCa::root("two"));
    let by_one = one.sub_ca("certified twice", |_| {});
    let mut params = super::test_pki::ca_params("certified twice");
    params.serial_number = Some(rcgen::SerialNumber::from(77));
    let cross = params.signed_by(by_one.issuer.key(), &two.issuer).unwrap();
    let leaf = by_one.leaf(|_| {}).der;
    let mut crls = Crls::from_der([two.crl(&[77], |_| {})]).unwrap();
    crls.set_accept_unknown_status(true);
    let mut verifier = ChainVerifier::new(store(&[&one, &two]));
    verifier.set_crls(Some(crls));
    for above in [[by_one.der.clone(), cross.der().clone()], [cross.der().clone(), by_one.der.clone()]] {
        let chain = [vec![leaf.clone()], above.to_vec()].concat();
        verifier.set_pins(None);
        verifier.verify_client(&chain, UnixTime::now()).unwrap();
        verifier.set_pins(Some(Pins::new([Pin([7; 32])])));
        let refusal = verifier.verify_client(&chain, UnixTime::now()).unwrap_err();
        assert!(matches!(refusal.why, CertificateError::NotPinned { .. }), "{refusal}");
    }
}

/// The order of pins and duplicates do not matter.
#[test]
fn same_pins_have_the_same_session_scope() {
    let pki = TestPki::new();
    let scope = |pins: &[Pin]| {
        let mut verifier = pki.verifier();
        verifier.set_pins(Some(Pins::new(pins.to_vec())));
        verifier.session_scope().unwrap()
    };
    let (one, two) = (Pin([1; 32]), Pin([2; 32]));
    assert_eq!(scope(&[one, two]), scope(&[two, one]));
    assert_eq!(scope(&[one, two]), scope(&[one, two, one]));
}

/// A stored chain is accepted only for the name that it was verified for.
#[test]
fn reverify_checks_the_name() {
    let pki = TestPki::new();
    let chain = [pki.intermediate.leaf(|_| {}).der, pki.intermediate.der.clone()];
    let verifier = ServerVerifier::from(pki.verifier());
    for (name, accepted) in [("server.test", true), ("another.test", false)] {
        let result = verifier.reverify(&chain, &name.try_into().unwrap(), UnixTime::now());
        assert_eq!(result.is_ok(), accepted, "{name}");
    }
}

/// Checks whose result cannot change for a chain need no reverification. Each of the others needs
/// it.
#[test]
fn changeable_checks_need_reverification() {
    let pki = TestPki::new();
    let (mut pinned, mut checked) = (pki.verifier(), pki.verifier());
    pinned.set_pins(Some(Pins::new([pki.root.pin()])));
    checked.add_check(Arc::new(ScopedCheck(1)));
    let with_crls = pki.with_crls(&[pki.root.crl(&[], |_| {})]);
    for (verifier, needed) in [(pki.verifier(), false), (pinned, true), (checked, true), (with_crls, true)] {
        assert_eq!(verifier.needs_reverification(), needed, "{verifier:?}");
        assert_eq!(ServerVerifier::from(verifier).needs_reverification(), needed);
    }
}

#[test]
fn requested_extensions_are_in_the_resumption_scope() {
    let pki = TestPki::new();
    let (_, server) = configs(Role::Server, VERSIONS[0], pki.valid_chain(), pki.verifier());
    let server = Arc::new(server);
    let sessions = Arc::new(strata_tls::ClientSessionMemoryCache::new(100));
    let kind = |change: &dyn Fn(&mut ClientConfig)| {
        let mut client = ClientConfig::with_server_verifier(pki.verifier());
        client.set_session_storage(sessions.clone());
        change(&mut client);
        Pair::connected(&Arc::new(client), &server).client.handshake_kind()
    };
    assert_eq!(kind(&|_| {}), Some(HandshakeKind::Full));
    assert_eq!(kind(&|_| {}), Some(HandshakeKind::Resumed));
    assert_eq!(kind(&|client| client.set_ocsp_request(false)), Some(HandshakeKind::Full));
    assert_eq!(kind(&|client| client.set_sct_request(true)), Some(HandshakeKind::Full));
}

/// Replaced path and name checks with fixed results.
#[cfg(feature = "dangerous_configuration")]
mod replaced {
    use super::*;
    use strata_tls::{CertificateDer, ServerName, Stapled, VerifyName, VerifyPath};

    #[derive(Debug)]
    struct FixedChecks(bool);

    impl VerifyPath for FixedChecks {
        fn verify_path(&self, _: &[CertificateDer<'_>], _: Purpose, _: UnixTime) -> Result<(), CertificateError> {
            if self.0 { Ok(()) } else { Err(CertificateError::BadSignature) }
        }
    }

    impl VerifyName for FixedChecks {
        fn verify_name(&self, path: &ProvenPath<'_>, _: &ServerName<'_>) -> Result<(), CertificateError> {
            assert!(!path.certificates().is_empty());
            if self.0 { Ok(()) } else { Err(CertificateError::Application("not this one".into())) }
        }
    }

    #[test]
    fn pins_ignore_keys_outside_the_path() {
        let (pki, unrelated) = (TestPki::new(), TestCa::root("an unrelated CA"));
        let leaf = pki.intermediate.leaf(|_| {});
        // The issuer's name with another key.
        let same_name = unrelated.sub_ca("the intermediate", |_| {});
        // The issuer's key with another name.
        let alias_params = super::super::test_pki::ca_params("an alias");
        let alias = alias_params.signed_by(pki.intermediate.issuer.key(), &unrelated.issuer).unwrap();
        let accepts = |chain: &[&CertificateDer<'static>], pinned: Pin| {
            let mut verifier = ChainVerifier::new(strata_tls::RootCertStore::new());
            verifier.dangerous_set_path(Arc::new(FixedChecks(true)));
            verifier.set_pins(Some(Pins::new([pinned])));
            let chain: Vec<_> = chain.iter().map(|one| (*one).clone()).collect();
            verifier.verify_client(&chain, UnixTime::now()).is_ok()
        };
        let (middle, root) = (&pki.intermediate, &pki.root);
        assert!(accepts(&[&leaf.der, &middle.der], middle.pin()));
        assert!(accepts(&[&leaf.der, &middle.der, &root.der], root.pin()));
        assert!(!accepts(&[&leaf.der, &unrelated.der], unrelated.pin()));
        assert!(!accepts(&[&leaf.der, &same_name.der], same_name.pin()));
        assert!(!accepts(&[&leaf.der, alias.der()], pki.intermediate.pin()));
        assert!(!accepts(&[&leaf.der, &middle.der, &unrelated.der], unrelated.pin()));
        assert!(
            !accepts(&[&leaf.der, &unrelated.der, &middle.der], middle.pin()),
            "after a certificate outside the path"
        );
    }

    /// A custom check receives each linked certificate once.
    #[test]
    fn custom_path_contains_the_sent_certificates() {
        #[derive(Debug)]
        struct ExpectingCheck(Vec<CertificateDer<'static>>);

        impl CheckPath for ExpectingCheck {
            fn check(&self, path: &ProvenPath<'_>, _: Purpose, _: UnixTime) -> Result<(), CertificateError> {
                assert_eq!(path.certificates(), self.0);
                Ok(())
            }
        }

        let pki = TestPki::new();
        let chain = vec![pki.intermediate.leaf(|_| {}).der, pki.intermediate.der.clone(), pki.root.der.clone()];
        let mut verifier = pki.verifier();
        verifier.dangerous_set_path(Arc::new(FixedChecks(true)));
        verifier.add_check(Arc::new(ExpectingCheck(chain.clone())));
        verifier.verify_client(&chain, UnixTime::now()).unwrap();
    }

    /// The result holds until the first of the linked certificates expires.
    #[test]
    fn custom_path_holds_until_its_first_certificate_expires() {
        let (pki, end) = (TestPki::new(), |year| rcgen::date_time_ymd(year, 1, 1));
        let middle = pki.root.sub_ca("ends first", |params| params.not_after = end(2100));
        let leaf = middle.leaf(|params| params.not_after = end(2200));
        let unrelated = TestCa::root_with("an unrelated CA", |params| params.not_after = end(2050));
        let mut verifier = pki.verifier();
        verifier.dangerous_set_path(Arc::new(FixedChecks(true)));
        let until = |chain: &[&CertificateDer<'static>]| {
            let chain: Vec<_> = chain.iter().map(|one| (*one).clone()).collect();
            verifier.verify_client_until(&chain, UnixTime::now()).unwrap().as_secs()
        };
        let seconds = |year| u64::try_from(end(year).unix_timestamp()).unwrap();
        assert_eq!(until(&[&leaf.der]), seconds(2200));
        assert_eq!(until(&[&leaf.der, &middle.der, &unrelated.der]), seconds(2100));
    }

    #[test]
    fn replaced_checks_need_reverification() {
        let pki = TestPki::new();
        let (mut chain, mut verifier) = (pki.verifier(), ServerVerifier::from(pki.verifier()));
        chain.dangerous_set_path(Arc::new(FixedChecks(true)));
        assert!(chain.needs_reverification());
        verifier.dangerous_set_name(Arc::new(FixedChecks(true)));
        assert!(verifier.needs_reverification());
        assert_eq!(verifier.session_scope(), None);
    }

    #[test]
    fn replaced_check_decides_only_its_own_part() {
        let (pki, leaf) = (TestPki::new(), TestPki::new().intermediate.leaf(|_| {}));
        let name = ServerName::try_from("another.test").unwrap();
        for (path, named) in [(true, true), (true, false), (false, true)] {
            let mut chain = pki.verifier();
            chain.dangerous_set_path(Arc::new(FixedChecks(path)));
            let mut verifier = ServerVerifier::from(chain);
            assert_eq!(verifier.session_scope(), None);
            verifier.dangerous_set_name(Arc::new(FixedChecks(named)));
            let chain = [leaf.der.clone()];
            let result = |verifier: &ServerVerifier| {
                verifier
                    .verify(&chain, &name, &Stapled::new(None, strata_tls::codec::List::empty()), UnixTime::now())
                    .is_ok()
            };
            assert_eq!(result(&verifier), path && named);
            verifier.set_ocsp_policy(OcspPolicy::Require);
            assert!(!result(&verifier), "the other checks remain");
        }
    }
}
