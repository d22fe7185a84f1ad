//! Robustness of tlsserver and tlsclient: misbehaving peers and wrong arguments. Needs no other
//! program.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::certificates::{Kind, ca_file, files};
use crate::openssl_server::client;
use crate::processes::{Running, Server, TIMEOUT, connect, free_port};
use crate::programs::example;
use crate::{Outcome, contains, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("robustness::many_idle_peers_do_not_block_others", &[], many_idle_peers),
        trial("robustness::silent_peer_is_disconnected_and_reported", &[], silent_peer),
        trial("robustness::probes_are_shown_only_with_verbose", &[], probes),
        trial("robustness::trickling_peer_is_disconnected", &[], trickling_peer),
        trial("robustness::alert_arrives_although_more_data_was_sent", &[], alert_without_reset),
        trial("robustness::idle_peers_use_no_cpu_time", &[], nothing_to_do),
        trial("robustness::forwarding_passes_bytes_and_ends_both_ways", &[], forward),
        trial("robustness::missing_backend_is_reported", &[], forward_to_missing_backend),
        trial("robustness::wrong_arguments_exit_with_status_1", &[], wrong_arguments),
        trial("robustness::key_log_has_the_secrets_of_a_connection", &[], key_log),
        trial("robustness::quickstart_shows_a_page_and_three_rejections", &[], quickstart),
    ]
}

fn many_idle_peers() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let idle: Vec<TcpStream> = (0..300).map(|_| connect(server.port)).collect::<Result<_, _>>()?;
    for peer in idle.iter().take(100) {
        // The start of a record that never completes.
        (&mut &*peer).write_all(&[22, 3, 1]).map_err(|e| e.to_string())?;
    }
    let ended = client(server.port, &["--http", "/"])?.succeed()?;
    drop(idle);
    contains(&ended.text(), "version: TLSv1.3\n")
}

fn silent_peer() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--timeout", "0.3"], &["http"])?;
    let start = Instant::now();
    let mut socket = connect(server.port)?;
    let n = socket.read(&mut [0; 16]).map_err(|e| e.to_string())?;
    if n > 0 || start.elapsed() < Duration::from_millis(300) {
        return Err(format!("{n} bytes after {:?}", start.elapsed()).into());
    }
    Ok(server.running.stderr.wait_for("the handshake did not complete within 0.3 s")?)
}

/// Load balancers connect and close, port scans send a part of a hello.
fn probes() -> Outcome {
    for is_verbose in [false, true] {
        let options: &[&str] = if is_verbose { &["--verbose"] } else { &[] };
        let server = Server::start(Kind::EcdsaP256, options, &["http"])?;
        for sent in [&[][..], &[22, 3, 1], &[22, 3, 1, 0, 9, 1, 0, 0, 5]] {
            let mut socket = connect(server.port)?;
            socket.write_all(sent).map_err(|e| e.to_string())?;
            socket.shutdown(Shutdown::Write).map_err(|e| e.to_string())?;
            let n = socket.read(&mut [0; 16]).map_err(|e| e.to_string())?;
            if n > 0 {
                return Err(format!("{n} bytes for a probe").into());
            }
        }
        // Another protocol is reported always, and after the probes.
        let mut socket = connect(server.port)?;
        socket.write_all(b"GET / HTTP/1.1\r\n\r\n").map_err(|e| e.to_string())?;
        server.running.stderr.wait_for("expected TLS, got plain HTTP")?;
        let text = server.running.stderr.text();
        let shown = ["before it sent anything", "incomplete ClientHello"].map(|words| text.contains(words));
        if shown != [is_verbose; 2] {
            return Err(format!("--verbose: {is_verbose}: {text}").into());
        }
    }
    Ok(())
}

