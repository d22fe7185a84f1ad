//! The rows of the tables and their targets. Programs print rows as lines of JSON, which the report
//! reads.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// One figure of ours, with the figures that it is compared to.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The table.
    pub table: Table,
    /// The work.
    pub name: String,
    /// The side that does it: `client`, `server`, `send`, `receive` or `both`.
    pub side: String,
    /// The unit of all figures.
    pub unit: Unit,
    /// The figure of this library.
    pub ours: f64,
    /// The figure of the bare primitives.
    pub limit: Option<f64>,
    /// The figure of the peer: rustls with ring, or tls-parser.
    pub peer: Option<f64>,
    /// The figures of peers with features, by name.
    pub others: BTreeMap<String, f64>,
    /// The target of ours.
    pub target: Option<Target>,
}

/// Tables of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Handshakes, time.
    Handshakes,
    /// Bulk data, throughput.
    Bulk,
    /// Two threads.
    Threads,
    /// Under tokio.
    Async,
    /// QUIC, under quinn.
    Quic,
    /// Heap and allocations.
    Memory,
    /// Parsing.
    Parsing,
    /// Time and size of builds.
    Build,
    /// Instructions, counted by a simulator.
    Instructions,
}

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
    /// 10^9 bytes per second.
    GigabytesPerSecond,
    /// A multiple of one thread's work.
    TimesOneThread,
    /// Bytes.
    Bytes,
    /// Allocations.
    Allocations,
    /// Seconds of CPU time.
    CpuSeconds,
    /// Instructions.
    Instructions,
}

/// The end of the names of contenders with AWS-LC.
pub const AWS_LC: &str = ", aws-lc-rs";

/// A target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Whether the target is an upper or lower bound.
    pub bound: Bound,
    /// The bound, in units of `of`.
    pub value: f64,
    /// The reference of `value`.
    pub of: Of,
}

/// Whether the target is an upper or lower bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// An upper bound.
    AtMost,
    /// A lower bound.
    AtLeast,
}

/// The reference of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The bare primitives.
    Limit,
    /// The peer.
    Peer,
    /// The row's unit.
    Unit,
}

impl Target {
    /// Returns a target of at most this multiple of the limit.
    #[must_use]
    pub const fn at_most_limit(value: f64) -> Self {
        Self { bound: Bound::AtMost, value, of: Of::Limit }
    }

    /// Returns a target of at least this part of the limit.
    #[must_use]
    pub const fn at_least_limit(value: f64) -> Self {
        Self { bound: Bound::AtLeast, value, of: Of::Limit }
    }

    /// Returns a target of at most this multiple of the peer's figure.
    #[must_use]
    pub const fn at_most_peer(value: f64) -> Self {
        Self { bound: Bound::AtMost, value, of: Of::Peer }
    }

    /// Returns a target of at least this multiple of the peer's figure.
    #[must_use]
    pub const fn at_least_peer(value: f64) -> Self {
        Self { bound: Bound::AtLeast, value, of: Of::Peer }
    }

    /// Returns a target of at most this value.
    #[must_use]
    pub const fn at_most(value: f64) -> Self {
        Self { bound: Bound::AtMost, value, of: Of::Unit }
    }

    /// Returns a target of at least this value.
    #[must_use]
    pub const fn at_least(value: f64) -> Self {
        Self { bound: Bound::AtLeast, value, of: Of::Unit }
    }

    /// Returns the text in tables, such as `≤ 1.06 × limit` or `≤ 3,500 bytes`.
    #[must_use]
    pub fn text(&self, table: Table, unit: Unit) -> String {
        let sign = match self.bound {
            Bound::AtMost => '≤',
            Bound::AtLeast => '≥',
        };
        match self.of {
            Of::Limit => format!("{sign} {:.2} × limit", self.value),
            Of::Peer => format!("{sign} {:.2} × {}", self.value, table.peer()),
            Of::Unit => format!("{sign} {}", unit.with_name(self.value)),
        }
    }

    /// Returns whether the row meets the target; `None` if the reference was not measured.
    #[must_use]
    pub fn is_met(&self, row: &Row) -> Option<bool> {
        let bound = match self.of {
            Of::Limit => self.value * row.limit?,
            Of::Peer => self.value * row.peer?,
            Of::Unit => self.value,
        };
        Some(match self.bound {
            Bound::AtMost => row.ours <= bound,
            Bound::AtLeast => row.ours >= bound,
        })
    }
}

impl Unit {
    /// Returns the number with its significant digits.
    #[must_use]
    pub fn number(self, value: f64) -> String {
        match self {
            Self::Micros | Self::Nanos | Self::CpuSeconds => format!("{value:.1}"),
            Self::GigabytesPerSecond | Self::TimesOneThread => format!("{value:.2}"),
            Self::Bytes | Self::Allocations | Self::Instructions => thousands(value),
        }
    }

    /// Returns the number with its unit.
    #[must_use]
    pub fn with_name(self, value: f64) -> String {
        format!("{} {}", self.number(value), self.name())
    }

