//! The program that BoringSSL's test runner (BoGo) drives: a client or a server that does what its flags say, over the public API of
//! this library alone. `tls-api/bogo/run` builds the runner and runs it all.
//!
//! ```text
//! runner (plays the peer, listens) ◀── TCP ── this program, once per test: handshake, expectations, echo, close
//! flags ─▶ options ─▶ configure: ClientConfig or ServerConfig ─▶ connection: one per handshake ─▶ errors: BoringSSL's names
//! ```
//!
//! Exit status: 0 success, 89 for a flag that is not known here, 1 with the error's name on stderr for all else.

mod configure;
mod connection;
mod credentials;
mod early;
mod errors;
mod expect;
mod hooks;
mod options;
mod policy;
mod stop;
mod transport;
mod trust;

use std::process::exit;

use crate::configure::Shim;
use crate::options::Options;
use crate::stop::Stop;

/// What the runner counts as not implemented.
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
    let mut shim = Shim::new(&options)?;
    for number in 0..=options.resume_count {
        let level = if number == 0 { &options.initial } else { &options.resume };
        connection::run(&mut shim, &options, level, number)?;
        shim.clock.advance(options.initial.number("resumption-delay")?.unwrap_or(0));
    }
    Ok(())
}
