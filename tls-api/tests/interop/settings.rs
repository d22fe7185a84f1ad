//! The options of the example programs for the library's settings: the effect of each on the wire
//! or in the output.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use libtest_mimic::Trial;
use strata_tls::{ClientSession, ProtocolVersion, Session};

use crate::certificates::{Kind, ca_file, client_config, files, folder};
use crate::key_update::wait_for_updates;
use crate::openssl_client;
use crate::openssl_server::{OpensslServer, client};
use crate::processes::{AfterFeed, Exit, Running, Server};
use crate::programs::Program;
use crate::test_server::TestServer;
use crate::tls12::GnutlsServer;
use crate::{Outcome, contains, gnutls, path_text, processes, trial};

const OPENSSL: &[Program] = &[Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("settings::client_updates_keys_with_its_input", OPENSSL, client_updates_keys),
        trial("settings::server_updates_keys_when_data_arrives", OPENSSL, server_updates_keys),
        trial("settings::key_update_needs_tls13", &[], key_update_needs_tls13),
        trial("settings::export_agrees_on_both_sides", &[], export),
        trial("settings::export_agrees_with_openssl", OPENSSL, export_to_openssl),
        trial("settings::require_ems_rejects_peers_without", &[Program::GnutlsCli, Program::GnutlsServ], require_ems),
        trial("settings::missing_renegotiation_info_is_allowed", &[Program::GnutlsServ], renegotiation_info),
        trial("settings::session_lifetime_0_resumes_nothing", &[], lifetimes),
        trial("settings::session_context_limits_resumption", &[], contexts),
        trial("settings::no_resumption_stores_no_session", &[], no_resumption),
        trial("settings::ticket_count_is_as_set", OPENSSL, ticket_count),
        trial("settings::suite_follows_the_preferred_side", &[], preference),
        trial("settings::signature_schemes_are_limited", OPENSSL, signature_schemes),
        trial("settings::second_certificate_serves_other_clients", OPENSSL, second_certificate),
        trial("settings::client_requests_ocsp_and_scts", OPENSSL, requests),
        trial("settings::message_and_chain_limits_are_enforced", &[], limits),
        trial("settings::half_rtt_answers_early_data", &[], half_rtt),
        trial("settings::invalid_server_name_can_be_ignored", OPENSSL, invalid_name),
        trial("settings::cache_is_saved_when_a_connection_fails", &[], cache_after_failure),
    ]
}

fn fetch(port: u16, options: &[&str]) -> Result<Exit, String> {
    client(port, &[&["--verbose", "--http", "/"], options].concat())?.finish()
}

/// Fetches the page about the connection.
fn page(port: u16, options: &[&str]) -> Result<String, String> {
    let ended = fetch(port, options)?;
    if ended.status.success() { Ok(ended.text()) } else { Err(format!("{options:?}: {}", ended.stderr)) }
}

fn expect_failure(ended: &Exit, words: &str) -> Outcome {
    if ended.status.code() != Some(1) {
        return Err(format!("it ended with {}:\n{}", ended.status, ended.text()).into());
    }
    contains(&ended.stderr, words)
}

/// A path that no other test uses.
fn path(name: &str) -> Result<String, String> {
    let path = folder()?.join(format!("{name}-{:?}", std::thread::current().id()));
    path_text(&path).map(str::to_owned)
}

fn client_updates_keys() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-rev", "-msg"])?;
    let mut client = client(server.port, &["--key-update"])?;
    for round in 1..=3 {
        client.write_stdin(&format!("abc{round}\n"))?;
        client.stdout.wait_for(&format!("{round}cba\n"))?;
        // The update requests one from OpenSSL, which sends it.
        wait_for_updates(&server.running, "<<<", round)?;
        wait_for_updates(&server.running, ">>>", round)?;
    }
    client.close_stdin();
    client.succeed()?;
    Ok(())
}

fn server_updates_keys() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &["--key-update"], &["echo"])?;
    let mut client = openssl_client::client(&server, &["-msg"])?;
    client.stdout.wait_for("Verify return code: 0")?;
    for round in 1..=3 {
        client.write_stdin(&format!("line {round}\n"))?;
        client.stdout.wait_for(&format!("\nline {round}\n"))?;
        wait_for_updates(&client, "<<<", round)?;
    }
    Ok(())
}

