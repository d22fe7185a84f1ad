//! `openssl s_client` as the client of tlsserver, in TLS 1.3.

use libtest_mimic::Trial;

use crate::certificates::{Kind, ca_file};
use crate::processes::{AfterFeed, Running, Server};
use crate::programs::Program;
use crate::{BULK_LENGTH, GROUPS, Outcome, SUITES, bulk_data, checksum, contains, trial};

const NEEDS: &[Program] = &[Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    let suites = SUITES.map(|(suite, _)| {
        trial(format!("openssl_client::suite::{suite}"), NEEDS, move || {
            let page = fetch(Kind::EcdsaP256, &[], &["-ciphersuites", suite])?;
            contains(&page, &format!("cipher suite: {suite}\n"))
        })
    });
    let server_suites = SUITES.map(|(suite, _)| {
        trial(format!("openssl_client::suite_set_at_tlsserver::{suite}"), NEEDS, move || {
            let page = fetch(Kind::EcdsaP256, &["--suite", suite], &[])?;
            contains(&page, &format!("cipher suite: {suite}\n"))
        })
    });
    let groups = GROUPS.map(|(group, theirs, _)| {
        trial(format!("openssl_client::group::{group}"), NEEDS, move || {
            let page = fetch(Kind::EcdsaP256, &[], &["-groups", theirs])?;
            contains(&page, &format!("group: {group}\nhandshake: Full\n"))
        })
    });
    let kinds = Kind::ALL.map(|kind| {
        trial(format!("openssl_client::certificate::{}", kind.name()), NEEDS, move || {
            contains(&fetch(kind, &[], &[])?, "Verification: OK")
        })
    });
    let retries = GROUPS.map(|(group, theirs, _)| {
        trial(format!("openssl_client::hello_retry_request_for::{group}"), NEEDS, move || hello_retry(group, theirs))
    });
    let mut trials = vec![
        trial("openssl_client::alpn_follows_the_server_preference", NEEDS, alpn),
        trial("openssl_client::missing_common_alpn_is_rejected", NEEDS, no_common_alpn),
        trial("openssl_client::missing_common_suite_is_rejected", NEEDS, no_common_suite),
        trial("openssl_client::small_records", NEEDS, small_records),
        trial("openssl_client::padded_records", NEEDS, padded_records),
        trial("openssl_client::64_mib_echo", NEEDS, bulk),
    ];
    trials.extend(suites.into_iter().chain(server_suites).chain(groups).chain(kinds).chain(retries));
    trials
}

/// A TLS 1.3 s_client that verifies the server and whose stdin stays open.
pub(crate) fn client(server: &Server, options: &[&str]) -> Result<Running, String> {
    client_of_any_version(server, &[&["-tls1_3"], options].concat())
}

/// An s_client with its default versions.
pub(crate) fn client_of_any_version(server: &Server, options: &[&str]) -> Result<Running, String> {
    let mut command = Program::Openssl.command();
    command.args(["s_client", "-connect", &server.address()]);
    command.args(["-servername", "localhost", "-verify_hostname", "localhost", "-verify_return_error", "-CAfile"]);
    command.arg(ca_file()?).args(options);
    Running::start(command)
}

/// Fetches the page with the negotiated parameters. Returns s_client's output, which ends with the
/// page.
fn fetch(kind: Kind, server_options: &[&str], client_options: &[&str]) -> Result<String, String> {
    let server = Server::start(kind, server_options, &["http"])?;
    let mut client = client(&server, client_options)?;
    // s_client sends its own line endings.
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    let ended = client.succeed()?;
    server.expect_no_errors()?;
    Ok(ended.text())
}

/// OpenSSL sends a share only for the first group of its list.
fn hello_retry(group: &'static str, theirs: &'static str) -> Outcome {
    let first = if theirs == "P-384" { "P-256" } else { "P-384" };
    let page = fetch(Kind::EcdsaP256, &["--group", group], &["-groups", &format!("{first}:{theirs}")])?;
    contains(&page, &format!("group: {group}\nhandshake: FullWithHelloRetryRequest\n"))
}

fn alpn() -> Outcome {
    let page =
        fetch(Kind::EcdsaP256, &["--proto", "http/1.1", "--proto", "http/1.0"], &["-alpn", "other,http/1.0,http/1.1"])?;
    contains(&page, "ALPN protocol: http/1.1")?;
    contains(&page, "protocol: http/1.1\n")
}

fn no_common_alpn() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--proto", "http/1.1"], &["http"])?;
    let ended = client(&server, &["-alpn", "other"])?.finish()?;
    contains(&ended.stderr, "no application protocol")?;
    Ok(server.running.stderr.wait_for("127.0.0.1:")?)
}

fn no_common_suite() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--suite", "TLS_AES_128_GCM_SHA256"], &["http"])?;
    let ended = client(&server, &["-ciphersuites", "TLS_AES_256_GCM_SHA384"])?.finish()?;
    contains(&ended.stderr, "handshake failure")?;
    Ok(server.running.stderr.wait_for("127.0.0.1:")?)
}

/// Both sides send records far below the maximum size.
fn small_records() -> Outcome {
    let page = fetch(Kind::EcdsaP256, &["--max-frag-size", "100"], &["-max_send_frag", "512"])?;
    contains(&page, "version: TLSv1.3\n")
}

/// Both sides pad records, to different block sizes.
fn padded_records() -> Outcome {
    for block in ["512", "1000", "16384"] {
        let page =
            fetch(Kind::EcdsaP256, &["--record-padding", block, "--dynamic-records"], &["-record_padding", "300"])?;
        contains(&page, "version: TLSv1.3\n")?;
    }
    Ok(())
}

/// The server echoes, so that both directions are under load at the same time.
fn bulk() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["echo"])?;
    let mut client = client(&server, &["-quiet"])?;
    let sent = bulk_data();
    let expected = checksum(&sent);
    client.feed(sent, AfterFeed::StaysOpen)?;
    let received =
        client.stdout.wait_until("64 MiB", |output| (output.len() >= BULK_LENGTH).then(|| checksum(output)))?;
    if received == expected { Ok(()) } else { Err("the echoed data differs".into()) }
}
