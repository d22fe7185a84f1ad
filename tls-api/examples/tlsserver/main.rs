//! A TLS server for experiments: HTTP, echo, a sink that counts and hashes, or a forwarder to a
//! plain port. One thread serves thousands of connections.
//!
//! ```text
//! cargo run --release -p strata-tls --example tlsserver -- \
//!   --port 8443 --certs chain.pem --key key.pem http
//! curl --cacert ca.pem https://localhost:8443/
//! ```
//!
//! `--html page.html` writes a page about the last connection that ended: each flight with the
//! names and sizes of its messages, also of the encrypted ones.
//!
//! With the feature `redis`, several servers resume each other's sessions through a Redis
//! (`redis-server --port 6379 --save ""`). It stores either the sessions or only the ticket keys:
//!
//! ```text
//! tlsserver --port 8443 … --redis redis://127.0.0.1:6379 --resumption --max-early-data 16384 http
//! tlsserver --port 8444 … --redis redis://127.0.0.1:6379 --resumption --max-early-data 16384 http
//!
//! tlsserver --port 8443 … --redis redis://127.0.0.1:6379 --tickets --ticket-rotation 21600 http
//! ```
//!
//! This server blocks while it waits for the Redis. The example `fleet` does not.

mod arguments;
#[path = "../capture/mod.rs"]
#[allow(dead_code, unused_imports, reason = "tlsclient shows more of what is recorded")]
mod capture;
mod connection;
mod echo;
mod event_loop;
mod forward;
mod http;
#[path = "../options/mod.rs"]
mod options;
mod page;
mod service;
mod sink;
mod transfer;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use mio::net::TcpListener;
use strata_tls::{
    AllowAnyAnonymousOrAuthenticatedClient, AllowAnyAuthenticatedClient, ClientCertVerifier, Identity, ServerConfig,
    ServerSessionMemoryCache, SuitePreference, UnixTime,
};

#[cfg(feature = "redis")]
use strata_tls::redis::{Redis, RedisSessions, RedisTicketKeys};

use crate::arguments::{Arguments, Mode, Prefer};
use crate::capture::Secrets;
use crate::event_loop::EventLoop;
use crate::options::{Configure, Context, Failure, run_program};
use crate::page::Pages;

fn main() -> ExitCode {
    run_program("tlsserver", run)
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    arguments.protocol.start_logging();
    let mut config = config(&arguments)?;
    let pages = pages(&mut config, &arguments)?;
    let config = Arc::new(config);
    let address = SocketAddr::new(arguments.address, arguments.port);
    let listener =
        TcpListener::bind(address).context(format!("cannot listen on {address} (--port 0 takes a free port)"))?;
    let bound = listener.local_addr().context("the listening address")?;
    // Callers read the port from this line.
    println!("listening on {bound}");
    EventLoop::new(listener, config, arguments, pages)?.run()
}

/// Logs the secrets of connections in memory, to decrypt what --html records.
fn pages(config: &mut ServerConfig, arguments: &Arguments) -> Result<Option<Pages>, Failure> {
    let Some(path) = arguments.html.clone() else { return Ok(None) };
    let secrets = Arc::new(Secrets::before(arguments.protocol.key_log()?));
    config.set_key_log(Arc::clone(&secrets) as _);
    Ok(Some(Pages { path, secrets }))
}

fn config(arguments: &Arguments) -> Result<ServerConfig, Failure> {
    let mut config = ServerConfig::with_identities(identities(arguments)?);
    if let Some(verifier) = client_verifier(arguments)? {
        config.set_client_cert_verifier(verifier).context("--auth")?;
    }
    config.configure(&arguments.protocol)?;
    store_sessions(&mut config, arguments)?;
    if arguments.prefer == Prefer::Client {
        config.set_suite_preference(SuitePreference::Client);
    }
    config.set_send_half_rtt_data(arguments.half_rtt);
    config.set_ignore_invalid_server_name(arguments.ignore_invalid_server_name);
    config.validate().context("the options")?;
    Ok(config)
}

