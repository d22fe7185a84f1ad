//! The report for people: sections of facts, and their text.

use std::fmt::Write;

use strata_tls::{ProtocolVersion, Session};

use super::certificates::{Certificate, Issuer, Verdict};
use super::resumption::Resumed;
use super::survey::{Answer, Survey};
use super::{Diagnosis, Ocsp};
use crate::capture::{Mark, Section, milliseconds, utc};

/// Returns the report as text: the verdict and what to do on top.
pub(super) fn text(diagnosis: &Diagnosis) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write(diagnosis, &mut out);
    out
}

fn write(diagnosis: &Diagnosis, out: &mut String) -> std::fmt::Result {
    let word = match diagnosis.result() {
        "problem" => "PROBLEM",
        "warning" => "OK, WITH WARNINGS",
        _ => "OK",
    };
    let address = diagnosis.address.as_ref().map(|address| format!(" ({address})")).unwrap_or_default();
    writeln!(out, "{}{address}", diagnosis.place())?;
    writeln!(out, "{word}: {}", diagnosis.verdict())?;
    if let Some(problem) = diagnosis.problem() {
        writeln!(out, "  what to do: {}", problem.advice)?;
    }
    for finding in diagnosis.other_findings() {
        writeln!(out, "\n{} {}: {}", finding.level.mark().sign(), finding.level.name(), finding.what)?;
        if !finding.advice.is_empty() {
            writeln!(out, "  what to do: {}", finding.advice)?;
        }
    }
    for section in sections(diagnosis) {
        writeln!(out, "\n{}", section.title)?;
        let width = section.rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
        for row in &section.rows {
            writeln!(out, "  {} {:width$}  {}", row.mark.sign(), row.label, row.value)?;
        }
    }
    if !diagnosis.first.handshake.flights.is_empty() {
        writeln!(out, "\nFlights (ms since the TCP connection was established; sizes in bytes)")?;
    }
    for flight in &diagnosis.first.handshake.flights {
        let arrow = if flight.from == crate::capture::Side::Client { "client →" } else { "← server" };
        writeln!(
            out,
            "  {:>10.3}  {arrow}  {} in {} record(s)",
            milliseconds(flight.first),
            flight.bytes,
            flight.records
        )?;
        for message in &flight.messages {
            let note = if message.note.is_empty() { String::new() } else { format!(": {}", message.note) };
            writeln!(out, "              {} {}{note}", message.name, message.bytes)?;
        }
    }
    writeln!(out, "\n{} connection(s) made, of at most {}", diagnosis.connections, super::attempt::MOST_CONNECTIONS)
}

/// Returns the facts in the order of the report.
pub(super) fn sections(diagnosis: &Diagnosis) -> Vec<Section> {
    let mut sections = vec![connection(diagnosis)];
    for (at, one) in diagnosis.chain.iter().enumerate() {
        sections.push(certificate(at, one));
    }
    if diagnosis.first.facts().version.is_some() {
        sections.push(stapled(diagnosis));
        sections.push(resumption(diagnosis));
    }
    if let Some(known) = &diagnosis.survey {
        sections.push(extensions(diagnosis, known));
        let ecdsa = diagnosis.chain.first().is_some_and(|leaf| leaf.key.starts_with("ECDSA"));
        sections.extend(survey(known, ecdsa));
    }
    sections.retain(|section| !section.rows.is_empty());
    sections
}

fn connection(diagnosis: &Diagnosis) -> Section {
    let (mut section, first) = (Section::new("First connection"), &diagnosis.first);
    let facts = first.facts();
    let mut add = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            section.add(Mark::None, label, value);
        }
    };
    add("TCP handshake", first.connected_in.map(|time| format!("{:.3} ms", milliseconds(time))));
    add("TLS handshake", first.established_in.map(|time| format!("{:.3} ms", milliseconds(time))));
    add("version", facts.version.map(|version| version.to_string()));
    add("cipher suite", facts.suite.map(|suite| suite.to_string()));
    let retried = if facts.retried { " (after HelloRetryRequest)" } else { "" };
    add("key exchange group", facts.group.map(|group| format!("{group}{retried}")));
    add("server's signature", facts.scheme.map(|scheme| scheme.to_string()));
    if facts.version.is_some() {
        let name = |name: &Option<Vec<u8>>| name.as_ref().map(|name| String::from_utf8_lossy(name).into_owned());
        add("ALPN", name(&facts.alpn));
    }
    if let Some(session) = first.session.as_ref().filter(|_| first.is_established()) {
        let limits = session.record_limits();
        add("record plaintext", Some(format!("sent up to {}, received up to {} bytes", limits.send, limits.receive)));
    }
    add("client certificate", facts.client_certificate.then(|| "requested".into()));
    section
}

