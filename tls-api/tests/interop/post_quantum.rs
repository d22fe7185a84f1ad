//! Hybrid key exchange with OpenSSL of pyOpenSSL, Go, Node 24, BoringSSL of gRPC, rustls of uv
//! (client) and Deno (server, over AWS-LC) and Chromium, with and without HelloRetryRequest.
//! Debian's OpenSSL has none.

use std::path::Path;
#[cfg(feature = "aws-lc-rs")]
use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Trial;

use crate::certificates::{Files, Kind, ca_file, files, folder};
use crate::openssl_server::client;
use crate::processes::{Running, Server};
use crate::programs::Program;
use crate::{Outcome, contains, path_text, trial};

const HYBRID: &str = "X25519MLKEM768";
const P256_HYBRID: &str = "SecP256r1MLKEM768";

/// A peer that has both roles and takes a list of groups.
#[derive(Clone, Copy)]
enum Peer {
    Openssl,
    Go,
    Node,
}

/// A test: its name, the peer's groups, the `--group` options of our program, the group, and our
/// handshake kind.
type Case = (&'static str, &'static str, &'static [&'static str], &'static str, &'static str);

const RETRY: &str = "FullWithHelloRetryRequest";

const CLIENTS: [Case; 4] = [
    ("hybrid", "X25519MLKEM768:X25519", &[], HYBRID, "Full"),
    ("p256_hybrid", "SecP256r1MLKEM768", &[P256_HYBRID], P256_HYBRID, "Full"),
    ("retry_for_hybrid", "P-256:X25519MLKEM768", &[HYBRID], HYBRID, RETRY),
    ("retry_for_p384", "X25519MLKEM768:P-384", &["secp384r1"], "secp384r1", RETRY),
];

/// Go's client prefers X25519MLKEM768 to all other groups, so that no server retries for it.
const GO_RETRY: Case =
    ("retry_for_p256_hybrid", "X25519MLKEM768:SecP256r1MLKEM768", &[P256_HYBRID], P256_HYBRID, RETRY);

const SERVERS: [Case; 4] = [
    ("hybrid", "X25519MLKEM768:X25519", &[], HYBRID, "Full"),
    ("p256_hybrid", "SecP256r1MLKEM768", &[P256_HYBRID], P256_HYBRID, "Full"),
    ("retry_for_hybrid", "X25519MLKEM768", &["x25519", HYBRID], HYBRID, RETRY),
    ("retry_for_p384", "P-384", &[], "secp384r1", RETRY),
];

#[cfg(feature = "aws-lc-rs")]
const ML_DSA_WITH_GO: &[Program] = &[Program::PythonPeers, Program::Go];
#[cfg(feature = "aws-lc-rs")]
const ML_DSA_WITH_NODE: &[Program] = &[Program::PythonPeers, Program::Node24];

const GRPC: &[Program] = &[Program::PythonPeers];

