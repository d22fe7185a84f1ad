//! The cases of x509-limbo: what this library says of a chain is what webpki says, asked directly at the same time, for the same
//! name, role and revocation lists.
//!
//! The cases that are not of BetterTLS are among the test data. Those of the whole suite are read from the file that `LIMBO` names:
//!
//! ```text
//! LIMBO=limbo.json cargo test --release -p tls-handshake --test limbo
//! ```

use std::time::Duration;

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, TrustAnchor, UnixTime};
use serde_json::Value;
use tls_crypto::verify::ALL;
use tls_handshake::RootCertStore;
use tls_handshake::verify::{ChainVerifier, Crls, ServerVerifier, Stapled};
use webpki::{
    EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList, RevocationOptionsBuilder, UnknownStatusPolicy,
};

struct Case<'a> {
    id: &'a str,
    expected: bool,
    chain: Vec<CertificateDer<'static>>,
    roots: Vec<CertificateDer<'static>>,
    crls: Vec<CertificateRevocationListDer<'static>>,
    now: UnixTime,
    /// Of a server; a client has none.
    name: Option<ServerName<'a>>,
}

/// Whether a server or a client is accepted; `None` if a case cannot be asked.
impl<'a> Case<'a> {
    fn read(case: &'a Value) -> Option<Self> {
        let der = |pem: &Value| CertificateDer::from_pem_slice(pem.as_str().unwrap().as_bytes()).unwrap();
        let list = |name: &str| case[name].as_array().map(|all| all.iter().map(der).collect()).unwrap_or_default();
        let mut chain: Vec<_> = vec![der(&case["peer_certificate"])];
        chain.extend::<Vec<_>>(list("untrusted_intermediates"));
        let crl = |pem: &Value| CertificateRevocationListDer::from_pem_slice(pem.as_str().unwrap().as_bytes()).unwrap();
        let crls = case["crls"].as_array().map(|all| all.iter().map(crl).collect()).unwrap_or_default();
        let is_client = case["validation_kind"] == "CLIENT";
        // A server is always asked for by a name.
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

    /// What this library says.
    fn ours(&self) -> bool {
        let mut roots = RootCertStore::new();
        roots.add_parsable_certificates(self.roots.clone());
        let mut chain = ChainVerifier::new(roots);
        if !self.crls.is_empty() {
            let Ok(crls) = Crls::from_der(&self.crls) else { return false };
            chain.set_crls(Some(crls));
        }
        match &self.name {
            Some(name) => ServerVerifier::new(chain).verify(&self.chain, name, &Stapled::default(), self.now).is_ok(),
            None => chain.verify_client(&self.chain, self.now).is_ok(),
        }
    }

    /// What webpki says.
    fn webpki(&self) -> bool {
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
        leaf.verify_for_usage(&ALL, &anchors, &self.chain[1..], self.now, usage, revocation, None).is_ok()
            && self.name.as_ref().is_none_or(|name| leaf.verify_is_valid_for_subject_name(name).is_ok())
    }
}

/// `2024-01-01T00:00:00+00:00`.
fn time(text: &str) -> UnixTime {
    let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = number(11..13) * 3600 + number(14..16) * 60 + number(17..19);
    assert!(text.ends_with("+00:00") || text.ends_with('Z'), "{text}");
    UnixTime::since_unix_epoch(Duration::from_secs(days * 86_400 + seconds))
}

/// Asks all cases; gives back how many are as the suite expects, accepted though it would not, refused though it would not, and
/// not to be asked.
fn ask(suite: &str) -> [usize; 4] {
    let suite: Value = serde_json::from_str(suite).unwrap();
    let mut counts = [0; 4];
    for case in suite["testcases"].as_array().unwrap() {
        let Some(case) = Case::read(case) else {
            counts[3] += 1;
            continue;
        };
        let verdict = case.ours();
        // The one part of ours that is stricter by default, the leaf's key usage, is not at stake in any case: a difference would
        // have to be listed here, with its reason.
        assert_eq!(verdict, case.webpki(), "{}: webpki differs", case.id);
        match (verdict, case.expected) {
            (true, false) => counts[1] += 1,
            (false, true) => counts[2] += 1,
            _ => counts[0] += 1,
        }
    }
    counts
}

#[test]
fn every_case_is_judged_as_webpki_judges_it() {
    assert_eq!(ask(include_str!("data/limbo.json")), [141, 57, 9, 1]);
}

#[test]
fn the_whole_suite_is_judged_as_webpki_judges_it() {
    let Some(path) = std::env::var_os("LIMBO") else { return };
    let counts = ask(&std::fs::read_to_string(path).unwrap());
    println!("as expected, accepted, refused, not asked: {counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), 9780);
}
