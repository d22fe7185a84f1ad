//! Pinned end-entity certificates (`trust_exact_certificate`), which are accepted regardless of
//! their issuer.

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use strata_tls::{AlertDescription, CertificateDer, CertificateError, ChainVerifier, Identity, Pins, RootCertStore};

use super::test_pki::{Leaf, ROLES, Role, TestPki, leaf_params, outcome, pin};
use crate::pki::VERSIONS;

fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> Leaf {
    let key = KeyPair::generate().unwrap();
    let mut params = leaf_params();
    change(&mut params);
    Leaf { der: params.self_signed(&key).unwrap().der().clone(), key: key.serialize_der() }
}

fn trusting(certificate: &CertificateDer<'static>) -> ChainVerifier {
    let mut verifier = ChainVerifier::new(RootCertStore::new());
    verifier.trust_exact_certificate(certificate.clone()).unwrap();
    verifier
}

#[test]
fn pinned_certificate_is_accepted_and_no_other() {
    for role in ROLES {
        for version in VERSIONS {
            let leaf = self_signed(|_| {});
            outcome(role, version, leaf.with(&[]), trusting(&leaf.der)).unwrap();
            // Another certificate with the same content is rejected.
            let (refusal, alert) =
                outcome(role, version, self_signed(|_| {}).with(&[]), trusting(&leaf.der)).unwrap_err();
            assert_eq!(alert, AlertDescription::UNKNOWN_CA, "{refusal}");
            // A certificate that it signed is rejected: it is not a CA.
            let key =
                KeyPair::from_pkcs8_der_and_sign_algo(&leaf.key.as_slice().into(), &rcgen::PKCS_ECDSA_P256_SHA256)
                    .unwrap();
            let issuer = rcgen::Issuer::new(leaf_params(), key);
            let other_key = KeyPair::generate().unwrap();
            let issued = leaf_params().signed_by(&other_key, &issuer).unwrap();
            let chain = vec![issued.der().clone(), leaf.der.clone()];
            let identity = Identity::from_der(chain, &other_key.serialize_der()).unwrap();
            outcome(role, version, identity, trusting(&leaf.der)).unwrap_err();
        }
    }
}

#[test]
fn pinned_certificate_without_its_key_is_rejected() {
    use strata_tls::handshake::NeedSignature;
    // A peer without the private key cannot sign. The signature is verified even though the
    // certificate is pinned.
    let leaf = self_signed(|_| {});
    let thief =
        Identity::with_remote_key(vec![leaf.der.clone()], vec![strata_tls::SignatureScheme::ECDSA_SECP256R1_SHA256])
            .unwrap();
    let (client, server) = super::test_pki::configs(Role::Server, VERSIONS[0], thief, trusting(&leaf.der));
    let mut pair = crate::pair::Pair::new(&std::sync::Arc::new(client), &std::sync::Arc::new(server));
    crate::pair::carry(&mut pair.client, &mut pair.server).unwrap();
    let request: NeedSignature = strata_tls::Session::take_signature_request(&mut pair.server).unwrap();
    let own =
        tls_crypto::PrivateKey::from_der(&KeyPair::generate().unwrap().serialize_der().as_slice().try_into().unwrap());
    let signature = own
        .unwrap()
        .sign(tls_crypto::Backend::ring(), tls_crypto::SignatureAlgorithm::EcdsaP256Sha256, request.message())
        .unwrap();
    strata_tls::Session::answer_signature(&mut pair.server, request.answer(signature)).unwrap();
    assert_eq!(pair.settle(), Err(strata_tls::Error::BadSignature));
}

