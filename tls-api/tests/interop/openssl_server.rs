//! tlsclient as the client of `openssl s_server`, in TLS 1.3.

use libtest_mimic::Trial;

use crate::certificates::{Kind, ca_file, files, folder};
use crate::processes::{AfterFeed, Running};
use crate::programs::{Program, example};
use crate::{BULK_LENGTH, GROUPS, Outcome, SUITES, bulk_data, checksum, contains, trial};

const NEEDS: &[Program] = &[Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    let suites = SUITES.map(|(suite, _)| {
        trial(format!("openssl_server::suite::{suite}"), NEEDS, move || {
            contains(&fetch(Kind::EcdsaP256, &["-ciphersuites", suite], &[])?, suite)
        })
    });
    let client_suites = SUITES.map(|(suite, _)| {
        trial(format!("openssl_server::suite_set_at_tlsclient::{suite}"), NEEDS, move || {
            contains(&fetch(Kind::EcdsaP256, &[], &["--suite", suite])?, suite)
        })
    });
    let groups = GROUPS.map(|(group, _, _)| {
        trial(format!("openssl_server::group::{group}"), NEEDS, move || {
            contains(&fetch(Kind::EcdsaP256, &[], &["--group", group])?, &format!("{group}, handshake Full,"))
        })
    });
    let kinds = Kind::ALL.map(|kind| {
        trial(format!("openssl_server::certificate::{}", kind.name()), NEEDS, move || {
            contains(&fetch(kind, &[], &[])?, "established: TLSv1.3")
        })
    });
    let retries = GROUPS.map(|(group, theirs, _)| {
        trial(format!("openssl_server::hello_retry_request_for::{group}"), NEEDS, move || hello_retry(group, theirs))
    });
    let mut trials = vec![
        trial("openssl_server::alpn_follows_the_server_preference", NEEDS, alpn),
        trial("openssl_server::wrong_name_is_rejected", NEEDS, wrong_name),
        trial("openssl_server::unknown_ca_is_rejected", NEEDS, unknown_ca),
        trial("openssl_server::no_sni_option_omits_the_name", NEEDS, no_sni),
        trial("openssl_server::padded_records", NEEDS, padded_records),
        trial("openssl_server::64_mib_up", NEEDS, upload),
        trial("openssl_server::64_mib_down", NEEDS, download),
    ];
    trials.extend(suites.into_iter().chain(client_suites).chain(groups).chain(kinds).chain(retries));
    trials
}

/// An s_server on a free port.
pub(crate) struct OpensslServer {
    pub(crate) running: Running,
    pub(crate) port: u16,
}

impl OpensslServer {
    /// Starts it with TLS 1.3 only.
    pub(crate) fn start(kind: Kind, options: &[&str]) -> Result<Self, String> {
        Self::start_any_version(kind, &[&["-tls1_3"], options].concat())
    }

    /// Starts it with its default versions.
    pub(crate) fn start_any_version(kind: Kind, options: &[&str]) -> Result<Self, String> {
        let files = files(kind)?;
        let mut command = Program::Openssl.command();
        command.args(["s_server", "-accept", "127.0.0.1:0", "-cert"]).arg(&files.chain).arg("-key");
        // -WWW serves the files of this folder.
        command.arg(&files.key).args(options).current_dir(folder()?);
        let running = Running::start(command)?;
        let port = running.stdout.wait_for_port("ACCEPT ").map_err(|e| e + &running.stderr.text())?;
        Ok(Self { running, port })
    }
}

/// A tlsclient that verifies the server.
pub(crate) fn client(port: u16, options: &[&str]) -> Result<Running, String> {
    let mut command = example("tlsclient")?;
    command.args(["--port", &port.to_string(), "--cafile"]).arg(ca_file()?).args(options).arg("localhost");
    Running::start(command)
}

/// Fetches the page about the connection. Returns tlsclient's stderr followed by the page.
fn fetch(kind: Kind, server_options: &[&str], client_options: &[&str]) -> Result<String, String> {
    let server = OpensslServer::start(kind, &[&["-www"], server_options].concat())?;
    let ended = client(server.port, &[&["--verbose", "--http", "/"], client_options].concat())?.succeed()?;
    let page = ended.text();
    contains(&page, "HTTP/1.0 200 ok").map_err(|_| format!("no page received: {page}"))?;
    Ok(ended.stderr + &page)
}

