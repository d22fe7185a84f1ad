//! The page of a diagnosis.

use super::advice::Level;
use super::{Diagnosis, report};
use crate::capture::{Mark, Page, Side, Timeline, utc};

pub(super) fn page(diagnosis: &Diagnosis) -> String {
    let verdict = diagnosis.verdict();
    let mark = match diagnosis.findings.first().map(|finding| finding.level) {
        Some(Level::Problem) => Mark::Bad,
        Some(Level::Warning) => Mark::Warning,
        Some(Level::Note) | None => Mark::Good,
    };
    let address = diagnosis.address.as_ref().map(|address| format!("{address}, ")).unwrap_or_default();
    let time = utc(std::time::Duration::from_secs(diagnosis.now.as_secs()));
    let findings = diagnosis.other_findings();
    Page {
        title: &format!("TLS diagnosis of {}", diagnosis.place()),
        subtitle: &format!("{address}{time}, {} connections", diagnosis.connections),
        verdict: (mark, &verdict, diagnosis.problem().map_or("", |problem| &problem.advice)),
        findings: findings
            .map(|finding| (finding.level.mark(), finding.what.as_str(), finding.advice.as_str()))
            .collect(),
        timeline: Some(Timeline { seen_by: Side::Client, flights: &diagnosis.first.handshake.flights }),
        sections: &report::sections(diagnosis),
    }
    .to_string()
}
