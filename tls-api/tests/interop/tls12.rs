//! TLS 1.2 with OpenSSL, GnuTLS and curl: each suite, group and key type, ALPN, OCSP stapling, and
//! rejected renegotiation. `gnutls-serv` is also tested with TLS 1.3.

use libtest_mimic::Trial;

use crate::certificates::{Kind, ca_file, files, folder};
use crate::gnutls;
use crate::openssl_client::client_of_any_version;
use crate::openssl_server::{OpensslServer, client};
use crate::processes::{AfterFeed, Running, Server, free_port};
use crate::programs::Program;
use crate::{BULK_LENGTH, GROUPS, Outcome, bulk_data, checksum, contains, path_text, trial};

const OPENSSL: &[Program] = &[Program::Openssl];
const CURL: &[Program] = &[Program::Openssl, Program::Curl];
const GNUTLS_CLI: &[Program] = &[Program::Openssl, Program::GnutlsCli];
const GNUTLS_SERV: &[Program] = &[Program::Openssl, Program::GnutlsServ];

/// A cipher suite: its RFC and OpenSSL names, GnuTLS's name of the cipher, and a key type for it.
struct Suite {
    name: &'static str,
    openssl: &'static str,
    gnutls: &'static str,
    kind: Kind,
}

const fn suite(name: &'static str, openssl: &'static str, gnutls: &'static str, kind: Kind) -> Suite {
    Suite { name, openssl, gnutls, kind }
}

const SUITES: [Suite; 6] = [
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", "AES-128-GCM", Kind::EcdsaP256),
    suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "AES-128-GCM", Kind::Rsa),
    suite("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", "AES-256-GCM", Kind::EcdsaP384),
    suite("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "AES-256-GCM", Kind::Rsa),
    suite(
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "CHACHA20-POLY1305",
        Kind::Ed25519,
    ),
    suite("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "CHACHA20-POLY1305", Kind::Rsa),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for suite in &SUITES {
        for group in GROUPS {
            let (name, group_name) = (suite.name, group.0);
            trials.push(trial(format!("tls12::openssl_client::{name}::{group_name}"), OPENSSL, move || {
                openssl_client(suite, group)
            }));
            trials.push(trial(format!("tls12::openssl_server::{name}::{group_name}"), OPENSSL, move || {
                openssl_server(suite, group)
            }));
        }
        let name = suite.name;
        trials.push(trial(format!("tls12::gnutls_client::{name}"), GNUTLS_CLI, move || gnutls_client(suite, None)));
        trials.push(trial(format!("tls12::gnutls_server::{name}"), GNUTLS_SERV, move || {
            gnutls_server("1.2", suite.kind, suite.name, suite.gnutls, None)
        }));
        trials.push(trial(format!("tls12::curl::{name}"), CURL, move || curl(suite, None)));
    }
    for group in GROUPS {
        // An RSA certificate, because the list of groups also limits the certificate's curve.
        let [_, rsa, ..] = &SUITES;
        let name = group.0;
        trials
            .push(trial(format!("tls12::gnutls_client::{name}"), GNUTLS_CLI, move || gnutls_client(rsa, Some(group))));
        trials.push(trial(format!("tls12::gnutls_server::{name}"), GNUTLS_SERV, move || {
            gnutls_server("1.2", rsa.kind, rsa.name, rsa.gnutls, Some(group))
        }));
        trials.push(trial(format!("tls12::curl::{name}"), CURL, move || curl(rsa, Some(name))));
        trials.push(trial(format!("tls13::gnutls_server::{name}"), GNUTLS_SERV, move || {
            gnutls_server("1.3", Kind::Rsa, "TLS_AES_128_GCM_SHA256", "AES-128-GCM", Some(group))
        }));
    }
    for (suite, theirs) in crate::SUITES {
        trials.push(trial(format!("tls13::gnutls_server::{suite}"), GNUTLS_SERV, move || {
            gnutls_server("1.3", Kind::EcdsaP256, suite, theirs, None)
        }));
    }
    for kind in Kind::ALL {
        trials.push(trial(format!("tls12::openssl_client::certificate::{}", kind.name()), OPENSSL, move || {
            contains(&fetch_from_us(kind, &[], &["-tls1_2"])?, "Verification: OK")
        }));
        trials.push(trial(format!("tls12::openssl_server::certificate::{}", kind.name()), OPENSSL, move || {
            contains(&fetch_from_openssl(kind, &["-tls1_2"], &[])?, "established: TLSv1.2")
        }));
    }
    for (name, scheme) in [("pss", "RSA-PSS+SHA256"), ("pkcs1", "RSA+SHA256"), ("pkcs1_sha512", "RSA+SHA512")] {
        trials.push(trial(format!("tls12::rsa_signature::{name}"), OPENSSL, move || {
            contains(&fetch_from_us(Kind::Rsa, &[], &["-tls1_2", "-sigalgs", scheme])?, "version: TLSv1.2\n")?;
            contains(&fetch_from_openssl(Kind::Rsa, &["-tls1_2", "-sigalgs", scheme], &[])?, "established: TLSv1.2")
        }));
    }
    trials.extend([
        trial("tls12::alpn_follows_the_server_preference", OPENSSL, alpn),
        trial("tls12::small_records", OPENSSL, small_records),
        trial("tls12::64_mib_echo", OPENSSL, bulk),
        trial("tls12::extended_master_secret_is_used", OPENSSL, extended_master_secret),
        trial("tls12::renegotiation_by_the_client_is_rejected", OPENSSL, renegotiation_by_the_client),
        trial("tls12::renegotiation_by_gnutls_is_rejected", GNUTLS_CLI, renegotiation_by_gnutls),
        trial("tls12::renegotiation_by_the_server_is_rejected", OPENSSL, renegotiation_by_the_server),
        trial("tls12::stapled_ocsp_response_is_received", OPENSSL, || ocsp("-tls1_2")),
        trial("tls13::stapled_ocsp_response_is_received", OPENSSL, || ocsp("-tls1_3")),
    ]);
    trials
}

