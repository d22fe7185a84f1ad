//! Rates what was found out about a server.

use std::time::Duration;

use strata_tls::{CipherSuite, Error, ProtocolVersion, SignatureScheme};

use super::advice::{self, Finding, Level};
use super::attempt::End;
use super::certificates::{Issuer, Verdict};
use super::resumption::Resumed;
use super::survey::Survey;
use super::{Diagnosis, Ocsp};
use crate::capture::utc;

/// Returns all findings.
pub(super) fn all(diagnosis: &Diagnosis) -> Vec<Finding> {
    let mut findings = Vec::new();
    let facts = diagnosis.first.facts();
    let answered = facts.version.is_some();
    let problem = match &diagnosis.survey {
        Some(survey) if diagnosis.chain.is_empty() && !diagnosis.first.is_established() => only_unsupported(survey),
        _ => None,
    };
    // What the server accepts instead explains more than its alert.
    findings.extend(problem.or_else(|| advice::of_end(&diagnosis.first.end, answered, &diagnosis.name)));
    if let Some(survey) = &diagnosis.survey {
        versions(survey, &mut findings);
        algorithms(survey, &mut findings);
    }
    if answered {
        chain(diagnosis, &mut findings);
        connection(diagnosis, &mut findings);
    }
    if let Some(why) = diagnosis.stopped {
        let advice = "run it again later, or with a larger --timeout";
        findings.push(Finding::new(Level::Note, "stopped", format!("not everything was tested: {why}"), advice));
    }
    findings
}

/// The server accepts something, but nothing that the library supports.
fn only_unsupported(survey: &Survey) -> Option<Finding> {
    if survey.has_common_version() {
        return None;
    }
    let parts = [
        ("", old_versions(survey)),
        ("cipher suites such as ", list(&survey.other_suites)),
        ("groups such as ", list(&survey.other_groups)),
        ("signature schemes such as ", list(&survey.other_schemes)),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(_, items)| !items.is_empty()).map(|(kind, items)| format!("{kind}{items}")).collect();
    if parts.is_empty() {
        return None;
    }
    Some(Finding::new(
        Level::Problem,
        "only_unsupported",
        format!("the server accepts only what this library never supports: {}", parts.join("; ")),
        "enable TLS 1.3, or TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305, on the server, with the group x25519 \
         or secp256r1, and a certificate with a key for RSA, ECDSA on P-256 or P-384, or Ed25519",
    ))
}

fn old_versions(survey: &Survey) -> String {
    let old =
        survey.versions.iter().filter(|(version, answer)| *version < ProtocolVersion::TLS12 && answer.is_accepted());
    list(&old.map(|(version, _)| *version).collect::<Vec<_>>())
}

fn versions(survey: &Survey, findings: &mut Vec<Finding>) {
    if !survey.has_common_version() {
        return;
    }
    let old = old_versions(survey);
    if !old.is_empty() {
        let advice = "disable them on the server: RFC 8996 forbids their use (nginx: ssl_protocols TLSv1.2 TLSv1.3)";
        findings.push(Finding::new(Level::Warning, "old_versions", format!("the server accepts {old}"), advice));
    }
    if !survey.accepts(ProtocolVersion::TLS13) {
        let advice = "enable it on the server: it is faster, and hides the certificate";
        findings.push(Finding::new(Level::Warning, "no_tls13", "the server does not accept TLS 1.3", advice));
    }
}

fn algorithms(survey: &Survey, findings: &mut Vec<Finding>) {
    if !survey.has_common_version() {
        return;
    }
    let static_rsa = |suite: &CipherSuite| suite.name().is_some_and(|name| name.starts_with("TLS_RSA_"));
    let weak: Vec<_> = survey.other_suites.iter().copied().filter(static_rsa).collect();
    if !weak.is_empty() {
        findings.push(Finding::new(
            Level::Warning,
            "no_forward_secrecy",
            format!("the server accepts cipher suites without forward secrecy: {}", list(&weak)),
            "disable RSA key exchange on the server",
        ));
    }
    let cbc: Vec<_> = survey.other_suites.iter().copied().filter(|suite| !static_rsa(suite)).collect();
    if !cbc.is_empty() {
        findings.push(Finding::new(
            Level::Note,
            "old_suites",
            format!("the server also accepts older cipher suites: {}", list(&cbc)),
            "keep only suites with GCM or ChaCha20-Poly1305, unless old clients need others",
        ));
    }
    let sha1 =
        |scheme: &SignatureScheme| [SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1].contains(scheme);
    if survey.other_schemes.iter().any(sha1) {
        findings.push(Finding::new(
            Level::Warning,
            "sha1",
            "the server signs handshakes with SHA-1 for clients that offer nothing better",
            "disable SHA-1 signatures on the server: RFC 9155 forbids their use",
        ));
    }
}

