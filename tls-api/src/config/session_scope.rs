//! [`SessionContext`]: the part of the resumption scope that this crate computes. It combines the
//! configuration's trust, its identity, and the application's context.
//!
//! A session is resumed only under a configuration with the same scope (RFC 9846 Appendix C.4,
//! CVE-2025-23419, CVE-2025-68121). The engine adds its own settings, and hashes the whole.

use std::sync::atomic::{AtomicU64, Ordering};

use tls_crypto::{SecureRandom, SystemRandom};

/// The parts, each of which can change independently.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionContext {
    /// Which peers the configuration trusts.
    pub(crate) trust: ScopePart,
    /// Set if the application verifies peers itself.
    pub(crate) deferred: Option<ScopePart>,
    /// The configuration's identity, except for what a resolver returns for each connection.
    pub(crate) identity: ScopePart,
    /// Set by the application.
    pub(crate) application: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ScopePart(Vec<u8>);

impl ScopePart {
    /// Uses a verifier's own scope. Without one the part is [unique](Self::unique).
    pub(crate) fn of(scope: Option<[u8; 32]>) -> Self {
        scope.map_or_else(Self::unique, |scope| Self([b"own".as_slice(), &scope].concat()))
    }

    /// Creates a part that all configurations have whose application verifies peers itself.
    pub(crate) fn deferred() -> Self {
        Self(b"deferred".to_vec())
    }

    /// Creates a part that only this configuration and its clones have.
    pub(crate) fn unique() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut random = [0; 32];
        // Without randomness no handshake starts, but the count keeps parts distinct even then.
        let _ = SystemRandom.fill(&mut random);
        let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Self([b"unique".as_slice(), &random, &std::process::id().to_be_bytes(), &count].concat())
    }
}

impl SessionContext {
    /// Encodes all parts, each after its length.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let deferred = self.deferred.as_ref().map(|part| &part.0);
        for part in [&self.trust.0, &self.identity.0, &self.application].into_iter().chain(deferred) {
            all.extend_from_slice(&part.len().to_be_bytes());
            all.extend_from_slice(part);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The count at the end differs even if the random bytes are equal.
    #[test]
    fn unique_parts_differ_without_randomness() {
        let tail = |mut part: ScopePart| part.0.split_off(b"unique".len() + 32);
        assert_ne!(tail(ScopePart::unique()), tail(ScopePart::unique()));
    }
}
