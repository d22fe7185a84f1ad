//! Checks which modules of the crate may use which, by the `use` lines and paths in the sources.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // Unit tests may use everything.
            if !path.ends_with("src/tests") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("src/tests.rs") {
            found.push(path);
        }
    }
}

/// The path of each source file, and its code without comments and tests.
fn library() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    assert!(found.len() > 25, "sources not found");
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

/// Whether the code uses a module of the crate, by path or through `use crate::{…}`.
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

/// Checks that no file of the modules `parts` uses one of the modules `forbidden`. A module is the
/// file and the folder of that name.
fn assert_independent(parts: &[&str], forbidden: &[&str]) {
    let library = library();
    for part in parts {
        let within = |file: &str| file == format!("{part}.rs") || file.starts_with(&format!("{part}/"));
        let files: Vec<_> = library.iter().filter(|(file, _)| within(file)).collect();
        assert!(!files.is_empty(), "no module {part}");
        for (file, code) in files {
            for other in forbidden {
                assert!(!names(code, other), "src/{file} uses crate::{other}");
            }
        }
    }
}

/// Whether the code uses a module of this name, other than by declaring it.
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
fn helpers_detect_uses_of_modules() {
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
fn client_and_server_are_independent() {
    assert_independent(&["client"], &["server"]);
    assert_independent(&["server"], &["client"]);
}

/// Applies to each module with a submodule for each version.
#[test]
fn tls12_and_tls13_are_independent() {
    let mut looked = Vec::new();
    for (file, code) in library() {
        for (own, other, evidence) in
            [("tls12", "tls13", "auth/tls12_session.rs"), ("tls13", "tls12", "auth/psk_binder.rs")]
        {
            if file.contains(&format!("/{own}/")) || file.ends_with(&format!("/{own}.rs")) || file == evidence {
                assert!(!enters(&code, other), "src/{file} uses {other}");
                looked.push(file.split('/').next().unwrap().to_owned());
            }
        }
    }
    looked.sort();
    looked.dedup();
    assert_eq!(looked, ["auth", "client", "flight", "schedule", "server", "verify"]);
}

/// Only the hello messages negotiate the version, and configurations have the signature schemes of
/// both.
#[test]
fn only_hellos_and_configurations_use_both_versions() {
    let both = |code: &String| enters(code, "tls12") && enters(code, "tls13");
    let mut files: Vec<String> = library().into_iter().filter(|(_, code)| both(code)).map(|(file, _)| file).collect();
    files.sort();
    assert_eq!(files, ["client/hello.rs", "config/common.rs", "config/validate.rs", "server/hello.rs"]);
}

#[test]
fn states_do_not_use_record_layer_or_engine() {
    assert_independent(
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
            "transport",
        ],
        &["record", "connection", "quic"],
    );
}

#[test]
fn record_layer_does_not_use_states() {
    assert_independent(
        &["record"],
        &["client", "server", "auth", "key_update", "flight", "negotiate", "verify", "need", "connection", "quic"],
    );
}

#[test]
fn errors_depend_only_on_the_codec() {
    for (file, code) in library() {
        if file == "error.rs" || file == "certificate_error.rs" || file.starts_with("error/") {
            for line in code.lines().filter(|line| line.contains("crate::")) {
                let allowed = line.contains("crate::certificate_error") || line.contains("crate::error");
                assert!(allowed, "src/{file}: {line}");
            }
            assert!(!code.contains("tls_crypto"), "src/{file} uses tls_crypto");
            assert!(!code.contains("webpki"), "src/{file} uses webpki");
        }
    }
}

#[test]
fn nothing_uses_ring_or_io() {
    for (file, code) in library() {
        for forbidden in
            ["ring::", "use ring", "std::net", "std::fs", "std::time::Instant", "SystemTime", "std::io::Read"]
        {
            let named = code
                .match_indices(forbidden)
                .any(|(at, _)| !code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_'));
            assert!(!named, "src/{file} uses {forbidden}");
        }
    }
}
