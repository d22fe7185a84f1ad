//! A TLS client for experiments: fetches a page, or connects stdin and stdout to a server.
//!
//! ```text
//! cargo run --release -p strata-tls --example tlsclient -- --http / example.com
//! echo hello | cargo run --release -p strata-tls --example tlsclient -- \
//!   --port 8443 --cafile ca.pem localhost
//! cargo run --release -p strata-tls --example tlsclient -- --diagnose example.com:443
//! ```
//!
//! # `--diagnose --json`
//!
//! One object. Its keys are stable: later versions may add keys and values, but do not change the
//! meaning of those that exist. What is unknown is `null`. Times are in milliseconds, sizes in
//! bytes, dates like `2026-01-31 00:00:00 UTC`.
//!
//! | key | value |
//! |---|---|
//! | `format` | 1 |
//! | `host`, `port`, `name`, `address`, `time` | what was tested, and when; `name` is what the certificate must match |
//! | `result` | `ok`, `warning` or `problem` |
//! | `verdict` | the result in one sentence |
//! | `findings` | problems first: `level` (`problem`, `warning`, `note`), `code`, `what`, `advice` |
//! | `connection` | the first connection: `established`, `tcp_ms`, `tls_ms`, `version`, `cipher_suite`, `group`, `hello_retry_request`, `signature_scheme`, `alpn`, `alpn_of_h2_and_http1`, `record_size_limit`, `record_send_limit`, `record_receive_limit`, `client_certificate_requested`, `alert` |
//! | `certificates` | as sent, each with `verdict` (`accepted`, `not_needed`, `no_fault_found`, `failed`), `check` and `reason` (if it failed), `subject`, `issuer`, `issuer_certificate` (`self`, `sent`, `trust_anchor`, `missing`), `not_before`, `not_after`, `names`, `name_count`, `is_ca`, `key`, `signature`, `serial`, `sha256`, `pin`, `embedded_scts`, `must_staple` |
//! | `ocsp` | `stapled`, `status` (`none`, `good`, `bad`, `not_checked`), `reason` |
//! | `scts_in_extension` | their number |
//! | `resumption` | `tls13_ticket`, `tls12_ticket`, `tls12_session_id` (each `yes`, `nothing_to_resume`, `full_handshake` or `not_tested`), `ticket_lifetime_s`, `early_data_bytes` |
//! | `accepts` | `versions`, `cipher_suites`, `groups`, `signature_schemes`: lists of `name`, `answer` (`accepted`, `refused`, `closed`, `silent`, `not_tested`), `alert`, and for the last two `version`; what is accepted and not supported here: `unsupported_cipher_suites`, `unsupported_groups`, `unsupported_signature_schemes`; `preferred_group`, `max_fragment_length` |
//! | `flights` | `from` (`client`, `server`), `first_ms`, `last_ms`, `bytes`, `records`, `messages`: each `name`, `bytes`, `note`, `protection` (`clear`, `decrypted`, `opaque`) |
//! | `connections`, `connection_limit` | how many connections were made, and the limit |
//!
//! Values of `code`, and of `check`, are names like `expired`, `wrong_name`, `unknown_ca`,
//! `self_signed`, `missing_intermediate`, `revoked`, `not_tls`, `connection_refused`, `silent`,
//! `reset`, `alert`, `only_unsupported`.

mod arguments;
mod cache;
#[path = "../capture/mod.rs"]
mod capture;
mod connect;
mod ct_logs;
mod diagnose;
mod exchange;
mod input;
#[path = "../options/mod.rs"]
mod options;
mod response;

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use strata_tls::{
    ClientConfig, ClientSession, Identity, NoClientSessionStorage, OcspPolicy, RootCertStore, ServerVerifier,
};

use crate::arguments::{Arguments, Target};
use crate::cache::Cache;
use crate::exchange::{EarlyData, Exchange, Task};
use crate::options::{Configure, Context, Failure, run_program};

fn main() -> ExitCode {
    run_program("tlsclient", run)
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    arguments.protocol.start_logging();
    let target = arguments.target()?;
    let cache = arguments.cache.as_deref().map(Cache::load).transpose()?;
    let verifier = verifier(&arguments)?;
    let mut config = config(&arguments, verifier.clone())?;
    if arguments.diagnose.is_some() {
        return diagnose::run(&arguments, &target, config, &verifier);
    }
    if let Some(cache) = &cache {
        config.set_session_storage(cache.sessions());
    }
    let config = Arc::new(config);
    let result = connections(&arguments, &target, &config);
    // A failed connection may have added or removed sessions too.
    let saved = cache.map_or(Ok(()), Cache::save);
    result.and(saved)
}