/// The options of our programs for their backend.
const BACKENDS: &[&str] = if cfg!(feature = "aws-lc-rs") { &["ring", "aws-lc-rs"] } else { &["ring"] };

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for peer in [Peer::Openssl, Peer::Go, Peer::Node] {
        for case in CLIENTS {
            let case = if matches!(peer, Peer::Go) && case.0 == "retry_for_hybrid" { GO_RETRY } else { case };
            let name = format!("post_quantum::{}_client::{}", peer.name(), case.0);
            trials.push(trial(name, peer.needs(), move || peer_is_client(peer, case)));
        }
        for case in SERVERS {
            let name = format!("post_quantum::{}_server::{}", peer.name(), case.0);
            trials.push(trial(name, peer.needs(), move || peer_is_server(peer, case)));
        }
    }
    for (name, groups, group, kind) in
        [("hybrid", &[][..], HYBRID, "Full"), ("retry_for_p384", &["--group", "secp384r1"], "secp384r1", RETRY)]
    {
        let expected = format!(", {group}, handshake {kind}");
        trials.push(trial(format!("post_quantum::boringssl_client::{name}"), GRPC, {
            let expected = expected.clone();
            move || boringssl_client(groups, &expected)
        }));
        trials.push(trial(format!("post_quantum::rustls_client::{name}"), &[Program::Uv], move || {
            rustls_client(groups, &expected)
        }));
        let expected = format!("group: {group}\nhandshake: {kind}\n");
        trials.push(trial(format!("post_quantum::chromium_client::{name}"), &[Program::Chromium], move || {
            chromium_client(groups, &expected)
        }));
    }
    #[cfg(feature = "aws-lc-rs")]
    for peer in [Peer::Openssl, Peer::Go, Peer::Node] {
        let needs = if matches!(peer, Peer::Go) { ML_DSA_WITH_GO } else { ML_DSA_WITH_NODE };
        trials.push(trial(format!("post_quantum::{}_client::ml_dsa", peer.name()), needs, move || {
            ml_dsa::peer_is_client(peer)
        }));
        trials.push(trial(format!("post_quantum::{}_server::ml_dsa", peer.name()), needs, move || {
            ml_dsa::peer_is_server(peer)
        }));
    }
    trials.push(trial("post_quantum::boringssl_server::hybrid", GRPC, || boringssl_server(&[], "Full")));
    // BoringSSL prefers what the client does, and gRPC does not enable the other hybrid.
    trials.push(trial("post_quantum::boringssl_server::retry_for_hybrid", GRPC, || {
        boringssl_server(&["--group", P256_HYBRID, "--group", HYBRID], RETRY)
    }));
    for backend in BACKENDS {
        trials.push(trial(format!("post_quantum::rustls_server::{backend}"), &[Program::Deno], move || {
            rustls_server(backend)
        }));
    }
    trials
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Openssl => "openssl",
            Self::Go => "go",
            Self::Node => "node",
        }
    }

    fn needs(self) -> &'static [Program] {
        match self {
            Self::Openssl => &[Program::PythonPeers],
            Self::Go => &[Program::Go],
            Self::Node => &[Program::Node24],
        }
    }

    /// A client of `port` that trusts `ca`.
    fn client(self, port: u16, ca: &Path, groups: &str) -> Result<Command, String> {
        let port = port.to_string();
        let mut command = match self {
            Self::Openssl => script("openssl_peer.py"),
            Self::Go => go_peer()?,
            Self::Node => node("client.js"),
        };
        match self {
            Self::Node => command.arg(port).arg(ca).args(["TLSv1.3", NODE_SUITES, groups]),
            _ => command.args(["client", &port]).arg(ca).arg(groups),
        };
        Ok(command)
    }

    fn server(self, Files { chain, key }: &Files, groups: &str) -> Result<Command, String> {
        let mut command = match self {
            Self::Openssl => script("openssl_peer.py"),
            Self::Go => go_peer()?,
            Self::Node => node("server.js"),
        };
        match self {
            Self::Node => command.arg(chain).arg(key).args(["TLSv1.3", NODE_SUITES, groups]),
            _ => command.arg("server").arg(chain).arg(key).arg(groups),
        };
        Ok(command)
    }

    /// Checks the peer's own view. Node has no method for it; its list of groups allows no other.
    fn check(self, output: &str, group: &str, kind: &str) -> Outcome {
        let group = if group == "secp384r1" && matches!(self, Self::Go) { "P-384" } else { group };
        match self {
            Self::Openssl => contains(output, &format!("peer: {group}\n")),
            Self::Go => contains(output, &format!("peer: {group}, retry {}\n", kind == RETRY)),
            Self::Node => contains(output, "TLSv1.3"),
        }
    }
}

const NODE_SUITES: &str = "TLS_AES_128_GCM_SHA256";

fn peer_is_client(peer: Peer, (_, theirs, ours, group, kind): Case) -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &options(ours), &["http"])?;
    let output = Running::start(peer.client(server.port, &ca_file()?, theirs)?)?.succeed()?.text();
    server.expect_no_errors()?;
    peer.check(&output, group, kind)?;
    contains(&output, &format!("group: {group}\nhandshake: {kind}\n"))
}

