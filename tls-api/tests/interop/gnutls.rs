//! `gnutls-cli` as the client of tlsserver.

use libtest_mimic::Trial;

use crate::certificates::{Kind, ca_file};
use crate::processes::{AfterFeed, Running, Server};
use crate::programs::Program;
use crate::{GROUPS, Outcome, SUITES, contains, trial};

const NEEDS: &[Program] = &[Program::GnutlsCli];

/// OpenSSL generates the keys that rcgen cannot.
const WITH_KEYS: &[Program] = &[Program::GnutlsCli, Program::Openssl];

pub(crate) fn trials() -> Vec<Trial> {
    let suites = SUITES.map(|(suite, theirs)| {
        trial(format!("gnutls_client::suite::{suite}"), NEEDS, move || {
            let page = fetch(Kind::EcdsaP256, &[], &priority(&format!(":-CIPHER-ALL:+{theirs}")))?;
            contains(&page, &format!("cipher suite: {suite}\n"))
        })
    });
    let groups = GROUPS.map(|(group, _, theirs)| {
        trial(format!("gnutls_client::group::{group}"), NEEDS, move || {
            let page = fetch(Kind::EcdsaP256, &[], &priority(&format!(":-GROUP-ALL:+GROUP-{theirs}")))?;
            contains(&page, &format!("group: {group}\n"))
        })
    });
    let kinds = Kind::ALL.map(|kind| {
        trial(format!("gnutls_client::certificate::{}", kind.name()), WITH_KEYS, move || {
            contains(&fetch(kind, &[], &priority(""))?, "The certificate is trusted")
        })
    });
    let mut trials = vec![
        trial("gnutls_client::hello_retry_request", NEEDS, || {
            hello_retry("secp384r1", ":+GROUP-SECP521R1:+GROUP-FFDHE2048:+GROUP-SECP384R1")
        }),
        trial("gnutls_client::hello_retry_request_for::secp256r1", NEEDS, || {
            hello_retry("secp256r1", ":+GROUP-SECP521R1:+GROUP-FFDHE2048:+GROUP-SECP256R1")
        }),
        trial("gnutls_client::alpn", NEEDS, || {
            let options = [priority(""), vec!["--alpn".into(), "other".into(), "--alpn".into(), "http/1.1".into()]];
            contains(&fetch(Kind::EcdsaP256, &["--proto", "http/1.1"], &options.concat())?, "protocol: http/1.1\n")
        }),
    ];
    trials.extend(suites.into_iter().chain(groups).chain(kinds));
    trials
}

fn priority(more: &str) -> Vec<String> {
    vec!["--priority".into(), format!("NORMAL:-VERS-ALL:+VERS-TLS1.3{more}")]
}

/// A gnutls-cli that verifies the server and whose stdin stays open.
pub(crate) fn client(port: u16, options: &[String]) -> Result<Running, String> {
    let mut command = Program::GnutlsCli.command();
    command.args(["--port", &port.to_string(), "--sni-hostname", "localhost", "--verify-hostname", "localhost"]);
    command.arg("--x509cafile").arg(ca_file()?).args(options).arg("127.0.0.1");
    Running::start(command)
}

fn fetch(kind: Kind, server_options: &[&str], options: &[String]) -> Result<String, String> {
    let server = Server::start(kind, server_options, &["http"])?;
    let mut client = client(server.port, options)?;
    client.feed(b"GET / HTTP/1.0\n\n".to_vec(), AfterFeed::StaysOpen)?;
    client.stdout.wait_for("Peer has closed the GnuTLS connection")?;
    let text = client.stdout.text();
    server.expect_no_errors()?;
    Ok(text)
}

/// gnutls-cli sends shares for the first two groups of its list.
fn hello_retry(group: &str, theirs: &str) -> Outcome {
    let page = fetch(Kind::EcdsaP256, &["--group", group], &priority(&format!(":-GROUP-ALL{theirs}")))?;
    contains(&page, &format!("group: {group}\nhandshake: FullWithHelloRetryRequest\n"))
}
