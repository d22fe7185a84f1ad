//! A TLS client for experiments: fetches a page, or connects stdin and stdout to a server.
//!
//! ```text
//! cargo run --release -p strata-tls --example tlsclient -- --http / example.com
//! echo hello | cargo run --release -p strata-tls --example tlsclient -- \
//!   --port 8443 --cafile ca.pem localhost
//! ```

mod arguments;
mod cache;
mod connect;
mod ct_logs;
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
    let mut config = config(&arguments)?;
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
        let connected = connect::connect(&target.host, arguments.port, deadline)?;
        let mut session = ClientSession::new(config, target.name.clone()).context(&target.host)?;
        let early = EarlyData::send(early.clone(), &mut session).context("sending early data")?;
        Exchange::new(session, connected, deadline, arguments, left == 0, early).run(target, task)?;
    }
    Ok(())
}

fn config(arguments: &Arguments) -> Result<ClientConfig, Failure> {
    let mut verifier = ServerVerifier::new(arguments.trust.verifier(roots(arguments)?)?);
    if arguments.require_ocsp {
        verifier.set_ocsp_policy(OcspPolicy::Require);
    }
    if let Some(path) = &arguments.ct_logs {
        verifier.set_ct_policy(Some(ct_logs::read(path, arguments.ct_operators)?));
    }
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
    let identity = Identity::from_pem(&read(certs)?, &pem).context(format!(
        "cannot use --auth-certs {} with --auth-key {}",
        certs.display(),
        key.display()
    ))?;
    Ok(Some(identity))
}

fn roots(arguments: &Arguments) -> Result<RootCertStore, Failure> {
    if let Some(path) = &arguments.cafile {
        let pem = std::fs::read(path).context(format!("cannot read --cafile {}", path.display()))?;
        return strata_tls::root_store_from_pem(&pem).context(format!("--cafile {}", path.display()));
    }
    let system = strata_tls::system_roots().context("cannot load the system's trust anchors; use --cafile")?;
    for problem in &system.problems {
        eprintln!("tlsclient: warning: {problem}");
    }
    Ok(system.roots)
}