fn key_update_needs_tls13() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["echo"])?;
    let mut client = client(server.port, &["--protover", "1.2", "--key-update"])?;
    client.write_stdin("hello\n")?;
    expect_failure(&client.finish()?, "--key-update")
}

fn exported(said: &str) -> Result<String, String> {
    let line = said.lines().find_map(|line| line.split_once("exported for a label: "));
    line.map(|(_, hex)| hex.to_owned()).ok_or_else(|| format!("nothing was exported: {said}"))
}

fn export() -> Outcome {
    for version in ["1.2", "1.3"] {
        let mut material = Vec::new();
        for context in [&[][..], &["--export-context", "a context"]] {
            let options = [&["--protover", version, "--export", "a label", "--export-length", "40"], context].concat();
            let server = Server::start(Kind::EcdsaP256, &options, &["http"])?;
            let ours = exported(&fetch(server.port, &options)?.stderr)?;
            server.running.stderr.wait_for(&format!("exported for a label: {ours}\n"))?;
            if ours.len() != 80 {
                return Err(format!("40 bytes are not {ours}").into());
            }
            material.push(ours);
        }
        if material[0] == material[1] {
            return Err("the context changes nothing".into());
        }
    }
    Ok(())
}

fn export_to_openssl() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-keymatexport", "a label", "-keymatexportlen", "32"])?;
    let client = client(server.port, &["--export", "a label"])?;
    client.stderr.wait_for("\n")?;
    let ours = exported(&client.stderr.text())?;
    Ok(server.running.stdout.wait_for(&format!("Keying material: {}", ours.to_uppercase()))?)
}

/// GnuTLS calls the extended master secret "session hash".
const NO_EMS: &str = "NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH";

fn require_ems() -> Outcome {
    for (required, words) in [(&[][..], None), (&["--require-ems"], Some("extended"))] {
        let server = Server::start(Kind::EcdsaP256, required, &["http"])?;
        let mut client = gnutls::client(server.port, &["--priority".into(), NO_EMS.into()])?;
        client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
        match words {
            None => client.stdout.wait_for("version: TLSv1.2")?,
            Some(words) => server.running.stderr.wait_for(words)?,
        }
        let server = GnutlsServer::start(Kind::EcdsaP256, &["--priority".into(), NO_EMS.into()])?;
        let ended = fetch(server.port, required)?;
        match words {
            None => contains(&ended.text(), "200 OK")?,
            Some(words) => expect_failure(&ended, words)?,
        }
    }
    Ok(())
}

fn renegotiation_info() -> Outcome {
    let priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2:%DISABLE_SAFE_RENEGOTIATION";
    let server = GnutlsServer::start(Kind::EcdsaP256, &["--priority".into(), priority.into()])?;
    expect_failure(&fetch(server.port, &[])?, "renegotiation_info")?;
    contains(&page(server.port, &["--allow-missing-renegotiation-info"])?, "200 OK")
}

/// Connects twice with a session file. Returns the kind of the second handshake.
fn twice(server: &[&str], options: [&[&str]; 2], name: &str) -> Result<String, String> {
    let server = Server::start(Kind::EcdsaP256, server, &["http"])?;
    let cache = path(name)?;
    let mut last = String::new();
    for options in options {
        last = page(server.port, &[&["--cache", &cache], options].concat())?;
    }
    std::fs::remove_file(cache).map_err(|e| e.to_string())?;
    let kind = last.lines().find_map(|line| line.strip_prefix("handshake: "));
    kind.map(str::to_owned).ok_or_else(|| format!("no handshake in {last}"))
}

fn expect(got: &str, wanted: &str, what: &str) -> Outcome {
    if got == wanted { Ok(()) } else { Err(format!("{what}: {got} and not {wanted}").into()) }
}

fn lifetimes() -> Outcome {
    for version in ["1.2", "1.3"] {
        let only: &[&str] = &["--protover", version];
        let kind = |server: &[&str], client: &[&str]| twice(server, [&[only, client].concat(); 2], "lifetime");
        expect(&kind(&[], &[])?, "Resumed", version)?;
        expect(&kind(&["--session-lifetime", "0"], &[])?, "Full", "the server's")?;
        expect(&kind(&["--ticket-lifetime", "0"], &[])?, "Full", "the tickets'")?;
        expect(&kind(&[], &["--session-lifetime", "0"])?, "Full", "the client's")?;
        expect(&kind(&["--session-lifetime", "3600", "--ticket-lifetime", "3600"], &[])?, "Resumed", "an hour")?;
    }
    Ok(())
}

