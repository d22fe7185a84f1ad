//! How connections end, initiated by either side: with close_notify, and cut off.

use std::io::{self, BufRead, Read, Write};

use libtest_mimic::Trial;
use strata_tls::ProtocolVersion;

use crate::certificates::{Kind, files, folder};
use crate::openssl_server::OpensslServer;
use crate::processes::{AfterFeed, Server};
use crate::programs::Program;
use crate::test_server::TestServer;
use crate::{Outcome, checksum, contains, node_and_java, ocsp, openssl_client, openssl_server, trial};

const NEEDS: &[Program] = &[Program::Openssl];
const NGINX: &[Program] = &[Program::Nginx];
const JAVA: &[Program] = &[Program::Openssl, Program::Java];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("closing::tlsserver_sends_close_notify_first", NEEDS, our_server_first),
        trial("closing::openssl_client_sends_close_notify_first", NEEDS, openssl_client_first),
        trial("closing::tlsclient_sends_close_notify_first", NEEDS, our_client_first),
        trial("closing::openssl_server_sends_close_notify_first", NEEDS, openssl_server_first),
        trial("closing::vanished_openssl_client_is_reported", NEEDS, openssl_client_vanishes),
        trial("closing::vanished_openssl_server_is_an_error", NEEDS, openssl_server_vanishes),
        trial("closing::tls12_client_waits_for_the_response", &[], || end_of_input(ProtocolVersion::TLS12, &[], false)),
        trial("closing::tls12_client_half_closes_on_request", &[], || {
            end_of_input(ProtocolVersion::TLS12, &["--half-close"], true)
        }),
        trial("closing::tls13_client_half_closes", &[], || end_of_input(ProtocolVersion::TLS13, &[], true)),
        trial("closing::tls13_client_waits_on_request", &[], || {
            end_of_input(ProtocolVersion::TLS13, &["--half-close=false"], false)
        }),
        trial("closing::nginx_answers_after_end_of_input", NGINX, nginx_answers),
        trial("closing::java_answers_after_end_of_input", JAVA, java_answers),
        trial("closing::sink_answers_after_close_notify_of_tlsclient", &[], half_closed),
    ]
}

/// OpenSSL prints "closed" after close_notify and "read:errno=0" without.
fn our_server_first() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let mut client = openssl_client::client(&server, &[])?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    contains(&client.succeed()?.text(), "\nclosed\n")
}

fn openssl_client_first() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--verbose"], &["echo"])?;
    let mut client = openssl_client::client(&server, &["-msg"])?;
    client.write_stdin("hello\n")?;
    client.stdout.wait_for("\nhello\n")?;
    client.close_stdin();
    contains(&client.succeed()?.text(), ">>> TLS 1.3, Alert [length 0002], warning close_notify")?;
    if cfg!(feature = "logging") {
        // OpenSSL does not wait for the response, so only the server's log shows it.
        server.running.stderr.wait_for("received alert close_notify")?;
        server.running.stderr.wait_for("sent alert close_notify")?;
    }
    let errors = server.errors();
    // Only log lines and the line about the established connection are expected.
    match errors.lines().find(|line| !line.contains("DEBUG") && !line.contains("established")) {
        None => Ok(()),
        Some(complaint) => Err(format!("a proper end was reported: {complaint}").into()),
    }
}

fn our_client_first() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-rev", "-msg"])?;
    let mut client = openssl_server::client(server.port, &[])?;
    client.write_stdin("abc\n")?;
    client.stdout.wait_for("cba\n")?;
    client.close_stdin();
    client.succeed()?;
    Ok(server.running.stdout.wait_for("<<< TLS 1.3, Alert [length 0002], warning close_notify")?)
}

/// The page has no length, so only close_notify shows that it is complete.
fn openssl_server_first() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-www", "-msg"])?;
    let ended = openssl_server::client(server.port, &["--http", "/"])?.succeed()?;
    contains(&ended.text(), "</HTML>")?;
    Ok(server.running.stdout.wait_for(">>> TLS 1.3, Alert [length 0002], warning close_notify")?)
}

