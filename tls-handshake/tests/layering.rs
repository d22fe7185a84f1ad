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
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("src/tests.rs") {
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

/// A folder's or a module's name covers the file and the folder of that name.
fn nobody_in(parts: &[&str], may_name: &[&str]) {
    let library = library();
    for part in parts {
        let within = |file: &str| file == format!("{part}.rs") || file.starts_with(&format!("{part}/"));
        let files: Vec<_> = library.iter().filter(|(file, _)| within(file)).collect();
        assert!(!files.is_empty(), "there is no {part}");
        for (file, code) in files {
            for other in may_name {
                assert!(!names(code, other), "src/{file} names crate::{other}");
            }
        }
    }
}

/// Whether code leads into a module of this name, other than by declaring it.
fn enters(code: &str, module: &str) -> bool {
    let declares = |line: &&str| line.trim_end_matches(';').ends_with(&format!("mod {module}"));
    code.lines().filter(|line| !declares(line)).any(|line| {
        line.match_indices(module).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + module.len()..]);
            let is_word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '"')
                && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '(' || c == '"');
            is_word && !before.trim_end().ends_with("fn")
        })
    })
}

#[test]
fn this_test_sees_what_it_looks_for() {
    assert!(names("use crate::record::Opened;", "record"));
    assert!(names("let x = crate::record::open();", "record"));
    assert!(names("use crate::{error::Error, record::{Opened, Joiner}};", "record"));
    assert!(!names("use crate::recorder::Opened;", "record"));
    assert!(!names("use tls_codec::record::HEADER_LEN;", "record"));
    for enters_it in
        ["use super::tls12;", "tls12::State", "use crate::verify::{tls12 as x, tls13};", "crate::flight::tls12::y()"]
    {
        assert!(enters(enters_it, "tls12"), "{enters_it}");
    }
    for does_not in ["pub mod tls12;", "suite.tls12()", "fn tls12(self)", "encode_tls12(w)", "\"tls12\"", "Tls12"] {
        assert!(!enters(does_not, "tls12"), "{does_not}");
    }
    let connection = library().into_iter().find(|(file, _)| file == "connection.rs").unwrap().1;
    assert!(names(&connection, "record") && names(&connection, "client"));
}

#[test]
fn client_and_server_do_not_know_each_other() {
    nobody_in(&["client"], &["server"]);
    nobody_in(&["server"], &["client"]);
}

/// In every part that has a folder or a file for each: client, server, schedule, verify, flight.
#[test]
fn tls12_and_tls13_do_not_know_each_other() {
    let mut looked = Vec::new();
    for (file, code) in library() {
        for (own, other) in [("tls12", "tls13"), ("tls13", "tls12")] {
            if file.contains(&format!("/{own}/")) || file.ends_with(&format!("/{own}.rs")) {
                assert!(!enters(&code, other), "src/{file} names {other}");
                looked.push(file.split('/').next().unwrap().to_owned());
            }
        }
    }
    looked.sort();
    looked.dedup();
    assert_eq!(looked, ["auth", "client", "flight", "schedule", "server", "verify"]);
}

/// The version is decided in the hellos, once: nothing behind them, and nothing beside them, knows both.
#[test]
fn only_the_hellos_know_both_versions() {
    let both = |code: &String| enters(code, "tls12") && enters(code, "tls13");
    let mut files: Vec<String> = library().into_iter().filter(|(_, code)| both(code)).map(|(file, _)| file).collect();
    files.sort();
    assert_eq!(files, ["client/hello.rs", "server/hello.rs"]);
}

#[test]
fn states_do_not_know_the_record_layer_nor_the_engine() {
    nobody_in(
        &[
            "client",
            "server",
            "auth",
            "key_update",
            "flight",
            "schedule",
            "negotiate",
            "verify",
            "need",
            "suite",
            "negotiated",
        ],
        &["record", "connection"],
    );
}

#[test]
fn the_record_layer_does_not_know_states() {
    nobody_in(
        &["record"],
        &["client", "server", "auth", "key_update", "flight", "negotiate", "verify", "need", "connection"],
    );
}

#[test]
fn errors_know_the_codec_alone() {
    for (file, code) in library() {
        if file == "error.rs" || file == "certificate_error.rs" || file.starts_with("error/") {
            for line in code.lines().filter(|line| line.contains("crate::")) {
                let allowed = line.contains("crate::certificate_error") || line.contains("crate::error");
                assert!(allowed, "src/{file}: {line}");
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
