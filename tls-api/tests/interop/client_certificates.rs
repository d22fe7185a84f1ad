//! Client certificates in both versions: peers that present one to tlsserver, and peers that
//! request one from tlsclient.

use libtest_mimic::Trial;

use crate::certificates::{Files, Kind, ca_file, client_files};
use crate::gnutls;
use crate::openssl_client::client_of_any_version;
use crate::openssl_server::{OpensslServer, client};
use crate::processes::{AfterFeed, Running, Server};
use crate::programs::Program;
use crate::{Outcome, contains, path_text, trial};

const VERSIONS: [(&str, &str); 2] = [("1.2", "-tls1_2"), ("1.3", "-tls1_3")];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (version, option) in VERSIONS {
        for kind in Kind::ALL {
            let name = kind.name();
            trials.push(trial(
                format!("client_certificate::{version}::openssl_presents::{name}"),
                OPENSSL,
                move || openssl_presents(option, kind),
            ));
            trials.push(trial(
                format!("client_certificate::{version}::openssl_requests::{name}"),
                OPENSSL,
                move || openssl_requests(option, kind),
            ));
            trials.push(trial(format!("client_certificate::{version}::gnutls_presents::{name}"), GNUTLS, move || {
                gnutls_presents(version, kind)
            }));
            trials.push(trial(format!("client_certificate::{version}::curl_presents::{name}"), CURL, move || {
                curl_presents(version, kind)
            }));
        }
        trials.extend([
            trial(format!("client_certificate::{version}::missing_is_accepted_when_optional"), OPENSSL, move || {
                let server = server_with_auth(&[])?;
                let page = fetch(&server, &[option])?;
                contains(&page, &format!("version: TLSv{version}\n"))?;
                Ok(server.expect_no_errors()?)
            }),
            trial(format!("client_certificate::{version}::missing_is_rejected_when_required"), OPENSSL, move || {
                missing_when_required(version, option)
            }),
            trial(format!("client_certificate::{version}::unknown_ca_is_rejected"), OPENSSL, move || {
                unknown_ca(option)
            }),
            trial(format!("client_certificate::{version}::openssl_rejects_client_without_one"), OPENSSL, move || {
                openssl_requires(option)
            }),
            trial(format!("client_certificate::{version}::ca_list_is_sent"), OPENSSL, move || {
                let server = server_with_auth(&[])?;
                contains(&fetch(&server, &[option])?, "CN = Interoperability tests")
            }),
        ]);
    }
    trials
}

const OPENSSL: &[Program] = &[Program::Openssl];
const GNUTLS: &[Program] = &[Program::Openssl, Program::GnutlsCli];
const CURL: &[Program] = &[Program::Openssl, Program::Curl];

/// A tlsserver that requests certificates of the test CA.
fn server_with_auth(options: &[&str]) -> Result<Server, String> {
    let ca = ca_file()?;
    let auth = ["--auth", path_text(&ca)?];
    Server::start(Kind::EcdsaP256, &[&auth, options].concat(), &["http"])
}

fn fetch(server: &Server, options: &[&str]) -> Result<String, String> {
    let mut client = client_of_any_version(server, options)?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    Ok(client.succeed()?.text())
}

fn openssl_presents(option: &str, kind: Kind) -> Outcome {
    let Files { chain, key } = client_files(kind)?;
    let server = server_with_auth(&["--require-auth"])?;
    let page = fetch(&server, &[option, "-cert", path_text(&chain)?, "-key", path_text(&key)?])?;
    server.expect_no_errors()?;
    contains(&page, &format!("client: CN=client-{}\n", kind.name()))
}