fn contexts() -> Outcome {
    let (a, b): (&[&str], &[&str]) = (&["--session-context", "a"], &["--session-context", "b"]);
    expect(&twice(&[], [a, a], "context")?, "Resumed", "the same")?;
    expect(&twice(&[], [a, b], "context")?, "Full", "another one")?;
    // The server's context. A mismatch would need a second server with the same Redis or keys.
    expect(&twice(a, [&[], &[]], "context")?, "Resumed", "the server's")
}

fn no_resumption() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    for (options, kind) in [(&[][..], "Resumed"), (&["--no-resumption"], "Full")] {
        let options = [&["--connections", "2"], options].concat();
        contains(&page(server.port, &options)?, &format!("handshake: {kind}\n"))?;
    }
    Ok(())
}

fn ticket_count() -> Outcome {
    for (count, options) in [(2, &[][..]), (0, &["--tls13-tickets", "0"]), (5, &["--tls13-tickets", "5"])] {
        let server = Server::start(Kind::EcdsaP256, options, &["http"])?;
        let mut client = openssl_client::client(&server, &["-msg"])?;
        client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
        let text = client.succeed()?.text();
        let came = text.lines().filter(|line| line.starts_with("<<<") && line.ends_with("NewSessionTicket")).count();
        if came != count {
            return Err(format!("{came} tickets and not {count}").into());
        }
    }
    Ok(())
}

fn preference() -> Outcome {
    let (small, large) = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384");
    for (side, chosen) in [("server", small), ("client", large)] {
        let options = ["--prefer", side, "--suite", small, "--suite", large];
        let server = Server::start(Kind::EcdsaP256, &options, &["http"])?;
        let page = page(server.port, &["--suite", large, "--suite", small])?;
        contains(&page, &format!("cipher suite: {chosen}\n"))?;
    }
    Ok(())
}

fn signature_schemes() -> Outcome {
    let ca = ca_file()?;
    let options = ["--auth", path_text(&ca)?, "--sigalg", "rsa_pss_rsae_sha512"];
    let server = Server::start(Kind::EcdsaP256, &options, &["http"])?;
    let mut client = openssl_client::client(&server, &[])?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    contains(&client.succeed()?.text(), "Requested Signature Algorithms: RSA-PSS+SHA512\n")?;
    let server = OpensslServer::start(Kind::Rsa, &["-www"])?;
    let page = page(server.port, &["--sigalg", "rsa_pss_rsae_sha384"])?;
    contains(&page, "Shared Signature Algorithms: RSA-PSS+SHA384\n")
}

fn second_certificate() -> Outcome {
    let second = files(Kind::Rsa)?;
    let words = [path_text(&second.chain)?, path_text(&second.key)?];
    let server = Server::start(Kind::EcdsaP256, &["--certs", words[0], "--key", words[1]], &["http"])?;
    for (theirs, kind) in [("ECDSA+SHA256:RSA-PSS+SHA256", "ECDSA"), ("RSA-PSS+SHA256", "RSA-PSS")] {
        let mut client = openssl_client::client(&server, &["-sigalgs", theirs])?;
        client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
        contains(&client.succeed()?.text(), &format!("Peer signature type: {kind}"))?;
    }
    Ok(())
}

fn requests() -> Outcome {
    for (options, ocsp, timestamps) in
        [(&[][..], true, false), (&["--no-ocsp-request"], false, false), (&["--sct-request"], true, true)]
    {
        let server = OpensslServer::start(Kind::EcdsaP256, &["-www", "-tlsextdebug", "-naccept", "1"])?;
        page(server.port, options)?;
        let said = server.running.finish()?.text();
        for (name, wanted) in [("status request", ocsp), ("signed certificate timestamps", timestamps)] {
            if said.contains(&format!("\"{name}\"")) != wanted {
                return Err(format!("{options:?}, {name}:\n{said}").into());
            }
        }
    }
    Ok(())
}

