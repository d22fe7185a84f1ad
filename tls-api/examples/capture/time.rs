//! Formats times.

use std::time::Duration;

use time::OffsetDateTime;

/// Formats a time since 1970 like `2026-01-31 00:00:00 UTC`, and one after the year 9999 as
/// seconds.
pub(crate) fn utc(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let Some(t) = i64::try_from(seconds).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok()) else {
        return format!("{seconds} s after 1970");
    };
    let (year, month, day) = t.to_calendar_date();
    let (hour, minute, second) = t.to_hms();
    format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC", u8::from(month))
}

/// Returns a time in milliseconds, with three decimals.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
