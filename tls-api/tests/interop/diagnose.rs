//! `tlsclient --diagnose`: verdicts, advice and facts, against OpenSSL, nginx, tlsserver, servers
//! with a fault, and ports that are no TLS servers.

mod faults;
mod ports;
mod recordings;
mod served;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::certificates::{Kind, ca_file, client_files, files, folder};
use crate::openssl_server::OpensslServer;
use crate::processes::{Exit, Running, Server};
use crate::programs::{Program, example};
use crate::{Outcome, contains, ocsp, path_text, trial};

const OPENSSL: &[Program] = &[Program::Openssl];
const NGINX: &[Program] = &[Program::Openssl, Program::Nginx];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("diagnose::openssl_offers_are_reported", OPENSSL, openssl),
        trial("diagnose::old_openssl_server_gets_warnings", OPENSSL, old_openssl),
        trial("diagnose::nginx_offers_are_reported", NGINX, nginx),
        trial("diagnose::tlsserver_offers_are_reported", &[], tlsserver),
        trial("diagnose::only_unsupported_suites_are_named", OPENSSL, only_unsupported_suites),
        trial("diagnose::only_unsupported_group_is_named", OPENSSL, only_unsupported_group),
        trial("diagnose::only_unsupported_key_is_named", OPENSSL, only_unsupported_key),
        trial("diagnose::scts_in_the_extension_are_counted", &[], scts),
        trial("diagnose::required_client_certificate_is_named", &[], client_certificate),
        trial("diagnose::hello_retry_request_is_reported", OPENSSL, retry),
        trial("diagnose::json_is_parsed_by_python", &[], json_is_json),
        trial("diagnose::page_has_the_flights_and_no_script", &[], page),
        trial("diagnose::invalid_host_is_explained", &[], invalid_hosts),
    ];
    trials.extend(faults::trials());
    trials.extend(ports::trials());
    trials.extend(served::trials());
    trials.extend(recordings::trials());
    trials
}

/// A diagnosis in both forms.
pub(crate) struct Diagnosed {
    text: String,
    json: Value,
    exit: Exit,
}

impl Diagnosed {
    /// Runs tlsclient twice.
    pub(crate) fn of(place: &str, options: &[&str]) -> Result<Self, String> {
        let run = |form: &[&str]| {
            let mut command = example("tlsclient")?;
            command.args(["--diagnose", place]).args(options).args(form);
            if !options.contains(&"--timeout") {
                // Do not time out on a slow machine.
                command.args(["--timeout", "300"]);
            }
            Running::start(command)?.finish()
        };
        let text = run(&[])?.text();
        let exit = run(&["--json"])?;
        let json = serde_json::from_slice(&exit.bytes).map_err(|e| format!("{e} in {}{}", exit.text(), exit.stderr))?;
        Ok(Self { text, json, exit })
    }

    /// The same, trusting the CA of the tests.
    pub(crate) fn trusting(port: u16, options: &[&str]) -> Result<Self, String> {
        let ca = ca_file()?;
        Self::of(&format!("localhost:{port}"), &[&["--cafile", path_text(&ca)?], options].concat())
    }

    /// Checks the result, in JSON, text and exit status.
    pub(crate) fn expect(&self, result: &str) -> Outcome {
        let word = match result {
            "problem" => "\nPROBLEM: ",
            "warning" => "\nOK, WITH WARNINGS: ",
            _ => "\nOK: ",
        };
        contains(&self.text, word)?;
        self.equals("/result", result)?;
        if self.exit.status.success() == (result == "problem") {
            return Err(format!("{} after {result}", self.exit.status).into());
        }
        Ok(())
    }

    /// Checks a value in the JSON.
    pub(crate) fn equals(&self, pointer: &str, wanted: impl Into<Value>) -> Outcome {
        let (found, wanted) = (self.json.pointer(pointer).unwrap_or(&Value::Null), wanted.into());
        if *found == wanted { Ok(()) } else { Err(format!("{pointer} is {found}, not {wanted}\n{}", self.text).into()) }
    }

    /// Checks that there is a finding `code` in the JSON whose text and advice have these words,
    /// and which the text has too.
    pub(crate) fn finding(&self, code: &str, words: &[&str]) -> Outcome {
        let all = self.json["findings"].as_array().ok_or("no findings")?;
        let found = all.iter().find(|finding| finding["code"] == code);
        let found = found.ok_or_else(|| format!("no finding {code} in:\n{}", self.text))?;
        let part = |key: &str| found[key].as_str().unwrap_or_default();
        let (what, advice) = (part("what"), part("advice"));
        contains(&self.text, &format!("\n  what to do: {advice}\n"))?;
        for word in words {
            contains(&format!("{what}\n{advice}"), word)?;
            contains(&self.text, word)?;
        }
        Ok(())
    }

