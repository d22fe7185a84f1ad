//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::options::{ProtocolOptions, TrustOptions};

/// A TLS server for trying things out
#[derive(Debug, Parser)]
#[command(name = "tlsserver", version)]
pub(crate) struct Arguments {
    /// The port to listen on; 0 takes a free one, which is printed
    #[arg(long, value_name = "N", default_value_t = 8443)]
    pub(crate) port: u16,

    /// The address to listen on; 0.0.0.0 or :: for all
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) address: IpAddr,

    /// The server's certificate and the intermediate ones after it; repeat it, with --key, for a certificate of another kind, of
    /// which a client is shown the first that it can verify
    #[arg(long, value_name = "PEM", required = true)]
    pub(crate) certs: Vec<PathBuf>,

    /// The certificate's private key (PKCS#8, SEC1 or PKCS#1)
    #[arg(long, value_name = "PEM", required = true)]
    pub(crate) key: Vec<PathBuf>,

    /// Ask clients for a certificate, and accept those of this file's authorities, and clients that have none
    #[arg(long, value_name = "CA.pem")]
    pub(crate) auth: Option<PathBuf>,

    /// Refuse clients that show no certificate; needs --auth
    #[arg(long)]
    pub(crate) require_auth: bool,

    /// Staple this OCSP response to the (first) certificate
    #[arg(long, value_name = "DER")]
    pub(crate) ocsp: Option<PathBuf>,

    /// Send this signed certificate timestamp, as a log gave it, beside the certificate; repeat it for more
    #[arg(long, value_name = "FILE")]
    pub(crate) sct: Vec<PathBuf>,

    /// Keep sessions in memory (or where --redis says), for clients to resume by their ids, instead of giving them tickets
    #[arg(long)]
    pub(crate) resumption: bool,

    /// Give clients their sessions to keep, in tickets: what is done anyhow, unless --resumption says otherwise
    #[arg(long)]
    pub(crate) tickets: bool,

    /// Resume no sessions
    #[arg(long, conflicts_with_all = ["resumption", "tickets"])]
    pub(crate) no_resumption: bool,

    /// How many tickets a client of TLS 1.3 gets after each handshake
    #[arg(long, value_name = "N")]
    pub(crate) tls13_tickets: Option<u8>,

    /// For how long one ticket or session id can be used
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ticket_lifetime: Option<u32>,

    /// Accept up to N bytes of early data (0-RTT), each once; needs --resumption. Not for forward: what is passed on might do
    /// something that must not happen before the handshake
    #[arg(long, value_name = "N")]
    pub(crate) max_early_data: Option<u32>,

    /// Answer early data before the handshake is complete
    #[arg(long, requires = "max_early_data")]
    pub(crate) half_rtt: bool,

    /// Serve clients that ask for a name that is no host name as if they had asked for none
    #[arg(long)]
    pub(crate) ignore_invalid_server_name: bool,

    /// Whose order of cipher suites counts
    #[arg(long, value_enum, value_name = "SIDE", default_value = "server")]
    pub(crate) prefer: Prefer,

    /// Share with a fleet what clients resume by, in this Redis: the sessions, with --resumption, and otherwise the keys of tickets
    #[arg(long, value_name = "redis://HOST:PORT", conflicts_with = "no_resumption")]
    pub(crate) redis: Option<String>,

    /// How long a handshake may wait for the Redis before it becomes a full one
    #[arg(long, value_name = "SECONDS", default_value = "0.1", requires = "redis", value_parser = seconds)]
    pub(crate) redis_timeout: Duration,

    /// How long the fleet seals tickets with the same key
    #[arg(long, value_name = "SECONDS", default_value_t = 6 * 60 * 60, requires = "redis",
        value_parser = clap::value_parser!(u64).range(1..=7 * 24 * 60 * 60))]
    pub(crate) ticket_rotation: u64,

    /// How long a peer may be silent, take for its handshake, or for its request
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,

    #[command(flatten)]
    pub(crate) trust: TrustOptions,

    #[command(flatten)]
    pub(crate) protocol: ProtocolOptions,

    /// What to do with each connection
    #[command(subcommand)]
    pub(crate) mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prefer {
    Server,
    Client,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Mode {
    /// Send back what comes
    Echo,
    /// Answer one GET or HEAD: a page about the connection, or N bytes for /bytes/N (0, 1, … 250, 0, 1, …)
    Http,
    /// Read until the client closes its side, then answer with the count of bytes and their SHA-256
    Sink,
    /// Pass everything on to a plain TCP port of this machine, and back
    Forward {
        /// The port to connect to
        port: u16,
    },
}

fn seconds(word: &str) -> Result<Duration, String> {
    word.parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero() && *time <= A_DAY)
        .ok_or_else(|| "a number of seconds above 0, at most a day, like 30 or 0.5".into())
}

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
