//! [`ServerRuntime`]: what a server's connections use of its configuration. It selects identities,
//! and re-verifies sessions.

use std::sync::Arc;
use std::time::Duration;

use pki_types::UnixTime;
use tls_handshake::{Identity, NeedSession, Needs, ServerSessionValue};

use crate::config::clock::TimeProvider;
use crate::identity::client_hello::ClientHelloInfo;
use crate::identity::external_psk::ResolvesServerPsk;
use crate::identity::resolver::ResolvesServerCert;
use crate::resumption::server_session_lookup::SessionBackend;
use crate::verify::client::ClientCertVerifier;

#[derive(Clone, Debug)]
pub(crate) struct ServerRuntime {
    pub(crate) resolver: Arc<dyn ResolvesServerCert>,
    pub(crate) client_verifier: Arc<dyn ClientCertVerifier>,
    pub(crate) clock: Arc<dyn TimeProvider>,
    pub(crate) backend: SessionBackend,
    pub(crate) psks: Option<Arc<dyn ResolvesServerPsk>>,
    /// Re-verifies the client of a session if true; `None` leaves it to the verifier.
    pub(crate) reverify: Option<bool>,
    /// The requests that the application answers.
    pub(crate) deferred: Needs,
    /// The idle time after which records are short again, with dynamic record sizing.
    pub(crate) idle_reset: Option<Duration>,
}

impl ServerRuntime {
    /// Returns whether a session may be resumed: its client has no certificate, or need not be
    /// re-verified, or is accepted now.
    pub(crate) fn reverify(&self, session: &ServerSessionValue, now: UnixTime) -> bool {
        let reverify = self.reverify.unwrap_or_else(|| self.client_verifier.needs_reverification());
        let chain = session.client_chain().filter(|chain| reverify && !chain.is_empty());
        // A result that has expired is a rejection.
        let is_current = |until: Option<UnixTime>| until.is_none_or(|until| until >= now);
        chain.is_none_or(|chain| self.client_verifier.verify_client_cert_until(chain, now).is_ok_and(is_current))
    }

    /// Returns the identity that a full handshake would present to this client.
    pub(crate) fn identity_for(&self, need: &NeedSession) -> Option<Arc<Identity>> {
        // Decoding the ClientHello a second time costs a measurable part of a TLS 1.2 resumption.
        if let Some(identity) = self.resolver.resolve_for_all() {
            return Some(identity);
        }
        let client_hello = need.client_hello().ok()?;
        let can_use = |identity: &Identity| need.can_use(identity);
        self.resolver.resolve(&ClientHelloInfo::new(&client_hello, need.raw_client_hello(), &can_use)).ok()
    }
}
