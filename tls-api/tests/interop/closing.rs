//! The end of a connection, from both sides: in good order, and cut off.

use libtest_mimic::Trial;

use crate::certificates::Kind;
use crate::openssl_server::OpensslServer;
use crate::processes::{Server, ThenStdin};
use crate::programs::Program;
use crate::{Outcome, checksum, contains, openssl_client, openssl_server, trial};

const NEEDS: &[Program] = &[Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("closing::our_server_says_close_notify_first", NEEDS, our_server_first),
        trial("closing::openssl_client_says_close_notify_first", NEEDS, openssl_client_first),
        trial("closing::our_client_says_close_notify_first", NEEDS, our_client_first),
        trial("closing::openssl_server_says_close_notify_first", NEEDS, openssl_server_first),
        trial("closing::an_openssl_client_that_vanishes_is_reported", NEEDS, openssl_client_vanishes),
        trial("closing::an_openssl_server_that_vanishes_is_an_error", NEEDS, openssl_server_vanishes),
        trial("closing::the_sink_answers_after_our_clients_close_notify", &[], half_closed),
    ]
}

/// OpenSSL says "closed" after close_notify, and "read:errno=0" without.
fn our_server_first() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let mut client = openssl_client::client(&server, &[])?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), ThenStdin::StaysOpen)?;
    contains(&client.succeed()?.text(), "\nclosed\n")
}

fn openssl_client_first() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--verbose"], &["echo"])?;
    let mut client = openssl_client::client(&server, &["-msg"])?;
    client.say("hello\n")?;
    client.stdout.wait_for("\nhello\n")?;
    client.close_stdin();
    contains(&client.succeed()?.text(), ">>> TLS 1.3, Alert [length 0002], warning close_notify")?;
    if cfg!(feature = "logging") {
        // OpenSSL does not wait for the answer, and so cannot tell of it.
        server.running.stderr.wait_for("received alert close_notify")?;
        server.running.stderr.wait_for("sent alert close_notify")?;
    }
    let told = server.complaints();
    // Nothing but the log and the line about the beginning.
    match told.lines().find(|line| !line.contains("DEBUG") && !line.contains("established")) {
        None => Ok(()),
        Some(complaint) => Err(format!("a proper end was reported: {complaint}").into()),
    }
}

fn our_client_first() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-rev", "-msg"])?;
    let mut client = openssl_server::client(server.port, &[])?;
    client.say("abc\n")?;
    client.stdout.wait_for("cba\n")?;
    client.close_stdin();
    client.succeed()?;
    Ok(server.running.stdout.wait_for("<<< TLS 1.3, Alert [length 0002], warning close_notify")?)
}

/// Its page has no length: without close_notify nobody could tell whether it is whole.
fn openssl_server_first() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-www", "-msg"])?;
    let ended = openssl_server::client(server.port, &["--http", "/"])?.succeed()?;
    contains(&ended.text(), "</HTML>")?;
    Ok(server.running.stdout.wait_for(">>> TLS 1.3, Alert [length 0002], warning close_notify")?)
}

fn openssl_client_vanishes() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["echo"])?;
    let mut client = openssl_client::client(&server, &[])?;
    client.say("hello\n")?;
    client.stdout.wait_for("\nhello\n")?;
    client.kill();
    Ok(server.running.stderr.wait_for("close_notify")?)
}

fn openssl_server_vanishes() -> Outcome {
    let mut server = OpensslServer::start(Kind::EcdsaP256, &[])?;
    let mut client = openssl_server::client(server.port, &[])?;
    client.say("hello\n")?;
    server.running.stdout.wait_for("hello\n")?;
    server.running.kill();
    let ended = client.finish()?;
    contains(&ended.stderr, "may not be all")?;
    if ended.status.code() == Some(1) { Ok(()) } else { Err(format!("it ended with {}", ended.status).into()) }
}

/// Our own two: the client has closed its side, and still hears the answer.
fn half_closed() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["sink"])?;
    let mut client = openssl_server::client(server.port, &[])?;
    let sent: Vec<u8> = crate::much().into_iter().take(1_000_000).collect();
    let expected = format!("1000000 {}\n", checksum(&sent));
    client.feed(sent, ThenStdin::Closes)?;
    contains(&client.succeed()?.text(), &expected)
}