    /// Returns the name of the unit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Micros => "µs",
            Self::Nanos => "ns",
            Self::GigabytesPerSecond => "GB/s",
            Self::TimesOneThread => "× one thread",
            Self::Bytes => "bytes",
            Self::Allocations => "allocations",
            Self::CpuSeconds => "CPU s",
            Self::Instructions => "instructions",
        }
    }

    const ALL: [Self; 8] = [
        Self::Micros,
        Self::Nanos,
        Self::GigabytesPerSecond,
        Self::TimesOneThread,
        Self::Bytes,
        Self::Allocations,
        Self::CpuSeconds,
        Self::Instructions,
    ];
}

impl Table {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Handshakes => "handshakes",
            Self::Bulk => "bulk",
            Self::Threads => "threads",
            Self::Async => "async",
            Self::Quic => "quic",
            Self::Memory => "memory",
            Self::Parsing => "parsing",
            Self::Build => "build",
            Self::Instructions => "instructions",
        }
    }

    /// Returns the name of the peer.
    pub(crate) const fn peer(self) -> &'static str {
        match self {
            Self::Parsing => "tls-parser",
            _ => "rustls",
        }
    }

    pub(crate) const ALL: [Self; 9] = [
        Self::Handshakes,
        Self::Bulk,
        Self::Threads,
        Self::Async,
        Self::Quic,
        Self::Memory,
        Self::Parsing,
        Self::Build,
        Self::Instructions,
    ];
}

impl Row {
    /// Creates a row without limit, peers and target.
    #[must_use]
    pub fn new(table: Table, unit: Unit, name: &str, side: &str, ours: f64) -> Self {
        Self {
            table,
            name: name.to_owned(),
            side: side.to_owned(),
            unit,
            ours,
            limit: None,
            peer: None,
            others: BTreeMap::new(),
            target: None,
        }
    }

    /// Creates a row from the contenders' figures; `None` without ours. Names are `ours`, `limit`,
    /// `rustls`, and those of others.
    #[must_use]
    pub fn of(table: Table, unit: Unit, name: &str, side: &str, figures: &[(&str, f64)]) -> Option<Self> {
        let find = |wanted| figures.iter().find(|(name, _)| *name == wanted).map(|(_, figure)| *figure);
        let mut row = Self::new(table, unit, name, side, find("ours")?);
        (row.limit, row.peer) = (find("limit"), find("rustls"));
        let others = figures.iter().filter(|(name, _)| !["ours", "limit", "rustls"].contains(name));
        row.others = others.map(|(name, figure)| ((*name).to_owned(), *figure)).collect();
        Some(row)
    }

    /// Creates the row of this library with AWS-LC, whose figures, and those of its limit and
    /// rustls, have names that end in [`AWS_LC`]. `None` if they were not measured.
    #[must_use]
    pub fn of_aws_lc(table: Table, unit: Unit, name: &str, side: &str, figures: &[(&str, f64)]) -> Option<Self> {
        let others = figures.iter().filter(|(name, _)| !name.starts_with("ours") && !name.starts_with("limit"));
        let others = others.filter(|(name, _)| !name.starts_with("rustls")).copied();
        let own = figures.iter().filter_map(|(name, figure)| Some((name.strip_suffix(AWS_LC)?, *figure)));
        Self::of(table, unit, &format!("{name}, with AWS-LC"), side, &own.chain(others).collect::<Vec<_>>())
    }

    /// Returns the row with a target.
    #[must_use]
    pub fn with_target(self, target: impl Into<Option<Target>>) -> Self {
        Self { target: target.into(), ..self }
    }

