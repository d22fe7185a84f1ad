//! Interoperability tests: the example programs and the library with installed peers, over real
//! sockets.
//!
//! The peers are `openssl`, `curl`, `gnutls-cli`, `gnutls-serv`, `certtool`, `node`, `java`,
//! `keytool`, `ssh-keygen`, `sslscan`, `nginx`, `redis-server`, `chromium`, and those that `.ci/run
//! setup` installs in the target folder: aioquic, pyOpenSSL, grpcio, Go, Node 24, `uv` and `deno`.
//! Tests of a missing peer are reported as ignored, with the reason. With `TLS_INTEROP_REQUIRED=1`
//! in the environment they fail.

mod certificates;
mod client_certificates;
mod closing;
#[cfg(all(unix, feature = "quinn", feature = "post-quantum"))]
#[path = "../quinn/counting.rs"]
mod counting;
mod curl;
mod diagnose;
mod exporters;
mod files;
#[cfg(feature = "redis")]
mod fleet;
mod gnutls;
mod http;
mod key_update;
mod node_and_java;
mod ocsp;
mod openssl_client;
mod openssl_server;
#[cfg(feature = "post-quantum")]
mod post_quantum;
mod processes;
mod programs;
#[cfg(feature = "quinn")]
mod quic;
mod record_limits;
mod resumption;
mod robustness;
mod settings;
mod sslscan;
mod test_server;
mod tls12;
mod trust;
mod versions;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::programs::Program;

/// The result of a test, with the reason of a failure.
type Outcome = Result<(), Failed>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = [
        openssl_client::trials(),
        openssl_server::trials(),
        curl::trials(),
        gnutls::trials(),
        key_update::trials(),
        closing::trials(),
        robustness::trials(),
        http::trials(),
        tls12::trials(),
        client_certificates::trials(),
        versions::trials(),
        exporters::trials(),
        node_and_java::trials(),
        #[cfg(feature = "post-quantum")]
        post_quantum::trials(),
        sslscan::trials(),
        #[cfg(feature = "redis")]
        fleet::trials(),
        #[cfg(feature = "quinn")]
        quic::trials(),
        resumption::trials(),
        ocsp::trials(),
        trust::trials(),
        settings::trials(),
        diagnose::trials(),
        files::trials(),
        record_limits::trials(),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials.into_iter().flatten().collect());
    certificates::remove();
    conclusion.exit_code()
}

/// A test that needs the programs `needs`.
fn trial(name: impl Into<String>, needs: &'static [Program], run: impl FnOnce() -> Outcome + Send + 'static) -> Trial {
    Trial::ignorable_test(name, move || {
        let missing: Vec<&str> = needs.iter().filter(|program| !program.is_installed()).map(|p| p.name()).collect();
        if missing.is_empty() {
            run().map(|()| Completion::Completed)
        } else if std::env::var_os("TLS_INTEROP_REQUIRED").is_some_and(|value| value == "1") {
            Err(format!("{} must be installed where TLS_INTEROP_REQUIRED=1 is set", missing.join(" and ")).into())
        } else {
            Ok(Completion::ignored_with(format!("{} is not installed", missing.join(" and "))))
        }
    })
}

/// A path as an argument of a command.
fn path_text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))
}

/// Checks that `text` contains `wanted`.
fn contains(text: &str, wanted: &str) -> Outcome {
    if text.contains(wanted) { Ok(()) } else { Err(format!("no {wanted:?} in:\n{text}").into()) }
}

/// The TLS 1.3 cipher suites with GnuTLS's names of their ciphers.
const SUITES: [(&str, &str); 3] = [
    ("TLS_AES_128_GCM_SHA256", "AES-128-GCM"),
    ("TLS_AES_256_GCM_SHA384", "AES-256-GCM"),
    ("TLS_CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
];

/// The named groups by their RFC, OpenSSL and GnuTLS names.
const GROUPS: [(&str, &str, &str); 3] =
    [("x25519", "X25519", "X25519"), ("secp256r1", "P-256", "SECP256R1"), ("secp384r1", "P-384", "SECP384R1")];

/// The number of bytes in bulk transfers.
const BULK_LENGTH: usize = 64 * 1024 * 1024;

/// The bytes 0, 1, … 250, 0, … that `/bytes/N` serves. Their period divides no record length.
fn bulk_data() -> Vec<u8> {
    (0..=250).cycle().take(BULK_LENGTH).collect()
}

/// A checksum to compare bulk data.
fn checksum(bytes: &[u8]) -> String {
    tls_crypto::HashAlgorithm::Sha256.hash(bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
