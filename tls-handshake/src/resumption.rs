//! What is kept of a connection so that a later one can go on from it, as values (RFC 9846 §2.2, RFC 5077, RFC 5246 §7.3).
//!
//! ```text
//! a server's connection ─▶ ServerSessionValue ─ encode ─▶ a ticket that the client keeps, or a store's entry
//! a client's connection ─▶ ClientSessionValue ─ encode ─▶ a store's entry, a file
//!                                │
//!                             check: the same configuration (scope), name, suite, and not too old
//!                                ▼
//!                   pre-shared key of TLS 1.3, master secret of TLS 1.2
//! ```
//!
//! A session is bound to the configuration that it was established under: its scope is a hash of all that decides whom that
//! configuration trusts. No value here is believed before it was checked against the present configuration.

use zeroize::Zeroize as _;

mod client;
mod eligibility;
mod encoding;
mod external_psk;
mod scope;
mod server;
mod stored;

pub use client::ClientSessionValue;
pub(crate) use eligibility::ResumptionCriteria;
pub use external_psk::{ExternalPsk, PskError};
pub(crate) use scope::{Scope, ScopeInputs, identity_scope};
pub use server::ServerSessionValue;
pub use stored::{StoreIds, StoredSessions};

/// RFC 9846 §4.7.1: no ticket is good for longer, in seconds; and no session goes on for longer from the full handshake that
/// began it.
pub const MAX_LIFETIME: u32 = 7 * 24 * 60 * 60;

/// Default lifetime of a ticket or a TLS 1.2 session ID, in seconds: 12 hours.
pub const DEFAULT_TICKET_LIFETIME: u32 = 12 * 60 * 60;

/// Set in the first byte of the ids of TLS 1.3 sessions in a store, and clear in those of TLS 1.2:
/// one is never looked up as the other.
pub(crate) const TLS13_ID: u8 = 0x80;

/// The secret of a session: the pre-shared key of TLS 1.3, as long as the suite's hash, or the master secret of TLS 1.2.
/// Zeroized on drop, and not shown by `Debug`.
///
/// It lies in a place of its own: sessions are moved about in lists and stores, and each move would leave a copy behind.
#[derive(Clone)]
pub(crate) struct SessionSecret(Box<[u8]>);

impl SessionSecret {
    /// That of SHA-384, and of the master secret.
    pub(crate) const MAX: usize = 48;

    /// `None` if there are none, or more than [`MAX`](Self::MAX).
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        (1..=Self::MAX).contains(&secret.len()).then(|| Self(secret.into()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for SessionSecret {
    // One copy, and not one for each place where a session goes.
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

/// Why bytes are no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// They were written by another version of this library, or are something else altogether.
    Format,
    /// They are cut off, too long, or contradict themselves.
    Malformed,
    /// They are of a cipher suite that is not supported.
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