    /// Returns whether the target is met; `None` if there is none, or if its reference was not
    /// measured.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        self.target?.is_met(self)
    }

    /// Returns the row as in `results.json`.
    #[must_use]
    pub fn result(&self) -> Value {
        json!({
            "name": self.name,
            "side": self.side,
            "unit": self.unit.name(),
            "ours": self.ours,
            "limit": self.limit,
            "peer": self.peer,
            "target": self.target.map(|target| target.text(self.table, self.unit)),
            "met": self.met(),
        })
    }

    /// Prints the row as a line of JSON to standard output for the report, and a short form to
    /// standard error.
    pub fn print(&self) {
        println!("{}", self.to_json());
        let figure = |name, value: Option<f64>| value.map(|value| format!("{name} {}", self.unit.number(value)));
        let figures: Vec<_> =
            [figure("ours", Some(self.ours)), figure("limit", self.limit), figure("rustls", self.peer)]
                .into_iter()
                .flatten()
                .collect();
        eprintln!("{}, {}: {} {}", self.name, self.side, figures.join(", "), self.unit.name());
    }

    fn to_json(&self) -> Value {
        json!({
            "table": self.table.name(),
            "name": self.name,
            "side": self.side,
            "unit": self.unit.name(),
            "ours": self.ours,
            "limit": self.limit,
            "peer": self.peer,
            "others": self.others,
            "target": self.target.map(|target| json!({
                "bound": target.bound.name(),
                "value": target.value,
                "of": target.of.name(),
            })),
        })
    }

    /// Reads a line from [`print`](Self::print), or from a script for measurements outside of Rust:
    ///
    /// ```text
    /// {"table": "build", "name": "…", "side": "client", "unit": "CPU s",
    ///  "ours": 1.5, "limit": null, "peer": 2.5, "others": {},
    ///  "target": {"bound": "at most", "value": 1.0, "of": "peer"}}
    /// ```
    ///
    /// `bound` is `at most` or `at least`. `of` is `limit`, `peer`, or `unit` for a plain number.
    /// The target may be `null`.
    #[must_use]
    pub fn from_json(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let fields = value.as_object()?;
        let text = |name| fields.get(name)?.as_str();
        let number = |name| fields.get(name)?.as_f64();
        let others = fields.get("others").and_then(Value::as_object).cloned().unwrap_or_default();
        Some(Self {
            table: Table::ALL.into_iter().find(|table| Some(table.name()) == text("table"))?,
            name: text("name")?.to_owned(),
            side: text("side")?.to_owned(),
            unit: Unit::ALL.into_iter().find(|unit| Some(unit.name()) == text("unit"))?,
            ours: number("ours")?,
            limit: number("limit"),
            peer: number("peer"),
            others: others.into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect(),
            // An invalid target must not be read as none.
            target: match fields.get("target") {
                None | Some(Value::Null) => None,
                Some(target) => Some(Target::from_json(target.as_object()?)?),
            },
        })
    }
}

impl Target {
    fn from_json(fields: &Map<String, Value>) -> Option<Self> {
        let text = |name| fields.get(name)?.as_str();
        Some(Self {
            bound: [Bound::AtMost, Bound::AtLeast].into_iter().find(|bound| Some(bound.name()) == text("bound"))?,
            value: fields.get("value")?.as_f64()?,
            of: [Of::Limit, Of::Peer, Of::Unit].into_iter().find(|of| Some(of.name()) == text("of"))?,
        })
    }
}

impl Bound {
    const fn name(self) -> &'static str {
        match self {
            Self::AtMost => "at most",
            Self::AtLeast => "at least",
        }
    }
}

impl Of {
    const fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Peer => "peer",
            Self::Unit => "unit",
        }
    }
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(target: Target) -> Row {
        let figures = [("ours", 52.0), ("limit", 50.0), ("rustls", 60.0), ("openssl", 70.0)];
        Row::of(Table::Handshakes, Unit::Micros, "work", "client", &figures).unwrap().with_target(target)
    }

    #[test]
    fn target_check_matches_its_text() {
        for (target, text, met) in [
            (Target::at_most_limit(1.04), "≤ 1.04 × limit", true),
            (Target::at_most_limit(1.03), "≤ 1.03 × limit", false),
            (Target::at_most_peer(0.87), "≤ 0.87 × rustls", true),
            (Target::at_least_limit(1.05), "≥ 1.05 × limit", false),
            (Target::at_most(51.9), "≤ 51.9 µs", false),
            (Target::at_least(52.0), "≥ 52.0 µs", true),
        ] {
            let row = row(target);
            assert_eq!(row.result()["target"], text);
            assert_eq!(row.met(), Some(met), "{text}");
        }
        let unmeasured = Row { limit: None, ..row(Target::at_most_limit(2.0)) };
        assert_eq!(unmeasured.met(), None);
    }

    #[test]
    fn row_of_aws_lc_has_its_own_limit_and_peer() {
        let ring = [("ours", 52.0), ("limit", 50.0), ("rustls", 60.0), ("openssl", 70.0)];
        let of = |figures: &[_]| Row::of_aws_lc(Table::Bulk, Unit::Micros, "work", "send", figures);
        assert_eq!(of(&ring), None);
        let both = [&ring[..], &[("ours, aws-lc-rs", 2.0), ("limit, aws-lc-rs", 1.0), ("rustls, aws-lc-rs", 3.0)]];
        let row = of(&both.concat()).unwrap();
        assert_eq!(
            (row.name.as_str(), row.ours, row.limit, row.peer),
            ("work, with AWS-LC", 2.0, Some(1.0), Some(3.0))
        );
        assert_eq!(row.others, [("openssl".to_owned(), 70.0)].into());
    }

    #[test]
    fn row_round_trips_through_json() {
        let row = row(Target::at_most_limit(1.04));
        assert_eq!(Row::from_json(&row.to_json().to_string()), Some(row));
    }

    #[test]
    fn results_have_the_documented_keys() {
        let result = row(Target::at_most(1.0)).result();
        let mut keys: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        assert_eq!(keys, ["limit", "met", "name", "ours", "peer", "side", "target", "unit"]);
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!([thousands(999.0), thousands(1000.0), thousands(-1_234_567.4)], ["999", "1,000", "-1,234,567"]);
    }
}
