//! Resumption, early data and external PSKs, with peers as clients and as servers.

use std::path::{Path, PathBuf};

use libtest_mimic::Trial;

use crate::certificates::{Kind, ca_file, client_files, files, folder};
use crate::gnutls;
use crate::openssl_client;
use crate::openssl_server::{OpensslServer, client};
use crate::processes::{AfterFeed, Running, Server};
use crate::programs::{Program, example};
use crate::tls12::GnutlsServer;
use crate::{Outcome, contains, path_text, trial};

const OPENSSL: &[Program] = &[Program::Openssl];
const GNUTLS: &[Program] = &[Program::GnutlsCli];
const GNUTLS_SERVER: &[Program] = &[Program::GnutlsServ];
const CURL: &[Program] = &[Program::Curl];
const NODE: &[Program] = &[Program::Node];

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("early_data::openssl_client", OPENSSL, openssl_early_data),
        trial("early_data::openssl_client_without_a_store", OPENSSL, openssl_early_data_refused),
        trial("early_data::openssl_client_after_hello_retry_request", OPENSSL, openssl_early_data_retried),
        trial("early_data::openssl_server", OPENSSL, early_data_to_openssl),
        trial("early_data::openssl_server_that_rejects", OPENSSL, early_data_refused_by_openssl),
        trial("early_data::gnutls_client", GNUTLS, gnutls_early_data),
        trial("early_data::tlsclient_and_tlsserver", &[], early_data_between_us),
        trial("psk::openssl_client", OPENSSL, openssl_psk),
        trial("psk::openssl_client_with_another_key", OPENSSL, openssl_wrong_psk),
        trial("psk::openssl_server", OPENSSL, psk_to_openssl),
        trial("resumption::openssl_client::hello_retry_request", OPENSSL, openssl_retry),
        trial("resumption::openssl_client::client_certificate", OPENSSL, openssl_client_certificate),
        trial("resumption::node_server", NODE, node_server),
        trial("resumption::cache_file", &[], cache_file),
        trial("resumption::damaged_cache_file", &[], damaged_cache_file),
        trial("resumption::without_tickets", &[], without_tickets),
    ];
    // Where the server stores sessions, with the options of server and client.
    let kinds: [(&str, &str, &[&str], &[&str]); 5] = [
        ("1.3", "tickets", &[], &["-tls1_3"]),
        ("1.3", "store", &["--resumption"], &["-tls1_3"]),
        ("1.2", "tickets", &[], &["-tls1_2"]),
        ("1.2", "ids", &["--resumption"], &["-tls1_2"]),
        ("1.2", "ids_without_tickets", &["--resumption"], &["-tls1_2", "-no_ticket"]),
    ];
    trials.extend(kinds.map(|(version, kind, ours, theirs)| {
        trial(format!("resumption::openssl_client::{version}::{kind}"), OPENSSL, move || openssl_resumes(ours, theirs))
    }));
    let servers: [(&str, &[&str]); 6] = [
        ("1.3::tickets", &["-tls1_3"]),
        ("1.3::store", &["-tls1_3", "-no_ticket"]),
        ("1.3::many_tickets", &["-tls1_3", "-num_tickets", "20"]),
        ("1.3::one_ticket", &["-tls1_3", "-num_tickets", "1"]),
        ("1.2::tickets", &["-tls1_2"]),
        ("1.2::ids", &["-tls1_2", "-no_ticket"]),
    ];
    trials.extend(servers.map(|(name, options)| {
        trial(format!("resumption::openssl_server::{name}"), OPENSSL, move || {
            let server = OpensslServer::start_any_version(Kind::EcdsaP256, &[&["-www"], options].concat())?;
            resume_twice(server.port, &[])
        })
    }));
    for version in ["1.2", "1.3"] {
        trials
            .push(trial(format!("resumption::gnutls_client::{version}"), GNUTLS, move || gnutls_resumes(version, &[])));
        trials.push(trial(format!("resumption::gnutls_client::{version}::store"), GNUTLS, move || {
            gnutls_resumes(version, &["--resumption"])
        }));
        trials.push(trial(format!("resumption::gnutls_server::{version}"), GNUTLS_SERVER, move || {
            gnutls_server(version)
        }));
        // curl does not support tickets in TLS 1.2.
        trials.push(trial(format!("resumption::curl::{version}"), CURL, move || curl(version)));
        trials.push(trial(format!("resumption::tlsclient_and_tlsserver::{version}"), &[], move || {
            for options in [&[][..], &["--resumption"]] {
                let server = Server::start(Kind::EcdsaP256, options, &["http"])?;
                resume_twice(server.port, &["--protover", version])?;
            }
            Ok(())
        }));
    }
    trials
}