fn openssl_client_vanishes() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["echo"])?;
    let mut client = openssl_client::client(&server, &[])?;
    client.write_stdin("hello\n")?;
    client.stdout.wait_for("\nhello\n")?;
    client.kill();
    Ok(server.running.stderr.wait_for("close_notify")?)
}

fn openssl_server_vanishes() -> Outcome {
    let mut server = OpensslServer::start(Kind::EcdsaP256, &[])?;
    let mut client = openssl_server::client(server.port, &[])?;
    client.write_stdin("hello\n")?;
    server.running.stdout.wait_for("hello\n")?;
    server.running.kill();
    let ended = client.finish()?;
    contains(&ended.stderr, "may be incomplete")?;
    if ended.status.code() == Some(1) { Ok(()) } else { Err(format!("it ended with {}", ended.status).into()) }
}

/// The server answers after the client has processed the end of its input. By then all earlier data
/// has arrived.
fn end_of_input(version: ProtocolVersion, options: &[&str], closes: bool) -> Outcome {
    let (go_on, wait) = std::sync::mpsc::channel();
    let server = TestServer::once(version, move |stream| {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        stream.write_all(b"first\n")?;
        for _ in 0..2 {
            wait.recv().map_err(io::Error::other)?;
            stream.write_all(b"second\n")?;
        }
        stream.transport.set_nonblocking(!closes)?;
        let rest = stream.read(&mut [0]).map_err(|e| e.kind());
        stream.transport.set_nonblocking(false)?;
        stream.close()?;
        match (rest, closes) {
            (Err(io::ErrorKind::WouldBlock), false) | (Ok(0), true) => {}
            other => return Err(io::Error::other(format!("the client's end: {other:?}"))),
        }
        let left = stream.read_to_end(&mut Vec::new())?;
        if left == 0 { Ok(()) } else { Err(io::Error::other("more came")) }
    })?;
    let mut client = openssl_server::client(server.port, &[options, &["--verbose"]].concat())?;
    client.write_stdin("question\n")?;
    client.stdout.wait_for("first\n")?;
    client.close_stdin();
    client.stderr.wait_for("end of input")?;
    for answers in 1..=2 {
        go_on.send(()).map_err(|e| e.to_string())?;
        client.stdout.wait_until("the answer", |said| {
            (String::from_utf8_lossy(said).matches("second\n").count() == answers).then_some(())
        })?;
    }
    client.succeed()?;
    Ok(server.finish()?)
}

fn nginx_answers() -> Outcome {
    for (version, options) in
        [("1.2", &["--protover", "1.2"][..]), ("1.3", &["--protover", "1.3", "--half-close=false"])]
    {
        let folder = folder()?.join(format!("nginx-{version}"));
        let files = files(Kind::EcdsaP256)?;
        let (_running, port) = ocsp::nginx(&folder, version, &files.chain, &files.key, "")?;
        let mut client = openssl_server::client(port, options)?;
        client.feed(b"GET / HTTP/1.0\r\n\r\n".to_vec(), AfterFeed::Closes)?;
        contains(&client.succeed()?.text(), "hello\n")?;
    }
    Ok(())
}

fn java_answers() -> Outcome {
    for (version, protocol) in [("1.2", "TLSv1.2"), ("1.3", "TLSv1.3")] {
        let suite = node_and_java::SUITES.into_iter().find(|suite| suite.0 == protocol).ok_or("no suite")?;
        let (_running, port) = node_and_java::java_listens(suite)?;
        let mut client = openssl_server::client(port, &["--protover", version])?;
        client.feed(b"GET / HTTP/1.0\r\n\r\n".to_vec(), AfterFeed::Closes)?;
        contains(&client.succeed()?.text(), protocol)?;
    }
    Ok(())
}

/// tlsclient and tlsserver: the client has closed its side and still receives the answer.
fn half_closed() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["sink"])?;
    let mut client = openssl_server::client(server.port, &[])?;
    let sent: Vec<u8> = crate::bulk_data().into_iter().take(1_000_000).collect();
    let expected = format!("1000000 {}\n", checksum(&sent));
    client.feed(sent, AfterFeed::Closes)?;
    contains(&client.succeed()?.text(), &expected)
}