fn chain(diagnosis: &Diagnosis, findings: &mut Vec<Finding>) {
    let rejected = matches!(&diagnosis.first.end, End::Failed(e) if matches!(**e, Error::Certificate(_)));
    let Some(leaf) = diagnosis.chain.first() else { return };
    let now = Duration::from_secs(diagnosis.now.as_secs());
    if let (false, Some(start), Some(end)) = (rejected, leaf.report.not_before, leaf.report.not_after) {
        let left = end.saturating_sub(now);
        if left < SOON && left < end.saturating_sub(start) / 3 {
            findings.push(Finding::new(
                Level::Warning,
                "expires_soon",
                format!("the certificate expires at {}", utc(end)),
                "renew it; if renewal is automatic, find out why it has not happened",
            ));
        }
    }
    let not_needed = diagnosis.chain.iter().filter(|one| one.verdict == Verdict::NotNeeded);
    let not_needed: Vec<_> = not_needed.map(|one| one.report.subject.clone()).collect();
    if !not_needed.is_empty() {
        findings.push(Finding::new(
            Level::Note,
            "not_needed",
            format!("the server sends certificates that clients do not need: {}", not_needed.join("; ")),
            "remove them from the server's file: they make each handshake longer",
        ));
    }
    let ordered = diagnosis.chain.iter().enumerate().all(|(at, one)| match one.issuer {
        Issuer::Sent(above) => above == at + 1,
        _ => true,
    });
    if !ordered {
        findings.push(Finding::new(
            Level::Warning,
            "chain_order",
            "the certificates are not in order: each should be followed by that of its issuer",
            "put them in order in the server's file: some clients do not sort them",
        ));
    }
    match &diagnosis.ocsp {
        Ocsp::Bad(why) if !rejected => findings.push(Finding::new(
            Level::Warning,
            "ocsp_response",
            format!("the stapled OCSP response is of no use: {why}"),
            "look into the server's log for why it has no better one; some clients reject it",
        )),
        _ => {}
    }
}

/// Certificates that expire within this time get a warning.
const SOON: Duration = Duration::from_secs(14 * 86_400);

fn connection(diagnosis: &Diagnosis, findings: &mut Vec<Finding>) {
    let facts = diagnosis.first.facts();
    if facts.retried && facts.group.is_some() {
        findings.push(Finding::new(
            Level::Note,
            "retry",
            "the server requests another key share (HelloRetryRequest), which takes one more round trip",
            "let the server accept x25519, or offer its group first with --group",
        ));
    }
    if facts.client_certificate {
        findings.push(Finding::new(
            Level::Note,
            "client_certificate",
            "the server requests a client certificate",
            "if it requires one: --auth-certs and --auth-key",
        ));
    }
    let tls12 = facts.version == Some(ProtocolVersion::TLS12);
    if tls12 && !facts.extended_master_secret {
        findings.push(Finding::new(
            Level::Warning,
            "no_extended_master_secret",
            "the server does not support extended_master_secret (RFC 7627)",
            "update the server",
        ));
    }
    if tls12 && !facts.secure_renegotiation {
        findings.push(Finding::new(
            Level::Warning,
            "no_renegotiation_info",
            "the server does not support secure renegotiation (RFC 5746)",
            "update the server",
        ));
    }
    if diagnosis.resumption.tickets.iter().any(|ticket| ticket.early_data > 0) {
        findings.push(Finding::new(
            Level::Note,
            "early_data",
            "the server accepts early data (0-RTT), which an attacker can replay",
            "make sure that it acts on early data only if that is harmless",
        ));
    }
    let resumption = &diagnosis.resumption;
    let all = [&resumption.tls13, &resumption.tls12_ticket, &resumption.tls12_id];
    let tested = || all.iter().filter(|one| !matches!(one, Resumed::NotTested(_)));
    if tested().next().is_some() && tested().all(|one| **one != Resumed::Yes) {
        findings.push(Finding::new(
            Level::Note,
            "no_resumption",
            "the server resumes no sessions, so that every connection takes a full handshake",
            "enable session tickets, or a session cache, on the server",
        ));
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