fn limits() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    page(server.port, &["--max-message", "4000", "--max-chain", "1"])?;
    expect_failure(&fetch(server.port, &["--max-message", "100"])?, "the limit is 100")?;
    expect_failure(&fetch(server.port, &["--max-chain", "0"])?, "chain_length = 0")?;
    let server = Server::start(Kind::EcdsaP256, &["--max-message", "100"], &["http"])?;
    expect_failure(&fetch(server.port, &[])?, "alert")?;
    Ok(server.running.stderr.wait_for("the limit is 100")?)
}

/// The client withholds its Finished and still receives the answer.
fn half_rtt() -> Outcome {
    let options = ["--resumption", "--max-early-data", "1000", "--half-rtt"];
    let server = Server::start(Kind::EcdsaP256, &options, &["http"])?;
    let mut config = client_config()?;
    config.enable_early_data(true);
    let config = Arc::new(config);
    let connect = || -> Result<(ClientSession, TcpStream), String> {
        let socket = processes::connect(server.port)?;
        Ok((ClientSession::new(&config, "localhost").map_err(|e| e.to_string())?, socket))
    };
    let request = b"GET / HTTP/1.0\r\n\r\n";
    let (session, socket) = connect()?;
    let mut stream = strata_tls::StreamOwned::new(session, socket);
    let mut first = String::new();
    stream.write_all(request).and_then(|()| stream.read_to_string(&mut first)).map_err(|e| e.to_string())?;

    let (mut session, mut socket) = connect()?;
    session.early_data().ok_or("no early data")?.write_all(request).map_err(|e| e.to_string())?;
    while session.wants_write() {
        session.write_tls(&mut socket).map_err(|e| e.to_string())?;
    }
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("early data: 18 bytes") {
        if session.read_tls(&mut socket).map_err(|e| format!("no answer: {e}"))? == 0 {
            return Err("the server closed".into());
        }
        session.process_new_packets().map_err(|e| e.to_string())?;
        let mut chunk = [0; 4096];
        while let Ok(n @ 1..) = session.read(&mut chunk) {
            answer.extend_from_slice(&chunk[..n]);
        }
    }
    // Complete the handshake and read to the end.
    let mut stream = strata_tls::StreamOwned::new(session, socket);
    stream.read_to_end(&mut answer).map_err(|e| e.to_string())?;
    Ok(())
}

fn invalid_name() -> Outcome {
    for (options, wanted) in [(&[][..], None), (&["--ignore-invalid-server-name"], Some("server name: none\n"))] {
        let server = Server::start(Kind::EcdsaP256, options, &["http"])?;
        let mut command = Program::Openssl.command();
        command.args(["s_client", "-connect", &server.address(), "-servername", "a b/../c", "-CAfile"]).arg(ca_file()?);
        let mut client = Running::start(command)?;
        client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
        match wanted {
            Some(wanted) => contains(&client.succeed()?.text(), wanted)?,
            None => contains(&client.finish()?.stderr, "alert")?,
        }
    }
    Ok(())
}

/// After a failed resumption the session is no longer in the file. A session received before a
/// later failure is.
fn cache_after_failure() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    for version in ["1.2", "1.3"] {
        let cache = path("cache-after-failure")?;
        let options = ["--protover", version, "--cache", &cache];
        contains(&page(server.port, &options)?, "handshake: Full")?;
        let broken = TestServer::once(ProtocolVersion::TLS13, |stream| {
            // Answer the ClientHello with a fatal handshake_failure alert.
            let Ok(_) = stream.transport.read(&mut [0; 4096]) else { return Ok(()) };
            stream.transport.write_all(&[21, 3, 3, 0, 2, 2, 40])?;
            std::io::copy(&mut stream.transport, &mut std::io::sink()).map(drop)
        })?;
        expect_failure(&fetch(broken.port, &options)?, "handshake_failure")?;
        broken.finish()?;
        contains(&page(server.port, &options)?, "handshake: Full")?;
        contains(&page(server.port, &options)?, "handshake: Resumed")?;
        std::fs::remove_file(&cache).map_err(|e| e.to_string())?;
        // The response is too short, but the session is valid.
        let short = TestServer::once(ProtocolVersion::TLS13, |stream| {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort")?;
            stream.close()
        })?;
        expect_failure(&fetch(short.port, &["--cache", &cache])?, "5 of 50")?;
        short.finish()?;
        if !PathBuf::from(&cache).is_file() {
            return Err("no session was saved".into());
        }
        std::fs::remove_file(&cache).map_err(|e| e.to_string())?;
    }
    Ok(())
}
