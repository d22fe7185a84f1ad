//! KeyUpdates requested by either side: the library with `openssl` and `gnutls-cli`. Data follows
//! each update in both directions, so that the new keys are used.

use std::io::{self, BufRead, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use libtest_mimic::Trial;
use strata_tls::{ClientConfig, ClientSession, ServerConfig, ServerSession, Session, StreamOwned};

use crate::certificates::{Kind, ca_file, files};
use crate::openssl_server::OpensslServer;
use crate::processes::{PATIENCE, Running};
use crate::programs::Program;
use crate::{Outcome, SUITES, gnutls, trial};

const OPENSSL: &[Program] = &[Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("key_update::openssl_client_asks_us", OPENSSL, openssl_client_asks),
        trial("key_update::openssl_client_updates_its_own_keys", OPENSSL, openssl_client_updates),
        trial("key_update::openssl_server_asks_us", OPENSSL, openssl_server_asks),
        trial("key_update::we_ask_openssl_server", OPENSSL, we_ask_openssl_server),
        trial("key_update::gnutls_client_asks_us", &[Program::GnutlsCli], gnutls_client_asks),
        trial("key_update::we_ask_gnutls_client", &[Program::GnutlsCli], we_ask_gnutls_client),
    ];
    trials.extend(SUITES.map(|(suite, _)| {
        trial(format!("key_update::we_ask_openssl_client::{suite}"), OPENSSL, move || we_ask_openssl_client(suite))
    }));
    trials
}

/// A server in a thread that echoes each line. Before it echoes [`REFRESH`] it requests a
/// KeyUpdate.
struct LineServer {
    port: u16,
    thread: JoinHandle<io::Result<()>>,
}

const REFRESH: &str = "refresh\n";

impl LineServer {
    fn start() -> Result<Self, String> {
        let files = files(Kind::EcdsaP256)?;
        let read = |path| std::fs::read(path).map_err(|e| e.to_string());
        let config = ServerConfig::from_pem(&read(&files.chain)?, &read(&files.key)?).map_err(|e| e.to_string())?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let port = listener.local_addr().map_err(|e| e.to_string())?.port();
        let thread = std::thread::spawn(move || {
            let (socket, _) = listener.accept()?;
            socket.set_read_timeout(Some(PATIENCE))?;
            let mut stream = StreamOwned::new(ServerSession::new(&Arc::new(config)), socket);
            let mut line = String::new();
            while stream.read_line(&mut line)? > 0 {
                if line == REFRESH {
                    stream.session.refresh_traffic_keys().map_err(io::Error::other)?;
                }
                stream.write_all(line.as_bytes())?;
                line.clear();
            }
            stream.close()
        });
        Ok(Self { port, thread })
    }

    /// Waits until the client has closed with close_notify.
    fn finish(self) -> Result<(), String> {
        self.thread.join().map_err(|_| "the server panicked")?.map_err(|e| format!("the server: {e}"))
    }
}

fn openssl_client(server: &LineServer, options: &[&str]) -> Result<Running, String> {
    let mut command = Program::Openssl.command();
    command.args(["s_client", "-connect", &format!("127.0.0.1:{}", server.port), "-tls1_3", "-msg"]);
    command.args(["-servername", "localhost", "-verify_return_error", "-CAfile"]).arg(ca_file()?).args(options);
    let client = Running::start(command)?;
    client.stdout.wait_for("Verify return code: 0 (ok)")?;
    Ok(client)
}

/// Sends a line and waits for the echo.
fn there_and_back(client: &mut Running, line: &str) -> Result<(), String> {
    client.say(&format!("{line}\n"))?;
    client.stdout.wait_for(&format!("\n{line}\n"))
}

/// Waits for `count` KeyUpdates in OpenSSL's output: `>>>` marks sent messages, `<<<` received
/// ones.
fn messages(running: &Running, direction: &str, count: usize) -> Result<(), String> {
    running.stdout.wait_until(&format!("{count} × {direction} KeyUpdate"), |said| {
        let said = String::from_utf8_lossy(said);
        let found = said.lines().filter(|line| line.starts_with(direction) && line.ends_with("KeyUpdate")).count();
        (found >= count).then_some(())
    })
}

fn openssl_client_asks() -> Outcome {
    let server = LineServer::start()?;
    let mut client = openssl_client(&server, &[])?;
    there_and_back(&mut client, "before")?;
    for round in 1..=3 {
        client.say("K\n")?;
        messages(&client, ">>>", round)?;
        // The KeyUpdate response comes before the next data.
        there_and_back(&mut client, &format!("after {round}"))?;
        messages(&client, "<<<", round)?;
    }
    client.close_stdin();
    Ok(server.finish()?)
}

