//! KeyUpdates requested by either side: the library with `openssl` and `gnutls-cli`. Data follows
//! each update in both directions, so that the new keys are used.

use std::io::{self, BufRead, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use libtest_mimic::Trial;
use strata_tls::{ClientSession, ServerSession, Session, StreamOwned};

use crate::certificates::{Kind, ca_file, client_config, server_config};
use crate::openssl_server::OpensslServer;
use crate::processes::{Running, TIMEOUT};
use crate::programs::Program;
use crate::{Outcome, SUITES, gnutls, processes, trial};

const OPENSSL: &[Program] = &[Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("key_update::openssl_client_requests_update", OPENSSL, openssl_client_asks),
        trial("key_update::openssl_client_updates_its_own_keys", OPENSSL, openssl_client_updates),
        trial("key_update::openssl_server_requests_update", OPENSSL, openssl_server_asks),
        trial("key_update::library_requests_update_of_openssl_server", OPENSSL, we_ask_openssl_server),
        trial("key_update::gnutls_client_requests_update", &[Program::GnutlsCli], gnutls_client_asks),
        trial("key_update::library_requests_update_of_gnutls_client", &[Program::GnutlsCli], we_ask_gnutls_client),
    ];
    trials.extend(SUITES.map(|(suite, _)| {
        trial(format!("key_update::library_requests_update_of_openssl_client::{suite}"), OPENSSL, move || {
            we_ask_openssl_client(suite)
        })
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
        let config = server_config(Kind::EcdsaP256)?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let port = listener.local_addr().map_err(|e| e.to_string())?.port();
        let thread = std::thread::spawn(move || {
            let (socket, _) = listener.accept()?;
            socket.set_read_timeout(Some(TIMEOUT))?;
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
fn echo(client: &mut Running, line: &str) -> Result<(), String> {
    client.write_stdin(&format!("{line}\n"))?;
    client.stdout.wait_for(&format!("\n{line}\n"))
}

/// Waits for `count` KeyUpdates in OpenSSL's output: `>>>` marks sent messages, `<<<` received
/// ones.
pub(crate) fn wait_for_updates(running: &Running, direction: &str, count: usize) -> Result<(), String> {
    running.stdout.wait_until(&format!("{count} × {direction} KeyUpdate"), |output| {
        let output = String::from_utf8_lossy(output);
        let found = output.lines().filter(|line| line.starts_with(direction) && line.ends_with("KeyUpdate")).count();
        (found >= count).then_some(())
    })
}

fn openssl_client_asks() -> Outcome {
    let server = LineServer::start()?;
    let mut client = openssl_client(&server, &[])?;
    echo(&mut client, "before")?;
    for round in 1..=3 {
        client.write_stdin("K\n")?;
        wait_for_updates(&client, ">>>", round)?;
        // The KeyUpdate response comes before the next data.
        echo(&mut client, &format!("after {round}"))?;
        wait_for_updates(&client, "<<<", round)?;
    }
    client.close_stdin();
    Ok(server.finish()?)
}

fn openssl_client_updates() -> Outcome {
    let server = LineServer::start()?;
    let mut client = openssl_client(&server, &[])?;
    client.write_stdin("k\n")?;
    wait_for_updates(&client, ">>>", 1)?;
    echo(&mut client, "after")?;
    // OpenSSL did not request an update, so none is sent.
    if count_updates(&client, "<<<") > 0 {
        return Err("an unrequested KeyUpdate was sent".into());
    }
    client.close_stdin();
    Ok(server.finish()?)
}

fn count_updates(running: &Running, direction: &str) -> usize {
    running.stdout.text().lines().filter(|line| line.starts_with(direction) && line.ends_with("KeyUpdate")).count()
}

fn we_ask_openssl_client(suite: &str) -> Outcome {
    let server = LineServer::start()?;
    let mut client = openssl_client(&server, &["-ciphersuites", suite])?;
    for round in 1..=3 {
        client.write_stdin(REFRESH)?;
        wait_for_updates(&client, "<<<", round)?;
        echo(&mut client, &format!("after {round}"))?;
        wait_for_updates(&client, ">>>", round)?;
    }
    client.close_stdin();
    Ok(server.finish()?)
}

/// A client of the library over TCP.
type Client = StreamOwned<ClientSession, TcpStream>;

fn connect(server: &OpensslServer) -> Result<Client, String> {
    let config = Arc::new(client_config()?);
    let session = ClientSession::new(&config, "localhost").map_err(|e| e.to_string())?;
    let socket = processes::connect(server.port)?;
    let mut client = StreamOwned::new(session, socket);
    client.flush().map_err(|e| format!("the handshake: {e}"))?;
    Ok(client)
}

fn expect_line(client: &mut Client, wanted: &str) -> Result<(), String> {
    let mut line = String::new();
    client.read_line(&mut line).map_err(|e| format!("reading {wanted:?}: {e}"))?;
    if line == wanted { Ok(()) } else { Err(format!("{line:?} arrived instead of {wanted:?}")) }
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
        server.running.write_stdin("K\n")?;
        wait_for_updates(&server.running, ">>>", round)?;
        let line = format!("under new keys {round}\n");
        server.running.write_stdin(&line)?;
        expect_line(&mut client, &line)?;
        send(&mut client, &format!("answered {round}\n"))?;
        server.running.stdout.wait_for(&format!("answered {round}\n"))?;
        wait_for_updates(&server.running, "<<<", round)?;
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
        server.running.write_stdin(&line)?;
        expect_line(&mut client, &line)?;
        wait_for_updates(&server.running, "<<<", round)?;
        wait_for_updates(&server.running, ">>>", round)?;
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
        client.write_stdin("^rekey^\n")?;
        echo(&mut client, &format!("after {round}"))?;
    }
    if client.stdout.text().contains("\n^rekey^\n") {
        return Err("gnutls-cli sent its command as data".into());
    }
    client.close_stdin();
    Ok(server.finish()?)
}

fn we_ask_gnutls_client() -> Outcome {
    let server = LineServer::start()?;
    let mut client = gnutls_client(&server)?;
    for round in 1..=2 {
        client.write_stdin(REFRESH)?;
        echo(&mut client, &format!("after {round}"))?;
    }
    client.close_stdin();
    Ok(server.finish()?)
}
