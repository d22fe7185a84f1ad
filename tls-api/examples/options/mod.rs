//! Command-line options that the example programs share, and how the programs report failures.

mod protocol;
mod subject;
mod trust;

pub(crate) use protocol::{Configure, ProtocolOptions};
pub(crate) use subject::subject;
pub(crate) use trust::TrustOptions;

use std::fmt::{self, Display};
use std::process::ExitCode;

use clap::Parser;

/// A message for the user that explains why the program ends.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Adds to an error what the program was doing.
pub(crate) trait Context<T> {
    fn context(self, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: Display> Context<T> for Result<T, E> {
    fn context(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|cause| Failure(format!("{what}: {cause:#}")))
    }
}

/// Parses the arguments and runs the program. Reports each failure in one line, with exit status 1.
pub(crate) fn run_program<A: Parser>(program: &str, run: impl FnOnce(A) -> Result<(), Failure>) -> ExitCode {
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            // Without a terminal there is nowhere to report the error.
            let _ = e.print();
            // clap returns --help and --version as errors too.
            return if e.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(why)) => {
            eprintln!("{program}: {why}");
            ExitCode::FAILURE
        }
    }
}
