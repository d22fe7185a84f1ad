//! Passes TLS connections through to servers, by the server name and the application protocols of
//! their first message. Nothing is decrypted, and no byte is changed.
//!
//! ```text
//! sni-router [--check] CONFIG
//! ```
//!
//! CONFIG is a file of lines. `#` starts a comment. `--check` only reads it.
//!
//! ```text
//! listen 0.0.0.0:443 [::]:443
//! route www.example.com 10.0.0.1:443
//! route www.example.com alpn=acme-tls/1 10.0.0.9:443   # before the other, or it is never reached
//! route *.example.com   10.0.0.2:443 proxy=v2
//! route -               10.0.0.3:443                   # clients without a name
//! route *               backup.internal:443            # any name, or none
//! not-tls               10.0.0.4:80 proxy=v1
//! ```
//!
//! * `listen ADDRESS…`: where to accept connections.
//! * `route NAME [alpn=PROTOCOL,…] ADDRESS [proxy=v1|v2]`: NAME is a host name; `*.` before it
//!   stands for one label. A host name goes before `*.`, and that before `*`. Of the routes with
//!   the same name, the first whose `alpn` has a protocol that the client offers is used; one
//!   without `alpn` takes all clients. `proxy` sends a header of the PROXY protocol first, which
//!   sends the server the addresses of the connection.
//! * `not-tls ADDRESS [proxy=v1|v2]`: for clients of other protocols that speak first, such as
//!   HTTP. Without this line they are disconnected.
//! * `hello-timeout SECONDS`: for the first message to arrive. Default: 10.
//! * `hello-limit BYTES`: for its records. Default: 65536.
//! * `connect-timeout SECONDS`: for the server to accept. Default: 10.
//! * `idle-timeout SECONDS`: without data in either direction. Default: 3600.
//! * `max-connections COUNT`: others wait until one ends. Default: 1024.
//!
//! A client that is not routed gets the alert that a server would send: `unrecognized_name`,
//! `missing_extension` (no name or no protocols, where routes need them),
//! `no_application_protocol`, or that for a malformed message. `internal_error` says that the
//! server cannot be reached. The end of either direction, and a reset, is passed on. Each
//! connection is logged on the standard error when it ends.
//!
//! The name is not encrypted, and not authenticated: any client can send any name. With Encrypted
//! Client Hello it is the public name.

mod router;

use std::{process::ExitCode, sync::Arc};

use router::{Router, config::Config};
use tokio::net::TcpListener;

const USAGE: &str = "usage: sni-router [--check] CONFIG";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, only_check) = match &arguments[..] {
        [help] if help == "--help" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [path] if !path.starts_with("--") => (path, false),
        [check, path] if check == "--check" => (path, true),
        _ => return fail(USAGE),
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) => return fail(&format!("cannot read {path}: {e}")),
    };
    let config = match Config::parse(&text) {
        Ok(config) => config,
        Err(e) => return fail(&format!("{path}: {e}")),
    };
    if only_check {
        return ExitCode::SUCCESS;
    }
    let addresses = config.listen.clone();
    let router = Arc::new(Router::new(config, |line| eprintln!("{line}")));
    let mut accepting = tokio::task::JoinSet::new();
    for address in addresses {
        match TcpListener::bind(&address).await {
            Ok(listener) => accepting.spawn(router.clone().accept(listener)),
            Err(e) => return fail(&format!("cannot listen at {address}: {e}")),
        };
    }
    // Tasks end only by a panic.
    accepting.join_next().await;
    fail("a listener failed")
}

fn fail(message: &str) -> ExitCode {
    eprintln!("sni-router: {message}");
    ExitCode::FAILURE
}