/// Loads the identities. --ocsp and --sct apply to the first.
fn identities(arguments: &Arguments) -> Result<Vec<Identity>, Failure> {
    let read = |path: &Path| std::fs::read(path).context(format!("cannot read {}", path.display()));
    if arguments.certs.len() != arguments.key.len() {
        return Err(Failure::new("each --certs needs the private key of its certificate: --key"));
    }
    let mut identities = Vec::new();
    for (certs, key) in arguments.certs.iter().zip(&arguments.key) {
        let key_pem = zeroize::Zeroizing::new(read(key)?);
        identities.push(Identity::from_bytes(&read(certs)?, &key_pem).context(format!(
            "cannot use --certs {} with --key {}",
            certs.display(),
            key.display()
        ))?);
    }
    if let Some(first) = identities.first_mut() {
        if let Some(path) = &arguments.ocsp {
            let response = read(path)?;
            match arguments.unchecked_ocsp {
                true => first.set_unchecked_ocsp_response(Some(response)),
                false => first.set_ocsp_response(&response, UnixTime::now()),
            }
            .context(format!("--ocsp {} (--unchecked-ocsp staples it as it is)", path.display()))?;
        }
        let scts = arguments.sct.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
        first.set_signed_certificate_timestamps(scts).context("--sct")?;
    }
    Ok(identities)
}

/// Configures resumption and early data.
fn store_sessions(config: &mut ServerConfig, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.resumption {
        config.set_session_storage(Arc::new(ServerSessionMemoryCache::new(SESSIONS)));
    }
    #[cfg(feature = "redis")]
    share_sessions(config, arguments)?;
    if let Some(tickets) = arguments.tls13_tickets {
        config.set_send_tls13_tickets(tickets);
    }
    if let Some(seconds) = arguments.ticket_lifetime {
        config.set_ticket_lifetime(seconds);
    }
    if arguments.no_resumption {
        config.disable_resumption();
    }
    let Some(bytes) = arguments.max_early_data else { return Ok(()) };
    if !arguments.resumption {
        return Err(Failure::new("--max-early-data needs a session store, which detects reuse: --resumption"));
    }
    if matches!(arguments.mode, Mode::Forward { .. }) {
        return Err(Failure::new("--max-early-data is not allowed with forward: forwarded data cannot be taken back"));
    }
    config.set_max_early_data_size(bytes);
    Ok(())
}

/// Shares sessions or ticket keys in --redis.
#[cfg(feature = "redis")]
fn share_sessions(config: &mut ServerConfig, arguments: &Arguments) -> Result<(), Failure> {
    let Some(url) = &arguments.redis else { return Ok(()) };
    let mut redis = Redis::new(url.as_str()).context("--redis")?;
    redis.set_timeout(arguments.redis_timeout);
    if arguments.resumption {
        config.set_session_storage(Arc::new(RedisSessions::new(Arc::new(redis))));
    } else {
        let keys = RedisTicketKeys::start(Arc::new(redis), arguments.ticket_rotation).context("--ticket-rotation")?;
        config.set_ticketer(Arc::new(keys));
    }
    Ok(())
}

/// The number of sessions stored in memory.
const SESSIONS: usize = 32 * 1024;

/// Returns the verifier of client certificates for --auth.
fn client_verifier(arguments: &Arguments) -> Result<Option<Arc<dyn ClientCertVerifier>>, Failure> {
    let Some(path) = &arguments.auth else {
        return match arguments.require_auth {
            true => Err(Failure::new("--require-auth needs trust anchors: --auth CA.pem")),
            false => Ok(None),
        };
    };
    let pem = std::fs::read(path).context(format!("cannot read --auth {}", path.display()))?;
    let roots = strata_tls::root_store_from_bytes(&pem).context(format!("--auth {}", path.display()))?;
    let chain = arguments.trust.verifier(roots)?;
    Ok(Some(match arguments.require_auth {
        true => Arc::new(AllowAnyAuthenticatedClient::new(chain)),
        false => Arc::new(AllowAnyAnonymousOrAuthenticatedClient::new(chain)),
    }))
}
