//! What sessions are bound to, as far as this layer knows: whom the configuration trusts, and who it is itself.
//!
//! A session is resumed only under a configuration whose parts are the same; the engine adds its own (RFC 9846 Appendix C.4,
//! CVE-2025-23419, CVE-2025-68121).

use std::sync::atomic::{AtomicU64, Ordering};

use tls_crypto::{SecureRandom, SystemRandom};

/// The parts, each of which can change by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionContext {
    /// Whom the configuration trusts.
    pub(crate) trust: ScopePart,
    /// Who it is, as far as that does not change.
    pub(crate) identity: ScopePart,
    /// What the application adds.
    pub(crate) application: Vec<u8>,
}

/// One of the parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScopePart(Vec<u8>);

impl ScopePart {
    /// What a verifier says of itself; without that the part is unique, and shared by clones alone.
    pub(crate) fn of(scope: Option<[u8; 32]>) -> Self {
        scope.map_or_else(Self::unique, |scope| Self([b"own".as_slice(), &scope].concat()))
    }

    /// Shared by the clones of this configuration alone.
    pub(crate) fn unique() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut random = [0; 32];
        // Without randomness no handshake begins; the count keeps parts apart all the same.
        let _ = SystemRandom.fill(&mut random);
        let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Self([b"unique".as_slice(), &random, &std::process::id().to_be_bytes(), &count].concat())
    }
}

impl SessionContext {
    /// All parts, each behind its length.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for part in [&self.trust.0, &self.identity.0, &self.application] {
            all.extend_from_slice(&part.len().to_be_bytes());
            all.extend_from_slice(part);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the random bytes are: the count at the end differs.
    #[test]
    fn unique_parts_differ_without_randomness() {
        let tail = |mut part: ScopePart| part.0.split_off(b"unique".len() + 32);
        assert_ne!(tail(ScopePart::unique()), tail(ScopePart::unique()));
    }
}
