//! Sessions and pre-shared keys as values: what a later handshake needs to resume a connection's
//! session (RFC 9846 §2.2, RFC 5077, RFC 5246 §7.3).
//!
//! ```text
//! server connection ─▶ ServerSessionValue ─ encode ─▶ ticket or store entry
//! client connection ─▶ ClientSessionValue ─ encode ─▶ store entry or file
//!                             │
//!                          check: same scope, name and suite; not expired
//!                             ▼
//!                TLS 1.3 pre-shared key, TLS 1.2 master secret
//! ```
//!
//! A session is bound to its resumption scope: a hash of the settings that decide whom a
//! configuration trusts. Each value is checked against the current configuration before it is used.

use zeroize::Zeroize as _;

mod client_session;
mod eligibility;
mod encoding;
mod external_psk;
mod scope;
mod server_session;
mod stored_ids;

pub use client_session::ClientSessionValue;
pub(crate) use eligibility::ResumptionCriteria;
pub use external_psk::{ExternalPsk, PskError};
pub(crate) use scope::{Scope, ScopeInputs, identity_scope};
pub use server_session::ServerSessionValue;
pub use stored_ids::{StoreIds, StoredSessions};

/// The longest lifetime of a ticket, in seconds (RFC 9846 §4.7.1). Also bounds all resumptions that
/// go back to one full handshake.
pub const MAX_LIFETIME: u32 = 7 * 24 * 60 * 60;

/// Default lifetime of a ticket or a TLS 1.2 session ID, in seconds: 12 hours.
pub const DEFAULT_TICKET_LIFETIME: u32 = 12 * 60 * 60;

/// Set in the first byte of a TLS 1.3 session's store ID, and clear for TLS 1.2. A lookup cannot
/// confuse the two.
pub(crate) const TLS13_ID: u8 = 0x80;

/// A session's secret: the TLS 1.3 pre-shared key, as long as the suite's hash, or the TLS 1.2
/// master secret. Zeroized on drop; `Debug` does not show it.
///
/// On the heap: sessions move between lists and stores, and each move of an inline secret would
/// leave a copy behind.
#[derive(Clone)]
pub(crate) struct SessionSecret(Box<[u8]>);

impl SessionSecret {
    /// The output length of SHA-384, and the length of a master secret.
    pub(crate) const MAX: usize = 48;

    /// Returns `None` if `secret` is empty or longer than [`MAX`](Self::MAX).
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        (1..=Self::MAX).contains(&secret.len()).then(|| Self(secret.into()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for SessionSecret {
    // Out of line: one copy of this code, not one for each place that drops a session.
    #[inline(never)]
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSecret")
    }
}

/// Why bytes cannot be decoded as a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// Not a session, or encoded by another version of this library.
    Format,
    /// Truncated, too long or contradictory.
    Malformed,
    /// The session uses an unsupported cipher suite.
    CipherSuite,
}

impl std::fmt::Display for SessionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Format => "not a stored session, or written by another version of this library; discard it",
            Self::Malformed => "the stored session is malformed; discard it",
            Self::CipherSuite => "the stored session has an unsupported cipher suite; discard it",
        })
    }
}

impl std::error::Error for SessionError {}
