//! QUIC under quinn with the cryptography of this library, and aioquic as the peer, in both roles.
//!
//! aioquic has no HelloRetryRequest, which Go has, and quinn no QUIC version 2, for which
//! `version_2` has packets of its own. The peer is a program in Python, so transfers are short.

#[cfg(all(unix, feature = "post-quantum"))]
mod go;
#[path = "../memory/quic_tls.rs"]
mod quic_tls;
mod version_2;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;

use libtest_mimic::Trial;
use quinn::{Connection, ConnectionError, Endpoint, TokioRuntime, VarInt};
use strata_tls::{
    AllowAnyAuthenticatedClient, CipherSuite, ClientConfig, ConnectionInfo, HandshakeKind, Identity, ServerConfig,
    ServerSessionMemoryCache,
};

use crate::certificates::{self, Files, Kind};
use crate::processes::Running;
use crate::programs::Program;
use crate::{Outcome, path_text, trial};

const KIND: Kind = Kind::EcdsaP256;

/// The suites other than the first of both sides.
const SUITES: [(CipherSuite, &str); 2] = [
    (CipherSuite::TLS_CHACHA20_POLY1305_SHA256, "CHACHA20_POLY1305_SHA256"),
    (CipherSuite::TLS_AES_256_GCM_SHA384, "AES_256_GCM_SHA384"),
];

/// Length of a transfer in which keys are updated.
const LONG: usize = 4 << 20;

type Test = (&'static str, fn() -> Outcome);

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [Test; 19] = [
        ("client_completes_a_full_handshake", client_completes_a_full_handshake),
        ("client_follows_a_retry_packet", client_follows_a_retry_packet),
        ("client_resumes_with_early_data", client_resumes_with_early_data),
        ("client_repeats_refused_early_data", client_repeats_refused_early_data),
        ("client_rejects_a_wrong_name", client_rejects_a_wrong_name),
        ("client_without_common_alpn_fails", client_without_common_alpn_fails),
        ("client_presents_its_certificate", client_presents_its_certificate),
        ("client_negotiates_each_suite", client_negotiates_each_suite),
        ("client_updates_keys_in_a_transfer", client_updates_keys_in_a_transfer),
        ("server_completes_a_full_handshake", server_completes_a_full_handshake),
        ("server_validates_with_a_retry_packet", server_validates_with_a_retry_packet),
        ("server_resumes_and_accepts_early_data", server_resumes_and_accepts_early_data),
        ("server_without_sessions_refuses_early_data", server_without_sessions_refuses_early_data),
        ("server_fails_with_a_client_of_another_name", server_fails_with_a_client_of_another_name),
        ("server_without_common_alpn_fails", server_without_common_alpn_fails),
        ("server_authenticates_the_client", server_authenticates_the_client),
        ("server_negotiates_each_suite_and_updates_keys", server_negotiates_each_suite_and_updates_keys),
        ("client_speaks_version_2", version_2::client_speaks_version_2),
        ("server_speaks_version_2", version_2::server_speaks_version_2),
    ];
    let aioquic = tests.map(|(name, run)| trial(format!("quic::aioquic::{name}"), &[Program::Aioquic], run));
    #[cfg_attr(not(all(unix, feature = "post-quantum")), expect(unused_mut, reason = "no other peer is built"))]
    let mut trials = Vec::from(aioquic);
    #[cfg(all(unix, feature = "post-quantum"))]
    trials.extend(go::trials());
    trials
}

fn block_on<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| e.to_string())?.block_on(future)
}

fn text(e: impl std::fmt::Display) -> String {
    e.to_string()
}

fn endpoint(server: Option<quinn::ServerConfig>) -> Result<Endpoint, String> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(text)?;
    let config = strata_tls::quinn::endpoint_config().map_err(text)?;
    Endpoint::new(config, server, socket, Arc::new(TokioRuntime)).map_err(text)
}

fn info(connection: &Connection) -> Result<ConnectionInfo, String> {
    let data = connection.handshake_data().and_then(|data| data.downcast().ok());
    data.map(|info| *info).ok_or_else(|| "no handshake data".into())
}

fn check<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, got {got:?}")) }
}

/// The peer as a server.
struct PeerServer {
    running: Running,
    address: SocketAddr,
}

impl PeerServer {
    fn start(options: &[&str]) -> Result<Self, String> {
        let files = certificates::files(KIND)?;
        let mut command = Program::Aioquic.command();
        command.arg(peer()).args(["server", "--cert"]).arg(files.chain).arg("--key").arg(files.key).args(options);
        Self::of(command)
    }

