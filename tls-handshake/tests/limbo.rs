//! The cases of x509-limbo, each also verified by webpki with the same name, role and CRLs.
//!
//! This library rejects every case that webpki rejects. It rejects `STRICTER` in addition, as the
//! suite expects.
//!
//! Skipped cases need something that does not exist here: a limit on the number of CA certificates
//! (`max_chain_depth` and the cases named after it), servers without a name, or purposes other than
//! TLS server and client authentication. Key usage is not skipped: every case checks it for the
//! signatures of handshakes, certificates and CRLs.
//!
//! The test data has the cases outside of BetterTLS. `LIMBO` names a file with the full suite:
//!
//! ```text
//! LIMBO=limbo.json cargo test --release -p strata-tls-handshake --test limbo
//! ```

use std::time::Duration;

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, TrustAnchor, UnixTime};
use serde_json::Value;
use strata_tls_handshake::RootCertStore;
use strata_tls_handshake::verify::{ChainVerifier, Crls, ServerVerifier, Stapled};
use tls_crypto::Backend;
use tls_crypto::verify::verifiers;
use webpki::{
    EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList, RevocationOptionsBuilder, UnknownStatusPolicy,
};

/// Cases that webpki accepts and this library and the suite reject: the contents of a trust anchor
/// and the issuer of a CRL.
const STRICTER: [&str; 5] = [
    "crl::issuer-missing-crlsign",
    "rfc5280::validity::expired-root",
    "rfc5280::unknown-critical-extension-root",
    "rfc5280::root-missing-basic-constraints",
    "rfc5280::root-inconsistent-ca-extensions",
];

struct Case<'a> {
    id: &'a str,
    expected: bool,
    chain: Vec<CertificateDer<'static>>,
    roots: Vec<CertificateDer<'static>>,
    crls: Vec<CertificateRevocationListDer<'static>>,
    now: UnixTime,
    /// The server name. `None` for a client certificate.
    name: Option<ServerName<'a>>,
}

impl<'a> Case<'a> {
    /// Reads a case. Returns `None` if it is skipped.
    fn read(case: &'a Value) -> Option<Self> {
        let der = |pem: &Value| CertificateDer::from_pem_slice(pem.as_str().unwrap().as_bytes()).unwrap();
        let list = |name: &str| case[name].as_array().map(|all| all.iter().map(der).collect()).unwrap_or_default();
        let mut chain: Vec<_> = vec![der(&case["peer_certificate"])];
        chain.extend::<Vec<_>>(list("untrusted_intermediates"));
        let crl = |pem: &Value| CertificateRevocationListDer::from_pem_slice(pem.as_str().unwrap().as_bytes()).unwrap();
        let crls = case["crls"].as_array().map(|all| all.iter().map(crl).collect()).unwrap_or_default();
        let is_client = case["validation_kind"] == "CLIENT";
        let has_depth = case["max_chain_depth"].is_number() || case["id"].as_str().unwrap().contains("max-chain-depth");
        let purpose = if is_client { "clientAuth" } else { "serverAuth" };
        let is_of_tls =
            case["extended_key_usage"].as_array().is_none_or(|usages| usages.iter().all(|one| one == purpose));
        let signs =
            case["key_usage"].as_array().is_none_or(|usages| usages.iter().all(|one| one == "digitalSignature"));
        if has_depth || !is_of_tls || !signs {
            return None;
        }
        // A server always has a name.
        let name = match case["expected_peer_name"]["value"].as_str() {
            _ if is_client => None,
            Some(name) => Some(ServerName::try_from(name).ok()?),
            None => return None,
        };
        Some(Self {
            id: case["id"].as_str().unwrap(),
            expected: case["expected_result"] == "SUCCESS",
            chain,
            roots: list("trusted_certs"),
            crls,
            now: time(case["validation_time"].as_str().unwrap_or("2026-01-01T00:00:00+00:00")),
            name,
        })
    }

    /// Returns whether this library accepts the case.
    fn is_accepted(&self) -> bool {
        self.rejection().is_none()
    }

    /// Returns the text of the rejection by this library.
    fn rejection(&self) -> Option<String> {
        let mut roots = RootCertStore::new();
        roots.add_parsable_certificates(self.roots.clone());
        let mut chain = ChainVerifier::new(roots);
        if !self.crls.is_empty() {
            match Crls::from_der(&self.crls) {
                Ok(crls) => chain.set_crls(Some(crls)),
                Err(e) => return Some(e.to_string()),
            }
        }
        let result = match &self.name {
            Some(name) => ServerVerifier::new(chain).verify(&self.chain, name, &Stapled::default(), self.now),
            None => chain.verify_client(&self.chain, self.now),
        };
        result.err().map(|refusal| refusal.to_string())
    }