fn peer_is_server(peer: Peer, (_, theirs, ours, group, kind): Case) -> Outcome {
    let (_server, port) = listens(peer.server(&files(Kind::EcdsaP256)?, theirs)?)?;
    let ended = client(port, &[&["--verbose", "--http", "/"], &options(ours)[..]].concat())?.succeed()?;
    peer.check(&ended.text(), group, kind)?;
    contains(&ended.stderr, &format!(", {group}, handshake {kind},"))
}

fn boringssl_client(groups: &[&str], expected: &str) -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[&["--verbose", "--proto", "h2"], groups].concat(), &["echo"])?;
    let mut command = script("grpc_peer.py");
    command.args(["client", &server.port.to_string()]).arg(ca_file()?);
    let _client = Running::start(command)?;
    Ok(server.running.stderr.wait_for(expected)?)
}

fn boringssl_server(groups: &[&str], kind: &str) -> Outcome {
    let Files { chain, key } = files(Kind::EcdsaP256)?;
    let mut command = script("grpc_peer.py");
    command.arg("server").arg(chain).arg(key);
    let (_server, port) = listens(command)?;
    let client = client(port, &[&["--verbose", "--proto", "h2"], groups].concat())?;
    Ok(client.stderr.wait_for(&format!(", {HYBRID}, protocol h2, handshake {kind},"))?)
}

/// uv asks for an index of packages. The server has none, so it fails after the handshake.
fn rustls_client(groups: &[&str], expected: &str) -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[&["--verbose"], groups].concat(), &["http"])?;
    let index = format!("https://localhost:{}", server.port);
    let mut command = Program::Uv.command();
    command.env("SSL_CERT_FILE", ca_file()?).current_dir(folder()?);
    command.args(["--no-config", "--no-cache", "pip", "install", "--dry-run", "--target", "uv-target"]);
    command.args(["--index-url", &index, "nothing"]);
    let _client = Running::start(command)?;
    Ok(server.running.stderr.wait_for(expected)?)
}