/// Bytes keep arriving, but the handshake never completes.
fn trickling_peer() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--timeout", "0.3"], &["http"])?;
    let start = Instant::now();
    let mut socket = connect(server.port)?;
    // Send the next byte if the server has not closed in the meantime.
    socket.set_read_timeout(Some(Duration::from_millis(20))).map_err(|e| e.to_string())?;
    for byte in [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3].into_iter().chain(std::iter::repeat(0)) {
        let cut_off = match socket.write_all(&[byte]).and_then(|()| socket.read(&mut [0])) {
            Ok(n) => n == 0,
            Err(e) => !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        };
        if cut_off {
            break;
        }
        if start.elapsed() > TIMEOUT {
            return Err("the server never closes the connection".into());
        }
    }
    if start.elapsed() < Duration::from_millis(300) {
        return Err(format!("the server closed after {:?}", start.elapsed()).into());
    }
    Ok(server.running.stderr.wait_for("the handshake did not complete within 0.3 s")?)
}

/// Closing a socket with unread data resets the connection and would lose the alert.
fn alert_without_reset() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let mut socket = connect(server.port)?;
    let nonsense = vec![b'x'; 300_000];
    socket.write_all(&nonsense).map_err(|e| format!("sending: {e}"))?;
    // By now the server has queued the alert.
    server.running.stderr.wait_for("127.0.0.1:")?;
    socket.write_all(&nonsense).map_err(|e| format!("sending more: {e}"))?;
    let mut received = Vec::new();
    socket.shutdown(Shutdown::Write).map_err(|e| e.to_string())?;
    match socket.read_to_end(&mut received) {
        Err(e) if e.kind() == ErrorKind::ConnectionReset => return Err("the connection was reset".into()),
        other => other.map_err(|e| e.to_string())?,
    };
    // A record with a fatal alert.
    if received.len() != 7 || received[0] != 21 || received[5] != 2 {
        return Err(format!("not an alert: {received:?}").into());
    }
    Ok(())
}

/// An event loop must not spin in any phase: before the handshake, after an alert, half closed,
/// idle.
fn nothing_to_do() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["echo"])?;
    let silent = connect(server.port)?;
    let mut wrong = connect(server.port)?;
    wrong.write_all(b"GET / HTTP/1.0\r\n\r\n").map_err(|e| e.to_string())?;
    let mut wrong_and_closed = connect(server.port)?;
    wrong_and_closed.write_all(b"SSH-2.0-x\r\n").map_err(|e| e.to_string())?;
    wrong_and_closed.shutdown(Shutdown::Write).map_err(|e| e.to_string())?;
    let mut established = client(server.port, &[])?;
    established.write_stdin("hello\n")?;
    established.stdout.wait_for("hello\n")?;
    server.running.wait_until_idle()?;
    established.wait_until_idle()?;
    drop((silent, wrong));
    Ok(())
}

fn forward() -> Outcome {
    let backend = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let port = backend.local_addr().map_err(|e| e.to_string())?.port().to_string();
    let answering = std::thread::spawn(move || {
        let (mut socket, _) = backend.accept()?;
        let mut received = Vec::new();
        // Returns when the server has forwarded the client's EOF.
        socket.read_to_end(&mut received)?;
        socket.write_all(format!("{} bytes received\n", received.len()).as_bytes())
    });
    let server = Server::start(Kind::EcdsaP256, &[], &["forward", &port])?;
    let mut client = client(server.port, &[])?;
    client.feed(vec![7; 3_000_000], crate::processes::AfterFeed::Closes)?;
    let ended = client.succeed()?;
    answering.join().map_err(|_| "the backend panicked")?.map_err(|e| e.to_string())?;
    contains(&ended.text(), "3000000 bytes received\n")
}

fn forward_to_missing_backend() -> Outcome {
    let port = free_port()?.to_string();
    let server = Server::start(Kind::EcdsaP256, &[], &["forward", &port])?;
    let ended = client(server.port, &[])?.finish()?;
    if ended.status.success() {
        return Err("the client reported no error".into());
    }
    Ok(server.running.stderr.wait_for(&format!("backend 127.0.0.1:{port}"))?)
}

