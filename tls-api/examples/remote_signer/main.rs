//! A server whose private key is in another process, as with an HSM or a KMS. One thread serves all
//! connections. While one connection waits for its signature, the others continue.
//!
//! ```text
//!                ┌ serve (one thread) ───────┐   number, scheme, message   ┌ sign ────────┐
//! clients ─TLS─▶ │ take_signature_request    │ ──────────────────────────▶ │ private key  │
//!                │ answer_signature          │ ◀────────────────────────── │ (any delay)  │
//!                └───────────────────────────┘      number, signature      └──────────────┘
//! ```
//!
//! ```text
//! cargo run --release -p strata-tls --example remote_signer -- \
//!   sign --key key.pem --port 7000 --delay 500
//! cargo run --release -p strata-tls --example remote_signer -- \
//!   serve --certs chain.pem --signer 127.0.0.1:7000 --port 8443
//! curl --cacert ca.pem https://localhost:8443/
//! ```
//!
//! The example does not authenticate the server to the signer. Use a socket that only the server
//! can reach.

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
    /// Run the signer, which holds the private key
    Sign {
        /// The private key
        #[arg(long, value_name = "PEM")]
        key: PathBuf,
        /// The port to listen on, at 127.0.0.1. 0 takes a free port; the program prints it
        #[arg(long, value_name = "N", default_value_t = 7000)]
        port: u16,
        /// Delay each signature, like a remote service
        #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
        delay: u64,
    },
    /// Run the server, which holds the connections
    Serve {
        /// The server's end-entity certificate, then the intermediates
        #[arg(long, value_name = "PEM")]
        certs: PathBuf,
        /// The address of the signer
        #[arg(long, value_name = "ADDRESS")]
        signer: SocketAddr,
        /// The port to listen on, at 127.0.0.1. 0 takes a free port; the program prints it
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
