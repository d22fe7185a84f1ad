//! Bounds on the peer's input in an error: the first entries of a list, and the first bytes of a
//! text.

use std::fmt;

/// The first entries of a list that a peer sent, at most [`MAX`](Self::MAX), and how many there
/// were.
///
/// An error lives as long as its connection, and its text is written to logs. Neither may grow with
/// the peer's input.
///
/// ```
/// use strata_tls_handshake::error::Excerpt;
///
/// let offered: Excerpt<u32> = (0..100).collect();
/// assert_eq!((offered.entries().len(), offered.total()), (16, 100));
/// assert!(offered.to_string().ends_with("14, 15 and 84 more"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt<T> {
    entries: Vec<T>,
    total: usize,
}

impl<T> Excerpt<T> {
    /// The maximum number of entries kept.
    pub const MAX: usize = 16;

    /// Returns the first entries, at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn entries(&self) -> &[T] {
        &self.entries
    }

    /// Returns whether the list had no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Returns the number of entries in the list, kept or not.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Converts each entry kept.
    pub(crate) fn map<U>(self, convert: impl Fn(T) -> U) -> Excerpt<U> {
        Excerpt { entries: self.entries.into_iter().map(convert).collect(), total: self.total }
    }

    /// Writes the entries with `write`, then the number of entries not kept.
    pub(crate) fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        write: &dyn Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        if self.total == 0 {
            return f.write_str("none");
        }
        for (at, entry) in self.entries.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            write(entry, f)?;
        }
        match self.total.saturating_sub(self.entries.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl<T> FromIterator<T> for Excerpt<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut all = all.into_iter();
        let entries: Vec<T> = all.by_ref().take(Self::MAX).collect();
        let total = entries.len().saturating_add(all.count());
        Self { entries, total }
    }
}

impl<T> From<Vec<T>> for Excerpt<T> {
    fn from(all: Vec<T>) -> Self {
        all.into_iter().collect()
    }
}

impl<T: fmt::Display> fmt::Display for Excerpt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &|entry, f| entry.fmt(f))
    }
}

/// Shows a peer's text with all characters escaped that could mislead a reader of a log: control
/// characters, invisible ones, and backslashes. Quotes stay, as in `Let's Encrypt`: put the text
/// into quotes with `{:?}` instead.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const QUOTES: [char; 2] = ['\'', '"'];
        for part in self.0.split_inclusive(QUOTES) {
            let text = part.strip_suffix(QUOTES).unwrap_or(part);
            write!(f, "{}{}", text.escape_debug(), part.get(text.len()..).unwrap_or_default())?;
        }
        Ok(())
    }
}

/// Truncates a peer's text to 255 bytes, between characters.
pub(crate) fn bounded(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// The maximum length of a text, in bytes. A DNS name is shorter.
const MAX_TEXT: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpt_keeps_first_entries_and_counts_all() {
        for total in [0, 1, 15, 16, 17, 1000] {
            let excerpt: Excerpt<usize> = (0..total).collect();
            assert_eq!(excerpt.entries(), (0..total.min(16)).collect::<Vec<_>>());
            assert_eq!(excerpt.total(), total);
            assert_eq!(excerpt.to_string().contains("more"), total > 16);
        }
        assert_eq!(Excerpt::<u8>::default().to_string(), "none");
    }

    #[test]
    fn bounded_truncates_between_characters() {
        assert_eq!(bounded("a".repeat(255)), "a".repeat(255));
        assert_eq!(bounded("a".repeat(256)), "a".repeat(255) + "…");
        assert_eq!(bounded("ä".repeat(200)), "ä".repeat(127) + "…");
    }
}