    fn of(command: Command) -> Result<Self, String> {
        let running = Running::start(command)?;
        let port = running.stdout.wait_for_port("listening on ").map_err(|e| e + &running.stderr.text())?;
        Ok(Self { running, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }

    /// The lines that start with `start`, once there are `count`.
    fn lines(&self, start: &str, count: usize) -> Result<Vec<String>, String> {
        lines(&self.running, start, count)
    }
}

fn lines(running: &Running, start: &str, count: usize) -> Result<Vec<String>, String> {
    running.stdout.wait_until(&format!("line {start:?}"), |output| {
        let output = String::from_utf8_lossy(output);
        let complete = output.rsplit_once('\n')?.0;
        let found: Vec<String> = complete.lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect();
        (found.len() >= count).then_some(found)
    })
}

fn peer() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/data/quic_peer.py").to_owned()
}

fn client_config() -> Result<ClientConfig, String> {
    let mut config = certificates::client_config()?;
    config.set_alpn_protocols(["test"]).map_err(text)?;
    config.enable_early_data(true);
    Ok(config)
}

fn client(config: ClientConfig) -> Result<Endpoint, String> {
    let mut client = endpoint(None)?;
    client.set_default_client_config(strata_tls::quinn::client_config(Arc::new(config)).map_err(text)?);
    Ok(client)
}

async fn connect(
    client: &Endpoint,
    server: &PeerServer,
    name: &str,
) -> Result<Result<Connection, ConnectionError>, String> {
    Ok(client.connect(server.address, name).map_err(text)?.await)
}

/// Sends `data`, and expects it back. Updates keys between its parts if `updates`.
async fn echo(connection: &Connection, data: &[u8], updates: bool) -> Result<(), String> {
    let (mut to, mut from) = connection.open_bi().await.map_err(text)?;
    let send = async {
        for part in data.chunks(1 << 19) {
            to.write_all(part).await.map_err(text)?;
            if updates {
                connection.force_key_update();
            }
        }
        to.finish().map_err(text)
    };
    let receive = async { from.read_to_end(usize::MAX).await.map_err(text) };
    let (sent, received) = tokio::join!(send, receive);
    sent?;
    if received? == data { Ok(()) } else { Err("the response differs".into()) }
}

async fn close(client: &Endpoint, connection: &Connection) {
    connection.close(VarInt::from_u32(0), b"");
    client.wait_idle().await;
}

fn client_completes_a_full_handshake() -> Outcome {
    let server = PeerServer::start(&[])?;
    block_on(async {
        let client = client(client_config()?)?;
        let connection = connect(&client, &server, "localhost").await?.map_err(text)?;
        echo(&connection, &[7; 100_000], false).await?;
        check("kind", info(&connection)?.handshake_kind(), HandshakeKind::Full)?;
        check("protocol", info(&connection)?.alpn_protocol(), Some(&b"test"[..]))?;
        close(&client, &connection).await;
        let suite = "handshake resumed=0 early=0 alpn=test suite=AES_";
        let said = server.lines("handshake", 1)?.concat();
        if said.starts_with(suite) { Ok(()) } else { Err(format!("the peer reported {said:?}")) }
    })?;
    Ok(())
}

fn client_follows_a_retry_packet() -> Outcome {
    let server = PeerServer::start(&["--retry"])?;
    block_on(async {
        let client = client(client_config()?)?;
        let connection = connect(&client, &server, "localhost").await?.map_err(text)?;
        echo(&connection, b"after a Retry", false).await
    })?;
    Ok(())
}

/// Connects twice. Returns the second connection, whether its early data was accepted, and whether
/// the peer's answer arrived.
async fn connect_early(client: &Endpoint, server: &PeerServer) -> Result<(Connection, bool), String> {
    let first = connect(client, server, "localhost").await?.map_err(text)?;
    echo(&first, b"first", false).await?;
    close(client, &first).await;
    let connecting = client.connect(server.address, "localhost").map_err(text)?;
    let (second, accepted) = connecting.into_0rtt().map_err(|_| "there are no keys of 0-RTT")?;
    let (early, accepted) = tokio::join!(echo(&second, b"early", false), accepted);
    check("whether early data was answered", early.is_ok(), accepted)?;
    Ok((second, accepted))
}

fn client_resumes_with_early_data() -> Outcome {
    let server = PeerServer::start(&[])?;
    block_on(async {
        let client = client(client_config()?)?;
        let (connection, accepted) = connect_early(&client, &server).await?;
        check("acceptance", accepted, true)?;
        check("kind", info(&connection)?.handshake_kind(), HandshakeKind::Resumed)?;
        echo(&connection, b"later", false).await?;
        let said = server.lines("handshake resumed=1 early=1", 1)?;
        check("resumptions", said.len(), 1)
    })?;
    Ok(())
}

fn client_repeats_refused_early_data() -> Outcome {
    let server = PeerServer::start(&["--forget"])?;
    block_on(async {
        let client = client(client_config()?)?;
        let (connection, accepted) = connect_early(&client, &server).await?;
        check("acceptance", accepted, false)?;
        check("kind", info(&connection)?.handshake_kind(), HandshakeKind::Full)?;
        echo(&connection, b"again", false).await
    })?;
    Ok(())
}

fn client_rejects_a_wrong_name() -> Outcome {
    let server = PeerServer::start(&[])?;
    block_on(async {
        let client = client(client_config()?)?;
        let result = connect(&client, &server, "other.test").await?;
        let Err(ConnectionError::TransportError(e)) = result else { return Err(format!("{result:?}")) };
        client.wait_idle().await;
        let said = server.lines("closed", 1)?.concat();
        let expected = format!("closed code={:#x} reason={}", u64::from(e.code), e.reason);
        check("code", u64::from(e.code), 0x12a)?;
        check("report of the peer", said, expected)
    })?;
    Ok(())
}

fn client_without_common_alpn_fails() -> Outcome {
    let server = PeerServer::start(&["--alpn", "other"])?;
    block_on(async {
        let result = connect(&client(client_config()?)?, &server, "localhost").await?;
        let Err(ConnectionError::ConnectionClosed(e)) = result else { return Err(format!("{result:?}")) };
        check("code", u64::from(e.error_code), 0x178)
    })?;
    Ok(())
}

fn identity(files: &Files) -> Result<Identity, String> {
    let read = |path| std::fs::read(path).map_err(text);
    Identity::from_pem(&read(&files.chain)?, &read(&files.key)?).map_err(text)
}

fn client_presents_its_certificate() -> Outcome {
    let ca = certificates::ca_file()?;
    let server = PeerServer::start(&["--request-certificate", "--ca", path_text(&ca)?])?;
    block_on(async {
        let mut config = client_config()?;
        config.set_client_identity(identity(&certificates::client_files(KIND)?)?);
        let connection = connect(&client(config)?, &server, "localhost").await?.map_err(text)?;
        echo(&connection, b"hello", false).await?;
        let said = server.lines("handshake", 1)?.concat();
        if said.ends_with("certificates=1") { Ok(()) } else { Err(format!("the peer reported {said:?}")) }
    })?;
    Ok(())
}

fn client_negotiates_each_suite() -> Outcome {
    for (suite, name) in SUITES {
        let server = PeerServer::start(&["--suite", name])?;
        block_on(async {
            let connection = connect(&client(client_config()?)?, &server, "localhost").await?.map_err(text)?;
            echo(&connection, &[7; 50_000], false).await?;
            check("suite", info(&connection)?.cipher_suite(), suite)
        })?;
    }
    Ok(())
}

/// Both sides update keys.
fn client_updates_keys_in_a_transfer() -> Outcome {
    let server = PeerServer::start(&["--updates"])?;
    block_on(async {
        let client = client(client_config()?)?;
        let connection = connect(&client, &server, "localhost").await?.map_err(text)?;
        echo(&connection, &pattern(LONG), true).await?;
        close(&client, &connection).await;
        both_updated(&server.lines("updates", 1)?.concat())
    })?;
    Ok(())
}

fn pattern(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

/// Reads the line with the peer's counts of key updates.
fn both_updated(line: &str) -> Result<(), String> {
    let counts: Vec<u32> = line.split('=').skip(1).filter_map(|part| part.split(' ').next()?.parse().ok()).collect();
    if counts.len() == 2 && counts.iter().all(|count| *count > 0) { Ok(()) } else { Err(format!("got {line:?}")) }
}

fn server_config() -> Result<ServerConfig, String> {
    let mut config = certificates::server_config(KIND)?;
    config.set_alpn_protocols(["test"]).map_err(text)?;
    config.set_session_storage(Arc::new(ServerSessionMemoryCache::new(8)));
    config.set_max_early_data_size(u32::MAX);
    Ok(config)
}

fn quinn_server(config: ServerConfig) -> Result<quinn::ServerConfig, String> {
    strata_tls::quinn::server_config(Arc::new(config)).map_err(text)
}

/// What a server of this library does with connections of the peer.
#[derive(Clone, Copy, Default)]
struct Serving {
    connections: usize,
    retries: bool,
    updates: bool,
    /// Takes another configuration with other sessions before each connection.
    forgets: bool,
}

/// What each connection negotiated or why it failed, and the lines that the peer printed.
type Served = (Vec<Result<ConnectionInfo, ConnectionError>>, String);

/// Starts aioquic as a client of a server with this configuration.
fn serve_peer(
    config: impl Fn() -> Result<ServerConfig, String>,
    options: &[&str],
    serving: Serving,
) -> Result<Served, String> {
    let command = |port: &str| {
        let mut command = Program::Aioquic.command();
        command.arg(peer()).args(["client", "--port", port, "--ca"]).arg(certificates::ca_file()?).args(options);
        Ok(command)
    };
    serve(config, command, serving)
}

/// Starts a client of a server with this configuration.
fn serve(
    config: impl Fn() -> Result<ServerConfig, String>,
    client: impl FnOnce(&str) -> Result<Command, String>,
    serving: Serving,
) -> Result<Served, String> {
    block_on(async {
        let server = endpoint(Some(quinn_server(config()?)?))?;
        let port = server.local_addr().map_err(text)?.port().to_string();
        let running = Running::start(client(&port)?)?;
        let mut results = Vec::new();
        for _ in 0..serving.connections {
            let mut incoming = server.accept().await.ok_or("the endpoint is closed")?;
            while serving.retries && !incoming.remote_address_validated() {
                incoming.retry().map_err(text)?;
                incoming = server.accept().await.ok_or("the endpoint is closed")?;
            }
            results.push(match incoming.accept() {
                Ok(connecting) => respond(connecting, serving.updates).await,
                Err(e) => Err(e),
            });
            if serving.forgets {
                server.set_server_config(Some(quinn_server(config()?)?));
            }
        }
        server.wait_idle().await;
        let exit = tokio::task::spawn_blocking(|| running.finish()).await.map_err(text)??;
        Ok((results, exit.text() + &exit.stderr))
    })
}

/// Echoes the streams of one connection until the peer closes it.
async fn respond(connecting: quinn::Connecting, updates: bool) -> Result<ConnectionInfo, ConnectionError> {
    // Early data is read before the handshake is complete.
    let (connection, _) = match connecting.into_0rtt() {
        Ok(early) => early,
        Err(connecting) => {
            connecting.await?;
            unreachable!("a server can always send before the handshake is complete")
        }
    };
    loop {
        let (mut to, mut from) = match connection.accept_bi().await {
            Ok(stream) => stream,
            Err(ConnectionError::ApplicationClosed(_)) => break,
            Err(ConnectionError::ConnectionClosed(close)) if u64::from(close.error_code) == 0 => break,
            Err(e) => return Err(e),
        };
        let mut since = 0;
        while let Ok(Some(chunk)) = from.read_chunk(1 << 16, true).await {
            since += chunk.bytes.len();
            if to.write_all(&chunk.bytes).await.is_err() {
                break;
            }
            if updates && since >= 1 << 19 {
                since = 0;
                connection.force_key_update();
            }
        }
        // A peer that has closed reads no end.
        let _ = to.finish();
    }
    info(&connection).map_err(|_| ConnectionError::LocallyClosed)
}

/// The results of connections that must all succeed.
fn infos(results: Vec<Result<ConnectionInfo, ConnectionError>>, said: &str) -> Result<Vec<ConnectionInfo>, String> {
    let infos: Vec<_> = results.into_iter().collect::<Result<_, _>>().map_err(|e| format!("{e}: {said}"))?;
    check(&format!("echoes in {said}"), said.matches("echoed=1").count(), infos.len())?;
    Ok(infos)
}

fn server_completes_a_full_handshake() -> Outcome {
    let serving = Serving { connections: 1, ..Serving::default() };
    let (results, said) = serve_peer(server_config, &[], serving)?;
    for info in infos(results, &said)? {
        check("kind", info.handshake_kind(), HandshakeKind::Full)?;
        check("name", info.server_name(), Some("localhost"))?;
        check("protocol", info.alpn_protocol(), Some(&b"test"[..]))?;
    }
    Ok(())
}

fn server_validates_with_a_retry_packet() -> Outcome {
    let serving = Serving { connections: 1, retries: true, ..Serving::default() };
    let (results, said) = serve_peer(server_config, &[], serving)?;
    infos(results, &said)?;
    Ok(())
}

fn server_resumes_and_accepts_early_data() -> Outcome {
    let serving = Serving { connections: 2, ..Serving::default() };
    let (results, said) = serve_peer(server_config, &["--connections", "2", "--bytes", "1024"], serving)?;
    let kinds: Vec<_> = infos(results, &said)?.iter().map(ConnectionInfo::handshake_kind).collect();
    check("kinds", kinds, vec![HandshakeKind::Full, HandshakeKind::Resumed])?;
    check(&format!("early data in {said}"), said.contains("handshake resumed=1 early=1"), true)?;
    Ok(())
}

fn server_without_sessions_refuses_early_data() -> Outcome {
    let serving = Serving { connections: 2, forgets: true, ..Serving::default() };
    let (results, said) = serve_peer(server_config, &["--connections", "2", "--bytes", "1024"], serving)?;
    let kinds: Vec<_> = infos(results, &said)?.iter().map(ConnectionInfo::handshake_kind).collect();
    check("kinds", kinds, vec![HandshakeKind::Full; 2])?;
    check(&format!("early data in {said}"), said.contains("early=1"), false)?;
    Ok(())
}

fn server_fails_with_a_client_of_another_name() -> Outcome {
    let serving = Serving { connections: 1, ..Serving::default() };
    let (results, said) = serve_peer(server_config, &["--name", "other.test"], serving)?;
    match &results[..] {
        [Err(ConnectionError::ConnectionClosed(close))] => {
            check(&format!("whether the code is an alert: {close:?}"), u64::from(close.error_code) >> 8, 1)?;
        }
        other => return Err(format!("{other:?}: {said}").into()),
    }
    Ok(())
}

fn server_without_common_alpn_fails() -> Outcome {
    let serving = Serving { connections: 1, ..Serving::default() };
    let (results, said) = serve_peer(server_config, &["--alpn", "other"], serving)?;
    match &results[..] {
        [Err(ConnectionError::TransportError(e))] => check("code", u64::from(e.code), 0x178)?,
        other => return Err(format!("{other:?}: {said}").into()),
    }
    check(&format!("code in {said}"), said.contains("closed code=0x178"), true)?;
    Ok(())
}

fn requiring_certificates() -> Result<ServerConfig, String> {
    let mut config = server_config()?;
    let pem = std::fs::read(certificates::ca_file()?).map_err(text)?;
    let roots = strata_tls::root_store_from_pem(&pem).map_err(text)?;
    config.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(roots))).map_err(text)?;
    Ok(config)
}