/// Fetches the page about the connection from tlsserver with `openssl s_client`.
fn fetch_from_us(kind: Kind, server_options: &[&str], client_options: &[&str]) -> Result<String, String> {
    let server = Server::start(kind, server_options, &["http"])?;
    let mut client = client_of_any_version(&server, client_options)?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    let ended = client.succeed()?;
    server.expect_no_errors()?;
    Ok(ended.text())
}

/// Fetches a page from `openssl s_server` with tlsclient. Returns tlsclient's stderr followed by
/// the page.
fn fetch_from_openssl(kind: Kind, server_options: &[&str], client_options: &[&str]) -> Result<String, String> {
    let server = OpensslServer::start_any_version(kind, &[&["-www"], server_options].concat())?;
    let ended = client(server.port, &[&["--verbose", "--http", "/"], client_options].concat())?.succeed()?;
    Ok(ended.stderr.clone() + &ended.text())
}

fn openssl_client(suite: &Suite, (group, _, _): Group) -> Outcome {
    // Restrict the group at the server, because the client's list also limits the certificate's
    // curve.
    let page = fetch_from_us(suite.kind, &["--group", group], &["-tls1_2", "-cipher", suite.openssl])?;
    contains(&page, "version: TLSv1.2\n")?;
    contains(&page, &format!("cipher suite: {}\n", suite.name))?;
    contains(&page, &format!("group: {group}\n"))
}

fn openssl_server(suite: &Suite, (group, theirs, _): Group) -> Outcome {
    let options = ["-tls1_2", "-cipher", suite.openssl, "-groups", theirs];
    let output = fetch_from_openssl(suite.kind, &options, &[])?;
    contains(&output, &format!("established: TLSv1.2, {}, {group},", suite.name))
}

