//! A client's side of a session.

use std::sync::Arc;

use pki_types::{CertificateDer, ServerName, UnixTime};
use tls_codec::code_points::ProtocolVersion;
use zeroize::Zeroizing;

use super::{Scope, SessionError, SessionSecret};
use crate::suite::SupportedCipherSuite;

/// What a client knows of a session with a server. Whoever has one can resume the session: keep it where keys are kept.
#[derive(Clone)]
pub struct ClientSessionValue {
    pub(crate) suite: SupportedCipherSuite,
    pub(crate) secret: SessionSecret,
    /// TLS 1.2: RFC 7627. Always true with TLS 1.3.
    pub(crate) extended_master_secret: bool,
    pub(crate) scope: Scope,
    pub(crate) server_name: ServerName<'static>,
    pub(crate) alpn: Option<Vec<u8>>,
    /// When the full handshake was, seconds since 1970.
    pub(crate) authenticated: u64,
    /// When the ticket came, milliseconds since 1970.
    pub(crate) received: u64,
    /// Seconds from `received`.
    pub(crate) lifetime: u32,
    pub(crate) age_add: u32,
    /// TLS 1.3: the identity. TLS 1.2: the ticket of RFC 5077, or nothing.
    pub(crate) ticket: Vec<u8>,
    /// TLS 1.2 without a ticket: the session's id.
    pub(crate) session_id: Vec<u8>,
    /// Bytes of early data that may be sent with it; 0 for none.
    pub(crate) max_early_data: u32,
    /// The server's certificates, leaf first.
    pub(crate) server_chain: Arc<[CertificateDer<'static>]>,
    /// notAfter of the server's leaf, seconds since 1970.
    pub(crate) expires: u64,
}

impl ClientSessionValue {
    /// For a file or a store: versioned, and secret.
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

    /// Whether it is neither too old nor from the future, and the server's certificate has not expired.
    #[must_use]
    pub fn is_usable_at(&self, _now: UnixTime) -> bool {
        false
    }

    /// The server that it was established with.
    #[must_use]
    pub fn server_name(&self) -> &ServerName<'static> {
        &self.server_name
    }

    /// What it was established under: only a configuration with this [`session_scope`](crate::ClientConfig::session_scope)
    /// resumes it.
    #[must_use]
    pub fn scope(&self) -> &[u8; 32] {
        self.scope.bytes()
    }

    /// The version that it resumes with.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        self.suite.version()
    }

    /// Bytes of early data that the server takes with it; 0 for none.
    #[must_use]
    pub fn max_early_data(&self) -> u32 {
        self.max_early_data
    }

    /// Milliseconds since the ticket came, plus `ticket_age_add`, modulo 2^32 (RFC 9846 §4.3.11.1).
    pub(crate) fn obfuscated_age(&self, _now: UnixTime) -> u32 {
        0
    }
}

impl std::fmt::Debug for ClientSessionValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSessionValue")
            .field("suite", &self.suite.suite())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}
