//! `curl` as the client of tlsserver.

use libtest_mimic::Trial;

use crate::certificates::{Kind, ca_file};
use crate::processes::{Running, Server};
use crate::programs::Program;
use crate::{BULK_LENGTH, GROUPS, Outcome, SUITES, bulk_data, checksum, contains, path_text, trial};

const NEEDS: &[Program] = &[Program::Curl];

/// OpenSSL generates the keys that rcgen cannot.
const WITH_KEYS: &[Program] = &[Program::Curl, Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    let suites = SUITES.map(|(suite, _)| {
        trial(format!("curl::suite::{suite}"), NEEDS, move || {
            let page = fetch(Kind::EcdsaP256, &["--suite", suite], &[], "/")?;
            contains(&page, &format!("cipher suite: {suite}\n"))
        })
    });
    let groups = GROUPS.map(|(group, _, _)| {
        trial(format!("curl::group::{group}"), NEEDS, move || {
            let page = fetch(Kind::EcdsaP256, &["--group", group], &[], "/")?;
            contains(&page, &format!("group: {group}\n"))
        })
    });
    let kinds = Kind::ALL.map(|kind| {
        trial(format!("curl::certificate::{}", kind.name()), WITH_KEYS, move || {
            contains(&fetch(kind, &[], &[], "/")?, "server name: localhost\n")
        })
    });
    let mut trials = vec![
        trial("curl::http_1_0", NEEDS, || {
            contains(&fetch(Kind::EcdsaP256, &[], &["--http1.0"], "/")?, "version: TLSv1.3\n")
        }),
        trial("curl::head_has_no_body", NEEDS, head),
        trial("curl::unsupported_method_is_rejected", NEEDS, || {
            let answer = fetch(Kind::EcdsaP256, &[], &["--include", "--request", "DELETE"], "/")?;
            contains(&answer, "405 Method Not Allowed\r\nAllow: GET, HEAD\r\n")
        }),
        trial("curl::alpn", NEEDS, || {
            let options = ["--proto", "http/1.1"];
            contains(&fetch(Kind::EcdsaP256, &options, &[], "/")?, "protocol: http/1.1\n")
        }),
        trial("curl::small_records", NEEDS, || {
            let page = fetch(Kind::EcdsaP256, &["--max-frag-size", "64"], &[], "/")?;
            contains(&page, "version: TLSv1.3\n")
        }),
        trial("curl::64_mib_down", NEEDS, download),
        trial("curl::rejection_by_curl_is_reported_with_its_alert", NEEDS, rejected),
    ];
    trials.extend(suites.into_iter().chain(groups).chain(kinds));
    trials
}

fn curl(server: &Server, options: &[&str], path: &str) -> Result<Running, String> {
    let mut command = Program::Curl.command();
    // tlsserver does not listen on ::1.
    command.args(["--disable", "--silent", "--show-error", "--ipv4", "--noproxy", "*", "--tlsv1.3"]);
    command.args(options).arg(format!("https://localhost:{}{path}", server.port));
    Running::start(command)
}

fn fetch(kind: Kind, server_options: &[&str], options: &[&str], path: &str) -> Result<String, String> {
    fetch_bytes(kind, server_options, options, path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn fetch_bytes(kind: Kind, server_options: &[&str], options: &[&str], path: &str) -> Result<Vec<u8>, String> {
    let server = Server::start(kind, server_options, &["http"])?;
    let ca = ca_file()?;
    let trust = ["--cacert", path_text(&ca)?];
    let ended = curl(&server, &[&trust, options].concat(), path)?.succeed()?;
    server.expect_no_errors()?;
    Ok(ended.bytes)
}

fn head() -> Outcome {
    let answer = fetch(Kind::EcdsaP256, &[], &["--head"], "/bytes/1000")?;
    contains(&answer, "HTTP/1.1 200 OK\r\n")?;
    contains(&answer, "Content-Length: 1000\r\n")
}

fn download() -> Outcome {
    let received = fetch_bytes(Kind::EcdsaP256, &[], &[], &format!("/bytes/{BULK_LENGTH}"))?;
    if checksum(&received) == checksum(&bulk_data()) { Ok(()) } else { Err("the body differs from /bytes/N".into()) }
}

/// With the system roots the test CA is unknown.
fn rejected() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let ended = curl(&server, &[], "/")?.finish()?;
    if ended.status.success() {
        return Err("curl trusts the test CA".into());
    }
    Ok(server.running.stderr.wait_for("unknown_ca")?)
}
