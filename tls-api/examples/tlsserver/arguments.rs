//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::options::{ProtocolOptions, TrustOptions};

/// A TLS server for experiments
#[derive(Debug, Parser)]
#[command(name = "tlsserver", version)]
pub(crate) struct Arguments {
    /// The port to listen on. 0 takes a free port; the program prints it
    #[arg(long, value_name = "N", default_value_t = 8443)]
    pub(crate) port: u16,

    /// The address to listen on. 0.0.0.0 or :: for all
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) address: IpAddr,

    /// The server's end-entity certificate, then the intermediates. Repeatable with --key: the
    /// server presents the first certificate that the client can verify
    #[arg(long, value_name = "PEM", required = true)]
    pub(crate) certs: Vec<PathBuf>,

    /// The certificate's private key (PKCS#8, SEC1 or PKCS#1)
    #[arg(long, value_name = "PEM", required = true)]
    pub(crate) key: Vec<PathBuf>,

    /// Request a certificate from clients. Accepts certificates of the CAs in this file, and
    /// clients without a certificate
    #[arg(long, value_name = "CA.pem")]
    pub(crate) auth: Option<PathBuf>,

    /// Reject clients without a certificate. Needs --auth
    #[arg(long)]
    pub(crate) require_auth: bool,

    /// Staple this OCSP response (DER or PEM) to the first certificate. It must be one that
    /// clients accept now
    #[arg(long, value_name = "FILE")]
    pub(crate) ocsp: Option<PathBuf>,

    /// Staple the file of --ocsp as it is, even if it is no valid OCSP response
    #[arg(long, requires = "ocsp")]
    pub(crate) unchecked_ocsp: bool,

    /// Send this SCT in the TLS extension for the first certificate, as a log returned it.
    /// Repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) sct: Vec<PathBuf>,

    /// Store sessions in memory, or in --redis, instead of in tickets
    #[arg(long)]
    pub(crate) resumption: bool,

    /// Issue tickets that hold the session. Default, unless --resumption is given
    #[arg(long)]
    pub(crate) tickets: bool,

    /// Do not resume sessions
    #[arg(long, conflicts_with_all = ["resumption", "tickets"])]
    pub(crate) no_resumption: bool,

    /// Send N tickets after each TLS 1.3 handshake
    #[arg(long, value_name = "N")]
    pub(crate) tls13_tickets: Option<u8>,

    /// Accept a ticket or session ID for this long
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ticket_lifetime: Option<u32>,

    /// Accept up to N bytes of early data (0-RTT) per connection. Needs --resumption. Not allowed
    /// with forward, whose backend could act on it before the handshake completes
    #[arg(long, value_name = "N")]
    pub(crate) max_early_data: Option<u32>,

    /// Respond to early data before the handshake completes
    #[arg(long, requires = "max_early_data")]
    pub(crate) half_rtt: bool,

    /// Treat an invalid server name (SNI) as absent instead of rejecting the client
    #[arg(long)]
    pub(crate) ignore_invalid_server_name: bool,

    /// Prefer the cipher suite order of this side
    #[arg(long, value_enum, value_name = "SIDE", default_value = "server")]
    pub(crate) prefer: Prefer,

    /// Share resumption with other servers in this Redis: sessions with --resumption, otherwise the
    /// ticket keys
    #[cfg(feature = "redis")]
    #[arg(long, value_name = "redis://HOST:PORT", conflicts_with = "no_resumption")]
    pub(crate) redis: Option<String>,

    /// Wait this long for the Redis, then continue with a full handshake
    #[cfg(feature = "redis")]
    #[arg(long, value_name = "SECONDS", default_value = "0.1", requires = "redis", value_parser = seconds)]
    pub(crate) redis_timeout: Duration,

    /// Replace the shared ticket key after this long
    #[cfg(feature = "redis")]
    #[arg(long, value_name = "SECONDS", default_value_t = 6 * 60 * 60, requires = "redis")]
    pub(crate) ticket_rotation: u32,

    /// Write an HTML page about each connection to FILE when it ends, in place of the one before:
    /// its flights with the names and sizes of their messages. Keeps the secrets of connections in
    /// memory
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Limit the time of the handshake, of a request and of silence
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
    /// Send received data back
    Echo,
    /// Serve one GET or HEAD: a page about the connection, or N bytes for /bytes/N (0, 1, … 250, 0,
    /// 1, …)
    Http,
    /// Read until the client sends close_notify, then send the byte count and the SHA-256
    Sink,
    /// Forward to a plain TCP port on localhost
    Forward {
        /// The port to connect to
        port: u16,
    },
}

fn seconds(word: &str) -> Result<Duration, String> {
    word.parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero() && *time <= DAY)
        .ok_or_else(|| "expected a number of seconds above 0 and at most 86400, like 30 or 0.5".into())
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
