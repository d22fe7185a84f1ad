//! Writes one self-contained HTML page: the verdict, the flights as a timeline, and sections of
//! facts. It needs no script and no other file, prints well, and follows the reader's choice of
//! light or dark.
//!
//! All text may come from a peer. [`Html`] escapes it.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use super::flights::{Flight, Message};
use super::{Side, milliseconds};

/// The contents of a page.
pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    pub(crate) subtitle: &'a str,
    /// The result in one sentence, and what to do.
    pub(crate) verdict: (Mark, &'a str, &'a str),
    /// Findings: mark, what was found, what to do.
    pub(crate) findings: Vec<(Mark, &'a str, &'a str)>,
    /// `None` if there was no connection.
    pub(crate) timeline: Option<Timeline<'a>>,
    pub(crate) sections: &'a [Section],
}

/// The flights of a connection, seen from one side.
pub(crate) struct Timeline<'a> {
    pub(crate) seen_by: Side,
    pub(crate) flights: &'a [Flight],
}

/// A titled table of facts.
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) mark: Mark,
}

/// How a fact is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    Good,
    Note,
    Warning,
    Bad,
}

impl Mark {
    fn class(self) -> &'static str {
        match self {
            Self::None => "plain",
            Self::Good => "good",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }

    /// A sign that does not depend on colours.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::None => " ",
            Self::Good => "✓",
            Self::Note => "·",
            Self::Warning => "!",
            Self::Bad => "✗",
        }
    }
}

impl Section {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, mark: Mark, label: impl Into<String>, value: impl Into<String>) {
        self.rows.push(Row { label: label.into(), value: value.into(), mark });
    }
}

/// Escapes text for element contents and quoted attributes. Control characters, and those that
/// change the direction of text, are shown as code points.
struct Html<'a>(&'a str);

impl Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;"),
                '<' => f.write_str("&lt;"),
                '>' => f.write_str("&gt;"),
                '"' => f.write_str("&quot;"),
                '\'' => f.write_str("&#39;"),
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    write!(f, "{}", c.escape_unicode())
                }
                c if c.is_control() => write!(f, "{}", c.escape_unicode()),
                c => f.write_char(c),
            }?;
        }
        Ok(())
    }
}

impl Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, verdict, advice) = self.verdict;
        writeln!(f, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
        writeln!(f, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
        // Nothing is loaded and nothing runs, even if escaping had a fault.
        writeln!(
            f,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        )?;
        writeln!(f, "<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>", Html(self.title))?;
        writeln!(f, "<header>\n<h1>{}</h1>\n<p class=\"sub\">{}</p>", Html(self.title), Html(self.subtitle))?;
        write!(f, "<div class=\"verdict {}\"><b>{}</b> {}", mark.class(), mark.sign(), Html(verdict))?;
        if !advice.is_empty() {
            write!(f, "<p>{}</p>", Html(advice))?;
        }
        f.write_str("</div>\n")?;
        if !self.findings.is_empty() {
            f.write_str("<ul class=\"findings\">\n")?;
            for (mark, what, advice) in &self.findings {
                write!(f, "<li class=\"{}\"><b>{}</b> <div>{}", mark.class(), mark.sign(), Html(what))?;
                if !advice.is_empty() {
                    write!(f, "<p>{}</p>", Html(advice))?;
                }
                f.write_str("</div></li>\n")?;
            }
            f.write_str("</ul>\n")?;
        }
        f.write_str("</header>\n")?;
        if let Some(timeline) = self.timeline.as_ref().filter(|timeline| !timeline.flights.is_empty()) {
            timeline.fmt(f)?;
        }
        f.write_str("<div class=\"sections\">\n")?;
        self.sections.iter().filter(|section| !section.rows.is_empty()).try_for_each(|section| section.fmt(f))?;
        f.write_str("</div>\n</main>\n</body>\n</html>\n")
    }
}

impl Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of algorithms are long, and what is said of them is short.
        let long = self.rows.iter().any(|row| row.label.len() > LONG);
        let class = if long { " class=\"long\"" } else { "" };
        writeln!(f, "<section>\n<h2>{}</h2>\n<table{class}>", Html(&self.title))?;
        for row in &self.rows {
            let (class, sign) = (row.mark.class(), row.mark.sign());
            let (label, value) = (Html(&row.label).to_string().replace('_', "_<wbr>"), Html(&row.value));
            writeln!(
                f,
                "<tr class=\"{class}\"><th>{label}</th><td><div><b>{sign}</b><span>{value}</span></div></td></tr>"
            )?;
        }
        writeln!(f, "</table>\n</section>")
    }
}

impl Display for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.flights.iter().map(|flight| flight.last).max().unwrap_or_default();
        let (seen_by, start) = match self.seen_by {
            Side::Client => ("client", "the TCP connection was established"),
            Side::Server => ("server", "it accepted the TCP connection"),
        };
        writeln!(f, "<section class=\"timeline\">\n<h2>Flights</h2>")?;
        writeln!(
            f,
            "<p class=\"sub\">Times are as seen by the {seen_by}, in milliseconds since {start}. \
             Sizes are in bytes: of a flight on the wire, of a message without record headers. The \
             bar below a flight shows the time since the flight before it.</p>"
        )?;
        writeln!(f, "<div class=\"lanes\"><span>client</span><span>server</span></div>\n<ol>")?;
        let mut before = Duration::ZERO;
        for flight in self.flights {
            one_flight(f, flight, before, end)?;
            before = flight.last;
        }
        writeln!(
            f,
            "</ol>\n<p class=\"key\"><i class=\"decrypted\"></i> was encrypted; the logged secrets of the connection decrypted \
             it. <i class=\"opaque\"></i> cannot be decrypted.</p>\n</section>"
        )
    }
}

fn one_flight(f: &mut fmt::Formatter<'_>, flight: &Flight, before: Duration, end: Duration) -> fmt::Result {
    let from = flight.from.name();
    let (records, plural) = (flight.records, if flight.records == 1 { "" } else { "s" });
    writeln!(f, "<li class=\"{from}\">\n<div class=\"when\"><b>{:.3} ms</b>", milliseconds(flight.first))?;
    let waited = flight.first.saturating_sub(before);
    writeln!(f, "<span>+{:.3}</span></div>", milliseconds(waited))?;
    writeln!(
        f,
        "<div class=\"flight\"><div class=\"arrow\"><span>{} bytes, {records} record{plural}</span></div>",
        flight.bytes
    )?;
    f.write_str("<ul>\n")?;
    flight.messages.iter().try_for_each(|message| one_message(f, message))?;
    f.write_str("</ul>\n")?;
    // The share of the whole time: the wait before the flight, then the flight itself.
    let share = |time: Duration| if end.is_zero() { 0.0 } else { 100.0 * time.as_secs_f64() / end.as_secs_f64() };
    let (start, took) = (share(before), share(flight.last.saturating_sub(before)));
    writeln!(f, "<div class=\"bar\"><i style=\"margin-left:{start:.2}%;width:{took:.2}%\"></i></div></div>\n</li>")
}

fn one_message(f: &mut fmt::Formatter<'_>, message: &Message) -> fmt::Result {
    let class = message.protection.name();
    let (name, bytes) = (Html(&message.name), message.bytes);
    write!(f, "<li class=\"{class}\"><span>{name}</span> <em>{bytes}</em>")?;
    if !message.note.is_empty() {
        write!(f, "<small>{}</small>", Html(&message.note))?;
    }
    f.write_str("</li>\n")
}

const LONG: usize = 28;

const STYLE: &str = include_str!("page.css");
