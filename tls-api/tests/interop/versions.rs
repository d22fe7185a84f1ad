//! Version negotiation with OpenSSL, and the rejection of peers with only old versions or
//! algorithms.

use libtest_mimic::Trial;

use crate::certificates::Kind;
use crate::openssl_client::client_of_any_version;
use crate::openssl_server::{OpensslServer, client};
use crate::processes::{AfterFeed, Server};
use crate::programs::Program;
use crate::{Outcome, contains, trial};

const NEEDS: &[Program] = &[Program::Openssl];

/// A set of enabled versions: its name, the options of our programs, and those of OpenSSL.
type Enabled = (&'static str, &'static [&'static str], &'static [&'static str]);

const ENABLED: [Enabled; 3] =
    [("1.2", &["--protover", "1.2"], &["-tls1_2"]), ("1.3", &["--protover", "1.3"], &["-tls1_3"]), ("both", &[], &[])];

/// The newest common version, if any.
fn common(ours: &str, theirs: &str) -> Option<&'static str> {
    match (ours, theirs) {
        ("both" | "1.3", "both" | "1.3") => Some("TLSv1.3"),
        ("both" | "1.2", "both" | "1.2") => Some("TLSv1.2"),
        _ => None,
    }
}

/// An unsupported version or algorithm: its name, OpenSSL's options, the server's key type, the
/// alert, and the word in our error.
type Old = (&'static str, &'static [&'static str], Kind, &'static str, &'static str);

const OLD_CLIENTS: [Old; 6] = [
    ("tls1_0", &["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"], Kind::Rsa, "protocol version", "TLSv1.0"),
    ("tls1_1", &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], Kind::Rsa, "protocol version", "TLSv1.1"),
    (
        "cbc",
        &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"],
        Kind::Rsa,
        "handshake failure",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    ),
    (
        "rsa_key_exchange",
        &["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
        Kind::Rsa,
        "handshake failure",
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
    ),
    (
        "finite_field_dh",
        &["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"],
        Kind::Rsa,
        "handshake failure",
        "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    ),
    (
        "sha1_signatures",
        &["-tls1_2", "-cipher", "DEFAULT@SECLEVEL=0", "-sigalgs", "RSA+SHA1"],
        Kind::Rsa,
        "handshake failure",
        "rsa_pkcs1_sha1",
    ),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for ours in ENABLED {
        for theirs in ENABLED {
            let pair = format!("ours_{}_theirs_{}", ours.0, theirs.0);
            trials.push(trial(format!("versions::openssl_client::{pair}"), NEEDS, move || from_us(ours, theirs)));
            trials.push(trial(format!("versions::openssl_server::{pair}"), NEEDS, move || to_us(ours, theirs)));
        }
    }
    for old in OLD_CLIENTS {
        trials.push(trial(format!("versions::old_client::{}", old.0), NEEDS, move || old_client(old)));
        if old.0 != "sha1_signatures" {
            trials.push(trial(format!("versions::old_server::{}", old.0), NEEDS, move || old_server(old)));
        }
    }
    trials.push(trial("versions::unnecessary_fallback_is_rejected", NEEDS, fallback));
    trials
}

fn from_us((ours, our_options, _): Enabled, (theirs, _, their_options): Enabled) -> Outcome {
    let server = Server::start(Kind::EcdsaP256, our_options, &["http"])?;
    let mut client = client_of_any_version(&server, their_options)?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    match common(ours, theirs) {
        Some(version) => contains(&client.succeed()?.text(), &format!("version: {version}\n")),
        None => {
            contains(&client.finish()?.stderr, "protocol version")?;
            // The error contains both lists.
            server.running.stderr.wait_for("no common protocol version")?;
            server.running.stderr.wait_for("TLSv1.2")?;
            Ok(server.running.stderr.wait_for("TLSv1.3")?)
        }
    }
}

fn to_us((ours, our_options, _): Enabled, (theirs, _, their_options): Enabled) -> Outcome {
    let server = OpensslServer::start_any_version(Kind::EcdsaP256, &[&["-www"], their_options].concat())?;
    let client = client(server.port, &[&["--verbose", "--http", "/"], our_options].concat())?;
    match common(ours, theirs) {
        Some(version) => contains(&client.succeed()?.stderr, &format!("established: {version},")),
        None => contains(&client.finish()?.stderr, "protocol_version"),
    }
}

fn old_client((_, options, kind, alert, named): Old) -> Outcome {
    let server = Server::start(kind, &[], &["http"])?;
    let ended = client_of_any_version(&server, options)?.finish()?;
    contains(&ended.stderr, alert)?;
    Ok(server.running.stderr.wait_for(named)?)
}

/// The server rejects tlsclient, which reports the alert.
fn old_server((_, options, kind, alert, _): Old) -> Outcome {
    let server = OpensslServer::start_any_version(kind, &[&["-www"], options].concat())?;
    let ended = client(server.port, &["--http", "/"])?.finish()?;
    if ended.status.code() != Some(1) {
        return Err(format!("it ended with {}", ended.status).into());
    }
    contains(&ended.stderr, &alert.replace(' ', "_"))
}

/// RFC 7507: an unnecessary fallback is rejected.
fn fallback() -> Outcome {
    let server = Server::start(Kind::EcdsaP256, &[], &["http"])?;
    let ended = client_of_any_version(&server, &["-tls1_2", "-fallback_scsv"])?.finish()?;
    contains(&ended.stderr, "inappropriate fallback")?;
    server.running.stderr.wait_for("possible downgrade attack")?;
    let server = Server::start(Kind::EcdsaP256, &["--protover", "1.2"], &["http"])?;
    let mut client = client_of_any_version(&server, &["-tls1_2", "-fallback_scsv"])?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    contains(&client.succeed()?.text(), "version: TLSv1.2\n")
}
