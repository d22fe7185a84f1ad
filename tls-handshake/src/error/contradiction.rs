//! Settings that exclude each other. `config::validate` finds them before a handshake.

use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// Settings of a configuration that exclude each other, although each is valid by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contradiction {
    /// No cipher suite belongs to an enabled version.
    NoSuiteOfVersion {
        /// The enabled versions.
        versions: Vec<ProtocolVersion>,
        /// The configured cipher suites.
        suites: Vec<CipherSuite>,
    },
    /// Two settings exclude each other.
    Settings {
        /// The two settings.
        settings: [&'static str; 2],
        /// Why they exclude each other.
        why: &'static str,
    },
    /// The backend does not have the group.
    UnsupportedGroup {
        /// The group.
        group: NamedGroup,
        /// The name of the backend.
        backend: &'static str,
    },
    /// The backend does not have the signature scheme.
    UnsupportedSignatureScheme {
        /// The scheme.
        scheme: SignatureScheme,
        /// The name of the backend.
        backend: &'static str,
    },
    /// The backend cannot sign with the identity's key.
    UnsupportedKey {
        /// The type of the key, such as `ECDSA P-521`.
        key: &'static str,
        /// The name of the backend.
        backend: &'static str,
    },
    /// No enabled version has a signature scheme of the identity's key.
    NoSchemeOfVersion {
        /// The enabled versions.
        versions: Vec<ProtocolVersion>,
        /// The schemes of the identity.
        schemes: Vec<SignatureScheme>,
    },
    /// One of the [`Limits`](crate::config::Limits) is too small for any handshake.
    LimitTooSmall {
        /// The name of the field.
        limit: &'static str,
        /// The configured value.
        got: usize,
        /// The smallest value that works.
        min: usize,
    },
}

impl std::error::Error for Contradiction {}