type Group = (&'static str, &'static str, &'static str);

fn priority(version: &str, cipher: &str, group: Option<Group>) -> Vec<String> {
    let group = group.map_or_else(String::new, |(_, _, theirs)| format!(":-GROUP-ALL:+GROUP-{theirs}"));
    vec!["--priority".into(), format!("NORMAL:-VERS-ALL:+VERS-TLS{version}:-CIPHER-ALL:+{cipher}{group}")]
}

fn gnutls_client(suite: &Suite, group: Option<Group>) -> Outcome {
    let server = Server::start(suite.kind, &[], &["http"])?;
    let mut client = gnutls::client(server.port, &priority("1.2", suite.gnutls, group))?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    client.stdout.wait_for("Peer has closed the GnuTLS connection")?;
    let page = client.stdout.text();
    contains(&page, &format!("version: TLSv1.2\ncipher suite: {}\n", suite.name))?;
    contains(&page, &group.map_or_else(String::new, |(ours, _, _)| format!("group: {ours}\n")))
}

fn gnutls_server(version: &str, kind: Kind, suite: &str, cipher: &str, group: Option<Group>) -> Outcome {
    let server = GnutlsServer::start(kind, &priority(version, cipher, group))?;
    let ended = client(server.port, &["--verbose", "--http", "/"])?.succeed()?;
    contains(&ended.stderr, &format!("established: TLSv{version}, {suite},"))?;
    contains(&ended.stderr, &group.map_or_else(String::new, |(ours, _, _)| format!(", {ours}, handshake")))?;
    contains(&ended.text(), "HTTP/1.0 200 OK")
}

fn curl(suite: &Suite, group: Option<&str>) -> Outcome {
    let options: &[&str] = if let Some(group) = group { &["--group", group] } else { &["--suite", suite.name] };
    let server = Server::start(suite.kind, options, &["http"])?;
    let mut command = Program::Curl.command();
    command.args(["--disable", "--silent", "--show-error", "--ipv4", "--noproxy", "*"]);
    command.args(["--tls-max", "1.2", "--ciphers", suite.openssl, "--cacert"]).arg(ca_file()?);
    command.arg(format!("https://localhost:{}/", server.port));
    let page = Running::start(command)?.succeed()?.text();
    contains(&page, &format!("version: TLSv1.2\ncipher suite: {}\n", suite.name))?;
    contains(&page, &group.map_or_else(String::new, |group| format!("group: {group}\n")))
}

/// A gnutls-serv on a free port.
pub(crate) struct GnutlsServer {
    _running: Running,
    pub(crate) port: u16,
}

impl GnutlsServer {
    pub(crate) fn start(kind: Kind, options: &[String]) -> Result<Self, String> {
        let files = files(kind)?;
        // gnutls-serv cannot choose a free port, and another process may take the port in the
        // meantime.
        for _ in 0..3 {
            let port = free_port()?;
            let mut command = Program::GnutlsServ.command();
            command.args(["--http", "--port", &port.to_string(), "--x509certfile"]).arg(&files.chain);
            command.arg("--x509keyfile").arg(&files.key).args(options);
            let mut running = Running::start(command)?;
            // Its message is stuck in an unflushed stdout, so probe the port. It serves many
            // connections.
            if running.wait_for_listener(port)?.is_some() {
                return Ok(Self { _running: running, port });
            }
        }
        Err("gnutls-serv finds no port to listen on".into())
    }
}

fn alpn() -> Outcome {
    let options = ["--proto", "http/1.1", "--proto", "http/1.0"];
    let page = fetch_from_us(Kind::EcdsaP256, &options, &["-tls1_2", "-alpn", "other,http/1.0,http/1.1"])?;
    contains(&page, "ALPN protocol: http/1.1")?;
    let output = fetch_from_openssl(
        Kind::EcdsaP256,
        &["-tls1_2", "-alpn", "http/1.0"],
        &["--proto", "http/1.1", "--proto", "http/1.0"],
    )?;
    contains(&output, "protocol http/1.0,")
}

fn small_records() -> Outcome {
    let options = ["-tls1_2", "-max_send_frag", "512"];
    contains(&fetch_from_us(Kind::Rsa, &["--max-frag-size", "100"], &options)?, "version: TLSv1.2\n")
}

/// The server echoes, so that both directions are under load at the same time.
fn bulk() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["echo"])?;
    let mut client = client_of_any_version(&server, &["-tls1_2", "-quiet"])?;
    let sent = bulk_data();
    let expected = checksum(&sent);
    client.feed(sent, AfterFeed::StaysOpen)?;
    let received =
        client.stdout.wait_until("64 MiB", |output| (output.len() >= BULK_LENGTH).then(|| checksum(output)))?;
    if received == expected { Ok(()) } else { Err("the echoed data differs".into()) }
}

