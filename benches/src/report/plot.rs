//! SVG plots: each row has a bar for ours and one for rustls, in units of the limit.

use std::fmt::Write as _;

use super::more_is_better;
use crate::{Of, Row, Table};

/// A row, with figures in units of its reference.
struct Bars {
    label: String,
    ours: f64,
    peer: Option<f64>,
    target: Option<f64>,
}

/// Returns the plot of a table's rows, if the table has a plot and any row fits it.
pub(super) fn of(table: Table, rows: &[&Row]) -> Option<String> {
    let (title, most) = match table {
        Table::Handshakes => ("Time, in units of the bare primitives: shorter is better", 2.0),
        Table::Bulk => ("Throughput, in units of the bare AEAD: longer is better", 1.2),
        Table::Memory => ("Memory, in units of the target: shorter is better", 5.0),
        Table::Threads | Table::Async | Table::Quic | Table::Parsing | Table::Build | Table::Instructions => {
            return None;
        }
    };
    let bars: Vec<_> = rows.iter().filter_map(|row| bars(table, row)).collect();
    (!bars.is_empty()).then(|| draw(title, most, &bars))
}

fn bars(table: Table, row: &Row) -> Option<Bars> {
    let one = match (table, row.target) {
        (Table::Memory, Some(target)) if target.of == Of::Unit && target.value > 0.0 => target.value,
        (Table::Memory, _) => return None,
        _ => row.limit?,
    };
    let target = row.target.and_then(|target| match target.of {
        Of::Limit => Some(target.value),
        Of::Peer => Some(target.value * row.peer? / one),
        Of::Unit => Some(target.value / one),
    });
    let label = format!("{}, {}", row.name, row.side);
    debug_assert!(table != Table::Bulk || more_is_better(row.unit));
    Some(Bars { label, ours: row.ours / one, peer: row.peer.map(|peer| peer / one), target })
}

const LABELS: f64 = 540.0;
const WIDTH: f64 = 380.0;
const ROW: f64 = 34.0;
const TOP: f64 = 60.0;

fn draw(title: &str, most: f64, bars: &[Bars]) -> String {
    let x = |value: f64| LABELS + value.min(most) / most * WIDTH;
    let height = TOP + ROW * bars.len() as f64 + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n{STYLE}",
        LABELS + WIDTH + 60.0
    );
    text(&mut svg, "title", 10.0, 20.0, title);
    text(&mut svg, "ours", 10.0, 40.0, "■ ours");
    text(&mut svg, "peer", 70.0, 40.0, "■ rustls");
    text(&mut svg, "target", 140.0, 40.0, "┃ target");
    let one = x(1.0);
    line(&mut svg, "one", one, TOP - 8.0, height - 6.0);
    text(&mut svg, "label", one - 3.0, TOP - 12.0, "1");
    for (at, bar) in (0_u32..).zip(bars) {
        let y = TOP + ROW * f64::from(at);
        text(&mut svg, "right", LABELS - 8.0, y + 16.0, &bar.label);
        let mut draw = |class: &str, value: f64, y: f64| {
            let width = x(value) - LABELS;
            let _ =
                writeln!(svg, "<rect class=\"{class}\" x=\"{LABELS}\" y=\"{y}\" width=\"{width:.1}\" height=\"11\"/>");
            text(&mut svg, "label", LABELS + width + 4.0, y + 10.0, &format!("{value:.2}"));
        };
        draw("ours", bar.ours, y);
        if let Some(peer) = bar.peer {
            draw("peer", peer, y + 13.0);
        }
        if let Some(target) = bar.target {
            line(&mut svg, "target", x(target), y - 2.0, y + 13.0);
        }
    }
    svg + "</svg>\n"
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
}

fn line(svg: &mut String, class: &str, x: f64, from: f64, to: f64) {
    let _ = writeln!(svg, "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{from:.1}\" y2=\"{to:.1}\"/>");
}

/// Readable on light and dark backgrounds.
const STYLE: &str = "<style>
text { fill: #24292f } .title { font-weight: bold } .right { text-anchor: end }
.ours { fill: #1f6feb } .peer { fill: #8c959f } text.target { fill: #bc4c00 }
line.one { stroke: #57606a; stroke-dasharray: 3 3 } line.target { stroke: #bc4c00; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .ours { fill: #58a6ff } .peer { fill: #7d8590 } text.target { fill: #f0883e }
line.one { stroke: #8d96a0 } line.target { stroke: #f0883e } }
</style>
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Target, Unit};

    #[test]
    fn each_figure_has_a_bar_within_the_plot() {
        let figures = [("ours", 52.0), ("limit", 50.0), ("rustls", 600.0)];
        let row = Row::of(Table::Handshakes, Unit::Micros, "a < b", "client", &figures).unwrap();
        let svg = of(Table::Handshakes, &[&row.with_target(Target::at_most_limit(1.06))]).unwrap();
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains(">1.04<") && svg.contains(">12.00<") && svg.contains("a &lt; b"));
        assert!(svg.contains(&format!("width=\"{WIDTH:.1}\"")));
    }

    #[test]
    fn rows_without_a_limit_have_no_bars() {
        let row = Row::of(Table::Handshakes, Unit::Micros, "work", "client", &[("ours", 52.0)]).unwrap();
        assert_eq!(of(Table::Handshakes, &[&row]), None);
    }
}
