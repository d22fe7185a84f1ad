//! sslscan's report on tlsserver: exactly the supported versions, suites and groups, and no
//! warning.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use libtest_mimic::Trial;

use crate::certificates::Kind;
use crate::processes::{Running, Server};
use crate::programs::Program;
use crate::{Outcome, trial};

const NEEDS: &[Program] = &[Program::Openssl, Program::Sslscan];

/// The expected report of sslscan 2 for a server with an RSA certificate.
const EXPECTED: &str = include_str!("data/sslscan.txt");

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("sslscan::rsa", NEEDS, || scan(Kind::Rsa, EXPECTED)),
        trial("sslscan::ecdsa", NEEDS, || {
            // sslscan offers one group at a time. A server must not present a P-256 certificate to
            // a TLS 1.2 client that does not offer P-256 (RFC 8422 §5.1.1).
            let other_group =
                |line: &&str| line.starts_with("TLSv1.2") && line.contains("bits") && !line.contains("P-256");
            let lines: Vec<_> = EXPECTED.lines().filter(|line| !other_group(line)).collect();
            scan(Kind::EcdsaP256, &lines.join("\n").replace("ECDHE-RSA", "ECDHE-ECDSA"))
        }),
    ]
}

fn scan(kind: Kind, expected: &str) -> Outcome {
    let server = Server::start(kind, &[], &["http"])?;
    let splitter = split_records_of(server.port)?;
    let mut command = Program::Sslscan.command();
    command.args(["--no-colour", "--no-check-certificate", "--sni-name=localhost", &format!("127.0.0.1:{splitter}")]);
    let output = Running::start(command)?.succeed()?.text();
    // Skip the versions of sslscan and OpenSSL, which differ between machines.
    let (_, report) = output.split_once("  SSL/TLS Protocols:").ok_or("sslscan scanned nothing")?;
    let report = squeeze(report);
    let expected = squeeze(expected.split_once("  SSL/TLS Protocols:").map_or(expected, |(_, report)| report));
    if report == expected { Ok(()) } else { Err(format!("sslscan reports:\n{report}\ninstead of:\n{expected}").into()) }
}

/// Removes repeated blanks, empty lines, and lines about compression, which sslscan cannot test
/// without a special OpenSSL.
fn squeeze(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = lines.filter(|line| !line.is_empty() && !line.contains("ompression") && !line.starts_with("Rebuild"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A proxy in front of `port` that puts each unencrypted handshake message of the server into its
/// own record. Returns the proxy's port. sslscan finds TLS 1.2 groups only if each message has its
/// own record, although RFC 5246 §6.2.1 allows a flight in one record.
fn split_records_of(port: u16) -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let own_port = listener.local_addr().map_err(|e| e.to_string())?.port();
    std::thread::spawn(move || {
        // Runs until the test process ends. An error of sslscan or the server ends only its own
        // connection.
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else { continue };
            std::thread::spawn(move || {
                let _ = io::copy(&mut &from_client, &mut &to_server);
                let _ = to_server.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                let _ = pass_on_by_message(&server, &client);
                let _ = client.shutdown(Shutdown::Both);
            });
        }
    });
    Ok(own_port)
}

fn pass_on_by_message(mut server: &TcpStream, mut client: &TcpStream) -> io::Result<()> {
    let mut encrypted = false;
    loop {
        let mut header = [0; 5];
        server.read_exact(&mut header)?;
        let [content_type, major, minor, length @ ..] = header;
        let mut body = vec![0; u16::from_be_bytes(length).into()];
        server.read_exact(&mut body)?;
        encrypted |= content_type == CHANGE_CIPHER_SPEC;
        let mut rest = &body[..];
        while !rest.is_empty() {
            let whole = match *rest {
                [_, high, middle, low, ..] if content_type == HANDSHAKE && !encrypted => {
                    u32::from_be_bytes([0, high, middle, low]).saturating_add(4)
                }
                _ => u32::MAX,
            };
            let (message, after) = rest.split_at(rest.len().min(whole.try_into().unwrap_or(usize::MAX)));
            let [high, low] = u16::try_from(message.len()).map_err(io::Error::other)?.to_be_bytes();
            client.write_all(&[&[content_type, major, minor, high, low], message].concat())?;
            rest = after;
        }
    }
}

const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
