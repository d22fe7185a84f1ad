//! The table of the repository's README: a few rows, and a column for each library and backend that
//! was measured.

use crate::{AWS_LC, Row};

/// The start of the table, which ends before the first line that is not of a table.
const START: &str = "| | Strata, ring |";

/// A row: its name in the README, and the name and side of the measured row.
struct Line {
    shown: &'static str,
    row: &'static str,
    side: &'static str,
    /// False if rustls on ring does other work in this row.
    compares_ring: bool,
}

const LINES: [Line; 7] = [
    Line::new("full TLS 1.3 handshake, server", "full TLS 1.3, signature cache off", "server"),
    Line::new(
        "the same, client, signatures of the CAs cached",
        "full TLS 1.3, signature cache warm (rustls has none)",
        "client",
    ),
    Line {
        compares_ring: false,
        ..Line::new(
            "the same with X25519MLKEM768, server",
            "full TLS 1.3, X25519MLKEM768, signature cache off (rustls on ring: X25519)",
            "server",
        )
    },
    Line::new("resumed TLS 1.3 handshake, server", "resumed TLS 1.3, ticket", "server"),
    Line::new("send in 16 KiB writes", "bulk TLS 1.3, 16 KiB writes, buffered", "send"),
    Line::new("receive 16 KiB records (`BufRead`)", "bulk TLS 1.3, 16 KiB writes, buffered", "receive"),
    Line::new("idle server connection, heap", "heap of an idle connection, before any data", "server"),
];

impl Line {
    const fn new(shown: &'static str, row: &'static str, side: &'static str) -> Self {
        Self { shown, row, side, compares_ring: true }
    }
}

/// Returns `readme` with the table of these rows; `None` if it has no such table.
#[must_use]
pub fn with_summary(readme: &str, rows: &[Row]) -> Option<String> {
    let (before, _) = readme.split_once(&format!("\n{START}"))?;
    let (_, rest) = readme.split_at(before.len() + 1);
    let length: usize = rest.split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    let (_, after) = rest.split_at(length);
    Some([before, "\n", &table(rows), after].concat())
}

fn table(rows: &[Row]) -> String {
    let ours = format!("ours{AWS_LC}");
    let theirs = format!("rustls{AWS_LC}");
    let columns = [("Strata, ring", "ours"), ("rustls 0.23, ring", "rustls"), ("Strata, AWS-LC", &ours)];
    let columns = [&columns[..], &[("rustls 0.23, AWS-LC", &theirs)]].concat();
    let mut lines = vec![(String::new(), columns.iter().map(|(head, _)| Some((*head).to_owned())).collect::<Vec<_>>())];
    for line in LINES {
        let Some(row) = rows.iter().find(|row| row.name == line.row && row.side == line.side) else { continue };
        let figure = |column: &str| match column {
            "ours" => Some(row.ours),
            "rustls" => row.peer.filter(|_| line.compares_ring),
            other => row.others.get(other).copied(),
        };
        let figures = columns.iter().map(|(_, column)| Some(row.unit.with_name(figure(column)?)));
        lines.push((line.shown.to_owned(), figures.collect()));
    }
    // Without the columns that were not measured.
    let measured: Vec<_> =
        (0..columns.len()).filter(|at| lines.iter().skip(1).any(|(_, cells)| cells[*at].is_some())).collect();
    let mut text = String::new();
    for (at, (name, cells)) in lines.into_iter().enumerate() {
        let cells = measured.iter().map(|column| cells[*column].clone().unwrap_or_default());
        let name = if at == 0 { String::new() } else { format!(" {name}") };
        text += &format!("|{name} | {} |\n", cells.collect::<Vec<_>>().join(" | "));
        if at == 0 {
            text += &format!("|{}\n", "---|".repeat(measured.len() + 1));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Handshakes, Table, Transfers, Unit};

    fn row(line: &Line, figures: &[(&str, f64)]) -> Row {
        Row::of(Table::Handshakes, Unit::Micros, line.row, line.side, figures).unwrap()
    }

    #[test]
    fn table_has_a_column_for_each_measured_backend() {
        let readme = format!("| other | table |\n\n{START} old |\n|---|---|\n| old | 1 |\n\ntail\n");
        let ring = [("ours", 1.0), ("rustls", 2.0)];
        let all = [&ring[..], &[("ours, aws-lc-rs", 3.0), ("rustls, aws-lc-rs", 4.0), ("openssl", 5.0)]].concat();
        for (figures, head, cells) in [
            (&ring[..], "| Strata, ring | rustls 0.23, ring |", "| 1.0 µs | 2.0 µs |"),
            (
                &all,
                "| Strata, ring | rustls 0.23, ring | Strata, AWS-LC | rustls 0.23, AWS-LC |",
                "| 1.0 µs | 2.0 µs | 3.0 µs | 4.0 µs |",
            ),
        ] {
            let rows: Vec<_> = LINES.iter().map(|line| row(line, figures)).collect();
            let text = with_summary(&readme, &rows).unwrap();
            assert!(text.starts_with("| other | table |\n\n| | Strata, ring |"), "{text}");
            assert!(text.ends_with(" |\n\ntail\n") && !text.contains("old"), "{text}");
            assert!(text.contains(&format!("\n| {head}\n")), "{text}");
            assert!(text.contains(&format!("| resumed TLS 1.3 handshake, server {cells}\n")), "{text}");
            // rustls on ring has no hybrid group.
            let hybrid = cells.replacen("2.0 µs", "", 1);
            assert!(text.contains(&format!("| the same with X25519MLKEM768, server {hybrid}\n")), "{text}");
            assert_eq!(with_summary(&text, &rows).as_ref(), Some(&text));
        }
        assert_eq!(with_summary("| other | table |\n", &[]), None);
    }

    /// The names are those of measured rows.
    #[test]
    fn lines_name_measured_rows() {
        for line in &LINES {
            let handshake = Handshakes::ALL.iter().any(|work| work.name == line.row);
            let bulk = Transfers::ALL.iter().any(|work| format!("{}, buffered", work.name) == line.row);
            assert!(handshake || bulk || line.row == crate::IDLE_HEAP, "{}", line.row);
        }
    }

    #[test]
    fn readme_has_a_place_for_the_table() {
        let readme = include_str!("../../../README.md");
        assert!(with_summary(readme, &[]).is_some());
    }
}