fn gnutls_presents(version: &str, kind: Kind) -> Outcome {
    let Files { chain, key } = client_files(kind)?;
    let server = server_with_auth(&["--require-auth"])?;
    let options = [
        "--priority".to_owned(),
        format!("NORMAL:-VERS-ALL:+VERS-TLS{version}"),
        "--x509certfile".into(),
        path_text(&chain)?.into(),
        "--x509keyfile".into(),
        path_text(&key)?.into(),
    ];
    let mut client = gnutls::client(server.port, &options)?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    client.stdout.wait_for("Peer has closed the GnuTLS connection")?;
    server.expect_no_errors()?;
    contains(&client.stdout.text(), &format!("client: CN=client-{}\n", kind.name()))
}

fn curl_presents(version: &str, kind: Kind) -> Outcome {
    let Files { chain, key } = client_files(kind)?;
    let server = server_with_auth(&["--require-auth"])?;
    let mut command = Program::Curl.command();
    command.args(["--disable", "--silent", "--show-error", "--ipv4", "--noproxy", "*"]);
    command.args([&format!("--tlsv{version}"), "--tls-max", version, "--cacert"]).arg(ca_file()?);
    command.arg("--cert").arg(chain).arg("--key").arg(key).arg(format!("https://localhost:{}/", server.port));
    let page = Running::start(command)?.succeed()?.text();
    contains(&page, &format!("version: TLSv{version}\n"))?;
    contains(&page, &format!("client: CN=client-{}\n", kind.name()))
}

/// The page of `s_server -www` contains the client's certificate.
fn openssl_requests(option: &str, kind: Kind) -> Outcome {
    let Files { chain, key } = client_files(kind)?;
    let ca = ca_file()?;
    let options = [option, "-www", "-Verify", "3", "-verify_return_error", "-CAfile", path_text(&ca)?];
    let server = OpensslServer::start_any_version(Kind::EcdsaP256, &options)?;
    let identity = ["--http", "/", "--auth-certs", path_text(&chain)?, "--auth-key", path_text(&key)?];
    let page = client(server.port, &identity)?.succeed()?.text();
    let pem = std::fs::read_to_string(&chain).map_err(|e| e.to_string())?;
    // Compare line by line, because line endings may differ.
    pem.lines().try_for_each(|line| contains(&page, line))
}

fn missing_when_required(version: &str, option: &str) -> Outcome {
    let server = server_with_auth(&["--require-auth"])?;
    let ended = client_of_any_version(&server, &[option])?.finish()?;
    let alert = if version == "1.2" { "handshake failure" } else { "certificate required" };
    contains(&ended.stderr, alert)?;
    Ok(server.running.stderr.wait_for("the client sent no certificate")?)
}

fn unknown_ca(option: &str) -> Outcome {
    let made = rcgen::generate_simple_self_signed(["unknown.test".to_owned()]).map_err(|e| e.to_string())?;
    let folder = crate::certificates::folder()?;
    let (chain, key) = (folder.join(format!("unknown{option}.pem")), folder.join(format!("unknown{option}.key")));
    std::fs::write(&chain, made.cert.pem()).map_err(|e| e.to_string())?;
    std::fs::write(&key, made.signing_key.serialize_pem()).map_err(|e| e.to_string())?;
    // Even an optional certificate must be valid.
    let server = server_with_auth(&[])?;
    let ended =
        client_of_any_version(&server, &[option, "-cert", path_text(&chain)?, "-key", path_text(&key)?])?.finish()?;
    contains(&ended.stderr, "unknown ca")?;
    Ok(server.running.stderr.wait_for("trust anchor")?)
}

fn openssl_requires(option: &str) -> Outcome {
    let ca = ca_file()?;
    let options = [option, "-www", "-Verify", "3", "-verify_return_error", "-CAfile", path_text(&ca)?];
    let server = OpensslServer::start_any_version(Kind::EcdsaP256, &options)?;
    let ended = client(server.port, &["--http", "/"])?.finish()?;
    if ended.status.success() {
        return Err("a server that requires a certificate accepted a client without one".into());
    }
    contains(&ended.stderr, "certificate")
}
