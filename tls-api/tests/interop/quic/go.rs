//! QUIC under quinn with the cryptography of this library, and Go as the peer, in both roles: the
//! QUIC of `golang.org/x/net`, which Go's distribution contains, with `crypto/tls`.
//!
//! It has HelloRetryRequest, which aioquic lacks. It has no early data, and its server no tickets.

use std::fmt::Write;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use libtest_mimic::Trial;
use quinn::ConnectionError;
use strata_tls::{CipherSuite, ClientConfig, ConnectionInfo, HandshakeKind, NamedGroup, ServerConfig};

use super::{
    KIND, PeerServer, Served, Serving, Test, block_on, check, client, client_config, close, connect, echo, endpoint,
    identity, info, pattern, quinn_server, requiring_certificates, serve, server_config, text,
};
use crate::certificates::{self, folder};
use crate::counting::Updates;
use crate::processes::Running;
use crate::programs::Program;
use crate::{Outcome, path_text, trial};

const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];

/// Length of a transfer in which keys are updated, and its part after which they are.
const LONG: usize = 64 << 20;
const PHASE: usize = 8 << 20;

const ONE: Serving = Serving { connections: 1, retries: false, updates: false, forgets: false };

pub(super) fn trials() -> Vec<Trial> {
    let tests: [Test; 15] = [
        ("client_answers_a_hello_retry_request", client_answers_a_hello_retry_request),
        ("client_follows_a_retry_packet", client_follows_a_retry_packet),
        ("client_rejects_a_wrong_name", client_rejects_a_wrong_name),
        ("client_without_common_alpn_fails", client_without_common_alpn_fails),
        ("client_presents_its_certificate", client_presents_its_certificate),
        ("client_negotiates_each_suite", client_negotiates_each_suite),
        ("client_updates_keys_in_a_transfer", client_updates_keys_in_a_transfer),
        ("server_sends_a_hello_retry_request", server_sends_a_hello_retry_request),
        ("server_validates_with_a_retry_packet", server_validates_with_a_retry_packet),
        ("server_resumes", server_resumes),
        ("server_fails_with_a_client_of_another_name", server_fails_with_a_client_of_another_name),
        ("server_without_common_alpn_fails", server_without_common_alpn_fails),
        ("server_authenticates_the_client", server_authenticates_the_client),
        ("server_negotiates_each_suite", server_negotiates_each_suite),
        ("server_updates_keys_in_a_transfer", server_updates_keys_in_a_transfer),
    ];
    tests.into_iter().map(|(name, run)| trial(format!("quic::go::{name}"), &[Program::Go], run)).collect()
}

/// The program of `quic_peer.go`, which is built at first, with the packages in Go's own tree.
fn peer() -> Result<Command, String> {
    static BUILT: OnceLock<Outcome> = OnceLock::new();
    let (module, program) = (folder()?.join("go-quic"), folder()?.join("go-quic-peer"));
    let build = || {
        let run = |folder: &std::path::Path, args: &[&str]| {
            let mut command = Program::Go.command();
            command.env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local").env("GOFLAGS", "-mod=vendor");
            command.current_dir(folder).args(args);
            Running::start(command)?.succeed()
        };
        std::fs::create_dir_all(&module).map_err(text)?;
        let root = run(&module, &["env", "GOROOT"])?.text();
        let vendor = std::path::Path::new(root.trim()).join("src/vendor");
        let mut requirements = "module peer\ngo 1.25\n".to_owned();
        let modules = std::fs::read_to_string(vendor.join("modules.txt")).map_err(text)?;
        for required in modules.lines().filter_map(|line| line.strip_prefix("# ")) {
            writeln!(requirements, "require {required}").map_err(text)?;
        }
        std::fs::write(module.join("go.mod"), requirements).map_err(text)?;
        std::fs::copy(crate::node_and_java::data("quic_peer.go"), module.join("main.go")).map_err(text)?;
        symlink(vendor, module.join("vendor")).map_err(text)?;
        run(&module, &["build", "-o", path_text(&program)?])?;
        Ok(())
    };
    BUILT.get_or_init(build).as_ref().map_err(|e| format!("{e:?}"))?;
    Ok(Command::new(program))
}

fn start_server(options: &[&str]) -> Result<PeerServer, String> {
    let files = certificates::files(KIND)?;
    let mut command = peer()?;
    command.args(options).arg("server").arg(files.chain).arg(files.key);
    PeerServer::of(command)
}

/// Connects to a server with these options, and transfers data. Returns what both sides report.
fn connect_to(config: ClientConfig, options: &[&str]) -> Result<(ConnectionInfo, String), String> {
    let server = start_server(options)?;
    block_on(async {
        let client = client(config)?;
        let connection = connect(&client, &server, "localhost").await?.map_err(text)?;
        echo(&connection, &pattern(100_000), false).await?;
        close(&client, &connection).await;
        Ok((info(&connection)?, server.lines("handshake", 1)?.concat()))
    })
}