fn server_authenticates_the_client() -> Outcome {
    let serving = Serving { connections: 1, ..Serving::default() };
    let files = certificates::client_files(KIND)?;
    let options = ["--cert", path_text(&files.chain)?, "--key", path_text(&files.key)?];
    let (results, said) = serve_peer(requiring_certificates, &options, serving)?;
    for info in infos(results, &said)? {
        check("certificates", info.peer_certificates().map(<[_]>::len), Some(1))?;
    }
    // Without a certificate the client learns why it is rejected.
    let (results, said) = serve_peer(requiring_certificates, &[], serving)?;
    match &results[..] {
        [Err(ConnectionError::TransportError(e))] => check("code", u64::from(e.code), 0x174)?,
        other => return Err(format!("{other:?}: {said}").into()),
    }
    check(&format!("code in {said}"), said.contains("closed code=0x174"), true)?;
    Ok(())
}

/// Both sides update keys.
fn server_negotiates_each_suite_and_updates_keys() -> Outcome {
    for (suite, name) in SUITES {
        let serving = Serving { connections: 1, updates: true, ..Serving::default() };
        let length = LONG.to_string();
        let (results, said) = serve_peer(server_config, &["--suite", name, "--updates", "--bytes", &length], serving)?;
        for info in infos(results, &said)? {
            check("suite", info.cipher_suite(), suite)?;
        }
        both_updated(said.lines().find(|line| line.starts_with("updates")).unwrap_or_default())?;
    }
    Ok(())
}
