//! The report for programs.
//!
//! The keys are stable: later versions may add keys, and values of `code`, but do not change the
//! meaning of those that exist. The example's `//!` lists them.

use serde_json::{Value, json};

use super::certificates::{Certificate, Issuer, Verdict};
use super::resumption::{Resumed, Resumption};
use super::survey::{Answer, Survey};
use super::{Diagnosis, Ocsp, attempt};
use crate::capture::{Handshake, milliseconds, utc};

pub(super) fn text(diagnosis: &Diagnosis) -> String {
    format!("{:#}\n", value(diagnosis))
}

fn value(diagnosis: &Diagnosis) -> Value {
    let (first, facts) = (&diagnosis.first, diagnosis.first.facts());
    let findings: Vec<Value> = diagnosis
        .findings
        .iter()
        .map(|finding| {
            json!({
                "level": finding.level.name(), "code": finding.code, "what": finding.what, "advice": finding.advice,
            })
        })
        .collect();
    let lossy = |name: &Option<Vec<u8>>| name.as_ref().map(|name| String::from_utf8_lossy(name).into_owned());
    let limits = first.session.as_ref().filter(|_| first.is_established()).map(strata_tls::Session::record_limits);
    json!({
        "format": 1,
        "host": diagnosis.host,
        "port": diagnosis.port,
        "name": diagnosis.name,
        "address": diagnosis.address,
        "time": utc(std::time::Duration::from_secs(diagnosis.now.as_secs())),
        "result": diagnosis.result(),
        "verdict": diagnosis.verdict(),
        "findings": findings,
        "connection": {
            "established": first.is_established(),
            "tcp_ms": first.connected_in.map(milliseconds),
            "tls_ms": first.established_in.map(milliseconds),
            "version": facts.version.map(|version| version.to_string()),
            "cipher_suite": facts.suite.map(|suite| suite.to_string()),
            "group": facts.group.map(|group| group.to_string()),
            "hello_retry_request": facts.retried,
            "signature_scheme": facts.scheme.map(|scheme| scheme.to_string()),
            "alpn": lossy(&facts.alpn),
            "alpn_of_h2_and_http1": lossy(&diagnosis.web),
            "record_size_limit": facts.record_size_limit,
            "record_send_limit": limits.map(|limits| limits.send),
            "record_receive_limit": limits.map(|limits| limits.receive),
            "client_certificate_requested": facts.client_certificate,
            "alert": facts.alert.map(|alert| alert.to_string()),
        },
        "certificates": diagnosis.chain.iter().map(certificate).collect::<Vec<_>>(),
        "ocsp": ocsp(&diagnosis.ocsp),
        "scts_in_extension": facts.scts.len(),
        "resumption": resumption(&diagnosis.resumption),
        "accepts": diagnosis.survey.as_ref().map(accepts),
        "flights": flights(&first.handshake),
        "connections": diagnosis.connections,
        "connection_limit": attempt::MOST_CONNECTIONS,
    })
}

fn certificate(one: &Certificate) -> Value {
    let (check, why) = match &one.verdict {
        Verdict::Failed { check, why } => (Some(check), Some(why)),
        _ => (None, None),
    };
    let issuer = match one.issuer {
        Issuer::Itself => "self",
        Issuer::Sent(_) => "sent",
        Issuer::TrustAnchor => "trust_anchor",
        Issuer::Missing => "missing",
    };
    json!({
        "verdict": one.verdict.name(),
        "check": check,
        "reason": why,
        "subject": one.report.subject,
        "issuer": one.report.issuer,
        "issuer_certificate": issuer,
        "not_before": one.report.not_before.map(utc),
        "not_after": one.report.not_after.map(utc),
        "names": one.report.names.entries(),
        "name_count": one.report.names.total(),
        "is_ca": one.report.is_ca,
        "key": one.key,
        "signature": one.signature,
        "serial": one.serial,
        "sha256": one.sha256,
        "pin": one.pin.map(|pin| pin.to_string()),
        "embedded_scts": one.scts,
        "must_staple": one.must_staple,
    })
}

fn ocsp(ocsp: &Ocsp) -> Value {
    let (stapled, status, reason) = match ocsp {
        Ocsp::None => (false, "none", None),
        Ocsp::Good => (true, "good", None),
        Ocsp::Bad(why) => (true, "bad", Some(why)),
        Ocsp::NotChecked => (true, "not_checked", None),
    };
    json!({ "stapled": stapled, "status": status, "reason": reason })
}

fn resumption(resumption: &Resumption) -> Value {
    let resumed = |resumed: &Resumed| match resumed {
        Resumed::Yes => "yes",
        Resumed::NothingToResume => "nothing_to_resume",
        Resumed::Full => "full_handshake",
        Resumed::NotTested(_) => "not_tested",
    };
    let tickets = &resumption.tickets;
    json!({
        "tls13_ticket": resumed(&resumption.tls13),
        "tls12_ticket": resumed(&resumption.tls12_ticket),
        "tls12_session_id": resumed(&resumption.tls12_id),
        "ticket_lifetime_s": tickets.first().map(|ticket| ticket.lifetime),
        "early_data_bytes": tickets.iter().map(|ticket| ticket.early_data).max(),
    })
}

fn accepts(survey: &Survey) -> Value {
    let versions: Vec<Value> = survey.versions.iter().map(|(version, at)| entry(version, None, at)).collect();
    let suites: Vec<Value> = survey.suites.iter().map(|(suite, at)| entry(suite, None, at)).collect();
    let groups: Vec<Value> = survey.groups.iter().map(|(version, group, at)| entry(group, Some(version), at)).collect();
    let schemes: Vec<Value> =
        survey.schemes.iter().map(|(version, scheme, at)| entry(scheme, Some(version), at)).collect();
    json!({
        "versions": versions,
        "cipher_suites": suites,
        "groups": groups,
        "signature_schemes": schemes,
        "unsupported_cipher_suites": names(&survey.other_suites),
        "unsupported_groups": names(&survey.other_groups),
        "unsupported_signature_schemes": names(&survey.other_schemes),
        "preferred_group": survey.preferred_group.map(|group| group.to_string()),
        "max_fragment_length": survey.max_fragment_length,
    })
}

fn entry(name: &impl ToString, version: Option<&strata_tls::ProtocolVersion>, answer: &Answer) -> Value {
    let (word, alert) = match answer {
        Answer::Accepted => ("accepted", None),
        Answer::Alert(alert) => ("refused", Some(alert.to_string())),
        Answer::Closed => ("closed", None),
        Answer::Silent => ("silent", None),
        Answer::Other => ("refused", None),
        Answer::NotTested(_) => ("not_tested", None),
    };
    let mut entry = json!({ "name": name.to_string(), "answer": word, "alert": alert });
    if let Some(version) = version {
        entry["version"] = version.to_string().into();
    }
    entry
}

fn names<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(T::to_string).collect()
}

fn flights(handshake: &Handshake) -> Vec<Value> {
    let message = |message: &crate::capture::Message| {
        json!({
            "name": message.name, "bytes": message.bytes, "note": message.note, "protection": message.protection.name(),
        })
    };
    let flights = handshake.flights.iter().map(|flight| {
        json!({
            "from": flight.from.name(),
            "first_ms": milliseconds(flight.first),
            "last_ms": milliseconds(flight.last),
            "bytes": flight.bytes,
            "records": flight.records,
            "messages": flight.messages.iter().map(message).collect::<Vec<_>>(),
        })
    });
    flights.collect()
}
