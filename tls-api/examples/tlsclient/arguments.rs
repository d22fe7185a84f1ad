//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use strata_tls::ServerName;

use crate::options::{Context, Failure, ProtocolOptions, TrustOptions};

/// A TLS client: fetches a page, or connects stdin and stdout to a server
#[derive(Debug, Parser)]
#[command(name = "tlsclient", version)]
pub(crate) struct Arguments {
    /// The server's port
    #[arg(long, value_name = "N", default_value_t = 443)]
    port: u16,

    /// Fetch PATH over HTTP/1.1 and print the response with its head. PATH defaults to /
    #[arg(long, value_name = "PATH", num_args = 0..=1)]
    http: Option<Option<String>>,

    /// Find out what a server offers and what is wrong with it, and print a report: verdict, what
    /// to do, certificates, versions, cipher suites, groups, signature schemes, resumption,
    /// flights. Makes at most 64 connections, one after another, each within --timeout, and sends
    /// no data. Exits with status 1 if there is a problem
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with_all = ["http", "host", "connections", "early_data", "cache", "no_resumption"])]
    pub(crate) diagnose: Option<String>,

    /// Print the report of --diagnose as JSON
    #[arg(long, requires = "diagnose")]
    pub(crate) json: bool,

    /// Write the report of --diagnose to FILE as one HTML page, with the handshake as a timeline
    #[arg(long, value_name = "FILE", requires = "diagnose")]
    pub(crate) html: Option<PathBuf>,

    /// Trust the CAs in this file instead of the system's
    #[arg(long, value_name = "PEM")]
    pub(crate) cafile: Option<PathBuf>,

    /// Present this certificate to servers that request one. The file holds the end-entity
    /// certificate, then the intermediates. Needs --auth-key
    #[arg(long, value_name = "FILE")]
    pub(crate) auth_certs: Option<PathBuf>,

    /// The private key of --auth-certs (PEM: PKCS#8, SEC1 or PKCS#1)
    #[arg(long, value_name = "FILE")]
    pub(crate) auth_key: Option<PathBuf>,

    /// Do not send the server name (SNI)
    #[arg(long)]
    pub(crate) no_sni: bool,

    /// Expect a certificate for this name or IP address instead of HOST
    #[arg(long, value_name = "NAME")]
    servername: Option<String>,

    /// Send close_notify at the end of the input. Default: true in TLS 1.3; false in TLS 1.2, where
    /// a server may discard its response when it receives close_notify
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) half_close: Option<bool>,

    /// Make N connections one after another and send the input on each. Print only what the last
    /// one receives. Later connections resume sessions of earlier ones
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,

    /// Store sessions in FILE and resume sessions from it. FILE holds secrets; only its owner can
    /// read it
    #[arg(long, value_name = "FILE")]
    pub(crate) cache: Option<PathBuf>,

    /// Do not accept tickets. Only TLS 1.2 servers that store sessions can resume then
    #[arg(long)]
    pub(crate) no_tickets: bool,

    /// Do not store sessions. Every handshake is full
    #[arg(long, conflicts_with_all = ["cache", "early_data"])]
    pub(crate) no_resumption: bool,

    /// Send the contents of FILE first, as early data (0-RTT) if a session allows it. An attacker
    /// can replay early data
    #[arg(long, value_name = "FILE")]
    pub(crate) early_data: Option<PathBuf>,

    /// Limit the time for connecting and the handshake
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// The server, by name or IP address
    host: Option<String>,

    /// Reject servers that do not staple an OCSP response with the status good
    #[arg(long)]
    pub(crate) require_ocsp: bool,

    /// Do not request an OCSP response
    #[arg(long, conflicts_with = "require_ocsp")]
    pub(crate) no_ocsp_request: bool,

    /// Request signed certificate timestamps (SCTs) in the TLS extension
    #[arg(long)]
    pub(crate) sct_request: bool,

    /// Offer max_fragment_length (RFC 6066), for servers that do not support record_size_limit
    #[arg(long, value_name = "512|1024|2048|4096")]
    pub(crate) max_fragment_length: Option<u16>,

    /// Accept TLS 1.2 servers that do not send renegotiation_info (RFC 5746). An attacker may
    /// prepend data to the connection then
    #[arg(long)]
    pub(crate) allow_missing_renegotiation_info: bool,

    /// Require SCTs of the certificate transparency logs in this file (log_list.json, version 3)
    #[arg(long, value_name = "JSON")]
    pub(crate) ct_logs: Option<PathBuf>,

    /// Require SCTs of logs of N operators in --ct-logs
    #[arg(long, value_name = "N", default_value_t = 2, requires = "ct_logs")]
    pub(crate) ct_operators: usize,

    #[command(flatten)]
    pub(crate) trust: TrustOptions,

    #[command(flatten)]
    pub(crate) protocol: ProtocolOptions,
}

/// The server and the page that the arguments name.
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) name: ServerName<'static>,
    /// The page to fetch. `None` connects stdin and stdout to the server.
    pub(crate) path: Option<String>,
}

impl Arguments {
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        let (path, host) = match (self.http.clone(), self.host.clone()) {
            // `--http HOST`: a word without a leading slash is the host.
            (Some(Some(word)), None) if !word.starts_with('/') => (Some("/".to_owned()), Some(word)),
            (Some(Some(path)), _) if !path.starts_with('/') || path.contains(|c: char| c <= ' ' || c == '\x7f') => {
                return Err(Failure::new(format!(
                    "the path of --http must begin with / and contain no spaces, got {path:?}"
                )));
            }
            (http, host) => (http.map(|path| path.unwrap_or_else(|| "/".to_owned())), host),
        };
        let (host, port) = match &self.diagnose {
            Some(place) => {
                let (host, port) = host_and_port(place)?;
                (Some(host.to_owned()), port.unwrap_or(self.port))
            }
            None => (host, self.port),
        };
        let host =
            host.ok_or_else(|| Failure::new("no HOST; expected a command like: tlsclient --http / example.com"))?;
        // IPv6 addresses may have the brackets of a URL.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host).to_owned();
        let name = self.servername.as_ref().unwrap_or(&host);
        let name = strata_tls::server_name(name).context("HOST or --servername")?;
        Ok(Target { host, port, name, path })
    }
}

/// Splits `HOST[:PORT]`. An IPv6 address needs brackets before a port.
fn host_and_port(place: &str) -> Result<(&str, Option<u16>), Failure> {
    let wrong = || Failure::new(format!("expected HOST or HOST:PORT, like example.com or [::1]:8443, got {place:?}"));
    let (host, port) = match place.rsplit_once(':') {
        // The last colon belongs to an IPv6 address.
        Some((host, _)) if place.ends_with(']') || (host.contains(':') && !host.ends_with(']')) => (place, None),
        Some((host, port)) => (host, Some(port.parse().map_err(|_| wrong())?)),
        None => (place, None),
    };
    if host.is_empty() || host.contains('/') { Err(wrong()) } else { Ok((host, port)) }
}

fn seconds(word: &str) -> Result<Duration, String> {
    word.parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "expected a number of seconds above 0, like 30 or 0.5".into())
}
