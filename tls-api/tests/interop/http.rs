//! Where HTTP requests and responses end: the message framing of the example programs. Needs no
//! other program.

use std::io::{BufRead, Read, Write};
use std::sync::Arc;

use libtest_mimic::Trial;
use strata_tls::{ClientSession, ProtocolVersion, Session, StreamOwned};

use crate::certificates::{Kind, client_config};
use crate::openssl_server::client;
use crate::processes::{Exit, Server, connect};
use crate::test_server::TestServer;
use crate::{Outcome, contains, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("http::request_may_arrive_in_pieces", &[], request_in_pieces),
        trial("http::incomplete_request_is_reported_and_not_answered", &[], half_a_request),
        trial("http::malformed_request_is_rejected", &[], malformed_requests),
        trial("http::complete_response_needs_no_close_notify", &[], whole_responses),
        trial("http::short_or_missing_response_is_an_error", &[], short_responses),
        trial("http::malformed_response_is_an_error", &[], malformed_responses),
        trial("http::response_without_length_needs_close_notify", &[], response_without_length),
    ]
}

/// The server answers each piece with a KeyUpdate before the next one is sent, so it receives the
/// pieces one by one.
fn request_in_pieces() -> Outcome {
    let config = Arc::new(client_config()?);
    for (pieces, wanted) in [
        (&["\r\n", "GE", "T / HTTP/1.1\r\nHost: x\r", "\n\r", "\n"][..], "HTTP/1.1 200 OK\r\n"),
        (&["GET /bytes/3 HTTP/1.0\n", "\n"], "Content-Length: 3\r\n"),
    ] {
        let server = Server::start(Kind::EcdsaP256, &["--key-update", "--no-resumption"], &["http"])?;
        let mut session = ClientSession::new(&config, "localhost").map_err(|e| e.to_string())?;
        let mut socket = connect(server.port)?;
        session.complete_io(&mut socket).map_err(|e| e.to_string())?;
        for piece in pieces {
            session.write_all(piece.as_bytes()).map_err(|e| e.to_string())?;
            while session.wants_write() {
                session.write_tls(&mut socket).map_err(|e| e.to_string())?;
            }
            session.read_tls(&mut socket).map_err(|e| e.to_string())?;
            session.process_new_packets().map_err(|e| e.to_string())?;
        }
        let mut page = String::new();
        StreamOwned::new(session, socket).read_to_string(&mut page).map_err(|e| e.to_string())?;
        contains(&page, wanted)?;
    }
    Ok(())
}

fn half_a_request() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let mut client = client(server.port, &[])?;
    client.write_stdin("GET / HTTP/1.0\r\n")?;
    client.close_stdin();
    let answer = client.finish()?.text();
    server.running.stderr.wait_for("closed the connection within its request")?;
    if answer.is_empty() { Ok(()) } else { Err(format!("it was run_client: {answer}").into()) }
}

fn malformed_requests() -> Outcome {
    for (request, wanted) in [
        ("HELO example.com\n\n".to_owned(), "400 Bad Request"),
        ("GET /\n\n".to_owned(), "400 Bad Request"),
        ("GET /bytes/many HTTP/1.0\n\n".to_owned(), "400 Bad Request"),
        ("GET / HTTP/2.0\n\n".to_owned(), "505 HTTP Version Not Supported"),
        (format!("GET /{} HTTP/1.1\n", "x".repeat(20_000)), "431 Request Header Fields Too Large"),
    ] {
        let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
        let mut client = client(server.port, &[])?;
        client.write_stdin(&request)?;
        contains(&client.succeed()?.text(), wanted)?;
    }
    Ok(())
}

/// Each response marks its own end, so close_notify is optional.
fn whole_responses() -> Outcome {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole",
        "HTTP/1.1 200 OK\nContent-Length: 5\n\nwhole",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nwhole",
        "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;a=b\r\nwhole\r\n00\r\nA: b\r\n\r\n",
        "HTTP/1.1 304 whole\r\nContent-Length: 50\r\n\r\n",
    ] {
        for end in [End::CloseNotify, End::Cut] {
            let Exit { status, bytes, stderr } = run_client(response, end)?;
            if !status.success() {
                return Err(format!("{response:?} was not accepted: {stderr}").into());
            }
            contains(&String::from_utf8_lossy(&bytes), "whole")?;
        }
    }
    Ok(())
}

/// Each response with the error text after "the connection was truncated" or "the server closed
/// the connection".
fn short_responses() -> Outcome {
    for (response, wanted) in [
        ("", "without a response"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "in the head of the response"),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", "without a response"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
            ": the output is incomplete (5 of 50 bytes of the body)",
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nshort", ": the output is incomplete"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\n", ": the output is incomplete"),
        // The data of this chunk looks like the last chunk.
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n\r\n0\r\n\r\n", ": the output is incomplete"),
    ] {
        for (end, how) in
            [(End::CloseNotify, "the server closed the connection"), (End::Cut, "the connection was truncated")]
        {
            expect_failure(
                &run_client(response, end)?,
                &format!("{how}{}{wanted}", if wanted.starts_with(':') { "" } else { " " }),
            )?;
        }
    }
    Ok(())
}

fn malformed_responses() -> Outcome {
    for (response, wanted) in [
        ("SSH-2.0-x\r\n", "status line"),
        ("<html>whole</html>", "status line"),
        ("HTTP/2 200\r\n\r\n", "status line"),
        ("HTTP/1.1 OK\r\n\r\n", "three digits"),
        ("HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nwhole", "Content-Length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nwhole", "Content-Length"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nwhole", "a chunk size is not a number"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwhole\r\n0\r\n\r\n", "longer than its size"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", "a chunk size is too large"),
    ] {
        let ended = run_client(response, End::CloseNotify)?;
        expect_failure(&ended, "invalid HTTP response: ")?;
        contains(&ended.stderr, wanted)?;
    }
    Ok(())
}

fn response_without_length() -> Outcome {
    let response = "HTTP/1.0 200 OK\r\n\r\nwhole";
    contains(&String::from_utf8_lossy(&run_client(response, End::CloseNotify)?.bytes), "whole")?;
    expect_failure(&run_client(response, End::Cut)?, "the connection was truncated: the output may be incomplete")
}

fn expect_failure(ended: &Exit, words: &str) -> Outcome {
    if ended.status.code() != Some(1) {
        return Err(format!("it ended with {}", ended.status).into());
    }
    contains(&ended.stderr, words)
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    CloseNotify,
    Cut,
}

/// Runs tlsclient with a server that sends `response` and ends the connection with `end`.
fn run_client(response: &'static str, end: End) -> Result<Exit, String> {
    let server = TestServer::once(ProtocolVersion::TLS13, move |stream| {
        let mut line = String::new();
        while stream.read_line(&mut line)? > 2 {
            line.clear();
        }
        stream.write_all(response.as_bytes())?;
        if end == End::CloseNotify { stream.close() } else { Ok(()) }
    })?;
    let ended = client(server.port, &["--http", "/"])?.finish()?;
    server.finish()?;
    Ok(ended)
}
