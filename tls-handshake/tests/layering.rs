//! Who may name whom: the directions of the crate's parts, held by the `use` lines and paths of its sources.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // Proofs look inside on purpose.
            if !path.ends_with("src/tests") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// A file's place in the crate, and its code without comments and without its tests.
fn library() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    assert!(found.len() > 25, "the sources were not found");
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            (path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/"), code.join("\n"))
        })
        .collect()
}

/// Whether code names a part of the crate, by path or through `use crate::{…}`.
fn names(code: &str, part: &str) -> bool {
    let path = format!("crate::{part}");
    let by_path = code.match_indices(&path).any(|(at, _)| {
        let next = code[at + path.len()..].chars().next();
        !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
    });
    let grouped = code.split("use crate::{").skip(1).any(|rest| {
        let group = rest.split(';').next().unwrap_or_default();
        group.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == part)
    });
    by_path || grouped
}

fn nobody_in(files: &[&str], may_name: &[&str]) {
    let mut looked = 0;
    for (file, code) in library() {
        if files.iter().any(|prefix| file == *prefix || file.starts_with(&format!("{prefix}/"))) {
            looked += 1;
            for part in may_name {
                assert!(!names(&code, part), "src/{file} names crate::{part}");
            }
        }
    }
    assert!(looked >= 1, "none of {files:?} exists");
}

#[test]
fn this_test_sees_what_it_looks_for() {
    assert!(names("use crate::record::Opened;", "record"));
    assert!(names("let x = crate::record::open();", "record"));
    assert!(names("use crate::{error::Error, record::{Opened, Joiner}};", "record"));
    assert!(!names("use crate::recorder::Opened;", "record"));
    assert!(!names("use tls_codec::record::HEADER_LEN;", "record"));
    let connection = library().into_iter().find(|(file, _)| file == "connection.rs").unwrap().1;
    assert!(names(&connection, "record") && names(&connection, "client"));
}

#[test]
fn client_and_server_do_not_know_each_other() {
    nobody_in(&["client"], &["server"]);
    nobody_in(&["server"], &["client"]);
}

#[test]
fn tls12_and_tls13_do_not_know_each_other() {
    for (file, code) in library() {
        for (own, other) in [("tls12", "tls13"), ("tls13", "tls12")] {
            if file.contains(&format!("/{own}")) {
                assert!(!code.contains(&format!("{other}::{{")), "src/{file} names {other}");
                for role in ["client", "server"] {
                    assert!(!names(&code, &format!("{role}::{other}")), "src/{file} names {role}::{other}");
                }
                assert!(!code.contains(&format!("super::{other}")), "src/{file} names its sibling {other}");
            }
        }
    }
}

#[test]
fn states_do_not_know_the_record_layer_nor_the_engine() {
    nobody_in(
        &["client", "server", "auth.rs", "traffic.rs", "flight.rs", "schedule.rs", "negotiate.rs", "verify", "need.rs"],
        &["record", "connection"],
    );
}

#[test]
fn the_record_layer_does_not_know_states() {
    nobody_in(
        &["record"],
        &["client", "server", "auth", "traffic", "flight", "negotiate", "verify", "need", "connection"],
    );
}

#[test]
fn errors_know_the_codec_alone() {
    for (file, code) in library() {
        if file == "error.rs" || file == "certificate_error.rs" {
            for line in code.lines().filter(|line| line.contains("crate::")) {
                assert!(line.contains("crate::certificate_error"), "src/{file}: {line}");
            }
            assert!(!code.contains("tls_crypto"), "src/{file} names tls_crypto");
            assert!(!code.contains("webpki"), "src/{file} names webpki");
        }
    }
}

#[test]
fn nothing_names_ring_and_nothing_does_io() {
    for (file, code) in library() {
        for forbidden in
            ["ring::", "use ring", "std::net", "std::fs", "std::time::Instant", "SystemTime", "std::io::Read"]
        {
            let named = code
                .match_indices(forbidden)
                .any(|(at, _)| !code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_'));
            assert!(!named, "src/{file} names {forbidden}");
        }
    }
}