/// tlsclient sends a share only for the first group of its list.
fn hello_retry(group: &'static str, theirs: &'static str) -> Outcome {
    let first = if group == "x25519" { "secp256r1" } else { "x25519" };
    let output = fetch(Kind::EcdsaP256, &["-groups", theirs], &["--group", first, "--group", group])?;
    contains(&output, &format!("{group}, handshake FullWithHelloRetryRequest,"))
}

fn alpn() -> Outcome {
    let output = fetch(
        Kind::EcdsaP256,
        &["-alpn", "http/1.0,http/1.1"],
        &["--proto", "other", "--proto", "http/1.1", "--proto", "http/1.0"],
    )?;
    contains(&output, "protocol http/1.0,")
}

/// Both sides pad records, to different block sizes.
fn padded_records() -> Outcome {
    for block in ["512", "1000", "16384"] {
        let options = ["--record-padding", block, "--dynamic-records"];
        contains(&fetch(Kind::EcdsaP256, &["-record_padding", "300"], &options)?, "established: TLSv1.3")?;
    }
    Ok(())
}

fn wrong_name() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-www"])?;
    let ended = client(server.port, &["--http", "/", "--servername", "bank.test"])?.finish()?;
    contains(&ended.stderr, "bank.test")?;
    contains(&ended.stderr, "localhost")?;
    exit_status_is_1(&ended)
}

fn unknown_ca() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-www"])?;
    let other = rcgen::generate_simple_self_signed(["other.test".to_owned()]).map_err(|e| e.to_string())?;
    let file = folder()?.join("other-ca.pem");
    std::fs::write(&file, other.cert.pem()).map_err(|e| e.to_string())?;
    let mut command = example("tlsclient")?;
    command.args(["--port", &server.port.to_string(), "--http", "/", "--cafile"]).arg(file).arg("localhost");
    let ended = Running::start(command)?.finish()?;
    contains(&ended.stderr, "trust anchor")?;
    // The server receives the reason in an alert.
    server.running.stderr.wait_for("unknown ca")?;
    exit_status_is_1(&ended)
}

fn exit_status_is_1(ended: &crate::processes::Exit) -> Outcome {
    if ended.status.code() == Some(1) { Ok(()) } else { Err(format!("tlsclient ended with {}", ended.status).into()) }
}

fn no_sni() -> Outcome {
    let said = |options: &[&str]| {
        let server = OpensslServer::start(Kind::EcdsaP256, &["-www", "-tlsextdebug", "-naccept", "1"])?;
        client(server.port, &[&["--http", "/"], options].concat())?.succeed()?;
        Ok::<_, String>(server.running.finish()?.text())
    };
    contains(&said(&[])?, "TLS client extension \"server name\"")?;
    let without = said(&["--no-sni"])?;
    contains(&without, "TLS client extension")?;
    if without.contains("server name") { Err(format!("the name was sent:\n{without}").into()) } else { Ok(()) }
}

fn upload() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &[])?;
    let sent = bulk_data();
    let expected = checksum(&sent);
    let mut client = client(server.port, &[])?;
    let mark = b"here it begins:";
    client.feed([&mark[..], &sent].concat(), AfterFeed::StaysOpen)?;
    // s_server prints the received data among its own messages.
    let received = server.running.stdout.wait_until("64 MiB", |said| {
        let begin = said.windows(mark.len()).take(4096).position(|window| window == mark)? + mark.len();
        said.get(begin..begin + BULK_LENGTH).map(checksum)
    })?;
    if received == expected { Ok(()) } else { Err("the received data differs".into()) }
}

fn download() -> Outcome {
    let body = bulk_data();
    std::fs::write(folder()?.join("bulk_data"), &body).map_err(|e| e.to_string())?;
    let server = OpensslServer::start(Kind::EcdsaP256, &["-WWW"])?;
    let ended = client(server.port, &["--http", "/bulk_data"])?.succeed()?;
    let from = ended.bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no header")? + 4;
    if checksum(&ended.bytes[from..]) == checksum(&body) {
        Ok(())
    } else {
        Err("the body differs from the file".into())
    }
}
