//! Where requests and responses end, which the example programs have to know. No other program is needed.

use std::io::{self, BufRead, Write};
use std::net::TcpListener;
use std::sync::Arc;

use libtest_mimic::Trial;
use tls_api::{ServerConfig, ServerSession, StreamOwned};

use crate::certificates::{Kind, files};
use crate::openssl_server::client;
use crate::processes::{Ended, Server};
use crate::{Outcome, contains, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("http::a_request_may_come_in_pieces", &[], request_in_pieces),
        trial("http::half_a_request_is_not_answered_but_reported", &[], half_a_request),
        trial("http::what_is_no_request_is_refused", &[], no_request),
        trial("http::a_whole_response_needs_no_close_notify", &[], whole_response),
        trial("http::a_whole_chunked_response_needs_no_close_notify", &[], whole_chunked_response),
        trial("http::half_a_response_is_an_error", &[], half_a_response),
        trial("http::a_response_without_length_needs_close_notify", &[], response_without_length),
    ]
}

fn request_in_pieces() -> Outcome {
    for (pieces, wanted) in [
        (&["\r\n", "GE", "T / HTTP/1.1\r\nHost: x\r", "\n\r", "\n"][..], "HTTP/1.1 200 OK\r\n"),
        (&["GET /bytes/3 HTTP/1.0\n", "\n"], "Content-Length: 3\r\n"),
    ] {
        let server = Server::start(Kind::EcdsaP256, &["--verbose"], &["http"])?;
        let mut client = client(server.port, &[])?;
        server.running.stderr.wait_for("established")?;
        for piece in pieces {
            client.say(piece)?;
            // One record for each.
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        contains(&client.succeed()?.text(), wanted)?;
    }
    Ok(())
}

fn half_a_request() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let mut client = client(server.port, &[])?;
    client.say("GET / HTTP/1.0\r\n")?;
    client.close_stdin();
    let answer = client.finish()?.text();
    server.running.stderr.wait_for("closed in the middle of its request")?;
    if answer.is_empty() { Ok(()) } else { Err(format!("it was answered: {answer}").into()) }
}

fn no_request() -> Outcome {
    for (request, wanted) in [
        ("HELO example.com\n\n".to_owned(), "400 Bad Request"),
        ("GET /\n\n".to_owned(), "400 Bad Request"),
        ("GET /bytes/many HTTP/1.0\n\n".to_owned(), "400 Bad Request"),
        ("GET / HTTP/2.0\n\n".to_owned(), "505 HTTP Version Not Supported"),
        (format!("GET /{} HTTP/1.1\n", "x".repeat(20_000)), "431 Request Header Fields Too Large"),
    ] {
        let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
        let mut client = client(server.port, &[])?;
        client.say(&request)?;
        contains(&client.succeed()?.text(), wanted)?;
    }
    Ok(())
}

fn whole_response() -> Outcome {
    answered_without_close_notify("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole", Some("whole"))
}

fn whole_chunked_response() -> Outcome {
    let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n";
    answered_without_close_notify(response, Some("whole"))
}

fn half_a_response() -> Outcome {
    answered_without_close_notify("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", None)
}

fn response_without_length() -> Outcome {
    answered_without_close_notify("HTTP/1.0 200 OK\r\n\r\nwho knows", None)
}

/// What tlsclient makes of a server that answers and then drops the connection.
fn answered_without_close_notify(response: &'static str, accepted: Option<&str>) -> Outcome {
    let files = files(Kind::EcdsaP256)?;
    let read = |path| std::fs::read(path).map_err(|e| e.to_string());
    let config = ServerConfig::from_pem(&read(&files.chain)?, &read(&files.key)?).map_err(|e| e.to_string())?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let port = listener.local_addr().map_err(|e| e.to_string())?.port();
    let server = std::thread::spawn(move || {
        let (socket, _) = listener.accept()?;
        let mut stream = StreamOwned::new(ServerSession::new(&Arc::new(config)), socket);
        let mut line = String::new();
        while stream.read_line(&mut line)? > 2 {
            line.clear();
        }
        stream.write_all(response.as_bytes())
    });
    let Ended { status, bytes, stderr } = client(port, &["--http", "/"])?.finish()?;
    let served: io::Result<()> = server.join().map_err(|_| "the server panicked")?;
    served.map_err(|e| e.to_string())?;
    match accepted {
        Some(body) if status.success() => contains(&String::from_utf8_lossy(&bytes), body),
        Some(_) => Err(format!("it was not accepted: {stderr}").into()),
        None if status.code() == Some(1) => contains(&stderr, "the connection was cut"),
        None => Err(format!("it ended with {status}").into()),
    }
}
