//! The list of certificate transparency logs as browsers have it: JSON, in the form of `log_list.json`, version 3.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use strata_tls::pki_types::pem::PemObject;
use strata_tls::pki_types::{SubjectPublicKeyInfoDer, UnixTime};
use strata_tls::{CtLog, CtPolicy};

use crate::options::{Context, Failure};

/// How long a list is good for after it was made: what browsers take.
const LIFETIME: Duration = Duration::from_secs(70 * 86_400);

pub(crate) fn read(path: &Path, operators: usize) -> Result<CtPolicy, Failure> {
    let what = || format!("--ct-logs {}", path.display());
    let text = std::fs::read(path).context(what())?;
    let list: Value = serde_json::from_slice(&text).context(what())?;
    let logs = logs(&list).ok_or_else(|| Failure::new(format!("{}: this is no list of logs of version 3", what())))?;
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
            // The key is the base64 of a SubjectPublicKeyInfo: PEM without its first line and its last.
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", log["key"].as_str()?);
            let key = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?.to_vec();
            let mut read = CtLog::new(log["description"].as_str()?, name, key).ok()?;
            let at = |value: &Value| value.as_str().and_then(time).map(UnixTime::since_unix_epoch);
            let state = &log["state"];
            // A log that was rejected, or is not there yet, counts for nothing.
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

/// `2026-01-31T00:00:00Z`, since 1970.
fn time(text: &str) -> Option<Duration> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (year, month, day): (u64, u64, u64) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 || !text.ends_with('Z') {
        return None;
    }
    // Years from March, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(Duration::from_secs((days - 719_468) * 86_400 + hour * 3_600 + minute * 60 + second))
}