/// Connects to a server with these options, which must fail. Returns the error of this side.
fn fail_to_connect(config: ClientConfig, name: &str, options: &[&str]) -> Result<ConnectionError, String> {
    let server = start_server(options)?;
    block_on(async {
        let client = client(config)?;
        let connection = connect(&client, &server, name).await?;
        let e = match connection {
            // The client has finished before the server sees its certificate.
            Ok(connection) => connection.closed().await,
            Err(e) => e,
        };
        client.wait_idle().await;
        Ok(e)
    })
}

fn contains(said: &str, expected: &str) -> Result<(), String> {
    if said.contains(expected) { Ok(()) } else { Err(format!("{expected:?} is not in {said:?}")) }
}

/// Checks that the peer closed with this alert.
fn check_closed(e: &ConnectionError, alerts: &[u64]) -> Result<(), String> {
    match e {
        ConnectionError::ConnectionClosed(close) if alerts.contains(&(u64::from(close.error_code) - 0x100)) => Ok(()),
        other => Err(format!("expected an alert of {alerts:?}, got {other:?}")),
    }
}

/// Checks that this side failed with this alert.
fn check_failed(e: &ConnectionError, alert: u64) -> Result<(), String> {
    match e {
        ConnectionError::TransportError(e) if u64::from(e.code) == 0x100 + alert => Ok(()),
        other => Err(format!("expected the alert {alert}, got {other:?}")),
    }
}

fn client_answers_a_hello_retry_request() -> Outcome {
    let (info, said) = connect_to(client_config()?, &["-group", "P-256"])?;
    check("kind", info.handshake_kind(), HandshakeKind::FullWithHelloRetryRequest)?;
    check("group", info.group(), Some(NamedGroup::SECP256R1))?;
    contains(&said, "resumed=false retried=true alpn=test ")?;
    Ok(())
}

/// Also with a HelloRetryRequest after it.
fn client_follows_a_retry_packet() -> Outcome {
    for (group, retried) in [("X25519", "retried=false"), ("P-256", "retried=true")] {
        contains(&connect_to(client_config()?, &["-retry", "-group", group])?.1, retried)?;
    }
    Ok(())
}

fn client_rejects_a_wrong_name() -> Outcome {
    check_failed(&fail_to_connect(client_config()?, "other.test", &[])?, 42)?;
    Ok(())
}

fn client_without_common_alpn_fails() -> Outcome {
    check_closed(&fail_to_connect(client_config()?, "localhost", &["-alpn", "other"])?, &[120])?;
    Ok(())
}

fn client_presents_its_certificate() -> Outcome {
    let ca = certificates::ca_file()?;
    let options = ["-ca", path_text(&ca)?];
    let mut config = client_config()?;
    config.set_client_identity(identity(&certificates::client_files(KIND)?)?);
    contains(&connect_to(config, &options)?.1, "certificates=1")?;
    check_closed(&fail_to_connect(client_config()?, "localhost", &options)?, &[116])?;
    Ok(())
}

fn client_negotiates_each_suite() -> Outcome {
    for suite in SUITES {
        let mut config = client_config()?;
        config.set_cipher_suites(&[suite]).map_err(text)?;
        let (info, said) = connect_to(config, &[])?;
        check("suite", info.cipher_suite(), suite)?;
        contains(&said, &format!("suite={suite}"))?;
    }
    Ok(())
}

/// Go begins a key update after 100 packets, and this side several.
fn client_updates_keys_in_a_transfer() -> Outcome {
    let server = start_server(&[])?;
    block_on(async {
        let (mut client, updates) = (endpoint(None)?, Updates::default());
        let crypto = strata_tls::quinn::QuicClientConfig::try_from(Arc::new(client_config()?)).map_err(text)?;
        client.set_default_client_config(updates.client(Arc::new(crypto)));
        let connection = connect(&client, &server, "localhost").await?.map_err(text)?;
        for part in pattern(LONG).chunks(PHASE) {
            echo(&connection, part, false).await?;
            // The first keys exist in advance.
            check("whether Go has begun an update", updates.get() > 1, true)?;
            updates.force(&connection).await;
        }
        echo(&connection, b"afterwards", false).await
    })?;
    Ok(())
}

/// Runs Go as a client of a server with this configuration.
fn serve_go(
    config: impl Fn() -> Result<ServerConfig, String>,
    options: &[&str],
    serving: Serving,
) -> Result<Served, String> {
    let command = |port: &str| {
        let mut command = peer()?;
        command.args(options).args(["client", port]).arg(certificates::ca_file()?);
        Ok(command)
    };
    serve(config, command, serving)
}

/// Serves connections that must all succeed. Returns what they negotiated, and what the peer
/// printed.
fn accept(
    config: impl Fn() -> Result<ServerConfig, String>,
    options: &[&str],
    serving: Serving,
) -> Result<(Vec<ConnectionInfo>, String), String> {
    let (results, said) = serve_go(config, options, serving)?;
    let infos: Vec<_> = results.into_iter().collect::<Result<_, _>>().map_err(|e| format!("{e}: {said}"))?;
    check(&format!("echoes in {said}"), said.matches("echoed=true").count(), infos.len())?;
    Ok((infos, said))
}