/// tlsclient connects three times: a full handshake, then two resumptions.
fn resume_twice(port: u16, options: &[&str]) -> Outcome {
    let options = [&["--verbose", "--connections", "3", "--http", "/"], options].concat();
    let output = client(port, &options)?.succeed()?.stderr;
    let kinds: Vec<&str> = output.lines().filter_map(|line| line.split(", handshake ").nth(1)).collect();
    let kinds: Vec<&str> = kinds.iter().filter_map(|rest| rest.split(',').next()).collect();
    if kinds == ["Full", "Resumed", "Resumed"] { Ok(()) } else { Err(format!("{kinds:?} in:\n{output}").into()) }
}

/// A file name that no other test uses.
fn file(name: &str) -> Result<PathBuf, String> {
    Ok(folder()?.join(format!("{name}-{:?}", std::thread::current().id())))
}

/// A request; s_client converts the line endings.
const REQUEST: &str = "GET / HTTP/1.0\n\n";

fn openssl(server: &Server, options: &[&str], session: (&str, &PathBuf)) -> Result<String, String> {
    let path = path_text(session.1)?;
    let mut client =
        openssl_client::client_of_any_version(server, &[options, &["-ign_eof", session.0, path]].concat())?;
    if options.contains(&"-early_data") {
        client.close_stdin();
    } else {
        client.feed(REQUEST.into(), AfterFeed::StaysOpen)?;
    }
    // Ignore the exit status, which depends on stdin and not on TLS.
    Ok(client.finish()?.text())
}

fn openssl_resumes(ours: &[&str], theirs: &[&str]) -> Outcome {
    let server = Server::start(Kind::EcdsaP256, ours, &["http"])?;
    let session = file("openssl-session")?;
    contains(&openssl(&server, theirs, ("-sess_out", &session))?, "handshake: Full")?;
    let page = openssl(&server, theirs, ("-sess_in", &session))?;
    contains(&page, "handshake: Resumed")?;
    contains(&page, "Reused, TLSv1.")
}

fn openssl_retry() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--group", "secp256r1", "--group", "x25519"], &["http"])?;
    let session = file("openssl-retry")?;
    let options = ["-tls1_3", "-groups", "P-384:P-256"];
    contains(&openssl(&server, &options, ("-sess_out", &session))?, "handshake: FullWithHelloRetryRequest")?;
    contains(&openssl(&server, &options, ("-sess_in", &session))?, "handshake: ResumedWithHelloRetryRequest")
}

fn openssl_client_certificate() -> Outcome {
    let ca = ca_file()?;
    let ca = path_text(&ca)?;
    for (version, kept) in [("-tls1_3", &[][..]), ("-tls1_3", &["--resumption"]), ("-tls1_2", &[])] {
        let options = [&["--auth", ca, "--require-auth"], kept].concat();
        let server = Server::start(Kind::EcdsaP256, &options, &["http"])?;
        let shown = client_files(Kind::EcdsaP256)?;
        let (cert, key) = (path_text(&shown.chain)?, path_text(&shown.key)?);
        let session = file("openssl-certified")?;
        let first = openssl(&server, &[version, "-cert", cert, "-key", key], ("-sess_out", &session))?;
        contains(&first, "client: CN=client-ecdsa_p256")?;
        let page = openssl(&server, &[version], ("-sess_in", &session))?;
        contains(&page, "handshake: Resumed")?;
        contains(&page, "client: CN=client-ecdsa_p256")?;
    }
    Ok(())
}