#[test]
fn pinned_certificate_must_be_within_its_validity() {
    for role in ROLES {
        let old = self_signed(|params| params.not_after = date_time_ymd(2001, 2, 3));
        let (refusal, alert) = outcome(role, VERSIONS[0], old.with(&[]), trusting(&old.der)).unwrap_err();
        assert!(
            refusal.to_string().contains("2001-02-03") && alert == AlertDescription::CERTIFICATE_EXPIRED,
            "{refusal}"
        );
        let coming = self_signed(|params| params.not_before = date_time_ymd(2998, 2, 3));
        let (refusal, _) = outcome(role, VERSIONS[0], coming.with(&[]), trusting(&coming.der)).unwrap_err();
        assert!(matches!(refusal.why, CertificateError::NotYetValid { .. }), "{refusal}");
    }
}

/// RFC 5280 §4.1.2.5: the validity period includes both dates.
#[test]
fn both_ends_of_the_validity_are_included() {
    let (begin, end) = (date_time_ymd(2030, 1, 1), date_time_ymd(2031, 1, 1));
    let leaf = self_signed(|params| (params.not_before, params.not_after) = (begin, end));
    let (begin, end) = (begin.unix_timestamp(), end.unix_timestamp());
    let at = |date: i64, seconds: i64| {
        let seconds = u64::try_from(date + seconds).unwrap();
        strata_tls::UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
    };
    let until = |now| trusting(&leaf.der).verify_client_until(std::slice::from_ref(&leaf.der), now).ok();
    for (now, valid) in [(at(begin, -1), false), (at(begin, 0), true), (at(end, 0), true), (at(end, 1), false)] {
        assert_eq!(until(now), valid.then_some(at(end, 0)));
    }
}

