//! Why the program ends early.

/// Why the program ends before its time.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A flag or value that the shim does not support.
    Unimplemented(String),
    /// A protocol error or a failed check, with its message.
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