/// s_client reads early data from a file.
fn request_file() -> Result<PathBuf, String> {
    let path = file("early")?;
    std::fs::write(&path, "GET / HTTP/1.0\r\n\r\n").map_err(|e| e.to_string())?;
    Ok(path)
}

fn openssl_early(server: &Server, more: &[&str], session: &PathBuf) -> Result<String, String> {
    let request = request_file()?;
    let request = path_text(&request)?;
    openssl(server, &[&["-tls1_3", "-early_data", request], more].concat(), ("-sess_in", session))
}

fn openssl_early_data() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--resumption", "--max-early-data", "1000"], &["http"])?;
    let session = file("openssl-early")?;
    openssl(&server, &["-tls1_3"], ("-sess_out", &session))?;
    let page = openssl_early(&server, &[], &session)?;
    contains(&page, "Early data was accepted")?;
    contains(&page, "handshake: Resumed\nearly data: 18 bytes\n")?;
    // To the server, using the session again looks like a replay.
    contains(&openssl_early_again(&server, &session)?, "Early data was rejected")
}

/// The early request is rejected and no other is sent, so only the output so far counts.
fn openssl_early_again(server: &Server, session: &Path) -> Result<String, String> {
    let (request, path) = (request_file()?, path_text(session)?);
    let request = path_text(&request)?;
    let options = ["-tls1_3", "-early_data", request, "-ign_eof", "-sess_in", path];
    let client = openssl_client::client_of_any_version(server, &options)?;
    client.stdout.wait_for("Early data was")?;
    Ok(client.stdout.text())
}

fn openssl_early_data_refused() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--resumption", "--max-early-data", "1000"], &["http"])?;
    let session = file("openssl-early-refused")?;
    openssl(&server, &["-tls1_3"], ("-sess_out", &session))?;
    drop(server);
    // A server without the session and without early data skips the records that it cannot decrypt.
    let another = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let said = openssl_early_again(&another, &session)?;
    contains(&said, "Early data was rejected")?;
    contains(&said, "New, TLSv1.3")
}

/// The client's key share is for a group that the server does not support.
fn openssl_early_data_retried() -> Outcome {
    let options = ["--resumption", "--max-early-data", "1000", "--group", "secp256r1"];
    let server = Server::start(Kind::EcdsaP256, &options, &["http"])?;
    let session = file("openssl-early-retried")?;
    openssl(&server, &["-tls1_3", "-groups", "P-256"], ("-sess_out", &session))?;
    let (request, path) = (request_file()?, path_text(&session)?);
    let request = path_text(&request)?;
    let options = ["-tls1_3", "-groups", "X25519:P-256", "-early_data", request, "-ign_eof", "-sess_in", path];
    let client = openssl_client::client_of_any_version(&server, &options)?;
    client.stdout.wait_for("Early data was rejected")?;
    Ok(client.stdout.wait_for("Reused, TLSv1.3")?)
}

fn early_data_to_openssl() -> Outcome {
    to_openssl(
        &["-early_data", "-max_early_data", "4096"],
        "early data: 18 bytes of 18 sent, accepted",
        "Early data received:",
    )
}

/// OpenSSL issued the ticket but rejects early data: without a cache it cannot detect a replay.
fn early_data_refused_by_openssl() -> Outcome {
    let options = ["-early_data", "-max_early_data", "4096", "-no_cache"];
    to_openssl(&options, "early data: 18 bytes of 18 sent, rejected", "Early data was rejected")
}

/// Connects twice with the same request, which the second connection sends as early data.
/// `client_text` is expected from the client and `server_text` from the server, which prints its
/// messages after the received data.
fn to_openssl(options: &[&str], client_text: &str, server_text: &str) -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, options)?;
    let request = request_file()?;
    let request = path_text(&request)?;
    let options = ["--verbose", "--connections", "2", "--early-data", request];
    let mut client = client(server.port, &options)?;
    client.close_stdin();
    client.stderr.wait_for("early data: 0 bytes of 18 sent, rejected")?;
    client.stderr.wait_for(client_text)?;
    // The request arrives in both cases, as early data or resent.
    server.running.stdout.wait_until("both requests", |said| {
        (String::from_utf8_lossy(said).matches("GET / HTTP/1.0").count() >= 2).then_some(())
    })?;
    Ok(server.running.stdout.wait_for(server_text)?)
}

