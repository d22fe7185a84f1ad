//! A server's side of a session.

use std::sync::Arc;

use pki_types::{CertificateDer, UnixTime};
use zeroize::Zeroizing;

use super::{Scope, SessionError, SessionSecret};
use crate::auth::ClientAuth;
use crate::suite::SupportedCipherSuite;

/// What a server knows of a session: sealed in a ticket, or kept in a store.
///
/// Whoever has one can resume the session: it belongs under a key, or in a place that only servers reach.
#[derive(Clone)]
pub struct ServerSessionValue {
    pub(crate) suite: SupportedCipherSuite,
    pub(crate) secret: SessionSecret,
    /// TLS 1.2: RFC 7627. Always true with TLS 1.3.
    pub(crate) extended_master_secret: bool,
    pub(crate) scope: Scope,
    /// The name that the client asked for, if any.
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Option<Vec<u8>>,
    /// When the full handshake was, seconds since 1970; 0 before it was given out.
    pub(crate) authenticated: u64,
    /// When this ticket was given out, milliseconds since 1970.
    pub(crate) issued: u64,
    /// Seconds from `issued`.
    pub(crate) lifetime: u32,
    pub(crate) age_add: u32,
    /// Bytes of early data that may come with it; 0 for none.
    pub(crate) max_early_data: u32,
    /// The client's certificates, leaf first; none if it showed none.
    pub(crate) client_chain: Option<Arc<[CertificateDer<'static>]>>,
    /// notAfter of the client's leaf, seconds since 1970.
    pub(crate) expires: Option<u64>,
}

/// What the present handshake demands of a session.
pub(crate) struct Wanted<'a> {
    /// The suite that was chosen. TLS 1.3: its hash has to be the session's. TLS 1.2: it has to be the session's.
    pub(crate) suite: SupportedCipherSuite,
    pub(crate) scope: &'a Scope,
    pub(crate) server_name: Option<&'a str>,
    pub(crate) client_auth: ClientAuth,
}

/// Why a session is not resumed. The handshake is a full one then: none of it is a fault of the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotResumed {
    Suite,
    Configuration,
    ServerName,
    NoClientCertificate,
    TooOld,
    CertificateExpired,
}

impl ServerSessionValue {
    /// For a ticket or a store: versioned, and secret.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::default()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`SessionError`] for anything else.
    pub fn decode(_: &[u8]) -> Result<Self, SessionError> {
        Err(SessionError::Format)
    }

    /// How long it can be resumed, in seconds from when it is given out.
    #[must_use]
    pub fn lifetime(&self) -> u32 {
        self.lifetime
    }

    /// It is given out now. A session that goes back to no other was authenticated now as well.
    pub(crate) fn begin(&mut self, now: UnixTime) {
        if self.authenticated == 0 {
            self.authenticated = now.as_secs();
        }
        self.issued = now.as_secs().saturating_mul(1000);
    }

    /// Whether a handshake may go on from it.
    pub(crate) fn check(&self, _: &Wanted<'_>, _: UnixTime) -> Result<(), NotResumed> {
        Err(NotResumed::TooOld)
    }

    /// Whether early data that says this of the ticket's age was sent just now: its age, as the client sees it, and ours, differ by
    /// no more than 10 seconds (RFC 9846 §8.3).
    pub(crate) fn is_fresh(&self, _obfuscated_age: u32, _: UnixTime) -> bool {
        false
    }
}

impl std::fmt::Debug for ServerSessionValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerSessionValue")
            .field("suite", &self.suite.suite())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}