fn extended_master_secret() -> Outcome {
    contains(&fetch_from_us(Kind::EcdsaP256, &[], &["-tls1_2"])?, "Extended master secret: yes")?;
    contains(&fetch_from_openssl(Kind::EcdsaP256, &["-tls1_2"], &[])?, "Extended master secret: yes")
}

/// The line `R` makes s_client renegotiate. tlsserver rejects it with a warning, and OpenSSL ends
/// the connection.
fn renegotiation_by_the_client() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--verbose"], &["echo"])?;
    let mut client = client_of_any_version(&server, &["-tls1_2"])?;
    client.stdout.wait_for("Verify return code: 0")?;
    client.write_stdin("R\n")?;
    client.stderr.wait_for("no renegotiation")?;
    server.running.stderr.wait_for("sent alert no_renegotiation")?;
    Ok(server.running.stderr.wait_for("received alert handshake_failure")?)
}

/// GnuTLS treats the warning as non-fatal and retries on the same connection.
fn renegotiation_by_gnutls() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--verbose"], &["echo"])?;
    let options = ["--rehandshake", "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"].map(str::to_owned);
    let client = gnutls::client(server.port, &options)?;
    let twice = "Non fatal error: A TLS warning alert has been received.";
    client.stderr.wait_until("two warnings", |output| {
        (String::from_utf8_lossy(output).matches(twice).count() >= 2).then_some(())
    })?;
    Ok(server.running.stderr.wait_for("sent alert no_renegotiation")?)
}

/// The line `r` makes s_server request a renegotiation. The client rejects it with a warning, and
/// OpenSSL ends the connection.
fn renegotiation_by_the_server() -> Outcome {
    let mut server = OpensslServer::start_any_version(Kind::EcdsaP256, &["-tls1_2"])?;
    let mut client = client(server.port, &["--verbose"])?;
    client.write_stdin("hello\n")?;
    server.running.stdout.wait_for("hello")?;
    server.running.write_stdin("r\n")?;
    let ended = client.finish()?;
    contains(&ended.stderr, "sent alert no_renegotiation")?;
    contains(&ended.stderr, "received alert handshake_failure")?;
    Ok(server.running.stderr.wait_for("no renegotiation")?)
}

/// Staples a response that `openssl ocsp` signs with the CA's key.
fn ocsp(version: &str) -> Outcome {
    let (files, folder) = (files(Kind::EcdsaP256)?, folder()?);
    let mut command = Program::Openssl.command();
    command.args(["x509", "-noout", "-serial", "-in"]).arg(&files.chain);
    let serial = Running::start(command)?.succeed()?.text();
    let serial = serial.trim().strip_prefix("serial=").ok_or("no serial number")?.to_owned();
    let (index, response) = (folder.join(format!("index{version}.txt")), folder.join(format!("ocsp{version}.der")));
    std::fs::write(&index, format!("V\t491231235959Z\t\t{serial}\tunknown\t/CN=localhost\n"))
        .map_err(|e| e.to_string())?;
    let mut command = Program::Openssl.command();
    let ca = ca_file()?;
    command.args(["ocsp", "-index"]).arg(&index).arg("-CA").arg(&ca).arg("-rsigner").arg(&ca);
    command.arg("-rkey").arg(folder.join("ca.key")).arg("-issuer").arg(&ca).arg("-cert").arg(&files.chain);
    command.args(["-ndays", "1", "-respout"]).arg(&response);
    Running::start(command)?.succeed()?;
    let stapled = path_text(&response)?;
    let page = fetch_from_us(Kind::EcdsaP256, &["--ocsp", stapled], &[version, "-status"])?;
    contains(&page, "OCSP Response Status: successful")?;
    contains(&page, "Cert Status: good")
}