fn gnutls_options(version: &str) -> Vec<String> {
    vec!["--priority".into(), format!("NORMAL:-VERS-ALL:+VERS-TLS{version}"), "--resume".into()]
}

fn gnutls_resumes(version: &str, ours: &[&str]) -> Outcome {
    let server = Server::start(Kind::EcdsaP256, ours, &["http"])?;
    let mut client = gnutls::client(server.port, &gnutls_options(version))?;
    client.feed(REQUEST.into(), AfterFeed::StaysOpen)?;
    client.stdout.wait_for("*** This is a resumed session")?;
    client.stdout.wait_for("handshake: Resumed")?;
    Ok(())
}

fn gnutls_early_data() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--resumption", "--max-early-data", "1000"], &["http"])?;
    let request = request_file()?;
    let mut options = gnutls_options("1.3");
    options.extend(["--earlydata".to_owned(), path_text(&request)?.to_owned()]);
    let mut client = gnutls::client(server.port, &options)?;
    client.feed(REQUEST.into(), AfterFeed::StaysOpen)?;
    client.stdout.wait_for("handshake: Resumed\nearly data: 18 bytes\n")?;
    Ok(())
}

fn gnutls_server(version: &str) -> Outcome {
    let options = ["--priority".to_owned(), format!("NORMAL:-VERS-ALL:+VERS-TLS{version}")];
    let server = GnutlsServer::start(Kind::EcdsaP256, &options)?;
    resume_twice(server.port, &[])
}

fn curl(version: &str) -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--resumption"], &["http"])?;
    let url = format!("https://localhost:{}/", server.port);
    let mut command = Program::Curl.command();
    command
        .args(["--silent", "--show-error", "--tls-max", version, "--cacert"])
        .arg(ca_file()?)
        .args([&url, &url, &url]);
    let page = Running::start(command)?.succeed()?.text();
    let kinds: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("handshake: ")).collect();
    if kinds == ["Full", "Resumed", "Resumed"] { Ok(()) } else { Err(format!("{kinds:?}").into()) }
}

fn node_server() -> Outcome {
    let files = files(Kind::EcdsaP256)?;
    let script = format!(
        "const s = require('https').createServer({{cert: require('fs').readFileSync({:?}), key: require('fs').readFileSync({:?})}}, \
         (q, r) => {{ r.setHeader('Connection', 'close'); r.end('reused ' + q.socket.isSessionReused()); }}); \
         s.listen(0, '127.0.0.1', () => console.log('listening on 127.0.0.1:' + s.address().port));",
        files.chain, files.key
    );
    let mut command = Program::Node.command();
    command.args(["-e", &script]);
    let server = Running::start(command)?;
    let port = server.stdout.wait_for_port("listening on ")?;
    for version in ["1.2", "1.3"] {
        resume_twice(port, &["--protover", version])?;
    }
    Ok(())
}

fn tlsclient(port: u16, options: &[&str]) -> Result<crate::processes::Exit, String> {
    client(port, &[&["--verbose", "--http", "/"], options].concat())?.succeed()
}

fn early_data_between_us() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--resumption", "--max-early-data", "1000"], &["echo"])?;
    let early = file("our-early")?;
    std::fs::write(&early, "early ").map_err(|e| e.to_string())?;
    let early = path_text(&early)?;
    for connections in ["1", "2", "3"] {
        let mut client = client(server.port, &["--connections", connections, "--early-data", early])?;
        client.feed(b"and late".to_vec(), AfterFeed::Closes)?;
        let text = client.succeed()?.text();
        if text != "early and late" {
            return Err(format!("{connections} connections: {text:?}").into());
        }
    }
    // More than the server allows: the rest is sent after the handshake.
    let bulk_data = file("our-bulk_data")?;
    std::fs::write(&bulk_data, vec![b'x'; 5000]).map_err(|e| e.to_string())?;
    let bulk_data = path_text(&bulk_data)?;
    let mut client = client(server.port, &["--verbose", "--connections", "2", "--early-data", bulk_data])?;
    client.close_stdin();
    let ended = client.succeed()?;
    contains(&ended.stderr, "early data: 1000 bytes of 5000 sent, accepted")?;
    if ended.bytes == vec![b'x'; 5000] { Ok(()) } else { Err(format!("{} bytes", ended.bytes.len()).into()) }
}

