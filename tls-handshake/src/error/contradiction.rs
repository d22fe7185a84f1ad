//! What is wrong with a configuration as a whole.

use std::fmt;

use tls_codec::code_points::{CipherSuite, ProtocolVersion};

/// Settings of a configuration that exclude each other, each of which is fine by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contradiction {
    /// None of the cipher suites belongs to a version that is enabled.
    NoSuiteOfVersion {
        /// The versions that are enabled.
        versions: Vec<ProtocolVersion>,
        /// The cipher suites that are set.
        suites: Vec<CipherSuite>,
    },
    /// These two cannot both hold.
    Settings {
        /// What is set.
        settings: [&'static str; 2],
        /// Why they exclude each other.
        why: &'static str,
    },
    /// One of the [`Limits`](crate::config::Limits) leaves no room for any handshake.
    LimitTooSmall {
        /// The name of its field.
        limit: &'static str,
        /// What it is set to.
        got: usize,
        /// The smallest value that works.
        min: usize,
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuiteOfVersion { versions, suites } => {
                f.write_str("versions and cipher suites exclude each other: none of the cipher suites")?;
                suites.iter().try_for_each(|suite| write!(f, " {suite}"))?;
                f.write_str(" belongs to an enabled version:")?;
                versions.iter().try_for_each(|version| write!(f, " {version}"))
            }
            Self::Settings { settings: [one, other], why } => {
                write!(f, "{one} and {other} exclude each other: {why}")
            }
            Self::LimitTooSmall { limit, got, min } => {
                write!(f, "with the limit {limit} = {got} every handshake fails; set it to {min} or more")
            }
        }
    }
}

impl std::error::Error for Contradiction {}