/// Serves a connection that must fail. Returns its error, and what the peer printed.
fn fail_to_accept(
    config: impl Fn() -> Result<ServerConfig, String>,
    options: &[&str],
) -> Result<(ConnectionError, String), String> {
    let (mut results, said) = serve_go(config, options, ONE)?;
    match results.pop() {
        Some(Err(e)) => Ok((e, said)),
        other => Err(format!("{other:?}: {said}")),
    }
}

/// Without early data: after a HelloRetryRequest, Go computes its binder over a ClientHello that
/// still offers it, and sends one that does not.
fn on_p256() -> Result<ServerConfig, String> {
    let mut config = server_config()?;
    config.set_max_early_data_size(0);
    config.set_groups(&[NamedGroup::SECP256R1]).map_err(text)?;
    Ok(config)
}

fn server_sends_a_hello_retry_request() -> Outcome {
    let (infos, said) = accept(on_p256, &[], ONE)?;
    for info in infos {
        check("kind", info.handshake_kind(), HandshakeKind::FullWithHelloRetryRequest)?;
        check("name", info.server_name(), Some("localhost"))?;
    }
    contains(&said, "resumed=false retried=true alpn=test ")?;
    Ok(())
}

/// Also with a HelloRetryRequest after it.
fn server_validates_with_a_retry_packet() -> Outcome {
    let serving = Serving { retries: true, ..ONE };
    contains(&accept(server_config, &[], serving)?.1, "retried=false")?;
    contains(&accept(on_p256, &[], serving)?.1, "retried=true")?;
    Ok(())
}

/// Also with a HelloRetryRequest in both connections.
fn server_resumes() -> Outcome {
    use HandshakeKind::{Full, FullWithHelloRetryRequest, Resumed, ResumedWithHelloRetryRequest};
    let serving = Serving { connections: 2, ..ONE };
    type Config = fn() -> Result<ServerConfig, String>;
    for (config, kinds) in [
        (server_config as Config, [Full, Resumed]),
        (on_p256 as Config, [FullWithHelloRetryRequest, ResumedWithHelloRetryRequest]),
    ] {
        let (infos, said) = accept(config, &["-connections", "2"], serving)?;
        check("kinds", infos.iter().map(ConnectionInfo::handshake_kind).collect(), kinds.to_vec())?;
        contains(&said, "resumed=true")?;
    }
    Ok(())
}

fn server_fails_with_a_client_of_another_name() -> Outcome {
    let (e, said) = fail_to_accept(server_config, &["-name", "other.test"])?;
    check_closed(&e, &[42])?;
    contains(&said, "failed ")?;
    Ok(())
}

fn server_without_common_alpn_fails() -> Outcome {
    let (e, said) = fail_to_accept(server_config, &["-alpn", "other"])?;
    check_failed(&e, 120)?;
    contains(&said, "failed ")?;
    Ok(())
}

fn server_authenticates_the_client() -> Outcome {
    let files = certificates::client_files(KIND)?;
    let options = ["-cert", path_text(&files.chain)?, "-key", path_text(&files.key)?];
    for info in accept(requiring_certificates, &options, ONE)?.0 {
        check("certificates", info.peer_certificates().map(<[_]>::len), Some(1))?;
    }
    check_failed(&fail_to_accept(requiring_certificates, &[])?.0, 116)?;
    Ok(())
}

fn server_negotiates_each_suite() -> Outcome {
    for suite in SUITES {
        let config = || {
            let mut config = server_config()?;
            config.set_cipher_suites(&[suite]).map_err(text)?;
            Ok(config)
        };
        let (infos, said) = accept(config, &[], ONE)?;
        infos.iter().try_for_each(|info| check("suite", info.cipher_suite(), suite))?;
        contains(&said, &format!("suite={suite}"))?;
    }
    Ok(())
}

/// Go begins a key update after 100 packets, and this side several.
fn server_updates_keys_in_a_transfer() -> Outcome {
    block_on(async {
        let (mut config, updates) = (quinn_server(server_config()?)?, Updates::default());
        updates.count(&mut config);
        let server = endpoint(Some(config))?;
        let mut command = peer()?;
        command.args(["-bytes", &LONG.to_string(), "client"]);
        command.arg(server.local_addr().map_err(text)?.port().to_string()).arg(certificates::ca_file()?);
        let running = Running::start(command)?;
        let connection = server.accept().await.ok_or("the endpoint is closed")?.await.map_err(text)?;
        let (mut to, mut from) = connection.accept_bi().await.map_err(text)?;
        let mut since = 0;
        while let Some(chunk) = from.read_chunk(1 << 16, true).await.map_err(text)? {
            since += chunk.bytes.len();
            to.write_all(&chunk.bytes).await.map_err(text)?;
            if since >= PHASE {
                since = 0;
                // The first keys exist in advance.
                check("whether Go has begun an update", updates.get() > 1, true)?;
                updates.force(&connection).await;
            }
        }
        to.finish().map_err(text)?;
        connection.closed().await;
        let said = tokio::task::spawn_blocking(|| running.succeed()).await.map_err(text)??.text();
        contains(&said, "echoed=true")
    })?;
    Ok(())
}