fn certificate(at: usize, one: &Certificate) -> Section {
    let role = match at {
        0 => "of the server",
        _ if one.report.is_ca => "of a CA",
        _ => "of no CA",
    };
    let mut section = Section::new(format!("Certificate {at}, {role}"));
    let (mark, verdict) = match &one.verdict {
        Verdict::Accepted => (Mark::Good, "accepted".to_owned()),
        Verdict::NotNeeded => (Mark::Note, "not needed for the chain".to_owned()),
        Verdict::NoFaultFound => (Mark::None, "no fault found in this one".to_owned()),
        Verdict::Failed { check, why } => (Mark::Bad, format!("failed ({check}): {why}")),
    };
    section.add(mark, "verdict", verdict);
    let mut add = |label: &str, value: String| section.add(Mark::None, label, value);
    add("subject", one.report.subject.clone());
    add("issuer", one.report.issuer.clone());
    let issuer = match one.issuer {
        Issuer::Itself => "this certificate itself".to_owned(),
        Issuer::Sent(above) => format!("sent as certificate {above}"),
        Issuer::TrustAnchor => "a trust anchor".to_owned(),
        Issuer::Missing => "neither sent nor a trust anchor".to_owned(),
    };
    add("issuer's certificate", issuer);
    if let (Some(start), Some(end)) = (one.report.not_before, one.report.not_after) {
        add("valid from", utc(start));
        add("valid until", utc(end));
    }
    add("names", names(one));
    add("key", one.key.clone());
    add("signature", one.signature.clone());
    add("serial number", one.serial.clone());
    add("SHA-256", one.sha256.clone());
    if let Some(pin) = &one.pin {
        add("pin of the key", pin.to_string());
    }
    section.rows.retain(|row| !row.value.is_empty());
    section
}

fn names(one: &Certificate) -> String {
    let entries = one.report.names.entries();
    match one.report.names.total().saturating_sub(entries.len()) {
        0 => entries.join(", "),
        more => format!("{}, and {more} more", entries.join(", ")),
    }
}

fn stapled(diagnosis: &Diagnosis) -> Section {
    let mut section = Section::new("OCSP and certificate transparency");
    let (mark, text) = match &diagnosis.ocsp {
        Ocsp::None => (Mark::None, "none".to_owned()),
        Ocsp::Good => (Mark::Good, "valid, and the certificate is good".to_owned()),
        Ocsp::Bad(why) => (Mark::Warning, why.clone()),
        Ocsp::NotChecked => (Mark::None, "present; not checked, because the chain was rejected".to_owned()),
    };
    section.add(mark, "stapled OCSP response", text);
    let leaf = diagnosis.chain.first();
    if leaf.is_some_and(|leaf| leaf.must_staple) {
        section.add(Mark::None, "must-staple", "required by the certificate");
    }
    let embedded = leaf.map_or(0, |leaf| leaf.scts);
    section.add(Mark::None, "SCTs in the certificate", embedded.to_string());
    section.add(Mark::None, "SCTs in the TLS extension", diagnosis.first.facts().scts.len().to_string());
    section
}

