//! The verdict of a scanner on tlsserver: exactly our versions, suites and groups, and none of its warnings.

use libtest_mimic::Trial;

use crate::certificates::Kind;
use crate::processes::{Running, Server};
use crate::programs::Program;
use crate::{Outcome, trial};

const NEEDS: &[Program] = &[Program::Openssl, Program::Sslscan];

/// What sslscan 2 is to say of a server with a P-256 certificate.
const EXPECTED: &str = include_str!("data/sslscan.txt");

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("scan::sslscan::ecdsa", NEEDS, || scan(Kind::EcdsaP256, EXPECTED)),
        trial("scan::sslscan::rsa", NEEDS, || scan(Kind::Rsa, &EXPECTED.replace("ECDHE-ECDSA", "ECDHE-RSA"))),
    ]
}

fn scan(kind: Kind, expected: &str) -> Outcome {
    let server = Server::start(kind, &[], &["http"])?;
    let mut command = Program::Sslscan.command();
    command.args(["--no-colour", "--no-check-certificate", "--sni-name=localhost", &server.address()]);
    let said = Running::start(command)?.succeed()?.text();
    // What says which versions sslscan and its OpenSSL have stands before, and differs between machines.
    let (_, verdict) = said.split_once("  SSL/TLS Protocols:").ok_or("sslscan scanned nothing")?;
    let verdict = squeeze(verdict);
    let expected = squeeze(expected.split_once("  SSL/TLS Protocols:").map_or(expected, |(_, verdict)| verdict));
    if verdict == expected { Ok(()) } else { Err(format!("sslscan says:\n{verdict}\nand not:\n{expected}").into()) }
}

/// One blank for many, no empty lines, and nothing about compression, which sslscan cannot see without a special OpenSSL.
fn squeeze(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = lines.filter(|line| !line.is_empty() && !line.contains("ompression") && !line.starts_with("Rebuild"));
    lines.collect::<Vec<_>>().join("\n")
}
