//! Node (OpenSSL with other defaults) and Java (JSSE) as clients and servers, in both versions.

use std::path::PathBuf;

use libtest_mimic::Trial;

use crate::certificates::{Files, Kind, ca_file, client_files, files, folder};
use crate::openssl_server::client;
use crate::processes::{Running, Server};
use crate::programs::Program;
use crate::{Outcome, contains, path_text, trial};

const NODE: &[Program] = &[Program::Openssl, Program::Node];
const JAVA: &[Program] = &[Program::Openssl, Program::Java];

/// Version, the RFC and OpenSSL names of the cipher suite, and a key type for it.
pub(crate) type Suite = (&'static str, &'static str, &'static str, Kind);

pub(crate) const SUITES: [Suite; 9] = [
    ("TLSv1.3", "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", Kind::EcdsaP256),
    ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", Kind::Rsa),
    ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", Kind::EcdsaP384),
    ("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", Kind::EcdsaP256),
    ("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", Kind::Rsa),
    ("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", Kind::EcdsaP384),
    ("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", Kind::Rsa),
    ("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", Kind::EcdsaP256),
    ("TLSv1.2", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", Kind::Rsa),
];

/// The RFC and OpenSSL names of the groups.
const CURVES: [(&str, &str); 3] = [("x25519", "X25519"), ("secp256r1", "P-256"), ("secp384r1", "P-384")];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for suite in SUITES {
        let name = suite.1;
        trials.push(trial(format!("node_client::{name}"), NODE, move || node_client(suite, "auto", None)));
        trials.push(trial(format!("node_server::{name}"), NODE, move || node_server(suite, "auto", None)));
        trials.push(trial(format!("java_client::{name}"), JAVA, move || java_client(suite)));
        trials.push(trial(format!("java_server::{name}"), JAVA, move || java_server(suite)));
    }
    for group in ["x25519", "secp256r1", "secp384r1"] {
        trials.push(trial(format!("node_client::hello_retry_request_for::{group}"), NODE, move || node_retry(group)));
    }
    trials.push(trial("java_client::hello_retry_request_for::secp384r1", JAVA, || {
        let page = java_fetches(SUITES[0], &["--group", "secp384r1"])?;
        contains(&page, "group: secp384r1\nhandshake: FullWithHelloRetryRequest\n")
    }));
    for version in ["TLSv1.3", "TLSv1.2"] {
        // An RSA certificate, because in TLS 1.2 the list of groups also limits the certificate's
        // curve.
        let Some(suite) = SUITES.into_iter().find(|suite| suite.0 == version && suite.3 == Kind::Rsa) else { continue };
        for curve in CURVES {
            trials.push(trial(format!("node_client::{version}::{}", curve.0), NODE, move || {
                node_client(suite, curve.1, None)
            }));
            trials.push(trial(format!("node_server::{version}::{}", curve.0), NODE, move || {
                node_server(suite, curve.1, None)
            }));
        }
        for kind in Kind::ALL {
            let name = kind.name();
            trials.push(trial(format!("node_client::{version}::presents::{name}"), NODE, move || {
                node_client(suite, "auto", Some(kind))
            }));
            trials.push(trial(format!("node_server::{version}::requests::{name}"), NODE, move || {
                node_server(suite, "auto", Some(kind))
            }));
        }
    }
    trials
}

/// A file for a peer.
pub(crate) fn data(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "interop", "data", name].iter().collect()
}

fn node_client((version, suite, theirs, kind): Suite, curve: &str, presents: Option<Kind>) -> Outcome {
    let ca = ca_file()?;
    let ca = path_text(&ca)?;
    let auth = ["--auth", ca, "--require-auth"];
    let server = Server::start(kind, if presents.is_some() { &auth } else { &[] }, &["http"])?;
    let mut command = Program::Node.command();
    command.arg(data("client.js")).args([&server.port.to_string(), ca, version, theirs, curve]);
    if let Some(kind) = presents {
        let Files { chain, key } = client_files(kind)?;
        command.arg(chain).arg(key);
    }
    let page = Running::start(command)?.succeed()?.text();
    contains(&page, &format!("node: {version} {suite} authorized true"))?;
    contains(&page, "node: exports 32 bytes")?;
    contains(&page, &format!("cipher suite: {suite}\n"))?;
    if let Some((ours, _)) = CURVES.iter().find(|(_, theirs)| *theirs == curve) {
        contains(&page, &format!("group: {ours}\n"))?;
    }
    match presents {
        Some(kind) => contains(&page, &format!("client: CN=client-{}\n", kind.name())),
        None => Ok(()),
    }
}