fn resumption(diagnosis: &Diagnosis) -> Section {
    let mut section = Section::new("Resumption");
    let resumption = &diagnosis.resumption;
    let ways = [
        ("TLSv1.3 by ticket", &resumption.tls13),
        ("TLSv1.2 by ticket", &resumption.tls12_ticket),
        ("TLSv1.2 by session ID", &resumption.tls12_id),
    ];
    for (label, resumed) in ways {
        let mark = match resumed {
            Resumed::Yes => Mark::Good,
            Resumed::Full => Mark::Warning,
            Resumed::NothingToResume | Resumed::NotTested(_) => Mark::None,
        };
        section.add(mark, label, resumed.text());
    }
    let tickets = &resumption.tickets;
    if let Some(ticket) = tickets.first() {
        section.add(Mark::None, "ticket lifetime", format!("{} s", ticket.lifetime));
    }
    if diagnosis.first.facts().version == Some(ProtocolVersion::TLS13) {
        let early = match tickets.iter().map(|ticket| ticket.early_data).max() {
            None => "not tested: no ticket".to_owned(),
            Some(0) => "not allowed by the tickets".to_owned(),
            Some(bytes) => format!("allowed, up to {bytes} bytes"),
        };
        section.add(Mark::None, "early data (0-RTT)", early);
    }
    section
}

/// `ecdsa`: the server has an ECDSA certificate.
fn survey(survey: &Survey, ecdsa: bool) -> Vec<Section> {
    let mut versions = Section::new("Versions");
    for (version, answer) in &survey.versions {
        let old = *version < ProtocolVersion::TLS12;
        versions.add(mark(answer, old), version.to_string(), answer.text());
    }
    let mut suites = Section::new("Cipher suites");
    for (suite, answer) in &survey.suites {
        suites.add(mark(answer, false), suite.to_string(), answer.text());
    }
    for suite in &survey.other_suites {
        suites.add(Mark::Warning, suite.to_string(), "accepted; never supported here");
    }
    let mut groups = Section::new("Key exchange groups");
    for (version, group, answer) in &survey.groups {
        groups.add(mark(answer, false), format!("{group} ({version})"), answer.text());
    }
    for group in &survey.other_groups {
        groups.add(Mark::Note, group.to_string(), "accepted; not supported here");
    }
    let refused = |(version, _, answer): &(ProtocolVersion, _, Answer)| {
        *version == ProtocolVersion::TLS12 && matches!(answer, Answer::Alert(_) | Answer::Closed)
    };
    if ecdsa && survey.groups.iter().any(refused) {
        let why = "a server with an ECDSA certificate refuses clients that do not also offer its curve";
        groups.add(Mark::Note, "in TLSv1.2", why);
    }
    if let Some(group) = survey.preferred_group {
        groups.add(Mark::None, "without a key share", format!("the server selects {group}"));
    }
    let mut schemes = Section::new("Signature schemes");
    for (version, scheme, answer) in &survey.schemes {
        schemes.add(mark(answer, false), format!("{scheme} ({version})"), answer.text());
    }
    for scheme in &survey.other_schemes {
        schemes.add(Mark::Note, scheme.to_string(), "accepted; not supported here");
    }
    vec![versions, suites, groups, schemes]
}

fn extensions(diagnosis: &Diagnosis, survey: &Survey) -> Section {
    let mut section = Section::new("Extensions");
    if !survey.has_common_version() {
        return section;
    }
    let web = diagnosis.web.as_ref().map_or("nothing".into(), |name| String::from_utf8_lossy(name));
    section.add(Mark::None, "ALPN: of h2 and http/1.1", format!("selects {web}"));
    if let Some(accepted) = survey.max_fragment_length {
        section.add(Mark::None, "max_fragment_length", if accepted { "accepted" } else { "ignored" });
    }
    if diagnosis.first.facts().version.is_some() {
        let limit = diagnosis.first.facts().record_size_limit;
        let limit = limit.map_or("ignored".into(), |limit| format!("accepted; its own limit is {limit} bytes"));
        section.add(Mark::None, "record_size_limit", limit);
    }
    section
}

/// A refusal is a fact, not a fault: no server accepts everything.
fn mark(answer: &Answer, old: bool) -> Mark {
    match answer {
        Answer::Accepted if old => Mark::Warning,
        Answer::Accepted => Mark::Good,
        _ => Mark::None,
    }
}