    /// Checks whether the server accepts `name` of a `kind`, in one version if it is given.
    pub(crate) fn answer(&self, kind: &str, name: &str, version: Option<&str>, wanted: &str) -> Outcome {
        let all = self.json["accepts"][kind].as_array().ok_or_else(|| format!("no {kind}"))?;
        let same = |one: &&Value| one["name"] == name && version.is_none_or(|version| one["version"] == version);
        let found = all.iter().find(same).ok_or_else(|| format!("no {name} in {kind}"))?;
        if found["answer"] == wanted { Ok(()) } else { Err(format!("{name} is {found}, not {wanted}").into()) }
    }

    /// The names of the messages in the flights, one line for each flight.
    fn messages(&self) -> String {
        let mut lines = Vec::new();
        for flight in self.json["flights"].as_array().into_iter().flatten() {
            let messages = flight["messages"].as_array().into_iter().flatten();
            let names: Vec<_> = messages.filter_map(|message| message["name"].as_str()).collect();
            lines.push(format!("{}: {}", flight["from"].as_str().unwrap_or_default(), names.join(" ")));
        }
        lines.join("\n")
    }
}

fn openssl() -> Outcome {
    let server =
        OpensslServer::start_any_version(Kind::Rsa, &["-www", "-alpn", "http/1.1", "-cipher", "ECDHE+AESGCM"])?;
    let found = Diagnosed::trusting(server.port, &[])?;
    found.expect("ok")?;
    contains(&found.text, "the server speaks TLSv1.3, and its certificate is valid for localhost")?;
    for (pointer, wanted) in [
        ("/connection/version", "TLSv1.3"),
        ("/connection/group", "x25519"),
        ("/connection/signature_scheme", "rsa_pss_rsae_sha256"),
        ("/connection/alpn_of_h2_and_http1", "http/1.1"),
        ("/resumption/tls13_ticket", "yes"),
        ("/resumption/tls12_ticket", "yes"),
        ("/resumption/tls12_session_id", "yes"),
        ("/certificates/0/verdict", "accepted"),
        ("/certificates/0/key", "RSA, 2048 bits"),
        ("/certificates/0/signature", "ECDSA with SHA-256"),
        ("/certificates/0/issuer_certificate", "trust_anchor"),
        ("/certificates/0/subject", "CN=localhost"),
        ("/accepts/preferred_group", "x25519"),
    ] {
        found.equals(pointer, wanted)?;
    }
    found.equals("/accepts/max_fragment_length", true)?;
    found.equals("/accepts/unsupported_cipher_suites", Value::Array(Vec::new()))?;
    found.equals("/resumption/early_data_bytes", 0)?;
    found.equals("/certificates/0/names", vec!["localhost", "127.0.0.1"])?;
    found.answer("versions", "TLSv1.3", None, "accepted")?;
    found.answer("versions", "TLSv1.2", None, "accepted")?;
    found.answer("versions", "SSLv3", None, "refused")?;
    found.answer("cipher_suites", "TLS_CHACHA20_POLY1305_SHA256", None, "accepted")?;
    found.answer("cipher_suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", None, "accepted")?;
    found.answer("cipher_suites", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", None, "refused")?;
    found.answer("cipher_suites", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", None, "refused")?;
    for version in ["TLSv1.3", "TLSv1.2"] {
        found.answer("groups", "secp384r1", Some(version), "accepted")?;
        found.answer("signature_schemes", "rsa_pss_rsae_sha512", Some(version), "accepted")?;
        found.answer("signature_schemes", "ecdsa_secp256r1_sha256", Some(version), "refused")?;
    }
    found.answer("signature_schemes", "rsa_pkcs1_sha256", Some("TLSv1.2"), "accepted")?;
    // The names of encrypted messages, in their order. The tickets may come in several reads.
    let expected = "client: client_hello\n\
                    server: server_hello change_cipher_spec encrypted_extensions certificate certificate_verify finished\n\
                    client: change_cipher_spec finished alert\n\
                    server: new_session_ticket";
    contains(&found.messages(), expected)?;
    let count = found.json["connections"].as_u64().unwrap_or(u64::MAX);
    let limit = found.json["connection_limit"].as_u64().unwrap_or(0);
    if count <= limit && limit == 64 { Ok(()) } else { Err(format!("{count} connections of {limit}").into()) }
}

/// A server that accepts all that the build of OpenSSL has.
fn old_openssl() -> Outcome {
    let options = ["-www", "-tls1_2", "-cipher", "ALL:@SECLEVEL=0", "-no_ticket"];
    let server = OpensslServer::start_any_version(Kind::Rsa, &options)?;
    let found = Diagnosed::trusting(server.port, &[])?;
    found.expect("warning")?;
    found.finding("no_tls13", &["TLS 1.3", "enable it"])?;
    found.finding("no_forward_secrecy", &["TLS_RSA_WITH_", "disable RSA key exchange"])?;
    found.equals("/connection/version", "TLSv1.2")?;
    found.equals("/resumption/tls12_ticket", "nothing_to_resume")?;
    found.equals("/resumption/tls12_session_id", "yes")?;
    found.equals("/resumption/tls13_ticket", "not_tested")?;
    // Finished is encrypted in TLS 1.2 too.
    contains(
        &found.messages(),
        "certificate server_key_exchange server_hello_done\nclient: client_key_exchange change_cipher_spec finished",
    )
}

fn nginx() -> Outcome {
    let files = files(Kind::EcdsaP256)?;
    let settings = "ssl_early_data on;";
    let (_running, port) = ocsp::nginx(&folder()?.join("diagnose"), "1.3", &files.chain, &files.key, settings)?;
    let found = Diagnosed::trusting(port, &[])?;
    found.expect("ok")?;
    found.answer("versions", "TLSv1.2", None, "refused")?;
    found.answer("signature_schemes", "ecdsa_secp256r1_sha256", Some("TLSv1.3"), "accepted")?;
    found.answer("signature_schemes", "rsa_pss_rsae_sha256", Some("TLSv1.3"), "refused")?;
    found.equals("/resumption/tls13_ticket", "yes")?;
    found.equals("/resumption/early_data_bytes", 16_384)?;
    found.finding("early_data", &["0-RTT", "replay"])
}

fn tlsserver() -> Outcome {
    let options = ["--proto", "h2", "--max-early-data", "1000", "--resumption", "--record-size-limit", "2000"];
    let server = Server::start(Kind::EcdsaP384, &options, &["http"])?;
    let found = Diagnosed::trusting(server.port, &["--proto", "h2"])?;
    found.expect("ok")?;
    found.equals("/connection/alpn", "h2")?;
    found.equals("/connection/record_size_limit", 2000)?;
    found.equals("/resumption/early_data_bytes", 1000)?;
    found.equals("/resumption/tls13_ticket", "yes")?;
    found.equals("/resumption/tls12_ticket", "nothing_to_resume")?;
    found.equals("/resumption/tls12_session_id", "yes")?;
    found.equals("/accepts/max_fragment_length", true)?;
    found.equals("/certificates/0/key", "ECDSA, P-384")?;
    for list in ["unsupported_cipher_suites", "unsupported_groups", "unsupported_signature_schemes"] {
        found.equals(&format!("/accepts/{list}"), Value::Array(Vec::new()))?;
    }
    for old in ["TLSv1.1", "TLSv1.0", "SSLv3"] {
        found.answer("versions", old, None, "refused")?;
    }
    Ok(())
}

fn only_unsupported_suites() -> Outcome {
    let options = ["-www", "-tls1_2", "-cipher", "AES128-SHA"];
    let server = OpensslServer::start_any_version(Kind::Rsa, &options)?;
    let found = Diagnosed::trusting(server.port, &[])?;
    found.expect("problem")?;
    found.finding("only_unsupported", &["TLS_RSA_WITH_AES_128_CBC_SHA", "never supports", "enable TLS 1.3"])?;
    found.equals("/connection/alert", "handshake_failure")
}

fn only_unsupported_group() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-www", "-groups", "P-521"])?;
    let found = Diagnosed::trusting(server.port, &[])?;
    found.expect("problem")?;
    found.finding("only_unsupported", &["groups such as secp521r1", "x25519"])
}

/// A certificate whose key is on P-521.
fn only_unsupported_key() -> Outcome {
    let (key, chain) = (folder()?.join("p521.key"), folder()?.join("p521.pem"));
    let mut command = Program::Openssl.command();
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-nodes"]);
    command.args(["-subj", "/CN=localhost", "-keyout"]).arg(&key).arg("-out").arg(&chain);
    let output = command.output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let mut command = Program::Openssl.command();
    command.args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert"]).arg(&chain).arg("-key").arg(&key);
    let running = Running::start(command)?;
    let port = running.stdout.wait_for_port("ACCEPT ").map_err(|e| e + &running.stderr.text())?;
    let found = Diagnosed::trusting(port, &[])?;
    found.expect("problem")?;
    found.finding("only_unsupported", &["signature schemes such as ecdsa_secp521r1_sha512", "P-256"])
}

/// Their content is not checked without --ct-logs.
fn scts() -> Outcome {
    let file = folder()?.join("diagnose.sct");
    std::fs::write(&file, [7; 50]).map_err(|e| e.to_string())?;
    let sct = path_text(&file)?;
    for version in ["1.3", "1.2"] {
        let server = Server::start(Kind::EcdsaP256, &["--sct", sct, "--sct", sct, "--protover", version], &["http"])?;
        Diagnosed::trusting(server.port, &[])?.equals("/scts_in_extension", 2)?;
    }
    Ok(())
}

fn client_certificate() -> Outcome {
    let ca = ca_file()?;
    let server = Server::start(Kind::EcdsaP256, &["--auth", path_text(&ca)?, "--require-auth"], &["http"])?;
    let found = Diagnosed::trusting(server.port, &[])?;
    found.expect("problem")?;
    found.finding("alert", &["certificate_required", "--auth-certs"])?;
    found.finding("client_certificate", &["requests a client certificate"])?;
    let own = client_files(Kind::EcdsaP256)?;
    let options = ["--auth-certs", path_text(&own.chain)?, "--auth-key", path_text(&own.key)?];
    Diagnosed::trusting(server.port, &options)?.expect("ok")
}

fn retry() -> Outcome {
    let server = OpensslServer::start(Kind::EcdsaP256, &["-www", "-groups", "P-384"])?;
    let found = Diagnosed::trusting(server.port, &[])?;
    found.finding("retry", &["HelloRetryRequest", "--group"])?;
    found.equals("/connection/group", "secp384r1")?;
    found.equals("/connection/hello_retry_request", true)?;
    found.answer("groups", "x25519", Some("TLSv1.3"), "refused")?;
    contains(
        &found.messages(),
        "client: client_hello\nserver: hello_retry_request change_cipher_spec\nclient: change_cipher_spec client_hello\nserver: server_hello encrypted_extensions",
    )
}

/// Another parser than the one that wrote it.
fn json_is_json() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let found = Diagnosed::trusting(server.port, &[])?;
    let Ok(mut python) =
        Command::new("python3").args(["-m", "json.tool"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
    else {
        // The other tests parse it with serde_json.
        return Ok(());
    };
    python.stdin.take().ok_or("no stdin")?.write_all(&found.exit.bytes).map_err(|e| e.to_string())?;
    let status = python.wait().map_err(|e| e.to_string())?;
    if status.success() { Ok(()) } else { Err("python does not parse the JSON".into()) }
}

/// Writes the page of a diagnosis and returns it.
fn page_of(port: u16, file: &Path, options: &[&str]) -> Result<String, String> {
    let place = format!("localhost:{port}");
    Diagnosed::of(&place, &[&["--html", path_text(file)?], options].concat())?;
    std::fs::read_to_string(file).map_err(|e| e.to_string())
}

fn page() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let ca = ca_file()?;
    let page = page_of(server.port, &folder()?.join("diagnose.html"), &["--cafile", path_text(&ca)?])?;
    for part in
        ["<!DOCTYPE html>", "<h2>Flights</h2>", "client_hello", "new_session_ticket", "certificate_verify", "</html>\n"]
    {
        contains(&page, part)?;
    }
    is_self_contained(&page)
}

/// Checks that a page runs no script and loads nothing.
fn is_self_contained(page: &str) -> Outcome {
    for part in ["<script", "<link", "<img", "<iframe", "src=", "href=", "url(", "@import", "javascript:"] {
        if page.contains(part) {
            return Err(format!("the page has {part:?}").into());
        }
    }
    Ok(())
}

fn invalid_hosts() -> Outcome {
    for place in ["https://localhost/", "localhost:https", ":443", "localhost:70000", ""] {
        let mut command = example("tlsclient")?;
        command.args(["--diagnose", place]);
        let ended = Running::start(command)?.finish()?;
        if ended.status.success() {
            return Err(format!("{place:?} is accepted").into());
        }
        contains(&ended.stderr, "expected HOST or HOST:PORT")?;
    }
    Ok(())
}