/// A full and a resumed handshake in each case.
fn rustls_server(backend: &str) -> Outcome {
    let Files { chain, key } = files(Kind::EcdsaP256)?;
    let mut command = Program::Deno.command();
    command.env("DENO_DIR", folder()?.join("deno")).env("DENO_NO_UPDATE_CHECK", "1");
    command.args(["run", "--no-config", "--no-lock", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read"]);
    command.arg(crate::node_and_java::data("rustls_server.js")).arg(chain).arg(key);
    let (_server, port) = listens(command)?;
    let options = ["--backend", backend, "--verbose", "--connections", "2", "--http", "/"];
    for (groups, group, kinds) in [
        (&[][..], HYBRID, ["Full", "Resumed"]),
        // rustls has the other hybrid, and does not enable it. The client remembers that.
        (&["--group", P256_HYBRID, "--group", HYBRID], HYBRID, [RETRY, "Resumed"]),
        (&["--group", "x25519"], "x25519", ["Full", "Resumed"]),
    ] {
        let ended = client(port, &[&options[..], groups].concat())?.succeed()?;
        contains(&ended.text(), "rustls\n")?;
        for kind in kinds {
            contains(&ended.stderr, &format!(", {group}, handshake {kind},"))?;
        }
    }
    Ok(())
}

fn chromium_client(groups: &[&str], expected: &str) -> Outcome {
    let server = Server::start(Kind::EcdsaP256, groups, &["http"])?;
    let profile = folder()?.join(format!("chromium-{}", server.port));
    let mut command = Program::Chromium.command();
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--ignore-certificate-errors"]);
    command.arg(format!("--user-data-dir={}", path_text(&profile)?));
    command.args(["--dump-dom", &format!("https://localhost:{}/", server.port)]);
    let client = Running::start(command)?;
    Ok(client.stdout.wait_for(expected)?)
}

/// Certificates with ML-DSA, which OpenSSL made. Node also presents one as a client, and requests
/// one as a server.
#[cfg(feature = "aws-lc-rs")]
mod ml_dsa {
    use super::*;
    use crate::programs::example;

    const SETS: [&str; 3] = ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"];
    const OPTIONS: [&str; 2] = ["--backend", "aws-lc-rs"];

    fn files_of(set: &str) -> Result<(Files, PathBuf), String> {
        static MADE: std::sync::OnceLock<Outcome> = std::sync::OnceLock::new();
        let folder = folder()?;
        MADE.get_or_init(|| {
            let mut command = script("ml_dsa_certificates.py");
            command.arg(folder);
            Running::start(command)?.succeed()?;
            Ok(())
        })
        .as_ref()
        .map_err(|e| format!("{e:?}"))?;
        let file = |end: &str| folder.join(format!("{set}{end}"));
        Ok((Files { chain: file(".pem"), key: file(".key") }, file("-ca.pem")))
    }

    pub(super) fn peer_is_client(peer: Peer) -> Outcome {
        for set in SETS {
            let (files, ca) = files_of(set)?;
            let is_mutual = matches!(peer, Peer::Node);
            let auth = if is_mutual { &["--auth", path_text(&ca)?, "--require-auth"][..] } else { &[] };
            let server = Server::start_with(&files, &[&OPTIONS, auth].concat(), &["http"])?;
            let mut command = peer.client(server.port, &ca, HYBRID)?;
            if is_mutual {
                command.arg(&files.chain).arg(&files.key);
            }
            let output = Running::start(command)?.succeed()?.text();
            server.expect_no_errors()?;
            contains(&output, "handshake: Full\n")?;
            if is_mutual {
                contains(&output, "localhost")?;
            }
        }
        Ok(())
    }

    pub(super) fn peer_is_server(peer: Peer) -> Outcome {
        for set in SETS {
            let (files, ca) = files_of(set)?;
            let is_mutual = matches!(peer, Peer::Node);
            let mut command = peer.server(&files, HYBRID)?;
            if is_mutual {
                command.arg(&ca);
            }
            let (_server, port) = listens(command)?;
            let mut command = example("tlsclient")?;
            command.args(["--port", &port.to_string(), "--cafile"]).arg(&ca).args(OPTIONS);
            if is_mutual {
                command.arg("--auth-certs").arg(&files.chain).arg("--auth-key").arg(&files.key);
            }
            let ended = Running::start({
                command.args(["--verbose", "--http", "/", "localhost"]);
                command
            })?
            .succeed()?;
            contains(&ended.stderr, "handshake Full,")?;
            if is_mutual {
                contains(&ended.text(), "client localhost")?;
            }
        }
        Ok(())
    }
}

/// Our programs' options for groups.
fn options(groups: &'static [&'static str]) -> Vec<&'static str> {
    groups.iter().flat_map(|group| ["--group", group]).collect()
}

/// A server that prints its port.
fn listens(command: Command) -> Result<(Running, u16), String> {
    let server = Running::start(command)?;
    let port = server.stdout.wait_for_port("listening on ").map_err(|e| e + &server.stderr.text())?;
    Ok((server, port))
}

fn script(name: &str) -> Command {
    let mut command = Program::PythonPeers.command();
    command.arg(crate::node_and_java::data(name));
    command
}

fn node(name: &str) -> Command {
    let mut command = Program::Node24.command();
    command.arg(crate::node_and_java::data(name));
    command
}

/// The program of `peer.go`, which is built at first.
fn go_peer() -> Result<Command, String> {
    static BUILT: std::sync::OnceLock<Outcome> = std::sync::OnceLock::new();
    let program = folder()?.join("go-peer");
    BUILT
        .get_or_init(|| {
            let mut command = Program::Go.command();
            command.env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local").args(["build", "-o"]).arg(&program);
            command.arg(crate::node_and_java::data("peer.go"));
            Running::start(command)?.succeed()?;
            Ok(())
        })
        .as_ref()
        .map_err(|e| format!("{e:?}"))?;
    Ok(Command::new(program))
}