/// Makes the connections, one after another.
fn connections(arguments: &Arguments, target: &Target, config: &Arc<ClientConfig>) -> Result<(), Failure> {
    let early = match &arguments.early_data {
        Some(path) => std::fs::read(path).context(format!("cannot read --early-data {}", path.display()))?,
        None => Vec::new(),
    };
    let mut stdin = Vec::new();
    if arguments.connections > 1 && target.path.is_none() {
        // Each connection sends it.
        std::io::stdin().read_to_end(&mut stdin).context("cannot read stdin")?;
    }
    for left in (0..arguments.connections).rev() {
        let task = match &target.path {
            Some(path) => Task::Page(path.clone()),
            None if arguments.connections > 1 => Task::Bytes(stdin.clone()),
            None => Task::Stdin,
        };
        let deadline = Instant::now() + arguments.timeout;
        let connected = connect::connect(&target.host, target.port, deadline)?;
        let mut session = ClientSession::new(config, target.name.clone()).context(&target.host)?;
        let early = EarlyData::send(early.clone(), &mut session).context("sending early data")?;
        Exchange::new(session, connected, deadline, arguments, left == 0, early).run(target, task)?;
    }
    Ok(())
}

fn verifier(arguments: &Arguments) -> Result<ServerVerifier, Failure> {
    let mut verifier = ServerVerifier::new(arguments.trust.verifier(roots(arguments)?)?);
    if arguments.require_ocsp {
        verifier.set_ocsp_policy(OcspPolicy::Require);
    }
    if let Some(path) = &arguments.ct_logs {
        verifier.set_ct_policy(Some(ct_logs::read(path, arguments.ct_operators)?));
    }
    Ok(verifier)
}

fn config(arguments: &Arguments, verifier: ServerVerifier) -> Result<ClientConfig, Failure> {
    let mut config = ClientConfig::with_server_verifier(verifier);
    config.configure(&arguments.protocol)?;
    config.set_server_name_indication(!arguments.no_sni);
    if let Some(identity) = identity(arguments)? {
        config.set_client_identity(identity);
    }
    config.set_tickets(!arguments.no_tickets);
    config.enable_early_data(arguments.early_data.is_some());
    config.set_max_fragment_length(arguments.max_fragment_length).context("--max-fragment-length")?;
    config.set_allow_missing_renegotiation_info(arguments.allow_missing_renegotiation_info);
    if arguments.no_ocsp_request {
        config.set_ocsp_request(false);
    }
    if arguments.sct_request {
        config.set_sct_request(true);
    }
    if arguments.no_resumption {
        config.set_session_storage(Arc::new(NoClientSessionStorage));
    }
    config.validate().context("the options")?;
    Ok(config)
}

/// Returns the identity to present to servers that request a certificate.
fn identity(arguments: &Arguments) -> Result<Option<Identity>, Failure> {
    let (certs, key) = match (&arguments.auth_certs, &arguments.auth_key) {
        (Some(certs), Some(key)) => (certs, key),
        (None, None) => return Ok(None),
        (Some(_), None) => {
            return Err(Failure::new("--auth-certs needs the private key of its certificate: --auth-key FILE"));
        }
        (None, Some(_)) => return Err(Failure::new("--auth-key needs the certificate of its key: --auth-certs FILE")),
    };
    let read = |path: &Path| std::fs::read(path).context(format!("cannot read {}", path.display()));
    let pem = zeroize::Zeroizing::new(read(key)?);
    let identity = Identity::from_bytes(&read(certs)?, &pem).context(format!(
        "cannot use --auth-certs {} with --auth-key {}",
        certs.display(),
        key.display()
    ))?;
    Ok(Some(identity))
}

fn roots(arguments: &Arguments) -> Result<RootCertStore, Failure> {
    if let Some(path) = &arguments.cafile {
        let pem = std::fs::read(path).context(format!("cannot read --cafile {}", path.display()))?;
        return strata_tls::root_store_from_bytes(&pem).context(format!("--cafile {}", path.display()));
    }
    let system = strata_tls::system_roots().context("cannot load the system's trust anchors; use --cafile")?;
    for problem in &system.problems {
        eprintln!("tlsclient: warning: {problem}");
    }
    Ok(system.roots)
}
