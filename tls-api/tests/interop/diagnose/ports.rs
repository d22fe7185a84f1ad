//! Ports without a TLS server, or with a faulty one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use libtest_mimic::Trial;

use super::Diagnosed;
use crate::processes::free_port;
use crate::{Outcome, trial};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("diagnose::port_that_speaks_http_is_named", &[], http),
        trial("diagnose::closed_port_is_named", &[], closed_port),
        trial("diagnose::unknown_host_is_named", &[], unknown_host),
        trial("diagnose::silent_server_ends_at_the_timeout", &[], silent),
        trial("diagnose::stalled_server_ends_at_the_timeout", &[], stalled),
        trial("diagnose::reset_half_way_is_named", &[], reset),
        trial("diagnose::close_half_way_is_named", &[], close),
        trial("diagnose::alert_half_way_is_named", &[], alert),
    ]
}

/// A server that serves every connection with `serve`, until the test process ends.
fn server(serve: impl Fn(TcpStream) + Send + 'static) -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let port = listener.local_addr().map_err(|e| e.to_string())?.port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    Ok(port)
}

fn diagnose(port: u16, options: &[&str]) -> Result<Diagnosed, String> {
    Diagnosed::of(&format!("127.0.0.1:{port}"), options)
}

/// Reads the ClientHello, so that closing the socket does not reset it.
fn read_hello(mut socket: &TcpStream) {
    let mut header = [0; 5];
    if socket.read_exact(&mut header).is_ok() {
        let [.., high, low] = header;
        let mut body = vec![0; u16::from_be_bytes([high, low]).into()];
        // The client may be gone.
        let _ = socket.read_exact(&mut body);
    }
}

fn http() -> Outcome {
    let port = server(|mut socket| {
        read_hello(&socket);
        // The client may be gone.
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    })?;
    let found = diagnose(port, &[])?;
    found.expect("problem")?;
    found.finding("not_tls", &["HTTP", "use the port on which the server speaks TLS"])?;
    found.equals("/connections", 1)?;
    found.equals("/accepts", serde_json::Value::Null)
}

fn closed_port() -> Outcome {
    let found = diagnose(free_port()?, &[])?;
    found.expect("problem")?;
    found.finding("connection_refused", &["nothing listens at 127.0.0.1:", "check the port"])?;
    found.equals("/connection/established", false)
}

fn unknown_host() -> Outcome {
    // RFC 6761 §6.4: this name does not exist.
    let found = Diagnosed::of("diagnose.invalid", &[])?;
    found.expect("problem")?;
    found.finding("unknown_host", &["cannot be resolved", "spelling"])
}

fn silent() -> Outcome {
    let port = server(std::mem::forget)?;
    let found = diagnose(port, &["--timeout", "0.2"])?;
    found.expect("problem")?;
    found.finding("silent", &["sent nothing until --timeout", "check that the port is a TLS port"])?;
    found.equals("/connections", 1)
}

/// It sends a ServerHello of TLS 1.2 and nothing more.
fn stalled() -> Outcome {
    let port = server(|mut socket| {
        read_hello(&socket);
        let _ = socket.write_all(&server_hello());
        std::mem::forget(socket);
    })?;
    // A slow machine may not even get to the ServerHello in time.
    let mut found = diagnose(port, &["--timeout", "0.2"])?;
    for timeout in ["1", "10", "100"] {
        if found.finding("silent", &[]).is_err() {
            break;
        }
        found = diagnose(port, &["--timeout", timeout])?;
    }
    found.expect("problem")?;
    found.finding("stalled", &["began the handshake", "--timeout"])?;
    found.finding("stopped", &["the server stopped answering"])
}

fn reset() -> Outcome {
    let port = server(|mut socket| {
        let _ = socket.write_all(&server_hello());
        // Closing a socket that has unread data resets the connection.
        let _ = socket.peek(&mut [0]);
    })?;
    let found = diagnose(port, &[])?;
    found.expect("problem")?;
    found.finding("reset", &["the connection broke during the handshake", "firewalls"])
}

fn close() -> Outcome {
    let port = server(|mut socket| {
        read_hello(&socket);
        let _ = socket.write_all(&server_hello());
    })?;
    let found = diagnose(port, &[])?;
    found.expect("problem")?;
    found.finding("closed", &["closed the connection during the handshake", "server's log"])
}

fn alert() -> Outcome {
    let port = server(|mut socket| {
        read_hello(&socket);
        let _ = socket.write_all(&[21, 3, 3, 0, 2, 2, 112]);
    })?;
    let found = diagnose(port, &[])?;
    found.expect("problem")?;
    found.finding("alert", &["unrecognized_name", "--servername"])?;
    found.equals("/connection/alert", "unrecognized_name")?;
    found.answer("versions", "TLSv1.2", None, "refused")
}

/// A record with the ServerHello of a TLS 1.2 server.
fn server_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    // No session ID, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, no compression, renegotiation_info.
    body.extend([0, 0xc0, 0x2f, 0, 0, 5, 0xff, 1, 0, 1, 0]);
    let length = u8::try_from(body.len()).unwrap_or(0);
    [&[22, 3, 3, 0, length + 4, 2, 0, 0, length][..], &body].concat()
}