#[test]
fn pinned_certificate_with_names_must_match_the_name() {
    let elsewhere = self_signed(|params| *params = CertificateParams::new(vec!["elsewhere.test".to_owned()]).unwrap());
    let (refusal, _) = outcome(Role::Server, VERSIONS[0], elsewhere.with(&[]), trusting(&elsewhere.der)).unwrap_err();
    assert!(refusal.to_string().contains("elsewhere.test"), "{refusal}");
    let nameless = self_signed(|params| *params = CertificateParams::new(Vec::new()).unwrap());
    outcome(Role::Server, VERSIONS[0], nameless.with(&[]), trusting(&nameless.der)).unwrap();
    // A certificate that has only names of another type does not match a DNS name.
    let post = rcgen::SanType::Rfc822Name("post@server.test".try_into().unwrap());
    let other_kind = self_signed(|params| params.subject_alt_names = vec![post]);
    let (refusal, _) = outcome(Role::Server, VERSIONS[0], other_kind.with(&[]), trusting(&other_kind.der)).unwrap_err();
    assert!(matches!(refusal.why, CertificateError::NotValidForName { .. }), "{refusal}");
    let self_signed_ca = self_signed(|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    outcome(Role::Server, VERSIONS[0], self_signed_ca.with(&[]), trusting(&self_signed_ca.der)).unwrap();
}

#[test]
fn pinned_certificate_must_allow_the_purpose() {
    use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    for (role, right, wrong) in [(Role::Server, ServerAuth, ClientAuth), (Role::Client, ClientAuth, ServerAuth)] {
        for (purposes, accepted) in [(vec![right.clone()], true), (vec![], true), (vec![wrong], false)] {
            let leaf = self_signed(|params| params.extended_key_usages = purposes);
            match outcome(role, VERSIONS[0], leaf.with(&[]), trusting(&leaf.der)) {
                Ok(()) => assert!(accepted),
                Err((refusal, _)) => {
                    assert!(!accepted && matches!(refusal.why, CertificateError::WrongPurpose { .. }), "{refusal}");
                }
            }
        }
    }
}

#[test]
fn pinned_certificate_skips_crl_ocsp_and_ct_checks() {
    let (pki, leaf) = (TestPki::new(), self_signed(|_| {}));
    let mut chain = pki.with_crls(&[pki.root.crl(&[], |_| {})]);
    chain.trust_exact_certificate(leaf.der.clone()).unwrap();
    let mut strict = strata_tls::ServerVerifier::from(chain.clone());
    strict.set_ocsp_policy(strata_tls::OcspPolicy::Require);
    strict.set_ct_policy(Some(strata_tls::CtPolicy::new([])));
    outcome(Role::Server, VERSIONS[0], leaf.with(&[]), strict.clone()).unwrap();
    outcome(Role::Server, VERSIONS[0], pki.valid_chain(), strict).unwrap_err();
    outcome(Role::Client, VERSIONS[0], leaf.with(&[]), chain.clone()).unwrap();
    outcome(Role::Client, VERSIONS[0], pki.valid_chain(), chain).unwrap_err();
}

#[test]
fn ca_list_contains_the_issuer_of_a_pinned_certificate() {
    use strata_tls::ClientCertVerifier;
    let (pki, leaf) = (TestPki::new(), self_signed(|_| {}));
    let mut chain = pki.verifier();
    let roots = strata_tls::AllowAnyAuthenticatedClient::new(chain.clone()).root_hint_subjects();
    chain.trust_exact_certificate(leaf.der.clone()).unwrap();
    let hints = strata_tls::AllowAnyAuthenticatedClient::new(chain).root_hint_subjects();
    assert!(hints.len() == roots.len() + 1 && hints.starts_with(&roots));
    let name = hints.last().unwrap();
    assert!(name.first() == Some(&0x30) && leaf.der.windows(name.len()).any(|part| part == name));
}

#[test]
fn pinned_certificate_is_checked_against_key_pins() {
    for role in ROLES {
        let (pki, leaf) = (TestPki::new(), self_signed(|_| {}));
        let mut verifier = pki.verifier();
        verifier.trust_exact_certificate(leaf.der.clone()).unwrap();
        outcome(role, VERSIONS[0], leaf.with(&[]), verifier.clone()).unwrap();
        outcome(role, VERSIONS[0], pki.valid_chain(), verifier.clone()).unwrap();
        verifier.set_pins(Some(Pins::new([pki.root.pin()])));
        let (refusal, _) = outcome(role, VERSIONS[0], leaf.with(&[]), verifier.clone()).unwrap_err();
        assert!(matches!(refusal.why, CertificateError::NotPinned { .. }), "{refusal}");
        let key =
            KeyPair::from_pkcs8_der_and_sign_algo(&leaf.key.as_slice().into(), &rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        verifier.set_pins(Some(Pins::new([pin(&rcgen::PublicKeyData::subject_public_key_info(&key))])));
        outcome(role, VERSIONS[0], leaf.with(&[]), verifier).unwrap();
    }
}

#[test]
fn report_only_pins_apply_to_a_pinned_certificate() {
    let leaf = self_signed(|_| {});
    let key =
        KeyPair::from_pkcs8_der_and_sign_algo(&leaf.key.as_slice().into(), &rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let own = pin(&rcgen::PublicKeyData::subject_public_key_info(&key));
    for (pinned, reports) in [(strata_tls::Pin([7; 32]), vec![vec![own]]), (own, vec![])] {
        let received = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let (mut verifier, to) = (trusting(&leaf.der), received.clone());
        verifier.set_pins_report_only(Pins::new([pinned]), move |keys| to.lock().unwrap().push(keys.to_vec()));
        outcome(Role::Client, VERSIONS[0], leaf.with(&[]), verifier).unwrap();
        assert_eq!(*received.lock().unwrap(), reports);
    }
}

#[test]
fn malformed_pinned_certificate_is_rejected_when_set() {
    let mut verifier = ChainVerifier::new(RootCertStore::new());
    assert_eq!(verifier.trust_exact_certificate(vec![1, 2, 3].into()), Err(CertificateError::BadEncoding));
    let old = strata_tls::certs_from_pem(include_bytes!("../../data/x509v1-leaf.pem")).unwrap().remove(0);
    assert_eq!(verifier.trust_exact_certificate(old), Err(CertificateError::UnsupportedVersion));
}
