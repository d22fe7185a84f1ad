//! The report: writes rows as tables, as `results.json` and as plots.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{Row, Table, Unit};

mod machine;
mod notes;
mod plot;
mod summary;

pub use machine::Machine;
pub use summary::with_summary;

/// Returns the files of a report: names relative to `RESULTS.md`, and contents.
#[must_use]
pub fn files(rows: &[Row], machine: &Machine) -> Vec<(String, String)> {
    let results: Vec<Value> = rows.iter().map(Row::result).collect();
    let json = serde_json::to_string_pretty(&results).unwrap_or_default() + "\n";
    let mut files = vec![("RESULTS.md".to_owned(), markdown(rows, machine)), ("results.json".to_owned(), json)];
    for table in Table::ALL {
        let plot = plot::of(table, &of_table(rows, table));
        files.extend(plot.map(|svg| (plot_path(table), svg)));
    }
    files
}

/// Returns a line for each row that misses its target.
#[must_use]
pub fn missed(rows: &[Row]) -> Vec<String> {
    let missed = rows.iter().filter(|row| row.target.is_some() && row.met() != Some(true));
    missed
        .filter_map(|row| {
            let mut line = format!("{}, {}: {}", row.name, row.side, row.unit.with_name(row.ours));
            if let Some(limit) = row.limit {
                write!(line, ", {:.3} × limit", row.ours / limit).ok()?;
            }
            if let Some(peer) = row.peer {
                write!(line, ", {:.3} × {}", row.ours / peer, row.table.peer()).ok()?;
            }
            write!(line, "; target {}", row.target?.text(row.table, row.unit)).ok()?;
            Some(line)
        })
        .collect()
}

fn markdown(rows: &[Row], machine: &Machine) -> String {
    let mut text = notes::HEAD.to_owned();
    text += &machine.markdown();
    text += "\n## Targets\n\n";
    let missed = missed(rows);
    let score = |counts_instructions: bool| {
        let of_kind = |row: &&Row| (row.table == Table::Instructions) == counts_instructions;
        let with_target = rows.iter().filter(|row| row.target.is_some()).filter(of_kind);
        format!("{} of {}", with_target.clone().filter(|row| row.met() == Some(true)).count(), with_target.count())
    };
    text += &format!("{} are met", score(false));
    if rows.iter().any(|row| row.table == Table::Instructions) {
        text += &format!(", and {} counts of instructions are within their bounds", score(true));
    }
    text += ".";
    text += if missed.is_empty() { "\n" } else { " Not met:\n\n" };
    for line in missed {
        text += &format!("* {line}\n");
    }
    for table in Table::ALL {
        let rows = of_table(rows, table);
        if rows.is_empty() {
            continue;
        }
        text += &format!("\n## {}\n\n", notes::title(table));
        if plot::of(table, &rows).is_some() {
            text += &format!("![{}]({})\n\n", notes::title(table), plot_path(table));
        }
        text += &table_of(table, &rows);
        text += &format!("\n{}", notes::notes(table));
    }
    text
}

fn of_table(rows: &[Row], table: Table) -> Vec<&Row> {
    rows.iter().filter(|row| row.table == table).collect()
}

fn plot_path(table: Table) -> String {
    format!("plots/{}.svg", table.name())
}

fn table_of(table: Table, rows: &[&Row]) -> String {
    let columns = Columns::of(rows);
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let head = columns.head(table.peer());
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    line(head) + &rule + &rows.iter().map(|row| line(columns.cells(row))).collect::<String>()
}

/// The optional columns that have any figure.
struct Columns {
    limit: bool,
    peer: bool,
    others: Vec<String>,
}

impl Columns {
    fn of(rows: &[&Row]) -> Self {
        let limit = rows.iter().any(|row| row.limit.is_some());
        let peer = rows.iter().any(|row| row.peer.is_some());
        let mut others: Vec<_> = rows.iter().flat_map(|row| row.others.keys().cloned()).collect();
        others.sort();
        others.dedup();
        Self { limit, peer, others }
    }

