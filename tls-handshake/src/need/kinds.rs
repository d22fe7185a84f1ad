//! [`Needs`]: the kinds of requests, and sets of them.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A set of kinds of [requests](super::Need).
///
/// ```
/// use strata_tls_handshake::Needs;
///
/// let slow = Needs::SIGNATURE | Needs::SESSION;
/// assert!(slow.contains(Needs::SIGNATURE) && !slow.contains(Needs::IDENTITY));
/// assert_eq!(slow.to_string(), "a signature, a session");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Needs(u8);

impl Needs {
    /// No request.
    pub const NONE: Self = Self(0);
    /// Select an identity: [`Need::Identity`](super::Need::Identity) of a server,
    /// [`Need::ClientIdentity`](super::Need::ClientIdentity) of a client.
    pub const IDENTITY: Self = Self(1);
    /// Sign: [`Need::Signature`](super::Need::Signature).
    pub const SIGNATURE: Self = Self(1 << 1);
    /// Verify the peer's chain: [`Need::Verdict`](super::Need::Verdict) of a client,
    /// [`Need::ClientVerdict`](super::Need::ClientVerdict) of a server.
    pub const VERIFICATION: Self = Self(1 << 2);
    /// Look up a session or an external key, and remove the session from its store:
    /// [`Need::Session`](super::Need::Session) and
    /// [`Need::TakeSession`](super::Need::TakeSession) of a server.
    pub const SESSION: Self = Self(1 << 3);
    /// Make tickets: [`Need::NewSession`](super::Need::NewSession) of a server.
    pub const NEW_SESSION: Self = Self(1 << 4);
    /// All requests.
    pub const ALL: Self = Self((1 << 5) - 1);

    /// Returns whether all kinds of `other` are in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the kinds of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Needs {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for Needs {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

/// The request in words.
impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (kind, name) in NAMES {
            if self.contains(kind) {
                write!(f, "{separator}{name}")?;
                separator = ", ";
            }
        }
        if *self == Self::NONE { f.write_str("nothing") } else { Ok(()) }
    }
}

const NAMES: [(Needs, &str); 5] = [
    (Needs::IDENTITY, "an identity"),
    (Needs::SIGNATURE, "a signature"),
    (Needs::VERIFICATION, "a verification"),
    (Needs::SESSION, "a session"),
    (Needs::NEW_SESSION, "the tickets of new sessions"),
];
