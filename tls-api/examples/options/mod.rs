//! What both example programs can be told about the protocol, and how they end.

mod protocol;
mod subject;
mod trust;

pub(crate) use protocol::{Configure, ProtocolOptions};
pub(crate) use subject::subject;
pub(crate) use trust::TrustOptions;

use std::fmt::{self, Display};
use std::process::ExitCode;

use clap::Parser;

/// Why the program ends, in words for the person who started it.
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

/// Says what was being done when an error came.
pub(crate) trait Context<T> {
    fn context(self, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: Display> Context<T> for Result<T, E> {
    fn context(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|cause| Failure(format!("{what}: {cause:#}")))
    }
}

/// Parses the arguments, runs the program, and turns every kind of failure into a line and exit status 1.
pub(crate) fn run_program<A: Parser>(program: &str, run: impl FnOnce(A) -> Result<(), Failure>) -> ExitCode {
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            // If not even this can be printed there is nobody to tell.
            let _ = e.print();
            // --help and --version come by this way as well.
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
