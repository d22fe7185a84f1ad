//! Pre-shared keys that were agreed on outside of TLS (RFC 9846 §4.3.11, RFC 9258).

use tls_crypto::HashAlgorithm;
use tls_crypto::tls13::BinderKind;
use zeroize::Zeroizing;

/// A key that both sides have from elsewhere, under a name that both know.
#[derive(Clone)]
pub struct ExternalPsk {
    pub(crate) identity: Vec<u8>,
    pub(crate) key: Zeroizing<Vec<u8>>,
    pub(crate) hash: HashAlgorithm,
    pub(crate) kind: Kind,
}

/// Under which label its binder goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `ext binder` (RFC 9846 §7.1).
    External,
    /// `imp binder` (RFC 9258 §5.2).
    Imported,
}

impl Kind {
    pub(crate) fn binder(self) -> BinderKind {
        match self {
            Self::External => BinderKind::External,
            Self::Imported => BinderKind::Imported,
        }
    }
}

impl std::fmt::Debug for ExternalPsk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternalPsk").field("hash", &self.hash).finish_non_exhaustive()
    }
}
