//! A server whose private key is in another process, as with an HSM or a KMS, and that never waits for it: one thread serves all
//! connections, and while a signature is in the making the others go on.
//!
//! ```text
//!                ┌ serve (one thread) ──────────────────┐   number, scheme, message   ┌ sign ────────┐
//! clients ─TLS─▶ │ take_signature_request ─▶ to the key │ ──────────────────────────▶ │ private key  │
//!                │ answer_signature ◀─── from the key   │ ◀────────────────────────── │ (any delay)  │
//!                └──────────────────────────────────────┘      number, signature      └──────────────┘
//! ```
//!
//! ```text
//! cargo run --release -p strata-tls --example remote_signer -- sign --key key.pem --port 7000 --delay 500
//! cargo run --release -p strata-tls --example remote_signer -- serve --certs chain.pem --signer 127.0.0.1:7000 --port 8443
//! curl --cacert ca.pem https://localhost:8443/
//! ```
//!
//! Who may have things signed is not this example's business: the socket between the two would be one that only the server can
//! reach.

#[path = "../options/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the options about the protocol are those of the other programs")]
mod options;
mod serve;
mod sign;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::options::{Failure, run_program};

/// A server whose private key is in another process
#[derive(Debug, Parser)]
enum Arguments {
    /// Sign for servers: the process that has the key
    Sign {
        /// The private key
        #[arg(long, value_name = "PEM")]
        key: PathBuf,
        /// The port to listen on, at 127.0.0.1; 0 takes a free one, which is printed
        #[arg(long, value_name = "N", default_value_t = 7000)]
        port: u16,
        /// How long a signature takes, as if it came from far away
        #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
        delay: u64,
    },
    /// Serve a page: the process that has the connections
    Serve {
        /// The server's certificate, and the intermediate ones after it
        #[arg(long, value_name = "PEM")]
        certs: PathBuf,
        /// Where the key is
        #[arg(long, value_name = "ADDRESS")]
        signer: SocketAddr,
        /// The port to listen on, at 127.0.0.1; 0 takes a free one, which is printed
        #[arg(long, value_name = "N", default_value_t = 8443)]
        port: u16,
    },
}

fn main() -> ExitCode {
    run_program("remote_signer", run)
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments {
        Arguments::Sign { key, port, delay } => sign::run(&key, port, delay),
        Arguments::Serve { certs, signer, port } => serve::run(&certs, signer, port),
    }
}