fn node_server((version, suite, theirs, kind): Suite, curve: &str, requests: Option<Kind>) -> Outcome {
    let Files { chain, key } = files(kind)?;
    let mut command = Program::Node.command();
    command.arg(data("server.js")).arg(chain).arg(key).args([version, theirs, curve]);
    let mut options = vec!["--verbose".to_owned(), "--http".into(), "/".into()];
    let mut peer = "none".to_owned();
    if let Some(kind) = requests {
        command.arg(ca_file()?);
        let Files { chain, key } = client_files(kind)?;
        options.extend([
            "--auth-certs".into(),
            path_text(&chain)?.into(),
            "--auth-key".into(),
            path_text(&key)?.into(),
        ]);
        peer = format!("client-{}", kind.name());
    }
    let server = Running::start(command)?;
    let port = server.stdout.wait_for_port("listening on ").map_err(|e| e + &server.stderr.text())?;
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let ended = client(port, &options)?.succeed()?;
    if let Some((ours, _)) = CURVES.iter().find(|(_, theirs)| *theirs == curve) {
        contains(&ended.stderr, &format!(", {ours}, handshake"))?;
    }
    contains(&ended.text(), &format!("{version} {suite} client {peer}\n"))
}

/// Java with a small heap, which starts faster.
fn java() -> std::process::Command {
    let mut command = Program::Java.command();
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m"]).arg(data("Peer.java"));
    command
}

/// Node sends a share only for the first curve of its list.
fn node_retry(group: &str) -> Outcome {
    let first = if group == "secp384r1" { "P-256" } else { "P-384" };
    let theirs = CURVES.iter().find(|(ours, _)| *ours == group).map(|(_, theirs)| *theirs).ok_or("no such curve")?;
    let (version, _, suite, kind) = SUITES[0];
    let server = Server::start(kind, &["--group", group], &["http"])?;
    let mut command = Program::Node.command();
    let curves = format!("{first}:{theirs}");
    command.arg(data("client.js")).args([&server.port.to_string(), path_text(&ca_file()?)?, version, suite, &curves]);
    let page = Running::start(command)?.succeed()?.text();
    contains(&page, &format!("group: {group}\nhandshake: FullWithHelloRetryRequest\n"))
}

/// Fetches the page about the connection with Java. Returns Java's output.
fn java_fetches((version, suite, _, kind): Suite, server_options: &[&str]) -> Result<String, String> {
    let server = Server::start(kind, server_options, &["http"])?;
    let mut command = java();
    command.args(["client", &server.port.to_string(), path_text(&ca_file()?)?, version, suite]);
    Ok(Running::start(command)?.succeed()?.text())
}

fn java_client(suite: Suite) -> Outcome {
    let page = java_fetches(suite, &[])?;
    let (version, suite, ..) = suite;
    contains(&page, &format!("java: {version} {suite}\n"))?;
    contains(&page, &format!("version: {version}\ncipher suite: {suite}\n"))
}

fn java_server(suite: Suite) -> Outcome {
    let (_running, port) = java_listens(suite)?;
    let page = client(port, &["--http", "/"])?.succeed()?.text();
    contains(&page, &format!("{} {}\n", suite.0, suite.1))
}

/// A Java server and its port.
pub(crate) fn java_listens((version, suite, _, kind): Suite) -> Result<(Running, u16), String> {
    let Files { chain, key } = files(kind)?;
    let store = folder()?.join(format!("java-{suite}-{:?}.p12", std::thread::current().id()));
    let mut command = Program::Openssl.command();
    command.args(["pkcs12", "-export", "-passout", "pass:interop", "-in"]).arg(chain).arg("-inkey").arg(key);
    command.arg("-out").arg(&store);
    Running::start(command)?.succeed()?;
    let mut command = java();
    command.args(["server", path_text(&store)?, "interop", version, suite]);
    let server = Running::start(command)?;
    let port = server.stdout.wait_for_port("listening on ").map_err(|e| e + &server.stderr.text())?;
    Ok((server, port))
}