fn openssl_client_updates() -> Outcome {
    let server = LineServer::start()?;
    let mut client = openssl_client(&server, &[])?;
    client.say("k\n")?;
    messages(&client, ">>>", 1)?;
    there_and_back(&mut client, "after")?;
    // OpenSSL did not request an update, so none is sent.
    if messages_so_far(&client, "<<<") > 0 {
        return Err("an update was sent that nobody asked for".into());
    }
    client.close_stdin();
    Ok(server.finish()?)
}

fn messages_so_far(running: &Running, direction: &str) -> usize {
    running.stdout.text().lines().filter(|line| line.starts_with(direction) && line.ends_with("KeyUpdate")).count()
}

fn we_ask_openssl_client(suite: &str) -> Outcome {
    let server = LineServer::start()?;
    let mut client = openssl_client(&server, &["-ciphersuites", suite])?;
    for round in 1..=3 {
        client.say(REFRESH)?;
        messages(&client, "<<<", round)?;
        there_and_back(&mut client, &format!("after {round}"))?;
        messages(&client, ">>>", round)?;
    }
    client.close_stdin();
    Ok(server.finish()?)
}

/// A client of the library over TCP.
type Client = StreamOwned<ClientSession, TcpStream>;

fn connect(server: &OpensslServer) -> Result<Client, String> {
    let pem = std::fs::read(ca_file()?).map_err(|e| e.to_string())?;
    let roots = strata_tls::root_store_from_pem(&pem).map_err(|e| e.to_string())?;
    let config = Arc::new(ClientConfig::with_roots(roots));
    let name = "localhost".try_into().map_err(|_| "localhost is a name")?;
    let session = ClientSession::new(&config, name).map_err(|e| e.to_string())?;
    let socket = TcpStream::connect(("127.0.0.1", server.port)).map_err(|e| e.to_string())?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(|e| e.to_string())?;
    let mut client = StreamOwned::new(session, socket);
    client.flush().map_err(|e| format!("the handshake: {e}"))?;
    Ok(client)
}

fn expect_line(client: &mut Client, wanted: &str) -> Result<(), String> {
    let mut line = String::new();
    client.read_line(&mut line).map_err(|e| format!("reading {wanted:?}: {e}"))?;
    if line == wanted { Ok(()) } else { Err(format!("{line:?} came instead of {wanted:?}")) }
}

fn send(client: &mut Client, line: &str) -> Result<(), String> {
    client.write_all(line.as_bytes()).map_err(|e| format!("sending {line:?}: {e}"))
}

fn openssl_server_asks() -> Outcome {
    let mut server = OpensslServer::start(Kind::EcdsaP256, &["-msg"])?;
    let mut client = connect(&server)?;
    send(&mut client, "before\n")?;
    server.running.stdout.wait_for("before\n")?;
    for round in 1..=3 {
        server.running.say("K\n")?;
        messages(&server.running, ">>>", round)?;
        let line = format!("under new keys {round}\n");
        server.running.say(&line)?;
        expect_line(&mut client, &line)?;
        send(&mut client, &format!("answered {round}\n"))?;
        server.running.stdout.wait_for(&format!("answered {round}\n"))?;
        messages(&server.running, "<<<", round)?;
    }
    Ok(())
}

fn we_ask_openssl_server() -> Outcome {
    let mut server = OpensslServer::start(Kind::EcdsaP256, &["-msg"])?;
    let mut client = connect(&server)?;
    for round in 1..=3 {
        client.session.refresh_traffic_keys().map_err(|e| e.to_string())?;
        send(&mut client, &format!("fresh {round}\n"))?;
        server.running.stdout.wait_for(&format!("fresh {round}\n"))?;
        let line = format!("answer {round}\n");
        server.running.say(&line)?;
        expect_line(&mut client, &line)?;
        messages(&server.running, "<<<", round)?;
        messages(&server.running, ">>>", round)?;
    }
    Ok(())
}

fn gnutls_client(server: &LineServer) -> Result<Running, String> {
    let client = gnutls::client(server.port, &["--inline-commands".into()])?;
    client.stdout.wait_for("Simple Client Mode:")?;
    Ok(client)
}

fn gnutls_client_asks() -> Outcome {
    let server = LineServer::start()?;
    let mut client = gnutls_client(&server)?;
    for round in 1..=2 {
        client.say("^rekey^\n")?;
        there_and_back(&mut client, &format!("after {round}"))?;
    }
    if client.stdout.text().contains("\n^rekey^\n") {
        return Err("it took its command for a line to send".into());
    }
    client.close_stdin();
    Ok(server.finish()?)
}

fn we_ask_gnutls_client() -> Outcome {
    let server = LineServer::start()?;
    let mut client = gnutls_client(&server)?;
    for round in 1..=2 {
        client.say(REFRESH)?;
        there_and_back(&mut client, &format!("after {round}"))?;
    }
    client.close_stdin();
    Ok(server.finish()?)
}
