//! Why the program ends early.

/// Why the program ends before its time.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A flag or value that this program has nothing for.
    Unimplemented(String),
    /// The protocol failed, or an expectation did: what is said of it.
    Failed(String),
}

impl Stop {
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::Failed(what.into())
    }
}

impl From<std::io::Error> for Stop {
    fn from(e: std::io::Error) -> Self {
        Self::Failed(format!("I/O: {e}"))
    }
}
