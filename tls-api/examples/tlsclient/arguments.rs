//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use strata_tls::ServerName;

use crate::options::{Context, Failure, ProtocolOptions, TrustOptions};

/// A TLS client: fetches a page, or joins stdin and stdout to a server
#[derive(Debug, Parser)]
#[command(name = "tlsclient", version)]
pub(crate) struct Arguments {
    /// The server's port
    #[arg(long, value_name = "N", default_value_t = 443)]
    pub(crate) port: u16,

    /// Fetch PATH (/ if none is given) by HTTP/1.1 and print the whole answer
    #[arg(long, value_name = "PATH", num_args = 0..=1)]
    http: Option<Option<String>>,

    /// Trust the authorities of this file instead of the system's
    #[arg(long, value_name = "PEM")]
    pub(crate) cafile: Option<PathBuf>,

    /// Show this certificate, with the intermediate ones after it, to a server that asks for one; needs --auth-key
    #[arg(long, value_name = "FILE")]
    pub(crate) auth_certs: Option<PathBuf>,

    /// The private key of --auth-certs (PEM: PKCS#8, SEC1 or PKCS#1)
    #[arg(long, value_name = "FILE")]
    pub(crate) auth_key: Option<PathBuf>,

    /// Do not tell the server the name that it is asked for
    #[arg(long)]
    pub(crate) no_sni: bool,

    /// Ask for a certificate with this name or IP address instead of HOST's
    #[arg(long, value_name = "NAME")]
    servername: Option<String>,

    /// Close our side at the end of the input. By default so with TLS 1.3; with TLS 1.2 a server may drop its answer then, and
    /// closes first. --half-close=false is for servers that do so with TLS 1.3
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) half_close: Option<bool>,

    /// Make N connections one after another, send the input on each, and print what comes on the last. The later ones resume the
    /// sessions of the earlier ones
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,

    /// Keep sessions in FILE, and resume those that are in it: it holds secrets, and is readable for its owner alone
    #[arg(long, value_name = "FILE")]
    pub(crate) cache: Option<PathBuf>,

    /// Take no tickets: only servers of TLS 1.2 that keep sessions by themselves can resume
    #[arg(long)]
    pub(crate) no_tickets: bool,

    /// Keep no sessions: every handshake is a full one
    #[arg(long, conflicts_with_all = ["cache", "early_data"])]
    pub(crate) no_resumption: bool,

    /// Send what is in FILE before anything else, as early data (0-RTT) if a session allows it. Whoever records that can send it
    /// again
    #[arg(long, value_name = "FILE")]
    pub(crate) early_data: Option<PathBuf>,

    /// How long connecting and the handshake may take
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// The server, by name or IP address
    host: Option<String>,

    /// Refuse servers that do not staple an OCSP response which says that their certificate is good
    #[arg(long)]
    pub(crate) require_ocsp: bool,

    /// Do not ask for an OCSP response
    #[arg(long, conflicts_with = "require_ocsp")]
    pub(crate) no_ocsp_request: bool,

    /// Ask for certificate transparency timestamps beside the certificate
    #[arg(long)]
    pub(crate) sct_request: bool,

    /// Offer max_fragment_length (RFC 6066) with this many bytes, for servers without record_size_limit
    #[arg(long, value_name = "512|1024|2048|4096")]
    pub(crate) max_fragment_length: Option<u16>,

    /// Accept servers of TLS 1.2 without renegotiation_info (RFC 5746), to which others can send data in our name
    #[arg(long)]
    pub(crate) allow_missing_renegotiation_info: bool,

    /// Refuse certificates without timestamps of the certificate transparency logs in this file (log_list.json, version 3)
    #[arg(long, value_name = "JSON")]
    pub(crate) ct_logs: Option<PathBuf>,

    /// The operators of --ct-logs that have to know a certificate
    #[arg(long, value_name = "N", default_value_t = 2, requires = "ct_logs")]
    pub(crate) ct_operators: usize,

    #[command(flatten)]
    pub(crate) trust: TrustOptions,

    #[command(flatten)]
    pub(crate) protocol: ProtocolOptions,
}

/// What the arguments about server and page mean together.
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) name: ServerName<'static>,
    /// What to fetch; otherwise stdin and stdout are joined to the session.
    pub(crate) path: Option<String>,
}

impl Arguments {
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        let (path, host) = match (self.http.clone(), self.host.clone()) {
            // `--http HOST`: what begins with no slash is no path.
            (Some(Some(word)), None) if !word.starts_with('/') => (Some("/".to_owned()), Some(word)),
            (Some(Some(path)), _) if !path.starts_with('/') || path.contains(|c: char| c <= ' ' || c == '\x7f') => {
                return Err(Failure::new(format!(
                    "--http wants a path that begins with / and has no blanks, not {path:?}"
                )));
            }
            (http, host) => (http.map(|path| path.unwrap_or_else(|| "/".to_owned())), host),
        };
        let host =
            host.ok_or_else(|| Failure::new("which server? Give a HOST, as in: tlsclient --http / example.com"))?;
        // As in a URL, where colons would be taken for a port's.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host).to_owned();
        let name = self.servername.as_ref().unwrap_or(&host);
        let name = ServerName::try_from(name.clone())
            .context(format!("{name:?} is no name or IP address that a certificate could have"))?;
        Ok(Target { host, name, path })
    }
}

fn seconds(word: &str) -> Result<Duration, String> {
    word.parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "a number of seconds above 0, like 30 or 0.5".into())
}
