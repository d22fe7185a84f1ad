//! Reads the list of certificate transparency logs that browsers use: `log_list.json`, version 3.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use strata_tls::pki_types::pem::PemObject;
use strata_tls::pki_types::{SubjectPublicKeyInfoDer, UnixTime};
use strata_tls::{CtLog, CtPolicy};

use crate::options::{Context, Failure};

/// The age at which a list expires, as in browsers.
const LIFETIME: Duration = Duration::from_secs(70 * 86_400);

pub(crate) fn read(path: &Path, operators: usize) -> Result<CtPolicy, Failure> {
    let what = || format!("--ct-logs {}", path.display());
    let text = std::fs::read(path).context(what())?;
    let list: Value = serde_json::from_slice(&text).context(what())?;
    let logs = logs(&list).ok_or_else(|| Failure::new(format!("{}: not a log list of version 3", what())))?;
    let mut policy = CtPolicy::new(logs);
    policy.set_minimum_operators(operators);
    policy.set_expiry(list["log_list_timestamp"].as_str().and_then(time).map(|made| made + LIFETIME));
    Ok(policy)
}

fn logs(list: &Value) -> Option<Vec<CtLog>> {
    let mut logs = Vec::new();
    for operator in list["operators"].as_array()? {
        let name = operator["name"].as_str()?;
        for log in operator["logs"].as_array()? {
            // The key is the base64 of a SubjectPublicKeyInfo: PEM without its boundary lines.
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", log["key"].as_str()?);
            let key = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?.to_vec();
            let mut read = CtLog::new(log["description"].as_str()?, name, key).ok()?;
            let at = |value: &Value| value.as_str().and_then(time).map(UnixTime::since_unix_epoch);
            let state = &log["state"];
            // SCTs of rejected and pending logs do not count.
            if state["rejected"].is_object() || state["pending"].is_object() {
                continue;
            }
            read.set_retired(at(&state["retired"]["timestamp"]));
            let period = &log["temporal_interval"];
            read.set_period(at(&period["start_inclusive"]).zip(at(&period["end_exclusive"])));
            logs.push(read);
        }
    }
    Some(logs)
}

/// Parses a time like `2026-01-31T00:00:00Z` as the time since 1970.
fn time(text: &str) -> Option<Duration> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (year, month, day): (u64, u64, u64) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 || !text.ends_with('Z') {
        return None;
    }
    // Years that start in March have the leap day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(Duration::from_secs((days - 719_468) * 86_400 + hour * 3_600 + minute * 60 + second))
}