    fn head(&self, peer: &str) -> Vec<String> {
        let mut head = vec!["work".to_owned(), "side".to_owned(), "ours".to_owned()];
        head.extend(self.limit.then(|| "limit".to_owned()));
        head.extend(self.peer.then(|| peer.to_owned()));
        head.extend(self.others.iter().cloned());
        head.extend(self.limit.then(|| "ours / limit".to_owned()));
        head.extend(self.peer.then(|| format!("ours / {peer}")));
        head.extend(["target".to_owned(), "met".to_owned()]);
        head
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let mut cells = vec![row.name.clone(), row.side.clone(), figure(row, Some(row.ours))];
        cells.extend(self.limit.then(|| figure(row, row.limit)));
        cells.extend(self.peer.then(|| figure(row, row.peer)));
        cells.extend(self.others.iter().map(|name| figure(row, row.others.get(name).copied())));
        cells.extend(self.limit.then(|| ratio(row, row.limit)));
        cells.extend(self.peer.then(|| ratio(row, row.peer)));
        cells.push(row.target.map_or(String::new(), |target| target.text(row.table, row.unit)));
        cells.push(met(row).to_owned());
        cells
    }
}

fn figure(row: &Row, value: Option<f64>) -> String {
    value.map_or(String::new(), |value| row.unit.with_name(value))
}

fn ratio(row: &Row, to: Option<f64>) -> String {
    match to {
        // No ratio to zero.
        Some(0.0) => String::new(),
        Some(to) => format!("{:.3}", row.ours / to),
        None => String::new(),
    }
}

fn met(row: &Row) -> &'static str {
    match (row.target, row.met()) {
        (None, _) => "",
        (Some(_), Some(true)) => "yes",
        (Some(_), Some(false)) => "**no**",
        (Some(_), None) => "not measured",
    }
}

/// Returns whether larger figures are better.
pub(crate) const fn more_is_better(unit: Unit) -> bool {
    matches!(unit, Unit::GigabytesPerSecond | Unit::TimesOneThread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    fn rows() -> Vec<Row> {
        let row = |name, ours, target| {
            let figures = [("ours", ours), ("limit", 50.0), ("rustls", 60.0)];
            Row::of(Table::Handshakes, Unit::Micros, name, "client", &figures).unwrap().with_target(target)
        };
        vec![
            row("fast", 51.0, Some(Target::at_most_limit(1.06))),
            row("slow", 59.0, Some(Target::at_most_limit(1.06))),
            row("free", 99.0, None),
        ]
    }

    #[test]
    fn only_missed_targets_are_listed() {
        assert_eq!(missed(&rows()), ["slow, client: 59.0 µs, 1.180 × limit, 0.983 × rustls; target ≤ 1.06 × limit"]);
    }

    #[test]
    fn missing_figures_are_empty_cells() {
        let mut all = rows();
        all.push(Row::new(Table::Handshakes, Unit::Micros, "only ours", "client", 1.0));
        all.push(Row::new(Table::Parsing, Unit::Instructions, "only ours", "both", 1.0));
        let markdown = &files(&all, &Machine::unknown())[0].1;
        assert!(markdown.contains("| only ours | client | 1.0 µs |  |  |  |  |  |  |"));
        assert!(markdown.contains("| only ours | both | 1 instructions |  |  |"));
        for word in ["None", "null", "NaN", "inf"] {
            assert!(!markdown.contains(word), "{word} in the report");
        }
    }

    #[test]
    fn report_has_tables_results_and_plots() {
        let files = files(&rows(), &Machine::unknown());
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["RESULTS.md", "results.json", "plots/handshakes.svg"]);
        assert!(
            files[0]
                .1
                .contains("| fast | client | 51.0 µs | 50.0 µs | 60.0 µs | 1.020 | 0.850 | ≤ 1.06 × limit | yes |")
        );
        assert!(files[0].1.contains("2 are met") || files[0].1.contains("1 of 2 are met"));
        let results: Value = serde_json::from_str(&files[1].1).unwrap();
        assert_eq!(results[1]["met"], false);
        assert_eq!(results[2]["target"], Value::Null);
    }
}
