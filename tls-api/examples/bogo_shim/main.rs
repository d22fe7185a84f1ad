//! The shim for BoringSSL's test runner (BoGo): a client or a server that its flags configure. It
//! uses only the public API. `tls-api/bogo/run` builds the runner and runs all tests.
//!
//! ```text
//! runner (the peer, listens) ◀── TCP ── shim, once per test: handshake, checks, echo, close
//!
//! flags ─▶ options ─▶ configure, hooks ─▶ connection (one per handshake) ─▶ errors
//!                     library config       drives a session                 BoringSSL's names
//!                                          quic: over the runner's mock of QUIC
//! ```
//!
//! Exit status: 0 on success, 89 for an unsupported flag, otherwise 1 with the error's name on
//! stderr.

mod configure;
mod connection;
mod credentials;
mod early;
mod errors;
mod expect;
mod hooks;
mod options;
mod policy;
mod quic;
mod stop;
mod transport;
mod trust;

use std::process::exit;

use crate::configure::Shim;
use crate::options::Options;
use crate::stop::Stop;

/// The exit status that the runner counts as unimplemented.
const UNIMPLEMENTED: i32 = 89;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "-is-handshaker-supported") {
        println!("No");
        return;
    }
    match run(&arguments) {
        Ok(()) => {}
        Err(Stop::Unimplemented(what)) => {
            eprintln!("UNIMPLEMENTED {what}");
            exit(UNIMPLEMENTED);
        }
        Err(Stop::Failed(what)) => {
            eprintln!("{what}");
            exit(1);
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Stop> {
    let options = Options::parse(arguments)?;
    let shim = Shim::new(&options)?;
    for number in 0..=options.resume_count {
        let level = if number == 0 { &options.initial } else { &options.resume };
        shim.begin();
        match options.quic {
            true => quic::run(&shim, &options, level, number)?,
            false => connection::run(&shim, &options, level, number)?,
        }
        shim.clock.advance(options.initial.number("resumption-delay")?.unwrap_or(0));
    }
    Ok(())
}
