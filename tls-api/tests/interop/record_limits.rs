//! Negotiated record limits: record_size_limit (RFC 8449) with GnuTLS, max_fragment_length (RFC
//! 6066) with OpenSSL. Both sides reject records above their limit.

use libtest_mimic::Trial;

use crate::certificates::{Kind, folder};
use crate::openssl_client;
use crate::openssl_server::{OpensslServer, client};
use crate::processes::{AfterFeed, Server};
use crate::programs::Program;
use crate::tls12::GnutlsServer;
use crate::{Outcome, checksum, contains, gnutls, trial};

const OPENSSL: &[Program] = &[Program::Openssl];
const GNUTLS_CLI: &[Program] = &[Program::GnutlsCli];
const GNUTLS_SERV: &[Program] = &[Program::GnutlsServ];
const VERSIONS: [&str; 2] = ["1.2", "1.3"];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for version in VERSIONS {
        // GnuTLS rejects limits below 512.
        for ours in [None, Some("512"), Some("1000")] {
            let name = ours.unwrap_or("none");
            trials.push(trial(format!("record_limits::gnutls_client::{version}::{name}"), GNUTLS_CLI, move || {
                gnutls_client(version, ours)
            }));
            trials.push(trial(format!("record_limits::gnutls_server::{version}::{name}"), GNUTLS_SERV, move || {
                gnutls_server(version, ours)
            }));
        }
        for length in ["512", "1024", "2048", "4096"] {
            trials.push(trial(format!("record_limits::openssl_client::{version}::{length}"), OPENSSL, move || {
                openssl_client(version, length)
            }));
            trials.push(trial(format!("record_limits::openssl_server::{version}::{length}"), OPENSSL, move || {
                openssl_server(version, length)
            }));
        }
    }
    trials
}

/// Longer than any record.
const LENGTH: usize = 100_000;

fn data() -> Vec<u8> {
    (b'a'..=b'y').cycle().take(LENGTH).collect()
}

fn gnutls_options(version: &str) -> Vec<String> {
    let priority = format!("NORMAL:-VERS-ALL:+VERS-TLS{version}");
    ["--priority".to_owned(), priority, "--recordsize".into(), "600".into()].into()
}

/// Whether all data was echoed. Line endings do not count.
fn echoed(said: &[u8]) -> Option<()> {
    (said.iter().filter(|byte| byte.is_ascii_lowercase()).count() >= LENGTH).then_some(())
}

/// The largest plaintext. In TLS 1.3 the limit includes the content type (RFC 8449 §4).
fn plaintext(limit: u16, version: &str) -> u16 {
    if version == "1.3" { limit - 1 } else { limit }
}

fn gnutls_client(version: &str, ours: Option<&str>) -> Outcome {
    let limit = ours.map_or_else(Vec::new, |ours| vec!["--record-size-limit", ours]);
    let server = Server::start(Kind::EcdsaP256, &limit, &["http"])?;
    let mut client = gnutls::client(server.port, &gnutls_options(version))?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    client.stdout.wait_for("Peer has closed the GnuTLS connection")?;
    let received = match ours {
        Some(ours) => plaintext(ours.parse().map_err(|_| "no number")?, version),
        None => 16384,
    };
    // --recordsize limits the plaintext.
    contains(&client.stdout.text(), &format!("record limits: sent 600, received {received}\n"))?;
    // GnuTLS rejects records above its limit.
    let mut client = gnutls::client(server.port, &gnutls_options(version))?;
    client.feed(b"GET /bytes/100000 HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    client.stdout.wait_for("Peer has closed the GnuTLS connection")?;
    server.expect_no_errors()?;
    Ok(())
}

fn gnutls_server(version: &str, ours: Option<&str>) -> Outcome {
    let server = GnutlsServer::start(Kind::EcdsaP256, &gnutls_options(version))?;
    let limit = ours.map_or_else(Vec::new, |ours| vec!["--record-size-limit", ours]);
    let ended = client(server.port, &[&["--verbose", "--http", "/"], &limit[..]].concat())?.succeed()?;
    contains(&ended.text(), "200 OK")?;
    match ours {
        // Without an offer nothing is negotiated.
        None => contains(&ended.stderr, "record limits: sent 16384, received 16384"),
        Some(ours) => {
            let ours = ours.parse().map_err(|_| "no number")?;
            contains(&ended.stderr, &format!("record limits: sent 600, received {}", plaintext(ours, version)))
        }
    }
}

fn openssl_client(version: &str, length: &str) -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--protover", version], &["http"])?;
    let mut client = openssl_client::client_of_any_version(&server, &["-maxfraglen", length])?;
    client.feed(b"GET /bytes/100000 HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    // OpenSSL rejects records above its limit.
    contains(&client.succeed()?.text(), "Content-Length: 100000")?;
    let mut client = openssl_client::client_of_any_version(&server, &["-maxfraglen", length])?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    contains(&client.succeed()?.text(), &format!("record limits: sent {length}, received {length}\n"))?;
    let echo = Server::start(Kind::EcdsaP256, &["--protover", version], &["echo"])?;
    let mut client = openssl_client::client_of_any_version(&echo, &["-maxfraglen", length, "-quiet"])?;
    client.feed(data(), AfterFeed::StaysOpen)?;
    Ok(client.stdout.wait_until("all of it", echoed).map_err(|e| e + &echo.errors())?)
}

fn openssl_server(version: &str, length: &str) -> Outcome {
    let name = format!("limited-{version}-{length}");
    std::fs::write(folder()?.join(&name), data()).map_err(|e| e.to_string())?;
    let server = OpensslServer::start_any_version(Kind::EcdsaP256, &["-WWW"])?;
    let path = format!("/{name}");
    let options = ["--verbose", "--protover", version, "--max-fragment-length", length, "--http", &path];
    let ended = client(server.port, &options)?.succeed()?;
    contains(&ended.stderr, &format!("record limits: sent {length}, received {length}"))?;
    let from = ended.bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no header")? + 4;
    if checksum(&ended.bytes[from..]) == checksum(&data()) {
        Ok(())
    } else {
        Err("the body differs from the file".into())
    }
}
