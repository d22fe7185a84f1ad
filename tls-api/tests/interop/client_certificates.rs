//! Client certificates in both versions: peers that present one to tlsserver, and peers that
//! request one from tlsclient.

use libtest_mimic::Trial;

use crate::certificates::{Files, Kind, ca_file, client_files};
use crate::gnutls;
use crate::openssl_client::client_of_any_version;
use crate::openssl_server::{OpensslServer, client};
use crate::processes::{Running, Server, ThenStdin};
use crate::programs::Program;
use crate::{Outcome, contains, trial};

const VERSIONS: [(&str, &str); 2] = [("1.2", "-tls1_2"), ("1.3", "-tls1_3")];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (version, option) in VERSIONS {
        for kind in Kind::ALL {
            let name = kind.name();
            trials.push(trial(format!("client_certificate::{version}::openssl_shows::{name}"), OPENSSL, move || {
                openssl_shows(option, kind)
            }));
            trials.push(trial(format!("client_certificate::{version}::openssl_asks::{name}"), OPENSSL, move || {
                openssl_asks(option, kind)
            }));
            trials.push(trial(format!("client_certificate::{version}::gnutls_shows::{name}"), GNUTLS, move || {
                gnutls_shows(version, kind)
            }));
            trials.push(trial(format!("client_certificate::{version}::curl_shows::{name}"), CURL, move || {
                curl_shows(version, kind)
            }));
        }
        trials.extend([
            trial(format!("client_certificate::{version}::none_where_it_is_optional"), OPENSSL, move || {
                let server = asking(&[])?;
                let page = fetch(&server, &[option])?;
                contains(&page, &format!("version: TLSv{version}\n"))?;
                Ok(no_complaint(&server)?)
            }),
            trial(format!("client_certificate::{version}::none_where_it_is_required"), OPENSSL, move || {
                none_where_required(version, option)
            }),
            trial(format!("client_certificate::{version}::of_an_unknown_authority"), OPENSSL, move || {
                unknown_authority(option)
            }),
            trial(
                format!("client_certificate::{version}::ours_is_missing_where_openssl_requires_it"),
                OPENSSL,
                move || ours_is_missing(option),
            ),
            trial(format!("client_certificate::{version}::authorities_are_named"), OPENSSL, move || {
                let server = asking(&[])?;
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
fn asking(options: &[&str]) -> Result<Server, String> {
    let ca = ca_file()?;
    let auth = ["--auth", ca.to_str().ok_or("a path that is no text")?];
    Server::start(Kind::EcdsaP256, &[&auth, options].concat(), &["http"])
}

fn text(path: &std::path::Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| "a path that is no text".into())
}

fn no_complaint(server: &Server) -> Result<(), String> {
    match server.complaints() {
        none if none.is_empty() => Ok(()),
        complaints => Err(format!("tlsserver complained: {complaints}")),
    }
}

fn fetch(server: &Server, options: &[&str]) -> Result<String, String> {
    let mut client = client_of_any_version(server, options)?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), ThenStdin::StaysOpen)?;
    Ok(client.succeed()?.text())
}

fn openssl_shows(option: &str, kind: Kind) -> Outcome {
    let Files { chain, key } = client_files(kind)?;
    let server = asking(&["--require-auth"])?;
    let page = fetch(&server, &[option, "-cert", text(&chain)?, "-key", text(&key)?])?;
    no_complaint(&server)?;
    contains(&page, &format!("client: CN=client-{}\n", kind.name()))
}

fn gnutls_shows(version: &str, kind: Kind) -> Outcome {
    let Files { chain, key } = client_files(kind)?;
    let server = asking(&["--require-auth"])?;
    let options = [
        "--priority".to_owned(),
        format!("NORMAL:-VERS-ALL:+VERS-TLS{version}"),
        "--x509certfile".into(),
        text(&chain)?.into(),
        "--x509keyfile".into(),
        text(&key)?.into(),
    ];
    let mut client = gnutls::client(server.port, &options)?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), ThenStdin::StaysOpen)?;
    client.stdout.wait_for("Peer has closed the GnuTLS connection")?;
    no_complaint(&server)?;
    contains(&client.stdout.text(), &format!("client: CN=client-{}\n", kind.name()))
}

fn curl_shows(version: &str, kind: Kind) -> Outcome {
    let Files { chain, key } = client_files(kind)?;
    let server = asking(&["--require-auth"])?;
    let mut command = Program::Curl.command();
    command.args(["--disable", "--silent", "--show-error", "--ipv4", "--noproxy", "*"]);
    command.args([&format!("--tlsv{version}"), "--tls-max", version, "--cacert"]).arg(ca_file()?);
    command.arg("--cert").arg(chain).arg("--key").arg(key).arg(format!("https://localhost:{}/", server.port));
    let page = Running::start(command)?.succeed()?.text();
    contains(&page, &format!("version: TLSv{version}\n"))?;
    contains(&page, &format!("client: CN=client-{}\n", kind.name()))
}

/// The page of `s_server -www` contains the client's certificate.
fn openssl_asks(option: &str, kind: Kind) -> Outcome {
    let Files { chain, key } = client_files(kind)?;
    let ca = ca_file()?;
    let asks = [option, "-www", "-Verify", "3", "-verify_return_error", "-CAfile", text(&ca)?];
    let server = OpensslServer::start_any_version(Kind::EcdsaP256, &asks)?;
    let shown = ["--http", "/", "--auth-certs", text(&chain)?, "--auth-key", text(&key)?];
    let page = client(server.port, &shown)?.succeed()?.text();
    let pem = std::fs::read_to_string(&chain).map_err(|e| e.to_string())?;
    // Compare line by line, because line endings may differ.
    pem.lines().try_for_each(|line| contains(&page, line))
}

fn none_where_required(version: &str, option: &str) -> Outcome {
    let server = asking(&["--require-auth"])?;
    let ended = client_of_any_version(&server, &[option])?.finish()?;
    let alert = if version == "1.2" { "handshake failure" } else { "certificate required" };
    contains(&ended.stderr, alert)?;
    Ok(server.running.stderr.wait_for("the client showed no certificate")?)
}

fn unknown_authority(option: &str) -> Outcome {
    let made = rcgen::generate_simple_self_signed(["nobody.test".to_owned()]).map_err(|e| e.to_string())?;
    let folder = crate::certificates::folder()?;
    let (chain, key) = (folder.join(format!("nobody{option}.pem")), folder.join(format!("nobody{option}.key")));
    std::fs::write(&chain, made.cert.pem()).map_err(|e| e.to_string())?;
    std::fs::write(&key, made.signing_key.serialize_pem()).map_err(|e| e.to_string())?;
    // Even an optional certificate must be valid.
    let server = asking(&[])?;
    let ended = client_of_any_version(&server, &[option, "-cert", text(&chain)?, "-key", text(&key)?])?.finish()?;
    contains(&ended.stderr, "unknown ca")?;
    Ok(server.running.stderr.wait_for("trust anchor")?)
}

fn ours_is_missing(option: &str) -> Outcome {
    let ca = ca_file()?;
    let asks = [option, "-www", "-Verify", "3", "-verify_return_error", "-CAfile", text(&ca)?];
    let server = OpensslServer::start_any_version(Kind::EcdsaP256, &asks)?;
    let ended = client(server.port, &["--http", "/"])?.finish()?;
    if ended.status.success() {
        return Err("a server that requires a certificate accepted a client without one".into());
    }
    contains(&ended.stderr, "certificate")
}