    /// Returns whether webpki accepts the case.
    fn is_accepted_by_webpki(&self) -> bool {
        let anchors: Vec<TrustAnchor<'_>> =
            self.roots.iter().filter_map(|root| webpki::anchor_from_trusted_cert(root).ok()).collect();
        let Ok(crls) =
            self.crls.iter().map(|crl| OwnedCertRevocationList::from_der(crl)).collect::<Result<Vec<_>, _>>()
        else {
            return false;
        };
        let crls: Vec<_> = crls.into_iter().map(webpki::CertRevocationList::from).collect();
        let crls: Vec<_> = crls.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&crls).ok().map(|options| {
            options
                .with_status_policy(UnknownStatusPolicy::Deny)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        let Ok(leaf) = EndEntityCert::try_from(&self.chain[0]) else { return false };
        let usage = if self.name.is_some() { KeyUsage::server_auth() } else { KeyUsage::client_auth() };
        leaf.verify_for_usage(verifiers(Backend::ring()), &anchors, &self.chain[1..], self.now, usage, revocation, None)
            .is_ok()
            && self.name.as_ref().is_none_or(|name| leaf.verify_is_valid_for_subject_name(name).is_ok())
    }
}

/// Parses a time such as `2024-01-01T00:00:00+00:00`.
fn time(text: &str) -> UnixTime {
    let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = number(11..13) * 3600 + number(14..16) * 60 + number(17..19);
    assert!(text.ends_with("+00:00") || text.ends_with('Z'), "{text}");
    UnixTime::since_unix_epoch(Duration::from_secs(days * 86_400 + seconds))
}

/// The results of the cases.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    as_expected: usize,
    /// Accepted, although the suite expects rejection.
    accepted: usize,
    /// Rejected, although the suite expects acceptance.
    rejected: usize,
    skipped: usize,
}

/// Verifies all cases. Returns the counts and the cases that only this library rejects.
fn verify_all(suite: &Value) -> (Counts, Vec<&str>) {
    let (mut counts, mut stricter) = (Counts::default(), Vec::new());
    for case in suite["testcases"].as_array().unwrap() {
        let Some(case) = Case::read(case) else {
            counts.skipped += 1;
            continue;
        };
        let accepted = case.is_accepted();
        match (accepted, case.is_accepted_by_webpki()) {
            (true, false) => panic!("{}: webpki rejects it", case.id),
            (false, true) => {
                assert!(!case.expected, "{}: neither webpki nor the suite rejects it", case.id);
                stricter.push(case.id);
            }
            _ => {}
        }
        match (accepted, case.expected) {
            (true, false) => counts.accepted += 1,
            (false, true) => counts.rejected += 1,
            _ => counts.as_expected += 1,
        }
    }
    (counts, stricter)
}

#[test]
fn verifier_accepts_no_case_that_webpki_rejects() {
    let suite = serde_json::from_str(include_str!("data/limbo.json")).unwrap();
    let (counts, stricter) = verify_all(&suite);
    assert_eq!(stricter, STRICTER);
    assert_eq!(counts, Counts { as_expected: 142, accepted: 50, rejected: 9, skipped: 7 });
}

/// The cases outside of BetterTLS have no signature that was checked and is invalid.
#[test]
fn rejections_name_the_cause() {
    const WORDS: [(&str, &str); 12] = [
        ("pathlen::self-issued-certs-pathlen", "below itself (path length)"),
        ("rfc5280::nc::permitted-self-issued", "the name constraints of CN=not-example.com permit"),
        ("cve::cve-2025-61727", "exclude"),
        ("rfc5280::nc::nc-forbids-dnsname-wildcard-san", "exclude"),
        ("rfc5280::nc::permitted-dn-mismatch", "directory name CN=not-foo, which is not supported"),
        ("rfc5280::nc::excluded-ipv6-match", "IP address ::1 is in the subtree ::1/128"),
        ("rfc5280::eku::ee-eku-empty", "does not include serverAuth: it has none"),
        ("rfc5280::unknown-critical-extension-intermediate", "certificate 2 of 2"),
        ("rfc5280::validity::expired-intermediate", "certificate 2 of 2"),
        ("webpki::explicit-curve", "explicit curve parameters"),
        ("webpki::forbidden-weak-rsa-key-in-root", "an RSA key of 1024 bits"),
        ("webpki::san::no-san", "common names are not used"),
    ];
    let suite: Value = serde_json::from_str(include_str!("data/limbo.json")).unwrap();
    let mut found = 0;
    for case in suite["testcases"].as_array().unwrap().iter().filter_map(Case::read) {
        let Some(text) = case.rejection() else { continue };
        for cause in ["signature is invalid", "has another key", "but another key"] {
            assert!(!text.contains(cause), "{}: {text}", case.id);
        }
        for (_, words) in WORDS.iter().filter(|(id, _)| *id == case.id) {
            assert!(text.contains(words), "{}: no {words:?} in {text}", case.id);
            found += 1;
        }
    }
    assert_eq!(found, WORDS.len());
}

#[test]
fn verifier_accepts_no_case_of_full_suite_that_webpki_rejects() {
    let Some(path) = std::env::var_os("LIMBO") else { return };
    let suite: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (counts, stricter) = verify_all(&suite);
    println!("{counts:?}; stricter: {stricter:?}");
    let Counts { as_expected, accepted, rejected, skipped } = counts;
    assert_eq!(as_expected + accepted + rejected + skipped, 9780);
}