fn wrong_arguments() -> Outcome {
    let (p256, p384) = (files(Kind::EcdsaP256)?, files(Kind::EcdsaP384)?);
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let (certs, key) = (text(&p256.chain), text(&p256.key));
    let (other_certs, other_key) = (text(&p384.chain), text(&p384.key));
    let ca = text(&ca_file()?);
    let server = |more: &[&str]| [&["tlsserver", "--port", "0", "--certs", &certs, "--key"], more].concat().join("\n");
    let client = |more: &[&str]| [&["tlsclient", "--cafile", &ca], more].concat().join("\n");
    let cases = [
        (server(&[&other_key, "http"]), "key"),
        (server(&["/nonexistent", "http"]), "cannot read /nonexistent"),
        (server(&[&key, "--protover", "1.1", "http"]), "expected 1.2 or 1.3"),
        (server(&[&key, "--protover", "1.2", "--suite", "TLS_AES_128_GCM_SHA256", "http"]), "none of the"),
        (server(&[&key, "--require-auth", "http"]), "--auth CA.pem"),
        (server(&[&key, "--auth", &key, "http"]), "no certificate"),
        (server(&[&key, "--ocsp", "/dev/null", "http"]), "--ocsp"),
        (server(&[&key, "--suite", "RC4", "http"]), "unknown cipher suite"),
        (server(&[&key, "--suite", "TLS_AES_128_CCM_SHA256", "http"]), "not supported"),
        (server(&[&key, "--group", "x448", "http"]), "not supported"),
        (server(&[&key, "--max-frag-size", "1", "http"]), "--max-frag-size"),
        (server(&[&key, "--key-log", "http"]), "SSLKEYLOGFILE"),
        (server(&[&key]), "Usage"),
        (client(&["--http"]), "HOST"),
        (client(&["--http", "no-slash", "localhost"]), "must begin with /"),
        (client(&["--auth-certs", &certs, "localhost"]), "--auth-key FILE"),
        (client(&["--auth-key", &key, "localhost"]), "--auth-certs FILE"),
        (
            client(&["--auth-key", &key, "--auth-certs", &other_certs, "localhost"]),
            "belongs to none of the certificates",
        ),
        (client(&["not a name"]), "invalid server name \"not a name\": it has white space; remove it"),
        (client(&["--port", "1", "127.0.0.1"]), "--port"),
    ];
    for (command, wanted) in cases {
        let mut words = command.split('\n');
        let mut program = example(words.next().unwrap_or_default())?;
        program.args(words);
        let ended = Running::start(program)?.finish()?;
        contains(&ended.stderr, wanted)?;
        if ended.status.code() != Some(1) {
            return Err(format!("{command:?} ended with {}", ended.status).into());
        }
    }
    Ok(())
}

/// Both ends must log the same secrets.
fn key_log() -> Outcome {
    let folder = crate::certificates::folder()?;
    let logs = [folder.join("server-keys"), folder.join("client-keys")];
    let files = files(Kind::EcdsaP256)?;
    let mut command = example("tlsserver")?;
    command.args(["--port", "0", "--key-log", "--certs"]).arg(&files.chain).arg("--key").arg(&files.key).arg("http");
    let server = Running::start({
        command.env("SSLKEYLOGFILE", &logs[0]);
        command
    })?;
    let port = server.stdout.wait_for_port("listening on ")?;
    let mut command = example("tlsclient")?;
    command.args(["--port", &port.to_string(), "--key-log", "--http", "/", "--cafile"]);
    command.arg(crate::certificates::ca_file()?).arg("localhost").env("SSLKEYLOGFILE", &logs[1]);
    Running::start(command)?.succeed()?;
    let mut lines = Vec::new();
    for log in &logs {
        let text = std::fs::read_to_string(log).map_err(|e| e.to_string())?;
        let mut sorted: Vec<String> = text.lines().map(str::to_owned).collect();
        sorted.sort();
        lines.push(sorted);
    }
    for label in [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
    ] {
        contains(&lines[0].join("\n"), label)?;
    }
    if lines[0] == lines[1] { Ok(()) } else { Err(format!("the key logs differ: {lines:?}").into()) }
}

fn quickstart() -> Outcome {
    let ended = Running::start(example("quickstart")?)?.succeed()?;
    let text = ended.text();
    for wanted in ["Hello over TLS.", "TLSv1.3", "1 for the handshake", "bank.test", "trust anchor", "expired"] {
        contains(&text, wanted)?;
    }
    Ok(())
}