fn openssl_psk() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--psk", &format!("sensor 7:{KEY}")], &["http"])?;
    let options = ["-tls1_3", "-psk_identity", "sensor 7", "-psk", KEY];
    let page = openssl(&server, &options, ("-sess_out", &file("psk")?))?;
    contains(&page, "handshake: ExternalPsk")?;
    contains(&page, "external key: sensor 7")
}

fn openssl_wrong_psk() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--psk", &format!("sensor 7:{KEY}")], &["http"])?;
    let other = KEY.replace('0', "f");
    let options = ["-tls1_3", "-psk_identity", "sensor 7", "-psk", &other];
    openssl(&server, &options, ("-sess_out", &file("psk")?))?;
    Ok(server.running.stderr.wait_for("does not hold the pre-shared key")?)
}

fn psk_to_openssl() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-rev", "-psk_identity", "sensor 7", "-psk", KEY])?;
    let mut client = client(server.port, &["--verbose", "--psk", &format!("sensor 7:{KEY}")])?;
    client.feed(b"hello\n".to_vec(), AfterFeed::StaysOpen)?;
    client.stdout.wait_for("olleh")?;
    Ok(client.stderr.wait_for("handshake ExternalPsk, 0 certificates")?)
}

fn cache_file() -> Outcome {
    for options in [&[][..], &["--resumption"]] {
        let server = Server::start(Kind::EcdsaP256, options, &["http"])?;
        for version in ["1.2", "1.3"] {
            let cache = file(&format!("cache-{version}-{}", options.len()))?;
            let cache = path_text(&cache)?;
            let options = ["--cache", cache, "--protover", version];
            for kind in ["Full", "Resumed", "Resumed"] {
                contains(&tlsclient(server.port, &options)?.text(), &format!("handshake: {kind}\n"))?;
            }
        }
    }
    Ok(())
}

fn damaged_cache_file() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let cache = file("damaged")?;
    let path = path_text(&cache)?;
    tlsclient(server.port, &["--cache", path])?;
    let bytes = std::fs::read(&cache).map_err(|e| e.to_string())?;
    let damages: [Vec<u8>; 4] =
        [Vec::new(), b"something else".to_vec(), bytes[..bytes.len() / 2].to_vec(), vec![0xff; bytes.len()]];
    for damaged in damages {
        std::fs::write(&cache, damaged).map_err(|e| e.to_string())?;
        contains(&tlsclient(server.port, &["--cache", path])?.text(), "handshake: ")?;
    }
    // tlsclient replaced the damaged file by a valid one.
    contains(&tlsclient(server.port, &["--cache", path])?.text(), "handshake: Resumed\n")
}

fn without_tickets() -> Outcome {
    let (tickets, ids) = (
        Server::start(Kind::EcdsaP256, &[], &["http"])?,
        Server::start(Kind::EcdsaP256, &["--resumption"], &["http"])?,
    );
    let fetch = |port: u16, version: &str| -> Result<String, String> {
        let mut command = example("tlsclient")?;
        command.args(["--no-tickets", "--connections", "2", "--http", "/", "--protover", version, "--cafile"]);
        command.arg(ca_file()?).args(["--port", &port.to_string(), "localhost"]);
        Ok(Running::start(command)?.succeed()?.text())
    };
    contains(&fetch(tickets.port, "1.2")?, "handshake: Full\n")?;
    contains(&fetch(tickets.port, "1.3")?, "handshake: Full\n")?;
    contains(&fetch(ids.port, "1.3")?, "handshake: Full\n")?;
    contains(&fetch(ids.port, "1.2")?, "handshake: Resumed\n")
}
