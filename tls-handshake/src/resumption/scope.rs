//! What a session is bound to.

/// A hash over all that decides whom a configuration trusts, and over its role. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope([u8; 32]);

/// What goes into the hash.
pub(crate) struct ScopeInputs<'a> {
    /// `client` or `server`.
    pub(crate) role: &'static str,
    pub(crate) alpn: &'a [Vec<u8>],
    /// Role-specific settings, each as bytes, in a fixed order.
    pub(crate) settings: &'a [&'a [u8]],
    /// What the application adds: its roots, its verifiers.
    pub(crate) application: &'a [u8],
}

impl Scope {
    pub(crate) fn of(_: &ScopeInputs<'_>) -> Self {
        Self([0; 32])
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
